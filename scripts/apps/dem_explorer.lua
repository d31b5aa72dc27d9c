-- An elevation model with light from any side, and contour lines.
--   tellua serve scripts/apps/dem_explorer.lua -p dem=dem.tif
-- Shading is by the cells that are shown, so that relief is seen at every zoom; heights are those
-- of the file.
local path = param("dem", "dem.tif", { label = "elevation model" })
local ramp = param("ramp", "terrain",
  { label = "colours", choices = { "terrain", "gist_earth", "viridis", "gray", "spectral" } })
local azimuth = param("azimuth", 315, { min = 0, max = 360, label = "light from, degrees" })
local altitude = param("altitude", 45, { min = 5, max = 85, label = "light above the horizon" })
local relief = param("relief", 1.0, { min = 0.0, max = 6.0, label = "relief" })
local interval = param("interval", 0, { min = 0, max = 500, label = "contours every, m (0: none)" })

local height = Image(path):select(1):rename "H"
local picture = height:visualize { ramp = ramp }

-- After Horn: the slopes along the axes, and the part of the light that the cell gets.
local function shaded(red, green, blue, H)
  local west = near(H, -1, -1) + 2 * near(H, -1, 0) + near(H, -1, 1)
  local east = near(H, 1, -1) + 2 * near(H, 1, 0) + near(H, 1, 1)
  local north = near(H, -1, -1) + 2 * near(H, 0, -1) + near(H, 1, -1)
  local south = near(H, -1, 1) + 2 * near(H, 0, 1) + near(H, 1, 1)
  local p, q = (east - west) / 200 * relief, (south - north) / 200 * relief
  local a, h = math.rad(azimuth), math.rad(altitude)
  local light = math.sin(h) - math.cos(h) * (p * math.sin(a) - q * math.cos(a))
  light = light / math.sqrt(1 + p * p + q * q)
  light = 0.25 + 0.75 * clamp(light / math.sin(h), 0, 1.3)
  if interval > 0 then
    local line = H // interval
    if line ~= near(H, 1, 0) // interval or line ~= near(H, 0, 1) // interval then
      light = light * 0.45
    end
  end
  return clamp(red * light, 0, 255), clamp(green * light, 0, 255), clamp(blue * light, 0, 255)
end

local bands = { "r", "g", "b" }
output("relief", picture:execute(shaded, { H = height, bands = bands }),
  { rgb = bands, min = 0, max = 255 })
output("height", height, { ramp = ramp })
