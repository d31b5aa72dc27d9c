/* How long a scheduler waits for a task that it has asked to end. SPDX-License-Identifier: MIT */
#ifndef TL_GRACE_H
#define TL_GRACE_H

/* Seconds that the task may still work after SIGTERM, so that what it has is saved before SIGKILL
 * comes; HUGE_VAL where nothing says that one would come. */
double tl_grace(void);

#endif
