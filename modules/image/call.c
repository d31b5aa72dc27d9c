/* Calls: see call.h. SPDX-License-Identifier: MIT */
#include "modules/image/call.h"
#include "modules/expr/expr_int.h"
#include "modules/image/foreign.h"
#include "runtime/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const tl_interpreter *interpreter;

void tl_set_interpreter(const tl_interpreter *in)
{
    interpreter = in;
}

const tl_interpreter *tl_get_interpreter(void)
{
    return interpreter;
}

tl_call *tl_call_ref(tl_call *c)
{
    atomic_fetch_add(&c->refs, 1);
    return c;
}

static void free_bound(tl_bound *b, int n)
{
    for (int i = 0; b && i < n; i++)
        tl_frozen_unref(b[i].value);
    free(b);
}

void tl_call_unref(tl_call *c)
{
    if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    free_bound(c->param, tl_fn_n_params(c->fn));
    free_bound(c->free, tl_fn_n_free(c->fn));
    for (int i = 0; i < c->nargs; i++)
        tl_node_unref(c->arg[i]);
    tl_fn_unref(c->fn);
    tl_foreign_unref(c->foreign);
    free(c->arg);
    free(c->result);
    free(c->reason);
    free(c);
}

static tl_bound *copy_bound(const tl_bound *b, int n)
{
    tl_bound *r = tl_xcalloc((size_t)n, sizeof *r);
    for (int i = 0; i < n; i++) {
        r[i] = b[i];
        if (r[i].value)
            tl_frozen_ref(r[i].value);
    }
    return r;
}

/* --- the trial -----------------------------------------------------------------------------------
 */

const tl_bound *tl_call_bound(const tl_call *c, int arg)
{
    int n = tl_fn_n_params(c->fn);
    return arg < n ? &c->param[arg] : &c->free[arg - n];
}

static tl_val trial_load(tl_ir *ir, const tl_node *n, int slot)
{
    return n->type == TL_B ? tl_ir_load_mask(ir, slot)
                           : tl_ir_load(ir, slot, n->type == TL_I ? TL_I64 : TL_F64);
}

/* Neighbours have slots of their own: they are other numbers than the pixel. */
typedef struct trial {
    const tl_call *call;
    struct {
        int band, dx, dy;
    } * near;
    int n;
} trial;

static int trial_near(void *ctx, tl_ir *ir, int arg, int dx, int dy, tl_val *value, tl_val *valid,
                      tl_err *e)
{
    trial *t = ctx;
    int band = tl_call_bound(t->call, arg)->arg, k = 0;
    while (k < t->n && (t->near[k].band != band || t->near[k].dx != dx || t->near[k].dy != dy))
        k++;
    if (t->call->nargs + k >= TL_MOST_SLOTS / 2)
        return tl_fail(e, TL_ESCRIPT, "the function looks at more than %d neighbours", k);
    if (k == t->n) {
        t->near = tl_xrealloc(t->near, (size_t)(k + 1) * sizeof *t->near);
        t->near[k].band = band;
        t->near[k].dx = dx;
        t->near[k].dy = dy;
        t->n++;
    }
    int slot = 2 * (dx || dy ? t->call->nargs + k : band);
    *value = trial_load(ir, t->call->arg[band], slot);
    *valid = tl_ir_load_mask(ir, slot + 1);
    return 0;
}

static tl_fn_arg *trial_args(const tl_call *c, tl_ir *ir, const tl_bound *b, int n)
{
    tl_fn_arg *a = tl_xcalloc((size_t)n, sizeof *a);
    for (int i = 0; i < n; i++) {
        a[i] = (tl_fn_arg){b[i].value, TL_NONE, TL_NONE};
        if (!b[i].value) {
            a[i].band = trial_load(ir, c->arg[b[i].arg], 2 * b[i].arg);
            a[i].valid = tl_ir_load_mask(ir, 2 * b[i].arg + 1);
        }
    }
    return a;
}

static void note_result(tl_call *c, int k, const tl_ir *ir, const tl_fn_band *band,
                        const char *name)
{
    char text[16];
    tl_call_result *r = &c->result[k];
    snprintf(text, sizeof text, "B%d", k + 1);
    r->name = tl_intern(name ? name : band && band->name ? band->name : text);
    r->key = band && band->name ? tl_intern(band->name) : NULL;
    r->type = band ? tl_ir_type(ir, band->value) : TL_F;
    r->lo = INT64_MIN;
    r->hi = INT64_MAX;
    if (band)
        tl_call_note_range(ir, band->value, r);
}

void tl_call_note_range(const tl_ir *ir, tl_val v, tl_call_result *r)
{
    tl_num x;
    int bits = ir->node[v].bits; /* of the magnitude */
    if (r->type != TL_I)
        return;
    if (tl_ir_is_const(ir, v, &x)) {
        r->lo = r->hi = x.i;
    } else if (bits < 63) {
        r->hi = (int64_t)1 << bits;
        r->lo = -r->hi;
    }
}

static int note_results(tl_call *c, const tl_call_spec *s, const tl_ir *ir, const tl_fn_result *r,
                        tl_err *e)
{
    int n = r ? r->n_bands : s->nbands ? s->nbands : 1;
    if (s->nbands && s->nbands != n)
        return tl_fail(e, TL_ESCRIPT, "the function returns %d bands, bands = {...} names %d", n,
                       s->nbands);
    c->counted = r != NULL;
    c->nresults = n;
    c->result = tl_xcalloc((size_t)n, sizeof *c->result);
    for (int k = 0; k < n; k++)
        note_result(c, k, ir, r ? &r->band[k] : NULL, s->nbands ? s->bands[k] : NULL);
    return 0;
}

/* Lowers the function over bands that are plain inputs: says what it returns, or why it cannot be.
 */
static int try_out(tl_call *c, const tl_call_spec *s, tl_err *e)
{
    tl_ir *ir = tl_ir_new();
    tl_fn_arg *params = trial_args(c, ir, c->param, tl_fn_n_params(c->fn));
    tl_fn_arg *frees = trial_args(c, ir, c->free, tl_fn_n_free(c->fn));
    trial t = {.call = c};
    tl_fn_options o = {.any = c->any, .near = trial_near, .ctx = &t};
    tl_fn_result *r = NULL;
    tl_fn_fault fault = {0};
    int rc = tl_fn_lower(c->fn, ir, params, frees, &o, &r, &fault, e);
    c->compiled = !rc && s->compile != TL_COMPILE_NEVER;
    if (!c->compiled && (!rc || (fault.kind == TL_FN_SUBSET && s->compile != TL_COMPILE_REQUIRE))) {
        c->reason = tl_xstrdup(rc ? e->message : "compile = \"never\"");
        c->reason_where = tl_intern(rc ? e->where : "");
        if (rc)
            *e = (tl_err)TL_ERR_INIT;
        rc = interpreter
                 ? 0
                 : tl_fail(e, TL_ESCRIPT, "%s; and there is no interpreter here", c->reason);
    }
    if (!rc)
        rc = note_results(c, s, ir, r, e);
    tl_fn_result_free(r);
    free(t.near);
    free(params);
    free(frees);
    tl_ir_free(ir);
    return rc;
}

/* What the worker said takes the trial's place. */
static int take_foreign(tl_call *c, const tl_call_spec *s, tl_err *e)
{
    tl_foreign *f = s->foreign;
    int same = f->nargs == s->nargs;
    tl_type *types = tl_xcalloc((size_t)s->nargs + 1, sizeof *types);
    for (int i = 0; i < s->nargs; i++) {
        types[i] = s->arg[i]->type;
        same = same && types[i] == f->type[i];
    }
    int rc = same ? 0 : f->owner->again(f->ctx, types, s->nargs, &c->foreign, e);
    free(types);
    if (rc)
        return rc;
    if (same)
        c->foreign = tl_foreign_ref(f);
    f = c->foreign;
    c->compiled = f->compiled;
    c->counted = f->counted;
    c->reason = f->compiled ? NULL : tl_xstrdup(f->reason);
    c->reason_where = f->reason_where;
    if (s->nbands && s->nbands != f->nresults)
        return tl_fail(e, TL_ESCRIPT, "the function returns %d bands, bands = {...} names %d",
                       f->nresults, s->nbands);
    c->nresults = f->nresults;
    c->result = tl_xcalloc((size_t)c->nresults, sizeof *c->result);
    for (int k = 0; k < c->nresults; k++) {
        c->result[k] = f->result[k];
        if (s->nbands)
            c->result[k].name = s->bands[k];
    }
    return 0;
}

static int check_depth(const tl_call *c, tl_err *e)
{
    for (int i = 0; i < c->nargs; i++)
        if (c->arg[i]->depth >= TL_MOST_DEPTH)
            return tl_fail(e, TL_ESCRIPT, "a chain of more than %d operations", TL_MOST_DEPTH);
    return 0;
}

int tl_call_new(const tl_call_spec *s, tl_call **out, tl_err *e)
{
    tl_call *c = tl_xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    c->fn = tl_fn_ref(s->fn);
    c->param = copy_bound(s->param, tl_fn_n_params(s->fn));
    c->free = copy_bound(s->free, tl_fn_n_free(s->fn));
    c->arg = tl_xcalloc((size_t)s->nargs, sizeof *c->arg);
    for (; c->nargs < s->nargs; c->nargs++)
        c->arg[c->nargs] = tl_node_ref(s->arg[c->nargs]);
    c->any = s->any;
    c->fail = s->fail;
    c->compile = s->compile;
    c->where = s->where ? s->where : "";
    c->reason_where = "";
    int rc = check_depth(c, e);
    if (!rc)
        rc = s->foreign ? take_foreign(c, s, e) : try_out(c, s, e);
    if (rc) {
        tl_call_unref(c);
        return tl_err_where(e, s->where);
    }
    *out = c;
    return 0;
}

int tl_call_rebind(const tl_call *c, tl_node *const *args, tl_call **out, tl_err *e)
{
    const char **names = tl_xcalloc((size_t)c->nresults, sizeof *names);
    for (int k = 0; k < c->nresults; k++)
        names[k] = c->result[k].name;
    tl_call_spec s = {c->fn,   c->param,   c->free, args,        c->nargs, c->any,
                      c->fail, c->compile, names,   c->nresults, c->where, c->foreign};
    int rc = tl_call_new(&s, out, e);
    free(names);
    return rc;
}
