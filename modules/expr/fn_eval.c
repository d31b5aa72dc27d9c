/* Expressions on abstract values. SPDX-License-Identifier: MIT */
#include "modules/expr/fn_lower.h"

/* --- names ---------------------------------------------------------------------------------- */

static tl__value free_value(tl__lower *lw, int k)
{
    const tl__env *env = lw->call->fn->env;
    if (!env->args)
        return tl__thaw(lw, env->frozen ? env->frozen[k] : NULL);
    return env->args[k].value ? tl__thaw(lw, env->args[k].value) : env->bands[k];
}

static tl__value eval_function(tl__lower *lw, const tl__ast *x)
{
    const tl__proto *f = x->u.proto;
    tl__closure *c = tl__get(lw, sizeof *c);
    tl__object *o = tl__get(lw, sizeof *o);
    c->proto = f;
    c->env = lw->call->fn->env;
    c->upval = tl__get(lw, (size_t)(f->n_upvals + 1) * sizeof *c->upval);
    for (int k = 0; k < f->n_upvals; k++)
        c->upval[k] = f->upval[k].is_local ? lw->call->local[f->upval[k].index]
                                           : lw->call->fn->upval[f->upval[k].index];
    o->kind = O_CLOSURE;
    o->fn = c;
    return tl__obj(lw, o);
}

/* Stock Lua reads a local operand from its register when the operation runs, after the other
 * operand, which may have called a function that changes it. */
tl__value tl__read_again(tl__lower *lw, const tl__ast *x, const tl__value *v, int upvalues_too)
{
    while (x->kind == E_PAREN)
        x = x->a;
    if (tl__dead(lw))
        return *v;
    if (x->kind == E_LOCAL)
        return lw->call->local[x->n]->v;
    return upvalues_too && x->kind == E_UPVAL ? lw->call->fn->upval[x->n]->v : *v;
}

/* --- tables --------------------------------------------------------------------------------- */

/* Stock Lua keeps the values without a key until the end, or until there are so many: they go over
 * what an item with a key has written in between. */
#define MOST_KEPT 50

static int64_t write_kept(tl__lower *lw, const tl__value *table, int64_t first, const tl__value *v,
                          int n)
{
    for (int k = 0; k < n; k++) {
        tl__value key = tl__int(tl__const_i(lw, first + k));
        tl__write(lw, table, &key, &v[k]);
    }
    return first + n;
}

static void add_items(tl__lower *lw, const tl__value *table, const tl__ast *item)
{
    int n = 0, room = 0;
    int64_t next = 1;
    tl__list last = {0, 0, NULL};
    for (const tl__ast *x = item; x && room < MOST_KEPT; x = x->next)
        room += !x->a;
    tl__value *kept = tl__get(lw, (size_t)room * sizeof *kept + 1);
    for (; item; item = item->next) {
        if (n == MOST_KEPT) {
            next = write_kept(lw, table, next, kept, n);
            n = 0;
        }
        if (item->a) {
            tl__value key = tl__eval(lw, item->a), v = tl__eval(lw, item->b);
            lw->at = item->at;
            tl__write(lw, table, &key, &v);
        } else if (item->next) {
            kept[n++] = tl__eval(lw, item->b);
        } else {
            last = tl__eval_list(lw, item->b);
        }
    }
    if (last.ragged)
        tl__refuse(lw, TL_FN_SUBSET,
                   "a call that returns more or fewer values by pixel, in a table");
    next = write_kept(lw, table, next, kept, n);
    write_kept(lw, table, next, last.v, last.n);
}

static tl__value eval_table(tl__lower *lw, const tl__ast *x)
{
    tl__value table = tl__obj(lw, tl__new_table(lw));
    add_items(lw, &table, x->b);
    return table;
}

/* --- and, or -------------------------------------------------------------------------------- */

typedef struct second {
    const tl__ast *x;
    tl__value v;
} second;

static void eval_second(tl__lower *lw, void *arg)
{
    second *s = arg;
    s->v = tl__eval(lw, s->x);
}

static tl__value eval_logic(tl__lower *lw, const tl__ast *x, const tl__value *a)
{
    int is_and = x->sub == T_AND;
    tl_val truth = tl__truth(lw, a);
    second s = {x->b, tl__nil()};
    tl__branch(lw, truth, is_and ? eval_second : NULL, is_and ? NULL : eval_second, &s);
    int known = tl__known(lw, truth);
    if (known >= 0)
        return known == is_and ? s.v : *a;
    tl__value kept = tl__narrow(lw, *a, !is_and);
    return is_and ? tl__choose(lw, truth, &s.v, &kept) : tl__choose(lw, truth, &kept, &s.v);
}

/* --- operators: a chain a + b + c ... goes down its left side in a loop --------------------- */

/* Stock Lua computes x - 0 as x + 0 when the 0 is a constant: -0.0 becomes 0.0. */
static int subtracts_nothing(tl__lower *lw, const tl__ast *x, const tl__value *b)
{
    int64_t i;
    return x->sub == '-' && tl__static_int(lw, b, 0, &i) && i == 0 &&
           (x->b->kind == E_FREE ? lw->call->fn->env->fn->konst[x->b->n] != NULL
                                 : tl__is_constant(x->b));
}

static tl__value eval_binary(tl__lower *lw, const tl__ast *x)
{
    int n = 0, k = 0;
    for (const tl__ast *y = x; y->kind == E_BINARY; y = y->a)
        n++;
    const tl__ast **spine = tl__get(lw, (size_t)n * sizeof *spine), *y = x;
    for (; y->kind == E_BINARY; y = y->a)
        spine[k++] = y;
    tl__value v = tl__eval(lw, y);
    while (k-- > 0 && !tl__dead(lw)) {
        tl__step(lw);
        if (spine[k]->sub == T_AND || spine[k]->sub == T_OR) {
            v = eval_logic(lw, spine[k], &v);
            continue;
        }
        tl__value b = tl__eval(lw, spine[k]->b);
        lw->at = spine[k]->at;
        if (spine[k]->a == y)
            v = tl__read_again(lw, y, &v, 0);
        if (!tl__dead(lw))
            v = tl__binary(lw, subtracts_nothing(lw, spine[k], &b) ? '+' : spine[k]->sub, &v, &b);
    }
    return v;
}

/* A band in a condition is always true: 0 is true in Lua. */
static void refuse_band_as_condition(tl__lower *lw, const tl__ast *x)
{
    while (x->kind == E_PAREN)
        x = x->a;
    if (x->kind == E_BINARY && (x->sub == T_AND || x->sub == T_OR)) {
        refuse_band_as_condition(lw, x->b);
        for (x = x->a; x->kind == E_BINARY && (x->sub == T_AND || x->sub == T_OR); x = x->a)
            refuse_band_as_condition(lw, x->b);
        refuse_band_as_condition(lw, x);
        return;
    }
    if (lw->call->caller || (x->kind != E_LOCAL && x->kind != E_FREE))
        return;
    tl__value v;
    if (x->kind == E_FREE) {
        if (!lw->call->fn->env->args || lw->call->fn->env->args[x->n].value)
            return;
        v = lw->call->fn->env->bands[x->n];
    } else {
        if (x->n >= lw->call->fn->proto->n_params)
            return;
        v = lw->call->local[x->n]->v;
    }
    if (v.may & ~K_NUM)
        return;
    lw->at = x->at;
    tl__refuse(lw, TL_FN_USER, "a number is always true in Lua, 0 too: write %.*s ~= 0",
               (int)(x->u.str.len < 60 ? x->u.str.len : 60), x->u.str.s);
}

tl_val tl__eval_condition(tl__lower *lw, const tl__ast *x)
{
    refuse_band_as_condition(lw, x);
    tl__value v = tl__eval(lw, x);
    return tl__truth(lw, &v);
}

static tl__value eval_unary(tl__lower *lw, const tl__ast *x)
{
    if (x->sub == T_NOT)
        refuse_band_as_condition(lw, x->a);
    tl__value a = tl__eval(lw, x->a);
    lw->at = x->at;
    return tl__dead(lw) ? a : tl__unary(lw, x->sub, &a);
}

static tl__value eval_index(tl__lower *lw, const tl__ast *x)
{
    tl__value t = tl__eval(lw, x->a), key = tl__eval(lw, x->b);
    t = tl__read_again(lw, x->a, &t, 1);
    lw->at = x->at;
    return tl__dead(lw) ? tl__nil() : tl__read(lw, &t, &key);
}

static tl__value first_of(tl__list list)
{
    return list.n ? list.v[0] : tl__nil();
}

static tl__value eval_node(tl__lower *lw, const tl__ast *x)
{
    switch ((tl__kind)x->kind) {
    case E_NIL:
        return tl__nil();
    case E_TRUE:
        return tl__bool(lw->yes);
    case E_FALSE:
        return tl__bool(lw->no);
    case E_INT:
        return tl__int(tl__const_i(lw, x->u.i));
    case E_FLT:
        return tl__flt(tl__const_f(lw, x->u.f));
    case E_STR:
        return tl__obj(lw, tl__new_string(lw, x->u.str));
    case E_DOTS:
        tl__refuse(lw, TL_FN_SUBSET, "variable arguments (...)");
    case E_FUNCTION:
        return eval_function(lw, x);
    case E_LOCAL:
        return x->a ? tl__eval(lw, x->a) : lw->call->local[x->n]->v;
    case E_UPVAL:
        return x->a ? tl__eval(lw, x->a) : lw->call->fn->upval[x->n]->v;
    case E_FREE:
        return free_value(lw, x->n);
    case E_INDEX:
        return eval_index(lw, x);
    case E_CALL:
    case E_METHOD:
        return first_of(tl__eval_call(lw, x));
    case E_PAREN:
        return tl__eval(lw, x->a);
    case E_UNARY:
        return eval_unary(lw, x);
    case E_BINARY:
        return eval_binary(lw, x);
    case E_TABLE:
        return eval_table(lw, x);
    default:
        return tl__nil();
    }
}

tl__value tl__eval(tl__lower *lw, const tl__ast *x)
{
    if (tl__dead(lw))
        return tl__nil();
    tl__step(lw);
    tl__deeper(lw);
    lw->at = x->at;
    tl__value v = eval_node(lw, x);
    tl__shallower(lw);
    return v;
}

/* --- several values ------------------------------------------------------------------------- */

tl__list tl__one(tl__lower *lw, tl__value v)
{
    tl__list list = {1, 0, tl__get(lw, sizeof v)};
    list.v[0] = v;
    return list;
}

/* The expressions from `first` on; all values of the last when it is a call. */
tl__list tl__eval_list(tl__lower *lw, const tl__ast *first)
{
    int n = 0, k = 0;
    tl__list rest = {0, 0, NULL}, all = {0, 0, NULL};
    for (const tl__ast *x = first; x; x = x->next)
        n++;
    all.v = tl__get(lw, (size_t)(n + 1) * sizeof *all.v);
    for (const tl__ast *x = first; x; x = x->next)
        if (!x->next && (x->kind == E_CALL || x->kind == E_METHOD) && !tl__dead(lw)) {
            tl__step(lw);
            lw->at = x->at;
            rest = tl__eval_call(lw, x);
        } else {
            all.v[k++] = tl__eval(lw, x);
        }
    all.n = k;
    if (rest.n) {
        tl__value *v = tl__get(lw, (size_t)(k + rest.n) * sizeof *v);
        for (int j = 0; j < k + rest.n; j++)
            v[j] = j < k ? all.v[j] : rest.v[j - k];
        all.v = v;
        all.n = k + rest.n;
    }
    all.ragged = rest.ragged;
    return all;
}
