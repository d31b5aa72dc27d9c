-- Models: what was learnt, and what others learnt. SPDX-License-Identifier: MIT
--
-- A model is a table of plain data, so that it can be kept as JSON and made by other programs.
local core, globals, learn = ...

local raise, is_number = core.raise, core.options.is_number
local type, ipairs, tostring, rawlen, setmetatable, getmetatable =
  type, ipairs, tostring, rawlen, setmetatable, getmetatable
local mtype, format, concat = math.type, string.format, table.concat

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

function learn.new_model(m)
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
    damaged 'its kind is "forest" or "kmeans"' -- what is there is not said: see read_json
  end
  return setmetatable(m, Model)
end

function learn.is_model(x) return type(x) == "table" and getmetatable(x) == Model end

-- Model "forest.json", or a table of the same
function globals.Model(x)
  if type(x) == "string" then x = core.read_json(x) end
  return learn.new_model(x)
end

core.files[Model] = { bytes = function(m) return core.json_text(m), "json" end }
