/* Geometries as GeoJSON (RFC 7946). SPDX-License-Identifier: MIT */
#include "modules/raster/geometry_int.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

#define DEEPEST 16 /* collections in collections */

static int is(const char *type, const char *name)
{
    return strcmp(type, name) == 0;
}

static int add_position(tl_shape *s, const json_t *p, tl_err *e)
{
    const json_t *x = json_array_get(p, 0), *y = json_array_get(p, 1);
    if (!json_is_number(x) || !json_is_number(y))
        return tl_fail(e, TL_EDATA, "GeoJSON: a position is not [longitude, latitude]");
    return tl__shape_point(s, json_number_value(x), json_number_value(y), e);
}

static int add_path(tl_shape *s, const json_t *list, enum tl_path_kind kind, tl_err *e)
{
    const json_t *p;
    size_t i;
    int rc = 0;
    if (!json_is_array(list))
        return tl_fail(e, TL_EDATA, "GeoJSON: \"coordinates\" are no list of positions");
    if (json_array_size(list) == 0)
        return 0;
    tl__shape_path(s, kind);
    json_array_foreach(list, i, p)
    {
        if (!rc)
            rc = add_position(s, p, e);
    }
    return rc || kind < TL_PATH_SHELL ? rc : tl__shape_close(s, e);
}

static int add_polygon(tl_shape *s, const json_t *rings, tl_err *e)
{
    const json_t *ring;
    size_t i;
    int rc = 0;
    if (!json_is_array(rings))
        return tl_fail(e, TL_EDATA, "GeoJSON: \"coordinates\" are no list of rings");
    json_array_foreach(rings, i, ring)
    {
        if (!rc)
            rc = add_path(s, ring, i ? TL_PATH_HOLE : TL_PATH_SHELL, e);
    }
    return rc;
}

static int add_point(tl_shape *s, const json_t *position, tl_err *e)
{
    if (json_is_array(position) && json_array_size(position) == 0)
        return 0; /* an empty point */
    tl__shape_path(s, TL_PATH_POINT);
    return add_position(s, position, e);
}

static int add_line(tl_shape *s, const json_t *list, tl_err *e)
{
    return add_path(s, list, TL_PATH_LINE, e);
}

static int each_of(tl_shape *s, const json_t *list,
                   int (*add)(tl_shape *, const json_t *, tl_err *), tl_err *e)
{
    const json_t *one;
    size_t i;
    int rc = 0;
    if (!json_is_array(list))
        return tl_fail(e, TL_EDATA, "GeoJSON: \"coordinates\" are no list");
    json_array_foreach(list, i, one)
    {
        if (!rc)
            rc = add(s, one, e);
    }
    return rc;
}

static int add_members(tl_shape *s, const json_t *list, int depth, tl_err *e)
{
    const json_t *one;
    size_t i;
    int rc = 0;
    if (!json_is_array(list))
        return tl_fail(e, TL_EDATA, "GeoJSON: \"features\" or \"geometries\" are no list");
    json_array_foreach(list, i, one)
    {
        if (!rc)
            rc = tl__shape_add_json(s, one, depth + 1, e);
    }
    return rc;
}

int tl__shape_add_json(tl_shape *s, const json_t *j, int depth, tl_err *e)
{
    const char *type = json_string_value(json_object_get(j, "type"));
    const json_t *c = json_object_get(j, "coordinates");
    if (!type)
        return tl_fail(e, TL_EDATA, "GeoJSON: there is no \"type\"");
    if (depth > DEEPEST)
        return tl_fail(e, TL_EDATA, "GeoJSON: collections are nested too deep");
    if (is(type, "FeatureCollection"))
        return add_members(s, json_object_get(j, "features"), depth, e);
    if (is(type, "GeometryCollection"))
        return add_members(s, json_object_get(j, "geometries"), depth, e);
    if (is(type, "Feature")) {
        const json_t *g = json_object_get(j, "geometry");
        return json_is_object(g) ? tl__shape_add_json(s, g, depth + 1, e) : 0;
    }
    if (is(type, "Point"))
        return add_point(s, c, e);
    if (is(type, "LineString"))
        return add_line(s, c, e);
    if (is(type, "Polygon"))
        return add_polygon(s, c, e);
    if (is(type, "MultiPoint"))
        return each_of(s, c, add_point, e);
    if (is(type, "MultiLineString"))
        return each_of(s, c, add_line, e);
    if (is(type, "MultiPolygon"))
        return each_of(s, c, add_polygon, e);
    return tl_fail(e, TL_EDATA, "GeoJSON: \"%.40s\" is no type of geometry", type);
}

/* The old way of naming a system; NULL where there is none. */
static int crs_of(const json_t *j, const char **crs, tl_err *e)
{
    const json_t *old = json_object_get(j, "crs");
    const char *name =
        json_string_value(json_object_get(json_object_get(old, "properties"), "name"));
    *crs = NULL;
    return name ? tl_crs_canonical(name, crs, e) : 0;
}

static int take(const json_t *j, const char *crs, tl_geometry **out, tl_err *e)
{
    tl_shape s = {.crs = crs};
    int rc = tl__shape_add_json(&s, j, 0, e);
    if (!rc)
        return tl__geometry_take(&s, out, e);
    tl__shape_clear(&s);
    return rc;
}

int tl_geometry_from_json(const json_t *j, tl_geometry **out, tl_err *e)
{
    const char *crs;
    int rc = crs_of(j, &crs, e);
    return rc ? rc : take(j, crs, out, e);
}

int tl_geometry_from_geojson(const char *text, tl_geometry **out, tl_err *e)
{
    json_error_t je;
    json_t *j = json_loads(text, 0, &je);
    if (!j)
        return tl_fail(e, TL_EDATA, "GeoJSON: line %d, column %d: %s", je.line, je.column, je.text);
    int rc = tl_geometry_from_json(j, out, e);
    json_decref(j);
    return rc;
}

static int give_feature(const json_t *f, int64_t id, const char *crs, tl_feature_fn *each,
                        void *ctx, tl_err *e)
{
    tl_geometry *g = NULL;
    const char *type = json_string_value(json_object_get(f, "type"));
    int is_feature = type && is(type, "Feature");
    const json_t *geometry = is_feature ? json_object_get(f, "geometry") : f;
    json_t *attributes = json_deep_copy(is_feature ? json_object_get(f, "properties") : NULL);
    if (!json_is_object(attributes)) {
        json_decref(attributes);
        attributes = json_object();
    }
    int rc = json_is_object(geometry) ? take(geometry, crs, &g, e) : 0;
    if (rc)
        tl_err_prefix(e, "feature %lld", (long long)id);
    else
        rc = each(ctx, id, g, attributes, e);
    tl_geometry_free(g);
    json_decref(attributes);
    return rc;
}

int tl_features_of_json(const json_t *j, tl_feature_fn *each, void *ctx, tl_err *e)
{
    const char *crs, *type = json_string_value(json_object_get(j, "type"));
    const json_t *one;
    size_t i;
    int rc = crs_of(j, &crs, e);
    if (rc || !type || !is(type, "FeatureCollection"))
        return rc ? rc : give_feature(j, 0, crs, each, ctx, e);
    json_array_foreach(json_object_get(j, "features"), i, one)
    {
        if (!rc)
            rc = give_feature(one, (int64_t)i, crs, each, ctx, e);
    }
    return rc;
}

/* --- writing -----------------------------------------------------------------------------------
 */

static json_t *position_json(double x, double y)
{
    return json_pack("[f,f]", x, y);
}

static json_t *path_json(const tl_shape *s, const tl_path *p)
{
    if (p->kind == TL_PATH_POINT)
        return position_json(s->x[p->first], s->y[p->first]);
    json_t *list = json_array();
    for (size_t i = p->first; i < p->first + p->n; i++)
        json_array_append_new(list, position_json(s->x[i], s->y[i]));
    return list;
}

json_t *tl_geometry_to_json(const tl_geometry *g)
{
    static const char *const many[] = {"MultiPoint", "MultiLineString", "MultiPolygon"};
    static const char *const one[] = {"Point", "LineString", "Polygon"};
    const tl_shape *s = &g->shape;
    json_t *list[3] = {json_array(), json_array(), json_array()}, *out = json_array();
    for (size_t i = 0; i < s->npaths; i++) {
        const tl_path *p = &s->path[i];
        json_t *j = path_json(s, p);
        if (p->kind == TL_PATH_HOLE)
            json_array_append_new(json_array_get(list[2], json_array_size(list[2]) - 1), j);
        else if (p->kind == TL_PATH_SHELL)
            json_array_append_new(list[2], json_pack("[o]", j));
        else
            json_array_append_new(list[p->kind], j);
    }
    for (int k = 0; k < 3; k++) {
        size_t n = json_array_size(list[k]);
        if (n)
            json_array_append_new(out, json_pack("{s:s, s:O}", "type", n > 1 ? many[k] : one[k],
                                                 "coordinates",
                                                 n > 1 ? list[k] : json_array_get(list[k], 0)));
        json_decref(list[k]);
    }
    json_t *all = json_array_size(out) == 1
                      ? json_incref(json_array_get(out, 0))
                      : json_pack("{s:s, s:O}", "type", "GeometryCollection", "geometries", out);
    json_decref(out);
    return all;
}

char *tl_geometry_to_geojson(const tl_geometry *g)
{
    json_t *j = tl_geometry_to_json(g);
    char *text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    json_decref(j);
    return text;
}
