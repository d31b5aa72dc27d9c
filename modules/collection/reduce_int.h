/* Shared by the files that reduce. Internal. SPDX-License-Identifier: MIT */
#ifndef TL_REDUCE_INT_H
#define TL_REDUCE_INT_H

#include "modules/collection/reduce.h"

#define TL__SPAN 512 /* cells worked on at a time */

/* n cells as int64 (integer types) or double (float types). */
void tl__widen(tl_dtype t, const void *from, int64_t n, void *to);

/* Per cell type; one table an instruction set: sort_kernels.c. */
typedef struct tl__sort_kernels {
    /* A row of TL__SPAN cells from n values: those that are not valid are the type's largest, so
     * that they come last; the valid ones are counted. */
    void (*gather[TL_DTYPES])(const void *from, const uint8_t *valid, int64_t n, void *row,
                              uint32_t *count);
    /* Sorts each column of n rows, ascending. */
    void (*sort[TL_DTYPES])(void *columns, int64_t n);
} tl__sort_kernels;
extern const tl__sort_kernels tl__sort_baseline, tl__sort_avx2, tl__sort_avx512;

#endif
