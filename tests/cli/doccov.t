#!/bin/sh
# What exists is in the manual: names of the live tables, options of the help, operations.
# SPDX-License-Identifier: MIT
set -u
n=0
failed=0
verdict() { # SENTENCE NAMES-THAT-ARE-MISSING
    n=$((n + 1))
    if [ -z "$2" ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        printf '# missing: %s\n' "$(printf '%s' "$2" | tr '\n' ' ')"
        failed=1
    fi
}

# A name counts where a heading or the first two columns of a table row have it in `code`: `name`,
# `name(...)`, `name = ...`, `--name ARG`, `tellua.name`.
documented() { # PAGE...
    sed -n -e 's/^#.* \(`.*\)/\1/p' -e 's/^| *\(`[^|]*|[^|]*\)|.*/\1/p' -e 's/^| *|\([^|]*\)|.*/\1/p' "$@" |
        grep -o "\`[^\`]*\`" |
        sed -e 's/`//g' -e 's/^[a-z]*:\([a-z]\)/\1/' -e 's/^[:.]//' -e 's/[^A-Za-z0-9_.-].*//' -e 's/^tellua\.\([a-z]\)/\1/' | sort -u
}
missing() { # NAMES PAGE...: those of NAMES, one per line, that the pages do not have
    names=$1
    shift
    documented "$@" >"$TMPDIR/documented"
    printf '%s\n' "$names" | sort -u | grep -vxF -f "$TMPDIR/documented"
}
manual=docs/manual

case $CONFIG in
asan | tsan) ;; # their library cannot be loaded into a stock Lua
*)
    # The registry of a stock Lua leads to the table of primitives, and that to the methods.
    live=$(LUA_CPATH="$BUILD/?.so" lua5.4 - <<'L'
local tellua = require "tellua"
for name in pairs(tellua) do print("global " .. name) end
for _, core in pairs(debug.getregistry()) do
  if type(core) == "table" and type(rawget(core, "methods")) == "table" and rawget(core, "pick") then
    for name in pairs(core.methods) do print("method " .. name) end
    for name in pairs(core.collection_methods) do print("collection " .. name) end
  end
end
L
    ) || live=
    methods=$(printf '%s\n' "$live" | sed -n 's/^method //p')
    verdict "the methods of Images can be listed" "$([ "$(printf '%s\n' "$methods" | wc -l)" -gt 60 ] || echo methods)"
    verdict "every method of Images is in the manual" "$(missing "$methods" $manual/image.md $manual/looks.md $manual/functions.md $manual/collections.md $manual/terrain.md $manual/indices.md $manual/zones.md $manual/classes.md)"
    verdict "every method of Collections is in the manual" \
        "$(missing "$(printf '%s\n' "$live" | sed -n 's/^collection //p')" $manual/collections.md $manual/time.md)"
    # What is used in blocks that tests/cli/manual.t runs: methods behind a colon, other names as words.
    awk '/^```(lua|sh)$/ { inside = 1; next } /^```/ { inside = 0 } inside' $manual/*.md docs/coming-from.md README.md >"$TMPDIR/run"
    unused() { # PREFIX NAMES
        printf '%s\n' "$2" | sort -u | while read -r name; do
            grep -qE "$1$name([^A-Za-z0-9_]|\$)" "$TMPDIR/run" || echo "$name"
        done
    }
    verdict "every method of Images is in an example that is run" "$(unused : "$methods")"
    verdict "every method of Collections is in an example that is run" \
        "$(unused : "$(printf '%s\n' "$live" | sed -n 's/^collection //p')")"
    verdict "every global name is in an example that is run" \
        "$(unused '(^|[^A-Za-z0-9_])' "$(printf '%s\n' "$live" | sed -n 's/^global //p')")"
    verdict "every global name is in the manual" \
        "$(missing "$(printf '%s\n' "$live" | sed -n 's/^global //p')" $manual/*.md)"
    ;;
esac

commands='run view plan index doctor submit task jobs status wait logs cancel hold release suspend resume retry serve sandbox'
taken=$(for c in $commands; do "$TELLUA" "$c" --help | sed -n "s/^  \(--*[a-z-]*\).*/\1 $c/p"; done | sort) # "option command"
options=$(printf '%s\n' "$taken" | sed 's/ .*//' | sort -u)
stated() { # the same as the table of options says it: "run plan", "all but doctor"
    sed -n 's/^| `\(--*[a-z-]*\)[^|]*| \([^|]*\) |.*/\1 \2/p' $manual/command-line.md | while read -r option words; do
        for c in $commands; do
            case "$words " in
            "all but"*" $c "*) ;;
            "all but"*) echo "$option $c" ;;
            "$c "* | *" $c "*) echo "$option $c" ;;
            esac
        done
    done | sort
}
stated >"$TMPDIR/stated"
verdict "every option's commands are those that take it" "$(printf '%s\n' "$taken" | diff - "$TMPDIR/stated" || :)"
verdict "every option of the command line is in the manual" "$(missing "$options" $manual/command-line.md)"
verdict "the manual has no option that is not there" "$(documented $manual/command-line.md | grep '^-' |
    grep -vxF -e -e -e --version -e --help -e - | grep -vxF -e "$options")"
verdict "every command has a heading" \
    "$(for c in $commands; do grep -q "^## .*tellua $c" $manual/command-line.md || echo "$c"; done)"

verdict "the README leads to every page of the manual" \
    "$(for f in "$manual"/*.md; do grep -qF "($f)" README.md || echo "$f"; done)"

outputs=$(sed -n '/^static int lua_output/,/^}/p' modules/batch/script_lua.c |
    sed -n '/known\[\]/,/NULL/p' | grep -o '"[a-z]*"' | tr -d '"')
verdict "every option of output is in the manual" \
    "$([ -n "$outputs" ] || echo outputs; missing "$outputs" $manual/script.md $manual/looks.md)"
gops=$(sed -n 's/^GOP(\([a-z0-9_]*\),.*/\1/p' modules/image/gops.def)
verdict "the table of validity has every operation" "$(missing "$gops" $manual/validity.md)"
api=$(sed -n 's/^TELLUA_API.*[ *]\([a-z_]*\)(.*/\1/p' runtime/tellua.h)
verdict "every function of tellua.h is in the manual" "$(missing "$api" $manual/embedding.md)"
ops=$(sed -n 's/^G\{0,1\}OP(\([a-z0-9_]*\),.*/\1/p' modules/image/gops.def modules/expr/ops.def)
verdict "the page of operations has every operation" "$(missing "$ops" docs/ops.md)"
verdict "the page of operations is up to date" "$(tools/gen-ops-doc.sh | cmp -s - docs/ops.md || echo 'run tools/gen-ops-doc.sh')"
echo "1..$n"
exit $failed
