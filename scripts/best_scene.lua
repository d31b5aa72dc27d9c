-- The scene with the fewest clouds over a place, by its own classes, not by the share of the whole
-- tile: a table of all dates, and the best one as a picture.
--   tellua run scripts/best_scene.lua -p scenes=catalog.json -p west=15.2 -p south=46.3
--     -p east=15.6 -p north=46.6
local source = param("scenes", "catalog.json", { label = "catalogue of Sentinel-2 L2A" })
local west = param("west", 15.2, { min = -180.0, max = 180.0 })
local south = param("south", 46.3, { min = -90.0, max = 90.0 })
local east = param("east", 15.6, { min = -180.0, max = 180.0 })
local north = param("north", 46.6, { min = -90.0, max = 90.0 })

local place = { west, south, east, north }
local c = Collection(source):filter_bbox(west, south, east, north)

-- Per cent of the place's cells that are cloud, cirrus or shadow; those without data count too.
local days = c:select("SCL"):group_by("day"):mosaic()
local rows, best = {}, nil
for scene, i in days:scenes() do
  local cloudy = days[i]:execute(function(SCL)
    return (SCL == 3 or SCL >= 8 and SCL <= 10) and 100 or 0
  end, { bands = { "cloudy" } })
  local r = cloudy:unmask(100):zonal { zones = place, stats = { "mean" } }[1]
  rows[i] = { date = scene.date, cloudy = r.mean }
  if not best or r.mean < rows[best].cloudy then best = i end
end
table.sort(rows, function(a, b) return a.cloudy < b.cloudy end)
print(string.format("%s has the fewest clouds: %.2f %%", rows[1].date, rows[1].cloudy))

output("clouds", rows)
output("best", c:filter_day(rows[1].date):select("B04", "B03", "B02"):mosaic(),
  { region = place, rgb = { "B04", "B03", "B02" }, min = 0, max = 2500 })
