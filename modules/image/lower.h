/* From graphs to pixel programs. SPDX-License-Identifier: MIT */
#ifndef TL_LOWER_H
#define TL_LOWER_H

#include "modules/image/call.h"

/* A value and whether it is valid, as values of one tl_ir. */
typedef struct tl_lowered {
    tl_val value, valid;
} tl_lowered;

/* Where numbers come from that the program does not compute. Return 0 or a TL_E* code. */
typedef struct tl_lower_hooks {
    void *ctx;
    /* A TL_NODE_BAND, dx columns and dy rows beside the pixel. */
    int (*band)(void *ctx, tl_ir *ir, const tl_node *n, int dx, int dy, tl_lowered *out, tl_err *e);
    /* A TL_NODE_RESULT of an interpreted call. */
    int (*result)(void *ctx, tl_ir *ir, const tl_node *n, tl_lowered *out, tl_err *e);
    /* A compiled call that may raise: `code` (TL_I) is 0, or 1 + the number of the site in r. May
     * be NULL. */
    void (*trap)(void *ctx, tl_ir *ir, const tl_node *n, const tl_fn_result *r, tl_val code);
} tl_lower_hooks;

/* Lowers every root, shared nodes once. Output j is roots[j] converted to dtypes[j] (in range, else
 * invalid): its cells in slot 2j, its validity bytes in slot 2j + 1; a value that is not valid is
 * written as 0. What only an interpreted call needs is not lowered. */
int tl_lower(tl_ir *ir, tl_node *const *roots, const tl_dtype *dtypes, int n,
             const tl_lower_hooks *hooks, tl_err *e) TL_MUST_CHECK;

/* --- lower.c for lower_graph.c ------------------------------------------------------------- */
tl_lowered tl__lower_const(tl_ir *ir, const tl_node *n);
tl_lowered tl__lower_op(tl_ir *ir, const tl_node *n, const tl_lowered *args);
void tl__lower_store(tl_ir *ir, tl_node *root, tl_lowered v, tl_dtype t, int slot);

/* The value of an operation on constants; 1 and *x when it is valid. */
int tl_fold(const tl_node *n, tl_num *x);

#endif
