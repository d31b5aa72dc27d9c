/* Programs as data: strangers' functions come back the same, and damaged ones do no harm.
 * SPDX-License-Identifier: MIT
 *
 * TELLUA_TEST_SEED and TELLUA_FLIP_COUNT choose others and more. */
#include "tests/c/call_help.h"
#include "tests/c/fn_random.h"
#include "modules/image/foreign.h"

#include <math.h>

#define PIXELS 70
#define PLACES 64

static uint64_t env_number(const char *name, uint64_t otherwise)
{
    const char *s = getenv(name);
    return s ? strtoull(s, NULL, 10) : otherwise;
}

/* --- one function, two ways
 * ------------------------------------------------------------------------ */

/* Which band at which offset lies in which slots. */
typedef struct places {
    int n;
    struct {
        int band, dx, dy;
    } at[PLACES];
    const tl_call *call;
} places;

static int load_place(void *ctx, tl_ir *ir, int band, int dx, int dy, tl_val *value, tl_val *valid,
                      tl_err *e)
{
    places *p = ctx;
    int k = 0;
    (void)e;
    while (k < p->n && (p->at[k].band != band || p->at[k].dx != dx || p->at[k].dy != dy))
        k++;
    assert_true(k < PLACES);
    if (k == p->n) {
        p->at[p->n].band = band;
        p->at[p->n].dx = dx;
        p->at[p->n++].dy = dy;
    }
    tl_type t = p->call->arg[band]->type;
    *value = tl_ir_load(ir, 2 * k, t == TL_I ? TL_I64 : TL_F64);
    *valid = tl_ir_load_mask(ir, 2 * k + 1);
    return 0;
}

static int near_place(void *ctx, tl_ir *ir, int arg, int dx, int dy, tl_val *value, tl_val *valid,
                      tl_err *e)
{
    places *p = ctx;
    return load_place(ctx, ir, tl_call_bound(p->call, arg)->arg, dx, dy, value, valid, e);
}

static tl_fn_result *lower_own(places *p, tl_ir *ir)
{
    const tl_call *c = p->call;
    int np = tl_fn_n_params(c->fn), nf = tl_fn_n_free(c->fn);
    tl_fn_arg a[32];
    tl_err e = TL_ERR_INIT;
    tl_fn_result *r = NULL;
    tl_fn_options o = {.any = c->any, .near = near_place, .ctx = p};
    for (int i = 0; i < np + nf; i++) {
        const tl_bound *b = tl_call_bound(c, i);
        a[i] = (tl_fn_arg){b->value, TL_NONE, TL_NONE};
        if (!b->value)
            load_place(p, ir, b->arg, 0, 0, &a[i].band, &a[i].valid, &e);
    }
    assert_tl_ok(tl_fn_lower(c->fn, ir, a, a + np, &o, &r, NULL, &e), &e);
    return r;
}

typedef struct outcome {
    int nbands;
    double cell[8][PIXELS];
    uint8_t valid[8][PIXELS], trap[PIXELS];
} outcome;

/* Compiles and runs what was lowered; integers as their bits. */
static void run_result(tl_ir *ir, const tl_fn_result *r, const void *const *in, outcome *o)
{
    tl_prog *p = NULL;
    void *scratch = NULL, *out[2 * 8 + 1];
    tl_err e = TL_ERR_INIT;
    memset(o, 0, sizeof *o);
    o->nbands = r->n_bands < 8 ? r->n_bands : 8;
    for (int k = 0; k < o->nbands; k++) {
        tl_ir_output(ir, 2 * k, r->band[k].value,
                     tl_ir_type(ir, r->band[k].value) == TL_F ? TL_F64 : TL_I64);
        tl_ir_output(ir, 2 * k + 1, r->band[k].valid, TL_U8);
        out[2 * k] = o->cell[k];
        out[2 * k + 1] = o->valid[k];
    }
    tl_ir_output(ir, 2 * o->nbands, r->trap, TL_U8);
    out[2 * o->nbands] = o->trap;
    assert_tl_ok(tl_ir_compile(ir, &p, &e), &e);
    assert_tl_ok(tl_try_alloc(&scratch, tl_prog_scratch_bytes(p), 1, "scratch", &e), &e);
    tl_prog_run(p, scratch, PIXELS, in, out);
    free(scratch);
    tl_prog_free(p);
}

static int same(const outcome *a, const outcome *b)
{
    if (a->nbands != b->nbands || memcmp(a->trap, b->trap, PIXELS) != 0)
        return 0;
    for (int k = 0; k < a->nbands; k++)
        for (int p = 0; p < PIXELS; p++) {
            if (a->valid[k][p] != b->valid[k][p])
                return 0;
            if (a->valid[k][p] && memcmp(&a->cell[k][p], &b->cell[k][p], 8) != 0 &&
                !(isnan(a->cell[k][p]) && isnan(b->cell[k][p])))
                return 0;
        }
    return 1;
}

static void fill_inputs(const places *p, uint64_t *seed, char cells[PLACES][8 * PIXELS],
                        uint8_t valid[PLACES][PIXELS])
{
    static const double edges[] = {0, -0.0, 1, -1, 0.5, 2.5, 1e300, -1e-310, 3};
    for (int k = 0; k < p->n; k++)
        for (int i = 0; i < PIXELS; i++) {
            uint64_t x = tl_test_random(seed);
            int64_t whole = (int64_t)(x % 11) - 5;
            double f = edges[x % 9];
            memcpy(&cells[k][8 * i],
                   p->call->arg[p->at[k].band]->type == TL_I ? (void *)&whole : (void *)&f, 8);
            valid[k][i] = x >> 32 & 7 ? 1 : 0;
        }
}

/* NULL when the function does not compile. */
static tl_call *random_call(uint64_t seed)
{
    static const tl_type types[4] = {TL_I, TL_I, TL_F, TL_F};
    tl_node *arg[4];
    char *text = random_function(seed);
    for (int k = 0; k < 4; k++)
        arg[k] = tl_node_const(types[k], (tl_num){.i = 0}, "");
    tl_fn *fn = NULL;
    tl_err e = TL_ERR_INIT;
    tl_call *c = NULL;
    tl_bound param[4] = {{NULL, 0}, {NULL, 1}, {NULL, 2}, {NULL, 3}}, frees[32] = {{0}};
    if (!tl_fn_parse(text, strlen(text), "=t", 1, 1, &fn, NULL, &e)) {
        int n = tl_fn_n_free(fn);
        assert_true(n <= 28);
        for (int k = 0; k < n; k++) {
            frees[k].value = tl_frozen_standard(tl_fn_free(fn, k));
            frees[k].value = frees[k].value ? frees[k].value : tl_frozen_nil();
        }
        tl_call_spec s = {.fn = fn,
                          .param = param,
                          .free = frees,
                          .arg = arg,
                          .nargs = 4,
                          .any = (int)(seed & 1),
                          .compile = TL_COMPILE_REQUIRE};
        if (tl_call_new(&s, &c, &e))
            c = NULL;
        for (int k = 0; k < n; k++)
            tl_frozen_unref(frees[k].value);
    }
    tl_fn_unref(fn);
    for (int k = 0; k < 4; k++)
        tl_node_unref(arg[k]);
    free(text);
    return c;
}

static tl_foreign *read_back(const tl_call *c, const tl_buf *b, tl_err *e)
{
    tl_type types[4];
    tl_foreign *f = NULL;
    for (int k = 0; k < c->nargs; k++)
        types[k] = c->arg[k]->type;
    return tl_foreign_read(b->data, b->len, types, c->nargs, NULL, NULL, &f, e) ? NULL : f;
}

static void a_function_comes_back_the_same(void **state)
{
    (void)state;
    static char cells[PLACES][8 * PIXELS];
    static uint8_t valid[PLACES][PIXELS];
    uint64_t seed = env_number("TELLUA_TEST_SEED", 20240601);
    int compiled = 0;
    print_message("# seed %llu\n", (unsigned long long)seed);
    for (int round = 0; round < 400; round++) {
        tl_call *c = random_call(seed + (uint64_t)round);
        if (!c)
            continue;
        tl_err e = TL_ERR_INIT;
        tl_buf b = TL_BUF_INIT;
        assert_tl_ok(tl_foreign_write(c, &b, &e), &e);
        tl_foreign *f = read_back(c, &b, &e);
        if (!f)
            fail_msg("seed %llu: %s", (unsigned long long)seed + (unsigned)round, e.message);
        assert_int_equal(f->nresults, c->nresults);
        places p = {.call = c};
        tl_ir *own = tl_ir_new(), *foreign = tl_ir_new();
        tl_fn_result *r = lower_own(&p, own), *q = NULL;
        assert_tl_ok(tl_foreign_lower(f, foreign, load_place, &p, &q, &e), &e);
        for (int k = 0; k < c->nresults; k++) {
            assert_int_equal(f->result[k].type, c->result[k].type);
            assert_ptr_equal(f->result[k].name, c->result[k].name);
        }
        uint64_t s = seed ^ (uint64_t)round;
        fill_inputs(&p, &s, cells, valid);
        const void *in[2 * PLACES];
        for (int k = 0; k < PLACES; k++) {
            in[2 * k] = cells[k];
            in[2 * k + 1] = valid[k];
        }
        static outcome a, z;
        run_result(own, r, in, &a);
        run_result(foreign, q, in, &z);
        if (!same(&a, &z))
            fail_msg("seed %llu: other results", (unsigned long long)seed + (unsigned)round);
        compiled++;
        tl_fn_result_free(r);
        tl_fn_result_free(q);
        tl_ir_free(own);
        tl_ir_free(foreign);
        tl_foreign_unref(f);
        tl_buf_free(&b);
        tl_call_unref(c);
    }
    print_message("# %d functions\n", compiled);
    assert_true(compiled > 100);
}

/* --- damage
 * ----------------------------------------------------------------------------------------- */

/* Whatever the verifier lets through is run. */
static int run_damaged(const tl_prog *p)
{
    static char cells[PIXELS * 8];
    void *scratch = NULL, **out;
    const void **in;
    int nin = tl_prog_inputs(p), nout = tl_prog_outputs(p);
    tl_err e = TL_ERR_INIT;
    if (tl_prog_scratch_bytes(p) > 64 << 20 || nin > 600 || nout > 600)
        return 0;
    in = tl_xcalloc((size_t)nin + 1, sizeof *in);
    out = tl_xcalloc((size_t)nout + 1, sizeof *out);
    for (int k = 0; k < nin; k++)
        in[k] = cells;
    for (int k = 0; k < nout; k++)
        out[k] = malloc(PIXELS * 8); /* of its own, so that a sanitizer sees what goes beyond */
    assert_tl_ok(tl_try_alloc(&scratch, tl_prog_scratch_bytes(p), 1, "scratch", &e), &e);
    tl_prog_run(p, scratch, PIXELS, in, out);
    for (int k = 0; k < nout; k++)
        free(out[k]);
    free(in);
    free(out);
    free(scratch);
    return 1;
}

static void flip(tl_buf *b, uint64_t *seed)
{
    for (int n = 1 + (int)(tl_test_random(seed) % 3); n > 0; n--) {
        uint64_t x = tl_test_random(seed);
        b->data[x % b->len] ^= (char)(1u << (x >> 60 & 7));
    }
}

static tl_prog *valid_program(uint64_t *seed)
{
    for (;;) {
        tl_call *c = random_call(tl_test_random(seed));
        if (!c)
            continue;
        tl_err e = TL_ERR_INIT;
        tl_buf b = TL_BUF_INIT;
        assert_tl_ok(tl_foreign_write(c, &b, &e), &e);
        tl_foreign *f = read_back(c, &b, &e);
        assert_non_null(f);
        tl_prog *p = f->prog;
        f->prog = NULL;
        tl_foreign_unref(f);
        tl_buf_free(&b);
        tl_call_unref(c);
        if (tl_prog_instructions(p) < 400)
            return p;
        tl_prog_free(p);
    }
}

static void damaged_programs_never_get_past_the_verifier_into_a_crash(void **state)
{
    (void)state;
    uint64_t seed = env_number("TELLUA_TEST_SEED", 1);
    long tries = (long)env_number("TELLUA_FLIP_COUNT", 100000), passed = 0, ran = 0;
    for (long t = 0; t < tries;) {
        tl_prog *p = valid_program(&seed);
        tl_buf whole = TL_BUF_INIT;
        tl_prog_write(p, &whole);
        tl_prog_free(p);
        for (int k = 0; k < 500 && t < tries; k++, t++) {
            tl_buf b = TL_BUF_INIT;
            tl_err e = TL_ERR_INIT;
            tl_prog *q = NULL;
            tl_buf_add(&b, whole.data, whole.len);
            flip(&b, &seed);
            if (!tl_prog_read(b.data, b.len, &q, &e)) {
                passed++;
                ran += run_damaged(q);
                tl_prog_free(q);
            } else {
                assert_int_equal(e.code, TL_EDATA);
            }
            tl_buf_free(&b);
        }
        tl_buf_free(&whole);
    }
    print_message("# %ld damaged programs, %ld passed the verifier, %ld of them were run\n", tries,
                  passed, ran);
    assert_true(passed > tries / 100);
}

static void damaged_descriptions_are_refused_or_harmless(void **state)
{
    (void)state;
    uint64_t seed = env_number("TELLUA_TEST_SEED", 2);
    long tries = (long)env_number("TELLUA_FLIP_COUNT", 100000) / 10, passed = 0;
    for (long t = 0; t < tries;) {
        tl_call *c = random_call(tl_test_random(&seed));
        tl_err e = TL_ERR_INIT;
        tl_buf whole = TL_BUF_INIT;
        if (!c)
            continue;
        assert_tl_ok(tl_foreign_write(c, &whole, &e), &e);
        for (int k = 0; k < 200; k++, t++) {
            tl_buf b = TL_BUF_INIT;
            tl_buf_add(&b, whole.data, whole.len);
            flip(&b, &seed);
            if (k % 10 == 0)
                b.len = (size_t)(tl_test_random(&seed) % b.len);
            tl_foreign *f = read_back(c, &b, &e);
            passed += f != NULL;
            tl_foreign_unref(f);
            tl_buf_free(&b);
        }
        tl_buf_free(&whole);
        tl_call_unref(c);
    }
    print_message("# %ld damaged descriptions, %ld were taken\n", tries, passed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_function_comes_back_the_same),
        cmocka_unit_test(damaged_programs_never_get_past_the_verifier_into_a_crash),
        cmocka_unit_test(damaged_descriptions_are_refused_or_harmless)};
    (void)src;
    (void)two_bands;
    return tl_run_tests(tests);
}
