-- Contour lines every 50 m over Landsat 8.
--   tellua run scripts/gallery/dem_contours.lua -p scene="LC08_{band}.TIF" -p dem=dem.tif
-- The remainder keeps the sign of the height, as published: all below the sea is line.
local scene = param("scene", "", { label = "scene" })
local dem = param("dem", "", { label = "heights in m" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local function contours(B2, B3, B4, height)
  if math.fmod(height, 50) < 4 then return 1, 1, 1 end
  return 5 * B4 - 0.2, 5 * B3 - 0.2, 5 * B2 - 0.2
end

local img = bands("B2", "B3", "B4") / 10000
output("contours", img:execute(contours, Image(dem):select(1),
  { bands = { "r", "g", "b" } }), { rgb = { "r", "g", "b" }, min = 0, max = 1 })
