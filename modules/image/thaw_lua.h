/* Frozen functions and values back into Lua. SPDX-License-Identifier: MIT
 *
 * What lives outside of the function cannot be changed by it: a pixel must not depend on those
 * before it. So tables and libraries are handed out behind a metatable that refuses writing. */
#ifndef TL_THAW_LUA_H
#define TL_THAW_LUA_H

#include <lua.h>
#include "modules/expr/fn.h"
#include "runtime/border.h"

/* What no pixel may do ends the run, even when the script catches the error: the first is kept. */
typedef struct tl_thaw {
    tl_err fatal; /* code 0 = none so far */
} tl_thaw;

/* In a fresh state, once, before the others: functions that know such tables. */
void tl_thaw_prepare(lua_State *L, tl_thaw *t) TL_LJMP;
/* Pushes the value; equal ones are one. */
void tl_thaw_value(lua_State *L, tl_thaw *t, const tl_frozen *v) TL_LJMP;
/* Pushes the function, and the table in which it finds its free names. values: per free name, NULL
 * where the caller sets it. An expression takes these names as its parameters instead, in order. */
void tl_thaw_function(lua_State *L, tl_thaw *t, const tl_fn *fn,
                      const tl_frozen *const *values) TL_LJMP;
/* Replaces such a table at idx (absolute) by the one behind it; whether it was one. Does not raise
 * when two places on the stack are free. */
int tl_thaw_behind(lua_State *L, int idx);

#endif
