/* Products: what a result looks like as a file. SPDX-License-Identifier: MIT
 *
 * A product is a pyramid of square tiles: level 0 is the grid itself, level l has ceil(w / 2^l) by
 * ceil(h / 2^l) cells, and tile (tx, ty) of a level starts at its cell (tx * tile, ty * tile).
 * A product of arrays (Zarr, NetCDF) has level 0 alone, and each band's tiles by themselves; see
 * cube.h.
 * Plain values; the texts and tables it points to are borrowed and must outlive it. */
#ifndef TL_PRODUCT_H
#define TL_PRODUCT_H

#include "modules/image/grid.h"
#include "modules/image/source.h"
#include "runtime/dtype.h"

enum tl_format { TL_COG, TL_GTIFF, TL_PNG, TL_ZARR, TL_NETCDF };
enum tl_compress { TL_DEFLATE, TL_UNCOMPRESSED };

typedef struct tl_product {
    tl_grid grid; /* crs "" = no georeference; "LOCAL" = a place, but in no known CRS */
    int nbands;
    const char *const *band_names; /* nbands of them, or NULL */
    tl_dtype dtype;
    int has_nodata; /* invalid cells, band by band, hold nodata */
    double nodata;
    int64_t nodata_i; /* instead of nodata for 64-bit integers */
    int has_mask;     /* one validity bit per cell for all bands; excludes has_nodata */
    enum tl_format format;
    int tile; /* cells along a side, a multiple of 16 */
    enum tl_compress compress;
    int level;          /* of deflate, 1..12 */
    int predictor;      /* 1 = difference neighbouring cells before compressing */
    int overviews;      /* 1 = with overviews (never for PNG) */
    tl_method overview; /* TL_NEAREST, TL_AVERAGE, TL_MODE */
    int rgb;            /* 1 = the first three bands are red, green, blue whatever their names */
    int bigtiff;        /* 1 = BigTIFF even when a classic TIFF would do */
    const uint8_t (*palette)[4]; /* 256 x RGBA for one uint8 band, or NULL */
    int nmeta;
    const char *const (*meta)[2]; /* key, value */
} tl_product;

/* A COG of one uint8 band without nodata; the grid is left empty. */
void tl_product_defaults(tl_product *p);

/* Zarr and NetCDF: one array for each band. */
int tl_format_is_arrays(enum tl_format f);

/* Finds what no file could hold: sizes, nodata out of the type's range, ... TL_EUSAGE. */
int tl_product_check(const tl_product *p, tl_err *e) TL_MUST_CHECK;

int tl_product_levels(const tl_product *p); /* 1 + number of overviews */
void tl_product_level_size(const tl_product *p, int level, int64_t *w, int64_t *h);
void tl_product_level_tiles(const tl_product *p, int level, int64_t *across, int64_t *down);
/* The part of a tile that lies in the image; less than p->tile at the right and lower edge. */
void tl_product_tile_size(const tl_product *p, int level, int64_t tx, int64_t ty, int *w, int *h);

/* The cells that the bytes of every tile hold: tile x tile, but in arrays never more than these
 * have. */
void tl_product_block(const tl_product *p, int *w, int *h);

/* Whether the cells' bytes are sorted by significance before they are compressed (HDF5's shuffle).
 */
int tl_product_shuffles(const tl_product *p);

/* Whether a tile without valid cells may be left out of the file. */
int tl_product_may_skip(const tl_product *p);

/* The number that invalid cells hold, as one cell of p->dtype in the low bytes; 0 without nodata.
 */
uint64_t tl_product_fill(const tl_product *p);

/* Whether bands 1..3 are colours, and whether the last band is alpha. */
int tl_product_is_rgb(const tl_product *p);
int tl_product_has_alpha(const tl_product *p);

/* --- tiles handed over -------------------------------------------------------------------- */

/* One compressed tile; len 0 = empty (no valid cell). Who fills it says how long it lives. */
typedef struct tl_packed {
    const uint8_t *bytes;
    size_t len;
    const uint8_t *mask; /* only with has_mask */
    size_t mask_len;
} tl_packed;

/* Where a file writer gets a product's tiles from. A tile that is not there is an error. */
typedef struct tl_tiles {
    void *ctx;
    int (*size)(void *ctx, int level, int64_t tx, int64_t ty, uint32_t *len, uint32_t *mask_len,
                tl_err *e);
    /* *out lives until the next call. */
    int (*get)(void *ctx, int level, int64_t tx, int64_t ty, tl_packed *out, tl_err *e);
} tl_tiles;

#endif
