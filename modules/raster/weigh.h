/* Arithmetic of resampling, for every cell type. Internal. SPDX-License-Identifier: MIT */
#ifndef TL_RASTER_WEIGH_H
#define TL_RASTER_WEIGH_H

#include "modules/image/source.h"

#include <math.h>

/* A weighted sum that grows row by row; always in the same order, hence to the same bits. */
typedef struct tl_sum {
    double weight, value;
    int64_t n; /* valid cells with a weight */
} tl_sum;

/* Adds n cells with weights wx[i] * wy; invalid cells and zero weights count for nothing. */
void tl_sum_row(tl_sum *s, tl_dtype t, const void *values, const uint8_t *valid, int64_t n,
                const double *wx, double wy);

/* Writes v as the type: integers half to even, clamped to the range. NaN must not come. */
void tl_store(tl_dtype t, void *out, double v);

static inline double tl_kernel_radius(tl_method m)
{
    return m == TL_CUBIC ? 2 : 1;
}

/* Bilinear: the triangle; cubic: Catmull-Rom (a = -0.5). d in source pixels. */
static inline double tl_kernel(tl_method m, double d)
{
    d = fabs(d);
    if (d >= tl_kernel_radius(m))
        return 0;
    if (m == TL_BILINEAR)
        return 1 - d;
    if (d <= 1)
        return (1.5 * d - 2.5) * d * d + 1;
    return ((-0.5 * d + 2.5) * d - 4) * d + 2;
}

/* The most frequent value among cells added; ties: the smallest. */
typedef struct tl_vote {
    tl_dtype t;
    int64_t *keys; /* in the order of the values */
    int64_t n, cap;
    int64_t *count; /* instead of keys, for many cells of 8 or 16 bits */
    int64_t counted;
} tl_vote;

#define TL_VOTE_KEYS ((int64_t)4 << 20) /* at most so many cells of wide types */

/* Zeroes n cells worth of votes; big = many cells are to come. */
void tl_vote_begin(tl_vote *v, tl_dtype t, int64_t expected);
/* -1 when there are more cells than TL_VOTE_KEYS. */
int tl_vote_row(tl_vote *v, const void *values, const uint8_t *valid, int64_t n);
/* 1 and the winner into out, or 0 when there was no valid cell. */
int tl_vote_end(tl_vote *v, void *out);
void tl_vote_free(tl_vote *v);

#endif
