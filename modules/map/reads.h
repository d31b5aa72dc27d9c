/* Blocks that were read from files, kept for other layers and other colours.
 * SPDX-License-Identifier: MIT
 *
 * Keyed by the file as it is, the band, the lattice, the method and the cells; so a tile of the
 * same bands in other colours reads nothing. One per process may be in use (tl_pass_set_cache). */
#ifndef TL_MAP_READS_H
#define TL_MAP_READS_H

#include "modules/map/cache.h"

typedef struct tl_reads tl_reads;
tl_reads *tl_reads_new(int64_t most_bytes); /* in use from now on */
void tl_reads_free(tl_reads *r);
void tl_reads_count(tl_reads *r, tl_cache_counts *out);

#endif
