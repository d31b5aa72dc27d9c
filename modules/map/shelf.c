/* The layers at hand: see shelf.h. SPDX-License-Identifier: MIT */
#include "modules/map/shelf.h"
#include "runtime/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SEATS 256

typedef struct seat {
    tl_layer *layer;
    uint64_t used;
} seat;

struct tl_shelf {
    tl_planstore *store;
    const tl_trust *strangers;
    pthread_mutex_t lock;
    seat *seat;
    uint64_t clock;
    int n;
};

tl_shelf *tl_shelf_new(tl_planstore *store, const tl_trust *strangers)
{
    tl_shelf *s = tl_xcalloc(1, sizeof *s);
    s->store = store;
    s->strangers = strangers;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void tl_shelf_free(tl_shelf *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->n; i++)
        tl_layer_unref(s->seat[i].layer);
    pthread_mutex_destroy(&s->lock);
    free(s->seat);
    free(s);
}

static int place_of(const tl_shelf *s, const char *key)
{
    int i = 0;
    while (i < s->n && strcmp(s->seat[i].layer->key, key) != 0)
        i++;
    return i < s->n ? i : -1;
}

tl_layer *tl_shelf_find(tl_shelf *s, const char *key)
{
    tl_layer *l = NULL;
    pthread_mutex_lock(&s->lock);
    int i = place_of(s, key);
    if (i >= 0) {
        s->seat[i].used = ++s->clock;
        l = tl_layer_ref(s->seat[i].layer);
    }
    pthread_mutex_unlock(&s->lock);
    return l;
}

/* Of those that nobody else holds the one not used longest; -1 = none. Apps hold theirs, so what a
 * page starts with is always there. */
static int least_used(const tl_shelf *s)
{
    int oldest = -1;
    for (int i = 0; i < s->n; i++)
        if (atomic_load(&s->seat[i].layer->refs) == 1 &&
            (oldest < 0 || s->seat[i].used < s->seat[oldest].used))
            oldest = i;
    return oldest;
}

/* Borrows l. */
static void place(tl_shelf *s, tl_layer *l)
{
    pthread_mutex_lock(&s->lock);
    int i = place_of(s, l->key);
    if (i < 0 && s->n >= SEATS)
        i = least_used(s);
    if (i < 0) {
        i = s->n++;
        s->seat = tl_xrealloc(s->seat, (size_t)s->n * sizeof *s->seat);
        s->seat[i] = (seat){NULL, 0};
    }
    tl_layer *old = s->seat[i].layer;
    s->seat[i].layer = tl_layer_ref(l);
    s->seat[i].used = ++s->clock;
    pthread_mutex_unlock(&s->lock);
    tl_layer_unref(old);
}

int tl_shelf_put(tl_shelf *s, tl_layer *l, tl_err *e)
{
    place(s, l);
    return s->store ? tl_planstore_put(s->store, l->key, l->text, strlen(l->text), e) : 0;
}

int tl_shelf_get(tl_shelf *s, const char *key, tl_layer **out, tl_err *e)
{
    tl_buf text = TL_BUF_INIT;
    tl_layer *l = tl_shelf_find(s, key);
    if (l) {
        *out = l;
        return 0;
    }
    int rc = s->store && tl_is_key(key) ? tl_planstore_get(s->store, key, &text, e)
                                        : tl_fail(e, TL_EDATA, "no layer of that key");
    if (!rc)
        rc = tl_layer_read(tl_buf_text(&text), text.len, s->strangers, &l, e);
    tl_buf_free(&text);
    if (rc)
        return rc;
    place(s, l);
    *out = l;
    return 0;
}

int tl_shelf_count(tl_shelf *s)
{
    pthread_mutex_lock(&s->lock);
    int n = s->n;
    pthread_mutex_unlock(&s->lock);
    return n;
}
