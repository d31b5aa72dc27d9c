-- Terrain: what elevations say of their neighbourhood of 3 x 3 cells. SPDX-License-Identifier: MIT
--
-- The neighbours of a cell are numbered as they are written, from the north-west:
--   0 1 2
--   3 4 5
--   6 7 8
-- Formulas are those of gdaldem, and so is their arithmetic: elevations that are floats count as
-- float32, and so do their sums and differences.
local core = ...

local methods, raise = core.methods, core.raise
local ipairs = ipairs
local pi, sin, cos, rad = math.pi, math.sin, math.cos, math.rad

local DEGREES = 180 / pi

-- --------------------------------------------------------------------------------------- options

local options = core.options
local check, is_number = options.check, options.is_number
local one_of, flag, number, above_0 = options.one_of, options.flag, options.number, options.above_0

local method = one_of("horn", "zevenbergen")

-- ------------------------------------------------------------------------------------- arithmetic

local function is_float(x) return core.info(x)[1].type == "float" end

local function rounded(x) return is_float(x) and core.astype(x, "float32") or x end

local function add(a, ...)
  for _, b in ipairs { ... } do a = rounded(core.add(a, b)) end
  return a
end

local function sub(a, b) return rounded(core.sub(a, b)) end

-- ------------------------------------------------------------------------------------- neighbours

-- Cells that are displaced; invalid where one of the nine is
local function plain(img)
  local w, valid = {}, nil
  for k = 0, 8 do
    w[k] = core.near(img, k % 3 - 1, k // 3 - 1)
    local v = core.isvalid(w[k])
    valid = valid and core["and"](valid, v) or v
  end
  return w, valid
end

-- Beyond the edge of the file along the line of the next two cells; an invalid one is as high as
-- the middle
local function extended(img, minus)
  local inside = methods.ne(methods.cells(img):select "inside", 0)
  local function at(dx, dy) return core.near(img, dx, dy) end
  local function outside(dx, dy) return core["not"](core.near(inside, dx, dy)) end
  local function beyond(a, b) return minus(core.mul(a, 2), b) end
  local north, south, west, east = outside(0, -1), outside(0, 1), outside(-1, 0), outside(1, 0)
  local w = {}
  for k = 0, 8 do
    local dx, dy = k % 3 - 1, k // 3 - 1
    local x = at(dx, dy)
    local side = dx < 0 and west or dx > 0 and east
    local end_ = dy < 0 and north or dy > 0 and south
    if side then
      -- In the first and the last row the column of the middle stands for the one beside it
      local middle = at(0, dy)
      local along = core.where(core["or"](north, south), middle, beyond(middle, at(-dx, dy)))
      x = core.where(side, along, x)
    end
    if end_ then
      local column, opposite = at(dx, 0), at(dx, -dy)
      if side then
        column, opposite = core.where(side, img, column), core.where(side, at(0, -dy), opposite)
      end
      x = core.where(end_, beyond(column, opposite), x)
    end
    w[k] = k == 4 and img or core.unmask(x, img)
  end
  return w, core.isvalid(img)
end

local function neighbours(img, o, exact)
  if not exact then img = rounded(img) end
  if o.edges then return extended(img, exact and core.sub or sub) end
  return plain(img)
end

-- Metres from west to east and from north to south, numbers of the file's grid or Images
local function cell_size(img, o)
  if o.scale then
    local g = methods.grid(img)
    return g.dx * o.scale, g.dy * o.scale
  end
  local cells = methods.cells(img)
  return cells:select "width", cells:select "height"
end

-- Rise to the east and to the south, in metres per metre, times `divisor`
local function gradient(w, width, height, o)
  if o.method == "zevenbergen" then return sub(w[5], w[3]) / width, sub(w[7], w[1]) / height, 2 end
  local function side(a, b, c) return add(w[a], w[b], w[b], w[c]) end
  return sub(side(2, 5, 8), side(0, 3, 6)) / width, sub(side(6, 7, 8), side(0, 1, 2)) / height, 8
end

-- The same rises, summed as gdaldem sums them for the hillshade of square cells
local function by_differences(w, width, height)
  local across, down = sub(w[0], w[8]), sub(w[6], w[2])
  local west, north = sub(w[3], w[5]), sub(w[1], w[7])
  local x, y = add(across, west, west, down), sub(add(across, north, north), down)
  return -x / width, -y / height, 8
end

local function done(x, valid) return core.keep(x, valid) end

-- ------------------------------------------------------------------------------------------ slope

local slope_options = { unit = one_of("degrees", "percent", "radians"), method = method,
  edges = flag, scale = above_0 }

function methods.slope(img, given)
  local o = check("slope", given, slope_options)
  local w, valid = neighbours(img, o)
  local width, height = cell_size(img, o)
  local x, y, divisor = gradient(w, width, height, o)
  local rise = core.sqrt(x * x + y * y) / divisor
  if o.unit == "percent" then return done(rise * 100, valid) end
  local angle = core.atan(rise)
  return done(o.unit == "radians" and angle or angle * DEGREES, valid)
end

-- ----------------------------------------------------------------------------------------- aspect

local aspect_options = { method = method, edges = flag, scale = above_0, flat = number,
  trigonometric = flag }

function methods.aspect(img, given)
  local o = check("aspect", given, aspect_options)
  local w, valid = neighbours(img, o)
  local width, height = 1, 1
  if not o.scale then width, height = cell_size(img, o) end
  local x, y = gradient(w, width, height, o)
  local angle = core.atan2(y, -x) * DEGREES
  if o.trigonometric then
    angle = core.where(core.lt(angle, 0), angle + 360, angle)
  else
    angle = core.where(core.gt(angle, 90), core.sub(450, angle), core.sub(90, angle))
  end
  angle = core.where(core.eq(angle, 360), 0.0, angle)
  local level = core["and"](core.eq(x, 0), core.eq(y, 0))
  if o.flat then return done(core.where(level, o.flat + 0.0, angle), valid) end
  return done(core.keep(angle, core["not"](level)), valid)
end

-- -------------------------------------------------------------------------------------- hillshade

local function angle_to(most)
  return function(x)
    return not (is_number(x) and x >= 0 and x <= most) and "0 to " .. most or nil
  end
end
local shade_options = { azimuth = angle_to(360), altitude = angle_to(90), z = above_0,
  method = method, edges = flag, scale = above_0, multidirectional = flag }

-- 1 .. 255
local function as_bytes(x, valid)
  return done(core.astype(core.floor(x + 0.5), "uint8"), valid)
end

local function one_light(x, y, steep, o)
  local high, from = rad(o.altitude or 45), rad(o.azimuth or 315)
  local light = y * (254 * cos(from) * cos(high)) - x * (254 * sin(from) * cos(high))
    + 254 * sin(high)
  return core.max(light / steep, 0) + 1
end

-- Four lights, from 225, 270, 315 and 360 degrees, each by how much the slope faces across it
local function four_lights(x, y, steep, o)
  local high = rad(o.altitude or 45)
  local up, flat, slant = 127 * sin(high), 127 * cos(high), 127 * cos(high) * cos(rad(45))
  local function lit(v) return core.max(v + up, 0) end
  local xx, yy, xy = x * x, y * y, x * y
  local all = xx + yy
  local w225 = all * 0.5 - xy
  local sum = w225 * lit((x - y) * slant) + xx * lit(x * flat)
    + (all - w225) * lit((x + y) * slant) + yy * lit(y * flat)
  local shade = sum / all / steep + 1
  return core.where(core.eq(all, 0), 254 * sin(high) + 1, shade)
end

function methods.hillshade(img, given)
  local o = check("hillshade", given, shade_options)
  if o.multidirectional and o.azimuth then raise "hillshade: many lights have no azimuth" end
  local w, valid = neighbours(img, o)
  local width, height = cell_size(img, o)
  local g = methods.grid(img)
  local square = g.dx == g.dy and o.method ~= "zevenbergen" and not o.multidirectional
  local x, y, divisor = (square and by_differences or gradient)(w, width, height, o)
  x, y = x * ((o.z or 1) / divisor), y * ((o.z or 1) / divisor)
  local steep = core.sqrt(x * x + y * y + 1)
  local shade = o.multidirectional and four_lights or one_light
  return as_bytes(shade(x, y, steep, o), valid)
end

-- ---------------------------------------------------------------------------------- unevenness

local edges_only = { edges = flag }

-- Terrain ruggedness: riley, the root of the sum of the squared differences to the eight; wilson,
-- the mean of their sizes
function methods.tri(img, given)
  local o = check("tri", given, { method = one_of("riley", "wilson"), edges = flag })
  local w, valid = neighbours(img, o)
  local sum
  for k = 0, 8 do
    if k ~= 4 then
      local d = core.add(sub(w[k], w[4]), 0.0)
      local one = o.method == "wilson" and core.abs(d) or d * d
      sum = sum and sum + one or one
    end
  end
  return done(o.method == "wilson" and sum / 8 or core.sqrt(sum), valid)
end

-- Topographic position: above the mean of the eight
function methods.tpi(img, given)
  local w, valid = neighbours(img, check("tpi", given, edges_only))
  local sum = add(w[0], w[1], w[2], w[3], w[5], w[6], w[7], w[8])
  return done(sub(w[4], sum / 8), valid)
end

-- The highest of the nine above the lowest
function methods.roughness(img, given)
  local w, valid = neighbours(img, check("roughness", given, edges_only))
  local hi, lo = w[0], w[0]
  for k = 1, 8 do hi, lo = core.max(hi, w[k]), core.min(lo, w[k]) end
  return done(hi - lo, valid)
end

-- ------------------------------------------------------------------------------------- curvature

local curvature_options = { kind = one_of("total", "profile", "plan"), edges = flag,
  scale = above_0 }

-- Of a surface through the nine, in 1/100 per metre; above 0 where it is convex
function methods.curvature(img, given)
  local o = check("curvature", given, curvature_options)
  local w, valid = neighbours(img, o, true)
  local width, height = cell_size(img, o)
  local d = ((w[3] + w[5]) / 2 - w[4]) / width / width
  local e = ((w[1] + w[7]) / 2 - w[4]) / height / height
  if not o.kind or o.kind == "total" then return done((d + e) * -200, valid) end
  local f = (w[2] + w[6] - w[0] - w[8]) / 4 / width / height
  local g, h = (w[5] - w[3]) / 2 / width, (w[1] - w[7]) / 2 / height
  local steep = g * g + h * h
  local sum
  if o.kind == "profile" then sum = (d * g * g + e * h * h + f * g * h) * -200
  else sum = (d * h * h + e * g * g - f * g * h) * 200 end
  return done(core.where(core.eq(steep, 0), 0.0, sum / steep), valid)
end
