/* Users' functions in graphs. SPDX-License-Identifier: MIT */
#include "tests/c/call_help.h"

static tl_pass *pass_of(tl_node *const *nodes, int n)
{
    tl_err e = TL_ERR_INIT;
    tl_pass *p = NULL;
    tl_dtype t[4] = {TL_F64, TL_F64, TL_F64, TL_F64};
    tl_pass_spec spec = {.lattice = src->s.native, .nodes = nodes, .dtypes = t, .n = n};
    assert_tl_ok(tl_pass_new(&spec, &p, &e), &e);
    return p;
}

/* Results 0 and 1 of the call. */
static tl_pass *pass_of_call(tl_call *c)
{
    tl_node *n[2] = {tl_call_node(c, 0), tl_call_node(c, 1)};
    tl_pass *p = pass_of(n, 2);
    tl_node_unref(n[0]);
    tl_node_unref(n[1]);
    return p;
}

static int64_t cell(int64_t col, int64_t row, int b)
{
    return (int64_t)floor(fake_number(col, row, b));
}

/* What a function is to compute: 1 = valid, 0 = not, -1 = raises. */
typedef int expected(int64_t col, int64_t row, double out[2]);

#define SIDE 48

/* Splits SIDE x SIDE cells from (x0, y0) at random lines, computes each part, compares. */
static void check_split(tl_pass *p, expected *want, uint64_t *seed, int64_t x0, int64_t y0)
{
    tl_err e = TL_ERR_INIT;
    tl_pass_worker *w = NULL;
    double v[2][SIDE * SIDE], x[2] = {0, 0};
    uint8_t ok[2][SIDE * SIDE];
    assert_tl_ok(tl_pass_worker_new(p, SIDE, SIDE, &w, &e), &e);
    for (int64_t y = 0, h; y < SIDE; y += h) {
        h = 1 + (int64_t)(tl_test_random(seed) % (uint64_t)(SIDE - y));
        for (int64_t left = 0, width; left < SIDE; left += width) {
            width = 1 + (int64_t)(tl_test_random(seed) % (uint64_t)(SIDE - left));
            tl_rect r = {x0 + left, y0 + y, width, h};
            assert_tl_ok(tl_pass_run(w, r, (void *[]){v[0], v[1]}, (uint8_t *[]){ok[0], ok[1]}, &e),
                         &e);
            for (int64_t i = 0; i < r.w * r.h; i++) {
                int good = want(r.x + i % r.w, r.y + i / r.w, x) == 1;
                for (int b = 0; b < 2; b++)
                    if (ok[b][i] != good || (good && v[b][i] != x[b]))
                        fail_msg("cell %lld,%lld band %d: %g valid %d, not %g valid %d",
                                 (long long)(r.x + i % r.w), (long long)(r.y + i / r.w), b, v[b][i],
                                 ok[b][i], x[b], good);
            }
        }
    }
    tl_pass_worker_free(w);
}

/* One trap of the pass: as many cells, and the first, as the loop says. */
static void check_traps(tl_pass *p, expected *want, int64_t x0, int64_t y0, const char *reason)
{
    tl_pass_trap t[4];
    double x[2];
    int64_t count = 0, col = 0, row = 0;
    for (int64_t y = y0 + SIDE - 1; y >= y0; y--)
        for (int64_t k = x0 + SIDE - 1; k >= x0; k--)
            if (want(k, y, x) < 0) {
                count++;
                col = k;
                row = y;
            }
    assert_true(count > 0);
    assert_int_equal(tl_pass_traps(p, t, 4), 1);
    assert_int_equal(t[0].count, count);
    assert_int_equal(t[0].col, col);
    assert_int_equal(t[0].row, row);
    if (!strstr(t[0].reason, reason))
        fail_msg("the reason is '%s'", t[0].reason);
}

/* --- neighbours ----------------------------------------------------------------------------------
 */

#define SUM_TEXT                                                                                   \
    "function(a, b)\n if not (a and b) then return nil, nil end\n local s, n = 0, 0\n"             \
    " for dy = -2, 2 do for dx = -1, 1 do\n"                                                       \
    "  local v = near(a, dx, dy)\n  if v then s = s + v * (dx + 2) n = n + 1 end\n end end\n"      \
    " return s, b - n\nend"

static int sum_around(int64_t col, int64_t row, double out[2])
{
    int64_t s = 0, n = 0;
    for (int dy = -2; dy <= 2; dy++)
        for (int dx = -1; dx <= 1; dx++)
            if (fake_valid(col + dx, row + dy, 0)) {
                s += cell(col + dx, row + dy, 0) * (dx + 2);
                n++;
            }
    out[0] = (double)s;
    out[1] = (double)(cell(col, row, 1) - n);
    return fake_valid(col, row, 0) && fake_valid(col, row, 1);
}

static void neighbours_do_not_depend_on_the_block(void **state)
{
    (void)state;
    uint64_t seed = 11;
    tl_call *c = call_on_bands(SUM_TEXT, (tl_call_spec){.any = 1});
    assert_true(c->compiled);
    assert_int_equal(c->nresults, 2);
    tl_pass *p = pass_of_call(c);
    for (int k = 0; k < 40; k++)
        check_split(p, sum_around, &seed, (int64_t)(tl_test_random(&seed) % 2000) - 1000,
                    (int64_t)(tl_test_random(&seed) % 2000) - 1000);
    tl_pass_trap t;
    assert_int_equal(tl_pass_traps(p, &t, 1), 0);
    tl_pass_free(p);
    tl_call_unref(c);
}

/* --- pixels that raise ---------------------------------------------------------------------------
 */

#define DIVIDE_TEXT "function(a, b)\n return a // (b % 5), a + b\nend"

static int divide(int64_t col, int64_t row, double out[2])
{
    if (!fake_valid(col, row, 0) || !fake_valid(col, row, 1))
        return 0;
    int64_t a = cell(col, row, 0), b = cell(col, row, 1), m = (b % 5 + 5) % 5;
    if (m == 0)
        return -1;
    out[0] = floor((double)a / (double)m);
    out[1] = (double)(a + b);
    return 1;
}

static void pixels_that_raise_are_invalid_and_counted(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 20; seed++) {
        uint64_t s = seed;
        tl_call *c = call_on_bands(DIVIDE_TEXT, (tl_call_spec){0});
        tl_pass *p = pass_of_call(c);
        check_split(p, divide, &s, -7, 1000);
        check_traps(p, divide, -7, 1000, "n//0");
        tl_pass_trap t;
        tl_pass_traps(p, &t, 1);
        assert_int_equal(t.line, 4);
        assert_ptr_equal(t.call, c);
        tl_pass_free(p);
        tl_call_unref(c);
    }
}

static void on_error_fail_ends_the_run(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    tl_call *c = call_on_bands(DIVIDE_TEXT, (tl_call_spec){.fail = 1});
    tl_pass *p = pass_of_call(c);
    tl_pass_worker *w = NULL;
    double v[2][64];
    uint8_t ok[2][64];
    assert_tl_ok(tl_pass_worker_new(p, 8, 8, &w, &e), &e);
    assert_int_equal(tl_pass_run(w, (tl_rect){0, 0, 8, 8}, (void *[]){v[0], v[1]},
                                 (uint8_t *[]){ok[0], ok[1]}, &e),
                     TL_ESCRIPT);
    assert_non_null(strstr(e.message, "t.lua:4"));
    assert_non_null(strstr(e.message, "n//0"));
    tl_pass_worker_free(w);
    tl_pass_free(p);
    tl_call_unref(c);
}

static int small_wants(int64_t col, int64_t row, double out[2])
{
    if (!fake_valid(col, row, 0) || !fake_valid(col, row, 1))
        return 0;
    int64_t a = cell(col, row, 0), b = cell(col, row, 1);
    out[0] = (double)(a + 2 * b);
    out[1] = (double)b;
    return a % 5 == 0 ? -1 : 1;
}

static void what_does_not_compile_is_interpreted(void **state)
{
    (void)state;
    tl_set_interpreter(&small);
    uint64_t seed = 3;
    tl_call *c = call_on_bands(TEXT_TEXT, two_bands);
    assert_false(c->compiled);
    assert_non_null(strstr(c->reason, "does not compile"));
    assert_string_equal(c->reason_where, "/some/folder/t.lua:4");
    tl_pass *p = pass_of_call(c);
    check_split(p, small_wants, &seed, 5, -300);
    check_traps(p, small_wants, 5, -300, "");
    tl_pass_free(p);
    tl_call_unref(c);
    assert_int_equal(states, 0);
}

static void without_an_interpreter_it_is_refused(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    tl_fn *fn = parsed("function(a) return #tostring(a) end");
    tl_node *band = tl_node_band(&src->s, 0, TL_NEAREST, "");
    tl_bound a = {NULL, 0}, f = {tl_frozen_standard("tostring"), 0};
    tl_call_spec s = {.fn = fn, .param = &a, .free = &f, .arg = &band, .nargs = 1};
    tl_call *c = NULL;
    assert_int_equal(tl_call_new(&s, &c, &e), TL_ESCRIPT);
    assert_non_null(strstr(e.message, "no interpreter"));
    tl_frozen_unref(f.value);
    tl_node_unref(band);
    tl_fn_unref(fn);
}

/* A compiled call that both an interpreted one and the outputs need. */
static void a_call_that_two_steps_need_counts_once(void **state)
{
    (void)state;
    tl_set_interpreter(&small);
    uint64_t seed = 3;
    tl_call *c = call_on_bands(DIVIDE_TEXT, (tl_call_spec){0});
    tl_node *r[2] = {tl_call_node(c, 0), tl_call_node(c, 1)};
    tl_call *d = call_of(TEXT_TEXT, r, NULL, two_bands);
    tl_node *n[4] = {r[0], r[1], tl_call_node(d, 0), tl_call_node(d, 1)};
    tl_pass *p = pass_of(n, 4);
    tl_err e = TL_ERR_INIT;
    tl_pass_worker *w = NULL;
    double v[4][SIDE * SIDE];
    uint8_t ok[4][SIDE * SIDE];
    assert_tl_ok(tl_pass_worker_new(p, SIDE, SIDE, &w, &e), &e);
    assert_tl_ok(tl_pass_run(w, (tl_rect){0, 0, SIDE, SIDE}, (void *[]){v[0], v[1], v[2], v[3]},
                             (uint8_t *[]){ok[0], ok[1], ok[2], ok[3]}, &e),
                 &e);
    int64_t count = 0;
    double x[2];
    for (int64_t i = 0; i < SIDE * SIDE; i++)
        count += divide(i % SIDE, i / SIDE, x) < 0;
    tl_pass_trap t[4];
    int found = 0, k = tl_pass_traps(p, t, 4);
    for (int i = 0; i < k; i++)
        if (t[i].call == c) {
            assert_int_equal(t[i].count, count);
            found++;
        }
    assert_int_equal(found, 1);
    (void)seed;
    tl_pass_worker_free(w);
    tl_pass_free(p);
    for (int i = 0; i < 4; i++)
        tl_node_unref(n[i]);
    tl_call_unref(c);
    tl_call_unref(d);
}

#define WITH_SOURCE(f) cmocka_unit_test_setup_teardown(f, open_source, nothing_is_left)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SOURCE(neighbours_do_not_depend_on_the_block),
        WITH_SOURCE(pixels_that_raise_are_invalid_and_counted),
        WITH_SOURCE(on_error_fail_ends_the_run),
        WITH_SOURCE(what_does_not_compile_is_interpreted),
        WITH_SOURCE(without_an_interpreter_it_is_refused),
        WITH_SOURCE(a_call_that_two_steps_need_counts_once),
    };
    return tl_run_tests(tests);
}
