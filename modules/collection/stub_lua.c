/* Stand-ins for core.scene_image and core.compose until they are there: the first kind's graph over
 * nothing. SPDX-License-Identifier: MIT */
#include "modules/image/image_lua.h"
#include "modules/image/synthetic.h"
#include "runtime/border.h"
#include "runtime/mem.h"

#include <lauxlib.h>

void tl_stub_open_lua(lua_State *L);

static int scene_image(lua_State *L)
{
    const char *names[100];
    tl_dtype types[100];
    int n = (int)lua_rawlen(L, 1);
    for (int i = 0; i < n; i++) {
        lua_rawgeti(L, 1, i + 1);
        lua_getfield(L, -1, "name");
        names[i] = tl_intern(luaL_checkstring(L, -1));
        lua_getfield(L, -2, "dtype");
        luaL_argcheck(L, tl_dtype_from_name(luaL_checkstring(L, -1), &types[i]) == 0, 1, "dtype");
        lua_getfield(L, -3, "asset");
        luaL_argcheck(L, luaL_checkinteger(L, -1) >= 1, 1, "asset");
        lua_getfield(L, -4, "band");
        luaL_argcheck(L, luaL_checkinteger(L, -1) >= 1, 1, "band");
        lua_pop(L, 5);
    }
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    tl_source *s = tl_synthetic_new(n, names, types);
    *box = tl_image_of_source(s, tl_script_line(L));
    tl_source_unref(s);
    return 1;
}

static int compose(lua_State *L)
{
    lua_getfield(L, 1, "kinds");
    int nk = (int)lua_rawlen(L, -1);
    lua_getfield(L, 1, "scenes");
    int n = (int)lua_rawlen(L, -1);
    luaL_argcheck(L, n > 0 && nk > 0, 1, "no scenes");
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        lua_getfield(L, -1, "kind");
        lua_Integer k = luaL_checkinteger(L, -1);
        luaL_argcheck(L, k >= 1 && k <= nk, 1, "kind");
        lua_getfield(L, -2, "assets");
        luaL_argcheck(L, lua_rawlen(L, -1) > 0, 1, "assets");
        lua_pop(L, 3);
    }
    lua_rawgeti(L, -2, 1);
    return 1;
}

void tl_stub_open_lua(lua_State *L)
{
    static const luaL_Reg f[] = {{"scene_image", scene_image}, {"compose", compose}, {NULL, NULL}};
    tl_core_push(L);
    luaL_setfuncs(L, f, 0);
    lua_pop(L, 1);
}
