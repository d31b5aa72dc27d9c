/* The nodes of a graph in order: see order.h. SPDX-License-Identifier: MIT */
#include "modules/image/order.h"
#include "runtime/mem.h"

#include <stdlib.h>

static size_t hash_pointer(const void *p)
{
    uint64_t h = (uint64_t)(uintptr_t)p * 0x9e3779b97f4a7c15u;
    return (size_t)(h >> 20);
}

static size_t find(const tl_order *o, const tl_node *n)
{
    size_t i = hash_pointer(n) & (o->cap - 1);
    while (o->slot[i].key && o->slot[i].key != n)
        i = (i + 1) & (o->cap - 1);
    return i;
}

static void grow(tl_order *o)
{
    tl_order old = *o;
    o->cap = old.cap ? old.cap * 2 : 64;
    o->slot = tl_xcalloc(o->cap, sizeof *o->slot);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slot[i].key)
            o->slot[find(o, old.slot[i].key)] = old.slot[i];
    free(old.slot);
    o->node = tl_xrealloc(o->node, o->cap * sizeof *o->node);
}

static int known(const tl_order *o, const tl_node *n)
{
    return o->cap && o->slot[find(o, n)].key == n;
}

static void append(tl_order *o, tl_node *n)
{
    if ((size_t)(o->n + 1) * 2 > o->cap)
        grow(o);
    size_t i = find(o, n);
    o->slot[i].key = n;
    o->slot[i].place = o->n;
    o->node[o->n++] = n;
}

/* Depth first with a stack of our own: chains may be thousands of steps deep. */
static void add_below(tl_order *o, tl_node *root)
{
    struct frame {
        tl_node *node;
        int next;
    } *stack = tl_xmalloc((size_t)(root->depth + 2) * sizeof *stack);
    int top = 0;
    stack[0].node = root;
    stack[0].next = 0;
    while (top >= 0) {
        tl_node *n = stack[top].node;
        if (known(o, n)) {
            top--;
        } else if (stack[top].next < n->nargs) {
            tl_node *a = n->arg[stack[top].next++];
            top++;
            stack[top].node = a;
            stack[top].next = 0;
        } else {
            append(o, n);
            top--;
        }
    }
    free(stack);
}

void tl_order_make(tl_order *o, tl_node *const *roots, int n)
{
    *o = (tl_order){0};
    for (int i = 0; i < n; i++)
        add_below(o, roots[i]);
}

void tl_order_free(tl_order *o)
{
    free(o->node);
    free(o->slot);
    *o = (tl_order){0};
}

int tl_order_place(const tl_order *o, const tl_node *n)
{
    return o->slot[find(o, n)].place;
}

int tl_order_depth(tl_node *const *roots, int n)
{
    tl_order o;
    int depth = 0;
    tl_order_make(&o, roots, n);
    for (int i = 0; i < o.n; i++)
        if (o.node[i]->kind == TL_NODE_BAND && o.node[i]->source->depth > depth)
            depth = o.node[i]->source->depth;
    tl_order_free(&o);
    return depth + 1;
}
