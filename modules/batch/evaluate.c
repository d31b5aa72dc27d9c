/* Whole grids into memory: see evaluate.h. SPDX-License-Identifier: MIT */
#include "modules/batch/evaluate.h"
#include "modules/batch/crew.h"
#include "modules/batch/gridding.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIDE 256 /* cells along a block */

typedef struct {
    const tl_pass *pass;
    const tl_grid *grid;
    int n;
    const tl_dtype *dtypes;
    void *const *values;
    uint8_t *const *valid;
    int64_t across;
} job;

typedef struct {
    tl_pass_worker *worker;
    void **values;
    uint8_t **valid;
} tools;

static int start(void *ctx, void **out, tl_err *e)
{
    const job *j = ctx;
    tools *t = tl_xcalloc(1, sizeof *t);
    *out = t;
    t->values = tl_xcalloc((size_t)j->n, sizeof *t->values);
    t->valid = tl_xcalloc((size_t)j->n, sizeof *t->valid);
    int rc = tl_pass_worker_new(j->pass, SIDE, SIDE, &t->worker, e);
    for (int b = 0; b < j->n && !rc; b++) {
        rc = tl_try_alloc(&t->values[b], SIDE * SIDE, tl_dtype_size(j->dtypes[b]), "a block", e);
        if (!rc)
            rc = tl_try_alloc((void **)&t->valid[b], SIDE * SIDE, 1, "a block's mask", e);
    }
    return rc;
}

static void stop(void *ctx, void *arg)
{
    const job *j = ctx;
    tools *t = arg;
    tl_pass_worker_free(t->worker);
    for (int b = 0; b < j->n; b++) {
        free(t->values[b]);
        free(t->valid[b]);
    }
    free(t->values);
    free(t->valid);
    free(t);
}

static int block(void *ctx, void *arg, int64_t k, tl_err *e)
{
    const job *j = ctx;
    tools *t = arg;
    int64_t x = k % j->across * SIDE, y = k / j->across * SIDE;
    tl_rect all = tl_grid_rect(j->grid);
    tl_rect r = tl_rect_intersect(all, (tl_rect){all.x + x, all.y + y, SIDE, SIDE});
    int rc = tl_pass_run(t->worker, r, t->values, t->valid, e);
    for (int b = 0; b < j->n && !rc; b++) {
        size_t size = tl_dtype_size(j->dtypes[b]);
        for (int64_t row = 0; row < r.h; row++) {
            int64_t to = (y + row) * all.w + x, from = row * r.w;
            memcpy((char *)j->values[b] + (size_t)to * size,
                   (char *)t->values[b] + (size_t)from * size, (size_t)r.w * size);
            memcpy(j->valid[b] + to, t->valid[b] + from, (size_t)r.w);
        }
    }
    return rc;
}

int tl_evaluate(const tl_pass *pass, const tl_grid *grid, int n, const tl_dtype *dtypes,
                int threads, const atomic_int *cancel, void *const *values, uint8_t *const *valid,
                tl_err *e)
{
    job j = {pass, grid, n, dtypes, values, valid, (grid->w + SIDE - 1) / SIDE};
    tl_crew crew = {.threads = threads > 0 ? threads : tl_cores(),
                    .items = j.across * ((grid->h + SIDE - 1) / SIDE),
                    .ctx = &j,
                    .start = start,
                    .item = block,
                    .stop = stop,
                    .cancel = cancel};
    return tl_crew_run(&crew, e);
}

/* --- percentiles -------------------------------------------------------------------------------
 */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Linear between the two nearest ranks, as numpy does by default. */
static void pick(double *x, size_t n, const double *percent, int k, double *out)
{
    qsort(x, n, sizeof *x, ascending);
    for (int i = 0; i < k; i++) {
        double at = percent[i] / 100 * (double)(n ? n - 1 : 0);
        size_t lo = (size_t)floor(at), hi = lo + 1 < n ? lo + 1 : lo;
        out[i] = n ? x[lo] + (x[hi] - x[lo]) * (at - floor(at)) : NAN;
    }
}

static int evaluate_bands(const tl_image *img, const tl_grid *g, double **values, uint8_t **valid,
                          tl_err *e)
{
    int n = img->nbands;
    tl_node **nodes = tl_xcalloc((size_t)n, sizeof *nodes);
    tl_dtype *dtypes = tl_xcalloc((size_t)n, sizeof *dtypes);
    tl_pass *pass = NULL;
    for (int b = 0; b < n; b++) {
        nodes[b] = img->band[b].node;
        dtypes[b] = TL_F64;
    }
    tl_pass_spec spec = {*g, nodes, dtypes, n, NULL, NULL};
    int rc = tl_pass_new(&spec, &pass, e);
    if (!rc)
        rc = tl_evaluate(pass, g, n, dtypes, 0, NULL, (void **)values, valid, e);
    tl_pass_free(pass);
    free(nodes);
    free(dtypes);
    return rc;
}

int tl_percentiles(const tl_image *img, const double *percent, int k, double *out, tl_err *e)
{
    tl_grid g;
    int n = img->nbands, rc = tl_native_grid(img, &g, e);
    if (rc)
        return rc;
    tl_fit_grid(&g, 512, 512);
    size_t cells = (size_t)(g.w * g.h);
    double **values = tl_xcalloc((size_t)n, sizeof *values);
    uint8_t **valid = tl_xcalloc((size_t)n, sizeof *valid);
    for (int b = 0; b < n; b++) {
        values[b] = tl_xmalloc(cells * sizeof **values);
        valid[b] = tl_xmalloc(cells);
    }
    rc = evaluate_bands(img, &g, values, valid, e);
    for (int b = 0; b < n; b++) {
        size_t m = 0;
        for (size_t i = 0; i < cells && !rc; i++)
            if (valid[b][i])
                values[b][m++] = values[b][i];
        if (!rc)
            pick(values[b], m, percent, k, out + b * k);
        free(values[b]);
        free(valid[b]);
    }
    free(values);
    free(valid);
    return rc;
}
