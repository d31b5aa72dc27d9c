-- Open water over a mosaic of clear views: where green is brighter than the near infrared in the
-- median of a season, larger than a few cells.
--   tellua run scripts/surface_water.lua -p scenes=catalog.json [-p limit=0.0]
local source = param("scenes", "catalog.json", { label = "catalogue of Sentinel-2 L2A" })
local limit = param("limit", 0.0, { min = -1.0, max = 1.0, label = "water above" })

local clear = Collection(source):mask_clouds():select("B03", "B04", "B08"):median()
local ndwi = clear:normalized_difference("B03", "B08"):rename("ndwi")
local water = ndwi:gt(limit) & clear.B08:lt(1000) & clear.B03:lt(1200) -- no snow, no cloud

output("water", water:open(1):rename("water"),
  { palette = { { "whitesmoke", "land" }, { "royalblue", "water" } } })
output("ndwi", ndwi, { ramp = "brbg", min = -0.8, max = 0.8 })
