-- What depends on the whole Image: connected components, the sieve, distances.
-- SPDX-License-Identifier: MIT
local core = ...

local methods, raise, options = core.methods, core.raise, core.options
local ipairs, tostring, format = ipairs, tostring, string.format

local connectivity, from_1 = options.one_of(4, 8), options.whole_from(1)

-- f(band) of each band, under its name
local function each_band(img, f)
  local r
  for i, b in ipairs(core.info(img)) do
    local one = methods.rename(f(core.pick(img, { i }, { b.name }), b), b.name)
    r = r and core.stack(r, one) or one
  end
  return r
end

-- ------------------------------------------------------------------------------------- components

local known = { connectivity = connectivity, min_size = from_1, max_size = from_1 }

-- Both bands of one component image, so that what asks for both computes them once
local function of_band(one, o)
  local both = core.whole(one, "components", o.connectivity == 8)
  local number, size = core.pick(both, { 1 }, { "components" }), core.pick(both, { 2 }, { "size" })
  local function within(x)
    if o.min_size then x = core.keep(x, core.ge(size, o.min_size)) end
    if o.max_size then x = core.keep(x, core.le(size, o.max_size)) end
    return x
  end
  return number, size, within
end

function methods.components(img, given)
  local o = options.check("components", given, known)
  return each_band(img, function(one)
    local number, _, within = of_band(one, o)
    return within(number)
  end)
end

function methods.component_size(img, given)
  local o = options.check("component_size", given, known)
  return each_band(img, function(one)
    local _, size, within = of_band(one, o)
    return within(size)
  end)
end

-- ------------------------------------------------------------------------------------------ sieve

function methods.sieve(img, cells, given)
  local o = options.check("sieve", given, { connectivity = connectivity })
  if from_1(cells) then
    raise(format("sieve: the least number of cells is a whole number from 1, got %s",
      tostring(cells)))
  end
  return each_band(img, function(one, b)
    local r = core.whole(one, "sieve", o.connectivity == 8, cells)
    return b.type == "boolean" and methods.ne(r, 0) or r
  end)
end

-- --------------------------------------------------------------------------------------- distance

local unit = options.one_of("cells", "metres")
local known_distance = { max = options.above_0,
  unit = function(x) return x ~= "meters" and unit(x) or nil end }

-- To the nearest cell that is valid and true, or not 0
function methods.distance(img, given)
  local o = options.check("distance", given, known_distance)
  local metres = o.unit == "metres" or o.unit == "meters"
  return each_band(img, function(one, b)
    local is_there = core.unmask(b.type == "boolean" and one or methods.ne(one, 0), false)
    return core.whole(is_there, "distance", false, 0, o.max or 0, metres)
  end)
end

-- ----------------------------------------------------------------------------------------- texture

local places = { [0] = 0, [45] = 1, [90] = 2, [135] = 3 }
local within = options.whole_within
local known_glcm = { levels = within(2, 64), size = within(1, 15), step = within(1, 30),
  min = options.number, max = options.number, direction = options.one_of(0, 45, 90, 135) }

-- Grey levels from 0 to levels - 1, of equal width from min to max; what lies beyond is at the ends
local function levels_of(one, b, o, levels)
  if b.type ~= "float" and not o.min and not o.max and b.min >= 0 and b.max < levels then
    return one
  end
  if not o.min or not o.max or o.min >= o.max then
    raise(format("glcm: band '%s' is not known to hold %d levels: give min and max, which are "
      .. "divided into so many", b.name, levels))
  end
  local x = core.floor(core.mul(core.sub(one, o.min), levels / (o.max - o.min)))
  x = core.astype(core.min(core.max(x, 0), levels - 1), "uint8")
  return core.min(x, levels - 1) -- says so to what knows ranges of whole numbers alone
end

function methods.glcm(img, given)
  local o, r = options.check("glcm", given, known_glcm), nil
  local levels, size = o.levels or 32, o.size or 1
  if (o.step or 1) > 2 * size then raise "glcm: step is at most twice the size" end
  for i, b in ipairs(core.info(img)) do
    local one = levels_of(core.pick(img, { i }, { b.name }), b, o, levels)
    local f = core.whole(one, "glcm", false, 0, 0, false, levels, size, o.step or 1,
      places[o.direction] or -1)
    if #img > 1 then
      local names = {}
      for k, name in ipairs(methods.bands(f)) do names[k] = b.name .. "_" .. name end
      f = methods.rename(f, names)
    end
    r = r and core.stack(r, f) or f
  end
  return r
end
