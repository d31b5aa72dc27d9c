/* TIFF files from finished tiles. SPDX-License-Identifier: MIT
 *
 * Assembles compressed tiles; no pixel is touched. The tiles' sizes are asked first, so that every
 * offset is known before the first byte and the file is written front to back, in one go. Memory:
 * 12 bytes per tile and mask tile. COG layout for TL_COG (tile leaders and trailers as in GDAL's
 * COG driver), the same order without them for TL_GTIFF. */
#ifndef TL_TIFF_H
#define TL_TIFF_H

#include "modules/raster/outfile.h"
#include "modules/raster/product.h"

/* f must be new; it stays the caller's, to commit or abort. */
int tl_tiff_write(const tl_product *p, const tl_tiles *tiles, tl_outfile *f,
                  tl_err *e) TL_MUST_CHECK;

#endif
