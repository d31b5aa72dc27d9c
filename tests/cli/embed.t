#!/bin/sh
# The library in other programs: a C host against an installed tree, and a stock Lua.
# SPDX-License-Identifier: MIT
set -u
CC=${CC:-cc}
top=$(pwd)
case $CONFIG in
asan | tsan)
    echo "1..0 # SKIP a sanitizer's library cannot be loaded into programs without it"
    exit 0
    ;;
esac
n=0
failed=0
ok() { # SENTENCE, after a command whose status counts
    status=$?
    n=$((n + 1))
    if [ $status -eq 0 ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        tail -n 20 "$TMPDIR/log" 2>/dev/null | sed 's/^/# /'
        failed=1
    fi
}
quietly() { "$@" >"$TMPDIR/log" 2>&1; }

tree="$TMPDIR/opt"
# -o all: what is tested is what was built; with this BUILD, and without the flags that were given to the
# make above, everything would be built anew below the feet of the other tests.
quietly env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory -o all install PREFIX="$tree" CONFIG="$CONFIG" BUILD="$BUILD" CC="$CC"
ok "the library can be installed below a folder of one's own"
cd "$TMPDIR" || exit 1
/usr/bin/python3 "$top/tests/make_scene.py" || exit 1

export PKG_CONFIG_PATH="$tree/lib/pkgconfig"
# shellcheck disable=SC2046
quietly "$CC" -Wall -Wextra -Werror "$top/docs/examples/embed.c" $(pkg-config --cflags --libs tellua) -o embed
ok "the example compiles and links against the shared library"
# shellcheck disable=SC2046
quietly "$CC" "$top/docs/examples/embed.c" $(pkg-config --cflags tellua) "$(pkg-config --variable=archive tellua)" \
    $(pkg-config --libs $(pkg-config --variable=packages tellua)) -lm -lpthread -o embed-static
ok "and against the archive"

cat >site.lua <<'L'
local img = Image "scene.tif"
assert(site.name() == "embed.c")
output("ndvi", img:normalized_difference("B08", "B04"))
L
LD_LIBRARY_PATH="$tree/lib" ./embed site.lua >shared.txt 2>log
ok "a script in it can call the host's own module"
./embed-static site.lua >static.txt 2>log && cmp -s shared.txt static.txt
ok "the statically linked program says the same"
"$TELLUA" run "$top/scripts/ndvi.lua" -p scene=scene.tif --out cli >/dev/null 2>log &&
    LD_LIBRARY_PATH="$tree/lib" ./embed "$top/scripts/ndvi.lua" scene=scene.tif >c.txt 2>log &&
    /usr/bin/python3 - >py.txt 2>log <<'P'
from osgeo import gdal
import numpy as np
gdal.UseExceptions()
ds = gdal.Open("cli/ndvi.tif")
x = ds.ReadAsArray()
good = ds.GetRasterBand(1).GetMaskBand().ReadAsArray() > 0
print("%d x %d cells of EPSG:32633, %d valid, mean %.9f" % (x.shape[1], x.shape[0], good.sum(),
                                                           x[good].astype("f8").mean()))
P
cat c.txt py.txt >log
cmp -s c.txt py.txt
ok "its mean and count are those of the product of tellua run"

LD_LIBRARY_PATH="$tree/lib" ./embed site.lua missing=1 >/dev/null 2>log
ok "a parameter no script asks for is no error of the library"
LD_LIBRARY_PATH="$tree/lib" ./embed nowhere.lua >/dev/null 2>log
[ $? -eq 2 ] && grep -q nowhere.lua log
ok "an unknown script is exit 2 with its name"
echo 'output("ndvi", Image "nowhere.tif")' >bad.lua
LD_LIBRARY_PATH="$tree/lib" ./embed bad.lua >/dev/null 2>log
[ $? -eq 1 ] && grep -q 'bad.lua:1' log && grep -q nowhere.tif log
ok "an error in a script is exit 1 with its line and the file"

# --- stock Lua ------------------------------------------------------------------------------------
export LUA_CPATH="$tree/lib/lua/5.4/?.so"
cd "$top" || exit 1
lua5.4 docs/examples/ndvi_stock.lua "$TMPDIR/scene.tif" "$TMPDIR/stock" >"$TMPDIR/log" 2>&1 &&
    [ "$(cat "$TMPDIR/log")" = "$TMPDIR/stock/ndvi.tif" ]
ok "the example for a stock Lua runs and names its product"
"$TELLUA" run scripts/ndvi.lua -p scene="$TMPDIR/scene.tif" --out "$TMPDIR/cli2" >/dev/null 2>"$TMPDIR/log" &&
    cmp "$TMPDIR/stock/ndvi.tif" "$TMPDIR/cli2/ndvi.tif" >"$TMPDIR/log" 2>&1
ok "its product is that of tellua run, byte for byte"
cd "$TMPDIR" || exit 1

fails() { # SENTENCE-OF-THE-ERROR LUA
    lua5.4 -e "local tellua = require 'tellua'; $2" >log 2>&1
    [ $? -eq 1 ] && grep -qF "$1" log
}
fails "run has no option 'tread'" "tellua.run('site.lua', {tread = 1})"
ok "an unknown option of run is an error that names it"
fails "threads is a number from 1 to 200" "tellua.run('site.lua', {threads = 1e30})" &&
    fails "res is a cell size above 0" "tellua.run('site.lua', {res = -1})" &&
    fails "window is four whole numbers" "tellua.run('site.lua', {window = {0, 0, 1e300, 5}})"
ok "numbers out of range too"
fails "cannot open script nowhere.lua" "tellua.run('nowhere.lua')"
ok "an unknown script too"
fails "no parameter 'q'" "tellua.run('$top/scripts/ndvi.lua', {params = {q = 1, scene = 'scene.tif'}})"
ok "an unknown parameter too"
fails "bad.lua:1" "tellua.run('bad.lua')"
ok "an error in the script has its line"
cat >two.lua <<'L'
local tellua = require "tellua"
package.loaded.tellua = nil
local again = require "tellua"
assert(again.version == tellua.version)
local f = io.open("s.lua", "w")
f:write('output("a", Image("scene.tif"):select("B04"))')
f:close()
local one = again.run("s.lua", {out = "a", res = 20})
local two = tellua.run("s.lua", {out = "b", window = {0, 0, 7, 5}, format = "gtiff"})
assert(one[1] == "a/a.tif" and two[1] == "b/a.tif")
local img = tellua.Image "scene.tif"
assert(#img == 6 and tostring(img:grid()):find "60 x 40")
assert(not pcall(tellua.run, "bad.lua"))
assert(not rawget(_G, "Image") and not rawget(_G, "output"))
L
lua5.4 two.lua >log 2>&1 && gdalinfo a/a.tif >log && grep -q 'Size is 30, 20' log && gdalinfo b/a.tif >log &&
    grep -q 'Size is 7, 5' log
ok "the module can be required twice, run twice, and leaves Lua's globals alone"

echo "1..$n"
exit $failed
