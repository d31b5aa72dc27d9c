/* Overview tiles, built as their children finish: see pyramid.h. SPDX-License-Identifier: MIT */
#include "modules/batch/pyramid.h"
#include "modules/batch/quarters.h"
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
    tl__quarters *quarters;
    pthread_mutex_t lock; /* of the cursor */
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

int tl_pyramid_new(const tl_product *p, int product, tl_store *s, int threads, int flags,
                   tl_pyramid **out, tl_err *e)
{
    tl_pyramid *y = tl_xcalloc(1, sizeof *y);
    y->p = p;
    y->product = product;
    y->store = s;
    y->levels = tl_product_levels(p);
    y->at_level = 1;
    y->quarters =
        tl__quarters_new(p, product, s, threads * tl__quarters_kept(p), flags & TL_PYRAMID_SPILL);
    pthread_mutex_init(&y->lock, NULL);
    for (int l = 0; l < y->levels; l++) {
        tl_product_level_tiles(p, l, &y->across[l], &y->down[l]);
        if (!l)
            continue;
        int r = tl_try_alloc((void **)&y->seen[l], (size_t)y->across[l], (size_t)y->down[l],
                             "the list of overview tiles", e);
        if (!r && flags & TL_PYRAMID_HOLES)
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
    tl__quarters_free(y->quarters);
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
            tl_tile_at a = {.level = y->at_level};
            tl_place_by_quarters(y->at++, across, y->down[y->at_level], &a.tx, &a.ty);
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

/* --- order ------------------------------------------------------------------------------------ */

static int64_t within(int64_t from, int64_t n, int64_t most)
{
    return most <= from ? 0 : most - from < n ? most - from : n;
}

void tl_place_by_quarters(int64_t k, int64_t across, int64_t down, int64_t *x, int64_t *y)
{
    int64_t size = 1;
    while (size < across || size < down)
        size *= 2;
    *x = *y = 0;
    while (size > 1) {
        size /= 2;
        for (int q = 0; q < 4; q++) {
            int64_t qx = *x + (q & 1) * size, qy = *y + (q >> 1) * size;
            int64_t n = within(qx, size, across) * within(qy, size, down);
            if (k < n) {
                *x = qx;
                *y = qy;
                break;
            }
            k -= n;
        }
    }
}

/* --- building --------------------------------------------------------------------------------- */

int64_t tl_pyramid_build_bytes(const tl_product *p)
{
    int64_t tile = (int64_t)tl__cells_bytes(p);
    return 3 * tile + tile / 4; /* child, parent, a compressed child */
}

int64_t tl_pyramid_kept_bytes(const tl_product *p)
{
    return tl_product_levels(p) > 1 ? tl__quarters_kept(p) * (int64_t)tl__cells_bytes(p) : 0;
}

typedef struct builder {
    tl_pyramid *y;
    tl_codec *codec;
    tl__cells child, parent;
    unsigned have; /* quarters of the parent */
    uint8_t *buf;
    size_t cap;
} builder;

/* A quarter that nobody left: from the child's bytes. */
static int add_child(builder *b, tl_tile_at at, int pw, tl_err *e)
{
    const tl_product *p = b->y->p;
    int w, h;
    tl_packed t;
    int r = b->child.block ? 0 : tl__cells_new(p, &b->child, e);
    if (!r)
        r = tl_store_get(b->y->store, b->y->product, at.level, at.tx, at.ty, &b->buf, &b->cap, &t,
                         e);
    if (r)
        return r;
    tl_product_tile_size(p, at.level, at.tx, at.ty, &w, &h);
    r = tl_codec_decode(b->codec, &t, w, h, b->child.values, b->child.valid, e);
    if (!r)
        tl_overview_quarter(p, w, h, (const void *const *)b->child.values,
                            (const uint8_t *const *)b->child.valid, at.tx & 1, at.ty & 1, pw,
                            b->parent.values, b->parent.valid);
    return r;
}

/* What of the parent was not made as its children were. */
static int add_missing(builder *b, tl_tile_at a, int pw, tl_err *e)
{
    int r = 0;
    for (int q = 0; q < 4 && !r; q++) {
        tl_tile_at child = {a.level - 1, 2 * a.tx + (q & 1), 2 * a.ty + (q >> 1)};
        if (!(complete(b->y, a) & 1 << q) || b->have & 1u << q)
            continue;
        if (!tl__quarters_fetch(b->y->quarters, child, &b->parent, &b->buf, &b->cap))
            r = add_child(b, child, pw, e);
    }
    return r;
}

/* The quarter that `at` is in its parent, where it has one. */
static int hand_up(tl_pyramid *y, tl_codec *codec, tl_tile_at at, void *const *values,
                   uint8_t *const *valid, tl_err *e)
{
    int w, h;
    if (at.level + 1 >= y->levels)
        return 0;
    tl_product_tile_size(y->p, at.level, at.tx, at.ty, &w, &h);
    tl_codec_settle(codec, w, h, values, valid);
    return tl__quarters_add(y->quarters, at, (const void *const *)values,
                            (const uint8_t *const *)valid, e);
}

static int build(builder *b, tl_tile_at a, tl_err *e)
{
    tl_pyramid *y = b->y;
    int w, h;
    tl_packed t;
    int r = tl__quarters_take(y->quarters, a, &b->parent, &b->have, e);
    if (r)
        return r;
    tl_product_tile_size(y->p, a.level, a.tx, a.ty, &w, &h);
    r = add_missing(b, a, w, e);
    if (!r)
        r = tl_codec_encode(b->codec, w, h, (const void *const *)b->parent.values,
                            (const uint8_t *const *)b->parent.valid, &t, e);
    if (!r)
        r = tl_store_put(y->store, y->product, a.level, a.tx, a.ty, &t, e);
    return r ? r : hand_up(y, b->codec, a, b->parent.values, b->parent.valid, e);
}

int tl_pyramid_build(tl_pyramid *y, tl_codec *codec, tl_tile_at at, tl_err *e)
{
    builder b = {.y = y, .codec = codec};
    int r = build(&b, at, e);
    tl__cells_free(&b.child);
    tl__cells_free(&b.parent);
    free(b.buf);
    return r;
}

static int climb(tl_pyramid *y, tl_codec *codec, tl_tile_at at, tl_err *e)
{
    int r = 0;
    while (!r && tl_pyramid_done(y, at, &at))
        r = tl_pyramid_build(y, codec, at, e);
    return r;
}

int tl_pyramid_climb(tl_pyramid *y, tl_codec *codec, tl_tile_at at, void *const *values,
                     uint8_t *const *valid, tl_err *e)
{
    int r = hand_up(y, codec, at, values, valid, e);
    return r ? r : climb(y, codec, at, e);
}

int tl_pyramid_finish(tl_pyramid *y, tl_codec *codec, tl_err *e)
{
    tl_tile_at at;
    int r = 0;
    while (!r && tl_pyramid_next(y, &at)) {
        r = tl_pyramid_build(y, codec, at, e);
        if (!r)
            r = climb(y, codec, at, e);
    }
    return r;
}

int tl_pyramid_rest(tl_pyramid *y, tl_err *e)
{
    return tl__quarters_rest(y->quarters, e);
}
