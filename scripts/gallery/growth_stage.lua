-- The mean vegetation index of this month in blue, of the last in green, of all before in red. The
-- month before January is none, as published. A colour without a scene is invalid.
--   tellua run scripts/gallery/growth_stage.lua -p scene="{date}/{band}.tif" -p dates=...
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

local month = {}
for m in dates:gmatch "%d%d%d%d%-?(%d%d)" do month[#month + 1] = math.tointeger(m) end

local function growth(B04_1, B04_2, B04_3, B04_4, B04_5, B08_1, B08_2, B08_3, B08_4, B08_5)
  local red, nir = { B04_1, B04_2, B04_3, B04_4, B04_5 }, { B08_1, B08_2, B08_3, B08_4, B08_5 }
  local sum, count = { 0, 0, 0 }, { 0, 0, 0 }
  for i = 1, 5 do
    if red[i] and nir[i] then
      local both = nir[i] + red[i]
      local ndvi = both == 0 and 0 or (nir[i] - red[i]) / both
      local group = month[i] == month[1] and 3 or month[i] == month[1] - 1 and 2 or 1
      sum[group] = sum[group] + ndvi
      count[group] = count[group] + 1
    end
  end
  local function channel(group) return (sum[group] / count[group] - 0.1) / (0.7 - 0.1) end
  return channel(1), channel(2), channel(3)
end

output("growth", series("B04", "B08"):execute(growth,
  { valid = "any", bands = { "r", "g", "b" } }), { rgb = { "r", "g", "b" }, min = 0, max = 1 })
