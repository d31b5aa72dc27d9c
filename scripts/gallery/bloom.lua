-- Algae by the higher of two peak heights, from blue to red; natural colour on land.
-- The highlight compression and the ramp are this project's: see hc, and blue to red in a line.
--   tellua run scripts/gallery/bloom.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local function wbi(r, g, b, n, s1, s2)
  local mndwi, ndwi, lw, ndvi = nd(g, s1), nd(g, n), nd(n, s1), nd(n, r)
  local sh = b + 2.5 * g - 1.5 * (n + s1) - 0.25 * s2
  local ns = 4 * (g - s1) - (0.25 * n + 2.75 * s1)
  local dbsi = nd(s1, g) - ndvi
  if ns <= -0.03 or dbsi > 0 then return false end
  return mndwi > 0.42 or ndwi > 0.4 or ns > 0.1879 or sh > 0.1112 or ndvi < -0.2 or lw > 1
end

local function hc(x, lo, hi) -- highlights compressed to 0.92 .. 1
  local t = (x - lo) / (hi - lo)
  return clamp(t <= 1 and 0.92 * t or 0.92 + 0.08 * (t - 1), 0, 1)
end

local ramp = { { 0, 0, 1 }, { 1, 0, 0 } }

local function bloom(B02, B03, B04, B05, B06, B08, B11, B12)
  if not wbi(B04, B03, B02, B08, B11, B12) then return 3 * B04, 3 * B03, 3 * B02 end
  local mci = B05 - B04 - (B06 - B04) * (705 - 665) / (740 - 665)
  local fai = B06 - B04 - (B08 - B04) * (740 - 665) / (842 - 665)
  local c = lerp(hc(math.max(mci, fai), 0, 0.05), { 0, 1 }, ramp)
  return c[1], c[2], c[3]
end

local img = bands("B02", "B03", "B04", "B05", "B06", "B08", "B11", "B12") / 10000
output("bloom", img:execute(bloom, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
