/* Animated GIF (GIF89a). SPDX-License-Identifier: MIT */
#ifndef TL_GIF_H
#define TL_GIF_H

#include <stdint.h>
#include "runtime/buf.h"

/* n frames of w x h cells: rgb[k][c] are the bytes of channel c of frame k, valid[k] where it is
 * not transparent. Up to 255 different colours are kept as they are; more become 252 by ordered
 * dithering, which no frame's neighbour changes. delay: hundredths of a second. Runs for ever. */
void tl_gif(int w, int h, int n, uint8_t *const (*rgb)[3], uint8_t *const *valid, int delay,
            tl_buf *out);

#endif
