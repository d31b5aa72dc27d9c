/* tellua submit, and the commands that watch and steer jobs. SPDX-License-Identifier: MIT */
#include "runtime/cli_job.h"
#include "modules/batch/console_lua.h"
#include "modules/batch/task.h"
#include "modules/batch/work.h"
#include "modules/raster/raster.h"
#include "runtime/buf.h"
#include "runtime/log.h"
#include "runtime/mem.h"
#include "runtime/version.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Products of so many scenes stand in the plan, with the bytes that `run` gives them; of more each
 * task makes a plan of its own, since a plan of all would not fit into memory. */
#define FEW_SCENES 1000

int tl_cli_read_file(const char *path, char **text, size_t *len, tl_err *e)
{
    tl_buf b = TL_BUF_INIT;
    FILE *f = fopen(path, "rb");
    if (!f)
        return tl_fail(e, TL_EDATA, "%s: %s", path, strerror(errno));
    int bad = tl_buf_read(&b, f, SIZE_MAX);
    fclose(f);
    if (bad) {
        tl_buf_free(&b);
        return tl_fail(e, TL_EDATA, "%s: cannot be read", path);
    }
    *len = b.len;
    *text = b.data ? b.data : tl_xstrdup("");
    return 0;
}

/* --- what the batch layer is told ---------------------------------------------------------------
 */

static void put_text(json_t *j, const char *key, const char *text)
{
    if (text)
        json_object_set_new(j, key, tl_json_text(text));
}

static void put_int(json_t *j, const char *key, int64_t v)
{
    if (v)
        json_object_set_new(j, key, json_integer((json_int_t)v));
}

static json_t *texts(const char **list, int n)
{
    json_t *j = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(j, tl_json_text(list[i]));
    return j;
}

static json_t *common_args(const tl_cli *c)
{
    json_t *j = json_object();
    put_text(j, "job", c->script);
    put_text(j, "task", c->word);
    put_text(j, "metrics", c->metrics);
    put_int(j, "json", c->json);
    put_int(j, "quiet", c->quiet);
    put_int(j, "wait", c->wait);
    put_int(j, "follow", c->follow);
    /* 0 is a number in Lua, and true: a flag that is not set is not there. */
    return j;
}

int tl_cli_job(tl_cli *c, tellua *t, tl_err *e)
{
    static const struct {
        int command;
        const char *name;
    } names[] = {
        {TL_CMD_JOBS, "jobs"},       {TL_CMD_STATUS, "status"},   {TL_CMD_WAIT, "wait"},
        {TL_CMD_LOGS, "logs"},       {TL_CMD_CANCEL, "cancel"},   {TL_CMD_HOLD, "hold"},
        {TL_CMD_RELEASE, "release"}, {TL_CMD_SUSPEND, "suspend"}, {TL_CMD_RESUME, "resume"},
        {TL_CMD_RETRY, "retry"},     {TL_CMD_TASK, "engine"}};
    (void)t;
    json_t *args = common_args(c);
    int rc = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].command == c->command)
            rc = tl_console(names[i].name, args, &c->status, e);
    json_decref(args);
    return rc;
}

/* --- submit
 * --------------------------------------------------------------------------------------- */

/* "dir/ndvi.lua" -> "ndvi" */
static char *job_name(const char *script)
{
    const char *slash = strrchr(script, '/');
    char *name = tl_xstrdup(strcmp(script, "-") == 0 ? "stdin" : slash ? slash + 1 : script);
    char *dot = strrchr(name, '.');
    if (dot && dot != name)
        *dot = '\0';
    return name;
}

static json_t *products(const tl_plan *p)
{
    json_t *list = json_array();
    for (int i = 0; i < p->n; i++) {
        char *path = tl_product_path(&p->out[i], "result");
        json_array_append_new(list, tl_json_text(path));
        free(path);
    }
    return list;
}

/* Computes n blocks in the middle, to know what the others will take. */
static int pilot(const tl_cli *c, const tl_plan *p, int64_t n, tl_run_report *r, tl_err *e)
{
    int64_t first = tl_work_tiles(p) / 2 / n * n;
    const char *tmp = getenv("TMPDIR");
    char *dir = tl_xasprintf("%s/tellua-pilot-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    int rc = mkdtemp(dir) ? 0 : tl_fail(e, TL_EIO, "cannot make %s: %s", dir, strerror(errno));
    if (!rc)
        rc = tl_task_pilot(p, c->mem, first, first + n, dir, r, e);
    free(dir);
    return rc ? tl_err_prefix(e, "the pilot block") : 0;
}

static void print_amount(double bytes, const char *what)
{
    int big = bytes >= 1e9;
    printf("%.3g %s %s", bytes / (big ? 1e9 : 1e6), big ? "GB" : "MB", what);
}

#define COST_BLOCKS  16  /* neighbours, which share blocks of the files they read */
#define COST_SECONDS 0.5 /* a block that takes longer stands for the others alone */

/* What the pilot took, once for each block. */
int tl_cli_print_cost(const tl_cli *c, const tl_plan *p, tl_err *e)
{
    tl_run_report r;
    int64_t before, n = tl_work_tiles(p), did = 1;
    int rc = pilot(c, p, 1, &r, e);
    before = r.bytes_read;
    if (!rc && r.seconds_total < COST_SECONDS && n >= 2 * COST_BLOCKS)
        rc = pilot(c, p, did = COST_BLOCKS, &r, e);
    else
        before = 0;
    if (rc)
        return rc;
    double k = (double)n / (double)did, seconds = r.seconds_total / (double)did;
    double all = r.seconds_total * k, read = (double)(r.bytes_read - before) * k,
           written = (double)r.tile_bytes * k;
    if (c->json) {
        printf("{\"blocks\":%lld,\"block_seconds\":%.6g,\"cpu_seconds\":%.6g,\"read_bytes\":%.0f,"
               "\"written_bytes\":%.0f}\n",
               (long long)n, seconds, all, read, written);
        return 0;
    }
    printf("cost   %lld blocks of some %.3g s: %.3g %s of a core; ", (long long)n, seconds,
           all >= 3600 ? all / 3600 : all, all >= 3600 ? "hours" : "seconds");
    print_amount(read, "read, ");
    print_amount(written, "written\n");
    return 0;
}

/* The part of the job that plan.json is: tiles. */
static int add_tiles(const tl_cli *c, const tl_plan *p, json_t *args, tl_err *e)
{
    tl_memory_plan m;
    double seconds = 1;
    int64_t bytes = 0, tiles = tl_work_tiles(p);
    double cells = 0;
    int rc = tl_plan_memory(p, c->threads ? c->threads : 1, c->mem, &m, e);
    if (!rc && !c->tasks && !c->tile) {
        tl_run_report r;
        rc = pilot(c, p, 1, &r, e);
        seconds = r.seconds_total;
        bytes = r.tile_bytes;
    }
    if (rc)
        return rc;
    for (int i = 0; i < p->n; i++)
        cells +=
            (double)p->out[i].product.grid.w * (double)p->out[i].product.grid.h * p->out[i].nsteps;
    json_object_set_new(args, "key", json_string(p->key));
    json_object_set_new(args, "products", products(p));
    put_int(args, "task_memory", m.total);
    json_array_append_new(json_object_get(args, "parts"),
                          json_pack("{s:s, s:I, s:f, s:f, s:I}", "kind", "tiles", "units",
                                    (json_int_t)tiles, "unit_seconds", seconds, "unit_cells",
                                    cells / (double)tiles, "unit_bytes", (json_int_t)bytes));
    char *text = tl_xasprintf("{\"key\":\"%s\",\"plan\":%s}\n", p->key, p->text);
    json_object_set_new(args, "plan", json_string(text));
    free(text);
    return 0;
}

/* Outputs whose scenes tasks share: parts of their own. */
static void add_scenes(const tl_cli *c, tellua *t, json_t *args)
{
    size_t i;
    json_t *part;
    json_array_foreach(json_object_get(t->part, "list"), i, part)
    {
        const char *name = json_string_value(json_object_get(part, "output"));
        if (c->output && strcmp(c->output, name) != 0)
            continue;
        json_object_set_new(part, "kind", json_string("scenes"));
        json_object_set_new(part, "unit_seconds", json_real(2));
        json_array_append(json_object_get(args, "parts"), part);
    }
}

static json_t *where_args(const tl_cli *c)
{
    const tl_where *w = &c->where;
    json_t *j = json_object();
    put_text(j, "crs", w->crs);
    put_text(j, "format", c->format);
    if (w->has_bbox)
        json_object_set_new(j, "bbox",
                            json_pack("[f,f,f,f]", w->bbox[0], w->bbox[1], w->bbox[2], w->bbox[3]));
    if (w->res[0] > 0)
        json_object_set_new(j, "res", json_pack("[f,f]", w->res[0], w->res[1]));
    if (w->has_window)
        json_object_set_new(j, "window",
                            json_pack("[I,I,I,I]", (json_int_t)w->window.x, (json_int_t)w->window.y,
                                      (json_int_t)w->window.w, (json_int_t)w->window.h));
    return j;
}

static void put_script(const tl_cli *c, tellua *t, json_t *args)
{
    size_t len = 0;
    const char *text =
        t->host && strcmp(c->script, "-") != 0 ? tl_host_source(t->host, c->script, &len) : NULL;
    if (text)
        json_object_set_new(args, "text", json_stringn(text, len));
}

static json_t *submit_args(const tl_cli *c, tellua *t)
{
    json_t *j = common_args(c);
    char probe[17];
    char *name = c->name ? tl_xstrdup(c->name) : job_name(c->script);
    char *dir = c->job ? tl_xstrdup(c->job) : tl_xasprintf("%s.job", name);
    json_object_set_new(j, "versions",
                        json_pack("{s:s, s:s, s:s}", "tellua", tl_version(), "gdal",
                                  tl_gdal_version(), "proj", tl_proj_version()));
    tl_libm_probe(probe);
    put_text(j, "version", tl_version());
    put_text(j, "libm", probe);
    put_text(j, "engine", c->on ? c->on : "local");
    put_text(j, "script", c->script);
    put_text(j, "name", name);
    put_text(j, "job", dir);
    put_int(j, "slots", c->slots);
    put_int(j, "threads", c->threads);
    put_int(j, "mem", c->mem);
    put_int(j, "tasks", c->tasks);
    put_int(j, "tile", c->tile);
    put_int(j, "bundle", c->bundle);
    put_int(j, "dry_run", c->dry_run);
    put_int(j, "shared", c->shared);
    json_object_set_new(j, "io_timeout", json_real(c->io_timeout));
    if (c->backoff > 0)
        json_object_set_new(j, "backoff", json_real(c->backoff));
    if (c->checkpoint > 0)
        json_object_set_new(j, "checkpoint", json_real(c->checkpoint));
    json_object_set_new(j, "params", texts(c->param, c->nparams));
    json_object_set_new(j, "after", texts(c->after, c->nafter));
    json_object_set_new(j, "options", texts(c->engine_option, c->nengine_options));
    json_object_set_new(j, "parts", json_array());
    json_object_set_new(j, "where", where_args(c));
    put_script(c, t, j);
    free(name);
    free(dir);
    return j;
}

int tl_cli_submit(tl_cli *c, tellua *t, tl_err *e)
{
    tl_plan *plan = NULL;
    json_t *part = json_pack("{s:s, s:I, s:[]}", "mode", "plan", "few",
                             (json_int_t)(c->bundle ? 0 : FEW_SCENES), "list");
    int rc = tl_session_part(t, part, e);
    json_decref(part);
    if (!rc)
        rc = tl_cli_make_plan(c, t, 0, &plan, e);
    if (rc)
        return rc;
    json_t *args = submit_args(c, t);
    if (plan)
        rc = add_tiles(c, plan, args, e);
    tl_plan_free(plan);
    add_scenes(c, t, args);
    if (!rc && json_array_size(json_object_get(args, "parts")) == 0)
        rc = tl_fail(e, TL_ESCRIPT,
                     "the script's tables are computed while it runs; there is "
                     "nothing to distribute");
    if (!rc)
        rc = tl_console("submit", args, &c->status, e);
    json_decref(args);
    return rc;
}
