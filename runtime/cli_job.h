/* Commands about jobs. SPDX-License-Identifier: MIT */
#ifndef TL_CLI_JOB_H
#define TL_CLI_JOB_H

#include "runtime/cli.h"

/* submit, jobs, status, wait, logs, cancel, hold, release, suspend, resume, retry; `task JOB
 * engine`. */
int tl_cli_submit(tl_cli *c, tellua *t, tl_err *e);
int tl_cli_job(tl_cli *c, tellua *t, tl_err *e);
/* What a run would take, by a pilot block; for `plan --cost`. */
int tl_cli_print_cost(const tl_cli *c, const tl_plan *p, tl_err *e);
int tl_cli_task(tl_cli *c, tellua *t, tl_err *e);
/* The status of a process whose fault has this one: of a task that has blocks to save it is 85. Any
 * thread. */
int tl_cli_fault_status(int status);

/* --- how a process ends: cli_process.c */

void tl_cli_errors_as_json(int yes); /* of tl_cli_print_error */
/* From now on SIGTERM asks and does not end, however often it comes, until tl_cli_is_a_task(0). */
void tl_cli_hear_sigterm(void);
void tl_cli_is_a_task(int yes); /* then no number of SIGTERMs ends it */
/* Signals interrupt this session from now on; NULL: none. */
void tl_cli_interrupts(tellua *t);
/* Whether SIGTERM or SIGINT has come. */
int tl_cli_asked_to_end(void);
/* From now on a read that takes longer ends the process with 75. */
void tl_cli_limit_io(double seconds);

/* A whole file; *text is malloc'd and ends with a NUL that len does not count. */
int tl_cli_read_file(const char *path, char **text, size_t *len, tl_err *e) TL_MUST_CHECK;

#endif
