/* Whole grids into memory: for pictures, statistics and embedding programs.
 * SPDX-License-Identifier: MIT */
#ifndef TL_EVALUATE_H
#define TL_EVALUATE_H

#include <stdatomic.h>
#include "modules/image/image.h"
#include "modules/image/pass.h"

/* Computes n bands over all of `grid`: values[j] gets w * h cells of dtypes[j], rows from the
 * north, 0 where invalid; valid[j] one byte each, 1 or 0. The caller owns the buffers. `threads` 0
 * = all cores. */
int tl_evaluate(const tl_pass *pass, const tl_grid *grid, int n, const tl_dtype *dtypes,
                int threads, const atomic_int *cancel, void *const *values, uint8_t *const *valid,
                tl_err *e) TL_MUST_CHECK;

/* Percentiles (0..100, k of them) of each band over the image's native grid, seen through at most
 * 512 x 512 cells. out[band * k + i]; NaN where a band has no valid cell. */
int tl_percentiles(const tl_image *img, const double *percent, int k, double *out,
                   tl_err *e) TL_MUST_CHECK;

#endif
