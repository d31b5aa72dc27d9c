-- Where the red edge lies, in nm: red low, green high. x/0 is beyond the ramp or, as 0/0, invalid.
--   tellua run scripts/gallery/red_edge_position.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local xs = { 690, 690, 707.5, 725 }
local colors = { { 1, 1, 1 }, { 1, 0, 0 }, { 1, 1, 0 }, { 0, 1, 0 } }

local function position(B04, B05, B06, B07)
  local p = 700 + 40 * (((B04 + B07) / 2 - B05) / (B06 - B05))
  local c = lerp(p, xs, colors)
  return c[1], c[2], c[3]
end

local img = bands("B04", "B05", "B06", "B07") / 10000
output("position", img:execute(position, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
