/* GDAL, tamed: see gdal.h. SPDX-License-Identifier: MIT */
#define _LARGEFILE64_SOURCE 1 /* GDAL's stat structure is stat64 */
#include "modules/raster/gdal.h"
#include "modules/raster/blockcache.h"
#include "modules/raster/roots.h"
#include "modules/raster/tiffread.h"
#include "modules/raster/crs.h"
#include "modules/raster/raster_int.h"
#include "runtime/log.h"
#include "runtime/mem.h"
#include "runtime/watch.h"

#include <cpl_conv.h>
#include <cpl_error.h>
#include <cpl_string.h>
#include <cpl_vsi.h>
#include <gdal_alg.h>
#include <ogr_srs_api.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_HANDLES 32 /* of one thread. ORDER modules/batch/memory.c */

/* --- start ----------------------------------------------------------------------------------- */

/* Only what the user's environment does not set. */
static void set_default(const char *key, const char *value)
{
    if (!CPLGetConfigOption(key, NULL))
        CPLSetConfigOption(key, value);
}

/* Messages of threads that GDAL starts itself, and of calls outside a guard. */
static void CPL_STDCALL stray(CPLErr kind, CPLErrorNum number, const char *text)
{
    (void)number;
    if (kind != CE_Debug)
        tl_log(TL_LOG_DEBUG, "GDAL: %s", text);
}

static void start(void)
{
    CPLSetErrorHandler(stray);
    /* Our threads are the parallelism; JPEG 2000 would start one per processor in each of them. */
    CPLSetConfigOption("GDAL_NUM_THREADS", "1");
    /* A VRT's sources belong to the VRT's handle, hence to its thread. */
    CPLSetConfigOption("VRT_SHARED_SOURCE", "0");
    /* A JPEG that ends early is an error, not grey cells. */
    set_default("GDAL_ERROR_ON_LIBJPEG_WARNING", "YES");
    set_default("GDAL_HTTP_MULTIRANGE", "YES");
    set_default("GDAL_HTTP_MERGE_CONSECUTIVE_RANGES", "YES");
    set_default("GDAL_HTTP_MULTIPLEX", "YES");
    set_default("GDAL_HTTP_MAX_RETRY", "4");
    set_default("GDAL_HTTP_RETRY_DELAY", "0.5");
    set_default("GDAL_HTTP_CONNECTTIMEOUT", "20");
    set_default("GDAL_HTTP_LOW_SPEED_TIME", "60");
    set_default("GDAL_HTTP_LOW_SPEED_LIMIT", "1");
    set_default("VSI_CACHE", "YES");
    set_default("VSI_CACHE_SIZE", "5000000");
    set_default("CPL_VSIL_CURL_CACHE_SIZE", "67108864");
    set_default("GDAL_MAX_DATASET_POOL_SIZE", "100");
    GDALAllRegister();
    OSRSetPROJEnableNetwork(0);
    tl_blockcache_limit(CPLGetConfigOption("GDAL_CACHEMAX", NULL) ? GDALGetCacheMax64()
                                                                  : (int64_t)256 << 20);
}

void tl_gdal_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start);
}

void tl_raster_set_cache(int64_t bytes)
{
    tl_gdal_start();
    tl_blockcache_limit(bytes);
}

int tl_raster_open_datasets(void)
{
    GDALDatasetH *all = NULL;
    int n = 0;
    GDALGetOpenDatasets(&all, &n);
    return n;
}

/* --- errors ---------------------------------------------------------------------------------- */

static void one_line(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text);
    for (char *s = to; *s; s++)
        if (*s == '\n' || *s == '\r')
            *s = ' ';
    for (size_t n = strlen(to); n > 0 && to[n - 1] == ' '; n--)
        to[n - 1] = '\0';
}

static void CPL_STDCALL caught(CPLErr kind, CPLErrorNum number, const char *text)
{
    tl_gdal_guard *g = CPLGetErrorHandlerUserData();
    char line[1024];
    (void)number;
    if (kind == CE_Warning) {
        one_line(line, sizeof line, text);
        tl_warn_once("%s", line);
    } else if (kind != CE_Debug && !g->failed++) {
        one_line(g->message, sizeof g->message, text);
    }
}

void tl_gdal_begin(tl_gdal_guard *g, const char *what)
{
    g->failed = 0;
    g->message[0] = '\0';
    g->watched = what != NULL;
    if (what)
        tl_watch_begin(what);
    CPLErrorReset();
    CPLPushErrorHandlerEx(caught, g);
}

void tl_gdal_end(tl_gdal_guard *g)
{
    CPLPopErrorHandler();
    if (g->watched)
        tl_watch_end();
}

int tl_gdal_is_remote(const char *uri)
{
    static const char *const mark[] = {"/vsicurl", "/vsis3",    "/vsigs",   "/vsiaz",  "/vsiadls",
                                       "/vsioss",  "/vsiswift", "/vsihdfs", "http://", "https://"};
    for (size_t i = 0; i < sizeof mark / sizeof mark[0]; i++)
        if (strstr(uri, mark[i]))
            return 1;
    return 0;
}

static int may_pass(const char *uri, const char *message)
{
    static const char *const mark[] = {"HTTP error code: 5", "HTTP response code: 5",
                                       "response code on",   "code: 429",
                                       "timed out",          "Timeout",
                                       "CURL error",         "Could not resolve",
                                       "Connection re",      "SlowDown"};
    /* A file here may be a mosaic of files elsewhere. */
    if (!tl_gdal_is_remote(uri) && !tl_gdal_is_remote(message) && !strstr(message, "CURL error"))
        return 0;
    for (size_t i = 0; i < sizeof mark / sizeof mark[0]; i++)
        if (strstr(message, mark[i]))
            return 1;
    return 0;
}

/* GDAL often begins with the file's name, which our sentence has already. */
static const char *after_name(const char *message, const char *uri)
{
    size_t n = strlen(uri), quoted = message[0] == '`' || message[0] == '\'';
    if (strncmp(message + quoted, uri, n) != 0)
        return message;
    const char *rest = message + quoted + n;
    size_t more = strspn(rest, quoted ? "' " : ":, ");
    return more > 0 && rest[more] ? rest + more : message;
}

int tl_gdal_fail(const tl_gdal_guard *g, const char *uri, int code, tl_err *e, const char *fmt, ...)
{
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (may_pass(uri, g->message))
        code = TL_ETRANSIENT;
    const char *why = after_name(g->message, uri);
    tl_fail(e, code, "%s%s%s", text, why[0] ? ": " : "", why);
    if (e)
        tl_err_source(e, uri);
    return code;
}

/* --- handles --------------------------------------------------------------------------------- */

static __thread struct {
    tl_gdal_handle seat[MOST_HANDLES];
    uint64_t clock;
    int keyed;
} mine;

static tl_gdal_stamp stamp_of_stat(const struct stat *st)
{
    return (tl_gdal_stamp){(int64_t)st->st_size,
                           (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
                           (int64_t)st->st_ino, 0};
}

int tl_gdal_stamp_fits(const tl_gdal_stamp *s, const struct stat *st)
{
    tl_gdal_stamp now = stamp_of_stat(st);
    return s->bytes == now.bytes && s->mtime == now.mtime && s->node == now.node;
}

tl_gdal_stamp tl_gdal_stamp_of(const char *uri)
{
    struct stat st;
    VSIStatBufL vsi;
    if (strncmp(uri, "/vsi", 4) != 0) {
        if (stat(uri, &st) == 0)
            return stamp_of_stat(&st);
    } else if (!tl_gdal_is_remote(uri) && VSIStatL(uri, &vsi) == 0) {
        return (tl_gdal_stamp){(int64_t)vsi.st_size, (int64_t)vsi.st_mtime * 1000000000, -1, 0};
    }
    return (tl_gdal_stamp){-1, -1, -1, 0};
}

void tl_gdal_handle_rest(tl_gdal_handle *h)
{
    tl_gdal_guard g;
    tl_gdal_begin(&g, NULL);
    if (h->transformer)
        GDALDestroyGenImgProjTransformer(h->transformer);
    if (h->ds.h)
        GDALClose(h->ds.h);
    tl_gdal_end(&g);
    h->transformer = NULL;
    h->ds.h = NULL;
}

static void close_handle(tl_gdal_handle *h)
{
    tl_gdal_handle_rest(h);
    tl_tiffread_close(h->tiff);
    memset(h, 0, sizeof *h);
}

void tl_gdal_handles_close(void)
{
    for (int i = 0; i < MOST_HANDLES; i++)
        close_handle(&mine.seat[i]);
}

void tl_gdal_handle_drop(const char *uri)
{
    for (int i = 0; i < MOST_HANDLES; i++)
        if (mine.seat[i].uri && strcmp(mine.seat[i].uri, uri) == 0)
            close_handle(&mine.seat[i]);
}

void tl_raster_thread_done(void)
{
    tl_gdal_handles_close();
    tl_tiffread_thread_done();
    tl_raster_placed_done();
    tl_crs_thread_done();
}

static pthread_key_t leave_key;

static void at_exit_of_thread(void *unused)
{
    (void)unused;
    tl_raster_thread_done();
}

static void make_key(void)
{
    pthread_key_create(&leave_key, at_exit_of_thread);
}

void tl_gdal_thread_begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (mine.keyed)
        return;
    pthread_once(&once, make_key);
    pthread_setspecific(leave_key, &mine);
    mine.keyed = 1;
}

static int open_dataset(const char *uri, const tl_roots *roots, GDALDatasetH *out, tl_err *e)
{
    int rc = roots ? tl_roots_check_sidecars(roots, uri, e) : 0;
    if (rc)
        return rc;
    char what[256];
    tl_gdal_guard g;
    snprintf(what, sizeof what, "open %s", uri);
    tl_gdal_begin(&g, what);
    /* A server's directory is not listed to find side-cars; on a disk it is. */
    if (tl_gdal_is_remote(uri))
        CPLSetThreadLocalConfigOption("GDAL_DISABLE_READDIR_ON_OPEN", "EMPTY_DIR");
    GDALDatasetH ds = GDALOpenEx(uri, GDAL_OF_RASTER | GDAL_OF_READONLY | GDAL_OF_VERBOSE_ERROR,
                                 roots ? roots->driver : NULL, NULL, NULL);
    if (ds && roots && (rc = tl_roots_check_dataset(roots, ds, uri, e))) {
        GDALClose(ds);
        ds = NULL;
    }
    if (tl_gdal_is_remote(uri))
        CPLSetThreadLocalConfigOption("GDAL_DISABLE_READDIR_ON_OPEN", NULL);
    tl_gdal_end(&g);
    if (rc)
        return rc;
    if (!ds)
        return tl_gdal_fail(&g, uri, TL_EDATA, e, "cannot open %s", uri);
    *out = ds;
    return 0;
}

tl_gdal_handle *tl_gdal_handle_get(const char *uri, tl_gdal_stamp stamp)
{
    tl_gdal_handle *oldest = &mine.seat[0];
    tl_gdal_thread_begin();
    for (int i = 0; i < MOST_HANDLES; i++) {
        tl_gdal_handle *h = &mine.seat[i];
        if (h->uri && memcmp(&h->stamp, &stamp, sizeof stamp) == 0 && strcmp(h->uri, uri) == 0) {
            h->used = ++mine.clock;
            return h;
        }
        if (h->used < oldest->used)
            oldest = h;
    }
    close_handle(oldest);
    *oldest = (tl_gdal_handle){{NULL}, tl_intern(uri), stamp, NULL, ++mine.clock, NULL};
    return oldest;
}

int tl_gdal_handle_open(tl_gdal_handle *h, tl_err *e)
{
    return h->ds.h ? 0 : open_dataset(h->uri, tl_roots_of_id(h->stamp.roots), &h->ds.h, e);
}
