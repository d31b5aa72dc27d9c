/* Spectral indices in Lua. SPDX-License-Identifier: MIT */
#ifndef TL_INDICES_LUA_H
#define TL_INDICES_LUA_H

#include <lua.h>

/* Adds index and indices to the methods of Images. After tl_image_open_lua; leaves the stack as it
 * was. */
void tl_indices_open_lua(lua_State *L);

#endif
