/* Where a stranger's sources may lie: see roots.h. SPDX-License-Identifier: MIT */
#include "modules/raster/roots.h"
#include "modules/raster/gdal.h"
#include "runtime/mem.h"

#include <cpl_string.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_SETS    64
#define MOST_SIDECAR (1 << 20) /* bytes */

/* Formats whose files hold their pixels themselves. HDF5, netCDF 4, VRT and Zarr can name others.
 */
static const char *const drivers[] = {"GTiff", "PNG", "JPEG", "JP2OpenJPEG", "WEBP", NULL};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static tl_roots *set[MOST_SETS];
static int nsets;

static int is_prefix(const char *root)
{
    return strncmp(root, "/vsi", 4) == 0 || strstr(root, "://");
}

static int add_root(tl_roots *r, const char *root, int *nf, int *np, tl_err *e)
{
    char full[PATH_MAX];
    if (is_prefix(root)) {
        r->prefix[(*np)++] = tl_xstrdup(root);
        return root[strlen(root) - 1] == '/'
                   ? 0
                   : tl_fail(e, TL_EUSAGE, "%s: an address that is a root ends in '/'", root);
    }
    if (!realpath(root, full))
        return tl_fail(e, TL_EUSAGE, "%s: no such folder: %s", root, strerror(errno));
    r->folder[(*nf)++] = tl_xstrdup(full);
    return 0;
}

static void free_roots(tl_roots *r)
{
    for (char **p = r->folder; *p; p++)
        free(*p);
    for (char **p = r->prefix; *p; p++)
        free(*p);
    free(r->folder);
    free(r->prefix);
    free(r);
}

int tl_roots_new(const char *const *root, int n, const tl_roots **out, tl_err *e)
{
    tl_roots *r = tl_xcalloc(1, sizeof *r);
    int nf = 0, np = 0, rc = 0;
    r->folder = tl_xcalloc((size_t)n + 1, sizeof *r->folder);
    r->prefix = tl_xcalloc((size_t)n + 1, sizeof *r->prefix);
    r->driver = drivers;
    for (int k = 0; k < n && !rc; k++)
        rc = add_root(r, root[k], &nf, &np, e);
    pthread_mutex_lock(&lock);
    if (!rc && nsets == MOST_SETS)
        rc = tl_fail(e, TL_EUSAGE, "more than %d sets of roots in one process", MOST_SETS);
    if (!rc) {
        set[nsets++] = r;
        r->id = nsets;
    }
    pthread_mutex_unlock(&lock);
    if (rc)
        free_roots(r);
    else
        *out = r;
    return rc;
}

const tl_roots *tl_roots_of_id(int64_t id)
{
    pthread_mutex_lock(&lock);
    const tl_roots *r = id > 0 && id <= nsets ? set[id - 1] : NULL;
    pthread_mutex_unlock(&lock);
    return r;
}

/* --- paths
 * ---------------------------------------------------------------------------------------- */

static int is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && (path[n] == '/' || (n > 0 && folder[n - 1] == '/'));
}

static int has_prefix(const tl_roots *r, const char *path)
{
    for (char **p = r->prefix; *p; p++)
        if (strncmp(path, *p, strlen(*p)) == 0 && !strstr(path, "/..") && !strstr(path, "%2e") &&
            !strstr(path, "%2E"))
            return 1;
    return 0;
}

static int refused(tl_err *e, const char *path)
{
    return tl_fail(e, TL_EDATA, "%.300s is not a file below the folders that are open to others",
                   path);
}

int tl_roots_resolve(const tl_roots *r, const char *path, char **real, tl_err *e)
{
    char full[PATH_MAX];
    struct stat st;
    if (has_prefix(r, path)) {
        *real = tl_xstrdup(path);
        return 0;
    }
    if (path[0] != '/' || strncmp(path, "/vsi", 4) == 0 || !realpath(path, full) ||
        stat(full, &st) || !S_ISREG(st.st_mode))
        return refused(e, path);
    for (char **p = r->folder; *p; p++)
        if (is_below(full, *p)) {
            *real = tl_xstrdup(full);
            return 0;
        }
    return refused(e, path);
}

/* A file that a file names: relative to it, or as it stands. */
static int check_named(const tl_roots *r, const char *beside, const char *name, tl_err *e)
{
    char path[PATH_MAX], *real = NULL;
    const char *slash = strrchr(beside, '/');
    if (name[0] == '/' || !slash)
        snprintf(path, sizeof path, "%s", name);
    else
        snprintf(path, sizeof path, "%.*s/%s", (int)(slash - beside), beside, name);
    int rc = tl_roots_resolve(r, path, &real, e);
    free(real);
    return rc;
}

/* --- side-cars
 * -------------------------------------------------------------------------------------- */

/* Words by which GDAL's side-cars name another file. */
static int names_a_file(const char *text)
{
    static const char *const words[] = {"OVERVIEW_FILE",
                                        "X_DATASET",
                                        "Y_DATASET",
                                        "SourceFilename",
                                        "SourceDataset",
                                        "MASK_FILE",
                                        "HISTOGRAM_FILE",
                                        "<VRT",
                                        "/vsi",
                                        "://",
                                        NULL};
    for (const char *const *w = words; *w; w++)
        if (strstr(text, *w))
            return 1;
    return 0;
}

/* 0 = not there, or harmless. */
static int check_sidecar(const tl_roots *r, const char *path, tl_err *e)
{
    struct stat st;
    char *real = NULL;
    if (lstat(path, &st))
        return 0;
    int rc = tl_roots_resolve(r, path, &real, e);
    FILE *f = rc ? NULL : fopen(real, "rb");
    free(real);
    if (rc || !f)
        return rc ? rc : refused(e, path);
    char *text = tl_xcalloc(MOST_SIDECAR + 1, 1);
    size_t n = fread(text, 1, MOST_SIDECAR, f);
    int whole = n < MOST_SIDECAR && strlen(text) == n;
    fclose(f);
    if (!whole || names_a_file(text))
        rc = tl_fail(e, TL_EDATA, "%s names further files: not read for others", path);
    free(text);
    return rc;
}

int tl_roots_check_sidecars(const tl_roots *r, const char *real, tl_err *e)
{
    if (is_prefix(real))
        return 0; /* none are looked for there */
    char *aux = tl_xasprintf("%s.aux.xml", real), *upper = tl_xasprintf("%s.AUX.XML", real);
    int rc = check_sidecar(r, aux, e);
    rc = rc ? rc : check_sidecar(r, upper, e);
    free(aux);
    free(upper);
    return rc;
}

/* --- open datasets
 * ---------------------------------------------------------------------------------- */

static int check_files(const tl_roots *r, GDALDatasetH ds, tl_err *e)
{
    char **files = GDALGetFileList(ds), *real = NULL;
    int rc = 0;
    for (char **f = files; f && *f && !rc; f++) {
        rc = tl_roots_resolve(r, *f, &real, e);
        free(real);
        real = NULL;
    }
    CSLDestroy(files);
    return rc;
}

int tl_roots_check_dataset(const tl_roots *r, void *dataset, const char *real, tl_err *e)
{
    static const char *const keys[] = {"X_DATASET", "Y_DATASET", NULL};
    int rc = is_prefix(real) ? 0 : check_files(r, dataset, e);
    char **geolocation = GDALGetMetadata(dataset, "GEOLOCATION");
    for (const char *const *k = keys; *k && !rc; k++) {
        const char *name = CSLFetchNameValue(geolocation, *k);
        rc = name ? check_named(r, real, name, e) : 0;
    }
    return rc;
}
