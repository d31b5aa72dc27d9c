/* batch: see jobs_lua.h. SPDX-License-Identifier: MIT
 *
 * A script cannot reach files or processes; it can ask this program to do what the commands about
 * jobs do, and nothing else. So each call is a process of its own, of the same program. */
#include "modules/batch/jobs_lua.h"
#include "modules/batch/process_lua.h"
#include "modules/image/image_lua.h"
#include "runtime/border.h"
#include "runtime/json_lua.h"

#include <stdlib.h>
#include <string.h>

extern const unsigned char tl_lua_modules_batch_jobs[];
extern const size_t tl_lua_modules_batch_jobs_len;

static int is_allowed(const char *word)
{
    static const char *const words[] = {"submit",  "status", "wait",    "logs",  "cancel", "hold",
                                        "release", "resume", "suspend", "retry", "jobs"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i], word) == 0)
            return 1;
    return 0;
}

/* The program: this one, unless a stock Lua loaded us. */
static void push_program(lua_State *L)
{
    char *exe = realpath("/proc/self/exe", NULL);
    const char *slash = exe ? strrchr(exe, '/') : NULL, *named = getenv("TELLUA");
    if (slash && strncmp(slash, "/tellua", 7) == 0)
        lua_pushstring(L, exe);
    else
        lua_pushstring(L, named ? named : "tellua");
    free(exe);
}

/* command({"status", job, ...}) -> output, errors, exit status */
static int command(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_rawgeti(L, 1, 1);
    if (!is_allowed(luaL_checkstring(L, -1)))
        return luaL_error(L, "'%s' is no command about jobs", lua_tostring(L, -1));
    lua_newtable(L);
    push_program(L);
    lua_rawseti(L, -2, 1);
    for (lua_Integer i = 1, n = (lua_Integer)lua_rawlen(L, 1); i <= n; i++) {
        lua_rawgeti(L, 1, i);
        lua_rawseti(L, -2, i + 1);
    }
    lua_replace(L, 1);
    lua_settop(L, 1);
    return tl__process_capture(L);
}

static int parse(lua_State *L)
{
    json_error_t why;
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    json_t *j = json_loadb(text, len, 0, &why);
    if (!j)
        return luaL_error(L, "not JSON: %s", why.text);
    tl_json_push(L, j);
    json_decref(j);
    return 1;
}

static int fail(lua_State *L) /* what a command wrote to its standard error */
{
    return tl_raisef(L, TL_EDATA, "%s", luaL_checkstring(L, 1));
}

int tl_jobs_start_pending(lua_State *L)
{
    lua_Integer n = 0;
    tl_core_push(L);
    if (lua_istable(L, -1) && lua_getfield(L, -1, "start_jobs") == LUA_TFUNCTION) {
        lua_call(L, 0, 1);
        n = lua_tointeger(L, -1);
    }
    lua_pushinteger(L, n);
    return 1;
}

void tl_jobs_open_lua(lua_State *L)
{
    int names = lua_gettop(L);
    tl_core_push(L);
    lua_newtable(L);
    lua_pushcfunction(L, command);
    lua_setfield(L, -2, "command");
    lua_pushcfunction(L, parse);
    lua_setfield(L, -2, "parse");
    lua_pushcfunction(L, fail);
    lua_setfield(L, -2, "fail");
    tl_loads(L, tl_lua_modules_batch_jobs, tl_lua_modules_batch_jobs_len, "=[tellua jobs]", 2, 1);
    lua_setfield(L, names, "batch");
    lua_settop(L, names);
}
