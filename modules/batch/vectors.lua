-- Features of cells, and cells of features. SPDX-License-Identifier: MIT
local core = ...

local type, pairs, setmetatable, getmetatable = type, pairs, setmetatable, getmetatable
local format = string.format
local raise, methods, check = core.raise, core.methods, core.options.check

-- ---------------------------------------------------------------------------------------- features

-- What polygonize and contours give: GeoJSON, in the coordinates of the image
local meta = { __name = "Features" }
meta.__index = meta
meta.__len = function(f) return f.count end
meta.__tostring = function(f)
  return format("%d feature%s", f.count, f.count == 1 and "" or "s")
end

local function is_features(x) return type(x) == "table" and getmetatable(x) == meta end

core.files[meta] = function(f) return f.geojson, "geojson" end

local function one_band(what, img)
  if #img:bands() ~= 1 then
    raise(format("%s takes an Image of one band, this has %s", what, core.band_list(img)))
  end
end

local function vectorize(img, what, o)
  one_band(what, img)
  local text, count = core.vectorize(img, what, o)
  return setmetatable({ geojson = text, count = count }, meta)
end

-- polygonize{connect = 4 | 8, crs =, res =}
function methods.polygonize(img, given)
  local o = check("polygonize", given, { connect = true, crs = true, res = true })
  o.connect = o.connect or 4
  if o.connect ~= 4 and o.connect ~= 8 then raise "polygonize: connect is 4 or 8" end
  return vectorize(img, "polygonize", o)
end

-- contours{interval =, base =} or contours{levels = {...}}
function methods.contours(img, given)
  local o = check("contours", given, { interval = true, base = true, levels = true, crs = true,
    res = true })
  if (o.interval == nil) == (o.levels == nil) then
    raise "contours: interval = n or levels = {...} says where the lines are"
  end
  if o.levels and (type(o.levels) ~= "table" or #o.levels == 0) then
    raise "contours: levels is a list of numbers"
  end
  for _, v in pairs(o.levels or { o.interval, o.base }) do
    if type(v) ~= "number" then raise "contours: levels, interval and base are numbers" end
  end
  return vectorize(img, "contours", o)
end

-- rasterize(features, {value = 1 | attribute = name, touched = true}): on the grid of the image
function methods.rasterize(img, features, given)
  local o = check("rasterize", given, { value = true, attribute = true, touched = true })
  if o.value ~= nil and o.attribute ~= nil then raise "rasterize: value or attribute, not both" end
  if o.attribute ~= nil and type(o.attribute) ~= "string" then
    raise "rasterize: attribute is a name"
  end
  if o.value == nil and not o.attribute then o.value = 1 end
  if o.value ~= nil and type(o.value) ~= "number" then raise "rasterize: value is a number" end
  if is_features(features) then features = features.geojson end
  local grid = core.mul(methods.select(methods.cells(img), "inside"), 0)
  return methods.rename(core.add(grid, core.burn(features, o)), o.attribute or "value")
end
