/* Parts of a plan's work as tasks, and the products of all of them. SPDX-License-Identifier: MIT
 *
 * A task is a range of tiles (work.h). It stores its tiles in a segment of its own and reads no
 * other, so tasks need no common file system; run again it keeps what is stored. */
#ifndef TL_TASK_H
#define TL_TASK_H

#include "modules/batch/engine.h"

/* Units first .. end - 1 of `units` are those of task i of n. Where there are many tasks their
 * bounds are multiples of a power of four, so that most overviews are made by tasks and not by the
 * merge. */
void tl_task_range(int64_t units, int64_t n, int64_t i, int64_t *first, int64_t *end);

typedef struct tl_task {
    const char *dir, *name; /* the segment: DIR/NAME.idx and .dat */
    int64_t first, end;     /* tiles first .. end - 1 */
    int threads;
    int64_t mem; /* as in tl_run_options */
    const atomic_int *cancel;
    void (*progress)(void *ctx, const tl_run_progress *p); /* may be NULL */
    void *ctx;
} tl_task;

/* TL_EINTR when cancelled: finished tiles are stored and synced, also then. */
int tl_task_run(const tl_plan *p, const tl_task *t, tl_run_report *report, tl_err *e) TL_MUST_CHECK;

typedef struct tl_gather {
    const char *const *dirs; /* folders with the tasks' segments */
    int ndirs;
    const char *own;    /* folder for what the merge makes itself: the upper overviews */
    const char *result; /* folder of the products */
    int partial;        /* blocks that are not there are empty; `own` is removed afterwards */
    void (*progress)(void *ctx, const tl_run_progress *p); /* may be NULL */
    void *ctx;
} tl_gather;

/* TL_EDATA names a tile that is missing or damaged; products that are there stay as they were. */
int tl_task_merge(const tl_plan *p, const tl_gather *g, tl_run_report *report,
                  tl_err *e) TL_MUST_CHECK;

/* Computes tiles first .. end - 1 on one thread, to know what they take; nothing is kept. */
int tl_task_pilot(const tl_plan *p, int64_t mem, int64_t first, int64_t end, const char *dir,
                  tl_run_report *report, tl_err *e) TL_MUST_CHECK;

#endif
