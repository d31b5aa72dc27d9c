/* Texts that catalogues are made of: dates, JSON. Internal. SPDX-License-Identifier: MIT
 */
#ifndef TL_COLLECTION_TEXT_H
#define TL_COLLECTION_TEXT_H

#include "runtime/buf.h"
#include <stdint.h>
#include <string.h>

/* tl_buf_add where there mostly is room, for the many small texts of an item. */
static inline void tl__put(tl_buf *b, const void *data, size_t n)
{
    if (b->len + n + 1 > b->cap) {
        tl_buf_add(b, data, n);
        return;
    }
    if (n)
        memcpy(b->data + b->len, data, n);
    b->len += n;
    b->data[b->len] = '\0';
}

/* Seconds since 1970-01-01 UTC of "2020-07-01", "2020-07-01T10:20:30.5Z", "... 10:20+02:00"; a time
 * without zone is UTC. Not 0 = no date. */
int tl__date_parse(const char *s, size_t len, double *t);

/* The text as a JSON string, quotes included; only what must be escaped is. */
void tl__json_quote(tl_buf *b, const char *s, size_t len);

uint64_t tl__hash64(uint64_t seed, const void *data, size_t n);

#endif
