#!/usr/bin/python3
"""The talks' use cases on real data, one number of each beside numpy. SPDX-License-Identifier: MIT

The stubble rule is in ndvi_test.py, the elevation explorer in map_page_test.py."""
import csv
import datetime
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import SCRATCH, Raster, done, gdal, np, ok, osr, shared, tellua  # noqa: E402

OUT = os.path.join(SCRATCH, "usecases")
gdal.SetConfigOption("GDAL_PAM_ENABLED", "YES")  # nodata of the five dates lies in side-cars


def run(script, *args, **params):
    options = [x for name, value in params.items() for x in ("-p", "%s=%s" % (name, value))]
    return tellua("run", "--quiet", "scripts/%s.lua" % script, *options, "--out", OUT, *args)[0]


def skip(what):
    ok(True, "%s # SKIP its data are not here (TELLUA_SHARED)" % what)


# --- NO2 before and in the lockdown -----------------------------------------------------------------

now = shared("no2_lockdown_omi_romania", "OMI-Aura_L3-OMNO2d_monthly.nc")
before = shared("no2_lockdown_omi_romania", "OMI-Aura_L3-OMNO2d_ymonmean_2015_2019.nc4")
if now and before:
    run("no2_lockdown", now=now, before=before)
    a, b = (Raster(f).values[3].astype("f8") for f in (now, before))
    got, want = Raster(OUT + "/no2_change.tif").values[0].astype("f8").mean(), ((a - b) / b * 100).mean()
    ok(abs(got - want) < 1e-4 and -40 < got < -5, "NO2 of April 2020 over Romania is %.2f %% off the five years before" % got, "numpy: %r" % want)
else:
    skip("NO2 in the lockdown")

# --- the scene without clouds, and water ------------------------------------------------------------

catalog = shared("s2_timeseries_mapchete_33T", "catalog.json")
S2 = catalog and os.path.dirname(catalog) + "/sentinel-2-l2a"
DATES = ("20230810", "20230813", "20230815", "20230818", "20230820")


def tile(date, band):
    name = [f for f in os.listdir(S2) if "33TWM_" + date in f][0]
    return Raster("%s/%s/%s.tif" % (S2, name, band))


def lonlat(r):
    to = osr.SpatialReference()
    to.ImportFromEPSG(4326)
    to.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    r.srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    t = osr.CoordinateTransformation(r.srs, to)
    g, (w, h) = r.transform, r.size
    x, y = np.meshgrid(g[0] + g[1] * (np.arange(w) + 0.5), g[3] + g[5] * (np.arange(h) + 0.5))
    p = np.array(t.TransformPoints(list(zip(x.ravel(), y.ravel()))))
    return p[:, 0].reshape(h, w), p[:, 1].reshape(h, w)


if catalog:
    said = run("best_scene", scenes=catalog)
    lon, lat = lonlat(tile(DATES[0], "SCL"))
    inside = (lon > 15.2) & (lon < 15.6) & (lat > 46.3) & (lat < 46.6)
    want = {}
    for date in DATES:
        scl = tile(date, "SCL")
        bad = np.isin(scl.values[0], (3, 8, 9, 10)) | ~scl.valid[0]
        want["%s-%s-%s" % (date[:4], date[4:6], date[6:])] = bad[inside].mean() * 100
    got = {row["date"]: float(row["cloudy"]) for row in csv.DictReader(open(OUT + "/clouds.csv"))}
    ok(set(got) == set(want) and max(abs(got[d] - want[d]) for d in want) < 0.3, "the share of clouds over a place, date by date", "%s\n%s" % (got, want))
    best = min(want, key=want.get)
    ok(said.startswith(best) and os.path.exists(OUT + "/best.tif"), "the clearest day is %s" % best, said)

    run("surface_water", "--bbox", "15.8,46.3,16.0,46.5", scenes=catalog)
    got = Raster(OUT + "/water.tif")
    bands = {}
    for name in ("B03", "B04", "B08"):
        layers = []
        for date in DATES:
            r, scl = tile(date, name), tile(date, "SCL")
            hidden = np.isin(scl.values[0], (3, 8, 9, 10)) | ~scl.valid[0] | ~r.valid[0]
            layers.append(np.where(hidden, np.nan, r.values[0].astype("f8")))
        with np.errstate(all="ignore"):
            bands[name] = np.nanmedian(np.stack(layers), 0)
    green, nir = bands["B03"], bands["B08"]
    valid = ~np.isnan(green + nir)
    water = valid & ((green - nir) / (green + nir) > 0) & (nir < 1000) & (green < 1200)

    def spread(a, invalid, how):
        p = np.pad(np.where(invalid, how is np.min, a), 1, constant_values=how is np.min)
        return how(np.stack([p[i:i + a.shape[0], j:j + a.shape[1]] for i in range(3) for j in range(3)]), 0)

    opened = spread(spread(water, ~valid, np.min), ~valid, np.max)
    g, t = got.transform, tile(DATES[0], "B03").transform
    x, y = round((g[0] - t[0]) / 120), round((t[3] - g[3]) / 120)
    cut = opened[y:y + got.size[1], x:x + got.size[0]]
    mine = (got.values[0] == 1) & got.valid[0]
    ok(mine.sum() == cut.sum() > 0, "%d cells of open water over the median of five dates" % mine.sum(), "numpy: %d" % cut.sum())
else:
    skip("the scene without clouds, and surface water")

# --- Sentinel-1 -------------------------------------------------------------------------------------

s1 = shared("s2_landsat_cbers_s1_rio-tiler_mocks", "sentinel-s1-l1c")
if s1:
    run("s1_mosaic", "--crs", "EPSG:32643", "--res", "500", scenes=s1, radius=0)
    got = Raster(OUT + "/s1.tif")
    name = [os.path.join(d, f) for d, _, files in os.walk(s1) for f in files if f == "iw-vv.tiff"][0]
    number = gdal.Open(name).ReadAsArray().astype("f8")
    db = 20 * np.log10(number[number > 0])
    ours = got.values[0][got.valid[0]]
    ok(abs(np.median(ours) - np.median(db)) < 0.1 and ours.size > 100000, "Sentinel-1 by control points onto a grid: median %.2f dB" % np.median(ours),
       "of the radar's cells: %.2f" % np.median(db))
else:
    skip("Sentinel-1")

# --- a field's year ---------------------------------------------------------------------------------

dense = shared("s2_s1_l8_dense_worldcereal", "00002806639B424A")
if dense:
    fine, coarse = ("%s/S2_L2A_%s_00002806639B424A_32631_2017-08-01_2018-11-30.nc" % (dense, res) for res in ("10m", "20m"))
    run("crop_series", s2=fine, classes=coarse)
    groups = [gdal.OpenEx(f, gdal.OF_MULTIDIM_RASTER).GetRootGroup() for f in (fine, coarse)]
    at = groups[0].OpenMDArray("timestamp")
    base = datetime.datetime.fromisoformat(at.GetUnit().replace("seconds since ", ""))
    months = [(base + datetime.timedelta(seconds=int(s))).strftime("%Y-%m") for s in at.ReadAsArray()]
    pick = [i for i, m in enumerate(months) if m == "2018-06"]
    red, nir = (groups[0].OpenMDArray(b).ReadAsArray()[pick].astype("f8") for b in ("B04", "B08"))
    scl = groups[1].OpenMDArray("SCL").ReadAsArray()[pick].repeat(2, 1).repeat(2, 2)
    with np.errstate(all="ignore"):
        ndvi = np.where((scl >= 4) & (scl <= 7), (nir - red) / (nir + red), np.nan)
        want = np.nanmean(np.nanmedian(ndvi, 0))
    row = [r for r in csv.DictReader(open(OUT + "/series.csv")) if r["month"] == "2018-06"][0]
    ok(abs(float(row["mean"]) - want) < 1e-6 and int(row["views"]) == len(pick), "NDVI of a field in June 2018: %s of %s views" % (row["mean"], row["views"]),
       "numpy: %r of %d" % (want, len(pick)))
    ok(len(list(csv.DictReader(open(OUT + "/series.csv")))) == 16, "a row for each of sixteen months")
else:
    skip("a field's year")
done()
