/* The circuit breaker: what was killed thrice in a minute is not run for a minute.
 * SPDX-License-Identifier: MIT */
#include "runtime/hash.h"
#include "runtime/jail_int.h"
#include "runtime/mem.h"
#include "runtime/watch.h"

#include <stdlib.h>
#include <string.h>

enum { PLACES = 1024, KILLS = 3 };
#define WINDOW 60.0 /* seconds */

struct tl__breaker {
    struct {
        uint64_t key;     /* 0 = free */
        double at[KILLS]; /* the last kills, in a ring */
        int next;
    } place[PLACES];
};

struct tl__breaker *tl__breaker_new(void)
{
    return tl_xcalloc(1, sizeof(struct tl__breaker));
}

void tl__breaker_free(struct tl__breaker *b)
{
    free(b);
}

/* Who finds another text of the same key shares its fate, within one tenant. */
uint64_t tl__breaker_key(const char *tenant, const void *text, size_t len)
{
    uint64_t h = tl_fnv(tl_fnv(TL_FNV, tenant, strlen(tenant) + 1), text, len);
    return h ? h : 1;
}

int tl__breaker_is_open(struct tl__breaker *b, uint64_t key)
{
    double now = tl_now();
    size_t i = key % PLACES;
    if (b->place[i].key != key)
        return 0;
    for (int k = 0; k < KILLS; k++)
        if (b->place[i].at[k] == 0 || now - b->place[i].at[k] > WINDOW)
            return 0;
    return 1;
}

/* A key that falls on another's place takes it: the table forgets, it does not grow. */
void tl__breaker_note(struct tl__breaker *b, uint64_t key)
{
    size_t i = key % PLACES;
    if (b->place[i].key != key) {
        memset(&b->place[i], 0, sizeof b->place[i]);
        b->place[i].key = key;
    }
    b->place[i].at[b->place[i].next] = tl_now();
    b->place[i].next = (b->place[i].next + 1) % KILLS;
}
