/* A growing byte buffer, always followed by a NUL. SPDX-License-Identifier: MIT
 * For small texts: dies when memory is gone. One thread at a time. Start from TL_BUF_INIT. */
#ifndef TL_BUF_H
#define TL_BUF_H

#include <stddef.h>
#include <stdio.h>
#include "runtime/err.h"

typedef struct tl_buf {
    char *data; /* NULL while empty */
    size_t len, cap;
} tl_buf;

#define TL_BUF_INIT                                                                                \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }

void tl_buf_add(tl_buf *b, const void *data, size_t n);
void tl_buf_puts(tl_buf *b, const char *s);
void tl_buf_printf(tl_buf *b, const char *fmt, ...) TL_PRINTF(2, 3);
/* What f has from where it stands, at most `most` bytes of it. 0, or -1 with errno. */
int tl_buf_read(tl_buf *b, FILE *f, size_t most);
/* The text; "" when empty. Owned by the buffer. */
const char *tl_buf_text(const tl_buf *b);
/* Frees and resets. */
void tl_buf_free(tl_buf *b);

#endif
