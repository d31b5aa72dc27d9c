-- Neighbours: displaced Images, and statistics of square windows. SPDX-License-Identifier: MIT
--
-- A window is written out as operations on displaced bands, in one order: rows from the north, each
-- from the west. Invalid cells take no part; where all are invalid the result is.
local core = ...
local methods, raise = core.methods, core.raise
local mtype, format = math.type, string.format

local MOST_RADIUS = 15 -- 31 x 31 cells

function methods.near(img, dx, dy)
  for _, d in ipairs { dx or false, dy or false } do
    if mtype(d) ~= "integer" then
      raise(format("near needs two whole numbers of cells, got %s, %s", tostring(dx), tostring(dy)))
    end
  end
  return core.near(img, dx, dy)
end

-- Calls f(img displaced) for each cell of the window.
local function each(img, radius, what, f)
  if mtype(radius) ~= "integer" or radius < 0 or radius > MOST_RADIUS then
    raise(format("%s: the radius is a whole number of cells, 0 to %d, got %s", what, MOST_RADIUS,
      tostring(radius)))
  end
  for dy = -radius, radius do
    for dx = -radius, radius do f(core.near(img, dx, dy)) end
  end
end

-- The sum of the valid cells and how many they are.
local function sums(img, radius, what)
  local sum, count = 0, 0
  each(img, radius, what, function(x)
    sum, count = core.add(x:unmask(0), sum), core.add(x:isvalid(), count)
  end)
  return sum, count
end

function methods.focal_sum(img, radius)
  local sum, count = sums(img, radius, "focal_sum")
  return core.keep(sum, core.gt(count, 0))
end

function methods.focal_mean(img, radius)
  local sum, count = sums(img, radius, "focal_mean")
  return core.div(sum, count) -- 0 / 0 is invalid
end

local function extreme(op, what)
  return function(img, radius)
    local r
    each(img, radius, what, function(x)
      r = r and op(core.unmask(r, x), core.unmask(x, r)) or x
    end)
    return r
  end
end

methods.focal_min = extreme(core.min, "focal_min")
methods.focal_max = extreme(core.max, "focal_max")
