/* Pictures: to files and to terminals. SPDX-License-Identifier: MIT
 *
 * A picture is w * h pixels of four bytes: red, green, blue, alpha; rows from the north, alpha 0
 * where nothing is known. */
#ifndef TL_PICTURE_H
#define TL_PICTURE_H

#include <stdint.h>
#include <stdio.h>
#include "runtime/err.h"

/* n pixels of the planes red, green, blue, each with a byte per cell that says whether it is valid;
 * a pixel is opaque where all three are. Any thread. */
void tl_image_to_rgba(const uint8_t *const plane[3], const uint8_t *const valid[3], size_t n,
                      uint8_t *rgba);

/* Any thread. The file appears whole or not at all. */
int tl_picture_write_png(const char *path, int64_t w, int64_t h, const uint8_t *rgba,
                         tl_err *e) TL_MUST_CHECK;

/* To a terminal, as large as fits: as an image where the terminal shows those (sixel, kitty,
 * iTerm2), else as coloured characters. What is no terminal gets characters in 256 colours. With
 * NO_COLOR in the environment: ASCII. columns, rows: cells of the terminal, 0 = ask it (80 x 24
 * when it does not say). One thread at a time. 0, or -1 when `out` takes no more. */
int tl_picture_print(FILE *out, int64_t w, int64_t h, const uint8_t *rgba, int columns, int rows);

/* The pixels that such a picture can show: no need to compute more. */
void tl_picture_room(FILE *out, int64_t *w, int64_t *h);

#endif
