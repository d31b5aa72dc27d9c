/* Monotonic trends: Mann-Kendall's test and the slope of Theil and Sen. SPDX-License-Identifier:
 * MIT
 *
 * Pure arithmetic, any thread. Pairs of equal times play no part. */
#ifndef TL_THEIL_SEN_H
#define TL_THEIL_SEN_H

#define TL_SEN_MOST 1024 /* values: their pairs are sorted */

/* Scratch: n (n - 1) / 2 + n doubles. 0, or -1 where no two values differ in time. *offset is the
 * value of the line at time 0: the median of y - slope x (Conover 1980 takes the medians of y and
 * x; this is the one that scipy calls "joint"). */
int tl_theil_sen(int n, const double *x, const double *y, double *scratch, double *slope,
                 double *offset);

typedef struct tl_kendall {
    double s, tau, z, p; /* tau is tau-b; p two-sided, of the normal approximation */
} tl_kendall;

/* Scratch: 2 n doubles. 0, or -1 where fewer than three values or nothing differs in time; of
 * values that are all equal s, tau and z are 0, and p is 1. */
int tl_mann_kendall(int n, const double *x, const double *y, double *scratch, tl_kendall *out);

#endif
