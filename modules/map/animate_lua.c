/* Pictures one after the other, from Lua: what animate.lua stands on. SPDX-License-Identifier: MIT
 */
#include "modules/map/looks_lua.h"
#include "modules/batch/evaluate.h"
#include "modules/batch/gridding.h"
#include "modules/batch/zones_lua.h"
#include "modules/image/image_lua.h"
#include "modules/map/film.h"
#include "modules/map/gif.h"
#include "runtime/border.h"
#include "runtime/cancel.h"
#include "runtime/json_lua.h"
#include "runtime/mem.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_FRAMES 1000
#define MOST_BYTES  (1LL << 30) /* of all frames together */

typedef struct {
    int n;
    tl_grid grid;
    uint8_t *(*rgb)[3], **valid;
} frames;

/* The Images of the list at idx, which holds them. */
static int list_of(lua_State *L, int idx, tl_image **img, int n, tl_err *e)
{
    for (int k = 0; k < n; k++) {
        lua_rawgeti(L, idx, k + 1);
        img[k] = tl_box_test(L, -1, TL_IMAGE_TYPE);
        lua_pop(L, 1);
        if (!img[k] || img[k]->nbands != 3)
            return tl_fail(e, TL_ESCRIPT, "animate: frame %d is no picture", k + 1);
    }
    return 0;
}

static int grid_of(tl_image *const *img, int n, const json_t *o, tl_grid *out, tl_err *e)
{
    tl_grid native;
    tl_where where;
    int64_t size = json_integer_value(json_object_get(o, "size"));
    int rc = tl__where_of_json(o, &where, e);
    if (!rc)
        rc = tl_native_grid_of(img, n, &native, e);
    if (!rc)
        rc = tl_resolve_grid(&native, &where, out, e);
    if (rc)
        return rc;
    tl_fit_grid(out, size, size);
    return out->w * out->h * n * 4 > MOST_BYTES
               ? tl_fail(e, TL_ESCRIPT, "animate: %d frames of %lld x %lld cells are too much", n,
                         (long long)out->w, (long long)out->h)
               : 0;
}

static int compute(frames *f, int k, const tl_image *img, tl_err *e)
{
    static const tl_dtype types[3] = {TL_U8, TL_U8, TL_U8};
    tl_node *nodes[3] = {img->band[0].node, img->band[1].node, img->band[2].node};
    size_t n = (size_t)(f->grid.w * f->grid.h);
    uint8_t *valid[3] = {NULL, NULL, NULL};
    tl_pass *pass = NULL;
    tl_pass_spec spec = {f->grid, nodes, types, 3, NULL, NULL};
    int rc = tl_pass_new(&spec, &pass, e);
    for (int c = 0; c < 3 && !rc; c++) {
        rc = tl_try_alloc((void **)&f->rgb[k][c], n, 1, "a frame", e);
        if (!rc)
            rc = tl_try_alloc((void **)&valid[c], n, 1, "a frame", e);
    }
    if (!rc)
        rc = tl_evaluate(pass, &f->grid, 3, types, 0, NULL, (void *const *)f->rgb[k], valid, e);
    for (size_t i = 0; i < n && !rc; i++)
        valid[0][i] &= valid[1][i] & valid[2][i];
    f->valid[k] = valid[0];
    free(valid[1]);
    free(valid[2]);
    tl_pass_free(pass);
    return rc;
}

static void free_frames(frames *f)
{
    for (int k = 0; k < f->n; k++) {
        for (int c = 0; c < 3; c++)
            free(f->rgb[k][c]);
        free(f->valid[k]);
    }
    free(f->rgb);
    free(f->valid);
}

static int encode(const frames *f, const json_t *o, tl_buf *out, tl_err *e)
{
    int w = (int)f->grid.w, h = (int)f->grid.h;
    uint8_t *const(*rgb)[3] = (uint8_t *const(*)[3])f->rgb;
    double fps = json_number_value(json_object_get(o, "fps"));
    if (strcmp(json_string_value(json_object_get(o, "format")), "mp4") == 0)
        return tl_film(w, h, f->n, rgb, f->valid, fps, tl_obeyed(), out, e);
    tl_gif(w, h, f->n, rgb, f->valid, (int)lround(100 / fps), out);
    return 0;
}

/* core.animation({Image of red, green, blue, ...}, {format = "gif" | "mp4", size =, fps =, crs =,
 * res =}) -> bytes */
static int core_animation(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    luaL_checktype(L, 1, LUA_TTABLE);
    int n = (int)lua_rawlen(L, 1);
    luaL_argcheck(L, n >= 1 && n <= MOST_FRAMES, 1, "1 to 1000 frames");
    tl_image **img = lua_newuserdatauv(L, (size_t)n * sizeof *img, 0);
    json_t *o = tl_json_from(L, 2, &e);
    frames f = {
        n, {0}, tl_xcalloc((size_t)n, sizeof *f.rgb), tl_xcalloc((size_t)n, sizeof *f.valid)};
    tl_buf out = TL_BUF_INIT;
    int rc = o ? list_of(L, 1, img, n, &e) : e.code;
    if (!rc)
        rc = grid_of(img, n, o, &f.grid, &e);
    for (int k = 0; k < n && !rc; k++)
        rc = compute(&f, k, img[k], &e);
    if (!rc)
        rc = encode(&f, o, &out, &e);
    free_frames(&f);
    json_decref(o);
    if (!rc)
        lua_pushlstring(L, tl_buf_text(&out), out.len); /* a raise for want of memory may lose it */
    tl_buf_free(&out);
    return rc ? tl_raise(L, &e) : 1;
}

extern const unsigned char tl_lua_modules_map_animate[];
extern const size_t tl_lua_modules_map_animate_len;

void tl_animate_open_lua(lua_State *L)
{
    static const luaL_Reg functions[] = {{"animation", core_animation}, {NULL, NULL}};
    tl_core_push(L);
    luaL_setfuncs(L, functions, 0);
    tl_loads(L, tl_lua_modules_map_animate, tl_lua_modules_map_animate_len, "=[tellua animate]", 1,
             0);
}
