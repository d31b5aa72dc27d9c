/* Decoded blocks: see blockcache.h. SPDX-License-Identifier: MIT */
#include "modules/raster/blockcache.h"
#include "runtime/mem.h"

#include <gdal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/queue.h>

#define BUCKETS  16384
#define OVERHEAD 128                /* bytes of a block beside its cells, nearly */
#define GDALS    ((int64_t)4 << 20) /* bytes that GDAL has in any case */

typedef struct block {
    struct block *next; /* of the same bucket */
    TAILQ_ENTRY(block) use;
    tl_blockkey key;
    int64_t bytes;
    void *cells;
} block;

typedef struct {
    block *bucket[BUCKETS];
    TAILQ_HEAD(uses, block) uses; /* the last one first */
    block *spare; /* of a file that was closed: the next one's blocks are often as large, and memory
                     that is given back and asked for again lies in ever more pieces; or NULL */
    int64_t bytes;
} cache;

static __thread cache *mine;
static atomic_llong limit = (int64_t)256 << 20, held;
static atomic_int threads;

/* --- what may be held ------------------------------------------------------------------------- */

static void hold(cache *c, int64_t bytes)
{
    c->bytes += bytes;
    int64_t rest = atomic_load(&limit) - (atomic_fetch_add(&held, bytes) + bytes);
    GDALSetCacheMax64(rest > GDALS ? rest : GDALS);
}

/* Whether `more` bytes are too many for all threads or for this one, which has an equal share. */
static int too_many(const cache *c, int64_t more)
{
    int64_t most = atomic_load(&limit) - GDALS, n = atomic_load(&threads);
    return atomic_load(&held) + more > most || c->bytes + more > most / (n > 0 ? n : 1);
}

/* --- the table
 * ------------------------------------------------------------------------------------ */

static block **bucket_of(cache *c, const tl_blockkey *k)
{
    uint64_t h = (uint64_t)(uintptr_t)k->file / 64 + (uint64_t)k->level;
    h = (h * 0x9e3779b97f4a7c15u) + (uint64_t)k->block;
    h *= 0x9e3779b97f4a7c15u;
    return &c->bucket[h >> 50];
}

static void take_out(cache *c, block *b)
{
    block **at = bucket_of(c, &b->key);
    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
    TAILQ_REMOVE(&c->uses, b, use);
}

static void release(cache *c, block *b)
{
    hold(c, -(b->bytes + OVERHEAD));
    free(b->cells);
    free(b);
}

/* --- blocks ----------------------------------------------------------------------------------- */

void *tl_blockcache_find(const tl_blockkey *k)
{
    block *b = mine ? *bucket_of(mine, k) : NULL;
    while (b && (b->key.file != k->file || b->key.level != k->level || b->key.block != k->block))
        b = b->next;
    if (!b)
        return NULL;
    TAILQ_REMOVE(&mine->uses, b, use);
    TAILQ_INSERT_HEAD(&mine->uses, b, use);
    return b->cells;
}

/* Makes room; a block of the same size that has to go is returned for use again, else NULL. */
static block *make_room(cache *c, int64_t bytes)
{
    block *again = NULL;
    while (!TAILQ_EMPTY(&c->uses) && too_many(c, again ? 0 : bytes + OVERHEAD)) {
        block *b = TAILQ_LAST(&c->uses, uses);
        take_out(c, b);
        if (!again && b->bytes == bytes)
            again = b;
        else
            release(c, b);
    }
    return again;
}

static block *new_block(cache *c, int64_t bytes)
{
    block *b = c->spare;
    c->spare = NULL;
    if (b && b->bytes == bytes)
        return b;
    if (b)
        release(c, b);
    b = tl_xcalloc(1, sizeof *b);
    if (tl_try_alloc(&b->cells, (size_t)bytes, 1, "a block", NULL)) {
        free(b);
        return NULL;
    }
    b->bytes = bytes;
    hold(c, bytes + OVERHEAD);
    return b;
}

void *tl_blockcache_add(const tl_blockkey *k, size_t bytes)
{
    if (!mine) {
        mine = tl_xcalloc(1, sizeof *mine);
        TAILQ_INIT(&mine->uses);
        atomic_fetch_add(&threads, 1);
    }
    block *b = make_room(mine, (int64_t)bytes);
    if (!b)
        b = new_block(mine, (int64_t)bytes);
    if (!b)
        return NULL;
    block **at = bucket_of(mine, k);
    b->key = *k;
    b->next = *at;
    *at = b;
    TAILQ_INSERT_HEAD(&mine->uses, b, use);
    return b->cells;
}

void tl_blockcache_undo(void)
{
    block *b = TAILQ_FIRST(&mine->uses);
    take_out(mine, b);
    release(mine, b);
}

void tl_blockcache_forget(const void *file)
{
    for (block *b = mine ? TAILQ_FIRST(&mine->uses) : NULL, *next; b; b = next) {
        next = TAILQ_NEXT(b, use);
        if (!file || b->key.file == file) {
            take_out(mine, b);
            if (mine->spare)
                release(mine, b);
            else
                mine->spare = b;
        }
    }
    if (mine && !file) {
        if (mine->spare)
            release(mine, mine->spare);
        free(mine);
        mine = NULL;
        atomic_fetch_sub(&threads, 1);
    }
}

void tl_blockcache_limit(int64_t bytes)
{
    tl_blockcache_forget(NULL);
    atomic_store(&limit, bytes);
    int64_t rest = bytes - atomic_load(&held);
    GDALSetCacheMax64(rest > GDALS ? rest : GDALS);
}
