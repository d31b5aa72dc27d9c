/* Gathering and sorting the columns of a span, compiled once per instruction set.
 * SPDX-License-Identifier: MIT
 *
 * K. Batcher's odd-even merge network (1968): the same comparisons for every cell, so that the
 * inner loop runs along the span and is vectorised. */
#include "modules/collection/reduce_int.h"

#include <math.h>

#ifndef TL_KERNEL_ISA
#define TL_KERNEL_ISA baseline
#endif
#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)

#define SORT(name, T)                                                                              \
    static void name##_exchange(T *restrict lo, T *restrict hi)                                    \
    {                                                                                              \
        for (int i = 0; i < TL__SPAN; i++) {                                                       \
            T a = lo[i], b = hi[i];                                                                \
            lo[i] = b < a ? b : a;                                                                 \
            hi[i] = b < a ? a : b;                                                                 \
        }                                                                                          \
    }                                                                                              \
    static void name(void *columns, int64_t n)                                                     \
    {                                                                                              \
        T *x = columns;                                                                            \
        for (int64_t p = 1; p < n; p *= 2)                                                         \
            for (int64_t k = p; k >= 1; k /= 2)                                                    \
                for (int64_t j = k % p; j + k < n; j += 2 * k)                                     \
                    for (int64_t i = 0; i < k && i + j + k < n; i++)                               \
                        if ((i + j) / (2 * p) == (i + j + k) / (2 * p))                            \
                            name##_exchange(x + (i + j) * TL__SPAN, x + (i + j + k) * TL__SPAN);   \
    }
SORT(sort_u8, uint8_t)
SORT(sort_i8, int8_t)
SORT(sort_u16, uint16_t)
SORT(sort_i16, int16_t)
SORT(sort_u32, uint32_t)
SORT(sort_i32, int32_t)
SORT(sort_u64, uint64_t)
SORT(sort_i64, int64_t)
SORT(sort_f32, float)
SORT(sort_f64, double)

#define GATHER(name, T, LARGEST)                                                                   \
    static void name(const void *from, const uint8_t *restrict valid, int64_t n, void *row,        \
                     uint32_t *restrict count)                                                     \
    {                                                                                              \
        const T *restrict x = from;                                                                \
        T *restrict y = row;                                                                       \
        for (int64_t i = 0; i < n; i++) {                                                          \
            y[i] = valid[i] ? x[i] : LARGEST;                                                      \
            count[i] += valid[i];                                                                  \
        }                                                                                          \
        for (int64_t i = n; i < TL__SPAN; i++)                                                     \
            y[i] = 0;                                                                              \
    }
GATHER(gather_u8, uint8_t, UINT8_MAX)
GATHER(gather_i8, int8_t, INT8_MAX)
GATHER(gather_u16, uint16_t, UINT16_MAX)
GATHER(gather_i16, int16_t, INT16_MAX)
GATHER(gather_u32, uint32_t, UINT32_MAX)
GATHER(gather_i32, int32_t, INT32_MAX)
GATHER(gather_u64, uint64_t, UINT64_MAX)
GATHER(gather_i64, int64_t, INT64_MAX)
GATHER(gather_f32, float, INFINITY)
GATHER(gather_f64, double, INFINITY)

/* ORDER TL_DTYPE */
const tl__sort_kernels JOIN(tl__sort_, TL_KERNEL_ISA) = {
    {gather_u8, gather_i8, gather_u16, gather_i16, gather_u32, gather_i32, gather_u64, gather_i64,
     gather_f32, gather_f64},
    {sort_u8, sort_i8, sort_u16, sort_i16, sort_u32, sort_i32, sort_u64, sort_i64, sort_f32,
     sort_f64}};
