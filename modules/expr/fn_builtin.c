/* math.* and the few others that scripts have by themselves. SPDX-License-Identifier: MIT */
#include "modules/expr/fn_lower.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static tl_val op1(tl__lower *lw, tl_op op, tl_val a)
{
    return tl__op(lw, op, a, TL_NONE, TL_NONE);
}
static tl_val op2(tl__lower *lw, tl_op op, tl_val a, tl_val b)
{
    return tl__op(lw, op, a, b, TL_NONE);
}

/* --- arguments ------------------------------------------------------------------------------ */

typedef struct call {
    tl__lower *lw;
    const char *name;
    const tl__list *args;
} call;

static tl__value number_at(const call *c, int k)
{
    if (k >= c->args->n) {
        tl__trap(c->lw, c->lw->yes, "bad argument #%d to '%s' (number expected, got no value)",
                 k + 1, c->name);
        return tl__int(tl__const_i(c->lw, 0));
    }
    return tl__want_number(c->lw, &c->args->v[k], c->name);
}

static tl_val float_at(const call *c, int k)
{
    tl__value v = number_at(c, k);
    return tl__as_float(c->lw, &v);
}

static tl_val integer_at(const call *c, int k)
{
    tl__value v = number_at(c, k);
    return tl__to_integer(c->lw, &v, c->name);
}

static void refuse_ragged(const call *c)
{
    if (c->args->ragged)
        tl__refuse(c->lw, TL_FN_SUBSET, "%s of more or fewer values by pixel", c->name);
}

/* None is not nil. */
static tl__value any_at(const call *c, int k)
{
    refuse_ragged(c);
    if (k < c->args->n)
        return c->args->v[k];
    tl__trap(c->lw, c->lw->yes, "bad argument #%d to '%s' (value expected)", k + 1, c->name);
    return tl__nil();
}

/* 1 when argument k is missing or nil on all pixels. */
static int is_absent(const call *c, int k)
{
    return k >= c->args->n || c->args->v[k].may == K_NIL;
}

static tl__value string_value(tl__lower *lw, const char *s)
{
    return tl__obj(lw, tl__new_string(lw, (tl__str){strlen(s), s}));
}

/* --- rounding ------------------------------------------------------------------------------- */

static tl__value integer_if_it_fits(tl__lower *lw, tl_val f)
{
    tl_val fits = op1(lw, TL_OP_f_fits_i, f), i = op1(lw, TL_OP_f_to_i, f);
    return tl__number(lw, fits, i, f, K_INT | K_FLT);
}

/* An integer where the rounded float is one. */
static tl__value rounded(const call *c, tl_op op)
{
    tl__lower *lw = c->lw;
    tl__value v = number_at(c, 0);
    if (!(v.may & K_FLT))
        return v;
    tl__value r = integer_if_it_fits(lw, op1(lw, op, v.f));
    return tl__choose(lw, tl__is(lw, &v, K_INT), &v, &r);
}

static tl__value absolute(const call *c)
{
    tl__lower *lw = c->lw;
    tl__value v = number_at(c, 0);
    tl_val i = v.may & K_INT ? op1(lw, TL_OP_i_abs, v.i) : TL_NONE;
    tl_val f = v.may & K_FLT ? op1(lw, TL_OP_f_abs, v.f) : TL_NONE;
    return tl__number(lw, tl__is(lw, &v, K_INT), i, f, v.may & K_NUM);
}

static tl__value to_integer_or_nil(const call *c)
{
    tl__lower *lw = c->lw;
    tl__value v = any_at(c, 0), none = tl__nil();
    tl__refuse_strings(c->lw, &v, c->name);
    if (!(v.may & K_NUM))
        return none;
    tl_val has = tl__is(lw, &v, K_INT), i = v.i;
    if (v.may & K_FLT) {
        tl_val whole = op1(lw, TL_OP_f_has_i, v.f), of = op1(lw, TL_OP_f_to_i, v.f);
        has = tl__or(lw, has, tl__and(lw, tl__is(lw, &v, K_FLT), whole));
        i = v.may & K_INT ? tl__op(lw, TL_OP_i_select, v.is[2], i, of) : of;
    }
    tl__value n = tl__int(i);
    return tl__choose(lw, has, &n, &none);
}

static tl__list modf_parts(const call *c)
{
    tl__lower *lw = c->lw;
    tl__value v = number_at(c, 0), zero = tl__flt(tl__const_f(lw, 0));
    tl__list list = {2, 0, tl__get(lw, 2 * sizeof *list.v)};
    list.v[0] = v;
    list.v[1] = zero;
    if (!(v.may & K_FLT))
        return list;
    tl_val whole = op1(lw, TL_OP_f_trunc, v.f);
    tl_val rest = tl__op(lw, TL_OP_f_select, op2(lw, TL_OP_f_eq, v.f, whole), zero.f,
                         op2(lw, TL_OP_f_sub, v.f, whole));
    tl__value part = integer_if_it_fits(lw, whole), fraction = tl__flt(rest);
    tl_val is_int = tl__is(lw, &v, K_INT);
    list.v[0] = tl__choose(lw, is_int, &v, &part);
    list.v[1] = tl__choose(lw, is_int, &zero, &fraction);
    return list;
}

/* --- two numbers ---------------------------------------------------------------------------- */

static tl__value fmod_value(const call *c)
{
    tl__lower *lw = c->lw;
    tl__value a = number_at(c, 0), b = number_at(c, 1);
    tl_val ints = tl__and(lw, tl__is(lw, &a, K_INT), tl__is(lw, &b, K_INT));
    tl_val i = TL_NONE, f = TL_NONE;
    int may = ((a.may & b.may & K_INT) ? K_INT : 0) | (((a.may | b.may) & K_FLT) ? K_FLT : 0);
    if (may & K_INT) {
        tl_val zero = tl__const_i(lw, 0);
        tl__trap(lw, tl__and(lw, ints, op2(lw, TL_OP_i_eq, b.i, zero)),
                 "bad argument #2 to 'fmod' (zero)");
        tl_val m = op2(lw, TL_OP_i_mod, a.i, b.i); /* has the sign of b; wanted: of a */
        tl_val other = tl__and(lw, op2(lw, TL_OP_i_lt, op2(lw, TL_OP_i_xor, m, a.i), zero),
                               tl__not(lw, op2(lw, TL_OP_i_eq, m, zero)));
        i = tl__op(lw, TL_OP_i_select, other, op2(lw, TL_OP_i_sub, m, b.i), m);
    }
    if (may & K_FLT)
        f = op2(lw, TL_OP_f_fmod, tl__as_float(lw, &a), tl__as_float(lw, &b));
    return tl__number(lw, ints, i, f, may);
}

static tl__value extreme(const call *c, int want_max)
{
    tl__lower *lw = c->lw;
    refuse_ragged(c);
    if (c->args->n == 1) /* stock Lua does not look at a lone argument */
        return c->args->v[0];
    tl__value best = number_at(c, 0);
    for (int k = 1; k < c->args->n; k++) {
        tl__value v = number_at(c, k);
        tl_val better = want_max ? tl__less(lw, &best, &v, 0) : tl__less(lw, &v, &best, 0);
        best = tl__choose(lw, better, &v, &best);
    }
    return best;
}

static tl__value logarithm(const call *c)
{
    tl__lower *lw = c->lw;
    tl_val x = float_at(c, 0), natural = op1(lw, TL_OP_f_log, x);
    if (is_absent(c, 1))
        return tl__flt(natural);
    tl__value base = c->args->v[1], has = tl__only(base, ~K_NIL);
    tl_val absent = tl__is(lw, &base, K_NIL);
    if (base.may & ~(K_NUM | K_NIL)) {
        tl__refuse_strings(c->lw, &base, c->name);
        tl__trap(lw, tl__not(lw, tl__is(lw, &base, K_NUM | K_NIL)), "bad argument #2 to 'log'");
        has = tl__only(base, K_NUM);
        if (!(has.may & K_NUM))
            return tl__flt(natural);
    }
    tl_val b = tl__as_float(lw, &has);
    tl_val general = op2(lw, TL_OP_f_div, natural, op1(lw, TL_OP_f_log, b));
    tl_val is2 = op2(lw, TL_OP_f_eq, b, tl__const_f(lw, 2));
    tl_val is10 = op2(lw, TL_OP_f_eq, b, tl__const_f(lw, 10));
    tl_val f = tl__op(lw, TL_OP_f_select, is10, op1(lw, TL_OP_f_log10, x), general);
    f = tl__op(lw, TL_OP_f_select, is2, op1(lw, TL_OP_f_log2, x), f);
    return tl__flt(tl__op(lw, TL_OP_f_select, absent, natural, f));
}

static tl__value arc_tangent(const call *c)
{
    tl__lower *lw = c->lw;
    tl_val y = float_at(c, 0), x = tl__const_f(lw, 1);
    if (!is_absent(c, 1)) {
        tl__value v = c->args->v[1], one = tl__flt(x);
        tl_val absent = tl__is(lw, &v, K_NIL);
        v = tl__choose(lw, absent, &one, &v);
        if (tl__known(lw, absent) != 1)
            v.may &= (uint8_t)~K_NIL;
        v = tl__want_number(lw, &v, c->name);
        x = tl__as_float(lw, &v);
    }
    return tl__flt(op2(lw, TL_OP_f_atan2, y, x));
}

static tl__value unsigned_less(const call *c)
{
    tl__lower *lw = c->lw;
    tl_val a = integer_at(c, 0), b = integer_at(c, 1), low = tl__const_i(lw, INT64_MIN);
    return tl__bool(
        op2(lw, TL_OP_i_lt, op2(lw, TL_OP_i_xor, a, low), op2(lw, TL_OP_i_xor, b, low)));
}

/* --- kinds as strings ----------------------------------------------------------------------- */

static tl__value kind_string(const call *c, int math_type)
{
    static const char *const object[] = {"string", "table", "function", "function"};
    tl__lower *lw = c->lw;
    tl__value v = any_at(c, 0);
    tl__value result = math_type ? tl__nil() : string_value(lw, "nil"), x;
    for (int k = 0; (v.may & K_OBJ) && !math_type && k < v.n_alt; k++) {
        x = string_value(lw, object[v.alts[k].object->kind]);
        result = tl__choose(lw, tl__and(lw, tl__is(lw, &v, K_OBJ), v.alts[k].mask), &x, &result);
    }
    x = string_value(lw, "boolean");
    if (!math_type)
        result = tl__choose(lw, tl__is(lw, &v, K_BOOL), &x, &result);
    x = string_value(lw, math_type ? "integer" : "number");
    result = tl__choose(lw, tl__is(lw, &v, math_type ? K_INT : K_NUM), &x, &result);
    x = string_value(lw, "float");
    return math_type ? tl__choose(lw, tl__is(lw, &v, K_FLT), &x, &result) : result;
}

static tl__value to_number(const call *c)
{
    tl__value v = any_at(c, 0), none = tl__nil();
    tl__refuse_strings(c->lw, &v, c->name);
    if (!is_absent(c, 1))
        tl__refuse(c->lw, TL_FN_SUBSET, "tonumber with a base");
    if (!(v.may & K_NUM))
        return none;
    tl_val is_number = tl__is(c->lw, &v, K_NUM);
    tl__value n = tl__only(v, K_NUM);
    return tl__choose(c->lw, is_number, &n, &none);
}

/* --- lists ---------------------------------------------------------------------------------- */

static tl__list tail(const tl__list *list, int from)
{
    if (from > list->n)
        from = list->n;
    return (tl__list){list->n - from, list->ragged, list->v + from};
}

static tl__list select_values(const call *c)
{
    tl__lower *lw = c->lw;
    tl__value which = any_at(c, 0);
    const tl__object *o = tl__static_obj(&which);
    int64_t n;
    if (o && o->kind == O_STRING && o->str.len && o->str.s[0] == '#')
        return tl__one(lw, tl__int(tl__const_i(lw, c->args->n - 1)));
    if (!tl__static_int(lw, &which, 1, &n))
        tl__refuse(lw, TL_FN_SUBSET, "select with a number that depends on the pixel");
    if (n < 0)
        n = c->args->n + n;
    if (n < 1) {
        tl__trap(lw, lw->yes, "bad argument #1 to 'select' (index out of range)");
        n = 1;
    }
    return tail(c->args, n < c->args->n ? (int)n : c->args->n);
}

static tl__list unpack(const call *c)
{
    tl__lower *lw = c->lw;
    tl__value t = any_at(c, 0), first = tl__int(tl__const_i(lw, 1)), last;
    if (!is_absent(c, 1))
        first = c->args->v[1];
    last = is_absent(c, 2) ? tl__length(lw, &t) : c->args->v[2];
    int64_t i, j;
    if (!tl__static_int(lw, &first, 1, &i) || !tl__static_int(lw, &last, 1, &j))
        tl__refuse(lw, TL_FN_SUBSET, "table.unpack with bounds that depend on the pixel");
    if (i > j)
        return (tl__list){0, 0, NULL};
    if ((uint64_t)j - (uint64_t)i >= 250)
        tl__refuse(lw, TL_FN_SUBSET, "table.unpack of more than 250 values");
    tl__list list = {0, 0, tl__get(lw, (size_t)(j - i + 1) * sizeof *list.v)};
    for (; list.n <= j - i; list.n++) {
        tl__value key = tl__int(tl__const_i(lw, i + list.n));
        list.v[list.n] = tl__read(lw, &t, &key);
    }
    return list;
}

static tl__list assert_value(const call *c)
{
    tl__value v = any_at(c, 0);
    tl__trap(c->lw, tl__not(c->lw, tl__truth(c->lw, &v)), "assertion failed!");
    return *c->args;
}

/* --- neighbours ----------------------------------------------------------------------------- */

tl__value tl__band_value(tl__lower *lw, tl_val band, tl_val valid)
{
    tl_type t = tl_ir_type(lw->ir, band);
    tl__value v = t == TL_F   ? tl__flt(band)
                  : t == TL_I ? tl__int(band)
                              : tl__int(op1(lw, TL_OP_b_to_i, band));
    tl__value none = tl__nil();
    return valid < 0 ? v : tl__choose(lw, valid, &v, &none);
}

static tl__value near_value(const call *c)
{
    tl__lower *lw = c->lw;
    int64_t d[2] = {0, 0};
    tl_val band = TL_NONE, valid = TL_NONE;
    if (c->args->n < 1 || c->args->v[0].arg < 0)
        tl__refuse(lw, TL_FN_USER,
                   "the first argument of near must be a band of the outermost "
                   "function, unchanged");
    for (int k = 0; k < 2; k++) {
        if (k + 1 >= c->args->n || !tl__static_int(lw, &c->args->v[k + 1], 1, &d[k]))
            tl__refuse(lw, TL_FN_USER,
                       "the offsets of near must be whole numbers, the same on all "
                       "pixels");
        if (d[k] < -TL_FN_MOST_OFFSET || d[k] > TL_FN_MOST_OFFSET)
            tl__refuse(lw, TL_FN_USER, "near reaches at most %d cells away", TL_FN_MOST_OFFSET);
    }
    int arg = c->args->v[0].arg;
    if (d[0] == 0 && d[1] == 0)
        return c->args->v[0];
    if (!lw->options->near)
        tl__refuse(lw, TL_FN_USER, "there are no neighbours here: near works on images");
    int code = lw->options->near(lw->options->ctx, lw->ir, arg, (int)d[0], (int)d[1], &band, &valid,
                                 lw->e);
    if (code || band < 0)
        longjmp(lw->out, 2);
    if (lw->options->any)
        return tl__band_value(lw, band, valid);
    if (valid >= 0)
        tl__drop(lw, tl__not(lw, valid));
    return tl__band_value(lw, band, TL_NONE);
}

/* --- by name -------------------------------------------------------------------------------- */

static tl__value plain(const call *c, tl_op op)
{
    return tl__flt(op1(c->lw, op, float_at(c, 0)));
}

static tl__value scaled(const call *c, double by)
{
    return tl__flt(op2(c->lw, TL_OP_f_mul, float_at(c, 0), tl__const_f(c->lw, by)));
}

static tl__value read_raw(const call *c)
{
    tl__value t = any_at(c, 0), key = any_at(c, 1);
    return tl__dead(c->lw) ? tl__nil() : tl__read(c->lw, &t, &key);
}

#define PI 3.141592653589793238462643383279502884

static tl__value one_value(const call *c, int builtin)
{
    tl__value a, b;
    switch ((tl__builtin)builtin) {
    case TL__B_abs:
        return absolute(c);
    case TL__B_ceil:
        return rounded(c, TL_OP_f_ceil);
    case TL__B_floor:
        return rounded(c, TL_OP_f_floor);
    case TL__B_fmod:
        return fmod_value(c);
    case TL__B_max:
    case TL__B_min:
        return extreme(c, builtin == TL__B_max);
    case TL__B_sqrt:
        return plain(c, TL_OP_f_sqrt);
    case TL__B_exp:
        return plain(c, TL_OP_f_exp);
    case TL__B_log:
        return logarithm(c);
    case TL__B_sin:
        return plain(c, TL_OP_f_sin);
    case TL__B_cos:
        return plain(c, TL_OP_f_cos);
    case TL__B_tan:
        return plain(c, TL_OP_f_tan);
    case TL__B_asin:
        return plain(c, TL_OP_f_asin);
    case TL__B_acos:
        return plain(c, TL_OP_f_acos);
    case TL__B_atan:
        return arc_tangent(c);
    case TL__B_deg:
        return scaled(c, 180.0 / PI);
    case TL__B_rad:
        return scaled(c, PI / 180.0);
    case TL__B_tointeger:
        return to_integer_or_nil(c);
    case TL__B_mathtype:
    case TL__B_type:
        return kind_string(c, builtin == TL__B_mathtype);
    case TL__B_ult:
        return unsigned_less(c);
    case TL__B_near:
        return near_value(c);
    case TL__B_tonumber:
        return to_number(c);
    case TL__B_error:
        tl__trap(c->lw, c->lw->yes, "error() was called");
        return tl__nil();
    case TL__B_rawequal:
        a = any_at(c, 0);
        b = any_at(c, 1);
        return tl__bool(tl__equal(c->lw, &a, &b));
    case TL__B_rawget:
        return read_raw(c);
    case TL__B_rawlen:
        a = any_at(c, 0);
        return tl__length(c->lw, &a);
    default:
        tl__refuse(c->lw, TL_FN_SUBSET, "%s", c->name);
    }
}

tl__list tl__call_builtin(tl__lower *lw, int builtin, const tl__list *args)
{
    call c = {lw, tl__builtin_name((tl__builtin)builtin), args};
    switch (builtin) {
    case TL__B_modf:
        return modf_parts(&c);
    case TL__B_select:
        return select_values(&c);
    case TL__B_unpack:
        return unpack(&c);
    case TL__B_assert:
        return assert_value(&c);
    default:
        return tl__one(lw, one_value(&c, builtin));
    }
}
