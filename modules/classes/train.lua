-- train, and cluster, which trains on the Image itself. SPDX-License-Identifier: MIT
local core, globals, learn = ...

local methods, raise, options = core.methods, core.raise, core.options

local from_1 = options.whole_from(1)

local kinds = { forest = learn.forest, kmeans = learn.kmeans }

local known = { samples = true, class = options.text, bands = options.list, seed = options.whole,
  method = options.one_of("forest", "kmeans"),
  mode = options.one_of("classification", "regression"),
  trees = from_1, depth = from_1, min_leaf = from_1, try = from_1, k = from_1, iterations = from_1 }

-- train{ samples = rows, class = "class", ... } -> Model
function globals.train(given)
  local o = options.check("train", given, known)
  local method = o.method or (o.k and "kmeans" or "forest")
  local class = method == "forest" and o.class or nil
  if method == "forest" and not class then
    raise "train: class, the name of a column, is missing"
  end
  local samples = learn.columns(o.samples, { bands = o.bands, class = class }, "train")
  return learn.new_model(kinds[method](samples, o))
end

local known_cluster = { k = from_1, count = from_1, seed = options.whole, region = true,
  iterations = from_1 }

-- cluster{ k = 5, ... }: k-means of samples drawn from the Image itself; or of a Model
function methods.cluster(img, x)
  if learn.is_model(x) then return methods.classify(img, x) end
  local o = options.check("cluster", x, known_cluster)
  local rows = methods.sample(img, { count = o.count or 1000, seed = o.seed, region = o.region })
  return methods.classify(img, globals.train { samples = rows, bands = methods.bands(img),
    method = "kmeans", k = o.k, seed = o.seed, iterations = o.iterations })
end
