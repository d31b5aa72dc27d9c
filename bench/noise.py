"""A picture for benches that none can compress much. SPDX-License-Identifier: MIT

noise.py FILE SIZE BANDS: whole numbers below 10000, seeded, SIZE cells a side, tiled."""
import sys

import numpy
from osgeo import gdal

gdal.UseExceptions()
name, n, bands = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
ds = gdal.GetDriverByName("GTiff").Create(name, n, n, bands, gdal.GDT_UInt16, ["TILED=YES"])
ds.SetGeoTransform([500000, 10, 0, 5000000, 0, -10])
ds.SetProjection("EPSG:32633")
noise = numpy.random.RandomState(1)
for b in range(1, bands + 1):
    for y in range(0, n, 500):
        ds.GetRasterBand(b).WriteArray(noise.randint(0, 10000, (min(500, n - y), n)).astype("uint16"), 0, y)
