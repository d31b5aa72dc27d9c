/* Statistics of an image within geometries, and its values at points. SPDX-License-Identifier: MIT
 *
 * Cells count by the part of them that lies inside (coverage.h). With weights w and values x of the
 * cells that are valid and touched: count = sum w, sum = sum w x, mean = sum w x / sum w,
 * variance = sum w (x - mean)^2 / sum w. Blocks of 256 cells are measured by themselves and joined
 * in their order (Chan, Golub, LeVeque 1979: the moments of parts), so the number of threads plays
 * no part. Quantiles weigh as described at tl_zone_quantile. */
#ifndef TL_ZONES_H
#define TL_ZONES_H

#include "modules/batch/gridding.h"
#include "modules/raster/geometry.h"

typedef struct tl_zones tl_zones;

typedef struct tl_zone_cell {
    double x, w;
} tl_zone_cell;

typedef struct tl_zone_band {
    double touched;  /* sum of w, also of cells that are not valid */
    double weight;   /* sum of w; 0: all that follows is NaN */
    int64_t cells;   /* valid cells touched */
    double mean, m2; /* m2 = sum w (x - mean)^2 */
    double min, max;
    tl_zone_cell *cell; /* every valid one by value, when values were wanted */
    size_t ncells;
} tl_zone_band;

/* On the image's native grid as `where` has it changed; `threads` 0 = all cores. */
int tl_zones_open(const tl_image *img, const tl_where *where, int threads, tl_zones **out,
                  tl_err *e) TL_MUST_CHECK;
void tl_zones_close(tl_zones *z); /* NULL is allowed */

/* One entry of `out` per band of the image. with_values: keep cells, for quantiles and mode; at
 * most some 16 million of them. What out holds is released by tl_zone_free. */
int tl_zones_measure(tl_zones *z, const tl_geometry *g, int with_values, tl_zone_band *out,
                     tl_err *e) TL_MUST_CHECK;
void tl_zone_free(tl_zone_band *b);

/* The weighted quantile, p from 0 to 1, that is numpy's and R's usual one (type 7) where weights
 * are equal: sorted by value, S_k = (k - 1) w_k + (n - 1) sum_{i<k} w_i; linear in S between the
 * cells around p S_n (as in the package exactextract). NaN without cells. */
double tl_zone_quantile(const tl_zone_band *b, double p);
double tl_zone_mode(const tl_zone_band *b); /* the value of most weight; the least of several */

/* Calls each for every cell of the grid whose centre lies inside, and that points and lines touch,
 * where all bands are valid: blocks of 256 cells row by row, in them the cells. Not 0 stops, and is
 * returned. */
typedef int tl_zone_cell_fn(void *ctx, double lon, double lat, const double *values, tl_err *e);
int tl_zones_each(tl_zones *z, const tl_geometry *g, tl_zone_cell_fn *each, void *ctx,
                  tl_err *e) TL_MUST_CHECK;

/* The cell that holds the place: a value per band, NaN where invalid. */
int tl_zones_value(tl_zones *z, double lon, double lat, double *values, tl_err *e) TL_MUST_CHECK;

#endif
