/* A product's file from its stored tiles. SPDX-License-Identifier: MIT */
#ifndef TL_MERGE_H
#define TL_MERGE_H

#include "modules/batch/store.h"

/* Assembles product number `product` of the store into path, in p's format: written beside, synced,
 * renamed. Every tile of every level must be stored (tl_pyramid makes the overviews'). When it
 * fails whatever was at path is untouched and nothing is left beside it. */
int tl_merge(tl_store *s, int product, const tl_product *p, const char *path,
             tl_err *e) TL_MUST_CHECK;

#endif
