#!/bin/bash
# The first process of a node, in its new namespaces: see lib.sh. SPDX-License-Identifier: MIT
set -e
dir=$1 tree=$2 host=$3 binds=$4
# /proc still is the machine's: this is our pid as the machine sees it.
read -r stat </proc/self/stat
pid=${stat%% *}
# shellcheck disable=SC2086 # fields
set -- ${stat##*) }
since=${20}
mount --make-rprivate /
r=$dir/root
mount -t overlay overlay -o "lowerdir=$tree,upperdir=$dir/upper,workdir=$dir/work" "$r"
mount -t proc -o nosuid,nodev,noexec proc "$r/proc"
# No /sys: HTCondor then finds no cgroups and follows processes alone.
mount -t tmpfs -o mode=755,size=1m dev "$r/dev"
minor=3
for name in null:3 zero:5 full:7 random:8 urandom:9; do
    minor=${name#*:}
    mknod -m 666 "$r/dev/${name%:*}" c 1 "$minor"
done
mknod -m 666 "$r/dev/tty" c 5 0
mkdir "$r/dev/pts" "$r/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$r/dev/pts"
ln -s pts/ptmx "$r/dev/ptmx"
ln -s /proc/self/fd "$r/dev/fd"
mount -t tmpfs -o mode=1777 shm "$r/dev/shm"
mount -t tmpfs -o mode=755 run "$r/run"
mkdir -m 1777 "$r/run/lock"
for b in $binds; do
    source=${b%%:*} target=${b#*:}
    mkdir -p "$r${target%:ro}"
    mount --rbind "$source" "$r${target%:ro}"
    case $target in *:ro) mount -o remount,bind,ro "$r${target%:ro}" ;; esac
done
hostname "$host"
echo "$host" >"$r/etc/hostname"
cp "$dir/../hosts" "$r/etc/hosts"
: >"$r/etc/resolv.conf"
cd "$r"
mkdir -p .old
pivot_root . .old
umount -l /.old
rmdir /.old
echo "$pid $since" >&8
exec 8>&-
# bash reaps every child, adopted ones too.
trap : TERM INT HUP
while :; do
    sleep 3600 &
    wait $! || :
done
