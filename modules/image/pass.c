/* Passes: see pass.h. SPDX-License-Identifier: MIT */
#include "modules/image/pass.h"
#include "modules/image/lower.h"
#include "modules/image/order.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

/* One sampling and the bands read from it in one call. Band k of group g has input slots
 * 2 * (first + k) for its numbers and + 1 for its validity. */
typedef struct {
    tl_sampling *sampling;
    tl_source *source; /* borrowed from the sampling */
    tl_method method;
    int *band; /* 0-based, in order of first use */
    const char **where;
    int n, first;
} group;

struct tl_pass {
    tl_prog *prog;
    group *groups;
    int ngroups, nslots, nouts;
    tl_dtype *dtypes;
};

struct tl_pass_worker {
    const tl_pass *pass;
    int64_t cells;
    void **values;   /* one per input band */
    uint8_t **valid; /* one per input band */
    const void **in; /* slots of the program */
    void **out;
    void *scratch;
};

/* --- planning --------------------------------------------------------------------------------- */

static group *find_group(tl_pass *p, const tl_node *n)
{
    for (int i = 0; i < p->ngroups; i++)
        /* The same file opened twice is one source. */
        if (p->groups[i].method == n->method &&
            (p->groups[i].source == n->source ||
             strcmp(p->groups[i].source->uri, n->source->uri) == 0))
            return &p->groups[i];
    return NULL;
}

static int find_band(const group *g, int band)
{
    int k = 0;
    while (k < g->n && g->band[k] != band)
        k++;
    return k;
}

static void add_band(group *g, const tl_node *n)
{
    if (find_band(g, n->band) < g->n)
        return;
    g->band = tl_xrealloc(g->band, (size_t)(g->n + 1) * sizeof *g->band);
    g->where = tl_xrealloc(g->where, (size_t)(g->n + 1) * sizeof *g->where);
    g->band[g->n] = n->band;
    g->where[g->n++] = n->where;
}

static int add_group(tl_pass *p, const tl_pass_spec *spec, const tl_node *n, tl_err *e)
{
    tl_sampling *m = NULL;
    const char *operation = spec->operation ? spec->operation(spec->ctx, n->source) : NULL;
    int rc = n->source->vt->sample(n->source, &spec->lattice, n->method, operation, &m, e);
    if (rc) {
        tl_err_source(e, n->source->uri);
        return tl_err_where(e, n->where);
    }
    p->groups = tl_xrealloc(p->groups, (size_t)(p->ngroups + 1) * sizeof *p->groups);
    p->groups[p->ngroups++] = (group){.sampling = m, .source = m->source, .method = n->method};
    return 0;
}

static int collect_sources(tl_pass *p, const tl_pass_spec *spec, tl_err *e)
{
    tl_order o;
    int rc = 0;
    tl_order_make(&o, spec->nodes, spec->n);
    for (int i = 0; i < o.n && !rc; i++) {
        if (o.node[i]->kind != TL_NODE_BAND)
            continue;
        group *g = find_group(p, o.node[i]);
        if (!g && !(rc = add_group(p, spec, o.node[i], e)))
            g = &p->groups[p->ngroups - 1];
        if (g)
            add_band(g, o.node[i]);
    }
    for (int i = 0; i < p->ngroups; i++) {
        p->groups[i].first = p->nslots;
        p->nslots += p->groups[i].n;
    }
    tl_order_free(&o);
    return rc;
}

static void lower_band(void *ctx, tl_ir *ir, const tl_node *n, tl_lowered *out)
{
    const group *g = find_group(ctx, n);
    int slot = g->first + find_band(g, n->band);
    out->value = tl_ir_load(ir, 2 * slot, n->source->bands[n->band].dtype);
    out->valid = tl_ir_load_mask(ir, 2 * slot + 1);
}

static int make_program(tl_pass *p, const tl_pass_spec *spec, tl_err *e)
{
    tl_ir *ir = tl_ir_new();
    int rc = tl_lower(ir, spec->nodes, spec->dtypes, spec->n, lower_band, p, e);
    if (!rc)
        rc = tl_ir_compile(ir, &p->prog, e);
    tl_ir_free(ir);
    return rc;
}

int tl_pass_new(const tl_pass_spec *spec, tl_pass **out, tl_err *e)
{
    tl_pass *p = tl_xcalloc(1, sizeof *p);
    p->nouts = spec->n;
    p->dtypes = tl_xcalloc((size_t)spec->n, sizeof *p->dtypes);
    memcpy(p->dtypes, spec->dtypes, (size_t)spec->n * sizeof *p->dtypes);
    int rc = collect_sources(p, spec, e);
    if (!rc)
        rc = make_program(p, spec, e);
    if (rc)
        tl_pass_free(p);
    else
        *out = p;
    return rc;
}

void tl_pass_free(tl_pass *p)
{
    if (!p)
        return;
    for (int i = 0; i < p->ngroups; i++) {
        tl_sampling_unref(p->groups[i].sampling);
        free(p->groups[i].band);
        free(p->groups[i].where);
    }
    free(p->groups);
    tl_prog_free(p->prog);
    free(p->dtypes);
    free(p);
}

int tl_pass_samplings(const tl_pass *p)
{
    return p->ngroups;
}

const tl_sampling *tl_pass_sampling(const tl_pass *p, int k)
{
    return p->groups[k].sampling;
}

const tl_prog *tl_pass_program(const tl_pass *p)
{
    return p->prog;
}

static size_t band_size(const group *g, int k)
{
    return tl_dtype_size(g->source->bands[g->band[k]].dtype);
}

int64_t tl_pass_input_bytes_per_cell(const tl_pass *p)
{
    int64_t bytes = 0;
    for (int i = 0; i < p->ngroups; i++)
        for (int k = 0; k < p->groups[i].n; k++)
            bytes += (int64_t)band_size(&p->groups[i], k) + 1;
    return bytes;
}

int64_t tl_pass_worker_bytes(const tl_pass *p, int64_t w, int64_t h)
{
    int64_t working = 0; /* groups are read one after the other */
    for (int i = 0; i < p->ngroups; i++) {
        const group *g = &p->groups[i];
        int64_t b = g->source->vt->working_bytes(g->sampling, w, h, g->n);
        working = b > working ? b : working;
    }
    return tl_pass_input_bytes_per_cell(p) * w * h + working +
           (int64_t)tl_prog_scratch_bytes(p->prog);
}

/* --- one thread's work ------------------------------------------------------------------------ */

int tl_pass_worker_new(const tl_pass *p, int64_t w, int64_t h, tl_pass_worker **out, tl_err *e)
{
    tl_pass_worker *k = tl_xcalloc(1, sizeof *k);
    int rc = 0;
    k->pass = p;
    k->cells = w * h;
    k->values = tl_xcalloc((size_t)p->nslots, sizeof *k->values);
    k->valid = tl_xcalloc((size_t)p->nslots, sizeof *k->valid);
    k->in = tl_xcalloc(2 * (size_t)p->nslots, sizeof *k->in);
    k->out = tl_xcalloc(2 * (size_t)p->nouts, sizeof *k->out);
    for (int i = 0; i < p->ngroups && !rc; i++)
        for (int b = 0; b < p->groups[i].n && !rc; b++) {
            int s = p->groups[i].first + b;
            rc = tl_try_alloc(&k->values[s], (size_t)k->cells, band_size(&p->groups[i], b),
                              "a block of a band", e);
            if (!rc)
                rc = tl_try_alloc((void **)&k->valid[s], (size_t)k->cells, 1, "a block's mask", e);
            k->in[2 * s] = k->values[s];
            k->in[2 * s + 1] = k->valid[s];
        }
    if (!rc)
        rc = tl_try_alloc(&k->scratch, tl_prog_scratch_bytes(p->prog), 1, "registers", e);
    if (rc)
        tl_pass_worker_free(k);
    else
        *out = k;
    return rc;
}

void tl_pass_worker_free(tl_pass_worker *k)
{
    if (!k)
        return;
    for (int s = 0; s < k->pass->nslots; s++) {
        free(k->values[s]);
        free(k->valid[s]);
    }
    free(k->values);
    free(k->valid);
    free(k->in);
    free(k->out);
    free(k->scratch);
    free(k);
}

static int read_group(tl_pass_worker *k, const group *g, tl_rect rect, tl_err *e)
{
    tl_read r = {.rect = rect,
                 .nbands = g->n,
                 .bands = g->band,
                 .values = k->values + g->first,
                 .valid = k->valid + g->first};
    int rc = g->source->vt->read(g->sampling, &r, e);
    if (rc) {
        tl_err_source(e, g->source->uri);
        tl_err_where(e, g->where[0]);
    }
    return rc;
}

int tl_pass_run(tl_pass_worker *k, tl_rect rect, void *const *values, uint8_t *const *valid,
                tl_err *e)
{
    const tl_pass *p = k->pass;
    if (rect.w <= 0 || rect.h <= 0 || rect.w * rect.h > k->cells)
        return tl_fail(e, TL_ESCRIPT, "a block of %lld x %lld cells for a worker of %lld",
                       (long long)rect.w, (long long)rect.h, (long long)k->cells);
    for (int i = 0; i < p->ngroups; i++) {
        int rc = read_group(k, &p->groups[i], rect, e);
        if (rc)
            return rc;
    }
    for (int j = 0; j < p->nouts; j++) {
        k->out[2 * j] = values[j];
        k->out[2 * j + 1] = valid[j];
    }
    tl_prog_run(p->prog, k->scratch, (size_t)(rect.w * rect.h), k->in, k->out);
    return 0;
}
