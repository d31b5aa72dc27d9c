-- Reflectance as seen from above, by the c-factor of Roy and others (2017), of the first of two
-- tiles whose view azimuth is above 1 degree; zeros where neither is. Angles are bands, in degrees:
-- SAA, SZA, VAA, VZA. A tile counts where all its bands have a value.
--   tellua run scripts/gallery/brdf.lua -p scene="{date}/{band}.tif" -p dates=...
local scene = param("scene", "{date}/{band}.tif", { label = "scenes" })
local dates = param("dates", "", { label = "2 dates, newest first" })

local function series(...) -- B04_1, B08_1, B04_2 ...
  local files, n = {}, 0
  for date in dates:gmatch "[^,]+" do
    n = n + 1
    for _, name in ipairs { ... } do
      files[name .. "_" .. n] = (scene:gsub("{date}", date):gsub("{band}", name))
    end
  end
  assert(n == 2, "2 dates are needed, between commas")
  return Image(files)
end

local factors = { B02 = { 0.0774, 0.0079, 0.0372 }, B03 = { 0.1306, 0.0178, 0.0580 },
  B04 = { 0.1690, 0.0227, 0.0574 } }
local pi, sin, cos, tan, acos, sqrt = math.pi, math.sin, math.cos, math.tan, math.acos, math.sqrt

local function kernels(s, phi, z) -- of a sun zenith, a difference of azimuths, a view zenith
  local cosxi = cos(s) * cos(z) + sin(s) * sin(z) * cos(phi)
  local xi = acos(clamp(cosxi, -1, 1))
  local secs = 1 / cos(s) + 1 / cos(z)
  local D2 = tan(s) ^ 2 + tan(z) ^ 2 - 2 * tan(s) * tan(z) * cos(phi)
  local c = 2 * sqrt(math.max(D2, 0) + (tan(s) * tan(z) * sin(phi)) ^ 2) / secs
  local t = acos(math.min(1, c))
  local O = (t - sin(t) * cos(t)) * secs / pi
  return {
    vol = ((pi / 2 - xi) * cosxi + sin(xi)) / (cos(s) + cos(z)) - pi / 4,
    geo = O - secs + 0.5 * (1 + cosxi) / cos(s) / cos(z),
  }
end

local function corrector(tile)
  local phi = math.abs(tile.SAA - tile.VAA)
  if phi > 180 then phi = 360 - phi end
  local s, z = math.rad(tile.SZA), math.rad(tile.VZA)
  local above, seen = kernels(s, math.rad(phi), 0), kernels(s, math.rad(phi), z)
  return function(name)
    local f = factors[name]
    local function rho(k) return f[1] + f[2] * k.geo + f[3] * k.vol end
    return 2.5 * tile[name] * rho(above) / rho(seen)
  end
end

local function brdf(B02_1, B03_1, B04_1, SAA_1, SZA_1, VAA_1, VZA_1,
    B02_2, B03_2, B04_2, SAA_2, SZA_2, VAA_2, VZA_2)
  local tile
  if B02_1 and B03_1 and B04_1 and SAA_1 and SZA_1 and VZA_1 and VAA_1 and VAA_1 > 1 then
    tile = { B02 = B02_1 / 10000, B03 = B03_1 / 10000, B04 = B04_1 / 10000, SAA = SAA_1,
      SZA = SZA_1, VAA = VAA_1, VZA = VZA_1 }
  elseif B02_2 and B03_2 and B04_2 and SAA_2 and SZA_2 and VZA_2 and VAA_2 and VAA_2 > 1 then
    tile = { B02 = B02_2 / 10000, B03 = B03_2 / 10000, B04 = B04_2 / 10000, SAA = SAA_2,
      SZA = SZA_2, VAA = VAA_2, VZA = VZA_2 }
  else
    return 0, 0, 0
  end
  local correct = corrector(tile)
  return correct "B04", correct "B03", correct "B02"
end

output("brdf", series("B02", "B03", "B04", "SAA", "SZA", "VAA", "VZA"):execute(brdf,
  { valid = "any", bands = { "r", "g", "b" } }), { rgb = { "r", "g", "b" }, min = 0, max = 1 })
