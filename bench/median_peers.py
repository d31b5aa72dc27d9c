"""The cloud-masked median of bench/scenes.py as others write it. SPDX-License-Identifier: MIT

median_peers.py numpy|dask|decode DIR OUT"""
import glob
import sys

CLOUDY = (3, 8, 9, 10)
kind, top, out = sys.argv[1:]
scenes = sorted(glob.glob(top + "/*/"))


def with_numpy():
    import numpy as np
    import rasterio
    from rasterio.windows import Window
    red = [rasterio.open(s + "B04.tif") for s in scenes]
    scl = [rasterio.open(s + "SCL.tif") for s in scenes]
    profile = dict(red[0].profile, dtype="float32", nodata=float("nan"), predictor=3)
    with rasterio.open(out, "w", **profile) as to:
        for row in range(0, red[0].height, 512):
            h = min(512, red[0].height - row)
            stack = []
            for r, c in zip(red, scl):
                v = r.read(1, window=Window(0, row, r.width, h)).astype("float32")
                k = c.read(1, window=Window(0, row // 2, c.width, h // 2)).repeat(2, 0).repeat(2, 1)
                v[(v == 0) | np.isin(k, CLOUDY)] = np.nan
                stack.append(v)
            with np.errstate(all="ignore"):
                import warnings
                warnings.simplefilter("ignore")
                to.write(np.nanmedian(np.stack(stack), 0), 1, window=Window(0, row, red[0].width, h))


def with_dask():
    import dask
    import rioxarray
    import xarray
    dask.config.set(scheduler="threads", num_workers=2)
    chunks = {"x": 2048, "y": 2048}
    layers = []
    for s in scenes:
        r = rioxarray.open_rasterio(s + "B04.tif", chunks=chunks).squeeze("band", drop=True)
        c = rioxarray.open_rasterio(s + "SCL.tif", chunks={"x": 1024, "y": 1024}).squeeze("band", drop=True)
        c = c.data.repeat(2, 0).repeat(2, 1)
        bad = (c == 3) | (c == 8) | (c == 9) | (c == 10)
        layers.append(r.astype("float32").where(~bad & (r.data != 0)))
    m = xarray.concat(layers, "time").chunk({"time": -1}).median("time", skipna=True)
    m.rio.write_crs(32633).rio.to_raster(out, tiled=True, blockxsize=512, blockysize=512, compress="DEFLATE",
                                        lock=__import__("threading").Lock())


def decode():
    """The floor: reading alone, on two threads."""
    from concurrent.futures import ThreadPoolExecutor
    from osgeo import gdal

    def read(path):
        ds = gdal.Open(path)
        for row in range(0, ds.RasterYSize, 512):
            ds.ReadRaster(0, row, ds.RasterXSize, min(512, ds.RasterYSize - row))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(read, [s + n for s in scenes for n in ("B04.tif", "SCL.tif")]))


{"numpy": with_numpy, "dask": with_dask, "decode": decode}[kind]()
