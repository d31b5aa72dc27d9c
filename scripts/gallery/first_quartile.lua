-- The first quartile of the clear scenes, band by band; of the others where none was clear.
-- A scene counts where all its bands are above 0 and it has a class; without any the result is 0.
--   tellua run scripts/gallery/first_quartile.lua -p scene="{date}/{band}.tif" -p dates=...
local scene = param("scene", "{date}/{band}.tif", { label = "scenes" })
local dates = param("dates", "", { label = "5 dates, newest first" })

local function series(...) -- B04_1, B08_1, B04_2 ...
  local files, n = {}, 0
  for date in dates:gmatch "[^,]+" do
    n = n + 1
    for _, name in ipairs { ... } do
      files[name .. "_" .. n] = (scene:gsub("{date}", date):gsub("{band}", name))
    end
  end
  assert(n == 5, "5 dates are needed, between commas")
  return Image(files)
end

local hidden = { [1] = true, [3] = true, [8] = true, [9] = true, [10] = true, [11] = true }

local function lower_quartile(values, n) -- the first n are sorted in place
  for i = 2, 5 do
    for k = i, 2, -1 do
      if k <= n and values[k] < values[k - 1] then
        values[k], values[k - 1] = values[k - 1], values[k]
      end
    end
  end
  return n > 0 and values[n // 4 + 1] or 0
end

local function quartile(B02_1, B02_2, B02_3, B02_4, B02_5, B03_1, B03_2, B03_3, B03_4, B03_5,
    B04_1, B04_2, B04_3, B04_4, B04_5, B08_1, B08_2, B08_3, B08_4, B08_5,
    SCL_1, SCL_2, SCL_3, SCL_4, SCL_5)
  local scenes = { { B04_1, B03_1, B02_1, B08_1, SCL_1 }, { B04_2, B03_2, B02_2, B08_2, SCL_2 },
    { B04_3, B03_3, B02_3, B08_3, SCL_3 }, { B04_4, B03_4, B02_4, B08_4, SCL_4 },
    { B04_5, B03_5, B02_5, B08_5, SCL_5 } }
  local clear = { { 0, 0, 0, 0, 0 }, { 0, 0, 0, 0, 0 }, { 0, 0, 0, 0, 0 }, { 0, 0, 0, 0, 0 } }
  local cloudy = { { 0, 0, 0, 0, 0 }, { 0, 0, 0, 0, 0 }, { 0, 0, 0, 0, 0 }, { 0, 0, 0, 0, 0 } }
  local n, m = 0, 0
  for i = 1, 5 do
    local r, g, b, nir, class = scenes[i][1], scenes[i][2], scenes[i][3], scenes[i][4], scenes[i][5]
    if r and g and b and nir and class and r > 0 and g > 0 and b > 0 and nir > 0 then
      if hidden[class] then
        m = m + 1
        for k = 1, 4 do cloudy[k][m] = scenes[i][k] end
      else
        n = n + 1
        for k = 1, 4 do clear[k][n] = scenes[i][k] end
      end
    end
  end
  local out = {}
  for k = 1, 4 do
    out[k] = n > 0 and lower_quartile(clear[k], n) or lower_quartile(cloudy[k], m)
  end
  return out[1], out[2], out[3], out[4]
end

output("quartile", series("B02", "B03", "B04", "B08", "SCL"):execute(quartile,
  { valid = "any", bands = { "B04", "B03", "B02", "B08" } }), { dtype = "uint16", nodata = false })
