/* Spectral indices in Lua: see indices_lua.h. SPDX-License-Identifier: MIT */
#include "modules/indices/indices_lua.h"
#include "modules/image/image_lua.h"
#include "runtime/border.h"

extern const unsigned char tl_lua_modules_indices_table[], tl_lua_modules_indices_indices[];
extern const size_t tl_lua_modules_indices_table_len, tl_lua_modules_indices_indices_len;

static int read_catalogue(lua_State *L)
{
    tl_loads(L, tl_lua_modules_indices_table, tl_lua_modules_indices_table_len, "=[tellua table]",
             0, 1);
    return 1;
}

void tl_indices_open_lua(lua_State *L)
{
    tl_core_push(L);
    lua_pushcfunction(L, read_catalogue);
    tl_loads(L, tl_lua_modules_indices_indices, tl_lua_modules_indices_indices_len,
             "=[tellua indices]", 2, 0);
}
