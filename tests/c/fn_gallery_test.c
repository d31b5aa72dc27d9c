/* Functions that people use: they compile, and give what stock Lua gives. SPDX-License-Identifier:
 * MIT */
#include "tests/c/fn_gallery.h"
#include "tests/c/fn_help.h"

#define PIXELS 600

static fn_inputs reflectances(void)
{
    uint64_t seed = 3;
    fn_inputs in = {.n_args = 12, .n = PIXELS};
    for (int k = 0; k < in.n_args; k++) {
        in.type[k] = TL_F64;
        in.cell[k] = tl_xcalloc(PIXELS, sizeof *in.cell[k]);
        in.valid[k] = tl_xcalloc(PIXELS, 1);
        for (int i = 0; i < PIXELS; i++) {
            uint64_t r = tl_test_random(&seed);
            in.cell[k][i].f = i % 50 == 0 ? 0 : (double)(r >> 40) / 0x1p24 * (r & 7 ? 0.4 : 1.1);
            in.valid[k][i] = r % 40 != 8;
        }
    }
    return in;
}

static int check(lua_State *L, const fn_inputs *in, const char *name, const char *text, int most)
{
    fn_outputs o;
    tl_err e = TL_ERR_INIT;
    tl_fn *fn = parsed(text);
    const char *what = NULL;
    size_t i = 0;
    lua_pushstring(L, "return ");
    lua_pushstring(L, text);
    lua_concat(L, 2);
    if (luaL_loadstring(L, lua_tostring(L, -1)) || lua_pcall(L, 0, 1, 0))
        fail_msg("%s: %s", name, lua_tostring(L, -1));
    if (try_fn(fn, in, NULL, &o, NULL, &e))
        fail_msg("%s: %s", name, e.message);
    for (; i < in->n && !what; i++)
        what = compare_pixel(L, in, &o, tl_fn_n_params(fn), i);
    print_message("# %-40s %2d bands, %4d instructions\n", name, o.n_bands, o.instructions);
    if (what)
        print_message("# pixel %zu: %s\n", i - 1, what);
    int bad = what || o.instructions > most;
    free_outputs(&o);
    tl_fn_unref(fn);
    lua_settop(L, 0);
    return bad;
}

static void functions_that_people_use_compile_and_agree_with_lua(void **state)
{
    (void)state;
    lua_State *L = judge();
    fn_inputs in = reflectances();
    int bad = 0;
    for (size_t k = 0; k < sizeof gallery / sizeof *gallery; k++)
        bad += check(L, &in, gallery[k].name, gallery[k].text, 1000);
    assert_int_equal(bad, 0);
    for (int k = 0; k < in.n_args; k++) {
        free(in.cell[k]);
        free(in.valid[k]);
    }
    lua_close(L);
}

/* A tree of the depth, as nested ifs; thresholds and leaves are made up. */
static void write_tree(tl_buf *b, int depth, uint64_t *seed)
{
    uint64_t r = tl_test_random(seed);
    if (depth == 0) {
        tl_buf_printf(b, "s = s + %.4f ", (double)(r % 2000) / 1000 - 1);
        return;
    }
    tl_buf_printf(b, "if f%d < %.4f then ", (int)(r % 12), (double)(r >> 20 & 1023) / 2000);
    write_tree(b, depth - 1, seed);
    tl_buf_puts(b, "else ");
    write_tree(b, depth - 1, seed);
    tl_buf_puts(b, "end\n");
}

static void a_hundred_trees_of_a_hundred_leaves_compile(void **state)
{
    (void)state;
    lua_State *L = judge();
    fn_inputs in = reflectances();
    tl_buf b = TL_BUF_INIT;
    uint64_t seed = 9;
    tl_buf_puts(&b, "function(f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11)\nlocal s = 0.0\n");
    for (int k = 0; k < 90; k++)
        write_tree(&b, k % 3 ? 7 : 6, &seed);
    tl_buf_puts(&b, "return 1 / (1 + math.exp(-s)) > 0.8 end");
    print_message("# %zu bytes\n", b.len);
    assert_int_equal(check(L, &in, "ninety trees", b.data, 60000), 0);
    tl_buf_free(&b);
    for (int k = 0; k < in.n_args; k++) {
        free(in.cell[k]);
        free(in.valid[k]);
    }
    lua_close(L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_that_people_use_compile_and_agree_with_lua),
        cmocka_unit_test(a_hundred_trees_of_a_hundred_leaves_compile),
    };
    return tl_run_tests(tests);
}
