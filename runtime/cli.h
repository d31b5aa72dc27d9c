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
    TL_CMD_SANDBOX = 64
};

typedef struct tl_cli {
    int command;        /* one of TL_CMD_* */
    const char *script; /* SCRIPT, PLAN.json or "-"; the code of -e; the SOURCE of index */
    const char **param;
    int nparams;
    const char *out, *output, *format, *png, *place, *gazetteer;
    const char *to, *pattern; /* of index */
    const char *profile;      /* of sandbox: pixel or batch */
    const char **root;        /* of a stranger's plan */
    int nroots, jailed;
    tl_where where;
    int has_center;
    double center[2]; /* longitude, latitude */
    double zoom;      /* < 0 = not given */
    int64_t size[2];  /* of a view, pixels */
    int threads;
    int64_t mem, max_pixels, budget;
    double io_timeout; /* seconds */
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
int tl_cli_doctor(const tl_cli *c);
int tl_cli_sandbox(const tl_cli *c, tl_err *e);

/* Shared: runs the script, or reads the plan. `view` = every output as a picture. *out stays NULL
 * where there are tables alone. */
int tl_cli_make_plan(const tl_cli *c, tellua *t, int view, tl_plan **out, tl_err *e) TL_MUST_CHECK;

#endif
