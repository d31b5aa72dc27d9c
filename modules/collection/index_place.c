/* The R*Tree of places. SPDX-License-Identifier: MIT
 *
 * Few scenes are inserted one by one. Where they are many beside those that are there, the tree is
 * built anew from the bottom: scenes in the order of a curve over the map, then of time, are cut into
 * leaves, leaves into their parents. That writes the tables below SQLite's R*Tree by their documented
 * names and their format: a node is its depth (root only) and number of cells, 2 bytes each, then
 * cells of a number (8 bytes) and its box (4-byte floats: least and most in each dimension), all
 * big-endian; node 1 is the root. rtreecheck() agrees, as a test says. */
#include "modules/collection/index_int.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    TELL_EVERY = 4096,
    DIMS = 3,
    CELL = 8 + DIMS * 8,
    MOST_CELLS = 51,
    NODE = 4 + MOST_CELLS * CELL, /* what SQLite takes for pages of 4 KiB */
    FILL = 46,                    /* cells of a new node: room for some more */
    DEEPEST = 40
};

/* Position along a Hilbert curve of 2^16 cells a side: neighbours on it are neighbours on the map.
 */
static int64_t hilbert(uint32_t x, uint32_t y)
{
    int64_t d = 0;
    for (uint32_t s = 1u << 15; s; s >>= 1) {
        uint32_t rx = (x & s) != 0, ry = (y & s) != 0;
        d += (int64_t)s * s * ((3 * rx) ^ ry);
        if (!ry) {
            if (rx) {
                x = 65535 - x;
                y = 65535 - y;
            }
            uint32_t swap = x;
            x = y;
            y = swap;
        }
    }
    return d;
}

/* tl_curve(w, s, e, n). Cells of some half a degree, so that the scenes of one tile come together,
 * in order of time. */
static void curve(sqlite3_context *c, int n, sqlite3_value **v)
{
    (void)n;
    double w = sqlite3_value_double(v[0]), e = sqlite3_value_double(v[2]);
    double x = (w + (e < w ? e + 360 : e)) / 2,
           y = (sqlite3_value_double(v[1]) + sqlite3_value_double(v[3])) / 2;
    x = floor((x + 180) * 2);
    y = floor((y + 90) * 2);
    sqlite3_result_int64(
        c, hilbert((uint32_t)fmin(fmax(x, 0), 65535), (uint32_t)fmin(fmax(y, 0), 65535)));
}

int tl__index_curve(tl_index *ix)
{
    return sqlite3_create_function_v2(ix->db, "tl_curve", 4, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                      NULL, curve, NULL, NULL, NULL);
}

/* A row of the tree: its number, then least and most of longitude, latitude, time. */
typedef struct {
    int64_t id;
    double x[2 * DIMS];
} row;
typedef int row_fn(void *ctx, const row *r, tl_err *e);

/* Rows of a scene: two where it crosses the antimeridian. */
static int rows_of(sqlite3_stmt *st, row_fn *each, void *ctx, tl_err *e)
{
    int64_t rid = sqlite3_column_int64(st, 0);
    double w = sqlite3_column_double(st, 1), s = sqlite3_column_double(st, 2),
           east = sqlite3_column_double(st, 3), n = sqlite3_column_double(st, 4),
           t = sqlite3_column_double(st, 5) / TL__TIME_UNIT;
    row r = {2 * rid, {w, east, s, n, t, t}};
    if (w <= east)
        return each(ctx, &r, e);
    r.x[1] = 180;
    int rc = each(ctx, &r, e);
    row beyond = {2 * rid + 1, {-180, east, s, n, t, t}};
    return rc ? rc : each(ctx, &beyond, e);
}

static int all_rows(tl_index *ix, int64_t after, row_fn *each, void *ctx, tl_err *e)
{
    sqlite3_stmt *st = NULL;
    int rc = 0, step = SQLITE_DONE;
    if (sqlite3_prepare_v2(ix->db,
                           "SELECT rid, w, s, e, n, t0 FROM scene WHERE rid > ? AND w IS NOT NULL"
                           " ORDER BY tl_curve(w, s, e, n), t0",
                           -1, &st, NULL))
        return tl__index_fail(ix, "reading", e);
    sqlite3_bind_int64(st, 1, after);
    for (int64_t k = 0; !rc && (step = sqlite3_step(st)) == SQLITE_ROW; k++) {
        rc = rows_of(st, each, ctx, e);
        if (!rc && k % TELL_EVERY == 0 && ix->progress && ix->progress(ix->progress_ctx, &ix->n))
            rc = tl_fail(e, TL_EINTR, "interrupted");
    }
    if (!rc && step != SQLITE_DONE)
        rc = tl__index_fail(ix, "reading", e);
    sqlite3_finalize(st);
    return rc;
}

/* --- one by one ------------------------------------------------------------------------------- */

static int insert(void *ctx, const row *r, tl_err *e)
{
    tl_index *ix = ctx;
    sqlite3_stmt *st;
    int rc = tl__index_statement(ix, TL__ADD_PLACE, &st, e);
    if (rc)
        return rc;
    sqlite3_bind_int64(st, 1, r->id);
    for (int i = 0; i < 2 * DIMS; i++)
        sqlite3_bind_double(st, i + 2, r->x[i]);
    int step = sqlite3_step(st);
    sqlite3_reset(st);
    return step == SQLITE_DONE ? 0 : tl__index_fail(ix, "writing", e);
}

/* --- all at once ------------------------------------------------------------------------------ */

/* The node of each level that is being filled, leaves first. */
typedef struct {
    unsigned char cell[FILL * CELL];
    int n;
    float x[2 * DIMS]; /* around its cells */
    int64_t number;    /* 0 = not begun */
    int64_t nodes;     /* of this level, finished */
} level;
typedef struct {
    tl_index *ix;
    level level[DEEPEST];
    int64_t next; /* number of the next node */
    sqlite3_stmt *node, *rowid, *parent;
} tree;

static void put(unsigned char *to, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (unsigned char)(v >> 8 * (bytes - 1 - i));
}

static float rounded(double x, int up)
{
    float f = (float)x;
    if (up && (double)f < x)
        f = nextafterf(f, INFINITY);
    if (!up && (double)f > x)
        f = nextafterf(f, -INFINITY);
    return f;
}

static int step(tree *t, sqlite3_stmt *st, tl_err *e)
{
    int rc = sqlite3_step(st);
    sqlite3_reset(st);
    return rc == SQLITE_DONE ? 0 : tl__index_fail(t->ix, "writing", e);
}

static int pair(tree *t, sqlite3_stmt *st, int64_t a, int64_t b, tl_err *e)
{
    sqlite3_bind_int64(st, 1, a);
    sqlite3_bind_int64(st, 2, b);
    return step(t, st, e);
}

static int write_node(tree *t, const level *l, int64_t number, int depth, tl_err *e)
{
    unsigned char blob[NODE] = {0};
    put(blob, (uint64_t)depth, 2);
    put(blob + 2, (uint64_t)l->n, 2);
    memcpy(blob + 4, l->cell, (size_t)l->n * CELL);
    sqlite3_bind_int64(t->node, 1, number);
    sqlite3_bind_blob(t->node, 2, blob, sizeof blob, SQLITE_STATIC);
    return step(t, t->node, e);
}

static int add_cell(tree *t, int k, int64_t id, const float x[2 * DIMS], tl_err *e);

/* Writes the node of level k and makes it a cell of the next. */
static int finish(tree *t, int k, tl_err *e)
{
    level *l = &t->level[k];
    int rc = write_node(t, l, l->number, 0, e);
    int64_t number = l->number;
    float x[2 * DIMS];
    memcpy(x, l->x, sizeof x);
    l->n = 0;
    l->number = 0;
    l->nodes++;
    return rc ? rc : add_cell(t, k + 1, number, x, e);
}

static int add_cell(tree *t, int k, int64_t id, const float x[2 * DIMS], tl_err *e)
{
    level *l = &t->level[k];
    int rc = l->n == FILL ? finish(t, k, e) : 0;
    if (rc)
        return rc;
    if (!l->number)
        l->number = t->next++;
    unsigned char *cell = l->cell + l->n * CELL;
    put(cell, (uint64_t)id, 8);
    for (int i = 0; i < 2 * DIMS; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        put(cell + 8 + 4 * i, bits, 4);
        l->x[i] = !l->n ? x[i] : i % 2 ? fmaxf(l->x[i], x[i]) : fminf(l->x[i], x[i]);
    }
    l->n++;
    return pair(t, k ? t->parent : t->rowid, id, l->number, e);
}

static int load(void *ctx, const row *r, tl_err *e)
{
    float x[2 * DIMS];
    for (int i = 0; i < 2 * DIMS; i++)
        x[i] = rounded(r->x[i], i % 2);
    return add_cell(ctx, 0, r->id, x, e);
}

/* Finishes what is begun, level by level; the only node of a level is the root, whose number is 1.
 */
static int close_tree(tree *t, tl_err *e)
{
    int rc = 0, k = 0;
    while (!rc && t->level[k].nodes)
        rc = finish(t, k++, e);
    level *root = &t->level[k];
    if (rc)
        return rc;
    rc = write_node(t, root, 1, k, e);
    char *sql = tl_xasprintf("UPDATE %s SET %s = 1 WHERE %s = %lld", k ? "place_parent" : "place_rowid",
                             k ? "parentnode" : "nodeno", k ? "parentnode" : "nodeno",
                             (long long)root->number);
    if (!rc && root->n)
        rc = tl__index_exec(t->ix, sql, e);
    free(sql);
    return rc;
}

static int rebuild(tl_index *ix, tl_err *e)
{
    tree *t = tl_xcalloc(1, sizeof *t);
    t->ix = ix;
    t->next = 2;
    int rc = tl__index_exec(
        ix, "DELETE FROM place_node; DELETE FROM place_rowid; DELETE FROM place_parent", e);
    if (!rc && (sqlite3_prepare_v2(ix->db, "INSERT INTO place_node(nodeno, data) VALUES(?,?)", -1,
                                   &t->node, NULL) ||
                sqlite3_prepare_v2(ix->db, "INSERT INTO place_rowid(rowid, nodeno) VALUES(?,?)", -1,
                                   &t->rowid, NULL) ||
                sqlite3_prepare_v2(ix->db,
                                   "INSERT INTO place_parent(nodeno, parentnode) VALUES(?,?)", -1,
                                   &t->parent, NULL)))
        rc = tl__index_fail(ix, "writing", e);
    if (!rc)
        rc = all_rows(ix, 0, load, t, e);
    if (!rc)
        rc = close_tree(t, e);
    sqlite3_finalize(t->node);
    sqlite3_finalize(t->rowid);
    sqlite3_finalize(t->parent);
    free(t);
    return rc;
}

int tl__index_place(tl_index *ix, tl_err *e)
{
    int64_t last = ix->next_rid - 1;
    if (!ix->waiting)
        return 0;
    int rc = last - ix->placed > ix->placed / 4 ? rebuild(ix, e)
                                                : all_rows(ix, ix->placed, insert, ix, e);
    if (rc)
        return rc;
    ix->placed = last;
    ix->waiting = 0;
    char sql[80];
    sqlite3_snprintf(sizeof sql, sql, "UPDATE meta SET value = %lld WHERE key = 'placed'",
                     (sqlite3_int64)ix->placed);
    return tl__index_exec(ix, sql, e);
}
