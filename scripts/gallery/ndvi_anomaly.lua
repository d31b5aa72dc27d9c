-- The vegetation index of a month against the mean of three years before: red less, green more,
-- black where one of the years is missing. Scenes without a value at a pixel are left out.
--   tellua run scripts/gallery/ndvi_anomaly.lua -p scene="{date}/{band}.tif" -p dates=...
local scene = param("scene", "{date}/{band}.tif", { label = "scenes" })
local dates = param("dates", "", { label = "8 dates, newest first" })
local years = param("years", "", { label = "year of each date, if it is not in it" })

local function series(...) -- B04_1, B08_1, B04_2 ...
  local files, n = {}, 0
  for date in dates:gmatch "[^,]+" do
    n = n + 1
    for _, name in ipairs { ... } do
      files[name .. "_" .. n] = (scene:gsub("{date}", date):gsub("{band}", name))
    end
  end
  assert(n == 8, "8 dates are needed, between commas")
  return Image(files)
end

local year = {}
for y in (years == "" and dates or years):gmatch "(%d%d%d%d)[^,]*" do
  year[#year + 1] = math.tointeger(y)
end

local function is_cloud(B03, B04, B11)
  local q, n = (B03 - 0.175) / 0.215, nd(B03, B04)
  return B11 > 0.1 and (q > 1 or (q > 0 and n > 0))
end

local function anomaly(B03_1, B03_2, B03_3, B03_4, B03_5, B03_6, B03_7, B03_8,
    B04_1, B04_2, B04_3, B04_4, B04_5, B04_6, B04_7, B04_8,
    B08_1, B08_2, B08_3, B08_4, B08_5, B08_6, B08_7, B08_8,
    B11_1, B11_2, B11_3, B11_4, B11_5, B11_6, B11_7, B11_8)
  local B03 = { B03_1, B03_2, B03_3, B03_4, B03_5, B03_6, B03_7, B03_8 }
  local B04 = { B04_1, B04_2, B04_3, B04_4, B04_5, B04_6, B04_7, B04_8 }
  local B08 = { B08_1, B08_2, B08_3, B08_4, B08_5, B08_6, B08_7, B08_8 }
  local B11 = { B11_1, B11_2, B11_3, B11_4, B11_5, B11_6, B11_7, B11_8 }
  local sum, count = { 0, 0, 0, 0 }, { 0, 0, 0, 0 }
  for i = 1, 8 do
    local slot = year[1] - year[i] + 1
    local g, r, n, s = B03[i], B04[i], B08[i], B11[i]
    if slot >= 1 and slot <= 4 and g and r and n and s and not is_cloud(g, r, s) then
      local ndvi = nd(n, r)
      if n + r ~= 0 and ndvi > -1 and ndvi ~= 0 then
        sum[slot], count[slot] = sum[slot] + ndvi, count[slot] + 1
      end
    end
  end
  local a = -2
  if count[1] > 0 and count[2] > 0 and count[3] > 0 and count[4] > 0 then
    local past = (sum[2] / count[2] + sum[3] / count[3] + sum[4] / count[4]) / 3
    a = clamp(sum[1] / count[1] - past, -0.7, 0.7)
  end
  local c = lerp(a, { -2, -0.7, 0, 0.7 }, { { 0, 0, 0 }, { 1, 0, 0 }, { 1, 1, 1 }, { 0, 1, 0 } })
  return c[1], c[2], c[3]
end

local img = series("B03", "B04", "B08", "B11") / 10000
output("anomaly", img:execute(anomaly, { valid = "any", bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
