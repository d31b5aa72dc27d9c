-- Any collection: a time, a reduction, three bands, and the scenes one by one.
--   tellua serve scripts/apps/collection_explorer.lua -p source=catalog.json
local source = param("source", "scenes.json", { label = "collection" })
local from = param("from", "", { label = "from (2017, 2017-10, 2017-10-14)" })
local to = param("to", "", { label = "before" })
local cloud = param("cloud", 100, { min = 0, max = 100, label = "clouds at most, percent" })
local clear = param("clear", false, { label = "hide clouds" })
local how = param("how", "median",
  { label = "of several scenes", choices = { "median", "mosaic", "mean", "min", "max", "count" } })
local red = param("red", "", { label = "red" })
local green = param("green", "", { label = "green" })
local blue = param("blue", "", { label = "blue" })
local area = param("area", "", { label = "area (drawn on the map)" })

local c = Collection(source)
if from ~= "" then c = c:filter_date(from, to ~= "" and to or nil) end
if cloud < 100 then c = c:filter_cloud(cloud) end
if area ~= "" then c = c:filter_geometry(area) end
if clear then c = c:mask_clouds() end

-- Nothing said: the first band of the first scene
local bands = {}
for _, name in ipairs { red, green, blue } do if name ~= "" then bands[#bands + 1] = name end end
if #bands == 0 then bands[1] = c[1]:bands()[1] end
c = c:select(table.unpack(bands))

local looks = { stretch = { percent = { 2, 98 } } }
if #bands == 3 then looks.rgb = bands else looks.ramp = "viridis" end
if how == "count" then looks = { ramp = "magma" } end
if area ~= "" then looks.region = area end
output(how, c[how](c), looks)
output("scenes", c, { ramp = #bands < 3 and "viridis" or nil, rgb = #bands == 3 and bands or nil,
  stretch = { percent = { 2, 98 } } })
