/* The view's half in C: see view_lua.h. SPDX-License-Identifier: MIT */
#include "repl/view_lua.h"
#include "modules/batch/plan.h"
#include "modules/image/image_lua.h"
#include "modules/map/looks_lua.h"
#include "modules/map/picture.h"
#include "modules/raster/raster.h"
#include "repl/check.h"
#include "runtime/border.h"
#include "runtime/json_lua.h"

#include <lauxlib.h>
#include <string.h>

static tl_viewer *viewer(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static int room(lua_State *L)
{
    int64_t w, h;
    tl_picture_room(stdout, &w, &h);
    lua_pushinteger(L, w);
    lua_pushinteger(L, h);
    return 2;
}

/* The image at idx, or of the outputs the first. */
static const tl_image *image_at(lua_State *L, int idx)
{
    const tl_script *shown = &viewer(L)->shown;
    if (!lua_isnoneornil(L, idx))
        return tl_image_check(L, idx);
    if (!shown->noutputs)
        tl_raisef(L, TL_ESCRIPT, "nothing is shown yet");
    return shown->output[0].image;
}

static int box(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_grid g;
    double own[4], degrees[4];
    if (tl_native_grid(image_at(L, 1), &g, &e))
        return tl_raise(L, &e);
    if (!g.crs[0] || strcmp(g.crs, "LOCAL") == 0)
        return 0;
    tl_grid_bounds(&g, own);
    if (tl_crs_transform_box(g.crs, "EPSG:4326", own, degrees, &e))
        return tl_raise(L, &e);
    for (int i = 0; i < 4; i++)
        lua_pushnumber(L, degrees[i]);
    return 4;
}

/* Size and place of the view, from the arguments at idx on; *placed says whether there is one. */
static int read_view(lua_State *L, int idx, int64_t size[2], tl_grid *g, int *placed, tl_err *e)
{
    size[0] = luaL_checkinteger(L, idx);
    size[1] = luaL_checkinteger(L, idx + 1);
    *placed = !lua_isnoneornil(L, idx + 2);
    if (!*placed)
        return 0;
    return tl_zoom_grid(luaL_checknumber(L, idx + 2), luaL_checknumber(L, idx + 3),
                        luaL_checknumber(L, idx + 4), size[0], size[1], g, e);
}

static int show_script(lua_State *L, const tl_script *s, const char *png, const int64_t size[2],
                       const tl_grid *at, tl_err *e)
{
    const tl_viewer *v = viewer(L);
    tl_view target = {.png = png, .threads = v->cli->threads, .cancel = &v->t->cancel};
    tl_plan_request r = {.view = 1,
                         .view_w = size[0],
                         .view_h = size[1],
                         .viewport = at,
                         .visualize = tl_looks_visualize,
                         .ctx = L};
    tl_plan *plan = NULL;
    int rc = tl_plan_make(s, &r, &plan, e);
    if (!rc)
        rc = tl_view_show(&target, plan, e);
    tl_plan_free(plan);
    return rc;
}

/* As an output of its own. */
static int show_image(lua_State *L, tl_image *img, json_t *looks, const char *png,
                      const int64_t size[2], const tl_grid *at, tl_err *e)
{
    tl_output o = {.name = "image", .where = tl_script_line(L), .image = img, .options = looks};
    tl_script s = {.output = &o, .noutputs = 1};
    return show_script(L, &s, png, size, at, e);
}

/* show(img, looks, png, w, h[, lon, lat, zoom]) */
static int show(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_grid g;
    int64_t size[2];
    int placed, outputs = lua_isnoneornil(L, 1);
    tl_image *img = outputs ? NULL : tl_image_check(L, 1);
    const char *png = luaL_optstring(L, 3, NULL);
    int rc = read_view(L, 4, size, &g, &placed, &e);
    const tl_grid *at = placed ? &g : NULL;
    if (!rc && outputs) {
        rc = show_script(L, &viewer(L)->shown, png, size, at, &e);
    } else if (!rc) {
        json_t *looks = lua_istable(L, 2) ? tl_json_from(L, 2, &e) : json_object();
        rc = looks ? show_image(L, img, looks, png, size, at, &e) : e.code;
        json_decref(looks);
    }
    return rc ? tl_raise(L, &e) : 0;
}

/* --- check --------------------------------------------------------------------------------------
 */

static void push_row(lua_State *L, const char *band, const tl_check_band *b)
{
    char where[64];
    lua_createtable(L, 0, 9);
    lua_pushstring(L, band);
    lua_setfield(L, -2, "band");
    tl_set_integer(L, "compared", b->compared);
    tl_set_integer(L, "equal", b->equal);
    tl_set_integer(L, "only", b->only);
    tl_set_number(L, "mean", b->compared ? b->sum / (double)b->compared : 0);
    tl_set_number(L, "most", b->most);
    tl_set_number(L, "shown", b->shown);
    tl_set_number(L, "full", b->full);
    snprintf(where, sizeof where, "%.6f, %.6f", b->place[0], b->place[1]);
    lua_pushstring(L, where);
    lua_setfield(L, -2, "where");
}

static void set_cell(lua_State *L, const char *key, const tl_grid *g)
{
    char text[64];
    snprintf(text, sizeof text, "%.6g %s", g->dx, tl_crs_unit(g->crs));
    lua_pushstring(L, text);
    lua_setfield(L, -2, key);
}

/* check(img, n, seed, w, h[, lon, lat, zoom]) */
static int check(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    const tl_image *img = tl_image_check(L, 1);
    tl_check c = {.img = img,
                  .n = luaL_checkinteger(L, 2),
                  .seed = (uint64_t)luaL_checkinteger(L, 3),
                  .cancel = &viewer(L)->t->cancel};
    int64_t size[2];
    int placed;
    int rc = read_view(L, 4, size, &c.view, &placed, &e);
    if (!rc)
        rc = tl_native_grid(img, &c.own, &e);
    if (!rc && !placed) {
        c.view = c.own;
        tl_fit_grid(&c.view, size[0], size[1]);
    }
    c.band = lua_newuserdatauv(L, (size_t)img->nbands * sizeof *c.band, 0);
    memset(c.band, 0, (size_t)img->nbands * sizeof *c.band);
    if (rc || tl_check_run(&c, &e))
        return tl_raise(L, &e);
    lua_createtable(L, img->nbands, 3);
    tl_set_integer(L, "n", c.done);
    set_cell(L, "cell", &c.view);
    set_cell(L, "own_cell", &c.own);
    for (int b = 0; b < img->nbands; b++) {
        push_row(L, img->band[b].name, &c.band[b]);
        lua_rawseti(L, -2, b + 1);
    }
    return 1;
}

void tl_viewer_push(lua_State *L, tl_viewer *v)
{
    static const luaL_Reg functions[] = {
        {"room", room}, {"box", box}, {"show", show}, {"check", check}, {NULL, NULL}};
    luaL_newlibtable(L, functions);
    lua_pushlightuserdata(L, v);
    luaL_setfuncs(L, functions, 1);
}
