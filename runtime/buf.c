/* A growing byte buffer: see buf.h. SPDX-License-Identifier: MIT */
#include "runtime/buf.h"
#include "runtime/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void reserve(tl_buf *b, size_t more)
{
    if (b->len + more + 1 <= b->cap)
        return;
    size_t cap = b->cap ? b->cap : 128;
    while (cap < b->len + more + 1)
        cap *= 2;
    b->data = tl_xrealloc(b->data, cap);
    b->cap = cap;
}

void tl_buf_add(tl_buf *b, const void *data, size_t n)
{
    reserve(b, n);
    if (n)
        memcpy(b->data + b->len, data, n);
    b->len += n;
    b->data[b->len] = '\0';
}

int tl_buf_read(tl_buf *b, FILE *f, size_t most)
{
    const size_t end = most < SIZE_MAX - b->len ? b->len + most : SIZE_MAX;
    size_t n = 1;
    while (n > 0 && b->len < end) {
        size_t room = end - b->len < 65536 ? end - b->len : 65536;
        reserve(b, room);
        n = fread(b->data + b->len, 1, room, f);
        b->len += n;
        b->data[b->len] = '\0';
    }
    return ferror(f) ? -1 : 0;
}

void tl_buf_puts(tl_buf *b, const char *s)
{
    tl_buf_add(b, s, strlen(s));
}

void tl_buf_printf(tl_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    reserve(b, (size_t)n);
    va_start(ap, fmt);
    vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}

const char *tl_buf_text(const tl_buf *b)
{
    return b->data ? b->data : "";
}

void tl_buf_free(tl_buf *b)
{
    free(b->data);
    *b = (tl_buf)TL_BUF_INIT;
}
