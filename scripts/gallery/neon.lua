-- A loud composite of blue, green and the difference of short-wave infrared and red.
-- dataMask is where the scene has values; elsewhere the result is invalid, whatever it says.
--   tellua run scripts/gallery/neon.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })
local gain = param("gain", 2.3)
local base = param("base", -0.95)

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local function neon(B02, B03, B04, B12, dataMask, g, k)
  return g * 3 * (B12 - B04) + k, g * 2.5 * B03 + k, g * 4.2 * B02 + k, dataMask
end

local img = bands("B02", "B03", "B04", "B12") / 10000
output("neon", img:execute(neon, img.B04:isvalid(), gain, base,
  { bands = { "r", "g", "b", "alpha" } }), { rgb = { "r", "g", "b" }, min = 0, max = 1 })
