/* What is behind a `tellua`: for the command line, which sees more than embedding programs do.
 * SPDX-License-Identifier: MIT */
#ifndef TL_SESSION_H
#define TL_SESSION_H

#include <jansson.h>
#include <stdatomic.h>
#include "modules/batch/script.h"
#include "runtime/host.h"
#include "runtime/tellua.h"

struct tellua {
    tl_host *host; /* NULL when the state is a stock Lua's */
    lua_State *L;
    tl_script script;
    int threads;
    json_t *part; /* of a job: what this run of the script is for (modules/collection/parts.lua) */
    int njobs;    /* that the script submitted */
    atomic_int cancel; /* set by tellua_interrupt */
    tl_err err;
    char text[1400]; /* of err */
};

/* A script is over: says what it filtered and did not use, starts the jobs that it submitted.
 * Pushing a C function does not allocate. */
int tl_session_end(tellua *t, tl_err *e) TL_MUST_CHECK;

/* Sets the part before a script runs; afterwards `part` has what the script noted in its list. */
int tl_session_part(tellua *t, json_t *part, tl_err *e) TL_MUST_CHECK;
int tl_session_parts(tellua *t, tl_err *e) TL_MUST_CHECK;

#endif
