-- What sensors' products hold: bands, their common names, scales, and what hides clouds.
-- SPDX-License-Identifier: MIT
--
-- Data, with a version that plans and descriptions name. A profile:
--   id, version, title
--   collections  patterns of collection names, platforms and ids (both optional) narrow them
--   bands        in order: name; common (names that serve as well); keys (assets, besides these
--                names); dtype (nil: the file is asked); scale, offset (physical = number * scale
--                + offset); nodata; classes (numbers of classes or bits: nearest and mode only);
--                res (metres); number (band of a file of several)
--   baseline     {property, from, applied}: numbers of reflective bands carry `shift` from
--                processing baseline `from` on
--   mask         how mask_clouds finds what to hide: see sensors.lua
-- Sources are named beside what they state. Read at the first question about a profile, when the
-- script may have changed its globals: what is needed of them is handed in.
local ipairs, upper = ...

local profiles = {}

local function band(name, common, keys, more)
  local b = more or {}
  b.name, b.common, b.keys = name, common, keys or {}
  return b
end

-- Reflective bands of Sentinel-2: [name] = {common names, keys of others' catalogues, metres}.
-- Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD), the radiometric resources of
-- the tile's metadata: quantification 10000, DN 0 = no data. From baseline 04.00 on (25 January
-- 2022) RADIO_ADD_OFFSET (L1C) and BOA_ADD_OFFSET (L2A) are -1000 for every band.
local msi = {
  { "B01", { "coastal" }, 60 },
  { "B02", { "blue" }, 10 },
  { "B03", { "green" }, 10 },
  { "B04", { "red" }, 10 },
  { "B05", { "rededge1", "rededge071" }, 20 },
  { "B06", { "rededge2", "rededge075" }, 20 },
  { "B07", { "rededge3", "rededge078" }, 20 },
  { "B08", { "nir" }, 10 },
  { "B8A", { "nir08" }, 20 },
  { "B09", { "nir09" }, 60 },
  { "B10", { "cirrus" }, 60 },
  { "B11", { "swir16" }, 20 },
  { "B12", { "swir22" }, 20 },
}

local function msi_bands(without, more)
  local bands = {}
  for _, m in ipairs(msi) do
    if m[1] ~= without then
      local keys = {}
      for _, r in ipairs { m[3], 10, 20, 60 } do -- the finest that the band was measured at first
        if r >= m[3] then keys[#keys + 1] = m[1] .. "_" .. r .. "m" end
      end
      bands[#bands + 1] = band(m[1], m[2], keys, { dtype = "uint16", scale = 0.0001, offset = 0,
        nodata = 0, res = m[3], shift = true })
    end
  end
  for _, b in ipairs(more or {}) do bands[#bands + 1] = b end
  return bands
end

local msi_baseline = { property = "s2:processing_baseline", from = 4.0, shift = -1000,
  scale = 0.0001,
  applied = { "earthsearch:boa_offset_applied", "boa_offset_applied", "s2:boa_offset_applied" } }

-- The scene classification (same document, L2A): 0 no data, 1 saturated or defective, 2 dark, 3
-- cloud shadow, 4 vegetation, 5 bare soil, 6 water, 7 unclassified, 8 cloud of medium, 9 of high
-- probability, 10 thin cirrus, 11 snow or ice.
profiles[#profiles + 1] = { id = "sentinel-2-l2a", version = 1, title = "Sentinel-2 L2A (MSI)",
  collections = { "sentinel%-?2.*l2a", "sentinel%-s2%-l2a", "s2_sr" },
  ids = { "^S2[ABC]_MSIL2A", "^S2[ABC]_.*L2A" },
  bands = msi_bands("B10", {
    band("AOT", { "aot" }, { "aot", "AOT_10m", "AOT_20m", "AOT_60m" }, { dtype = "uint16",
      scale = 0.001, offset = 0, nodata = 0, res = 10 }),
    band("WVP", { "wvp" }, { "wvp", "WVP_10m", "WVP_20m", "WVP_60m" }, { dtype = "uint16",
      scale = 0.001, offset = 0, nodata = 0, res = 10 }),
    band("SCL", { "scl" }, { "scl", "SCL_20m", "SCL_60m" }, { dtype = "uint8", nodata = 0,
      classes = true, res = 20 }),
    band("CLD", { "cloud_probability" }, { "cloud", "cloud_probability", "CLD_20m", "CLD_60m",
      "MSK_CLDPRB_20m", "MSK_CLDPRB_60m", "cldprb" }, { dtype = "uint8", res = 20 }),
  }),
  baseline = msi_baseline,
  mask = { classes = { band = "SCL", hide = { cirrus = { 10 }, cloud = { 8, 9 }, shadow = { 3 },
      snow = { 11 }, unclassified = { 7 }, dark = { 2 }, defective = { 1 } },
    default = { "cirrus", "cloud", "shadow" } },
    probability = { band = "CLD" } } }

profiles[#profiles + 1] = { id = "sentinel-2-l1c", version = 1, title = "Sentinel-2 L1C (MSI)",
  collections = { "sentinel%-?2.*l1c", "sentinel%-s2%-l1c", "copernicus/s2$", "s2_harmonized" },
  ids = { "^S2[ABC]_MSIL1C", "^S2[ABC]_.*L1C" },
  bands = msi_bands(nil), baseline = msi_baseline }

-- Landsat Collection 2. Level 2: LSDS-1619 (Landsat 8-9) and LSDS-1618 (4-7) Science Product
-- Guides: reflectance = DN * 0.0000275 - 0.2, temperature = DN * 0.00341802 + 149 kelvin, fill 0.
-- QA_PIXEL (LSDS-1822, data format control book): bit 0 fill, 1 dilated cloud, 2 cirrus of high
-- confidence (8-9 only), 3 cloud, 4 cloud shadow, 5 snow, 6 clear, 7 water.
local function sr(name, common, keys)
  return band(name, common, keys, { dtype = "uint16", scale = 0.0000275, offset = -0.2,
    nodata = 0, res = 30 })
end
local function st(name, common, keys)
  return band(name, common, keys, { dtype = "uint16", scale = 0.00341802, offset = 149.0,
    nodata = 0, res = 30 })
end
local function qa(name, keys, dtype, nodata)
  return band(name, {}, keys, { dtype = dtype, classes = true, nodata = nodata, res = 30 })
end
local function qa_pixel() return qa("QA_PIXEL", { "qa_pixel", "qa" }, "uint16", 1) end
local function qa_radsat() return qa("QA_RADSAT", { "qa_radsat" }, "uint16") end

local qa_mask = { bits = { band = "QA_PIXEL",
  hide = { fill = 0, dilated = 1, cirrus = 2, cloud = 3, shadow = 4, snow = 5, water = 7 },
  default = { "fill", "dilated", "cirrus", "cloud", "shadow" } } }

local function dn(name, common, dtype, keys)
  return band(name, common, keys, { dtype = dtype, nodata = 0, res = 30 })
end

-- MSS: bands 4 to 7 of Landsat 1-3 are 1 to 4 of Landsat 4-5
for n, first in ipairs { 1, 4 } do
  profiles[#profiles + 1] = { id = n == 1 and "landsat-mss45-c2-l1" or "landsat-mss123-c2-l1",
    version = 1, title = "Landsat Collection 2 Level 1 (MSS)",
    ids = { n == 1 and "^LM0[45]" or "^LM0[123]" },
    bands = { dn("B" .. first, { "green" }, "uint8"), dn("B" .. first + 1, { "red" }, "uint8"),
      dn("B" .. first + 2, { "nir08", "nir" }, "uint8"), dn("B" .. first + 3, { "nir09" }, "uint8"),
      qa_pixel(), qa_radsat() },
    mask = qa_mask }
end

profiles[#profiles + 1] = { id = "landsat-oli-c2-l2", version = 1,
  title = "Landsat 8-9 Collection 2 Level 2 (OLI, TIRS)",
  collections = { "landsat.*c2.*l2", "landsat.*l2", "lc0[89].*l2" },
  platforms = { "landsat[-_]?0?[89]" }, ids = { "^LC0[89]_L2" },
  bands = { sr("SR_B1", { "coastal" }), sr("SR_B2", { "blue" }), sr("SR_B3", { "green" }),
    sr("SR_B4", { "red" }), sr("SR_B5", { "nir08", "nir" }), sr("SR_B6", { "swir16" }),
    sr("SR_B7", { "swir22" }), st("ST_B10", { "lwir11", "lwir" }), qa_pixel(), qa_radsat(),
    qa("SR_QA_AEROSOL", { "qa_aerosol" }, "uint8") },
  mask = qa_mask }

profiles[#profiles + 1] = { id = "landsat-tm-c2-l2", version = 1,
  title = "Landsat 4-7 Collection 2 Level 2 (TM, ETM+)",
  collections = { "landsat.*c2.*l2", "landsat.*l2", "l[te]0[457].*l2" },
  platforms = { "landsat[-_]?0?[457]" }, ids = { "^L[TE]0[457]_L2" },
  bands = { sr("SR_B1", { "blue" }), sr("SR_B2", { "green" }), sr("SR_B3", { "red" }),
    sr("SR_B4", { "nir08", "nir" }), sr("SR_B5", { "swir16" }), sr("SR_B7", { "swir22" }),
    st("ST_B6", { "lwir" }), qa_pixel(), qa_radsat(),
    qa("SR_CLOUD_QA", { "cloud_qa" }, "uint8") },
  mask = qa_mask }

-- Level 1 of OLI (LSDS-1822): reflectance before the correction for the sun = DN * 0.00002 - 0.1
-- in every reflective band; divided by the sine of the sun's elevation. Those of TM and ETM+
-- differ from band to band and scene to scene; they have no scale here.
local function toa(name, common, res)
  return band(name, common, {}, { dtype = "uint16", scale = 0.00002, offset = -0.1, nodata = 0,
    res = res or 30, sun = true })
end

profiles[#profiles + 1] = { id = "landsat-oli-c2-l1", version = 1,
  title = "Landsat 8-9 Collection 2 Level 1 (OLI, TIRS)",
  collections = { "landsat.*c2.*l1", "landsat.*l1" },
  platforms = { "landsat[-_]?0?[89]" }, ids = { "^L[CO]0[89]_L1" },
  bands = { toa("B1", { "coastal" }), toa("B2", { "blue" }), toa("B3", { "green" }),
    toa("B4", { "red" }), toa("B5", { "nir08", "nir" }), toa("B6", { "swir16" }),
    toa("B7", { "swir22" }), toa("B8", { "pan" }, 15), toa("B9", { "cirrus" }),
    dn("B10", { "lwir11" }, "uint16"), dn("B11", { "lwir12" }, "uint16"), qa_pixel(),
    qa_radsat() },
  mask = qa_mask }

profiles[#profiles + 1] = { id = "landsat-tm-c2-l1", version = 1,
  title = "Landsat 4-7 Collection 2 Level 1 (TM, ETM+)",
  collections = { "landsat.*c2.*l1", "landsat.*l1" },
  platforms = { "landsat[-_]?0?[457]" }, ids = { "^L[TE]0[457]_L1" },
  bands = { dn("B1", { "blue" }, "uint8"), dn("B2", { "green" }, "uint8"),
    dn("B3", { "red" }, "uint8"), dn("B4", { "nir08", "nir" }, "uint8"),
    dn("B5", { "swir16" }, "uint8"), dn("B6", { "lwir" }, "uint8", { "lwir61" }),
    dn("B7", { "swir22" }, "uint8"), dn("B8", { "pan" }, "uint8"), qa_pixel(), qa_radsat() },
  mask = qa_mask }

-- MODIS vegetation indices, MOD13 and MYD13 (user guide of collection 6.1): number * 0.0001, fill
-- -3000; pixel reliability: -1 fill, 0 good, 1 marginal, 2 snow or ice, 3 cloudy.
local function vi(name, keys)
  return band(name, { name:lower() }, keys, { dtype = "int16", scale = 0.0001, offset = 0,
    nodata = -3000 })
end
local function vi_keys(what)
  return { "250m_16_days_" .. what, "500m_16_days_" .. what, "1_km_16_days_" .. what,
    "1_km_monthly_" .. what }
end
profiles[#profiles + 1] = { id = "modis-13", version = 1, title = "MODIS vegetation indices",
  collections = { "modis%-13", "m[oy]d13" }, ids = { "^M[OY]D13" },
  bands = { vi("NDVI", vi_keys "NDVI"), vi("EVI", vi_keys "EVI"),
    band("reliability", {}, vi_keys "pixel_reliability", { dtype = "int8", nodata = -1,
      classes = true }),
    band("quality", {}, vi_keys "VI_Quality", { dtype = "uint16", nodata = 65535,
      classes = true }) },
  mask = { classes = { band = "reliability", hide = { cloud = { 3 }, snow = { 2 } },
    default = { "cloud" } } } }

-- Sentinel-1: amplitudes (GRD, uint16) or calibrated backscatter (RTC, float32)
local function sar(name) return band(name, {}, { upper(name), "iw-" .. name }) end
profiles[#profiles + 1] = { id = "sentinel-1", version = 1, title = "Sentinel-1 (SAR)",
  collections = { "sentinel%-?1", "^s1[-_]" }, ids = { "^S1[ABCD]_" },
  bands = { sar "vv", sar "vh", sar "hh", sar "hv" } }

-- Sentinel-5P Level 2 (product user manuals of KNMI and DLR, section on data quality): qa_value is
-- 0 to 1; above 0.75 for NO2, 0.5 for the others. As GDAL reads it: 0 to 100 with scale 0.01.
local function gas(name, keys) return band(name, {}, keys) end
profiles[#profiles + 1] = { id = "sentinel-5p-l2", version = 1,
  title = "Sentinel-5P Level 2 (TROPOMI)",
  collections = { "sentinel%-?5p" }, ids = { "^S5P_" },
  bands = { gas("NO2", { "no2", "nitrogendioxide_tropospheric_column" }),
    gas("CO", { "co", "carbonmonoxide_total_column" }),
    gas("O3", { "o3", "ozone_total_vertical_column" }),
    gas("HCHO", { "hcho", "formaldehyde_tropospheric_vertical_column" }),
    gas("SO2", { "so2", "sulfurdioxide_total_vertical_column" }),
    gas("CH4", { "ch4", "methane_mixing_ratio" }),
    band("qa_value", {}, { "qa" }, { scale = 0.01, offset = 0 }) },
  mask = { above = { band = "qa_value", limit = 75, number = 0.01 } } }

profiles[#profiles + 1] = { id = "dem", version = 1, title = "elevation model",
  collections = { "cop%-dem", "dem%-glo", "^nasadem", "^alos%-dem", "^srtm", "^3dep", "^dem" },
  bands = { band("elevation", { "dem" }, { "elevation", "data", "dem", "dsm" }) } }

-- ESA WorldCover (product user manual, v1.0 and v2.0): classes and colours of the map
profiles[#profiles + 1] = { id = "esa-worldcover", version = 1, title = "ESA WorldCover",
  collections = { "worldcover" }, ids = { "^ESA_WorldCover" },
  bands = { band("class", { "landcover" }, { "map", "data", "ESA_WORLDCOVER_10M_MAP" }, {
    dtype = "uint8", nodata = 0, classes = true, res = 10 }) },
  palette = { [10] = { "#006400", "tree cover" }, [20] = { "#ffbb22", "shrubland" },
    [30] = { "#ffff4c", "grassland" }, [40] = { "#f096ff", "cropland" },
    [50] = { "#fa0000", "built-up" }, [60] = { "#b4b4b4", "bare or sparse vegetation" },
    [70] = { "#f0f0f0", "snow and ice" }, [80] = { "#0064c8", "permanent water" },
    [90] = { "#0096a0", "herbaceous wetland" }, [95] = { "#00cf75", "mangroves" },
    [100] = { "#fae6a0", "moss and lichen" } } }

profiles[#profiles + 1] = { id = "landcover", version = 1, title = "land cover",
  collections = { "lulc", "landcover", "land%-cover", "corine", "nlcd" },
  bands = { band("class", { "landcover" }, { "map", "data", "landcover" }, { classes = true }) } }

-- NAIP: one file, bands in this order
profiles[#profiles + 1] = { id = "naip", version = 1, title = "NAIP aerial images",
  collections = { "^naip" },
  bands = { band("red", {}, { "image" }, { dtype = "uint8", number = 1, res = 1 }),
    band("green", {}, { "image" }, { dtype = "uint8", number = 2, res = 1 }),
    band("blue", {}, { "image" }, { dtype = "uint8", number = 3, res = 1 }),
    band("nir", {}, { "image" }, { dtype = "uint8", number = 4, res = 1 }) } }

-- Everything else: the rasters that a scene has, by their own names
profiles.generic = { id = "generic", version = 1, title = "any raster" }

return profiles
