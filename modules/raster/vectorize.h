/* Cells into polygons and lines: GDAL's algorithms. SPDX-License-Identifier: MIT */
#ifndef TL_VECTORIZE_H
#define TL_VECTORIZE_H

#include "modules/image/grid.h"
#include "runtime/buf.h"
#include "runtime/err.h"

#include <stdatomic.h>

#define TL_VECTORIZE_CELLS  (100LL * 1000 * 1000) /* at most: all of them lie in memory */
#define TL_VECTORIZE_POINTS (5LL * 1000 * 1000)   /* of all features: so do these */

/* All cells of a grid. What is made of them is appended as a FeatureCollection, in the grid's
 * system: with a "crs" member unless that is degrees of WGS 84. How many points it will have is
 * counted before; too many is TL_ESCRIPT. */
typedef struct tl_raw_cells {
    tl_grid grid;
    double *values;
    uint8_t *valid;
    const atomic_int *cancel; /* set by anyone: TL_EINTR; or NULL */
} tl_raw_cells;

/* One polygon for each connected region of equal values, with it as `value`. Floats are compared as
 * float32. whole: they are integers of 32 bits. eight: cells that share a corner alone are
 * connected too. */
int tl_polygonize(const tl_raw_cells *c, int whole, int eight, tl_buf *out, int64_t *count,
                  tl_err *e) TL_MUST_CHECK;

/* Lines of equal value, `value`: at base + k * interval, or at n levels. */
typedef struct tl_levels {
    double interval, base;
    double *level; /* ascending */
    int n;         /* 0: by the interval */
} tl_levels;
/* `values` are changed where invalid. */
int tl_contours(tl_raw_cells *c, const tl_levels *levels, tl_buf *out, int64_t *count,
                tl_err *e) TL_MUST_CHECK;

#endif
