/* Documents on servers, several at a time: see stac_read.h. SPDX-License-Identifier: MIT
 *
 * A static catalogue is one small document per Item, and what they take is waiting. */
#include "modules/collection/stac_read.h"

#include <pthread.h>
#include <stdatomic.h>

#define THREADS 8

typedef struct batch {
    tl_stac_ahead *all;
    size_t n;
    atomic_size_t next;
} batch;

static void *work(void *arg)
{
    batch *b = arg;
    size_t i;
    while ((i = atomic_fetch_add(&b->next, 1)) < b->n) {
        tl_stac_ahead *a = &b->all[i];
        a->code = tl__stac_get(a->address, TL_STAC_AHEAD_BYTES, &a->text, &a->e);
    }
    return NULL;
}

void tl__stac_fetch(tl_stac_ahead *all, size_t n)
{
    batch b = {.all = all, .n = n};
    pthread_t thread[THREADS];
    size_t started = 0;
    while (started + 1 < n && started < THREADS - 1 &&
           pthread_create(&thread[started], NULL, work, &b) == 0)
        started++;
    work(&b); /* this thread is one of them */
    for (size_t i = 0; i < started; i++)
        pthread_join(thread[i], NULL);
}
