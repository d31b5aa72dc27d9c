-- A Collection's scenes one by one: products, series over time. SPDX-License-Identifier: MIT
local core, C = ...

local ipairs = ipairs
local raise, dates, methods, state_of = core.raise, C.dates, C.methods, C.state_of

-- Every scene as an Image, in order; scenes that are alike have one kind.
function C.images(state, records)
  local list, plain = {}, {}
  for i, r in ipairs(records) do
    if r.image then list[i] = C.image(r, state)
    else plain[#plain + 1] = i end
  end
  if #plain == 0 then return list end
  local of_files = {}
  for k, i in ipairs(plain) do of_files[k] = records[i] end
  local images, scenes = C.kinds.of(of_files)
  for k, i in ipairs(plain) do
    local kind = images[scenes[k].kind]
    scenes[k].kind = 1
    list[i] = core.compose { reducer = "first", on_error = state.options.on_error or "fail",
      label = C.label(state, { of_files[k] }), kinds = { kind }, scenes = { scenes[k] } }
  end
  return list
end

-- For output(name, c): {images =, times =, ids =}, one entry a scene; nil for anything else
function core.collection_products(c)
  if not C.is_collection(c) then return nil end
  local state = state_of(c, "output")
  if state.group then raise "output: reduce the groups first" end
  return C.dated_images(state, C.some_records(state, "output"))
end

function C.dated_images(state, records)
  local times, ids = {}, {}
  for i, r in ipairs(records) do
    if not r.scene.t then raise("output: scene " .. r.scene.id .. " has no date") end
    times[i], ids[i] = r.scene.t, r.scene.id
  end
  return { images = C.images(state, records), times = times, ids = ids }
end

local function series(state, records, geometry, options)
  local list = {}
  for i, img in ipairs(C.images(state, records)) do
    local scene = records[i].scene
    list[i] = { date = scene.t and dates.datetime(scene.t) or "", id = scene.id, image = img }
  end
  return core.time_series(list, geometry, options)
end

-- time_series({lon, lat} | geometry[, {stats =, crs =, res =}]): rows of date, id and values
function methods.time_series(c, geometry, options)
  local state = state_of(c, "time_series")
  if not core.time_series then raise "time_series is not there yet" end
  if state.group then raise "time_series: reduce the groups first" end
  return C.rows_later(state, function(records) return series(state, records, geometry, options) end)
    or series(state, C.some_records(state, "time_series"), geometry, options)
end
