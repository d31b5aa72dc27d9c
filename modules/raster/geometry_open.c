/* Features of whatever OGR reads. SPDX-License-Identifier: MIT */
#include "modules/raster/gdal.h"
#include "modules/raster/geometry_int.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <cpl_conv.h>
#include <ogr_srs_api.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    GDALDatasetH ds;
    OGRLayerH layer;
    const char *crs; /* NULL: degrees */
} source;

static int open_source(const char *path, source *s, tl_err *e)
{
    tl_gdal_guard g;
    char what[256];
    tl_gdal_start();
    if (!path[0])
        return tl_fail(e, TL_EDATA, "which file? its name is empty");
    if (strncmp(path, "/vsi", 4) != 0 && !strchr(path, ':') && access(path, R_OK) != 0)
        return tl_fail(e, TL_EDATA, "%s: no such file, or it may not be read", path);
    snprintf(what, sizeof what, "open %s", path);
    tl_gdal_begin(&g, what);
    s->ds = GDALOpenEx(path, GDAL_OF_VECTOR | GDAL_OF_READONLY | GDAL_OF_VERBOSE_ERROR, NULL, NULL,
                       NULL);
    tl_gdal_end(&g);
    return s->ds ? 0
                 : tl_gdal_fail(&g, path, TL_EDATA, e, "cannot open %s as a vector source", path);
}

static int find_layer(source *s, const char *path, const char *layer, tl_err *e)
{
    char names[300] = "";
    size_t at = 0;
    int n = GDALDatasetGetLayerCount(s->ds);
    s->layer = layer ? GDALDatasetGetLayerByName(s->ds, layer) : GDALDatasetGetLayer(s->ds, 0);
    if (s->layer)
        return 0;
    for (int i = 0; i < n && at + 60 < sizeof names; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%.40s", i ? ", " : "",
                               OGR_L_GetName(GDALDatasetGetLayer(s->ds, i)));
    return layer ? tl_fail(e, TL_EDATA, "%s has no layer \"%s\"; there are: %s", path, layer, names)
                 : tl_fail(e, TL_EDATA, "%s has no layer of features", path);
}

static int layer_crs(source *s, tl_err *e)
{
    OGRSpatialReferenceH srs = OGR_L_GetSpatialRef(s->layer);
    char *wkt = NULL;
    int rc = 0;
    s->crs = NULL;
    if (srs && OSRExportToWkt(srs, &wkt) == OGRERR_NONE)
        rc = tl_crs_canonical(wkt, &s->crs, e);
    CPLFree(wkt);
    return rc;
}

static json_t *field_json(OGRFeatureH f, int i)
{
    OGRFieldType t = OGR_Fld_GetType(OGR_F_GetFieldDefnRef(f, i));
    if (!OGR_F_IsFieldSetAndNotNull(f, i))
        return json_null();
    if (t == OFTInteger || t == OFTInteger64) {
        if (OGR_Fld_GetSubType(OGR_F_GetFieldDefnRef(f, i)) == OFSTBoolean)
            return json_boolean(OGR_F_GetFieldAsInteger(f, i));
        return json_integer(OGR_F_GetFieldAsInteger64(f, i));
    }
    if (t == OFTReal) {
        json_t *x = json_real(OGR_F_GetFieldAsDouble(f, i));
        return x ? x : json_null();
    }
    const char *text = OGR_F_GetFieldAsString(f, i);
    json_t *j = json_string(text);
    if (j)
        return j;
    char *copy = tl_xstrdup(text); /* not UTF-8 */
    for (char *c = copy; *c; c++)
        if (*c & 0x80)
            *c = '?';
    j = json_string(copy);
    free(copy);
    return j;
}

static json_t *attributes_of(OGRFeatureH f)
{
    json_t *j = json_object();
    for (int i = 0; i < OGR_F_GetFieldCount(f); i++)
        json_object_set_new(j, OGR_Fld_GetNameRef(OGR_F_GetFieldDefnRef(f, i)), field_json(f, i));
    return j;
}

/* What a loop over features does with one; the geometry may be NULL. */
typedef int feature_work(void *ctx, OGRFeatureH f, OGRGeometryH g, const char *crs, tl_err *e);

static int read_features(source *s, const char *path, feature_work *work, void *ctx, tl_err *e)
{
    tl_gdal_guard g;
    char what[256];
    int rc = 0;
    snprintf(what, sizeof what, "read %s", path);
    OGR_L_ResetReading(s->layer);
    while (!rc) {
        tl_gdal_begin(&g, what);
        OGRFeatureH f = OGR_L_GetNextFeature(s->layer);
        tl_gdal_end(&g);
        if (!f)
            return g.failed ? tl_gdal_fail(&g, path, TL_EDATA, e, "cannot read %s", path) : 0;
        rc = work(ctx, f, OGR_F_GetGeometryRef(f), s->crs, e);
        if (rc && e)
            tl_err_source(e, path);
        OGR_F_Destroy(f);
    }
    return rc;
}

static int each_feature(const char *path, const char *layer, const char *where, feature_work *work,
                        void *ctx, tl_err *e)
{
    source s = {0};
    tl_gdal_guard g;
    int rc = open_source(path, &s, e);
    if (!rc)
        rc = find_layer(&s, path, layer, e);
    if (!rc)
        rc = layer_crs(&s, e);
    if (!rc && where) {
        tl_gdal_begin(&g, NULL);
        OGRErr bad = OGR_L_SetAttributeFilter(s.layer, where);
        tl_gdal_end(&g);
        if (bad)
            rc = tl_gdal_fail(&g, path, TL_EUSAGE, e, "where \"%.100s\"", where);
    }
    if (!rc)
        rc = read_features(&s, path, work, ctx, e);
    if (s.ds)
        GDALClose(s.ds);
    return rc;
}

/* --- one by one --------------------------------------------------------------------------------
 */

typedef struct {
    tl_feature_fn *each;
    void *ctx;
} caller;

static int give(void *ctx, OGRFeatureH f, OGRGeometryH og, const char *crs, tl_err *e)
{
    caller *c = ctx;
    tl_geometry *g = NULL;
    tl_shape s = {.crs = crs};
    int64_t id = OGR_F_GetFID(f);
    int rc = og ? tl__shape_add_ogr(&s, og, e) : 0;
    if (!rc && s.npaths)
        rc = tl__geometry_take(&s, &g, e);
    tl__shape_clear(&s);
    if (rc)
        return tl_err_prefix(e, "feature %lld", (long long)id);
    json_t *attributes = attributes_of(f);
    rc = c->each(c->ctx, id, g, attributes, e);
    json_decref(attributes);
    tl_geometry_free(g);
    return rc;
}

int tl_features_each(const char *path, const char *layer, const char *where, tl_feature_fn *each,
                     void *ctx, tl_err *e)
{
    caller c = {each, ctx};
    return each_feature(path, layer, where, give, &c, e);
}

/* --- all as one --------------------------------------------------------------------------------
 */

static int gather(void *ctx, OGRFeatureH f, OGRGeometryH og, const char *crs, tl_err *e)
{
    tl_shape *s = ctx;
    (void)f;
    s->crs = crs;
    return og ? tl__shape_add_ogr(s, og, e) : 0;
}

int tl_geometry_open(const char *path, const char *layer, const char *where, tl_geometry **out,
                     tl_err *e)
{
    tl_shape s = {0};
    int rc = each_feature(path, layer, where, gather, &s, e);
    if (!rc && s.npaths == 0)
        rc = tl_fail(e, TL_EDATA, "%s%s%s: no feature with a geometry", path,
                     where ? " where " : "", where ? where : "");
    if (!rc)
        return tl__geometry_take(&s, out, e);
    tl__shape_clear(&s);
    return rc;
}
