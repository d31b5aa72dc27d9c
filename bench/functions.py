"""EVI in float64 and the stubble rule on uint16, ns per pixel. SPDX-License-Identifier: MIT

Tellua's figures are test_execute's: a block of 256 x 256 cells read from memory, validity included,
compiled and in the Lua VM. numpy and numexpr compute the same from arrays in memory, without
validity, over as many cells (which stay in the cache) and over 4 Mpx; in float64, as most recipes do,
and in the cells' own type. Medians of five turns."""
import math
import os
import re
import statistics
import subprocess
import sys
import time

import numpy as np

try:
    import numexpr
    numexpr.set_num_threads(1)
except ImportError:
    numexpr = None

TELLUA = os.environ.get("TELLUA", "build/release/tellua")
JOBS = {
    "EVI, float64": (
        "function(B02, B04, B08) return 2.5 * (B08 - B04) / (B08 + 6.0 * B04 - 7.5 * B02 + 1.0) end",
        "float64", "2.5 * (b8 - b4) / (b8 + 6.0 * b4 - 7.5 * b2 + 1.0)"),
    "stubble, uint16": (
        "function(B02, B04, B08) return B04 < 1000 and B02 < 1200 and B08 > 500 and B08 < 1600 end",
        "uint16", "(b4 < 1000) & (b2 < 1200) & (b8 > 500) & (b8 < 1600)"),
}


def tellua(function, dtype):
    code = ("local r = test_execute(%s, {types = {B02 = '%s', B04 = '%s', B08 = '%s'}}) "
            "return r.ns_compiled, r.ns_interpreted" % (function, dtype, dtype, dtype))
    out = subprocess.run([TELLUA, "-e", code], capture_output=True, text=True, check=True).stdout
    return [float(x) for x in out.split()]


def timed(run, cells):
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) / cells * 1e9


def arrays(cells, dtype, held_as):
    rng = np.random.default_rng(7)
    if dtype == "float64":
        return {n: rng.random(cells) for n in ("b2", "b4", "b8")}
    return {n: rng.integers(0, 4000, cells).astype(held_as) for n in ("b2", "b4", "b8")}


HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "py"))
GALLERY = ["active_fire", "snow", "green_city", "barren_soil", "cby_clouds"]


def gallery():
    """Five scripts of the gallery, function against the same written by hand in numpy, float64."""
    import gallery_formulas as formulas
    ratios = []
    for name in GALLERY:
        with open(os.path.join(HERE, "..", "scripts", "gallery", name + ".lua")) as f:
            functions = re.findall(r"^local (function) \w+(\((.*?)\)\n.*?^end)$", f.read(), re.M | re.S)
        params, text = functions[-1][2], functions[-1][0] + functions[-1][1]
        names = [p.strip() for p in params.split(",")]
        types = ", ".join("%s = 'float64'" % n for n in names)
        code = "return test_execute(%s, {types = {%s}}).ns_compiled" % (text, types)
        cells = 1 << 22
        rng = np.random.default_rng(7)
        bands = {n: rng.random(cells) for n in names}
        valid = np.ones(cells, bool)
        formulas.refl = lambda scene, *wanted: ([scene[w] for w in wanted], valid)
        fast, slow = [], []
        for turn in range(5):
            fast.append(float(subprocess.run([TELLUA, "-e", code], capture_output=True, text=True, check=True).stdout))
            slow.append(timed(lambda: getattr(formulas, name)(bands), cells))
        ratios.append(statistics.median(slow) / statistics.median(fast))
        print("  %-20s %7.2f ns   numpy %8.2f ns   %6.1f x"
              % (name, statistics.median(fast), statistics.median(slow), ratios[-1]))
    print("  geometric mean %.1f x" % math.exp(sum(map(math.log, ratios)) / len(ratios)))


for name, (function, dtype, formula) in JOBS.items():
    code = compile(formula, "formula", "eval")
    sets = {(cells, t): arrays(cells, dtype, t) for cells in (65536, 1 << 22)
            for t in sorted({"float64", dtype})}
    seen = {}
    for turn in range(5):
        fast, slow = tellua(function, dtype)
        seen.setdefault("tellua, compiled", []).append(fast)
        seen.setdefault("tellua, Lua VM", []).append(slow)
        for (cells, held_as), a in sets.items():
            label = "%s, %g Mpx" % (held_as, cells / (1 << 20))
            repeat = max(1, (1 << 21) // cells)
            seen.setdefault("numpy, " + label, []).append(
                timed(lambda: [eval(code, {}, a) for _ in range(repeat)], cells * repeat))
            if numexpr:
                numexpr.evaluate(formula, a)
                seen.setdefault("numexpr, " + label, []).append(
                    timed(lambda: [numexpr.evaluate(formula, a) for _ in range(repeat)], cells * repeat))
    base = statistics.median(seen["tellua, compiled"])
    print(name)
    for who, x in seen.items():
        print("  %-30s %7.2f ns   %6.1f x" % (who, statistics.median(x), statistics.median(x) / base))

print("five scripts of the gallery, against numpy on 4 Mpx")
gallery()
