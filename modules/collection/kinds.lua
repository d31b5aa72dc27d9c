-- Kinds: one graph for all scenes that differ in nothing but their files.
-- SPDX-License-Identifier: MIT
--
-- A record is {scene =, state = the Collection that listed it, ops = what is done to it}, or has an
-- `image` of its own. An op is {fn = function(img, context), select = names or nil, needs =
-- function(profile) -> names or nil, text =}.
local core, C = ...

local ipairs, pcall, type, tostring = ipairs, pcall, type, tostring
local format, concat = string.format, table.concat
local raise, sensors, query, methods = core.raise, C.sensors, C.query, core.methods

local kinds = {}
C.kinds = kinds

local function message(e)
  return type(e) == "userdata" and e.message or tostring(e)
end

-- --------------------------------------------------------------------------- the scene's own bands

-- Numbers as they are stored, harmonised (the shift of the processing baseline taken off, not below
-- 0) or physical.
local function prepared(img, b, layout, state, context)
  if state.values == "raw" then return img end
  if b.shift and layout.shift ~= 0 then img = core.max(core.add(img, layout.shift), 0) end
  if state.values ~= "physical" or b.classes then return img end
  if b.scale == nil then return img end
  if b.scale ~= 1 then img = core.mul(img, b.scale) end
  if b.offset ~= 0 then img = core.add(img, b.offset) end
  if b.sun then
    local sun = context.scene.sun_elevation
    if type(sun) ~= "number" or sun <= 0 then
      raise "reflectance: the scene does not say the sun's elevation (view:sun_elevation)"
    end
    img = core.div(img, math.sin(math.rad(sun)))
  end
  return img
end

-- An op runs when a result is asked for; what it refuses names the line where it was written.
function kinds.apply(op, img, context)
  local good, r = pcall(op.fn, img, context)
  if good then return r end
  local text = message(r)
  if op.where == core.line() or text:find(op.where, 1, true) then raise(text) end
  raise(format("%s at %s: %s", op.text, op.where, text))
end

local function spec_of(layout, scene, names)
  local specs, slots, slot_of = {}, {}, {}
  for i, name in ipairs(names) do
    local b = layout.by_name[name]
    if not slot_of[b.asset] then
      slots[#slots + 1] = b.asset
      slot_of[b.asset] = #slots
    end
    specs[i] = { name = name, asset = slot_of[b.asset], band = b.number,
      dtype = sensors.dtype(b, scene), scale = b.scale or 1, offset = b.offset or 0,
      nodata = b.nodata, res = b.res, classes = b.classes or false }
  end
  return specs, slots
end

-- Which bands the ops read, when they begin with a select: {name = true, key = text}; else nil
local function wanted_by(record, profile)
  local first = record.ops[1]
  if not first or not first.select then return nil end
  local wanted, list = {}, {}
  local function want(name)
    if not wanted[name] then list[#list + 1] = name end
    wanted[name] = true
  end
  for _, name in ipairs(first.select) do
    if type(name) ~= "string" then return nil end
    want(name)
  end
  for _, op in ipairs(record.ops) do
    for _, name in ipairs(op.needs and op.needs(profile) or {}) do want(name) end
  end
  wanted.key = concat(list, "\1")
  return wanted, list
end

local function missing(scene, layout, name)
  local names = sensors.band_names(layout)
  local near = core.nearest_name(tostring(name), names)
  raise(format("scene %s has no band '%s'%s; it has %s", scene.id, tostring(name),
    near and format(", did you mean '%s'?", near) or "", concat(names, ", ")))
end

-- The bands to read of a layout, canonical names
local function needed(layout, scene, list)
  if not list then return sensors.band_names(layout) end
  local names, seen = {}, {}
  for _, name in ipairs(list) do
    local b = sensors.find_band(layout, name)
    if not b then missing(scene, layout, name) end
    if not seen[b.name] then names[#names + 1] = b.name end
    seen[b.name] = true
  end
  return names
end

-- ---------------------------------------------------------------------------------------- one kind

-- Runs the ops on the scene's bands; true as second result when they looked at the scene.
local function build(record, layout, list)
  local scene, looked = record.scene, false
  local names = needed(layout, scene, list)
  local specs, slots = spec_of(layout, scene, names)
  local raw = core.scene_image(specs)
  local context = { layout = layout, profile = layout.profile, record = record }
  context.scene = query.view(scene, function() looked = true end)
  function context.band(name) -- as stored
    local b = sensors.find_band(layout, name)
    for i, n in ipairs(names) do
      if b and n == b.name then return core.pick(raw, { i }, { n }) end
    end
    missing(scene, layout, name)
  end
  local img
  for i, name in ipairs(names) do
    local one = core.pick(raw, { i }, { name })
    one = core.pick(prepared(one, layout.by_name[name], layout, record.state, context), { 1 },
      { name })
    img = img and core.stack(img, one) or one
  end
  for _, op in ipairs(record.ops) do img = kinds.apply(op, img, context) end
  return { image = img, slots = slots, layout = layout }, looked
end

local function with_id(scene, f, ...)
  local good, a, b = pcall(f, ...)
  if good then return a, b end
  local text = message(a)
  if text:find(scene.id, 1, true) then raise(text) end
  raise(format("scene %s: %s", scene.id, text))
end

-- --------------------------------------------------------------------------------------- all kinds

local function common_bands(list)
  local count, order = {}, {}
  for i, k in ipairs(list) do
    local seen = {}
    for _, name in ipairs(k.image:bands()) do
      if not seen[name] then count[name] = (count[name] or 0) + 1 end
      if i == 1 then order[#order + 1] = name end
      seen[name] = true
    end
  end
  local common = {}
  for _, name in ipairs(order) do
    if count[name] == #list then common[#common + 1] = name end
  end
  return common
end

-- All kinds get the same bands in the same order: those that every scene has.
local function same_bands(list)
  local common = common_bands(list)
  if #common == 0 then
    local texts = {}
    for i, k in ipairs(list) do
      if i > 3 then break end
      texts[i] = format("%s (scene %s)", core.band_list(k.image), k.id)
    end
    raise("the scenes have no band in common: " .. concat(texts, "; ")
      .. "; select or rename bands")
  end
  for _, k in ipairs(list) do
    local names = k.image:bands()
    if concat(names, "\0") ~= concat(common, "\0") then
      if #names > #common and not k.by_choice then
        core.warn(format("only bands that all scenes have are used: %s; scene %s has %s",
          concat(common, ", "), k.id, core.band_list(k.image)))
      end
      k.image = methods.select(k.image, common)
    end
  end
end

-- For core.compose: kinds = list of Images, scenes = list
function kinds.of(records, finish)
  local list, known, layouts, scenes = {}, {}, {}, {}
  for n, r in ipairs(records) do
    local scene = r.scene
    local profile = sensors.profile(scene, r.state)
    local wanted, names = wanted_by(r, profile)
    local layout = with_id(scene, sensors.layout, scene, r.state, layouts, wanted)
    local key = known[r.ops]
    if not key then
      key = {}
      known[r.ops] = key
    end
    local of_state = key[r.state] or {}
    key[r.state] = of_state
    local k = of_state[layout]
    if not k then
      local looked
      k, looked = with_id(scene, build, r, layout, names)
      k.id = scene.id
      if finish then k.image = with_id(scene, finish, k.image) end
      list[#list + 1] = k
      k.number = #list
      if not looked then of_state[layout] = k end
    end
    local assets = {}
    for i, a in ipairs(k.slots) do assets[i] = scene.assets[a].href end
    scenes[n] = { id = scene.id, kind = k.number, t = scene.t, assets = assets,
      crs = scene.crs or "", bounds = scene.bounds, box = scene.box }
  end
  same_bands(list)
  local images = {}
  for i, k in ipairs(list) do images[i] = k.image end
  return images, scenes, list
end
