#!/usr/bin/python3
# Strangers' plans: run --jailed gives the same bytes, and reads below its roots alone.
# SPDX-License-Identifier: MIT
# test-timeout: 300
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap
from tap import TELLUA, ok
import numpy as np
from osgeo import gdal, osr

TMP = os.path.realpath(os.environ.get("TMPDIR", "/tmp"))
OPEN, CLOSED = os.path.join(TMP, "open"), os.path.join(TMP, "closed")
os.makedirs(OPEN)
os.makedirs(CLOSED)


def make(path, driver="GTiff", w=300, h=200, seed=1):
    rng = np.random.default_rng(seed)
    d = gdal.GetDriverByName(driver).Create(path, w, h, 2, gdal.GDT_UInt16)
    d.SetGeoTransform((500000, 10, 0, 4600000, 0, -10))
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(32633)
    d.SetProjection(srs.ExportToWkt())
    for b in (1, 2):
        d.GetRasterBand(b).WriteArray(rng.integers(0, 256, (h, w)).astype(np.uint16))
        d.GetRasterBand(b).SetDescription("B%d" % b)
    return path


def run(*args, **more):
    env = dict(os.environ, TELLUA_LEAKCHECK="1", **more)
    return subprocess.run([TELLUA] + list(args), capture_output=True, text=True, env=env)


def plan(text, name="plan.json", **changes):
    path = os.path.join(TMP, name)
    script = os.path.join(TMP, "s.lua")
    with open(script, "w") as f:
        f.write(text)
    p = run("plan", script, "--json")
    if p.returncode:
        raise RuntimeError(p.stderr)
    j = json.loads(p.stdout)
    j = j.get("plan", j)
    for key, value in changes.items():
        j[key] = value
    with open(path, "w") as f:
        json.dump(j, f)
    return path


def source(path, uri):
    """The plan, of another source."""
    j = json.load(open(path))
    j["sources"][0]["uri"] = uri
    with open(path, "w") as f:
        json.dump(j, f)
    return path


good = make(os.path.join(OPEN, "in.tif"))

# --- the same bytes -----------------------------------------------------------------------------------
SCRIPT = """
local img = Image("%s")
local k, t = 3, {1, 2.5, [7] = 4}
local function f(B1, B2) local d = (B2 - B1) / (B2 + B1) if d > 0.2 then return d * k end return nil end
local function g(B1) local s = tostring(B1) return #s end
local function h(B1) return near(B1, 1, 0) - near(B1, 0, -2) end
local function q(B1, B2) local s = string.rep("x", B1 %% 5) if B2 > 200 then error("no") end return #s, B1 > 100 end
local function r(B1, B2) return { a = B1 // B2, b = B1 > B2, c = t[B1] } end
output("f", img:execute(f))
output("g", img:execute(g))
output("h", img:execute(h))
output("q", img:execute(q, {bands = {"len", "big"}}))
output("r", img:execute(r))
output("e", img:expr "clamp(B1 - B2, 0, 7)")
""" % good
p = plan(SCRIPT)
a, b = os.path.join(TMP, "a"), os.path.join(TMP, "b")
first = run("run", p, "--out", a)
second = run("run", p, "--jailed", "--root", OPEN, "--out", b)
ok(first.returncode == 0 and second.returncode == 0, "both run", first.stderr + second.stderr)
for name in sorted(os.listdir(a)):
    x, y = open(os.path.join(a, name), "rb").read(), open(os.path.join(b, name), "rb").read()
    ok(x == y, "%s: what a jailed function gives is the same to the byte" % name)
# What Lua said stays in the jail; own functions are told of it.
ok("s.lua:7: 13040 pixels raised, first at column 3, row 0: no" in first.stderr, "own errors are told", first.stderr)
own = re.sub("row 0: no$", "row 0: the function raised an error", first.stderr, flags=re.M)
lines = [s for s in own.splitlines() if "raised" in s or "pixel" in s]
again = [s for s in second.stderr.splitlines() if "raised" in s or "pixel" in s]
ok(lines == again, "pixels that raise are reported alike", "%s\n%s" % (lines, again))
e = run("plan", p, "--jailed", "--root", OPEN)
ok(e.returncode == 0 and "interpreted" in e.stdout, "explain says what is interpreted, and why", e.stdout + e.stderr)
r = run("run", p, "--jailed", "--root", OPEN, "--out", b, TELLUA_WORKER="/nowhere")
ok(r.returncode == 78 and "cannot build the jail" in r.stderr, "without a jail nothing of a stranger's is run", r.stderr)

# --- functions that misbehave ----------------------------------------------------------------------------
p = plan('output("o", Image("%s"):execute(function(B1) local s = "" while true do s = s .. s .. "x" end return #s end))' % good)
r = run("run", p, "--jailed", "--root", OPEN, "--out", b)
ok(r.returncode == 1 and "not enough memory" in r.stderr, "a function that wants too much memory ends the run with one error", r.stderr)
j = json.load(open(plan(SCRIPT)))
for what, change in (("no text", {"text": 7}), ("a text that is none", {"text": "function("}), ("too many parameters", {"params": [{"band": 0}] * 9}),
                     ("no such band", {"params": [{"band": 99}, {"band": 1}]}), ("free names that are not its", {"free": []})):
    k = json.loads(json.dumps(j))
    k["functions"][0].update(change)
    path = os.path.join(TMP, "bad.json")
    json.dump(k, open(path, "w"))
    r = run("run", path, "--jailed", "--root", OPEN, "--out", b)
    ok(r.returncode == 1 and r.stderr.startswith("tellua: "), "a function with %s is one error" % what, "%d %s" % (r.returncode, r.stderr))

# --- sources -----------------------------------------------------------------------------------------------
p = plan('output("o", Image("%s"):select("B1"))' % good)
r = run("run", p, "--jailed", "--root", OPEN, "--out", b)
ok(r.returncode == 0, "a file below a root is read", r.stderr)
r = run("run", p, "--jailed", "--out", b)
ok(r.returncode == 1 and "open to others" in r.stderr, "without a root none is", r.stderr)

secret = make(os.path.join(CLOSED, "secret.tif"), seed=2)
os.symlink(secret, os.path.join(OPEN, "link.tif"))
os.symlink(CLOSED, os.path.join(OPEN, "folder"))
gdal.Translate(os.path.join(OPEN, "inner.vrt"), secret, format="VRT")
os.rename(os.path.join(OPEN, "inner.vrt"), os.path.join(OPEN, "vrt.tif"))
make(os.path.join(OPEN, "aux.tif"))
with open(os.path.join(OPEN, "aux.tif.aux.xml"), "w") as f:
    f.write('<PAMDataset><Metadata domain="GEOLOCATION"><MDI key="X_DATASET">%s</MDI><MDI key="X_BAND">1</MDI>'
            '<MDI key="Y_DATASET">%s</MDI><MDI key="Y_BAND">1</MDI></Metadata></PAMDataset>' % (secret, secret))
make(os.path.join(OPEN, "aux2.tif"))
os.symlink(secret, os.path.join(OPEN, "aux2.tif.aux.xml"))
make(os.path.join(OPEN, "ovr.tif"))
os.symlink(secret, os.path.join(OPEN, "ovr.tif.ovr"))
make(os.path.join(OPEN, "msk.tif"))
os.symlink(secret, os.path.join(OPEN, "msk.tif.msk"))
make(os.path.join(OPEN, "geo.tif"))
d = gdal.Open(os.path.join(OPEN, "geo.tif"), gdal.GA_Update)
d.SetMetadata({"X_DATASET": secret, "X_BAND": "1", "Y_DATASET": secret, "Y_BAND": "1", "PIXEL_OFFSET": "0", "LINE_OFFSET": "0",
               "PIXEL_STEP": "1", "LINE_STEP": "1"}, "GEOLOCATION")
d = None
inline = '<VRTDataset rasterXSize="300" rasterYSize="200"><VRTRasterBand dataType="UInt16" band="1"><SimpleSource><SourceFilename>%s</SourceFilename>' \
         "</SimpleSource></VRTRasterBand></VRTDataset>" % secret
for what, uri in (
        ("a file elsewhere", secret), ("a link to one", os.path.join(OPEN, "link.tif")), ("a linked folder", os.path.join(OPEN, "folder/secret.tif")),
        ("dots", os.path.join(OPEN, "../closed/secret.tif")), ("a relative path", "in.tif"), ("XML as a name", inline),
        ("a /vsi name", "/vsizip/" + good), ("vrt://", "vrt://" + secret), ("a driver's name", "GTIFF_DIR:1:" + secret),
        ("NETCDF:", 'NETCDF:"%s":x' % secret), ("a device", "/dev/zero"), ("a folder", OPEN), ("/vsicurl", "/vsicurl/http://127.0.0.1:1/x.tif"),
        ("/vsistdin", "/vsistdin/"), ("another user's /proc", "/proc/self/environ"), ("a VRT by another name", os.path.join(OPEN, "vrt.tif")),
        ("a side-car that points elsewhere", os.path.join(OPEN, "aux.tif")), ("a side-car that is elsewhere", os.path.join(OPEN, "aux2.tif")),
        ("overviews elsewhere", os.path.join(OPEN, "ovr.tif")), ("a mask elsewhere", os.path.join(OPEN, "msk.tif")),
        ("geolocation elsewhere", os.path.join(OPEN, "geo.tif"))):
    r = run("run", source(plan('output("o", Image("%s"):select("B1"))' % good), uri), "--jailed", "--root", OPEN, "--out", b)
    ok(r.returncode == 1 and r.stderr.startswith("tellua: ") and "is not what it was" not in r.stderr, "refused: " + what, "%d %s" % (r.returncode, r.stderr))

# --- sources within sources ------------------------------------------------------------------------------
deep = json.load(open(plan('output("o", Image("%s").B1:distance{max = 200})' % good)))
for levels, words in ((4, ""), (5, "within one another"), (20000, "within one another")):
    j = json.loads(json.dumps(deep))
    for _ in range(levels - 1):
        whole = dict(j["sources"][1], input=len(j["nodes"]) + 1)
        j["nodes"] += [{"const": 1}, {"op": "gt", "args": [j["outputs"][0]["nodes"][0], len(j["nodes"])]},
                       {"band": 1, "resample": "nearest", "source": len(j["sources"])}]
        j["sources"].append(whole)
        j["outputs"][0]["nodes"] = [len(j["nodes"]) - 1]
    j["lines"] = ["s.lua:1"] * len(j["nodes"])
    path = os.path.join(TMP, "deep.json")
    json.dump(j, open(path, "w"))
    r = run("run", path, "--jailed", "--root", OPEN, "--out", b)
    ok(r.returncode == (1 if words else 0) and words in r.stderr, "%d distances of distances" % levels, "%d %s" % (r.returncode, r.stderr))
r = run("run", p, "--root", OPEN, "--out", b)
ok(r.returncode == 2, "--root goes with --jailed", r.stderr)
r = run("run", os.path.join(TMP, "s.lua"), "--jailed", "--out", b)
ok(r.returncode == 2 and "plan" in r.stderr, "--jailed is for plans", r.stderr)
tap.done()
