/* Functions on pixels: compiled, or kept and interpreted. SPDX-License-Identifier: MIT */
#include "worker/worker.h"
#include "modules/batch/plan_call.h"
#include "modules/image/foreign.h"
#include "modules/image/interpret_lua.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

#define MOST_KEPT 4 /* as the server counts: runtime/jail_int.h */

typedef struct kept {
    uint64_t id; /* 0 = none */
    tl__plan_function f;
    tl_node **arg; /* constants that stand for bands of their types */
    int nargs;
    const tl_call *call; /* f's */
    void *state;         /* the interpreter's; NULL = compiled */
} kept;

static kept keep[MOST_KEPT];
static int next_kept;

static void forget(kept *k)
{
    if (k->state)
        tl_get_interpreter()->close(k->state);
    tl__plan_function_free(&k->f);
    for (int i = 0; i < k->nargs; i++)
        tl_node_unref(k->arg[i]);
    free(k->arg);
    *k = (kept){0};
}

static int make_args(kept *k, const char *letters, tl_err *e)
{
    size_t n = strlen(letters);
    if (n > TL_MOST_SLOTS)
        return tl_fail(e, TL_EDATA, "a function of %zu bands", n);
    k->arg = tl_xcalloc(n + 1, sizeof *k->arg);
    for (size_t i = 0; i < n; i++) {
        const char *at = strchr("bif", letters[i]); /* ORDER tl_type */
        if (!at)
            return tl_fail(e, TL_EDATA, "a band of an unknown type");
        k->arg[k->nargs++] = tl_node_const((tl_type)(at - "bif"), (tl_num){.i = 0}, "");
    }
    return 0;
}

static int read_function(kept *k, const json_t *j, tl_err *e)
{
    tl_frozen_budget budget = TL_FROZEN_BUDGET_INIT;
    const char *letters = json_string_value(json_object_get(j, "types"));
    tl_node *node = NULL;
    int rc = letters ? make_args(k, letters, e) : tl_fail(e, TL_EDATA, "no types of bands");
    if (!rc)
        rc = tl__plan_function_read(json_object_get(j, "function"), &budget, &k->f, e);
    if (!rc)
        rc = tl__plan_function_result(&k->f, k->arg, k->nargs, 0, "", &node, e);
    if (!rc)
        k->call = node->call;
    tl_node_unref(node); /* f keeps the call */
    return rc;
}

static int prepare(kept *k, const tl_jail_in *q, const char *text, tl_buf *out, tl_err *e)
{
    json_error_t je;
    json_t *j = json_loadb(text, q->len, JSON_REJECT_DUPLICATES, &je);
    if (!j)
        return tl_fail(e, TL_EDATA, "not JSON: %s", je.text);
    tl_interpreter_install_with(&q->limits);
    int rc = read_function(k, j, e);
    if (!rc)
        rc = tl_foreign_write(k->call, out, e);
    if (!rc && !k->call->compiled)
        rc = tl_get_interpreter()->open(k->call, &k->state, e);
    json_decref(j);
    k->id = q->id;
    return rc;
}

void tl_serve_prepare(const tl_jail_in *q, const char *text, tl_jail_out *h, char *data)
{
    tl_err e = TL_ERR_INIT;
    tl_buf out = TL_BUF_INIT;
    kept k = {0};
    int rc = prepare(&k, q, text, &out, &e);
    if (!rc && out.len > TL_JAIL_OUT - TL_JAIL_HEAD)
        rc = tl_fail(&e, TL_ESCRIPT, "the function is too large");
    if (rc) {
        tl_serve_error(h, rc == TL_ENOMEM ? TL_ANSWER_MEMORY : TL_ANSWER_ERROR, &e);
        forget(&k);
    } else {
        memcpy(data, out.data, out.len);
        h->len = out.len;
        forget(&keep[next_kept]);
        keep[next_kept] = k;
        next_kept = (next_kept + 1) % MOST_KEPT;
    }
    tl_buf_free(&out);
}

/* --- running
 * ---------------------------------------------------------------------------------------- */

typedef struct block {
    const void **args;
    const uint8_t **valid;
    void **results;
    uint8_t **results_valid;
    uint8_t *raised;
} block;

static void lay_out(block *b, const tl_call *c, size_t n, const char *in, char *out, size_t *len)
{
    const char *start = out;
    b->args = tl_xcalloc((size_t)c->nargs + 1, sizeof *b->args);
    b->valid = tl_xcalloc((size_t)c->nargs + 1, sizeof *b->valid);
    b->results = tl_xcalloc((size_t)c->nresults + 1, sizeof *b->results);
    b->results_valid = tl_xcalloc((size_t)c->nresults + 1, sizeof *b->results_valid);
    for (int i = 0; i < c->nargs; i++) {
        b->args[i] = in;
        in += tl_jail_round(8 * n);
        b->valid[i] = (const uint8_t *)in;
        in += tl_jail_round(n);
    }
    for (int k = 0; k < c->nresults; k++) {
        b->results[k] = out;
        out += tl_jail_round((c->result[k].type == TL_B ? 1 : 8) * n);
        b->results_valid[k] = (uint8_t *)out;
        out += tl_jail_round(n);
    }
    b->raised = (uint8_t *)out;
    memset(out, 0, n);
    *len = (size_t)(out - start) + tl_jail_round(n);
}

static const kept *find(uint64_t id)
{
    for (int k = 0; k < MOST_KEPT; k++)
        if (keep[k].id == id && keep[k].state)
            return &keep[k];
    return NULL;
}

void tl_serve_run(const tl_jail_in *q, const char *cells, tl_jail_out *h, char *data)
{
    const kept *k = find(q->id);
    tl_err e = TL_ERR_INIT;
    block b;
    size_t len = 0;
    if (!k) {
        tl_fail(&e, TL_EDATA, "a function that is not kept here");
        tl_serve_error(h, TL_ANSWER_ERROR, &e);
        return;
    }
    lay_out(&b, k->call, q->n, cells, data, &len);
    int rc = tl_get_interpreter()->run(k->state, q->n, b.args, b.valid, b.results, b.results_valid,
                                       b.raised, &e);
    h->len = len;
    h->peak = tl_host_peak(tl_interpreter_host(k->state));
    tl_stop why = tl_host_stopped_by(tl_interpreter_host(k->state));
    if (rc)
        tl_serve_error(h,
                       why == TL_STOP_TIME                        ? TL_ANSWER_TIME
                       : why == TL_STOP_MEMORY || rc == TL_ENOMEM ? TL_ANSWER_MEMORY
                                                                  : TL_ANSWER_ERROR,
                       &e);
    free(b.args);
    free(b.valid);
    free(b.results);
    free(b.results_valid);
}
