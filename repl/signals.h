/* Signals of the prompt: Ctrl-C stops what runs, and never the session by itself.
 * SPDX-License-Identifier: MIT */
#ifndef TL_REPL_SIGNALS_H
#define TL_REPL_SIGNALS_H

#include <signal.h>
#include "runtime/tellua.h"

/* Set by the handlers; whoever acts on one clears it. */
extern volatile sig_atomic_t tl__interrupted; /* how often Ctrl-C came */
extern volatile sig_atomic_t tl__terminated, tl__suspended, tl__resized;

/* `t` is what Ctrl-C stops, when it runs something. Until tl_signals_end. */
void tl_signals_begin(tellua *t);
void tl_signals_end(void);

/* Sleeps until fd is readable (1) or a signal came (0). Signals that came just before count. */
int tl_signals_wait(int fd);

/* Stops the process as Ctrl-Z does; returns when it is continued. */
void tl_signals_suspend(void);

#endif
