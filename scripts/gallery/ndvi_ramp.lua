-- The vegetation index in 21 colours, blended. Where it is 0/0 the colour is invalid.
-- dataMask is where the scene has values; elsewhere the result is invalid, whatever it says.
--   tellua run scripts/gallery/ndvi_ramp.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local function hex(list) -- 0xRRGGBB
  local colors = {}
  for i, c in ipairs(list) do
    colors[i] = { (c >> 16) / 255, (c >> 8 & 255) / 255, (c & 255) / 255 }
  end
  return colors
end

local xs = { -0.5, -0.2, -0.1, 0, 0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.175, 0.2, 0.25, 0.3, 0.35,
  0.4, 0.45, 0.5, 0.55, 0.6, 1 }
local colors = hex { 0x0c0c0c, 0xbfbfbf, 0xdbdbdb, 0xeaeaea, 0xfff9cc, 0xede8b5, 0xddd89b, 0xccc682,
  0xbcb76b, 0xafc160, 0xa3cc59, 0x91bf51, 0x7fb247, 0x70a33f, 0x609635, 0x4f892d, 0x3f7c23,
  0x306d1c, 0x216011, 0x0f540a, 0x004400 }

local function ramp(B04, B08, dataMask)
  local c = lerp(nd(B08, B04), xs, colors)
  return c[1], c[2], c[3], dataMask
end

local img = bands("B04", "B08") / 10000
output("ndvi", img:execute(ramp, img.B04:isvalid(),
  { bands = { "r", "g", "b", "alpha" } }), { rgb = { "r", "g", "b" }, min = 0, max = 1 })
