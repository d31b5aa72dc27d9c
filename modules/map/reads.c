/* Blocks that were read: see reads.h. SPDX-License-Identifier: MIT */
#include "modules/map/reads.h"
#include "modules/image/pass.h"
#include "runtime/hash.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

struct tl_reads {
    tl_cache *cache;
};

/* Without padding: it is compared as bytes. */
typedef struct key {
    uint64_t identity;
    const char *crs; /* interned */
    double x0, y0, dx, dy;
    int64_t x, y, w, h;
    uint64_t operation;
    int32_t band, method;
} key;

static key key_of(const tl_sampling *m, const tl_read *r, int k)
{
    const tl_grid *g = &m->lattice;
    return (key){m->source->identity,
                 g->crs,
                 g->x0,
                 g->y0,
                 g->dx,
                 g->dy,
                 r->rect.x,
                 r->rect.y,
                 r->rect.w,
                 r->rect.h,
                 tl_fnv(TL_FNV, m->operation, strlen(m->operation)),
                 r->bands[k],
                 (int32_t)m->method};
}

/* Values, then validity. */
static int get(void *ctx, const tl_sampling *m, const tl_read *r)
{
    tl_reads *c = ctx;
    size_t cells = (size_t)(r->rect.w * r->rect.h);
    for (int k = 0; k < r->nbands; k++) {
        key id = key_of(m, r, k);
        size_t bytes = cells * tl_dtype_size(m->source->bands[r->bands[k]].dtype);
        tl_blob *b = tl_cache_get(c->cache, &id, sizeof id);
        if (!b)
            return 0;
        memcpy(r->values[k], b->data, bytes);
        memcpy(r->valid[k], b->data + bytes, cells);
        tl_blob_unref(b);
    }
    return 1;
}

static void put(void *ctx, const tl_sampling *m, const tl_read *r)
{
    tl_reads *c = ctx;
    size_t cells = (size_t)(r->rect.w * r->rect.h);
    if (cells < 1024)
        return; /* single points */
    for (int k = 0; k < r->nbands; k++) {
        key id = key_of(m, r, k);
        size_t bytes = cells * tl_dtype_size(m->source->bands[r->bands[k]].dtype);
        tl_blob *b = tl_blob_new(bytes + cells);
        if (!b)
            return;
        memcpy(b->data, r->values[k], bytes);
        memcpy(b->data + bytes, r->valid[k], cells);
        tl_cache_put(c->cache, &id, sizeof id, b);
        tl_blob_unref(b);
    }
}

tl_reads *tl_reads_new(int64_t most_bytes)
{
    tl_reads *r = tl_xcalloc(1, sizeof *r);
    r->cache = tl_cache_new(most_bytes);
    tl_pass_set_cache(&(tl_pass_cache){get, put, r});
    return r;
}

void tl_reads_free(tl_reads *r)
{
    if (!r)
        return;
    tl_pass_set_cache(NULL);
    tl_cache_free(r->cache);
    free(r);
}

void tl_reads_count(tl_reads *r, tl_cache_counts *out)
{
    tl_cache_count(r->cache, out);
}
