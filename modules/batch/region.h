/* Images within geometries. SPDX-License-Identifier: MIT */
#ifndef TL_REGION_H
#define TL_REGION_H

#include "modules/image/image.h"
#include "modules/raster/geometry.h"

/* One boolean band, true in cells whose centre lies inside, of any grid. */
int tl_region_mask(const tl_geometry *g, const char *where, tl_image **out,
                   tl_err *e) TL_MUST_CHECK;
/* img, invalid outside; looks kept. */
int tl_region_clip(const tl_image *img, const tl_geometry *g, const char *where, tl_image **out,
                   tl_err *e) TL_MUST_CHECK;
/* W,S,E,N for a grid to cover: E > W, also over the antimeridian; a point has a size. */
void tl_region_box(const tl_geometry *g, double box[4]);

#endif
