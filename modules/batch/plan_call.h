/* Calls of users' functions in plans. SPDX-License-Identifier: MIT */
#ifndef TL_PLAN_CALL_H
#define TL_PLAN_CALL_H

#include "modules/batch/frozen_json.h"
#include "modules/image/call.h"

#define TL_PLAN_MOST_FUNCTIONS 4096 /* different ones of a plan */

/* The call without its bands; NULL when the budget is used up. */
json_t *tl__plan_function_json(const tl_call *c, tl_frozen_budget *b);

/* Has a stranger's function compiled over bands of these types. */
typedef int tl__foreign_maker(const void *ctx, json_t *function, const tl_type *types, int nargs,
                              tl_foreign **out, tl_err *e);

/* An entry of a plan's functions, and the calls made of it. */
typedef struct tl__plan_function {
    tl_fn *fn;
    tl_bound *param, *free;
    int nbound; /* bands that it needs at least */
    int any, fail;
    tl_compile compile;
    /* Of a stranger: */
    json_t *json; /* a reference */
    tl__foreign_maker *maker;
    const void *maker_ctx;
    tl_foreign *foreign; /* made for the first bands; the others ask it */
    const char **band;   /* interned */
    int nbands;
    struct tl__plan_made {
        tl_node **arg; /* borrowed from the plan's nodes */
        int nargs;
        tl_call *call;
    } * made;
    int nmade;
} tl__plan_function;

/* *f is zero before, and freed by the caller afterwards, also after an error. */
int tl__plan_function_read(const json_t *j, tl_frozen_budget *b, tl__plan_function *f,
                           tl_err *e) TL_MUST_CHECK;
/* The calls of f, read with budget->unread, are made by `maker`. Keeps a reference of j; ctx is
 * borrowed. */
void tl__plan_function_by(tl__plan_function *f, json_t *j, tl__foreign_maker *maker,
                          const void *ctx);
void tl__plan_function_free(tl__plan_function *f);

/* Result k of the function over these bands, as a node. Equal bands: one call. */
int tl__plan_function_result(tl__plan_function *f, tl_node *const *args, int nargs, json_int_t k,
                             const char *where, tl_node **out, tl_err *e) TL_MUST_CHECK;

/* "name" of "function name(...)", else ""; into buf. */
const char *tl__function_name(const tl_fn *fn, char *buf, size_t size);
/* The chunk's name without Lua's mark and without a folder. */
const char *tl__function_file(const tl_fn *fn);

#endif
