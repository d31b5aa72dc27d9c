/* Images and Grids in Lua. SPDX-License-Identifier: MIT */
#ifndef TL_IMAGE_LUA_H
#define TL_IMAGE_LUA_H

#include <lua.h>
#include "modules/image/image.h"

#define TL_IMAGE_TYPE "tellua.image"
#define TL_GRID_TYPE  "tellua.grid"

/* Adds the globals Image and Grid (to the table at the top of the stack, left there) and the table
 * `core` of primitives that the Lua halves are written on, kept in the registry. */
void tl_image_open_lua(lua_State *L);

/* The image or grid at idx, borrowed; raises on anything else. */
tl_image *tl_image_check(lua_State *L, int idx);
const tl_grid *tl_grid_check(lua_State *L, int idx);
/* A grid box with a copy of g. */
void tl_grid_push(lua_State *L, const tl_grid *g);
/* Pushes the table of primitives. */
void tl_core_push(lua_State *L);

#endif
