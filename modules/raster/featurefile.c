/* See featurefile.h. SPDX-License-Identifier: MIT */
#include "modules/raster/featurefile.h"
#include "modules/raster/gdal.h"

#include <cpl_conv.h>
#include <cpl_string.h>
#include <cpl_vsi.h>
#include <gdal_utils.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* GeoPackage notes when it was changed. */
#define NO_TIME "1970-01-01T00:00:00.000Z"

typedef struct {
    const char *name, *driver;
    const char *words[3]; /* of ogr2ogr */
} format;

/* FlatGeobuf sorts its index in a file beside: in memory, too. */
static const format formats[] = {{"gpkg", "GPKG", {"-unsetFid", NULL}},
                                 {"fgb", "FlatGeobuf", {"-lco", "TEMPORARY_DIR=/vsimem", NULL}},
                                 {"csv", "CSV", {"-lco", "GEOMETRY=AS_WKT", NULL}},
                                 {NULL, NULL, {NULL}}};

/* As vectorize.c begins where there is no system: GDAL's reader would make degrees of it. */
static const char no_system[] = "{\"type\":\"FeatureCollection\",\"crs\":null,";

static int translate(const format *f, const char *from, const char *to, const char *layer)
{
    const char *drivers[] = {"GeoJSON", NULL};
    char **words = NULL;
    GDALDatasetH in = GDALOpenEx(from, GDAL_OF_VECTOR | GDAL_OF_VERBOSE_ERROR, drivers, NULL, NULL);
    if (!in)
        return -1;
    words = CSLAddString(CSLAddString(words, "-f"), f->driver);
    words = CSLAddString(CSLAddString(words, "-nln"), layer);
    for (int i = 0; f->words[i]; i++)
        words = CSLAddString(words, f->words[i]);
    GDALVectorTranslateOptions *o = GDALVectorTranslateOptionsNew(words, NULL);
    GDALDatasetH out = o ? GDALVectorTranslate(to, NULL, 1, &in, o, NULL) : NULL;
    GDALVectorTranslateOptionsFree(o);
    CSLDestroy(words);
    GDALClose(in);
    if (!out)
        return -1;
    GDALClose(out); /* what fails now is a failure that was reported */
    return 0;
}

static int take_bytes(const char *path, tl_buf *out)
{
    vsi_l_offset n = 0;
    GByte *bytes = VSIGetMemFileBuffer(path, &n, FALSE);
    if (bytes && n)
        tl_buf_add(out, bytes, (size_t)n);
    return bytes && n ? 0 : -1;
}

int tl_feature_file(const char *geojson, size_t len, const char *name, const char *layer,
                    tl_buf *out, tl_err *e)
{
    static atomic_uint serial;
    const format *f = formats;
    char from[80], to[80];
    tl_gdal_guard g;
    unsigned k = atomic_fetch_add(&serial, 1);
    while (f->name && strcmp(f->name, name) != 0)
        f++;
    tl_gdal_start();
    if (!f->name || !GDALGetDriverByName(f->driver))
        return tl_fail(e, TL_ECONFIG, "this GDAL writes no %s", f->name ? f->driver : name);
    if (strncmp(geojson, no_system, sizeof no_system - 1) == 0 && strcmp(name, "csv") != 0)
        return tl_fail(e, TL_EDATA,
                       "these features are in no coordinate system, which %s wants: write them as "
                       "geojson or csv",
                       f->driver);
    snprintf(from, sizeof from, "/vsimem/tellua-features-%u.geojson", k);
    snprintf(to, sizeof to, "/vsimem/tellua-features-%u.%s", k, f->name);
    tl_gdal_begin(&g, NULL);
    CPLSetThreadLocalConfigOption("OGR_CURRENT_DATE", NO_TIME);
    VSILFILE *in = VSIFileFromMemBuffer(from, (GByte *)(uintptr_t)geojson, len, FALSE);
    int bad =
        !in || VSIFCloseL(in) || translate(f, from, to, layer) || g.failed || take_bytes(to, out);
    VSIUnlink(from);
    VSIUnlink(to);
    CPLSetThreadLocalConfigOption("OGR_CURRENT_DATE", NULL);
    tl_gdal_end(&g);
    return bad ? tl_gdal_fail(&g, layer, TL_EDATA, e, "the features are no %s", f->driver) : 0;
}
