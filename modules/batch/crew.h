/* Crews: threads that share a numbered list of work. SPDX-License-Identifier: MIT */
#ifndef TL_CREW_H
#define TL_CREW_H

#include <stdatomic.h>
#include <stdint.h>
#include "runtime/err.h"

typedef struct tl_crew {
    int threads;
    int64_t items;
    void *ctx;
    /* Called in each thread: makes its tools; does item k (0 .. items - 1, each once, handed out in
     * order); puts the tools away (also after a failed start, with what *tools then is). */
    int (*start)(void *ctx, void **tools, tl_err *e);
    int (*item)(void *ctx, void *tools, int64_t k, tl_err *e);
    void (*stop)(void *ctx, void *tools);
    /* Called in the caller's thread some five times a second; may be NULL. */
    void (*tick)(void *ctx);
    const atomic_int *cancel; /* set by anyone: no new item is begun, TL_EINTR; NULL: what the
                               * caller's thread obeys (runtime/cancel.h). So do the crew's */
} tl_crew;

/* Returns when every thread has ended. The first error stops the others after their item; it is the
 * error of the lowest item that failed. */
int tl_crew_run(const tl_crew *c, tl_err *e) TL_MUST_CHECK;

/* Cores this process may use. */
int tl_cores(void);

#endif
