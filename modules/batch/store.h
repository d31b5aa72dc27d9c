/* The tile store of a job folder. SPDX-License-Identifier: MIT
 *
 * Finished compressed tiles, appended to segments: SEG.dat holds bytes, SEG.idx one record of fixed
 * size per tile. A process writes one segment of its own and reads all of them; several processes,
 * on several machines, may share a folder. A tile counts once its record is whole; what a killed
 * process left torn is ignored by readers and cut off when its segment is opened for writing again.
 * The same tile stored twice: the later one holds.
 * All functions but open, close and remove may be called from any thread. */
#ifndef TL_STORE_H
#define TL_STORE_H

#include "modules/raster/product.h"

typedef struct tl_store tl_store;

enum {
    TL_STORE_VERIFY = 1, /* read every tile when opening; a damaged one is not there */
    TL_STORE_ALONE = 2,  /* see no segment but one's own */
    TL_STORE_HOLES = 4   /* hand out a tile that is missing as an empty one */
};

/* What tile x, y of level l gives to its parent is stored as tile x, y of level TL_STORE_QUARTER +
 * l, in a form of its own (quarters.h). */
enum { TL_STORE_QUARTER = 32 };

/* Opens the folder, making it if it is missing. segment: a file name without suffix for what this
 * process writes, or NULL to read only. key: 64 hex digits of the plan; a folder of another plan is
 * TL_EUSAGE, a segment in use by another process TL_EIO. */
int tl_store_open(const char *dir, const char *segment, const char *key, int flags, tl_store **out,
                  tl_err *e) TL_MUST_CHECK;
void tl_store_close(tl_store *s); /* NULL is allowed; does not sync */

/* Takes in the segments of another folder of the same plan, to read; only those that are there now.
 * Not while others use the store. */
int tl_store_also(tl_store *s, const char *dir, tl_err *e) TL_MUST_CHECK;

/* t->len 0 = an empty tile, which is stored as such. When it fails the store is as before. */
int tl_store_put(tl_store *s, int product, int level, int64_t tx, int64_t ty, const tl_packed *t,
                 tl_err *e) TL_MUST_CHECK;

int tl_store_has(tl_store *s, int product, int level, int64_t tx, int64_t ty); /* 1 or 0 */

/* From the index alone. TL_EDATA when the tile is missing. */
int tl_store_size(tl_store *s, int product, int level, int64_t tx, int64_t ty, uint32_t *len,
                  uint32_t *mask_len, tl_err *e) TL_MUST_CHECK;

/* *buf (of *cap bytes, NULL and 0 at first) is grown as needed and stays the caller's; *out points
 * into it. TL_EDATA when the tile is missing, or its bytes are not those that were stored. */
int tl_store_get(tl_store *s, int product, int level, int64_t tx, int64_t ty, uint8_t **buf,
                 size_t *cap, tl_packed *out, tl_err *e) TL_MUST_CHECK;

int64_t tl_store_count(tl_store *s, int product, int level); /* tiles stored */

/* Makes what was put last through a power cut. */
int tl_store_sync(tl_store *s, tl_err *e) TL_MUST_CHECK;

/* Removes the store's files from dir, and dir itself if nothing else is in it; TL_EIO while a
 * process writes there. */
int tl_store_remove(const char *dir, tl_err *e) TL_MUST_CHECK;

#endif
