/* Strangers' functions, written by the worker that has read them: see foreign.h.
 * SPDX-License-Identifier: MIT */
#include "modules/image/foreign.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

typedef struct writer {
    const tl_call *c;
    tl_ir *ir;
    tl_foreign_slot *slot;
    int nslots;
    tl_fn_result *r;
} writer;

static void put_int(tl_buf *b, int32_t x)
{
    tl_buf_add(b, &x, sizeof x);
}

static void put_text(tl_buf *b, const char *s)
{
    size_t n = s ? strlen(s) : 0;
    n = n > TL_FOREIGN_MOST_TEXT ? TL_FOREIGN_MOST_TEXT : n;
    put_int(b, (int32_t)n);
    tl_buf_add(b, s ? s : "", n);
}

/* The band at an offset as inputs of the program. */
static int load(writer *w, int band, int dx, int dy, tl_val *value, tl_val *valid, tl_err *e)
{
    int k = 0;
    while (k < w->nslots && (w->slot[k].band != band || w->slot[k].dx != dx || w->slot[k].dy != dy))
        k++;
    if (k == TL_MOST_SLOTS / 2)
        return tl_fail(e, TL_ESCRIPT, "the function looks at more than %d neighbours", k);
    if (k == w->nslots) {
        w->slot = tl_xrealloc(w->slot, (size_t)(k + 1) * sizeof *w->slot);
        w->slot[w->nslots++] = (tl_foreign_slot){band, dx, dy};
    }
    tl_type t = w->c->arg[band]->type;
    *value = t == TL_B ? tl_ir_load_mask(w->ir, 2 * k)
                       : tl_ir_load(w->ir, 2 * k, t == TL_I ? TL_I64 : TL_F64);
    *valid = tl_ir_load_mask(w->ir, 2 * k + 1);
    return 0;
}

static int near(void *ctx, tl_ir *ir, int arg, int dx, int dy, tl_val *value, tl_val *valid,
                tl_err *e)
{
    writer *w = ctx;
    (void)ir;
    return load(w, tl_call_bound(w->c, arg)->arg, dx, dy, value, valid, e);
}

static int bind(writer *w, const tl_bound *b, int n, tl_fn_arg *a, tl_err *e)
{
    int rc = 0;
    for (int i = 0; i < n && !rc; i++) {
        a[i] = (tl_fn_arg){b[i].value, TL_NONE, TL_NONE};
        if (!b[i].value)
            rc = load(w, b[i].arg, 0, 0, &a[i].band, &a[i].valid, e);
    }
    return rc;
}

static int lower(writer *w, tl_err *e)
{
    const tl_call *c = w->c;
    int np = tl_fn_n_params(c->fn), nf = tl_fn_n_free(c->fn);
    tl_fn_arg *a = tl_xcalloc((size_t)(np + nf) + 1, sizeof *a);
    tl_fn_options o = {.any = c->any, .near = near, .ctx = w};
    int rc = bind(w, c->param, np, a, e);
    if (!rc)
        rc = bind(w, c->free, nf, a + np, e);
    if (!rc)
        rc = tl_fn_lower(c->fn, w->ir, a, a + np, &o, &w->r, NULL, e);
    free(a);
    return rc;
}

static int sites(const writer *w)
{
    return w->r->n_sites < TL_FOREIGN_MOST_SITES ? w->r->n_sites : TL_FOREIGN_MOST_SITES;
}

/* The last site stands for all that are too many. */
static void put_outputs(writer *w)
{
    static const tl_dtype cells[] = {TL_U8, TL_I64, TL_F64}; /* ORDER tl_type */
    const tl_fn_result *r = w->r;
    for (int k = 0; k < r->n_bands; k++) {
        tl_ir_output(w->ir, 2 * k, r->band[k].value, cells[tl_ir_type(w->ir, r->band[k].value)]);
        tl_ir_output(w->ir, 2 * k + 1, r->band[k].valid, TL_U8);
    }
    for (int k = 0; k < sites(w); k++) {
        tl_val mask = r->site[k].mask;
        for (int j = TL_FOREIGN_MOST_SITES; k == TL_FOREIGN_MOST_SITES - 1 && j < r->n_sites; j++)
            mask = tl_ir_op(w->ir, TL_OP_b_or, mask, r->site[j].mask, TL_NONE);
        tl_ir_output(w->ir, 2 * r->n_bands + k, mask, TL_U8);
    }
}

static void put_sites(const writer *w, tl_buf *out)
{
    for (int k = 0; k < sites(w); k++) {
        const tl_fn_site *s = &w->r->site[k];
        put_int(out, s->line);
        put_int(out, s->column);
        put_text(out, s->chunk);
        put_text(out, s->reason);
    }
}

/* The head, then the results. */
static void put_head(const writer *w, tl_buf *out)
{
    const tl_call *c = w->c;
    put_int(out, c->compiled);
    put_int(out, c->counted);
    put_int(out, c->nresults);
    put_int(out, c->compiled ? w->nslots : 0);
    put_int(out, c->compiled ? sites(w) : 0);
    put_text(out, c->reason);
    put_text(out, c->reason_where);
    for (int k = 0; k < c->nresults; k++) {
        put_int(out, (int32_t)c->result[k].type);
        put_text(out, c->result[k].name);
        put_text(out, c->result[k].key);
    }
}

int tl_foreign_write(const tl_call *c, tl_buf *out, tl_err *e)
{
    writer w = {.c = c, .ir = tl_ir_new()};
    tl_prog *prog = NULL;
    int rc = c->compiled ? lower(&w, e) : 0;
    if (!rc && c->compiled) {
        put_outputs(&w);
        rc = tl_ir_compile(w.ir, &prog, e);
    }
    if (!rc)
        put_head(&w, out);
    if (!rc && c->compiled) {
        for (int k = 0; k < w.nslots; k++)
            tl_buf_add(out, &w.slot[k], sizeof w.slot[k]);
        put_sites(&w, out);
        tl_prog_write(prog, out);
    }
    tl_prog_free(prog);
    tl_fn_result_free(w.r);
    tl_ir_free(w.ir);
    free(w.slot);
    return rc;
}
