/* PNG files from finished tiles. SPDX-License-Identifier: MIT
 *
 * One to four bands of uint8 or uint16: gray, gray and alpha, colours, colours and alpha. Where the
 * product can have invalid cells alpha is 0 there, 1 and 3 bands gaining an alpha channel. A
 * palette is written out as colours. One row of tiles is in memory at a time. */
#ifndef TL_PNG_H
#define TL_PNG_H

#include "modules/raster/outfile.h"
#include "modules/raster/product.h"

/* f must be new; it stays the caller's, to commit or abort. */
int tl_png_write(const tl_product *p, const tl_tiles *tiles, tl_outfile *f,
                 tl_err *e) TL_MUST_CHECK;

#endif
