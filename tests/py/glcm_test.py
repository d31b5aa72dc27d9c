#!/usr/bin/python3
"""Texture beside Haralick's formulas over whole matrices in numpy. SPDX-License-Identifier: MIT"""
import os
import random
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Raster, differ, done, note, np, ok, tellua, write  # noqa: E402

SEED = int(os.environ.get("TELLUA_TEST_SEED", "20240613"))
note("TELLUA_TEST_SEED=%d" % SEED)
dice, rng = np.random.default_rng(SEED), random.Random(SEED)
WORK = tempfile.mkdtemp(prefix="glcm")
NAMES = ["asm", "contrast", "corr", "var", "idm", "savg", "svar", "sent", "ent", "dvar", "dent", "imcorr1",
         "imcorr2", "diss", "inertia", "shade", "prom"]
H, W = 21, 26
y, x = np.mgrid[0:H, 0:W]
grey = (8 + 6 * np.sin(x / 3.0) * np.cos(y / 4.0) + dice.normal(0, 2, (H, W))).clip(0, 15).astype("uint8")
grey[:6, :6] = 7
hole = dice.random((H, W)) < 0.06
hole[12:17, 3:9] = True
real = (grey / 16.0 * 3 - 1 + dice.random((H, W)) * 0.18).astype("float32")
write(os.path.join(WORK, "grey.tif"), [np.where(hole, 255, grey).astype("uint8")], nodata=255)
write(os.path.join(WORK, "real.tif"), [np.where(hole, -9999, real).astype("float32")], nodata=-9999)


def log(p):
    return np.log(p, out=np.zeros_like(p), where=p > 0)


def haralick(p):
    """Of a symmetric matrix of shares, term by term as published; levels count from 0."""
    n = len(p)
    i, j = np.mgrid[0:n, 0:n].astype("float64")
    px, py = p.sum(1), p.sum(0)
    mu = (i * p).sum()
    var = ((i - mu) ** 2 * p).sum()
    total = np.array([p[i + j == k].sum() for k in range(2 * n - 1)])
    apart = np.array([p[np.abs(i - j) == k].sum() for k in range(n)])
    k, d = np.arange(2 * n - 1), np.arange(n)
    savg = (k * total).sum()
    hx, hy, hxy = -(px * log(px)).sum(), -(py * log(py)).sum(), -(p * log(p)).sum()
    both = np.outer(px, py)
    hxy1, hxy2 = -(p * log(both)).sum(), -(both * log(both)).sum()
    return [(p * p).sum(), ((i - j) ** 2 * p).sum(), ((i * j * p).sum() - mu * mu) / var if var > 0 else 1, var,
            (p / (1 + (i - j) ** 2)).sum(), savg, ((k - savg) ** 2 * total).sum(), -(total * log(total)).sum(), hxy,
            (apart * (d - (d * apart).sum()) ** 2).sum(), -(apart * log(apart)).sum(),
            (hxy - hxy1) / max(hx, hy) if hx > 0 else 0, np.sqrt(max(0, 1 - np.exp(-2 * (hxy2 - hxy)))),
            (np.abs(i - j) * p).sum(), ((i - j) ** 2 * p).sum(), ((i + j - 2 * mu) ** 3 * p).sum(), ((i + j - 2 * mu) ** 4 * p).sum()]


STEPS = {0: (1, 0), 45: (1, -1), 90: (0, 1), 135: (1, 1)}


def texture(a, levels, size, step=1, direction=None):
    out = np.full((len(NAMES), H, W), np.nan)
    for r in range(H):
        for c in range(W):
            if hole[r, c]:
                continue
            found = []
            for angle in STEPS if direction is None else [direction]:
                p = np.zeros((levels, levels))
                dx, dy = STEPS[angle][0] * step, STEPS[angle][1] * step
                for v in range(max(r - size, 0), min(r + size, H - 1) + 1):
                    for u in range(max(c - size, 0), min(c + size, W - 1) + 1):
                        v2, u2 = v + dy, u + dx
                        if abs(v2 - r) > size or abs(u2 - c) > size or not (0 <= v2 < H and 0 <= u2 < W):
                            continue
                        if not hole[v, u] and not hole[v2, u2]:
                            p[a[v, u], a[v2, u2]] += 1
                            p[a[v2, u2], a[v, u]] += 1
                if p.sum():
                    found.append(haralick(p / p.sum()))
            if found:
                out[:, r, c] = np.mean(found, 0)
    return out


def run(outputs, out="out", *args):
    with open(os.path.join(WORK, "s.lua"), "w") as f:
        f.write('local grey, real = Image "%s/grey.tif", Image "%s/real.tif"\n' % (WORK, WORK))
        f.write("\n".join('output("%s", %s, {dtype = "float64"})' % o for o in outputs))
    tellua("run", "--quiet", os.path.join(WORK, "s.lua"), "--out", os.path.join(WORK, out), *args)
    return {name: Raster(os.path.join(WORK, out, name + ".tif")) for name, _ in outputs}


quantised = np.clip(np.floor((real.astype("float64") + 1) * (12 / 3)), 0, 11).astype(int)
OUTPUTS = [("one", "grey:clamp(0, 15):glcm{levels = 16}"), ("wide", "grey:clamp(0, 15):glcm{levels = 16, size = 3, step = 2}"),
           ("right", "grey:clamp(0, 15):glcm{levels = 16, size = 2, direction = 45}"),
           ("real", "real:glcm{levels = 12, min = -1, max = 2, size = 2}"), ("flat", "grey:mul(0):glcm{size = 2}")]
got = run(OUTPUTS)
WANT = {"one": (grey, 16, 1), "wide": (grey, 16, 3, 2), "right": (grey, 16, 2, 1, 45), "real": (quantised, 12, 2), "flat": (grey * 0, 32, 2)}
for name, expression in OUTPUTS:
    want = texture(*WANT[name])
    g = got[name]
    ok(g.names == NAMES and np.array_equal(g.valid, ~np.isnan(want)), "%s: valid where a pair is, all of its bands" % expression)
    bad = [b for k, b in enumerate(NAMES) if not np.allclose(g.values[k][g.valid[k]], want[k][g.valid[k]], rtol=1e-9, atol=1e-9)]
    ok(not bad, "... as Haralick's formulas", [(b, np.nanmax(np.abs(g.values[NAMES.index(b)] - want[NAMES.index(b)]))) for b in bad])
for threads in (1, 2, 7):
    w, h = rng.randint(3, 20), rng.randint(3, 15)
    c, r = rng.randint(0, W - w), rng.randint(0, H - h)
    part = run(OUTPUTS[:2], "part", "--threads", threads, "--window", "%d,%d,%d,%d" % (c, r, w, h))
    bad = [n for n in part if differ(got[n].values[:, r:r + h, c:c + w], part[n].values)]
    ok(not bad, "%d threads, window %d,%d,%d,%d: the same bits" % (threads, c, r, w, h), bad)
plan = tellua("plan", os.path.join(WORK, "s.lua"), "--json")[0]
with open(os.path.join(WORK, "plan.json"), "w") as f:
    f.write(plan)
tellua("run", "--quiet", os.path.join(WORK, "plan.json"), "--out", os.path.join(WORK, "again"))
ok(not differ(got["wide"].values, Raster(os.path.join(WORK, "again", "wide.tif")).values), "a plan gives the same")
for text, words in (("real:glcm()", "give min and max"), ("grey:glcm{levels = 100}", "levels is a whole number from 2 to 64"),
                    ("grey:glcm{levels = 8, size = 1, step = 3}", "step is at most"), ("grey:glcm{direction = 30}", "0, 45, 90 or 135")):
    with open(os.path.join(WORK, "e.lua"), "w") as f:
        f.write('local grey, real = Image "%s/grey.tif", Image "%s/real.tif"\noutput("o", %s)\n' % (WORK, WORK, text))
    err = tellua("run", os.path.join(WORK, "e.lua"), expect=1)[1]
    ok(words in err and "e.lua:2" in err and err.count("\n") == 1, "%s is refused" % text, err)
done()
