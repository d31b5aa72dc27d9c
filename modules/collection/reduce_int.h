/* Shared by the files that reduce. Internal. SPDX-License-Identifier: MIT */
#ifndef TL_REDUCE_INT_H
#define TL_REDUCE_INT_H

#include "modules/collection/reduce.h"

#define TL__SPAN 512 /* cells worked on at a time */

/* n cells as int64 (integer types) or double (float types). */
void tl__widen(tl_dtype t, const void *from, int64_t n, void *to);

#endif
