-- The burned-area index of Sentinel-2 in four colours. The published fifth colour has no knot.
--   tellua run scripts/gallery/bais2.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local xs = { 0, 0, 0.5, 0.99 }
local colors = { { 1, 1, 1 }, { 0, 0, 1 }, { 250 / 255, 1, 10 / 255 }, { 1, 20 / 255, 20 / 255 } }

local function bais2(B04, B06, B07, B8A, B12)
  local i = (1 - ((B06 * B07 * B8A) / B04) ^ 0.5) * ((B12 - B8A) / ((B12 + B8A) ^ 0.5) + 1)
  local c = lerp(i, xs, colors)
  return c[1], c[2], c[3]
end

local img = bands("B04", "B06", "B07", "B8A", "B12") / 10000
output("bais2", img:execute(bais2, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
