#!/usr/bin/python3
"""The map's page in a real browser: tiles, identify, widgets, swipe, dates, stretch, link.
Screenshots are kept in the build folder. test-timeout: 400.
test-not-under: asan the browser waits in real time; map_test covers the server
SPDX-License-Identifier: MIT"""
import json
import os
import shutil
import sys
import tempfile
import urllib.parse

from tap import TELLUA, Raster, done, note, np, ok, tellua, write
from mapserver import Server

try:
    import websocket  # noqa: F401
    if not shutil.which("chromium"):
        raise ImportError("chromium")
except ImportError as missing:
    print("1..0 # SKIP needs chromium and python3-websocket (%s)" % missing)
    sys.exit(0)
from chromium import Page

top = tempfile.mkdtemp(prefix="page-")
shots = os.path.join(os.path.dirname(os.path.abspath(TELLUA)), "screenshots")
rng = np.random.default_rng(11)
y, x = np.mgrid[0:500, 0:700]


def dated(k):
    grow = 0.5 + 0.5 * np.sin(k * 0.9)
    nir = 1500 + 1800 * grow * np.exp(-(((x - 250) / 170.0) ** 2 + ((y - 250) / 150.0) ** 2)) + rng.integers(0, 60, x.shape)
    return nir.astype("uint16")


red = (900 + 300 * np.sin(x / 60.0) * np.cos(y / 50.0) + rng.integers(0, 60, x.shape)).astype("uint16")
scene = write(os.path.join(top, "scene.tif"), [red, dated(2)], names=["B04", "B08"])
days = ["2021-%02d-10" % m for m in range(3, 9)]
for k, day in enumerate(days):
    write(os.path.join(top, "nir_%s.tif" % day.replace("-", "")), [dated(k)], names=["B08"])
script = os.path.join(top, "vegetation.lua")
with open(script, "w") as f:
    f.write("""local gain = param("gain", 1.0, {min = 0.5, max = 2, label = "gain of the index"})
local least = param("least", 20, {min = 0, max = 60, label = "threshold, percent"})
local colours = param("colours", "viridis", {choices = {"viridis", "magma", "terrain"}, label = "colours"})
local s = Image "%s"
local ndvi = (s:band "B08" - s:band "B04") / (s:band "B08" + s:band "B04") * gain
output("index", ndvi, {ramp = colours, min = -0.2, max = 0.8})
output("green", (ndvi:ge(least / 100)), {palette = {[0] = {"#d8d2c4", "bare"}, [1] = {"#2f8f4e", "green"}}})
output("season", Collection("%s", {pattern = "nir_{date}.tif"}), {ramp = "magma", min = 1000, max = 3500})
""" % (scene, top))
try:
    server = Server(script, "--store", os.path.join(top, "plans"), "--watch")
except RuntimeError as e:
    print("1..1\nnot ok 1 - the server starts\n# %s" % e)
    sys.exit(1)
page = Page()
QUIET = "tellua.state.layers.length >= 3 && tellua.state.layers.every(l => !l.tiles || !l.tiles.isLoading())"


def shot(name):
    return page.screenshot(os.path.join(shots, name + ".png"))


def settle():
    page.wait(QUIET)


def layer(name):
    return "tellua.state.layers.find(l => l.info.name === %s)" % json.dumps(name)


def seen(name):
    """A few numbers that stand for the pixels of a layer's tiles, as the browser shows them."""
    return page.js("""(async () => { const out = []; for (const t of %s.tiles.getContainer().querySelectorAll('img.leaflet-tile-loaded')) {
        await t.decode(); const c = document.createElement('canvas'); c.width = c.height = 256; const g = c.getContext('2d');
        g.drawImage(t, 0, 0); const d = g.getImageData(0, 0, 256, 256).data; let h = 0, n = 0;
        for (let i = 0; i < d.length; i += 4) { n += d[i + 3] > 0; h = (h * 31 + d[i] * 7 + d[i + 1] * 3 + d[i + 2] + d[i + 3]) %% 4294967291; }
        out.push([h, n]); } return out; })()""" % layer(name))


try:
    page.open(server.url)
    page.wait("window.tellua && tellua.ready")
    settle()
    tiles = seen("index")
    ok(len(tiles) > 3 and sum(n for _, n in tiles) > 20000, "the page shows tiles of the script's outputs", tiles)
    shot("1-open")
    ok(page.js("[...document.querySelectorAll('.layer .name')].map(e => e.textContent)") == ["index", "green", "season"],
       "the panel lists them")
    ok(page.js("document.querySelectorAll('.layer[data-layer=green] .legend .class').length") == 2 and
       page.js("document.querySelector('.layer[data-layer=index] .legend .ends').textContent").startswith("-0.2"),
       "each with its legend")
    outside = [u for u in page.requests() if not u.startswith(server.url) and not u.startswith("data:")]
    ok(outside == [], "nothing outside of the server is asked for", outside)

    # identify: a real click in the middle of the data
    box = page.js("(() => { const b = %s.info.box, p = tellua.state.map.latLngToContainerPoint([(b[1]*0.4+b[3]*0.6), (b[0]*0.55+b[2]*0.45)]); "
                  "return [p.x, p.y]; })()" % layer("index"))
    page.click(*box)
    page.wait("document.querySelector('#result .steps') && !document.getElementById('result').hidden")
    shown = page.js("document.querySelector('#result .value').textContent")
    place = page.js("(() => { const p = tellua.state.map.containerPointToLatLng([%f, %f]); return [p.lng, p.lat]; })()" % tuple(box))
    full = server.json("identify?layer=index&lon=%.12f&lat=%.12f&zoom=12" % tuple(place))["full"]
    tellua("run", script, "--output", "index", "--out", top, "--format", "gtiff")
    product = Raster(os.path.join(top, "index.tif"))
    want = float(product.values[0][int((product.transform[3] - full["y"]) // 10)][int((full["x"] - product.transform[0]) // 10)])
    ok(abs(float(shown) - want) < 1e-6, "a click identifies what `tellua run` writes in that cell", "%s, run: %r" % (shown, want))
    steps = page.js("[...document.querySelectorAll('#result .steps')][0].querySelectorAll('tr').length")
    ok(steps == 7, "with a row for every step of the chain", steps)
    ok("green" in page.js("document.getElementById('result').textContent"), "and the name of the class")
    page.wait("document.querySelector('#result .chart .line')")
    ok(page.js("document.querySelectorAll('#result .chart .dot').length") == len(days), "a dated layer is drawn as a series there")
    shot("2-identify")
    page.js("document.querySelector('#result .close').click()")

    # a widget: how long until the tiles are those of the new parameter
    before = seen("index")
    keys = page.js("tellua.state.layers.map(l => l.info.key)")
    took = page.js("""(async () => { const s = document.querySelector('input[name="gain-slider"]'), t = performance.now();
        s.value = 1.6; s.dispatchEvent(new Event('input')); const old = %s.info.key;
        while (%s.info.key === old || %s.tiles.isLoading()) await new Promise(f => requestAnimationFrame(f));
        return performance.now() - t; })()""" % (layer("index"), layer("index"), layer("index")))
    settle()
    after = seen("index")
    ok(before != after, "moving a widget changes the tiles")
    limit = 1000 * (1 if os.environ.get("CONFIG", "release") == "release" else 8)
    note("tiles were there %.0f ms after the widget moved" % took)
    ok(took < 4 * limit, "soon after", "%.0f ms" % took)
    kept = page.js("tellua.state.layers.map(l => l.info.key)")
    ok(kept[2] == keys[2] and kept[0] != keys[0], "and leaves layers alone that do not depend on it")
    page.js("(() => { const s = document.querySelector('select[name=colours]'); s.value = 'magma'; s.dispatchEvent(new Event('change')); })()")
    page.wait("%s.info.looks.ramp === 'magma'" % layer("index"))
    settle()
    shot("3-widget")

    # histogram and stretch
    page.js("document.querySelector('.layer[data-layer=index] .to-histogram').click()")
    page.wait("document.querySelector('.layer[data-layer=index] .histogram .handle')")
    h = page.js("(() => { const r = document.querySelector('.layer[data-layer=index] .handle[data-end=\"1\"]').getBoundingClientRect();"
                " return [r.x + r.width / 2, r.y + 20]; })()")
    page.drag(h[0], h[1], h[0] - 90, h[1])
    page.wait("%s.info.legend.max < 0.7" % layer("index"))
    settle()
    ok(page.js("%s.looks.max" % layer("index")) < 0.7, "dragging a limit of the histogram stretches the layer")
    shot("4-stretch")

    # dates
    page.js("(() => { const s = document.querySelector('.layer[data-layer=season] .dates'); s.value = 4; s.dispatchEvent(new Event('input')); })()")
    page.wait("%s.t === 4" % layer("season"))
    settle()
    ok(days[4] in page.js("document.querySelector('.layer[data-layer=season] .time').textContent"), "the time slider names the date")
    page.js("tellua.state.layers.slice(0, 2).forEach(l => document.querySelector(`.layer[data-layer=${l.info.name}] input[type=checkbox]`).click())")
    settle()
    shot("5-date")
    page.js("tellua.state.layers.slice(0, 2).forEach(l => document.querySelector(`.layer[data-layer=${l.info.name}] input[type=checkbox]`).click())")
    settle()

    # swipe, dragged
    page.js("document.getElementById('tool-swipe').click()")
    d = page.js("(() => { const r = document.querySelector('#divider span').getBoundingClientRect(); return [r.x + 17, r.y + 17]; })()")
    page.drag(d[0], d[1], 900, d[1])
    clip = page.js("tellua.state.map.getPane('layer-' + tellua.state.layers[0].id).style.clip")
    other = page.js("tellua.state.map.getPane('layer-' + tellua.state.layers[1].id).style.clip")
    ok(clip.startswith("rect(") and other == "" and abs(page.js("parseFloat(document.getElementById('divider').style.left)") - 900) < 3,
       "swipe clips the top layer at the line that was dragged", clip)
    shot("6-swipe")
    page.js("document.getElementById('tool-swipe').click()")

    # an area, drawn
    page.js("document.getElementById('tool-draw').click()")
    for px, py in ((640, 300), (820, 320), (760, 480)):
        page.click(px, py)
    page.js("void tellua.state.map.fire('dblclick')")
    page.wait("document.querySelector('#result h2').textContent === 'Area'")
    area = server.json("area")
    ok(area.get("type") == "Polygon" and len(area["coordinates"][0]) == 4, "an area that is drawn reaches the server", area)
    shot("7-area")

    # the link
    link = page.js("tellua.link()")
    says = json.loads(urllib.parse.unquote(link[1:]))
    ok(says["apps"]["vegetation"]["values"]["colours"] == "magma", "the link says parameters, layers and place", says)
    page.open("about:blank")
    page.open(server.url + link)
    page.wait("window.tellua && tellua.ready")
    settle()
    ok(page.js("[%s.info.looks.ramp, %s.t, %s.looks.max < 0.7].join()" % (layer("index"), layer("season"), layer("index"))) == "magma,4,true",
       "and shows the same again")
    shot("8-link")

    tellua("submit", script, "--output", "index", "--job", os.path.join(top, "index.job"), "--tasks", "2", "--wait")
    page.open("about:blank")
    page.open(server.url)
    page.wait("document.querySelector('#jobs .job')")
    ok("2 of 2" in page.js("document.querySelector('#jobs').textContent"), "the page tells how far jobs are",
       page.js("document.querySelector('#jobs').textContent"))
    shot("9-jobs")

    page.click(*page.js("(() => { const r = document.querySelector('#jobs .job').getBoundingClientRect(); return [r.x + 20, r.y + 5]; })()"))
    page.wait("tellua.state.apps.length === 2 && tellua.state.layers.length === 4")
    ok(page.js("tellua.state.layers.filter(l => l.app !== 'vegetation').map(l => l.info.name).join()") == "index",
       "a click on a job shows its product")

    # the script changes while the page is open
    settle()
    before = seen("green")
    with open(script) as f:
        text = f.read()
    with open(script + ".new", "w") as f:
        f.write(text.replace("#2f8f4e", "#3f51b5").replace('output("season"', 'output("months"'))
    os.rename(script + ".new", script)
    page.wait("tellua.state.layers.some(l => l.info.name === 'months')")
    settle()
    ok(page.js("[...document.querySelectorAll('.layer .name')].map(e => e.textContent)")[:3] == ["index", "green", "months"]
       and seen("green") != before, "a script that changes while the page is open changes what it shows")
    shot("10-watch")
    bad = page.complaints()
    ok(bad == [], "the page had nothing to complain about", bad)
except BaseException:
    shot("9-failed")
    note("the page said: %s" % page.complaints())
    server.stop()
    raise
finally:
    page.close()
status = server.stop()
ok(status == 0, "the server ends well", "%d %s" % (status, server.stderr()))
note("screenshots: " + shots)
shutil.rmtree(top)
done()
