-- Water by three indices: four results of one function. Where the scene has no value the colour is
-- transparent black and nothing is water or cloud; the index is invalid there.
--   tellua run scripts/gallery/swbm.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local function water(B02, B03, B04, B05, B08, B11, SCL)
  if not (B02 and B03 and B04 and B05 and B08 and B11 and SCL) then
    return { r = 0, g = 0, b = 0, alpha = 0, water = 0, cloud = 0, dataMask = 0 }
  end
  local r2, r3, r4 = B02 / 10000, B03 / 10000, B04 / 10000
  local w = nd(B03, B11) > 0.1 or nd(B03, B08) > 0.2 or nd(B05, B11) > 0.03
  local cloud = SCL == 8 or SCL == 9
  local out = { index = nd(B03, B11), water = w, cloud = cloud, alpha = 1, dataMask = 1 }
  if cloud or not w then
    out.r, out.g, out.b = 2 * r4, 2 * r3, 2 * r2
  else
    out.r, out.g, out.b = 0, 0, 2
  end
  return out
end

local all = bands("B02", "B03", "B04", "B05", "B08", "B11", "SCL"):execute(water, { valid = "any" })
output("default", all:select("r", "g", "b", "alpha"), { rgb = { "r", "g", "b" }, min = 0, max = 1 })
output("index", all:select("index"))
output("stats", all:select("water", "cloud"))
output("mask", all:select("dataMask"))
