/* Sources whose cells depend on the whole Image: components, sieve, distance; and texture, which
 * depends on a window. SPDX-License-Identifier: MIT
 *
 * Such a source evaluates a node over its whole grid before the first cell of it is read: blocks of
 * 512 x 512 cells by whichever threads ask, into a temporary file without a name; borders of blocks
 * are joined then. What is known of a cell is its place in the grid, so results are the same bits
 * however the Image is cut. On another lattice than the Image's own the same area is taken in its
 * cells. Immutable, refcounted, any thread.
 *
 * Memory is that of one block for each thread. The temporary file lies in TMPDIR (/tmp) and is
 * mapped piece by piece: 8 bytes a cell, and of components that are counted 4, that are sieved 16
 * bytes each. It is as large as it will be before anything is computed. */
#ifndef TL_WHOLE_H
#define TL_WHOLE_H

#include "modules/image/node.h"

/* ORDER whole.c: op_names */
typedef enum tl_whole_op {
    TL_WHOLE_COMPONENTS, /* bands "components" and "size" */
    TL_WHOLE_SIEVE,      /* band "sieve" */
    TL_WHOLE_DISTANCE,   /* band "distance" */
    TL_WHOLE_GLCM,       /* tl_glcm_names */
    TL_WHOLE_OPS
} tl_whole_op;

typedef struct tl_whole_spec {
    tl_whole_op op;
    tl_node *input;    /* borrowed, kept by reference. Integers or booleans */
    tl_grid grid;      /* the Image's own */
    int diagonal;      /* cells that touch at a corner are neighbours: 8, not 4 */
    int64_t threshold; /* sieve: components of fewer cells go */
    double max;        /* distance: what is farther is invalid; 0 = no limit */
    int metres;        /* distance: metres, not cells */
    /* Texture: cells from 0 to levels - 1; a window of 2 radius + 1 cells; pairs `step` cells
     * apart; one direction of 4, or -1 for the mean of all */
    int levels, radius, step, direction;
    int strangers; /* a thread's allowance of CPU time holds for it (runtime/cancel.h) */
} tl_whole_spec;

#define TL_GLCM_BANDS  17
#define TL_GLCM_LEVELS 64 /* at most */
#define TL_GLCM_RADIUS 15 /* at most */
extern const char *const tl_glcm_names[TL_GLCM_BANDS];

#define TL_WHOLE_MOST_CELLS ((int64_t)INT32_MAX - 1)

int tl_whole_new(const tl_whole_spec *spec, tl_source **out, tl_err *e) TL_MUST_CHECK;
/* NULL when s is another kind of source. Borrowed. */
const tl_whole_spec *tl_whole_spec_of(const tl_source *s);
/* Whether it looks at the neighbourhood of what is read alone: texture, a distance up to 255 cells.
 */
int tl_whole_is_near(const tl_whole_spec *spec);

const char *tl_whole_op_name(tl_whole_op op);
int tl_whole_op_from_name(const char *name, tl_whole_op *out); /* 0 = known, -1 = not */

#endif
