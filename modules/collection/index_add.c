/* Adding scenes to the index. SPDX-License-Identifier: MIT */
#include "modules/collection/index_int.h"
#include "modules/collection/text.h"

#include <math.h>
#include <string.h>

enum { COMMIT_EVERY = 100000, TELL_EVERY = 4096 };

static int told(tl_index *ix, tl_err *e)
{
    if (ix->progress && ix->progress(ix->progress_ctx, &ix->n))
        return tl_fail(e, TL_EINTR, "interrupted");
    return 0;
}

/* --- scenes ----------------------------------------------------------------------------------- */

typedef struct {
    const tl_scene *s;
    const tl__packed *packed;
    int64_t collection, platform, crs, layout, info, shape;
    const float *ring; /* NULL where it is the box */
    size_t nring;
    uint64_t id_hash, sum;
} entry;

static int is_box(const tl_scene *s)
{
    double w = s->box[0], east = s->box[2] < w ? s->box[2] + 360 : s->box[2];
    if (s->nring != 5)
        return 0;
    for (size_t i = 0; i < 5; i++) {
        float x = s->ring[2 * i], y = s->ring[2 * i + 1];
        if ((x != (float)w && x != (float)east) || (y != (float)s->box[1] && y != (float)s->box[3]))
            return 0;
    }
    /* Two opposite corners tell it from a line there and back. */
    return s->ring[0] != s->ring[4] && s->ring[1] != s->ring[5];
}

static int make_entry(tl_index *ix, entry *n, tl_err *e)
{
    const tl_scene *s = n->s;
    int rc = tl__pack(s, &ix->packed, e);
    const char *info = s->assets_info ? s->assets_info : "";
    struct {
        const void *text;
        size_t len;
        int64_t *wid;
    } words[] = {{s->collection, strlen(s->collection), &n->collection},
                 {s->platform, strlen(s->platform), &n->platform},
                 {s->crs, strlen(s->crs), &n->crs},
                 {n->packed->layout.data, n->packed->layout.len, &n->layout},
                 {info, strlen(info), &n->info},
                 {n->packed->shape.data, n->packed->shape.len, &n->shape}};
    for (size_t i = 0; i < sizeof words / sizeof *words && !rc; i++)
        rc = tl__word_id(ix, words[i].text, words[i].len, words[i].wid, e);
    if (rc)
        return rc;
    if (s->ring && s->nring > 2 && !is_box(s)) {
        n->ring = s->ring;
        n->nring = s->nring;
    }
    n->id_hash = tl__hash64(0, s->id, strlen(s->id));
    uint64_t h = tl__hash64(n->id_hash, s->tile, strlen(s->tile));
    double x[11] = {s->t0,     s->t1,        s->cloud,     s->box[0],    s->box[1],   s->box[2],
                    s->box[3], s->bounds[0], s->bounds[1], s->bounds[2], s->bounds[3]};
    int64_t w[6] = {n->collection, n->platform, n->crs, n->layout, n->info, n->shape};
    for (int i = 0; i < 11; i++)
        if (isnan(x[i]))
            x[i] = NAN; /* one NaN of many */
    h = tl__hash64(h, x, sizeof x);
    h = tl__hash64(h, w, sizeof w);
    h = tl__hash64(h, n->ring, n->nring * 2 * sizeof(float));
    h = tl__hash64(h, tl_buf_text(&n->packed->dirs), n->packed->dirs.len);
    n->sum = tl__hash64(h, tl_buf_text(&n->packed->values), n->packed->values.len);
    return 0;
}

static int run(tl_index *ix, int which, int64_t a, const int64_t *b, tl_err *e)
{
    sqlite3_stmt *st;
    int rc = tl__index_statement(ix, which, &st, e);
    if (rc)
        return rc;
    sqlite3_bind_int64(st, 1, a);
    if (b)
        sqlite3_bind_int64(st, 2, *b);
    int step = sqlite3_step(st);
    sqlite3_reset(st);
    return step == SQLITE_DONE ? 0 : tl__index_fail(ix, "writing", e);
}

/* *rid = the scene of that id, 0 = none; *same = nothing of it changed. */
static int find_same_id(tl_index *ix, const entry *n, int64_t *rid, int *same, tl_err *e)
{
    sqlite3_stmt *st;
    int rc = tl__index_statement(ix, TL__FIND_ID, &st, e), step = SQLITE_ROW;
    if (rc)
        return rc;
    sqlite3_bind_int64(st, 1, (sqlite3_int64)n->id_hash);
    *rid = 0;
    while (!*rid && (step = sqlite3_step(st)) == SQLITE_ROW)
        if (strcmp((const char *)sqlite3_column_text(st, 1), n->s->id) == 0) {
            *rid = sqlite3_column_int64(st, 0);
            *same = (uint64_t)sqlite3_column_int64(st, 2) == n->sum;
        }
    sqlite3_reset(st);
    return step == SQLITE_ROW || step == SQLITE_DONE ? 0 : tl__index_fail(ix, "reading", e);
}

static int drop(tl_index *ix, const entry *n, int64_t rid, tl_err *e)
{
    int64_t hash = (int64_t)n->id_hash;
    int rc = run(ix, TL__DROP_SCENE, rid, NULL, e);
    if (!rc)
        rc = run(ix, TL__DROP_DETAIL, rid, NULL, e);
    if (!rc)
        rc = run(ix, TL__DROP_BYID, rid, &hash, e);
    if (!rc && rid <= ix->placed)
        rc = run(ix, TL__DROP_PLACE, 2 * rid, NULL, e);
    if (!rc && rid <= ix->placed)
        rc = run(ix, TL__DROP_PLACE, 2 * rid + 1, NULL, e);
    return rc;
}

static int insert_scene(tl_index *ix, const entry *n, int64_t rid, tl_err *e)
{
    sqlite3_stmt *st;
    const tl_scene *s = n->s;
    int rc = tl__index_statement(ix, TL__ADD_SCENE, &st, e);
    if (rc)
        return rc;
    sqlite3_bind_int64(st, 1, rid);
    sqlite3_bind_text(st, 2, s->id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 3, n->collection);
    sqlite3_bind_int64(st, 4, n->platform);
    if (*s->tile)
        sqlite3_bind_text(st, 5, s->tile, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(st, 5);
    sqlite3_bind_double(st, 6, s->t0); /* NaN is NULL in SQLite */
    sqlite3_bind_double(st, 7, s->t1 == s->t0 ? (double)NAN : s->t1);
    sqlite3_bind_double(st, 8, s->cloud);
    for (int i = 0; i < 4; i++)
        sqlite3_bind_double(st, 9 + i, s->box[i]);
    int step = sqlite3_step(st);
    sqlite3_reset(st);
    return step == SQLITE_DONE ? 0 : tl__index_fail(ix, "writing", e);
}

static int insert_detail(tl_index *ix, const entry *n, int64_t rid, tl_err *e)
{
    sqlite3_stmt *st;
    const tl__packed *p = n->packed;
    int rc = tl__index_statement(ix, TL__ADD_DETAIL, &st, e);
    if (rc)
        return rc;
    sqlite3_bind_int64(st, 1, rid);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)n->sum);
    sqlite3_bind_int64(st, 3, n->crs);
    for (int i = 0; i < 4; i++)
        sqlite3_bind_double(st, 4 + i, n->s->bounds[i]);
    sqlite3_bind_int64(st, 8, n->layout);
    sqlite3_bind_int64(st, 9, n->info);
    sqlite3_bind_int64(st, 10, n->shape);
    sqlite3_bind_blob64(st, 11, n->ring, n->nring * 2 * sizeof(float), SQLITE_STATIC);
    sqlite3_bind_blob64(st, 12, p->dirs.data, p->dirs.len, SQLITE_STATIC);
    sqlite3_bind_blob64(st, 13, p->values.data, p->values.len, SQLITE_STATIC);
    int step = sqlite3_step(st);
    sqlite3_reset(st);
    return step == SQLITE_DONE ? 0 : tl__index_fail(ix, "writing", e);
}

static int store(tl_index *ix, const entry *n, tl_err *e)
{
    int64_t rid, old = 0;
    int same = 0, rc = find_same_id(ix, n, &old, &same, e);
    if (rc)
        return rc;
    if (same) {
        ix->n.unchanged++;
        return 0;
    }
    if (old) {
        rc = drop(ix, n, old, e);
        ix->n.replaced++;
    }
    rid = ix->next_rid;
    if (!rc)
        rc = insert_scene(ix, n, rid, e);
    if (!rc)
        rc = insert_detail(ix, n, rid, e);
    if (!rc)
        rc = run(ix, TL__ADD_BYID, (int64_t)n->id_hash, &rid, e);
    if (rc)
        return rc;
    ix->next_rid++;
    ix->n.added += !old;
    ix->waiting = 1;
    return 0;
}

int tl_index_add(tl_index *ix, const tl_scene *s, tl_err *e)
{
    entry n = {.s = s, .packed = &ix->packed};
    if (!ix->writer)
        return tl_fail(e, TL_EUSAGE, "%s is open for reading", ix->path);
    if (!*s->id)
        return tl_fail(e, TL_EDATA, "a scene without id");
    int rc = make_entry(ix, &n, e);
    if (!rc)
        rc = store(ix, &n, e);
    int64_t total = ix->n.added + ix->n.replaced + ix->n.unchanged;
    if (!rc && total % TELL_EVERY == 0)
        rc = told(ix, e);
    if (!rc && ix->path && ++ix->since_commit >= COMMIT_EVERY) {
        ix->since_commit = 0;
        rc = tl__index_exec(ix, "COMMIT; BEGIN IMMEDIATE", e);
    }
    return rc;
}
