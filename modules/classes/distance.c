/* Distance to the nearest cell that is true. SPDX-License-Identifier: MIT
 *
 * Exact and Euclidean, between centres of cells. First the distance within the column, in rows;
 * then along each row the least of wx (x - u)^2 + wy g(u)^2 over its columns u, wx and wy the
 * squared size of a cell: of the whole Image by the lower envelope of these parabolas (Meijster,
 * Roerdink, Hesselink 2000: A general algorithm for computing distance transforms in linear time),
 * in the neighbourhood by looking outward until no column can be nearer. All are whole numbers
 * where cells are counted, so both ways give the same bits. */
#include "modules/classes/whole_int.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>

#define NONE INFINITY

/* --- the whole ----------------------------------------------------------------------------------
 */

static void forget_rows(const tl__whole_sampling *m, int64_t row, int64_t n)
{
    tl__map_forget(&m->cells, row * m->domain.w * 8, n * m->domain.w * 8);
}

static int mark_block(tl__whole_sampling *m, tl__tools *t, int64_t k, tl_err *e)
{
    tl_rect r = tl__block(m, k);
    double *cell = m->cells.at;
    int rc = tl__whole_load(m, t, r, e);
    for (int64_t y = 0; y < r.h && !rc; y++) {
        double *to = cell + (r.y - m->domain.y + y) * m->domain.w + r.x - m->domain.x;
        for (int64_t x = 0; x < r.w; x++)
            to[x] = t->valid[y * r.w + x] && t->value[y * r.w + x] ? 0 : NONE;
    }
    if (!rc)
        forget_rows(m, r.y - m->domain.y, r.h);
    return rc;
}

static void sweep_row(double *to, const double *before, int64_t w)
{
    for (int64_t x = 0; x < w; x++)
        if (before[x] + 1 < to[x])
            to[x] = before[x] + 1;
}

static int sweep_down(tl__whole_sampling *m, tl__tools *t, int64_t k, tl_err *e)
{
    double *cell = m->cells.at;
    int64_t w = m->domain.w, first = k * TL__ROWS;
    (void)t, (void)e;
    for (int64_t y = first > 0 ? first : 1; y < first + TL__ROWS && y < m->domain.h; y++)
        sweep_row(cell + y * w, cell + (y - 1) * w, w);
    forget_rows(m, first - 1, TL__ROWS);
    return 0;
}

static int sweep_up(tl__whole_sampling *m, tl__tools *t, int64_t k, tl_err *e)
{
    double *cell = m->cells.at;
    int64_t w = m->domain.w, last = m->domain.h - 1 - k * TL__ROWS;
    (void)t, (void)e;
    for (int64_t y = k ? last : last - 1; y > last - TL__ROWS && y >= 0; y--)
        sweep_row(cell + y * w, cell + (y + 1) * w, w);
    forget_rows(m, last - TL__ROWS + 2, TL__ROWS);
    return 0;
}

enum { ROWS = 16 }; /* of an item */

static int64_t row_items(const tl__whole_sampling *m)
{
    return (m->domain.h + ROWS - 1) / ROWS;
}

/* Parabolas of a row: the columns that are nearest somewhere, and where each begins to be. */
typedef struct {
    double *g; /* wy g(u)^2 */
    int64_t *u, *from;
    double wx;
} envelope;

static double height(const envelope *v, int64_t x, int64_t u)
{
    double d = (double)(x - u);
    return v->wx * (d * d) + v->g[u];
}

/* The last column at which a is still as near as b, a < b. */
static int64_t last_of(const envelope *v, int64_t a, int64_t b, int64_t w)
{
    double x = (double)(b * b - a * a) + (v->g[b] - v->g[a]) / v->wx;
    x = floor(x / (double)(2 * (b - a)));
    return x < -1 ? -1 : x > (double)w ? w : (int64_t)x;
}

static void one_row(envelope *v, double *row, int64_t w, double wy)
{
    int64_t n = 0;
    for (int64_t x = 0; x < w; x++)
        v->g[x] = wy * (row[x] * row[x]);
    for (int64_t x = 0; x < w; x++) {
        if (isinf(v->g[x]))
            continue;
        int64_t from = 0;
        while (n > 0 && (from = last_of(v, v->u[n - 1], x, w) + 1) <= v->from[n - 1])
            n--;
        if (n == 0)
            from = 0;
        if (from >= w)
            continue;
        v->u[n] = x;
        v->from[n++] = from;
    }
    for (int64_t x = w - 1; x >= 0; x--) {
        while (n > 1 && v->from[n - 1] > x)
            n--;
        row[x] = n ? height(v, x, v->u[n - 1]) : NONE;
    }
}

static int some_rows(tl__whole_sampling *m, tl__tools *t, int64_t k, tl_err *e)
{
    int64_t w = m->domain.w, end = (k + 1) * ROWS < m->domain.h ? (k + 1) * ROWS : m->domain.h;
    envelope v = {.wx = m->cell[0] * m->cell[0]};
    (void)t;
    int rc = tl_try_alloc((void **)&v.g, (size_t)w, sizeof *v.g, "a row", e);
    if (!rc)
        rc = tl_try_alloc((void **)&v.u, (size_t)w, sizeof *v.u, "a row", e);
    if (!rc)
        rc = tl_try_alloc((void **)&v.from, (size_t)w, sizeof *v.from, "a row", e);
    for (int64_t y = k * ROWS; y < end && !rc; y++)
        one_row(&v, (double *)m->cells.at + y * w, w, m->cell[1] * m->cell[1]);
    forget_rows(m, k * ROWS, ROWS);
    free(v.g);
    free(v.u);
    free(v.from);
    return rc;
}

static void put(const tl__whole_sampling *m, double squared, double *value, uint8_t *valid)
{
    double max = m->spec->max;
    *valid = squared < INFINITY && (max == 0 || squared <= max * max);
    *value = *valid ? sqrt(squared) : 0;
}

void tl__distance_get(const tl__whole_sampling *m, tl_rect r, int64_t stride, double *values,
                      uint8_t *valid)
{
    for (int64_t y = 0; y < r.h; y++) {
        const double *cell =
            (double *)m->cells.at + (r.y - m->domain.y + y) * m->domain.w + r.x - m->domain.x;
        for (int64_t x = 0; x < r.w; x++)
            put(m, cell[x], &values[y * stride + x], &valid[y * stride + x]);
    }
    forget_rows(m, r.y - m->domain.y, r.h);
}

const tl__phase tl__distance_phases[] = {{tl__blocks, mark_block, 0},
                                         {tl__row_items, sweep_down, 1},
                                         {tl__row_items, sweep_up, 1},
                                         {row_items, some_rows, 0},
                                         {NULL, NULL, 0}};

/* --- the neighbourhood --------------------------------------------------------------------------
 */

#define FAR UINT32_MAX

static void sweep_window(uint32_t *g, int64_t w, int64_t h)
{
    for (int64_t i = w; i < w * h; i++)
        if (g[i - w] != FAR && g[i - w] + 1 < g[i])
            g[i] = g[i - w] + 1;
    for (int64_t i = w * (h - 1) - 1; i >= 0; i--)
        if (g[i + w] != FAR && g[i + w] + 1 < g[i])
            g[i] = g[i + w] + 1;
}

/* The least of the columns within reach of the cell at g. */
static double nearest(const tl__whole_sampling *m, const uint32_t *g)
{
    double wx = m->cell[0] * m->cell[0], wy = m->cell[1] * m->cell[1], best = NONE;
    for (int64_t d = 0; d <= m->near_x; d++) {
        double across = wx * (double)(d * d);
        if (across >= best)
            break;
        uint32_t a = g[d] < g[-d] ? g[d] : g[-d];
        if ((int64_t)a <= m->near_y)
            best = fmin(best, across + wy * ((double)a * (double)a));
    }
    return best;
}

int tl__distance_near(tl__whole_sampling *m, tl__tools *t, tl_rect r, int64_t stride,
                      double *values, uint8_t *valid, tl_err *e)
{
    tl_rect win = {r.x - m->near_x, r.y - m->near_y, r.w + 2 * m->near_x, r.h + 2 * m->near_y};
    int rc = tl__load_window(m, t, win, e);
    if (rc)
        return rc;
    for (int64_t i = 0; i < win.w * win.h; i++)
        t->window[i] = t->window[i] != FAR && t->window[i] ? 0 : FAR;
    sweep_window(t->window, win.w, win.h);
    for (int64_t y = 0; y < r.h && !(rc = tl__go_on(m, e)); y++)
        for (int64_t x = 0; x < r.w; x++)
            put(m, nearest(m, t->window + (y + m->near_y) * win.w + x + m->near_x),
                &values[y * stride + x], &valid[y * stride + x]);
    return rc;
}
