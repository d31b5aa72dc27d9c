-- The values of a cell in time, as pixel functions see them. SPDX-License-Identifier: MIT
--
-- The scenes of a band are stacked as t1, t2 ... tn. A program is Lua text of a function of y, the
-- list of a cell's values in order of time (nil where invalid), whose free names are numbers and
-- lists of numbers that are the same for all cells. Times are texts' business no more: they are
-- constants of the program, so it compiles, and a plan carries them.
local core, C = ...

local ipairs, pairs, tostring = ipairs, pairs, tostring
local format, concat, sqrt = string.format, table.concat, math.sqrt
local raise, dates, state_of = core.raise, C.dates, C.state_of
local image_methods = core.methods

local columns = {}
C.columns = columns

local MOST = 1024 -- bands of an Image
columns.YEAR = 365.25 * 86400 -- seconds

-- Options of a method: `known` says which there are and what stands for those that are not given.
function columns.options(what, given, known)
  local o = core.options.check(what, given, known)
  for k, v in pairs(known) do
    if o[k] == nil then o[k] = v end
  end
  return o
end

-- A whole number in lo .. hi
function columns.whole(what, name, x, lo, hi)
  if math.type(x) ~= "integer" or x < lo or hi and x > hi then
    raise(format("%s: %s is a whole number from %d %s, got %s", what, name, lo,
      hi and "to " .. hi or "on", tostring(x)))
  end
  return x
end

-- A Collection by date, its state and records: at least `least`, each with a date
function columns.dated(c, what, least)
  if state_of(c, what).group then raise(what .. ": reduce the groups first, as with :median()") end
  c = c:sort "datetime"
  local state = state_of(c, what)
  local records = C.some_records(state, what)
  if #records < (least or 1) then
    raise(format("%s needs at least %d scenes, there %s %d", what, least,
      #records == 1 and "is" or "are", #records))
  end
  for _, r in ipairs(records) do
    if not r.scene.t then raise(format("%s: scene %s has no date", what, r.scene.id)) end
  end
  return c, state, records
end

-- Times of records in `unit` seconds since `origin` (seconds, nil: of the first)
function columns.times(records, unit, origin)
  local t = {}
  origin = origin or records[1].scene.t
  for i, r in ipairs(records) do t[i] = (r.scene.t - origin) / unit end
  return t
end

function columns.names(n)
  local names = {}
  for i = 1, n do names[i] = "t" .. i end
  return names
end

-- One after the other: band, Image of t1 .. tn. As many bands as an Image holds are read together.
function columns.each(c, n, on_error)
  local bands = c[1]:bands()
  local names, number, part, at, wide = columns.names(n), 0, nil, 0, MOST // n
  if wide == 0 then raise(format("%d scenes are more than %d; group them, or filter", n, MOST)) end
  return function()
    number = number + 1
    local band = bands[number]
    if not band then return nil end
    if not part or at == wide then
      local some = table.move(bands, number, math.min(number + wide - 1, #bands), 1, {})
      part = { image = c:select(some):stack { on_error = on_error }, n = #some }
      at = 0
    end
    at = at + 1
    local places = {}
    for i = 1, n do places[i] = (i - 1) * part.n + at end
    return band, core.pick(part.image, places, names)
  end, #bands
end

-- The program over a stack: an Image with the bands that `results` names, in order. `values`: its
-- free names.
function columns.run(stack, n, program, results, values, compile)
  local named = { valid = "any", bands = results, compile = compile }
  for k, v in pairs(values) do named[k] = v end
  return core.expr(stack, format("(%s)({%s})", program, concat(columns.names(n), ", ")), named)
end

-- A reducer whose results are several bands: of a Collection of one band called as `results` says,
-- else BAND_RESULT
function columns.reduce(c, n, program, results, values, on_error)
  local all
  local each, nbands = columns.each(c, n, on_error)
  for band, stack in each do
    local r = columns.run(stack, n, program, results, values)
    if nbands > 1 then
      local names = {}
      for i, name in ipairs(results) do names[i] = band .. "_" .. name end
      r = image_methods.rename(r, names)
    end
    all = all and core.stack(all, r) or r
  end
  return all
end

-- A Collection of the Images, of the same dates as the records
function columns.series(c, what, records, images)
  local state = state_of(c, what)
  local result = C.new { source = format("%s of %s", what, state.source or "a Collection"),
    options = state.options }
  local new, list = core.collection_state(result), {}
  for i, r in ipairs(records) do
    list[i] = { image = images[i], ops = new.ops, state = new, scene = r.scene }
  end
  new.records = list
  return result
end

-- A program that gives values anew: a Collection whose Images share it. parts: of the scenes
-- first .. last it gives the dates from .. to, with its own values.
function columns.transform(c, what, records, program, parts, on_error)
  local n, images = #records, {}
  for band, stack in columns.each(c, n, on_error) do
    for _, p in ipairs(parts) do
      local m, places = p.last - p.first + 1, {}
      for i = 1, m do places[i] = p.first + i - 1 end
      local some = m == n and stack or core.pick(stack, places, columns.names(m))
      local r = columns.run(some, m, program, columns.names(p.to - p.from + 1), p.values)
      for i = p.from, p.to do
        local one = core.pick(r, { i - p.from + 1 }, { band })
        images[i] = images[i] and core.stack(images[i], one) or one
      end
    end
  end
  return columns.series(c, what, records, images)
end

columns.MOST_RESULTS = 200 -- of a function: Lua has some 250 registers

-- The parts of a program that takes all dates and gives those FROM .. TO
function columns.whole_series(n, values)
  local parts = {}
  for from = 1, n, columns.MOST_RESULTS do
    local v = { FROM = from, TO = math.min(from + columns.MOST_RESULTS - 1, n) }
    for name, x in pairs(values) do v[name] = x end
    parts[#parts + 1] = { first = 1, last = n, from = from, to = v.TO, values = v }
  end
  return parts
end

-- Seconds of an option that is a date; nil when it is not given
function columns.origin(what, text)
  if not text then return nil end
  return (dates.span(text, what))
end


-- ---------------------------------------------------------------------------------- least squares

-- Columns of the rows x made orthogonal, twice (modified Gram-Schmidt): x = q r, r from the top.
-- With q the equations of a cell differ from the unit matrix by its gaps only. nil where columns
-- are not independent; an error when `what` is given.
function columns.orthogonal(x, what)
  local n, p, q, r = #x, #x[1], {}, {}
  for i = 1, n do q[i] = table.move(x[i], 1, p, 1, {}) end
  for j = 1, p do r[j] = {} end
  for j = 1, p do
    local before, length = 0, 0
    for i = 1, n do before = before + x[i][j] ^ 2 end
    for _ = 1, 2 do
      for k = 1, j - 1 do
        local dot = 0
        for i = 1, n do dot = dot + q[i][k] * q[i][j] end
        for i = 1, n do q[i][j] = q[i][j] - dot * q[i][k] end
        r[k][j] = (r[k][j] or 0) + dot
      end
    end
    for i = 1, n do length = length + q[i][j] ^ 2 end
    if length <= 1e-20 * before then
      if not what then return nil end
      raise(format("%s: the dates cannot tell the %d numbers of the model apart", what, p))
    end
    r[j][j] = sqrt(length)
    for i = 1, n do q[i][j] = q[i][j] / r[j][j] end
  end
  return q, r
end

-- Text of programs: the P columns of the N rows q fitted to what is valid of y[first + 1] ...
-- Normal equations by Cholesky. b: the coefficients; n: how many are valid; good: whether they can
-- tell the coefficients apart.
columns.FIT = [[
  local n, a, b, good = 0, {}, {}, true
  for j = 1, P do
    a[j], b[j] = {}, 0.0
    for k = 1, j do a[j][k] = 0.0 end
  end
  for i = 1, N do
    local v, x = y[first + i], q[i]
    if v ~= nil then
      n = n + 1
      for j = 1, P do
        b[j] = b[j] + x[j] * v
        for k = 1, j do a[j][k] = a[j][k] + x[j] * x[k] end
      end
    end
  end
  for j = 1, P do
    for k = 1, j do
      local s = a[j][k]
      for m = 1, k - 1 do s = s - a[j][m] * a[k][m] end
      if j > k then
        a[j][k] = s / a[k][k]
      else
        good = good and s > 1e-9
        a[j][j] = math.sqrt(s)
      end
    end
  end
  for j = 1, P do
    local s = b[j]
    for m = 1, j - 1 do s = s - a[j][m] * b[m] end
    b[j] = s / a[j][j]
  end
  for j = P, 1, -1 do
    local s = b[j]
    for m = j + 1, P do s = s - a[m][j] * b[m] end
    b[j] = s / a[j][j]
  end
]]
