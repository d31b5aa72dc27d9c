#!/usr/bin/python3
# Features into cells and cells into features, against GDAL and flood filling.
# SPDX-License-Identifier: MIT
import filecmp
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import numpy as np
from osgeo import gdal, ogr, osr

import tap
from tap import Raster, differ, done, note, ok, tellua

SEED = int(os.environ.get("TEST_SEED", "811"))
note("seed %d" % SEED)
os.chdir(tap.SCRATCH)
rng = np.random.RandomState(SEED)
W, H = 83, 61
DEGREES = (14.0, 0.01, 0, 46.0, 0, -0.01)


def memory(values, transform, mask=None):
    """A dataset of memory with that band, and its mask as a second one."""
    ds = gdal.GetDriverByName("MEM").Create("", W, H, 1, tap.GDAL_TYPE[str(values.dtype)])
    ds.SetGeoTransform(transform)
    ds.GetRasterBand(1).WriteArray(values)
    if mask is not None:
        ds.AddBand(gdal.GDT_Byte)
        ds.GetRasterBand(2).WriteArray(mask.astype("uint8"))
    return ds


def layer_of(kind=ogr.wkbUnknown):
    ds = ogr.GetDriverByName("Memory").CreateDataSource("")
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(4326)
    srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    layer = ds.CreateLayer("v", srs, kind)
    layer.CreateField(ogr.FieldDefn("value", ogr.OFTReal))
    return ds, layer


def script(name, text):
    with open(name + ".lua", "w") as f:
        f.write(text)
    return name + ".lua"


# --- features into cells ------------------------------------------------------------------------
tap.write("grid.tif", [np.zeros((H, W), "uint8")], DEGREES, 4326)
_, polygons = layer_of()
features = []
for k in range(25):
    n = rng.randint(3, 9)
    angle = np.sort(rng.uniform(0, 2 * np.pi, n))
    radius = rng.uniform(0.02, 0.25, n)
    x, y = rng.uniform(14, 14.83), rng.uniform(45.39, 46)
    ring = [[x + r * np.cos(a), y + r * np.sin(a)] for a, r in zip(angle, radius)]
    ring.append(ring[0])
    one = {"type": "Polygon", "coordinates": [ring]}
    shape = ogr.CreateGeometryFromJson(json.dumps(one))
    if not shape.IsValid():
        continue  # ours are mended, GDAL's are not
    value = int(rng.randint(1, 300)) if features else -5
    features.append({"type": "Feature", "properties": {"value": value, "half": value + 0.5, "name": "n"},
                     "geometry": one})
    f = ogr.Feature(polygons.GetLayerDefn())
    f.SetField("value", value)
    f.SetGeometry(shape)
    polygons.CreateFeature(f)
with open("shapes.geojson", "w") as f:
    json.dump({"type": "FeatureCollection", "features": features}, f)
note("%d polygons" % len(features))

RASTERIZE = script("rasterize", """
local img = Image "grid.tif"
output("by_value", img:rasterize("shapes.geojson", {attribute = "value"}))
output("by_half", img:rasterize("shapes.geojson", {attribute = "half"}))
output("ones", img:rasterize "shapes.geojson")
output("touched", img:rasterize("shapes.geojson", {value = 7, touched = true}))
""")
tellua("run", RASTERIZE, "--out", "whole", "--quiet")
want = memory(np.full((H, W), -9999, "float64"), DEGREES)
gdal.RasterizeLayer(want, [1], polygons, options=["ATTRIBUTE=value"])
want = want.ReadAsArray()
r = Raster("whole/by_value.tif")
there = want != -9999
ok(r.values.dtype == np.int16 and r.names == ["value"], "the smallest cell type", r.values.dtype)
ok(not differ(there, r.valid[0]) and not differ(want, r.values[0].astype("float64"), there),
   "an attribute: the cells of gdal_rasterize, %d of them" % there.sum(),
   differ(there, r.valid[0]) or differ(want, r.values[0].astype("float64"), there))
h = Raster("whole/by_half.tif")
ok(not differ(there, h.valid[0]) and not differ(want + 0.5, h.values[0].astype("float64"), there), "floats")
o = Raster("whole/ones.tif")
ok(not differ(there, o.valid[0]) and (o.values[0][there] == 1).all(), "ones")
t = Raster("whole/touched.tif").valid[0]
exact = np.zeros((H, W), bool)
shapes = [ogr.CreateGeometryFromJson(json.dumps(f["geometry"])) for f in features]
for y in range(H):
    for x in range(W):
        if there[y, x] and t[y, x]:
            exact[y, x] = True
            continue
        a, b = 14 + 0.01 * x, 46 - 0.01 * y
        cell = ogr.CreateGeometryFromWkt("POLYGON((%r %r,%r %r,%r %r,%r %r,%r %r))" % (
            a, b, a + .01, b, a + .01, b - .01, a, b - .01, a, b))
        exact[y, x] = any(s.Intersects(cell) and s.Intersection(cell).GetArea() > 1e-12 for s in shapes)
ok(not differ(exact, t), "all that is touched: %d cells more" % (t.sum() - there.sum()), differ(exact, t))

x, y = rng.randint(0, W - 20), rng.randint(0, H - 20)
tellua("run", RASTERIZE, "--out", "part", "--quiet", "--threads", 7, "--window", "%d,%d,19,17" % (x, y))
bad = [n for n in sorted(os.listdir("whole"))
       if differ(Raster("whole/" + n).values[:, y:y + 17, x:x + 19], Raster("part/" + n).values)
       or differ(Raster("whole/" + n).valid[:, y:y + 17, x:x + 19], Raster("part/" + n).valid)]
ok(not bad, "a window of 19 x 17 at %d,%d on 7 threads" % (x, y), bad)
plan, _ = tellua("plan", RASTERIZE, "--json")
with open("plan.json", "w") as f:
    f.write(plan)
tellua("run", "plan.json", "--out", "again", "--quiet")
ok(all(filecmp.cmp("whole/" + n, "again/" + n, shallow=False) for n in os.listdir("whole")),
   "the plan has the features, and gives the same bytes")

# a file in another system, whose edges are straight there: within a cell of the border
utm = osr.SpatialReference()
utm.ImportFromEPSG(32633)
ds = ogr.GetDriverByName("GPKG").CreateDataSource("utm.gpkg")
layer = ds.CreateLayer("v", utm)
layer.CreateField(ogr.FieldDefn("value", ogr.OFTInteger))
for k in range(6):
    a, b = rng.uniform(500000, 500500), rng.uniform(4999700, 5000000)
    f = ogr.Feature(layer.GetLayerDefn())
    f.SetField("value", k + 1)
    f.SetGeometry(ogr.CreateGeometryFromWkt("POLYGON((%r %r,%r %r,%r %r,%r %r))" % (
        a, b, a + 200, b + 30, a + 90, b - 150, a, b)))
    layer.CreateFeature(f)
place = (500000, 10, 0, 5000000, 0, -10)
want = memory(np.zeros((H, W), "float64"), place)
want.SetProjection(utm.ExportToWkt())
gdal.RasterizeLayer(want, [1], layer, options=["ATTRIBUTE=value"])
want = want.ReadAsArray()
ds = layer = None
tap.write("utm.tif", [np.zeros((H, W), "uint8")], place)
tellua("run", script("utm", 'output("utm", Image("utm.tif"):rasterize("utm.gpkg", {attribute = "value"}))'), "--quiet")
r = Raster("utm.tif")
got = np.where(r.valid[0], r.values[0].astype("float64"), 0)
ok((got != want).sum() <= 2 and (got > 0).sum() > 100, "a GeoPackage in metres, %d cells" % (got > 0).sum(),
   (got != want).sum())

# --- cells into polygons --------------------------------------------------------------------------
cells = rng.randint(0, 4, (H // 3 + 1, W // 3 + 1)).repeat(3, 0).repeat(3, 1)[:H, :W].astype("int16") - 1
cells[rng.random_sample((H, W)) < 0.1] = 9
hole = rng.random_sample((H, W)) < 0.05
tap.write("cells.tif", [np.where(hole, -99, cells).astype("int16")], place, nodata=-99)
tap.write("float.tif", [np.where(hole, -99, cells + 0.25).astype("float32")], place, nodata=-99)
tellua("run", script("poly", """
local img = Image "cells.tif"
local f = img:polygonize()
print(#f, f)
output("four", f)
output("eight", img:polygonize{connect = 8})
output("float", Image("float.tif"):polygonize())
output("back", img:rasterize(f, {attribute = "value"}))
"""), "--out", "poly", "--quiet")


def regions(eight):
    """How many regions of equal valid cells there are, and the size of each value's largest."""
    seen, n = hole.copy(), 0
    steps = [(0, 1), (0, -1), (1, 0), (-1, 0)] + ([(1, 1), (1, -1), (-1, 1), (-1, -1)] if eight else [])
    for start in np.argwhere(~hole):
        if seen[tuple(start)]:
            continue
        n += 1
        todo = [tuple(start)]
        seen[todo[0]] = True
        while todo:
            y, x = todo.pop()
            for dy, dx in steps:
                v, u = y + dy, x + dx
                if 0 <= v < H and 0 <= u < W and not seen[v, u] and cells[v, u] == cells[y, x]:
                    seen[v, u] = True
                    todo.append((v, u))
    return n


def read(path):
    """[(value, WKT in one order)] of a file, sorted."""
    ds = ogr.Open(path)
    return sorted((f.GetField("value"), f.GetGeometryRef().ExportToWkt()) for f in ds.GetLayer(0)), ds


def twin(values, eight):
    ds = memory(values, place, ~hole)
    keep, layer = layer_of()
    (gdal.Polygonize if values.dtype.kind == "i" else gdal.FPolygonize)(
        ds.GetRasterBand(1), ds.GetRasterBand(2), layer, 0, ["8CONNECTED=8"] if eight else [])
    return sorted((f.GetField("value"), f.GetGeometryRef().ExportToWkt()) for f in layer)


for name, values, eight in [("four", cells, False), ("eight", cells, True),
                            ("float", (cells + 0.25).astype("float32"), False)]:
    got, ds = read("poly/%s.geojson" % name)
    ok(len(got) == regions(eight), "%s: a polygon for each region, %d" % (name, len(got)), regions(eight))
    ok(got == twin(values, eight), "%s: those of gdal_polygonize" % name)
ds = ogr.Open("poly/four.geojson")
area = sum(f.GetGeometryRef().GetArea() for f in ds.GetLayer(0))
ok(area == 100.0 * (~hole).sum(), "areas sum up to that of the valid cells", area)
ok(ds.GetLayer(0).GetSpatialRef().GetAuthorityCode(None) == "32633", "the file says its system")
b = Raster("poly/back.tif")
ok(not differ(~hole, b.valid[0]) and not differ(cells.astype("int64"), b.values[0].astype("int64"), ~hole),
   "burnt back they are the cells", differ(~hole, b.valid[0]))

# --- as files of other formats --------------------------------------------------------------------
BOXES = [[[14.1, 45.5], [14.4, 45.5], [14.4, 45.8], [14.1, 45.5]], [[14.5, 45.5], [14.7, 45.5], [14.6, 45.7], [14.5, 45.5]]]
ATTRIBUTES = [{"crop": "wheat", "n": 7, "share": 0.1, "day": "2023-08-01", "at": "2023-08-01T10:20:30Z", "big": 2 ** 40},
              {"crop": "rye, or not", "n": -3, "share": 2.0, "day": "2024-02-29", "at": "2024-02-29T00:00:00Z"}]
with open("fields.geojson", "w") as f:
    json.dump({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": a, "geometry": {"type": "Polygon", "coordinates": [b]}}
        for a, b in zip(ATTRIBUTES, BOXES)]}, f)
sinus = osr.SpatialReference()
sinus.ImportFromProj4("+proj=sinu +lon_0=3 +R=6371007.181 +units=m")
for name, wkt in [("sinus.tif", sinus.ExportToWkt()), ("local.tif", "")]:
    ds = gdal.GetDriverByName("GTiff").Create(name, W, H, 1, gdal.GDT_Int16)
    ds.SetGeoTransform(place)
    ds.SetProjection(wkt)
    ds.GetRasterBand(1).WriteArray(cells)
    ds = None
FILES = script("files", """
local f, img = Image("cells.tif"):polygonize(), Image "grid.tif"
local rows = img:zonal{zones = "fields.geojson", stats = {"cells", "mean"}, geometries = true}
for _, k in ipairs{"geojson", "gpkg", "fgb", "csv"} do
  output("f" .. k, f, {format = k})
  output("rows" .. k, rows, {format = k})
end
output("sinus", Image("sinus.tif"):polygonize(), {format = "gpkg"})
output("sinusj", Image("sinus.tif"):polygonize())
output("places", Image("sinus.tif"):polygonize(), {format = "fgb"})
output("nowhere", Image("local.tif"):polygonize(), {format = "csv"})
output("points", img:sample{points = {{14.1, 45.9}, {14.2, 45.8}}}, {format = "gpkg"})
output("own", {{lon = 1, lat = 2.5, name = "a"}, {lon = 3, lat = 4, name = "b"}}, {format = "fgb"})
output("none", Image("cells.tif"):gt(1000):self_mask():polygonize(), {format = "gpkg"})
""")
before = set(os.listdir("."))
tellua("run", FILES, "--out", "files", "--quiet")
tellua("run", FILES, "--out", "files2", "--quiet")
ok(set(os.listdir(".")) - before == {"files", "files2"}, "nothing is left beside", set(os.listdir(".")) - before)
bad = [n for n in sorted(os.listdir("files")) if not filecmp.cmp("files/" + n, "files2/" + n, shallow=False)]
ok(not bad and len(os.listdir("files")) == 15, "the same bytes again, GeoPackage's too", bad or os.listdir("files"))
ok(filecmp.cmp("files/fgeojson.geojson", "poly/four.geojson", shallow=False), "GeoJSON as without a format")
want, ds = read("poly/four.geojson")
for kind in ["gpkg", "fgb"]:
    got, ds = read("files/f%s.%s" % (kind, kind))
    layer = ds.GetLayer(0)
    ok(got == want and layer.GetName() == "f" + kind, "%s: the same %d features" % (kind, len(got)), layer.GetName())
    ok(layer.GetSpatialRef().GetAuthorityCode(None) == "32633" and layer.GetGeomType() == ogr.wkbPolygon
       and layer.GetLayerDefn().GetFieldDefn(0).GetType() == ogr.OFTInteger, "%s: system and types" % kind)
ds = ogr.Open("files/fcsv.csv")
got = sorted((int(f.GetField("value")), ogr.CreateGeometryFromWkt(f.GetField("WKT")).ExportToWkt()) for f in ds.GetLayer(0))
ok(got == want, "csv: value and WKT")

TYPES = {"crop": ogr.OFTString, "n": ogr.OFTInteger, "share": ogr.OFTReal, "day": ogr.OFTDate,
         "at": ogr.OFTDateTime, "big": ogr.OFTInteger64, "cells": ogr.OFTInteger, "mean": ogr.OFTReal}
for kind in ["geojson", "gpkg", "fgb"]:
    ds = ogr.Open("files/rows%s.%s" % (kind, kind))
    layer = ds.GetLayer(0)
    defn = layer.GetLayerDefn()
    types = {defn.GetFieldDefn(i).GetName(): defn.GetFieldDefn(i).GetType() for i in range(defn.GetFieldCount())}
    types.pop("id", None)
    if kind == "fgb":
        types["day"] = ogr.OFTDate if types["day"] == ogr.OFTDateTime else None  # it has no dates alone
    ok(types == TYPES, "%s: attributes have types" % kind, types)
    got = sorted((f.GetField("crop"), f.GetField("n"), f.GetField("share"), f.GetField("day")[:10].replace("/", "-"),
                  f.GetField("at")[:19].replace("/", "-").replace(" ", "T") + "Z", f.GetField("big"), f.GetField("mean"))
                 for f in layer)
    wanted = sorted((a["crop"], a["n"], a["share"], a["day"], a["at"], a.get("big"), 0.0) for a in ATTRIBUTES)
    ok(got == wanted, "%s: and values" % kind, got)
    shapes = sorted(f.GetGeometryRef().ExportToJson() for f in layer)
    mine = sorted(ogr.CreateGeometryFromJson(json.dumps({"type": "Polygon", "coordinates": [b]})).ExportToJson() for b in BOXES)
    ok(shapes == mine and layer.GetSpatialRef().GetAuthorityCode(None) == "4326", "%s: and places" % kind, shapes)
for n in ["sinus.gpkg", "sinusj.geojson", "places.fgb"]:
    ds = ogr.Open("files/" + n)
    srs = ds.GetLayer(0).GetSpatialRef()
    ok(srs and srs.IsSame(sinus, ["CRITERION=EQUIVALENT"]), "%s: a system without a number" % n, srs and srs.ExportToProj4())
ok(os.path.getsize("files/nowhere.csv") > 1000, "an image without a system has features, too")
for n, wanted in [("points.gpkg", [(14.1, 45.9), (14.2, 45.8)]), ("own.fgb", [(1, 2.5), (3, 4)])]:
    ds = ogr.Open("files/" + n)
    got = sorted((f.GetGeometryRef().GetX(), f.GetGeometryRef().GetY()) for f in ds.GetLayer(0))
    ok(got == wanted, "%s: rows with lon and lat" % n, got)
ds = ogr.Open("files/none.gpkg")
ok(ds.GetLayer(0).GetFeatureCount() == 0, "no features are a file, too")
tellua("run", script("back", """
local img, s = Image "cells.tif", Image "sinus.tif"
output("gpkg", img:rasterize("files/fgpkg.gpkg", {attribute = "value"}))
output("fgb", img:rasterize("files/ffgb.fgb", {attribute = "value"}))
output("sinus", s:rasterize("files/sinus.gpkg", {attribute = "value"}))
output("sinusj", s:rasterize("files/sinusj.geojson", {attribute = "value"}))
output("rows", Image("grid.tif"):zonal{zones = "files/rowsgpkg.gpkg", stats = "cells"})
"""), "--out", "back", "--quiet")
for n in ["gpkg", "fgb", "sinus", "sinusj"]:
    b = Raster("back/%s.tif" % n)
    there = ~hole if n in ("gpkg", "fgb") else np.ones_like(hole)
    ok(not differ(cells.astype("int64"), b.values[0].astype("int64"), there & b.valid[0]) and
       (there & ~b.valid[0]).sum() <= 2, "%s: read back they are the cells" % n, (there & ~b.valid[0]).sum())
with open("back/rows.csv") as f:
    text = f.read()
ok("wheat" in text and "2023" in text and '"rye, or not"' in text, "attributes of a GeoPackage come back", text)

# --- too many ---------------------------------------------------------------------------------------
def corners(v, valid):
    """Of the outlines of connected regions of equal valid cells."""
    v, valid = np.pad(v.astype("int64"), 1), np.pad(valid, 1)
    n = 0
    for dy, dx in [(-1, -1), (-1, 1), (1, -1), (1, 1)]:
        same = [(np.roll(v, s, (0, 1)) == v) & np.roll(valid, s, (0, 1)) for s in [(dy, 0), (0, dx), (dy, dx)]]
        n += (valid & ~same[0] & ~same[1]).sum() + (valid & same[0] & same[1] & ~same[2]).sum()
    return n


def points(path):
    """Of all rings, each of which repeats its first."""
    ds = ogr.Open(path)
    return sum(g.GetGeometryRef(k).GetPointCount() - 1 for f in ds.GetLayer(0)
               for g in [f.GetGeometryRef()] for k in range(g.GetGeometryCount()))


ok(points("poly/four.geojson") == corners(cells, ~hole), "polygons have as many points as corners",
   (points("poly/four.geojson"), corners(cells, ~hole)))
noise = rng.randint(0, 60000, (1150, 1150)).astype("uint16")
tap.write("noise.tif", [noise], place, 32633)
_, err = tellua("run", script("noise", 'output("x", Image("noise.tif"):polygonize())'), expect=1)
said = "come features of %d points, and at most 5000000" % corners(noise, np.ones(noise.shape, bool))
ok(said in err and not os.path.exists("x.geojson"), "too many corners are told before", (said, err))
_, err = tellua("run", script("noise", 'output("x", Image("noise.tif"):contours{interval = 100, base = 7})'), expect=1)
p = np.pad(noise.astype("float64"), ((0, 1), (0, 1)), mode="edge")
four = np.stack([p[:-1, :-1], p[1:, :-1], p[:-1, 1:], p[1:, 1:]])
level = np.floor((four - 7) / 100)
said = "come features of %d points" % (level.max(0) - level.min(0)).sum()
ok(said in err, "too many contours, too", (said, err))
_, err = tellua("run", script("noise", 'output("x", Image("noise.tif"):contours{interval = 1e-300})'), expect=1)
ok("at most 5000000" in err, "and levels without end", err)

# --- contours -------------------------------------------------------------------------------------
yy, xx = np.mgrid[0:H, 0:W]
hill = (100 * np.sin(xx / 9.0) * np.cos(yy / 7.0) + rng.uniform(0, 5, (H, W))).astype("float32")
tap.write("hill.tif", [np.where(hole, -9999, hill).astype("float32")], place, nodata=-9999)
tellua("run", script("lines", """
local img = Image "hill.tif"
output("lines", img:contours{interval = 20, base = 3})
output("levels", img:contours{levels = {-50, 0, 12.5}})
"""), "--out", "lines", "--quiet")
for name, options in [("lines", ["LEVEL_INTERVAL=20", "LEVEL_BASE=3"]), ("levels", ["FIXED_LEVELS=-50,0,12.5"])]:
    ds = memory(np.where(hole, -9999, hill).astype("float64"), place)
    keep, layer = layer_of()
    gdal.ContourGenerateEx(ds.GetRasterBand(1), layer, options=options + ["NODATA=-9999", "ELEV_FIELD=0"])
    want = sorted((f.GetField("value"), f.GetGeometryRef().GetPointCount()) for f in layer)
    length = sum(f.GetGeometryRef().Length() for f in layer)
    ds = ogr.Open("lines/%s.geojson" % name)
    got = sorted((f.GetField("value"), f.GetGeometryRef().GetPointCount()) for f in ds.GetLayer(0))
    mine = sum(f.GetGeometryRef().Length() for f in ds.GetLayer(0))
    ok(got == want and len(got) > 5 and abs(mine - length) < 1e-6 * length,
       "%s: %d contours, those of gdal_contour" % (name, len(got)), (len(want), mine, length))

# --- what is refused ------------------------------------------------------------------------------
for code, said in [
        ('Image("local.tif"):polygonize(), {format = "fgb"}', "no coordinate system, which FlatGeobuf wants"),
        ('img:zonal{zones = {15, 45, 15.1, 45.1}}, {format = "gpkg"}', "geometries = true"),
        ('img:polygonize(), {format = "shp"}', 'format is "geojson", "gpkg", "fgb" or "csv", got shp'),
        ('img:polygonize(), {ramp = "greens"}', "no option 'ramp'"),
        ('img:polygonize{connect = 6}', "connect is 4 or 8"),
        ('img:polygonize{size = 6}', "no option 'size'"),
        ('(img .. img):polygonize()', "one band"),
        ('img:contours{}', "says where the lines are"),
        ('img:contours{interval = 0}', "interval is a number above 0"),
        ('img:rasterize("shapes.geojson", {attribute = "nothing"})', "no attribute 'nothing'"),
        ('img:rasterize("shapes.geojson", {attribute = "name"})', "is no number"),
        ('img:rasterize("absent.gpkg")', "no such file"),
        ('img:rasterize({type = "FeatureCollection", features = {}})', ""),
        ('img:polygonize{res = 0.001}', "too many to become features")]:
    _, err = tellua("run", script("bad", 'local img = Image "cells.tif"\noutput("x", %s)' % code), expect=1)
    ok(said in err, "%s is refused" % code, err)
done()
