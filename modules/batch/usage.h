/* What this process took, from the kernel's own counts. SPDX-License-Identifier: MIT */
#ifndef TL_USAGE_H
#define TL_USAGE_H

#include <stdint.h>

void tl_process_io(int64_t *read, int64_t *written); /* bytes through read and write calls */
int64_t tl_peak_memory(void);                        /* bytes */

#endif
