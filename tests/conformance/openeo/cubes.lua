-- Cases of cubes, as Images and Collections of their slices: part of ../openeo.lua.
-- SPDX-License-Identifier: MIT
local calls, dir = ...
local NODATA, special, skip, throw = calls.NODATA, calls.special, calls.skip, calls.throw
local literal, new_writer, add_band = calls.literal, calls.new_writer, calls.add_band
local write_node, write_graph, load_function = calls.write_node, calls.write_graph,
  calls.load_function
local R = calls.reducers

local null, floor, huge, format = json.null, math.floor, math.huge, string.format
local concat, unpack = table.concat, table.unpack

local assets = {}
local missing_assets = { ["assets/xyb-minimal-float.json"] = "assets/xyt-minimal-float.json" }

local function resolved(v) -- {"$ref": file} is the file's content
  if type(v) ~= "table" or v["$ref"] == nil then return v end
  local name = missing_assets[v["$ref"]] or v["$ref"]
  if assets[name] == nil then
    local text = read(dir .. "/" .. name)
    assets[name] = name:match "%.json$" and json.decode(text) or text
  end
  return assets[name]
end

-- {dims = names, labels = {name -> list}, x, y (dimensions), crs, nodata, slices = list of Images}:
-- an Image for each combination of the labels of what is not x or y, the last name fastest
local function axis_of(name, d) return d.axis or (name == "x" or name == "y") and name or nil end

local function dims_of(v)
  local order, by_name = v.order, v.dimensions
  if by_name[1] then -- a list with names
    order, by_name = {}, {}
    for i, d in ipairs(v.dimensions) do order[i], by_name[d.name] = d.name, d end
  end
  return order, by_name
end

local function combinations(lists)
  local out = { {} }
  for _, list in ipairs(lists) do
    local longer = {}
    for _, before in ipairs(out) do
      for i = 1, #list do
        local one = { unpack(before) }
        one[#one + 1] = i
        longer[#longer + 1] = one
      end
    end
    out = longer
  end
  return out
end

local function read_cube(v)
  local order, by_name = dims_of(v)
  local c = { dims = {}, labels = {}, kind = {}, nodata = special(v.nodata), slices = {} }
  local lists, place = {}, {}
  for _, name in ipairs(order) do
    local d = by_name[name]
    local axis = d.type == "spatial" and axis_of(name, d)
    if axis then c[axis] = d.values; c.crs = d.reference_system or c.crs
    else
      c.dims[#c.dims + 1] = name
      c.labels[name], c.kind[name] = d.values, d.type
      lists[#lists + 1] = d.values
    end
    place[name] = axis or #c.dims
  end
  c.cells = {}
  for i, at in ipairs(combinations(lists)) do
    local rows = {}
    for y = 1, #(c.y or { 0 }) do
      rows[y] = {}
      for x = 1, #(c.x or { 0 }) do
        local cell = v.data
        if cell ~= null and cell ~= nil then
          for _, name in ipairs(order) do
            local p = place[name]
            cell = cell[p == "x" and x or p == "y" and y or at[p]]
          end
        end
        rows[y][x] = special(cell)
      end
    end
    c.cells[i] = rows
  end
  c.empty = v.data == null or v.data == nil
  return c
end

local function step(list) return #list > 1 and math.abs(list[2] - list[1]) or 1 end

local function grid_of(c)
  if not c.x or not c.y or #c.x == 0 or #c.y == 0 then skip "a cube without cells is no Image" end
  local dx, dy = c.dx or step(c.x), c.dy or step(c.y)
  return Grid { crs = type(c.crs) == "number" and "EPSG:" .. c.crs or c.crs, res = { dx, dy },
    bounds = { math.min(unpack(c.x)) - dx / 2, math.min(unpack(c.y)) - dy / 2,
      math.max(unpack(c.x)) + dx / 2, math.max(unpack(c.y)) + dy / 2 },
    anchor = { c.x[1] - dx / 2, c.y[1] + dy / 2 } }
end

local function is_nodata(c, x)
  return x == nil or x == NODATA or x ~= x or c.nodata ~= nil and x == c.nodata
end

-- The cube's slices as Images
local function open_cube(v)
  local c = read_cube(resolved(v))
  if c.empty then return c end
  local grid = grid_of(c)
  for i, rows in ipairs(c.cells) do
    local numbers = {}
    for y, row in ipairs(rows) do
      numbers[y] = {}
      for x, cell in ipairs(row) do
        numbers[y][x] = not is_nodata(c, cell) and
          (cell == true and 1 or cell == false and 0 or cell) or false
      end
    end
    c.slices[i] = Image(numbers, grid)
  end
  c.grid = grid
  return c
end

local function like(c, slices, changes)
  local r = {}
  for key, v in pairs(c) do r[key] = v end
  r.slices, r.cells = slices, nil
  for key, v in pairs(changes or {}) do r[key] = v end
  return r
end

local function each_slice(c, fn)
  local slices = {}
  for i, img in ipairs(c.slices) do slices[i] = fn(img, i) end
  return like(c, slices)
end

local function label_text(x)
  if type(x) == "table" then x = x.value end
  return (tostring(x):gsub("T00:00:00Z$", ""):gsub("%.0+$", ""))
end

local function dims_differ(want, got, free_labels)
  if concat(want.dims, " ") ~= concat(got.dims, " ") then
    return "dimensions " .. concat(got.dims, " ") .. ", wanted " .. concat(want.dims, " ")
  end
  for _, name in ipairs(want.dims) do
    local a, b = want.labels[name], got.labels[name]
    for i = 1, math.max(#a, #b) do
      if (a[i] == nil) ~= (b[i] == nil) or not free_labels and label_text(a[i]) ~= label_text(b[i])
      then
        return format("label %d of %s is %s, wanted %s", i, name, label_text(b[i]),
          label_text(a[i]))
      end
    end
  end
  for _, axis in ipairs { "x", "y" } do
    local a, b = want[axis] or {}, got[axis] or {}
    if #a ~= #b then return format("%d cells along %s, wanted %d", #b, axis, #a) end
    for i = 1, #a do
      if math.abs(a[i] - b[i]) > 1e-6 then return axis .. " is " .. b[i] .. ", wanted " .. a[i] end
    end
  end
end

local function cells_differ(want, got, delta)
  for i, rows in ipairs(want.cells) do
    local values = got.slices[i]:values(got.grid)
    for y, row in ipairs(rows) do
      for x, cell in ipairs(row) do
        local v = values[y][x]
        if cell == true then cell = 1 elseif cell == false then cell = 0 end
        local hole = is_nodata(want, cell)
        if hole ~= (v ~= v) and not (hole and v == want.nodata)
          or not hole and math.abs(v - cell) > delta then
          return format("slice %d, row %d, column %d: wanted %s, got %s", i, y, x, tostring(cell),
            tostring(v))
        end
      end
    end
  end
end

-- An Image of what was written, a band for each of the names
local function several(w, names)
  local bands = {}
  for i = 1, #names do bands[i] = "B" .. i end
  return Image(w.bands):execute(load_function(w, "return " .. concat(names, ", ")),
    { valid = "any", bands = bands })
end

-- A callback of n values: an Image of them
local function by_graph(images, graph, context, labels, pair)
  local w = new_writer()
  w.inline = true -- constants have no grid
  local parts = {}
  for i, img in ipairs(images) do parts[i] = add_band(w, img) end
  local env = { data = "{" .. concat(parts, ", ") .. "}, " .. #parts, x = parts[1] }
  if pair then env.y = parts[2] end
  if context ~= nil then env.context = literal(context) end
  local node, many
  local last
  for id, n in pairs(graph) do if n.result then last = id end end
  if not last then skip "the callback has no result" end
  if graph[last].process_id == "array_create" then -- of other nodes: as many results
    local names, done = {}, {}
    for i, v in ipairs(graph[last].arguments.data) do
      names[i] = write_node(w, graph, v.from_node, env, labels, done)
    end
    return several(w, names), #names
  end
  node, many = write_graph(w, graph, env, labels)
  if not many then
    return Image(w.bands):execute(load_function(w, "return " .. node), { valid = "any" }), 1
  end
  local ps = graph[last].arguments.probabilities
  local n = type(ps) == "table" and #ps or graph[last].process_id == "extrema" and 2 or #images
  local names = {}
  for i = 1, n do names[i] = node .. "[" .. i .. "]" end
  return several(w, names), n
end

-- Groups of the slices that differ along one dimension alone: lists of places, by the others
local function along(c, dimension)
  local at
  for i, name in ipairs(c.dims) do if name == dimension then at = i end end
  if not at then throw("DimensionNotAvailable: " .. tostring(dimension)) end
  local lists, rest, order, groups = {}, {}, {}, {}
  for i, name in ipairs(c.dims) do
    lists[i] = c.labels[name]
    if i ~= at then rest[#rest + 1] = name end
  end
  for place, index in ipairs(combinations(lists)) do
    local key = { unpack(index) }
    table.remove(key, at)
    local k = concat(key, " ")
    if not groups[k] then
      groups[k] = {}
      order[#order + 1] = k
    end
    groups[k][#groups[k] + 1] = place
  end
  local r = {}
  for i, k in ipairs(order) do r[i] = groups[k] end
  return r, rest, at
end

local C = {}

function C.apply(a)
  local c = open_cube(a.data)
  return each_slice(c, function(img)
    return (by_graph({ img }, a.process.process_graph, a.context))
  end)
end

function C.apply_kernel(a)
  local c = open_cube(a.data)
  return each_slice(c, function(img)
    local r = img:unmask(a.replace_invalid or 0):convolve(a.kernel, { border = a.border or 0 })
    return a.factor and r * a.factor or r
  end)
end

function C.reduce_dimension(a)
  local c = open_cube(a.data)
  local groups, rest = along(c, a.dimension)
  local slices = {}
  for i, places in ipairs(groups) do
    local images = {}
    for k, p in ipairs(places) do images[k] = c.slices[p] end
    slices[i] = by_graph(images, a.reducer.process_graph, a.context, c.labels[a.dimension])
  end
  return like(c, slices, { dims = rest })
end

function C.apply_dimension(a)
  local c = open_cube(a.data)
  local dimension = a.dimension
  if not c.labels[dimension] and #c.dims == 1 then dimension = c.dims[1] end
  local groups, rest, at = along(c, dimension)
  if #rest > 0 then skip "more than one dimension beside x and y" end
  local images = {}
  for k, p in ipairs(groups[1]) do images[k] = c.slices[p] end
  local r, n = by_graph(images, a.process.process_graph, a.context, c.labels[dimension])
  local slices, labels = {}, {}
  for i = 1, n do slices[i], labels[i] = r[i], i - 1 end
  local name = a.target_dimension or dimension
  local dims = { unpack(c.dims) }
  dims[at] = name
  return like(c, slices, { dims = dims,
    labels = { [name] = a.target_dimension and labels or c.labels[dimension] } })
end

function C.filter_bands(a)
  local c = open_cube(a.data)
  local name
  for _, d in ipairs(c.dims) do if c.kind[d] == "bands" then name = d end end
  if not name then throw "DimensionMissing" end
  local groups, rest = along(c, name)
  if #rest > 0 then skip "more than one dimension beside x and y" end
  local bands = {}
  for i, p in ipairs(groups[1]) do bands[c.labels[name][i]] = c.slices[p] end
  local img, wanted, slices = Image(bands), {}, {}
  for _, band in ipairs(a.bands or {}) do
    if bands[band] then wanted[#wanted + 1] = band end
  end
  if not a.bands or #wanted > 0 then img = img:select(a.bands and wanted or {}) end -- or raises
  for i = 1, #wanted do slices[i] = img[i] end
  return like(c, slices, { labels = { [name] = wanted } })
end

-- The cells whose centres lie within bounds of the cube's own CRS
local function crop(c, bounds)
  local x, y = {}, {}
  for _, v in ipairs(c.x) do if v >= bounds[1] and v <= bounds[3] then x[#x + 1] = v end end
  for _, v in ipairs(c.y) do if v >= bounds[2] and v <= bounds[4] then y[#y + 1] = v end end
  if #x == 0 or #y == 0 then return like(c, {}, { x = {}, y = {} }) end
  local r = like(c, c.slices, { x = x, y = y })
  r.grid = grid_of { x = x, y = y, crs = c.crs, dx = step(c.x), dy = step(c.y) }
  return r
end

-- The box of the cells whose centre lies within a geometry of degrees
local function cells_within(c, geometry)
  local rows = {}
  for y = 1, #c.y do
    rows[y] = {}
    for x = 1, #c.x do rows[y][x] = 1 end
  end
  local box = { huge, huge, -huge, -huge }
  for y, row in ipairs(Image(rows, c.grid):clip_to(geometry):values()) do
    for x, v in ipairs(row) do
      if v == v then
        box = { math.min(box[1], c.x[x]), math.min(box[2], c.y[y]), math.max(box[3], c.x[x]),
          math.max(box[4], c.y[y]) }
      end
    end
  end
  return box
end

function C.filter_bbox(a)
  local c, e = open_cube(a.data), a.extent
  local crs = resolved(e.crs)
  if crs == nil or crs == null or crs == 4326 then
    return crop(c, cells_within(c, { e.west, e.south, e.east, e.north }))
  end
  local named = type(crs) == "number" and "EPSG:" .. crs or crs
  local own = Grid { crs = named, res = 1, bounds = { e.west, e.south, e.east, e.north } }
  if own.crs ~= c.grid.crs then skip "a box of a third coordinate system" end
  return crop(c, { e.west, e.south, e.east, e.north })
end

function C.filter_spatial(a)
  local c = open_cube(a.data)
  return crop(each_slice(c, function(img) return img:clip_to(a.geometries) end),
    cells_within(c, a.geometries))
end

function C.mask(a)
  local c, m = open_cube(a.data), open_cube(a.mask)
  if #m.slices ~= 1 and #m.slices ~= #c.slices then skip "a mask of other slices" end
  return each_slice(c, function(img, i) -- the cases keep where the mask is not 0
    local shown_ = (m.slices[i] or m.slices[1]):ne(0)
    if a.replacement ~= nil and a.replacement ~= null then
      return img:where(~shown_, a.replacement)
    end
    return img:keep(shown_)
  end)
end

function C.mask_polygon(a)
  local c = open_cube(a.data)
  return each_slice(c, function(img)
    local within = img:clip_to(a.mask)
    local masked = a.inside and img:hide(within:isvalid()) or within
    if a.replacement == nil or a.replacement == null then return masked end
    return img:where(masked:isvalid():logical_not() & img:isvalid(), a.replacement)
  end)
end

local function resolve(a, one, other)
  if not a.overlap_resolver then throw "OverlapResolverMissing" end
  return (by_graph({ one, other }, a.overlap_resolver.process_graph, a.context, nil, true))
end

function C.merge_cubes(a)
  local c, d = open_cube(a.cube1), open_cube(a.cube2)
  if #d.dims == 0 then -- one picture with each
    return each_slice(c, function(img) return resolve(a, img, d.slices[1]) end)
  end
  if #c.dims ~= 1 or #d.dims ~= 1 or c.dims[1] ~= d.dims[1] then
    skip "cubes of other dimensions"
  end
  local name = c.dims[1]
  local taken, labels, slices = {}, { unpack(c.labels[name]) }, { unpack(c.slices) }
  for i, label in ipairs(labels) do taken[label] = i end
  for i, label in ipairs(d.labels[name]) do
    local at = taken[label]
    if at then slices[at] = resolve(a, slices[at], d.slices[i])
    else labels[#labels + 1], slices[#slices + 1] = label, d.slices[i] end
  end
  local all = Image(slices) -- the bands of one and the other
  for i = 1, #slices do slices[i] = all[i] end
  return like(c, slices, { labels = { [name] = labels } })
end

-- The slices as a Collection of dates; the place of the dimension
local function time_of(c, wanted)
  local name, n = wanted, 0
  if wanted and not c.labels[wanted] then throw("DimensionNotAvailable: " .. wanted) end
  for _, d in ipairs(c.dims) do
    if c.kind[d] == "temporal" then
      n = n + 1
      name = name or d
    end
  end
  if not name then throw "DimensionNotAvailable: no dates" end
  if n > 1 and not wanted then throw "TooManyDimensions" end
  if #c.dims > 1 then skip "more than one dimension beside x and y" end
  local dates = {}
  for i, t in ipairs(c.labels[name]) do dates[i] = type(t) == "table" and t.value or t end
  return Collection { images = c.slices, dates = dates, ids = dates }, name
end

function C.filter_temporal(a)
  local c = open_cube(a.data)
  local all, name = time_of(c, a.dimension)
  local from, to = a.extent[1], a.extent[2]
  local kept = all:filter_date(from ~= null and from or "0001", to ~= null and to or "9999")
  local slices, place = {}, {}
  for i, label in ipairs(c.labels[name]) do place[label] = i end
  local ids = kept:ids()
  for i, id in ipairs(ids) do slices[i] = c.slices[place[id]] end
  return like(c, slices, { labels = { [name] = ids } })
end

-- A reducer's graph on a Collection: by the Collection's own method where it is one process
local function reduce_collection(c, graph, context)
  local images = {}
  for i = 1, #c do images[i] = c[i] end
  local id, node = next(graph)
  local alone = next(graph, id) == nil and node.arguments.ignore_nodata == nil
  if alone and R[node.process_id] then return c[R[node.process_id]](c) end
  return (by_graph(images, graph, context))
end

local function aggregate(a, groups, labels) -- groups: Collections
  local c = open_cube(a.data)
  local _, name = time_of(c, a.dimension)
  local slices = {}
  for i, group in ipairs(groups) do
    slices[i] = #group > 0 and reduce_collection(group, a.reducer.process_graph, a.context)
      or c.slices[1]:hide(c.slices[1]:isvalid())
  end
  return like(c, slices, { labels = { [name] = labels } })
end

local function seconds_of(text)
  local h, m, s = text:match "^(%d+):(%d+):(%d+)"
  return h and h * 3600 + m * 60 + s
end

local function within(c, from, to)
  local a, b = from ~= null and seconds_of(from), to ~= null and seconds_of(to)
  if not a then
    return c:filter_date(from ~= null and from or "0001", to ~= null and to or "9999")
  end
  return c:filter(function(scene)
    local t = scene.t % 86400
    if a < b then return t >= a and t < b end
    return t >= a or t < b
  end)
end

function C.aggregate_temporal(a)
  local c = open_cube(a.data)
  local all = time_of(c, a.dimension)
  local groups, labels, seen = {}, {}, {}
  for i, interval in ipairs(a.intervals) do
    labels[i] = (a.labels or a.reducer.labels or {})[i] or interval[1]
    if seen[labels[i]] then throw "DistinctDimensionLabelsRequired" end
    seen[labels[i]] = true
    groups[i] = within(all, interval[1], interval[2])
  end
  return aggregate(a, groups, labels)
end

-- Number of the period in which a time lies
local periods = {
  hour = function(t) return t // 3600 end,
  day = function(t) return t // 86400 end,
  week = function(t) return (t // 86400 + 3) // 7 end, -- from Mondays on
  dekad = function(_, d) return (d.year * 12 + d.month) * 3 + math.min((d.day - 1) // 10, 2) end,
  month = function(_, d) return d.year * 12 + d.month end,
  season = function(_, d) return (d.year * 12 + d.month) // 3 end,
  ["tropical-season"] = function(_, d) return (d.year * 12 + d.month + 1) // 6 end,
  year = function(_, d) return d.year end,
  decade = function(_, d) return d.year // 10 end,
  ["decade-ad"] = function(_, d) return (d.year - 1) // 10 end,
}

function C.aggregate_temporal_period(a)
  local c = open_cube(a.data)
  local all = time_of(c, a.dimension)
  local number = periods[a.period]
  if not number then skip("no period '" .. tostring(a.period) .. "'") end
  local function of(t) return number(floor(t), os.date("!*t", floor(t))) end
  local first, last = huge, -huge
  for scene in all:scenes() do
    first, last = math.min(first, of(scene.t)), math.max(last, of(scene.t))
  end
  local groups, labels = {}, {}
  for k = first, last do
    groups[#groups + 1] = all:filter(function(scene) return of(scene.t) == k end)
    labels[#groups] = k
  end
  local r = aggregate(a, groups, labels)
  r.free_labels = true -- Tellua's groups have other names
  return r
end

function C.dimension_labels(a)
  local c = read_cube(resolved(a.data))
  local list = c[a.dimension] or c.labels[a.dimension]
  if not list then throw "DimensionNotAvailable" end
  if a.dimension == "x" or a.dimension == "y" then return { plain = list } end
  if c.kind[a.dimension] ~= "bands" then return { plain = list } end
  local bands = {}
  for i, name in ipairs(list) do bands[i] = Image { { i } }:rename(name) end
  return { plain = Image(bands):bands() }
end

function C.rename_labels(a)
  local c = open_cube(a.data)
  local name, labels = a.dimension, { unpack(c.labels[a.dimension]) }
  if c.kind[name] ~= "bands" or #c.dims > 1 then skip "labels of bands alone have names" end
  local source, target = a.source, a.target
  if source and #source == 0 then source = nil end
  if not target then source, target = nil, source end
  for _, label in ipairs(labels) do
    if not source and type(label) ~= "number" then throw "LabelsNotEnumerated" end
  end
  local img = Image(c.slices):rename(labels[1] ~= nil and type(labels[1]) ~= "number"
    and labels or nil)
  if not source then
    labels = img:rename(target):bands()
  else
    if #source ~= #target then throw "LabelMismatch" end
    local map = {}
    for i, label in ipairs(source) do map[label] = target[i] end
    labels = img:rename(map):bands() -- raises on a name that is not there
  end
  return like(c, c.slices, { labels = { [name] = labels } })
end

local function run_cube(case, id, delta)
  local ok, got = pcall(C[id], case.arguments)
  if not ok then
    if type(got) == "table" and rawget(got, "skip") then error(got, 0) end
    if case.throws ~= nil then return nil end
    return tostring(type(got) == "table" and rawget(got, "throws") or got)
  end
  if case.returns == nil then return "should be an error" end
  local v = resolved(case.returns)
  if got.plain then
    for i = 1, math.max(#v, #got.plain) do
      if label_text(v[i]) ~= label_text(got.plain[i]) then return "label " .. i .. " differs" end
    end
    return nil
  end
  local want = read_cube(v)
  local why = dims_differ(want, got, got.free_labels)
  if why or want.empty then return why end
  return cells_differ(want, got, delta)
end

return { C = C, run_cube = run_cube }
