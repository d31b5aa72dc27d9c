-- Reference results of other programs, run by Tellua: tellua run tests/conformance/reference.lua
-- -p file=FILE. SPDX-License-Identifier: MIT
--
-- FILE holds {"cases": [{"id":, "function":, "inputs": {name: rows}, "parameters":, "expected":,
-- "rtol":, "compare":}]}: rows of numbers become an Image, what the function is called in Tellua is
-- done to it, and the values are compared; a cell without a value is invalid. reference/
-- differences.json beside this script lists by name what Tellua answers otherwise, and why.
local file = param("file", "", { label = "file of the cases" })
local verbose = param("verbose", false, { label = "print every case" })

local null, huge = json.null, math.huge
local concat, sort, format = table.concat, table.sort, string.format

local _, at = pcall(function() error "" end)
local here = tostring(at):match "^(.*)%.lua:%d+:"

local function skip(reason) error({ skip = reason }, 0) end

-- ------------------------------------------------------------------------------------ in and out

local function number(v)
  if type(v) ~= "table" then return v ~= null and v or 0 / 0 end
  return v.value == "NaN" and 0 / 0 or v.value == "Infinity" and huge or -huge
end

local function numbers(rows)
  local list = {}
  for y, row in ipairs(rows) do
    list[y] = {}
    for x, v in ipairs(row) do list[y][x] = number(v) end
  end
  return list
end

-- A box in degrees around the grids of all cases
local everywhere = { type = "Polygon",
  coordinates = { { { 14, 44 }, { 16, 44 }, { 16, 46 }, { 14, 46 }, { 14, 44 } } } }

-- Rows on a grid whose cells have a size in metres
local function image(rows, cell, kind)
  local list = numbers(rows)
  for _, row in ipairs(list) do
    for x, v in ipairs(row) do
      if kind == "whole" then row[x] = math.tointeger(v) or v
      elseif v == v then row[x] = v + 0.0 end
    end
  end
  local dx, dy = cell and cell[1] or 1, cell and cell[2] or 1
  return Image(list, Grid { crs = "EPSG:32633", res = { dx, dy }, anchor = { 500000, 5000000 },
    bounds = { 500000, 5000000 - #list * dy, 500000 + #list[1] * dx, 5000000 } })
end

local function inf_is_nothing(rows) -- what some of the cases leave out
  local list = numbers(rows)
  for _, row in ipairs(list) do
    for x, v in ipairs(row) do if v == huge or v == -huge then row[x] = 0 / 0 end end
  end
  return list
end

-- ------------------------------------------------------------------------- what the functions are

local run = {}

function run.slope_degrees(c) return image(c.inputs.dem, c.parameters.cellsize):slope() end
function run.aspect_degrees(c) return image(c.inputs.dem, c.parameters.cellsize):aspect() end
function run.curvature(c)
  -- with the sign and factor of the case's formula
  return image(c.inputs.dem or c.inputs.data, c.parameters.cellsize):curvature()
end

function run.pixel_formula(c)
  local formula = c.parameters.formula:gsub("sqrt", "math.sqrt")
  local whole = c.parameters.input_type ~= nil
  local bands = {}
  for name, rows in pairs(c.inputs) do bands[name] = image(rows, nil, whole and "whole") end
  return Image(bands):expr(formula)
end

function run.reclassify_upper_bounds_inclusive(c)
  local ranges, lower = {}, -huge
  for i, bin in ipairs(c.parameters.bins) do
    ranges[i] = { lower, number(bin), c.parameters.new_values[i] }
    lower = number(bin)
  end
  return image(inf_is_nothing(c.inputs.data)):reclass(ranges, { closed = "right" })
end

local function sorted_values(rows)
  local list = {}
  for _, row in ipairs(inf_is_nothing(rows)) do
    for _, v in ipairs(row) do if v == v then list[#list + 1] = v end end
  end
  sort(list)
  return list
end

local function by_breaks(c, breaks) -- classes 0, 1, ... up to and with each break
  local ranges, lower = {}, -huge
  for i, b in ipairs(breaks) do
    local upper = i == #breaks and huge or b
    if upper > lower then ranges[#ranges + 1] = { lower, upper, #ranges } end
    lower = upper
  end
  return image(inf_is_nothing(c.inputs.data)):reclass(ranges, { closed = "right" })
end

function run.classify_quantile(c)
  local img = image(inf_is_nothing(c.inputs.data))
  local k, breaks = c.parameters.k, {}
  local stats = {}
  for i = 1, k do stats[i] = format("p%.10g", i * 100 / k) end
  local row = img:zonal { zones = everywhere, stats = stats }[1]
  for i = 1, k do breaks[i] = row[stats[i]] end
  return by_breaks(c, breaks)
end

-- The classes whose values lie nearest to their means (Fisher): by the best split of sorted values
function run.classify_natural_breaks(c)
  local v = sorted_values(c.inputs.data)
  local n, k = #v, c.parameters.k
  local cost, from = {}, {}
  local function spread(i, j)
    local mean, s = 0, 0
    for m = i, j do mean = mean + v[m] / (j - i + 1) end
    for m = i, j do s = s + (v[m] - mean) ^ 2 end
    return s
  end
  for j = 1, n do cost[j] = { spread(1, j) } from[j] = { 1 } end
  for p = 2, k do
    for j = p, n do
      for i = p, j do
        local x = cost[i - 1][p - 1] + spread(i, j)
        if not cost[j][p] or x < cost[j][p] - 1e-9 then cost[j][p], from[j][p] = x, i end
      end
    end
  end
  local breaks, j = {}, n
  for p = k, 1, -1 do
    breaks[p] = v[j]
    j = from[j][p] - 1
  end
  return by_breaks(c, breaks)
end

function run.convolve2d(c) return image(c.inputs.data):convolve(c.parameters.kernel) end

function run.focal_statistic(c)
  local img, kernel = image(c.inputs.data), c.parameters.kernel_mask
  local what = c.parameters.statistic
  if what == "range" then return img:focal_max(kernel) - img:focal_min(kernel) end
  if what == "var" then return img:focal_std(kernel) ^ 2 end
  local method = ({ mean = "focal_mean", sum = "focal_sum", min = "focal_min", max = "focal_max",
    std = "focal_std", median = "focal_median", count = "focal_count" })[what]
  if not method then skip("no focal statistic '" .. tostring(what) .. "'") end
  return img[method](img, kernel)
end

-- A mean over layers where all are valid, and so on
function run.cell_statistic(c)
  local layers, dates = {}, {}
  local names = {}
  for name in pairs(c.inputs) do names[#names + 1] = name end
  sort(names)
  for i, name in ipairs(names) do
    layers[i], dates[i] = image(c.inputs[name]), format("2020-01-%02d", i)
  end
  local all = Collection { images = layers, dates = dates }
  local method = ({ std = "stddev", majority = "mode" })[c.parameters.statistic]
    or c.parameters.statistic
  if not all[method] then skip("no reducer '" .. tostring(method) .. "'") end
  return all[method](all, { min_count = #layers })
end

-- Layers and the reference, as bands A1 .. An and R
local function layered(c)
  local bands, n = {}, 0
  for name, rows in pairs(c.inputs) do
    bands[name == "reference" and "R" or "A" .. name:match "%d+"] = image(rows)
    if name ~= "reference" then n = n + 1 end
  end
  return Image(bands), n
end

local function sum_where(c, compare)
  local img, n = layered(c)
  local parts = {}
  for i = 1, n do parts[i] = format("(A%d %s R and 1 or 0)", i, compare) end
  return img:expr(concat(parts, " + "))
end

function run.frequency_against_reference(c)
  local text = c.parameters.count
  return sum_where(c, text:find "lesser" and "<" or text:find "greater" and ">" or "==")
end

function run.arg_position(c)
  local img, n = layered(c)
  local sign = c.parameters.position:find "lowest" and "<" or ">"
  local text = "1"
  local best = { "A1" }
  for i = 2, n do -- the first on ties
    local is_better = {}
    for k = 1, i - 1 do is_better[k] = format("A%d %s A%d", i, sign, k) end
    for k = i + 1, n do is_better[#is_better + 1] = format("not (A%d %s A%d)", k, sign, i) end
    text = format("(%s) and %d or %s", concat(is_better, " and "), i, text)
    best[i] = "A" .. i
  end
  return img:expr(concat(best, " + ") .. " == math.huge and 0 or " .. text)
end

function run.rank(c)
  local img, n = layered(c)
  if n ~= 3 then skip "a rank of three layers is written here" end
  local lo, hi = "math.min(A1, A2, A3)", "math.max(A1, A2, A3)"
  local text = format("R == 1 and %s or R == 2 and A1 + A2 + A3 - %s - %s or %s", lo, lo, hi, hi)
  return img:expr(text)
end

-- ------------------------------------------------------------------------------ zones of a raster

-- One row of statistics of the cells where `cond` holds
local function stats_where(values, cond, stats)
  return values:keep(cond):zonal { zones = everywhere, stats = stats }[1]
end

local stat_names = { mean = "mean", max = "max", min = "min", sum = "sum", std = "stddev",
  var = "variance", count = "count" }

function run.zonal_statistics(c)
  local zones, values = image(c.inputs.zones), image(inf_is_nothing(c.inputs.values))
  local list, out = {}, { zone = c.expected.zone }
  for name in pairs(c.expected) do
    if name ~= "zone" then
      if not stat_names[name] then skip("no statistic '" .. name .. "'") end
      list[#list + 1] = stat_names[name]
      out[name] = {}
    end
  end
  for i, zone in ipairs(c.expected.zone) do
    local row = stats_where(values, zones:eq(zone), list)
    for name in pairs(c.expected) do
      if name ~= "zone" then out[name][i] = row[stat_names[name]] end
    end
  end
  return out
end

function run.zonal_crosstab(c)
  local zones, values = image(c.inputs.zones), image(inf_is_nothing(c.inputs.values))
  if c.parameters.nodata then values = values:mask_eq(c.parameters.nodata) end
  local out, percent = { zone = c.expected.zone }, c.parameters.aggregate == "percentage"
  for name in pairs(c.expected) do if name ~= "zone" then out[name] = {} end end
  for i, zone in ipairs(c.expected.zone) do
    local here_, all = zones:eq(zone), 0
    local counts = {}
    for name in pairs(out) do
      if name ~= "zone" then
        counts[name] = stats_where(values, here_ & values:eq(tonumber(name)), { "cells", "count" })
          .count
        all = all + counts[name]
      end
    end
    if percent then all = stats_where(values, here_, { "count" }).count end
    for name, n in pairs(counts) do out[name][i] = percent and n / all * 100 or n end
  end
  return out
end

-- ---------------------------------------------------------------------------------------- distance

function run.proximity(c)
  local p = c.parameters
  if p.output then skip "directions and allocations are not what distance gives" end
  if p.metric == "great_circle" then
    skip "distances count cells or metres of the grid, not along great circles"
  end
  local cell = p.cellsize
  if c.inputs.x then
    local x, y = c.inputs.x, c.inputs.y
    if type(x[1]) == "table" then x, y = x[1], { y[1][1], y[2][1] } end
    cell = { math.abs(x[2] - x[1]), math.abs(y[2] - y[1]) }
  end
  local img = image(inf_is_nothing(c.inputs.data), cell)
  if not pcall(function() return img.distance end) then skip "there is no distance yet" end
  local targets
  if type(p.targets) == "table" then
    for _, t in ipairs(p.targets) do
      targets = targets and targets | img:eq(t) or img:eq(t)
    end
  else
    targets = img:ne(0)
  end
  return targets:unmask(false):distance { unit = "metres", max = p.max_distance }
end

-- ---------------------------------------------------------- what the script decides by the numbers

-- Combinations of the layers' values, numbered in the order of the scan: a key, then a table
function run.combine_unique_id(c)
  local img, n = layered(c)
  local text = "A1"
  for i = 2, n do text = format("(%s) * 1024 + A%d", text, i) end
  local key = img:expr(text)
  local ids, count = {}, 0
  for _, row in ipairs(key:values()) do
    for _, v in ipairs(row) do
      if v == v and not ids[v] then
        count = count + 1
        ids[v] = count
      end
    end
  end
  return key:remap(ids)
end

-- The rows and columns that hold all but 0: a smaller Grid
function run.trim_to_data(c)
  local img = image(c.inputs.data)
  local x1, y1, x2, y2 = huge, huge, 0, 0
  for y, row in ipairs(img:self_mask():values()) do
    for x, v in ipairs(row) do
      if v == v then
        x1, y1, x2, y2 = math.min(x1, x), math.min(y1, y), math.max(x2, x), math.max(y2, y)
      end
    end
  end
  return img, Grid { crs = "EPSG:32633", res = 1, anchor = { 500000, 5000000 },
    bounds = { 500000 + x1 - 1, 5000000 - y2, 500000 + x2, 5000000 - y1 + 1 } }
end

local reasons = { hotspots = "no hotspots", allocation = "no allocation" }

-- -------------------------------------------------------------------------------------- comparison

local function near(want, got, rtol, atol)
  if want ~= want or got ~= got then return want ~= want and got ~= got end
  return want == got or math.abs(want - got) <= atol + rtol * math.abs(want)
end

local function range_of(pair, n) -- of Python's slices: from, to (exclusive, negative from the end)
  if type(pair) ~= "table" then return 1, n end
  return pair[1] + 1, pair[2] < 0 and n + pair[2] or pair[2]
end

local function rows_differ(c, got)
  local want = numbers(c.expected)
  if not c.compare and (#want ~= #got or #want[1] ~= #got[1]) then
    return format("%d x %d cells, wanted %d x %d", #got[1], #got, #want[1], #want)
  end
  local rtol, atol = c.rtol or 1e-7, c.atol or 1e-9
  local y1, y2 = range_of(c.compare and c.compare.rows, #want)
  for y = y1, y2 do
    local x1, x2 = range_of(c.compare and c.compare.cols, #want[y])
    for x = x1, x2 do
      if not near(want[y][x], got[y] and got[y][x] or 0 / 0, rtol, atol) then
        return format("row %d, column %d: wanted %.9g, got %.9g", y, x, want[y][x],
          got[y] and got[y][x] or 0 / 0)
      end
    end
  end
end

local function columns_differ(c, got)
  for name, list in pairs(c.expected) do
    for i, v in ipairs(list) do
      local x = got[name][i] or 0 / 0
      if not near(number(v), x, c.rtol or 1e-7, 1e-9) then
        return format("%s of zone %d: wanted %.9g, got %.9g", name, c.expected.zone[i], number(v),
          x)
      end
    end
  end
end

local function differs(c, r, grid)
  if type(r) == "table" then return columns_differ(c, r) end
  return rows_differ(c, r:values(grid))
end

-- ---------------------------------------------------------------------------------------- the run

local differences = {}
for _, d in ipairs(json.decode(read(here .. "/differences.json"))) do differences[d.case] = d end

local passed, failed, known, skipped = 0, 0, 0, {}
local rows = {}

local function note(c, verdict, reason)
  rows[#rows + 1] = { case = c.id, verdict = verdict, reason = reason or "" }
  if verdict == "failed" or verbose then print(verdict .. " " .. c.id .. ": " .. (reason or "")) end
end

local function run_case(c)
  local f = run[c["function"]]
  local ok, why
  if f then
    ok, why = pcall(function() return differs(c, f(c)) end)
  else
    ok, why = false, { skip = reasons[c["function"]] or "no function '" .. c["function"] .. "'" }
  end
  local reason = not ok and type(why) == "table" and rawget(why, "skip")
  if reason then
    skipped[#skipped + 1] = c.id .. ": " .. reason
    return note(c, "skipped", reason)
  end
  if why ~= nil and differences[c.id] then
    passed, known = passed + 1, known + 1
    return note(c, "passed", "a documented difference: " .. differences[c.id].reason)
  end
  if why ~= nil then failed = failed + 1 else passed = passed + 1 end
  note(c, why ~= nil and "failed" or "passed", why ~= nil and tostring(why) or nil)
end

if file == "" then error "which file? -p file=FILE" end
for _, c in ipairs(json.decode(read(file)).cases) do run_case(c) end
for _, text in ipairs(skipped) do print("skipped " .. text) end
print(format("%d of the passed are differences that %s/differences.json documents", known, here))
print(format("%d passed, %d failed, %d skipped", passed, failed, #skipped))
output("reference", rows)
if failed > 0 then error(failed .. " cases failed") end
