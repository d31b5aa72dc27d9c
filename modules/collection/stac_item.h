/* STAC Items, 1.0 and 1.1, and lists of them. SPDX-License-Identifier: MIT
 *
 * The text is read once, event by event, and only what a scene has is kept: constant memory for an
 * ItemCollection of any size. Errors name the file, the item and the field. */
#ifndef TL_STAC_ITEM_H
#define TL_STAC_ITEM_H

#include "modules/collection/index.h"
#include <stdio.h>

/* An Item or an ItemCollection. base_href: the absolute path or URL of the document, which relative
 * hrefs go by. name_for_errors: what errors call it, "FILE" or "FILE:LINE". */
int tl_stac_item_add(const char *text, size_t len, const char *base_href,
                     const char *name_for_errors, tl_index *into, tl_err *e) TL_MUST_CHECK;
/* The same for many texts, one after the other. */
typedef struct tl__stac_reader tl__stac_reader;
tl__stac_reader *tl__stac_reader_new(void);
void tl__stac_reader_free(tl__stac_reader *r);
int tl__stac_reader_add(tl__stac_reader *r, const char *text, size_t len, const char *base_href,
                        const char *name_for_errors, tl_index *into, tl_err *e) TL_MUST_CHECK;
/* One text, from a stream to its end. */
int tl_stac_items_stream(FILE *f, const char *base_href, const char *name_for_errors,
                         tl_index *into, tl_err *e) TL_MUST_CHECK;

#endif
