-- The normalised difference vegetation index of one scene.
--   tellua run scripts/ndvi.lua -p scene=SCENE [-p red=B04] [-p nir=B08]
-- SCENE is a file with all bands, or a pattern of one file per band: "S2A_20230815/{band}.tif"
local scene = param("scene", "", { label = "scene" })
local red = param("red", "B04", { label = "red band" })
local nir = param("nir", "B08", { label = "near infrared band" })

local function band(name)
  if scene:find("{band}", 1, true) then return Image((scene:gsub("{band}", name))) end
  return Image(scene):select(name)
end

local r, n = band(red), band(nir)
local ndvi = ((n - r) / (n + r)):rename("ndvi")

output("ndvi", ndvi, { ramp = "rdylgn", min = -0.2, max = 0.9 })
