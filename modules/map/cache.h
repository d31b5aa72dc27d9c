/* A cache of bytes under texts, bounded by size: what was not asked for longest goes first.
 * SPDX-License-Identifier: MIT
 *
 * Any thread. A blob is immutable once it is in the cache, and lives as long as somebody holds it.
 */
#ifndef TL_MAP_CACHE_H
#define TL_MAP_CACHE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tl_blob {
    atomic_int refs;
    size_t size, mapped; /* mapped: bytes of a mapping of its own; 0 = on the heap */
    uint8_t data[] __attribute__((aligned(16)));
} tl_blob;

tl_blob *tl_blob_new(size_t size); /* NULL when there is no memory; one reference */
void tl_blob_unref(tl_blob *b);    /* NULL is allowed */

typedef struct tl_cache tl_cache;

tl_cache *tl_cache_new(int64_t most_bytes);
void tl_cache_free(tl_cache *c); /* NULL is allowed */

/* A reference for the caller, or NULL. */
tl_blob *tl_cache_get(tl_cache *c, const void *key, size_t key_len);
/* The cache takes a reference of its own. */
void tl_cache_put(tl_cache *c, const void *key, size_t key_len, tl_blob *b);

typedef struct tl_cache_counts {
    int64_t bytes, entries, hits, misses;
} tl_cache_counts;
void tl_cache_count(tl_cache *c, tl_cache_counts *out);

#endif
