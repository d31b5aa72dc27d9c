-- Clouds in white over Landsat 8, by a formula that was found by symbolic regression.
--   tellua run scripts/gallery/clouds_symbolic.lua -p scene="LC08_{band}.TIF"
-- Reflectance is 2e-5 DN - 0.1, the sun's height left out; the formula takes it times 65535,
-- rounded with halves upward.
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local function clouds(B1, B2, B3, B4, B7)
  local b1, b4, b7 = math.floor(65535 * B1 + 0.5), math.floor(65535 * B4 + 0.5),
    math.floor(65535 * B7 + 0.5)
  local u = math.abs(0.028702220187686 * b7 * b1 + 0.971297779812314 * math.sin(b1))
  local f = 2.16246741593412 - 0.796409165054949 * b4 + 0.971776520302587 * math.sqrt(u)
    + 0.0235599298084993 * math.floor(0.995223926146334 * math.sqrt(u) + 0.00477607385366598 * u)
    - 0.180030905136552 * math.cos(b4) + 0.0046635498889134 * u
  if f < b7 then return 2.5 * B4, 2.5 * B3, 2.5 * B2 end
  return 1, 1, 1
end

local img = bands("B1", "B2", "B3", "B4", "B7") * 2e-5 - 0.1
output("clouds", img:execute(clouds, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
