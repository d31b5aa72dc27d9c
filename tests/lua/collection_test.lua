-- Collections as a script sees them. SPDX-License-Identifier: MIT
-- Run by `tellua run`; the files have no pixels, only bands.
local count = 0

local function ok(good, name, why)
  count = count + 1
  print((good and "ok " or "not ok ") .. count .. " - " .. name)
  if not good and why ~= nil then print("# " .. tostring(why):gsub("\n", "\n# ")) end
end

local function is(got, want, name)
  ok(got == want, name, "got " .. tostring(got) .. ", not " .. tostring(want))
end

-- f raises an error that says all these parts
local function raises(f, parts, name)
  local good, e = pcall(f)
  local text = tostring(e)
  if type(parts) == "string" then parts = { parts } end
  if good then return ok(false, name, "it did not raise") end
  for _, p in ipairs(parts) do
    if not text:find(p, 1, true) then
      return ok(false, name, "'" .. text .. "' does not say '" .. p .. "'")
    end
  end
  ok(text:find("collection_test.lua:", 1, true) ~= nil, name, "'" .. text .. "' has no line")
end

local folder = "tests/data/collection/"
local s2 = Collection(folder .. "sentinel2.json")
local landsat = Collection(folder .. "landsat.json")
local plain = Collection(folder .. "plain.json")

local function ids(c) -- the dates in the names, which tell scenes apart here
  local list = {}
  for scene in c:scenes() do list[#list + 1] = scene.id:match "_(%d%d%d%d%d%d%d%d)_" or scene.id end
  return table.concat(list, " ")
end

-- --- opening

is(#s2, 5, "# counts the scenes")
is(s2:count_images(), 5, "and so does count_images")
is(tostring(s2), "Collection sentinel2.json: 5 scenes, 2017-08-10 to 2023-08-15",
  "tostring says what it is")
raises(function() Collection "no such thing" end, "there is no collection 'no such thing'",
  "a name that is not there is an error")
raises(function() Collection(folder .. "nothing.json") end, "nothing.json",
  "and so is a file that is not there")
raises(function() Collection(folder, { "generic", pattern = "*.tif" }) end,
  "mixes names with numbers as keys", "nothing of a table is dropped")
raises(function() Collection(5) end, "a path, an address or a name, got number",
  "a Collection is opened by a text")
raises(function() Collection(folder .. "plain.json", { profile = "sentinel-2-l2b" }) end,
  { "no sensor profile", "did you mean 'sentinel-2-l2a'?" }, "an unknown profile has a suggestion")
ok(ImageCollection == Collection, "ImageCollection is another name")

-- --- dates

is(ids(s2:filter_date "2017"), "20170810 20171014 20171014", "a year is that year")
is(ids(s2:filter_date "2017-10"), "20171014 20171014", "a month is that month")
is(ids(s2:filter_date "2017-10-14"), "20171014 20171014", "a day is that day")
is(ids(s2:filter_date("2017-08-10", "2017-10-14")), "20170810",
  "the end of an interval does not belong to it")
is(ids(s2:filter_date("2017-10-14T09:50:31Z", "2017-10-14T09:50:32Z")), "20171014",
  "an interval of instants has its begin")
is(ids(s2:filter_date("2017-10-14T11:50:31+02:00", "2017-10-14T11:50:32+02:00")), "20171014",
  "instants may say their offset from UTC")
is(#s2:filter_date("2017-10-14T23:30:00.4", "2017-10-14T23:30:00.6"), 1,
  "fractions of a second count")
is(#s2:filter_day(2017, 10, 14), 2, "filter_day takes three numbers")
is(#s2:filter_day "2017-10-14", 2, "or a date")
is(#s2:filter_day(2017, 8, 10, 2017, 10, 14), 3, "six numbers are both days and those between")
is(#s2:filter_calendar { months = { 8 } }, 3, "filter_calendar takes months of all years")
is(ids(s2:filter_calendar { months = { 8, 9 }, years = 2022 }), "20220810", "and years")
raises(function() s2:filter_date("2018", "2017") end,
  { 'filter_date("2018", "2017")', "2018-01-01T00:00:00Z is not before 2017-01-01T00:00:00Z" },
  "an empty interval is an error")
raises(function() s2:filter_date("2017", "2017") end, "is not before", "as is one of no length")
raises(function() s2:filter_date "2017-13" end, "there is no month 13", "month 13 is refused")
raises(function() s2:filter_date "2017-02-29" end, "2017-02 has 28 days", "February 29 of 2017 too")
is(#s2:filter_date "2016-02-29", 0, "that of 2016 is a day")
raises(function() s2:filter_date "yesterday" end, "'yesterday' is no date", "and what is no date")
raises(function() s2:filter_date(2017) end, "a date is a text", "and a number")
raises(function() s2:filter_day "2017-10" end, "a day is written", "filter_day wants a day")
raises(function() s2:filter_day(2017, 2, 30) end, "has 28 days", "that there is")

-- --- places

is(ids(s2:filter_bbox(15, 44, 16, 45.02)), "20171014", "filter_bbox keeps what the box touches")
is(#s2:filter_bbox { 15, 44, 16, 45.12 }, 5, "a table will do")
is(#s2:filter_bbox(170, -90, -170, 90), 0, "a box may cross 180 degrees")
raises(function() s2:filter_bbox(15, 46, 16, 45) end, "south 46 is above north 45",
  "a box upside down is refused")
raises(function() s2:filter_bbox(15, 45) end, "east is a number", "as is half a box")
raises(function() s2:filter_bbox(500000, 5000000, 500100, 5000100) end, "is not within -180 to 180",
  "and metres")

-- --- properties

is(ids(s2:filter_cloud(5)), "20170810 20220810 20230815", "filter_cloud keeps up to that much")
is(ids(s2:filter("cloudcover", "<", 5)), "20220810 20230815", "properties go by others' names too")
is(ids(s2:filter("eo:cloud_cover", "<=", 5)), ids(s2:filter_cloud(5)), "by the catalogue's too")
is(#s2:filter("platform", "sentinel-2b"), 2, "two arguments are equality")
is(#s2:filter("tile", "in", { "33TWL", "31TCJ" }), 1, "in takes a list")
is(#s2:filter("earthsearch:boa_offset_applied", true), 1, "booleans compare")
is(ids(s2:filter("date", ">=", "2022")), "20220810 20230815",
  "dates compare as spans: from 2022 on")
is(ids(s2:filter("date", ">", "2022")), "20230815", "after 2022")
is(ids(s2:filter(function(s) return s.sun_elevation > 56 end)), "20170810 20220810",
  "a function of the scene decides")
is(ids(s2:filter(function(s) return s.month == 8 and s.year < 2018 end)), "20170810",
  "which has its date's parts")
is(#s2:filter_orbit(79), 4, "filter_orbit takes a number")
is(ids(s2:filter_orbit(122)), "20171014", "also one that only the product's name says")
is(#s2:filter_orbit { direction = "descending" }, 4, "or a direction")
raises(function() s2:filter("cloud", "=>", 5) end, "'=>' is no comparison",
  "an unknown comparison is refused")
raises(function() s2:filter("cloud", "<", {}) end, "with a number, a text or a boolean",
  "a table is no value")
raises(function() s2:filter_cloud(500) end, "0 to 100 per cent", "nor is 500 a percentage")

-- --- order and number

is(ids(s2:sort "cloud"), "20230815 20220810 20170810 20171014 20171014", "sort ascends")
is(ids(s2:sort("cloud", "desc"):limit(1)), "20171014", "or descends; limit takes the first")
is(ids(s2:sort "cloud":sort "tile":limit(2)), "20171014 20230815", "a later sort comes first")
is(ids(s2:limit(2):filter_cloud(5)), "20170810", "what is limited is filtered afterwards")
is(ids(s2:sort "cloud":limit(1, { per = { "tile", "year" } })),
  "20230815 20220810 20170810 20171014", "limit may be that of each tile and year")
raises(function() s2:limit(0) end, "a whole number from 1 on", "limit 0 is refused")
raises(function() s2:sort("cloud", "down") end, '"asc" or "desc"', "so is a strange order")

-- --- immutable, lazy, and loud

local one = s2:filter_cloud(5)
ok(#s2 == 5 and #one == 3, "a filter changes nothing")
raises(function() s2:filter_date("2019"):filter_cloud(5):median() end,
  { "median: there is no scene", "sentinel2.json has 5", 'filter_date("2019") left 0' },
  "an error says which filter left nothing")
raises(function() return s2:filter_cloud(5):filter_date("2021")[1] end,
  { "filter_cloud(5) left 3", 'filter_date("2021") left 0' }, "with what each left")
raises(function() return s2[0] end, "did you mean 1, the first?", "scenes count from 1")
raises(function() return s2[6] end, "scenes count from 1 to 5", "to as many as there are")
raises(function() s2:filter_dates "2017" end, "did you mean 'filter_date'?",
  "a method's name has a suggestion")
raises(function() s2:hillshade() end, "has no method 'hillshade'", "or none")
raises(function() s2:sqrt() end, "Images have it: c:map(", "Images' methods go through map")
raises(function() s2.x = 1 end, "never changed", "a Collection cannot be written to")
raises(function() return s2 + 1 end, "many Images", "nor calculated with")
raises(function() return pairs(s2) end, "c:scenes()", "pairs says scenes")
raises(function() s2.filter_date "2017" end, "needs a Collection", "a dot for a colon is said")

-- --- bands and profiles

local function bands(img) return tostring(img) end
is(bands(s2[1]), "Image: B02 uint16, B04 uint16, B08 uint16, SCL uint8",
  "a scene has its sensor's bands, no metadata and thumbnails")
is(bands(s2:select("B08", "B04")[1]), "Image: B08 uint16, B04 uint16", "select takes their names")
is(bands(s2:select("nir", "red")[1]), "Image: nir uint16, red uint16",
  "or common ones, which they then have")
is(bands(landsat:select("red", "nir")[2]), "Image: red uint16, nir uint16", "of every sensor")
is(bands(landsat[1]), "Image: SR_B4 uint16, SR_B5 uint16, QA_PIXEL uint16", "Landsat 8 has its own")
is(bands(landsat[2]), "Image: SR_B3 uint16, SR_B4 uint16, QA_PIXEL uint16", "Landsat 7 too")
is(bands(plain[1]), "Image: height_B04 uint16, height_B08 uint16, height_SCL uint8, "
  .. "height_height float32, mask uint8", "anything else goes by its own names")
is(bands(plain:select("mask")[1]), "Image: mask uint8", "and is opened when it is asked for")
raises(function() s2:select("B4"):median() end,
  { "scene S2A_33TWM_20170810_0_L2A has no band 'B4'", "did you mean 'B04'?" },
  "a band that a scene has not is an error that names the scene")
raises(function() s2:select() end, "at least one band", "select wants a band")
raises(function() s2:band(0) end, "bands count from 1", "band 0 is refused")
is(bands(s2:band(2):median()), "Image: B04 float32", "bands count from 1")

local function range(img) local b = img:info()[1] return b.min .. ".." .. b.max end
is(range(s2:filter_date("2017"):band("B04"):max()), "0..65535", "old numbers stay")
is(range(s2:filter_date("2022"):band("B04"):max()), "0..64535",
  "those of baseline 04.00 lose the offset once")
is(range(s2:filter_date("2023"):band("B04"):max()), "0..65535",
  "but not when it is applied already")
is(range(s2:filter_date("2022"):raw():band("B04"):max()), "0..65535", "raw undoes it")
is(range(s2:filter_date("2022"):raw():harmonize():band("B04"):max()), "0..64535",
  "harmonize does it again")
is(bands(s2:reflectance():band("B04"):max()), "Image: B04 float32", "reflectance is a float")
is(range(s2:filter_date("2022"):band("SCL"):max()), "0..255", "classes have no offset")
raises(function() s2:map(function(i) return i end):reflectance() end, "comes before map",
  "reflectance comes before map")

-- --- masks

is(bands(s2:mask_clouds():band("B04"):median()), "Image: B04 float32", "clouds are masked")
is(bands(s2:band("B04"):mask_clouds():median()), "Image: B04 float32",
  "also where the band of the mask is not selected")
is(bands(landsat:band("red"):mask_clouds { snow = true }:median()), "Image: red float32",
  "by bits likewise")
raises(function() s2:mask_clouds { fog = true }:median() end, "not 'fog'", "it knows its words")
raises(function() plain:mask_clouds():median() end, "says nothing of clouds", "or says it cannot")
raises(function() s2:mask_clouds { probability = 40 }:median() end, "no band 'CLD'",
  "a probability that is not there is an error")

-- --- map

local runs = 0
local mapped = s2:filter_date("2017"):map(function(img) runs = runs + 1 return img.B04 * 2 end)
is(runs, 0, "map is lazy")
is(bands(mapped:max()), "Image: B04 uint32", "a mapped Image has its type")
is(runs, 1, "scenes that are alike share one call")
runs = 0
s2:map(function(img) runs = runs + 1 return img.B04 end):max()
is(runs, 2, "another offset is another kind")
local seen = {}
s2:map(function(img, s) seen[#seen + 1] = s.date return img.B04 * s.sun_elevation end):mean()
is(table.concat(seen, " "), "2017-08-10 2017-10-14 2017-10-14 2022-08-10 2023-08-15",
  "what looks at the scene is called for each")
local function lit(B04, sun) return B04 / sun end
is(bands(s2:map(function(img, s) return img:execute(lit, { sun = s.sun_elevation }) end):mean()),
  "Image: B1 float32", "a scene's parameters reach functions")
raises(function() s2:map(function() end):mean() end,
  { "scene S2A_33TWM_20170810_0_L2A", "returns an Image, not nothing" },
  "a function without result is an error of that scene")
raises(function() s2:map(function(img) return img.B99 end):mean() end,
  { "scene S2A_33TWM_20170810_0_L2A", "'B99'" }, "so is one that raises")
local wrong_type = s2:map(function(img) return img.B04 end):rescale("a", 1)
raises(function() wrong_type:mean() end, { "rescale at tests/lua/collection_test.lua:",
  "must be a number, got a" }, "an error says where the method was called")
is(bands(s2:select("B04", "B08"):normalized_difference("B08", "B04"):mean()), "Image: nd float32",
  "some methods of Images go over the scenes by name")
is(bands(s2:select("B04", "B08"):rename("a", "b"):mask_lt(5):max()), "Image: a uint16, b uint16",
  "rename and masks too")

-- --- reducers

for _, name in ipairs { "mosaic", "first", "last", "min", "max", "medoid", "mode" } do
  is(bands(s2[name](s2, "B04")), "Image: B04 uint16", name .. " hands on a value")
end
is(bands(s2:mean("B04", "B08")), "Image: B04 float32, B08 float32", "mean takes bands")
is(bands(s2:median { "B04", min_count = 2 }), "Image: B04 float32", "and options")
is(bands(s2:percentile(90, "B04")), "Image: B04 float32", "percentile takes a number")
is(bands(s2:stddev("B04", { ddof = 1 })), "Image: B04 float32", "stddev takes ddof")
is(bands(s2:reduce("percentile", 10, "B04")), "Image: B04 float32", "reduce takes a name")
is(bands(s2:quality_mosaic("B08", "B04", "B08")), "Image: B04 uint16, B08 uint16",
  "quality_mosaic takes a band that says how good")
is(bands(s2:limit(2):stack("B04")), "Image: t1_B04 uint16, t2_B04 uint16", "stack keeps all")
local function ends(values) return values[#values] - values[1] end
is(bands(s2:reduce(ends, "B04", "B08")), "Image: B04 float32, B08 float32",
  "reduce takes a function")
local function wrong(values) return values.x.y end
raises(function() s2:reduce(wrong, "B04") end, "attempt to index a nil value (field 'y')",
  "what is wrong in it is said")
raises(function() s2:reduce(ends, "B04", { valid = "all" }) end, '"any" or "strict"',
  "its options are checked")
raises(function() s2:reduce "average" end, "no reducer average", "an unknown reducer is refused")
raises(function() s2:percentile(101) end, "from 0 to 100", "percentile 101 is refused")
raises(function() s2:median { min_count = 0 } end, "from 1 on", "min_count 0 too")
raises(function() s2:median { mincount = 2 } end, "no option 'mincount'", "and unknown options")
raises(function() s2:median { on_error = "ignore" } end, '"fail" or "skip"', "and unknown cares")

-- --- groups

local by_month = s2:select("B04"):group_by("month"):median()
is(tostring(by_month), "Collection median by month of sentinel2.json: 4 scenes, 2017-08-01 to "
  .. "2023-08-01", "groups give a Collection")
is(table.concat(by_month:ids(), " "), "2017-08 2017-10 2022-08 2023-08", "called by their spans")
is(bands(by_month[2]), "Image: B04 float32", "of Images")
is(bands(by_month:max()), "Image: B04 float32", "that reduce again")
is(#by_month:filter_date "2017", 2, "and filter")
is(bands(by_month:median()), "Image: B04 float32", "by a median too")
is(#s2:group_by("day"):first("B04"), 4, "a day is one of UTC")
is(#s2:group_by("solar_day"):first("B04"), 5, "a solar day one of the place")
is(table.concat(s2:group_by("dekad"):first("B04"):ids(), " "),
  "2017-08-01 2017-10-11 2022-08-01 2023-08-11", "dekads begin on the 1st, 11th and 21st")
is(table.concat(s2:group_by("season"):first("B04"):ids(), " "),
  "2017-JJA 2017-SON 2022-JJA 2023-JJA", "seasons have their months' letters")
is(table.concat(s2:group_by("orbit"):first("B04"):ids(), " "), "79 122", "orbits their number")
is(#s2:group_by("tile"):first("B04"), 2, "a property its value")
local sizes = {}
for key, sub in s2:group_by("year"):groups() do sizes[#sizes + 1] = key .. "=" .. #sub end
is(table.concat(sizes, " "), "2017=3 2022=1 2023=1", "groups are Collections themselves")
is(#s2:group_by("year"):map(function(sub) return sub:median("B04") - sub:min("B04") end), 3,
  "map over groups")
raises(function() by_month:medoid() end, "there for scenes", "what Images cannot is said")
raises(function() s2:group_by("sun"):first() end, "has no 'sun'", "a group needs a property")

-- --- merging

local both = s2:select("red", "nir"):merge(landsat:select("red", "nir"))
is(#both, 7, "merge has the scenes of both")
is(ids(both:filter_date "2017-10"), "20171014 20171014 20171015 20171016", "by date")
is(bands(both:median()), "Image: red float32, nir float32", "and reduces them together")
is(#both:filter_cloud(5), 3, "filters reach both")
is(#both:sort("cloud"):limit(3), 3, "order and number go over all")
raises(function() s2:merge(landsat):median() end, { "no band in common", "select or rename" },
  "without a common band there is nothing")
raises(function() s2:merge(5) end, "not a Collection", "only Collections merge")

-- --- Images with dates

local red = Image "tests/data/red.vrt"
local made = Collection { images = { { image = red, date = "2017-10-14" },
  { image = red + 1, date = "2017-10-15" } } }
is(#made:filter_day "2017-10-14", 1, "a Collection of Images filters by date")
for _, name in ipairs { "first", "last", "min", "max", "sum", "mean", "stddev", "count", "median",
  "mosaic" } do
  is(#made[name](made), 1, name .. " of Images")
end
is(table.concat(Collection { images = { red, red },
  dates = { "2016-12-31T23:59:59.9997Z", "1969-12-31T23:59:59.25Z" } }:dates(), " "),
  "2017-01-01T00:00:00Z 1969-12-31T23:59:59.250Z", "times are rounded to whole milliseconds")
raises(function() Collection { images = { 1 } } end, "number 1 is no Image", "Images only")

-- --- scenes

local keys = {}
for k in pairs((s2:scenes())()) do keys[#keys + 1] = k end
ok(#keys > 8, "pairs goes over a scene's properties", #keys)
raises(function() (s2:scenes())().id = "x" end, "never changed", "a scene is read only")

-- --- other names

local jeo = s2:filterOnDay(2017, 10, 14):filterOn("cloudcover", "<", 50)
is(#jeo, 1, "JEO-lab's filters are there")
is(#s2:filterOnDate(2017, 8, 10, 2017, 10, 14), 3, "filterOnDate has its last day")
is(#s2:filterOnRect(15, 45.02, 16, 44), 1, "filterOnRect takes any two corners")
is(bands(jeo:process():band("B04"):maskLT(800):colorCustom { "red", "yellow" }),
  "Image: B04 uint16", "as are its chains")
is(bands(jeo:processMulti { "B04", "B08" }:math("+", 1)), "Image: B04 uint32, B08 uint32",
  "processMulti and math")
raises(function() jeo:process():band(0) end, "did you mean 1", "band(0) raises through them")
raises(function() jeo:bands(0) end, "bands count from 1", "bands(0) too")
raises(function() jeo:process():bands(0) end, "bands count from 1", "of Images as well")
raises(function() red:math("?", 1) end, "'?' is none of", "math knows its signs")
is(bands(s2:filterDate("2017", "2018"):filterBounds({ 15, 44, 16, 46 })
  :select { "B04", "B08" }:qualityMosaic("B08"):normalizedDifference { "B08", "B04" }),
  "Image: nd float32", "Earth Engine's chains are there")
is(#s2:filterMetadata("cloud", "less_than", 5), 2, "filterMetadata has its words")

print("1.." .. count)
output("x", red)
