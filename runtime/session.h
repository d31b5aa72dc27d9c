/* What is behind a `tellua`: for the command line, which sees more than embedding programs do.
 * SPDX-License-Identifier: MIT */
#ifndef TL_SESSION_H
#define TL_SESSION_H

#include <stdatomic.h>
#include "modules/batch/script.h"
#include "runtime/host.h"
#include "runtime/tellua.h"

struct tellua {
    tl_host *host; /* NULL when the state is a stock Lua's */
    lua_State *L;
    tl_script script;
    int threads;
    atomic_int cancel; /* set by tellua_interrupt */
    tl_err err;
    char text[1400]; /* of err */
};

#endif
