# Collections on real scenes against numpy, float64, pixel for pixel: ten Sentinel-2 scenes of two tiles
# across their seam, and 118 dates of one field. SPDX-License-Identifier: MIT
# test-timeout: 300
import glob
import json
import os
import warnings

from tap import gdal, np, ok, note, done, shared, tellua, Raster, SCRATCH

CLOUDY = (0, 3, 8, 9, 10)
catalogue = shared("s2_timeseries_mapchete_33T", "catalog.json")
dense = shared("s2_s1_l8_dense_worldcereal", "00002806639B424A")
if not catalogue or not dense:
    print("1..0 # SKIP the real data is not here")
    raise SystemExit(0)
HERE = os.path.join(SCRATCH, "real")
os.makedirs(HERE, exist_ok=True)
warnings.simplefilter("ignore")


def script(source, outputs, options=""):
    path = os.path.join(HERE, "s.lua")
    with open(path, "w") as f:
        f.write("local c = Collection(%s%s):mask_clouds()\n" % (json.dumps(source), options))
        for name, lua in outputs.items():
            f.write("output('%s', %s, {dtype = 'float64'})\n" % (name, lua))
    return path


def run(path, outputs, *args):
    memory = json.loads(tellua("run", path, "--json", "--out", HERE, *args)[0])["memory"]
    ok(memory["peak"] <= memory["planned"] or os.environ.get("CONFIG") in ("asan", "tsan"),
       "within the memory that was planned", memory)
    return {n: Raster(os.path.join(HERE, n + ".tif")) for n in outputs}


def medoid(v, k):
    """v, k: scenes x bands x rows x columns. The scene, or -1."""
    both, total = k.all(1), np.zeros(v[:, 0].shape)
    for i in range(len(v)):
        for j in range(len(v)):
            if i != j:
                d = np.zeros(v.shape[2:])
                for b in range(v.shape[1]):
                    d += (v[i, b] - v[j, b]) ** 2
                total[i] += np.where(both[i] & both[j], np.sqrt(d), 0)
    return np.where(both.any(0), np.where(both, total, np.inf).argmin(0), -1)


def chosen(v, k, at):
    take = np.maximum(at, 0)[None, None]
    return np.take_along_axis(v, take, 0)[0], np.take_along_axis(k, take, 0)[0] & (at >= 0)


def percentile(a, n, p):
    """numpy's linear method, which np.nanpercentile calls once a cell: all cells at once."""
    a = np.sort(a, 0)  # invalid ones, NaN, come last
    at = p / 100 * (np.maximum(n, 1) - 1)
    low, t = np.floor(at).astype(int), at - np.floor(at)
    x = np.take_along_axis(a, low[None], 0)[0]
    y = np.take_along_axis(a, np.minimum(low + 1, np.maximum(n, 1) - 1)[None], 0)[0]
    return np.where(t < 0.5, x + (y - x) * t, y - (y - x) * (1 - t))


def expected(v, k, quality):
    """Of scenes x bands: every result of the scripts below, values and validity."""
    a, n = np.where(k, v, np.nan), k.sum(0)
    q = np.where(k[:, quality], v[:, quality], -np.inf)
    best = np.where(k[:, quality].any(0), q.argmax(0), -1)
    median = percentile(a, n, 50)
    sample = (slice(None), slice(None), slice(0, 40), slice(0, 40))
    assert np.array_equal(percentile(a[sample], n[sample[1:]], 25), np.nanpercentile(a[sample], 25, axis=0),
                          equal_nan=True)
    assert np.array_equal(median[sample[1:]], np.nanmedian(a[sample], 0), equal_nan=True)
    return {"median": (median, n > 0), "p25": (percentile(a, n, 25), n > 0),
            "number": (n.astype("f8"), np.ones_like(n, bool)), "best": chosen(v, k, best),
            "medoid": chosen(v, k, medoid(v, k)), "three": (median, n >= 3),
            "first": chosen_first(v, k)}


def chosen_first(v, k):
    return np.take_along_axis(v, k.argmax(0)[None], 0)[0], k.any(0)


def compare(name, got, want, valid):
    if not (got.valid == valid).all():
        return ok(False, name, "validity differs at %d of %d" % ((got.valid != valid).sum(), valid.size))
    bad = (np.where(valid, got.values, 0) != np.where(valid, want, 0))
    return ok(not bad.any(), name, "%d of %d differ, first %s" % (bad.sum(), bad.size, np.argwhere(bad)[:1]))


# --- five dates of two tiles -----------------------------------------------------------------------------

BANDS = ["B02", "B03", "B04", "B08"]
sel = "c:select(%s)" % ", ".join("'%s'" % b for b in BANDS)
OUT = {"median": sel + ":median()", "p25": sel + ":percentile(25)", "number": sel + ":count()",
       "best": sel + ":quality_mosaic('B08')", "medoid": sel + ":medoid()",
       "three": sel + ":median{min_count = 3}", "first": sel + ":first()"}
SEAM = ["--window", "0,780,915,200"]  # cells of the grid that both tiles make
got = run(script(catalogue, OUT), OUT, *SEAM)
grid = got["median"]
note("grid %s of %s" % (grid.transform, grid.size))


def on_grid(path, r):
    """The nearest pixel of each cell of r, ties to the lower index; values and validity."""
    ds = gdal.Open(path)
    t, a = ds.GetGeoTransform(), ds.ReadAsArray()
    x = r.transform[0] + (np.arange(r.size[0]) + 0.5) * r.transform[1]
    y = r.transform[3] + (np.arange(r.size[1]) + 0.5) * r.transform[5]
    col = (np.ceil((x - t[0]) / t[1] - 1e-9) - 1).astype(int)
    row = (np.ceil((y - t[3]) / t[5] - 1e-9) - 1).astype(int)
    inside = ((row >= 0) & (row < a.shape[0]))[:, None] & ((col >= 0) & (col < a.shape[1]))[None]
    v = a[np.clip(row, 0, a.shape[0] - 1)][:, np.clip(col, 0, a.shape[1] - 1)]
    return np.where(inside, v, 0).astype("f8"), inside


scenes = sorted(glob.glob(os.path.join(os.path.dirname(catalogue), "sentinel-2-l2a", "*", "B04.tif")))
if not scenes:
    scenes = sorted(glob.glob(os.path.join(os.path.dirname(catalogue), "**", "B04.tif"), recursive=True))
order = json.loads(tellua("plan", os.path.join(HERE, "s.lua"), "--json", *SEAM)[0])["plan"]["sources"]
order = [s["id"] for s in next(s for s in order if "composite" in s)["composite"]["scenes"]]
folders = {os.path.basename(os.path.dirname(p)): os.path.dirname(p) for p in scenes}
ok(len(order) == 10 and set(order) == set(folders), "ten scenes are listed", (order, sorted(folders)))
v, k = [], []
for scene in order:
    scl, inside = on_grid(os.path.join(folders[scene], "SCL.tif"), grid)
    clear = inside & ~np.isin(scl, CLOUDY)
    bands = [on_grid(os.path.join(folders[scene], b + ".tif"), grid) for b in BANDS]
    v.append([b[0] for b in bands])
    k.append([b[1] & (b[0] != 0) & clear for b in bands])
for name, (want, valid) in expected(np.array(v), np.array(k), 3).items():
    compare("%s of ten scenes equals numpy, across the seam" % name, got[name], want, valid)
seam = np.array(k).any(1)
first, second = (np.array([seam[i] for i, s in enumerate(order) if t in s]).any(0) for t in ("33TWM", "33TWL"))
ok((first & second).sum() > 5000, "the tiles overlap there", (first & second).sum())

# --- 118 dates ---------------------------------------------------------------------------------------------

BANDS = ["B02", "B04", "B08"]
sel = "c:select(%s)" % ", ".join("'%s'" % b for b in BANDS)
OUT = {"median": sel + ":median()", "p25": sel + ":percentile(25)", "number": sel + ":count()",
       "best": sel + ":quality_mosaic('B08')", "medoid": sel + ":medoid()",
       "three": sel + ":median{min_count = 3}", "first": sel + ":first()"}
options = ", {pattern = 'S2_L2A_{*}_{id}_{*}_{*}_{*}.nc', profile = 'sentinel-2-l2a'}"
got = run(script(dense, OUT, options), OUT)


def variable(file, name):
    """Time x rows from the north x columns, and the number that marks gaps."""
    f = glob.glob(os.path.join(dense, "S2_L2A_%s_*.nc" % file))[0]
    keep = gdal.OpenEx(f, gdal.OF_MULTIDIM_RASTER)
    root = keep.GetRootGroup()
    array, y = root.OpenMDArray(name), root.OpenMDArray("y").ReadAsArray()
    a = array.ReadAsArray()
    return a if y[0] > y[-1] else a[:, ::-1], array.GetNoDataValueAsDouble()


scl = variable("20m", "SCL")[0].repeat(2, 1).repeat(2, 2)
v, k = [], []
for b in BANDS:
    a, nodata = variable("10m", b)
    v.append(a.astype("f8"))
    k.append((a != 0) & (a != (nodata if nodata is not None else 0)) & ~np.isin(scl, CLOUDY))
v, k = np.array(v).swapaxes(0, 1), np.array(k).swapaxes(0, 1)
ok(v.shape == (118, 3, 64, 64), "118 dates are there", v.shape)
ok(got["median"].size == (64, 64), "on the field's grid", got["median"].size)
for name, (want, valid) in expected(v, k, 2).items():
    compare("%s of 118 dates equals numpy" % name, got[name], want, valid)
done()
