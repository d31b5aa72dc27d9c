/* Graphs into pixel programs: which node is lowered when, and at which offset. See lower.h.
 * SPDX-License-Identifier: MIT */
#include "modules/image/lower.h"
#include "modules/image/foreign.h"
#include "modules/image/order.h"
#include "runtime/mem.h"

#include <stdlib.h>

/* Beyond this a shifted chain would be lowered by too deep a recursion. */
#define MOST_SHIFTED_DEPTH 500

/* What is lowered beside the pixel itself. */
typedef struct {
    const tl_node *node; /* NULL = free slot */
    int dx, dy;
    tl_lowered v;
} shifted;

typedef struct {
    const tl_call *call;
    int dx, dy;
    tl_fn_result *r;
} lowered_call;

typedef struct {
    tl_ir *ir;
    const tl_lower_hooks *hooks;
    tl_err *e;
    tl_order order;
    tl_lowered *done; /* at the pixel itself, by place */
    shifted *map;
    size_t cap, used;
    lowered_call *call;
    int ncalls;
} lowering;

static int lower_at(lowering *l, const tl_node *n, int dx, int dy, tl_lowered *out);

/* --- the map of shifted nodes
 * --------------------------------------------------------------------- */

static size_t place_in(const lowering *l, const tl_node *n, int dx, int dy)
{
    uint64_t h = (uint64_t)(uintptr_t)n * 0x9e3779b97f4a7c15u;
    h ^= ((uint64_t)(uint32_t)dx << 32 | (uint32_t)dy) * 0xbf58476d1ce4e5b9u;
    size_t i = (size_t)(h >> 17) & (l->cap - 1);
    while (l->map[i].node && (l->map[i].node != n || l->map[i].dx != dx || l->map[i].dy != dy))
        i = (i + 1) & (l->cap - 1);
    return i;
}

static void grow_map(lowering *l)
{
    lowering old = *l;
    l->cap = old.cap ? old.cap * 2 : 256;
    l->map = tl_xcalloc(l->cap, sizeof *l->map);
    for (size_t i = 0; i < old.cap; i++)
        if (old.map[i].node)
            l->map[place_in(l, old.map[i].node, old.map[i].dx, old.map[i].dy)] = old.map[i];
    free(old.map);
}

static void remember(lowering *l, const tl_node *n, int dx, int dy, tl_lowered v)
{
    if ((l->used + 1) * 2 > l->cap)
        grow_map(l);
    l->used++;
    l->map[place_in(l, n, dx, dy)] = (shifted){n, dx, dy, v};
}

/* --- calls
 * ------------------------------------------------------------------------------------------ */

typedef struct {
    lowering *l;
    const tl_call *call;
    int dx, dy;
} near_ctx;

static int near_band(void *ctx, tl_ir *ir, int arg, int dx, int dy, tl_val *value, tl_val *valid,
                     tl_err *e)
{
    near_ctx *c = ctx;
    tl_lowered v;
    (void)ir, (void)e;
    int rc =
        lower_at(c->l, c->call->arg[tl_call_bound(c->call, arg)->arg], c->dx + dx, c->dy + dy, &v);
    *value = v.value;
    *valid = v.valid;
    return rc;
}

static int bind(lowering *l, const tl_call *c, const tl_bound *b, int n, int dx, int dy,
                tl_fn_arg *a)
{
    int rc = 0;
    for (int i = 0; i < n && !rc; i++) {
        tl_lowered v = {TL_NONE, TL_NONE};
        if (!b[i].value)
            rc = lower_at(l, c->arg[b[i].arg], dx, dy, &v);
        a[i] = (tl_fn_arg){b[i].value, v.value, v.valid};
    }
    return rc;
}

/* 1 + the number of the first site that raises on the pixel, 0 for none. */
static void report_traps(lowering *l, const tl_node *n, const tl_fn_result *r)
{
    tl_val code = tl_ir_const(l->ir, TL_I, (tl_num){.i = 0});
    for (int k = r->n_sites - 1; k >= 0; k--)
        code = tl_ir_op(l->ir, TL_OP_i_select, r->site[k].mask,
                        tl_ir_const(l->ir, TL_I, (tl_num){.i = k < 254 ? k + 1 : 255}), code);
    tl_num never;
    if (!tl_ir_is_const(l->ir, code, &never))
        l->hooks->trap(l->hooks->ctx, l->ir, n, r, code);
}

/* A stranger's program says which bands it wants. */
static int foreign_band(void *ctx, tl_ir *ir, int band, int dx, int dy, tl_val *value,
                        tl_val *valid, tl_err *e)
{
    near_ctx *c = ctx;
    tl_lowered v = {TL_NONE, TL_NONE};
    (void)ir, (void)e;
    int rc = lower_at(c->l, c->call->arg[band], c->dx + dx, c->dy + dy, &v);
    *value = v.value;
    *valid = v.valid;
    return rc;
}

static int lower_function(lowering *l, const tl_call *c, int dx, int dy, tl_fn_result **out)
{
    int np = tl_fn_n_params(c->fn), nf = tl_fn_n_free(c->fn);
    near_ctx ctx = {l, c, dx, dy};
    if (c->foreign)
        return tl_foreign_lower(c->foreign, l->ir, foreign_band, &ctx, out, l->e);
    tl_fn_arg *a = tl_xcalloc((size_t)(np + nf), sizeof *a);
    tl_fn_options o = {.any = c->any, .near = near_band, .ctx = &ctx};
    int rc = bind(l, c, c->param, np, dx, dy, a);
    if (!rc)
        rc = bind(l, c, c->free, nf, dx, dy, a + np);
    if (!rc)
        rc = tl_fn_lower(c->fn, l->ir, a, a + np, &o, out, NULL, l->e);
    free(a);
    return rc;
}

static int lower_call(lowering *l, const tl_node *n, int dx, int dy, tl_fn_result **out)
{
    const tl_call *c = n->call;
    for (int i = 0; i < l->ncalls; i++)
        if (l->call[i].call == c && l->call[i].dx == dx && l->call[i].dy == dy) {
            *out = l->call[i].r;
            return 0;
        }
    int rc = lower_function(l, c, dx, dy, out);
    if (rc)
        return rc;
    l->call = tl_xrealloc(l->call, (size_t)(l->ncalls + 1) * sizeof *l->call);
    l->call[l->ncalls++] = (lowered_call){c, dx, dy, *out};
    if (dx == 0 && dy == 0 && l->hooks->trap)
        report_traps(l, n, *out);
    return 0;
}

static int lower_result(lowering *l, const tl_node *n, int dx, int dy, tl_lowered *out)
{
    tl_fn_result *r = NULL;
    if (!n->call->compiled) {
        if (dx || dy)
            return tl_fail(l->e, TL_ESCRIPT,
                           "near cannot look at the result of an interpreted function (%s)",
                           n->call->reason);
        return l->hooks->result(l->hooks->ctx, l->ir, n, out, l->e);
    }
    int rc = lower_call(l, n, dx, dy, &r);
    if (!rc)
        *out = (tl_lowered){r->band[n->result].value, r->band[n->result].valid};
    return rc;
}

/* --- nodes
 * ------------------------------------------------------------------------------------------ */

/* n with its arguments at the same offset. */
static int lower_node(lowering *l, const tl_node *n, int dx, int dy, tl_lowered *out)
{
    tl_lowered args[3] = {{0, 0}};
    int rc = 0;
    switch (n->kind) {
    case TL_NODE_BAND:
        rc = l->hooks->band(l->hooks->ctx, l->ir, n, dx, dy, out, l->e);
        break;
    case TL_NODE_CONST:
        *out = tl__lower_const(l->ir, n);
        break;
    case TL_NODE_RESULT:
        rc = lower_result(l, n, dx, dy, out);
        break;
    default:
        if (n->op == TL_G_near)
            return lower_at(l, n->arg[0], dx + n->dx, dy + n->dy, out);
        for (int k = 0; k < n->nargs && !rc; k++)
            rc = lower_at(l, n->arg[k], dx, dy, &args[k]);
        if (!rc)
            *out = tl__lower_op(l->ir, n, args);
    }
    if (rc)
        tl_err_where(l->e, n->where);
    return rc;
}

static int lower_at(lowering *l, const tl_node *n, int dx, int dy, tl_lowered *out)
{
    if (dx == 0 && dy == 0) {
        *out = l->done[tl_order_place(&l->order, n)];
        return 0;
    }
    if (n->depth > MOST_SHIFTED_DEPTH)
        return tl_fail(l->e, TL_ESCRIPT, "near over a chain of more than %d steps",
                       MOST_SHIFTED_DEPTH);
    if (l->cap) {
        const shifted *s = &l->map[place_in(l, n, dx, dy)];
        if (s->node) {
            *out = s->v;
            return 0;
        }
    }
    int rc = lower_node(l, n, dx, dy, out);
    if (!rc)
        remember(l, n, dx, dy, *out);
    return rc;
}

/* What the roots need, not looking behind interpreted calls. */
static uint8_t *find_needed(const lowering *l, tl_node *const *roots, int n)
{
    uint8_t *needed = tl_xcalloc((size_t)l->order.n + 1, 1);
    for (int j = 0; j < n; j++)
        needed[tl_order_place(&l->order, roots[j])] = 1;
    for (int i = l->order.n - 1; i >= 0; i--) {
        const tl_node *node = l->order.node[i];
        if (!needed[i] || (node->kind == TL_NODE_RESULT && !node->call->compiled))
            continue;
        for (int k = 0; k < node->nargs; k++)
            needed[tl_order_place(&l->order, node->arg[k])] = 1;
    }
    return needed;
}

static int lower_all(lowering *l, tl_node *const *roots, const tl_dtype *dtypes, int n)
{
    uint8_t *needed = find_needed(l, roots, n);
    int rc = 0;
    for (int i = 0; i < l->order.n && !rc; i++)
        if (needed[i])
            rc = lower_node(l, l->order.node[i], 0, 0, &l->done[i]);
    for (int j = 0; j < n && !rc; j++)
        tl__lower_store(l->ir, roots[j], l->done[tl_order_place(&l->order, roots[j])], dtypes[j],
                        j);
    free(needed);
    return rc;
}

int tl_lower(tl_ir *ir, tl_node *const *roots, const tl_dtype *dtypes, int n,
             const tl_lower_hooks *hooks, tl_err *e)
{
    lowering l = {.ir = ir, .hooks = hooks, .e = e};
    int rc = 0;
    tl_order_make(&l.order, roots, n);
    l.done = tl_xcalloc((size_t)l.order.n + 1, sizeof *l.done);
    if (l.order.n > TL_MOST_VALUES)
        rc = tl_fail(e, TL_ESCRIPT, "a graph of %d steps; at most %d can be computed at once",
                     l.order.n, TL_MOST_VALUES);
    else
        rc = lower_all(&l, roots, dtypes, n);
    for (int i = 0; i < l.ncalls; i++)
        tl_fn_result_free(l.call[i].r);
    free(l.call);
    free(l.map);
    free(l.done);
    tl_order_free(&l.order);
    return rc;
}
