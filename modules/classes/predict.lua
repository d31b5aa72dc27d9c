-- What a model says of an Image, written out as a graph of ordinary operations.
-- SPDX-License-Identifier: MIT
local core, _, learn = ...

local methods, raise, options = core.methods, core.raise, core.options
local type, ipairs = type, ipairs

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

-- The result, on the grid of the first band: else it would be that of the band that is asked first
local function placed(img, valid, x)
  return core.keep(methods.where(everywhere(x[1], 0), valid, img), valid)
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
    return methods.rename(placed(core.div(sum, #m.trees), valid, x), "regression")
  end
  local counts = votes(m, x)
  if not o.probability then
    local class = first_largest(counts, m.classes, core.gt)
    return methods.rename(placed(class, valid, x), "classification")
  end
  local r
  for c, count in ipairs(counts) do
    local one = methods.rename(placed(core.div(count, #m.trees), valid, x),
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
function methods.classify(img, model, given)
  if type(model) == "table" and not learn.is_model(model) then return methods.reclass(img, model) end
  if not learn.is_model(model) then
    raise("classify needs a Model, as train or Model \"file.json\" gives it, got " .. type(model))
  end
  local o = options.check("classify", given, { probability = options.flag })
  if model.kind == "kmeans" then return predict_kmeans(img, model) end
  return predict_forest(img, model, o)
end

methods.predict = methods.classify
