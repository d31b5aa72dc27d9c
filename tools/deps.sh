#!/bin/sh
# Installs the Debian packages that a purpose needs and that are missing; when all are there it
# does nothing and asks no network. SPDX-License-Identifier: MIT
#
#   deps.sh [build|check|ci|pool]  build: what `make` needs; check: and the tests; ci: and the linters; pool:
#                                what makes a Debian tree for test pools
#   deps.sh --list PURPOSE      prints the names
#   deps.sh --update            refreshes the package lists
# shellcheck disable=SC2086 # the lists of names are split on purpose
set -eu

# README says what each library saves us from writing.
build='gcc libc6-dev make pkg-config libgdal-dev libproj-dev libhdf5-dev liblua5.4-dev libjansson-dev libseccomp-dev
       libsqlite3-dev libedit-dev libyajl-dev libchafa-dev libglib2.0-dev libglib2.0-bin libpng-dev libdeflate-dev nettle-dev
       libuv1-dev libmicrohttpd-dev libwebp-dev libhiredis-dev libjs-leaflet'
check='curl chromium python3-websocket redis-server nginx libcmocka-dev perl lua5.4 python3 python3-gdal python3-numpy gdal-bin time binutils git'
pool='mmdebstrap iproute2 util-linux'
ci='clang clang-format libclang-rt-dev lua-check shellcheck'

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    else
        # sudo asks on the terminal itself; in CI it must fail and not wait.
        sudo ${CI:+-n} env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

need_root() { # WHAT TO RUN AS ROOT
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
        echo "deps: this is neither root nor is there sudo; run as root:" "$@" >&2
        exit 78
    fi
}

apt() {
    as_root apt-get -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@" </dev/null
}

purpose=${1:-build}
listing=0
case $purpose in
--update)
    need_root apt-get update
    apt update
    exit
    ;;
--list) listing=1 purpose=${2:-build} ;;
esac
case $purpose in
build) wanted=$build ;;
check) wanted="$build $check" ;;
ci) wanted="$build $check $ci" ;;
pool) wanted="$pool" ;;
*)
    echo "usage: deps.sh [--list] [build|check|ci|pool] | --update" >&2
    exit 2
    ;;
esac
if [ $listing = 1 ]; then
    printf '%s\n' $wanted
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    # Not a Debian: building may still work, so say what is expected and go on.
    echo "deps: no apt-get here; these are expected, by their Debian names:" $wanted >&2
    exit 0
fi

# A provided name counts: pkgconf provides pkg-config on newer systems.
present=$(dpkg-query -W -f '${db:Status-Status} ${Package}, ${Provides}\n' 2>/dev/null |
    sed -n 's/^installed //p' | tr ',' '\n' | sed 's/^ *//; s/ .*//')
missing=$(printf '%s\n' $wanted | grep -vxF "$present" || true)
[ -n "$missing" ] || exit 0

need_root apt-get install --no-install-recommends $missing
echo "deps: installing" $missing
# Stale lists make downloads fail; no lists at all make every name unknown.
apt update || echo "deps: the package lists could not be refreshed; trying with those here" >&2
apt install -y --no-install-recommends $missing
