-- Neighbours: displaced Images, and statistics of the windows around cells.
-- SPDX-License-Identifier: MIT
--
-- A window is written out as operations on displaced bands, in one order: rows from the north, each
-- from the west. Invalid cells take no part; where all are invalid the result is.
local core = ...
local methods, raise, is_number = core.methods, core.raise, core.options.is_number
local type, ipairs, pairs, rawlen, tostring = type, ipairs, pairs, rawlen, tostring
local mtype, format, floor = math.type, string.format, math.floor

local MOST_RADIUS = 15 -- 31 x 31 cells
local MOST_SORTED = 121 -- cells of a window that has to be sorted, 11 x 11

function methods.near(img, dx, dy)
  for _, d in ipairs { dx or false, dy or false } do
    if mtype(d) ~= "integer" then
      raise(format("near needs two whole numbers of cells, got %s, %s", tostring(dx), tostring(dy)))
    end
  end
  return core.near(img, dx, dy)
end

-- ---------------------------------------------------------------------------------------- windows

-- { {dx, dy, weight}, ... } of a matrix, the middle of which is the cell; zeros too when `all`
local function of_kernel(kernel, what, all)
  local rows, columns = rawlen(kernel), type(kernel[1]) == "table" and rawlen(kernel[1]) or 0
  if rows % 2 == 0 or columns % 2 == 0 or rows > 31 or columns > 31 then
    raise(format("%s: a kernel has odd numbers of rows and columns, at most 31, not %d and %d",
      what, rows, columns))
  end
  local list = {}
  for i = 1, rows do
    if type(kernel[i]) ~= "table" or rawlen(kernel[i]) ~= columns then
      raise(format("%s: row %d of the kernel has not %d numbers", what, i, columns))
    end
    for j = 1, columns do
      local w = kernel[i][j]
      if not is_number(w) then
        raise(format("%s: a kernel is of numbers, got %s", what, tostring(w)))
      end
      if all or w ~= 0 then
        list[#list + 1] = { j - (columns + 1) // 2, i - (rows + 1) // 2, w }
      end
    end
  end
  if #list == 0 then raise(what .. ": a kernel of zeros") end
  return list
end

local known = { radius = true, shape = true, unit = true }

-- Radius in cells to the east and to the south
local function radii(img, o, what)
  local r = o.radius
  if not is_number(r) or r < 0 then
    raise(format("%s: the radius is a number from 0, got %s", what, tostring(r)))
  end
  if o.unit == nil or o.unit == "cells" then return r, r end
  if o.unit ~= "metres" and o.unit ~= "meters" then
    raise(format("%s: the unit is \"cells\" or \"metres\", got %s", what, tostring(o.unit)))
  end
  local width, height = core.cell_metres(img)
  if not width then raise(what .. ": how many metres a cell has is not known here; use cells") end
  return r / width, r / height
end

local function of_shape(img, o, what)
  for k in pairs(o) do
    if not known[k] then
      raise(format("%s: a window has radius, shape and unit, not '%s'", what, tostring(k)))
    end
  end
  local shape, rx, ry = o.shape or "square", radii(img, o, what)
  if shape ~= "square" and shape ~= "circle" then
    raise(format("%s: the shape is \"square\" or \"circle\", got %s", what, tostring(shape)))
  end
  local nx, ny = floor(rx + 1e-9), floor(ry + 1e-9)
  if nx > MOST_RADIUS or ny > MOST_RADIUS then
    raise(format("%s: the radius is at most %d cells, got %g", what, MOST_RADIUS, rx))
  end
  local list = {}
  for dy = -ny, ny do
    for dx = -nx, nx do
      local x, y = nx > 0 and dx / rx or 0, ny > 0 and dy / ry or 0
      if shape == "square" or x * x + y * y <= 1 + 1e-9 then list[#list + 1] = { dx, dy, 1 } end
    end
  end
  return list
end

-- 2; { radius = 30, shape = "circle", unit = "metres" }; { {0, 1, 0}, {1, 2, 1}, {0, 1, 0} }
local function window(img, x, what)
  if type(x) == "table" then
    if rawlen(x) > 0 then return of_kernel(x, what) end
    return of_shape(img, x, what)
  end
  if mtype(x) ~= "integer" or x < 0 or x > MOST_RADIUS then
    raise(format("%s: the radius is a whole number of cells, 0 to %d, got %s", what, MOST_RADIUS,
      tostring(x)))
  end
  return of_shape(img, { radius = x }, what)
end

local function displaced(img, cells)
  local list = {}
  for i, c in ipairs(cells) do list[i] = core.near(img, c[1], c[2]) end
  return list
end

-- For what has to be sorted
local function few(img, x, what)
  local cells = window(img, x, what)
  if #cells > MOST_SORTED then
    raise(format("%s: at most %d cells, this window has %d", what, MOST_SORTED, #cells))
  end
  return displaced(img, cells)
end

-- ------------------------------------------------------------------------------------- statistics

-- Sums over the valid cells: of weight * value, and of weights
local function sums(img, x, what)
  local sum, weights = 0, 0
  for _, c in ipairs(window(img, x, what)) do
    local one = core.near(img, c[1], c[2])
    local value, there = core.unmask(one, 0), core.isvalid(one)
    if c[3] ~= 1 then
      value, there = core.mul(value, c[3]), core.where(there, c[3], 0)
    end
    sum, weights = core.add(value, sum), core.add(there, weights)
  end
  return sum, weights
end

local function any(img, x, what)
  local r
  for _, one in ipairs(displaced(img, window(img, x, what))) do
    local v = core.isvalid(one)
    r = r and core["or"](r, v) or v
  end
  return r
end

function methods.focal_sum(img, x)
  local sum = sums(img, x, "focal_sum")
  return core.keep(sum, any(img, x, "focal_sum"))
end

function methods.focal_mean(img, x)
  local sum, weights = sums(img, x, "focal_mean")
  return core.div(sum, weights) -- 0 / 0 is invalid
end

function methods.focal_count(img, x)
  local n = 0
  for _, one in ipairs(displaced(img, window(img, x, "focal_count"))) do
    n = core.add(core.isvalid(one), n)
  end
  return n
end

-- ddof = 1 divides by one less than the number of cells
function methods.focal_std(img, x, options)
  local ddof = options and options.ddof or 0
  if ddof ~= 0 and ddof ~= 1 then raise "focal_std: ddof is 0 or 1" end
  return core.fold.stddev(displaced(img, window(img, x, "focal_std")), { ddof = ddof })
end

function methods.focal_median(img, x)
  return core.fold.percentile(few(img, x, "focal_median"), { percentile = 50 })
end

function methods.focal_percentile(img, x, p)
  if not is_number(p) or p < 0 or p > 100 then
    raise(format("focal_percentile: a percentage is 0 to 100, got %s", tostring(p)))
  end
  return core.fold.percentile(few(img, x, "focal_percentile"), { percentile = p })
end

function methods.focal_mode(img, x) return core.fold.most_frequent(few(img, x, "focal_mode")) end

local function extreme(op, of_booleans, what)
  return function(img, x)
    local f, r = core.info(img)[1].type == "boolean" and of_booleans or op, nil
    for _, one in ipairs(displaced(img, window(img, x, what))) do
      r = r and f(core.unmask(r, one), core.unmask(one, r)) or one
    end
    return r
  end
end

methods.focal_min = extreme(core.min, core["and"], "focal_min")
methods.focal_max = extreme(core.max, core["or"], "focal_max")

-- ------------------------------------------------------------------------------------ morphology

methods.dilate = extreme(core.max, core["or"], "dilate")
methods.erode = extreme(core.min, core["and"], "erode")

-- One after the other, each valid where the Image is: beyond a file's edge there is nothing
local function both(img, x, first, second)
  local valid = core.isvalid(img)
  return core.keep(second(core.keep(first(img, x), valid), x), valid)
end

-- What is smaller than the window goes, the rest keeps its size; holes that are smaller are filled
function methods.open(img, x) return both(img, x, methods.erode, methods.dilate) end
function methods.close(img, x) return both(img, x, methods.dilate, methods.erode) end

-- --------------------------------------------------------------------------------------- convolve

-- What lies `o` cells beyond the edge: the offset along one axis that stands for offset d. `cells`
-- are those of the axis.
local mirrors = {
  replicate = function(d, o) return d > 0 and d - o or d + o end,
  reflect = function(d, o) return d > 0 and d - 2 * o + 1 or d + 2 * o - 1 end,
  reflect_pixel = function(d, o) return d > 0 and d - 2 * o or d + 2 * o end,
  wrap = function(d, _, cells) return d > 0 and d - cells or d + cells end,
}

-- {{offset, whether it is the one}, ...}: of offset d along one axis, by how many cells it lies
-- beyond the edge.
local function choices(d, cells, mirror, inside)
  local list = { { d, inside(d) } }
  for o = 1, math.abs(d) do
    local to = mirror(d, o, cells)
    if math.abs(to) <= 255 then list[#list + 1] = { to, inside(d > 0 and d - o or d + o) } end
  end
  return list
end

-- img:near(dx, dy) with what lies beyond the edge of the Image's own grid taken from within.
local function mirrored(img, grid, mirror, inside, dx, dy)
  local r
  local columns = choices(dx, grid.w, mirror, function(d) return core.near(inside, d, 0) end)
  local rows = choices(dy, grid.h, mirror, function(d) return core.near(inside, 0, d) end)
  for i = #rows, 1, -1 do -- the first that holds decides, so it comes last
    for k = #columns, 1, -1 do
      local one = core.near(img, columns[k][1], rows[i][1])
      r = r and core.where(core["and"](rows[i][2], columns[k][2]), one, r) or one
    end
  end
  return r
end

-- The value of a displaced cell, by the rule for what lies beyond the edge.
local function beyond(img, border)
  if border == nil then return function(dx, dy) return core.near(img, dx, dy) end end
  local inside = core.eq(core.pick(methods.cells(img), { 1 }, { "inside" }), 1)
  if is_number(border) then
    return function(dx, dy)
      return core.where(core.near(inside, dx, dy), core.near(img, dx, dy), border)
    end
  end
  local mirror = mirrors[border]
  if not mirror then
    raise(format('convolve: border is a number, "replicate", "reflect", "reflect_pixel" or '
      .. '"wrap", got %s', tostring(border)))
  end
  local grid = img:grid()
  return function(dx, dy) return mirrored(img, grid, mirror, inside, dx, dy) end
end

-- convolve(kernel, { divide = number or "sum", border = number or name }): the sum of weight *
-- value, the kernel laid on the window as it is written. Invalid where a cell of the window is,
-- also one of weight 0.
function methods.convolve(img, kernel, options)
  if type(kernel) ~= "table" then
    raise("convolve wants a kernel, such as {{0, 1, 0}, {1, -4, 1}, {0, 1, 0}}, got "
      .. type(kernel))
  end
  local sum, weights, valid = nil, 0, nil
  local value_at = beyond(img, options and options.border)
  for _, c in ipairs(of_kernel(kernel, "convolve", true)) do
    local one = value_at(c[1], c[2])
    local v = core.isvalid(one)
    valid = valid and core["and"](valid, v) or v
    weights = weights + c[3]
    if c[3] ~= 0 then
      local value = c[3] == 1 and one or core.mul(one, c[3])
      sum = sum and core.add(sum, value) or value
    end
  end
  local divide = options and options.divide
  if divide == "sum" then divide = weights end
  if divide ~= nil and (not is_number(divide) or divide == 0) then
    raise(format("convolve: divide is a number other than 0, or \"sum\", got %s",
      tostring(divide)))
  end
  sum = sum or core.mul(img, 0)
  return core.keep(divide and core.div(sum, divide) or sum, valid)
end
