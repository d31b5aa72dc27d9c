-- Land surface temperature of Landsat 8: the mean, the highest, or the deviation of the scenes.
-- White to red in a line over 0 to 50 degrees, 0 to 25 for the deviation: this project's ramp.
-- Without a scene the mean is invalid and the highest white; with one the deviation is invalid.
--   tellua run scripts/gallery/land_surface_temperature.lua -
--     -p scene="{date}/{band}.tif" -p dates=...
local scene = param("scene", "{date}/{band}.tif", { label = "scenes" })
local dates = param("dates", "", { label = "5 dates, newest first" })
local option = param("option", 0, { choices = { 0, 1, 2 }, label = "mean, highest, deviation" })
local kelvin = param("kelvin", 0.1, { label = "K of one DN of B10" })

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

local function temperature(B03, B04, B05, B10)
  if not (B03 and B04 and B05 and B10) then return nil end
  local k, green, red, nir = B10 * kelvin, B03 / 10000, B04 / 10000, B05 / 10000
  if not (k > 173 and k < 65000 and green > 0 and red > 0 and nir > 0) then return nil end
  local t, v = k - 273.15, nd(nir, red)
  local p = ((v - 0.2) / 0.6) ^ 2
  local e
  if v < 0 then
    e = 0.991
  elseif v < 0.2 then
    e = 0.966
  elseif v > 0.8 then
    e = 0.973
  else
    e = 0.973 * p + 0.966 * (1 - p) + 0.009
  end
  return t / (1 + (1.0895e-5 * t / 0.01438) * math.log(e))
end

local function lst(B03_1, B03_2, B03_3, B03_4, B03_5, B04_1, B04_2, B04_3, B04_4, B04_5,
    B05_1, B05_2, B05_3, B05_4, B05_5, B10_1, B10_2, B10_3, B10_4, B10_5)
  local scenes = { temperature(B03_1, B04_1, B05_1, B10_1) or false,
    temperature(B03_2, B04_2, B05_2, B10_2) or false,
    temperature(B03_3, B04_3, B05_3, B10_3) or false,
    temperature(B03_4, B04_4, B05_4, B10_4) or false,
    temperature(B03_5, B04_5, B05_5, B10_5) or false }
  local n, sum, most = 0, 0, -999
  for _, t in ipairs(scenes) do
    if t then n, sum, most = n + 1, sum + t, math.max(most, t) end
  end
  local value = option == 1 and most or sum / n
  if option == 2 then
    local squares = 0
    for _, t in ipairs(scenes) do
      if t then squares = squares + (t - sum / n) ^ 2 end
    end
    value = math.sqrt(squares / (n - 1))
  end
  local c = lerp(value, { 0, option == 2 and 25 or 50 }, { { 1, 1, 1 }, { 1, 0, 0 } })
  return c[1], c[2], c[3]
end

output("lst", series("B03", "B04", "B05", "B10"):execute(lst,
  { valid = "any", bands = { "r", "g", "b" } }), { rgb = { "r", "g", "b" }, min = 0, max = 1 })
