/* A STAC Item beside a product. SPDX-License-Identifier: MIT */
#ifndef TL_STAC_OUT_H
#define TL_STAC_OUT_H

#include "modules/batch/plan.h"

/* Writes path with its suffix replaced by .json: place, grid, bands, and what made it. `made`:
 * seconds since 1970, the Item's date when the product has none. */
int tl_stac_write(const tl_plan_output *o, const char *path, double made, tl_err *e) TL_MUST_CHECK;

#endif
