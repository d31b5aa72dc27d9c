-- Tables of options: which there are, and what each may be. SPDX-License-Identifier: MIT
--
-- `known` has an entry for each option: a function of the value that says what it must be, or nil
-- when it is; anything else takes every value. `core.options` has such functions, too.
local core = ...

local raise, nearest = core.raise, core.nearest_name
local type, pairs, ipairs, tostring = type, pairs, ipairs, tostring
local mtype, huge = math.type, math.huge
local format, concat, sort = string.format, table.concat, table.sort

local options = {}
core.options = options

-- Raises: there is no option `key`, but those of the list `names`
function options.unknown(what, key, names)
  sort(names)
  local near = type(key) == "string" and nearest(key, names)
  raise(format("%s has no option '%s'%s; there are %s", what, tostring(key),
    near and format(", did you mean '%s'?", near) or "", concat(names, ", ")))
end

-- A copy of the table `given`, none when it is nil; raises for what is not known. `example` is a
-- table of options as one would write it.
function options.check(what, given, known, example)
  local o = {}
  if given == nil then return o end
  if type(given) ~= "table" then
    raise(format("%s: the options are a table%s, got %s", what,
      example and ", such as " .. example or "", type(given)))
  end
  for k, v in pairs(given) do
    local rule = known[k]
    if rule == nil then
      local names = {}
      for name in pairs(known) do names[#names + 1] = name end
      options.unknown(what, k, names)
    end
    local wanted = type(rule) == "function" and rule(v)
    if wanted then raise(format("%s: %s is %s, got %s", what, k, wanted, tostring(v))) end
    o[k] = v
  end
  return o
end

-- ------------------------------------------------------------------------------------- the values

function options.is_number(x) -- neither NaN nor infinite
  return type(x) == "number" and x == x and x ~= huge and x ~= -huge
end

local is_number = options.is_number

function options.number(x) return not is_number(x) and "a number" or nil end
function options.above_0(x) return not (is_number(x) and x > 0) and "a number above 0" or nil end
function options.flag(x) return type(x) ~= "boolean" and "true or false" or nil end
function options.text(x) return type(x) ~= "string" and "a text" or nil end
function options.list(x) return not (type(x) == "table" and #x > 0) and "a list" or nil end
function options.whole(x) return mtype(x) ~= "integer" and "a whole number" or nil end

function options.whole_from(least)
  return function(x)
    return not (mtype(x) == "integer" and x >= least) and "a whole number from " .. least or nil
  end
end

function options.whole_within(least, most)
  return function(x)
    if mtype(x) == "integer" and x >= least and x <= most then return nil end
    return format("a whole number from %d to %d", least, most)
  end
end

-- one_of("horn", "zevenbergen"): one of these texts and numbers
function options.one_of(...)
  local values, words = { ... }, {}
  for i, v in ipairs(values) do words[i] = type(v) == "string" and '"' .. v .. '"' or tostring(v) end
  local text = concat(words, ", ", 1, #words - 1) .. " or " .. words[#words]
  return function(x)
    for _, v in ipairs(values) do
      if x == v then return nil end
    end
    return text
  end
end
