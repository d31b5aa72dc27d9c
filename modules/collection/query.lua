-- Queries: stages for the index, and the same on lists that no index has.
-- SPDX-License-Identifier: MIT
--
-- A query is data: a list of stages, see modules/collection/index.h. A scene is a table as the
-- index hands it out (push_scene in collection_lua.c).
local core, C = ...

local type, ipairs, pairs, tostring, tonumber = type, ipairs, pairs, tostring, tonumber
local next, setmetatable = next, setmetatable
local sort, concat, insert = table.sort, table.concat, table.insert
local floor = math.floor
local format = string.format
local raise, dates = core.raise, C.dates

local query = {}
C.query = query

-- ----------------------------------------------------------------------------- names of properties

-- What others call the properties that every scene has
local translated = {
  cloudcover = "cloud", cloud_cover = "cloud", ["eo:cloud_cover"] = "cloud", CLOUD_COVER = "cloud",
  CLOUDY_PIXEL_PERCENTAGE = "cloud", cloudiness = "cloud", max_cloud_cover = "cloud",
  date = "datetime", acquisition = "datetime", ["system:time_start"] = "datetime",
  ["system:index"] = "id", SPACECRAFT_ID = "platform", SPACECRAFT_NAME = "platform",
  ["grid:code"] = "tile", ["s2:mgrs_tile"] = "tile", MGRS_TILE = "tile",
  orbit = "sat:relative_orbit", relative_orbit = "sat:relative_orbit",
  SENSING_ORBIT_NUMBER = "sat:relative_orbit", relativeOrbitNumber_start = "sat:relative_orbit",
  orbit_state = "sat:orbit_state", SENSING_ORBIT_DIRECTION = "sat:orbit_state",
  sun_elevation = "view:sun_elevation", SUN_ELEVATION = "view:sun_elevation",
  sun_azimuth = "view:sun_azimuth", SUN_AZIMUTH = "view:sun_azimuth",
}

function query.property(name, what)
  if type(name) ~= "string" or name == "" then
    raise(format("%s: a property is a name, got %s", what, tostring(name)))
  end
  return translated[name] or name
end

-- --------------------------------------------------------------------------- properties of a scene

local function properties(scene)
  local p = scene.properties
  if not p then
    p = scene.json and core.from_json(scene.json) or {}
    scene.properties = p
  end
  return p
end
query.properties = properties

local own = { id = true, collection = true, platform = true, tile = true, cloud = true, t = true,
  t1 = true, box = true, crs = true, bounds = true, assets = true }

local function orbit(scene)
  local p = properties(scene)
  local known = tonumber(p["sat:relative_orbit"])
  if known then return floor(known) end
  for _, text in ipairs { scene.id, p["s2:product_uri"] or "" } do
    local r = text:match "_R(%d%d%d)_"
    if r then return tonumber(r) end
  end
end

local derived = {
  date = function(s) return s.t and dates.date(s.t) end,
  datetime = function(s) return s.t and dates.datetime(s.t) end,
  year = function(s) return s.t and dates.fields(s.t).year end,
  month = function(s) return s.t and dates.fields(s.t).month end,
  day = function(s) return s.t and dates.fields(s.t).day end,
  doy = function(s) return s.t and dates.fields(s.t).doy end,
  ["sat:relative_orbit"] = orbit,
  properties = properties,
}

-- The value of a property of a scene; nil when it has none
function query.value(scene, name)
  if own[name] then return scene[name] end
  local f = derived[name]
  if f then return f(scene) end
  local v = properties(scene)[name]
  if v == nil and translated[name] then
    name = translated[name]
    if own[name] then return scene[name] end
    f = derived[name]
    if f then return f(scene) end
    return properties(scene)[name]
  end
  return v
end
local value = query.value

-- The names of all properties that a scene has
function query.names(scene)
  local names = {}
  for name in pairs(properties(scene)) do names[#names + 1] = name end
  for name in pairs(own) do names[#names + 1] = name end
  for name in pairs(derived) do names[#names + 1] = name end
  sort(names)
  return names
end

-- A scene as scripts see it: read only, `notice` (may be nil) is called when something is read
function query.view(scene, notice)
  local meta = {}
  function meta.__index(_, key)
    if notice then notice() end
    if type(key) ~= "string" then return nil end
    return value(scene, key)
  end
  function meta.__newindex() raise "a scene is never changed" end
  function meta.__pairs()
    if notice then notice() end
    local all = {}
    for k, v in pairs(properties(scene)) do all[k] = v end
    for k in pairs(own) do all[k] = scene[k] end
    all.date, all.datetime = derived.date(scene), derived.datetime(scene)
    return next, all, nil
  end
  function meta.__tostring()
    if notice then notice() end
    return scene.id
  end
  meta.__name = "scene"
  return setmetatable({}, meta)
end

-- ------------------------------------------------------------------------------------------ stages

-- stages with one more condition; joins the last stage where that means the same
function query.with(stages, new)
  local list = {}
  for i, s in ipairs(stages) do list[i] = s end
  local last = list[#list]
  local joined = {}
  local fits = last and not last.limit and not (new.boxes and last.boxes)
    and not (new.geometry and last.geometry)
  if not fits then
    list[#list + 1] = new
    return list
  end
  for k, v in pairs(last) do joined[k] = v end
  for k, v in pairs(new) do
    if k == "from" then joined.from = joined.from and math.max(joined.from, v) or v
    elseif k == "to" then joined.to = joined.to and math.min(joined.to, v) or v
    elseif k == "where" or k == "sort" then
      local all = {}
      for _, x in ipairs(v) do all[#all + 1] = x end -- the later sort decides first
      for _, x in ipairs(joined[k] or {}) do insert(all, k == "where" and 1 or #all + 1, x) end
      joined[k] = all
    else joined[k] = v end
  end
  list[#list] = joined
  return list
end

-- --------------------------------------------------------------------------------- lists of scenes

local function compare(a, b) -- < 0, 0, > 0, nil when they cannot be
  if type(a) ~= type(b) then return nil end
  if type(a) == "number" or type(a) == "string" then
    return a < b and -1 or a > b and 1 or 0
  end
  return a == b and 0 or nil
end

local tests = {
  ["<"] = function(d) return d < 0 end, ["<="] = function(d) return d <= 0 end,
  [">"] = function(d) return d > 0 end, [">="] = function(d) return d >= 0 end,
  ["=="] = function(d) return d == 0 end,
}

local function holds(scene, c)
  local v = value(scene, c.property)
  if v == nil then return false end
  if c.op == "in" then
    for _, x in ipairs(c.value) do
      if compare(v, x) == 0 then return true end
    end
    return false
  end
  local d = compare(v, c.value)
  if c.op == "~=" then return d ~= 0 end
  return d ~= nil and tests[c.op](d)
end

local function spans(b) -- one or two boxes, W <= E
  if b[1] <= b[3] then return { b } end
  return { { b[1], b[2], 180, b[4] }, { -180, b[2], b[3], b[4] } }
end

local function touches(a, b)
  for _, x in ipairs(spans(a)) do
    for _, y in ipairs(spans(b)) do
      if x[1] <= y[3] and x[3] >= y[1] and x[2] <= y[4] and x[4] >= y[2] then return true end
    end
  end
  return false
end

local function in_boxes(scene, boxes)
  if not scene.box then return false end
  for _, b in ipairs(boxes) do
    if touches(scene.box, b) then return true end
  end
  return false
end

local function matches(scene, s)
  local t = scene.t
  if (s.from or s.to) and not t then return false end
  if s.from and t < s.from or s.to and t >= s.to then return false end
  if s.boxes and not in_boxes(scene, s.boxes) then return false end
  for _, c in ipairs(s.where or {}) do
    if not holds(scene, c) then return false end
  end
  return true
end

local function before(keys, a, b)
  for _, k in ipairs(keys) do
    local x, y = value(a, k[1]), value(b, k[1])
    if (x == nil) ~= (y == nil) then return y == nil end
    local d = x ~= nil and compare(x, y) or 0
    if d ~= 0 then return (d < 0) == (k[2] ~= "desc") end
  end
  local s, t = a.t or math.huge, b.t or math.huge
  if s ~= t then return s < t end
  return a.id < b.id
end

function query.sort(records, keys)
  sort(records, function(a, b) return before(keys, a.scene, b.scene) end)
end

local function limited(records, n, per)
  local list, seen = {}, {}
  for _, r in ipairs(records) do
    local key = {}
    for i, name in ipairs(per or {}) do key[i] = tostring(value(r.scene, name)) end
    local k = concat(key, "\0")
    seen[k] = (seen[k] or 0) + 1
    if seen[k] <= n then list[#list + 1] = r end
  end
  return list
end

-- The records {scene =, ...} that the stages leave
function query.select(records, stages)
  for _, s in ipairs(stages) do
    if s.geometry then
      raise("filter_geometry and filter_place look into catalogues: they come before merge, "
        .. "sort and limit of merged Collections, and composites")
    end
    local left = {}
    for _, r in ipairs(records) do
      if matches(r.scene, s) then left[#left + 1] = r end
    end
    if s.sort then query.sort(left, s.sort) end
    records = s.limit and limited(left, s.limit, s.per) or left
  end
  return records
end
