/* Grids in Lua: Grid{crs=, res=, bbox=|bounds=, anchor=}. SPDX-License-Identifier: MIT */
#include "modules/image/image_lua.h"
#include "modules/raster/raster.h"
#include "runtime/border.h"
#include "runtime/mem.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

const tl_grid *tl_grid_check(lua_State *L, int idx)
{
    return tl_box_check(L, idx, TL_GRID_TYPE);
}

void tl_grid_push(lua_State *L, const tl_grid *g)
{
    void **box = tl_box_push(L, TL_GRID_TYPE);
    tl_grid *copy = tl_xmalloc(sizeof *copy);
    *copy = *g;
    *box = copy;
}

static int push_bounds(lua_State *L, const tl_grid *g)
{
    double box[4];
    tl_grid_bounds(g, box);
    lua_createtable(L, 4, 0);
    for (int i = 0; i < 4; i++) {
        lua_pushnumber(L, box[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* grid.crs, .x0 .y0 .dx .dy .col .row .w .h, .bounds = {xmin, ymin, xmax, ymax} in CRS units */
static int grid_index(lua_State *L)
{
    const tl_grid *g = tl_grid_check(L, 1);
    const char *key = luaL_checkstring(L, 2);
    const struct {
        const char *name;
        double x;
    } reals[] = {{"x0", g->x0}, {"y0", g->y0}, {"dx", g->dx}, {"dy", g->dy}};
    const struct {
        const char *name;
        int64_t x;
    } whole[] = {{"col", g->col}, {"row", g->row}, {"w", g->w}, {"h", g->h}};
    for (int i = 0; i < 4; i++) {
        if (strcmp(key, reals[i].name) == 0) {
            lua_pushnumber(L, reals[i].x);
            return 1;
        }
        if (strcmp(key, whole[i].name) == 0) {
            lua_pushinteger(L, whole[i].x);
            return 1;
        }
    }
    if (strcmp(key, "crs") == 0) {
        lua_pushstring(L, g->crs);
        return 1;
    }
    if (strcmp(key, "bounds") == 0)
        return push_bounds(L, g);
    return tl_raisef(L, TL_ESCRIPT, "a Grid has crs x0 y0 dx dy col row w h bounds, not '%s'", key);
}

static int grid_tostring(lua_State *L)
{
    const tl_grid *g = tl_grid_check(L, 1);
    char text[256];
    snprintf(
        text, sizeof text,
        "Grid: %.60s, %lld x %lld cells of %.10g x %.10g, cell (%lld, %lld) from (%.10g, %.10g)",
        g->crs[0] ? g->crs : "no CRS", (long long)g->w, (long long)g->h, g->dx, g->dy,
        (long long)g->col, (long long)g->row, g->x0, g->y0);
    lua_pushstring(L, text);
    return 1;
}

static int grid_eq(lua_State *L)
{
    lua_pushboolean(L, tl_grid_equal(tl_grid_check(L, 1), tl_grid_check(L, 2)));
    return 1;
}

/* A number, or a list of n numbers, in field `key` of the table at 1. Returns how many were read.
 */
static int numbers(lua_State *L, const char *key, double *x, int n)
{
    int got = 0, t = lua_getfield(L, 1, key);
    if (t == LUA_TNUMBER) {
        x[got++] = lua_tonumber(L, -1);
    } else if (t == LUA_TTABLE) {
        for (; got < n; got++) {
            if (lua_rawgeti(L, -1, got + 1) != LUA_TNUMBER)
                tl_raisef(L, TL_ESCRIPT, "Grid: %s needs %d numbers", key, n);
            x[got] = lua_tonumber(L, -1);
            lua_pop(L, 1);
        }
    } else if (t != LUA_TNIL) {
        tl_raisef(L, TL_ESCRIPT, "Grid: %s is a %s", key, lua_typename(L, t));
    }
    lua_pop(L, 1);
    return got;
}

static int bbox_to_grid(tl_grid *g, const double bbox[4], tl_err *e)
{
    double box[4] = {bbox[0], bbox[1], bbox[2], bbox[3]};
    int rc = tl_crs_transform_box("EPSG:4326", g->crs, bbox, box, e);
    return rc ? rc : tl_grid_cover(g, box[0], box[1], box[2], box[3], e);
}

/* Grid{crs = "EPSG:32633", res = 10 | {dx, dy}, anchor = {x, y} (the CRS origin),
 *      bbox = {W, S, E, N} in degrees | bounds = {xmin, ymin, xmax, ymax} in CRS units} */
static int grid_new(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_grid g = {0};
    double res[2], anchor[2] = {0, 0}, box[4];
    luaL_checktype(L, 1, LUA_TTABLE);
    if (lua_getfield(L, 1, "crs") != LUA_TSTRING)
        return tl_raisef(L, TL_ESCRIPT, "Grid needs crs = \"EPSG:...\"");
    if (tl_crs_canonical(lua_tostring(L, -1), &g.crs, &e))
        return tl_raise(L, &e);
    lua_pop(L, 1);
    int n = numbers(L, "res", res, 2);
    if (n < 1 || !(res[0] > 0) || (n == 2 && !(res[1] > 0)))
        return tl_raisef(L, TL_ESCRIPT,
                         "Grid needs res = a cell size above 0, in units of the CRS");
    g.dx = res[0];
    g.dy = res[n - 1];
    numbers(L, "anchor", anchor, 2);
    g.x0 = anchor[0];
    g.y0 = anchor[1];
    int rc;
    if (numbers(L, "bbox", box, 4) == 4)
        rc = bbox_to_grid(&g, box, &e);
    else if (numbers(L, "bounds", box, 4) == 4)
        rc = tl_grid_cover(&g, box[0], box[1], box[2], box[3], &e);
    else
        rc = tl_fail(&e, TL_ESCRIPT,
                     "Grid needs bbox = {W, S, E, N} in degrees, or bounds in units of the CRS");
    if (rc)
        return tl_raise(L, &e);
    tl_grid_push(L, &g);
    return 1;
}

/* globals at -2, core at -1 */
void tl_grid_open_lua(lua_State *L);
void tl_grid_open_lua(lua_State *L)
{
    static const luaL_Reg methods[] = {{NULL, NULL}};
    static const luaL_Reg metamethods[] = {
        {"__index", grid_index}, {"__tostring", grid_tostring}, {"__eq", grid_eq}, {NULL, NULL}};
    tl_box_register(L, TL_GRID_TYPE, "Grid", methods, metamethods, free);
    lua_pushcfunction(L, grid_new);
    lua_setfield(L, -3, "Grid");
}
