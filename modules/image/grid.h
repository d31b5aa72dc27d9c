/* Grids: where, and how finely. SPDX-License-Identifier: MIT
 *
 * A grid is a coordinate system, an anchor, a cell size, and an extent in whole cells counted from
 * the anchor. It is always north-up: columns go with x (easting, longitude), rows against y
 * (northing, latitude); x comes before y whatever the authority says. Cell (col, row) covers
 *   x0 + col * dx .. x0 + (col + 1) * dx,   y0 - row * dy .. y0 - (row + 1) * dy
 * and its centre is always computed by tl_grid_x / tl_grid_y, from the absolute index alone, so
 * that every block, task and machine gets the same number. Plain values; no ownership. */
#ifndef TL_GRID_H
#define TL_GRID_H

#include <stdint.h>
#include "runtime/err.h"

typedef struct tl_grid {
    const char *crs;  /* canonical text, interned ("EPSG:32633" or WKT); "" = cells of a picture
                         without georeference, whose x is the column and y minus the row */
    double x0, y0;    /* the anchor, in CRS units; a corner of cells, modulo the cell */
    double dx, dy;    /* cell size in CRS units, both > 0 */
    int64_t col, row; /* absolute index of the upper left cell */
    int64_t w, h;     /* extent in cells, both > 0 */
} tl_grid;

/* The most that an index or an extent from outside may be: beyond it neighbouring cells have the
 * same coordinates, and below it no sum overflows. */
#define TL_GRID_MOST ((int64_t)1 << 52)

/* A window of absolute cell indices. */
typedef struct tl_rect {
    int64_t x, y, w, h; /* x = first column, y = first row */
} tl_rect;

/* Coordinates of a cell's centre when k is its index, of its edges when k -+ 0.5. */
static inline double tl_grid_x(const tl_grid *g, double k)
{
    return g->x0 + (k + 0.5) * g->dx;
}
static inline double tl_grid_y(const tl_grid *g, double k)
{
    return g->y0 - (k + 0.5) * g->dy;
}

static inline tl_rect tl_grid_rect(const tl_grid *g)
{
    return (tl_rect){g->col, g->row, g->w, g->h};
}

/* Same CRS, anchor phase and cell size: cell (col, row) of a is cell (col + *dcol, row + *drow) of
 * b. Phases may differ by 1e-9 cell. Returns 1 or 0. */
int tl_grid_same_lattice(const tl_grid *a, const tl_grid *b, int64_t *dcol, int64_t *drow);

/* Every field equal: the same cells, and each cell's coordinates the same bits. */
int tl_grid_equal(const tl_grid *a, const tl_grid *b);

/* The whole cells of g's lattice that cover the box (CRS units), grown outward; an edge within
 * 1e-6 cell of a cell boundary counts as on it. Writes col,row,w,h of *g. */
int tl_grid_cover(tl_grid *g, double xmin, double ymin, double xmax, double ymax,
                  tl_err *e) TL_MUST_CHECK;

/* West, south, east, north in CRS units. */
void tl_grid_bounds(const tl_grid *g, double box[4]);

tl_rect tl_rect_intersect(tl_rect a, tl_rect b); /* w or h <= 0 when they do not meet */

#endif
