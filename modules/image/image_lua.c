/* Images in Lua: the primitives. Most methods are written on them in image.lua.
 * SPDX-License-Identifier: MIT */
#include "modules/image/image_lua.h"
#include "modules/raster/raster.h"
#include "runtime/border.h"
#include "runtime/json_lua.h"
#include "runtime/mem.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char core_key; /* its address is the registry key of the table of primitives */

tl_image *tl_image_check(lua_State *L, int idx)
{
    return tl_box_check(L, idx, TL_IMAGE_TYPE);
}

void tl_core_push(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &core_key);
}

static int finish(lua_State *L, int rc, const tl_err *e)
{
    return rc ? tl_raise(L, e) : 1;
}

/* --- making ------------------------------------------------------------------------------------
 */

/* core.open(path) */
static int core_open(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_source *s = NULL;
    const char *path = luaL_checkstring(L, 1), *where = tl_script_line(L);
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    int rc = tl_raster_open(path, &s, &e);
    if (!rc) {
        *box = tl_image_of_source(s, where);
        tl_source_unref(s);
    }
    return finish(L, rc, &e);
}

static tl_operand check_operand(lua_State *L, int idx)
{
    tl_operand a = {NULL, TL_F, {0}};
    switch (lua_type(L, idx)) {
    case LUA_TBOOLEAN:
        a.type = TL_B;
        a.x.i = lua_toboolean(L, idx);
        return a;
    case LUA_TNUMBER:
        if (lua_isinteger(L, idx)) {
            a.type = TL_I;
            a.x.i = lua_tointeger(L, idx);
        } else {
            a.x.f = lua_tonumber(L, idx);
        }
        return a;
    default:
        if (!tl_box_test(L, idx, TL_IMAGE_TYPE) && luaL_testudata(L, idx, TL_IMAGE_TYPE) == NULL) {
            tl_err e = TL_ERR_INIT;
            tl_fail(&e, TL_ESCRIPT, "an Image or a number expected, got %s", luaL_typename(L, idx));
            tl_raise(L, &e);
        }
        a.img = tl_image_check(L, idx);
        return a;
    }
}

/* core.<op>(a[, b[, c]]): the operation is the first upvalue. */
static int core_op(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_operand args[3];
    tl_gop op = (tl_gop)lua_tointeger(L, lua_upvalueindex(1));
    int n = tl_gop_arity(op), images = 0;
    for (int i = 0; i < n; i++) {
        args[i] = check_operand(L, i + 1);
        images += args[i].img != NULL;
    }
    if (!images) {
        tl_fail(&e, TL_ESCRIPT, "%s needs an Image", tl_gop_name(op));
        return tl_raise(L, &e);
    }
    const char *where = tl_script_line(L);
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    return finish(L, tl_image_apply(op, args, n, where, (tl_image **)box, &e), &e);
}

typedef struct {
    tl_dtype dtype;
    int saturate;
    const char *where;
} astype_args;

static int astype_band(void *ctx, tl_node *in, tl_node **out, tl_err *e)
{
    const astype_args *a = ctx;
    return tl_node_astype(in, a->dtype, a->saturate, a->where, out, e);
}

/* core.astype(img, name, saturate) */
static int core_astype(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_image *img = tl_image_check(L, 1);
    const char *name = luaL_checkstring(L, 2);
    astype_args a = {TL_U8, lua_toboolean(L, 3), tl_script_line(L)};
    if (tl_dtype_from_name(name, &a.dtype)) {
        tl_fail(&e, TL_ESCRIPT,
                "'%s' is no cell type; there are uint8 int8 uint16 int16 uint32 int32 uint64 int64 "
                "float32 float64",
                name);
        return tl_raise(L, &e);
    }
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    return finish(L, tl_image_map(img, astype_band, &a, (tl_image **)box, &e), &e);
}

typedef struct {
    int dx, dy;
    const char *where;
} near_args;

static int near_band(void *ctx, tl_node *in, tl_node **out, tl_err *e)
{
    const near_args *a = ctx;
    return tl_node_near(in, a->dx, a->dy, a->where, out, e);
}

static int cut_offset(lua_Integer x)
{
    const lua_Integer beyond = TL_MOST_OFFSET + 1;
    return (int)(x > beyond ? beyond : x < -beyond ? -beyond : x);
}

/* core.near(img, dx, dy) */
static int core_near(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_image *img = tl_image_check(L, 1);
    near_args a = {cut_offset(luaL_checkinteger(L, 2)), cut_offset(luaL_checkinteger(L, 3)),
                   tl_script_line(L)};
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    return finish(L, tl_image_map(img, near_band, &a, (tl_image **)box, &e), &e);
}

typedef struct {
    tl_type type;
    tl_num *entry;
    uint8_t *valid;
    int n;
    const char *where;
} lookup_args;

static int lookup_band(void *ctx, tl_node *in, tl_node **out, tl_err *e)
{
    const lookup_args *a = ctx;
    return tl_node_lookup(in, a->type, a->entry, a->valid, a->n, a->where, out, e);
}

/* core.lookup(img, entries, n): entries[0 .. n-1], numbers or nil; all integers or all floats. The
 * scratch is a userdata, so that a raise loses nothing. */
static int core_lookup(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_image *img = tl_image_check(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_Integer n = luaL_checkinteger(L, 3);
    luaL_argcheck(L, n >= 1 && n <= 65536, 3, "1 to 65536 entries");
    lookup_args a = {TL_I, lua_newuserdatauv(L, (size_t)n * (sizeof(tl_num) + 1), 0), NULL, (int)n,
                     tl_script_line(L)};
    a.valid = (uint8_t *)(a.entry + n);
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < n; i++) {
            int t = lua_rawgeti(L, 2, i);
            if (t != LUA_TNIL && t != LUA_TNUMBER)
                luaL_error(L, "entry %d of a lookup table is a %s", i, lua_typename(L, t));
            a.valid[i] = t == LUA_TNUMBER;
            if (t == LUA_TNUMBER && !lua_isinteger(L, -1))
                a.type = TL_F;
            if (a.type == TL_F)
                a.entry[i].f = lua_tonumber(L, -1);
            else
                a.entry[i].i = lua_tointeger(L, -1);
            lua_pop(L, 1);
        }
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    return finish(L, tl_image_map(img, lookup_band, &a, (tl_image **)box, &e), &e);
}

typedef struct {
    tl_method method;
    const char *where;
    int spare; /* a method that mixes leaves bands of classes as they are */
} resample_args;

static int resample_band(void *ctx, tl_node *in, tl_node **out, tl_err *e)
{
    const resample_args *a = ctx;
    if (a->spare && tl_method_mixes(a->method) && tl_node_is_classes(tl_node_unmasked(in))) {
        *out = tl_node_ref(in);
        return 0;
    }
    return tl_node_resample(in, a->method, a->where, out, e);
}

/* core.resample(img, method, spare): with spare bands of classes are left and not refused */
static int core_resample(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_image *img = tl_image_check(L, 1);
    const char *name = luaL_checkstring(L, 2);
    resample_args m = {TL_NEAREST, tl_script_line(L), lua_toboolean(L, 3)};
    if (tl_method_from_name(name, &m.method)) {
        tl_fail(&e, TL_ESCRIPT,
                "'%s' is no way to resample; there are nearest, bilinear, cubic, "
                "average and mode",
                name);
        return tl_raise(L, &e);
    }
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    int rc = tl_image_map(img, resample_band, &m, (tl_image **)box, &e);
    if (!rc && img->looks)
        ((tl_image *)*box)->looks = tl_xstrdup(img->looks);
    return finish(L, rc, &e);
}

/* --- bands -------------------------------------------------------------------------------------
 */

/* core.pick(img, {numbers from 1}, {names}): bands by number, under these names, looks kept. */
static int core_pick(lua_State *L)
{
    tl_image *img = tl_image_check(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_checktype(L, 3, LUA_TTABLE);
    size_t n = lua_rawlen(L, 2);
    luaL_argcheck(L, n >= 1 && n <= TL_MOST_BANDS, 2, "1 to 1024 bands");
    const char **names = lua_newuserdatauv(L, n * (sizeof(char *) + sizeof(tl_node *)), 0);
    tl_node **nodes = (tl_node **)(names + n);
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        lua_Integer k = luaL_checkinteger(L, -1);
        luaL_argcheck(L, k >= 1 && k <= img->nbands, 2, "no such band");
        lua_rawgeti(L, 3, (lua_Integer)i + 1);
        names[i] = tl_intern(luaL_checkstring(L, -1));
        nodes[i] = img->band[k - 1].node;
        lua_pop(L, 2);
    }
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    *box = tl_image_new(names, nodes, (int)n, img->looks);
    return 1;
}

/* core.stack(a, b): the bands of both. */
static int core_stack(lua_State *L)
{
    tl_image *img[2] = {tl_image_check(L, 1), tl_image_check(L, 2)};
    int n = img[0]->nbands + img[1]->nbands, k = 0;
    luaL_argcheck(L, n <= TL_MOST_BANDS, 2, "more than 1024 bands");
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    const char **names = tl_xcalloc((size_t)n, sizeof *names);
    tl_node **nodes = tl_xcalloc((size_t)n, sizeof *nodes);
    for (int i = 0; i < 2; i++)
        for (int b = 0; b < img[i]->nbands; b++, k++) {
            names[k] = img[i]->band[b].name;
            nodes[k] = img[i]->band[b].node;
        }
    *box = tl_image_new(names, nodes, n, NULL);
    free(nodes);
    free(names);
    return 1;
}

/* core.with_looks(img, table): the same picture, looking otherwise. */
static int core_with_looks(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_image *img = tl_image_check(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    void **box = tl_box_push(L, TL_IMAGE_TYPE);
    json_t *j = tl_json_from(L, 2, &e);
    if (!j)
        return tl_raise(L, &e);
    char *text = json_dumps(j, JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(j);
    const char **names = tl_xcalloc((size_t)img->nbands, sizeof *names);
    tl_node **nodes = tl_xcalloc((size_t)img->nbands, sizeof *nodes);
    for (int b = 0; b < img->nbands; b++) {
        names[b] = img->band[b].name;
        nodes[b] = img->band[b].node;
    }
    *box = tl_image_new(names, nodes, img->nbands, text);
    free(nodes);
    free(names);
    free(text);
    return 1;
}

/* core.looks(img): the table, or nil. */
static int core_looks(lua_State *L)
{
    tl_image *img = tl_image_check(L, 1);
    json_t *j = img->looks ? json_loads(img->looks, 0, NULL) : NULL;
    tl_json_push(L, j); /* small and ours: a raise for want of memory may lose it */
    json_decref(j);
    return 1;
}

static void push_band(lua_State *L, const struct tl_image_band *b)
{
    const tl_node *n = b->node;
    lua_newtable(L);
    lua_pushstring(L, b->name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, tl_type_name(n->type));
    lua_setfield(L, -2, "type");
    lua_pushstring(L, tl_dtype_name(tl_node_product_dtype(n)));
    lua_setfield(L, -2, "dtype");
    if (n->kind == TL_NODE_BAND) {
        const tl_band *band = &n->source->bands[n->band];
        lua_pushstring(L, n->source->uri);
        lua_setfield(L, -2, "source");
        lua_pushinteger(L, n->band + 1);
        lua_setfield(L, -2, "number");
        tl_set_number(L, "scale", band->scale);
        tl_set_number(L, "offset", band->offset);
        if (band->has_nodata)
            tl_set_number(L, "nodata", band->nodata);
        lua_pushboolean(L, band->is_classes);
        lua_setfield(L, -2, "classes");
        if (band->ncolors > 0) {
            lua_createtable(L, band->ncolors, 0);
            for (int i = 0; i < band->ncolors; i++) {
                const uint8_t *c = band->colors[i];
                lua_pushfstring(L, "#%c%c%c%c%c%c", "0123456789abcdef"[c[0] >> 4],
                                "0123456789abcdef"[c[0] & 15], "0123456789abcdef"[c[1] >> 4],
                                "0123456789abcdef"[c[1] & 15], "0123456789abcdef"[c[2] >> 4],
                                "0123456789abcdef"[c[2] & 15]);
                lua_rawseti(L, -2, i); /* by class number, from 0 */
            }
            lua_setfield(L, -2, "colors");
        }
    }
    if (n->type == TL_F && isfinite(n->flo) && isfinite(n->fhi)) {
        tl_set_number(L, "min", n->flo);
        tl_set_number(L, "max", n->fhi);
    } else if (n->type != TL_F) {
        lua_pushinteger(L, n->lo);
        lua_setfield(L, -2, "min");
        lua_pushinteger(L, n->hi);
        lua_setfield(L, -2, "max");
    }
}

/* core.info(img): a list of tables, one per band. */
static int core_info(lua_State *L)
{
    tl_image *img = tl_image_check(L, 1);
    lua_createtable(L, img->nbands, 0);
    for (int b = 0; b < img->nbands; b++) {
        push_band(L, &img->band[b]);
        lua_rawseti(L, -2, b + 1);
    }
    return 1;
}

/* core.band_list(img): the names as a sentence shows them. */
static int core_band_list(lua_State *L)
{
    char text[512];
    lua_pushstring(L, tl_image_band_list(tl_image_check(L, 1), text, sizeof text));
    return 1;
}

/* core.type(x): "image", "grid", or nil. */
static int core_type(lua_State *L)
{
    lua_pushstring(L, tl_box_test(L, 1, TL_IMAGE_TYPE)  ? "image"
                      : tl_box_test(L, 1, TL_GRID_TYPE) ? "grid"
                                                        : NULL);
    return 1;
}

/* core.raise(text): an error at the script's line. */
static int core_raise(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    tl_fail(&e, TL_ESCRIPT, "%s", luaL_checkstring(L, 1));
    return tl_raise(L, &e);
}

static int image_len(lua_State *L)
{
    lua_pushinteger(L, tl_image_check(L, 1)->nbands);
    return 1;
}

static void release_image(void *p)
{
    tl_image_unref(p);
}

static const luaL_Reg core_functions[] = {
    {"open", core_open},           {"astype", core_astype},
    {"lookup", core_lookup},       {"pick", core_pick},
    {"stack", core_stack},         {"with_looks", core_with_looks},
    {"looks", core_looks},         {"info", core_info},
    {"band_list", core_band_list}, {"type", core_type},
    {"raise", core_raise},         {"resample", core_resample},
    {"near", core_near},           {NULL, NULL},
};

extern const unsigned char tl_lua_modules_image_image[];
extern const size_t tl_lua_modules_image_image_len;
extern const unsigned char tl_lua_modules_image_options[];
extern const size_t tl_lua_modules_image_options_len;
extern const unsigned char tl_lua_modules_image_focal[];
extern const size_t tl_lua_modules_image_focal_len;
extern const unsigned char tl_lua_modules_image_recode[];
extern const size_t tl_lua_modules_image_recode_len;

static void make_core(lua_State *L)
{
    luaL_newlib(L, core_functions);
    for (int op = 0; op < TL_GOPS; op++) {
        if (op == TL_G_astype || op == TL_G_lookup || op == TL_G_near)
            continue; /* they take more than bands */
        lua_pushinteger(L, op);
        lua_pushcclosure(L, core_op, 1);
        lua_setfield(L, -2, tl_gop_name((tl_gop)op));
    }
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &core_key);
}

void tl_grid_open_lua(lua_State *L);    /* grid_lua.c: adds its primitives to the table on top */
void tl_execute_open_lua(lua_State *L); /* execute_lua.c: likewise */
void tl_test_open_lua(lua_State *L);    /* test_lua.c: wants the globals on top */

/* The metatable's operators and __index are set by image.lua, which gets it. */
void tl_image_open_lua(lua_State *L)
{
    static const luaL_Reg metamethods[] = {{"__len", image_len}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{NULL, NULL}};
    tl_box_register(L, TL_IMAGE_TYPE, "Image", methods, metamethods, release_image);
    make_core(L);
    tl_grid_open_lua(L);
    tl_execute_open_lua(L);
    luaL_getmetatable(L, TL_IMAGE_TYPE);
    lua_pushvalue(L, -3); /* the globals */
    tl_loads(L, tl_lua_modules_image_image, tl_lua_modules_image_image_len, "=[tellua image]", 3,
             0);
    tl_core_push(L);
    tl_loads(L, tl_lua_modules_image_options, tl_lua_modules_image_options_len, "=[tellua options]",
             1, 0);
    tl_core_push(L);
    tl_loads(L, tl_lua_modules_image_focal, tl_lua_modules_image_focal_len, "=[tellua focal]", 1,
             0);
    tl_core_push(L);
    tl_loads(L, tl_lua_modules_image_recode, tl_lua_modules_image_recode_len, "=[tellua recode]", 1,
             0);
    tl_test_open_lua(L);
}
