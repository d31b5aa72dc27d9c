#!/bin/bash
# shellcheck disable=SC1091,SC2016 # lib.sh; texts for other shells
#
# Real batch pools of several nodes on one machine, for tests. SPDX-License-Identifier: MIT
#
#   pool.sh build              Tellua in the tree's own Debian -> where nodes see it as /opt/tellua
#   pool.sh up [N]             cm (central manager, submit host) and N (3) nodes: HTCondor and Slurm
#   pool.sh down               ends them, removes all they wrote
#   pool.sh exec NODE USER FOLDER COMMAND...
#   pool.sh kill|boot NODE     power cut; on again, with the same disk
#   pool.sh cut|join NODE      pulls its cable; plugs it in
#   pool.sh small|fill NODE    a small disk where its jobs run; nothing left on it; `pool.sh drain NODE`
#                              ends both
#   pool.sh address NODE
#
# TELLUA_POOL_BINDS="SOURCE:TARGET[:ro] ..." are folders that all nodes see; /shared always is one, of
# the pool's own. Stops only what it started: nodes are ended by their first process.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
BINDS=${TELLUA_POOL_BINDS:-}
CPUS=${TELLUA_POOL_CPUS:-4}
TOP=$(cd "$HERE/../.." && pwd)
BUILD=$TOP/build/pool

build() { # by hand in the tree, its sources read-only below /src
    mkdir -p "$BUILD" "$TOP/build/places"
    unshare --mount --pid --fork --kill-child /bin/bash -eu -c '
        tree=$1 top=$2 out=$3
        mount --make-rprivate /
        work=$(mktemp -d)
        mount -t tmpfs none "$work"
        mkdir "$work/upper" "$work/work" "$work/root"
        mount -t overlay overlay -o "lowerdir=$tree,upperdir=$work/upper,workdir=$work/work" "$work/root"
        mount -t proc proc "$work/root/proc"
        mount --rbind /dev "$work/root/dev"
        mkdir -p "$work/root$top"
        mount --bind "$top" "$work/root$top"
        # The version that is built in says the commit: git is asked out here.
        exec chroot "$work/root" make -s -C "$top" BUILD=build/pool PLACES_TRIED= VERSION_NOW="$4" -j"$(nproc)" \
            build/pool/tellua build/pool/libexec/tellua/worker
    ' - "$TREE" "$TOP" "$BUILD" "$(cat "$TOP/VERSION")+$(git -C "$TOP" describe --always --dirty --exclude='*' 2>/dev/null || :)" >&2
}

role_of() { if [ "$1" = cm ]; then echo "MASTER COLLECTOR NEGOTIATOR SCHEDD"; else echo "MASTER STARTD"; fi; }

start_condor() { # NODE
    sed -e "s|@DAEMONS@|$(role_of "$1")|" -e "s|@ADDRESS@|$(address "$1")|" -e "s|@DOMAIN@|$DOMAIN|" \
        -e "s|@CPUS@|$CPUS|" "$HERE/condor.conf.in" |
        node_exec "$1" root / sh -c 'cat >/etc/condor/config.d/50-tellua.config'
    node_exec "$1" root / sh -ec '
        umask 077
        mkdir -p /etc/condor/passwords.d /etc/condor/tokens.d
        cat >/etc/condor/passwords.d/POOL
        [ -s /etc/condor/tokens.d/pool ] || condor_token_create -identity condor@$0 >/etc/condor/tokens.d/pool
        umask 022
        for d in /run/condor /run/lock/condor /var/log/condor /var/spool/condor /var/lib/condor/execute; do
            install -d -o condor -g condor -m 755 $d
        done
        install -d -o tellua -g tellua /home/tellua
        exec condor_master' "$DOMAIN" <"$POOL_DIR/key"
}

start_slurm() { # NODE
    node_exec "$1" root / sh -ec '
        cat >/etc/slurm/slurm.conf
        echo CgroupPlugin=disabled >/etc/slurm/cgroup.conf
        install -d -o munge -g munge -m 700 /etc/munge /var/lib/munge /var/log/munge
        install -d -o munge -g munge -m 755 /run/munge
        install -d -o slurm -g slurm /var/lib/slurm /var/lib/slurm/ctld
        install -d /var/lib/slurm/d
        touch /var/log/slurmctld.log
        chown slurm /var/log/slurmctld.log' <"$POOL_DIR/slurm.conf"
    node_exec "$1" root / sh -ec 'umask 077; cat >/etc/munge/munge.key; chown munge /etc/munge/munge.key' <"$POOL_DIR/key"
    node_exec "$1" root / setpriv --reuid=munge --regid=munge --clear-groups -- munged --num-threads=2
    if [ "$1" = cm ]; then node_exec cm root / slurmctld; else node_exec "$1" root / slurmd -N "$1"; fi
}

node_up() {
    local first=1
    node_pid "$1" >/dev/null && first=0
    node_boot "$1" "$POOL_DIR/shared:/shared $BUILD:/opt/tellua:ro $BINDS"
    [ $first = 0 ] && return
    start_condor "$1"
    start_slurm "$1"
}

up() {
    local n=${1:-3} i nodes=()
    "$HERE/rootfs.sh"
    mkdir -p "$POOL_DIR/shared"
    chmod 1777 "$POOL_DIR/shared"
    [ -s "$POOL_DIR/key" ] || (umask 077 && head -c 1024 /dev/urandom >"$POOL_DIR/key")
    for ((i = 1; i <= n; i++)); do nodes+=("n$i"); done
    {
        echo "127.0.0.1 localhost"
        for i in cm "${nodes[@]}"; do echo "$(address "$i") $i.$DOMAIN $i"; done
    } >"$POOL_DIR/hosts"
    local lines
    lines=$(for i in "${nodes[@]}"; do echo "NodeName=$i NodeAddr=$i CPUs=$CPUS RealMemory=4096 State=UNKNOWN"; done)
    awk -v lines="$lines" '$0 == "@NODES@" { print lines; next } { print }' "$HERE/slurm.conf.in" >"$POOL_DIR/slurm.conf"
    make_switch
    for i in cm "${nodes[@]}"; do node_up "$i"; done
    for ((i = 0; i < 300; i++)); do
        [ "$(node_exec cm root / condor_status -af Machine 2>/dev/null | sort -u | wc -l)" -ge "$n" ] &&
            [ "$(node_exec cm root / condor_status -schedd -af Name 2>/dev/null | wc -l)" -ge 1 ] &&
            [ "$(node_exec cm root / sinfo -h -N -t idle -o %N 2>/dev/null | wc -l)" -ge "$n" ] && return
        sleep 0.2
    done
    node_exec cm root / sh -c 'tail -n 5 /var/log/condor/*Log /var/log/slurmctld.log' >&2
    die "the pool is not ready after 60 s"
}

down() {
    local p ns
    for p in "$POOL_DIR"/*/pid; do
        [ -e "$p" ] && node_kill "$(basename "$(dirname "$p")")"
    done
    for ns in $(ip netns list | awk -v p="$POOL-" 'index($1, p) == 1 { print $1 }'); do ip netns del "$ns"; done
    rm -rf --one-file-system "$POOL_DIR"
}

case ${1:-} in
build) build ;;
up) up "${2:-3}" ;;
down) down ;;
exec) shift && node_exec "$@" ;;
kill) node_kill "$2" ;;
boot) node_up "$2" ;;
cut) ip -n "$POOL-sw" link set "p-$2" down ;;
join) ip -n "$POOL-sw" link set "p-$2" up ;;
small) node_exec "$2" root / mount -t tmpfs -o size=160m,mode=1777 small /var/lib/condor/execute ;;
fill) node_exec "$2" root / sh -c 'cat /dev/zero >/var/lib/condor/execute/hog' || : ;;
address) address "$2" ;;
drain) node_exec "$2" root / umount -l /var/lib/condor/execute ;;
*)
    sed -n '6,19s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
