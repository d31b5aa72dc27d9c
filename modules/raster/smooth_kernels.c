/* Arithmetic of smooth.c along a span, compiled once per instruction set. SPDX-License-Identifier:
 * MIT
 *
 * The operations of tl_kernel and tl_sum_row, in their order, for many cells at once. */
#include "modules/raster/resample_int.h"

#include <math.h>

#ifndef TL_KERNEL_ISA
#define TL_KERNEL_ISA baseline
#endif
#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)

#define SPAN  TL__SMOOTH_SPAN
#define LANES 16

static inline void lanes(const double *restrict v, double none, double most, double *restrict low,
                         double *restrict high)
{
    for (int k = 0; k < LANES; k++) {
        double least = v[k] >= 0 ? v[k] : none, greatest = v[k] <= most ? v[k] : -1; /* NaN: no */
        least = v[k] <= most ? least : none;
        greatest = v[k] >= 0 ? greatest : -1;
        low[k] = least < low[k] ? least : low[k];
        high[k] = greatest > high[k] ? greatest : high[k];
    }
}

static void bounds(const double *centre, int64_t n, int64_t most, double *lo, double *hi)
{
    double low[LANES], high[LANES], rest[LANES], none = (double)most + 1;
    const double end = (double)most + TIE; /* as far as tl_pixel_of takes them */
    int64_t i = 0;
    for (int k = 0; k < LANES; k++) {
        low[k] = none;
        high[k] = -1;
    }
    for (; i + LANES <= n; i += LANES)
        lanes(centre + i, none, end, low, high);
    for (int k = 0; k < LANES; k++)
        rest[k] = i + k < n ? centre[i + k] : -1;
    lanes(rest, none, end, low, high);
    for (int k = 0; k < LANES; k++) {
        *lo = low[k] < *lo ? low[k] : *lo;
        *hi = high[k] > *hi ? high[k] : *hi;
    }
}

/* All in double, and without a branch, for vectors. */
static inline void places(const double *restrict centre, double most, int n, double *restrict first,
                          double *restrict how)
{
    const double before = n / 2 - 1, top = most - n, big = 0x1.8p52;
    for (int i = 0; i < SPAN; i++) {
        double x = centre[i] - 0.5, edge = centre[i] - TIE;
        double a = x > -8 ? x : -8; /* NaN, too */
        a = x < most ? a : -8;
        double floor_a = (a + big) - big;
        floor_a = floor_a > a ? floor_a - 1 : floor_a;
        double rest = a - floor_a, from = floor_a - before;
        double rare = rest < 1e-9 ? TL__SMOOTH_RARE : 0;
        rare = rest > 1 - 1e-9 ? TL__SMOOTH_RARE : rare;
        rare = floor_a + 0.5 == centre[i] ? 0 : rare;
        rare = from < 0 ? TL__SMOOTH_RARE : rare;
        rare = from > top ? TL__SMOOTH_RARE : rare;
        double outside = edge > 0 ? 0 : TL__SMOOTH_OUTSIDE;
        outside = edge <= most ? outside : TL__SMOOTH_OUTSIDE;
        first[i] = from;
        how[i] += rare + outside;
    }
}

/* Of the k-th pixel of each cell. */
static inline void weigh(tl_method method, const double *restrict centre,
                         const double *restrict first, int k, double *restrict w)
{
    for (int i = 0; i < SPAN; i++)
        w[i] = tl_kernel(method, first[i] + k + 0.5 - centre[i]);
}

static void place(const double *centre, int64_t most, int cubic, double *first, double *w,
                  double *how)
{
    int n = cubic ? 4 : 2;
    if (cubic)
        places(centre, (double)most, 4, first, how);
    else
        places(centre, (double)most, 2, first, how);
    for (int k = 0; k < n; k++)
        if (cubic)
            weigh(TL_CUBIC, centre, first, k, w + k * SPAN);
        else
            weigh(TL_BILINEAR, centre, first, k, w + k * SPAN);
}

static int locate(const double *restrict first_x, const double *restrict first_y,
                  const double *restrict how, tl_rect win, int32_t *restrict at)
{
    int32_t rare = 0;
    const double origin = (double)(win.y * win.w + win.x), line = (double)win.w;
    for (int i = 0; i < SPAN; i++) {
        double k = first_y[i] * line + first_x[i] - origin;
        k = how[i] > 0 ? 0 : k;
        at[i] = (int32_t)k;
        rare |= how[i] > 0 && how[i] < TL__SMOOTH_OUTSIDE;
    }
    return rare;
}

static void add(const double *restrict wx, const double *restrict wy, const double *restrict v,
                double *restrict weight, double *restrict value)
{
    for (int i = 0; i < SPAN; i++) {
        double w = wx[i] * wy[i], part = w * v[i];
        weight[i] += w;
        value[i] += w != 0 ? part : 0; /* of infinity */
    }
}

static void divide(double *restrict value, const double *restrict weight)
{
    for (int i = 0; i < SPAN; i++)
        value[i] /= weight[i];
}

/* Half to even, within the range of the type: magnitudes here are below 2^51. */
static inline double whole(double v, double least, double most)
{
    v = v + 0x1.8p52 - 0x1.8p52;
    v = v < least ? least : v;
    return v > most ? most : v;
}

#define STORE(T, AS)                                                                               \
    static void store_##T(const double *restrict value, const double *restrict how, int n,         \
                          void *to, uint8_t *restrict valid)                                       \
    {                                                                                              \
        T *restrict t = to;                                                                        \
        for (int i = 0; i < n; i++) {                                                              \
            double v = how[i] == 0 ? value[i] : NAN;                                               \
            valid[i] = v == v;                                                                     \
            v = v == v ? v : 0;                                                                    \
            t[i] = (T)AS;                                                                          \
        }                                                                                          \
    }
STORE(uint8_t, whole(v, 0, UINT8_MAX))
STORE(int8_t, whole(v, INT8_MIN, INT8_MAX))
STORE(uint16_t, whole(v, 0, UINT16_MAX))
STORE(int16_t, whole(v, INT16_MIN, INT16_MAX))
STORE(uint32_t, whole(v, 0, UINT32_MAX))
STORE(int32_t, whole(v, INT32_MIN, INT32_MAX))
STORE(float, v)
STORE(double, v)

const tl__smooth_kernels JOIN(tl__smooth_, TL_KERNEL_ISA) = {
    bounds,
    place,
    locate,
    add,
    divide,
    /* ORDER TL_DTYPE */
    {store_uint8_t, store_int8_t, store_uint16_t, store_int16_t, store_uint32_t, store_int32_t,
     NULL, NULL, store_float, store_double}};
