/* Around a fault of the linked Lua: see vmfault.h. SPDX-License-Identifier: MIT */
#include "runtime/vmfault.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

#define SLOT        (2 * sizeof(lua_Integer)) /* of a stack, in bytes */
#define EXTRA       5                         /* slots that Lua adds to each */
#define FIRST_STACK ((2 * LUA_MINSTACK + EXTRA) * SLOT)
#define MOST_STACK  ((32768 + EXTRA) * SLOT)

typedef struct stack {
    const void *p; /* NULL = free place */
    size_t slots;
} stack;

/* The stacks of a host's threads: open addressing. Lua makes a new block, copies, frees the old
 * one; so what was made just before a stack is freed has become that stack. */
struct tl__stacks {
    stack *at;
    size_t cap, n;
    int expected;
    stack made; /* since when nothing was freed */
};

int tl__vm_concat_fault(void)
{
    return LUA_VERSION_NUM == 504 && strcmp(LUA_VERSION_RELEASE, "4") == 0;
}

static size_t place_of(const struct tl__stacks *s, const void *p)
{
    size_t i = ((uintptr_t)p >> 4) * (size_t)0x9e3779b97f4a7c15u >> 20 & (s->cap - 1);
    while (s->at[i].p && s->at[i].p != p)
        i = (i + 1) & (s->cap - 1);
    return i;
}

static void add(struct tl__stacks *s, stack x)
{
    if ((s->n + 1) * 2 > s->cap) {
        struct tl__stacks old = *s;
        s->cap = old.cap ? old.cap * 2 : 64;
        s->at = tl_xcalloc(s->cap, sizeof *s->at);
        for (size_t i = 0; i < old.cap; i++)
            if (old.at[i].p)
                s->at[place_of(s, old.at[i].p)] = old.at[i];
        free(old.at);
    }
    s->at[place_of(s, x.p)] = x;
    s->n++;
}

static int is_known(const struct tl__stacks *s, const void *p)
{
    return s->cap && s->at[place_of(s, p)].p == p;
}

/* Closes the gap, so that what was put behind it is still found. */
static void take_away(struct tl__stacks *s, const void *p)
{
    size_t i = place_of(s, p);
    s->at[i].p = NULL;
    s->n--;
    for (size_t k = (i + 1) & (s->cap - 1); s->at[k].p; k = (k + 1) & (s->cap - 1)) {
        stack x = s->at[k];
        s->at[k].p = NULL;
        s->at[place_of(s, x.p)] = x;
    }
}

void tl__vm_expect_stack(tl_host *h)
{
    if (!tl__vm_concat_fault() || h->profile == TL_PROFILE_OWN)
        return;
    if (!h->stacks)
        h->stacks = tl_xcalloc(1, sizeof *h->stacks);
    h->stacks->expected = 1;
}

int tl__vm_in_concat(lua_State *L)
{
    lua_Debug ar;
    for (int level = 0; lua_getstack(L, level, &ar); level++)
        if (lua_getinfo(L, "n", &ar) && strcmp(ar.namewhat, "metamethod") == 0 && ar.name &&
            strcmp(ar.name, "concat") == 0)
            return 1;
    return 0;
}

/* A stack grows to twice its slots, rarely to more. */
static int is_growth(const struct tl__stacks *s, size_t size)
{
    if (size <= FIRST_STACK || size % SLOT)
        return 0;
    for (size_t i = 0; i < s->cap; i++)
        if (s->at[i].p && size == (2 * s->at[i].slots + EXTRA) * SLOT)
            return 1;
    return 0;
}

int tl__vm_refuses(tl_host *h, size_t size)
{
    lua_State *L = atomic_load(&h->current);
    if (!h->stacks || !L || !is_growth(h->stacks, size))
        return 0;
    return size > MOST_STACK || h->concats_below || tl__vm_in_concat(L);
}

void tl__vm_made(tl_host *h, const void *p, size_t size)
{
    struct tl__stacks *s = h->stacks;
    if (!s)
        return;
    s->made = (stack){p, size / SLOT - EXTRA};
    if (!s->expected || size != FIRST_STACK)
        return;
    s->expected = 0;
    add(s, s->made);
    s->made.p = NULL;
}

void tl__vm_freed(tl_host *h, const void *p)
{
    struct tl__stacks *s = h->stacks;
    if (!s || !p)
        return;
    if (is_known(s, p)) {
        take_away(s, p);
        if (s->made.p)
            add(s, s->made);
    }
    s->made.p = NULL;
}

void tl__vm_free(tl_host *h)
{
    if (h->stacks)
        free(h->stacks->at);
    free(h->stacks);
}
