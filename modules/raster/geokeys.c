/* A coordinate system as GeoTIFF keys: see geokeys.h. SPDX-License-Identifier: MIT */
#include "modules/raster/geokeys.h"
#include "modules/raster/raster_int.h"
#include "modules/raster/gdal.h"
#include "runtime/mem.h"

#include <cpl_conv.h>
#include <cpl_error.h>
#include <cpl_string.h>
#include <cpl_vsi.h>
#include <gdal.h>
#include <ogr_srs_api.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- reading tags of a small classic little-endian TIFF ----------------------------------------
 */

static uint32_t le(const uint8_t *p, int n)
{
    uint32_t v = 0;
    for (int i = n; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

/* A copy of the tag's values, whose type must have `size` bytes each; *count 0 when there is no
 * such tag. */
static void *tag_values(const uint8_t *file, size_t len, unsigned tag, size_t size, size_t *count)
{
    *count = 0;
    if (len < 8 || memcmp(file, "II*", 4) != 0)
        return NULL;
    size_t at = le(file + 4, 4);
    size_t n = at + 2 <= len ? le(file + at, 2) : 0;
    if (at + 2 + 12 * n > len)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *entry = file + at + 2 + 12 * i;
        if (le(entry, 2) != tag)
            continue;
        size_t many = le(entry + 4, 4);
        size_t from = many * size <= 4 ? (size_t)(entry + 8 - file) : le(entry + 8, 4);
        if (!many || from > len || many > (len - from) / size)
            return NULL;
        void *copy = tl_xmalloc(many * size);
        memcpy(copy, file + from, many * size);
        *count = many;
        return copy;
    }
    return NULL;
}

/* --- asking GDAL ------------------------------------------------------------------------------
 */

/* "EPSG:n", "AUTHORITY:code" or WKT: what a grid's canonical text looks like. Other texts that GDAL
 * understands may name files and addresses, and this one may come with a stranger's plan. */
static int is_plain(const char *crs)
{
    size_t n = strspn(crs, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    if (!n)
        return 0;
    if (crs[n] == '[')
        return 1;
    return crs[n] == ':' && crs[n + 1 +
                                strspn(crs + n + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"
                                                    "abcdefghijklmnopqrstuvwxyz+")] == 0;
}

OGRSpatialReferenceH tl__parse_crs(const char *crs)
{
    OGRSpatialReferenceH srs = is_plain(crs) ? OSRNewSpatialReference(NULL) : NULL;
    if (srs && OSRSetFromUserInput(srs, crs) != OGRERR_NONE) {
        OSRDestroySpatialReference(srs);
        return NULL;
    }
    if (srs)
        OSRSetAxisMappingStrategy(srs, OAMS_TRADITIONAL_GIS_ORDER);
    return srs;
}

/* A file of one cell at `path`. Returns 0 or -1. */
static int write_cell(const char *path, OGRSpatialReferenceH srs)
{
    const char *const options[] = {"ENDIANNESS=LITTLE", "BIGTIFF=NO", NULL};
    double transform[6] = {0, 1, 0, 0, 0, -1};
    GDALDriverH gtiff = GDALGetDriverByName("GTiff");
    GDALDatasetH ds = gtiff ? GDALCreate(gtiff, path, 1, 1, 1, GDT_Byte, (char **)options) : NULL;
    if (!ds)
        return -1;
    int bad =
        GDALSetSpatialRef(ds, srs) != CE_None || GDALSetGeoTransform(ds, transform) != CE_None;
    CPLErrorReset();
    GDALClose(ds);
    return bad || CPLGetLastErrorType() >= CE_Failure ? -1 : 0;
}

static int keys_of(const char *crs, const char *path, tl_geokeys *out, tl_err *e)
{
    OGRSpatialReferenceH srs = tl__parse_crs(crs);
    if (!srs)
        return tl_fail(e, TL_EUSAGE, "unknown coordinate system '%.80s': %s", crs,
                       CPLGetLastErrorMsg());
    int bad = write_cell(path, srs);
    OSRDestroySpatialReference(srs);
    vsi_l_offset len = 0;
    const uint8_t *file = bad ? NULL : VSIGetMemFileBuffer(path, &len, FALSE);
    tl_geokeys k = {0};
    if (file) {
        k.dir = tag_values(file, (size_t)len, 34735, 2, &k.ndir);
        k.doubles = tag_values(file, (size_t)len, 34736, 8, &k.ndoubles);
        k.ascii = tag_values(file, (size_t)len, 34737, 1, &k.nascii);
    }
    if (!k.ndir) {
        tl_geokeys_free(&k);
        const char *why = CPLGetLastErrorMsg();
        return tl_fail(e, TL_EDATA,
                       "GeoTIFF cannot hold the coordinate system '%s'%s%s; give the product "
                       "another one (--crs)",
                       tl_crs_name(crs), why[0] ? ": " : "", why);
    }
    *out = k;
    return 0;
}

int tl_geokeys_get(const char *crs, tl_geokeys *out, tl_err *e)
{
    static atomic_uint serial;
    if (strcmp(crs, "LOCAL") == 0) {
        *out = (tl_geokeys){0}; /* a place without keys: so does GDAL */
        return 0;
    }
    char path[64];
    tl_gdal_start(); /* a plan of numbers alone has opened no file yet */
    snprintf(path, sizeof path, "/vsimem/tellua-geokeys-%u.tif", atomic_fetch_add(&serial, 1));
    CPLPushErrorHandler(CPLQuietErrorHandler);
    CPLErrorReset();
    int r = keys_of(crs, path, out, e);
    VSIUnlink(path);
    strcat(path, ".aux.xml"); /* what GeoTIFF cannot say GDAL puts beside it */
    VSIUnlink(path);
    CPLPopErrorHandler();
    return r;
}

void tl_geokeys_free(tl_geokeys *k)
{
    free(k->dir);
    free(k->doubles);
    free(k->ascii);
    *k = (tl_geokeys){0};
}
