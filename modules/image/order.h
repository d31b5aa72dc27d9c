/* The nodes of a graph, each once, arguments before users. SPDX-License-Identifier: MIT */
#ifndef TL_ORDER_H
#define TL_ORDER_H

#include "modules/image/node.h"

typedef struct tl_order {
    tl_node **node; /* borrowed nodes */
    int n;
    struct { /* open addressing: node -> place */
        const tl_node *key;
        int place;
    } * slot;
    size_t cap;
} tl_order;

void tl_order_make(tl_order *o, tl_node *const *roots, int n);
void tl_order_free(tl_order *o);
/* Of a source that reads these nodes: 1 and the depth of the deepest that they read. */
int tl_order_depth(tl_node *const *roots, int n);
/* The place of a node that is in the order. */
int tl_order_place(const tl_order *o, const tl_node *n);

#endif
