/* TIFF files from finished tiles. SPDX-License-Identifier: MIT
 *
 * Assembles compressed tiles; no pixel is touched. The tiles' sizes are asked first, so that every
 * offset is known before the first byte, and threads can fill the file. Memory: 12 bytes per tile
 * and mask tile. COG layout for TL_COG (tile leaders and trailers as in GDAL's COG driver), the
 * same order without them for TL_GTIFF. */
#ifndef TL_TIFF_H
#define TL_TIFF_H

#include "modules/raster/outfile.h"
#include "modules/raster/product.h"

typedef struct tl_tiff tl_tiff;

/* Writes what is before the tiles. f must be new; it stays the caller's, to commit or abort. p and
 * f must outlive *out, tiles need not. */
int tl_tiff_begin(const tl_product *p, const tl_tiles *tiles, tl_outfile *f, tl_tiff **out,
                  tl_err *e) TL_MUST_CHECK;
/* The tiles in runs of some MiB that lie side by side, in the order of the file: any thread copies
 * run k, with tiles and a way into f that no other uses at the time. All are copied once. */
int64_t tl_tiff_runs(const tl_tiff *w);
int tl_tiff_run(const tl_tiff *w, const tl_tiles *tiles, tl_outway *way, int64_t k,
                tl_err *e) TL_MUST_CHECK;
void tl_tiff_free(tl_tiff *w); /* NULL is allowed */

#endif
