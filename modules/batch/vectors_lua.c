/* Cells into features and back, from Lua: what vectors.lua stands on. SPDX-License-Identifier: MIT
 */
#include "modules/batch/evaluate.h"
#include "modules/batch/gridding.h"
#include "modules/batch/zones_lua.h"
#include "modules/image/image_lua.h"
#include "modules/raster/burn.h"
#include "modules/raster/featurefile.h"
#include "modules/raster/geometry.h"
#include "modules/raster/vectorize.h"
#include "runtime/border.h"
#include "runtime/cancel.h"
#include "runtime/json_lua.h"
#include "runtime/mem.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* --- cells into features ------------------------------------------------------------------------
 */

typedef struct {
    tl_raw_cells raw;
    int whole;
    tl_buf text;
    int64_t count;
} cells;

static int grid_of(const tl_image *img, const json_t *o, tl_grid *out, tl_err *e)
{
    tl_grid native;
    tl_where where;
    int rc = tl__where_of_json(o, &where, e);
    if (!rc)
        rc = tl_native_grid(img, &native, e);
    if (!rc)
        rc = tl_resolve_grid(&native, &where, out, e);
    if (!rc && out->w * out->h > TL_VECTORIZE_CELLS)
        rc = tl_fail(e, TL_ESCRIPT,
                     "%lld x %lld cells are too many to become features at once: at most %lld; cut "
                     "a region, or take a larger res",
                     (long long)out->w, (long long)out->h, TL_VECTORIZE_CELLS);
    return rc;
}

static int evaluate(const tl_image *img, cells *c, tl_err *e)
{
    tl_pass *pass = NULL;
    tl_dtype type = TL_F64;
    const tl_node *n = img->band[0].node;
    c->whole = n->type != TL_F && n->lo >= INT32_MIN && n->hi <= INT32_MAX;
    tl_node *node = img->band[0].node;
    tl_raw_cells *raw = &c->raw;
    tl_pass_spec spec = {raw->grid, &node, &type, 1, NULL, NULL};
    size_t count = (size_t)(raw->grid.w * raw->grid.h);
    int rc = tl_pass_new(&spec, &pass, e);
    if (!rc)
        rc = tl_try_alloc((void **)&raw->values, count, sizeof *raw->values, "all cells", e);
    if (!rc)
        rc = tl_try_alloc((void **)&raw->valid, count, 1, "all cells", e);
    void *values = raw->values;
    if (!rc)
        rc = tl_evaluate(pass, &raw->grid, 1, &type, 0, NULL, &values, &raw->valid, e);
    tl_pass_free(pass);
    return rc;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int levels_of(const json_t *o, tl_levels *l, tl_err *e)
{
    const json_t *levels = json_object_get(o, "levels"), *base = json_object_get(o, "base"), *v;
    size_t i;
    l->n = (int)json_array_size(levels);
    l->level = tl_xcalloc((size_t)l->n + 1, sizeof *l->level);
    json_array_foreach(levels, i, v) l->level[i] = json_number_value(v);
    qsort(l->level, (size_t)l->n, sizeof *l->level, ascending);
    l->interval = json_number_value(json_object_get(o, "interval"));
    l->base = base ? json_number_value(base) : 0;
    return l->n || l->interval > 0
               ? 0
               : tl_fail(e, TL_ESCRIPT, "contours: interval is a number above 0");
}

static int make(const tl_image *img, const char *kind, const json_t *o, cells *c, tl_err *e)
{
    tl_levels levels = {0, 0, NULL, 0};
    int contours = kind[0] == 'c';
    int rc = contours ? levels_of(o, &levels, e) : 0;
    if (!rc)
        rc = grid_of(img, o, &c->raw.grid, e);
    if (!rc)
        rc = evaluate(img, c, e);
    if (!rc && contours)
        rc = tl_contours(&c->raw, &levels, &c->text, &c->count, e);
    else if (!rc)
        rc =
            tl_polygonize(&c->raw, c->whole, json_integer_value(json_object_get(o, "connect")) == 8,
                          &c->text, &c->count, e);
    free(levels.level);
    return rc;
}

/* core.vectorize(img, "polygonize" | "contours", options) -> GeoJSON, number of features */
static int core_vectorize(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    const tl_image *img = tl_image_check(L, 1);
    const char *kind = luaL_checkstring(L, 2);
    cells c = {.raw.cancel = tl_obeyed(), .text = TL_BUF_INIT};
    luaL_argcheck(L, img->nbands == 1, 1, "one band");
    json_t *o = tl_json_from(L, 3, &e);
    int rc = o ? make(img, kind, o, &c, &e) : e.code;
    json_decref(o);
    free(c.raw.values);
    free(c.raw.valid);
    if (!rc)
        lua_pushstring(L, tl_buf_text(&c.text)); /* a raise for want of memory may lose it */
    tl_buf_free(&c.text);
    if (rc)
        return tl_raise(L, &e);
    lua_pushinteger(L, c.count);
    return 2;
}

/* core.feature_file(geojson, format, name of the layer) -> bytes */
static int core_feature_file(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_buf out = TL_BUF_INIT;
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    int rc = tl_feature_file(text, len, luaL_checkstring(L, 2), luaL_checkstring(L, 3), &out, &e);
    if (!rc)
        lua_pushlstring(L, tl_buf_text(&out), out.len); /* a raise for want of memory may lose it */
    tl_buf_free(&out);
    return rc ? tl_raise(L, &e) : 1;
}

/* --- features into cells ------------------------------------------------------------------------
 */

typedef struct {
    const json_t *value;   /* of all, or NULL */
    const char *attribute; /* or by name */
    json_t *list;
} burning;

static int add_feature(void *ctx, int64_t id, const tl_geometry *g, const json_t *attributes,
                       tl_err *e)
{
    burning *b = ctx;
    const json_t *v = b->attribute ? json_object_get(attributes, b->attribute) : b->value;
    if (!g || json_is_null(v))
        return 0;
    if (!v)
        return tl_fail(e, TL_ESCRIPT, "feature %lld has no attribute '%s'", (long long)id,
                       b->attribute);
    if (!json_is_number(v))
        return tl_fail(e, TL_ESCRIPT, "attribute '%s' of feature %lld is no number", b->attribute,
                       (long long)id);
    json_array_append_new(b->list,
                          json_pack("{s:o, s:O}", "geometry", tl_geometry_to_json(g), "value", v));
    return 0;
}

/* core.burn(features, {value = number | attribute = name, touched = boolean}) -> Image */
static int core_burn(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    const char *where = tl_script_line(L);
    tl_source *s = NULL;
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    json_t *what = tl_json_from(L, 1, &e), *o = what ? tl_json_from(L, 2, &e) : NULL;
    burning b = {.list = json_array()};
    int rc = o ? 0 : e.code;
    if (!rc) {
        b.value = json_object_get(o, "value");
        b.attribute = json_string_value(json_object_get(o, "attribute"));
        rc = tl_features_of_user(what, add_feature, &b, &e);
    }
    if (!rc) {
        json_t *j = json_pack("{s:O, s:b}", "features", b.list, "touched",
                              json_is_true(json_object_get(o, "touched")));
        s = tl_burn_source(j, &e);
        rc = s ? 0 : e.code;
        json_decref(j);
    }
    if (!rc)
        *box = tl_image_of_source(s, where);
    tl_source_unref(s);
    json_decref(b.list);
    json_decref(what);
    json_decref(o);
    return rc ? tl_raise(L, &e) : 1;
}

extern const unsigned char tl_lua_modules_batch_vectors[];
extern const size_t tl_lua_modules_batch_vectors_len;

void tl_vectors_open_lua(lua_State *L)
{
    static const luaL_Reg functions[] = {{"vectorize", core_vectorize},
                                         {"feature_file", core_feature_file},
                                         {"burn", core_burn},
                                         {NULL, NULL}};
    tl_core_push(L);
    luaL_setfuncs(L, functions, 0);
    tl_loads(L, tl_lua_modules_batch_vectors, tl_lua_modules_batch_vectors_len, "=[tellua vectors]",
             1, 0);
}
