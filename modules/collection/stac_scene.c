/* From what was read of a STAC item to a scene. SPDX-License-Identifier: MIT */
#include "modules/collection/href.h"
#include "modules/collection/stac_int.h"
#include "modules/collection/text.h"
#include "runtime/mem.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void tl__stac_reset(tl__stac *it)
{
    it->text.len = it->props.len = it->info.len = it->points.len = it->rings.len = 0;
    it->assets.len = 0;
    tl_buf_add(&it->text, "", 1);
    memset(it->known, 0, sizeof it->known);
    it->geometry = TL__STAC_ABSENT;
    it->geometry_type_is_area = 0;
    it->nbbox = -1;
    it->nband = 0;
    it->cloud = NAN;
    it->proj = it->asset_proj = (tl__stac_proj){0};
}

void tl__stac_free(tl__stac *it)
{
    tl_buf *all[] = {&it->text,   &it->props, &it->info, &it->points, &it->rings,
                     &it->assets, &it->ring,  &it->hull, &it->hrefs,  &it->scene_assets};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        tl_buf_free(all[i]);
}

const char *tl__stac_text(const tl__stac *it, int which)
{
    return tl_buf_text(&it->text) + (it->known[which] ? it->known[which] : 0);
}

int tl__stac_bad(const tl__stac *it, tl_err *e, const char *field, const char *what)
{
    const char *id = tl__stac_text(it, TL__STAC_ID);
    if (*id)
        return tl_fail(e, TL_EDATA, "%s: item '%.120s': %s %s", it->file, id, field, what);
    if (it->number)
        return tl_fail(e, TL_EDATA, "%s: item number %lld: %s %s", it->file, (long long)it->number,
                       field, what);
    return tl_fail(e, TL_EDATA, "%s: %s %s", it->file, field, what);
}

/* --- dates ------------------------------------------------------------------------------------ */

static int date(const tl__stac *it, int which, const char *field, double *t, tl_err *e)
{
    const char *s = tl__stac_text(it, which);
    char what[120];
    *t = NAN;
    if (!*s || tl__date_parse(s, strlen(s), t) == 0)
        return 0;
    snprintf(what, sizeof what, "is no date: '%.60s'", s);
    return tl__stac_bad(it, e, field, what);
}

static int dates(const tl__stac *it, tl_scene *s, tl_err *e)
{
    double start, end;
    int rc = date(it, TL__STAC_DATETIME, "properties.datetime", &s->t0, e);
    if (!rc)
        rc = date(it, TL__STAC_START, "properties.start_datetime", &start, e);
    if (!rc)
        rc = date(it, TL__STAC_END, "properties.end_datetime", &end, e);
    if (rc)
        return rc;
    if (isnan(s->t0) && (isnan(start) || isnan(end)))
        return tl__stac_bad(it, e, "properties.datetime",
                            "is null or missing, and so is start_datetime or end_datetime");
    if (isnan(s->t0))
        s->t0 = start;
    s->t1 = end >= s->t0 ? end : s->t0;
    return 0;
}

/* --- names ------------------------------------------------------------------------------------ */

/* "Sentinel-2B" and "LANDSAT_7" are written "sentinel-2b" and "landsat-7". */
static const char *platform(const tl__stac *it, char *out, size_t size)
{
    const char *s = tl__stac_text(it, it->known[TL__STAC_PLATFORM] ? TL__STAC_PLATFORM
                                                                   : TL__STAC_CONSTELLATION);
    size_t n = 0;
    for (; n < size - 1 && s[n]; n++)
        out[n] = s[n] == '_' || s[n] == ' ' ? '-' : (char)tolower((unsigned char)s[n]);
    out[n] = '\0';
    return out;
}

/* Zones of MGRS have two digits. */
static const char *mgrs(const char *s, char *out, size_t size)
{
    if (*s == 'T' && isdigit((unsigned char)s[1]))
        s++;
    snprintf(out, size, "%s%s",
             isdigit((unsigned char)*s) && !isdigit((unsigned char)s[1]) ? "0" : "", s);
    return out;
}

static const char *tile(const tl__stac *it, char *out, size_t size)
{
    const char *grid = tl__stac_text(it, TL__STAC_GRID);
    const char *path = tl__stac_text(it, TL__STAC_PATH), *row = tl__stac_text(it, TL__STAC_ROW);
    out[0] = '\0';
    if (it->known[TL__STAC_MGRS])
        return mgrs(tl__stac_text(it, TL__STAC_MGRS), out, size);
    if (strncmp(grid, "MGRS-", 5) == 0)
        return mgrs(grid + 5, out, size);
    if (it->known[TL__STAC_SQUARE]) {
        /* Some say the zone by the coordinate system alone: EPSG:326ZZ, 327ZZ. */
        const char *zone = tl__stac_text(it, TL__STAC_ZONE),
                   *crs = tl_buf_text(&it->text) + it->proj.code;
        if (!*zone && (strncmp(crs, "EPSG:326", 8) == 0 || strncmp(crs, "EPSG:327", 8) == 0))
            zone = crs + 8;
        char whole[64];
        snprintf(whole, sizeof whole, "%.20s%.20s%.20s", zone, tl__stac_text(it, TL__STAC_BAND),
                 tl__stac_text(it, TL__STAC_SQUARE));
        return mgrs(whole, out, size);
    }
    if (*path && *row)
        snprintf(out, size, "%03d%03d", atoi(path) % 1000, atoi(row) % 1000);
    else if (*grid)
        snprintf(out, size, "%s",
                 strncmp(grid, "WRS", 3) == 0 && strchr(grid, '-') ? strchr(grid, '-') + 1 : grid);
    return out;
}

/* --- grids ------------------------------------------------------------------------------------ */

static void bounds_of(const tl__stac_proj *p, const tl__stac_proj *shape, double b[4])
{
    if (p->nbbox == 4 || p->nbbox == 6) {
        int half = p->nbbox / 2;
        const double x[4] = {p->bbox[0], p->bbox[1], p->bbox[half], p->bbox[half + 1]};
        memcpy(b, x, sizeof x);
        return;
    }
    if ((p->ntransform != 6 && p->ntransform != 9) || shape->nshape != 2)
        return;
    const double *t = p->transform, h = shape->shape[0], w = shape->shape[1];
    if (t[1] != 0 || t[3] != 0)
        return; /* turned: its box is not its grid */
    const double x[2] = {t[2], t[2] + w * t[0]}, y[2] = {t[5], t[5] + h * t[4]};
    b[0] = fmin(x[0], x[1]);
    b[1] = fmin(y[0], y[1]);
    b[2] = fmax(x[0], x[1]);
    b[3] = fmax(y[0], y[1]);
}

static const char *grid(const tl__stac *it, double bounds[4])
{
    const tl__stac_proj *item = &it->proj, *asset = &it->asset_proj;
    for (int i = 0; i < 4; i++)
        bounds[i] = NAN;
    bounds_of(item, item, bounds);
    if (isnan(bounds[0]))
        bounds_of(asset, asset->nshape ? asset : item, bounds);
    return tl_buf_text(&it->text) + (item->code ? item->code : asset->code);
}

/* --- assets ----------------------------------------------------------------------------------- */

static void assets(tl__stac *it, tl_scene *s)
{
    const tl__stac_asset *a = (const void *)it->assets.data;
    size_t n = it->assets.len / sizeof *a;
    it->hrefs.len = it->scene_assets.len = 0;
    for (size_t i = 0; i < n; i++) {
        if (!a[i].href)
            continue;
        /* Places first, addresses when the texts no longer move. */
        tl_asset now = {.key = tl_buf_text(&it->text) + a[i].key,
                        .href = (const char *)(uintptr_t)it->hrefs.len};
        tl_href_to_path(tl_buf_text(&it->text) + a[i].href, it->base, &it->hrefs);
        tl_buf_add(&it->hrefs, "", 1);
        tl_buf_add(&it->scene_assets, &now, sizeof now);
    }
    tl_asset *list = (void *)it->scene_assets.data;
    s->nassets = it->scene_assets.len / sizeof *list;
    for (size_t i = 0; i < s->nassets; i++)
        list[i].href = tl_buf_text(&it->hrefs) + (uintptr_t)list[i].href;
    s->asset = list;
}

int tl__stac_finish(tl__stac *it, tl_index *into, tl_err *e)
{
    char tile_text[64], platform_text[128];
    tl_scene s = {.cloud = it->cloud};
    if (it->known[TL__STAC_TYPE] && strcmp(tl__stac_text(it, TL__STAC_TYPE), "Feature") != 0)
        return tl__stac_bad(it, e, "type", "is not Feature");
    if (!*tl__stac_text(it, TL__STAC_ID))
        return tl__stac_bad(it, e, "id", "is missing");
    int rc = dates(it, &s, e);
    if (!rc)
        rc = tl__stac_shape(it, &s, e);
    if (rc)
        return rc;
    tl_buf_puts(&it->props, it->props.len ? "}" : "{}");
    if (it->info.len)
        tl_buf_puts(&it->info, "}");
    s.id = tl__stac_text(it, TL__STAC_ID);
    s.collection = tl__stac_text(it, TL__STAC_COLLECTION);
    s.platform = platform(it, platform_text, sizeof platform_text);
    s.tile = tile(it, tile_text, sizeof tile_text);
    s.crs = grid(it, s.bounds);
    s.properties = tl_buf_text(&it->props);
    s.assets_info = tl_buf_text(&it->info);
    assets(it, &s);
    return tl_index_add(into, &s, e);
}
