#!/usr/bin/python3
"""Clients of the map whose requests are well formed and mean harm, or want more than there is room for.
SPDX-License-Identifier: MIT"""
import glob
import json
import os
import shutil
import socket
import tempfile

from tap import done, np, ok, tellua, write
from mapserver import Server, tile_at
from pngs import pixels

top = tempfile.mkdtemp(prefix="clients-")
data = os.path.join(top, "data")
os.makedirs(data)
values = np.arange(40000, dtype="uint16").reshape(200, 200) % 200 + 1
scene = write(os.path.join(data, "scene.tif"), [values], names=["B1"])
outside = write(os.path.join(top, "outside.tif"), [values], names=["B1"])
t = tile_at(15.005, 45.145, 12)


def script(name, text):
    path = os.path.join(top, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def tile(server, layer, at=t):
    return server.get("tiles/%s/%d/%d/%d.png" % ((layer,) + at))


app = script("s.lua", 'local n = param("n", 1, {min = 0, max = 1000})\noutput("x", Image "%s" * n, {min = 0, max = 1000})' % scene)
store = os.path.join(top, "plans")
server = Server(app, "--root", data, "--store", store)
ok(pixels(tile(server, "x")[2])[3].any(), "the app's layer has pixels in the tile that is looked at")

alias = tile(server, "x", (t[0] + 2 ** 32,) + t[1:])[0]
ok(alias == 400, "a zoom of more bits than an int is none", alias)

# A plan and a layer's document lie in one store: a plan that calls itself a layer as well, whose own plan reads
# what clients may not.
own = os.path.join(top, "own")
other = Server(script("o.lua", 'output("o", Image "%s", {min = 0, max = 200})' % outside), "--store", own)
other.stop()
with open(glob.glob(own + "/*.json")[0]) as f:
    layer = json.load(f)
plan = json.loads(tellua("plan", app, "--json")[0])["plan"]
status, _, text = server.get("plans", data={"plan": dict(layer, plan=dict(plan, plan=layer["plan"]))})
key = json.loads(text)["key"] if status == 200 else "0" * 64
got = tile(server, key)
ok(got[0] != 200, "a plan that is a layer's document as well reads nothing outside of the roots", got)
deep = server.get("plans", data={"plan": {"plan": plan}})
ok(deep[0] == 400 and b"within a plan" in deep[2], "a plan within a plan is refused", deep)

far = json.loads(json.dumps(plan))
far["outputs"][0]["grid"]["extent"] = [2 ** 63 - 1, 0, 5, 5]
status, _, text = server.get("plans", data=far)
ok(status == 400 and b"damaged" in text, "a plan whose cells cannot be counted is refused", (status, text[:300]))

# A viewer's text that is GeoJSON, and to GDAL the description of a raster.
named = script("n.lua", 'output("n", Image(param("scene", "%s")), {min = 0, max = 200})' % scene)
xml = ("<VRTDataset rasterXSize='200' rasterYSize='200'><SRS>EPSG:32633</SRS><GeoTransform>500000,10,0,5000000,0,-10</GeoTransform>"
       "<VRTRasterBand dataType='UInt16' band='1'><SimpleSource><SourceFilename>%s</SourceFilename><SourceBand>1</SourceBand>"
       "</SimpleSource></VRTRasterBand></VRTDataset>" % outside)
viewers = Server(named)
for what, text in (("a VRT within GeoJSON", {"type": "Point", "coordinates": [0, 0], "x": xml}),
                   ("JSON of a type that is not GeoJSON's", {"type": "gdal_streamed_alg", "coordinates": []})):
    got = viewers.get("apps/n", data={"params": {"scene": json.dumps(text)}})
    ok(got[0] == 400 and b"viewers may send" in got[2], "%s is no text for viewers to send" % what, got[::2])
area = {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [15, 45]}}
got = viewers.get("apps/n", data={"params": {"scene": json.dumps(area)}})
ok(b"viewers may send" not in got[2], "GeoJSON is", got[::2])
viewers.stop()

# What a layer's document says of the server's files is nobody's business.
status, _, text = server.get("plans/" + server.layers()["x"]["key"])
ok(status == 404 and top.encode() not in text, "a layer's document is not given as a plan", (status, text[:300]))

status, _, text = server.get("jobs/%FF", data={})
ok(status == 404, "what no JSON can hold is not \"the server is ending\"", (status, text))

# Values further apart than there are numbers.
wide = script("w.lua", 'output("w", (Image "%s" - 100.5) * 1.7e306)' % scene)
wide = {"plan": json.loads(tellua("plan", wide, "--json")[0])["plan"], "looks": {"w": {"min": 0, "max": 1}}}
wide = server.json("plans", wide)["layers"][0]["key"]
h = server.json("histogram?layer=%s&bbox=15,45.1,15.03,45.2" % wide)["bands"][0]
ok(sum(h["counts"]) == h["count"] > 0 and h["counts"][0] > 0 and h["counts"][-1] > 0, "a histogram of values 3e308 apart", h)
ok(server.stop() == 0, "the server lives, and ends well", server.stderr()[-2000:])

# More layers than are kept in memory, without a store.
server = Server(app, env={"HOME": "", "XDG_CACHE_HOME": ""})
first = server.json("apps/s", {"params": {"n": 2}})["layers"][0]["key"]
for n in range(3, 300):
    server.json("apps/s", {"params": {"n": n}})
ok(tile(server, "x")[0] == 200, "the app's own layer stays when viewers have made hundreds of others", tile(server, "x"))
again = server.json("apps/s", {"params": {"n": 2}})["layers"][0]["key"]
ok(again == first and tile(server, again)[0] == 200, "parameters that were asked for long ago give a layer again", tile(server, again))

# Two requests in one packet, while the server ends: the second must not begin.
s = socket.create_connection(("127.0.0.1", server.port), timeout=60)
deep = b"GET /tiles/x/20/%d/%d.png HTTP/1.1\r\nHost: localhost\r\n\r\n"
s.sendall(b"".join(deep % (k, k) for k in range(40)))
status = server.stop()
ok(status == 0, "a server that ends while requests wait in line ends well", "%d: %s" % (status, server.stderr()[-2000:]))
s.close()
shutil.rmtree(top)
done()
