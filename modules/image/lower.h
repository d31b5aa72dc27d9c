/* From graphs to pixel programs. SPDX-License-Identifier: MIT */
#ifndef TL_LOWER_H
#define TL_LOWER_H

#include "modules/image/node.h"

/* A value and whether it is valid, as values of one tl_ir. */
typedef struct tl_lowered {
    tl_val value, valid;
} tl_lowered;

/* Where a band's number and validity come from: fills *out for a TL_NODE_BAND node. */
typedef void tl_lower_band(void *ctx, tl_ir *ir, const tl_node *band, tl_lowered *out);

/* Lowers every root, shared nodes once. Output j is roots[j] converted to dtypes[j] (in range, else
 * invalid): its cells in slot 2j, its validity bytes in slot 2j + 1; a value that is not valid is
 * written as 0. */
int tl_lower(tl_ir *ir, tl_node *const *roots, const tl_dtype *dtypes, int n, tl_lower_band *band,
             void *ctx, tl_err *e) TL_MUST_CHECK;

/* The value of an operation on constants; 1 and *x when it is valid. */
int tl_fold(const tl_node *n, tl_num *x);

#endif
