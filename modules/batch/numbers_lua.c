/* Numbers of scripts as Images, and Images as numbers. SPDX-License-Identifier: MIT */
#include "modules/batch/plan_lua.h"
#include "modules/batch/evaluate.h"
#include "modules/batch/gridding.h"
#include "modules/image/image_lua.h"
#include "modules/raster/numbers.h"
#include "runtime/border.h"
#include "runtime/mem.h"

#include <jansson.h>
#include <lauxlib.h>
#include <math.h>
#include <string.h>

/* --- in -----------------------------------------------------------------------------------------
 */

static json_t *cell_json(lua_State *L, int idx)
{
    if (lua_isinteger(L, idx))
        return json_integer(lua_tointeger(L, idx));
    double x = lua_tonumber(L, idx);
    return lua_type(L, idx) != LUA_TNUMBER || isnan(x) ? json_null()
           : isinf(x)                                  ? json_string(x > 0 ? "inf" : "-inf")
                                                       : json_real(x);
}

/* Of the flat list on top: {"name", "dtype", "cells"}. The smallest type that holds all whole
 * numbers; float64 where one is a float. */
static json_t *band_json(lua_State *L, const char *name)
{
    json_t *cells = json_array();
    int64_t lo = INT64_MAX, hi = INT64_MIN;
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    int floats = 0;
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        json_t *v = cell_json(L, -1);
        if (json_is_integer(v)) {
            lo = json_integer_value(v) < lo ? json_integer_value(v) : lo;
            hi = json_integer_value(v) > hi ? json_integer_value(v) : hi;
        }
        floats |= json_is_real(v) || json_is_string(v);
        json_array_append_new(cells, v);
        lua_pop(L, 1);
    }
    const char *type = floats    ? "float64"
                       : lo > hi ? "uint8" /* nothing is valid */
                                 : tl_dtype_name(tl_dtype_smallest(lo, hi));
    return json_pack("{s:s, s:s, s:o}", "name", name, "dtype", type, "cells", cells);
}

static tl_grid plain_grid(int64_t w, int64_t h)
{
    return (tl_grid){.crs = tl_intern(""), .dx = 1, .dy = 1, .w = w, .h = h};
}

/* core.numbers(name, cells, w, h, grid or nil): an Image of one band; cells: a list of w * h
 * numbers, whatever is none and NaN are invalid. Checked in Lua. */
static int core_numbers(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    const char *name = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    int64_t w = luaL_checkinteger(L, 3), h = luaL_checkinteger(L, 4);
    tl_grid g = lua_isnoneornil(L, 5) ? plain_grid(w, h) : *tl_grid_check(L, 5);
    if (g.w != w || g.h != h)
        return tl_raisef(L, TL_ESCRIPT, "Image: %d rows of %d numbers for a grid of %d x %d cells",
                         (int)h, (int)w, (int)g.w, (int)g.h);
    const char *where = tl_script_line(L);
    tl_source *s = NULL;
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    lua_pushvalue(L, 2);
    json_t *bands = json_array();
    json_array_append_new(bands, band_json(L, name));
    lua_pop(L, 1);
    int rc = tl_numbers_source(&g, bands, &s, &e);
    json_decref(bands);
    if (rc)
        return tl_raise(L, &e);
    *box = tl_image_of_source(s, where);
    tl_source_unref(s);
    return 1;
}

/* --- out ----------------------------------------------------------------------------------------
 */

typedef struct {
    int n;
    tl_grid grid;
    tl_dtype *type;
    void **values;
    uint8_t **valid;
} block;

static int compute(const tl_image *img, const block *b, tl_err *e)
{
    tl_pass *pass = NULL;
    tl_node **nodes = tl_xcalloc((size_t)b->n, sizeof *nodes);
    for (int i = 0; i < b->n; i++)
        nodes[i] = img->band[i].node;
    tl_pass_spec spec = {b->grid, nodes, b->type, b->n, NULL, NULL};
    int rc = tl_pass_new(&spec, &pass, e);
    free(nodes);
    if (!rc)
        rc = tl_evaluate(pass, &b->grid, b->n, b->type, 0, NULL, b->values, b->valid, e);
    tl_pass_free(pass);
    return rc;
}

/* Buffers that Lua frees, whatever is raised. */
static block new_block(lua_State *L, const tl_image *img, const tl_grid *g)
{
    size_t n = (size_t)img->nbands, cells = (size_t)(g->w * g->h);
    block b = {.n = img->nbands, .grid = *g};
    b.type = lua_newuserdatauv(L, n * sizeof *b.type, 0);
    b.values = lua_newuserdatauv(L, n * sizeof *b.values, 0);
    b.valid = lua_newuserdatauv(L, n * sizeof *b.valid, 0);
    luaL_checkstack(L, 2 * img->nbands + 8, NULL);
    for (int i = 0; i < b.n; i++) {
        b.type[i] = img->band[i].node->type == TL_F ? TL_F64 : TL_I64;
        b.values[i] = lua_newuserdatauv(L, cells * 8, 0);
        b.valid[i] = lua_newuserdatauv(L, cells, 0);
    }
    return b;
}

static void push_band(lua_State *L, const block *b, int k)
{
    lua_createtable(L, (int)b->grid.h, 0);
    for (int64_t row = 0; row < b->grid.h; row++) {
        lua_createtable(L, (int)b->grid.w, 0);
        for (int64_t col = 0; col < b->grid.w; col++) {
            int64_t i = row * b->grid.w + col;
            if (!b->valid[k][i])
                lua_pushnumber(L, NAN);
            else if (b->type[k] == TL_F64)
                lua_pushnumber(L, ((const double *)b->values[k])[i]);
            else
                lua_pushinteger(L, ((const int64_t *)b->values[k])[i]);
            lua_rawseti(L, -2, col + 1);
        }
        lua_rawseti(L, -2, row + 1);
    }
}

/* img:values([grid]): rows of numbers of one band; of several a table of these by name. */
static int image_values(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    const tl_image *img = tl_image_check(L, 1);
    tl_grid g;
    lua_settop(L, 2);
    if (!lua_isnil(L, 2))
        g = *tl_grid_check(L, 2);
    else if (tl_native_grid(img, &g, &e))
        return tl_raise(L, &e);
    if (g.w > TL_MOST_NUMBERS || g.h > TL_MOST_NUMBERS || g.w * g.h > TL_MOST_NUMBERS / img->nbands)
        return tl_raisef(L, TL_ESCRIPT,
                         "values: %lld x %lld cells of %d bands; at most %d numbers, so give a "
                         "coarser or smaller Grid",
                         (long long)g.w, (long long)g.h, img->nbands, TL_MOST_NUMBERS);
    block b = new_block(L, img, &g);
    if (compute(img, &b, &e))
        return tl_raise(L, &e);
    if (img->nbands == 1) {
        push_band(L, &b, 0);
        return 1;
    }
    lua_createtable(L, 0, img->nbands);
    for (int k = 0; k < b.n; k++) {
        push_band(L, &b, k);
        lua_setfield(L, -2, img->band[k].name);
    }
    return 1;
}

void tl_numbers_open_lua(lua_State *L)
{
    tl_core_push(L);
    lua_pushcfunction(L, core_numbers);
    lua_setfield(L, -2, "numbers");
    lua_getfield(L, -1, "methods");
    lua_pushcfunction(L, image_values);
    lua_setfield(L, -2, "values");
    lua_pop(L, 2);
}
