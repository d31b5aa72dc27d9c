/* Statistics within geometries: see zones.h. SPDX-License-Identifier: MIT */
#include "modules/batch/zones.h"
#include "modules/batch/crew.h"
#include "modules/image/pass.h"
#include "modules/raster/coverage.h"
#include "modules/raster/raster.h"
#include "runtime/cancel.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIDE       256 /* cells along a block; blocks lie at multiples of it */
#define FEW        8   /* blocks that one thread does faster than several begin */
#define MOST_CELLS ((size_t)16 << 20)

typedef struct {
    tl_pass_worker *worker;
    int n;
    double **values;
    uint8_t **valid;
    double *part; /* of the cells of a block */
} tools;

struct tl_zones {
    tl_pass *pass;
    tl_grid grid;
    int n, threads;
    tools *own; /* of the caller's thread */
};

/* --- tools --------------------------------------------------------------------------------------
 */

static void tools_free(tools *t)
{
    if (!t)
        return;
    tl_pass_worker_free(t->worker);
    for (int b = 0; b < t->n; b++) {
        free(t->values[b]);
        free(t->valid[b]);
    }
    free(t->values);
    free(t->valid);
    free(t->part);
    free(t);
}

static int tools_new(const tl_zones *z, tools **out, tl_err *e)
{
    tools *t = tl_xcalloc(1, sizeof *t);
    *out = t;
    t->n = z->n;
    t->values = tl_xcalloc((size_t)z->n, sizeof *t->values);
    t->valid = tl_xcalloc((size_t)z->n, sizeof *t->valid);
    int rc = tl_pass_worker_new(z->pass, SIDE, SIDE, &t->worker, e);
    if (!rc)
        rc = tl_try_alloc((void **)&t->part, SIDE * SIDE, sizeof *t->part, "a block", e);
    for (int b = 0; b < z->n && !rc; b++) {
        rc = tl_try_alloc((void **)&t->values[b], SIDE * SIDE, sizeof **t->values, "a block", e);
        if (!rc)
            rc = tl_try_alloc((void **)&t->valid[b], SIDE * SIDE, 1, "a block's mask", e);
    }
    return rc;
}

static int make_pass(tl_zones *z, const tl_image *img, tl_err *e)
{
    tl_node **nodes = tl_xcalloc((size_t)z->n, sizeof *nodes);
    tl_dtype *dtypes = tl_xcalloc((size_t)z->n, sizeof *dtypes);
    for (int b = 0; b < z->n; b++) {
        nodes[b] = img->band[b].node;
        dtypes[b] = TL_F64;
    }
    tl_pass_spec spec = {z->grid, nodes, dtypes, z->n, NULL, NULL};
    int rc = tl_pass_new(&spec, &z->pass, e);
    free(nodes);
    free(dtypes);
    return rc;
}

int tl_zones_open(const tl_image *img, const tl_where *where, int threads, tl_zones **out,
                  tl_err *e)
{
    tl_grid native = {0};
    tl_zones *z = tl_xcalloc(1, sizeof *z);
    z->n = img->nbands;
    z->threads = threads > 0 ? threads : tl_cores();
    int rc = where->grid ? 0 : tl_native_grid(img, &native, e);
    if (!rc)
        rc = tl_resolve_grid(&native, where, &z->grid, e);
    if (!rc)
        rc = make_pass(z, img, e);
    if (!rc)
        rc = tools_new(z, &z->own, e);
    if (rc)
        tl_zones_close(z);
    else
        *out = z;
    return rc;
}

void tl_zones_close(tl_zones *z)
{
    if (!z)
        return;
    tools_free(z->own);
    tl_pass_free(z->pass);
    free(z);
}

/* --- one block ----------------------------------------------------------------------------------
 */

static void empty(tl_zone_band *b)
{
    *b = (tl_zone_band){.mean = NAN, .m2 = NAN, .min = NAN, .max = NAN};
}

/* Two passes over a block: its mean first. */
static void moments(const double *x, const uint8_t *valid, const double *w, size_t n,
                    tl_zone_band *out)
{
    double sum = 0;
    empty(out);
    for (size_t i = 0; i < n; i++) {
        out->touched += w[i];
        if (!(w[i] > 0) || !valid[i])
            continue;
        sum += w[i] * x[i];
        out->weight += w[i];
        out->min = out->cells && out->min <= x[i] ? out->min : x[i];
        out->max = out->cells && out->max >= x[i] ? out->max : x[i];
        out->cells++;
    }
    if (!out->cells)
        return;
    out->mean = sum / out->weight;
    out->m2 = 0;
    for (size_t i = 0; i < n; i++)
        if (w[i] > 0 && valid[i])
            out->m2 += w[i] * (x[i] - out->mean) * (x[i] - out->mean);
}

static int keep_cells(const double *x, const uint8_t *valid, const double *w, size_t n,
                      tl_zone_band *out, tl_err *e)
{
    if (!out->cells)
        return 0;
    int rc = tl_try_alloc((void **)&out->cell, (size_t)out->cells, sizeof *out->cell,
                          "the values of a zone", e);
    for (size_t i = 0; i < n && !rc; i++)
        if (w[i] > 0 && valid[i])
            out->cell[out->ncells++] = (tl_zone_cell){x[i], w[i]};
    return rc;
}

typedef struct {
    tl_zones *z;
    const tl_coverage *coverage;
    tl_rect rect;     /* cells that matter */
    int64_t col, row; /* of the first block, in blocks */
    int64_t across, down;
    int with_values;
    tl_zone_band *block; /* per block and band */
} job;

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* The cells of the grid that it may touch, and their blocks; 0 when there are none. */
static int find_blocks(job *j, tl_zones *z, const tl_coverage *c)
{
    tl_rect all = tl_grid_rect(&z->grid), r = tl_rect_intersect(tl_coverage_rect(c, all), all);
    *j = (job){.z = z, .coverage = c, .rect = r};
    if (r.w <= 0 || r.h <= 0)
        return 0;
    j->col = floor_div(r.x, SIDE);
    j->row = floor_div(r.y, SIDE);
    j->across = floor_div(r.x + r.w - 1, SIDE) - j->col + 1;
    j->down = floor_div(r.y + r.h - 1, SIDE) - j->row + 1;
    return 1;
}

static tl_rect block_rect(const job *j, int64_t k)
{
    tl_rect r = {(j->col + k % j->across) * SIDE, (j->row + k / j->across) * SIDE, SIDE, SIDE};
    return tl_rect_intersect(r, j->rect);
}

static int measure_block(void *ctx, void *arg, int64_t k, tl_err *e)
{
    const job *j = ctx;
    tools *t = arg;
    int n = j->z->n, some = 0;
    tl_zone_band *out = j->block + k * n;
    tl_rect r = block_rect(j, k);
    size_t cells = (size_t)(r.w * r.h);
    for (int b = 0; b < n; b++)
        empty(&out[b]);
    int rc = tl_coverage_fractions(j->coverage, r, t->part, e);
    for (size_t i = 0; i < cells && !some; i++)
        some = t->part[i] > 0;
    if (rc || !some)
        return rc;
    rc = tl_pass_run(t->worker, r, (void *const *)t->values, t->valid, e);
    for (int b = 0; b < n && !rc; b++) {
        moments(t->values[b], t->valid[b], t->part, cells, &out[b]);
        if (j->with_values)
            rc = keep_cells(t->values[b], t->valid[b], t->part, cells, &out[b], e);
    }
    return rc;
}

static int start(void *ctx, void **out, tl_err *e)
{
    return tools_new(((const job *)ctx)->z, (tools **)out, e);
}

static void stop(void *ctx, void *arg)
{
    (void)ctx;
    tools_free(arg);
}

/* --- joining ------------------------------------------------------------------------------------
 */

static void join_moments(tl_zone_band *a, const tl_zone_band *b)
{
    a->touched += b->touched;
    if (!b->cells)
        return;
    if (!a->cells) {
        double touched = a->touched;
        *a = *b;
        a->touched = touched;
        a->cell = NULL;
        a->ncells = 0;
        return;
    }
    double w = a->weight + b->weight, d = b->mean - a->mean;
    a->mean += d * (b->weight / w);
    a->m2 += b->m2 + d * d * (a->weight * b->weight / w);
    a->weight = w;
    a->cells += b->cells;
    a->min = fmin(a->min, b->min);
    a->max = fmax(a->max, b->max);
}

static int by_value(const void *p, const void *q)
{
    const tl_zone_cell *a = p, *b = q;
    if (a->x != b->x)
        return a->x < b->x ? -1 : 1;
    return (a->w > b->w) - (a->w < b->w);
}

static int join(const job *j, int band, int64_t blocks, tl_zone_band *out, tl_err *e)
{
    size_t cells = 0, at = 0;
    empty(out);
    for (int64_t k = 0; k < blocks; k++) {
        join_moments(out, &j->block[k * j->z->n + band]);
        cells += j->block[k * j->z->n + band].ncells;
    }
    if (!j->with_values || !cells)
        return 0;
    if (cells > MOST_CELLS)
        return tl_fail(e, TL_ENOMEM,
                       "a zone of %zu cells is too large for median, percentiles and mode (at most "
                       "%zu); give a coarser res",
                       cells, MOST_CELLS);
    int rc = tl_try_alloc((void **)&out->cell, cells, sizeof *out->cell, "the values of a zone", e);
    for (int64_t k = 0; k < blocks && !rc; k++) {
        const tl_zone_band *b = &j->block[k * j->z->n + band];
        if (b->ncells)
            memcpy(out->cell + at, b->cell, b->ncells * sizeof *b->cell);
        at += b->ncells;
    }
    out->ncells = rc ? 0 : cells;
    if (!rc)
        qsort(out->cell, cells, sizeof *out->cell, by_value);
    return rc;
}

void tl_zone_free(tl_zone_band *b)
{
    free(b->cell);
    empty(b);
}

static int measure(job *j, tl_zone_band *out, tl_err *e)
{
    int64_t blocks = j->across * j->down;
    int rc = 0;
    if (blocks > (int64_t)1 << 26)
        return tl_fail(e, TL_EDATA, "a zone of %lld blocks of cells: give a coarser res",
                       (long long)blocks);
    j->block = tl_xcalloc((size_t)(blocks * j->z->n) + 1, sizeof *j->block);
    if (blocks <= FEW || j->z->threads == 1) {
        for (int64_t k = 0; k < blocks && !rc; k++)
            rc = measure_block(j, j->z->own, k, e);
    } else {
        tl_crew crew = {j->z->threads, blocks, j, start, measure_block, stop, NULL, NULL};
        rc = tl_crew_run(&crew, e);
    }
    for (int b = 0; b < j->z->n && !rc; b++)
        rc = join(j, b, blocks, &out[b], e);
    for (int64_t k = 0; k < blocks * j->z->n; k++)
        free(j->block[k].cell);
    free(j->block);
    return rc;
}

int tl_zones_measure(tl_zones *z, const tl_geometry *g, int with_values, tl_zone_band *out,
                     tl_err *e)
{
    tl_coverage *c = NULL;
    job j;
    for (int b = 0; b < z->n; b++)
        empty(&out[b]);
    int rc = tl_coverage_new(g, &z->grid, &c, e);
    if (rc)
        return rc;
    if (find_blocks(&j, z, c)) {
        j.with_values = with_values;
        rc = measure(&j, out, e);
    }
    for (int b = 0; b < z->n && rc; b++)
        tl_zone_free(&out[b]);
    tl_coverage_free(c);
    return rc;
}

/* --- cells --------------------------------------------------------------------------------------
 */

/* Longitudes and latitudes of the centres of a row. */
static int row_places(const tl_grid *g, tl_rect r, int64_t y, double *lon, double *lat, tl_err *e)
{
    for (int64_t x = 0; x < r.w; x++) {
        lon[x] = g->x0 + g->dx * ((double)(r.x + x) + 0.5);
        lat[x] = g->y0 - g->dy * ((double)(r.y + y) + 0.5);
    }
    return tl_crs_transform_points(g->crs, "EPSG:4326", (size_t)r.w, lon, lat, e);
}

static int each_of_row(const tl_zones *z, tl_rect r, int64_t y, const uint8_t *inside,
                       double *values, tl_zone_cell_fn *each, void *ctx, tl_err *e)
{
    const tools *t = z->own;
    double lon[SIDE], lat[SIDE];
    int rc = row_places(&z->grid, r, y, lon, lat, e);
    for (int64_t x = 0, i = y * r.w; x < r.w && !rc; x++, i++) {
        int good = inside[i];
        for (int b = 0; b < z->n && good; b++) {
            good = t->valid[b][i];
            values[b] = t->values[b][i];
        }
        rc = good ? each(ctx, lon[x], lat[x], values, e) : 0;
    }
    return rc;
}

static int each_of_block(const job *j, int64_t k, double *values, tl_zone_cell_fn *each, void *ctx,
                         tl_err *e)
{
    static _Thread_local uint8_t inside[SIDE * SIDE];
    tools *t = j->z->own;
    tl_rect r = block_rect(j, k);
    int rc = tl_cancelled() ? tl_fail(e, TL_EINTR, "interrupted") : 0;
    if (!rc)
        rc = tl_coverage_centres(j->coverage, r, inside, e);
    if (rc || !memchr(inside, 1, (size_t)(r.w * r.h)))
        return rc;
    rc = tl_pass_run(t->worker, r, (void *const *)t->values, t->valid, e);
    for (int64_t y = 0; y < r.h && !rc; y++)
        rc = each_of_row(j->z, r, y, inside, values, each, ctx, e);
    return rc;
}

int tl_zones_each(tl_zones *z, const tl_geometry *g, tl_zone_cell_fn *each, void *ctx, tl_err *e)
{
    tl_coverage *c = NULL;
    job j;
    double *values = tl_xcalloc((size_t)z->n, sizeof *values);
    int rc = tl_coverage_new(g, &z->grid, &c, e);
    if (!rc && find_blocks(&j, z, c))
        for (int64_t k = 0; k < j.across * j.down && !rc; k++)
            rc = each_of_block(&j, k, values, each, ctx, e);
    tl_coverage_free(c);
    free(values);
    return rc;
}

/* --- of sorted cells ----------------------------------------------------------------------------
 */

double tl_zone_quantile(const tl_zone_band *b, double p)
{
    size_t n = b->ncells;
    double all = 0, before = 0, last = 0;
    if (n == 0)
        return NAN;
    for (size_t i = 0; i + 1 < n; i++)
        all += b->cell[i].w;
    all = (double)(n - 1) * (all + b->cell[n - 1].w); /* S_n, for (n - 1) w_n is its first part */
    double at = p * all;
    for (size_t i = 0; i < n; i++) {
        double s = (double)i * b->cell[i].w + (double)(n - 1) * before;
        if (s >= at || i == n - 1) {
            if (i == 0 || s <= last)
                return b->cell[i].x;
            double k = fmin(1, fmax(0, (at - last) / (s - last)));
            return b->cell[i - 1].x + k * (b->cell[i].x - b->cell[i - 1].x);
        }
        last = s;
        before += b->cell[i].w;
    }
    return NAN;
}

double tl_zone_mode(const tl_zone_band *b)
{
    double best = NAN, most = 0, w = 0;
    for (size_t i = 0; i < b->ncells; i++) {
        w = i && b->cell[i].x == b->cell[i - 1].x ? w + b->cell[i].w : b->cell[i].w;
        if (w > most) {
            most = w;
            best = b->cell[i].x;
        }
    }
    return best;
}

/* --- points -------------------------------------------------------------------------------------
 */

int tl_zones_value(tl_zones *z, double lon, double lat, double *values, tl_err *e)
{
    const tl_grid *g = &z->grid;
    double x = lon, y = lat;
    for (int b = 0; b < z->n; b++)
        values[b] = NAN;
    if (!g->crs[0] || strcmp(g->crs, "LOCAL") == 0)
        return tl_fail(e, TL_EDATA,
                       "the file states no coordinate system, so degrees mean nothing there");
    int rc = tl_crs_transform_points("EPSG:4326", g->crs, 1, &x, &y, e);
    if (rc || !isfinite(x) || !isfinite(y))
        return rc;
    double turn = tl_crs_turn(g->crs);
    if (turn > 0) { /* that of the globe that the grid lies on */
        double box[4];
        tl_grid_bounds(g, box);
        x += turn * ceil((box[0] - x) / turn - 1e-12);
    }
    double col = floor((x - g->x0) / g->dx), row = floor((g->y0 - y) / g->dy);
    if (!(fabs(col) < 1e15) || !(fabs(row) < 1e15))
        return 0;
    tools *t = z->own;
    rc = tl_pass_run(t->worker, (tl_rect){(int64_t)col, (int64_t)row, 1, 1},
                     (void *const *)t->values, t->valid, e);
    for (int b = 0; b < z->n && !rc; b++)
        if (t->valid[b][0])
            values[b] = t->values[b][0];
    return rc;
}
