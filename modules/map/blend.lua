-- Pictures laid over pictures. SPDX-License-Identifier: MIT
--
-- The modes are those of W3C's Compositing and Blending, level 1: a is the colour below, b the one
-- above, both 0 to 1, channel by channel.
local core = ...

local ipairs, pairs, type, tostring = ipairs, pairs, type, tostring
local format = string.format
local raise, methods = core.raise, core.methods

local HARD = [[function(a, b)
  if b <= 0.5 then return 2 * a * b end
  return 1 - 2 * (1 - a) * (1 - b)
end]]

local modes = {
  normal = "function(a, b) return b end",
  multiply = "function(a, b) return a * b end",
  screen = "function(a, b) return a + b - a * b end",
  darken = "function(a, b) return math.min(a, b) end",
  lighten = "function(a, b) return math.max(a, b) end",
  difference = "function(a, b) return math.abs(a - b) end",
  add = "function(a, b) return math.min(a + b, 1.0) end",
  hard_light = HARD,
  overlay = "function(a, b) return (" .. HARD .. ")(b, a) end",
  soft_light = [[function(a, b)
    if b <= 0.5 then return a - (1 - 2 * b) * a * (1 - a) end
    local d = math.sqrt(a)
    if a <= 0.25 then d = ((16 * a - 12) * a + 4) * a end
    return a + (2 * b - 1) * (d - a)
  end]],
}

local MIX = [[(function(x, y)
  local a, b = x / 255, y / 255
  return math.floor((a + ((%s)(a, b) - a) * opacity) * 255 + 0.5)
end)(a, b)]]

local function check(given)
  local o = core.options.check("blend", given, { mode = true, opacity = true })
  o.mode, o.opacity = o.mode or "normal", o.opacity or 1
  if not modes[o.mode] then
    local names = {}
    for name in pairs(modes) do names[#names + 1] = name end
    table.sort(names)
    raise(format("blend: there is no mode %s; there are %s", tostring(o.mode),
      table.concat(names, ", ")))
  end
  if type(o.opacity) ~= "number" or o.opacity < 0 or o.opacity > 1 then
    raise(format("blend: opacity is a number from 0 to 1, got %s", tostring(o.opacity)))
  end
  return o
end

-- blend(other, {mode =, opacity =}): the picture of `other` over that of the image
function methods.blend(img, other, given)
  if core.type(other) ~= "image" then raise "blend: what lies above is an Image" end
  local o = check(given)
  local below, above, all = methods.visualize(img), methods.visualize(other), nil
  for i, name in ipairs { "red", "green", "blue" } do
    local a, b = core.pick(below, { i }, { "a" }), core.pick(above, { i }, { "b" })
    local both = core.expr(core.stack(a, b), MIX:format(modes[o.mode]),
      { opacity = o.opacity + 0.0 })
    local one = methods.astype(both, "uint8")
    -- where one of the two is not there, the other
    one = core.pick(core.unmask(core.unmask(one, a), b), { 1 }, { name })
    all = all and core.stack(all, one) or one
  end
  return core.with_looks(all, { rgb = { "red", "green", "blue" }, min = 0, max = 255 })
end
