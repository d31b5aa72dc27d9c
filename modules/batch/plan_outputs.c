/* Plans as JSON: outputs are read back. See plan_int.h. SPDX-License-Identifier: MIT */
#include "modules/batch/plan_int.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

static int read_product(const json_t *j, tl_product *p)
{
    const char *dtype, *format, *compress, *overview;
    if (json_unpack((json_t *)(uintptr_t)j, "{s:s, s:s, s:i, s:s, s:s}", "dtype", &dtype, "format",
                    &format, "tile", &p->tile, "compress", &compress, "overview", &overview) ||
        tl_dtype_from_name(dtype, &p->dtype) || tl_method_from_name(overview, &p->overview))
        return -1;
    int f = 0;
    while (f < 5 && strcmp(tl__plan_formats[f], format) != 0)
        f++;
    if (f == 5)
        return -1;
    p->format = (enum tl_format)f;
    p->overviews = p->format == TL_COG;
    p->compress = strcmp(compress, "none") == 0 ? TL_UNCOMPRESSED : TL_DEFLATE;
    p->rgb = json_is_true(json_object_get(j, "rgb"));
    const json_t *nodata = json_object_get(j, "nodata");
    p->has_nodata = nodata != NULL;
    p->has_mask = !nodata && !tl_format_is_arrays(p->format);
    p->nodata_i = json_integer_value(nodata);
    return nodata ? tl__plan_real(nodata, &p->nodata) : 0;
}

/* Files have one date at most. */
static int read_dates(const json_t *j, tl_plan_output *o)
{
    const json_t *times = json_object_get(j, "times"), *ids = json_object_get(j, "ids");
    size_t n = json_array_size(times), most = tl_format_is_arrays(o->product.format) ? 1 << 20 : 1;
    if (json_array_size(ids) != n || n > most || (times && n == 0))
        return -1;
    tl_dated *d = tl_xcalloc(n + 1, sizeof *d);
    int rc = 0;
    for (size_t i = 0; i < n && !rc; i++) {
        d[i].id = (char *)(uintptr_t)json_string_value(json_array_get(ids, i));
        rc = !d[i].id || tl__plan_real(json_array_get(times, i), &d[i].time);
    }
    if (!rc)
        tl__plan_date(o, d, (int)n);
    free(d);
    return rc ? -1 : 0;
}

static int read_bands(const json_t *j, tl_node *const *node, size_t nnodes, tl_plan_output *o)
{
    const json_t *names = json_object_get(j, "bands"), *nodes = json_object_get(j, "nodes");
    size_t n = json_array_size(names), all = n * (size_t)o->nsteps;
    if (n < 1 || n > TL_MOST_BANDS || json_array_size(nodes) != all)
        return -1;
    o->nbands = (int)n;
    o->band = tl_xcalloc(n, sizeof *o->band);
    o->node = tl_xcalloc(all, sizeof *o->node);
    for (size_t b = 0; b < all; b++) {
        json_int_t at = json_integer_value(json_array_get(nodes, b));
        if (at < 0 || (size_t)at >= nnodes)
            return -1;
        o->node[b] = tl_node_ref(node[at]);
    }
    for (size_t b = 0; b < n; b++) {
        const char *name = json_string_value(json_array_get(names, b));
        if (!name)
            return -1;
        o->band[b] = tl_intern(name);
    }
    o->product.nbands = o->nbands;
    o->product.band_names = o->band;
    return 0;
}

int tl__plan_outputs(const json_t *plan, tl_node *const *node, size_t nnodes, tl_plan *p, tl_err *e)
{
    const json_t *list = json_object_get(plan, "outputs"), *j;
    size_t i;
    p->out = tl_xcalloc(json_array_size(list), sizeof *p->out);
    json_array_foreach(list, i, j)
    {
        tl_plan_output *o = &p->out[i];
        const char *name = json_string_value(json_object_get(j, "name"));
        const char *where = json_string_value(json_object_get(j, "where"));
        tl_product_defaults(&o->product);
        o->name = tl_xstrdup(name ? name : "");
        o->where = tl_intern(where ? where : "");
        p->n++;
        if (!name || !name[0] || strchr(name, '/') || name[0] == '.' ||
            read_product(j, &o->product) || read_dates(j, o) || read_bands(j, node, nnodes, o))
            return tl__plan_broken(e, "output", i);
        int rc = tl__plan_check_times(o, e);
        if (rc)
            return rc;
        rc = tl__plan_grid(json_object_get(j, "grid"), &o->product.grid, e);
        if (rc)
            return rc < 0 ? tl__plan_broken(e, "the grid of output", i) : rc;
        rc = tl_product_check(&o->product, e);
        if (rc)
            return rc;
    }
    return p->n ? 0 : tl_fail(e, TL_EDATA, "the plan names no output");
}
