-- How well a classification does. SPDX-License-Identifier: MIT
local core, globals, learn = ...

local raise, type, ipairs, sort = core.raise, type, ipairs, table.sort

-- What there is, in order, of columns of n numbers: list, place in it of each
local function classes_of(columns, n)
  local seen, classes, place = {}, {}, {}
  for i = 1, n do
    for _, x in ipairs(columns) do
      if not seen[x[i]] then classes[#classes + 1], seen[x[i]] = x[i], true end
    end
  end
  sort(classes)
  for k, c in ipairs(classes) do place[c] = k end
  return classes, place
end

-- matrix[i][j]: how often class i was called class j
local function confusion(actual, predicted, n)
  local classes, place = classes_of({ actual, predicted }, n)
  local matrix = {}
  for i = 1, #classes do
    matrix[i] = {}
    for j = 1, #classes do matrix[i][j] = 0 end
  end
  for i = 1, n do
    local row, column = matrix[place[actual[i]]], place[predicted[i]]
    row[column] = row[column] + 1
  end
  return classes, matrix
end

-- accuracy(rows, "class", "classification"): how often what was predicted is what is there
function globals.accuracy(rows, actual, predicted)
  if type(actual) ~= "string" or type(predicted) ~= "string" then
    raise "accuracy(rows, actual, predicted): names of two columns"
  end
  local d = learn.columns(rows, { bands = { actual, predicted } }, "accuracy")
  local classes, matrix = confusion(d.x[1], d.x[2], d.n)
  local right, chance, producers, users, f1 = 0, 0, {}, {}, {}
  for i = 1, #classes do
    local down, across, hit = 0, 0, matrix[i][i]
    for j = 1, #classes do down, across = down + matrix[j][i], across + matrix[i][j] end
    right, chance = right + hit, chance + down * across
    producers[i], users[i] = hit / across, hit / down
    f1[i] = 2 * hit / (across + down)
  end
  local overall, by_chance = right / d.n, chance / (d.n * d.n)
  return { classes = classes, matrix = matrix, n = d.n, overall = overall,
    kappa = (overall - by_chance) / (1 - by_chance), producers = producers, users = users, f1 = f1 }
end
