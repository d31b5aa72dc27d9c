-- Snow in pale orange over natural colour.
--   tellua run scripts/gallery/snow.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local function snow(B02, B03, B04, B08, B11)
  local likely = nd(B03, B11) >= 0.4 or math.abs(nd(B08, B04) - 0.1) <= 0.025
  if likely and B03 > 0.3 then return 1, 0.8, 0.4 end
  return 2.5 * B04, 2.5 * B03, 2.5 * B02
end

local img = bands("B02", "B03", "B04", "B08", "B11") / 10000
output("snow", img:execute(snow, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
