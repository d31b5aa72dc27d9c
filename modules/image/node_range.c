/* The range of a node's values: interval arithmetic, "anything" on overflow. See node_int.h.
 * SPDX-License-Identifier: MIT */
#include "modules/image/node_int.h"

#include <float.h>
#include <math.h>

static void irange(tl_node *n, int64_t lo, int64_t hi)
{
    n->lo = lo;
    n->hi = hi;
}

static void hull4(tl_node *n, const tl_node *a, const tl_node *b,
                  int (*op)(int64_t, int64_t, int64_t *))
{
    int64_t x[4];
    if (op(a->lo, b->lo, &x[0]) || op(a->lo, b->hi, &x[1]) || op(a->hi, b->lo, &x[2]) ||
        op(a->hi, b->hi, &x[3]))
        return; /* may wrap: anything */
    n->lo = n->hi = x[0];
    for (int i = 1; i < 4; i++) {
        n->lo = x[i] < n->lo ? x[i] : n->lo;
        n->hi = x[i] > n->hi ? x[i] : n->hi;
    }
}

static int add64(int64_t a, int64_t b, int64_t *r)
{
    return __builtin_add_overflow(a, b, r);
}
static int sub64(int64_t a, int64_t b, int64_t *r)
{
    return __builtin_sub_overflow(a, b, r);
}
static int mul64(int64_t a, int64_t b, int64_t *r)
{
    return __builtin_mul_overflow(a, b, r);
}
static int floor64(int64_t a, int64_t b, int64_t *r) /* b > 0 */
{
    *r = a / b - (a % b < 0);
    return 0;
}

static void union_range(tl_node *n, const tl_node *a, const tl_node *b)
{
    irange(n, a->lo < b->lo ? a->lo : b->lo, a->hi > b->hi ? a->hi : b->hi);
}

static void integer_range(tl_node *n, tl_node *const *a)
{
    switch (n->op) {
    case TL_G_add:
        hull4(n, a[0], a[1], add64);
        break;
    case TL_G_sub:
        hull4(n, a[0], a[1], sub64);
        break;
    case TL_G_mul:
        hull4(n, a[0], a[1], mul64);
        break;
    case TL_G_neg:
        if (a[0]->lo != INT64_MIN)
            irange(n, -a[0]->hi, -a[0]->lo);
        break;
    case TL_G_abs:
        if (a[0]->lo != INT64_MIN) {
            int64_t m = -a[0]->lo > a[0]->hi ? -a[0]->lo : a[0]->hi;
            irange(n, a[0]->lo > 0 ? a[0]->lo : a[0]->hi < 0 ? -a[0]->hi : 0, m);
        }
        break;
    case TL_G_mod:
        if (a[1]->lo > 0)
            irange(n, 0, a[1]->hi - 1);
        break;
    case TL_G_idiv:
        if (a[1]->lo > 0)
            hull4(n, a[0], a[1], floor64);
        break;
    case TL_G_and:
        if (a[0]->lo >= 0 && a[1]->lo >= 0)
            irange(n, 0, a[0]->hi < a[1]->hi ? a[0]->hi : a[1]->hi);
        break;
    case TL_G_shr:
        if (a[0]->lo >= 0 && a[1]->lo >= 0)
            irange(n, 0, a[0]->hi);
        break;
    case TL_G_min:
        irange(n, a[0]->lo < a[1]->lo ? a[0]->lo : a[1]->lo,
               a[0]->hi < a[1]->hi ? a[0]->hi : a[1]->hi);
        break;
    case TL_G_max:
        irange(n, a[0]->lo > a[1]->lo ? a[0]->lo : a[1]->lo,
               a[0]->hi > a[1]->hi ? a[0]->hi : a[1]->hi);
        break;
    case TL_G_floor:
    case TL_G_ceil:
    case TL_G_round:
    case TL_G_keep:
        irange(n, a[0]->lo, a[0]->hi);
        break;
    case TL_G_where:
        union_range(n, a[1], a[2]);
        break;
    case TL_G_replace:
        union_range(n, a[0], a[2]);
        break;
    case TL_G_unmask:
        union_range(n, a[0], a[1]);
        break;
    default:
        break;
    }
}

static double low(const tl_node *n)
{
    return n->type == TL_F ? n->flo : (double)n->lo;
}

static double high(const tl_node *n)
{
    return n->type == TL_F ? n->fhi : (double)n->hi;
}

/* Rounding may pass an exact bound by an ulp: widen by a relative 1e-12, which keeps "finite". */
static void frange(tl_node *n, double lo, double hi)
{
    if (isnan(lo) || isnan(hi))
        return;
    n->flo = lo - fabs(lo) * 1e-12;
    n->fhi = hi + fabs(hi) * 1e-12;
}

static void product_range(tl_node *n, tl_node *const *a)
{
    double x[4] = {low(a[0]) * low(a[1]), low(a[0]) * high(a[1]), high(a[0]) * low(a[1]),
                   high(a[0]) * high(a[1])};
    double lo = x[0], hi = x[0];
    for (int i = 0; i < 4; i++) {
        if (isnan(x[i]))
            return;
        lo = x[i] < lo ? x[i] : lo;
        hi = x[i] > hi ? x[i] : hi;
    }
    frange(n, lo, hi);
}

static void float_range(tl_node *n, tl_node *const *a)
{
    switch (n->op) {
    case TL_G_add:
        frange(n, low(a[0]) + low(a[1]), high(a[0]) + high(a[1]));
        break;
    case TL_G_sub:
        frange(n, low(a[0]) - high(a[1]), high(a[0]) - low(a[1]));
        break;
    case TL_G_mul:
        product_range(n, a);
        break;
    case TL_G_neg:
        frange(n, -high(a[0]), -low(a[0]));
        break;
    case TL_G_abs:
        frange(n, 0, fmax(fabs(low(a[0])), fabs(high(a[0]))));
        break;
    case TL_G_min:
        frange(n, fmin(low(a[0]), low(a[1])), fmin(high(a[0]), high(a[1])));
        break;
    case TL_G_max:
        frange(n, fmax(low(a[0]), low(a[1])), fmax(high(a[0]), high(a[1])));
        break;
    case TL_G_floor:
    case TL_G_ceil:
    case TL_G_round:
        frange(n, floor(low(a[0])), ceil(high(a[0])));
        break;
    case TL_G_keep:
        n->flo = a[0]->flo;
        n->fhi = a[0]->fhi;
        n->f32 = a[0]->f32;
        break;
    case TL_G_where:
        frange(n, fmin(low(a[1]), low(a[2])), fmax(high(a[1]), high(a[2])));
        break;
    case TL_G_replace:
        frange(n, fmin(low(a[0]), low(a[2])), fmax(high(a[0]), high(a[2])));
        break;
    case TL_G_unmask:
        frange(n, fmin(low(a[0]), low(a[1])), fmax(high(a[0]), high(a[1])));
        break;
    case TL_G_sin: /* of infinity: NaN */
    case TL_G_cos:
        if (isfinite(low(a[0])) && isfinite(high(a[0])))
            frange(n, -1, 1);
        break;
    case TL_G_atan:
    case TL_G_atan2:
        frange(n, -4, 4);
        break;
    case TL_G_asin:
    case TL_G_acos:
        if (low(a[0]) >= -1 && high(a[0]) <= 1)
            frange(n, -4, 4);
        break;
    default:
        break;
    }
}

void tl__node_range(tl_node *n, tl_node *const *a)
{
    if (n->type == TL_I)
        integer_range(n, a);
    else if (n->type == TL_F)
        float_range(n, a);
}

void tl__node_astype_range(tl_node *n, const tl_node *a)
{
    if (n->type == TL_I) {
        n->lo = tl_dtype_min(n->dtype);
        n->hi = tl_dtype_max(n->dtype);
        if (a->type != TL_F) { /* what is out of range becomes invalid or the limit */
            n->lo = a->lo > n->lo && a->lo <= n->hi ? a->lo : n->lo;
            n->hi = a->hi < n->hi && a->hi >= n->lo ? a->hi : n->hi;
        }
    } else {
        int keeps = !n->saturate && !(isfinite(low(a)) && isfinite(high(a))); /* an infinity */
        double most = n->dtype == TL_F32 && !keeps ? (double)FLT_MAX : INFINITY;
        n->f32 = n->dtype == TL_F32;
        n->flo = fmax(low(a) - fabs(low(a)) * 1e-6, -most);
        n->fhi = fmin(high(a) + fabs(high(a)) * 1e-6, most);
    }
}

void tl__node_table_range(tl_node *n)
{
    const tl_table *t = n->table;
    int first = 1;
    for (int i = 0; i < t->n; i++) {
        if (!t->valid[i])
            continue;
        if (t->type == TL_I) {
            n->lo = first || t->entry[i].i < n->lo ? t->entry[i].i : n->lo;
            n->hi = first || t->entry[i].i > n->hi ? t->entry[i].i : n->hi;
        } else {
            n->flo = first ? t->entry[i].f : fmin(n->flo, t->entry[i].f);
            n->fhi = first ? t->entry[i].f : fmax(n->fhi, t->entry[i].f);
        }
        first = 0;
    }
}
