-- Natural colour without haze, tone-mapped like film in the ACES colour space.
--   tellua run scripts/gallery/tonemapped.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local to_aces = { { 0.439701, 0.382978, 0.177335 }, { 0.0897923, 0.813423, 0.0967616 },
  { 0.017544, 0.111544, 0.870704 } }
local from_aces = { { 2.52169, -1.13413, -0.38756 }, { -0.27648, 1.37272, -0.09624 },
  { -0.01538, -0.15298, 1.16835 } }
local haze = { 0.025 * 1, 0.025 * 2, 0.025 * 3.25 }
local balance = { 1, 0.939, 0.779 }

local function times(m, v)
  local r = {}
  for i = 1, 3 do r[i] = m[i][1] * v[1] + m[i][2] * v[2] + m[i][3] * v[3] end
  return r
end

local function map(v, f)
  local r = {}
  for i, x in ipairs(v) do r[i] = f(x) end
  return r
end

local function film(x)
  return ((x * (0.15 * x + 0.05) + 0.004) / (x * (0.15 * x + 0.5) + 0.06)) - 0.02 / 0.30
end

local function srgb(c)
  return c < 0.0031308 and 12.92 * c or 1.055 * c ^ 0.41666 - 0.055
end

local function tonemap(B02, B03, B04)
  local c = { B04, B03, B02 }
  for i = 1, 3 do c[i] = (c[i] - haze[i]) / (1 - haze[i]) ^ 2 * balance[i] * 1.5 end
  local luma = 0.2126 * c[1] + 0.7152 * c[2] + 0.0722 * c[3]
  c = map(c, function(x) return math.max(luma + 2 * (x - luma), 0) end)
  c = map(times(to_aces, c), function(x) return film(x) / film(2.5) end)
  c = map(times(from_aces, c), srgb)
  return c[1], c[2], c[3]
end

local img = bands("B02", "B03", "B04") / 10000
output("tonemapped", img:execute(tonemap, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
