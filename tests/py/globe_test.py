# Rasters that go round the globe: cells and zones on the seam of longitudes hold what lies on both sides of it.
# Against numpy, which counts quarters of pixels. SPDX-License-Identifier: MIT
import os
import random

from tap import np, ok, note, done, tellua, write, Raster, SCRATCH

HERE = os.path.join(SCRATCH, "globe")
os.makedirs(HERE, exist_ok=True)
SCRIPT = os.path.join(HERE, "globe.lua")
with open(SCRIPT, "w") as f:
    f.write("output('o', Image(param('file', '')):resample(param('method', '')))\n")
seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
note("SEED=%d" % seed)
rng = random.Random(seed)
PARTS = 4  # of a pixel; cells begin and end between them


def mode(row, first, n):
    """The most frequent of the pixels whose centres lie in parts first .. first + n - 1; without one, that in the middle."""
    inside = [p for p in range((first - 2) // PARTS - 1, (first + n) // PARTS + 2)
              if first <= p * PARTS + PARTS // 2 < first + n] or [-(-(2 * first + n) // (2 * PARTS)) - 1]
    found, times = np.unique(row[np.array(inside[:len(row)]) % len(row)], return_counts=True)
    return found[np.argmax(times)]


def mean(row, first, n):
    return row[np.arange(first, first + n) // PARTS % len(row)].mean()


def check(method, pixels, start, cell, west):
    """Pixels round the globe from longitude `start` on; cells of so many parts, from longitude `west` on."""
    part = 360 / pixels / PARTS
    values = np.array([[rng.randrange(9) for _ in range(pixels)] for _ in range(2)], "float32")
    file = write(os.path.join(HERE, "f.tif"), [values], (start, part * PARTS, 0, 0, 0, -part * PARTS), 4326)
    across = max(1, PARTS * pixels // cell)
    box = "%r,%r,%r,%r" % (west, -min(cell * part, 80), west + across * cell * part, 0)
    size = "--res=%r" % (cell * part)
    tellua("run", "--quiet", SCRIPT, "-p", "file=" + file, "-p", "method=" + method, "--crs", "EPSG:4326",
           "--bbox=" + box, size, "--out", HERE)
    got = Raster(os.path.join(HERE, "o.tif"))
    # The first row of cells, over the file's rows: the whole cell is in them where it is a pixel high or less
    begin = [round((got.transform[0] + i * got.transform[1] - start) / part) for i in range(got.size[0])]
    rows = min(2, -(-cell // PARTS))
    if method == "average":
        high = [min(PARTS, cell - r * PARTS) for r in range(rows)]
        want = [np.average([mean(values[r], b, min(cell, PARTS * pixels)) for r in range(rows)], weights=high) for b in begin]
    else:
        want = [mode(values[0], b, cell) for b in begin]
    have = np.where(got.valid[0, 0], got.values[0, 0], np.nan)
    name = "%s of %d pixels from %g in cells of %d/4 from %.6g" % (method, pixels, start, cell, got.transform[0])
    ok(np.allclose(have, want, rtol=1e-6, atol=1e-6), name, "wanted %s\ngot    %s" % (want, list(have)))


for method in ("average", "mode"):
    check(method, 36, -180, 3, -180)
    check(method, 36, 0, 3, -180)
for cell in (8, 12, 36, 48, 72, 144):  # up to the whole globe in one cell
    check("average", 36, -180, cell, -180)
    check("average", 36, 0, cell, -180)
for i in range(24):
    pixels = rng.choice((12, 36, 90))
    part = 360 / pixels / PARTS
    check(rng.choice(("average", "mode")), pixels, rng.choice((-180, 0, -180 + part * PARTS * 3)),
          rng.randrange(1, PARTS + 1), rng.choice((-180, -180 + part * rng.randrange(8))))

# --- the globe in few cells of another system: nodes a turn apart are no line
wide = write(os.path.join(HERE, "wide.tif"), [np.repeat([np.arange(36, dtype="float32")], 18, axis=0)],
             (-180, 10, 0, 90, 0, -10), 4326)
for epsg, turn in ((4087, 2 * np.pi * 6378137), (4088, 2 * np.pi * 6371007)):
    for res in (1e6, 1.7e6, 2e6, 3e6):
        tellua("run", "--quiet", SCRIPT, "-p", "file=" + wide, "-p", "method=nearest", "--crs", "EPSG:%d" % epsg,
               "--res=%r" % res, "--out", HERE)
        got = Raster(os.path.join(HERE, "o.tif"))
        x = got.transform[0] + (np.arange(got.size[0]) + 0.5) * res
        want = np.floor((x / turn + 0.5) * 36) % 36
        have = got.values[0, got.size[1] // 2]
        ok(np.array_equal(have, want), "nearest from cells of %g km of EPSG:%d" % (res / 1e3, epsg),
           "wanted %s\ngot    %s" % (list(want), list(have)))

# --- an area in the west of a file from 0 to 360 lies on it
east = write(os.path.join(HERE, "east.tif"), [np.arange(648, dtype="float32").reshape(18, 36)], (0, 10, 0, 90, 0, -10), 4326)
for box in ("-20,-10,-10,10", "-180,-10,-170,10", "10,-10,30,10"):
    said = tellua("run", SCRIPT, "-p", "file=" + east, "-p", "method=nearest", "--bbox=" + box, "--out", HERE)[1]
    got = Raster(os.path.join(HERE, "o.tif"))
    ok("beside every file" not in said and got.valid.any(), "a box %s of a file from 0 to 360" % box, said)

# --- what depends on the whole, or on the edges, is the same on a grid that begins half a turn away
WHOLE = """
local img = Image(param("file", ""))
output("size", img:mod(5):lt(2):component_size())
output("far", img:mod(7):eq(0):distance())
output("near", img:mod(7):eq(0):distance{max = 2})
output("slope", img:slope{edges = true})
"""
with open(os.path.join(HERE, "whole.lua"), "w") as f:
    f.write(WHOLE)
speckled = write(os.path.join(HERE, "speckled.tif"),
                 [np.array([[rng.randrange(99) for _ in range(36)] for _ in range(18)], "uint8")], (0, 10, 0, 90, 0, -10), 4326)
made = []
for name, box in (("own", []), ("turned", ["--bbox=-180,-90,180,90"])):
    folder = os.path.join(HERE, name)
    tellua("run", "--quiet", os.path.join(HERE, "whole.lua"), "-p", "file=" + speckled, *box, "--out", folder)
    made.append([Raster(os.path.join(folder, n + ".tif")) for n in ("size", "far", "near", "slope")])
for own, turned in zip(*made):
    a = np.roll(np.where(own.valid[0], own.values[0], -1), 18, axis=1)
    b = np.where(turned.valid[0], turned.values[0], -1)
    ok(np.array_equal(a, b), os.path.basename(own.path) + " of the globe, from -180 and from 0",
       "%d cells differ" % np.sum(a != b))

# --- zones over the seam, and the globe as one
ZONES = """
local f, w, e = Image(param("file", "")), param("west", 0.0), param("east", 0.0)
local m = e - w < 360 and (w + e) / 2 or w -- an edge of more than half the globe would go the short way
local box = {type = "Polygon", coordinates = {{{w, -10}, {m, -10}, {e, -10}, {e, 10}, {m, 10}, {w, 10}, {w, -10}}}}
output("rows", f:zonal {zones = box, stats = {"sum", "count"}})
output("o", f:rasterize(box, {value = 7}))
"""
with open(os.path.join(HERE, "zones.lua"), "w") as f:
    f.write(ZONES)
for start in (-180, 0):
    round_ = write(os.path.join(HERE, "round.tif"), [np.repeat([np.arange(36, dtype="float32")], 18, axis=0)],
                   (start, 10, 0, 90, 0, -10), 4326)
    for west, east in ((-15, 15), (165, 195), (-195, -165), (170, 180), (-180, -170), (-180, 180), (-170, 160)):
        tellua("run", "--quiet", os.path.join(HERE, "zones.lua"), "-p", "file=" + round_, "-p", "west=%r" % float(west),
               "-p", "east=%r" % float(east), "--out", HERE)
        with open(os.path.join(HERE, "rows.csv")) as f:
            rows = [line.strip().split(",") for line in f]
        got = [float(rows[1][rows[0].index(k)]) for k in ("sum", "count")]
        tenths = (np.arange(west, east) - start) // 10 % 36
        want = [2 * np.sum(tenths) / 10, 2 * (east - west) / 10]
        ok(np.allclose(got, want), "a zone from %d to %d of a file from %d" % (west, east, start), "%s, not %s" % (got, want))
        if (west - start) % 10 == 0:
            ours, want = Raster(os.path.join(HERE, "o.tif")), np.zeros((18, 36), bool)
            want[8:10, tenths] = True
            ok(np.array_equal(ours.valid[0], want), "and burnt", "%d cells, not %d" % (ours.valid.sum(), want.sum()))
done()
