/* A geometry as a source: true inside. See coverage.h. SPDX-License-Identifier: MIT */
#include "modules/raster/coverage.h"
#include "modules/raster/raster.h"
#include "runtime/hash.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    tl_source s; /* first */
    tl_geometry *geometry;
    json_t *json;
} mask;

typedef struct {
    tl_sampling m; /* first */
    tl_coverage *coverage;
} mask_sampling;

static void destroy(tl_source *s)
{
    mask *k = (mask *)s;
    tl_geometry_free(k->geometry);
    json_decref(k->json);
    free(s->bands);
    free(s->uri);
    free(k);
    tl_live(TL_LIVE_SOURCE, -1);
}

static int sample(tl_source *s, const tl_grid *grid, tl_method method, const char *operation,
                  tl_sampling **out, tl_err *e)
{
    tl_coverage *c = NULL;
    (void)operation;
    int rc = tl_coverage_new(((mask *)s)->geometry, grid, &c, e);
    if (rc)
        return rc;
    mask_sampling *k = tl_xcalloc(1, sizeof *k);
    k->coverage = c;
    tl_sampling_begin(&k->m, s, grid, method, "cells whose centre lies inside a geometry");
    k->m.exact = 1;
    *out = &k->m;
    return 0;
}

static void sampling_destroy(tl_sampling *m)
{
    mask_sampling *k = (mask_sampling *)m;
    tl_coverage_free(k->coverage);
    tl_sampling_destroy(m);
}

static int64_t working_bytes(const tl_sampling *m, int64_t w, int64_t h, int n)
{
    (void)h;
    (void)n;
    return (int64_t)tl_coverage_bytes(((const mask_sampling *)m)->coverage) + 64 * w;
}

static int read_cells(const tl_sampling *m, const tl_read *q, tl_err *e)
{
    const mask_sampling *k = (const mask_sampling *)m;
    int rc = 0;
    for (int b = 0; b < q->nbands && !rc; b++) {
        rc = tl_coverage_centres(k->coverage, q->rect, q->values[b], e);
        memset(q->valid[b], 1, (size_t)(q->rect.w * q->rect.h));
    }
    return rc;
}

static const tl_source_vt mask_vt = {.destroy = destroy,
                                     .sample = sample,
                                     .sampling_destroy = sampling_destroy,
                                     .working_bytes = working_bytes,
                                     .read = read_cells};

tl_source *tl_mask_source(const json_t *json, tl_err *e)
{
    tl_geometry *g = NULL;
    if (tl_geometry_from_json(json, &g, e))
        return NULL;
    mask *k = tl_xcalloc(1, sizeof *k);
    char hex[65];
    k->s.vt = &mask_vt;
    atomic_init(&k->s.refs, 1);
    k->geometry = g;
    k->json = tl_geometry_to_json(g);
    char *text = json_dumps(k->json, JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17));
    tl_sha256(text, strlen(text), hex);
    free(text);
    k->s.uri = tl_xasprintf("geometry:%.16s", hex); /* what tells it from others, in one word */
    k->s.native.crs = tl_intern("EPSG:4326");
    k->s.nbands = 1;
    k->s.bands = tl_xcalloc(1, sizeof *k->s.bands);
    k->s.bands[0] = (tl_band){.name = tl_intern("inside"),
                              .dtype = TL_U8,
                              .scale = 1,
                              .block_w = 256,
                              .block_h = 256,
                              .block_bands = 1,
                              .is_classes = 1};
    tl_live(TL_LIVE_SOURCE, 1);
    return &k->s;
}

const json_t *tl_mask_source_json(const tl_source *s)
{
    return s->vt == &mask_vt ? ((const mask *)s)->json : NULL;
}
