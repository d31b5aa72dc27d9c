/* Random scenes and queries, and a plain loop that answers them. SPDX-License-Identifier: MIT */
#ifndef TL_INDEX_TWIN_H
#define TL_INDEX_TWIN_H

#include "tests/c/test.h"

#include "modules/collection/index_int.h"
#include "modules/collection/text.h"
#include "modules/collection/when.h"

#include <math.h>
#include <stdlib.h>

enum { SCENES = 300, QUERIES = 400, ASSETS = 4 };

static uint64_t seed = 20240707;

static int below(int n)
{
    return (int)(tl_test_random(&seed) % (uint64_t)n);
}

/* --- scenes -------------------------------------------------------------------------------------
 */

typedef struct {
    tl_scene s;
    char id[32], tile[8], props[128], href[ASSETS][200];
    tl_asset asset[ASSETS];
    float ring[10];
    /* What props say: */
    int orbit, has_orbit, good, has_good;
    const char *state;
} record;
static record made[SCENES];

static void make_props(record *r)
{
    static const char *const states[] = {NULL, "asc", "desc", "a \"quote\"", "\xc3\xa9t\xc3\xa9"};
    tl_buf b = TL_BUF_INIT;
    r->has_orbit = below(4) != 0;
    r->orbit = below(20) - 5;
    r->has_good = below(3) != 0;
    r->good = below(2);
    r->state = states[below(5)];
    tl_buf_puts(&b, "{");
    if (r->has_orbit)
        tl_buf_printf(&b, "\"sat:orbit\": %d", r->orbit);
    if (r->has_good)
        tl_buf_printf(&b, "%s\"good\":%s", b.len > 1 ? " , " : "", r->good ? "true" : "false");
    if (r->state) {
        tl_buf_puts(&b, b.len > 1 ? ",\"state\":" : "\"state\":");
        tl__json_quote(&b, r->state, strlen(r->state));
    }
    tl_buf_puts(&b, "}");
    snprintf(r->props, sizeof r->props, "%s", tl_buf_text(&b));
    tl_buf_free(&b);
}

static void make_assets(record *r, int i)
{
    static const char *const names[] = {"T33XX_2020_%03d_B02.tif", "T33XX_2020_%03d_B03.tif",
                                        "T33XX_2020_%03d_B04.tif", "meta\2\3\4%03d.xml"};
    r->s.nassets = (size_t)below(ASSETS + 1);
    for (size_t k = 0; k < r->s.nassets; k++) {
        char name[64];
        snprintf(name, sizeof name, names[k], i);
        snprintf(r->href[k], sizeof r->href[k], "/data/%s/%s%s", r->id, k % 2 ? "R10m/" : "", name);
        r->asset[k] = (tl_asset){k % 2 ? "red" : "B02", r->href[k], (int)k};
    }
    if (r->s.nassets == 3)
        snprintf(r->href[2], sizeof r->href[2], "NETCDF:\"%s.nc\":x", r->id);
    r->s.asset = r->asset;
}

static void make_place(record *r)
{
    double w = below(360) - 180, s = below(150) - 80, width = 1 + below(8), height = 1 + below(6);
    double box[4] = {w, s, w + width, s + height};
    const float ring[10] = {(float)w,
                            (float)s,
                            (float)(w + width),
                            (float)s,
                            (float)(w + width / 2),
                            (float)(s + height),
                            (float)(w + width / 3),
                            (float)(s + height),
                            (float)w,
                            (float)s};
    memcpy(r->ring, ring, sizeof ring);
    if (box[2] > 180)
        box[2] -= 360;
    memcpy(r->s.box, box, sizeof box);
    if (below(2)) {
        r->s.ring = r->ring;
        r->s.nring = 5;
    }
    if (below(20) == 0)
        for (int i = 0; i < 4; i++)
            r->s.box[i] = NAN;
    for (int i = 0; i < 4; i++)
        r->s.bounds[i] = below(8) ? 499980.0 + 100 * i : (double)NAN;
}

static void make_scene(record *r, int i)
{
    static const char *const platforms[] = {"sentinel-2a", "sentinel-2b", ""};
    memset(r, 0, sizeof *r);
    snprintf(r->id, sizeof r->id, "S2_%03d_%c", (i * 37) % SCENES, 'a' + i % 3);
    snprintf(r->tile, sizeof r->tile, "%s",
             below(6) ? (char[][4]){"31A", "32B", "33C"}[below(3)] : "");
    r->s = (tl_scene){.id = r->id,
                      .collection = below(2) ? "s2" : "l8",
                      .platform = platforms[below(3)],
                      .tile = r->tile,
                      .t0 = below(12) ? 1577836800.0 + below(1000) * 86400.0 : (double)NAN,
                      .cloud = below(6) ? below(101) : (double)NAN,
                      .crs = below(5) ? "EPSG:32633" : "",
                      .assets_info = below(2) ? "{\"B02\":{\"scale\":0.0001}}" : ""};
    r->s.t1 = below(3) ? r->s.t0 : r->s.t0 + 60;
    make_props(r);
    r->s.properties = r->props;
    make_place(r);
    make_assets(r, i);
}

static void fill(tl_index *ix)
{
    tl_err e = TL_ERR_INIT;
    for (int i = 0; i < SCENES; i++) {
        make_scene(&made[i], i);
        assert_tl_ok(tl_index_add(ix, &made[i].s, &e), &e);
    }
}

/* --- the slow twin ------------------------------------------------------------------------------
 */

typedef struct {
    char kind; /* 0 unknown, 'n', 's', 'b' */
    double n;
    const char *s;
} value;

static value number(double x)
{
    return (value){isnan(x) ? 0 : 'n', x, NULL};
}

static value text(const char *s)
{
    return (value){*s ? 's' : 0, 0, s};
}

static value get(const record *r, const char *name)
{
    int y = 0, m = 0, d = 0;
    if (!isnan(r->s.t0))
        tl__when_split(r->s.t0, &y, &m, &d);
    if (strcmp(name, "id") == 0)
        return text(r->id);
    if (strcmp(name, "tile") == 0)
        return text(r->tile);
    if (strcmp(name, "collection") == 0)
        return text(r->s.collection);
    if (strcmp(name, "platform") == 0)
        return text(r->s.platform);
    if (strcmp(name, "cloud") == 0)
        return number(r->s.cloud);
    if (strcmp(name, "datetime") == 0)
        return number(r->s.t0);
    if (strcmp(name, "year") == 0 || strcmp(name, "month") == 0 || strcmp(name, "day") == 0)
        return number(!y ? (double)NAN : *name == 'y' ? y : *name == 'm' ? m : d);
    if (strcmp(name, "sat:orbit") == 0)
        return number(r->has_orbit ? r->orbit : (double)NAN);
    if (strcmp(name, "good") == 0)
        return (value){r->has_good ? 'b' : 0, r->good, NULL};
    if (strcmp(name, "state") == 0 && r->state)
        return text(r->state);
    return (value){0};
}

static value of_json(const json_t *j)
{
    if (json_is_string(j))
        return (value){'s', 0, json_string_value(j)};
    if (json_is_number(j))
        return (value){'n', json_number_value(j), NULL};
    return (value){'b', json_is_true(j), NULL};
}

static int order(value a, value b)
{
    if (a.kind == 's')
        return strcmp(a.s, b.s) > 0 ? 1 : strcmp(a.s, b.s) < 0 ? -1 : 0;
    return (a.n > b.n) - (a.n < b.n);
}

static int holds(value a, const char *op, const json_t *j)
{
    if (!a.kind)
        return 0;
    if (strcmp(op, "in") == 0) {
        for (size_t i = 0; i < json_array_size(j); i++)
            if (holds(a, "==", json_array_get(j, i)))
                return 1;
        return 0;
    }
    value b = of_json(j);
    int same = a.kind == b.kind, k = same ? order(a, b) : 0, ordered = same && a.kind != 'b';
    if (strcmp(op, "==") == 0)
        return same && k == 0;
    if (strcmp(op, "~=") == 0)
        return !same || k != 0;
    if (op[0] == '<')
        return ordered && (k < 0 || (op[1] && k == 0));
    return ordered && (k > 0 || (op[1] && k == 0));
}

static int spans(double w, double e, double x) /* whether x lies in a span that may cross 180 */
{
    return w <= e ? w <= x && x <= e : x >= w || x <= e;
}

static int touches(const record *r, const json_t *b)
{
    double w = json_number_value(json_array_get(b, 0)), s = json_number_value(json_array_get(b, 1)),
           e = json_number_value(json_array_get(b, 2)), n = json_number_value(json_array_get(b, 3));
    const double *x = r->s.box;
    if (isnan(x[0]) || !(x[1] <= n && x[3] >= s))
        return 0;
    return spans(x[0], x[2], w) || spans(x[0], x[2], e) || spans(w, e, x[0]) || spans(w, e, x[2]);
}

static int passes(const record *r, const json_t *stage)
{
    const json_t *from = json_object_get(stage, "from"), *to = json_object_get(stage, "to"),
                 *boxes = json_object_get(stage, "boxes"), *where = json_object_get(stage, "where");
    if (from && !(r->s.t0 >= json_number_value(from)))
        return 0;
    if (to && !(r->s.t0 < json_number_value(to)))
        return 0;
    int any = !boxes;
    for (size_t i = 0; i < json_array_size(boxes); i++)
        any = any || touches(r, json_array_get(boxes, i));
    for (size_t i = 0; i < json_array_size(where) && any; i++) {
        const json_t *c = json_array_get(where, i);
        any = holds(get(r, json_string_value(json_object_get(c, "property"))),
                    json_string_value(json_object_get(c, "op")), json_object_get(c, "value"));
    }
    return any;
}

static const json_t *sorting;

static int rank(value v)
{
    return v.kind == 'n' ? 0 : v.kind == 's' ? 1 : v.kind == 'b' ? 2 : 3;
}

static int before(const void *pa, const void *pb)
{
    const record *a = *(const record *const *)pa, *b = *(const record *const *)pb;
    for (size_t i = 0; i < json_array_size(sorting); i++) {
        const json_t *key = json_array_get(sorting, i);
        const char *name = json_string_value(json_array_get(key, 0));
        int down = strcmp(json_string_value(json_array_get(key, 1)), "desc") == 0;
        value x = get(a, name), y = get(b, name);
        int k = !x.kind || !y.kind ? rank(x) - rank(y) : order(x, y) * (down ? -1 : 1);
        if (k)
            return k;
    }
    if (isnan(a->s.t0) || isnan(b->s.t0)) {
        if (isnan(a->s.t0) != isnan(b->s.t0))
            return isnan(a->s.t0) - isnan(b->s.t0);
    } else if (a->s.t0 != b->s.t0) {
        return a->s.t0 > b->s.t0 ? 1 : -1;
    }
    return strcmp(a->id, b->id);
}

static int same_group(const record *a, const record *b, const json_t *per)
{
    for (size_t i = 0; i < json_array_size(per); i++) {
        value x = get(a, json_string_value(json_array_get(per, i))),
              y = get(b, json_string_value(json_array_get(per, i)));
        if (x.kind != y.kind || (x.kind && order(x, y)))
            return 0;
    }
    return 1;
}

static size_t slowly(const json_t *query, const record **list)
{
    size_t n = SCENES;
    for (size_t i = 0; i < n; i++)
        list[i] = &made[i];
    sorting = NULL;
    qsort(list, n, sizeof *list, before);
    for (size_t q = 0; q < json_array_size(query); q++) {
        const json_t *stage = json_array_get(query, q), *per = json_object_get(stage, "per"),
                     *limit = json_object_get(stage, "limit");
        size_t kept = 0;
        for (size_t i = 0; i < n; i++)
            if (passes(list[i], stage))
                list[kept++] = list[i];
        n = kept;
        if (json_object_get(stage, "sort")) {
            sorting = json_object_get(stage, "sort");
            qsort(list, n, sizeof *list, before);
        }
        for (size_t i = kept = 0; i < n && limit; i++) {
            json_int_t mates = 0;
            for (size_t k = 0; k < kept; k++)
                mates += same_group(list[k], list[i], per);
            if (mates < json_integer_value(limit))
                list[kept++] = list[i];
        }
        n = limit ? kept : n;
    }
    return n;
}

/* --- random queries -----------------------------------------------------------------------------
 */

static const char *const properties[] = {"id",    "collection", "platform", "tile", "datetime",
                                         "cloud", "year",       "month",    "day",  "good",
                                         "state", "sat:orbit",  "nowhere"};
enum { PROPERTIES = sizeof properties / sizeof *properties };

static json_t *random_value(const char *p)
{
    if (below(12) == 0)
        return json_string("other");
    if (strcmp(p, "id") == 0)
        return json_string(made[below(SCENES)].id);
    if (strcmp(p, "tile") == 0)
        return json_string((char[][4]){"31A", "32B", "99Z"}[below(3)]);
    if (strcmp(p, "collection") == 0)
        return json_string("s2");
    if (strcmp(p, "platform") == 0)
        return json_string("sentinel-2a");
    if (strcmp(p, "state") == 0)
        return json_string((char[][12]){"asc", "a \"quote\"", "\xc3\xa9t\xc3\xa9"}[below(3)]);
    if (strcmp(p, "good") == 0)
        return json_boolean(below(2));
    if (strcmp(p, "datetime") == 0)
        return json_real(1577836800.0 + below(1000) * 86400.0);
    if (strcmp(p, "year") == 0)
        return json_integer(2020 + below(3));
    if (strcmp(p, "sat:orbit") == 0 && below(2))
        return json_real(below(20) - 5.5);
    return json_integer(below(40) - 5);
}

static json_t *random_stage(void)
{
    static const char *const ops[] = {"<", "<=", ">", ">=", "==", "~=", "in"};
    json_t *s = json_object(), *boxes = json_array(), *where = json_array(), *sort = json_array(),
           *per = json_array();
    if (below(4) == 0)
        json_object_set_new(s, "from", json_real(1577836800.0 + below(700) * 86400.0));
    if (below(4) == 0)
        json_object_set_new(s, "to", json_real(1577836800.0 + (300 + below(700)) * 86400.0));
    for (int n = below(3) ? 0 : 1 + below(3); n > 0; n--) {
        double w = below(360) - 180, south = below(140) - 80, e = w + 20 + below(100);
        json_array_append_new(
            boxes, json_pack("[f,f,f,f]", w, south, e > 180 ? e - 360 : e, south + 10 + below(60)));
    }
    for (int n = below(3); n > 0; n--) {
        const char *p = properties[below(PROPERTIES)], *op = ops[below(7)];
        json_t *v = *op == 'i' ? json_array() : random_value(p);
        for (int k = *op == 'i' ? below(4) : 0; k > 0; k--)
            json_array_append_new(v, random_value(p));
        json_array_append_new(where,
                              json_pack("{s:s, s:s, s:o}", "property", p, "op", op, "value", v));
    }
    for (int n = below(3) ? 0 : 1 + below(2); n > 0; n--)
        json_array_append_new(
            sort, json_pack("[s,s]", properties[below(PROPERTIES)], below(2) ? "asc" : "desc"));
    if (below(3) == 0)
        json_object_set_new(s, "limit", json_integer(below(4) ? 1 + below(5) : below(200)));
    for (int n = below(2) + 1; n > 0 && json_object_get(s, "limit") && below(2); n--)
        json_array_append_new(per, json_string(properties[below(PROPERTIES)]));
    if (json_array_size(boxes))
        json_object_set(s, "boxes", boxes);
    json_object_set(s, "where", where);
    if (json_array_size(sort))
        json_object_set(s, "sort", sort);
    if (json_array_size(per))
        json_object_set(s, "per", per);
    json_decref(boxes);
    json_decref(where);
    json_decref(sort);
    json_decref(per);
    return s;
}

#endif
