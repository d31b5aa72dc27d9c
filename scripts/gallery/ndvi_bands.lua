-- The vegetation index beside the two bands that make it.
--   tellua run scripts/gallery/ndvi_bands.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local img = bands("B04", "B08") / 10000
local function both(B04, B08)
  return { ndvi = nd(B08, B04), nir = 2 * B08, red = 2 * B04 }
end

output("ndvi_bands", img:execute(both, { on_error = "fail" }),
  { rgb = { "ndvi", "nir", "red" }, min = 0, max = 1 })
