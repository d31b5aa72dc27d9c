#!/usr/bin/python3
"""Every spectral index on the bands of four sensors, beside its formula in numpy. SPDX-License-Identifier: MIT"""
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Raster, done, np, ok, tellua, write  # noqa: E402

WORK = tempfile.mkdtemp(prefix="indices")
TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "modules", "indices", "table.lua")
rng = np.random.default_rng(280)

dump = subprocess.run(["lua5.4", "-"], input="""
for domain, list in pairs(dofile [[%s]]) do
  for _, e in ipairs(list) do print(table.concat({ e[1], e[2], e[3], e[4], domain }, "\\t")) end
end""" % TABLE, capture_output=True, text=True, check=True).stdout
formulas = {row[0]: row[1] for row in (line.split("\t") for line in dump.splitlines())}
ok(len(formulas) >= 280 and len(dump.splitlines()) == len(formulas), "there are %d indices, each once" % len(formulas))
ok(all(all(f) for f in (line.split("\t") for line in dump.splitlines())), "each has a name, a formula, a title, a reference")

CONSTANTS = dict(C1=6.0, C2=7.5, L=1.0, PAR=400.0, alpha=0.1, beta=0.05, c=1.0, cexp=1.16, epsilon=1, eta=0.5, fdelta=0.581,
                 g=2.5, gamma=1.0, k=0.0, lmb=1, n=5, nexp=2.0, omega=2.0, p=2.0, sigma=0.5, sla=1.0, slb=0.0)
NAMES = re.compile(r"[A-Za-z][A-Za-z0-9]*")
# What each sensor's bands are called, and the middle of their wavelengths
SENSORS = {
    "sentinel-2": (dict(A="B01", B="B02", G="B03", R="B04", RE1="B05", RE2="B06", RE3="B07", N="B08", N2="B8A", WV="B09",
                        S1="B11", S2="B12"),
                   dict(G=559.8, R=664.6, N=832.8, N2=864.7, S1=1613.7, S2=2202.4)),
    "landsat-oli": (dict(A="SR_B1", B="SR_B2", G="SR_B3", R="SR_B4", N="SR_B5", S1="SR_B6", S2="SR_B7", T1="ST_B10"),
                    dict(G=560, R=655, N=865, N2=865, S1=1610, S2=2200)),
    "landsat-tm": (dict(B="SR_B1", G="SR_B2", R="SR_B3", N="SR_B4", S1="SR_B5", T="ST_B6", S2="SR_B7"),
                   dict(G=560, R=660, N=830, N2=830, S1=1650, S2=2215)),
    "modis": (dict(R="sur_refl_b01", N="sur_refl_b02", B="sur_refl_b03", G="sur_refl_b04", S1="sur_refl_b06",
                   S2="sur_refl_b07", G1="sur_refl_b11"),
              dict(G=555, R=645, N=858.5, N2=858.5, S1=1640, S2=2130)),
    "sentinel-1": (dict(VV="VV", VH="VH"), {}), "radar in h": (dict(HH="hh", HV="hv"), {}),
    "letters": (dict((x, x) for x in "A B G G1 Y R RE1 RE2 RE3 N N2 WV S1 S2 T T1 T2 VV VH HH HV".split()),
                dict(G=555, R=645, N=858.5, N2=858.5, S1=1640, S2=2130)),
}
LAMBDAS = ", ".join("lambda%s = %s" % kv for kv in SENSORS["letters"][1].items())


def kernel(a, b):
    return np.exp(-(a - b) ** 2 / (2 * 0.5 ** 2))


def evaluate(formula, bands, waves):
    """The formula in numpy; None where a band is not there."""
    names = dict(CONSTANTS, **{"lambda" + k: float(v) for k, v in waves.items()})
    same = {"N": "N2", "N2": "N", "T": "T1", "T1": "T"}
    have = dict(bands)
    for a, b in same.items():
        if b in bands and a not in bands:
            have[a] = bands[b]
    for word in set(NAMES.findall(formula)):
        if re.fullmatch(r"k[NGRBL]{2}", word):
            if any(x != "L" and x not in have for x in word[1:]):
                return None
            names[word] = kernel(*[1.0 if x == "L" else have[x] for x in word[1:]])
        elif word in have:
            names[word] = have[word]
        elif word not in names:
            return None
    with np.errstate(all="ignore"):
        return eval(formula.replace("^", "**"), {"__builtins__": {}}, names) + 0 * next(iter(bands.values()))


upstream = None
shared = os.environ.get("TELLUA_SHARED", "")
path = os.path.join(shared, "conformance", "spectral_indices", "spectral-indices-dict.json")
if shared and os.path.exists(path):
    upstream = {k: v["formula"] for k, v in json.load(open(path))["SpectralIndices"].items()}
    missing = sorted(set(upstream) - set(formulas))
    ok(not missing, "every index of the published list is there", missing)

page = open(os.path.join(os.path.dirname(TABLE), "..", "..", "docs", "manual", "indices.md")).read()
listed = set(NAMES.findall(page.split("## Names", 1)[1]))
ok(set(formulas) <= listed, "the manual lists every one", sorted(set(formulas) - listed))
seen = set()
for sensor, (bands, waves) in SENSORS.items():
    cubes = {k: rng.uniform(0.01, 0.9, (12, 17)) for k in bands}
    for k in ("T", "T1", "T2"):
        if k in cubes:
            cubes[k] = rng.uniform(250, 320, (12, 17))
    first = next(iter(cubes.values()))
    first[0, 0] = 0.0
    tif = write(os.path.join(WORK, "b.tif"), list(cubes.values()), names=list(bands.values()))
    wanted = {}
    for name, formula in formulas.items():
        want = evaluate(formula, cubes, waves)
        if want is not None:
            wanted[name] = want
            if upstream and name in upstream:
                wanted[name] = evaluate(upstream[name].replace("**", "^"), cubes, waves)
    seen |= set(wanted)
    script = os.path.join(WORK, "s.lua")
    given = "{PAR = 400%s}" % (", " + LAMBDAS if sensor == "letters" else "")
    with open(script, "w") as f:
        f.write('local img = Image "%s"\nlocal all\n' % tif)
        for name in wanted:
            f.write('do local x = img:index("%s", %s) all = all and all .. x or x end\n' % (name, given))
        f.write('output("all", all, {dtype = "float64", tile = 64})\n')
    tellua("run", "--quiet", script, "--out", WORK, "--mem", "3G")
    r = Raster(os.path.join(WORK, "all.tif"))
    bad = []
    for i, (name, want) in enumerate(wanted.items()):
        finite = np.isfinite(want)
        near = np.abs(r.values[i] - want) <= 1e-9 * np.maximum(1e-300, np.abs(want)) + 1e-12
        if r.names[i] != name or not np.array_equal(r.valid[i], finite) or not near[finite].all():
            worst = np.argwhere(finite & ~near)
            bad.append("%s: %d validity, %d values, %s" % (name, (r.valid[i] != finite).sum(), len(worst),
                                                          [(want[tuple(a)], r.values[i][tuple(a)]) for a in worst[:1]]))
    ok(not bad and len(wanted) > 0, "the %d indices of %s are their formulas" % (len(wanted), sensor), "\n".join(bad[:10]))
    out, _ = tellua("-e", 'print(#Image("%s"):indices())' % tif)
    ok(int(out) == len(wanted), "and are what indices() lists", (out, len(wanted)))
ok(seen == set(formulas), "every one was computed", sorted(set(formulas) - seen))

# --- options --------------------------------------------------------------------------------------------
tif = write(os.path.join(WORK, "dn.tif"), [rng.integers(1, 9000, (5, 5)).astype("uint16") for _ in range(3)], names=["B1", "B3", "B4"])
a = Raster(tif).values.astype("float64")


def one(expression):
    script = os.path.join(WORK, "o.lua")
    with open(script, "w") as f:
        f.write('local img = Image "%s"\noutput("one", %s, {dtype = "float64"})\n' % (tif, expression))
    tellua("run", "--quiet", script, "--out", WORK)
    return Raster(os.path.join(WORK, "one.tif")).values[0]


def close(got, want):
    return np.allclose(got, want, rtol=1e-12, atol=0)


ok(close(one('img:index("ndvi", {sensor = "landsat-7"})'), (a[2] - a[1]) / (a[2] + a[1])), "Landsat 7 has its red in B3, by option")
ok(close(one('img:index("NDVI", {bands = {N = "B1", R = "B4"}})'), (a[0] - a[2]) / (a[0] + a[2])), "bands may be named")
ok(close(one('img:index("SAVI", {sensor = "landsat-7", scale = 0.0001, L = 0.5})'),
         1.5 * (a[2] - a[1]) * 1e-4 / ((a[2] + a[1]) * 1e-4 + 0.5)), "numbers are scaled, constants given")
ok(close(one('img:index("kNDVI", {sensor = "landsat-7", scale = 0.0001, kernel = "linear"})'),
         (a[2] * a[2] - a[2] * a[1]) / (a[2] * a[2] + a[2] * a[1])), "a kernel is chosen")
for expression, words in (("img:index('NDV')", "did you mean 'NDVI'"), ("img:index('bai')", "either BAI or BaI"), ("img:index('NDVI')", "needs N, which is not found among"),
                          ("img:index('NDVI', {sensor = 'spot'})", "landsat-oli, landsat-tm, modis, sentinel-2"),
                          ("img:index('NDVI', {LL = 1})", "no option 'LL'"), ("img:index('NDVI', {bands = {N = 'B9', R = 'B1'}})", "no band 'B9'"),
                          ("img:index('CIRE', {scale = 'x'})", "scale is a number"), ("img:index(5)", "got number"),
                          ("img:index('MCARI705', {sensor = 'modis'})", "needs RE")):
    out, err = tellua("-e", 'local img = Image "%s" local r = %s' % (tif, expression), expect=1)
    ok(words in err and "-e:1" in err, "%s: %s" % (expression, words), err)
subprocess.run(["/usr/bin/python3", os.path.join(os.path.dirname(TABLE), "..", "..", "tests", "make_collection.py")], cwd=WORK, check=True)

# What is read at its first use, when the script may have changed its globals
spoilt = 'string.upper, string.gmatch, ipairs, pairs, type, tonumber = nil, nil, nil, nil, nil, nil '
out, err = tellua("-e", spoilt + 'local list = (Image "%s"):rename("N", "R", "S2"):indices() '
                  'for i = 1, #list do list[i] = list[i].name end print(table.concat(list, " "))' % tif)
names = out.split()
ok(len(names) > 20 and "NDVI" in names and names == sorted(names, key=lambda n: (n.lower(), n)),
   "indices are listed in the order of their names, whatever a script did to its globals", (names, err))
out, err = tellua("-e", spoilt + 'local _, e = pcall(Collection, "%s/scenes.json", {profile = "sentinel-2-l2b"}) print(tostring(e)) '
                  '_, e = pcall(function() return (Image "%s"):select(1):visualize{palette = {"red", "gren"}} end) print(tostring(e)) '
                  'local red = Collection("%s/scenes.json"):select("red") print(tostring(red))' % (WORK, tif, WORK))
ok("did you mean 'sentinel-2-l2a'" in out and "did you mean 'green'" in out and "Collection scenes.json: " in out,
   "and so are profiles and colours", (out, err))
script = os.path.join(WORK, "c.lua")
with open(script, "w") as f:
    f.write('local c = Collection "%s/scenes.json"\n'
            'output("a", c:index("SAVI"):max(), {dtype = "float64"})\n'
            'output("b", c:reflectance():map(function(img) return img:expr("2.0 * (B08 - B04) / (B08 + B04 + 1.0)") end):max(), {dtype = "float64"})\n' % WORK)
try:
    tellua("run", "--quiet", script, "--out", WORK)
    x, y = (Raster(os.path.join(WORK, n + ".tif")) for n in "ab")
    ok(x.valid.any() and np.array_equal(x.valid, y.valid) and close(x.values[x.valid], y.values[y.valid]),
       "of a Collection's scenes it is that of their reflectance")
except RuntimeError as e:
    ok(False, "of a Collection's scenes it is that of their reflectance", e)
shutil.rmtree(WORK)
done()
