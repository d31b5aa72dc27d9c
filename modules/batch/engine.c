/* The local engine: see engine.h. SPDX-License-Identifier: MIT */
#include "modules/batch/engine.h"
#include "modules/batch/merge.h"
#include "modules/batch/place.h"
#include "modules/batch/plan_call.h"
#include "modules/batch/usage.h"
#include "modules/batch/work.h"
#include "modules/raster/raster.h"
#include "runtime/buf.h"
#include "runtime/log.h"
#include "runtime/mem.h"
#include "runtime/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
    const tl_plan *plan;
    const tl_run_options *opt;
    tl_run_report *report;
    tl_work work;
    char *job_dir;
    double began;
    int64_t tiles;
} engine;

static void tick(void *ctx)
{
    const engine *g = ctx;
    tl_run_progress p = {.tiles = g->tiles,
                         .tiles_done = atomic_load(&g->work.done),
                         .cells_done = atomic_load(&g->work.cells),
                         .seconds = tl_now() - g->began};
    g->opt->progress(g->opt->ctx, &p);
}

/* --- products
 * ------------------------------------------------------------------------------------------- */

static int merge_output(engine *g, int i, tl_err *e)
{
    if (g->opt->progress) {
        tl_run_progress p = {.tiles = g->tiles,
                             .tiles_done = g->tiles,
                             .cells_done = atomic_load(&g->work.cells),
                             .seconds = tl_now() - g->began,
                             .merging = g->plan->out[i].name};
        g->opt->progress(g->opt->ctx, &p);
    }
    return tl_work_merge(&g->work, i, g->opt->dir, e);
}

/* Makes this run the only one that works on these products. */
static int open_store(engine *g, tl_err *e)
{
    struct stat st;
    int rc = 0, flags = g->opt->resume ? TL_STORE_VERIFY : 0;
    if (!g->opt->resume && stat(g->job_dir, &st) == 0)
        rc = tl_store_remove(g->job_dir, e);
    if (!rc)
        rc = tl_store_open(g->job_dir, "local", g->plan->key, flags, &g->work.store, e);
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
    rc = tl_work_pyramids(&g->work, e);
    g->tiles = tl_work_tiles(g->plan);
    return rc;
}

/* What is finished stays for --resume, unless there is nothing of it. */
static void close_job(engine *g, int failed, tl_err *e)
{
    int64_t stored = 0;
    int opened = g->work.store != NULL;
    for (int i = 0; opened && i < g->plan->n; i++)
        for (int k = 0; k < g->plan->out[i].nparts * g->plan->out[i].nsteps; k++)
            stored += tl_store_count(g->work.store, g->plan->out[i].first_part + k, 0);
    tl_work_end(&g->work);
    tl_err ignored = TL_ERR_INIT;
    int remove = opened && (!failed || stored == 0);
    int rc = remove ? tl_store_remove(g->job_dir, &ignored) : 0;
    (void)rc;
    if (failed && stored > 0) {
        size_t n = strlen(e->message);
        snprintf(e->message + n, sizeof e->message - n,
                 "; %lld finished blocks are kept, --resume goes on", (long long)stored);
    }
    free(g->job_dir);
}

static void fill_report(engine *g, int64_t read0, int64_t written0)
{
    tl_run_report *r = g->report;
    tl_process_io(&r->bytes_read, &r->bytes_written);
    r->bytes_read -= read0;
    r->bytes_written -= written0;
    r->pixels = atomic_load(&g->work.cells);
    r->blocks_kept = atomic_load(&g->work.kept);
    r->blocks = atomic_load(&g->work.done) - r->blocks_kept;
    r->tile_bytes = atomic_load(&g->work.bytes);
    r->peak_rss = tl_peak_memory();
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
    tl_process_io(&read0, &written0);
    int rc = tl__place_check_size(p, o->max_pixels, e);
    if (!rc)
        rc = tl_plan_memory(p, o->threads, o->mem, &report->memory, e);
    if (rc)
        return rc;
    tl_raster_set_cache(report->memory.cache);
    g.work = (tl_work){.plan = p,
                       .threads = report->memory.threads,
                       .rows = report->memory.rows,
                       .cancel = o->cancel,
                       .tick = o->progress ? tick : NULL,
                       .ctx = &g};
    rc = open_job(&g, e);
    g.began = tl_now();
    if (!rc)
        rc = tl_work_run(&g.work, 0, INT64_MAX, e);
    report->seconds_compute = tl_now() - g.began;
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
