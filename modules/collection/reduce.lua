-- reduce(fn): a function of the script's own over the values of a cell in time.
-- SPDX-License-Identifier: MIT
--
-- The scenes of one band are stacked as t1, t2 ... and an expression, fn({t1, t2}), calls the
-- script's function, which keeps its own text and lines: what is wrong in it is said there.
local core, C = ...

local ipairs, pairs, type, tostring = ipairs, pairs, type, tostring
local format, concat = string.format, table.concat
local raise, methods, fold, image_methods = core.raise, C.methods, C.fold, core.methods

-- The values that are there of t[1 .. n], in order; n is filled in
local PACK = [[(function(t)
  local v, k = {}, 0
  for i = 1, %d do
    if t[i] ~= nil then
      k = k + 1
      v[k] = t[i]
    end
  end
  return v
end)]]

local own = { valid = true, compile = true, on_error = true, min_count = true }

-- reduce(fn, "B04", {valid =, compile =, on_error =, min_count =})
local function arguments(...)
  local bands, options = {}, {}
  for _, x in ipairs { ... } do
    if type(x) == "table" then
      for _, name in ipairs(x) do bands[#bands + 1] = name end
      for k, v in pairs(x) do
        if type(k) == "string" then
          if not own[k] then
            raise(format("reduce has no option '%s'; there are valid, compile, min_count and "
              .. "on_error", k))
          end
          options[k] = v
        end
      end
    else bands[#bands + 1] = x end
  end
  local valid = options.valid or "any"
  if valid ~= "any" and valid ~= "strict" then
    raise(format("reduce: valid is \"any\" or \"strict\", got %s", tostring(valid)))
  end
  options.valid = valid
  return bands, options
end

local function one_band(stack, n, fn, options)
  local names = {}
  for i = 1, n do names[i] = "t" .. i end
  stack = image_methods.rename(stack, names)
  local list = "{" .. concat(names, ", ") .. "}"
  if options.valid == "any" then list = PACK:format(n) .. "(" .. list .. ")" end
  return core.expr(stack, "fn(" .. list .. ")", { fn = fn, valid = options.valid,
    compile = options.compile })
end

local function by_function(c, fn, ...)
  local state = C.state_of(c, "reduce")
  local bands, options = arguments(...)
  if state.group then
    local args = table.pack(...)
    return C.map_groups(state, function(sub)
      return by_function(sub, fn, table.unpack(args, 1, args.n))
    end, "reduce")
  end
  if #bands > 0 then c = c:select(bands) end
  c = c:sort "datetime"
  local n = #c
  local first = C.image(C.some_records(C.state_of(c, "reduce"), "reduce")[1], state)
  local result
  for _, band in ipairs(first:bands()) do
    local one = c:select(band)
    local r = one_band(one:stack { on_error = options.on_error }, n, fn, options)
    r = image_methods.rename(r, band)
    if options.min_count then
      r = core.keep(r, core.ge(one:count { on_error = options.on_error }, options.min_count))
    end
    result = result and core.stack(result, r) or r
  end
  return result
end

-- reduce(fn): fn(values) gets a list of a cell's valid values in order of time. reduce("median"),
-- reduce("percentile", 90): a reducer by its name
function methods.reduce(c, what, ...)
  if type(what) == "function" then return by_function(c, what, ...) end
  C.state_of(c, "reduce")
  if type(what) ~= "string" or not fold[what] and what ~= "mode" and what ~= "medoid" then
    raise(format("reduce: there is no reducer %s", tostring(what)))
  end
  return methods[what](c, ...)
end
