/* Overview tiles, built as their children finish: see pyramid.h. SPDX-License-Identifier: MIT */
#include "modules/batch/pyramid.h"
#include "modules/raster/overview.h"
#include "runtime/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Bits 0..3 of a parent's byte: child (qx, qy) is stored, bit 2 * qy + qx. */
#define CHILDREN 15
#define HANDED   16 /* somebody builds it, or it is stored */

enum { MOST_LEVELS = 32 };

struct tl_pyramid {
    const tl_product *p;
    int product, levels;
    tl_store *store;
    int64_t across[MOST_LEVELS], down[MOST_LEVELS];
    atomic_uchar *seen[MOST_LEVELS]; /* [0] is unused */
    uint8_t *want[MOST_LEVELS]; /* with holes: children that are stored, or will be; else NULL */
    pthread_mutex_t lock;       /* of the cursor */
    int at_level;
    int64_t at;
};

static int has_child(const tl_pyramid *y, tl_tile_at a, int q)
{
    return 2 * a.tx + (q & 1) < y->across[a.level - 1] &&
           2 * a.ty + (q >> 1) < y->down[a.level - 1];
}

static int complete(const tl_pyramid *y, tl_tile_at a)
{
    int bits = 0;
    if (y->want[a.level])
        return y->want[a.level][a.ty * y->across[a.level] + a.tx];
    for (int q = 0; q < 4; q++)
        if (has_child(y, a, q))
            bits |= 1 << q;
    return bits;
}

static atomic_uchar *seen_of(tl_pyramid *y, tl_tile_at a)
{
    return &y->seen[a.level][a.ty * y->across[a.level] + a.tx];
}

static unsigned char look(const tl_pyramid *y, tl_tile_at a)
{
    unsigned bits = tl_store_has(y->store, y->product, a.level, a.tx, a.ty) ? HANDED : 0;
    for (int q = 0; q < 4; q++)
        if (has_child(y, a, q) && tl_store_has(y->store, y->product, a.level - 1,
                                               2 * a.tx + (q & 1), 2 * a.ty + (q >> 1)))
            bits |= 1u << q;
    return (unsigned char)bits;
}

/* What is not stored now never will be: parents are built of what there is. */
static int expect_holes(tl_pyramid *y, int l, tl_err *e)
{
    int64_t across = y->across[l], n = across * y->down[l];
    int r = tl_try_alloc((void **)&y->want[l], (size_t)n, 1, "the list of overview tiles", e);
    for (int64_t i = 0; i < n && !r; i++) {
        tl_tile_at a = {l, i % across, i / across};
        y->want[l][i] = look(y, a) & CHILDREN;
        for (int q = 0; q < 4 && l > 1; q++)
            if (has_child(y, a, q) &&
                y->want[l - 1][(2 * a.ty + (q >> 1)) * y->across[l - 1] + 2 * a.tx + (q & 1)])
                y->want[l][i] |= (uint8_t)(1 << q);
    }
    return r;
}

int tl_pyramid_new(const tl_product *p, int product, tl_store *s, int holes, tl_pyramid **out,
                   tl_err *e)
{
    tl_pyramid *y = tl_xcalloc(1, sizeof *y);
    y->p = p;
    y->product = product;
    y->store = s;
    y->levels = tl_product_levels(p);
    y->at_level = 1;
    pthread_mutex_init(&y->lock, NULL);
    for (int l = 0; l < y->levels; l++) {
        tl_product_level_tiles(p, l, &y->across[l], &y->down[l]);
        if (!l)
            continue;
        int r = tl_try_alloc((void **)&y->seen[l], (size_t)y->across[l], (size_t)y->down[l],
                             "the list of overview tiles", e);
        if (!r && holes)
            r = expect_holes(y, l, e);
        if (r) {
            tl_pyramid_free(y);
            return r;
        }
        for (int64_t ty = 0; ty < y->down[l]; ty++)
            for (int64_t tx = 0; tx < y->across[l]; tx++) {
                tl_tile_at a = {l, tx, ty};
                atomic_init(seen_of(y, a), look(y, a));
            }
    }
    *out = y;
    return 0;
}

void tl_pyramid_free(tl_pyramid *y)
{
    if (!y)
        return;
    for (int l = 1; l < y->levels; l++) {
        free(y->seen[l]);
        free(y->want[l]);
    }
    pthread_mutex_destroy(&y->lock);
    free(y);
}

/* Takes `a` if its children are there and nobody has it. */
static int hand_out(tl_pyramid *y, tl_tile_at a, unsigned have)
{
    int want = complete(y, a);
    if (!want || (have & CHILDREN & (unsigned)want) != (unsigned)want || (have & HANDED))
        return 0;
    return !(atomic_fetch_or(seen_of(y, a), HANDED) & HANDED);
}

int tl_pyramid_done(tl_pyramid *y, tl_tile_at at, tl_tile_at *parent)
{
    tl_tile_at a = {at.level + 1, at.tx / 2, at.ty / 2};
    if (a.level >= y->levels)
        return 0;
    unsigned bit = 1u << (2 * (at.ty & 1) + (at.tx & 1));
    unsigned have = atomic_fetch_or(seen_of(y, a), (unsigned char)bit) | bit;
    if (!hand_out(y, a, have))
        return 0;
    *parent = a;
    return 1;
}

int tl_pyramid_next(tl_pyramid *y, tl_tile_at *parent)
{
    int found = 0;
    pthread_mutex_lock(&y->lock);
    for (; !found && y->at_level < y->levels; y->at_level++, y->at = 0) {
        int64_t across = y->across[y->at_level], n = across * y->down[y->at_level];
        while (!found && y->at < n) {
            tl_tile_at a = {y->at_level, y->at % across, y->at / across};
            y->at++;
            found = hand_out(y, a, atomic_load(seen_of(y, a)));
            if (found)
                *parent = a;
        }
        if (found)
            break;
    }
    pthread_mutex_unlock(&y->lock);
    return found;
}

/* --- building --------------------------------------------------------------------------------- */

/* Planar cells of one tile, all bands in one block: values, then validity. */
typedef struct cells {
    uint8_t *block;
    void **values;
    uint8_t **valid;
} cells;

static size_t tile_cells(const tl_product *p)
{
    return (size_t)p->tile * (size_t)p->tile;
}

int64_t tl_pyramid_build_bytes(const tl_product *p)
{
    size_t tile = tile_cells(p) * (size_t)p->nbands * (tl_dtype_size(p->dtype) + 1);
    return (int64_t)(3 * tile + tile / 4); /* child, parent, a compressed child */
}

static int cells_new(const tl_product *p, cells *c, tl_err *e)
{
    size_t n = tile_cells(p), nb = (size_t)p->nbands, size = tl_dtype_size(p->dtype);
    int r = tl_try_alloc((void **)&c->block, n * nb, size + 1, "a tile", e);
    if (r)
        return r;
    c->values = tl_xcalloc(nb, sizeof *c->values);
    c->valid = tl_xcalloc(nb, sizeof *c->valid);
    for (size_t b = 0; b < nb; b++) {
        c->values[b] = c->block + b * n * size;
        c->valid[b] = c->block + nb * n * size + b * n;
    }
    return 0;
}

static void cells_free(cells *c)
{
    free(c->block);
    free(c->values);
    free(c->valid);
}

typedef struct builder {
    tl_pyramid *y;
    tl_codec *codec;
    cells child, parent;
    uint8_t *buf;
    size_t cap;
} builder;

static int add_child(builder *b, tl_tile_at a, int q, int pw, tl_err *e)
{
    const tl_product *p = b->y->p;
    int64_t tx = 2 * a.tx + (q & 1), ty = 2 * a.ty + (q >> 1);
    tl_packed t;
    int w, h;
    int r = tl_store_get(b->y->store, b->y->product, a.level - 1, tx, ty, &b->buf, &b->cap, &t, e);
    if (r)
        return r;
    tl_product_tile_size(p, a.level - 1, tx, ty, &w, &h);
    r = tl_codec_decode(b->codec, &t, w, h, b->child.values, b->child.valid, e);
    if (!r)
        tl_overview_quarter(p, w, h, (const void *const *)b->child.values,
                            (const uint8_t *const *)b->child.valid, q & 1, q >> 1, pw,
                            b->parent.values, b->parent.valid);
    return r;
}

static int build(builder *b, tl_tile_at a, tl_err *e)
{
    const tl_product *p = b->y->p;
    int w, h, r;
    tl_packed t;
    if ((r = cells_new(p, &b->child, e)) || (r = cells_new(p, &b->parent, e)))
        return r;
    memset(b->parent.block, 0, tile_cells(p) * (size_t)p->nbands * (tl_dtype_size(p->dtype) + 1));
    tl_product_tile_size(p, a.level, a.tx, a.ty, &w, &h);
    for (int q = 0; q < 4; q++)
        if ((complete(b->y, a) & 1 << q) && (r = add_child(b, a, q, w, e)))
            return r;
    r = tl_codec_encode(b->codec, w, h, (const void *const *)b->parent.values,
                        (const uint8_t *const *)b->parent.valid, &t, e);
    return r ? r : tl_store_put(b->y->store, b->y->product, a.level, a.tx, a.ty, &t, e);
}

int tl_pyramid_build(tl_pyramid *y, tl_codec *codec, tl_tile_at at, tl_err *e)
{
    builder b = {.y = y, .codec = codec};
    int r = build(&b, at, e);
    cells_free(&b.child);
    cells_free(&b.parent);
    free(b.buf);
    return r;
}

int tl_pyramid_climb(tl_pyramid *y, tl_codec *codec, tl_tile_at at, tl_err *e)
{
    int r = 0;
    while (!r && tl_pyramid_done(y, at, &at))
        r = tl_pyramid_build(y, codec, at, e);
    return r;
}

int tl_pyramid_finish(tl_pyramid *y, tl_codec *codec, tl_err *e)
{
    tl_tile_at at;
    int r = 0;
    while (!r && tl_pyramid_next(y, &at)) {
        r = tl_pyramid_build(y, codec, at, e);
        if (!r)
            r = tl_pyramid_climb(y, codec, at, e);
    }
    return r;
}
