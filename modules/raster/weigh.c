/* Arithmetic of resampling: see weigh.h. SPDX-License-Identifier: MIT */
#include "modules/raster/weigh.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_VOTE 512 /* cells, up to which sorting beats counting */

/* --- sums ---------------------------------------------------------------------------------------
 */

#define ROW_FUNCTION(name, T)                                                                      \
    static void name(tl_sum *s, const void *values, const uint8_t *valid, int64_t n,               \
                     const double *wx, double wy)                                                  \
    {                                                                                              \
        const T *v = values;                                                                       \
        for (int64_t i = 0; i < n; i++) {                                                          \
            double w = wx[i] * wy;                                                                 \
            if (!valid[i] || w == 0)                                                               \
                continue;                                                                          \
            s->weight += w;                                                                        \
            s->value += w * (double)v[i];                                                          \
            s->n++;                                                                                \
        }                                                                                          \
    }
ROW_FUNCTION(row_u8, uint8_t)
ROW_FUNCTION(row_i8, int8_t)
ROW_FUNCTION(row_u16, uint16_t)
ROW_FUNCTION(row_i16, int16_t)
ROW_FUNCTION(row_u32, uint32_t)
ROW_FUNCTION(row_i32, int32_t)
ROW_FUNCTION(row_u64, uint64_t)
ROW_FUNCTION(row_i64, int64_t)
ROW_FUNCTION(row_f32, float)
ROW_FUNCTION(row_f64, double)

void tl_sum_row(tl_sum *s, tl_dtype t, const void *values, const uint8_t *valid, int64_t n,
                const double *wx, double wy)
{
    /* ORDER TL_DTYPE */
    static void (*const row[TL_DTYPES])(tl_sum *, const void *, const uint8_t *, int64_t,
                                        const double *, double) = {
        row_u8, row_i8, row_u16, row_i16, row_u32, row_i32, row_u64, row_i64, row_f32, row_f64};
    row[t](s, values, valid, n, wx, wy);
}

static int64_t to_integer(tl_dtype t, double v)
{
    double r = nearbyint(v); /* the rounding mode is never changed: half to even */
    if (r <= (double)tl_dtype_min(t))
        return tl_dtype_min(t);
    return r >= (double)tl_dtype_max(t) ? tl_dtype_max(t) : (int64_t)r;
}

static void store_integer(tl_dtype t, void *out, int64_t k)
{
    switch (tl_dtype_size(t)) {
    case 1:
        *(uint8_t *)out = (uint8_t)k;
        break;
    case 2:
        *(uint16_t *)out = (uint16_t)k;
        break;
    case 4:
        *(uint32_t *)out = (uint32_t)k;
        break;
    default:
        *(uint64_t *)out = (uint64_t)k;
    }
}

void tl_store(tl_dtype t, void *out, double v)
{
    if (t == TL_F64)
        *(double *)out = v;
    else if (t == TL_F32)
        *(float *)out = (float)v;
    else
        store_integer(t, out, to_integer(t, v));
}

/* --- votes --------------------------------------------------------------------------------------
 */

/* A number whose order as an integer is that of the value; -0 counts as 0. */
static int64_t float_key(double v)
{
    int64_t bits;
    v += 0.0;
    memcpy(&bits, &v, sizeof bits);
    return bits < 0 ? INT64_MIN - bits : bits;
}

static double key_float(int64_t key)
{
    double v;
    int64_t bits = key < 0 ? INT64_MIN - key : key;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static int64_t key_of(tl_dtype t, const void *values, int64_t i)
{
    switch (t) {
    case TL_U8:
        return ((const uint8_t *)values)[i];
    case TL_I8:
        return ((const int8_t *)values)[i];
    case TL_U16:
        return ((const uint16_t *)values)[i];
    case TL_I16:
        return ((const int16_t *)values)[i];
    case TL_U32:
        return ((const uint32_t *)values)[i];
    case TL_I32:
        return ((const int32_t *)values)[i];
    case TL_F32:
        return float_key((double)((const float *)values)[i]);
    case TL_F64:
        return float_key(((const double *)values)[i]);
    default: /* valid uint64 are within int64 */
        return ((const int64_t *)values)[i];
    }
}

void tl_vote_begin(tl_vote *v, tl_dtype t, int64_t expected)
{
    v->t = t;
    v->n = 0;
    v->counted = expected > SMALL_VOTE && tl_dtype_size(t) <= 2 ? 1 : 0;
    if (v->counted && !v->count)
        v->count = tl_xmalloc(65536 * sizeof *v->count);
    if (v->counted)
        memset(v->count, 0, 65536 * sizeof *v->count);
}

int tl_vote_row(tl_vote *v, const void *values, const uint8_t *valid, int64_t n)
{
    int64_t low = tl_dtype_min(v->t);
    for (int64_t i = 0; i < n; i++) {
        if (!valid[i])
            continue;
        if (v->counted) {
            v->count[key_of(v->t, values, i) - low]++;
            continue;
        }
        if (v->n == TL_VOTE_KEYS)
            return -1;
        if (v->n == v->cap) {
            v->cap = v->cap ? v->cap * 2 : 1024;
            v->keys = tl_xrealloc(v->keys, (size_t)v->cap * sizeof *v->keys);
        }
        v->keys[v->n++] = key_of(v->t, values, i);
    }
    return 0;
}

static int by_key(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The winner's key; *found = 0 when there is none. */
static int64_t counted_winner(const tl_vote *v, int *found)
{
    int64_t best = 0;
    for (int64_t k = 1; k < 65536; k++)
        if (v->count[k] > v->count[best])
            best = k;
    *found = v->count[best] > 0;
    return best + tl_dtype_min(v->t);
}

static int64_t sorted_winner(const tl_vote *v, int *found)
{
    int64_t best = 0, most = 0, run = 0;
    qsort(v->keys, (size_t)v->n, sizeof *v->keys, by_key);
    for (int64_t i = 0; i < v->n; i++) {
        run = i > 0 && v->keys[i] == v->keys[i - 1] ? run + 1 : 1;
        if (run > most) {
            most = run;
            best = v->keys[i];
        }
    }
    *found = most > 0;
    return best;
}

int tl_vote_end(tl_vote *v, void *out)
{
    int found = 0;
    if (!v->counted && v->n == 0)
        return 0;
    int64_t key = v->counted ? counted_winner(v, &found) : sorted_winner(v, &found);
    if (!found)
        return 0;
    if (tl_dtype_is_float(v->t))
        tl_store(v->t, out, key_float(key));
    else
        store_integer(v->t, out, key);
    return 1;
}

void tl_vote_free(tl_vote *v)
{
    free(v->keys);
    free(v->count);
    memset(v, 0, sizeof *v);
}
