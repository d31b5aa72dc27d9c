/* /events: what changes, told to every open page. SPDX-License-Identifier: MIT */
#include "modules/map/map_int.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

#define MOST_LISTENERS 256

typedef struct tl__listener {
    tl_map *map;
    tl_stream *s;
    struct tl__listener *prev, *next;
} listener;

static void gone(void *ctx)
{
    listener *l = ctx;
    *(l->prev ? &l->prev->next : &l->map->listeners) = l->next;
    if (l->next)
        l->next->prev = l->prev;
    free(l);
}

void tl__events_serve(tl_map *m, tl_request *r)
{
    static const char hello[] = "retry: 1000\nevent: hello\ndata: {}\n\n";
    tl_http_counts n;
    tl_err e = TL_ERR_INIT;
    tl_http_count(m->http, &n);
    if (n.streams >= MOST_LISTENERS) {
        tl_fail(&e, TL_ETRANSIENT, "too many pages are open");
        tl__answer_error(m, r, &e);
        return;
    }
    listener *l = tl_xcalloc(1, sizeof *l);
    *l = (listener){m, NULL, NULL, m->listeners};
    if (l->next)
        l->next->prev = l;
    m->listeners = l;
    tl_request_say(r, "Cache-Control", "no-store");
    tl_request_say(r, "X-Accel-Buffering", "no"); /* a proxy must not collect it */
    l->s = tl_request_stream(r, "text/event-stream", gone, l);
    tl_stream_write(l->s, hello, sizeof hello - 1);
}

typedef struct news {
    tl_map *map;
    char *text;
} news;

static void tell(void *ctx)
{
    news *k = ctx;
    for (listener *l = k->map->listeners, *next; l; l = next) {
        next = l->next; /* a listener that is too slow is gone by writing */
        tl_stream_write(l->s, k->text, strlen(k->text));
    }
    free(k->text);
    free(k);
}

void tl__event(tl_map *m, const char *name, json_t *data)
{
    news *k = tl_xmalloc(sizeof *k);
    char *text = json_dumps(data, JSON_COMPACT | JSON_SORT_KEYS);
    *k = (news){m, tl_xasprintf("event: %s\ndata: %s\n\n", name, text ? text : "{}")};
    json_decref(data);
    free(text);
    tl_loop_post(m->loop, tell, k);
}
