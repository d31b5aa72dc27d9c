/* Plans as JSON: reading back. See plan.h. SPDX-License-Identifier: MIT */
#include "modules/batch/plan_call.h"
#include "modules/batch/jailed.h"
#include "modules/batch/plan_int.h"
#include "modules/classes/whole.h"
#include "modules/collection/composite_json.h"
#include "modules/raster/burn.h"
#include "modules/raster/cells.h"
#include "modules/raster/coverage.h"
#include "modules/raster/numbers.h"
#include "modules/raster/raster.h"
#include "runtime/hash.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int tl__plan_real(const json_t *j, double *x)
{
    const char *s = json_string_value(j);
    if (json_is_number(j))
        *x = json_number_value(j);
    else if (s && (strcmp(s, "nan") == 0 || strcmp(s, "inf") == 0 || strcmp(s, "-inf") == 0))
        *x = strtod(s, NULL);
    else
        return -1;
    return 0;
}

static int get_number(const json_t *j, tl_type *t, tl_num *x)
{
    if (json_is_boolean(j)) {
        *t = TL_B;
        x->i = json_is_true(j);
    } else if (json_is_integer(j)) {
        *t = TL_I;
        x->i = json_integer_value(j);
    } else {
        *t = TL_F;
        return tl__plan_real(j, &x->f);
    }
    return 0;
}

typedef struct {
    const json_t *plan;
    const tl_trust *trust;   /* NULL: the plan is the user's own */
    const tl_trust *workers; /* of functions; NULL: they run here */
    tl_source **source;
    size_t nsources;
    tl_node **node;
    size_t nnodes;
    tl__plan_function *function;
    size_t nfunctions;
} reader;

int tl__plan_broken(tl_err *e, const char *what, size_t i)
{
    return tl_fail(e, TL_EDATA, "the plan is damaged: %s %zu", what, i);
}

static int same_source(const tl_source *s, const json_t *j)
{
    json_t *now = tl__plan_source_json(s);
    int same = json_equal(now, j);
    json_decref(now);
    return same;
}

int tl__plan_grid(const json_t *j, tl_grid *g, tl_err *e)
{
    const char *crs;
    json_int_t x[4];
    if (json_unpack((json_t *)(uintptr_t)j, "{s:s, s:[F,F], s:[F,F], s:[I,I,I,I]}", "crs", &crs,
                    "anchor", &g->x0, &g->y0, "cell", &g->dx, &g->dy, "extent", &x[0], &x[1], &x[2],
                    &x[3]))
        return -1;
    g->col = x[0];
    g->row = x[1];
    g->w = x[2];
    g->h = x[3];
    if (!(g->dx > 0 && g->dy > 0 && g->w > 0 && g->h > 0) || !isfinite(g->x0) || !isfinite(g->y0))
        return -1;
    for (int i = 0; i < 4; i++)
        if (x[i] < -TL_GRID_MOST || x[i] > TL_GRID_MOST)
            return -1;
    g->crs = tl_intern(crs);
    return crs[0] && strcmp(crs, "LOCAL") != 0 ? tl_crs_canonical(crs, &g->crs, e) : 0;
}

static int read_cells(const json_t *j, size_t i, tl_source **out, tl_err *e)
{
    tl_grid extent;
    if (tl__plan_grid(json_object_get(j, "cells"), &extent, e))
        return tl__plan_broken(e, "source", i);
    *out = tl_cells_source(&extent);
    return 0;
}

static int read_numbers(const json_t *j, size_t i, tl_source **out, tl_err *e)
{
    tl_grid g;
    if (tl__plan_grid(json_object_get(j, "grid"), &g, e))
        return tl__plan_broken(e, "the grid of the numbers of source", i);
    return tl_numbers_source(&g, json_object_get(j, "numbers"), out, e);
}

static int read_geometry(const json_t *j, tl_source **out, tl_err *e)
{
    *out = tl_mask_source(json_object_get(j, "geometry"), e);
    return *out ? 0 : e->code;
}

static int read_burn(const json_t *j, tl_source **out, tl_err *e)
{
    *out = tl_burn_source(json_object_get(j, "burn"), e);
    return *out ? 0 : e->code;
}

static int read_sources(reader *r, tl_err *e)
{
    const json_t *list = json_object_get(r->plan, "sources"), *j;
    size_t i;
    r->source = tl_xcalloc(json_array_size(list), sizeof *r->source);
    json_array_foreach(list, i, j)
    {
        const char *uri = json_string_value(json_object_get(j, "uri"));
        const json_t *scene = json_object_get(j, "scene");
        r->nsources++;
        if (json_object_get(j, "composite") || json_object_get(j, "whole"))
            continue; /* of nodes, which are not there yet */
        if (!uri && !scene)
            return tl__plan_broken(e, "source", i);
        int rc =
            scene                           ? tl_scene_source_from_json(scene, &r->source[i], e)
            : json_object_get(j, "cells")   ? read_cells(j, i, &r->source[i], e)
            : json_object_get(j, "numbers") ? read_numbers(j, i, &r->source[i], e)
            : json_object_get(j, "burn")    ? read_burn(j, &r->source[i], e)
            : json_object_get(j, "geometry")
                ? read_geometry(j, &r->source[i], e)
                : tl_raster_open_within(uri, r->trust ? r->trust->roots : NULL, &r->source[i], e);
        if (rc)
            return rc;
        if (scene)
            continue;
        if (!same_source(r->source[i], j)) {
            tl_fail(e, TL_EDATA,
                    "the file is not what it was when the plan was made (size, bands or types)");
            return tl_err_source(e, uri);
        }
    }
    return 0;
}

static int read_functions(reader *r, tl_err *e)
{
    const json_t *list = json_object_get(r->plan, "functions"), *j;
    tl_frozen_budget budget = TL_FROZEN_BUDGET_INIT;
    size_t i;
    budget.unread = r->workers != NULL;
    if (json_array_size(list) > TL_PLAN_MOST_FUNCTIONS)
        return tl__plan_broken(e, "too many functions:", json_array_size(list));
    r->function = tl_xcalloc(json_array_size(list) + 1, sizeof *r->function);
    json_array_foreach(list, i, j)
    {
        r->nfunctions++; /* freed also when it is half read */
        int rc = tl__plan_function_read(j, &budget, &r->function[i], e);
        if (!rc && r->workers)
            tl__plan_function_by(&r->function[i], (json_t *)(uintptr_t)j, tl__jailed_make,
                                 r->workers);
        if (rc)
            return tl_err_prefix(e, "function %zu", i);
    }
    return 0;
}

/* The nodes that the array names, n of them. */
static int read_args(const reader *r, const json_t *list, size_t n, tl_node **out)
{
    for (size_t k = 0; k < n; k++) {
        const json_t *j = json_array_get(list, k);
        json_int_t at = json_integer_value(j);
        if (!json_is_integer(j) || at < 0 || (size_t)at >= r->nnodes)
            return -1;
        out[k] = r->node[at];
    }
    return 0;
}

static int read_result(reader *r, const json_t *j, const char *where, tl_node **out, tl_err *e)
{
    const json_t *f = json_object_get(j, "function"), *k = json_object_get(j, "result");
    const json_t *list = json_object_get(j, "args");
    size_t n = json_array_size(list);
    json_int_t at = json_integer_value(f);
    if (!json_is_integer(f) || at < 0 || (size_t)at >= r->nfunctions || !json_is_integer(k) ||
        !json_is_array(list) || n > TL_MOST_BANDS)
        return -1;
    tl_node **args = tl_xcalloc(n + 1, sizeof *args);
    int rc = read_args(r, list, n, args);
    if (!rc)
        rc = tl__plan_function_result(&r->function[at], args, (int)n, json_integer_value(k), where,
                                      out, e);
    free(args);
    return rc;
}

static int read_table(const json_t *j, tl_node *arg, const char *where, tl_node **out, tl_err *e)
{
    const json_t *list = json_object_get(j, "table");
    const char *type = json_string_value(json_object_get(j, "type"));
    size_t n = json_array_size(list);
    if (n < 1 || n > 65536 || !type)
        return -1;
    tl_type t = strcmp(type, "integer") == 0 ? TL_I : TL_F, got;
    tl_num *entry = tl_xcalloc(n, sizeof *entry);
    uint8_t *valid = tl_xcalloc(n, 1);
    int rc = 0;
    for (size_t i = 0; i < n && !rc; i++) {
        const json_t *v = json_array_get(list, i);
        valid[i] = !json_is_null(v);
        if (valid[i] && (get_number(v, &got, &entry[i]) || got != t))
            rc = -1;
    }
    if (!rc)
        rc = tl_node_lookup(arg, t, entry, valid, (int)n, where, out, e);
    free(entry);
    free(valid);
    return rc;
}

static int read_near(const json_t *j, tl_node *arg, const char *where, tl_node **out, tl_err *e)
{
    const json_t *x = json_object_get(j, "dx"), *y = json_object_get(j, "dy");
    json_int_t dx = json_integer_value(x), dy = json_integer_value(y);
    if (!json_is_integer(x) || !json_is_integer(y) || dx < -TL_MOST_OFFSET || dx > TL_MOST_OFFSET ||
        dy < -TL_MOST_OFFSET || dy > TL_MOST_OFFSET)
        return -1;
    return tl_node_near(arg, (int)dx, (int)dy, where, out, e);
}

static int read_op(reader *r, const json_t *j, const char *where, tl_node **out, tl_err *e)
{
    tl_gop op;
    tl_node *a[3];
    const char *name = json_string_value(json_object_get(j, "op"));
    const json_t *args = json_object_get(j, "args");
    if (!name || tl_gop_from_name(name, &op) || json_array_size(args) != (size_t)tl_gop_arity(op))
        return -1;
    if (read_args(r, args, (size_t)tl_gop_arity(op), a))
        return -1;
    if (op == TL_G_lookup)
        return read_table(j, a[0], where, out, e);
    if (op == TL_G_near)
        return read_near(j, a[0], where, out, e);
    if (op != TL_G_astype)
        return tl_node_op(op, a, where, out, e);
    tl_dtype t;
    const char *dtype = json_string_value(json_object_get(j, "dtype"));
    if (!dtype || tl_dtype_from_name(dtype, &t))
        return -1;
    return tl_node_astype(a[0], t, json_is_true(json_object_get(j, "saturate")), where, out, e);
}

/* Composite i of the sources: the nodes of its kinds stand before the first that uses it. */
static int read_composite(reader *r, size_t i, tl_err *e)
{
    const json_t *j = json_array_get(json_object_get(r->plan, "sources"), i), *kind;
    const json_t *kinds = json_object_get(j, "kinds"), *bands = json_object_get(j, "bands");
    size_t nkinds = json_array_size(kinds), n = json_array_size(bands), k;
    if (nkinds < 1 || nkinds > INT32_MAX / 2048 || n < 1 || n > TL_MOST_BANDS)
        return -1;
    tl_node **nodes = tl_xcalloc(nkinds * n, sizeof *nodes);
    const char **names = tl_xcalloc(n, sizeof *names);
    int rc = 0;
    for (k = 0; k < n && !rc; k++) {
        const char *name = json_string_value(json_array_get(bands, k));
        names[k] = name ? tl_intern(name) : NULL;
        rc = name ? 0 : -1;
    }
    json_array_foreach(kinds, k, kind)
    {
        if (!rc)
            rc = json_array_size(kind) == n ? read_args(r, kind, n, nodes + k * n) : -1;
    }
    if (!rc)
        rc = tl_composite_from_json(json_object_get(j, "composite"), nodes, (int)nkinds, names,
                                    (int)n, r->trust ? r->trust->roots : NULL, &r->source[i], e);
    free(nodes);
    free(names);
    return rc;
}

/* Likewise what is computed of a whole Image. Only its own user may have that done: it takes room
 * and time by the size of the Image, however little of it is asked for. */
static int read_whole(reader *r, size_t i, tl_err *e)
{
    const json_t *j = json_array_get(json_object_get(r->plan, "sources"), i);
    tl_whole_spec p = {0};
    json_int_t input, threshold;
    const char *op;
    if (json_unpack((json_t *)(uintptr_t)j, "{s:{s:s, s:b, s:I, s:F, s:b, s:[i,i,i,i]}, s:I}",
                    "whole", "op", &op, "diagonal", &p.diagonal, "threshold", &threshold, "max",
                    &p.max, "metres", &p.metres, "texture", &p.levels, &p.radius, &p.step,
                    &p.direction, "input", &input) ||
        tl_whole_op_from_name(op, &p.op) || tl__plan_grid(json_object_get(j, "grid"), &p.grid, e) ||
        input < 0 || (size_t)input >= r->nnodes)
        return -1;
    p.threshold = threshold;
    p.input = r->node[input];
    if (r->trust && !tl_whole_is_near(&p))
        return tl_fail(e, TL_ESCRIPT, "%s of a whole Image is not computed for others here", op);
    p.strangers = r->trust != NULL;
    return tl_whole_new(&p, &r->source[i], e);
}

/* A stranger's sources may not read one another as deep as they like: each takes a block of its own
 * and calls the next, and what looks around a block reads up to four blocks of the next. */
#define MOST_DEPTH_OF_OTHERS 4

static int read_made(reader *r, size_t i, tl_err *e)
{
    const json_t *j = json_array_get(json_object_get(r->plan, "sources"), i);
    int rc = json_object_get(j, "whole") ? read_whole(r, i, e) : read_composite(r, i, e);
    if (!rc && r->trust && r->source[i]->depth > MOST_DEPTH_OF_OTHERS)
        rc = tl_fail(e, TL_ESCRIPT,
                     "more than %d sources within one another are not computed for "
                     "others here",
                     MOST_DEPTH_OF_OTHERS);
    return rc;
}

static int read_band(reader *r, const json_t *j, const char *where, tl_node **out, tl_err *e)
{
    tl_method m;
    json_int_t s = json_integer_value(json_object_get(j, "source"));
    json_int_t band = json_integer_value(json_object_get(j, "band"));
    const char *method = json_string_value(json_object_get(j, "resample"));
    if (s < 0 || (size_t)s >= r->nsources || !method || tl_method_from_name(method, &m))
        return -1;
    int rc = r->source[s] ? 0 : read_made(r, (size_t)s, e);
    if (rc)
        return rc;
    if (band < 1 || band > r->source[s]->nbands)
        return -1;
    *out = tl_node_band(r->source[s], (int)band - 1, m, where);
    return 0;
}

static int read_node(reader *r, const json_t *j, const char *where, tl_node **out, tl_err *e)
{
    tl_type t;
    tl_num x;
    const json_t *c = json_object_get(j, "const");
    if (c) {
        if (get_number(c, &t, &x))
            return -1;
        *out = tl_node_const(t, x, where);
        return 0;
    }
    if (json_object_get(j, "function"))
        return read_result(r, j, where, out, e);
    if (json_object_get(j, "source"))
        return read_band(r, j, where, out, e);
    return read_op(r, j, where, out, e);
}

static int read_nodes(reader *r, tl_err *e)
{
    const json_t *list = json_object_get(r->plan, "nodes"), *j;
    const json_t *lines = json_object_get(r->plan, "lines");
    size_t i;
    r->node = tl_xcalloc(json_array_size(list), sizeof *r->node);
    json_array_foreach(list, i, j)
    {
        const char *line = json_string_value(json_array_get(lines, i));
        int rc = read_node(r, j, tl_intern(line ? line : ""), &r->node[i], e);
        if (rc)
            return rc < 0 ? tl__plan_broken(e, "node", i) : rc;
        r->nnodes++;
    }
    return 0;
}

static int check_head(const json_t *j, int allow_drift, tl_err *e)
{
    char hex[17];
    const char *libm = json_string_value(json_object_get(j, "libm"));
    if (json_integer_value(json_object_get(j, "format")) != TL_PLAN_FORMAT)
        return tl_fail(e, TL_EDATA, "not a plan of this program (format %d is wanted)",
                       TL_PLAN_FORMAT);
    tl_libm_probe(hex);
    if (libm && strcmp(libm, hex) != 0 && !allow_drift)
        return tl_fail(e, TL_ECONFIG,
                       "the plan uses exp, sin, pow or the like, and this machine's libm gives "
                       "other last bits "
                       "(%s, the plan has %s); --allow-libm-drift accepts that",
                       hex, libm);
    return 0;
}

static void read_rest(const json_t *j, tl_plan *p)
{
    const char *script = json_string_value(json_object_get(j, "script"));
    const char *sha = json_string_value(json_object_get(j, "script_sha256"));
    p->params = json_incref(json_object_get(j, "parameters"));
    if (!json_is_object(p->params)) {
        json_decref(p->params);
        p->params = json_object();
    }
    p->script = tl_xstrdup(script ? script : "");
    if (sha && strlen(sha) == 64)
        memcpy(p->script_sha256, sha, 65);
}

static int load(reader r, const json_t *j, int allow_drift, tl_plan *p, tl_err *e)
{
    r.plan = j;
    int rc = check_head(j, allow_drift, e);
    read_rest(j, p);
    if (!rc)
        rc = read_sources(&r, e);
    if (!rc)
        rc = read_functions(&r, e);
    if (!rc)
        rc = read_nodes(&r, e);
    if (!rc)
        rc = tl__plan_outputs(r.plan, r.node, r.nnodes, p, e);
    for (size_t i = 0; i < r.nnodes; i++)
        tl_node_unref(r.node[i]);
    for (size_t i = 0; i < r.nsources; i++)
        tl_source_unref(r.source[i]);
    for (size_t i = 0; i < r.nfunctions; i++)
        tl__plan_function_free(&r.function[i]);
    free(r.function);
    free(r.node);
    free(r.source);
    return rc ? rc : tl__plan_finish(p, json_object_get(j, "operations"), e);
}

static int check_key(const json_t *whole, const json_t *plan, tl_err *e)
{
    const char *key = json_string_value(json_object_get(whole, "key"));
    char hex[65];
    if (!key)
        return 0;
    char *text = json_dumps(plan, TL_PLAN_DUMP);
    tl_sha256(text ? text : "", text ? strlen(text) : 0, hex);
    free(text);
    if (strcmp(hex, key) != 0)
        return tl_fail(e, TL_EDATA,
                       "the plan was changed: its key is %.16s..., its contents give %.16s...", key,
                       hex);
    return 0;
}

static int load_text(const char *text, size_t len, int allow_drift, reader r, tl_plan **out,
                     tl_err *e)
{
    json_error_t je;
    json_t *whole = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
    if (!whole)
        return tl_fail(e, TL_EDATA, "not JSON: line %d, column %d: %s", je.line, je.column,
                       je.text);
    const json_t *plan = json_object_get(whole, "plan");
    plan = plan ? plan : whole;
    tl_plan *p = tl_xcalloc(1, sizeof *p);
    int rc = check_key(whole, plan, e);
    if (!rc)
        rc = load(r, plan, allow_drift, p, e);
    if (rc)
        tl_plan_free(p);
    else
        *out = p;
    json_decref(whole);
    return rc;
}

int tl_plan_load(const char *text, size_t len, int allow_drift, tl_plan **out, tl_err *e)
{
    return load_text(text, len, allow_drift, (reader){0}, out, e);
}

int tl_plan_load_confined(const char *text, size_t len, int allow_drift, const tl_trust *workers,
                          tl_plan **out, tl_err *e)
{
    return load_text(text, len, allow_drift, (reader){.workers = workers}, out, e);
}

int tl_plan_load_foreign(const char *text, size_t len, const tl_trust *trust, tl_plan **out,
                         tl_err *e)
{
    if (len > TL_PLAN_MOST_FOREIGN)
        return tl_fail(e, TL_EDATA, "a plan of %zu bytes; a stranger's may have %d MiB", len,
                       TL_PLAN_MOST_FOREIGN >> 20);
    return load_text(text, len, 1, (reader){.trust = trust, .workers = trust}, out, e);
}
