/* The environment of scripts: copied name by name from Lua's own, never cleaned up from it.
 * SPDX-License-Identifier: MIT */
#include "runtime/host_int.h"
#include "runtime/mem.h"

#include <lualib.h>
#include <stdio.h>
#include <string.h>

#define RANDOM_SEED 0x7e11a5eed /* the same numbers in every run */

/* Names of a library that a script may have; NULL = all. */
static const char *const base_names[] = {"assert",   "error",    "ipairs", "next",   "pairs",
                                         "rawequal", "rawget",   "rawlen", "rawset", "select",
                                         "type",     "tonumber", NULL};
static const char *const own_names[] = {"tostring", "_VERSION", NULL};
static const char *const string_names[] = {
    "byte", "char",     "find", "format",  "gmatch", "gsub",   "len",   "lower", "match",
    "pack", "packsize", "rep",  "reverse", "sub",    "unpack", "upper", NULL};
static const char *const table_names[] = {"concat", "insert", "move",   "pack",
                                          "remove", "sort",   "unpack", NULL};
static const char *const math_names[] = {
    "abs",  "acos",   "asin", "atan", "ceil",       "cos",       "deg",        "exp",  "floor",
    "fmod", "huge",   "log",  "max",  "maxinteger", "min",       "mininteger", "modf", "pi",
    "rad",  "random", "sin",  "sqrt", "tan",        "tointeger", "type",       "ult",  NULL};
static const char *const utf8_names[] = {"char", "charpattern", "codepoint", "codes",
                                         "len",  "offset",      NULL};
static const char *const coroutine_names[] = {"isyieldable", "running", "status", "yield", NULL};
static const char *const tenant_coroutine_names[] = {"status", "yield", NULL};
static const char *const os_names[] = {"clock", "date", "difftime", "time", NULL};

/* Copies the named fields (NULL: all) of the table on top into the one below it; pops the source.
 */
static void copy_names(lua_State *L, const char *const *names)
{
    for (; names && *names; names++) {
        lua_getfield(L, -1, *names);
        lua_setfield(L, -3, *names);
    }
    if (!names)
        for (lua_pushnil(L); lua_next(L, -2);) {
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, -5);
        }
    lua_pop(L, 1);
}

/* Opens a library, and puts its filtered copy into the environment on top; leaves the copy on top.
 */
static void open_lib(lua_State *L, const char *name, lua_CFunction open, const char *const *names)
{
    lua_newtable(L);
    luaL_requiref(L, name, open, 0);
    copy_names(L, names);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, name);
}

/* --- functions of our own ------------------------------------------------------------------------
 */

static int guarded_setmetatable(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    int type = lua_type(L, 2);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    lua_settop(L, 2);
    static const char *const refused[] = {"__gc", "__mode"};
    for (int i = 0; type == LUA_TTABLE && i < 2; i++) {
        lua_pushstring(L, refused[i]);
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "setmetatable: %s is not available to scripts%s", refused[i],
                              i ? "" : " (use __close)");
        lua_pop(L, 1);
    }
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    lua_setmetatable(L, 1);
    return 1;
}

static int guarded_getmetatable(lua_State *L)
{
    luaL_checkany(L, 1);
    if (lua_type(L, 1) != LUA_TTABLE || !lua_getmetatable(L, 1))
        lua_pushnil(L);
    else
        luaL_getmetafield(L, 1, "__metatable");
    return 1;
}

static int guarded_collectgarbage(lua_State *L)
{
    if (strcmp(luaL_optstring(L, 1, "collect"), "count") != 0)
        return luaL_argerror(L, 1, "only collectgarbage(\"count\") is available to scripts");
    lua_pushnumber(L, lua_gc(L, LUA_GCCOUNT) + lua_gc(L, LUA_GCCOUNTB) / 1024.0);
    return 1;
}

static int host_print(lua_State *L)
{
    tl_host *h = *tl__slot(L);
    int n = lua_gettop(L);
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (int i = 1; i <= n; i++) {
        if (i > 1)
            luaL_addchar(&b, '\t');
        if (h->profile == TL_PROFILE_OWN)
            luaL_tolstring(L, i, NULL);
        else
            tl__push_text(L, i);
        luaL_addvalue(&b);
    }
    luaL_addchar(&b, '\n');
    luaL_pushresult(&b);
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    tl_host_charge(L, (int64_t)len);
    tl__charge_output(L, len);
    if (h->print)
        h->print(h->print_ctx, text, len);
    else
        fwrite(text, 1, len, stdout);
    return 0;
}

/* Lua's rep loops n times even over nothing. Upvalue: Lua's own. */
static int guarded_rep(lua_State *L)
{
    size_t len, sep;
    luaL_checklstring(L, 1, &len);
    luaL_checkinteger(L, 2);
    luaL_optlstring(L, 3, "", &sep);
    if (len + sep == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

/* Without arguments: the fixed seed, not one of the clock. Upvalue: Lua's own. */
static int guarded_randomseed(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    if (lua_gettop(L) == 1)
        lua_pushinteger(L, RANDOM_SEED);
    lua_call(L, lua_gettop(L) - 1, 0);
    return 0;
}

/* --- putting it together
 * -------------------------------------------------------------------------- */

/* Wraps a field of the library whose filtered copy is on top: f gets Lua's own as its upvalue. */
static void wrap_field(lua_State *L, const char *lib, const char *field, lua_CFunction f)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, lib);
    lua_getfield(L, -1, field);
    lua_pushcclosure(L, f, 1);
    lua_setfield(L, -4, field);
    lua_pop(L, 2);
}

/* What both have, and what only the user's own scripts have. */
static void open_base(lua_State *L, const tl_host *h)
{
    static const luaL_Reg all[] = {{"getmetatable", guarded_getmetatable},
                                   {"print", host_print},
                                   {"setmetatable", guarded_setmetatable},
                                   {NULL, NULL}};
    static const luaL_Reg own[] = {
        {"collectgarbage", guarded_collectgarbage}, {"load", tl__lua_load}, {NULL, NULL}};
    luaL_requiref(L, LUA_GNAME, luaopen_base, 0);
    if (h->profile == TL_PROFILE_OWN) {
        lua_pushvalue(L, -1);
        lua_insert(L, -3); /* the library, twice */
        copy_names(L, own_names);
        luaL_setfuncs(L, own, 0);
        lua_insert(L, -2);
    }
    copy_names(L, base_names);
    luaL_setfuncs(L, all, 0);
    luaL_setfuncs(L, tl__guarded_base, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, LUA_GNAME);
}

static void open_coroutine(lua_State *L, const tl_host *h)
{
    int own = h->profile == TL_PROFILE_OWN;
    open_lib(L, LUA_COLIBNAME, luaopen_coroutine, own ? coroutine_names : tenant_coroutine_names);
    for (const luaL_Reg *f = tl__guarded_coroutine; f->name; f++) {
        if (!own && strcmp(f->name, "close") == 0)
            continue; /* chains of it overflow the C stack of an older Lua */
        luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
        lua_getfield(L, -1, LUA_COLIBNAME);
        lua_getfield(L, -1, "close");
        lua_pushcclosure(L, f->func, 1);
        lua_setfield(L, -4, f->name);
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
}

static void open_string(lua_State *L)
{
    open_lib(L, LUA_STRLIBNAME, luaopen_string, string_names);
    wrap_field(L, LUA_STRLIBNAME, "rep", guarded_rep);
    lua_pushliteral(L, ""); /* ("").x reaches the library too */
    lua_getmetatable(L, -1);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 3);
}

/* Everybody draws the same numbers; only the user's own scripts may choose others. */
static void open_math(lua_State *L, const tl_host *h)
{
    open_lib(L, LUA_MATHLIBNAME, luaopen_math, math_names);
    wrap_field(L, LUA_MATHLIBNAME, "randomseed", guarded_randomseed);
    lua_getfield(L, -1, "randomseed");
    lua_call(L, 0, 0);
    if (h->profile != TL_PROFILE_OWN) {
        lua_pushnil(L);
        lua_setfield(L, -2, "randomseed");
    }
    lua_pop(L, 1);
}

/* popen starts processes: that is os, not io. */
static void open_io(lua_State *L, int with_os)
{
    open_lib(L, LUA_IOLIBNAME, luaopen_io, NULL);
    if (!with_os) {
        lua_pushnil(L);
        lua_setfield(L, -2, "popen");
    }
    lua_pop(L, 1);
}

void tl__make_environment(lua_State *L, tl_host *h)
{
    lua_newtable(L);
    open_base(L, h);
    if (h->profile != TL_PROFILE_PIXEL)
        open_coroutine(L, h);
    open_string(L);
    open_math(L, h);
    open_lib(L, LUA_TABLIBNAME, luaopen_table, table_names);
    lua_pop(L, 1);
    open_lib(L, LUA_UTF8LIBNAME, luaopen_utf8, utf8_names);
    lua_pop(L, 1);
    if (h->profile == TL_PROFILE_OWN) {
        open_lib(L, LUA_OSLIBNAME, luaopen_os, h->allow_os ? NULL : os_names);
        lua_pop(L, 1);
    } else {
        tl__make_tenant(L);
    }
    if (h->allow_io && h->profile == TL_PROFILE_OWN)
        open_io(L, h->allow_os);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS); /* what load and new chunks see */
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_gc(L, LUA_GCCOLLECT);
}

/* --- hints
 * ---------------------------------------------------------------------------------------- */

/* Part of Lua's message, whose permission brings the name ("" = none does), and the name. */
static const struct hint {
    const char *text, *allow, *name;
} hints[] = {
    {"(global 'io')", "io", "io"},
    {"(field 'popen')", "io,os", "io.popen"},
    {"(field 'execute')", "os", "os.execute"},
    {"(field 'exit')", "os", "os.exit"},
    {"(field 'getenv')", "os", "os.getenv"},
    {"(field 'remove')", "os", "os.remove"},
    {"(field 'rename')", "os", "os.rename"},
    {"(field 'setlocale')", "os", "os.setlocale"},
    {"(field 'tmpname')", "os", "os.tmpname"},
    {"(global 'require')", "", "require"},
    {"(global 'package')", "", "package"},
    {"(global 'debug')", "", "debug"},
    {"(global 'dofile')", "", "dofile"},
    {"(global 'loadfile')", "", "loadfile"},
    {"(global 'loadstring')", "", "loadstring (of Lua 5.1; use load)"},
    {"(global 'unpack')", "", "unpack (of Lua 5.1; use table.unpack)"},
    {"(global 'setfenv')", "", "setfenv (of Lua 5.1)"},
    {"(field 'dump')", "", "string.dump"},
};

void tl__hint(const tl_host *h, tl_err *e)
{
    if (e->code != TL_ESCRIPT || !strstr(e->message, "a nil value"))
        return;
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        const struct hint *n = &hints[i];
        if (!strstr(e->message, n->text) || (h->allow_os && strcmp(n->allow, "os") == 0))
            continue;
        size_t len = strlen(e->message);
        snprintf(e->message + len, sizeof e->message - len, "\n%s is not available to scripts%s%s",
                 n->name, *n->allow ? "; run with --allow " : "", n->allow);
        return;
    }
}
