/* Folders of scenes. SPDX-License-Identifier: MIT
 *
 * Files are looked at in order of their names, each by the first layout that knows it; scenes are
 * put together from them and one file of each is opened. */
#include "modules/collection/folder_int.h"
#include "modules/collection/open.h"
#include "runtime/mem.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static int has_ext(const char *path, const char *const *list)
{
    const char *dot = strrchr(path, '.');
    for (; dot && *list; list++)
        if (strcasecmp(dot, *list) == 0)
            return 1;
    return 0;
}

static int is_raster(const char *path)
{
    static const char *const ext[] = {".tif", ".tiff", ".jp2", ".img", NULL};
    return has_ext(path, ext);
}

static int is_stack(const char *path)
{
    static const char *const ext[] = {".nc", ".nc4", ".zarr", NULL};
    return has_ext(path, ext);
}

static int take_stack(tl__drafts *all, const tl__file *f, const tl__match *m, tl_err *e)
{
    tl_err why = TL_ERR_INIT;
    if (tl__timestack_take(all, f->path, f->rel, m, &why) == 0)
        return 0;
    return tl__drafts_complain(all, &why, e);
}

static int take(tl__drafts *all, const tl__pattern *pattern, const tl__file *f, tl_err *e)
{
    tl__match m;
    int code = 0;
    if (pattern) {
        if (!tl__pattern_match(pattern, f->rel, &m))
            return 0;
        if (is_stack(f->path))
            code = take_stack(all, f, &m, e);
        else
            tl__pattern_take(all, f, &m);
        tl__match_free(&m);
        return code;
    }
    if (tl__sentinel2_take(all, f) || tl__landsat_take(all, f))
        return 0;
    if (is_stack(f->path))
        return take_stack(all, f, NULL, e);
    if (is_raster(f->path))
        tl__plain_take(all, f);
    return 0;
}

/* What all paths begin with, up to a slash. */
static size_t common_folder(const tl__paths *p)
{
    size_t n = p->n ? strlen(p->path[0]) : 0;
    for (size_t i = 0; i < p->n; i++) {
        size_t k = 0;
        while (k < n && p->path[i][k] == p->path[0][k])
            k++;
        n = k;
    }
    while (n > 0 && p->path[0][n - 1] != '/')
        n--;
    return n;
}

/* `root` is what the paths are relative to, or "" where they are absolute. */
static int take_all(tl__drafts *all, const tl__pattern *pattern, const char *root,
                    const tl__paths *paths, tl_err *e)
{
    int code = 0;
    size_t common = root[0] ? 0 : common_folder(paths);
    const char *slash = strrchr(root, '/'), *top = slash ? slash + 1 : "";
    for (size_t i = 0; i < paths->n && !code; i++) {
        char *full = root[0] ? tl_xasprintf("%s/%s", root, paths->path[i]) : paths->path[i];
        tl__file f = {paths->path[i] + common, full, top};
        code = take(all, pattern, &f, e);
        if (root[0])
            free(full);
    }
    return code;
}

static int fail_empty(const char *source, size_t files, const char *pattern, tl_err *e)
{
    if (pattern)
        return tl_fail(e, TL_EDATA, "%s: none of its %zu files fits the pattern '%s'", source,
                       files, pattern);
    return tl_fail(e, TL_EDATA,
                   "%s: no scene among its %zu files; looked for Sentinel-2 (.SAFE, "
                   "S2A_33TWM_20230810_0_L2A/B04.tif), Landsat (LC08_..._SR_B4.TIF), .tif, .jp2, "
                   ".img, .nc and .zarr; options.pattern takes others",
                   source, files);
}

static int has_scene(const tl__drafts *all)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->draft[i]->nassets > 0)
            return 1;
    return 0;
}

/* A folder, a list of paths (.txt), or one file. */
static int list(const char *source, char root[PATH_MAX], tl__paths *paths, tl_err *e)
{
    struct stat st;
    const char *dot = strrchr(source, '.');
    char *slash;
    if (!realpath(source, root) || stat(root, &st) != 0)
        return tl_fail(e, TL_EDATA, "%s: %s", source, strerror(errno));
    if (S_ISDIR(st.st_mode) && !is_stack(root))
        return tl__walk(root, paths, e);
    if (S_ISREG(st.st_mode) && dot && strcasecmp(dot, ".txt") == 0) {
        int code = tl__walk_list(root, paths, e);
        root[0] = '\0';
        return code;
    }
    slash = strrchr(root, '/');
    paths->path = tl_xmalloc(sizeof *paths->path);
    paths->path[0] = tl_xstrdup(slash + 1);
    paths->n = paths->cap = 1;
    *slash = '\0';
    return 0;
}

int tl_read_folder(const char *source, const json_t *options, tl_index *into, tl_err *e)
{
    char root[PATH_MAX];
    tl__drafts all;
    tl__paths paths = {0};
    tl__pattern *pattern = NULL;
    tl__drafts_init(&all);
    int code = tl__read_options(options, &all, &pattern, e);
    if (!code)
        code = list(source, root, &paths, e);
    if (!code)
        code = take_all(&all, pattern, root, &paths, e);
    if (!code && !has_scene(&all) && !all.left_out)
        code =
            fail_empty(source, paths.n, json_string_value(json_object_get(options, "pattern")), e);
    if (!code)
        code = tl__drafts_add(&all, into, e);
    tl__pattern_free(pattern);
    tl__paths_free(&paths);
    tl__drafts_free(&all);
    return code;
}
