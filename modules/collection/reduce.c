/* Reducers: names, and those that take one scene after the other. See reduce.h.
 * SPDX-License-Identifier: MIT */
#include "modules/collection/reduce.h"
#include "modules/collection/reduce_int.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ORDER TL_REDUCER_NAMES */
static const struct {
    const char *name;
    enum tl_reducer_class class;
} reducers[TL_REDUCERS] = {
#define REDUCER(name, class, meaning) {#name, TL_R_##class},
#include "modules/collection/reducers.def"
#undef REDUCER
};

const char *tl_reducer_name(tl_reducer r)
{
    return reducers[r].name;
}

int tl_reducer_from_name(const char *name, tl_reducer *out)
{
    for (int i = 0; i < TL_REDUCERS; i++)
        if (strcmp(reducers[i].name, name) == 0) {
            *out = (tl_reducer)i;
            return 0;
        }
    return -1;
}

enum tl_reducer_class tl_reducer_class(tl_reducer r)
{
    return reducers[r].class;
}

tl_dtype tl_reducer_dtype(tl_reducer r, tl_dtype in)
{
    switch (r) {
    case TL_R_sum:
        return tl_dtype_is_float(in) ? TL_F64 : TL_I64;
    case TL_R_mean:
    case TL_R_stddev:
    case TL_R_median:
    case TL_R_percentile:
        return TL_F64;
    case TL_R_count:
        return TL_I32;
    default:
        return in;
    }
}

/* --- cells of any type as int64 or double
 * -----------------------------------------------------------------------------------------------
 */

#define CONVERT(name, FROM, TO)                                                                    \
    static void name(const void *from, int64_t n, void *to)                                        \
    {                                                                                              \
        const FROM *restrict x = from;                                                             \
        TO *restrict y = to;                                                                       \
        for (int64_t i = 0; i < n; i++)                                                            \
            y[i] = (TO)x[i];                                                                       \
    }
#define BOTH_WAYS(name, T, W) CONVERT(widen_##name, T, W) CONVERT(narrow_##name, W, T)
BOTH_WAYS(u8, uint8_t, int64_t)
BOTH_WAYS(i8, int8_t, int64_t)
BOTH_WAYS(u16, uint16_t, int64_t)
BOTH_WAYS(i16, int16_t, int64_t)
BOTH_WAYS(u32, uint32_t, int64_t)
BOTH_WAYS(i32, int32_t, int64_t)
BOTH_WAYS(u64, uint64_t, int64_t)
BOTH_WAYS(i64, int64_t, int64_t)
BOTH_WAYS(f32, float, double)
BOTH_WAYS(f64, double, double)

/* ORDER TL_DTYPE */
static const struct {
    void (*widen)(const void *from, int64_t n, void *to);
    void (*narrow)(const void *from, int64_t n, void *to);
} convert[TL_DTYPES] = {
    {widen_u8, narrow_u8},   {widen_i8, narrow_i8},   {widen_u16, narrow_u16},
    {widen_i16, narrow_i16}, {widen_u32, narrow_u32}, {widen_i32, narrow_i32},
    {widen_u64, narrow_u64}, {widen_i64, narrow_i64}, {widen_f32, narrow_f32},
    {widen_f64, narrow_f64},
};

void tl__widen(tl_dtype t, const void *from, int64_t n, void *to)
{
    convert[t].widen(from, n, to);
}

/* --- state
 * -----------------------------------------------------------------------------------------------
 */

int64_t tl_running_bytes(int64_t n)
{
    return n * (int64_t)(sizeof(uint32_t) + 8 + sizeof(double));
}

int tl_running_new(tl_running *s, const tl_reduction *r, tl_dtype in, int64_t n, tl_err *e)
{
    *s = (tl_running){.r = *r, .in = in};
    int rc = tl_try_alloc((void *)&s->count, (size_t)n, sizeof *s->count, "a reducer", e);
    if (!rc)
        rc = tl_try_alloc(&s->a, (size_t)n, 8, "a reducer", e);
    if (!rc)
        rc = tl_try_alloc((void *)&s->b, (size_t)n, sizeof *s->b, "a reducer", e);
    if (rc)
        tl_running_free(s);
    return rc;
}

void tl_running_free(tl_running *s)
{
    free(s->count);
    free(s->a);
    free(s->b);
    *s = (tl_running){.count = NULL};
}

void tl_running_begin(tl_running *s, int64_t n)
{
    memset(s->count, 0, (size_t)n * sizeof *s->count);
    memset(s->a, 0, (size_t)n * 8);
    memset(s->b, 0, (size_t)n * sizeof *s->b);
}

int tl_running_done(const tl_running *s, int64_t n)
{
    if (s->r.how != TL_R_first || s->r.min_count > 1)
        return 0;
    for (int64_t i = 0; i < n; i++)
        if (!s->count[i])
            return 0;
    return 1;
}

/* --- steps
 * -----------------------------------------------------------------------------------------------
 */

#define TAKE(W, CONDITION)                                                                         \
    for (int64_t i = 0; i < n; i++) {                                                              \
        int take = valid[i] && (CONDITION);                                                        \
        a[i] = take ? x[i] : a[i];                                                                 \
        count[i] += valid[i];                                                                      \
    }

#define STEP(name, W)                                                                              \
    static void name(tl_reducer how, int64_t n, const W *restrict x,                               \
                     const uint8_t *restrict valid, uint32_t *restrict count, W *restrict a)       \
    {                                                                                              \
        switch (how) {                                                                             \
        case TL_R_first:                                                                           \
            TAKE(W, !count[i])                                                                     \
            break;                                                                                 \
        case TL_R_last:                                                                            \
            TAKE(W, 1)                                                                             \
            break;                                                                                 \
        case TL_R_min:                                                                             \
            TAKE(W, !count[i] | (x[i] < a[i]))                                                     \
            break;                                                                                 \
        case TL_R_max:                                                                             \
            TAKE(W, !count[i] | (x[i] > a[i]))                                                     \
            break;                                                                                 \
        case TL_R_count:                                                                           \
            for (int64_t i = 0; i < n; i++)                                                        \
                count[i] += valid[i];                                                              \
            break;                                                                                 \
        default: /* sum, mean */                                                                   \
            for (int64_t i = 0; i < n; i++) {                                                      \
                W more = valid[i] ? x[i] : 0;                                                      \
                a[i] = PLUS(a[i], more);                                                           \
                count[i] += valid[i];                                                              \
            }                                                                                      \
        }                                                                                          \
    }
#define PLUS(p, q) (int64_t)((uint64_t)(p) + (uint64_t)(q)) /* wraps, as Lua's integers do */
STEP(step_i, int64_t)
#undef PLUS
#define PLUS(p, q) ((p) + (q))
STEP(step_f, double)
#undef PLUS

/* B. P. Welford, Note on a method for calculating corrected sums of squares and products (1962). */
static void step_stddev(int64_t n, const double *x, const uint8_t *valid, uint32_t *count,
                        double *mean, double *squares)
{
    for (int64_t i = 0; i < n; i++) {
        if (!valid[i])
            continue;
        double d = x[i] - mean[i];
        mean[i] += d / ++count[i];
        squares[i] += d * (x[i] - mean[i]);
    }
}

void tl_running_add(tl_running *s, int64_t at, int64_t n, const void *values, const uint8_t *valid)
{
    int is_float = tl_dtype_is_float(s->in);
    int64_t wide[TL__SPAN];
    double as_float[TL__SPAN];
    size_t size = tl_dtype_size(s->in);
    for (int64_t i = 0; i < n; i += TL__SPAN) {
        int64_t k = n - i < TL__SPAN ? n - i : TL__SPAN;
        const void *x = (const char *)values + (size_t)i * size;
        uint32_t *count = s->count + at + i;
        if (is_float)
            convert[s->in].widen(x, k, as_float);
        else
            convert[s->in].widen(x, k, wide);
        if (s->r.how == TL_R_stddev) {
            for (int64_t j = 0; j < k && !is_float; j++)
                as_float[j] = (double)wide[j];
            step_stddev(k, as_float, valid + i, count, (double *)s->a + at + i, s->b + at + i);
        } else if (is_float) {
            step_f(s->r.how, k, as_float, valid + i, count, (double *)s->a + at + i);
        } else {
            step_i(s->r.how, k, wide, valid + i, count, (int64_t *)s->a + at + i);
        }
    }
}

void tl_running_better(const tl_running *s, int64_t at, int64_t n, const void *values,
                       const uint8_t *valid, uint8_t *better)
{
    int64_t wide[TL__SPAN] = {0};
    double as_float[TL__SPAN] = {0};
    int is_float = tl_dtype_is_float(s->in);
    void *to = is_float ? (void *)as_float : (void *)wide;
    const int64_t *a = (const int64_t *)s->a + at;
    const double *f = (const double *)s->a + at;
    for (int64_t i = 0; i < n; i += TL__SPAN) {
        int64_t k = n - i < TL__SPAN ? n - i : TL__SPAN;
        const void *x = (const char *)values + (size_t)i * tl_dtype_size(s->in);
        convert[s->in].widen(x, k, to);
        for (int64_t j = 0; j < k; j++)
            better[i + j] =
                valid[i + j] &&
                (!s->count[at + i + j] || (is_float ? as_float[j] > f[i + j] : wide[j] > a[i + j]));
    }
}

/* --- results
 * -----------------------------------------------------------------------------------------------
 */

static double mean_of(const tl_running *s, int64_t i)
{
    double sum = tl_dtype_is_float(s->in) ? ((double *)s->a)[i] : (double)((int64_t *)s->a)[i];
    return sum / s->count[i];
}

void tl_running_end(const tl_running *s, int64_t n, void *out, uint8_t *valid)
{
    tl_reducer how = s->r.how;
    int64_t least =
        how == TL_R_stddev && s->r.ddof >= s->r.min_count ? s->r.ddof + 1 : s->r.min_count;
    for (int64_t i = 0; i < n; i++)
        valid[i] = how == TL_R_count || s->count[i] >= least;
    if (how == TL_R_count) {
        memcpy(out, s->count, (size_t)n * sizeof *s->count);
        return;
    }
    if (how == TL_R_mean || how == TL_R_stddev) {
        double *y = out;
        for (int64_t i = 0; i < n; i++)
            y[i] = !valid[i]          ? 0
                   : how == TL_R_mean ? mean_of(s, i)
                                      : sqrt(s->b[i] / ((double)s->count[i] - s->r.ddof));
        return;
    }
    convert[tl_reducer_dtype(how, s->in)].narrow(s->a, n, out);
    size_t size = tl_dtype_size(tl_reducer_dtype(how, s->in));
    for (int64_t i = 0; i < n; i++)
        if (!valid[i])
            memset((char *)out + (size_t)i * size, 0, size);
}
