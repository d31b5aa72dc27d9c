/* Coverage of cells: see coverage.h. SPDX-License-Identifier: MIT
 *
 * Positions are counted in cells from the anchor: u to the right, v down, cell (c, r) is
 * [c, c + 1) x [r, r + 1). A row is worked on as a whole, whatever part of it was asked for, so
 * that sums run in one order. */
#include "modules/raster/coverage.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BUCKETS 4096
#define FURTHEST     1e15 /* cells */

typedef struct {
    double u0, v0, u1, v1; /* v0 <= v1 */
    int8_t sign;           /* +1: v grew along the ring, -1: it fell; 0: of a line or point */
} edge;

struct tl_coverage {
    edge *edge;
    size_t n;
    double box[4]; /* umin, vmin, umax, vmax */
    double turn;   /* columns of a whole turn of longitude, 0 elsewhere */
    double bucket; /* rows of one */
    size_t nbuckets;
    size_t *start; /* of each bucket in `member`, and the end */
    uint32_t *member;
};

/* --- making ------------------------------------------------------------------------------------
 */

static void add_edge(tl_coverage *c, double u0, double v0, double u1, double v1, int area)
{
    edge *d = &c->edge[c->n];
    int sign = v1 > v0 ? 1 : v1 < v0 ? -1 : 0;
    if (area && sign == 0)
        return;
    *d = sign < 0 ? (edge){u1, v1, u0, v0, 0} : (edge){u0, v0, u1, v1, 0};
    d->sign = (int8_t)(area ? sign : 0);
    c->n++;
}

/* Coordinates lose some bits on their way through degrees, and cell sizes are seldom binary
 * fractions: what lies within a millionth of a cell of an edge or a centre of cells lies on it. So
 * a zone along the edges of cells has no part of their neighbours. */
static double settle(double x)
{
    double halves = nearbyint(2 * x);
    return fabs(2 * x - halves) < 2e-6 ? halves / 2 : x;
}

static void add_path(tl_coverage *c, const tl_shape *s, const tl_path *p, const tl_grid *g)
{
    double u0 = 0, v0 = 0;
    for (size_t i = p->first; i < p->first + p->n; i++) {
        double u = settle((s->x[i] - g->x0) / g->dx), v = settle((g->y0 - s->y[i]) / g->dy);
        if (p->kind == TL_PATH_POINT)
            add_edge(c, u, v, u, v, 0);
        else if (i > p->first)
            add_edge(c, u0, v0, u, v, p->kind >= TL_PATH_SHELL);
        u0 = u;
        v0 = v;
        c->box[0] = fmin(c->box[0], u);
        c->box[1] = fmin(c->box[1], v);
        c->box[2] = fmax(c->box[2], u);
        c->box[3] = fmax(c->box[3], v);
    }
}

static size_t bucket_of(const tl_coverage *c, double v)
{
    double k = floor((v - c->box[1]) / c->bucket);
    return k <= 0 ? 0 : k >= (double)c->nbuckets ? c->nbuckets - 1 : (size_t)k;
}

/* Counting sort of edges into all the buckets that they meet. */
static int fill_buckets(tl_coverage *c, tl_err *e)
{
    double rows = floor(c->box[3]) - floor(c->box[1]) + 1;
    c->nbuckets = (size_t)fmin(rows, fmin(MOST_BUCKETS, (double)c->n + 1));
    c->bucket = ceil(rows / (double)c->nbuckets);
    c->box[1] = floor(c->box[1]);
    c->start = tl_xcalloc(c->nbuckets + 2, sizeof *c->start);
    for (size_t i = 0; i < c->n; i++)
        for (size_t k = bucket_of(c, c->edge[i].v0); k <= bucket_of(c, c->edge[i].v1); k++)
            c->start[k + 2]++;
    for (size_t k = 2; k < c->nbuckets + 2; k++)
        c->start[k] += c->start[k - 1];
    int rc = tl_try_alloc((void **)&c->member, c->start[c->nbuckets + 1] + 1, sizeof *c->member,
                          "the edges of a geometry", e);
    for (size_t i = 0; i < c->n && !rc; i++)
        for (size_t k = bucket_of(c, c->edge[i].v0); k <= bucket_of(c, c->edge[i].v1); k++)
            c->member[c->start[k + 1]++] = (uint32_t)i;
    return rc;
}

static int take_shape(tl_coverage *c, const tl_shape *s, const tl_grid *g, tl_err *e)
{
    c->box[0] = c->box[1] = INFINITY;
    c->box[2] = c->box[3] = -INFINITY;
    int rc =
        tl_try_alloc((void **)&c->edge, s->n + 1, sizeof *c->edge, "the edges of a geometry", e);
    for (size_t i = 0; i < s->npaths && !rc; i++)
        add_path(c, s, &s->path[i], g);
    if (!rc && c->n > UINT32_MAX / 2)
        rc = tl_fail(e, TL_EDATA, "a geometry of %zu edges is too large", c->n);
    for (int i = 0; i < 4 && !rc && s->npaths; i++)
        if (!(fabs(c->box[i]) < FURTHEST))
            rc = tl_fail(e, TL_EDATA, "a geometry lies too many cells from the grid's anchor");
    return rc || s->npaths == 0 ? rc : fill_buckets(c, e);
}

int tl_coverage_new(const tl_geometry *g, const tl_grid *grid, tl_coverage **out, tl_err *e)
{
    tl_shape *s = NULL;
    if (!grid->crs[0] || strcmp(grid->crs, "LOCAL") == 0)
        return tl_fail(e, TL_EDATA,
                       "the file states no coordinate system, so a geometry in degrees means "
                       "nothing; use --window");
    int rc = tl_geometry_shape(g, grid->crs, fmin(grid->dx, grid->dy) / 64, &s, e);
    if (rc)
        return rc;
    tl_coverage *c = tl_xcalloc(1, sizeof *c);
    c->turn = tl_crs_turn(grid->crs) / grid->dx;
    rc = take_shape(c, s, grid, e);
    tl_shape_free(s);
    if (rc)
        tl_coverage_free(c);
    else
        *out = c;
    return rc;
}

void tl_coverage_free(tl_coverage *c)
{
    if (!c)
        return;
    free(c->edge);
    free(c->start);
    free(c->member);
    free(c);
}

size_t tl_coverage_bytes(const tl_coverage *c)
{
    size_t members = c->start ? c->start[c->nbuckets] : 0;
    return c->n * sizeof *c->edge + members * sizeof *c->member;
}

/* --- turns of the globe ------------------------------------------------------------------------
 */

/* The turns k for which the geometry, moved by k turns, may meet the columns x .. x + w. */
static void turns(const tl_coverage *c, int64_t x, int64_t w, double *first, double *last)
{
    *first = *last = 0;
    if (c->turn > 0) {
        *first = ceil(((double)x - c->box[2]) / c->turn);
        *last = ceil(((double)(x + w) - c->box[0]) / c->turn) - 1;
    }
}

tl_rect tl_coverage_rect(const tl_coverage *c, tl_rect near)
{
    double first, last;
    if (!c->member)
        return (tl_rect){near.x, near.y, 0, 0};
    turns(c, near.x, near.w, &first, &last);
    if (first > last)
        first = last = 0;
    double u0 = floor(c->box[0] + first * c->turn), u1 = floor(c->box[2] + last * c->turn) + 1;
    double v0 = floor(c->box[1]), v1 = floor(c->box[3]) + 1;
    return (tl_rect){(int64_t)u0, (int64_t)v0, (int64_t)(u1 - u0), (int64_t)(v1 - v0)};
}

/* --- pieces of edges in one row ----------------------------------------------------------------
 */

typedef struct {
    int64_t col;
    double height; /* signed */
    double middle; /* of u within the cell, 0 to 1 */
    int line;
} piece;

typedef struct {
    piece *p;
    size_t n, cap;
} pieces;

static void add_piece(pieces *a, double col, double height, double middle, int line)
{
    if (a->n == a->cap) {
        a->cap = a->cap ? 2 * a->cap : 64;
        a->p = tl_xrealloc(a->p, a->cap * sizeof *a->p);
    }
    a->p[a->n++] = (piece){(int64_t)col, height, middle, line};
}

static double at_row(const edge *d, double v)
{
    if (v <= d->v0)
        return d->u0;
    return v >= d->v1 ? d->u1 : d->u0 + (v - d->v0) * ((d->u1 - d->u0) / (d->v1 - d->v0));
}

/* What of the edge lies in row r, divided at columns. */
static void divide(pieces *a, const edge *d, double r)
{
    double top = fmax(d->v0, r), bottom = fmin(d->v1, r + 1);
    double ua = at_row(d, top), ub = d->v0 == d->v1 ? d->u1 : at_row(d, bottom);
    double height = (bottom - top) * d->sign, lo = fmin(ua, ub), hi = fmax(ua, ub), from = lo;
    if (d->sign && !(bottom > top))
        return;
    for (double col = floor(lo);; col++) {
        double to = fmin(hi, col + 1);
        double part = hi > lo ? (to - from) / (hi - lo) : 1;
        if (part > 0 || !d->sign)
            add_piece(a, col, height * part, (from + to) / 2 - col, !d->sign);
        from = to;
        /* A line that ends on a column's edge touches that column; an area has no part of it. */
        if (d->sign ? col + 1 >= hi : col + 1 > hi)
            return;
    }
}

static int by_column(const void *x, const void *y)
{
    const piece *a = x, *b = y;
    if (a->col != b->col)
        return a->col < b->col ? -1 : 1;
    if (a->height != b->height)
        return a->height < b->height ? -1 : 1;
    return (a->middle > b->middle) - (a->middle < b->middle);
}

/* All edges that meet row r: pieces in the order of columns. `areas`, `lines`: which. */
static void collect(const tl_coverage *c, int64_t r, int areas, pieces *a)
{
    double v = (double)r;
    a->n = 0;
    if (v + 1 < c->box[1] || v > c->box[3])
        return;
    size_t k = bucket_of(c, v);
    for (size_t i = c->start[k]; i < c->start[k + 1]; i++) {
        const edge *d = &c->edge[c->member[i]];
        if (d->v0 < v + 1 && d->v1 >= v && (areas || !d->sign))
            divide(a, d, v);
    }
    if (a->n)
        qsort(a->p, a->n, sizeof *a->p, by_column);
}

/* Rounding of sums, far below what coordinates are good for. */
static double tidy(double x)
{
    return x < 1e-9 ? 0 : x > 1 - 1e-9 ? 1 : x;
}

/* Adds the row's areas, moved by `move` columns, to the cells x .. x + w. */
static void add_areas(const pieces *a, int64_t move, int64_t x, int64_t w, double *out)
{
    double left = 0; /* covered height of what lies left of the cell */
    size_t i = 0;
    while (i < a->n && a->p[i].col + move < x)
        left += a->p[i++].height;
    for (int64_t col = x; col < x + w; col++) {
        double cell = left;
        for (; i < a->n && a->p[i].col + move == col; i++) {
            cell += a->p[i].height * (1 - a->p[i].middle);
            left += a->p[i].height;
        }
        out[col - x] = fmin(1, out[col - x] + tidy(cell));
        if (i == a->n && tidy(left) == 0)
            return;
    }
}

static void add_lines(const pieces *a, int64_t move, int64_t x, int64_t w, double *out)
{
    for (size_t i = 0; i < a->n; i++) {
        int64_t col = a->p[i].col + move;
        if (a->p[i].line && col >= x && col < x + w)
            out[col - x] = 1;
    }
}

/* Turns are whole columns where the lattice divides the globe; elsewhere the edges move. */
static tl_coverage moved(const tl_coverage *c, double by)
{
    tl_coverage m = *c;
    m.edge = tl_xmalloc((c->n + 1) * sizeof *m.edge);
    for (size_t i = 0; i < c->n; i++) {
        m.edge[i] = c->edge[i];
        m.edge[i].u0 += by;
        m.edge[i].u1 += by;
    }
    return m;
}

/* One turn of the geometry over the cells of rect: in whole columns where that is what a turn is.
 */
typedef void turn_fn(const tl_coverage *c, int64_t move, tl_rect rect, void *out);

static void each_turn(const tl_coverage *c, tl_rect rect, turn_fn *fn, void *out)
{
    double first, last;
    turns(c, rect.x, rect.w, &first, &last);
    for (double k = first; k <= last && c->member; k++) {
        double by = k * c->turn, whole = nearbyint(by);
        if (fabs(by - whole) < 1e-6) {
            fn(c, (int64_t)whole, rect, out);
        } else {
            tl_coverage m = moved(c, by);
            fn(&m, 0, rect, out);
            free(m.edge);
        }
    }
}

static void fractions(const tl_coverage *c, int64_t move, tl_rect rect, void *out)
{
    pieces a = {NULL, 0, 0};
    for (int64_t y = 0; y < rect.h; y++) {
        double *row = (double *)out + y * rect.w;
        collect(c, rect.y + y, 1, &a);
        add_areas(&a, move, rect.x, rect.w, row);
        add_lines(&a, move, rect.x, rect.w, row);
    }
    free(a.p);
}

int tl_coverage_fractions(const tl_coverage *c, tl_rect rect, double *out, tl_err *e)
{
    (void)e;
    memset(out, 0, (size_t)(rect.w * rect.h) * sizeof *out);
    each_turn(c, rect, fractions, out);
    return 0;
}

/* --- centres -----------------------------------------------------------------------------------
 */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Where the rings cross the middle of row r. */
static size_t crossings(const tl_coverage *c, int64_t r, double **list, size_t *cap)
{
    double v = (double)r + 0.5;
    size_t n = 0;
    if (v < c->box[1] || v > c->box[3])
        return 0;
    size_t k = bucket_of(c, (double)r);
    for (size_t i = c->start[k]; i < c->start[k + 1]; i++) {
        const edge *d = &c->edge[c->member[i]];
        if (!d->sign || !(d->v0 <= v && v < d->v1))
            continue;
        if (n == *cap) {
            *cap = *cap ? 2 * *cap : 64;
            *list = tl_xrealloc(*list, *cap * sizeof **list);
        }
        (*list)[n++] = at_row(d, v);
    }
    if (n)
        qsort(*list, n, sizeof **list, ascending);
    return n;
}

static void fill(double from, double to, int64_t move, int64_t x, int64_t w, uint8_t *row)
{
    int64_t a = (int64_t)ceil(from - 0.5) + move, b = (int64_t)ceil(to - 0.5) + move;
    a = a < x ? x : a;
    b = b > x + w ? x + w : b;
    if (b > a)
        memset(row + (a - x), 1, (size_t)(b - a));
}

static void centres(const tl_coverage *c, int64_t move, tl_rect rect, void *out)
{
    pieces a = {NULL, 0, 0};
    double *list = NULL;
    size_t cap = 0;
    for (int64_t y = 0; y < rect.h; y++) {
        uint8_t *row = (uint8_t *)out + y * rect.w;
        size_t n = crossings(c, rect.y + y, &list, &cap);
        for (size_t i = 0; i + 1 < n; i += 2)
            fill(list[i], list[i + 1], move, rect.x, rect.w, row);
        collect(c, rect.y + y, 0, &a);
        for (size_t i = 0; i < a.n; i++) {
            int64_t col = a.p[i].col + move;
            if (col >= rect.x && col < rect.x + rect.w)
                row[col - rect.x] = 1;
        }
    }
    free(a.p);
    free(list);
}

int tl_coverage_centres(const tl_coverage *c, tl_rect rect, uint8_t *out, tl_err *e)
{
    (void)e;
    memset(out, 0, (size_t)(rect.w * rect.h));
    each_turn(c, rect, centres, out);
    return 0;
}
