/* Calls: a user's function applied to bands. SPDX-License-Identifier: MIT
 *
 * A call binds each parameter and each free name of a function to a band (a node) or to a frozen
 * value. Immutable after construction, atomically refcounted, any thread. Its results are nodes of
 * kind TL_NODE_RESULT. A call that compiles becomes part of the pixel program; one that does not is
 * run by an interpreter, pixel by pixel, which a layer above provides. */
#ifndef TL_CALL_H
#define TL_CALL_H

#include "modules/expr/fn.h"
#include "modules/image/node.h"

typedef struct tl_bound {
    tl_frozen *value; /* a reference; NULL = a band */
    int arg;          /* index into the call's bands */
} tl_bound;

typedef struct tl_call_result {
    const char *name; /* interned */
    tl_type type;
    int64_t lo, hi;  /* TL_I: every valid value lies within */
    const char *key; /* its name in the returned table, interned; NULL: by position, or not known */
} tl_call_result;

typedef enum tl_compile { TL_COMPILE_AUTO, TL_COMPILE_REQUIRE, TL_COMPILE_NEVER } tl_compile;

typedef struct tl_foreign tl_foreign; /* foreign.h */

typedef struct tl_call {
    atomic_int refs;
    tl_fn *fn;                /* a reference */
    tl_foreign *foreign;      /* a reference: the function is a stranger's; NULL = it is not */
    tl_bound *param;          /* as many as the function has */
    tl_bound *free;           /* as many as it has free names */
    int nargs;                /* bands */
    tl_node **arg;            /* references */
    int any;                  /* valid = "any": invalid inputs arrive as nil */
    int fail;                 /* on_error = "fail": a pixel that raises ends the run */
    tl_compile compile;       /* what the user asked */
    int compiled;             /* part of the program; else interpreted */
    char *reason;             /* why it does not compile; NULL when it does */
    const char *reason_where; /* the line of that, interned: "t.lua:3"; "" when there is none */
    int counted;              /* what it returns is known, though it may be interpreted */
    int nresults;
    tl_call_result *result;
    const char *where; /* script line of the execute */
} tl_call;

typedef struct tl_call_spec {
    tl_fn *fn; /* borrowed, kept by reference, like all of these */
    const tl_bound *param;
    const tl_bound *free;
    tl_node *const *arg;
    int nargs;
    int any, fail;
    tl_compile compile;
    const char *const *bands; /* names of the results, or NULL: what the function says */
    int nbands;
    const char *where;
    tl_foreign *foreign; /* of a stranger's function, whose fn is unread; NULL: it is ours */
} tl_call_spec;

/* Compiles once on trial, so that what is wrong is said here: TL_ESCRIPT with line, column, caret.
 */
int tl_call_new(const tl_call_spec *s, tl_call **out, tl_err *e) TL_MUST_CHECK;
tl_call *tl_call_ref(tl_call *c);
void tl_call_unref(tl_call *c); /* NULL is allowed */

/* r->lo, r->hi from what ir knows of v. */
void tl_call_note_range(const tl_ir *ir, tl_val v, tl_call_result *r);

/* The same function and values over other bands. */
int tl_call_rebind(const tl_call *c, tl_node *const *args, tl_call **out, tl_err *e) TL_MUST_CHECK;

/* What argument `arg` of the function is bound to: parameters first, then free names. Borrowed. */
const tl_bound *tl_call_bound(const tl_call *c, int arg);

/* Result k as a band. */
tl_node *tl_call_node(tl_call *c, int k);

/* What runs calls that do not compile; one per process, set by the layer that knows Lua. open: one
 * thread's state for one call. run: n pixels; args[i]: the cells of band i (int64 for TL_I and
 * TL_B, double for TL_F) with valid[i]; results likewise (TL_B as bytes 0 / 1); raised[p] is set to
 * 1 where the function raised. */
typedef struct tl_interpreter {
    int (*open)(const tl_call *c, void **state, tl_err *e);
    int (*run)(void *state, size_t n, const void *const *args, const uint8_t *const *valid,
               void *const *results, uint8_t *const *results_valid, uint8_t *raised, tl_err *e);
    void (*close)(void *state);
    /* What the first pixel of the last run that raised said, and on which line; "" and 0 when
     * unknown. */
    const char *(*said)(const void *state, int *line);
} tl_interpreter;
void tl_set_interpreter(const tl_interpreter *in);
const tl_interpreter *tl_get_interpreter(void); /* NULL when there is none */

#endif
