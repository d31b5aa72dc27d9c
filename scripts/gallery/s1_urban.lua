-- Sentinel-1: what scatters strongly in VH is built up. VV and VH are linear.
--   tellua run scripts/gallery/s1_urban.lua -p scene="{band}.tif"
-- dataMask is where the scene has values; elsewhere the result is invalid, whatever it says.
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local function urban(VV, VH, dataMask)
  return 5.5 * VH > 0.5 and 1 or 0, VV, 8 * VH, dataMask
end

local img = bands("VV", "VH")
output("urban", img:execute(urban, img.VV:isvalid(),
  { bands = { "r", "g", "b", "alpha" } }), { rgb = { "r", "g", "b" }, min = 0, max = 1 })
