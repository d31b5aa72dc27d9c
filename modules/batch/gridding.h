/* Which grid a result lies on. SPDX-License-Identifier: MIT
 *
 * Precedence: command line, then the output's options, then the Image's native grid. */
#ifndef TL_GRIDDING_H
#define TL_GRIDDING_H

#include "modules/image/image.h"

/* What a user may say about a grid; `has_` and NULL tell what was not said. */
typedef struct tl_where {
    const char *crs; /* as typed, or NULL */
    double res[2];   /* cell size x, y in units of the CRS; 0 = not said */
    int has_bbox;
    double bbox[4]; /* W, S, E, N in degrees (EPSG:4326, longitude first) */
    int has_window;
    tl_rect window; /* columns, rows of the resulting grid, from its upper left */
    int align_crs;  /* anchor at the CRS origin */
    const tl_grid
        *grid; /* a whole Grid: overrides crs and res; and the extent unless bbox is said */
} tl_where;

/* Fills from `weaker` what `w` leaves open. */
void tl_where_merge(tl_where *w, const tl_where *weaker);

/* CRS, anchor and extent of the first source (leftmost, depth first), the finest cell among the
 * sources in that CRS. TL_ESCRIPT when no source is read. */
int tl_native_grid(const tl_image *img, tl_grid *out, tl_err *e) TL_MUST_CHECK;

/* That of the first, grown to cover those of all n. */
int tl_native_grid_of(tl_image *const *img, int n, tl_grid *out, tl_err *e) TL_MUST_CHECK;

/* The native grid as the user wants it. The anchor stays when CRS and cell agree or one cell is a
 * whole multiple of the other; else it is the CRS origin. Extents grow outward to whole cells. */
int tl_resolve_grid(const tl_grid *native, const tl_where *w, tl_grid *out,
                    tl_err *e) TL_MUST_CHECK;

/* Web Mercator at a zoom level (256-pixel tiles), w x h cells around a place in degrees. */
int tl_zoom_grid(double lon, double lat, double zoom, int64_t w, int64_t h, tl_grid *out,
                 tl_err *e) TL_MUST_CHECK;

/* The same area in at most w x h cells (never finer than g). */
void tl_fit_grid(tl_grid *g, int64_t w, int64_t h);

#endif
