/* Whole Images whose input fails: one error for all threads, and another try afterwards.
 * SPDX-License-Identifier: MIT */
#include "tests/c/test.h"
#include "tests/c/fake_source.h"
#include "modules/batch/evaluate.h"
#include "modules/classes/whole.h"

enum { W = 1200, H = 700, CELLS = W * H };

static tl_grid grid; /* the fake's, but larger */

/* The op of whether the fake's band 0 is above 0, as a pass; of distances, else of 32 bits. */
static tl_pass *pass_of(tl_whole_op op, fake *f, tl_dtype type)
{
    tl_err e = TL_ERR_INIT;
    grid = f->s.native;
    grid.w = W;
    grid.h = H;
    tl_source *s = NULL;
    tl_pass *pass = NULL;
    tl_node *args[2], *input = NULL, *out;
    args[0] = tl_node_band(&f->s, 0, TL_NEAREST, "");
    args[1] = tl_node_const(TL_I, (tl_num){.i = 0}, "");
    assert_tl_ok(tl_node_op(TL_G_gt, args, "", &input, &e), &e);
    tl_whole_spec spec = {.op = op, .input = input, .grid = grid, .threshold = 9};
    assert_tl_ok(tl_whole_new(&spec, &s, &e), &e);
    out = tl_node_band(s, 0, TL_NEAREST, "");
    tl_pass_spec ps = {.lattice = grid, .nodes = &out, .dtypes = &type, .n = 1};
    assert_tl_ok(tl_pass_new(&ps, &pass, &e), &e);
    tl_node_unref(args[0]);
    tl_node_unref(args[1]);
    tl_node_unref(input);
    tl_node_unref(out);
    tl_source_unref(s);
    return pass;
}

static int compute(const tl_pass *p, tl_dtype type, int threads, void *values, uint8_t *valid,
                   tl_err *e)
{
    return tl_evaluate(p, &grid, 1, &type, threads, NULL, &values, &valid, e);
}

static void what_failed_is_tried_again(void **state)
{
    static const tl_whole_op ops[] = {TL_WHOLE_COMPONENTS, TL_WHOLE_SIEVE, TL_WHOLE_DISTANCE};
    static double got[CELLS], want[CELLS];
    static uint8_t valid[CELLS], want_valid[CELLS];
    (void)state;
    for (int k = 0; k < 3; k++) {
        tl_dtype type = ops[k] == TL_WHOLE_DISTANCE ? TL_F64 : TL_U32;
        for (int threads = 1; threads < 8; threads += 3) {
            tl_err e = TL_ERR_INIT;
            fake *f = fake_new("fake", 1);
            tl_pass *p = pass_of(ops[k], f, type);
            f->refuse_read = TL_ETRANSIENT;
            assert_int_equal(compute(p, type, threads, got, valid, &e), TL_ETRANSIENT);
            f->refuse_read = 0;
            char *tmp = getenv("TMPDIR") ? strdup(getenv("TMPDIR")) : NULL;
            setenv("TMPDIR", "/nowhere/at/all", 1);
            e = (tl_err)TL_ERR_INIT;
            assert_int_equal(compute(p, type, threads, got, valid, &e), TL_EIO);
            if (tmp)
                setenv("TMPDIR", tmp, 1);
            else
                unsetenv("TMPDIR");
            free(tmp);
            e = (tl_err)TL_ERR_INIT;
            assert_tl_ok(compute(p, type, threads, got, valid, &e), &e);
            tl_pass_free(p);
            p = pass_of(ops[k], f, type); /* one that never failed */
            assert_tl_ok(compute(p, type, 1, want, want_valid, &e), &e);
            assert_memory_equal(got, want, CELLS * tl_dtype_size(type));
            assert_memory_equal(valid, want_valid, CELLS);
            tl_pass_free(p);
            tl_source_unref(&f->s);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_failed_is_tried_again)};
    return tl_run_tests(tests);
}
