/* See console_lua.h. SPDX-License-Identifier: MIT */
#include "modules/batch/console_lua.h"
#include "modules/batch/sys_lua.h"
#include "runtime/border.h"
#include "runtime/json_lua.h"
#include "runtime/log.h"

#include <lualib.h>
#include <string.h>

/* In order: each gets `sys` and the table that all share. */
/* clang-format off */
#define EACH(X) \
    X(common) X(folder) X(engine_local) X(engine_htcondor) X(engine_slurm) X(submit) X(table) \
    X(watch) X(steer) X(rows)
/* clang-format on */
#define DECLARE(half) TL_HALF_DECLARE(tl_lua_modules_batch_##half)
#define ENTRY(half)   TL_HALF("=[tellua batch/" #half "]", tl_lua_modules_batch_##half),
EACH(DECLARE)
static const tl_half halves[] = {EACH(ENTRY)};

static int log_line(lua_State *L) /* log(text): as the program's other notes */
{
    tl_log(TL_LOG_INFO, "%s", luaL_checkstring(L, 1));
    return 0;
}

/* fail(code, message[, where]): an error of the command, not of our Lua */
static int fail(lua_State *L)
{
    static const struct {
        const char *word;
        int code;
    } codes[] = {{"usage", TL_EUSAGE},     {"script", TL_ESCRIPT},       {"data", TL_EDATA},
                 {"output", TL_EIO},       {"transient", TL_ETRANSIENT}, {"config", TL_ECONFIG},
                 {"interrupted", TL_EINTR}};
    const char *word = luaL_checkstring(L, 1);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strcmp(codes[i].word, word) == 0)
            return tl_raisef(L, codes[i].code, "%s", luaL_checkstring(L, 2));
    return luaL_argerror(L, 1, "a code's word");
}

/* Puts the table that all halves share on top. */
static void open_halves(lua_State *L)
{
    luaL_openlibs(L);
    tl_sys_push(L);
    lua_pushcfunction(L, log_line);
    lua_setfield(L, -2, "log");
    lua_pushcfunction(L, fail);
    lua_setfield(L, -2, "fail");
    lua_newtable(L);
    tl_load_halves(L, halves, sizeof halves / sizeof *halves, 2);
}

static int call(lua_State *L) /* command, args -> status */
{
    const char *command = lua_touserdata(L, 1);
    const json_t *args = lua_touserdata(L, 2);
    open_halves(L);
    lua_getfield(L, -1, "commands");
    lua_getfield(L, -1, command);
    tl_json_push(L, args);
    lua_call(L, 1, 1);
    lua_pushinteger(L, luaL_optinteger(L, -1, 0));
    return 1;
}

typedef struct asked {
    const json_t *args;
    json_t *answer;
} asked;

static int ask(lua_State *L) /* question, an `asked` */
{
    const char *what = lua_touserdata(L, 1);
    asked *a = lua_touserdata(L, 2);
    tl_err e = TL_ERR_INIT;
    open_halves(L);
    lua_getfield(L, -1, "questions");
    lua_getfield(L, -1, what);
    tl_json_push(L, a->args);
    lua_call(L, 1, 1);
    a->answer = tl_json_from(L, -1, &e);
    return a->answer ? 0 : tl_raise(L, &e);
}

static int with_state(lua_CFunction f, const char *word, const void *second, int *status, tl_err *e)
{
    lua_State *L = luaL_newstate();
    if (!L)
        return tl_fail(e, TL_ENOMEM, "out of memory");
    lua_pushcfunction(L, f);
    lua_pushlightuserdata(L, (void *)(uintptr_t)word);
    lua_pushlightuserdata(L, (void *)(uintptr_t)second);
    int rc = tl_pcall(L, 2, 1, e);
    if (!rc)
        *status = (int)lua_tointeger(L, -1);
    lua_close(L);
    return rc;
}

int tl_console_ask(const char *what, const json_t *args, json_t **out, tl_err *e)
{
    asked a = {args, NULL};
    int status, rc = with_state(ask, what, &a, &status, e);
    *out = a.answer;
    return rc;
}

int tl_console(const char *command, const json_t *args, int *status, tl_err *e)
{
    return with_state(call, command, args, status, e);
}
