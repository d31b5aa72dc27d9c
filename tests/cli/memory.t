#!/usr/bin/python3
# Memory is known before the start and does not grow with the image. SPDX-License-Identifier: MIT
# A whole Sentinel-2 band pair; TELLUA_BIG=1 (make check-big) adds four times that.
# test-timeout: 480
import hashlib
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap
from tap import ok, tellua

if tap.SANITIZED:
    tap.skip_all("a sanitizer's memory is not ours")
os.chdir(os.environ.get("TMPDIR", "/tmp"))
MIB = 1 << 20
SCRIPT = tap.script("""
local image = Image(param("file", ""))
local red, nir = image:select "B1", image:select "B2"
output("ndvi", ((nir - red) / (nir + red)):rename "ndvi")
""")
# In a process of its own, so that its memory is not counted as ours. One row of tiles is compressed
# in earnest; the picture repeats it.
MAKE = """
import sys, numpy
from osgeo import gdal
gdal.UseExceptions()
name, n = sys.argv[1], int(sys.argv[2])
options = sys.argv[3:] + ["COMPRESS=DEFLATE", "ZLEVEL=1", "NUM_THREADS=2", "INTERLEAVE=BAND"]
ds = gdal.GetDriverByName("GTiff").Create(name, n, n, 2, gdal.GDT_UInt16, options)
ds.SetGeoTransform([500000, 10, 0, 5000000, 0, -10])
ds.SetProjection("EPSG:32633")
x = numpy.arange(n, dtype="int64")[None, :]
for band in (1, 2):
    for y in range(0, n, 512):
        rows = numpy.arange(y, min(n, y + 512), dtype="int64")[:, None]
        cells = 300 + 700 * band + (x // 16) % 97 * 11 + (rows // 16) % 89 * 7 + (x * rows * band) % 4
        ds.GetRasterBand(band).WriteArray(cells.astype("uint16"), 0, y)
"""


def make(name, n, *options):
    subprocess.run([sys.executable, "-c", MAKE, name, str(n), *options], check=True)


def digest(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while h.update(part := f.read(MIB)) is None and part:
            pass
    return h.digest()


def ndvi(name, *args):
    r = tellua("run", SCRIPT, "-p", "file=" + name, "--out", "out", "--json", *args, limit=200)
    report = json.loads(r.out) if r.status == 0 else {"memory": {"planned": 0}, "seconds": {"total": 0}, "pixels": 0}
    return r, report


def measure(name, what, most, *args):
    r, report = ndvi(name, *args)
    planned = report["memory"]["planned"]
    tap.note("%s %s: %.0f MiB at the peak, %.0f planned, %.1f s, %.0f Mpx/s" % (
        what, " ".join(args), r.rss / MIB, planned / MIB, report["seconds"]["total"],
        report["pixels"] / max(report["seconds"]["total"], 1e-9) / 1e6))
    ok(r.status == 0 and r.rss <= most, "%s %s: at most %d MiB" % (what, " ".join(args), most // MIB), r)
    ok(r.rss <= planned, "... and not more than planned", "%.0f MiB, planned %.0f" % (r.rss / MIB, planned / MIB))
    return r.rss


LAYOUTS = (("tiled", ["TILED=YES", "BLOCKXSIZE=512", "BLOCKYSIZE=512"]), ("striped", []),
           ("in strips of 256 rows", ["BLOCKYSIZE=256"]))
SIZES = (10980, 21960) if os.environ.get("TELLUA_BIG") else (10980,)
peak = {}
for n in SIZES:
    for what, options in LAYOUTS[:3 if n == 10980 else 2]:
        make("in.tif", n, *options)
        peak[n, what] = measure("in.tif", "%d x %d %s" % (n, n, what), 300 * MIB, "--threads", "2")
        if what == "tiled" and n == 10980:
            base = digest("out/ndvi.tif")
            for mem in ("250M", "150M", "120M"):
                limit = int(mem[:-1]) * MIB
                r, report = ndvi("in.tif", "--threads", "2", "--mem", mem)
                if r.status:
                    ok(r.status == 1 and len(r.lines()) == 1 and '"memory"' in r.err and "--mem" in r.err,
                       "--mem %s is refused with the figure" % mem, r)
                    continue
                tap.note("--mem %s: %.0f MiB at the peak, %.0f planned" % (mem, r.rss / MIB, report["memory"]["planned"] / MIB))
                ok(r.rss <= limit and report["memory"]["planned"] <= limit, "--mem %s is held" % mem, r)
                ok(digest("out/ndvi.tif") == base, "... with the same bytes")
        os.unlink("in.tif")
if len(SIZES) > 1:
    # In strips a row of tiles is as wide as the picture, and no more than a few of them are held.
    for what, more in (("tiled", 24), ("striped", 96)):
        ok(peak[21960, what] <= peak[10980, what] + more * MIB, "four times the cells take at most %d MiB more (%s)" % (more, what),
           "%.0f MiB against %.0f" % (peak[21960, what] / MIB, peak[10980, what] / MIB))

# What needs the whole Image at once keeps it in a file: 8 bytes for each of 49 million cells, and what a sieve needs.
make("in.tif", 7000, *LAYOUTS[0][1])
for what, code in (("components", 'components{connectivity = 8}'), ("sieve", "sieve(20)"), ("distance", "distance()")):
    one = tap.script('output("o", (Image(param("file", "")).B1 // 400 %% 2):%s)' % code, what + ".lua")
    r = tellua("run", one, "-p", "file=in.tif", "--out", "out", "--json", "--threads", "2", "--mem", "200M", limit=200)
    planned = json.loads(r.out)["memory"]["planned"] if r.status == 0 else 0
    ok(r.status == 0 and r.rss <= planned <= 200 * MIB < 8 * 7000 * 7000, "%s of a whole larger than memory: %.0f MiB of %.0f planned" % (
        what, r.rss / MIB, planned / MIB), r)
os.unlink("in.tif")

# A text of JSON is values of a library before it is Lua's; neither takes more than it may.
for what, text in (("arrays", '("[],"):rep(%d)'), ("objects", '("{},"):rep(%d)'), ("numbers", '("1,"):rep(%d)'),
                   ("pairs", '("{\\"a\\":1},"):rep(%d)'), ("texts", '("\\"\\","):rep(%d)')):
    for n, good in ((20000000, False), (1000000, True)):
        code = "local ok, e = pcall(json.decode, '[' .. %s .. '1]') print(ok and #e or e)" % (text % n)
        r = tellua("-e", code, limit=100)
        ok(r.status == 0 and r.rss < 1000 * MIB and ((str(n + 1) if good else "and may take 512; decode parts") in r.out),
           "%d %s: %.0f MiB" % (n, what, r.rss / MIB), r)
for n, text in enumerate(['{"password": "hunter2"}', '{"bands": ["a"], "kind": "hunter2"}', "hunter2", '{"bands": "hunter2", hunter2}']):
    with open("secret%d.json" % n, "w") as f:
        f.write(text)
    r = tellua("-e", 'Model "secret%d.json"' % n)
    ok(r.status == 1 and "model" in r.err and "hunter2" not in r.err, "a file that is no model is not told of", r)

# Small, odd and many-banded files plan as honestly.
subprocess.run([sys.executable, "-c", """
from osgeo import gdal
import numpy
gdal.UseExceptions()
for name, w, h, bands, kind in (("wide.tif", 60000, 40, 3, gdal.GDT_Float64), ("tall.tif", 40, 60000, 3, gdal.GDT_Float32),
                                ("many.tif", 300, 300, 60, gdal.GDT_Int16), ("one.tif", 1, 1, 1, gdal.GDT_Byte),
                                ("block.tif", 2000, 2000, 4, gdal.GDT_UInt16)):
    ds = gdal.GetDriverByName("GTiff").Create(name, w, h, bands, kind, ["BLOCKYSIZE=%d" % h, "COMPRESS=LZW"])
    ds.SetGeoTransform([500000, 10, 0, 5000000, 0, -10])
    ds.SetProjection("EPSG:32633")
    for b in range(bands):
        ds.GetRasterBand(b + 1).WriteArray(numpy.random.RandomState(b).randint(0, 200, (h, w)))
"""], check=True)
ALL = tap.script('output("o", Image(param("file", "")))', "all.lua")
for name in ("wide.tif", "tall.tif", "many.tif", "one.tif", "block.tif"):
    for args in ([], ["--threads", "1"], ["--threads", "8"], ["--res", "17"], ["--crs", "EPSG:3035"]):
        r = tellua("run", ALL, "-p", "file=" + name, "--out", "odd", "--json", *args)
        m = json.loads(r.out)["memory"] if r.status == 0 else {"planned": 0}
        ok(r.status == 0 and r.rss <= m["planned"], "%s %s: %.0f MiB of %.0f planned" % (
            name, " ".join(args), r.rss / MIB, m["planned"] / MIB), r)
tap.done()
