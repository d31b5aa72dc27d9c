/* Synthetic products for tests: the whole pyramid in memory, made the plain way, cell by cell.
 * SPDX-License-Identifier: MIT */
#ifndef TL_TEST_PICTURE_H
#define TL_TEST_PICTURE_H

#include "tests/c/test.h"
#include "modules/raster/codec.h"
#include "modules/raster/product.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct level_cells {
    int64_t w, h;
    void **values;
    uint8_t **valid;
} level_cells;

typedef struct picture_of {
    const tl_product *p;
    int levels;
    level_cells level[32];
    tl_codec *codec;
    /* a window of one tile */
    void **values;
    uint8_t **valid;
    int bad_level; /* this tile is missing, when bad_level >= 0 */
} picture_of;

/* --- one cell, of any type ---------------------------------------------------------------------
 */

static inline void cell_set(tl_dtype t, void *at, size_t i, long double v)
{
    switch (t) {
    case TL_U8:
        ((uint8_t *)at)[i] = (uint8_t)v;
        break;
    case TL_I8:
        ((int8_t *)at)[i] = (int8_t)v;
        break;
    case TL_U16:
        ((uint16_t *)at)[i] = (uint16_t)v;
        break;
    case TL_I16:
        ((int16_t *)at)[i] = (int16_t)v;
        break;
    case TL_U32:
        ((uint32_t *)at)[i] = (uint32_t)v;
        break;
    case TL_I32:
        ((int32_t *)at)[i] = (int32_t)v;
        break;
    case TL_U64:
        ((uint64_t *)at)[i] = (uint64_t)v;
        break;
    case TL_I64:
        ((int64_t *)at)[i] = (int64_t)v;
        break;
    case TL_F32:
        ((float *)at)[i] = (float)v;
        break;
    default:
        ((double *)at)[i] = (double)v;
        break;
    }
}

static inline long double cell_get(tl_dtype t, const void *at, size_t i)
{
    switch (t) {
    case TL_U8:
        return ((const uint8_t *)at)[i];
    case TL_I8:
        return ((const int8_t *)at)[i];
    case TL_U16:
        return ((const uint16_t *)at)[i];
    case TL_I16:
        return ((const int16_t *)at)[i];
    case TL_U32:
        return ((const uint32_t *)at)[i];
    case TL_I32:
        return ((const int32_t *)at)[i];
    case TL_U64:
        return ((const uint64_t *)at)[i];
    case TL_I64:
        return (long double)((const int64_t *)at)[i];
    case TL_F32:
        return ((const float *)at)[i];
    default:
        return ((const double *)at)[i];
    }
}

static inline long double nodata_of(const tl_product *p)
{
    return p->dtype == TL_U64 || p->dtype == TL_I64 ? (long double)p->nodata_i
                                                    : (long double)p->nodata;
}

/* --- levels ------------------------------------------------------------------------------------
 */

static inline void level_alloc(const tl_product *p, level_cells *l, int64_t w, int64_t h)
{
    size_t n = (size_t)(w * h);
    l->w = w;
    l->h = h;
    l->values = tl_xcalloc((size_t)p->nbands, sizeof *l->values);
    l->valid = tl_xcalloc((size_t)p->nbands, sizeof *l->valid);
    for (int b = 0; b < p->nbands; b++) {
        l->values[b] = tl_xcalloc(n, tl_dtype_size(p->dtype));
        l->valid[b] = tl_xcalloc(n, 1);
    }
}

static inline void level_free(const tl_product *p, level_cells *l)
{
    for (int b = 0; b < p->nbands; b++) {
        free(l->values[b]);
        free(l->valid[b]);
    }
    free(l->values);
    free(l->valid);
}

/* Smooth parts, noise and extremes; blotches and the whole first tile row's second tile invalid. */
static inline void level_paint(const tl_product *p, level_cells *l, uint64_t seed)
{
    for (int b = 0; b < p->nbands; b++)
        for (int64_t i = 0; i < l->w * l->h; i++) {
            int64_t x = i % l->w, y = i / l->w;
            uint64_t r = tl_test_random(&seed);
            int hole = tl_product_may_skip(p) &&
                       ((x / p->tile == 1 && y / p->tile == 0) || (x / 7 + y / 5) % 6 == 0 ||
                        (!p->has_mask && (r >> 40) % 50 == 0));
            long double v = (long double)((x + 2 * y + 11 * b) % 120);
            if ((x / 32 + y / 32) % 2) {
                if (tl_dtype_is_float(p->dtype))
                    v = (long double)((double)(int64_t)r / 1e15);
                else
                    v = (long double)tl_dtype_min(p->dtype) +
                        (long double)(r % ((uint64_t)tl_dtype_max(p->dtype) + 1));
            }
            if (p->has_nodata && v == nodata_of(p))
                v = 1;
            if (!hole)
                cell_set(p->dtype, l->values[b], (size_t)i, v);
            l->valid[b][i] = !hole;
        }
}

/* Sum of up to four cells over n; ties to even for integers. In long double (64 bits of fraction),
 * which is exact for what the integer tests need up to 62-bit values. */
static inline long double plain_mean(const tl_product *p, const long double *v, int n)
{
    if (tl_dtype_is_float(p->dtype)) {
        double sum = 0;
        for (int i = 0; i < n; i++)
            sum += (double)v[i];
        sum /= n;
        return p->dtype == TL_F32 ? (float)sum : sum;
    }
    __int128 sum = 0;
    for (int i = 0; i < n; i++)
        sum += (__int128)v[i];
    __int128 low = sum >= 0 ? sum / n : -((-sum + n - 1) / n);
    __int128 twice = 2 * (sum - low * n);
    if (twice > n || (twice == n && low % 2 != 0))
        low++;
    return (long double)low;
}

static inline long double plain_mode(const long double *v, int n)
{
    long double best = v[0];
    int most = 0;
    for (int i = 0; i < n; i++) {
        int c = 0;
        for (int k = 0; k < n; k++)
            c += v[k] == v[i];
        if (c > most || (c == most && v[i] < best)) {
            best = v[i];
            most = c;
        }
    }
    return best;
}

static inline void level_halve(const tl_product *p, const level_cells *from, level_cells *to)
{
    for (int b = 0; b < p->nbands; b++)
        for (int64_t i = 0; i < to->w * to->h; i++) {
            int64_t x = i % to->w * 2, y = i / to->w * 2;
            long double v[4], r = 0;
            int n = 0, side = p->overview == TL_NEAREST ? 1 : 2;
            for (int64_t c = y; c < y + side && c < from->h; c++)
                for (int64_t a = x; a < x + side && a < from->w; a++)
                    if (from->valid[b][c * from->w + a])
                        v[n++] = cell_get(p->dtype, from->values[b], (size_t)(c * from->w + a));
            if (n) {
                r = p->overview == TL_AVERAGE ? plain_mean(p, v, n) : plain_mode(v, n);
                if (p->has_nodata && r == nodata_of(p))
                    r = v[0];
                cell_set(p->dtype, to->values[b], (size_t)i, r);
            }
            to->valid[b][i] = n > 0;
        }
}

static inline void picture_free(picture_of *o)
{
    for (int l = 0; l < o->levels; l++)
        level_free(o->p, &o->level[l]);
    for (int b = 0; b < o->p->nbands; b++) {
        free(o->values[b]);
        free(o->valid[b]);
    }
    free(o->values);
    free(o->valid);
    tl_codec_free(o->codec);
}

static inline void picture_make(picture_of *o, const tl_product *p, uint64_t seed)
{
    tl_err e = TL_ERR_INIT;
    level_cells one;
    *o = (picture_of){.p = p, .levels = tl_product_levels(p), .bad_level = -1};
    assert_tl_ok(tl_product_check(p, &e), &e);
    assert_tl_ok(tl_codec_new(p, &o->codec, &e), &e);
    level_alloc(p, &one, p->tile, p->tile);
    o->values = one.values;
    o->valid = one.valid;
    for (int l = 0; l < o->levels; l++) {
        int64_t w, h;
        tl_product_level_size(p, l, &w, &h);
        level_alloc(p, &o->level[l], w, h);
        if (l)
            level_halve(p, &o->level[l - 1], &o->level[l]);
        else
            level_paint(p, &o->level[0], seed);
    }
}

/* --- tiles -------------------------------------------------------------------------------------
 */

static inline int picture_encode(picture_of *o, int level, int64_t tx, int64_t ty, tl_packed *out,
                                 tl_err *e)
{
    const tl_product *p = o->p;
    const level_cells *l = &o->level[level];
    size_t size = tl_dtype_size(p->dtype);
    int w, h;
    tl_product_tile_size(p, level, tx, ty, &w, &h);
    for (int b = 0; b < p->nbands; b++)
        for (int y = 0; y < h; y++) {
            int64_t at = (ty * p->tile + y) * l->w + tx * p->tile;
            memcpy((char *)o->values[b] + (size_t)(y * w) * size,
                   (char *)l->values[b] + (size_t)at * size, (size_t)w * size);
            memcpy(o->valid[b] + (size_t)(y * w), l->valid[b] + at, (size_t)w);
        }
    return tl_codec_encode(o->codec, w, h, (const void *const *)o->values,
                           (const uint8_t *const *)o->valid, out, e);
}

static inline int picture_get(void *ctx, int level, int64_t tx, int64_t ty, tl_packed *out,
                              tl_err *e)
{
    picture_of *o = ctx;
    if (level == o->bad_level)
        return tl_fail(e, TL_EDATA, "no tile %d/%d of level %d", (int)tx, (int)ty, level);
    return picture_encode(o, level, tx, ty, out, e);
}

static inline int picture_size(void *ctx, int level, int64_t tx, int64_t ty, uint32_t *len,
                               uint32_t *mask_len, tl_err *e)
{
    tl_packed t;
    int r = picture_encode(ctx, level, tx, ty, &t, e);
    if (!r) {
        *len = (uint32_t)t.len;
        *mask_len = (uint32_t)t.mask_len;
    }
    return r;
}

/* --- files -------------------------------------------------------------------------------------
 */

/* A new folder for this test program's files. */
static inline const char *scratch_dir(void)
{
    static char dir[300];
    if (!dir[0]) {
        const char *tmp = getenv("TMPDIR");
        snprintf(dir, sizeof dir, "%s/tellua-test-XXXXXX", tmp ? tmp : "/tmp");
        if (!mkdtemp(dir))
            fail_msg("no scratch folder");
    }
    return dir;
}

static inline const char *scratch(const char *name)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", scratch_dir(), name);
    return tl_intern(path);
}

static inline char *slurp(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("cannot open %s", path);
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    char *s = tl_xmalloc(*n + 1);
    assert_int_equal(fread(s, 1, *n, f), *n);
    fclose(f);
    s[*n] = '\0';
    return s;
}

static inline void spill(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    fclose(f);
}

static inline void assert_same_file(const char *a, const char *b)
{
    size_t na, nb;
    char *sa = slurp(a, &na), *sb = slurp(b, &nb);
    assert_int_equal(na, nb);
    assert_memory_equal(sa, sb, na);
    free(sa);
    free(sb);
}

#endif
