/* Waiting before another try. SPDX-License-Identifier: MIT */
#ifndef TL_PAUSE_H
#define TL_PAUSE_H

/* In [0.5, 1): clients that failed together must not come again together. Any thread. */
double tl_jitter(void);
/* Less when a signal comes. */
void tl_pause(double seconds);

#endif
