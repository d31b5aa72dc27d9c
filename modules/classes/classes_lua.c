/* Classes in Lua: see classes_lua.h. SPDX-License-Identifier: MIT */
#include "modules/classes/classes_lua.h"
#include "modules/batch/gridding.h"
#include "modules/batch/read_lua.h"
#include "modules/classes/whole.h"
#include "modules/image/image_lua.h"
#include "modules/raster/raster.h"
#include "runtime/border.h"
#include "runtime/json_lua.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* core.whole(img of one band, operation, diagonal, threshold, max, metres, levels, radius, step,
 * direction): an Image of the source's bands; checked before in Lua. */
static int core_whole(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_source *s = NULL;
    tl_whole_spec p = {0};
    const tl_image *img = tl_image_check(L, 1);
    luaL_argcheck(L, img->nbands == 1, 1, "one band");
    luaL_argcheck(L, tl_whole_op_from_name(luaL_checkstring(L, 2), &p.op) == 0, 2, "an operation");
    p.input = img->band[0].node;
    p.diagonal = lua_toboolean(L, 3);
    p.threshold = luaL_optinteger(L, 4, 0);
    p.max = luaL_optnumber(L, 5, 0);
    p.metres = lua_toboolean(L, 6);
    p.levels = (int)luaL_optinteger(L, 7, 0);
    p.radius = (int)luaL_optinteger(L, 8, 0);
    p.step = (int)luaL_optinteger(L, 9, 0);
    p.direction = (int)luaL_optinteger(L, 10, 0);
    const char *where = tl_script_line(L);
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    int rc = tl_native_grid(img, &p.grid, &e);
    if (!rc)
        rc = tl_whole_new(&p, &s, &e);
    if (!rc)
        *box = tl_image_of_source(s, where);
    tl_source_unref(s);
    return rc ? tl_raise(L, &e) : 1;
}

/* core.box(img) -> {W, S, E, N} of its native grid, in degrees */
static int core_box(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_grid g;
    double in[4], box[4];
    int rc = tl_native_grid(tl_image_check(L, 1), &g, &e);
    if (!rc && (!g.crs[0] || strcmp(g.crs, "LOCAL") == 0))
        rc = tl_fail(
            &e, TL_EDATA,
            "the file states no coordinate system, so places in degrees mean nothing there");
    if (!rc) {
        tl_grid_bounds(&g, in);
        rc = tl_crs_transform_box(g.crs, "EPSG:4326", in, box, &e);
    }
    if (rc)
        return tl_raise(L, &e);
    lua_createtable(L, 4, 0);
    for (int i = 0; i < 4; i++) {
        lua_pushnumber(L, box[i] > 180 && i == 2 ? box[i] - 360 : box[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

/* core.read_json(path) -> a table */
static int core_read_json(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    json_error_t why;
    tl_buf text = TL_BUF_INIT;
    const char *path = luaL_checkstring(L, 1);
    void **box = tl_json_box(L);
    int rc = tl_read_text(path, &text, &e);
    if (!rc) { /* what stands there is not said: it may be no model but somebody's words */
        *box = json_loadb(tl_buf_text(&text), text.len, 0, &why);
        rc = *box ? 0
                  : tl_fail(&e, TL_EDATA, "no JSON of a model: line %d, column %d", why.line,
                            why.column);
    }
    tl_buf_free(&text);
    if (rc) {
        tl_err_source(&e, path);
        return tl_raise(L, &e);
    }
    tl_json_push(L, *box);
    return 1;
}

static void release_text(void *p)
{
    free(p);
}

/* core.json_text(value) -> its JSON, which reads as the same numbers */
static int core_json_text(lua_State *L)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    tl_err e = TL_ERR_INIT;
    void **box = tl_json_box(L);
    *box = tl_json_from(L, 1, &e);
    if (!*box)
        return tl_raise(L, &e);
    tl_box_register(L, "tellua.json.text", "text", none, NULL, release_text);
    void **text = tl_box_push(L, "tellua.json.text");
    *text =
        json_dumps(*box, JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (!*text)
        return tl_raisef(L, TL_ENOMEM, "no memory for a text of JSON");
    lua_pushfstring(L, "%s\n", (char *)*text);
    return 1;
}

/* --- opening ------------------------------------------------------------------------------------
 */

/* In order: each gets core, the globals and the table that those of learning share. */
/* clang-format off */
#define EACH(X) \
    X(components) X(unmix) X(tables) X(dice) X(model) X(samples) X(forest) X(kmeans) \
    X(predict) X(train) X(accuracy)
/* clang-format on */
#define DECLARE(half) TL_HALF_DECLARE(tl_lua_modules_classes_##half)
#define ENTRY(half)   TL_HALF("=[tellua " #half "]", tl_lua_modules_classes_##half),
EACH(DECLARE)
static const tl_half halves[] = {EACH(ENTRY)};

void tl_classes_open_lua(lua_State *L)
{
    static const luaL_Reg functions[] = {{"whole", core_whole},
                                         {"box", core_box},
                                         {"read_json", core_read_json},
                                         {"json_text", core_json_text},
                                         {NULL, NULL}};
    tl_core_push(L);
    luaL_setfuncs(L, functions, 0);
    lua_pushvalue(L, -2); /* the globals */
    lua_newtable(L);
    tl_load_halves(L, halves, sizeof halves / sizeof *halves, 3);
    lua_pop(L, 3);
}
