/* Terrain in Lua: slope, aspect, hillshade ... SPDX-License-Identifier: MIT */
#ifndef TL_TERRAIN_LUA_H
#define TL_TERRAIN_LUA_H

#include <lua.h>

/* Adds methods to Images. After tl_plan_open_lua; leaves the stack as it was. */
void tl_terrain_open_lua(lua_State *L);

#endif
