/* The instruction budget and the interrupt, and the functions that would otherwise swallow them:
 * pcall, xpcall and the coroutine library. SPDX-License-Identifier: MIT
 *
 * One counter per host. A thread's hook fires every `interval` instructions of that thread, so a
 * new coroutine could run that many for nothing: its creation is charged as many. Once the run is
 * over h->stop stays set; the hook then fires at everything, and whoever catches the error raises
 * it again. Two places run without hooks in stock Lua, and are kept from scripts: finalisers
 * (setmetatable refuses __gc), and a message handler called for an error of the hook itself
 * (guarded xpcall does not call it then). */
#include "runtime/vmfault.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

#define SWITCH_COST                                                                                \
    100 /* instructions that a resume or a caught error is charged: what it takes                  \
         */
#define ALL_EVENTS (LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT)

/* --- the hook --------------------------------------------------------------------------------- */

static void on_hook(lua_State *L, lua_Debug *ar)
{
    tl_host *h = *tl__slot(L);
    if (!h || !h->depth) /* budgets are of runs */
        return;
    if (h->stop || atomic_load_explicit(&h->interrupt, memory_order_relaxed))
        tl__stop(L, TL_STOP_INTERRUPT);
    if (lua_gethookmask(L) != LUA_MASKCOUNT)
        tl__arm(L, h); /* left armed by a stop of an earlier run */
    if (ar->event != LUA_HOOKCOUNT)
        return;
    h->used += h->interval;
    if (h->used >= h->budget)
        tl__stop(L, TL_STOP_INSTRUCTIONS);
}

void tl__arm(lua_State *L, tl_host *h)
{
    lua_sethook(L, h->interval ? on_hook : NULL, h->interval ? LUA_MASKCOUNT : 0, h->interval);
    /* A signal may have come in between; what was armed stays so. */
    if (atomic_load(&h->interrupt))
        lua_sethook(L, on_hook, ALL_EVENTS, 1);
}

/* The first cause counts. Allocates nothing. */
static void fill_stop(lua_State *L, tl_host *h, tl_stop why)
{
    tl_err *e = h->stop_err;
    if (why == TL_STOP_INTERRUPT && atomic_load(&h->late))
        why = TL_STOP_TIME;
    h->why = why;
    *e = (tl_err)TL_ERR_INIT;
    switch (why) {
    case TL_STOP_INTERRUPT:
        tl_fail(e, TL_EINTR, "interrupted");
        break;
    case TL_STOP_TIME:
        tl_fail(e, TL_ESCRIPT, "it used up its %.2f s of CPU time", h->cpu_soft);
        break;
    case TL_STOP_MEMORY:
        tl_fail(e, TL_ENOMEM, "not enough memory: the script may hold %zu MiB",
                h->memory_limit >> 20);
        break;
    default:
        tl_fail(e, TL_ESCRIPT,
                "the script used up its budget of %" PRId64
                " instructions (raise it with --budget N)",
                h->budget);
    }
    h->stop = e->code;
    tl_script_line_to(L, e->where, sizeof e->where);
}

int tl__stop(lua_State *L, tl_stop why)
{
    tl_host *h = *tl__slot(L);
    if (!h->stop)
        fill_stop(L, h, why);
    lua_sethook(L, on_hook, ALL_EVENTS, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &h->stop_err);
    return lua_error(L);
}

void tl__check_stop(lua_State *L)
{
    tl_host *h = *tl__slot(L);
    if (h->stop || atomic_load_explicit(&h->interrupt, memory_order_relaxed))
        tl__stop(L, TL_STOP_INTERRUPT);
}

void tl__check_failed(lua_State *L, int status)
{
    tl_host *h = *tl__slot(L);
    if (!h->depth)
        return;
    tl__check_stop(L);
    /* The buffers of lauxlib raise a plain string where memory is refused. */
    int text = h->refused && lua_type(L, -1) == LUA_TSTRING &&
               strcmp(lua_tostring(L, -1), "not enough memory") == 0;
    if (status == LUA_ERRMEM || text)
        tl__stop(L, TL_STOP_MEMORY);
}

void tl_host_charge(lua_State *L, int64_t n)
{
    tl_host *h = tl_host_of(L);
    if (!h || !h->depth)
        return;
    tl__check_stop(L);
    h->used = h->used > INT64_MAX - n ? INT64_MAX : h->used + n;
    if (h->used >= h->budget)
        tl__stop(L, TL_STOP_INSTRUCTIONS);
}

void tl__charge_output(lua_State *L, size_t n)
{
    tl_host *h = *tl__slot(L);
    tl__check_stop(L);
    h->output += n;
    /* An error that a script may catch: its next print raises again. */
    if (h->output_limit && h->output > h->output_limit)
        luaL_error(L, "it printed more than %d KiB", (int)(h->output_limit >> 10));
}

int tl_host_stopping(tl_host *h)
{
    return h->stop || atomic_load_explicit(&h->interrupt, memory_order_relaxed);
}

/* lua_sethook may be called in a signal handler but not from another thread; there the flag alone
 * must do, which the hook sees within `interval` instructions. */
void tl_host_interrupt(tl_host *h)
{
    if (!atomic_load(&h->running))
        return;
    atomic_store(&h->interrupt, 1);
    if (pthread_equal(pthread_self(), h->owner))
        lua_sethook(atomic_load(&h->current), on_hook, ALL_EVENTS, 1);
}

static tl_host *volatile watched;
static volatile sig_atomic_t deadline_passed;

void tl_host_deadline(void)
{
    tl_host *h = watched;
    deadline_passed = 1;
    if (!h)
        return;
    atomic_store(&h->late, 1);
    atomic_store(&h->interrupt, 1);
    lua_sethook(atomic_load(&h->current), on_hook, ALL_EVENTS, 1);
}

void tl_host_forget_deadline(void)
{
    deadline_passed = 0;
}

void tl__watch_deadline(tl_host *h)
{
    if (h && h->profile == TL_PROFILE_OWN)
        return; /* its process may have many threads */
    watched = h;
    if (h && deadline_passed)
        tl_host_deadline();
}

/* --- pcall and xpcall --------------------------------------------------------------------------
 */

/* Continuation too. Stack: handler, true, then what the call left. */
static int pcall_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)ctx;
    if (status == LUA_OK || status == LUA_YIELD) {
        tl__check_stop(L);
        return lua_gettop(L) - 1;
    }
    tl__check_failed(L, status);
    (*tl__slot(L))->used += SWITCH_COST; /* the next hook looks */
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

/* Stack: handler, function, arguments. */
static int protected_call(lua_State *L)
{
    int nargs = lua_gettop(L) - 2;
    lua_pushboolean(L, 1);
    lua_insert(L, 2);
    return pcall_done(L, lua_pcallk(L, nargs, LUA_MULTRET, 1, 0, pcall_done), 0);
}

static int guarded_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushcfunction(L, tl__fix_address);
    lua_insert(L, 1);
    return protected_call(L);
}

/* Upvalue: the script's handler. */
static int call_handler(lua_State *L)
{
    if ((*tl__slot(L))->stop)
        return 1;
    lua_settop(L, 1);
    tl__fix_address(L);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, -2);
    lua_call(L, 1, 1);
    return 1;
}

static int guarded_xpcall(lua_State *L)
{
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, call_handler, 1);
    lua_insert(L, 1); /* handler, f, msgh, args */
    lua_remove(L, 3);
    return protected_call(L);
}

const luaL_Reg tl__guarded_base[] = {
    {"pcall", guarded_pcall}, {"xpcall", guarded_xpcall}, {NULL, NULL}};

/* --- coroutines --------------------------------------------------------------------------------
 */

static lua_State *check_thread(lua_State *L, int idx)
{
    lua_State *co = lua_tothread(L, idx);
    luaL_argexpected(L, co, idx, "coroutine");
    return co;
}

static int guarded_create(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    tl_host_charge(L, (*tl__slot(L))->interval);
    tl__vm_expect_stack(*tl__slot(L));
    lua_State *co = lua_newthread(L); /* with L's hook and host */
    tl__arm(co, *tl__slot(L));
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    return 1;
}

/* Moves nargs values from L to co and runs it. Number of results, now on L; or -1 with the error on
 * L. Raises when the run is over. */
static int resume(lua_State *L, lua_State *co, int nargs)
{
    tl_host *h = *tl__slot(L);
    int nres;
    tl_host_charge(L, SWITCH_COST);
    if (!lua_checkstack(co, nargs)) {
        lua_pop(L, nargs);
        lua_pushliteral(L, "too many arguments to resume");
        return -1;
    }
    lua_xmove(L, co, nargs);
    int below = h->stacks && tl__vm_in_concat(L);
    h->concats_below += below;
    atomic_store(&h->current, co);
    int status = lua_resume(co, L, nargs, &nres);
    atomic_store(&h->current, L);
    h->concats_below -= below;
    if (status != LUA_OK && status != LUA_YIELD) {
        if (h->stop && lua_status(co) > LUA_YIELD)
            *tl__slot(co) = NULL; /* its hooks are off for good: nothing may run in it again */
        lua_xmove(co, L, 1);
        tl__check_failed(L, status);
        return -1;
    }
    tl__check_stop(L);
    if (!lua_checkstack(L, nres + 1)) {
        lua_pop(co, nres);
        lua_pushliteral(L, "too many results to resume");
        return -1;
    }
    lua_xmove(co, L, nres);
    return nres;
}

static int guarded_resume(lua_State *L)
{
    lua_State *co = check_thread(L, 1);
    int n = resume(L, co, lua_gettop(L) - 1);
    lua_pushboolean(L, n >= 0);
    lua_insert(L, n >= 0 ? -n - 1 : -2);
    return n >= 0 ? n + 1 : 2;
}

/* Calls Lua's own close (upvalue 1) on co, which is on top and goes; its handlers run under the
 * budget. Leaves its two results; an error of close itself is raised. */
static void close_thread(lua_State *L, lua_State *co)
{
    tl_host *h = *tl__slot(L);
    if (!*tl__slot(co))
        luaL_error(L, "cannot close a coroutine that was stopped");
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, -2);
    atomic_store(&h->current, co);
    int base = lua_gettop(L) - 2;
    int status = lua_pcall(L, 1, LUA_MULTRET, 0);
    atomic_store(&h->current, L);
    tl__check_failed(L, status);
    if (status != LUA_OK)
        lua_error(L);
    lua_settop(L, base + 2); /* true, or false and the error */
    if (lua_type(L, -1) == LUA_TSTRING)
        tl__check_failed(L, LUA_ERRRUN);
}

static int guarded_close(lua_State *L)
{
    lua_State *co = check_thread(L, 1);
    lua_settop(L, 1);
    close_thread(L, co);
    if (!lua_toboolean(L, -2))
        return 2;
    lua_pop(L, 1);
    return 1;
}

/* Upvalues: Lua's close, the thread. */
static int wrapped(lua_State *L)
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(2));
    int n = resume(L, co, lua_gettop(L));
    if (n >= 0)
        return n;
    int status = lua_status(co);
    if (status != LUA_OK && status != LUA_YIELD) { /* it died: close its variables */
        lua_pushvalue(L, lua_upvalueindex(2));
        close_thread(L, co);
        if (lua_toboolean(L, -2))
            lua_pop(L, 2); /* the first error stands */
    }
    if (lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int guarded_wrap(lua_State *L)
{
    guarded_create(L);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, -2);
    lua_pushcclosure(L, wrapped, 2);
    return 1;
}

/* sandbox.c gives each Lua's own coroutine.close as its first upvalue. */
const luaL_Reg tl__guarded_coroutine[] = {{"create", guarded_create},
                                          {"resume", guarded_resume},
                                          {"wrap", guarded_wrap},
                                          {"close", guarded_close},
                                          {NULL, NULL}};
