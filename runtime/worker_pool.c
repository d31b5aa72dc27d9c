/* A pool of threads: see worker_pool.h. SPDX-License-Identifier: MIT */
#include "runtime/worker_pool.h"
#include "runtime/cancel.h"
#include "runtime/mem.h"

#include <pthread.h>
#include <stdlib.h>

struct tl_task {
    tl_pool *pool;
    tl_task_spec spec;
    atomic_int cancel;
    int begun, ran;
    tl_task *prev, *next; /* among those that wait, or run */
};

typedef struct list {
    tl_task *first, *last;
    int n;
} list;

struct tl_pool {
    tl_loop *loop;
    tl_pool_options o;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t more;
    list waiting, running;
    int ending;
    pthread_t *thread;
    int nthreads;
};

static void push(list *l, tl_task *t)
{
    t->prev = l->last;
    t->next = NULL;
    *(l->last ? &l->last->next : &l->first) = t;
    l->last = t;
    l->n++;
}

static void unlink_task(list *l, tl_task *t)
{
    *(t->prev ? &t->prev->next : &l->first) = t->next;
    *(t->next ? &t->next->prev : &l->last) = t->prev;
    l->n--;
}

/* On the loop's thread. */
static void finish(void *ctx)
{
    tl_task *t = ctx;
    t->spec.done(t->spec.ctx, t->ran);
    free(t);
}

static tl_task *take(tl_pool *p)
{
    pthread_mutex_lock(&p->lock);
    while (!p->waiting.first && !p->ending)
        pthread_cond_wait(&p->more, &p->lock);
    tl_task *t = p->waiting.first;
    if (t) {
        unlink_task(&p->waiting, t);
        push(&p->running, t);
        t->begun = 1;
    }
    pthread_mutex_unlock(&p->lock);
    return t;
}

static void *work(void *arg)
{
    tl_pool *p = arg;
    for (tl_task *t = take(p); t; t = take(p)) {
        if (!atomic_load(&t->cancel)) {
            t->ran = 1;
            tl_obey(&t->cancel);
            t->spec.run(t->spec.ctx, &t->cancel);
            tl_obey(NULL);
        }
        pthread_mutex_lock(&p->lock);
        unlink_task(&p->running, t);
        pthread_mutex_unlock(&p->lock);
        tl_loop_post(p->loop, finish, t);
    }
    if (p->o.thread_end)
        p->o.thread_end();
    return NULL;
}

int tl_pool_new(tl_loop *l, const tl_pool_options *o, tl_pool **out, tl_err *e)
{
    tl_pool *p = tl_xcalloc(1, sizeof *p);
    p->loop = l;
    p->o = *o;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->more, NULL);
    p->thread = tl_xcalloc((size_t)o->threads, sizeof *p->thread);
    while (p->nthreads < o->threads && pthread_create(&p->thread[p->nthreads], NULL, work, p) == 0)
        p->nthreads++;
    if (p->nthreads == 0) {
        tl_pool_free(p);
        return tl_fail(e, TL_ENOMEM, "cannot start a thread");
    }
    *out = p;
    return 0;
}

void tl_pool_free(tl_pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->ending = 1;
    for (tl_task *t = p->waiting.first; t; t = t->next)
        atomic_store(&t->cancel, 1);
    for (tl_task *t = p->running.first; t; t = t->next)
        atomic_store(&t->cancel, 1);
    pthread_cond_broadcast(&p->more);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->nthreads; i++)
        pthread_join(p->thread[i], NULL);
    pthread_cond_destroy(&p->more);
    pthread_mutex_destroy(&p->lock);
    free(p->thread);
    free(p);
}

tl_task *tl_pool_submit(tl_pool *p, const tl_task_spec *s)
{
    tl_task *t = NULL;
    pthread_mutex_lock(&p->lock);
    if (!p->ending && p->waiting.n < p->o.most) {
        t = tl_xcalloc(1, sizeof *t);
        t->pool = p;
        t->spec = *s;
        push(&p->waiting, t);
        pthread_cond_signal(&p->more);
    }
    pthread_mutex_unlock(&p->lock);
    return t;
}

void tl_task_cancel(tl_task *t)
{
    tl_pool *p = t->pool;
    atomic_store(&t->cancel, 1);
    pthread_mutex_lock(&p->lock);
    int dropped = !t->begun;
    if (dropped) {
        unlink_task(&p->waiting, t);
        t->begun = 1;
    }
    pthread_mutex_unlock(&p->lock);
    if (dropped)
        tl_loop_post(p->loop, finish, t);
}

static int count(tl_pool *p, const list *l)
{
    pthread_mutex_lock(&p->lock);
    int n = l->n;
    pthread_mutex_unlock(&p->lock);
    return n;
}

int tl_pool_waiting(tl_pool *p)
{
    return count(p, &p->waiting);
}

int tl_pool_running(tl_pool *p)
{
    return count(p, &p->running);
}
