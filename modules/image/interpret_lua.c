/* The interpreter of users' functions: see interpret_lua.h. SPDX-License-Identifier: MIT
 *
 * Pixels are called one after the other under one protected call; where one raises, the rest goes
 * on under the next. What a state holds lies on its stack: the function, the table of its free
 * names, then what `kept` numbers. */
#include "modules/image/interpret_lua.h"
#include "modules/image/call.h"
#include "modules/image/thaw_lua.h"
#include "runtime/host.h"
#include "runtime/mem.h"

#include <float.h>
#include <inttypes.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FUNCTION = 1, VALUES = 2 }; /* places on the stack */

/* A parameter, or a free name that is a band. */
typedef struct place {
    int arg;  /* the call's band; -1 = a value */
    int kept; /* the value, or the free name's text */
    tl_type type;
} place;

typedef struct interpreter_state {
    tl_thaw thaw; /* first: its address is what refusals know */
    tl_host *host;
    const tl_call *call; /* the pass holds it */
    int stopped;         /* the host said so within this run */
    int counted;         /* how many results there are is known */
    int nkept, key;      /* key + k: name of result k in a table; key + nresults + k: its other */
    int nparams, nfrees, nused;
    place *param, *free;
    int *used; /* bands whose validity counts */
    char name[200], said[200];
    int said_line;
    /* The run. */
    size_t next, end;
    const void *const *args;
    const uint8_t *const *valid;
    void *const *results;
    uint8_t *const *results_valid;
    uint8_t *raised;
} interpreter_state;

/* --- opening ------------------------------------------------------------------------------------
 */

static int keep(lua_State *L, interpreter_state *s)
{
    luaL_checkstack(L, 8, "a function on pixels");
    return s->nkept = lua_gettop(L);
}

static void use_band(interpreter_state *s, int arg)
{
    for (int k = 0; k < s->nused; k++)
        if (s->used[k] == arg)
            return;
    s->used[s->nused++] = arg;
}

static void bind_params(lua_State *L, interpreter_state *s)
{
    const tl_call *c = s->call;
    for (int k = 0; k < tl_fn_n_params(c->fn); k++) {
        place *p = &s->param[s->nparams++];
        *p = (place){-1, 0, TL_F};
        if (c->param[k].value) {
            tl_thaw_value(L, &s->thaw, c->param[k].value);
            p->kept = keep(L, s);
        } else {
            p->arg = c->param[k].arg;
            p->type = c->arg[p->arg]->type;
            use_band(s, p->arg);
        }
    }
}

/* Bands of an expression are its parameters. */
static void bind_frees(lua_State *L, interpreter_state *s)
{
    const tl_call *c = s->call;
    for (int k = 0; k < tl_fn_n_free(c->fn); k++) {
        if (c->free[k].value)
            continue;
        int arg = c->free[k].arg, is_expr = tl_fn_is_expr(c->fn);
        place p = {arg, 0, c->arg[arg]->type};
        use_band(s, arg);
        if (!is_expr) {
            lua_pushstring(L, tl_fn_free(c->fn, k));
            p.kept = keep(L, s);
        }
        *(is_expr ? &s->param[s->nparams++] : &s->free[s->nfrees++]) = p;
    }
}

/* Of a function whose results are not known the table's fields are found by name or by place. */
static void keep_keys(lua_State *L, interpreter_state *s)
{
    const tl_call *c = s->call;
    s->key = s->nkept + 1;
    for (int other = 0; other < 2; other++)
        for (int k = 0; k < c->nresults; k++) {
            const char *name = c->result[k].key;
            if (!name && !s->counted)
                name = c->result[k].name;
            if (name && !other)
                lua_pushstring(L, name);
            else if (name && s->counted)
                lua_pushboolean(L, 0);
            else
                lua_pushinteger(L, k + 1);
            keep(L, s);
        }
}

static int build(lua_State *L)
{
    interpreter_state *s = lua_touserdata(L, 1);
    const tl_call *c = s->call;
    int n = tl_fn_n_free(c->fn);
    lua_settop(L, 0);
    tl_thaw_prepare(L, &s->thaw);
    const tl_frozen **values = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *values, 0);
    for (int k = 0; k < n; k++)
        values[k] = c->free[k].value;
    tl_thaw_function(L, &s->thaw, c->fn, values);
    lua_remove(L, 1);
    keep(L, s);
    bind_params(L, s);
    bind_frees(L, s);
    keep_keys(L, s);
    return s->nkept;
}

static void name_function(interpreter_state *s)
{
    const tl_fn *fn = s->call->fn;
    const char *chunk = tl_fn_chunk(fn);
    snprintf(s->name, sizeof s->name, "the %s at %.100s:%d",
             tl_fn_is_expr(fn) ? "expression" : "function",
             chunk + (*chunk == '@' || *chunk == '='), tl_fn_line(fn));
}

static void close_state(void *state)
{
    interpreter_state *s = state;
    if (!s)
        return;
    tl_host_close(s->host);
    free(s->param);
    free(s->free);
    free(s->used);
    free(s);
}

static tl_limits limits = {.memory = TL_INTERPRET_MEMORY,
                           .instructions = TL_INTERPRET_INSTRUCTIONS};

static int open_state(const tl_call *c, void **state, tl_err *e)
{
    interpreter_state *s = tl_xcalloc(1, sizeof *s);
    size_t params = (size_t)tl_fn_n_params(c->fn), frees = (size_t)tl_fn_n_free(c->fn);
    s->call = c;
    s->counted = c->counted;
    s->param = tl_xcalloc(params + frees, sizeof *s->param);
    s->free = tl_xcalloc(frees, sizeof *s->free);
    s->used = tl_xcalloc(params + frees, sizeof *s->used);
    name_function(s);
    int rc = tl_host_open(&limits, &s->host, e);
    if (!rc) {
        lua_State *L = tl_host_lua(s->host);
        lua_pushcfunction(L, build);
        lua_pushlightuserdata(L, s);
        rc = tl_host_call(s->host, 1, LUA_MULTRET, e);
        if (rc)
            tl_err_prefix(e, "%s", s->name);
    }
    if (rc)
        close_state(s);
    else
        *state = s;
    return rc;
}

/* --- results ------------------------------------------------------------------------------------
 */

static void set_invalid(const interpreter_state *s, size_t p)
{
    for (int k = 0; k < s->call->nresults; k++) {
        s->results_valid[k][p] = 0;
        if (s->call->result[k].type == TL_B)
            ((uint8_t *)s->results[k])[p] = 0;
        else
            ((int64_t *)s->results[k])[p] = 0;
    }
}

static int store_number(lua_State *L, tl_type type, void *to, size_t p, int idx)
{
    if (type == TL_F) {
        double x = lua_isinteger(L, idx) ? (double)lua_tointeger(L, idx) : lua_tonumber(L, idx);
        int ok = fabs(x) <= DBL_MAX;
        ((double *)to)[p] = ok ? x : 0;
        return ok;
    }
    double x = lua_tonumber(L, idx);
    if (!lua_isinteger(L, idx) && x != x)
        return 0;
    lua_Integer i;
    if (type == TL_B)
        return luaL_error(L, "a returned value is a number, not a boolean");
    if (lua_isinteger(L, idx))
        i = lua_tointeger(L, idx);
    else if (!lua_numbertointeger(x, &i) || (double)i != x)
        return luaL_error(L, "a returned value is a float, not an integer");
    ((int64_t *)to)[p] = i;
    return 1;
}

/* Result k of pixel p from the value at idx; raises when it is none. */
static void store(lua_State *L, const interpreter_state *s, int k, size_t p, int idx)
{
    tl_type type = s->call->result[k].type;
    uint8_t *valid = &s->results_valid[k][p];
    void *to = s->results[k];
    int yes;
    switch (lua_type(L, idx)) {
    case LUA_TNUMBER:
        *valid = (uint8_t)store_number(L, type, to, p, idx);
        break;
    case LUA_TBOOLEAN:
        yes = lua_toboolean(L, idx);
        *valid = 1;
        if (type == TL_F)
            ((double *)to)[p] = yes;
        else if (type == TL_I)
            ((int64_t *)to)[p] = yes;
        else
            ((uint8_t *)to)[p] = (uint8_t)yes;
        break;
    case LUA_TNIL:
        *valid = 0;
        break;
    default:
        luaL_error(L, "a returned value is a %s, not a number", luaL_typename(L, idx));
    }
}

/* Ends the run: what the function returns does not fit to the bands it was said to have. */
static void misfit(lua_State *L, interpreter_state *s, const char *what)
{
    if (!s->thaw.fatal.code)
        tl_fail(&s->thaw.fatal, TL_ESCRIPT,
                "it returns %s, and has %d band%s: name them all with bands = {...}", what,
                s->call->nresults, s->call->nresults == 1 ? "" : "s");
    luaL_error(L, "bands");
}

/* The table on top; no code of the script is run. */
static void store_table(lua_State *L, interpreter_state *s, size_t p)
{
    int t = lua_gettop(L), n = s->call->nresults, some = 0;
    tl_thaw_behind(L, t);
    for (int k = 0; k < n; k++) {
        lua_pushvalue(L, s->key + k);
        if (lua_rawget(L, t) == LUA_TNIL) {
            lua_pop(L, 1);
            lua_pushvalue(L, s->key + n + k);
            lua_rawget(L, t);
        }
        some |= !lua_isnil(L, -1);
        store(L, s, k, p, t + 1);
        lua_settop(L, t);
    }
    lua_pushnil(L);
    if (!some && !s->counted && lua_next(L, t))
        misfit(L, s, "a table of other names");
    lua_settop(L, t);
}

static void store_results(lua_State *L, interpreter_state *s, size_t p, int base)
{
    int n = lua_gettop(L) - base, want = s->call->nresults;
    if (n == 1 && lua_type(L, base + 1) == LUA_TTABLE) {
        store_table(L, s, p);
        return;
    }
    for (int k = want; k < n && !s->counted; k++)
        if (!lua_isnil(L, base + 1 + k))
            misfit(L, s, "more values");
    lua_settop(L, base + want);
    for (int k = 0; k < want; k++)
        store(L, s, k, p, base + 1 + k);
}

/* --- pixels -------------------------------------------------------------------------------------
 */

static int is_complete(const interpreter_state *s, size_t p)
{
    for (int k = 0; k < s->nused; k++)
        if (!s->valid[s->used[k]][p])
            return 0;
    return 1;
}

static void push_band(lua_State *L, const interpreter_state *s, const place *a, size_t p)
{
    if (!s->valid[a->arg][p])
        lua_pushnil(L);
    else if (a->type == TL_F)
        lua_pushnumber(L, ((const double *)s->args[a->arg])[p]);
    else
        lua_pushinteger(L, ((const int64_t *)s->args[a->arg])[p]);
}

/* Stack: what is kept. From s->next on, until the end or an error of pixel s->next. */
static int run_pixels(lua_State *L)
{
    interpreter_state *s = lua_touserdata(L, -1);
    int base = lua_gettop(L);
    luaL_checkstack(L, s->nparams + s->call->nresults + 8, "a function on pixels");
    for (; s->next < s->end; s->next++) {
        size_t p = s->next;
        if (!s->call->any && !is_complete(s, p)) {
            set_invalid(s, p);
            continue;
        }
        for (int k = 0; k < s->nfrees; k++) {
            lua_pushvalue(L, s->free[k].kept);
            push_band(L, s, &s->free[k], p);
            lua_rawset(L, VALUES);
        }
        lua_pushvalue(L, FUNCTION);
        for (int k = 0; k < s->nparams; k++)
            if (s->param[k].arg < 0)
                lua_pushvalue(L, s->param[k].kept);
            else
                push_band(L, s, &s->param[k], p);
        lua_call(L, s->nparams, LUA_MULTRET);
        set_invalid(s, p);
        store_results(L, s, p, base);
        lua_settop(L, base);
    }
    return 0;
}

/* Whether the error on top ends the run, and is not the pixel's alone. */
static int is_fatal(lua_State *L, interpreter_state *s, int status)
{
    s->stopped |= tl_host_stopping(s->host);
    return s->thaw.fatal.code || s->stopped || status == LUA_ERRMEM ||
           (lua_type(L, -1) == LUA_TSTRING && /* as lauxlib's buffers say it */
            strcmp(lua_tostring(L, -1), "not enough memory") == 0);
}

/* "chunk:7: text" */
static void note_said(interpreter_state *s, const char *text)
{
    for (const char *p = strchr(text, ':'); p; p = strchr(p + 1, ':')) {
        size_t n = strspn(p + 1, "0123456789");
        if (n > 0 && n < 9 && p[n + 1] == ':' && p[n + 2] == ' ') {
            s->said_line = atoi(p + 1);
            text = p + n + 3;
            break;
        }
    }
    snprintf(s->said, sizeof s->said, "%s", text);
}

/* Stack: what is kept, the state. */
static int run_protected(lua_State *L)
{
    interpreter_state *s = lua_touserdata(L, -1);
    int n = lua_gettop(L);
    luaL_checkstack(L, n + 1, "a function on pixels");
    for (;;) {
        lua_pushcfunction(L, run_pixels);
        for (int k = 1; k <= n; k++)
            lua_pushvalue(L, k);
        int status = lua_pcall(L, n, 0, 0);
        if (status == LUA_OK)
            return 0;
        if (is_fatal(L, s, status))
            return lua_error(L);
        if (!s->said[0] && lua_type(L, -1) == LUA_TSTRING)
            note_said(s, lua_tostring(L, -1));
        lua_settop(L, n);
        set_invalid(s, s->next);
        s->raised[s->next++] = 1;
    }
}

static int fail_run(const interpreter_state *s, int code, tl_err *e)
{
    if (s->thaw.fatal.code) {
        *e = s->thaw.fatal;
    } else if (s->stopped && code == TL_ESCRIPT && limits.instructions > 0) {
        char where[sizeof e->where];
        snprintf(where, sizeof where, "%s", e->where);
        tl_fail(e, code, "it runs too long, over %" PRId64 " instructions for %d pixels",
                TL_INTERPRET_INSTRUCTIONS, TL_INTERPRET_PIXELS);
        tl_err_where(e, where);
    } else if (code == TL_ENOMEM) {
        tl_fail(e, code, "not enough memory: it may hold %zu MiB", limits.memory >> 20);
    }
    return tl_err_prefix(e, "%s", s->name);
}

static int run_some(interpreter_state *s, tl_err *e)
{
    lua_State *L = tl_host_lua(s->host);
    if (!lua_checkstack(L, s->nkept + 2))
        return tl_fail(e, TL_ENOMEM, "not enough memory for %s", s->name);
    lua_pushcfunction(L, run_protected);
    for (int k = 1; k <= s->nkept; k++)
        lua_pushvalue(L, k);
    lua_pushlightuserdata(L, s);
    int rc = tl_host_call(s->host, s->nkept + 1, 0, e);
    return rc || s->thaw.fatal.code ? fail_run(s, rc, e) : 0;
}

static int run_state(void *state, size_t n, const void *const *args, const uint8_t *const *valid,
                     void *const *results, uint8_t *const *results_valid, uint8_t *raised,
                     tl_err *e)
{
    interpreter_state *s = state;
    int rc = 0;
    s->args = args;
    s->valid = valid;
    s->results = results;
    s->results_valid = results_valid;
    s->raised = raised;
    s->stopped = 0;
    s->said[0] = 0;
    s->said_line = 0;
    s->thaw.fatal = (tl_err)TL_ERR_INIT;
    for (s->next = 0; s->next < n && !rc;) {
        s->end = n - s->next < TL_INTERPRET_PIXELS ? n : s->next + TL_INTERPRET_PIXELS;
        rc = run_some(s, e);
    }
    return rc;
}

static const char *first_said(const void *state, int *line)
{
    const interpreter_state *s = state;
    *line = s->said_line;
    return s->said;
}

void tl_interpreter_install(void)
{
    static const tl_interpreter in = {open_state, run_state, close_state, first_said};
    tl_set_interpreter(&in);
}

void tl_interpreter_install_with(const tl_limits *l)
{
    limits = *l;
    tl_interpreter_install();
}

tl_host *tl_interpreter_host(void *state)
{
    return ((interpreter_state *)state)->host;
}
