/* The watch: what each thread is blocked in, and since when. SPDX-License-Identifier: MIT
 *
 * A GDAL call cannot be interrupted. Threads say when they enter and leave one; who waits for them
 * asks for the oldest, to report it or to end the process. */
#ifndef TL_WATCH_H
#define TL_WATCH_H

#include <stddef.h>

/* This thread enters / leaves a call on `what` (copied, cut to 255 bytes). Not nested. */
void tl_watch_begin(const char *what);
void tl_watch_end(void);

/* Seconds for which the longest running call of any thread has run; what it is into text. 0 and ""
 * when there is none. */
double tl_watch_oldest(char *text, size_t size);

/* From now on a thread of the watch's own calls too_slow, once, when a call has run for `seconds`.
 * For programs: too_slow may end the process. The thread starts with the first call that is
 * watched. */
void tl_watch_limit(double seconds, void (*too_slow)(const char *what, double seconds));

/* Seconds of the monotonic clock. */
double tl_now(void);

#endif
