# The shipped scripts on real scenes, against the same formulas in numpy.
# SPDX-License-Identifier: MIT
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import SCRATCH, Raster, differ, done, np, ok, shared, tellua, write  # noqa: E402

S2 = "s2_timeseries_mapchete_33T/sentinel-2-l2a"
L1C = "s2_landsat_cbers_s1_rio-tiler_mocks/sentinel-s2-l1c/tiles/19/U/DP/2017/7/29/0"
LANDSAT = "landsat7_stars/tif/L7_ETMs.tif"
SCENES = ["S2A_33TWL_20230815_0_L2A", "S2B_33TWL_20230810_0_L2A", "S2A_33TWM_20230818_0_L2A",
          "S2B_33TWM_20230820_0_L2A"]

if not (shared(S2) and shared(L1C) and shared(LANDSAT)):
    print("1..0 # SKIP the real scenes are not here (TELLUA_SHARED)")
    sys.exit(0)


def ndvi(n, r):
    """Double precision from the integers, then one rounding to float32; and where it is a number."""
    n, r = n.astype("f8"), r.astype("f8")
    with np.errstate(all="ignore"):
        x = (n - r) / (n + r)
    return x.astype("f4"), np.isfinite(x)


def check_ndvi(name, out, red, nir, r, n):
    got = Raster(out)
    want, finite = ndvi(nir.values[n], red.values[r])
    valid = red.valid[r] & nir.valid[n] & finite
    ok(valid.any() and got.values.dtype == np.float32 and got.values.shape[0] == 1,
       name + ": one band of float32", "%s" % got.values.dtype)
    ok(not differ(want, got.values[0], valid), name + ": every valid pixel is numpy's, bit for bit",
       differ(want, got.values[0], valid))
    ok((got.valid[0] == valid).all(), name + ": valid where both bands are and 0/0 is not",
       "%d cells differ" % (got.valid[0] != valid).sum())
    ok(got.same_place(red), name + ": it lies where the source does",
       "%s %s, not %s %s" % (got.transform, got.size, red.transform, red.size))
    ok(got.names == ["ndvi"], name + ": the band keeps its name", got.names)
    return int((~valid).sum())


hidden = []
for scene in SCENES:
    folder = shared(S2, scene)
    tellua("run", "scripts/ndvi.lua", "-p", "scene=%s/{band}.tif" % folder, "--out", SCRATCH)
    red, nir = Raster(folder + "/B04.tif"), Raster(folder + "/B08.tif")
    hidden.append(check_ndvi(scene, SCRATCH + "/ndvi.tif", red, nir, 0, 0))
ok(max(hidden) > 10000 > 500 > min(hidden), "of these scenes one is cut by the swath, others are nearly whole",
   hidden)

tellua("run", "scripts/ndvi.lua", "-p", "scene=" + shared(LANDSAT), "-p", "red=B3", "-p", "nir=B4",
       "--out", SCRATCH)
landsat = Raster(shared(LANDSAT))
check_ndvi("Landsat 7", SCRATCH + "/ndvi.tif", landsat, landsat, 2, 3)

# 0/0 does not occur in these scenes: a Landsat of which some pixels are made 0 in both bands.
bands = [landsat.values[i].copy() for i in range(6)]
bands[2][10:30, 5:40] = bands[3][10:30, 5:40] = 0
holes = write(SCRATCH + "/holes.tif", bands, landsat.transform, 31985)
tellua("run", "scripts/ndvi.lua", "-p", "scene=" + holes, "-p", "red=B3", "-p", "nir=B4", "--out",
       SCRATCH)
source = Raster(holes)
lost = check_ndvi("Landsat 7 with zeros", SCRATCH + "/ndvi.tif", source, source, 2, 3)
ok(lost >= 20 * 35, "0/0 is invalid", lost)


# --- the stubble rule, bands of one resolution and of several -----------------------------------------

def sample(raster, grid):
    """Nearest, written out: the cell that the centre falls into; on an edge the lower index."""
    (x0, dx, _, y0, _, dy), (gx, gdx, _, gy, _, gdy) = raster.transform, grid.transform
    w, h = grid.size
    cols = np.ceil((gx + (np.arange(w) + 0.5) * gdx - x0) / dx - 1e-9).astype(int) - 1
    rows = np.ceil((gy + (np.arange(h) + 0.5) * gdy - y0) / dy - 1e-9).astype(int) - 1
    inside = ((cols >= 0) & (cols < raster.size[0]))[None, :] & ((rows >= 0) & (rows < raster.size[1]))[:, None]
    at = np.ix_(rows.clip(0, raster.size[1] - 1), cols.clip(0, raster.size[0] - 1))
    return raster.values[0][at].astype("i8"), raster.valid[0][at] & inside


def kleene_and(parts):
    """Each part is (truth, known): false when one known part is, unknown when no part decides."""
    true = np.logical_and.reduce([t & k for t, k in parts])
    false = np.logical_or.reduce([~t & k for t, k in parts])
    return true, true | false


def check_stubble(name, folder, ext, grid, red_max):
    tellua("run", "scripts/stubble.lua", "-p", "scene=%s/{band}.%s" % (folder, ext), "-p",
           "red_max=%d" % red_max, "--out", SCRATCH)
    got = Raster(SCRATCH + "/stubble.tif")
    read = {b: sample(Raster("%s/%s.%s" % (folder, b, ext)), grid) for b in ("B04", "B06", "B08", "B11")}
    parts = [(v < m, k) for (v, k), m in ((read["B04"], red_max), (read["B06"], 1200), (read["B08"], 1200))]
    v, k = read["B11"]
    parts += [(v > 500, k), (v < 1600, k)]
    true, _ = kleene_and(parts)
    ok(got.values.dtype == np.uint8 and got.nodata == [255.0], name + ": uint8, nodata 255",
       "%s %s" % (got.values.dtype, got.nodata))
    ok(not differ(np.where(true, 1, 255).astype("u1"), got.values[0]),
       name + ": 1 where the rule holds, nodata elsewhere",
       differ(np.where(true, 1, 255).astype("u1"), got.values[0]))
    ok(got.same_place(grid), name + ": the grid", "%s %s" % (got.transform, got.size))
    return int(true.sum())


folder = shared(L1C)
first = Raster(folder + "/B04.jp2")
found = check_stubble("the stubble rule", folder, "jp2", first, 4000)
ok(0 < found < first.values.size, "the rule holds in some pixels", found)

# The same bands as a product has them, each at its own cell: B04 coarsest, B11 finest, B08 offset, and
# brightness brought to where the rule decides.
mixed = os.path.join(SCRATCH, "mixed")
os.mkdir(mixed)


def made(band, values, cell, x=399960, y=5400000, nodata=None):
    return write("%s/%s.tif" % (mixed, band), [values.astype("u2")], (x, cell, 0, y, 0, -cell), 32619,
                 nodata=nodata)


def real(band):
    return Raster("%s/%s.jp2" % (folder, band)).values[0].astype("i8")


made("B04", real("B04")[::3, ::3] // 2, 2700)
made("B06", real("B06")[::2, ::2] // 3, 1800)
made("B08", real("B08") // 2, 900, 399960 + 450, 5400000 - 300)
made("B11", np.where(real("B11") > 3000, 0, real("B11")), 900, nodata=0)
b04, b11 = Raster(mixed + "/B04.tif"), Raster(mixed + "/B11.tif")


class Grid:
    transform = (b04.transform[0], 900, 0, b04.transform[3], 0, -900)
    size = (b04.size[0] * 3, b04.size[1] * 3)
    srs = b04.srs


found = check_stubble("bands of three resolutions", mixed, "tif", Grid, 1000)
ok(0 < found < Grid.size[0] * Grid.size[1], "the rule holds in some of these pixels", found)
done()
