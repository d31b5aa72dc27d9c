#!/bin/bash
# The Debian tree that the nodes of a test pool stand on. SPDX-License-Identifier: MIT
#
#   rootfs.sh            builds it, or says that it is there; root, some 80 s, 1.5 GB
#   rootfs.sh --path     prints where it is
#
# It has HTCondor, Slurm and what building Tellua needs, nothing else. The name of the folder holds a
# hash of the list of packages: another list is another tree, a finished one is never touched again.
# TELLUA_POOL_HOME says where trees and pools lie.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
TOP=$(cd "$HERE/../.." && pwd)
POOL_HOME=${TELLUA_POOL_HOME:-/var/cache/tellua-pool}
SUITE=trixie
MIRROR=${TELLUA_POOL_MIRROR:-http://deb.debian.org/debian}

mapfile -t build < <(sh "$TOP/tools/deps.sh" --list build)
packages=("${build[@]}" htcondor slurm-wlm munge procps iproute2 util-linux mount python3-minimal gdal-bin)
hash=$(printf '%s\n' "$SUITE" "${packages[@]}" | sha256sum | cut -c1-12)
tree=$POOL_HOME/rootfs-$hash
if [ "${1:-}" = --path ]; then
    echo "$tree"
    exit 0
fi
[ ! -e "$tree/.complete" ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "rootfs: only root can build a Debian tree" >&2
    exit 77
fi

mkdir -p "$POOL_HOME"
exec 9>"$POOL_HOME/.lock"
flock 9
[ ! -e "$tree/.complete" ] || exit 0
half=$tree.half
if grep -q " $half/" /proc/self/mounts; then
    echo "rootfs: something is mounted below $half" >&2
    exit 1
fi
rm -rf --one-file-system "$half"
echo "rootfs: a Debian $SUITE with HTCondor and Slurm -> $tree" >&2
include=$(
    IFS=,
    echo "${packages[*]}"
)
# A package script starts no daemon while mmdebstrap works, nor later in a node.
mmdebstrap --quiet --mode=root --variant=apt --format=directory \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Check-Date "false"' \
    --aptopt='Acquire::Retries "5"' --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --include="$include" "$SUITE" "$half" "$MIRROR" >&2
printf '#!/bin/sh\nexit 101\n' >"$half/usr/sbin/policy-rc.d"
chmod 755 "$half/usr/sbin/policy-rc.d"
# Schedulers run no job of root's.
chroot "$half" useradd -m -u 4242 -s /bin/bash tellua
touch "$half/.complete"
mv "$half" "$tree"
