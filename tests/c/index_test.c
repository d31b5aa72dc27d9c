/* The index beside a plain loop over the same scenes. SPDX-License-Identifier: MIT */
#include "tests/c/test.h"

#include "modules/collection/index_int.h"
#include "modules/collection/text.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

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
        tl__date_split(r->s.t0, &y, &m, &d);
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

/* --- comparing ----------------------------------------------------------------------------------
 */

typedef struct {
    const record **want;
    size_t n, wanted;
    const char *query;
} comparison;

static int same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static void assert_json_equal(const char *a, const char *b)
{
    json_t *x = json_loads(a, 0, NULL), *y = json_loads(b, 0, NULL);
    if (!x || !y || !json_equal(x, y))
        fail_msg("properties '%s', wanted '%s'", a, b);
    json_decref(x);
    json_decref(y);
}

static void assert_same_scene(const tl_scene *a, const record *r)
{
    const tl_scene *b = &r->s;
    assert_string_equal(a->id, b->id);
    assert_string_equal(a->collection, b->collection);
    assert_string_equal(a->platform, b->platform);
    assert_string_equal(a->tile, b->tile);
    assert_string_equal(a->crs, b->crs);
    assert_string_equal(a->assets_info, b->assets_info);
    assert_json_equal(a->properties, b->properties);
    double x[11] = {a->t0, a->t1, a->cloud}, y[11] = {b->t0, b->t1, b->cloud};
    for (int i = 0; i < 4; i++) {
        x[3 + i] = a->box[i];
        y[3 + i] = b->box[i];
        x[7 + i] = a->bounds[i];
        y[7 + i] = b->bounds[i];
    }
    for (int i = 0; i < 11; i++)
        if (!same_number(x[i], y[i]))
            fail_msg("%s: number %d is %.17g, wanted %.17g", a->id, i, x[i], y[i]);
    assert_int_equal(a->nring, b->nring);
    if (b->nring)
        assert_memory_equal(a->ring, b->ring, b->nring * 2 * sizeof(float));
    assert_int_equal(a->nassets, b->nassets);
    for (size_t i = 0; i < b->nassets; i++) {
        assert_string_equal(a->asset[i].key, b->asset[i].key);
        assert_string_equal(a->asset[i].href, b->asset[i].href);
        assert_int_equal(a->asset[i].band, b->asset[i].band);
    }
}

static int compare(void *ctx, const tl_scene *s, tl_err *e)
{
    comparison *c = ctx;
    (void)e;
    if (c->n >= c->wanted || strcmp(s->id, c->want[c->n]->id) != 0)
        fail_msg("scene %zu of %zu is %s, wanted %s; query %s", c->n, c->wanted, s->id,
                 c->n < c->wanted ? c->want[c->n]->id : "no more", c->query);
    assert_same_scene(s, c->want[c->n++]);
    return 0;
}

static void compare_query(tl_index *ix, const json_t *query)
{
    static const record *list[SCENES];
    tl_err e = TL_ERR_INIT;
    tl_index_summary sum;
    char *dumped = json_dumps(query, JSON_COMPACT);
    comparison c = {list, 0, slowly(query, list), dumped};
    assert_tl_ok(tl_index_query(ix, query, compare, &c, &e), &e);
    if (c.n != c.wanted)
        fail_msg("%zu scenes, wanted %zu; query %s", c.n, c.wanted, dumped);
    assert_tl_ok(tl_index_summarise(ix, query, &sum, &e), &e);
    double t[2] = {NAN, NAN};
    for (size_t i = 0; i < c.wanted; i++) {
        t[0] = fmin(t[0], list[i]->s.t0);
        t[1] = fmax(t[1], list[i]->s.t0);
    }
    if ((size_t)sum.count != c.wanted || !same_number(sum.t0, t[0]) || !same_number(sum.t1, t[1]))
        fail_msg("summary %lld, %.0f to %.0f; wanted %zu, %.0f to %.0f; query %s",
                 (long long)sum.count, sum.t0, sum.t1, c.wanted, t[0], t[1], dumped);
    free(dumped);
}

static void random_queries_equal_a_plain_loop(void **state)
{
    tl_err e = TL_ERR_INIT;
    tl_index *ix = NULL;
    (void)state;
    print_message("# seed %llu\n", (unsigned long long)seed);
    assert_tl_ok(tl_index_create(NULL, &ix, &e), &e);
    fill(ix);
    for (int k = 0; k < QUERIES; k++) {
        json_t *q = json_array();
        for (int n = below(4); n > 0; n--)
            json_array_append_new(q, random_stage());
        compare_query(ix, q);
        json_decref(q);
    }
    tl_index_close(ix);
}

/* --- places -------------------------------------------------------------------------------------
 */

static int64_t count_of(tl_index *ix, const char *query)
{
    tl_err e = TL_ERR_INIT;
    tl_index_summary sum;
    json_t *q = json_loads(query, 0, NULL);
    assert_non_null(q);
    assert_tl_ok(tl_index_summarise(ix, q, &sum, &e), &e);
    json_decref(q);
    return sum.count;
}

static void add_simple(tl_index *ix, const char *id, double w, double s, double e_, double n,
                       const float *ring, size_t points)
{
    tl_err e = TL_ERR_INIT;
    tl_scene x = {.id = id,
                  .collection = "c",
                  .platform = "",
                  .tile = "",
                  .crs = "",
                  .cloud = NAN,
                  .box = {w, s, e_, n},
                  .ring = ring,
                  .nring = points,
                  .properties = "{}"};
    assert_tl_ok(tl_index_add(ix, &x, &e), &e);
}

static void boxes_and_scenes_over_the_antimeridian_meet(void **state)
{
    tl_err e = TL_ERR_INIT;
    tl_index *ix = NULL;
    tl_index_summary sum;
    (void)state;
    assert_tl_ok(tl_index_create(NULL, &ix, &e), &e);
    add_simple(ix, "across", 179, -1, -179, 1, NULL, 0);
    add_simple(ix, "west", 170, -1, 171, 1, NULL, 0);
    add_simple(ix, "east", -171, -1, -170, 1, NULL, 0);
    assert_int_equal(count_of(ix, "[{\"boxes\":[[179.5,0,179.6,1]]}]"), 1);
    assert_int_equal(count_of(ix, "[{\"boxes\":[[-179.6,0,-179.5,1]]}]"), 1);
    assert_int_equal(count_of(ix, "[{\"boxes\":[[170.5,0,-170.5,1]]}]"), 3);
    assert_int_equal(count_of(ix, "[{\"boxes\":[[170.5,0,189.5,1]]}]"), 3);
    assert_int_equal(count_of(ix, "[{\"boxes\":[[-178,0,178,1]]}]"), 2);
    assert_int_equal(count_of(ix, "[{\"boxes\":[[-180,-90,180,90]]}]"), 3);
    assert_int_equal(count_of(ix, "[{\"boxes\":[]}]"), 0);
    assert_tl_ok(tl_index_summarise(ix, NULL, &sum, &e), &e);
    if (sum.box[0] != 170 || sum.box[2] != -170)
        fail_msg("box %g to %g, wanted 170 to -170", sum.box[0], sum.box[2]);
    tl_index_close(ix);
}

static void a_geometry_touches_the_footprint_and_not_only_its_box(void **state)
{
    static const float triangle[] = {0, 0, 10, 0, 0, 10, 0, 0};
    static const float across[] = {179, 0, 181, 0, 181, 2, 179, 0};
    tl_err e = TL_ERR_INIT;
    tl_index *ix = NULL;
    (void)state;
    assert_tl_ok(tl_index_create(NULL, &ix, &e), &e);
    add_simple(ix, "triangle", 0, 0, 10, 10, triangle, 4);
    add_simple(ix, "across", 179, 0, -179, 2, across, 4);
    add_simple(ix, "box", 20, 0, 30, 10, NULL, 0);
#define POINT(x, y) "[{\"geometry\":{\"type\":\"Point\",\"coordinates\":[" #x "," #y "]}}]"
    assert_int_equal(count_of(ix, POINT(2, 2)), 1);
    assert_int_equal(count_of(ix, POINT(9, 9)), 0);
    assert_int_equal(count_of(ix, POINT(29, 9)), 1);
    assert_int_equal(count_of(ix, POINT(-179.1, 0.5)), 1);
    assert_int_equal(count_of(ix, POINT(-179.1, 1.95)), 0);
    tl_index_close(ix);
}

/* --- files --------------------------------------------------------------------------------------
 */

static char path[300];

static tl_index *fresh(void)
{
    tl_err e = TL_ERR_INIT;
    tl_index *ix = NULL;
    const char *tmp = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/index_test.%d", tmp ? tmp : "/tmp", (int)getpid());
    unlink(path);
    assert_tl_ok(tl_index_create(path, &ix, &e), &e);
    return ix;
}

static void an_index_file_gives_back_what_went_in(void **state)
{
    tl_err e = TL_ERR_INIT;
    tl_index *ix = fresh();
    json_t *all = json_array();
    (void)state;
    fill(ix);
    assert_tl_ok(tl_index_commit(ix, &e), &e);
    tl_index_close(ix);
    assert_true(tl_index_is_index(path));
    assert_tl_ok(tl_index_open(path, &ix, &e), &e);
    compare_query(ix, all);
    tl_index_close(ix);
    json_decref(all);
    unlink(path);
}

static void the_tree_of_places_is_sound_after_building_and_after_changes(void **state)
{
    tl_err e = TL_ERR_INIT;
    tl_index *ix = fresh();
    char id[32];
    (void)state;
    for (int round = 0; round < 4; round++) {
        /* 3000: built anew; then few: inserted one by one, some of them replaced. */
        for (int i = round ? 2900 : 0; i < (round ? 2900 + 150 * round : 3000); i++) {
            double w = below(358) - 180, s = below(170) - 85;
            snprintf(id, sizeof id, "scene %d", i);
            add_simple(ix, id, w, s, w + 1 + round * 0.1, s + 1, NULL, 0);
        }
        assert_tl_ok(tl_index_commit(ix, &e), &e);
        sqlite3_stmt *st;
        assert_int_equal(sqlite3_prepare_v2(ix->db,
                                            "SELECT rtreecheck('place'), (SELECT count(*) FROM "
                                            "place) - (SELECT count(*) FROM scene)",
                                            -1, &st, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_step(st), SQLITE_ROW);
        assert_string_equal((const char *)sqlite3_column_text(st, 0), "ok");
        assert_int_equal(sqlite3_column_int(st, 1), 0);
        sqlite3_finalize(st);
    }
    tl_index_close(ix);
    unlink(path);
}

static void a_scene_of_the_same_id_is_replaced_and_an_equal_one_is_left(void **state)
{
    tl_err e = TL_ERR_INIT;
    tl_index *ix = fresh();
    tl_index_counts n;
    (void)state;
    add_simple(ix, "a", 0, 0, 1, 1, NULL, 0);
    add_simple(ix, "b", 5, 0, 6, 1, NULL, 0);
    assert_tl_ok(tl_index_commit(ix, &e), &e);
    add_simple(ix, "a", 0, 0, 1, 1, NULL, 0);
    add_simple(ix, "b", 50, 0, 60, 1, NULL, 0);
    assert_tl_ok(tl_index_commit(ix, &e), &e);
    assert_tl_ok(tl_index_counted(ix, &n, &e), &e);
    assert_int_equal(n.added, 2);
    assert_int_equal(n.unchanged, 1);
    assert_int_equal(n.replaced, 1);
    assert_int_equal(n.scenes, 2);
    assert_int_equal(count_of(ix, "[{\"boxes\":[[4,0,7,1]]}]"), 0);
    assert_int_equal(count_of(ix, "[{\"boxes\":[[54,0,57,1]]}]"), 1);
    tl_index_close(ix);
    unlink(path);
}

static void what_is_no_index_is_refused_with_its_name(void **state)
{
    tl_err e = TL_ERR_INIT;
    tl_index *ix = fresh();
    (void)state;
    tl_index_close(ix);
    FILE *f = fopen(path, "w");
    fputs("id,datetime\n", f);
    fclose(f);
    assert_int_equal(tl_index_create(path, &ix, &e), TL_EDATA);
    assert_non_null(strstr(e.message, path));
    assert_int_equal(tl_index_open(path, &ix, &e), TL_EDATA);
    assert_non_null(strstr(e.message, "no index"));
    unlink(path);
    assert_int_equal(tl_index_open(path, &ix, &e), TL_EDATA);
    assert_non_null(strstr(e.message, "No such file"));
}

static void a_query_that_is_none_is_refused(void **state)
{
    static const char *const bad[] = {
        "[{\"limits\": 3}]",
        "[{\"limit\": -1}]",
        "[{\"limit\": \"x\"}]",
        "[{\"per\": [\"tile\"]}]",
        "[{\"boxes\": [[1]]}]",
        "[{\"from\": \"2020\"}]",
        "[3]",
        "[{\"where\": [{\"property\": \"cloud\", \"op\": \"!=\", \"value\": 3}]}]",
        "[{\"where\": [{\"property\": \"cloud\", \"op\": \"in\", \"value\": 3}]}]",
        "[{\"sort\": [\"cloud\"]}]"};
    tl_err e = TL_ERR_INIT;
    tl_index *ix = NULL;
    tl_index_summary sum;
    (void)state;
    assert_tl_ok(tl_index_create(NULL, &ix, &e), &e);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *q = json_loads(bad[i], 0, NULL);
        assert_non_null(q);
        if (tl_index_summarise(ix, q, &sum, &e) != TL_EUSAGE)
            fail_msg("%s was taken", bad[i]);
        json_decref(q);
    }
    tl_index_close(ix);
}

static void dates_go_back_and_forth(void **state)
{
    static const struct {
        const char *text;
        double t;
    } good[] = {{"1970-01-01", 0},
                {"2020-02-29T12:00:00Z", 1582977600},
                {"2020-02-29T12:00:00.250+02:00", 1582977600 - 7200 + 0.25},
                {"2020-02", 1580515200},
                {"1969-12-31 23:59:59", -1},
                {"2020-11-12T19:34:47.8741569+00:00", 1605209687.8741569}};
    static const char *const bad[] = {"",
                                      "2020",
                                      "2020-13-01",
                                      "2021-02-29",
                                      "2020-01-01T",
                                      "2020-01-01T25:00",
                                      "2020-01-01x",
                                      "yesterday"};
    double t;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (tl__date_parse(good[i].text, strlen(good[i].text), &t) || fabs(t - good[i].t) > 1e-6)
            fail_msg("%s is %.6f, wanted %.6f", good[i].text, t, good[i].t);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (tl__date_parse(bad[i], strlen(bad[i]), &t) == 0)
            fail_msg("'%s' was taken for %.0f", bad[i], t);
    for (int64_t day = -200000; day < 200000; day += 97) {
        int y, m, d;
        char s[40];
        tl__date_split((double)day * 86400 + 5, &y, &m, &d);
        snprintf(s, sizeof s, "%04d-%02d-%02d", y, m, d);
        if (tl__date_parse(s, 10, &t) || t != (double)day * 86400)
            fail_msg("day %lld is %s and that is %.0f", (long long)day, s, t / 86400);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_queries_equal_a_plain_loop),
        cmocka_unit_test(boxes_and_scenes_over_the_antimeridian_meet),
        cmocka_unit_test(a_geometry_touches_the_footprint_and_not_only_its_box),
        cmocka_unit_test(an_index_file_gives_back_what_went_in),
        cmocka_unit_test(the_tree_of_places_is_sound_after_building_and_after_changes),
        cmocka_unit_test(a_scene_of_the_same_id_is_replaced_and_an_equal_one_is_left),
        cmocka_unit_test(what_is_no_index_is_refused_with_its_name),
        cmocka_unit_test(a_query_that_is_none_is_refused),
        cmocka_unit_test(dates_go_back_and_forth),
    };
    return tl_run_tests(tests);
}
