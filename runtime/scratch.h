/* Temporary files without a name. SPDX-License-Identifier: MIT
 *
 * They lie in TMPDIR (/tmp) and are gone when they are closed, or with the process. */
#ifndef TL_SCRATCH_H
#define TL_SCRATCH_H

#include <stddef.h>
#include <stdint.h>
#include "runtime/err.h"

typedef struct tl_scratch {
    int fd;
    int64_t bytes; /* 0: none; all zeros are none */
} tl_scratch;

/* So many bytes of them may there be at a time in this process; 0: any (at first). More is
 * TL_ENOMEM. */
void tl_scratch_limit(int64_t bytes);

/* The space is taken at once: no later write finds the disk full. TL_EIO names the folder. */
int tl_scratch_open(int64_t bytes, tl_scratch *s, tl_err *e) TL_MUST_CHECK;
void tl_scratch_close(tl_scratch *s);

/* n bytes at `at`, all of them. From any thread. */
int tl_scratch_write(const tl_scratch *s, int64_t at, const void *data, size_t n,
                     tl_err *e) TL_MUST_CHECK;
int tl_scratch_read(const tl_scratch *s, int64_t at, void *data, size_t n, tl_err *e) TL_MUST_CHECK;

#endif
