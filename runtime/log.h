/* The log: lines on stderr. SPDX-License-Identifier: MIT
 * Thread-safe: one line is one write. A repeated warning is printed once. */
#ifndef TL_LOG_H
#define TL_LOG_H

#include "runtime/err.h"

enum tl_log_level { TL_LOG_QUIET, TL_LOG_WARN, TL_LOG_INFO, TL_LOG_DEBUG };

void tl_log_set_level(enum tl_log_level level); /* default TL_LOG_WARN */
enum tl_log_level tl_log_level(void);

/* `text` and a newline, control characters made visible. */
void tl_log(enum tl_log_level level, const char *fmt, ...) TL_PRINTF(2, 3);
/* As TL_LOG_WARN, but each different text once in the life of the process. */
void tl_warn_once(const char *fmt, ...) TL_PRINTF(1, 2);

/* The progress line that a log line must first wipe; "" for none. Only on a terminal. */
void tl_log_status(const char *text);

/* Makes a text of strangers harmless, in place: control characters and what is not UTF-8 become
 * '?'; `keep` lists control characters that may stay. */
void tl_make_visible(char *text, const char *keep);

#endif
