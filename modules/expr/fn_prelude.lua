-- Helpers of pixel functions, for the compiler and the interpreter. SPDX-License-Identifier: MIT
-- Each is found by its name; they call each other by name.
-- luacheck: globals nd clamp lerp step

-- (a - b) / (a + b)
function nd(a, b)
  return (a - b) / (a + b)
end

-- x, not below lo, not above hi. NaN stays.
function clamp(x, lo, hi)
  if x < lo then return lo end
  if x > hi then return hi end
  return x
end

-- a at t = 0, b at t = 1; numbers or tables of as many numbers.
local function mix(a, b, t)
  if type(a) == "table" then
    local c = {}
    for k = 1, #a do
      c[k] = a[k] + (b[k] - a[k]) * t
    end
    return c
  end
  return a + (b - a) * t
end

-- Piecewise linear through (xs[k], ys[k]); the first and last ys beyond them. A knot that stands
-- twice is a jump: below it the first of its ys, from it on the second. The ys are numbers or
-- tables.
function lerp(x, xs, ys)
  local n = #xs
  if x < xs[1] then return mix(ys[1], ys[1], 0.0) end
  for k = 2, n do
    if x < xs[k] then
      return mix(ys[k - 1], ys[k], (x - xs[k - 1]) / (xs[k] - xs[k - 1]))
    end
  end
  if x == x then return mix(ys[n], ys[n], 0.0) end
  return mix(ys[n], ys[n], x)
end

-- The cs[k] of the last xs[k] that is not above x; cs[1] below xs[1]. The cs are numbers or tables.
function step(x, xs, cs)
  for k = 2, #xs do
    if x < xs[k] then return cs[k - 1] end
  end
  return cs[#xs]
end
