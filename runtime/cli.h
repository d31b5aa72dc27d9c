/* The command line: options, commands, how they end. SPDX-License-Identifier: MIT */
#ifndef TL_CLI_H
#define TL_CLI_H

#include "modules/batch/engine.h"
#include "runtime/session.h"

enum {
    TL_CMD_RUN = 1,
    TL_CMD_VIEW = 2,
    TL_CMD_PLAN = 4,
    TL_CMD_EVAL = 8,
    TL_CMD_DOCTOR = 16,
    TL_CMD_INDEX = 32,
    TL_CMD_SUBMIT = 64,
    TL_CMD_TASK = 128,
    TL_CMD_JOBS = 256,
    TL_CMD_STATUS = 512,
    TL_CMD_WAIT = 1024,
    TL_CMD_LOGS = 2048,
    TL_CMD_CANCEL = 4096,
    TL_CMD_HOLD = 8192,
    TL_CMD_RELEASE = 16384,
    TL_CMD_SUSPEND = 32768,
    TL_CMD_RESUME = 65536,
    TL_CMD_RETRY = 131072,
    TL_CMD_SERVE = 1 << 18,
    TL_CMD_REPL = 1 << 19,
    TL_CMD_SANDBOX = 1 << 20,
    TL_CMD_OF_JOBS = TL_CMD_STATUS | TL_CMD_WAIT | TL_CMD_LOGS | TL_CMD_CANCEL | TL_CMD_HOLD |
                     TL_CMD_RELEASE | TL_CMD_SUSPEND | TL_CMD_RESUME | TL_CMD_RETRY,
    TL_CMD_CONSOLE = TL_CMD_OF_JOBS | TL_CMD_JOBS /* need no script's state */
};

typedef struct tl_cli {
    int command;        /* one of TL_CMD_* */
    const char *script; /* SCRIPT, PLAN.json or "-"; the code of -e; the SOURCE of index; a JOB */
    const char *word;   /* behind it: the TASK of task and logs */
    const char **param;
    int nparams;
    const char *out, *output, *format, *png, *place, *gazetteer;
    const char *to, *pattern; /* of index */
    const char *profile;      /* of sandbox: pixel or batch */
    double cpu;               /* of sandbox, seconds; 0 = the profile's */
    int jailed;
    tl_where where;
    int has_center;
    double center[2]; /* longitude, latitude */
    double zoom;      /* < 0 = not given */
    int64_t size[2];  /* of a view, pixels */
    int threads;
    int64_t mem, temp, max_pixels, budget;
    double io_timeout;                      /* seconds */
    const char **scripts, **roots, **hosts; /* of serve */
    int nscripts, nroots, nhosts, port, watch, no_tile_cache;
    const char *bind, *store;
    const char **after, **engine_option;
    int nafter, nengine_options;
    const char *on, *job, *name, *work, *metrics; /* of jobs */
    int64_t slots, tasks, tile, bundle, under;
    double backoff, checkpoint; /* seconds */
    int wait, dry_run, follow, shared, cost;
    int status; /* what the process exits with, when not as the error says */
    int resume, json, quiet, debug, allow_io, allow_os, allow_drift;
} tl_cli;

/* Fills *c from argv[1..]; `command` is known. TL_EUSAGE names the option and what it wants. */
int tl_cli_parse(tl_cli *c, int argc, char **argv, tl_err *e) TL_MUST_CHECK;
void tl_cli_free(tl_cli *c);
/* Help of one command, or of all (0), to stdout. */
void tl_cli_help(int command);

/* The commands: what the process exits with. *e says why when it is not 0. */
int tl_cli_run(const tl_cli *c, tellua *t, tl_err *e);
int tl_cli_view(const tl_cli *c, tellua *t, tl_err *e);
int tl_cli_plan(const tl_cli *c, tellua *t, tl_err *e);
int tl_cli_eval(const tl_cli *c, tellua *t, tl_err *e);
int tl_cli_index(const tl_cli *c, tellua *t, tl_err *e);
int tl_cli_serve(const tl_cli *c, tl_err *e); /* opens sessions of its own */
int tl_cli_doctor(const tl_cli *c);
int tl_cli_sandbox(const tl_cli *c, tl_err *e);

/* The face of people (repl/): reads from stdin until its end. */
int tl_repl(const tl_cli *c, tellua *t, tl_err *e);
/* One line on stderr (as JSON after --json). In cli_process.c. */
void tl_cli_print_error(const tl_err *e);

/* Where pictures go: a file, else (NULL) the terminal. */
typedef struct tl_view {
    const char *png;
    int threads;
    const atomic_int *cancel; /* may be NULL */
} tl_view;
#define TL_VIEW_CACHE (64 * 1024 * 1024) /* bytes that GDAL may keep of a view's sources */
/* Computes and shows every output of a view's plan, and tells what of it is approximate. */
int tl_view_show(const tl_view *v, const tl_plan *plan, tl_err *e) TL_MUST_CHECK;

/* Shared: runs the script, or reads the plan. `view` = every output as a picture. *out stays NULL
 * where there are tables alone. */
int tl_cli_make_plan(const tl_cli *c, tellua *t, int view, tl_plan **out, tl_err *e) TL_MUST_CHECK;

#endif
