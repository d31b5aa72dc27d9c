/* Whole Images whose input fails: one error for all threads, and another try afterwards; that are
 * cancelled: others get theirs, and the next goes on. SPDX-License-Identifier: MIT */
#include "tests/c/test.h"
#include "tests/c/fake_source.h"
#include "modules/batch/evaluate.h"
#include "modules/classes/whole.h"
#include "runtime/cancel.h"
#include "runtime/scratch.h"

#include <pthread.h>
#include <time.h>

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

/* --- cancelled ----------------------------------------------------------------------------------
 */

typedef struct {
    const tl_pass *pass;
    uint32_t seed;
    int patient; /* is never cancelled */
    int interrupted, rc;
    double late; /* s, at most, from the flag to the return */
    atomic_int flag;
    _Atomic double at;
    double got[CELLS];
    uint8_t valid[CELLS];
} client;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Sets the flag within 4 ms. */
static void *canceller(void *arg)
{
    client *c = arg;
    c->seed = c->seed * 1664525u + 1013904223u;
    nanosleep(&(struct timespec){0, (long)(c->seed >> 8) % 4000000}, NULL);
    c->at = now();
    atomic_store(&c->flag, 1);
    return NULL;
}

static int try_once(client *c)
{
    tl_err e = TL_ERR_INIT;
    tl_pass_worker *w = NULL;
    void *values = c->got;
    uint8_t *valid = c->valid;
    int rc = tl_pass_worker_new(c->pass, W, H, &w, &e);
    if (!rc)
        rc = tl_pass_run(w, tl_grid_rect(&grid), &values, &valid, &e);
    tl_pass_worker_free(w);
    return rc;
}

/* Until it is done. After 200 times it is let be. */
static void *insist(void *arg)
{
    client *c = arg;
    do {
        pthread_t other;
        int disturb = !c->patient && c->interrupted < 200;
        atomic_store(&c->flag, 0);
        tl_obey(&c->flag);
        if (disturb)
            pthread_create(&other, NULL, canceller, c);
        c->rc = try_once(c);
        double end = now();
        if (disturb)
            pthread_join(other, NULL);
        if (c->rc == TL_EINTR && c->interrupted++ >= 0 && end - c->at > c->late)
            c->late = end - c->at;
    } while (c->rc == TL_EINTR);
    tl_obey(NULL);
    return NULL;
}

static void who_is_cancelled_leaves_others_theirs(void **state)
{
    static const tl_whole_op ops[] = {TL_WHOLE_COMPONENTS, TL_WHOLE_SIEVE, TL_WHOLE_DISTANCE};
    static double want[CELLS];
    static uint8_t want_valid[CELLS];
    static client c[3];
    int interrupted = 0, round;
    (void)state;
    for (round = 0; round < 12; round++) {
        tl_whole_op op = ops[round % 3];
        tl_dtype type = op == TL_WHOLE_DISTANCE ? TL_F64 : TL_U32;
        tl_err e = TL_ERR_INIT;
        pthread_t thread[3];
        fake *f = fake_new("fake", 1);
        tl_pass *once = pass_of(op, f, type), *p = pass_of(op, f, type);
        assert_tl_ok(compute(once, type, 1, want, want_valid, &e), &e);
        for (int k = 0; k < 3; k++) {
            c[k].pass = p;
            c[k].seed = (uint32_t)(round * 3 + k + 1);
            c[k].patient = k == 2 && round % 2; /* in every other round all are cancelled */
            c[k].interrupted = 0;
            pthread_create(&thread[k], NULL, insist, &c[k]);
        }
        for (int k = 0; k < 3; k++) {
            pthread_join(thread[k], NULL);
            assert_int_equal(c[k].rc, 0);
            assert_memory_equal(c[k].got, want, CELLS * tl_dtype_size(type));
            assert_memory_equal(c[k].valid, want_valid, CELLS);
            interrupted += c[k].interrupted;
        }
        assert_int_equal(c[2].interrupted > 0 && c[2].patient, 0);
        tl_pass_free(once);
        tl_pass_free(p);
        tl_source_unref(&f->s);
    }
    print_message("# cancelled %d times, the last %.3f s after the flag was set at most\n",
                  interrupted, fmax(c[0].late, c[1].late));
    assert_true(interrupted > 20);
}

/* Temporary files have the room that was given, and give it back. */
static void room_is_held(void **state)
{
    static double got[CELLS];
    static uint8_t valid[CELLS];
    tl_err e = TL_ERR_INIT;
    fake *f = fake_new("fake", 1);
    (void)state;
    tl_scratch_limit(8LL * CELLS * 3 / 2); /* a whole Image, and half of another */
    tl_pass *a = pass_of(TL_WHOLE_DISTANCE, f, TL_F64), *b = pass_of(TL_WHOLE_DISTANCE, f, TL_F64);
    assert_tl_ok(compute(a, TL_F64, 2, got, valid, &e), &e);
    assert_int_equal(compute(b, TL_F64, 2, got, valid, &e), TL_ENOMEM);
    assert_non_null(strstr(e.message, "--temp"));
    tl_pass_free(a);
    e = (tl_err)TL_ERR_INIT;
    assert_tl_ok(compute(b, TL_F64, 2, got, valid, &e), &e);
    tl_pass_free(b);
    tl_scratch_limit(0);
    tl_source_unref(&f->s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_failed_is_tried_again),
                                       cmocka_unit_test(who_is_cancelled_leaves_others_theirs),
                                       cmocka_unit_test(room_is_held)};
    return tl_run_tests(tests);
}
