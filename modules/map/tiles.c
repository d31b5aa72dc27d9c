/* The web's tile matrix: see tiles.h. SPDX-License-Identifier: MIT */
#include "modules/map/tiles.h"
#include "modules/batch/gridding.h"

#include <math.h>

int tl_tile_exists(tl_tile t)
{
    return t.z >= 0 && t.z <= TL_TILE_DEEPEST && t.x >= 0 && t.y >= 0 && t.x < (int64_t)1 << t.z &&
           t.y < (int64_t)1 << t.z;
}

/* Cells twice as fine are those of the next zoom. */
static double zoom_of(int z, int scale)
{
    return z + (scale == 4 ? 2 : scale == 2 ? 1 : 0);
}

int tl_tile_grid(tl_tile t, int scale, tl_grid *out, tl_err *e)
{
    tl_grid g;
    int64_t side = (int64_t)TL_TILE_SIDE * scale;
    int rc = tl_zoom_grid(0, 0, zoom_of(t.z, scale), side, side, &g, e);
    if (rc)
        return rc;
    g.col = t.x * side;
    g.row = t.y * side;
    *out = g;
    return 0;
}

int tl_tile_cell(double lon, double lat, double zoom, tl_grid *out, tl_err *e)
{
    tl_grid g;
    int rc = tl_zoom_grid(lon, lat, zoom, 1, 1, &g, e);
    if (rc)
        return rc;
    /* tl_zoom_grid puts the place in the middle; here the cell around it is wanted. */
    double x = lon / 180 * TL_MERCATOR_HALF;
    double y = log(tan(M_PI / 4 + lat * M_PI / 360)) * 6378137;
    g.col = (int64_t)floor((x - g.x0) / g.dx);
    g.row = (int64_t)floor((g.y0 - y) / g.dy);
    *out = g;
    return 0;
}

int tl_tile_zoom_of(double metres, double lat)
{
    double here = 2 * TL_MERCATOR_HALF / TL_TILE_SIDE * cos(lat * M_PI / 180);
    double z = ceil(log2(here / metres) - 1e-9);
    return z < 0 ? 0 : z > TL_TILE_DEEPEST ? TL_TILE_DEEPEST : (int)z;
}

double tl_tile_denominator(int z)
{
    return 2 * TL_MERCATOR_HALF / TL_TILE_SIDE / 0.00028 / ldexp(1, z);
}
