/* A source of arithmetic, for trying functions before they meet data: no file, no GDAL.
 * SPDX-License-Identifier: MIT
 *
 * What a cell holds follows from its index, its band's place and its type alone. Rows decide which
 * kind of cells it is: */
#ifndef TL_SYNTHETIC_H
#define TL_SYNTHETIC_H

#include "modules/image/source.h"

#define TL_SYNTHETIC_INVALID  (-(1 << 20)) /* before this row nothing is valid */
#define TL_SYNTHETIC_ORDINARY (1 << 20)    /* from here on all is valid and of a common size */
/* Between them: one cell in four of a band holds an edge of its type (0, 1, -1, least and largest,
 * and, where the type has them, NaN, infinities, -0, denormals, 2^53 and its neighbours), every
 * 16th row is invalid in all bands, and one cell in eight of each band is. */

/* n bands of these names (interned here; they must differ) and types. */
tl_source *tl_synthetic_new(int n, const char *const *names, const tl_dtype *types);
/* Nanoseconds spent in reading a source of this kind, since it was made. */
int64_t tl_synthetic_spent(const tl_source *s);
int tl_is_synthetic(const tl_source *s);

#endif
