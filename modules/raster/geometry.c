/* Geometries: making and asking. See geometry.h. SPDX-License-Identifier: MIT */
#include "modules/raster/crs.h"
#include "modules/raster/gdal.h"
#include "modules/raster/geometry_int.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <math.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>
#include <stdlib.h>
#include <string.h>

#define LONLAT "EPSG:4326"

/* --- to and from OGR ---------------------------------------------------------------------------
 */

static int add_points(tl_shape *s, OGRGeometryH g, enum tl_path_kind kind, tl_err *e)
{
    int n = OGR_G_GetPointCount(g), rc = 0;
    if (n < 1)
        return 0;
    tl__shape_path(s, kind);
    for (int i = 0; i < n && !rc; i++)
        rc = tl__shape_point(s, OGR_G_GetX(g, i), OGR_G_GetY(g, i), e);
    return rc || kind < TL_PATH_SHELL ? rc : tl__shape_close(s, e);
}

static int add_parts(tl_shape *s, OGRGeometryH g, tl_err *e)
{
    int n = OGR_G_GetGeometryCount(g), rc = 0;
    int polygon = wkbFlatten(OGR_G_GetGeometryType(g)) == wkbPolygon;
    if (wkbFlatten(OGR_G_GetGeometryType(g)) == wkbPoint)
        return OGR_G_IsEmpty(g) ? 0 : add_points(s, g, TL_PATH_POINT, e);
    if (n == 0)
        return add_points(s, g, TL_PATH_LINE, e);
    for (int i = 0; i < n && !rc; i++) {
        OGRGeometryH part = OGR_G_GetGeometryRef(g, i);
        rc = polygon ? add_points(s, part, i ? TL_PATH_HOLE : TL_PATH_SHELL, e)
                     : add_parts(s, part, e);
    }
    return rc;
}

int tl__shape_add_ogr(tl_shape *s, OGRGeometryH g, tl_err *e)
{
    OGRGeometryH linear =
        OGR_G_HasCurveGeometry(g, FALSE) ? OGR_G_GetLinearGeometry(g, 0, NULL) : NULL;
    int rc = add_parts(s, linear ? linear : g, e);
    if (linear)
        OGR_G_DestroyGeometry(linear);
    return rc;
}

static OGRGeometryH path_to_ogr(const tl_shape *s, const tl_path *p, OGRwkbGeometryType type)
{
    OGRGeometryH g = OGR_G_CreateGeometry(type);
    OGR_G_SetPoints(g, (int)p->n, s->x + p->first, sizeof *s->x, s->y + p->first, sizeof *s->y,
                    NULL, 0);
    return g;
}

static OGRGeometryH polygon_to_ogr(const tl_shape *s, size_t *i)
{
    OGRGeometryH g = OGR_G_CreateGeometry(wkbPolygon);
    do {
        OGR_G_AddGeometryDirectly(g, path_to_ogr(s, &s->path[*i], wkbLinearRing));
        ++*i;
    } while (*i < s->npaths && s->path[*i].kind == TL_PATH_HOLE);
    return g;
}

/* A collection of at most one multipolygon, multiline and multipoint. */
OGRGeometryH tl__shape_to_ogr(const tl_shape *s)
{
    static const OGRwkbGeometryType type[] = {wkbMultiPoint, wkbMultiLineString, wkbMultiPolygon};
    OGRGeometryH all = OGR_G_CreateGeometry(wkbGeometryCollection), multi[3] = {NULL, NULL, NULL};
    for (size_t i = 0; i < s->npaths;) {
        enum tl_path_kind kind = s->path[i].kind;
        int k = kind > TL_PATH_SHELL ? TL_PATH_SHELL : (int)kind;
        OGRGeometryH one =
            kind >= TL_PATH_SHELL
                ? polygon_to_ogr(s, &i)
                : path_to_ogr(s, &s->path[i++], kind == TL_PATH_LINE ? wkbLineString : wkbPoint);
        if (!multi[k])
            multi[k] = OGR_G_CreateGeometry(type[k]);
        OGR_G_AddGeometryDirectly(multi[k], one);
    }
    for (int k = 0; k < 3; k++)
        if (multi[k])
            OGR_G_AddGeometryDirectly(all, multi[k]);
    return all;
}

/* The parts of `g` that have an area; a new geometry. */
static OGRGeometryH areas_of(OGRGeometryH g)
{
    OGRGeometryH all = OGR_G_CreateGeometry(wkbMultiPolygon);
    OGRwkbGeometryType t = wkbFlatten(OGR_G_GetGeometryType(g));
    if (t == wkbPolygon)
        OGR_G_AddGeometry(all, g);
    for (int i = 0; t != wkbPolygon && i < OGR_G_GetGeometryCount(g); i++) {
        OGRGeometryH part = OGR_G_GetGeometryRef(g, i);
        OGRwkbGeometryType pt = wkbFlatten(OGR_G_GetGeometryType(part));
        if (pt == wkbPolygon) {
            OGR_G_AddGeometry(all, part);
        } else if (pt == wkbMultiPolygon || pt == wkbGeometryCollection) {
            OGRGeometryH inner = areas_of(part);
            for (int k = 0; k < OGR_G_GetGeometryCount(inner); k++)
                OGR_G_AddGeometry(all, OGR_G_GetGeometryRef(inner, k));
            OGR_G_DestroyGeometry(inner);
        }
    }
    return all;
}

/* Replaces the polygons by `areas`; points and lines stay. */
static int replace_areas(tl_shape *s, OGRGeometryH areas, tl_err *e)
{
    tl_shape to = {.crs = s->crs};
    int rc = 0;
    for (size_t i = 0; i < s->npaths && !rc; i++) {
        const tl_path *p = &s->path[i];
        if (p->kind >= TL_PATH_SHELL)
            continue;
        tl__shape_path(&to, p->kind);
        for (size_t k = p->first; k < p->first + p->n && !rc; k++)
            rc = tl__shape_point(&to, s->x[k], s->y[k], e);
    }
    if (!rc)
        rc = tl__shape_add_ogr(&to, areas, e);
    if (!rc) {
        tl__shape_clear(s);
        *s = to;
        tl__shape_finish(s);
    } else {
        tl__shape_clear(&to);
    }
    return rc;
}

static int npolygons(const tl_shape *s)
{
    int n = 0;
    for (size_t i = 0; i < s->npaths; i++)
        n += s->path[i].kind == TL_PATH_SHELL;
    return n;
}

/* Overlapping polygons become one area, invalid ones valid, so that "inside" is an odd number of
 * rings everywhere. Valid ones keep their vertices. */
static int make_valid(tl_shape *s, tl_err *e)
{
    tl_gdal_guard guard;
    int rc = 0;
    if (npolygons(s) == 0)
        return 0;
    tl_gdal_begin(&guard, NULL);
    CPLPushErrorHandler(CPLQuietErrorHandler); /* GEOS says why a polygon is invalid: we mend it */
    OGRGeometryH all = tl__shape_to_ogr(s), areas = areas_of(all), good = NULL;
    OGR_G_DestroyGeometry(all);
    if (!OGR_G_IsValid(areas)) {
        OGRGeometryH mended = OGR_G_CreateGeometry(wkbMultiPolygon);
        for (int i = 0; i < OGR_G_GetGeometryCount(areas); i++) {
            OGRGeometryH one = OGR_G_MakeValid(OGR_G_GetGeometryRef(areas, i));
            OGRGeometryH parts = one ? areas_of(one) : NULL;
            for (int k = 0; parts && k < OGR_G_GetGeometryCount(parts); k++)
                OGR_G_AddGeometry(mended, OGR_G_GetGeometryRef(parts, k));
            OGR_G_DestroyGeometry(one);
            OGR_G_DestroyGeometry(parts);
        }
        good = OGR_G_UnionCascaded(mended);
        OGR_G_DestroyGeometry(mended);
        if (!good)
            rc = tl_fail(e, TL_EDATA, "a polygon is invalid and cannot be mended");
    }
    CPLPopErrorHandler();
    tl_gdal_end(&guard);
    if (good) {
        OGRGeometryH only = areas_of(good);
        rc = replace_areas(s, only, e);
        OGR_G_DestroyGeometry(only);
        OGR_G_DestroyGeometry(good);
    }
    OGR_G_DestroyGeometry(areas);
    return rc;
}

int tl__shape_clip(const tl_shape *s, const double box[4], tl_shape *out, tl_err *e)
{
    tl_gdal_guard guard;
    tl_shape frame = {0};
    int rc = 0;
    tl__shape_path(&frame, TL_PATH_SHELL);
    for (int i = 0; i < 5 && !rc; i++)
        rc = tl__shape_point(&frame, box[i == 1 || i == 2 ? 2 : 0], box[i == 2 || i == 3 ? 3 : 1],
                             e);
    memset(out, 0, sizeof *out);
    out->crs = s->crs;
    if (!rc) {
        tl_gdal_begin(&guard, NULL);
        OGRGeometryH all = tl__shape_to_ogr(s), window = tl__shape_to_ogr(&frame);
        for (int i = 0; i < OGR_G_GetGeometryCount(all) && !rc; i++) {
            OGRGeometryH cut =
                OGR_G_Intersection(OGR_G_GetGeometryRef(all, i), OGR_G_GetGeometryRef(window, 0));
            rc = cut ? tl__shape_add_ogr(out, cut, e)
                     : tl_fail(e, TL_EDATA, "a geometry cannot be cut to its map: %s",
                               guard.message);
            OGR_G_DestroyGeometry(cut);
        }
        OGR_G_DestroyGeometry(all);
        OGR_G_DestroyGeometry(window);
        tl_gdal_end(&guard);
    }
    tl__shape_clear(&frame);
    tl__shape_finish(out);
    if (rc)
        tl__shape_clear(out);
    return rc;
}

/* --- making ------------------------------------------------------------------------------------
 */

int tl__geometry_take(tl_shape *s, tl_geometry **out, tl_err *e)
{
    const char *lonlat;
    double box[4];
    int broken = 0;
    tl_gdal_start();
    int rc = tl_crs_canonical(LONLAT, &lonlat, e);
    if (!rc && s->crs && s->crs != lonlat) {
        tl_shape mapped = {0};
        rc = tl__shape_map(s, lonlat, 1e-8, &mapped, &broken, e);
        tl__shape_clear(s);
        *s = mapped;
        if (!rc && broken)
            rc = tl_fail(e, TL_EDATA, "a part of the geometry has no longitude and latitude");
    }
    s->crs = rc ? NULL : lonlat;
    if (!rc)
        rc = tl__shape_unwrap(s, box, e);
    if (!rc)
        rc = make_valid(s, e);
    if (!rc && s->npaths == 0)
        rc = tl_fail(e, TL_EDATA, "the geometry is empty: its polygons have no area");
    if (rc) {
        tl__shape_clear(s);
        return rc;
    }
    tl_geometry *g = tl_xcalloc(1, sizeof *g);
    g->shape = *s;
    memset(s, 0, sizeof *s);
    memcpy(g->box, box, sizeof g->box);
    *out = g;
    return 0;
}

int tl_geometry_from_wkt(const char *text, const char *crs, tl_geometry **out, tl_err *e)
{
    tl_gdal_guard guard;
    tl_shape s = {0};
    OGRGeometryH g = NULL;
    char *at = (char *)(uintptr_t)text;
    tl_gdal_start();
    int rc = crs ? tl_crs_canonical(crs, &s.crs, e) : 0;
    if (rc)
        return rc;
    tl_gdal_begin(&guard, NULL);
    OGRErr bad = OGR_G_CreateFromWkt(&at, NULL, &g);
    if (bad || !g)
        rc = tl_fail(e, TL_EDATA, "\"%.60s\" is no WKT of a geometry", text);
    else
        rc = tl__shape_add_ogr(&s, g, e);
    OGR_G_DestroyGeometry(g);
    tl_gdal_end(&guard);
    if (rc) {
        tl__shape_clear(&s);
        return rc;
    }
    return tl__geometry_take(&s, out, e);
}

int tl_geometry_point(double lon, double lat, tl_geometry **out, tl_err *e)
{
    tl_shape s = {0};
    tl__shape_path(&s, TL_PATH_POINT);
    int rc = tl__shape_point(&s, lon, lat, e);
    return rc ? rc : tl__geometry_take(&s, out, e);
}

int tl_geometry_from_box(const double box[4], tl_geometry **out, tl_err *e)
{
    tl_shape s = {0};
    double w = box[0], east = box[2] < box[0] ? box[2] + 360 : box[2];
    const double x[5] = {w, east, east, w, w}, y[5] = {box[1], box[1], box[3], box[3], box[1]};
    int rc = 0, n = 5;
    if (!(east >= w) || !(box[3] >= box[1]) || east - w > 360)
        return tl_fail(e, TL_EUSAGE, "the box %g,%g,%g,%g is not west,south,east,north in degrees",
                       box[0], box[1], box[2], box[3]);
    if (east == w || box[3] == box[1]) { /* no area: a point or a line */
        n = east == w && box[3] == box[1] ? 1 : 2;
        tl__shape_path(&s, n == 1 ? TL_PATH_POINT : TL_PATH_LINE);
        rc = tl__shape_point(&s, w, box[1], e);
        if (!rc && n == 2)
            rc = tl__shape_point(&s, east, box[3], e);
        return rc ? rc : tl__geometry_take(&s, out, e);
    }
    tl__shape_path(&s, TL_PATH_SHELL);
    for (int i = 0; i < 5 && !rc; i++) {
        if (i && fabs(x[i] - x[i - 1]) > 180 && !rc) /* so that the long way is meant */
            rc = tl__shape_point(&s, (x[i] + x[i - 1]) / 2, y[i], e);
        if (!rc)
            rc = tl__shape_point(&s, x[i], y[i], e);
    }
    return rc ? rc : tl__geometry_take(&s, out, e);
}

void tl_geometry_free(tl_geometry *g)
{
    if (!g)
        return;
    if (g->prepared)
        OGRDestroyPreparedGeometry(g->prepared);
    if (g->ogr)
        OGR_G_DestroyGeometry(g->ogr);
    tl__shape_clear(&g->shape);
    free(g);
}

/* --- asking ------------------------------------------------------------------------------------
 */

void tl_geometry_box(const tl_geometry *g, double box[4])
{
    memcpy(box, g->box, sizeof g->box);
}

const tl_shape *tl_geometry_lonlat(const tl_geometry *g)
{
    return &g->shape;
}

static int prepare(tl_geometry *g, tl_err *e)
{
    if (g->prepared)
        return 0;
    OGRGeometryH all = tl__shape_to_ogr(&g->shape);
    /* GEOS prepares no collections of several kinds; one multipart of one kind it does. */
    g->ogr = OGR_G_GetGeometryCount(all) == 1 ? OGR_G_Clone(OGR_G_GetGeometryRef(all, 0))
                                              : OGR_G_Clone(all);
    OGR_G_DestroyGeometry(all);
    g->prepared = OGRCreatePreparedGeometry(g->ogr);
    return g->prepared
               ? 0
               : tl_fail(e, TL_ECONFIG, "this GDAL was built without GEOS, which geometries need");
}

static OGRGeometryH ring_to_ogr(const float *lonlat, size_t n, double by)
{
    OGRwkbGeometryType type = n == 1 ? wkbPoint : n < 4 ? wkbLineString : wkbLinearRing;
    OGRGeometryH ring = OGR_G_CreateGeometry(type);
    for (size_t i = 0; i < n; i++)
        OGR_G_SetPoint_2D(ring, (int)i, lonlat[2 * i] + by, lonlat[2 * i + 1]);
    if (n < 4)
        return ring;
    OGRGeometryH polygon = OGR_G_CreateGeometry(wkbPolygon);
    OGR_G_CloseRings(ring);
    OGR_G_AddGeometryDirectly(polygon, ring);
    OGR_G_CloseRings(polygon);
    return polygon;
}

int tl_geometry_touches_ring(const tl_geometry *cg, const float *lonlat, size_t n, int *out,
                             tl_err *e)
{
    tl_geometry *g = (tl_geometry *)(uintptr_t)cg; /* what is prepared is no part of its value */
    const double *b = g->shape.box;
    float lo[2] = {INFINITY, INFINITY}, hi[2] = {-INFINITY, -INFINITY};
    for (size_t i = 0; i < 2 * n; i++) {
        lo[i & 1] = fminf(lo[i & 1], lonlat[i]);
        hi[i & 1] = fmaxf(hi[i & 1], lonlat[i]);
    }
    *out = 0;
    if (n == 0 || !(hi[1] >= b[1] && lo[1] <= b[3]))
        return 0;
    double first = ceil((b[0] - (double)hi[0]) / 360), last = floor((b[2] - (double)lo[0]) / 360);
    if (!(last - first < 8)) /* also NaN */
        return tl_fail(e, TL_EDATA, "a footprint has longitudes from %g to %g", lo[0], hi[0]);
    tl_gdal_guard guard;
    tl_gdal_begin(&guard, NULL);
    int rc = first <= last ? prepare(g, e) : 0;
    for (double k = first; k <= last && !rc && !*out; k++) {
        OGRGeometryH ring = ring_to_ogr(lonlat, n, 360 * k);
        *out = OGRPreparedGeometryIntersects(g->prepared, ring) != 0;
        OGR_G_DestroyGeometry(ring);
    }
    tl_gdal_end(&guard);
    return rc;
}
