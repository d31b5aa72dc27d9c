-- The vegetation index of Sentinel-2, under clouds one made of Sentinel-1 (VV and VH, linear).
--   tellua run scripts/gallery/ndvi_s1_s2.lua -p scene="S2/{band}.tif" -p radar="S1/{band}.tif"
-- Both sides need a value. Where the index is 0/0 the colour is invalid.
local scene = param("scene", "", { label = "scene" })
local radar = param("radar", "", { label = "Sentinel-1" })

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

local xs = { 0, 0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1 }
local colors = hex { 0xa50026, 0xd73027, 0xf46d43, 0xfdae61, 0xfee08b, 0xffffbf, 0xd9ef8b, 0xa6d96a,
  0x66bd63, 0x1a9850, 0x006837 }

local function ndvi(B04, B08, SCL, VV, VH)
  local L = 10 * math.log(10) -- a factor where a logarithm was meant, as published
  local vv, vh = L * VV, L * VH
  local r = (vh - vv) / (vh + vv)
  local s = 2.572 - 0.05047 * vh + 0.176 * vv + 3.422 * r
  local x = SCL >= 7 and SCL <= 10 and s or nd(B08, B04)
  if x ~= x then return nil end
  local c = step(x, xs, colors)
  return c[1], c[2], c[3]
end

local function s1(name) return Image((radar:gsub("{band}", name))):select(1) end

output("ndvi", bands("B04", "B08", "SCL"):execute(ndvi, s1 "VV", s1 "VH",
  { bands = { "r", "g", "b" } }), { rgb = { "r", "g", "b" }, min = 0, max = 1 })
