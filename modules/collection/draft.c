/* Scenes being put together, file by file. SPDX-License-Identifier: MIT */
#include "modules/collection/folder_int.h"
#include "modules/raster/raster.h"
#include "runtime/log.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void tl__drafts_init(tl__drafts *all)
{
    *all = (tl__drafts){.by_id = json_object()};
}

static void draft_free(tl__draft *d)
{
    for (size_t i = 0; i < d->nassets; i++) {
        free(d->asset[i].key);
        free(d->asset[i].href);
    }
    free(d->asset);
    free(d->id);
    free(d->collection);
    free(d->platform);
    free(d->tile);
    json_decref(d->properties);
    free(d);
}

void tl__drafts_free(tl__drafts *all)
{
    for (size_t i = 0; i < all->n; i++)
        draft_free(all->draft[i]);
    free(all->draft);
    json_decref(all->by_id);
    *all = (tl__drafts){0};
}

tl__draft *tl__draft_get(tl__drafts *all, const char *id, int *fresh)
{
    json_t *known = json_object_get(all->by_id, id);
    if (fresh)
        *fresh = !known;
    if (known)
        return all->draft[json_integer_value(known)];
    tl__draft *d = tl_xcalloc(1, sizeof *d);
    d->id = tl_xstrdup(id);
    d->collection = tl_xstrdup("");
    d->platform = tl_xstrdup("");
    d->tile = tl_xstrdup("");
    d->t0 = d->cloud = NAN;
    d->properties = json_object();
    if (all->n == all->cap) {
        all->cap = all->cap ? all->cap * 2 : 64;
        all->draft = tl_xrealloc(all->draft, all->cap * sizeof *all->draft);
    }
    json_object_set_new_nocheck(all->by_id, id, json_integer((json_int_t)all->n));
    all->draft[all->n++] = d;
    return d;
}

void tl__draft_asset_add(tl__draft *d, const char *key, const char *href, int band, double metres)
{
    if ((d->nassets & (d->nassets - 1)) == 0) /* grows at powers of two */
        d->asset = tl_xrealloc(d->asset, (d->nassets ? d->nassets * 2 : 1) * sizeof *d->asset);
    d->asset[d->nassets++] = (tl__draft_asset){tl_xstrdup(key), tl_xstrdup(href), band, metres};
}

void tl__draft_set(char **to, const char *text)
{
    free(*to);
    *to = tl_xstrdup(text);
}

int tl__drafts_complain(tl__drafts *all, tl_err *why, tl_err *e)
{
    if (all->skip && why->code != TL_EINTR && why->code != TL_ENOMEM) {
        all->left_out++;
        tl_log(TL_LOG_WARN, "left out: %s", why->message);
        return 0;
    }
    if (e)
        *e = *why;
    return why->code;
}

/* --- assets ---------------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
    const tl__draft_asset *x = a, *y = b;
    int c = strcmp(x->key, y->key);
    if (c)
        return c;
    if (x->metres != y->metres)
        return x->metres < y->metres ? -1 : 1;
    return strcmp(x->href, y->href);
}

/* The finest file of a band has its name; the others say their pixels in theirs. */
static int name_assets(tl__draft *d, tl_err *e)
{
    size_t first = 0;
    qsort(d->asset, d->nassets, sizeof *d->asset, by_key);
    for (size_t i = 1; i < d->nassets; i++) {
        const tl__draft_asset *a = &d->asset[first], *before = &d->asset[i - 1];
        tl__draft_asset *b = &d->asset[i];
        if (strcmp(a->key, b->key) != 0) {
            first = i;
            continue;
        }
        if (b->metres <= before->metres)
            return tl_fail(e, TL_EDATA, "scene %s has its band %s twice: %s and %s", d->id, a->key,
                           before->href, b->href);
        char *key = tl_xasprintf("%s_%gm", b->key, b->metres);
        free(b->key);
        b->key = key;
    }
    return 0;
}

static const tl__draft_asset *finest(const tl__draft *d)
{
    const tl__draft_asset *best = &d->asset[0];
    for (size_t i = 1; i < d->nassets; i++)
        if (d->asset[i].metres > 0 && (best->metres == 0 || d->asset[i].metres < best->metres))
            best = &d->asset[i];
    return best;
}

/* --- place ----------------------------------------------------------------------------------- */

static void expand(tl__draft *d, const tl_source *s)
{
    tl__draft_asset file = d->asset[0];
    free(d->asset);
    d->nassets = 0;
    d->asset = NULL;
    for (int i = 0; i < s->nbands; i++)
        tl__draft_asset_add(d, s->bands[i].name, file.href, i + 1, 0);
    free(file.key);
    free(file.href);
}

static int place(const tl_source *s, const char *href, const char **crs, double bounds[4],
                 tl_err *e)
{
    if (s->native.crs[0] == '\0' || strcmp(s->native.crs, "LOCAL") == 0)
        return tl_fail(e, TL_EDATA, "%s has no coordinate system, so it lies nowhere", href);
    *crs = s->native.crs;
    tl_grid_bounds(&s->native, bounds);
    return 0;
}

int tl__place_of(const char *href, const char **crs, double bounds[4], tl_err *e)
{
    tl_source *s = NULL;
    int code = tl_raster_open(href, &s, e);
    if (!code)
        code = place(s, href, crs, bounds, e);
    tl_source_unref(s);
    return code;
}

static int ask_file(tl__draft *d, tl_err *e)
{
    tl_source *s = NULL;
    const tl__draft_asset *a = finest(d);
    int code = tl_raster_open(a->href, &s, e);
    if (!code)
        code = place(s, a->href, &d->crs, d->bounds, e);
    if (!code && d->expand && d->nassets == 1)
        expand(d, s);
    tl_source_unref(s);
    return code ? tl_err_prefix(e, "scene %s", d->id) : 0;
}

#define MOST_RING (4 * 32 + 1)

/* Round the bounds in `per` steps an edge, anticlockwise from the lower left, in degrees. 0 when it
 * does not close or has points without image. */
static size_t make_ring(const tl__draft *d, int per, float *ring)
{
    double x[MOST_RING], y[MOST_RING];
    size_t n = (size_t)(4 * per) + 1;
    const double *b = d->bounds;
    for (size_t i = 0; i < n; i++) {
        int side = (int)(i / (size_t)per) % 4;
        double f = (double)(i % (size_t)per) / per;
        x[i] = side == 0   ? b[0] + f * (b[2] - b[0])
               : side == 1 ? b[2]
               : side == 2 ? b[2] - f * (b[2] - b[0])
                           : b[0];
        y[i] = side == 0   ? b[1]
               : side == 1 ? b[1] + f * (b[3] - b[1])
               : side == 2 ? b[3]
                           : b[3] - f * (b[3] - b[1]);
    }
    if (tl_crs_transform_points(d->crs, "EPSG:4326", n, x, y, NULL) != 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i] + y[i]))
            return 0;
        while (i > 0 && x[i] - x[i - 1] > 180)
            x[i] -= 360;
        while (i > 0 && x[i] - x[i - 1] < -180)
            x[i] += 360;
        ring[2 * i] = (float)x[i];
        ring[2 * i + 1] = (float)y[i];
    }
    if (fabs(x[n - 1] - x[0]) > 1) /* round a pole */
        return 0;
    ring[2 * n - 2] = ring[0];
    ring[2 * n - 1] = ring[1];
    return n;
}

static int make_box(const tl__draft *d, double box[4], tl_err *e)
{
    int code = tl_crs_transform_box(d->crs, "EPSG:4326", d->bounds, box, e);
    if (code)
        return tl_err_prefix(e, "scene %s", d->id);
    if (box[2] - box[0] >= 360) {
        box[0] = -180;
        box[2] = 180;
    }
    for (int i = 0; i <= 2; i += 2)
        while (box[i] > 180)
            box[i] -= 360;
    return 0;
}

/* --- adding ---------------------------------------------------------------------------------- */

static int add_scene(const tl__drafts *all, const tl__draft *d, tl_index *into, tl_err *e)
{
    float ring[2 * MOST_RING];
    double box[4];
    int code = make_box(d, box, e);
    if (code)
        return code;
    double wide = box[2] - box[0] + (box[2] < box[0] ? 360 : 0), high = box[3] - box[1];
    int per = (int)fmin(32, fmax(4, ceil(4 * fmax(wide, high))));
    size_t nring = tl_crs_is_geographic(d->crs) ? 0 : make_ring(d, per, ring);
    tl_asset *assets = tl_xcalloc(d->nassets, sizeof *assets);
    for (size_t i = 0; i < d->nassets; i++)
        assets[i] = (tl_asset){d->asset[i].key, d->asset[i].href, d->asset[i].band};
    char *properties = json_dumps(d->properties, JSON_COMPACT | JSON_SORT_KEYS);
    tl_scene s = {.id = d->id,
                  .collection = all->collection ? all->collection : d->collection,
                  .platform = d->platform,
                  .tile = d->tile,
                  .t0 = d->t0,
                  .t1 = d->t0,
                  .cloud = d->cloud,
                  .ring = nring ? ring : NULL,
                  .nring = nring,
                  .crs = d->crs,
                  .properties = properties ? properties : "{}",
                  .assets_info = "",
                  .asset = assets,
                  .nassets = d->nassets};
    memcpy(s.box, box, sizeof s.box);
    memcpy(s.bounds, d->bounds, sizeof s.bounds);
    code = tl_index_add(into, &s, e);
    free(properties);
    free(assets);
    return code;
}

static int by_id(const void *a, const void *b)
{
    const tl__draft *const *x = a, *const *y = b;
    return strcmp((*x)->id, (*y)->id);
}

int tl__drafts_add(tl__drafts *all, tl_index *into, tl_err *e)
{
    int code = 0;
    json_object_clear(all->by_id); /* places are no more what they were */
    if (all->n)
        qsort(all->draft, all->n, sizeof *all->draft, by_id);
    for (size_t i = 0; i < all->n && !code; i++) {
        tl__draft *d = all->draft[i];
        tl_err why = TL_ERR_INIT;
        if (d->nassets == 0)
            continue;
        if ((!d->crs && ask_file(d, &why) != 0) || name_assets(d, &why) != 0)
            code = tl__drafts_complain(all, &why, e);
        else
            code = add_scene(all, d, into, e);
    }
    return code;
}
