/* Graph nodes: construction and types. See node.h. SPDX-License-Identifier: MIT */
#include "modules/image/node_int.h"
#include "modules/image/call.h"
#include "modules/image/lower.h"
#include "runtime/mem.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int arity;
} gops[TL_GOPS] = {
#define GOP(name, arity, ...) {#name, arity},
#include "modules/image/gops.def"
#undef GOP
};

const char *tl_gop_name(tl_gop op)
{
    return gops[op].name;
}

int tl_gop_arity(tl_gop op)
{
    return gops[op].arity;
}

int tl_gop_from_name(const char *name, tl_gop *out)
{
    for (int i = 0; i < TL_GOPS; i++)
        if (strcmp(gops[i].name, name) == 0) {
            *out = (tl_gop)i;
            return 0;
        }
    return -1;
}

const char *tl_type_name(tl_type t)
{
    static const char *const name[] = {"boolean", "integer", "float"};
    return name[t];
}

tl_node *tl_node_ref(tl_node *n)
{
    atomic_fetch_add(&n->refs, 1);
    return n;
}

static void free_table(tl_table *t)
{
    if (!t)
        return;
    free(t->entry);
    free(t->valid);
    free(t);
}

void tl_node_unref(tl_node *n)
{
    if (!n || atomic_fetch_sub(&n->refs, 1) != 1)
        return;
    for (int i = 0; i < n->nargs && !n->call; i++)
        tl_node_unref(n->arg[i]);
    tl_call_unref(n->call); /* and with it the bands it was applied to */
    tl_source_unref(n->source);
    free_table(n->table);
    free(n);
    tl_live(TL_LIVE_NODE, -1);
}

static tl_node *new_node(tl_kind kind, tl_type type, const char *where)
{
    tl_node *n = tl_xcalloc(1, sizeof *n);
    atomic_init(&n->refs, 1);
    n->kind = kind;
    n->type = type;
    n->where = where ? where : "";
    n->arg = n->few;
    n->lo = type == TL_B ? 0 : INT64_MIN;
    n->hi = type == TL_B ? 1 : INT64_MAX;
    n->flo = -INFINITY;
    n->fhi = INFINITY;
    tl_live(TL_LIVE_NODE, 1);
    return n;
}

tl_node *tl_call_node(tl_call *c, int k)
{
    tl_node *n = new_node(TL_NODE_RESULT, c->result[k].type, c->where);
    n->call = tl_call_ref(c);
    n->result = k;
    n->arg = c->arg;
    n->nargs = c->nargs;
    if (n->type == TL_I) {
        n->lo = c->result[k].lo;
        n->hi = c->result[k].hi;
    }
    for (int i = 0; i < c->nargs; i++)
        n->depth = c->arg[i]->depth >= n->depth ? c->arg[i]->depth + 1 : n->depth;
    return n;
}

tl_node *tl_node_const(tl_type t, tl_num x, const char *where)
{
    tl_node *n = new_node(TL_NODE_CONST, t, where);
    n->value = x;
    if (t == TL_F) {
        n->flo = isnan(x.f) ? -INFINITY : x.f;
        n->fhi = isnan(x.f) ? INFINITY : x.f;
        n->f32 = (double)(float)x.f == x.f;
    } else {
        n->lo = n->hi = x.i;
    }
    return n;
}

tl_node *tl_node_band(tl_source *s, int band, tl_method m, const char *where)
{
    tl_dtype t = s->bands[band].dtype;
    tl_node *n = new_node(TL_NODE_BAND, tl_dtype_is_float(t) ? TL_F : TL_I, where);
    n->source = tl_source_ref(s);
    n->band = band;
    n->method = m;
    n->f32 = t == TL_F32;
    if (n->type == TL_I) {
        const tl_band *b = &s->bands[band];
        n->lo = b->has_range ? b->lo : tl_dtype_min(t);
        n->hi = b->has_range ? b->hi : tl_dtype_max(t);
    }
    return n;
}

/* --- types ---------------------------------------------------------------------------------- */

static tl_type number(tl_type t)
{
    return t == TL_B ? TL_I : t;
}

static tl_type joined(tl_type a, tl_type b)
{
    return number(a) == TL_F || number(b) == TL_F ? TL_F : TL_I;
}

static int logic_type(tl_gop op, tl_node *const *a, tl_type *out, tl_err *e)
{
    const char *sign = op == TL_G_and ? "&" : op == TL_G_or ? "|" : op == TL_G_xor ? "xor" : "~";
    for (int i = 0; i < gops[op].arity; i++)
        if (a[i]->type == TL_F)
            return tl_fail(e, TL_ESCRIPT,
                           "'%s' on a float image; compare it first: img:ne(0), img:gt(x)", sign);
    if (gops[op].arity == 2 && a[0]->type != a[1]->type)
        return tl_fail(e, TL_ESCRIPT,
                       "'%s' on a boolean and an integer image; make the integer one boolean with "
                       "img:ne(0)",
                       sign);
    *out = a[0]->type;
    return 0;
}

static int choose_type(tl_gop op, tl_node *const *a, tl_type *out, tl_err *e)
{
    switch (op) {
    case TL_G_add:
    case TL_G_sub:
    case TL_G_mul:
    case TL_G_idiv:
    case TL_G_mod:
    case TL_G_min:
    case TL_G_max:
        *out = joined(a[0]->type, a[1]->type);
        return 0;
    case TL_G_neg:
    case TL_G_abs:
    case TL_G_floor:
    case TL_G_ceil:
    case TL_G_round:
        *out = number(a[0]->type);
        return 0;
    case TL_G_and:
    case TL_G_or:
    case TL_G_xor:
    case TL_G_not:
        return logic_type(op, a, out, e);
    case TL_G_shl:
    case TL_G_shr:
        if (a[0]->type == TL_F || a[1]->type == TL_F)
            return tl_fail(e, TL_ESCRIPT, "a shift of a float image; use img:astype(\"int32\")");
        *out = TL_I;
        return 0;
    case TL_G_lt:
    case TL_G_le:
    case TL_G_gt:
    case TL_G_ge:
    case TL_G_eq:
    case TL_G_isvalid:
        *out = TL_B;
        return 0;
    case TL_G_where:
        if (a[0]->type != TL_B)
            return tl_fail(e, TL_ESCRIPT, "a condition must be boolean; compare it: img:ne(0)");
        *out = a[1]->type == a[2]->type ? a[1]->type : joined(a[1]->type, a[2]->type);
        return 0;
    case TL_G_replace:
        if (a[1]->type != TL_B)
            return tl_fail(e, TL_ESCRIPT, "a condition must be boolean; compare it: img:ne(0)");
        *out = a[0]->type == a[2]->type ? a[0]->type : joined(a[0]->type, a[2]->type);
        return 0;
    case TL_G_keep:
        if (a[1]->type != TL_B)
            return tl_fail(e, TL_ESCRIPT, "a condition must be boolean; compare it: img:ne(0)");
        *out = a[0]->type;
        return 0;
    case TL_G_unmask:
        *out = a[0]->type == a[1]->type ? a[0]->type : joined(a[0]->type, a[1]->type);
        return 0;
    default: /* division, power and the functions of math */
        *out = TL_F;
        return 0;
    }
}

/* --- construction ---------------------------------------------------------------------------- */

static int set_args(tl_node *n, tl_node *const *args, int nargs, tl_err *e)
{
    for (int i = 0; i < nargs; i++) {
        n->arg[n->nargs++] = tl_node_ref(args[i]);
        if (args[i]->depth + 1 > n->depth)
            n->depth = args[i]->depth + 1;
    }
    if (n->depth > TL_MOST_DEPTH)
        return tl_fail(e, TL_ESCRIPT, "a chain of more than %d steps; is it built in a loop?",
                       TL_MOST_DEPTH);
    return 0;
}

/* Hands the finished node over, as a constant when its arguments are. */
static int finish(tl_node *n, tl_node **out)
{
    int constant = 1;
    for (int i = 0; i < n->nargs; i++)
        constant &= n->arg[i]->kind == TL_NODE_CONST;
    tl_num x;
    if (constant && tl_fold(n, &x)) {
        *out = tl_node_const(n->type, x, n->where);
        tl_node_unref(n);
    } else {
        *out = n;
    }
    return 0;
}

int tl_node_op(tl_gop op, tl_node *const *args, const char *where, tl_node **out, tl_err *e)
{
    tl_type type = TL_F;
    int rc = choose_type(op, args, &type, e);
    if (rc) {
        tl_err_where(e, where);
        return rc;
    }
    tl_node *n = new_node(TL_NODE_OP, type, where);
    n->op = op;
    rc = set_args(n, args, gops[op].arity, e);
    if (rc) {
        tl_err_where(e, where);
        tl_node_unref(n);
        return rc;
    }
    tl__node_range(n, args);
    return finish(n, out);
}

int tl_node_astype(tl_node *a, tl_dtype t, int saturate, const char *where, tl_node **out,
                   tl_err *e)
{
    tl_node *n = new_node(TL_NODE_OP, tl_dtype_is_float(t) ? TL_F : TL_I, where);
    n->op = TL_G_astype;
    n->dtype = t;
    n->saturate = saturate;
    int rc = set_args(n, &a, 1, e);
    if (rc) {
        tl_node_unref(n);
        return tl_err_where(e, where);
    }
    tl__node_astype_range(n, a);
    return finish(n, out);
}

static tl_table *copy_table(tl_type t, const tl_num *entry, const uint8_t *valid, int n)
{
    tl_table *tab = tl_xcalloc(1, sizeof *tab);
    tab->type = t;
    tab->n = n;
    tab->entry = tl_xcalloc((size_t)n, sizeof *entry);
    tab->valid = tl_xcalloc((size_t)n, 1);
    for (int i = 0; i < n; i++)
        if (valid[i]) {
            tab->entry[i] = entry[i];
            tab->valid[i] = 1;
        }
    return tab;
}

int tl_node_lookup(tl_node *a, tl_type t, const tl_num *entry, const uint8_t *valid, int n,
                   const char *where, tl_node **out, tl_err *e)
{
    if (a->type != TL_I) {
        tl_fail(e, TL_ESCRIPT,
                "lookup needs an integer image, this is %s; use img:astype(\"int32\")",
                tl_type_name(a->type));
        return tl_err_where(e, where);
    }
    if (n < 1 || n > 65536) {
        tl_fail(e, TL_ESCRIPT, "a lookup table of %d entries; 1 to 65536 can be used", n);
        return tl_err_where(e, where);
    }
    tl_node *node = new_node(TL_NODE_OP, t, where);
    node->op = TL_G_lookup;
    node->table = copy_table(t, entry, valid, n);
    int rc = set_args(node, &a, 1, e);
    if (rc) {
        tl_node_unref(node);
        return tl_err_where(e, where);
    }
    tl__node_table_range(node);
    *out = node;
    return 0;
}

int tl_node_near(tl_node *a, int dx, int dy, const char *where, tl_node **out, tl_err *e)
{
    if (dx < -TL_MOST_OFFSET || dx > TL_MOST_OFFSET || dy < -TL_MOST_OFFSET ||
        dy > TL_MOST_OFFSET) {
        tl_fail(e, TL_ESCRIPT, "near(%d, %d): at most %d cells away", dx, dy, TL_MOST_OFFSET);
        return tl_err_where(e, where);
    }
    if (a->kind == TL_NODE_CONST || (dx == 0 && dy == 0)) {
        *out = tl_node_ref(a);
        return 0;
    }
    tl_node *n = new_node(TL_NODE_OP, a->type, where);
    n->op = TL_G_near;
    n->dx = dx;
    n->dy = dy;
    int rc = set_args(n, &a, 1, e);
    if (rc) {
        tl_node_unref(n);
        return tl_err_where(e, where);
    }
    n->lo = a->lo;
    n->hi = a->hi;
    n->flo = a->flo;
    n->fhi = a->fhi;
    n->f32 = a->f32;
    *out = n;
    return 0;
}
