"""Full-size pictures for benches. SPDX-License-Identifier: MIT

scenes.py DIR [N] [SIZE] [BANDS]: N scenes (5) of a Sentinel-2 tile, SIZE (10980) cells a side of 10 m. BANDS (B04,SCL):
uint16 bands and the scene classification (uint8), each at Sentinel-2's own resolution, tiles of 512, DEFLATE,
overviews. The real 120 m bands of the data beside the repository, enlarged with noise, where they are; else a
landscape of waves. scenes.py DIR dem SIZE: a float32 DEM of 10 m cells. Seeded; what is there is kept."""
import glob
import os
import sys

import numpy as np
from osgeo import gdal, osr

gdal.UseExceptions()
OPTIONS = ["TILED=YES", "BLOCKXSIZE=512", "BLOCKYSIZE=512", "COMPRESS=DEFLATE", "NUM_THREADS=2", "BIGTIFF=IF_SAFER"]
TYPES = {"uint8": (gdal.GDT_Byte, 1), "uint16": (gdal.GDT_UInt16, 2), "float32": (gdal.GDT_Float32, 3)}
TEN_METRES = ("B02", "B03", "B04", "B08")
LIKE = {"B06": "B08", "B11": "B08", "B12": "B04"}  # bands that the real data lacks: as bright as this one


def real(name, k):
    top = os.environ.get("TELLUA_SHARED", "../shared")
    pattern = os.path.join(top, "data/s2_timeseries_mapchete_33T", "**", "*%s*.tif" % LIKE.get(name, name))
    found = sorted(glob.glob(pattern, recursive=True))
    return gdal.Open(found[k % len(found)]).ReadAsArray() if found else None


def waves(k):
    y, x = np.mgrid[0:915, 0:915]
    return np.sin(x / 37 + k) * np.cos(y / 53 - k)


def field(name, k, size):
    """Enlarged: every pixel of the real band becomes a square."""
    a = real(name, k)
    if a is None:
        a = np.where(waves(k) > 0.7, 9, 4) if name == "SCL" else 1200 + 900 * waves(k)
    times = -(-size // a.shape[0])
    return np.kron(a.astype("uint16"), np.ones((times, times), "uint16"))[:size, :size]


def save(path, a, cell, nodata, overviews=True):
    kind, predictor = TYPES[a.dtype.name]
    ds = gdal.GetDriverByName("GTiff").Create(path + ".part", a.shape[1], a.shape[0], 1, kind,
                                              OPTIONS + ["PREDICTOR=%d" % predictor])
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(32633)
    ds.SetProjection(srs.ExportToWkt())
    ds.SetGeoTransform((499980, cell, 0, 5100000, 0, -cell))
    ds.GetRasterBand(1).SetNoDataValue(nodata)
    ds.GetRasterBand(1).WriteArray(a)
    if overviews:
        ds.BuildOverviews("NEAREST", [2, 4, 8, 16])
    del ds
    os.rename(path + ".part", path)


def band(path, name, k, size):
    rng = np.random.default_rng([k, sum(map(ord, name))])
    cell = 10 if name in TEN_METRES else 20
    n = size * 10 // cell
    a = field(name, k, n)
    if name == "SCL":  # a quarter of it in squares of cloud
        cloud = (rng.random((n // 32 + 1, n // 32 + 1)) < 0.25).repeat(32, 0).repeat(32, 1)
        a[cloud[:n, :n]] = 9
        return save(path, a.astype("uint8"), cell, 0)
    noisy = a.astype("int32") + rng.integers(-450, 451, (n, n), dtype="int32")
    save(path, np.clip(noisy, 1, 10000).astype("uint16"), cell, 0)


def scenes(top, n, size, names):
    for k in range(n):
        day = 1 + 3 * k
        at = os.path.join(top, "S2A_33TWM_%04d%02d%02d_0_L2A" % (2020 + day // 300, 1 + day // 25 % 12, 1 + day % 25))
        os.makedirs(at, exist_ok=True)
        for name in names:
            path = os.path.join(at, name + ".tif")
            if not os.path.exists(path):
                band(path, name, k, size)


def dem(top, size):
    """Ridges of every length down to 80 m, and 10 cm of noise: its slopes are those of hills."""
    path = os.path.join(top, "dem.tif")
    if os.path.exists(path):
        return
    os.makedirs(top, exist_ok=True)
    rng = np.random.default_rng(3)
    y, x = np.arange(size, dtype="float32")[:, None], np.arange(size, dtype="float32")[None, :]
    a = np.full((size, size), 900, "float32")
    for octave in range(9):
        length = 8 * 2.0 ** octave
        p = rng.random(4) * 6.28
        a += np.float32(length / 12) * np.sin(x / np.float32(length) + p[0]) * np.sin(y / np.float32(length) + p[1])
    for row in range(0, size, 512):
        part = a[row:row + 512]
        part += rng.random(part.shape, dtype="float32") * np.float32(0.1)
    save(path, np.round(a, 2), 10, -9999, overviews=False)


if __name__ == "__main__":
    if sys.argv[2:3] == ["dem"]:
        dem(sys.argv[1], int(sys.argv[3]))
    else:
        args = sys.argv[1:] + [None] * 3
        scenes(args[0], int(args[1] or 5), int(args[2] or 10980), (args[3] or "B04,SCL").split(","))
