/* One segment of a tile store: two files. SPDX-License-Identifier: MIT
 *
 * SEG.idx: a header of 96 bytes (magic 8, version 4, record size 4, key 64, zero 12, crc32 of all
 * that 4), then records of 48 bytes (product, level, tx, ty, length, mask length, crc32 of the
 * data, flags: 4 bytes each; offset 8; zero 4; crc32 of the record 4), all little-endian. SEG.dat:
 * the tiles' bytes, each followed by its mask's. Not thread-safe; store.c holds the lock. */
#ifndef TL_SEGMENT_H
#define TL_SEGMENT_H

#include "modules/batch/tileindex.h"
#include "modules/raster/product.h"

typedef struct tl__segment {
    char *idx_path, *dat_path;
    int idx, dat;     /* -1 = not open; dat is opened for each read then */
    uint64_t idx_end; /* behind the last good record that was read or written */
    uint64_t dat_end; /* behind the last byte that a good record names */
    int broken;       /* a failed write could not be undone */
} tl__segment;

typedef int tl__on_place(void *ctx, const tl__place *p, tl_err *e);

/* Opens SEG for writing, making it if needed. Locked against a second writer until closed. */
int tl__segment_own(const char *dir, const char *name, const char *key, tl__segment *g, tl_err *e);
/* Locks an index that is open; TL_EIO when another process has it. Closing it unlocks. */
int tl__segment_lock(int idx, const char *path, tl_err *e);
/* Opens SEG for reading. Returns TL_OK with g->idx < 0 for a file that is no index (yet). */
int tl__segment_look(const char *dir, const char *name, const char *key, tl__segment *g, tl_err *e);

/* Calls on_place for each good record from idx_end on. own: cuts off what is torn behind them. */
int tl__segment_load(tl__segment *g, int own, int verify, tl__on_place *on_place, void *ctx,
                     tl_err *e);

/* Appends; sets p->offset and p->crc. Undone when it fails. */
int tl__segment_append(tl__segment *g, tl__place *p, const tl_packed *t, tl_err *e);

int tl__segment_sync(const tl__segment *g, tl_err *e);
void tl__segment_close(tl__segment *g);
/* Loaded and only read from now on: closes what that does not need, its data too when dat is 0. */
void tl__segment_rest(tl__segment *g, int dat);

/* Reads a tile into buf (p->len + p->mask_len bytes) and checks it. May run in any thread. */
int tl__segment_read(const tl__segment *g, const tl__place *p, uint8_t *buf, tl_err *e);

/* Whether the file at path is an index of ours, or the first bytes of one: 1 or 0. */
int tl__segment_is_index(const char *path);

#endif
