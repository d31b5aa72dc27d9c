# What the Python tests share: TAP, running tellua, reading and making rasters.
# SPDX-License-Identifier: MIT
import os
import subprocess
import sys

try:
    import numpy as np
    from osgeo import gdal, osr
except ImportError as missing:
    print("1..0 # SKIP needs python3-numpy and python3-gdal (%s)" % missing)
    sys.exit(0)

gdal.UseExceptions()
osr.UseExceptions()
gdal.SetConfigOption("GDAL_PAM_ENABLED", "YES")  # nodata of some real files lies in a side-car
TELLUA = os.environ.get("TELLUA", "build/release/tellua")
SCRATCH = os.environ.get("TMPDIR", "/tmp")
count = failed = 0


def ok(good, name, why=""):
    """One TAP line; `why` is shown when it fails."""
    global count, failed
    count += 1
    if not good:
        failed += 1
    print("%sok %d - %s" % ("" if good else "not ", count, name))
    if not good and why:
        for line in str(why).splitlines()[:30]:
            print("# " + line)
    sys.stdout.flush()
    return good


def note(text):
    print("# " + text)


def done():
    print("1..%d" % count)
    sys.exit(1 if failed else 0)


def shared(*parts):
    """A file of the real data, or None where that is absent."""
    top = os.environ.get("TELLUA_SHARED")
    path = os.path.join(top, "data", *parts) if top else None
    return path if path and os.path.exists(path) else None


def tellua(*args, expect=0, env=None):
    """Runs the program, with env beside what is set; returns (stdout, stderr). Another exit status than expected raises."""
    p = subprocess.run([TELLUA] + [str(a) for a in args], capture_output=True, text=True,
                       env=dict(os.environ, **env or {}))
    if p.returncode != expect:
        raise RuntimeError("tellua %s: exit %d, not %d\n%s%s"
                           % (" ".join(map(str, args)), p.returncode, expect, p.stdout, p.stderr))
    return p.stdout, p.stderr


class Raster:
    """All of a file: values[band], valid[band] (by GDAL's own masks), geotransform, CRS."""

    def __init__(self, path):
        ds = gdal.Open(path)
        bands = [ds.GetRasterBand(i + 1) for i in range(ds.RasterCount)]
        self.path = path
        self.values = np.stack([b.ReadAsArray() for b in bands])
        self.valid = np.stack([b.GetMaskBand().ReadAsArray() != 0 for b in bands])
        for i in range(len(bands)):
            if self.values[i].dtype.kind == "f":
                self.valid[i] &= ~np.isnan(self.values[i])
        self.transform = ds.GetGeoTransform()
        self.srs = ds.GetSpatialRef()
        self.nodata = [b.GetNoDataValue() for b in bands]
        self.flags = [b.GetMaskFlags() for b in bands]
        self.names = [b.GetDescription() for b in bands]
        self.size = (ds.RasterXSize, ds.RasterYSize)

    def same_place(self, other):
        near = max(abs(a - b) for a, b in zip(self.transform, other.transform)) < 1e-9
        return near and self.size == other.size and bool(self.srs.IsSame(other.srs))


GDAL_TYPE = {"uint8": gdal.GDT_Byte, "uint16": gdal.GDT_UInt16, "int16": gdal.GDT_Int16,
             "uint32": gdal.GDT_UInt32, "int32": gdal.GDT_Int32, "int64": gdal.GDT_Int64,
             "uint64": gdal.GDT_UInt64, "float32": gdal.GDT_Float32, "float64": gdal.GDT_Float64}


def write(path, bands, transform=(500000, 10, 0, 5000000, 0, -10), epsg=32633, nodata=None,
          names=None, mask=None, options=()):
    """Writes a list of 2-d arrays of one type as a GeoTIFF."""
    h, w = bands[0].shape
    gdal.SetConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES")
    ds = gdal.GetDriverByName("GTiff").Create(path, w, h, len(bands), GDAL_TYPE[str(bands[0].dtype)],
                                              options=list(options))
    ds.SetGeoTransform(transform)
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(epsg)
    ds.SetProjection(srs.ExportToWkt())
    for i, a in enumerate(bands):
        b = ds.GetRasterBand(i + 1)
        if names:
            b.SetDescription(names[i])
        if nodata is not None:
            if a.dtype.kind == "i" and a.dtype.itemsize == 8:
                b.SetNoDataValueAsInt64(int(nodata))
            else:
                b.SetNoDataValue(float(nodata))
        b.WriteArray(a)
    if mask is not None:
        ds.CreateMaskBand(gdal.GMF_PER_DATASET)
        ds.GetRasterBand(1).GetMaskBand().WriteArray(mask.astype("uint8") * 255)
    ds = None
    return path


def differ(want, got, valid=None):
    """Where two arrays differ, bit for bit and type for type; "" when nowhere. NaN equals NaN."""
    if want.shape != got.shape or want.dtype != got.dtype:
        return "shape and type %s %s, not %s %s" % (got.shape, got.dtype, want.shape, want.dtype)
    a, b = want, got
    if a.dtype.kind == "f":
        bits = "u%d" % a.dtype.itemsize
        bad = (a.view(bits) != b.view(bits)) & ~(np.isnan(a) & np.isnan(b))
    else:
        bad = a != b
    if valid is not None:
        bad = bad & valid
    if not bad.any():
        return ""
    at = np.argwhere(bad)
    first = tuple(at[0])
    return "%d of %d cells differ, first at %s: wanted %r, got %r" % (
        len(at), bad.size, first, a[first].item(), b[first].item())
