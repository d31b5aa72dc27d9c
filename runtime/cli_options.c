/* Options: one table for parsing and help. SPDX-License-Identifier: MIT */
#include "runtime/cli_options_int.h"
#include "modules/collection/gazetteer.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int set_param(tl_cli *c, const char *t, tl_err *e)
{
    (void)e;
    return tl__option_append(&c->param, &c->nparams, t);
}

/* A folder that strangers' plans may read below. */
static int set_root(tl_cli *c, const char *t, tl_err *e)
{
    return *t ? tl__option_append(&c->roots, &c->nroots, t) : tl__option_bad(e, t, "a folder");
}

static int set_host(tl_cli *c, const char *t, tl_err *e)
{
    return *t && !strpbrk(t, ":/") ? tl__option_append(&c->hosts, &c->nhosts, t)
                                   : tl__option_bad(e, t, "a host's name, without a port");
}

static int set_port(tl_cli *c, const char *t, tl_err *e)
{
    long long n;
    if (tl__option_whole(t, 0, 65535, &n))
        return tl__option_bad(e, t, "a port, 0 for any free one");
    c->port = (int)n;
    return 0;
}

static int set_bbox(tl_cli *c, const char *t, tl_err *e)
{
    c->where.has_bbox = 1;
    double *b = c->where.bbox;
    if (tl__option_numbers(t, ',', b, 4))
        return tl__option_bad(e, t, "west,south,east,north in degrees");
    if (!(b[0] < b[2]) || !(b[1] < b[3]) || b[1] < -90 || b[3] > 90 || fabs(b[0]) > 360 ||
        fabs(b[2]) > 540)
        return tl__option_bad(
            e, t,
            "an empty or impossible box; west,south,east,north in degrees, across 180 as "
            "170,5,190,10");
    return 0;
}

/* "Paris", "Paris, Texas": the box around it. Once all options are known, for one names the list.
 */
static int resolve_place(tl_cli *c, tl_err *e)
{
    tl_gazetteer *g = NULL;
    tl_place p;
    if (c->where.has_bbox)
        return tl_fail(e, TL_EUSAGE, "--place and --bbox both say where");
    char *name = tl_xstrdup(c->place), *comma = strchr(name, ',');
    if (comma)
        *comma++ = '\0';
    int rc = tl_gazetteer_open(c->gazetteer, &g, e);
    if (!rc && tl_gazetteer_find(g, name, -1, comma, &p, e))
        rc = e->code = TL_EUSAGE;
    if (!rc) {
        c->where.has_bbox = 1;
        memcpy(c->where.bbox, p.box, sizeof p.box);
        if (p.box[2] < p.box[0])
            c->where.bbox[2] += 360;
    }
    tl_gazetteer_close(g);
    free(name);
    return rc ? tl_err_prefix(e, "--place") : 0;
}

/* Also for what the script asks. */
static int set_gazetteer(tl_cli *c, const char *t, tl_err *e)
{
    c->gazetteer = t;
    return *t && setenv("TELLUA_GAZETTEER", t, 1) == 0 ? 0
                                                       : tl__option_bad(e, t, "a list of places");
}

static int set_crs(tl_cli *c, const char *t, tl_err *e)
{
    const char *crs;
    c->where.crs = t;
    if (tl_crs_canonical(t, &crs, e)) {
        e->code = TL_EUSAGE;
        return e->code;
    }
    return 0;
}

static int set_res(tl_cli *c, const char *t, tl_err *e)
{
    double *r = c->where.res;
    if (tl__option_numbers(t, ',', r, 1) == 0)
        r[1] = r[0];
    else if (tl__option_numbers(t, ',', r, 2))
        return tl__option_bad(e, t, "a cell size, or two as x,y, in units of the CRS");
    return r[0] > 0 && r[1] > 0 ? 0 : tl__option_bad(e, t, "a cell size above 0");
}

static int set_window(tl_cli *c, const char *t, tl_err *e)
{
    double x[4];
    if (tl__option_numbers(t, ',', x, 4) || x[0] != floor(x[0]) || x[1] != floor(x[1]) ||
        x[2] != floor(x[2]) || x[3] != floor(x[3]) || x[2] < 1 || x[3] < 1 || fabs(x[0]) > 1e15 ||
        fabs(x[1]) > 1e15 || x[2] > 1e15 || x[3] > 1e15)
        return tl__option_bad(
            e, t, "column,row,width,height in cells of the grid, width and height above 0");
    c->where.has_window = 1;
    c->where.window = (tl_rect){(int64_t)x[0], (int64_t)x[1], (int64_t)x[2], (int64_t)x[3]};
    return 0;
}

static int set_threads(tl_cli *c, const char *t, tl_err *e)
{
    long long n;
    if (tl__option_whole(t, 1, 200, &n))
        return tl__option_bad(e, t, "1 to 200 threads");
    c->threads = (int)n;
    return 0;
}

static int set_mem(tl_cli *c, const char *t, tl_err *e)
{
    return tl__option_bytes(t, &c->mem) ? tl__option_bad(e, t, "a size: 512M, 2G") : 0;
}

static int set_temp(tl_cli *c, const char *t, tl_err *e)
{
    return tl__option_bytes(t, &c->temp) ? tl__option_bad(e, t, "a size: 512M, 2G") : 0;
}

static int set_format(tl_cli *c, const char *t, tl_err *e)
{
    c->format = t;
    return strcmp(t, "cog") && strcmp(t, "gtiff") && strcmp(t, "png") && strcmp(t, "zarr") &&
                   strcmp(t, "netcdf")
               ? tl__option_bad(e, t, "cog, gtiff, png, zarr or netcdf")
               : 0;
}

static int set_profile(tl_cli *c, const char *t, tl_err *e)
{
    c->profile = t;
    return strcmp(t, "pixel") && strcmp(t, "batch") ? tl__option_bad(e, t, "pixel or batch") : 0;
}

static int set_cpu(tl_cli *c, const char *t, tl_err *e)
{
    return tl__option_numbers(t, ',', &c->cpu, 1) || c->cpu <= 0 || c->cpu > 60
               ? tl__option_bad(e, t, "seconds above 0, at most 60")
               : 0;
}

static int set_timeout(tl_cli *c, const char *t, tl_err *e)
{
    return tl__option_numbers(t, ',', &c->io_timeout, 1) || c->io_timeout <= 0
               ? tl__option_bad(e, t, "seconds above 0")
               : 0;
}

static int set_max_pixels(tl_cli *c, const char *t, tl_err *e)
{
    double x;
    if (tl__option_numbers(t, ',', &x, 1) || x < 1 || x > 1e18)
        return tl__option_bad(e, t, "a number of cells, 1e9 for example");
    c->max_pixels = (int64_t)x;
    return 0;
}

static int set_budget(tl_cli *c, const char *t, tl_err *e)
{
    double x;
    if (tl__option_numbers(t, ',', &x, 1) || x < 1 || x > 9e18)
        return tl__option_bad(e, t, "a number of Lua instructions, 1e10 for example");
    c->budget = (int64_t)x;
    return 0;
}

static int set_allow(tl_cli *c, const char *t, tl_err *e)
{
    while (*t) {
        size_t n = strcspn(t, ",");
        if (n == 2 && strncmp(t, "io", n) == 0)
            c->allow_io = 1;
        else if (n == 2 && strncmp(t, "os", n) == 0)
            c->allow_os = 1;
        else
            return tl__option_bad(e, t, "io, os, or io,os");
        t += n + (t[n] == ',');
    }
    return 0;
}

static int set_center(tl_cli *c, const char *t, tl_err *e)
{
    c->has_center = 1;
    return tl__option_numbers(t, ',', c->center, 2)
               ? tl__option_bad(e, t, "longitude,latitude in degrees")
               : 0;
}

static int set_zoom(tl_cli *c, const char *t, tl_err *e)
{
    return tl__option_numbers(t, ',', &c->zoom, 1) || c->zoom < 0 || c->zoom > 30
               ? tl__option_bad(e, t, "0 to 30")
               : 0;
}

static int set_size(tl_cli *c, const char *t, tl_err *e)
{
    double x[2];
    if (tl__option_numbers(t, 'x', x, 2) || x[0] < 1 || x[1] < 1 || x[0] > 20000 || x[1] > 20000)
        return tl__option_bad(e, t, "WIDTHxHEIGHT in pixels, at most 20000 each");
    c->size[0] = (int64_t)x[0];
    c->size[1] = (int64_t)x[1];
    return 0;
}

#define TEXT(field)                                                                                \
    static int set_##field(tl_cli *c, const char *t, tl_err *e)                                    \
    {                                                                                              \
        c->field = t;                                                                              \
        return *t ? 0 : tl__option_bad(e, t, "an empty name");                                     \
    }
#define FLAG(field)                                                                                \
    static int set_##field(tl_cli *c, const char *t, tl_err *e)                                    \
    {                                                                                              \
        (void)t;                                                                                   \
        (void)e;                                                                                   \
        c->field = 1;                                                                              \
        return 0;                                                                                  \
    }
TEXT(out)
TEXT(output)
TEXT(png)
TEXT(place)
TEXT(to)
TEXT(pattern)
TEXT(bind)
TEXT(store)
FLAG(watch)
FLAG(no_tile_cache)
TEXT(on)
TEXT(job)
TEXT(name)
TEXT(work)
FLAG(wait)
FLAG(dry_run)
FLAG(follow)
FLAG(shared)
FLAG(cost)
FLAG(resume)
FLAG(json)
FLAG(quiet)
FLAG(debug)
FLAG(allow_drift)
FLAG(jailed)

#define ALL      (TL_CMD_RUN | TL_CMD_VIEW | TL_CMD_PLAN | TL_CMD_SUBMIT)
#define RUN_PLAN (TL_CMD_RUN | TL_CMD_PLAN | TL_CMD_SUBMIT)
#define LINES    (TL_CMD_EVAL | TL_CMD_REPL)

static const struct option {
    const char *name, *arg; /* arg NULL = a flag */
    int commands;
    tl__option_fn *set;
    const char *help;
} options[] = {
    {"-p", "NAME=VALUE", ALL | TL_CMD_SERVE, set_param,
     "set a parameter of the script (as often as wanted)"},
    {"--out", "DIR", TL_CMD_RUN, set_out, "where products go (.)"},
    {"--output", "NAME", ALL, set_output, "only this output"},
    {"--bbox", "W,S,E,N", ALL, set_bbox, "area in degrees, grown to whole cells"},
    {"--place", "NAME[,COUNTRY]", ALL, set_place, "as --bbox: 10 km around a place's centre"},
    {"--gazetteer", "FILE", ALL | LINES | TL_CMD_SERVE, set_gazetteer,
     "list of places that names are looked up in"},
    {"--crs", "CRS", ALL, set_crs, "coordinate system: EPSG:3035, a PROJ string, WKT"},
    {"--res", "R|X,Y", ALL, set_res, "cell size in units of the CRS"},
    {"--window", "X,Y,W,H", ALL, set_window, "cells of the grid that the other options give"},
    {"--threads", "N", ALL | TL_CMD_REPL | TL_CMD_SERVE | TL_CMD_TASK, set_threads,
     "threads (all cores; of a task: 1)"},
    {"--port", "P", TL_CMD_SERVE, set_port, "where to listen (8000); 0: any free port"},
    {"--bind", "ADDRESS", TL_CMD_SERVE, set_bind, "address to listen on (127.0.0.1)"},
    {"--store", "DIR|redis://...", TL_CMD_SERVE, set_store,
     "where plans are kept (~/.cache/tellua/plans)"},
    {"--root", "DIR", RUN_PLAN | TL_CMD_SERVE, set_root,
     "a folder that strangers' plans may read files below"},
    {"--host", "NAME", TL_CMD_SERVE, set_host,
     "a name a proxy asks for it by, besides localhost (as often as wanted)"},
    {"--watch", NULL, TL_CMD_SERVE, set_watch, "run a script again when its file changes"},
    {"--cache", "SIZE", TL_CMD_SERVE, set_mem, "memory for tiles and what they read (256M)"},
    {"--temp", "SIZE", TL_CMD_SERVE, set_temp, "temporary files (2G)"},
    {"--no-tile-cache", NULL, TL_CMD_SERVE, set_no_tile_cache,
     "make each tile anew, for measuring"},
    {"--mem", "SIZE", RUN_PLAN | TL_CMD_TASK, set_mem, "most memory to take: 512M, 2G (1G)"},
    {"--format", "FORMAT", RUN_PLAN, set_format, "cog, gtiff, png, zarr or netcdf"},
    {"--max-pixels", "N", TL_CMD_RUN, set_max_pixels, "refuse larger products"},
    {"--resume", NULL, TL_CMD_RUN, set_resume, "go on with a run that was stopped"},
    {"--center", "LON,LAT", TL_CMD_VIEW, set_center, "middle of the view, with --zoom"},
    {"--zoom", "Z", TL_CMD_VIEW, set_zoom, "web map zoom level, with --center"},
    {"--size", "WxH", TL_CMD_VIEW, set_size, "of the view in pixels (800x600)"},
    {"--png", "FILE", TL_CMD_VIEW, set_png, "write the picture (else the terminal shows it)"},
    {"--to", "FILE", TL_CMD_INDEX, set_to, "the index, made or gone on with"},
    {"--pattern", "P", TL_CMD_INDEX, set_pattern, "of the names of a folder's files"},
    {"--on", "ENGINE", TL_CMD_SUBMIT, set_on, "local, htcondor or slurm (local)"},
    {"--engine", "ENGINE", TL_CMD_SUBMIT, set_on, "the same"},
    {"--job", "DIR", TL_CMD_SUBMIT, set_job, "the job folder, which is made (NAME.job)"},
    {"--name", "NAME", TL_CMD_SUBMIT, set_name, "what the job is called (as the script)"},
    {"--after", "JOB", TL_CMD_SUBMIT, tl__option_set_after,
     "start when that job is done (several: all)"},
    {"--slots", "N", TL_CMD_SUBMIT, tl__option_set_slots, "tasks at once: processes (all cores)"},
    {"--tasks", "N", TL_CMD_SUBMIT, tl__option_set_tasks,
     "how many tasks (by the time of a pilot block)"},
    {"--tile", "N", TL_CMD_SUBMIT, tl__option_set_tile, "a task computes some N x N cells"},
    {"--bundle", "N", TL_CMD_SUBMIT, tl__option_set_bundle,
     "scenes of a task, where tasks are scenes"},
    {"--backoff", "SECONDS", TL_CMD_SUBMIT, tl__option_set_backoff,
     "before a passing fault is tried again, then twice that (5)"},
    {"--checkpoint", "SECONDS", TL_CMD_SUBMIT | TL_CMD_TASK, tl__option_set_checkpoint,
     "htcondor: a task hands in what it has each time (600)"},
    {"--shared", NULL, TL_CMD_SUBMIT, set_shared,
     "htcondor: nodes see the job folder; no transfer"},
    {"--set", "NAME=VALUE", TL_CMD_SUBMIT, tl__option_set_engine_option,
     "a line of the submit description or an option of sbatch"},
    {"--cost", NULL, TL_CMD_PLAN, set_cost, "time and bytes of a run, by computing one block"},
    {"--dry-run", NULL, TL_CMD_SUBMIT, set_dry_run, "make the folder, start nothing"},
    {"--wait", NULL, TL_CMD_SUBMIT | TL_CMD_RETRY, set_wait, "until the job is over"},
    {"--follow", NULL, TL_CMD_LOGS, set_follow, "go on until the task ends"},
    {"--metrics", "FORM", TL_CMD_JOBS, tl__option_set_metrics,
     "numbers for prometheus or graphite"},
    {"--work", "DIR", TL_CMD_TASK, set_work, "where the task's files go (JOB/tasks)"},
    {"--under", "PID", TL_CMD_TASK, tl__option_set_under,
     "checkpoint and end when that process is gone"},
    {"--profile", "PROFILE", TL_CMD_SANDBOX, set_profile,
     "pixel or batch: names and budgets (pixel)"},
    {"--cpu", "SECONDS", TL_CMD_SANDBOX, set_cpu,
     "processor time of a run (0.25); killed at six times it"},
    {"--io-timeout", "SECONDS", ALL | LINES | TL_CMD_INDEX | TL_CMD_TASK, set_timeout,
     "give up when one read takes longer (60)"},
    {"--budget", "N", ALL | LINES | TL_CMD_SERVE, set_budget,
     "Lua instructions of the script itself (1e10)"},
    {"--allow", "io,os", ALL | LINES | TL_CMD_SERVE, set_allow, "give the script Lua's io, os"},
    {"--allow-libm-drift", NULL, ALL | TL_CMD_TASK, set_allow_drift,
     "run a plan made with another libm"},
    {"--jailed", NULL, RUN_PLAN, set_jailed,
     "take PLAN.json as a stranger's: functions in the jail"},
    {"--json", NULL, ALL | TL_CMD_EVAL | TL_CMD_INDEX | TL_CMD_SERVE | TL_CMD_TASK | TL_CMD_CONSOLE,
     set_json, "errors as JSON; of most commands also the result"},
    {"--quiet", NULL, ALL | LINES | TL_CMD_INDEX | TL_CMD_SERVE | TL_CMD_TASK | TL_CMD_CONSOLE,
     set_quiet, "no progress, no warnings"},
    {"--debug", NULL, ALL | LINES | TL_CMD_INDEX | TL_CMD_SERVE | TL_CMD_TASK, set_debug,
     "more of what happens; the call stack of errors"},
};
enum { NOPTIONS = sizeof options / sizeof options[0] };

static const struct {
    int command;
    const char *name, *usage, *about;
} commands[] = {
    {TL_CMD_REPL, "", "tellua [options]",
     "The prompt: a line of Lua at a time, pictures as one goes. :help there says more."},
    {TL_CMD_RUN, "run", "tellua run SCRIPT|PLAN.json|- [options]",
     "Computes a script's outputs at full resolution into DIR/NAME.tif (.png, .zarr, .nc)."},
    {TL_CMD_VIEW, "view", "tellua view SCRIPT|- [options]",
     "Shows a script's outputs at a viewport, in the terminal or as PNG."},
    {TL_CMD_PLAN, "plan", "tellua plan SCRIPT|PLAN.json|- [options]",
     "Says what a run would do: grids, sources, program, memory. Nothing is computed."},
    {TL_CMD_INDEX, "index", "tellua index SOURCE --to FILE [options]",
     "Lists the scenes of a catalogue, folder or table in an index file."},
    {TL_CMD_SERVE, "serve", "tellua serve SCRIPT... [options]",
     "Shows scripts' outputs on a web map: a page, tiles, values."},
    {TL_CMD_SUBMIT, "submit", "tellua submit SCRIPT|PLAN.json|- [options]",
     "Makes a job folder of a script and starts it: here, on HTCondor or Slurm."},
    {TL_CMD_JOBS, "jobs", "tellua jobs [JOB] [options]", "Lists your jobs."},
    {TL_CMD_STATUS, "status", "tellua status JOB", "Says how a job goes."},
    {TL_CMD_WAIT, "wait", "tellua wait JOB", "Waits for a job; exits as it ended."},
    {TL_CMD_LOGS, "logs", "tellua logs JOB [TASK] [options]",
     "Prints output and errors of tasks, of running ones too."},
    {TL_CMD_CANCEL, "cancel", "tellua cancel JOB", "Ends a job; finished blocks stay."},
    {TL_CMD_HOLD, "hold", "tellua hold JOB", "Checkpoints what runs, starts nothing more."},
    {TL_CMD_RELEASE, "release", "tellua release JOB", "Goes on after hold, and with held tasks."},
    {TL_CMD_SUSPEND, "suspend", "tellua suspend JOB", "Stops the processes where they are."},
    {TL_CMD_RESUME, "resume", "tellua resume JOB", "Lets suspended processes go on."},
    {TL_CMD_RETRY, "retry", "tellua retry JOB", "Goes on with what is unfinished or failed."},
    {TL_CMD_TASK, "task", "tellua task JOB N|merge|partial|engine", "One task, as a node runs it."},
    {TL_CMD_EVAL, "-e", "tellua -e CODE [options]",
     "Runs a line of Lua and prints what it returns."},
    {TL_CMD_SANDBOX, "sandbox", "tellua sandbox SCRIPT [options]",
     "Runs a script as a stranger's, in the jail, and says what became of it."},
    {TL_CMD_DOCTOR, "doctor", "tellua doctor", "Says what this machine has."},
};

void tl_cli_help(int command)
{
    if (!command) {
        puts("Tellua: one script for Earth Observation, from a viewport to full resolution.\n");
        for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
            printf("  %-42s %s\n", commands[i].usage, commands[i].about);
        puts("  tellua --version\n\n`tellua COMMAND --help` lists its options. Exit status: 0 "
             "done, 1 script or data,\n"
             "2 usage, 75 try again, 78 configuration, 85 checkpointed, 130 interrupted. Of `task` "
             "also\n"
             "65: its data failed, 1: its script.");
        return;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (commands[i].command == command)
            printf("%s\n%s\n\n", commands[i].usage, commands[i].about);
    for (int i = 0; i < NOPTIONS; i++)
        if (options[i].commands & command) {
            char left[64];
            snprintf(left, sizeof left, "%s %s", options[i].name,
                     options[i].arg ? options[i].arg : "");
            printf("  %-24s %s\n", left, options[i].help);
        }
}

static int find_option(const char *name, size_t len)
{
    for (int i = 0; i < NOPTIONS; i++)
        if (strlen(options[i].name) == len && strncmp(options[i].name, name, len) == 0)
            return i;
    return -1;
}

static int unknown(const tl_cli *c, const char *arg, tl_err *e)
{
    const char *name = "";
    if (strcmp(arg, "-e") == 0)
        return tl_fail(e, TL_EUSAGE, "-e comes first: tellua -e CODE [options]");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (commands[i].command == c->command)
            name = commands[i].name;
    return tl_fail(e, TL_EUSAGE, "unknown option %s; `tellua %s%s--help` lists them", arg,
                   c->command == TL_CMD_EVAL ? "run" : name, *name ? " " : "");
}

/* One option at argv[*i], its value behind '=' or in the next word. */
static int parse_option(tl_cli *c, int argc, char **argv, int *i, tl_err *e)
{
    char *arg = argv[*i], *eq = arg[1] == '-' ? strchr(arg, '=') : NULL;
    int k = find_option(arg, eq ? (size_t)(eq - arg) : strlen(arg));
    if (k < 0 || !(options[k].commands & c->command))
        return unknown(c, arg, e);
    const char *value = eq ? eq + 1 : NULL;
    if (!options[k].arg && eq)
        return tl_fail(e, TL_EUSAGE, "%s takes no value", options[k].name);
    if (options[k].arg && !value && *i + 1 < argc)
        value = argv[++*i];
    if (options[k].arg && !value)
        return tl_fail(e, TL_EUSAGE, "%s needs %s: %s", options[k].name, options[k].arg,
                       options[k].help);
    int rc = options[k].set(c, value, e);
    return rc ? tl_err_prefix(e, "%s", options[k].name) : 0;
}

/* What the command's first word names. */
static const char *thing_of(const tl_cli *c)
{
    return c->command == TL_CMD_INDEX                                  ? "source"
           : c->command & (TL_CMD_OF_JOBS | TL_CMD_JOBS | TL_CMD_TASK) ? "job"
                                                                       : "script";
}

int tl_cli_parse(tl_cli *c, int argc, char **argv, tl_err *e)
{
    int rc = 0, only_words = 0;
    for (int i = 1; i < argc && !rc; i++) {
        if (!only_words && strcmp(argv[i], "--") == 0)
            only_words = 1;
        else if (!only_words && argv[i][0] == '-' && argv[i][1])
            rc = parse_option(c, argc, argv, &i, e);
        else if (c->command == TL_CMD_REPL)
            rc = tl_fail(e, TL_EUSAGE, "the prompt takes no script; tellua run %s", argv[i]);
        else if (c->command == TL_CMD_SERVE) {
            tl__option_append(&c->scripts, &c->nscripts, argv[i]);
            c->script = argv[i];
        } else if (c->script && !c->word && c->command & (TL_CMD_TASK | TL_CMD_LOGS))
            c->word = argv[i];
        else if (c->script)
            rc = tl_fail(e, TL_EUSAGE, "one %s at a time: '%s' and '%s'", thing_of(c), c->script,
                         argv[i]);
        else
            c->script = argv[i];
    }
    int needs = !(c->command & (TL_CMD_DOCTOR | TL_CMD_REPL | TL_CMD_SERVE | TL_CMD_JOBS));
    if (!rc && !c->script && needs)
        rc = tl_fail(e, TL_EUSAGE, "which %s? `tellua --help` shows the commands", thing_of(c));
    if (!rc && c->has_center != (c->zoom >= 0))
        rc = tl_fail(e, TL_EUSAGE, "--center and --zoom go together");
    if (!rc && c->nroots && !c->jailed && c->command != TL_CMD_SERVE)
        rc = tl_fail(e, TL_EUSAGE, "--root goes with --jailed");
    if (!rc && c->place)
        rc = resolve_place(c, e);
    const tl_where *w = &c->where;
    if (!rc && c->has_center && (w->has_bbox || w->has_window || w->crs || w->res[0] > 0))
        rc = tl_fail(e, TL_EUSAGE,
                     "--center and --zoom say where and how finely; not with --bbox, --crs, --res, "
                     "--window");
    return rc;
}

void tl_cli_free(tl_cli *c)
{
    free(c->param);
    free(c->scripts);
    free(c->roots);
    free(c->hosts);
    free(c->after);
    free(c->engine_option);
}
