/* Statistics over geometries, values at points, in Lua. SPDX-License-Identifier: MIT */
#ifndef TL_ZONES_LUA_H
#define TL_ZONES_LUA_H

#include <lua.h>

/* Adds to the table of primitives: sample, zonal, time_series(list, geometry, options),
 * new_rows(list, columns), rows_csv(x); and the methods sample, zonal of Images. The globals are at
 * the top of the stack, left there. After tl_place_open_lua. */
void tl_zones_open_lua(lua_State *L);

#endif
