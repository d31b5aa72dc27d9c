/* What the tests of compiled functions share: compile, run, and compare with stock Lua.
 * SPDX-License-Identifier: MIT */
#ifndef TL_TEST_FN_HELP_H
#define TL_TEST_FN_HELP_H

#include "tests/c/expr_help.h"
#include "modules/expr/fn.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#define MOST_ARGS  16
#define MOST_BANDS 16

/* Inputs of n pixels: integers or floats, and where they are valid. */
typedef struct fn_inputs {
    int n_args, any;
    size_t n;
    tl_dtype type[MOST_ARGS]; /* TL_I64 or TL_F64 */
    tl_num *cell[MOST_ARGS];
    uint8_t *valid[MOST_ARGS]; /* NULL = everywhere */
} fn_inputs;

typedef struct fn_outputs {
    int n_bands;
    tl_type type[MOST_BANDS];
    char name[MOST_BANDS][32];
    tl_num *cell[MOST_BANDS];
    uint8_t *valid[MOST_BANDS], *trap;
    int instructions;
} fn_outputs;

static inline void free_outputs(fn_outputs *o)
{
    for (int k = 0; k < o->n_bands; k++) {
        free(o->cell[k]);
        free(o->valid[k]);
    }
    free(o->trap);
    memset(o, 0, sizeof *o);
}

/* near(): pixel i's neighbour at (dx, dy) is pixel i + dx + 7 dy, in further input slots. */
#define MOST_NEAR 256
typedef struct fn_near {
    const fn_inputs *in;
    int n, arg[MOST_NEAR], shift[MOST_NEAR];
} fn_near;

static inline int near_shift(int dx, int dy)
{
    return dx + 7 * dy;
}

static inline int near_slot(void *ctx, tl_ir *ir, int arg, int dx, int dy, tl_val *value,
                            tl_val *valid, tl_err *e)
{
    fn_near *near = ctx;
    int k = 0, shift = near_shift(dx, dy);
    (void)e;
    while (k < near->n && (near->arg[k] != arg || near->shift[k] != shift))
        k++;
    if (k == near->n) {
        assert_true(near->n < MOST_NEAR);
        near->arg[near->n] = arg;
        near->shift[near->n++] = shift;
    }
    *value = tl_ir_load(ir, 100 + 2 * k, near->in->type[arg]);
    *valid = tl_ir_load_mask(ir, 101 + 2 * k);
    return 0;
}

static inline void bind(tl_ir *ir, const fn_inputs *in, tl_fn_arg *arg, int k)
{
    arg->value = NULL;
    arg->band = tl_ir_load(ir, 2 * k, in->type[k]);
    arg->valid = in->valid[k] ? tl_ir_load_mask(ir, 2 * k + 1) : TL_NONE;
}

static inline tl_fn *parsed(const char *text)
{
    tl_err e = TL_ERR_INIT;
    tl_fn *fn = NULL;
    if (tl_fn_parse(text, strlen(text), "=test", 1, 1, &fn, NULL, &e))
        fail_msg("%s\n%s", e.message, text);
    return fn;
}

/* The standard names, and a table or number of the test where `known` has the name. */
typedef tl_frozen *known_names(const char *name);

static inline tl_frozen **frozen_names(const tl_fn *fn, known_names *known)
{
    int n = tl_fn_n_free(fn);
    tl_frozen **v = tl_xcalloc((size_t)n + 1, sizeof *v);
    for (int k = 0; k < n; k++) {
        v[k] = known ? known(tl_fn_free(fn, k)) : NULL;
        if (!v[k])
            v[k] = tl_frozen_standard(tl_fn_free(fn, k));
        if (!v[k])
            v[k] = tl_frozen_nil();
    }
    return v;
}

static inline void fill_near(const fn_near *near, const void **input, void **to_free)
{
    for (int k = 0; k < near->n; k++) {
        const fn_inputs *in = near->in;
        int arg = near->arg[k];
        tl_num *cell = tl_xcalloc(in->n, sizeof *cell);
        uint8_t *valid = tl_xcalloc(in->n, 1);
        for (size_t i = 0; i < in->n; i++) {
            int64_t j = (int64_t)i + near->shift[k];
            if (j < 0 || j >= (int64_t)in->n)
                continue;
            cell[i] = in->cell[arg][j];
            valid[i] = in->valid[arg] ? in->valid[arg][j] : 1;
        }
        input[100 + 2 * k] = to_free[2 * k] = cell;
        input[101 + 2 * k] = to_free[2 * k + 1] = valid;
    }
}

static inline void run_fn(const tl_prog *p, const fn_inputs *in, const fn_near *near, fn_outputs *o)
{
    const void *input[100 + 2 * MOST_NEAR] = {NULL};
    void *output[2 * MOST_BANDS + 1] = {NULL}, *to_free[2 * MOST_NEAR] = {NULL};
    for (int k = 0; k < in->n_args; k++) {
        input[2 * k] = in->cell[k];
        input[2 * k + 1] = in->valid[k];
    }
    fill_near(near, input, to_free);
    for (int k = 0; k < o->n_bands; k++) {
        output[2 * k] = o->cell[k] = tl_xcalloc(in->n, sizeof *o->cell[k]);
        output[2 * k + 1] = o->valid[k] = tl_xcalloc(in->n, 1);
    }
    output[2 * o->n_bands] = o->trap = tl_xcalloc(in->n, 1);
    run(p, in->n, input, output);
    for (int k = 0; k < 2 * near->n; k++)
        free(to_free[k]);
}

/* Parameters are the inputs in order; then runs. 0, or the refusal's code. */
static inline int try_fn(const tl_fn *fn, const fn_inputs *in, known_names *known, fn_outputs *o,
                         tl_fn_fault *fault, tl_err *e)
{
    tl_ir *ir = tl_ir_new();
    tl_fn_arg params[MOST_ARGS], *frees;
    tl_frozen **names = frozen_names(fn, known);
    fn_near near = {.in = in};
    tl_fn_options options = {in->any, near_slot, &near};
    tl_fn_result *r = NULL;
    memset(o, 0, sizeof *o);
    assert_true(tl_fn_n_params(fn) <= in->n_args);
    for (int k = 0; k < tl_fn_n_params(fn); k++)
        bind(ir, in, &params[k], k);
    frees = tl_xcalloc((size_t)tl_fn_n_free(fn) + 1, sizeof *frees);
    for (int k = 0; k < tl_fn_n_free(fn); k++)
        frees[k] = (tl_fn_arg){names[k], TL_NONE, TL_NONE};
    int code = tl_fn_lower(fn, ir, params, frees, &options, &r, fault, e);
    if (!code) {
        assert_true(r->n_bands <= MOST_BANDS);
        for (int k = 0; k < r->n_bands; k++) {
            tl_type t = tl_ir_type(ir, r->band[k].value);
            o->type[k] = t;
            snprintf(o->name[k], sizeof o->name[k], "%s", r->band[k].name ? r->band[k].name : "");
            tl_ir_output(ir, 2 * k, r->band[k].value, t == TL_F ? TL_F64 : TL_I64);
            tl_ir_output(ir, 2 * k + 1, r->band[k].valid, TL_U8);
        }
        o->n_bands = r->n_bands;
        tl_ir_output(ir, 2 * r->n_bands, r->trap, TL_U8);
        tl_prog *p = NULL;
        code = tl_ir_compile(ir, &p, e);
        if (!code) {
            o->instructions = tl_prog_instructions(p);
            run_fn(p, in, &near, o);
        } else {
            o->n_bands = 0;
        }
        tl_prog_free(p);
    }
    tl_fn_result_free(r);
    for (int k = 0; k < tl_fn_n_free(fn); k++)
        tl_frozen_unref(names[k]);
    free(names);
    free(frees);
    tl_ir_free(ir);
    return code;
}

/* --- stock Lua as the judge ----------------------------------------------------------------- */

/* With the helpers; near is the test's own. */
static inline lua_State *judge(void)
{
    size_t len;
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    const char *prelude = tl_fn_prelude(&len);
    if (luaL_loadbuffer(L, prelude, len, "=prelude") || lua_pcall(L, 0, 0, 0))
        fail_msg("%s", lua_tostring(L, -1));
    return L;
}

static inline void push_input(lua_State *L, const fn_inputs *in, int arg, size_t i)
{
    if (in->valid[arg] && !in->valid[arg][i])
        lua_pushnil(L);
    else if (in->type[arg] == TL_I64)
        lua_pushinteger(L, in->cell[arg][i].i);
    else
        lua_pushnumber(L, in->cell[arg][i].f);
}

/* What the value on top of the stack must be in band k; NULL = it is that. */
static inline const char *compare_value(lua_State *L, const fn_outputs *o, int k, size_t i)
{
    tl_num got = o->cell[k][i];
    double want;
    int valid = o->valid[k][i];
    if (lua_isnoneornil(L, -1))
        return valid ? "valid, Lua returns nil" : NULL;
    if (lua_isboolean(L, -1) || lua_isinteger(L, -1)) {
        int64_t n = lua_isboolean(L, -1) ? lua_toboolean(L, -1) : lua_tointeger(L, -1);
        if (!valid)
            return "invalid, Lua returns an integer";
        if (o->type[k] == TL_F) {
            want = (double)n;
            return memcmp(&want, &got.f, sizeof want) ? "another float than the integer" : NULL;
        }
        return n == got.i ? NULL : "another integer";
    }
    want = lua_tonumber(L, -1);
    if (!(fabs(want) <= DBL_MAX))
        return valid ? "valid, Lua returns no finite number" : NULL;
    if (!valid)
        return "invalid, Lua returns a float";
    if (o->type[k] != TL_F)
        return "an integer, Lua returns a float";
    return memcmp(&want, &got.f, sizeof want) ? "another float" : NULL;
}

static inline const char *all_invalid(const fn_outputs *o, size_t i)
{
    for (int k = 0; k < o->n_bands; k++)
        if (o->valid[k][i])
            return "valid where nothing may be";
    return NULL;
}

/* The function is on top of L's stack and stays. NULL, or what differs at pixel i. */
static inline const char *compare_pixel(lua_State *L, const fn_inputs *in, const fn_outputs *o,
                                        int n_params, size_t i)
{
    int top = lua_gettop(L), missing = 0;
    const char *what = NULL;
    for (int k = 0; k < n_params; k++)
        missing |= in->valid[k] && !in->valid[k][i];
    if (missing && !in->any)
        return o->trap[i] ? "trapped without its inputs" : all_invalid(o, i);
    lua_pushvalue(L, top);
    for (int k = 0; k < n_params; k++)
        push_input(L, in, k, i);
    if (lua_pcall(L, n_params, LUA_MULTRET, 0)) {
        what = o->trap[i] ? all_invalid(o, i) : "no trap, Lua raises";
    } else if (o->trap[i]) {
        what = "trapped, Lua does not raise";
    } else {
        int n = lua_gettop(L) - top, table = n == 1 && lua_istable(L, -1);
        if (!table && n > o->n_bands)
            what = "fewer bands than Lua returns";
        for (int k = 0; k < o->n_bands && !what; k++) {
            if (table && o->name[k][0])
                lua_getfield(L, top + 1, o->name[k]);
            else if (table)
                lua_geti(L, top + 1, k + 1);
            else if (k < n)
                lua_pushvalue(L, top + 1 + k);
            else
                lua_pushnil(L);
            what = compare_value(L, o, k, i);
            lua_pop(L, 1);
        }
    }
    lua_settop(L, top);
    return what;
}

#endif
