/* Planning passes: see pass.h. SPDX-License-Identifier: MIT */
#include "modules/image/pass_int.h"
#include "modules/image/lower.h"
#include "modules/image/order.h"
#include "runtime/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- sources
 * ---------------------------------------------------------------------------------------- */

static int find_group(const tl_pass *p, const tl_node *n)
{
    for (int i = 0; i < p->ngroups; i++)
        /* The same file opened twice is one source. */
        if (p->group[i].method == n->method &&
            (p->group[i].source == n->source ||
             strcmp(p->group[i].source->uri, n->source->uri) == 0))
            return i;
    return -1;
}

static int find_band(const tl__group *g, int band)
{
    int k = 0;
    while (k < g->n && g->band[k] != band)
        k++;
    return k;
}

static void add_band(tl__group *g, const tl_node *n)
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
    p->group = tl_xrealloc(p->group, (size_t)(p->ngroups + 1) * sizeof *p->group);
    p->group[p->ngroups++] = (tl__group){.sampling = m, .source = m->source, .method = n->method};
    return 0;
}

static void note_call(tl_pass *p, tl_call *c)
{
    for (int i = 0; i < p->ncalls; i++)
        if (p->call[i] == c)
            return;
    p->call = tl_xrealloc(p->call, (size_t)(p->ncalls + 1) * sizeof *p->call);
    p->call[p->ncalls++] = tl_call_ref(c);
}

/* Samplings of all bands, and all calls, arguments before users. */
static int collect(tl_pass *p, const tl_pass_spec *spec, tl_err *e)
{
    tl_order o;
    int rc = 0;
    tl_order_make(&o, spec->nodes, spec->n);
    for (int i = 0; i < o.n && !rc; i++) {
        tl_node *n = o.node[i];
        if (n->kind == TL_NODE_RESULT)
            note_call(p, n->call);
        if (n->kind != TL_NODE_BAND)
            continue;
        int g = find_group(p, n);
        if (g < 0 && !(rc = add_group(p, spec, n, e)))
            g = p->ngroups - 1;
        if (g >= 0)
            add_band(&p->group[g], n);
    }
    tl_order_free(&o);
    for (int i = 0; i < p->ngroups && !rc; i++) {
        tl__group *g = &p->group[i];
        g->first = p->nbuffers;
        p->nbuffers += g->n;
        if (g->source->vt->prepare)
            rc = g->source->vt->prepare(g->sampling, g->n, g->band, e);
        if (rc)
            tl_err_where(e, g->where[0]);
    }
    return rc;
}

/* --- input slots
 * --------------------------------------------------------------------------------------- */

static int slot_of(tl_pass *p, tl__slot want)
{
    for (int s = 0; s < p->nslots; s++)
        if (memcmp(&p->slot[s], &want, sizeof want) == 0)
            return s;
    p->slot = tl_xrealloc(p->slot, (size_t)(p->nslots + 1) * sizeof *p->slot);
    p->slot[p->nslots] = want;
    return p->nslots++;
}

static void widen(int *halo, int d)
{
    int need = d < 0 ? -d : d;
    if (need > *halo)
        *halo = need;
}

static int hook_band(void *ctx, tl_ir *ir, const tl_node *n, int dx, int dy, tl_lowered *out,
                     tl_err *e)
{
    tl_pass *p = ctx;
    int group = find_group(p, n), k = find_band(&p->group[group], n->band);
    widen(&p->group[group].halo_x, dx);
    widen(&p->group[group].halo_y, dy);
    if (p->group[group].halo_x > 4096 || p->group[group].halo_y > 4096)
        return tl_fail(e, TL_ESCRIPT, "near within near reaches more than 4096 cells away");
    int s = slot_of(p, (tl__slot){group, k, dx, dy, -1, 0});
    out->value = tl_ir_load(ir, 2 * s, n->source->bands[n->band].dtype);
    out->valid = tl_ir_load_mask(ir, 2 * s + 1);
    return 0;
}

static int hook_result(void *ctx, tl_ir *ir, const tl_node *n, tl_lowered *out, tl_err *e)
{
    tl_pass *p = ctx;
    (void)e;
    int call = 0;
    while (p->call[call] != n->call)
        call++;
    int s = slot_of(p, (tl__slot){-1, 0, 0, 0, call, n->result});
    out->value = n->type == TL_B ? tl_ir_load_mask(ir, 2 * s)
                                 : tl_ir_load(ir, 2 * s, n->type == TL_I ? TL_I64 : TL_F64);
    out->valid = tl_ir_load_mask(ir, 2 * s + 1);
    return 0;
}

size_t tl__slot_size(const tl_pass *p, const tl__slot *s)
{
    if (s->call >= 0)
        return p->call[s->call]->result[s->result].type == TL_B ? 1 : 8;
    const tl__group *g = &p->group[s->group];
    return tl_dtype_size(g->source->bands[g->band[s->k]].dtype);
}

/* --- programs
 * -------------------------------------------------------------------------------------------- */

static int trap_of(tl_pass *p, const tl_call *c, const tl_fn_result *r)
{
    for (int i = 0; i < p->ntraps; i++)
        if (p->trap[i].call == c)
            return i;
    p->trap = tl_xrealloc(p->trap, (size_t)(p->ntraps + 1) * sizeof *p->trap);
    tl__trap *t = &p->trap[p->ntraps];
    *t = (tl__trap){.call = c, .nsites = r ? r->n_sites : 0};
    t->site = tl_xcalloc((size_t)t->nsites, sizeof *t->site);
    for (int k = 0; k < t->nsites; k++) {
        t->site[k].line = r->site[k].line;
        t->site[k].column = r->site[k].column;
        t->site[k].reason = tl_intern(r->site[k].reason);
    }
    return p->ntraps++;
}

typedef struct {
    tl_pass *p;
    tl__step *step;
} program_ctx;

static int band_of_program(void *ctx, tl_ir *ir, const tl_node *n, int dx, int dy, tl_lowered *out,
                           tl_err *e)
{
    return hook_band(((program_ctx *)ctx)->p, ir, n, dx, dy, out, e);
}

static int result_of_program(void *ctx, tl_ir *ir, const tl_node *n, tl_lowered *out, tl_err *e)
{
    return hook_result(((program_ctx *)ctx)->p, ir, n, out, e);
}

static void trap_of_program(void *ctx, tl_ir *ir, const tl_node *n, const tl_fn_result *r,
                            tl_val code)
{
    program_ctx *c = ctx;
    tl__step *s = c->step;
    for (int i = 0; i < c->p->nsteps - 1; i++) /* an earlier step that needs it counts for both */
        for (int t = 0; t < c->p->step[i].ntraps; t++)
            if (c->p->trap[c->p->step[i].trap[t].trap].call == n->call)
                return;
    int out = 2 * s->nouts + s->ntraps;
    s->trap = tl_xrealloc(s->trap, (size_t)(s->ntraps + 1) * sizeof *s->trap);
    s->trap[s->ntraps++] = (tl__trap_output){out, trap_of(c->p, n->call, r)};
    tl_ir_output(ir, out, code, TL_U8);
}

static int add_step(tl_pass *p, const tl_call *call, tl_node *const *roots, const tl_dtype *dtypes,
                    int n, tl_err *e)
{
    p->step = tl_xrealloc(p->step, (size_t)(p->nsteps + 1) * sizeof *p->step);
    tl__step *s = &p->step[p->nsteps++];
    *s = (tl__step){.call = call, .nouts = n};
    tl_ir *ir = tl_ir_new();
    program_ctx ctx = {p, s};
    tl_lower_hooks hooks = {&ctx, band_of_program, result_of_program, trap_of_program};
    int rc = tl_lower(ir, roots, dtypes, n, &hooks, e);
    if (!rc)
        rc = tl_ir_compile(ir, &s->prog, e);
    tl_ir_free(ir);
    return rc;
}

/* The bands of an interpreted call, as the interpreter wants them. */
static int add_call_step(tl_pass *p, const tl_call *c, tl_err *e)
{
    tl_dtype *types = tl_xcalloc((size_t)c->nargs, sizeof *types);
    for (int i = 0; i < c->nargs; i++)
        types[i] = c->arg[i]->type == TL_F ? TL_F64 : TL_I64;
    int rc = add_step(p, c, c->arg, types, c->nargs, e);
    trap_of(p, c, NULL);
    free(types);
    return rc;
}

int tl_pass_new(const tl_pass_spec *spec, tl_pass **out, tl_err *e)
{
    tl_pass *p = tl_xcalloc(1, sizeof *p);
    p->nouts = spec->n;
    pthread_mutex_init(&p->lock, NULL);
    p->out_size = tl_xcalloc((size_t)spec->n, sizeof *p->out_size);
    for (int j = 0; j < spec->n; j++)
        p->out_size[j] = tl_dtype_size(spec->dtypes[j]);
    int rc = collect(p, spec, e);
    for (int i = 0; i < p->ncalls && !rc; i++)
        if (!p->call[i]->compiled)
            rc = add_call_step(p, p->call[i], e);
    if (!rc)
        rc = add_step(p, NULL, spec->nodes, spec->dtypes, spec->n, e);
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
        tl_sampling_unref(p->group[i].sampling);
        free(p->group[i].band);
        free(p->group[i].where);
    }
    for (int i = 0; i < p->nsteps; i++) {
        tl_prog_free(p->step[i].prog);
        free(p->step[i].trap);
    }
    for (int i = 0; i < p->ntraps; i++)
        free(p->trap[i].site);
    for (int i = 0; i < p->ncalls; i++)
        tl_call_unref((tl_call *)(uintptr_t)p->call[i]);
    pthread_mutex_destroy(&p->lock);
    free(p->out_size);
    free(p->group);
    free(p->slot);
    free(p->step);
    free(p->trap);
    free(p->call);
    free(p);
}

/* --- questions
 * ------------------------------------------------------------------------------------------- */

int tl_pass_samplings(const tl_pass *p)
{
    return p->ngroups;
}

const tl_sampling *tl_pass_sampling(const tl_pass *p, int k)
{
    return p->group[k].sampling;
}

const int *tl_pass_bands(const tl_pass *p, int k, int *n)
{
    *n = p->group[k].n;
    return p->group[k].band;
}

const tl_prog *tl_pass_program(const tl_pass *p)
{
    return p->step[p->nsteps - 1].prog;
}

int tl_pass_calls(const tl_pass *p)
{
    return p->ncalls;
}

const tl_call *tl_pass_call(const tl_pass *p, int k)
{
    return p->call[k];
}

int tl_pass_inner(const tl_pass *p, int k, tl_pass *const **out)
{
    const tl_source_vt *vt = p->group[k].source->vt;
    return vt->passes ? vt->passes(p->group[k].sampling, out) : 0;
}

int tl_pass_reach(const tl_pass *p)
{
    tl_pass *const *inner;
    int reach = 0;
    for (int k = 0; k < p->ngroups; k++) {
        widen(&reach, p->group[k].halo_x);
        widen(&reach, p->group[k].halo_y);
        for (int i = tl_pass_inner(p, k, &inner); i > 0; i--)
            widen(&reach, tl_pass_reach(inner[i - 1]));
    }
    return reach;
}

int tl_pass_uses_libm(const tl_pass *p)
{
    tl_pass *const *inner;
    int uses = tl_prog_uses_libm(tl_pass_program(p));
    for (int c = 0; c < p->ncalls; c++) /* Lua calls what it likes */
        uses |= !p->call[c]->compiled;
    for (int k = 0; k < p->ngroups; k++)
        for (int i = tl_pass_inner(p, k, &inner); i > 0; i--)
            uses |= tl_pass_uses_libm(inner[i - 1]);
    return uses;
}

int tl_pass_most_traps(const tl_pass *p)
{
    int n = p->ncalls;
    tl_pass *const *inner;
    for (int k = 0; k < p->ngroups; k++)
        for (int i = tl_pass_inner(p, k, &inner); i > 0; i--)
            n += tl_pass_most_traps(inner[i - 1]);
    return n;
}

int tl_pass_traps(const tl_pass *p, tl_pass_trap *out, int most)
{
    int n = 0;
    tl_pass *const *inner;
    for (int k = 0; k < p->ngroups; k++)
        for (int i = 0, m = tl_pass_inner(p, k, &inner); i < m; i++)
            n += tl_pass_traps(inner[i], out + n, most - n);
    for (int i = 0; i < p->ntraps && n < most; i++) {
        const tl__trap *t = &p->trap[i];
        if (t->count == 0)
            continue;
        int known = t->first_site < t->nsites;
        out[n] = (tl_pass_trap){t->call,
                                t->count,
                                t->col,
                                t->row,
                                known ? t->site[t->first_site].line : t->said_line,
                                known ? t->site[t->first_site].column : 0,
                                ""};
        snprintf(out[n++].reason, sizeof out->reason, "%s",
                 known ? t->site[t->first_site].reason : t->said);
    }
    return n;
}

int tl_pass_lends(const tl_pass *p)
{
    for (int i = 0; i < p->ngroups; i++)
        if (!p->group[i].source->vt->lend)
            return 0;
    return p->ngroups > 0;
}

int64_t tl_pass_input_bytes_per_cell(const tl_pass *p)
{
    int64_t bytes = 0;
    for (int i = 0; i < p->ngroups; i++)
        for (int k = 0; k < p->group[i].n; k++)
            bytes +=
                (int64_t)tl_dtype_size(p->group[i].source->bands[p->group[i].band[k]].dtype) + 1;
    return bytes;
}
