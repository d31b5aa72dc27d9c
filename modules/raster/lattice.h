/* The coordinate lattice: exact at nodes, interpolated between. SPDX-License-Identifier: MIT
 *
 * Positions are cell indices (a centre is a whole number). Nodes lie at absolute multiples of
 * TL_LATTICE_STEP (plus the shift). A square between four nodes whose edges' midpoints and centre
 * lie within TL_LATTICE_ERROR of the bilinear image is interpolated by parabolas through those nine
 * points, which is far closer; another is cut in quarters, down to single positions, which are
 * exact. What a position gets therefore depends on nothing but itself. */
#ifndef TL_RASTER_LATTICE_H
#define TL_RASTER_LATTICE_H

#include "modules/image/grid.h"
#include <stddef.h>

#define TL_LATTICE_STEP  32
#define TL_LATTICE_ERROR 0.125

/* Maps n positions in place; NaN where there is no image. */
typedef void (*tl_lattice_map)(void *ctx, size_t n, double *x, double *y);

/* Images of the positions (rect.x + i + shift, rect.y + j + shift) into x[j * rect.w + i], y[...].
 * With exact set nothing is interpolated. */
void tl_lattice_eval(tl_lattice_map map, void *ctx, tl_rect rect, double shift, int exact,
                     double *x, double *y);

#endif
