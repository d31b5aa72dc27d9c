/* The layers at hand, by key. SPDX-License-Identifier: MIT
 *
 * Some hundred stay in memory, and all that somebody holds; the others are made again from the
 * store. Any thread. */
#ifndef TL_MAP_SHELF_H
#define TL_MAP_SHELF_H

#include "modules/map/layer.h"
#include "modules/map/planstore.h"

typedef struct tl_shelf tl_shelf;

/* Both borrowed; store NULL: none. */
tl_shelf *tl_shelf_new(tl_planstore *store, const tl_trust *strangers);
void tl_shelf_free(tl_shelf *s); /* NULL is allowed */

/* Keeps a reference, and the document in the store. */
int tl_shelf_put(tl_shelf *s, tl_layer *l, tl_err *e) TL_MUST_CHECK;
/* At hand: a reference, else NULL. Never waits. */
tl_layer *tl_shelf_find(tl_shelf *s, const char *key);
/* Also from the store. TL_EDATA when it is nowhere. */
int tl_shelf_get(tl_shelf *s, const char *key, tl_layer **out, tl_err *e) TL_MUST_CHECK;
int tl_shelf_count(tl_shelf *s);

#endif
