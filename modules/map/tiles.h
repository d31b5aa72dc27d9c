/* The web's tile matrix: 256-pixel tiles of Web Mercator. SPDX-License-Identifier: MIT */
#ifndef TL_MAP_TILES_H
#define TL_MAP_TILES_H

#include "modules/image/grid.h"

#define TL_TILE_SIDE     256
#define TL_TILE_DEEPEST  24
#define TL_MERCATOR_HALF 20037508.342789244 /* pi * 6378137 m */

typedef struct tl_tile {
    int z;
    int64_t x, y; /* from the north-west corner */
} tl_tile;

/* Whether there is such a tile. */
int tl_tile_exists(tl_tile t);
/* Its cells, scale * 256 each way (scale 1, 2 or 4): the lattice of `tellua view` at that zoom. */
int tl_tile_grid(tl_tile t, int scale, tl_grid *out, tl_err *e) TL_MUST_CHECK;
/* That of a zoom level, of one cell: the one that holds the place (degrees). */
int tl_tile_cell(double lon, double lat, double zoom, tl_grid *out, tl_err *e) TL_MUST_CHECK;
/* The least zoom whose cells are no coarser than `metres` at this latitude. */
int tl_tile_zoom_of(double metres, double lat);
double tl_tile_denominator(int z); /* of WMTS: the scale, by pixels of 0.28 mm */

#endif
