/* Films: MP4 by the program ffmpeg. SPDX-License-Identifier: MIT */
#ifndef TL_FILM_H
#define TL_FILM_H

#include <stdatomic.h>
#include <stdint.h>
#include "runtime/buf.h"
#include "runtime/err.h"

/* n frames as of tl_gif, each shown for 1 / fps seconds, as H.264. Invalid cells are black; width
 * and height become even by a column or row that is repeated. ffmpeg gets raw frames and writes to
 * memory. TL_ECONFIG when there is none; TL_EINTR when *cancel (or NULL) is set, and TL_EDATA when
 * it fails or stands still for five minutes: it is killed then. */
int tl_film(int w, int h, int n, uint8_t *const (*rgb)[3], uint8_t *const *valid, double fps,
            const atomic_int *cancel, tl_buf *out, tl_err *e) TL_MUST_CHECK;

#endif
