/* The history file: what was entered, across sessions. SPDX-License-Identifier: MIT
 *
 * One entry per line, its line breaks written as \n and backslashes as \\. Each entry is appended
 * by one write when it is entered, so that sessions side by side and killed ones lose nothing; a
 * session starts with the last MOST of them, and cuts a file that has more than twice as many. */
#ifndef TL_REPL_HISTORY_H
#define TL_REPL_HISTORY_H

#include "runtime/err.h"

typedef struct tl_history tl_history;

/* $XDG_STATE_HOME/tellua/history, else ~/.local/state/tellua/history; made with the modes 0700 and
 * 0600. Gives the entries to `each`, oldest first. Where there can be no such file a warning says
 * why, and nothing is kept. */
tl_history *tl_history_open(void (*each)(void *ctx, const char *entry), void *ctx);
void tl_history_add(tl_history *h, const char *entry); /* h NULL: does nothing */
void tl_history_close(tl_history *h);

#endif
