/* Blocks of plain GeoTIFF files, read and decoded without GDAL. Internal.
 * SPDX-License-Identifier: MIT
 *
 * What GDAL opened as a local, little-endian GeoTIFF without compression or with DEFLATE, whose
 * directory says what GDAL says, is decoded here into the same bits. Everything else, and every
 * block that is not there or does not inflate to just its size, is GDAL's: it has the last word on
 * what is damaged. */
#ifndef TL_TIFFREAD_H
#define TL_TIFFREAD_H

#include "modules/raster/raster_int.h"

/* A level of the thread's handle, or NULL: GDAL must read it. Within a guard. `from` is GDAL's
 * band, or NULL while GDAL has not opened the handle: then a level alone that is known to be plain.
 */
typedef struct tl_tifflevel tl_tifflevel;
tl_tifflevel *tl_tiffread_level(const tl_raster *r, tl_gdal_handle *h, int level, int band,
                                GDALRasterBandH from);

/* Whether the file, which GDAL has open, can from now on be read without it. */
int tl_tiffread_is_enough(const tl_raster *r, tl_gdal_handle *h);

/* The size of a level's blocks. */
void tl_tiffread_block_size(const tl_tifflevel *l, int *w, int *h);
/* Whether the window is made of whole blocks, which then need not be kept. */
int tl_tiffread_is_whole(const tl_tifflevel *l, tl_rect win);
/* The cells `part` of the level, which lie in one block, into `to` with `stride` cells from row to
 * row; `keep`: the block may be wanted again. 0 = GDAL must read them. */
int tl_tiffread_part(tl_tifflevel *l, int band, tl_rect part, void *to, int64_t stride, int keep);

/* Of a handle that is closed. NULL is allowed. */
void tl_tiffread_close(struct tl_tiffread *t);
/* The calling thread's buffers. */
void tl_tiffread_thread_done(void);

/* Blocks that were decoded here since the start, and parts that GDAL was asked for instead; of the
 * whole process, for the tests. */
void tl_tiffread_counts(int64_t *decoded, int64_t *left);

#endif
