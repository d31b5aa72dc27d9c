/* The Lua host: opening, running, closing. SPDX-License-Identifier: MIT */
#include "runtime/host_int.h"
#include "runtime/log.h"
#include "runtime/mem.h"
#include "runtime/vmfault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MEMORY ((size_t)512 << 20)
#define DEFAULT_BUDGET INT64_C(10000000000)
#define HOOK_INTERVAL  1000

/* --- the state ----------------------------------------------------------------------------------
 */

static void *capped_alloc(void *ud, void *p, size_t old, size_t size)
{
    tl_host *h = ud;
    size_t tag = p ? 0 : old; /* of a new object; no size then */
    if (!p)
        old = 0;
    if (size == 0) {
        tl__vm_freed(h, p);
        free(p);
        h->memory -= old;
        return NULL;
    }
    if (!p && !tag && tl__vm_refuses(h, size)) {
        h->refused = 1;
        return NULL;
    }
    /* Shrinking must never fail. */
    if (size > old &&
        size - old >
            h->memory_limit - (h->memory < h->memory_limit ? h->memory : h->memory_limit)) {
        h->refused = 1;
        return NULL;
    }
    void *q = realloc(p, size);
    if (!q) {
        h->refused = 1;
        return NULL;
    }
    if (!p && !tag)
        tl__vm_made(h, q, size);
    h->memory += size - old;
    h->peak = h->memory > h->peak ? h->memory : h->peak;
    return q;
}

static int on_panic(lua_State *L)
{
    tl_err e;
    tl_to_err(L, -1, &e);
    tl_log(TL_LOG_QUIET, "tellua: unprotected Lua error: %s", e.message);
    return 0; /* Lua aborts */
}

static char host_key; /* its address is the registry key of the host */

tl_host *tl_host_of(lua_State *L)
{
    if (!lua_checkstack(L, 1))
        return NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &host_key);
    tl_host *h = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return h;
}

lua_State *tl_host_lua(tl_host *h)
{
    return atomic_load(&h->current);
}

/* Everything of opening that may raise. */
static int fill_state(lua_State *L)
{
    tl_host *h = lua_touserdata(L, 1);
    lua_pushlightuserdata(L, h);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &host_key);
    h->stop_err = tl__push_error(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &h->stop_err);
    tl__make_environment(L, h);
    return 0;
}

int tl_host_open(const tl_limits *limits, tl_host **out, tl_err *e)
{
    static const tl_limits none;
    limits = limits ? limits : &none;
    tl_host *h = tl_xcalloc(1, sizeof *h);
    h->memory_limit = limits->memory ? limits->memory : DEFAULT_MEMORY;
    h->budget = limits->instructions > 0   ? limits->instructions
                : limits->instructions < 0 ? INT64_MAX
                                           : DEFAULT_BUDGET;
    h->interval = limits->instructions < 0    ? 0
                  : h->budget < HOOK_INTERVAL ? (int)h->budget
                                              : HOOK_INTERVAL;
    h->profile = limits->profile;
    h->output_limit = limits->output;
    h->cpu_soft = limits->cpu_soft;
    h->allow_io = limits->allow_io;
    h->allow_os = limits->allow_os;
    int code = 0;
    tl__vm_expect_stack(h);
    h->main = lua_newstate(capped_alloc, h);
    if (h->main) {
        lua_atpanic(h->main, on_panic);
        *tl__slot(h->main) = h;
        atomic_store(&h->current, h->main);
        lua_pushcfunction(h->main, fill_state);
        lua_pushlightuserdata(h->main, h);
        code = tl_pcall(h->main, 1, 0, e);
    }
    if (!h->main || code) {
        tl_host_close(h);
        return tl_fail(e, TL_ENOMEM, "not enough memory to start Lua");
    }
    *out = h;
    return 0;
}

void tl_host_close(tl_host *h)
{
    if (!h)
        return;
    if (h->main) {
        lua_sethook(h->main, NULL, 0, 0);
        lua_close(h->main);
    }
    tl__vm_free(h);
    tl__free_chunks(h);
    free(h);
}

void tl_host_set_print(tl_host *h, void (*write)(void *ctx, const char *text, size_t len),
                       void *ctx)
{
    h->print = write;
    h->print_ctx = ctx;
}

int tl_host_incomplete(const tl_host *h)
{
    return h->incomplete;
}

tl_stop tl_host_stopped_by(const tl_host *h)
{
    return h->why;
}

size_t tl_host_peak(const tl_host *h)
{
    return h->peak;
}

const char *tl_host_traceback(const tl_host *h)
{
    return h->trace;
}

/* --- running
 * -------------------------------------------------------------------------------------- */

/* Into a buffer of the host, so that it also works when memory is gone. */
static void trace_stack(lua_State *L, tl_host *h)
{
    lua_Debug ar;
    size_t n = 0;
    for (int level = 1, shown = 0; shown < 20 && lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Slnt", &ar);
        if (ar.currentline < 1)
            continue;
        const char *what = *ar.what == 'm' ? "main chunk" : ar.name ? ar.name : "a function";
        int k = snprintf(h->trace + n, sizeof h->trace - n, "%s:%d: in %s%s\n", ar.short_src,
                         ar.currentline, what, ar.istailcall ? " (tail call)" : "");
        if (k < 0 || (size_t)k >= sizeof h->trace - n)
            break;
        n += (size_t)k;
        shown++;
    }
    h->trace[n] = '\0';
}

static int on_error(lua_State *L)
{
    tl_host *h = *tl__slot(L);
    trace_stack(L, h);
    tl_script_line_to(L, h->raised_at, sizeof h->raised_at);
    return tl__fix_address(L);
}

static void enter(tl_host *h)
{
    if (h->depth++)
        return;
    h->used = 0;
    h->stop = h->refused = 0;
    h->output = 0;
    h->why = TL_STOP_NONE;
    atomic_store(&h->interrupt, 0);
    atomic_store(&h->late, 0);
    atomic_store(&h->current, h->main);
    h->owner = pthread_self();
    tl__arm(h->main, h);
    atomic_store(&h->running, 1);
    tl__watch_deadline(h);
}

/* After the outermost run the state is as before it: callers may use Lua outside of runs too. */
static void leave(tl_host *h)
{
    if (--h->depth)
        return;
    tl__watch_deadline(NULL);
    atomic_store(&h->running, 0);
    atomic_store(&h->interrupt, 0);
    h->stop = 0;
    lua_sethook(h->main, NULL, 0, 0);
}

/* The error on top, which stays there. */
static int describe(tl_host *h, lua_State *L, int status, tl_err *e)
{
    if (h->stop) {
        *e = *h->stop_err;
        return e->code;
    }
    tl_to_err(L, -1, e);
    if (status == LUA_ERRMEM || (e->code == TL_ENOMEM && h->refused)) {
        h->why = TL_STOP_MEMORY;
        tl_fail(e, TL_ENOMEM, "not enough memory: the script may hold %zu MiB",
                h->memory_limit >> 20);
    } else
        tl_err_where(e, h->raised_at);
    tl__whole_name(h, e);
    tl__hint(h, e);
    return e->code;
}

int tl_host_call(tl_host *h, int nargs, int nresults, tl_err *e)
{
    lua_State *L = tl_host_lua(h);
    int base = lua_gettop(L) - nargs;
    if (!lua_checkstack(L, 4))
        return tl_fail(e, TL_ESCRIPT, "stack overflow");
    h->trace[0] = h->raised_at[0] = '\0';
    enter(h);
    lua_pushcfunction(L, on_error);
    lua_insert(L, base);
    int status = lua_pcall(L, nargs, nresults, base);
    int code = status == LUA_OK ? 0 : describe(h, L, status, e);
    leave(h);
    if (code)
        lua_settop(L, base - 1);
    else
        lua_remove(L, base);
    return code;
}

static int load_marked(tl_host *h, char mark, const char *name, const char *before,
                       const char *text, size_t len, tl_err *e)
{
    int code = tl__load(h, tl_host_lua(h), mark, name, before, text, len, e);
    if (code == TL_ENOMEM)
        tl_fail(e, code, "not enough memory to compile %s: the script may hold %zu MiB", name,
                h->memory_limit >> 20);
    return code;
}

int tl_host_load(tl_host *h, const char *text, size_t len, const char *name, tl_err *e)
{
    return load_marked(h, '=', name, "", text, len, e);
}

/* A variable to be closed keeps `return f()` from being a tail call, which would lose its line. */
int tl_host_load_value(tl_host *h, const char *text, size_t len, const char *name, tl_err *e)
{
    return load_marked(h, '=', name, "local __ <close> = nil; return ", text, len, e);
}

int tl_host_run_text(tl_host *h, const char *text, size_t len, const char *name, int nresults,
                     tl_err *e)
{
    int code = tl_host_load(h, text, len, name, e);
    return code ? code : tl_host_call(h, 0, nresults, e);
}

int tl_host_run_file(tl_host *h, const char *path, int nresults, tl_err *e)
{
    char *text = NULL;
    size_t len = 0;
    int code = tl__read_file(path, &text, &len, e);
    if (code)
        return code;
    code = load_marked(h, '@', path, "", text, len, e);
    free(text);
    return code ? code : tl_host_call(h, 0, nresults, e);
}
