/* When work is to stop: nobody wants it any more, or it took too long. SPDX-License-Identifier: MIT
 *
 * Each thread knows the flag of what it works for. Long work asks now and then, and returns
 * TL_EINTR. */
#ifndef TL_CANCEL_H
#define TL_CANCEL_H

#include <stdatomic.h>

/* The calling thread works for that from now on; NULL: for nothing that ends. The flag must outlive
 * that. */
void tl_obey(const atomic_int *cancel);
const atomic_int *tl_obeyed(void);
int tl_cancelled(void); /* whether the calling thread's flag is set */

/* The calling thread may spend so much CPU time from now on, where work asks for that; 0: any. */
void tl_allow_cpu(double seconds);
double tl_cpu_allowed(void); /* what was given last */
int tl_cpu_spent(void);      /* whether it is used up */

#endif
