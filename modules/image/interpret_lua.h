/* The interpreter: users' functions that do not compile, run in a Lua state pixel by pixel.
 * SPDX-License-Identifier: MIT */
#ifndef TL_INTERPRET_LUA_H
#define TL_INTERPRET_LUA_H

#include "runtime/host.h"

#define TL_INTERPRET_MEMORY       ((size_t)64 << 20) /* bytes of one state */
#define TL_INTERPRET_PIXELS       256                /* that share a budget */
#define TL_INTERPRET_INSTRUCTIONS INT64_C(100000000) /* of so many pixels */

/* Makes this the process's interpreter of calls (tl_set_interpreter). */
void tl_interpreter_install(void);
/* With budgets of a worker, for states that are opened from now on. */
void tl_interpreter_install_with(const tl_limits *limits);
tl_host *tl_interpreter_host(void *state);

#endif
