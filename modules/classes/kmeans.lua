-- Clusters by k-means are found. SPDX-License-Identifier: MIT
--
-- Lloyd 1982, begun by k-means++ (Arthur, Vassilvitskii 2007).
local core, _, learn = ...

local raise, ipairs, huge, format = core.raise, ipairs, math.huge, string.format

local function squared(d, i, c)
  local sum = 0
  for k = 1, #c do
    local e = d.x[k][i] - c[k]
    sum = sum + e * e
  end
  return sum
end

local function place_of(d, i)
  local c = {}
  for k = 1, #d.bands do c[k] = d.x[k][i] + 0.0 end
  return c
end

local function begin(d, k, chance)
  local centers, near = { place_of(d, chance.below(d.n) + 1) }, {}
  for i = 1, d.n do near[i] = huge end
  while #centers < k do
    local sum = 0
    for i = 1, d.n do
      local e = squared(d, i, centers[#centers])
      if e < near[i] then near[i] = e end
      sum = sum + near[i]
    end
    local at, last = chance.real() * sum, nil
    for i = 1, d.n do
      if near[i] > 0 then
        at, last = at - near[i], i
        if at < 0 then break end
      end
    end
    if not last then raise(format("train: fewer than %d different samples", k)) end
    centers[#centers + 1] = place_of(d, last)
  end
  return centers
end

local function nearest(d, i, centers)
  local best, at = huge, 1
  for j, c in ipairs(centers) do
    local e = squared(d, i, c)
    if e < best then best, at = e, j end
  end
  return at
end

-- {kind = "kmeans", ...} of the columns d; o: the options of train
function learn.kmeans(d, o)
  if not o.k then raise "train: k, the number of clusters, is missing" end
  local centers, of = begin(d, o.k, learn.dice(o.seed)), {}
  for _ = 1, o.iterations or 100 do
    local changed, sum, count = false, {}, {}
    for j = 1, o.k do
      sum[j], count[j] = {}, 0
      for b = 1, #d.bands do sum[j][b] = 0.0 end
    end
    for i = 1, d.n do
      local j = nearest(d, i, centers)
      changed, of[i] = changed or of[i] ~= j, j
      count[j] = count[j] + 1
      for b = 1, #d.bands do sum[j][b] = sum[j][b] + d.x[b][i] end
    end
    if not changed then break end
    for j = 1, o.k do -- one that lost all its samples stays where it is
      for b = 1, #d.bands do
        if count[j] > 0 then centers[j][b] = sum[j][b] / count[j] end
      end
    end
  end
  return { kind = "kmeans", bands = d.bands, centers = centers, samples = d.n }
end
