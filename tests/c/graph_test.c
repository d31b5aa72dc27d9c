/* Layer 2: graphs over a source made of arithmetic. SPDX-License-Identifier: MIT */
#include "tests/c/test.h"
#include "tests/c/fake_source.h"
#include "modules/batch/gridding.h"
#include "modules/image/image.h"
#include "modules/image/order.h"
#include "modules/image/pass.h"

static fake *src;

static int open_source(void **state)
{
    (void)state;
    src = fake_new("/made/up", 10);
    return 0;
}

/* Whatever a test made it has given back. */
static int nothing_is_left(void **state)
{
    (void)state;
    tl_source_unref(&src->s);
    for (int k = 0; k < TL_LIVE_KINDS; k++)
        if (tl_live_count((enum tl_live_kind)k) != 0) {
            print_error("%ld objects of kind %d are left\n", tl_live_count((enum tl_live_kind)k),
                        k);
            return -1;
        }
    return 0;
}

/* --- small graphs -------------------------------------------------------------------------------
 */

static tl_node *band(int k)
{
    return tl_node_band(&src->s, k, TL_NEAREST, "t.lua:1");
}

static tl_node *whole(int64_t x)
{
    return tl_node_const(TL_I, (tl_num){.i = x}, "t.lua:1");
}

static tl_node *real(double x)
{
    return tl_node_const(TL_F, (tl_num){.f = x}, "t.lua:1");
}

/* op on nodes that are given up. */
static tl_node *op3(tl_gop op, tl_node *a, tl_node *b, tl_node *c)
{
    tl_err e = TL_ERR_INIT;
    tl_node *args[3] = {a, b, c}, *out = NULL;
    assert_tl_ok(tl_node_op(op, args, "t.lua:2", &out, &e), &e);
    tl_node_unref(a);
    tl_node_unref(b);
    tl_node_unref(c);
    return out;
}

static tl_node *op2(tl_gop op, tl_node *a, tl_node *b)
{
    return op3(op, a, b, NULL);
}

static tl_node *op1(tl_gop op, tl_node *a)
{
    return op3(op, a, NULL, NULL);
}

static tl_node *ndvi(void) /* every node new */
{
    return op2(TL_G_div, op2(TL_G_sub, band(1), band(0)), op2(TL_G_add, band(1), band(0)));
}

static tl_node *cast(tl_node *a, tl_dtype t, int saturate)
{
    tl_err e = TL_ERR_INIT;
    tl_node *out = NULL;
    assert_tl_ok(tl_node_astype(a, t, saturate, "t.lua:3", &out, &e), &e);
    tl_node_unref(a);
    return out;
}

static tl_pass *pass_of(tl_node *const *nodes, const tl_dtype *dtypes, int n)
{
    tl_err e = TL_ERR_INIT;
    tl_pass *p = NULL;
    tl_pass_spec spec = {.lattice = src->s.native, .nodes = nodes, .dtypes = dtypes, .n = n};
    assert_tl_ok(tl_pass_new(&spec, &p, &e), &e);
    return p;
}

/* Instructions of the program of n float32 outputs; the nodes are given up. */
static int instructions(tl_node **nodes, int n)
{
    tl_dtype t[4] = {TL_F32, TL_F32, TL_F32, TL_F32};
    tl_pass *p = pass_of(nodes, t, n);
    int count = tl_prog_instructions(tl_pass_program(p));
    tl_pass_free(p);
    for (int i = 0; i < n; i++)
        tl_node_unref(nodes[i]);
    return count;
}

static int instructions_of(tl_node *a)
{
    return instructions(&a, 1);
}

static void equal_subexpressions_are_computed_once(void **state)
{
    (void)state;
    tl_node *same = ndvi();
    tl_node *shared[2] = {same, tl_node_ref(same)};
    tl_node *equal[2] = {ndvi(), ndvi()};
    tl_node *other[2] = {
        ndvi(), op2(TL_G_div, op2(TL_G_sub, band(1), band(0)), op2(TL_G_add, band(1), band(3)))};
    int one = instructions(shared, 2);
    assert_int_equal(instructions(equal, 2), one);
    assert_true(instructions(other, 2) > one);
    tl_node *n = ndvi();
    int square = instructions_of(op2(TL_G_mul, n, tl_node_ref(n)));
    assert_int_equal(instructions_of(op2(TL_G_mul, ndvi(), ndvi())), square);
}

static void a_chain_that_doubles_at_every_step_stays_small(void **state)
{
    (void)state;
    tl_node *n = band(2);
    for (int i = 0; i < 60; i++) /* 2^60 leaves as a tree */
        n = op2(TL_G_add, n, tl_node_ref(n));
    tl_order o;
    tl_order_make(&o, &n, 1);
    assert_int_equal(o.n, 61);
    tl_order_free(&o);
    assert_true(instructions_of(n) < 60 * 4 + 10);
}

static void constants_are_folded_when_their_value_is_valid(void **state)
{
    (void)state;
    tl_node *n = op2(TL_G_add, whole(1), op2(TL_G_mul, whole(2), whole(3)));
    assert_int_equal(n->kind, TL_NODE_CONST);
    assert_int_equal(n->value.i, 7);
    assert_int_equal(n->lo, 7);
    tl_node_unref(n);
    n = op1(TL_G_sqrt, real(2));
    assert_int_equal(n->kind, TL_NODE_CONST);
    assert_true(n->value.f == sqrt(2.0));
    tl_node_unref(n);
    n = op2(TL_G_idiv, whole(1), whole(0)); /* invalid: no constant says that */
    assert_int_equal(n->kind, TL_NODE_OP);
    tl_node_unref(n);
    n = op2(TL_G_div, whole(1), whole(0));
    assert_int_equal(n->kind, TL_NODE_OP);
    tl_node_unref(n);
    n = cast(real(2.5), TL_U8, 0); /* half to even */
    assert_int_equal(n->kind, TL_NODE_CONST);
    assert_int_equal(n->value.i, 2);
    tl_node_unref(n);
    int folded = instructions_of(op2(TL_G_add, band(0), op2(TL_G_mul, whole(2), whole(3))));
    assert_int_equal(folded, instructions_of(op2(TL_G_add, band(0), whole(6))));
}

/* --- types and ranges
 * ------------------------------------------------------------------------------ */

static void check_node(tl_node *n, tl_type type, int64_t lo, int64_t hi, tl_dtype product)
{
    assert_int_equal(n->type, type);
    if (type != TL_F) {
        assert_int_equal(n->lo, lo);
        assert_int_equal(n->hi, hi);
    }
    assert_string_equal(tl_dtype_name(tl_node_product_dtype(n)), tl_dtype_name(product));
    tl_node_unref(n);
}

static void types_ranges_and_product_types_follow_the_operations(void **state)
{
    (void)state;
    check_node(band(0), TL_I, -32768, 32767, TL_I16);
    check_node(band(2), TL_F, 0, 0, TL_F32);
    check_node(band(3), TL_I, 0, 255, TL_U8);
    check_node(op2(TL_G_add, band(3), band(3)), TL_I, 0, 510, TL_U16);
    check_node(op2(TL_G_sub, band(3), whole(1)), TL_I, -1, 254, TL_I16);
    check_node(op2(TL_G_mul, band(0), band(0)), TL_I, -32768 * 32767, 32768 * 32768, TL_I32);
    check_node(op2(TL_G_mul, band(3), whole(INT64_MAX)), TL_I, INT64_MIN, INT64_MAX,
               TL_I64); /* may wrap */
    check_node(op2(TL_G_idiv, band(0), whole(100)), TL_I, -328, 327, TL_I16);
    check_node(op2(TL_G_mod, band(0), whole(100)), TL_I, 0, 99, TL_U8);
    check_node(op2(TL_G_mod, band(0), band(0)), TL_I, INT64_MIN, INT64_MAX, TL_I64);
    check_node(op1(TL_G_neg, band(3)), TL_I, -255, 0, TL_I16);
    check_node(op1(TL_G_abs, band(0)), TL_I, 0, 32768, TL_U16);
    check_node(op1(TL_G_neg, whole(INT64_MIN)), TL_I, INT64_MIN, INT64_MIN, TL_I64);
    check_node(op2(TL_G_min, band(0), whole(5)), TL_I, -32768, 5, TL_I16);
    check_node(op2(TL_G_max, op2(TL_G_min, band(0), whole(5)), whole(0)), TL_I, 0, 5, TL_U8);
    check_node(op2(TL_G_and, band(0), whole(15)), TL_I, INT64_MIN, INT64_MAX,
               TL_I64); /* of a negative */
    check_node(op2(TL_G_and, band(3), whole(15)), TL_I, 0, 15, TL_U8);
    check_node(op2(TL_G_shr, band(3), whole(2)), TL_I, 0, 255, TL_U8);
    check_node(op2(TL_G_div, band(3), whole(2)), TL_F, 0, 0, TL_F32);
    check_node(op2(TL_G_add, band(3), real(1)), TL_F, 0, 0, TL_F32);
    check_node(op2(TL_G_lt, band(3), real(1)), TL_B, 0, 1, TL_U8);
    check_node(op1(TL_G_isvalid, band(2)), TL_B, 0, 1, TL_U8);
    check_node(op2(TL_G_add, op2(TL_G_lt, band(3), whole(1)), op2(TL_G_gt, band(0), whole(1))),
               TL_I, 0, 2, TL_U8);
    check_node(op2(TL_G_keep, band(0), op2(TL_G_lt, band(3), whole(1))), TL_I, -32768, 32767,
               TL_I16);
    check_node(op2(TL_G_unmask, band(3), whole(-1)), TL_I, -1, 255, TL_I16);
    check_node(op3(TL_G_where, op2(TL_G_lt, band(3), whole(1)), whole(300), band(3)), TL_I, 0, 300,
               TL_U16);
    check_node(op3(TL_G_replace, band(3), op2(TL_G_lt, band(3), whole(1)), real(0.5)), TL_F, 0, 0,
               TL_F32);
    check_node(cast(band(0), TL_U8, 0), TL_I, 0, 255, TL_U8);
    check_node(cast(band(3), TL_I16, 0), TL_I, 0, 255, TL_I16);
    check_node(cast(band(0), TL_F64, 0), TL_F, 0, 0, TL_F64);
}

static void refused(tl_gop op, tl_node *a, tl_node *b, tl_node *c, const char *says)
{
    tl_err e = TL_ERR_INIT;
    tl_node *args[3] = {a, b, c}, *out = NULL;
    assert_int_equal(tl_node_op(op, args, "t.lua:9", &out, &e), TL_ESCRIPT);
    assert_null(out);
    if (!strstr(e.message, says))
        fail_msg("'%s' does not say '%s'", e.message, says);
    assert_string_equal(e.where, "t.lua:9");
    tl_node_unref(a);
    tl_node_unref(b);
    tl_node_unref(c);
}

static void types_that_do_not_fit_are_refused_with_the_way_out(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    tl_node *out = NULL, *b2 = band(2);
    tl_num entry = {.i = 1};
    uint8_t valid = 1;
    refused(TL_G_and, band(2), band(0), NULL, "'&' on a float image; compare it first: img:ne(0)");
    refused(TL_G_or, band(0), band(2), NULL, "'|' on a float image");
    refused(TL_G_xor, band(0), real(1), NULL, "'xor' on a float image");
    refused(TL_G_not, band(2), NULL, NULL, "'~' on a float image");
    refused(TL_G_and, band(0), op2(TL_G_lt, band(0), whole(1)), NULL,
            "a boolean and an integer image");
    refused(TL_G_shl, band(2), whole(1), NULL, "a shift of a float image");
    refused(TL_G_shr, band(0), real(1), NULL, "a shift of a float image");
    refused(TL_G_keep, band(0), band(0), NULL, "a condition must be boolean");
    refused(TL_G_where, band(0), band(0), band(0), "a condition must be boolean");
    refused(TL_G_replace, band(0), band(2), band(0), "a condition must be boolean");
    assert_int_equal(tl_node_lookup(b2, TL_I, &entry, &valid, 1, "t.lua:9", &out, &e), TL_ESCRIPT);
    assert_non_null(strstr(e.message, "lookup needs an integer image, this is float"));
    assert_string_equal(e.where, "t.lua:9");
    tl_node_unref(b2);
}

static void a_chain_too_deep_is_refused_and_nothing_is_lost(void **state)
{
    (void)state;
    tl_node *n = band(0), *one = whole(1), *out = NULL;
    tl_num entry = {.i = 1};
    uint8_t valid = 1;
    while (n->depth < TL_MOST_DEPTH)
        n = op2(TL_G_xor, n, tl_node_ref(one));
    tl_node *args[3] = {n, one};
    tl_err e = TL_ERR_INIT, f = TL_ERR_INIT, g = TL_ERR_INIT;
    assert_int_equal(tl_node_op(TL_G_add, args, "t.lua:9", &out, &e), TL_ESCRIPT);
    assert_int_equal(tl_node_astype(n, TL_U8, 0, "t.lua:9", &out, &f), TL_ESCRIPT);
    assert_int_equal(tl_node_lookup(n, TL_I, &entry, &valid, 1, "t.lua:9", &out, &g), TL_ESCRIPT);
    assert_null(out);
    assert_non_null(strstr(e.message, "more than 10000 steps"));
    assert_string_equal(e.where, "t.lua:9");
    assert_string_equal(f.where, "t.lua:9");
    assert_string_equal(g.where, "t.lua:9");
    tl_node_unref(one);
    assert_true(instructions_of(n) > 0); /* the deepest that is allowed can be compiled */
}

/* --- images
 * ------------------------------------------------------------------------------------------ */

static void images_match_band_by_band_and_say_when_they_cannot(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    tl_image *all = tl_image_of_source(&src->s, "t.lua:1"), *sum = NULL, *bad = NULL;
    tl_node *two[2] = {all->band[2].node, all->band[3].node};
    const char *names[2] = {"x", "x"};
    tl_image *pair = tl_image_new(names, two, 2, NULL);
    assert_string_equal(pair->band[1].name, "x_2");
    tl_operand args[2] = {{.img = all}, {.type = TL_I, .x = {.i = 1}}};
    assert_tl_ok(tl_image_apply(TL_G_add, args, 2, "t.lua:2", &sum, &e), &e);
    assert_int_equal(sum->nbands, 4);
    assert_string_equal(sum->band[2].name, "b2");
    assert_int_equal(sum->band[2].node->type, TL_F);
    args[1] = (tl_operand){.img = pair};
    assert_int_equal(tl_image_apply(TL_G_add, args, 2, "t.lua:3", &bad, &e), TL_ESCRIPT);
    assert_non_null(strstr(e.message, "images of 4 and 2 bands"));
    assert_string_equal(e.where, "t.lua:3");
    e = (tl_err)TL_ERR_INIT; /* bands 0 and 1 fit, 2 does not: what was made is given back */
    args[1] = (tl_operand){.type = TL_I, .x = {.i = 1}};
    assert_int_equal(tl_image_apply(TL_G_and, args, 2, "t.lua:4", &bad, &e), TL_ESCRIPT);
    assert_null(bad);
    tl_image_unref(sum);
    tl_image_unref(pair);
    tl_image_unref(all);
}

static void resample_changes_every_leaf_and_keeps_what_is_shared(void **state)
{
    (void)state;
    tl_node *n = ndvi(), *both = op2(TL_G_mul, n, tl_node_ref(n));
    tl_node *r = tl_node_resample(both, TL_CUBIC), *same = tl_node_resample(r, TL_CUBIC);
    tl_order o;
    assert_ptr_equal(r->arg[0], r->arg[1]);
    assert_ptr_equal(same, r);
    tl_order_make(&o, &r, 1);
    for (int i = 0; i < o.n; i++)
        assert_true(o.node[i]->kind != TL_NODE_BAND || o.node[i]->method == TL_CUBIC);
    tl_order_free(&o);
    assert_int_equal(both->arg[0]->arg[0]->arg[0]->method, TL_NEAREST);
    tl_node_unref(same);
    tl_node_unref(r);
    tl_node_unref(both);
}

static void the_leftmost_source_gives_the_grid_and_the_finest_the_cell(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    fake *fine = fake_new("/made/up/fine", 5), *coarse = fake_new("/made/up/coarse", 25);
    fine->s.native.col = 1000;
    coarse->s.native.crs = tl_intern("EPSG:32634");
    coarse->s.native.dx = coarse->s.native.dy = 1; /* of another CRS: its cell does not count */
    tl_node *f = tl_node_band(&fine->s, 0, TL_NEAREST, ""),
            *c = tl_node_band(&coarse->s, 0, TL_NEAREST, "");
    static const tl_gop ops[] = {TL_G_lt, TL_G_gt, TL_G_le, TL_G_ge, TL_G_sub};
    for (size_t k = 0; k < sizeof ops / sizeof ops[0]; k++) {
        tl_node *n = op2(TL_G_add, op2(ops[k], band(0), tl_node_ref(f)), tl_node_ref(c));
        const char *name = "x";
        tl_grid g;
        assert_ptr_equal(tl_node_first_source(n), &src->s);
        tl_image *img = tl_image_new(&name, &n, 1, NULL);
        assert_tl_ok(tl_native_grid(img, &g, &e), &e);
        assert_true(g.crs == src->s.native.crs && g.dx == 5 && g.x0 == 500000);
        assert_int_equal(g.col, 0);
        assert_int_equal(g.w, 120);
        assert_int_equal(g.h, 80);
        tl_image_unref(img);
        tl_node_unref(n);
    }
    tl_node_unref(f);
    tl_node_unref(c);
    tl_source_unref(&fine->s);
    tl_source_unref(&coarse->s);
    tl_node *one = whole(1);
    const char *name = "x";
    tl_image *img = tl_image_new(&name, &one, 1, NULL);
    tl_grid g;
    assert_int_equal(tl_native_grid(img, &g, &e), TL_ESCRIPT);
    tl_image_unref(img);
    tl_node_unref(one);
}

/* --- passes
 * -------------------------------------------------------------------------------------------- */

static void the_same_file_opened_twice_is_read_once(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    fake *again = fake_new("/made/up", 10);
    tl_node *n = op2(TL_G_add, band(0), tl_node_band(&again->s, 1, TL_NEAREST, ""));
    n = op2(TL_G_add, n, tl_node_band(&again->s, 0, TL_NEAREST, ""));
    tl_node *two = op2(TL_G_add, tl_node_ref(n), tl_node_band(&src->s, 0, TL_MODE, ""));
    tl_dtype t = TL_I32;
    tl_pass *p = pass_of(&n, &t, 1), *q = pass_of(&two, &t, 1);
    assert_int_equal(tl_pass_samplings(p), 1);
    assert_int_equal(tl_pass_samplings(q), 2); /* another method is another sampling */
    assert_int_equal(tl_pass_input_bytes_per_cell(p), 2 * (2 + 1));
    assert_int_equal(src->samplings + again->samplings, 3);
    tl_pass_worker *w = NULL;
    int32_t values[12];
    uint8_t valid[12];
    assert_tl_ok(tl_pass_worker_new(p, 4, 3, &w, &e), &e);
    assert_tl_ok(
        tl_pass_run(w, (tl_rect){0, 0, 4, 3}, (void *[]){values}, (uint8_t *[]){valid}, &e), &e);
    assert_int_equal(src->reads + again->reads, 1);
    tl_pass_worker_free(w);
    tl_pass_free(p);
    tl_pass_free(q);
    tl_node_unref(n);
    tl_node_unref(two);
    tl_source_unref(&again->s);
}

static void check_ndvi(tl_rect r, const float *v, const uint8_t *ok)
{
    for (int64_t i = 0; i < r.w * r.h; i++) {
        int64_t col = r.x + i % r.w, row = r.y + i / r.w;
        double a = floor(fake_number(col, row, 0)), b = floor(fake_number(col, row, 1));
        double x = (b - a) / (b + a);
        int want = fake_valid(col, row, 0) && fake_valid(col, row, 1) && isfinite(x);
        if (ok[i] != want || v[i] != (want ? (float)x : 0))
            fail_msg("cell %lld,%lld: %.9g valid %d, not %.9g valid %d", (long long)col,
                     (long long)row, (double)v[i], ok[i], want ? x : 0, want);
    }
}

static void a_cell_does_not_depend_on_its_block(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    uint64_t seed = 7;
    tl_node *n[2] = {ndvi(), op2(TL_G_lt, ndvi(), real(0.1))};
    tl_dtype t[2] = {TL_F32, TL_U8};
    tl_pass *p = pass_of(n, t, 2);
    tl_pass_worker *w = NULL;
    float v[4000];
    uint8_t ok[4000], low[4000], low_ok[4000];
    assert_tl_ok(tl_pass_worker_new(p, 100, 40, &w, &e), &e);
    for (int k = 0; k < 300; k++) {
        tl_rect r = {(int64_t)(tl_test_random(&seed) % 100000) - 50000,
                     (int64_t)(tl_test_random(&seed) % 100000) - 50000,
                     1 + (int64_t)(tl_test_random(&seed) % 100),
                     1 + (int64_t)(tl_test_random(&seed) % 40)};
        memset(v, 0x55, sizeof v);
        assert_tl_ok(tl_pass_run(w, r, (void *[]){v, low}, (uint8_t *[]){ok, low_ok}, &e), &e);
        check_ndvi(r, v, ok);
        for (int64_t i = 0; i < r.w * r.h; i++) {
            assert_int_equal(low_ok[i], ok[i]);
            assert_int_equal(low[i], ok[i] && (double)v[i] < 0.1);
        }
    }
    assert_int_equal(
        tl_pass_run(w, (tl_rect){0, 0, 100, 41}, (void *[]){v, low}, (uint8_t *[]){ok, low_ok}, &e),
        TL_ESCRIPT);
    assert_true(tl_pass_worker_bytes(p, 100, 40) >= 100 * 40 * 6);
    tl_pass_worker_free(w);
    tl_pass_free(p);
    tl_node_unref(n[0]);
    tl_node_unref(n[1]);
}

static void a_source_that_fails_is_named_with_the_script_line(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    tl_node *n = ndvi();
    tl_dtype t = TL_F32;
    tl_pass_spec spec = {.lattice = src->s.native, .nodes = &n, .dtypes = &t, .n = 1};
    tl_pass *p = NULL;
    src->refuse_sample = TL_ECONFIG;
    assert_int_equal(tl_pass_new(&spec, &p, &e), TL_ECONFIG);
    assert_null(p);
    assert_string_equal(e.where, "t.lua:1");
    assert_string_equal(e.source, "/made/up");
    src->refuse_sample = 0;
    p = pass_of(&n, &t, 1);
    tl_pass_worker *w = NULL;
    float v[4];
    uint8_t ok[4];
    e = (tl_err)TL_ERR_INIT;
    assert_tl_ok(tl_pass_worker_new(p, 2, 2, &w, &e), &e);
    src->refuse_read = TL_ETRANSIENT;
    assert_int_equal(tl_pass_run(w, (tl_rect){0, 0, 2, 2}, (void *[]){v}, (uint8_t *[]){ok}, &e),
                     TL_ETRANSIENT);
    assert_string_equal(e.where, "t.lua:1");
    assert_string_equal(e.source, "/made/up");
    src->refuse_read = 0;
    e = (tl_err)TL_ERR_INIT; /* and it works again */
    assert_tl_ok(tl_pass_run(w, (tl_rect){0, 0, 2, 2}, (void *[]){v}, (uint8_t *[]){ok}, &e), &e);
    tl_pass_worker_free(w);
    tl_pass_free(p);
    e = (tl_err)TL_ERR_INIT; /* more memory than any machine has */
    p = pass_of(&n, &t, 1);
    w = NULL;
    assert_int_equal(tl_pass_worker_new(p, INT64_MAX / 65536, 4096, &w, &e), TL_ENOMEM);
    assert_null(w);
    tl_pass_free(p);
    tl_node_unref(n);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_source, nothing_is_left)
    const struct CMUnitTest tests[] = {
        T(equal_subexpressions_are_computed_once),
        T(a_chain_that_doubles_at_every_step_stays_small),
        T(constants_are_folded_when_their_value_is_valid),
        T(types_ranges_and_product_types_follow_the_operations),
        T(types_that_do_not_fit_are_refused_with_the_way_out),
        T(a_chain_too_deep_is_refused_and_nothing_is_lost),
        T(images_match_band_by_band_and_say_when_they_cannot),
        T(resample_changes_every_leaf_and_keeps_what_is_shared),
        T(the_leftmost_source_gives_the_grid_and_the_finest_the_cell),
        T(the_same_file_opened_twice_is_read_once),
        T(a_cell_does_not_depend_on_its_block),
        T(a_source_that_fails_is_named_with_the_script_line),
    };
    return tl_run_tests(tests);
}
