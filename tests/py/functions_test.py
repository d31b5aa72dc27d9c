#!/usr/bin/python3
"""Users' functions through the program: one rule written three ways, neighbours over any split, pixels
that raise. SPDX-License-Identifier: MIT"""
import json
import os
import random
import sys
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import SCRATCH, done, gdal, note, np, ok, osr, shared, tellua  # noqa: E402

SEED = int(os.environ.get("TELLUA_TEST_SEED", "20161120"))
rng, dice = random.Random(SEED), np.random.default_rng(SEED)
note("seed %d" % SEED)
NAMES = ["B04", "B06", "B08", "B11"]


def path(name):
    return os.path.join(SCRATCH, name)


def make_scene(name, h, w):
    ds = gdal.GetDriverByName("GTiff").Create(path(name), w, h, len(NAMES), gdal.GDT_UInt16, ["TILED=YES"])
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(32633)
    ds.SetProjection(srs.ExportToWkt())
    ds.SetGeoTransform([500000, 10, 0, 5000400, 0, -10])
    for k, band in enumerate(NAMES):
        a = dice.integers(1, 2500, (h, w)).astype("u2")
        a[dice.random((h, w)) < 0.05] = 0
        a[40:60, 70:95] = 0  # a hole wider than windows
        ds.GetRasterBand(k + 1).SetDescription(band)
        ds.GetRasterBand(k + 1).SetNoDataValue(0)
        ds.GetRasterBand(k + 1).WriteArray(a)
    del ds
    return path(name)


def script(name, text):
    with open(path(name), "w") as f:
        f.write(text)
    return path(name)


def read(folder, name):
    return gdal.Open(os.path.join(path(folder), name + ".tif")).ReadAsArray()


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


THREE_WAYS = """
local img = %s
local limit = 1000
local function stubble(B04, B06, B08, B11, most)
  return B04 < most and B06 < 1200 and B08 < 1200 and B11 > 500 and B11 < 1600
end
output("operators", img.B04:lt(limit) & img.B06:lt(1200) & img.B08:lt(1200)
  & img.B11:between(500, 1600, "exclusive"), {dtype = "uint8", nodata = 255})
output("expr", img:expr("B04 < most and B06 < 1200 and B08 < 1200 and B11 > 500 and B11 < 1600",
  {most = limit}), {dtype = "uint8", nodata = 255})
output("execute", img:execute(stubble, limit, {compile = "require"}), {dtype = "uint8", nodata = 255})
output("vm", img:execute(stubble, limit, {compile = "never"}), {dtype = "uint8", nodata = 255})
output("operators_masked", (img.B04:lt(limit) & img.B06:lt(1200) & img.B08:lt(1200)
  & img.B11:between(500, 1600, "exclusive")):self_mask())
output("expr_masked", img:expr("B04 < most and B06 < 1200 and B08 < 1200 and B11 > 500 and B11 < 1600",
  {most = limit}):self_mask())
output("execute_masked", img:execute(stubble, limit):self_mask())
"""


def three_ways(what, image):
    """Kleene's `&` knows some pixels that a strict function does not: those are compared where all bands
    are valid."""
    tellua("run", "--quiet", script("ways.lua", THREE_WAYS % image), "--out", path("ways"))
    a, b, c, d = (read("ways", n) for n in ("operators", "expr", "execute", "vm"))
    ok(same(b, c) and same(c, d), what + ": expression, function and Lua VM give the same pixels")
    ok(np.array_equal(a[c != 255], c[c != 255]) and (c != 255).any(), what + ": and so do the operators")
    a, b, c = (read("ways", n + "_masked") for n in ("operators", "expr", "execute"))
    ok(same(a, b) and same(b, c), what + ": masked by themselves the three are one picture")


scene = make_scene("scene.tif", 300, 420)
three_ways("made scene", 'Image "%s"' % scene)
real = shared("s2_landsat_cbers_s1_rio-tiler_mocks", "sentinel-s2-l1c/tiles/19/U/DP/2017/7/29/0")
if real:
    three_ways("real scene", "Image { %s }" % ", ".join('%s = "%s/%s.jp2"' % (n, real, n) for n in NAMES))

# --- neighbours -----------------------------------------------------------------------------------------
MEAN = """
local img = Image "%s"
local function mean3(B04)
  local sum = 0
  for dy = -1, 1 do
    for dx = -1, 1 do sum = sum + near(B04, dx, dy) end
  end
  return sum / 9
end
local function known(B04)
  local n = 0
  for dy = -2, 2 do
    for dx = -3, 3 do if near(B04, dx, dy) then n = n + 1 end end
  end
  return n
end
local function mean_of_valid(B04)
  local sum, n = 0, 0
  for dy = -2, 2 do
    for dx = -2, 2 do
      local x = near(B04, dx, dy)
      if x then sum, n = sum + x, n + 1 end
    end
  end
  if n == 0 then return nil end
  return sum / n
end
local ratio = img.B06 / (img.B04 - 1200) -- a float that is computed, and invalid where B04 is 1200
local exact = {dtype = "float64"}
output("mean", img:execute(mean3, {compile = "require"}))
output("mean1", img.B04:focal_mean(1), exact)
output("mean2", img.B04:focal_mean(2), exact)
output("mean2_function", img:execute(mean_of_valid, {valid = "any", compile = "require"}), exact)
output("ratio2", ratio:focal_mean(2), exact)
output("ratio2_function",
  ratio:rename("B04"):execute(mean_of_valid, {valid = "any", compile = "require"}), exact)
output("sum", img.B04:focal_sum(2), exact)
output("least", img.B04:focal_min(2), exact)
output("most", img.B04:focal_max(2), exact)
output("beside", img.B04:near(3, -2):near(-1, 0), exact)
output("known", img:execute(known, {valid = "any"}), {dtype = "int16"})
"""
mean = script("mean.lua", MEAN % scene)
tellua("run", "--quiet", mean, "--out", path("whole"), "--threads", "1")
whole = {n: read("whole", n) for n in (
    "mean", "known", "mean1", "mean2", "mean2_function", "ratio2", "ratio2_function", "sum", "least", "most", "beside")}
b04 = gdal.Open(scene).ReadAsArray()[0].astype("f8")
b04[b04 == 0] = np.nan
h, w = b04.shape
margin = np.pad(b04, 3, constant_values=np.nan)
total, count = np.zeros((h, w)), np.zeros((h, w), "i2")
window = []
for dy in range(-2, 3):
    for dx in range(-3, 4):
        part = margin[3 + dy:3 + dy + h, 3 + dx:3 + dx + w]
        count += ~np.isnan(part)
        if abs(dx) <= 1 and abs(dy) <= 1:
            total += part
        if abs(dx) <= 2:
            window.append(part)
ok(same(whole["mean"], (total / 9).astype("f4")), "a 3 x 3 mean is numpy's, bit for bit, invalid at holes and edges")
ok(same(whole["known"], count), "with valid = \"any\" the invalid neighbours are nil")

ok(same(whole["mean1"].astype("f4")[~np.isnan(total)], (total / 9).astype("f4")[~np.isnan(total)]),
   "focal_mean is the function's mean where all cells are valid")
for n in ("mean2", "ratio2"):
    ok(same(whole[n], whole[n + "_function"]) and np.isfinite(whole[n]).any(),
       "and, bit for bit, that of a function that leaves out invalid ones: " + n)
ok(np.isnan(whole["beside"]).any() and same(whole["beside"], margin[1:1 + h, 5:5 + w]),
   "near twice is near once: 2 columns east, 2 rows north, invalid beyond the edge")
window = np.array(window)
ok(np.isnan(window).all(0).any(), "some windows hold no valid cell")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of windows without a valid cell
    known = (~np.isnan(window)).sum(0)
    for n, want in (("sum", np.where(known > 0, np.nansum(window, 0), np.nan)), ("least", np.nanmin(window, 0)),
                    ("most", np.nanmax(window, 0)), ("mean2", np.nansum(window, 0) / known)):
        ok(same(whole[n], want), "windows of 5 x 5 are numpy's: " + n)


def pieces(n, most):
    cuts = sorted(rng.sample(range(1, n), min(most, n - 1)))
    return list(zip([0] + cuts, cuts + [n]))


def mosaic(turn):
    out = {n: np.zeros_like(whole[n]) for n in whole}
    for y0, y1 in pieces(h, 2):
        for x0, x1 in pieces(w, 2):
            folder = "part%d" % turn
            tellua("run", "--quiet", mean, "--out", path(folder), "--threads", rng.choice([1, 2, 7]),
                   "--window", "%d,%d,%d,%d" % (x0, y0, x1 - x0, y1 - y0))
            for n in out:
                out[n][y0:y1, x0:x1] = read(folder, n)
    return out


for turn in range(2):
    parts = mosaic(turn)
    ok(all(same(parts[n], whole[n]) for n in whole), "neighbours over random splits and threads are those of the whole")

# --- plans -----------------------------------------------------------------------------------------------
with open(path("plan.json"), "w") as f:
    f.write(tellua("plan", "--json", mean)[0])
tellua("run", "--quiet", path("plan.json"), "--out", path("again"))
for n in whole:
    with open(os.path.join(path("again"), n + ".tif"), "rb") as a, open(os.path.join(path("whole"), n + ".tif"), "rb") as b:
        ok(a.read() == b.read(), "a plan with functions gives the script's bytes: " + n)

# --- pixels that raise -------------------------------------------------------------------------------------
RAISE = """
local img = Image "%s"
output("q", img:execute(function(B04, B06)
  return B04 // (B06 %% 50)
end, {on_error = "%s", compile = "%s"}))
"""
bands = gdal.Open(scene).ReadAsArray()
valid = (bands[0] > 0) & (bands[1] > 0)
bad = valid & (bands[1] % 50 == 0)
row, col = np.argwhere(bad)[0]
for how in ("require", "never"):
    report = json.loads(tellua("run", "--json", "--quiet", script("raise.lua", RAISE % (scene, "count", how)), "--out",
                               path("raise"), "--threads", rng.choice([1, 2, 7]))[0])
    got = report["raised"][0]
    ok((got["pixels"], got["column"], got["row"]) == (bad.sum(), col, row),
       "pixels that raise are counted, with the first one (%s)" % how, (got, bad.sum(), col, row))
    q = gdal.Open(os.path.join(path("raise"), "q.tif"))
    seen = q.GetRasterBand(1).GetMaskBand().ReadAsArray() > 0
    ok(np.array_equal(seen, valid & ~bad), "and they are invalid (%s)" % how)
err = tellua("run", "--quiet", script("stop.lua", RAISE % (scene, "fail", "require")), "--out", path("stop"), expect=1)[1]
ok(all(s in err for s in ("stop.lua:4", "n//0", "B04 = ", "B06 = ", "column", "block")),
   "on_error = \"fail\" says line, reason, pixel, band values and block", err)
done()
