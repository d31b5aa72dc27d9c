#!/bin/sh
# What the libraries show to a linker. SPDX-License-Identifier: MIT
set -u
archive=$BUILD/libtellua.a
shared=$BUILD/tellua.so

# Names that begin with two underscores are the compiler's, and _edata and such the linker's.
names() { nm -g --defined-only "$@" 2>/dev/null | awk 'NF == 3 && $3 !~ /^__/ { print $3 }' | sort -u; }
failed=0
verdict() { # NUMBER SENTENCE NAMES-THAT-SHOULD-NOT-BE-THERE
    if [ -z "$3" ]; then
        echo "ok $1 - $2"
    else
        echo "not ok $1 - $2"
        printf '%s\n' "$3" | head -n 20 | sed 's/^/# /'
        failed=1
    fi
}

echo 1..3
if [ -n "$(names "$archive")" ]; then
    echo "ok 1 - the archive can be read"
else
    echo "not ok 1 - the archive can be read ($archive)"
    failed=1
fi
verdict 2 "the archive defines only tl_, tl__, tellua_ and luaopen_tellua names" \
    "$(names "$archive" | grep -vE '^(tl_|tellua_|luaopen_tellua)')"
verdict 3 "the shared library shows only tellua_ and luaopen_tellua names" \
    "$(names -D "$shared" | grep -vE '^(tellua_|luaopen_tellua|_(init|fini|edata|end)$)')"
exit $failed
