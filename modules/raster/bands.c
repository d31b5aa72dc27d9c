/* What a file says about its bands. SPDX-License-Identifier: MIT */
#include "modules/raster/raster_int.h"
#include "runtime/log.h"
#include "runtime/mem.h"

#include <cpl_string.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MOST_BLOCK_BYTES ((int64_t)1 << 30)
#define FEW_BLOCK_BYTES  (64 << 20) /* up to here a lie about the block costs little */
#define MOST_SQUEEZE     20000.0    /* cells' bytes per byte of file; deflate gives 1032 at most */

/* --- names ----------------------------------------------------------------------------------- */

/* "B04", "b5", "B8A", "SCL": what single-band files of the known missions end in. */
static int is_band_token(const char *s, size_t n)
{
    static const char *const word[] = {"SCL", "AOT", "WVP", "BQA", "VV", "VH", "HH", "HV"};
    for (size_t i = 0; i < sizeof word / sizeof word[0]; i++)
        if (strlen(word[i]) == n && strncasecmp(word[i], s, n) == 0)
            return 1;
    if (n < 2 || n > 4 || toupper((unsigned char)s[0]) != 'B' || !isdigit((unsigned char)s[1]))
        return 0;
    for (size_t i = 2; i < n; i++)
        if (!isdigit((unsigned char)s[i]) && !(i + 1 == n && toupper((unsigned char)s[i]) == 'A'))
            return 0;
    return 1;
}

/* "10m" */
static int is_resolution(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n && isdigit((unsigned char)s[i]))
        i++;
    return i > 0 && i + 1 == n && s[i] == 'm';
}

/* The band token at the end of the file's stem, upper case, into out; "" when there is none. */
static void token_of(const char *uri, char out[8])
{
    const char *stem = strrchr(uri, '/');
    stem = stem ? stem + 1 : uri;
    const char *dot = strchr(stem, '.');
    size_t end = dot ? (size_t)(dot - stem) : strlen(stem);
    out[0] = '\0';
    for (int tries = 0; tries < 2; tries++) {
        size_t from = end;
        while (from > 0 && stem[from - 1] != '_')
            from--;
        if (is_band_token(stem + from, end - from)) {
            for (size_t i = from; i < end; i++)
                out[i - from] = (char)toupper((unsigned char)stem[i]);
            out[end - from] = '\0';
            return;
        }
        if (!is_resolution(stem + from, end - from) || from == 0)
            return;
        end = from - 1;
    }
}

static int name_taken(const tl_raster *r, int upto, const char *name)
{
    for (int i = 0; i < upto; i++)
        if (r->s.bands[i].name == name)
            return 1;
    return 0;
}

static int by_address(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (char *const *)a, y = (uintptr_t) * (char *const *)b;
    return (x > y) - (x < y);
}

/* Whether two bands have one (interned) name; files may have tens of thousands of bands. */
static int has_twins(const tl_raster *r)
{
    int n = r->s.nbands, twins = 0;
    const char **name = tl_xcalloc((size_t)n, sizeof *name);
    for (int i = 0; i < n; i++)
        name[i] = r->s.bands[i].name;
    qsort(name, (size_t)n, sizeof *name, by_address);
    for (int i = 1; i < n && !twins; i++)
        twins = name[i] == name[i - 1];
    free(name);
    return twins;
}

static void part_twins(tl_raster *r)
{
    char plain[40];
    for (int i = 0; i < r->s.nbands; i++)
        for (int k = 1; name_taken(r, i, r->s.bands[i].name); k++) {
            snprintf(plain, sizeof plain, k == 1 ? "B%d" : "B%d_%d", i + 1, k);
            r->s.bands[i].name = tl_intern(plain);
        }
}

static void name_bands(tl_raster *r, tl_gdal_ds ds)
{
    char token[8], plain[32];
    token_of(r->s.uri, token);
    for (int i = 0; i < r->s.nbands; i++) {
        const char *text = GDALGetDescription(GDALGetRasterBand(ds.h, i + 1));
        char *said = tl_xstrdup(text ? text : "");
        tl_make_visible(said, "");
        snprintf(plain, sizeof plain, "B%d", i + 1);
        r->s.bands[i].name = tl_intern(said[0]                        ? said
                                       : r->s.nbands == 1 && token[0] ? token
                                                                      : plain);
        free(said);
    }
    if (has_twins(r))
        part_twins(r);
}

/* --- types and validity ----------------------------------------------------------------------- */

/* GDAL 3.7 made signed bytes a type of their own, and warns of whoever still asks for this. */
static int is_signed_byte(GDALRasterBandH band)
{
#if GDAL_VERSION_NUM >= 3070000
    (void)band;
    return 0;
#else
    const char *pixel = GDALGetMetadataItem(band, "PIXELTYPE", "IMAGE_STRUCTURE");
    return pixel && EQUAL(pixel, "SIGNEDBYTE");
#endif
}

static int map_type(GDALRasterBandH band, GDALDataType type, tl_dtype *out)
{
    switch (type) {
    case GDT_Byte:
        *out = is_signed_byte(band) ? TL_I8 : TL_U8;
        return 0;
#if GDAL_VERSION_NUM >= 3070000
    case GDT_Int8:
        *out = TL_I8;
        return 0;
#endif
    case GDT_UInt16:
        *out = TL_U16;
        return 0;
    case GDT_Int16:
        *out = TL_I16;
        return 0;
    case GDT_UInt32:
        *out = TL_U32;
        return 0;
    case GDT_Int32:
        *out = TL_I32;
        return 0;
    case GDT_UInt64:
        *out = TL_U64;
        return 0;
    case GDT_Int64:
        *out = TL_I64;
        return 0;
    case GDT_Float32:
        *out = TL_F32;
        return 0;
    case GDT_Float64:
        *out = TL_F64;
        return 0;
    default:
        return -1;
    }
}

/* Whether a number can be a value of the type at all; a nodata that cannot masks nothing. */
static int fits(double v, tl_dtype t)
{
    return tl_dtype_is_float(t) ||
           (v == floor(v) && v >= (double)tl_dtype_min(t) && v <= (double)tl_dtype_max(t));
}

static void read_nodata(GDALRasterBandH band, tl_band *b)
{
    int has = 0;
    if (b->dtype == TL_I64) {
        b->nodata_i = GDALGetRasterNoDataValueAsInt64(band, &has);
        b->nodata = (double)b->nodata_i;
    } else if (b->dtype == TL_U64) {
        uint64_t v = GDALGetRasterNoDataValueAsUInt64(band, &has);
        has = has && v <= INT64_MAX; /* greater values are invalid anyway */
        b->nodata_i = (int64_t)v;
        b->nodata = (double)v;
    } else {
        double v = GDALGetRasterNoDataValue(band, &has);
        if (b->dtype == TL_I8 && v > 127 && v <= 255)
            v -= 256; /* old files state the bits */
        if (b->dtype == TL_F32)
            v = fabs(v) <= 3.4028235677973366e38 || !isfinite(v)
                    ? (double)(float)v
                    : copysign(3.4028234663852886e38, v);
        has = has && fits(v, b->dtype);
        b->nodata = has ? v : 0;
        b->nodata_i = has && !tl_dtype_is_float(b->dtype) ? (int64_t)v : 0;
    }
    b->has_nodata = has != 0;
}

void tl_raster_also_nodata(tl_source *s, int band, double nodata)
{
    tl_bandinfo *info = &((tl_raster *)s)->info[band];
    const tl_band *b = &s->bands[band];
    if ((b->has_nodata && b->nodata == nodata) || !fits(nodata, b->dtype))
        return;
    if (!info->also)
        info->also = tl_xcalloc(1, sizeof *info->also);
    *info->also = (tl_band){.dtype = b->dtype,
                            .nodata = nodata,
                            .nodata_i = tl_dtype_is_float(b->dtype) ? 0 : (int64_t)nodata};
}

static void read_validity(GDALRasterBandH band, tl_band *b, tl_bandinfo *info)
{
    int flags = GDALGetMaskFlags(band);
    read_nodata(band, b);
    if (flags & GMF_ALL_VALID && b->dtype == TL_I8 && b->has_nodata)
        flags = GMF_NODATA; /* old GDAL thinks that negative numbers cannot occur in it */
    if (flags & GMF_ALL_VALID || GDALGetRasterColorInterpretation(band) == GCI_AlphaBand)
        info->validity = TL_VALID_ALL;
    else if (flags == GMF_NODATA)
        info->validity = b->has_nodata ? TL_VALID_NODATA : TL_VALID_ALL;
    else
        info->validity = TL_VALID_MASK;
    if (info->validity != TL_VALID_NODATA)
        b->has_nodata = 0; /* the number marks nothing here: valid cells may hold it */
}

static void read_looks(GDALRasterBandH band, tl_band *b)
{
    int has_scale = 0, has_offset = 0;
    double scale = GDALGetRasterScale(band, &has_scale);
    double offset = GDALGetRasterOffset(band, &has_offset);
    b->scale = has_scale && isfinite(scale) && scale != 0 ? scale : 1;
    b->offset = has_offset && isfinite(offset) ? offset : 0;
    b->has_scale = b->scale != 1 || b->offset != 0;
    GDALColorTableH table = GDALGetRasterColorTable(band);
    int n = table ? GDALGetColorEntryCount(table) : 0;
    b->is_classes = n > 0 || GDALGetRasterCategoryNames(band) != NULL;
    if (n <= 0 || n > 65536)
        return;
    uint8_t(*colors)[4] = tl_xcalloc((size_t)n, 4);
    for (int i = 0; i < n; i++) {
        GDALColorEntry c = {0, 0, 0, 0};
        GDALGetColorEntryAsRGB(table, i, &c);
        const short v[4] = {c.c1, c.c2, c.c3, c.c4};
        for (int k = 0; k < 4; k++)
            colors[i][k] = (uint8_t)(v[k] < 0 ? 0 : v[k] > 255 ? 255 : v[k]);
    }
    b->colors = (const uint8_t(*)[4])colors;
    b->ncolors = n;
}

static void read_band(tl_raster *r, tl_gdal_ds ds, int i, int together)
{
    GDALRasterBandH band = GDALGetRasterBand(ds.h, i + 1);
    tl_band *b = &r->s.bands[i];
    tl_bandinfo *info = &r->info[i];
    info->type = GDALGetRasterDataType(band);
    GDALGetBlockSize(band, &b->block_w, &b->block_h);
    b->block_bands = together;
    if (map_type(band, info->type, &b->dtype) != 0) {
        const char *type = GDALGetDataTypeName(info->type);
        b->dtype = TL_F64;
        info->refused = tl_xasprintf("its values are of type %s, which has no place in an image",
                                     type ? type : "unknown");
    } else if (GDALGetRasterBandXSize(band) != r->w || GDALGetRasterBandYSize(band) != r->h) {
        info->refused =
            tl_xasprintf("it is %d x %d, the file %d x %d", GDALGetRasterBandXSize(band),
                         GDALGetRasterBandYSize(band), r->w, r->h);
    } else {
        read_validity(band, b, info);
    }
    read_looks(band, b);
}

/* --- plausibility ------------------------------------------------------------------------------
 */

/* What GDAL must hold in memory to deliver the first cell. */
static int check_blocks(const tl_raster *r, tl_err *e)
{
    for (int i = 0; i < r->s.nbands; i++) {
        const tl_band *b = &r->s.bands[i];
        double bytes = (double)b->block_w * b->block_h * b->block_bands *
                       GDALGetDataTypeSizeBytes(r->info[i].type);
        if (b->block_w < 1 || b->block_h < 1 || bytes > (double)MOST_BLOCK_BYTES)
            return tl_fail(e, TL_EDATA,
                           "%s: blocks of %d x %d cells are %.1f GiB in memory, more than 1 GiB: "
                           "rewrite the file in tiles",
                           r->s.uri, b->block_w, b->block_h, bytes / (double)MOST_BLOCK_BYTES);
        if (bytes > FEW_BLOCK_BYTES && r->stamp.bytes >= 0 &&
            bytes > MOST_SQUEEZE * (double)r->stamp.bytes)
            return tl_fail(e, TL_EDATA,
                           "%s claims blocks of %.0f MiB in a file of %lld bytes: it is corrupt",
                           r->s.uri, bytes / 1048576, (long long)r->stamp.bytes);
    }
    return 0;
}

static int check_any(const tl_raster *r, tl_err *e)
{
    for (int i = 0; i < r->s.nbands; i++)
        if (!r->info[i].refused)
            return 0;
    return tl_fail(e, TL_EDATA, "%s: no band can be read: band 1: %s", r->s.uri,
                   r->info[0].refused);
}

/* --- overviews ---------------------------------------------------------------------------------
 */

/* Whether level k (1 = first overview) of every readable band is w x h with the mask it needs. */
static int level_holds(const tl_raster *r, tl_gdal_ds ds, int k, int w, int h)
{
    for (int i = 0; i < r->s.nbands; i++) {
        GDALRasterBandH band = GDALGetRasterBand(ds.h, i + 1);
        if (r->info[i].refused)
            continue;
        GDALRasterBandH o = k <= GDALGetOverviewCount(band) ? GDALGetOverview(band, k - 1) : NULL;
        if (!o || GDALGetRasterBandXSize(o) != w || GDALGetRasterBandYSize(o) != h ||
            GDALGetRasterDataType(o) != r->info[i].type)
            return 0;
        if (r->info[i].validity == TL_VALID_MASK && GDALGetMaskFlags(o) & GMF_ALL_VALID)
            return 0;
    }
    return 1;
}

/* Keeps the levels that all bands share, as long as each is coarser than the one before. */
static void read_levels(tl_raster *r, tl_gdal_ds ds)
{
    int first = 0;
    while (r->info[first].refused)
        first++;
    GDALRasterBandH band = GDALGetRasterBand(ds.h, first + 1);
    int n = GDALGetOverviewCount(band);
    n = n < 0 ? 0 : n > 40 ? 40 : n;
    r->levels = tl_xcalloc((size_t)n + 1, sizeof *r->levels);
    r->levels[0].w = r->w;
    r->levels[0].h = r->h;
    r->nlevels = 1;
    for (int k = 1; k <= n; k++) {
        GDALRasterBandH o = GDALGetOverview(band, k - 1);
        int w = o ? GDALGetRasterBandXSize(o) : 0, h = o ? GDALGetRasterBandYSize(o) : 0;
        const tl_level *last = &r->levels[r->nlevels - 1];
        if (w < 1 || h < 1 || w > last->w || h > last->h || (w == last->w && h == last->h) ||
            !level_holds(r, ds, k, w, h))
            break;
        r->levels[r->nlevels].w = w;
        r->levels[r->nlevels++].h = h;
    }
}

int tl_raster_read_bands(tl_raster *r, tl_gdal_ds ds, tl_err *e)
{
    int code;
    const char *order = GDALGetMetadataItem(ds.h, "INTERLEAVE", "IMAGE_STRUCTURE");
    int together = order && EQUAL(order, "PIXEL") ? r->s.nbands : 1;
    for (int i = 0; i < r->s.nbands; i++)
        read_band(r, ds, i, together);
    name_bands(r, ds);
    if ((code = check_any(r, e)) || (code = check_blocks(r, e)))
        return code;
    read_levels(r, ds);
    r->by_rows = r->s.bands[0].block_w >= r->w;
    return 0;
}
