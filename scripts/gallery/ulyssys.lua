-- Water quality: chlorophyll in five colours under sediment in brown, natural colour on land.
-- The formulas are chosen by name when the script runs, before the function is compiled.
--   tellua run scripts/gallery/ulyssys.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })
local chlorophyll = param("chlorophyll", "mci", { choices = { "mci", "flh" } })
local sediment = param("sediment", "B05", { choices = { "B05", "B04" } })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local k = 0.035 / 0.075
local formulas = {
  mci = function(B04, B05, B06) return B05 - k * B04 - (1 - k) * B06 end,
  flh = function(B04, B05, B06) return B05 - (B04 + B06) / 2 end,
  B05 = function(B04, B05) return B05 end,
  B04 = function(B04, B05) return B04 end,
}
local m, M = -0.005, 0.05
local xs = { m, m + (M - m) * (1 / 3), m + (M - m) * (1 / 2), m + (M - m) * (2 / 3), M }
local colors = { { 0.0034, 0.0142, 0.163 }, { 0, 0.416, 0.306 }, { 0.486, 0.98, 0 },
  { 0.9465, 0.8431, 0.1048 }, { 1, 0, 0 } }
local browns = { { 0.961, 0.871, 0.702 }, { 0.396, 0.263, 0.129 } }

local function is_water(B03, B07, B08, B8A, B09, B11)
  if nd(B03, B08) < 0 then return false end
  return B03 < 0.319 and B8A < 0.166 and B03 - B07 >= 0.027 and B09 - B11 < 0.021
end

local function opacity(t)
  if t > 0.13 then return 100 elseif t <= 0.075 then return 0 end
  return 100 * (t - 0.0375) / 0.11
end

local function blend(top, bottom, alpha)
  local c = {}
  for i = 1, 3 do c[i] = top[i] * alpha / 100 + bottom[i] * (100 - alpha) / 100 end
  return c
end

local function quality(B02, B03, B04, B05, B06, B07, B08, B8A, B09, B11)
  if not is_water(B03, B07, B08, B8A, B09, B11) then return 2.5 * B04, 2.5 * B03, 2.5 * B02 end
  local t = formulas[sediment](B04, B05)
  local C = lerp(formulas[chlorophyll](B04, B05, B06), xs, colors)
  local T = lerp(t, { 0.075, 0.185 }, browns)
  local c = blend(T, C, opacity(t))
  return c[1], c[2], c[3]
end

local img = bands("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11") / 10000
output("quality", img:execute(quality, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
