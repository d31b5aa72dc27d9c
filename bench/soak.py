#!/usr/bin/python3
"""Ten minutes of 64 clients that come and go: memory stays, nothing fails, nothing is left.

SECONDS=600 CLIENTS=64 soak.py; exit 0 when the resident memory (median of each minute, of a tenth of shorter runs)
stayed within 5 % of that of the second minute, no tile failed, and the server ended without a leak. SPDX-License-Identifier: MIT"""
import http.client
import os
import random
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "py"))
from tap import np, write, gdal  # noqa: E402
from mapserver import Server, tile_at  # noqa: E402

seconds, clients = float(os.environ.get("SECONDS", "600")), int(os.environ.get("CLIENTS", "64"))
seed = int(os.environ.get("TELLUA_SEED", "7"))
print("seed %d, %d clients, %g s" % (seed, clients, seconds))
top = tempfile.mkdtemp(prefix="soak-")
rng = np.random.default_rng(seed)
bands = [rng.integers(300, 4000, (3000, 3000)).astype("uint16") for _ in range(2)]
scene = write(os.path.join(top, "scene.tif"), bands, names=["B04", "B08"], options=["TILED=YES", "COMPRESS=DEFLATE"])
ds = gdal.Open(scene, gdal.GA_Update)
ds.BuildOverviews("NEAREST", [2, 4, 8, 16])
ds = None
script = os.path.join(top, "s.lua")
with open(script, "w") as f:
    f.write('local gain = param("gain", 1.0, {min = 0.5, max = 2})\nlocal s = Image "%s"\n'
            'output("ndvi", (s:band "B08" - s:band "B04") / (s:band "B08" + s:band "B04") * gain, {ramp = "viridis"})' % scene)
server = Server(script, "--store", os.path.join(top, "plans"), "--cache", "96M")
end, lock = time.monotonic() + seconds, threading.Lock()
done, failed, left = [0], [], [0]


def one(c, r):
    z = r.choice((9, 11, 12, 13, 14, 15, 16))
    _, x, y = tile_at(15 + r.random() * 0.35, 45.15 - r.random() * 0.25, z)
    what = r.random()
    if what < 0.06:
        c.request("GET", "/identify?layer=ndvi&lon=%f&lat=%f&zoom=%d" % (15 + r.random() * 0.3, 45 + r.random() * 0.1, z))
    elif what < 0.09:
        c.request("POST", "/apps/s", '{"params":{"gain":%g}}' % r.choice((0.6, 0.9, 1.3)), {"Content-Type": "application/json"})
    else:
        c.request("GET", "/tiles/ndvi/%d/%d/%d%s" % (z, x, y, r.choice((".png", ".png", ".webp", "@2x.png"))))
    if r.random() < 0.2:
        c.close()
        with lock:
            left[0] += 1
        return
    a = c.getresponse()
    a.read()
    with lock:
        done[0] += 1
        if a.status not in (200, 503):
            failed.append(a.status)


def client(k):
    r = random.Random(seed * 1000 + k)
    while time.monotonic() < end:
        c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        try:
            for _ in range(r.randrange(1, 30)):
                if time.monotonic() < end:
                    one(c, r)
        except (http.client.HTTPException, OSError) as e:
            with lock:
                failed.append(repr(e))
        c.close()


def resident():
    with open("/proc/%d/statm" % server.process.pid) as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1048576


threads = [threading.Thread(target=client, args=(k,)) for k in range(clients)]
began = time.monotonic()
for t in threads:
    t.start()
first, seen = min(60, seconds / 10), []
while time.monotonic() < end:
    time.sleep(min(5, seconds / 60))
    mib, at = resident(), time.monotonic() - began
    if at >= first:
        seen.append(mib)
    if len(seen) % 12 == 1 or at < first:
        print("%6.0f s  %7.1f MiB  %d answered, %d left" % (at, mib, done[0], left[0]), flush=True)
for t in threads:
    t.join()
m = server.metrics()
files = len(os.listdir("/proc/%d/fd" % server.process.pid))
status = server.stop()
# Medians of a tenth of the time each: single looks catch windows that are being read.
size = max(1, len(seen) // 9)
medians = [sorted(seen[i:i + size])[size // 2] for i in range(0, len(seen) - size + 1, size)]
growth = (max(medians) / medians[0] - 1) * 100
print("%d answered, %d left, %d failed %s; after the first %g s memory grew by %.1f %% at most (median of a minute); %g tiles failed, %d descriptors, exit %d"
      % (done[0], left[0], len(failed), failed[:5], first, growth, m["tellua_tiles_failed_total"], files, status))
if status:
    print(server.stderr())
shutil.rmtree(top)
sys.exit(1 if growth > 5 or failed or m["tellua_tiles_failed_total"] or status else 0)
