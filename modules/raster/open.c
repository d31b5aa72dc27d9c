/* Opening a file as a source. SPDX-License-Identifier: MIT */
#include "modules/raster/crs.h"
#include "modules/raster/raster_int.h"
#include "modules/raster/roots.h"
#include "modules/raster/tiffread.h"
#include "runtime/buf.h"
#include "runtime/hash.h"
#include "runtime/mem.h"

#include <cpl_string.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_BANDS 65536

static void destroy(tl_source *s)
{
    tl_raster *r = (tl_raster *)s;
    tl_gdal_handle_drop(s->uri); /* this thread's; other threads close theirs when they end */
    for (int i = 0; i < s->nbands && s->bands; i++) {
        free((void *)s->bands[i].colors);
        free(r->info[i].also);
        free(r->info[i].refused);
    }
    free(s->bands);
    free(r->info);
    free(r->levels);
    free(s->uri);
    free(r);
    tl_live(TL_LIVE_SOURCE, -1);
}

const tl_source_vt tl_raster_vt = {.destroy = destroy,
                                   .sample = tl_raster_sample,
                                   .sampling_destroy = tl_raster_sampling_destroy,
                                   .working_bytes = tl_raster_working_bytes,
                                   .read = tl_raster_read};

/* NETCDF:"file":variable, HDF5:file://x: the file inside made absolute where it is one. NULL when
 * the name has no such form. */
static char *absolute_inside(const char *name)
{
    char file[PATH_MAX], full[PATH_MAX];
    const char *from = strchr(name, ':');
    if (!from)
        return NULL;
    int quoted = from[1] == '"';
    from += 1 + quoted;
    size_t n = strcspn(from, quoted ? "\"" : ":");
    if (n == 0 || n >= sizeof file || from[0] == '/')
        return NULL;
    memcpy(file, from, n);
    file[n] = '\0';
    if (!realpath(file, full))
        return NULL;
    return tl_xasprintf("%.*s%s%s", (int)(from - name), name, full, from + n);
}

/* malloc'd */
static char *absolute(const char *path)
{
    char full[PATH_MAX];
    if (strncmp(path, "/vsi", 4) != 0 && realpath(path, full))
        return tl_xstrdup(full);
    char *inside = absolute_inside(path);
    return inside ? inside : tl_xstrdup(path);
}

static int is_plain_missing(const char *path)
{
    return strncmp(path, "/vsi", 4) != 0 && !strchr(path, ':') && path[0] != '<' &&
           access(path, R_OK) != 0;
}

/* A container: say what it contains. */
static int fail_without_bands(const char *uri, GDALDatasetH ds, tl_err *e)
{
    tl_buf names = TL_BUF_INIT;
    char **sub = GDALGetMetadata(ds, "SUBDATASETS");
    int n = CSLCount(sub) / 2;
    for (int i = 1; i <= n && i <= 3; i++) {
        char key[40];
        snprintf(key, sizeof key, "SUBDATASET_%d_NAME", i);
        const char *name = CSLFetchNameValue(sub, key);
        if (name)
            tl_buf_printf(&names, "%s%s", names.len ? ", " : "", name);
    }
    if (names.len)
        tl_fail(e, TL_EDATA, "%s holds %d rasters, open one by its name: %s%s", uri, n,
                tl_buf_text(&names), n > 3 ? ", ..." : "");
    else
        tl_fail(e, TL_EDATA, "%s has no raster band", uri);
    tl_buf_free(&names);
    return TL_EDATA;
}

static int is_geotiff(const char *uri, GDALDatasetH ds)
{
    GDALDriverH driver = GDALGetDatasetDriver(ds);
    return driver && EQUAL(GDALGetDriverShortName(driver), "GTiff") && uri[0] == '/' &&
           strncmp(uri, "/vsi", 4) != 0;
}

static int describe(tl_raster *r, tl_gdal_handle *h, tl_err *e)
{
    tl_gdal_guard g;
    char what[256];
    r->w = GDALGetRasterXSize(h->ds.h);
    r->h = GDALGetRasterYSize(h->ds.h);
    int nbands = GDALGetRasterCount(h->ds.h);
    if (nbands < 1)
        return fail_without_bands(r->s.uri, h->ds.h, e);
    if (nbands > MOST_BANDS || r->w < 1 || r->h < 1)
        return tl_fail(e, TL_EDATA, "%s: %d x %d cells in %d bands cannot be read", r->s.uri, r->w,
                       r->h, nbands);
    /* Every format spends some bytes on a band; a lying count costs GDAL minutes. */
    if (nbands > 256 && r->stamp.bytes >= 0 && r->stamp.bytes < nbands)
        return tl_fail(e, TL_EDATA, "%s claims %d bands in a file of %lld bytes: it is corrupt",
                       r->s.uri, nbands, (long long)r->stamp.bytes);
    r->geotiff = is_geotiff(r->s.uri, h->ds.h);
    r->s.bands = tl_xcalloc((size_t)nbands, sizeof *r->s.bands);
    r->info = tl_xcalloc((size_t)nbands, sizeof *r->info);
    r->s.nbands = nbands;
    snprintf(what, sizeof what, "describe %s", r->s.uri);
    tl_gdal_begin(&g, what);
    int code = tl_raster_read_bands(r, h->ds, e);
    tl_gdal_end(&g);
    return code ? code : tl_raster_read_georef(r, h, e);
}

static uint64_t identity(const char *uri, const tl_gdal_stamp *stamp)
{
    char hex[65];
    char *text = tl_xasprintf("%s %lld %lld %lld", uri, (long long)stamp->bytes,
                              (long long)stamp->mtime, (long long)stamp->node);
    tl_sha256(text, strlen(text), hex);
    free(text);
    hex[16] = '\0';
    return strtoull(hex, NULL, 16) | 1;
}

/* roots NULL: wherever it is. */
static int open_once(const char *path, const tl_roots *roots, tl_source **out, tl_err *e)
{
    tl_gdal_start();
    if (!path[0])
        return tl_fail(e, TL_EDATA, "which file? its name is empty");
    if (!roots && is_plain_missing(path))
        return tl_fail(e, TL_EDATA, "%s: no such file, or it may not be read", path);
    char *real = NULL;
    int code = roots ? tl_roots_resolve(roots, path, &real, e) : 0;
    if (code)
        return code;
    tl_raster *r = tl_xcalloc(1, sizeof *r);
    r->s.vt = &tl_raster_vt;
    atomic_init(&r->s.refs, 1);
    r->s.uri = real ? real : absolute(path);
    r->stamp = tl_gdal_stamp_of(r->s.uri);
    r->stamp.roots = roots ? roots->id : 0;
    r->s.identity = identity(r->s.uri, &r->stamp);
    tl_live(TL_LIVE_SOURCE, 1);
    tl_gdal_handle *h = tl_gdal_handle_get(r->s.uri, r->stamp);
    code = tl_gdal_handle_open(h, e);
    if (!code)
        code = describe(r, h, e);
    if (code) {
        if (e)
            tl_err_source(e, r->s.uri);
        tl_source_unref(&r->s);
        return code;
    }
    if (tl_tiffread_is_enough(r, h))
        tl_gdal_handle_rest(h);
    *out = &r->s;
    return 0;
}

int tl_raster_open_within(const char *path, const tl_roots *roots, tl_source **out, tl_err *e)
{
    for (int tries = 1;; tries++) {
        tl_err own = TL_ERR_INIT;
        int code = open_once(path, roots, out, &own);
        if (!code || !tl_raster_try_again(path, code, tries)) {
            if (code && e)
                *e = own;
            return code;
        }
    }
}

int tl_raster_open(const char *path, tl_source **out, tl_err *e)
{
    return tl_raster_open_within(path, NULL, out, e);
}

/* --- doctor ------------------------------------------------------------------------------------
 */

const char *tl_raster_versions(void)
{
    static const char *const wanted[] = {"GTiff", "COG", "JP2OpenJPEG", "netCDF", "HDF5",
                                         "Zarr",  "VRT", "PNG",         "JPEG",   "WEBP"};
    tl_buf b = TL_BUF_INIT;
    tl_gdal_start();
    PJ_INFO proj = proj_info();
    tl_buf_printf(&b, "GDAL: %s\nPROJ: %s\nproj.db: %s\n", GDALVersionInfo("RELEASE_NAME"),
                  proj.version, tl_crs_database());
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        tl_buf_printf(&b, "driver %s: %s\n", wanted[i],
                      GDALGetDriverByName(wanted[i]) ? "yes" : "no");
    const char *text = tl_intern(tl_buf_text(&b));
    tl_buf_free(&b);
    return text;
}
