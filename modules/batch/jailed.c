/* Strangers' functions in the jail: see jailed.h. SPDX-License-Identifier: MIT */
#include "modules/batch/jailed.h"
#include "modules/image/foreign.h"
#include "runtime/jail.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Enough to make the function once more over other bands. */
typedef struct jailed {
    json_t *function;
    char *tenant;
    tl_limits limits;
    tl_jail *jail;
    tl_jail_fn *fn;
} jailed;

static void free_jailed(void *ctx)
{
    jailed *d = ctx;
    json_decref(d->function);
    free(d->tenant);
    tl_jail_fn_free(d->fn);
    free(d);
}

static int run(void *ctx, const tl_call *c, size_t n, const void *const *args,
               const uint8_t *const *valid, void *const *results, uint8_t *const *results_valid,
               uint8_t *raised, tl_err *e)
{
    const jailed *d = ctx;
    uint8_t *size = tl_xcalloc((size_t)c->nresults + 1, 1);
    for (int k = 0; k < c->nresults; k++)
        size[k] = c->result[k].type == TL_B ? 1 : 8;
    tl_jail_block b = {n, c->nargs, c->nresults, args, valid, results, size, results_valid, raised};
    int rc = tl_jail_fn_run(d->fn, &b, e);
    /* A float that is valid is finite: the rest of the program counts on it. */
    for (int k = 0; k < c->nresults && !rc; k++)
        for (size_t p = 0; p < n && c->result[k].type == TL_F; p++)
            results_valid[k][p] &= isfinite(((const double *)results[k])[p]) != 0;
    free(size);
    return rc;
}

static char *text_of(json_t *function, const tl_type *types, int nargs)
{
    char *letters = tl_xmalloc((size_t)nargs + 1);
    for (int i = 0; i < nargs; i++)
        letters[i] = "bif"[types[i]]; /* ORDER tl_type */
    letters[nargs] = 0;
    json_t *j = json_pack("{s:O, s:s}", "function", function, "types", letters);
    char *text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(j);
    free(letters);
    return text;
}

static int make(jailed *d, const tl_type *types, int nargs, tl_foreign **out, tl_err *e);

static int again(void *ctx, const tl_type *types, int nargs, tl_foreign **out, tl_err *e)
{
    const jailed *old = ctx;
    jailed *d = tl_xcalloc(1, sizeof *d);
    *d =
        (jailed){json_incref(old->function), tl_xstrdup(old->tenant), old->limits, old->jail, NULL};
    return make(d, types, nargs, out, e);
}

static const tl_foreign_owner owner = {run, again, free_jailed};

/* Takes d, also when it fails. */
static int make(jailed *d, const tl_type *types, int nargs, tl_foreign **out, tl_err *e)
{
    char *text = text_of(d->function, types, nargs);
    void *said = NULL;
    size_t len = 0;
    int rc = text ? 0 : tl_fail(e, TL_EDATA, "the plan is damaged: the text of a function");
    if (!rc) {
        d->fn = tl_jail_fn_new(d->jail, d->tenant, &d->limits, text, strlen(text));
        rc = tl_jail_fn_prepare(d->fn, &said, &len, e);
    }
    if (!rc)
        rc = tl_foreign_read(said, len, types, nargs, &owner, d, out, e);
    free(text);
    free(said);
    if (rc)
        free_jailed(d);
    return rc;
}

int tl__jailed_make(const void *trust, json_t *function, const tl_type *types, int nargs,
                    tl_foreign **out, tl_err *e)
{
    const tl_trust *t = trust;
    jailed *d = tl_xcalloc(1, sizeof *d);
    *d = (jailed){json_incref(function), tl_xstrdup(t->tenant), *t->limits, t->jail, NULL};
    return make(d, types, nargs, out, e);
}
