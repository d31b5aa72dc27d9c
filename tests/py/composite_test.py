# Composites: reduced scenes against numpy, over random scenes and grids, by plans written here.
# SPDX-License-Identifier: MIT
import copy
import json
import os
import random

from tap import np, osr, ok, note, done, tellua, write, Raster, differ, SCRATCH

SEED = int(os.environ.get("TELLUA_SEED", "20240713"))
note("seed %d" % SEED)
rng = np.random.default_rng(SEED)
random.seed(SEED)
HERE = os.path.join(SCRATCH, "composite")
os.makedirs(HERE, exist_ok=True)
W, H = 100, 84  # the grid that all is compared on
X0, Y0, CELL = 500000, 5000000, 10
STREAM = ["first", "last", "min", "max", "sum", "mean", "stddev", "count"]
ALL = STREAM + ["median", "percentile", "mode", "medoid", "quality_mosaic"]


def srs(epsg):
    r = osr.SpatialReference()
    r.ImportFromEPSG(epsg)
    r.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return r


class Scene:
    """Bands on a part of the grid, in one file each, and on the whole grid for numpy."""

    def __init__(self, name, dtype, bands=2, few=False):
        w, h = int(rng.integers(30, W)), int(rng.integers(30, H))
        self.col, self.row = int(rng.integers(-20, W - 30)), int(rng.integers(-20, H - 30))
        self.id, self.paths, self.v, self.k = name, [], [], []
        for b in range(bands):
            top = 6 if few else 3000
            a = rng.integers(1, top, (h, w)).astype(dtype)
            if np.dtype(dtype).kind == "f":
                a = (a + rng.random((h, w))).astype(dtype)
            a[rng.random((h, w)) < 0.2] = 0
            t = (X0 + self.col * CELL, CELL, 0, Y0 - self.row * CELL, 0, -CELL)
            opts = ["TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=64"]
            self.paths.append(write("%s/%s_%d.tif" % (HERE, name, b), [a], t, nodata=0, options=opts))
            full, valid = np.zeros((H, W), dtype), np.zeros((H, W), bool)
            r0, c0 = max(0, self.row), max(0, self.col)
            r1, c1 = min(H, self.row + h), min(W, self.col + w)
            full[r0:r1, c0:c1] = a[r0 - self.row:r1 - self.row, c0 - self.col:c1 - self.col]
            valid[r0:r1, c0:c1] = full[r0:r1, c0:c1] != 0
            self.v.append(full)
            self.k.append(valid)
        self.bounds = [X0 + self.col * CELL, Y0 - (self.row + h) * CELL,
                       X0 + (self.col + w) * CELL, Y0 - self.row * CELL]

    def json(self):
        return {"id": self.id, "kind": 1, "assets": self.paths, "crs": "EPSG:32633", "bounds": self.bounds}


def plan(scenes, reducer, dtype, bands=2, grid=(0, 0, W, H), crs="EPSG:32633", cell=CELL, anchor=(X0, Y0),
         method="nearest", out="float64", nodes=None, nodata="nan", tile=64, **more):
    """One output of all bands of one composite; kinds are the bands as they are, or `nodes`."""
    scene = {"scene": [{"name": "b%d" % b, "asset": b + 1, "band": 1, "dtype": dtype, "nodata": 0}
                       for b in range(bands)]}
    inner = [{"source": 0, "band": b + 1, "resample": "nearest"} for b in range(bands)] + (nodes or [])
    kind = list(range(bands)) if nodes is None else list(range(len(inner) - bands, len(inner)))
    comp = {"composite": dict({"reducer": reducer, "scenes": [s.json() for s in scenes]}, **more),
            "kinds": [kind], "bands": ["b%d" % b for b in range(bands)]}
    n = bands * len(scenes) if reducer == "stack" else bands
    outer = [{"source": 1, "band": b + 1, "resample": method} for b in range(n)]
    return {"format": 1, "versions": {}, "script": "", "script_sha256": "", "parameters": {}, "operations": [],
            "sources": [scene, comp], "nodes": inner + outer, "lines": [""] * (len(inner) + n),
            "outputs": [{"name": "out", "where": "", "bands": ["o%d" % b for b in range(n)],
                         "nodes": [len(inner) + b for b in range(n)],
                         "grid": {"crs": crs, "anchor": list(map(float, anchor)), "cell": [float(cell)] * 2,
                                  "extent": list(grid)},
                         "dtype": out, "nodata": nodata, "format": "gtiff", "tile": tile, "compress": "deflate",
                         "overview": "nearest"}]}


def together(plans):
    """Plans over the same scene source as one plan of outputs out0, out1, ..."""
    one = plans[0]
    for i, p in enumerate(plans):
        p["outputs"][0]["name"] = "out%d" % i
        if i == 0:
            continue
        at = len(one["nodes"])
        one["sources"].append(p["sources"][1])
        one["nodes"] += [dict(n, source=i + 1) for n in p["nodes"] if n["source"] == 1]
        one["outputs"] += p["outputs"]
        p["outputs"][0]["nodes"] = list(range(at, len(one["nodes"])))
    one["lines"] = [""] * len(one["nodes"])
    return one


def run(p, *args, expect=0, env=None):
    path, out = os.path.join(HERE, "plan.json"), os.path.join(HERE, "o")
    with open(path, "w") as f:
        json.dump(p, f)
    text = tellua("run", path, "--out", out, *args, expect=expect, env=env)
    if expect:
        return text[1]
    found = [Raster(os.path.join(out, o["name"] + ".tif")) for o in p["outputs"]]
    return found[0] if len(found) == 1 else found


# --- what each reducer means ----------------------------------------------------------------------

def medoid(v, k):
    """v: scenes x bands x cells. Which scene."""
    both = k.all(1)
    s = np.full(v[:, 0].shape, np.inf)
    total = np.zeros_like(s)
    for i in range(len(v)):
        for j in range(len(v)):
            d = np.zeros(v.shape[2:])
            for b in range(v.shape[1]):
                d += (v[i, b] - v[j, b]) ** 2
            total[i] += np.where(both[j] & both[i] & (i != j), np.sqrt(d), 0)
    s = np.where(both, total, np.inf)
    return np.where(both.any(0), s.argmin(0), -1)


def pick(v, k, which):
    at = np.maximum(which, 0)
    return (np.take_along_axis(v, at[None, None], 0)[0],
            np.take_along_axis(k, at[None, None], 0)[0] & (which >= 0))


def mode(a):
    best = np.zeros(a.shape[1:])
    for at in np.ndindex(a.shape[1:]):
        x = a[(slice(None),) + at]
        x = x[~np.isnan(x)]
        if len(x):
            u, n = np.unique(x, return_counts=True)
            best[at] = u[n.argmax()]
    return best


def expected(scenes, how, percentile=50, ddof=0, min_count=1, quality=None):
    """Bands of float64 and validity."""
    v = np.array([s.v for s in scenes], "f8")
    k = np.array([s.k for s in scenes])
    n = k.sum(0)
    a = np.where(k, v, np.nan)
    if how == "medoid":
        return pick(v, k, medoid(v, k))
    if how == "quality_mosaic":
        q = np.where(k[:, quality], v[:, quality], -np.inf)
        return pick(v, k, np.where(k[:, quality].any(0), q.argmax(0), -1))
    some = n >= max(min_count, ddof + 1 if how == "stddev" else 1)
    with np.errstate(all="ignore"):
        import warnings
        warnings.simplefilter("ignore")
        if how == "count":
            return n.astype("f8"), np.ones_like(some)
        if how in ("first", "last"):
            at = k.argmax(0) if how == "first" else len(k) - 1 - k[::-1].argmax(0)
            r = np.take_along_axis(v, at[None], 0)[0]
        elif how == "stddev":
            r = np.nanstd(a, 0, ddof=ddof)
        elif how == "percentile":
            r = np.nanpercentile(a, percentile, axis=0)
        elif how == "mode":
            r = mode(a)
        else:
            r = {"min": np.nanmin, "max": np.nanmax, "sum": np.nansum, "mean": np.nanmean,
                 "median": np.nanmedian}[how](a, axis=0)
    return r, some


def compare(name, got, want, valid, exact=True):
    if not (got.valid == valid).all():
        return ok(False, name, "validity differs at %d cells" % (got.valid != valid).sum())
    if exact:
        why = differ(np.where(valid, want, 0), np.where(valid, got.values, 0))
    else:
        far = np.abs(got.values - want)[valid] / np.maximum(1, np.abs(want[valid]))
        why = "" if far.size == 0 or far.max() < 1e-12 else "%g away" % far.max()
    return ok(why == "", name, why)


# --- every reducer, every cell type ----------------------------------------------------------------

for dtype in ("uint8", "int16", "uint16", "int32", "float32", "float64"):
    few = dtype == "uint8"
    scenes = [Scene("%s%d" % (dtype, i), dtype, few=few) for i in range(9)]
    plans, options = [], []
    for how in ALL:
        more = {"percentile": {"percentile": 30.0}, "stddev": {"ddof": 1},
                "quality_mosaic": {"quality": "b1"}}.get(how, {})
        least = random.choice([1, 1, 2, 3]) if how not in ("medoid", "quality_mosaic", "count") else 1
        plans.append(plan(scenes, how, dtype, min_count=least, **more))
        options.append(dict(more, min_count=least))
    for how, o, got in zip(ALL, options, run(together(plans))):
        o["quality"] = 1
        want, valid = expected(scenes, how, **o)
        compare("%s of %s equals numpy" % (how, dtype), got, want, valid,
                exact=how not in ("stddev", "mean", "sum") or dtype[0] in "iu" and how != "stddev")

# --- many scenes; splits, threads, memory ------------------------------------------------------------

scenes = [Scene("many%d" % i, "uint16") for i in range(40)]
FOUR = ["median", "medoid", "first", "mean"]
wholes = run(together([plan(scenes, how, "uint16") for how in FOUR]))
for how, whole in zip(FOUR, wholes):
    want, valid = expected(scenes, how)
    compare("%s of 40 scenes equals numpy" % how, whole, want, valid)
for args in (["--threads", "1"], ["--threads", "7", "--mem", "300M"]):
    for how, whole, got in zip(FOUR, wholes, run(together([plan(scenes, how, "uint16") for how in FOUR]), *args)):
        ok(np.array_equal(got.values, whole.values, equal_nan=True), "%s is the same with %s" % (how, " ".join(args)))
c, r, w, h = 13, 29, 71, 50
parts = run(together([plan(scenes, how, "uint16", grid=(c, r, w, h)) for how in FOUR]))
for how, whole, part in zip(FOUR, wholes, parts):
    ok(np.array_equal(part.values, whole.values[:, r:r + h, c:c + w], equal_nan=True),
       "a window of the %s is the window of the whole" % how)

stacked = run(plan(scenes[:3], "stack", "uint16"))
want = np.concatenate([np.array(s.v, "f8") for s in scenes[:3]])
valid = np.concatenate([np.array(s.k) for s in scenes[:3]])
compare("stack puts the scenes' bands side by side", stacked, want, valid)

# --- graphs of scenes; another lattice ---------------------------------------------------------------

masked = [{"const": 1500}, {"op": "lt", "args": [0, 2]}, {"op": "keep", "args": [0, 3]},
          {"op": "keep", "args": [1, 3]}]
got = run(plan(scenes[:7], "mean", "uint16", nodes=masked))


class Masked:
    def __init__(self, s):
        good = s.k[0] & (s.v[0] < 1500)
        self.v, self.k = s.v, [s.k[0] & good, s.k[1] & good]


want, valid = expected([Masked(s) for s in scenes[:7]], "mean")
compare("what is computed of each scene is reduced", got, want, valid)

there = osr.CoordinateTransformation(srs(32633), srs(3035)).TransformPoint(X0 + W * CELL / 2, Y0 - H * CELL / 2)
COL, ROW = int(there[0] // 25) - 20, int(-there[1] // 25) - 18
for method in ("nearest", "bilinear", "average"):
    args = dict(crs="EPSG:3035", cell=25, anchor=(0, 0), grid=(COL, ROW, 40, 36), method=method)
    whole = run(plan(scenes[:9], "median", "uint16", **args))
    args["grid"] = (COL + 7, ROW + 11, 30, 20)
    part = run(plan(scenes[:9], "median", "uint16", **args), "--threads", "3")
    ok(np.array_equal(part.values, whole.values[:, 11:31, 7:37], equal_nan=True),
       "reprojected scenes (%s): a window is the window of the whole" % method)
    ok(whole.valid.mean() > 0.5, "and most of it is there", whole.valid.mean())

# --- a number that the catalogue alone calls nodata is no value, for kernels and means neither -----------

SAID = scenes[:6]
args = dict(crs="EPSG:3035", cell=25, anchor=(0, 0), grid=(COL, ROW, 40, 36))


def files(name, nodata):
    """The same scenes, whose files say something else of nodata, or nothing."""
    some = [copy.copy(s) for s in SAID]
    for s in some:
        s.paths = [write("%s/%s_%s" % (HERE, name, os.path.basename(p)), [Raster(p).values[0]], Raster(p).transform,
                         nodata=nodata) for p in s.paths]
    return some


silent, other = files("silent", None), files("other", 65535)
for method in ("nearest", "bilinear", "cubic", "average", "mode"):
    want = run(plan(SAID, "mean", "uint16", method=method, **args))
    for name, some in (("nothing", silent), ("another number", other)):
        got = run(plan(some, "mean", "uint16", method=method, **args))
        ok(np.array_equal(got.values, want.values, equal_nan=True),
           "nodata of the catalogue, files that say %s: %s" % (name, method),
           "%d of %d cells differ" % (np.sum(~np.isclose(got.values, want.values, equal_nan=True)), got.values.size))

# --- scenes that cannot be read -----------------------------------------------------------------------

bad = Scene("bad", "uint16")
with open(bad.paths[0], "wb") as f:
    f.write(b"II*\0rubbish")
some = scenes[:4] + [bad] + scenes[4:6]
err = run(plan(some, "count", "uint16"), expect=1)
ok("scene bad" in err and bad.paths[0] in err, "a scene that cannot be read fails the run, by name and file", err)
got = run(plan(some, "count", "uint16", on_error="skip"))
want, valid = expected(scenes[:6], "count")
compare("on_error = skip leaves it out of the count", got, want, valid)
other = Scene("other", "int16")
err = run(plan(scenes[:2] + [other], "mean", "uint16"), expect=1)
ok("scene other" in err and "int16" in err and "uint16" in err, "a scene of other cells is an error that says which",
   err)

# --- more values than the stack holds go through a temporary file --------------------------------------

wide = [Scene("wide%d" % i, "float64") for i in range(44)]
wide[17] = bad
HOWS = ["median", "percentile", "medoid"]
args = dict(dtype="float64", on_error="skip", percentile=20.0)
large = run(together([plan(wide, how, tile=128, **args) for how in HOWS]))
small = run(together([plan(wide, how, tile=64, **args) for how in HOWS]))
for how, a, b in zip(HOWS, large, small):
    want, valid = expected(wide[:17] + wide[18:], how, percentile=20)
    compare("%s of 44 scenes in one block equals numpy" % how, a, want, valid)
    ok(np.array_equal(a.values, b.values, equal_nan=True), "and is the same in small ones")
nowhere = os.path.join(HERE, "nowhere")
err = run(plan(wide, "median", tile=128, **args), expect=1, env={"TMPDIR": nowhere})
ok(nowhere in err and "TMPDIR" in err, "without a folder for it the run fails, and says which", err)

# --- sources are found by what they are, plans are stable ---------------------------------------------

p = plan(scenes[:5], "median", "uint16")
first, _ = tellua("plan", os.path.join(HERE, "plan.json"), "--json")
path = os.path.join(HERE, "canonical.json")
with open(path, "w") as f:
    f.write(first)
again, _ = tellua("plan", path, "--json")
ok(first == again, "a plan that is read and written keeps its key")
with open(path, "w") as f:
    json.dump(plan(scenes, "median", "uint16", grid=(70, 50, 30, 30)), f)
listed = json.loads(tellua("plan", path, "--json")[0])["plan"]["sources"][1]["composite"]["scenes"]
touching = [s.id for s in scenes if any(k[50:80, 70:100].any() for k in s.k)]
ok(set(touching) <= {s["id"] for s in listed} and len(listed) < len(scenes),
   "a plan lists the scenes that touch its area and few others", (len(touching), len(listed), len(scenes)))

# --- a plan has the scenes that lie beside its area, where cells look so far ----------------------------

SIDE = os.path.join(HERE, "side")
os.makedirs(SIDE, exist_ok=True)
for i, day in enumerate(("20200101", "20200102")):  # side by side, 100 columns each
    write("%s/s_%s.tif" % (SIDE, day), [rng.integers(1, 9, (40, 100)).astype("uint8")],
          (X0 + i * 100 * CELL, CELL, 0, Y0, 0, -CELL))
script = os.path.join(HERE, "side.lua")
with open(script, "w") as f:
    f.write("""local img = Collection(param("scenes", ""), {pattern = "s_{date}.tif"}):mosaic()
output("near", img:near(30, 0))
output("mean", img:focal_mean(15))
output("size", img:gt(0):component_size())
output("far", img:gt(8):distance())
""")
whole, part, planned = (os.path.join(HERE, name) for name in ("side_whole", "side_part", "side_planned"))
with open(os.path.join(HERE, "side.json"), "w") as f:
    f.write(tellua("plan", script, "-p", "scenes=" + SIDE, "--window", "70,5,25,20", "--json")[0])
tellua("run", script, "-p", "scenes=" + SIDE, "--out", whole)
tellua("run", script, "-p", "scenes=" + SIDE, "--window", "70,5,25,20", "--out", part)
tellua("run", os.path.join(HERE, "side.json"), "--out", planned)
for name in ("near", "mean", "size", "far"):
    a, b, c = (Raster(os.path.join(folder, name + ".tif")).values for folder in (whole, part, planned))
    ok(np.array_equal(a[:, 5:25, 70:95], b, equal_nan=True) and np.array_equal(b, c, equal_nan=True),
       "%s of a window, run and planned, is that of the whole" % name,
       "run: %d cells differ, planned: %d" % (np.sum(a[:, 5:25, 70:95] != b), np.sum(b != c)))
done()
