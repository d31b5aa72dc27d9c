/* One block that is resampled, as its parts see it. Internal. SPDX-License-Identifier: MIT */
#ifndef TL_RASTER_RESAMPLE_INT_H
#define TL_RASTER_RESAMPLE_INT_H

#include "modules/raster/raster_int.h"
#include "modules/raster/weigh.h"

#define WINDOW_BYTES ((int64_t)16 << 20) /* values and validity of one window */
#define TIE          1e-9                /* pixels: as near to an edge is on it */

typedef struct tl_resampled {
    const tl_raster_sampling *m;
    const tl_raster *r;
    tl_gdal_handle *h;
    const tl_read *q;
    tl_level level;
    int boxes;           /* coordinates are those of the cells' corners, not centres */
    const double *x, *y; /* of the whole block; (w + boxes) x (h + boxes) */
    int32_t *px, *py;    /* not boxes: the pixels these lie in; -1 outside the level */
    double kx, ky;       /* widths of the kernel, pixels */
    int unit;            /* the kernel is not widened */
    double *wx;          /* weights of a row */
    int64_t nwx;
    int by_cells; /* always the slow way, for tests */
    char *values; /* the window */
    uint8_t *valid;
    tl_rect win;
    tl_vote vote;
    int k;    /* the band of q in work, */
    int band; /* which is this one of the file */
    tl_dtype t;
    size_t size;
} tl_resampled;

/* --- points.c: pixels that centres lie in. Finds them, once for all bands; the pixels behind a
 * part of the block, none: w = 0; nearest's values, from the window. */
void tl_points_find(tl_resampled *j);
tl_rect tl_points_behind(const tl_resampled *j, tl_rect sub);
void tl_points_copy(const tl_resampled *j, tl_rect sub);

/* --- smooth.c: bilinear and cubic, not widened. 0: not of this type or kernel. */
int tl_smooth_cells(tl_resampled *j, tl_rect sub);

/* --- resample.c: cell (i, k) of the block from the window, which holds its footprint; not mode. */
void tl_resample_cell(tl_resampled *j, int64_t i, int64_t k);

#endif
