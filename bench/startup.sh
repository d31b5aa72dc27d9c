#!/bin/sh
# Start-up: `tellua -e 'return 1+1'` beside an empty C program that only links libgdal, in turns.
# Target: at most 1.2 times. SPDX-License-Identifier: MIT
set -eu
runs=${RUNS:-41}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cat >"$tmp/empty.c" <<'C'
#include <gdal.h>
int main(int argc, char **argv) { return argc > 5 ? GDALCheckVersion(3, 0, argv[0]) : 0; }
C
# shellcheck disable=SC2046
cc -O2 "$tmp/empty.c" -o "$tmp/empty" $(pkg-config --cflags --libs gdal)
RUNS=$runs EMPTY=$tmp/empty perl -MTime::HiRes=time -e '
    my %t;
    sub once { my ($name, @cmd) = @_; my $s = time; my $pid = fork;
        if (!$pid) { open STDOUT, ">", "/dev/null"; exec @cmd or exit 127 }
        waitpid $pid, 0; push @{$t{$name}}, time - $s }
    for (1 .. $ENV{RUNS}) { once("empty", $ENV{EMPTY}); once("tellua", $ENV{TELLUA}, "-e", "return 1+1") }
    my %m = map { my @s = sort { $a <=> $b } @{$t{$_}}; ($_ => $s[@s / 2]) } keys %t;
    printf "start-up: tellua %.1f ms, empty program with libgdal %.1f ms, ratio %.2f (median of %d)\n",
        1e3 * $m{tellua}, 1e3 * $m{empty}, $m{tellua} / $m{empty}, $ENV{RUNS};
'
