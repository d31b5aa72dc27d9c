-- Rows: values at points, statistics of zones, series over time. SPDX-License-Identifier: MIT
local core, globals = ...

local type, ipairs, pairs, tostring, tonumber, setmetatable, rawlen, rawget, getmetatable =
  type, ipairs, pairs, tostring, tonumber, setmetatable, rawlen, rawget, getmetatable
local mtype = math.type
local format, concat = string.format, table.concat
local raise, methods, options = core.raise, core.methods, core.options

-- ------------------------------------------------------------------------------------------ rows

-- A list of tables; its metatable has the order of columns.
local row_methods = {}
local csv

local function columns_of(x)
  local meta = type(x) == "table" and getmetatable(x)
  return type(meta) == "table" and rawget(meta, "__index") == row_methods and meta.columns or nil
end

local function new_rows(list, columns)
  return setmetatable(list,
    { __index = row_methods, __name = "Rows", __tostring = csv, columns = columns })
end

local function field(x)
  if x == nil then return "" end
  if mtype(x) == "float" then
    local s = format("%.15g", x) -- the shortest text that is the same number again
    if tonumber(s) ~= x then s = format("%.17g", x) end
    return s
  end
  x = tostring(x)
  if x:find '[",\r\n]' then return '"' .. x:gsub('"', '""') .. '"' end
  return x
end

function csv(rows)
  local columns, lines = columns_of(rows), {}
  if not columns then raise "rows as sample, zonal and time_series give them expected" end
  local cells = {}
  for i, name in ipairs(columns) do cells[i] = field(name) end
  lines[1] = concat(cells, ",")
  for k = 1, rawlen(rows) do
    for i, name in ipairs(columns) do cells[i] = field(rows[k][name]) end
    lines[k + 1] = concat(cells, ",")
  end
  return concat(lines, "\n") .. "\n"
end

-- rows:csv() -> text; rows:csv(file) writes it, where the script has io
function row_methods.csv(rows, file)
  local text = csv(rows)
  if file == nil then return text end
  local io = globals.io
  if not io then
    raise('writing a file from a script needs --allow io; output("name", rows) writes name.csv')
  end
  local f, why = io.open(file, "w")
  if not f then raise(why) end
  local good, failed = f:write(text)
  local closed, late = f:close()
  if not good or not closed then raise(failed or late) end
  return rows
end

function row_methods.columns(rows)
  local names = {}
  for i, name in ipairs(columns_of(rows)) do names[i] = name end
  return names
end

local function add_column(columns, seen, name)
  if seen[name] then return end
  seen[name] = true
  columns[#columns + 1] = name
end

-- A list of tables with names as keys and plain values: columns in the order of their names
local function plain_rows(x)
  if type(x) ~= "table" or type(x[1]) ~= "table" or core.type(x[1]) ~= nil then return end
  local columns, seen = {}, {}
  for _, row in ipairs(x) do
    for name, v in pairs(row) do
      if type(name) ~= "string" or type(v) == "table" or type(v) == "userdata" then return end
      add_column(columns, seen, name)
    end
  end
  table.sort(columns)
  return new_rows({ table.unpack(x) }, columns)
end

-- The text of rows, nil for anything else
function core.rows_csv(x)
  if columns_of(x) then return csv(x) end
end

-- What else output writes as a file: metatable -> {bytes = function(x, options, name) -> bytes, suffix of
-- the file's name; options = what is known of them, nil for none}
core.files = {}

-- For output, which takes lists of the script's own too; nil for what is no table of these. unseen: it
-- is not wanted
function core.table_text(x, given, name, unseen)
  local file = type(x) == "table" and core.files[getmetatable(x) or false]
  if not file then
    x, file = columns_of(x) and x or plain_rows(x), core.row_files
    if not x then return nil end
  end
  if given ~= nil and not file.options then
    raise(format('output("%s"): %s has no options', name, getmetatable(x).__name))
  end
  local o = core.options.check("output", given, file.options or {})
  if unseen then return "", "" end
  return file.bytes(x, o, name)
end

core.new_rows, core.rows_text, core.columns_of = new_rows, csv, columns_of

-- --------------------------------------------------------------------------------------- options

local function check(what, given, known, example)
  local o = core.options.check(what, given, known, example)
  if type(o.stats) == "string" then o.stats = { o.stats } end
  return o
end

local function settings(o)
  return { stats = o.stats, crs = o.crs, res = o.res, geometries = o.geometries }
end

-- --------------------------------------------------------------------------------------- methods

local sample_options = { points = true, zones = true, crs = options.text, res = true,
  count = options.whole_from(1), region = true, class = true, seed = true }

function methods.sample(img, given)
  local o = check("sample", given, sample_options, "{points = {{lon, lat}, ...}}")
  if o.count and o.points == nil and o.zones == nil then return core.draw_samples(img, o, settings(o)) end
  if o.zones ~= nil then
    if o.points ~= nil or o.count then raise "sample: one of points, zones and count" end
    local r = core.cells_in(img, o.zones, settings(o))
    return new_rows(r.rows, r.columns)
  end
  if o.points == nil then
    raise "sample needs points = a list of {lon, lat}, zones = polygons, or a file's path for either"
  end
  local points = o.points
  if type(points) == "table" and type(points[1]) == "number" then points = { points } end
  local r = core.sample(img, points, settings(o))
  return new_rows(r.rows, r.columns)
end

local zonal_options = { zones = true, stats = true, crs = options.text, res = true,
  geometries = options.flag }

function methods.zonal(img, given)
  local o = check("zonal", given, zonal_options, '{zones = "fields.gpkg", stats = {"mean"}}')
  if o.zones == nil then raise "zonal needs zones = a geometry, or a file's path" end
  o.stats = o.stats or { "mean" }
  local r = core.zonal(img, o.zones, settings(o))
  return new_rows(r.rows, r.columns)
end

-- ------------------------------------------------------------------------------------ time series

local series_options = { stats = true, crs = options.text, res = true }

local function is_point(g)
  if type(g) ~= "table" then return false end
  return g.type == "Point" or (rawlen(g) == 2 and type(g[1]) == "number")
end

-- list: {{date =, image =, id =}, ...} in the wanted order. A point without stats gives the values
-- of its cell, named as bands; anything else statistics (the mean), named BAND_STAT (STAT for one
-- band).
function core.time_series(list, geometry, given)
  local o = check("time_series", given, series_options, '{stats = {"mean"}}')
  local at_point = is_point(geometry) and not o.stats
  local rows, columns = {}, { "date", "id" }
  local seen = { date = true, id = true, lon = true, lat = true }
  if not at_point then
    o.stats = o.stats or { "mean" }
    geometry = { geojson = core.geometry(geometry).geojson }
  end
  for i, scene in ipairs(list) do
    local r = at_point and core.sample(scene.image, { geometry }, settings(o)) or
      core.zonal(scene.image, geometry, settings(o))
    local row = { date = scene.date, id = scene.id }
    for _, name in ipairs(r.columns) do
      if name ~= "id" and not (at_point and (name == "lon" or name == "lat")) then
        row[name] = r.rows[1][name]
        add_column(columns, seen, name)
      end
    end
    rows[i] = row
  end
  return new_rows(rows, columns)
end
