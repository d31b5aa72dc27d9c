/* See burn.h. SPDX-License-Identifier: MIT */
#include "modules/raster/burn.h"
#include "modules/expr/expr.h"
#include "modules/raster/coverage.h"
#include "runtime/hash.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    tl_source s; /* first */
    int n, touched, whole;
    tl_geometry **geometry;
    tl_num *value; /* integers when all are */
    json_t *json;
} burn;

typedef struct {
    tl_sampling m; /* first */
    tl_coverage **coverage;
} burn_sampling;

static void destroy(tl_source *s)
{
    burn *k = (burn *)s;
    for (int i = 0; i < k->n; i++)
        tl_geometry_free(k->geometry[i]);
    free(k->geometry);
    free(k->value);
    json_decref(k->json);
    free(s->bands);
    free(s->uri);
    free(k);
    tl_live(TL_LIVE_SOURCE, -1);
}

static void free_coverages(burn_sampling *k, int n)
{
    for (int i = 0; i < n; i++)
        tl_coverage_free(k->coverage[i]);
    free(k->coverage);
}

static int sample(tl_source *s, const tl_grid *grid, tl_method method, const char *operation,
                  tl_sampling **out, tl_err *e)
{
    burn *b = (burn *)s;
    burn_sampling *k = tl_xcalloc(1, sizeof *k);
    int rc = 0;
    (void)operation;
    k->coverage = tl_xcalloc((size_t)b->n, sizeof *k->coverage);
    for (int i = 0; i < b->n && !rc; i++)
        rc = tl_coverage_new(b->geometry[i], grid, &k->coverage[i], e);
    if (rc) {
        free_coverages(k, b->n);
        free(k);
        return rc;
    }
    tl_sampling_begin(&k->m, s, grid, method,
                      b->touched ? "cells that a feature touches"
                                 : "cells whose centre lies inside a feature");
    k->m.exact = 1;
    *out = &k->m;
    return 0;
}

static void sampling_destroy(tl_sampling *m)
{
    burn_sampling *k = (burn_sampling *)m;
    free_coverages(k, ((const burn *)m->source)->n);
    tl_sampling_destroy(m);
}

static int64_t working_bytes(const tl_sampling *m, int64_t w, int64_t h, int n)
{
    const burn *b = (const burn *)m->source;
    int64_t bytes = 64 * w + (int64_t)sizeof(double) * w * h;
    (void)n;
    for (int i = 0; i < b->n; i++)
        bytes += (int64_t)tl_coverage_bytes(((const burn_sampling *)m)->coverage[i]);
    return bytes;
}

/* hit: 1 for the cells of r that the feature holds. */
static int cells_of(const burn *b, const tl_coverage *c, tl_rect r, double *part, uint8_t *hit,
                    tl_err *e)
{
    if (!b->touched)
        return tl_coverage_centres(c, r, hit, e);
    int rc = tl_coverage_fractions(c, r, part, e);
    for (int64_t i = 0; i < r.w * r.h && !rc; i++)
        hit[i] = part[i] > 0;
    return rc;
}

static void put(const burn *b, int i, const tl_read *q, tl_rect r, const uint8_t *hit)
{
    for (int64_t y = 0; y < r.h; y++) {
        int64_t to = (r.y + y - q->rect.y) * q->rect.w + r.x - q->rect.x;
        for (int64_t x = 0; x < r.w; x++) {
            if (!hit[y * r.w + x])
                continue;
            if (b->whole)
                ((int64_t *)q->values[0])[to + x] = b->value[i].i;
            else
                ((double *)q->values[0])[to + x] = b->value[i].f;
            q->valid[0][to + x] = 1;
        }
    }
}

static int read_cells(const tl_sampling *m, const tl_read *q, tl_err *e)
{
    const burn *b = (const burn *)m->source;
    size_t n = (size_t)(q->rect.w * q->rect.h);
    uint8_t *hit = NULL;
    double *part = NULL;
    memset(q->values[0], 0, n * 8);
    memset(q->valid[0], 0, n);
    int rc = tl_try_alloc((void **)&hit, n, 1, "a block", e);
    if (!rc && b->touched)
        rc = tl_try_alloc((void **)&part, n, sizeof *part, "a block", e);
    for (int i = 0; i < b->n && !rc; i++) {
        const tl_coverage *c = ((const burn_sampling *)m)->coverage[i];
        tl_rect r = tl_rect_intersect(tl_coverage_rect(c, q->rect), q->rect);
        if (r.w <= 0 || r.h <= 0)
            continue;
        rc = cells_of(b, c, r, part, hit, e);
        if (!rc)
            put(b, i, q, r, hit);
    }
    free(hit);
    free(part);
    return rc;
}

static const tl_source_vt burn_vt = {.destroy = destroy,
                                     .sample = sample,
                                     .sampling_destroy = sampling_destroy,
                                     .working_bytes = working_bytes,
                                     .read = read_cells};

static int read_features(burn *k, const json_t *list, tl_err *e)
{
    const json_t *one;
    size_t i;
    json_array_foreach(list, i, one)
    {
        const json_t *v = json_object_get(one, "value");
        if (!json_is_number(v))
            return tl_fail(e, TL_EDATA, "feature %zu has no number to be burnt", i + 1);
        int rc = tl_geometry_from_json(json_object_get(one, "geometry"), &k->geometry[k->n], e);
        if (rc)
            return tl_err_prefix(e, "feature %zu", i + 1);
        if (k->whole)
            k->value[k->n].i = json_integer_value(v);
        else
            k->value[k->n].f = json_number_value(v);
        k->n++;
    }
    return 0;
}

static void describe_band(burn *k)
{
    tl_band *b = k->s.bands = tl_xcalloc(1, sizeof *k->s.bands);
    *b = (tl_band){.name = tl_intern("value"),
                   .dtype = k->whole ? TL_I64 : TL_F64,
                   .scale = 1,
                   .block_w = 256,
                   .block_h = 256,
                   .block_bands = 1,
                   .is_computed = 1,
                   .own_validity = 1,
                   .is_classes = 1,
                   .has_range = k->whole};
    for (int i = 0; i < k->n && k->whole; i++) {
        b->lo = i && b->lo < k->value[i].i ? b->lo : k->value[i].i;
        b->hi = i && b->hi > k->value[i].i ? b->hi : k->value[i].i;
    }
}

tl_source *tl_burn_source(const json_t *json, tl_err *e)
{
    const json_t *list = json_object_get(json, "features"), *one;
    size_t n = json_array_size(list), i;
    burn *k = tl_xcalloc(1, sizeof *k);
    char hex[65];
    k->s.vt = &burn_vt;
    atomic_init(&k->s.refs, 1);
    tl_live(TL_LIVE_SOURCE, 1);
    k->geometry = tl_xcalloc(n, sizeof *k->geometry);
    k->value = tl_xcalloc(n, sizeof *k->value);
    k->touched = json_is_true(json_object_get(json, "touched"));
    k->whole = 1;
    json_array_foreach(list, i, one) k->whole &= json_is_integer(json_object_get(one, "value"));
    int rc =
        n ? read_features(k, list, e) : tl_fail(e, TL_EDATA, "there is no feature to be burnt");
    if (rc) {
        destroy(&k->s);
        return NULL;
    }
    k->json = json_deep_copy(json);
    char *text = json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17));
    tl_sha256(text, strlen(text), hex);
    free(text);
    k->s.uri = tl_xasprintf("features:%.32s", hex);
    k->s.native.crs = tl_intern("EPSG:4326");
    k->s.nbands = 1;
    describe_band(k);
    return &k->s;
}

const json_t *tl_burn_source_json(const tl_source *s)
{
    return s->vt == &burn_vt ? ((const burn *)s)->json : NULL;
}
