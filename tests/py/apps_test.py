#!/usr/bin/python3
"""The apps that come with Tellua, served as a viewer meets them, and the map of a session at the prompt.
test-timeout: 300. SPDX-License-Identifier: MIT"""
import json
import os
import shutil
import subprocess
import tempfile
import urllib.request

from tap import TELLUA, differ, done, np, ok, tellua, write
from mapserver import Server, middle_of, tile_at
from pngs import pixels

here = os.getcwd()
apps = os.path.join(here, "scripts", "apps")
top = tempfile.mkdtemp(prefix="apps-")
os.chdir(top)
subprocess.run(["/usr/bin/python3", os.path.join(here, "tests", "make_collection.py")], check=True)
y, x = np.mgrid[0:300, 0:400]
write("dem.tif", [(400 + 250 * np.sin(x / 37.0) * np.cos(y / 29.0)).astype("float32")], transform=(500000, 30, 0, 5000000, 0, -30))


def view(script, tile, output, *settings):
    lon, lat = middle_of(*tile)
    tellua("view", script, "--output", output, "--center=%.12f,%.12f" % (lon, lat), "--zoom", tile[0],
           "--size", "256x256", "--png", "view.png", *settings)
    with open("view.png", "rb") as f:
        return pixels(f.read())


def tile_of(server, layer, tile):
    return pixels(server.get("tiles/%s/%d/%d/%d.png" % ((layer["key"],) + tile))[2])


def app(name, settings, layers, change, output):
    """Serves it; `change` = (parameter, value, a value that is refused): its tiles are those of views, before and after."""
    script = os.path.join(apps, name + ".lua")
    given = [word for s in settings for word in ("-p", s)]
    server = Server(script, *given)
    try:
        shown = server.layers()
        ok(sorted(shown) == sorted(layers), "%s shows %s" % (name, ", ".join(layers)), sorted(shown))
        box = shown[output]["box"]
        tile = tile_at((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, 14)
        before = tile_of(server, shown[output], tile)
        ok((before[3] > 0).sum() > 500 and differ(view(script, tile, output, *given), before) == "",
           "... a tile of %s is the view" % output, "%d cells" % (before[3] > 0).sum())
        parameter, value, wrong = change
        answer = server.json("apps/" + name, {"params": {parameter: value}})
        after = tile_of(server, {l["name"]: l for l in answer["layers"]}[output], tile)
        ok((after != before).any() and
           differ(view(script, tile, output, *given, "-p", "%s=%s" % (parameter, value)), after) == "",
           "... with %s = %s another one, the view with that parameter" % (parameter, value))
        offered = {p["name"] for p in server.json("layers")["apps"][0]["params"]}
        ok(not offered & {s.split("=")[0] for s in settings}, "... what the command line said is not the viewer's to set", offered)
        for bad in ({parameter: wrong}, {settings[0].split("=")[0]: "elsewhere"}, {"nothing": 1}):
            status, _, body = server.get("apps/" + name, data={"params": bad})
            ok(400 <= status < 500 and json.loads(body)["error"]["message"], "... %s is refused" % bad, "%d %s" % (status, body))
    finally:
        ok(server.stop() == 0, "... and it ends well", server.stderr())


app("dem_explorer", ["dem=dem.tif"], ["relief", "height"], ("azimuth", 90, 400), "relief")
app("collection_explorer", ["source=scenes.json"], ["median", "scenes"], ("cloud", 20, 101), "median")
app("sentinel2_explorer", ["source=scenes.json", "colours=red only"], ["red only", "NDVI", "above the threshold"],
    ("how", "max", "worst"), "NDVI")

# --- the prompt's map: outputs that are named stay on it, whenever it was opened ---------------------


def layers_at(url):
    with urllib.request.urlopen(url + "layers", timeout=60) as answer:
        return {l["name"]: l["key"] for a in json.load(answer)["apps"] for l in a["layers"]}


session = subprocess.Popen([TELLUA if os.path.isabs(TELLUA) else os.path.join(here, TELLUA)], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)


def enter(text):
    """Runs the entry, and waits for its end: what it printed last."""
    session.stdin.write(text + '\nprint("the", "end")\n')
    said = []
    for line in session.stdout:
        if line == "the\tend\n":
            break
        said.append(line.rstrip("\n"))
    return said[-1] if said else ""


enter('output("height", Image "dem.tif", {ramp = "terrain"})')
url = enter("print(Map{port = 0}:url())")
first = layers_at(url)
ok(list(first) == ["height"], "a map begins with the outputs that were shown last", first)
enter('output("slope", (Image "dem.tif"):slope(), {ramp = "magma", min = 0, max = 45})')
second = layers_at(url)
ok(list(second) == ["slope", "height"] and second["height"] == first["height"], "an output of a later entry comes on top", second)
enter('output("height", Image "dem.tif" * 2, {ramp = "terrain"})')
third = layers_at(url)
ok(sorted(third) == ["height", "slope"] and third["height"] != first["height"] and third["slope"] == second["slope"],
   "and replaces the layer of its name", third)
enter('Map():remove "slope"')
ok(list(layers_at(url)) == ["height"], "until it is removed", layers_at(url))
said = enter('output("nowhere", Image { { 1, 2 }, { 3, 4 } })')
ok("no place on a map" in said and list(layers_at(url)) == ["height"], "what has no place on a map is refused", said)
enter('output("steep", Image "dem.tif" * 3, {ramp = "terrain"})')
ok(list(layers_at(url)) == ["steep", "height"], "and what comes after it is shown", layers_at(url))
session.stdin.close()
ok(session.wait(timeout=60) == 1, "the session ends as the entry that failed says", session.stdout.read())
os.chdir(here)
shutil.rmtree(top)
done()
