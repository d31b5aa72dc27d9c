/* test_execute in Lua: the primitives that test_execute.lua is written on.
 * SPDX-License-Identifier: MIT */
#include "modules/image/image_lua.h"
#include "modules/image/synthetic.h"
#include "modules/image/trial.h"
#include "runtime/border.h"

#include <lauxlib.h>
#include <string.h>

/* core.parameters(fn): their names. */
static int core_parameters(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    lua_Debug ar;
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_pushvalue(L, 1);
    if (!lua_getinfo(L, ">Su", &ar) || strcmp(ar.what, "C") == 0) {
        tl_fail(&e, TL_ESCRIPT, "test_execute needs a function written in Lua");
        return tl_raise(L, &e);
    }
    lua_createtable(L, ar.nparams, 0);
    lua_pushvalue(L, 1);
    for (int k = 1; k <= ar.nparams; k++) {
        const char *name = lua_getlocal(L, NULL, k); /* of the function on top */
        if (!name)
            break;
        lua_pushstring(L, name);
        lua_rawseti(L, 2, k);
    }
    lua_settop(L, 2);
    return 1;
}

/* core.synthetic({name, ...}, {type, ...}): an Image. */
static int core_synthetic(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    size_t n = lua_rawlen(L, 1);
    luaL_argcheck(L, n >= 1 && n <= 255, 1, "1 to 255 names");
    luaL_checkstack(L, (int)n + 8, NULL);
    const char **names = lua_newuserdatauv(L, n * sizeof *names, 0);
    tl_dtype *types = lua_newuserdatauv(L, n * sizeof *types, 0);
    for (size_t k = 0; k < n; k++) {
        lua_rawgeti(L, 1, (lua_Integer)k + 1); /* stays: the stack holds the text */
        names[k] = luaL_checkstring(L, -1);
        lua_rawgeti(L, 2, (lua_Integer)k + 1);
        const char *type = luaL_tolstring(L, -1, NULL);
        if (tl_dtype_from_name(type, &types[k])) {
            tl_fail(&e, TL_ESCRIPT,
                    "types: '%s' is no cell type; there are uint8 int8 uint16 int16 uint32 int32 "
                    "uint64 int64 float32 float64",
                    type);
            return tl_raise(L, &e);
        }
        lua_pop(L, 2);
    }
    const char *where = tl_script_line(L);
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    tl_source *s = tl_synthetic_new((int)n, names, types);
    *box = tl_image_of_source(s, where);
    tl_source_unref(s);
    return 1;
}

/* --- the trial -----------------------------------------------------------------------------------
 */

/* A list with n, nil where a cell is not valid. */
static void push_row(lua_State *L, const tl_trial_cell *cell, int n)
{
    lua_createtable(L, n, 1);
    for (int k = 0; k < n; k++) {
        if (!cell[k].valid)
            continue;
        if (cell[k].type == TL_F)
            lua_pushnumber(L, cell[k].x.f);
        else
            lua_pushinteger(L, cell[k].x.i);
        lua_rawseti(L, -2, k + 1);
    }
    tl_set_integer(L, "n", n);
}

static void push_names(lua_State *L, const tl_image *img, int as_stored)
{
    lua_createtable(L, img->nbands, 0);
    for (int b = 0; b < img->nbands; b++) {
        const tl_node *n = img->band[b].node;
        lua_createtable(L, 0, 2);
        tl_set_string(L, "name", img->band[b].name);
        tl_set_string(L, "type",
                      as_stored ? tl_dtype_name(n->source->bands[n->band].dtype)
                                : tl_type_name(n->type));
        lua_rawseti(L, -2, b + 1);
    }
}

static void push_raised(lua_State *L, const tl_trial *t)
{
    lua_createtable(L, 0, 5);
    tl_set_integer(L, "column", t->first.col);
    tl_set_integer(L, "row", t->first.row);
    if (t->first.line)
        tl_set_integer(L, "line", t->first.line);
    if (t->first.reason[0])
        tl_set_string(L, "reason", t->first.reason);
    push_row(L, t->raised_cell, t->input->nbands);
    lua_setfield(L, -2, "input");
}

static void push_trial(lua_State *L, const tl_trial *t, const tl_call *call)
{
    int columns = t->input->nbands + t->result->nbands;
    lua_createtable(L, 0, 16);
    tl_set_boolean(L, "compiled", call->compiled);
    if (call->reason && !call->compiled)
        tl_set_string(L, "reason", call->reason);
    if (call->reason_where && call->reason_where[0] && !call->compiled)
        tl_set_string(L, "reason_where", call->reason_where);
    if (call->compiled)
        tl_set_number(L, "ns_compiled", t->ns);
    if (!call->compiled || t->twin)
        tl_set_number(L, "ns_interpreted", call->compiled ? t->ns_twin : t->ns);
    tl_set_boolean(L, "equal", t->equal);
    tl_set_boolean(L, "split_equal", t->split_equal);
    tl_set_integer(L, "pixels", t->pixels);
    tl_set_integer(L, "valid", t->valid);
    tl_set_integer(L, "raised", t->raised);
    push_names(L, t->input, 1);
    lua_setfield(L, -2, "bands");
    push_names(L, t->result, 0);
    lua_setfield(L, -2, "results");
    if (t->raised) {
        push_raised(L, t);
        lua_setfield(L, -2, "first_raised");
    }
    lua_createtable(L, t->nrows, 0);
    for (int k = 0; k < t->nrows; k++) {
        push_row(L, t->cell + k * columns, columns);
        lua_rawseti(L, -2, k + 1);
    }
    lua_setfield(L, -2, "sample");
}

/* core.is_compiled(img): of a result of execute. */
static int core_is_compiled(lua_State *L)
{
    const tl_node *n = tl_image_check(L, 1)->band[0].node;
    lua_pushboolean(L, n->kind == TL_NODE_RESULT && n->call->compiled);
    return 1;
}

/* core.trial(input, result, twin or nil): the table of findings. */
static int core_trial(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_trial t = {.input = tl_image_check(L, 1),
                  .result = tl_image_check(L, 2),
                  .twin = lua_isnoneornil(L, 3) ? NULL : tl_image_check(L, 3)};
    const tl_node *in = t.input->band[0].node, *n = t.result->band[0].node;
    luaL_argcheck(L, in->kind == TL_NODE_BAND && tl_is_synthetic(in->source), 1, "a synthetic one");
    luaL_argcheck(L, n->kind == TL_NODE_RESULT, 2, "a result of execute");
    size_t columns = (size_t)(t.input->nbands + t.result->nbands);
    t.cell = lua_newuserdatauv(L, (TL_TRIAL_ROWS + 1) * columns * sizeof *t.cell, 0);
    t.raised_cell = t.cell + TL_TRIAL_ROWS * columns;
    if (tl_trial_run(&t, &e))
        return tl_raise(L, &e);
    push_trial(L, &t, n->call);
    return 1;
}

extern const unsigned char tl_lua_modules_image_test_execute[];
extern const size_t tl_lua_modules_image_test_execute_len;

void tl_test_open_lua(lua_State *L);

/* The globals are at the top of the stack and stay there. */
void tl_test_open_lua(lua_State *L)
{
    static const luaL_Reg functions[] = {{"parameters", core_parameters},
                                         {"synthetic", core_synthetic},
                                         {"is_compiled", core_is_compiled},
                                         {"trial", core_trial},
                                         {NULL, NULL}};
    tl_core_push(L);
    luaL_setfuncs(L, functions, 0);
    lua_pushvalue(L, -2);
    tl_loads(L, tl_lua_modules_image_test_execute, tl_lua_modules_image_test_execute_len,
             "=[tellua test_execute]", 2, 0);
}
