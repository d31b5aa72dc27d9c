/* Terrain in Lua: see terrain_lua.h. SPDX-License-Identifier: MIT */
#include "modules/terrain/terrain_lua.h"
#include "modules/image/image_lua.h"
#include "runtime/border.h"

extern const unsigned char tl_lua_modules_terrain_terrain[];
extern const size_t tl_lua_modules_terrain_terrain_len;

void tl_terrain_open_lua(lua_State *L)
{
    tl_core_push(L);
    tl_loads(L, tl_lua_modules_terrain_terrain, tl_lua_modules_terrain_terrain_len,
             "=[tellua terrain]", 1, 0);
}
