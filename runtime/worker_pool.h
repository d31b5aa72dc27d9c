/* A fixed set of threads with a bounded queue, for the work of a loop.
 * SPDX-License-Identifier: MIT
 *
 * All functions but those that a task runs are called on the loop's thread. Lock order: the pool's
 * lock is innermost; no callback runs under it. */
#ifndef TL_WORKER_POOL_H
#define TL_WORKER_POOL_H

#include <stdatomic.h>
#include "runtime/loop.h"

typedef struct tl_pool tl_pool;
typedef struct tl_task tl_task;

typedef struct tl_pool_options {
    int threads;              /* at least 1 */
    int most;                 /* tasks that may wait */
    void (*thread_end)(void); /* called by each thread before it ends; may be NULL */
} tl_pool_options;

int tl_pool_new(tl_loop *l, const tl_pool_options *o, tl_pool **out, tl_err *e) TL_MUST_CHECK;
/* Drops what waits, asks what runs to end and waits for it. Every `done` that is left is posted to
 * the loop: tl_loop_free calls it. */
void tl_pool_free(tl_pool *p); /* NULL is allowed */

typedef struct tl_task_spec {
    /* On a thread of the pool; *cancel becomes 1 when nobody wants the result any more. */
    void (*run)(void *ctx, const atomic_int *cancel);
    /* On the loop's thread, once, in any case; ran = 0: dropped before it was begun. The task is
     * gone afterwards. */
    void (*done)(void *ctx, int ran);
    void *ctx;
} tl_task_spec;

/* NULL when the queue is full: nothing is called then. */
tl_task *tl_pool_submit(tl_pool *p, const tl_task_spec *s);
/* Before its `done`. */
void tl_task_cancel(tl_task *t);

int tl_pool_waiting(tl_pool *p);
int tl_pool_running(tl_pool *p);

#endif
