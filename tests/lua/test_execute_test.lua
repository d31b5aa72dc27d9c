-- test_execute as a script sees it. SPDX-License-Identifier: MIT
-- Run by `tellua run`; no file is read.
local count = 0

local function ok(good, name, why)
  count = count + 1
  print((good and "ok " or "not ok ") .. count .. " - " .. name)
  if not good and why ~= nil then print("# " .. tostring(why):gsub("\n", "\n# ")) end
end

local function is(got, want, name)
  ok(got == want, name, "got " .. tostring(got) .. ", not " .. tostring(want))
end

local function raises(f, part, name)
  local good, e = pcall(f)
  local text = tostring(e)
  ok(not good and text:find(part, 1, true) and text:find("test_execute_test.lua:", 1, true), name,
    good and "it did not raise" or text)
end

local function says(r, part, name)
  ok(tostring(r):find(part, 1, true), name, tostring(r))
end

-- --- a function that compiles

local r = test_execute(function(B04, B08) return (B08 - B04) / (B08 + B04) end)
is(r.compiled, true, "an index compiles")
is(r.reason, nil, "so there is no reason why not")
ok(math.type(r.ns_compiled) == "float" and r.ns_compiled > 0, "it has a price", r.ns_compiled)
ok(r.ns_interpreted > 0, "and one in the Lua VM", r.ns_interpreted)
is(r.equal, true, "both give the same bits")
is(r.split_equal, true, "whatever the blocks are")
is(#r.bands, 2, "its parameters are bands")
is(r.bands[2].name .. " " .. r.bands[2].type, "B08 uint16", "in order, uint16 by default")
is(#r.results, 1, "it gives one band")
is(r.results[1].type, "float", "of floats")
is(r.pixels, 16384, "over a block of edges")
ok(r.valid > 8000 and r.valid < 16384, "not all of which are valid", r.valid)
is(r.raised, 0, "it never raises")
is(r.first_raised, nil, "so there is no first pixel")
ok(#r.sample > 3, "there are samples", #r.sample)
local good = true
for _, row in ipairs(r.sample) do
  local a, b, x = row[1], row[2], row[3]
  good = good and row.n == 3 and (x == nil and a + b == 0 or x == (b - a) / (b + a))
end
ok(good, "which hold inputs and what Lua computes of them")
says(r, "(B04 uint16, B08 uint16) gives B1 float", "the report tells the bands")
says(r, "ns per pixel compiled", "and the speed")
says(r, "agree to the bit", "and that the twins agree")
local lines = select(2, tostring(r):gsub("\n", "\n")) + 1
ok(lines >= 7 and lines <= 15, "in some ten lines", lines)

-- --- every type, with edges

local types = { "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64",
  "float32", "float64" }
for _, t in ipairs(types) do
  r = test_execute(function(a, b)
    local x = a * b - (a > b and a or -b)
    return { x = x, y = a < b, z = a / b, m = math.max(a, b) }
  end, { types = { a = t, b = t } })
  ok(r.compiled and r.equal and r.split_equal and #r.results == 4, t .. ": the twins agree", r)
end
r = test_execute(function(a, b) return a + b end, { types = { b = "float64" } })
is(r.bands[1].type .. " " .. r.bands[2].type, "uint16 float64", "types names some of the bands")

-- --- pixels that raise

r = test_execute(function(B04, B08)
  local x = B08 + 1
  return x // B04
end)
ok(r.compiled and r.equal and r.raised > 0, "integer division by zero raises on some pixels", r)
local line = debug and debug.getinfo(1, "l").currentline
is(r.first_raised.reason, "attempt to perform 'n//0'", "the reason is Lua's")
ok(r.first_raised.line > 0 and (not line or line - r.first_raised.line == 4), "with its line",
  r.first_raised.line)
ok(r.first_raised.column >= 0 and r.first_raised.row == 0, "and the pixel")
says(r, "raised      on " .. r.raised, "the report counts them")
is(test_execute(function(a) return 1 // a end, { on_error = "fail" }).raised > 0, true,
  "on_error = \"fail\" does not end the trial")

-- --- a function that does not compile

r = test_execute(function(B04)
  if B04 > 9000 then error("too bright") end
  return #tostring(B04)
end)
is(r.compiled, false, "strings do not compile")
ok(type(r.reason) == "string" and #r.reason > 0, "there is a reason", r.reason)
is(r.ns_compiled, nil, "and no price compiled")
ok(r.ns_interpreted > 0, "only one in the Lua VM")
is(r.equal, true, "the only twin equals itself")
is(r.split_equal, true, "whatever the blocks are, too")
ok(r.raised > 0 and r.first_raised.reason == "too bright", "what it raises is told",
  r.first_raised and r.first_raised.reason)
says(r, "test_execute_test.lua:90: `tostring`", "the report says why, and where")
raises(function()
  test_execute(function(a) return #tostring(a) end, { compile = "require" })
end, "does not compile", "compile = \"require\" is kept")
r = test_execute(function(a) return a end, { compile = "never" })
ok(not r.compiled and r.reason, "so is compile = \"never\"", r.reason)

-- --- near, valid = "any", arguments

r = test_execute(function(B04) return near(B04, 1, -2) - B04 end)
ok(r.compiled and r.split_equal, "neighbours do not depend on the block", r)
is(r.ns_interpreted, nil, "and have no twin")
r = test_execute(function(a, b) return a or b or 0 end, { valid = "any" })
ok(r.equal and r.split_equal and r.valid == r.pixels, "valid = \"any\" sees invalid inputs", r)
r = test_execute(function(a, k, b) return a * k + b end, 3, 4)
is(#r.bands, 1, "further arguments fill the last parameters")
r = test_execute(function(a, k, b) return a * k + b end, { k = 3 })
is(#r.bands, 2, "those by name fill theirs")
r = test_execute(function(k, a) return a * k end, 3, { types = { a = "int16" } })
is(r.bands[1].name, "a", "a parameter in types is a band")
local scale <const> = 2
local offset = 5
r = test_execute(function(a) return a * scale + offset end)
ok(r.compiled and r.equal and r.sample[1][2] == r.sample[1][1] * 2 + 5, "upvalues count", r)
ok(tostring(tellua.test_execute) == tostring(test_execute), "tellua.test_execute is the same")

-- --- what is refused

raises(function() test_execute(7) end, "needs a function, got number", "a number is no function")
raises(function() test_execute(math.abs) end, "written in Lua", "one of C is none either")
raises(function() test_execute(function() return 1 end) end, "no parameter",
  "a function without parameters")
raises(function() test_execute(function(a) return a end, 1) end, "none is left to be a band",
  "nothing left for a band")
raises(function() test_execute(function(a) return a end, { types = { b = "uint8" } }) end,
  "'b' is no parameter", "a type for nothing")
raises(function() test_execute(function(a) return a end, { types = { a = "byte" } }) end,
  "'byte' is no cell type", "a type that is none")
raises(function() test_execute(function(a) return a end, { types = "uint8" }) end,
  "types is a table", "types that are no table")
raises(function() test_execute(function(a) return a end, { typs = 1 }) end, "'typs'",
  "an unknown option")

-- A run needs a product.
output("scene", (Image "tests/data/scene.vrt").B04)
print("1.." .. count)
