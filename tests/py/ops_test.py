# Every Image operation on every kind of band against the reference: values, validity, cell types.
# SPDX-License-Identifier: MIT
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import reference as ref  # noqa: E402
from tap import SCRATCH, Raster, differ, done, note, np, ok, tellua, write  # noqa: E402
from reference import BOOL, FLOAT, INT, Band, constant  # noqa: E402

SEED = int(os.environ.get("TELLUA_TEST_SEED", "20240917"))
note("TELLUA_TEST_SEED=%d" % SEED)
rng = random.Random(SEED)
H, W = 40, 41
SHAPE = (H, W)

# --- the rasters -------------------------------------------------------------------------------------

SPECIAL = {
    "uint8": [0, 1, 2, 3, 7, 64, 127, 128, 200, 254, 255],
    "uint16": [0, 1, 2, 5, 255, 256, 1000, 32767, 32768, 65534, 65535],
    "int16": [0, 1, -1, 2, -2, 3, -7, 255, -256, 32767, -32768, -9999],
    "uint32": [0, 1, 2, 65536, 2 ** 24 + 1, 2 ** 31, 2 ** 32 - 1],
    "int32": [0, 1, -1, 3, -3, 2 ** 24 + 1, 2 ** 31 - 1, -2 ** 31],
    "int64": [0, 1, -1, 2, -2, 3, 62, 63, 64, 65, -63, -64, 2 ** 53, 2 ** 53 + 1, -2 ** 53 - 1, 2 ** 63 - 1,
              2 ** 63 - 2, -2 ** 63, -2 ** 63 + 1, 10 ** 18],
    "uint64": [0, 1, 2, 2 ** 53 + 1, 2 ** 63 - 1, 2 ** 63, 2 ** 64 - 1],
    "float32": [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -0.5, -2.5, 0.1, 254.5, 255.5, 65535.5, 3.4028234e38,
                -3.4028234e38, 1e-45, 1e-38, float("nan"), float("inf"), float("-inf"), 16777217.0, 2.0 ** 63],
    "float64": [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 0.1, 1e300, -1e300, 1e308, 5e-324, float("nan"),
                float("inf"), float("-inf"), 2.0 ** 53, 2.0 ** 63, -2.0 ** 63, 3.4028235677973366e38, 1e-7, 2.0,
                127.5, -128.5, 9007199254740993.0, 32767.5, 0.9999999999999999],
}
NODATA = {"uint8": None, "uint16": 0, "int16": -9999, "uint32": None, "int32": -2 ** 31, "int64": 3,
          "uint64": None, "float32": None, "float64": -1.0}


def fill(name):
    special, dtype = SPECIAL[name], np.dtype(name)
    a = [rng.choice(special) for _ in range(H * W)]
    for i in range(0, H * W, 3):  # a third anything, mostly small
        if dtype.kind == "f":
            a[i] = rng.choice([rng.gauss(0, 100), rng.random(), rng.uniform(-4, 4)])
        else:
            lo, hi = int(np.iinfo(name).min), int(np.iinfo(name).max)
            a[i] = rng.choice([rng.randint(lo, hi), max(lo, rng.randint(-9, 9)), min(hi, rng.randint(0, 300))])
    with np.errstate(over="ignore"):
        return np.array(a, dtype).reshape(SHAPE)


def source_band(lua, a, nodata, mask=None):
    valid = np.ones(SHAPE, "?") if mask is None else mask
    if nodata is not None:
        valid = valid & (a != nodata)
    if a.dtype.kind == "f":
        return Band(lua, FLOAT, a.astype("f8"), valid & ~np.isnan(a), str(a.dtype), a.dtype == "f4")
    if a.dtype == "u8":
        valid = valid & (a <= 2 ** 63 - 1)
    return Band(lua, INT, a.astype("i8"), valid, str(a.dtype))


bands, opening = {}, []
for name in SPECIAL:
    a = fill(name)
    path = write("%s/%s.tif" % (SCRATCH, name), [a], nodata=NODATA[name])
    opening.append('b.%s = Image "%s"' % (name, path))
    bands[name] = source_band("b." + name, a, NODATA[name])
mask = np.array([rng.random() < 0.7 for _ in range(H * W)]).reshape(SHAPE)
a = fill("uint8")
write(SCRATCH + "/masked.tif", [a], mask=mask)
opening.append('b.masked = Image "%s/masked.tif"' % SCRATCH)
bands["masked"] = source_band("b.masked", a, None, mask)
ints = [b for b in bands.values() if b.type == INT]
floats = [b for b in bands.values() if b.type == FLOAT]


def truth(b, what):
    return ref.compare("gt", b, constant(what, SHAPE))


bools = [truth(bands["int16"], 1), truth(bands["float32"], 0), truth(bands["masked"], 100)]
numbers = ints + floats + bools[:1]
const_i = [constant(x, SHAPE) for x in (0, 1, -1, 2, 3, -7, 255, 65536, 2 ** 53 + 1, 2 ** 63 - 1, -2 ** 63)]
const_f = [constant(x, SHAPE) for x in (0.0, 0.5, -2.5, 1e300, 2.0, float("nan"), float("inf"))]
consts = const_i + const_f

# --- the cases -----------------------------------------------------------------------------------------

cases = []


def pairs(left, right, n):
    """n pairs, every left once at least; some of the left are constants."""
    both = [(a, b) for a in left for b in right]
    return rng.sample(both, min(n, len(both)))


for op in ("add", "sub", "mul", "div", "idiv", "mod", "min", "max"):
    cases += [ref.arithmetic(op, a, b) for a, b in pairs(numbers, numbers, 26)]
    cases += [ref.arithmetic(op, a, c) for a, c in pairs(numbers, consts, 20)]
    if op in ref.SIGN:
        cases += [ref.arithmetic(op, c, a) for a, c in pairs(numbers, consts, 10)]
cases += [ref.arithmetic("pow", a, b) for a, b in pairs(numbers, floats + const_f + const_i[:4], 10)]
for op in ("neg", "abs", "floor", "ceil", "round", "sqrt"):
    cases += [ref.unary(op, a) for a in numbers]
for op in ref.LIBM1:
    cases += [ref.libm(op, a) for a in (bands["float64"], bands["uint8"], bands["int16"])]
cases += [ref.libm("atan2", a, b) for a, b in pairs(numbers, numbers, 4)]
for op in ref.LIBM1:  # what is not finite is invalid before it is written, too
    cases += [ref.isvalid(ref.libm(op, a)) for a in (bands["float64"], bands["float32"], bands["int16"])]
cases += [ref.isvalid(ref.libm("asin", ref.libm("sin", bands["float64"])))]
narrow = [ref.astype(bands["float64"], "float32", saturate) for saturate in (False, True)]
cases += [ref.isvalid(ref.arithmetic("sub", a, b)) for a in narrow for b in narrow]
for op in ("shl", "shr"):
    cases += [ref.shift(op, a, b) for a, b in pairs(ints + bools, ints + const_i, 16)]
for op in ("lt", "le", "gt", "ge", "eq", "ne"):
    cases += [ref.compare(op, a, b) for a, b in pairs(numbers, numbers, 20)]
    cases += [ref.compare(op, a, c) for a, c in pairs(numbers, consts, 14)]
for op in ("and", "or", "xor"):
    cases += [ref.logic(op, a, b) for a in bools for b in bools]
    cases += [ref.logic(op, a, constant(x, SHAPE)) for a in bools for x in (True, False)]
    cases += [ref.logic(op, a, b) for a, b in pairs(ints, ints + const_i, 16)]
cases += [ref.negate(a) for a in bools + ints]
for a in numbers:
    cases += [ref.between(a, constant(1, SHAPE), constant(254.5, SHAPE), how) for how in (None, "exclusive")]
    cases += [ref.self_mask(a), ref.isvalid(a), ref.mask_range(a, constant(1, SHAPE), constant(64, SHAPE))]
    cases += [ref.keep(a, rng.choice(bools)), ref.hide(a, rng.choice(bools))]
    cases += [ref.unmask(a, rng.choice(numbers)), ref.unmask(a, rng.choice(consts))]
    cases += [ref.where(a, rng.choice(bools), rng.choice(numbers)), ref.where(a, rng.choice(bools), rng.choice(consts))]
    cases += [ref.if_else(rng.choice(bools), a, rng.choice(numbers))]
    cases += [ref.clamp(a, constant(lo, SHAPE), constant(hi, SHAPE)) for lo, hi in ((0, 200), (-1.5, 2), (-3, 1e301))]
    cases += [ref.rescale(a, 0, 10000), ref.rescale(a, -1.0, 3.5, (0, 255)), ref.rescale(a, 10, 2, (1.0, -1.0))]
    for name in sorted(ref.RANGE) + ["float32", "float64"]:
        cases += [ref.astype(a, name), ref.astype(a, name, True)]
for op in ("lt", "le", "gt", "ge", "eq", "ne"):
    cases += [ref.mask_by(op, a, c) for a, c in pairs(numbers, consts, 6)]
cases += [ref.unmask(a, b) for a in bools for b in bools] + [ref.isvalid(a) for a in bools]
cases += [ref.where(a, c, b) for a in bools for b in bools for c in bools[:2]]
for a in ints:
    cases += [ref.lookup(a, {0: 5, 1: -7, 3: 2 ** 40, 255: 0}), ref.lookup(a, {2: 0.5, 64: -1e300, 7: 3})]


def tree(t, depth):
    """A random expression of type t."""
    if depth == 0:
        return rng.choice({BOOL: bools, INT: ints, FLOAT: floats}[t])
    n = rng.choice([INT, FLOAT])
    if t == BOOL:
        pick = rng.randrange(5)
        if pick == 0:
            return ref.logic(rng.choice(["and", "or", "xor"]), tree(BOOL, depth - 1), tree(BOOL, depth - 1))
        if pick == 1:
            return ref.negate(tree(BOOL, depth - 1))
        if pick == 2:
            return ref.isvalid(tree(n, depth - 1))
        return ref.compare(rng.choice(["lt", "le", "gt", "ge", "eq", "ne"]), tree(n, depth - 1),
                           tree(rng.choice([INT, FLOAT]), depth - 1))
    pick = rng.randrange(6)
    if pick == 0:
        return ref.keep(tree(t, depth - 1), tree(BOOL, depth - 1))
    if pick == 1:
        return ref.where(tree(t, depth - 1), tree(BOOL, depth - 1), tree(t, depth - 1))
    if pick == 2:
        return ref.unmask(tree(t, depth - 1), tree(t, depth - 1))
    if pick == 3:
        return ref.unary(rng.choice(["neg", "abs", "floor", "ceil", "round"]), tree(t, depth - 1))
    op = rng.choice(["add", "sub", "mul", "idiv", "mod", "min", "max"])
    return ref.arithmetic(op, tree(t, depth - 1), tree(INT if t == INT else n, depth - 1))


cases += [tree(rng.choice([BOOL, INT, FLOAT]), rng.choice([2, 3, 4, 5])) for _ in range(150)]

# --- few runs for all -----------------------------------------------------------------------------------
# Results of floats and booleans are stacked; integers have a product each, since each has its own nodata.

def run(script, name, *args):
    path = "%s/%s.lua" % (SCRATCH, name)
    with open(path, "w") as f:
        f.write("\n".join(["local b = {}"] + opening + script) + "\n")
    tellua("run", path, "--out", SCRATCH + "/" + name, "--quiet", *args)
    return SCRATCH + "/" + name


stacks = {t: [c for c in cases if c.type == t] for t in (FLOAT, BOOL)}
singles = [c for c in cases if c.type == INT]
outputs = ['output("i%d", %s, {dtype = "int64", tile = 64})' % (i, c.lua) for i, c in enumerate(singles)]
for t, name, dtype in ((FLOAT, "f", "float64"), (BOOL, "b", "uint8")):
    for at in range(0, len(stacks[t]), 100):
        some = stacks[t][at:at + 100]
        outputs.append("do\n  local s = {}\n%s\n  output(\"%s%d\", Image(s), {dtype = \"%s\", tile = 64})\nend" % (
            "\n".join("  s[%d] = %s" % (i + 1, c.lua) for i, c in enumerate(some)), name, at // 100, dtype))
for at in range(0, len(outputs), 60):
    out = run(outputs[at:at + 60], "all", "--threads", 1)
wrong = {}


def check(case, values, valid):
    want = case.v.astype(values.dtype)
    why = differ(want, values, case.k) or ("" if (valid == case.k).all() else
                                           "%d cells differ in validity, first at %s: wanted %s" % (
        (valid != case.k).sum(), np.argwhere(valid != case.k)[0], case.k[tuple(np.argwhere(valid != case.k)[0])]))
    if why:
        wrong[case.lua] = why


for i, case in enumerate(singles):
    r = Raster("%s/i%d.tif" % (out, i))
    check(case, r.values[0], r.valid[0])
for t, name in ((FLOAT, "f"), (BOOL, "b")):
    for at in range(0, len(stacks[t]), 100):
        r = Raster("%s/%s%d.tif" % (out, name, at // 100))
        for i, case in enumerate(stacks[t][at:at + 100]):
            check(case, r.values[i], r.valid[i])
ok(not wrong, "%d expressions of every operation give the reference's values and validity" % len(cases),
   "%d wrong:\n" % len(wrong) + "\n".join("%s: %s" % (k[:300], v) for k, v in sorted(wrong.items(), key=lambda kv: len(kv[0]))))

# --- what the product is stored as ---------------------------------------------------------------------------

def expect(lua, dtype, nodata):
    """nodata: a number, "nan", or None for a mask band."""
    products.append((lua, dtype, nodata))


products = []
expect("b.uint8", "uint8", None)
expect("b.uint16", "uint16", 0)
expect("b.int16", "int16", -9999)
expect("b.int32", "int32", -2 ** 31)
expect("b.int64", "int64", 3)
expect("b.float32", "float32", "nan")
expect("b.float64", "float64", "nan")
expect("b.masked", "uint8", None)
expect("b.uint8:keep(b.uint8:gt(3))", "uint8", None)
expect("b.uint16:keep(b.uint8:gt(3))", "uint16", 0)
expect("b.uint8:gt(3)", "uint8", 255)
expect("b.uint8:gt(3):self_mask()", "uint8", 255)
expect("b.uint8 + 1", "uint16", 65535)
expect("b.uint8 - 1", "int16", 32767)
expect("b.uint8 // 2", "uint8", 255)
expect("b.uint8 % 10", "uint8", 255)
expect("b.uint8:clamp(1, 255)", "uint8", 0)
expect("b.uint8:clamp(1, 254)", "uint8", 255)
expect("b.uint8 * b.uint8", "uint16", 65535)
expect("b.uint16 * b.uint16", "uint32", 4294967295)
expect("b.int16 * b.int16", "int32", 2147483647)
expect("b.uint32 + 1", "int64", 2 ** 63 - 1)
expect("-b.uint8", "int16", 32767)
expect("-b.uint8:clamp(0, 100)", "int8", 127)
expect("b.uint8 / 2", "float32", "nan")
expect("b.float64 + 1", "float32", "nan")
expect("b.uint8:lookup{[0] = 7, [3] = -1}", "int8", 127)
expect("b.uint8:lookup{[0] = 7.5}", "float32", "nan")
expect('b.float64:astype("int16")', "int16", None)
expect('b.uint8:astype("float64")', "float64", "nan")
# one mask would lose the cells where only one of the two is valid
expect("b.uint8 .. b.uint16", "uint32", 4294967295)
expect("b.uint8 .. b.uint8:gt(3)", "uint8", None)
expect("b.int16 .. b.uint16", "int32", 2147483647)
expect("b.uint8 .. b.float32", "float32", "nan")
expect("b.int32 .. b.float32", "float64", "nan")
expect("b.float64 .. b.float32", "float64", "nan")
script = ['output("p%d", %s)' % (i, lua) for i, (lua, _, _) in enumerate(products)]
out = run(script, "types")
bad = []
for i, (lua, dtype, nodata) in enumerate(products):
    r = Raster("%s/p%d.tif" % (out, i))
    got_type = str(r.values.dtype)
    if dtype == "int8" and got_type == "uint8":
        got_type = "int8"  # GDAL before 3.7 has no such type: the bits, and PIXELTYPE in the metadata
    got = r.nodata[0]
    if got is not None and got != got:
        got = "nan"
    same = got == nodata or (dtype == "int8" and got == nodata)
    if got_type != dtype or not same or len(set(map(str, r.nodata))) != 1:
        bad.append("%s: %s nodata %s, not %s nodata %s" % (lua, got_type, r.nodata, dtype, nodata))
ok(not bad, "%d products have the smallest exact cell type and a nodata no cell holds" % len(products),
   "\n".join(bad))

# A product holds what was valid and nothing else, whatever marks the rest.
passing = {"uint8": "b.uint8", "uint16": "b.uint16", "int16": "b.int16", "int64": "b.int64", "float32": "b.float32",
           "float64": "b.float64", "masked": "b.masked", "uint32": "b.uint32", "int32": "b.int32"}
bad = []
for name, lua in passing.items():
    i = [p[0] for p in products].index(lua) if lua in [p[0] for p in products] else None
    if i is None:
        continue
    r = Raster("%s/p%d.tif" % (out, i))
    why = differ(bands[name].v.astype(r.values.dtype), r.values[0], bands[name].k)
    if why or (r.valid[0] != bands[name].k).any():
        bad.append("%s: %s" % (name, why or "validity"))
ok(not bad, "a band that is only copied keeps its values and its validity", "\n".join(bad))

# A mask decides alone: cells under it may hold the nodata number and are valid all the same.
a = np.array([rng.choice([0, 0, 1, 7]) for _ in range(H * W)], "u1").reshape(SHAPE)
write(SCRATCH + "/both.tif", [a], mask=mask, nodata=0)
seen = Raster(SCRATCH + "/both.tif")
out = run(['output("r", Image "%s/both.tif")' % SCRATCH], "both")
r = Raster(out + "/r.tif")
ok((r.valid[0] == seen.valid[0]).all() and not differ(seen.values[0], r.values[0], seen.valid[0]),
   "a valid cell that holds the file's nodata number stays valid in the product",
   "%d cells differ" % (r.valid[0] != seen.valid[0]).sum())

# Resampled cells may hit the source's nodata number: they are valid and must stay so.
a = np.array([rng.choice([-6, 6, 2, -2]) for _ in range(64 * 64)], "i2").reshape(64, 64)
write(SCRATCH + "/even.tif", [a], nodata=0)
out = run(['output("r", (Image "%s/even.tif"):resample "average", {res = 20})' % SCRATCH,
           'output("v", (Image "%s/even.tif"):resample("average"):isvalid(), {res = 20})' % SCRATCH], "even")
r, v = Raster(out + "/r.tif"), Raster(out + "/v.tif")
ok((r.valid[0] == (v.values[0] == 1)).all() and v.values.all(),
   "an average that equals the file's nodata number stays valid in the product",
   "%d cells are lost" % (~r.valid[0]).sum())
mean = a.reshape(32, 2, 32, 2).astype("f8").mean(axis=(1, 3))
ok(not differ(np.rint(mean).astype("i2"), r.values[0].astype("i2"), r.valid[0]),
   "an average of integers is rounded half to even", differ(np.rint(mean).astype("i2"), r.values[0].astype("i2"), r.valid[0]))

# unscale: the file's own scale and offset.
from osgeo import gdal  # noqa: E402
a = fill("uint16")
write(SCRATCH + "/scaled.tif", [a], nodata=0)
ds = gdal.Open(SCRATCH + "/scaled.tif", gdal.GA_Update)
ds.GetRasterBand(1).SetScale(0.0001)
ds.GetRasterBand(1).SetOffset(-0.1)
ds = None
out = run(['output("u", (Image "%s/scaled.tif"):unscale(), {dtype = "float64"})' % SCRATCH], "scaled")
r = Raster(out + "/u.tif")
ok(not differ(a.astype("f8") * 0.0001 + -0.1, r.values[0], a != 0) and (r.valid[0] == (a != 0)).all(),
   "unscale gives number times scale plus offset", differ(a.astype("f8") * 0.0001 + -0.1, r.values[0], a != 0))
done()
