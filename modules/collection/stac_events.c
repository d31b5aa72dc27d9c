/* What events of a STAC text do to the item. SPDX-License-Identifier: MIT */
#include "modules/collection/stac_events.h"
#include "modules/collection/text.h"

#include <stdlib.h>
#include <string.h>

enum { POINT = 1, RING };
enum { DEEPEST = TL__STAC_DEEPEST, SKIPPED_DEEPEST = 1000 };
typedef tl__stac_walker walker;

static int place(const walker *w)
{
    return w->depth ? w->where[w->depth - 1] : -1;
}

static int stop(walker *w, int rc)
{
    w->rc = rc;
    return !rc;
}

static size_t keep(walker *w, const void *text, size_t len)
{
    size_t at = w->it.text.len;
    tl__put(&w->it.text, text, len);
    tl__put(&w->it.text, "", 1);
    return at;
}

/* --- values ----------------------------------------------------------------------------------- */

/* A scalar as text and as JSON. */
typedef struct {
    char kind; /* 's', 'n', 'b', '0' for null */
    const char *text;
    size_t len;
} scalar;

static double to_number(const scalar *v)
{
    char b[64];
    size_t n = v->len < sizeof b ? v->len : sizeof b - 1;
    memcpy(b, v->text, n);
    b[n] = '\0';
    return strtod(b, NULL);
}

static void quote(tl_buf *b, const scalar *v)
{
    if (v->kind == 's')
        tl__json_quote(b, v->text, v->len);
    else
        tl__put(b, v->text, v->len);
}

static size_t keep_json(walker *w, const scalar *v)
{
    tl_buf *b = &w->it.text;
    size_t at = b->len;
    if (v->kind == '0')
        return 0;
    quote(b, v);
    tl__put(b, "", 1);
    return at;
}

static tl__stac_proj *proj(walker *w)
{
    return place(w) == ASSET ? &w->now : &w->it.proj;
}

static void add_property(walker *w, const scalar *v)
{
    tl_buf *b = &w->it.props;
    if (v->kind == '0')
        return;
    tl__put(b, b->len ? "," : "{", 1);
    const char *key = tl_buf_text(&w->it.text) + w->key;
    tl__json_quote(b, key, strlen(key));
    tl__put(b, ":", 1);
    quote(b, v);
}

static int property(walker *w, const scalar *v)
{
    tl__stac *it = &w->it;
    /* What columns hold is not kept twice. */
    int column = w->slot == TL__STAC_DATETIME || w->slot == TL__STAC_END ||
                 w->slot == TL__STAC_PLATFORM || w->slot == S_CLOUD || w->slot == S_EPSG ||
                 w->slot == S_CODE || w->slot == S_DROPPED || w->slot == TL__STAC_COLLECTION;
    if (!column)
        add_property(w, v);
    if (v->kind == '0')
        return 1;
    if (w->slot == S_CLOUD) {
        if (v->kind != 'n')
            return stop(w, tl__stac_bad(it, w->e, "properties.eo:cloud_cover", "is no number"));
        it->cloud = to_number(v);
    } else if (w->slot >= 0 && w->slot < TL__STAC_TEXTS && v->kind != 'b' &&
               !(w->slot == TL__STAC_COLLECTION && it->known[w->slot])) {
        it->known[w->slot] = keep(w, v->text, v->len);
    }
    return 1;
}

static void band_value(walker *w, tl__stac_band *b, const scalar *v)
{
    switch (w->slot) {
    case S_NAME:
        b->name = keep_json(w, v);
        break;
    case S_COMMON:
        b->common = keep_json(w, v);
        break;
    case S_SCALE:
        b->scale = keep_json(w, v);
        break;
    case S_OFFSET:
        b->offset = keep_json(w, v);
        break;
    case S_NODATA:
        b->nodata = keep_json(w, v);
        break;
    case S_DATA_TYPE:
        b->type = keep_json(w, v);
        break;
    default:
        break;
    }
}

static int item_text(walker *w, const scalar *v)
{
    static const char *const names[] = {"id", "type", "collection"};
    if (w->slot < 0 || w->slot > TL__STAC_COLLECTION || v->kind == '0')
        return 1;
    if (v->kind != 's')
        return stop(w, tl__stac_bad(&w->it, w->e, names[w->slot], "is no text"));
    w->it.known[w->slot] = keep(w, v->text, v->len);
    if (w->slot == TL__STAC_TYPE && place(w) == TOP)
        snprintf(w->type, sizeof w->type, "%.*s", (int)(v->len < 39 ? v->len : 39), v->text);
    return 1;
}

static int number(walker *w, const scalar *v)
{
    if (place(w) == COORDINATES) {
        double x = to_number(v);
        int k = w->ordinal[w->depth - 1]++;
        if (v->kind != 'n')
            return stop(w, tl__stac_bad(&w->it, w->e, "geometry.coordinates", "has no numbers"));
        if (k < 2)
            tl__put(&w->it.points, &x, sizeof x);
        w->kind[w->depth - 1] = POINT;
        return 1;
    }
    if (v->kind == 'n' && *w->count < w->most)
        w->number[*w->count] = to_number(v);
    *w->count += v->kind == 'n' ? 1 : 100; /* not the number of numbers that is right */
    return 1;
}

static int asset_value(walker *w, const scalar *v)
{
    if (w->slot == S_HREF) {
        tl__stac_asset *a = (tl__stac_asset *)(void *)(w->it.assets.data + w->it.assets.len) - 1;
        if (v->kind != 's')
            return stop(w, tl__stac_bad(&w->it, w->e, "assets", "have an href that is no text"));
        a->href = keep(w, v->text, v->len);
    } else if (w->slot != S_EPSG && w->slot != S_CODE) {
        band_value(w, &w->whole, v);
    }
    return 1;
}

static int value(walker *w, scalar v)
{
    if (w->skipped)
        return 1;
    if (!w->depth)
        return stop(w, tl_fail(w->e, TL_EDATA, "%s: is no STAC item: no object", w->it.file));
    if (w->slot == S_EPSG && v.kind == 'n') {
        proj(w)->code = keep(w, "EPSG:", 5);
        w->it.text.len--;
        keep(w, v.text, v.len);
    } else if (w->slot == S_CODE && v.kind == 's') {
        proj(w)->code = keep(w, v.text, v.len);
    }
    switch (place(w)) {
    case TOP:
    case ITEM:
        if (w->slot == S_GEOMETRY && v.kind == '0')
            w->it.geometry = TL__STAC_NULL;
        return item_text(w, &v);
    case PROPERTIES:
        return property(w, &v);
    case GEOMETRY:
        if (w->slot == S_GEOMETRY_TYPE && v.kind == 's')
            w->it.geometry_type_is_area =
                v.len >= 7 && memcmp(v.text + v.len - 7, "Polygon", 7) == 0;
        return 1;
    case COORDINATES:
    case NUMBERS:
        return number(w, &v);
    case ASSET:
        return asset_value(w, &v);
    case BAND:
        if (w->band < TL__STAC_BANDS)
            band_value(w, &w->it.band[w->band], &v);
        return 1;
    case FEATURES:
        return stop(w, tl_fail(w->e, TL_EDATA, "%s: `features` holds what is no item", w->it.file));
    default:
        return 1;
    }
}

/* --- what an asset says of its bands -------------------------------------------------------------
 */

static void add_member(walker *w, tl_buf *b, const char *name, size_t json, size_t otherwise)
{
    json = json ? json : otherwise;
    if (!json)
        return;
    if (b->data[b->len - 1] != '{')
        tl__put(b, ",", 1);
    tl__put(b, "\"", 1);
    tl_buf_puts(b, name);
    tl__put(b, "\":", 2);
    tl_buf_puts(b, tl_buf_text(&w->it.text) + json);
}

static void add_band(walker *w, tl_buf *b, const tl__stac_band *band)
{
    const tl__stac_band *all = &w->whole;
    tl__put(b, "{", 1);
    add_member(w, b, "name", band->name, 0);
    add_member(w, b, "common_name", band->common, 0);
    add_member(w, b, "scale", band->scale, all->scale);
    add_member(w, b, "offset", band->offset, all->offset);
    add_member(w, b, "nodata", band->nodata, all->nodata);
    add_member(w, b, "data_type", band->type, all->type);
    tl__put(b, "}", 1);
}

static void end_asset(walker *w)
{
    tl__stac *it = &w->it;
    const tl__stac_asset *a = (const void *)(it->assets.data + it->assets.len - sizeof *a);
    const tl__stac_band *all = &w->whole;
    if (!it->asset_proj.ntransform && !it->asset_proj.nbbox && (w->now.ntransform || w->now.nbbox))
        it->asset_proj = w->now;
    else if (!it->asset_proj.code)
        it->asset_proj.code = w->now.code;
    if (!it->nband && !(all->scale || all->offset || all->nodata || all->type))
        return;
    const char *key = tl_buf_text(&it->text) + a->key;
    tl__put(&it->info, it->info.len ? "," : "{", 1);
    tl__json_quote(&it->info, key, strlen(key));
    tl__put(&it->info, ":", 1);
    if (it->nband > 1)
        tl_buf_puts(&it->info, "{\"bands\":[");
    for (int i = 0; i < (it->nband > 1 ? it->nband : 1); i++) {
        tl__put(&it->info, ",", i > 0);
        add_band(w, &it->info, &it->band[i]);
    }
    if (it->nband > 1)
        tl_buf_puts(&it->info, "]}");
}

static void begin_asset(walker *w)
{
    tl__stac_asset a = {.key = w->key};
    tl__put(&w->it.assets, &a, sizeof a);
    memset(w->it.band, 0, sizeof w->it.band);
    w->it.nband = 0;
    w->now = (tl__stac_proj){0};
    w->whole = (tl__stac_band){0};
}

/* --- brackets --------------------------------------------------------------------------------- */

static int skip(walker *w)
{
    if (++w->skipped > SKIPPED_DEEPEST)
        return stop(w, tl_fail(w->e, TL_EDATA, "%s: nested more than %d deep: this is no STAC item",
                               w->it.file, SKIPPED_DEEPEST));
    return 1;
}

static int enter(walker *w, int what)
{
    if (w->depth == DEEPEST)
        return stop(w, tl_fail(w->e, TL_EDATA, "%s: nested more than %d deep: this is no STAC item",
                               w->it.file, DEEPEST));
    w->ordinal[w->depth] = w->kind[w->depth] = 0;
    w->first[w->depth] = w->it.points.len / (2 * sizeof(double));
    w->where[w->depth++] = (unsigned char)what;
    w->slot = NONE;
    return 1;
}

static int numbers(walker *w, double *to, int *count, int most)
{
    *count = 0;
    w->number = to;
    w->count = count;
    w->most = most;
    return enter(w, NUMBERS);
}

static int on_map(void *ctx)
{
    walker *w = ctx;
    tl__stac *it = &w->it;
    if (w->skipped)
        return skip(w);
    switch (place(w)) {
    case -1:
        if (w->began++)
            return stop(w, tl_fail(w->e, TL_EDATA, "%s: more than one value", it->file));
        return enter(w, TOP);
    case FEATURES:
        tl__stac_reset(it);
        it->number = ++w->items;
        return enter(w, ITEM);
    case TOP:
    case ITEM:
        if (w->slot == S_GEOMETRY)
            it->geometry = TL__STAC_OBJECT;
        if (w->slot == S_GEOMETRY || w->slot == S_PROPERTIES || w->slot == S_ASSETS)
            return enter(w, w->slot == S_GEOMETRY     ? GEOMETRY
                            : w->slot == S_PROPERTIES ? PROPERTIES
                                                      : ASSETS);
        return skip(w);
    case ASSETS:
        begin_asset(w);
        return enter(w, ASSET);
    case BANDS:
        w->band = w->ordinal[w->depth - 1]++;
        if (w->band >= it->nband && w->band < TL__STAC_BANDS)
            it->nband = w->band + 1;
        return enter(w, BAND);
    default:
        return skip(w);
    }
}

/* An array of coordinates ends: with numbers in it, it was a point, with points a ring; the first
 * ring of a polygon is its outer one. */
static void end_coordinates(walker *w)
{
    int d = w->depth, kind = w->kind[d];
    if (kind == RING) {
        int first = !d || w->where[d - 1] != COORDINATES || w->ordinal[d - 1] == 1;
        tl__stac_ring r = {w->first[d], first};
        tl__put(&w->it.rings, &r, sizeof r);
    }
    if (d && w->where[d - 1] == COORDINATES && kind)
        w->kind[d - 1] = (unsigned char)(kind + 1);
}

static int on_array(void *ctx)
{
    walker *w = ctx;
    tl__stac *it = &w->it;
    int at = place(w), slot = w->slot;
    if (w->skipped)
        return skip(w);
    if (at == COORDINATES) {
        w->ordinal[w->depth - 1]++;
        return enter(w, COORDINATES);
    }
    if (at == TOP && slot == S_FEATURES) {
        w->is_list = 1;
        return enter(w, FEATURES);
    }
    if ((at == TOP || at == ITEM) && slot == S_BBOX)
        return numbers(w, it->bbox, &it->nbbox, 6);
    if (at == GEOMETRY && slot == S_COORDINATES)
        return enter(w, COORDINATES);
    /* The grid of the first asset that has one is enough. */
    if (at == ASSET && it->asset_proj.ntransform && slot >= S_PROJ_BBOX && slot <= S_SHAPE)
        return skip(w);
    if (slot == S_PROJ_BBOX)
        return numbers(w, proj(w)->bbox, &proj(w)->nbbox, 6);
    if (slot == S_TRANSFORM)
        return numbers(w, proj(w)->transform, &proj(w)->ntransform, 9);
    if (slot == S_SHAPE)
        return numbers(w, proj(w)->shape, &proj(w)->nshape, 2);
    if (slot == S_BANDS || slot == S_RASTER_BANDS)
        return enter(w, BANDS);
    return at < 0 ? value(w, (scalar){'0', "", 0}) : skip(w);
}

static int on_end(void *ctx)
{
    walker *w = ctx;
    if (w->skipped) {
        w->skipped--;
        return 1;
    }
    int what = place(w);
    w->depth--;
    w->slot = NONE;
    if (what == ASSET)
        end_asset(w);
    if (what == ITEM)
        return stop(w, tl__stac_finish(&w->it, w->into, w->e));
    if (what == FEATURES)
        tl__stac_reset(&w->it); /* of what follows nothing belongs to an item */
    if (what == COORDINATES)
        end_coordinates(w);
    return 1;
}

/* --- yajl ------------------------------------------------------------------------------------- */

static int on_key(void *ctx, const unsigned char *key, size_t len)
{
    walker *w = ctx;
    if (w->skipped)
        return 1;
    int at = place(w);
    if (at == ASSETS || at == PROPERTIES)
        w->key = keep(w, key, len);
    w->slot = tl__stac_slot(at, (const char *)key, len);
    return 1;
}

static int on_null(void *ctx)
{
    return value(ctx, (scalar){'0', "", 0});
}

static int on_boolean(void *ctx, int yes)
{
    return value(ctx, (scalar){'b', yes ? "true" : "false", yes ? 4 : 5});
}

static int on_number(void *ctx, const char *text, size_t len)
{
    return value(ctx, (scalar){'n', text, len});
}

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
    return value(ctx, (scalar){'s', (const char *)text, len});
}

const yajl_callbacks tl__stac_callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_map,
    .yajl_map_key = on_key,
    .yajl_end_map = on_end,
    .yajl_start_array = on_array,
    .yajl_end_array = on_end,
};
