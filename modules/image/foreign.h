/* Strangers' functions: compiled elsewhere, here data. SPDX-License-Identifier: MIT
 *
 * A worker (which may be anybody) says what a function is over bands of given types: its results
 * and either a pixel program or that an interpreter has to run it. The server reads that as data,
 * verifies the program and replays it into its own; or has the interpreter's blocks computed by
 * whoever made the tl_foreign. Nothing of the text is parsed here. */
#ifndef TL_FOREIGN_H
#define TL_FOREIGN_H

#include <stdatomic.h>
#include "modules/image/call.h"
#include "runtime/buf.h"

/* A band of the call beside the pixel: the program's slots 2k (cells) and 2k + 1 (validity). */
typedef struct tl_foreign_slot {
    int32_t band, dx, dy;
} tl_foreign_slot;

typedef struct tl_foreign_site {
    int32_t line, column;
    char *chunk, *reason;
} tl_foreign_site;

#define TL_FOREIGN_MOST_SITES 255
#define TL_FOREIGN_MOST_TEXT  1024 /* bytes of a name or reason */

/* Who runs what does not compile. Any thread. */
typedef struct tl_foreign_owner {
    int (*run)(void *ctx, const tl_call *c, size_t n, const void *const *args,
               const uint8_t *const *valid, void *const *results, uint8_t *const *results_valid,
               uint8_t *raised, tl_err *e);
    /* The same function over bands of other types. */
    int (*again)(void *ctx, const tl_type *types, int nargs, tl_foreign **out, tl_err *e);
    void (*free)(void *ctx);
} tl_foreign_owner;

struct tl_foreign {
    atomic_int refs;
    int nargs;
    tl_type *type; /* of the bands */
    int compiled, counted, nresults;
    tl_call_result *result;
    char *reason;             /* why it did not compile, "" */
    const char *reason_where; /* interned, "" */
    tl_prog *prog;            /* compiled: outputs 2k, 2k + 1: result k; then the sites */
    tl_foreign_slot *slot;
    int nslots;
    tl_foreign_site *site;
    int nsites;
    const tl_foreign_owner *owner;
    void *ctx; /* the owner's */
};

/* In the worker: what the call, made over bands of its types, is. */
int tl_foreign_write(const tl_call *c, tl_buf *out, tl_err *e) TL_MUST_CHECK;
/* In the server: TL_EDATA when it makes no sense. ctx is the caller's still when it fails. */
int tl_foreign_read(const void *data, size_t len, const tl_type *types, int nargs,
                    const tl_foreign_owner *owner, void *ctx, tl_foreign **out,
                    tl_err *e) TL_MUST_CHECK;
tl_foreign *tl_foreign_ref(tl_foreign *f);
void tl_foreign_unref(tl_foreign *f); /* NULL is allowed */

/* Where the program's bands come from; validity may be TL_NONE = everywhere. */
typedef int tl_foreign_band(void *ctx, tl_ir *ir, int band, int dx, int dy, tl_val *value,
                            tl_val *valid, tl_err *e);
/* The program's values in ir, as tl_fn_lower would give them. */
int tl_foreign_lower(const tl_foreign *f, tl_ir *ir, tl_foreign_band *band, void *ctx,
                     tl_fn_result **out, tl_err *e) TL_MUST_CHECK;

#endif
