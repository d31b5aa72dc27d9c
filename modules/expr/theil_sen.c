/* See theil_sen.h. SPDX-License-Identifier: MIT
 *
 * P. K. Sen, Estimates of the regression coefficient based on Kendall's tau, J. Am. Stat. Assoc. 63
 * (1968). H. B. Mann, Nonparametric tests against trend, Econometrica 13 (1945). M. G. Kendall,
 * Rank correlation methods, 4th ed. (1975): the variance of S with ties in both. */
#include "modules/expr/theil_sen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    if (isnan(x) || isnan(y)) /* last: qsort wants an order */
        return !!isnan(x) - !!isnan(y);
    return (x > y) - (x < y);
}

static double middle_of_three(const double *v, int lo, int hi)
{
    double a = v[lo], b = v[lo + (hi - lo) / 2], c = v[hi];
    return a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
}

/* v[k] becomes what it is among the sorted; what lies before is not above it. Ranges that do not
 * shrink as they should are sorted, so that no data take quadratic time. */
static double nth(double *v, int n, int k)
{
    int lo = 0, hi = n - 1;
    for (int rounds = 0; lo < hi; rounds++) {
        if (rounds > 64) {
            qsort(v + lo, (size_t)(hi - lo + 1), sizeof *v, ascending);
            break;
        }
        double pivot = middle_of_three(v, lo, hi);
        int i = lo, j = hi;
        while (i <= j) {
            while (v[i] < pivot)
                i++;
            while (v[j] > pivot)
                j--;
            if (i <= j) {
                double t = v[i];
                v[i++] = v[j];
                v[j--] = t;
            }
        }
        if (k <= j)
            hi = j;
        else if (k >= i)
            lo = i;
        else
            break;
    }
    return v[k];
}

/* Disorders v. */
static double median(double *v, int n)
{
    double above = nth(v, n, n / 2), below;
    if (n % 2)
        return above;
    below = v[0];
    for (int i = 1; i < n / 2; i++)
        below = v[i] > below ? v[i] : below;
    return (below + above) / 2;
}

int tl_theil_sen(int n, const double *x, const double *y, double *scratch, double *slope,
                 double *offset)
{
    int m = 0;
    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++)
            if (x[j] != x[i]) {
                scratch[m] = (y[j] - y[i]) / (x[j] - x[i]);
                m += !isnan(scratch[m]); /* both differences too large */
            }
    if (m == 0)
        return -1;
    *slope = median(scratch, m);
    for (int i = 0; i < n; i++)
        scratch[i] = y[i] - *slope * x[i];
    *offset = median(scratch, n);
    return 0;
}

/* Of groups of t equal numbers: sums of t (t - 1) (2t + 5), t (t - 1), t (t - 1) (t - 2). */
typedef struct {
    double a, b, c;
} ties;

static ties ties_of(int n, const double *v, double *sorted)
{
    ties r = {0, 0, 0};
    memcpy(sorted, v, (size_t)n * sizeof *v);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    for (int i = 0, t; i < n; i += t) {
        for (t = 1; i + t < n && sorted[i + t] == sorted[i];)
            t++;
        double d = t;
        r.a += d * (d - 1) * (2 * d + 5);
        r.b += d * (d - 1);
        r.c += d * (d - 1) * (d - 2);
    }
    return r;
}

static double variance(double n, ties x, ties y)
{
    double v = (n * (n - 1) * (2 * n + 5) - x.a - y.a) / 18;
    return v + x.b * y.b / (2 * n * (n - 1)) + x.c * y.c / (9 * n * (n - 1) * (n - 2));
}

int tl_mann_kendall(int n, const double *x, const double *y, double *scratch, tl_kendall *out)
{
    double s = 0, pairs = (double)n * (n - 1);
    if (n < 3)
        return -1;
    for (int i = 0; i < n; i++) {
        int row = 0;
        for (int j = i + 1; j < n; j++)
            row += ((x[j] > x[i]) - (x[j] < x[i])) * ((y[j] > y[i]) - (y[j] < y[i]));
        s += row;
    }
    ties tx = ties_of(n, x, scratch), ty = ties_of(n, y, scratch);
    if (tx.b == pairs)
        return -1;
    *out = (tl_kendall){0, 0, 0, 1};
    if (ty.b == pairs)
        return 0;
    double v = variance(n, tx, ty);
    out->s = s;
    out->tau = 2 * s / sqrt((pairs - tx.b) * (pairs - ty.b));
    out->z = s == 0 || !(v > 0) ? 0 : (s > 0 ? s - 1 : s + 1) / sqrt(v);
    out->p = erfc(fabs(out->z) / sqrt(2.0));
    return 0;
}
