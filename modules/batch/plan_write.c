/* Plans as JSON: writing. See plan.h. SPDX-License-Identifier: MIT */
#include "modules/batch/plan_call.h"
#include "modules/batch/plan_int.h"
#include "modules/classes/whole.h"
#include "modules/collection/composite_json.h"
#include "modules/image/order.h"
#include "modules/raster/burn.h"
#include "modules/raster/cells.h"
#include "modules/raster/coverage.h"
#include "modules/raster/numbers.h"
#include "modules/raster/raster.h"
#include "runtime/hash.h"
#include "runtime/log.h"
#include "runtime/mem.h"
#include "runtime/version.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- numbers: NaN and the infinities have no JSON
 * --------------------------------------------------- */

static json_t *real(double x)
{
    return isnan(x)   ? json_string("nan")
           : isinf(x) ? json_string(x > 0 ? "inf" : "-inf")
                      : json_real(x);
}

static json_t *number(tl_type t, tl_num x)
{
    return t == TL_B ? json_boolean((int)x.i) : t == TL_I ? json_integer(x.i) : real(x.f);
}

json_t *tl_json_text(const char *s)
{
    json_t *j = json_string(s);
    if (j)
        return j;
    char *copy = tl_xstrdup(s);
    tl_make_visible(copy, "");
    j = json_string(copy);
    free(copy);
    return j;
}

/* --- writing
 * ------------------------------------------------------------------------------------------ */

/* Equal things are written once: text of the thing -> place. */
typedef struct {
    json_t *list;  /* array */
    json_t *place; /* object: text -> integer */
} unique_list;

static json_int_t place_of(unique_list *u, json_t *item)
{
    char *text = json_dumps(item, TL_PLAN_DUMP);
    const json_t *known = json_object_get(u->place, text);
    json_int_t at = known ? json_integer_value(known) : (json_int_t)json_array_size(u->list);
    if (!known) {
        json_array_append(u->list, item);
        json_object_set_new(u->place, text, json_integer(at));
    }
    free(text);
    json_decref(item);
    return at;
}

static json_t *grid_json(const tl_grid *g)
{
    return json_pack("{s:s, s:[f,f], s:[f,f], s:[I,I,I,I]}", "crs", g->crs, "anchor", g->x0, g->y0,
                     "cell", g->dx, g->dy, "extent", (json_int_t)g->col, (json_int_t)g->row,
                     (json_int_t)g->w, (json_int_t)g->h);
}

json_t *tl__plan_source_json(const tl_source *s)
{
    if (tl_cells_extent(s))
        return json_pack("{s:s, s:o}", "uri", s->uri, "cells", grid_json(tl_cells_extent(s)));
    if (tl_mask_source_json(s))
        return json_pack("{s:s, s:O}", "uri", s->uri, "geometry", tl_mask_source_json(s));
    if (tl_numbers_bands(s))
        return json_pack("{s:s, s:o, s:O}", "uri", s->uri, "grid", grid_json(&s->native), "numbers",
                         tl_numbers_bands(s));
    if (tl_burn_source_json(s))
        return json_pack("{s:s, s:O}", "uri", s->uri, "burn", tl_burn_source_json(s));
    json_t *bands = json_array();
    for (int i = 0; i < s->nbands; i++)
        json_array_append_new(bands, json_string(tl_dtype_name(s->bands[i].dtype)));
    return json_pack("{s:s, s:[I,I], s:o}", "uri", s->uri, "size", (json_int_t)s->native.w,
                     (json_int_t)s->native.h, "bands", bands);
}

static json_t *table_json(const tl_table *t)
{
    json_t *a = json_array();
    for (int i = 0; i < t->n; i++)
        json_array_append_new(a, t->valid[i] ? number(t->type, t->entry[i]) : json_null());
    return a;
}

/* "ndvi.lua:12" of "scripts/ndvi.lua:12": where a script lies plays no part in what it computes, so
 * neither in the plan's key. */
static const char *line_of(const char *where)
{
    const char *slash = strrchr(where, '/');
    return slash ? slash + 1 : where;
}

typedef struct {
    unique_list sources, nodes, functions;
    struct {
        const tl_call *call;
        json_int_t function;
    } * call; /* written before */
    size_t ncalls;
    struct {
        const tl_source *source;
        json_int_t place;
    } * made; /* composites and wholes, written before */
    size_t nmade;
    tl_grid *area; /* that some pass reads */
    int nareas;
    tl_frozen_budget budget;
    int failed;         /* the budget is used up */
    const char **where; /* script line of node k, the first that made it */
    size_t nwhere;
} writer;

static json_int_t function_place(writer *w, const tl_call *c)
{
    for (size_t i = 0; i < w->ncalls; i++)
        if (w->call[i].call == c)
            return w->call[i].function;
    tl_frozen_budget left = w->budget;
    json_int_t known = (json_int_t)json_array_size(w->functions.list);
    json_t *j = tl__plan_function_json(c, &left);
    if (!j || known >= TL_PLAN_MOST_FUNCTIONS)
        w->failed = 1;
    json_int_t at = j ? place_of(&w->functions, j) : 0;
    if (at == known)
        w->budget = left;
    w->call = tl_xrealloc(w->call, (w->ncalls + 1) * sizeof *w->call);
    w->call[w->ncalls].call = c;
    w->call[w->ncalls++].function = at;
    return at;
}

static void write_nodes(writer *w, tl_node *const *roots, int n, json_int_t *place);

static json_int_t note_made(writer *w, const tl_source *s, json_int_t at)
{
    w->made = tl_xrealloc(w->made, (w->nmade + 1) * sizeof *w->made);
    w->made[w->nmade].source = s;
    w->made[w->nmade++].place = at;
    return at;
}

/* What the pass reads for an area, and what the passes behind its sources read for that: of a whole
 * Image all of it. */
static void add_areas(writer *w, const tl_pass *pass, tl_grid area)
{
    tl_pass *const *inner;
    int reach = tl_pass_reach(pass), known = 0;
    area.col -= reach;
    area.row -= reach;
    area.w += 2 * reach;
    area.h += 2 * reach;
    for (int i = 0; i < w->nareas && !known; i++)
        known = tl_grid_equal(&w->area[i], &area);
    if (!known) {
        w->area = tl_xrealloc(w->area, ((size_t)w->nareas + 1) * sizeof *w->area);
        w->area[w->nareas++] = area;
    }
    for (int k = 0; k < tl_pass_samplings(pass); k++) {
        const tl_whole_spec *whole = tl_whole_spec_of(tl_pass_sampling(pass, k)->source);
        for (int i = tl_pass_inner(pass, k, &inner); i > 0; i--)
            add_areas(w, inner[i - 1], whole ? whole->grid : area);
    }
}

/* A composite, after the nodes of its kinds. */
static json_int_t composite_place(writer *w, const tl_source *s)
{
    const tl_composite_spec *c = tl_composite_spec_of(s);
    json_t *kinds = json_array(), *names = json_array();
    json_int_t *place = tl_xcalloc((size_t)c->nkinds * (size_t)c->nbands, sizeof *place);
    write_nodes(w, c->node, c->nkinds * c->nbands, place);
    for (int k = 0; k < c->nkinds; k++) {
        json_t *kind = json_array();
        for (int b = 0; b < c->nbands; b++)
            json_array_append_new(kind, json_integer(place[k * c->nbands + b]));
        json_array_append_new(kinds, kind);
    }
    for (int b = 0; b < c->nbands; b++)
        json_array_append_new(names, tl_json_text(c->names[b]));
    free(place);
    json_int_t at = place_of(&w->sources, json_pack("{s:o, s:o, s:o}", "composite",
                                                    tl_composite_json(s, w->area, w->nareas),
                                                    "kinds", kinds, "bands", names));
    return note_made(w, s, at);
}

/* What is computed of a whole Image, after the nodes of its input. */
static json_int_t whole_place(writer *w, const tl_source *s)
{
    const tl_whole_spec *p = tl_whole_spec_of(s);
    json_int_t input;
    write_nodes(w, &p->input, 1, &input);
    json_t *j =
        json_pack("{s:s, s:b, s:I, s:f, s:b, s:[i,i,i,i]}", "op", tl_whole_op_name(p->op),
                  "diagonal", p->diagonal, "threshold", (json_int_t)p->threshold, "max", p->max,
                  "metres", p->metres, "texture", p->levels, p->radius, p->step, p->direction);
    return note_made(w, s,
                     place_of(&w->sources, json_pack("{s:o, s:I, s:o}", "whole", j, "input", input,
                                                     "grid", grid_json(&p->grid))));
}

static json_int_t source_place(writer *w, const tl_source *s)
{
    for (size_t i = 0; i < w->nmade; i++)
        if (w->made[i].source == s)
            return w->made[i].place;
    if (tl_is_composite(s))
        return composite_place(w, s);
    if (tl_whole_spec_of(s))
        return whole_place(w, s);
    if (tl_is_scene_source(s))
        return place_of(&w->sources, json_pack("{s:o}", "scene", tl_scene_source_json(s)));
    return place_of(&w->sources, tl__plan_source_json(s));
}

static json_t *node_json(writer *w, const tl_node *n, const json_int_t *args)
{
    if (n->kind == TL_NODE_CONST)
        return json_pack("{s:o}", "const", number(n->type, n->value));
    if (n->kind == TL_NODE_BAND)
        return json_pack("{s:I, s:i, s:s}", "source", source_place(w, n->source), "band",
                         n->band + 1, "resample", tl_method_name(n->method));
    json_t *list = json_array();
    for (int k = 0; k < n->nargs; k++)
        json_array_append_new(list, json_integer(args[k]));
    if (n->kind == TL_NODE_RESULT)
        return json_pack("{s:I, s:i, s:o}", "function", function_place(w, n->call), "result",
                         n->result, "args", list);
    json_t *j = json_pack("{s:s, s:o}", "op", tl_gop_name(n->op), "args", list);
    if (n->op == TL_G_astype) {
        json_object_set_new(j, "dtype", json_string(tl_dtype_name(n->dtype)));
        if (n->saturate)
            json_object_set_new(j, "saturate", json_true());
    } else if (n->op == TL_G_near) {
        json_object_set_new(j, "dx", json_integer(n->dx));
        json_object_set_new(j, "dy", json_integer(n->dy));
    } else if (n->op == TL_G_lookup) {
        json_object_set_new(j, "table", table_json(n->table));
        json_object_set_new(j, "type", json_string(tl_type_name(n->table->type)));
    }
    return j;
}

/* Adds what the roots need; at[i] is where root i stands. Structurally equal nodes become one; the
 * line of the first stands for all. */
static void write_nodes(writer *w, tl_node *const *roots, int nroots, json_int_t *at)
{
    tl_order order;
    tl_order_make(&order, roots, nroots);
    json_int_t *place = tl_xcalloc((size_t)order.n + 1, sizeof *place);
    for (int i = 0; i < order.n; i++) {
        const tl_node *n = order.node[i];
        json_int_t *args = tl_xcalloc((size_t)n->nargs + 1, sizeof *args);
        for (int k = 0; k < n->nargs; k++)
            args[k] = place[tl_order_place(&order, n->arg[k])];
        place[i] = place_of(&w->nodes, node_json(w, n, args));
        free(args);
        if ((size_t)place[i] >= w->nwhere) {
            w->where = tl_xrealloc(w->where, (w->nwhere + 1) * sizeof *w->where);
            w->where[w->nwhere++] = n->where;
        }
    }
    for (int i = 0; i < nroots; i++)
        at[i] = place[tl_order_place(&order, roots[i])];
    free(place);
    tl_order_free(&order);
}

/* The places of an output's bands. */
static json_t *graph_json(writer *w, const tl_plan_output *o)
{
    int n = tl__plan_nodes(o);
    json_t *bands = json_array();
    json_int_t *at = tl_xcalloc((size_t)n, sizeof *at);
    write_nodes(w, o->node, n, at);
    for (int b = 0; b < n; b++)
        json_array_append_new(bands, json_integer(at[b]));
    free(at);
    return bands;
}

/* ORDER enum tl_format */
const char *const tl__plan_formats[5] = {"cog", "gtiff", "png", "zarr", "netcdf"};

static void put_dates(json_t *j, const tl_plan_output *o)
{
    json_t *times = json_array(), *ids = json_array();
    for (int i = 0; i < o->ntimes; i++) {
        json_array_append_new(times, real(o->times[i]));
        json_array_append_new(ids, json_string(o->ids[i]));
    }
    json_object_set_new(j, "times", times);
    json_object_set_new(j, "ids", ids);
}

static json_t *output_json(writer *w, const tl_plan_output *o)
{
    const tl_product *p = &o->product;
    json_t *names = json_array();
    for (int b = 0; b < o->nbands; b++)
        json_array_append_new(names, tl_json_text(o->band[b]));
    json_t *j = json_pack("{s:s, s:o, s:o, s:o, s:o, s:s, s:s, s:i, s:s, s:s}", "name", o->name,
                          "where", tl_json_text(line_of(o->where)), "bands", names, "nodes",
                          graph_json(w, o), "grid", grid_json(&p->grid), "dtype",
                          tl_dtype_name(p->dtype), "format", tl__plan_formats[p->format], "tile",
                          p->tile, "compress", p->compress == TL_DEFLATE ? "deflate" : "none",
                          "overview", tl_method_name(p->overview));
    if (p->has_nodata && tl_dtype_is_float(p->dtype))
        json_object_set_new(j, "nodata", real(p->nodata));
    else if (p->has_nodata)
        json_object_set_new(
            j, "nodata",
            json_integer(tl_dtype_size(p->dtype) == 8 ? p->nodata_i : (json_int_t)p->nodata));
    if (p->rgb)
        json_object_set_new(j, "rgb", json_true());
    if (o->ntimes)
        put_dates(j, o);
    return j;
}

static json_t *versions(void)
{
    return json_pack("{s:s, s:s, s:s}", "tellua", tl_version(), "gdal", tl_gdal_version(), "proj",
                     tl_proj_version());
}

json_t *tl__plan_json(const tl_plan *p, tl_err *e)
{
    writer w = {.sources = {json_array(), json_object()},
                .nodes = {json_array(), json_object()},
                .functions = {json_array(), json_object()},
                .budget = TL_FROZEN_BUDGET_INIT};
    json_t *outputs = json_array(), *lines = json_array();
    for (int k = 0; k < p->npasses; k++)
        add_areas(&w, p->pass[k].pass, p->pass[k].grid);
    for (int i = 0; i < p->n; i++)
        json_array_append_new(outputs, output_json(&w, &p->out[i]));
    for (size_t i = 0; i < w.nwhere; i++)
        json_array_append_new(lines, tl_json_text(line_of(w.where[i])));
    json_t *j = json_pack("{s:i, s:o, s:O, s:o, s:s, s:O, s:o, s:o, s:o, s:o}", "format",
                          TL_PLAN_FORMAT, "versions", versions(), "parameters", p->params, "script",
                          tl_json_text(p->script), "script_sha256", p->script_sha256, "operations",
                          p->operations, "sources", w.sources.list, "nodes", w.nodes.list, "lines",
                          lines, "outputs", outputs);
    if (p->uses_libm) {
        char hex[17];
        tl_libm_probe(hex);
        json_object_set_new(j, "libm", json_string(hex));
    }
    if (json_array_size(w.functions.list))
        json_object_set(j, "functions", w.functions.list);
    json_decref(w.functions.list);
    json_decref(w.functions.place);
    free(w.call);
    free(w.made);
    free(w.area);
    json_decref(w.sources.place);
    json_decref(w.nodes.place);
    free(w.where);
    if (!w.failed)
        return j;
    json_decref(j);
    tl_fail(e, TL_ESCRIPT,
            "the functions of this plan and the tables and functions they use are too many: at "
            "most %d functions and some million values",
            TL_PLAN_MOST_FUNCTIONS);
    return NULL;
}

void tl_libm_probe(char hex[17])
{
    static const tl_op ops[] = {TL_OP_f_exp,  TL_OP_f_log, TL_OP_f_log2, TL_OP_f_log10,
                                TL_OP_f_sin,  TL_OP_f_cos, TL_OP_f_tan,  TL_OP_f_asin,
                                TL_OP_f_acos, TL_OP_f_atan};
    tl_num x[11 * 100];
    int n = 0;
    for (int k = 0; k < 100; k++) {
        tl_num a = {.f = (k + 0.37) * 0.0997}, unit = {.f = (k + 0.37) / 101},
               b = {.f = 0.1 * k - 3.3};
        for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
            x[n++] = tl_op_eval(ops[i], i == 7 || i == 8 ? unit : a, b, b);
        x[n++] = tl_op_eval(TL_OP_f_pow, a, b, b);
    }
    char whole[65];
    tl_sha256(x, sizeof x, whole);
    memcpy(hex, whole, 16);
    hex[16] = '\0';
}
