/* Tiles to bytes and back: see codec.h. SPDX-License-Identifier: MIT */
#include "modules/raster/codec.h"
#include "modules/raster/predictor.h"
#include "runtime/mem.h"

#include <libdeflate.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct tl_codec {
    const tl_product *p;
    struct libdeflate_compressor *comp;
    struct libdeflate_decompressor *decomp;
    uint8_t *raw;  /* one tile, interleaved; raw_len bytes */
    uint8_t *work; /* one row, for predictors; a whole tile, for shuffling */
    uint8_t *out;  /* compressed */
    uint8_t *bits; /* mask tile, one bit per cell */
    uint8_t *mask; /* compressed mask */
    uint8_t *both; /* per cell: valid in all bands; only with has_mask */
    size_t raw_len, out_cap, bits_len, mask_cap;
    int block_w; /* cells along a row of the tile's bytes */
    uint64_t fill;
};

/* --- sizes ---------------------------------------------------------------------------------- */

static size_t cells(const tl_product *p)
{
    int w, h;
    tl_product_block(p, &w, &h);
    return (size_t)w * (size_t)h;
}

static size_t raw_bytes(const tl_product *p)
{
    return cells(p) * (size_t)p->nbands * tl_dtype_size(p->dtype);
}

int64_t tl_codec_bytes(const tl_product *p)
{
    size_t raw = raw_bytes(p), mask = p->has_mask ? cells(p) * 2 : 0;
    size_t shuffled = tl_product_shuffles(p) ? raw : 0;
    /* A deflate compressor holds up to 8 MiB at its highest levels. */
    return (int64_t)(raw * 2 + shuffled + raw / 8 + mask + ((size_t)8 << 20) + 65536);
}

int tl_codec_alike(const tl_product *a, const tl_product *b)
{
    return a->format == b->format && a->dtype == b->dtype && a->nbands == b->nbands &&
           a->tile == b->tile && a->grid.w == b->grid.w && a->grid.h == b->grid.h &&
           a->compress == b->compress && a->level == b->level && a->predictor == b->predictor &&
           a->has_mask == b->has_mask && a->has_nodata == b->has_nodata &&
           tl_product_fill(a) == tl_product_fill(b);
}

static int allocate(tl_codec *c, tl_err *e)
{
    const tl_product *p = c->p;
    int h;
    tl_product_block(p, &c->block_w, &h);
    size_t row = (size_t)c->block_w * (size_t)p->nbands * tl_dtype_size(p->dtype);
    c->raw_len = raw_bytes(p);
    c->bits_len = cells(p) / 8;
    c->out_cap = c->raw_len;
    if (p->compress == TL_DEFLATE)
        c->out_cap = libdeflate_zlib_compress_bound(c->comp, c->raw_len);
    c->mask_cap = libdeflate_zlib_compress_bound(c->comp, c->bits_len);
    if (tl_try_alloc((void **)&c->raw, c->raw_len, 1, "a tile", e) ||
        tl_try_alloc((void **)&c->work, tl_product_shuffles(p) ? c->raw_len : row, 1,
                     "a row of a tile", e) ||
        tl_try_alloc((void **)&c->out, c->out_cap, 1, "a compressed tile", e))
        return e->code;
    if (p->has_mask && (tl_try_alloc((void **)&c->bits, c->bits_len, 1, "a mask", e) ||
                        tl_try_alloc((void **)&c->mask, c->mask_cap, 1, "a mask", e) ||
                        tl_try_alloc((void **)&c->both, cells(p), 1, "a mask", e)))
        return e->code;
    return 0;
}

int tl_codec_new(const tl_product *p, tl_codec **out, tl_err *e)
{
    tl_err mine = TL_ERR_INIT;
    tl_codec *c = tl_xcalloc(1, sizeof *c);
    c->p = p;
    c->fill = tl_product_fill(p);
    c->comp = libdeflate_alloc_compressor(p->compress == TL_DEFLATE ? p->level : 6);
    c->decomp = libdeflate_alloc_decompressor();
    int r = c->comp && c->decomp ? allocate(c, &mine)
                                 : tl_fail(&mine, TL_ENOMEM, "cannot allocate a compressor");
    if (r) {
        tl_codec_free(c);
        return tl_fail(e, r, "%s", mine.message);
    }
    *out = c;
    return 0;
}

void tl_codec_free(tl_codec *c)
{
    if (!c)
        return;
    if (c->comp)
        libdeflate_free_compressor(c->comp);
    if (c->decomp)
        libdeflate_free_decompressor(c->decomp);
    free(c->raw);
    free(c->work);
    free(c->out);
    free(c->bits);
    free(c->mask);
    free(c->both);
    free(c);
}

/* --- cells <-> interleaved ------------------------------------------------------------------ */

/* A window of one band, planar, and its place in the interleaved tile. */
typedef struct window {
    int w, h;
    size_t step, row; /* interleaved: cells between neighbours, cells between rows */
    uint64_t fill;
    const uint8_t *ok; /* NULL = all valid */
} window;

#define INTERLEAVE(NAME, T)                                                                        \
    static void NAME(const window *v, const void *from, void *to)                                  \
    {                                                                                              \
        const T *src = from, fill = (T)v->fill;                                                    \
        const uint8_t *ok = v->ok;                                                                 \
        for (int y = 0; y < v->h; y++, src += v->w, ok += ok ? v->w : 0) {                         \
            T *dst = (T *)to + (size_t)y * v->row;                                                 \
            if (!ok && v->step == 1)                                                               \
                memcpy(dst, src, (size_t)v->w * sizeof *dst);                                      \
            else if (v->step == 1)                                                                 \
                for (int x = 0; x < v->w; x++)                                                     \
                    dst[x] = ok[x] ? src[x] : fill;                                                \
            else                                                                                   \
                for (int x = 0; x < v->w; x++)                                                     \
                    dst[(size_t)x * v->step] = !ok || ok[x] ? src[x] : fill;                       \
        }                                                                                          \
    }
INTERLEAVE(put8, uint8_t)
INTERLEAVE(put16, uint16_t)
INTERLEAVE(put32, uint32_t)
INTERLEAVE(put64, uint64_t)

static void put_cells(size_t size, const window *v, const void *from, uint8_t *raw, size_t first)
{
    static void (*const put[9])(const window *, const void *,
                                void *) = {[1] = put8, [2] = put16, [4] = put32, [8] = put64};
    put[size](v, from, raw + first * size);
}

/* SAME(a) says whether cell a holds the nodata value; invalid cells become 0. */
#define SEPARATE(NAME, T, SAME)                                                                    \
    static void NAME(const window *v, const void *from, void *to, uint8_t *valid, int by_nodata)   \
    {                                                                                              \
        T *dst = to, fill;                                                                         \
        memcpy(&fill, &v->fill, sizeof fill);                                                      \
        (void)fill;                                                                                \
        const uint8_t *ok = v->ok;                                                                 \
        for (int y = 0; y < v->h; y++) {                                                           \
            const T *src = (const T *)from + (size_t)y * v->row;                                   \
            for (int x = 0; x < v->w; x++, src += v->step) {                                       \
                T a = *src;                                                                        \
                int good = by_nodata ? !(SAME) : !ok || *ok++;                                     \
                *dst++ = good ? a : 0;                                                             \
                *valid++ = (uint8_t)good;                                                          \
            }                                                                                      \
        }                                                                                          \
    }
SEPARATE(get8, uint8_t, a == fill)
SEPARATE(get16, uint16_t, a == fill)
SEPARATE(get32, uint32_t, a == fill)
SEPARATE(get64, uint64_t, a == fill)
SEPARATE(getf32, float, a == fill || (isnan(a) && isnan(fill)))
SEPARATE(getf64, double, a == fill || (isnan(a) && isnan(fill)))

static void get_cells(const tl_product *p, const window *v, const uint8_t *raw, size_t first,
                      void *to, uint8_t *valid)
{
    static void (*const get[9])(const window *, const void *, void *, uint8_t *,
                                int) = {[1] = get8, [2] = get16, [4] = get32, [8] = get64};
    size_t size = tl_dtype_size(p->dtype);
    raw += first * size;
    if (p->dtype == TL_F32)
        getf32(v, raw, to, valid, p->has_nodata);
    else if (p->dtype == TL_F64)
        getf64(v, raw, to, valid, p->has_nodata);
    else
        get[size](v, raw, to, valid, p->has_nodata);
}

/* What lies outside the image in an edge tile. */
static void pad(tl_codec *c)
{
    size_t size = tl_dtype_size(c->p->dtype);
    for (size_t i = 0; i < c->raw_len; i += size)
        memcpy(c->raw + i, &c->fill, size);
}

/* --- predictors ------------------------------------------------------------------------------- */

/* HDF5's shuffle: first bytes of all cells, then the second ones ... */
static void shuffle(tl_codec *c, int undo)
{
    size_t size = tl_dtype_size(c->p->dtype), n = c->raw_len / size;
    for (size_t k = 0; k < size; k++)
        for (size_t i = 0; i < n; i++)
            if (undo)
                c->work[i * size + k] = c->raw[k * n + i];
            else
                c->work[k * n + i] = c->raw[i * size + k];
    memcpy(c->raw, c->work, c->raw_len);
}

static void predict(tl_codec *c, int undo)
{
    const tl_product *p = c->p;
    size_t size = tl_dtype_size(p->dtype), lag = (size_t)p->nbands, n = lag * (size_t)p->tile;
    int kind = tl_dtype_is_float(p->dtype) ? TL_PREDICT_FLOAT : TL_PREDICT_INTEGER;
    if (tl_product_shuffles(p))
        shuffle(c, undo);
    if (tl_format_is_arrays(p->format))
        return;
    for (int y = 0; y < p->tile; y++) {
        uint8_t *row = c->raw + (size_t)y * n * size;
        if (undo)
            tl_unpredict_row(kind, row, n, row, c->work, n, lag, size);
        else
            tl_predict_row(kind, row, c->work, n, lag, size);
    }
}

static int predicts(const tl_product *p)
{
    return p->predictor && p->compress != TL_UNCOMPRESSED && p->format != TL_ZARR;
}

/* --- masks ---------------------------------------------------------------------------------- */

/* c->both = AND of the bands' validity. */
static void join_valid(tl_codec *c, size_t n, const uint8_t *const *valid)
{
    uint8_t *restrict both = c->both;
    memset(both, 1, n);
    for (int b = 0; valid && b < c->p->nbands; b++) {
        const uint8_t *restrict ok = valid[b];
        for (size_t i = 0; ok && i < n; i++)
            both[i] &= ok[i] != 0;
    }
}

static void pack_bits(tl_codec *c, int w, int h)
{
    const uint8_t *ok = c->both; /* each 0 or 1 */
    memset(c->bits, 0, c->bits_len);
    for (int y = 0; y < h; y++) {
        uint8_t *to = c->bits + (size_t)y * (size_t)c->p->tile / 8;
        int x = 0;
        for (; x + 8 <= w; x += 8, ok += 8, to++) {
            uint64_t eight;
            memcpy(&eight, ok, 8);
            *to = (uint8_t)(eight * 0x8040201008040201 >> 56); /* cell k to bit 7 - k */
        }
        for (; x < w; x++)
            *to |= (uint8_t)(*ok++ << (7 - x % 8));
    }
}

static void unpack_bits(tl_codec *c, int w, int h)
{
    uint8_t *ok = c->both;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            *ok++ =
                (c->bits[((size_t)y * (size_t)c->p->tile + (size_t)x) / 8] >> (7 - (x & 7))) & 1;
}

/* --- encode --------------------------------------------------------------------------------- */

/* An empty tile. */
static void clear(const tl_product *p, size_t n, void *const *values, uint8_t *const *valid)
{
    for (int b = 0; b < p->nbands; b++) {
        memset(values[b], 0, n * tl_dtype_size(p->dtype));
        memset(valid[b], 0, n);
    }
}

static int any_valid(const tl_codec *c, size_t n, const uint8_t *const *valid)
{
    if (c->p->has_mask)
        return memchr(c->both, 1, n) != NULL;
    if (!valid)
        return 1;
    for (int b = 0; b < c->p->nbands; b++) {
        const uint8_t *v = valid[b];
        if (!v)
            return 1;
        for (size_t i = 0; i < n; i++)
            if (v[i])
                return 1;
    }
    return 0;
}

/* With a mask: c->both has been made. */
static void interleave(tl_codec *c, int w, int h, const void *const *values,
                       const uint8_t *const *valid)
{
    const tl_product *p = c->p;
    size_t nb = (size_t)p->nbands;
    for (size_t b = 0; b < nb; b++) {
        const uint8_t *ok = p->has_mask ? c->both : valid ? valid[b] : NULL;
        window v = {w, h, nb, nb * (size_t)c->block_w, c->fill, ok};
        put_cells(tl_dtype_size(p->dtype), &v, values[b], c->raw, b);
    }
}

static void separate(tl_codec *c, int w, int h, void *const *values, uint8_t *const *valid)
{
    const tl_product *p = c->p;
    size_t nb = (size_t)p->nbands;
    for (size_t b = 0; b < nb; b++) {
        window v = {w, h, nb, nb * (size_t)c->block_w, c->fill, p->has_mask ? c->both : NULL};
        get_cells(p, &v, c->raw, b, values[b], valid[b]);
    }
}

void tl_codec_settle(tl_codec *c, int w, int h, void *const *values, uint8_t *const *valid)
{
    size_t n = (size_t)w * (size_t)h;
    if (c->p->has_mask)
        join_valid(c, n, (const uint8_t *const *)valid);
    if (tl_product_may_skip(c->p) && !any_valid(c, n, (const uint8_t *const *)valid)) {
        clear(c->p, n, values, valid);
        return;
    }
    interleave(c, w, h, (const void *const *)values, (const uint8_t *const *)valid);
    separate(c, w, h, values, valid);
}

int tl_codec_encode(tl_codec *c, int w, int h, const void *const *values,
                    const uint8_t *const *valid, tl_packed *out, tl_err *e)
{
    const tl_product *p = c->p;
    size_t n = (size_t)w * (size_t)h;
    tl_packed t = {NULL, 0, NULL, 0};
    if (p->has_mask)
        join_valid(c, n, valid);
    if (tl_product_may_skip(p) && !any_valid(c, n, valid)) {
        *out = t;
        return 0;
    }
    if (n < cells(p))
        pad(c);
    interleave(c, w, h, values, valid);
    if (predicts(p))
        predict(c, 0);
    t.bytes = c->raw;
    t.len = c->raw_len;
    if (p->compress == TL_DEFLATE) {
        t.bytes = c->out;
        t.len = libdeflate_zlib_compress(c->comp, c->raw, c->raw_len, c->out, c->out_cap);
    }
    if (p->has_mask) {
        pack_bits(c, w, h);
        t.mask = c->mask;
        t.mask_len = libdeflate_zlib_compress(c->comp, c->bits, c->bits_len, c->mask, c->mask_cap);
    }
    if (!t.len || (p->has_mask && !t.mask_len))
        return tl_fail(e, TL_ENOMEM, "a tile of %zu bytes could not be compressed", c->raw_len);
    *out = t;
    return 0;
}

/* --- decode --------------------------------------------------------------------------------- */

static int inflate(tl_codec *c, const uint8_t *in, size_t len, uint8_t *out, size_t want, tl_err *e)
{
    enum libdeflate_result r = libdeflate_zlib_decompress(c->decomp, in, len, out, want, NULL);
    if (r != LIBDEFLATE_SUCCESS)
        return tl_fail(e, TL_EDATA, "a compressed tile of %zu bytes is damaged", len);
    return 0;
}

static int unpack(tl_codec *c, const tl_packed *in, int w, int h, tl_err *e)
{
    int r;
    if (c->p->compress == TL_DEFLATE) {
        if ((r = inflate(c, in->bytes, in->len, c->raw, c->raw_len, e)))
            return r;
    } else if (in->len != c->raw_len) {
        return tl_fail(e, TL_EDATA, "a tile of %zu bytes must have %zu", in->len, c->raw_len);
    } else {
        memcpy(c->raw, in->bytes, in->len);
    }
    if (predicts(c->p))
        predict(c, 1);
    if (!c->p->has_mask)
        return 0;
    if ((r = inflate(c, in->mask, in->mask_len, c->bits, c->bits_len, e)))
        return r;
    unpack_bits(c, w, h);
    return 0;
}

int tl_codec_decode(tl_codec *c, const tl_packed *in, int w, int h, void *const *values,
                    uint8_t *const *valid, tl_err *e)
{
    if (!in->len) {
        clear(c->p, (size_t)w * (size_t)h, values, valid);
        return 0;
    }
    int r = unpack(c, in, w, h, e);
    if (!r)
        separate(c, w, h, values, valid);
    return r;
}
