-- Features of cells, and cells of features. SPDX-License-Identifier: MIT
local core = ...

local type, pairs, ipairs, setmetatable, getmetatable = type, pairs, ipairs, setmetatable, getmetatable
local format, concat = string.format, table.concat
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

-- ---------------------------------------------------------------------------------------- as files

local known = { format = core.options.one_of("geojson", "gpkg", "fgb", "csv") }

local function file_of(geojson, name, kind)
  if kind == "geojson" then return geojson, kind end
  return core.feature_file(geojson, kind, name), kind
end

core.files[meta] = { options = known, bytes = function(f, o, name)
  return file_of(f.geojson, name, o.format or "geojson")
end }

local function json(x) return (core.json_text(x):gsub("\n$", "")) end

-- Where a row lies: its column "geometry", GeoJSON as a text, else "lon" and "lat"
local function place_of(row)
  if type(row.geometry) == "string" then return row.geometry end
  if type(row.lon) == "number" and type(row.lat) == "number" then
    return json { type = "Point", coordinates = { row.lon, row.lat } }
  end
end

local function feature(row, columns)
  local list = {}
  for _, key in ipairs(columns) do
    local v = row[key]
    if key ~= "geometry" and v ~= nil and v == v then list[#list + 1] = json(key) .. ":" .. json(v) end
  end
  return format('{"type":"Feature","properties":{%s},"geometry":%s}', concat(list, ","),
    place_of(row) or "null")
end

local function geojson_of(rows, name)
  local columns, list, placed = core.columns_of(rows), {}, false
  for i, row in ipairs(rows) do
    placed = placed or place_of(row) ~= nil
    list[i] = feature(row, columns)
  end
  if #list > 0 and not placed then
    raise(format('output("%s"): these rows have no place: they need a column "geometry", which zonal ' ..
      'gives with geometries = true, or "lon" and "lat"', name))
  end
  return '{"type":"FeatureCollection","features":[\n' .. concat(list, ",\n") .. "\n]}\n"
end

core.row_files = { options = known, bytes = function(rows, o, name)
  if (o.format or "csv") == "csv" then return core.rows_text(rows), "csv" end
  return file_of(geojson_of(rows, name), name, o.format)
end }

-- ------------------------------------------------------------------------------ cells into features

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

-- ------------------------------------------------------------------------------ features into cells

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
