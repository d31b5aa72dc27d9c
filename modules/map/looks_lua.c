/* How images look, from Lua: what looks.lua stands on. SPDX-License-Identifier: MIT */
#include "modules/map/looks_lua.h"
#include "modules/batch/evaluate.h"
#include "modules/image/image_lua.h"
#include "runtime/border.h"
#include "runtime/json_lua.h"

#include <lauxlib.h>

/* core.percentiles(img, {percent, ...}): a list per band of the values there; NaN where nothing is
 * valid. Reads the image's whole native grid at a small scale. */
static int percentiles(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    const tl_image *img = tl_image_check(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    size_t k = lua_rawlen(L, 2), n = (size_t)img->nbands;
    luaL_argcheck(L, k >= 1 && k <= 1000, 2, "1 to 1000 percentages");
    double *percent = lua_newuserdatauv(L, k * (n + 1) * sizeof *percent, 0), *x = percent + k;
    for (size_t i = 0; i < k; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        percent[i] = luaL_checknumber(L, -1);
        luaL_argcheck(L, percent[i] >= 0 && percent[i] <= 100, 2, "a percentage is 0 to 100");
        lua_pop(L, 1);
    }
    if (tl_percentiles(img, percent, (int)k, x, &e))
        return tl_raise(L, &e);
    lua_createtable(L, (int)n, 0);
    for (size_t b = 0; b < n; b++) {
        lua_createtable(L, (int)k, 0);
        for (size_t i = 0; i < k; i++) {
            lua_pushnumber(L, x[b * k + i]);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        lua_rawseti(L, -2, (lua_Integer)b + 1);
    }
    return 1;
}

/* --- for plans and the web ----------------------------------------------------------------------
 */

typedef struct request {
    const char *function; /* of core: f(img, looks) */
    const tl_image *img;
    const json_t *looks;
    tl_image *picture; /* one of these is the result, a reference */
    json_t *legend;
    tl_err *e;
} request;

/* Protected: the request -> nothing. */
static int answer(lua_State *L)
{
    request *r = lua_touserdata(L, 1);
    tl_core_push(L);
    lua_getfield(L, -1, r->function);
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    *box = tl_image_ref((tl_image *)(uintptr_t)r->img);
    tl_json_push(L, r->looks);
    lua_call(L, 2, 1);
    if (lua_istable(L, -1))
        r->legend = tl_json_from(L, -1, r->e);
    else
        r->picture = tl_image_ref(tl_image_check(L, -1));
    return 0;
}

static int ask(lua_State *L, request *r)
{
    if (!lua_checkstack(L, 4))
        return tl_fail(r->e, TL_ENOMEM, "the Lua stack is full");
    lua_pushcfunction(L, answer);
    lua_pushlightuserdata(L, r);
    int rc = tl_pcall(L, 1, 0, r->e);
    return rc ? rc : r->e->code;
}

int tl_looks_visualize(void *ctx, const tl_image *img, const json_t *looks, tl_image **out,
                       tl_err *e)
{
    request r = {"visualize_output", img, looks, NULL, NULL, e};
    int rc = ask(ctx, &r);
    if (!rc)
        *out = r.picture;
    return rc;
}

int tl_looks_legend(void *ctx, const tl_image *img, const json_t *looks, json_t **out, tl_err *e)
{
    request r = {"legend_output", img, looks, NULL, NULL, e};
    int rc = ask(ctx, &r);
    if (!rc)
        *out = r.legend;
    return rc;
}

/* --- opening
 * -------------------------------------------------------------------------------------- */

extern const unsigned char tl_lua_modules_map_blend[];
extern const size_t tl_lua_modules_map_blend_len;
extern const unsigned char tl_lua_modules_map_colors[], tl_lua_modules_map_paint[],
    tl_lua_modules_map_looks[];
extern const size_t tl_lua_modules_map_colors_len, tl_lua_modules_map_paint_len,
    tl_lua_modules_map_looks_len;

void tl_looks_open_lua(lua_State *L)
{
    int core = lua_gettop(L) + 1;
    luaL_checkstack(L, 8, NULL);
    tl_core_push(L);
    lua_pushcfunction(L, percentiles);
    lua_setfield(L, core, "percentiles");
    lua_pushvalue(L, core);
    tl_loads(L, tl_lua_modules_map_colors, tl_lua_modules_map_colors_len, "=[tellua colors]", 1, 1);
    lua_pushvalue(L, core);
    lua_pushvalue(L, core + 1);
    tl_loads(L, tl_lua_modules_map_paint, tl_lua_modules_map_paint_len, "=[tellua paint]", 2, 1);
    tl_loads(L, tl_lua_modules_map_looks, tl_lua_modules_map_looks_len, "=[tellua looks]", 3, 0);
    tl_core_push(L);
    tl_loads(L, tl_lua_modules_map_blend, tl_lua_modules_map_blend_len, "=[tellua blend]", 1, 0);
}
