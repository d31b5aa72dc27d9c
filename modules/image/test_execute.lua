-- test_execute: tries a function on made-up pixels before it meets data.
-- SPDX-License-Identifier: MIT
local core, globals = ...

local type, ipairs, pairs, tostring, rawlen = type, ipairs, pairs, tostring, rawlen
local next, pcall, setmetatable, rawget, tonumber = next, pcall, setmetatable, rawget, tonumber
local pack, unpack, concat = table.pack, table.unpack, table.concat
local format, mtype = string.format, math.type
local raise = core.raise

-- ------------------------------------------------------------------------------------- the report

local function names(list)
  local parts = {}
  for i, b in ipairs(list) do
    if i > 8 then parts[i] = format("... %d bands", #list) break end
    parts[i] = b.name .. " " .. b.type
  end
  return concat(parts, ", ")
end

local function cells(row, from, to)
  local parts = {}
  for k = from, to do
    local x = row[k]
    parts[#parts + 1] = x == nil and "invalid" or mtype(x) == "float" and format("%.6g", x)
      or tostring(x)
    if #parts == 8 and k < to then parts[9] = "..." break end
  end
  return concat(parts, "  ")
end

local function speed(r)
  if not r.ns_compiled then return format("%.3g ns per pixel, interpreted", r.ns_interpreted) end
  if not r.ns_interpreted then return format("%.3g ns per pixel compiled", r.ns_compiled) end
  return format("%.3g ns per pixel compiled, %.3g interpreted (%.3g times)", r.ns_compiled,
    r.ns_interpreted, r.ns_interpreted / r.ns_compiled)
end

local function place(f)
  local at = format("the first at column %d, row %d", f.column, f.row)
  if f.line then at = at .. format(", line %d", f.line) end
  return at .. ": " .. tostring(f.reason)
end

local function why_not(r)
  local reason = tostring(r.reason):gsub("^does not compile: ", "")
  return (r.reason_where and "no, " .. r.reason_where or "no") .. ": " .. reason
end

local report = {}
report.__name = "test_execute"
function report.__tostring(r)
  local out = { "function    (" .. names(r.bands) .. ") gives " .. names(r.results) }
  local function say(key, text) out[#out + 1] = format("%-11s %s", key, text) end
  say("compiles", r.compiled and "yes" or why_not(r))
  say("speed", speed(r))
  if r.compiled then
    say("twins", not r.ns_interpreted and "none: the function only works compiled"
      or r.equal and "compiled and interpreted agree to the bit"
      or "compiled and interpreted DIFFER: please report this function")
  end
  say("blocks", r.split_equal and "a pixel's value does not depend on its block"
    or "values DEPEND on the block they are computed in")
  say("valid", format("%d of %d pixels, edge values and invalid inputs among them", r.valid,
    r.pixels))
  say("raised", r.raised == 0 and "never" or format("on %d, %s", r.raised, place(r.first_raised)))
  for i, row in ipairs(r.sample) do
    say(i == 1 and "sample" or "", cells(row, 1, #r.bands) .. "  ->  "
      .. cells(row, #r.bands + 1, row.n))
  end
  return concat(out, "\n")
end

-- -------------------------------------------------------------------------------------- the trial

-- Which parameters are bands: those in `types`, and of the others those that neither `named` nor
-- the further arguments give; these fill the last ones.
local function find_bands(params, args, named, types)
  local open, wanted, bands, seen = {}, {}, {}, {}
  for _, name in ipairs(params) do
    if rawget(types, name) == nil and rawget(named, name) == nil then open[#open + 1] = name end
  end
  for k = 1, #open - args.n do wanted[open[k]] = true end
  for _, name in ipairs(params) do
    if (wanted[name] or rawget(types, name) ~= nil) and not seen[name] then
      seen[name] = true
      bands[#bands + 1] = name
    end
  end
  for name in pairs(types) do
    if not seen[name] then
      raise(format("types: '%s' is no parameter of the function", tostring(name)))
    end
  end
  if #bands == 0 then
    raise(#params == 0 and "test_execute: the function has no parameter that could be a band"
      or "test_execute: the arguments give every parameter, none is left to be a band")
  end
  return bands, seen
end

-- What the interpreter saw but does not tell: the sentence of the error, from the same pixel again.
local function ask_again(first, fn, params, args, named, bands)
  local value, list, k = {}, {}, 0
  for i, name in ipairs(bands) do value[name] = { first.input[i] } end
  for i, name in ipairs(params) do
    if value[name] then
      list[i] = value[name][1]
    elseif rawget(named, name) ~= nil then
      list[i] = rawget(named, name)
    else
      k = k + 1
      list[i] = args[k]
    end
  end
  local good, e = pcall(fn, unpack(list, 1, #params))
  if good then return end
  local text = type(e) == "string" and e or "an error that is a " .. type(e)
  if text:find("near(BAND", 1, true) then return end
  local line, reason = text:match("^[^\n]-:(%d+): (.*)$")
  first.line, first.reason = tonumber(line), reason or text
end

local function split_named(args)
  local last, named = args[args.n], {}
  if type(last) == "table" and core.type(last) == nil and next(last) ~= nil and rawlen(last) == 0
  then
    for k, v in next, last do named[k] = v end
    args[args.n], args.n = nil, args.n - 1
  end
  local types = named.types
  named.types = nil
  named.on_error = nil -- all pixels are tried
  if types ~= nil and type(types) ~= "table" then
    raise('types is a table: types = {B04 = "float32"}')
  end
  return named, types or {}
end

local function copy(t) -- execute may write to neither
  local r = {}
  for k, v in next, t do r[k] = v end
  return r
end

function globals.test_execute(fn, ...)
  if type(fn) ~= "function" then
    raise("test_execute needs a function, got " .. type(fn))
  end
  local args = pack(...)
  local named, types = split_named(args)
  local params = core.parameters(fn)
  local bands = find_bands(params, args, named, types)
  local kinds = {}
  for i, name in ipairs(bands) do kinds[i] = rawget(types, name) or "uint16" end
  local input = core.synthetic(bands, kinds)
  local result, twin = core.execute(input, fn, args, copy(named)), nil
  if core.is_compiled(result) then
    local never = copy(named)
    never.compile = "never"
    twin = core.execute(input, fn, args, never)
  end
  local r = core.trial(input, result, twin)
  local first = r.first_raised
  if first then
    if not first.reason then ask_again(first, fn, params, args, named, bands) end
    first.reason = first.reason or "the function raised an error"
  end
  return setmetatable(r, report)
end
