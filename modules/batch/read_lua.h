/* What files a script may read as text. SPDX-License-Identifier: MIT */
#ifndef TL_READ_LUA_H
#define TL_READ_LUA_H

#include <lua.h>
#include "modules/batch/script.h"
#include "runtime/buf.h"

/* Adds read(file) -> text to the table on top: regular files of at most 64 MiB that lie, links
 * resolved, below the working directory, the script's folder (s->folder) or a path that -p names;
 * every file when s->reads_all. s must outlive L. */
void tl_read_open_lua(lua_State *L, const tl_script *s);

/* Appends the text of a regular file of at most 64 MiB, wherever it lies. */
int tl_read_text(const char *path, tl_buf *text, tl_err *e) TL_MUST_CHECK;

#endif
