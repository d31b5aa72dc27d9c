-- The highest vegetation index of the last scenes, at least 0, in 21 colours.
-- Scenes without a value at a pixel are left out; without any the pixel is invalid.
--   tellua run scripts/gallery/max_ndvi.lua -p scene="{date}/{band}.tif" -p dates=...
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

local limits = { -1.1, -0.2, -0.1, 0, 0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.175, 0.2, 0.25, 0.3,
  0.35, 0.4, 0.45, 0.5, 0.55, 0.6 }
local colors = { { 0, 0, 0 }, { 0.75, 0.75, 0.75 }, { 0.86, 0.86, 0.86 }, { 1, 1, 0.88 },
  { 1, 0.98, 0.8 }, { 0.93, 0.91, 0.71 }, { 0.87, 0.85, 0.61 }, { 0.8, 0.78, 0.51 },
  { 0.74, 0.72, 0.42 }, { 0.69, 0.76, 0.38 }, { 0.64, 0.8, 0.35 }, { 0.57, 0.75, 0.32 },
  { 0.5, 0.7, 0.28 }, { 0.44, 0.64, 0.25 }, { 0.38, 0.59, 0.21 }, { 0.31, 0.54, 0.18 },
  { 0.25, 0.49, 0.14 }, { 0.19, 0.43, 0.11 }, { 0.13, 0.38, 0.07 }, { 0.06, 0.33, 0.04 } }

local function greenest(B04_1, B04_2, B04_3, B04_4, B04_5, B08_1, B08_2, B08_3, B08_4, B08_5)
  local red, nir = { B04_1, B04_2, B04_3, B04_4, B04_5 }, { B08_1, B08_2, B08_3, B08_4, B08_5 }
  local m, scenes = 0, 0
  for i = 1, 5 do
    local r, n = red[i], nir[i]
    if r and n then
      scenes = scenes + 1
      local sum = n + r
      m = math.max(m, sum == 0 and 0 or (n - r) / sum)
    end
  end
  if scenes == 0 then return nil end
  for i = 1, #limits do
    if m < limits[i] then return colors[i][1], colors[i][2], colors[i][3] end
  end
  return 0, 0.27, 0
end

output("greenest", series("B04", "B08"):execute(greenest,
  { valid = "any", bands = { "r", "g", "b" } }), { rgb = { "r", "g", "b" }, min = 0, max = 1 })
