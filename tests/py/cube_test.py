#!/usr/bin/python3
# Products with a time axis, Zarr and NetCDF, against the GeoTIFFs of the same images.
# SPDX-License-Identifier: MIT
# test-timeout: 400
import filecmp
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import numpy as np
from osgeo import gdal, osr

import tap
from tap import Raster, differ, done, note, ok, tellua

os.chdir(tap.SCRATCH)
W, H = 150, 110
PLACE = (500000, 10, 0, 5000000, 0, -10)
TIMES = [1528329600.5, 1527724800, 1530403200]  # not in order
IDS = ["S2A/2018 b", "S2B_1", "Ünï"]
ORDER = [1, 0, 2]
noise = np.random.RandomState(4)


def skip(name, why):
    tap.count += 1
    print("ok %d - %s # SKIP %s" % (tap.count, name, why))


def script(text, name):
    with open(name, "w", encoding="utf-8") as f:
        f.write(text)
    return name


def same_tree(a, b):
    """Whether two files or folders hold the same bytes under the same names."""
    if not os.path.isdir(a):
        return filecmp.cmp(a, b, shallow=False)
    c = filecmp.dircmp(a, b, ignore=[])
    if c.left_only or c.right_only or c.funny_files:
        return False
    good = all(filecmp.cmp(os.path.join(a, f), os.path.join(b, f), shallow=False) for f in c.common_files)
    return good and all(same_tree(os.path.join(a, d), os.path.join(b, d)) for d in c.common_dirs)


def left(folder):
    return sorted(os.listdir(folder))


def variable(path, name):
    """(values, nodata) of a variable, read by GDAL's multidimensional drivers."""
    ds = gdal.OpenEx(path, gdal.OF_MULTIDIM_RASTER)
    a = ds.GetRootGroup().OpenMDArray(name)
    if a.GetDataType().GetClass() == gdal.GEDTC_STRING:
        return a.Read(), None
    return a.ReadAsArray(), a.GetNoDataValueAsRaw()


def slices(path, name, n):
    """The names that GDAL's classic drivers have for the n steps, each (file, band)."""
    if path.endswith(".nc"):
        return [('NETCDF:"%s":%s' % (path, name), t + 1) for t in range(n)]
    return [('ZARR:"%s":/%s:%d' % (path, name, t), 1) for t in range(n)]


for k in range(3):
    bands = [noise.randint(1, 5000, (H, W)).astype("uint16") for _ in range(2)]
    for b in bands:
        b[noise.random_sample((H, W)) < 0.1] = 0
        b[:64, :64] = 0  # a tile without a valid cell
    tap.write("in%d.tif" % k, bands, PLACE, nodata=0, names=["red", "nir"])
LISTS = "times = {%s}, ids = {%s}" % (", ".join(map(repr, TIMES)), ", ".join('"%s"' % i for i in IDS))
CUBE = script("""
local images = {}
for k = 0, 2 do
    local i = Image("in" .. k .. ".tif")
    images[k + 1] = (i.nir - i.red):stack(((i.nir - i.red) / (i.nir + i.red)):rename("index")):rename("d", "index")
end
output("cube", {images = images, %s}, {tile = 64, dtype = "float32"})
local raw = {}
for k = 0, 2 do raw[k + 1] = Image("in" .. k .. ".tif") end
output("raw", {images = raw, %s}, {tile = 64})
output("alone", raw[1], {tile = 64})
""" % (LISTS, LISTS), "cube.lua")
PRODUCTS = {"zarr": ["cube.zarr", "raw.zarr", "alone.zarr"], "netcdf": ["cube.nc", "raw.nc", "alone.nc"]}

# --- files: one for each date ---------------------------------------------------------------------
out, _ = tellua("run", CUBE, "--format", "gtiff", "--out", "tif")
names = ["S2B_1", "S2A_2018_b", "Ünï"]
want = ["tif/%s_%s.tif" % (o, i) for o in ("cube", "raw") for i in names] + ["tif/alone.tif"]
ok(out.split("\n")[:-1] == want and all(map(os.path.exists, want)), "a dated output as GeoTIFF is one product for each date", out)
meta = gdal.Open("tif/cube_S2A_2018_b.tif").GetMetadata()
ok(meta.get("TELLUA_ID") == "S2A/2018 b" and meta.get("TELLUA_TIME") == "2018-06-07T00:00:00Z",
   "... whose tags say its id and time", meta)
TIF = {o: [Raster("tif/%s_%s.tif" % (o, i)) for i in names] for o in ("cube", "raw")}
direct = Raster("in1.tif")
ok(not differ(direct.values, TIF["raw"][0].values, direct.valid), "... and holds the cells of its image")
out, _ = tellua("run", CUBE, "--output", "raw", "--format", "png", "--out", "png", expect=0)
ok(left("png") == sorted("raw_%s.png" % i for i in names), "... or one picture for each", left("png"))
twins = script('local i = Image "in0.tif"\noutput("t", {images = {i, i, i}, times = {1, 1, 1}, ids = {"a", "a", "a/"}})', "twins.lua")
out, _ = tellua("run", twins, "--out", "twins")
ok(left("twins") == ["t_a.tif", "t_a_.tif", "t_a_2.tif"], "equal ids make names that differ", left("twins"))

# --- cubes ----------------------------------------------------------------------------------------
for form, products in PRODUCTS.items():
    out, _ = tellua("run", CUBE, "--format", form, "--out", form)
    ok(out.split() == [form + "/" + p for p in products] and left(form) == sorted(products),
       "%s: one product for all dates, one without a date" % form, out, )
    for o in ("cube", "raw"):
        path = "%s/%s" % (form, products[0 if o == "cube" else 1])
        for b, name in enumerate(TIF[o][0].names):
            tifs = np.stack([t.values[b] for t in TIF[o]])
            ok(not differ(tifs, variable(path, name)[0]), "%s: %s %s holds the GeoTIFFs' cells, invalid ones too" % (form, o, name),
               differ(tifs, variable(path, name)[0]))
            good, why = True, ""
            for (ds, band), t in zip(slices(path, name, 3), TIF[o]):
                r = Raster(ds)
                r.srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)  # GDAL 3.6 mixes it up in its own Zarr, too
                if not (r.same_place(t) and np.array_equal(r.valid[band - 1], t.valid[b]) and
                        not differ(t.values[b], r.values[band - 1])):
                    good, why = False, (ds, r.transform, t.transform, r.srs, differ(t.values[b], r.values[band - 1]))
            ok(good, "... read slice by slice: cells, validity, place, coordinate system", why)
    x, y = variable(path, "x")[0], variable(path, "y")[0]
    ok(np.array_equal(x, 500000 + 10 * (np.arange(W) + 0.5)) and np.array_equal(y, 5000000 - 10 * (np.arange(H) + 0.5)),
       "... x and y are the centres of the cells", (x[:2], y[:2]))
    ok(list(variable(path, "time")[0]) == sorted(TIMES), "... times are seconds since 1970, ascending", variable(path, "time")[0])
    ids = variable(path, "id")[0]
    ok(list(ids) == [IDS[k] for k in ORDER], "... ids stand in the order of the times", ids)
    alone = "%s/alone.%s" % (form, "zarr" if form == "zarr" else "nc")
    single = Raster("tif/alone.tif")
    ok(not differ(single.values[0], variable(alone, "red")[0]) and not differ(single.values[1], variable(alone, "nir")[0]),
       "%s: a plain Image has no time axis, and the GeoTIFF's cells" % form, variable(alone, "red")[0].shape)
    attrs = {a.GetName(): a.Read() for a in gdal.OpenEx(path, gdal.OF_MULTIDIM_RASTER).GetRootGroup().GetAttributes()}
    ok(attrs.get("Conventions") == "CF-1.8" and attrs.get("TELLUA_SCRIPT") == "cube.lua" and len(attrs.get("TELLUA_PLAN", "")) == 64,
       "... and says what made it", attrs)

# --- other readers --------------------------------------------------------------------------------
try:
    import xarray
except ImportError:
    xarray = None
for form, path in (("zarr", "zarr/raw.zarr"), ("netcdf", "netcdf/raw.nc")):
    sentence = "xarray reads %s: times, ids, cells" % form
    try:
        ds = xarray.open_zarr(path) if form == "zarr" else xarray.open_dataset(path)
    except (AttributeError, ImportError, ValueError) as e:
        skip(sentence, "no xarray, or not for this format: %s" % e)
        continue
    got = ds["nir"].values
    want = np.stack([np.where(t.valid[1], t.values[1], np.nan) for t in TIF["raw"]]).astype(got.dtype)
    when = np.array([int(t * 1e9) for t in sorted(TIMES)], dtype="datetime64[ns]")
    ok(not differ(want, got) and np.array_equal(ds["time"].values, when) and ds["nir"].dims == ("time", "y", "x") and
       [str(i) for i in ds["id"].values] == [IDS[k] for k in ORDER], sentence, ds)
    mapping = ds["spatial_ref"].attrs
    srs = osr.SpatialReference()
    srs.ImportFromWkt(mapping["crs_wkt"])
    srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    ok(bool(srs.IsSame(TIF["raw"][0].srs)) and mapping["grid_mapping_name"] == "transverse_mercator" and
       mapping["longitude_of_central_meridian"] == 15 and ds["x"].attrs["units"] == "m", "... and a CF grid mapping", mapping)
    ds.close()
sentence = "netCDF4 reads a cube with its masks, compressed in chunks of a tile"
try:
    import netCDF4
    ds = netCDF4.Dataset("netcdf/raw.nc")
    v = ds["red"]
    got = v[:]
    ok(v.chunking() == [1, 64, 64] and v.filters()["zlib"] and v.filters()["shuffle"] and v.dimensions == ("time", "y", "x") and
       np.array_equal(~np.ma.getmaskarray(got), np.stack([t.valid[0] for t in TIF["raw"]])), sentence, (v, v.chunking(), v.filters()))
    ds.close()
except ImportError as e:
    skip(sentence, str(e))
sentence = "zarr reads a cube with its own hands"
try:
    import zarr
    z = zarr.open_consolidated("zarr/raw.zarr", mode="r")["red"]
    ok(z.chunks == (1, 64, 64) and not differ(np.stack([t.values[0] for t in TIF["raw"]]), z[:]) and
       z.nchunks_initialized < z.nchunks, sentence + ", chunks without valid cells are not there", z.info)
except ImportError as e:
    skip(sentence, str(e))

# --- and Tellua -----------------------------------------------------------------------------------
for form, path in (("zarr", "zarr/cube.zarr"), ("netcdf", "netcdf/cube.nc")):
    lines = []
    for t, (ds, band) in enumerate(slices(path, "index", 3)):
        lines.append("output('again%d', Image('%s'):select(%d), {tile = 64, format = 'gtiff'})" % (t, ds, band))
    tellua("run", script("\n".join(lines), "again.lua"), "--out", "again-" + form)
    again = [Raster("again-%s/again%d.tif" % (form, t)) for t in range(3)]
    ok(all(not differ(a.values[0], t.values[1]) and a.same_place(t) for a, t in zip(again, TIF["cube"])),
       "a %s product opened as an Image gives the cells it was made of" % form,
       [differ(a.values[0], t.values[1]) for a, t in zip(again, TIF["cube"])])

# --- the same bytes -------------------------------------------------------------------------------
for form, products in PRODUCTS.items():
    tellua("run", CUBE, "--format", form, "--out", "twice", "--threads", "1")
    ok(all(same_tree(form + "/" + p, "twice/" + p) for p in products), "%s: on one thread and on all the same bytes" % form)
    plan, _ = tellua("plan", CUBE, "--format", form, "--json")
    open("plan.json", "w").write(plan)
    tellua("run", "plan.json", "--out", "planned")
    ok(all(same_tree(form + "/" + p, "planned/" + p) for p in products), "... and from the plan")
    o = json.loads(plan)["plan"]["outputs"][0]
    ok(o["times"] == sorted(TIMES) and o["ids"] == [IDS[k] for k in ORDER] and len(o["nodes"]) == 6,
       "... which holds times, ids and nodes of all steps", o)
    for key, value in (("times", [1]), ("times", 5), ("ids", [1, 2, 3]), ("nodes", o["nodes"][:4])):
        bad = json.loads(plan)["plan"]
        bad["outputs"][0][key] = value
        json.dump(bad, open("bad.json", "w"))
        _, err = tellua("run", "bad.json", "--out", "bad", expect=1)
        ok("the plan is damaged: output 0" in err, "... and is refused with %s = %s" % (key, str(value)[:12]), err)

# --- cell types, names, places --------------------------------------------------------------------
for name in ("uint8", "int16", "uint16", "int32", "uint32", "int64", "float32", "float64"):
    top = 255 if name == "uint8" else 100
    values = np.arange(H * W).reshape(H, W) % (top + 1)
    tap.write("type.tif", [values.astype(name)], PLACE)
    s = script('output("t", Image "type.tif", {dtype = %s, nodata = %s})'
               % (("nil", "nil") if name == "uint8" else ('"%s"' % name, "77")), "type.lua")
    for form, path in (("zarr", "types/t.zarr"), ("netcdf", "types/t.nc")):
        tellua("run", s, "--format", form, "--out", "types", "--quiet")
        got, nodata = variable(path, "B1")
        ok(got.dtype == ("uint16" if name == "uint8" else name) and np.array_equal(got, values) and nodata is not None,
           "%s in %s%s" % (name, form, ", without a free number, is widened" if name == "uint8" else ""), (got.dtype, nodata))
s = script("""local i = Image "in0.tif"
output("n", i.red:stack(i.nir, i.red, i.nir):rename("time", "a/b c", "x", "x y"))
""", "names.lua")
for form, path in (("zarr", "names/n.zarr"), ("netcdf", "names/n.nc")):
    tellua("run", s, "--format", form, "--out", "names")
    ds = gdal.OpenEx(path, gdal.OF_MULTIDIM_RASTER).GetRootGroup()
    found = set(ds.GetMDArrayNames()) - {"x", "y", "spatial_ref"}
    ok(found == {"time", "a_b_c", "x_2", "x_y"}, "%s: bands whose names are taken or cannot be are renamed" % form, found)
    ok(ds.OpenMDArray("a_b_c").GetAttribute("long_name").Read() == "a/b c", "... and long_name has the name")
for epsg, place, unit, cf in ((4326, (10, 0.1, 0, 50, 0, -0.1), "degrees_north", "latitude_longitude"),
                              (3035, (4000000, 100, 0, 3000000, 0, -100), "m", "lambert_azimuthal_equal_area"),
                              (3031, (0, 500, 0, 200000, 0, -500), "m", "polar_stereographic"),
                              (2154, (700000, 10, 0, 6600000, 0, -10), "m", "lambert_conformal_conic"),
                              (3857, (1e6, 10, 0, 6e6, 0, -10), "m", None)):
    tap.write("crs.tif", [values.astype("int16")], place, epsg=epsg)
    out = "crs%d" % epsg
    s = script('output("c", Image "crs.tif")', "crs.lua")
    for form in ("netcdf", "zarr", "gtiff"):
        tellua("run", s, "--format", form, "--out", out)
    t, n, z = Raster(out + "/c.tif"), Raster('NETCDF:"%s/c.nc":B1' % out), Raster('ZARR:"%s/c.zarr":/B1' % out)
    z.srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    g = gdal.OpenEx(out + "/c.nc", gdal.OF_MULTIDIM_RASTER).GetRootGroup()
    a = {x.GetName(): x.Read() for x in g.OpenMDArray("spatial_ref").GetAttributes()}
    # Without a nodata of the file no number of int16 is free: arrays are int32.
    ok(n.same_place(t) and z.same_place(t) and np.array_equal(t.values, n.values) and np.array_equal(t.values, z.values) and a.get("grid_mapping_name") == cf and
       g.OpenMDArray("y").GetUnit() == unit, "EPSG:%d: place, coordinate system, unit, grid mapping" % epsg,
       (n.transform, z.transform, n.srs, a, g.OpenMDArray("y").GetUnit()))
ds = gdal.GetDriverByName("GTiff").Create("bare.tif", W, H, 1, gdal.GDT_Int16)
ds.GetRasterBand(1).WriteArray(values.astype("int16"))
ds = None
for form, path in (("zarr", "bare/b.zarr"), ("netcdf", "bare/b.nc")):
    tellua("run", script('output("b", Image "bare.tif")', "bare.lua"), "--format", form, "--out", "bare")
    names = gdal.OpenEx(path, gdal.OF_MULTIDIM_RASTER).GetRootGroup().GetMDArrayNames()
    ok(np.array_equal(variable(path, "B1")[0], values) and "spatial_ref" not in names, "%s: a picture without a place" % form, names)

# Scenes that lie apart: the cube covers all of them, on the first one's cells.
tap.write("east.tif", [values.astype("int16")], (500000 + 10 * W, 10, 0, 5000000, 0, -10))
tap.write("west.tif", [values.astype("int16")], PLACE)
s = script('output("w", {images = {Image "west.tif", Image "east.tif"}, times = {1, 2}, ids = {"w", "e"}})', "wide.lua")
tellua("run", s, "--format", "netcdf", "--out", "wide")
got, _ = variable("wide/w.nc", "B1")
ok(got.shape == (2, H, 2 * W) and np.array_equal(got[0, :, :W], values) and np.array_equal(got[1, :, W:], values) and
   len(np.unique(got[0, :, W:])) == 1, "a cube covers the scenes of all dates", got.shape)
tellua("run", s, "--format", "netcdf", "--out", "wide", "--window", "%d,0,20,30" % (W - 10))
got, _ = variable("wide/w.nc", "B1")
ok(got.shape == (2, 30, 20) and np.array_equal(got[0, :, :10], values[:30, W - 10:]), "... and --window cuts all of them", got.shape)

# --- refusals -------------------------------------------------------------------------------------
for text, word in (('{images = {}, times = {}, ids = {}}', "there are no images"),
                   ('{images = {1}, times = {1}, ids = {"a"}}', "is no Image"),
                   ('{images = {i, 7}, times = {1, 2}, ids = {"a", "b"}}', "entry 2 is an Image"),
                   ('{images = {i}, times = {"x"}, ids = {"a"}}', "entry 1 is an Image"),
                   ('{images = {i}, times = {1}, ids = {""}}', "entry 1 is an Image"),
                   ('{images = {i, i}, times = {1}, ids = {"a"}}', "2 images, 1 times, 1 ids"),
                   ('{images = {i, i.red}, times = {1, 2}, ids = {"a", "b"}}', "image b has the bands red, image a has red, nir"),
                   ('{images = {i}, times = {0/0}, ids = {"a"}}', "the time of a is not known"),
                   ('i, {nodata = false}', "zarr has no masks"),
                   ('i:astype("uint8"), {dtype = "uint8"}', "none is left to mark invalid cells")):
    _, err = tellua("run", script('local i = Image "in0.tif"\noutput("o", %s)' % text, "refused.lua"), "--format", "zarr",
                    "--out", "refused", expect=1)
    ok(word in err and "refused.lua:2" in err and err.count("\n") == 1, "refused: " + word, err)
ok(not os.path.exists("refused") or not left("refused"), "... and nothing is left of it")
out, _ = tellua("run", script('local i = Image "in0.tif"\noutput("o", {images = {i}, times = {0/0}, ids = {"a"}})', "nan.lua"), "--out", "nan")
ok(out == "nan/o_a.tif\n", "a file needs no date")
_, err = tellua("run", script('local i = Image "in0.tif"\noutput("o", {images = {i}, times = {1}, ids = {"a"}})\noutput("o_a", i)', "nan.lua"), expect=1)
ok("o_a" in err and "of that name" in err, "a name that a date has already is refused", err)

# --- what was there before ------------------------------------------------------------------------
os.makedirs("mine/alone.zarr")
open("mine/alone.zarr/letter", "w").write("dear")
_, err = tellua("run", CUBE, "--output", "alone", "--format", "zarr", "--out", "mine", expect=1)
ok("is no Zarr store" in err and left("mine/alone.zarr") == ["letter"], "a folder that is no Zarr store is not replaced", err)


def limited(n):
    def set_limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond fails, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (n, n))
    return set_limit


full = script('local i = Image "in0.tif"\noutput("o", (i + 1):astype "float64")', "full.lua")
for form, path in (("zarr", "full/o.zarr"), ("netcdf", "full/o.nc")):
    tellua("run", full, "--format", form, "--out", "full", "--window", "0,0,40,40")
    shutil.copytree("full", "before", dirs_exist_ok=True)
    tellua("run", full, "--format", form, "--out", "full")
    shutil.copytree("full", "good", dirs_exist_ok=True)
    shutil.rmtree("full")
    shutil.copytree("before", "full")
    # What fails is the product, not the store of tiles, which is a little smaller.
    limit = (os.path.getsize("good/o.nc") - 100) if form == "netcdf" else 1000
    p = subprocess.run([tap.TELLUA, "run", full, "--format", form, "--out", "full"], capture_output=True, text=True,
                       preexec_fn=limited(limit))
    ok(p.returncode == 1 and p.stderr.count("\n") == 1 and "File too large" in p.stderr,
       "%s: a full disk is one clear error" % form, (limit, p.returncode, p.stderr))
    ok(same_tree(path, path.replace("full", "before")) and not [f for f in left("full") if "tmp" in f or "old" in f],
       "... the old product stays, and nothing half done", left("full"))
    tellua("run", full, "--format", form, "--out", "full", "--resume")
    ok(same_tree(path, path.replace("full", "good")), "... and --resume finishes")
    ok([f for f in left("full") if f.startswith(".")] == [], "... and leaves nothing else", left("full"))

# What a run that was killed while replacing leaves behind.
gone = subprocess.Popen(["true"])
gone.wait()
shutil.copytree("zarr/alone.zarr", "mend/.alone.zarr.old-%d" % gone.pid)
shutil.copytree("zarr/alone.zarr/red", "mend/.alone.zarr.tmp-%d" % gone.pid)
_, err = tellua("run", CUBE, "--output", "alone", "--format", "zarr", "--out", "mend", "--mem", "200M")
ok(left("mend") == ["alone.zarr"] and same_tree("mend/alone.zarr", "mend/alone.zarr"), "what a killed run left is put right", left("mend"))

# --- killed ---------------------------------------------------------------------------------------
SIZE = 900
for k in range(2):
    tap.write("big%d.tif" % k, [noise.randint(0, 9999, (SIZE, SIZE)).astype("uint16")], PLACE, options=["TILED=YES"])
slow = script("""
local images = {}
for k = 0, 1 do
    local a = Image("big" .. k .. ".tif")
    local s = a * 0.5
    for i = 1, 60 do s = s + (a * i + k):sqrt() / (a + i) end
    images[k + 1] = s
end
output("o", {images = images, times = {1, 2}, ids = {"a", "b"}}, {tile = 64})
""", "slow.lua")
for form, path in (("zarr", "o.zarr"), ("netcdf", "o.nc")):
    tellua("run", slow, "--format", form, "--out", "unkilled", "--threads", "2")
    for k in range(4):
        args = [tap.TELLUA, "run", slow, "--format", form, "--out", "killed", "--threads", "2", "--quiet"]
        p = subprocess.Popen(args + (["--resume"] if k else []), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wanted = 96 + 48 * (60 + 90 * k)
        while p.poll() is None:
            try:
                if os.stat("killed/.o.job/local.idx").st_size > wanted:
                    break
            except OSError:
                pass
            time.sleep(0.001)
        p.kill()
        p.wait()
        ok(p.returncode == -9 and not os.path.exists("killed/" + path), "%s: killed, there is no product" % form, (k, p.returncode))
    out, _ = tellua("run", slow, "--format", form, "--out", "killed", "--resume", "--json")
    kept = json.loads(out)["blocks"]["kept"]
    ok(kept >= 60 and same_tree("killed/" + path, "unkilled/" + path), "%s: killed four times, --resume gives the same bytes" % form, kept)
    ok(left("killed") == sorted(p for p in ("o.zarr", "o.nc") if os.path.exists("killed/" + p)), "... and leaves nothing else", left("killed"))

# --- many dates -----------------------------------------------------------------------------------
many = """
local i = Image "big0.tif"
local images, times, ids = {}, {}, {}
for k = 1, %d do images[k], times[k], ids[k] = i + k, k * 86400, "d" .. k end
output("m", {images = images, times = times, ids = ids}, {format = "netcdf"})
"""
planned = []
for n in (1, 300):
    # Through a shell: a process's peak begins with that of the one that started it.
    out = subprocess.run(["sh", "-c", '"$@"; exit $?', "sh", tap.TELLUA, "run", script(many % n, "many.lua"), "--out", "many",
                          "--threads", "2", "--json", "--quiet"], stdout=subprocess.PIPE, text=True, check=True).stdout
    m = json.loads(out)["memory"]
    planned.append(m["planned"])
    # A sanitizer's own memory is in no plan.
    ok(m["peak"] <= m["planned"] or os.environ.get("CONFIG") in ("asan", "tsan"),
       "%d dates: the peak stays within the plan" % n, m)
ok(planned[1] - planned[0] < 8 << 20, "300 dates take no more memory than one, but for tables", planned)
got, _ = variable("many/m.nc", "B1")
big = Raster("big0.tif").values[0].astype(int)
ok(got.shape == (300, SIZE, SIZE) and all(np.array_equal(got[k], big + k + 1) for k in (0, 137, 299)), "... and all of them are there", got.shape)
done()
