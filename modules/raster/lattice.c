/* The coordinate lattice: see lattice.h. SPDX-License-Identifier: MIT */
#include "modules/raster/lattice.h"

#include <math.h>

enum { ACROSS = 32 }; /* squares of a row whose points are mapped together */

typedef struct task {
    tl_lattice_map map;
    void *ctx;
    tl_rect rect;
    double shift;
    double *x, *y;
} task;

/* Within tolerance, and not NaN. */
static int near(double guess, double exact)
{
    return fabs(guess - exact) <= TL_LATTICE_ERROR;
}

/* The nine test points of a square, three by three from its upper left corner. */
static void nine(const task *t, int64_t col, int64_t row, int64_t size, double x[9], double y[9])
{
    for (int k = 0; k < 9; k++) {
        x[k] = (double)col + (double)(k % 3) * 0.5 * (double)size + t->shift;
        y[k] = (double)row + (double)(k / 3) * 0.5 * (double)size + t->shift;
    }
    t->map(t->ctx, 9, x, y);
}

static int is_flat(const double v[9])
{
    double top = (v[0] + v[2]) * 0.5, bottom = (v[6] + v[8]) * 0.5;
    return near(top, v[1]) && near(bottom, v[7]) && near((v[0] + v[6]) * 0.5, v[3]) &&
           near((v[2] + v[8]) * 0.5, v[5]) && near((top + bottom) * 0.5, v[4]);
}

/* The parabola through values at 0, 1/2, 1 is their sum with these weights. */
typedef struct parabola {
    double a[TL_LATTICE_STEP], b[TL_LATTICE_STEP], c[TL_LATTICE_STEP];
} parabola;

static void parabola_at(parabola *p, int i, double f)
{
    p->a[i] = (1 - 2 * f) * (1 - f);
    p->b[i] = 4 * f * (1 - f);
    p->c[i] = f * (2 * f - 1);
}

static double sum(const parabola *p, int64_t i, double a, double b, double c)
{
    return a * p->a[i] + b * p->b[i] + c * p->c[i];
}

/* A row of a square, whose own place in it is the first of `row`. */
static void interpolate(const double v[9], const parabola *row, const parabola *p, int64_t from,
                        int64_t n, double *restrict out)
{
    double a = sum(row, 0, v[0], v[3], v[6]), b = sum(row, 0, v[1], v[4], v[7]);
    double c = sum(row, 0, v[2], v[5], v[8]);
    for (int64_t i = 0; i < n; i++)
        out[i] = sum(p, from + i, a, b, c);
}

static void square(const task *t, int64_t col, int64_t row, int64_t size);

/* A square of which the nine points are known. */
static void fill(const task *t, int64_t col, int64_t row, int64_t size, const double x[9],
                 const double y[9])
{
    tl_rect part = tl_rect_intersect((tl_rect){col, row, size, size}, t->rect);
    if (!is_flat(x) || !is_flat(y)) {
        int64_t half = size / 2;
        for (int k = 0; k < 4; k++)
            square(t, col + (k & 1) * half, row + (k >> 1) * half, half);
        return;
    }
    int64_t at = (part.y - t->rect.y) * t->rect.w + (part.x - t->rect.x);
    parabola across, down;
    for (int i = 0; i < size; i++)
        parabola_at(&across, i, (double)i / (double)size);
    for (int64_t j = 0; j < part.h; j++, at += t->rect.w) {
        parabola_at(&down, 0, (double)(part.y - row + j) / (double)size);
        interpolate(x, &down, &across, part.x - col, part.w, t->x + at);
        interpolate(y, &down, &across, part.x - col, part.w, t->y + at);
    }
}

static void square(const task *t, int64_t col, int64_t row, int64_t size)
{
    double x[9], y[9];
    tl_rect part = tl_rect_intersect((tl_rect){col, row, size, size}, t->rect);
    if (part.w <= 0 || part.h <= 0)
        return;
    if (size == 1) {
        int64_t at = (part.y - t->rect.y) * t->rect.w + (part.x - t->rect.x);
        t->x[at] = (double)col + t->shift;
        t->y[at] = (double)row + t->shift;
        t->map(t->ctx, 1, &t->x[at], &t->y[at]);
        return;
    }
    nine(t, col, row, size, x, y);
    fill(t, col, row, size, x, y);
}

/* --- the largest squares, some side by side: their points are mapped once -------------------- */

typedef struct line { /* of points half a step apart, from the left edge of the first square on */
    double x[2 * ACROSS + 1], y[2 * ACROSS + 1];
} line;

static void map_line(const task *t, int64_t col, double row, int64_t squares, line *l)
{
    int64_t n = 2 * squares + 1;
    for (int64_t i = 0; i < n; i++) {
        l->x[i] = (double)col + (double)i * 0.5 * TL_LATTICE_STEP + t->shift;
        l->y[i] = row + t->shift;
    }
    t->map(t->ctx, (size_t)n, l->x, l->y);
}

static void fill_row(const task *t, int64_t col, int64_t row, int64_t squares, const line l[3])
{
    for (int64_t s = 0; s < squares; s++) {
        double x[9], y[9];
        for (int k = 0; k < 9; k++) {
            x[k] = l[k / 3].x[2 * s + k % 3];
            y[k] = l[k / 3].y[2 * s + k % 3];
        }
        fill(t, col + s * TL_LATTICE_STEP, row, TL_LATTICE_STEP, x, y);
    }
}

static void fill_column(const task *t, int64_t col, int64_t row, int64_t squares)
{
    const double half = 0.5 * TL_LATTICE_STEP;
    line l[3];
    map_line(t, col, (double)row, squares, &l[0]);
    for (; row < t->rect.y + t->rect.h; row += TL_LATTICE_STEP) {
        map_line(t, col, (double)row + half, squares, &l[1]);
        map_line(t, col, (double)row + 2 * half, squares, &l[2]);
        fill_row(t, col, row, squares, l);
        l[0] = l[2];
    }
}

static int64_t floor_step(int64_t v)
{
    int64_t m = v % TL_LATTICE_STEP;
    return v - (m < 0 ? m + TL_LATTICE_STEP : m);
}

void tl_lattice_eval(tl_lattice_map map, void *ctx, tl_rect rect, double shift, int exact,
                     double *x, double *y)
{
    const task t = {map, ctx, rect, shift, x, y};
    if (exact) {
        size_t n = 0;
        for (int64_t j = 0; j < rect.h; j++)
            for (int64_t i = 0; i < rect.w; i++, n++) {
                x[n] = (double)(rect.x + i) + shift;
                y[n] = (double)(rect.y + j) + shift;
            }
        map(ctx, n, x, y);
        return;
    }
    int64_t col = floor_step(rect.x), end = rect.x + rect.w;
    for (; col < end; col += ACROSS * TL_LATTICE_STEP) {
        int64_t squares = (end - col + TL_LATTICE_STEP - 1) / TL_LATTICE_STEP;
        fill_column(&t, col, floor_step(rect.y), squares < ACROSS ? squares : ACROSS);
    }
}
