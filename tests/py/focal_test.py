#!/usr/bin/python3
"""Windows around cells beside loops over them in numpy. SPDX-License-Identifier: MIT"""
import json
import math
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Raster, done, np, ok, tellua, write  # noqa: E402

WORK = tempfile.mkdtemp(prefix="focal")
rng = np.random.default_rng(7)
H, W = 23, 31
number = rng.integers(0, 40, (H, W)).astype("int16")
hole = rng.random((H, W)) < 0.15
hole[3:9, 4:12] = True
number[hole] = -1
real = rng.normal(0, 100, (H, W)).astype("float32")
real[hole] = -9999
paths = {"int": write(os.path.join(WORK, "int.tif"), [number], nodata=-1),
         "real": write(os.path.join(WORK, "real.tif"), [real], nodata=-9999)}
data = {"int": number.astype("float64"), "real": real.astype("float64")}


def run(cases, paths, work=WORK):
    """[(name, image, expression)] -> {name: (values, valid)}, all in one run."""
    script, out = os.path.join(work, "s.lua"), os.path.join(work, "out")
    with open(script, "w") as f:
        for name, image, expression in cases:
            f.write('do local img = Image "%s" output("%s", %s, {dtype = "float64"}) end\n' % (paths[image], name, expression))
    tellua("run", "--quiet", script, "--out", out, "--mem", "2G")
    got = {}
    for name, _, _ in cases:
        r = Raster(os.path.join(out, name + ".tif"))
        got[name] = (r.values[0], r.valid[0])
    return got


def cells(window):
    """{(dx, dy): weight} of a window as Lua has it: a radius, ("circle", r), a kernel."""
    if isinstance(window, int):
        return {(x, y): 1 for y in range(-window, window + 1) for x in range(-window, window + 1)}
    if isinstance(window, tuple):
        r = window[1]
        n = int(r)
        return {(x, y): 1 for y in range(-n, n + 1) for x in range(-n, n + 1) if x * x + y * y <= r * r + 1e-6}
    h, w = len(window), len(window[0])
    return {(j - w // 2, i - h // 2): window[i][j] for i in range(h) for j in range(w) if window[i][j]}


def mode(x):
    values, counts = np.unique(x, return_counts=True)
    return values[counts.argmax()]


STATISTICS = {
    "sum": lambda x, w: (x * w).sum(), "mean": lambda x, w: (x * w).sum() / w.sum() if w.sum() else math.nan,
    "min": lambda x, w: x.min(), "max": lambda x, w: x.max(), "median": lambda x, w: np.median(x),
    "std": lambda x, w: x.std(), "mode": lambda x, w: mode(x),
    "percentile": lambda x, w: np.percentile(x, 30), "dilate": lambda x, w: x.max(), "erode": lambda x, w: x.min()}


def reference(a, window, statistic):
    out = np.full(a.shape, math.nan)
    offsets = cells(window)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            x, w = [], []
            for (dx, dy), weight in offsets.items():
                p, q = i + dy, j + dx
                if 0 <= p < a.shape[0] and 0 <= q < a.shape[1] and not math.isnan(a[p, q]):
                    x.append(a[p, q])
                    w.append(weight)
            if x:
                out[i, j] = STATISTICS[statistic](np.array(x), np.array(w, "float64"))
    return out


def lua(window):
    if isinstance(window, int):
        return str(window)
    if isinstance(window, tuple):
        return '{radius = %g, shape = "circle"}' % window[1]
    return "{" + ",".join("{" + ",".join("%g" % x for x in row) + "}" for row in window) + "}"


def same(got, want, sentence):
    values, valid = got
    bad = (valid != ~np.isnan(want)) | (valid & ~(np.abs(values - want) <= 1e-6 * np.maximum(1, np.abs(want))))
    at = np.argwhere(bad)
    first = tuple(at[0]) if len(at) else None
    return ok(not len(at), sentence, first and "%d cells differ, first %s: wanted %r, got %r valid %s" % (
        len(at), first, want[first], values[first], valid[first]))


masked = {k: np.where(hole, math.nan, v) for k, v in data.items()}
windows = {"r1": 1, "r2": 2, "circle": ("circle", 2.5), "kernel": [[0, 1, 0.5], [2, 4, 0], [0, 1, 0]],
           "wide": [[1, 2, 0, 2, 1]], "one": 0}
cases, wants = [], {}
for image in ("int", "real"):
    for wname, window in windows.items():
        for statistic in STATISTICS:
            name = "%s_%s_%s" % (statistic, wname, image)
            method = statistic if statistic in ("dilate", "erode") else "focal_" + statistic
            cases.append((name, image, "img:%s(%s%s)" % (method, lua(window), ", 30" if statistic == "percentile" else "")))
            wants[name] = (masked[image], window, statistic)
got = {}
for k in range(0, len(cases), 20):
    got.update(run(cases[k:k + 20], paths))
for name, _, expression in cases:
    same(got[name], reference(*wants[name]), "%s of %s" % (expression, name.split("_")[-1]))


def convolved(a, kernel):
    h, w = len(kernel), len(kernel[0])
    out = np.full(a.shape, math.nan)
    for i in range(h // 2, a.shape[0] - h // 2):
        for j in range(w // 2, a.shape[1] - w // 2):
            out[i, j] = (a[i - h // 2:i + h // 2 + 1, j - w // 2:j + w // 2 + 1] * np.array(kernel)).sum()
    return out


more = run([("c1", "real", "img:convolve{{0,1,0},{1,-4,1},{0,1,0}}"), ("c2", "int", "img:convolve{{1,2,1},{2,4,2},{1,2,1}}"),
            ("c3", "int", 'img:convolve({{1,2,1},{2,4,2},{1,2,1}}, {divide = "sum"})'),
            ("c4", "real", "img:convolve{{0,0,0},{0,0,0},{0,0,0}}"), ("count", "int", "img:focal_count(1)"),
            ("std1", "real", "img:focal_std(1, {ddof = 1})"),
            ("metres", "int", 'img:focal_max{radius = 25, shape = "circle", unit = "metres"}'),
            ("big", "int", "img:focal_median(5)"),
            ("open", "int", "img:gt(20):open(1)"), ("close", "int", "img:gt(20):close(1)"),
            ("opened", "real", "img:open(1)")], paths)
laplace = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
smooth = [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
same(more["c1"], convolved(masked["real"], laplace), "convolve by a Laplacian")
same(more["c2"], convolved(masked["int"], smooth), "convolve by a smoothing kernel")
same(more["c3"], convolved(masked["int"], smooth) / 16, "convolve divided by the kernel's sum")
same(more["c4"], convolved(masked["real"], [[0] * 3] * 3), "convolve by zeros")
n = reference(np.where(hole, math.nan, 1.0), 1, "sum")
same(more["count"], np.where(np.isnan(n), 0, n), "focal_count counts valid cells")
with np.errstate(all="ignore"):
    k = np.where(n > 1, n, math.nan)
    same(more["std1"], reference(masked["real"], 1, "std") * np.sqrt(k / (k - 1)), "focal_std by one less")
same(more["metres"], reference(masked["int"], ("circle", 2.5), "max"), "a radius of 25 m is 2.5 cells of 10 m")
same(more["big"], reference(masked["int"], 5, "median"), "median of 11 x 11 cells")


def both(a, window, first, second):
    once = np.where(np.isnan(a), a, reference(a, window, first))
    return np.where(np.isnan(a), a, reference(once, window, second))


above = np.where(hole, math.nan, (masked["int"] > 20) * 1.0)
same(more["open"], both(above, 1, "min", "max"), "open on booleans")
same(more["close"], both(above, 1, "max", "min"), "close on booleans")
same(more["opened"], both(masked["real"], 1, "min", "max"), "open on numbers")

whole = run([("w", "real", "img:focal_median{radius = 2, shape = 'circle'}")], paths)["w"]
script = os.path.join(WORK, "s.lua")
tellua("run", "--quiet", script, "--out", os.path.join(WORK, "part"), "--window", "5,4,13,9")
part = Raster(os.path.join(WORK, "part", "w.tif"))
cut, inside = whole[0][4:13, 5:18], whole[1][4:13, 5:18]
ok(np.array_equal(inside, part.valid[0]) and np.array_equal(cut[inside], part.values[0][inside]),
   "a window is that of the whole", np.argwhere((inside != part.valid[0]))[:5].tolist())

# --- what others computed -------------------------------------------------------------------------------
shared = os.environ.get("TELLUA_SHARED", "")
reference_file = os.path.join(shared, "conformance", "reference", "xarray_spatial", "cases.json")
if shared and os.path.exists(reference_file):
    def array(x):
        return np.array([[math.nan if isinstance(v, dict) else float(v) for v in row] for row in x])

    for case in json.load(open(reference_file))["cases"]:
        kernel = case["parameters"].get("kernel") or case["parameters"].get("kernel_mask")
        if not kernel or not ("data" in case["inputs"]):
            continue
        a = array(case["inputs"]["data"])
        p = {"x": write(os.path.join(WORK, case["id"] + ".tif"), [a])}
        statistic = case["parameters"].get("statistic")
        text = lua([[float(v) for v in row] for row in kernel])
        if case["function"] == "convolve2d":
            expression = "img:convolve" + text
        elif statistic in ("mean", "sum", "min", "max", "std"):
            expression = "img:focal_%s%s" % (statistic, text)
        elif statistic == "var":
            expression = "img:focal_std%s ^ 2" % text
        elif statistic == "range":
            expression = "img:focal_max%s - img:focal_min%s" % (text, text)
        else:
            continue
        same(run([("r", "x", expression)], p)["r"], array(case["expected"]), "reference case " + case["id"])

for expression, words in (("img:focal_mean(16)", "0 to 15, got 16"), ("img:focal_median(6)", "at most 121 cells, this window has 169"),
                          ("img:focal_mean{radius = 1, shape = 'disc'}", '"circle", got disc'),
                          ("img:focal_mean{{1, 2}}", "odd numbers"), ("img:convolve{{1},{2, 3},{4}}", "row 2"),
                          ("img:focal_max{size = 3}", "not 'size'"), ("img:convolve(3)", "got number"),
                          ("img:focal_percentile(1, 101)", "0 to 100, got 101")):
    out, err = tellua("-e", 'local img = Image "%s" local r = %s' % (paths["int"], expression), expect=1)
    ok(words in err and "-e:1" in err, "%s: %s" % (expression, words), err)
shutil.rmtree(WORK)
done()
