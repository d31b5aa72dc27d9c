-- How images look: palettes, ramps and stretches, checked and kept. SPDX-License-Identifier: MIT
--
-- A look is data beside an Image: { palette | ramp | rgb, reverse, stretch, min, max, gamma }. In
-- it a palette is a list of colours, of { at =, color = } or of { value =, color =, label = }.
local core, colors, paint = ...

local type, pairs, ipairs, tonumber, rawlen, next = type, pairs, ipairs, tonumber, rawlen, next
local mtype, tointeger, huge, abs = math.type, math.tointeger, math.huge, math.abs
local format, sort = string.format, table.sort
local raise, show, hex, at_band = core.raise, colors.show, colors.hex, paint.at_band
local methods, unknown = core.methods, core.options.unknown

-- ----------------------------------------------------------------------------- checking, per field

local function number(x, what)
  if type(x) ~= "number" or x ~= x or abs(x) == huge then
    raise(format("%s is a number, got %s", what, show(x)))
  end
  return x
end

local function color(x) return hex(colors.parse(x)) end

local function limit(x, what) -- a number, or one per band
  if type(x) ~= "table" then return number(x, what) end
  if rawlen(x) ~= 3 then raise(what .. " is a number, or three of them for red, green and blue") end
  return { number(x[1], what), number(x[2], what), number(x[3], what) }
end

local check = {}

function check.min(x) return { min = limit(x, "min") } end
function check.max(x) return { max = limit(x, "max") } end

function check.reverse(x)
  if type(x) ~= "boolean" then raise("reverse is true or false, got " .. show(x)) end
  return { reverse = x }
end

function check.gamma(x)
  if number(x, "gamma") <= 0 then raise(format("gamma is above 0, got %s", x)) end
  return { gamma = x }
end

function check.ramp(x)
  local name, turned = colors.check_ramp(x)
  return { ramp = name, reverse = turned or nil }
end

local function percent(x)
  if type(x) == "number" then x = { x, 100 - x } end
  if type(x) ~= "table" or rawlen(x) ~= 2 then
    raise "stretch: percent is two numbers, such as {2, 98}"
  end
  local lo, hi = number(x[1], "stretch: percent"), number(x[2], "stretch: percent")
  if not (0 <= lo and lo < hi and hi <= 100) then
    raise(format("stretch: %s to %s percent is not within 0 to 100", lo, hi))
  end
  return { lo, hi }
end

function check.stretch(x)
  if type(x) ~= "table" then
    raise("stretch is a table, such as {percent = {2, 98}}, got " .. show(x))
  end
  if rawlen(x) > 0 then return { stretch = { percent = percent(x) } } end
  local new = {}
  for key, v in pairs(x) do
    if key == "percent" then new.stretch = { percent = percent(v) }
    elseif key == "sigma" then
      if number(v, "stretch: sigma") <= 0 then raise "stretch: sigma is above 0" end
      new.stretch = { sigma = v }
    elseif key == "min" or key == "max" then new[key] = limit(v, key)
    else unknown("stretch", key, { "percent", "sigma", "min", "max" }) end
  end
  if (x.percent and x.sigma) or new.stretch and (new.min or new.max) then
    raise "stretch: one of percent, sigma, or min and max"
  end
  return next(new) and new or { stretch = { percent = { 2, 98 } } }
end

-- ---------------------------------------------------------------------------------------- palettes

local function class(value, what)
  local x = type(what) == "table" and what or { what }
  local label = x[2] or x.label
  if label ~= nil and type(label) ~= "string" then
    raise(format("palette: the name of class %s is a text, got %s", value, show(label)))
  end
  return { value = value, color = color(x[1] or x.color), label = label }
end

local function classes(x)
  if type(x) ~= "table" then raise("classes is a table {[1] = \"red\", ...}, got " .. show(x)) end
  local list, seen = {}, {}
  for key, v in pairs(x) do
    local value = type(v) == "table" and v.value or tonumber(key) -- a plan's JSON has texts as keys
    if not value then raise(format("palette: a class is a number, got %s", show(key))) end
    number(value, "palette: a class")
    value = tointeger(value) or value
    if seen[value] then raise(format("palette: class %s is there twice", value)) end
    seen[value] = true
    list[#list + 1] = class(value, v)
  end
  if #list == 0 then raise "a palette without colours" end
  sort(list, function(a, b) return a.value < b.value end)
  return { palette = list }
end
check.classes = classes

local function stops_of(x)
  local list = {}
  for i, v in ipairs(x) do
    list[i] = { at = number(v.at or v[1], "palette: a place"), color = color(v.color or v[2]) }
    if i > 1 and list[i].at <= list[i - 1].at then
      raise(format("palette: the places ascend, but %s comes after %s", list[i].at, list[i - 1].at))
    end
  end
  if #list < 2 then raise "palette: colours at places need two of them at least" end
  return { palette = list }
end

-- What all of 1 .. #x are: "string", "stop", or nil when some differ or there are other keys
local function kind_of(x)
  local kind, n = nil, 0
  for key, v in pairs(x) do
    local this = type(v)
    if this == "table" and (v.at or mtype(v[1])) then this = "stop" end
    if mtype(key) ~= "integer" or key < 1 or key > rawlen(x) or kind and kind ~= this then
      return nil
    end
    kind, n = this, n + 1
  end
  return n == rawlen(x) and kind or nil
end

function check.palette(x)
  if type(x) == "string" then
    if colors.find_ramp(x) then return check.ramp(x) end
    x = { x }
  end
  if type(x) ~= "table" then raise("a palette is a list of colours, got " .. show(x)) end
  local kind = kind_of(x)
  if kind == "stop" then return stops_of(x) end
  if kind ~= "string" then return classes(x) end
  local list = {}
  for i, text in ipairs(x) do list[i] = color(text) end
  return { palette = list }
end
check.colors = check.palette

-- ----------------------------------------------------------------------------------- all of a look

local look_names = {}
for name in pairs(check) do look_names[#look_names + 1] = name end
look_names[#look_names + 1] = "rgb"

local function copy(from, into)
  for key, v in pairs(from) do into[key] = v end
  return into
end

local normal

-- {"B04", "B03", "B02", stretch =, gamma =, min =, max =}
function check.rgb(x, img)
  if type(x) ~= "table" then raise("rgb is a list of three bands, got " .. show(x)) end
  local bands, more = {}, {}
  for key, v in pairs(x) do
    if mtype(key) == "integer" then bands[key] = v
    elseif key == "stretch" or key == "gamma" or key == "min" or key == "max" then more[key] = v
    else unknown("rgb", key, { "stretch", "gamma", "min", "max" }) end
  end
  if #bands ~= 3 then raise(format("rgb needs three bands, got %d", #bands)) end
  for i = 1, 3 do bands[i] = methods.select(img, { bands[i] }):bands()[1] end
  return copy(normal(more, img), { rgb = bands })
end

function normal(given, img, what)
  local new = {}
  if given.rgb ~= nil then copy(check.rgb(given.rgb, img), new) end
  for key, v in pairs(given) do
    if check[key] and key ~= "rgb" and key ~= "reverse" then copy(check[key](v, img), new)
    elseif not check[key] and what then unknown(what, key, look_names) end
  end
  if given.reverse ~= nil then -- ramp = "viridis_r" is turned round already
    new.reverse = check.reverse(given.reverse).reverse ~= (new.reverse or false)
  end
  if (new.palette and 1 or 0) + (new.ramp and 1 or 0) + (new.rgb and 1 or 0) > 1 then
    raise "one of palette, ramp and rgb says how an Image looks, not two"
  end
  return new
end

-- The look `old` with what `new` says
local function merge(old, new)
  local r = copy(old, {})
  if new.palette or new.ramp or new.rgb then
    r.palette, r.ramp, r.rgb, r.reverse = nil, nil, nil, nil
  end
  if new.stretch then r.min, r.max = nil, nil end
  if new.min or new.max then r.stretch = nil end
  copy(new, r)
  for i = 1, 3 do
    local lo, hi = at_band(r.min, i), at_band(r.max, i)
    if lo and hi and lo > hi then
      raise(format("min %s is above max %s; reverse = true turns the colours round", lo, hi))
    end
  end
  return r
end

-- What the image says itself; bands that a later select took away play no part
local function own_looks(img)
  local looks = core.looks(img) or {}
  if looks.rgb then
    local have = {}
    for _, name in ipairs(img:bands()) do have[name] = true end
    for _, name in ipairs(looks.rgb) do
      if not have[name] then looks.rgb = nil break end
    end
  end
  return looks
end

local function looks_for(img, given, what)
  if given == nil then return own_looks(img) end
  if type(given) ~= "table" then
    raise(format("%s takes a table of looks, got %s", what, show(given)))
  end
  return merge(own_looks(img), normal(given, img, what))
end

-- ----------------------------------------------------------------------------------------- methods

local function with(img, given)
  return core.with_looks(img, merge(own_looks(img), normal(given, img)))
end

function methods.visualize(img, looks)
  return paint.visualize(img, looks_for(img, looks, "visualize"))
end

function methods.legend(img, looks) return paint.legend(img, looks_for(img, looks, "legend")) end

for _, name in ipairs { "palette", "colors", "classes", "gamma" } do
  methods[name] = function(img, x)
    if x == nil then check[name](x, img) end -- says what is missing
    return with(img, { [name] = x })
  end
end
methods.colorCustom, methods.colorScheme = methods.colors, methods.palette -- JEO-lab's words

-- ramp("viridis", {min =, max =, reverse =})
function methods.ramp(img, name, options)
  local given = { ramp = colors.check_ramp(name) and name }
  for key, v in pairs(options or {}) do
    if key == "palette" or key == "ramp" or key == "rgb" or not check[key] then
      unknown("ramp", key, { "min", "max", "reverse", "gamma", "stretch" })
    end
    given[key] = v
  end
  return with(img, given)
end

-- rgb("B04", "B03", "B02", {stretch =, gamma =}) or rgb{"B04", "B03", "B02", stretch =, gamma =}
function methods.rgb(img, first, ...)
  if type(first) == "table" then return with(img, { rgb = first }) end
  local x, given = { first, ... }, {}
  if type(x[#x]) == "table" then copy(x[#x], given) x[#x] = nil end
  for i, band in ipairs(x) do given[i] = band end
  return with(img, { rgb = given })
end

-- stretch(), stretch{percent = {2, 98}}, stretch{sigma = 2}, stretch{min =, max =}
function methods.stretch(img, x) return with(img, { stretch = x == nil and {} or x }) end

-- The values that get the first and the last colour; pixels stay what they are
function methods.scale(img, lo, hi)
  lo, hi = number(lo, "scale: the lower limit"), number(hi, "scale: the upper limit")
  return with(img, { min = lo, max = hi })
end

-- ---------------------------------------------------------------------------- for output and plans

local function of_output(options)
  local looks = {}
  for key in pairs(check) do looks[key] = options and options[key] end
  return looks
end

-- options: an output's, among which the looks are
function core.visualize_output(img, options)
  return paint.visualize(img, looks_for(img, of_output(options), "output"))
end

function core.legend_output(img, options)
  return paint.legend(img, looks_for(img, of_output(options), "output"))
end

-- An output's options with its looks checked and as plain data
function core.output_options(img, options)
  local new = normal(of_output(options), img)
  merge(own_looks(img), new)
  for key, v in pairs(options) do
    if not check[key] then new[key] = v end
  end
  return new
end
