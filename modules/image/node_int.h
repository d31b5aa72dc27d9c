/* Shared by the files of nodes. Internal. SPDX-License-Identifier: MIT */
#ifndef TL_NODE_INT_H
#define TL_NODE_INT_H

#include "modules/image/node.h"

/* node_range.c: lo, hi or flo, fhi, f32 of what n computes of a; of a cast; of its table. */
void tl__node_range(tl_node *n, tl_node *const *a);
void tl__node_astype_range(tl_node *n, const tl_node *a);
void tl__node_table_range(tl_node *n);

#endif
