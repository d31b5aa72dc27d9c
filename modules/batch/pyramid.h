/* Overview tiles, built as their children finish. SPDX-License-Identifier: MIT
 *
 * Keeps, for each tile of a product's levels 1 and up, which of its up to four children are stored,
 * one byte each, and says when it can be built. Every parent is handed out once in the life of a
 * pyramid; one that the store already holds, never. Resuming: make it over the store, and
 * tl_pyramid_next names what a killed run left unbuilt. All functions but new and free may be
 * called from any thread. */
#ifndef TL_PYRAMID_H
#define TL_PYRAMID_H

#include "modules/batch/store.h"
#include "modules/raster/codec.h"

typedef struct tl_pyramid tl_pyramid;

typedef struct tl_tile_at {
    int level;
    int64_t tx, ty;
} tl_tile_at;

enum {
    TL_PYRAMID_HOLES = 1, /* tiles that are not stored now never will be: parents are made of the
                           * children that there are */
    TL_PYRAMID_SPILL = 2  /* another process makes parents that are not made here: their quarters
                           * go into the store (quarters.h) */
};

/* p and s are borrowed; product is p's number in the store; threads that will use it. */
int tl_pyramid_new(const tl_product *p, int product, tl_store *s, int threads, int flags,
                   tl_pyramid **out, tl_err *e) TL_MUST_CHECK;
void tl_pyramid_free(tl_pyramid *y); /* NULL is allowed */

/* Tile `at` is stored now. Returns 1 and the parent if it can be built and this call is who should;
 * else 0. */
int tl_pyramid_done(tl_pyramid *y, tl_tile_at at, tl_tile_at *parent);

/* The next parent whose children are all stored and that nobody was handed yet; 0 when there is
 * none. Goes through the pyramid once: what becomes ready behind it comes from tl_pyramid_done. */
int tl_pyramid_next(tl_pyramid *y, tl_tile_at *parent);

/* Makes the tile, of its children's quarters or of what is stored, and stores it. codec: the
 * thread's own, for p. */
int tl_pyramid_build(tl_pyramid *y, tl_codec *codec, tl_tile_at at, tl_err *e) TL_MUST_CHECK;
/* Memory of one build, beside the codec; of the parents in the making, for each thread. */
int64_t tl_pyramid_build_bytes(const tl_product *p);
int64_t tl_pyramid_kept_bytes(const tl_product *p);

/* After storing `at`: builds what that makes ready, up to the top. Changes values and valid, the
 * tile's cells, to what its bytes hold. */
int tl_pyramid_climb(tl_pyramid *y, tl_codec *codec, tl_tile_at at, void *const *values,
                     uint8_t *const *valid, tl_err *e) TL_MUST_CHECK;
/* Builds all that tl_pyramid_next names, and what follows from it. */
int tl_pyramid_finish(tl_pyramid *y, tl_codec *codec, tl_err *e) TL_MUST_CHECK;
/* No tile comes for now: frees the parents in the making, or stores their quarters. */
int tl_pyramid_rest(tl_pyramid *y, tl_err *e) TL_MUST_CHECK;

/* Column and row of number k of across x down places. Quarter by quarter, so that a range of
 * numbers is a compact area whose overviews need no other range. */
void tl_place_by_quarters(int64_t k, int64_t across, int64_t down, int64_t *x, int64_t *y);

#endif
