/* Which tile lies where: the store's index in memory. SPDX-License-Identifier: MIT
 *
 * A dense array of entries and an open hash table of their numbers: about 50 bytes per tile. One
 * thread at a time; store.c holds the lock. */
#ifndef TL_TILEINDEX_H
#define TL_TILEINDEX_H

#include <stddef.h>
#include <stdint.h>
#include "runtime/err.h"

typedef struct tl__place {
    uint32_t product, level, tx, ty;
    uint32_t segment, crc; /* crc32 of the data */
    uint64_t offset;
    uint32_t len, mask_len; /* 0, 0 = an empty tile */
} tl__place;

enum { TL__MOST_LEVELS = 64 }; /* twice 32: see TL_STORE_QUARTER */

typedef struct tl__tileindex {
    tl__place *place;
    uint32_t *slot; /* number of an entry + 1, or 0 */
    size_t n, cap, slots;
    int64_t (*count)[TL__MOST_LEVELS]; /* tiles by product and level */
    uint32_t products;
} tl__tileindex;

/* Replaces what was there under the same name. */
int tl__index_put(tl__tileindex *x, const tl__place *p, tl_err *e) TL_MUST_CHECK;
const tl__place *tl__index_find(const tl__tileindex *x, uint32_t product, uint32_t level,
                                uint32_t tx, uint32_t ty); /* NULL: not there */
void tl__index_free(tl__tileindex *x);

#endif
