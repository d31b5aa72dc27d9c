#!/usr/bin/python3
# Pictures over pictures, against the formulas in numpy. SPDX-License-Identifier: MIT
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import numpy as np

import tap
from tap import Raster, differ, done, note, ok, tellua

SEED = int(os.environ.get("TEST_SEED", "5"))
note("seed %d" % SEED)
os.chdir(tap.SCRATCH)
rng = np.random.RandomState(SEED)
W, H = 60, 41


def made(name):
    bands = [rng.randint(0, 256, (H, W)).astype("uint8") for _ in range(3)]
    mask = rng.random_sample((H, W)) < 0.9
    tap.write(name, bands, names=["r", "g", "b"], mask=mask)
    return np.stack(bands), mask


below, have_below = made("below.tif")
above, have_above = made("above.tif")
OPACITY = round(float(rng.uniform(0.2, 0.9)), 3)


def hard(a, b):
    return np.where(b <= 0.5, 2 * a * b, 1 - 2 * (1 - a) * (1 - b))


def soft(a, b):
    d = np.where(a <= 0.25, ((16 * a - 12) * a + 4) * a, np.sqrt(a))
    return np.where(b <= 0.5, a - (1 - 2 * b) * a * (1 - a), a + (2 * b - 1) * (d - a))


MODES = {"normal": lambda a, b: b, "multiply": lambda a, b: a * b, "screen": lambda a, b: a + b - a * b,
         "darken": np.minimum, "lighten": np.maximum, "difference": lambda a, b: abs(a - b),
         "add": lambda a, b: np.minimum(a + b, 1), "hard_light": hard, "overlay": lambda a, b: hard(b, a),
         "soft_light": soft}
text = """local below, above = Image("below.tif"):scale(0, 255), Image("above.tif"):scale(0, 255)
output("plain", below:blend(above))
"""
for mode in MODES:
    text += 'output("%s", below:blend(above, {mode = "%s", opacity = %r}))\n' % (mode, mode, OPACITY)
with open("blend.lua", "w") as f:
    f.write(text)
tellua("run", "blend.lua", "--out", "out", "--quiet")
a, b = below / 255.0, above / 255.0
for mode, f in MODES.items():
    r = Raster("out/%s.tif" % mode)
    want = np.floor((a + (f(a, b) - a) * OPACITY) * 255 + 0.5).astype("uint8")
    want = np.where(have_below & have_above, want, np.where(have_below, below, above))
    there = np.broadcast_to(have_below | have_above, want.shape)
    off = abs(want.astype(int) - r.values)[there].max()
    ok(not differ(there, r.valid) and off <= 1 and (want != r.values)[there].mean() < 1e-3, mode,
       "%s, off by %d" % (differ(there, r.valid), off))
plain = Raster("out/plain.tif")
over = np.where(have_above, above, below)
ok(not differ(over, plain.values.astype("uint8"), there), "what lies above hides what is below", differ(over, plain.values.astype("uint8"), there))
ok(plain.names == ["red", "green", "blue"], "red, green, blue", plain.names)
for code, said in [("{mode = 'burn'}", "no mode burn"), ("{opacity = 2}", "from 0 to 1"), ("{alpha = 1}", "no option")]:
    with open("bad.lua", "w") as f:
        f.write("output('x', Image('below.tif'):blend(Image('above.tif'), %s))" % code)
    _, err = tellua("run", "bad.lua", expect=1)
    ok(said in err, code + " is refused", err)
done()
