/* Cells into polygons and lines: GDAL's algorithms. SPDX-License-Identifier: MIT */
#ifndef TL_VECTORIZE_H
#define TL_VECTORIZE_H

#include "modules/image/grid.h"
#include "runtime/buf.h"
#include "runtime/err.h"

#define TL_VECTORIZE_MOST (100LL * 1000 * 1000) /* cells: all of them lie in memory */

/* What to make of all cells of a grid. Both append a FeatureCollection as text, in the grid's
 * system: with a "crs" member unless that is degrees of WGS 84. *count: features. */

/* One polygon for each connected region of equal values, with it as `value`. Floats are compared as
 * float32. eight: cells that share a corner alone are connected too. */
int tl_polygonize(const tl_grid *g, const double *values, const uint8_t *valid, int whole,
                  int eight, tl_buf *out, int64_t *count, tl_err *e) TL_MUST_CHECK;

/* Lines of equal value, `value`: at base + k * interval, or at n levels. */
typedef struct tl_levels {
    double interval, base;
    const double *level;
    int n; /* 0: by the interval */
} tl_levels;
/* `values` are changed where invalid. */
int tl_contours(const tl_grid *g, double *values, const uint8_t *valid, const tl_levels *levels,
                tl_buf *out, int64_t *count, tl_err *e) TL_MUST_CHECK;

#endif
