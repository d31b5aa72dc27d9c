/* Bilinear and cubic where cells are as fine as pixels: two or four pixels along each axis count.
 * SPDX-License-Identifier: MIT
 *
 * Gives the bits of tl_resample_cell, its slow twin in the tests: the same weights, summed in the
 * same order. What is rare is left to it: a pixel that is missing, and centres so near to a change
 * of the footprint that rounding decides. */
#include "modules/raster/resample_int.h"

#include <math.h>

typedef tl_resampled job;

/* The pixel whose centre is the last one not beyond `centre`. *rare: whether rounding decides. */
static inline int64_t pixel_before(double centre, int *rare)
{
    double x = centre - 0.5;
    int64_t a = (int64_t)x;
    a -= (double)a > x;
    double rest = x - (double)a;
    *rare |= (rest < 1e-9 || rest > 1 - 1e-9) && (double)a + 0.5 != centre;
    return a;
}

/* Of the pixels first .. first + n - 1. */
static inline void weights(tl_method method, int64_t first, int n, double centre, double *w)
{
    for (int i = 0; i < n; i++)
        w[i] = tl_kernel(method, (double)(first + i) + 0.5 - centre);
}

static inline int all_valid(const uint8_t *ok, int64_t line, int n)
{
    uint8_t all = 1;
    for (int k = 0; k < n; k++)
        for (int i = 0; i < n; i++)
            all &= ok[k * line + i];
    return all;
}

/* Half to even, within the range of the type: magnitudes here are below 2^51. */
static inline double whole(double v, double least, double most)
{
    v = v + 0x1.8p52 - 0x1.8p52;
    return v < least ? least : v > most ? most : v;
}
#define AS_WHOLE(T, v) ((T)whole(v, (double)tl_dtype_min(j->t), (double)tl_dtype_max(j->t)))
#define AS_FLOAT(T, v) ((T)(v))

/* 0 when the slow way has to do this cell. */
#define CELL_FUNCTION(T, AS)                                                                       \
    static inline int cell_##T(const job *j, tl_method method, int n, int64_t at)                  \
    {                                                                                              \
        const T *from = (const T *)(const void *)j->values;                                        \
        const int64_t line = j->win.w;                                                             \
        double wx[4], wy[4], weight = 0, value = 0;                                                \
        int rare = 0;                                                                              \
        int64_t x = pixel_before(j->x[at], &rare) - (n / 2 - 1);                                   \
        int64_t y = pixel_before(j->y[at], &rare) - (n / 2 - 1);                                   \
        int64_t first = (y - j->win.y) * line + x - j->win.x;                                      \
        if (rare || x < j->win.x || x + n > j->win.x + line || y < j->win.y ||                     \
            y + n > j->win.y + j->win.h || !all_valid(j->valid + first, line, n))                  \
            return 0;                                                                              \
        weights(method, x, n, j->x[at], wx);                                                       \
        weights(method, y, n, j->y[at], wy);                                                       \
        for (int k = 0; k < n; k++)                                                                \
            for (int i = 0; i < n; i++) {                                                          \
                double w = wx[i] * wy[k];                                                          \
                weight += w;                                                                       \
                value += w != 0 ? w * (double)from[first + k * line + i] : 0; /* of infinity */    \
            }                                                                                      \
        value /= weight;                                                                           \
        j->q->valid[j->k][at] = !isnan(value);                                                     \
        ((T *)j->q->values[j->k])[at] = isnan(value) ? 0 : AS(T, value);                           \
        return 1;                                                                                  \
    }                                                                                              \
    static void cells_##T(job *j, tl_rect sub)                                                     \
    {                                                                                              \
        int cubic = j->m->m.method == TL_CUBIC;                                                    \
        for (int64_t k = sub.y; k < sub.y + sub.h; k++)                                            \
            for (int64_t i = sub.x; i < sub.x + sub.w; i++) {                                      \
                int64_t at = k * j->q->rect.w + i;                                                 \
                if (j->px[at] < 0)                                                                 \
                    continue;                                                                      \
                if (cubic ? !cell_##T(j, TL_CUBIC, 4, at) : !cell_##T(j, TL_BILINEAR, 2, at))      \
                    tl_resample_cell(j, i, k);                                                     \
            }                                                                                      \
    }
CELL_FUNCTION(uint8_t, AS_WHOLE)
CELL_FUNCTION(int8_t, AS_WHOLE)
CELL_FUNCTION(uint16_t, AS_WHOLE)
CELL_FUNCTION(int16_t, AS_WHOLE)
CELL_FUNCTION(uint32_t, AS_WHOLE)
CELL_FUNCTION(int32_t, AS_WHOLE)
CELL_FUNCTION(float, AS_FLOAT)
CELL_FUNCTION(double, AS_FLOAT)

int tl_smooth_cells(job *j, tl_rect sub)
{
    /* ORDER TL_DTYPE; 64-bit integers round elsewhere. */
    static void (*const cells[TL_DTYPES])(job *, tl_rect) = {
        cells_uint8_t, cells_int8_t, cells_uint16_t, cells_int16_t, cells_uint32_t,
        cells_int32_t, NULL,         NULL,           cells_float,   cells_double};
    if (j->boxes || !j->unit || j->by_cells || j->m->m.method == TL_NEAREST || !cells[j->t])
        return 0;
    cells[j->t](j, sub);
    return 1;
}
