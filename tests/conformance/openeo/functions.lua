-- openEO's processes as Functions on one pixel, nil for no data: part of ../openeo.lua.
-- SPDX-License-Identifier: MIT

local F = {}

local function is_flag(x) return x == true or x == false end

function F.absolute(x) if x ~= nil then return math.abs(x) end end
function F.sqrt(x) if x ~= nil then return math.sqrt(x) end end
function F.exp(p) if p ~= nil then return math.exp(p) end end
function F.ln(x) if x ~= nil then return math.log(x) end end
function F.sin(x) if x ~= nil then return math.sin(x) end end
function F.cos(x) if x ~= nil then return math.cos(x) end end
function F.tan(x) if x ~= nil then return math.tan(x) end end
function F.arcsin(x) if x ~= nil then return math.asin(x) end end
function F.arccos(x) if x ~= nil then return math.acos(x) end end
function F.arctan(x) if x ~= nil then return math.atan(x) end end
function F.cosh(x) if x ~= nil then return (math.exp(x) + math.exp(-x)) / 2 end end
function F.sinh(x) if x ~= nil then return (math.exp(x) - math.exp(-x)) / 2 end end
function F.tanh(x) if x ~= nil then return 1 - 2 / (math.exp(2 * x) + 1) end end
function F.arcosh(x) if x ~= nil then return math.log(x + math.sqrt(x * x - 1)) end end
function F.artanh(x) if x ~= nil then return math.log((1 + x) / (1 - x)) / 2 end end
function F.arsinh(x)
  if x == nil then return nil end
  local r = math.log(math.abs(x) + math.sqrt(x * x + 1))
  if x < 0 then return -r end
  return r
end
function F.ceil(x) if x ~= nil then return math.ceil(x) end end
function F.floor(x) if x ~= nil then return math.floor(x) end end
function F.sgn(x)
  if x == nil then return nil end
  if x > 0 then return 1 end
  if x < 0 then return -1 end
  return x
end
function F.int(x)
  if x == nil or x ~= x then return nil end
  if x < 0 then return math.ceil(x) end
  return math.floor(x)
end
local function half_even(x)
  if x ~= x or math.abs(x) == 1 / 0 then return x end
  local f = math.floor(x)
  local d = x - f
  if d > 0.5 or d == 0.5 and f % 2 == 1 then return f + 1 end
  return f
end
function F.round(x, p)
  if x == nil then return nil end
  if p == 0 then return half_even(x) end
  return half_even(x * 10.0 ^ p) / 10.0 ^ p
end

function F.add(x, y) if x ~= nil and y ~= nil then return x + y end end
function F.subtract(x, y) if x ~= nil and y ~= nil then return x - y end end
function F.multiply(x, y) if x ~= nil and y ~= nil then return x * y end end
function F.divide(x, y) if x ~= nil and y ~= nil then return x / y end end
function F.mod(x, y) if x ~= nil and y ~= nil then return x % y end end
function F.power(x, y) if x ~= nil and y ~= nil then return x ^ y end end
function F.log(x, y) if x ~= nil and y ~= nil then return math.log(x) / math.log(y) end end
function F.arctan2(y, x) if x ~= nil and y ~= nil then return math.atan(y, x) end end
function F.normalized_difference(x, y)
  if x ~= nil and y ~= nil then return (x - y) / (x + y) end
end
function F.clip(x, lo, hi)
  if x == nil then return nil end
  if x ~= x or lo ~= lo or hi ~= hi then return 0 / 0 end
  if x < lo then return lo end
  if x > hi then return hi end
  return x
end
function F.linear_scale_range(x, a, b, c, d)
  if x == nil then return nil end
  local y = x
  if x < math.min(a, b) then y = math.min(a, b) end
  if x > math.max(a, b) then y = math.max(a, b) end
  return (y - a) / (b - a) * (d - c) + c
end
function F.constant(x) return x end
function F.e() return math.exp(1) end
function F.pi() return math.pi end
function F.nan() return 0 / 0 end

function F.eq(x, y, delta)
  if x == nil or y == nil then return nil end
  if is_flag(x) or is_flag(y) then return x == y end
  return x == y or math.abs(x - y) <= delta
end
function F.neq(x, y, delta)
  if x == nil or y == nil then return nil end
  if is_flag(x) or is_flag(y) then return x ~= y end
  return not (x == y or math.abs(x - y) <= delta)
end
function F.gt(x, y)
  if x == nil or y == nil then return nil end
  if is_flag(x) or is_flag(y) then return false end
  return x > y
end
function F.gte(x, y)
  if x == nil or y == nil then return nil end
  if is_flag(x) or is_flag(y) then return false end
  return x >= y
end
function F.lt(x, y)
  if x == nil or y == nil then return nil end
  if is_flag(x) or is_flag(y) then return false end
  return x < y
end
function F.lte(x, y)
  if x == nil or y == nil then return nil end
  if is_flag(x) or is_flag(y) then return false end
  return x <= y
end
function F.between(x, lo, hi, open)
  if x == nil then return nil end
  if is_flag(x) then return false end
  if open then return x >= lo and x < hi end
  return x >= lo and x <= hi
end
F["and"] = function(x, y)
  if x == false or y == false then return false end
  if x == nil or y == nil then return nil end
  return true
end
F["or"] = function(x, y)
  if x == true or y == true then return true end
  if x == nil or y == nil then return nil end
  return false
end
F["not"] = function(x)
  if x == nil then return nil end
  return not x
end
function F.xor(x, y)
  if x == nil or y == nil then return nil end
  return x ~= y
end
F["if"] = function(value, accept, reject)
  if value then return accept end
  return reject
end
function F.is_nan(x) return x ~= nil and not is_flag(x) and x ~= x end
function F.is_infinite(x) return x ~= nil and not is_flag(x) and (x == 1 / 0 or x == -1 / 0) end
function F.is_nodata(x) return x == nil end
function F.is_valid(x)
  return x ~= nil and (is_flag(x) or x == x and x ~= 1 / 0 and x ~= -1 / 0)
end

-- Reducers: of n values, some of them nil. `ignore`: whether those are passed over.
local function first_of(t, n, ignore)
  for i = 1, n do
    if t[i] ~= nil then return t[i] end
    if not ignore then return nil end
  end
end
local function holes(t, n)
  local k = 0
  for i = 1, n do if t[i] == nil then k = k + 1 end end
  return k
end
local function total(t, n)
  local s = 0.0
  for i = 1, n do if t[i] ~= nil then s = s + t[i] end end
  return s
end

function F.first(t, n, ignore) return first_of(t, n, ignore) end
function F.last(t, n, ignore)
  for i = n, 1, -1 do
    if t[i] ~= nil then return t[i] end
    if not ignore then return nil end
  end
end
function F.sum(t, n, ignore)
  local k = holes(t, n)
  if k == n or k > 0 and not ignore then return nil end
  return total(t, n)
end
function F.product(t, n, ignore)
  local k = holes(t, n)
  if k == n or k > 0 and not ignore then return nil end
  local p = 1.0
  for i = 1, n do if t[i] ~= nil then p = p * t[i] end end
  return p
end
function F.mean(t, n, ignore)
  local k = holes(t, n)
  if k == n or k > 0 and not ignore then return nil end
  return total(t, n) / (n - k)
end
function F.variance(t, n, ignore)
  local k = holes(t, n)
  if k == n or k > 0 and not ignore then return nil end
  local mean, s = total(t, n) / (n - k), 0.0
  for i = 1, n do if t[i] ~= nil then s = s + (t[i] - mean) ^ 2 end end
  return s / (n - k - 1)
end
local variance = F.variance
function F.sd(t, n, ignore)
  local v = variance(t, n, ignore)
  if v == nil then return nil end
  return math.sqrt(v)
end
function F.min(t, n, ignore)
  local k, r = holes(t, n), nil
  if k > 0 and not ignore then return nil end
  for i = 1, n do
    if t[i] ~= nil and t[i] ~= t[i] then return t[i] end
    if t[i] ~= nil and (r == nil or t[i] < r) then r = t[i] end
  end
  return r
end
function F.max(t, n, ignore)
  local k, r = holes(t, n), nil
  if k > 0 and not ignore then return nil end
  for i = 1, n do
    if t[i] ~= nil and t[i] ~= t[i] then return t[i] end
    if t[i] ~= nil and (r == nil or t[i] > r) then r = t[i] end
  end
  return r
end
function F.all(t, n, ignore)
  local unknown = false
  for i = 1, n do
    if t[i] == false then return false end
    if t[i] == nil then unknown = true end
  end
  if unknown and not ignore then return nil end
  return true
end
function F.any(t, n, ignore)
  local unknown = false
  for i = 1, n do
    if t[i] == true then return true end
    if t[i] == nil then unknown = true end
  end
  if unknown and not ignore then return nil end
  return false
end
function F.count(t, n)
  local k = 0
  for i = 1, n do if t[i] ~= nil and t[i] == t[i] then k = k + 1 end end
  return k
end

-- Places of the values in ascending order (or descending), equal ones as they come; how many.
local function order_of(t, n, ascending)
  local r, m = {}, 0
  for i = 1, n do
    if t[i] ~= nil then
      local k = m
      while k > 0 and (ascending and t[i] < t[r[k]] or not ascending and t[i] > t[r[k]]) do
        r[k + 1] = r[k]
        k = k - 1
      end
      r[k + 1] = i
      m = m + 1
    end
  end
  return r, m
end
-- nodata: true puts those without a value last, false first, nil leaves them out
local function order_all(t, n, ascending, nodata)
  local r, m = order_of(t, n, ascending)
  if nodata == nil then return r, m end
  local all, k = {}, 0
  for part = 1, 2 do
    if (part == 1) == nodata then
      for i = 1, m do all[k + i] = r[i] end
      k = k + m
    else
      for i = 1, n do
        if t[i] == nil then
          k = k + 1
          all[k] = i
        end
      end
    end
  end
  return all, n
end
function F.order(t, n, ascending, nodata)
  local r, m = order_all(t, n, ascending, nodata)
  for i = 1, m do r[i] = r[i] - 1 end
  return r, m
end
function F.sort(t, n, ascending, nodata)
  local r, m = order_all(t, n, ascending, nodata)
  local s = {}
  for i = 1, m do s[i] = t[r[i]] end
  return s, m
end
function F.rearrange(t, n, order)
  local r = {}
  for i = 1, #order do r[i] = t[order[i] + 1] end
  return r, #order
end
local function quantile(t, r, m, p)
  local at = 1 + (m - 1) * p
  local lo = math.floor(at)
  local f = at - lo
  if f == 0 or lo >= m then return t[r[lo]] end
  return t[r[lo]] * (1 - f) + t[r[lo + 1]] * f
end
function F.median(t, n, ignore)
  local k = holes(t, n)
  if k == n or k > 0 and not ignore then return nil end
  for i = 1, n do if t[i] ~= nil and t[i] ~= t[i] then return t[i] end end
  local r, m = order_of(t, n, true)
  return quantile(t, r, m, 0.5)
end
function F.quantiles(t, n, ps, ignore)
  local q, k = {}, holes(t, n)
  if k == n or k > 0 and not ignore then return q, #ps end
  for i = 1, n do
    if t[i] ~= nil and t[i] ~= t[i] then
      for j = 1, #ps do q[j] = t[i] end
      return q, #ps
    end
  end
  local r, m = order_of(t, n, true)
  for j = 1, #ps do q[j] = quantile(t, r, m, ps[j]) end
  return q, #ps
end
local least, greatest = F.min, F.max
function F.extrema(t, n, ignore) return { least(t, n, ignore), greatest(t, n, ignore) }, 2 end

local function running(t, n, ignore, step)
  local r, sofar = {}, nil
  for i = 1, n do
    if t[i] ~= nil then
      if sofar == nil then sofar = t[i] else sofar = step(sofar, t[i]) end
      r[i] = sofar
    elseif not ignore then
      return r, n
    end
  end
  return r, n
end
local function plus(a, b) return a + b end
local function times(a, b) return a * b end
local function lower(a, b) if b < a or b ~= b then return b end return a end
local function upper(a, b) if b > a or b ~= b then return b end return a end
function F.cumsum(t, n, ignore) return running(t, n, ignore, plus) end
function F.cumproduct(t, n, ignore) return running(t, n, ignore, times) end
function F.cummin(t, n, ignore) return running(t, n, ignore, lower) end
function F.cummax(t, n, ignore) return running(t, n, ignore, upper) end

-- Arrays
function F.array_element(t, _, index) return t[index + 1] end
function F.array_contains(t, n, value)
  for i = 1, n do if value ~= nil and t[i] == value then return true end end
  return false
end
function F.array_find(t, n, value, backwards)
  if value == nil then return nil end
  local r = nil
  for i = 1, n do
    if t[i] == value and (r == nil or backwards) then r = i - 1 end
  end
  return r
end
function F.array_concat(a, n, b, m)
  local r = {}
  for i = 1, n do r[i] = a[i] end
  for i = 1, m do r[n + i] = b[i] end
  return r, n + m
end
function F.array_append(a, n, value)
  local r = {}
  for i = 1, n do r[i] = a[i] end
  r[n + 1] = value
  return r, n + 1
end
function F.array_create(a, n, times_)
  local r = {}
  for k = 0, times_ - 1 do
    for i = 1, n do r[k * n + i] = a[i] end
  end
  return r, n * times_
end
function F.array_modify(a, n, b, m, index, length)
  local r = {}
  for i = 1, index do r[i] = a[i] end
  for i = 1, m do r[index + i] = b[i] end
  local k = index + m
  for i = index + length + 1, n do
    k = k + 1
    r[k] = a[i]
  end
  return r, k
end
function F.array_interpolate_linear(t, n, at)
  local r, before = {}, nil
  for i = 1, n do
    if t[i] ~= nil and t[i] == t[i] then
      if before ~= nil then
        for k = before + 1, i - 1 do
          local f = (at[k] - at[before]) / (at[i] - at[before])
          r[k] = t[before] * (1 - f) + t[i] * f
        end
      end
      r[i] = t[i]
      before = i
    else
      r[i] = t[i]
    end
  end
  return r, n
end

-- What each takes, in order: "x" a value, "data[]" values, "p!" a constant of the script. With "=":
-- what stands for an argument that is not there.
local takes = {
  round = "x, p!=0", log = "x, base", power = "base, p", exp = "p", arctan2 = "y, x", e = "",
  pi = "", nan = "", clip = "x, min, max", between = "x, min, max, exclude_max!=false",
  linear_scale_range = "x, inputMin, inputMax, outputMin=0, outputMax=1",
  eq = "x, y, delta!=0", neq = "x, y, delta!=0", ["if"] = "value, accept, reject=nil",
  quantiles = "data[], probabilities!, ignore_nodata!=true", count = "data[]",
  order = "data[], asc!=true, nodata!=nil", sort = "data[], asc!=true, nodata!=nil",
  rearrange = "data[], order!", array_element = "data[], index!", array_contains = "data[], value",
  array_find = "data[], value, reverse!=false", array_concat = "array1[], array2[]",
  array_append = "data[], value", array_create = "data[], repeat!=1",
  array_modify = "data[], values[], index!, length!=1",
  array_interpolate_linear = "data[], labels!",
}
for name in ("first last sum product mean variance sd min max median extrema all any cumsum "
  .. "cumproduct cummin cummax"):gmatch "%S+" do
  takes[name] = "data[], ignore_nodata!=true"
end
for name in ("add subtract multiply divide mod normalized_difference gt gte lt lte and or xor")
  :gmatch "%S+" do
  takes[name] = "x, y"
end
local lists = {} -- those that give a list
for name in ("order sort rearrange quantiles extrema cumsum cumproduct cummin cummax array_concat "
  .. "array_append array_create array_modify array_interpolate_linear"):gmatch "%S+" do
  lists[name] = true
end

local function signature(id)
  if not F[id] then return nil end
  local list = {}
  for name, kind, default in (takes[id] or "x"):gmatch "([%w_]+)([%[%]!]*)=?(%w*)" do
    list[#list + 1] = { name = name, many = kind == "[]", const = kind == "!", default = default }
  end
  return list
end

return { F = F, lists = lists, signature = signature }
