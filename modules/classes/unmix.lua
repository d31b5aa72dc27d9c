-- Linear unmixing: of which parts of known spectra a cell is made up, by least squares.
-- SPDX-License-Identifier: MIT
--
-- The fractions f make |x - E f|^2 least, E the end members as columns. Without conditions, and
-- where they shall sum to one (Lagrange), f is a fixed matrix times x plus a fixed vector, found
-- once. Where none may be negative, the answer is that of the subset of end members whose own
-- answer has no negative and the least error (the others are 0): all subsets are tried in each
-- cell.
local core = ...

local methods, raise, options = core.methods, core.raise, core.options
local type, ipairs, pairs, tostring, rawlen = type, ipairs, pairs, tostring, rawlen
local abs, is_number = math.abs, options.is_number
local format, sort = string.format, table.sort

local MOST_SUBSETS = 6 -- end members where none may be negative: 63 subsets

-- Solves a b = c for several columns of c at once (Gauss, with pivots); nil where a is singular
local function solve(a, c)
  local n, m = #a, #c[1]
  for i = 1, n do
    local p = i
    for r = i + 1, n do
      if abs(a[r][i]) > abs(a[p][i]) then p = r end
    end
    if abs(a[p][i]) < 1e-12 then return nil end
    a[i], a[p], c[i], c[p] = a[p], a[i], c[p], c[i]
    for r = 1, n do
      local k = r ~= i and a[r][i] / a[i][i] or 0
      if k ~= 0 then
        for j = i, n do a[r][j] = a[r][j] - k * a[i][j] end
        for j = 1, m do c[r][j] = c[r][j] - k * c[i][j] end
      end
    end
  end
  for i = 1, n do
    for j = 1, m do c[i][j] = c[i][j] / a[i][i] end
  end
  return c
end

-- { {weights of the bands, constant}, ... } of these end members; nil where they depend on each
-- other
local function weights(members, to_one)
  local n, bands, a, c = #members, #members[1], {}, {}
  local size = 0
  for i = 1, n do
    for b = 1, bands do size = size + members[i][b] * members[i][b] end
  end
  size = size > 0 and size / n or 1 -- so that what is singular does not depend on units
  for i = 1, n + (to_one and 1 or 0) do
    a[i], c[i] = {}, {}
    for j = 1, n do
      local sum = i > n and 1 or 0
      for b = 1, i <= n and bands or 0 do sum = sum + members[i][b] * members[j][b] / size end
      a[i][j] = sum
    end
    if to_one then a[i][n + 1] = i <= n and 1 or 0 end
    for b = 1, bands do c[i][b] = i <= n and members[i][b] / size or 0 end
    c[i][bands + 1] = i > n and 1 or 0
  end
  local w = solve(a, c)
  if w then w[n + 1] = nil end
  return w
end

local function combine(x, w) -- the first band comes first: the grid is its
  local sum = core.add(core.mul(x[1], w[1]), w[#x + 1])
  for b = 2, #x do sum = core.add(sum, core.mul(x[b], w[b])) end
  return sum
end

local function fractions(x, members, to_one)
  local w, f = weights(members, to_one), {}
  if not w then return nil end
  for i = 1, #members do f[i] = combine(x, w[i]) end
  return f
end

local function squared_error(x, members, f)
  local sum
  for b = 1, #x do
    local rest = x[b]
    for i = 1, #members do rest = core.sub(rest, core.mul(f[i], members[i][b])) end
    sum = sum and core.add(sum, core.mul(rest, rest)) or core.mul(rest, rest)
  end
  return sum
end

-- All are 0: allowed where they need not sum to one
local function nothing(x, n)
  local f, sum = {}, nil
  local zero = core.mul(x[1], 0.0)
  for i = 1, n do f[i] = zero end
  for b = 1, #x do
    local square = core.mul(x[b], x[b])
    sum = sum and core.add(sum, square) or square
  end
  return f, sum
end

local function not_negative(x, members, to_one)
  local n, best, least = #members, nil, nil
  if not to_one then best, least = nothing(x, n) end
  for set = 1, (1 << n) - 1 do
    local some, place = {}, {}
    for i = 1, n do
      if set & 1 << i - 1 ~= 0 then some[#some + 1], place[i] = members[i], #some + 1 end
    end
    local f = fractions(x, some, to_one)
    if f then
      local good, all, zero = nil, {}, core.mul(x[1], 0.0)
      for i = 1, #some do
        local one = core.ge(f[i], 0)
        good = good and core["and"](good, one) or one
      end
      local err = squared_error(x, some, f)
      for i = 1, n do all[i] = place[i] and f[place[i]] or zero end
      if best then
        local better = core["and"](good, core.lt(err, least))
        least = core.where(better, err, least)
        for i = 1, n do best[i] = core.where(better, all[i], best[i]) end
      else -- one end member that is all of the cell is never negative
        best, least = all, err
      end
    end
  end
  return best
end

-- -------------------------------------------------------------------------------------- the method

local function read_members(img, members)
  local names, list = {}, {}
  if type(members) ~= "table" then
    raise("unmix needs end members, such as {soil = {...}, water = {...}}, got " .. type(members))
  end
  if rawlen(members) > 0 then
    for i, m in ipairs(members) do names[i], list[i] = "band_" .. i - 1, m end
  else
    for name in pairs(members) do
      if type(name) ~= "string" then raise "unmix: end members are a list, or have names" end
      names[#names + 1] = name
    end
    sort(names)
    for i, name in ipairs(names) do list[i] = members[name] end
  end
  for i, m in ipairs(list) do
    local bands = type(m) == "table" and rawlen(m) or 0
    if bands ~= #img then
      raise(format("unmix: end member %s has %d numbers, the Image %d bands (%s)", names[i], bands,
        #img, core.band_list(img)))
    end
    for _, v in ipairs(m) do
      if not is_number(v) then
        raise(format("unmix: end member %s holds %s", names[i], tostring(v)))
      end
    end
  end
  if #list == 0 then raise "unmix needs end members" end
  return names, list
end

local known = { sum_to_one = options.flag, non_negative = options.flag }

-- unmix(endmembers, { sum_to_one =, non_negative = }), or GEE's unmix(endmembers, true, true)
function methods.unmix(img, members, given, non_negative)
  if type(given) == "boolean" then
    given = { sum_to_one = given, non_negative = non_negative }
  end
  local o = options.check("unmix", given, known)
  local names, list = read_members(img, members)
  if o.non_negative and #list > MOST_SUBSETS then
    raise(format("unmix: at most %d end members where none may be negative", MOST_SUBSETS))
  end
  if not weights(list, o.sum_to_one) then
    raise(format("unmix: %d end members of %d bands cannot be told apart", #list, #img))
  end
  local x, r = {}, nil
  for b, name in ipairs(methods.bands(img)) do x[b] = methods.select(img, name) end
  local f = (o.non_negative and not_negative or fractions)(x, list, o.sum_to_one)
  for i, name in ipairs(names) do
    local one = methods.rename(f[i], name)
    r = r and core.stack(r, one) or one
  end
  return r
end
