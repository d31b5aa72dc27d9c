/* Features burnt into cells, as a source. SPDX-License-Identifier: MIT */
#ifndef TL_BURN_H
#define TL_BURN_H

#include <jansson.h>
#include "modules/image/source.h"

/* One band, `value`: of the last feature whose shape holds the cell, invalid where none does.
 * `json`: {"features": [{"geometry": GeoJSON, "value": number}, ...], "touched": boolean}, as a
 * plan holds it. A shape holds the cells whose centre lies inside (coverage.h), or all that it
 * touches. No grid of its own (native.w = 0). */
tl_source *tl_burn_source(const json_t *json, tl_err *e); /* NULL: failed */
/* What such a source was made of, borrowed; NULL for others. */
const json_t *tl_burn_source_json(const tl_source *s);

#endif
