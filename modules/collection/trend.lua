-- Trends: what the values of a cell do in time. SPDX-License-Identifier: MIT
--
-- Least squares are pixel functions over the scenes' times, which are constants; Mann-Kendall and
-- Sen look at all pairs (theil_sen and mann_kendall, modules/expr/theil_sen.c).
local core, C = ...

local ipairs, pairs, type, tostring = ipairs, pairs, type, tostring
local format, pi = string.format, math.pi
local raise, methods, columns = core.raise, C.methods, C.columns

local UNITS = { year = columns.YEAR, day = 86400 }

local function unit_of(what, name)
  if not UNITS[name] then
    raise(format("%s: unit is \"year\" or \"day\", got %s", what, tostring(name)))
  end
  return UNITS[name]
end

-- What the methods begin with: Collection by date, its records, options, times
local function begin(c, what, least, given, more)
  local known = { unit = "year", origin = false, min_count = least, on_error = false }
  for k, v in pairs(more or {}) do known[k] = v end
  local o = columns.options(what, given, known)
  local state, records
  columns.whole(what, "min_count", o.min_count, least)
  c, state, records = columns.dated(c, what, least)
  o.on_error = o.on_error or state.options.on_error
  local t = columns.times(records, unit_of(what, o.unit), columns.origin(what, o.origin))
  return c, records, o, t
end

-- Around the mean of the times and of the values, so that no digits are lost.
local LINEAR = [[function(y)
  local n, st, sy = 0, 0.0, 0.0
  for i = 1, #t do
    local v = y[i]
    if v ~= nil then n, st, sy = n + 1, st + t[i], sy + v end
  end
  if n < min_count then return nil end
  local mt, my = st / n, sy / n
  local tt, ty, yy = 0.0, 0.0, 0.0
  for i = 1, #t do
    local v = y[i]
    if v ~= nil then
      local a, b = t[i] - mt, v - my
      tt, ty, yy = tt + a * a, ty + a * b, yy + b * b
    end
  end
  if tt <= 0 then return nil end
  local scale, left = ty / tt, 0.0
  for i = 1, #t do
    local v = y[i]
    if v ~= nil then
      local d = v - my - scale * (t[i] - mt)
      left = left + d * d
    end
  end
  return scale, my - scale * mt, math.sqrt(left / n), 1 - left / yy, n
end]]

-- linear_trend{unit = "year" | "day", origin = date, min_count = n}: least squares
function methods.linear_trend(c, options)
  local records, o, t
  c, records, o, t = begin(c, "linear_trend", 2, options)
  return columns.reduce(c, #records, LINEAR, { "scale", "offset", "rmse", "r2", "count" },
    { t = t, min_count = o.min_count }, o.on_error)
end

-- ---------------------------------------------------------------------------------------- harmonic

-- Columns of the design: 1, t, cos and sin of each period
local function design(t, periods)
  local x = {}
  for i, ti in ipairs(t) do
    x[i] = { 1, ti }
    for k, period in ipairs(periods) do
      local a = 2 * pi * ti / period
      x[i][2 * k + 1], x[i][2 * k + 2] = math.cos(a), math.sin(a)
    end
  end
  return x
end

-- The fit in the columns of q, then back to those of the design
local HARMONIC = "function(y) local first = 0 " .. columns.FIT .. [[
  if not good or n < min_count then return nil end
  local left = 0.0
  for i = 1, N do
    local v, x = y[i], q[i]
    if v ~= nil then
      local d = v
      for j = 1, P do d = d - b[j] * x[j] end
      left = left + d * d
    end
  end
  for j = P, 1, -1 do
    local s = b[j]
    for m = j + 1, P do s = s - r[j][m] * b[m] end
    b[j] = s / r[j][j]
  end
  return RESULTS
end]]

-- The texts of the results and their names
local function results_of(periods)
  local names, texts = { "offset", "scale" }, { "b[1]", "b[2]" }
  for k = 1, #periods do
    local c, s = format("b[%d]", 2 * k + 1), format("b[%d]", 2 * k + 2)
    for _, pair in ipairs {
      { "cos", c }, { "sin", s },
      { "amplitude", format("math.sqrt(%s * %s + %s * %s)", c, c, s, s) },
      { "phase", format("math.atan(%s, %s)", s, c) } } do
      names[#names + 1] = #periods > 1 and pair[1] .. k or pair[1]
      texts[#texts + 1] = pair[2]
    end
  end
  names[#names + 1], texts[#texts + 1] = "rmse", "math.sqrt(left / n)"
  names[#names + 1], texts[#texts + 1] = "count", "n"
  return names, table.concat(texts, ", ")
end

local function periods_of(what, x)
  if type(x) == "number" then x = { x } end
  if type(x) ~= "table" or #x < 1 or #x > 4 then
    raise(what .. ": periods is a number or a list of at most 4, in the unit of time")
  end
  for _, p in ipairs(x) do
    if type(p) ~= "number" or p <= 0 or p ~= p then
      raise(format("%s: a period is a number above 0, got %s", what, tostring(p)))
    end
  end
  return x
end

-- harmonic_trend{periods = {1, 0.5}, unit =, origin =, min_count =}: a line and waves
function methods.harmonic_trend(c, options)
  local what = "harmonic_trend"
  local periods = periods_of(what, options and options.periods or 1)
  local least = 2 + 2 * #periods
  local records, o, t
  c, records, o, t = begin(c, what, least, options, { periods = false })
  local q, r = columns.orthogonal(design(t, periods), what)
  local names, texts = results_of(periods)
  return columns.reduce(c, #records, (HARMONIC:gsub("RESULTS", texts)), names,
    { q = q, r = r, N = #t, P = least, min_count = o.min_count }, o.on_error)
end

-- --------------------------------------------------------------------------------------- monotonic

local PRESENT = [[local n = 0
  for i = 1, #t do if y[i] ~= nil then n = n + 1 end end
  if n < min_count then return nil end]]
local SEN = "function(y) " .. PRESENT .. " return theil_sen(y, t) end"
local KENDALL = "function(y) " .. PRESENT .. " return mann_kendall(y, t) end"

-- sen_slope{unit =, origin =, min_count =}: the median of the slopes of all pairs
function methods.sen_slope(c, options)
  local records, o, t
  c, records, o, t = begin(c, "sen_slope", 2, options)
  return columns.reduce(c, #records, SEN, { "scale", "offset" }, { t = t,
    min_count = o.min_count }, o.on_error)
end

-- mann_kendall{min_count =}: whether values rise or fall, whatever the form
function methods.mann_kendall(c, options)
  local records, o, t
  c, records, o, t = begin(c, "mann_kendall", 3, options)
  return columns.reduce(c, #records, KENDALL, { "tau", "p", "z", "s" }, { t = t,
    min_count = o.min_count }, o.on_error)
end
