-- Other systems' names for what Tellua does: JEO-lab's and Google Earth Engine's, openEO's where
-- they differ. Permanent, and on equal terms. SPDX-License-Identifier: MIT
--
-- [name] = {canonical name, adapter or nil}, of Collections and of Images. An adapter gets the
-- object and the arguments, and returns the arguments of the canonical method; or is the method
-- itself, when `call` is set. Bands count from 1 whatever the name.
local core, C, globals = ...

local ipairs, pairs, type, tostring, select = ipairs, pairs, type, tostring, select
local format, unpack = string.format, table.unpack
local raise = core.raise

local function zero(what, ...)
  for i = 1, select("#", ...) do
    local x = select(i, ...)
    if x == 0 then raise(what .. ": bands count from 1; did you mean 1, the first?") end
    if type(x) == "table" then zero(what, unpack(x)) end
  end
  return ...
end

local function list_of(...)
  local first = ...
  return type(first) == "table" and first or { ... }
end

-- Both ends of JEO-lab's dates belong to the interval, as those of filter_day do.
local function both_ends(_, ...)
  local n = select("#", ...)
  if n ~= 6 and n ~= 3 and n ~= 2 and n ~= 1 then
    raise "filterOnDate takes two dates: (2017, 10, 1, 2017, 10, 31), the last day included"
  end
  return ...
end

local function corners(_, w, s, e, n) -- from either corner
  if type(s) == "number" and type(n) == "number" and s > n then s, n = n, s end
  return w, s, e, n
end

local function is_box(x) return type(x) == "table" and #x == 4 and type(x[1]) == "number" end

local function by_bounds(c, first, ...)
  if is_box(first) or type(first) == "number" then return c:filter_bbox(first, ...) end
  return c:filter_geometry(first, ...)
end

local function by_location(c, first, second)
  if type(first) == "number" then return c:filter_bbox(first, second, first, second) end
  return c:filter_geometry(first)
end

local of_collection = {
  -- JEO-lab
  filterOnGeoName = { "filter_place" },
  filterOnDay = { "filter_day" },
  filterOnDate = { "filter_day", both_ends },
  filterOnRect = { "filter_bbox", corners },
  filterOnLocation = { "filter_geometry", by_location, call = true },
  filterOn = { "filter" },
  process = { "mosaic" },
  processMulti = { "mosaic", function(_, ...) return list_of(...) end },
  bands = { "select" },
  -- Google Earth Engine
  filterDate = { "filter_date" },
  calendarRange = { "filter_calendar", function(_, from, to, unit) -- both ends belong to it
    local numbers = {}
    for k = from, to or from do numbers[#numbers + 1] = k end
    return { [({ day_of_month = "days", month = "months", year = "years" })[unit or "month"]
      or raise "calendarRange knows day_of_month, month and year"] = numbers }
  end },
  filterBounds = { "filter_bbox", by_bounds, call = true },
  filterMetadata = { "filter" },
  qualityMosaic = { "quality_mosaic" },
  toBands = { "stack" },
  stdDev = { "stddev" },
  linearFit = { "linear_trend" },
  sensSlope = { "sen_slope" },
  kendallsCorrelation = { "mann_kendall" },
  -- openEO and xarray
  filter_temporal = { "filter_date" },
  filter_spatial = { "filter_geometry" },
  filter_bands = { "select" },
  max_cloud_cover = { "filter_cloud" },
  aggregate_temporal_period = { "group_by" },
  std = { "stddev" },
  climatological_normal = { "climatology" },
  array_interpolate_linear = { "interpolate_time" },
}

local arithmetic = { ["+"] = "add", ["-"] = "sub", ["*"] = "mul", ["/"] = "div", ["//"] = "idiv",
  ["%"] = "mod", ["^"] = "pow", ["**"] = "pow" }
local bits = { ["and"] = "logical_and", ["or"] = "logical_or", ["xor"] = "logical_xor",
  ["&"] = "logical_and", ["|"] = "logical_or", ["^"] = "logical_xor" }

local function by_sign(name, signs)
  return function(img, sign, x)
    local method = signs[sign]
    if not method then
      local known = {}
      for s in pairs(signs) do known[#known + 1] = s end
      table.sort(known)
      raise(format("%s: '%s' is none of %s", name, tostring(sign), table.concat(known, " ")))
    end
    return core.methods[method](img, x)
  end
end

local names_of = core.methods.bands

local function to_type(name)
  return function() return name end
end

-- Cells are counted up to a limit, 100 unless it is given, over 8 neighbours unless that is false
local function connected_pixel_count(img, most, eight)
  local size = core.methods.component_size(img, { connectivity = eight == false and 4 or 8 })
  return core.min(size, most or 100)
end

local function glcm_texture(img, size)
  return core.methods.glcm(img, { size = size, levels = 64 })
end

-- In cells, squared, from a window of that radius
local function fast_distance_transform(img, radius)
  local d = core.methods.distance(img, { max = radius or 256 })
  return core.round(core.mul(d, d))
end

local of_image = {
  -- JEO-lab
  maskLT = { "mask_lt" }, maskLTE = { "mask_le" }, maskLE = { "mask_le" },
  maskGT = { "mask_gt" }, maskGTE = { "mask_ge" }, maskGE = { "mask_ge" },
  maskEQ = { "mask_eq" }, maskNE = { "mask_ne" }, maskRange = { "mask_range" },
  addBand = { "stack" },
  colorMap = { "palette" },
  math = { "add", by_sign("math", arithmetic), call = true },
  arith = { "add", by_sign("arith", arithmetic), call = true },
  bitwise = { "logical_and", by_sign("bitwise", bits), call = true },
  bands = { "bands", function(img, ...)
    if select("#", ...) == 0 then return names_of(img) end
    return core.methods.select(img, zero("bands", ...))
  end, call = true },
  -- Google Earth Engine
  updateMask = { "mask" },
  selfMask = { "self_mask" },
  addBands = { "stack" },
  reduceToVectors = { "polygonize" },
  unitScale = { "rescale" },
  expression = { "expr" },
  clip = { "clip_to", function(img, a, b) -- openEO's is of numbers, GEE's of a shape
    if type(a) == "number" then return core.methods.clamp(img, a, b) end
    return core.methods.clip_to(img, a)
  end, call = true },
  focalMean = { "focal_mean" }, focalMedian = { "focal_median" }, focalMin = { "focal_min" },
  focalMax = { "focal_max" }, focalMode = { "focal_mode" },
  toByte = { "astype", to_type "uint8" }, toInt16 = { "astype", to_type "int16" },
  toUint16 = { "astype", to_type "uint16" }, toInt32 = { "astype", to_type "int32" },
  toFloat = { "astype", to_type "float32" }, toDouble = { "astype", to_type "float64" },
  -- openEO
  absolute = { "abs" }, power = { "pow" }, ln = { "log" }, arcsin = { "asin" },
  arccos = { "acos" }, arctan = { "atan" }, arctan2 = { "atan2" },
  apply_kernel = { "convolve" },
  linear_scale_range = { "rescale", function(img, lo, hi, a, b)
    local m = core.methods
    return m.rescale(m.clamp(img, lo, hi), lo, hi, a, b)
  end, call = true },
  normalizedDifference = { "normalized_difference", function(_, a, b)
    if type(a) == "table" then a, b = a[1], a[2] end
    return a, b
  end },
  connectedComponents = { "components" },
  connectedPixelCount = { "component_size", connected_pixel_count, call = true },
  fastDistanceTransform = { "distance", fast_distance_transform, call = true },
  glcmTexture = { "glcm", glcm_texture, call = true },
  label = { "components" }, -- pyjeo
}

local function install(methods, aliases)
  for name, a in pairs(aliases) do
    local canonical, adapter = a[1], a[2]
    if a.call then methods[name] = adapter
    elseif adapter then
      methods[name] = function(x, ...) return methods[canonical](x, adapter(x, ...)) end
    else methods[name] = methods[canonical] end
  end
end

install(C.methods, of_collection)
install(core.methods, of_image)
for _, name in ipairs { "updateMask", "normalizedDifference", "maskLT", "maskLTE", "maskGT",
  "maskGTE", "maskEQ", "maskRange" } do -- those that a Collection hands on to each scene
  local canonical = of_image[name][1]
  local method, adapter = C.methods[canonical], of_image[name][2]
  if method then
    C.methods[name] = adapter and function(c, ...) return method(c, adapter(c, ...)) end or method
    of_collection[name] = { canonical, adapter }
  end
end
globals.ImageCollection = globals.Collection

-- For help and completion: aliases.collection.filterOnDay -> "filter_day"
core.aliases = { collection = {}, image = {} }
for name, a in pairs(of_collection) do core.aliases.collection[name] = a[1] end
for name, a in pairs(of_image) do core.aliases.image[name] = a[1] end
-- What others call it where there is no method of that name; for help alone.
core.aliases.word = { listImageCollections = "collections", collectionsSearch = "collections",
  list_collections = "collections", load_collection = "Collection", load_stac = "Collection",
  loadGeoTIFF = "Image", load_url = "Image", testExecute = "test_execute",
  execute_local_udf = "test_execute", run_udf = "execute", evaluatePixel = "execute",
  getInfo = "values", reduceRegion = "zonal", reduceRegions = "zonal", aggregate_spatial = "zonal",
  sampleRegions = "sample", getRegion = "time_series", save_result = "output",
  printProcess = "explain", reduce_dimension = "reduce", addLayer = "Map",
  mask_polygon = "clip_to", merge_cubes = "stack", rename_labels = "rename", bitwiseAnd = "bits" }
core.aliases.image.colorCustom, core.aliases.image.colorScheme = "colors", "palette"
