/* What cells are, as a source: how large on the ground, and whether within an extent.
 * SPDX-License-Identifier: MIT */
#ifndef TL_CELLS_H
#define TL_CELLS_H

#include <jansson.h>
#include "modules/image/source.h"

/* Bands, for the cells of whatever lattice is asked for:
 *   inside          1 where the centre lies within the extent, else 0
 *   width, height   metres from west to east, from north to south. In degrees along the ellipsoid
 *                   WGS 84 at the centre's latitude; in EPSG:3857 on the sphere that it is of; in
 *                   other systems as they say. Invalid where the unit is not known.
 * Of + - * / and sqrt alone: the same bits on every machine. Its own grid is the extent. */
tl_source *tl_cells_source(const tl_grid *extent);
/* Metres of a cell in the middle of g, from west to east and north to south; NaN when unknown. */
void tl_cells_metres(const tl_grid *g, double size[2]);
/* NULL when s is another kind of source. */
const tl_grid *tl_cells_extent(const tl_source *s);

#endif
