# Pictures as arrays, for tests. SPDX-License-Identifier: MIT
import numpy as np
from osgeo import gdal


def pixels(body, name="x.png"):
    """Red, green, blue, alpha of a PNG or WebP."""
    gdal.FileFromMemBuffer("/vsimem/" + name, body)
    ds = gdal.Open("/vsimem/" + name)
    bands = [ds.GetRasterBand(i + 1) for i in range(ds.RasterCount)]
    if len(bands) == 1 and bands[0].GetColorTable():  # a palette
        t = bands[0].GetColorTable()
        lut = np.array([t.GetColorEntry(i) for i in range(t.GetCount())], "uint8")
        out = lut[bands[0].ReadAsArray()].transpose(2, 0, 1)
    else:
        out = np.stack([b.ReadAsArray() for b in bands])
        if len(bands) == 3:
            out = np.concatenate([out, np.full((1,) + out.shape[1:], 255, "uint8")])
    ds = None
    gdal.Unlink("/vsimem/" + name)
    return out

