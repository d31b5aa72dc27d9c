#!/usr/bin/python3
"""Forests, k-means and unmixing beside evaluations of their models by other means. SPDX-License-Identifier: MIT"""
import itertools
import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Raster, differ, done, note, np, ok, shared, tellua, write  # noqa: E402

SEED = int(os.environ.get("TELLUA_TEST_SEED", "20240612"))
note("TELLUA_TEST_SEED=%d" % SEED)
dice = np.random.default_rng(SEED)
WORK = tempfile.mkdtemp(prefix="learn")
H, W, BANDS, CLASSES = 70, 90, 5, 11
NAMES = ["b%d" % (k + 1) for k in range(BANDS)]


def path(name):
    return os.path.join(WORK, name)


def run(text, out="out", *args):
    with open(path("s.lua"), "w") as f:
        f.write('local img = Image "%s" local class = Image("%s").class\n%s\n' % (path("bands.tif"), path("class.tif"), text))
    return tellua("run", "--quiet", path("s.lua"), "--out", path(out), *args)[0]


def text_of(name, out="out"):
    with open(path("%s/%s" % (out, name))) as f:
        return f.read()


# Overlapping clouds of classes; band 5 is of whole numbers, some cells are nodata in one band
classes = dice.integers(1, CLASSES + 1, (H, W)) * 10
centers = dice.normal(0, 60, (CLASSES * 10 + 1, BANDS))
cube = (centers[classes] + dice.normal(0, 25, (H, W, BANDS))).astype("float32")
cube[..., 4] = np.round(cube[..., 4])
holes = dice.random((H, W, BANDS)) < 0.01
cube[holes] = -9999
write(path("bands.tif"), [cube[..., k] for k in range(BANDS)], nodata=-9999, names=NAMES)
write(path("class.tif"), [classes.astype("uint8")], nodata=0, names=["class"])
valid = ~holes.any(2)
x = cube.astype("float64")

# --- samples ---------------------------------------------------------------------------------------

FOREST = """
local rows = (img .. class):sample { count = 1500, seed = 5 }
local model = train { samples = rows, class = "class", trees = %d, seed = %d%s }
output("rows", rows)
output("model", model)
"""
run(FOREST % (60, 3, ""), "a")
run(FOREST % (60, 3, ""), "b", "--threads", 7)
run(FOREST % (60, 4, ""), "c")
ok(text_of("rows.csv", "a") == text_of("rows.csv", "b") and text_of("model.json", "a") == text_of("model.json", "b"),
   "the same seeds: the same samples and the same model")
ok(text_of("rows.csv", "a") == text_of("rows.csv", "c") and text_of("model.json", "a") != text_of("model.json", "c"),
   "another seed: another forest")
rows = [line.split(",") for line in text_of("rows.csv", "a").split()]
head, rows = rows[0], np.array(rows[1:], "float64")
ok(head == ["id", "lon", "lat"] + NAMES + ["class"] and len(rows) == 1500, "sample{count =} gives as many rows as are wanted", (head, len(rows)))
cells = {tuple(v) for v in np.concatenate([x, classes[..., None]], 2)[valid].tolist()}
ok(all(tuple(r) in cells for r in rows[:, 3:].tolist()), "... each of a cell that is valid in all bands")
out = run("""
local box = { 15.001, 45.149, 15.004, 45.151 }
for _, r in ipairs(img:sample { count = 200, region = box, seed = 2 }) do
  if r.lon < 15.001 or r.lon > 15.004 or r.lat < 45.149 or r.lat > 45.151 then print("outside", r.lon, r.lat) end
end
local n = {}
for _, r in ipairs((img .. class):sample { count = 30, class = "class" }) do n[r.class] = (n[r.class] or 0) + 1 end
for c = 10, 110, 10 do if n[c] ~= 30 then print("class", c, n[c]) end end
output("o", img.b1)""")
ok(out.split() == [path("out/o.tif")], "samples of a region lie inside; of classes there are as many of each", out)

# --- forests ---------------------------------------------------------------------------------------


def leaves(tree):
    """What each cell comes to."""
    at = np.zeros((H, W), int)
    band, limit = np.array([n[0] for n in tree]), np.array([float(n[1]) for n in tree])
    less = np.array([n[2] if n[0] else 0 for n in tree]) - 1
    more = np.array([n[3] if n[0] else 0 for n in tree]) - 1
    while (band[at] > 0).any():
        inner = band[at] > 0
        v = np.take_along_axis(x, np.maximum(band[at] - 1, 0)[..., None], 2)[..., 0]
        at = np.where(inner, np.where(v < limit[at], less[at], more[at]), at)
    return limit[at]


def votes(model):
    n = np.zeros((H, W, len(model["classes"])), int)
    for tree in model["trees"]:
        c = leaves(tree).astype(int) - 1
        for k in range(n.shape[2]):
            n[..., k] += c == k
    return n


PREDICT = """
local model = Model "%s"
output("class", img:classify(model))
output("share", img:predict(model, { probability = true }), { dtype = "float64" })
"""
for trees, options in ((60, ""), (7, ", depth = 3"), (1, ", try = 5, min_leaf = 20")):
    run(FOREST % (trees, 3, options), "m")
    model = json.loads(text_of("model.json", "m"))
    run(PREDICT % path("m/model.json"))
    got, share, n = Raster(path("out/class.tif")), Raster(path("out/share.tif")), votes(model)
    want = np.array(model["classes"])[n.argmax(2)]
    what = "%d trees%s" % (trees, options)
    ok(np.array_equal(got.valid[0], valid) and not differ(want, got.values[0].astype(want.dtype), valid),
       "%s: the class of each cell is that of the votes" % what, differ(want, got.values[0].astype(want.dtype), valid))
    bad = [k for k in range(len(model["classes"])) if differ(n[..., k] / trees, share.values[k], valid)]
    ok(not bad and share.names == ["class_%d" % c for c in model["classes"]], "... and the shares are bit for bit", bad)
    if trees == 60:
        right, oob = (want == classes)[valid].mean(), model["oob"]
        ok(right > 0.75 and abs(oob - right) < 0.1, "... %.3f of the cells are right, out of bag %.3f of the samples" % (right, oob))
    else:
        longest = max(len(t) for t in model["trees"])
        ok(longest <= (15 if "depth" in options else 2 * 1500 // 20), "... no larger than allowed: %d nodes" % longest)
for threads, window in ((1, (0, 0, W, H)), (2, (17, 3, 40, 31)), (7, (60, 50, 30, 20))):
    run(PREDICT % path("a/model.json"), "whole")
    run(PREDICT % path("a/model.json"), "part", "--threads", threads, "--window", "%d,%d,%d,%d" % window)
    a, b = Raster(path("whole/share.tif")), Raster(path("part/share.tif"))
    c, r, w, h = window
    ok(not differ(a.values[:, r:r + h, c:c + w], b.values), "%d threads, window %s: the same bits" % (threads, window))
run("""
local rows = (img .. class):sample { count = 800, seed = 5 }
local model = train { samples = rows, class = "b1", bands = { "b2", "b3", "b4" }, mode = "regression", trees = 20 }
output("model", model)
output("value", img:classify(model), { dtype = "float64" })
output("single", img:classify(train { samples = rows, class = "b1", bands = { "b2" }, mode = "regression", trees = 1, min_leaf = 900 }),
  { dtype = "float64" })""")
model = json.loads(text_of("model.json"))
names = [NAMES.index(b) for b in model["bands"]]
kept, x = x, x[..., names]
want = leaves(model["trees"][0])
for tree in model["trees"][1:]:
    want = want + leaves(tree)
x = kept
got = Raster(path("out/value.tif"))
inside = ~holes[..., names].any(2)
ok(not differ(want / 20, got.values[0], inside) and np.array_equal(got.valid[0], inside), "regression: the mean of the leaves, bit for bit",
   differ(want / 20, got.values[0], inside))
single = Raster(path("out/single.tif"))
ok(len(np.unique(single.values[0][single.valid[0]])) == 1, "a tree of one leaf says one value everywhere")

# --- k-means ---------------------------------------------------------------------------------------

run("""
local rows = img:sample { count = 700, seed = 9 }
local model = train { samples = rows, k = 6, seed = 2 }
output("rows", rows)
output("model", model)
output("cluster", img:cluster(model))
output("own", img:cluster { k = 6, seed = 2 })""")
model = json.loads(text_of("model.json"))
c = np.array(model["centers"])
rows = np.array([line.split(",") for line in text_of("rows.csv").split()[1:]], "float64")[:, 3:]


def nearest(a, at):
    far = np.zeros(a.shape[:-1] + (len(at),))
    for b in range(a.shape[-1]):
        d = a[..., b, None] - at[:, b]
        far = d * d if b == 0 else far + d * d
    return far.argmin(-1)


of = nearest(rows, c)
means = np.array([rows[of == j].mean(0) for j in range(6)])
ok(np.abs(means - c).max() < 1e-9, "each centre is the mean of the samples nearest to it", np.abs(means - c).max())
got = Raster(path("out/cluster.tif"))
want = nearest(x, c) + 1
ok(np.array_equal(got.valid[0], valid) and not differ(want, got.values[0].astype(want.dtype), valid), "cells go to the nearest centre")
ok(len(np.unique(Raster(path("out/own.tif")).values[0][valid])) == 6, "cluster{k =} draws its samples itself")

# --- unmixing --------------------------------------------------------------------------------------

members = dice.random((4, BANDS)) * 200 - 100
lua = "{" + ",".join("{" + ",".join("%.17g" % v for v in m) + "}" for m in members) + "}"
run("""
local e = %s
local f64 = { dtype = "float64" }
output("plain", img:unmix(e), f64)
output("one", img:unmix(e, { sum_to_one = true }), f64)
output("pos", img:unmix(e, { non_negative = true }), f64)
output("both", img:unmix(e, true, true), f64)""" % lua)


def least(a, some, to_one):
    """Fractions of some end members (the others 0), of all cells; by a basis of the allowed plane."""
    e = members[list(some)].T
    f = np.zeros((len(a), 4))
    if to_one:
        first, rest = e[:, :1], e[:, 1:] - e[:, :1]
        g = np.linalg.lstsq(rest, (a - first.T).T, rcond=None)[0].T if len(some) > 1 else np.zeros((len(a), 0))
        f[:, list(some)] = np.concatenate([1 - g.sum(1, keepdims=True), g], 1)
    else:
        f[:, list(some)] = np.linalg.lstsq(e, a.T, rcond=None)[0].T
    return f


a = x[valid]
for name, to_one, positive in (("plain", 0, 0), ("one", 1, 0), ("pos", 0, 1), ("both", 1, 1)):
    want = least(a, range(4), to_one)
    if positive:
        best = np.full(len(a), np.inf) if to_one else (a * a).sum(1)
        want = np.zeros_like(want)
        for n in range(1, 5):
            for some in itertools.combinations(range(4), n):
                f = least(a, some, to_one)
                err = ((a - f @ members) ** 2).sum(1)
                better = (f >= 0).all(1) & (err < best)
                want[better], best[better] = f[better], err[better]
    got = Raster(path("out/%s.tif" % name))
    mine = np.moveaxis(got.values, 0, -1)[valid]
    ok(np.abs(mine - want).max() < 1e-6 and got.names == ["band_0", "band_1", "band_2", "band_3"],
       "unmix, %s: as lstsq over all subsets" % name, np.abs(mine - want).max())
    if positive and not to_one:  # conditions of Karush, Kuhn and Tucker
        slope = (a - mine @ members) @ members.T
        ok((mine >= 0).all() and slope.max() < 1e-6 and np.abs(slope * mine).max() < 1e-5, "... no other mixture without negatives is nearer",
           (slope.max(), np.abs(slope * mine).max()))
    if to_one:
        ok(np.abs(mine.sum(1) - 1).max() < 1e-9, "... fractions sum to one")

# --- accuracy --------------------------------------------------------------------------------------

out = run("""
local rows = ((img .. class):stack(img:classify(Model "%s"))):sample { count = 500, seed = 77 }
local a = accuracy(rows, "class", "classification")
output("rows", rows)
print(a.n, a.overall, a.kappa, a.matrix[1][1], a.producers[2], a.users[2], a.f1[2])""" % path("m/model.json"))
rows = np.array([line.split(",") for line in text_of("rows.csv").split()[1:]], "float64")[:, -2:]
names = np.unique(rows)
m = np.array([[((rows[:, 0] == i) & (rows[:, 1] == j)).sum() for j in names] for i in names])
n = m.sum()
po, pe = np.trace(m) / n, (m.sum(0) * m.sum(1)).sum() / n ** 2
want = [n, po, (po - pe) / (1 - pe), m[0, 0], m[1, 1] / m[1].sum(), m[1, 1] / m[:, 1].sum(), 2 * m[1, 1] / (m[1].sum() + m[:, 1].sum())]
got = [float(v) for v in out.split()[:7]]
ok(np.allclose(got, want, equal_nan=True), "accuracy: overall, kappa, producers', users', F1", (got, want))

# --- real data -------------------------------------------------------------------------------------

catalog = shared("s2_timeseries_mapchete_33T")
if catalog:
    here = catalog + "/sentinel-2-l2a/S2B_33TWL_20230810_0_L2A/"
    with open(path("r.lua"), "w") as f:
        f.write("""
local img = Image { %s }
local cover = img.SCL:lookup { [4] = 4, [5] = 5, [6] = 6, [8] = 8, [9] = 8 }:rename "cover"
local bands = img:select("B02", "B03", "B04", "B08")
local rows = (bands .. cover):sample { count = 300, class = "cover", seed = 1 }
local model = train { samples = rows, class = "cover", trees = 40 }
local test = (cover .. bands:classify(model)):sample { count = 1500, seed = 2 }
local a = accuracy(test, "cover", "classification")
print(#rows, a.overall, a.kappa)
output("model", model)
""" % ", ".join('%s = "%s%s.tif"' % (b, here, b) for b in ("B02", "B03", "B04", "B08", "SCL")))
    out = tellua("run", "--quiet", path("r.lua"), "--out", path("real"))[0].split()
    ok(float(out[1]) > 0.8 and float(out[2]) > 0.6, "Sentinel-2: vegetation, soil, water, cloud of four bands: %s samples, accuracy %s, kappa %s" % tuple(out[:3]))

# --- errors ----------------------------------------------------------------------------------------

with open(path("bad.json"), "w") as f:
    f.write('{"kind": "forest", "bands": ["b1"], "classes": [1, 2], "trees": [[[1, 5.0, 1, 2], [0, 1]]]}')
for text, words in (('img:classify(Model "%s")' % path("bad.json"), "node 1 of a tree leads to 1"),
                    ('img:classify(Model "%s")' % path("absent.json"), "absent.json"),
                    ("img:classify(3)", "classify needs a Model"),
                    ("img:unmix{{1, 2}}", "has 2 numbers, the Image 5 bands"),
                    ("img:unmix{{1,2,3,4,5},{2,4,6,8,10}}", "cannot be told apart"),
                    ('img:classify(train{samples = img:sample{count = 20}, class = "b6"})', "in no sample"),
                    ("img:cluster{}", "k, the number of clusters"), ("img:sample{count = 0}", "count is a whole number"),
                    ('img:classify(Model "%s")' % path("a/model.json"), None), ('img:select("b1"):classify(Model "%s")' % path("a/model.json"), "no band 'b2'")):
    with open(path("e.lua"), "w") as f:
        f.write('local img = Image "%s"\noutput("o", %s)\n' % (path("bands.tif"), text))
    if not words:
        tellua("run", "--quiet", path("e.lua"), "--out", path("e"))
        continue
    err = tellua("run", path("e.lua"), "--out", path("e"), expect=1)[1]
    ok(words in err and err.count("\n") == 1, "%s is refused" % text.replace(WORK, ""), err)

# The grid of what is predicted is that of the first band, whichever a tree asks first
out = run("""
local near, far = Grid{crs = "EPSG:32633", res = 10, bounds = {500000, 5000000, 500040, 5000020}}, Grid{crs = "EPSG:4326",
  res = 1, bounds = {10, 40, 20, 50}}
local rows = {}
for y = 1, 10 do rows[y] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2} end
local x = Image({{1, 5, 1, 5}, {5, 1, 5, false}}, near):rename "a" .. Image(rows, far):rename "b"
local two = {kind = "forest", bands = {"a", "b"}, classes = {1, 2},
  trees = {{{2, 3, 2, 5}, {1, 3, 3, 4}, {0, 1}, {0, 2}, {0, 1}}, {{2, 3, 2, 2}, {1, 3, 3, 4}, {0, 1}, {0, 2}}}}
local line = {kind = "forest", bands = {"a", "b"}, trees = {{{2, 3, 2, 3}, {0, 1.5}, {0, 2}}}}
for _, p in ipairs {x:classify(Model(two)), x:classify(Model(two), {probability = true}), x:classify(Model(line)),
  x:unmix {{1, 0}, {0, 1}}} do
  print(p:grid() == near, table.concat(p:select(1):values()[2], " "))
end
output("o", img)
""")
want = "true\t2 1 2 nan\ntrue\t0.0 1.0 0.0 nan\ntrue\t1.5 1.5 1.5 nan\ntrue\t5.0 1.0 5.0 nan\n"
ok(out.startswith(want), "what is predicted lies on the grid of the first band", out)
done()
