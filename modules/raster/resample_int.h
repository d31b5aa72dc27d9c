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
    int32_t *px, *py;    /* nearest: the pixels themselves; -1 outside the level */
    double kx, ky;       /* widths of the kernel, pixels */
    int unit;            /* the kernel is not widened */
    double *wx;          /* weights of a row */
    int64_t nwx;
    int by_cells; /* always the slow way, for tests */
    void *room;   /* of the window: values first, for their alignment */
    size_t room_bytes;
    char *values;
    uint8_t *valid;
    tl_rect win;
    tl_vote vote;
    int k;    /* the band of q in work, */
    int band; /* which is this one of the file */
    tl_dtype t;
    size_t size;
} tl_resampled;

/* --- points.c: nearest. Finds the pixels, once for all bands; those behind a part of the block,
 * none: w = 0; the values, from the window. */
void tl_points_find(tl_resampled *j);
tl_rect tl_points_behind(const tl_resampled *j, tl_rect sub);
void tl_points_copy(const tl_resampled *j, tl_rect sub);

/* --- smooth.c: bilinear and cubic. The pixels behind a part of the block; its cells, from the
 * window, where the kernel is not widened. 0: not of this type or kernel. */
tl_rect tl_smooth_behind(const tl_resampled *j, tl_rect sub);
int tl_smooth_cells(tl_resampled *j, tl_rect sub);

/* --- smooth_kernels.c: TL__SMOOTH_SPAN cells at once. */
enum { TL__SMOOTH_SPAN = 256 };
/* Why a cell is not computed so; they add up over both axes. */
enum { TL__SMOOTH_RARE = 1, TL__SMOOTH_OUTSIDE = 8 };
typedef struct tl__smooth_kernels {
    /* Lowest and highest coordinate of those within 0..most, any number of them; lo > hi: none. */
    void (*bounds)(const double *centre, int64_t n, int64_t most, double *lo, double *hi);
    /* Along one axis of `most` pixels: the first that counts for each centre, and its weight, that
     * of the next ... in rows of a span. Adds to *how: a pixel is not there, or rounding decides
     * which; the centre is outside. */
    void (*place)(const double *centre, int64_t most, int cubic, double *first, double *w,
                  double *how);
    /* Index of the first pixel in the window; 0 where how is not. Whether any is rare. */
    int (*locate)(const double *first_x, const double *first_y, const double *how, tl_rect win,
                  int32_t *at);
    void (*add)(const double *wx, const double *wy, const double *v, double *weight, double *value);
    void (*divide)(double *value, const double *weight);
    /* n cells of the file's type; those where how is not 0, or the value is NaN, are invalid, 0.
     * NULL for 64-bit integers, which round elsewhere. */
    void (*store[TL_DTYPES])(const double *value, const double *how, int n, void *to,
                             uint8_t *valid);
} tl__smooth_kernels;
extern const tl__smooth_kernels tl__smooth_baseline;
#ifdef TL_HAVE_avx2
extern const tl__smooth_kernels tl__smooth_avx2;
#endif
#ifdef TL_HAVE_avx512
extern const tl__smooth_kernels tl__smooth_avx512;
#endif

/* --- resample.c: cell (i, k) of the block from the window, which holds its footprint; not mode. */
void tl_resample_cell(tl_resampled *j, int64_t i, int64_t k);

#endif
