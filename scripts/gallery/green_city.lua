-- The city in gray, its plants in green.
--   tellua run scripts/gallery/green_city.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local function city(B02, B03, B04, B08)
  local y = 0.2 * 2.5 * B04 + 0.7 * 2.5 * B03 + 0.1 * 2.5 * B02
  if nd(B08, B04) >= 0.4 then return 0.1 * y, 1.8 * y, 0.1 * y end
  return y, y, y
end

local img = bands("B02", "B03", "B04", "B08") / 10000
output("city", img:execute(city, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
