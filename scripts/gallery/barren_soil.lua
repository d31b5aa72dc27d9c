-- Bare soil in red, plants in green: the bare-soil index beside near and short-wave infrared.
--   tellua run scripts/gallery/barren_soil.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local function soil(B02, B04, B08, B11)
  local v = 2.5 * ((B11 + B04) - (B08 + B02)) / ((B11 + B04) + (B08 + B02))
  return 2.5 * v, B08, B11
end

local img = bands("B02", "B04", "B08", "B11") / 10000
output("soil", img:execute(soil, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
