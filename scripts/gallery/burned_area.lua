-- Burnt areas in red over natural colour.
--   tellua run scripts/gallery/burned_area.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })
local limit = param("limit", 0.15, { choices = { 0.15, 0.1 }, label = "0.15 for L1C, 0.1 for L2A" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local function burned(B02, B03, B04, B08, B11, B12)
  local x = nd(B11, B12) + B08
  if x > limit or nd(B08, B04) > 0.3 or nd(B03, B08) > 0.1 then
    return 2.5 * B04, 2.5 * B03, 2.5 * B02
  else
    return 1, 0, 0
  end
  if x > 0 then -- never reached, and kept as published
    return B12, B11, B08
  end
end

local img = bands("B02", "B03", "B04", "B08", "B11", "B12") / 10000
output("burned", img:execute(burned, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
