-- Straw stubble burnt after harvest: dark in the visible and the red edge, still bright at 1.6 um.
--   tellua run scripts/stubble.lua -p scene="R10m/{band}.jp2" [-p red_max=1000]
-- SCENE is a file with all bands of Sentinel-2, or a pattern of one file per band.
local scene = param("scene", "", { label = "scene" })
local red_max = param("red_max", 1000, { min = 0, max = 4000, label = "red below" })

local function band(name)
  if scene:find("{band}", 1, true) then return Image((scene:gsub("{band}", name))) end
  return Image(scene):select(name)
end

local stubble = band "B04":lt(red_max) & band "B06":lt(1200) & band "B08":lt(1200)
              & band "B11":between(500, 1600, "exclusive")

output("stubble", stubble:rename("stubble"):self_mask(), { palette = { "lime" } })
