-- What is done to each scene, and what makes one Image of them. SPDX-License-Identifier: MIT
local core, C = ...

local ipairs, pairs, type, tostring, select = ipairs, pairs, type, tostring, select
local format = string.format
local pack, unpack = table.pack, table.unpack
local mtype = math.type
local raise, dates, kinds, fold, methods = core.raise, C.dates, C.kinds, C.fold, C.methods
local sensors, state_of, image_methods = C.sensors, C.state_of, core.methods

-- ---------------------------------------------------------------------------------- on every scene

local function check_names(list, what)
  if #list == 0 then raise(what .. " needs at least one band") end
  for _, name in ipairs(list) do
    if type(name) ~= "string" and mtype(name) ~= "integer" then
      raise(format("%s: a band is a name or a number, got %s", what, type(name)))
    end
    if name == 0 then raise(what .. ": bands count from 1; did you mean 1, the first?") end
  end
  return list
end

-- A band by its own name, or by a common one, which it then has
local function pick(img, name, context)
  if type(name) == "string" and context.layout then
    local have = {}
    for _, n in ipairs(img:bands()) do have[n] = true end
    local b = not have[name] and sensors.find_band(context.layout, name)
    if b and have[b.name] then
      return image_methods.rename(image_methods.select(img, b.name), name)
    end
  end
  return image_methods.select(img, name)
end

local function select_op(names)
  return { select = names, plain = true, text = "select", fn = function(img, context)
    local r
    for _, name in ipairs(names) do
      local one = pick(img, name, context)
      r = r and core.stack(r, one) or one
    end
    return r
  end }
end

function methods.select(c, ...)
  local state = state_of(c, "select")
  local names = ...
  if type(names) ~= "table" then names = { ... } end
  return C.with_op(state, select_op(check_names(names, "select")))
end
methods.band = methods.select

-- map(fn): fn(image, scene) -> image. Scenes that are alike share one call unless fn reads
-- something of the scene.
function methods.map(c, fn)
  local state = state_of(c, "map")
  if type(fn) ~= "function" then raise("map needs a function, got " .. type(fn)) end
  if state.group then return C.map_groups(state, fn) end
  return C.with_op(state, { text = "map", fn = function(img, context)
    local r = fn(img, context.scene)
    if core.type(r) ~= "image" then
      raise("the function given to map returns an Image, not "
        .. (r == nil and "nothing" or type(r)))
    end
    return r
  end })
end

-- Methods of Images that a Collection hands on to each scene
for _, name in ipairs { "rename", "normalized_difference", "expr", "execute", "rescale", "clamp",
  "astype", "lookup", "unmask", "mask_lt", "mask_le", "mask_lte", "mask_gt", "mask_ge",
  "mask_gte", "mask_eq", "mask_ne", "mask_neq", "mask_range" } do
  local f = image_methods[name]
  methods[name] = function(c, ...)
    local args = pack(...)
    return C.with_op(state_of(c, name), { text = name, fn = function(img)
      return f(img, unpack(args, 1, args.n))
    end })
  end
end

-- Bands of classes stay nearest: a scene has some beside what is measured.
function methods.resample(c, method)
  return C.with_op(state_of(c, "resample"), { text = "resample", fn = function(img)
    return core.resample(img, method, true)
  end })
end

-- mask_clouds(), mask_clouds{snow = true}, {classes = {3, 8, 9}}, {probability = 40}
function methods.mask_clouds(c, options)
  local state = state_of(c, "mask_clouds")
  options = options or {}
  if type(options) ~= "table" then raise "mask_clouds takes a table, such as {snow = true}" end
  local copy = {}
  for k, v in pairs(options) do copy[k] = v end
  return C.with_op(state, { plain = true, text = "mask_clouds",
    needs = function(profile) return sensors.mask_bands(profile, copy) end,
    fn = function(img, context)
      if not context.profile then raise "mask_clouds comes before reducers" end
      sensors.mask_bands(context.profile, copy)
      return sensors.mask(img, context.profile, copy, context.band)
    end })
end

local function with_values(c, what, values)
  local state = state_of(c, what)
  if state.members or state.records then raise(what .. "() comes before merge and reducers") end
  for _, op in ipairs(state.ops) do
    if not op.plain then raise(format("%s() comes before %s", what, op.text)) end
  end
  return C.derive(state, { values = values })
end

function methods.raw(c) return with_values(c, "raw", "raw") end
function methods.harmonize(c) return with_values(c, "harmonize", false) end
function methods.reflectance(c) return with_values(c, "reflectance", "physical") end
methods.physical = methods.reflectance

-- ---------------------------------------------------------------------------------------- reducers

-- What explain says: "harmonised, 2023-08-10 to 2023-08-20"
function C.label(state, records)
  local first, last
  for _, r in ipairs(records) do
    local t = r.scene.t
    if t then
      first, last = first and math.min(first, t) or t, last and math.max(last, t) or t
    end
  end
  local words = { raw = "numbers as stored", physical = "physical values" }
  local text = words[state.values] or "harmonised"
  if not first then return text end
  if dates.date(first) == dates.date(last) then return text .. ", " .. dates.date(first) end
  return format("%s, %s to %s", text, dates.date(first), dates.date(last))
end

local known_options = { min_count = true, on_error = true, ddof = true }

-- bands and options of a reducer's arguments: ("B04", "B08", {min_count = 2}) or
-- {"B04", "B08", min_count = 2}
local function arguments(what, ...)
  local bands, options = {}, {}
  for _, x in ipairs { ... } do
    if type(x) == "table" then
      for _, name in ipairs(x) do bands[#bands + 1] = name end
      for k, v in pairs(x) do
        if mtype(k) == "integer" then goto continue end
        if known_options[k] and (k ~= "ddof" or what == "stddev") then options[k] = v
        else
          raise(format("%s has no option '%s'; there are min_count%s and on_error", what,
            tostring(k), what == "stddev" and ", ddof" or ""))
        end
        ::continue::
      end
    else bands[#bands + 1] = x end
  end
  if #bands > 0 then check_names(bands, what) end
  return bands, options
end

local function check_options(what, o, state)
  local min_count, on_error = o.min_count or 1, o.on_error or state.options.on_error or "fail"
  if mtype(min_count) ~= "integer" or min_count < 1 then
    raise(format("%s: min_count is a whole number from 1 on, got %s", what, tostring(min_count)))
  end
  if on_error ~= "fail" and on_error ~= "skip" then
    raise(format("%s: on_error is \"fail\" or \"skip\", got %s", what, tostring(on_error)))
  end
  local ddof = o.ddof or 0
  if ddof ~= 0 and ddof ~= 1 then
    raise(format("%s: ddof is 0 or 1, got %s", what, tostring(ddof)))
  end
  return { reducer = what, percentile = 50, ddof = ddof, min_count = min_count,
    on_error = on_error }
end

local function compose(state, options, records)
  options.kinds, options.scenes = kinds.of(records)
  options.label = C.label(state, records)
  if options.reducer == "mosaic" then options.reducer = "first" end
  return core.compose(options)
end

local function has_images(records)
  for _, r in ipairs(records) do
    if r.image then return true end
  end
  return false
end

-- One Image of the records
local function reduce_records(state, options)
  local records = C.some_records(state, options.reducer)
  if not has_images(records) then return compose(state, options, records) end
  local ids = {}
  for i, r in ipairs(records) do ids[i] = r.scene.id end
  return fold.reduce(C.images(state, records), ids, options)
end

local function copy_of(options)
  local copy = {}
  for k, v in pairs(options) do copy[k] = v end
  return copy
end

local function reduce(state, options)
  if not state.group then return reduce_records(state, options) end
  return C.map_groups(state, function(sub)
    return reduce_records(core.collection_state(sub), copy_of(options))
  end, options.reducer)
end

local function reducer(name, more)
  return function(c, ...)
    local state = state_of(c, name)
    local extra, bands, given
    if more then
      extra = more(...)
      bands, given = arguments(name, select(2, ...))
    else bands, given = arguments(name, ...) end
    if #bands > 0 then
      state = C.use(core.collection_state(C.with_op(state, select_op(bands))))
    end
    local options = check_options(name, given, state)
    for k, v in pairs(extra or {}) do options[k] = v end
    return reduce(state, options)
  end
end

for _, name in ipairs { "mosaic", "first", "last", "min", "max", "mean", "median", "stddev", "sum",
  "count", "mode", "medoid", "stack" } do
  methods[name] = reducer(name)
end

methods.percentile = reducer("percentile", function(p)
  if type(p) ~= "number" or not (p >= 0 and p <= 100) then
    raise(format("percentile is a number from 0 to 100, got %s", tostring(p)))
  end
  return { percentile = p }
end)

methods.quality_mosaic = reducer("quality_mosaic", function(band)
  if type(band) ~= "string" then
    raise("quality_mosaic needs the name of the band that says how good a pixel is, got "
      .. type(band))
  end
  return { quality = band }
end)
