/* Parents in the making. SPDX-License-Identifier: MIT
 *
 * A finished tile fills one quarter of its parent (overview.h). While the cells of the tile are at
 * hand that quarter is made at once and kept here, so that a parent is made without decoding its
 * children. Few parents are kept; the one that was longest not touched makes room. Then, and at the
 * end, quarters are put into the store (`spill`), for another process that makes the parent, or
 * forgotten: a quarter that is not to be had is made of the stored child again. All functions but
 * new and free may be called from any thread. */
#ifndef TL_QUARTERS_H
#define TL_QUARTERS_H

#include "modules/batch/pyramid.h"

typedef struct tl__quarters tl__quarters;

/* Planar cells of one tile, all bands in one block: values, then validity. */
typedef struct tl__cells {
    uint8_t *block;
    void **values;
    uint8_t **valid;
} tl__cells;

size_t tl__cells_bytes(const tl_product *p);                                   /* of the block */
int tl__cells_new(const tl_product *p, tl__cells *c, tl_err *e) TL_MUST_CHECK; /* all 0 */
void tl__cells_free(tl__cells *c);

/* Parents that are kept for each thread. */
int tl__quarters_kept(const tl_product *p);

/* p and s are borrowed; keep: parents at a time; product: p's number in the store. */
tl__quarters *tl__quarters_new(const tl_product *p, int product, tl_store *s, int keep, int spill);
void tl__quarters_free(tl__quarters *q); /* NULL is allowed */

/* Tile `at` gives its parent what is in values and valid, which are as the store has them. */
int tl__quarters_add(tl__quarters *q, tl_tile_at at, const void *const *values,
                     const uint8_t *const *valid, tl_err *e) TL_MUST_CHECK;

/* Hands out what there is of a parent, to the caller: *out with a bit 2 * qy + qx in *have for each
 * quarter. Where one of them is being added just now, because a run is
 * resumed and makes it again, nothing is handed out: they are in the store. */
int tl__quarters_take(tl__quarters *q, tl_tile_at parent, tl__cells *out, unsigned *have,
                      tl_err *e) TL_MUST_CHECK;

/* The quarter that child `at` left in the store, into the parent's cells. 1; 0: there is none that
 * can be read. buf and cap as in tl_store_get. */
int tl__quarters_fetch(tl__quarters *q, tl_tile_at at, tl__cells *parent, uint8_t **buf,
                       size_t *cap);

/* Puts away all that is kept. */
int tl__quarters_rest(tl__quarters *q, tl_err *e) TL_MUST_CHECK;

#endif
