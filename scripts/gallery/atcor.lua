-- Natural colour without haze: a contrast curve, more saturation, sRGB.
--   tellua run scripts/gallery/atcor.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local most, tx, ty, saturation = 3.1, 0.2, 0.4, 1.3

local function clear(x, c) return (x - c) / (1 - c) ^ 2 end

local function curve(a)
  local ar, t = a / most, tx / most
  local b = (2 * t - 1) * ar - t
  return ar * (1 + (t - ty) * (1 - ar) / b)
end

local function srgb(c)
  return c < 0.0031308 and 12.92 * c or 1.055 * c ^ 0.41666 - 0.055
end

local function atcor(B02, B03, B04)
  local haze = 0.036
  local r = curve(clear(B04, haze * 1))
  local g = curve(clear(B03, haze * 2))
  local b = curve(clear(B02, haze * 3.25))
  local mean = (r + g + b) / 3
  local function saturate(y) return mean * (1 - saturation) + saturation * y end
  return srgb(saturate(r)), srgb(saturate(g)), srgb(saturate(b))
end

local img = bands("B02", "B03", "B04") / 10000
output("atcor", img:execute(atcor, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
