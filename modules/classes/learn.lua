-- Learning from samples: random forests, k-means; and how well a classification does.
-- SPDX-License-Identifier: MIT
--
-- A model is a table of plain data, so that it can be kept as JSON and made by other programs.
-- What it says of an Image is written out as a graph of ordinary operations.
local core, globals = ...

local methods, raise, check = core.methods, core.raise, core.check_options
local type, ipairs, pairs, tostring, rawlen, setmetatable, getmetatable =
  type, ipairs, pairs, tostring, rawlen, setmetatable, getmetatable
local mtype, floor, sqrt, huge = math.type, math.floor, math.sqrt, math.huge
local format, concat, sort, unpack = string.format, table.concat, table.sort, table.unpack

local function is_number(x) return type(x) == "number" and x == x and x ~= huge and x ~= -huge end
local function at_least(least)
  return function(x)
    return not (mtype(x) == "integer" and x >= least) and "a whole number from " .. least or nil
  end
end
local function text(x) return type(x) ~= "string" and "a text" or nil end
local function list(x) return not (type(x) == "table" and rawlen(x) > 0) and "a list" or nil end
local function whole(x) return mtype(x) ~= "integer" and "a whole number" or nil end
local function any() return nil end

-- ------------------------------------------------------------------------------- chance, by a seed

-- splitmix64 (Steele, Lea, Flood 2014): below(n) is a whole number from 0 to n - 1
local function dice(seed)
  local state = seed or 1
  local function bits()
    state = state + 0x9e3779b97f4a7c15
    local z = state
    z = (z ~ z >> 30) * 0xbf58476d1ce4e5b9
    z = (z ~ z >> 27) * 0x94d049bb133111eb
    return (z ~ z >> 31) >> 1
  end
  return { below = function(n) return bits() % n end,
    real = function() return (bits() >> 10) / 0x1p53 end }
end
core.dice = dice

-- ------------------------------------------------------------------------------------------ models

local Model = {}
Model.__index, Model.__name = Model, "Model"

function Model.__tostring(m)
  if m.kind == "kmeans" then
    return format("Model: %d clusters of %s", #m.centers, concat(m.bands, ", "))
  end
  return format("Model: %d trees on %s, %s%s", #m.trees, concat(m.bands, ", "),
    m.classes and #m.classes .. " classes" or "regression",
    m.oob and format(", out of bag %.4f", m.oob) or "")
end

local function damaged(why) raise("no model: " .. why) end

local function check_tree(tree, bands, classes)
  if type(tree) ~= "table" or rawlen(tree) == 0 then damaged "a tree is a list of nodes" end
  for i, n in ipairs(tree) do
    if type(n) ~= "table" then damaged "a node is {band, limit, below, else} or {0, value}" end
    local b = n[1]
    if mtype(b) ~= "integer" or b < 0 or b > bands or not is_number(n[2]) then
      damaged(format("node %d of a tree", i))
    end
    if b == 0 then
      if classes and (mtype(n[2]) ~= "integer" or n[2] < 1 or n[2] > classes) then
        damaged(format("node %d of a tree: class %s of %d", i, tostring(n[2]), classes))
      end
    else
      for k = 3, 4 do -- onward only, so that every walk ends
        if mtype(n[k]) ~= "integer" or n[k] <= i or n[k] > #tree then
          damaged(format("node %d of a tree leads to %s", i, tostring(n[k])))
        end
      end
    end
  end
end

local function check_numbers(x, n, what)
  if type(x) ~= "table" or rawlen(x) ~= n then damaged(format("%s: %d numbers", what, n)) end
  for _, v in ipairs(x) do
    if not is_number(v) then damaged(what .. ": numbers") end
  end
end

local function new_model(m)
  if type(m) ~= "table" or type(m.bands) ~= "table" or rawlen(m.bands) == 0 then
    damaged "it has no bands"
  end
  for _, name in ipairs(m.bands) do
    if type(name) ~= "string" then damaged "bands are names" end
  end
  if m.kind == "kmeans" then
    if type(m.centers) ~= "table" or rawlen(m.centers) == 0 then damaged "it has no centers" end
    for _, c in ipairs(m.centers) do check_numbers(c, #m.bands, "a center") end
  elseif m.kind == "forest" then
    if type(m.trees) ~= "table" or rawlen(m.trees) == 0 then damaged "it has no trees" end
    if m.classes then
      if type(m.classes) ~= "table" then damaged "classes are whole numbers" end
      for _, c in ipairs(m.classes) do
        if mtype(c) ~= "integer" then damaged "classes are whole numbers" end
      end
    end
    for _, t in ipairs(m.trees) do check_tree(t, #m.bands, m.classes and #m.classes) end
  else
    damaged(format("its kind is \"forest\" or \"kmeans\", not %s", tostring(m.kind)))
  end
  return setmetatable(m, Model)
end

local function is_model(x) return type(x) == "table" and getmetatable(x) == Model end

-- Model "forest.json", or a table of the same
function globals.Model(x)
  if type(x) == "string" then x = core.read_json(x) end
  return new_model(x)
end

core.files[Model] = function(m) return core.json_text(m), "json" end

-- ----------------------------------------------------------------------------------------- samples

local BATCH, TRIES = 256, 50 -- places drawn at once; places for each sample that is wanted

local function some_points(chance, box)
  local w, s, e, n = unpack(box)
  local points = {}
  if e < w then e = e + 360 end
  for k = 1, BATCH do
    local x = w + chance.real() * (e - w)
    points[k] = { x > 180 and x - 360 or x, s + chance.real() * (n - s) }
  end
  return points
end

local function is_whole(row, names)
  for _, name in ipairs(names) do
    if row[name] == nil then return false end
  end
  return true
end

-- sample{count =}: rows at places drawn at random, all of whose bands are valid, within the region
-- or the Image; with `class`, the name of a band, as many of each class. Fewer where they are rare.
function core.draw_samples(img, o, settings)
  local names, chance = methods.bands(img), dice(o.seed)
  local box = o.region and core.geometry(o.region).box or core.box(img)
  local from = o.region and core.keep(img, core.geometry_mask(o.region)) or img
  local rows, of, full, columns = {}, {}, false, nil
  if o.class then methods.select(img, o.class) end -- or an error that lists the bands
  for _ = 1, (o.count * TRIES + BATCH - 1) // BATCH do
    local r = core.sample(from, some_points(chance, box), settings)
    columns = r.columns
    for _, row in ipairs(r.rows) do
      local class = o.class and row[o.class] or 0
      if not full and is_whole(row, names) and (of[class] or 0) < o.count then
        of[class], row.id = (of[class] or 0) + 1, #rows
        rows[#rows + 1] = row
        full = not o.class and #rows == o.count
      end
    end
    if full then break end
  end
  if #rows == 0 then raise "sample: no cell that was drawn is valid in all bands" end
  return core.new_rows(rows, columns)
end

local not_bands = { id = true, lon = true, lat = true }

-- Columns of numbers of the rows in which all of them are there: {x[band][i], y[i], n}
local function columns(rows, o, what)
  if type(rows) ~= "table" or rawlen(rows) == 0 then
    raise(what .. ": samples are rows, as img:sample gives them")
  end
  local bands = o.bands
  if not bands then
    bands = {}
    for _, name in ipairs(rows.columns and rows:columns() or {}) do
      if not not_bands[name] and name ~= o.class then bands[#bands + 1] = name end
    end
    if #bands == 0 then raise(what .. ': bands = {"B04", ...} is missing') end
  end
  local d = { bands = bands, x = {}, y = {}, n = 0 }
  for k = 1, #bands do d.x[k] = {} end
  for i = 1, rawlen(rows) do
    local row, all = rows[i], not o.class or is_number(rows[i][o.class])
    for _, name in ipairs(bands) do all = all and is_number(row[name]) end
    if all then
      d.n = d.n + 1
      for k, name in ipairs(bands) do d.x[k][d.n] = row[name] end
      d.y[d.n] = o.class and row[o.class]
    end
  end
  if d.n == 0 then
    raise(format("%s: in no sample are all of %s%s numbers", what, concat(bands, ", "),
      o.class and " and " .. o.class or ""))
  end
  return d
end

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

-- ----------------------------------------------------------------------------------- random forest
-- Breiman 2001: each tree on as many samples, drawn with repetition; in each node the best cut of
-- some bands drawn at random: of least Gini impurity, or least squares in regression. Both are the
-- most of sum over sides of (sum over classes of n_c^2) / n, or of (sum of y)^2 / n.

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

local function forest(d, o)
  local classes = o.mode ~= "regression" and number_classes(d, o.class) or nil
  if d.n >= RANK then raise(format("train: at most %d samples", RANK - 1)) end
  local try = o.try or (classes and floor(sqrt(#d.bands)) or (#d.bands + 2) // 3)
  local t = { x = d.x, y = d.y, n = d.n, rank = {}, nclasses = classes and #classes, try = try,
    least = o.min_leaf or 1, depth = o.depth or 24, chance = dice(o.seed) }
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

-- ----------------------------------------------------------------------------------------- k-means
-- Lloyd 1982, begun by k-means++ (Arthur, Vassilvitskii 2007).

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

local function kmeans(d, o)
  if not o.k then raise "train: k, the number of clusters, is missing" end
  local centers, of = begin(d, o.k, dice(o.seed)), {}
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

local kinds = { forest = forest, kmeans = kmeans }

-- train{ samples = rows, class = "class", ... } -> Model
function globals.train(options)
  local o = check("train", options, { samples = any, class = text, bands = list, seed = whole,
    method = function(x) return not kinds[x] and '"forest" or "kmeans"' or nil end,
    mode = function(x)
      if x == "classification" or x == "regression" then return nil end
      return '"classification" or "regression"'
    end,
    trees = at_least(1), depth = at_least(1), min_leaf = at_least(1), try = at_least(1),
    k = at_least(1), iterations = at_least(1) })
  local method = o.method or (o.k and "kmeans" or "forest")
  local class = method == "forest" and o.class or nil
  if method == "forest" and not class then
    raise "train: class, the name of a column, is missing"
  end
  local samples = columns(o.samples, { bands = o.bands, class = class }, "train")
  return new_model(kinds[method](samples, o))
end

-- -------------------------------------------------------------------------------------- prediction

-- The bands of a model, each valid everywhere, and where all of them were
local function inputs(img, m)
  local x, valid = {}, nil
  for k, name in ipairs(m.bands) do
    local one = methods.select(img, name)
    local v = core.isvalid(one)
    x[k], valid = core.unmask(one, 0), valid and core["and"](valid, v) or v
  end
  return x, valid
end

-- A number as an Image where img is
local function everywhere(img, number)
  return core.where(core.isvalid(img), number, number)
end

-- What the tree says where `value` makes of its leaves what they stand for
local function tree_graph(tree, x, value)
  local made = {}
  for i = #tree, 1, -1 do -- nodes lead onward only
    local n = tree[i]
    if n[1] == 0 then made[i] = value(n[2])
    else made[i] = core.where(core.lt(x[n[1]], n[2]), made[n[3]], made[n[4]]) end
  end
  return made[1]
end

-- Votes are counted side by side in whole numbers: each class has some bits of one
local function votes(m, x)
  local width, counts = 1, {}
  while #m.trees >= 1 << width do width = width + 1 end
  local fit = 62 // width
  for first = 1, #m.classes, fit do
    local sum = 0
    for _, tree in ipairs(m.trees) do
      local one = tree_graph(tree, x, function(c)
        return c >= first and c < first + fit and 1 << width * (c - first) or 0
      end)
      sum = type(one) == "number" and type(sum) == "number" and one + sum or core.add(one, sum)
    end
    for c = first, #m.classes < first + fit and #m.classes or first + fit - 1 do
      local shift, mask = width * (c - first), (1 << width) - 1
      if type(sum) == "number" then counts[c] = everywhere(x[1], sum >> shift & mask)
      else counts[c] = core["and"](core.shr(sum, shift), mask) end
    end
  end
  return counts
end

-- Where the first of the largest is: the entry of `names`
local function first_largest(images, names, better)
  local best, at = images[1], everywhere(images[1], names[1])
  for k = 2, #images do
    local wins = better(images[k], best)
    best, at = core.where(wins, images[k], best), core.where(wins, names[k], at)
  end
  return at
end

local function predict_forest(img, m, o)
  local x, valid = inputs(img, m)
  if not m.classes then
    local sum
    for _, tree in ipairs(m.trees) do
      local one = tree_graph(tree, x, function(v) return v + 0.0 end)
      if type(one) == "number" then one = everywhere(x[1], one) end
      sum = sum and core.add(sum, one) or one
    end
    return methods.rename(core.keep(core.div(sum, #m.trees), valid), "regression")
  end
  local counts = votes(m, x)
  if not o.probability then
    local class = first_largest(counts, m.classes, core.gt)
    return methods.rename(core.keep(class, valid), "classification")
  end
  local r
  for c, count in ipairs(counts) do
    local one = methods.rename(core.keep(core.div(count, #m.trees), valid),
      "class_" .. m.classes[c])
    r = r and core.stack(r, one) or one
  end
  return r
end

local function predict_kmeans(img, m)
  local x, valid = inputs(img, m)
  local far, names = {}, {}
  for j, c in ipairs(m.centers) do
    local sum
    for k = 1, #c do
      local e = core.sub(x[k], c[k])
      sum = sum and core.add(sum, core.mul(e, e)) or core.mul(e, e)
    end
    far[j], names[j] = sum, j
  end
  return methods.rename(core.keep(first_largest(far, names, core.lt), valid), "cluster")
end

-- A Model: what it says of the Image. JEO-lab's classify(ranges) is reclass.
function methods.classify(img, model, options)
  if type(model) == "table" and not is_model(model) then return methods.reclass(img, model) end
  if not is_model(model) then
    raise("classify needs a Model, as train or Model \"file.json\" gives it, got " .. type(model))
  end
  local o = check("classify", options, { probability = function(x)
    return type(x) ~= "boolean" and "true or false" or nil
  end })
  if model.kind == "kmeans" then return predict_kmeans(img, model) end
  return predict_forest(img, model, o)
end

methods.predict = methods.classify

-- cluster{ k = 5, ... }: k-means of samples drawn from the Image itself; or of a Model
function methods.cluster(img, x)
  if is_model(x) then return methods.classify(img, x) end
  local o = check("cluster", x, { k = at_least(1), count = at_least(1), seed = whole, region = any,
    iterations = at_least(1) })
  local rows = methods.sample(img, { count = o.count or 1000, seed = o.seed, region = o.region })
  return methods.classify(img, globals.train { samples = rows, bands = methods.bands(img),
    method = "kmeans", k = o.k, seed = o.seed, iterations = o.iterations })
end

-- ---------------------------------------------------------------------------------------- accuracy

-- accuracy(rows, "class", "classification"): how often what was predicted is what is there
function globals.accuracy(rows, actual, predicted)
  if type(actual) ~= "string" or type(predicted) ~= "string" then
    raise "accuracy(rows, actual, predicted): names of two columns"
  end
  local d = columns(rows, { bands = { actual, predicted } }, "accuracy")
  local seen, classes, place, matrix, n = {}, {}, {}, {}, d.n
  for i = 1, n do
    for k = 1, 2 do
      local c = d.x[k][i]
      if not seen[c] then classes[#classes + 1], seen[c] = c, true end
    end
  end
  sort(classes)
  for i, c in ipairs(classes) do
    place[c], matrix[i] = i, {}
    for j = 1, #classes do matrix[i][j] = 0 end
  end
  for i = 1, n do
    local row, column = matrix[place[d.x[1][i]]], place[d.x[2][i]]
    row[column] = row[column] + 1
  end
  local right, chance, producers, users, f1 = 0, 0, {}, {}, {}
  for i = 1, #classes do
    local down, across, hit = 0, 0, matrix[i][i]
    for j = 1, #classes do down, across = down + matrix[j][i], across + matrix[i][j] end
    right, chance = right + hit, chance + down * across
    producers[i], users[i] = hit / across, hit / down
    f1[i] = 2 * hit / (across + down)
  end
  local overall, by_chance = right / n, chance / (n * n)
  return { classes = classes, matrix = matrix, n = n, overall = overall,
    kappa = (overall - by_chance) / (1 - by_chance), producers = producers, users = users, f1 = f1 }
end
