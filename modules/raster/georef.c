/* Where a file lies: geotransform, control points, RPC, geolocation. SPDX-License-Identifier: MIT
 */
#include "modules/raster/crs.h"
#include "modules/raster/raster_int.h"
#include "runtime/log.h"
#include "runtime/mem.h"

#include <cpl_conv.h>
#include <cpl_string.h>
#include <gdal_alg.h>
#include <math.h>
#include <ogr_srs_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The canonical text of a GDAL CRS; LOCAL when there is none or PROJ makes nothing of it. */
static const char *crs_of(const tl_raster *r, OGRSpatialReferenceH srs)
{
    static const char *const options[] = {"FORMAT=WKT2_2019", "MULTILINE=NO", NULL};
    const char *crs = NULL;
    char *wkt = NULL;
    tl_err why = TL_ERR_INIT;
    if (!srs)
        return tl_intern(TL_CRS_LOCAL);
    if (OSRExportToWktEx(srs, &wkt, options) != OGRERR_NONE || !wkt ||
        tl_crs_canonical(wkt, &crs, &why) != 0) {
        tl_warn_once("%s: its coordinate system is not understood and ignored%s%s", r->s.uri,
                     why.message[0] ? ": " : "", why.message);
        crs = tl_intern(TL_CRS_LOCAL);
    }
    CPLFree(wkt);
    return crs;
}

/* CF says that a grid in degrees east and north without a grid mapping is longitude and latitude,
 * which GDAL leaves without CRS. */
static int is_bare_lonlat(const tl_raster *r, GDALDatasetH ds, const double g[6])
{
    int east = 0, north = 0;
    char **meta = GDALGetMetadata(ds, NULL);
    for (int i = 0; meta && meta[i]; i++) {
        const char *unit = strstr(meta[i], "#units=degree");
        east |= unit && strstr(unit, "east") != NULL;
        north |= unit && strstr(unit, "north") != NULL;
    }
    double bottom = g[3] + r->h * g[5], right = g[0] + r->w * g[1];
    return east && north && g[2] == 0 && g[4] == 0 && fabs(g[3]) <= 90 + fabs(g[5]) &&
           fabs(bottom) <= 90 + fabs(g[5]) && g[0] >= -361 && right <= 361 && g[1] > 0;
}

/* GDAL's word for "none": cells of size one from the origin, rows with y. */
static int is_identity(const double g[6], int has_crs)
{
    return g[0] == 0 && g[1] == 1 && g[2] == 0 && g[3] == 0 && g[4] == 0 &&
           (g[5] == 1 || (g[5] == -1 && !has_crs));
}

static int finite6(const double g[6])
{
    return isfinite(g[0] + g[1] + g[2]) && isfinite(g[3] + g[4] + g[5]);
}

static int set_affine(tl_raster *r, const double gt[6], tl_err *e)
{
    double det = gt[1] * gt[5] - gt[2] * gt[4];
    memcpy(r->gt, gt, sizeof r->gt);
    if (!finite6(gt) || !(fabs(det) > 0) || !isfinite(det) ||
        !GDALInvGeoTransform(r->gt, r->inverse) || !finite6(r->inverse))
        return tl_fail(e, TL_EDATA, "%s: the geotransform %g, %g, %g, %g, %g, %g has no inverse",
                       r->s.uri, gt[0], gt[1], gt[2], gt[3], gt[4], gt[5]);
    return 0;
}

static void set_upright(tl_raster *r)
{
    tl_grid *n = &r->s.native;
    r->georef = r->gt[5] < 0 ? TL_GEO_NORTH : TL_GEO_SOUTH;
    n->x0 = r->gt[0];
    n->y0 = r->gt[5] < 0 ? r->gt[3] : r->gt[3] + r->h * r->gt[5];
    n->dx = r->gt[1];
    n->dy = fabs(r->gt[5]);
    n->w = r->w;
    n->h = r->h;
}

int tl_raster_transformer(const tl_raster *r, tl_gdal_handle *h, void **out, tl_err *e)
{
    if (!h->transformer) {
        tl_gdal_guard g;
        char what[256];
        int code = tl_raster_dataset(r, h, e);
        if (code)
            return code;
        snprintf(what, sizeof what, "georeference of %s", r->s.uri);
        tl_gdal_begin(&g, what);
        h->transformer = GDALCreateGenImgProjTransformer2(h->ds.h, NULL, NULL);
        tl_gdal_end(&g);
        if (!h->transformer)
            return tl_gdal_fail(&g, r->s.uri, TL_EDATA, e, "%s: cannot use its georeference",
                                r->s.uri);
    }
    *out = h->transformer;
    return 0;
}

/* A north-up grid over a file whose pixels do not lie on one: square cells, about as many as the
 * file has along its diagonal. */
static int set_covering_grid(tl_raster *r, tl_gdal_handle *h, tl_err *e)
{
    void *t = NULL;
    double gt[6], box[4];
    int w = 0, hh = 0, code = tl_raster_transformer(r, h, &t, e);
    if (code)
        return code;
    tl_gdal_guard g;
    tl_gdal_begin(&g, NULL);
    CPLErr done =
        GDALSuggestedWarpOutput2(h->ds.h, GDALGenImgProjTransform, t, gt, &w, &hh, box, 0);
    tl_gdal_end(&g);
    if (done != CE_None || !finite6(gt) || w < 1 || hh < 1 || !(gt[1] > 0) || !(gt[5] < 0))
        return tl_gdal_fail(&g, r->s.uri, TL_EDATA, e,
                            "%s: no north-up grid can be laid over its georeference", r->s.uri);
    r->s.native.x0 = gt[0];
    r->s.native.y0 = gt[3];
    r->s.native.dx = gt[1];
    r->s.native.dy = -gt[5];
    r->s.native.w = w;
    r->s.native.h = hh;
    return 0;
}

/* Whether all places in one of the geolocation arrays are within `most` of 0. */
static int within(char **geoloc, const char *file_key, const char *band_key, double most)
{
    const char *file = CSLFetchNameValue(geoloc, file_key),
               *band = CSLFetchNameValue(geoloc, band_key);
    GDALDatasetH ds = file && band ? GDALOpenEx(file, GDAL_OF_RASTER, NULL, NULL, NULL) : NULL;
    GDALRasterBandH b = ds && atoi(band) > 0 ? GDALGetRasterBand(ds, atoi(band)) : NULL;
    double range[2] = {-INFINITY, INFINITY};
    if (b)
        GDALComputeRasterMinMax(b, FALSE, range);
    if (ds)
        GDALClose(ds);
    return range[0] >= -most && range[1] <= most;
}

/* GDAL sizes a table by the extent of the geolocation arrays: one wild place in them costs it
 * gigabytes and minutes. */
static int geolocation_is_sane(const tl_raster *r, GDALDatasetH ds)
{
    char **geoloc = GDALGetMetadata(ds, "GEOLOCATION");
    tl_gdal_guard g;
    char what[256];
    if (!geoloc || GDALGetGCPCount(ds) > 0 || !tl_crs_is_geographic(r->s.native.crs))
        return 1;
    snprintf(what, sizeof what, "geolocation of %s", r->s.uri);
    tl_gdal_begin(&g, what);
    int sane =
        within(geoloc, "X_DATASET", "X_BAND", 1080) && within(geoloc, "Y_DATASET", "Y_BAND", 91);
    tl_gdal_end(&g);
    return sane;
}

/* The CRS that the transformer of a file without geotransform ends in; NULL when there is nothing
 * such. */
static const char *warp_crs(const tl_raster *r, GDALDatasetH ds)
{
    const char *crs = NULL;
    char **geoloc = GDALGetMetadata(ds, "GEOLOCATION");
    if (GDALGetGCPCount(ds) > 0)
        return crs_of(r, GDALGetGCPSpatialRef(ds));
    if (GDALGetMetadata(ds, "RPC"))
        return tl_intern("EPSG:4326");
    if (!geoloc)
        return NULL;
    const char *srs = CSLFetchNameValue(geoloc, "SRS");
    if (!srs || tl_crs_canonical(srs, &crs, NULL) != 0)
        crs = tl_intern("EPSG:4326");
    return crs;
}

static void set_picture(tl_raster *r)
{
    static const double gt[6] = {0, 1, 0, 0, 0, -1};
    memcpy(r->gt, gt, sizeof gt);
    memcpy(r->inverse, gt, sizeof gt);
    r->s.native.crs = tl_intern("");
    set_upright(r);
}

/* Longitudes repeat; those of the lattice are brought near the file's own. */
static void set_period(tl_raster *r)
{
    const tl_grid *n = &r->s.native;
    double turn = tl_crs_turn(n->crs);
    if (turn > 0) {
        r->period = turn;
        if (fabs(r->period - 360) < 1e-9)
            r->period = 360;
        r->middle = n->x0 + (double)n->w * n->dx / 2;
    }
}

int tl_raster_read_georef(tl_raster *r, tl_gdal_handle *h, tl_err *e)
{
    double gt[6];
    char what[256];
    int code = 0;
    tl_gdal_guard g;
    snprintf(what, sizeof what, "georeference of %s", r->s.uri);
    tl_gdal_begin(&g, what);
    OGRSpatialReferenceH srs = GDALGetSpatialRef(h->ds.h);
    int has_gt = GDALGetGeoTransform(h->ds.h, gt) == CE_None && !is_identity(gt, srs != NULL);
    const char *crs = has_gt ? crs_of(r, srs) : warp_crs(r, h->ds.h);
    const char *stated = srs ? crs_of(r, srs) : NULL;
    if (has_gt && !srs && is_bare_lonlat(r, h->ds.h, gt))
        crs = tl_intern("EPSG:4326");
    else if (has_gt && !srs && tl_raster_stated_place(r, h->ds.h, NULL, &stated))
        crs = stated;
    else if (!has_gt && !crs && tl_raster_stated_place(r, h->ds.h, gt, &stated)) {
        has_gt = 1;
        crs = stated;
    }
    tl_gdal_end(&g);
    r->s.native.crs = crs;
    if (has_gt) {
        code = set_affine(r, gt, e);
        if (!code && gt[2] == 0 && gt[4] == 0 && gt[1] > 0) {
            set_upright(r);
        } else if (!code) {
            r->georef = TL_GEO_AFFINE;
            code = set_covering_grid(r, h, e);
        }
    } else if (crs) {
        r->georef = TL_GEO_WARP;
        tl_err why = TL_ERR_INIT;
        if (!geolocation_is_sane(r, h->ds.h))
            tl_fail(&why, TL_EDATA, "%s: places outside the globe in its geolocation arrays",
                    r->s.uri);
        if (why.code || set_covering_grid(r, h, &why) != 0) {
            tl_warn_once("its georeference is of no use and ignored: %s", why.message);
            set_picture(r);
        }
    } else {
        set_picture(r);
    }
    if (!code)
        set_period(r);
    return code;
}
