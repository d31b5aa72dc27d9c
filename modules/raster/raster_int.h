/* What the parts of the raster module share. Internal. SPDX-License-Identifier: MIT */
#ifndef TL_RASTER_INT_H
#define TL_RASTER_INT_H

#include "modules/image/source.h"
#include "modules/raster/gdal.h"
#include "modules/raster/raster.h"
#include <proj.h>

/* How pixel coordinates (from the file's upper left corner) become CRS coordinates. */
typedef enum tl_georef {
    TL_GEO_NORTH,  /* rows against y */
    TL_GEO_SOUTH,  /* rows with y: the native grid has them the other way round */
    TL_GEO_AFFINE, /* rotated, sheared or mirrored */
    TL_GEO_WARP    /* ground control points, RPC, geolocation arrays */
} tl_georef;

/* How a band's cells are told valid; NaN is invalid in any case. */
typedef enum tl_validity { TL_VALID_ALL, TL_VALID_NODATA, TL_VALID_MASK } tl_validity;

typedef struct tl_bandinfo {
    GDALDataType type; /* what RasterIO is asked for */
    tl_validity validity;
    tl_band *also; /* whose nodata number is invalid too; NULL = none */
    char *refused; /* why the band cannot be read; NULL = it can */
} tl_bandinfo;

typedef struct tl_level {
    int w, h;                  /* of an overview, or of the file for level 0 */
    _Atomic uint64_t tiff_dir; /* where in a GeoTIFF that tiffread.c may read; 0: not known to be */
} tl_level;

typedef struct tl_raster {
    tl_source s; /* first */
    int w, h;    /* of the file */
    tl_georef georef;
    double gt[6], inverse[6]; /* pixel -> CRS and back, all but TL_GEO_WARP */
    double period;            /* of x, where a longitude; else 0 */
    double middle;            /* of x, around which longitudes are taken */
    int nlevels;
    tl_level *levels; /* of all readable bands, from fine to coarse */
    tl_bandinfo *info;
    tl_gdal_stamp stamp;
    int by_rows; /* the file's blocks are whole rows */
    int geotiff; /* a local one */
} tl_raster;

/* --- open.c, bands.c, georef.c, coords.c: describing a file; ds is the thread's, calls are guarded
 * -------
 */

int tl_raster_read_bands(tl_raster *r, tl_gdal_ds ds, tl_err *e) TL_MUST_CHECK;
int tl_raster_read_georef(tl_raster *r, tl_gdal_handle *h, tl_err *e) TL_MUST_CHECK;
/* What a netCDF or Zarr says of its place and GDAL does not understand: the CRS by the attribute
 * `epsg` where *crs is NULL, and, where gt is not, the geotransform by the coordinate variables or
 * the attribute `bounds`. 1 = all that was asked for is there now. */
int tl_raster_stated_place(const tl_raster *r, GDALDatasetH ds, double *gt, const char **crs);
/* The handle's GDALGenImgProjTransformer, made on need. */
int tl_raster_transformer(const tl_raster *r, tl_gdal_handle *h, void **out,
                          tl_err *e) TL_MUST_CHECK;
extern const tl_source_vt tl_raster_vt;

/* --- geokeys.c ---------------------------------------------------------------------------------
 */

/* x before y. NULL for a text that is no canonical one; destroy with OSRDestroySpatialReference.
 * Errors go to GDAL's handler. */
OGRSpatialReferenceH tl__parse_crs(const char *crs);

/* --- sample.c ----------------------------------------------------------------------------------
 */

typedef struct tl_raster_sampling {
    tl_sampling m; /* first */
    int level;
    double fx, fy; /* pixels of the file per pixel of the level */
    double sx, sy; /* pixels of the level per lattice cell along the file's columns and rows, at
                      the source's centre */
    int64_t dcol, drow; /* exact: lattice index + this = index in the level, north-up */
    int64_t turn;       /* exact: columns of the level in a whole turn of longitude; 0 */
    int curved;         /* coordinates come from the node lattice */
} tl_raster_sampling;

/* Maps positions of one sampling on one thread. */
typedef struct tl_mapper {
    const tl_raster_sampling *m;
    PJ *pj;            /* NULL: same CRS */
    void *transformer; /* TL_GEO_WARP */
} tl_mapper;

int tl_mapper_init(tl_mapper *p, const tl_raster_sampling *m, tl_gdal_handle *h,
                   tl_err *e) TL_MUST_CHECK;
/* Cell positions (col, row; a centre is a whole number) in place to pixel coordinates of the level,
 * NaN where there are none. Exact; `mapper` is a tl_mapper. */
void tl_mapper_map(void *mapper, size_t n, double *x, double *y);

int tl_raster_sample(tl_source *s, const tl_grid *grid, tl_method method, const char *operation,
                     tl_sampling **out, tl_err *e);
void tl_raster_sampling_destroy(tl_sampling *m);

/* --- placed.c: pixels of the level behind the cells of a block, shifted by `shift` cells (0:
 * centres, -0.5: corners); borrowed until the next call on this thread. What is larger than some
 * megabytes goes with _trim, all of it with _done. */
int tl_raster_placed(const tl_raster_sampling *m, tl_gdal_handle *h, tl_rect at, double shift,
                     const double **x, const double **y, tl_err *e) TL_MUST_CHECK;
/* Room for two numbers of each of those cells, until then. */
int32_t *tl_raster_placed_pixels(void);
void tl_raster_placed_trim(void);
void tl_raster_placed_done(void);

/* --- read.c, resample.c ------------------------------------------------------------------------
 */

/* A window of one band of a level into values (stride cells per line) and valid (likewise). The
 * window lies inside the level. Values of invalid cells are 0. */
int tl_raster_window(const tl_raster *r, tl_gdal_handle *h, int level, int band, tl_rect win,
                     void *values, uint8_t *valid, int64_t stride, tl_err *e) TL_MUST_CHECK;
/* The thread's handle of r. */
tl_gdal_handle *tl_raster_handle(const tl_raster *r);
/* Its dataset, opened on need and checked to be the file that was described. */
int tl_raster_dataset(const tl_raster *r, tl_gdal_handle *h, tl_err *e) TL_MUST_CHECK;

int tl_raster_read(const tl_sampling *m, const tl_read *q, tl_err *e);
/* nearest.c: whether the lattice's axes are the file's, and the block read so. Bits as by
 * tl_resample_read, and no more memory. */
int tl_nearest_fits(const tl_raster_sampling *m);
int tl_nearest_read(const tl_raster_sampling *m, const tl_read *q, tl_err *e) TL_MUST_CHECK;
/* The pixel that a coordinate lies in; on an edge, or as near as 1e-9 pixel to it, the lower one.
 */
double tl_pixel_of(double x);
/* remote.c: after `tries` failures with `code`, whether the file should be read once more; has
 * waited and cleared what is cached of it. */
int tl_raster_try_again(const char *uri, int code, int tries);
int64_t tl_raster_working_bytes(const tl_sampling *m, int64_t w, int64_t h, int n);

int tl_resample_read(const tl_raster_sampling *m, const tl_read *q, tl_err *e) TL_MUST_CHECK;
/* The same, each cell by its footprint: the slow twin in the tests. */
int tl_resample_read_by_cells(const tl_raster_sampling *m, const tl_read *q,
                              tl_err *e) TL_MUST_CHECK;
int64_t tl_resample_bytes(const tl_raster_sampling *m, int64_t w, int64_t h);

#endif
