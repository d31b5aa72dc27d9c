/* A product from its stored tiles. SPDX-License-Identifier: MIT */
#ifndef TL_MERGE_H
#define TL_MERGE_H

#include "modules/batch/store.h"
#include "modules/raster/cube.h"

/* Assembles, by so many threads, product number `product` of the store into path, in p's format, a
 * file: written beside, synced, renamed. Every tile of every level must be stored (tl_pyramid makes
 * the overviews'). When it fails whatever was at path is untouched and nothing is left beside it.
 */
int tl_merge(tl_store *s, int product, const tl_product *p, const char *path, int threads,
             tl_err *e) TL_MUST_CHECK;

/* A product of arrays: band b of step t is the store's product first + t * nbands + b. ctx and get
 * of c are filled in. */
int tl_merge_cube(tl_store *s, int first, tl_cube *c, const char *path, tl_err *e) TL_MUST_CHECK;

#endif
