#!/bin/sh
# The Makefile on a tree of three small files, in a folder with spaces. SPDX-License-Identifier: MIT
set -u
top=$(pwd)
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES CONFIG BUILD CFLAGS CPPFLAGS LDFLAGS PREFIX DESTDIR CI
tree="$TMPDIR/a house"
mkdir -p "$tree/runtime" "$tree/modules/expr" "$tree/scripts" "$tree/tools"
cp Makefile VERSION LICENSE "$tree/"
cp tools/embed.sh tools/precompile.c tools/deps.sh tools/tellua.pc.in "$tree/tools/"
cp modules/expr/kernels.c "$tree/modules/expr/" 2>/dev/null || true
cd "$tree" || exit 1
: >modules/expr/kernels.c
echo 'int tl_one(void); int main(void) { return tl_one() - 1; }' >runtime/main.c
cat >runtime/one.c <<'C'
#include "runtime/tellua.h"
#include "build_version.h"
extern const unsigned char tl_lua_runtime_prelude[];
TL_API const char *tl_version(void) { return TL_VERSION; }
int tl_one(void);
int tl_one(void) { return tl_lua_runtime_prelude[0] == 27; }
C
cat >runtime/tellua.h <<'C'
#define TL_API __attribute__((visibility("default")))
TL_API const char *tl_version(void);
C
echo 'return "prelude"' >runtime/prelude.lua
echo 'output("x", Image "x.tif")' >scripts/x.lua

n=0
failed=0
ok() { # SENTENCE, after a command whose status counts
    status=$?
    n=$((n + 1))
    if [ $status -eq 0 ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        tail -n 20 log 2>/dev/null | sed 's/^/# /'
        failed=1
    fi
}
run_make() { make --no-print-directory "$@" >log 2>&1; }

run_make help
for target in all deps demo check test check-asan check-tsan check-layers bench ci format format-check \
    lint install uninstall clean help; do
    grep -q "^$target " log || { echo "# no $target" && false; } || break
done
ok "help lists the targets"

[ "$(wc -l <"$top/Makefile")" -lt 330 ]
ok "the Makefile is short enough to read"

run_make && build/release/tellua
ok "a tree in a folder with spaces builds, and the program runs"

run_make && ! grep -qE '^  (CC|EMBED|AR|LINK)' log
ok "the same flags again compile nothing"

run_make CFLAGS=-DTL_OTHER=\'\"x\"\' && grep -q 'CC  *runtime/one.c' log
ok "other CFLAGS, with quotes in them, compile everything"

run_make && touch runtime/tellua.h && run_make && grep -q 'CC  *runtime/one.c' log && ! grep -q 'CC  *runtime/main.c' log
ok "a changed header compiles what includes it and nothing else"

echo 'return "other"' >runtime/prelude.lua
run_make && grep -q 'EMBED  *runtime/prelude.lua' log && grep -q 'LINK  *build/release/tellua$' log
ok "a changed Lua half is embedded and linked again"

! run_make CONFIG=fast && grep -q 'unknown CONFIG=fast' log
ok "an unknown CONFIG is an error that names it"

! PKG_CONFIG_PATH=/nowhere PKG_CONFIG_LIBDIR=/nowhere run_make BUILD=build/none && grep -q 'make deps' log
ok "missing libraries are an error that names make deps"

PATH=/nowhere /usr/bin/make --no-print-directory -n deps >log 2>&1
ok "make deps can be asked before there is a compiler or pkg-config"

to="$TMPDIR/in stalled"
run_make install PREFIX=/opt/t DESTDIR="$to"
ok "install succeeds below a DESTDIR with spaces"

for f in bin/tellua lib/libtellua.a "lib/libtellua.so.$(cat VERSION)" lib/libtellua.so lib/lua/5.4/tellua.so \
    lib/pkgconfig/tellua.pc include/tellua.h share/tellua/scripts/x.lua share/doc/tellua/LICENSE; do
    [ -s "$to/opt/t/$f" ] || { echo "# no $f" && false; } || break
done
ok "install puts program, libraries, header, module, scripts and documents"

soname=$(objdump -p "$to/opt/t/lib/libtellua.so" | awk '/SONAME/ { print $2 }')
[ -e "$to/opt/t/lib/$soname" ] && [ "$soname" = "libtellua.so.$(cut -d. -f1 VERSION)" ]
ok "the shared library's own name leads to it"

nm -D --defined-only "$to/opt/t/lib/libtellua.so" >log && grep -q ' tl_version$' log && ! grep -q ' tl_one$' log
ok "the shared library shows what is marked TL_API and no more"

export PKG_CONFIG_PATH="$to/opt/t/lib/pkgconfig"
[ "$(pkg-config --modversion tellua)" = "$(cat VERSION)" ] && pkg-config --libs --cflags tellua >log 2>&1 &&
    grep -q -e '-I/opt/t/include ' log && grep -q -e '-L/opt/t/lib -ltellua' log
ok "pkg-config knows the installed library"

run_make uninstall PREFIX=/opt/t DESTDIR="$to" && [ -z "$(find "$to" ! -type d)" ]
ok "uninstall leaves no file"

"$top/tools/deps.sh" --list build >log && grep -qx libgdal-dev log && ! grep -qx libcmocka-dev log &&
    "$top/tools/deps.sh" --list ci | grep -qx libcmocka-dev
ok "the packages of a purpose can be listed"

"$top/tools/deps.sh" play >log 2>&1
[ $? -eq 2 ]
ok "an unknown purpose is wrong usage"

echo "1..$n"
exit $failed
