/* Lua's arithmetic and comparisons on abstract values. SPDX-License-Identifier: MIT */
#include "modules/expr/fn_lower.h"

#include <string.h>

/* --- numbers of both subtypes --------------------------------------------------------------- */

static tl_val op2(tl__lower *lw, tl_op op, tl_val a, tl_val b)
{
    return tl__op(lw, op, a, b, TL_NONE);
}

static tl_val op1(tl__lower *lw, tl_op op, tl_val a)
{
    return tl__op(lw, op, a, TL_NONE, TL_NONE);
}

/* An integer where is_int, else a float; `may` says which payloads there are. */
tl__value tl__number(tl__lower *lw, tl_val is_int, tl_val i, tl_val f, int may)
{
    int known = tl__known(lw, is_int);
    if (may == K_INT || known == 1)
        return tl__int(i);
    if (may == K_FLT || known == 0)
        return tl__flt(f);
    tl__value v = tl__int(i);
    v.may = K_INT | K_FLT;
    v.f = f;
    v.is[2] = is_int;
    v.is[3] = tl__not(lw, is_int);
    return v;
}

void tl__refuse_strings(tl__lower *lw, const tl__value *v, const char *what)
{
    for (int k = 0; (v->may & K_OBJ) && k < v->n_alt; k++)
        if (v->alts[k].object->kind == O_STRING)
            tl__refuse(lw, TL_FN_SUBSET, "%s of a string", what);
}

tl__value tl__want_number(tl__lower *lw, const tl__value *v, const char *what)
{
    tl__refuse_strings(lw, v, what);
    if (v->may & ~K_NUM) {
        tl__trap(lw, tl__not(lw, tl__is(lw, v, K_NUM)), "%s of a %s value", what, tl__kind_name(v));
        tl__value only = tl__only(*v, K_NUM);
        return only.may & K_NUM ? only : tl__int(tl__const_i(lw, 0));
    }
    return *v;
}

static tl_val both_int(tl__lower *lw, const tl__value *a, const tl__value *b)
{
    return tl__and(lw, tl__is(lw, a, K_INT), tl__is(lw, b, K_INT));
}

/* --- + - * // % ----------------------------------------------------------------------------- */

static void int_and_float(int token, tl_op *i, tl_op *f)
{
    *i = token == '+'   ? TL_OP_i_add
         : token == '-' ? TL_OP_i_sub
         : token == '*' ? TL_OP_i_mul
         : token == '%' ? TL_OP_i_mod
                        : TL_OP_i_idiv;
    *f = token == '+'   ? TL_OP_f_add
         : token == '-' ? TL_OP_f_sub
         : token == '*' ? TL_OP_f_mul
         : token == '%' ? TL_OP_f_mod
                        : TL_OP_f_idiv;
}

static void trap_zero(tl__lower *lw, int token, tl_val ints, const tl__value *b)
{
    tl_val zero = op2(lw, TL_OP_i_eq, b->i, tl__const_i(lw, 0));
    tl__trap(lw, tl__and(lw, ints, zero),
             token == '%' ? "attempt to perform 'n%%%%0'" : "attempt to perform 'n//0'");
}

static tl__value arithmetic(tl__lower *lw, int token, const tl__value *a, const tl__value *b)
{
    tl_op int_op, float_op;
    int_and_float(token, &int_op, &float_op);
    int may = ((a->may & b->may & K_INT) ? K_INT : 0) | (((a->may | b->may) & K_FLT) ? K_FLT : 0);
    tl_val ints = both_int(lw, a, b), i = TL_NONE, f = TL_NONE;
    if (may & K_INT) {
        if (token == T_IDIV || token == '%')
            trap_zero(lw, token, ints, b);
        i = op2(lw, int_op, a->i, b->i);
    }
    if (may & K_FLT)
        f = op2(lw, float_op, tl__as_float(lw, a), tl__as_float(lw, b));
    return tl__number(lw, ints, i, f, may);
}

/* --- bits ----------------------------------------------------------------------------------- */

tl_val tl__to_integer(tl__lower *lw, const tl__value *v, const char *what)
{
    tl__value n = tl__want_number(lw, v, what);
    if (!(n.may & K_FLT))
        return n.i;
    tl_val has = op1(lw, TL_OP_f_has_i, n.f), i = op1(lw, TL_OP_f_to_i, n.f);
    tl_val is_float = tl__is(lw, &n, K_FLT);
    tl__trap(lw, tl__and(lw, is_float, tl__not(lw, has)), "number has no integer representation");
    return n.may & K_INT ? tl__op(lw, TL_OP_i_select, n.is[2], n.i, i) : i;
}

static tl__value bitwise(tl__lower *lw, tl_op op, const tl__value *a, const tl__value *b)
{
    static const char what[] = "bitwise operation";
    tl_val x = tl__to_integer(lw, a, what), y = tl__to_integer(lw, b, what);
    return tl__int(op2(lw, op, x, y));
}

/* --- comparisons ---------------------------------------------------------------------------- */

/* The comparison for each pair of subtypes; gt of two numbers is lt of them swapped. */
typedef struct compare_ops {
    tl_op ii, ff, xf, fx; /* x: an integer */
} compare_ops;

static tl_val compare(tl__lower *lw, const tl__value *a, const tl__value *b, const compare_ops *ops,
                      int equality)
{
    tl_val by_b[2] = {TL_NONE, TL_NONE}; /* a an integer, a float */
    for (int k = 0; k < 2; k++) {
        if (!(a->may & (k ? K_FLT : K_INT)))
            continue;
        tl_val i = TL_NONE, f = TL_NONE;
        if (b->may & K_INT)
            i = !k         ? op2(lw, ops->ii, a->i, b->i)
                : equality ? op2(lw, TL_OP_if_eq, b->i, a->f)
                           : op2(lw, ops->fx, a->f, b->i);
        if (b->may & K_FLT)
            f = k ? op2(lw, ops->ff, a->f, b->f) : op2(lw, ops->xf, a->i, b->f);
        by_b[k] = i < 0 ? f : f < 0 ? i : tl__op(lw, TL_OP_b_select, b->is[2], i, f);
    }
    if (by_b[0] < 0 || by_b[1] < 0)
        return by_b[0] < 0 ? by_b[1] : by_b[0];
    return tl__op(lw, TL_OP_b_select, a->is[2], by_b[0], by_b[1]);
}

tl_val tl__less(tl__lower *lw, const tl__value *a, const tl__value *b, int or_equal)
{
    static const compare_ops lt = {TL_OP_i_lt, TL_OP_f_lt, TL_OP_if_lt, TL_OP_fi_lt},
                             le = {TL_OP_i_le, TL_OP_f_le, TL_OP_if_le, TL_OP_fi_le};
    return compare(lw, a, b, or_equal ? &le : &lt, 0);
}

int tl__same_object(const tl__object *x, const tl__object *y)
{
    if (x == y)
        return 1;
    if (x->kind == O_BUILTIN && y->kind == O_BUILTIN)
        return x->builtin == y->builtin;
    return x->kind == O_STRING && y->kind == O_STRING && x->str.len == y->str.len &&
           memcmp(x->str.s, y->str.s, x->str.len) == 0;
}

static tl_val equal_objects(tl__lower *lw, const tl__value *a, const tl__value *b)
{
    tl_val mask = lw->no;
    lw->work += (long)a->n_alt * b->n_alt / 2;
    for (int j = 0; j < a->n_alt; j++)
        for (int k = 0; k < b->n_alt; k++)
            if (tl__same_object(a->alts[j].object, b->alts[k].object))
                mask = tl__or(lw, mask, tl__and(lw, a->alts[j].mask, b->alts[k].mask));
    return mask;
}

static tl_val both(tl__lower *lw, const tl__value *a, const tl__value *b, int kinds, tl_val equal)
{
    return tl__and(lw, tl__and(lw, tl__is(lw, a, kinds), tl__is(lw, b, kinds)), equal);
}

tl_val tl__equal(tl__lower *lw, const tl__value *a, const tl__value *b)
{
    static const compare_ops eq = {TL_OP_i_eq, TL_OP_f_eq, TL_OP_if_eq, TL_OP_if_eq};
    tl_val mask = lw->no;
    if (a->may & b->may & K_NIL)
        mask = both(lw, a, b, K_NIL, lw->yes);
    if (a->may & b->may & K_BOOL)
        mask =
            tl__or(lw, mask, both(lw, a, b, K_BOOL, tl__not(lw, op2(lw, TL_OP_b_xor, a->b, b->b))));
    if ((a->may & K_NUM) && (b->may & K_NUM))
        mask = tl__or(lw, mask, both(lw, a, b, K_NUM, compare(lw, a, b, &eq, 1)));
    if (a->may & b->may & K_OBJ)
        mask = tl__or(lw, mask, both(lw, a, b, K_OBJ, equal_objects(lw, a, b)));
    return mask;
}

static void trap_incomparable(tl__lower *lw, const tl__value *a, const tl__value *b)
{
    tl__refuse_strings(lw, a, "comparison");
    tl__refuse_strings(lw, b, "comparison");
    tl_val good = tl__and(lw, tl__is(lw, a, K_NUM), tl__is(lw, b, K_NUM));
    tl__trap(lw, tl__not(lw, good), "attempt to compare %s with %s", tl__kind_name(a),
             tl__kind_name(b));
}

static tl__value order(tl__lower *lw, const tl__value *a, const tl__value *b, int or_equal)
{
    trap_incomparable(lw, a, b);
    if (!(a->may & K_NUM) || !(b->may & K_NUM))
        return tl__bool(lw->no);
    tl__value x = tl__only(*a, K_NUM), y = tl__only(*b, K_NUM);
    return tl__bool(tl__less(lw, &x, &y, or_equal));
}

/* --- by token ------------------------------------------------------------------------------- */

static tl__value numeric(tl__lower *lw, int token, const tl__value *a, const tl__value *b)
{
    /* Where either is no number Lua raises; one message for both. */
    tl__value x = tl__want_number(lw, a, "arithmetic"), y = tl__want_number(lw, b, "arithmetic");
    if (token == '/' || token == '^')
        return tl__flt(op2(lw, token == '/' ? TL_OP_f_div : TL_OP_f_pow, tl__as_float(lw, &x),
                           tl__as_float(lw, &y)));
    return arithmetic(lw, token, &x, &y);
}

tl__value tl__binary(tl__lower *lw, int token, const tl__value *a, const tl__value *b)
{
    switch (token) {
    case '&':
        return bitwise(lw, TL_OP_i_and, a, b);
    case '|':
        return bitwise(lw, TL_OP_i_or, a, b);
    case '~':
        return bitwise(lw, TL_OP_i_xor, a, b);
    case T_SHL:
        return bitwise(lw, TL_OP_i_shl, a, b);
    case T_SHR:
        return bitwise(lw, TL_OP_i_shr, a, b);
    case T_EQ:
        return tl__bool(tl__equal(lw, a, b));
    case T_NE:
        return tl__bool(tl__not(lw, tl__equal(lw, a, b)));
    case '<':
        return order(lw, a, b, 0);
    case '>':
        return order(lw, b, a, 0);
    case T_LE:
        return order(lw, a, b, 1);
    case T_GE:
        return order(lw, b, a, 1);
    case T_CONCAT:
        tl__refuse(lw, TL_FN_SUBSET, "strings cannot be put together per pixel");
    default:
        return numeric(lw, token, a, b);
    }
}

static tl__value negate(tl__lower *lw, const tl__value *a)
{
    tl__value n = tl__want_number(lw, a, "arithmetic");
    tl_val i = n.may & K_INT ? op1(lw, TL_OP_i_neg, n.i) : TL_NONE;
    tl_val f = n.may & K_FLT ? op1(lw, TL_OP_f_neg, n.f) : TL_NONE;
    return tl__number(lw, tl__is(lw, &n, K_INT), i, f, n.may & K_NUM);
}

tl__value tl__unary(tl__lower *lw, int token, const tl__value *a)
{
    switch (token) {
    case T_NOT:
        return tl__bool(tl__not(lw, tl__truth(lw, a)));
    case '-':
        return negate(lw, a);
    case '~':
        return tl__int(op1(lw, TL_OP_i_not, tl__to_integer(lw, a, "bitwise operation")));
    default:
        return tl__length(lw, a);
    }
}
