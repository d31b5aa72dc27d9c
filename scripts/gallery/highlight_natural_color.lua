-- Natural colour, brightened by a cube root: clouds and forests keep their structure.
--   tellua run scripts/gallery/highlight_natural_color.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local function cbrt(x) -- keeps the sign
  if x < 0 then return -(-x) ^ (1 / 3) end
  return x ^ (1 / 3)
end

local function color(B02, B03, B04)
  return cbrt(0.6 * B04 - 0.035), cbrt(0.6 * B03 - 0.035), cbrt(0.6 * B02 - 0.035)
end

local img = bands("B02", "B03", "B04") / 10000
output("color", img:execute(color, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
