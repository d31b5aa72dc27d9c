/* Cell types of rasters and buffers. SPDX-License-Identifier: MIT */
#ifndef TL_DTYPE_H
#define TL_DTYPE_H

#include <stddef.h>
#include <stdint.h>

/* ORDER TL_DTYPE: dtype.c, kernels.c */
typedef enum tl_dtype {
    TL_U8,
    TL_I8,
    TL_U16,
    TL_I16,
    TL_U32,
    TL_I32,
    TL_U64,
    TL_I64,
    TL_F32,
    TL_F64,
    TL_DTYPES
} tl_dtype;

size_t tl_dtype_size(tl_dtype t);                        /* bytes per cell */
const char *tl_dtype_name(tl_dtype t);                   /* "uint8", "float32", ... */
int tl_dtype_from_name(const char *name, tl_dtype *out); /* 0 = known, -1 = not */
int tl_dtype_is_float(tl_dtype t);
int tl_dtype_is_signed(tl_dtype t);
/* Range of an integer type in int64; uint64 is cut at INT64_MAX, where Lua's integers end. */
int64_t tl_dtype_min(tl_dtype t);
int64_t tl_dtype_max(tl_dtype t);
/* The smallest integer type that holds lo .. hi, unsigned before signed; int64 when none does. */
tl_dtype tl_dtype_smallest(int64_t lo, int64_t hi);

#endif
