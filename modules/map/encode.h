/* Pictures as bytes for the web. SPDX-License-Identifier: MIT */
#ifndef TL_MAP_ENCODE_H
#define TL_MAP_ENCODE_H

#include "modules/map/cache.h"
#include "runtime/err.h"

/* w * h pixels of red, green, blue, alpha (0 or 255), at most 4096 each way. PNG: of up to 256
 * colours with a palette, else three or four bytes a pixel; made for speed. WebP without loss. The
 * pixels come out as they went in. *out: one reference. Any thread. */
int tl_encode_png(const uint8_t *rgba, int w, int h, tl_blob **out, tl_err *e) TL_MUST_CHECK;
int tl_encode_webp(const uint8_t *rgba, int w, int h, tl_blob **out, tl_err *e) TL_MUST_CHECK;

#endif
