-- A field's greenness month by month: NDVI of clear views, their median of each month, and its
-- mean, lower and upper decile within a field. The greenest month as a picture.
--   tellua run scripts/crop_series.lua -p s2=S2_L2A_10m.nc -p classes=S2_L2A_20m.nc
-- Both files have the same dates: B04 and B08 at 10 m, the scene classes SCL at 20 m.
local s2 = param("s2", "", { label = "bands, by date" })
local classes = param("classes", "", { label = "scene classes, by date" })
local lon = param("lon", 0.0, { label = "a point within the field; 0: all of the files" })
local lat = param("lat", 0.0)

local bands, scl = Collection(s2):select("B04", "B08"), Collection(classes):select("SCL")
local images, dates = {}, scl:dates()
for i = 1, #scl do
  local view, class = bands[i], scl[i]
  local clear = class:between(4, 7) -- vegetation, soil, water, unclassified
  images[i] = view:normalized_difference("B08", "B04"):keep(clear):rename("ndvi")
end

local months = Collection { images = images, dates = dates }:group_by("month"):median()
local rows, best = {}, nil
for scene, i in months:scenes() do
  local r
  if lon ~= 0 then r = months[i]:sample { points = { lon, lat } }[1]
  else
    r = months[i]:zonal { zones = { -180, -80, 180, 84 }, stats = { "mean", "p10", "p90" } }[1]
  end
  rows[i] = { month = scene.id, mean = r.mean or r.ndvi, p10 = r.p10, p90 = r.p90,
    views = scene.count }
  if rows[i].mean and (not best or rows[i].mean > rows[best].mean) then best = i end
end
output("series", rows)
output("greenest", months[best], { ramp = "ylgn", min = 0, max = 1 })
