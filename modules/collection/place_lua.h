/* Places, geometries and statistics over them in Lua. SPDX-License-Identifier: MIT */
#ifndef TL_PLACE_LUA_H
#define TL_PLACE_LUA_H

#include <lua.h>

/* Adds to the table of primitives: place(name, buffer_km, country), geometry(x), geometry_mask(x),
 * sample, zonal, time_series(list, geometry, options), new_rows(list, columns), rows_csv(x); and
 * the methods clip_to, sample, zonal of Images. The globals are at the top of the stack, left
 * there. */
void tl_place_open_lua(lua_State *L);
void tl_zones_open_lua(lua_State *L); /* zones_lua.c: the half of statistics */

#endif
