#!/bin/sh
# Prints a C file that holds the bytes of file $1, or what command $2 makes of it, as tl_lua_<path with underscores>.
# SPDX-License-Identifier: MIT
set -eu
name=$(printf '%s' "${1%.lua}" | tr '/.-' '___')
"${2:-cat}" "$1" >/dev/null # a pipe would hide that it failed
printf '#include <stddef.h>\nextern const unsigned char tl_lua_%s[];\nextern const size_t tl_lua_%s_len;\n' "$name" "$name"
printf 'const unsigned char tl_lua_%s[] = {' "$name"
"${2:-cat}" "$1" | od -An -v -tu1 | sed 's/  */,/g; s/^,//; s/$/,/'
printf '0};\nconst size_t tl_lua_%s_len = sizeof tl_lua_%s - 1;\n' "$name" "$name"
