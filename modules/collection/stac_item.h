/* STAC Items as scenes. SPDX-License-Identifier: MIT */
#ifndef TL_STAC_ITEM_H
#define TL_STAC_ITEM_H

#include "modules/collection/index.h"

int tl_stac_item_add(const char *text, size_t len, const char *base_href,
                     const char *name_for_errors, tl_index *into, tl_err *e) TL_MUST_CHECK;

#endif
