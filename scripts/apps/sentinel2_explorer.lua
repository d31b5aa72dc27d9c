-- Sentinel-2: cloud-free composites of a period, in colours or as an index with a threshold.
--   tellua serve scripts/apps/sentinel2_explorer.lua -p source=catalog.json
local source = param("source", "scenes.json", { label = "collection" })
local from = param("from", "", { label = "from (2017, 2017-10, 2017-10-14)" })
local to = param("to", "", { label = "before" })
local cloud = param("cloud", 100, { min = 0, max = 100, label = "clouds at most, percent" })
local clear = param("clear", true, { label = "hide clouds" })
local how = param("how", "median",
  { label = "of several scenes", choices = { "median", "mosaic", "max", "min" } })
local colours = param("colours", "natural",
  { label = "picture", choices = { "natural", "false colour", "red only" } })
local index = param("index", "NDVI",
  { label = "index", choices = { "NDVI", "NDWI", "NDMI", "NBR" } })
local least = param("least", 0.3, { min = -1.0, max = 1.0, label = "threshold of the index" })

local pairs_of = { NDVI = { "B08", "B04" }, NDWI = { "B03", "B08" }, NDMI = { "B08", "B11" },
  NBR = { "B08", "B12" } }
local three = { natural = { "B04", "B03", "B02" }, ["false colour"] = { "B08", "B04", "B03" },
  ["red only"] = { "B04", "B04", "B04" } }

local c = Collection(source)
if from ~= "" then c = c:filter_date(from, to ~= "" and to or nil) end
if cloud < 100 then c = c:filter_cloud(cloud) end
if clear then c = c:mask_clouds() end

local function reduced(names)
  local once, seen = {}, {}
  for _, name in ipairs(names) do
    if not seen[name] then once[#once + 1], seen[name] = name, true end
  end
  local chosen = c:select(table.unpack(once))
  return chosen[how](chosen)
end

local rgb = three[colours]
output(colours, reduced(rgb), { rgb = rgb, stretch = { percent = { 2, 98 } } })
local two = pairs_of[index]
local value = reduced(two):normalized_difference(two[1], two[2]):rename(index)
output(index, value, { ramp = "rdylgn", min = -0.2, max = 0.9 })
output("above the threshold", value:ge(least):self_mask(), { palette = { "#e0218a" } })
