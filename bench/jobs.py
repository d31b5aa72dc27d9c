#!/usr/bin/python3
"""Whole jobs on full-size pictures, beside what a user would take instead and beside the floor: reading and writing
the same pixels through GDAL (bench/floor.c). SPDX-License-Identifier: MIT

jobs.py [JOB ...]: those of bench/README.md (all). TURNS=9, SCENES=DIR (pictures, made when empty; 6 GB).
Contenders run in turns; medians; what is not installed is left out. Every figure is of whole processes."""
import glob
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get("TELLUA", "build/release/tellua")
FLOOR = os.path.join(os.environ.get("BUILD", "build/release"), "bench", "floor")
PICTURES = os.environ.get("SCENES", "/tmp/tellua-bench-scenes")
TURNS = int(os.environ.get("TURNS", "9"))
OUT = tempfile.mkdtemp(prefix="tellua-jobs", dir=os.environ.get("TMPDIR", "/tmp"))
BANDS = "B04,B06,B08,B11,B12"
FLOAT = ["COMPRESS=DEFLATE", "PREDICTOR=3", "TILED=YES", "BLOCKXSIZE=512", "BLOCKYSIZE=512"]
BYTE = ["COMPRESS=DEFLATE", "PREDICTOR=2", "TILED=YES", "BLOCKXSIZE=512", "BLOCKYSIZE=512"]
PY = ["/usr/bin/python3", os.path.join(HERE, "job_peers.py")]
SCRIPTS = {
    "ndvi": 'local d = param("dir", ".")\nlocal r, n = Image(d .. "/B04.tif"), Image(d .. "/B08.tif")\n'
            'output("out", (n - r) / (n + r))\n',
    "stubble": 'local d = param("dir", ".")\nlocal function band(n) return Image(d .. "/" .. n .. ".tif"):rename(n) end\n'
               'local img = band "B04" .. band "B06" .. band "B08" .. band "B11" .. band "B12"\n'
               'local function stubble(B04, B06, B08, B11, B12)\n'
               '  return B04 < 1000 and B06 < 1200 and B08 < 1200 and B11 > 500 and B11 < 1600 and B12 < B11\nend\n'
               'output("out", img:execute(stubble), {dtype = "uint8", nodata = 255})\n',
    "median": 'output("out", Collection(param("dir", ".")):mask_clouds():select("B04"):median())\n',
    "terrain": 'local d = Image(param("dir", ".") .. "/dem.tif")\n'
               'output("slope", d:slope())\noutput("shade", d:hillshade(), {dtype = "uint8"})\n',
    "warp": 'local d = param("dir", ".")\n'
            'output("out", Image(d .. "/B04.tif"):resample "bilinear",\n'
            '       {crs = "EPSG:3857", res = 14.0, compress = param("compress", "deflate")})\n',
}


class Run:
    """What one process and its children took."""

    def __init__(self, argv):
        start = time.monotonic()
        with tempfile.TemporaryFile("w+") as said:
            child = subprocess.Popen(argv, stdout=said, stderr=subprocess.STDOUT, cwd=OUT)
            _, status, use = os.wait4(child.pid, 0)
            child.returncode = status
            self.wall, self.cpu, self.rss = time.monotonic() - start, use.ru_utime + use.ru_stime, use.ru_maxrss / 1024
            said.seek(0)
            self.text = said.read()
        if status:
            sys.exit("%s: status %d\n%s" % (argv, status, self.text[-2000:]))


def tellua(script, where, *args, threads=2, fmt="gtiff"):
    path = os.path.join(OUT, script + ".lua")
    with open(path, "w") as f:
        f.write(SCRIPTS[script])
    return [PROGRAM, "run", "--quiet", "--threads", str(threads), "--format", fmt, "--out", OUT, path, "-p",
            "dir=" + where, *args]


def there(argv):
    return shutil.which(argv[0]) and (argv[:1] != PY[:1] or argv[1] != PY[1] or not subprocess.run(
        [PY[0], "-c", "import rasterio" + {"numexpr": ", numexpr", "median_dask": ", dask, rioxarray"}.get(argv[2], "")],
        capture_output=True).returncode)


def measure(job, who, floor=None, turns=TURNS):
    """{name: argv} in turns; a list of argvs runs at the same time. Prints medians, ratios to the first, and the
    first's processor time beside the floor: (files to read, product, creation options)."""
    who = {k: [v] if isinstance(v[0], str) else v for k, v in who.items()}
    who = {k: v for k, v in who.items() if all(map(there, v)) or print("%s: %s is not here" % (job, k))}
    seen = {k: [] for k in who}
    floors = []
    for _ in range(turns):
        for name, commands in who.items():
            for product in glob.glob(OUT + "/*.tif"):  # removing an old one is nobody's time
                os.unlink(product)
            with ThreadPoolExecutor(len(commands)) as pool:
                runs = list(pool.map(Run, commands))
            seen[name].append((max(r.wall for r in runs), sum(r.cpu for r in runs), sum(r.rss for r in runs)))
            if floor and len(floors) < len(seen[name]):  # while Tellua's product is there
                floors.append(of_floor(*floor))
    first = None
    for name, took in seen.items():
        wall, cpu, rss = (statistics.median(t[i] for t in took) for i in range(3))
        first = first or (wall, cpu)
        print("%-9s %-22s clock %7.2f s (%5.2f x)  processor %7.2f s (%5.2f x)  %5.0f MiB" % (
            job, name, wall, wall / first[0], cpu, cpu / first[1], rss))
    if floors:
        read, write = (statistics.median(f[i] for f in floors) for i in (0, 1))
        print("%-9s floor: reading %.2f s, writing %.2f s of the processor; Tellua %.2f x" % (
            job, read, write, first[1] / (read + write)))
    sys.stdout.flush()
    return seen


def of_floor(inputs, product, options):
    read = Run([FLOOR, "decode", "2"] + inputs).text.split()
    write = Run([FLOOR, "encode", "2", product] + options).text.split()
    return float(read[0]), float(write[0])


# --- pictures -------------------------------------------------------------------------------------
def make(*args):
    subprocess.run(["/usr/bin/python3", os.path.join(HERE, "scenes.py")] + [str(a) for a in args], check=True)


def scene(size=10980):
    top = os.path.join(PICTURES, "one%d" % size)
    make(top, 1, size, BANDS)
    return glob.glob(top + "/*")[0]


def series(n, size):
    top = os.path.join(PICTURES, "series%d_%d" % (n, size))
    make(top, n, size, "B04,SCL")
    return top


# --- jobs -----------------------------------------------------------------------------------------
def ndvi():
    s = scene()
    r, n, out = s + "/B04.tif", s + "/B08.tif", os.path.join(OUT, "peer.tif")
    co = [x for o in FLOAT for x in ("--co", o)]
    measure("ndvi", {
        "tellua": tellua("ndvi", s),
        "rasterio + numexpr": PY + ["numexpr", s, out],
        "gdal_calc": ["gdal_calc.py", "-A", r, "-B", n, "--type=Float32", "--overwrite", "--quiet", "--outfile", out,
                      "--calc=(B.astype(float32)-A)/(B.astype(float32)+A)"] + co,
        "otb BandMath": ["otbcli_BandMath", "-il", r, n, "-out", out + "?&gdal:co:COMPRESS=DEFLATE&gdal:co:TILED=YES",
                         "float", "-exp", "(im2b1-im1b1)/(im2b1+im1b1)"],
    }, ([r, n], os.path.join(OUT, "out.tif"), FLOAT))


def cog():
    s = scene()
    flat = os.path.join(OUT, "peer.tif")
    options = [x for o in ("COMPRESS=DEFLATE", "PREDICTOR=3", "BLOCKSIZE=512", "NUM_THREADS=2") for x in ("-co", o)]
    gdal = "gdal_calc.py -A %s/B04.tif -B %s/B08.tif --type=Float32 --overwrite --quiet --outfile %s %s " \
        "'--calc=(B.astype(float32)-A)/(B.astype(float32)+A)' && gdal_translate -q -of COG %s %s %s" % (
            s, s, flat, " ".join("--co " + o for o in FLOAT + ["NUM_THREADS=2"]), " ".join(options), flat, flat + ".cog.tif")
    both = "%s && gdal_translate -q -of COG %s %s/out.tif %s.cog.tif" % (
        " ".join(tellua("ndvi", s)), " ".join(options), OUT, flat)
    measure("cog", {"tellua": tellua("ndvi", s, fmt="cog"), "gdal_calc, then COG": ["sh", "-c", gdal],
                    "tellua's gtiff, then COG": ["sh", "-c", both]})


def stubble():
    s = scene()
    names = ["%s/%s.tif" % (s, b) for b in ("B04", "B06", "B08", "B11", "B12")]
    measure("stubble", {"tellua": tellua("stubble", s),
                        "rasterio + numpy": PY + ["stubble", s, os.path.join(OUT, "peer.tif")]},
            (names, os.path.join(OUT, "out.tif"), BYTE))


def median():
    top, out = series(5, 10980), os.path.join(OUT, "peer.tif")
    reds = sorted(glob.glob(top + "/*/B04.tif"))
    pk = ["pkcomposite", "-cr", "median", "-srcnodata", "0", "-dstnodata", "0", "-co", "COMPRESS=DEFLATE", "-co",
          "TILED=YES", "-o", out]
    for r in reds:
        pk += ["-i", r]
    measure("median", {"tellua": tellua("median", top), "numpy + rasterio": PY + ["median_numpy", top, out],
                       "dask + rioxarray": PY + ["median_dask", top, out],
                       "pkcomposite, no clouds": pk},
            (reds + sorted(glob.glob(top + "/*/SCL.tif")), os.path.join(OUT, "out.tif"), FLOAT), min(TURNS, 3))


def dates():
    """Memory must not grow with the number of dates."""
    few, many = series(5, 1098), series(100, 1098)
    measure("dates", {"5 dates": tellua("median", few), "100 dates": tellua("median", many)})


def terrain():
    make(PICTURES, "dem", 20000)
    co = [x for o in ("COMPRESS=DEFLATE", "TILED=YES", "BLOCKXSIZE=512", "BLOCKYSIZE=512") for x in ("-co", o)]
    path = PICTURES + "/dem.tif"
    dem = [["gdaldem", kind, "-q", "-compute_edges", path, os.path.join(OUT, kind + ".tif")] + co
           for kind in ("slope", "hillshade")]
    measure("terrain", {"tellua": tellua("terrain", PICTURES), "two gdaldem": dem}, turns=min(TURNS, 3))


def warp():
    s = scene()
    how = ["gdalwarp", "-q", "-overwrite", "-multi", "-wo", "NUM_THREADS=2", "-et", "0.125", "-r", "bilinear", "-t_srs",
           "EPSG:3857", "-tr", "14", "14", "-wm", "512", s + "/B04.tif", os.path.join(OUT, "peer.tif")]
    for compress in ("none", "deflate"):
        co = [x for o in ("COMPRESS=" + compress, "TILED=YES", "BLOCKXSIZE=512", "BLOCKYSIZE=512", "NUM_THREADS=2",
                          "PREDICTOR=%d" % (1 if compress == "none" else 2)) for x in ("-co", o)]
        measure("warp", {"tellua, " + compress: tellua("warp", s, "-p", "compress=" + compress),
                         "gdalwarp, " + compress: how + co})


def scale():
    """Eight times the pixels, eight times the scenes."""
    small, large = scene(5490), scene(15528)
    measure("pixels", {"5490 x 5490": tellua("ndvi", small), "15528 x 15528": tellua("ndvi", large)}, turns=min(TURNS, 5))
    few, many = series(5, 2745), series(40, 2745)
    measure("scenes", {"5 scenes": tellua("median", few), "40 scenes": tellua("median", many)}, turns=min(TURNS, 5))


def threads():
    s = scene()
    for job in ("ndvi", "stubble"):
        measure("threads", {"%s, 2 threads" % job: tellua(job, s), "%s, 1 thread" % job: tellua(job, s, threads=1)})


JOBS = {f.__name__: f for f in (ndvi, cog, stubble, median, dates, terrain, warp, scale, threads)}
os.makedirs(PICTURES, exist_ok=True)
PICTURES = os.path.abspath(PICTURES)
PROGRAM, FLOOR = os.path.abspath(PROGRAM), os.path.abspath(FLOOR)
try:
    for name in sys.argv[1:] or JOBS:
        if name not in JOBS:
            sys.exit("no job %s; there are %s" % (name, " ".join(JOBS)))
        JOBS[name]()
finally:
    shutil.rmtree(OUT)
