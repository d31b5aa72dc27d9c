-- What mask_clouds hides, by a sensor's profile. SPDX-License-Identifier: MIT
--
-- A profile's `mask` has one of these:
--   classes      {band, hide = {word = {class, ...}}, default = {word, ...}}
--   bits         {band, hide = {word = bit}, default = {word, ...}}
--   above        {band, limit}: valid only from that number on
-- and perhaps `probability` {band}: per cent, hidden from options.probability on.
local core, C = ...

local ipairs, pairs, tostring = ipairs, pairs, tostring
local format, concat = string.format, table.concat
local raise, sensors, methods = core.raise, C.sensors, core.methods

local function names_in(t)
  local list = {}
  for k in pairs(t) do list[#list + 1] = k end
  table.sort(list)
  return list
end

-- {cloud = true, snow = true}: the default's words, and what options add or take away
local function words(rule, options)
  local on, known = {}, names_in(rule.hide)
  for _, w in ipairs(rule.default) do on[w] = true end
  for k, v in pairs(options) do
    if k ~= "classes" and k ~= "probability" and k ~= "bits" then
      if rule.hide[k] == nil then
        raise(format("mask_clouds: this sensor tells %s, not '%s'", concat(known, ", "),
          tostring(k)))
      end
      on[k] = v and true or nil
    end
  end
  return names_in(on)
end

local function by_classes(rule, options, band)
  local list, bad = options.classes, nil
  if not list then
    list = {}
    for _, w in ipairs(words(rule, options)) do
      for _, c in ipairs(rule.hide[w]) do list[#list + 1] = c end
    end
  end
  for _, c in ipairs(list) do
    local one = core.eq(band(rule.band), c)
    bad = bad and core["or"](bad, one) or one
  end
  return bad
end

local function by_bits(rule, options, band)
  local mask = 0
  for _, bit in ipairs(options.bits or {}) do mask = mask | 1 << bit end
  if not options.bits then
    for _, w in ipairs(words(rule, options)) do mask = mask | 1 << rule.hide[w] end
  end
  return methods.ne(core["and"](band(rule.band), mask), 0)
end

-- Names of the bands that the mask reads
function sensors.mask_bands(profile, options)
  local m = profile.mask
  if not m then
    raise(format("mask_clouds: %s says nothing of clouds; hide them in map(fn)", profile.title))
  end
  if options.probability then
    if not m.probability then
      raise(format("mask_clouds: %s has no probability of clouds", profile.title))
    end
    return { m.probability.band }
  end
  return { (m.classes or m.bits or m.above).band }
end

-- The Image, hidden where the mask says so or says nothing. band(name) gives an unscaled band.
function sensors.mask(img, profile, options, band)
  local m = profile.mask
  local bad
  if options.probability then
    bad = core.ge(band(m.probability.band), options.probability)
  elseif m.classes then bad = by_classes(m.classes, options, band)
  elseif m.bits then bad = by_bits(m.bits, options, band)
  else bad = core.lt(band(m.above.band), options.limit and options.limit / m.above.number
    or m.above.limit) end
  if not bad then return img end
  return methods.hide(img, bad)
end
