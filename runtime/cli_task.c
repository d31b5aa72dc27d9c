/* tellua task: one task of a job as a node runs it, its merge, its engine. SPDX-License-Identifier:
 * MIT */
#define _GNU_SOURCE /* prctl */
#include "modules/batch/chirp.h"
#include "modules/batch/console_lua.h"
#include "modules/batch/crew.h"
#include "modules/batch/grace.h"
#include "modules/batch/stac_out.h"
#include "modules/batch/task.h"
#include "modules/batch/work.h"
#include "modules/raster/outfile.h"
#include "modules/raster/raster.h"
#include "runtime/buf.h"
#include "runtime/cli.h"
#include "runtime/cli_job.h"
#include "runtime/cli_task_int.h"
#include "runtime/jail.h"
#include "runtime/log.h"
#include "runtime/mem.h"
#include "runtime/version.h"
#include "runtime/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_DATA = 65, EXIT_EVICTED = 85 };
enum { IDX_HEAD = 96 }; /* bytes of a segment's index without a block: segment.h */

/* --- reading the folder ----------------------------------------------------------------------- */

static int read_job(tl__task *k, const char *path, tl_err *e)
{
    json_error_t why;
    k->dir = realpath(path, NULL);
    if (!k->dir)
        return tl_fail(e, TL_ECONFIG, "the job folder %s is not here: %s", path, strerror(errno));
    char *file = tl_xasprintf("%s/job.json", k->dir);
    k->job = json_load_file(file, JSON_REJECT_DUPLICATES, &why);
    free(file);
    if (!k->job)
        return tl_fail(e, TL_ECONFIG, "%s/job.json: %s", k->dir, why.text);
    return 0;
}

/* Before any pixel: a node with another program or other libraries may give other bits. */
static int check_versions(const tl__task *k, int allow_drift, tl_err *e)
{
    const json_t *v = json_object_get(k->job, "versions");
    const char *const mine[3][2] = {
        {"tellua", tl_version()}, {"gdal", tl_gdal_version()}, {"proj", tl_proj_version()}};
    for (int i = 0; i < 3; i++) {
        const char *theirs = json_string_value(json_object_get(v, mine[i][0]));
        if (!theirs || strcmp(theirs, mine[i][1]) != 0)
            return tl_fail(e, TL_ECONFIG,
                           "the job was made with %s %s, this machine has %s; go on with "
                           "the same, or submit it anew",
                           mine[i][0], theirs ? theirs : "?", mine[i][1]);
    }
    char probe[17];
    const char *libm = json_string_value(json_object_get(k->job, "libm"));
    tl_libm_probe(probe);
    if (libm && !allow_drift && strcmp(libm, probe) != 0)
        return tl_fail(e, TL_ECONFIG,
                       "this machine's exp, sin ... differ from those of the job's (%s, not %s)",
                       probe, libm);
    return 0;
}

/* Functions of a job run in the jail wherever there can be one: the node's owner did not write
 * them. A worker for each thread. */
static int load_confined(tl__task *k, const char *text, size_t len, int threads, int allow_drift,
                         tl_err *e)
{
    tl_limits limits = tl_limits_of_run();
    tl_jail_options o = {.most_workers = threads, .most_per_tenant = threads, .patience = 3600};
    k->jail = tl_jail_new(&o);
    tl_trust workers = {.tenant = "task", .jail = k->jail, .limits = &limits};
    int rc = tl_plan_load_confined(text, len, allow_drift, &workers, &k->plan, e);
    if (rc != TL_ECONFIG)
        return rc;
    tl_err why = *e;
    *e = (tl_err)TL_ERR_INIT;
    rc = tl_plan_load(text, len, allow_drift, &k->plan, e);
    if (!rc)
        tl_log(TL_LOG_INFO, "functions run in the task's own process: %s", why.message);
    return rc;
}

/* threads = 0: nothing is computed. */
static int read_plan(tl__task *k, int threads, int allow_drift, tl_err *e)
{
    size_t len = 0;
    char *text = NULL, *file = tl_xasprintf("%s/plan.json", k->dir);
    int rc = tl_cli_read_file(file, &text, &len, e);
    if (!rc)
        rc = threads ? load_confined(k, text, len, threads, allow_drift, e)
                     : tl_plan_load(text, len, allow_drift, &k->plan, e);
    free(text);
    if (!rc && strcmp(k->plan->key, json_string_value(json_object_get(k->job, "key"))) != 0)
        rc = tl_fail(e, TL_ECONFIG, "%s is not the plan of this job", file);
    free(file);
    return rc;
}

/* The part of the job that task number n belongs to. */
static const json_t *part_of(const tl__task *k, tl_err *e)
{
    size_t i;
    const json_t *part;
    json_array_foreach(json_object_get(k->job, "parts"), i, part)
    {
        int64_t first = json_integer_value(json_object_get(part, "first"));
        if (k->number >= first &&
            k->number < first + json_integer_value(json_object_get(part, "tasks")))
            return part;
    }
    tl_fail(e, TL_EUSAGE, "task %lld: the job has tasks 0 to %lld", (long long)k->number,
            (long long)json_integer_value(json_object_get(k->job, "tasks")) - 1);
    return NULL;
}

/* The units of the part that are this task's. */
void tl__task_units(const tl__task *k, const json_t *part, int64_t *from, int64_t *end)
{
    int64_t i = k->number - json_integer_value(json_object_get(part, "first"));
    int64_t units = json_integer_value(json_object_get(part, "units"));
    int64_t n = json_integer_value(json_object_get(part, "tasks"));
    tl_task_range(units, n, i, from, end);
}

/* --- progress --------------------------------------------------------------------------------- */

/* A signal asked for the end: the block in hand is finished, unless that takes longer than the
 * scheduler waits. What it kills hands in nothing; what ends by itself loses that block alone. */
static void mind_the_end(tl__task_shown *s)
{
    if (!tl_cli_asked_to_end())
        return;
    if (!s->asked) {
        s->asked = tl_now();
        tl_log(TL_LOG_INFO, "asked to end: finishing the block in hand");
    } else if (tl_now() - s->asked > tl_grace()) {
        tl_log(TL_LOG_INFO, "the block in hand takes too long: ending without it");
        _exit(EXIT_EVICTED);
    }
}

void tl__task_progress(void *ctx, const tl_run_progress *p)
{
    tl__task_shown *s = ctx;
    char text[100];
    mind_the_end(s);
    if (s->most > 0 && p->seconds >= s->most)
        tellua_interrupt(s->t);
    if (p->merging) {
        tl_log(TL_LOG_INFO, "assembling %s", p->merging);
    } else if (p->seconds - s->last >= 2 + p->seconds / 20) { /* long tasks say it more seldom */
        s->last = p->seconds;
        snprintf(text, sizeof text, "%lld/%lld", (long long)p->tiles_done, (long long)p->tiles);
        tl_log(TL_LOG_INFO, "%lld of %lld blocks, %.1f Mpx/s", (long long)p->tiles_done,
               (long long)p->tiles, (double)p->cells_done / p->seconds / 1e6);
        tl_chirp("ChirpTelluaBlocks", text, 1);
    }
}

/* --- how it ended ----------------------------------------------------------------------------- */

static int exit_of(int code)
{
    switch (code) {
    case TL_EINTR:
        return EXIT_EVICTED;
    case TL_EDATA:
        return EXIT_DATA;
    case TL_EIO: /* this machine's disk; another one may have room */
        return tl_exit_status(TL_ETRANSIENT);
    case TL_ENOMEM:
        return tl_exit_status(TL_ECONFIG);
    default:
        return tl_exit_status(code);
    }
}

/* A scheduler that carries files carries those of a checkpoint to the task's next run, not those of
 * a failure. So a fault that more runs may get over hands in new blocks first, as a checkpoint; the
 * run that follows meets it again with nothing new to save. */
static struct {
    char *idx; /* NULL: nothing is carried; kept to the end, for the watch's thread */
    off_t had;
} carried;

static off_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) ? 0 : st.st_size;
}

int tl_cli_fault_status(int status)
{
    int may_pass = status == EXIT_DATA || status == tl_exit_status(TL_ETRANSIENT);
    return may_pass && carried.idx && size_of(carried.idx) > carried.had ? EXIT_EVICTED : status;
}

/* Whole, and on the disk before anything counts on it. */
static int write_json(const char *path, json_t *j, tl_err *e)
{
    char *text = json_dumps(j, JSON_SORT_KEYS | JSON_INDENT(1));
    int rc =
        text ? tl_outfile_put(path, text, strlen(text), e) : tl_fail(e, TL_ENOMEM, "out of memory");
    free(text);
    json_decref(j);
    return rc;
}

static json_t *ending(const tl__task *k, const tl_run_report *r)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    return json_pack("{s:I, s:s, s:f, s:I, s:I, s:I, s:I, s:I}", "task", (json_int_t)k->number,
                     "host", host, "seconds", r->seconds_total, "blocks", (json_int_t)r->blocks,
                     "kept", (json_int_t)r->blocks_kept, "pixels", (json_int_t)r->pixels, "read",
                     (json_int_t)r->bytes_read, "memory", (json_int_t)r->peak_rss);
}

static void note_failure(const tl__task *k, const tl_run_report *r, const tl_err *e)
{
    json_t *j = ending(k, r);
    char text[1400];
    char *path = tl_xasprintf("%s.failed", k->base);
    json_object_set_new(j, "code", json_string(tl_code_name(e->code)));
    json_object_set_new(j, "message", tl_json_text(e->message));
    json_object_set_new(j, "where", tl_json_text(e->where));
    json_object_set_new(j, "source", tl_json_text(e->source));
    json_object_set_new(j, "exit", json_integer(exit_of(e->code)));
    tl_err second = TL_ERR_INIT;
    if (write_json(path, j, &second))
        tl_log(TL_LOG_WARN, "%s", second.message);
    free(path);
    tl_chirp("TelluaClass", tl_code_name(e->code), 0);
    tl_chirp("TelluaError", tl_err_text(e, text, sizeof text), 0);
}

static int note_success(const tl__task *k, const tl_run_report *r, tl_err *e)
{
    char *path = tl_xasprintf("%s.done", k->base), *old = tl_xasprintf("%s.failed", k->base);
    int rc = write_json(path, ending(k, r), e);
    if (!rc && k->carried)
        rc = truncate(old, 0) ? tl_fail(e, TL_EIO, "cannot write %s: %s", old, strerror(errno)) : 0;
    else if (!rc)
        unlink(old);
    free(path);
    free(old);
    return rc;
}

/* --- the task --------------------------------------------------------------------------------- */

static int do_tiles(const tl_cli *c, tellua *t, tl__task *k, const json_t *part, tl_run_report *r,
                    tl_err *e)
{
    const json_t *opt = json_object_get(k->job, "options");
    int64_t from, end;
    tl__task_shown shown = {.t = t, .last = -2, .most = c->checkpoint};
    tl__task_units(k, part, &from, &end);
    int threads =
        c->threads ? c->threads : (int)json_integer_value(json_object_get(opt, "threads"));
    threads = threads > 0 ? threads : tl_cores();
    int rc = read_plan(k, threads, c->allow_drift, e);
    if (rc)
        return rc;
    tl_task work = {.dir = k->work,
                    .name = k->name,
                    .first = from,
                    .end = end,
                    .threads = threads,
                    .mem = c->mem ? c->mem : json_integer_value(json_object_get(opt, "mem")),
                    .cancel = &t->cancel,
                    .progress = tl__task_progress,
                    .ctx = &shown};
    tl_log(TL_LOG_INFO, "task %lld: blocks %lld to %lld", (long long)k->number,
           (long long)work.first, (long long)work.end - 1);
    rc = tl_task_run(k->plan, &work, r, e);
    if (!rc || rc == TL_EINTR)
        tl_log(TL_LOG_INFO, "%lld blocks computed, %lld kept, %.2f s", (long long)r->blocks,
               (long long)r->blocks_kept, r->seconds_total);
    return rc;
}

/* A child of an engine ends with it. */
static void follow_parent(const tl_cli *c, tellua *t)
{
    if (!c->under)
        return;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != (pid_t)c->under)
        tellua_interrupt(t);
}

/* Files that a scheduler carries must be there however the task ends. */
static int make_places(const tl__task *k, tl_err *e)
{
    static const char *const suffix[] = {"idx", "dat", "csv", "done", "failed"};
    int rc = 0;
    for (size_t i = 0; i < sizeof suffix / sizeof suffix[0] && !rc; i++) {
        char *path = tl_xasprintf("%s.%s", k->base, suffix[i]);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0)
            rc = tl_fail(e, TL_EIO, "cannot make %s: %s", path, strerror(errno));
        else
            close(fd);
        free(path);
    }
    return rc;
}

/* Where the task's files lie: in JOB/tasks, or where --work says, from where they are carried. */
static int find_place(const tl_cli *c, tl__task *k, tl_err *e)
{
    snprintf(k->name, sizeof k->name, "%07lld", (long long)k->number);
    k->work = c->work ? tl_xstrdup(c->work)
                      : tl_xasprintf("%s/tasks/%03lld", k->dir, (long long)k->number / 1000);
    int made = tl_make_folders(k->work) == 0;
    char *work = made ? realpath(k->work, NULL) : NULL;
    if (work) {
        free(k->work);
        k->work = work;
    }
    k->base = tl_xasprintf("%s/%s", k->work, k->name);
    k->carried = c->work != NULL;
    if (!made)
        return tl_fail(e, TL_EIO, "cannot make %s: %s", k->work, strerror(errno));
    if (!k->carried)
        return 0;
    int rc = make_places(k, e);
    carried.idx = tl_xasprintf("%s.idx", k->base);
    carried.had = size_of(carried.idx);
    if (carried.had < IDX_HEAD) /* a new one: its head is no block */
        carried.had = IDX_HEAD;
    return rc;
}

static int one_task(const tl_cli *c, tellua *t, tl__task *k, tl_err *e)
{
    tl_run_report r = {0};
    const json_t *part = NULL, *opt = json_object_get(k->job, "options");
    double patience = json_number_value(json_object_get(opt, "io_timeout"));
    if (patience > 0)
        tl_cli_limit_io(patience);
    int rc = find_place(c, k, e);
    if (!rc)
        rc = check_versions(k, c->allow_drift, e);
    if (!rc && !(part = part_of(k, e)))
        rc = e->code;
    if (!rc)
        rc = strcmp(json_string_value(json_object_get(part, "kind")), "scenes") == 0
                 ? tl__task_scenes(c, t, k, part, &r, e)
                 : do_tiles(c, t, k, part, &r, e);
    if (!rc)
        rc = note_success(k, &r, e);
    if (!rc || rc == TL_EINTR)
        return rc;
    if (tl_cli_fault_status(exit_of(rc)) == EXIT_EVICTED)
        tl_log(TL_LOG_INFO, "%lld new blocks are handed in first", (long long)r.blocks);
    else
        note_failure(k, &r, e);
    return rc;
}

/* --- the merge -------------------------------------------------------------------------------- */

static int is_shard(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static int merge_tiles(tl__task *k, const char *to, int partial, tl_run_report *r, tl_err *e)
{
    struct dirent **found = NULL;
    char *tasks = tl_xasprintf("%s/tasks", k->dir),
         *own = tl_xasprintf("%s/%s", k->dir, partial ? "partial/.blocks" : "merge"),
         *result = tl_xasprintf("%s/%s", k->dir, to);
    tl__task_shown shown = {0};
    int n = scandir(tasks, &found, is_shard, alphasort);
    char **dirs = tl_xcalloc((size_t)(n > 0 ? n : 1), sizeof *dirs);
    for (int i = 0; i < n; i++) {
        dirs[i] = tl_xasprintf("%s/%s", tasks, found[i]->d_name);
        free(found[i]);
    }
    free(found);
    tl_gather g = {.dirs = (const char *const *)dirs,
                   .ndirs = n > 0 ? n : 0,
                   .own = own,
                   .result = result,
                   .partial = partial,
                   .progress = tl__task_progress,
                   .ctx = &shown};
    int rc = tl_task_merge(k->plan, &g, r, e);
    for (int i = 0; i < n; i++)
        free(dirs[i]);
    free(dirs);
    free(tasks);
    free(own);
    free(result);
    return rc;
}

/* `partial`: what there is so far, to look at. */
static int merge(const tl_cli *c, tl__task *k, int partial, tl_err *e)
{
    tl_run_report r = {0};
    const char *to = partial ? "partial" : "result";
    int status = 0, rc = check_versions(k, c->allow_drift, e);
    json_object_set_new(k->job, "dir", tl_json_text(k->dir));
    if (!rc && json_object_get(k->job, "key"))
        rc = read_plan(k, 0, c->allow_drift, e);
    if (!rc && k->plan)
        rc = merge_tiles(k, to, partial, &r, e);
    for (int i = 0; !rc && k->plan && i < k->plan->n; i++) {
        char *dir = tl_xasprintf("%s/%s", k->dir, to);
        char *path = tl_product_path(&k->plan->out[i], dir);
        printf("%s\n", path);
        rc = tl_stac_write(&k->plan->out[i], path,
                           json_number_value(json_object_get(k->job, "created")), e);
        free(path);
        free(dir);
    }
    if (rc || partial)
        return rc;
    rc = tl_console("merge_rows", k->job, &status, e);
    if (!rc) {
        char *path = tl_xasprintf("%s/merge.done", k->dir);
        k->number = -1;
        rc = write_json(path, ending(k, &r), e);
        free(path);
    }
    return rc;
}

static void free_task(tl__task *k)
{
    tl_plan_free(k->plan);
    tl_jail_free(k->jail);
    json_decref(k->job);
    free(k->dir);
    free(k->base);
    free(k->work);
}

int tl_cli_task(tl_cli *c, tellua *t, tl_err *e)
{
    tl__task k = {0};
    char *end = NULL;
    if (!c->word)
        return tl_fail(e, TL_EUSAGE, "which task? `tellua task JOB N`, or merge, or engine");
    if (strcmp(c->word, "engine") == 0)
        return tl_cli_job(c, t, e);
    follow_parent(c, t);
    k.number = strtoll(c->word, &end, 10);
    int partial = strcmp(c->word, "partial") == 0;
    int is_merge = partial || strcmp(c->word, "merge") == 0;
    int rc = !is_merge && (*end || k.number < 0)
                 ? tl_fail(e, TL_EUSAGE, "'%s': a task's number, merge, partial or engine", c->word)
                 : read_job(&k, c->script, e);
    if (!rc)
        rc = is_merge ? merge(c, &k, partial, e) : one_task(c, t, &k, e);
    free_task(&k);
    if (rc)
        c->status = tl_cli_fault_status(exit_of(rc));
    return rc;
}
