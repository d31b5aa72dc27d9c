-- What gives a Collection of the same dates: gaps filled, smoothed, moved.
-- SPDX-License-Identifier: MIT
local core, C = ...

local ipairs, pairs, type, tostring = ipairs, pairs, type, tostring
local format, abs, min, max = string.format, math.abs, math.min, math.max
local raise, methods, columns = core.raise, C.methods, C.columns

local DAY = 86400

local function options_of(what, given, state, known)
  known.on_error = false
  local o = columns.options(what, given, known)
  o.on_error = o.on_error or state.options.on_error
  return o
end

-- Scenes much closer in time than they are on the average make equations that have no digits left.
local function no_twins(what, records)
  local n = #records
  local least = (records[n].scene.t - records[1].scene.t) / (n - 1) / 1000
  for i = 2, n do
    local a, b = records[i - 1].scene, records[i].scene
    if b.t - a.t <= least then
      raise(format("%s: %s and %s have the same time, or nearly; group them first, as with "
        .. ":group_by(\"day\"):median()", what, a.id, b.id))
    end
  end
end

-- ----------------------------------------------------------------------------------- interpolation

-- The last value at or before each date, the first at or behind it, and the line between the two
local INTERPOLATE = [[function(y)
  local begun, before, since, z = {}, {}, {}, {}
  local some, v, s = false, 0.0, 0.0
  for i = 1, #t do
    if y[i] ~= nil then some, v, s = true, y[i] + 0.0, t[i] end
    begun[i], before[i], since[i], z[i] = some, v, s, 0.0
  end
  local more, w, e = false, 0.0, 0.0
  for i = #t, 1, -1 do
    if y[i] ~= nil then more, w, e = true, y[i] + 0.0, t[i] end
    local b, from, good = before[i], since[i], begun[i] and more
    if good and e > from then
      good = e - from <= max_gap
      b = b + (w - b) * ((t[i] - from) / (e - from))
    elseif not good and extend then
      good = begun[i] or more
      if more then b = w end
    end
    z[i] = b
    if not good then z[i] = nil end
  end
  return table.unpack(z, FROM, TO)
end]]

-- interpolate_time{max_gap = days, extend = true}
function methods.interpolate_time(c, options)
  local what = "interpolate_time"
  local sorted, state, records = columns.dated(c, what)
  local o = options_of(what, options, state, { max_gap = math.huge, extend = false })
  if type(o.max_gap) ~= "number" or o.max_gap <= 0 then
    raise(format("%s: max_gap is a number of days, got %s", what, tostring(o.max_gap)))
  end
  return columns.transform(sorted, what, records, INTERPOLATE, columns.whole_series(#records, {
    t = columns.times(records, DAY), max_gap = min(o.max_gap, 1e300),
    extend = o.extend and true or false }), o.on_error)
end

-- --------------------------------------------------------------------------------------- smoothing

local smoothers = {}
local MOST_STEPS = 100000 -- of one program: half of what the compiler allows

-- A polynomial through the valid values of the window around each date, at that date
local SAVGOL = [[function(y)
  local z = {}
  for d = 1, DATES do
    local first, at, q = from[d] - 1, place[d], Q[d]
]] .. columns.FIT .. [[
    local s = 0.0
    for j = 1, P do s = s + b[j] * q[at][j] end
    if good then z[d] = s end
  end
  return table.unpack(z, 1, DATES)
end]]

local function polynomial(t, from, n, at, order)
  local reach, x = 0, {}
  for i = from, from + n - 1 do reach = max(reach, abs(t[i] - t[at])) end
  for i = 1, n do
    local u = (t[from + i - 1] - t[at]) / reach
    x[i] = { 1.0 }
    for j = 1, order do x[i][j + 1] = x[i][j] * u end
  end
  return (columns.orthogonal(x, "smooth"))
end

function smoothers.savgol(records, o)
  local n, t = #records, columns.times(records, DAY)
  columns.whole("smooth", "window", o.window, 3)
  columns.whole("smooth", "order", o.order, 0, 5)
  if o.window % 2 == 0 then raise "smooth: window is an odd number of scenes" end
  if o.order >= o.window then raise "smooth: order is less than window" end
  if n < o.window then
    raise(format("smooth: a window of %d scenes, and there are %d", o.window, n))
  end
  local function first_of(d) -- at the ends the first and the last whole window
    return max(1, min(d - o.window // 2, n - o.window + 1))
  end
  local terms, parts = o.order + 1, {}
  local steps = 25 * terms * (o.window * (terms + 3) // 2 + terms * terms) -- of a date
  local each = min(max(1, MOST_STEPS // steps), columns.MOST_RESULTS)
  for from = 1, n, each do -- some dates, and the scenes around them
    local last = min(from + each - 1, n)
    local part = { first = first_of(from), last = first_of(last) + o.window - 1, from = from,
      to = last }
    local v = { DATES = last - from + 1, N = o.window, P = terms, from = {}, place = {}, Q = {} }
    for d = from, last do
      local k, w = d - from + 1, first_of(d)
      v.from[k], v.place[k] = w - part.first + 1, d - w + 1
      v.Q[k] = polynomial(t, w, o.window, d, o.order)
    end
    part.values = v
    parts[#parts + 1] = part
  end
  return SAVGOL, parts
end

-- (W + lambda D'D) z = W y: five diagonals as L D L', then the same once more for what is left,
-- which gives back digits that uneven dates cost.
local WHITTAKER = [[function(y)
  local n, d, e, f, w, z, left = 0, {}, {}, {}, {}, {}, {}
  for i = 1, N do
    w[i], left[i], z[i] = 0.0, 0.0, 0.0
    if y[i] ~= nil then n, w[i], left[i] = n + 1, 1.0, y[i] + 0.0 end
    local a, b = c0[i] + w[i], c1[i]
    if i > 1 then
      a = a - d[i - 1] * e[i - 1] * e[i - 1]
      b = b - d[i - 1] * e[i - 1] * f[i - 1]
    end
    if i > 2 then a = a - d[i - 2] * f[i - 2] * f[i - 2] end
    d[i], e[i], f[i] = a, b / a, c2[i] / a
  end
  if n < ORDER then return nil end
  for round = 1, 2 do
    local g, s = {}, {}
    for i = 1, N do
      g[i], s[i] = left[i], 0.0
      if i > 1 then g[i] = g[i] - e[i - 1] * g[i - 1] end
      if i > 2 then g[i] = g[i] - f[i - 2] * g[i - 2] end
    end
    for i = N, 1, -1 do
      s[i] = g[i] / d[i]
      if i < N then s[i] = s[i] - e[i] * s[i + 1] end
      if i < N - 1 then s[i] = s[i] - f[i] * s[i + 2] end
    end
    for i = 1, N do
      z[i] = z[i] + s[i]
      left[i] = 0.0
      if y[i] ~= nil then left[i] = y[i] - z[i] end
    end
    for i = 1, N - ORDER do
      local u = 0.0
      for k = 1, ORDER + 1 do u = u + D[i][k] * z[i + k - 1] end
      for k = 1, ORDER + 1 do left[i + k - 1] = left[i + k - 1] - lambda * D[i][k] * u end
    end
  end
  return table.unpack(z, FROM, TO)
end]]

-- Differences of a series at times t, in units of the mean interval: of row i the weights of the
-- values from i on
local function differences(t, order)
  local n, rows = #t, {}
  local unit = (t[n] - t[1]) / (n - 1)
  for i = 1, n - order do
    if order == 1 then
      local h = (t[i + 1] - t[i]) / unit
      rows[i] = { -1 / h, 1 / h }
    else
      local h, k = (t[i + 1] - t[i]) / unit, (t[i + 2] - t[i + 1]) / unit
      local m = (h + k) / 2
      rows[i] = { 1 / (h * m), -(1 / h + 1 / k) / m, 1 / (k * m) }
    end
  end
  return rows
end

function smoothers.whittaker(records, o)
  local n, t = #records, columns.times(records, DAY)
  columns.whole("smooth", "order", o.order, 1, 2)
  if type(o.lambda) ~= "number" or not (o.lambda > 0 and o.lambda <= 1e9) then
    raise(format("smooth: lambda is a number above 0 and at most 1e9, got %s", tostring(o.lambda)))
  end
  if n <= o.order then raise(format("smooth needs more than %d scenes", o.order)) end
  no_twins("smooth", records)
  local diagonal = { {}, {}, {} }
  for k = 1, 3 do
    for i = 1, n do diagonal[k][i] = 0.0 end
  end
  local rows = differences(t, o.order)
  for i, row in ipairs(rows) do
    for a = 1, #row do
      for b = a, #row do
        local of = diagonal[b - a + 1]
        of[i + a - 1] = of[i + a - 1] + o.lambda * row[a] * row[b]
      end
    end
  end
  return WHITTAKER, columns.whole_series(n, { N = n, c0 = diagonal[1], c1 = diagonal[2],
    c2 = diagonal[3], D = rows, lambda = o.lambda, ORDER = o.order })
end

local smooth_options = { savgol = { window = 5, order = 2 },
  whittaker = { lambda = 10, order = 2 } }

-- smooth("savgol", {window =, order =}), smooth("whittaker", {lambda =, order =}), or one table
function methods.smooth(c, how, options)
  if type(how) == "table" then
    options = {}
    for k, v in pairs(how) do options[k] = v end
    how, options[1] = options[1], nil
  end
  if type(how) ~= "string" or not smoothers[how] then
    raise(format("smooth: there are \"savgol\" and \"whittaker\", got %s", tostring(how)))
  end
  local state, records
  c, state, records = columns.dated(c, "smooth")
  local known = {}
  for k, v in pairs(smooth_options[how]) do known[k] = v end
  local o = options_of("smooth", options, state, known)
  local program, parts = smoothers[how](records, o)
  return columns.transform(c, how, records, program, parts, o.on_error)
end

-- --------------------------------------------------------------------------------- along the dates

-- lag(k[, fn]): at each date what was there k scenes before, or fn(image, that one)
function methods.lag(c, k, fn)
  local state, records
  c, state, records = columns.dated(c, "lag")
  columns.whole("lag", "the number of scenes", k, -#records + 1, #records - 1)
  if fn ~= nil and type(fn) ~= "function" then raise "lag: the second argument is a function" end
  local images, list = C.images(state, records), {}
  for i, img in ipairs(images) do
    local other = images[i - k]
    if not other then list[i] = core.keep(img, false)
    else list[i] = fn and fn(img, other) or other end
    if core.type(list[i]) ~= "image" then raise "lag: the function returns an Image" end
  end
  if fn then -- where there is none before: invalid, in the bands that fn gives
    local some = list[k > 0 and k + 1 or 1]
    for i = 1, #list do
      if not images[i - k] then list[i] = core.keep(some, false) end
    end
  end
  return columns.series(c, "lag", records, list)
end

local function window_of(o)
  if o.days and o.scenes or not (o.days or o.scenes) then
    raise "moving: how wide is said by days = n or by scenes = n"
  end
  if o.days then
    if type(o.days) ~= "number" or o.days < 0 then
      raise "moving: days is a number, from the date to either end of the window"
    end
    return function(records, i, k)
      return abs(records[k].scene.t - records[i].scene.t) <= o.days * DAY
    end
  end
  columns.whole("moving", "scenes", o.scenes, 1)
  if o.scenes % 2 == 0 then raise "moving: scenes is an odd number" end
  return function(_, i, k) return abs(k - i) <= o.scenes // 2 end
end

-- moving("median", {days = n | scenes = n, ...}): each date reduced with those around it
function methods.moving(c, reducer, options)
  local what, rest = "moving", {}
  if type(reducer) ~= "string" or not C.fold[reducer] or reducer == "stack" then
    raise(format("%s: there is no reducer %s", what, tostring(reducer)))
  end
  local o = columns.options(what, options, { days = false, scenes = false, percentile = false,
    min_count = false, on_error = false, ddof = false, band = false })
  local state, records
  c, state, records = columns.dated(c, what)
  local within, images = window_of(o), {}
  for _, k in ipairs { "min_count", "on_error", "ddof" } do rest[k] = o[k] or nil end
  for i = 1, #records do
    local some = {}
    for k = 1, #records do
      if within(records, i, k) then some[#some + 1] = records[k] end
    end
    local sub, first = C.of_records(state, some), o.percentile or o.band
    images[i] = first and methods[reducer](sub, first, rest) or methods[reducer](sub, rest)
  end
  return columns.series(c, what .. " " .. reducer, records, images)
end
