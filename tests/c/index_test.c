/* The index beside a plain loop over the same scenes. SPDX-License-Identifier: MIT */
#include "tests/c/index_twin.h"

#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

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
    for (int64_t day = -200000; day < 200000; day++) {
        int y, m, d;
        char s[40];
        tl__when_split((double)day * 86400 + 5, &y, &m, &d);
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
