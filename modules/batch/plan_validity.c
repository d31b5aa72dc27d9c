/* Whether the bands of a product are valid at the same cells. SPDX-License-Identifier: MIT
 *
 * A GeoTIFF has one mask for all bands. It says the truth when what makes a cell invalid is the
 * same for every band: the same sources' masks, and the same steps that may invalidate by
 * themselves. */
#include "modules/batch/plan_int.h"
#include "modules/image/order.h"
#include "runtime/mem.h"

#include <stdlib.h>

typedef struct {
    const void *what; /* a uri's text, or a node */
    int part;         /* method; + the band where each has its own nodata */
} reason;

static int compare(const void *a, const void *b)
{
    const reason *x = a, *y = b;
    if (x->what != y->what)
        return (uintptr_t)x->what < (uintptr_t)y->what ? -1 : 1;
    return (x->part > y->part) - (x->part < y->part);
}

/* Steps whose result is valid wherever their operands are. */
static int adds_nothing(const tl_node *n)
{
    switch (n->op) {
    case TL_G_add:
    case TL_G_sub:
    case TL_G_mul:
    case TL_G_neg:
    case TL_G_abs:
    case TL_G_min:
    case TL_G_max:
        return n->type == TL_I;
    case TL_G_lt:
    case TL_G_le:
    case TL_G_gt:
    case TL_G_ge:
    case TL_G_eq:
    case TL_G_not:
    case TL_G_xor:
    case TL_G_shl:
    case TL_G_shr:
        return 1;
    case TL_G_and:
    case TL_G_or:
        return n->type == TL_I;
    default:
        return 0;
    }
}

static int add_reason(const tl_node *n, reason *r)
{
    if (n->kind == TL_NODE_CONST || (n->kind == TL_NODE_OP && adds_nothing(n)))
        return 0;
    if (n->kind == TL_NODE_BAND) {
        const tl_band *b = &n->source->bands[n->band];
        int own = b->has_nodata || b->own_validity || tl_dtype_is_float(b->dtype);
        *r = (reason){tl_intern(n->source->uri),
                      (int)n->method + TL_METHODS * (own ? n->band + 1 : 0)};
    } else {
        *r = (reason){n, 0};
    }
    return 1;
}

/* The different reasons below one band, sorted. Returns how many. */
static int reasons_of(tl_node *band, reason **out)
{
    tl_order o;
    int n = 0, k = 0;
    tl_order_make(&o, &band, 1);
    reason *r = tl_xcalloc((size_t)o.n, sizeof *r);
    for (int i = 0; i < o.n; i++)
        n += add_reason(o.node[i], &r[n]);
    tl_order_free(&o);
    qsort(r, (size_t)n, sizeof *r, compare);
    for (int i = 0; i < n; i++)
        if (i == 0 || compare(&r[i], &r[i - 1]) != 0)
            r[k++] = r[i];
    *out = r;
    return k;
}

int tl__plan_same_validity(const tl_plan_output *o)
{
    reason *first, *r;
    int n = reasons_of(o->node[0], &first), same = 1;
    for (int b = 1; b < o->nbands && same; b++) {
        int k = reasons_of(o->node[b], &r);
        same = k == n;
        for (int i = 0; i < n && same; i++)
            same = compare(&first[i], &r[i]) == 0;
        free(r);
    }
    free(first);
    return same;
}
