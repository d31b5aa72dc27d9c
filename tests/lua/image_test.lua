-- Images, param and output as a script sees them. SPDX-License-Identifier: MIT
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

-- f raises an error that says all these parts, at `line` where that is given.
local function raises(f, parts, name, line)
  local good, e = pcall(f)
  local text, missing = tostring(e), nil
  if type(parts) == "string" then parts = { parts } end
  for _, p in ipairs(parts) do
    if not text:find(p, 1, true) then missing = p end
  end
  if good then return ok(false, name, "it did not raise") end
  if missing then return ok(false, name, "'" .. text .. "' does not say '" .. missing .. "'") end
  if not line then line = "image_test.lua:" end
  ok(text:find(line, 1, true) ~= nil, name, "'" .. text .. "' is not at " .. line)
end

local scene = Image "tests/data/scene.vrt"
local red = Image "tests/data/red.vrt"

-- --- bands

is(tostring(scene), "Image: B04 uint16, B08 uint16, SCL uint8, height float32",
  "tostring names bands and cell types")
is(#scene, 4, "# counts the bands")
is(table.concat(scene:bands(), " "), "B04 B08 SCL height", "bands lists their names")
is(tostring(scene:select("B08", "B04")), "Image: B08 uint16, B04 uint16",
  "select takes names in the wanted order")
is(tostring(scene:select { "SCL", 1 }), "Image: SCL uint8, B04 uint16",
  "select takes a list, and numbers")
is(tostring(scene:band(2)), "Image: B08 uint16", "band counts from 1")
is(tostring(scene[4]), "Image: height float32", "so does an index")
is(tostring(scene.B04), "Image: B04 uint16", "a band is a field")
is(tostring(scene:select("B04", "B04")), "Image: B04 uint16, B04_2 uint16",
  "a band taken twice gets a suffix")
raises(function() scene:band(0) end, { "count from 1 to 4", "did you mean 1, the first?", "got 0" },
  "band 0 is refused with a hint")
raises(function() scene:band(5) end, { "count from 1 to 4", "got 5" }, "so is one too many")
raises(function() scene:band(-1) end, "got -1", "so is a negative one")
raises(function() scene:band(1.5) end, "got 1.5", "so is half a band")
raises(function() scene:band(nil) end, "at least one band", "so is none")
raises(function() scene:select() end,
  { "select needs at least one band", "B04, B08, SCL and height" },
  "select without bands lists them")
raises(function() scene:select("B8") end,
  { "no band 'B8'", "did you mean 'B08'?", "B04, B08, SCL and height" },
  "an unknown band has a suggestion")
raises(function() scene:select("nothing like it") end,
  { "no band 'nothing like it'; the bands are" },
  "a far-off name has none")
raises(function() scene:select(true) end, "a band is a name or a number", "a band is no boolean")
raises(function() return scene.B8 end, { "no band or method 'B8'", "did you mean 'B08'?" },
  "an unknown field suggests a band")
raises(function() return scene:reneme("a") end,
  { "no band or method 'reneme'", "did you mean 'rename'?" },
  "or a method")
is(tostring(scene:rename("a", "b", "c", "d").b), "Image: b uint16", "rename in order")
is(tostring(scene:rename { B08 = "nir", SCL = "class" }),
  "Image: B04 uint16, nir uint16, class uint8, height float32",
  "rename one by one")
raises(function() scene:rename("a") end, { "1 new names for 4 bands" },
  "rename wants as many names as bands")
raises(function() scene:rename { B09 = "x" } end, { "no band 'B09'" }, "rename of an unknown band")
raises(function() red:rename("") end, "a band's name is a text", "a name is not empty")
raises(function() red:rename(7) end, "a band's name is a text", "nor a number")
is(tostring(scene.B04 .. scene.SCL), "Image: B04 uint16, SCL uint8", ".. stacks")
is(tostring(scene.B04 .. red .. scene.B04), "Image: B04 uint16, B1 int16, B04_2 uint16",
  "equal names get a suffix")
is(tostring(scene.B04:stack(red, scene.SCL)), "Image: B04 uint16, B1 int16, SCL uint8",
  "stack takes several")
raises(function() return scene .. "text" end, { "'..' stacks", "a string", "tostring(img)" },
  ".. with a text is refused")
raises(function() return 1 .. scene end, "a number", "or with a number")
raises(function() scene:stack(1) end, "number 2 is a number, not an Image",
  "stack names what is no Image")
is(tostring(Image { B08 = "tests/data/red.vrt", B04 = scene.B04 }), "Image: B04 uint16, B08 int16",
  "Image{name = file} sorts by name")
is(tostring(Image { "tests/data/red.vrt", scene.SCL }), "Image: B1 int16, SCL uint8",
  "Image{list} keeps the order")
is(tostring(Image { scene.B04, scene.B08 }), "Image: B04 uint16, B08 uint16",
  "a list of Images too")
raises(function() Image {} end, "no file", "Image{} is refused")
raises(function() Image { B04 = scene } end, { "Image{B04 = ...}", "one band expected" },
  "a named file has one band")
raises(function() Image(7) end, "Image needs a file name", "Image(7) is refused")
raises(function() Image "tests/data/none.tif" end, { "none.tif", "no such file" },
  "a file that is not there")
raises(function() Image "Makefile" end, "Makefile", "a file that is no raster")

-- --- operators

local a, b = scene.B04, scene.B08
is(tostring((b - a) / (b + a)), "Image: B08 float32", "a computed band has the first one's name")
is(tostring(1000 - a), "Image: B04 int32", "a number may stand first")
is(tostring(scene:select(1, 2) + 1), "Image: B04 uint32, B08 uint32", "a number serves all bands")
is(tostring(scene:select(1, 2) * red), "Image: B04 int32, B08 int32", "one band serves all bands")
is(tostring(red * scene:select(1, 2)), "Image: B04 int32, B08 int32", "also when it stands first")
is(tostring(a:where(a:gt(5), b)), "Image: B04 uint16", "where keeps the image's own name")
is(tostring(a:gt(b)), "Image: B04 uint8", "so does gt")
is(tostring(a:between(1, 2)), "Image: B04 uint8", "and between")
is(tostring(if_else(a:gt(5), b, 0)), "Image: B08 uint16", "if_else has the chosen one's name")
is(tostring(scene:normalized_difference("B08", "B04")), "Image: nd float32",
  "a normalised difference is named nd")
raises(function() return scene + scene:select(1, 2) end,
  { "images of", "4", "2 bands", "img:select" },
  "4 and 2 bands do not fit")
raises(function() return a:keep(scene:gt(0)) end, "one band cannot be masked by 4",
  "one band is not masked by four")
raises(function() return a < b end, { "'<'", "a:lt(b)" }, "< names the way out")
raises(function() return a <= b end, { "'<='", "a:le(b)" }, "<= too")
raises(function() return a > 5 end, { "'<'", "a:gt(b)" }, "> with a number too")
raises(function() return a == b end, { "'=='", "a:eq(b)" }, "== of two Images raises")
raises(function() return a ~= b end, { "a:eq(b)" }, "~= too")
raises(function() a.B04 = b end, "never changed", "an Image is not changed by a field")
raises(function() a[1] = b end, "never changed", "nor by a number")
raises(function() a() end, "not a function", "an Image is not called")
raises(function() return a + "text" end, "an Image or a number expected, got string",
  "a text is no operand")
raises(function() return a + nil end, "an Image or a number expected, got nil", "nor is nil")
raises(function() return a + {} end, "got table", "nor a table")
raises(function() return scene.height & 1 end, { "'&' on a float image", "img:ne(0)" },
  "& of floats names the way out")
raises(function() return a & a:gt(5) end, { "boolean and an integer", "img:ne(0)" },
  "& of an integer and a boolean too")
raises(function() return ~scene.height end, "'~' on a float image", "~ of floats too")
raises(function() return scene.height << 1 end, { "a shift of a float image", "astype" },
  "a shift of floats too")
raises(function() return a:keep(b) end, { "a condition must be boolean", "img:ne(0)" },
  "a condition is boolean")
raises(function() return a:where(b, 0) end, "a condition must be boolean", "where's too")
raises(function() return if_else(b, a, 0) end, "a condition must be boolean", "if_else's too")
raises(function() return scene.height:lookup { 1 } end,
  { "lookup needs an integer image", "astype" },
  "lookup wants integers")
raises(function() return a:lookup {} end, "an empty table", "lookup wants entries")
raises(function() return a:lookup { x = 1 } end, "a whole number from 0 to 65535, got x",
  "lookup's keys are whole numbers")
raises(function() return a:lookup { [70000] = 1 } end, "got 70000", "not too great")
raises(function() return a:lookup { "x" } end, "must be a number", "its entries are numbers")
raises(function() return a:lookup(5) end, "lookup needs a table", "lookup wants a table")
raises(function() return a:astype("uint12") end, { "'uint12' is no cell type", "uint16" },
  "an unknown cell type lists them")
raises(function() return a:resample("lanczos") end,
  { "'lanczos'", "nearest, bilinear, cubic, average and mode" },
  "an unknown method lists them")
raises(function() return a:clamp(3, 2) end, "clamp: 3 is above 2", "clamp's limits in order")
raises(function() return a:clamp(3) end, "the upper limit must be a number", "clamp wants two")
raises(function() return a:rescale(1, 1) end, "1..1 is empty", "rescale of an empty range")
raises(function() return a:rescale(1) end, "rescale", "rescale wants two")
raises(function() return a:between(1, 2, "open") end, "'open' is neither",
  "between is inclusive or exclusive")
raises(function() return (a + 1):unscale() end, "unscale the Image as it comes from the file",
  "unscale of something computed")
is(b:unscale():info()[1].type, "float", "unscale gives floats")
is(a:unscale():info()[1].type, "integer", "unless the file states neither scale nor offset")
is(b:info()[1].offset, -0.1, "info shows the offset")
is(a:info()[1].nodata, 0.0, "info shows nodata")
is(scene.SCL:info()[1].colors[1], "#ff8000", "info shows the palette")
is((a + 1):info()[1].max, 65536, "info shows the greatest value")
is(tostring(a), "Image: B04 uint16", "nothing of this has changed the Image")

-- --- errors have addresses

local function line_of(f) -- the line at which f raises
  return tonumber(tostring(select(2, pcall(f))):match("image_test.lua:(%d+):"))
end

local here = line_of(function() error "here" end)
local function deep()
  return scene.B04 & scene.height
end
raises(function() local x = deep() return x end, "'&'", "an error names the line that made it",
  "image_test.lua:" .. here + 2)
local _, e = pcall(deep)
is(e.code, "script", "it has a code")
is(e.where, "tests/lua/image_test.lua:" .. here + 2, "and a place")
_, e = pcall(Image, "tests/data/none.tif")
is(e.code, "data", "a missing file is an error of the data")

-- --- param

is(param("n", 5), 5, "param gives its default")
is(param("x", 0.5, { min = 0, max = 1, label = "share" }), 0.5, "with a range")
is(param("flag", true), true, "of any plain type")
is(param("way", "up", { choices = { "up", "down" } }), "up", "with choices")
raises(function() param("n", 1) end, "parameter 'n' is declared twice",
  "a parameter is declared once")
raises(function() param("far", 7, { max = 5 }) end, "far = 7 is outside",
  "a default is within its range")
raises(function() param("odd", "left", { choices = { "up", "down" } }) end, { "odd", "none of" },
  "and one of its choices")
raises(function() param("none") end, "the default is a number, text or boolean",
  "a parameter has a default")
raises(function() param("bad", 1, { mim = 0 }) end, "no option 'mim'",
  "param's options are known ones")

-- --- output

here = line_of(function() error "here" end)
output("first", a + 1, { dtype = "uint16" })
raises(function() output("first", a) end, { "\"first\" is named twice",
  "image_test.lua:" .. here + 1 },
  "a name twice shows both lines", "image_test.lua:" .. here + 2 .. ":")
raises(function() output("a/b", a) end, "a name becomes a file's name", "a name is no path")
raises(function() output("", a) end, "a name becomes a file's name", "nor empty")
raises(function() output(".hidden", a) end, "a name becomes a file's name", "nor hidden")
raises(function() output("b", 5) end, "Image", "output wants an Image")
raises(function() output("b", a, { crss = 1 }) end, "no option 'crss'",
  "output's options are known ones")
raises(function() output("b", a, 5) end, "table", "and a table")
is(tostring(scene), "Image: B04 uint16, B08 uint16, SCL uint8, height float32",
  "the scene is as it was")
print("1.." .. count)
