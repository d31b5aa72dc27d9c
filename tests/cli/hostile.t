#!/usr/bin/python3
# Corrupt, lying and odd files through the program itself. SPDX-License-Identifier: MIT
#
# Each gives pixels and status 0, or one line of error and status 1: no signal, never more than 10 s
# or 1 GiB, nothing half-written. TELLUA_MUTATIONS=1000 makes more damaged files than the usual 300,
# TELLUA_SEED=n others; TELLUA_ONLY=text takes the whole files whose path has it.
# test-timeout: 400
import concurrent.futures
import os
import random
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap

if not tap.SHARED:
    tap.skip_all("there is no folder of real data")
DATA = os.path.join(tap.SHARED, "data")
TMP = os.environ.get("TMPDIR", "/tmp")
# Sanitizers are slow and hold freed memory.
SECONDS, BYTES = 10 * tap.SLOWER, (1 << 30) * (4 if tap.SANITIZED else 1)

SCRIPT = tap.script('output("o", Image(param("file", "")))\n')

# Good files that have no pixels for us, and why.
REFUSED = {
    "bigtiff_header_extract.tif": "a header without its pixels",
    "mandrilmini_12bitjpeg.tif": "12-bit JPEG is not in Debian's GDAL",
    "cfloat32.tif": "complex numbers", "cfloat64.tif": "complex numbers", "cint16.tif": "complex numbers",
    "cint32.tif": "complex numbers", "cint_sar.tif": "complex numbers", "complex_float32.tif": "complex numbers",
    "complex_int32.tif": "complex numbers", "cint32_big_endian.tif": "complex numbers",
    "rotated_pole.nc": "GeoTIFF has no rotated pole",
    "RGB.byte.tif.aux.xml": "a side-car", "ak-compdcs.zip": "an archive of a VRT",
    "compdcs.vrt": "its source is not here", "white-gemini-iv.vrt": "its source is not here",
    "corrupt.tif": "damaged on purpose",
    "no_band.h5": "a container", "two-subs.h5": "a container",
}


def run(path, tag):
    out = os.path.join(TMP, "out-" + tag)
    r = tap.tellua("run", SCRIPT, "-p", "file=" + path, "--out", out, limit=60)
    left = sorted(os.listdir(out)) if os.path.isdir(out) else []
    shutil.rmtree(out, ignore_errors=True)
    return r, left


def faults(r, left, seconds=SECONDS):
    """What is wrong with how a run ended."""
    # A run of more than ten seconds says how far it is.
    lines = [line for line in r.lines() if " blocks, " not in line]
    wrong = []
    if r.status not in (0, 1):
        wrong.append("status %s" % r.status)
    if r.status == 1 and (len(lines) != 1 or not lines[0].startswith("tellua: ") or len(lines[0]) < 20):
        wrong.append("%d lines of error" % len(lines))
    if r.status == 0 and (lines or left != ["o.tif"]):
        wrong.append("status 0 with %s and %s" % (lines, left))
    # Finished blocks may stay for --resume, which the error then says.
    kept = [".o.job"] if lines and "--resume" in lines[-1] else []
    if r.status != 0 and left != kept:
        wrong.append("left behind: %s" % left)
    if any(ord(c) < 32 or ord(c) == 0xfffd or 127 <= ord(c) < 160 for s in r.err.splitlines() for c in s):
        wrong.append("odd characters on the terminal")
    if r.seconds > seconds:
        wrong.append("%.1f s" % r.seconds)
    if r.rss > BYTES:
        wrong.append("%.0f MiB" % (r.rss / 2**20))
    return wrong


def files_of(folder):
    found = []
    for here, _, names in os.walk(os.path.join(DATA, folder)):
        found += [os.path.join(here, n) for n in names]
    return sorted(f for f in found if os.environ.get("TELLUA_ONLY", "") in f)


def whole_files(pool, folder, expect, seconds=SECONDS):
    files = files_of(folder)
    slowest = biggest = (0, "")
    ended = {0: 0, 1: 0}
    jobs = pool.map(lambda p: run(p[1], "%s%d" % (folder, p[0])), enumerate(files))
    for path, (r, left) in zip(files, jobs):
        name = os.path.relpath(path, DATA)
        wrong = faults(r, left, seconds) + expect(os.path.basename(path), r)
        tap.ok(not wrong, name + " gives pixels or one error", *wrong, r)
        slowest = max(slowest, (r.seconds, name))
        biggest = max(biggest, (r.rss, name))
        ended[r.status] = ended.get(r.status, 0) + 1
    tap.note("%s: %d files, ended as %s; slowest %.2f s %s; largest %.0f MiB %s" % (
        folder, len(files), ended, *slowest, biggest[0] / 2**20, biggest[1]))


def expected(name, r):
    if (r.status == 1) == (name in REFUSED):
        return []
    return ["a good file failed" if r.status else "this was expected to fail: " + REFUSED[name]]


# --- damaged copies of good files ---------------------------------------------------------------

SMALL = """
import sys
from osgeo import gdal
gdal.DontUseExceptions()
gdal.PushErrorHandler("CPLQuietErrorHandler")
for path in sys.argv[1:]:
    ds = gdal.Open(path)
    if ds is not None and 0 < ds.RasterXSize * ds.RasterYSize * ds.RasterCount <= 4000000:
        print(path)
"""


def seeds(rng):
    """Good files of every format and compression; the parent process stays small."""
    awkward = [f for f in files_of("awkward") if os.path.basename(f) not in REFUSED and not f.endswith(".ovr")]
    files = rng.sample(awkward, min(60, len(awkward)))
    for name in ("landsat7_stars/tif/L7_ETMs.tif", "landsat7_stars/tif/olinda_dem_utm25s.tif", "landsat7_stars/tif/lc.tif",
                 "landsat7_stars/nc/reduced.nc", "landsat7_stars/nc/timeseries.nc", "landsat7_stars/nc/bcsd_obs_1999.nc",
                 "landsat7_stars/nc/test_stageiv_xyt.nc", "no2_lockdown_omi_romania/OMI-Aura_L3-OMNO2d_monthly.nc",
                 "s2_landsat_cbers_s1_rio-tiler_mocks/sentinel-s2-l1c/tiles/19/U/DP/2017/7/29/0/B10.jp2",
                 "s2_landsat_cbers_s1_rio-tiler_mocks/sentinel-s2-l1c/tiles/19/U/DP/2017/7/29/0/preview.jp2",
                 "s2_antimeridian_mapchete_01W/sentinel-s2-l2a/"
                 "S2B_OPER_MSI_L2A_TL_2BPS_20230604T002457_A032603_T01WCR/SCL.jp2",
                 "landsat8_dem_landcover_spDataLarge/dem.tif", "landsat8_dem_landcover_spDataLarge/nlcd.tif"):
        files.append(os.path.join(DATA, name))
    files = [f for f in files if os.path.isfile(f)]
    small = subprocess.run([sys.executable, "-c", SMALL] + files, stdout=subprocess.PIPE, check=True).stdout
    return small.decode().splitlines() + made_files()


def made_files():
    """Compressions and formats that the data lack, of a small picture."""
    base = os.path.join(DATA, "landsat7_stars/tif/L7_ETMs.tif")
    made = []
    for i, options in enumerate(("-of PNG -b 1 -b 2 -b 3", "-of JPEG -b 1 -b 2 -b 3", "-of WEBP -b 1 -b 2 -b 3", "-of GIF -b 1",
                                 "-of HFA -co COMPRESSED=YES", "-of ENVI", "-co COMPRESS=LZW -co TILED=YES", "-co COMPRESS=ZSTD",
                                 "-co COMPRESS=LERC -ot Float32", "-co COMPRESS=LZMA -co PREDICTOR=2", "-co COMPRESS=PACKBITS",
                                 "-co COMPRESS=JPEG -b 1 -b 2 -b 3 -co PHOTOMETRIC=YCBCR", "-co COMPRESS=WEBP -b 1 -b 2 -b 3",
                                 "-co COMPRESS=CCITTFAX4 -co NBITS=1 -b 1", "-of COG -co COMPRESS=DEFLATE",
                                 "-of GTiff -co BIGTIFF=YES -co INTERLEAVE=BAND -co COMPRESS=DEFLATE -co PREDICTOR=2",
                                 "-of GTiff -co ENDIANNESS=BIG", "-of GRIB -b 1", "-of netCDF -co FORMAT=NC4 -co COMPRESS=DEFLATE",
                                 "-of JP2OpenJPEG", "-of VRT", "-of Zarr", "-of NITF -b 1", "-of AAIGrid -b 1", "-of PCIDSK")):
        to = os.path.join(TMP, "made%d" % i)
        if os.system("gdal_translate -q %s '%s' '%s' >/dev/null 2>&1" % (options, base, to)) == 0 and os.path.isfile(to):
            made.append(to)
    return made


def damage(rng, text):
    """The bytes cut short, or some bits of them turned; the head, where the lies are, more often."""
    kind = rng.random()
    if kind < 0.3:
        return text[:rng.randrange(len(text))]
    b = bytearray(text)
    reach = len(b) if rng.random() < 0.5 else min(len(b), 2048)
    if rng.random() < 0.2:
        reach, base = min(len(b), 2048), len(b) - min(len(b), 2048)  # the tail holds some directories
    else:
        base = 0
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        b[base + rng.randrange(reach)] ^= 1 << rng.randrange(8)
    if kind > 0.9 and len(b) > 64:  # a hole
        at = rng.randrange(len(b) - 32)
        b[at:at + 32] = bytes(32)
    return bytes(b)


def damaged(pool, count, seed):
    rng = random.Random(seed)
    good = seeds(rng)
    tap.note("%d damaged copies of %d files, TELLUA_SEED=%d" % (count, len(good), seed))
    plan = [(good[i % len(good)], rng.randrange(1 << 30)) for i in range(count)]
    keep = os.environ.get("TELLUA_KEEP")

    def one(item):
        i, (path, key) = item
        bad = os.path.join(TMP, "bad%d%s" % (i, os.path.splitext(path)[1]))
        tap.write(bad, damage(random.Random(key), tap.read(path)))
        result = run(bad, "bad%d" % i)
        if keep and faults(*result):
            shutil.copy(bad, keep)
        os.unlink(bad)
        return result

    sums = {}
    slowest = biggest = (0, "")
    for (path, key), (r, left) in zip(plan, pool.map(one, enumerate(plan))):
        name = os.path.relpath(path, DATA) if path.startswith(DATA) else os.path.basename(path)
        entry = sums.setdefault(name, [0, 0, []])
        entry[1 if r.status else 0] += 1
        wrong = faults(r, left)
        if wrong:
            entry[2].append("damage %d: %s\n%s" % (key, "; ".join(wrong), r))
        slowest = max(slowest, (r.seconds, name))
        biggest = max(biggest, (r.rss, name))
    for name, (pixels, errors, wrong) in sorted(sums.items()):
        tap.ok(not wrong, "damaged copies of %s: %d give pixels, %d an error" % (name, pixels, errors), *wrong)
    tap.note("damaged: slowest %.2f s %s; largest %.0f MiB %s" % (*slowest, biggest[0] / 2**20, biggest[1]))


with concurrent.futures.ThreadPoolExecutor(2) as workers:
    whole_files(workers, "hostile_gdal_autotest", lambda name, r: [])
    whole_files(workers, "awkward", expected, 4 * SECONDS)  # one is 140 Mpx, honestly
    damaged(workers, int(os.environ.get("TELLUA_MUTATIONS", "300")), int(os.environ.get("TELLUA_SEED", "20161107")))
tap.done()
