/* A script by the contract of `tellua sandbox`. SPDX-License-Identifier: MIT */
#include "worker/worker.h"
#include "runtime/border.h"
#include "runtime/host.h"

static void swallow(void *ctx, const char *text, size_t len)
{
    (void)text;
    *(uint64_t *)ctx += len;
}

/* Stack: the pixel function at 1. */
static void call_pixel(lua_State *L, int p)
{
    lua_pushvalue(L, 1);
    for (int band = 0; band < 4; band++)
        lua_pushnumber(L, 100 + 4 * p + band);
    lua_call(L, 4, LUA_MULTRET);
    int n = lua_gettop(L) - 1;
    if (n != 1)
        luaL_error(L, "a pixel function returns one number, not %d values", n);
    if (lua_type(L, 2) != LUA_TNUMBER)
        luaL_error(L, "a pixel function returns a number, not a %s", luaL_typename(L, 2));
    lua_settop(L, 1);
}

/* Stack: the chunk, how many pixels. One run: both share the budgets. */
static int run_all(lua_State *L)
{
    int n = (int)lua_tointeger(L, 2);
    lua_settop(L, 1);
    lua_call(L, 0, 1);
    for (int p = 0; p < n && lua_isfunction(L, 1); p++)
        call_pixel(L, p);
    return 0;
}

static int run(tl_host *h, const tl_jail_in *q, const char *text, tl_err *e)
{
    lua_State *L = tl_host_lua(h);
    lua_pushcfunction(L, run_all);
    int rc = tl_host_load(h, text, q->len, "tenant", e);
    if (rc)
        return rc;
    lua_pushinteger(L, q->limits.pixels);
    return tl_host_call(h, 2, 0, e);
}

void tl_serve_script(const tl_jail_in *q, const char *text, tl_jail_out *out)
{
    tl_err e = TL_ERR_INIT;
    tl_host *h = NULL;
    int rc = tl_host_open(&q->limits, &h, &e);
    if (rc) {
        tl_serve_error(out, TL_ANSWER_MEMORY, &e);
        return;
    }
    tl_host_set_print(h, swallow, &out->output);
    rc = run(h, q, text, &e);
    tl_stop why = tl_host_stopped_by(h);
    out->peak = tl_host_peak(h);
    if (rc)
        tl_serve_error(out,
                       why == TL_STOP_TIME                        ? TL_ANSWER_TIME
                       : why == TL_STOP_MEMORY || rc == TL_ENOMEM ? TL_ANSWER_MEMORY
                                                                  : TL_ANSWER_ERROR,
                       &e);
    tl_host_close(h);
}
