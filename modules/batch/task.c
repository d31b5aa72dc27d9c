/* Tasks and their merge: see task.h. SPDX-License-Identifier: MIT */
#include "modules/batch/task.h"
#include "modules/batch/crew.h"
#include "modules/batch/place.h"
#include "modules/batch/usage.h"
#include "modules/batch/work.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"
#include "runtime/watch.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#define MANY_TASKS 64 /* from here on one that has more than others delays no end */

void tl_task_range(int64_t units, int64_t n, int64_t i, int64_t *first, int64_t *end)
{
    int64_t step = 1, most = n >= MANY_TASKS ? units / n : units / n / 4;
    while (4 * step <= most)
        step *= 4;
    *first = i * units / n / step * step;
    *end = i + 1 < n ? (i + 1) * units / n / step * step : units;
}

typedef struct {
    tl_work work;
    int64_t tiles;
    double began;
    void (*progress)(void *ctx, const tl_run_progress *p);
    void *ctx;
} job;

static void tick(void *ctx)
{
    const job *j = ctx;
    tl_run_progress p = {.tiles = j->tiles,
                         .tiles_done = atomic_load(&j->work.done),
                         .cells_done = atomic_load(&j->work.cells),
                         .seconds = tl_now() - j->began};
    j->progress(j->ctx, &p);
}

static void fill_report(const job *j, tl_run_report *r)
{
    r->blocks_kept = atomic_load(&j->work.kept);
    r->blocks = atomic_load(&j->work.done) - r->blocks_kept;
    r->pixels = atomic_load(&j->work.cells);
    r->tile_bytes = atomic_load(&j->work.bytes);
    r->seconds_total = tl_now() - j->began;
    r->peak_rss = tl_peak_memory();
    tl_process_io(&r->bytes_read, &r->bytes_written);
}

int tl_task_run(const tl_plan *p, const tl_task *t, tl_run_report *report, tl_err *e)
{
    *report = (tl_run_report){0};
    int rc = tl_plan_memory(p, t->threads, t->mem, &report->memory, e);
    if (rc)
        return rc;
    tl_raster_set_cache(report->memory.cache);
    job j = {.work = {.plan = p,
                      .threads = report->memory.threads,
                      .rows = report->memory.rows,
                      .pyramids = TL_PYRAMID_SPILL,
                      .cancel = t->cancel,
                      .tick = t->progress ? tick : NULL,
                      .ctx = &j},
             .tiles = t->end - t->first,
             .began = tl_now(),
             .progress = t->progress,
             .ctx = t->ctx};
    if (tl_make_folders(t->dir))
        return tl_fail(e, TL_EIO, "cannot make %s: %s", t->dir, strerror(errno));
    rc = tl_store_open(t->dir, t->name, p->key, TL_STORE_VERIFY | TL_STORE_ALONE, &j.work.store, e);
    if (!rc)
        rc = tl_work_pyramids(&j.work, e);
    if (!rc)
        rc = tl_work_run(&j.work, t->first, t->end, e);
    tl_err second = TL_ERR_INIT;
    if (j.work.store && tl_store_sync(j.work.store, rc ? &second : e) && !rc)
        rc = e->code;
    tl_work_end(&j.work);
    fill_report(&j, report);
    return rc;
}

/* Segments of a large job that stay open are read faster. */
static void allow_many_files(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max;
        setrlimit(RLIMIT_NOFILE, &r);
    }
}

/* Says what is missing before anything is written. */
static int check_whole(const tl_plan *p, tl_store *s, tl_err *e)
{
    for (int i = 0; i < p->n; i++) {
        const tl_plan_output *o = &p->out[i];
        int64_t across = (o->product.grid.w + o->product.tile - 1) / o->product.tile;
        int64_t down = (o->product.grid.h + o->product.tile - 1) / o->product.tile;
        for (int k = 0; k < o->nparts * o->nsteps; k++) {
            int64_t have = tl_store_count(s, o->first_part + k, 0);
            if (have < across * down)
                return tl_fail(e, TL_EDATA, "%lld of %lld blocks of %s are not there",
                               (long long)(across * down - have), (long long)(across * down),
                               o->name);
        }
    }
    return 0;
}

int tl_task_merge(const tl_plan *p, const tl_gather *g, tl_run_report *report, tl_err *e)
{
    *report = (tl_run_report){0};
    job j = {
        .work = {.plan = p, .threads = tl_cores(), .pyramids = g->partial ? TL_PYRAMID_HOLES : 0},
        .began = tl_now()};
    allow_many_files();
    int rc = tl__place_prepare(p, g->result, e);
    if (!rc)
        rc = tl_store_open(g->own, "merge", p->key, g->partial ? TL_STORE_HOLES : 0, &j.work.store,
                           e);
    for (int i = 0; i < g->ndirs && !rc; i++)
        rc = tl_store_also(j.work.store, g->dirs[i], e);
    if (!rc && !g->partial)
        rc = check_whole(p, j.work.store, e);
    if (!rc)
        tl__place_mend(p, g->result);
    if (!rc)
        rc = tl_work_pyramids(&j.work, e);
    for (int i = 0; i < p->n && !rc; i++) {
        tl_run_progress now = {.merging = p->out[i].name, .seconds = tl_now() - j.began};
        if (g->progress)
            g->progress(g->ctx, &now);
        rc = tl_work_merge(&j.work, i, g->result, e);
    }
    tl_work_end(&j.work);
    tl_err ignored = TL_ERR_INIT;
    int left = g->partial ? tl_store_remove(g->own, &ignored) : 0;
    (void)left;
    fill_report(&j, report);
    report->seconds_merge = report->seconds_total;
    return rc;
}

int tl_task_pilot(const tl_plan *p, int64_t mem, int64_t first, int64_t end, const char *dir,
                  tl_run_report *report, tl_err *e)
{
    tl_task t = {.dir = dir, .name = "pilot", .first = first, .end = end, .threads = 1, .mem = mem};
    int rc = tl_task_run(p, &t, report, e);
    tl_err ignored = TL_ERR_INIT;
    int left = tl_store_remove(dir, &ignored);
    (void)left;
    return rc;
}
