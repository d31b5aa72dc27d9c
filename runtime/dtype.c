/* Cell types: see dtype.h. SPDX-License-Identifier: MIT */
#include "runtime/dtype.h"

#include <string.h>

static const struct {
    const char *name;
    uint8_t size, is_float, is_signed;
    int64_t min, max;
} info[TL_DTYPES] = {
    /* ORDER TL_DTYPE */
    {"uint8", 1, 0, 0, 0, UINT8_MAX},   {"int8", 1, 0, 1, INT8_MIN, INT8_MAX},
    {"uint16", 2, 0, 0, 0, UINT16_MAX}, {"int16", 2, 0, 1, INT16_MIN, INT16_MAX},
    {"uint32", 4, 0, 0, 0, UINT32_MAX}, {"int32", 4, 0, 1, INT32_MIN, INT32_MAX},
    {"uint64", 8, 0, 0, 0, INT64_MAX},  {"int64", 8, 0, 1, INT64_MIN, INT64_MAX},
    {"float32", 4, 1, 1, 0, 0},         {"float64", 8, 1, 1, 0, 0},
};

size_t tl_dtype_size(tl_dtype t)
{
    return info[t].size;
}
const char *tl_dtype_name(tl_dtype t)
{
    return info[t].name;
}
int tl_dtype_is_float(tl_dtype t)
{
    return info[t].is_float;
}
int tl_dtype_is_signed(tl_dtype t)
{
    return info[t].is_signed;
}
int64_t tl_dtype_min(tl_dtype t)
{
    return info[t].min;
}
int64_t tl_dtype_max(tl_dtype t)
{
    return info[t].max;
}

int tl_dtype_from_name(const char *name, tl_dtype *out)
{
    for (int t = 0; t < TL_DTYPES; t++)
        if (strcmp(info[t].name, name) == 0) {
            *out = (tl_dtype)t;
            return 0;
        }
    return -1;
}

tl_dtype tl_dtype_smallest(int64_t lo, int64_t hi)
{
    static const tl_dtype ints[] = {TL_U8, TL_I8, TL_U16, TL_I16, TL_U32, TL_I32};
    for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++)
        if (lo >= tl_dtype_min(ints[i]) && hi <= tl_dtype_max(ints[i]))
            return ints[i];
    return TL_I64;
}
