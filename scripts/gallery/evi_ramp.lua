-- The enhanced vegetation index in diverging colours.
--   tellua run scripts/gallery/evi_ramp.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local xs = { -8.026, -8.026, 0, 7.804 }
local colors = { { 1, 1, 1 }, { 208 / 255, 88 / 255, 126 / 255 }, { 0, 147 / 255, 146 / 255 },
  { 241 / 255, 234 / 255, 200 / 255 } }

local function evi(B02, B04, B08)
  local e = 2.5 * (B08 - B04) / (B08 + 6 * B04 - 7.5 * B02 + 1)
  return table.unpack(lerp(e, xs, colors))
end

local img = bands("B02", "B04", "B08") / 10000
output("evi", img:execute(evi, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
