/* The event loop: see loop.h. SPDX-License-Identifier: MIT */
#include "runtime/loop.h"
#include "runtime/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <uv.h>

typedef struct posted {
    void (*f)(void *ctx);
    void *ctx;
    struct posted *next;
} posted;

struct tl_loop {
    uv_loop_t uv;
    uv_async_t wake;
    pthread_mutex_t lock; /* of first, last */
    posted *first, *last;
    atomic_int stopping;
};

static void run_posted(tl_loop *l)
{
    pthread_mutex_lock(&l->lock);
    posted *p = l->first;
    l->first = l->last = NULL;
    pthread_mutex_unlock(&l->lock);
    while (p) {
        posted *next = p->next;
        p->f(p->ctx);
        free(p);
        p = next;
    }
}

static void on_wake(uv_async_t *a)
{
    tl_loop *l = a->data;
    run_posted(l);
    if (atomic_load(&l->stopping))
        uv_stop(&l->uv);
}

int tl_loop_new(tl_loop **out, tl_err *e)
{
    tl_loop *l = tl_xcalloc(1, sizeof *l);
    int rc = uv_loop_init(&l->uv);
    if (!rc && (rc = uv_async_init(&l->uv, &l->wake, on_wake)))
        uv_loop_close(&l->uv);
    if (rc) {
        free(l);
        return tl_fail(e, TL_ECONFIG, "cannot make an event loop: %s", uv_strerror(rc));
    }
    l->wake.data = l;
    pthread_mutex_init(&l->lock, NULL);
    tl_live(TL_LIVE_HANDLE, 1);
    *out = l;
    return 0;
}

void tl_loop_free(tl_loop *l)
{
    if (!l)
        return;
    run_posted(l);
    uv_close((uv_handle_t *)&l->wake, NULL);
    uv_run(&l->uv, UV_RUN_NOWAIT);
    uv_run(&l->uv, UV_RUN_NOWAIT); /* closing may post once more */
    run_posted(l);
    if (uv_loop_close(&l->uv) == 0) /* else somebody's handle is open: the leak check says so */
        tl_live(TL_LIVE_HANDLE, -1);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

uv_loop_t *tl_loop_uv(tl_loop *l)
{
    return &l->uv;
}

unsigned long long tl_loop_now(tl_loop *l)
{
    return uv_now(&l->uv);
}

void tl_loop_run(tl_loop *l)
{
    if (!atomic_load(&l->stopping))
        uv_run(&l->uv, UV_RUN_DEFAULT);
    atomic_store(&l->stopping, 0);
}

void tl_loop_stop(tl_loop *l)
{
    atomic_store(&l->stopping, 1);
    uv_async_send(&l->wake);
}

void tl_loop_post(tl_loop *l, void (*f)(void *ctx), void *ctx)
{
    posted *p = tl_xmalloc(sizeof *p);
    *p = (posted){f, ctx, NULL};
    pthread_mutex_lock(&l->lock);
    if (l->last)
        l->last->next = p;
    else
        l->first = p;
    l->last = p;
    pthread_mutex_unlock(&l->lock);
    uv_async_send(&l->wake);
}
