#!/usr/bin/python3
# What needs the whole Image, and what is asked of strangers' neighbourhoods: Ctrl-C, clients that leave, the room for
# temporary files, CPU time. test-timeout: 300. SPDX-License-Identifier: MIT
import json
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import numpy as np

import tap
from mapserver import Server, tile_at
from tap import done, note, ok, tellua

SEED = int(os.environ.get("TEST_SEED", "77"))
note("seed %d" % SEED)
os.chdir(tap.SCRATCH)
rng = np.random.RandomState(SEED)
SLOW = 1 if os.environ.get("CONFIG", "release") == "release" else 10


def script(name, text):
    with open(name, "w") as f:
        f.write(text)
    return name


def has_file(pid):
    """Whether it has such a temporary file in memory: it is computing then."""
    try:
        with open("/proc/%d/maps" % pid) as f:
            return "/.tellua-" in f.read()
    except OSError:
        return False


def wait_until(good, seconds=60):
    end = time.monotonic() + seconds
    while not good() and time.monotonic() < end:
        time.sleep(0.002)
    return good()


# --- Ctrl-C -----------------------------------------------------------------------------------------
big = rng.randint(0, 2, (1000, 1000)).astype("uint8").repeat(4, 0).repeat(4, 1)
tap.write("big.tif", [big], options=["TILED=YES", "COMPRESS=DEFLATE"])
for what, code in (("components", "components()"), ("sieve", "sieve(100)"), ("distance", "distance()")):
    script("s.lua", 'output("o", Image("big.tif"):%s)' % code)
    began = time.monotonic()
    tellua("run", "s.lua", "--quiet", "--threads", 2, "--out", "out")
    whole, worst = time.monotonic() - began, 0
    for k in range(4):
        p = subprocess.Popen([tap.TELLUA, "run", "s.lua", "--quiet", "--threads", "2", "--out", "gone"], stderr=subprocess.PIPE)
        there = wait_until(lambda: has_file(p.pid) or p.poll() is not None) and has_file(p.pid)
        time.sleep(k * whole / 8)  # another moment of the work each time
        began = time.monotonic()
        p.send_signal(signal.SIGINT)
        _, err = p.communicate()
        if p.returncode == 130:
            worst = max(worst, time.monotonic() - began)
        elif not (k and p.returncode == 0):
            there = False
            break
    ok(there and worst < 0.5 * SLOW, "Ctrl-C ends %s within %.3f s, of %.1f s" % (what, worst, whole), (p.returncode, worst, err))

# --- the map: clients that leave, room for the files --------------------------------------------------
lon, lat = 15.02, 45.13
cells = rng.randint(0, 3, (1500, 1500)).astype("uint8")
tap.write("cells.tif", [cells], names=["v"])


def serve(*args):
    script("map.lua", """
output("patches", Image("cells.tif"):component_size(), {min = 1, max = 100})
output("plain", Image("cells.tif"), {min = 0, max = 3})
output("big", Image("big.tif"):sieve(100), {min = 0, max = 1})""")
    return Server("map.lua", "--threads", "2", *args)


server = serve("--temp", "13M", "--no-tile-cache")


def tile(name, z, where=(lon, lat)):
    key = server.layers()[name]["key"]
    return server.get("tiles/%s/%d/%d/%d.png" % ((key,) + tile_at(*where, z)))


status, _, body = tile("plain", 14)
ok(status == 200, "a layer of cells alone", (status, body[:200]))
answers = [tile("patches", z)[0] for z in (13, 12, 11, 13, 12)]
ok(answers == [200] * 5, "a zoom after the other has the room of that before", answers)
status, _, body = tile("patches", 16)
ok(status >= 400 and b"--temp" in body and b"may take 13 " in body, "more than there is room for is told", (status, body))
ok(tile("patches", 12)[0] == 200 and tile("plain", 12)[0] == 200, "and the server goes on")
ok(server.stop() == 0, "no leaks", server.stderr())

server = serve()
key = server.layers()["big"]["key"]
s = socket.create_connection(("127.0.0.1", server.port))
s.sendall(("GET /tiles/%s/%d/%d/%d.png HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % ((key,) + tile_at(15.2, 45.0, 14) + (server.port,))).encode())
there = wait_until(lambda: has_file(server.process.pid))
s.close()
began = time.monotonic()


def running():
    return server.metrics().get("tellua_running", -1)


idle = wait_until(lambda: running() == 0)
took = time.monotonic() - began
ok(there and idle and took < 1 * SLOW, "a client that leaves ends the work, in %.3f s" % took, (there, running(), took))
ok(server.get("tiles/%s/%d/%d/%d.png" % ((key,) + tile_at(15.2, 45.0, 14)))[0] == 200, "another gets the tile")
ok(server.stop() == 0, "no leaks", server.stderr())

# --- strangers: CPU time ---------------------------------------------------------------------------------
tap.write("grey.tif", [rng.randint(0, 64, (1500, 1500)).astype("uint8")], names=["v"])
script("t.lua", """
local grey, sum = Image "%s", 0
for step = 1, 12 do
  sum = sum + grey:glcm{levels = 64, min = 0, max = 64, size = 15, step = step}.contrast
end
output("small", Image("%s"):glcm{levels = 8, min = 0, max = 64}.contrast)
output("near", Image("%s"):gt(62):distance{max = 20})
output("large", sum)""" % ((os.path.abspath("grey.tif"),) * 3))
plan = json.loads(tellua("plan", "t.lua", "--json")[0])["plan"]
server = serve("--root", os.getcwd())
looks = {n: {"ramp": "gray", "min": 0, "max": 100} for n in ("small", "near", "large")}
layers = {l["name"]: l["key"] for l in server.json("plans", {"plan": plan, "looks": looks})["layers"]}
for name in ("small", "near"):
    status, _, body = server.get("tiles/%s/%d/%d/%d.png" % ((layers[name],) + tile_at(15.1, 45.1, 14)))
    ok(status == 200, "a stranger's " + name, (status, body[:300]))


def cpu():
    return sum(map(int, open("/proc/%d/stat" % server.process.pid).read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")


before = cpu()
status, _, body = server.get("tiles/%s/%d/%d/%d.png" % ((layers["large"],) + tile_at(15.1, 45.1, 14)))
ok(status >= 400 and b"more than the 10 s of CPU time" in body, "a dozen textures end", (status, body[:300]))
ok(9 < cpu() - before < 12, "after 10 s of CPU time: %.1f" % (cpu() - before))
ok(server.stop() == 0, "no leaks", server.stderr())
done()
