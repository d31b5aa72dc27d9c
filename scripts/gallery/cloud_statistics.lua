-- How often a pixel was clear. A scene counts where it has a class. CLM is the cloud probability in
-- percent; a scene without it counts by its class alone. No scene at all: transparent black.
--   tellua run scripts/gallery/cloud_statistics.lua -p scene="{date}/{band}.tif" -p dates=...
local scene = param("scene", "{date}/{band}.tif", { label = "scenes" })
local dates = param("dates", "", { label = "5 dates, newest first" })
local cloudy = param("cloudy", 50, { label = "cloudy from this CLM on" })

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

local xs, colors = {}, { { 0, 0, 0 }, { 141, 0, 0 }, { 219, 36, 36 }, { 236, 125, 0 },
  { 236, 199, 0 }, { 111, 161, 32 }, { 75, 126, 39 }, { 72, 168, 146 }, { 63, 142, 185 },
  { 133, 78, 144 }, { 85, 34, 115 } }
for i = 1, #colors do
  xs[i] = (i - 1) / 10
  for k = 1, 3 do colors[i][k] = colors[i][k] / 255 end
end
local hidden = { [1] = true, [3] = true, [8] = true, [9] = true, [10] = true }

local function clear(SCL_1, SCL_2, SCL_3, SCL_4, SCL_5, CLM_1, CLM_2, CLM_3, CLM_4, CLM_5)
  local scl, clm = { SCL_1, SCL_2, SCL_3, SCL_4, SCL_5 }, { CLM_1, CLM_2, CLM_3, CLM_4, CLM_5 }
  local n, c = 0, 0
  for i = 1, 5 do
    local class = scl[i]
    if class == nil then goto continue end
    n = n + 1
    if clm[i] and clm[i] >= cloudy then goto continue end
    if hidden[class] then goto continue end
    c = c + 1
    ::continue::
  end
  if n == 0 then return 0, 0, 0, 0 end
  local color = lerp(c / n, xs, colors)
  return color[1], color[2], color[3], 1
end

output("clear", series("SCL", "CLM"):execute(clear,
  { valid = "any", bands = { "r", "g", "b", "alpha" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
