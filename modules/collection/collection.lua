-- Collections: immutable, lazy, a source of scenes and what is done with them.
-- SPDX-License-Identifier: MIT
--
-- What a Collection is, in its user value:
--   index, query       scenes of an index, stages as in modules/collection/index.h; or
--   service, query     scenes of a server, asked for what a query needs when it is used; or
--   records, query     scenes listed already (kinds.lua), or Images with dates; or
--   members, query     several Collections, merged by date
--   steps              {text, from =, to =}: filters so far, to say which one left nothing
--   ops                what is done to each scene's Image (kinds.lua)
--   values             "raw", "physical", nil = harmonised
--   group              {name =, key = function(scene) -> key, t}: reducers give a Collection
--   source, title, options, profile, notes
local core, C, _, meta = ...

local ipairs, pairs, type, tostring = ipairs, pairs, type, tostring
local format, concat, sort = string.format, table.concat, table.sort
local mtype = math.type
local raise, query, dates = core.raise, C.query, C.dates

local methods = {}
C.methods = methods
core.collection_methods = methods

-- ------------------------------------------------------------------------------------- unused ones

local pending = {} -- what filters gave and nothing has used yet: a set of {where =, text =}

local function use(state)
  if state.pending then pending[state.pending] = nil end
  return state
end
C.use = use

function core.warn_unused()
  local list, seen = {}, {}
  for p in pairs(pending) do list[#list + 1] = p end
  pending = {}
  sort(list, function(a, b) return a.number < b.number end)
  for _, p in ipairs(list) do
    if not seen[p.where] then
      core.warn(format("the result of %s is not used; a Collection is never changed, so keep "
        .. "what it returns: c = c:%s", p.text, p.text), p.where)
    end
    seen[p.where] = true
  end
end

-- ------------------------------------------------------------------------------------- making them

function C.new(state)
  state.steps = state.steps or {}
  state.ops = state.ops or {}
  state.query = state.query or {}
  state.options = state.options or {}
  state.notes = state.notes or {}
  return core.new_collection(state)
end

local function is_collection(x) return core.collection_state(x) ~= nil end
C.is_collection = is_collection

-- The state of a Collection, checked. Counts as using it.
local function state_of(c, what)
  local state = core.collection_state(c)
  if not state then
    raise(format("%s needs a Collection, got %s%s", what,
      core.type(c) or type(c), type(c) == "table" and " (call it with ':')" or ""))
  end
  return use(state)
end
C.state_of = state_of

local numbers = 0

-- A Collection that differs in `changes`; `text` when it is a filter's, for the list of steps
function C.derive(state, changes, text)
  local new = {}
  for k, v in pairs(state) do
    if k ~= "listed" and k ~= "pending" then new[k] = v end
  end
  for k, v in pairs(changes) do new[k] = v end
  if text then
    local steps = {}
    for i, s in ipairs(state.steps) do steps[i] = s end
    local where = core.line()
    steps[#steps + 1] = { text = text, from = state, to = new }
    new.steps = steps
    numbers = numbers + 1
    new.pending = { where = where, text = text, number = numbers }
    pending[new.pending] = true
  end
  return C.new(new)
end

-- Of merged Collections each member is filtered, as long as order and number play no part.
function C.filtered(state, stage, text)
  if not state.members or stage.sort or stage.limit or #state.query > 0 then
    return C.derive(state, { query = query.with(state.query, stage) }, text)
  end
  local members = {}
  for i, m in ipairs(state.members) do
    members[i] = core.collection_state(C.filtered(m, stage))
  end
  return C.derive(state, { members = members }, text)
end

function C.with_op(state, op)
  local ops = {}
  for i, x in ipairs(state.ops) do ops[i] = x end
  op.where = core.line()
  ops[#ops + 1] = op
  return C.derive(state, { ops = ops })
end

-- -------------------------------------------------------------------------------------- the scenes

local function joined(a, b)
  if #b == 0 then return a end
  local all = {}
  for i, x in ipairs(a) do all[i] = x end
  for _, x in ipairs(b) do all[#all + 1] = x end
  return all
end

local function merged(members)
  local list = {}
  for _, m in ipairs(members) do
    for _, r in ipairs(C.records(m)) do list[#list + 1] = r end
  end
  query.sort(list, {})
  return list
end

-- The index that has what the query needs; nil when the scenes are in none. A server is asked once
-- for each query.
function C.index_of(state)
  local s = state.service
  if not s then return state.index end
  if not s.asked[state.query] then
    s.asked[state.query] = core.index_open(s.path, s.options, state.query)
  end
  return s.asked[state.query]
end

-- Records of the scenes, in order; listed once for a Collection.
function C.records(state)
  if state.listed then return state.listed end
  local list = {}
  local index = C.index_of(state)
  if index then
    for i, scene in ipairs(core.index_query(index, state.query)) do
      list[i] = { scene = scene, state = state, ops = state.ops }
    end
  else
    local ops = {} -- one list for those that had one, so that they may share a kind
    local all = state.members and merged(state.members) or state.records
    for i, r in ipairs(query.select(all, state.query)) do
      if not ops[r.ops] then ops[r.ops] = joined(r.ops, state.ops) end
      list[i] = { scene = r.scene, state = r.state, image = r.image, ops = ops[r.ops] }
    end
  end
  state.listed = list
  return list
end

function C.count(state)
  if state.listed then return #state.listed end
  local index = C.index_of(state)
  if index then return core.index_summary(index, state.query).count end
  return #C.records(state)
end

-- "no scene has 'x'", when none of these has that property; else nil
local function no_such(list, name)
  if #list == 0 then return nil end
  for _, r in ipairs(list) do
    if query.value(r.scene, name) ~= nil then return nil end
  end
  local near = core.nearest_name(name, query.names(list[1].scene))
  return format("no scene has the property '%s'%s", name,
    near and format(", did you mean '%s'?", near) or "")
end

-- Why a filter left nothing, where its property is one that no scene has
local function why_none(step)
  local stages = step.to.query
  local last = stages and stages[#stages]
  local where = last and last.where
  if not where or #where == 0 or C.count(step.from) > 10000 then return "" end
  local text = no_such(C.records(step.from), where[#where].property)
  return text and format(" (%s)", text) or ""
end

-- "10 scenes in NAME; filter_date("2019") left 0"
function C.say_steps(state)
  local first = state.steps[1]
  local source = state.source or "the Collection"
  if state.service then -- all that it has is too much to ask for
    local texts = {}
    for i, s in ipairs(state.steps) do texts[i] = s.text end
    return format("%s has none%s%s", source, #texts > 0 and " of " or "", concat(texts, ", "))
  end
  local parts = { format("%s has %d", source, C.count(first and first.from or state)) }
  for _, s in ipairs(state.steps) do
    local n = C.count(s.to)
    parts[#parts + 1] = format("%s left %d%s", s.text, n, n == 0 and why_none(s) or "")
    if n == 0 then break end
  end
  return concat(parts, ", ")
end

local told = {} -- each is said once

local function tell(what, list, name)
  local text = no_such(list, name)
  if not text or told[what .. text] then return end
  told[what .. text] = true
  core.warn(format("%s: %s", what, text))
end

-- Scenes without a property are not sorted by it, and are all one group of limit: of a name that none
-- has, which may be a slip of the pen, something is said.
local function warn_unknown(state, list)
  for _, stage in ipairs(state.query) do
    for _, key in ipairs(stage.sort or {}) do tell("sort", list, key[1]) end
    for _, name in ipairs(stage.per or {}) do tell("limit", list, name) end
  end
end

-- Records, at least one; an error says which filter left nothing
function C.some_records(state, what)
  local list = C.records(state)
  if #list == 0 then
    raise(format("%s: there is no scene: %s", what, C.say_steps(state)))
  end
  warn_unknown(state, list)
  return list
end

-- ---------------------------------------------------------------------------------- Images of them

local function own_image(r)
  local img = r.image
  local context = { record = r, scene = query.view(r.scene) }
  for _, op in ipairs(r.ops) do img = C.kinds.apply(op, img, context) end
  return img
end

-- One scene as an Image
function C.image(r, state)
  if r.image then return own_image(r) end
  local images, scenes = C.kinds.of({ r })
  return core.compose { reducer = "first", on_error = state.options.on_error or "fail",
    label = C.label(state, { r }), kinds = images, scenes = scenes }
end

function C.image_at(c, i)
  local state = state_of(c, "a scene by number")
  local list = C.some_records(state, format("scene %s", tostring(i)))
  if mtype(i) ~= "integer" or i < 1 or i > #list then
    raise(format("scenes count from 1 to %d here%s, got %s", #list,
      i == 0 and " (did you mean 1, the first?)" or "", tostring(i)))
  end
  return C.image(list[i], state)
end

-- for scene, i in c:scenes() do: views of the scenes, in order, and their numbers
function methods.scenes(c)
  local state = state_of(c, "scenes")
  local list, i = C.records(state), 0
  return function()
    i = i + 1
    local r = list[i]
    if r then return query.view(r.scene), i end
  end
end

function methods.count_images(c) return C.count(state_of(c, "count_images")) end
methods.size = methods.count_images

function methods.ids(c)
  local ids = {}
  for i, r in ipairs(C.records(state_of(c, "ids"))) do ids[i] = r.scene.id end
  return ids
end

function methods.dates(c)
  local list = {}
  for i, r in ipairs(C.records(state_of(c, "dates"))) do
    list[i] = r.scene.t and dates.datetime(r.scene.t) or ""
  end
  return list
end

-- ------------------------------------------------------------------------------------- metamethods

local names
meta.__index = function(c, key)
  local m = methods[key]
  if m ~= nil then return m end
  if type(key) == "number" then return C.image_at(c, key) end
  if not names then
    names = {}
    for name in pairs(methods) do names[#names + 1] = name end
    sort(names)
  end
  local near = core.nearest_name(tostring(key), names)
  local of_image = core.methods[key] and "; Images have it: c:map(function(img) return img:"
    .. tostring(key) .. "(...) end), or after a reducer such as c:median()"
  raise(format("a Collection has no method '%s'%s%s", tostring(key),
    near and format(", did you mean '%s'?", near) or "", of_image or ""))
end
meta.__len = function(c) return C.count(state_of(c, "#")) end
meta.__newindex = function()
  raise "a Collection is never changed; every method returns a new one"
end
meta.__call = function()
  raise "a Collection is not a function; did you mean c:method(...) ?"
end
meta.__pairs = function()
  raise "for scene in c:scenes() do ... end goes over the scenes of a Collection"
end
for _, event in ipairs { "add", "sub", "mul", "div", "idiv", "mod", "pow", "unm", "band", "bor",
  "bxor", "bnot", "shl", "shr", "lt", "le", "concat" } do
  meta["__" .. event] = function()
    raise "a Collection is many Images: reduce it (c:median()) or map(fn) over them"
  end
end
