/* Bilinear and cubic where cells are as fine as pixels: two or four pixels along each axis count.
 * SPDX-License-Identifier: MIT
 *
 * Gives the bits of tl_resample_cell, its slow twin in the tests: the same weights, summed in the
 * same order. What is rare is left to it: a pixel that is missing, and centres so near to a change
 * of the footprint that rounding decides. Cells are computed in spans (smooth_kernels.c). */
#include "modules/expr/expr.h"
#include "modules/raster/resample_int.h"

#include <math.h>
#include <string.h>

#define SPAN TL__SMOOTH_SPAN

typedef tl_resampled job;

typedef struct span {
    double x[SPAN], y[SPAN];             /* centres of a span that is not full, */
    double first_x[SPAN], first_y[SPAN]; /* the first pixels that count, */
    double wx[4][SPAN], wy[4][SPAN];     /* and the weights from there on */
    double v[SPAN], weight[SPAN], value[SPAN];
    int32_t at[SPAN]; /* of the first pixel in the window */
    double how[SPAN]; /* 0, or why the cell is not computed here */
} span;

static const tl__smooth_kernels *kernels(void)
{
    return TL_WIDEST(tl__smooth_);
}

/* Cells without a pixel are among them; no pixel is missing. */
tl_rect tl_smooth_behind(const job *j, tl_rect sub)
{
    const tl__smooth_kernels *f = kernels();
    double x0 = INFINITY, x1 = -1, y0 = INFINITY, y1 = -1;
    for (int64_t k = sub.y; k < sub.y + sub.h; k++) {
        int64_t at = k * j->q->rect.w + sub.x;
        f->bounds(j->x + at, sub.w, j->level.w, &x0, &x1);
        f->bounds(j->y + at, sub.w, j->level.h, &y0, &y1);
    }
    if (x1 < 0 || y1 < 0)
        return (tl_rect){0, 0, 0, 0};
    double rx = tl_kernel_radius(j->m->m.method) * j->kx + 1;
    double ry = tl_kernel_radius(j->m->m.method) * j->ky + 1;
    tl_rect p = {(int64_t)floor(x0 - rx), (int64_t)floor(y0 - ry), 0, 0};
    p.w = (int64_t)ceil(x1 + rx) - p.x;
    p.h = (int64_t)ceil(y1 + ry) - p.y;
    return tl_rect_intersect(p, (tl_rect){0, 0, j->level.w, j->level.h});
}

/* Where the cells' pixels are; whether some cells are not for this file. */
static int find(const job *j, const tl__smooth_kernels *f, int64_t at, int count, span *s)
{
    int cubic = j->m->m.method == TL_CUBIC;
    const double *x = j->x + at, *y = j->y + at;
    memset(s->how, 0, sizeof s->how);
    if (count < SPAN) {
        memcpy(s->x, x, (size_t)count * sizeof *s->x);
        memcpy(s->y, y, (size_t)count * sizeof *s->y);
        for (int c = count; c < SPAN; c++)
            s->x[c] = s->y[c] = -9; /* outside */
        x = s->x;
        y = s->y;
    }
    f->place(x, j->level.w, cubic, s->first_x, s->wx[0], s->how);
    f->place(y, j->level.h, cubic, s->first_y, s->wy[0], s->how);
    return f->locate(s->first_x, s->first_y, s->how, j->win, s->at);
}

static int need_valid(const job *j, int n, span *s)
{
    for (int k = 0; k < n; k++)
        for (int i = 0; i < n; i++)
            for (int c = 0; c < SPAN; c++)
                if (!j->valid[s->at[c] + k * j->win.w + i])
                    s->how[c] = s->how[c] > 0 ? s->how[c] : TL__SMOOTH_RARE;
    return 1;
}

#define GATHER(T)                                                                                  \
    static void gather_##T(const void *values, int64_t more, span *s)                              \
    {                                                                                              \
        const T *from = values;                                                                    \
        for (int c = 0; c < SPAN; c++)                                                             \
            s->v[c] = (double)from[s->at[c] + more];                                               \
    }
GATHER(uint8_t)
GATHER(int8_t)
GATHER(uint16_t)
GATHER(int16_t)
GATHER(uint32_t)
GATHER(int32_t)
GATHER(float)
GATHER(double)

/* ORDER TL_DTYPE; 64-bit integers round elsewhere. */
static void (*const gather[TL_DTYPES])(const void *, int64_t, span *) = {
    gather_uint8_t, gather_int8_t, gather_uint16_t, gather_int16_t, gather_uint32_t, gather_int32_t,
    NULL,           NULL,          gather_float,    gather_double};

static void smooth_span(job *j, const tl__smooth_kernels *f, int64_t i, int64_t k, int count,
                        int holes, span *s)
{
    int n = j->m->m.method == TL_CUBIC ? 4 : 2;
    int64_t at = k * j->q->rect.w + i;
    int rare = find(j, f, at, count, s);
    if (holes)
        rare = need_valid(j, n, s);
    memset(s->weight, 0, sizeof s->weight);
    memset(s->value, 0, sizeof s->value);
    for (int b = 0; b < n; b++)
        for (int a = 0; a < n; a++) {
            gather[j->t](j->values, b * j->win.w + a, s);
            f->add(s->wx[a], s->wy[b], s->v, s->weight, s->value);
        }
    f->divide(s->value, s->weight);
    f->store[j->t](s->value, s->how, count, (char *)j->q->values[j->k] + (size_t)at * j->size,
                   j->q->valid[j->k] + at);
    for (int c = 0; c < count && rare; c++)
        if (s->how[c] > 0 && s->how[c] < TL__SMOOTH_OUTSIDE)
            tl_resample_cell(j, i + c, k);
}

int tl_smooth_cells(job *j, tl_rect sub)
{
    span s;
    int n = j->m->m.method == TL_CUBIC ? 4 : 2;
    if (j->boxes || !j->unit || j->by_cells || !gather[j->t] || j->win.w < n || j->win.h < n)
        return 0;
    const tl__smooth_kernels *f = kernels();
    int holes = memchr(j->valid, 0, (size_t)(j->win.w * j->win.h)) != NULL;
    for (int64_t k = sub.y; k < sub.y + sub.h; k++)
        for (int64_t i = sub.x; i < sub.x + sub.w; i += SPAN) {
            int64_t left = sub.x + sub.w - i;
            smooth_span(j, f, i, k, left < SPAN ? (int)left : SPAN, holes, &s);
        }
    return 1;
}
