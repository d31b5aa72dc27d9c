/* Places and geometries in Lua. SPDX-License-Identifier: MIT */
#include "modules/collection/place_lua.h"
#include "modules/batch/region.h"
#include "modules/collection/gazetteer.h"
#include "modules/image/image_lua.h"
#include "modules/raster/geometry.h"
#include "runtime/border.h"
#include "runtime/json_lua.h"
#include "runtime/mem.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#define GAZETTEER_TYPE "tellua.gazetteer"
#define GEOMETRY_TYPE  "tellua.geometry"

static void release_gazetteer(void *p)
{
    tl_gazetteer_close(p);
}

static void release_geometry(void *p)
{
    tl_geometry_free(p);
}

/* The state's gazetteer, opened at the first question. */
static tl_gazetteer *gazetteer(lua_State *L)
{
    static const char key;
    tl_err e = TL_ERR_INIT;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &key) == LUA_TNIL) {
        lua_pop(L, 1);
        void **box = tl_box_push(L, GAZETTEER_TYPE);
        if (tl_gazetteer_open(NULL, (tl_gazetteer **)box, &e))
            tl_raise(L, &e);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
    }
    tl_gazetteer *g = tl_box_check(L, -1, GAZETTEER_TYPE);
    lua_pop(L, 1);
    return g;
}

static void push_box(lua_State *L, const double box[4])
{
    lua_createtable(L, 4, 0);
    for (int i = 0; i < 4; i++) {
        lua_pushnumber(L, box[i]);
        lua_rawseti(L, -2, i + 1);
    }
}

/* core.place(name, buffer_km, country) -> {name=, region=, country=, lon=, lat=, population=, box=}
 */
static int core_place(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_place p;
    const char *name = luaL_checkstring(L, 1);
    double km = luaL_optnumber(L, 2, -1);
    const char *country = luaL_optstring(L, 3, NULL);
    luaL_argcheck(L, lua_isnoneornil(L, 2) || (km >= 0 && km <= 20000), 2,
                  "kilometres, from 0 to 20000");
    if (tl_gazetteer_find(gazetteer(L), name, km, country, &p, &e))
        return tl_raise(L, &e);
    lua_createtable(L, 0, 7);
    tl_set_string(L, "name", p.name);
    tl_set_string(L, "region", p.region);
    tl_set_string(L, "country", p.country);
    lua_pushnumber(L, p.lon);
    lua_setfield(L, -2, "lon");
    lua_pushnumber(L, p.lat);
    lua_setfield(L, -2, "lat");
    lua_pushinteger(L, p.population);
    lua_setfield(L, -2, "population");
    push_box(L, p.box);
    lua_setfield(L, -2, "box");
    return 1;
}

/* Pushes a box with the geometry that the value at idx describes. */
static tl_geometry *push_geometry(lua_State *L, int idx)
{
    tl_err e = TL_ERR_INIT;
    int t = lua_type(L, idx);
    if (t != LUA_TTABLE && t != LUA_TSTRING)
        tl_raisef(L, TL_ESCRIPT,
                  "a geometry expected (GeoJSON, {west, south, east, north}, a "
                  "path), got %s",
                  luaL_typename(L, idx));
    void **box = tl_box_push(L, GEOMETRY_TYPE);
    json_t *j = tl_json_from(L, idx, &e);
    int rc = j ? tl_geometry_of_user(j, (tl_geometry **)box, &e) : e.code;
    json_decref(j);
    if (rc)
        tl_raise(L, &e);
    return *box;
}

/* core.geometry(x) -> {geojson = text, box = {W, S, E, N}} */
static int core_geometry(lua_State *L)
{
    double box[4];
    const tl_geometry *g = push_geometry(L, 1);
    lua_createtable(L, 0, 2);
    char *text = tl_geometry_to_geojson(g);
    lua_pushstring(L, text); /* a raise for want of memory may lose it */
    free(text);
    lua_setfield(L, -2, "geojson");
    tl_geometry_box(g, box);
    push_box(L, box);
    lua_setfield(L, -2, "box");
    return 1;
}

/* core.geometry_mask(x) -> a boolean Image */
static int core_geometry_mask(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    const char *where = tl_script_line(L);
    const tl_geometry *g = push_geometry(L, 1);
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    return tl_region_mask(g, where, (tl_image **)box, &e) ? tl_raise(L, &e) : 1;
}

/* img:clip_to(x) */
static int image_clip_to(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    const char *where = tl_script_line(L);
    const tl_image *img = tl_image_check(L, 1);
    const tl_geometry *g = push_geometry(L, 2);
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    return tl_region_clip(img, g, where, (tl_image **)box, &e) ? tl_raise(L, &e) : 1;
}

void tl_place_open_lua(lua_State *L)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg functions[] = {{"place", core_place},
                                         {"geometry", core_geometry},
                                         {"geometry_mask", core_geometry_mask},
                                         {NULL, NULL}};
    static const luaL_Reg methods[] = {{"clip_to", image_clip_to}, {NULL, NULL}};
    tl_box_register(L, GAZETTEER_TYPE, "Gazetteer", none, NULL, release_gazetteer);
    tl_box_register(L, GEOMETRY_TYPE, "Geometry", none, NULL, release_geometry);
    tl_core_push(L);
    luaL_setfuncs(L, functions, 0);
    lua_getfield(L, -1, "methods");
    luaL_setfuncs(L, methods, 0);
    lua_pop(L, 2);
}
