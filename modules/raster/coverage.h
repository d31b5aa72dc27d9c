/* How much of each cell a geometry covers. SPDX-License-Identifier: MIT
 *
 * Decided for absolute cells of a lattice: what a cell gets depends on the geometry, the lattice
 * and the cell's index alone. Immutable once made, shared by threads. */
#ifndef TL_COVERAGE_H
#define TL_COVERAGE_H

#include "modules/image/source.h"
#include "modules/raster/geometry.h"

typedef struct tl_coverage tl_coverage;

/* On the lattice of `grid` (its extent plays no part). In another system than degrees edges bend:
 * they lie within 1/64 cell of where they belong. */
int tl_coverage_new(const tl_geometry *g, const tl_grid *grid, tl_coverage **out,
                    tl_err *e) TL_MUST_CHECK;
void tl_coverage_free(tl_coverage *c); /* NULL is allowed */

/* The cells that may be touched; w = 0 when there are none. In degrees from the first to the last
 * of those turns of the globe that meet `near` (of that lattice), when one does. */
tl_rect tl_coverage_rect(const tl_coverage *c, tl_rect near);

/* The part of each cell's area that lies inside, 0 to 1, rows from the north. A cell that holds a
 * point of the geometry, or that a line of it touches, gets 1. A cell holds its upper and left
 * edge. */
int tl_coverage_fractions(const tl_coverage *c, tl_rect rect, double *out, tl_err *e) TL_MUST_CHECK;

/* 1 where the cell's centre lies inside, else 0; points and lines as above. Of polygons that share
 * an edge exactly one holds a centre on it. */
int tl_coverage_centres(const tl_coverage *c, tl_rect rect, uint8_t *out, tl_err *e) TL_MUST_CHECK;

size_t tl_coverage_bytes(const tl_coverage *c); /* what it holds */

/* A source of one boolean band (uint8, 0 and 1, valid everywhere) of the cells whose centre lies
 * inside, on any grid. It has no grid of its own (native.w = 0). `json`: GeoJSON, as a plan holds
 * it. */
tl_source *tl_mask_source(const json_t *json, tl_err *e); /* NULL: failed */
/* The GeoJSON of such a source, borrowed; NULL for others. */
const json_t *tl_mask_source_json(const tl_source *s);

#endif
