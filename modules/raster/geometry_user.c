/* Geometries as scripts write them. SPDX-License-Identifier: MIT */
#include "modules/raster/geometry.h"
#include "runtime/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *text_of(const json_t *x, const char *key)
{
    return json_string_value(json_object_get(x, key));
}

/* A list of n numbers? */
static int numbers(const json_t *x, size_t n, double *out)
{
    if (json_array_size(x) != n)
        return 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(x, i);
        if (!json_is_number(v))
            return 0;
        out[i] = json_number_value(v);
    }
    return 1;
}

static int is_wkt(const char *t)
{
    static const char *const kinds[] = {
        "POINT",           "LINESTRING",   "POLYGON",           "MULTIPOINT",
        "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION"};
    size_t n = strcspn(t, " (");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strlen(kinds[i]) == n && strncasecmp(t, kinds[i], n) == 0 && strchr(t, '('))
            return 1;
    return 0;
}

static int unclear(tl_err *e)
{
    return tl_fail(e, TL_ESCRIPT,
                   "a geometry is GeoJSON (a table or a text), WKT, {longitude, latitude}, {west, "
                   "south, east, north}, a file's path, or {path =, layer =, where =}");
}

static int of_text(const char *t, tl_geometry **out, tl_err *e)
{
    while (isspace((unsigned char)*t))
        t++;
    if (*t == '{')
        return tl_geometry_from_geojson(t, out, e);
    return is_wkt(t) ? tl_geometry_from_wkt(t, NULL, out, e)
                     : tl_geometry_open(t, NULL, NULL, out, e);
}

int tl_geometry_of_user(const json_t *x, tl_geometry **out, tl_err *e)
{
    double v[4];
    if (json_is_string(x))
        return of_text(json_string_value(x), out, e);
    if (numbers(x, 2, v))
        return tl_geometry_point(v[0], v[1], out, e);
    if (numbers(x, 4, v))
        return tl_geometry_from_box(v, out, e);
    if (text_of(x, "type"))
        return tl_geometry_from_json(x, out, e);
    if (text_of(x, "path"))
        return tl_geometry_open(text_of(x, "path"), text_of(x, "layer"), text_of(x, "where"), out,
                                e);
    const json_t *inner = json_object_get(x, "geojson");
    if (json_is_string(inner))
        return tl_geometry_from_geojson(json_string_value(inner), out, e);
    return inner ? tl_geometry_from_json(inner, out, e) : unclear(e);
}

/* --- one by one --------------------------------------------------------------------------------
 */

static int give_one(const json_t *x, int64_t id, tl_feature_fn *each, void *ctx, tl_err *e)
{
    tl_geometry *g = NULL;
    json_t *attributes = json_object();
    const char *key;
    json_t *v;
    int rc = tl_geometry_of_user(x, &g, e);
    /* {id =, geojson =} brings its other members along. */
    json_object_foreach((json_t *)(uintptr_t)x, key, v)
    {
        if (!text_of(x, "type") && strcmp(key, "geojson") != 0 && !json_is_object(v) &&
            !json_is_array(v))
            json_object_set(attributes, key, v);
    }
    if (!rc)
        rc = each(ctx, id, g, attributes, e);
    tl_geometry_free(g);
    json_decref(attributes);
    return rc;
}

static int of_list(const json_t *x, tl_feature_fn *each, void *ctx, tl_err *e)
{
    const json_t *one;
    size_t i;
    int rc = 0;
    json_array_foreach(x, i, one)
    {
        if (rc)
            return rc;
        if (json_array_size(one) >= 3 && json_array_size(one) != 4)
            return tl_fail(e, TL_ESCRIPT,
                           "number %zu of the list has %zu numbers; {longitude, "
                           "latitude} has two",
                           i + 1, json_array_size(one));
        const char *type = text_of(one, "type");
        if (type && strcmp(type, "Feature") == 0)
            rc = tl_features_of_json(one, each, ctx, e);
        else
            rc = give_one(one, (int64_t)i, each, ctx, e);
        if (rc)
            tl_err_prefix(e, "number %zu of the list", i + 1);
    }
    return rc;
}

int tl_features_of_user(const json_t *x, tl_feature_fn *each, void *ctx, tl_err *e)
{
    double v[4];
    const char *t = json_string_value(x);
    if (t && t[strspn(t, " \t\n")] == '{') {
        json_error_t je;
        json_t *j = json_loads(t, 0, &je);
        if (!j)
            return tl_fail(e, TL_EDATA, "GeoJSON: line %d, column %d: %s", je.line, je.column,
                           je.text);
        int rc = tl_features_of_json(j, each, ctx, e);
        json_decref(j);
        return rc;
    }
    if (t && !is_wkt(t))
        return tl_features_each(t, NULL, NULL, each, ctx, e);
    if (text_of(x, "path"))
        return tl_features_each(text_of(x, "path"), text_of(x, "layer"), text_of(x, "where"), each,
                                ctx, e);
    if (text_of(x, "type"))
        return tl_features_of_json(x, each, ctx, e);
    if (json_is_array(x) && !numbers(x, 2, v) && !numbers(x, 4, v))
        return of_list(x, each, ctx, e);
    return give_one(x, 0, each, ctx, e);
}
