-- Filters, order and number of a Collection's scenes. SPDX-License-Identifier: MIT
local core, C = ...

local ipairs, pairs, type, tostring, select = ipairs, pairs, type, tostring, select
local format, concat = string.format, table.concat
local mtype, huge = math.type, math.huge
local raise, query, dates, methods = core.raise, C.query, C.dates, C.methods
local state_of, filtered = C.state_of, C.filtered

-- An argument as the text of a filter shows it
local function show(x)
  if type(x) == "string" then return format("%q", x) end
  if type(x) ~= "table" then return tostring(x) end
  local parts = {}
  for i, v in ipairs(x) do
    if i > 4 then parts[i] = "..." break end
    parts[i] = show(v)
  end
  return "{" .. concat(parts, ", ") .. "}"
end

local function call(name, ...)
  local parts = {}
  for i = 1, select("#", ...) do parts[i] = show((select(i, ...))) end
  return format("%s(%s)", name, concat(parts, ", "))
end
C.call_text = call

local function number(x, what)
  if type(x) ~= "number" or x ~= x or x == huge or x == -huge then
    raise(format("%s is a number, got %s", what, show(x)))
  end
  return x
end

-- ------------------------------------------------------------------------------------------- dates

local function by_time(state, from, to, text)
  if from >= to then
    raise(format("%s: %s is not before %s; the end does not belong to the interval", text,
      dates.datetime(from), dates.datetime(to)))
  end
  return filtered(state, { from = from, to = to }, text)
end

-- filter_date(from, to): half open; one date is that whole year, month or day
function methods.filter_date(c, from, to, more)
  local state = state_of(c, "filter_date")
  if more ~= nil then
    raise "filter_date takes one or two dates, such as (\"2017-10\", \"2017-12\")"
  end
  if from == nil and to == nil then raise "filter_date needs a date, such as \"2017-10\"" end
  local text = to == nil and call("filter_date", from) or call("filter_date", from, to)
  if from == nil then return filtered(state, { to = (dates.span(to, "filter_date")) }, text) end
  local t0, t1, kind = dates.span(from, "filter_date")
  if to ~= nil then t1 = dates.span(to, "filter_date")
  elseif kind == "instant" then
    raise(format("%s is an instant: filter_date needs a second one", text))
  end
  return by_time(state, t0, t1, text)
end

-- filter_day("2017-10-14"), (2017, 10, 14); six numbers or two texts: from one day to another, both
-- of them included
function methods.filter_day(c, ...)
  local state, n = state_of(c, "filter_day"), select("#", ...)
  local text = call("filter_day", ...)
  local a = { ... }
  if n == 3 then
    local from, to = dates.day(a[1], a[2], a[3], "filter_day")
    return by_time(state, from, to, text)
  elseif n == 6 then
    local from = dates.day(a[1], a[2], a[3], "filter_day")
    local _, to = dates.day(a[4], a[5], a[6], "filter_day")
    return by_time(state, from, to, text)
  elseif n ~= 1 and n ~= 2 then
    raise "filter_day takes a date (\"2017-10-14\"), three numbers, or six of them"
  end
  local from, to, kind = dates.span(a[1], "filter_day")
  if n == 2 then
    local _, last, other = dates.span(a[2], "filter_day")
    to, kind = last, kind == other and kind or "mixed"
  end
  if kind ~= "day" then raise(text .. ": a day is written \"2017-10-14\"") end
  return by_time(state, from, to, text)
end

local function whole_numbers(list, lo, hi, what)
  if type(list) == "number" then list = { list } end
  if type(list) ~= "table" or #list == 0 then raise(what .. " is a list of whole numbers") end
  for _, x in ipairs(list) do
    if mtype(x) ~= "integer" or x < lo or x > hi then
      raise(format("%s: %d to %d, got %s", what, lo, hi, show(x)))
    end
  end
  return list
end

-- filter_calendar{months = {6, 7, 8}, years = {2017}, days = {1}}
function methods.filter_calendar(c, parts)
  local state = state_of(c, "filter_calendar")
  local limits = { years = { -9999, 9999 }, months = { 1, 12 }, days = { 1, 31 } }
  if type(parts) ~= "table" then raise "filter_calendar takes a table: {months = {6, 7, 8}}" end
  local where, texts = {}, {}
  for key, list in pairs(parts) do
    if not limits[key] then
      raise(format("filter_calendar knows years, months and days, not %s", show(key)))
    end
    list = whole_numbers(list, limits[key][1], limits[key][2], "filter_calendar: " .. key)
    where[#where + 1] = { property = key:sub(1, -2), op = "in", value = list }
    texts[#texts + 1] = format("%s = %s", key, show(list))
  end
  if #where == 0 then raise "filter_calendar: say years, months or days" end
  table.sort(where, function(a, b) return a.property < b.property end)
  table.sort(texts)
  return filtered(state, { where = where }, format("filter_calendar{%s}", concat(texts, ", ")))
end

-- ------------------------------------------------------------------------------------------ places

local function box(w, s, e, n, what)
  if type(w) == "table" then
    if w.w or w.west then
      w, s, e, n = w.w or w.west, w.s or w.south, w.e or w.east, w.n or w.north
    else w, s, e, n = w[1], w[2], w[3], w[4] end
  end
  local sides = { "west", "south", "east", "north" }
  for i, x in ipairs { w or false, s or false, e or false, n or false } do
    number(x, format("%s: %s", what, sides[i]))
  end
  if w < -180 or w > 180 or e < -180 or e > 360 or s < -90 or n > 90 then
    raise(format("%s: %s is not within -180 to 180 and -90 to 90 degrees", what,
      show { w, s, e, n }))
  end
  if s > n then raise(format("%s: south %s is above north %s", what, s, n)) end
  if e > 180 then e = e - 360 end
  return { w, s, e, n }
end

-- filter_bbox(w, s, e, n), filter_bbox{w, s, e, n}: degrees; w > e crosses 180
function methods.filter_bbox(c, ...)
  local state = state_of(c, "filter_bbox")
  local w, s, e, n, crs = ...
  if crs ~= nil then raise "filter_bbox takes degrees; filter_geometry reads other systems" end
  return filtered(state, { boxes = { box(w, s, e, n, "filter_bbox") } }, call("filter_bbox", ...))
end

local function need(name, what)
  if not core[name] then raise(what .. " is not there yet") end
  return core[name]
end

-- filter_geometry(g): GeoJSON as a text or a table, WKT, or a file that OGR reads
function methods.filter_geometry(c, g)
  local state = state_of(c, "filter_geometry")
  local found = need("geometry", "filter_geometry")(g)
  local shape = core.from_json(found.geojson)
  local text = call("filter_geometry", type(g) == "table" and (g.type or "a table") or g)
  if state.members or state.records then return filtered(state, { boxes = { found.box } }, text) end
  return filtered(state, { geometry = shape, boxes = { found.box } }, text)
end

-- filter_place(name[, buffer_km[, country]])
function methods.filter_place(c, name, buffer_km, country, ...)
  local state = state_of(c, "filter_place")
  if type(name) ~= "string" or name == "" then
    raise "filter_place needs a name, such as \"Ispra\""
  end
  if buffer_km ~= nil and number(buffer_km, "filter_place: the buffer in km") < 0 then
    raise "filter_place: the buffer is not below 0 km"
  end
  if select("#", ...) > 0 then raise "filter_place(name, buffer_km, country) takes no more" end
  local found = need("place", "filter_place")(name, buffer_km or 0, country)
  local text = country ~= nil and call("filter_place", name, buffer_km, country)
    or buffer_km ~= nil and call("filter_place", name, buffer_km) or call("filter_place", name)
  return filtered(state, { boxes = { found.box } }, text)
end

-- -------------------------------------------------------------------------------------- properties

function methods.filter_cloud(c, percent)
  local state = state_of(c, "filter_cloud")
  number(percent, "filter_cloud: the most per cent of cloud")
  if percent < 0 or percent > 100 then
    raise(format("filter_cloud: 0 to 100 per cent, got %s", percent))
  end
  return filtered(state, { where = { { property = "cloud", op = "<=", value = percent } } },
    call("filter_cloud", percent))
end

local operators = { ["<"] = "<", ["<="] = "<=", [">"] = ">", [">="] = ">=", ["=="] = "==",
  ["="] = "==", ["~="] = "~=", ["!="] = "~=", ["<>"] = "~=", ["in"] = "in",
  lt = "<", lte = "<=", le = "<=",
  gt = ">", gte = ">=", ge = ">=", eq = "==", ne = "~=", neq = "~=", equals = "==",
  not_equals = "~=", less_than = "<", greater_than = ">" }

local function by_datetime(state, op, value, text)
  local from, to = dates.span(value, "filter")
  if from == to then to = from + 1e-6 end
  if op == "==" then return filtered(state, { from = from, to = to }, text)
  elseif op == ">=" then return filtered(state, { from = from }, text)
  elseif op == ">" then return filtered(state, { from = to }, text)
  elseif op == "<" then return filtered(state, { to = from }, text)
  elseif op == "<=" then return filtered(state, { to = to }, text) end
  raise(text .. ": dates compare with < <= > >= and ==")
end

local function plain(x)
  local t = type(x)
  return t == "number" and x == x or t == "string" or t == "boolean"
end

local function by_value(state, name, op, value)
  local text = op == "==" and call("filter", name, value) or call("filter", name, op, value)
  local property = query.property(name, "filter")
  if property == "datetime" then return by_datetime(state, op, value, text) end
  if op == "in" then
    if type(value) ~= "table" or #value == 0 then raise(text .. ": \"in\" needs a list") end
    for _, v in ipairs(value) do
      if not plain(v) then raise(text .. ": the list holds numbers, texts and booleans") end
    end
  elseif not plain(value) then
    raise(format("%s: a property is compared with a number, a text or a boolean", text))
  elseif type(value) == "boolean" and op ~= "==" and op ~= "~=" then
    raise(text .. ": true and false compare with == and ~=")
  end
  return filtered(state, { where = { { property = property, op = op, value = value } } }, text)
end

local function by_ids(state, ids, text)
  if #ids == 0 then ids = { "" } end -- no scene is called so
  return filtered(state, { where = { { property = "id", op = "in", value = ids } } }, text)
end

-- fn(scene) for every scene, now
local function by_function(state, fn, text)
  local ids = {}
  local function look(scene)
    if fn(query.view(scene)) then ids[#ids + 1] = scene.id end
  end
  if state.index then core.index_query(state.index, state.query, look)
  else
    for _, r in ipairs(C.records(state)) do look(r.scene) end
  end
  return by_ids(state, ids, text)
end

-- filter(property, value), filter(property, op, value), filter(fn)
function methods.filter(c, ...)
  local state = state_of(c, "filter")
  local name, op, value = ...
  local n = select("#", ...)
  if n == 1 and type(name) == "function" then
    return by_function(state, name, "filter(function)")
  end
  if n == 2 then return by_value(state, name, "==", op) end
  if n ~= 3 then
    raise "filter takes (property, value), (property, op, value) or a function of a scene"
  end
  if not operators[op] then
    raise(format("filter: '%s' is no comparison; there are < <= > >= == ~= and in", tostring(op)))
  end
  return by_value(state, name, operators[op], value)
end

-- filter_orbit(79), filter_orbit{number = 79, direction = "descending"}
function methods.filter_orbit(c, what)
  local state = state_of(c, "filter_orbit")
  if type(what) == "number" then what = { number = what } end
  if type(what) == "string" then what = { direction = what } end
  if type(what) ~= "table" then
    raise "filter_orbit takes a number, or {number = 79, direction = \"descending\"}"
  end
  for key in pairs(what) do
    if key ~= "number" and key ~= "direction" and key ~= "relative" then
      raise(format("filter_orbit knows number and direction, not %s", show(key)))
    end
  end
  local n, direction = what.number or what.relative, what.direction
  if n == nil and direction == nil then raise "filter_orbit: say a number or a direction" end
  if n ~= nil then number(n, "filter_orbit: number") end
  if direction ~= nil and direction ~= "ascending" and direction ~= "descending" then
    raise(format("filter_orbit: \"ascending\" or \"descending\", got %s", show(direction)))
  end
  local text = direction == nil and call("filter_orbit", n)
    or n == nil and call("filter_orbit", direction)
    or format("filter_orbit{number = %s, direction = %q}", n, direction)
  local where = {}
  if n then where[#where + 1] = { property = "sat:relative_orbit", op = "==", value = n } end
  if direction then
    where[#where + 1] = { property = "sat:orbit_state", op = "==", value = direction }
  end
  local r = filtered(state, { where = where }, text)
  if not n or direction or C.count(core.collection_state(r)) > 0 then return r end
  C.use(core.collection_state(r)) -- catalogues without the property: names of products say it
  return by_function(state, function(s) return s.orbit == n end, text)
end

-- ----------------------------------------------------------------------------------- order, number

function methods.sort(c, name, direction)
  local state = state_of(c, "sort")
  local property = query.property(name, "sort")
  if direction == false then direction = "desc" end -- as GEE has it: ascending or not
  if direction == true or direction == "ascending" then direction = "asc" end
  if direction == "descending" then direction = "desc" end
  direction = direction or "asc"
  if direction ~= "asc" and direction ~= "desc" then
    raise(format("sort: \"asc\" or \"desc\", got %s", show(direction)))
  end
  return filtered(state, { sort = { { property, direction } } }, direction == "asc"
    and call("sort", name) or call("sort", name, direction))
end

-- limit(n), limit(n, {per = {"tile", "year"}})
function methods.limit(c, n, options)
  local state = state_of(c, "limit")
  if mtype(n) ~= "integer" or n < 1 then raise(format("limit is a whole number from 1 on, got %s",
    show(n))) end
  local per = {}
  if options ~= nil and type(options) ~= "table" then
    raise "limit(n, {per = {\"tile\", \"year\"}}): the second is a table"
  end
  for key in pairs(options or {}) do
    if key ~= "per" then raise(format("limit has no option %s; there is per", show(key))) end
  end
  local given = options and options.per
  if type(given) == "string" then given = { given } end
  for i, name in ipairs(given or {}) do per[i] = query.property(name, "limit: per") end
  local text = #per == 0 and call("limit", n) or format("limit(%d, {per = %s})", n, show(given))
  return filtered(state, { limit = n, per = #per > 0 and per or nil }, text)
end

