# The gallery's scripts on real scenes, each against an evaluation of its formula in numpy.
# SPDX-License-Identifier: MIT
#
# The formulas below are written from their description, not from the scripts. A script must compile
# whole; without exponentials, logarithms and sines every cell must agree to the bit, else to 1e-9.
import datetime
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import SCRATCH, Raster, differ, done, gdal, note, np, ok, shared, tellua, write  # noqa: E402
import gallery_formulas  # noqa: E402
import gallery_series  # noqa: E402

MOCKS = "s2_landsat_cbers_s1_rio-tiler_mocks"
L1C = shared(MOCKS, "sentinel-s2-l1c/tiles/19/U/DP/2017/7/29/0")
L8 = shared(MOCKS, "landsat-pds/c1/L8/016/037/LC08_L1TP_016037_20170813_20170814_01_RT")
S2 = shared("s2_timeseries_mapchete_33T/sentinel-2-l2a")
DENSE = shared("s2_s1_l8_dense_worldcereal/00002806639B424A")
ZION = shared("landsat8_dem_landcover_spDataLarge")
if not (L1C and L8 and S2 and DENSE and ZION):
    print("1..0 # SKIP the real scenes are not here (TELLUA_SHARED)")
    sys.exit(0)


# --- scenes: a pattern for the script, and a reader of bands for the formula --------------------------

class Scene:
    """Bands of one file each; read(name) gives values in float64 and where they are valid."""

    def __init__(self, pattern, **params):
        self.pattern, self.cache = pattern, {}
        self.params = dict(params, scene=pattern)

    def read(self, name, date=None):
        key = (name, date)
        if key not in self.cache:
            r = Raster(self.pattern.replace("{band}", name).replace("{date}", date or ""))
            self.cache[key] = r.values[0].astype("f8"), r.valid[0]
        return self.cache[key]


class Series(Scene):
    def __init__(self, pattern, dates, **params):
        Scene.__init__(self, pattern, dates=",".join(dates), **params)
        self.dates = dates


holes = np.random.default_rng(7)


class Dense:
    """A file of the dense series: arrays by band and date."""

    def __init__(self, key):
        name = [f for f in os.listdir(DENSE) if f.startswith(key)][0]
        self.group = gdal.OpenEx(os.path.join(DENSE, name), gdal.OF_MULTIDIM_RASTER).GetRootGroup()
        at = self.group.OpenMDArray("timestamp")
        base = datetime.datetime.fromisoformat(at.GetUnit().replace("seconds since ", ""))
        self.dates = [(base + datetime.timedelta(seconds=int(s))).strftime("%Y%m%d")
                      for s in at.ReadAsArray()]

    def get(self, band, date):
        a = self.group.OpenMDArray(band).ReadAsArray()[self.dates.index(date)]
        return a if a.ndim < 2 or a.shape[0] == 64 else a.repeat(2, 0).repeat(2, 1)


def put(folder, date, band, values, nodata=0, cut=True):
    """Writes a band; of all but the tests' own arrays 5 % become nodata."""
    if cut:
        values = np.where(holes.random(values.shape) < 0.05, nodata, values).astype(values.dtype)
    os.makedirs("%s/%s/%s" % (SCRATCH, folder, date), exist_ok=True)
    path = "%s/%s/%s/%s.tif" % (SCRATCH, folder, date, band)
    write(path, [values], (600000, 10, 0, 5600000, 0, -10), 32631, nodata=nodata)


def dense_s2(folder, dates, bands, angles=False):
    s10, s20 = Dense("S2_L2A_10m"), Dense("S2_L2A_20m")
    for d in dates:
        for b in bands:
            fine = b in ("B02", "B03", "B04", "B08")
            put(folder, d, b, (s10 if fine else s20).get(b, d))
        if not angles:
            continue
        for b, name in (("SAA", "sunAzimuthAngles"), ("SZA", "sunZenithAngles"),
                        ("VAA", "viewAzimuthMean"), ("VZA", "viewZenithMean")):
            tilt = np.linspace(0, 0.5, 64)[None, :] + np.linspace(0, 0.25, 64)[:, None]
            put(folder, d, b, (float(s20.get(name, d)) + tilt), -999)
    return Series("%s/%s/{date}/{band}.tif" % (SCRATCH, folder), dates)


def near_dates(have, wanted):
    """The first date of each month asked for, of those there are; k-th of a month for a repeat."""
    out = []
    for w in wanted:
        out.append([d for d in have if d.startswith(w) and d not in out][0])
    return out


s2_dates = Dense("S2_L2A_20m").dates
l1c = Scene(L1C + "/{band}.jp2")
os.mkdir(SCRATCH + "/holes")  # the same with nodata, and a corner of zeros
for b in ("B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B10 B11 B12").split():
    values = Raster("%s/%s.jp2" % (L1C, b)).values[0]
    values[holes.random(values.shape) < 0.05] = 65535
    values[-20:, -30:] = 0
    write("%s/holes/%s.tif" % (SCRATCH, b), [values], (399960, 900, 0, 5400000, 0, -900), 32619, nodata=65535)
cut = Scene(SCRATCH + "/holes/{band}.tif")
l8 = Scene(L8 + "/" + os.path.basename(L8) + "_{band}.TIF")
FIVE = ["S2B_33TWL_20230820_0_L2A", "S2A_33TWL_20230818_0_L2A", "S2A_33TWL_20230815_0_L2A",
        "S2B_33TWL_20230813_0_L2A", "S2B_33TWL_20230810_0_L2A"]
august = Series(S2 + "/{date}/{band}.tif", FIVE)

# The same dates with the cloud probability beside the bands, under the name that the script wants.
for date in FIVE:
    os.makedirs("%s/clm/%s" % (SCRATCH, date))
    os.symlink("%s/%s/SCL.tif" % (S2, date), "%s/clm/%s/SCL.tif" % (SCRATCH, date))
    os.symlink("%s/%s/SCL.tif.aux.xml" % (S2, date), "%s/clm/%s/SCL.tif.aux.xml" % (SCRATCH, date))
    granule = "%s/%s/GRANULE" % (S2, date)
    probability = "%s/%s/QI_DATA/MSK_CLDPRB_20m.jp2" % (granule, os.listdir(granule)[0])
    os.symlink(probability, "%s/clm/%s/CLM.tif" % (SCRATCH, date))
clm = Series(SCRATCH + "/clm/{date}/{band}.tif", FIVE)

ten = ["B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12", "SCL"]
autumn = dense_s2("autumn", near_dates(s2_dates, ["201810", "201810", "201809", "201808", "201807"]),
                  ten)
winter = dense_s2("winter", near_dates(s2_dates, ["201801", "201801", "201712", "201711", "201802"]),
                  ten)
two_years = ["201810", "201809", "201808", "201710", "201709", "201708"]
year = dense_s2("year", near_dates(s2_dates, two_years), ten)
eight = [d for d in s2_dates if d[:6] in ("201806", "201807", "201808")][:8]
anomaly = dense_s2("anomaly", eight, ten)
anomaly.years = [2018, 2018, 2017, 2017, 2016, 2016, 2015, 2015]
anomaly.params["years"] = ",".join(map(str, anomaly.years))
tiles = dense_s2("tiles", s2_dates[30:32], ["B02", "B03", "B04"], angles=True)
values = tiles.read("VAA", tiles.dates[0])[0].copy()
values[:, :32] = 0  # one half of the first tile was not seen, a corner by neither
put("tiles", tiles.dates[0], "VAA", values, -999, False)
values = tiles.read("VAA", tiles.dates[1])[0].copy()
values[:16, :16] = 0.5
put("tiles", tiles.dates[1], "VAA", values, -999, False)
tiles.cache.clear()
one = dense_s2("one", [s2_dates[8]], ten)  # clear, with some cirrus, clouds and shadow
swbm = Scene("%s/one/%s/{band}.tif" % (SCRATCH, one.dates[0]))

s1 = Dense("S1_GRD")
months = s1.dates[:12]
for d in months:  # 1e-4 dB to linear
    for b in ("VV", "VH"):
        put("radar", d, b, 10 ** (s1.get(b, d) / 1e5), -999)
moisture = Series(SCRATCH + "/radar/{date}/{band}.tif", months)
radar = Scene("%s/radar/%s/{band}.tif" % (SCRATCH, months[0]))
fusion = Scene("%s/one/%s/{band}.tif" % (SCRATCH, one.dates[0]), radar=radar.pattern)
fusion.radar = radar

landsat = Dense("L8_SR")
heat_dates = landsat.dates[:5]
for d in heat_dates:
    for b in ("B03", "B04", "B05", "B10"):
        put("heat", d, b, landsat.get(b, d))
heat = Series(SCRATCH + "/heat/{date}/{band}.tif", heat_dates)

# Heights on Landsat's cells, by the nearest.
grid = gdal.Open(ZION + "/landsat_b4.tif")
x, dx, _, y, _, dy = grid.GetGeoTransform()
gdal.Warp(SCRATCH + "/heights.tif", ZION + "/srtm.tif", dstSRS=grid.GetProjection(),
          outputBounds=(x, y + grid.RasterYSize * dy, x + grid.RasterXSize * dx, y), xRes=dx, yRes=-dy)
for b in ("b2", "b3", "b4"):
    os.makedirs(SCRATCH + "/zion", exist_ok=True)
    os.symlink("%s/landsat_%s.tif" % (ZION, b), "%s/zion/%s.tif" % (SCRATCH, b.upper()))
zion = Scene(SCRATCH + "/zion/{band}.tif", dem=SCRATCH + "/heights.tif")

SCENES = {
    "s1_urban": radar, "dem_contours": zion, "scene_classes": Scene("%s/%s/{band}.tif" % (S2, FIVE[3])),
    "max_ndvi": august, "cloud_statistics": clm, "clouds_symbolic": l8, "swbm": swbm,
    "water_frequency": autumn, "growth_stage": autumn, "first_quartile": august,
    "monthly_composite": winter, "forest_cut": year, "ndvi_anomaly": anomaly, "soil_moisture": moisture,
    "land_surface_temperature": heat, "brdf": tiles, "ndvi_s1_s2": fusion,
}

# Scenes that reach what the real ones do not: fires; snow and water in several scenes; a forest cut.
os.mkdir(SCRATCH + "/hot")
for b in ("B02", "B03", "B04", "B05", "B08", "B8A", "B11", "B12"):
    values, valid = cut.read(b)
    values = np.where(valid, np.minimum(values * (6 if b in ("B11", "B12") else 1), 65534), 65535)
    write("%s/hot/%s.tif" % (SCRATCH, b), [values.astype("u2")], (399960, 900, 0, 5400000, 0, -900), 32619,
          nodata=65535)
hot = Scene(SCRATCH + "/hot/{band}.tif")
rolled = Series(SCRATCH + "/rolled/{date}/{band}.tif", ["2017070%d" % k for k in range(1, 6)])
for k, d in enumerate(rolled.dates):
    for b in ("B02", "B03", "B04", "B05", "B08", "B11", "B12"):
        values = np.roll(l1c.read(b)[0], 2 * k, 1) * (0.4 if b == "B11" and k > 1 else 1)
        put("rolled", d, b, values.astype("u2"))
felled = Series(SCRATCH + "/felled/{date}/{band}.tif", year.dates)
s10, s20 = Dense("S2_L2A_10m"), Dense("S2_L2A_20m")


def greenness(d):
    red, nir = [s10.get(b, d).astype("f8") + 1 for b in ("B04", "B08")]
    return np.median((nir - red) / (nir + red)) if np.median(s10.get("B02", d)) < 1200 else -1


ranked = sorted([d for d in s10.dates if d in s2_dates and greenness(d) > -1], key=greenness)
for k, d in enumerate(felled.dates):  # the barest scenes under this year's names, the greenest before
    for b in ("B02", "B03", "B04", "B05", "B08"):
        put("felled", d, b, (s20 if b == "B05" else s10).get(b, ranked[k] if k < 3 else ranked[-k]))

MORE = {"active_fire": hot, "markuse_fire": hot, "monthly_composite": rolled, "water_frequency": rolled,
        "forest_cut": felled}
VARIANTS = {
    "burned_area": [{}, {"limit": 0.1}], "land_surface_temperature": [{}, {"option": 1}, {"option": 2}],
    "lai": [{}, {"view_zenith": 9.5, "sun_azimuth": 20.25}],
    "ulyssys": [{}, {"chlorophyll": "flh", "sediment": "B04"}],
    "markuse_fire": [{}, {"natural": 40, "saturation": 1.5}],
}
# Those that call exp, log, pow, sin ...: numpy's are not libm's.
LIBM = {"highlight_natural_color", "bais2", "atcor", "tonemapped", "clouds_symbolic", "lai", "built_up",
        "soil_moisture", "land_surface_temperature", "brdf", "ndvi_s1_s2"}
INTERPRETED = {"cloud_statistics": "goto"}


# --- comparing ----------------------------------------------------------------------------------------

def script(name, compile):
    """A copy that writes float64 and says how it wants to be compiled."""
    text = open("scripts/gallery/%s.lua" % name).read()
    text, n = re.subn(r"\{ (bands|valid|on_error) =", r'{ compile = "%s", \1 =' % compile, text)
    assert n >= 1, name
    if 'dtype = "' not in text:
        text = ("local output = function(n, i, o) o = o or {} o.dtype = 'float64' o.format = 'gtiff' "
                "output(n, i, o) end ") + text
    path = "%s/%s.lua" % (SCRATCH, name)
    with open(path, "w") as f:
        f.write(text)
    return path, re.findall(r'^output\("(\w+)"', text, re.M)


def compare(name, want, got):
    """Largest relative difference, and what is wrong with values and masks."""
    worst, wrong = 0.0, []
    if len(want) != len(got.values):
        return 0, ["%d bands, not %d" % (len(got.values), len(want))]
    for k, (v, valid) in enumerate(want):
        v = np.asarray(v, "f8")
        valid = np.broadcast_to(valid, got.values[k].shape) & np.isfinite(v)
        if (valid != got.valid[k]).any():
            at = np.argwhere(valid != got.valid[k])
            wrong.append("band %d: %d masks differ, first at %s: wanted %s" % (
                k + 1, len(at), at[0], valid[tuple(at[0])]))
        both = valid & got.valid[k]
        a, b = np.broadcast_to(v, valid.shape)[both], got.values[k][both].astype("f8")
        d = np.abs(a - b) / np.maximum(np.abs(a), 1e-3)
        worst = max(worst, d.max() if d.size else 0)
        if d.size and d.max() > (1e-9 if name in LIBM else 0):
            bad = both & (np.abs(np.broadcast_to(v, valid.shape) - got.values[k]) > 1e-9)
            at = np.argwhere(bad)
            first = tuple(at[0]) if len(at) else None
            wrong.append("band %d: %d cells differ, first at %s: wanted %r, got %r" % (
                k + 1, len(at), first, first and np.broadcast_to(v, valid.shape)[first], first and got.values[k][first]))
        if not valid.any():
            wrong.append("band %d has no valid cell: nothing is tried" % (k + 1))
    return worst, wrong


def run(name, scene, params, compile, *options):
    path, outputs = script(name, compile)
    args = []
    for k, v in dict(scene.params, **params).items():
        args += ["-p", "%s=%s" % (k, v)]
    tellua("run", "--quiet", path, *args, *options, "--out", SCRATCH)
    return [Raster("%s/%s.tif" % (SCRATCH, o)) for o in outputs]


def twin(name, scene, params, got):
    """What the Lua VM gives for some of the cells, against what was got; "" when it is the same."""
    w, h = min(128, got[0].size[0]), min(128, got[0].size[1])
    x, y = (got[0].size[0] - w) // 2, (got[0].size[1] - h) // 2
    lua = run(name, scene, params, "never", "--window", "%d,%d,%d,%d" % (x, y, w, h))
    for a, b in zip(lua, got):
        values, valid = b.values[:, y:y + h, x:x + w], b.valid[:, y:y + h, x:x + w]
        if (a.valid != valid).any():
            return "%d masks differ" % (a.valid != valid).sum()
        bad = differ(np.ascontiguousarray(values), a.values, valid)
        if bad:
            return bad
    return ""


def try_script(name, scene, params, title, how):
    try:
        got = run(name, scene, params, how)
    except RuntimeError as e:
        return ok(False, title, e)
    with np.errstate(all="ignore"):
        home = gallery_formulas if hasattr(gallery_formulas, name) else gallery_series
        want = getattr(home, name)(scene, **params)
    worst, wrong = 0.0, []
    for w, g in zip(want, got):
        d, bad = compare(name, w, g)
        worst, wrong = max(worst, d), wrong + bad
    seen = np.concatenate([np.where(g.valid, g.values, -1e9) for g in got])
    note("%s: %s, %d different numbers, %.0f %% valid, largest relative difference %.2g" % (
        title, "interpreted" if how == "auto" else "compiled", len(np.unique(seen)),
        100 * np.concatenate([g.valid for g in got]).mean(), worst))
    good = ok(not wrong, "%s is what its formula gives" % title, "\n".join(wrong))
    if how == "require":
        bad = twin(name, scene, params, got)
        good &= ok(not bad, "%s: the Lua VM gives the same bits" % title, bad)
    return good


def refusal(name, scene):
    """What the plan says of a script that does not compile."""
    args = []
    for k, v in scene.params.items():
        args += ["-p", "%s=%s" % (k, v)]
    return tellua("plan", "scripts/gallery/%s.lua" % name, *args)[0]


compiled = 0
names = sys.argv[1:] or sorted(f[:-4] for f in os.listdir("scripts/gallery"))
for name in names:
    how = "auto" if name in INTERPRETED else "require"
    scene, good = SCENES.get(name, l1c), True
    for params in VARIANTS.get(name, [{}]):
        good &= try_script(name, scene, params, " ".join([name] + ["%s=%s" % p for p in params.items()]), how)
    if scene is l1c:
        good &= try_script(name, cut, {}, name + " with holes", how)
    if name in MORE:
        good &= try_script(name, MORE[name], {}, name + " elsewhere", how)
    if how == "auto":
        said = refusal(name, scene)
        ok("interpreted" in said and INTERPRETED[name] in said, name + ": the plan says why it does not compile", said)
    compiled += good and how == "require"
if not sys.argv[1:]:
    ok(len(names) == 40 and compiled >= 36, "forty scripts, at least 36 of them compiled", compiled)
done()
