#!/usr/bin/python3
# Runs that are killed, interrupted, doubled, watched. SPDX-License-Identifier: MIT
# test-timeout: 180
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap
from tap import finish, ok, start, tellua

TMP = os.environ.get("TMPDIR", "/tmp")
os.chdir(TMP)
# Noise of its own, in tiles; the function costs enough that a run takes some seconds.
SIZE = 4000 if not tap.SANITIZED else 1500
subprocess.run([sys.executable, "-c", """
import numpy
from osgeo import gdal
gdal.UseExceptions()
n = %d
ds = gdal.GetDriverByName("GTiff").Create("in.tif", n, n, 2, gdal.GDT_UInt16, ["TILED=YES", "BLOCKXSIZE=256", "BLOCKYSIZE=256"])
ds.SetGeoTransform([500000, 10, 0, 5000000, 0, -10])
ds.SetProjection("EPSG:32633")
noise = numpy.random.RandomState(1)
for b in (1, 2):
    for y in range(0, n, 500):
        ds.GetRasterBand(b).WriteArray(noise.randint(0, 10000, (500, n)).astype("uint16"), 0, y)
""" % SIZE], check=True)
SCRIPT = tap.script("""
local k = param("k", 1)
local image = Image "in.tif"
local a, b = image:select "B1", image:select "B2"
local s = a * 0.5
for i = 1, 40 do s = s + (a * i + b):sqrt() * k / (b + i) end
output("o", s, {tile = 256})
""")
BASE = ["run", SCRIPT, "--threads", "2"]


def tiles_stored(out):
    """Whole records in the index of the job folder."""
    try:
        return max(0, (os.stat(os.path.join(out, ".o.job/local.idx")).st_size - 96) // 48)
    except OSError:
        return 0


def wait_for_tiles(p, out, n):
    """Until n tiles are stored; False when the run ended before. A product must never be there."""
    until = time.monotonic() + 60 * tap.SLOWER
    while time.monotonic() < until:
        if tiles_stored(out) >= n:
            return True
        if os.waitid(os.P_PID, p.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return False
        time.sleep(0.005)
    return False


def left(out):
    return sorted(os.listdir(out))


whole = tellua(*BASE, "--out", "whole", "--json")
report = json.loads(whole.out)
ok(whole.status == 0 and report["blocks"]["kept"] == 0, "an uninterrupted run", whole)
WHOLE = tap.read("whole/o.tif")
BLOCKS = report["blocks"]["done"]
SOME = BLOCKS // 8  # overviews' tiles are among those stored, a third at most
tap.note("%d blocks in %.2f s" % (BLOCKS, report["seconds"]["total"]))


def resumed(out, least, sentence):
    r = tellua(*BASE, "--out", out, "--resume", "--json")
    b = json.loads(r.out)["blocks"] if r.status == 0 else {}
    ok(r.status == 0 and b["kept"] >= least and b["kept"] + b["done"] == BLOCKS,
       "%s: --resume keeps at least %d of %d blocks" % (sentence, least, BLOCKS), b, r)
    ok(r.status == 0 and tap.read(out + "/o.tif") == WHOLE, "... and gives the bytes of an uninterrupted run")
    ok(left(out) == ["o.tif"], "... and leaves nothing else", left(out))


# --- killed ------------------------------------------------------------------------------------------
p = start(*BASE, "--out", "killed")
there = wait_for_tiles(p, "killed", 2 * SOME)
os.kill(p.pid, signal.SIGKILL)
r = finish(p)
ok(there and r.status == -signal.SIGKILL and left("killed") == [".o.job"], "a killed run leaves its blocks alone", r)
resumed("killed", SOME, "killed once")

for k in range(6):
    p = start(*BASE, "--out", "often", *(["--resume"] if k else []))
    wait_for_tiles(p, "often", SOME * (k + 2) // 2)
    time.sleep(0.003 * k)
    os.kill(p.pid, signal.SIGKILL)
    finish(p)
resumed("often", SOME, "killed six times")

# While it assembles the product: the last blocks are stored by then.
old = tap.read("whole/o.tif")[:1000]
os.makedirs("merging", exist_ok=True)
tap.write("merging/o.tif", old)
p = start(*BASE, "--out", "merging")
until = time.monotonic() + 60 * tap.SLOWER
while time.monotonic() < until and not [f for f in left("merging") if ".tmp-" in f]:
    if os.waitid(os.P_PID, p.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        break
os.kill(p.pid, signal.SIGKILL)
r = finish(p)
if r.status == -signal.SIGKILL and tap.read("merging/o.tif") == old:
    ok(True, "a run killed while assembling leaves the old product")
else:
    tap.skip("a run killed while assembling leaves the old product", "it was too quick")
    shutil.rmtree("merging")
resumed("merging", BLOCKS if os.path.isdir("merging") else 0, "killed while assembling")

# --- interrupted ---------------------------------------------------------------------------------------
for sig in (signal.SIGINT, signal.SIGTERM):
    out = "out-" + sig.name
    p = start(*BASE, "--out", out)
    there = wait_for_tiles(p, out, 2 * SOME)
    os.kill(p.pid, sig)
    r = finish(p)
    lines = r.lines()
    ok(there and r.status == 130 and len(lines) == 1 and "interrupted" in lines[0] and "--resume" in lines[0] and
       r.seconds < 20 * tap.SLOWER, sig.name + " ends a run with status 130 and a word about --resume", r)
    resumed(out, SOME, sig.name)
p = start("run", tap.script("while true do end", "endless.lua"))
time.sleep(0.5 * tap.SLOWER)
os.kill(p.pid, signal.SIGINT)
r = finish(p)
ok(r.status == 130 and len(r.lines()) == 1, "SIGINT ends a script that does not end: status 130", r)

# --- afresh, changed, doubled ----------------------------------------------------------------------------
p = start(*BASE, "--out", "afresh")
wait_for_tiles(p, "afresh", SOME)
os.kill(p.pid, signal.SIGKILL)
finish(p)
r = tellua(*BASE, "--out", "afresh", "--resume", "-p", "k=2")
ok(r.status == 2 and len(r.lines()) == 1 and "--resume" in r.err and "another plan" in r.err and left("afresh") == [".o.job"],
   "--resume with other parameters is refused, the blocks stay", r)
r = tellua(*BASE, "--out", "afresh", "--json")
ok(r.status == 0 and json.loads(r.out)["blocks"]["kept"] == 0 and tap.read("afresh/o.tif") == WHOLE,
   "without --resume a run starts afresh", r)
r = tellua(*BASE, "--out", "fresh", "--resume", "--json")
ok(r.status == 0 and json.loads(r.out)["blocks"]["kept"] == 0, "--resume with nothing to resume just runs", r)

for resume in ([], ["--resume"]):
    out = "double%d" % len(resume)
    p = start(*BASE, "--out", out)
    there = wait_for_tiles(p, out, 5)
    r = tellua(*BASE, "--out", out, *resume)
    ok(there and r.status == 1 and len(r.lines()) == 1 and "in use" in r.err,
       "a second run into the same place is refused" + (" with --resume, too" if resume else ""), r)
    first = finish(p)
    ok(first.status == 0 and tap.read(out + "/o.tif") == WHOLE and left(out) == ["o.tif"], "... and the first one ends well", first)
both = [start(*BASE, "--out", "race") for _ in range(4)]
ends = sorted((finish(p) for p in both), key=lambda e: e.status)
ok(ends[0].status == 0 and all(e.status == 0 or (e.status == 1 and len(e.lines()) == 1) for e in ends) and
   tap.read("race/o.tif") == WHOLE and left("race") == ["o.tif"], "four runs started at once: one product, the others refused",
   left("race"), *ends)

# --- watched -----------------------------------------------------------------------------------------------
os.makedirs("watched", exist_ok=True)
tap.write("watched/o.tif", old)
p = start(*BASE, "--out", "watched")
seen = set()
while True:
    data = tap.read("watched/o.tif")
    seen.add("old" if data == old else "new" if data == WHOLE else "half, %d bytes" % len(data))
    if os.waitid(os.P_PID, p.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        break
    time.sleep(0.002)
r = finish(p)
seen.add("new" if tap.read("watched/o.tif") == WHOLE else "not new")
ok(seen == {"old", "new"}, "a reader sees the old product or the new one, never a part", seen, r)

# --- a source that blocks --------------------------------------------------------------------------------
os.mkfifo("pipe.tif")
r = tellua("-e", 'Image "pipe.tif"', "--io-timeout", "1", limit=15)
ok(r.status in (1, 75) and len(r.lines()) == 1 and "pipe.tif" in r.err and r.seconds < 5 * tap.SLOWER,
   "a pipe as a raster is an error that names it, and does not wait for ever", r)
tap.write("slow.c", r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>
static void nap(int fd, off_t at)
{
    char link[64], name[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, name, sizeof name - 1);
    if (n > 0) {
        name[n] = 0;
        if (strstr(name, getenv("SLOW_FILE")) && at > 100000)
            sleep(60);
    }
}
ssize_t read(int fd, void *buf, size_t n)
{
    static ssize_t (*next)(int, void *, size_t);
    if (!next)
        next = dlsym(RTLD_NEXT, "read");
    nap(fd, lseek(fd, 0, SEEK_CUR));
    return next(fd, buf, n);
}
ssize_t pread64(int fd, void *buf, size_t n, off_t at)
{
    static ssize_t (*next)(int, void *, size_t, off_t);
    if (!next)
        next = dlsym(RTLD_NEXT, "pread64");
    nap(fd, at);
    return next(fd, buf, n, at);
}
ssize_t pread(int fd, void *buf, size_t n, off_t at)
{
    return pread64(fd, buf, n, at);
}
size_t fread(void *buf, size_t size, size_t n, FILE *f)
{
    static size_t (*next)(void *, size_t, size_t, FILE *);
    if (!next)
        next = dlsym(RTLD_NEXT, "fread");
    nap(fileno(f), lseek(fileno(f), 0, SEEK_CUR));
    return next(buf, size, n, f);
}
""")
cc = os.environ.get("CC", "cc").split()
if tap.SANITIZED or subprocess.run(cc + ["-shared", "-fPIC", "-o", "slow.so", "slow.c", "-ldl"]).returncode:
    tap.skip("a read that hangs", "nothing can be preloaded here")
else:
    env = tap.environment(LD_PRELOAD=os.path.abspath("slow.so"), SLOW_FILE="in.tif")
    for args, word in (([], "in.tif"), (["--json"], '"transient"')):
        r = tellua(*BASE, "--out", "slow", "--io-timeout", "1", *args, env=env, limit=30)
        ok(r.status == 75 and len(r.lines()) == 1 and "in.tif" in r.err and word in r.err and 0.9 < r.seconds < 8 and not r.out,
           "a read that hangs ends the process with status 75 and names the file%s" % (" in JSON" if args else ""), r)
    ok("o.tif" not in left("slow"), "... and there is no product", left("slow"))
    resumed("slow", 0, "after a read that hung")
tap.done()
