/* Statistics over geometries, values at points, in Lua. SPDX-License-Identifier: MIT */
#ifndef TL_ZONES_LUA_H
#define TL_ZONES_LUA_H

#include <lua.h>
#include "modules/batch/gridding.h"
#include <jansson.h>

/* Adds to the table of primitives: sample, zonal, time_series(list, geometry, options),
 * new_rows(list, columns), rows_csv(x); and the methods sample, zonal of Images. The globals are at
 * the top of the stack, left there. After tl_place_open_lua. */
void tl_zones_open_lua(lua_State *L);
/* vectors_lua.c: polygonize, contours, rasterize. The former calls it. */
void tl_vectors_open_lua(lua_State *L);
/* {crs =, res =} of options. */
int tl__where_of_json(const json_t *o, tl_where *w, tl_err *e) TL_MUST_CHECK;

#endif
