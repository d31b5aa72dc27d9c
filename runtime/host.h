/* The Lua host: one capped, stripped Lua state and the running of scripts in it.
 * SPDX-License-Identifier: MIT
 *
 * A host belongs to the thread that uses it; only tl_host_interrupt may come from elsewhere. None
 * of these functions raises. What it stops: instructions, memory of Lua, names. What it does not:
 * time spent inside one C function (a pattern, a sort with a C comparator); hostile text belongs in
 * a process that can be killed. */
#ifndef TL_HOST_H
#define TL_HOST_H

#include <stddef.h>
#include <stdint.h>
#include <lua.h>
#include "runtime/err.h"
#include "runtime/limits.h"

typedef struct tl_host tl_host;

/* `limits` NULL = all defaults. */
int tl_host_open(const tl_limits *limits, tl_host **out, tl_err *e) TL_MUST_CHECK;
void tl_host_close(tl_host *h); /* NULL is fine. Not while something runs. */

/* The state whose stack the functions below use: the main thread, or the running coroutine when a
 * binding calls back into the host. Bindings are registered here (under a protected call). */
lua_State *tl_host_lua(tl_host *h);
/* The host of a state, NULL when a stock lua made it. */
tl_host *tl_host_of(lua_State *L);

/* --- running ----------------------------------------------------------------------------------
 * On success nresults values (LUA_MULTRET: all) lie on the stack; on failure it is as it was, e
 * says what and where. Each outermost run starts with a full instruction budget. */
int tl_host_run_file(tl_host *h, const char *path, int nresults, tl_err *e) TL_MUST_CHECK;
/* `name` is what errors call the text: "stdin", "-e". */
int tl_host_run_text(tl_host *h, const char *text, size_t len, const char *name, int nresults,
                     tl_err *e) TL_MUST_CHECK;
/* The two halves of a run: pushes the compiled text as a function; calls the function and nargs
 * arguments on top of the stack (gone afterwards). */
int tl_host_load(tl_host *h, const char *text, size_t len, const char *name,
                 tl_err *e) TL_MUST_CHECK;
/* The text as an expression, or a list of them, whose values the function returns. */
int tl_host_load_value(tl_host *h, const char *text, size_t len, const char *name,
                       tl_err *e) TL_MUST_CHECK;
int tl_host_call(tl_host *h, int nargs, int nresults, tl_err *e) TL_MUST_CHECK;

/* Was the text of the last failed load merely cut short, so that a prompt should ask for more? */
int tl_host_incomplete(const tl_host *h);
/* Call stack of the last failed run, innermost first, one "file:line: in ..." per line, or "". */
const char *tl_host_traceback(const tl_host *h);

/* The text behind a chunk name (as in lua_Debug.source, with or without its first '@' or '='),
 * borrowed for the host's life; NULL when unknown. Names are unique: another text of the same name
 * got a suffix. Texts loaded by scripts are kept up to 4 MiB in all. */
const char *tl_host_source(tl_host *h, const char *chunk, size_t *len);

/* --- stopping ----------------------------------------------------------------------------------
 */

/* Stops what runs with TL_EINTR; pcall cannot keep it. Any thread, and signal handlers. Forgotten
 * when nothing runs. */
void tl_host_interrupt(tl_host *h);
/* From a signal handler of the thread that runs: the time is up. Without a host that runs, the next
 * run of any host ends at its start; tl_host_forget_deadline takes that back. One thread of a
 * process may use these: a worker's only one. */
void tl_host_deadline(void);
void tl_host_forget_deadline(void);

/* Why the last outermost run was ended. */
typedef enum tl_stop {
    TL_STOP_NONE,
    TL_STOP_INSTRUCTIONS,
    TL_STOP_MEMORY,
    TL_STOP_TIME,
    TL_STOP_INTERRUPT
} tl_stop;
tl_stop tl_host_stopped_by(const tl_host *h);
size_t tl_host_peak(const tl_host *h); /* most bytes that Lua ever held */

/* Is the run over (budget, interrupt)? Long C work asks this now and then and returns. This thread.
 */
int tl_host_stopping(tl_host *h);
/* Raises when the run is over; otherwise counts n instructions for work done in C. */
void tl_host_charge(lua_State *L, int64_t n);

/* --- output ------------------------------------------------------------------------------------
 */

/* Where print goes: one call per print, newline included; NULL = stdout. `write` must not raise. */
void tl_host_set_print(tl_host *h, void (*write)(void *ctx, const char *text, size_t len),
                       void *ctx);

#endif
