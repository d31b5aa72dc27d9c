#!/usr/bin/python3
"""Writes scenes.json and the folder scenes into the current folder: a STAC ItemCollection of five
small made-up Sentinel-2 scenes. SPDX-License-Identifier: MIT

60 x 40 cells of 10 m where tests/make_scene.py has scene.tif: B04 and B08 (uint16, nodata 0), SCL of
20 m. Covers are those of scene.tif (forest, stubble, burnt stubble, water); the summer scenes are
darker in red. Scene 2 is cloudy in its western half. Scene 4 is of processing baseline 04.00: its
numbers carry 1000 more. Scene 5 lies 30 columns further east."""
import json
import os
from osgeo import gdal, osr

W, H = 60, 40
RED = [400, 1600, 800, 350]
NIR = [3200, 2400, 1000, 150]
# id, date, tile, cloud, baseline, sun, orbit, added to red, first column
SCENES = [
    ("S2A_33TWL_20170805_0_L2A", "2017-08-05T09:58:11Z", "33TWL", 3, "02.05", 57.0, 79, 0, 0),
    ("S2B_33TWL_20171014_0_L2A", "2017-10-14T09:50:31Z", "33TWL", 55, "02.05", 36.0, 79, 100, 0),
    ("S2A_33TWL_20171019_0_L2A", "2017-10-19T09:50:31Z", "33TWL", 12, "02.05", 34.0, 79, 120, 0),
    ("S2A_33TWL_20220809_0_L2A", "2022-08-09T09:58:11Z", "33TWL", 0, "04.00", 56.5, 79, 10, 0),
    ("S2B_33TWM_20220809_0_L2A", "2022-08-09T09:58:30Z", "33TWM", 7, "04.00", 56.5, 79, 20, 30),
]


def save(path, cells, size, x0, width, cell_type):
    ds = gdal.GetDriverByName("GTiff").Create(path, width, len(cells) // width, 1, cell_type)
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(32633)
    ds.SetProjection(srs.ExportToWkt())
    ds.SetGeoTransform([500000 + x0 * 10, size, 0, 5000400, 0, -size])
    ds.GetRasterBand(1).SetNoDataValue(0)
    step = 2 if cell_type == gdal.GDT_UInt16 else 1
    raw = b"".join(v.to_bytes(step, "little") for v in cells)
    ds.GetRasterBand(1).WriteRaster(0, 0, width, len(cells) // width, raw)


def item(n, scene):
    name, when, tile, cloud, baseline, sun, orbit, more, x0 = scene
    shift = 1000 if baseline == "04.00" else 0
    cover = [min((x + x0) // 15, 3) for x in range(W)]
    os.makedirs("scenes/" + name, exist_ok=True)

    def numbers(values, extra):
        return [0 if y == H - 1 else values[cover[x]] + extra + (7 * x + 13 * y + 3 * n) % 20 + shift
                for y in range(H) for x in range(W)]

    def clouds():
        return [9 if n == 1 and x < W // 4 else 6 if cover[2 * x] == 3 else 4
                for y in range(H // 2) for x in range(W // 2)]

    save("scenes/%s/B04.tif" % name, numbers(RED, more), 10, x0, W, gdal.GDT_UInt16)
    save("scenes/%s/B08.tif" % name, numbers(NIR, 0), 10, x0, W, gdal.GDT_UInt16)
    save("scenes/%s/SCL.tif" % name, clouds(), 20, x0, W // 2, gdal.GDT_Byte)
    corners = [DEGREES.TransformPoint(500000 + x * 10, 5000400 - y * 10)
               for x in (x0, x0 + W) for y in (0, H)]
    box = [f(c[k] for c in corners) for f, k in ((min, 0), (min, 1), (max, 0), (max, 1))]
    ring = [[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]], [box[0], box[1]]]
    assets = {key: {"href": "scenes/%s/%s.tif" % (name, f), "type": "image/tiff; application=geotiff"}
              for key, f in (("red", "B04"), ("nir", "B08"), ("scl", "SCL"))}
    assets["thumbnail"] = {"href": "thumbnail.jpg", "type": "image/jpeg", "roles": ["thumbnail"]}
    return {"type": "Feature", "stac_version": "1.0.0", "id": name, "collection": "sentinel-2-l2a",
            "geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": box, "links": [],
            "properties": {"datetime": when, "platform": "sentinel-2" + name[2].lower(),
                           "eo:cloud_cover": cloud, "grid:code": "MGRS-" + tile,
                           "s2:processing_baseline": baseline, "view:sun_elevation": sun,
                           "sat:relative_orbit": orbit, "sat:orbit_state": "descending",
                           "proj:epsg": 32633, "proj:shape": [H, W],
                           "proj:transform": [10, 0, 500000 + x0 * 10, 0, -10, 5000400]},
            "assets": assets}


gdal.UseExceptions()
systems = [osr.SpatialReference(), osr.SpatialReference()]
for srs, code in zip(systems, (32633, 4326)):
    srs.ImportFromEPSG(code)
    srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
DEGREES = osr.CoordinateTransformation(*systems)
with open("scenes.json", "w", encoding="utf-8") as f:
    json.dump({"type": "FeatureCollection", "features": [item(i, s) for i, s in enumerate(SCENES)]}, f)
