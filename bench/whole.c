/* Whole pictures in memory, for bench/functions.py, which loads this as a shared object.
 * SPDX-License-Identifier: MIT
 *
 * A user's function over bands in the caller's arrays, into the caller's arrays, on one thread, by
 * the same tl_evaluate that embedding programs use: blocks, validity, everything included. */
#include "tests/c/memory_source.h"
#include "modules/batch/evaluate.h"
#include "modules/image/call.h"
#include "modules/image/interpret_lua.h"
#include "modules/image/pass.h"

#include <stdio.h>

enum { MOST = 16 }; /* parameters, free names, results */
#define PUBLIC __attribute__((visibility("default")))

typedef struct bench {
    const void *cells[MOST];
    tl_grid grid;
    tl_dtype type[MOST]; /* of the results */
    int nresults;
    tl_pass *pass;
    char message[400];
} bench;

PUBLIC bench *bench_open(const char *text, int compiled, const char *type, const void *const *cells,
                         int64_t w, int64_t h);
PUBLIC const char *bench_message(const bench *b); /* "" when it went well */
PUBLIC int bench_results(const bench *b);
PUBLIC int bench_result_is_float(const bench *b, int k);
PUBLIC int bench_run(bench *b, void *const *values, uint8_t *const *valid);
PUBLIC void bench_close(bench *b);

static int make_call(const tl_fn *fn, const tl_source *s, int compiled, tl_call **out, tl_err *e)
{
    tl_bound param[MOST] = {{0}}, frees[MOST] = {{0}};
    tl_node *arg[MOST];
    int n = tl_fn_n_params(fn), nfree = tl_fn_n_free(fn);
    for (int k = 0; k < n; k++) {
        param[k].arg = k;
        arg[k] = tl_node_band((tl_source *)(uintptr_t)s, k, TL_NEAREST, "");
    }
    for (int k = 0; k < nfree; k++)
        frees[k].value = tl_frozen_standard(tl_fn_free(fn, k));
    tl_call_spec spec = {.fn = (tl_fn *)(uintptr_t)fn,
                         .param = param,
                         .free = frees,
                         .arg = arg,
                         .nargs = n,
                         .compile = compiled ? TL_COMPILE_REQUIRE : TL_COMPILE_NEVER};
    int rc = tl_call_new(&spec, out, e);
    for (int k = 0; k < n; k++)
        tl_node_unref(arg[k]);
    for (int k = 0; k < nfree; k++)
        tl_frozen_unref(frees[k].value);
    return rc;
}

static int make_pass(bench *b, tl_call *c, tl_err *e)
{
    tl_node *node[MOST];
    b->nresults = c->nresults;
    if (c->nresults > MOST)
        return tl_fail(e, TL_ESCRIPT, "more than %d results", MOST);
    for (int k = 0; k < c->nresults; k++) {
        node[k] = tl_call_node(c, k);
        b->type[k] = node[k]->type == TL_F ? TL_F64 : TL_U8;
    }
    tl_pass_spec spec = {b->grid, node, b->type, c->nresults, NULL, NULL};
    int rc = tl_pass_new(&spec, &b->pass, e);
    for (int k = 0; k < c->nresults; k++)
        tl_node_unref(node[k]);
    return rc;
}

static int open_fn(bench *b, const tl_fn *fn, int compiled, tl_dtype t, tl_err *e)
{
    const char *name[MOST];
    tl_dtype type[MOST];
    int n = tl_fn_n_params(fn);
    if (n > MOST || tl_fn_n_free(fn) > MOST)
        return tl_fail(e, TL_ESCRIPT, "more than %d parameters or free names", MOST);
    for (int k = 0; k < n; k++) {
        name[k] = tl_fn_param(fn, k);
        type[k] = t;
    }
    tl_source *s = memory_source_new(n, name, type, b->cells, b->grid.w, b->grid.h, 1);
    tl_call *c = NULL;
    int rc = make_call(fn, s, compiled, &c, e);
    if (!rc)
        rc = make_pass(b, c, e);
    tl_call_unref(c);
    tl_source_unref(s);
    return rc;
}

/* `text` is a function whose parameters are the bands, one array of `type` each. */
bench *bench_open(const char *text, int compiled, const char *type, const void *const *cells,
                  int64_t w, int64_t h)
{
    bench *b = tl_xcalloc(1, sizeof *b);
    tl_err e = TL_ERR_INIT;
    tl_fn *fn = NULL;
    tl_dtype t = TL_F64;
    b->grid = (tl_grid){"", 0, 0, 1, 1, 0, 0, w, h};
    tl_interpreter_install();
    int rc = tl_fn_parse(text, strlen(text), "=bench", 1, 1, &fn, NULL, &e);
    if (!rc && tl_dtype_from_name(type, &t))
        rc = tl_fail(&e, TL_ESCRIPT, "no cell type: %s", type);
    if (!rc) {
        memcpy(b->cells, cells, (size_t)tl_fn_n_params(fn) * sizeof *cells);
        rc = open_fn(b, fn, compiled, t, &e);
    }
    tl_fn_unref(fn);
    if (rc)
        snprintf(b->message, sizeof b->message, "%s", e.message);
    return b;
}

const char *bench_message(const bench *b)
{
    return b->message;
}

int bench_results(const bench *b)
{
    return b->nresults;
}

int bench_result_is_float(const bench *b, int k)
{
    return b->type[k] == TL_F64;
}

int bench_run(bench *b, void *const *values, uint8_t *const *valid)
{
    tl_err e = TL_ERR_INIT;
    int rc = tl_evaluate(b->pass, &b->grid, b->nresults, b->type, 1, NULL, values, valid, &e);
    if (rc)
        snprintf(b->message, sizeof b->message, "%s", e.message);
    return rc;
}

void bench_close(bench *b)
{
    tl_pass_free(b->pass);
    free(b);
}
