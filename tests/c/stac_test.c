/* What of a query a STAC API can do. With arguments this is a program for tests/cli/stac.t:
 *   stac_test read SOURCE [OPTIONS]    the scenes, a line each: id, collection, first asset's file
 *   stac_test api SOURCE [OPTIONS]     likewise by tl_read_stac_api
 *   stac_test get URL MOST             a document
 * SPDX-License-Identifier: MIT */
#include "tests/c/test.h"

#include "modules/collection/open.h"
#include "modules/collection/stac_api.h"
#include "modules/raster/http.h"

#include <stdlib.h>

static void pushes(const char *query, const char *want)
{
    json_t *q = json_loads(query, 0, NULL), *w = json_loads(want, 0, NULL);
    assert_non_null(q);
    assert_non_null(w);
    json_t *got = tl_stac_api_options(q);
    char *text = json_dumps(got, JSON_COMPACT | JSON_SORT_KEYS);
    if (!json_equal(got, w))
        fail_msg("%s gave %s, not %s", query, text, want);
    free(text);
    json_decref(q);
    json_decref(w);
    json_decref(got);
}

static void dates_are_pushed_as_the_narrowest_interval(void **state)
{
    (void)state;
    pushes("[]", "{}");
    pushes("[{\"from\": 1690848000, \"to\": 1693526400.5}]",
           "{\"datetime\": \"2023-08-01T00:00:00Z/2023-09-01T00:00:01Z\"}");
    pushes("[{\"from\": 1690848000}, {\"from\": 0, \"to\": 1693526400}]",
           "{\"datetime\": \"2023-08-01T00:00:00Z/2023-09-01T00:00:00Z\"}");
    pushes("[{\"to\": 1e13}]", "{}");
    pushes("[{\"from\": -1.5}]", "{\"datetime\": \"1969-12-31T23:59:58Z/..\"}");
    pushes("[{\"from\": 100, \"to\": 100}]", "{}");
}

static void places_are_pushed_unless_they_cross_180(void **state)
{
    (void)state;
    pushes("[{\"boxes\": [[1, 2, 3, 4]]}]", "{\"bbox\": [1.0, 2.0, 3.0, 4.0]}");
    pushes("[{\"boxes\": [[1, 2, 3, 4], [5, 6, 7, 8]]}]", "{\"bbox\": [1.0, 2.0, 7.0, 8.0]}");
    pushes("[{\"boxes\": [[170, 2, -170, 4]]}]", "{\"bbox\": [-180.0, 2.0, 180.0, 4.0]}");
    pushes("[{\"boxes\": [[1, 2, 30, 40]]}, {\"boxes\": [[1, 2, 3, 4]]}]",
           "{\"bbox\": [1.0, 2.0, 3.0, 4.0]}");
    pushes("[{\"boxes\": []}]", "{}");
    pushes("[{\"geometry\": {\"type\": \"Point\", \"coordinates\": [1, 2]}}]",
           "{\"intersects\": {\"type\": \"Point\", \"coordinates\": [1, 2]}}");
    pushes("[{\"geometry\": {\"type\": \"Point\", \"coordinates\": [181, 2]}}]", "{}");
    pushes("[{\"geometry\": {\"type\": \"Feature\", \"geometry\":"
           " {\"type\": \"LineString\", \"coordinates\": [[1, 2], [3, 4]]}}}]",
           "{\"intersects\": {\"type\": \"LineString\", \"coordinates\": [[1, 2], [3, 4]]}}");
}

static void a_large_geometry_is_pushed_as_its_box(void **state)
{
    json_t *ring = json_array();
    (void)state;
    for (int i = 0; i < 10000; i++)
        json_array_append_new(ring, json_pack("[i,i]", i % 10, i % 7));
    json_t *q = json_pack("[{s:{s:s,s:[o]}}]", "geometry", "type", "Polygon", "coordinates", ring);
    json_t *got = tl_stac_api_options(q),
           *want = json_pack("{s:[f,f,f,f]}", "bbox", 0., 0., 9., 6.);
    assert_true(json_equal(got, want));
    json_decref(q);
    json_decref(got);
    json_decref(want);
}

static void properties_are_pushed_where_servers_know_them(void **state)
{
    (void)state;
    pushes("[{\"where\": [{\"property\": \"cloud\", \"op\": \"<\", \"value\": 20},"
           " {\"property\": \"tile\", \"op\": \"==\", \"value\": \"33TWM\"}]}]",
           "{\"prefer\": {\"query\": {\"eo:cloud_cover\": {\"lt\": 20}}}}");
    pushes("[{\"where\": [{\"property\": \"collection\", \"op\": \"==\", \"value\": \"s2\"}]},"
           " {\"where\": [{\"property\": \"id\", \"op\": \"in\", \"value\": [\"a\", \"b\"]}]}]",
           "{\"collections\": [\"s2\"], \"ids\": [\"a\", \"b\"]}");
    pushes("[{\"where\": [{\"property\": \"cloud\", \"op\": \"~=\", \"value\": 20},"
           " {\"property\": \"cloud\", \"op\": \"<\", \"value\": \"much\"},"
           " {\"property\": \"id\", \"op\": \"in\", \"value\": [1]}]}]",
           "{}");
}

static void what_comes_after_a_limit_is_not_pushed(void **state)
{
    (void)state;
    pushes("[{\"from\": 0, \"limit\": 5}, {\"to\": 86400, \"boxes\": [[1, 2, 3, 4]]}]",
           "{\"datetime\": \"1970-01-01T00:00:00Z/..\"}");
}

static int print_scene(void *ctx, const tl_scene *s, tl_err *e)
{
    (void)ctx;
    (void)e;
    printf("%s %s %zu %s\n", s->id, s->collection[0] ? s->collection : "-", s->nassets,
           s->nassets ? s->asset[0].href : "-");
    return 0;
}

static int read_source(tl_reader *reader, const char *source, const char *options, tl_err *e)
{
    tl_index *ix = NULL;
    json_t *o = json_loads(options, 0, NULL), *all = json_array();
    int code = tl_index_create(NULL, &ix, e);
    if (!code)
        code = reader(source, o, ix, e);
    if (!code)
        code = tl_index_commit(ix, e);
    if (!code)
        code = tl_index_query(ix, all, print_scene, NULL, e);
    tl_index_close(ix);
    json_decref(o);
    json_decref(all);
    return code;
}

static int program(int argc, char **argv)
{
    char text[1400];
    tl_err e = TL_ERR_INIT;
    const char *options = argc > 3 ? argv[3] : "{}";
    int code;
    if (strcmp(argv[1], "get") == 0) {
        tl_buf b = TL_BUF_INIT;
        code = tl_http_get(argv[2], NULL, strtoul(options, NULL, 10), &b, &e);
        fwrite(tl_buf_text(&b), 1, b.len, stdout);
        tl_buf_free(&b);
    } else {
        code = read_source(strcmp(argv[1], "api") == 0 ? tl_read_stac_api : tl_read_stac, argv[2],
                           options, &e);
    }
    if (code)
        fprintf(stderr, "%s\n", tl_err_text(&e, text, sizeof text));
    return tl_exit_status(code);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_pushed_as_the_narrowest_interval),
        cmocka_unit_test(places_are_pushed_unless_they_cross_180),
        cmocka_unit_test(a_large_geometry_is_pushed_as_its_box),
        cmocka_unit_test(properties_are_pushed_where_servers_know_them),
        cmocka_unit_test(what_comes_after_a_limit_is_not_pushed),
    };
    return argc > 2 ? program(argc, argv) : tl_run_tests(tests);
}
