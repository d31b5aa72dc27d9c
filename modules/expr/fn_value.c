/* Masks and abstract values. SPDX-License-Identifier: MIT */
#include "modules/expr/expr_int.h"
#include "modules/expr/fn_lower.h"

#include <math.h>
#include <string.h>

/* --- masks ---------------------------------------------------------------------------------- */

tl_val tl__op(tl__lower *lw, tl_op op, tl_val a, tl_val b, tl_val c)
{
    tl_val v = tl_ir_op(lw->ir, op, a, b, c);
    if (v < 0)
        tl__refuse(lw, TL_FN_SUBSET, "%s", lw->ir->err.message);
    if (++lw->work > 8L * TL_FN_MOST_WORK || lw->ir->n - lw->first_node > TL_FN_MOST_WORK)
        tl__refuse(lw, TL_FN_SUBSET, "it takes more than %d operations per pixel", TL_FN_MOST_WORK);
    return v;
}

tl_val tl__and(tl__lower *lw, tl_val a, tl_val b)
{
    return tl__op(lw, TL_OP_b_and, a, b, TL_NONE);
}
tl_val tl__or(tl__lower *lw, tl_val a, tl_val b)
{
    return tl__op(lw, TL_OP_b_or, a, b, TL_NONE);
}
tl_val tl__not(tl__lower *lw, tl_val a)
{
    return tl__op(lw, TL_OP_b_not, a, TL_NONE, TL_NONE);
}

static tl_val constant(tl__lower *lw, tl_type t, tl_num x)
{
    tl_val v = tl_ir_const(lw->ir, t, x);
    if (v < 0)
        tl__refuse(lw, TL_FN_SUBSET, "%s", lw->ir->err.message);
    return v;
}

tl_val tl__const_i(tl__lower *lw, int64_t x)
{
    return constant(lw, TL_I, (tl_num){.i = x});
}
tl_val tl__const_f(tl__lower *lw, double x)
{
    return constant(lw, TL_F, (tl_num){.f = x});
}

int tl__known(const tl__lower *lw, tl_val mask)
{
    return mask == lw->yes ? 1 : mask == lw->no ? 0 : -1;
}

static int negates(const tl__node *node, tl_val a, tl_val b)
{
    return (node[a].code == TL_OP_b_not && node[a].src[0] == b) ||
           (node[b].code == TL_OP_b_not && node[b].src[0] == a);
}

/* 1 when `active` is a conjunction that has `not mask` as a part; looks at some 60 parts. */
static int excludes(const tl__lower *lw, tl_val active, tl_val mask)
{
    const tl__node *node = lw->ir->node;
    tl_val todo[32];
    int n = 0;
    todo[n++] = active;
    for (int seen = 0; n && seen < 64; seen++) {
        tl_val a = todo[--n];
        if (negates(node, a, mask))
            return 1;
        if (node[a].code == TL_OP_b_and && n < 31) {
            todo[n++] = node[a].src[0];
            todo[n++] = node[a].src[1];
        }
    }
    return 0;
}

tl_val tl__possible(tl__lower *lw, tl_val active, tl_val mask)
{
    return excludes(lw, active, mask) ? lw->no : tl__and(lw, active, mask);
}

/* --- plain values --------------------------------------------------------------------------- */

static const tl__value nothing = {.arg = -1,
                                  .is = {TL_NONE, TL_NONE, TL_NONE, TL_NONE, TL_NONE},
                                  .b = TL_NONE,
                                  .i = TL_NONE,
                                  .f = TL_NONE};

tl__value tl__nil(void)
{
    tl__value v = nothing;
    v.may = K_NIL;
    return v;
}

tl__value tl__bool(tl_val b)
{
    tl__value v = nothing;
    v.may = K_BOOL;
    v.b = b;
    return v;
}

tl__value tl__int(tl_val i)
{
    tl__value v = nothing;
    v.may = K_INT;
    v.i = i;
    return v;
}

tl__value tl__flt(tl_val f)
{
    tl__value v = nothing;
    v.may = K_FLT;
    v.f = f;
    return v;
}

tl__value tl__obj(tl__lower *lw, tl__object *o)
{
    tl__value v = nothing;
    tl__alt *alt = tl__get(lw, sizeof *alt);
    *alt = (tl__alt){lw->yes, o};
    v.may = K_OBJ;
    v.n_alt = 1;
    v.alts = alt;
    return v;
}

tl_val tl__is(const tl__lower *lw, const tl__value *v, int kinds)
{
    if (!(v->may & kinds))
        return lw->no;
    if (!(v->may & ~kinds))
        return lw->yes;
    tl_val mask = lw->no;
    int rest = 0;
    for (int k = 0; k < K_KINDS; k++)
        rest += (v->may >> k & 1) && !(kinds >> k & 1);
    /* One kind that it is not says the same in one operation. */
    for (int k = 0; k < K_KINDS; k++) {
        if (rest == 1 && (v->may >> k & 1) && !(kinds >> k & 1))
            return tl__not((tl__lower *)lw, v->is[k]);
        if (rest != 1 && (v->may & kinds) >> k & 1)
            mask = tl__or((tl__lower *)lw, mask, v->is[k]);
    }
    return mask;
}

tl_val tl__truth(tl__lower *lw, const tl__value *v)
{
    tl_val false_here = tl__is(lw, v, K_NIL);
    if (v->may & K_BOOL)
        false_here = tl__or(lw, false_here, tl__and(lw, tl__is(lw, v, K_BOOL), tl__not(lw, v->b)));
    return tl__not(lw, false_here);
}

tl__value tl__only(tl__value v, int kinds)
{
    v.may &= (uint8_t)kinds;
    if (v.may == 0) /* no pixel has it: anything will do */
        return tl__nil();
    if ((v.may & (v.may - 1)) == 0)
        for (int k = 0; k < K_KINDS; k++)
            v.is[k] = TL_NONE;
    if (v.may & K_NIL)
        v.arg = -1;
    return v;
}

tl__value tl__narrow(tl__lower *lw, tl__value v, int truth)
{
    int16_t arg = v.arg;
    if (v.may & K_BOOL) {
        int b = tl__known(lw, v.b);
        if (b >= 0 && b != truth)
            v = tl__only(v, ~K_BOOL);
    }
    v = tl__only(v, truth ? ~K_NIL : K_NIL | K_BOOL);
    if (v.may & K_BOOL)
        v.b = truth ? lw->yes : lw->no;
    v.arg = truth ? arg : -1;
    return v;
}

tl_val tl__as_float(tl__lower *lw, const tl__value *v)
{
    if (!(v->may & K_INT))
        return v->may & K_FLT ? v->f : tl__const_f(lw, 0);
    tl_val converted = tl__op(lw, TL_OP_i_to_f, v->i, TL_NONE, TL_NONE);
    if (!(v->may & K_FLT))
        return converted;
    return tl__op(lw, TL_OP_f_select, v->is[2], converted, v->f);
}

int tl__static_int(tl__lower *lw, const tl__value *v, int floats_too, int64_t *x)
{
    tl_num n;
    if (v->may == K_INT && tl_ir_is_const(lw->ir, v->i, &n)) {
        *x = n.i;
        return 1;
    }
    if (!floats_too || v->may != K_FLT || !tl_ir_is_const(lw->ir, v->f, &n) ||
        !(n.f >= -9223372036854775808.0 && n.f < 9223372036854775808.0 && floor(n.f) == n.f))
        return 0;
    *x = (int64_t)n.f;
    return 1;
}

int tl__static_flt(tl__lower *lw, const tl__value *v, double *x)
{
    tl_num n;
    if (v->may == K_FLT && tl_ir_is_const(lw->ir, v->f, &n))
        *x = n.f;
    else if (v->may == K_INT && tl_ir_is_const(lw->ir, v->i, &n))
        *x = (double)n.i;
    else
        return 0;
    return 1;
}

tl__object *tl__static_obj(const tl__value *v)
{
    return v->may == K_OBJ && v->n_alt == 1 ? v->alts[0].object : NULL;
}

const char *tl__kind_name(const tl__value *v)
{
    static const char *const object[] = {"string", "table", "function", "function"};
    if (v->may & K_NIL) /* the first that is likely to be the trouble */
        return "nil";
    if (v->may & K_BOOL)
        return "boolean";
    if (v->may & K_OBJ)
        return object[v->alts[0].object->kind];
    return "number";
}

/* --- x where c, else y ---------------------------------------------------------------------- */

#define MOST_ALTS 64

static tl_val mask_of_alt(tl__lower *lw, const tl__value *v, const tl__object *o)
{
    for (int k = 0; k < v->n_alt; k++)
        if (tl__same_object(v->alts[k].object, o))
            return v->alts[k].mask;
    return lw->no;
}

static void choose_objects(tl__lower *lw, tl_val c, const tl__value *x, const tl__value *y,
                           tl__value *out)
{
    if (!(x->may & K_OBJ) || !(y->may & K_OBJ)) {
        const tl__value *one = x->may & K_OBJ ? x : y;
        out->n_alt = one->n_alt;
        out->alts = one->alts;
        return;
    }
    tl__alt *alt = tl__get(lw, (size_t)(x->n_alt + y->n_alt) * sizeof *alt);
    int n = x->n_alt;
    for (int k = 0; k < n; k++)
        alt[k] = x->alts[k];
    for (int k = 0; k < y->n_alt; k++) {
        int j = 0;
        while (j < n && !tl__same_object(alt[j].object, y->alts[k].object))
            j++;
        if (j == n)
            alt[n++] = (tl__alt){TL_NONE, y->alts[k].object};
    }
    if (n > MOST_ALTS)
        tl__refuse(lw, TL_FN_SUBSET, "more than %d tables, functions or strings by pixel",
                   MOST_ALTS);
    for (int k = 0; k < n; k++)
        alt[k].mask = n == 1 ? lw->yes
                             : tl__op(lw, TL_OP_b_select, c, mask_of_alt(lw, x, alt[k].object),
                                      mask_of_alt(lw, y, alt[k].object));
    out->n_alt = n;
    out->alts = alt;
}

static tl_val choose_payload(tl__lower *lw, tl_op op, tl_val c, tl_val x, tl_val y)
{
    return x < 0 ? y : y < 0 ? x : tl__op(lw, op, c, x, y);
}

tl__value tl__choose(tl__lower *lw, tl_val c, const tl__value *x, const tl__value *y)
{
    int known = tl__known(lw, c);
    if (known >= 0)
        return known ? *x : *y;
    if (memcmp(x, y, sizeof *x) == 0)
        return *x;
    tl__value v = nothing;
    v.may = x->may | y->may;
    if (v.may & (v.may - 1))
        for (int k = 0; k < K_KINDS; k++)
            if (v.may >> k & 1)
                v.is[k] =
                    tl__op(lw, TL_OP_b_select, c, tl__is(lw, x, 1 << k), tl__is(lw, y, 1 << k));
    v.b = choose_payload(lw, TL_OP_b_select, c, x->may & K_BOOL ? x->b : TL_NONE,
                         y->may & K_BOOL ? y->b : TL_NONE);
    v.i = choose_payload(lw, TL_OP_i_select, c, x->may & K_INT ? x->i : TL_NONE,
                         y->may & K_INT ? y->i : TL_NONE);
    v.f = choose_payload(lw, TL_OP_f_select, c, x->may & K_FLT ? x->f : TL_NONE,
                         y->may & K_FLT ? y->f : TL_NONE);
    if (v.may & K_OBJ)
        choose_objects(lw, c, x, y, &v);
    if (x->arg == y->arg && x->may == y->may && v.i == x->i && v.f == x->f)
        v.arg = x->arg;
    return v;
}
