-- What the free names of functions on pixels stand for: the function sees what the script sees.
-- SPDX-License-Identifier: MIT
-- Run by `tellua run`; no file is read.
-- luacheck: ignore 111 113 121 122 142 143 221
local count = 0
local img = Image { B = { { 1, 5, 9 } }, F = { { 0.5, -1.5, 2.25 } } }

local function ok(good, name, why)
  count = count + 1
  print((good and "ok " or "not ok ") .. count .. " - " .. name)
  if not good then print("# " .. tostring(why):gsub("\n", "\n# ")) end
end

-- The same result however it is run; compiles: it must.
local function gives(f, want, name, compiles)
  for _, how in ipairs { compiles and "require" or "auto", "never" } do
    local good, r = pcall(function() return img:execute(f, { compile = how }):values()[1] end)
    for k = 1, good and 3 or 0 do
      r[k] = string.format("%g", r[k])
    end
    local got = good and table.concat(r, " ") or r
    ok(got == want, name .. ", " .. how, got .. ", not " .. want)
  end
end

local function refuses(f, part, name, options)
  local good, e = pcall(function() return img:execute(f, options or { valid = "strict" }):values() end)
  ok(not good and tostring(e):find(part, 1, true), name, e)
end

-- --- names of Tellua's and Lua's that are the script's own

do
  local math = { floor = function(x) return x + 42 end, pi = 3 }
  gives(function(B) return math.floor(B) + math.pi end, "46 50 54", "a local table called math", true)
  local step
  gives(function(B)
    if step then return 1 end
    return B
  end, "1 5 9", "a local called step that is nil", true)
  local abs = function(x) return -x end
  local min = math.floor
  gives(function(B) return min(abs(B)) end, "41 37 33", "locals called as functions of math", true)
end

function select(a, b) return a * b end
gives(function(B) return select(B, 2) end, "2 10 18", "a global function called select", true)
function clamp(x) return x + 100 end
gives(function(B) return clamp(B) end, "101 105 109", "a global function called clamp", true)

-- --- libraries with functions of the script's

local keep, smooth = lerp, nd
gives(function(B) return keep(B, { 1, 9 }, { 0, 8 }) + smooth(B, B) end, "0 4 8", "helpers by other names", true)
local tools = { keep, clamp = keep }
gives(function(B) return tools.clamp(B, { 1, 9 }, { 0, 8 }) end, "0 4 8", "a helper in a table", true)

gives(function(F) return math.floor(F) end, "0 -2 2", "math as it is", true)
function math.round(x) return math.floor(x + 0.5) end
gives(function(F) return math.round(F) end, "1 -1 2", "math with a function more", true)
math.ceil = function(x) return x + 0.25 end
gives(function(F) return math.ceil(F) end, "0.75 -1.25 2.5", "math with another function", true)
gives(function(B) return (table.unpack({ B, 2 })) end, "1 5 9", "table.unpack", true)

function table.sum(t)
  local s = 0
  for _, v in ipairs(t) do
    s = s + v
  end
  return s
end
function string.shout(s) return s:upper() .. "!" end
gives(function(B) return table.sum { B, 2 } end, "3 7 11", "table with a function more", true)
gives(function(B) return table.sum { B, #table.concat { "a", "b" } } end, "3 7 11", "and with one of Lua's beside it")
gives(function(B) return B + #string.shout("ab") end, "4 8 12", "string with a function more")
local format, sort = string.format, table.sort
gives(function(B)
  local t = { B, 3 }
  sort(t)
  return tonumber(format("%d", t[1]))
end, "1 3 3", "functions of libraries by other names")

-- --- names that are refused

refuses(function(B) return B + os.time() end, "`os.time` has no place", "os.time")
local clock = os.clock
refuses(function(B) return B + clock() end, "`os.clock` has no place", "os.clock by another name")
local other = img
refuses(function(B) return B + other.B end, "it is an Image: give bands as arguments", "an Image")
refuses(function(B) return _ENV.math.floor(B) end, "`_ENV` has no place", "_ENV")

-- --- what raises on a pixel says what it is, the interpreter in Lua's words

refuses(function(B) return round(B) end, "call a nil value ('round')", "a global that is not there")
refuses(function(B) return math.cube(B) end, "call a nil value (field 'cube')", "a field that is not there")
local function too_big(B)
  if B > 4 then error("too big: " .. B) end
  return B
end
local line = 97
refuses(too_big, ":" .. line .. ": too big: 5, at column 1, row 0", "error's text", { on_error = "fail" })

print("1.." .. count)
output("one", img:band(1))
