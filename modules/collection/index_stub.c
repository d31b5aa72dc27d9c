/* A stand-in for the readers of catalogues, until they are there. SPDX-License-Identifier: MIT */
#include "modules/collection/open.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const char *str(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}
static double num(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}
static double at(const json_t *a, size_t i)
{
    return json_number_value(json_array_get(a, i));
}

static double iso(const char *s)
{
    int y, mo, d, h = 0, mi = 0, n;
    double sec = 0;
    if (!s || (n = sscanf(s, "%d-%d-%dT%d:%d:%lf", &y, &mo, &d, &h, &mi, &sec)) < 3)
        return NAN;
    struct tm t = {.tm_year = y - 1900, .tm_mon = mo - 1, .tm_mday = d, .tm_hour = h, .tm_min = mi};
    return (double)timegm(&t) + sec;
}

static int add_item(tl_index *ix, const json_t *item, const char *folder, tl_err *e)
{
    json_t *p = json_object_get(item, "properties"), *props = json_object(), *info = json_object(), *v, *a;
    const char *key, *tile = str(p, "grid:code");
    char crs[32] = "";
    tl_scene s = {.id = str(item, "id"), .collection = str(item, "collection"),
                  .platform = str(p, "platform"), .tile = strncmp(tile, "MGRS-", 5) ? tile : tile + 5,
                  .t0 = iso(str(p, "datetime")), .cloud = num(p, "eo:cloud_cover"), .crs = crs};
    s.t1 = s.t0;
    for (size_t k = 0; k < 4; k++) {
        s.box[k] = at(json_object_get(item, "bbox"), k);
        s.bounds[k] = NAN;
    }
    if (json_is_integer(json_object_get(p, "proj:epsg")))
        snprintf(crs, sizeof crs, "EPSG:%d", (int)num(p, "proj:epsg"));
    const json_t *shape = json_object_get(p, "proj:shape"), *tr = json_object_get(p, "proj:transform");
    if (shape && tr) {
        s.bounds[0] = at(tr, 2);
        s.bounds[3] = at(tr, 5);
        s.bounds[2] = at(tr, 2) + at(shape, 1) * at(tr, 0);
        s.bounds[1] = at(tr, 5) + at(shape, 0) * at(tr, 4);
    }
    json_object_foreach(p, key, v) if (!json_is_object(v) && !json_is_array(v))
        json_object_set(props, key, v);
    tl_asset asset[200];
    json_object_foreach(json_object_get(item, "assets"), key, a)
    {
        const char *h = str(a, "href");
        json_t *rb = json_array_get(json_object_get(a, "raster:bands"), 0);
        if (json_is_object(rb))
            json_object_set(info, key, rb);
        char *full = *h == '/' || strstr(h, "://")
                         ? tl_xstrdup(h)
                         : tl_xasprintf("%s/%s", folder, strncmp(h, "./", 2) ? h : h + 2);
        asset[s.nassets++] = (tl_asset){.key = key, .href = full};
    }
    char *text = json_dumps(props, 0);
    s.properties = text;
    s.asset = asset;
    char *itext = json_dumps(info, JSON_SORT_KEYS);
    s.assets_info = itext;
    int rc = tl_index_add(ix, &s, e);
    for (size_t k = 0; k < s.nassets; k++)
        free((char *)(uintptr_t)asset[k].href);
    free(text);
    free(itext);
    json_decref(info);
    json_decref(props);
    return rc;
}

static int read_file(tl_index *ix, const char *path, int depth, tl_err *e)
{
    json_error_t je;
    json_t *j = json_load_file(path, 0, &je), *f, *l;
    size_t i;
    if (!j)
        return tl_fail(e, TL_EDATA, "%s: %s", path, je.text);
    char *folder = tl_xstrdup(path), *slash = strrchr(folder, '/');
    if (slash)
        *slash = 0;
    else
        strcpy(folder, ".");
    int rc = 0;
    json_array_foreach(json_object_get(j, "features"), i, f) rc = rc ? rc : add_item(ix, f, folder, e);
    if (json_object_get(j, "assets") && json_object_get(j, "properties"))
        rc = add_item(ix, j, folder, e);
    else
        json_array_foreach(json_object_get(j, "links"), i, l)
        {
            const char *rel = str(l, "rel");
            if (depth > 4 || rc || (strcmp(rel, "item") && strcmp(rel, "child")))
                continue;
            char *full = tl_xasprintf("%s/%s", folder, str(l, "href"));
            rc = read_file(ix, full, depth + 1, e);
            free(full);
        }
    free(folder);
    json_decref(j);
    return rc;
}

int tl_collection_open(const char *source, const json_t *options, tl_index **out, tl_err *e)
{
    struct stat st;
    (void)options;
    if (stat(source, &st))
        return tl_fail(e, TL_EIO, "there is no collection %s", source);
    tl_index *ix;
    int rc = tl_index_create(NULL, &ix, e);
    if (!rc)
        rc = read_file(ix, source, 0, e);
    if (rc)
        tl_index_close(ix);
    else
        *out = ix;
    return rc;
}

