/* Overviews: one level of a product from the level below. SPDX-License-Identifier: MIT
 *
 * Cell (i, j) of a parent stands for cells 2i, 2i+1 by 2j, 2j+1 of the child level. Since tiles
 * have an even side, each child tile fills one quarter of its parent alone, so the result does not
 * depend on the order. nearest: the upper left of the four, so that level l holds every 2^l-th cell
 * of the image; average: of the valid ones, half to even for integers; mode: the most frequent
 * valid one, the smallest of equals. Pure functions. */
#ifndef TL_OVERVIEW_H
#define TL_OVERVIEW_H

#include "modules/raster/product.h"

/* Puts a child of cw x ch cells into its quarter (qx, qy: 0 or 1) of a parent that is pw cells
 * wide. Cells and validity per band, dense, as in codec.h. */
void tl_overview_quarter(const tl_product *p, int cw, int ch, const void *const *values,
                         const uint8_t *const *valid, int qx, int qy, int pw, void *const *out,
                         uint8_t *const *out_valid);

#endif
