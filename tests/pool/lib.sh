# Nodes for test pools: sourced by pool.sh. SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# A node is a set of namespaces (mount, uts, ipc, pid, network) on an overlay of the Debian tree: a
# host of its own name, address, files and processes. All its processes live in its pid namespace, so
# SIGKILL to its first one is a power cut of that node, of nothing else; the kernel then drops its
# mounts. A bridge in a namespace of its own joins the nodes: the machine's network is not touched.
#
#   $POOL_DIR/NODE/{pid,upper,work,root,log}   pid: the first process and when it started
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
POOL_HOME=${TELLUA_POOL_HOME:-/var/cache/tellua-pool}
POOL=${TELLUA_POOL_NAME:-tellua}
POOL_DIR=$POOL_HOME/pools/$POOL
TREE=$("$HERE/rootfs.sh" --path)
DOMAIN=pool.test
NET=10.78.0

die() {
    echo "pool: $*" >&2
    exit 1
}

started() { # PID: when it started, in the kernel's ticks
    local s
    s=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    # shellcheck disable=SC2086 # fields
    set -- ${s##*) }
    [ "$1" != Z ] && echo "${20}"
}

node_pid() { # NODE: its first process, when that is alive and ours
    local pid since
    read -r pid since 2>/dev/null <"$POOL_DIR/$1/pid" || return 1
    [ "$(started "$pid")" = "$since" ] && echo "$pid"
}

node_exec() { # NODE USER FOLDER COMMAND...
    local node=$1 user=$2 folder=$3 pid drop=() home=/root
    shift 3
    pid=$(node_pid "$node") || die "node $node is not up"
    if [ "$user" != root ]; then
        home=/home/$user
        drop=(setpriv --reuid="$user" --regid="$user" --init-groups --)
    fi
    nsenter -t "$pid" -m -u -i -n -p -- /usr/bin/env -i -C "$folder" HOME="$home" USER="$user" LOGNAME="$user" \
        LC_ALL=C.UTF-8 PATH=/opt/tellua:/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin \
        "${drop[@]}" "$@"
}

address() { if [ "$1" = cm ]; then echo "$NET.2"; else echo "$NET.$((10 + ${1#n}))"; fi; }

make_switch() {
    ip netns list | grep -qw "$POOL-sw" && return
    ip netns add "$POOL-sw"
    ip -n "$POOL-sw" link add br0 type bridge
    ip -n "$POOL-sw" link set br0 up
}

make_port() { # NODE
    local ns=$POOL-$1
    ip netns list | grep -qw "$ns" && return
    ip netns add "$ns"
    ip -n "$ns" link set lo up
    ip -n "$ns" link add eth0 type veth peer name "p-$1" netns "$POOL-sw"
    ip -n "$POOL-sw" link set "p-$1" master br0 up
    ip -n "$ns" addr add "$(address "$1")/24" dev eth0
    ip -n "$ns" link set eth0 up
}

node_boot() { # NODE "SOURCE:TARGET ..."
    local d=$POOL_DIR/$1 i
    node_pid "$1" >/dev/null && return
    mkdir -p "$d/upper" "$d/work" "$d/root"
    make_port "$1"
    rm -f "$d/pid"
    setsid nsenter --net="/run/netns/$POOL-$1" -- unshare --mount --uts --ipc --pid --fork --kill-child \
        /bin/bash "$HERE/node.sh" "$d" "$TREE" "$1.$DOMAIN" "$2" </dev/null >"$d/log" 2>&1 8>"$d/pid" &
    for ((i = 0; i < 200; i++)); do
        node_pid "$1" >/dev/null && return
        sleep 0.05
    done
    die "node $1 did not come up: $(tail -n 3 "$d/log")"
}

node_kill() { # NODE: a power cut
    local pid i
    pid=$(node_pid "$1") || return 0
    kill -9 "$pid"
    for ((i = 0; i < 200; i++)); do
        node_pid "$1" >/dev/null || break
        sleep 0.05
    done
    rm -f "$POOL_DIR/$1/pid"
}
