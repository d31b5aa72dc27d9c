/* Composites in Lua. SPDX-License-Identifier: MIT */
#ifndef TL_COMPOSE_LUA_H
#define TL_COMPOSE_LUA_H

#include <lua.h>

/* Adds scene_image and compose to the table of primitives (image_lua.h). */
void tl_compose_open_lua(lua_State *L);

#endif
