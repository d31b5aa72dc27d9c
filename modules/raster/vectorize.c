/* See vectorize.h. SPDX-License-Identifier: MIT */
#include "modules/raster/vectorize.h"
#include "modules/raster/gdal.h"
#include "runtime/mem.h"

#include <cpl_conv.h>
#include <cpl_string.h>
#include <gdal_alg.h>
#include <ogr_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_VALUE -1.7e308 /* stands where a cell is not valid */

/* --- a dataset of memory that is ours -----------------------------------------------------------
 */

typedef struct {
    GDALDatasetH cells, features;
    OGRLayerH layer;
    tl_gdal_guard guard;
} work;

static int add_band(GDALDatasetH ds, GDALDataType type, const void *cells)
{
    char at[64];
    at[CPLPrintPointer(at, (void *)(uintptr_t)cells, (int)sizeof at - 1)] = '\0';
    char **options = CSLSetNameValue(NULL, "DATAPOINTER", at);
    CPLErr bad = GDALAddBand(ds, type, options);
    CSLDestroy(options);
    return bad != CE_None;
}

/* Bands: the cells, and where they are valid. */
static int open_cells(work *w, const tl_grid *g, GDALDataType type, const void *values,
                      const uint8_t *valid)
{
    double box[4];
    tl_grid_bounds(g, box);
    double transform[6] = {box[0], g->dx, 0, box[3], 0, -g->dy};
    w->cells = GDALCreate(GDALGetDriverByName("MEM"), "", (int)g->w, (int)g->h, 0, GDT_Byte, NULL);
    return !w->cells || GDALSetGeoTransform(w->cells, transform) != CE_None ||
           add_band(w->cells, type, values) || add_band(w->cells, GDT_Byte, valid);
}

static int open_features(work *w, OGRwkbGeometryType kind, int whole)
{
    GDALDriverH d = GDALGetDriverByName("Memory");
    d = d ? d : GDALGetDriverByName("MEM"); /* one driver for both from 3.11 on */
    w->features = d ? GDALCreate(d, "", 0, 0, 0, GDT_Unknown, NULL) : NULL;
    w->layer = w->features ? GDALDatasetCreateLayer(w->features, "v", NULL, kind, NULL) : NULL;
    OGRFieldDefnH f = OGR_Fld_Create("value", whole ? OFTInteger : OFTReal);
    int bad = !w->layer || OGR_L_CreateField(w->layer, f, 0) != OGRERR_NONE;
    OGR_Fld_Destroy(f);
    return bad;
}

static int begin(work *w, const tl_grid *g, GDALDataType type, const void *values,
                 const uint8_t *valid, OGRwkbGeometryType kind, int whole, const char *what)
{
    *w = (work){.cells = NULL};
    tl_gdal_start();
    tl_gdal_begin(&w->guard, what);
    return open_cells(w, g, type, values, valid) || open_features(w, kind, whole);
}

static int end(work *w, int bad, const char *what, tl_err *e)
{
    if (w->features)
        GDALClose(w->features);
    if (w->cells)
        GDALClose(w->cells);
    tl_gdal_end(&w->guard);
    return bad ? tl_gdal_fail(&w->guard, "memory", TL_ESCRIPT, e, "%s failed", what) : 0;
}

/* --- GeoJSON ------------------------------------------------------------------------------------
 */

static void write_head(const tl_grid *g, tl_buf *out)
{
    int code;
    tl_buf_printf(out, "{\"type\":\"FeatureCollection\",");
    if (sscanf(g->crs, "EPSG:%d", &code) == 1 && code != 4326)
        tl_buf_printf(out,
                      "\"crs\":{\"type\":\"name\",\"properties\":{\"name\":"
                      "\"urn:ogc:def:crs:EPSG::%d\"}},",
                      code);
    tl_buf_printf(out, "\"features\":[");
}

static void write_features(const tl_grid *g, OGRLayerH layer, int whole, tl_buf *out,
                           int64_t *count)
{
    OGRFeatureH f;
    write_head(g, out);
    *count = 0;
    OGR_L_ResetReading(layer);
    while ((f = OGR_L_GetNextFeature(layer))) {
        char *text = OGR_G_ExportToJson(OGR_F_GetGeometryRef(f));
        int at = OGR_F_GetFieldIndex(f, "value");
        tl_buf_printf(
            out, "%s\n{\"type\":\"Feature\",\"properties\":{\"value\":", (*count)++ ? "," : "");
        if (whole)
            tl_buf_printf(out, "%d", OGR_F_GetFieldAsInteger(f, at));
        else
            tl_buf_printf(out, "%.17g", OGR_F_GetFieldAsDouble(f, at));
        tl_buf_printf(out, "},\"geometry\":%s}", text ? text : "null");
        CPLFree(text);
        OGR_F_Destroy(f);
    }
    tl_buf_printf(out, "\n]}\n");
}

/* --- both --------------------------------------------------------------------------------------
 */

/* As int32 or float32, which is what GDAL compares. */
static void *narrowed(const double *values, const uint8_t *valid, int64_t n, int whole)
{
    int32_t *i = tl_xcalloc((size_t)n, sizeof *i);
    float *f = (float *)(void *)i;
    for (int64_t k = 0; k < n; k++)
        if (whole)
            i[k] = valid[k] ? (int32_t)values[k] : 0;
        else
            f[k] = (float)values[k];
    return i;
}

int tl_polygonize(const tl_grid *g, const double *values, const uint8_t *valid, int whole,
                  int eight, tl_buf *out, int64_t *count, tl_err *e)
{
    work w;
    char *options[] = {"8CONNECTED=8", NULL};
    void *cells = narrowed(values, valid, g->w * g->h, whole);
    int bad = begin(&w, g, whole ? GDT_Int32 : GDT_Float32, cells, valid, wkbPolygon, whole,
                    "polygonize");
    if (!bad)
        bad = (whole ? GDALPolygonize : GDALFPolygonize)(
                  GDALGetRasterBand(w.cells, 1), GDALGetRasterBand(w.cells, 2), w.layer, 0,
                  eight ? options : NULL, NULL, NULL) != CE_None;
    if (!bad)
        write_features(g, w.layer, whole, out, count);
    int rc = end(&w, bad, "polygonize", e);
    free(cells);
    return rc;
}

static char **contour_options(const tl_levels *l)
{
    tl_buf list = TL_BUF_INIT;
    char **o = CSLSetNameValue(NULL, "ELEV_FIELD", "0");
    o = CSLSetNameValue(o, "NODATA", CPLSPrintf("%.17g", NO_VALUE));
    for (int i = 0; i < l->n; i++)
        tl_buf_printf(&list, "%s%.17g", i ? "," : "", l->level[i]);
    if (l->n) {
        o = CSLSetNameValue(o, "FIXED_LEVELS", tl_buf_text(&list));
    } else {
        o = CSLSetNameValue(o, "LEVEL_INTERVAL", CPLSPrintf("%.17g", l->interval));
        o = CSLSetNameValue(o, "LEVEL_BASE", CPLSPrintf("%.17g", l->base));
    }
    tl_buf_free(&list);
    return o;
}

int tl_contours(const tl_grid *g, double *values, const uint8_t *valid, const tl_levels *levels,
                tl_buf *out, int64_t *count, tl_err *e)
{
    work w;
    for (int64_t i = 0; i < g->w * g->h; i++)
        values[i] = valid[i] ? values[i] : NO_VALUE;
    int bad = begin(&w, g, GDT_Float64, values, valid, wkbLineString, 0, "contours");
    if (!bad) {
        char **o = contour_options(levels);
        bad =
            GDALContourGenerateEx(GDALGetRasterBand(w.cells, 1), w.layer, o, NULL, NULL) != CE_None;
        CSLDestroy(o);
    }
    if (!bad)
        write_features(g, w.layer, 0, out, count);
    return end(&w, bad, "contours", e);
}
