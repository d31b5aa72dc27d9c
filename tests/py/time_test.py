#!/usr/bin/python3
# Trends, smoothing, gaps, windows and anomalies in time, against numpy; whole = parts = threads.
# SPDX-License-Identifier: MIT
# test-timeout: 300
import datetime
import filecmp
import math
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import numpy as np

import tap
from tap import Raster, differ, done, note, ok, tellua

SEED = int(os.environ.get("TEST_SEED", "20231"))
note("seed %d" % SEED)
os.chdir(tap.SCRATCH)
rng = np.random.RandomState(SEED)
W, H, N = 29, 19, 14
DAY = 86400.0
YEAR = 365.25 * DAY

# --- data: irregular dates over three years, values with ties, trends and holes -------------------
START = datetime.datetime(2019, 1, 20)
DATES = [START + datetime.timedelta(days=int(d), hours=int(h))
         for d, h in zip(np.sort(rng.choice(1000, N, replace=False)), rng.randint(0, 24, N))]
T = np.array([(d - datetime.datetime(1970, 1, 1)).total_seconds() for d in DATES])
BASE = rng.randint(100, 900, (H, W))
SLOPE = rng.randint(-40, 40, (H, W))
Y = np.zeros((N, H, W))
Y[:] = [BASE + SLOPE * k + rng.randint(-60, 60, (H, W)) for k in range(N)]
Y[:, :4, :5] = 500  # no change at all
Y[:, 5:9] = Y[:, 5:9] // 200 * 200  # ties
Y = np.clip(Y, 1, 60000)
HOLE = rng.random_sample((N, H, W)) < rng.random_sample((H, W)) * 0.9
HOLE[:, 0, 0] = True
HOLE[1:, 0, 1] = True
VALID = ~HOLE
for i in range(N):
    tap.write("t%02d.tif" % i, [np.where(HOLE[i], 0, Y[i]).astype("uint16")], nodata=0, names=["v"])

HEAD = """
local images, dates = {}, {%s}
for i = 0, %d do images[i + 1] = Image(string.format("t%%02d.tif", i)) end
local c = Collection{images = images, dates = dates}
local o = {dtype = "float64"}
""" % (", ".join('"%sZ"' % d.isoformat() for d in DATES), N - 1)
BODY = """
output("linear", c:linear_trend(), o)
output("linear_day", c:linear_trend{unit = "day", origin = "2000-01-01", min_count = 5}, o)
output("harmonic", c:harmonic_trend{min_count = 6}, o)
output("harmonic2", c:harmonic_trend{periods = {365.25, 182}, unit = "day", min_count = 8}, o)
output("sen", c:sen_slope{min_count = 3}, o)
output("kendall", c:mann_kendall{min_count = 4}, o)
output("fill", c:interpolate_time(), o)
output("fill_gap", c:interpolate_time{max_gap = 150, extend = true}, o)
output("savgol", c:smooth("savgol", {window = 7, order = 2}), o)
output("white", c:smooth{"whittaker", lambda = 30}, o)
output("white1", c:smooth{"whittaker", lambda = 5, order = 1}, o)
output("lag", c:lag(2), o)
output("step", c:lag(1, function(now, before) return now - before end), o)
output("moving", c:moving("mean", {scenes = 3}), o)
output("around", c:moving("median", {days = 60, min_count = 2}), o)
output("usual", c:climatology("season", "mean"), o)
output("odd", c:anomaly("season"), o)
output("odd_z", c:anomaly("season", {standardize = true}), o)
"""
with open("all.lua", "w") as f:
    f.write(HEAD + BODY)
tellua("run", "all.lua", "--out", "whole", "--quiet")


def whole(name):
    return Raster("whole/%s.tif" % name)


def series(name, folder="whole"):
    """(values, valid), one entry a date, in order."""
    paths = sorted((n for n in os.listdir(folder) if n.startswith(name + "_") and
                    (name + "_gap_") not in n and (name + "_z_") not in n), key=lambda n: int(n.split("_")[-1][:-4]))
    all_ = [Raster(os.path.join(folder, n)) for n in paths]
    return np.stack([r.values[0] for r in all_]), np.stack([r.valid[0] for r in all_])


def close(name, got, got_valid, want, want_valid, tol=1e-9):
    """Same validity; values to a relative tolerance."""
    bad = got_valid != want_valid
    both = got_valid & want_valid
    scale = np.maximum(np.abs(want), 1)
    err = np.where(both, np.abs(got - np.where(both, want, 0)) / np.where(both, scale, 1), 0)
    at = np.unravel_index(np.argmax(err), err.shape)
    good = not bad.any() and err.max() <= tol and both.any()
    ok(good, "%s: %d cells, largest error %.2g" % (name, both.sum(), err.max()),
       "validity differs at %s\nat %s wanted %r, got %r" % (np.argwhere(bad)[:3].tolist(), at, want[at], got[at]))


def columns():
    for y in range(H):
        for x in range(W):
            v = VALID[:, y, x]
            yield y, x, v, Y[v, y, x]


def empty(n):
    return np.zeros((n, H, W)), np.zeros((n, H, W), bool)


# --- trends ---------------------------------------------------------------------------------------
def fit(design, names, least):
    """numpy's least squares of each cell; dict of results."""
    n = design.shape[1]
    coefs, good = empty(n)
    rmse = np.zeros((H, W))
    r2 = np.zeros((H, W))
    for y, x, v, values in columns():
        if v.sum() < least or np.linalg.matrix_rank(design[v]) < n:
            continue
        c = np.linalg.lstsq(design[v], values, rcond=None)[0]
        left = values - design[v] @ c
        coefs[:, y, x], good[:, y, x] = c, True
        rmse[y, x] = math.sqrt((left ** 2).mean())
        spread = ((values - values.mean()) ** 2).sum()
        r2[y, x] = 1 - (left ** 2).sum() / spread if spread else np.nan
    return coefs, good, rmse, r2


def check_linear(name, t, least):
    coefs, good, rmse, r2 = fit(np.stack([np.ones(N), t], 1), None, least)
    r = whole(name)
    close(name + " scale", r.values[0], r.valid[0], coefs[1], good[1], 1e-8)
    close(name + " offset", r.values[1], r.valid[1], coefs[0], good[0], 1e-8)
    close(name + " rmse", r.values[2], r.valid[2], rmse, good[0], 1e-6)
    close(name + " r2", r.values[3], r.valid[3], r2, good[0] & ~np.isnan(r2), 1e-9)
    close(name + " count", r.values[4], r.valid[4], VALID.sum(0), good[0])


check_linear("linear", (T - T[0]) / YEAR, 2)
ORIGIN = (datetime.datetime(2000, 1, 1) - datetime.datetime(1970, 1, 1)).total_seconds()
check_linear("linear_day", (T - ORIGIN) / DAY, 5)


def check_harmonic(name, t, periods, least):
    columns_ = [np.ones(N), t]
    for p in periods:
        columns_ += [np.cos(2 * np.pi * t / p), np.sin(2 * np.pi * t / p)]
    coefs, good, rmse, _ = fit(np.stack(columns_, 1), None, least)
    r = whole(name)
    # cells whose dates barely tell the coefficients apart: numpy and we draw the line elsewhere
    sure = np.zeros((H, W), bool)
    for y, x, v, values in columns():
        scaled = np.stack([columns_[0], t / t.max()] + columns_[2:], 1)
        sure[y, x] = v.sum() < least or np.linalg.cond(scaled[v]) < 1e3
    for k, c in [(0, 0), (1, 1), (2, 2), (3, 3)] + [(6 + k, 4 + k) for k in range(2 * len(periods) - 2)]:
        close("%s %s" % (name, r.names[k]), r.values[k], r.valid[k] & sure, coefs[c], good[c] & sure, 1e-7)
    close(name + " amplitude", r.values[4], r.valid[4] & sure, np.hypot(coefs[2], coefs[3]), good[0] & sure, 1e-7)
    wave = sure & (np.hypot(coefs[2], coefs[3]) > 1e-3)  # else it has no phase
    turn = (r.values[5] - np.arctan2(coefs[3], coefs[2]) + np.pi) % (2 * np.pi) - np.pi
    close(name + " phase", turn, r.valid[5] & wave, 0 * turn, good[0] & wave, 1e-6)
    close(name + " rmse", r.values[-2], r.valid[-2] & sure, rmse, good[0] & sure, 1e-5)


check_harmonic("harmonic", (T - T[0]) / YEAR, [1.0], 6)
check_harmonic("harmonic2", (T - T[0]) / DAY, [365.25, 182.0], 8)


def sen(t, y):
    slopes = [(y[j] - y[i]) / (t[j] - t[i]) for i in range(len(y)) for j in range(i + 1, len(y))]
    b = np.median(slopes)
    return b, np.median(y - b * t)


def kendall(y):
    n = len(y)
    s = sum(np.sign(y[j] - y[i]) for i in range(n) for j in range(i + 1, n))
    ties = np.unique(y, return_counts=True)[1]
    if len(ties) == 1:
        return 0, 1, 0, 0
    var = (n * (n - 1) * (2 * n + 5) - sum(k * (k - 1) * (2 * k + 5) for k in ties)) / 18
    pairs = n * (n - 1) / 2
    tau = s / math.sqrt(pairs * (pairs - sum(k * (k - 1) / 2 for k in ties)))
    z = (s - np.sign(s)) / math.sqrt(var)
    return tau, math.erfc(abs(z) / math.sqrt(2)), z, s


want, good = empty(2)
mk, mk_good = empty(4)
for y, x, v, values in columns():
    if len(values) >= 3:
        want[:, y, x], good[:, y, x] = sen((T[v] - T[0]) / YEAR, values), True
    if len(values) >= 4:
        mk[:, y, x], mk_good[:, y, x] = kendall(values), True
r, k = whole("sen"), whole("kendall")
for i, n in enumerate(("scale", "offset")):
    close("sen " + n, r.values[i], r.valid[i], want[i], good[i])
for i, n in enumerate(("tau", "p", "z", "s")):
    close("kendall " + n, k.values[i], k.valid[i], mk[i], mk_good[i])
ok(k.names == ["tau", "p", "z", "s"], "names of bands", k.names)

# --- gaps and smoothing ---------------------------------------------------------------------------
def filled(max_gap, extend):
    out, good = empty(N)
    for y, x, v, values in columns():
        at = np.flatnonzero(v)
        for i in range(N if len(at) else 0):
            before, after = at[at <= i], at[at >= i]
            if len(before) and len(after):
                a, b = before[-1], after[0]
                if (T[b] - T[a]) / DAY > max_gap:
                    continue
                out[i, y, x] = np.interp(T[i], T[[a, b]], Y[[a, b], y, x]) if b > a else Y[a, y, x]
            elif extend:
                out[i, y, x] = Y[(before[-1:] if len(before) else after[:1])[0], y, x]
            else:
                continue
            good[i, y, x] = True
    return out, good


close("gaps", *series("fill"), *filled(1e9, False))
close("gaps of at most 150 days, ends extended", *series("fill_gap"), *filled(150, True))


def savgol(window, order):
    out, good = empty(N)
    for y, x, v, values in columns():
        for i in range(N):
            lo = max(0, min(i - window // 2, N - window))
            use = np.arange(lo, lo + window)[v[lo:lo + window]]
            if len(use) <= order:
                continue
            u = (T[use] - T[i]) / DAY / 100
            out[i, y, x] = np.linalg.lstsq(np.vander(u, order + 1, increasing=True), Y[use, y, x], rcond=None)[0][0]
            good[i, y, x] = True
    return out, good


close("savgol", *series("savgol"), *savgol(7, 2), 1e-6)


def whittaker(lam, order):
    t = (T - T[0]) / ((T[-1] - T[0]) / (N - 1))
    d = np.eye(N)
    for k in range(1, order + 1):  # divided differences, k! times, so that they are ordinary ones on even dates
        d = np.diff(d, axis=0) / ((t[k:] - t[:-k]) / k)[:, None]
    out, good = empty(N)
    for y, x, v, values in columns():
        if v.sum() < order:
            continue
        rows = np.concatenate([np.eye(N)[v], math.sqrt(lam) * d])  # least squares: more digits than solving
        out[:, y, x] = np.linalg.lstsq(rows, np.concatenate([values, np.zeros(len(d))]), rcond=None)[0]
        good[:, y, x] = True
    return out, good


close("whittaker", *series("white"), *whittaker(30, 2), 1e-6)
close("whittaker, order 1", *series("white1"), *whittaker(5, 1), 1e-7)

# --- along the dates ------------------------------------------------------------------------------
shifted, there = np.roll(Y, 2, 0), np.roll(VALID, 2, 0)
there[:2] = False
close("lag", *series("lag"), shifted, there)
d = Y - np.roll(Y, 1, 0)
there = VALID & np.roll(VALID, 1, 0)
there[:1] = False
close("lag with a function", *series("step"), d, there)


def windows(within, f, least):
    out, good = empty(N)
    for i in range(N):
        use = [k for k in range(N) if within(i, k)]
        some = np.where(VALID[use], Y[use], np.nan)
        n = VALID[use].sum(0)
        good[i] = n >= least
        with np.errstate(all="ignore"):
            import warnings
            warnings.simplefilter("ignore")
            out[i] = f(some, axis=0)
    return out, good


close("moving mean of three", *series("moving"), *windows(lambda i, k: abs(i - k) <= 1, np.nanmean, 1))
close("median of 60 days to either side", *series("around"),
      *windows(lambda i, k: abs(T[i] - T[k]) <= 60 * DAY, np.nanmedian, 2))

# --- the usual year -------------------------------------------------------------------------------
SEASON = np.array([d.month % 12 // 3 for d in DATES])
masked = np.where(VALID, Y, np.nan)
with np.errstate(all="ignore"):
    norm = np.stack([np.nanmean(masked[SEASON == s], axis=0) if (SEASON == s).any() else np.full((H, W), np.nan)
                     for s in range(4)])
    spread = np.stack([np.nanstd(masked[SEASON == s], axis=0, ddof=1) if (SEASON == s).any() else np.full((H, W), np.nan)
                       for s in range(4)])
for s, name in enumerate(["DJF", "MAM", "JJA", "SON"]):
    if (SEASON == s).any():
        r = whole("usual_" + name)
        close("usual " + name, r.values[0], r.valid[0], norm[s], ~np.isnan(norm[s]))
close("anomaly", *series("odd"), Y - norm[SEASON], VALID)
z = (Y - norm[SEASON]) / np.where(spread[SEASON] > 0, spread[SEASON], np.nan)
close("standardized anomaly", *series("odd_z"), z, VALID & ~np.isnan(z), 1e-7)

# --- whole = parts = threads ----------------------------------------------------------------------
names = sorted(n for n in os.listdir("whole") if n.endswith(".tif"))
x, y = rng.randint(0, W - 9), rng.randint(0, H - 7)
w, h = rng.randint(1, W - x), rng.randint(1, H - y)
runs = [("1 thread", ["--threads", 1], None), ("2 threads", ["--threads", 2], None),
        ("7 threads", ["--threads", 7], None),
        ("little memory", ["--mem", "520M", "--threads", 1], None),
        ("a window of %d x %d at %d,%d" % (w, h, x, y), ["--window", "%d,%d,%d,%d" % (x, y, w, h)], (x, y, w, h))]
for k, (what, args, window) in enumerate(runs):
    tellua("run", "all.lua", "--quiet", "--out", "part%d" % k, *args)
    bad = []
    for n in names:
        if not window:
            if not filecmp.cmp("whole/" + n, "part%d/%s" % (k, n), shallow=False):
                bad.append(n)
            continue
        a, b = Raster("whole/" + n), Raster("part%d/%s" % (k, n))
        cut = np.s_[:, y:y + h, x:x + w]
        if differ(a.valid[cut], b.valid) or differ(a.values[cut], b.values, b.valid):
            bad.append(n)
    ok(not bad, "%d products the same: %s" % (len(names), what), bad)

# --- one program for the dates of a product -------------------------------------------------------
cube = HEAD + 'output("cube", c:smooth{"whittaker", lambda = 30}, {dtype = "float64", format = "netcdf"})'
with open("cube.lua", "w") as f:
    f.write(cube)
tellua("run", "cube.lua", "--out", "cube", "--quiet")
from osgeo import gdal
ds = gdal.OpenEx("cube/cube.nc", gdal.OF_MULTIDIM_RASTER)
a = ds.GetRootGroup().OpenMDArray("v").ReadAsArray()
values, valid = series("white")
ok(not differ(values, a, valid), "the dates of a cube are those of the files", differ(values, a, valid))

# --- what is refused ------------------------------------------------------------------------------
for code, said in [
        ("c:linear_trend{units = 'day'}", "no option 'units'"),
        ("c:linear_trend{unit = 'month'}", 'unit is "year" or "day"'),
        ("c:harmonic_trend{periods = {}}", "periods is a number or a list"),
        ("c:harmonic_trend{periods = {1, 1}}", "cannot tell the 6 numbers"),
        ("c:limit(1):sen_slope()", "at least 2 scenes"),
        ("c:smooth('loess')", '"savgol" and "whittaker"'),
        ("c:smooth{'savgol', window = 4}", "odd number"),
        ("c:smooth{'whittaker', lambda = 0}", "lambda is a number above 0"),
        ("c:merge(c):smooth 'whittaker'", "have the same time"),
        ("c:moving('mean', {})", "days = n or by scenes = n"),
        ("c:moving('mode2', {days = 1})", "no reducer mode2"),
        ("c:climatology 'week'", 'by "month"'),
        ("c:anomaly('month', {base = c:limit(1)})", "base has no scene of month"),
        ("c:lag(99)", "whole number from")]:
    with open("bad.lua", "w") as f:
        f.write(HEAD + "output('x', " + code + ")")
    _, err = tellua("run", "bad.lua", expect=1)
    ok(said in err, "%s is refused" % code, err)

# --- real scenes: 118 dates of Sentinel-2, and two tiles of five ----------------------------------
catalog = tap.shared("s2_timeseries_mapchete_33T", "catalog.json")
if catalog:
    with open("real.lua", "w") as f:
        f.write("""
local c = Collection("%s"):mask_clouds():select("B04", "B08")
local o = {dtype = "float64", res = 960}
output("stack", c:stack(), o)
output("lin", c:linear_trend{unit = "day"}, o)
output("sen", c:sen_slope{unit = "day"}, o)
output("fill", c:group_by("day"):median():interpolate_time(), o)
for i, d in ipairs(c:dates()) do print(d) end
""" % catalog)
    said, _ = tellua("run", "real.lua", "--out", "real", "--quiet")
    t = np.array([(datetime.datetime.fromisoformat(s[:-1]) - datetime.datetime(1970, 1, 1)).total_seconds()
                  for s in said.split() if s[0] == "2"]) / DAY
    t -= t[0]
    stack, lin, sen_ = Raster("real/stack.tif"), Raster("real/lin.tif"), Raster("real/sen.tif")
    bad = cells = 0
    for b in range(2):
        s, m = stack.values[b::2], stack.valid[b::2]
        n = m.sum(0)
        mt = (t[:, None, None] * m).sum(0) / np.maximum(n, 1)
        my = (s * m).sum(0) / np.maximum(n, 1)
        tt = ((t[:, None, None] - mt) ** 2 * m).sum(0)
        ty = ((t[:, None, None] - mt) * (s - my) * m).sum(0)
        can = (n >= 2) & (tt > 0)
        slope = np.where(can, ty / np.where(can, tt, 1), 0)
        got, v = lin.values[5 * b], lin.valid[5 * b]
        bad += (v != can).sum() + (np.abs(got - slope)[v & can] > 1e-6 * np.maximum(1, np.abs(slope[v & can]))).sum()
        for y, x in np.argwhere(can)[::97]:
            u = m[:, y, x]
            ti, yi = t[u], s[u, y, x]
            sl = [(yi[j] - yi[i]) / (ti[j] - ti[i]) for i in range(len(ti)) for j in range(i + 1, len(ti)) if ti[i] != ti[j]]
            cells += 1
            bad += abs(np.median(sl) - sen_.values[2 * b, y, x]) > 1e-6 * max(1, abs(np.median(sl)))
    ok(bad == 0 and cells > 20, "ten scenes of Sentinel-2: linear trend everywhere, Sen's slope at %d cells" % cells, bad)
else:
    ok(True, "ten scenes of Sentinel-2 # SKIP no real data (TELLUA_SHARED)")
with open("times.lua", "w") as f:
    f.write("""local nan, huge = 0/0, math.huge
for _, f in ipairs { theil_sen, mann_kendall } do
  for _, t in ipairs { nan, huge, -huge } do print(select(2, pcall(f, {1, 2, 3, 4}, {1, t, 3, 4}))) end
end
print(theil_sen({1e308, -1e308, 1, 2, 3}, {-1e308, 1e308, 1, 2, 3}))
output("o", { { a = 1 } })""")
said = tellua("run", "--quiet", "times.lua", "--out", "times")[0].splitlines()
ok(sum("time 2 is no number" in s for s in said[:6]) == 6, "times that are not finite are refused", said)
ok(said[6].split() == ["-1.0", "2.0"], "a pair whose differences are too large plays no part", said[6])
done()
