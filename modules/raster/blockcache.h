/* Decoded blocks of files that a thread may need again. Internal. SPDX-License-Identifier: MIT
 *
 * Each thread has its own, as it has its own handles; all of them together, and GDAL's cache, stay
 * within what tl_raster_set_cache allows. A thread that may have none keeps one. The least recently
 * used of its blocks makes room. */
#ifndef TL_BLOCKCACHE_H
#define TL_BLOCKCACHE_H

#include <stddef.h>
#include <stdint.h>

typedef struct tl_blockkey {
    const void *file;
    int64_t level, block;
} tl_blockkey;

/* The bytes of a block that is there, or NULL; valid until this thread's next call. */
void *tl_blockcache_find(const tl_blockkey *k);
/* Room for a block that is not, 64-byte aligned, not cleared. NULL when memory is gone. */
void *tl_blockcache_add(const tl_blockkey *k, size_t bytes);
/* Takes back the block that was added last: it could not be read. */
void tl_blockcache_undo(void);
/* All blocks of a file; NULL: of every file, and the cache itself. */
void tl_blockcache_forget(const void *file);

/* What all threads, and GDAL, may keep together. The calling thread, which may have nothing more to
 * read, gives up its blocks. */
void tl_blockcache_limit(int64_t bytes);

#endif
