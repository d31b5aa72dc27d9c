#!/usr/bin/python3
"""Components, sieve and distance beside slow twins and GDAL's, and cut in every way.
SPDX-License-Identifier: MIT"""
import os
import random
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Raster, differ, done, gdal, note, np, ok, tellua, write  # noqa: E402

SEED = int(os.environ.get("TELLUA_TEST_SEED", "20240611"))
note("TELLUA_TEST_SEED=%d" % SEED)
rng, dice = random.Random(SEED), np.random.default_rng(SEED)
WORK = tempfile.mkdtemp(prefix="components")


def path(name):
    return os.path.join(WORK, name)


# --- pictures: wider and higher than a block of 512 cells ------------------------------------------


def spiral(h, w):
    """One line from the edge to the middle, which crosses every border of blocks many times."""
    a = np.zeros((h, w), "uint8")
    top, left, bottom, right = 0, 0, h - 1, w - 1
    while top <= bottom and left <= right:
        a[top, max(left - 2, 0):right + 1] = 1
        a[top:bottom + 1, right] = 1
        a[bottom, left:right + 1] = 1
        a[top + 2:bottom + 1, left] = 1
        top, left, bottom, right = top + 2, left + 2, bottom - 2, right - 2
    return a


def patches(h, w):
    """Classes 1 to 5 in patches of many sizes, with specks; 0 is nodata."""
    a = dice.integers(1, 6, (h // 24 + 1, w // 24 + 1)).repeat(24, 0).repeat(24, 1)[:h, :w]
    b = dice.integers(1, 6, (h // 5 + 1, w // 5 + 1)).repeat(5, 0).repeat(5, 1)[:h, :w]
    a = np.where(dice.random((h // 60 + 1, w // 60 + 1)).repeat(60, 0).repeat(60, 1)[:h, :w] < 0.5, a, b)
    a = np.where(dice.random((h, w)) < 0.04, dice.integers(1, 6, (h, w)), a)
    a[dice.random((h, w)) < 0.02] = 0
    return a.astype("uint8")


PICTURES = {"spiral": spiral(560, 1100), "patches": patches(600, 640),
            "noise": dice.integers(0, 4, (140, 530)).astype("uint8"), "one": np.ones((1, 1), "uint8"),
            "line": dice.integers(1, 3, (1, 1300)).astype("uint8")}

# --- twins -----------------------------------------------------------------------------------------


def edges(shape, diagonal):
    h, w = shape
    k = np.arange(h * w).reshape(h, w)
    pairs = [(k[:, 1:], k[:, :-1]), (k[1:], k[:-1])]
    if diagonal:
        pairs += [(k[1:, 1:], k[:-1, :-1]), (k[1:, :-1], k[:-1, 1:])]
    return np.concatenate([np.stack([a.ravel(), b.ravel()], 1) for a, b in pairs])


def label(a, diagonal):
    """Numbers by the first cell, 0 where a is 0; union-find over the edges."""
    flat = a.ravel()
    parent = list(range(flat.size))

    def find(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    e = edges(a.shape, diagonal)
    e = e[(flat[e[:, 0]] == flat[e[:, 1]]) & (flat[e[:, 0]] != 0)]
    for i, j in e.tolist():
        i, j = find(i), find(j)
        if i != j:
            parent[max(i, j)] = min(i, j)
    roots = np.array([find(i) for i in range(flat.size)])
    first = np.unique(roots[flat != 0])
    return np.where(flat != 0, np.searchsorted(first, roots) + 1, 0).reshape(a.shape)


def sieve(a, labels, least, diagonal):
    """(sieved, where a choice among equals was met)"""
    n = labels.max() + 1
    size = np.bincount(labels.ravel(), minlength=n)
    value = np.zeros(n, a.dtype)
    value[labels.ravel()] = a.ravel()
    e = labels.ravel()[edges(a.shape, diagonal)]
    e = np.unique(np.concatenate([e, e[:, ::-1]]), axis=0)
    e = e[(e[:, 0] != e[:, 1]) & (e[:, 0] != 0) & (e[:, 1] != 0)]
    around = {}
    for i, j in e.tolist():
        around.setdefault(i, []).append(j)
    best, equal = {}, set()
    for i, near in around.items():
        best[i] = min(near, key=lambda j: (-size[j], j))
        if sum(size[j] == size[best[i]] for j in near) > 1:
            equal.add(i)
    to, unsure = np.arange(n), np.zeros(n, bool)
    for i in range(1, n):
        seen, p = set(), i
        while size[p] < least and p not in seen and p in best:
            seen.add(p)
            unsure[i] |= p in equal
            p = best[p]
        if size[p] >= least:
            to[i] = p
    return value[to][labels], unsure[labels]


def nearest(targets, sx=1.0, sy=1.0):
    """Squared distances, one target after the other."""
    y, x = np.mgrid[0:targets.shape[0], 0:targets.shape[1]].astype("float64")
    best = np.full(targets.shape, np.inf)
    for i, j in np.argwhere(targets):
        best = np.minimum(best, sx * sx * ((x - j) * (x - j)) + sy * sy * ((y - i) * (y - i)))
    return best


# --- runs ------------------------------------------------------------------------------------------


def run(lines, picture, *args, out="out"):
    with open(path("s.lua"), "w") as f:
        f.write('local img = Image("%s"):rename "v"\n%s\n' % (path(picture + ".tif"), "\n".join(lines)))
    tellua("run", "--quiet", path("s.lua"), "--out", path(out), *args)
    names = [line.split('"')[1] for line in lines]
    return {n: Raster(path("%s/%s.tif" % (out, n))) for n in names}


LINES = ['output("c4", img:components())', 'output("c8", img:components{connectivity = 8})',
         'output("n4", img:component_size())', 'output("n8", img:component_size{connectivity = 8})',
         'output("large", img:components{min_size = 9, max_size = 400})',
         'output("s4", img:sieve(12))', 'output("s8", img:sieve(30, {connectivity = 8}))']
for name, a in PICTURES.items():
    write(path(name + ".tif"), [a], nodata=0)
    got = run(LINES, name)
    for diagonal, c in ((False, "4"), (True, "8")):
        want = label(a, diagonal)
        size = np.bincount(want.ravel())
        ok(np.array_equal(np.where(got["c" + c].valid[0], got["c" + c].values[0], 0), want),
           "%s: components over %s neighbours (%d of them)" % (name, c, want.max()),
           differ(want, got["c" + c].values[0].astype(want.dtype)))
        n = np.where(want > 0, size[want], 0)
        ok(np.array_equal(np.where(got["n" + c].valid[0], got["n" + c].values[0], 0), n), "%s: their sizes (%s)" % (name, c))
        least = 30 if diagonal else 12
        swept, unsure = sieve(a, want, least, diagonal)
        mine = np.where(got["s" + c].valid[0], got["s" + c].values[0], 0)
        ok(np.array_equal(mine, swept), "%s: sieve of %d cells, %s neighbours" % (name, least, c), differ(swept, mine.astype(swept.dtype)))
        mem = gdal.GetDriverByName("MEM").Create("", a.shape[1], a.shape[0], 1)
        mem.GetRasterBand(1).WriteArray(a)
        mem.GetRasterBand(1).SetNoDataValue(0)
        gdal.SieveFilter(mem.GetRasterBand(1), mem.GetRasterBand(1).GetMaskBand(), mem.GetRasterBand(1), least, int(c))
        theirs = mem.GetRasterBand(1).ReadAsArray()
        bad = (theirs != mine) & ~unsure & (a != 0)
        ok(not bad.any(), "%s: ... as gdal_sieve, but for %d cells with equal neighbours" % (name, unsure.sum()),
           "%d cells" % bad.sum())
    want4 = label(a, False)
    size4 = np.bincount(want4.ravel())[want4]
    inside = (want4 > 0) & (size4 >= 9) & (size4 <= 400)
    ok(np.array_equal(got["large"].valid[0], inside) and np.array_equal(got["large"].values[0][inside], want4[inside]),
       "%s: components by size" % name)

# --- distance --------------------------------------------------------------------------------------

few = np.zeros((570, 1050), "uint8")
few[dice.integers(0, 570, 60), dice.integers(0, 1050, 60)] = 1
few[100:110, 200:900] = 255  # nodata: no target
write(path("few.tif"), [few], nodata=255)
write(path("long.tif"), [few], nodata=255, transform=(500000, 10, 0, 5000000, 0, -7))
write(path("none.tif"), [np.zeros((30, 40), "uint8")])
DISTANCE = ['output("d", img:distance(), {dtype = "float64"})', 'output("d40", img:distance{max = 40.5}, {dtype = "float64"})',
            'output("d300", img:eq(1):distance{max = 300}, {dtype = "float64"})',
            'output("m", img:distance{unit = "metres"}, {dtype = "float64"})',
            'output("m500", img:distance{unit = "metres", max = 500}, {dtype = "float64"})']
d2 = nearest(few == 1)
got = run(DISTANCE, "few")
ok(got["d"].valid[0].all() and not differ(np.sqrt(d2), got["d"].values[0]), "distances are exact to the bit", differ(np.sqrt(d2), got["d"].values[0]))
for name, most in (("d40", 40.5), ("d300", 300)):
    g = got[name]
    ok(np.array_equal(g.valid[0], d2 <= most * most) and not differ(np.sqrt(d2), g.values[0], g.valid[0]),
       "... up to %g cells the same, beyond invalid" % most)
ok(not differ(np.sqrt(d2 * 100), got["m"].values[0]), "... in metres ten times as much")
mem = gdal.GetDriverByName("MEM").Create("", 1050, 570, 2, gdal.GDT_Float32)
mem.GetRasterBand(1).WriteArray(few)
gdal.ComputeProximity(mem.GetRasterBand(1), mem.GetRasterBand(2), options=["VALUES=1"])
theirs = mem.GetRasterBand(2).ReadAsArray()
mine = got["d"].values[0].astype("float32")
same = np.abs(theirs - mine) <= 1e-4 * np.maximum(1, mine)
ok(same.mean() > 0.999 and (theirs >= mine - 1e-3).all(), "gdal_proximity agrees in %.4f of the cells and is never nearer" % same.mean())
d2 = nearest(few == 1, 10.0, 7.0)
got = run(DISTANCE[3:], "long")
error = np.abs(got["m"].values[0] - np.sqrt(d2)).max()
ok(error < 1e-9, "cells that are no squares: metres within 1e-9", error)
near = got["m500"]
ok(np.array_equal(near.valid[0], d2 <= 500.0 ** 2) and np.abs(near.values[0] - np.sqrt(d2))[near.valid[0]].max() < 1e-9,
   "... and up to 500 of them")
ok(not run(DISTANCE[:2], "none")["d"].valid.any(), "without a target there is no distance")

# --- any way of cutting ----------------------------------------------------------------------------

both = LINES[:3] + LINES[5:] + ['output("d", img:eq(3):distance(), {dtype = "float64"})',
                                'output("d9", img:eq(3):distance{max = 9}, {dtype = "float64"})',
                                'output("again", img:sieve(12):components():near(3, -2))']
whole = run(both, "patches")
for threads in (1, 2, 7):
    got = run(both, "patches", "--threads", threads, out="t")
    bad = [n for n in whole if differ(whole[n].values, got[n].values) or differ(whole[n].valid, got[n].valid)]
    ok(not bad, "%d threads: the same bits" % threads, bad)
for _ in range(5):
    w, h = rng.randint(1, 400), rng.randint(1, 400)
    x, y = rng.randint(0, 640 - w), rng.randint(0, 600 - h)
    got = run(both, "patches", "--window", "%d,%d,%d,%d" % (x, y, w, h), out="w")
    at = (slice(None), slice(y, y + h), slice(x, x + w))
    bad = [n for n in whole if differ(whole[n].values[at] * whole[n].valid[at], got[n].values.astype(whole[n].values.dtype) * got[n].valid)
           or differ(whole[n].valid[at], got[n].valid)]
    ok(not bad, "window %d,%d,%d,%d: the same cells of the whole" % (x, y, w, h), bad)
tellua("run", "--quiet", path("s.lua"), "--out", path("p1"))
with open(path("plan.json"), "w") as f:
    f.write(tellua("plan", path("s.lua"), "--json")[0])
tellua("run", "--quiet", path("plan.json"), "--out", path("p2"))
bad = [n for n in whole if open(path("p1/%s.tif" % n), "rb").read() != open(path("p2/%s.tif" % n), "rb").read()]
ok(not bad, "a plan gives the same bytes", bad)
coarse = run(['output("c", img:components())'], "patches", "--res", "20", out="c")["c"]
ok(np.array_equal(np.where(coarse.valid[0], coarse.values[0], 0), label(PICTURES["patches"][1::2, 1::2], False)) or
   np.array_equal(np.where(coarse.valid[0], coarse.values[0], 0), label(PICTURES["patches"][::2, ::2], False)),
   "another grid: components of its cells")

other = run(['output("p", img:connectedPixelCount(50))', 'output("l", img:label())', 'output("f", img:eq(1):fastDistanceTransform(20))'], "noise")
a = PICTURES["noise"]
want = label(a, True)
size = np.where(want > 0, np.minimum(np.bincount(want.ravel())[want], 50), 0)
far = nearest(a[:, :200] == 1)
ok(np.array_equal(other["p"].values[0] * other["p"].valid[0], size) and
   np.array_equal(other["l"].values[0] * other["l"].valid[0], label(a, False)), "names of Earth Engine and pyjeo")
ok(np.array_equal(other["f"].values[0][:, :150], far[:, :150]), "fastDistanceTransform is the square in cells")

# --- errors ----------------------------------------------------------------------------------------

for line, words in (("img:mul(0.5):components()", "components wants classes"), ("img:sieve(0)", "whole number from 1, got 0"),
                    ("img:components{connectivity = 6}", "connectivity is 4 or 8, got 6"),
                    ("img:distance{max = -1}", "max is a number above 0"), ("img:distance{unit = 'miles'}", '"cells" or "metres"'),
                    ("img:components{size = 3}", "has no option 'size'")):
    with open(path("e.lua"), "w") as f:
        f.write('local img = Image "%s"\noutput("o", %s)\n' % (path("one.tif"), line))
    err = tellua("run", path("e.lua"), "--out", path("e"), expect=1)[1]
    ok(words in err and "e.lua:2" in err and err.count("\n") == 1, "%s is refused with its line" % line, err)
with open(path("e.lua"), "w") as f:
    f.write('output("o", Image("%s"):components())\n' % path("patches.tif"))
os.environ["TMPDIR"] = path("absent")
err = tellua("run", path("e.lua"), "--out", path("e"), expect=1)[1]
ok("TMPDIR" in err and err.count("\n") == 1, "without room for a temporary file: one line", err)
done()
