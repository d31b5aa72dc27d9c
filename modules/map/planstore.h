/* Where documents of layers and plans are kept: a folder, or Redis, which several servers may
 * share. SPDX-License-Identifier: MIT
 *
 * A document is kept under the SHA-256 of its text, so what is there never changes, and what comes
 * back is checked. Any thread; calls may wait for a disk or a server. */
#ifndef TL_MAP_PLANSTORE_H
#define TL_MAP_PLANSTORE_H

#include "runtime/buf.h"

typedef struct tl_planstore tl_planstore;

/* A folder (made when missing), or "redis://[:PASSWORD@]HOST[:PORT][/DATABASE]". */
int tl_planstore_open(const char *where, tl_planstore **out, tl_err *e) TL_MUST_CHECK;
void tl_planstore_close(tl_planstore *s); /* NULL is allowed */

/* The text, appended; TL_EDATA when there is none, TL_ETRANSIENT when it cannot be asked. */
int tl_planstore_get(tl_planstore *s, const char key[65], tl_buf *out, tl_err *e) TL_MUST_CHECK;
int tl_planstore_put(tl_planstore *s, const char key[65], const char *text, size_t len,
                     tl_err *e) TL_MUST_CHECK;

/* 64 digits of hex, lower case. */
int tl_is_key(const char *text);

#endif
