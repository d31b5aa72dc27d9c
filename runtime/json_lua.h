/* JSON values to and from Lua. SPDX-License-Identifier: MIT */
#ifndef TL_JSON_LUA_H
#define TL_JSON_LUA_H

#include <jansson.h>
#include <lua.h>
#include "runtime/err.h"

/* Pushes j; null becomes nil. May raise for want of memory. */
void tl_json_push(lua_State *L, const json_t *j);

/* A new reference for the value at idx: nil, booleans, numbers, strings, and tables of them to
 * depth 32; a table with an entry 1 is an array, and an error when other keys are in it, any other
 * an object. NULL and *e when something else is in it. Reads raw fields, runs no script code, does
 * not raise. */
json_t *tl_json_from(lua_State *L, int idx, tl_err *e);

/* Pushes an empty box, which frees the JSON that is put into it. */
void **tl_json_box(lua_State *L);

/* Adds json.decode(text) and json.null to the table on top. What decode returns has json.null for
 * null, so that lists keep their places. */
void tl_json_open_lua(lua_State *L);

#endif
