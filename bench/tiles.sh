#!/bin/sh
# Tiles of a vegetation index of two full-size scenes: cold, with the bands kept, kept whole, with 1, 8 and 64 clients;
# beside WarpedVRT and PNG in rasterio. One core each. TILES=DIR (made when empty). SPDX-License-Identifier: MIT
set -eu
here=$(dirname "$0")
dir=${TILES:-/tmp/tellua-bench-tiles}
out=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill $pid; rm -rf "$out"' EXIT
py() { /usr/bin/python3 "$here/tiles.py" "$@"; }
py make "$dir"
cat > "$out/ndvi.lua" <<LUA
local b4, b8 = Image "$dir/B04.tif", Image "$dir/B08.tif"
output("ndvi", (b8 - b4) / (b8 + b4), {ramp = "viridis", min = -0.2, max = 0.9})
LUA

start() {
    : > "$out/url"
    taskset -c 0 "${TELLUA:-build/release/tellua}" serve "$out/ndvi.lua" --port 0 --threads 1 --store "$out/plans" "$@" > "$out/url" &
    pid=$!
    while [ ! -s "$out/url" ]; do sleep 0.1; done
    url=$(cat "$out/url")
}
stop() {
    awk '{printf "  processor time %.2f s\n", ($14 + $15) / 100}' "/proc/$pid/stat"
    kill $pid
    wait $pid || :
    pid=
}

start --no-tile-cache
py client "$url" "cold"
stop
start --no-tile-cache
py client "$url" "first turn" > /dev/null
py client "$url" "bands kept"
stop
start
py client "$url" "first turn" > /dev/null
py client "$url" "tile kept"
stop
taskset -c 0 /usr/bin/python3 "$here/tiles.py" rasterio "$dir"

if command -v wrk > /dev/null; then
    for mode in --no-tile-cache ""; do
        # shellcheck disable=SC2086 # none or one word
        start $mode
        for zoom in 9 11 12 14; do
            { echo "local list = {"; py urls "$url" $zoom | sed 's/.*/"&",/'; echo "}"; } > "$out/wrk.lua"
            echo 'local n = 0
                  request = function() n = n % #list + 1 return wrk.format("GET", list[n]) end' >> "$out/wrk.lua"
            for clients in 1 8 64; do
                wrk -t1 -c$clients -d"${SECONDS_EACH:-4}s" --latency -s "$out/wrk.lua" "$url" |
                    awk -v what="wrk${mode:+ bands kept}${mode:- tile kept}" -v z=$zoom -v c=$clients \
                        '/50%/ {a = $2} /90%/ {b = $2} /Requests\/sec/ {r = $2} /Non-2xx/ {bad = $0}
                         END {sub("--no-tile-cache", "", what); printf "%-16s z%-3d %2d clients  p50 %s  p90 %s  %.0f tiles/s %s\n", what, z, c, a, b, r, bad}'
            done
        done
        stop
    done
fi
