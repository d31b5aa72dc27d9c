/* A coordinate system as GeoTIFF keys. SPDX-License-Identifier: MIT
 *
 * GDAL knows how; it is asked to write a file of one cell in memory, whose keys are then read. */
#ifndef TL_GEOKEYS_H
#define TL_GEOKEYS_H

#include <stddef.h>
#include <stdint.h>
#include "runtime/err.h"

/* Values of the tags 34735, 34736, 34737; NULL and 0 for a tag that is not needed. */
typedef struct tl_geokeys {
    uint16_t *dir;
    size_t ndir;
    double *doubles;
    size_t ndoubles;
    char *ascii;
    size_t nascii; /* with its NUL */
} tl_geokeys;

/* crs: "EPSG:n", WKT, ... or "LOCAL", which has no keys. Free with tl_geokeys_free. Any
 * thread. */
int tl_geokeys_get(const char *crs, tl_geokeys *out, tl_err *e) TL_MUST_CHECK;
void tl_geokeys_free(tl_geokeys *k);

#endif
