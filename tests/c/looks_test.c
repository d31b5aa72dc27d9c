/* How images look: runs tests/lua/looks_cases.lua with rasters to look at.
 * SPDX-License-Identifier: MIT */
#include "modules/image/image_lua.h"
#include "modules/map/looks_lua.h"
#include "modules/raster/raster.h"
#include "runtime/border.h"
#include "runtime/json_lua.h"
#include "runtime/session.h"

#include <gdal.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

static tellua *host;
static int files;

static void fill_band(lua_State *L, GDALRasterBandH band, int w)
{
    for (int x = 0; x < w; x++) {
        lua_rawgeti(L, -1, x + 1);
        double v = lua_tonumber(L, -1);
        if (GDALRasterIO(band, GF_Write, x, 0, 1, 1, &v, 1, 1, GDT_Float64, 0, 0))
            luaL_error(L, "no raster");
        lua_pop(L, 1);
    }
}

/* The table at idx, {[class] = {r, g, b}}, as the band's palette. */
static void fill_palette(lua_State *L, int idx, GDALRasterBandH band)
{
    GDALColorTableH table = GDALCreateColorTable(GPI_RGB);
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        GDALColorEntry c = {0, 0, 0, 255};
        short *part[3] = {&c.c1, &c.c2, &c.c3};
        for (int i = 0; i < 3; i++) {
            lua_rawgeti(L, -1, i + 1);
            *part[i] = (short)lua_tointeger(L, -1);
            lua_pop(L, 1);
        }
        GDALSetColorEntry(table, (int)lua_tointeger(L, -2), &c);
    }
    GDALSetRasterColorTable(band, table);
    GDALDestroyColorTable(table);
}

/* raster(type, {{band 1}, {band 2} ...}[, palette]) -> an Image of one row; -9, and 250 in bytes,
 * is nodata */
static int raster(lua_State *L)
{
    char path[80];
    double place[6] = {500000, 10, 0, 5000000, 0, -10};
    GDALDataType type = GDALGetDataTypeByName(luaL_checkstring(L, 1));
    lua_settop(L, 3);
    int n = (int)lua_rawlen(L, 2);
    lua_rawgeti(L, 2, 1);
    int w = (int)lua_rawlen(L, -1);
    snprintf(path, sizeof path, "/vsimem/looks-%d.tif", ++files);
    GDALDatasetH ds = GDALCreate(GDALGetDriverByName("GTiff"), path, w, 1, n, type, NULL);
    GDALSetGeoTransform(ds, place);
    if (lua_istable(L, 3))
        fill_palette(L, 3, GDALGetRasterBand(ds, 1));
    for (int b = 1; b <= n; b++) {
        lua_rawgeti(L, 2, b);
        GDALSetRasterNoDataValue(GDALGetRasterBand(ds, b), type == GDT_Byte ? 250 : -9);
        fill_band(L, GDALGetRasterBand(ds, b), w);
        lua_pop(L, 1);
    }
    GDALClose(ds);
    lua_getglobal(L, "Image");
    lua_pushstring(L, path);
    lua_call(L, 1, 1);
    return 1;
}

/* A list per band of img: numbers, false where invalid. */
static int push_cells(lua_State *L, const tl_image *img)
{
    tellua_grid g;
    if (tellua_native_grid(host, img, &g))
        return luaL_error(L, "%s", tellua_message(host));
    size_t n = (size_t)(g.w * g.h), nb = (size_t)img->nbands;
    double *values = lua_newuserdatauv(L, n * nb * 9, 0);
    uint8_t *valid = (uint8_t *)(values + n * nb);
    if (tellua_evaluate(host, img, &g, TELLUA_FLOAT64, values, valid))
        return luaL_error(L, "%s", tellua_message(host));
    lua_newtable(L);
    for (size_t b = 0; b < nb; b++) {
        lua_newtable(L);
        for (size_t i = 0; i < n; i++) {
            if (valid[b * n + i])
                lua_pushnumber(L, values[b * n + i]);
            else
                lua_pushboolean(L, 0);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        lua_rawseti(L, -2, (lua_Integer)b + 1);
    }
    return 1;
}

static int cells(lua_State *L)
{
    return push_cells(L, tl_image_check(L, 1));
}

static const tl_output *find_output(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    for (int i = 0; i < host->script.noutputs; i++)
        if (strcmp(host->script.output[i].name, name) == 0)
            return &host->script.output[i];
    luaL_error(L, "no output %s", name);
    return NULL;
}

/* shown(output's name) -> cells of its picture, as a plan gets it */
static int shown(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    const tl_output *o = find_output(L);
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    int top = lua_gettop(L);
    if (tl_looks_visualize(L, o->image, o->options, (tl_image **)box, &e))
        return tl_raise(L, &e);
    if (lua_gettop(L) != top)
        return luaL_error(L, "the stack was left in disorder");
    return push_cells(L, *box);
}

/* shown_legend(output's name) -> table */
static int shown_legend(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    json_t *legend = NULL;
    const tl_output *o = find_output(L);
    if (tl_looks_legend(L, o->image, o->options, &legend, &e))
        return tl_raise(L, &e);
    tl_json_push(L, legend);
    json_decref(legend);
    return 1;
}

int main(void)
{
    GDALAllRegister();
    host = tellua_open(NULL);
    if (!host)
        return 1;
    lua_State *L = tellua_lua(host);
    lua_register(L, "raster", raster);
    lua_register(L, "cells", cells);
    lua_register(L, "shown", shown);
    lua_register(L, "shown_legend", shown_legend);
    int rc = tellua_run_file(host, "tests/lua/looks_cases.lua");
    if (rc)
        printf("Bail out! %s\n", tellua_message(host));
    tellua_close(host);
    return rc != 0;
}
