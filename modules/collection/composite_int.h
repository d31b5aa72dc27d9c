/* Shared by the files of composites. Internal. SPDX-License-Identifier: MIT */
#ifndef TL_COMPOSITE_INT_H
#define TL_COMPOSITE_INT_H

#include "modules/collection/composite.h"
#include "modules/image/pass.h"
#include <pthread.h>

typedef struct tl__composite {
    tl_source s;            /* first */
    tl_composite_spec spec; /* owns what its pointers lead to */
    tl_dtype *in;           /* per band of a kind: what holds the values of every kind */
} tl__composite;

/* W,S,E,N of a member in crs; -1 when that is not known. */
int tl__member_box(const tl_member *m, const char *crs, double out[4]);

/* --- scene_source.c ----------------------------------------------------------------------------
 */

/* The files of one scene, sampled for one kind: a sampling for each group of the kind's pass that
 * reads the scene source, NULL for the others. */
typedef struct tl__opened {
    int users;
    uint64_t used;
    int failed; /* could not be opened: left out */
    int ngroups;
    tl_sampling **group;
} tl__opened;

/* The scene source sampled over one member's files, for tl_pass_worker_use. */
int tl__scene_sample(const tl_source *scene, const tl_member *m, const tl_sampling *like,
                     const int *bands, int nbands, tl_sampling **out, tl_err *e) TL_MUST_CHECK;

/* --- composite_sample.c -------------------------------------------------------------------------
 */

#define TL__KEPT_OPEN 256 /* scenes of one sampling whose files stay described */

#define TL_MOST_NEEDED 1024 /* bands of a kind */

struct tl__reader;

typedef struct tl__composite_sampling {
    tl_sampling m; /* first */
    tl_rect *rect; /* per member: outside of it there is nothing; lattice cells */
    int nbands;    /* asked for */
    int *band;
    int nneeded; /* bands of a kind that must be computed for them */
    int *needed;
    int quality;       /* place in needed, or -1 */
    int *place;        /* per band asked for: place in needed */
    tl_pass **of_kind; /* NULL until it is needed */
    int npasses;
    tl_pass **pass;      /* those made so far */
    int64_t most;        /* members that meet at one place, at most */
    tl__opened **opened; /* per member, or NULL */
    int nopened;
    uint64_t clock;
    pthread_mutex_t lock; /* of all that changes: kinds, opened, idle */
    struct tl__reader *idle;
    int nmodel;
    tl_sampling **model; /* of one member's files: what reading takes */
} tl__composite_sampling;

int tl__composite_sample(tl_source *s, const tl_grid *grid, tl_method method, const char *operation,
                         tl_sampling **out, tl_err *e);
void tl__composite_sampling_destroy(tl_sampling *m);
int tl__composite_prepare(tl_sampling *m, int nbands, const int *bands, tl_err *e);
int tl__composite_passes(const tl_sampling *m, tl_pass *const **out);

/* The kind's pass, and the member's files for it; the caller gives the latter back. *out NULL and
 * 0: left out. */
int tl__composite_open(tl__composite_sampling *m, int64_t member, tl_pass **pass, tl__opened **out,
                       tl_err *e) TL_MUST_CHECK;
void tl__composite_close(tl__composite_sampling *m, tl__opened *o);

/* --- composite_reader.c, composite_read.c
 * ---------------------------------------------------------------------------
 */

int64_t tl__composite_working_bytes(const tl_sampling *m, int64_t w, int64_t h, int n);
int tl__composite_read(const tl_sampling *m, const tl_read *r, tl_err *e);
void tl__readers_free(tl__composite_sampling *m);

#endif
