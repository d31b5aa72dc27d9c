-- How often a pixel was water: blue from a tenth of the scenes on, else their mean colour.
-- Scenes without a value, all black or all white are left out; without any the pixel is invalid.
--   tellua run scripts/gallery/water_frequency.lua -p scene="{date}/{band}.tif" -p dates=...
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

local function wbi(r, g, b, n, s1, s2)
  local mndwi, ndwi, lw, ndvi = nd(g, s1), nd(g, n), nd(n, s1), nd(n, r)
  local sh = b + 2.5 * g - 1.5 * (n + s1) - 0.25 * s2
  local ns = 4 * (g - s1) - (0.25 * n + 2.75 * s1)
  local dbsi = nd(s1, g) - ndvi
  if ns <= -0.03 or dbsi > 0 then return 0 end
  if mndwi > 0.42 or ndwi > 0.4 or ns > 0.1879 or sh > 0.1112 or ndvi < -0.2 or lw > 1 then
    return 1
  end
  return 0
end

local function frequency(B02_1, B02_2, B02_3, B02_4, B02_5, B03_1, B03_2, B03_3, B03_4, B03_5,
    B04_1, B04_2, B04_3, B04_4, B04_5, B08_1, B08_2, B08_3, B08_4, B08_5,
    B11_1, B11_2, B11_3, B11_4, B11_5, B12_1, B12_2, B12_3, B12_4, B12_5)
  local B02, B03, B04 = { B02_1, B02_2, B02_3, B02_4, B02_5 },
    { B03_1, B03_2, B03_3, B03_4, B03_5 }, { B04_1, B04_2, B04_3, B04_4, B04_5 }
  local B08, B11, B12 = { B08_1, B08_2, B08_3, B08_4, B08_5 },
    { B11_1, B11_2, B11_3, B11_4, B11_5 }, { B12_1, B12_2, B12_3, B12_4, B12_5 }
  local n, water, red, green, blue = 0, 0, 0, 0, 0
  for i = 1, 5 do
    local r, g, b = B04[i], B03[i], B02[i]
    if r and g and b and B08[i] and B11[i] and B12[i] then
      local black, white = r == 0 and g == 0 and b == 0, r == 1 and g == 1 and b == 1
      if not black and not white then
        n = n + 1
        water = water + wbi(r, g, b, B08[i], B11[i], B12[i])
        red, green, blue = red + r, green + g, blue + b
      end
    end
  end
  if n == 0 then return nil end
  if water / n >= 0.1 then return 0.44, 0.54, 1 end
  return 2 * (red / n), 2 * (green / n), 2 * (blue / n)
end

local img = series("B02", "B03", "B04", "B08", "B11", "B12") / 10000
output("frequency", img:execute(frequency, { valid = "any", bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
