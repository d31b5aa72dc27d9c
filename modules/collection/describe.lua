-- What a Collection is, for people. SPDX-License-Identifier: MIT
local core, C, _, meta = ...

local ipairs, pairs, pcall, print, type, tostring = ipairs, pairs, pcall, print, type, tostring
local format, concat, find = string.format, table.concat, string.find
local sensors, query, dates, methods, state_of = C.sensors, C.query, C.dates, C.methods, C.state_of

local function summary(state)
  if state.index then return core.index_summary(state.index, state.query) end
  local s, names, seen = { count = 0 }, {}, {}
  for _, r in ipairs(C.records(state)) do
    local scene = r.scene
    s.count = s.count + 1
    if scene.t then
      s.t0 = s.t0 and math.min(s.t0, scene.t) or scene.t
      s.t1 = s.t1 and math.max(s.t1, scene.t) or scene.t
    end
    local b = scene.box
    if b then
      s.box = s.box and { math.min(s.box[1], b[1]), math.min(s.box[2], b[2]),
        math.max(s.box[3], b[3]), math.max(s.box[4], b[4]) } or { b[1], b[2], b[3], b[4] }
    end
    if scene.collection and not seen[scene.collection] and #names < 10 then
      names[#names + 1] = scene.collection
      seen[scene.collection] = true
    end
  end
  s.collections = concat(names, ", ")
  return s
end

local function span(s)
  if not s.t0 then return "" end
  local from, to = dates.date(s.t0), dates.date(s.t1 or s.t0)
  return from == to and from or from .. " to " .. to
end

local function first_record(state)
  local index = C.index_of(state)
  if not index then return C.records(state)[1] end
  local scene = core.index_query(index, query.with(state.query, { limit = 1 }))[1]
  return scene and { scene = scene, state = state, ops = state.ops }
end

local function band_texts(layout)
  local list = {}
  for i, b in ipairs(layout.bands) do
    local more = {}
    if b.common and b.common[1] then more[1] = b.common[1] end
    if b.res then more[#more + 1] = format("%g m", b.res) end
    if b.classes then more[#more + 1] = "classes" end
    list[i] = b.name .. (#more > 0 and " (" .. concat(more, ", ") .. ")" or "")
  end
  return list
end

-- How numbers become what scripts get
local function values(state, layout)
  if state.values == "raw" then return "numbers as stored" end
  if state.values == "physical" then
    return "physical values: harmonised number * scale + offset"
  end
  local rule = layout and layout.profile.baseline
  if not rule then return "numbers as stored; physical() applies scale and offset" end
  return format("harmonised: %d from processing baseline %05.2f on, not below 0%s; reflectance() "
    .. "gives number * %g", rule.shift, rule.from, layout.shift == 0
    and " (the first scene needs none)" or "", rule.scale)
end

local WIDTH = 76

local function wrapped(label, parts, comma)
  local lines, line = {}, ""
  for i, p in ipairs(parts) do
    local piece = i < #parts and p .. comma or p
    if #line + #piece > WIDTH and line ~= "" then
      lines[#lines + 1] = line
      line = ""
    end
    line = line == "" and piece or line .. " " .. piece
  end
  lines[#lines + 1] = line
  for i, text in ipairs(lines) do
    lines[i] = format("%-12s%s", i == 1 and label or "", text)
  end
  return concat(lines, "\n")
end

local function of_first(state, d)
  local r = first_record(state)
  if not r then return nil end
  d.example = r.scene.id
  if r.image then
    d.bands = r.image:bands()
    return d.bands, "computed Images"
  end
  local good, layout = pcall(sensors.layout, r.scene, r.state, {})
  if not good then return { "not known: " .. (type(layout) == "userdata" and layout.message
    or tostring(layout)) }, nil end
  local p = layout.profile
  d.profile, d.bands, d.profile_version = p.id, sensors.band_names(layout), p.version
  return band_texts(layout), format("%s: profile %s, version %d", p.title, p.id, p.version), layout
end

-- A table of what is known, and the same as lines of text
local function about(state)
  local s = summary(state)
  local d = { count = s.count, from = s.t0 and dates.datetime(s.t0), to = s.t1
    and dates.datetime(s.t1), box = s.box, collections = s.collections, source = state.source,
    title = state.title }
  local lines = {}
  local function say(label, text) lines[#lines + 1] = format("%-12s%s", label, text) end
  say("collection", (state.title and state.title ~= state.source and state.source .. ", "
    .. state.title) or state.source or "")
  say("scenes", s.count .. (s.t0 and ", " .. span(s) or ""))
  local b = s.box
  if b then say("box", format("%.4f %.4f %.4f %.4f", b[1], b[2], b[3], b[4])) end
  if s.collections and s.collections ~= "" then say("of", s.collections) end
  local bands, sensor, layout = of_first(state, d)
  if sensor then say("sensor", sensor) end
  if layout then
    local words = {}
    for word in values(state, layout):gmatch "%S+" do words[#words + 1] = word end
    lines[#lines + 1] = wrapped("values", words, "")
  end
  if bands then lines[#lines + 1] = wrapped("bands", bands, ",") end
  if #state.steps > 0 then say("filters", C.say_steps(state)) end
  if d.example then say("first", d.example) end
  return d, lines
end

-- Prints, and returns the same as a table
function methods.describe(c)
  local d, lines = about(state_of(c, "describe"))
  print(concat(lines, "\n"))
  return d
end

-- index("NDVI", options): of each scene, by the sensor that the first one is of. Formulas want
-- reflectance: where the profile states it and nothing else was chosen, that is what they get.
function methods.index(c, name, options)
  local state = state_of(c, "index")
  local o = {}
  for k, v in pairs(options or {}) do o[k] = v end
  local d = about(state)
  local profile = d.profile or ""
  if not o.sensor and core.is_sensor(profile) then o.sensor = profile end
  local stated = find(profile, "^sentinel%-2") or find(profile, "c2%-l2$")
  if stated and not o.scale and not state.values then c = methods.reflectance(c) end
  return methods.map(c, function(img) return core.methods.index(img, name, o) end)
end

-- For prompts; further: what filter and sort know of the first scene, a table
function core.collection_about(c)
  local state = state_of(c, "describe")
  local d, lines = about(state)
  local r = first_record(state)
  return d, lines, r and r.scene and query.view(r.scene) or {}
end

meta.__tostring = function(c)
  local state = state_of(c, "tostring")
  local s = summary(state)
  local when, groups = s.t0 and ", " .. span(s) or "", state.group
  return format("Collection %s: %d scene%s%s%s", state.source or "", s.count,
    s.count == 1 and "" or "s", when, groups and ", by " .. groups.name or "")
end
