#!/usr/bin/python3
"""The map server: tiles are views, values are those of runs, plans and stores.
test-timeout: 400. SPDX-License-Identifier: MIT"""
import json
import os
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
import time

from tap import Raster, differ, done, gdal, note, np, ok, tellua, write
from mapserver import HALF, Server, middle_of, tile_at
from pngs import pixels

top = tempfile.mkdtemp(prefix="map-")
data = os.path.join(top, "data")
os.makedirs(data)


def make_scene(path, seed=5):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:600, 0:800]
    red = (800 + 300 * np.sin(x / 40.0) + rng.integers(0, 90, x.shape)).astype("uint16")
    nir = (2000 + 900 * np.cos(y / 55.0) + rng.integers(0, 90, x.shape)).astype("uint16")
    red[0:40, 0:60] = nir[0:40, 0:60] = 0
    write(path, [red, nir], nodata=0, names=["B04", "B08"], options=["TILED=YES", "BLOCKXSIZE=128", "BLOCKYSIZE=128"])
    ds = gdal.Open(path, gdal.GA_Update)
    ds.BuildOverviews("NEAREST", [2, 4, 8])
    ds = None


scene = os.path.join(data, "scene.tif")
make_scene(scene)
script = os.path.join(top, "ndvi.lua")
TEXT = """local gain = param("gain", 1.0, {min = 0.5, max = 2, label = "gain"})
local s = Image "%s"
local ndvi = (s:band "B08" - s:band "B04") / (s:band "B08" + s:band "B04") * gain
output("ndvi", ndvi, {ramp = "viridis", min = -0.2, max = 0.9})
output("bands", s, {rgb = {"B08", "B04", "B04"}, stretch = {percent = {2, 98}}})
""" % scene
with open(script, "w") as f:
    f.write(TEXT)
LON, LAT = 15.03, 45.13


def view(z, x, y, output, side=256, file=script, *more):
    lon, lat = middle_of(z, x, y, side)
    png = os.path.join(top, "view.png")
    zoom = z + {256: 0, 512: 1, 1024: 2}[side]
    tellua("view", file, "--output", output, "--center=%.12f,%.12f" % (lon, lat), "--zoom", zoom,
           "--size", "%dx%d" % (side, side), "--png", png, *more)
    with open(png, "rb") as f:
        return pixels(f.read())


store = os.path.join(top, "plans")
server = Server(script, "--store", store, "--root", data, "--threads", 2)

# ---------------------------------------------------------------------------------------------- tiles

for z in (9, 12, 14, 15, 17):
    t = tile_at(LON, LAT, z)
    for name in ("ndvi", "bands"):
        status, head, body = server.get("tiles/%s/%d/%d/%d.png" % ((name,) + t))
        got = pixels(body)
        why = differ(view(*t, name), got)
        ok(status == 200 and why == "" and got[3].any(), "a tile of %s at zoom %d is the view of that window" % (name, z), why)
t = tile_at(LON, LAT, 13)
for scale in (2, 4):
    got = pixels(server.get("tiles/ndvi/%d/%d/%d@%dx.png" % (t + (scale,)))[2])
    ok(differ(view(*t, "ndvi", 256 * scale), got) == "", "a tile of %d pixels is the view %s zooms deeper" % (256 * scale, scale // 2))
png = pixels(server.get("tiles/bands/%d/%d/%d.png" % t)[2])
webp = pixels(server.get("tiles/bands/%d/%d/%d.webp" % t)[2], "x.webp")
seen = png[3] > 0
ok(differ(png[:3], webp[:3], np.broadcast_to(seen, (3, 256, 256))) == "" and (webp[3] > 0).tolist() == seen.tolist(),
   "WebP and PNG hold the same pixels")
status, head, body = server.get("tiles/ndvi/9/0/0.png")
ok(status == 200 and not pixels(body)[3].any(), "a tile far from the data is transparent")
layers = server.layers()
key = layers["ndvi"]["key"]
_, by_key, body_key = server.get("tiles/%s/%d/%d/%d.png" % ((key,) + t))
_, by_name, body_name = server.get("tiles/ndvi/%d/%d/%d.png" % t)
ok("immutable" in by_key["Cache-Control"] and by_name["Cache-Control"] == "no-cache" and body_key == body_name,
   "by key a tile may be kept for ever, by name it is asked again")
status, _, _ = server.get("tiles/ndvi/%d/%d/%d.png" % t, {"If-None-Match": by_name["ETag"]})
ok(status == 304, "and answered 304 while it is the same", status)

# ------------------------------------------------------------------------------------------- identify

run_dir = os.path.join(top, "run")
tellua("run", script, "--output", "ndvi", "--out", run_dir, "--format", "gtiff")
product = Raster(os.path.join(run_dir, "ndvi.tif"))


def at(raster, x, y):
    g = raster.transform
    col, row = int((x - g[0]) // g[1]), int((y - g[3]) // g[5])
    if not (0 <= col < raster.size[0] and 0 <= row < raster.size[1]):
        return None
    return float(raster.values[0][row][col]) if raster.valid[0][row][col] else None


worst, n = 0, 0
for lon, lat in ((15.01, 45.15), (15.03, 45.13), (15.09, 45.11), (15.0005, 45.1535)):
    a = server.json("identify?layer=ndvi&lon=%f&lat=%f&zoom=12" % (lon, lat))
    want, got = at(product, a["full"]["x"], a["full"]["y"]), a["full"]["values"][0]
    n += (want is None) == (got is None)
    if want is not None and got is not None:
        worst = max(worst, abs(float(np.float32(got)) - want))
    cell = a["shown"]["cell"]
    tellua("run", script, "--output", "ndvi", "--out", run_dir, "--format", "gtiff", "--crs", "EPSG:3857", "--res", repr(cell))
    seen = Raster(os.path.join(run_dir, "ndvi.tif"))
    want, got = at(seen, a["shown"]["x"], a["shown"]["y"]), a["shown"]["values"][0]
    same = (want is None) == (got is None) and (want is None or float(np.float32(got)) == want)
    n += same
    if not same:
        note("%g, %g as shown: run has %s, identify %s" % (lon, lat, want, got))
ok(n == 8 and worst == 0, "identify gives what run writes there, at full resolution and as shown", "%d of 8, off by %g" % (n, worst))
a = server.json("identify?layer=ndvi&lon=%f&lat=%f&zoom=14" % (LON, LAT))
labels = [s["label"] for s in a["steps"]]
ok(labels == ["B08 of scene.tif", "B04 of scene.tif", "B08 - B04", "B08 + B04", "(B08 - B04) / (B08 + B04)",
              "((B08 - B04) / (B08 + B04)) * 1"], "with the value after every step", labels)
by = {s["label"]: s["full"] for s in a["steps"]}
ok(by["B08 - B04"] == by["B08 of scene.tif"] - by["B04 of scene.tif"] and
   by["(B08 - B04) / (B08 + B04)"] == by["B08 - B04"] / by["B08 + B04"], "which follow from each other", by)
ok(all("ndvi.lua:" in s["where"] for s in a["steps"]), "and the script's line of each", [s["where"] for s in a["steps"]])
h = server.json("histogram?layer=ndvi&bbox=15.0,45.1,15.1,45.2&bins=20")["bands"][0]
ok(sum(h["counts"]) == h["count"] > 1000 and h["min"] >= product.values[product.valid].min() - 1e-6
   and abs(h["mean"] - product.values[product.valid].mean()) < 0.02, "the histogram of the view is near that of the product", h)

# --------------------------------------------------------------------------------- parameters and looks

before = server.metrics()
answer = server.json("apps/ndvi", {"params": {"gain": 1.5}})
new = {l["name"]: l for l in answer["layers"]}
ok(new["ndvi"]["key"] != key and new["bands"]["key"] == layers["bands"]["key"],
   "another parameter makes a new layer of what depends on it, and of nothing else")
other = pixels(server.get("tiles/%s/%d/%d/%d.png" % ((new["ndvi"]["key"],) + t))[2])
ok(differ(view(*t, "ndvi", 256, script, "-p", "gain=1.5"), other) == "", "whose tiles are the view with that parameter")
styled = server.json("style/" + key, {"ramp": "magma", "min": 0, "max": 1})
third = pixels(server.get("tiles/%s/%d/%d/%d.png" % ((styled["key"],) + t))[2])
after = server.metrics()
miss = 'tellua_cache_misses_total{cache="reads"}'
ok(after[miss] == before[miss] and (third != other).any(), "other colours read nothing from the file",
   "%g misses before, %g after" % (before[miss], after[miss]))
with open(os.path.join(top, "magma.lua"), "w") as f:
    f.write(TEXT.replace('ramp = "viridis", min = -0.2, max = 0.9', 'ramp = "magma", min = 0, max = 1'))
ok(differ(view(*t, "ndvi", 256, os.path.join(top, "magma.lua")), third) == "", "and are those of a script that says so")
for path, body, why in (("apps/ndvi", {"params": {"nothing": 1}}, "no parameter"), ("apps/ndvi", {"params": {"gain": 7}}, "gain"),
                        ("apps/none", {"params": {}}, "no script"), ("style/" + key, {"ramp": "no such"}, "ramp")):
    status, _, text = server.get(path, data=body)
    ok(400 <= status < 500 and why in json.loads(text)["error"]["message"], "%s %s is refused and says why" % (path, body), text)
with open(os.path.join(top, "path.lua"), "w") as f:
    f.write('local file = param("file", "%s")\nlocal area = param("area", "")\nlocal k = param("k", 1)\n'
            'output("p", Image(file) * k, {rgb = {"B04", "B08", "B08"}, region = area ~= "" and area or nil})' % scene)
for args, names in ((["-p", "file=" + scene], ["area", "k"]), ([], ["file", "area", "k"])):
    third_party = Server(os.path.join(top, "path.lua"), "--store", store, *args)
    declared = [p["name"] for p in third_party.json("layers")["apps"][0]["params"]]
    ok(declared == names, "viewers are offered the parameters that the command line left open: %s" % names, declared)
    answers = [third_party.get("apps/path", data={"params": {"file": v}})[0] for v in
               (scene, "/vsicurl/http://127.0.0.1:1/x", "../x.tif", "NETCDF:x", "<VRTDataset/>", '{"type":"x"}')]
    ok(set(answers) == {400}, "and cannot make the script read another file", answers)
    area = json.dumps({"type": "Polygon", "coordinates": [[[15.01, 45.12], [15.03, 45.12], [15.03, 45.14], [15.01, 45.12]]]})
    ok(third_party.get("apps/path", data={"params": {"area": area}})[0] == 200, "an area is taken")
    third_party.stop()
status, _, _ = server.get("apps/ndvi", {"Content-Type": "text/plain"}, b"{}")
ok(status == 400, "what a page of another site can send unasked is refused", status)

# ------------------------------------------------------------------------------------------------ plans

plan = json.loads(tellua("plan", script, "--json", "--output", "ndvi")[0])
posted = server.json("plans", dict(plan, looks={"ndvi": {"ramp": "viridis", "min": -0.2, "max": 0.9}}))
ok(posted["key"] == plan["key"] and server.json("plans/" + plan["key"])["plan"] == plan["plan"], "a plan is kept under its key")
of_plan = pixels(server.get("tiles/%s/%d/%d/%d.png" % ((posted["layers"][0]["key"],) + t))[2])
ok(differ(pixels(body_key), of_plan) == "", "its tiles are those of the script")
tellua("run", script, "--output", "ndvi", "--out", run_dir, "--format", "gtiff")
with open(os.path.join(top, "product.lua"), "w") as f:
    f.write('output("ndvi", Image "%s", {ramp = "viridis", min = -0.2, max = 0.9})' % os.path.join(run_dir, "ndvi.tif"))
deep = tile_at(LON, LAT, 15)
of_plan = pixels(server.get("tiles/%s/%d/%d/%d.png" % ((posted["layers"][0]["key"],) + deep))[2])
resampled = view(*deep, "ndvi", 256, os.path.join(top, "product.lua"))
ok((of_plan != resampled).any(axis=0).mean() < 0.001, "and at the deepest zooms the product's, resampled",
   "%d pixels differ (float32 rounds)" % (of_plan != resampled).any(axis=0).sum())


def refused(what, p, why):
    status, _, text = server.get("plans", data=p)
    ok(status == 400 and why in json.loads(text)["error"]["message"], what, "%d %s" % (status, text[:300]))


def with_source(uri, **more):
    p = json.loads(json.dumps(plan["plan"]))
    p["sources"][0] = dict(p["sources"][0], uri=uri, **more)
    return p


outside = os.path.join(top, "outside.tif")
shutil.copy(scene, outside)
vrt = os.path.join(data, "x.vrt")
with open(vrt, "w") as f:
    f.write('<VRTDataset rasterXSize="1" rasterYSize="1"/>')
os.symlink(outside, os.path.join(data, "link.tif"))
fifo = os.path.join(data, "fifo.tif")
os.mkfifo(fifo)
for name, uri in (("a file outside of the roots", outside), ("/etc/passwd", "/etc/passwd"),
                  ("a way out by ..", data + "/../outside.tif"), ("a link that leads out", data + "/link.tif"),
                  ("a name of GDAL's", "/vsicurl/http://127.0.0.1:1/x.tif"), ("XML", "<VRTDataset/>"), ("a pipe", fifo), ("a VRT", vrt)):
    refused("a plan that reads %s is refused" % name, with_source(uri), "")
answers = [json.loads(server.get("plans", data=with_source(uri))[2])["error"]["message"].replace(uri, "X")
           for uri in (outside, os.path.join(top, "none.tif"))]
ok(answers[0] == answers[1], "nobody learns what exists elsewhere", answers)
refused("a plan whose key does not fit is refused", {"key": "0" * 64, "plan": plan["plan"]}, "another key")
with open(os.path.join(top, "f.lua"), "w") as f:
    f.write('local function f(B04, B08) local t = "" .. B04 return B08 + #t end\noutput("f", Image "%s":execute(f))\n'
            % scene)
slow = json.loads(tellua("plan", os.path.join(top, "f.lua"), "--json")[0])
jailed = server.json("plans", slow["plan"])
mine = jailed["layers"][0]["key"]
before = server.get("tiles/%s/%d/%d/%d.png" % ((mine,) + t))
ok(before[0] == 200 and server.json("healthz")["jail"]["workers"] > 0, "a function that does not compile runs in the jail", before[:2])
endless = json.loads(json.dumps(slow["plan"]).replace('return B08 + #t end', 'while #t > 0 do end return B08 end'))
ok(endless != slow["plan"], "the plan is made one that never ends")
status, _, text = server.get("plans", data=endless)
if status == 200:
    status, _, text = server.get("tiles/%s/%d/%d/%d.png" % ((json.loads(text)["layers"][0]["key"],) + t))
ok(status in (400, 429), "one that never ends is stopped", "%d %s" % (status, text[:300]))
ok(server.get("tiles/%s/%d/%d/%d.png" % ((mine,) + t))[2] == before[2], "and harms nobody else")
again = Server(script, "--root", data, "--store", store)
ok(again.get("tiles/%s/%d/%d/%d.png" % ((mine,) + t))[2] == before[2] and again.json("healthz")["jail"]["workers"] > 0,
   "another server on the store runs it in its jail, too")
again.stop()
with open(os.path.join(top, "g.lua"), "w") as f:
    f.write('local function g(B04, B08) if B04 > 900 then return B08 end return 0 end\noutput("g", Image "%s":execute(g))\n'
            % scene)
fast = server.json("plans", json.loads(tellua("plan", os.path.join(top, "g.lua"), "--json")[0])["plan"])
ok(server.get("tiles/%s/%d/%d/%d.png" % ((fast["layers"][0]["key"],) + t))[0] == 200, "one that compiles is taken")

# ------------------------------------------------------------------------------------------------- jobs

ok(server.json("jobs")["jobs"] == [], "no jobs yet", server.json("jobs"))
tellua("submit", script, "--job", os.path.join(top, "j.job"), "--output", "ndvi", "--tasks", "2", "--wait")
jobs = server.json("jobs")["jobs"]
ok(len(jobs) == 1 and jobs[0]["state"] == "done" and jobs[0]["done"] == jobs[0]["total"] and top not in json.dumps(jobs),
   "a job that was submitted is told, without folders", jobs)

# what is finished of a job is a layer, and more of it as more is finished
half = os.path.join(top, "half.job")
tellua("submit", script, "--job", half, "--output", "ndvi", "--tasks", "2", "--dry-run")
ident = [j["id"] for j in server.json("jobs")["jobs"] if j["done"] == 0][0]


def on_the_map():
    shown = server.json("jobs/" + ident, {})
    layer = [a for a in server.json("layers")["apps"] if a["id"] == shown["app"]][0]["layers"][0]
    return layer, pixels(server.get("tiles/%s/%d/%d/%d.png" % ((layer["key"],) + tile_at(LON, LAT, 10)))[2])


tellua("task", half, "0")
first, some = on_the_map()
tellua("task", half, "1")
second, more = on_the_map()
tellua("task", half, "merge")
_, whole = on_the_map()
counts = [int((p[3] > 0).sum()) for p in (some, more, whole)]
ok(first["name"] == "ndvi" and 100 < counts[0] < counts[1] == counts[2] and first["key"] != second["key"],
   "the pixels of a job's finished tasks are on the map, and more as more finish", counts)
ok(differ(more, whole) == "", "until they are those of the product")
status, _, body = server.get("jobs/elsewhere", data={})
ok(status == 404 or status == 400 and "no job" in json.loads(body)["error"]["message"], "a job that is not there is refused", "%d %s" % (status, body))

# --------------------------------------------------------------------------------- other programs' formats

tj = server.json("tilejson/ndvi.json")
ok(tj["tiles"] == [server.url + "tiles/ndvi/{z}/{x}/{y}.png"] and tj["bounds"][0] < 15.0001, "TileJSON names the tiles", tj)
_, _, text = server.get("tilejson/ndvi.json", {"X-Forwarded-Prefix": "/gis/map", "X-Forwarded-Host": "example.org", "X-Forwarded-Proto": "https"})
ok(json.loads(text)["tiles"] == ["https://example.org/gis/map/tiles/ndvi/{z}/{x}/{y}.png"], "also behind a proxy", text)
ds = gdal.Open("WMTS:" + server.url + "wmts,layer=ndvi")
ok(ds is not None and ds.RasterCount in (3, 4), "GDAL reads the WMTS capabilities")
ds = None

# -------------------------------------------------------------------------------------------- bad weather

burst = []
for i in range(400):
    s = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    s.sendall(b"GET /tiles/%s/18/%d/%d.png HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"ndvi", 142000 + i % 20, 94000 + i // 20))
    burst.append(s)
busy = 0
for i, s in enumerate(burst):
    if i % 2:
        s.close()  # half of them go away
for s in burst[::2]:
    head = s.recv(65536)
    busy += head.startswith(b"HTTP/1.1 503") and b"Retry-After" in head
    s.close()
m = server.metrics()
ok(server.json("healthz")["status"] == "ok" and m["tellua_dropped_total"] + busy > 0 and m["tellua_tiles_failed_total"] == 0,
   "400 tiles at once, half of them abandoned: the server goes on", "%d busy, %g dropped" % (busy, m["tellua_dropped_total"]))
note("%d busy, %g dropped" % (busy, m["tellua_dropped_total"]))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    try:
        s.connect(("192.0.2.1", 9))  # sends nothing: it asks which address would be used
        address = s.getsockname()[0]
    except OSError:
        address = "127.0.0.1"
if address.startswith("127."):
    note("this host has no other address; not tried")
else:
    try:
        socket.create_connection((address, server.port), timeout=5).close()
        ok(False, "the server listens on loopback alone", address)
    except OSError:
        ok(True, "the server listens on loopback alone")
status = server.stop()
ok(status == 0, "it ends at once and leaves nothing open", "%d: %s" % (status, server.stderr()))
second = Server("--store", store)
ok(differ(pixels(body_key), pixels(second.get("tiles/%s/%d/%d/%d.png" % ((key,) + t))[2])) == "",
   "another server with the same store shows the layer by its key")
ok(second.stop() == 0, "and ends well", second.stderr())

# ------------------------------------------------------------------------------------------------- --watch

server = Server(script, "--store", store, "--watch")


def listen(to):
    s = socket.create_connection(("127.0.0.1", to.port), timeout=60)
    s.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    text = s.recv(65536)
    while b"hello" not in text:
        text += s.recv(65536)
    return s


def replace(what):
    with open(script + ".new", "w") as f:
        f.write(what)
    os.rename(script + ".new", script)


def rewrite(what):
    replace(what)
    told = b""
    while b"event: layers" not in told or not told.endswith(b"\r\n"):
        told += events.recv(65536)
    return told


events = listen(server)
rewrite(TEXT.replace('output("bands"', 'output("pair"'))
ok(sorted(server.layers()) == ["ndvi", "pair"], "a script that changes is shown at once", sorted(server.layers()))
told = rewrite(TEXT.replace("gain = param", "gain == param"))
ok(b"ndvi.lua:1" in told and top.encode() not in told and sorted(server.layers()) == ["ndvi", "pair"], "one that is wrong leaves what was, and says the line", told)
events.close()
ok(server.stop() == 0, "no handle is left", server.stderr())

# A text that takes long, and its successor while it still runs: what is shown in the end is the last.
replace(TEXT)
server = Server(script, script, "--store", store, "--watch", "--threads", 4)
events = listen(server)
runs = server.metrics()["tellua_script_runs_total"]
replace("for i = 1, 2e8 do end\n" + TEXT.replace('output("bands"', 'output("old"'))
while server.metrics()["tellua_script_runs_total"] < runs + 2:
    time.sleep(0.02)
replace(TEXT.replace('output("bands"', 'output("new"'))
told = b""
while told.count(b"event: layers") < 4:
    told += events.recv(65536)
shown = [sorted(l["name"] for l in a["layers"]) for a in server.json("layers")["apps"]]
ok(shown == [["ndvi", "new"], ["ndvi", "new"]], "of two changes in a row the last is shown, in every app of the script", shown)
events.close()
ok(server.stop() == 0, "no handle is left", server.stderr())

# --------------------------------------------------------------------------------------------------- Redis



class HangsUp(socketserver.StreamRequestHandler):
    """A store that closes each connection after one answer, as one does with those that are idle."""
    kept = {}

    def handle(self):
        words = []
        for _ in range(int(self.rfile.readline()[1:] or 0)):
            words.append(self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2])
        if words[:1] == [b"SET"]:
            self.kept[words[1]] = words[2]
            self.wfile.write(b"+OK\r\n")


hangs_up = socketserver.ThreadingTCPServer(("127.0.0.1", 0), HangsUp)
hangs_up.daemon_threads = True
threading.Thread(target=hangs_up.serve_forever, daemon=True).start()
with open(script, "w") as f:
    f.write(TEXT)
server = Server(script, "--store", "redis://127.0.0.1:%d" % hangs_up.server_address[1])
apps = server.json("layers")["apps"]
ok(len(HangsUp.kept) == 2 and [a["error"] for a in apps] == [""], "a store's idle connection that was closed is no error", apps)
ok(server.stop() == 0, "it ends well", server.stderr())
hangs_up.shutdown()
hangs_up.server_close()

if shutil.which("redis-server"):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    redis = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", top,
                              "--requirepass", "secret"], stdout=subprocess.PIPE, text=True)
    for line in redis.stdout:
        if "Ready to accept" in line:
            break
    threading.Thread(target=redis.stdout.read, daemon=True).start()
    url = "redis://:secret@127.0.0.1:%d/1" % port
    with open(script, "w") as f:
        f.write(TEXT)
    one = Server(script, "--store", url)
    key = one.layers()["ndvi"]["key"]
    first = one.get("tiles/%s/%d/%d/%d.png" % ((key,) + t))[2]
    two = Server("--store", url.replace(":secret@", ""), env={"REDISCLI_AUTH": "secret"})
    ok(two.get("tiles/%s/%d/%d/%d.png" % ((key,) + t))[2] == first, "two servers share their layers through Redis")
    redis.terminate()
    redis.wait()
    status, head, _ = two.get("plans/" + "0" * 64)
    ok(status == 503 and head["Retry-After"], "without Redis what is not at hand is 503", status)
    ok(two.get("tiles/%s/%d/%d/%d.png" % ((key,) + t))[0] == 200, "and what is at hand goes on")
    ok(one.stop() == 0 and two.stop() == 0, "both end well", one.stderr() + two.stderr())
else:
    note("no redis-server: not tried")
os.unlink(fifo)
shutil.rmtree(top)
done()
