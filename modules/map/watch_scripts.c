/* --watch: scripts that change are run again. SPDX-License-Identifier: MIT
 *
 * Editors write beside and rename, so a script's folder is watched, and its changes collected for a
 * tenth of a second. */
#include "modules/map/map_int.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

typedef struct watched {
    tl_map *map;
    char *id, *path, *folder;
    const char *name; /* within path */
    uv_fs_event_t *event;
    uv_timer_t *timer;    /* NULL once it is closed */
    int running, changed; /* the script; meanwhile */
} watched;

struct tl__watch {
    watched *of;
    int n;
};

static void run(void *ctx, const atomic_int *cancel)
{
    const watched *w = ctx;
    (void)cancel;
    tl__app_again(w->map, w->id);
}

static void done(void *ctx, int ran);

/* What is running read an older text: it is run once more after that. */
static void on_timer(uv_timer_t *t)
{
    watched *w = t->data;
    w->changed = w->running;
    if (w->running)
        return;
    w->running = tl_pool_submit(w->map->pool, &(tl_task_spec){run, done, w}) != NULL;
    if (!w->running)
        uv_timer_start(t, on_timer, 1000, 0); /* the queue is full */
}

static void done(void *ctx, int ran)
{
    watched *w = ctx;
    (void)ran;
    w->running = 0;
    if (w->changed && w->timer)
        on_timer(w->timer);
}

static void on_event(uv_fs_event_t *x, const char *name, int events, int status)
{
    watched *w = x->data;
    (void)events;
    if (status == 0 && (!name || strcmp(name, w->name) == 0))
        uv_timer_start(w->timer, on_timer, 100, 0);
}

static void free_handle(uv_handle_t *h)
{
    free(h);
}

static int watch_one(tl_map *m, watched *w, const tl__app *a, tl_err *e)
{
    const char *path = a->path, *slash = strrchr(path, '/');
    w->map = m;
    w->id = tl_xstrdup(a->id);
    w->path = tl_xstrdup(path);
    w->folder = slash ? tl_xasprintf("%.*s", (int)(slash - path + 1), path) : tl_xstrdup(".");
    w->name = w->path + (slash ? slash + 1 - path : 0);
    w->event = tl_xcalloc(1, sizeof *w->event);
    w->timer = tl_xcalloc(1, sizeof *w->timer);
    uv_fs_event_init(tl_loop_uv(m->loop), w->event);
    uv_timer_init(tl_loop_uv(m->loop), w->timer);
    w->event->data = w->timer->data = w;
    int rc = uv_fs_event_start(w->event, on_event, w->folder, 0);
    return rc ? tl_fail(e, TL_ECONFIG, "cannot watch %s: %s", w->folder, uv_strerror(rc)) : 0;
}

int tl__watch_start(tl_map *m, tl_err *e)
{
    int rc = 0;
    m->watch = tl_xcalloc(1, sizeof *m->watch);
    m->watch->of = tl_xcalloc((size_t)m->napps + 1, sizeof *m->watch->of);
    for (int i = 0; i < m->napps && !rc; i++)
        if (m->app[i].path)
            rc = watch_one(m, &m->watch->of[m->watch->n++], &m->app[i], e);
    return rc;
}

/* The pool still runs: what it was given names apps, so those stay until the map is freed. */
void tl__watch_stop(tl_map *m)
{
    for (int i = 0; m->watch && i < m->watch->n; i++) {
        uv_close((uv_handle_t *)m->watch->of[i].event, free_handle);
        uv_close((uv_handle_t *)m->watch->of[i].timer, free_handle);
        m->watch->of[i].timer = NULL;
    }
}

void tl__watch_free(tl_map *m)
{
    for (int i = 0; m->watch && i < m->watch->n; i++) {
        free(m->watch->of[i].id);
        free(m->watch->of[i].path);
        free(m->watch->of[i].folder);
    }
    if (m->watch)
        free(m->watch->of);
    free(m->watch);
}
