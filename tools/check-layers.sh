#!/bin/sh
# Says, as TAP, whether every #include points down. SPDX-License-Identifier: MIT
#
# One row per layer: the files in it (awk pattern, first match wins; paths from the top), then what
# they may include besides their own layer and libc. The words gdal, lua and uv stand for those
# libraries' headers; any other system header is free.
set -eu
cd "${1:-$(dirname "$0")/..}"

layers='
base       ^runtime/(err|mem|buf|log|dtype|watch|cancel|pause|hash|fdio|scratch|version|limits)[.]               -
bindings   ^(modules/[^/]+|runtime)/[^/]*_lua[.]                        base expr image raster classes collection batch map jail host loop lua
expr       ^modules/expr/                                               base
image      ^modules/image/                                              base expr
raster     ^modules/raster/                                             base expr image gdal
classes    ^modules/classes/                                          base expr image raster
collection ^modules/collection/                                       base expr image raster
batch      ^modules/batch/                                            base expr image raster classes collection jail
map        ^modules/map/                                                base expr image raster collection batch jail loop uv
jail       ^runtime/jail[^/]*$                                             base
host       ^runtime/(host|border|chunk|sandbox|budget|vmfault)[^/]*$                  base lua
loop       ^runtime/(loop|worker|http)[^/]*$                       base uv
worker     ^worker/                                                     base expr image batch host jail bindings lua
faces      ^(repl/|runtime/(main|tellua|session|cli)[^/]*$)          base expr image raster classes collection batch map host jail loop bindings lua uv
'

# The build writes build_version.h; it is everyone's.
find runtime modules repl worker -name '*.[ch]' -o -name '*.def' 2>/dev/null | sort |
    LAYERS=$layers awk '
function layer_of(path, i) {
    for (i = 1; i <= n; i++)
        if (path ~ pattern[i])
            return name[i]
    return ""
}
function library_of(header) {
    sub(/^.*\//, "", header)
    if (header ~ /^(gdal|ogr|cpl|vrt|proj)[^\/]*[.]h$/) return "gdal"
    if (header ~ /^(lua|lauxlib|lualib|luaconf)[.]h$/) return "lua"
    if (header ~ /^hdf5[.]h$/) return "gdal" # where files are read and written
    if (header ~ /^uv[.]h$/) return "uv"
    return ""
}
function bad(layer, text) { faults[layer] = faults[layer] "# " text "\n" }
BEGIN {
    rows = split(ENVIRON["LAYERS"], row, "\n")
    for (i = 1; i <= rows; i++) {
        words = split(row[i], w, " ")
        if (!words)
            continue
        name[++n] = w[1]
        pattern[n] = w[2]
        may[w[1], w[1]] = 1
        for (k = 3; k <= words; k++)
            may[w[1], w[k]] = 1
    }
}
{
    file = $0
    mine = layer_of(file)
    if (mine == "") {
        bad("all", file " is in no layer: add it to the table of tools/check-layers.sh")
        next
    }
    files[mine]++
    line = 0
    while ((getline text < file) > 0) {
        line++
        if (text !~ /^[ \t]*#[ \t]*include[ \t]*["<]/)
            continue
        quoted = text ~ /include[ \t]*"/
        header = text
        sub(/^[^"<]*["<]/, "", header)
        sub(/[">].*$/, "", header)
        at = file ":" line ": " mine " may not include "
        theirs = quoted ? layer_of(header) : ""
        library = (theirs == "") ? library_of(header) : ""
        if (!quoted || library != "") {
            if (library != "" && !((mine, library) in may))
                bad(mine, at library " (" header ")")
            continue
        }
        if (header == "build_version.h")
            continue
        if (theirs == "")
            bad(mine, file ":" line ": \"" header "\" is in no layer; say its path from the top")
        else if (!((mine, theirs) in may))
            bad(mine, at theirs " (" header ")")
    }
    close(file)
}
END {
    print "1.." n + 1
    name[++n] = "all"
    for (i = 1; i <= n; i++) {
        verdict = (name[i] in faults) ? "not ok " : "ok "
        what = (i < n) ? name[i] " includes only what lies below it" : "every file has a layer"
        printf "%s%d - %s (%d files)\n%s", verdict, i, what, (i < n) ? files[name[i]] : NR, faults[name[i]]
        failed = failed || verdict ~ /^not/
    }
    exit failed
}'
