/* Numbers that a script states, as a source. SPDX-License-Identifier: MIT */
#ifndef TL_NUMBERS_H
#define TL_NUMBERS_H

#include <jansson.h>
#include "modules/image/source.h"

#define TL_MOST_NUMBERS 1000000 /* they stand in the plan */

/* bands: [{"name":, "dtype":, "cells": [...]}, ...], of each the w * h cells of g from the north
 * west, row by row: numbers that the type holds, "inf" and "-inf" in floats, null where invalid.
 * Kept as they are. Cells of another grid get the number their centre lies in, whatever the method;
 * outside g nothing is valid. */
int tl_numbers_source(const tl_grid *g, const json_t *bands, tl_source **out,
                      tl_err *e) TL_MUST_CHECK;
/* The bands, borrowed; NULL when s is another kind of source. Its grid is s->native. */
const json_t *tl_numbers_bands(const tl_source *s);

#endif
