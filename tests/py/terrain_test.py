#!/usr/bin/python3
"""Terrain beside gdaldem, with and without edges, and on the ground. SPDX-License-Identifier: MIT"""
import math
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Raster, done, gdal, np, ok, shared, tellua, write  # noqa: E402

WORK = tempfile.mkdtemp(prefix="terrain")
rng = np.random.default_rng(20240611)
N = 0


def ours(path, expression, *args):
    """The values and validity of an expression on `dem`."""
    global N
    N += 1
    out = os.path.join(WORK, "o%d" % N)
    script = os.path.join(WORK, "s%d.lua" % N)
    with open(script, "w") as f:
        f.write('local dem = Image "%s"\noutput("r", %s, {dtype = "float64"})\n' % (path, expression))
    tellua("run", "--quiet", script, "--out", out, *args)
    r = Raster(os.path.join(out, "r.tif"))
    return r.values[0], r.valid[0]


def theirs(path, mode, **options):
    global N
    N += 1
    out = os.path.join(WORK, "g%d.tif" % N)
    ds = gdal.DEMProcessing(out, path, mode, **options)
    ds = None
    r = Raster(out)
    return r.values[0].astype("float64"), r.valid[0]


def equal(a, va, b, vb, sentence, cyclic=False, near=1e-4, valid=True):
    """Within 1e-4 of the number; an angle, of which gdaldem has 24 bits of 360, within 1e-3 degrees."""
    both = va & vb
    d = np.abs(a - b)[both]
    if cyclic:
        d = np.minimum(d, 360 - d)
    size = 10 if cyclic else np.maximum(1, np.abs(b[both]))
    worst = float((d / size).max()) if d.size else 0.0
    other = int((va != vb).sum()) if valid else 0
    return ok(other == 0 and d.size > 0 and worst <= near, sentence + " (%d cells, %.2g)" % (d.size, worst),
              "%d cells valid in one alone, worst %g at %s" % (
                  other, worst, np.argwhere((va != vb) | ((np.abs(a - b) > near) & both))[:3].tolist()))


def bytes_equal(a, va, b, vb, sentence):
    """As integers: a half may be rounded to either side."""
    d = np.abs(a - b)[va & vb]
    share = float((d > 0).mean())
    return ok((va == vb).all() and d.max() <= 1 and share < 1e-4, sentence + " (%d cells, %g differ)" % (d.size, share),
              "valid in one alone %d, most %g, share %g" % ((va != vb).sum(), d.max(), share))


def cases():
    """Our method and options, gdaldem's mode and options, and how to compare."""
    for edges in (False, True):
        o = {"computeEdges": edges}
        e = "edges = true" if edges else "edges = false"
        for short, alg in (("horn", "Horn"), ("zevenbergen", "ZevenbergenThorne")):
            m = 'scale = 1, method = "%s", %s' % (short, e)
            yield "slope", m, "slope", dict(o, alg=alg), {}
            yield "aspect", m, "aspect", dict(o, alg=alg), {"cyclic": True}
            yield "hillshade", m, "hillshade", dict(o, alg=alg), None
        s = "scale = 1, " + e
        yield "slope", s + ', unit = "percent"', "slope", dict(o, slopeFormat="percent", alg="Horn"), {}
        yield ("aspect", s + ", trigonometric = true, flat = 0", "aspect",
               dict(o, trigonometric=True, zeroForFlat=True), {"cyclic": True, "valid": False})
        yield "hillshade", s + ", multidirectional = true, z = 2", "hillshade", dict(o, multiDirectional=True, zFactor=2), None
        yield "hillshade", s + ", azimuth = 100, altitude = 20", "hillshade", dict(o, azimuth=100, altitude=20), None
        yield "tri", e, "TRI", dict(o, alg="Riley"), {}
        yield "tri", e + ', method = "wilson"', "TRI", dict(o, alg="Wilson"), {}
        yield "tpi", e, "TPI", o, {}
        yield "roughness", e, "Roughness", o, {}


def all_of(path, name):
    script, out = os.path.join(WORK, "all.lua"), os.path.join(WORK, "all")
    with open(script, "w") as f:
        f.write('local dem = Image "%s"\n' % path)
        for k, (method, options, _, _, _) in enumerate(cases()):
            f.write('output("r%d", dem:%s{%s}, {dtype = "float64"})\n' % (k, method, options))
    tellua("run", "--quiet", script, "--out", out, "--mem", "2G")
    for k, (method, options, mode, theirs_options, how) in enumerate(cases()):
        r = Raster(os.path.join(out, "r%d.tif" % k))
        b, vb = theirs(path, mode, **theirs_options)
        sentence = "%s{%s} of %s" % (method, options, name)
        if how is None:
            bytes_equal(r.values[0], r.valid[0], b, vb, sentence)
        else:
            equal(r.values[0], r.valid[0], b, vb, sentence, **how)


h, w = 37, 53
hills = 400 + 300 * np.sin(np.arange(w) / 7.0)[None, :] * np.cos(np.arange(h) / 5.0)[:, None] + rng.normal(0, 5, (h, w))
holes = hills.copy()
holes[rng.random((h, w)) < 0.03] = -9999
holes[0, 3] = holes[20, 0] = -9999
flat = np.round(hills / 200).astype("int16")
all_of(write(os.path.join(WORK, "hills.tif"), [hills.astype("float32")], transform=(500000, 30, 0, 5000000, 0, -25)), "hills")
all_of(write(os.path.join(WORK, "holes.tif"), [holes.astype("float32")], nodata=-9999), "hills with holes")
all_of(write(os.path.join(WORK, "flat.tif"), [flat]), "terraces of int16")

for parts in (("landsat8_dem_landcover_spDataLarge", "dem.tif"), ("landsat8_dem_landcover_spDataLarge", "srtm.tif"),
              ("landsat8_dem_landcover_spDataLarge", "nz_elev.tif"), ("dem_local", "titiler", "dem.tif")):
    real = shared(*parts)
    if real:  # beside it GDAL would write; of large ones a part, with its own edges
        copy = os.path.join(WORK, parts[-1])
        size = gdal.Open(real)
        at = [(n - min(n, 500)) // 3 for n in (size.RasterXSize, size.RasterYSize)]
        gdal.Translate(copy, real, srcWin=[*at, min(size.RasterXSize, 500), min(size.RasterYSize, 500)])
        all_of(copy, parts[-1])

# --- in degrees -------------------------------------------------------------------------------------
A, E2 = 6378137.0, 0.0066943799901413165
step = 1 / 1200
plane = write(os.path.join(WORK, "plane.tif"), [np.tile(np.arange(60, dtype="float32") * 10, (50, 1))],
              transform=(10, step, 0, 60, 0, -step), epsg=4326)
a, va = ours(plane, "dem:slope()")
lat = np.radians(60 - (np.arange(50) + 0.5) * step)
width = np.radians(step) * A * np.cos(lat) / np.sqrt(1 - E2 * np.sin(lat) ** 2)
want = np.degrees(np.arctan(10 / width))[:, None] * np.ones(60)
ok(np.abs(a - want)[va].max() < 1e-9 and va.sum() == 48 * 58, "slope in degrees is that of metres on the ellipsoid",
   np.abs(a - want)[va].max())
north = np.arange(50, dtype="float32")[:, None] * -10 + np.zeros(60, "float32")
tilt = write(os.path.join(WORK, "tilt.tif"), [north + np.tile(np.arange(60, dtype="float32") * 10, (50, 1))],
             transform=(10, step, 0, 60, 0, -step), epsg=4326)
a, va = ours(tilt, "dem:aspect()")
height = np.radians(step) * A * (1 - E2) / (1 - E2 * np.sin(lat) ** 2) ** 1.5
# It rises to the east and to the north, so it looks south-west
want = 180 + np.degrees(np.arctan2(10 / width, 10 / height))[:, None] * np.ones(60)
ok(np.abs(a - want)[va].max() < 1e-9, "aspect in degrees knows that cells are not square", np.abs(a - want)[va].max())
a, va = ours(plane, "dem:slope()", "--crs", "EPSG:3857")
mid = math.degrees(math.atan(10 / width.mean()))
ok(va.any() and abs(np.median(a[va]) - mid) < 0.6, "slope on a web map is that on the ground, near enough",
   (np.median(a[va]), mid))

# --- curvature --------------------------------------------------------------------------------------
i, j = np.mgrid[0:20, 0:30].astype("float64")
x, y = (j - 14) * 10.0, (9 - i) * 10.0
bowl = write(os.path.join(WORK, "bowl.tif"), [0.01 * x * x + 0.02 * y * y + 0.004 * x * y])
total, v = ours(bowl, "dem:curvature()")
profile, v2 = ours(bowl, 'dem:curvature{kind = "profile"}')
plan, v3 = ours(bowl, 'dem:curvature{kind = "plan"}')
ok(np.allclose(total[v], -2 * (0.01 + 0.02) * 100), "curvature of a bowl", str(total[v][:3]))
g, hh = 0.02 * x + 0.004 * y, 0.04 * y + 0.004 * x
with np.errstate(all="ignore"):
    p = -200 * (0.01 * g * g + 0.02 * hh * hh + 0.004 * g * hh) / (g * g + hh * hh)
    q = 200 * (0.01 * hh * hh + 0.02 * g * g - 0.004 * g * hh) / (g * g + hh * hh)
at = v & ((g != 0) | (hh != 0))
ok(np.allclose(profile[at], p[at]) and np.allclose(plan[at], q[at]), "profile and plan curvature of a bowl",
   (np.abs(profile - p)[at].max(), np.abs(plan - q)[at].max()))

# --- whole and in parts -----------------------------------------------------------------------------
path = os.path.join(WORK, "hills.tif")
for expression in ("dem:slope{edges = true}", "dem:hillshade{multidirectional = true, edges = true}"):
    whole, vw = ours(path, expression)
    part, vp = ours(path, expression, "--window", "5,7,31,19")
    ok(np.array_equal(whole[7:26, 5:36], part) and np.array_equal(vw[7:26, 5:36], vp),
       "a window of %s is that of the whole" % expression)

script = os.path.join(WORK, "p.lua")
with open(script, "w") as f:
    f.write('output("r", Image("%s"):slope{edges = true})\n' % plane)
plan, _ = tellua("plan", script, "--json")
with open(os.path.join(WORK, "p.json"), "w") as f:
    f.write(plan)
tellua("run", "--quiet", script, "--out", os.path.join(WORK, "p1"))
tellua("run", "--quiet", os.path.join(WORK, "p.json"), "--out", os.path.join(WORK, "p2"))
both = [open(os.path.join(WORK, p, "r.tif"), "rb").read() for p in ("p1", "p2")]
ok(both[0] == both[1], "a plan gives the same bytes")

# --- what is refused --------------------------------------------------------------------------------
for expression, words in (("dem:slope{units = 1}", "no option 'units'"), ("dem:slope{unit = 'grad'}", '"degrees", "percent"'),
                          ("dem:hillshade{altitude = 99}", "0 to 90, got 99"), ("dem:tri(5)", "a table, got number"),
                          ("dem:hillshade{multidirectional = true, azimuth = 3}", "no azimuth")):
    out, err = tellua("-e", 'local dem = Image "%s" local r = %s' % (path, expression), expect=1)
    ok(words in err and "-e:1" in err, "%s: %s" % (expression, words), err)
shutil.rmtree(WORK)
done()
