/* From Lua values to frozen ones: what a user's function and its free names are when execute is
 * called. SPDX-License-Identifier: MIT */
#ifndef TL_FREEZE_LUA_H
#define TL_FREEZE_LUA_H

#include <lua.h>
#include "modules/expr/fn.h"

/* The Lua function at idx, found in the text of its chunk. A new reference. */
int tl_find_function(lua_State *L, int idx, tl_fn **out, tl_err *e) TL_MUST_CHECK;

/* Notes which functions scripts have by themselves: those of the globals and of the table on top,
 * before a script can change them. */
void tl_freeze_open_lua(lua_State *L);

/* The value at idx. A new reference; what no program can hold is frozen as refused, with the
 * reason. NULL and *e only when a function's text is ambiguous or cannot be had. Runs no code of
 * the script. */
tl_frozen *tl_freeze(lua_State *L, int idx, tl_err *e);

/* What free name k of fn, the Lua function at idx, stands for: upvalue first, then global. */
tl_frozen *tl_freeze_free(lua_State *L, int idx, const tl_fn *fn, int k, tl_err *e);

#endif
