#!/bin/sh
# The cloud-masked median of five full-size scenes: Tellua, numpy with rasterio, dask with rioxarray, and reading
# alone. Seconds of the clock and of the processor, MiB. TURNS=3, SCENES=DIR (made when empty). SPDX-License-Identifier: MIT
set -eu
here=$(dirname "$0")
dir=${SCENES:-/tmp/tellua-bench-scenes}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
/usr/bin/python3 "$here/scenes.py" "$dir" 5
cat > "$out/median.lua" <<'LUA'
local dir = param("dir", ".")
output("median", Collection(dir):mask_clouds():select("B04"):median(), {format = "gtiff"})
LUA
for turn in $(seq "${TURNS:-3}"); do
    for who in tellua numpy dask decode; do
        case $who in
        tellua) set -- "${TELLUA:-build/release/tellua}" run --quiet "$out/median.lua" -p dir="$dir" --threads 2 --out "$out" ;;
        *) set -- /usr/bin/python3 "$here/median_peers.py" "$who" "$dir" "$out/$who.tif" ;;
        esac
        /usr/bin/time -f "turn $turn  $who  %e s, processor %U + %S s, %M KiB" "$@" 2>&1 | grep -E "^turn|rror" || true
    done
done
