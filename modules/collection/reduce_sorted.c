/* Reducers that need all values of a cell at once. See reduce.h. SPDX-License-Identifier: MIT
 *
 * Columns of a span are sorted together (sort_kernels.c). What is not valid becomes the type's
 * largest value and so comes last. */
#include "modules/collection/reduce_int.h"
#include "modules/expr/expr.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const tl__sort_kernels *kernels(void)
{
    return TL_WIDEST(tl__sort_);
}

/* --- what is asked of sorted columns
 * -----------------------------------------------------------------------------------------------
 */

/* Numbers a and b at ranks `rank` and the next, t of the way: the formula of numpy's linear method,
 * which is exact at both ends. */
static double between(double a, double b, double t)
{
    return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
}

/* Where the wanted number of `count` sorted ones lies: a rank and a way to the next. */
static void position(const tl_reduction *r, uint32_t count, uint32_t *rank, double *way)
{
    double at = r->percentile / 100 * (count - 1);
    *rank = (uint32_t)floor(at);
    *way = at - floor(at);
}

#define PICK(name, T)                                                                              \
    static void name##_rank(const tl_reduction *r, const void *columns, const uint32_t *count,     \
                            int64_t n, double *out)                                                \
    {                                                                                              \
        const T *x = columns;                                                                      \
        for (int64_t i = 0; i < n; i++) {                                                          \
            uint32_t rank = 0, c = count[i];                                                       \
            double way = 0;                                                                        \
            if (c == 0)                                                                            \
                continue;                                                                          \
            if (r->how == TL_R_median) {                                                           \
                double a = (double)x[(c - 1) / 2 * TL__SPAN + i];                                  \
                out[i] = c % 2 ? a : (a + (double)x[c / 2 * TL__SPAN + i]) / 2;                    \
                continue;                                                                          \
            }                                                                                      \
            position(r, c, &rank, &way);                                                           \
            double a = (double)x[rank * TL__SPAN + i];                                             \
            out[i] = way > 0 ? between(a, (double)x[(rank + 1) * TL__SPAN + i], way) : a;          \
        }                                                                                          \
    }                                                                                              \
    static void name##_mode(const void *columns, const uint32_t *count, int64_t n, void *out)      \
    {                                                                                              \
        const T *x = columns;                                                                      \
        T *y = out;                                                                                \
        for (int64_t i = 0; i < n; i++) {                                                          \
            uint32_t best = 0, run = 0;                                                            \
            for (uint32_t k = 0; k < count[i]; k++) {                                              \
                T v = x[k * TL__SPAN + i];                                                         \
                run = k > 0 && v == x[(k - 1) * TL__SPAN + i] ? run + 1 : 1;                       \
                if (run > best) {                                                                  \
                    best = run;                                                                    \
                    y[i] = v;                                                                      \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
PICK(pick_u8, uint8_t)
PICK(pick_i8, int8_t)
PICK(pick_u16, uint16_t)
PICK(pick_i16, int16_t)
PICK(pick_u32, uint32_t)
PICK(pick_i32, int32_t)
PICK(pick_u64, uint64_t)
PICK(pick_i64, int64_t)
PICK(pick_f32, float)
PICK(pick_f64, double)

/* ORDER TL_DTYPE */
static const struct {
    void (*rank)(const tl_reduction *, const void *, const uint32_t *, int64_t, double *);
    void (*mode)(const void *, const uint32_t *, int64_t, void *);
} pick[TL_DTYPES] = {{pick_u8_rank, pick_u8_mode},   {pick_i8_rank, pick_i8_mode},
                     {pick_u16_rank, pick_u16_mode}, {pick_i16_rank, pick_i16_mode},
                     {pick_u32_rank, pick_u32_mode}, {pick_i32_rank, pick_i32_mode},
                     {pick_u64_rank, pick_u64_mode}, {pick_i64_rank, pick_i64_mode},
                     {pick_f32_rank, pick_f32_mode}, {pick_f64_rank, pick_f64_mode}};

int64_t tl_sorted_bytes(int64_t scenes, tl_dtype in)
{
    return scenes * TL__SPAN * (int64_t)tl_dtype_size(in);
}

static void sorted_span(const tl_reduction *r, tl_dtype in, int64_t scenes, int64_t stride,
                        int64_t n, const char *values, const uint8_t *valid, char *columns,
                        void *out, uint8_t *out_valid)
{
    const tl__sort_kernels *f = kernels();
    uint32_t count[TL__SPAN] = {0};
    size_t size = tl_dtype_size(in);
    for (int64_t s = 0; s < scenes; s++)
        f->gather[in](values + (size_t)(s * stride) * size, valid + s * stride, n,
                      columns + (size_t)(s * TL__SPAN) * size, count);
    f->sort[in](columns, scenes);
    memset(out, 0, (size_t)n * tl_dtype_size(tl_reducer_dtype(r->how, in)));
    for (int64_t i = 0; i < n; i++) {
        out_valid[i] = count[i] >= r->min_count;
        count[i] = out_valid[i] ? count[i] : 0;
    }
    if (r->how == TL_R_mode)
        pick[in].mode(columns, count, n, out);
    else
        pick[in].rank(r, columns, count, n, out);
}

void tl_sorted(const tl_reduction *r, tl_dtype in, int64_t scenes, int64_t n, const void *values,
               const uint8_t *valid, void *scratch, void *out, uint8_t *out_valid)
{
    size_t size = tl_dtype_size(in), to = tl_dtype_size(tl_reducer_dtype(r->how, in));
    for (int64_t i = 0; i < n; i += TL__SPAN)
        sorted_span(r, in, scenes, n, n - i < TL__SPAN ? n - i : TL__SPAN,
                    (const char *)values + (size_t)i * size, valid + i, scratch,
                    (char *)out + (size_t)i * to, out_valid + i);
}

/* --- medoid: N. Flood, Seasonal composite Landsat TM/ETM+ images using the medoid (2013)
 * -----------------------------------------------------------------------------------------------
 */

int64_t tl_medoid_bytes(int64_t scenes, int nbands)
{
    return scenes * (nbands + 1) * (int64_t)sizeof(double) + scenes * (int64_t)sizeof(int32_t);
}

/* Euclidean distances, added up in the order of the scenes. */
static int32_t medoid_of(int64_t m, int nbands, const double *x, double *sum, const int32_t *scene)
{
    for (int64_t i = 0; i < m; i++)
        sum[i] = 0;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = i + 1; j < m; j++) {
            double d = 0;
            for (int b = 0; b < nbands; b++) {
                double diff = x[i * nbands + b] - x[j * nbands + b];
                d += diff * diff;
            }
            d = sqrt(d);
            sum[i] += d;
            sum[j] += d;
        }
    int64_t best = 0;
    for (int64_t i = 1; i < m; i++)
        if (sum[i] < sum[best])
            best = i;
    return scene[best];
}

static double number_at(tl_dtype t, const void *values, int64_t i)
{
    int64_t wide;
    double x;
    const void *at = (const char *)values + (size_t)i * tl_dtype_size(t);
    tl__widen(t, at, 1, tl_dtype_is_float(t) ? (void *)&x : (void *)&wide);
    return tl_dtype_is_float(t) ? x : (double)wide;
}

void tl_medoid(int64_t scenes, int nbands, int64_t n, const tl_dtype *in, void *const *values,
               uint8_t *const *valid, int64_t min_count, void *scratch, int32_t *chosen)
{
    double *x = scratch, *sum = x + scenes * nbands;
    void *rest = sum + scenes;
    int32_t *scene = rest;
    for (int64_t i = 0; i < n; i++) {
        int64_t m = 0;
        for (int64_t s = 0; s < scenes; s++) {
            int all = 1;
            for (int b = 0; b < nbands; b++)
                all &= valid[b][s * n + i];
            if (!all)
                continue;
            for (int b = 0; b < nbands; b++)
                x[m * nbands + b] = number_at(in[b], values[b], s * n + i);
            scene[m++] = (int32_t)s;
        }
        chosen[i] = m >= min_count && m > 0 ? medoid_of(m, nbands, x, sum, scene) : -1;
    }
}
