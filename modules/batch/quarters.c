/* Parents in the making: see quarters.h. SPDX-License-Identifier: MIT */
#include "modules/batch/quarters.h"
#include "modules/raster/overview.h"
#include "runtime/mem.h"

#include <libdeflate.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_BYTES   ((size_t)4 << 20) /* for each thread */
#define MOST_KEPT    3                 /* one for each of the levels where most tiles are */
#define SPILL_EFFORT 1                 /* of deflate: cells that few will read, once */

/* A parent. */
typedef struct slot {
    tl_tile_at at; /* level 0: the slot is free */
    tl__cells cells;
    unsigned have; /* quarters that are whole */
    int users;     /* threads that write into it */
    uint64_t touched;
} slot;

struct tl__quarters {
    const tl_product *p;
    int product, keep, spill;
    tl_store *store;
    pthread_mutex_t lock; /* of all that follows; taken before the store's */
    uint64_t clock;
    slot *slot;
};

/* --- cells ------------------------------------------------------------------------------------ */

static size_t tile_cells(const tl_product *p)
{
    return (size_t)p->tile * (size_t)p->tile;
}

size_t tl__cells_bytes(const tl_product *p)
{
    return tile_cells(p) * (size_t)p->nbands * (tl_dtype_size(p->dtype) + 1);
}

int tl__cells_new(const tl_product *p, tl__cells *c, tl_err *e)
{
    size_t n = tile_cells(p), nb = (size_t)p->nbands, size = tl_dtype_size(p->dtype);
    int r = tl_try_alloc((void **)&c->block, tl__cells_bytes(p), 1, "a tile", e);
    if (r)
        return r;
    memset(c->block, 0, tl__cells_bytes(p));
    c->values = tl_xcalloc(nb, sizeof *c->values);
    c->valid = tl_xcalloc(nb, sizeof *c->valid);
    for (size_t b = 0; b < nb; b++) {
        c->values[b] = c->block + b * n * size;
        c->valid[b] = c->block + nb * n * size + b * n;
    }
    return 0;
}

void tl__cells_free(tl__cells *c)
{
    free(c->block);
    free(c->values);
    free(c->valid);
    *c = (tl__cells){0};
}

/* --- quarters as bytes ------------------------------------------------------------------------ */

/* Where the quarter of child `at` lies in its parent's cells. */
typedef struct window {
    int w, h, pw; /* cells of the quarter; columns of the parent */
    size_t first; /* cell of its corner */
} window;

static tl_tile_at parent_of(tl_tile_at at)
{
    return (tl_tile_at){at.level + 1, at.tx / 2, at.ty / 2};
}

static unsigned bit_of(tl_tile_at at)
{
    return 1u << (2 * (at.ty & 1) + (at.tx & 1));
}

static window window_of(const tl_product *p, tl_tile_at at)
{
    tl_tile_at up = parent_of(at);
    int cw, ch, ph;
    window v;
    tl_product_tile_size(p, at.level, at.tx, at.ty, &cw, &ch);
    tl_product_tile_size(p, up.level, up.tx, up.ty, &v.pw, &ph);
    v.w = (cw + 1) / 2;
    v.h = (ch + 1) / 2;
    v.first = (size_t)(at.ty & 1) * (size_t)(p->tile / 2) * (size_t)v.pw +
              (size_t)(at.tx & 1) * (size_t)(p->tile / 2);
    return v;
}

static size_t window_bytes(const tl_product *p, const window *v)
{
    return (size_t)v->w * (size_t)v->h * (size_t)p->nbands * (tl_dtype_size(p->dtype) + 1);
}

/* Rows of the window one after the other: values of all bands, then validity; `in`: from flat. */
static void copy_window(const tl_product *p, const window *v, const tl__cells *c, uint8_t *flat,
                        int in)
{
    size_t n = (size_t)p->nbands;
    for (size_t k = 0; k < 2 * n; k++) {
        size_t size = k < n ? tl_dtype_size(p->dtype) : 1, row = (size_t)v->w * size;
        uint8_t *at = (k < n ? (uint8_t *)c->values[k] : c->valid[k - n]) + v->first * size;
        for (int y = 0; y < v->h; y++, at += (size_t)v->pw * size, flat += row)
            memcpy(in ? at : flat, in ? flat : at, row);
    }
}

static int put(tl__quarters *q, tl_tile_at at, const tl__cells *c, tl_err *e)
{
    window v = window_of(q->p, at);
    size_t n = window_bytes(q->p, &v);
    struct libdeflate_compressor *z = libdeflate_alloc_compressor(SPILL_EFFORT);
    size_t most = z ? libdeflate_zlib_compress_bound(z, n) : 0;
    uint8_t *flat = NULL;
    int r = z ? tl_try_alloc((void **)&flat, n + most, 1, "a quarter of a tile", e)
              : tl_fail(e, TL_ENOMEM, "cannot allocate a compressor");
    if (!r) {
        copy_window(q->p, &v, c, flat, 0);
        tl_packed t = {flat + n, libdeflate_zlib_compress(z, flat, n, flat + n, most), NULL, 0};
        r = tl_store_put(q->store, q->product, TL_STORE_QUARTER + at.level, at.tx, at.ty, &t, e);
    }
    free(flat);
    libdeflate_free_compressor(z);
    return r;
}

static int read_quarter(tl__quarters *q, tl_tile_at at, const tl_packed *t, tl__cells *parent)
{
    window v = window_of(q->p, at);
    size_t n = window_bytes(q->p, &v);
    struct libdeflate_decompressor *z = libdeflate_alloc_decompressor();
    uint8_t *flat = malloc(n);
    int good = z && flat &&
               libdeflate_zlib_decompress(z, t->bytes, t->len, flat, n, NULL) == LIBDEFLATE_SUCCESS;
    if (good)
        copy_window(q->p, &v, parent, flat, 1);
    free(flat);
    libdeflate_free_decompressor(z);
    return good;
}

int tl__quarters_fetch(tl__quarters *q, tl_tile_at at, tl__cells *parent, uint8_t **buf,
                       size_t *cap)
{
    tl_err ignored = TL_ERR_INIT; /* the child itself is there */
    tl_packed t;
    int level = TL_STORE_QUARTER + at.level;
    return tl_store_has(q->store, q->product, level, at.tx, at.ty) &&
           !tl_store_get(q->store, q->product, level, at.tx, at.ty, buf, cap, &t, &ignored) &&
           read_quarter(q, at, &t, parent);
}

/* --- slots ------------------------------------------------------------------------------------ */

int tl__quarters_kept(const tl_product *p)
{
    size_t fit = KEPT_BYTES / tl__cells_bytes(p);
    return fit < MOST_KEPT ? (int)fit : MOST_KEPT;
}

tl__quarters *tl__quarters_new(const tl_product *p, int product, tl_store *s, int keep, int spill)
{
    tl__quarters *q = tl_xcalloc(1, sizeof *q);
    *q = (tl__quarters){.p = p, .product = product, .keep = keep, .spill = spill, .store = s};
    pthread_mutex_init(&q->lock, NULL);
    q->slot = tl_xcalloc((size_t)keep + 1, sizeof *q->slot);
    return q;
}

void tl__quarters_free(tl__quarters *q)
{
    if (!q)
        return;
    for (int i = 0; i < q->keep; i++)
        tl__cells_free(&q->slot[i].cells);
    free(q->slot);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

/* Empties a slot that nobody writes into. */
static int put_away(tl__quarters *q, slot *s, tl_err *e)
{
    int r = 0;
    for (int k = 0; k < 4 && q->spill && !r; k++) {
        tl_tile_at child = {s->at.level - 1, 2 * s->at.tx + (k & 1), 2 * s->at.ty + (k >> 1)};
        if (s->have & 1u << k)
            r = put(q, child, &s->cells, e);
    }
    tl__cells_free(&s->cells);
    *s = (slot){0};
    return r;
}

static slot *find(tl__quarters *q, tl_tile_at at)
{
    for (int i = 0; i < q->keep; i++) {
        slot *s = &q->slot[i];
        if (s->at.level == at.level && s->at.tx == at.tx && s->at.ty == at.ty)
            return s;
    }
    return NULL;
}

/* A slot for a parent that has none; *out is NULL when all are being written into. */
static int make_room(tl__quarters *q, tl_tile_at at, slot **out, tl_err *e)
{
    slot *s = NULL;
    for (int i = 0; i < q->keep; i++)
        if (!q->slot[i].users && (!s || q->slot[i].touched < s->touched))
            s = &q->slot[i];
    *out = s;
    int r = s && s->at.level ? put_away(q, s, e) : 0;
    if (!s || r || (r = tl__cells_new(q->p, &s->cells, e)))
        return r;
    s->at = at;
    return 0;
}

static int begin(tl__quarters *q, tl_tile_at at, slot **out, tl_err *e)
{
    pthread_mutex_lock(&q->lock);
    *out = find(q, at);
    int r = *out ? 0 : make_room(q, at, out, e);
    if (!r && *out) {
        (*out)->users++;
        (*out)->touched = ++q->clock;
    }
    pthread_mutex_unlock(&q->lock);
    return r;
}

int tl__quarters_add(tl__quarters *q, tl_tile_at at, const void *const *values,
                     const uint8_t *const *valid, tl_err *e)
{
    slot *s;
    int w, h, r = begin(q, parent_of(at), &s, e);
    if (r || !s)
        return r;
    tl_product_tile_size(q->p, at.level, at.tx, at.ty, &w, &h);
    tl_overview_quarter(q->p, w, h, values, valid, at.tx & 1, at.ty & 1, window_of(q->p, at).pw,
                        s->cells.values, s->cells.valid);
    pthread_mutex_lock(&q->lock);
    s->have |= bit_of(at);
    s->users--;
    pthread_mutex_unlock(&q->lock);
    return 0;
}

int tl__quarters_take(tl__quarters *q, tl_tile_at parent, tl__cells *out, unsigned *have, tl_err *e)
{
    pthread_mutex_lock(&q->lock);
    slot *s = find(q, parent);
    if (s && s->users) /* a stored child is made once more: its bytes are in the store */
        s = NULL;
    *have = s ? s->have : 0;
    if (s) {
        *out = s->cells;
        *s = (slot){0};
    }
    pthread_mutex_unlock(&q->lock);
    return s ? 0 : tl__cells_new(q->p, out, e);
}

int tl__quarters_rest(tl__quarters *q, tl_err *e)
{
    int r = 0;
    pthread_mutex_lock(&q->lock);
    for (int i = 0; i < q->keep && !r; i++)
        if (q->slot[i].at.level)
            r = put_away(q, &q->slot[i], e);
    pthread_mutex_unlock(&q->lock);
    return r;
}
