#!/bin/sh
# The vegetation of a Landsat 7 scene: a product, a picture in the terminal, a PNG. `make demo` runs
# it. SPDX-License-Identifier: MIT
#
# DEMO_SCENE=FILE takes another scene; DEMO_RED and DEMO_NIR name its bands. Without it the scene is
# the one in Debian's package r-cran-stars (Landsat 7 ETM+, public domain), fetched once and not
# installed.
set -eu

out=build/demo
tellua=${TELLUA:-build/release/tellua}
red=${DEMO_RED:-B3}
nir=${DEMO_NIR:-B4}
package=r-cran-stars
inside=L7_ETMs.tif

fetch_package() { # into the current folder
    # The user _apt cannot write to a folder of root's, so root fetches as itself.
    apt-get -q -o APT::Sandbox::User=root download "$package" </dev/null
}

fetch_scene() {
    echo "demo: fetching a Landsat scene from the package $package"
    tmp=$(mktemp -d)
    trap 'rm -rf "$tmp"' EXIT
    here=$(pwd)
    cd "$tmp"
    if ! fetch_package >apt.log 2>&1; then
        # A machine that was never updated knows no package.
        "$here/tools/deps.sh" --update
        fetch_package
    fi
    dpkg-deb -x ./*.deb unpacked
    found=$(find unpacked -name "$inside" | head -n 1)
    if [ -z "$found" ]; then
        echo "demo: there is no $inside in $package; name a scene: make demo DEMO_SCENE=FILE" >&2
        exit 78
    fi
    cd "$here"
    mkdir -p "$out/scene"
    cp "$tmp/$found" "$out/scene/$inside.new"
    mv "$out/scene/$inside.new" "$out/scene/$inside"
}

if [ -n "${DEMO_SCENE:-}" ]; then
    scene=$DEMO_SCENE
else
    scene=$out/scene/$inside
    [ -f "$scene" ] || fetch_scene
fi
[ -f "$scene" ] || { echo "demo: no such scene: $scene" >&2; exit 1; }
mkdir -p "$out"

say() { printf '\n$ %s\n' "$*"; }
run() { say "$@"; "$@"; }
run "$tellua" run scripts/ndvi.lua -p "scene=$scene" -p "red=$red" -p "nir=$nir" --out "$out"
run "$tellua" view scripts/ndvi.lua -p "scene=$scene" -p "red=$red" -p "nir=$nir" --png "$out/ndvi.png"
run "$tellua" view scripts/ndvi.lua -p "scene=$scene" -p "red=$red" -p "nir=$nir"

printf '\nscene    %s\n' "$scene"
for f in "$out"/*.tif; do [ ! -f "$f" ] || printf 'product  %s\n' "$f"; done
for f in "$out"/*.png; do [ ! -f "$f" ] || printf 'picture  %s\n' "$f"; done
