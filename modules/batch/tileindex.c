/* Which tile lies where: see tileindex.h. SPDX-License-Identifier: MIT */
#include "modules/batch/tileindex.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t h)
{
    h = (h ^ (h >> 32)) * 0xd6e8feb86659fd93u;
    h = (h ^ (h >> 32)) * 0xd6e8feb86659fd93u;
    return h ^ (h >> 32);
}

/* The slot where the name is, or where it belongs. */
static size_t find(const tl__tileindex *x, uint32_t product, uint32_t level, uint32_t tx,
                   uint32_t ty)
{
    uint64_t where = (uint64_t)ty << 32 | tx;
    size_t i = (size_t)mix(where + mix((uint64_t)product << 32 | level)) & (x->slots - 1);
    for (; x->slot[i]; i = (i + 1) & (x->slots - 1)) {
        const tl__place *p = &x->place[x->slot[i] - 1];
        if (p->tx == tx && p->ty == ty && p->level == level && p->product == product)
            break;
    }
    return i;
}

static int grow_slots(tl__tileindex *x, tl_err *e)
{
    tl__tileindex y = *x;
    y.slots = x->slots ? x->slots * 2 : 256;
    if (tl_try_alloc((void **)&y.slot, y.slots, sizeof *y.slot, "the index of tiles", e))
        return e->code;
    memset(y.slot, 0, y.slots * sizeof *y.slot);
    for (size_t k = 0; k < x->n; k++) {
        const tl__place *p = &x->place[k];
        y.slot[find(&y, p->product, p->level, p->tx, p->ty)] = (uint32_t)(k + 1);
    }
    free(x->slot);
    *x = y;
    return 0;
}

static int grow_places(tl__tileindex *x, tl_err *e)
{
    size_t cap = x->cap ? x->cap + x->cap / 4 + 64 : 128;
    if (cap >= UINT32_MAX)
        return tl_fail(e, TL_ENOMEM, "a job folder holds less than %u tiles", UINT32_MAX);
    tl__place *p = realloc(x->place, cap * sizeof *p);
    if (!p)
        return tl_fail(e, TL_ENOMEM, "cannot allocate the index of %zu tiles", cap);
    x->place = p;
    x->cap = cap;
    return 0;
}

static int grow_counts(tl__tileindex *x, uint32_t product, tl_err *e)
{
    size_t n = product + 1;
    void *p = realloc(x->count, n * sizeof *x->count);
    if (!p)
        return tl_fail(e, TL_ENOMEM, "cannot allocate counts of %zu products", n);
    x->count = p;
    memset(x->count + x->products, 0, (n - x->products) * sizeof *x->count);
    x->products = (uint32_t)n;
    return 0;
}

int tl__index_put(tl__tileindex *x, const tl__place *p, tl_err *e)
{
    int r;
    if (x->n * 4 >= x->slots * 3 && (r = grow_slots(x, e)))
        return r;
    if (p->product >= x->products && (r = grow_counts(x, p->product, e)))
        return r;
    size_t i = find(x, p->product, p->level, p->tx, p->ty);
    if (!x->slot[i]) {
        if (x->n == x->cap && (r = grow_places(x, e)))
            return r;
        x->slot[i] = (uint32_t)++x->n;
        x->count[p->product][p->level]++;
    }
    x->place[x->slot[i] - 1] = *p;
    return 0;
}

const tl__place *tl__index_find(const tl__tileindex *x, uint32_t product, uint32_t level,
                                uint32_t tx, uint32_t ty)
{
    if (!x->slots)
        return NULL;
    uint32_t k = x->slot[find(x, product, level, tx, ty)];
    return k ? &x->place[k - 1] : NULL;
}

void tl__index_free(tl__tileindex *x)
{
    free(x->place);
    free(x->slot);
    free(x->count);
    *x = (tl__tileindex){0};
}
