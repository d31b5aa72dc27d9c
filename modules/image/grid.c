/* Grids: see grid.h. SPDX-License-Identifier: MIT */
#include "modules/image/grid.h"

#include <math.h>

/* Cells are counted in int64, but their coordinates in double: beyond 2^52 cells from the anchor
 * neighbouring centres would coincide. */
#define MOST_CELLS 4503599627370496.0

static int phase(double from, double to, double cell, int64_t *whole)
{
    double k = (to - from) / cell;
    double r = nearbyint(k);
    if (!(fabs(r) < MOST_CELLS) || fabs(k - r) > 1e-9 * fmax(1, fabs(k) * 1e-6))
        return 0;
    *whole = (int64_t)r;
    return 1;
}

int tl_grid_same_lattice(const tl_grid *a, const tl_grid *b, int64_t *dcol, int64_t *drow)
{
    int64_t c, r;
    if (a->crs != b->crs || a->dx != b->dx || a->dy != b->dy)
        return 0;
    if (!phase(b->x0, a->x0, a->dx, &c) || !phase(a->y0, b->y0, a->dy, &r))
        return 0;
    *dcol = c;
    *drow = r;
    return 1;
}

int tl_grid_equal(const tl_grid *a, const tl_grid *b)
{
    return a->crs == b->crs && a->x0 == b->x0 && a->y0 == b->y0 && a->dx == b->dx &&
           a->dy == b->dy && a->col == b->col && a->row == b->row && a->w == b->w && a->h == b->h;
}

/* First and one-past-last whole cell that cover lo..hi (in cells). A millionth of a cell over an
 * edge is rounding and takes no further cell, but an area smaller than that still has the cell it
 * lies in. */
static int cover(double lo, double hi, int64_t *first, int64_t *count)
{
    double f = floor(lo + 1e-6), l = ceil(hi - 1e-6);
    if (!(fabs(f) < MOST_CELLS) || !(fabs(l) < MOST_CELLS) || !(hi > lo))
        return -1;
    l = l > f ? l : f + 1;
    *first = (int64_t)f;
    *count = (int64_t)(l - f);
    return 0;
}

int tl_grid_cover(tl_grid *g, double xmin, double ymin, double xmax, double ymax, tl_err *e)
{
    int64_t col, row, w, h;
    if (cover((xmin - g->x0) / g->dx, (xmax - g->x0) / g->dx, &col, &w) ||
        cover((g->y0 - ymax) / g->dy, (g->y0 - ymin) / g->dy, &row, &h))
        return tl_fail(
            e, TL_EUSAGE,
            "x %.10g..%.10g, y %.10g..%.10g is no area, or of too many cells of %.10g x %.10g",
            xmin, xmax, ymin, ymax, g->dx, g->dy);
    g->col = col;
    g->row = row;
    g->w = w;
    g->h = h;
    return 0;
}

void tl_grid_bounds(const tl_grid *g, double box[4])
{
    box[0] = g->x0 + (double)g->col * g->dx;
    box[1] = g->y0 - (double)(g->row + g->h) * g->dy;
    box[2] = g->x0 + (double)(g->col + g->w) * g->dx;
    box[3] = g->y0 - (double)g->row * g->dy;
}

tl_rect tl_rect_intersect(tl_rect a, tl_rect b)
{
    int64_t x0 = a.x > b.x ? a.x : b.x, y0 = a.y > b.y ? a.y : b.y;
    int64_t x1 = a.x + a.w < b.x + b.w ? a.x + a.w : b.x + b.w;
    int64_t y1 = a.y + a.h < b.y + b.h ? a.y + a.h : b.y + b.h;
    return (tl_rect){x0, y0, x1 - x0, y1 - y0};
}
