/* See vectorize.h. SPDX-License-Identifier: MIT */
#include "modules/raster/vectorize.h"
#include "modules/raster/crs.h"
#include "modules/raster/gdal.h"
#include "runtime/mem.h"

#include <cpl_conv.h>
#include <cpl_string.h>
#include <gdal_alg.h>
#include <ogr_api.h>
#include <jansson.h>
#include <math.h>
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
    const atomic_int *cancel;
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

static int begin(work *w, const tl_raw_cells *c, GDALDataType type, const void *values,
                 OGRwkbGeometryType kind, int whole, const char *what)
{
    *w = (work){.cells = NULL, .cancel = c->cancel};
    tl_gdal_start();
    tl_gdal_begin(&w->guard, what);
    return open_cells(w, &c->grid, type, values, c->valid) || open_features(w, kind, whole);
}

static int is_cancelled(const work *w)
{
    return w->cancel && atomic_load(w->cancel);
}

/* GDAL asks after each row whether to go on. */
static int CPL_STDCALL go_on(double part, const char *message, void *ctx)
{
    (void)part, (void)message;
    return !is_cancelled(ctx);
}

static int end(work *w, int bad, const char *what, tl_err *e)
{
    if (w->features)
        GDALClose(w->features);
    if (w->cells)
        GDALClose(w->cells);
    tl_gdal_end(&w->guard);
    if (bad && is_cancelled(w))
        return tl_fail(e, TL_EINTR, "interrupted");
    return bad ? tl_gdal_fail(&w->guard, "memory", TL_ESCRIPT, e, "%s failed", what) : 0;
}

/* --- GeoJSON ------------------------------------------------------------------------------------
 */

/* What has no number of EPSG's goes by whatever PROJ takes for a name, as GDAL's reader and ours
 * do.
 */
static void write_head(const tl_grid *g, tl_buf *out)
{
    int code = 0;
    tl_buf_printf(out, "{\"type\":\"FeatureCollection\",");
    if (sscanf(g->crs, "EPSG:%d", &code) == 1 && code != 4326) {
        tl_buf_printf(out,
                      "\"crs\":{\"type\":\"name\",\"properties\":{\"name\":"
                      "\"urn:ogc:def:crs:EPSG::%d\"}},",
                      code);
    } else if (strcmp(g->crs, TL_CRS_LOCAL) == 0) {
        tl_buf_puts(out, "\"crs\":null,");
    } else if (code != 4326) {
        json_t *name = json_string(g->crs);
        char *text = json_dumps(name, JSON_ENCODE_ANY);
        tl_buf_printf(out, "\"crs\":{\"type\":\"name\",\"properties\":{\"name\":%s}},", text);
        free(text);
        json_decref(name);
    }
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

/* --- how many points will come ---------------------------------------------------------------
 */

static int too_many(const char *what, const tl_grid *g, double points, const char *less, tl_err *e)
{
    return tl_fail(e, TL_ESCRIPT,
                   "%s: of %lld x %lld cells come features of %.15g points, and at most %lld are "
                   "made at once: %s, cut a region, or take a larger res",
                   what, (long long)g->w, (long long)g->h, points, TL_VECTORIZE_POINTS, less);
}

/* Corners of regions where four cells meet: nw, ne, sw, se of them, not all valid. */
static int corners_at(const int32_t *v, const int in[4])
{
    int n = 0;
    for (int k = 0; k < 4; k++) {
        int beside = k ^ 1, below = k ^ 2, across = k ^ 3;
        int h = in[beside] && v[beside] == v[k], w = in[below] && v[below] == v[k];
        n += in[k] && h == w && (!h || !in[across] || v[across] != v[k]);
    }
    return n;
}

/* `cells` are int32 or the bits of float32. */
static int count_corners(const tl_raw_cells *c, const int32_t *cells, tl_err *e)
{
    int64_t w = c->grid.w, h = c->grid.h, n = 0;
    for (int64_t y = 0; y <= h; y++) {
        for (int64_t x = 0; x <= w; x++) {
            int32_t v[4];
            int in[4];
            for (int k = 0; k < 4; k++) {
                int64_t cx = x - 1 + (k & 1), cy = y - 1 + (k >> 1), at = cy * w + cx;
                in[k] = cx >= 0 && cx < w && cy >= 0 && cy < h && c->valid[at];
                v[k] = in[k] ? cells[at] : 0;
            }
            n += corners_at(v, in);
        }
    }
    return n > TL_VECTORIZE_POINTS
               ? too_many("polygonize", &c->grid, (double)n, "sieve or round the cells", e)
               : 0;
}

/* How many levels lie above all that are below x. */
static double level_of(const tl_levels *l, double x)
{
    int lo = 0, hi = l->n;
    if (!l->n)
        return floor((x - l->base) / l->interval);
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (l->level[mid] <= x)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* A line has a point, or two, in each square between cells that it crosses. */
static int count_crossings(const tl_raw_cells *c, const tl_levels *l, tl_err *e)
{
    int64_t w = c->grid.w, h = c->grid.h;
    double n = 0;
    for (int64_t y = 0; y < h; y++) {
        for (int64_t x = 0; x < w; x++) {
            double lo = INFINITY, hi = -INFINITY;
            for (int k = 0; k < 4; k++) {
                int64_t cx = x + (k & 1), cy = y + (k >> 1), at = cy * w + cx;
                if (cx < w && cy < h && c->valid[at]) {
                    lo = fmin(lo, c->values[at]);
                    hi = fmax(hi, c->values[at]);
                }
            }
            n += hi > lo ? level_of(l, hi) - level_of(l, lo) : 0;
        }
    }
    return n <= (double)TL_VECTORIZE_POINTS
               ? 0
               : too_many("contours", &c->grid, n, "take fewer levels", e);
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

int tl_polygonize(const tl_raw_cells *c, int whole, int eight, tl_buf *out, int64_t *count,
                  tl_err *e)
{
    work w;
    char *options[] = {"8CONNECTED=8", NULL};
    void *cells = narrowed(c->values, c->valid, c->grid.w * c->grid.h, whole);
    int rc = count_corners(c, cells, e);
    if (!rc) {
        int bad =
            begin(&w, c, whole ? GDT_Int32 : GDT_Float32, cells, wkbPolygon, whole, "polygonize");
        if (!bad)
            bad = (whole ? GDALPolygonize : GDALFPolygonize)(
                      GDALGetRasterBand(w.cells, 1), GDALGetRasterBand(w.cells, 2), w.layer, 0,
                      eight ? options : NULL, go_on, &w) != CE_None;
        if (!bad)
            write_features(&c->grid, w.layer, whole, out, count);
        rc = end(&w, bad, "polygonize", e);
    }
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

int tl_contours(tl_raw_cells *c, const tl_levels *levels, tl_buf *out, int64_t *count, tl_err *e)
{
    work w;
    int rc = count_crossings(c, levels, e);
    if (rc)
        return rc;
    for (int64_t i = 0; i < c->grid.w * c->grid.h; i++)
        c->values[i] = c->valid[i] ? c->values[i] : NO_VALUE;
    int bad = begin(&w, c, GDT_Float64, c->values, wkbLineString, 0, "contours");
    if (!bad) {
        char **o = contour_options(levels);
        GDALRasterBandH cells = GDALGetRasterBand(w.cells, 1);
        /* From 3.9 on GDAL looks at the range of the values first, by the band's number alone. */
        GDALSetRasterNoDataValue(cells, NO_VALUE);
        bad = GDALContourGenerateEx(cells, w.layer, o, go_on, &w) != CE_None;
        CSLDestroy(o);
    }
    if (!bad)
        write_features(&c->grid, w.layer, 0, out, count);
    return end(&w, bad, "contours", e);
}
