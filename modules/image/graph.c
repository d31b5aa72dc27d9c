/* Questions about whole graphs, and rewriting them. See node.h. SPDX-License-Identifier: MIT */
#include "modules/image/call.h"
#include "modules/image/order.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

/* A copy of n over other arguments. */
static tl_node *with_args(const tl_node *n, tl_node *const *args)
{
    tl_node *out = NULL;
    tl_err e = TL_ERR_INIT;
    int rc = 0;
    if (n->kind == TL_NODE_RESULT) {
        tl_call *call = NULL;
        if (tl_call_rebind(n->call, args, &call, &e))
            abort(); /* it was legal before */
        out = tl_call_node(call, n->result);
        tl_call_unref(call);
        return out;
    }
    if (n->op == TL_G_astype)
        rc = tl_node_astype(args[0], n->dtype, n->saturate, n->where, &out, &e);
    else if (n->op == TL_G_near)
        rc = tl_node_near(args[0], n->dx, n->dy, n->where, &out, &e);
    else if (n->op == TL_G_lookup)
        rc = tl_node_lookup(args[0], n->table->type, n->table->entry, n->table->valid, n->table->n,
                            n->where, &out, &e);
    else
        rc = tl_node_op(n->op, args, n->where, &out, &e);
    if (rc)
        abort(); /* it was legal before and its types are the same */
    return out;
}

/* The argument that only decides, of which no number is handed on; -1: none. */
static int condition_of(const tl_node *n)
{
    if (n->kind != TL_NODE_OP)
        return -1;
    return n->op == TL_G_where ? 0 : n->op == TL_G_keep || n->op == TL_G_replace ? 1 : -1;
}

int tl_node_is_classes(const tl_node *n)
{
    return n->kind == TL_NODE_BAND && n->source->bands[n->band].is_classes;
}

/* Whether classes are handed on, and not only looked at by a mask. */
static int mixes_classes(const tl_order *o, tl_method m, const char *where, tl_err *e)
{
    const tl_node *bad = NULL;
    uint8_t *passed = tl_xcalloc((size_t)o->n, 1);
    passed[o->n - 1] = 1;
    for (int i = o->n - 1; i >= 0; i--) {
        const tl_node *n = o->node[i];
        if (passed[i] && tl_node_is_classes(n))
            bad = n;
        for (int k = 0; k < n->nargs && passed[i]; k++)
            if (k != condition_of(n))
                passed[tl_order_place(o, n->arg[k])] = 1;
    }
    free(passed);
    if (!bad)
        return 0;
    tl_fail(e, TL_ESCRIPT, "band %s holds classes, which %s would mix; use nearest or mode",
            bad->source->bands[bad->band].name, tl_method_name(m));
    tl_err_source(e, bad->source->uri);
    return tl_err_where(e, where);
}

int tl_node_resample(tl_node *root, tl_method m, const char *where, tl_node **result, tl_err *e)
{
    tl_order o;
    int mixes = tl_method_mixes(m);
    tl_order_make(&o, &root, 1);
    if (mixes && mixes_classes(&o, m, where, e)) {
        tl_order_free(&o);
        return TL_ESCRIPT;
    }
    tl_node **copy = tl_xcalloc((size_t)o.n, sizeof *copy);
    for (int i = 0; i < o.n; i++) {
        tl_node *n = o.node[i], **args = tl_xcalloc((size_t)n->nargs, sizeof *args);
        int changed = 0;
        for (int k = 0; k < n->nargs; k++) {
            args[k] = copy[tl_order_place(&o, n->arg[k])];
            changed |= args[k] != n->arg[k];
        }
        if (n->kind == TL_NODE_BAND && n->method != m && !(mixes && tl_node_is_classes(n)))
            copy[i] = tl_node_band(n->source, n->band, m, n->where);
        else
            copy[i] = changed ? with_args(n, args) : tl_node_ref(n);
        free(args);
    }
    *result = tl_node_ref(copy[o.n - 1]);
    for (int i = 0; i < o.n; i++)
        tl_node_unref(copy[i]);
    free(copy);
    tl_order_free(&o);
    return 0;
}

const tl_node *tl_node_unmasked(const tl_node *n)
{
    while (n->kind == TL_NODE_OP && n->op == TL_G_keep)
        n = n->arg[0];
    return n;
}

tl_dtype tl_node_product_dtype(const tl_node *n)
{
    n = tl_node_unmasked(n);
    if (n->type == TL_B)
        return TL_U8;
    if (n->kind == TL_NODE_OP && n->op == TL_G_astype)
        return n->dtype;
    if (n->kind == TL_NODE_OP && n->op == TL_G_near) /* values are kept */
        return tl_node_product_dtype(n->arg[0]);
    if (n->kind == TL_NODE_BAND) {
        const tl_band *b = &n->source->bands[n->band];
        if (b->is_computed && b->dtype == TL_I64 && b->has_range) /* a sum */
            return tl_dtype_smallest(n->lo, n->hi);
        return b->is_computed && b->dtype == TL_F64 ? TL_F32 : b->dtype;
    }
    if (n->type == TL_F)
        return TL_F32;
    return tl_dtype_smallest(n->lo, n->hi);
}
