/* Geometries in degrees, and whether they touch a footprint. SPDX-License-Identifier: MIT
 * Immutable once made: any thread may ask. */
#ifndef TL_RASTER_GEOMETRY_H
#define TL_RASTER_GEOMETRY_H

#include "runtime/err.h"
#include <stddef.h>

typedef struct tl_geometry tl_geometry;

/* A GeoJSON geometry, Feature or FeatureCollection. */
int tl_geometry_from_geojson(const char *text, tl_geometry **out, tl_err *e) TL_MUST_CHECK;
/* Whether it touches the ring of n pairs of longitude and latitude, closed; longitudes may lie
 * beyond 180. */
int tl_geometry_touches_ring(const tl_geometry *g, const float *lonlat, size_t n, int *out,
                             tl_err *e) TL_MUST_CHECK;
void tl_geometry_box(const tl_geometry *g, double box[4]); /* W,S,E,N */
void tl_geometry_free(tl_geometry *g);                     /* NULL is allowed */

#endif
