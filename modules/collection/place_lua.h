/* Places and geometries in Lua. SPDX-License-Identifier: MIT */
#ifndef TL_PLACE_LUA_H
#define TL_PLACE_LUA_H

#include <lua.h>

/* Adds to the table of primitives: place(name, buffer_km, country), geometry(x), geometry_mask(x);
 * and the method clip_to of Images. The globals are at the top of the stack, left there. */
void tl_place_open_lua(lua_State *L);

#endif
