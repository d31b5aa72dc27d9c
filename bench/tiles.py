#!/usr/bin/python3
"""Tiles of a vegetation index from two bands of 10980 x 10980 cells, beside a loop in rasterio.

  tiles.py make DIR            the two files, as cloud optimised GeoTIFF
  tiles.py rasterio DIR        WarpedVRT + numpy + PNG, one core: time of each tile, by zoom
  tiles.py client URL DIR      the same tiles from a server, one request after the other
  tiles.py urls URL ZOOM       addresses below URL's host, for wrk
SPDX-License-Identifier: MIT"""
import http.client
import json
import math
import os
import sys
import time

ZOOMS = (9, 11, 12, 14)
SIDE = 10980
WEST, NORTH, EPSG = 499980.0, 5000040.0, 32633
HALF = 20037508.342789244


def make(folder):
    import numpy as np
    from osgeo import gdal, osr
    gdal.UseExceptions()
    os.makedirs(folder, exist_ok=True)
    rng = np.random.default_rng(7)
    coarse = rng.normal(size=(SIDE // 60 + 2, SIDE // 60 + 2))
    for name, base, amplitude in (("B04", 900, 500), ("B08", 2600, 900)):
        path = os.path.join(folder, name + ".tif")
        if os.path.exists(path):
            continue
        ds = gdal.GetDriverByName("MEM").Create("", SIDE, SIDE, 1, gdal.GDT_UInt16)
        srs = osr.SpatialReference()
        srs.ImportFromEPSG(EPSG)
        ds.SetProjection(srs.ExportToWkt())
        ds.SetGeoTransform([WEST, 10, 0, NORTH, 0, -10])
        ds.GetRasterBand(1).SetNoDataValue(0)
        at = np.arange(SIDE) / 60.0
        i, f = at.astype(int), at % 1
        for y in range(SIDE):  # fields of some hundred metres, and the noise of a real sensor
            row = coarse[i[y]] * (1 - f[y]) + coarse[i[y] + 1] * f[y]
            line = row[i] * (1 - f) + row[i + 1] * f
            v = base + amplitude * line + rng.normal(size=SIDE) * 25
            ds.GetRasterBand(1).WriteArray(np.clip(v, 1, 10000).astype("uint16")[None, :], 0, y)
        gdal.GetDriverByName("COG").CreateCopy(path + ".new", ds, options=[
            "COMPRESS=DEFLATE", "PREDICTOR=2", "BLOCKSIZE=512", "NUM_THREADS=2"])
        os.rename(path + ".new", path)


def tiles(zoom, most=60):
    """Tiles well inside the file, the same for everyone."""
    lon0, lon1, lat0, lat1 = 15.1, 16.25, 44.25, 45.1
    n = 2 ** zoom
    col = lambda lon: (lon + 180) / 360 * n
    row = lambda lat: (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n
    xs, ys = range(int(col(lon0)), int(col(lon1)) + 1), range(int(row(lat1)), int(row(lat0)) + 1)
    every = [(x, y) for y in ys for x in xs]
    step = max(1, len(every) // most)
    return every[::step][:most]


def percentile(times, p):
    times = sorted(times)
    return times[min(len(times) - 1, int(len(times) * p / 100))] * 1000


def report(what, zoom, times):
    print("%-22s z%-3d p50 %7.2f ms   p95 %7.2f ms   %6.1f tiles/s   (%d tiles)" % (
        what, zoom, percentile(times, 50), percentile(times, 95), len(times) / sum(times), len(times)))
    sys.stdout.flush()


def read_of_tile(f, x, y, zoom):
    """A warped picture of the tile alone: fast when near, reads the whole resolution when far."""
    from rasterio.transform import from_origin
    from rasterio.vrt import WarpedVRT
    cell = 2 * HALF / 256 / 2 ** zoom
    t = from_origin(-HALF + x * 256 * cell, HALF - y * 256 * cell, cell, cell)
    with WarpedVRT(f, crs="EPSG:3857", transform=t, width=256, height=256) as v:
        return v.read(1)


def read_of_window(f, x, y, zoom, kept={}):
    """A window of one warped picture of the file: uses overviews."""
    from rasterio.vrt import WarpedVRT
    from rasterio.windows import from_bounds
    v = kept.setdefault(f.name, None) or kept.update({f.name: WarpedVRT(f, crs="EPSG:3857")}) or kept[f.name]
    side = 2 * HALF / 2 ** zoom
    w = from_bounds(-HALF + x * side, HALF - (y + 1) * side, -HALF + (x + 1) * side, HALF - y * side, v.transform)
    return v.read(1, window=w, out_shape=(256, 256), boundless=False)


def rasterio_loop(folder):
    import numpy as np
    import rasterio
    from rasterio.io import MemoryFile
    lut = np.stack([np.linspace(a, b, 256).astype("uint8") for a, b in ((68, 253), (1, 231), (84, 37))])
    with rasterio.Env(GDAL_NUM_THREADS="1", GDAL_CACHEMAX=256):
        files = [rasterio.open(os.path.join(folder, b + ".tif")) for b in ("B04", "B08")]
        for zoom in ZOOMS:
            for turn, read, most in (("tile cold", read_of_tile, 60), ("tile warm", read_of_tile, 60),
                                     ("window", read_of_window, 3)):  # seconds each
                times = []
                for x, y in tiles(zoom, most):
                    began = time.perf_counter()
                    bands = [read(f, x, y, zoom) for f in files]
                    red, nir = (b.astype("float64") for b in bands)
                    ok = (bands[0] != 0) & (bands[1] != 0)
                    with np.errstate(all="ignore"):
                        ndvi = (nir - red) / (nir + red)
                    index = np.clip((ndvi + 0.2) / 1.1 * 255, 0, 255)
                    rgba = np.concatenate([lut[:, np.where(ok, index, 0).astype("uint8")], ok[None] * np.uint8(255)])
                    with MemoryFile() as m:
                        with m.open(driver="PNG", width=256, height=256, count=4, dtype="uint8") as out:
                            out.write(rgba.astype("uint8"))
                        m.read()
                    times.append(time.perf_counter() - began)
                report("rasterio " + turn, zoom, times)


def host_of(url):
    return url.split("//")[1].split("/")[0]


def client(url, what):
    c = http.client.HTTPConnection(host_of(url), timeout=60)
    for zoom in ZOOMS:
        times = []
        for x, y in tiles(zoom):
            began = time.perf_counter()
            c.request("GET", "/tiles/ndvi/%d/%d/%d.png" % (zoom, x, y))
            r = c.getresponse()
            body = r.read()
            times.append(time.perf_counter() - began)
            if r.status != 200 or body[:4] != b"\x89PNG":
                raise SystemExit("tile %d/%d/%d: %d %r" % (zoom, x, y, r.status, body[:200]))
        report("tellua " + what, zoom, times)


def urls(url, zoom):
    for x, y in tiles(zoom):
        print("/tiles/ndvi/%d/%d/%d.png" % (zoom, x, y))


if __name__ == "__main__":
    job, args = sys.argv[1], sys.argv[2:]
    if job == "urls":
        urls(args[0], int(args[1]))
    else:
        {"make": make, "rasterio": rasterio_loop, "client": client}[job](*args)
