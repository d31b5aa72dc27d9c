#!/usr/bin/python3
"""Cases of openEO and results of other programs, run by scripts; and what those scripts stand on:
numbers as Images and back, files as text, JSON. SPDX-License-Identifier: MIT"""
import json
import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Raster, differ, done, note, np, ok, tellua  # noqa: E402

WORK = tempfile.mkdtemp(prefix="conformance")
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "conformance")
SHARED = os.path.join(os.environ.get("TELLUA_SHARED", "/nowhere"), "conformance")
SEED = int(os.environ.get("TELLUA_TEST_SEED", "20201130"))
rng = np.random.default_rng(SEED)
note("TELLUA_TEST_SEED=%d" % SEED)


def counts(text):
    m = re.search(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", text, re.M)
    return tuple(map(int, m.groups())) if m else None


def runner(name, what, expect=0):
    out, err = tellua("run", os.path.join(HERE, name + ".lua"), "-p", what, "--out", WORK, expect=expect)
    return out + err, counts(out)


# --- the runners ------------------------------------------------------------------------------------

text, n = runner("openeo", "dir=" + os.path.join(HERE, "own"))
ok(n == (11, 0, 1), "openEO's form: 11 of our own cases pass, a text is skipped", text)
text, n = runner("reference", "file=" + os.path.join(HERE, "own", "reference.json"))
ok(n == (3, 0, 0), "the form of reference results: 3 of our own cases pass", text)

wrong = os.path.join(WORK, "wrong")
shutil.copytree(os.path.join(HERE, "own"), wrong)
for name, old, new in (("add", "6.5", "6.50001"), ("quantiles", "[10, 20, 30]", "[10, 21, 30]"), ("mean", '"returns": 6', '"returns": 7'),
                       ("clip", '"max": 1', '"max": 9'), ("apply_kernel", "[13, 15]", "[13, 16]")):
    path = os.path.join(wrong, name + ".json")
    before = open(path).read()
    open(path, "w").write(before.replace(old, new))
text, n = runner("openeo", "dir=" + wrong, expect=1)
ok(n == (6, 5, 1), "a wrong answer in each of five files is five failed cases, and exit 1", text)
path = os.path.join(wrong, "reference.json")
before = open(path).read()
open(path, "w").write(before.replace("[4, 9, 11]", "[4, 9, 12]").replace('"std": [1, 0]', '"std": [1, 1]'))
text, n = runner("reference", "file=" + path, expect=1)
ok(n == (1, 2, 0), "two wrong reference results are two failed cases, and exit 1", text)

for name, what, least in (("openeo", "dir=" + os.path.join(SHARED, "openeo", "tests"), 680),
                          ("reference", "file=" + os.path.join(SHARED, "reference", "xarray_spatial", "cases.json"), 40)):
    if not os.path.exists(what.split("=", 1)[1]):
        ok(True, "%s: # SKIP the shared cases are not here" % name)
        continue
    text, n = runner(name, what)
    ok(n and n[0] >= least and n[1] == 0, "the shared cases of %s pass: %s" % (name, n), text)

# --- numbers as Images, and back --------------------------------------------------------------------

H, W = 37, 53
real = rng.normal(0, 1e6, (H, W))
whole = rng.integers(-70000, 70000, (H, W))
hole = rng.random((H, W)) < 0.1
grid = 'Grid{crs = "EPSG:32633", res = {10, 20}, anchor = {3, 4}, bounds = {500003, 5000004, %d, %d}}' % (500003 + 10 * W, 5000004 + 20 * H)


def rows(a, holes):
    return "{%s}" % ",".join("{%s}" % ",".join("false" if holes[y][x] else repr(a[y, x].item()) for x in range(W)) for y in range(H))


SCRIPT = """
local grid = %s
local real, whole = %s, %s
local img = Image({ real = real, whole = whole }, grid)
local back = img:values()
local same = true
for name, rows in pairs { real = real, whole = whole } do
  for y, row in ipairs(rows) do
    for x, v in ipairs(row) do
      local got = back[name][y][x]
      same = same and (v == false and got ~= got or v == got and math.type(v) == math.type(got))
    end
  end
end
print("same", same, img:grid() == grid)
print("types", img:info()[1].dtype, img:info()[2].dtype, img:info()[2].min == %d, img:info()[2].max == %d)
print("part", #Image(whole, grid):values(Grid { crs = grid.crs, res = { 10, 20 }, anchor = { 3, 4 }, bounds = { 500013, 5000024, 500033, 5000084 } }))
print(pcall(Image, { { 1, 2 }, { 3 } }))
print(pcall(Image, { { 1, "2" } }))
print(pcall(Image, { { 1 } }, grid))
output("img", img, { dtype = "float64", tile = 64, format = "gtiff" })
output("edge", img.real:convolve({ { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 10 } }, { border = "wrap" }), { dtype = "float64", tile = 64, format = "gtiff" })
for _, b in ipairs { { "edge", "replicate" }, { "symmetric", "reflect" }, { "reflect", "reflect_pixel" }, { "constant", -7 } } do
  output("border_" .. b[1], img.real:convolve({ { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 10 } }, { border = b[2] }), { dtype = "float64" })
end
print(pcall(img.real.convolve, img.real, { { 1 } }, { border = "mirror" }))
output("coarse", img.whole, { res = 37, crs = "EPSG:3035", tile = 64, format = "gtiff" })
""" % (grid, rows(real, hole), rows(whole, hole), whole[~hole].min(), whole[~hole].max())
script = os.path.join(WORK, "numbers.lua")
open(script, "w").write(SCRIPT)
out, _ = tellua("run", "--quiet", script, "--out", os.path.join(WORK, "a"))
lines = out.splitlines()
ok(lines[0] == "same\ttrue\ttrue", "values() gives the numbers and the grid that the Image was made of", out)
ok(lines[1] == "types\tfloat32\tint32\ttrue\ttrue", "whole numbers are the smallest type with their range, others floats", lines[1])
ok(lines[2] == "part\t3", "values(grid) is of that grid", lines[2])
ok("row 2 has 1 numbers" in lines[3], "rows of other lengths are refused", lines[3])
ok("column 2 is a string" in lines[4], "texts are refused", lines[4])
ok("1 rows of 1 numbers for a grid of 53 x 37" in lines[5], "a grid of another size is refused", lines[5])
got = Raster(os.path.join(WORK, "a", "img.tif"))
ok(not differ(np.where(hole, 0, real), np.where(hole, 0, got.values[0])) and (got.valid[0] == ~hole).all(), "the product holds the same numbers",
   differ(np.where(hole, 0, real), np.where(hole, 0, got.values[0])))


def convolved(a, holes, mode="wrap"):
    k = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 10]])
    outside = {"constant_values": -7} if mode == "constant" else {}
    p, h = np.pad(a, 1, mode=mode, **outside), np.pad(holes, 1, mode=mode)
    s, bad = np.zeros_like(a), np.zeros_like(holes)
    for i in range(3):
        for j in range(3):
            s = s + k[i, j] * p[i:i + H, j:j + W]
            bad |= h[i:i + H, j:j + W]
    return s, ~bad


edge = Raster(os.path.join(WORK, "a", "edge.tif"))
want, good = convolved(real, hole)
ok((edge.valid[0] == good).all() and not differ(want, edge.values[0], good), "convolve with border = \"wrap\" is numpy's", differ(want, edge.values[0], good))

for mode in ("edge", "symmetric", "reflect", "constant"):
    r = Raster(os.path.join(WORK, "a", "border_%s.tif" % mode))
    want, good = convolved(real, hole, mode)
    ok((r.valid[0] == good).all() and not differ(want, r.values[0], good), "what lies beyond the edge as numpy's " + mode, differ(want, r.values[0], good))
ok('border is a number, "replicate"' in lines[6], "another word for a border is refused", lines[6])

plan, _ = tellua("plan", script, "--json", "--threads", "1")
path = os.path.join(WORK, "plan.json")
open(path, "w").write(plan[plan.index('{"key"'):])
out, _ = tellua("run", "--quiet", path, "--out", os.path.join(WORK, "b"))
for name in ("img", "edge", "coarse"):
    a, b = (open(os.path.join(WORK, d, name + ".tif"), "rb").read() for d in "ab")
    ok(a == b, "a plan has the numbers: %s has the same bytes without the script" % name)
damage = {"a cell too few": lambda s: s["numbers"][0]["cells"].pop(), "no list of bands": lambda s: s.update(numbers={}),
          "a band that is none": lambda s: s["numbers"].__setitem__(0, 5), "a text as a cell": lambda s: s["numbers"][0]["cells"].__setitem__(0, "x"),
          "a cell of another type": lambda s: s["numbers"][0].update(dtype="uint8"), "a type that is none": lambda s: s["numbers"][0].update(dtype="uint9"),
          "too many cells": lambda s: s["grid"].update(extent=[0, 0, 2**40, 2**40]), "more cells than there can be": lambda s: s["grid"].update(extent=[0, 0, 2**62, 2**62]), "a place far away": lambda s: s["grid"].update(extent=[2**63 - 1, 5, W, H])}
for name, change in damage.items():
    document = json.load(open(path))
    change([s for s in document["plan"]["sources"] if "numbers" in s and s["numbers"][0]["dtype"] == "int32"][0])
    bad = os.path.join(WORK, "bad.json")
    json.dump({"plan": document["plan"]}, open(bad, "w"))
    _, err = tellua("run", "--quiet", bad, "--out", os.path.join(WORK, "bad"), expect=1)
    ok("umbers" in err, "a plan with %s is refused" % name, err)
for threads in (2, 7):
    tellua("run", "--quiet", script, "--out", os.path.join(WORK, "t"), "--threads", threads)
    ok(all(open(os.path.join(WORK, d, n + ".tif"), "rb").read() == open(os.path.join(WORK, "a", n + ".tif"), "rb").read()
           for d in "t" for n in ("img", "edge", "coarse")), "%d threads give the same bytes" % threads)
whole_edge, bad = edge, []
for i in range(6):
    x, y = int(rng.integers(0, W - 1)), int(rng.integers(0, H - 1))
    w, h = int(rng.integers(1, W - x + 1)), int(rng.integers(1, H - y + 1))
    tellua("run", "--quiet", script, "--out", os.path.join(WORK, "w"), "--output", "edge", "--window", "%d,%d,%d,%d" % (x, y, w, h))
    part = Raster(os.path.join(WORK, "w", "edge.tif"))
    cut = whole_edge.valid[0][y:y + h, x:x + w]
    if differ(whole_edge.values[0][y:y + h, x:x + w], part.values[0], cut) or (cut != part.valid[0]).any():
        bad.append((x, y, w, h))
ok(not bad, "any window of the convolved numbers is a cut of the whole", bad)

# The same by GDAL from a file of these numbers: nearest on another grid
tellua("run", "--quiet", script, "--out", os.path.join(WORK, "c"), "--output", "img", "--format", "gtiff")
again = os.path.join(WORK, "again.lua")
open(again, "w").write('output("coarse", Image("%s").whole, {res = 37, crs = "EPSG:3035", tile = 64, format = "gtiff", dtype = "int32"})'
                       % os.path.join(WORK, "c", "img.tif"))
tellua("run", "--quiet", again, "--out", os.path.join(WORK, "d"))
one, two = Raster(os.path.join(WORK, "a", "coarse.tif")), Raster(os.path.join(WORK, "d", "coarse.tif"))
ok(one.size == two.size and (one.valid[0] == two.valid[0]).all() and (one.values[0][one.valid[0]] == two.values[0][two.valid[0]]).all(),
   "on another grid the numbers are read as those of a file", "%s %s" % (one.size, two.size))

# --- remap, reclass, bits ---------------------------------------------------------------------------

small = rng.integers(-3, 12, (H, W))
grid1 = "Grid{crs = 'EPSG:32633', res = 1, bounds = {0, 0, %d, %d}}" % (W, H)
script = os.path.join(WORK, "recode.lua")
open(script, "w").write("""
local img, real = Image(%s, %s), Image(%s, %s)
output("remap", img:remap { [-3] = 7, [0] = 1, [5] = 250 }, { dtype = "int16" })
output("rest", img:remap({ [-3] = 7, [0] = 1 }, 9), { dtype = "int16" })
output("left", real:reclass { { -math.huge, 0, 1 }, { 0, 1e6, 2 }, { 1e6, math.huge, 3 } }, { dtype = "int16" })
output("right", img:reclass({ { -2, 3, 1 }, { 3, 7, 2 } }, { closed = "right", other = 9 }), { dtype = "int16" })
output("bits", Image(%s, %s):bits(2, 4), { dtype = "int16" })
for _, f in ipairs { function() img:remap {} end, function() img:remap { [1] = "a" } end, function() img:reclass { { 3, 3, 1 } } end,
  function() img:bits(5, 2) end } do print(select(2, pcall(f))) end
""" % (rows(small, hole), grid1, rows(real, hole), grid1, rows(whole & 0xffff, hole), grid1))
out, _ = tellua("run", "--quiet", script, "--out", WORK)
lines = out.splitlines()
for line, words in zip(lines, ("an empty table", "an entry is a number", "3..3, is empty", "5 is above 2")):
    ok(words in line, "refused: " + words, line)


def check(name, want, good):
    r = Raster(os.path.join(WORK, name + ".tif"))
    bad = (r.valid[0] != good) | (good & (r.values[0] != want))
    ok(not bad.any(), name + " is numpy's", "%d cells differ" % bad.sum())


check("remap", np.select([small == -3, small == 0, small == 5], [7, 1, 250]), ~hole & np.isin(small, (-3, 0, 5)))
check("rest", np.select([small == -3, small == 0], [7, 1], 9), ~hole)
check("left", np.digitize(real, [0, 1e6]) + 1, ~hole)
check("right", np.select([(small > -2) & (small <= 3), (small > 3) & (small <= 7)], [1, 2], 9), ~hole)
check("bits", (whole & 0xffff) >> 2 & 7, ~hole)

# --- texts ------------------------------------------------------------------------------------------

outside = os.path.join(WORK, "t.json")
data = {"a": [1, None, 2.5, "é\n"], "o": {}, "b": True}
json.dump(data, open(outside, "w"))
code = ('local file, folder = param("file", ""), param("folder", "") local t = json.decode(read(file)) print(#t.a, t.a[1], t.a[2] == json.null, t.a[3], t.a[4], next(t.o), t.b) '
        'for _, f in ipairs { function() read "/dev/null" end, function() read(folder) end, function() json.decode "[1," end } do print(select(2, pcall(f))) end '
        'output("x", { { a = 1 } })')
script = os.path.join(WORK, "sub", "read.lua")
os.makedirs(os.path.dirname(script))
open(script, "w").write(code)
named = ["-p", "file=" + outside, "-p", "folder=" + WORK]
out, _ = tellua("run", "--quiet", script, *named, "--out", WORK)
lines = out.replace("é\n", "é").splitlines()
ok(lines[0] == "4\t1\ttrue\t2.5\té\tnil\ttrue", "read and json.decode give what is in a file; null keeps its place", lines[0])
ok("no regular file" in lines[2], "a folder is not read", out)
ok("nor what -p names" in lines[1], "a file that nobody named is not read", out)
ok("no JSON: line 1" in lines[3], "what is no JSON is refused with its place", lines[3])

script = os.path.join(WORK, "sub", "beside.lua")
open(script, "w").write('print(pcall(read, "%s/sub/read.lua")) print(pcall(read, "%s")) print(pcall(read, "%s/sub/link")) output("x", { { a = 1 } })'
                        % (WORK, outside, WORK))
os.symlink(outside, os.path.join(WORK, "sub", "link"))
out, _ = tellua("run", "--quiet", script, "--out", WORK)
ok(out.startswith("true") and len(re.findall(r"^false\t.*nor what -p names", out, re.M)) == 2, "what lies beside the script is read, a link out of there not", out)
out, _ = tellua("run", "--quiet", "--allow", "io", script, "--out", WORK)
ok(len(re.findall("^true", out, re.M)) == 3, "--allow io reads every file", out)

script = os.path.join(WORK, "sub", "pipe.lua")
os.mkfifo(os.path.join(WORK, "sub", "pipe"))
open(os.path.join(WORK, "sub", "words"), "w").write("secret words")
open(script, "w").write('for _, f in ipairs { read, Model } do print(select(2, pcall(f, "%s/sub/pipe"))) end print(select(2, pcall(Model, "%s/sub/words"))) '
                        'output("x", { { a = 1 } })' % (WORK, WORK))
out, _ = tellua("run", "--quiet", script, "--out", WORK)
lines = out.splitlines()
ok("no regular file" in lines[0] and "no regular file" in lines[1], "nobody waits for the writer of a pipe", out)
ok("no JSON of a model: line 1, column" in lines[2] and "secret" not in lines[2].replace(WORK, ""), "what is no model is not shown", lines[2])

script = os.path.join(WORK, "rows.lua")
open(script, "w").write('output("t", { { b = 1, a = "x,y" }, { b = 0.1 }, { c = true } })')
tellua("run", "--quiet", script, "--out", WORK)
ok(open(os.path.join(WORK, "t.csv")).read() == 'a,b,c\n"x,y",1,\n,0.1,\n,,true\n', "output takes a list of tables as rows",
   open(os.path.join(WORK, "t.csv")).read())
shutil.rmtree(WORK)
done()
