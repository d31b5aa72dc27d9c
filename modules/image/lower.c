/* Each image operation as instructions on a value and its validity, which is written only where it
 * can change. See lower.h. SPDX-License-Identifier: MIT */
#include "modules/image/lower.h"
#include "runtime/mem.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    tl_ir *ir;
} lowering;

static tl_val op1(lowering *l, tl_op op, tl_val a)
{
    return tl_ir_op(l->ir, op, a, TL_NONE, TL_NONE);
}

static tl_val op2(lowering *l, tl_op op, tl_val a, tl_val b)
{
    return tl_ir_op(l->ir, op, a, b, TL_NONE);
}

static tl_val op3(lowering *l, tl_op op, tl_val a, tl_val b, tl_val c)
{
    return tl_ir_op(l->ir, op, a, b, c);
}

static tl_val const_b(lowering *l, int x)
{
    return tl_ir_const(l->ir, TL_B, (tl_num){.i = x});
}

static tl_val const_i(lowering *l, int64_t x)
{
    return tl_ir_const(l->ir, TL_I, (tl_num){.i = x});
}

static tl_val const_f(lowering *l, double x)
{
    return tl_ir_const(l->ir, TL_F, (tl_num){.f = x});
}

static tl_val both(lowering *l, tl_val a, tl_val b)
{
    return op2(l, TL_OP_b_and, a, b);
}

/* The value of v as type t; v's own type is at most as wide. */
static tl_val as_type(lowering *l, tl_val v, tl_type t)
{
    tl_type from = tl_ir_type(l->ir, v);
    if (from == TL_B && t != TL_B) {
        v = op1(l, TL_OP_b_to_i, v);
        from = TL_I;
    }
    return from == TL_I && t == TL_F ? op1(l, TL_OP_i_to_f, v) : v;
}

static int bounded(const tl_node *n)
{
    return n->type != TL_F || (isfinite(n->flo) && isfinite(n->fhi));
}

/* An operator's result that is not finite is invalid. */
static tl_lowered only_finite(lowering *l, const tl_node *n, tl_val value, tl_val valid)
{
    if (!bounded(n))
        valid = both(l, valid, op1(l, TL_OP_f_is_finite, value));
    return (tl_lowered){value, valid};
}

static const struct {
    tl_gop g;
    tl_op i, f; /* TL_OPS = none */
} arithmetic[] = {
    {TL_G_add, TL_OP_i_add, TL_OP_f_add},    {TL_G_sub, TL_OP_i_sub, TL_OP_f_sub},
    {TL_G_mul, TL_OP_i_mul, TL_OP_f_mul},    {TL_G_div, TL_OPS, TL_OP_f_div},
    {TL_G_idiv, TL_OP_i_idiv, TL_OP_f_idiv}, {TL_G_mod, TL_OP_i_mod, TL_OP_f_mod},
    {TL_G_pow, TL_OPS, TL_OP_f_pow},         {TL_G_neg, TL_OP_i_neg, TL_OP_f_neg},
    {TL_G_min, TL_OP_i_min, TL_OP_f_min},    {TL_G_max, TL_OP_i_max, TL_OP_f_max},
    {TL_G_abs, TL_OP_i_abs, TL_OP_f_abs},    {TL_G_floor, TL_OPS, TL_OP_f_floor},
    {TL_G_ceil, TL_OPS, TL_OP_f_ceil},       {TL_G_round, TL_OPS, TL_OP_f_round_even},
    {TL_G_sqrt, TL_OPS, TL_OP_f_sqrt},       {TL_G_exp, TL_OPS, TL_OP_f_exp},
    {TL_G_log, TL_OPS, TL_OP_f_log},         {TL_G_log2, TL_OPS, TL_OP_f_log2},
    {TL_G_log10, TL_OPS, TL_OP_f_log10},     {TL_G_sin, TL_OPS, TL_OP_f_sin},
    {TL_G_cos, TL_OPS, TL_OP_f_cos},         {TL_G_tan, TL_OPS, TL_OP_f_tan},
    {TL_G_asin, TL_OPS, TL_OP_f_asin},       {TL_G_acos, TL_OPS, TL_OP_f_acos},
    {TL_G_atan, TL_OPS, TL_OP_f_atan},       {TL_G_atan2, TL_OPS, TL_OP_f_atan2},
    {TL_G_and, TL_OP_i_and, TL_OPS},         {TL_G_or, TL_OP_i_or, TL_OPS},
    {TL_G_xor, TL_OP_i_xor, TL_OPS},         {TL_G_not, TL_OP_i_not, TL_OPS},
    {TL_G_shl, TL_OP_i_shl, TL_OPS},         {TL_G_shr, TL_OP_i_shr, TL_OPS},
};

static tl_op arithmetic_op(tl_gop g, tl_type t)
{
    for (size_t i = 0; i < sizeof arithmetic / sizeof arithmetic[0]; i++)
        if (arithmetic[i].g == g)
            return t == TL_I ? arithmetic[i].i : arithmetic[i].f;
    return TL_OPS;
}

static tl_lowered lower_arithmetic(lowering *l, const tl_node *n, const tl_lowered *a)
{
    tl_op op = arithmetic_op(n->op, n->type);
    tl_val x = as_type(l, a[0].value, n->type), valid = a[0].valid;
    if (op == TL_OPS) /* floor, ceil, round of integers */
        return (tl_lowered){x, valid};
    if (n->nargs == 1)
        return only_finite(l, n, op1(l, op, x), valid);
    tl_val y = as_type(l, a[1].value, n->type);
    valid = both(l, valid, a[1].valid);
    if (n->type == TL_I && (n->op == TL_G_idiv || n->op == TL_G_mod) && n->arg[1]->lo <= 0 &&
        n->arg[1]->hi >= 0) {
        tl_val zero = op2(l, TL_OP_i_eq, y, const_i(l, 0));
        valid = both(l, valid, op1(l, TL_OP_b_not, zero));
    }
    return only_finite(l, n, op2(l, op, x, y), valid);
}

/* Kleene: a result is known when both are, or when one known side decides it alone. */
static tl_lowered lower_kleene(lowering *l, const tl_node *n, const tl_lowered *a)
{
    if (n->op == TL_G_not)
        return (tl_lowered){op1(l, TL_OP_b_not, a[0].value), a[0].valid};
    tl_val valid = both(l, a[0].valid, a[1].valid);
    if (n->op == TL_G_xor)
        return (tl_lowered){op2(l, TL_OP_b_xor, a[0].value, a[1].value), valid};
    int is_and = n->op == TL_G_and;
    for (int i = 0; i < 2; i++) {
        tl_val decides = is_and ? op1(l, TL_OP_b_not, a[i].value) : a[i].value;
        valid = op2(l, TL_OP_b_or, valid, both(l, a[i].valid, decides));
    }
    return (tl_lowered){op2(l, is_and ? TL_OP_b_and : TL_OP_b_or, a[0].value, a[1].value), valid};
}

/* Lua compares an integer with a float by their mathematical values. */
static tl_lowered lower_compare(lowering *l, const tl_node *n, const tl_lowered *a)
{
    static const tl_op same[2][3] = {{TL_OP_i_lt, TL_OP_i_le, TL_OP_i_eq},
                                     {TL_OP_f_lt, TL_OP_f_le, TL_OP_f_eq}};
    static const tl_op mixed_if[3] = {TL_OP_if_lt, TL_OP_if_le, TL_OP_if_eq};
    static const tl_op mixed_fi[3] = {TL_OP_fi_lt, TL_OP_fi_le, TL_OP_if_eq};
    int k = n->op == TL_G_eq ? 2 : n->op == TL_G_le || n->op == TL_G_ge;
    int swap = n->op == TL_G_gt || n->op == TL_G_ge;
    tl_val x = a[swap].value, y = a[!swap].value, r;
    x = tl_ir_type(l->ir, x) == TL_B ? as_type(l, x, TL_I) : x;
    y = tl_ir_type(l->ir, y) == TL_B ? as_type(l, y, TL_I) : y;
    tl_type tx = tl_ir_type(l->ir, x), ty = tl_ir_type(l->ir, y);
    if (tx == ty)
        r = op2(l, same[tx == TL_F][k], x, y);
    else if (tx == TL_I)
        r = op2(l, mixed_if[k], x, y);
    else
        r = k == 2 ? op2(l, mixed_if[k], y, x) : op2(l, mixed_fi[k], x, y);
    return (tl_lowered){r, both(l, a[0].valid, a[1].valid)};
}

static tl_val choose(lowering *l, tl_val cond, tl_val x, tl_val y)
{
    static const tl_op select[] = {TL_OP_b_select, TL_OP_i_select, TL_OP_f_select};
    return op3(l, select[tl_ir_type(l->ir, x)], cond, x, y);
}

static tl_lowered either(lowering *l, tl_type t, tl_val cond, tl_lowered x, tl_lowered y)
{
    return (tl_lowered){choose(l, cond, as_type(l, x.value, t), as_type(l, y.value, t)),
                        choose(l, cond, x.valid, y.valid)};
}

static tl_lowered lower_to_int(lowering *l, const tl_node *n, tl_lowered a)
{
    int64_t lo = tl_dtype_min(n->dtype), hi = tl_dtype_max(n->dtype);
    const tl_node *from = n->arg[0];
    if (tl_ir_type(l->ir, a.value) == TL_F) {
        tl_val r = op1(l, TL_OP_f_round_even, a.value);
        /* 2^63 itself does not fit; below it every double does. */
        tl_val low = op2(l, TL_OP_f_le, const_f(l, (double)lo), r);
        tl_val high = hi == INT64_MAX ? op2(l, TL_OP_f_lt, r, const_f(l, 0x1p63))
                                      : op2(l, TL_OP_f_le, r, const_f(l, (double)hi));
        tl_val fits = both(l, low, high), i = op1(l, TL_OP_f_to_i, r);
        if (!n->saturate)
            return (tl_lowered){i, both(l, a.valid, fits)};
        tl_val limit = choose(l, low, const_i(l, hi), const_i(l, lo));
        tl_val number = op2(l, TL_OP_f_eq, a.value, a.value); /* a NaN has no nearest limit */
        return (tl_lowered){choose(l, fits, i, limit), both(l, a.valid, number)};
    }
    tl_val v = as_type(l, a.value, TL_I);
    if (from->type == TL_B || (from->lo >= lo && from->hi <= hi))
        return (tl_lowered){v, a.valid};
    if (n->saturate)
        return (tl_lowered){
            op2(l, TL_OP_i_min, op2(l, TL_OP_i_max, v, const_i(l, lo)), const_i(l, hi)), a.valid};
    tl_val fits =
        both(l, op2(l, TL_OP_i_le, const_i(l, lo), v), op2(l, TL_OP_i_le, v, const_i(l, hi)));
    return (tl_lowered){v, both(l, a.valid, fits)};
}

static tl_lowered lower_to_float(lowering *l, const tl_node *n, tl_lowered a)
{
    tl_val v = as_type(l, a.value, TL_F);
    /* A file's infinity is a float32 too, and has a nearest finite one. */
    if (n->dtype == TL_F64 || (n->arg[0]->f32 && (!n->saturate || bounded(n->arg[0]))))
        return (tl_lowered){v, a.valid};
    if (n->saturate) {
        tl_val most = const_f(l, FLT_MAX), least = const_f(l, -FLT_MAX);
        tl_val number = op2(l, TL_OP_f_eq, v, v);
        v = op2(l, TL_OP_f_min, op2(l, TL_OP_f_max, v, least), most);
        return (tl_lowered){op1(l, TL_OP_f_to_f32, v), both(l, a.valid, number)};
    }
    tl_val r = op1(l, TL_OP_f_to_f32, v);
    /* What only rounding made infinite is out of range; an infinity of the file stays one. */
    tl_val fits = op2(l, TL_OP_b_or, op1(l, TL_OP_f_is_finite, r),
                      op1(l, TL_OP_b_not, op1(l, TL_OP_f_is_finite, v)));
    if (n->arg[0]->type != TL_F)
        return (tl_lowered){r, a.valid};
    return (tl_lowered){r, both(l, a.valid, fits)};
}

static tl_lowered lower_lookup(lowering *l, const tl_node *n, tl_lowered a)
{
    const tl_table *t = n->table;
    tl_num *known = tl_xcalloc((size_t)t->n, sizeof *known);
    for (int i = 0; i < t->n; i++)
        known[i].i = t->valid[i];
    int table = tl_ir_table(l->ir, t->type, t->entry, t->n);
    int has = tl_ir_table(l->ir, TL_I, known, t->n);
    free(known);
    /* Outside the table the entry is 0: not known. */
    tl_val in = op1(l, TL_OP_i_to_b, tl_ir_lookup(l->ir, has, a.value));
    return only_finite(l, n, tl_ir_lookup(l->ir, table, a.value), both(l, a.valid, in));
}

static tl_lowered lower_op(lowering *l, const tl_node *n, const tl_lowered *a)
{
    switch (n->op) {
    case TL_G_lt:
    case TL_G_le:
    case TL_G_gt:
    case TL_G_ge:
    case TL_G_eq:
        return lower_compare(l, n, a);
    case TL_G_where:
        return either(l, n->type, both(l, a[0].value, a[0].valid), a[1], a[2]);
    case TL_G_replace:
        return either(l, n->type, both(l, a[1].value, a[1].valid), a[2], a[0]);
    case TL_G_keep:
        return (tl_lowered){a[0].value, both(l, a[0].valid, both(l, a[1].valid, a[1].value))};
    case TL_G_unmask:
        return either(l, n->type, a[0].valid, a[0], a[1]);
    case TL_G_isvalid:
        return (tl_lowered){a[0].valid, const_b(l, 1)};
    case TL_G_astype:
        return n->type == TL_I ? lower_to_int(l, n, a[0]) : lower_to_float(l, n, a[0]);
    case TL_G_lookup:
        return lower_lookup(l, n, a[0]);
    default:
        return n->type == TL_B ? lower_kleene(l, n, a) : lower_arithmetic(l, n, a);
    }
}

/* The value as it is stored: of the product's type, 0 where invalid. */
void tl__lower_store(tl_ir *ir, tl_node *root, tl_lowered v, tl_dtype t, int slot)
{
    lowering lo = {ir}, *l = &lo;
    if (tl_ir_type(ir, v.value) == TL_B && !tl_dtype_is_float(t)) {
        tl_ir_output(ir, 2 * slot, both(l, v.valid, v.value), t);
        tl_ir_output(ir, 2 * slot + 1, v.valid, TL_U8);
        return;
    }
    tl_node cast = {.type = tl_dtype_is_float(t) ? TL_F : TL_I, .dtype = t, .arg = &root};
    v = cast.type == TL_I ? lower_to_int(l, &cast, v) : lower_to_float(l, &cast, v);
    tl_val zero = cast.type == TL_I ? const_i(l, 0) : const_f(l, 0);
    tl_ir_output(l->ir, 2 * slot, choose(l, v.valid, v.value, zero), t);
    tl_ir_output(l->ir, 2 * slot + 1, v.valid, TL_U8);
}

tl_lowered tl__lower_const(tl_ir *ir, const tl_node *n)
{
    lowering l = {ir};
    /* NaN and Inf written in a script are numbers that are not valid. */
    return (tl_lowered){tl_ir_const(ir, n->type, n->value),
                        const_b(&l, n->type != TL_F || isfinite(n->value.f))};
}

tl_lowered tl__lower_op(tl_ir *ir, const tl_node *n, const tl_lowered *args)
{
    lowering l = {ir};
    return lower_op(&l, n, args);
}

int tl_fold(const tl_node *n, tl_num *x)
{
    lowering l = {tl_ir_new()};
    tl_lowered args[3] = {{0, 0}};
    for (int k = 0; k < n->nargs; k++)
        args[k] = tl__lower_const(l.ir, n->arg[k]);
    tl_lowered r = lower_op(&l, n, args);
    tl_num valid = {0};
    int ok = tl_ir_is_const(l.ir, r.valid, &valid) && valid.i && tl_ir_is_const(l.ir, r.value, x);
    tl_ir_free(l.ir);
    return ok;
}
