-- Fires over natural colour, with the settings of the published example; those that are constant
-- are folded when the function is compiled. Its burn-scar variant is not here.
--   tellua run scripts/gallery/markuse_fire.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })
local share = param("natural", 100, { min = 0, max = 100, label = "share of natural colour, %" })
local saturation = param("saturation", 1.0, { min = 0.0, max = 4.0 })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local settings = { low = 0, high = 1, fire = { 0.01, 0.99 } }

local function stretch(v, lo, hi) return (v - lo) / (hi - lo) end

local function saturate(r, g, b)
  if saturation == 1 then return r, g, b end
  local gray = (r + g + b) / 3
  return gray * (1 - saturation) + r * saturation, gray * (1 - saturation) + g * saturation,
    gray * (1 - saturation) + b * saturation
end

local function blend(natural, infrared)
  return stretch((natural * share + infrared * (100 - share)) / 100, settings.low, settings.high)
end

local function fires(B02, B03, B04, B05, B08, B8A, B11, B12)
  local function st(v) return stretch(v, settings.fire[1], settings.fire[2]) end
  local function fire(o)
    return st(2.1 * B04 + 0.5 * B12) + 1.1, st(2.2 * B03 + 0.5 * B08) + o, st(2.1 * B02)
  end
  local s = B11 + B12
  if s > 2 then return fire(0.5) end
  if s > 1.5 then return fire(0.25) end
  if s > 1 then return fire(0) end
  return saturate(blend(2.9 * B04, 2.4 * B12), blend(3.1 * B03, 1.7 * B8A),
    blend(3.0 * B02, 2.2 * B05))
end

local img = bands("B02", "B03", "B04", "B05", "B08", "B8A", "B11", "B12") / 10000
output("fires", img:execute(fires, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
