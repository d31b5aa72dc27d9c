"""Collections through the program: what profiles, masks, maps and groups do to pixels, against numpy,
and that the vocabularies of JEO-lab and Earth Engine give the same plan. SPDX-License-Identifier: MIT"""
import json
import os
import shutil
import subprocess
import numpy as np
from tap import Raster, SCRATCH, differ, done, gdal, note, ok, shared, tellua, write

top = os.getcwd()
os.chdir(SCRATCH)
subprocess.run(["/usr/bin/python3", os.path.join(top, "tests/make_collection.py")], check=True)
W, H = 60, 40
ids = [f["id"] for f in json.load(open("scenes.json"))["features"]]
LEFT = ids[:4]  # those of the western tile
GRID = ["--window", "0,0,60,40"]


def read(name, band):
    r = Raster("scenes/%s/%s.tif" % (name, band))
    return r.values[0], r.valid[0]


def harmonised(name, band):
    v, valid = read(name, band)
    shift = 1000 if "_2022" in name else 0
    return np.maximum(v.astype("int64") - shift, 0), valid


def clear(name):
    scl, _ = read(name, "SCL")
    return ~np.isin(np.kron(scl, np.ones((2, 2), "uint8")), [0, 3, 8, 9, 10])


def stack(band, masked, names=LEFT):
    values, valid = zip(*(harmonised(n, band) for n in names))
    valid = [v & clear(n) if masked else v for v, n in zip(valid, names)]
    return np.where(valid, values, np.nan).astype(float)


def run(lines, name="out", grid=GRID, expect=0):
    text = "local c = Collection 'scenes.json'\nlocal west = c:filter('tile', '33TWL')\n" + lines
    with open("s.lua", "w") as f:
        f.write(text)
    tellua("run", "--quiet", "s.lua", *grid, "--out", "o", expect=expect)
    return Raster("o/%s.tif" % name)


def check(sentence, lines, want, dtype=None):
    r = run(lines)
    got = np.where(r.valid[0], r.values[0], np.nan).astype(float)
    want = np.asarray(want, "float64")
    if dtype:
        want, got = want.astype(dtype), got.astype(dtype)
    ok(not differ(want, got), sentence, differ(want, got))


# --- values
import warnings
warnings.simplefilter("ignore", RuntimeWarning)  # all-NaN slices
for i, name in enumerate(LEFT):
    v, valid = harmonised(name, "B04")
    check("scene %d has harmonised numbers" % (i + 1), "output('out', west:band('B04')[%d])" % (i + 1),
          np.where(valid, v, np.nan))
v, valid = read(ids[3], "B04")
check("raw numbers are the file's", "output('out', west:raw():band('B04')[4])", np.where(valid, v, np.nan))
v, valid = harmonised(ids[3], "B04")
check("reflectance is number * 0.0001", "output('out', west:reflectance():band('B04')[4])",
      np.where(valid, v * 0.0001, np.nan), "float32")

# --- masks and reducers, on grids of both resolutions
check("the cloud-masked median is numpy's", "output('out', west:mask_clouds():median('B04'))",
      np.nanmedian(stack("B04", True), axis=0), "float32")
check("a band selected first has the same mask", "output('out', west:band('B04'):mask_clouds():median())",
      np.nanmedian(stack("B04", True), axis=0), "float32")
check("count counts what is clear", "output('out', west:mask_clouds():count('B04'))",
      np.sum(~np.isnan(stack("B04", True)), axis=0))
s = stack("B04", True)
check("min_count hides what too few saw", "output('out', west:mask_clouds():max{'B04', min_count = 4})",
      np.where(np.sum(~np.isnan(s), axis=0) >= 4, np.nanmax(s, axis=0), np.nan))
check("mask_clouds hides the classes that it is told",
      "output('out', west:mask_clouds{classes = {6}}:count('B04'))",
      np.sum(~np.isnan(stack("B04", False)) & np.stack(
          [~np.isin(np.kron(read(n, "SCL")[0], np.ones((2, 2), "uint8")), [0, 6]) for n in LEFT]), axis=0))
coarse = []
for n in LEFT:
    v, k = read(n, "B04")
    v, k = ([x.reshape(H // 2, 2, W // 2, 2) for x in (np.where(k, v, 0).astype(float), k)])
    v = np.rint(v.sum((1, 3)) / k.sum((1, 3))) - (1000 if "_2022" in n else 0)
    coarse.append(np.where(np.isin(read(n, "SCL")[0], [0, 3, 8, 9, 10]), np.nan, np.maximum(v, 0)))
for chain in ("resample('average'):mask_clouds():median('B04')", "mask_clouds():resample('average'):median('B04')",
              "mask_clouds():median('B04'):resample('average')", "select('B04'):mask_clouds():resample('average'):median()"):
    r = run("output('out', west:%s)" % chain, grid=["--res", "20", "--window", "0,0,30,20"])
    got, want = np.where(r.valid[0], r.values[0], np.nan), np.nanmedian(np.stack(coarse), 0).astype("float32")
    ok(not differ(want, got), "%s: the mask's classes are not mixed" % chain, differ(want, got))
_, err = tellua("-e", "return Collection('scenes.json')[1].SCL:eq(8):resample('average')", expect=1)
ok("band SCL holds classes, which average would mix" in err, "what is made of classes is not averaged", err)
os.makedirs("sums", exist_ok=True)
rng = np.random.default_rng(44)
for dtype, wide in (("uint8", "uint16"), ("uint16", "uint32"), ("int16", "int32")):
    two = [rng.integers(-9 if dtype == "int16" else 1, 99, (2, H, W)).astype(dtype) for _ in range(4)]
    for i, v in enumerate(two):
        v[rng.random(v.shape) < 0.5] = 99
        write("sums/x_2020010%d.tif" % (i + 1), list(v), nodata=99, names=["p", "q"])
    r = run("output('out', Collection('sums'):sum())", grid=[])
    v = np.stack(two)
    want = np.where((v == 99).all(0), np.nan, np.where(v == 99, 0, v).astype(float).sum(0))
    got = np.where(r.valid, r.values, np.nan).astype(float)
    ok(r.values.dtype == wide and not differ(want, got), "sums of %s bands are %s, each band with cells of its own" % (dtype, wide),
       (r.values.dtype, differ(want, got)))

b8 = stack("B08", True)
nd = (b8 - s) / (b8 + s)
check("map calculates on each scene",
      "output('out', west:mask_clouds():map(function(i) return i:normalized_difference('B08', 'B04') end):mean())",
      np.nanmean(nd, axis=0), "float32")
sun = np.array([57.0, 36.0, 34.0, 56.5])[:, None, None]
check("a scene's own numbers reach the map",
      "output('out', west:map(function(i, s) return i.B04 * s.sun_elevation end):max():astype('float32'))",
      np.nanmax(stack("B04", False) * sun, axis=0), "float32")
check("and functions", "local function f(B04, sun) return B04 * sun end\noutput('out', west:map(function(i, s) "
      "return i:execute(f, {sun = s.sun_elevation}) end):max():astype('float32'))",
      np.nanmax(stack("B04", False) * sun, axis=0), "float32")

# --- groups, and Images reduced again
months = [[0], [1, 2], [3]]
grouped = np.stack([np.nanmax(s[m], axis=0) for m in months])
for how, f in (("max", np.nanmax), ("min", np.nanmin), ("median", np.nanmedian), ("sum", np.nansum),
               ("mean", np.nanmean), ("stddev", np.nanstd)):
    want = np.where(np.all(np.isnan(grouped), axis=0), np.nan, f(grouped, axis=0))
    check("%s over the months' maxima" % how,
          "output('out', west:mask_clouds():select('B04'):group_by('month'):max():%s():astype('float32'))" % how,
          want, "float32")
check("a percentile over them", "output('out', west:mask_clouds():select('B04'):group_by('month'):max()"
      ":percentile(30):astype('float32'))", np.nanpercentile(grouped, 30, axis=0), "float32")
two = [np.stack([np.nanmax(stack(b, True)[m], axis=0) for m in months]) for b in ("B04", "B08")]
two[1][two[1] > 2000] = np.nan
q = np.nan_to_num(two[1], nan=-1)
want = np.where(q.max(0) < 0, np.nan, np.take_along_axis(two[0], q.argmax(0)[None], 0)[0])
check("where no month has the band of quality there is nothing",
      "output('out', west:mask_clouds():select('B04', 'B08'):group_by('month'):max()"
      ":map(function(i) return i.B04 .. i.B08:mask_gt(2000) end):quality_mosaic('B08').B04)", want)
lines = ["local list = {}", "for i = 1, %d do list[i] = {image = west:band('B04')[(i - 1) %% 4 + 1]"
         ":mask_gt(350 + i * 53 %% 1400), id = tostring(i)} end", "output('out', Collection{images = list}:median()"
         ":astype('float32'))"]
for n in (2, 5, 13):
    one = stack("B04", False)
    many = np.stack([np.where(one[i % 4] > 350 + (i + 1) * 53 % 1400, np.nan, one[i % 4]) for i in range(n)])
    check("the sorting network is right for %d Images" % n, "\n".join(lines) % n,
          np.nanmedian(many, axis=0), "float32")
for how, pick in (("first", lambda a: a[0]), ("last", lambda a: a[-1])):
    want = np.full((H, W), np.nan)
    for y in range(H):
        for x in range(W):
            a = grouped[:, y, x][~np.isnan(grouped[:, y, x])]
            if a.size:
                want[y, x] = pick(a)
    check("%s of computed Images" % how,
          "output('out', west:mask_clouds():select('B04'):group_by('month'):max():%s())" % how, want)

# --- functions over time
FN = ("local function spread(values)\n  local lo, hi = values[1], values[1]\n  for i = 2, #values do\n"
      "    lo, hi = math.min(lo, values[i]), math.max(hi, values[i])\n  end\n  return hi and hi - lo\nend\n")
check("reduce gives a function the valid values", FN + "output('out', west:mask_clouds():reduce(spread, 'B04'))",
      np.nanmax(s, axis=0) - np.nanmin(s, axis=0))
check("in order of time", "local function step(v) return v[#v] - v[1] end\n"
      "output('out', west:sort('cloud'):reduce(step, 'B04', {min_count = 4}):astype('int32'))",
      stack("B04", False)[3] - stack("B04", False)[0])
check("strictly it compiles", FN + "output('out', west:mask_clouds():reduce(spread, 'B04', {valid = 'strict', "
      "compile = 'require'}))", np.max(s, axis=0) - np.min(s, axis=0))

# --- two tiles
r = run("output('out', c:filter_date('2022'):band('B04'):mosaic())", grid=[])
ok(r.size == (90, 40), "a mosaic covers both tiles", r.size)

# --- each scene a product
r = run("output('out', west:mask_clouds():band('B04'))", name="out_" + ids[1])
v, valid = harmonised(ids[1], "B04")
valid &= clear(ids[1])
got = np.where(r.valid[0], r.values[0], 0)
ok(not differ(np.where(valid, v, 0).astype(got.dtype), got), "a Collection as an output is a product for each scene",
   differ(np.where(valid, v, 0).astype(got.dtype), got))

# --- the three vocabularies
with open("places.csv", "w") as f:
    f.write("name,country,lon,lat\nGraz,AT,15.05,45.5\n")
os.environ["TELLUA_GAZETTEER"] = os.path.abspath("places.csv")


def plan(text):
    with open("names.lua", "w") as f:
        f.write(text)
    p = json.loads(tellua("plan", "names.lua", "--json")[0])["plan"]
    for key in ("script_sha256", "parameters"):
        p.pop(key, None)
    return json.dumps(p, sort_keys=True)


ours = plan("local c = Collection 'scenes.json'\nc = c:filter_bbox(15, 45, 15.1, 46):filter_place('Graz', 200)"
            ":filter_day(2017, 10, 14)\noutput('a', c:mosaic():band('B04'):mask_lt(800):colors{'red', 'yellow', 'green'})\n")
jeo = plan("local c = ImageCollection 'scenes.json'\nc = c:filterOnRect(15, 46, 15.1, 45):filterOnGeoName('Graz', 200)"
           ":filterOnDay(2017, 10, 14)\noutput('a', c:process():band('B04'):maskLT(800):colorCustom{'red', 'yellow', 'green'})\n")
ok(ours == jeo, "JEO-lab's names give the same plan", jeo[:2000])
ours = plan("local c = Collection 'scenes.json'\nc = c:filter_date('2017-08-01', '2017-11-01'):filter('cloud', '<', 20)\n"
            "output('a', c:select('B08', 'B04'):normalized_difference('B08', 'B04'):quality_mosaic('nd'):mask_gt(0.5))\n")
gee = plan("local c = ImageCollection 'scenes.json'\nc = c:filterDate('2017-08-01', '2017-11-01'):filterMetadata('cloudcover', "
           "'less_than', 20)\noutput('a', c:select{'B08', 'B04'}:normalizedDifference{'B08', 'B04'}:qualityMosaic('nd')"
           ":maskGT(0.5))\n")
ok(ours == gee, "Earth Engine's names give the same plan", gee[:2000])

# --- saying what is unused
with open("u.lua", "w") as f:
    f.write("local c = Collection 'scenes.json'\nc:filter_date('2017')\nlocal d = c:filter_cloud(5)\n"
            "for i = 1, 3 do d:filter_cloud(i) end\noutput('a', c:first('B04'))\n")
out, err = tellua("plan", "u.lua")
lines = [s for s in err.splitlines() if "is not used" in s]
ok(len(lines) == 2 and "u.lua:2" in lines[0] and 'filter_date("2017")' in lines[0] and "u.lua:4" in lines[1],
   "a filter whose result is not used warns once, with its line", err)

# --- properties that no scene has
with open("p.lua", "w") as f:
    f.write("local c = Collection 'scenes.json'\nprint(select(2, pcall(function() return c:filter('clud', '<', 5):first() end)))\n"
            "print(select(2, pcall(function() return c:filter('tile', 'no'):first() end)))\n"
            "local a = c:sort('clould'):first('B04')\nlocal b = c:sort('cloud'):limit(1, {per = {'tile', 'yeer'}}):first('B04')\n"
            "output('a', a .. b)\n")
out, err = tellua("run", "p.lua", "--out", "o")
ok("filter(\"clud\", \"<\", 5) left 0 (no scene has the property 'clud', did you mean 'cloud'?)" in out and
   'filter("tile", "no") left 0\n' in out, "a filter by a name that no scene has says so", out)
lines = [s for s in err.splitlines() if "no scene has" in s]
ok(len(lines) == 2 and "p.lua:4: sort: no scene has the property 'clould', did you mean 'cloud'?" in lines[0] and
   "p.lua:5: limit: no scene has the property 'yeer', did you mean 'year'?" in lines[1], "so do sort and limit, once", err)

# --- the search path
os.makedirs("cat", exist_ok=True)
with open("cat/small.json", "w") as f:
    json.dump({"source": "../scenes.json", "title": "five scenes"}, f)
env = dict(os.environ, TELLUA_COLLECTIONS="nowhere:" + os.path.abspath("cat"))
p = subprocess.run([os.environ.get("TELLUA", "tellua"), "-e", "print(tellua.collections()); print(Collection 'SMALL')"],
                   env=env, capture_output=True, text=True)
ok(p.stdout == "small  five scenes\nCollection SMALL: 5 scenes, 2017-08-05 to 2022-08-09\n",
   "a name is looked for on the search path", p.stdout + p.stderr)

# --- what is computed of scenes is written as float32, as what is computed of Images is; what a file holds stays
ratio = "west:normalized_difference('B08', 'B04')"
for chain in ("%s:max()" % ratio, "%s:median()" % ratio, "%s:group_by('year'):max():mean()" % ratio,
              "west:select('B04'):reflectance():quality_mosaic('B04')"):
    got = run("output('out', %s)\n" % chain).values.dtype
    ok(got == np.float32, chain + " is float32", got)
got = run("output('out', west:select('B04'):astype('float64'):max())\n").values.dtype
ok(got == np.float64, "unless the script says float64", got)

# --- scenes whose files have lost their place
shutil.copytree("scenes", "lost/scenes")
shutil.copy("scenes.json", "lost/scenes.json")
for folder, _, names in os.walk("lost/scenes"):
    for name in names:
        gdal.Translate("bare.tif", os.path.join(folder, name), creationOptions=["PROFILE=BASELINE"])
        shutil.copy("bare.tif", os.path.join(folder, name))
with open("lost.lua", "w") as f:
    f.write("local c = Collection 'lost/scenes.json'\noutput('a', c:select('B04'):max())\n")
err = tellua("run", "lost.lua", expect=1)[1]
ok("lost.lua:2" in err and ids[0] in err and "B04.tif has no coordinate system, though the catalogue says EPSG:32633" in err,
   "scenes without a place are not laid on one another by their pixels", err)

# --- real scenes: both tiles of one day, and what their metadata contradict
catalogue = shared("s2_timeseries_mapchete_33T", "catalog.json")
if catalogue:
    with open("real.lua", "w") as f:
        f.write("local c = Collection '%s'\noutput('a', c:filter_day('2023-08-15'):mask_clouds():process()"
                ":band('B04'), {res = 480})\n" % catalogue)
    out, err = tellua("plan", "real.lua")
    ok(err.count("boa_offset_applied is true") == 1, "a contradiction of the metadata is said once", err)
    ok("2 scenes in 1 kind" in out and "harmonised, 2023-08-15" in out, "explain says what values are", out)
else:
    note("no real data here: real scenes are left out")
done()
