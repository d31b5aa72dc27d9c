#!/bin/sh
# Runs one test as a process of its own, with a time limit and a scratch home; prove calls it.
# SPDX-License-Identifier: MIT
#
# A test sees: TELLUA (the program), BUILD, CONFIG, TELLUA_SHARED (real data, may be unset), TMPDIR
# and HOME (empty, removed afterwards), and stands in the top folder. A test that needs more than
# two minutes says so in a comment of its own: "test-timeout: SECONDS". Sanitizers and slow machines
# multiply it by TEST_TIMEOUT_FACTOR. "test-not-under: tsan REASON" leaves it out of that CONFIG.
set -u

test=$1
case $test in */*) ;; *) test=./$test ;; esac
build=${BUILD:-build/release}
config=${CONFIG:-release}
top=$(pwd)
case $build in /*) ;; *) build=$top/$build ;; esac
export BUILD="$build" CONFIG="$config" TELLUA="${TELLUA:-$build/tellua}"
if [ -z "${TELLUA_SHARED:-}" ] && [ -d ../shared ]; then
    TELLUA_SHARED=$(cd ../shared && pwd)
    export TELLUA_SHARED
fi

scratch=$(mktemp -d "${TMPDIR:-/tmp}/tellua-test.XXXXXX") || exit 1
trap 'chmod -R u+w "$scratch" 2>/dev/null; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM HUP
export TMPDIR="$scratch" HOME="$scratch" PYTHONDONTWRITEBYTECODE=1

# Address-space randomisation beyond what the sanitizers of 2022 map makes them die at random.
alone=
factor=1
case $config in
asan) factor=4 ;;
tsan) factor=10 ;;
esac
case $config in asan | tsan)
    machine=$(uname -m)
    if setarch "$machine" -R true 2>/dev/null; then alone="setarch $machine -R"; fi
    ;;
esac
export ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:${ASAN_OPTIONS:-}"
export LSAN_OPTIONS="suppressions=$top/tests/asan.supp:print_suppressions=0:${LSAN_OPTIONS:-}"
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:-}"
export TSAN_OPTIONS="suppressions=$top/tests/tsan.supp:halt_on_error=0:second_deadlock_stack=1:${TSAN_OPTIONS:-}"

runner=
source=$test
case $test in
*_test.py) runner=/usr/bin/python3 ;;
*_test.lua)
    # Its first line says who runs it: "#!/usr/bin/env lua5.4" (the module in a stock Lua), or
    # "#!/usr/bin/env -S tellua ARGUMENTS"; without one it is `tellua run`.
    first=$(head -n 1 "$test")
    case $first in
    '#!'*lua5.4*)
        case $config in asan | tsan)
            echo "1..0 # SKIP a stock Lua has no sanitizer in it"
            exit 0
            ;;
        esac
        export LUA_CPATH="$build/?.so"
        runner=lua5.4
        ;;
    '#!'*tellua*) runner="$TELLUA ${first##*tellua}" ;;
    *) runner="$TELLUA run --out $scratch" ;;
    esac
    ;;
*_test) source=tests/c/${test##*/}.c ;;
*.t) runner=$(head -n 1 "$test" | sed -n 's/^#!//p') ;;
esac

without=$(sed -n "s/.*test-not-under: *$config *\([^*]*\).*/\1/p" "$source" 2>/dev/null | head -n 1)
if [ -n "$without" ]; then
    echo "1..0 # SKIP $without"
    exit 0
fi

limit=$(sed -n 's/.*test-timeout: *\([0-9][0-9]*\).*/\1/p' "$source" 2>/dev/null | head -n 1)
limit=$((${limit:-120} * ${TEST_TIMEOUT_FACTOR:-$factor}))
# shellcheck disable=SC2086 # a runner may have arguments
run() { timeout -k 10 "$limit" $alone $runner "$test" </dev/null; }
case $test in
*_test) # cmocka says "not ok" of what it left out
    run >"$scratch/.tap"
    status=$?
    sed 's/^not ok \([0-9]* # SKIP\)/ok \1/' "$scratch/.tap"
    ;;
*)
    run
    status=$?
    ;;
esac
if [ $status -eq 124 ] || [ $status -eq 137 ]; then
    echo "# $test: ended after its limit of $limit s (TEST_TIMEOUT_FACTOR multiplies it)" >&2
fi
exit $status
