/* See theil_sen_lua.h. SPDX-License-Identifier: MIT */
#include "modules/image/theil_sen_lua.h"
#include "modules/expr/theil_sen.h"
#include "modules/image/thaw_lua.h"

#include <lauxlib.h>
#include <math.h>
#include <stdint.h>

/* Upvalue 1 is a buffer that grows, so that a pixel makes no garbage. */
static double *buffer(lua_State *L, int n)
{
    size_t want = ((size_t)n * ((size_t)n - 1) / 2 + 3 * (size_t)n) * sizeof(double);
    if (lua_rawlen(L, lua_upvalueindex(1)) < want) {
        lua_newuserdatauv(L, want, 0);
        lua_replace(L, lua_upvalueindex(1));
    }
    return lua_touserdata(L, lua_upvalueindex(1));
}

/* (values, times): the pairs that are there into x and y; returns how many. */
static int pairs_of(lua_State *L, const char *what, double **x, double **y, double **rest)
{
    for (int k = 1; k <= 2; k++) {
        luaL_checktype(L, k, LUA_TTABLE);
        tl_thaw_behind(L, k);
    }
    lua_Unsigned all = lua_rawlen(L, 2);
    if (all > TL_SEN_MOST)
        luaL_error(L, "%s takes at most %d values, not %I", what, TL_SEN_MOST, (lua_Integer)all);
    *y = buffer(L, (int)all + 1);
    *x = *y + all;
    *rest = *x + all;
    int n = 0;
    for (int i = 1; i <= (int)all; i++) {
        int good = lua_rawgeti(L, 1, i) == LUA_TNUMBER;
        if (lua_rawgeti(L, 2, i) != LUA_TNUMBER || !isfinite(lua_tonumber(L, -1)))
            luaL_error(L, "%s: time %d is no number", what, i);
        (*y)[n] = lua_tonumber(L, -2);
        (*x)[n] = lua_tonumber(L, -1);
        n += good && isfinite((*y)[n]);
        lua_pop(L, 2);
    }
    return n;
}

/* theil_sen(values, times) -> slope, offset; nil where no two values differ in time */
static int theil_sen(lua_State *L)
{
    double *x, *y, *rest, slope, offset;
    int n = pairs_of(L, "theil_sen", &x, &y, &rest);
    if (tl_theil_sen(n, x, y, rest, &slope, &offset))
        return 0;
    lua_pushnumber(L, slope);
    lua_pushnumber(L, offset);
    return 2;
}

/* mann_kendall(values, times) -> tau, p, z, s; nil of fewer than three values */
static int mann_kendall(lua_State *L)
{
    double *x, *y, *rest;
    tl_kendall k;
    int n = pairs_of(L, "mann_kendall", &x, &y, &rest);
    if (tl_mann_kendall(n, x, y, rest, &k))
        return 0;
    lua_pushnumber(L, k.tau);
    lua_pushnumber(L, k.p);
    lua_pushnumber(L, k.z);
    lua_pushnumber(L, k.s);
    return 4;
}

void tl_theil_sen_open_lua(lua_State *L)
{
    lua_pushnil(L);
    lua_pushcclosure(L, theil_sen, 1);
    lua_setfield(L, -2, "theil_sen");
    lua_pushnil(L);
    lua_pushcclosure(L, mann_kendall, 1);
    lua_setfield(L, -2, "mann_kendall");
}
