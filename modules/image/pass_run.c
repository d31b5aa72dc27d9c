/* Running passes: one thread's blocks. See pass.h. SPDX-License-Identifier: MIT */
#include "modules/image/pass_int.h"
#include "modules/image/foreign.h"
#include "runtime/buf.h"
#include "runtime/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Buffers of one interpreted call. */
typedef struct {
    void *state; /* the interpreter's */
    void **arg;
    uint8_t **arg_valid;
    void **result;
    uint8_t **result_valid;
    uint8_t *raised;
} call_buffers;

/* Where the cells of a band lie for the block at hand, its group's halo included. */
typedef struct {
    const char *values;
    const uint8_t *valid;
    int64_t stride, valid_stride; /* cells from one row to the next */
} place;

struct tl_pass_worker {
    const tl_pass *pass;
    int64_t w, h;                 /* of the largest block */
    const tl_sampling **sampling; /* per group */
    void **values;                /* one per band read, with its group's halo */
    uint8_t **valid;
    uint8_t *ones; /* validity of lent bands that are valid everywhere; NULL when there are none */
    place *at;     /* per band */
    call_buffers *call; /* one per call of the pass; unused where compiled */
    const void **in;    /* slots of the programs */
    void **out;
    uint8_t **trap; /* per trap output of a step: a code per cell */
    int ntraps;
    void *scratch;
};

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* --- memory
 * ------------------------------------------------------------------------------------------ */

static int64_t group_cells(const tl__group *g, int64_t w, int64_t h)
{
    return (w + 2 * g->halo_x) * (h + 2 * g->halo_y);
}

/* The largest block of a source that lends, 0 when none does. */
static int64_t lent_cells(const tl_pass *p, int64_t w, int64_t h)
{
    int64_t cells = 0;
    for (int i = 0; i < p->ngroups; i++)
        if (p->group[i].source->vt->lend)
            cells = most(cells, group_cells(&p->group[i], w, h));
    return cells;
}

static int64_t call_bytes(const tl_call *c, int64_t cells)
{
    return c->compiled ? 0 : (9 * (int64_t)(c->nargs + c->nresults) + 1) * cells;
}

static int64_t scratch_bytes(const tl_pass *p)
{
    int64_t bytes = 0;
    for (int i = 0; i < p->nsteps; i++)
        bytes = most(bytes, (int64_t)tl_prog_scratch_bytes(p->step[i].prog));
    return bytes;
}

static int most_traps(const tl_pass *p)
{
    int n = 0;
    for (int i = 0; i < p->nsteps; i++)
        n = p->step[i].ntraps > n ? p->step[i].ntraps : n;
    return n;
}

static int most_outputs(const tl_pass *p)
{
    int n = 0;
    for (int i = 0; i < p->nsteps; i++) {
        int k = 2 * p->step[i].nouts + p->step[i].ntraps;
        n = k > n ? k : n;
    }
    return n;
}

int64_t tl_pass_worker_bytes(const tl_pass *p, int64_t w, int64_t h)
{
    int64_t working = 0, bytes = scratch_bytes(p) + most_traps(p) * w * h;
    for (int i = 0; i < p->ngroups; i++) { /* groups are read one after the other */
        const tl__group *g = &p->group[i];
        int64_t cells = group_cells(g, w, h);
        int64_t own =
            g->source->vt->working_bytes(g->sampling, w + 2 * g->halo_x, h + 2 * g->halo_y, g->n);
        if (g->source->vt->prepare) /* and keeps its buffers for the next block */
            bytes += own;
        else
            working = most(working, own);
        for (int k = 0; k < g->n; k++)
            bytes += cells * ((int64_t)tl_dtype_size(g->source->bands[g->band[k]].dtype) + 1);
    }
    for (int i = 0; i < p->ncalls; i++)
        bytes += call_bytes(p->call[i], w * h);
    return bytes + working + lent_cells(p, w, h);
}

static int alloc(void *out, int64_t cells, size_t size, tl_err *e)
{
    return tl_try_alloc(out, (size_t)cells, size, "a block", e);
}

static int alloc_bands(tl_pass_worker *k, tl_err *e)
{
    const tl_pass *p = k->pass;
    int rc = 0;
    for (int i = 0; i < p->ngroups; i++) {
        const tl__group *g = &p->group[i];
        int64_t cells = group_cells(g, k->w, k->h);
        for (int b = 0; b < g->n && !rc; b++) {
            rc = alloc(&k->values[g->first + b], cells,
                       tl_dtype_size(g->source->bands[g->band[b]].dtype), e);
            if (!rc)
                rc = alloc(&k->valid[g->first + b], cells, 1, e);
        }
    }
    int64_t lent = lent_cells(p, k->w, k->h);
    if (lent && !rc && !(rc = alloc(&k->ones, lent, 1, e)))
        memset(k->ones, 1, (size_t)lent);
    return rc;
}

static int alloc_call(call_buffers *b, const tl_call *c, int64_t cells, tl_err *e)
{
    b->arg = tl_xcalloc((size_t)c->nargs, sizeof *b->arg);
    b->arg_valid = tl_xcalloc((size_t)c->nargs, sizeof *b->arg_valid);
    b->result = tl_xcalloc((size_t)c->nresults, sizeof *b->result);
    b->result_valid = tl_xcalloc((size_t)c->nresults, sizeof *b->result_valid);
    int rc = alloc(&b->raised, cells, 1, e);
    for (int i = 0; i < c->nargs && !rc; i++)
        rc = alloc(&b->arg[i], cells, 8, e) || alloc(&b->arg_valid[i], cells, 1, e) ? TL_ENOMEM : 0;
    for (int i = 0; i < c->nresults && !rc; i++)
        rc = alloc(&b->result[i], cells, 8, e) || alloc(&b->result_valid[i], cells, 1, e)
                 ? TL_ENOMEM
                 : 0;
    return rc || c->foreign ? rc : tl_get_interpreter()->open(c, &b->state, e);
}

static void free_call(call_buffers *b, const tl_call *c)
{
    for (int i = 0; b->arg && i < c->nargs; i++) {
        free(b->arg[i]);
        free(b->arg_valid[i]);
    }
    for (int i = 0; b->result && i < c->nresults; i++) {
        free(b->result[i]);
        free(b->result_valid[i]);
    }
    if (b->state)
        tl_get_interpreter()->close(b->state);
    free(b->arg);
    free(b->arg_valid);
    free(b->result);
    free(b->result_valid);
    free(b->raised);
}

int tl_pass_worker_new(const tl_pass *p, int64_t w, int64_t h, tl_pass_worker **out, tl_err *e)
{
    tl_pass_worker *k = tl_xcalloc(1, sizeof *k);
    *k = (tl_pass_worker){.pass = p, .w = w, .h = h, .ntraps = most_traps(p)};
    k->sampling = tl_xcalloc((size_t)p->ngroups, sizeof *k->sampling);
    for (int i = 0; i < p->ngroups; i++)
        k->sampling[i] = p->group[i].sampling;
    k->values = tl_xcalloc((size_t)p->nbuffers, sizeof *k->values);
    k->valid = tl_xcalloc((size_t)p->nbuffers, sizeof *k->valid);
    k->at = tl_xcalloc((size_t)p->nbuffers, sizeof *k->at);
    k->call = tl_xcalloc((size_t)p->ncalls, sizeof *k->call);
    k->in = tl_xcalloc(2 * (size_t)p->nslots, sizeof *k->in);
    k->out = tl_xcalloc((size_t)most_outputs(p), sizeof *k->out);
    k->trap = tl_xcalloc((size_t)k->ntraps, sizeof *k->trap);
    int rc = alloc_bands(k, e);
    for (int i = 0; i < p->ncalls && !rc; i++)
        if (!p->call[i]->compiled)
            rc = alloc_call(&k->call[i], p->call[i], w * h, e);
    for (int i = 0; i < k->ntraps && !rc; i++)
        rc = alloc(&k->trap[i], w * h, 1, e);
    if (!rc)
        rc = alloc(&k->scratch, scratch_bytes(p), 1, e);
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
    for (int s = 0; s < k->pass->nbuffers; s++) {
        free(k->values[s]);
        free(k->valid[s]);
    }
    for (int i = 0; i < k->pass->ncalls; i++)
        free_call(&k->call[i], k->pass->call[i]);
    for (int i = 0; i < k->ntraps; i++)
        free(k->trap[i]);
    free(k->sampling);
    free(k->values);
    free(k->valid);
    free(k->ones);
    free(k->at);
    free(k->call);
    free(k->in);
    free(k->out);
    free(k->trap);
    free(k->scratch);
    free(k);
}

static tl_pass_cache cache; /* get is NULL: none */

void tl_pass_set_cache(const tl_pass_cache *c)
{
    cache = c ? *c : (tl_pass_cache){NULL, NULL, NULL};
}

/* --- reading
 * ------------------------------------------------------------------------------------------ */

void tl_pass_worker_use(tl_pass_worker *w, int k, const tl_sampling *m)
{
    w->sampling[k] = m ? m : w->pass->group[k].sampling;
}

/* All bands of the group in place, or none. */
static int borrow_group(tl_pass_worker *k, int group, tl_rect rect)
{
    const tl__group *g = &k->pass->group[group];
    const tl_sampling *m = k->sampling[group];
    tl_lent lent;
    for (int b = 0; b < g->n; b++) {
        int i = g->first + b;
        if (!m->source->vt->lend || !m->source->vt->lend(m, g->band[b], rect, &lent))
            return 0;
        k->at[i] = (place){lent.values, lent.valid, lent.stride, lent.stride};
        if (!lent.valid) {
            k->at[i].valid = k->ones;
            k->at[i].valid_stride = rect.w;
        }
    }
    return 1;
}

static int read_group(tl_pass_worker *k, int group, tl_rect block, tl_err *e)
{
    const tl__group *g = &k->pass->group[group];
    tl_rect rect = {block.x - g->halo_x, block.y - g->halo_y, block.w + 2 * g->halo_x,
                    block.h + 2 * g->halo_y};
    if (borrow_group(k, group, rect))
        return 0;
    tl_read r = {.rect = rect,
                 .nbands = g->n,
                 .bands = g->band,
                 .values = k->values + g->first,
                 .valid = k->valid + g->first};
    for (int i = g->first; i < g->first + g->n; i++)
        k->at[i] = (place){k->values[i], k->valid[i], rect.w, rect.w};
    const tl_sampling *m = k->sampling[group];
    int kept = cache.get && m->source->identity;
    if (kept && cache.get(cache.ctx, m, &r))
        return 0;
    int rc = m->source->vt->read(m, &r, e);
    if (!rc && kept)
        cache.put(cache.ctx, m, &r);
    if (rc) {
        tl_err_source(e, g->source->uri);
        tl_err_where(e, g->where[0]);
    }
    return rc;
}

/* Where slot s begins for the cells from (0, y) of the block on. */
static void point_slot(tl_pass_worker *k, int s, int64_t w, int64_t y)
{
    const tl_pass *p = k->pass;
    const tl__slot *t = &p->slot[s];
    size_t size = tl__slot_size(p, t);
    if (t->call >= 0) {
        const call_buffers *b = &k->call[t->call];
        k->in[2 * s] = (char *)b->result[t->result] + (size_t)(y * w) * size;
        k->in[2 * s + 1] = b->result_valid[t->result] + y * w;
        return;
    }
    const tl__group *g = &p->group[t->group];
    const place *at = &k->at[g->first + t->k];
    int64_t row = y + g->halo_y + t->dy, col = g->halo_x + t->dx;
    k->in[2 * s] = at->values + (row * at->stride + col) * (int64_t)size;
    k->in[2 * s + 1] = at->valid + row * at->valid_stride + col;
}

/* Whether the rows of all bands follow each other without a gap. */
static int is_dense(const tl_pass_worker *k, int64_t w)
{
    for (int i = 0; i < k->pass->nbuffers; i++)
        if (k->at[i].stride != w || k->at[i].valid_stride != w)
            return 0;
    return 1;
}

/* --- programs
 * ------------------------------------------------------------------------------------------ */

/* Runs a step over the block: at once, or row by row where inputs have a margin or lie within
 * something wider. out[j] has cells of size[j] bytes. */
static void run_step(tl_pass_worker *k, const tl__step *step, tl_rect rect, void *const *values,
                     uint8_t *const *valid, const size_t *size)
{
    int64_t rows = is_dense(k, rect.w) ? rect.h : 1;
    for (int64_t y = 0; y < rect.h; y += rows) {
        for (int s = 0; s < k->pass->nslots; s++)
            point_slot(k, s, rect.w, y);
        for (int j = 0; j < step->nouts; j++) {
            k->out[2 * j] = (char *)values[j] + (size_t)(y * rect.w) * size[j];
            k->out[2 * j + 1] = valid[j] + y * rect.w;
        }
        for (int t = 0; t < step->ntraps; t++)
            k->out[step->trap[t].out] = k->trap[t] + y * rect.w;
        tl_prog_run(step->prog, k->scratch, (size_t)(rect.w * rows), k->in, k->out);
    }
}

/* --- pixels that raise
 * ---------------------------------------------------------------------------------- */

static const char *name_of_arg(const tl_call *c, int arg)
{
    for (int k = 0; k < tl_fn_n_params(c->fn); k++)
        if (!c->param[k].value && c->param[k].arg == arg)
            return tl_fn_param(c->fn, k);
    for (int k = 0; k < tl_fn_n_free(c->fn); k++)
        if (!c->free[k].value && c->free[k].arg == arg)
            return tl_fn_free(c->fn, k);
    return "?";
}

/* "B04 = 12, B08 = 7": the bands of a call at one cell, computed once more by a pass of their own.
 */
static void describe_inputs(const tl_pass *p, const tl_call *c, int64_t col, int64_t row,
                            tl_buf *text)
{
    tl_dtype *types = tl_xcalloc((size_t)c->nargs, sizeof *types);
    double *x = tl_xcalloc((size_t)c->nargs, sizeof *x);
    uint8_t *ok = tl_xcalloc((size_t)c->nargs, 1);
    void **values = tl_xcalloc((size_t)c->nargs, sizeof *values);
    uint8_t **valid = tl_xcalloc((size_t)c->nargs, sizeof *valid);
    for (int i = 0; i < c->nargs; i++) {
        types[i] = TL_F64;
        values[i] = &x[i];
        valid[i] = &ok[i];
    }
    tl_err ignored = TL_ERR_INIT;
    tl_pass *one = NULL;
    tl_pass_worker *w = NULL;
    tl_pass_spec spec = {p->group[0].sampling->lattice, c->arg, types, c->nargs, NULL, NULL};
    if (tl_pass_new(&spec, &one, &ignored) == 0 &&
        tl_pass_worker_new(one, 1, 1, &w, &ignored) == 0 &&
        tl_pass_run(w, (tl_rect){col, row, 1, 1}, values, valid, &ignored) == 0)
        for (int i = 0; i < c->nargs; i++) {
            tl_buf_printf(text, "%s%s = ", i ? ", " : "", name_of_arg(c, i));
            tl_buf_printf(text, ok[i] ? "%.17g" : "invalid", x[i]);
        }
    tl_pass_worker_free(w);
    tl_pass_free(one);
    free(types);
    free(x);
    free(ok);
    free(values);
    free(valid);
}

/* What the interpreter heard of a pixel that raised. */
typedef struct heard {
    const char *said;
    int line;
} heard;

static int raise_error(const tl_pass *p, const tl__trap *t, int64_t col, int64_t row, int site,
                       const heard *h, tl_err *e)
{
    const char *reason = site < t->nsites ? t->site[site].reason
                         : h->said[0]     ? h->said
                                          : "the function raised an error";
    const char *chunk = tl_fn_chunk(t->call->fn);
    int line = site < t->nsites ? t->site[site].line : h->line;
    tl_buf inputs = TL_BUF_INIT;
    if (p->ngroups)
        describe_inputs(p, t->call, col, row, &inputs);
    tl_fail(e, TL_ESCRIPT,
            "%s:%d: %s, at column %lld, row %lld of the grid, where %s (on_error = \"fail\")",
            chunk + (chunk[0] == '@' || chunk[0] == '='), line ? line : tl_fn_line(t->call->fn),
            reason, (long long)col, (long long)row, tl_buf_text(&inputs));
    tl_buf_free(&inputs);
    return tl_err_where(e, t->call->where);
}

/* codes: 0 = fine, else 1 + site. */
static int count_traps(const tl_pass *p, int trap, const uint8_t *codes, tl_rect rect,
                       const heard *h, tl_err *e)
{
    int64_t n = rect.w * rect.h, first = -1, count = 0;
    for (int64_t i = 0; i < n; i++)
        if (codes[i]) {
            first = first < 0 ? i : first;
            count++;
        }
    if (count == 0)
        return 0;
    tl__trap *t = &p->trap[trap];
    int64_t col = rect.x + first % rect.w, row = rect.y + first / rect.w;
    pthread_mutex_lock((pthread_mutex_t *)(uintptr_t)&p->lock);
    if (t->count == 0 || row < t->row || (row == t->row && col < t->col)) {
        t->col = col;
        t->row = row;
        t->first_site = codes[first] - 1;
        snprintf(t->said, sizeof t->said, "%s", h->said);
        t->said_line = h->line;
    }
    t->count += count;
    pthread_mutex_unlock((pthread_mutex_t *)(uintptr_t)&p->lock);
    return t->call->fail ? raise_error(p, t, col, row, codes[first] - 1, h, e) : 0;
}

static int step_traps(const tl_pass_worker *k, const tl__step *step, tl_rect rect, tl_err *e)
{
    static const heard nothing = {"", 0};
    int rc = 0;
    for (int t = 0; t < step->ntraps && !rc; t++)
        rc = count_traps(k->pass, step->trap[t].trap, k->trap[t], rect, &nothing, e);
    return rc;
}

/* --- blocks
 * ---------------------------------------------------------------------------------------------- */

static int call_index(const tl_pass *p, const tl_call *c)
{
    int i = 0;
    while (p->call[i] != c)
        i++;
    return i;
}

/* A stranger's function is run by whoever brought it. */
static int interpret(const tl_call *c, call_buffers *b, size_t n, tl_err *e)
{
    const void *const *args = (const void *const *)b->arg;
    const uint8_t *const *valid = (const uint8_t *const *)b->arg_valid;
    return c->foreign ? c->foreign->owner->run(c->foreign->ctx, c, n, args, valid, b->result,
                                               b->result_valid, b->raised, e)
                      : tl_get_interpreter()->run(b->state, n, args, valid, b->result,
                                                  b->result_valid, b->raised, e);
}

static int run_call(tl_pass_worker *k, const tl__step *step, tl_rect rect, tl_err *e)
{
    const tl_call *c = step->call;
    call_buffers *b = &k->call[call_index(k->pass, c)];
    size_t n = (size_t)(rect.w * rect.h), *size = tl_xcalloc((size_t)c->nargs, sizeof *size);
    for (int i = 0; i < c->nargs; i++)
        size[i] = 8;
    run_step(k, step, rect, b->arg, b->arg_valid, size);
    free(size);
    int rc = step_traps(k, step, rect, e);
    memset(b->raised, 0, n);
    if (!rc)
        rc = interpret(c, b, n, e);
    heard h = {"", 0};
    if (!rc && !c->foreign)
        h.said = tl_get_interpreter()->said(b->state, &h.line);
    for (int t = 0; t < k->pass->ntraps && !rc; t++)
        if (k->pass->trap[t].call == c)
            rc = count_traps(k->pass, t, b->raised, rect, &h, e);
    return rc ? tl_err_where(e, c->where) : 0;
}

int tl_pass_run(tl_pass_worker *k, tl_rect rect, void *const *values, uint8_t *const *valid,
                tl_err *e)
{
    const tl_pass *p = k->pass;
    int rc = 0;
    if (rect.w <= 0 || rect.h <= 0 || rect.w > k->w || rect.h > k->h)
        return tl_fail(e, TL_ESCRIPT, "a block of %lld x %lld cells for a worker of %lld x %lld",
                       (long long)rect.w, (long long)rect.h, (long long)k->w, (long long)k->h);
    for (int i = 0; i < p->ngroups && !rc; i++)
        rc = read_group(k, i, rect, e);
    for (int i = 0; i < p->nsteps - 1 && !rc; i++)
        rc = run_call(k, &p->step[i], rect, e);
    if (rc)
        return rc;
    run_step(k, &p->step[p->nsteps - 1], rect, values, valid, p->out_size);
    return step_traps(k, &p->step[p->nsteps - 1], rect, e);
}
