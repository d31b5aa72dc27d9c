/* Calls: inlining, and choosing among functions. SPDX-License-Identifier: MIT */
#include "modules/expr/fn_lower.h"

#include <stdio.h>

/* --- one function's body in the place of its call ------------------------------------------- */

static void check_recursion(tl__lower *lw, const tl__closure *f)
{
    for (const tl__context *c = lw->call; c; c = c->caller)
        if (c->fn->proto == f->proto)
            tl__refuse(lw, TL_FN_SUBSET, "it calls itself (recursion)");
    if (lw->inlined >= TL_FN_MOST_INLINED)
        tl__refuse(lw, TL_FN_SUBSET, "calls inside calls more than %d deep", TL_FN_MOST_INLINED);
    if (f->proto->dots)
        tl__refuse(lw, TL_FN_SUBSET, "variable arguments (...)");
}

/* The first return wins; from the last to the first each takes the pixels of its path. */
static tl__list join_returns(tl__lower *lw, const tl__context *c)
{
    const tl__return *r = c->returns;
    tl__list all = {0, 0, NULL};
    int all_returned = tl__dead(lw) && r != NULL;
    int base = all_returned ? r->values.n : 0;
    for (; r; r = r->older) {
        all.n = r->values.n > all.n ? r->values.n : all.n;
        all.ragged |= r->values.n != base || r->values.ragged;
    }
    all.v = tl__get(lw, (size_t)(all.n + 1) * sizeof *all.v);
    r = c->returns;
    for (int k = 0; k < all.n; k++)
        all.v[k] = all_returned && k < r->values.n ? r->values.v[k] : tl__nil();
    for (r = all_returned ? r->older : r; r; r = r->older)
        for (int k = 0; k < all.n; k++) {
            tl__value v = k < r->values.n ? r->values.v[k] : tl__nil();
            all.v[k] = tl__choose(lw, r->path, &v, &all.v[k]);
        }
    return all;
}

tl__list tl__inline(tl__lower *lw, const tl__closure *f, const tl__list *args)
{
    if (tl__dead(lw))
        return (tl__list){0, 0, NULL};
    check_recursion(lw, f);
    tl__deeper(lw);
    lw->inlined++;
    tl_val active = lw->active, path = lw->path;
    int losses = lw->losses;
    tl__context c = {.fn = f, .caller = lw->call, .called_at = lw->at};
    tl__enter_context(lw, &c, 1);
    lw->call = &c;
    lw->path = lw->yes;
    c.local = tl__get(lw, (size_t)(f->proto->n_locals + 1) * sizeof *c.local);
    for (int k = 0; k < f->proto->n_params; k++)
        c.local[k] =
            tl__new_cell(lw, k < args->n ? args->v[k] : tl__nil(), f->proto->local[k]->captured);
    tl__exec(lw, f->proto->body);
    tl__list results = join_returns(lw, &c);
    if (losses != lw->losses) /* nobody is left when all have trapped */
        active = tl__dead(lw) && !c.returns ? lw->no : tl__and(lw, active, tl__not(lw, lw->lost));
    lw->active = active;
    lw->path = path;
    lw->call = c.caller;
    lw->at = c.called_at;
    tl__leave_context(lw, &c);
    lw->inlined--;
    tl__shallower(lw);
    return results;
}

/* --- what is called ------------------------------------------------------------------------- */

typedef struct choice {
    const tl__value *f;
    int k; /* the alternative at hand */
    const tl__list *args;
    tl__list results;
} choice;

static tl__list call_object(tl__lower *lw, const tl__object *o, const tl__list *args)
{
    if (o->kind == O_STRING)
        tl__refuse(lw, TL_FN_SUBSET, "a string is called");
    if (o->kind == O_BUILTIN)
        return tl__call_builtin(lw, o->builtin, args);
    if (o->kind == O_CLOSURE)
        return tl__inline(lw, o->fn, args);
    tl__trap(lw, lw->yes, "attempt to call a table value");
    return (tl__list){0, 0, NULL};
}

static void call_rest(tl__lower *lw, void *arg);

static void call_this(tl__lower *lw, void *arg)
{
    choice *c = arg;
    c->results = call_object(lw, c->f->alts[c->k].object, c->args);
}

/* Alternatives k.. : this one where it is, the others elsewhere. */
static void call_from(tl__lower *lw, choice *c)
{
    int k = c->k;
    if (k == c->f->n_alt - 1) {
        call_this(lw, c);
        return;
    }
    tl_val mask = c->f->alts[k].mask;
    choice here = *c;
    here.results.n = 0;
    c->results.n = 0;
    tl__branch(lw, mask, call_this, NULL, &here);
    c->k = k + 1;
    tl__branch(lw, tl__not(lw, mask), call_rest, NULL, c);
    int n = here.results.n > c->results.n ? here.results.n : c->results.n;
    tl__list all = {n, here.results.n != c->results.n || here.results.ragged || c->results.ragged,
                    tl__get(lw, (size_t)(n + 1) * sizeof *all.v)};
    for (int j = 0; j < n; j++) {
        tl__value x = j < here.results.n ? here.results.v[j] : tl__nil();
        tl__value y = j < c->results.n ? c->results.v[j] : tl__nil();
        all.v[j] = tl__choose(lw, mask, &x, &y);
    }
    c->results = all;
}

static void call_rest(tl__lower *lw, void *arg)
{
    call_from(lw, arg);
}

/* What the text calls the function. */
static void called_name(const tl__ast *x, char *out, size_t size)
{
    const tl__ast *f = x->a;
    const tl__str *s = x->kind == E_METHOD                         ? &x->u.str
                       : f->kind == E_INDEX && f->b->kind == E_STR ? &f->b->u.str
                       : f->kind == E_LOCAL || f->kind == E_UPVAL || f->kind == E_FREE ? &f->u.str
                                                                                       : NULL;
    out[0] = 0;
    if (s)
        snprintf(out, size, " (%s'%.40s')", s == &f->u.str ? "" : "field ", s->s);
}

static tl__list call_value(tl__lower *lw, const tl__ast *x, const tl__value *f,
                           const tl__list *args)
{
    choice c = {f, 0, args, {0, 0, NULL}};
    char name[64];
    called_name(x, name, sizeof name);
    tl__trap(lw, tl__not(lw, tl__is(lw, f, K_OBJ)), "attempt to call a %s value%s",
             tl__kind_name(f), name);
    if (!tl__dead(lw) && (f->may & K_OBJ))
        call_from(lw, &c);
    return c.results;
}

tl__list tl__eval_call(tl__lower *lw, const tl__ast *x)
{
    tl__value f = tl__eval(lw, x->a), self = f;
    if (x->kind == E_METHOD && !tl__dead(lw)) {
        tl__value key = tl__obj(lw, tl__new_string(lw, x->u.str));
        f = tl__read(lw, &self, &key);
    }
    tl__list args = tl__eval_list(lw, x->b);
    if (x->kind == E_METHOD) {
        tl__value *v = tl__get(lw, (size_t)(args.n + 1) * sizeof *v);
        v[0] = self;
        for (int k = 0; k < args.n; k++)
            v[k + 1] = args.v[k];
        args.v = v;
        args.n++;
    }
    lw->at = x->at;
    if (tl__dead(lw))
        return (tl__list){0, 0, NULL};
    return call_value(lw, x, &f, &args);
}
