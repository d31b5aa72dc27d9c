/* A stand-in for the index and the readers of catalogues, until they are there: scenes in a JSON
 * array, queries evaluated one scene after the other. SPDX-License-Identifier: MIT */
#include "modules/collection/open.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct tl_index {
    json_t *scenes;
};

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

int tl_index_create(const char *path, tl_index **out, tl_err *e)
{
    (void)path, (void)e;
    tl_index *ix = tl_xcalloc(1, sizeof *ix);
    ix->scenes = json_array();
    *out = ix;
    return 0;
}
void tl_index_close(tl_index *ix)
{
    if (ix)
        json_decref(ix->scenes);
    free(ix);
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

static void add_item(tl_index *ix, const json_t *item, const char *folder)
{
    json_t *p = json_object_get(item, "properties"), *s = json_object(), *props = json_object(), *v;
    const char *key, *coll = str(item, "collection");
    json_object_set_new(s, "id", json_string(str(item, "id")));
    json_object_set_new(s, "collection", json_string(coll));
    json_object_set_new(s, "platform", json_string(str(p, "platform")));
    const char *tile = str(p, "grid:code");
    json_object_set_new(s, "tile", json_string(strncmp(tile, "MGRS-", 5) ? tile : tile + 5));
    double t = iso(str(p, "datetime"));
    if (!isnan(t))
        json_object_set_new(s, "t0", json_real(t));
    if (!isnan(num(p, "eo:cloud_cover")))
        json_object_set_new(s, "cloud", json_real(num(p, "eo:cloud_cover")));
    json_object_set(s, "box", json_object_get(item, "bbox"));
    if (json_is_integer(json_object_get(p, "proj:epsg"))) {
        char crs[32];
        snprintf(crs, sizeof crs, "EPSG:%d", (int)num(p, "proj:epsg"));
        json_object_set_new(s, "crs", json_string(crs));
    }
    json_object_foreach(p, key, v) if (!json_is_object(v) && !json_is_array(v))
        json_object_set(props, key, v);
    json_t *assets = json_array(), *a;
    json_object_foreach(json_object_get(item, "assets"), key, a)
    {
        const char *h = str(a, "href");
        json_t *rb = json_array_get(json_object_get(a, "raster:bands"), 0);
        const json_t *off = json_object_get(rb, "offset");
        if (json_is_number(off) && json_number_value(off) != 0 && num(rb, "scale") == 0.0001)
            json_object_set_new(props, "raster:offset", json_real(json_number_value(off)));
        char *full = *h == '/' || strstr(h, "://")
                         ? tl_xstrdup(h)
                         : tl_xasprintf("%s/%s", folder, strncmp(h, "./", 2) ? h : h + 2);
        json_array_append_new(assets, json_pack("{s:s,s:s,s:i}", "key", key, "href", full, "band", 0));
        free(full);
    }
    json_object_set_new(s, "properties", props);
    json_object_set_new(s, "assets", assets);
    json_array_append_new(ix->scenes, s);
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
    json_array_foreach(json_object_get(j, "features"), i, f) add_item(ix, f, folder);
    if (json_object_get(j, "assets") && json_object_get(j, "properties"))
        add_item(ix, j, folder);
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

static json_t *value_of(const json_t *s, const char *name)
{
    static const char *const own[] = {"id", "collection", "platform", "tile", "cloud", "t0", NULL};
    double t = num(s, "t0");
    time_t tt = (time_t)t;
    struct tm tm;
    gmtime_r(&tt, &tm);
    for (int i = 0; own[i]; i++)
        if (!strcmp(own[i], name))
            return json_incref(json_object_get(s, name));
    if (!strcmp(name, "datetime"))
        return isnan(t) ? NULL : json_real(t);
    if (!strcmp(name, "year"))
        return isnan(t) ? NULL : json_integer(tm.tm_year + 1900);
    if (!strcmp(name, "month"))
        return isnan(t) ? NULL : json_integer(tm.tm_mon + 1);
    if (!strcmp(name, "day"))
        return isnan(t) ? NULL : json_integer(tm.tm_mday);
    return json_incref(json_object_get(json_object_get(s, "properties"), name));
}

static int compare(const json_t *a, const json_t *b)
{
    if (!a || !b)
        return !a - !b;
    if (json_is_number(a) && json_is_number(b)) {
        double x = json_number_value(a), y = json_number_value(b);
        return (x > y) - (x < y);
    }
    if (json_is_string(a) && json_is_string(b))
        return strcmp(json_string_value(a), json_string_value(b));
    return json_equal((json_t *)(uintptr_t)a, (json_t *)(uintptr_t)b) ? 0 : 2;
}

static int holds(const json_t *s, const json_t *c)
{
    json_t *v = value_of(s, str(c, "property")), *w = json_object_get(c, "value"), *x;
    const char *op = str(c, "op");
    size_t i;
    int yes = 0, d = v ? compare(v, w) : 0;
    if (v && !strcmp(op, "in"))
        json_array_foreach(w, i, x) yes |= compare(v, x) == 0;
    else if (v)
        yes = !strcmp(op, "<")    ? d == -1
              : !strcmp(op, "<=") ? d == 0 || d == -1
              : !strcmp(op, ">")  ? d == 1
              : !strcmp(op, ">=") ? d == 0 || d == 1
              : !strcmp(op, "==") ? d == 0
                                  : d != 0;
    json_decref(v);
    return yes;
}

static const json_t *sort_keys;
static int by_keys(const void *pa, const void *pb)
{
    const json_t *a = *(json_t *const *)pa, *b = *(json_t *const *)pb, *k;
    size_t i;
    json_array_foreach(sort_keys, i, k)
    {
        json_t *x = value_of(a, json_string_value(json_array_get(k, 0)));
        json_t *y = value_of(b, json_string_value(json_array_get(k, 0)));
        const char *dir = json_string_value(json_array_get(k, 1));
        int d = x && y ? compare(x, y) : compare(x, y) * 4;
        json_decref(x), json_decref(y);
        if (d)
            return abs(d) == 4 ? d : dir && !strcmp(dir, "desc") ? -d : d;
    }
    double d = num(a, "t0") - num(b, "t0");
    return d < 0 ? -1 : d > 0 ? 1 : strcmp(str(a, "id"), str(b, "id"));
}

static double at(const json_t *a, size_t i)
{
    return json_number_value(json_array_get(a, i));
}

static json_t *stage(json_t *in, const json_t *q)
{
    json_t *out = json_array(), *s, *b, *c, *limit = json_object_get(q, "limit"), *seen = json_object();
    size_t i, k;
    json_array_foreach(in, i, s)
    {
        double t = num(s, "t0"), from = num(q, "from"), to = num(q, "to");
        int yes = (isnan(from) || t >= from) && (isnan(to) || t < to);
        json_t *boxes = json_object_get(q, "boxes"), *sb = json_object_get(s, "box");
        int touch = !boxes;
        json_array_foreach(boxes, k, b) touch |= at(b, 0) <= at(sb, 2) && at(b, 2) >= at(sb, 0) &&
                                                 at(b, 1) <= at(sb, 3) && at(b, 3) >= at(sb, 1);
        yes &= touch;
        json_array_foreach(json_object_get(q, "where"), k, c) yes = yes && holds(s, c);
        if (yes)
            json_array_append(out, s);
    }
    sort_keys = json_object_get(q, "sort");
    size_t n = json_array_size(out);
    json_t **list = tl_xcalloc(n, sizeof *list);
    for (i = 0; i < n; i++)
        list[i] = json_array_get(out, i);
    if (sort_keys)
        qsort(list, n, sizeof *list, by_keys);
    json_t *r = json_array();
    for (i = 0; i < n; i++) {
        char key[200] = "";
        json_array_foreach(json_object_get(q, "per"), k, c)
        {
            json_t *v = value_of(list[i], json_string_value(c));
            char *t = json_dumps(v, JSON_ENCODE_ANY);
            strncat(key, t ? t : "?", 60);
            free(t);
            json_decref(v);
        }
        json_int_t had = json_integer_value(json_object_get(seen, key));
        if (!limit || had < json_integer_value(limit))
            json_array_append(r, list[i]);
        json_object_set_new(seen, key, json_integer(had + 1));
    }
    free(list);
    json_decref(seen);
    json_decref(out);
    return r;
}

static json_t *answer(tl_index *ix, const json_t *query)
{
    json_t *all = json_pack("{s:[]}", "sort"), *r = stage(ix->scenes, all), *q;
    size_t i;
    json_decref(all);
    json_array_foreach(query, i, q)
    {
        json_t *next = stage(r, q);
        json_decref(r);
        r = next;
    }
    return r;
}

int tl_index_query(tl_index *ix, const json_t *query, tl_scene_fn *each, void *ctx, tl_err *e)
{
    json_t *r = answer(ix, query), *s, *a;
    size_t i, k;
    int rc = 0;
    json_array_foreach(r, i, s)
    {
        tl_scene x = {str(s, "id"), str(s, "collection"), str(s, "platform"), str(s, "tile"),
                      num(s, "t0"), num(s, "t0"), num(s, "cloud")};
        tl_asset asset[200];
        for (k = 0; k < 4; k++) {
            x.box[k] = at(json_object_get(s, "box"), k);
            x.bounds[k] = NAN;
        }
        x.crs = str(s, "crs");
        char *props = json_dumps(json_object_get(s, "properties"), 0);
        x.properties = props;
        json_array_foreach(json_object_get(s, "assets"), k, a) if (k < 200) asset[k] =
            (tl_asset){str(a, "key"), str(a, "href"), 0};
        x.asset = asset;
        x.nassets = k;
        rc = each(ctx, &x, e);
        free(props);
        if (rc)
            break;
    }
    json_decref(r);
    return rc;
}

int tl_index_summarise(tl_index *ix, const json_t *query, tl_index_summary *out, tl_err *e)
{
    (void)e;
    json_t *r = answer(ix, query), *s;
    size_t i;
    *out = (tl_index_summary){.t0 = NAN, .t1 = NAN, .box = {NAN, NAN, NAN, NAN}, .collections = ""};
    json_array_foreach(r, i, s)
    {
        const json_t *b = json_object_get(s, "box");
        double t = num(s, "t0");
        out->t0 = fmin(out->t0, t);
        out->t1 = fmax(out->t1, t);
        out->box[0] = fmin(out->box[0], at(b, 0));
        out->box[1] = fmin(out->box[1], at(b, 1));
        out->box[2] = fmax(out->box[2], at(b, 2));
        out->box[3] = fmax(out->box[3], at(b, 3));
        if (!*out->collections)
            out->collections = tl_intern(str(s, "collection"));
        out->count++;
    }
    json_decref(r);
    return 0;
}
