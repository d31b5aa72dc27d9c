-- The view: where one looks, and show. SPDX-License-Identifier: MIT
--
-- A centre in degrees and a web map's zoom level (256 cells across the equator at 0, halves are
-- allowed), or nothing yet: then each Image is shown whole, on its own grid.
local R, core, globals, native = ...

local type, ipairs, pairs, print, tostring, tonumber, setmetatable =
  type, ipairs, pairs, print, tostring, tonumber, setmetatable
local format, match, concat = string.format, string.match, table.concat
local min, max, log, exp, sin, atan = math.min, math.max, math.log, math.exp, math.sin, math.atan
local rad, deg, pi = math.rad, math.deg, math.pi
local raise, kind = core.raise, R.kind

local MOST_SIZE = 20000
local PARTS = { east = { 0.5, 0 }, west = { -0.5, 0 }, north = { 0, 0.5 }, south = { 0, -0.5 } }

local at -- { lon, lat, zoom } or nil
local size -- { w, h } or nil: what the terminal shows
local last -- what was shown last: { image =, looks =, png = }, or { outputs = true }

local function number(x, what, lo, hi)
  if type(x) ~= "number" or x ~= x or x < lo or x > hi then
    raise(format("%s is a number from %g to %g, got %s", what, lo, hi, tostring(x)))
  end
  return x
end

local function check_size(x)
  if type(x) ~= "table" then raise "size is {width, height} in pixels" end
  local w, h = number(x[1], "a width", 1, MOST_SIZE), number(x[2], "a height", 1, MOST_SIZE)
  return { w // 1, h // 1 }
end

local function size_now(png, own)
  if own then return own[1], own[2] end
  if size then return size[1], size[2] end
  if png then return 800, 600 end
  return native.room()
end

local function say_view()
  if not at then return print "the view: each Image whole, on its own grid" end
  print(format("the view: %.5f, %.5f (longitude, latitude), zoom %.4g", at[1], at[2], at[3]))
end

-- ------------------------------------------------------------------------------------------- show

local function draw(what)
  local w, h = size_now(what.png, what.size)
  local lon, lat, zoom
  local placed = native.box(what.image)
  if at and placed then
    lon, lat, zoom = at[1], at[2], at[3]
  elseif at then
    print "the file states no coordinate system: shown whole"
  end
  native.show(what.image, what.looks, what.png, w, h, lon, lat, zoom)
end

local function image_of(x, what)
  local k = kind(x)
  if k == "image" then return x end
  if k == "collection" then return core.collection_methods.mosaic(x) end
  raise(format("%s needs an Image or a Collection, got %s", what, k or type(x)))
end

-- show(x, options): options are looks, and png = "FILE", size = {w, h}
function globals.show(x, options)
  local what = { image = image_of(x, "show") }
  if options ~= nil and type(options) ~= "table" then
    raise("show: the options are a table of looks, png and size, got " .. type(options))
  end
  local looks = {}
  for k, v in pairs(options or {}) do
    if k == "png" then
      if type(v) ~= "string" or v == "" then raise "show: png is the name of a file" end
      what.png = v
    elseif k == "size" then what.size = check_size(v)
    else looks[k] = v end
  end
  what.looks = core.output_options(what.image, looks)
  last = what
  draw(what)
end

-- What the entry named with output(...)
function R.show_outputs()
  last = { outputs = true }
  draw(last)
end

function R.forget_outputs()
  if last and last.outputs then last = nil end
end

-- ------------------------------------------------------------------------------------------ moving

local function redraw()
  say_view()
  if last and not last.png then draw(last) end
end

-- Cells of a web map's whole picture at a zoom level, from its upper left, and back
local function to_cells(lon, lat, zoom)
  local n, s = 256 * 2 ^ zoom, sin(rad(lat))
  return (lon + 180) / 360 * n, (0.5 - log((1 + s) / (1 - s)) / (4 * pi)) * n
end

local function to_degrees(x, y, zoom)
  local n = 256 * 2 ^ zoom
  return x / n * 360 - 180, deg(atan(exp(pi * (1 - 2 * y / n)))) * 2 - 90
end

-- The view that holds a box in degrees
local function fit_box(west, south, east, north)
  local w, h = size_now()
  local x0, y0 = to_cells(west, min(north, 85), 0)
  local x1, y1 = to_cells(east, max(south, -85), 0)
  local zoom = log(min(w / max(x1 - x0, 1e-9), h / max(y1 - y0, 1e-9)), 2)
  local lon, lat = to_degrees((x0 + x1) / 2, (y0 + y1) / 2, 0)
  return { lon, lat, max(0, min(30, zoom)) }
end

local function fit(img, what)
  local west, south, east, north = native.box(img)
  if not west then raise(what .. ": the file states no coordinate system, so it lies nowhere") end
  return fit_box(west, south, east, north)
end

-- Where the view is, or would be if the last Image had been shown there
local function here(what)
  if at then return at end
  if not last then
    raise(what .. ": nothing is shown yet; show(img), place \"Paris\", "
      .. "or view{lon =, lat =, zoom =}")
  end
  return fit(last.image, what)
end

-- zoom(12), zoom "+1", zoom(img) fits the whole of it, zoom() says where one is
function globals.zoom(z)
  if z == nil then return say_view() end
  if type(z) == "string" then
    local step = match(z, "^[+-]%d+%.?%d*$") and tonumber(z)
    if not step then
      raise("zoom wants a level, \"+1\", \"-1\", or an Image; got \"" .. z .. "\"")
    end
    local v = here "zoom"
    z = v[3] + step
    z = z < 0 and 0 or z > 30 and 30 or z
    at = { v[1], v[2], z }
  elseif type(z) == "number" then
    number(z, "a zoom level", 0, 30)
    local v = here "zoom"
    at = { v[1], v[2], z }
  else
    at = fit(image_of(z, "zoom"), "zoom")
  end
  redraw()
end

-- pan(0.5, 0): half a view to the east; pan "north" is half a view
function globals.pan(x, y)
  if PARTS[x] then x, y = PARTS[x][1], PARTS[x][2] end
  number(x, "pan: parts of the view to the east (or \"north\", \"east\" ...)", -1e3, 1e3)
  number(y or 0, "pan: parts of the view to the north", -1e3, 1e3)
  local v = here "pan"
  local w, h = size_now()
  local cx, cy = to_cells(v[1], v[2], v[3])
  local lon, lat = to_degrees(cx + x * w, cy - (y or 0) * h, v[3])
  at = { (lon + 180) % 360 - 180, max(-85, min(85, lat)), v[3] }
  redraw()
end

-- place "Ispra": the view there. place("Paris", "Texas")
function globals.place(name, country)
  if type(name) ~= "string" then raise("place wants a name, got " .. type(name)) end
  local p = core.place(name, nil, country)
  local box = p.box
  local v = fit_box(box[1], box[2], box[3] < box[1] and box[3] + 360 or box[3], box[4])
  at = { p.lon, p.lat, v[3] }
  print(p.name .. (p.region ~= "" and ", " .. p.region or "") .. ", " .. p.country)
  redraw()
end

-- view{lon =, lat =, zoom =, size = {w, h}} sets, view "whole" shows Images whole again; view() is
-- a table of what holds
function globals.view(x)
  if x == "whole" then
    at = nil
    return redraw()
  elseif x == nil then
    local w, h = size_now()
    return at and { lon = at[1], lat = at[2], zoom = at[3], size = { w, h } } or { size = { w, h } }
  elseif type(x) ~= "table" then
    raise("view wants {lon =, lat =, zoom =, size = {w, h}}, \"whole\" or nothing, got " .. type(x))
  end
  core.options.check("view", x, { lon = true, lat = true, zoom = true, size = true })
  if x.size then size = check_size(x.size) end
  if x.lon or x.lat or x.zoom then
    local v = (not (x.lon and x.lat and x.zoom)) and here "view" or {}
    at = { number(x.lon or v[1], "lon", -360, 360), number(x.lat or v[2], "lat", -85, 85),
      number(x.zoom or v[3], "zoom", 0, 30) }
  end
  redraw()
end

-- ------------------------------------------------------------------------------------------- check

local MOST_POINTS = 100000

local function row_text(r)
  if r.compared == 0 then return format("%-12s no cell has a value in both", r.band) end
  local text = format("%-12s %d of %d equal", r.band, r.equal, r.compared)
  if r.equal < r.compared then
    text = format("%s; differ by %.4g on average, %.4g at most (%.6g here, %.6g there, at %s)",
      text, r.mean, r.most, r.shown, r.full, r.where)
  end
  if r.only > 0 then text = text .. format("; %d have a value in one alone", r.only) end
  return text
end

local report = { __name = "Check" }
report.__index = report

function report.__tostring(r)
  if r.n == 0 then return "the view and the Image do not meet" end
  local lines = { format("%d random cells of the view (%s) beside the Image's own (%s), seed %d",
    r.n, r.cell, r.own_cell, r.seed) }
  for i, row in ipairs(r) do lines[i + 1] = row_text(row) end
  return concat(lines, "\n")
end

-- img:check{n = 200, seed = 1}: random cells of the view beside the same places at full
-- resolution. A row for each band; the prompt prints them.
function core.methods.check(img, given)
  local o = core.options.check("check", given, { n = true, seed = true })
  local n = number(o.n or 200, "check: n", 1, MOST_POINTS) // 1 | 0
  local seed = number(o.seed or 1, "check: seed", 0, 2 ^ 53) // 1 | 0
  local w, h = size_now()
  local lon, lat, zoom
  if at and native.box(img) then lon, lat, zoom = at[1], at[2], at[3] end
  local r = native.check(img, n, seed, w, h, lon, lat, zoom)
  r.seed = seed
  return setmetatable(r, report)
end
