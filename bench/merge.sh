#!/bin/sh
# The merge of 1,000 tasks against cp of the product's bytes: target half its speed; GDAL's own check of
# the result. SPDX-License-Identifier: MIT
set -eu
size=${SIZE:-22000} tasks=${TASKS:-1000}
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
/usr/bin/python3 "$here/noise.py" in.tif "$size" 1
echo 'output("o", Image "in.tif", {tile = 128})' >s.lua
"$TELLUA" submit s.lua --job job --tasks "$tasks" --dry-run --quiet >/dev/null
"$BUILD/bench/merge_tasks" job "$tasks"
timed() { # COMMAND... -> seconds, seconds of CPU
    /usr/bin/time -f "%e %U %S" -o time "$@" >/dev/null
    awk '{ print $1, $2 + $3 }' time
}
for round in 1 2 3; do
    rm -rf job/merge job/merge.done job/result/o.tif copy
    sync
    m=$(timed "$TELLUA" task job merge --quiet)
    bytes=$(wc -c <job/result/o.tif)
    sync
    c=$(timed sh -c 'cp job/result/o.tif copy && sync copy')
    echo "$round $bytes $m $c" | awk '{
        printf "round %d: merge of %.0f MB %.2f s (%.2f of CPU), %.0f MB/s; cp and sync %.2f s (%.2f), %.0f MB/s: %.2f of its speed\n",
            $1, $2 / 1e6, $3, $4, $2 / $3 / 1e6, $5, $6, $2 / $5 / 1e6, $5 / $3 }'
done
/usr/bin/python3 -c 'from osgeo_utils.samples import validate_cloud_optimized_geotiff as v
w, e, _ = v.validate("job/result/o.tif", full_check=True)
print("COG check: %d errors, %d warnings" % (len(e), len(w)))'
