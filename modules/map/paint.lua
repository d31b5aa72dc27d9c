-- Pictures made of looks: graphs of three uint8 bands, and legends. SPDX-License-Identifier: MIT
--
-- Statistics are taken when a picture or a legend is asked for: once, over the whole native grid,
-- never per block. What is made of them are graphs of ordinary operations.
local core, colors = ...

local type, pairs, ipairs = type, pairs, ipairs
local mtype, huge, floor, abs, sqrt = math.type, math.huge, math.floor, math.abs, math.sqrt
local sort = table.sort
local hex = colors.hex
local methods = core.methods

local DARK = "#404040" -- what is false
local MOST_LOOKUP = 4096 -- classes above are found by comparing

local paint = {}

-- A limit is a number, or one per band
local function at_band(x, i) return type(x) == "table" and x[i] or x end
paint.at_band = at_band

-- --------------------------------------------------------------------------- from values to 0 .. n

local SLICES = 500 -- of the sorted values: their middles have nearly the mean and spread of all

local function sigma_ranges(img, k)
  local middles = {}
  for i = 1, SLICES do middles[i] = (i - 0.5) / SLICES * 100 end
  local list = core.percentiles(img, middles)
  for b, x in ipairs(list) do
    local mean, var = 0.0, 0.0
    for i = 1, SLICES do mean = mean + x[i] / SLICES end
    for i = 1, SLICES do var = var + (x[i] - mean) ^ 2 / SLICES end
    list[b] = { mean - k * sqrt(var), mean + k * sqrt(var) }
  end
  return list
end

-- { lo, hi } per band of img; lo == hi is possible
local function ranges(img, looks)
  local s, r, stats = looks.stretch, {}, nil
  for i = 1, #img do
    local lo, hi = at_band(looks.min, i), at_band(looks.max, i)
    if not (lo and hi) then
      stats = stats or s and s.sigma and sigma_ranges(img, s.sigma)
        or core.percentiles(img, s and s.percent or { 2, 98 })
      local a, b = stats[i][1], stats[i][2]
      if a ~= a then a, b = hi or lo or 0, lo or hi or 1 end -- nothing is valid
      lo, hi = lo or (hi and hi < a and hi or a), hi or (lo and lo > b and lo or b)
    end
    r[i] = { lo + 0.0, hi + 0.0 }
  end
  return r
end

-- 0 .. n, whole numbers: lo and below become 0, hi and above n; a constant is in the middle
local function steps(x, lo, hi, n)
  if lo >= hi then
    local half = abs(lo) * 1e-6 > 0.5 and abs(lo) * 1e-6 or 0.5
    lo, hi = lo - half, hi + half
  end
  if (hi - lo) * n == huge then -- 2 ^ -12 keeps all digits
    x, lo, hi = core.mul(x, 0x1p-12), lo * 0x1p-12, hi * 0x1p-12
  end
  local above = core.sub(core.min(core.max(x, lo), hi), lo)
  -- Multiplied first: exact for whole numbers, so that .5 is .5
  return core.astype(core.div(core.mul(above, n + 0.0), hi - lo), n > 255 and "uint16" or "uint8")
end

-- ---------------------------------------------------------------------------------------- pictures

local function one_band(img, i) return core.pick(img, { i }, { img:bands()[i] }) end

local function join(red, green, blue)
  local all = core.stack(core.stack(red, green), blue)
  return core.pick(all, { 1, 2, 3 }, { "red", "green", "blue" })
end

-- The colours of a whole-number image by entry 0 .. last; what has none, or one that cannot be
-- seen, is invalid.
local function by_table(index, entry, last)
  local channel = {}
  for c = 1, 3 do
    local t = {}
    for i = 0, last do
      if entry[i] and entry[i][4] > 0 then t[i] = floor(entry[i][c] + 0.5) end
    end
    channel[c] = core.lookup(index, t, last + 1)
  end
  return join(channel[1], channel[2], channel[3])
end

local function ramp_picture(pic)
  local g, entry = pic.gamma, {}
  local n = g == 1 and 255 or 1023
  for i = 0, n do
    entry[i] = colors.at(pic.stops, g == 1 and i / n or (i / n) ^ (1 / g))
  end
  return by_table(steps(pic.image, pic.lo, pic.hi, n), entry, n)
end

local function class_picture(pic)
  local x, entry, last, direct = pic.image, {}, 0, core.info(pic.image)[1].type ~= "float"
  for _, e in ipairs(pic.entries) do
    direct = direct and mtype(e.value) == "integer" and e.value >= 0 and e.value < MOST_LOOKUP
  end
  if direct then
    if core.info(x)[1].type == "boolean" then x = core.add(x, 0) end
    for _, e in ipairs(pic.entries) do
      entry[e.value], last = colors.parse(e.color), e.value
    end
    return by_table(x, entry, last)
  end
  local index
  for i, e in ipairs(pic.entries) do
    index = core.where(core.eq(x, e.value), i, index or 0)
    entry[i], last = colors.parse(e.color), i
  end
  return by_table(index, entry, last)
end

local function rgb_picture(pic)
  local g, channel = pic.gamma, {}
  for i, r in ipairs(pic.ranges) do
    local x = one_band(pic.image, i)
    if g ~= 1 then
      local t = {}
      for k = 0, 1023 do t[k] = floor(255 * (k / 1023) ^ (1 / g) + 0.5) end
      channel[i] = core.lookup(steps(x, r[1], r[2], 1023), t, 1024)
    elseif core.info(x)[1].dtype == "uint8" and r[1] == 0 and r[2] == 255 then
      channel[i] = x
    else
      channel[i] = steps(x, r[1], r[2], 255)
    end
  end
  return join(channel[1], channel[2], channel[3])
end

local painters = { ramp = ramp_picture, classes = class_picture, rgb = rgb_picture }

-- ----------------------------------------------------------------------- what picture a look means

local function turn(stops, keep_places)
  local r, n = {}, #stops
  for i, s in ipairs(stops) do
    local t = stops[n + 1 - i]
    r[i] = { at = keep_places and s.at or 1 - t.at, color = t.color }
  end
  return r
end

local function ramp_of(img, looks, stops)
  local r
  if #stops == 1 or core.info(img)[1].type == "boolean" then
    r = { { at_band(looks.min, 1) or 0, at_band(looks.max, 1) or 1 } } -- nothing to measure
  else
    r = ranges(img, looks)
  end
  if looks.reverse then stops = turn(stops) end
  local lo, hi = r[1][1] + 0.0, r[1][2] + 0.0
  return { type = "ramp", image = img, stops = stops, lo = lo, hi = hi, gamma = looks.gamma or 1 }
end

local function placed(img, looks)
  local list, stops = looks.palette, {}
  local lo, hi = list[1].at, list[#list].at
  for i, s in ipairs(list) do
    stops[i] = { at = (s.at - lo) / (hi - lo), color = colors.parse(s.color) }
  end
  if looks.reverse then stops = turn(stops, true) end
  return { type = "ramp", image = img, stops = stops, lo = lo, hi = hi, gamma = looks.gamma or 1 }
end

local function yes_no(img, yes)
  return { type = "classes", image = img, entries = {
    { value = 0, color = DARK, label = "false" }, { value = 1, color = yes, label = "true" },
  } }
end

-- The file's palette, unless a stretch was asked for
local function file_classes(img, looks)
  local list, entries = core.info(img)[1].colors, {}
  if not list or looks.min or looks.max or looks.stretch or looks.gamma then return nil end
  for value, c in pairs(list) do entries[#entries + 1] = { value = value, color = c } end
  sort(entries, function(a, b) return a.value < b.value end)
  return { type = "classes", image = img, entries = entries, from_file = true }
end

local function single(img, looks)
  local p, is_boolean = looks.palette, core.info(img)[1].type == "boolean"
  if p and p[1].value then return { type = "classes", image = img, entries = p } end
  if p and p[1].at then return placed(img, looks) end
  if is_boolean and (p and #p == 1 or not (p or looks.ramp)) then
    return yes_no(img, p and p[1] or "#ffffff")
  end
  if p then return ramp_of(img, looks, colors.spread(p)) end
  if looks.ramp then return ramp_of(img, looks, colors.ramp(looks.ramp)) end
  return file_classes(img, looks) or ramp_of(img, looks, colors.ramp "gray")
end

local function picture_of(img, looks)
  local bands = looks.rgb
  if not bands and #img >= 3 and not looks.palette and not looks.ramp then
    local all = img:bands()
    bands = { all[1], all[2], all[3] }
  end
  if not bands then return single(one_band(img, 1), looks) end
  local three = methods.select(img, bands)
  return { type = "rgb", image = three, bands = bands, ranges = ranges(three, looks),
    gamma = looks.gamma or 1 }
end

function paint.visualize(img, looks)
  local pic = picture_of(img, looks)
  local r = painters[pic.type](pic)
  return core.with_looks(r, { rgb = { "red", "green", "blue" }, min = 0, max = 255 })
end

-- ----------------------------------------------------------------------------------------- legends

local function ramp_legend(pic)
  if #pic.stops == 1 then
    local c = hex(pic.stops[1].color)
    return { type = "classes", entries = { { color = c, label = pic.image:bands()[1] } } }
  end
  local stops = {}
  for i, s in ipairs(pic.stops) do
    local t = pic.gamma == 1 and s.at or s.at ^ pic.gamma
    local value = i == #pic.stops and pic.hi or pic.lo + t * (pic.hi - pic.lo)
    stops[i] = { value = value, color = hex(s.color) }
  end
  return { type = "ramp", min = pic.lo, max = pic.hi, stops = stops }
end

local function class_legend(pic)
  local entries = {}
  for _, e in ipairs(pic.entries) do
    -- palettes of files have 256 entries, most of them unused and black
    if not (pic.from_file and e.color == "#000000") then
      entries[#entries + 1] = { value = e.value, color = e.color, label = e.label }
    end
  end
  return { type = "classes", entries = entries }
end

local function rgb_legend(pic)
  local stretch = {}
  for i, r in ipairs(pic.ranges) do stretch[i] = { min = r[1], max = r[2] } end
  local gamma = pic.gamma ~= 1 and pic.gamma or nil
  return { type = "rgb", bands = pic.bands, stretch = stretch, gamma = gamma }
end

local legends = { ramp = ramp_legend, classes = class_legend, rgb = rgb_legend }

function paint.legend(img, looks)
  local pic = picture_of(img, looks)
  return legends[pic.type](pic)
end

return paint
