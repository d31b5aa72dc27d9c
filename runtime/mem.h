/* Memory and small strings. SPDX-License-Identifier: MIT
 *
 * Small bookkeeping dies with a message when memory is gone (tl_x*); what data or a user sizes
 * uses tl_try_alloc and returns TL_ENOMEM. All functions may be called from any thread. */
#ifndef TL_MEM_H
#define TL_MEM_H

#include <stddef.h>
#include <stdint.h>
#include "runtime/err.h"

void *tl_xmalloc(size_t n);
void *tl_xcalloc(size_t n, size_t size);
void *tl_xrealloc(void *p, size_t n);
char *tl_xstrdup(const char *s);
char *tl_xasprintf(const char *fmt, ...) TL_PRINTF(1, 2);

/* Whether a byte of UTF-8 goes on a character that began before it. */
static inline int tl_is_within_character(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* n * size bytes (overflow checked), 64-byte aligned, not cleared; free() releases. `what` names
 * the thing in the error. */
int tl_try_alloc(void **out, size_t n, size_t size, const char *what, tl_err *e) TL_MUST_CHECK;

/* The one copy of a text, for the life of the process: equal texts are equal pointers. For the few
 * names that graphs share (coordinate systems, script lines, band names); never freed. */
const char *tl_intern(const char *s);

/* Objects alive, by kind, for the tests' leak check. */
enum tl_live_kind {
    TL_LIVE_NODE,
    TL_LIVE_IMAGE,
    TL_LIVE_SOURCE,
    TL_LIVE_PROGRAM,
    TL_LIVE_HANDLE, /* loops whose handles are not all closed, requests, map layers */
    TL_LIVE_KINDS
};
void tl_live(enum tl_live_kind kind, int delta);
long tl_live_count(enum tl_live_kind kind);

#endif
