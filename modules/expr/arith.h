/* The arithmetic that ops.def names: total functions, the same bits on every instruction set.
 * SPDX-License-Identifier: MIT
 * Included by the files that expand ops.def's expressions: kernels.c, scalar.c. Written so that
 * loops over them vectorise where the machine can. */
#ifndef TL_EXPR_ARITH_H
#define TL_EXPR_ARITH_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

static inline int64_t tl__idiv(int64_t a, int64_t b)
{
    if ((uint64_t)b + 1 <= 1) /* 0 and -1: the two that trap */
        return b == 0 ? 0 : (int64_t)(0 - (uint64_t)a);
    int64_t q = a / b;
    return q - ((a % b != 0) & ((a ^ b) < 0));
}

static inline int64_t tl__imod(int64_t a, int64_t b)
{
    if ((uint64_t)b + 1 <= 1)
        return 0;
    int64_t m = a % b;
    return m + (((m != 0) & ((m ^ b) < 0)) ? b : 0);
}

/* Shift left by a signed count that comes as its bits. */
static inline int64_t tl__shl(int64_t a, uint64_t count)
{
    uint64_t x = (uint64_t)a, back = 0 - count;
    uint64_t left = x << (count & 63), right = x >> (back & 63);
    return (int64_t)(count < 64 ? left : back < 64 ? right : 0);
}

static inline double tl__fmod_floor(double a, double b)
{
    double m = fmod(a, b);
    if (m > 0 ? b < 0 : (m < 0) & (b > 0))
        m += b;
    return m;
}

static inline double tl__pow(double a, double b)
{
    return b == 2 ? a * a : pow(a, b);
}

/* Before AVX-512 there is no vector instruction for this: the halves are planted in the mantissas
 * of 2^52 and 2^84; the last sum is the only one that rounds. */
static inline double tl__i_to_f(int64_t a)
{
#if defined(__SSE2__) && !defined(__AVX512DQ__)
    uint64_t lo = ((uint64_t)a & 0xffffffffu) | 0x4330000000000000u;
    uint64_t hi = (((uint64_t)a >> 32) ^ 0x80000000u) | 0x4530000000000000u;
    double l, h;
    memcpy(&l, &lo, sizeof l);
    memcpy(&h, &hi, sizeof h);
    return (h - (0x1p84 + 0x1p63 + 0x1p52)) + l;
#else
    return (double)a;
#endif
}

/* AVX2 lacks this one too: the halves of the truncated number, both exact, leave the mantissas of
 * 1.5 * 2^52 and 2^52 as integers. */
static inline int64_t tl__f_to_i(double a)
{
    double x = ((a >= -0x1p63) & (a < 0x1p63)) ? a : 0.0;
#if defined(__AVX2__) && !defined(__AVX512DQ__)
    double t = trunc(x), high = floor(t * 0x1p-32);
    double h = high + 0x1.8p52, l = (t - high * 0x1p32) + 0x1p52;
    uint64_t hi, lo;
    memcpy(&hi, &h, sizeof hi);
    memcpy(&lo, &l, sizeof lo);
    return (int64_t)((hi << 32) + (lo ^ 0x4330000000000000u));
#else
    return (int64_t)x;
#endif
}

/* Rounding to double is monotonic, so unequal after rounding decides; equal after rounding means
 * that the float is a whole number in -2^63..2^63, and integers decide. */
static inline int tl__if_lt(int64_t a, double b)
{
    double d = tl__i_to_f(a);
    return (d < b) | ((d == b) & ((d == 0x1p63) | (a < tl__f_to_i(d))));
}

static inline int tl__if_le(int64_t a, double b)
{
    double d = tl__i_to_f(a);
    return (d < b) | ((d == b) & ((d == 0x1p63) | (a <= tl__f_to_i(d))));
}

static inline int tl__fi_lt(double a, int64_t b)
{
    double d = tl__i_to_f(b);
    return (a < d) | ((a == d) & (d != 0x1p63) & (tl__f_to_i(d) < b));
}

static inline int tl__fi_le(double a, int64_t b)
{
    double d = tl__i_to_f(b);
    return (a < d) | ((a == d) & (d != 0x1p63) & (tl__f_to_i(d) <= b));
}

static inline int tl__if_eq(int64_t a, double b)
{
    double d = tl__i_to_f(a);
    return (d == b) & (d != 0x1p63) & (tl__f_to_i(d) == a);
}

#endif
