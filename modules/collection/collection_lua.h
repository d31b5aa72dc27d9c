/* Collections in Lua. SPDX-License-Identifier: MIT */
#ifndef TL_COLLECTION_LUA_H
#define TL_COLLECTION_LUA_H

#include <lua.h>

#define TL_COLLECTION_TYPE "tellua.collection" /* a userdata without memory, one user value */

/* Adds the globals Collection and ImageCollection to the table at the top of the stack, left there,
 * and `collections` as core.collections for the table `tellua`. After tl_image_open_lua and
 * tl_looks_open_lua, whose methods get further names. */
void tl_collection_open_lua(lua_State *L);

/* Warns of filtered Collections that nothing used since the last call. Called when a script has
 * ended. A lua_CFunction without arguments or results. */
int tl_collection_warn_unused(lua_State *L);

#endif
