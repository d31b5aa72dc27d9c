/* A coordinate system as a CF grid mapping. SPDX-License-Identifier: MIT */
#ifndef TL_GRIDMAPPING_H
#define TL_GRIDMAPPING_H

#include <jansson.h>
#include "runtime/err.h"

/* Adds crs_wkt, spatial_ref and, for the mappings that CF can say, its name and parameters.
 * crs: canonical, not "" nor "LOCAL". *wkt: WKT2, malloc'd. Any thread. */
int tl__grid_mapping(const char *crs, json_t *attrs, char **wkt, tl_err *e) TL_MUST_CHECK;

#endif
