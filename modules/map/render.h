/* Evaluating layers: tiles, windows, points. SPDX-License-Identifier: MIT
 *
 * A renderer keeps the passes of layers at zoom levels, and their workers, for the next tile. Any
 * thread; a call uses the calling thread alone. */
#ifndef TL_MAP_RENDER_H
#define TL_MAP_RENDER_H

#include "modules/map/cache.h"
#include "modules/map/layer.h"
#include "modules/map/tiles.h"

typedef struct tl_renderer tl_renderer;

/* read_bytes: memory for blocks that were read, which layers of other colours share. */
tl_renderer *tl_renderer_new(int64_t read_bytes);
void tl_renderer_free(tl_renderer *r); /* NULL is allowed */

/* The picture of a step, 256 * scale pixels each way: rgba has room for it. */
int tl_render_tile(tl_renderer *r, tl_layer *l, int step, tl_tile t, int scale,
                   const atomic_int *cancel, uint8_t *rgba, tl_err *e) TL_MUST_CHECK;

/* Nodes over a grid of at most 256 x 256 cells, as float64: values and validity, w * h each, node
 * by node. */
int tl_render_values(tl_renderer *r, tl_node *const *nodes, int n, const tl_grid *g, double *values,
                     uint8_t *valid, tl_err *e) TL_MUST_CHECK;

void tl_renderer_count(tl_renderer *r, tl_cache_counts *reads, int *passes);

#endif
