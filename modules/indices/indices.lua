-- Spectral indices by name. SPDX-License-Identifier: MIT
--
-- A formula (table.lua) is an expression whose letters are bands; what is here finds the bands of
-- an Image that they mean.
-- The catalogue is read at the first question about it: with its names in order it was a third of
-- what a start takes.
local core, read_catalogue = ...

local methods, raise = core.methods, core.raise
local type, pairs, ipairs, tostring, tonumber = type, pairs, ipairs, tostring, tonumber
local format, gmatch, match, lower, sub = string.format, string.gmatch, string.match,
  string.lower, string.sub
local concat, sort = table.concat, table.sort

-- ----------------------------------------------------------------------------------- what there is

local constants = { C1 = 6.0, C2 = 7.5, L = 1.0, alpha = 0.1, beta = 0.05, c = 1.0, cexp = 1.16,
  epsilon = 1.0, eta = 0.5, fdelta = 0.581, g = 2.5, gamma = 1.0, k = 0.0, lmb = 1.0, n = 5.0,
  nexp = 2.0, omega = 2.0, p = 2.0, sigma = 0.5, sla = 1.0, slb = 0.0 }
local no_default = { PAR = "photosynthetically active radiation" }

-- Letters by the common names of bands
local common = { coastal = "A", blue = "B", green = "G", green05 = "G1", yellow = "Y", red = "R",
  rededge1 = "RE1", rededge071 = "RE1", rededge2 = "RE2", rededge075 = "RE2", rededge3 = "RE3",
  rededge078 = "RE3", nir = "N", nir08 = "N2", nir09 = "WV", swir16 = "S1", swir22 = "S2",
  lwir = "T", lwir11 = "T1", lwir12 = "T2", vv = "VV", vh = "VH", hh = "HH", hv = "HV" }
local letters, instead = {}, { N = "N2", N2 = "N", T = "T1", T1 = "T" }
for _, letter in pairs(common) do letters[letter] = true end

-- Numbers of bands, and the middle of their wavelengths in nm, as the operators state them
local sensors = {
  ["sentinel-2"] = { bands = { A = 1, B = 2, G = 3, R = 4, RE1 = 5, RE2 = 6, RE3 = 7, N = 8,
    N2 = "8A", WV = 9, S1 = 11, S2 = 12 }, lambdaG = 559.8, lambdaR = 664.6, lambdaN = 832.8,
    lambdaN2 = 864.7, lambdaS1 = 1613.7, lambdaS2 = 2202.4 },
  ["landsat-oli"] = { bands = { A = 1, B = 2, G = 3, R = 4, N = 5, N2 = 5, S1 = 6, S2 = 7, T = 10,
    T1 = 10, T2 = 11 }, lambdaG = 560, lambdaR = 655, lambdaN = 865, lambdaN2 = 865,
    lambdaS1 = 1610, lambdaS2 = 2200 },
  ["landsat-tm"] = { bands = { B = 1, G = 2, R = 3, N = 4, S1 = 5, T = 6, S2 = 7 }, lambdaG = 560,
    lambdaR = 660, lambdaN = 830, lambdaN2 = 830, lambdaS1 = 1650, lambdaS2 = 2215 },
  modis = { bands = { R = 1, N = 2, N2 = 2, B = 3, G = 4, S1 = 6, S2 = 7, G1 = 11 },
    lambdaG = 555, lambdaR = 645, lambdaN = 858.5, lambdaN2 = 858.5, lambdaS1 = 1640,
    lambdaS2 = 2130 },
}
local also = { { "^sentinel%-?2", "sentinel-2" }, { "^landsat%-?[89]", "landsat-oli" },
  { "^landsat%-oli", "landsat-oli" }, { "^landsat%-?[4-7]", "landsat-tm" },
  { "^landsat%-tm", "landsat-tm" }, { "^modis", "modis" } }

-- entries: by name; by_lower: lists of names, BAI is not BaI; names: of all, in order
local function in_order(catalogue)
  local c, lowers = { entries = {}, by_lower = {}, names = {} }, {}
  for domain, list in pairs(catalogue) do
    for _, e in ipairs(list) do
      local name = e[1]
      local l = lower(name)
      c.entries[name] = { name = name, formula = e[2], title = e[3], reference = e[4],
        domain = domain }
      if not c.by_lower[l] then c.by_lower[l], lowers[#lowers + 1] = {}, l end
      c.by_lower[l][#c.by_lower[l] + 1] = name
    end
  end
  sort(lowers)
  for _, l in ipairs(lowers) do
    sort(c.by_lower[l])
    for _, name in ipairs(c.by_lower[l]) do c.names[#c.names + 1] = name end
  end
  return c
end

local ordered
local function catalogue()
  ordered = ordered or in_order(read_catalogue())
  return ordered
end

local function entry(name)
  if type(name) ~= "string" then
    raise("index wants a name, such as \"NDVI\", got " .. type(name))
  end
  local c = catalogue()
  local same = c.by_lower[lower(name)] or {}
  local e = c.entries[name] or #same == 1 and c.entries[same[1]]
  if e then return e end
  if #same > 1 then raise(format("index '%s' is either %s", name, concat(same, " or "))) end
  local near = core.nearest_name(name, c.names)
  raise(format("there is no index '%s'%s; img:indices() lists them", name,
    near and format(", did you mean '%s'?", near) or ""))
end

-- ------------------------------------------------------------------------------------------- bands

-- 8 of "B08", "SR_B8", "sur_refl_b08", "band8"; "8A" of "B8A"
local function number_of(band)
  local n = match(band, "[bB]0*(%d+[aA]?)$") or match(band, "^[bB][aA][nN][dD]_?0*(%d+[aA]?)$")
  return n and (tonumber(n) or n:upper())
end

function core.is_sensor(text)
  for _, a in ipairs(also) do
    if match(lower(text), a[1]) then return sensors[a[2]] end
  end
end

local function named_sensor(text)
  local known = {}
  for name in pairs(sensors) do known[#known + 1] = name end
  sort(known)
  local sensor = type(text) == "string" and core.is_sensor(text)
  if sensor then return sensor end
  raise(format("index: no sensor '%s'; there are %s", tostring(text), concat(known, ", ")))
end

-- By how its bands are called; nil when that does not tell
local function sensor_of(bands)
  local has, surface = {}, false
  for _, b in ipairs(bands) do
    has[b] = true
    if match(b, "^B0%d$") or b == "B8A" or b == "B12" then return sensors["sentinel-2"] end
    if match(b, "^sur_refl_b") then return sensors.modis end
    surface = surface or match(b, "^SR_B%d$")
  end
  if has.SR_B6 or has.ST_B10 then return sensors["landsat-oli"] end
  if has.ST_B6 then return sensors["landsat-tm"] end
  -- Without a sixth band, but with those beside it
  if surface and has.SR_B5 and has.SR_B7 then return sensors["landsat-tm"] end
end

-- { [letter] = name of a band }
local function letters_of(img, o)
  local bands, found = methods.bands(img), {}
  local sensor = o.sensor and named_sensor(o.sensor) or sensor_of(bands)
  if sensor then
    for _, b in ipairs(bands) do
      local n = number_of(b)
      for letter, number in pairs(sensor.bands) do
        if n == number then found[letter] = b end
      end
    end
  end
  for _, b in ipairs(bands) do
    local letter = common[lower(b)] or letters[b] and b
    if letter then found[letter] = b end
  end
  for letter, b in pairs(o.bands or {}) do found[letter] = b end
  return found, sensor
end

local function has(found, letter) return found[letter] or found[instead[letter]] end

-- ---------------------------------------------------------------------------------------- formulas

local function words_of(formula)
  local list, seen = {}, {}
  for word in gmatch(formula, "[%a][%w]*") do
    if not seen[word] then list[#list + 1], seen[word] = word, true end
  end
  return list
end

local function is_kernel(word) return match(word, "^k[NGRBL][NGRBL]$") end

-- Letters that a formula reads, those of its kernels too
local function read_letters(e)
  local list = {}
  for _, word in ipairs(words_of(e.formula)) do
    if letters[word] then list[#list + 1] = word
    elseif is_kernel(word) then
      for i = 2, 3 do
        if sub(word, i, i) ~= "L" then list[#list + 1] = sub(word, i, i) end
      end
    end
  end
  return list
end

local kernels = { rbf = true, linear = true, poly = true }

local function kernel(a, b, o)
  if o.kernel == "linear" then return core.mul(a, b) end
  if o.kernel == "poly" then
    return core.pow(core.add(core.mul(a, b), o.c or constants.c), o.p or constants.p)
  end
  local s, d = o.sigma or constants.sigma, core.sub(a, b)
  return core.exp(core.div(core.mul(d, d), -2 * s * s))
end

local function missing(e, letter, img)
  raise(format("index %s needs %s, which is not found among %s; say {bands = {%s = \"...\"}}, or "
    .. "{sensor = \"sentinel-2\"}", e.name, letter, core.band_list(img), letter))
end

local function check(o)
  for k, v in pairs(o) do
    if k == "sensor" then named_sensor(v)
    elseif k == "bands" then
      if type(v) ~= "table" then raise "index: bands is a table such as {N = \"B08\"}" end
    elseif k == "kernel" then
      if not kernels[v] then raise "index: the kernel is \"rbf\", \"linear\" or \"poly\"" end
    elseif k ~= "scale" and not constants[k] and not no_default[k] and not match(k, "^lambda") then
      raise(format("index has no option '%s'; there are sensor, bands, scale, kernel and the "
        .. "constants of formulas", tostring(k)))
    elseif type(v) ~= "number" or v ~= v then
      raise(format("index: %s is a number, got %s", k, tostring(v)))
    end
  end
  return o
end

local function constant(e, word, o, sensor)
  local v = o[word] or constants[word] or sensor and sensor[word]
  if v then return v + 0.0 end
  raise(format("index %s needs the number %s%s: index(\"%s\", {%s = ...})", e.name, word,
    no_default[word] and ", " .. no_default[word] or ", a wavelength in nm", e.name, word))
end

-- index("NDVI", { sensor =, bands = { N = "B08" }, scale = 0.0001, L = 0.5, ... })
function methods.index(img, name, options)
  if options ~= nil and type(options) ~= "table" then
    raise("index: the options are a table, got " .. type(options))
  end
  local e, o = entry(name), check(options or {})
  local found, sensor = letters_of(img, o)
  local function band(letter)
    local one = methods.select(img, has(found, letter) or missing(e, letter, img))
    return core.mul(one, (o.scale or 1) + 0.0) -- a float
  end
  local all, named = nil, {}
  local function take(x, word)
    x = methods.rename(x, word)
    all = all and core.stack(all, x) or x
  end
  for _, word in ipairs(words_of(e.formula)) do
    if letters[word] then take(band(word), word)
    elseif is_kernel(word) then
      local function side(i)
        local letter = sub(word, i, i)
        return letter == "L" and (o.L or constants.L) + 0.0 or band(letter)
      end
      take(kernel(side(2), side(3), o), word)
    else named[word] = constant(e, word, o, sensor) end
  end
  return methods.rename(core.expr(all, e.formula, named), e.name)
end

-- indices(text) -> a list of { name, title, formula, domain, reference } of those whose bands the
-- Image has, and in which the text occurs
function methods.indices(img, text)
  local found, list, c = letters_of(img, {}), {}, catalogue()
  for _, name in ipairs(c.names) do
    local e, good = c.entries[name], true
    for _, letter in ipairs(read_letters(e)) do good = good and has(found, letter) end
    local said = lower(e.name .. " " .. e.title .. " " .. e.domain)
    if good and (text == nil or said:find(lower(text), 1, true)) then
      list[#list + 1] = { name = e.name, title = e.title, formula = e.formula, domain = e.domain,
        reference = e.reference }
    end
  end
  return list
end
