#!/bin/sh
# Prints, as Lua, what `help` knows: the tables and headings of the manual's pages, so that it is
# written once. SPDX-License-Identifier: MIT
#
# A row | `name(...)` | ... | meaning | is an entry for each name in its first two cells; a heading
# with `name` in it is one with its first paragraph.
set -eu
cd "$(dirname "$0")/.."

for page in docs/manual/*.md; do
    awk -v page="${page##*/}" '
function quote(s) {
    gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s)
    return "\"" s "\""
}
function plain(s) { # of Markdown
    gsub(/\\\|/, "|", s)
    while (match(s, /\[[^]]*\]\([^)]*\)/)) {
        link = substr(s, RSTART, RLENGTH); sub(/^\[/, "", link); sub(/\].*$/, "", link)
        s = substr(s, 1, RSTART - 1) link substr(s, RSTART + RLENGTH)
    }
    gsub(/`/, "", s); gsub(/^ +| +$/, "", s)
    return s
}
# The names of the code spans of a cell, each with the entry
function entries(cell, signature, text, span, rest, name) {
    rest = cell
    while (match(rest, /`[^`]*`/)) {
        span = substr(rest, RSTART + 1, RLENGTH - 2)
        rest = substr(rest, RSTART + RLENGTH)
        sub(/^[a-z]*[.:]/, "", span)
        if (match(span, /^[A-Za-z_][A-Za-z0-9_]*/)) {
            name = substr(span, 1, RLENGTH)
            if (!((name, signature) in seen) && name != "tellua")
                printf "{%s,%s,%s,%s,%s},\n", quote(name), quote(plain(signature)), quote(plain(text)), quote(page), quote(section)
            seen[name, signature] = 1
        }
    }
}
function end_heading() {
    if (heading != "" && paragraph != "")
        entries(heading, heading, paragraph)
    heading = paragraph = ""
}
/^```/ { end_heading(); fenced = !fenced; next }
fenced { next }
/^#/ {
    end_heading()
    section = $0; sub(/^#+ */, "", section)
    heading = section; section = plain(section)
    if (heading !~ /`/) heading = ""
    before = ""
    next
}
/^\|/ {
    end_heading()
    if ($0 ~ /^\|[-|: ]+$/) { before = ""; inside = 1; next }
    if (inside) {
        row = substr($0, 2); gsub(/\\\|/, "\001", row)
        n = split(row, cell, "|")
        for (i = 1; i <= n; i++) gsub("\001", "\\|", cell[i])
        signature = cell[1]
        if (cell[2] ~ /^ *`/ && n > 3) signature = signature " " cell[2]
        entries(cell[1], signature, cell[n - 1])
        if (n > 3) entries(cell[2], signature, cell[n - 1])
    }
    next
}
{ inside = 0 }
/^$/ { if (paragraph != "") end_heading(); next }
heading != "" { paragraph = paragraph (paragraph == "" ? "" : " ") $0 }
END { end_heading() }
' "$page"
done | LC_ALL=C sort -u | awk 'BEGIN { print "return {" } { print } END { print "}" }'
