/* Cubes: products of arrays, with or without a time axis. SPDX-License-Identifier: MIT
 *
 * Zarr (version 2) and NetCDF-4 by the CF conventions: each band is a variable of the dimensions
 * [time,] y, x, in chunks of 1 x one tile; coordinate variables time, y, x; the scenes' ids; a grid
 * mapping. Both are assembled from compressed tiles, and appear whole or not at all; the same cube
 * gives the same bytes. Unless a line says otherwise, functions may be called from any thread. */
#ifndef TL_CUBE_H
#define TL_CUBE_H

#include <jansson.h>
#include "modules/raster/product.h"

/* Plain values, borrowed. */
typedef struct tl_cube {
    const tl_product *p; /* as a whole: all bands */
    int ntimes;          /* 0 = no time axis */
    const double *times; /* seconds since 1970, finite */
    const char *const *ids;
    void *ctx;
    /* Tile of band b at step t (0 without time axis); *out lives until the next call. */
    int (*get)(void *ctx, int t, int b, int64_t tx, int64_t ty, tl_packed *out, tl_err *e);
} tl_cube;

/* What one tile of one band is to a codec: p as a product of one band without texts. */
tl_product tl_cube_part(const tl_product *p);

/* path becomes a folder. One that is there is replaced if it is a Zarr store, else refused. */
int tl_zarr_write(const tl_cube *c, const char *path, tl_err *e) TL_MUST_CHECK;
/* Whether tl_zarr_write would replace what is at path, or there is nothing. */
int tl_zarr_may_replace(const char *path, tl_err *e) TL_MUST_CHECK;

/* path becomes a file. HDF5 is called without a lock of our own: where the library is not built
 * thread-safe (Debian's is), no other thread may read HDF5 files meanwhile. */
int tl_netcdf_write(const tl_cube *c, const char *path, tl_err *e) TL_MUST_CHECK;

/* --- what both say ------------------------------------------------------------------------ */

enum tl_cf_kind { TL_CF_TIME, TL_CF_Y, TL_CF_X, TL_CF_ID, TL_CF_CRS, TL_CF_BAND };

typedef struct tl_cf_var {
    enum tl_cf_kind kind;
    int band; /* of TL_CF_BAND */
    char name[128];
    json_t *attrs; /* texts, reals, and arrays of reals */
} tl_cf_var;

typedef struct tl_cf {
    tl_cf_var *var; /* coordinates first */
    int n;
    json_t *attrs; /* of the whole */
    char *wkt;     /* WKT2; NULL without a coordinate system */
} tl_cf;

int tl_cf_describe(const tl_cube *c, tl_cf *out, tl_err *e) TL_MUST_CHECK;
void tl_cf_free(tl_cf *cf);

/* The numbers of a coordinate variable: malloc'd, of *n. */
double *tl_cf_coordinates(const tl_cube *c, enum tl_cf_kind kind, size_t *n);

#endif
