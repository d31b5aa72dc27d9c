/* Frozen values as abstract ones. SPDX-License-Identifier: MIT */
#include "modules/expr/fn_lower.h"

static size_t place_of(const tl__lower *lw, const void *frozen)
{
    size_t k = ((uintptr_t)frozen >> 4) * 0x9e3779b97f4a7c15u >> 20 & (lw->cap_thawed - 1);
    while (lw->thawed[k].frozen && lw->thawed[k].frozen != frozen)
        k = (k + 1) & (lw->cap_thawed - 1);
    return k;
}

static void grow_thawed(tl__lower *lw)
{
    tl__thawed *old = lw->thawed;
    size_t n = lw->cap_thawed;
    lw->cap_thawed = n ? n * 2 : 64;
    lw->thawed = tl__get(lw, lw->cap_thawed * sizeof *old);
    for (size_t k = 0; k < n; k++)
        if (old[k].frozen)
            lw->thawed[place_of(lw, old[k].frozen)] = old[k];
}

static tl__closure *thaw_closure(tl__lower *lw, const tl_frozen *v)
{
    tl__closure *c = tl__get(lw, sizeof *c);
    c->env = tl__get(lw, sizeof *c->env);
    c->proto = v->fn->proto;
    c->env->fn = v->fn;
    c->env->frozen = (const tl_frozen *const *)v->value;
    return c;
}

/* One object per frozen value: identity holds. */
static tl__object *thaw_object(tl__lower *lw, const tl_frozen *v)
{
    if (2 * lw->n_thawed >= lw->cap_thawed)
        grow_thawed(lw);
    size_t k = place_of(lw, v);
    if (lw->thawed[k].frozen)
        return lw->thawed[k].object;
    tl__object *o = tl__get(lw, sizeof *o);
    o->frozen = v;
    lw->thawed[k] = (tl__thawed){v, o};
    lw->n_thawed++;
    if (v->kind == TL__STRING) {
        o->kind = O_STRING;
        o->str = (tl__str){v->len, v->s};
    } else if (v->kind == TL__BUILTIN) {
        o->kind = O_BUILTIN;
        o->builtin = (int)v->x.i;
    } else if (v->kind == TL__TABLE) {
        o->kind = O_TABLE;
    } else {
        o->kind = O_CLOSURE;
        o->fn = thaw_closure(lw, v);
    }
    return o;
}

tl__value tl__thaw(tl__lower *lw, const tl_frozen *v)
{
    switch (v ? v->kind : TL__NIL) {
    case TL__NIL:
        return tl__nil();
    case TL__BOOL:
        return tl__bool(v->x.i ? lw->yes : lw->no);
    case TL__INT:
        return tl__int(tl__const_i(lw, v->x.i));
    case TL__FLT:
        return tl__flt(tl__const_f(lw, v->x.f));
    case TL__REFUSED:
        tl__refuse(lw, TL_FN_SUBSET, "%s", v->s);
    default:
        return tl__obj(lw, thaw_object(lw, v));
    }
}
