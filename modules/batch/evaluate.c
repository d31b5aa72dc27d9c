/* Whole grids into memory: see evaluate.h. SPDX-License-Identifier: MIT */
#include "modules/batch/evaluate.h"
#include "modules/batch/crew.h"
#include "modules/batch/gridding.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIDE 256 /* cells along a block */
#define STRIP                                                                                      \
    16384 /* cells of a strip of whole rows: what is computed of it stays in the cache             \
           */
#define WIDEST (1 << 16) /* cells of a row that is not cut */

typedef struct {
    const tl_pass *pass;
    const tl_grid *grid;
    int n;
    const tl_dtype *dtypes;
    void *const *values;
    uint8_t *const *valid;
    int64_t w, h; /* of a block */
    int64_t across;
} job;

typedef struct {
    tl_pass_worker *worker;
    void **values;
    uint8_t **valid;
    void **to; /* where a strip belongs */
    uint8_t **to_valid;
} tools;

static int start(void *ctx, void **out, tl_err *e)
{
    const job *j = ctx;
    tools *t = tl_xcalloc(1, sizeof *t);
    *out = t;
    t->values = tl_xcalloc((size_t)j->n, sizeof *t->values);
    t->valid = tl_xcalloc((size_t)j->n, sizeof *t->valid);
    t->to = tl_xcalloc((size_t)j->n, sizeof *t->to);
    t->to_valid = tl_xcalloc((size_t)j->n, sizeof *t->to_valid);
    int rc = tl_pass_worker_new(j->pass, j->w, j->h, &t->worker, e);
    size_t cells = j->across > 1 ? (size_t)(j->w * j->h) : 0; /* else computed where it belongs */
    for (int b = 0; b < j->n && !rc; b++) {
        rc = tl_try_alloc(&t->values[b], cells, tl_dtype_size(j->dtypes[b]), "a block", e);
        if (!rc)
            rc = tl_try_alloc((void **)&t->valid[b], cells, 1, "a block's mask", e);
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
    free(t->to);
    free(t->to_valid);
    free(t);
}

/* The block r, whose corner is cell (x, y) of the grid, from the thread's buffers to its place. */
static void copy_out(const job *j, const tools *t, tl_rect r, int64_t x, int64_t y)
{
    for (int b = 0; b < j->n; b++) {
        size_t size = tl_dtype_size(j->dtypes[b]);
        for (int64_t row = 0; row < r.h; row++) {
            int64_t to = (y + row) * j->grid->w + x, from = row * r.w;
            memcpy((char *)j->values[b] + (size_t)to * size,
                   (char *)t->values[b] + (size_t)from * size, (size_t)r.w * size);
            memcpy(j->valid[b] + to, t->valid[b] + from, (size_t)r.w);
        }
    }
}

static int block(void *ctx, void *arg, int64_t k, tl_err *e)
{
    const job *j = ctx;
    tools *t = arg;
    int64_t x = k % j->across * j->w, y = k / j->across * j->h;
    tl_rect all = tl_grid_rect(j->grid);
    tl_rect r = tl_rect_intersect(all, (tl_rect){all.x + x, all.y + y, j->w, j->h});
    if (j->across > 1) {
        int rc = tl_pass_run(t->worker, r, t->values, t->valid, e);
        if (!rc)
            copy_out(j, t, r, x, y);
        return rc;
    }
    for (int b = 0; b < j->n; b++) {
        t->to[b] = (char *)j->values[b] + (size_t)(y * r.w) * tl_dtype_size(j->dtypes[b]);
        t->to_valid[b] = j->valid[b] + y * r.w;
    }
    return tl_pass_run(t->worker, r, t->to, t->to_valid, e);
}

/* Files are read in squares, as their own blocks are; what lies in memory in whole rows. */
static void choose_blocks(job *j)
{
    j->w = j->h = SIDE;
    if (tl_pass_lends(j->pass) && j->grid->w <= WIDEST) {
        j->w = j->grid->w;
        j->h = j->w < STRIP ? STRIP / j->w : 1;
    }
    j->across = (j->grid->w + j->w - 1) / j->w;
}

int tl_evaluate(const tl_pass *pass, const tl_grid *grid, int n, const tl_dtype *dtypes,
                int threads, const atomic_int *cancel, void *const *values, uint8_t *const *valid,
                tl_err *e)
{
    job j = {
        .pass = pass, .grid = grid, .n = n, .dtypes = dtypes, .values = values, .valid = valid};
    choose_blocks(&j);
    tl_crew crew = {.threads = threads > 0 ? threads : tl_cores(),
                    .items = j.across * ((grid->h + j.h - 1) / j.h),
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
