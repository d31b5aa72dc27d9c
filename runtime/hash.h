/* SHA-256 as text. SPDX-License-Identifier: MIT */
#ifndef TL_HASH_H
#define TL_HASH_H

#include <stddef.h>

/* 64 hex digits and a NUL into hex. */
void tl_sha256(const void *data, size_t len, char hex[65]);

#endif
