-- Fires bright, clouds pale blue, the rest in gray.
--   tellua run scripts/gallery/active_fire.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local function fire(B02, B03, B04, B11, B12)
  local q = (B02 - 0.2) / 0.3
  local n, s = nd(B02, B03), nd(B12, B11)
  if q > 1 then return 0.5 * B04, 0.5 * B03, 20 * B02 end
  if q > 0 and n > 0 then return 0.5 * B04, 0.5 * B03, 20 * B02 end
  if s > 0.4 or B12 > 1 then return 20 * B04, B03, B02 end
  return B04, B04, B04
end

local img = bands("B02", "B03", "B04", "B11", "B12") / 10000
output("fire", img:execute(fire, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
