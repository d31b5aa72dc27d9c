/* Tiles of a plan, computed into a store: what runs and tasks share. SPDX-License-Identifier: MIT
 *
 * The work of a plan is a list of tiles, numbered through all passes. Neighbours in the list share
 * blocks of a file and overviews: first come the tiles of one chunk, which cover the same blocks
 * and which one thread does in a row; chunks follow each other by quarters of the picture. The list
 * follows from the plan alone, so ranges of it mean the same on every machine. */
#ifndef TL_WORK_H
#define TL_WORK_H

#include <stdatomic.h>
#include "modules/batch/plan.h"
#include "modules/batch/pyramid.h"

typedef struct tl_work {
    const tl_plan *plan;
    tl_store *store;      /* open for writing; owned once set */
    tl_pyramid **pyramid; /* per output; NULL without overviews */
    int threads, rows;    /* as in tl_memory_plan */
    int pyramids;         /* flags of tl_pyramid_new */
    const atomic_int *cancel;
    void (*tick)(void *ctx); /* some five times a second; may be NULL */
    void *ctx;
    atomic_long done, kept, cells, bytes; /* tiles, those stored before, cells, compressed bytes */
} tl_work;

int64_t tl_work_tiles(const tl_plan *p);

/* Over the store of w, which has been opened. */
int tl_work_pyramids(tl_work *w, tl_err *e) TL_MUST_CHECK;
/* Computes tiles first..end - 1; tiles that the store has are kept. TL_EINTR when cancelled, after
 * the tiles in hand. */
int tl_work_run(tl_work *w, int64_t first, int64_t end, tl_err *e) TL_MUST_CHECK;
/* Output i, all of whose tiles are stored: its overviews, then the product in dir. */
int tl_work_merge(tl_work *w, int i, const char *dir, tl_err *e) TL_MUST_CHECK;
void tl_work_end(tl_work *w); /* frees pyramids, closes the store; does not sync */

#endif
