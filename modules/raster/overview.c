/* Overviews: see overview.h. SPDX-License-Identifier: MIT */
#include "modules/raster/overview.h"

#include <math.h>
#include <string.h>

/* One band of a child and where it goes. */
typedef struct job {
    int w, h;          /* child cells */
    const void *from;  /* child values, rows of w */
    const uint8_t *ok; /* child validity */
    void *to;          /* parent values from the quarter's corner on */
    uint8_t *to_ok;
    size_t to_row; /* parent cells between rows */
    tl_method rule;
    int has_nodata;
    uint64_t nodata; /* as tl_product_fill */
} job;

/* Sum of n integers (n 1..4) divided by n, half to even. */
static __int128 divide_even(__int128 sum, int n)
{
    __int128 q = sum / n, r = sum - q * n;
    if (r < 0) {
        r += n;
        q--;
    }
    return q + (2 * r > n || (2 * r == n && (q & 1)));
}

/* An average that happens to be the nodata number would turn invalid; its first cell stands in. */
#define MEAN_INT(T, SUM, DIVIDE)                                                                   \
    SUM sum = 0;                                                                                   \
    for (int k = 0; k < n; k++)                                                                    \
        sum += (SUM)v[k];                                                                          \
    T mean = (T)(DIVIDE);                                                                          \
    return j->has_nodata && mean == (T)j->nodata ? v[0] : mean

#define SMALL_EVEN (nearbyint((double)sum / n)) /* exact: |sum| < 2^34, n <= 4 */
#define WIDE_EVEN  (divide_even(sum, n))

#define MEAN_FLOAT(T)                                                                              \
    T nodata;                                                                                      \
    double sum = 0;                                                                                \
    for (int k = 0; k < n; k++)                                                                    \
        sum += (double)v[k];                                                                       \
    if (isinf(sum)) { /* four finite doubles may overflow */                                       \
        sum = 0;                                                                                   \
        for (int k = 0; k < n; k++)                                                                \
            sum += (double)v[k] / n;                                                               \
    } else {                                                                                       \
        sum /= n;                                                                                  \
    }                                                                                              \
    T mean = (T)sum;                                                                               \
    memcpy(&nodata, &j->nodata, sizeof nodata);                                                    \
    return j->has_nodata && mean == nodata ? v[0] : mean

#define MODE(T)                                                                                    \
    int best = 0, most = 0;                                                                        \
    for (int k = 0; k < n; k++) {                                                                  \
        int count = 0;                                                                             \
        for (int m = 0; m < n; m++)                                                                \
            count += v[m] == v[k];                                                                 \
        if (count > most || (count == most && v[k] < v[best])) {                                   \
            most = count;                                                                          \
            best = k;                                                                              \
        }                                                                                          \
    }                                                                                              \
    return v[best]

/* Up to four cells in reading order; NEAREST wants the first only, even if it is invalid. */
#define REDUCE(NAME, T, MEAN)                                                                      \
    static T mean_##NAME(const job *j, const T *v, int n)                                          \
    {                                                                                              \
        MEAN;                                                                                      \
    }                                                                                              \
    static T mode_##NAME(const T *v, int n)                                                        \
    {                                                                                              \
        MODE(T);                                                                                   \
    }                                                                                              \
    static void row_##NAME(const job *j, int y)                                                    \
    {                                                                                              \
        T *dst = (T *)j->to + (size_t)(y / 2) * j->to_row;                                         \
        uint8_t *dst_ok = j->to_ok + (size_t)(y / 2) * j->to_row;                                  \
        for (int x = 0; x < j->w; x += 2) {                                                        \
            T v[4];                                                                                \
            int n = 0;                                                                             \
            int side = j->rule == TL_NEAREST ? 1 : 2;                                              \
            for (int a = y; a < y + side && a < j->h; a++)                                         \
                for (int b = x; b < x + side && b < j->w; b++)                                     \
                    if (j->ok[(size_t)a * (size_t)j->w + (size_t)b])                               \
                        v[n++] = ((const T *)j->from)[(size_t)a * (size_t)j->w + (size_t)b];       \
            *dst++ = !n                      ? 0                                                   \
                     : j->rule == TL_AVERAGE ? mean_##NAME(j, v, n)                                \
                     : j->rule == TL_MODE    ? mode_##NAME(v, n)                                   \
                                             : v[0];                                                  \
            *dst_ok++ = n > 0;                                                                     \
        }                                                                                          \
    }

REDUCE(u8, uint8_t, MEAN_INT(uint8_t, int64_t, SMALL_EVEN))
REDUCE(i8, int8_t, MEAN_INT(int8_t, int64_t, SMALL_EVEN))
REDUCE(u16, uint16_t, MEAN_INT(uint16_t, int64_t, SMALL_EVEN))
REDUCE(i16, int16_t, MEAN_INT(int16_t, int64_t, SMALL_EVEN))
REDUCE(u32, uint32_t, MEAN_INT(uint32_t, int64_t, SMALL_EVEN))
REDUCE(i32, int32_t, MEAN_INT(int32_t, int64_t, SMALL_EVEN))
REDUCE(u64, uint64_t, MEAN_INT(uint64_t, __int128, WIDE_EVEN))
REDUCE(i64, int64_t, MEAN_INT(int64_t, __int128, WIDE_EVEN))
REDUCE(f32, float, MEAN_FLOAT(float))
REDUCE(f64, double, MEAN_FLOAT(double))

void tl_overview_quarter(const tl_product *p, int cw, int ch, const void *const *values,
                         const uint8_t *const *valid, int qx, int qy, int pw, void *const *out,
                         uint8_t *const *out_valid)
{
    /* ORDER TL_DTYPE */
    static void (*const row[TL_DTYPES])(const job *, int) = {
        row_u8, row_i8, row_u16, row_i16, row_u32, row_i32, row_u64, row_i64, row_f32, row_f64};
    size_t half = (size_t)p->tile / 2, size = tl_dtype_size(p->dtype);
    size_t corner = (size_t)qy * half * (size_t)pw + (size_t)qx * half;
    for (int b = 0; b < p->nbands; b++) {
        job j = {.w = cw, .h = ch, .from = values[b], .ok = valid[b], .to_row = (size_t)pw};
        j.to = (char *)out[b] + corner * size;
        j.to_ok = out_valid[b] + corner;
        j.rule = p->overview;
        j.has_nodata = p->has_nodata;
        j.nodata = tl_product_fill(p);
        for (int y = 0; y < ch; y += 2)
            row[p->dtype](&j, y);
    }
}
