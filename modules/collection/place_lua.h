/* Places, geometries and statistics over them in Lua. SPDX-License-Identifier: MIT */
#ifndef TL_PLACE_LUA_H
#define TL_PLACE_LUA_H

#include <lua.h>

/* Adds to the table of primitives: place, geometry, geometry_mask, clip_to, features, sample,
 * zonal; and what is written on them in Lua (zones.lua): methods of Images, rows. */
void tl_place_open_lua(lua_State *L);

#endif
