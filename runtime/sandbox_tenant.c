/* What strangers get in place of Lua's own: no text of theirs shows an address.
 * SPDX-License-Identifier: MIT */
#include "runtime/host_int.h"

#include <string.h>

void tl__push_text(lua_State *L, int idx)
{
    idx = lua_absindex(L, idx);
    if (luaL_callmeta(L, idx, "__tostring")) {
        if (!lua_isstring(L, -1))
            luaL_error(L, "'__tostring' must return a string");
    } else if (lua_type(L, idx) <= LUA_TSTRING && lua_type(L, idx) != LUA_TLIGHTUSERDATA) {
        luaL_tolstring(L, idx, NULL);
    } else {
        lua_pushstring(L, luaL_typename(L, idx));
    }
}

static int tenant_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    tl__push_text(L, 1);
    return 1;
}

/* Upvalue: Lua's own. What %s would show of objects is put there as text beforehand. */
static int tenant_format(lua_State *L)
{
    size_t n;
    const char *f = luaL_checklstring(L, 1, &n), *end = f + n;
    int arg = 1, top = lua_gettop(L);
    while ((f = memchr(f, '%', (size_t)(end - f))) && ++f < end) {
        if (*f == '%') {
            f++;
            continue;
        }
        while (f < end && memchr("-+#0 123456789.", *f, 15))
            f++;
        if (f == end)
            break;
        if (*f == 'p')
            return luaL_error(L, "format: '%%p' is not available to scripts");
        if (*f++ == 's' && ++arg <= top && lua_type(L, arg) > LUA_TSTRING) {
            tl__push_text(L, arg);
            lua_replace(L, arg);
        } else if (f[-1] != 's') {
            arg++;
        }
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, top, 1);
    return 1;
}

void tl__make_tenant(lua_State *L)
{
    lua_pushcfunction(L, tenant_tostring);
    lua_setfield(L, -2, "tostring");
    lua_getfield(L, -1, "string");
    lua_getfield(L, -1, "format");
    lua_pushcclosure(L, tenant_format, 1);
    lua_setfield(L, -2, "format");
    lua_pop(L, 1);
}
