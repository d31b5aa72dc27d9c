# Zones, regions and points against OGR's own intersections and numpy.
# SPDX-License-Identifier: MIT
import csv
import json
import math
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import SCRATCH, Raster, done, np, note, ok, osr, shared, tellua, write  # noqa: E402
from osgeo import gdal, ogr  # noqa: E402

ogr.UseExceptions()
SEED = int(os.environ.get("TELLUA_SEED", "20240612"))
note("seed %d" % SEED)
rng = random.Random(SEED)
nrng = np.random.default_rng(SEED)


def script(name, text):
    path = os.path.join(SCRATCH, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def table(name):
    with open(os.path.join(SCRATCH, name), encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def geojson(g):
    return "[=[" + g.ExportToJson(["COORDINATE_PRECISION=17"]) + "]=]"


def star(x, y, r, n):
    ring = ogr.Geometry(ogr.wkbLinearRing)
    for i in range(n):
        a, k = 2 * math.pi * (i + 0.3 * rng.random()) / n, r * rng.uniform(0.4, 1)
        ring.AddPoint_2D(x + k * math.cos(a), y + k * math.sin(a))
    ring.CloseRings()
    g = ogr.Geometry(ogr.wkbPolygon)
    g.AddGeometry(ring)
    return g


def weights(g, raster):
    """The part of each cell inside g, which is in the raster's own system."""
    (x0, dx, _, y0, _, dy), (w, h) = raster.transform, raster.size
    out = np.zeros((h, w))
    for r in range(h):
        for c in range(w):
            x, y = x0 + c * dx, y0 + r * dy
            cell = ogr.CreateGeometryFromWkt(
                "POLYGON((%.17g %.17g,%.17g %.17g,%.17g %.17g,%.17g %.17g,%.17g %.17g))"
                % (x, y, x + dx, y, x + dx, y + dy, x, y + dy, x, y))
            if cell.Intersects(g):
                out[r, c] = cell.Intersection(g).Area() / abs(dx * dy)
    return out


def quantile(x, w, p):
    order = np.lexsort((w, x))
    x, w = x[order], w[order]
    n = len(x)
    before = np.concatenate([[0], np.cumsum(w)[:-1]])
    s = np.arange(n) * w + (n - 1) * before
    at = p * (n - 1) * w.sum()
    k = int(np.searchsorted(s, at, side="left"))
    if k == 0 or k >= n:
        return x[0 if k == 0 else n - 1]
    return x[k - 1] + (at - s[k - 1]) / (s[k] - s[k - 1]) * (x[k] - x[k - 1])


def statistics(values, valid, w):
    use = (w > 1e-12) & valid
    x, u = values[use].astype("f8"), w[use]
    if not len(x):
        return {"count": 0.0, "cells": 0}
    mean = (u * x).sum() / u.sum()
    kinds = {v: u[x == v].sum() for v in np.unique(x)}
    return {"count": u.sum(), "cells": len(x), "valid": u.sum() / w.sum(), "sum": (u * x).sum(),
            "mean": mean, "min": x.min(), "max": x.max(),
            "variance": (u * (x - mean) ** 2).sum() / u.sum(),
            "stddev": math.sqrt((u * (x - mean) ** 2).sum() / u.sum()),
            "median": quantile(x, u, 0.5), "p10": quantile(x, u, 0.1), "p97.5": quantile(x, u, 0.975),
            "mode": max(kinds, key=lambda v: (round(kinds[v], 9), -v))}


def worst(row, want, prefix=""):
    """The largest relative difference, and of what."""
    out = (0, "")
    for name, x in want.items():
        got = float(row[prefix + name]) if row[prefix + name] != "" else math.nan
        d = abs(got - x) / max(1, abs(x))
        out = max(out, (d if d == d else math.inf, "%s: %r, wanted %r" % (name, got, x)))
    return out


# --- zones on a grid of degrees, where areas are exact -------------------------------------------------

H, W = 44, 53
values = nrng.integers(0, 12, (H, W)).astype("uint8")
plain = write(SCRATCH + "/degrees.tif", [values, nrng.normal(100, 30, (H, W)).astype("uint8")],
              (9.3, 0.05, 0, 50.9, 0, -0.07), 4326, nodata=7, names=["a", "b"])
degrees = Raster(plain)
STATS = ('"count", "cells", "valid", "sum", "mean", "min", "max", "variance", "stddev", "median", "p10", '
         '"p97.5", "mode"')
zones = [star(10.6, 49.3, rng.uniform(0.1, 1.4), rng.randint(3, 30)) for _ in range(8)]
holed = ogr.CreateGeometryFromWkt("POLYGON((9.5 49,11.5 49,11.5 50.5,9.5 50.5,9.5 49))").Difference(
    star(10.5, 49.7, 0.6, 12))
zones += [holed, ogr.CreateGeometryFromWkt("MULTIPOLYGON(((9.4 50.8,9.6 50.8,9.6 50.6,9.4 50.8)),"
                                           "((11 49,11.01 49,11.01 49.01,11 49)))")]
zones = [z if z.IsValid() else z.MakeValid() for z in zones]
tellua("run", script("zones.lua", 'local img = Image(%r)\nlocal zones = {%s}\n'
       'output("zones", img:zonal{zones = zones, stats = {%s}})'
       % (plain, ", ".join(geojson(z) for z in zones), STATS)), "--out", SCRATCH)
rows = table("zones.csv")
ok(len(rows) == len(zones), "zonal gives a row for each zone", "%d, not %d" % (len(rows), len(zones)))
far = (0, "")
for z, row in zip(zones, rows):
    w = weights(z, degrees)
    for b, name in enumerate(["a_", "b_"]):
        far = max(far, worst(row, statistics(degrees.values[b], degrees.valid[b], w), name))
ok(far[0] < 1e-9, "every statistic is that of OGR's intersections and numpy, to 1e-9", far)
note("worst difference %.3g" % far[0])

# Zones whose edges are those of cells hold these cells and no others, whatever coordinates lost on the way to degrees.
for name, transform, epsg in (("utm", (300000, 10, 0, 6700000, 0, -10), 32633), ("fine", (10, 1 / 12000, 0, 60, 0, -1 / 12000), 4326)):
    numbered = np.arange(80 * 120).reshape(80, 120).astype("int32")
    path = write("%s/%s.tif" % (SCRATCH, name), [numbered], transform, epsg)
    net = ogr.GetDriverByName("GPKG").CreateDataSource("%s/%s_net.gpkg" % (SCRATCH, name))
    layer = net.CreateLayer("net", Raster(path).srs, ogr.wkbPolygon)
    blocks = [(r, c) for r in range(0, 80, 20) for c in range(0, 120, 20)]
    for r, c in blocks:
        x, y = [transform[0] + k * transform[1] for k in (c, c + 20)], [transform[3] + k * transform[5] for k in (r, r + 20)]
        ring = [(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1]), (x[0], y[0])]
        f = ogr.Feature(layer.GetLayerDefn())
        f.SetGeometry(ogr.CreateGeometryFromWkt("POLYGON((%s))" % ",".join("%.17g %.17g" % p for p in ring)))
        layer.CreateFeature(f)
    f = net = layer = None
    tellua("run", script("net.lua", """local img = Image(%r)
output("net", img:zonal{zones = %r, stats = {"count", "cells", "min", "max", "sum"}})
output("touched", img:rasterize({path = %r, where = "fid = 8"}, {touched = true}))
output("first", img:clip_to{path = %r, where = "fid = 8"})""" % ((path,) + ("%s/%s_net.gpkg" % (SCRATCH, name),) * 3)), "--out", SCRATCH)
    want = [numbered[r:r + 20, c:c + 20] for r, c in blocks]
    want = [(400.0, 400, b.min(), b.max(), b.sum()) for b in want]
    got = [tuple(float(row[k]) for k in ("count", "cells", "min", "max", "sum")) for row in table("net.csv")]
    ok(got == want, "%s: a net of zones along the edges of cells" % name, "%s\nnot %s" % (got[:3], want[:3]))
    for kind in ("touched", "first"):
        ok(Raster("%s/%s.tif" % (SCRATCH, kind)).valid[0].sum() == 400 and Raster("%s/%s.tif" % (SCRATCH, kind)).valid[0][20:40, 20:40].all(),
           "%s: %s holds the zone's cells alone" % (name, kind), Raster("%s/%s.tif" % (SCRATCH, kind)).valid[0].sum())

# Equal weights: numpy's own percentiles.
box = "{10, 49.5, 11, 50.2}"
tellua("run", script("equal.lua", 'output("equal", Image(%r).b:zonal{zones = %s, stats = {"median", "p10", "p90"}})'
                     % (plain, box)), "--out", SCRATCH)
row = table("equal.csv")[0]
sub = degrees.values[1][10:20, 14:34][degrees.valid[1][10:20, 14:34]].astype("f8")
want = {"median": np.percentile(sub, 50), "p10": np.percentile(sub, 10), "p90": np.percentile(sub, 90)}
ok(worst(row, want)[0] < 1e-9, "whole cells give numpy's percentiles", worst(row, want))

# --- regions: centres ---------------------------------------------------------------------------------


def inside(g, xs, ys):
    out = np.zeros(xs.shape, bool)
    for i in np.ndindex(xs.shape):
        p = ogr.Geometry(ogr.wkbPoint)
        p.AddPoint_2D(float(xs[i]), float(ys[i]))
        out[i] = g.Contains(p)
    return out


def centres(raster):
    (x0, dx, _, y0, _, dy), (w, h) = raster.transform, raster.size
    return np.meshgrid(x0 + (np.arange(w) + 0.5) * dx, y0 + (np.arange(h) + 0.5) * dy)


zone = star(10.6, 49.3, 1.2, 15).Difference(star(10.6, 49.3, 0.5, 9))
text = ('output("clip", Image(%r).a:clip_to(%s))\noutput("region", Image(%r).a, {region = %s})'
        % (plain, geojson(zone), plain, geojson(zone)))
path = script("clip.lua", text)
tellua("run", path, "--out", SCRATCH)
clip, region = Raster(SCRATCH + "/clip.tif"), Raster(SCRATCH + "/region.tif")
want = inside(zone, *centres(degrees)) & degrees.valid[0]
ok((clip.valid[0] == want).all() and want.any() and not want.all(),
   "clip_to leaves the cells whose centre OGR says lies inside", "%d differ" % (clip.valid[0] != want).sum())
left, right, top, bottom = zone.GetEnvelope()[0], zone.GetEnvelope()[1], zone.GetEnvelope()[3], zone.GetEnvelope()[2]
c0, r0 = math.floor((left - 9.3) / 0.05), math.floor((50.9 - top) / 0.07)
c1, r1 = math.ceil((right - 9.3) / 0.05), math.ceil((50.9 - bottom) / 0.07)
ok(region.size == (c1 - c0, r1 - r0), "a region's grid covers the box of its geometry", region.size)
want = inside(zone, *centres(region))
sub = np.zeros(want.shape, bool)
sub[max(0, -r0):H - r0, max(0, -c0):W - c0] = degrees.valid[0][max(0, r0):r1, max(0, c0):c1]
ok((region.valid[0] == (want & sub)).all() and want.any(), "and is invalid where centres lie outside",
   "%d differ" % (region.valid[0] != (want & sub)).sum())

out, _ = tellua("plan", path, "--json")
plan = script("clip.json", out)
ok('"geometry":{' in out, "a plan holds the geometry as GeoJSON", out[:300])
os.makedirs(SCRATCH + "/plan", exist_ok=True)
tellua("run", plan, "--out", SCRATCH + "/plan")
same = all(open(SCRATCH + "/" + n, "rb").read() == open(SCRATCH + "/plan/" + n, "rb").read()
           for n in ["clip.tif", "region.tif"])
ok(same, "the plan gives the bytes of the script")
tellua("run", path, "--out", SCRATCH + "/window", "--window", "7,9,20,17", "--output", "clip")
part = Raster(SCRATCH + "/window/clip.tif")
ok((part.valid[0] == clip.valid[0][9:26, 7:27]).all(), "a window has the cells of the whole")

# --- points -------------------------------------------------------------------------------------------

points = [(rng.uniform(9.3, 11.9), rng.uniform(47.9, 50.85)) for _ in range(200)] + [(0, 0), (9.3, 50.9)]
tellua("run", script("points.lua", 'output("points", Image(%r):sample{points = {%s}})'
                     % (plain, ", ".join("{%.17g, %.17g}" % p for p in points))), "--out", SCRATCH)
bad = []
for (x, y), row in zip(points, table("points.csv")):
    c, r = math.floor((x - 9.3) / 0.05), math.floor((50.9 - y) / 0.07)
    on = 0 <= c < W and 0 <= r < H
    for b, name in enumerate("ab"):
        want = str(degrees.values[b][r, c]) if on and degrees.valid[b][r, c] else ""
        if row[name] != want:
            bad.append("%r: %s is %r, wanted %r" % ((x, y), name, row[name], want))
ok(not bad, "sample gives the cell that holds each point, nothing where it is invalid", "\n".join(bad))

# --- time series ---------------------------------------------------------------------------------------

tellua("run", script("antimeridian.lua", '''
local img = Image(%r)
local east = img:zonal{zones = "POLYGON((369.5 49,371.5 49,371.5 50,369.5 50,369.5 49))", stats = {"sum", "cells"}}
local here = img:zonal{zones = "POLYGON((9.5 49,11.5 49,11.5 50,9.5 50,9.5 49))", stats = {"sum", "cells"}}
assert(tostring(east) == tostring(here), tostring(east) .. tostring(here))
output("turn", here)''' % plain), "--out", SCRATCH)
ok(float(table("turn.csv")[0]["a_cells"]) > 100, "a whole turn of the globe changes nothing")

# --- a file of fields over a projected scene -----------------------------------------------------------

utm = write(SCRATCH + "/utm.tif", [nrng.integers(0, 3000, (40, 50)).astype("uint16")],
            (500000, 30, 0, 5000000, 0, -30), 32633, nodata=0, names=["nir"])
scene = Raster(utm)
source = ogr.GetDriverByName("GPKG").CreateDataSource(SCRATCH + "/fields.gpkg")
srs = osr.SpatialReference()
srs.ImportFromEPSG(32633)
layer = source.CreateLayer("fields", srs, ogr.wkbPolygon)
layer.CreateField(ogr.FieldDefn("crop", ogr.OFTString))
layer.CreateField(ogr.FieldDefn("year", ogr.OFTInteger))
fields = []
for i in range(6):
    g = star(500200 + 200 * i, 4999500 - 30 * i, 170, 9)
    f = ogr.Feature(layer.GetLayerDefn())
    f.SetField("crop", 'maize, "late"' if i == 2 else "wheat")
    f.SetField("year", 2020 + i % 2)
    f.SetGeometry(g)
    layer.CreateFeature(f)
    fields.append(g)
layer = source = None
tellua("run", script("fields.lua", '''
local img = Image(%r)
output("fields", img:zonal{zones = %r, stats = {"count", "mean", "sum"}})
output("some", img:zonal{zones = {path = %r, layer = "fields", where = "year = 2021"}})
''' % (utm, SCRATCH + "/fields.gpkg", SCRATCH + "/fields.gpkg")), "--out", SCRATCH)
rows = table("fields.csv")
far = (0, "")
for g, row in zip(fields, rows):
    want = statistics(scene.values[0], scene.valid[0], weights(g, scene))
    far = max(far, worst(row, {k: want[k] for k in ["count", "mean", "sum"]}))
ok(far[0] < 1e-8, "fields of a GeoPackage in the scene's own system are measured to 1e-8", far)
note("worst difference %.3g" % far[0])
ok(rows[2]["crop"] == 'maize, "late"' and rows[3]["year"] == "2021" and rows[0]["id"] == "1",
   "their attributes come along", rows[2])
ok(len(table("some.csv")) == 3 and "mean" in table("some.csv")[0], "where chooses among them", table("some.csv"))
for text, part in [('Image(%r):zonal{zones = "nowhere.gpkg"}' % utm, "nowhere.gpkg: no such file"),
                   ('Image(%r):zonal{zones = %r, stats = {"avg"}}' % (utm, SCRATCH + "/fields.gpkg"), '"avg" is no statistic'),
                   ('Image(%r):zonal{zone = {1, 2}}' % utm, "did you mean 'zones'"),
                   ('Image(%r):sample{points = {{1, 2, 3}}}' % utm, "has 3 numbers"),
                   ('Image(%r):clip_to(7)' % utm, "a geometry expected"),
                   ('Image(%r):sample{points = {{15, 45}}}:csv("x.csv")' % utm, "--allow io"),
                   ('output("a", Image(%r), {region = {type = "Circle"}})' % utm, '"Circle" is no type'),
                   ('output("a", {1, 2})', "an Image is wanted")]:
    _, err = tellua("run", script("bad.lua", text), "--out", SCRATCH, expect=1)
    ok(part in err, "refused with words: " + part, err)

# --- a real scene, many blocks and threads --------------------------------------------------------------

scl = shared("s2_fulltile_scl_openeo")
tifs = sorted(os.path.join(scl, f) for f in os.listdir(scl) if f.endswith(".tif")) if scl else []
if tifs:
    big = gdal.Open(tifs[0])
    t = big.GetGeoTransform()
    x, y = t[0] + 2000 * t[1], t[3] + 3000 * t[5]
    target = osr.SpatialReference(wkt=big.GetProjection())
    world = osr.SpatialReference()
    world.ImportFromEPSG(4326)
    for s in (target, world):
        s.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    lon, lat, _ = osr.CoordinateTransformation(target, world).TransformPoint(x, y)
    text = 'output("scl", Image(%r):zonal{zones = %s, stats = {"mean", "median", "mode", "stddev", "count"}})' % (
        tifs[0], geojson(star(lon, lat, 0.15, 25)))
    results = set()
    for cpus in ["0", "0-1"]:
        import subprocess
        p = subprocess.run(["taskset", "-c", cpus, os.environ.get("TELLUA", "build/release/tellua"), "run",
                            script("scl.lua", text), "--out", SCRATCH], capture_output=True, text=True)
        results.add(open(SCRATCH + "/scl.csv").read() if p.returncode == 0 else p.stderr)
    ok(len(results) == 1 and "mean" in next(iter(results)), "the number of threads plays no part", results)
    note(next(iter(results)).replace("\n", " | "))

# ------------------------------------------------------------------------------ cells of polygons
W, H, D = 330, 290, 0.01
v = nrng.integers(0, 500, (H, W)).astype("uint16")
write(SCRATCH + "/inside.tif", [v], (14, D, 0, 47, 0, -D), 4326, nodata=0, names=["v"])
stars = [star(15.5, 45.6, 1.6, 30), star(16.6, 44.45, 0.5, 11), star(30, 10, 1, 5), star(14, 47, 0.3, 9)]
with open(SCRATCH + "/inside.geojson", "w") as f:
    json.dump({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"class": k + 3, "crop": "c%d" % k},
         "geometry": json.loads(g.ExportToJson(["COORDINATE_PRECISION=17"]))} for k, g in enumerate(stars)]}, f)
tellua("run", script("inside.lua", """
local img = Image "%s"
local both = img .. (img / 2):rename "half"
output("inside", both:sample{zones = "%s"})
output("own", img:sample{zones = {{geojson = %s, crop = "rye"}}})
output("points", img:sample{zones = {14.005, 46.995}})
local m = train{samples = both:sample{zones = "%s"}, bands = {"v", "half"}, class = "class", trees = 3, depth = 4}
print(#m.classes)
""" % (SCRATCH + "/inside.tif", SCRATCH + "/inside.geojson", geojson(stars[1]), SCRATCH + "/inside.geojson")), "--out", SCRATCH)
want = []
for k, g in enumerate(stars):
    w, e, s_, n = g.GetEnvelope()
    for r in range(max(0, int((47 - n) / D) - 1), min(H, int((47 - s_) / D) + 2)):
        for c in range(max(0, int((w - 14) / D) - 1), min(W, int((e - 14) / D) + 2)):
            x, y = 14 + D * (c + 0.5), 47 - D * (r + 0.5)
            p = ogr.Geometry(ogr.wkbPoint)
            p.AddPoint_2D(x, y)
            if v[r, c] and g.Contains(p):
                want.append((k + 3, "c%d" % k, round(x, 9), round(y, 9), int(v[r, c]), v[r, c] / 2))
rows = table("inside.csv")
got = [(int(r["class"]), r["crop"], round(float(r["lon"]), 9), round(float(r["lat"]), 9), int(r["v"]), float(r["half"])) for r in rows]
ok(sorted(got) == sorted(want) and len(got) > 10000, "a row for each valid cell whose centre lies inside, with attributes: %d" % len(got),
   (len(got), len(want), sorted(set(got) ^ set(want))[:4]))
own = [r["crop"] + r["v"] for r in table("own.csv")]
ok(sorted(own) == sorted("rye%d" % t[4] for t in want if t[0] == 4), "of one's own list", len(own))
ok([r["v"] for r in table("points.csv")] == ([str(v[0, 0])] if v[0, 0] else []), "a point holds its cell", table("points.csv"))
for code, said in [('{zones = {-180, -80, 180, 80}, res = 0.001}', "more than 200000 cells"), ('{zones = {1, 2}, points = {1, 2}}', "one of points, zones and count"),
                   ('{zones = {1, 2}, count = 5}', "one of points, zones and count"), ('{}', "zones = polygons")]:
    _, err = tellua("run", script("bad.lua", 'output("x", Image("%s"):sample%s)' % (SCRATCH + "/inside.tif", code)), expect=1)
    ok(said in err, "sample%s is refused" % code, err)
done()
