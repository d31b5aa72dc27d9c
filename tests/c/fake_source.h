/* A source over arithmetic for tests of graphs: no file, no GDAL. SPDX-License-Identifier: MIT
 *
 * Cell (col, row) of band b holds fake_number(col, row, b), and is valid where fake_valid says so;
 * integer bands hold its floor. Sampled on any lattice it delivers that lattice's indices. */
#ifndef TL_FAKE_SOURCE_H
#define TL_FAKE_SOURCE_H

#include "modules/image/source.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct fake {
    tl_source s;
    tl_band band[4];
    int refuse_sample, refuse_read; /* TL_E*, 0 = work */
    atomic_int reads, samplings;
} fake;

static inline double fake_number(int64_t col, int64_t row, int b)
{
    int64_t k = ((col * 37 + row * 101 + b * 17) % 251 + 251) % 251;
    return (double)(k - 125) * 0.75;
}

static inline int fake_valid(int64_t col, int64_t row, int b)
{
    return ((col + 3 * row + b) % 7 + 7) % 7 != 0;
}

static inline void fake_destroy(tl_source *s)
{
    free(s->uri);
    free(s);
    tl_live(TL_LIVE_SOURCE, -1);
}

static inline int fake_sample(tl_source *s, const tl_grid *grid, tl_method method,
                              const char *operation, tl_sampling **out, tl_err *e)
{
    fake *f = (fake *)s;
    (void)operation;
    if (f->refuse_sample)
        return tl_fail(e, f->refuse_sample, "this source refuses to be sampled");
    tl_sampling *m = tl_xcalloc(1, sizeof *m);
    tl_sampling_begin(m, s, grid, method, "made up");
    m->exact = 1;
    atomic_fetch_add(&f->samplings, 1);
    *out = m;
    return 0;
}

static inline int64_t fake_working_bytes(const tl_sampling *m, int64_t w, int64_t h, int n)
{
    (void)m;
    return w * h * n;
}

static inline void fake_cell(void *to, int64_t i, tl_dtype t, double x)
{
    switch (t) {
    case TL_U8:
        ((uint8_t *)to)[i] = (uint8_t)(int64_t)floor(x);
        break;
    case TL_I16:
        ((int16_t *)to)[i] = (int16_t)floor(x);
        break;
    case TL_I64:
        ((int64_t *)to)[i] = (int64_t)floor(x);
        break;
    case TL_F32:
        ((float *)to)[i] = (float)x;
        break;
    default:
        ((double *)to)[i] = x;
        break;
    }
}

static inline int fake_read(const tl_sampling *m, const tl_read *r, tl_err *e)
{
    fake *f = (fake *)m->source;
    if (f->refuse_read)
        return tl_fail(e, f->refuse_read, "this source refuses to be read");
    atomic_fetch_add(&f->reads, 1);
    for (int k = 0; k < r->nbands; k++)
        for (int64_t y = 0, i = 0; y < r->rect.h; y++)
            for (int64_t x = 0; x < r->rect.w; x++, i++) {
                int64_t col = r->rect.x + x, row = r->rect.y + y;
                int ok = fake_valid(col, row, r->bands[k]);
                double v = ok ? fake_number(col, row, r->bands[k]) : 0;
                fake_cell(r->values[k], i, f->band[r->bands[k]].dtype, v);
                r->valid[k][i] = (uint8_t)ok;
            }
    return 0;
}

/* Four bands: b0 int16, b1 int16, b2 float32, b3 uint8. */
static inline fake *fake_new(const char *uri, double cell)
{
    static const tl_source_vt vt = {.destroy = fake_destroy,
                                    .sample = fake_sample,
                                    .sampling_destroy = tl_sampling_destroy,
                                    .working_bytes = fake_working_bytes,
                                    .read = fake_read};
    static const tl_dtype types[4] = {TL_I16, TL_I16, TL_F32, TL_U8};
    static const char *const names[4] = {"b0", "b1", "b2", "b3"};
    fake *f = tl_xcalloc(1, sizeof *f);
    f->s.vt = &vt;
    atomic_init(&f->s.refs, 1);
    f->s.uri = tl_xstrdup(uri);
    f->s.native = (tl_grid){tl_intern("EPSG:32633"), 500000, 5000000, cell, cell, 0, 0, 60, 40};
    f->s.nbands = 4;
    f->s.bands = f->band;
    for (int i = 0; i < 4; i++)
        f->band[i] = (tl_band){
            .name = names[i], .dtype = types[i], .scale = 1, .block_w = 16, .block_h = 16};
    tl_live(TL_LIVE_SOURCE, 1);
    return f;
}

#endif
