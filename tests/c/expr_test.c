/* Building, simplifying, compiling and refusing pixel programs. SPDX-License-Identifier: MIT */
#include "tests/c/expr_help.h"

/* Instructions of a program whose only output is v. */
static int instructions(tl_ir *ir, tl_val v)
{
    tl_type t = tl_ir_type(ir, v);
    tl_ir_output(ir, 0, v, t == TL_F ? TL_F64 : TL_I64);
    tl_prog *p = compiled(ir);
    int n = tl_prog_instructions(p);
    tl_prog_free(p);
    return n;
}

static void equal_values_are_computed_once(void **state)
{
    (void)state;
    tl_ir *ir = tl_ir_new();
    tl_val a = tl_ir_load(ir, 0, TL_I32), b = tl_ir_load(ir, 1, TL_I32);
    assert_int_equal(a, tl_ir_load(ir, 0, TL_I32));
    tl_val sum = op2(ir, TL_OP_i_add, a, b);
    assert_int_equal(sum, op2(ir, TL_OP_i_add, b, a));
    assert_int_not_equal(op2(ir, TL_OP_i_sub, a, b), op2(ir, TL_OP_i_sub, b, a));
    /* two loads, one sum, one product, one store */
    assert_int_equal(instructions(ir, op2(ir, TL_OP_i_mul, sum, op2(ir, TL_OP_i_add, a, b))), 5);
    /* which NaN comes out depends on the order, so float sums are left alone */
    tl_val f = tl_ir_load(ir, 2, TL_F64), g = tl_ir_load(ir, 3, TL_F64);
    assert_int_not_equal(op2(ir, TL_OP_f_add, f, g), op2(ir, TL_OP_f_add, g, f));
    tl_num entries[] = {{.i = 5}, {.i = 6}};
    assert_int_equal(tl_ir_table(ir, TL_I, entries, 2), tl_ir_table(ir, TL_I, entries, 2));
    assert_int_not_equal(tl_ir_table(ir, TL_I, entries, 2), tl_ir_table(ir, TL_F, entries, 2));
    tl_ir_free(ir);
}

static void constants_are_folded_and_dead_values_dropped(void **state)
{
    (void)state;
    tl_ir *ir = tl_ir_new();
    tl_val a = tl_ir_load(ir, 0, TL_I16);
    op2(ir, TL_OP_i_mul, a, a); /* dead */
    tl_val seven = op2(ir, TL_OP_i_add, int_const(ir, 3), int_const(ir, 4));
    tl_num x;
    assert_true(tl_ir_is_const(ir, seven, &x) && x.i == 7);
    assert_int_equal(instructions(ir, seven), 1); /* the store */
    assert_int_equal(instructions(ir, op2(ir, TL_OP_i_add, a, seven)), 3);
    assert_int_equal(op2(ir, TL_OP_i_add, a, int_const(ir, 0)), a);
    assert_int_equal(op2(ir, TL_OP_i_mul, int_const(ir, 1), a), a);
    tl_val div = op2(ir, TL_OP_i_idiv, int_const(ir, INT64_MIN), int_const(ir, -1));
    assert_true(tl_ir_is_const(ir, div, &x) && x.i == INT64_MIN);
    div = op2(ir, TL_OP_i_idiv, seven, int_const(ir, 0));
    assert_true(tl_ir_is_const(ir, div, &x) && x.i == 0);
    tl_num entries[] = {{.f = 0.5}, {.f = 1.5}};
    int t = tl_ir_table(ir, TL_F, entries, 2);
    assert_true(tl_ir_is_const(ir, tl_ir_lookup(ir, t, int_const(ir, 1)), &x) && x.f == 1.5);
    assert_true(tl_ir_is_const(ir, tl_ir_lookup(ir, t, int_const(ir, 2)), &x) && x.i == 0);
    assert_true(tl_ir_is_const(ir, tl_ir_lookup(ir, t, int_const(ir, -1)), &x) && x.i == 0);
    tl_ir_free(ir);
}

static void choices_that_are_known_cost_nothing(void **state)
{
    (void)state;
    tl_ir *ir = tl_ir_new();
    tl_val a = tl_ir_load_mask(ir, 0), b = tl_ir_load_mask(ir, 1), f = tl_ir_load(ir, 2, TL_F32);
    tl_val yes = tl_ir_const(ir, TL_B, (tl_num){.i = 1});
    tl_val no = tl_ir_const(ir, TL_B, (tl_num){.i = 0});
    tl_val nan = float_const(ir, NAN), not_a = op1(ir, TL_OP_b_not, a);
    assert_int_equal(op2(ir, TL_OP_b_and, yes, a), a);
    assert_int_equal(op2(ir, TL_OP_b_and, a, no), no);
    assert_int_equal(op2(ir, TL_OP_b_or, no, a), a);
    assert_int_equal(op2(ir, TL_OP_b_or, a, yes), yes);
    assert_int_equal(op2(ir, TL_OP_b_xor, a, yes), not_a);
    assert_int_equal(op1(ir, TL_OP_b_not, not_a), a);
    assert_int_equal(tl_ir_op(ir, TL_OP_f_select, yes, f, nan), f);
    assert_int_equal(tl_ir_op(ir, TL_OP_f_select, no, f, nan), nan);
    assert_int_equal(tl_ir_op(ir, TL_OP_f_select, a, nan, nan), nan);
    assert_int_equal(tl_ir_op(ir, TL_OP_f_select, not_a, f, nan),
                     tl_ir_op(ir, TL_OP_f_select, a, nan, f));
    assert_int_equal(tl_ir_op(ir, TL_OP_b_select, a, yes, no), a);
    assert_int_equal(tl_ir_op(ir, TL_OP_b_select, a, no, yes), not_a);
    assert_int_equal(tl_ir_op(ir, TL_OP_b_select, a, b, no), op2(ir, TL_OP_b_and, a, b));
    tl_ir_free(ir);
}

static void nan_and_negative_zero_are_never_folded_away(void **state)
{
    (void)state;
    tl_ir *ir = tl_ir_new();
    tl_num x;
    tl_val f = tl_ir_load(ir, 0, TL_F64), zero = float_const(ir, 0.0);
    assert_int_not_equal(zero, float_const(ir, -0.0));
    tl_val kept[] = {op2(ir, TL_OP_f_add, f, zero), op2(ir, TL_OP_f_sub, f, f),
                     op2(ir, TL_OP_f_mul, f, zero), op2(ir, TL_OP_f_eq, f, f),
                     op2(ir, TL_OP_f_le, f, f),     op2(ir, TL_OP_f_div, f, f)};
    for (size_t k = 0; k < sizeof kept / sizeof *kept; k++)
        assert_true(kept[k] != f && !tl_ir_is_const(ir, kept[k], &x));
    tl_val v = op1(ir, TL_OP_f_neg, zero);
    assert_true(tl_ir_is_const(ir, v, &x) && x.f == 0 && signbit(x.f));
    v = op2(ir, TL_OP_f_add, float_const(ir, -0.0), zero);
    assert_true(tl_ir_is_const(ir, v, &x) && x.f == 0 && !signbit(x.f));
    v = op2(ir, TL_OP_f_div, zero, zero);
    assert_true(tl_ir_is_const(ir, v, &x) && isnan(x.f));
    v = op2(ir, TL_OP_f_eq, v, v);
    assert_true(tl_ir_is_const(ir, v, &x) && x.i == 0);
    tl_ir_free(ir);
}

static void an_integer_band_reaches_floats_and_mixed_comparisons_in_one_step(void **state)
{
    (void)state;
    tl_ir *ir = tl_ir_new();
    tl_val a = tl_ir_load(ir, 0, TL_U16), half = float_const(ir, 0.5);
    tl_val wide = tl_ir_load(ir, 1, TL_I64);
    tl_val f = op1(ir, TL_OP_i_to_f, a);
    assert_int_equal(instructions(ir, f), 2);
    assert_int_equal(op2(ir, TL_OP_if_lt, a, half), op2(ir, TL_OP_f_lt, f, half));
    assert_int_equal(op2(ir, TL_OP_fi_le, half, a), op2(ir, TL_OP_f_le, half, f));
    assert_int_not_equal(op2(ir, TL_OP_if_lt, wide, half),
                         op2(ir, TL_OP_f_lt, op1(ir, TL_OP_i_to_f, wide), half));
    assert_int_equal(op1(ir, TL_OP_f_floor, f), f);
    tl_val b = tl_ir_load(ir, 2, TL_U16);
    assert_int_equal(op1(ir, TL_OP_i_to_f, op2(ir, TL_OP_i_sub, a, b)),
                     op2(ir, TL_OP_f_sub, f, op1(ir, TL_OP_i_to_f, b)));
    tl_num x;
    assert_true(tl_ir_is_const(ir, op1(ir, TL_OP_f_has_i, f), &x) && x.i == 1);
    assert_false(tl_ir_is_const(ir, op1(ir, TL_OP_f_fits_i, op1(ir, TL_OP_i_to_f, wide)), &x));
    tl_ir_free(ir);
}

static void a_sum_beyond_53_bits_is_still_compared_exactly(void **state)
{
    (void)state;
    tl_ir *ir = tl_ir_new();
    tl_val a = tl_ir_load(ir, 0, TL_U32);
    tl_val v = op2(ir, TL_OP_i_mul, a, int_const(ir, (int64_t)1 << 22));
    v = op2(ir, TL_OP_i_add, v, int_const(ir, 1));
    tl_ir_output(ir, 0, op2(ir, TL_OP_if_eq, v, float_const(ir, 0x1p53)), TL_U8);
    tl_ir_output(ir, 1, op2(ir, TL_OP_fi_lt, float_const(ir, 0x1p53), v), TL_U8);
    tl_prog *p = compiled(ir);
    uint32_t in[1] = {(uint32_t)1 << 31};
    uint8_t equal[1], less[1];
    run(p, 1, (const void *[]){in}, (void *[]){equal, less});
    assert_true(equal[0] == 0 && less[0] == 1);
    tl_prog_free(p);
    tl_ir_free(ir);
}

static void the_environment_limits_the_instruction_set(void **state)
{
    (void)state;
    const char *was = getenv("TELLUA_ISA");
    char kept[32];
    snprintf(kept, sizeof kept, "%s", was ? was : "");
    setenv("TELLUA_ISA", "baseline", 1);
    assert_string_equal(tl__expr_choose_isa(NULL), "baseline");
    assert_string_equal(tl_expr_isa(), "baseline");
    setenv("TELLUA_ISA", kept, 1);
    print_message("# %s\n", tl__expr_choose_isa(NULL));
}

static void a_program_knows_its_slots_and_libm(void **state)
{
    (void)state;
    tl_ir *ir = tl_ir_new();
    tl_val a = tl_ir_load(ir, 5, TL_F64);
    tl_ir_load(ir, 9, TL_U8); /* dead */
    tl_ir_output(ir, 2, op1(ir, TL_OP_f_sqrt, a), TL_F32);
    tl_prog *p = compiled(ir);
    assert_int_equal(tl_prog_inputs(p), 6);
    assert_int_equal(tl_prog_outputs(p), 3);
    assert_true(tl_prog_uses_input(p, 5));
    assert_false(tl_prog_uses_input(p, 4) || tl_prog_uses_input(p, 9));
    assert_false(tl_prog_uses_libm(p));
    tl_prog_free(p);
    /* folded with this machine's exp: the constant is as doubtful as the instruction */
    tl_ir_output(ir, 2, op2(ir, TL_OP_f_add, a, op1(ir, TL_OP_f_exp, float_const(ir, 1))), TL_F32);
    p = compiled(ir);
    assert_true(tl_prog_uses_libm(p));
    tl_prog_free(p);
    tl_ir_free(ir);
    assert_int_equal(tl_live_count(TL_LIVE_PROGRAM), 0);
}

static void a_dump_has_one_line_per_instruction(void **state)
{
    (void)state;
    tl_ir *ir = tl_ir_new();
    tl_num entries[] = {{.i = 5}, {.i = 6}};
    tl_val a = tl_ir_load(ir, 0, TL_U16), f = op1(ir, TL_OP_i_to_f, a);
    tl_ir_output(ir, 0, op2(ir, TL_OP_f_mul, f, float_const(ir, 0.1)), TL_F32);
    tl_ir_output(ir, 1, op2(ir, TL_OP_f_lt, f, float_const(ir, 0.1)), TL_U8);
    tl_ir_output(ir, 2, tl_ir_lookup(ir, tl_ir_table(ir, TL_I, entries, 2), a), TL_U8);
    tl_prog *p = compiled(ir);
    tl_buf text = TL_BUF_INIT;
    tl_prog_dump(p, &text);
    assert_string_equal(tl_buf_text(&text), "r0:f = const 0.10000000000000001\n"
                                            "r1:f = load_f in0:uint16\n"
                                            "r2:f = f_mul r1, r0\n"
                                            "store out0:float32, r2\n"
                                            "r3:b = f_lt r1, r0\n"
                                            "store out1:uint8, r3\n"
                                            "r1:i = load in0:uint16\n"
                                            "r2:i = table_i t0[2], r1\n"
                                            "store out2:uint8, r2\n");
    tl_buf_free(&text);
    tl_prog_free(p);
    tl_ir_free(ir);
}

/* --- limits --------------------------------------------------------------------------------- */

/* A chain of k products and sums of one load: nothing in it is equal or constant. */
static tl_val chain(tl_ir *ir, int k)
{
    tl_val a = tl_ir_load(ir, 0, TL_I64), v = a;
    for (int i = 0; i < k; i++)
        v = op2(ir, i % 2 ? TL_OP_i_sub : TL_OP_i_mul, v, i % 2 ? a : v);
    return v;
}

static void two_hundred_thousand_values_compile_and_run(void **state)
{
    (void)state;
    tl_ir *ir = tl_ir_new();
    tl_val v = chain(ir, TL_MOST_VALUES - 1);
    assert_int_equal(v, TL_MOST_VALUES - 1);
    tl_ir_output(ir, 0, v, TL_I64);
    tl_prog *p = compiled(ir);
    assert_true(p->n_wide + p->n_byte < 4);
    int64_t in[3] = {3, -5, 1}, out[3], twin[3];
    run(p, 3, (const void *[]){in}, (void *[]){out});
    tl_prog_run_scalar(p, 3, (const void *[]){in}, (void *[]){twin});
    assert_memory_equal(out, twin, sizeof out);
    tl_prog_free(p);
    tl_ir_free(ir);
}

static void assert_too_large(tl_ir *ir)
{
    tl_err e = TL_ERR_INIT;
    tl_prog *p = NULL;
    assert_int_equal(tl_ir_compile(ir, &p, &e), TL_ESCRIPT);
    assert_non_null(strstr(e.message, "too large"));
    assert_null(p);
    tl_ir_free(ir);
}

static void too_large_is_an_error_that_sticks(void **state)
{
    (void)state;
    tl_ir *ir = tl_ir_new();
    assert_int_equal(chain(ir, TL_MOST_VALUES), TL_NONE);
    assert_int_equal(tl_ir_load(ir, 0, TL_I64), TL_NONE);
    assert_int_equal(op2(ir, TL_OP_i_add, TL_NONE, TL_NONE), TL_NONE);
    tl_ir_output(ir, 0, TL_NONE, TL_U8);
    assert_too_large(ir);

    ir = tl_ir_new();
    assert_int_equal(tl_ir_load(ir, TL_MOST_SLOTS, TL_U8), TL_NONE);
    assert_too_large(ir);

    ir = tl_ir_new();
    tl_ir_output(ir, TL_MOST_SLOTS, tl_ir_load(ir, TL_MOST_SLOTS - 1, TL_U8), TL_U8);
    assert_too_large(ir);

    ir = tl_ir_new();
    for (int i = 0; i <= TL_MOST_SLOTS; i++)
        tl_ir_table(ir, TL_I, &(tl_num){.i = i}, 1);
    assert_too_large(ir);

    ir = tl_ir_new();
    tl_val a = tl_ir_load(ir, 0, TL_I64), sum = a; /* each constant keeps a register */
    for (int i = 1; i <= TL_MOST_REGISTERS; i++)
        sum = op2(ir, TL_OP_i_xor, op2(ir, TL_OP_i_add, a, int_const(ir, i)), sum);
    tl_ir_output(ir, 0, sum, TL_I64);
    assert_too_large(ir);
}

static void loads_wait_for_their_first_use(void **state)
{
    (void)state;
    tl_ir *ir = tl_ir_new();
    tl_val v[1000], sum;
    for (int i = 0; i < 1000; i++)
        v[i] = tl_ir_load(ir, i, TL_F32);
    sum = v[0];
    for (int i = 1; i < 1000; i++)
        sum = op2(ir, TL_OP_f_add, sum, v[i]);
    tl_ir_output(ir, 0, sum, TL_F64);
    tl_prog *p = compiled(ir);
    assert_int_equal(p->n_wide, 3);
    assert_int_equal(p->n_byte, 0);
    tl_prog_free(p);
    tl_ir_free(ir);
}

/* --- the verifier ----------------------------------------------------------------------------- */

static void assert_refused(tl_prog *p, const char *part)
{
    tl_err e = TL_ERR_INIT;
    assert_int_equal(tl_prog_verify(p, &e), TL_EDATA);
    if (!strstr(e.message, part))
        fail_msg("\"%s\" does not say \"%s\"", e.message, part);
}

/* r0 const, load r1, f_add r2 = r1 r0, store */
static void the_verifier_names_what_is_wrong(void **state)
{
    (void)state;
    tl_ir *ir = tl_ir_new();
    tl_val f = op2(ir, TL_OP_f_add, tl_ir_load(ir, 0, TL_F64), float_const(ir, 2));
    tl_ir_output(ir, 0, f, TL_F64);
    tl_prog *p = compiled(ir);
    tl_err e = TL_ERR_INIT;
    assert_tl_ok(tl_prog_verify(p, &e), &e);
    tl__insn *in = p->insn;
    assert_int_equal(in[1].code, TL_OP_f_add);
#define DAMAGE(field, value, part)                                                                 \
    do {                                                                                           \
        __typeof__(field) was_ = field;                                                            \
        field = (value);                                                                           \
        assert_refused(p, part);                                                                   \
        field = was_;                                                                              \
    } while (0)
    DAMAGE(in[1].code, TL_OP_i_add, "operand in instruction 1");
    DAMAGE(in[1].code, TL__CODES, "unknown operation");
    DAMAGE(in[1].code, -1, "unknown operation");
    DAMAGE(in[1].src[0], 2, "operand in instruction 1"); /* read before it is written */
    DAMAGE(in[1].src[1], 99, "operand in instruction 1");
    DAMAGE(in[1].src[2], 1, "operand in instruction 1");
    DAMAGE(in[1].dst, 1, "result over an operand");
    DAMAGE(in[0].dst, 0, "result register"); /* a constant */
    DAMAGE(in[0].imm, 1, "slot");
    DAMAGE(p->in_type[0], TL_I64, "operand in instruction 1");
    DAMAGE(p->in_type[0], TL__UNUSED, "slot");
    DAMAGE(p->out_type[0], TL_U8, "operand in instruction 2");
    DAMAGE(p->out_type[0], TL_DTYPES, "output 0");
    DAMAGE(p->n_insn, 2, "never written");
    DAMAGE(p->n_wide, 2, "result register");
    DAMAGE(p->n_wide, -1, "count");
    DAMAGE(p->n_in, TL_MOST_SLOTS + 1, "count");
    DAMAGE(p->konst[0].type, TL_B, "constant 0");
    DAMAGE(p->konst[0].type, TL_I, "operand in instruction 1");
    DAMAGE(p->konst[0].reg, -1, "constant 0");
    assert_tl_ok(tl_prog_verify(p, &e), &e);
    tl_prog_free(p);
    tl_ir_free(ir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_values_are_computed_once),
        cmocka_unit_test(constants_are_folded_and_dead_values_dropped),
        cmocka_unit_test(choices_that_are_known_cost_nothing),
        cmocka_unit_test(nan_and_negative_zero_are_never_folded_away),
        cmocka_unit_test(an_integer_band_reaches_floats_and_mixed_comparisons_in_one_step),
        cmocka_unit_test(a_sum_beyond_53_bits_is_still_compared_exactly),
        cmocka_unit_test(the_environment_limits_the_instruction_set),
        cmocka_unit_test(a_program_knows_its_slots_and_libm),
        cmocka_unit_test(a_dump_has_one_line_per_instruction),
        cmocka_unit_test(two_hundred_thousand_values_compile_and_run),
        cmocka_unit_test(too_large_is_an_error_that_sticks),
        cmocka_unit_test(loads_wait_for_their_first_use),
        cmocka_unit_test(the_verifier_names_what_is_wrong),
    };
    return tl_run_tests(tests);
}
