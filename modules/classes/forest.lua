-- Random forests are trained. SPDX-License-Identifier: MIT
--
-- Breiman 2001: each tree on as many samples, drawn with repetition; in each node the best cut of
-- some bands drawn at random: of least Gini impurity, or least squares in regression. Both are the
-- most of sum over sides of (sum over classes of n_c^2) / n, or of (sum of y)^2 / n.
local core, _, learn = ...

local raise, ipairs, pairs, tostring = core.raise, ipairs, pairs, tostring
local mtype, floor, sqrt = math.type, math.floor, math.sqrt
local format, sort = string.format, table.sort

-- Classes as 1 .. n in their order
local function number_classes(d, name)
  local seen, classes, place = {}, {}, {}
  for i = 1, d.n do
    local c = mtype(d.y[i]) == "integer" and d.y[i] or floor(d.y[i])
    if c ~= d.y[i] then
      raise(format("train: column '%s' holds %s, and classes are whole numbers", name,
        tostring(d.y[i])))
    end
    if not seen[c] then classes[#classes + 1], seen[c] = c, true end
    d.y[i] = c
  end
  sort(classes)
  for k, c in ipairs(classes) do place[c] = k end
  for i = 1, d.n do d.y[i] = place[d.y[i]] end
  return classes
end

local RANK = 1 << 24 -- samples at most; ranks of values stand above the number of a sample

local function ranks(column, n)
  local order, rank, last = {}, {}, nil
  for i = 1, n do order[i] = i end
  sort(order, function(a, b)
    if column[a] ~= column[b] then return column[a] < column[b] end
    return a < b
  end)
  local r = 0
  for _, i in ipairs(order) do
    if column[i] ~= last then r, last = r + 1, column[i] end
    rank[i] = r * RANK
  end
  return rank
end

-- The best cut of one band over the samples: score, number of the last one on the side below, order
local function cut_classes(keys, y, total, n, least)
  local left, l2, r2, best, at = {}, 0, 0, -1, nil
  local right = {}
  for c, k in pairs(total) do
    left[c], right[c] = 0, k
    r2 = r2 + k * k
  end
  for i = 1, n - 1 do
    local key = keys[i]
    local c = y[key % RANK]
    l2 = l2 + 2 * left[c] + 1
    r2 = r2 - 2 * right[c] + 1
    left[c], right[c] = left[c] + 1, right[c] - 1
    if key // RANK ~= keys[i + 1] // RANK and i >= least and n - i >= least then
      local score = l2 / i + r2 / (n - i)
      if score > best then best, at = score, i end
    end
  end
  return best, at
end

local function cut_values(keys, y, sum, n, least)
  local left, best, at = 0, -1, nil
  for i = 1, n - 1 do
    local key = keys[i]
    left = left + y[key % RANK]
    if key // RANK ~= keys[i + 1] // RANK and i >= least and n - i >= least then
      local right = sum - left
      local score = left * left / i + right * right / (n - i)
      if score > best then best, at = score, i end
    end
  end
  return best, at
end

local function draw(chance, n, m) -- m of 1 .. n, each once
  local all = {}
  for i = 1, n do all[i] = i end
  for i = 1, m do
    local j = i + chance.below(n - i + 1)
    all[i], all[j] = all[j], all[i]
  end
  return all
end

-- The most frequent class, of several the first; or the mean
local function leaf_of(t, items)
  if not t.nclasses then
    local sum = 0
    for _, i in ipairs(items) do sum = sum + t.y[i] end
    return { 0, sum / #items }
  end
  local counts, best = {}, 1
  for c = 1, t.nclasses do counts[c] = 0 end
  for _, i in ipairs(items) do counts[t.y[i]] = counts[t.y[i]] + 1 end
  for c = 2, t.nclasses do
    if counts[c] > counts[best] then best = c end
  end
  return { 0, best }
end

local function is_pure(t, items)
  for k = 2, #items do
    if t.y[items[k]] ~= t.y[items[1]] then return false end
  end
  return true
end

local function best_cut(t, items)
  local n, total = #items, t.nclasses and {} or 0
  for _, i in ipairs(items) do
    if t.nclasses then total[t.y[i]] = (total[t.y[i]] or 0) + 1 else total = total + t.y[i] end
  end
  local order, best, band, sides = draw(t.chance, #t.x, t.try), -1, nil, nil
  for k = 1, t.try do
    local rank, keys = t.rank[order[k]], {}
    for j, i in ipairs(items) do keys[j] = rank[i] + i end
    sort(keys)
    local score, at = (t.nclasses and cut_classes or cut_values)(keys, t.y, total, n, t.least)
    if at and score > best then best, band, sides = score, order[k], { keys, at } end
  end
  return band, sides
end

local function grow(t, tree, items, depth)
  local k = #tree + 1
  tree[k] = leaf_of(t, items)
  if depth >= t.depth or #items < 2 * t.least or is_pure(t, items) then return k end
  local band, sides = best_cut(t, items)
  if not band then return k end
  local keys, at, below, above = sides[1], sides[2], {}, {}
  for i = 1, #keys do
    if i <= at then below[i] = keys[i] % RANK else above[i - at] = keys[i] % RANK end
  end
  local lo, hi = t.x[band][below[#below]], t.x[band][above[1]]
  local limit = lo + (hi - lo) / 2
  if limit <= lo then limit = hi end
  local node = { band, limit }
  tree[k] = node
  node[3] = grow(t, tree, below, depth + 1)
  node[4] = grow(t, tree, above, depth + 1)
  return k
end

local function walk(tree, x, i)
  local n = tree[1]
  while n[1] ~= 0 do n = tree[x[n[1]][i] < n[2] and n[3] or n[4]] end
  return n[2]
end

-- The share of samples that the trees which did not see them call rightly; in regression the root
-- of their mean squared error
local function out_of_bag(t, trees, bags)
  local right, n = 0, 0
  for i = 1, t.n do
    local votes, sum, seen = {}, 0, 0
    for k, tree in ipairs(trees) do
      if not bags[k][i] then
        local v = walk(tree, t.x, i)
        votes[v], sum, seen = (votes[v] or 0) + 1, sum + v, seen + 1
      end
    end
    if seen > 0 and t.nclasses then
      local best = 1
      for c = 2, t.nclasses do
        if (votes[c] or 0) > (votes[best] or 0) then best = c end
      end
      right, n = right + (best == t.y[i] and 1 or 0), n + 1
    elseif seen > 0 then
      right, n = right + (sum / seen - t.y[i]) ^ 2, n + 1
    end
  end
  return n > 0 and (t.nclasses and right / n or sqrt(right / n)) or nil
end

-- {kind = "forest", ...} of the columns d; o: the options of train
function learn.forest(d, o)
  local classes = o.mode ~= "regression" and number_classes(d, o.class) or nil
  if d.n >= RANK then raise(format("train: at most %d samples", RANK - 1)) end
  local try = o.try or (classes and floor(sqrt(#d.bands)) or (#d.bands + 2) // 3)
  local t = { x = d.x, y = d.y, n = d.n, rank = {}, nclasses = classes and #classes, try = try,
    least = o.min_leaf or 1, depth = o.depth or 24, chance = learn.dice(o.seed) }
  if t.try > #d.bands then raise(format("train: try is at most the %d bands", #d.bands)) end
  for k = 1, #d.bands do t.rank[k] = ranks(d.x[k], d.n) end
  local trees, bags = {}, {}
  for k = 1, o.trees or 50 do
    local items, bag = {}, {}
    for j = 1, d.n do
      local i = t.chance.below(d.n) + 1
      items[j], bag[i] = i, true
    end
    trees[k], bags[k] = {}, bag
    grow(t, trees[k], items, 0)
  end
  return { kind = "forest", bands = d.bands, classes = classes, trees = trees, samples = d.n,
    oob = out_of_bag(t, trees, bags) }
end
