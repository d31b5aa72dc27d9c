#!/usr/bin/python3
# Moving pictures: the GIF decoded by a reader of its own, against the frames. SPDX-License-Identifier: MIT
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import numpy as np

import tap
from tap import Raster, done, note, ok, tellua

SEED = int(os.environ.get("TEST_SEED", "31"))
note("seed %d" % SEED)
os.chdir(tap.SCRATCH)
rng = np.random.RandomState(SEED)
W, H, N = 90, 70, 4


def unpack(data, n):
    """LZW of GIF, minimum code size 8."""
    bits = at = 0
    out, width, table, before = [], 9, [], None
    value = int.from_bytes(data, "little")
    while True:
        code = value >> bits & ((1 << width) - 1)
        bits += width
        if bits > 8 * len(data):
            raise ValueError("the data end without saying so")
        if code == 256:
            table, width, before = [bytes([i]) for i in range(256)] + [b"", b""], 9, None
            continue
        if code == 257:
            break
        if before is None:
            word = table[code]
        else:
            word = table[code] if code < len(table) else before + before[:1]
            if len(table) < 4096:
                table.append(before + word[:1])
        if len(table) == 1 << width and width < 12:
            width += 1
        out.append(word)
        before = word
    return b"".join(out)


def decode(path):
    """(width, height, [(delay, transparent, numbers)], palette)"""
    b = open(path, "rb").read()
    w, h = int.from_bytes(b[6:8], "little"), int.from_bytes(b[8:10], "little")
    palette = np.frombuffer(b[13:13 + 768], "uint8").reshape(256, 3)
    at, frames, control = 13 + 768, [], None
    while b[at] != 0x3B:
        if b[at] == 0x21:
            if b[at + 1] == 0xF9:
                control = (int.from_bytes(b[at + 4:at + 6], "little"), b[at + 6])
            at += 2
        else:
            at += 11
        data = b""
        while b[at]:
            data += b[at + 1:at + 1 + b[at]]
            at += 1 + b[at]
        at += 1
        if control and len(data) > 4:
            numbers = np.frombuffer(unpack(data, w * h), "uint8").reshape(h, w)
            frames.append(control + (numbers,))
            control = None
    return w, h, frames, palette


def animate(text, name):
    with open(name + ".lua", "w") as f:
        f.write(text)
    tellua("run", name + ".lua", "--quiet")
    return decode(name + ".gif")


# --- few colours: kept; many: near -----------------------------------------------------------------
few = rng.randint(1, 9, (N, H, W)).astype("uint8")
few[rng.random_sample((N, H, W)) < 0.1] = 0
for k in range(N):
    tap.write("few%d.tif" % k, [few[k]], nodata=0)
many = rng.randint(0, 256, (N, 3, H, W)).astype("uint8")
many[:, :, :H // 2] = np.linspace(0, 255, W).astype("uint8")
for k in range(N):
    tap.write("many%d.tif" % k, list(many[k]))
HEAD = """
local images, dates = {}, {}
for k = 0, %d do images[k + 1] = Image("%%s" .. k .. ".tif") dates[k + 1] = "2020-0" .. (k + 1) end
local c = Collection{images = images, dates = dates}
""" % (N - 1)
w, h, frames, palette = animate(HEAD % "few" + 'output("few", c:animate{min = 1, max = 8, ramp = "viridis", fps = 4})', "few")
ok((w, h, len(frames)) == (W, H, N), "size and frames", (w, h, len(frames)))
ok({f[:2] for f in frames} == {(25, 255)}, "a quarter of a second each", [f[:2] for f in frames])
with open("png.lua", "w") as f:
    f.write(HEAD % "few" + 'output("png", c[1]:visualize{min = 1, max = 8, ramp = "viridis"})')
tellua("run", "png.lua", "--quiet")
want = Raster("png.tif")
got = palette[frames[0][2]]
there = few[0] != 0
ok((np.moveaxis(want.values, 0, 2)[there] == got[there]).all(), "few colours are those of the picture")
ok(all(((f[2] == 255) == (few[k] == 0)).all() for k, f in enumerate(frames)), "invalid is transparent")
ok(len(set(map(tuple, palette[frames[1][2]][few[1] == 5]))) == 1
   and tuple(palette[frames[1][2]][few[1] == 5][0]) == tuple(palette[frames[2][2]][few[2] == 5][0]),
   "a value has one colour in all frames")
w, h, frames, palette = animate(HEAD % "many" + 'output("many", c:animate{min = 0, max = 255})', "many")
near = np.abs(palette[frames[0][2]].astype(int) - np.moveaxis(many[0], 0, 2).astype(int)).max()
ok(near <= 51, "many colours: none is further away than a step of the cube", near)
grey = palette[frames[0][2]][:H // 2].astype(float).reshape(H // 2, W, 3)
block = np.abs(grey[:32, 40:48].mean((0, 1)) - many[0][0][:32, 40:48].mean()).max()
ok(block < 6, "dithering keeps the mean of a small area", block)

tellua("run", "many.lua", "--quiet", "--threads", 1, "--out", "one")
ok(open("one/many.gif", "rb").read() == open("many.gif", "rb").read(), "the same bytes again")
w, h, frames, palette = animate(HEAD % "few" + 'output("small", c:animate{size = 45})', "small")
ok((w, h, len(frames)) == (45, 35, N), "at most 45 cells", (w, h))
for code, said in [("{fps = 0}", "fps is a number"), ("{size = 0}", "size is a whole number"),
                   ("{rampp = 'x'}", "rampp")]:
    with open("bad.lua", "w") as f:
        f.write(HEAD % "few" + "output('x', c:animate%s)" % code)
    _, err = tellua("run", "bad.lua", expect=1)
    ok(said in err, code + " is refused", err)
done()
