/* The local engine: see engine.h. SPDX-License-Identifier: MIT */
#include "modules/batch/engine.h"
#include "modules/batch/crew.h"
#include "modules/batch/merge.h"
#include "modules/batch/place.h"
#include "modules/batch/plan_call.h"
#include "modules/batch/pyramid.h"
#include "modules/raster/raster.h"
#include "runtime/buf.h"
#include "runtime/log.h"
#include "runtime/mem.h"
#include "runtime/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

typedef struct {
    const tl_plan *plan;
    const tl_run_options *opt;
    tl_run_report *report;
    tl_store *store;
    tl_pyramid **pyramid; /* per output; NULL without overviews */
    char *job_dir;
    double began;
    atomic_long done, kept, cells, bytes;
    int64_t tiles;
} engine;

/* One pass's list of work: chunks of tiles that one thread does in a row, because they share blocks
 * of the file. */
typedef struct {
    engine *eng;
    const tl_plan_pass *pass;
    int64_t across, down;     /* tiles */
    int64_t chunk_w, chunk_h; /* tiles of a chunk */
    int64_t chunks_across;
} pass_job;

typedef struct {
    tl_pass_worker *worker;
    tl_codec **codec; /* per member of the pass */
    void **values;    /* per output of the pass: a whole tile */
    uint8_t **valid;
    void **value_at; /* the rows in work */
    uint8_t **valid_at;
} tools;

/* --- one thread's tools
 * ------------------------------------------------------------------------------ */

static int make_buffers(const pass_job *j, tools *t, tl_err *e)
{
    const tl_plan *p = j->eng->plan;
    size_t n = (size_t)j->pass->nouts, cells = (size_t)j->pass->tile * (size_t)j->pass->tile;
    t->codec = tl_xcalloc((size_t)j->pass->nmembers, sizeof *t->codec);
    t->values = tl_xcalloc(n, sizeof *t->values);
    t->valid = tl_xcalloc(n, sizeof *t->valid);
    t->value_at = tl_xcalloc(n, sizeof *t->value_at);
    t->valid_at = tl_xcalloc(n, sizeof *t->valid_at);
    int rc = 0;
    for (int m = 0; m < j->pass->nmembers && !rc; m++) {
        const tl_plan_member *at = &j->pass->member[m];
        const tl_plan_output *o = &p->out[at->output];
        rc = tl_codec_new(&o->part, &t->codec[m], e);
        for (int b = at->first; b < at->first + o->nbands && !rc; b++) {
            rc = tl_try_alloc(&t->values[b], cells, tl_dtype_size(o->product.dtype), "a tile", e);
            if (!rc)
                rc = tl_try_alloc((void **)&t->valid[b], cells, 1, "a tile's mask", e);
        }
    }
    return rc;
}

static int start(void *ctx, void **out, tl_err *e)
{
    pass_job *j = ctx;
    tools *t = tl_xcalloc(1, sizeof *t);
    *out = t;
    int rows = j->eng->report->memory.rows;
    int rc = tl_pass_worker_new(j->pass->pass, j->pass->tile,
                                rows < j->pass->tile ? rows : j->pass->tile, &t->worker, e);
    return rc ? rc : make_buffers(j, t, e);
}

static void stop(void *ctx, void *arg)
{
    pass_job *j = ctx;
    tools *t = arg;
    for (int m = 0; t->codec && m < j->pass->nmembers; m++)
        tl_codec_free(t->codec[m]);
    for (int b = 0; t->values && b < j->pass->nouts; b++) {
        free(t->values[b]);
        free(t->valid[b]);
    }
    tl_pass_worker_free(t->worker);
    free(t->codec);
    free(t->values);
    free(t->valid);
    free(t->value_at);
    free(t->valid_at);
    free(t);
}

/* --- one tile
 * ---------------------------------------------------------------------------------------- */

static const tl_plan_output *output_of(const pass_job *j, int member)
{
    return &j->eng->plan->out[j->pass->member[member].output];
}

/* Points at the rows from y on of what the pass computes. */
static void point_at_rows(const pass_job *j, tools *t, int64_t y, int64_t w)
{
    for (int m = 0; m < j->pass->nmembers; m++) {
        const tl_plan_output *o = output_of(j, m);
        size_t size = tl_dtype_size(o->product.dtype);
        int first = j->pass->member[m].first;
        for (int b = first; b < first + o->nbands; b++) {
            t->value_at[b] = (char *)t->values[b] + (size_t)(y * w) * size;
            t->valid_at[b] = t->valid[b] + y * w;
        }
    }
}

/* In strips of rows, so that the inputs' buffers stay within the memory plan. */
static int compute_tile(const pass_job *j, tools *t, tl_rect r, tl_err *e)
{
    int64_t rows = j->eng->report->memory.rows;
    for (int64_t y = 0; y < r.h; y += rows) {
        tl_rect strip = {r.x, r.y + y, r.w, r.h - y < rows ? r.h - y : rows};
        point_at_rows(j, t, y, r.w);
        int rc = tl_pass_run(t->worker, strip, t->value_at, t->valid_at, e);
        if (rc)
            return rc;
    }
    return 0;
}

/* Number of a member's first part in the store. */
static int part_of(const pass_job *j, int member)
{
    const tl_plan_output *o = output_of(j, member);
    return o->first_part + j->pass->member[member].step * o->nparts;
}

static int store_tile(const pass_job *j, tools *t, int m, int64_t tx, int64_t ty, tl_rect r,
                      tl_err *e)
{
    engine *g = j->eng;
    const tl_plan_output *o = output_of(j, m);
    int rc = 0;
    for (int k = 0; k < o->nparts && !rc; k++) {
        int b = j->pass->member[m].first + k;
        tl_packed packed;
        rc = tl_codec_encode(t->codec[m], (int)r.w, (int)r.h, (const void *const *)t->values + b,
                             (const uint8_t *const *)t->valid + b, &packed, e);
        if (!rc)
            rc = tl_store_put(g->store, part_of(j, m) + k, 0, tx, ty, &packed, e);
        if (!rc)
            atomic_fetch_add(&g->bytes, (long)(packed.len + packed.mask_len));
    }
    tl_pyramid *y = g->pyramid[j->pass->member[m].output];
    return !rc && y ? tl_pyramid_climb(y, t->codec[m], (tl_tile_at){0, tx, ty}, e) : rc;
}

static int kept(const pass_job *j, int64_t tx, int64_t ty)
{
    for (int m = 0; m < j->pass->nmembers; m++)
        for (int k = 0; k < output_of(j, m)->nparts; k++)
            if (!tl_store_has(j->eng->store, part_of(j, m) + k, 0, tx, ty))
                return 0;
    return 1;
}

/* For errors. */
static int name_tile(const pass_job *j, int64_t tx, int64_t ty, tl_err *e)
{
    const tl_plan_output *o = output_of(j, 0);
    int step = j->pass->member[0].step, dated = o->nsteps > 1;
    return tl_err_prefix(e, "block %lld,%lld of %s%s%s", (long long)tx, (long long)ty, o->name,
                         dated ? ", " : "", dated ? o->ids[step] : "");
}

static int do_tile(const pass_job *j, tools *t, int64_t tx, int64_t ty, tl_err *e)
{
    engine *g = j->eng;
    int tile = j->pass->tile, rc = 0;
    tl_rect all = tl_grid_rect(&j->pass->grid);
    tl_rect r = tl_rect_intersect(all, (tl_rect){all.x + tx * tile, all.y + ty * tile, tile, tile});
    atomic_fetch_add(&g->done, 1);
    if (kept(j, tx, ty)) {
        atomic_fetch_add(&g->kept, 1);
        return 0;
    }
    rc = compute_tile(j, t, r, e);
    if (rc)
        return name_tile(j, tx, ty, e);
    for (int m = 0; m < j->pass->nmembers && !rc; m++)
        rc = store_tile(j, t, m, tx, ty, r, e);
    atomic_fetch_add(&g->cells, (long)(r.w * r.h));
    return rc;
}

static int do_chunk(void *ctx, void *arg, int64_t k, tl_err *e)
{
    const pass_job *j = ctx;
    int64_t x0 = k % j->chunks_across * j->chunk_w, y0 = k / j->chunks_across * j->chunk_h;
    int rc = 0;
    for (int64_t y = y0; y < y0 + j->chunk_h && y < j->down; y++)
        for (int64_t x = x0; x < x0 + j->chunk_w && x < j->across && !rc; x++) {
            if (j->eng->opt->cancel && atomic_load(j->eng->opt->cancel))
                return tl_fail(e, TL_EINTR, "interrupted");
            rc = do_tile(j, arg, x, y, e);
        }
    return rc;
}

/* --- passes
 * -------------------------------------------------------------------------------------------- */

static void tick(void *ctx)
{
    const engine *g = ((pass_job *)ctx)->eng;
    if (!g->opt->progress)
        return;
    tl_run_progress p = {.tiles = g->tiles,
                         .tiles_done = atomic_load(&g->done),
                         .cells_done = atomic_load(&g->cells),
                         .seconds = tl_now() - g->began};
    g->opt->progress(g->opt->ctx, &p);
}

/* Tiles that one block of the file covers belong to one thread: each thread has its own handles and
 * would decode the block again. */
static void choose_chunks(pass_job *j)
{
    int64_t w = 1, h = 1, tile = j->pass->tile;
    for (int i = 0; i < tl_pass_samplings(j->pass->pass); i++) {
        const tl_sampling *m = tl_pass_sampling(j->pass->pass, i);
        double k = m->coarser > 0 ? m->coarser : 1;
        int64_t bw = (int64_t)(m->source->bands[0].block_w / k),
                bh = (int64_t)(m->source->bands[0].block_h / k);
        w = (bw + tile - 1) / tile > w ? (bw + tile - 1) / tile : w;
        h = (bh + tile - 1) / tile > h ? (bh + tile - 1) / tile : h;
    }
    j->chunk_w = w < j->across ? w : j->across;
    j->chunk_h = h < 4 ? h : 4; /* a file of one single block would leave one thread alone */
    j->chunk_h = j->chunk_h < j->down ? j->chunk_h : j->down;
    j->chunks_across = (j->across + j->chunk_w - 1) / j->chunk_w;
}

static int run_pass(engine *g, int k, tl_err *e)
{
    pass_job j = {.eng = g, .pass = &g->plan->pass[k]};
    j.across = (j.pass->grid.w + j.pass->tile - 1) / j.pass->tile;
    j.down = (j.pass->grid.h + j.pass->tile - 1) / j.pass->tile;
    choose_chunks(&j);
    tl_crew crew = {.threads = g->report->memory.threads,
                    .items = j.chunks_across * ((j.down + j.chunk_h - 1) / j.chunk_h),
                    .ctx = &j,
                    .start = start,
                    .item = do_chunk,
                    .stop = stop,
                    .tick = tick,
                    .cancel = g->opt->cancel};
    return tl_crew_run(&crew, e);
}

/* --- products
 * ------------------------------------------------------------------------------------------- */

static int merge_output(engine *g, int i, tl_err *e)
{
    const tl_plan_output *o = &g->plan->out[i];
    tl_codec *codec = NULL;
    int rc = 0;
    if (g->opt->progress) {
        tl_run_progress p = {.tiles = g->tiles,
                             .tiles_done = g->tiles,
                             .cells_done = atomic_load(&g->cells),
                             .seconds = tl_now() - g->began,
                             .merging = o->name};
        g->opt->progress(g->opt->ctx, &p);
    }
    if (g->pyramid[i] && !(rc = tl_codec_new(&o->product, &codec, e)))
        rc = tl_pyramid_finish(g->pyramid[i], codec, e);
    tl_codec_free(codec);
    char *path = tl_product_path(o, g->opt->dir);
    tl_cube cube = {.p = &o->product,
                    .ntimes = o->ntimes,
                    .times = o->times,
                    .ids = (const char *const *)o->ids};
    if (!rc)
        rc = tl_format_is_arrays(o->product.format)
                 ? tl_merge_cube(g->store, o->first_part, &cube, path, e)
                 : tl_merge(g->store, o->first_part, &o->product, path, e);
    free(path);
    return rc;
}

/* Makes this run the only one that works on these products. */
static int open_store(engine *g, tl_err *e)
{
    struct stat st;
    int rc = 0, flags = g->opt->resume ? TL_STORE_VERIFY : 0;
    if (!g->opt->resume && stat(g->job_dir, &st) == 0)
        rc = tl_store_remove(g->job_dir, e);
    if (!rc)
        rc = tl_store_open(g->job_dir, "local", g->plan->key, flags, &g->store, e);
    if (rc == TL_EUSAGE && g->opt->resume)
        return tl_err_prefix(e, "--resume is for the same script, parameters and grid");
    return rc ? tl_err_prefix(e, "cannot work on %s/%s", g->opt->dir, g->plan->out[0].name) : 0;
}

static int open_job(engine *g, tl_err *e)
{
    const char *dir = g->opt->dir;
    int rc = tl__place_prepare(g->plan, dir, e);
    if (rc)
        return rc;
    g->job_dir = tl_xasprintf("%s/.%s.job", dir, g->plan->out[0].name);
    rc = open_store(g, e);
    if (rc)
        return rc;
    tl__place_mend(g->plan, dir);
    g->pyramid = tl_xcalloc((size_t)g->plan->n, sizeof *g->pyramid);
    for (int i = 0; i < g->plan->n && !rc; i++) {
        const tl_product *p = &g->plan->out[i].product;
        if (tl_product_levels(p) > 1)
            rc = tl_pyramid_new(p, g->plan->out[i].first_part, g->store, &g->pyramid[i], e);
    }
    for (int k = 0; k < g->plan->npasses; k++) {
        const tl_plan_pass *p = &g->plan->pass[k];
        g->tiles += ((p->grid.w + p->tile - 1) / p->tile) * ((p->grid.h + p->tile - 1) / p->tile);
    }
    return rc;
}

/* What is finished stays for --resume, unless there is nothing of it. */
static void close_job(engine *g, int failed, tl_err *e)
{
    int64_t stored = 0;
    for (int i = 0; g->store && i < g->plan->n; i++) {
        for (int k = 0; k < g->plan->out[i].nparts * g->plan->out[i].nsteps; k++)
            stored += tl_store_count(g->store, g->plan->out[i].first_part + k, 0);
        tl_pyramid_free(g->pyramid ? g->pyramid[i] : NULL);
    }
    free(g->pyramid);
    tl_store_close(g->store);
    tl_err ignored = TL_ERR_INIT;
    int remove = g->store && (!failed || stored == 0);
    int rc = remove ? tl_store_remove(g->job_dir, &ignored) : 0;
    (void)rc;
    if (failed && stored > 0) {
        size_t n = strlen(e->message);
        snprintf(e->message + n, sizeof e->message - n,
                 "; %lld finished blocks are kept, --resume goes on", (long long)stored);
    }
    free(g->job_dir);
}

/* Bytes that went through read and write calls, from the kernel's own count. */
static void process_io(int64_t *read, int64_t *written)
{
    char line[128];
    long long x;
    FILE *f = fopen("/proc/self/io", "r");
    *read = *written = 0;
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "rchar: %lld", &x) == 1)
            *read = x;
        else if (sscanf(line, "wchar: %lld", &x) == 1)
            *written = x;
    }
    if (f)
        fclose(f);
}

static void fill_report(engine *g, int64_t read0, int64_t written0)
{
    tl_run_report *r = g->report;
    struct rusage u;
    process_io(&r->bytes_read, &r->bytes_written);
    r->bytes_read -= read0;
    r->bytes_written -= written0;
    r->pixels = atomic_load(&g->cells);
    r->blocks_kept = atomic_load(&g->kept);
    r->blocks = atomic_load(&g->done) - r->blocks_kept;
    r->tile_bytes = atomic_load(&g->bytes);
    getrusage(RUSAGE_SELF, &u);
    r->peak_rss = (int64_t)u.ru_maxrss * 1024;
}

/* --- pixels that raise
 * ---------------------------------------------------------------------------------- */

int tl_plan_raised(const tl_plan *p, tl_pass_trap **out)
{
    int n = 0;
    *out = NULL;
    for (int k = 0; k < p->npasses; k++) {
        int most = tl_pass_most_traps(p->pass[k].pass);
        *out = tl_xrealloc(*out, (size_t)(n + most + 1) * sizeof **out);
        n += tl_pass_traps(p->pass[k].pass, *out + n, most);
    }
    return n;
}

static void warn_of_raised(const tl_plan *p)
{
    tl_pass_trap *t;
    int n = tl_plan_raised(p, &t);
    for (int i = 0; i < n; i++)
        tl_log(TL_LOG_WARN, "%s:%d: %lld pixels raised, first at column %lld, row %lld: %s",
               tl__function_file(t[i].call->fn), t[i].line ? t[i].line : tl_fn_line(t[i].call->fn),
               (long long)t[i].count, (long long)t[i].col, (long long)t[i].row,
               t[i].reason[0] ? t[i].reason : "the function raised an error");
    free(t);
}

int tl_run_plan(const tl_plan *p, const tl_run_options *o, tl_run_report *report, tl_err *e)
{
    engine g = {.plan = p, .opt = o, .report = report, .began = tl_now()};
    int64_t read0, written0;
    double start_time = tl_now();
    *report = (tl_run_report){0};
    process_io(&read0, &written0);
    int rc = tl__place_check_size(p, o->max_pixels, e);
    if (!rc)
        rc = tl_plan_memory(p, o->threads, o->mem, &report->memory, e);
    if (rc)
        return rc;
    tl_raster_set_cache(report->memory.cache);
    rc = open_job(&g, e);
    g.began = tl_now();
    for (int k = 0; k < p->npasses && !rc; k++)
        rc = run_pass(&g, k, e);
    report->seconds_compute = tl_now() - g.began;
    if (!rc)
        rc = tl_store_sync(g.store, e);
    for (int i = 0; i < p->n && !rc; i++)
        rc = merge_output(&g, i, e);
    report->seconds_merge = tl_now() - g.began - report->seconds_compute;
    close_job(&g, rc != 0, e);
    if (!rc)
        warn_of_raised(p);
    report->seconds_total = tl_now() - start_time;
    fill_report(&g, read0, written0);
    return rc;
}
