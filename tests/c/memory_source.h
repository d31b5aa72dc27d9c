/* A source over arrays of the caller, for tests and benches. SPDX-License-Identifier: MIT
 *
 * Band b is w x h cells of one type, rows from the north, at columns 0 .. w-1 and rows 0 .. h-1 of
 * any lattice; every cell there is valid, and none elsewhere. The arrays must outlive the source.
 */
#ifndef TL_MEMORY_SOURCE_H
#define TL_MEMORY_SOURCE_H

#include "modules/image/source.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

typedef struct memory_source {
    tl_source s; /* first: a tl_source is one of these */
    const void *const *cells;
} memory_source;

static inline void memory_destroy(tl_source *s)
{
    free(s->uri);
    free(s->bands);
    free(s);
    tl_live(TL_LIVE_SOURCE, -1);
}

static inline int memory_sample(tl_source *s, const tl_grid *grid, tl_method method,
                                const char *operation, tl_sampling **out, tl_err *e)
{
    tl_sampling *m = tl_xcalloc(1, sizeof *m);
    (void)operation, (void)e;
    tl_sampling_begin(m, s, grid, method, "in memory");
    m->exact = 1;
    *out = m;
    return 0;
}

static inline int64_t memory_working_bytes(const tl_sampling *m, int64_t w, int64_t h, int n)
{
    (void)m, (void)w, (void)h, (void)n;
    return 0;
}

static inline int memory_read(const tl_sampling *m, const tl_read *r, tl_err *e)
{
    const memory_source *f = (const memory_source *)m->source;
    const tl_grid *g = &f->s.native;
    (void)e;
    for (int k = 0; k < r->nbands; k++) {
        size_t size = tl_dtype_size(f->s.bands[r->bands[k]].dtype);
        const char *from = f->cells[r->bands[k]];
        for (int64_t y = 0; y < r->rect.h; y++) {
            tl_rect row = {r->rect.x, r->rect.y + y, r->rect.w, 1};
            tl_rect in = tl_rect_intersect(row, (tl_rect){0, 0, g->w, g->h});
            char *to = (char *)r->values[k] + (size_t)(y * r->rect.w) * size;
            uint8_t *valid = r->valid[k] + y * r->rect.w;
            if (in.w < row.w || in.h < 1) {
                memset(to, 0, (size_t)row.w * size);
                memset(valid, 0, (size_t)row.w);
            }
            if (in.w < 1 || in.h < 1)
                continue;
            memcpy(to + (size_t)(in.x - row.x) * size, from + (size_t)(in.y * g->w + in.x) * size,
                   (size_t)in.w * size);
            memset(valid + (in.x - row.x), 1, (size_t)in.w);
        }
    }
    return 0;
}

static inline int memory_lend(const tl_sampling *m, int band, tl_rect rect, tl_lent *out)
{
    const memory_source *f = (const memory_source *)m->source;
    int64_t w = f->s.native.w;
    if (rect.x < 0 || rect.y < 0 || rect.x + rect.w > w || rect.y + rect.h > f->s.native.h)
        return 0;
    size_t at = (size_t)(rect.y * w + rect.x) * tl_dtype_size(f->s.bands[band].dtype);
    *out = (tl_lent){(const char *)f->cells[band] + at, NULL, w};
    return 1;
}

/* n bands; names, types and cells: n each. lends: cells are used in place where that is possible.
 */
static inline tl_source *memory_source_new(int n, const char *const *names, const tl_dtype *types,
                                           const void *const *cells, int64_t w, int64_t h,
                                           int lends)
{
    static const tl_source_vt reads = {.destroy = memory_destroy,
                                       .sample = memory_sample,
                                       .sampling_destroy = tl_sampling_destroy,
                                       .working_bytes = memory_working_bytes,
                                       .read = memory_read};
    static const tl_source_vt lending = {.destroy = memory_destroy,
                                         .sample = memory_sample,
                                         .sampling_destroy = tl_sampling_destroy,
                                         .working_bytes = memory_working_bytes,
                                         .read = memory_read,
                                         .lend = memory_lend};
    memory_source *f = tl_xcalloc(1, sizeof *f);
    f->s.vt = lends ? &lending : &reads;
    atomic_init(&f->s.refs, 1);
    f->s.uri = tl_xasprintf("memory:%p", (const void *)cells);
    f->s.native = (tl_grid){"", 0, 0, 1, 1, 0, 0, w, h};
    f->s.nbands = n;
    f->s.bands = tl_xcalloc((size_t)n, sizeof *f->s.bands);
    f->cells = cells;
    for (int k = 0; k < n; k++)
        f->s.bands[k] = (tl_band){.name = tl_intern(names[k]),
                                  .dtype = types[k],
                                  .scale = 1,
                                  .block_w = 256,
                                  .block_h = 256,
                                  .block_bands = 1};
    tl_live(TL_LIVE_SOURCE, 1);
    return &f->s;
}

#endif
