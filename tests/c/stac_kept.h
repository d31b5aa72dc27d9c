/* A scene as the tests of readers look at it. SPDX-License-Identifier: MIT */
#ifndef TL_STAC_KEPT_H
#define TL_STAC_KEPT_H

#include "tests/c/test.h"

#include "modules/collection/index.h"

/* What the tests ask of the one scene of an index. */
typedef struct {
    int n;
    char id[200], collection[80], platform[80], tile[40], crs[40], props[3000], info[20000];
    char asset[6000]; /* "key href\n" */
    double t0, t1, cloud, box[4], bounds[4];
    size_t nring, nassets;
    float ring[200];
} kept;

static int keep(void *ctx, const tl_scene *s, tl_err *e)
{
    kept *k = ctx;
    (void)e;
    memset(k->asset, 0, sizeof k->asset);
    snprintf(k->id, sizeof k->id, "%s", s->id);
    snprintf(k->collection, sizeof k->collection, "%s", s->collection);
    snprintf(k->platform, sizeof k->platform, "%s", s->platform);
    snprintf(k->tile, sizeof k->tile, "%s", s->tile);
    snprintf(k->crs, sizeof k->crs, "%s", s->crs);
    snprintf(k->props, sizeof k->props, "%s", s->properties);
    snprintf(k->info, sizeof k->info, "%s", s->assets_info);
    for (size_t i = 0; i < s->nassets; i++) {
        size_t at = strlen(k->asset);
        snprintf(k->asset + at, sizeof k->asset - at, "%s %s\n", s->asset[i].key, s->asset[i].href);
    }
    k->t0 = s->t0;
    k->t1 = s->t1;
    k->cloud = s->cloud;
    memcpy(k->box, s->box, sizeof k->box);
    memcpy(k->bounds, s->bounds, sizeof k->bounds);
    k->nring = s->nring;
    k->nassets = s->nassets;
    if (s->nring)
        memcpy(k->ring, s->ring, (s->nring < 100 ? s->nring : 100) * 2 * sizeof *s->ring);
    k->n++;
    return 0;
}

static tl_index *memory(void)
{
    tl_err e = TL_ERR_INIT;
    tl_index *ix = NULL;
    assert_tl_ok(tl_index_create(NULL, &ix, &e), &e);
    return ix;
}

static kept last_of(tl_index *ix)
{
    tl_err e = TL_ERR_INIT;
    kept k = {0};
    assert_tl_ok(tl_index_query(ix, NULL, keep, &k, &e), &e);
    return k;
}

#endif
