/* Passes: several bands evaluated together on one lattice. SPDX-License-Identifier: MIT
 *
 * A pass is a pixel program over the samplings of the sources it reads; immutable and shared by
 * threads once made. A worker is one thread's buffers. A cell's value depends on the graph and its
 * absolute index alone, never on the block it is computed in. */
#ifndef TL_PASS_H
#define TL_PASS_H

#include "modules/image/call.h"

typedef struct tl_pass tl_pass;
typedef struct tl_pass_worker tl_pass_worker;

/* The coordinate operation a plan fixed for this source on this lattice, or NULL to choose. */
typedef const char *tl_pass_operation(void *ctx, const tl_source *s);

typedef struct tl_pass_spec {
    tl_grid lattice;        /* CRS, anchor and cell; the extent plays no part */
    tl_node *const *nodes;  /* n of them; borrowed, kept by reference */
    const tl_dtype *dtypes; /* cells of each output */
    int n;
    tl_pass_operation *operation; /* NULL: always choose */
    void *ctx;
} tl_pass_spec;

int tl_pass_new(const tl_pass_spec *spec, tl_pass **out, tl_err *e) TL_MUST_CHECK;
void tl_pass_free(tl_pass *p); /* NULL is allowed; after its workers */

int tl_pass_samplings(const tl_pass *p);
const tl_sampling *tl_pass_sampling(const tl_pass *p, int k); /* borrowed */
/* The bands read through it, 0-based; *n of them, borrowed. */
const int *tl_pass_bands(const tl_pass *p, int k, int *n);
const tl_prog *tl_pass_program(const tl_pass *p); /* borrowed */
/* The program that computes the outputs; calls that are interpreted run before it. */

/* Passes that run within reads of sampling k: those of a collection's scenes. Borrowed; how many.
 */
int tl_pass_inner(const tl_pass *p, int k, tl_pass *const **out);
/* Whether last bits may differ between machines, here or within. */
int tl_pass_uses_libm(const tl_pass *p);

/* Calls whose function raised on some pixels, since the pass was made. */
typedef struct tl_pass_trap {
    const tl_call *call;
    int64_t count;
    int64_t col, row; /* the first such cell, by row and column */
    int line, column; /* the place in the script that raised there; 0 when unknown */
    char reason[200]; /* "" when unknown */
} tl_pass_trap;
/* Calls that may be there, here or within: an upper limit. */
int tl_pass_most_traps(const tl_pass *p);
/* Up to `most` of them into out; returns how many. Not while workers run. */
int tl_pass_traps(const tl_pass *p, tl_pass_trap *out, int most);
/* The calls of the pass, compiled or not: call k of n, borrowed. */
int tl_pass_calls(const tl_pass *p);
const tl_call *tl_pass_call(const tl_pass *p, int k);

/* Cells that the outputs look beyond their own, at most, here or within. */
int tl_pass_reach(const tl_pass *p);

/* Whether every source lends cells in place, so that rows in one piece cost least. */
int tl_pass_lends(const tl_pass *p);

/* Bytes of source numbers and validity behind one cell. */
int64_t tl_pass_input_bytes_per_cell(const tl_pass *p);

/* Bytes that a worker for blocks of at most w x h cells takes, working memory of reads included. */
int64_t tl_pass_worker_bytes(const tl_pass *p, int64_t w, int64_t h);

int tl_pass_worker_new(const tl_pass *p, int64_t w, int64_t h, tl_pass_worker **out,
                       tl_err *e) TL_MUST_CHECK;
void tl_pass_worker_free(tl_pass_worker *w); /* NULL is allowed */

/* From now on group k (as in tl_pass_sampling) is read through m, of the same lattice and bands,
 * borrowed; NULL: through its own again. How one program serves many scenes. */
void tl_pass_worker_use(tl_pass_worker *w, int k, const tl_sampling *m);

/* Where blocks that were read from files are kept, for servers, which are asked for the same ones
 * again and again. get: 1 and the cells in r's buffers, or 0. put: after a read. Any thread. One
 * per process, set while no pass runs; NULL: none. */
typedef struct tl_pass_cache {
    int (*get)(void *ctx, const tl_sampling *m, const tl_read *r);
    void (*put)(void *ctx, const tl_sampling *m, const tl_read *r);
    void *ctx;
} tl_pass_cache;
void tl_pass_set_cache(const tl_pass_cache *c);

/* Computes the cells of rect (absolute indices of the lattice). values[j]: dense cells of
 * dtypes[j], rows from the north, 0 where invalid; valid[j]: one byte per cell. An error names the
 * script line and the file. */
int tl_pass_run(tl_pass_worker *w, tl_rect rect, void *const *values, uint8_t *const *valid,
                tl_err *e) TL_MUST_CHECK;

#endif
