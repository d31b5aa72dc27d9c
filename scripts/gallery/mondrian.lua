-- Five flat colours by vegetation index. Where it is 0/0 no limit holds, and the colour is black.
--   tellua run scripts/gallery/mondrian.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local function mondrian(B04, B08)
  local ndvi = nd(B08, B04)
  if ndvi < 0.1 then
    return 1, 1, 1
  elseif ndvi < 0.2 then
    return 0.8, 0.2, 0
  elseif ndvi < 0.4 then
    return 0.2, 0.2, 1
  elseif ndvi < 0.6 then
    return 1, 0.7, 0
  end
  return 0, 0, 0
end

local img = bands("B04", "B08") / 10000
output("mondrian", img:execute(mondrian, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
