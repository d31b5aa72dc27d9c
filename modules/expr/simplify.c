/* Values that need no instruction: constants folded, choices decided. SPDX-License-Identifier: MIT
 *
 * Floats are only touched where every bit stays: no x + 0.0, no x * 1.0, no x - x. */
#include "modules/expr/expr_int.h"

/* A value of at most 53 bits is exact as a float. */
#define EXACT_BITS 53

static int is_int(const tl_ir *ir, tl_val v, int64_t x)
{
    return ir->node[v].code == TL__CONST && ir->node[v].x.i == x;
}

static tl_val bool_const(tl_ir *ir, int x)
{
    return tl_ir_const(ir, TL_B, (tl_num){.i = x});
}

static tl_val int_const(tl_ir *ir, int64_t x)
{
    return tl_ir_const(ir, TL_I, (tl_num){.i = x});
}

static tl_val fold(tl_ir *ir, tl_op op, const tl_val *s)
{
    tl_num x[3] = {{.i = 0}, {.i = 0}, {.i = 0}};
    for (int k = 0; k < tl_op_arity(op); k++)
        if (!tl_ir_is_const(ir, s[k], &x[k]))
            return TL_NONE;
    ir->libm_folded |= tl__ops[op].libm;
    return tl_ir_const(ir, tl_op_result(op), tl_op_eval(op, x[0], x[1], x[2]));
}

/* x of b_not(x), else TL_NONE. */
static tl_val negated(const tl_ir *ir, tl_val v)
{
    return ir->node[v].code == TL_OP_b_not ? ir->node[v].src[0] : TL_NONE;
}

static int has_operand(const tl_ir *ir, tl_val v, tl_op op, tl_val x)
{
    const tl__node *n = &ir->node[v];
    return n->code == (int)op && (n->src[0] == x || n->src[1] == x);
}

/* a and (a or x), a or (a and x): a. Masks of several bands are full of them. */
static tl_val absorbed(const tl_ir *ir, tl_op op, tl_val a, tl_val b)
{
    tl_op other = op == TL_OP_b_and ? TL_OP_b_or : TL_OP_b_and;
    if (has_operand(ir, b, other, a) || has_operand(ir, a, op, b))
        return a;
    return has_operand(ir, a, other, b) || has_operand(ir, b, op, a) ? b : TL_NONE;
}

/* Both of two ranges of the same cells. */
static tl_val one_range(tl_ir *ir, tl_val a, tl_val b)
{
    const tl__node *v = &ir->node[a], *w = &ir->node[b];
    if (v->code != TL__LOAD_WITHIN || w->code != TL__LOAD_WITHIN || v->imm != w->imm)
        return TL_NONE;
    int64_t lo = ir->node[v->src[0]].x.i, hi = ir->node[v->src[1]].x.i;
    int64_t lo2 = ir->node[w->src[0]].x.i, hi2 = ir->node[w->src[1]].x.i;
    return tl__ir_within(ir, a, lo > lo2 ? lo : lo2, hi < hi2 ? hi : hi2);
}

/* A loaded integer beside a constant: a range of cells. */
static tl_val range(tl_ir *ir, tl_op op, tl_val a, tl_val b)
{
    int swapped = ir->node[a].code == TL__CONST;
    tl_val load = swapped ? b : a;
    if (ir->node[load].code != TL__LOAD || ir->node[swapped ? a : b].code != TL__CONST)
        return TL_NONE;
    int64_t x = ir->node[swapped ? a : b].x.i;
    if (op == TL_OP_i_eq)
        return tl__ir_within(ir, load, x, x);
    if (op == TL_OP_i_lt && x == (swapped ? INT64_MAX : INT64_MIN))
        return bool_const(ir, 0);
    if (swapped)
        return tl__ir_within(ir, load, op == TL_OP_i_lt ? x + 1 : x, INT64_MAX);
    return tl__ir_within(ir, load, INT64_MIN, op == TL_OP_i_lt ? x - 1 : x);
}

static tl_val boolean(tl_ir *ir, tl_op op, tl_val a, tl_val b)
{
    if (ir->node[a].code == TL__CONST) { /* at most one is: both were folded */
        tl_val t = a;
        a = b;
        b = t;
    }
    int is0 = is_int(ir, b, 0), is1 = is_int(ir, b, 1);
    switch (op) {
    case TL_OP_b_and: {
        tl_val one = one_range(ir, a, b);
        return one >= 0 ? one : is0 ? b : is1 || a == b ? a : absorbed(ir, op, a, b);
    }
    case TL_OP_b_or:
        return is1 ? b : is0 || a == b ? a : absorbed(ir, op, a, b);
    default: /* b_xor */
        if (is1)
            return tl_ir_op(ir, TL_OP_b_not, a, TL_NONE, TL_NONE);
        return is0 ? a : a == b ? bool_const(ir, 0) : TL_NONE;
    }
}

static tl_val select_value(tl_ir *ir, tl_op op, tl_val a, tl_val b, tl_val c)
{
    if (ir->node[a].code == TL__CONST)
        return ir->node[a].x.i ? b : c;
    if (b == c)
        return b;
    tl_val not_a = negated(ir, a);
    if (not_a >= 0)
        return tl_ir_op(ir, op, not_a, c, b);
    if (op != TL_OP_b_select)
        return TL_NONE;
    if (is_int(ir, b, 1))
        return tl_ir_op(ir, TL_OP_b_or, a, c, TL_NONE);
    if (is_int(ir, c, 0))
        return tl_ir_op(ir, TL_OP_b_and, a, b, TL_NONE);
    if (is_int(ir, b, 0) && is_int(ir, c, 1))
        return tl_ir_op(ir, TL_OP_b_not, a, TL_NONE, TL_NONE);
    return TL_NONE;
}

static tl_val integer(tl_ir *ir, tl_op op, tl_val a, tl_val b)
{
    switch (op) {
    case TL_OP_i_add:
        return is_int(ir, b, 0) ? a : is_int(ir, a, 0) ? b : TL_NONE;
    case TL_OP_i_sub:
        return is_int(ir, b, 0) ? a : a == b ? int_const(ir, 0) : TL_NONE;
    case TL_OP_i_mul:
        if (is_int(ir, a, 0) || is_int(ir, b, 1))
            return a;
        return is_int(ir, b, 0) || is_int(ir, a, 1) ? b : TL_NONE;
    case TL_OP_i_min:
    case TL_OP_i_max:
        return a == b ? a : TL_NONE;
    case TL_OP_i_lt:
        return a == b ? bool_const(ir, 0) : range(ir, op, a, b);
    default: /* i_le, i_eq */
        return a == b ? bool_const(ir, 1) : range(ir, op, a, b);
    }
}

/* A mixed comparison whose integer is exact as a float is the vector instruction on floats. */
static tl_val mixed(tl_ir *ir, tl_op op, tl_val a, tl_val b)
{
    int first = tl_ir_type(ir, a) == TL_I;
    if (ir->node[first ? a : b].bits > EXACT_BITS)
        return TL_NONE;
    tl_val f = tl_ir_op(ir, TL_OP_i_to_f, first ? a : b, TL_NONE, TL_NONE);
    if (f < 0)
        return TL_NONE;
    tl_op plain = op == TL_OP_if_eq                        ? TL_OP_f_eq
                  : op == TL_OP_if_lt || op == TL_OP_fi_lt ? TL_OP_f_lt
                                                           : TL_OP_f_le;
    return tl_ir_op(ir, plain, first ? f : a, first ? b : f, TL_NONE);
}

static int costs_nothing_as_float(const tl_ir *ir, tl_val v)
{
    return ir->node[v].code == TL__LOAD || ir->node[v].code == TL__CONST;
}

/* i_to_f(i - j) of two bands is a float difference of float loads: exact, and never -0.0. (A
 * product could be.) One level only: deeper would convert shared sums again and again. */
static tl_val to_float(tl_ir *ir, tl_val a)
{
    int code = ir->node[a].code;
    tl_val x = ir->node[a].src[0], y = ir->node[a].src[1];
    if ((code != TL_OP_i_add && code != TL_OP_i_sub) || ir->node[a].bits > EXACT_BITS ||
        !costs_nothing_as_float(ir, x) || !costs_nothing_as_float(ir, y))
        return TL_NONE;
    x = tl_ir_op(ir, TL_OP_i_to_f, x, TL_NONE, TL_NONE);
    y = tl_ir_op(ir, TL_OP_i_to_f, y, TL_NONE, TL_NONE);
    return tl_ir_op(ir, code == TL_OP_i_add ? TL_OP_f_add : TL_OP_f_sub, x, y, TL_NONE);
}

/* What is known of a float that came from an integer, or from float32 cells. */
static tl_val converted(tl_ir *ir, tl_op op, tl_val a)
{
    const tl__node *v = &ir->node[a];
    int from_int = v->code == TL_OP_i_to_f || v->code == TL__LOAD_F;
    switch (op) {
    case TL_OP_f_floor:
    case TL_OP_f_ceil:
    case TL_OP_f_trunc:
    case TL_OP_f_round_even:
        return from_int ? a : TL_NONE;
    case TL_OP_f_is_finite:
        return from_int ? bool_const(ir, 1) : TL_NONE;
    case TL_OP_f_has_i:
    case TL_OP_f_fits_i:
        return from_int && v->bits <= EXACT_BITS ? bool_const(ir, 1) : TL_NONE;
    case TL_OP_f_to_i:
        return v->code == TL_OP_i_to_f && v->bits <= EXACT_BITS ? v->src[0] : TL_NONE;
    default: /* f_to_f32 */
        return v->code == TL_OP_f_to_f32 || (v->code == TL__LOAD && ir->in_type[v->imm] == TL_F32)
                   ? a
                   : TL_NONE;
    }
}

tl_val tl__ir_simplify(tl_ir *ir, tl_op op, const tl_val *s)
{
    tl_val folded = fold(ir, op, s);
    if (folded >= 0 || ir->err.code)
        return folded;
    switch (op) {
    case TL_OP_b_and:
    case TL_OP_b_or:
    case TL_OP_b_xor:
        return boolean(ir, op, s[0], s[1]);
    case TL_OP_b_not:
        return negated(ir, s[0]);
    case TL_OP_b_select:
    case TL_OP_i_select:
    case TL_OP_f_select:
        return select_value(ir, op, s[0], s[1], s[2]);
    case TL_OP_i_add:
    case TL_OP_i_sub:
    case TL_OP_i_mul:
    case TL_OP_i_min:
    case TL_OP_i_max:
    case TL_OP_i_lt:
    case TL_OP_i_le:
    case TL_OP_i_eq:
        return integer(ir, op, s[0], s[1]);
    case TL_OP_if_lt:
    case TL_OP_if_le:
    case TL_OP_if_eq:
    case TL_OP_fi_lt:
    case TL_OP_fi_le:
        return mixed(ir, op, s[0], s[1]);
    case TL_OP_i_to_b:
        return ir->node[s[0]].code == TL_OP_b_to_i ? ir->node[s[0]].src[0] : TL_NONE;
    case TL_OP_i_to_f:
        return to_float(ir, s[0]);
    case TL_OP_f_floor:
    case TL_OP_f_ceil:
    case TL_OP_f_trunc:
    case TL_OP_f_round_even:
    case TL_OP_f_is_finite:
    case TL_OP_f_has_i:
    case TL_OP_f_fits_i:
    case TL_OP_f_to_i:
    case TL_OP_f_to_f32:
        return converted(ir, op, s[0]);
    default:
        return TL_NONE;
    }
}
