-- Clouds after Cohen, Braaten and Yang: dense ones bluish, thin ones reddish.
--   tellua run scripts/gallery/cby_clouds.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local function clouds(B02, B03, B04)
  local r, n = (B02 - 0.175) / 0.215, nd(B02, B03)
  local c4, c3, c2 = clamp(B04, 0, 1), clamp(B03, 0, 1), clamp(B02, 0, 1)
  if r > 1 then return 0.5 * c4, 0.5 * c3, 0.5 * c2 + 0.5 * (r - 1) end
  if r > 0 and n > 0 then return 0.5 * c4 + 5 * math.sqrt(r * n), 0.5 * c3, 0.5 * c2 end
  return 2.5 * B04, 2.5 * B03, 2.5 * B02
end

local img = bands("B02", "B03", "B04") / 10000
output("clouds", img:execute(clouds, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
