/* Reading windows of a file, and blocks that lie on its cells. SPDX-License-Identifier: MIT */
#include "modules/raster/raster_int.h"
#include "modules/raster/tiffread.h"
#include "runtime/watch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

tl_gdal_handle *tl_raster_handle(const tl_raster *r)
{
    return tl_gdal_handle_get(r->s.uri, r->stamp);
}

int tl_raster_dataset(const tl_raster *r, tl_gdal_handle *h, tl_err *e)
{
    int code = tl_gdal_handle_open(h, e);
    if (code)
        return code;
    if (GDALGetRasterXSize(h->ds.h) != r->w || GDALGetRasterYSize(h->ds.h) != r->h ||
        GDALGetRasterCount(h->ds.h) != r->s.nbands) {
        tl_fail(e, TL_EDATA, "%s is no longer the file that was opened", r->s.uri);
        return e ? tl_err_source(e, r->s.uri) : TL_EDATA;
    }
    return 0;
}

/* --- validity ----------------------------------------------------------------------------------
 */

#define CLEAR_FUNCTION(name, T, INVALID)                                                           \
    static void name(void *values, uint8_t *valid, int64_t n, const tl_band *b, int compare)       \
    {                                                                                              \
        T *v = values;                                                                             \
        const T none = (T)(tl_dtype_is_float(b->dtype) ? b->nodata : (double)0);                   \
        const T inone = (T)b->nodata_i;                                                            \
        (void)none, (void)inone;                                                                   \
        for (int64_t i = 0; i < n; i++) {                                                          \
            int bad = (valid[i] == 0) | (INVALID);                                                 \
            valid[i] = (uint8_t)!bad;                                                              \
            v[i] = bad ? 0 : v[i];                                                                 \
        }                                                                                          \
    }
CLEAR_FUNCTION(clear_u8, uint8_t, (compare & (v[i] == inone)))
CLEAR_FUNCTION(clear_i8, int8_t, (compare & (v[i] == inone)))
CLEAR_FUNCTION(clear_u16, uint16_t, (compare & (v[i] == inone)))
CLEAR_FUNCTION(clear_i16, int16_t, (compare & (v[i] == inone)))
CLEAR_FUNCTION(clear_u32, uint32_t, (compare & (v[i] == inone)))
CLEAR_FUNCTION(clear_i32, int32_t, (compare & (v[i] == inone)))
CLEAR_FUNCTION(clear_u64, uint64_t, (compare & (v[i] == inone)) | (v[i] > INT64_MAX))
CLEAR_FUNCTION(clear_i64, int64_t, (compare & (v[i] == inone)))
CLEAR_FUNCTION(clear_f32, float, (compare & (v[i] == none)) | (v[i] != v[i]))
CLEAR_FUNCTION(clear_f64, double, (compare & (v[i] == none)) | (v[i] != v[i]))

/* Clears `valid` where the value is nodata or NaN, and sets the values of invalid cells to 0.
 * ORDER TL_DTYPE */
static void (*const clear[TL_DTYPES])(void *, uint8_t *, int64_t, const tl_band *, int) = {
    clear_u8,  clear_i8,  clear_u16, clear_i16, clear_u32,
    clear_i32, clear_u64, clear_i64, clear_f32, clear_f64};

/* --- windows -----------------------------------------------------------------------------------
 */

static GDALRasterBandH level_band(const tl_gdal_handle *h, int level, int band)
{
    GDALRasterBandH b = GDALGetRasterBand(h->ds.h, band + 1);
    return b && level > 0 ? GDALGetOverview(b, level - 1) : b;
}

static CPLErr fetch(GDALRasterBandH b, tl_rect w, void *out, GDALDataType type, int64_t stride)
{
    int size = GDALGetDataTypeSizeBytes(type);
    return b ? GDALRasterIOEx(b, GF_Read, (int)w.x, (int)w.y, (int)w.w, (int)w.h, out, (int)w.w,
                              (int)w.h, type, size, (GSpacing)stride * size, NULL)
             : CE_Failure;
}

/* The next number above x that divides without a rest. */
static int64_t next_multiple(int64_t x, int64_t of)
{
    return (x / of + 1) * of;
}

/* Block by block, so that GDAL reads those alone that are not plain; without GDAL's band: fails. */
static CPLErr fetch_blocks(tl_tifflevel *l, GDALRasterBandH from, int band, tl_rect win,
                           char *values, const tl_bandinfo *info, int64_t stride)
{
    int bw, bh, keep = !tl_tiffread_is_whole(l, win), size = GDALGetDataTypeSizeBytes(info->type);
    CPLErr done = CE_None;
    tl_tiffread_block_size(l, &bw, &bh);
    for (int64_t y = win.y, y1; y < win.y + win.h && done == CE_None; y = y1) {
        y1 = next_multiple(y, bh);
        for (int64_t x = win.x, x1; x < win.x + win.w && done == CE_None; x = x1) {
            x1 = next_multiple(x, bw);
            tl_rect part = tl_rect_intersect((tl_rect){x, y, x1 - x, y1 - y}, win);
            char *to = values + ((y - win.y) * stride + x - win.x) * size;
            if (!tl_tiffread_part(l, band, part, to, stride, keep))
                done = fetch(from, part, to, info->type, stride);
        }
    }
    return done;
}

/* A window of one band of a level: what, and where to. */
typedef struct window {
    const tl_raster *r;
    tl_gdal_handle *h;
    int level, band;
    tl_rect win;
    void *values;
    uint8_t *valid;
    int64_t stride;
    char what[256]; /* for the watch */
} window;

/* 0: GDAL is needed. Most files are read to their end without it, and opening one takes as long as
 * decoding a block. */
static int read_without_gdal(const window *w)
{
    if (w->h->ds.h)
        return 0;
    tl_tifflevel *plain = tl_tiffread_level(w->r, w->h, w->level, w->band, NULL);
    if (!plain)
        return 0;
    tl_watch_begin(w->what);
    CPLErr done =
        fetch_blocks(plain, NULL, w->band, w->win, w->values, &w->r->info[w->band], w->stride);
    tl_watch_end();
    return done == CE_None;
}

static int read_with_gdal(const window *w, tl_err *e)
{
    const tl_raster *r = w->r;
    const tl_bandinfo *info = &r->info[w->band];
    tl_gdal_guard g;
    int code = tl_raster_dataset(r, w->h, e);
    if (code)
        return code;
    tl_gdal_begin(&g, w->what);
    GDALRasterBandH from = level_band(w->h, w->level, w->band);
    g.failed = from ? 0 : g.failed; /* what GDAL, just opened, says of the other levels */
    tl_tifflevel *plain = from ? tl_tiffread_level(r, w->h, w->level, w->band, from) : NULL;
    CPLErr done = plain ? fetch_blocks(plain, from, w->band, w->win, w->values, info, w->stride)
                        : fetch(from, w->win, w->values, info->type, w->stride);
    if (done == CE_None && info->validity == TL_VALID_MASK)
        done = fetch(GDALGetMaskBand(from), w->win, w->valid, GDT_Byte, w->stride);
    tl_gdal_end(&g);
    if (done != CE_None || g.failed) /* some drivers report damage and go on */
        return tl_gdal_fail(&g, r->s.uri, TL_EDATA, e,
                            "cannot read band %d (%s) of %s%s, columns %lld-%lld, rows %lld-%lld",
                            w->band + 1, r->s.bands[w->band].name, r->s.uri,
                            w->level > 0 ? " (an overview)" : "", (long long)w->win.x,
                            (long long)(w->win.x + w->win.w - 1), (long long)w->win.y,
                            (long long)(w->win.y + w->win.h - 1));
    return 0;
}

int tl_raster_window(const tl_raster *r, tl_gdal_handle *h, int level, int band, tl_rect win,
                     void *values, uint8_t *valid, int64_t stride, tl_err *e)
{
    const tl_bandinfo *info = &r->info[band];
    const tl_band *b = &r->s.bands[band];
    window w = {r, h, level, band, win, values, valid, stride, ""};
    if (info->refused) {
        tl_fail(e, TL_EDATA, "band %d of %s cannot be read: %s", band + 1, r->s.uri, info->refused);
        return e ? tl_err_source(e, r->s.uri) : TL_EDATA;
    }
    snprintf(w.what, sizeof w.what, "read %.150s band %d, window %lld,%lld %lldx%lld", r->s.uri,
             band + 1, (long long)win.x, (long long)win.y, (long long)win.w, (long long)win.h);
    int code = read_without_gdal(&w) ? 0 : read_with_gdal(&w, e);
    if (code)
        return code;
    for (int64_t j = 0; j < win.h; j++) {
        char *line = (char *)values + (size_t)(j * stride) * tl_dtype_size(b->dtype);
        uint8_t *ok = valid + j * stride;
        if (info->validity != TL_VALID_MASK)
            memset(ok, 1, (size_t)win.w);
        clear[b->dtype](line, ok, win.w, b, info->validity == TL_VALID_NODATA);
        if (info->also)
            clear[b->dtype](line, ok, win.w, info->also, 1);
    }
    return 0;
}

/* --- aligned blocks ----------------------------------------------------------------------------
 */

static void swap_bytes(char *a, char *b, size_t n)
{
    char t[4096];
    while (n > 0) {
        size_t k = n < sizeof t ? n : sizeof t;
        memcpy(t, a, k);
        memcpy(a, b, k);
        memcpy(b, t, k);
        a += k;
        b += k;
        n -= k;
    }
}

static void flip(char *base, int64_t stride_bytes, int64_t line_bytes, int64_t h)
{
    for (int64_t j = 0; j < h / 2; j++)
        swap_bytes(base + j * stride_bytes, base + (h - 1 - j) * stride_bytes, (size_t)line_bytes);
}

/* The part of the block that meets the level when its columns are moved by `move`. */
static int read_part(const tl_raster_sampling *m, tl_gdal_handle *h, const tl_read *q, int k,
                     int64_t move, tl_err *e)
{
    const tl_raster *r = (const tl_raster *)m->m.source;
    const tl_level *l = &r->levels[m->level];
    size_t size = tl_dtype_size(r->s.bands[q->bands[k]].dtype);
    tl_rect want = {q->rect.x + m->dcol + move, q->rect.y + m->drow, q->rect.w, q->rect.h};
    tl_rect win = tl_rect_intersect(want, (tl_rect){0, 0, l->w, l->h});
    if (win.w <= 0 || win.h <= 0)
        return 0;
    int64_t at = (win.y - want.y) * q->rect.w + (win.x - want.x);
    char *values = (char *)q->values[k] + (size_t)at * size;
    uint8_t *valid = q->valid[k] + at;
    if (r->georef == TL_GEO_SOUTH)
        win.y = l->h - win.y - win.h;
    int code = tl_raster_window(r, h, m->level, q->bands[k], win, values, valid, q->rect.w, e);
    if (!code && r->georef == TL_GEO_SOUTH) {
        flip(values, q->rect.w * (int64_t)size, win.w * (int64_t)size, win.h);
        flip((char *)valid, q->rect.w, win.w, win.h);
    }
    return code;
}

static int read_exact(const tl_raster_sampling *m, const tl_read *q, tl_err *e)
{
    const tl_raster *r = (const tl_raster *)m->m.source;
    tl_gdal_handle *h = tl_raster_handle(r);
    int code = 0;
    for (int k = 0; k < q->nbands && !code; k++) {
        size_t n = (size_t)(q->rect.w * q->rect.h);
        memset(q->values[k], 0, n * tl_dtype_size(r->s.bands[q->bands[k]].dtype));
        memset(q->valid[k], 0, n);
        /* The file's own longitudes last: where a file laps over itself, they count. */
        if (m->turn > 0)
            code = read_part(m, h, q, k, m->turn, e);
        if (m->turn > 0 && !code)
            code = read_part(m, h, q, k, -m->turn, e);
        if (!code)
            code = read_part(m, h, q, k, 0, e);
    }
    return code;
}

int tl_raster_read(const tl_sampling *m, const tl_read *q, tl_err *e)
{
    const tl_raster_sampling *rm = (const tl_raster_sampling *)m;
    for (int tries = 1;; tries++) {
        tl_err own = TL_ERR_INIT;
        int code = m->exact              ? read_exact(rm, q, &own)
                   : tl_nearest_fits(rm) ? tl_nearest_read(rm, q, &own)
                                         : tl_resample_read(rm, q, &own);
        if (!code || !tl_raster_try_again(m->source->uri, code, tries)) {
            if (code && e)
                *e = own;
            return code;
        }
    }
}

int64_t tl_raster_working_bytes(const tl_sampling *m, int64_t w, int64_t h, int n)
{
    (void)n; /* bands are read one after the other */
    return m->exact ? 16384 : tl_resample_bytes((const tl_raster_sampling *)m, w, h);
}
