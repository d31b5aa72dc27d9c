-- Outputs whose scenes are shared out to a job's tasks. SPDX-License-Identifier: MIT
--
-- core.part says which run of the script this is; without it nothing here has a part in anything.
--   {mode = "plan", few = n}: a job is planned. Rows of scenes, and products of more than n scenes,
--     are noted in core.part.list, and nothing of them is computed.
--   {mode = "task", output = name, from =, to =}: of that output the scenes from .. to - 1, counted
--     from 0 in the Collection's order; of others nothing.
local core, C = ...

local type, ipairs, setmetatable, tostring = type, ipairs, setmetatable, tostring
local format, move = string.format, table.move
local raise, state_of = core.raise, C.state_of

local deferred = {} -- what rows_later made -> how to compute it
local later = {
  __name = "Rows",
  __index = function(_, key)
    raise(format("rows.%s: the tasks of a job compute these rows; only output can have them",
        tostring(key)))
  end,
  __tostring = function() return "rows that the tasks of a job compute" end,
}

-- For time_series: rows that are not computed yet, nil in an ordinary run
function C.rows_later(state, compute)
  if not core.part then return nil end
  local rows = setmetatable({}, later)
  deferred[rows] = { state = state, compute = compute }
  return rows
end

-- Scenes from .. to - 1 alone; an index is asked for no others.
local function slice(state, from, to)
  if not state.index then
    local all = C.some_records(state, "output")
    return move(all, from + 1, to, 1, {})
  end
  local query = C.query.with(state.query, { limit = to - from, skip = from })
  local list = {}
  for i, scene in ipairs(core.index_query(state.index, query)) do
    list[i] = { scene = scene, state = state, ops = state.ops }
  end
  return list
end

local function is_cube(options)
  return type(options) == "table" and (options.format == "zarr" or options.format == "netcdf")
end

local function note(part, name, state, products)
  local count = C.count(state)
  if count == 0 then raise(format("output: there is no scene: %s", C.say_steps(state))) end
  for _, other in ipairs(part.list) do
    if other.output == name then raise(format('output "%s" is named twice', name)) end
  end
  part.list[#part.list + 1] = { output = name, units = count, products = products }
end

-- For output(name, value, options): true when there is nothing more to do with it here, a table to
-- be put in the value's place, nil for an ordinary output
function core.scenes_output(name, value, options)
  local part, rows = core.part, type(value) == "table" and deferred[value]
  if not part then return nil end
  if rows and type(options) == "table" and options.format ~= "csv" then
    raise(format('output("%s"): rows that the tasks of a job compute are CSV', tostring(name)))
  end
  local state = rows and rows.state
  if not state and C.is_collection(value) and not is_cube(options) then
    state = state_of(value, "output")
    if state.group then raise "output: reduce the groups first" end
    if part.mode == "plan" and C.count(state) <= part.few then state = nil end
  end
  if part.mode == "plan" then
    if not state then return nil end
    note(part, name, state, not rows)
    return true
  end
  if not state or name ~= part.output then return true end
  local records = slice(state, part.from, part.to)
  if rows then return rows.compute(records) end
  return C.dated_images(state, records)
end
