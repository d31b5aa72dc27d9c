# Classes keep the colours of their file in a product that they pass through to. SPDX-License-Identifier: MIT
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import SCRATCH, done, gdal, np, ok, tellua, write  # noqa: E402

COLOURS = [(20 * i, 255 - 20 * i, 37 * i % 256, 255) for i in range(12)]
classes = np.random.default_rng(4).integers(0, 12, (90, 130)).astype("u1")
path = write(SCRATCH + "/cover.tif", [classes])
ds = gdal.Open(path, gdal.GA_Update)
table = gdal.ColorTable()
for i, c in enumerate(COLOURS):
    table.SetColorEntry(i, c)
ds.GetRasterBand(1).SetColorTable(table)
ds = None


def colours(name):
    ds = gdal.Open("%s/%s.tif" % (SCRATCH, name))
    table = ds.GetRasterBand(1).GetColorTable()
    return table and [table.GetColorEntry(i) for i in range(12)]


script = SCRATCH + "/cover.lua"
with open(script, "w") as f:
    f.write('local c = Image "%s"\n' % path
            + 'output("same", c)\noutput("masked", c:mask(c:ne(3)))\noutput("near", c, {crs = "EPSG:3857", res = 15})\n'
            + 'output("tiles", c, {format = "gtiff"})\n'
            + 'output("next", c + 1)\noutput("wide", c, {dtype = "int16"})\noutput("two", c:rename "a" .. c:rename "b")\n')
tellua("run", "--out", SCRATCH, script)
for name in ("same", "masked", "near", "tiles"):
    ok(colours(name) == COLOURS, name + ": the colours of the file", colours(name))
for name in ("next", "wide", "two"):
    ok(not colours(name), name + ": other numbers, types or bands have none", colours(name))
ok((gdal.Open(SCRATCH + "/same.tif").ReadAsArray() == classes).all(), "... and its numbers")

plan, _ = tellua("plan", "--json", script)
with open(SCRATCH + "/cover.json", "w") as f:
    f.write(plan)
os.unlink(SCRATCH + "/same.tif")
tellua("run", "--out", SCRATCH, SCRATCH + "/cover.json")
ok(colours("same") == COLOURS, "from a plan as well", colours("same"))
done()
