# A pixel depends on the graph and its cell alone: random graphs over random sources, cut in every way.
# SPDX-License-Identifier: MIT
import hashlib
import json
import os
import random
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import SCRATCH, Raster, differ, done, gdal, note, np, ok, tellua, write  # noqa: E402

SEED = int(os.environ.get("TELLUA_TEST_SEED", "20160713"))
CASES = int(os.environ.get("TELLUA_TEST_CASES", "12"))
note("TELLUA_TEST_SEED=%d TELLUA_TEST_CASES=%d" % (SEED, CASES))
rng = random.Random(SEED)
dice = np.random.default_rng(SEED)

# --- sources: one place, seen by files of many kinds -------------------------------------------------


def field(h, w, dtype):
    """Smooth, with noise and steps: interpolations and classes both show."""
    y, x = np.mgrid[0:h, 0:w]
    a = 900 + 700 * np.sin(x / 17.0) * np.cos(y / 23.0) + dice.normal(0, 30, (h, w))
    a[(x // 31 + y // 29) % 7 == 0] *= 0.25
    if dtype == "uint8":
        return (a / 300).clip(0, 11).astype("u1")
    return a.astype(dtype)


def holes(h, w):
    return dice.random((h // 8 + 1, w // 8 + 1)).repeat(8, 0).repeat(8, 1)[:h, :w] > 0.12


def make():
    def punched(a, nodata):
        return np.where(holes(*a.shape), a, a.dtype.type(nodata))

    files = {}

    def add(name, a, kind, epsg, transform, **more):
        files[name] = (write("%s/%s.tif" % (SCRATCH, name), [a], transform, epsg, **more), kind)
        if name in ("fine", "half", "zone32"):
            ds = gdal.Open(files[name][0], gdal.GA_Update)
            ds.BuildOverviews("NEAREST" if name == "half" else "AVERAGE", [2, 4, 8])
            del ds

    x0, y0 = 500000, 5000000
    tiled = ["TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=48"]
    add("base", punched(field(211, 247, "uint16"), 0), "i", 32633, (x0, 10, 0, y0, 0, -10), nodata=0, options=tiled)
    add("shifted", field(190, 260, "int16"), "i", 32633, (x0 - 130, 10, 0, y0 + 70, 0, -10))
    add("half", punched(field(215, 240, "float32"), np.nan), "f", 32633, (x0 + 5, 10, 0, y0 - 3, 0, -10))
    add("coarse", field(80, 92, "uint8"), "i", 32633, (x0 - 40, 30, 0, y0 + 60, 0, -30), mask=holes(80, 92))
    add("fine", field(500, 540, "int32"), "i", 32633, (x0 + 3, 4, 0, y0 - 1, 0, -4), options=tiled)
    add("degrees", punched(field(190, 260, "float32"), -1), "f", 4326, (14.999, 1.3e-4, 0, 45.1555, 0, -1.01e-4), nodata=-1)
    add("southup", field(220, 250, "uint16")[::-1].copy(), "i", 32633, (x0, 10, 0, y0 - 2200, 0, 10))
    add("laea", punched(field(230, 270, "float64"), np.nan), "f", 3035, (4713560, 11, 0, 2451160, 0, -11))
    add("zone32", field(240, 280, "uint16"), "i", 32632, (971100, 10, 0, 5009900, 0, -10))
    return files


FILES = make()
METHODS = {"nearest": 0, "bilinear": 1, "cubic": 1, "average": 1, "mode": 0}


def leaf(t):
    names = [n for n, (_, kind) in FILES.items() if kind == ("i" if t == "i" else "f") or t == "n"]
    name = rng.choice(names)
    method = rng.choice(list(METHODS))
    return "b.%s%s" % (name, "" if method == "nearest" else ':resample "%s"' % method)


def paren(x):
    return "(%s)" % x


def boolean(d):
    k = rng.randrange(8)
    if d == 0 or k < 3:
        return "%s:%s(%s)" % (paren(image("n", d - 1)), rng.choice(["lt", "le", "gt", "ge", "eq", "ne"]),
                              rng.choice(["500", "900.5", "-3", image("n", d - 1)]))
    if k == 3:
        return "%s:between(%d, %d)" % (paren(image("n", d - 1)), rng.randint(0, 500), rng.randint(501, 1500))
    if k == 4:
        return paren(image("n", d - 1)) + ":isvalid()"
    if k == 5:
        return "~" + paren(boolean(d - 1))
    return "(%s %s %s)" % (boolean(d - 1), rng.choice("&|~"), boolean(d - 1))


def image(t, d):
    """Lua text of an image of type i (integer), f (float) or n (a number)."""
    if d <= 0:
        return leaf(t)
    a = image(t, d - 1)
    k = rng.randrange(14)
    if k < 5:
        op = rng.choice(["+", "-", "*", "//", "%"] + ([] if t == "i" else ["/"]))
        other = rng.choice(["2", "7", "-13"] if t == "i" else ["0.3", "2", "-1.75"])
        b = rng.choice([image(t, d - 1), image(t, d - 2), other])
        return "((%s) %s (%s))" % (a, op, b)
    if k == 5:
        return "%s:%s(%s)" % (paren(a), rng.choice(["min", "max"]), image(t, d - 1))
    if k == 6:
        return "%s:%s()" % (paren(a), rng.choice(["neg", "abs", "floor", "ceil", "round"]))
    if k == 7:
        return "%s:%s(%s)" % (paren(a), rng.choice(["keep", "hide"]), boolean(d - 1))
    if k == 8:
        return "%s:where(%s, %s)" % (paren(a), boolean(d - 1), image(t, d - 2))
    if k == 9:
        return "if_else(%s, %s, %s)" % (boolean(d - 1), a, image(t, d - 1))
    if k == 10:
        return "%s:unmask(%s)" % (paren(a), rng.choice(["0", image(t, d - 1)]))
    if k == 11:
        return "%s:clamp(-5, 1200):mask_%s(%d)" % (paren(a), rng.choice(["lt", "le", "gt", "eq", "ne"]), rng.randint(-5, 1200))
    if t == "i":
        return rng.choice([
            "(%s & 1023)" % paren(a), "(%s ~ 21)" % paren(a), "(%s >> 2)" % paren(a), "(~%s)" % paren(a),
            '%s:astype("int16", {saturate = true})' % paren(a), '%s:astype("uint8")' % paren(a),
            "(%s %% 5):lookup{[0] = 3, [1] = -70, [3] = 4096}" % paren(a)])
    return rng.choice([
        "%s:abs():sqrt()" % paren(a), "%s:rescale(0, 1500)" % paren(a), '%s:astype("float32")' % paren(a),
        "%s:sin()" % paren(a), "(%s / 1000):exp()" % paren(a), "%s:abs():log()" % paren(a),
        "(%s:abs() ^ 0.7)" % paren(a), "%s:atan(%s)" % (paren(a), image("n", d - 2))])


def script(path):
    """Two or three outputs, some on the same grid; `tile` is a parameter."""
    lines = ['local tile = param("tile", 64)', "local b = {}"]
    lines += ['b.%s = Image "%s"' % (n, f) for n, (f, _) in FILES.items()]
    for i in range(rng.choice([1, 2, 2, 3])):
        d = rng.choice([1, 2, 3, 4])
        text = rng.choice([lambda: image("i", d), lambda: image("f", d), lambda: image("n", d), lambda: boolean(d),
                           lambda: "Image{%s, %s}" % (image("f", d), image("f", d - 1))])()
        extra = rng.choice(["", "", ', dtype = "float64"'])
        extra += rng.choice(["", "", "", ", res = 7", ', crs = "EPSG:3857", res = 15', ', crs = "EPSG:4326"',
                             ", res = 20", ", res = 37", ', align = "crs"', ", bbox = {15.002, 45.138, 15.025, 45.151}"])
        lines.append('output("o%d", %s, {tile = tile%s})' % (i, text, extra))
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n")
    return lines


def products(folder):
    return {n: Raster(os.path.join(folder, n)) for n in sorted(os.listdir(folder)) if n.endswith(".tif")}


def compare(what, want, got, why):
    for n, a in want.items():
        b = got.get(n)
        if b is None:
            why.append("%s: %s is missing" % (what, n))
            continue
        text = differ(a.values, b.values) or differ(a.valid, b.valid)
        if text or a.nodata != b.nodata and not (np.isnan(a.nodata[0]) and np.isnan(b.nodata[0])):
            why.append("%s, %s: %s" % (what, n, text or "nodata %s, not %s" % (b.nodata, a.nodata)))
        elif not a.same_place(b):
            why.append("%s, %s: lies elsewhere: %s %s, not %s %s" % (what, n, b.transform, b.size, a.transform, a.size))


def cuts(n):
    """1 to 3 parts of 0..n at random places."""
    at = sorted({0, n} | {rng.randint(1, n - 1) for _ in range(rng.choice([0, 1, 1, 2]))}) if n > 1 else [0, n]
    return list(zip(at, at[1:]))


def split(path, name, whole, top, why):
    """One output in random windows, pasted together; each window must lie where it says."""
    w, h = whole.size
    values, valid = np.zeros_like(whole.values), np.zeros_like(whole.valid)
    gt = whole.transform
    for x0, x1 in cuts(w):
        for y0, y1 in cuts(h):
            out = "%s/w" % top
            tellua("run", path, "--out", out, "--output", name, "--quiet", "--window",
                   "%d,%d,%d,%d" % (x0, y0, x1 - x0, y1 - y0), "-p", "tile=%d" % rng.choice([64, 80, 128, 512]))
            r = Raster("%s/%s.tif" % (out, name))
            values[:, y0:y1, x0:x1], valid[:, y0:y1, x0:x1] = r.values, r.valid
            place = (gt[0] + x0 * gt[1], gt[3] + y0 * gt[5])
            if max(abs(r.transform[0] - place[0]), abs(r.transform[3] - place[1])) > 1e-6 * abs(gt[1]) * 100:
                why.append("window %d,%d of %s lies at %s, not %s" % (x0, y0, name, r.transform, place))
    text = differ(whole.values, values) or differ(whole.valid, valid)
    if text:
        why.append("windows of %s: %s" % (name, text))


def small_memory(path):
    """The least that the program will run in, as it says itself."""
    _, err = tellua("run", path, "--out", SCRATCH + "/none", "--mem", "1M", "-p", "tile=512", expect=1)
    return int(re.search(r"needs (\d+) MiB", err).group(1)) + 1


def same_bytes(a, b, why, what):
    for n in sorted(os.listdir(a)):
        if n.endswith(".tif"):
            with open(os.path.join(a, n), "rb") as f, open(os.path.join(b, n), "rb") as g:
                if f.read() != g.read():
                    why.append("%s: the bytes of %s differ" % (what, n))


def check_plan(path, top, why):
    text, _ = tellua("plan", path, "--json")
    m = re.match(r'^\{"key":"([0-9a-f]{64})","plan":(.*)\}\n$', text, re.S)
    if not m:
        why.append("plan --json is not {key, plan}")
        return
    if hashlib.sha256(m.group(2).encode()).hexdigest() != m.group(1):
        why.append("the key is not the SHA-256 of the plan's text")
    keep = json.loads(m.group(2), parse_float=lambda s: "@@%s@@" % s)
    again = json.dumps(keep, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if again.replace('"@@', "").replace('@@"', "") != m.group(2):
        why.append("the plan's text is not sorted and compact")
    with open(top + "/plan.json", "w") as f:
        f.write(text)
    tellua("run", top + "/plan.json", "--out", top + "/plan", "--quiet", "--threads", rng.choice([1, 2, 3]))
    same_bytes(top + "/whole", top + "/plan", why, "the plan's run")
    if tellua("plan", top + "/plan.json", "--json")[0] != text:
        why.append("a plan read back and printed is another plan")


cells = valid_cells = runs = 0
for case in range(CASES):
    top = "%s/case%d" % (SCRATCH, case)
    os.mkdir(top)
    path = top + "/graph.lua"
    lines = script(path)
    why = []
    tellua("run", path, "--out", top + "/whole", "--threads", 1, "--quiet")
    whole = products(top + "/whole")
    for r in whole.values():
        cells += r.valid.size
        valid_cells += int(r.valid.sum())
    tellua("run", path, "--out", top + "/again", "--threads", 2, "--quiet")
    same_bytes(top + "/whole", top + "/again", why, "2 threads")
    for what, args in (("7 threads", ["--threads", 7]), ("tiles of 208", ["-p", "tile=208"]),
                       ("tiles of 512", ["-p", "tile=512"]),
                       ("the least memory", ["-p", "tile=512", "--mem", "%dM" % small_memory(path)])):
        tellua("run", path, "--out", top + "/other", "--quiet", *args)
        compare(what, whole, products(top + "/other"), why)
    name = rng.choice(sorted(whole))
    split(path, name[:-4], whole[name], top, why)
    check_plan(path, top, why)
    sources = sorted(set(re.findall(r"b\.(\w+)", "\n".join(line for line in lines if line.startswith("output")))))
    if not ok(not why, "graph %d over %s" % (case + 1, " ".join(sources)), "\n".join(why)):
        for line in lines[2 + len(FILES):]:
            note(line)
share = valid_cells / max(1, cells)
note("%d cells, %.0f%% valid" % (cells, 100 * share))
ok(CASES < 8 or 0.1 < share < 0.999, "a fair share of the cells is valid", share)
done()
