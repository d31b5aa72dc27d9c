-- Forest that was cut: the vegetation index of three months against the same a year before.
-- Months count from 0 and wrap as published. Scenes without a value at a pixel are left out; where
-- the first has none the pixel is invalid.
--   tellua run scripts/gallery/forest_cut.lua -p scene="{date}/{band}.tif" -p dates=...
local scene = param("scene", "{date}/{band}.tif", { label = "scenes" })
local dates = param("dates", "", { label = "6 dates, newest first" })

local function series(...) -- B04_1, B08_1, B04_2 ...
  local files, n = {}, 0
  for date in dates:gmatch "[^,]+" do
    n = n + 1
    for _, name in ipairs { ... } do
      files[name .. "_" .. n] = (scene:gsub("{date}", date):gsub("{band}", name))
    end
  end
  assert(n == 6, "6 dates are needed, between commas")
  return Image(files)
end

local year, month = {}, {}
for y, m in dates:gmatch "(%d%d%d%d)%-?(%d%d)" do
  year[#year + 1], month[#month + 1] = math.tointeger(y), math.tointeger(m) - 1
end
local wanted = {}
for i = 0, 2 do
  local m = month[1] - i
  wanted[i + 1] = m > 0 and { m = m, y = year[1] } or { m = 12 - m, y = year[1] - 1 }
end

local function forest(B02_1, B02_2, B02_3, B02_4, B02_5, B02_6, B03_1, B03_2, B03_3, B03_4, B03_5,
    B03_6, B04_1, B04_2, B04_3, B04_4, B04_5, B04_6, B08_1, B08_2, B08_3, B08_4, B08_5, B08_6,
    B05_1)
  local B02 = { B02_1, B02_2, B02_3, B02_4, B02_5, B02_6 }
  local B03 = { B03_1, B03_2, B03_3, B03_4, B03_5, B03_6 }
  local B04 = { B04_1, B04_2, B04_3, B04_4, B04_5, B04_6 }
  local B08 = { B08_1, B08_2, B08_3, B08_4, B08_5, B08_6 }
  if not (B02_1 and B03_1 and B04_1 and B05_1 and B08_1) then return nil end
  local now, n_now, before, n_before = 0, 0, 0, 0
  local monthly = { { 0, 0 }, { 0, 0 }, { 0, 0 } }
  for i = 1, 6 do
    local b, g, r, n = B02[i], B03[i], B04[i], B08[i]
    if b and g and r and n and r ~= 0 and g ~= 0 and b < 0.18 then
      local ndvi = nd(n, r)
      for k = 1, 3 do
        if month[i] == wanted[k].m and year[i] == wanted[k].y then
          now, n_now = now + ndvi, n_now + 1
        elseif month[i] == wanted[k].m and year[i] + 1 == wanted[k].y then
          before, n_before = before + ndvi, n_before + 1
          monthly[k][1], monthly[k][2] = monthly[k][1] + ndvi, monthly[k][2] + 1
        end
      end
    end
  end
  local function mean_before(k) return monthly[k][2] == 0 and 1 or monthly[k][1] / monthly[k][2] end
  local d = before / n_before - now / n_now
  local sum = B03_1 + B08_1
  local ndwi = sum == 0 and -1 or (B03_1 - B08_1) / sum
  local cut = ndwi < 0.5 and d >= 0.25 and before / n_before > 0.7
    and mean_before(1) > 0.7 and mean_before(2) > 0.7 and mean_before(3) > 0.7
  local k = cut and 2.8 * (2 / 3) * 10 * d or 2.8
  return (k * B04_1 + 0.1 * B05_1) / 0.8, (2.8 * B03_1 + 0.15 * B08_1) / 0.8, 2.8 * B02_1 / 0.8
end

local img = series("B02", "B03", "B04", "B05", "B08") / 10000
output("forest", img:execute(forest, { valid = "any", bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
