-- Soil moisture from Sentinel-1: VV (linear) of the first scene between the driest and the wettest.
-- All scenes but the last make the limits. 0/0, where all are equal, is invalid.
--   tellua run scripts/gallery/soil_moisture.lua -p scene="{date}/{band}.tif" -p dates=...
local scene = param("scene", "{date}/{band}.tif", { label = "scenes" })
local dates = param("dates", "", { label = "12 dates, newest first" })

local function series(...) -- B04_1, B08_1, B04_2 ...
  local files, n = {}, 0
  for date in dates:gmatch "[^,]+" do
    n = n + 1
    for _, name in ipairs { ... } do
      files[name .. "_" .. n] = (scene:gsub("{date}", date):gsub("{band}", name))
    end
  end
  assert(n == 12, "12 dates are needed, between commas")
  return Image(files)
end

local function moisture(VV_1, VV_2, VV_3, VV_4, VV_5, VV_6, VV_7, VV_8, VV_9, VV_10, VV_11, VV_12)
  local vv = { VV_1, VV_2, VV_3, VV_4, VV_5, VV_6, VV_7, VV_8, VV_9, VV_10, VV_11, VV_12 }
  local most, least, sum = 0, 2, 0
  for i = 1, #vv - 1 do
    most, least, sum = math.max(most, vv[i]), math.min(least, vv[i]), sum + vv[i]
  end
  local dB = 10 * math.log(sum / (#vv - 1), 10)
  local v = (VV_1 - least) / (most - least)
  if dB > -6 or dB < -17 then v = 0 end
  v = clamp(v, 0, 0.6)
  if v <= 0 then return 1, 1, 1 end
  if v < 0.06 then return 0.5 + v / 0.12, 0, 0 end
  if v < 0.18 then return 1, (v - 0.06) / 0.12, 0 end
  if v < 0.24 then return 1 + (0.18 - v) / 0.06, 1, (v - 0.18) / 0.06 end
  if v < 0.30 then return 0, 1 + (0.24 - v) / 0.06, 1 end
  return 0, 0, 1 + (0.30 - v) / 0.6
end

output("moisture", series("VV"):execute(moisture, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
