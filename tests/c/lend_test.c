/* Cells used in place against the same cells read into blocks. SPDX-License-Identifier: MIT */
#include "tests/c/test.h"
#include "tests/c/memory_source.h"
#include "modules/batch/evaluate.h"
#include "modules/image/call.h"

enum { W = 157, H = 83, CELLS = W * H, BANDS = 3 };

static const char *const names[BANDS] = {"a", "b", "c"};
static const tl_dtype types[BANDS] = {TL_F64, TL_U16, TL_I64};
static double a[CELLS];
static uint16_t b[CELLS];
static int64_t c[CELLS];
static const void *const cells[BANDS] = {a, b, c};

/* Of operations on the bands themselves, on copies of them, and on cells beside the pixel. */
static const char *const functions[] = {
    "function(a, b, c) return a * 2.5 - c end",
    "function(a, b, c) return b > 100 and b <= 40000 and c ~= 7 end",
    "function(a, b, c) return a end",
    "function(a, b, c) return c, b, a end",
    "function(a, b, c) return near(a, -2, 1) + near(b, 1, 0) / c end",
};
enum { FUNCTIONS = sizeof functions / sizeof *functions, NEAR = FUNCTIONS - 1, RESULTS = 3 };

typedef struct {
    tl_pass *pass;
    int n;
    tl_dtype type[RESULTS];
} picture;

/* Beyond the bands on all sides; the bands; within them. */
static const tl_grid grids[] = {{"", 0, 0, 1, 1, -3, -2, W + 6, H + 4},
                                {"", 0, 0, 1, 1, 0, 0, W, H},
                                {"", 0, 0, 1, 1, 5, 3, W - 9, H - 6}};
static const tl_grid *const around = &grids[0];

static void open_picture(picture *p, const char *text, int lends)
{
    tl_err e = TL_ERR_INIT;
    tl_fn *fn = NULL;
    tl_call *call = NULL;
    tl_bound param[BANDS] = {{NULL, 0}, {NULL, 1}, {NULL, 2}}, near = {0};
    tl_node *arg[BANDS], *node[RESULTS];
    tl_source *s = memory_source_new(BANDS, names, types, cells, W, H, lends);
    for (int k = 0; k < BANDS; k++)
        arg[k] = tl_node_band(s, k, TL_NEAREST, "");
    assert_tl_ok(tl_fn_parse(text, strlen(text), "=test", 1, 1, &fn, NULL, &e), &e);
    near.value = tl_frozen_standard("near"); /* the one free name */
    tl_call_spec spec = {.fn = fn, .param = param, .free = &near, .arg = arg, .nargs = BANDS};
    assert_tl_ok(tl_call_new(&spec, &call, &e), &e);
    p->n = call->nresults;
    for (int k = 0; k < p->n; k++) {
        node[k] = tl_call_node(call, k);
        p->type[k] = node[k]->type == TL_F ? TL_F64 : node[k]->type == TL_I ? TL_I64 : TL_U8;
    }
    tl_pass_spec ps = {.lattice = *around, .nodes = node, .dtypes = p->type, .n = p->n};
    assert_tl_ok(tl_pass_new(&ps, &p->pass, &e), &e);
    assert_int_equal(tl_pass_lends(p->pass), lends);
    for (int k = 0; k < p->n; k++)
        tl_node_unref(node[k]);
    for (int k = 0; k < BANDS; k++)
        tl_node_unref(arg[k]);
    tl_frozen_unref(near.value);
    tl_call_unref(call);
    tl_fn_unref(fn);
    tl_source_unref(s);
}

typedef struct {
    int64_t value[RESULTS][(W + 6) * (H + 4)]; /* of the widest type */
    uint8_t valid[RESULTS][(W + 6) * (H + 4)];
} cells_of;

static void evaluate(const picture *p, const tl_grid *g, int threads, cells_of *out)
{
    tl_err e = TL_ERR_INIT;
    memset(out, 0, sizeof *out);
    void *values[RESULTS] = {out->value[0], out->value[1], out->value[2]};
    uint8_t *valid[RESULTS] = {out->valid[0], out->valid[1], out->valid[2]};
    assert_tl_ok(tl_evaluate(p->pass, g, p->n, p->type, threads, NULL, values, valid, &e), &e);
}

static cells_of read_, lent, part;

static void a_picture_of_lent_cells_is_that_of_read_ones(void **state)
{
    (void)state;
    for (int k = 0; k < 3 * FUNCTIONS; k++) {
        const tl_grid *g = &grids[k % 3];
        picture p, q;
        open_picture(&p, functions[k / 3], 0);
        open_picture(&q, functions[k / 3], 1);
        evaluate(&p, g, 1, &read_);
        assert_int_equal(read_.valid[0][0], g->col > 0 || (g->col == 0 && k / 3 < NEAR));
        assert_int_equal(read_.valid[0][(H / 2) * g->w + W / 2], 1);
        for (int threads = 1; threads <= 3; threads += 2) {
            evaluate(&q, g, threads, &lent);
            assert_memory_equal(&read_, &lent, sizeof read_);
        }
        tl_pass_free(p.pass);
        tl_pass_free(q.pass);
    }
}

/* Blocks within the bands are lent, those across their edge are read, by the same worker. */
static void blocks_cut_at_random_are_parts_of_the_whole(void **state)
{
    (void)state;
    uint64_t seed = 20260711;
    for (int f = 0; f < FUNCTIONS; f++) {
        picture q;
        tl_err e = TL_ERR_INIT;
        tl_pass_worker *w = NULL;
        open_picture(&q, functions[f], 1);
        evaluate(&q, around, 1, &lent);
        assert_tl_ok(tl_pass_worker_new(q.pass, 64, 64, &w, &e), &e);
        for (int i = 0; i < 200; i++) {
            tl_rect r = {(int64_t)(tl_test_random(&seed) % (W + 5)),
                         (int64_t)(tl_test_random(&seed) % (H + 3)), 0, 0};
            r.w = 1 + (int64_t)(tl_test_random(&seed) % 64);
            r.h = 1 + (int64_t)(tl_test_random(&seed) % 64);
            r = tl_rect_intersect(r, (tl_rect){0, 0, around->w, around->h});
            void *values[RESULTS] = {part.value[0], part.value[1], part.value[2]};
            uint8_t *valid[RESULTS] = {part.valid[0], part.valid[1], part.valid[2]};
            tl_rect at = {r.x + around->col, r.y + around->row, r.w, r.h};
            assert_tl_ok(tl_pass_run(w, at, values, valid, &e), &e);
            for (int k = 0; k < q.n; k++)
                for (int64_t y = 0; y < r.h; y++) {
                    size_t size = tl_dtype_size(q.type[k]);
                    size_t from = (size_t)(y * r.w), to = (size_t)((r.y + y) * around->w + r.x);
                    assert_memory_equal((char *)part.value[k] + from * size,
                                        (char *)lent.value[k] + to * size, (size_t)r.w * size);
                    assert_memory_equal(part.valid[k] + from, lent.valid[k] + to, (size_t)r.w);
                }
        }
        tl_pass_worker_free(w);
        tl_pass_free(q.pass);
    }
}

static void fill(void)
{
    uint64_t seed = 7;
    for (int i = 0; i < CELLS; i++) {
        a[i] = (double)(int64_t)tl_test_random(&seed) / 3;
        b[i] = (uint16_t)tl_test_random(&seed);
        c[i] = (int64_t)(tl_test_random(&seed) % 16);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_of_lent_cells_is_that_of_read_ones),
        cmocka_unit_test(blocks_cut_at_random_are_parts_of_the_whole),
    };
    fill();
    return tl_run_tests(tests);
}
