/* Where a run's products go: see place.h. SPDX-License-Identifier: MIT */
#include "modules/batch/place.h"
#include "modules/batch/engine.h"
#include "modules/raster/cube.h"
#include "modules/raster/outdir.h"
#include "runtime/mem.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

char *tl_product_path(const tl_plan_output *o, const char *dir)
{
    static const char *const suffix[] = {"tif", "tif", "png", "zarr", "nc"}; /* ORDER tl_format */
    return tl_xasprintf("%s/%s.%s", dir, o->name, suffix[o->product.format]);
}

static double product_bytes(const tl_plan_output *o)
{
    return (double)o->product.grid.w * (double)o->product.grid.h * o->nbands * o->nsteps *
           (double)tl_dtype_size(o->product.dtype);
}

int tl__place_check_size(const tl_plan *p, int64_t most, tl_err *e)
{
    double cells = 0;
    for (int i = 0; i < p->n; i++)
        cells +=
            (double)p->out[i].product.grid.w * (double)p->out[i].product.grid.h * p->out[i].nsteps;
    if (most > 0 && cells > (double)most)
        return tl_fail(e, TL_EUSAGE, "the products have %.17g cells, --max-pixels allows %lld",
                       cells, (long long)most);
    return 0;
}

static int check_room(const tl_plan *p, const char *dir, tl_err *e)
{
    double bytes = 0;
    for (int i = 0; i < p->n; i++)
        bytes += product_bytes(&p->out[i]);
    struct statvfs v;
    if (statvfs(dir, &v))
        return tl_fail(e, TL_EIO, "cannot write into %s: %s", dir, strerror(errno));
    double room = (double)v.f_bavail * (double)v.f_frsize;
    if (bytes > room)
        return tl_fail(e, TL_EIO,
                       "the products have %.1f MiB before compression, %s has %.1f MiB left",
                       bytes / 1048576, dir, room / 1048576);
    return 0;
}

/* As mkdir -p. */
static int make_folders(const char *dir)
{
    char *path = tl_xstrdup(dir);
    int failed = 0;
    for (char *p = path + 1; *p && !failed; p++)
        if (*p == '/') {
            *p = '\0';
            failed = mkdir(path, 0777) && errno != EEXIST;
            *p = '/';
        }
    failed = failed || (mkdir(path, 0777) && errno != EEXIST);
    free(path);
    return failed;
}

int tl__place_prepare(const tl_plan *p, const char *dir, tl_err *e)
{
    if (make_folders(dir))
        return tl_fail(e, TL_EIO, "cannot make %s: %s", dir, strerror(errno));
    int rc = check_room(p, dir, e);
    for (int i = 0; i < p->n && !rc; i++) {
        if (p->out[i].product.format != TL_ZARR)
            continue;
        char *path = tl_product_path(&p->out[i], dir);
        rc = tl_zarr_may_replace(path, e);
        free(path);
    }
    return rc;
}

/* Whether `entry` is .NAME.tmp-PID or .NAME.old-PID of a process that is gone. */
static int is_dead(const char *entry, const char *name)
{
    size_t n = strlen(name);
    char *end = NULL;
    if (entry[0] != '.' || strncmp(entry + 1, name, n) != 0 ||
        (strncmp(entry + 1 + n, ".tmp-", 5) != 0 && strncmp(entry + 1 + n, ".old-", 5) != 0))
        return 0;
    long pid = strtol(entry + n + 6, &end, 10);
    return pid > 0 && *end == '\0' && kill((pid_t)pid, 0) && errno == ESRCH;
}

void tl__place_mend(const tl_plan *p, const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    while (d && (entry = readdir(d)))
        for (int i = 0; entry->d_name[0] == '.' && i < p->n; i++) {
            char *path = tl_product_path(&p->out[i], dir);
            if (is_dead(entry->d_name, path + strlen(dir) + 1))
                tl_outdir_mend(path, entry->d_name);
            free(path);
        }
    if (d)
        closedir(d);
}
