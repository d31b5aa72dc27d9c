/* Statements on abstract values. SPDX-License-Identifier: MIT */
#include "modules/expr/fn_lower.h"

#include <math.h>

/* --- assignment ----------------------------------------------------------------------------- */

static void bind_local(tl__lower *lw, int n, tl__value v)
{
    lw->call->local[n] = tl__new_cell(lw, v, lw->call->fn->proto->local[n]->captured);
}

static tl__value nth(const tl__list *list, int k)
{
    return k < list->n ? list->v[k] : tl__nil();
}

static void exec_local(tl__lower *lw, const tl__ast *x)
{
    tl__list values = tl__eval_list(lw, x->b);
    int k = 0;
    for (const tl__ast *a = x->a; a; a = a->next) {
        lw->at = a->at;
        if (a->sub == 2)
            tl__refuse(lw, TL_FN_SUBSET, "a variable that is closed (<close>)");
        bind_local(lw, a->n, nth(&values, k++));
    }
}

static void assign_to(tl__lower *lw, const tl__ast *a, const tl__value *table, const tl__value *key,
                      const tl__value *v)
{
    lw->at = a->at;
    if (tl__dead(lw))
        return;
    if (a->kind == E_LOCAL)
        tl__assign(lw, lw->call->local[a->n], v);
    else if (a->kind == E_UPVAL)
        tl__assign(lw, lw->call->fn->upval[a->n], v);
    else if (a->kind == E_INDEX)
        tl__write(lw, table, key, v);
    else
        tl__refuse(lw, TL_FN_SUBSET, "it assigns to `%.60s`, which lives outside of the function",
                   a->u.str.s);
}

/* Tables and keys of the targets first, then the values, then the assignments. */
static void exec_assign(tl__lower *lw, const tl__ast *x)
{
    int n = 0, k = 0;
    for (const tl__ast *a = x->a; a; a = a->next)
        n++;
    tl__value *table = tl__get(lw, 2 * (size_t)n * sizeof *table), *key = table + n;
    for (const tl__ast *a = x->a; a; a = a->next, k++)
        if (a->kind == E_INDEX) {
            table[k] = tl__eval(lw, a->a);
            key[k] = tl__eval(lw, a->b);
            table[k] = tl__read_again(lw, a->a, &table[k], 1);
        }
    tl__list values = tl__eval_list(lw, x->b);
    k = 0;
    for (const tl__ast *a = x->a; a; a = a->next, k++)
        if (a->kind == E_INDEX) {
            table[k] = tl__read_again(lw, a->a, &table[k], a->b->kind == E_STR);
            key[k] = tl__read_again(lw, a->b, &key[k], 0);
        }
    /* Stock Lua assigns from right to left. */
    for (k = n - 1; k >= 0; k--) {
        const tl__ast *a = x->a;
        for (int j = 0; j < k; j++)
            a = a->next;
        tl__value v = nth(&values, k);
        assign_to(lw, a, &table[k], &key[k], &v);
    }
}

/* --- branches ------------------------------------------------------------------------------- */

static void exec_then(tl__lower *lw, void *arg)
{
    tl__exec(lw, ((const tl__ast *)arg)->b);
}

static void exec_if(tl__lower *lw, const tl__ast *x);

static void exec_else(tl__lower *lw, void *arg)
{
    const tl__ast *rest = ((const tl__ast *)arg)->c;
    if (!rest)
        return;
    tl__deeper(lw);
    if (rest->kind == S_IF)
        exec_if(lw, rest);
    else
        tl__exec(lw, rest->b);
    tl__shallower(lw);
}

static void exec_if(tl__lower *lw, const tl__ast *x)
{
    tl__step(lw);
    tl_val c = tl__eval_condition(lw, x->a);
    if (!tl__dead(lw))
        tl__branch(lw, c, exec_then, exec_else, (void *)x);
}

/* --- leaving -------------------------------------------------------------------------------- */

static void exec_return(tl__lower *lw, const tl__ast *x)
{
    tl__list values = tl__eval_list(lw, x->b);
    if (tl__dead(lw))
        return;
    tl__return *r = tl__get(lw, sizeof *r);
    *r = (tl__return){lw->call->returns, lw->path, values};
    lw->call->returns = r;
    lw->call->gone = tl__or(lw, lw->call->gone, lw->path);
    lw->active = lw->no;
}

static void exec_break(tl__lower *lw)
{
    tl__context *loop = lw->context; /* the parser has seen that it is one */
    loop->gone = tl__or(lw, loop->gone, lw->path);
    loop->broke = tl__or(lw, loop->broke, lw->active);
    lw->active = lw->path = lw->no;
}

/* --- loops ---------------------------------------------------------------------------------- */

typedef struct loop {
    tl__context context;
    tl_val active, path;
    int losses;
    const tl__return *returns;
} loop;

static void begin_loop(tl__lower *lw, loop *l)
{
    l->active = lw->active;
    l->path = lw->path;
    l->losses = lw->losses;
    l->returns = lw->call->returns;
    tl__enter_context(lw, &l->context, 0);
}

static void end_loop(tl__lower *lw, loop *l)
{
    tl__leave_context(lw, &l->context);
    if (l->losses == lw->losses && l->returns == lw->call->returns)
        lw->active = l->active;
    else
        lw->active = tl__or(lw, lw->active, l->context.broke);
    lw->path = l->path;
}

/* 1 when a statement of the list, or in it, may leave the loop. */
static int may_leave(const tl__ast *x)
{
    for (; x; x = x->next)
        switch ((tl__kind)x->kind) {
        case S_BREAK:
        case S_RETURN:
            return 1;
        case S_IF:
            for (const tl__ast *y = x; y; y = y->kind == S_IF ? y->c : NULL)
                if (may_leave(y->b))
                    return 1;
            break;
        case S_DO:
        case S_WHILE:
        case S_REPEAT:
        case S_FOR:
        case S_FORIN:
            if (may_leave(x->b))
                return 1;
            break;
        default:
            break;
        }
    return 0;
}

static void refuse_turns(tl__lower *lw, const tl__ast *x, double turns)
{
    lw->at = x->at;
    tl__refuse(lw, TL_FN_SUBSET, "this loop takes %.3g turns, at most %d can be unrolled", turns,
               TL_FN_MOST_STEPS);
}

/* The turns of an integer loop, as Lua counts them before it starts. */
static int integer_turns(tl__lower *lw, const tl__ast *x, int64_t first, const tl__value *limit,
                         int64_t step, uint64_t *turns)
{
    int64_t last;
    double d;
    if (!tl__static_int(lw, limit, 0, &last)) {
        tl__static_flt(lw, limit, &d);
        if (d != d) /* stock Lua takes it for a very small number */
            d = -HUGE_VAL;
        d = step < 0 ? ceil(d) : floor(d);
        if (d >= 9223372036854775808.0 || d < -9223372036854775808.0) {
            if ((d > 0) != (step > 0))
                return 0;
            last = d > 0 ? INT64_MAX : INT64_MIN;
        } else {
            last = (int64_t)d;
        }
    }
    if (step > 0 ? first > last : first < last)
        return 0;
    uint64_t span = step > 0 ? (uint64_t)last - (uint64_t)first : (uint64_t)first - (uint64_t)last;
    /* cppcheck-suppress zerodivcond ; a step of 0 was refused */
    *turns = span / (step > 0 ? (uint64_t)step : 0 - (uint64_t)step);
    if (*turns >= TL_FN_MOST_STEPS && !may_leave(x->b))
        refuse_turns(lw, x, (double)*turns + 1);
    *turns += *turns < UINT64_MAX;
    return 1;
}

static void integer_loop(tl__lower *lw, const tl__ast *x, int64_t first, const tl__value *limit,
                         int64_t step)
{
    uint64_t turns;
    if (!integer_turns(lw, x, first, limit, step, &turns))
        return;
    for (uint64_t k = 0; k < turns && !tl__dead(lw); k++) {
        int64_t i = (int64_t)((uint64_t)first + k * (uint64_t)step);
        tl__step(lw);
        bind_local(lw, x->n, tl__int(tl__const_i(lw, i)));
        tl__exec(lw, x->b);
    }
}

static void float_loop(tl__lower *lw, const tl__ast *x, double i, double limit, double step)
{
    if ((limit - i) / step >= TL_FN_MOST_STEPS && !may_leave(x->b))
        refuse_turns(lw, x, (limit - i) / step);
    if (step > 0 ? limit < i : i < limit)
        return;
    do { /* a NaN is found after the first turn, as in stock Lua */
        tl__step(lw);
        bind_local(lw, x->n, tl__flt(tl__const_f(lw, i)));
        tl__exec(lw, x->b);
        i += step;
    } while ((step > 0 ? i <= limit : limit <= i) && !tl__dead(lw));
}

static tl__value bound(tl__lower *lw, const tl__ast *x, const char *what)
{
    tl__value v = tl__eval(lw, x);
    double d;
    lw->at = x->at;
    tl__refuse_strings(lw, &v, "a bound"); /* stock Lua converts some of them */
    tl__trap(lw, tl__not(lw, tl__is(lw, &v, K_NUM)), "'for' %s must be a number", what);
    if (!tl__dead(lw) && !tl__static_flt(lw, &v, &d))
        tl__refuse(lw, TL_FN_SUBSET, "the bounds of this loop depend on the pixel");
    return v;
}

static void exec_for(tl__lower *lw, const tl__ast *x)
{
    const tl__ast *third = x->a->next->next;
    tl__value first = bound(lw, x->a, "initial value"), limit = bound(lw, x->a->next, "limit"),
              step = third ? bound(lw, third, "step") : tl__int(tl__const_i(lw, 1));
    if (tl__dead(lw))
        return;
    int64_t i, by;
    double f = 0, to = 0, fby = 0;
    int integers = tl__static_int(lw, &first, 0, &i) && tl__static_int(lw, &step, 0, &by);
    tl__static_flt(lw, &first, &f);
    tl__static_flt(lw, &limit, &to);
    tl__static_flt(lw, &step, &fby);
    lw->at = x->at;
    if (fby == 0) {
        tl__trap(lw, lw->yes, "'for' step is zero");
        return;
    }
    loop l;
    begin_loop(lw, &l);
    if (integers)
        integer_loop(lw, x, i, &limit, by);
    else
        float_loop(lw, x, f, to, fby);
    end_loop(lw, &l);
}

/* for k, v in ipairs(t) */
static void exec_for_in(tl__lower *lw, const tl__ast *x)
{
    static const char only[] = "`for ... in` other than over ipairs(t)";
    const tl__ast *call = x->c;
    if (call->next || call->kind != E_CALL || !call->b || call->b->next)
        tl__refuse(lw, TL_FN_SUBSET, only);
    tl__value f = tl__eval(lw, call->a), t = tl__eval(lw, call->b);
    lw->at = call->at;
    if (tl__dead(lw))
        return;
    tl__object *iterator = tl__static_obj(&f), *table = tl__static_obj(&t);
    if (!iterator || iterator->kind != O_BUILTIN || iterator->builtin != TL__B_ipairs)
        tl__refuse(lw, TL_FN_SUBSET, only);
    if (!table || table->kind != O_TABLE)
        tl__refuse(lw, TL_FN_SUBSET, "ipairs of what is not one table on all pixels");
    loop l;
    begin_loop(lw, &l);
    for (int64_t k = 1; !tl__dead(lw); k++) {
        tl__key key = {TL__INT, {.i = k}, NULL, 0};
        tl__value v = tl__read_key(lw, table, &key);
        if (v.may == K_NIL)
            break;
        if (v.may & K_NIL)
            tl__refuse(lw, TL_FN_SUBSET, "the number of turns of this loop depends on the pixel");
        tl__step(lw);
        bind_local(lw, x->a->n, tl__int(tl__const_i(lw, k)));
        if (x->a->next)
            bind_local(lw, x->a->next->n, v);
        for (const tl__ast *a = x->a->next ? x->a->next->next : NULL; a; a = a->next)
            bind_local(lw, a->n, tl__nil());
        tl__exec(lw, x->b);
    }
    end_loop(lw, &l);
}

/* while and repeat: each turn's condition must be the same on all pixels. */
static int goes_on(tl__lower *lw, const tl__ast *x)
{
    tl_val c = tl__eval_condition(lw, x->a);
    if (tl__dead(lw))
        return 0;
    int known = tl__known(lw, c);
    lw->at = x->at;
    if (known < 0)
        tl__refuse(lw, TL_FN_SUBSET, "the number of turns of this loop depends on the pixel");
    return known == (x->kind == S_WHILE);
}

static void exec_while(tl__lower *lw, const tl__ast *x)
{
    loop l;
    begin_loop(lw, &l);
    while (!tl__dead(lw) && (x->kind == S_REPEAT || goes_on(lw, x))) {
        tl__step(lw);
        tl__exec(lw, x->b);
        if (x->kind == S_REPEAT && !tl__dead(lw) && !goes_on(lw, x))
            break;
    }
    end_loop(lw, &l);
}

/* --- statements ----------------------------------------------------------------------------- */

static void exec_local_function(tl__lower *lw, const tl__ast *x)
{
    bind_local(lw, x->n, tl__nil()); /* the function sees itself */
    tl__value f = tl__eval(lw, x->a);
    lw->call->local[x->n]->v = f;
}

static void exec_one(tl__lower *lw, const tl__ast *x)
{
    switch ((tl__kind)x->kind) {
    case S_LOCAL:
        exec_local(lw, x);
        break;
    case S_ASSIGN:
        exec_assign(lw, x);
        break;
    case S_CALL:
        tl__eval_call(lw, x->a);
        break;
    case S_DO:
        tl__exec(lw, x->b);
        break;
    case S_WHILE:
    case S_REPEAT:
        exec_while(lw, x);
        break;
    case S_IF:
        exec_if(lw, x);
        break;
    case S_FOR:
        exec_for(lw, x);
        break;
    case S_FORIN:
        exec_for_in(lw, x);
        break;
    case S_LOCALFUN:
        exec_local_function(lw, x);
        break;
    case S_RETURN:
        exec_return(lw, x);
        break;
    case S_BREAK:
        exec_break(lw);
        break;
    case S_GOTO:
        tl__refuse(lw, TL_FN_SUBSET, "`goto`");
    default: /* a label */
        break;
    }
}

void tl__exec(tl__lower *lw, const tl__ast *x)
{
    tl__deeper(lw);
    for (; x && !tl__dead(lw); x = x->next) {
        tl__step(lw);
        lw->at = x->at;
        exec_one(lw, x);
    }
    tl__shallower(lw);
}
