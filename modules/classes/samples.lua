-- Samples: rows drawn from an Image, and what is learnt from, by columns.
-- SPDX-License-Identifier: MIT
local core, _, learn = ...

local methods, raise, is_number = core.methods, core.raise, core.options.is_number
local type, ipairs, rawlen = type, ipairs, rawlen
local format, concat, unpack = string.format, table.concat, table.unpack

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
  local names, chance = methods.bands(img), learn.dice(o.seed)
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
function learn.columns(rows, o, what)
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
