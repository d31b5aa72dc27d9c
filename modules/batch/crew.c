/* Crews: see crew.h. SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* CPU_COUNT */
#include "modules/batch/crew.h"
#include "modules/raster/raster.h"
#include "runtime/cancel.h"
#include "runtime/mem.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
    const tl_crew *crew;
    const atomic_int *cancel;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    int64_t next;
    int running, failed;
    int64_t failed_item;
    tl_err err;
} shared;

static int64_t take(shared *s)
{
    int64_t k = -1;
    pthread_mutex_lock(&s->lock);
    int cancelled = s->cancel && atomic_load(s->cancel);
    if (!s->failed && !cancelled && s->next < s->crew->items)
        k = s->next++;
    pthread_mutex_unlock(&s->lock);
    return k;
}

static void report(shared *s, int64_t item, const tl_err *e)
{
    pthread_mutex_lock(&s->lock);
    if (!s->failed || item < s->failed_item) {
        s->failed = 1;
        s->failed_item = item;
        s->err = *e;
    }
    pthread_mutex_unlock(&s->lock);
}

static void *work(void *arg)
{
    shared *s = arg;
    const tl_crew *c = s->crew;
    void *tools = NULL;
    tl_err e = TL_ERR_INIT;
    int64_t k = -1;
    tl_obey(s->cancel);
    int rc = c->start(c->ctx, &tools, &e);
    while (!rc && (k = take(s)) >= 0)
        rc = c->item(c->ctx, tools, k, &e);
    if (rc)
        report(s, k, &e);
    c->stop(c->ctx, tools);
    tl_raster_thread_done();
    pthread_mutex_lock(&s->lock);
    s->running--;
    pthread_cond_signal(&s->ended);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static struct timespec soon(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += 200000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    return t;
}

static void wait_for_all(shared *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->running > 0) {
        struct timespec t = soon();
        pthread_cond_timedwait(&s->ended, &s->lock, &t);
        if (s->crew->tick) {
            pthread_mutex_unlock(&s->lock);
            s->crew->tick(s->crew->ctx);
            pthread_mutex_lock(&s->lock);
        }
    }
    pthread_mutex_unlock(&s->lock);
}

static int start_threads(shared *s, pthread_t *thread, int n)
{
    int made = 0;
    s->running = n; /* a thread may end before the next one starts */
    while (made < n && pthread_create(&thread[made], NULL, work, s) == 0)
        made++;
    pthread_mutex_lock(&s->lock);
    s->running -= n - made;
    pthread_mutex_unlock(&s->lock);
    return made;
}

int tl_crew_run(const tl_crew *c, tl_err *e)
{
    shared s = {.crew = c,
                .cancel = c->cancel ? c->cancel : tl_obeyed(),
                .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s.ended, &attr);
    pthread_condattr_destroy(&attr);
    int n = c->items < c->threads ? (int)c->items : c->threads;
    pthread_t *thread = tl_xcalloc((size_t)n, sizeof *thread);
    int made = start_threads(&s, thread, n);
    wait_for_all(&s);
    for (int i = 0; i < made; i++)
        pthread_join(thread[i], NULL);
    free(thread);
    pthread_cond_destroy(&s.ended);
    if (s.failed) {
        *e = s.err;
        return e->code;
    }
    if (s.next < c->items && made == 0)
        return tl_fail(e, TL_ENOMEM, "cannot start a thread");
    if (s.next < c->items)
        return tl_fail(e, TL_EINTR, "interrupted");
    return 0;
}

int tl_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set))
        return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? n : 1;
}
