-- How images look. Run by tests/c/looks_test.c, which gives raster, cells, shown and shown_legend.
-- SPDX-License-Identifier: MIT
-- luacheck: globals raster cells shown shown_legend
local count, failed = 0, 0

local function text(x)
  if type(x) ~= "table" then
    return math.type(x) == "float" and x == x // 1 and ("%.0f"):format(x) or tostring(x)
  end
  local keys, parts = {}, {}
  for k in pairs(x) do keys[#keys + 1] = k end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, k in ipairs(keys) do
    parts[i] = (math.type(k) and "" or k .. "=") .. text(x[k])
  end
  return "{" .. table.concat(parts, " ") .. "}"
end

local function test(sentence, fn)
  local good, why = pcall(fn)
  count = count + 1
  if not good then failed = failed + 1 end
  print((good and "ok " or "not ok ") .. count .. " - " .. sentence)
  if not good then print("# " .. tostring(why)) end
end

local function eq(got, wanted)
  if text(got) ~= text(wanted) then error("got " .. text(got) .. ", wanted " .. text(wanted), 2) end
end

local function raises(pattern, fn)
  local good, e = pcall(fn)
  if good then error("nothing was raised; wanted " .. pattern, 2) end
  local s = tostring(e)
  if not s:find(pattern, 1, true) then error("got '" .. s .. "', wanted " .. pattern, 2) end
  if not s:find "looks_cases%.lua:%d+" then error("no line of the script in '" .. s .. "'", 2) end
end

-- The picture as one word per pixel, "rrggbb" or "-"
local function colors_of(c)
  local list = {}
  for i, red in ipairs(c[1]) do
    local green, blue = c[2][i], c[3][i]
    local seen = red and green and blue
    list[i] = seen and ("%02x%02x%02x"):format(red // 1, green // 1, blue // 1) or "-"
  end
  return table.concat(list, " ")
end

local function picture(img, looks)
  local v = img:visualize(looks)
  eq(v:bands(), { "red", "green", "blue" })
  for _, b in ipairs(v:info()) do eq(b.dtype, "uint8") end
  return colors_of(cells(v))
end

local five = raster("Int16", { { 0, 50, 100, -5, 200, -9 } })
local all = {}
for i = 0, 100 do all[i + 1] = i end
local hundred = raster("Float32", { all })
local three = raster("UInt16", { { 0, 255, 64 }, { 255, 0, 64 }, { 10, 20, 64 } })
three = three:rename("r", "g", "b")

test("colours run from min to max, values beyond take the ends, invalid stays invalid", function()
  local grey, rainbow = { "black", "#fff" }, { "red", "yellow", "lime" }
  eq(picture(five:palette(grey):scale(0, 100)), "000000 808080 ffffff 000000 ffffff -")
  eq(picture(five:colors(rainbow):scale(0, 100)), "ff0000 feff00 00ff00 ff0000 00ff00 -")
  eq(picture(five, { colors = grey, min = 0, max = 100 }), "000000 808080 ffffff 000000 ffffff -")
end)

test("reverse turns the colours round", function()
  local grey = { "black", "white" }
  eq(picture(five, { palette = grey, min = 0, max = 100, reverse = true }),
    "ffffff 7f7f7f 000000 ffffff 000000 -")
  local byte = raster("Byte", { { 0, 129, 255 } })
  local up, down = "440154 20928c fde725", "fde725 218f8c 440154"
  eq(picture(byte:ramp("viridis", { min = 0, max = 255 })), up)
  eq(picture(byte:ramp("viridis", { min = 0, max = 255, reverse = true })), down)
  eq(picture(byte:ramp("Viridis_r", { min = 0, max = 255 })), down)
  eq(picture(byte:ramp("viridis_r", { min = 0, max = 255, reverse = true })), up)
end)

test("colours at places need no other limits", function()
  local c = five:palette { { -100, "blue" }, { 0, "white" }, { 100, "red" } }
  eq(picture(c), "fffefe ff8080 ff0000 f2f2ff ff0000 -")
  eq(c:legend(), { type = "ramp", min = -100, max = 100, stops = {
    { value = -100, color = "#0000ff" }, { value = 0, color = "#ffffff" },
    { value = 100, color = "#ff0000" } } })
end)

test("classes have their own colours and names, others are invalid", function()
  local img = raster("Byte", { { 0, 1, 2, 3, 250 } })
  local c = img:palette { [1] = "#00ff00", [2] = { "#fff", "water" } }
  eq(picture(c), "- 00ff00 ffffff - -")
  eq(c:legend(), { type = "classes", entries = { { value = 1, color = "#00ff00" },
    { value = 2, color = "#ffffff", label = "water" } } })
  eq(picture(img:classes { "red", "lime" }), "- ff0000 00ff00 - -")
  eq(picture(img:palette { [0] = "red", [1] = "transparent", [3] = "blue" }), "ff0000 - - 0000ff -")
end)

test("classes may be negative, large or not whole", function()
  local img = raster("Float64", { { -3, 0.5, 70000, 1, -9 } })
  eq(picture(img:palette { [-3] = "red", [0.5] = "lime", [70000] = "blue" }),
    "ff0000 00ff00 0000ff - -")
  img = raster("Int32", { { -3, 5000, -9 } })
  eq(picture(img:classes { [-3] = "red", [5000] = "blue" }), "ff0000 0000ff -")
end)

test("three bands are red, green and blue", function()
  local straight = "00ff0a ff0014 404040"
  eq(picture(three, { min = 0, max = 255 }), straight)
  eq(picture(three:rgb("b", "g", "r"):scale(0, 255)), "0aff00 1400ff 404040")
  eq(picture(three:rgb { "b", 2, "r", min = 0, max = { 255, 510, 127.5 } }), "0a8000 1400ff 402080")
  eq(picture(three, { rgb = { "r", "g", "b", stretch = { min = 0, max = 255 } } }), straight)
end)

test("gamma brightens, and leaves the ends", function()
  eq(picture(three:scale(0, 255):gamma(2)), "00ff32 ff0047 808080")
  local c = five:ramp("gray"):scale(0, 100):gamma(2)
  eq(picture(c), "000000 b4b4b4 ffffff 000000 ffffff -")
  eq(c:legend().stops[2], { value = 100, color = "#ffffff" })
end)

test("without looks one band is grey from the 2nd to the 98th percentile", function()
  local c = cells(hundred:visualize())[1]
  eq({ c[1], c[3], c[51], c[99], c[101] }, { 0, 0, 128, 255, 255 })
  eq(hundred:legend(), { type = "ramp", min = 2, max = 98, stops = {
    { value = 2, color = "#000000" }, { value = 98, color = "#ffffff" } } })
  eq(hundred:stretch({ percent = { 10, 90 } }):legend().min, 10)
  eq(hundred:stretch({ 10, 90 }):legend().max, 90)
  eq(hundred:stretch({ percent = 5 }):legend().max, 95)
  eq(hundred:stretch({ min = 3, max = 7 }):legend().max, 7)
  eq(hundred:stretch():scale(1, 2):stretch():legend().max, 98)
end)

test("one limit may be left to the statistics", function()
  eq(hundred:ramp("gray", { min = 20 }):legend().max, 98)
  eq(hundred:ramp("gray", { min = 20 }):legend().min, 20)
  eq(hundred:ramp("gray", { max = -20 }):legend().min, -20)
end)

test("sigma counts standard deviations from the mean", function()
  local l = hundred:stretch({ sigma = 2 }):legend() -- mean 50, deviation 29.15
  assert(math.abs(l.min + 8.31) < 1 and math.abs(l.max - 108.31) < 1, l.min .. " " .. l.max)
end)

test("a constant band is in the middle, one without valid pixels is empty", function()
  eq(picture(raster("Int16", { { 7, 7, -9 } })), "808080 808080 -")
  eq(picture(raster("Float64", { { 1e300, 1e300 } })), "808080 808080")
  local none = raster("Int16", { { -9, -9 } })
  eq(picture(none), "- -")
  eq(none:legend().type, "ramp")
  eq(picture(none:stretch { sigma = 1 }), "- -")
  eq(picture(raster("Int16", { { -9, 1 }, { 1, -9 }, { -9, -9 } })), "- -")
end)

test("the widest range does not overflow", function()
  local img = raster("Float64", { { -1.7e308, 0, 1.7e308 } })
  eq(picture(img:ramp("gray"):scale(-1.7e308, 1.7e308)), "000000 808080 ffffff")
end)

test("of two bands the first is shown", function()
  eq(picture(raster("Byte", { { 0, 100 }, { 5, 5 } }):scale(0, 100)), "000000 ffffff")
end)

test("true is the colour, false is dark; masked by itself only the colour is left", function()
  local yes = five:gt(40)
  eq(picture(yes), "404040 ffffff ffffff 404040 ffffff -")
  eq(picture(yes:palette { "lime" }), "404040 00ff00 00ff00 404040 00ff00 -")
  eq(picture(yes:self_mask():palette { "lime" }), "- 00ff00 00ff00 - 00ff00 -")
  eq(picture(yes:palette { "red", "blue" }), "ff0000 0000ff 0000ff ff0000 0000ff -")
  eq(picture(yes:palette { [0] = "red", [1] = { "blue", "yes" } }),
    "ff0000 0000ff 0000ff ff0000 0000ff -")
  eq(picture(five:self_mask():palette { "lime" }), "- 00ff00 00ff00 00ff00 00ff00 -")
end)

test("a file's own palette is used until a look is asked for", function()
  local img = raster("Byte", { { 1, 2, 250 } }, { [1] = { 10, 20, 30 }, [2] = { 1, 2, 3 } })
  eq(picture(img), "0a141e 010203 -")
  eq(img:legend().entries[1], { value = 1, color = "#0a141e" })
  eq(picture(img:scale(1, 2)), "000000 ffffff -")
  eq(picture(img:palette { "red" }), "ff0000 ff0000 -")
end)

test("looks never change a value", function()
  local before = cells(five)
  eq(cells(five:palette({ "red", "blue" }):scale(0, 1):gamma(2):stretch { sigma = 1 }), before)
  eq(cells(three:rgb("b", "g", "r")), cells(three))
end)

test("an Image keeps its own looks when another is made of it", function()
  local a = five:ramp("viridis", { min = 0, max = 1 })
  a:palette { "red", "blue" }
  a:scale(5, 6)
  eq(a:legend().max, 1)
  eq(#five:legend().stops, 2)
end)

test("a picture of a picture is the same picture", function()
  local v = three:scale(0, 400):gamma(1.5)
  eq(picture(v:visualize()), picture(v))
end)

test("rgb of bands that are gone plays no part", function()
  eq(three:rgb("r", "g", "b"):select("g"):legend().type, "ramp")
end)

test("an output's options override the image's looks", function()
  output("a", five:ramp("viridis"):scale(0, 10),
    { palette = { "black", "white" }, max = 100, crs = "EPSG:32633" })
  eq(colors_of(shown "a"), "000000 808080 ffffff 000000 ffffff -")
  local img = raster("Byte", { { 0, 1, 2 } })
  output("b", img, { palette = { [0] = "red", [2] = { "blue", "b" } } })
  eq(colors_of(shown "b"), "ff0000 - 0000ff")
  eq(shown_legend "b", { type = "classes", entries = { { value = 0, color = "#ff0000" },
    { value = 2, color = "#0000ff", label = "b" } } })
  output("c", three, { rgb = { "b", "g", "r", stretch = { min = 0, max = 255 } } })
  eq(colors_of(shown "c"), "0aff00 1400ff 404040")
  eq(shown_legend("c").bands, { "b", "g", "r" })
  output("d", five, { classes = { [50] = "lime" } })
  eq(colors_of(shown "d"), "- 00ff00 - - - -")
  output("e", hundred)
  eq(shown_legend("e").max, 98)
end)

test("what is wrong in a look is said at the script's line, with the nearest name", function()
  local function wrong(pattern, img, method, ...)
    local args = { ... }
    raises(pattern, function() local _ = img[method](img, table.unpack(args)) end)
  end
  local function bad_output(pattern, img, options)
    raises(pattern, function() output("x", img, options) end)
  end
  wrong("no colour 'gren', did you mean 'green'?", five, "palette", { "red", "gren" })
  wrong("no colour '#12'", five, "palette", { "#12" })
  wrong("no ramp 'viridi', did you mean 'viridis'?", five, "ramp", "viridi")
  wrong("a ramp has a name", five, "ramp")
  wrong("did you mean 'reverse'?", five, "ramp", "gray", { revers = true })
  wrong("no band 'x'", three, "rgb", "r", "g", "x")
  wrong("rgb needs three bands, got 2", three, "rgb", "r", "g")
  wrong("gamma is above 0", five, "gamma", 0)
  wrong("min 5 is above max 3", five, "scale", 5, 3)
  wrong("a number, got nil", five, "scale", 5)
  wrong("is not within 0 to 100", five, "stretch", { percent = { 98, 2 } })
  wrong("did you mean 'percent'?", five, "stretch", { percents = { 2, 98 } })
  wrong("one of palette, ramp and rgb", five, "visualize", { palette = { "red" }, ramp = "gray" })
  wrong("no option 'rampp', did you mean 'ramp'?", five, "visualize", { rampp = "gray" })
  wrong("without colours", five, "palette", {})
  wrong("ascend", five, "palette", { { 1, "red" }, { 0, "blue" } })
  bad_output("no colour 'gren'", five, { palette = { "gren" } })
  bad_output("no band 'x'", three, { rgb = { "r", "g", "x" } })
  bad_output("min 5 is above max 3", five:ramp("gray", { max = 3 }), { min = 5 })
end)

test("colours are read in every CSS form", function()
  local img = raster("Byte", { { 1 } })
  for name, hex in pairs { RebeccaPurple = "663399", ["#F80"] = "ff8800", ["#f80f"] = "ff8800",
    ["#ff8001"] = "ff8001", ["#01020380"] = "010203", lightgoldenrodyellow = "fafad2",
    grey = "808080" } do
    eq(picture(img:palette { name }), hex)
  end
end)

print("1.." .. count)
if failed > 0 then error(failed .. " failed") end
