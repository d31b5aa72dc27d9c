/* Inside passes: shared by planning (pass.c) and running (pass_run.c). SPDX-License-Identifier: MIT
 */
#ifndef TL_PASS_INT_H
#define TL_PASS_INT_H

#include "modules/image/pass.h"
#include <pthread.h>

/* One sampling and the bands read from it in one call, with the cells around that neighbours need.
 */
typedef struct tl__group {
    tl_sampling *sampling;
    tl_source *source; /* borrowed from the sampling */
    tl_method method;
    int *band; /* 0-based, in order of first use */
    const char **where;
    int n, first;       /* its buffers: first .. first + n - 1 */
    int halo_x, halo_y; /* cells read beyond the block on each side */
} tl__group;

/* What an input slot of the programs is: numbers in 2s, validity in 2s + 1. */
typedef struct tl__slot {
    int group, k, dx, dy; /* a band beside the pixel */
    int call, result;     /* or, when call >= 0, a result of an interpreted call */
} tl__slot;

/* What a program says of pixels on which a compiled function raised: byte output `out`. */
typedef struct tl__trap_output {
    int out, trap; /* slot of the program; index into the pass's traps */
} tl__trap_output;

/* A program, and the interpreted call that its outputs feed; the last step's outputs are the
 * pass's. */
typedef struct tl__step {
    tl_prog *prog;
    const tl_call *call; /* NULL for the last */
    int nouts;
    tl__trap_output *trap;
    int ntraps;
} tl__step;

typedef struct tl__trap {
    const tl_call *call;
    int nsites;
    struct {
        int line, column;
        const char *reason;
    } * site;
    int64_t count, col, row;
    int first_site;
    char said[200]; /* interpreted: what Lua said at the first cell, and where; "" when unknown */
    int said_line;
} tl__trap;

struct tl_pass {
    tl__group *group;
    int ngroups, nbuffers;
    tl__slot *slot;
    int nslots;
    tl__step *step;
    int nsteps;
    const tl_call **call; /* references: of every call in the graph */
    int ncalls;
    int nouts;
    size_t *out_size; /* bytes per cell */
    tl__trap *trap;
    int ntraps;
    pthread_mutex_t lock; /* of the traps' counts */
};

size_t tl__slot_size(const tl_pass *p, const tl__slot *s); /* bytes per cell */

#endif
