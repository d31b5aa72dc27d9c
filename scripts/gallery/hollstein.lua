-- Clouds, cirrus, snow, shadow and water by the decision tree of Hollstein and others.
--   tellua run scripts/gallery/hollstein.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local CLEAR, WATER, SHADOW, CIRRUS, CLOUD, SNOW = 1, 2, 3, 4, 5, 6
local colors = { [WATER] = { 0.1, 0.1, 0.7 }, [CIRRUS] = { 0.8, 0.1, 0.1 },
  [CLOUD] = { 0.3, 0.3, 1 }, [SNOW] = { 1, 0.8, 0.4 } }

local function tree(B01, B02, B03, B05, B06, B07, B8A, B09, B10, B11)
  if B03 < 0.319 then
    if B8A < 0.166 then
      if B03 - B07 < 0.027 then return B09 - B11 < -0.097 and CLEAR or SHADOW end
      return B09 - B11 < 0.021 and WATER or SHADOW
    end
    if B02 / B10 < 14.689 then return B02 / B09 < 0.788 and CLEAR or CIRRUS end
    return CLEAR
  end
  if B05 / B11 < 4.33 then
    if B11 - B10 < 0.255 then return B06 - B07 < -0.016 and CLOUD or CIRRUS end
    return B01 < 0.3 and CLEAR or CLOUD
  end
  if B03 < 0.525 then return B01 / B05 < 1.184 and CLEAR or SHADOW end
  return SNOW
end

local function hollstein(B01, B02, B03, B04, B05, B06, B07, B8A, B09, B10, B11)
  local class = tree(B01, B02, B03, B05, B06, B07, B8A, B09, B10, B11)
  if class == CLEAR or class == SHADOW then return 3 * B04, 3 * B03, 3 * B02 end
  local c = colors[class]
  return c[1], c[2], c[3]
end

local img = bands("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B09", "B10", "B11")
img = img / 10000
output("hollstein", img:execute(hollstein, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
