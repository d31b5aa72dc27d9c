/* The vector VM against its scalar twin, on every instruction set. SPDX-License-Identifier: MIT */
#include "tests/c/expr_help.h"

#define N      1600
#define CANARY 0xa5

static int width_of(int k)
{
    return k < 65 ? k + 1 : 511 + k - 65;
}
#define N_WIDTHS 68

/* All combinations of edges, then around again. */
static void fill_edges(tl_op op, void *cells[3])
{
    for (int i = 0; i < N; i++)
        for (int k = 0, rest = i; k < tl_op_arity(op); k++) {
            tl_type t = tl_op_operand(op, k);
            int n = t == TL_B ? 2 : t == TL_I ? N_EDGE_I : N_EDGE_F;
            int at = rest % n;
            rest /= n;
            if (t == TL_B)
                ((uint8_t *)cells[k])[i] = (uint8_t)(at * 3); /* masks need not be 0 and 1 */
            else if (t == TL_I)
                ((int64_t *)cells[k])[i] = edge_i[at];
            else
                ((double *)cells[k])[i] = edge_f[at];
        }
}

/* The operation alone. Integers pass a sum with slot 3, all zeros, which the builder cannot know:
 * so the operation meets a register and no load it could be fused with. */
static tl_prog *program_of(tl_op op, tl_dtype *t)
{
    tl_ir *ir = tl_ir_new();
    tl_val v[3] = {TL_NONE, TL_NONE, TL_NONE};
    for (int k = 0; k < tl_op_arity(op); k++)
        switch (tl_op_operand(op, k)) {
        case TL_B:
            v[k] = tl_ir_load_mask(ir, k);
            break;
        case TL_I:
            v[k] = op2(ir, TL_OP_i_add, tl_ir_load(ir, k, TL_I64), tl_ir_load(ir, 3, TL_I64));
            break;
        case TL_F:
            v[k] = tl_ir_load(ir, k, TL_F64);
        }
    *t = tl_op_result(op) == TL_B ? TL_U8 : tl_op_result(op) == TL_I ? TL_I64 : TL_F64;
    tl_ir_output(ir, 0, tl_ir_op(ir, op, v[0], v[1], v[2]), *t);
    tl_prog *p = compiled(ir);
    tl_ir_free(ir);
    return p;
}

/* Runs `width` cells from `start` and compares them; one cell more must stay untouched. */
static void check_width(const tl_prog *p, tl_op op, tl_dtype t, void *const cells[4],
                        const void *want, size_t start, size_t width)
{
    static int64_t got[N + 1];
    const void *in[4];
    void *out[1] = {got};
    for (int k = 0; k < 4; k++) {
        size_t size = k < tl_op_arity(op) && tl_op_operand(op, k) == TL_B ? 1 : 8;
        in[k] = (char *)cells[k] + start * size;
    }
    size_t size = tl_dtype_size(t);
    memset(got, CANARY, sizeof got);
    run(p, width, in, out);
    for (size_t i = 0; i < width; i++)
        if (!same_cell(t, (char *)got + i * size, (const char *)want + (start + i) * size, 0))
            fail_msg("%s, %s, width %zu from %zu: cell %zu differs", tl_op_name(op), tl_expr_isa(),
                     width, start, i);
    for (size_t i = width * size; i < (width + 1) * size; i++)
        assert_int_equal(((unsigned char *)got)[i], CANARY);
}

static void check_op(tl_op op, void *cells[4])
{
    static int64_t want[N];
    void *out[1] = {want};
    tl_dtype t;
    tl_prog *p = program_of(op, &t);
    fill_edges(op, cells);
    tl_prog_run_scalar(p, N, (const void *const *)cells, out);
    for (int a = 0; a < 3; a++) {
        if (!use_isa(all_isas[a]))
            continue;
        check_width(p, op, t, cells, want, 0, N);
        for (int k = 0; k < N_WIDTHS; k++) {
            size_t w = (size_t)width_of(k);
            check_width(p, op, t, cells, want, (size_t)k * 397 % (N - w), w);
        }
    }
    tl_prog_free(p);
}

static void every_operation_equals_its_twin_at_every_width_on_every_isa(void **state)
{
    (void)state;
    void *cells[4];
    for (int k = 0; k < 4; k++)
        cells[k] = tl_xcalloc(N, 8);
    for (int op = 0; op < TL_OPS; op++)
        check_op((tl_op)op, cells);
    for (int k = 0; k < 4; k++)
        free(cells[k]);
    for (int a = 0; a < 3; a++)
        print_message("# %s: %s\n", all_isas[a], use_isa(all_isas[a]) ? "run" : "not here");
}

/* --- loads and stores ------------------------------------------------------------------------- */

static void fill_cells(tl_dtype t, void *cells, int n, uint64_t *seed)
{
    for (int i = 0; i < n; i++) {
        uint64_t r = tl_test_random(seed);
        if (t == TL_F32)
            ((float *)cells)[i] = r % 3 ? (float)edge_f[r % N_EDGE_F] : (float)(int)r / 256;
        else if (t == TL_F64)
            ((double *)cells)[i] = r % 3 ? edge_f[r % N_EDGE_F] : (double)(int64_t)r / 65536;
        else {
            int64_t x = r % 3 ? edge_i[r % N_EDGE_I] : (int64_t)r >> (r >> 8 & 63);
            memcpy((char *)cells + (size_t)i * tl_dtype_size(t), &x, tl_dtype_size(t));
        }
    }
}

/* One input of type t: its number, its float, its mask, into all types of output. */
static tl_prog *all_conversions(tl_dtype t, tl_dtype *out_type, int *n_out)
{
    tl_ir *ir = tl_ir_new();
    tl_val v = tl_ir_load(ir, 0, t), f = v, b = tl_ir_load_mask(ir, 1);
    int n = 0;
    if (!tl_dtype_is_float(t))
        f = op1(ir, TL_OP_i_to_f, v);
    for (int o = 0; o < TL_DTYPES; o++)
        if (tl_dtype_is_float((tl_dtype)o)) {
            out_type[n] = (tl_dtype)o;
            tl_ir_output(ir, n++, f, (tl_dtype)o);
        } else {
            out_type[n] = (tl_dtype)o;
            tl_ir_output(ir, n++, b, (tl_dtype)o);
            out_type[n] = (tl_dtype)o;
            if (!tl_dtype_is_float(t))
                tl_ir_output(ir, n++, v, (tl_dtype)o);
        }
    *n_out = n;
    tl_prog *p = compiled(ir);
    tl_ir_free(ir);
    return p;
}

static void loads_and_stores_of_all_types_equal_the_twin(void **state)
{
    (void)state;
    uint64_t seed = 11;
    static int64_t cells[N];
    static uint8_t mask[N];
    static int64_t got[24][N], want[24][N];
    void *got_at[24], *want_at[24];
    for (int k = 0; k < 24; k++)
        got_at[k] = got[k], want_at[k] = want[k];
    const void *in[2] = {cells, mask};
    fill_cells(TL_U8, mask, N, &seed);
    for (int t = 0; t < TL_DTYPES; t++) {
        tl_dtype out_type[24];
        int n_out;
        tl_prog *p = all_conversions((tl_dtype)t, out_type, &n_out);
        fill_cells((tl_dtype)t, cells, N, &seed);
        tl_prog_run_scalar(p, N, in, want_at);
        for (int a = 0; a < 3; a++) {
            if (!use_isa(all_isas[a]))
                continue;
            run(p, N, in, got_at);
            for (int o = 0; o < n_out; o++)
                for (size_t i = 0; i < N; i++)
                    if (!same_cell(out_type[o], got[o], want[o], i))
                        fail_msg("%s from %s to %s: cell %zu differs", all_isas[a],
                                 tl_dtype_name((tl_dtype)t), tl_dtype_name(out_type[o]), i);
        }
        tl_prog_free(p);
    }
}

static void cells_arrive_and_leave_as_the_numbers_they_are(void **state)
{
    (void)state;
    tl_ir *ir = tl_ir_new();
    static const uint64_t u64[] = {0, UINT64_MAX, (uint64_t)1 << 63};
    static const float f32[] = {0.1f, -INFINITY, 1e-45f};
    int64_t i64[3];
    uint8_t u8[3];
    double f64[3];
    float back[3];
    tl_val i = tl_ir_load(ir, 0, TL_U64), f = tl_ir_load(ir, 1, TL_F32);
    tl_ir_output(ir, 0, i, TL_I64);
    tl_ir_output(ir, 1, i, TL_U8);
    tl_ir_output(ir, 2, f, TL_F64);
    tl_ir_output(ir, 3, f, TL_F32);
    tl_prog *p = compiled(ir);
    run(p, 3, (const void *[]){u64, f32}, (void *[]){i64, u8, f64, back});
    assert_true(i64[1] == -1 && i64[2] == INT64_MIN && u8[1] == 255 && u8[2] == 0);
    assert_true(f64[0] == (double)0.1f && f64[1] == -INFINITY && f64[2] == 0x1p-149);
    assert_memory_equal(back, f32, sizeof back);
    run(p, 0, (const void *[]){NULL, NULL}, (void *[]){NULL, NULL, NULL, NULL});
    tl_prog_free(p);
    tl_ir_free(ir);
}

/* --- integer cells beside constants: computed on the cells themselves ---------------------------
 */

static const tl_op comparison[] = {TL_OP_i_lt, TL_OP_i_le, TL_OP_i_eq};

/* x < k, k < x and so on, and k <= x and x <= m, of cells of type t. */
static tl_ir *comparisons(tl_dtype t, int64_t k, int64_t m)
{
    tl_ir *ir = tl_ir_new();
    tl_val x = tl_ir_load(ir, 0, t), limit = int_const(ir, k);
    for (int c = 0; c < 3; c++) {
        tl_ir_output(ir, 2 * c, op2(ir, comparison[c], x, limit), TL_U8);
        tl_ir_output(ir, 2 * c + 1, op2(ir, comparison[c], limit, x), TL_U8);
    }
    tl_val above = op2(ir, TL_OP_i_le, limit, x), below = op2(ir, TL_OP_i_le, x, int_const(ir, m));
    tl_ir_output(ir, 6, op2(ir, TL_OP_b_and, above, below), TL_U8);
    return ir;
}

static int64_t as_integer(tl_dtype t, const void *cells, int i)
{
    int64_t x = 0;
    memcpy(&x, (const char *)cells + (size_t)i * tl_dtype_size(t), tl_dtype_size(t));
    int unused = 64 - 8 * (int)tl_dtype_size(t);
    return tl_dtype_is_signed(t) ? (int64_t)((uint64_t)x << unused) >> unused : x;
}

static void check_comparisons(tl_dtype t, const void *cells, int64_t k, int64_t m)
{
    enum { WIDTH = 601 };
    static uint8_t got[7][WIDTH];
    tl_ir *ir = comparisons(t, k, m);
    tl_prog *p = compiled(ir);
    void *at[7];
    for (int o = 0; o < 7; o++)
        at[o] = got[o];
    for (int a = 0; a < 4; a++) { /* the last is the scalar twin */
        if (a < 3 && !use_isa(all_isas[a]))
            continue;
        memset(got, CANARY, sizeof got);
        if (a < 3)
            run(p, WIDTH, &cells, at);
        else
            tl_prog_run_scalar(p, WIDTH, &cells, at);
        for (int i = 0; i < WIDTH; i++) {
            int64_t x = as_integer(t, cells, i);
            uint8_t want[7] = {x < k, k < x, x <= k, k <= x, x == k, x == k, k <= x && x <= m};
            for (int o = 0; o < 7; o++)
                if (got[o][i] != want[o])
                    fail_msg("%s %lld beside %lld, %lld: %d is %d (%s)", tl_dtype_name(t),
                             (long long)x, (long long)k, (long long)m, o, got[o][i],
                             a < 3 ? all_isas[a] : "twin");
        }
    }
    tl_prog_free(p);
    tl_ir_free(ir);
}

static void integer_cells_beside_constants_compare_as_integers(void **state)
{
    (void)state;
    static int64_t cells[N];
    uint64_t seed = 12;
    for (int t = 0; t < TL_DTYPES; t++) {
        if (tl_dtype_is_float((tl_dtype)t))
            continue;
        fill_cells((tl_dtype)t, cells, N, &seed);
        const int64_t own[] = {tl_dtype_min((tl_dtype)t), tl_dtype_max((tl_dtype)t)};
        for (int k = 0; k < N_EDGE_I + 6; k++) {
            int64_t x = k < N_EDGE_I
                            ? edge_i[k]
                            : (int64_t)((uint64_t)own[k & 1] + (uint64_t)((k - N_EDGE_I) / 2) - 1);
            check_comparisons((tl_dtype)t, cells, x, edge_i[tl_test_random(&seed) % N_EDGE_I]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_equals_its_twin_at_every_width_on_every_isa),
        cmocka_unit_test(loads_and_stores_of_all_types_equal_the_twin),
        cmocka_unit_test(cells_arrive_and_leave_as_the_numbers_they_are),
        cmocka_unit_test(integer_cells_beside_constants_compare_as_integers),
    };
    return tl_run_tests(tests);
}
