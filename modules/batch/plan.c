/* Making plans: cell types, nodata, formats, passes. See plan.h. SPDX-License-Identifier: MIT */
#include "modules/batch/plan.h"
#include "modules/raster/geokeys.h"
#include "modules/raster/raster.h"
#include "runtime/hash.h"
#include "runtime/mem.h"
#include "runtime/version.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- cell types ---------------------------------------------------------------------------------- */

static tl_dtype smallest_int(int64_t lo, int64_t hi)
{
    static const tl_dtype ints[] = {TL_U8, TL_I8, TL_U16, TL_I16, TL_U32, TL_I32, TL_I64};
    size_t i = 0;
    while (i < 6 && (lo < tl_dtype_min(ints[i]) || hi > tl_dtype_max(ints[i])))
        i++;
    return ints[i];
}

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
    return smallest_int(lo, hi);
}

static tl_dtype common_dtype(const tl_plan_output *o)
{
    tl_dtype t = tl_node_product_dtype(o->node[0]);
    for (int i = 1; i < o->nbands; i++)
        t = join_dtype(t, tl_node_product_dtype(o->node[i]));
    return t;
}

/* --- nodata -------------------------------------------------------------------------------------- */

/* The band that passes through unchanged but for masks, or NULL. */
static const tl_band *passed_through(const tl_node *n)
{
    while (n->kind == TL_NODE_OP && n->op == TL_G_keep)
        n = n->arg[0];
    return n->kind == TL_NODE_BAND ? &n->source->bands[n->band] : NULL;
}

static void set_nodata(tl_product *p, double x, int64_t i)
{
    p->has_nodata = 1;
    p->nodata = x;
    p->nodata_i = i;
}

/* The files' own nodata, when every band passes through and has the same: no valid cell holds it. */
static int inherit_nodata(tl_plan_output *o)
{
    const tl_band *first = passed_through(o->node[0]);
    for (int i = 0; i < o->nbands; i++) {
        const tl_band *b = passed_through(o->node[i]);
        if (!b || !b->has_nodata || b->dtype != o->product.dtype)
            return 0;
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

/* A number that no valid cell can hold, or else a mask band. */
static void choose_nodata(tl_plan_output *o)
{
    tl_product *p = &o->product;
    if (tl_dtype_is_float(p->dtype)) {
        set_nodata(p, NAN, 0);
        return;
    }
    if (inherit_nodata(o))
        return;
    int64_t lo = INT64_MAX, hi = INT64_MIN, min = tl_dtype_min(p->dtype), max = tl_dtype_max(p->dtype);
    for (int i = 0; i < o->nbands; i++) {
        lo = o->node[i]->lo < lo ? o->node[i]->lo : lo;
        hi = o->node[i]->hi > hi ? o->node[i]->hi : hi;
    }
    if (hi < max)
        set_nodata(p, (double)max, max);
    else if (lo > min)
        set_nodata(p, (double)min, min);
    else
        p->has_mask = 1;
}

static int wanted_nodata(tl_plan_output *o, const json_t *options, tl_err *e)
{
    const json_t *j = json_object_get(options, "nodata");
    tl_product *p = &o->product;
    if (!j) {
        choose_nodata(o);
    } else if (json_is_false(j)) {
        p->has_mask = 1;
    } else if (json_is_number(j)) {
        double x = json_number_value(j);
        if (!tl_dtype_is_float(p->dtype) &&
            (x != floor(x) || x < (double)tl_dtype_min(p->dtype) || x > (double)tl_dtype_max(p->dtype)))
            return tl_fail(e, TL_ESCRIPT, "output \"%s\": nodata %.17g does not fit %s", o->name, x,
                           tl_dtype_name(p->dtype));
        set_nodata(p, x, json_is_integer(j) ? json_integer_value(j) : (int64_t)x);
    } else {
        return tl_fail(e, TL_ESCRIPT, "output \"%s\": nodata is a number, or false for a mask", o->name);
    }
    return 0;
}

/* --- one output's options ------------------------------------------------------------------------- */

static const char *text_option(const json_t *options, const char *key)
{
    return json_string_value(json_object_get(options, key));
}

static int choose_format(tl_plan_output *o, const char *name, tl_err *e)
{
    tl_product *p = &o->product;
    if (!name || strcmp(name, "cog") == 0)
        p->format = TL_COG;
    else if (strcmp(name, "gtiff") == 0)
        p->format = TL_GTIFF;
    else if (strcmp(name, "png") == 0)
        p->format = TL_PNG;
    else
        return tl_fail(e, TL_EUSAGE, "output \"%s\": format '%s' is none of cog, gtiff, png", o->name, name);
    p->overviews = p->format == TL_COG;
    return 0;
}

static int is_classes(const tl_plan_output *o)
{
    int yes = 1;
    for (int i = 0; i < o->nbands; i++) {
        const tl_band *b = passed_through(o->node[i]);
        yes &= o->node[i]->type == TL_B || (b && b->is_classes);
    }
    return yes;
}

static int writing_options(tl_plan_output *o, const json_t *options, tl_err *e)
{
    tl_product *p = &o->product;
    const char *compress = text_option(options, "compress"), *rule = text_option(options, "overview");
    if (compress && strcmp(compress, "none") == 0)
        p->compress = TL_UNCOMPRESSED;
    else if (compress && strcmp(compress, "deflate") != 0)
        return tl_fail(e, TL_ESCRIPT, "output \"%s\": compress is \"deflate\" or \"none\"", o->name);
    p->overview = is_classes(o) ? TL_MODE : TL_AVERAGE;
    if (rule && (tl_method_from_name(rule, &p->overview) ||
                 (p->overview != TL_NEAREST && p->overview != TL_AVERAGE && p->overview != TL_MODE)))
        return tl_fail(e, TL_ESCRIPT, "output \"%s\": overview is nearest, average or mode", o->name);
    const json_t *tile = json_object_get(options, "tile");
    if (tile) {
        json_int_t t = json_integer_value(tile);
        if (t < 64 || t > 4096 || t % 16)
            return tl_fail(e, TL_ESCRIPT, "output \"%s\": tile is a multiple of 16 from 64 to 4096", o->name);
        p->tile = (int)t;
    }
    return 0;
}

static int numbers_option(const json_t *options, const char *key, double *x, size_t n, tl_err *e)
{
    const json_t *j = json_object_get(options, key);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(j, i);
        if (json_array_size(j) != n || !json_is_number(v))
            return tl_fail(e, TL_ESCRIPT, "%s = {%zu numbers}", key, n);
        x[i] = json_number_value(v);
    }
    return 0;
}

static int where_options(const json_t *options, tl_where *w, tl_err *e)
{
    const json_t *res = json_object_get(options, "res");
    const char *align = text_option(options, "align");
    const char *box = json_object_get(options, "region") ? "region" : "bbox";
    *w = (tl_where){.crs = text_option(options, "crs")};
    if (json_is_number(res))
        w->res[0] = w->res[1] = json_number_value(res);
    else if (res && numbers_option(options, "res", w->res, 2, e))
        return e->code;
    if (res && !(w->res[0] > 0 && w->res[1] > 0))
        return tl_fail(e, TL_ESCRIPT, "res is a cell size above 0, in units of the CRS");
    if (json_object_get(options, box)) {
        w->has_bbox = 1;
        if (numbers_option(options, box, w->bbox, 4, e))
            return tl_err_prefix(e, "west, south, east, north in degrees");
    }
    if (align && strcmp(align, "crs") != 0)
        return tl_fail(e, TL_ESCRIPT, "align = \"crs\" is the only choice");
    w->align_crs = align != NULL;
    return 0;
}

/* --- outputs --------------------------------------------------------------------------------------- */

static void take_bands(tl_plan_output *o, const tl_image *img)
{
    o->nbands = img->nbands;
    o->band = tl_xcalloc((size_t)img->nbands, sizeof *o->band);
    o->node = tl_xcalloc((size_t)img->nbands, sizeof *o->node);
    for (int i = 0; i < img->nbands; i++) {
        o->band[i] = img->band[i].name;
        o->node[i] = tl_node_ref(img->band[i].node);
    }
    o->product.nbands = o->nbands;
    o->product.band_names = o->band;
}

/* dtype = "...": the graph itself says how values become cells. */
static int cast_bands(tl_plan_output *o, const json_t *options, tl_err *e)
{
    const char *name = text_option(options, "dtype");
    if (!name) {
        o->product.dtype = common_dtype(o);
        return 0;
    }
    if (tl_dtype_from_name(name, &o->product.dtype))
        return tl_fail(e, TL_ESCRIPT, "output \"%s\": '%s' is no cell type", o->name, name);
    for (int i = 0; i < o->nbands; i++) {
        tl_node *cast = NULL;
        int rc = tl_node_astype(o->node[i], o->product.dtype,
                                json_is_true(json_object_get(options, "saturate")), o->where, &cast, e);
        if (rc)
            return rc;
        tl_node_unref(o->node[i]);
        o->node[i] = cast;
    }
    return 0;
}

static int png_fits(const tl_plan_output *o, tl_err *e)
{
    const tl_product *p = &o->product;
    if (p->format != TL_PNG || ((p->dtype == TL_U8 || p->dtype == TL_U16) && p->nbands <= 4))
        return 0;
    return tl_fail(e, TL_ESCRIPT,
                   "output \"%s\": a PNG holds 1 to 4 bands of uint8 or uint16, this is %d of %s; give it "
                   "a palette, ramp or rgb, or a dtype",
                   o->name, p->nbands, tl_dtype_name(p->dtype));
}

static int has_looks(const tl_output *s)
{
    static const char *const keys[] = {"palette", "ramp", "rgb", "stretch", "min", "max", "gamma", NULL};
    for (int i = 0; keys[i]; i++)
        if (json_object_get(s->options, keys[i]))
            return 1;
    return s->image->looks != NULL;
}

static int output_grid(const tl_output *s, const tl_plan_request *r, tl_plan_output *o, tl_err *e)
{
    tl_grid native;
    tl_where own, w = r->where;
    int rc = where_options(s->options, &own, e);
    if (!rc)
        rc = tl_native_grid(s->image, &native, e);
    if (rc)
        return rc;
    if (r->view && r->viewport) {
        o->product.grid = *r->viewport;
        return 0;
    }
    tl_where_merge(&w, &own);
    rc = tl_resolve_grid(&native, &w, &o->product.grid, e);
    if (!rc && r->view)
        tl_fit_grid(&o->product.grid, r->view_w, r->view_h);
    return rc;
}

/* Now rather than when all is computed. */
static int product_crs(const tl_plan_output *o, tl_err *e)
{
    tl_geokeys keys;
    if (o->product.format == TL_PNG || !o->product.grid.crs || !o->product.grid.crs[0])
        return 0;
    int rc = tl_geokeys_get(o->product.grid.crs, &keys, e);
    if (!rc)
        tl_geokeys_free(&keys);
    return rc;
}

static int fill_output(const tl_output *s, const tl_plan_request *r, tl_plan_output *o, tl_err *e)
{
    const char *format = r->view ? "png" : r->format ? r->format : text_option(s->options, "format");
    tl_product_defaults(&o->product);
    o->name = tl_xstrdup(s->name);
    o->where = s->where;
    int rc = choose_format(o, format, e);
    if (rc)
        return rc;
    tl_image *img = NULL;
    int picture = r->view || (o->product.format == TL_PNG && has_looks(s));
    if (picture)
        rc = r->visualize(r->ctx, s->image, s->options, &img, e);
    else
        img = tl_image_ref(s->image);
    if (rc)
        return rc;
    take_bands(o, img);
    tl_image_unref(img);
    if (picture) { /* a picture is 3 x uint8 whatever the output's own cell type */
        o->product.dtype = TL_U8;
        o->product.rgb = 1;
        o->product.has_mask = 1;
        rc = writing_options(o, s->options, e);
    } else {
        rc = cast_bands(o, s->options, e);
        if (!rc)
            rc = wanted_nodata(o, s->options, e);
        if (!rc)
            rc = writing_options(o, s->options, e);
    }
    if (!rc)
        rc = png_fits(o, e);
    if (!rc)
        rc = output_grid(s, r, o, e);
    if (rc || !tl_product_check(&o->product, e))
        return rc ? rc : product_crs(o, e);
    if (!(r->where.res[0] > 0) && !r->where.has_window) /* only then are the user's words at fault */
        e->code = TL_ESCRIPT;
    return e->code;
}

static int no_such_output(const tl_script *s, const char *name, tl_err *e)
{
    tl_buf b = TL_BUF_INIT;
    for (int i = 0; i < s->noutputs; i++)
        tl_buf_printf(&b, "%s%s", i ? ", " : "", s->output[i].name);
    tl_fail(e, TL_EUSAGE, "--output %s: the script names %s", name, tl_buf_text(&b));
    tl_buf_free(&b);
    return e->code;
}

int tl_plan_make(const tl_script *s, const tl_plan_request *r, tl_plan **out, tl_err *e)
{
    tl_plan *p = tl_xcalloc(1, sizeof *p);
    p->out = tl_xcalloc((size_t)s->noutputs, sizeof *p->out);
    p->params = tl_script_params(s);
    p->script = tl_xstrdup(s->name ? s->name : "");
    memcpy(p->script_sha256, s->sha256, sizeof p->script_sha256);
    int rc = 0;
    for (int i = 0; i < s->noutputs && !rc; i++)
        if (!r->output || strcmp(r->output, s->output[i].name) == 0) {
            rc = fill_output(&s->output[i], r, &p->out[p->n++], e);
            if (rc)
                tl_err_where(e, s->output[i].where);
        }
    if (!rc && p->n == 0)
        rc = no_such_output(s, r->output ? r->output : "", e);
    if (!rc)
        rc = tl__plan_finish(p, NULL, e);
    if (rc)
        tl_plan_free(p);
    else
        *out = p;
    return rc;
}

/* --- passes --------------------------------------------------------------------------------------- */

static int find_pass(const tl_plan *p, const tl_plan_output *o)
{
    for (int i = 0; i < p->npasses; i++)
        if (tl_grid_equal(&p->pass[i].grid, &o->product.grid) && p->pass[i].tile == o->product.tile)
            return i;
    return -1;
}

static void group_outputs(tl_plan *p)
{
    p->pass = tl_xcalloc((size_t)p->n, sizeof *p->pass);
    for (int i = 0; i < p->n; i++) {
        tl_plan_output *o = &p->out[i];
        o->pass = find_pass(p, o);
        if (o->pass < 0) {
            o->pass = p->npasses++;
            p->pass[o->pass].grid = o->product.grid;
            p->pass[o->pass].tile = o->product.tile;
        }
        o->first = p->pass[o->pass].nouts;
        p->pass[o->pass].nouts += o->nbands;
    }
}

typedef struct {
    const json_t *known;
    const char *crs;
} operation_ctx;

static const char *known_operation(void *ctx, const tl_source *s)
{
    const operation_ctx *c = ctx;
    const json_t *v;
    size_t i;
    json_array_foreach(c->known, i, v)
    {
        const char *uri = json_string_value(json_object_get(v, "source"));
        const char *crs = json_string_value(json_object_get(v, "crs"));
        if (uri && crs && strcmp(uri, s->uri) == 0 && strcmp(crs, c->crs) == 0)
            return json_string_value(json_object_get(v, "operation"));
    }
    return NULL;
}

static void note_operations(tl_plan *p, const tl_plan_pass *pass)
{
    operation_ctx seen = {p->operations, pass->grid.crs};
    for (int k = 0; k < tl_pass_samplings(pass->pass); k++) {
        const tl_sampling *m = tl_pass_sampling(pass->pass, k);
        if (m->operation && m->operation[0] && !known_operation(&seen, m->source))
            json_array_append_new(p->operations,
                                  json_pack("{s:s, s:s, s:s}", "source", m->source->uri, "crs",
                                            pass->grid.crs, "operation", m->operation));
    }
}

static int make_pass(tl_plan *p, int k, const json_t *known, tl_err *e)
{
    tl_plan_pass *pass = &p->pass[k];
    tl_node **nodes = tl_xcalloc((size_t)pass->nouts, sizeof *nodes);
    tl_dtype *dtypes = tl_xcalloc((size_t)pass->nouts, sizeof *dtypes);
    for (int i = 0; i < p->n; i++)
        for (int b = 0; p->out[i].pass == k && b < p->out[i].nbands; b++) {
            nodes[p->out[i].first + b] = p->out[i].node[b];
            dtypes[p->out[i].first + b] = p->out[i].product.dtype;
        }
    operation_ctx ctx = {known, pass->grid.crs};
    tl_pass_spec spec = {pass->grid, nodes, dtypes, pass->nouts, known ? known_operation : NULL, &ctx};
    int rc = tl_pass_new(&spec, &pass->pass, e);
    free(nodes);
    free(dtypes);
    if (!rc) {
        note_operations(p, pass);
        p->uses_libm |= tl_prog_uses_libm(tl_pass_program(pass->pass));
    }
    return rc;
}

static void add_meta(tl_plan *p, const char *key, const char *value)
{
    p->meta = tl_xrealloc(p->meta, (size_t)(p->nmeta + 1) * sizeof *p->meta);
    p->meta[p->nmeta][0] = key;
    p->meta[p->nmeta++][1] = tl_xstrdup(value);
}

static void note_provenance(tl_plan *p)
{
    char *params = json_dumps(p->params, JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17));
    add_meta(p, "TELLUA_VERSION", tl_version());
    add_meta(p, "TELLUA_PLAN", p->key);
    if (p->script[0])
        add_meta(p, "TELLUA_SCRIPT", p->script);
    if (p->script_sha256[0])
        add_meta(p, "TELLUA_SCRIPT_SHA256", p->script_sha256);
    add_meta(p, "TELLUA_PARAMETERS", params);
    json_t *plan = json_loads(p->text, 0, NULL), *v;
    tl_buf sources = TL_BUF_INIT;
    size_t i;
    json_array_foreach(json_object_get(plan, "sources"), i, v)
        tl_buf_printf(&sources, "%s%s", i ? "\n" : "", json_string_value(json_object_get(v, "uri")));
    add_meta(p, "TELLUA_SOURCES", tl_buf_text(&sources));
    tl_buf_free(&sources);
    json_decref(plan);
    free(params);
    for (int k = 0; k < p->n; k++) {
        p->out[k].product.meta = (const char *const(*)[2])p->meta;
        p->out[k].product.nmeta = p->nmeta;
    }
}

int tl__plan_finish(tl_plan *p, const json_t *known, tl_err *e)
{
    p->operations = json_array();
    group_outputs(p);
    for (int k = 0; k < p->npasses; k++) {
        int rc = make_pass(p, k, known, e);
        if (rc)
            return rc;
    }
    json_t *j = tl__plan_json(p);
    p->text = json_dumps(j, JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(j);
    if (!p->text)
        return tl_fail(e, TL_ESCRIPT, "the plan cannot be written as JSON");
    tl_sha256(p->text, strlen(p->text), p->key);
    note_provenance(p);
    return 0;
}

void tl_plan_free(tl_plan *p)
{
    if (!p)
        return;
    for (int i = 0; i < p->n; i++) {
        tl_plan_output *o = &p->out[i];
        for (int b = 0; b < o->nbands; b++)
            tl_node_unref(o->node[b]);
        free(o->node);
        free(o->band);
        free(o->name);
    }
    for (int k = 0; k < p->npasses; k++)
        tl_pass_free(p->pass[k].pass);
    for (int i = 0; i < p->nmeta; i++)
        free((char *)(uintptr_t)p->meta[i][1]);
    free(p->meta);
    free(p->out);
    free(p->pass);
    json_decref(p->params);
    json_decref(p->operations);
    free(p->script);
    free(p->text);
    free(p);
}
