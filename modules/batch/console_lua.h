/* The batch layer's own Lua: job folders, engines, watching. SPDX-License-Identifier: MIT
 *
 * It runs in a state of its own with all of Lua's libraries; no script ever sees it. */
#ifndef TL_CONSOLE_LUA_H
#define TL_CONSOLE_LUA_H

#include <jansson.h>
#include "runtime/err.h"

/* Calls the batch layer's function `command` with the table `args`. What it prints goes to stdout.
 * *status: what the process should exit with when there is no error. */
int tl_console(const char *command, const json_t *args, int *status, tl_err *e) TL_MUST_CHECK;

/* Asks its question `what` about args (NULL: nothing); *out is the answer, a new reference. */
int tl_console_ask(const char *what, const json_t *args, json_t **out, tl_err *e) TL_MUST_CHECK;

#endif
