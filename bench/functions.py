"""Users' functions over a whole picture in memory, ns per pixel. SPDX-License-Identifier: MIT

2048 x 2048 cells, one thread. Tellua, compiled and in the Lua VM, reads the very arrays that numpy and
numexpr read and writes arrays of the same size, numbers and validity (bench/whole.c: tl_evaluate, as
embedding programs call it). Everyone writes into arrays that are there already: numexpr and numpy by
out=, for the gallery numpy by copying the bands of its picture into one. Medians of turns taken in
rotation, of the processor's time, so that others on the machine count as little as can be; the results
are compared."""
import ctypes
import math
import os
import re
import statistics
import sys
import time

import numpy as np

np.seterr(all="ignore")

try:
    import numexpr
    numexpr.set_num_threads(1)
except ImportError:
    numexpr = None

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "py"))
SIDE, TURNS = 2048, int(os.environ.get("TURNS", "7"))
CELLS = SIDE * SIDE

EVI = ("function(B02, B04, B08) return 2.5 * (B08 - B04) / (B08 + 6.0 * B04 - 7.5 * B02 + 1.0) end",
       "2.5 * (B08 - B04) / (B08 + 6.0 * B04 - 7.5 * B02 + 1.0)",
       "np.divide(2.5 * (B08 - B04), B08 + 6.0 * B04 - 7.5 * B02 + 1.0, out=out)")
STUBBLE = ("function(B04, B06, B08, B11)"
           " return B04 < 1000 and B06 < 1200 and B08 < 1200 and B11 > 500 and B11 < 1600 end",
           "(B04 < 1000) & (B06 < 1200) & (B08 < 1200) & (B11 > 500) & (B11 < 1600)",
           "np.bitwise_and((B04 < 1000) & (B06 < 1200) & (B08 < 1200) & (B11 > 500), B11 < 1600, out=out)")
GALLERY = ["active_fire", "snow", "green_city", "barren_soil", "cby_clouds"]


def library():
    lib = ctypes.CDLL(os.path.join(os.environ.get("BUILD", "build/release"), "bench", "whole.so"))
    lib.bench_open.restype = ctypes.c_void_p
    lib.bench_open.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p,
                               ctypes.c_int64, ctypes.c_int64]
    lib.bench_message.restype = ctypes.c_char_p
    for f in (lib.bench_message, lib.bench_results, lib.bench_close):
        f.argtypes = [ctypes.c_void_p]
    lib.bench_result_is_float.argtypes = [ctypes.c_void_p, ctypes.c_int]
    lib.bench_run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    return lib


LIB = library()


def pointers(arrays):
    return (ctypes.c_void_p * len(arrays))(*[a.ctypes.data for a in arrays])


def names_of(function):
    return [n.strip() for n in re.match(r"function\s*\((.*?)\)", function).group(1).split(",")]


class Tellua:
    """A function over bands, a dictionary of arrays of one type."""

    def __init__(self, function, bands, compiled):
        arrays = [bands[n] for n in names_of(function)]
        self.b = LIB.bench_open(function.encode(), compiled, arrays[0].dtype.name.encode(),
                                pointers(arrays), SIDE, SIDE)
        self.check()
        self.types = ["f8" if LIB.bench_result_is_float(self.b, k) else "?"
                      for k in range(LIB.bench_results(self.b))]

    def check(self):
        message = LIB.bench_message(self.b).decode()
        if message:
            sys.exit("bench: " + message)

    def arrays(self):
        return ([np.full((SIDE, SIDE), 0, t) for t in self.types],
                [np.full((SIDE, SIDE), 0, "?") for _ in self.types])

    def __call__(self, held):
        values, valid = held
        LIB.bench_run(self.b, pointers(values), pointers(valid))
        self.check()
        return list(zip(values, valid))

    def close(self):
        LIB.bench_close(self.b)


def same(got, expected, names):
    """Numbers where numpy's are finite, else not valid; a condition on the edge may fall either way."""
    for (values, valid), want in zip(got, expected):
        want = np.asarray(want)
        ok = np.isfinite(want)
        bad = np.count_nonzero(ok != valid) + np.count_nonzero(
            ~np.isclose(values[ok & valid].astype("f8"), want[ok & valid].astype("f8"), 1e-9, 1e-12))
        if bad > CELLS * 1e-5:
            sys.exit("bench: %s: %d cells differ" % (names, bad))


def race(who):
    """{name: callable} in rotation: medians, ns per pixel."""
    spent = {n: [] for n in who}
    results = {n: run() for n, run in who.items()}  # once before: caches, pages, numexpr's compiler
    for _ in range(TURNS):
        for name, run in who.items():
            start = time.process_time()
            results[name] = run()
            spent[name].append((time.process_time() - start) / CELLS * 1e9)
    return {n: statistics.median(t) for n, t in spent.items()}, results


def picture(names, dtype, top):
    rng = np.random.default_rng(7)
    if dtype == "float64" and top == 1:
        return {n: rng.random((SIDE, SIDE)) for n in names}
    return {n: rng.integers(0, top, (SIDE, SIDE)).astype(dtype) for n in names}


def job(title, function, formula, by_hand, dtype, top):
    bands = picture(names_of(function), dtype, top)
    fast, slow = Tellua(function, bands, 1), Tellua(function, bands, 0)
    held = {n: x.arrays() for n, x in (("fast", fast), ("slow", slow))}
    out = {n: np.full((SIDE, SIDE), 0, fast.types[0]) for n in ("numpy", "numexpr")}
    code, names = compile(by_hand, "formula", "eval"), dict(bands, np=np, out=out["numpy"])
    who = {"tellua, compiled": lambda: fast(held["fast"]), "numpy": lambda: eval(code, names)}
    if numexpr:
        who["numexpr"] = lambda: numexpr.evaluate(formula, bands, out=out["numexpr"])
    # What no program that reads the bands once can beat by much.
    who["reading alone"] = lambda: [b.max() for b in bands.values()]
    who["tellua, Lua VM"] = lambda: slow(held["slow"])
    medians, results = race(who)
    for name in ("tellua, compiled", "tellua, Lua VM"):
        same(results[name], [results["numpy"]], title)
    print(title)
    for name, ns in medians.items():
        print("  %-20s %7.2f ns   %6.1f x" % (name, ns, ns / medians["tellua, compiled"]))
    fast.close()
    slow.close()


def function_of(name):
    with open(os.path.join(HERE, "..", "scripts", "gallery", name + ".lua")) as f:
        return re.findall(r"^local function \w+(\(.*?\n.*?^end)$", f.read(), re.M | re.S)[-1]


def gallery():
    """Five scripts of the gallery, function against the same written by hand in numpy, float64."""
    import gallery_formulas as formulas
    ratios = []
    for name in GALLERY:
        function = "function" + function_of(name)
        bands = picture(names_of(function), "float64", 1)
        everywhere = np.ones((SIDE, SIDE), bool)
        formulas.refl = lambda scene, *wanted: ([scene[w] for w in wanted], everywhere)
        tellua = Tellua(function, bands, 1)
        held, picture_of = tellua.arrays(), np.full((len(tellua.types), SIDE, SIDE), 0, "f8")

        def by_hand():
            for k, (values, _) in enumerate(getattr(formulas, name)(bands)[0]):
                picture_of[k] = values
            return picture_of

        medians, results = race({"tellua": lambda: tellua(held), "numpy": by_hand})
        same(results["tellua"], list(results["numpy"]), name)
        tellua.close()
        ratios.append(medians["numpy"] / medians["tellua"])
        print("  %-20s %7.2f ns   numpy %8.2f ns   %6.1f x"
              % (name, medians["tellua"], medians["numpy"], ratios[-1]))
    print("  geometric mean %.1f x" % math.exp(sum(map(math.log, ratios)) / len(ratios)))


job("EVI, float64", *EVI, "float64", 1)
job("stubble rule, float64", *STUBBLE, "float64", 4000)
job("stubble rule, uint16", *STUBBLE, "uint16", 4000)
print("five scripts of the gallery, float64")
gallery()
