/* Shared by the files that reduce. Internal. SPDX-License-Identifier: MIT */
#ifndef TL_REDUCE_INT_H
#define TL_REDUCE_INT_H

#include "modules/collection/reduce.h"

#define TL__SPAN 512 /* cells worked on at a time */

/* n cells as int64 (integer types) or double (float types). */
void tl__widen(tl_dtype t, const void *from, int64_t n, void *to);

/* Sorts each column of n rows of TL__SPAN cells, ascending; per cell type. One table an instruction
 * set: sort_kernels.c. */
typedef void tl__sort_fn(void *columns, int64_t n);
extern tl__sort_fn *const tl__sort_baseline[TL_DTYPES];
extern tl__sort_fn *const tl__sort_avx2[TL_DTYPES];
extern tl__sort_fn *const tl__sort_avx512[TL_DTYPES];

#endif
