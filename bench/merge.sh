#!/bin/sh
# The merge of 1,000 tasks against cp of the product's bytes: target half its speed; GDAL's own check of
# the result. SPDX-License-Identifier: MIT
set -eu
size=${SIZE:-22000} tasks=${TASKS:-1000}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
/usr/bin/python3 - "$size" <<'P'
import sys
import numpy
from osgeo import gdal
gdal.UseExceptions()
n = int(sys.argv[1])
ds = gdal.GetDriverByName("GTiff").Create("in.tif", n, n, 1, gdal.GDT_UInt16, ["TILED=YES"])
ds.SetGeoTransform([500000, 10, 0, 5000000, 0, -10])
ds.SetProjection("EPSG:32633")
noise = numpy.random.RandomState(1)
for y in range(0, n, 500):
    ds.GetRasterBand(1).WriteArray(noise.randint(0, 10000, (min(500, n - y), n)).astype("uint16"), 0, y)
P
echo 'output("o", Image "in.tif", {tile = 128})' >s.lua
"$TELLUA" submit s.lua --job job --tasks "$tasks" --dry-run --quiet >/dev/null
"$BUILD/bench/merge_tasks" job "$tasks"
seconds() { # COMMAND...
    /usr/bin/time -f %e -o time "$@" >/dev/null
    cat time
}
for round in 1 2 3; do
    rm -rf job/merge job/merge.done job/result/o.tif copy
    sync
    m=$(seconds "$TELLUA" task job merge --quiet)
    bytes=$(wc -c <job/result/o.tif)
    sync
    c=$(seconds sh -c 'cp job/result/o.tif copy && sync copy')
    awk -v r=$round -v m="$m" -v c="$c" -v b="$bytes" 'BEGIN {
        printf "round %d: merge of %.0f MB %.2f s, %.0f MB/s; cp and sync %.2f s, %.0f MB/s: %.2f of its speed\n",
            r, b / 1e6, m, b / m / 1e6, c, b / c / 1e6, c / m }'
done
/usr/bin/python3 -c 'from osgeo_utils.samples import validate_cloud_optimized_geotiff as v
w, e, _ = v.validate("job/result/o.tif", full_check=True)
print("COG check: %d errors, %d warnings" % (len(e), len(w)))'
