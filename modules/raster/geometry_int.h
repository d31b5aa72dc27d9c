/* What the files of geometries share. Internal. SPDX-License-Identifier: MIT */
#ifndef TL_GEOMETRY_INT_H
#define TL_GEOMETRY_INT_H

#include <ogr_api.h>
#include "modules/raster/geometry.h"

struct tl_geometry {
    tl_shape shape;
    double box[4];
    OGRGeometryH ogr; /* the same, made on need; NULL */
    OGRPreparedGeometryH prepared;
};

/* --- shape.c: vertices --------------------------------------------------------------------------
 */

void tl__shape_clear(tl_shape *s); /* frees what it holds */
void tl__shape_path(tl_shape *s, enum tl_path_kind kind);
/* Adds to the last path. */
int tl__shape_point(tl_shape *s, double x, double y, tl_err *e) TL_MUST_CHECK;
int tl__shape_close(tl_shape *s, tl_err *e) TL_MUST_CHECK; /* the last path, a ring */
/* Drops rings of less than three points, turns the others the right way round, finds the
 * box. */
void tl__shape_finish(tl_shape *s);
/* Points in another system, edges divided; longitudes of geographic targets stay continuous along a
 * path. *broken is set when a point has no image or an edge is torn apart. */
int tl__shape_map(const tl_shape *s, const char *to, double tolerance, tl_shape *out, int *broken,
                  tl_err *e) TL_MUST_CHECK;

/* --- geometry_wrap.c ----------------------------------------------------------------------------
 */

/* Makes longitudes continuous along paths and between them; box as tl_geometry_box. */
int tl__shape_unwrap(tl_shape *s, double box[4], tl_err *e) TL_MUST_CHECK;

/* --- geometry.c ---------------------------------------------------------------------------------
 */

/* Adds an OGR geometry's parts, curves made lines. */
int tl__shape_add_ogr(tl_shape *s, OGRGeometryH g, tl_err *e) TL_MUST_CHECK;
OGRGeometryH tl__shape_to_ogr(const tl_shape *s);
/* Cuts to a box in the shape's own coordinates. */
int tl__shape_clip(const tl_shape *s, const double box[4], tl_shape *out, tl_err *e) TL_MUST_CHECK;
/* Takes the shape (cleared) in its CRS and makes a geometry of it: to degrees, unwrapped, valid. */
int tl__geometry_take(tl_shape *s, tl_geometry **out, tl_err *e) TL_MUST_CHECK;
/* Adds GeoJSON's parts. */
int tl__shape_add_json(tl_shape *s, const json_t *j, int depth, tl_err *e) TL_MUST_CHECK;

#endif
