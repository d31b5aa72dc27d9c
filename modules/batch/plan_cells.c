/* Which cell type a product has, and how it marks invalid cells. SPDX-License-Identifier: MIT */
#include "modules/batch/plan_int.h"
#include "runtime/log.h"
#include "runtime/mem.h"

#include <math.h>
#include <string.h>

/* --- cell types ----------------------------------------------------------------------------------
 */

/* The smallest type that holds both exactly. */
static tl_dtype join_dtype(tl_dtype a, tl_dtype b)
{
    if (a == b)
        return a;
    if (tl_dtype_is_float(a) || tl_dtype_is_float(b)) {
        tl_dtype i = tl_dtype_is_float(a) ? b : a, f = tl_dtype_is_float(a) ? a : b;
        int fits = tl_dtype_is_float(i) || tl_dtype_size(i) <= 2; /* 24 bits of a float32 */
        return f == TL_F64 || i == TL_F64 || !fits ? TL_F64 : TL_F32;
    }
    int64_t lo = tl_dtype_min(a) < tl_dtype_min(b) ? tl_dtype_min(a) : tl_dtype_min(b);
    int64_t hi = tl_dtype_max(a) > tl_dtype_max(b) ? tl_dtype_max(a) : tl_dtype_max(b);
    return tl_dtype_smallest(lo, hi);
}

tl_dtype tl__plan_common_dtype(const tl_plan_output *o)
{
    tl_dtype t = tl_node_product_dtype(o->node[0]);
    for (int i = 1; i < tl__plan_nodes(o); i++)
        t = join_dtype(t, tl_node_product_dtype(o->node[i]));
    return t;
}

/* --- nodata --------------------------------------------------------------------------------------
 */

/* The band that passes through unchanged but for masks, or NULL. */
static const tl_band *passed_through(const tl_node *n)
{
    n = tl_node_unmasked(n);
    return n->kind == TL_NODE_BAND ? &n->source->bands[n->band] : NULL;
}

/* Whether a read yields numbers of the file only, and no mixtures. */
static int copies_values(const tl_node *n)
{
    while (n->kind == TL_NODE_OP)
        n = n->arg[0];
    return n->method == TL_NEAREST || n->method == TL_MODE;
}

static void set_nodata(tl_product *p, double x, int64_t i)
{
    p->has_nodata = 1;
    p->nodata = x;
    p->nodata_i = i;
}

/* The files' own nodata, when every band passes through and has the same: no valid cell holds it.
 */
static int inherit_nodata(tl_plan_output *o)
{
    const tl_band *first = passed_through(o->node[0]);
    for (int i = 0; i < tl__plan_nodes(o); i++) {
        const tl_band *b = passed_through(o->node[i]);
        if (!b || !b->has_nodata || b->dtype != o->product.dtype)
            return 0;
        if (!copies_values(o->node[i]))
            return 0; /* a mean of -1 and 1 may be the very number */
        if (b->nodata != first->nodata || b->nodata_i != first->nodata_i)
            return 0;
    }
    double x = first->nodata;
    if (tl_dtype_size(o->product.dtype) < 8 &&
        (x != floor(x) || x < (double)tl_dtype_min(o->product.dtype) ||
         x > (double)tl_dtype_max(o->product.dtype)))
        return 0; /* a nodata outside the type marks nothing */
    set_nodata(&o->product, first->nodata, first->nodata_i);
    return 1;
}

static int free_number(tl_plan_output *o, int64_t lo, int64_t hi)
{
    int64_t min = tl_dtype_min(o->product.dtype), max = tl_dtype_max(o->product.dtype);
    if (hi < max)
        set_nodata(&o->product, (double)max, max);
    else if (lo > min && o->product.dtype != TL_I8)
        /* GDAL before 3.7 does not see a negative nodata in int8. */
        set_nodata(&o->product, (double)min, min);
    return o->product.has_nodata;
}

/* A number that no valid cell can hold, or else a mask. Bands that are not valid at the same cells
 * would lose cells under the one mask a file has: they get a wider type, unless the user named one.
 */
static int choose_nodata(tl_plan_output *o, int may_widen, tl_err *e)
{
    tl_product *p = &o->product;
    if (tl_dtype_is_float(p->dtype)) {
        set_nodata(p, NAN, 0);
        return 0;
    }
    if (inherit_nodata(o))
        return 0;
    int64_t lo = INT64_MAX, hi = INT64_MIN;
    for (int i = 0; i < tl__plan_nodes(o); i++) {
        lo = o->node[i]->lo < lo ? o->node[i]->lo : lo;
        hi = o->node[i]->hi > hi ? o->node[i]->hi : hi;
    }
    if (free_number(o, lo, hi))
        return 0;
    int arrays = tl_format_is_arrays(p->format);
    p->has_mask = 1;
    if (!arrays && tl__plan_same_validity(o))
        return 0;
    tl_dtype wider = hi < INT64_MAX ? tl_dtype_smallest(lo, hi + 1) : p->dtype;
    if (may_widen && tl_dtype_max(wider) > hi) {
        p->has_mask = 0;
        p->dtype = wider;
        set_nodata(p, (double)tl_dtype_max(wider), tl_dtype_max(wider));
    } else if (arrays) {
        return tl_fail(e, TL_ESCRIPT,
                       "output \"%s\": any number of %s may be a value, so none is left to mark "
                       "invalid cells, and %s has no masks; give nodata, or another dtype",
                       o->name, tl_dtype_name(p->dtype), tl__plan_formats[p->format]);
    } else {
        tl_warn_once("output \"%s\": its bands share one mask, so a cell that is invalid in one "
                     "band is invalid in "
                     "all; a wider dtype leaves room for a nodata number",
                     o->name);
    }
    return 0;
}

/* A nodata that the user chose and that valid cells may hold: those would be lost. */
static void warn_if_used(const tl_plan_output *o, double x)
{
    for (int i = 0; i < tl__plan_nodes(o); i++) {
        const tl_band *b = passed_through(o->node[i]);
        int absent = b && b->has_nodata && b->nodata == x && copies_values(o->node[i]);
        int within = o->node[i]->type == TL_F
                         ? o->node[i]->flo <= x && x <= o->node[i]->fhi
                         : (double)o->node[i]->lo <= x && x <= (double)o->node[i]->hi;
        if (within && !absent)
            tl_warn_once("output \"%s\": nodata %.17g may also be a value of band %s; such cells "
                         "will read as invalid",
                         o->name, x, o->band[i % o->nbands]);
    }
}

int tl__plan_nodata(tl_plan_output *o, const json_t *options, tl_err *e)
{
    const json_t *j = json_object_get(options, "nodata");
    tl_product *p = &o->product;
    if (!j) {
        return choose_nodata(o, !json_object_get(options, "dtype"), e);
    } else if (json_is_false(j)) {
        if (tl_format_is_arrays(p->format))
            return tl_fail(e, TL_ESCRIPT, "output \"%s\": %s has no masks: nodata is a number",
                           o->name, tl__plan_formats[p->format]);
        p->has_mask = 1;
    } else if (json_is_number(j)) {
        double x = json_number_value(j);
        int in_int64 = json_is_integer(j) || fabs(x) < 9223372036854775808.0;
        if (!tl_dtype_is_float(p->dtype) &&
            (!in_int64 || x != floor(x) || x < (double)tl_dtype_min(p->dtype) ||
             x > (double)tl_dtype_max(p->dtype)))
            return tl_fail(e, TL_ESCRIPT, "output \"%s\": nodata %.17g does not fit %s", o->name, x,
                           tl_dtype_name(p->dtype));
        set_nodata(p, x, json_is_integer(j) ? json_integer_value(j) : in_int64 ? (int64_t)x : 0);
        warn_if_used(o, x);
    } else {
        return tl_fail(e, TL_ESCRIPT, "output \"%s\": nodata is a number, or false for a mask",
                       o->name);
    }
    return 0;
}

/* --- classes -------------------------------------------------------------------------------------
 */

int tl__plan_is_classes(const tl_plan_output *o)
{
    int yes = 1;
    for (int i = 0; i < tl__plan_nodes(o); i++) {
        const tl_band *b = passed_through(o->node[i]);
        yes &= o->node[i]->type == TL_B || (b && b->is_classes);
    }
    return yes;
}

void tl__plan_palette(tl_plan_output *o)
{
    tl_product *p = &o->product;
    const tl_band *b = passed_through(o->node[0]);
    int is_tiff = p->format == TL_COG || p->format == TL_GTIFF;
    if (!is_tiff || tl__plan_nodes(o) != 1 || p->dtype != TL_U8 || !b || b->dtype != TL_U8 ||
        b->ncolors < 1 || !copies_values(o->node[0]))
        return;
    o->palette = tl_xcalloc(256, sizeof *o->palette);
    memcpy(o->palette, b->colors, (size_t)(b->ncolors < 256 ? b->ncolors : 256) * 4);
    p->palette = (const uint8_t(*)[4])o->palette;
}
