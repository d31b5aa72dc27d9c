"""The jobs of bench/jobs.py as users of Python write them. SPDX-License-Identifier: MIT

job_peers.py numexpr|stubble SCENE OUT, job_peers.py median_numpy|median_dask DIR OUT"""
import glob
import sys
import warnings

import numpy as np
import rasterio
from rasterio.windows import Window

CLOUDY = (3, 8, 9, 10)
ROWS = 512


def rows(f):
    for y in range(0, f.height, ROWS):
        yield y, min(ROWS, f.height - y)


def numexpr(scene, out):
    """A vegetation index; GDAL and numexpr with two threads each."""
    import numexpr as ne
    ne.set_num_threads(2)
    with rasterio.Env(GDAL_NUM_THREADS=2), rasterio.open(scene + "/B04.tif") as r, \
            rasterio.open(scene + "/B08.tif") as n:
        profile = dict(r.profile, dtype="float32", nodata=float("nan"), predictor=3, num_threads=2)
        with rasterio.open(out, "w", **profile) as to:
            for y, h in rows(r):
                w = Window(0, y, r.width, h)
                a, b = r.read(1, window=w).astype("float32"), n.read(1, window=w).astype("float32")
                bad = float("nan")
                to.write(ne.evaluate("where((a == 0) | (b == 0), bad, (b - a) / (b + a))").astype("float32"), 1, window=w)


def stubble(scene, out):
    """Five bands, two of them of 10 m."""
    names = ("B04", "B06", "B08", "B11", "B12")
    files = [rasterio.open("%s/%s.tif" % (scene, b)) for b in names]
    with rasterio.open(out, "w", **dict(files[0].profile, dtype="uint8", nodata=255, predictor=2)) as to:
        for y, h in rows(files[0]):
            v = []
            for f in files:
                k = files[0].width // f.width
                a = f.read(1, window=Window(0, y // k, f.width, h // k))
                v.append(a.repeat(k, 0).repeat(k, 1) if k > 1 else a)
            r, e, n, s, t = v
            hit = (r < 1000) & (e < 1200) & (n < 1200) & (s > 500) & (s < 1600) & (t < s)
            bad = (r == 0) | (e == 0) | (n == 0) | (s == 0) | (t == 0)
            to.write(np.where(bad, 255, hit).astype("uint8"), 1, window=Window(0, y, files[0].width, h))


def median_numpy(top, out):
    scenes = sorted(glob.glob(top + "/*/"))
    red = [rasterio.open(s + "B04.tif") for s in scenes]
    scl = [rasterio.open(s + "SCL.tif") for s in scenes]
    warnings.simplefilter("ignore")
    with rasterio.open(out, "w", **dict(red[0].profile, dtype="float32", nodata=float("nan"), predictor=3)) as to:
        for y, h in rows(red[0]):
            stack = []
            for r, c in zip(red, scl):
                v = r.read(1, window=Window(0, y, r.width, h)).astype("float32")
                k = c.read(1, window=Window(0, y // 2, c.width, h // 2)).repeat(2, 0).repeat(2, 1)
                v[(v == 0) | np.isin(k, CLOUDY)] = np.nan
                stack.append(v)
            to.write(np.nanmedian(np.stack(stack), 0), 1, window=Window(0, y, red[0].width, h))


def median_dask(top, out):
    import threading

    import dask
    import rioxarray
    import xarray
    dask.config.set(scheduler="threads", num_workers=2)
    layers = []
    for s in sorted(glob.glob(top + "/*/")):
        r = rioxarray.open_rasterio(s + "B04.tif", chunks={"x": 2048, "y": 2048}).squeeze("band", drop=True)
        c = rioxarray.open_rasterio(s + "SCL.tif", chunks={"x": 1024, "y": 1024}).squeeze("band", drop=True)
        c = c.data.repeat(2, 0).repeat(2, 1)
        bad = (c == 3) | (c == 8) | (c == 9) | (c == 10)
        layers.append(r.astype("float32").where(~bad & (r.data != 0)))
    m = xarray.concat(layers, "time").chunk({"time": -1}).median("time", skipna=True)
    m.rio.write_crs(32633).rio.to_raster(out, tiled=True, blockxsize=512, blockysize=512, compress="DEFLATE",
                                        lock=threading.Lock())


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
