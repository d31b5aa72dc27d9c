/* Trying a function on a synthetic source: do its twins agree, do blocks matter, what does a pixel
 * cost. SPDX-License-Identifier: MIT */
#ifndef TL_TRIAL_H
#define TL_TRIAL_H

#include "modules/image/image.h"
#include "modules/image/pass.h"

#define TL_TRIAL_ROWS 6

/* Columns are the input's bands, then the result's. */
typedef struct tl_trial_cell {
    tl_num x;
    tl_type type;
    int valid;
} tl_trial_cell;

typedef struct tl_trial {
    const tl_image *input, *result, *twin; /* borrowed; twin: NULL = there is none, or is
                                            * found to be none */
    double ns, ns_twin;                    /* per pixel, without reading the source */
    int equal, split_equal;
    int64_t pixels, valid, raised;
    tl_pass_trap first; /* when raised; its call is the result's */
    /* The caller's: rows [TL_TRIAL_ROWS] and the pixel that raised first, each of all columns. */
    tl_trial_cell *cell, *raised_cell;
    int nrows;
} tl_trial;

/* input: all bands of a tl_synthetic source; result, twin: computed from it. */
int tl_trial_run(tl_trial *t, tl_err *e) TL_MUST_CHECK;

#endif
