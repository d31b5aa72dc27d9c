/* The command line's plan-based commands. SPDX-License-Identifier: MIT */
#include "modules/raster/roots.h"
#include "runtime/cli.h"
#include "runtime/cli_job.h"
#include "runtime/jail.h"
#include "modules/batch/plan_call.h"
#include "modules/map/looks_lua.h"
#include "modules/raster/outdir.h"
#include "runtime/border.h"
#include "runtime/buf.h"
#include "runtime/json_lua.h"
#include "runtime/log.h"
#include "runtime/mem.h"
#include "runtime/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- scripts and plans
 * -------------------------------------------------------------------------------- */

static int read_all(FILE *f, tl_buf *b, tl_err *e)
{
    if (tl_buf_read(b, f, (256u << 20) + 1))
        return tl_fail(e, TL_EDATA, "cannot read: %s", strerror(errno));
    return b->len > 256u << 20 ? tl_fail(e, TL_EDATA, "more than 256 MiB of plan") : 0;
}

/* A plan is told by its first character: no Lua script starts with '{'. */
static int starts_as_json(const char *path)
{
    size_t n = strlen(path);
    if (n > 5 && strcmp(path + n - 5, ".json") == 0)
        return 1;
    struct stat st;
    if (stat(path, &st) || !S_ISREG(st.st_mode))
        return 0;
    FILE *f = fopen(path, "r");
    int ch = f ? getc(f) : EOF;
    if (f)
        fclose(f);
    return ch == '{';
}

/* A stranger's: its tenant is the process. */
static int load_foreign(const tl_cli *c, const tl_buf *text, tl_plan **out, tl_err *e)
{
    tl_limits limits = tl_limits_of_run();
    tl_trust trust = {.tenant = "run", .jail = tl_jail_shared(), .limits = &limits};
    int rc = tl_roots_new(c->roots, c->nroots, &trust.roots, e);
    return rc ? rc : tl_plan_load_foreign(tl_buf_text(text), text->len, &trust, out, e);
}

static int load_plan(const tl_cli *c, tl_plan **out, tl_err *e)
{
    tl_buf text = TL_BUF_INIT;
    if (c->nparams || c->where.has_bbox || c->where.crs || c->where.res[0] > 0 ||
        c->where.has_window || c->format)
        return tl_fail(
            e, TL_EUSAGE,
            "a plan is finished: its parameters, grid and format cannot be changed; plan the "
            "script again");
    FILE *f = fopen(c->script, "r");
    if (!f)
        return tl_fail(e, TL_EDATA, "%s: %s", c->script, strerror(errno));
    int rc = read_all(f, &text, e);
    fclose(f);
    if (!rc)
        rc = c->jailed ? load_foreign(c, &text, out, e)
                       : tl_plan_load(tl_buf_text(&text), text.len, c->allow_drift, out, e);
    tl_buf_free(&text);
    return rc ? tl_err_source(e, c->script) : 0;
}

static int run_script(const tl_cli *c, tellua *t, tl_err *e)
{
    tl_buf text = TL_BUF_INIT;
    int rc = 0;
    for (int i = 0; i < c->nparams && !rc; i++)
        rc = tellua_set(t, c->param[i]);
    if (!rc && strcmp(c->script, "-") == 0) {
        rc = read_all(stdin, &text, e);
        if (!rc)
            rc = tellua_run_text(t, tl_buf_text(&text), text.len, "stdin");
    } else if (!rc) {
        rc = tellua_run_file(t, c->script);
    }
    tl_buf_free(&text);
    if (rc && t->err.code)
        *e = t->err;
    if (rc && c->debug && t->host && tl_host_traceback(t->host)[0])
        tl_log(TL_LOG_WARN, "call stack:\n%s", tl_host_traceback(t->host));
    return rc;
}

int tl_cli_make_plan(const tl_cli *c, tellua *t, int view, tl_plan **out, tl_err *e)
{
    if (strcmp(c->script, "-") != 0 && starts_as_json(c->script)) {
        if (view)
            return tl_fail(e, TL_EUSAGE,
                           "view needs a script; a plan's outputs are computed with run");
        return load_plan(c, out, e);
    }
    if (c->jailed)
        return tl_fail(e, TL_EUSAGE,
                       "--jailed is for plans; a script is not one: `tellua plan --json` makes it");
    int rc = run_script(c, t, e);
    if (!rc && t->part)
        rc = tl_session_parts(t, e);
    int parts = json_array_size(json_object_get(t->part, "list")) > 0;
    int enough = parts || t->njobs;
    if (!rc)
        rc = tl_script_check(&t->script, !enough, e);
    if (!rc && enough && !t->script.noutputs)
        return 0;
    if (!rc && !tl_script_wants_plan(&t->script, c->output))
        return view ? tl_fail(e, TL_ESCRIPT,
                              "the script's outputs are tables; `tellua run` writes them")
                    : 0;
    tl_grid viewport;
    tl_plan_request r = {.output = c->output,
                         .where = c->where,
                         .format = c->format,
                         .view = view,
                         .view_w = c->size[0],
                         .view_h = c->size[1],
                         .visualize = tl_looks_visualize,
                         .ctx = t->L};
    if (!rc && view && c->has_center) {
        rc =
            tl_zoom_grid(c->center[0], c->center[1], c->zoom, c->size[0], c->size[1], &viewport, e);
        r.viewport = &viewport;
    }
    return rc ? rc : tl_plan_make(&t->script, &r, out, e);
}

/* --- run
 * -------------------------------------------------------------------------------------------------
 */

typedef struct {
    int terminal;
    double last; /* seconds, of the last plain line */
} progress_state;

static void progress_text(const tl_run_progress *p, char *text, size_t size)
{
    double rate = p->seconds > 0 ? (double)p->cells_done / p->seconds / 1e6 : 0;
    double left = p->tiles_done > 0
                      ? p->seconds * (double)(p->tiles - p->tiles_done) / (double)p->tiles_done
                      : 0;
    if (p->merging)
        snprintf(text, size, "assembling %s", p->merging);
    else
        snprintf(text, size, "%lld of %lld blocks, %.1f Mpx/s, %.0f s left",
                 (long long)p->tiles_done, (long long)p->tiles, rate, left);
}

/* A line that rewrites itself on a terminal, a plain line every ten seconds elsewhere. */
static void show_progress(void *ctx, const tl_run_progress *p)
{
    progress_state *s = ctx;
    char text[200], stuck[256];
    progress_text(p, text, sizeof text);
    if (s->terminal) {
        tl_log_status(text);
    } else if (p->seconds - s->last >= 10 || p->seconds < s->last) {
        s->last = p->seconds;
        double since = tl_watch_oldest(stuck, sizeof stuck);
        if (since > 5)
            tl_log(TL_LOG_INFO, "%s; waiting %.0f s for %s", text, since, stuck);
        else
            tl_log(TL_LOG_INFO, "%s", text);
    }
}

static json_t *raised_json(const tl_plan *p)
{
    tl_pass_trap *t;
    int n = tl_plan_raised(p, &t);
    json_t *list = json_array();
    for (int i = 0; i < n; i++) {
        char name[80];
        tl__function_name(t[i].call->fn, name, sizeof name);
        char *line = tl_xasprintf("%s:%d", tl__function_file(t[i].call->fn),
                                  t[i].line ? t[i].line : tl_fn_line(t[i].call->fn));
        json_array_append_new(
            list,
            json_pack("{s:o, s:o, s:I, s:I, s:I, s:o}", "function", tl_json_text(name), "line",
                      tl_json_text(line), "pixels", (json_int_t)t[i].count, "column",
                      (json_int_t)t[i].col, "row", (json_int_t)t[i].row, "reason",
                      tl_json_text(t[i].reason[0] ? t[i].reason : "the function raised an error")));
        free(line);
    }
    free(t);
    return list;
}

static json_t *report_json(const tl_plan *p, const tl_run_report *r, const char *dir)
{
    json_t *outputs = json_array();
    for (int i = 0; i < p->n; i++) {
        char *path = tl_product_path(&p->out[i], dir);
        json_int_t size = (json_int_t)tl_tree_bytes(path);
        json_array_append_new(
            outputs,
            json_pack("{s:s, s:o, s:I, s:I, s:i, s:s, s:I}", "name", p->out[i].name, "path",
                      tl_json_text(path), "width", (json_int_t)p->out[i].product.grid.w, "height",
                      (json_int_t)p->out[i].product.grid.h, "bands", p->out[i].nbands, "dtype",
                      tl_dtype_name(p->out[i].product.dtype), "bytes", size));
        free(path);
    }
    return json_pack(
        "{s:s, s:{s:f, s:f, s:f}, s:I, s:{s:I, s:I}, s:{s:I, s:I, s:I}, s:{s:I, s:I, s:i, s:I}, "
        "s:o, s:o}",
        "key", p->key, "seconds", "total", r->seconds_total, "compute", r->seconds_compute, "merge",
        r->seconds_merge, "pixels", (json_int_t)r->pixels, "blocks", "done", (json_int_t)r->blocks,
        "kept", (json_int_t)r->blocks_kept, "bytes", "read", (json_int_t)r->bytes_read, "written",
        (json_int_t)r->bytes_written, "tiles", (json_int_t)r->tile_bytes, "memory", "planned",
        (json_int_t)r->memory.total, "peak", (json_int_t)r->peak_rss, "threads", r->memory.threads,
        "cache", (json_int_t)r->memory.cache, "outputs", outputs, "raised", raised_json(p));
}

static void print_json(json_t *j)
{
    char *text = json_dumps(j, JSON_SORT_KEYS | JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    puts(text ? text : "{}");
    free(text);
    json_decref(j);
}

static void print_report(const tl_plan *p, const tl_run_report *r, const char *dir)
{
    for (int i = 0; i < p->n; i++) {
        char *path = tl_product_path(&p->out[i], dir);
        printf("%s\n", path);
        free(path);
    }
    tl_log(TL_LOG_INFO,
           "%lld cells in %.2f s (%.1f Mpx/s), %.0f MiB of memory at the peak (planned %.0f)",
           (long long)r->pixels, r->seconds_total,
           r->seconds_compute > 0 ? (double)r->pixels / r->seconds_compute / 1e6 : 0,
           (double)r->peak_rss / 1048576, (double)r->memory.total / 1048576);
}

/* Tables were computed while the script ran. */
static int write_tables(const tl_cli *c, const tl_script *s, const char *dir, json_t *report,
                        tl_err *e)
{
    int rc = 0;
    for (int i = 0; i < s->ntables && !rc; i++) {
        char *path = NULL;
        if (c->output && strcmp(c->output, s->table[i].name) != 0)
            continue;
        rc = tl_script_write_table(&s->table[i], dir, &path, e);
        if (!rc && report)
            json_array_append_new(json_object_get(report, "outputs"),
                                  json_pack("{s:s, s:o, s:I}", "name", s->table[i].name, "path",
                                            tl_json_text(path), "bytes",
                                            (json_int_t)s->table[i].len));
        else if (!rc)
            printf("%s\n", path);
        free(path);
    }
    return rc;
}

int tl_cli_run(const tl_cli *c, tellua *t, tl_err *e)
{
    tl_plan *plan = NULL;
    tl_run_report report;
    progress_state progress = {.terminal = isatty(STDERR_FILENO)};
    int rc = tl_cli_make_plan(c, t, 0, &plan, e);
    if (rc)
        return rc;
    tl_run_options opt = {.dir = c->out ? c->out : ".",
                          .threads = c->threads,
                          .mem = c->mem,
                          .max_pixels = c->max_pixels,
                          .resume = c->resume,
                          .cancel = &t->cancel,
                          .progress = c->quiet ? NULL : show_progress,
                          .ctx = &progress};
    rc = plan ? tl_run_plan(plan, &opt, &report, e) : 0;
    if (progress.terminal && !c->quiet)
        tl_log_status("");
    json_t *json = rc || !c->json ? NULL
                   : plan         ? report_json(plan, &report, opt.dir)
                                  : json_pack("{s:[]}", "outputs");
    if (!rc && !json && plan)
        print_report(plan, &report, opt.dir);
    if (!rc)
        rc = write_tables(c, &t->script, opt.dir, json, e);
    if (!rc && json)
        print_json(json);
    else
        json_decref(json);
    tl_plan_free(plan);
    return rc;
}

/* --- plan
 * ------------------------------------------------------------------------------------------------
 */

static void print_memory(const tl_memory_plan *m)
{
    const double mib = 1048576;
    printf("memory %.0f MiB at the peak: program %.0f, %d threads x %.1f, block cache %.0f, tables "
           "%.1f; %d rows of a "
           "tile at once\n",
           (double)m->total / mib, (double)m->base / mib, m->threads, (double)m->per_thread / mib,
           (double)m->cache / mib, (double)m->index / mib, m->rows);
}

int tl_cli_plan(const tl_cli *c, tellua *t, tl_err *e)
{
    tl_plan *plan = NULL;
    tl_memory_plan m;
    int rc = tl_cli_make_plan(c, t, 0, &plan, e);
    if (!rc && !plan)
        return tl_fail(e, TL_ESCRIPT,
                       "the script's outputs are tables, which no plan holds; `tellua "
                       "run` writes them");
    if (!rc)
        rc = tl_plan_memory(plan, c->threads, c->mem, &m, e);
    if (!rc && c->json && !c->cost) {
        printf("{\"key\":\"%s\",\"plan\":%s}\n", plan->key, plan->text);
    } else if (!rc && !c->json) {
        tl_buf text = TL_BUF_INIT;
        tl_plan_explain(plan, c->debug, &text);
        fputs(tl_buf_text(&text), stdout);
        tl_buf_free(&text);
        print_memory(&m);
        printf("key %s\n", plan->key);
    }
    if (!rc && c->cost)
        rc = tl_cli_print_cost(c, plan, e);
    tl_plan_free(plan);
    return rc;
}

/* --- -e
 * ----------------------------------------------------------------------------------------------------
 */

/* A table of numbers, texts and such tables as one line of JSON. 0: it is none. */
static int print_table(lua_State *L, int i)
{
    tl_err ignored = TL_ERR_INIT;
    if (!lua_istable(L, i))
        return 0;
    if (luaL_getmetafield(L, i, "__tostring") != LUA_TNIL) {
        lua_pop(L, 1);
        return 0;
    }
    json_t *j = tl_json_from(L, i, &ignored);
    int printed = j && json_dumpf(j, stdout, JSON_REAL_PRECISION(14)) == 0; /* as Lua does */
    json_decref(j);
    return printed;
}

static int print_results(lua_State *L)
{
    for (int i = 1, all = lua_gettop(L); i <= all; i++) {
        size_t n;
        if (i > 1)
            putchar('\t');
        if (print_table(L, i))
            continue;
        const char *s = luaL_tolstring(L, i, &n);
        fwrite(s, 1, n, stdout);
        lua_pop(L, 1);
    }
    putchar('\n');
    return 0;
}

int tl_cli_eval(const tl_cli *c, tellua *t, tl_err *e)
{
    lua_State *L = t->L;
    int top = lua_gettop(L);
    int rc = tl_host_load_value(t->host, c->script, strlen(c->script), "-e", e);
    if (rc) {
        *e = (tl_err)TL_ERR_INIT;
        rc = tl_host_load(t->host, c->script, strlen(c->script), "-e", e);
    }
    if (!rc)
        rc = tl_host_call(t->host, 0, LUA_MULTRET, e);
    int n = lua_gettop(L) - top;
    if (!rc && n > 0) {
        lua_pushcfunction(L, print_results);
        lua_insert(L, top + 1);
        rc = tl_host_call(t->host, n, 0, e);
    }
    return rc ? rc : tl_session_end(t, e);
}
