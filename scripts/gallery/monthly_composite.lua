-- The best pixel of a month: clear, else hazy, else snow, else red. Of equal ones the first scene.
-- Scenes without a value at a pixel are left out.
--   tellua run scripts/gallery/monthly_composite.lua -p scene="{date}/{band}.tif" -p dates=...
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

local function median(v, n) -- of the first n
  for i = 2, 5 do
    for k = i, 2, -1 do
      if k <= n and v[k] < v[k - 1] then v[k], v[k - 1] = v[k - 1], v[k] end
    end
  end
  return v[n // 2 + 1]
end

local function composite(B02_1, B02_2, B02_3, B02_4, B02_5, B03_1, B03_2, B03_3, B03_4, B03_5,
    B04_1, B04_2, B04_3, B04_4, B04_5, B05_1, B05_2, B05_3, B05_4, B05_5,
    B08_1, B08_2, B08_3, B08_4, B08_5, B11_1, B11_2, B11_3, B11_4, B11_5)
  local B02, B03, B04 = { B02_1, B02_2, B02_3, B02_4, B02_5 },
    { B03_1, B03_2, B03_3, B03_4, B03_5 }, { B04_1, B04_2, B04_3, B04_4, B04_5 }
  local B05, B08, B11 = { B05_1, B05_2, B05_3, B05_4, B05_5 },
    { B08_1, B08_2, B08_3, B08_4, B08_5 }, { B11_1, B11_2, B11_3, B11_4, B11_5 }
  local low, high, snow = {}, {}, { r = {}, g = {}, b = {} }
  local n_low, n_high, n_snow, water = 0, 0, 0, 0
  for i = 1, 5 do
    local b, g, r, nir, swir = B02[i], B03[i], B04[i], B08[i], B11[i]
    low[i], high[i] = false, false
    snow.r[i], snow.g[i], snow.b[i] = 0, 0, 0
    if b and g and r and B05[i] and nir and swir and b > 0 and g > 0 then
      if b < 0.12 then
        low[i], n_low = true, n_low + 1
        if nd(g, nir) > 0 then water = water + 1 end
      elseif b > 0.12 and b < 0.45 then
        high[i], n_high = true, n_high + 1
      end
      if (g - swir) / (0.01 + g + swir) > 0.2 and r > 0.2 then
        n_snow = n_snow + 1
        snow.r[n_snow], snow.g[n_snow], snow.b[n_snow] = r, g, b
      end
    end
  end
  local best, most
  for i = 1, 5 do
    local score
    if n_low > 0 and low[i] then
      score = water > 2 and B02[i] / B08[i] or B08[i] / B03[i]
    elseif n_low == 0 and high[i] then
      score = B03[i] / B02[i]
    end
    if score and (not most or score > most) then best, most = i, score end
  end
  if best then
    return 2.8 * B04[best] + 0.1 * B05[best], 2.8 * B03[best] + 0.15 * B08[best], 2.8 * B02[best]
  end
  if n_snow > 0 then
    return 1.1 * median(snow.r, n_snow), 1.3 * median(snow.g, n_snow), 1.1 * median(snow.b, n_snow)
  end
  return 1, 0, 0
end

local img = series("B02", "B03", "B04", "B05", "B08", "B11") / 10000
output("composite", img:execute(composite, { valid = "any", bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
