/* What a source is, and who reads it. SPDX-License-Identifier: MIT */
#include "modules/collection/open.h"
#include "modules/collection/bulk.h"
#include "modules/collection/href.h"
#include "runtime/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), k = strlen(suffix);
    return n >= k && strcasecmp(s + n - k, suffix) == 0;
}

static int ends_in(const char *s, const char *const *suffix)
{
    for (; *suffix; suffix++)
        if (ends(s, *suffix))
            return 1;
    return 0;
}

static int has_file(const char *dir, const char *name)
{
    struct stat st;
    char *path = tl_xasprintf("%s/%s", dir, name);
    int there = stat(path, &st) == 0;
    free(path);
    return there;
}

static int has_any(const char *dir, const char *const *name)
{
    for (; *name; name++)
        if (has_file(dir, *name))
            return 1;
    return 0;
}

static int first_byte(const char *path)
{
    FILE *f = fopen(path, "rb");
    int c = EOF;
    if (!f)
        return EOF;
    do
        c = getc(f);
    while (c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == 0xef || c == 0xbb || c == 0xbf);
    fclose(f);
    return c;
}

static int is_search(const char *url, const json_t *options)
{
    static const char *const members[] = {"collections", "ids",        "bbox",
                                          "datetime",    "intersects", "query",
                                          "filter",      "limit",      "prefer"};
    size_t path = strcspn(url, "?#");
    if (path > 7 && strncmp(url + path - 7, "/search", 7) == 0)
        return 1;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (json_object_get(options, members[i]))
            return 1;
    return 0;
}

static tl_reader *reader_of_folder(const char *path)
{
    static const char *const stac[] = {"catalog.json", "collection.json", NULL};
    static const char *const zarr[] = {".zgroup", ".zmetadata", "zarr.json", ".zarray", NULL};
    if (has_any(path, zarr))
        return tl_read_timestack;
    /* In a folder of scenes a `pattern` says that its files are meant. */
    return has_any(path, stac) ? tl_read_stac : tl_read_folder;
}

static tl_reader *reader_of(const char *source, const json_t *options)
{
    static const char *const lines[] = {".ndjson", ".jsonl", ".geojsonl", ".ndgeojson", NULL};
    static const char *const json[] = {".json", ".geojson", NULL};
    static const char *const files[] = {".tif", ".tiff", ".jp2", ".img", ".txt", NULL};
    static const char *const times[] = {".nc", ".nc4", ".h5", ".hdf", ".zarr", ".zarr/", NULL};
    struct stat st;
    if (tl_href_is_http(source))
        return is_search(source, options) ? tl_read_stac_api : tl_read_stac;
    if (strncmp(source, "NETCDF:", 7) == 0 || strncmp(source, "ZARR:", 5) == 0)
        return tl_read_timestack;
    int there = stat(source, &st) == 0;
    if (there && S_ISDIR(st.st_mode))
        return json_object_get(options, "pattern") ? tl_read_folder : reader_of_folder(source);
    if (ends_in(source, lines))
        return tl_read_ndjson;
    if (ends(source, ".csv"))
        return tl_read_csv;
    if (ends_in(source, times))
        return tl_read_timestack;
    if (there && ends_in(source, files))
        return tl_read_folder;
    /* What is called JSON and is none gets the error of who reads that. */
    if (ends_in(source, json) || tl_href_is_remote(source))
        return tl_read_stac;
    int c = there ? first_byte(source) : EOF;
    return c == '{' || c == '[' ? tl_read_stac : NULL;
}

/* --- copies ----------------------------------------------------------------------------------- */

static int copy_scene(void *ctx, const tl_scene *s, tl_err *e)
{
    return tl_index_add(ctx, s, e);
}

static int copy_index(const char *source, const json_t *options, tl_index *into, tl_err *e)
{
    tl_index *from = NULL;
    int rc = tl__no_options(options, "an index", e);
    if (!rc)
        rc = tl_index_open(source, &from, e);
    if (!rc)
        rc = tl_index_query(from, NULL, copy_scene, into, e);
    tl_index_close(from);
    return rc;
}

int tl_collection_read(const char *source, const json_t *options, tl_index *into, tl_err *e)
{
    struct stat st;
    if (tl_index_is_index(source))
        return copy_index(source, options, into, e);
    tl_reader *read = reader_of(source, options);
    if (read)
        return read(source, options, into, e);
    if (!strstr(source, "://") && stat(source, &st))
        return tl_fail(e, TL_EDATA, "%s: %s", source, strerror(errno));
    return tl_fail(e, TL_EDATA,
                   "%s: is nothing that lists scenes: no STAC (.json, .ndjson), table (.csv), "
                   "folder, NetCDF, Zarr or index",
                   source);
}

int tl_collection_open(const char *source, const json_t *options, const json_t *wanted,
                       tl_index **out, tl_err *e)
{
    tl_index *ix = NULL;
    if (tl_index_is_index(source)) {
        int rc = tl__no_options(options, "an index", e);
        return rc ? rc : tl_index_open(source, out, e);
    }
    int rc = tl_index_create(NULL, &ix, e);
    if (!rc) {
        tl_index_want(ix, wanted);
        rc = tl_collection_read(source, options, ix, e);
        tl_index_want(ix, NULL);
    }
    if (!rc)
        *out = ix;
    else
        tl_index_close(ix);
    return rc;
}
