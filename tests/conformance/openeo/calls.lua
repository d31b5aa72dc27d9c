-- Cases of scalars and lists: as Functions on one cell, and as operations of Images. Part of
-- ../openeo.lua.
-- SPDX-License-Identifier: MIT
local processes = ...
local F, lists, signature = processes.F, processes.lists, processes.signature

local null, huge, format = json.null, math.huge, string.format
local concat, sort, unpack = table.concat, table.sort, table.unpack

-- ------------------------------------------------------------------------- values of the cases

local NODATA = {} -- stands for the no-data value and for null

local function special(v) -- what JSON has no word for
  if v == null then return NODATA end
  if type(v) ~= "table" then return v end
  if v.type == "nodata" then return NODATA end
  if v.type == "number" then
    return v.value == "NaN" and 0 / 0 or v.value == "Infinity" and huge or -huge
  end
end

local function is_pixel(v)
  local x = special(v)
  return x == NODATA or type(x) == "number" or type(x) == "boolean"
end

-- A list of the values of an array, plain or labelled, and its labels; nil: none of pixels
local function elements(v)
  if type(v) ~= "table" or v.type and v.type ~= "labeled-array" then return nil end
  local list, labels = {}, nil
  if v.type then
    labels = {}
    for i, x in ipairs(v.data) do list[i], labels[i] = x.value, x.key end
  else
    for i, x in ipairs(v) do list[i] = x end
  end
  for _, x in ipairs(list) do if not is_pixel(x) then return nil end end
  return list, labels
end

local function text_of(v) -- for names of cases
  local x = special(v)
  if x == NODATA then return "nodata" end
  if type(x) == "number" then
    return x ~= x and "NaN" or x == huge and "Infinity" or x == -huge and "-Infinity"
      or format("%.10g", x)
  end
  if type(v) ~= "table" then return tostring(v) end
  if v["$ref"] then return v["$ref"] end
  if v.type == "datacube" then return "cube" end
  if v.process_graph then
    local ids = {}
    for _, node in pairs(v.process_graph) do ids[#ids + 1] = node.process_id end
    sort(ids)
    return concat(ids, "+")
  end
  local parts = {}
  if #v > 0 then
    for i, one in ipairs(v) do parts[i] = text_of(one) end
    return "[" .. concat(parts, ",") .. "]"
  end
  for key, one in pairs(v) do parts[#parts + 1] = tostring(key) .. ":" .. text_of(one) end
  sort(parts)
  return "{" .. concat(parts, ",") .. "}"
end

local function case_name(id, arguments)
  local parts = {}
  for key, v in pairs(arguments) do parts[#parts + 1] = key .. "=" .. text_of(v) end
  sort(parts)
  return id .. "(" .. concat(parts, ", ") .. ")"
end

-- ------------------------------------------------------------------------- one call as a Function

-- What a Function returns, as a number and its kind: Images have no NaN and no null.
local function tag(r)
  if r == nil then return 0.0, 0 end
  if r == true then return 1.0, 2 end
  if r == false then return 0.0, 2 end
  if r ~= r then return 0.0, 3 end
  if r == 1 / 0 then return 0.0, 4 end
  if r == -1 / 0 then return 0.0, 5 end
  return r + 0.0, 1
end

local function untag(value, kind)
  if kind == 0 then return NODATA end
  if kind == 2 then return value ~= 0 end
  if kind == 3 then return 0 / 0 end
  if kind == 4 then return huge end
  if kind == 5 then return -huge end
  return value
end

local function skip(reason) error({ skip = reason }, 0) end
local function throw(reason) error({ throws = reason }, 0) end

local function literal(v)
  local x = special(v)
  if x == NODATA then return "nil" end
  if type(x) == "number" then
    return x ~= x and "(0/0)" or x == huge and "(1/0)" or x == -huge and "(-1/0)"
      or format(math.type(x) == "integer" and "%d" or "%.17g", x)
  end
  if type(x) == "boolean" then return tostring(x) end
  if type(v) == "table" and not v.type then
    local parts = {}
    for i, one in ipairs(v) do parts[i] = literal(one) end
    return "{" .. concat(parts, ", ") .. "}"
  end
  skip "a text is no value of a pixel"
end

-- A text that is written: its bands, the functions it uses.
local function new_writer()
  return { bands = {}, params = {}, statements = {}, used = {}, names = {}, n = 0 }
end

local function add_band(w, rows) -- rows of numbers, or an Image of one band
  local name = "A" .. #w.params + 1
  w.bands[name] = rows
  w.params[#w.params + 1] = name
  return name
end

-- The expression of a value that a case states, carried by a band of one cell
local function of_value(w, v)
  local x = special(v)
  if not is_pixel(v) then
    skip(type(v) == "string" and "a text is no value of a pixel"
      or "a list or object is no value of a pixel")
  end
  if x == NODATA then return add_band(w, { { false } }) end
  if type(x) == "boolean" then return "(" .. add_band(w, { { x and 1 or 0 } }) .. " ~= 0)" end
  if x ~= x then
    local name = add_band(w, { { 0.0 } })
    return "(" .. name .. " / " .. name .. ")"
  end
  return add_band(w, { { x + 0.0 } })
end

local function function_name(w, id)
  if not w.names[id] then
    w.used[#w.used + 1] = F[id]
    w.names[id] = "f" .. #w.used
  end
  return w.names[id]
end

local write_node

-- The text of one argument: values, lists with their lengths, constants. resolve(v): the text of
-- what v refers to, or nil.
local function argument(w, a, v, resolve)
  if v == nil then
    if a.many then return "{}, 0" end
    if a.default == "" then throw("ArgumentMissing: " .. a.name) end
    return a.default
  end
  local known = resolve(v)
  if known then return known end
  if a.const then return literal(v) end
  if not a.many then return w.inline and literal(v) or of_value(w, v) end
  local list = type(v) == "table" and (elements(v) or #v > 0 and v) or nil
  if not list then skip "a list of texts or lists is no list of pixels" end
  local parts = {}
  for i, x in ipairs(list) do
    parts[i] = resolve(x) or w.inline and literal(x) or of_value(w, x)
  end
  return "{" .. concat(parts, ", ") .. "}, " .. #parts
end

local function call_text(w, id, arguments, resolve)
  local parts = {}
  for i, a in ipairs(signature(id)) do parts[i] = argument(w, a, arguments[a.name], resolve) end
  return function_name(w, id) .. "(" .. concat(parts, ", ") .. ")"
end

-- The bands' names as the label of array_element
local function element_index(arguments, labels)
  if arguments.index ~= nil or arguments.label == nil then return arguments end
  for i, label in ipairs(labels or {}) do
    if label == arguments.label then
      return { data = arguments.data, index = i - 1 }
    end
  end
  throw("ArrayElementNotAvailable: " .. tostring(arguments.label))
end

-- A process graph: statements into w, the name of its result, whether that is a list. env: texts
-- of the callback's parameters; labels: of env.data.
function write_node(w, graph, id, env, labels, done)
  if done[id] then return done[id], lists[graph[id].process_id] end
  local node = graph[id]
  local process = node.process_id
  if not F[process] then skip("the callback names a process that is not there: " .. process) end
  local arguments = node.arguments
  if process == "array_element" then arguments = element_index(arguments, labels) end
  if process == "array_interpolate_linear" then
    local places = {}
    for i = 1, #(labels or {}) do places[i] = i end
    arguments = { data = arguments.data, labels = places }
  end
  local text = call_text(w, process, arguments, function(v)
    if type(v) ~= "table" then return nil end
    local name = v.from_parameter or v.from_argument
    if name and env[name] then return env[name] end
    local from = v.from_node or name
    if from and graph[from] then return (write_node(w, graph, from, env, labels, done)) end
    if name then skip("the callback has no parameter '" .. name .. "'") end
  end)
  w.n = w.n + 1
  done[id] = "n" .. w.n
  local n = done[id] .. (lists[process] and ", m" .. w.n or "")
  w.statements[#w.statements + 1] = format("local %s = %s", n, text)
  return done[id], lists[process]
end

local function write_graph(w, graph, env, labels)
  for id, node in pairs(graph) do
    if node.result then return write_node(w, graph, id, env, labels, {}) end
  end
  skip "the callback has no result"
end

-- Makes the Function of what was written; `tail`: its last statement.
local function load_function(w, tail)
  local names = {}
  for i = 1, #w.used do names[i] = "f" .. i end
  names[#names + 1] = "tag"
  local text = format("local %s = ...\nreturn function(%s)\n%s\n%s\nend", concat(names, ", "),
    concat(w.params, ", "), concat(w.statements, "\n"), tail)
  local make, why = load(text)
  if not make then error(why .. "\n" .. text) end
  local values = { unpack(w.used) }
  values[#values + 1] = tag
  return make(unpack(values))
end

-- Runs it on one cell; `results` names of values. Returns them.
local function run_cell(w, results)
  local tail, bands = {}, {}
  for i, name in ipairs(results) do
    tail[#tail + 1] = format("local v%d, k%d = tag(%s)", i, i, name)
    bands[#bands + 1], bands[#bands + 2] = "v" .. i, "k" .. i
  end
  if #w.params == 0 then add_band(w, { { 0 } }) end
  local fn = load_function(w, concat(tail, "\n") .. "\nreturn " .. concat(bands, ", "))
  local all = Image(w.bands):execute(fn, { valid = "any", bands = bands }):values()
  local list = {}
  for i = 1, #results do
    local k = all["k" .. i][1][1]
    list[i] = untag(all["v" .. i][1][1], k)
  end
  return list
end

local function most_results(id, arguments)
  local n = 0
  for _, v in pairs(arguments) do
    if type(v) == "table" then n = n + #(elements(v) or {}) end
  end
  local ps = arguments.probabilities
  if type(ps) == "table" then n = math.max(n, #ps) end
  if id == "extrema" then n = 2 end
  if id == "array_append" then n = n + 1 end
  return math.max(n * (arguments["repeat"] or 1), 1)
end

-- A process on the arguments of a case: a value, or a list of values
local function run_function(id, arguments)
  local w = new_writer()
  local text = call_text(w, id, arguments, function() end)
  if not lists[id] then
    w.statements[1] = "local r = " .. text
    return run_cell(w, { "r" })[1]
  end
  local results = { "m" }
  for i = 1, most_results(id, arguments) do results[i + 1] = format("r[%d]", i) end
  w.statements[1] = "local r, m = " .. text
  local got = run_cell(w, results)
  return { unpack(got, 2, got[1] + 1) }
end

-- A callback on each element of a list: its results
local function run_each(graph, arguments, list, labels)
  local out = {}
  for i, v in ipairs(list) do
    local w = new_writer()
    local env = { index = tostring(i - 1), x = nil }
    env.x = of_value(w, v)
    env.element = env.x
    if arguments.context ~= nil then env.context = literal(arguments.context) end
    if labels and type(labels[i]) == "number" then env.label = literal(labels[i]) end
    out[i] = run_cell(w, { (write_graph(w, graph, env)) })[1]
  end
  return out
end

-- --------------------------------------------------------------- the same by operations of Images

local O = {} -- process -> function of Images
for openeo, name in pairs { absolute = "abs", sqrt = "sqrt", exp = "exp", ln = "log", sin = "sin",
  cos = "cos", tan = "tan", arcsin = "asin", arccos = "acos", arctan = "atan", ceil = "ceil",
  floor = "floor", ["not"] = "logical_not", add = "add", subtract = "subtract",
  multiply = "multiply", divide = "divide", mod = "mod", power = "pow", arctan2 = "atan2",
  gt = "gt", gte = "gte", lt = "lt", lte = "lte", ["and"] = "logical_and",
  ["or"] = "logical_or", xor = "logical_xor", is_valid = "isvalid" } do
  O[openeo] = function(x, y)
    if y == nil then return x[name](x) end
    return x[name](x, y)
  end
end
function O.eq(x, y) return x:eq(y) end
function O.neq(x, y) return x:neq(y) end
function O.is_nodata(x) return x:isvalid():logical_not() end
function O.normalized_difference(x, y)
  return Image { x = x, y = y }:normalized_difference("x", "y")
end
function O.round(x, p) if p == nil then return x:round() end end

local R = { min = "min", max = "max", mean = "mean", median = "median", sum = "sum",
  first = "first", last = "last", count = "count" } -- of Collections

local function finite(v)
  local x = special(v)
  return x == NODATA or type(x) == "boolean"
    or type(x) == "number" and x == x and x ~= huge and x ~= -huge
end

-- An Image of one cell
local function cell_image(v)
  local x = special(v)
  if x == NODATA then return Image { { false } } end
  if type(x) == "boolean" then return Image { { x and 1 or 0 } }:ne(0) end
  return Image { { x + 0.0 } }
end

local function as_case(img, like)
  local x = img:values()[1][1]
  if x ~= x then return NODATA end
  if type(special(like)) == "boolean" then return x ~= 0 end
  return x
end

local known_options = { ignore_nodata = true, data = true }

-- The value by operations of Images, or nil where there is none for the case
local function run_image(id, arguments, expected)
  if not finite(expected) then return nil end
  if R[id] or id == "sd" then
    local list = elements(arguments.data)
    for key in pairs(arguments) do if not known_options[key] then return nil end end
    if not list or #list == 0 or arguments.ignore_nodata == false then return nil end
    local images, dates = {}, {}
    for i, v in ipairs(list) do
      if not finite(v) or type(special(v)) == "boolean" then return nil end
      images[i], dates[i] = cell_image(v), format("2020-01-%02d", i)
    end
    local c = Collection { images = images, dates = dates }
    return as_case(id == "sd" and c:stddev { ddof = 1 } or c[R[id]](c), expected)
  end
  if not O[id] then return nil end
  local list = {}
  for i, a in ipairs(signature(id)) do
    local v = arguments[a.name]
    if a.const and v ~= nil then return nil end
    if v ~= nil and (not is_pixel(v) or not finite(v)) then return nil end
    if v ~= nil then list[i] = cell_image(v) end
  end
  -- a value without one, or of another kind than the process is about, has no type to work on
  local kind = id == "and" or id == "or" or id == "xor" or id == "not"
  for _, a in ipairs(signature(id)) do
    local x = arguments[a.name] ~= nil and special(arguments[a.name])
    if kind and x == NODATA then return nil end
    if not kind and type(x) == "boolean" and id ~= "is_valid" then return nil end
  end
  local r = O[id](unpack(list))
  return r and as_case(r, expected)
end

-- -------------------------------------------------------------------------------------- comparison

local function same(expected, got, delta)
  local x = special(expected)
  if x == nil then return false end
  if x == NODATA or got == NODATA then return x == got end
  if type(x) ~= type(got) then return false end
  if type(x) ~= "number" then return x == got end
  return x == got or x ~= x and got ~= got or math.abs(x - got) <= delta
end

local function shown(got)
  if got == NODATA then return "nodata" end
  if type(got) ~= "table" then return text_of(got) end
  local parts = {}
  for i, x in ipairs(got) do parts[i] = shown(x) end
  return "[" .. concat(parts, ",") .. "]"
end

-- nil when they agree, else what differs
local function differs(expected, got, delta)
  if got ~= NODATA and type(got) == "table" then
    local list, labels = elements(expected)
    if not list and type(expected) == "table" and expected[1] and expected[1].key then
      list = {}
      for i, x in ipairs(expected) do list[i] = x.value end
    end
    if not list then return "wanted " .. text_of(expected) .. ", got " .. shown(got) end
    if labels and got.labels then
      for i, label in ipairs(labels) do
        if got.labels[i] ~= label then return "label " .. i .. " is " .. tostring(got.labels[i]) end
      end
    end
    local bad = #list ~= #got
    for i, x in ipairs(list) do bad = bad or not same(x, got[i], delta) end
    return bad and "wanted " .. text_of(list) .. ", got " .. shown(got) or nil
  end
  if same(expected, got, delta) then return nil end
  return "wanted " .. text_of(expected) .. ", got " .. shown(got)
end

-- -------------------------------------------------------------------------- cases without a cube

local S = {} -- processes that need more than one call

-- array_apply, array_filter, count with a condition: a callback on each element
local function with_callback(arguments, key)
  local callback = arguments[key]
  if type(callback) ~= "table" then return nil end
  local graph = callback.process_graph or callback
  local list, labels = elements(arguments.data)
  if not list then skip "a list of texts or lists is no list of pixels" end
  return run_each(graph, arguments, list, labels), list, labels
end

function S.count(arguments)
  local hits, k = with_callback(arguments, "condition"), 0
  if arguments.condition == true then return #(elements(arguments.data) or arguments.data) end
  if not hits then return run_function("count", { data = arguments.data }) end
  for _, x in ipairs(hits) do if x == true then k = k + 1 end end
  return k
end

function S.array_apply(arguments)
  return (with_callback(arguments, "process"))
end

function S.array_filter(arguments)
  local hits, list, labels = with_callback(arguments, "process")
  local kept, names = {}, labels and {}
  for i, x in ipairs(hits) do
    if x == true then
      kept[#kept + 1] = special(list[i])
      if labels then names[#kept] = labels[i] end
    end
  end
  kept.labels = names
  return kept
end

function S.array_element(arguments)
  local list, labels = elements(arguments.data)
  if not list then skip "a list of texts or lists is no list of pixels" end
  if (arguments.index == nil) == (arguments.label == nil) then
    throw "ArrayElementParameterMissing or ArrayElementParameterConflict"
  end
  local index = arguments.index
  for i, label in ipairs(labels or {}) do
    if label == arguments.label then index = i - 1 end
  end
  if index == nil or index >= #list then
    if arguments.return_nodata then return NODATA end
    throw "ArrayElementNotAvailable"
  end
  return run_function("array_element", { data = arguments.data, index = index })
end

function S.array_interpolate_linear(arguments)
  local list, labels = elements(arguments.data)
  if not list then skip "a list of texts or lists is no list of pixels" end
  local at, all_numbers = {}, labels ~= nil
  for i in ipairs(list) do all_numbers = all_numbers and type(labels[i]) == "number" end
  for i in ipairs(list) do at[i] = all_numbers and labels[i] or i end
  local r = run_function("array_interpolate_linear", { data = arguments.data, labels = at })
  r.labels = labels
  return r
end

function S.quantiles(arguments)
  local ps = arguments.probabilities
  if type(ps) == "number" then -- that many parts of equal size
    local parts = {}
    for i = 1, ps - 1 do parts[i] = i / ps end
    ps = parts
  end
  local copy = {}
  for key, v in pairs(arguments) do copy[key] = v end
  copy.probabilities = ps
  return run_function("quantiles", copy)
end

function S.clip(arguments)
  local lo, hi = special(arguments.min), special(arguments.max)
  if type(lo) == "number" and type(hi) == "number" and lo > hi then
    cell_image(arguments.x):clamp(lo, hi) -- raises
  end
  return run_function("clip", arguments)
end

-- A reducer of nothing: there is no band for it
function S.array_append(arguments)
  if arguments.label ~= nil or type(arguments.data) == "table" and arguments.data.type then
    skip "a list with labels is no list of pixels: Images have bands"
  end
  return run_function("array_append", arguments)
end

-- Labels stay when both have some, and are not the same then
function S.array_concat(arguments)
  local _, a = elements(arguments.array1)
  local _, b = elements(arguments.array2)
  local labels, taken = {}, {}
  for _, list in ipairs { a or {}, b or {} } do
    for _, label in ipairs(list) do
      if a and b and taken[label] then throw("ArrayLabelConflict: " .. tostring(label)) end
      taken[label] = true
      labels[#labels + 1] = label
    end
  end
  local r = run_function("array_concat", arguments)
  r.labels = a and b and labels or nil
  return r
end

local function run_scalar(case, id, delta)
  local ok, got = pcall(S[id] or function(a) return run_function(id, a) end, case.arguments)
  if not ok then
    if type(got) == "table" and rawget(got, "skip") then error(got, 0) end
    if case.throws ~= nil then return nil end
    return tostring(type(got) == "table" and rawget(got, "throws") or got)
  end
  if case.returns == nil then return "should be an error, got " .. shown(got) end
  local why = differs(case.returns, got, delta)
  if why and not (case.throws ~= nil and got ~= got) then return why end
  local by_image = run_image(id, case.arguments, case.returns)
  if by_image == nil then return nil end
  why = differs(case.returns, by_image, delta)
  return why and "by an operation of Images: " .. why
end

return { NODATA = NODATA, special = special, case_name = case_name, skip = skip, throw = throw,
  literal = literal, new_writer = new_writer, add_band = add_band, write_node = write_node,
  write_graph = write_graph, load_function = load_function, reducers = R, S = S,
  run_scalar = run_scalar }
