-- Groups of scenes, and Collections merged. SPDX-License-Identifier: MIT
local core, C = ...

local ipairs, type, tostring = ipairs, type, tostring
local format, concat, sort = string.format, table.concat, table.sort
local raise, query, dates, methods, state_of = core.raise, C.query, C.dates, C.methods, C.state_of

-- ------------------------------------------------------------------------------------------ groups

local function start(y, m, d) return dates.days(y, m, d) * 86400 end

-- key (a date's text: the id of the composite) and the time of each group
local spans = {}
local function by_start(y, m, d, text)
  return text or format("%04d-%02d-%02d", y, m, d), start(y, m, d)
end
function spans.day(f) return by_start(f.year, f.month, f.day) end
function spans.month(f)
  return by_start(f.year, f.month, 1, format("%04d-%02d", f.year, f.month))
end
function spans.year(f) return by_start(f.year, 1, 1, format("%04d", f.year)) end
function spans.dekad(f)
  return by_start(f.year, f.month, math.min((f.day - 1) // 10, 2) * 10 + 1)
end
function spans.season(f) -- December belongs to the winter of the next year
  local y, s = f.month == 12 and f.year + 1 or f.year, f.month % 12 // 3
  local names = { "DJF", "MAM", "JJA", "SON" }
  local text = format("%04d-%s", y, names[s + 1])
  return by_start(s == 0 and y - 1 or y, s == 0 and 12 or s * 3, 1, text)
end

local function local_time(scene) -- the sun's, by the middle of the scene
  local b = scene.box
  if not b then raise(format("group_by: scene %s has no place", scene.id)) end
  local east = b[3] < b[1] and b[3] + 360 or b[3]
  return scene.t + (b[1] + east) / 2 * 240
end

local function key_function(name)
  local span = spans[name == "solar_day" and "day" or name]
  if span then
    return function(scene)
      if not scene.t then raise(format("group_by: scene %s has no date", scene.id)) end
      return span(dates.fields(name == "solar_day" and local_time(scene) or scene.t))
    end
  end
  local property = query.property(name, "group_by")
  return function(scene)
    local v = query.value(scene, property)
    if v == nil then raise(format("group_by: scene %s has no '%s'", scene.id, name)) end
    return tostring(v)
  end
end

-- group_by("month"): reducers then give a Collection, of one Image a group
function methods.group_by(c, name)
  local state = state_of(c, "group_by")
  if type(name) ~= "string" then
    raise("group_by: \"day\", \"solar_day\", \"dekad\", \"month\", \"season\", \"year\", "
      .. "\"orbit\" or a property")
  end
  return C.derive(state, { group = { name = name, key = key_function(name) } })
end

-- {key =, t =, state =} in order of time, then key
local function groups_of(state)
  local list, by_key = {}, {}
  for _, r in ipairs(C.some_records(state, "group_by")) do
    local key, t = state.group.key(r.scene)
    local g = by_key[key]
    if not g then
      g = { key = key, t = t or r.scene.t, records = {} }
      by_key[key] = g
      list[#list + 1] = g
    end
    if not t and r.scene.t and (not g.t or r.scene.t < g.t) then g.t = r.scene.t end
    g.records[#g.records + 1] = r
  end
  sort(list, function(a, b)
    local s, t = a.t or 0, b.t or 0
    if s ~= t then return s < t end
    return a.key < b.key
  end)
  return list
end

-- A Collection of some of the records
function C.of_records(state, records)
  local c = C.derive(state, { index = false, members = false, records = records, query = {},
    ops = {}, group = false, steps = {} })
  local sub = core.collection_state(c)
  sub.listed = records -- the ops are the records' own
  return c
end

-- A Collection of fn(sub-collection, key)
function C.map_groups(state, fn, what)
  local records = {}
  local result = C.new { source = format("%s by %s of %s", what or "groups", state.group.name,
    state.source or "a Collection"), options = state.options }
  local new = core.collection_state(result)
  for i, g in ipairs(groups_of(state)) do
    local img = fn(C.of_records(state, g.records), g.key)
    if core.type(img) ~= "image" then
      raise("the function given to map returns an Image, not "
        .. (img == nil and "nothing" or type(img)))
    end
    records[i] = { image = img, ops = new.ops, state = new,
      scene = { id = g.key, t = g.t, assets = {}, collection = new.source,
        properties = { count = #g.records } } }
  end
  new.records = records
  return result
end

-- for key, sub in c:group_by("month"):groups() do
function methods.groups(c)
  local state = state_of(c, "groups")
  if not state.group then raise "groups comes after group_by" end
  local list, i = groups_of(state), 0
  return function()
    i = i + 1
    if list[i] then return list[i].key, C.of_records(state, list[i].records) end
  end
end

-- ----------------------------------------------------------------------------------------- merging

-- a:merge(b, ...): the scenes of all, by date
function methods.merge(c, ...)
  local members, names = { state_of(c, "merge") }, {}
  for i, other in ipairs { ... } do
    if not C.is_collection(other) then
      raise(format("merge: number %d is %s, not a Collection", i, core.type(other) or type(other)))
    end
    members[#members + 1] = state_of(other, "merge")
  end
  if #members == 1 then raise "merge needs another Collection" end
  for i, m in ipairs(members) do
    if m.group then raise "merge: reduce the groups first" end
    names[i] = m.source or "a Collection"
  end
  return C.new { members = members, source = concat(names, " and "), options = members[1].options }
end

