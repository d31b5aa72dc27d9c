-- Images in Lua: methods and operators, written on the primitives of image_lua.c.
-- SPDX-License-Identifier: MIT
local core, meta, globals = ...

local type, ipairs, pairs, tostring, rawlen = type, ipairs, pairs, tostring, rawlen
local mtype = math.type
local format, concat, sort = string.format, table.concat, table.sort
local raise = core.raise

local methods = {}
core.methods = methods

local function is_image(x) return core.type(x) == "image" end

-- -------------------------------------------------------------------------- bands by name, number

local function distance(a, b) -- edits between two names, for "did you mean"
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local best = math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
      diagonal, row[j] = row[j], best
    end
  end
  return row[#b]
end

local function nearest_name(name, candidates)
  local best, least = nil, math.max(2, #name // 3) + 1
  for _, c in ipairs(candidates) do
    local d = distance(name:lower(), c:lower())
    if d < least then best, least = c, d end
  end
  return best
end
core.nearest_name = nearest_name

local function names_of(img)
  local names = {}
  for i, b in ipairs(core.info(img)) do names[i] = b.name end
  return names
end

local function no_band(img, name, also)
  local names = names_of(img)
  for _, n in ipairs(also or {}) do names[#names + 1] = n end
  local near = nearest_name(name, names)
  raise(format("no band%s '%s'%s; the bands are %s", also and " or method" or "", name,
    near and format(", did you mean '%s'?", near) or "", core.band_list(img)))
end

local function band_number(img, key)
  if type(key) == "number" then
    local n = #img
    if mtype(key) ~= "integer" or key < 1 or key > n then
      raise(format("bands count from 1 to %d here%s, got %s", n,
        key == 0 and " (did you mean 1, the first?)" or "", tostring(key)))
    end
    return key
  elseif type(key) == "string" then
    for i, name in ipairs(names_of(img)) do
      if name == key then return i end
    end
    return no_band(img, key)
  end
  raise("a band is a name or a number, got " .. type(key))
end

function methods.select(img, ...)
  local keys = ...
  if type(keys) ~= "table" then keys = { ... } end
  if #keys == 0 then
    raise("select needs at least one band; the bands are " .. core.band_list(img))
  end
  local numbers, names, all = {}, {}, names_of(img)
  for i, key in ipairs(keys) do
    numbers[i] = band_number(img, key)
    names[i] = all[numbers[i]]
  end
  return core.pick(img, numbers, names)
end

methods.band = methods.select
methods.bands = names_of
methods.info = core.info

-- rename("a", "b"), rename{"a", "b"} in order, rename{B08 = "nir"} one by one
function methods.rename(img, ...)
  local to = ...
  if type(to) ~= "table" then to = { ... } end
  local numbers, names = {}, names_of(img)
  for i = 1, #names do numbers[i] = i end
  if #to > 0 then
    if #to ~= #names then
      raise(format("%d new names for %d bands (%s)", #to, #names, core.band_list(img)))
    end
    names = to
  end
  for old, new in pairs(to) do
    if type(old) == "string" then names[band_number(img, old)] = new end
  end
  for _, n in ipairs(names) do
    if type(n) ~= "string" or n == "" then raise("a band's name is a text") end
  end
  return core.pick(img, numbers, names)
end

local function stack(...)
  local list = ...
  if is_image(list) then list = { ... } end
  if type(list) ~= "table" or #list == 0 then raise("stack needs Images") end
  local r
  for i, img in ipairs(list) do
    if not is_image(img) then
      raise(format("stack: number %d is a %s, not an Image", i, type(img)))
    end
    r = r and core.stack(r, img) or img
  end
  return r
end
methods.stack = stack

-- ------------------------------------------------------------------------------------- operations

for _, name in ipairs { "add", "sub", "mul", "div", "idiv", "mod", "pow", "neg", "lt", "le", "gt",
  "ge", "eq", "min", "max", "abs", "floor", "ceil", "round", "sqrt", "exp", "log2", "log10", "sin",
  "cos", "tan", "asin", "acos",
  "atan2", "isvalid", "keep", "unmask" } do
  methods[name] = core[name]
end

function methods.ne(a, b) return core["not"](core.eq(a, b)) end

function methods.log(a, base)
  if base == nil then return core.log(a) end
  if base == 2 then return core.log2(a) end
  if base == 10 then return core.log10(a) end
  return core.div(core.log(a), math.log(base))
end

function methods.atan(a, x)
  if x == nil then return core.atan(a) end
  return core.atan2(a, x)
end

-- lo <= img <= hi; between(lo, hi, "exclusive") leaves the limits out
function methods.between(img, lo, hi, how)
  if how == "exclusive" then return core["and"](core.gt(img, lo), core.lt(img, hi)) end
  if how ~= nil and how ~= "inclusive" then
    raise(format("between: '%s' is neither \"inclusive\" nor \"exclusive\"", tostring(how)))
  end
  return core["and"](core.ge(img, lo), core.le(img, hi))
end

function methods.logical_and(a, b) return core["and"](a, b) end
function methods.logical_or(a, b) return core["or"](a, b) end
function methods.logical_not(a) return core["not"](a) end
function methods.logical_xor(a, b) return core.xor(a, b) end

-- the image, but `other` where cond is true
methods.where = core.replace

function methods.hide(img, cond) return core.keep(img, core["not"](cond)) end
methods.mask = methods.keep

function methods.self_mask(img)
  for _, b in ipairs(core.info(img)) do
    if b.type ~= "boolean" then return core.keep(img, methods.ne(img, 0)) end
  end
  return core.keep(img, img)
end

-- mask_lt(v) hides what is less than v, and so on
for _, name in ipairs { "lt", "le", "gt", "ge", "eq", "ne" } do
  methods["mask_" .. name] = function(img, v) return methods.hide(img, methods[name](img, v)) end
end
methods.lte, methods.gte, methods.neq = methods.le, methods.ge, methods.ne
methods.mask_lte, methods.mask_gte = methods.mask_le, methods.mask_ge
methods.mask_neq = methods.mask_ne
function methods.mask_range(img, lo, hi) return methods.hide(img, methods.between(img, lo, hi)) end

methods.subtract, methods.multiply, methods.divide = core.sub, core.mul, core.div

local function check_number(x, what)
  if type(x) ~= "number" or x ~= x then raise(what .. " must be a number, got " .. tostring(x)) end
  return x
end

function methods.clamp(img, lo, hi)
  check_number(lo, "clamp: the lower limit")
  check_number(hi, "clamp: the upper limit")
  if lo > hi then raise(format("clamp: %s is above %s", lo, hi)) end
  return core.min(core.max(img, lo), hi)
end

-- lo..hi becomes a..b (0..1), linearly and not clamped
function methods.rescale(img, lo, hi, a, b)
  a, b = a or 0, b or 1
  for _, x in ipairs { lo or false, hi or false, a, b } do check_number(x, "rescale: a limit") end
  if hi == nil then raise "rescale needs two numbers: rescale(lo, hi)" end
  if lo == hi then raise(format("rescale: %s..%s is empty", lo, hi)) end
  return core.add(core.mul(core.sub(img, lo), (b - a) / (hi - lo)), a)
end

-- the physical value that the file's scale and offset state
function methods.unscale(img)
  local r
  for i, b in ipairs(core.info(img)) do
    local one = core.pick(img, { i }, { b.name })
    if not b.scale then
      raise(format("unscale: band '%s' is computed; unscale the Image as it comes from the file",
        b.name))
    end
    if b.scale ~= 1 then one = core.mul(one, b.scale) end
    if b.offset ~= 0 then one = core.add(one, b.offset) end
    r = r and core.stack(r, one) or one
  end
  return r
end

function methods.astype(img, name, options)
  return core.astype(img, name, options and options.saturate)
end

-- lookup{[0] = 10, [3] = 20}: the entry of each pixel; a pixel without one is invalid
function methods.lookup(img, entries)
  if type(entries) ~= "table" then raise("lookup needs a table, got " .. type(entries)) end
  local last = -1
  for k, v in pairs(entries) do
    if mtype(k) ~= "integer" or k < 0 or k > 65535 then
      raise("lookup: a class is a whole number from 0 to 65535, got " .. tostring(k))
    end
    check_number(v, "lookup: an entry")
    if k > last then last = k end
  end
  if last < 0 then raise "lookup: an empty table" end
  return core.lookup(img, entries, last + 1)
end

function methods.resample(img, method) return core.resample(img, method) end

-- execute(fn, ...): parameters named like bands receive them, the others what follows, in order; a
-- last table of names gives parameters by name and the options compile, valid, on_error, bands
function methods.execute(img, fn, ...)
  local args = table.pack(...)
  local last, named = args[args.n], nil
  local by_name = type(last) == "table" and core.type(last) == nil and rawlen(last) == 0
  if by_name and next(last) ~= nil then
    named, args.n = last, args.n - 1
  end
  if type(fn) ~= "function" then raise("execute needs a function, got " .. type(fn)) end
  return core.execute(img, fn, args, named)
end

-- expr "(B08 - B04) / (B08 + B04)": the same on one expression; a table gives further names
function methods.expr(img, text, named)
  if type(text) ~= "string" then raise("expr needs a text, got " .. type(text)) end
  return core.expr(img, text, named)
end

function methods.normalized_difference(img, a, b)
  local x, y = methods.select(img, a), methods.select(img, b)
  return methods.rename(core.div(core.sub(x, y), core.add(x, y)), "nd")
end

-- -------------------------------------------------------------------------------------- operators

for event, name in pairs { add = "add", sub = "sub", mul = "mul", div = "div", idiv = "idiv",
  mod = "mod",
  pow = "pow", band = "and", bor = "or", bxor = "xor", shl = "shl", shr = "shr" } do
  meta["__" .. event] = core[name]
end
meta.__unm = function(a) return core.neg(a) end
meta.__bnot = function(a) return core["not"](a) end

meta.__concat = function(a, b)
  if not is_image(a) or not is_image(b) then
    local other = is_image(a) and b or a
    raise(format("'..' stacks the bands of two Images, this is a %s; for a text use tostring(img)",
      type(other)))
  end
  return core.stack(a, b)
end

-- Lua turns what these return into true or false, so they can only refuse.
meta.__lt = function()
  raise "'<' cannot compare Images pixel by pixel in Lua; write a:lt(b) or a:gt(b)"
end
meta.__le = function()
  raise "'<=' cannot compare Images pixel by pixel in Lua; write a:le(b) or a:ge(b)"
end
meta.__eq = function() raise "'==' cannot compare Images pixel by pixel in Lua; write a:eq(b)" end
meta.__newindex = function() raise "an Image is never changed; every method returns a new one" end
meta.__call = function() raise "an Image is not a function; did you mean img:method(...) ?" end

meta.__tostring = function(img)
  local parts = {}
  for i, b in ipairs(core.info(img)) do
    if i > 12 then parts[i] = "... " .. #img .. " bands" break end
    parts[i] = b.name .. " " .. b.dtype
  end
  return "Image: " .. concat(parts, ", ")
end

local method_names
meta.__index = function(img, key)
  local m = methods[key]
  if m ~= nil then return m end
  if type(key) == "number" then return methods.select(img, key) end
  for i, name in ipairs(names_of(img)) do
    if name == key then return core.pick(img, { i }, { name }) end
  end
  if not method_names then
    method_names = {}
    for name in pairs(methods) do method_names[#method_names + 1] = name end
    sort(method_names)
  end
  no_band(img, tostring(key), method_names)
end

-- ----------------------------------------------------------------------------------------- making

-- {{1, 2}, {3, 4}}: numbers, row by row from the north
local function is_rows(x)
  return type(x) == "table" and type(x[1]) == "table" and not is_image(x[1])
    and #x[1] > 0 and type(x[1][1]) ~= "string" and type(x[1][1]) ~= "table"
end

local function numbers(rows, name, grid)
  local w, cells = #rows[1], {}
  for i, row in ipairs(rows) do
    if type(row) ~= "table" or #row ~= w then
      raise(format("Image: row %d has %s numbers, the first has %d", i,
        type(row) == "table" and #row or "no", w))
    end
    for k = 1, w do
      local x = row[k]
      if type(x) ~= "number" and x ~= false then
        raise(format("Image: row %d, column %d is a %s; a number, or false where nothing is known",
          i, k, type(x)))
      end
      cells[#cells + 1] = x
    end
  end
  return core.numbers(name, cells, w, #rows, grid)
end

local function open(x, name, grid)
  if is_rows(x) then return numbers(x, name, grid) end
  return is_image(x) and x or core.open(x)
end

local function open_named(files, grid)
  local names = {}
  for name in pairs(files) do
    if type(name) ~= "string" then raise "Image{...}: either a list, or names = files, not both" end
    names[#names + 1] = name
  end
  sort(names) -- pairs has no order, the result must
  local r
  for _, name in ipairs(names) do
    local img = open(files[name], name, grid)
    if #img ~= 1 then
      raise(format("Image{%s = ...}: one band expected, there are %s", name, core.band_list(img)))
    end
    img = core.pick(img, { 1 }, { name })
    r = r and core.stack(r, img) or img
  end
  return r
end

-- Image "file", Image{"a", "b"} stacked, Image{B04 = "a", B08 = "b"} stacked under these names;
-- rows of numbers may stand for a file, and lie on the Grid
function globals.Image(what, grid)
  if grid ~= nil and core.type(grid) ~= "grid" then
    raise("Image: the second argument is a Grid for rows of numbers, got " .. type(grid))
  end
  if type(what) == "string" then return core.open(what) end
  if is_image(what) then return what end
  if type(what) ~= "table" then
    raise("Image needs a file name, or a table of them; got " .. type(what))
  end
  if is_rows(what) then return numbers(what, "B1", grid) end
  if rawlen(what) == 0 then
    local r = open_named(what, grid)
    if not r then raise "Image{}: no file" end
    return r
  end
  local list = {}
  for i, x in ipairs(what) do list[i] = open(x, "B1", grid) end
  return stack(list)
end

globals.if_else = function(cond, a, b) return core.where(cond, a, b) end

