/* Calls of users' functions in plans. SPDX-License-Identifier: MIT */
#ifndef TL_PLAN_CALL_H
#define TL_PLAN_CALL_H

#include "modules/batch/frozen_json.h"
#include "modules/image/call.h"

#define TL_PLAN_MOST_FUNCTIONS 4096 /* different ones of a plan */

/* The call without its bands; NULL when the budget is used up. */
json_t *tl__plan_function_json(const tl_call *c, tl_frozen_budget *b);

/* An entry of a plan's functions, and the calls made of it. */
typedef struct tl__plan_function {
    tl_fn *fn;
    tl_bound *param, *free;
    int nbound; /* bands that it needs at least */
    int any, fail;
    tl_compile compile;
    const char **band; /* interned */
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
void tl__plan_function_free(tl__plan_function *f);

/* Result k of the function over these bands, as a node. Equal bands: one call. */
int tl__plan_function_result(tl__plan_function *f, tl_node *const *args, int nargs, json_int_t k,
                             const char *where, tl_node **out, tl_err *e) TL_MUST_CHECK;

/* "name" of "function name(...)", else ""; into buf. */
const char *tl__function_name(const tl_fn *fn, char *buf, size_t size);
/* The chunk's name without Lua's mark and without a folder. */
const char *tl__function_file(const tl_fn *fn);

#endif
