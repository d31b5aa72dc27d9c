#!/usr/bin/python3
"""Writes scene.tif and classes.tif into the current folder: what the manual's examples read.

scene.tif: 60 x 40 cells of 10 m, EPSG:32633, six bands of uint16 (B02 B03 B04 B06 B08 B11), nodata 0.
From west to east, 15 columns each: forest, dry stubble, burnt stubble, water; the last row is nodata.
Values vary a little with the cell, by rule. classes.tif: one uint8 band "class", 1 to 4, the same
places, nodata 0.
SPDX-License-Identifier: MIT"""
from osgeo import gdal, osr

W, H = 60, 40
NAMES = ["B02", "B03", "B04", "B06", "B08", "B11"]
COVERS = [[300, 500, 400, 1800, 3200, 1500],   # forest
          [900, 1200, 1600, 2000, 2400, 3000],  # dry stubble
          [600, 700, 800, 900, 1000, 1300],     # burnt stubble
          [500, 450, 350, 200, 150, 100]]       # water


def create(name, bands, cell_type):
    ds = gdal.GetDriverByName("GTiff").Create(name, W, H, bands, cell_type)
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(32633)
    ds.SetProjection(srs.ExportToWkt())
    ds.SetGeoTransform([500000, 10, 0, 5000400, 0, -10])
    return ds


def fill(ds, k, name, cell):
    band = ds.GetRasterBand(k)
    size = "<H" if band.DataType == gdal.GDT_UInt16 else "<B"
    band.SetDescription(name)
    band.SetNoDataValue(0)
    width = 2 if size == "<H" else 1
    rows = [b"".join((cell(x, y) if y < H - 1 else 0).to_bytes(width, "little") for x in range(W))
            for y in range(H)]
    band.WriteRaster(0, 0, W, H, b"".join(rows))


gdal.UseExceptions()
scene = create("scene.tif", len(NAMES), gdal.GDT_UInt16)
for i, band_name in enumerate(NAMES):
    fill(scene, i + 1, band_name, lambda x, y, i=i: COVERS[x // 15][i] + (7 * x + 13 * y) % 20)
scene = None
classes = create("classes.tif", 1, gdal.GDT_Byte)
fill(classes, 1, "class", lambda x, y: x // 15 + 1)
