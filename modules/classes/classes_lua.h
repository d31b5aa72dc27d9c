/* Classes in Lua: components, sieve, distance ... SPDX-License-Identifier: MIT */
#ifndef TL_CLASSES_LUA_H
#define TL_CLASSES_LUA_H

#include <lua.h>

/* Adds methods to Images, and to the table at the top of the stack. After terrain, places and
 * looks; leaves the stack as it was. */
void tl_classes_open_lua(lua_State *L);

#endif
