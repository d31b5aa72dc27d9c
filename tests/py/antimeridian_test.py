# Scenes on both sides of 180 degrees: opened, filtered, and mosaicked, on their own grid and in degrees,
# where one picture runs across. SPDX-License-Identifier: MIT
import os

from tap import gdal, np, ok, done, shared, tellua, Raster, SCRATCH

catalogue = shared("s2_antimeridian_mapchete_01W", "catalog.json")
if not catalogue:
    print("1..0 # SKIP the real data is not here")
    raise SystemExit(0)
HERE = os.path.join(SCRATCH, "antimeridian")
os.makedirs(HERE, exist_ok=True)
TOP = os.path.join(os.path.dirname(catalogue), "sentinel-s2-l2a")


def run(name, lua, *args):
    path = os.path.join(HERE, name + ".lua")
    with open(path, "w") as f:
        f.write("local c = Collection(param('catalogue', ''))\noutput('%s', %s)\n" % (name, lua))
    tellua("run", path, "-p", "catalogue=" + catalogue, "--out", HERE, *args)
    return Raster(os.path.join(HERE, name + ".tif"))


def count(lua):
    return int(tellua("-e", "return #Collection('%s'):%s" % (catalogue, lua))[0])


def file_of(tile):
    names = [n for n in sorted(os.listdir(TOP)) if "20230602T025701" in n and n.endswith(tile)]
    return os.path.join(TOP, names[0], "B04.jp2")


# --- found from both sides
ok(count("filter_bbox(179, 60, -179, 80)") == 5, "a box across 180 degrees finds all")
ok(count("filter_bbox(-179.5, 60, -170, 80)") == 5 and count("filter_bbox(170, 60, 179.5, 80)") == 4,
   "one on either side those that reach there")
ok(count("filter_bbox(-100, 60, 100, 80)") == 0, "one on the far side finds none",
   count("filter_bbox(-100, 60, 100, 80)"))

# --- a mosaic on the scenes' own grid
june = "c:filter_date('2023-06-02'):filter('id', '<', 'S2A_OPER_MSI_L2A_TL_2APS_20230603'):raw()"
mosaic = run("mosaic", june + ":band('B04'):mosaic()")
tiles = {t: gdal.Open(file_of(t)) for t in ("T01WCQ", "T01WCR")}
want = np.zeros((mosaic.size[1], mosaic.size[0]), "u2")
for t in ("T01WCQ", "T01WCR"):  # the first scene lies on top; T01WCR was taken seconds before
    gt, cells = tiles[t].GetGeoTransform(), tiles[t].GetRasterBand(1).ReadAsArray()
    x, y = round((gt[0] - mosaic.transform[0]) / gt[1]), round((gt[3] - mosaic.transform[3]) / gt[5])
    part = want[y:y + cells.shape[0], x:x + cells.shape[1]]
    part[:] = np.where(cells != 0, cells, part)
got = np.where(mosaic.valid[0], mosaic.values[0], 0)
ok(mosaic.size == (want.shape[1], want.shape[0]) and np.array_equal(got, want),
   "two tiles are one mosaic, pixel for pixel", "%s of %s cells differ" % (np.count_nonzero(got != want), want.size))
ok(np.count_nonzero(want) > 1000, "with something on it", np.count_nonzero(want))

# --- in degrees, one picture across 180
east = run("east", june + ":band('B04'):mosaic()", "--crs", "EPSG:4326", "--bbox", "178.5,66.8,181,68", "--res", "0.002")
ok(east.size == (1250, 600) and abs(east.transform[0] - 178.5) < 1e-9, "a grid in degrees runs across 180", (east.size, east.transform))


def warped(tile, box):
    return gdal.Warp("", tiles[tile], format="MEM", dstSRS="EPSG:4326", outputBounds=box, xRes=0.002, yRes=0.002,
                     resampleAlg="near", errorThreshold=0).ReadAsArray()


def both(box):
    above, below = warped("T01WCR", box), warped("T01WCQ", box)
    return np.where(above != 0, above, below)


twin = np.concatenate([both((178.5, 66.8, 180, 68)), both((-180, 66.8, -179, 68))], axis=1)
got = np.where(east.valid[0], east.values[0], 0)
bad = np.count_nonzero(got != twin)
ok(bad <= twin.size / 1000 and np.count_nonzero(twin[:, :750]) > 1000 and np.count_nonzero(twin[:, 750:]) > 1000,
   "and holds what two warps of its halves hold", "%d of %d cells differ" % (bad, twin.size))
done()
