#!/bin/sh
# Builds the gazetteer: places.sh MKPLACES FILE. SPDX-License-Identifier: MIT
#
# From GAZETTEER=LIST (a GeoNames dump, a CSV of name,country,lon,lat, any source of places OGR reads),
# else from the towns of GeoNames (CC-BY 4.0) in Debian's libgeonames0, as installed or fetched, not
# installed. GAZETTEER=none builds none.
set -eu

mkplaces=$1
file=$2
dir=$(dirname "$file")
mkdir -p "$dir"
case ${GAZETTEER:-} in
none)
    echo "places: none wanted"
    exit 0
    ;;
?*)
    "$mkplaces" "$GAZETTEER" "$file"
    echo "places: $file of $GAZETTEER"
    exit 0
    ;;
esac

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
find_library() { # FOLDER
    find "$1" -name 'libgeonames.so.0*' -type f 2>/dev/null | head -n 1
}

library=$(find_library /usr/lib)
if [ -z "$library" ]; then
    # The user _apt cannot write to a folder of root's, so root fetches as itself. Without a network
    # this ends at once or after some seconds.
    (cd "$tmp" && timeout 60 apt-get -q -o APT::Sandbox::User=root -o Acquire::Retries=1 \
        -o Acquire::http::Timeout=10 download libgeonames0 </dev/null) >"$tmp/log" 2>&1 || {
        echo "places: libgeonames0 cannot be fetched here, so place names are unknown;" \
            "make places GAZETTEER=LIST takes another list" >&2
        exit 1
    }
    dpkg-deb -x "$tmp"/*.deb "$tmp/unpacked"
    library=$(find_library "$tmp/unpacked")
fi
gresource extract "$library" /com/lomiri/geonames/cities.compiled >"$tmp/cities.compiled"
"$mkplaces" "$tmp/cities.compiled" "$file"
echo "places: $file"
