/* Finishing plans: outputs on one grid become a pass; text, key and provenance. See plan.h.
 * SPDX-License-Identifier: MIT */
#include "modules/batch/plan_int.h"
#include "modules/image/order.h"
#include "modules/raster/codec.h"
#include "modules/raster/cube.h"
#include "modules/raster/raster.h"
#include "runtime/hash.h"
#include "runtime/log.h"
#include "runtime/mem.h"
#include "runtime/version.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- passes
 * --------------------------------------------------------------------------------------- */

static int find_pass(const tl_plan *p, const tl_plan_output *o)
{
    for (int i = 0; i < p->npasses; i++)
        if (!p->pass[i].dated && tl_grid_equal(&p->pass[i].grid, &o->product.grid) &&
            p->pass[i].tile == o->product.tile)
            return i;
    return -1;
}

/* What the tiles of the dates of one pass may take, a thread. */
#define DATES_BYTES (64 * 1024 * 1024LL)

/* The calls in the graphs of n nodes; the caller frees. */
static const tl_call **calls_of(tl_node *const *nodes, int n, int *ncalls)
{
    tl_order o;
    const tl_call **list = NULL;
    tl_order_make(&o, nodes, n);
    for (int i = *ncalls = 0; i < o.n; i++) {
        const tl_call *c = o.node[i]->kind == TL_NODE_RESULT ? o.node[i]->call : NULL;
        for (int k = 0; k < *ncalls && c; k++)
            c = list[k] == c ? NULL : c;
        if (!c)
            continue;
        list = tl_xrealloc(list, (size_t)(*ncalls + 1) * sizeof *list);
        list[(*ncalls)++] = c;
    }
    tl_order_free(&o);
    return list;
}

/* Whether one call gives both lists of n bands: one that looks at all dates, as smoothing does. */
static int share_a_call(tl_node *const *a, tl_node *const *b, int n)
{
    int na, nb, found = 0;
    const tl_call **of_a = calls_of(a, n, &na), **of_b = calls_of(b, n, &nb);
    for (int i = 0; i < na && !found; i++)
        for (int k = 0; k < nb && !found; k++)
            found = of_a[i] == of_b[k];
    free(of_a);
    free(of_b);
    return found;
}

/* A date goes into the pass of the one before where both come of one call, which then runs once for
 * both; as long as the tiles of all fit. Else a date has a pass of its own. */
static int pass_of_date(const tl_plan *p, const tl_plan_output *o, int step)
{
    int k = p->npasses - 1;
    const tl_plan_pass *pass = k < 0 ? NULL : &p->pass[k];
    int64_t tile = o->product.tile;
    int64_t bytes = tile * tile * o->nbands * (int64_t)(tl_dtype_size(o->product.dtype) + 1);
    if (!pass || !pass->dated || !tl_grid_equal(&pass->grid, &o->product.grid) ||
        pass->tile != o->product.tile || (pass->nmembers + 1) * bytes > DATES_BYTES)
        return -1;
    const tl_plan_member *last = &pass->member[pass->nmembers - 1];
    const tl_plan_output *q = &p->out[last->output];
    if (q->nbands != o->nbands || !tl_codec_alike(&q->part, &o->part))
        return -1;
    return share_a_call(q->node + last->step * q->nbands, o->node + step * o->nbands, o->nbands)
               ? k
               : -1;
}

static int new_pass(tl_plan *p, const tl_plan_output *o)
{
    p->pass[p->npasses] =
        (tl_plan_pass){.grid = o->product.grid, .tile = o->product.tile, .dated = o->ntimes > 0};
    return p->npasses++;
}

static void join_pass(tl_plan *p, int k, int output, int step)
{
    tl_plan_pass *pass = &p->pass[k];
    pass->member = tl_xrealloc(pass->member, (size_t)(pass->nmembers + 1) * sizeof *pass->member);
    pass->member[pass->nmembers++] = (tl_plan_member){output, step, pass->nouts};
    pass->nouts += p->out[output].nbands;
}

static void group_outputs(tl_plan *p)
{
    size_t steps = 0;
    int parts = 0;
    for (int i = 0; i < p->n; i++)
        steps += (size_t)p->out[i].nsteps;
    p->pass = tl_xcalloc(steps + 1, sizeof *p->pass);
    for (int i = 0; i < p->n; i++) {
        tl_plan_output *o = &p->out[i];
        int arrays = tl_format_is_arrays(o->product.format);
        tl__plan_palette(o);
        o->part = arrays ? tl_cube_part(&o->product) : o->product;
        o->nparts = arrays ? o->nbands : 1;
        o->first_part = parts;
        parts += o->nparts * o->nsteps;
        o->pass = o->ntimes ? pass_of_date(p, o, 0) : find_pass(p, o);
        if (o->pass < 0)
            o->pass = new_pass(p, o);
        o->first = p->pass[o->pass].nouts;
        join_pass(p, o->pass, i, 0);
        for (int t = 1; t < o->nsteps; t++) {
            int k = pass_of_date(p, o, t);
            join_pass(p, k < 0 ? new_pass(p, o) : k, i, t);
        }
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

/* A plan names its files in JSON, which is UTF-8; a name that were changed would be another file's.
 */
static int check_names(const tl_plan_pass *pass, tl_err *e)
{
    for (int k = 0; k < tl_pass_samplings(pass->pass); k++) {
        const char *uri = tl_pass_sampling(pass->pass, k)->source->uri;
        json_t *j = json_string(uri);
        json_decref(j);
        if (!j)
            return tl_fail(e, TL_EDATA,
                           "the name of %s is not UTF-8: a plan cannot hold it, rename the file",
                           uri);
    }
    return 0;
}

/* `turn` of x later, or as often again, b is at the same place; 0: never. */
static int boxes_meet(const double a[4], const double b[4], double turn)
{
    double by =
        turn > 0 ? turn * (floor((a[0] - b[2]) / turn) + 1) : 0; /* b ends beyond a's west */
    return a[0] < b[2] + by && b[0] + by < a[2] && a[1] < b[3] && b[1] < a[3];
}

/* Whether some source has cells on the grid, as far as boxes can tell. */
static int touches_a_source(const tl_plan_pass *pass)
{
    const char *crs = pass->grid.crs;
    double area[4], box[4], own[4];
    double turn = tl_crs_turn(crs);
    int files = 0;
    tl_grid_bounds(&pass->grid, area);
    for (int k = 0; k < tl_pass_samplings(pass->pass); k++) {
        const tl_grid *g = &tl_pass_sampling(pass->pass, k)->source->native;
        if (g->w == 0)
            continue; /* a geometry */
        files++;
        tl_grid_bounds(g, own);
        if (tl_crs_transform_box(g->crs, crs, own, box, NULL) || boxes_meet(area, box, turn))
            return 1;
    }
    return files == 0;
}

static int make_pass(tl_plan *p, int k, const json_t *known, tl_err *e)
{
    tl_plan_pass *pass = &p->pass[k];
    tl_node **nodes = tl_xcalloc((size_t)pass->nouts, sizeof *nodes);
    tl_dtype *dtypes = tl_xcalloc((size_t)pass->nouts, sizeof *dtypes);
    for (int m = 0; m < pass->nmembers; m++) {
        const tl_plan_member *at = &pass->member[m];
        const tl_plan_output *o = &p->out[at->output];
        for (int b = 0; b < o->nbands; b++) {
            nodes[at->first + b] = o->node[at->step * o->nbands + b];
            dtypes[at->first + b] = o->product.dtype;
        }
    }
    operation_ctx ctx = {known, pass->grid.crs};
    tl_pass_spec spec = {pass->grid, nodes, dtypes, pass->nouts, known ? known_operation : NULL,
                         &ctx};
    int rc = tl_pass_new(&spec, &pass->pass, e);
    free(nodes);
    free(dtypes);
    if (!rc)
        rc = check_names(pass, e);
    if (!rc) {
        if (!touches_a_source(pass))
            tl_warn_once("the area lies beside every file: all its cells will be invalid");
        note_operations(p, pass);
        p->uses_libm |= tl_pass_uses_libm(pass->pass);
    }
    return rc;
}

static void add_meta(tl_plan *p, const char *key, const char *value)
{
    p->meta = tl_xrealloc(p->meta, (size_t)(p->nmeta + 1) * sizeof *p->meta);
    p->meta[p->nmeta][0] = key;
    p->meta[p->nmeta++][1] = tl_xstrdup(value);
}

/* A file's name, or those of a collection's scenes; one a line. */
static void note_source(const json_t *source, tl_buf *text)
{
    const char *uri = json_string_value(json_object_get(source, "uri"));
    const json_t *scenes = json_object_get(json_object_get(source, "composite"), "scenes"), *v;
    size_t i;
    if (uri)
        tl_buf_printf(text, "%s%s", text->len ? "\n" : "", uri);
    json_array_foreach(scenes, i, v) tl_buf_printf(text, "%s%s", text->len ? "\n" : "",
                                                   json_string_value(json_object_get(v, "id")));
}

/* A file of one date says which; a cube has that in its variables. */
static void note_date(const tl_plan *p, tl_plan_output *o)
{
    int n = p->nmeta, dated = o->ntimes && !tl_format_is_arrays(o->product.format);
    o->meta = tl_xcalloc((size_t)n + 2, sizeof *o->meta);
    memcpy(o->meta, p->meta, (size_t)n * sizeof *o->meta);
    if (dated) {
        o->meta[n][0] = "TELLUA_ID";
        o->meta[n++][1] = o->ids[0];
    }
    time_t t = dated && fabs(o->times[0]) < 2e11 ? (time_t)floor(o->times[0]) : 0;
    struct tm utc;
    if (dated && fabs(o->times[0]) < 2e11 && gmtime_r(&t, &utc) &&
        strftime(o->time_text, sizeof o->time_text, "%Y-%m-%dT%H:%M:%SZ", &utc)) {
        o->meta[n][0] = "TELLUA_TIME";
        o->meta[n++][1] = o->time_text;
    }
    o->product.meta = o->part.meta = (const char *const(*)[2])o->meta;
    o->product.nmeta = o->part.nmeta = n;
}

static void note_provenance(tl_plan *p)
{
    char *params = json_dumps(p->params, TL_PLAN_DUMP);
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
    json_array_foreach(json_object_get(plan, "sources"), i, v) note_source(v, &sources);
    add_meta(p, "TELLUA_SOURCES", tl_buf_text(&sources));
    tl_buf_free(&sources);
    json_decref(plan);
    free(params);
    for (int k = 0; k < p->n; k++)
        note_date(p, &p->out[k]);
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
    json_t *j = tl__plan_json(p, e);
    if (!j)
        return e->code;
    p->text = json_dumps(j, TL_PLAN_DUMP);
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
        for (int b = 0; o->node && b < tl__plan_nodes(o); b++)
            tl_node_unref(o->node[b]);
        for (int t = 0; t < o->ntimes; t++)
            free(o->ids[t]);
        free(o->ids);
        free(o->times);
        free(o->palette);
        free(o->meta);
        free(o->node);
        free(o->band);
        free(o->name);
    }
    for (int k = 0; p->pass && k < p->npasses; k++) {
        tl_pass_free(p->pass[k].pass);
        free(p->pass[k].member);
    }
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
