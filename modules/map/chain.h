/* The steps of a graph, as people read them. SPDX-License-Identifier: MIT */
#ifndef TL_MAP_CHAIN_H
#define TL_MAP_CHAIN_H

#include "modules/image/order.h"

#define TL_CHAIN_MOST  160 /* steps; of a longer chain those nearest its end */
#define TL_CHAIN_LABEL 96

/* Nodes that are no constants, arguments before users, the roots among them. Borrowed. */
typedef struct tl_chain {
    tl_node **node;
    int n;
} tl_chain;

void tl_chain_make(tl_chain *c, tl_node *const *roots, int n);
void tl_chain_free(tl_chain *c);
int tl_chain_place(const tl_chain *c, const tl_node *n); /* of a root */
/* "(B08 - B04) / (B08 + B04)", "stubble(B04, B06, ...)", cut with "..." where it is long. */
void tl_chain_label(const tl_node *n, char out[TL_CHAIN_LABEL]);

#endif
