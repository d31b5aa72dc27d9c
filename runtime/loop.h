/* The event loop of servers: one thread on which everything of a server runs.
 * SPDX-License-Identifier: MIT
 *
 * Handles (struct uv_handle_s) are made on the loop's thread, or before it runs, and closed by
 * those who made them before tl_loop_free. */
#ifndef TL_LOOP_H
#define TL_LOOP_H

#include "runtime/err.h"

typedef struct tl_loop tl_loop;

int tl_loop_new(tl_loop **out, tl_err *e) TL_MUST_CHECK;
/* On the loop's thread, or after it ended: what was posted is still run. NULL is allowed. */
void tl_loop_free(tl_loop *l);

struct uv_loop_s *tl_loop_uv(tl_loop *l);

/* Runs on the calling thread until tl_loop_stop, and what was posted until then. */
void tl_loop_run(tl_loop *l);
void tl_loop_stop(tl_loop *l); /* any thread, and signal handlers */

/* f(ctx) is run on the loop's thread, in the order of the calls. Any thread. */
void tl_loop_post(tl_loop *l, void (*f)(void *ctx), void *ctx);

/* Milliseconds of the loop's clock, as uv_now. */
unsigned long long tl_loop_now(tl_loop *l);

#endif
