"""Full-size scenes for benches. SPDX-License-Identifier: MIT

scenes.py DIR [N] [SIZE]: N scenes (5) of a Sentinel-2 tile, SIZE (10980) cells a side: B04 at 10 m and the scene
classification at 20 m, uint16 and uint8, tiles of 512, DEFLATE, overviews. The real 120 m bands of the data beside the
repository, enlarged with noise, where they are; else a landscape of waves. Seeded; what is there is kept."""
import glob
import os
import sys

import numpy as np
from osgeo import gdal, osr

gdal.UseExceptions()
DIR, N = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
SIZE = int(sys.argv[3]) if len(sys.argv) > 3 else 10980
OPTIONS = ["TILED=YES", "BLOCKXSIZE=512", "BLOCKYSIZE=512", "COMPRESS=DEFLATE", "NUM_THREADS=2"]


def real(name, k):
    top = os.environ.get("TELLUA_SHARED", "../shared")
    found = sorted(glob.glob(os.path.join(top, "data/s2_timeseries_mapchete_33T", "**", "*%s*.tif" % name), recursive=True))
    return gdal.Open(found[k % len(found)]).ReadAsArray() if found else None


def field(name, k, size):
    a = real(name, k)
    if a is None:
        y, x = np.mgrid[0:915, 0:915]
        waves = np.sin(x / 37 + k) * np.cos(y / 53 - k)
        a = (1200 + 900 * waves).astype("uint16") if name == "B04" else np.where(waves > 0.7, 9, 4).astype("uint8")
    times = -(-size // a.shape[0])
    return np.kron(a, np.ones((times, times), a.dtype))[:size, :size]


def save(path, a, cell, nodata):
    if os.path.exists(path):
        return
    ds = gdal.GetDriverByName("GTiff").Create(path + ".part", a.shape[1], a.shape[0], 1,
                                              gdal.GDT_UInt16 if a.dtype == np.uint16 else gdal.GDT_Byte,
                                              OPTIONS + (["PREDICTOR=2"] if a.dtype == np.uint16 else []))
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(32633)
    ds.SetProjection(srs.ExportToWkt())
    ds.SetGeoTransform((499980, cell, 0, 5100000, 0, -cell))
    ds.GetRasterBand(1).SetNoDataValue(nodata)
    ds.GetRasterBand(1).WriteArray(a)
    ds.BuildOverviews("NEAREST", [2, 4, 8, 16])
    del ds
    os.rename(path + ".part", path)


for k in range(N):
    rng = np.random.default_rng(k)
    day = 1 + 3 * k
    top = os.path.join(DIR, "S2A_33TWM_%04d%02d%02d_0_L2A" % (2020 + day // 300, 1 + day // 25 % 12, 1 + day % 25))
    os.makedirs(top, exist_ok=True)
    if not os.path.exists(os.path.join(top, "B04.tif")):
        b = field("B04", k, SIZE).astype("int32") + rng.integers(-200, 200, (SIZE, SIZE), dtype="int32")
        save(os.path.join(top, "B04.tif"), np.clip(b, 1, 10000).astype("uint16"), 10, 0)
    if not os.path.exists(os.path.join(top, "SCL.tif")):
        scl = field("SCL", k, SIZE // 2).astype("uint8")
        block = (rng.random((SIZE // 64 + 1, SIZE // 64 + 1)) < 0.25).repeat(32, 0).repeat(32, 1)
        scl[block[:scl.shape[0], :scl.shape[1]]] = 9
        save(os.path.join(top, "SCL.tif"), scl, 20, 0)
