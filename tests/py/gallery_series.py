# The formulas of the gallery in numpy, the second half: water, series, geometry. See gallery_formulas.
# SPDX-License-Identifier: MIT
import numpy as np

from gallery_formulas import dn, nd, one, pick, ramp, refl, rgb, sel, stack, tc, where, zero_where_none


# --- water --------------------------------------------------------------------------------------------

def swbm(s):
    (b2, b3, b4, b5, b8, b11, scl), mask = dn(s, "B02", "B03", "B04", "B05", "B08", "B11", "SCL")
    w = mask & ((nd(b3, b11) > .1) | (nd(b3, b8) > .2) | (nd(b5, b11) > .03))
    cloud = mask & np.isin(scl, (8, 9))
    shown = mask & (cloud | ~w)
    every = np.ones(mask.shape, bool)
    color = [where(mask, where(shown, 2 * (b / 10000), other), 0) for b, other in ((b4, 0), (b3, 0), (b2, 2))]
    return (one(every, *color, mask) + one(mask, nd(b3, b11)) + one(every, w, cloud) + one(every, mask))


def wbi(r, g, b, n, s1, s2):
    mndwi, ndwi, lw, ndvi = nd(g, s1), nd(g, n), nd(n, s1), nd(n, r)
    sh = b + 2.5 * g - 1.5 * (n + s1) - .25 * s2
    ns = 4 * (g - s1) - (.25 * n + 2.75 * s1)
    dbsi = nd(s1, g) - ndvi
    water = (mndwi > .42) | (ndwi > .4) | (ns > .1879) | (sh > .1112) | (ndvi < -.2) | (lw > 1)
    return water & ~((ns <= -.03) | (dbsi > 0))


def water_frequency(s):
    values, ok = stack(s, "B02", "B03", "B04", "B08", "B11", "B12")
    b, g, r, n, s1, s2 = [v / 10000 for v in values]
    kept = ok & ~((r == 0) & (g == 0) & (b == 0)) & ~((r == 1) & (g == 1) & (b == 1))
    count = kept.sum(0)
    often = (wbi(r, g, b, n, s1, s2) & kept).sum(0) / count >= .1

    def mean(x):  # added scene by scene
        total = 0.0
        for v, k in zip(x, kept):
            total = total + where(k, v, 0)
        return total / count

    return one(count > 0, *pick([often], [(.44, .54, 1)], [2 * mean(x) for x in (r, g, b)]))


def bloom(s):
    (b2, b3, b4, b5, b6, b8, b11, b12), ok = refl(s, "B02", "B03", "B04", "B05", "B06", "B08", "B11", "B12")
    mci = b5 - b4 - (b6 - b4) * (705 - 665) / (740 - 665)
    fai = b6 - b4 - (b8 - b4) * (740 - 665) / (842 - 665)
    t = (np.maximum(mci, fai) - 0) / (.05 - 0)
    h = np.clip(where(t <= 1, .92 * t, .92 + .08 * (t - 1)), 0, 1)
    water = wbi(b4, b3, b2, b8, b11, b12)
    return one(ok, *pick([~water], [tc(3, b4, b3, b2)], ramp(h, [0, 1], [(0, 0, 1), (1, 0, 0)])))


def ulyssys(s, chlorophyll="mci", sediment="B05"):
    (b2, b3, b4, b5, b6, b7, b8, b8a, b9, b11), ok = refl(
        s, "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11")
    water = ~(nd(b3, b8) < 0) & (b3 < .319) & (b8a < .166) & (b3 - b7 >= .027) & (b9 - b11 < .021)
    k = .035 / .075
    chl = b5 - k * b4 - (1 - k) * b6 if chlorophyll == "mci" else b5 - (b4 + b6) / 2
    m, M = -.005, .05
    C = ramp(chl, [m + (M - m) * q for q in (0, 1 / 3, 1 / 2, 2 / 3, 1)],
             [(.0034, .0142, .163), (0, .416, .306), (.486, .98, 0), (.9465, .8431, .1048), (1, 0, 0)])
    t = b5 if sediment == "B05" else b4
    T = ramp(t, [.075, .185], [(.961, .871, .702), (.396, .263, .129)])
    alpha = where(t > .13, 100, where(t <= .075, 0, 100 * (t - .0375) / .11))
    mixed = [a * alpha / 100 + b * (100 - alpha) / 100 for a, b in zip(T, C)]
    return one(ok, *pick([~water], [tc(2.5, b4, b3, b2)], mixed))


# --- time ---------------------------------------------------------------------------------------------

def running(values, kept):
    """Sum in the order of the scenes, and how many."""
    total = 0.0
    for v, k in zip(values, kept):
        total = total + where(k, v, 0)
    return total, sum(k.astype("i8") for k in kept)


def growth_stage(s):
    (r, n), ok = stack(s, "B04", "B08")
    ndvi = zero_where_none(n, r)
    month = [int(d[4:6]) for d in s.dates]
    out = []
    for group in (lambda m: m not in (month[0], month[0] - 1), lambda m: m == month[0] - 1,
                  lambda m: m == month[0]):
        total, count = running(ndvi, [k & group(m) for k, m in zip(ok, month)])
        out.append((total / count - .1) / (.7 - .1))
    return one(np.ones(ok[0].shape, bool), *out)


def first_quartile(s):
    values, ok = stack(s, "B04", "B03", "B02", "B08", "SCL")
    used = ok & np.logical_and.reduce([v > 0 for v in values[:4]])
    hidden = np.isin(values[4], (1, 3, 8, 9, 10, 11))

    def pick_of(v, kept):
        n = kept.sum(0)
        ranked = np.sort(where(kept, v, np.inf), axis=0)
        return np.take_along_axis(ranked, (n // 4)[None], 0)[0], n

    out = []
    for v in values[:4]:
        a, n = pick_of(v, used & ~hidden)
        b, m = pick_of(v, used & hidden)
        out.append(where(n > 0, a, where(m > 0, b, 0)))
    return one(np.ones(ok[0].shape, bool), *out)


def monthly_composite(s):
    values, ok = stack(s, "B02", "B03", "B04", "B05", "B08", "B11")
    b, g, r, e, n, w = [v / 10000 for v in values]
    kept = ok & (b > 0) & (g > 0)
    low, high = kept & (b < .12), kept & (b > .12) & (b < .45)
    snowy = kept & ((g - w) / (.01 + g + w) > .2) & (r > .2)
    water = (low & (nd(g, n) > 0)).sum(0)

    def best(score, of):
        at = np.argmax(where(of & ~np.isnan(score), score, -np.inf), axis=0)[None]
        return [np.take_along_axis(x, at, 0)[0] for x in (
            2.8 * r + .1 * e, 2.8 * g + .15 * n, 2.8 * b)]

    def median(x):
        ranked = np.sort(where(snowy, x, np.inf), axis=0)
        return np.take_along_axis(ranked, np.minimum(snowy.sum(0) // 2, len(x) - 1)[None], 0)[0]

    return one(np.ones(ok[0].shape, bool), *pick(
        [low.any(0), high.any(0), snowy.any(0)],
        [best(where(water > 2, b / n, n / g), low), best(g / b, high),
         (1.1 * median(r), 1.3 * median(g), 1.1 * median(b))], (1, 0, 0)))


def forest_cut(s):
    values, ok = stack(s, "B02", "B03", "B04", "B08")
    b, g, r, n = [v / 10000 for v in values]
    edge, edge_ok = s.read("B05", s.dates[0])
    edge = edge / 10000
    when = [(int(d[4:6]) - 1, int(d[:4])) for d in s.dates]
    m0, y0 = when[0]
    wanted = [(m0 - i, y0) if m0 - i > 0 else (12 - (m0 - i), y0 - 1) for i in range(3)]
    ndvi = nd(n, r)
    use = ok & (r != 0) & (g != 0) & (b < .18)
    now, n_now = running(ndvi, [u & (w in wanted) for u, w in zip(use, when)])
    earlier = [(m, y - 1) for m, y in wanted]
    before, n_before = running(ndvi, [u & (w in earlier) for u, w in zip(use, when)])
    monthly = []
    for e in earlier:
        t, c = running(ndvi, [u & (w == e) for u, w in zip(use, when)])
        monthly.append(where(c == 0, 1, t / c))
    d = before / n_before - now / n_now
    ndwi = where(g[0] + n[0] == 0, -1, nd(g[0], n[0]))
    cut = ((ndwi < .5) & (d >= .25) & (before / n_before > .7)
           & np.logical_and.reduce([m > .7 for m in monthly]))
    k = where(cut, 2.8 * (2 / 3) * 10 * d, 2.8)
    return one(ok[0] & edge_ok, (k * r[0] + .1 * edge) / .8, (2.8 * g[0] + .15 * n[0]) / .8, 2.8 * b[0] / .8)


def ndvi_anomaly(s):
    values, ok = stack(s, "B03", "B04", "B08", "B11")
    g, r, n, w = [v / 10000 for v in values]
    q, gr = (g - .175) / .215, nd(g, r)
    cloud = (w > .1) & ((q > 1) | ((q > 0) & (gr > 0)))
    ndvi = nd(n, r)
    use = ok & ~cloud & (n + r != 0) & (ndvi > -1) & (ndvi != 0)
    mean, count = [], []
    for back in range(4):
        t, c = running(ndvi, [u & (s.years[0] - y == back) for u, y in zip(use, s.years)])
        mean.append(t / c)
        count.append(c)
    past = (mean[1] + mean[2] + mean[3]) / 3
    known = np.logical_and.reduce([c > 0 for c in count])
    a = where(known, np.clip(mean[0] - past, -.7, .7), -2.0)
    return one(np.ones(known.shape, bool),
               *ramp(a, [-2, -.7, 0, .7], [(0, 0, 0), (1, 0, 0), (1, 1, 1), (0, 1, 0)]))


def soil_moisture(s):
    (vv,), ok = stack(s, "VV")
    past = vv[:-1]
    most, least = past.max(0).clip(0, None), past.min(0).clip(None, 2)
    dB = 10 * np.log10(running(past, np.ones(past.shape, bool))[0] / len(past))
    v = where((dB > -6) | (dB < -17), 0, (vv[0] - least) / (most - least))
    v = np.clip(v, 0, .6)
    z, o = np.zeros_like(v), np.ones_like(v)
    color = pick([v <= 0, v < .06, v < .18, v < .24, v < .30],
                 [(o, o, o), (.5 + v / .12, z, z), (o, (v - .06) / .12, z),
                  (1 + (.18 - v) / .06, o, (v - .18) / .06), (z, 1 + (.24 - v) / .06, o)],
                 (z, z, 1 + (.30 - v) / .6))
    return one(ok.all(0), *color)


def land_surface_temperature(s, option=0):
    (g, r, n, t), ok = stack(s, "B03", "B04", "B05", "B10")
    k = t * 0.1
    ok = ok & (k > 173) & (k < 65000) & (g > 0) & (r > 0) & (n > 0)
    t, v = k - 273.15, nd(n / 10000, r / 10000)
    p = ((v - .2) / .6) ** 2
    e = sel([v < 0, v < .2, v > .8], [.991, .966, .973], .973 * p + .966 * (1 - p) + .009)
    lst = t / (1 + (1.0895e-5 * t / .01438) * np.log(e))
    total, count = running(lst, ok)
    value = total / count
    if option == 1:
        value = where(ok, lst, -999).max(0)
    elif option == 2:
        value = np.sqrt(running((lst - value) ** 2, ok)[0] / (count - 1))
    top = 25 if option == 2 else 50
    return one(np.ones(count.shape, bool), *ramp(value, [0, top], [(1, 1, 1), (1, 0, 0)]))


# --- geometry and fusion ------------------------------------------------------------------------------

def brdf(s):
    values, ok = stack(s, "B04", "B03", "B02", "SAA", "SZA", "VAA", "VZA")
    use = ok & (values[5] > 1)
    first = np.argmax(use, axis=0)[None]
    red, green, blue, saa, sza, vaa, vza = [np.take_along_axis(v, first, 0)[0] for v in values]
    phi = np.abs(saa - vaa)
    phi = np.radians(where(phi > 180, 360 - phi, phi))
    sun, view = np.radians(sza), np.radians(vza)

    def rho(f, z):
        cosxi = np.cos(sun) * np.cos(z) + np.sin(sun) * np.sin(z) * np.cos(phi)
        xi = np.arccos(np.clip(cosxi, -1, 1))
        kvol = ((np.pi / 2 - xi) * cosxi + np.sin(xi)) / (np.cos(sun) + np.cos(z)) - np.pi / 4
        sec = lambda a: 1 / np.cos(a)
        d2 = np.tan(sun) ** 2 + np.tan(z) ** 2 - 2 * np.tan(sun) * np.tan(z) * np.cos(phi)
        root = np.sqrt(np.maximum(d2, 0) + (np.tan(sun) * np.tan(z) * np.sin(phi)) ** 2)
        t = np.arccos(np.minimum(1, 2 * root / (sec(sun) + sec(z))))
        o = (t - np.sin(t) * np.cos(t)) * (sec(sun) + sec(z)) / np.pi
        kgeo = o - sec(sun) - sec(z) + .5 * (1 + cosxi) * sec(sun) * sec(z)
        return f[0] + f[1] * kgeo + f[2] * kvol

    out = []
    for v, f in ((red, (.1690, .0227, .0574)), (green, (.1306, .0178, .0580)), (blue, (.0774, .0079, .0372))):
        seen = 2.5 * (v / 10000) * rho(f, np.zeros_like(view)) / rho(f, view)
        out.append(where(use.any(0), seen, 0))
    return one(np.ones(view.shape, bool), *out)


def ndvi_s1_s2(s):
    (b4, b8, scl), ok = dn(s, "B04", "B08", "SCL")
    (vv, vh), seen = dn(s.radar, "VV", "VH")
    factor = 10 * np.log(10)
    vv, vh = factor * vv, factor * vh
    r = (vh - vv) / (vh + vv)
    x = where(np.isin(scl, (7, 8, 9, 10)), 2.572 - .05047 * vh + .176 * vv + 3.422 * r, nd(b8, b4))
    xs = np.array([0, 0, .2, .3, .4, .5, .6, .7, .8, .9, 1])
    colors = np.array(rgb("a50026 d73027 f46d43 fdae61 fee08b ffffbf d9ef8b a6d96a 66bd63 1a9850 006837"))
    at = np.clip(np.searchsorted(xs, x, side="right") - 1, 0, len(xs) - 1)
    return one(ok & seen & ~np.isnan(x), *[colors[at, k] for k in range(3)])
