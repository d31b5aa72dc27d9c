/* Shared by the files of `tellua task`. SPDX-License-Identifier: MIT */
#ifndef TL_CLI_TASK_INT_H
#define TL_CLI_TASK_INT_H

#include "modules/batch/task.h"
#include "runtime/cli.h"

typedef struct {
    char *dir;   /* the job folder, absolute */
    json_t *job; /* job.json */
    tl_plan *plan;
    struct tl_jail *jail; /* of the plan's functions; outlives it */
    int64_t number;
    char *base; /* folder and name of the task's files */
    char *work, name[24];
    int carried; /* its files are handed over by name: all must be there */
} tl__task;

typedef struct {
    tellua *t;
    double last, most; /* seconds: of the last line; after which it hands in a checkpoint, or 0 */
    double asked;      /* when it was first seen that a signal asks for the end, or 0 */
} tl__task_shown;

/* A progress function; ctx is a tl__task_shown. */
void tl__task_progress(void *ctx, const tl_run_progress *p);
/* The units of the part that are this task's. */
void tl__task_units(const tl__task *k, const json_t *part, int64_t *from, int64_t *end);
/* A task of scenes: runs the folder's script for them. */
int tl__task_scenes(const tl_cli *c, tellua *t, tl__task *k, const json_t *part, tl_run_report *r,
                    tl_err *e) TL_MUST_CHECK;

#endif
