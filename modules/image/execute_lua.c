/* img:execute(fn, ...) and img:expr(text): users' functions on pixels, from Lua.
 * SPDX-License-Identifier: MIT */
#include "modules/image/call.h"
#include "modules/image/freeze_lua.h"
#include "modules/image/image_lua.h"
#include "modules/image/theil_sen_lua.h"
#include "runtime/border.h"
#include "runtime/buf.h"
#include "runtime/mem.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* Everything a call is made of until it is made; freed whatever happens. */
typedef struct {
    lua_State *L;
    const tl_image *img;
    tl_fn *fn;
    int args, named; /* stack: list of further arguments (or 0), table of named ones (or 0) */
    int nargs, used; /* of the list */
    tl_bound *param, *free;
    tl_node **node;
    int nnodes;
    const char **bands;
    tl_call_spec spec;
    const char *where;
} maker;

static int add_node(maker *m, tl_node *n)
{
    for (int i = 0; i < m->nnodes; i++)
        if (m->node[i] == n)
            return i;
    m->node = tl_xrealloc(m->node, (size_t)(m->nnodes + 1) * sizeof *m->node);
    m->node[m->nnodes] = n;
    return m->nnodes++;
}

/* The value on top of the stack: an Image of one band, or something to freeze. Pops it. */
static int bind_top(maker *m, const char *name, tl_bound *b, tl_err *e)
{
    const tl_image *img = tl_box_test(m->L, -1, TL_IMAGE_TYPE);
    if (img && img->nbands != 1)
        tl_fail(e, TL_ESCRIPT, "'%s' is an Image of %d bands; select one", name, img->nbands);
    else if (img)
        b->arg = add_node(m, img->band[0].node);
    else
        b->value = tl_freeze(m->L, -1, e);
    lua_pop(m->L, 1);
    return e->code;
}

/* A band of that name, else a named argument. Returns 1 when bound. */
static int bind_by_name(maker *m, const char *name, tl_bound *b, tl_err *e)
{
    int band = tl_image_find(m->img, name);
    if (m->named) {
        lua_pushstring(m->L, name);
        if (lua_rawget(m->L, m->named) != LUA_TNIL) {
            bind_top(m, name, b, e);
            return 1;
        }
        lua_pop(m->L, 1);
    }
    if (band >= 0)
        b->arg = add_node(m, m->img->band[band].node);
    return band >= 0;
}

static int unbound(const maker *m, const char *name, tl_err *e)
{
    char bands[400];
    return tl_fail(
        e, TL_ESCRIPT,
        "parameter '%s' is neither a band (%s) nor given: execute got %d further argument%s", name,
        tl_image_band_list(m->img, bands, sizeof bands), m->nargs, m->nargs == 1 ? "" : "s");
}

static int bind_params(maker *m, tl_err *e)
{
    int n = tl_fn_n_params(m->fn);
    m->param = tl_xcalloc((size_t)n, sizeof *m->param);
    for (int k = 0; k < n && !e->code; k++) {
        const char *name = tl_fn_param(m->fn, k);
        if (bind_by_name(m, name, &m->param[k], e))
            continue;
        if (m->used >= m->nargs)
            return unbound(m, name, e);
        lua_rawgeti(m->L, m->args, ++m->used);
        bind_top(m, name, &m->param[k], e);
    }
    if (!e->code && m->used < m->nargs)
        return tl_fail(e, TL_ESCRIPT, "execute got %d further arguments, the function takes %d",
                       m->nargs, m->used);
    return e->code;
}

/* fn_at: the Lua function on the stack, 0 for an expression. */
static int bind_frees(maker *m, int fn_at, tl_err *e)
{
    int n = tl_fn_n_free(m->fn);
    m->free = tl_xcalloc((size_t)n, sizeof *m->free);
    for (int k = 0; k < n && !e->code; k++) {
        const char *name = tl_fn_free(m->fn, k);
        if (fn_at) {
            m->free[k].value = tl_freeze_free(m->L, fn_at, m->fn, k, e);
        } else if (!bind_by_name(m, name, &m->free[k], e)) {
            m->free[k].value = tl_frozen_standard(name);
            char bands[400];
            if (!m->free[k].value)
                tl_fail(e, TL_ESCRIPT,
                        "'%s' in the expression is neither a band (%s) nor a function", name,
                        tl_image_band_list(m->img, bands, sizeof bands));
        }
    }
    return e->code;
}

/* --- options
 * -------------------------------------------------------------------------------------------- */

static const char *option(maker *m, const char *key)
{
    lua_pushstring(m->L, key);
    const char *s =
        m->named && lua_rawget(m->L, m->named) == LUA_TSTRING ? lua_tostring(m->L, -1) : NULL;
    lua_pop(m->L, 1);
    return s; /* the table holds it */
}

static int choice(maker *m, const char *key, const char *const *words, int *out, tl_err *e)
{
    const char *s = option(m, key);
    for (int i = 0; s && words[i]; i++)
        if (strcmp(words[i], s) == 0) {
            *out = i;
            return 0;
        }
    return s ? tl_fail(e, TL_ESCRIPT, "%s = \"%s\": there are %s, %s%s%s", key, s, words[0],
                       words[1], words[2] ? ", " : "", words[2] ? words[2] : "")
             : 0;
}

static int read_bands(maker *m, tl_err *e)
{
    lua_State *L = m->L;
    lua_pushstring(L, "bands");
    if (lua_rawget(L, m->named) == LUA_TTABLE) {
        int n = (int)lua_rawlen(L, -1);
        m->bands = tl_xcalloc((size_t)n, sizeof *m->bands);
        for (int i = 0; i < n && !e->code; i++) {
            if (lua_rawgeti(L, -1, i + 1) == LUA_TSTRING)
                m->bands[i] = tl_intern(lua_tostring(L, -1));
            else
                tl_fail(e, TL_ESCRIPT, "bands = {...} holds names");
            lua_pop(L, 1);
        }
        m->spec.nbands = n;
        m->spec.bands = m->bands;
    } else if (!lua_isnil(L, -1)) {
        tl_fail(e, TL_ESCRIPT, "bands = {...} is a list of names");
    }
    lua_pop(L, 1);
    return e->code;
}

static int is_known(const maker *m, const char *key)
{
    static const char *const options[] = {"compile", "valid", "on_error", "bands", NULL};
    for (int i = 0; options[i]; i++)
        if (strcmp(options[i], key) == 0)
            return 1;
    for (int k = 0; k < tl_fn_n_params(m->fn); k++)
        if (strcmp(tl_fn_param(m->fn, k), key) == 0)
            return 1;
    for (int k = 0; tl_fn_is_expr(m->fn) && k < tl_fn_n_free(m->fn); k++)
        if (strcmp(tl_fn_free(m->fn, k), key) == 0)
            return 1;
    return 0;
}

static int check_names(maker *m, tl_err *e)
{
    lua_State *L = m->L;
    lua_pushnil(L);
    while (lua_next(L, m->named)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING || !is_known(m, lua_tostring(L, -1))) {
            const char *key = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "a number";
            tl_fail(e, TL_ESCRIPT,
                    "'%s' is no parameter of the function and no option (compile, valid, on_error, "
                    "bands)",
                    key);
            lua_pop(L, 1);
            return e->code;
        }
    }
    return 0;
}

static int read_options(maker *m, tl_err *e)
{
    static const char *const compile[] = {"auto", "require", "never", NULL};
    static const char *const valid[] = {"strict", "any", NULL};
    static const char *const on_error[] = {"count", "fail", NULL};
    int how = 0;
    if (!m->named)
        return 0;
    if (check_names(m, e) || choice(m, "compile", compile, &how, e) ||
        choice(m, "valid", valid, &m->spec.any, e) ||
        choice(m, "on_error", on_error, &m->spec.fail, e))
        return e->code;
    m->spec.compile = (tl_compile)how; /* ORDER tl_compile */
    return read_bands(m, e);
}

/* --- making the call
 * -------------------------------------------------------------------------------------- */

static void free_maker(maker *m)
{
    for (int k = 0; m->param && k < tl_fn_n_params(m->fn); k++)
        tl_frozen_unref(m->param[k].value);
    for (int k = 0; m->free && k < tl_fn_n_free(m->fn); k++)
        tl_frozen_unref(m->free[k].value);
    tl_fn_unref(m->fn);
    free(m->param);
    free(m->free);
    free(m->node);
    free(m->bands);
}

static int make(maker *m, int fn_at, tl_image **out, tl_err *e)
{
    tl_call *call = NULL;
    if (read_options(m, e) || bind_params(m, e) || bind_frees(m, fn_at, e))
        return e->code;
    m->spec.fn = m->fn;
    m->spec.param = m->param;
    m->spec.free = m->free;
    m->spec.arg = m->node;
    m->spec.nargs = m->nnodes;
    m->spec.where = m->where;
    int rc = m->nnodes ? tl_call_new(&m->spec, &call, e)
                       : tl_fail(e, TL_ESCRIPT,
                                 "the function uses no band; its parameters are named like bands");
    if (rc)
        return rc;
    const char **names = tl_xcalloc((size_t)call->nresults, sizeof *names);
    tl_node **nodes = tl_xcalloc((size_t)call->nresults, sizeof *nodes);
    for (int k = 0; k < call->nresults; k++) {
        names[k] = call->result[k].name;
        nodes[k] = tl_call_node(call, k);
    }
    *out = tl_image_new(names, nodes, call->nresults, NULL);
    for (int k = 0; k < call->nresults; k++)
        tl_node_unref(nodes[k]);
    free(names);
    free(nodes);
    tl_call_unref(call);
    return 0;
}

static int done(lua_State *L, maker *m, int rc, tl_err *e)
{
    free_maker(m);
    if (rc) {
        tl_err_where(e, m->where);
        return tl_raise(L, e);
    }
    return 1;
}

/* core.execute(img, fn, {args}, {named} or nil) */
static int core_execute(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    maker m = {.L = L, .img = tl_image_check(L, 1), .args = 3, .where = tl_script_line(L)};
    luaL_checktype(L, 2, LUA_TFUNCTION);
    luaL_checktype(L, 3, LUA_TTABLE);
    luaL_checkstack(L, 20, NULL);
    lua_settop(L, 4);
    m.named = lua_istable(L, 4) ? 4 : 0;
    lua_getfield(L, 3, "n");
    m.nargs = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    int rc = tl_find_function(L, 2, &m.fn, &e);
    if (!rc)
        rc = make(&m, 2, (tl_image **)box, &e);
    return done(L, &m, rc, &e);
}

/* core.expr(img, text, {named} or nil) */
static int core_expr(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    size_t len;
    maker m = {.L = L, .img = tl_image_check(L, 1), .where = tl_script_line(L)};
    const char *text = luaL_checklstring(L, 2, &len);
    luaL_checkstack(L, 20, NULL);
    lua_settop(L, 3);
    m.named = lua_istable(L, 3) ? 3 : 0;
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    int rc = tl_expr_parse(text, len, "=expr", 1, &m.fn, NULL, &e);
    if (!rc)
        rc = make(&m, 0, (tl_image **)box, &e);
    return done(L, &m, rc, &e);
}

/* near, called where no program runs. */
static int lua_near(lua_State *L)
{
    return tl_raisef(L, TL_ESCRIPT, "near(BAND, dx, dy) works inside a function given to execute");
}

void tl_execute_open_lua(lua_State *L);

/* globals at -2, core at -1 */
void tl_execute_open_lua(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"execute", core_execute}, {"expr", core_expr}, {NULL, NULL}};
    size_t len;
    const char *helpers = tl_fn_prelude(&len);
    luaL_setfuncs(L, functions, 0);
    lua_pushcfunction(L, lua_near);
    lua_setfield(L, -3, "near");
    lua_pushvalue(L, -2);
    tl_theil_sen_open_lua(L);
    lua_pop(L, 1);
    if (luaL_loadbufferx(L, helpers, len, "=[tellua helpers]", "t"))
        lua_error(L);
    lua_pushvalue(L, -3); /* nd, clamp, lerp, step become the script's globals */
    lua_setupvalue(L, -2, 1);
    lua_call(L, 0, 0);
    lua_pushvalue(L, -2);
    tl_freeze_open_lua(L);
    lua_pop(L, 1);
}
