/* Geometries: points, lines and polygons on the globe. SPDX-License-Identifier: MIT
 *
 * In degrees of WGS 84, longitude before latitude; edges are straight in longitude and latitude. A
 * geometry over the antimeridian is kept in one piece, its longitudes going on beyond 180, whether
 * it came with a jump from 179 to -179 or cut in two at 180. Polygons are made valid when they are
 * not (GEOS). Immutable, but tl_geometry_touches_ring keeps what it prepared: one thread per
 * object. */
#ifndef TL_GEOMETRY_H
#define TL_GEOMETRY_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include "runtime/err.h"

typedef struct tl_geometry tl_geometry;

/* Vertices as plain data. A polygon is a shell and the holes that follow it; rings are closed (the
 * last point is the first), shells counter-clockwise, holes clockwise (x to the right, y up). */
enum tl_path_kind { TL_PATH_POINT, TL_PATH_LINE, TL_PATH_SHELL, TL_PATH_HOLE };
typedef struct tl_path {
    enum tl_path_kind kind;
    size_t first, n; /* points */
} tl_path;
typedef struct tl_shape {
    const char *crs; /* canonical */
    double *x, *y;
    size_t n;
    tl_path *path;
    size_t npaths;
    double box[4]; /* xmin, ymin, xmax, ymax; xmin > xmax when empty */
} tl_shape;

/* --- making. *out is the caller's, to be freed -------------------------------------------------
 */

/* A geometry, Feature or FeatureCollection (then all of it). A "crs" member that names another
 * system is followed. */
int tl_geometry_from_geojson(const char *text, tl_geometry **out, tl_err *e) TL_MUST_CHECK;
int tl_geometry_from_json(const json_t *j, tl_geometry **out, tl_err *e) TL_MUST_CHECK;
/* crs as a user writes it; NULL: degrees. */
int tl_geometry_from_wkt(const char *text, const char *crs, tl_geometry **out,
                         tl_err *e) TL_MUST_CHECK;
int tl_geometry_point(double lon, double lat, tl_geometry **out, tl_err *e) TL_MUST_CHECK;
/* W,S,E,N in degrees; W > E crosses the antimeridian. */
int tl_geometry_from_box(const double box[4], tl_geometry **out, tl_err *e) TL_MUST_CHECK;
/* All features of a layer of any source OGR reads, as one. layer NULL: the first; where: a
 * condition as in SQL ("pop > 1000"), or NULL. */
int tl_geometry_open(const char *path, const char *layer, const char *where, tl_geometry **out,
                     tl_err *e) TL_MUST_CHECK;
/* What a script may write for a geometry: GeoJSON as a table or text, WKT, {lon, lat}, {W, S, E,
 * N}, a path of a source OGR reads, {path =, layer =, where =}, or a table with `geojson`. */
int tl_geometry_of_user(const json_t *x, tl_geometry **out, tl_err *e) TL_MUST_CHECK;
void tl_geometry_free(tl_geometry *g); /* NULL is allowed */

/* --- features ----------------------------------------------------------------------------------
 */

/* g: NULL where a feature has no geometry. attributes: an object; dates are texts. Both are valid
 * until the callback returns. Not 0 stops, and is returned. */
typedef int tl_feature_fn(void *ctx, int64_t id, const tl_geometry *g, const json_t *attributes,
                          tl_err *e);
int tl_features_each(const char *path, const char *layer, const char *where, tl_feature_fn *each,
                     void *ctx, tl_err *e) TL_MUST_CHECK;
/* The same of GeoJSON; `id` counts from 0. */
int tl_features_of_json(const json_t *j, tl_feature_fn *each, void *ctx, tl_err *e) TL_MUST_CHECK;
/* Of all that tl_geometry_of_user takes, and of lists of it. */
int tl_features_of_user(const json_t *x, tl_feature_fn *each, void *ctx, tl_err *e) TL_MUST_CHECK;

/* --- asking ------------------------------------------------------------------------------------
 */

/* *out = 1 when the geometry and the polygon of that ring (lon, lat pairs, closed or not,
 * longitudes unwrapped; any whole turn) have a point in common. One or two points are a point and a
 * line. */
int tl_geometry_touches_ring(const tl_geometry *g, const float *lonlat, size_t n, int *out,
                             tl_err *e) TL_MUST_CHECK;
/* W,S,E,N; W in [-180, 180), and W > E when it crosses the antimeridian. */
void tl_geometry_box(const tl_geometry *g, double box[4]);
const tl_shape *tl_geometry_lonlat(const tl_geometry *g); /* borrowed */

/* The geometry in another system. Edges are divided until the middle of a piece lies within
 * `tolerance` (units of that system) of the straight line; what has no place there is left out: it
 * is cut at the system's own seam, and, where it must be, at a distance from its area of use. In
 * geographic systems longitudes go on as in tl_geometry_lonlat. What comes out depends on the
 * geometry, the system and the tolerance alone. */
int tl_geometry_shape(const tl_geometry *g, const char *crs, double tolerance, tl_shape **out,
                      tl_err *e) TL_MUST_CHECK;
void tl_shape_free(tl_shape *s); /* NULL is allowed */

/* GeoJSON of the same bits when read again: a geometry object, a new reference. */
json_t *tl_geometry_to_json(const tl_geometry *g);
char *tl_geometry_to_geojson(const tl_geometry *g); /* malloc'd, one line */

#endif
