/* Users' functions and their values in plans. SPDX-License-Identifier: MIT */
#include "tests/c/call_help.h"
#include "modules/batch/engine.h"
#include "modules/batch/frozen_json.h"
#include "modules/batch/plan_int.h"
#include "modules/raster/raster.h"

#include <gdal.h>
#include <unistd.h>

/* --- frozen values as JSON -----------------------------------------------------------------------
 */

static char *dumped(const tl_frozen *v)
{
    tl_frozen_budget b = TL_FROZEN_BUDGET_INIT;
    json_t *j = tl_frozen_to_json(v, &b);
    assert_non_null(j);
    char *text = json_dumps(j, TL_PLAN_DUMP | JSON_ENCODE_ANY);
    json_decref(j);
    return text;
}

static tl_frozen *loaded(const char *text, tl_err *e)
{
    tl_frozen_budget b = TL_FROZEN_BUDGET_INIT;
    json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);
    tl_frozen *v = NULL;
    if (!j)
        fail_msg("no JSON: %s", text);
    if (tl_frozen_from_json(j, &b, &v, e))
        v = NULL;
    json_decref(j);
    return v;
}

/* Gives v up. */
static void check_round(tl_frozen *v, const char *want)
{
    tl_err e = TL_ERR_INIT;
    char *text = dumped(v);
    if (want)
        assert_string_equal(text, want);
    tl_frozen *back = loaded(text, &e);
    if (!back)
        fail_msg("%s: %s", text, e.message);
    char *again = dumped(back);
    assert_string_equal(text, again);
    tl_frozen_view a = tl_frozen_look(v), b = tl_frozen_look(back);
    assert_int_equal(a.kind, b.kind);
    assert_memory_equal(&a.x, &b.x, sizeof a.x);
    assert_int_equal(a.len, b.len);
    if (a.s)
        assert_memory_equal(a.s, b.s, a.len);
    free(text);
    free(again);
    tl_frozen_unref(v);
    tl_frozen_unref(back);
}

static void put(tl_frozen *t, tl_frozen *key, tl_frozen *value)
{
    tl_err e = TL_ERR_INIT;
    assert_tl_ok(tl_frozen_set(t, key, value, &e), &e);
    tl_frozen_unref(key);
    tl_frozen_unref(value);
}

static tl_frozen *some_table(void)
{
    tl_frozen *t = tl_frozen_table(), *inner = tl_frozen_table();
    put(inner, tl_frozen_string("\xff\x00x", 3), tl_frozen_float(-0.0));
    put(t, tl_frozen_int(1), tl_frozen_float(0.1));
    put(t, tl_frozen_int(2), tl_frozen_bool(0));
    put(t, tl_frozen_int(-4), tl_frozen_int(INT64_MIN));
    put(t, tl_frozen_bool(1), tl_frozen_string("r\n\"", 3));
    put(t, tl_frozen_float(2.5), tl_frozen_builtin("math.floor"));
    put(t, tl_frozen_string("k", 1), inner);
    return t;
}

static tl_frozen *some_function(void)
{
    tl_fn *fn = parsed("local function f(x) return x * scale + math.abs(t[1]) end");
    tl_frozen *f[3];
    assert_int_equal(tl_fn_n_free(fn), 3);
    for (int k = 0; k < 3; k++)
        f[k] = strcmp(tl_fn_free(fn, k), "math") == 0 ? tl_frozen_standard("math")
               : strcmp(tl_fn_free(fn, k), "t") == 0  ? some_table()
                                                      : tl_frozen_int(3);
    tl_frozen *v = tl_frozen_fn(fn, f);
    for (int k = 0; k < 3; k++)
        tl_frozen_unref(f[k]);
    tl_fn_unref(fn);
    return v;
}

static void frozen_values_survive_json(void **state)
{
    (void)state;
    check_round(tl_frozen_nil(), "null");
    check_round(tl_frozen_bool(1), "true");
    check_round(tl_frozen_bool(0), "false");
    check_round(tl_frozen_int(INT64_MAX), "9223372036854775807");
    check_round(tl_frozen_int(INT64_MIN), "-9223372036854775808");
    check_round(tl_frozen_float(3), "3.0");
    check_round(tl_frozen_float(-0.0), "-0.0");
    check_round(tl_frozen_float(5e-324), NULL);
    check_round(tl_frozen_float(1.7976931348623157e308), NULL);
    check_round(tl_frozen_float(0.1), "0.10000000000000001");
    check_round(tl_frozen_float(INFINITY), "{\"float\":\"inf\"}");
    check_round(tl_frozen_float(-INFINITY), "{\"float\":\"-inf\"}");
    check_round(tl_frozen_float(copysign(NAN, 1)), "{\"float\":\"nan\"}");
    check_round(tl_frozen_float(copysign(NAN, -1)), "{\"float\":\"-nan\"}");
    check_round(tl_frozen_string("", 0), "\"\"");
    check_round(tl_frozen_string("nan", 3), "\"nan\"");
    check_round(tl_frozen_string("\xc3\xa4", 2), "\"\xc3\xa4\"");
    check_round(tl_frozen_string("a\0b", 3), "{\"bytes\":\"610062\"}");
    check_round(tl_frozen_string("\xff\xfe", 2), "{\"bytes\":\"fffe\"}");
    check_round(tl_frozen_table(), "{\"array\":[]}");
    check_round(some_table(), NULL);
    check_round(some_function(), NULL);
    check_round(tl_frozen_builtin("math.abs"), "{\"builtin\":\"math.abs\"}");
    check_round(tl_frozen_builtin("lerp"), "{\"builtin\":\"lerp\"}");
    check_round(tl_frozen_standard("math"), "{\"builtin\":\"math\"}");
    check_round(tl_frozen_standard("table"), "{\"builtin\":\"table\"}");
    check_round(tl_frozen_standard("near"), "{\"builtin\":\"near\"}");
    check_round(tl_frozen_standard("print"), NULL);
    check_round(tl_frozen_refused("a coroutine"), "{\"refused\":\"a coroutine\"}");
}

static void damaged_values_are_errors(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[]",
        "{}",
        "{\"float\":\"x\"}",
        "{\"float\":1.0}",
        "{\"bytes\":\"0\"}",
        "{\"bytes\":\"0g\"}",
        "{\"bytes\":7}",
        "{\"builtin\":\"os.exit\"}",
        "{\"builtin\":\"print\"}",
        "{\"builtin\":[]}",
        "{\"refused\":{}}",
        "{\"array\":{}}",
        "{\"array\":[1,null]}",
        "{\"array\":[],\"keys\":[[1]]}",
        "{\"array\":[],\"keys\":[[null,1]]}",
        "{\"array\":[],\"keys\":[[{\"array\":[]},1]]}",
        "{\"array\":[],\"keys\":[[{\"float\":\"nan\"},1]]}",
        "{\"array\":[7],\"keys\":[[1,1]]}",
        "{\"array\":[],\"keys\":7}",
        "{\"text\":\"function() return 1 end\"}",
        "{\"text\":\"function() return 1 end\",\"chunk\":\"=t\",\"line\":0,\"column\":1}",
        "{\"text\":\"function() return 1 end\",\"chunk\":\"=t\",\"line\":1,\"column\":1}",
        "{\"text\":\"function(\",\"chunk\":\"=t\",\"line\":1,\"column\":1,\"free\":[]}",
        "{\"text\":\"function() a() end\",\"chunk\":\"=\",\"line\":1,\"column\":1,\"free\":[]}"};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        tl_err e = TL_ERR_INIT;
        if (loaded(bad[k], &e) || !e.code || !e.message[0])
            fail_msg("taken: %s", bad[k]);
    }
    char deep[4000] = ""; /* tables in tables */
    for (int k = 0; k < 200; k++)
        strcat(deep, "{\"array\":[");
    for (int k = 0; k < 200; k++)
        strcat(deep, "]}");
    tl_err e = TL_ERR_INIT;
    assert_null(loaded(deep, &e));
    assert_int_equal(e.code, TL_EDATA);
}

/* Functions that mention each other twice are few in memory and very many as text. */
static void values_that_would_grow_without_end_are_refused(void **state)
{
    (void)state;
    tl_fn *fn = parsed("function(x) return f(x) + g(x) end");
    tl_frozen *v = tl_frozen_int(1);
    for (int k = 0; k < 60; k++) {
        tl_frozen *pair[2] = {v, v}, *next = tl_frozen_fn(fn, pair);
        tl_frozen_unref(v);
        v = next;
    }
    tl_frozen_budget b = TL_FROZEN_BUDGET_INIT;
    assert_null(tl_frozen_to_json(v, &b));
    tl_frozen_unref(v);
    tl_fn_unref(fn);
}

/* --- plans ---------------------------------------------------------------------------------------
 */

#define FILE_NAME "/vsimem/call_test.tif"
#define PLAN_TEXT                                                                                  \
    "function f(a, b)\n if a > limit[1] then return nil, b end\n"                                  \
    " return near(b, 1, 0) // (a % 4), a\nend"

static void make_file(void)
{
    double place[6] = {500000, 10, 0, 5000000, 0, -10};
    GDALAllRegister();
    GDALDatasetH ds = GDALCreate(GDALGetDriverByName("GTiff"), FILE_NAME, 70, 30, 2, GDT_Int16, 0);
    assert_non_null(ds);
    GDALSetGeoTransform(ds, place);
    for (int b = 1; b <= 2; b++) {
        int16_t v[30][70];
        for (int y = 0; y < 30; y++)
            for (int x = 0; x < 70; x++)
                v[y][x] = (int16_t)(x * b - y);
        assert_int_equal(GDALRasterIO(GDALGetRasterBand(ds, b), GF_Write, 0, 0, 70, 30, v, 70, 30,
                                      GDT_Int16, 0, 0),
                         0);
    }
    GDALClose(ds);
}

static tl_frozen *limits(void)
{
    tl_frozen *t = some_table();
    put(t, tl_frozen_string("f", 1), some_function());
    return t;
}

/* Two calls of equal content on different lines, several results, one within another. */
static tl_plan *made_plan(const char *text, tl_call_spec options)
{
    tl_err e = TL_ERR_INIT;
    tl_source *s = NULL;
    make_file();
    assert_tl_ok(tl_raster_open(FILE_NAME, &s, &e), &e);
    tl_node *b[2] = {tl_node_band(s, 0, TL_NEAREST, "t.lua:1"),
                     tl_node_band(s, 1, TL_NEAREST, "t.lua:2")};
    tl_frozen *t = limits();
    tl_call *c = call_of(text, b, t, options), *d = call_of(text, b, t, options);
    d->where = "t.lua:20";
    tl_node *r[3] = {tl_call_node(c, 0), tl_call_node(d, 1), NULL};
    tl_call *over = call_of(text, r, t, options);
    r[2] = tl_call_node(over, 1);
    tl_plan *p = tl_xcalloc(1, sizeof *p);
    p->out = tl_xcalloc(1, sizeof *p->out);
    p->n = 1;
    p->params = json_object();
    p->script = tl_xstrdup("t.lua");
    tl_plan_output *o = p->out;
    o->name = tl_xstrdup("raised");
    o->where = "t.lua:30";
    o->nbands = 3;
    o->band = tl_xcalloc(3, sizeof *o->band);
    o->node = tl_xcalloc(3, sizeof *o->node);
    tl_product_defaults(&o->product);
    for (int k = 0; k < 3; k++) {
        static const char *const names[] = {"x", "y", "z"};
        o->band[k] = names[k];
        o->node[k] = r[k];
    }
    o->product.dtype = TL_F64;
    o->product.nbands = 3;
    o->product.band_names = o->band;
    o->product.has_nodata = 1;
    o->product.nodata = NAN;
    o->product.grid = s->native;
    o->product.overviews = 1;
    assert_tl_ok(tl__plan_finish(p, NULL, &e), &e);
    tl_call_unref(c);
    tl_call_unref(d);
    tl_call_unref(over);
    tl_frozen_unref(t);
    tl_node_unref(b[0]);
    tl_node_unref(b[1]);
    tl_source_unref(s);
    return p;
}

static void check_reloaded(const tl_plan *p)
{
    tl_err e = TL_ERR_INIT;
    tl_plan *q = NULL;
    assert_tl_ok(tl_plan_load(p->text, strlen(p->text), 0, &q, &e), &e);
    assert_string_equal(p->text, q->text);
    assert_string_equal(p->key, q->key);
    assert_int_equal(tl_pass_calls(p->pass[0].pass), 3);
    assert_int_equal(tl_pass_calls(q->pass[0].pass), 2); /* equal ones are one */
    assert_ptr_equal(q->out[0].node[0]->call, q->out[0].node[1]->call);
    assert_string_equal(q->out[0].node[1]->where, "t.lua:20");
    tl_plan_free(q);
}

static void a_plan_with_functions_comes_back_the_same(void **state)
{
    (void)state;
    tl_plan *p = made_plan(PLAN_TEXT, (tl_call_spec){0});
    check_reloaded(p);
    assert_null(strstr(p->text, "/some/folder")); /* where a script lies is not in the key */
    tl_buf b = TL_BUF_INIT;
    tl_plan_explain(p, 0, &b);
    if (!strstr(tl_buf_text(&b), "function f  (t.lua:3), used at t.lua:9\n  runs    compiled\n"))
        fail_msg("%s", tl_buf_text(&b));
    tl_buf_free(&b);
    tl_plan_free(p);
    tl_set_interpreter(&small);
    p = made_plan(TEXT_TEXT, (tl_call_spec){.bands = two_names, .nbands = 2, .any = 1});
    check_reloaded(p);
    tl_plan_explain(p, 0, &b);
    if (!strstr(tl_buf_text(&b), "interpreted: /some/folder/t.lua:4: does not compile") ||
        !strstr(tl_buf_text(&b), "^") || !strstr(tl_buf_text(&b), "results sum float, same float"))
        fail_msg("%s", tl_buf_text(&b));
    tl_buf_free(&b);
    tl_plan_free(p);
}

static void a_run_counts_the_pixels_that_raised(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    char dir[] = "/tmp/call_test.XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    tl_plan *p = made_plan(PLAN_TEXT, (tl_call_spec){0});
    tl_run_options o = {.dir = dir, .threads = 2};
    tl_run_report report;
    tl_pass_trap *t;
    assert_tl_ok(tl_run_plan(p, &o, &report, &e), &e);
    int n = tl_plan_raised(p, &t);
    assert_true(n >= 1);
    assert_true(t[0].count > 0);
    assert_true(t[0].line >= 3);
    free(t);
    tl_plan_free(p);
    snprintf(path, sizeof path, "%s/raised.tif", dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

/* --- damaged plans -------------------------------------------------------------------------------
 */

static int is_in(const char *key, const char *const *list)
{
    while (*list && strcmp(key, *list) != 0)
        list++;
    return *list != NULL;
}

static size_t children(const json_t *j)
{
    return json_is_array(j) ? json_array_size(j) : json_object_size(j);
}

static json_t *child(json_t *j, size_t k, const char **key)
{
    if (json_is_array(j))
        return json_array_get(j, k);
    void *it = json_object_iter(j);
    while (k--)
        it = json_object_iter_next(j, it);
    *key = json_object_iter_key(it);
    return json_object_iter_value(it);
}

static json_t *odd_value(uint64_t *seed, json_t *old)
{
    static const json_int_t ints[] = {-1, 0, 1, 2, 1000, 1 << 30, 4294967296, INT64_MAX, INT64_MIN};
    switch (tl_test_random(seed) % 9) {
    case 0:
        return json_null();
    case 1:
        return json_object();
    case 2:
        return json_array();
    case 3:
        return json_string("nan");
    case 4:
        return json_real(1e300);
    case 5:
        return json_string("function(a) return a // b end");
    case 6:
        return json_deep_copy(old);
    default:
        return json_integer(ints[tl_test_random(seed) % 9]);
    }
}

/* Replaces, removes or doubles something below j, mostly in what functions are. */
static void damage(json_t *j, uint64_t *seed)
{
    static const char *const dull[] = {"versions", "operations", "format", "sources", NULL};
    const char *key = NULL;
    for (int level = 0;; level++) {
        if (!children(j))
            return;
        size_t k = tl_test_random(seed) % children(j);
        json_t *c = child(j, k, &key);
        if (level == 0 && is_in(key, dull))
            continue;
        if (children(c) && tl_test_random(seed) % 6) {
            j = c;
            continue;
        }
        unsigned how = (unsigned)(tl_test_random(seed) % 4);
        if (json_is_array(j) && how == 0)
            json_array_remove(j, k);
        else if (json_is_array(j) && how == 1)
            json_array_insert_new(j, k, json_deep_copy(c));
        else if (json_is_array(j))
            json_array_set_new(j, k, odd_value(seed, c));
        else if (how == 0)
            json_object_del(j, key);
        else
            json_object_set_new(j, key, odd_value(seed, c));
        return;
    }
}

/* A byte of a text that is still JSON now and then. */
static void scratch(char *text, size_t n, uint64_t *seed)
{
    static const char bytes[] = "0179-\"{}[],:.eatn\\u \xff";
    for (uint64_t k = 1 + tl_test_random(seed) % 3; k > 0; k--)
        text[tl_test_random(seed) % n] = bytes[tl_test_random(seed) % (sizeof bytes - 1)];
}

static void damaged_plans_are_errors_and_no_crashes(void **state)
{
    (void)state;
    tl_set_interpreter(&small);
    uint64_t seed = 2026;
    int taken = 0;
    tl_plan *p = made_plan(PLAN_TEXT, (tl_call_spec){0});
    for (int k = 0; k < 2000; k++) {
        tl_err e = TL_ERR_INIT;
        tl_plan *q = NULL;
        json_t *j = json_loads(p->text, 0, NULL);
        for (uint64_t n = 1 + tl_test_random(&seed) % 3; k % 4 && n > 0; n--)
            damage(j, &seed);
        char *text = json_dumps(j, TL_PLAN_DUMP);
        if (k % 4 == 0)
            scratch(text, strlen(text), &seed);
        if (tl_plan_load(text, strlen(text), 1, &q, &e) == 0) {
            tl_plan_free(q);
            taken++;
        } else if (!e.message[0]) {
            fail_msg("no message for %s", text);
        }
        free(text);
        json_decref(j);
    }
    print_message("# %d of 2000 damaged plans are plans still\n", taken);
    tl_plan_free(p);
}

#define WITH_SOURCE(f) cmocka_unit_test_setup_teardown(f, open_source, nothing_is_left)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SOURCE(frozen_values_survive_json),
        WITH_SOURCE(damaged_values_are_errors),
        WITH_SOURCE(values_that_would_grow_without_end_are_refused),
        WITH_SOURCE(a_plan_with_functions_comes_back_the_same),
        WITH_SOURCE(a_run_counts_the_pixels_that_raised),
        WITH_SOURCE(damaged_plans_are_errors_and_no_crashes),
    };
    return tl_run_tests(tests);
}
