/* Predictors of TIFF: what is differenced before it is compressed. SPDX-License-Identifier: MIT
 *
 * TIFF 6 section 14 for integers (2), Adobe's technical note 3 for floats (3): there a row's bytes
 * are regrouped by significance, the highest first, and differenced as bytes. Rows of n cells of
 * `size` bytes in the machine's order, neighbours `lag` cells apart (the bands of a cell lie side
 * by side). Pure functions. */
#ifndef TL_PREDICTOR_H
#define TL_PREDICTOR_H

#include <stddef.h>

enum { TL_PREDICT_NONE = 1, TL_PREDICT_INTEGER = 2, TL_PREDICT_FLOAT = 3 }; /* as in the file */

/* In place; work has room for a row. */
void tl_predict_row(int predictor, void *row, void *work, size_t n, size_t lag, size_t size);
/* to: the first `most` cells of the row, may be `row` itself where most = n. What the row holds
 * afterwards is undefined where it is not `to`. */
void tl_unpredict_row(int predictor, void *to, size_t most, void *row, void *work, size_t n,
                      size_t lag, size_t size);

#endif
