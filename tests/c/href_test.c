/* Addresses in catalogues, and parts of JSON texts. SPDX-License-Identifier: MIT */
#include "tests/c/test.h"

#include "modules/collection/href.h"
#include "modules/collection/span.h"

#define check(fn, base, href, want)                                                                \
    do {                                                                                           \
        tl_buf b_ = TL_BUF_INIT;                                                                   \
        fn;                                                                                        \
        if (strcmp(tl_buf_text(&b_), want) != 0)                                                   \
            fail_msg("%s in %s gave %s, not %s", href, base, tl_buf_text(&b_), want);              \
        tl_buf_free(&b_);                                                                          \
    } while (0)
#define joins(base, href, want) check(tl_href_join(base, href, &b_), base, href, want)
#define named(base, href, want) check(tl_href_to_path(href, base, &b_), base, href, want)
#define source(href, want)      check(tl_href_of_source(href, &b_), "-", href, want)

/* The examples of RFC 3986, 5.4, without fragments. */
static void hrefs_join_as_the_rfc_says(void **state)
{
    static const char *const want[][2] = {
        {"gg:h", "gg:h"},
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q"},
        {"g#s", "http://a/b/c/g"},
        {"g?y#s", "http://a/b/c/g?y"},
        {";x", "http://a/b/c/;x"},
        {"g;x?y#s", "http://a/b/c/g;x?y"},
        {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../", "http://a/"},
        {"../../g", "http://a/g"},
        {"../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},
        {"./g/.", "http://a/b/c/g/"},
        {"g/./h", "http://a/b/c/g/h"},
        {"g/../h", "http://a/b/c/h"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"g?y/./x", "http://a/b/c/g?y/./x"},
        {"g?y/../x", "http://a/b/c/g?y/../x"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        joins("http://a/b/c/d;p?q", want[i][0], want[i][1]);
    joins("https://host", "g", "https://host/g");
    joins("https://host?q=a/b", "./g", "https://host/g");
    joins("https://host/search?token=a/b/c", "items/1", "https://host/items/1");
    joins("s3://bucket/a/c.json", "../k/i.json", "s3://bucket/k/i.json");
}

static void hrefs_join_to_paths_of_documents(void **state)
{
    (void)state;
    joins("/cat/catalog.json", "./s2/collection.json", "/cat/s2/collection.json");
    joins("/cat/s2/collection.json", "../catalog.json", "/cat/catalog.json");
    joins("/cat/a b/c.json", "x?y#z.json", "/cat/a b/x?y#z.json");
    joins("/c.json", "../../x", "/x");
    joins("/a/b/c.json", "/d/e.json", "/d/e.json");
    joins("/a/b/c.json", "https://h/e.json", "https://h/e.json");
    joins("cat/c.json", "../../x", "../x");
    joins("../c.json", "../x/./y", "../../x/y");
    joins("c.json", "i.json", "i.json");
    joins("/vsizip/a.zip/catalog.json", "./i.json", "/vsizip/a.zip/i.json");
}

static void assets_get_names_that_gdal_opens(void **state)
{
    (void)state;
    named("/cat/i/i.json", "B02.tif", "/cat/i/B02.tif");
    named("/cat/i/i.json", "../B02.tif", "/cat/B02.tif");
    named("/cat/i/i.json", "https://h/a/B.tif?sig=a%2Fb", "/vsicurl/https://h/a/B.tif?sig=a%2Fb");
    named("https://h/c/i.json", "./B.tif", "/vsicurl/https://h/c/B.tif");
    named("https://h/c/i.json?k=v", "../B.tif", "/vsicurl/https://h/B.tif");
    named("/i.json", "s3://bucket/k/B.tif", "/vsis3/bucket/k/B.tif");
    named("s3://bucket/k/i.json", "B.tif", "/vsis3/bucket/k/B.tif");
    named("/i.json", "gs://bucket/B.tif", "/vsigs/bucket/B.tif");
    named("/i.json", "az://box/B.tif", "/vsiaz/box/B.tif");
    named("/i.json", "oss://box/B.tif", "/vsioss/box/B.tif");
    named("/i.json", "HTTPS://h/B.tif", "/vsicurl/HTTPS://h/B.tif");
    named("/i.json", "file:///data/a%20b.tif", "/data/a b.tif");
    named("/i.json", "file://localhost/data/100%", "/data/100%");
    named("/i.json", "/vsizip/x.zip/B.tif", "/vsizip/x.zip/B.tif");
    named("/i.json", "NETCDF:\"/d/f.nc\":B04", "NETCDF:\"/d/f.nc\":B04");
    named("", "/data/B.tif", "/data/B.tif");
}

static void a_server_names_no_local_file(void **state)
{
    (void)state;
    named("https://h/c/i.json", "file:///etc/passwd", "file:///etc/passwd");
    named("https://h/c/i.json", "/etc/passwd", "/vsicurl/https://h/etc/passwd");
    named("https://h/c/i.json", "/vsizip//etc/x.zip", "/vsicurl/https://h/vsizip//etc/x.zip");
    named("https://h/c/i.json", "NETCDF:\"/etc/f.nc\":a", "/vsicurl/NETCDF:\"/etc/f.nc\":a");
    named("https://h/c/i.json", "<VRTDataset/>", "/vsicurl/https://h/c/<VRTDataset/>");
    named("s3://bucket/i.json", "/etc/passwd", "/vsis3/bucket/etc/passwd");
    named("/vsis3/bucket/i.json", "file:///etc/passwd", "file:///etc/passwd");
    named("https://h/c/i.json", "/vsis3/bucket/B.tif", "/vsis3/bucket/B.tif");
}

static void a_source_becomes_an_address(void **state)
{
    (void)state;
    source("/a/b/../c.json", "/a/b/../c.json");
    source("https://h/x", "https://h/x");
    source("file:///a/c%2ejson", "/a/c.json");
    tl_buf b = TL_BUF_INIT;
    tl_href_of_source("x/../c.json", &b);
    assert_int_equal(tl_buf_text(&b)[0], '/');
    assert_string_equal(tl_buf_text(&b) + b.len - 7, "/c.json");
    assert_null(strstr(tl_buf_text(&b), ".."));
    tl_buf_free(&b);
}

static void a_query_string_is_encoded(void **state)
{
    tl_buf b = TL_BUF_INIT;
    (void)state;
    tl_href_encode("{\"a\": [1&2]}+\xc3\xa9", &b);
    assert_string_equal(tl_buf_text(&b), "%7B%22a%22:%20%5B1%262%5D%7D%2B%C3%A9");
    tl_buf_free(&b);
}

static tl_span span_of(const char *s)
{
    return (tl_span){s, strlen(s)};
}

static void parts_of_json_are_found(void **state)
{
    tl_span_walk w;
    tl_span key, value;
    tl_span text =
        span_of("\xef\xbb\xbf {\"a\" : [1, {\"]\": \"\\\"}\"}] ,\n\"b\":-1e5,\"c\":\"}\"} x");
    (void)state;
    assert_int_equal(tl_span_open(&w, text, '['), 0);
    assert_int_equal(tl_span_open(&w, text, '{'), 1);
    assert_int_equal(tl_span_next(&w, &key, &value), 1);
    assert_true(tl_span_is(key, "a"));
    assert_true(tl_span_is(value, "[1, {\"]\": \"\\\"}\"}]"));
    assert_int_equal(tl_span_next(&w, &key, &value), 1);
    assert_true(tl_span_is(value, "-1e5"));
    assert_int_equal(tl_span_next(&w, &key, &value), 1);
    assert_true(tl_span_is(value, "\"}\""));
    assert_int_equal(tl_span_next(&w, &key, &value), 0);
    assert_string_equal(w.at, " x");
    assert_true(tl_span_is(tl_span_member(text, "b"), "-1e5"));
    assert_int_equal(tl_span_member(text, "d").len, 0);
}

/* Every beginning of a text is a fault or an end that lies inside it. */
static void a_cut_text_is_a_fault_and_not_overrun(void **state)
{
    const char *all = "{\"a\":[1,{\"]\":\"\\\"}\"}],\"b\":null,\"c\":\"\\\\\"}";
    (void)state;
    for (size_t n = 0; n < strlen(all); n++) {
        char *copy = test_malloc(n + 1); /* under sanitizers its end is watched */
        memcpy(copy, all, n);
        copy[n] = '\0';
        tl_span_walk w;
        tl_span key, value;
        int more = -1;
        if (tl_span_open(&w, (tl_span){copy, n}, '{'))
            while ((more = tl_span_next(&w, &key, &value)) > 0)
                ;
        if (more != -1)
            fail_msg("%zu bytes were taken for a whole object", n);
        assert_true(w.at <= w.end);
        test_free(copy);
    }
}

static void what_is_no_json_is_a_fault(void **state)
{
    static const char *const bad[] = {"{a:1}",      "{\"a\" 1}",         "{\"a\":}",
                                      "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{,}",
                                      "{\"a\":1]",  "{\"a\":@}"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tl_span_walk w;
        tl_span key, value;
        int more;
        assert_int_equal(tl_span_open(&w, span_of(bad[i]), '{'), 1);
        while ((more = tl_span_next(&w, &key, &value)) > 0)
            ;
        if (more != -1)
            fail_msg("%s was taken for JSON", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hrefs_join_as_the_rfc_says),
        cmocka_unit_test(hrefs_join_to_paths_of_documents),
        cmocka_unit_test(assets_get_names_that_gdal_opens),
        cmocka_unit_test(a_server_names_no_local_file),
        cmocka_unit_test(a_source_becomes_an_address),
        cmocka_unit_test(a_query_string_is_encoded),
        cmocka_unit_test(parts_of_json_are_found),
        cmocka_unit_test(a_cut_text_is_a_fault_and_not_overrun),
        cmocka_unit_test(what_is_no_json_is_a_fault),
    };
    return tl_run_tests(tests);
}
