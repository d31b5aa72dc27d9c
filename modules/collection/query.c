/* Running queries, and scenes as they were added. SPDX-License-Identifier: MIT */
#include "modules/collection/index_int.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- scenes out of rows ----------------------------------------------------------------------- */

static const char row_sql[] =
    "SELECT s.id, s.collection, s.platform, s.tile, s.t0, s.t1, s.cloud, s.w, s.s, s.e, s.n, d.crs,"
    " d.xmin, d.ymin, d.xmax, d.ymax, d.layout, d.info, d.shape, d.ring, d.dirs, d.props"
    " FROM scene s, detail d WHERE s.rid = ?1 AND d.rid = ?1";

enum {
    ID,
    COLLECTION,
    PLATFORM,
    TILE,
    T0,
    T1,
    CLOUD,
    BOX,
    CRS = BOX + 4,
    BOUNDS,
    LAYOUT = BOUNDS + 4,
    INFO,
    SHAPE,
    RING,
    DIRS,
    PROPS
};

/* What a scene that is handed out stands on. */
typedef struct {
    tl_scene s;
    tl_buf text, places, ring;
    tl_asset *asset;
    size_t room; /* assets */
} reader;

static void free_reader(reader *r)
{
    tl_buf_free(&r->text);
    tl_buf_free(&r->places);
    tl_buf_free(&r->ring);
    free(r->asset);
}

static double real(sqlite3_stmt *st, int col)
{
    return sqlite3_column_type(st, col) == SQLITE_NULL ? (double)NAN
                                                       : sqlite3_column_double(st, col);
}

/* Adds a word and a NUL; its place. */
static int add_word(tl_index *ix, sqlite3_stmt *st, int col, tl_buf *b, size_t *at, tl_err *e)
{
    const char *text;
    size_t len;
    *at = b->len;
    int rc = tl__word_text(ix, sqlite3_column_int64(st, col), &text, &len, e);
    if (!rc)
        tl_buf_add(b, text, len + 1);
    return rc;
}

static int read_assets(tl_index *ix, sqlite3_stmt *st, reader *r, tl_err *e)
{
    const char *layout;
    size_t len;
    r->places.len = 0;
    int rc = tl__word_text(ix, sqlite3_column_int64(st, LAYOUT), &layout, &len, e);
    if (rc)
        return rc;
    const char *id = (const char *)sqlite3_column_text(st, ID),
               *dirs = sqlite3_column_blob(st, DIRS);
    if (tl__unpack_assets(id, layout, len, dirs, (size_t)sqlite3_column_bytes(st, DIRS), &r->text,
                          &r->places))
        return tl_fail(e, TL_EDATA, "the index is damaged at scene '%s': build it again", id);
    r->s.nassets = r->places.len / sizeof(tl__place_of_asset);
    if (r->s.nassets > r->room) {
        r->room = r->s.nassets;
        r->asset = tl_xrealloc(r->asset, r->room * sizeof *r->asset);
    }
    return 0;
}

static int read_properties(tl_index *ix, sqlite3_stmt *st, reader *r, size_t *at, tl_err *e)
{
    const char *shape;
    size_t len;
    *at = r->text.len;
    int rc = tl__word_text(ix, sqlite3_column_int64(st, SHAPE), &shape, &len, e);
    if (rc)
        return rc;
    tl__unpack_properties(shape, len, sqlite3_column_blob(st, PROPS),
                          (size_t)sqlite3_column_bytes(st, PROPS), &r->text);
    tl_buf_add(&r->text, "", 1);
    return 0;
}

static void set_assets(reader *r, const char *text)
{
    const tl__place_of_asset *p = (const void *)r->places.data;
    for (size_t i = 0; i < r->s.nassets; i++)
        r->asset[i] = (tl_asset){text + p[i].key, text + p[i].href, p[i].band};
    r->s.asset = r->asset;
}

static void read_numbers(sqlite3_stmt *st, reader *r)
{
    tl_scene *s = &r->s;
    s->t0 = real(st, T0);
    s->t1 = sqlite3_column_type(st, T1) == SQLITE_NULL ? s->t0 : real(st, T1);
    s->cloud = real(st, CLOUD);
    for (int i = 0; i < 4; i++) {
        s->box[i] = real(st, BOX + i);
        s->bounds[i] = real(st, BOUNDS + i);
    }
    size_t bytes = (size_t)sqlite3_column_bytes(st, RING);
    r->ring.len = 0;
    tl_buf_add(&r->ring, sqlite3_column_blob(st, RING), bytes);
    s->nring = bytes / (2 * sizeof(float));
    s->ring = s->nring ? (const float *)(const void *)r->ring.data : NULL;
}

static int read_scene(tl_index *ix, sqlite3_stmt *st, reader *r, tl_err *e)
{
    tl_scene *s = &r->s;
    size_t id = 0, tile, collection, platform, crs, info, properties;
    r->text.len = 0;
    tl_buf_add(&r->text, sqlite3_column_text(st, ID), (size_t)sqlite3_column_bytes(st, ID) + 1);
    tile = r->text.len;
    tl_buf_add(&r->text, sqlite3_column_text(st, TILE), (size_t)sqlite3_column_bytes(st, TILE));
    tl_buf_add(&r->text, "", 1);
    int rc = add_word(ix, st, COLLECTION, &r->text, &collection, e);
    if (!rc)
        rc = add_word(ix, st, PLATFORM, &r->text, &platform, e);
    if (!rc)
        rc = add_word(ix, st, CRS, &r->text, &crs, e);
    if (!rc)
        rc = add_word(ix, st, INFO, &r->text, &info, e);
    if (!rc)
        rc = read_properties(ix, st, r, &properties, e);
    if (!rc)
        rc = read_assets(ix, st, r, e);
    if (rc)
        return rc;
    const char *text = tl_buf_text(&r->text);
    s->id = text + id;
    s->tile = text + tile;
    s->collection = text + collection;
    s->platform = text + platform;
    s->crs = text + crs;
    s->assets_info = text + info;
    s->properties = text + properties;
    set_assets(r, text);
    read_numbers(st, r);
    return 0;
}

/* --- queries ---------------------------------------------------------------------------------- */

static int prepare(tl_index *ix, const tl__sql *q, const char *text, sqlite3_stmt **st, tl_err *e)
{
    if (sqlite3_prepare_v2(ix->db, text, -1, st, NULL))
        return tl__index_fail(ix, "a query", e);
    return tl__sql_bind(ix, q, *st, e);
}

static int hand_out(tl_index *ix, sqlite3_stmt *list, sqlite3_stmt *row, tl_scene_fn *each,
                    void *ctx, tl_err *e)
{
    reader r = {0};
    int rc = 0, step = SQLITE_DONE;
    while (!rc && (step = sqlite3_step(list)) == SQLITE_ROW) {
        sqlite3_bind_int64(row, 1, sqlite3_column_int64(list, 0));
        int got = sqlite3_step(row);
        if (got == SQLITE_ROW)
            rc = read_scene(ix, row, &r, e);
        else
            rc = tl__index_fail(ix, "reading", e);
        sqlite3_reset(row);
        if (!rc)
            rc = each(ctx, &r.s, e);
    }
    if (!rc && step != SQLITE_DONE)
        rc = tl__index_fail(ix, "a query", e);
    free_reader(&r);
    return rc;
}

int tl_index_query(tl_index *ix, const json_t *query, tl_scene_fn *each, void *ctx, tl_err *e)
{
    tl__sql q;
    sqlite3_stmt *list = NULL, *row = NULL;
    int rc = tl__index_place(ix, e);
    if (!rc)
        rc = tl__sql_make(query, &q, e);
    if (rc)
        return rc;
    char *text = tl_xasprintf("SELECT s.rid FROM %s WHERE %s ORDER BY %s", tl_buf_text(&q.from),
                              tl_buf_text(&q.where), tl_buf_text(&q.order));
    rc = prepare(ix, &q, text, &list, e);
    free(text);
    if (!rc && sqlite3_prepare_v2(ix->db, row_sql, -1, &row, NULL))
        rc = tl__index_fail(ix, "a query", e);
    if (!rc)
        rc = hand_out(ix, list, row, each, ctx, e);
    sqlite3_finalize(list);
    sqlite3_finalize(row);
    tl__sql_free(&q);
    return rc;
}

/* --- summaries -------------------------------------------------------------------------------- */

/* Boxes are joined twice, in longitudes from -180 and from 0; the narrower of the two is taken. */
#define FROM_0(x) "CASE WHEN s." x " < 0 THEN s." x " + 360 ELSE s." x " END"
static const char summary_sql[] =
    "SELECT tl_names(s.collection), count(*), min(s.t0), max(s.t0), min(s.s), max(s.n),"
    " min(CASE WHEN s.w > s.e THEN -180 ELSE s.w END),"
    " max(CASE WHEN s.w > s.e THEN 180 ELSE s.e END),"
    " min(CASE WHEN " FROM_0("w") " > " FROM_0("e") " THEN 0 ELSE " FROM_0(
        "w") " END),"
             " max(CASE WHEN " FROM_0("w") " > " FROM_0("e") " THEN 360 ELSE " FROM_0(
                 "e") " END)"
                      " FROM %s WHERE %s";

int tl_index_summarise(tl_index *ix, const json_t *query, tl_index_summary *out, tl_err *e)
{
    tl__sql q;
    sqlite3_stmt *st = NULL;
    tl_index_summary sum = {0};
    double ends[8] = {0};
    int rc = tl__index_place(ix, e);
    if (!rc)
        rc = tl__sql_make(query, &q, e);
    if (rc)
        return rc;
    char *text = tl_xasprintf(summary_sql, tl_buf_text(&q.from), tl_buf_text(&q.where));
    rc = prepare(ix, &q, text, &st, e);
    free(text);
    if (!rc && sqlite3_step(st) != SQLITE_ROW)
        rc = tl__index_fail(ix, "a query", e);
    if (!rc) {
        sum.collections = tl_intern((const char *)sqlite3_column_text(st, 0));
        sum.count = sqlite3_column_int64(st, 1);
    }
    for (int i = 0; i < 8 && !rc; i++)
        ends[i] = real(st, 2 + i);
    sqlite3_finalize(st);
    tl__sql_free(&q);
    sum.t0 = ends[0];
    sum.t1 = ends[1];
    int shifted = ends[7] - ends[6] < ends[5] - ends[4];
    sum.box[0] = ends[shifted ? 6 : 4] - (shifted && ends[6] > 180 ? 360 : 0);
    sum.box[2] = ends[shifted ? 7 : 5] - (shifted && ends[7] > 180 ? 360 : 0);
    sum.box[1] = ends[2];
    sum.box[3] = ends[3];
    if (!rc)
        *out = sum;
    return rc;
}
