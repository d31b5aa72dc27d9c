#!/usr/bin/python3
# Moving pictures: the GIF decoded by a reader of its own, against the frames. SPDX-License-Identifier: MIT
import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import numpy as np

import tap
from mapserver import Server
from tap import Raster, done, note, ok, tellua

SEED = int(os.environ.get("TEST_SEED", "31"))
note("seed %d" % SEED)
os.chdir(tap.SCRATCH)
rng = np.random.RandomState(SEED)
W, H, N = 90, 70, 4
PATH = os.environ["PATH"]


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
for code, said in [("{fps = 0}", "fps is a number from 0.01 to 50, got 0"), ("{fps = 1e-300}", "0.01 to 50"),
                   ("{fps = 1e300}", "0.01 to 50"), ("{fps = 0 / 0}", "0.01 to 50"), ("{fps = 1 / 0}", "0.01 to 50"),
                   ("{fps = '2'}", "0.01 to 50"), ("{format = 'avi'}", 'format is "gif" or "mp4", got avi'),
                   ("{size = 0}", "size is a whole number"), ("{rampp = 'x'}", "rampp")]:
    with open("bad.lua", "w") as f:
        f.write(HEAD % "few" + "output('x', c:animate%s)" % code)
    _, err = tellua("run", "bad.lua", expect=1)
    ok(said in err, code + " is refused", err)
w, h, frames, palette = animate(HEAD % "few" + 'output("slow", c:animate{fps = 0.01, min = 1, max = 8})', "slow")
ok({f[0] for f in frames} == {10000}, "a frame of 100 seconds", [f[0] for f in frames])

# --- films: what a program in ffmpeg's place gets ---------------------------------------------------
os.mkdir("bin")
with open("bin/ffmpeg", "w") as f:
    f.write("""#!/usr/bin/python3
import os, signal, sys
how = os.environ["HOW"]
open("words", "w").write(repr(sys.argv[1:]))
if how == "stop":
    os.write(int(os.environ["READY"]), b"%d" % os.getpid())
    signal.pause()
if how == "fail":
    sys.stdin.buffer.read(1000)
    sys.stderr.write("Unknown encoder\\nand more\\n")
    sys.exit(3)
if how != "nothing":
    open(sys.argv[-1], "wb").write(b"film" + sys.stdin.buffer.read())
if how == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
""")
os.chmod("bin/ffmpeg", 0o755)
os.environ["PATH"] = os.path.abspath("bin") + ":" + os.environ["PATH"]
os.environ["HOW"] = "well"
with open("film.lua", "w") as f:
    f.write(HEAD % "few" + 'output("film", c:animate{format = "mp4", fps = 12.5, size = 45, min = 1, max = 8, ramp = "viridis"})')
with open("frames.lua", "w") as f:
    f.write(HEAD % "few" + """for k = 1, %d do
  output("frame" .. k, c[k]:visualize{min = 1, max = 8, ramp = "viridis"})
end""" % N)
tellua("run", "film.lua", "--quiet")
tellua("run", "frames.lua", "--quiet", "--res", 20, "--out", "frames")
got = open("film.mp4", "rb").read()
want = []
for k in range(N):
    r = Raster("frames/frame%d.tif" % (k + 1))
    rgb = np.moveaxis(r.values * r.valid, 0, 2).astype("uint8")
    want.append(np.pad(rgb, ((0, 1), (0, 1), (0, 0)), mode="edge").tobytes())
ok(got[:4] == b"film" and got[4:] == b"".join(want), "frames of 45 x 35 as 46 x 36, invalid cells black",
   (len(got), sum(map(len, want))))
words = eval(open("words").read())
ok([words[words.index(k) + 1] for k in ("-video_size", "-framerate", "-pixel_format", "-f")]
   == ["46x36", "12.5", "rgb24", "rawvideo"] and words[-1] == "/proc/self/fd/3", "it is told what they are", words)
os.remove("film.mp4")
for how, said in [("fail", "ffmpeg failed: Unknown encoder\n"), ("nothing", "ffmpeg wrote no film\n"),
                  ("killed", "ffmpeg failed\n")]:
    os.environ["HOW"] = how
    _, err = tellua("run", "film.lua", expect=1)
    ok(err.endswith("animate: " + said) and not os.path.exists("film.mp4"), "%s: told, and no film" % how, err)

ready, there = os.pipe()
with open("big.lua", "w") as f:
    f.write(HEAD % "many" + 'output("film", c:animate{format = "mp4", min = 0, max = 255, res = 1})')
p = subprocess.Popen([tap.TELLUA, "run", "big.lua"], stderr=subprocess.PIPE, pass_fds=[there],
                     env=dict(os.environ, HOW="stop", READY=str(there)))
child = int(os.read(ready, 20))
began = time.monotonic()
p.send_signal(signal.SIGINT)
_, err = p.communicate()
took = time.monotonic() - began
try:
    os.kill(child, 0)
    lives = True
except ProcessLookupError:
    lives = False
ok(p.returncode == 130 and not lives and took < 2, "Ctrl-C ends both, in %.2f s" % took, (p.returncode, lives, err))
os.remove("words")
with open("served.lua", "w") as f:
    f.write(HEAD % "few" + """param("a", 1)
output("film", c:animate{format = "mp4"})
output("png", c[1]:ramp "viridis")""")
server = Server("served.lua")
ok("png" in server.layers() and not os.path.exists("words"), "a map makes no films")
server.stop()
os.environ["PATH"] = os.path.abspath("bin")  # where nothing else is found
os.rename("bin/ffmpeg", "fake")
_, err = tellua("run", "film.lua", expect=78)
ok("apt-get install ffmpeg" in err, "without it: what to install", err)

# --- and with ffmpeg itself --------------------------------------------------------------------------
os.environ["PATH"] = PATH
if shutil.which("ffmpeg") and shutil.which("ffprobe"):
    tellua("run", "film.lua", "--quiet")
    seen = json.loads(subprocess.check_output(
        ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", "film.mp4"]))["streams"]
    v = seen[0]
    ok(len(seen) == 1 and (v["codec_name"], v["width"], v["height"], v["pix_fmt"]) == ("h264", 46, 36, "yuv420p"),
       "a film of one stream", v)
    ok(v["nb_read_frames"] == str(N) and v["avg_frame_rate"] == "25/2" and abs(float(v["duration"]) - N / 12.5) < 1e-3,
       "its frames and how long it takes", (v["nb_read_frames"], v["avg_frame_rate"], v["duration"]))
    raw = subprocess.check_output(["ffmpeg", "-v", "error", "-i", "film.mp4", "-f", "rawvideo", "-pix_fmt", "gray", "-"])
    shown = np.frombuffer(raw, "uint8").reshape(N, 36, 46).astype(float)
    given = np.stack([np.frombuffer(b, "uint8").reshape(36, 46, 3) @ [0.299, 0.587, 0.114] for b in want])
    ok(np.corrcoef(shown.ravel(), given.ravel())[0, 1] > 0.95, "its pictures",
       np.corrcoef(shown.ravel(), given.ravel())[0, 1])
    first = open("film.mp4", "rb").read()
    tellua("run", "film.lua", "--quiet")
    ok(first == open("film.mp4", "rb").read(), "the same bytes again")
else:
    note("no ffmpeg here: its own films are not tested")
done()
