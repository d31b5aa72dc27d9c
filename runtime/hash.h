/* SHA-256 as text; FNV-1a for tables. SPDX-License-Identifier: MIT */
#ifndef TL_HASH_H
#define TL_HASH_H

#include <stddef.h>
#include <stdint.h>

/* 64 hex digits and a NUL into hex. */
void tl_sha256(const void *data, size_t len, char hex[65]);

/* FNV-1a of 64 bits (Fowler, Noll, Vo), from TL_FNV on or going on from what was; for tables that
 * nobody attacks: it can be forged. */
#define TL_FNV 0xcbf29ce484222325u
static inline uint64_t tl_fnv(uint64_t h, const void *data, size_t n)
{
    for (const unsigned char *p = data, *end = p + n; p < end; p++)
        h = (h ^ *p) * 0x100000001b3u;
    return h;
}

#endif
