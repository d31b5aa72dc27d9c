-- Chance, the same for the same seed. SPDX-License-Identifier: MIT
local _, _, learn = ...

-- splitmix64 (Steele, Lea, Flood 2014): below(n) is a whole number from 0 to n - 1
local function dice(seed)
  local state = seed or 1
  local function bits()
    state = state + 0x9e3779b97f4a7c15
    local z = state
    z = (z ~ z >> 30) * 0xbf58476d1ce4e5b9
    z = (z ~ z >> 27) * 0x94d049bb133111eb
    return (z ~ z >> 31) >> 1
  end
  return { below = function(n) return bits() % n end,
    real = function() return (bits() >> 10) / 0x1p53 end }
end
learn.dice = dice
