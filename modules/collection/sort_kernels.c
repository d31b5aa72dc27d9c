/* Sorting the columns of a span, compiled once per instruction set. SPDX-License-Identifier: MIT
 *
 * K. Batcher's odd-even merge network (1968): the same comparisons for every cell, so that the
 * inner loop runs along the span and is vectorised. */
#include "modules/collection/reduce_int.h"

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

/* ORDER TL_DTYPE */
tl__sort_fn *const JOIN(tl__sort_, TL_KERNEL_ISA)[TL_DTYPES] = {
    sort_u8,  sort_i8,  sort_u16, sort_i16, sort_u32,
    sort_i32, sort_u64, sort_i64, sort_f32, sort_f64};
