-- Sen2Cor's scene classes in their colours, and alpha: black and 0 where the scene has no value.
--   tellua run scripts/gallery/scene_classes.lua -p scene=SCL.tif
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local colors = {
  [0] = { 0, 0, 0 }, { 255, 0, 0 }, { 47, 47, 47 }, { 100, 50, 0 }, { 0, 160, 0 }, { 255, 230, 90 },
  { 0, 0, 255 }, { 128, 128, 128 }, { 192, 192, 192 }, { 255, 255, 255 }, { 100, 200, 255 },
  { 255, 150, 255 },
}

local function classes(SCL)
  if SCL == nil then return 0, 0, 0, 0 end
  local c = colors[SCL] or colors[0]
  return c[1] / 255, c[2] / 255, c[3] / 255, 1
end

output("classes", bands("SCL"):execute(classes,
  { valid = "any", bands = { "r", "g", "b", "alpha" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
