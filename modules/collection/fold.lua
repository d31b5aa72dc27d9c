-- Reducing Images that are computed already (groups, Collection{images = ...}), as a graph of
-- ordinary operations. SPDX-License-Identifier: MIT
--
-- f(list of Images with the same bands, options) -> an Image. Values are counted where they are
-- valid, band by band.
local core, C = ...

local ipairs = ipairs
local format, floor = string.format, math.floor
local raise, methods = core.raise, core.methods

local fold = {}
C.fold, core.fold = fold, fold

local MOST_SORTED = 128 -- Images; the network has some n log(n)^2 / 2 operations on each band

local function counted(list)
  local n
  for _, img in ipairs(list) do
    local one = core.where(core.isvalid(img), 1, 0)
    n = n and core.add(n, one) or one
  end
  return n
end

local function left(list, f)
  local r = list[1]
  for i = 2, #list do r = f(r, list[i]) end
  return r
end

function fold.first(list) return left(list, function(a, b) return core.unmask(a, b) end) end
function fold.last(list) return left(list, function(a, b) return core.unmask(b, a) end) end
fold.mosaic = fold.first

local function either(f) -- f where both are valid, else the one that is
  return function(a, b) return f(core.unmask(a, b), core.unmask(b, a)) end
end
function fold.min(list) return left(list, either(core.min)) end
function fold.max(list) return left(list, either(core.max)) end

local function some(img, list) return core.keep(img, core.ge(counted(list), 1)) end

local function total(list)
  return left(list, function(a, b) return core.add(core.unmask(a, 0), core.unmask(b, 0)) end)
end
function fold.sum(list) return some(total(list), list) end
function fold.count(list) return counted(list) end
function fold.mean(list) return core.div(fold.sum(list), counted(list)) end

function fold.stddev(list, options)
  local mean, squares = fold.mean(list), {}
  for i, img in ipairs(list) do
    local d = core.sub(img, mean)
    squares[i] = core.mul(d, d)
  end
  return core.sqrt(core.div(fold.sum(squares), core.sub(counted(list), options.ddof)))
end

-- Batcher's merge exchange: compares in an order that depends on the number alone
local function exchange(v, i, j)
  v[i], v[j] = core.min(v[i], v[j]), core.max(v[i], v[j])
end

local function network(v)
  local n, t = #v, 1
  while t < n do t = t * 2 end
  local p = t // 2
  while p > 0 do
    local q, r, d = t // 2, 0, p
    while d > 0 do
      for i = 0, n - d - 1 do
        if i & p == r then exchange(v, i + 1, i + d + 1) end
      end
      d, q, r = q - p, q // 2, p
    end
    p = p // 2
  end
  return v
end

local BEYOND = 1e308 -- above every value; stands where there is none

function fold.percentile(list, options)
  if #list > MOST_SORTED then
    raise(format("%s of %d computed Images: at most %d; group less, or reduce the scenes",
      options.reducer, #list, MOST_SORTED))
  end
  local v, n = {}, counted(list)
  for i, img in ipairs(list) do v[i] = core.unmask(core.mul(img, 1.0), BEYOND) end
  network(v)
  local r = v[1]
  for k = 2, #list do -- k of them are valid: between two of the first k
    local at = (k - 1) * options.percentile / 100
    local below = floor(at)
    local one = v[below + 1]
    if at > below then
      one = core.add(one, core.mul(core.sub(v[below + 2], one), at - below))
    end
    r = core.replace(r, core.eq(n, k), one)
  end
  return some(r, list)
end

-- The value that is there most often; of several such the least
function fold.most_frequent(list)
  local v, n = {}, counted(list)
  local beyond = core.info(list[1])[1].type == "float" and BEYOND or math.maxinteger
  for i, img in ipairs(list) do v[i] = core.unmask(img, beyond) end
  network(v)
  local r, run, most = v[1], 1, 1
  for k = 2, #list do
    run = core.where(core.eq(v[k], v[k - 1]), run + 1, 1) -- a number at first
    local better = core["and"](core.gt(run, most), core.ge(n, k))
    r, most = core.replace(r, better, v[k]), core.replace(most, better, run)
  end
  return some(r, list)
end

function fold.median(list, options)
  return fold.percentile(list, { percentile = 50, reducer = options.reducer })
end

function fold.quality_mosaic(list, options)
  local best, quality
  for i, img in ipairs(list) do
    local q = methods.select(img, options.quality)
    if i == 1 then best, quality = img, q
    else
      local better = core["or"](core.gt(q, quality),
        core["and"](core.isvalid(q), core["not"](core.isvalid(quality))))
      best, quality = core.replace(best, better, img), core.replace(quality, better, q)
    end
  end
  return core.keep(best, core.isvalid(quality))
end

function fold.stack(list)
  local r
  for i, img in ipairs(list) do
    local names = img:bands()
    for k, name in ipairs(names) do names[k] = format("t%d_%s", i, name) end
    local one = methods.rename(img, names)
    r = r and core.stack(r, one) or one
  end
  return r
end

-- All Images get the bands of the first; an Image without one of them is an error.
function fold.reduce(list, ids, options)
  local f = fold[options.reducer]
  if not f then
    raise(format("%s is there for scenes, not for Images that are computed; there are first, last, "
      .. "min, max, sum, mean, stddev, count, median, percentile, quality_mosaic and stack",
      options.reducer))
  end
  local names = list[1]:bands()
  for i, img in ipairs(list) do
    for _, name in ipairs(names) do
      local have = false
      for _, other in ipairs(img:bands()) do have = have or other == name end
      if not have then
        raise(format("%s has no band '%s' (it has %s), %s has", ids[i], name,
          core.band_list(img), ids[1]))
      end
    end
    list[i] = methods.select(img, names)
  end
  local r = f(list, options)
  if options.min_count > 1 and options.reducer ~= "count" and options.reducer ~= "stack" then
    r = core.keep(r, core.ge(counted(list), options.min_count))
  end
  return methods.rename(r, options.reducer == "stack" and r:bands() or names)
end
