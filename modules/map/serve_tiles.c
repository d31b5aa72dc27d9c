/* /tiles: pictures of layers. SPDX-License-Identifier: MIT
 *
 * A tile that several clients ask for is made once; when all of them are gone it is not made. */
#include "modules/map/encode.h"
#include "modules/map/map_int.h"
#include "runtime/cancel.h"
#include "runtime/mem.h"
#include "runtime/watch.h"

#include <stdlib.h>
#include <string.h>

enum format { PNG, WEBP };
static const char *const types[] = {"image/png", "image/webp"};

typedef struct want {
    char key[80]; /* of the layer */
    int named;    /* asked by a name, whose layer may change */
    int step, scale;
    enum format format;
    tl_tile t;
} want;

typedef struct waiter {
    tl__tile_job *job;
    tl_request *r;
    int named;
    struct waiter *prev, *next;
} waiter;

struct tl__tile_job {
    tl_map *map;
    want w;
    char id[160];
    tl_task *task;
    waiter *waiters;
    tl_blob *blob;
    tl_err err;
    double seconds;
    tl__tile_job *prev, *next;
};

/* --- the address
 * ---------------------------------------------------------------------------------- */

/* A number of digits alone, up to `end`; -1 when it is something else. */
static int64_t digits(const char **p, char end)
{
    const char *s = *p;
    int64_t x = 0;
    int n = 0;
    for (; *s >= '0' && *s <= '9' && n < 12; s++, n++)
        x = 10 * x + (*s - '0');
    if (n == 0 || (end && *s != end))
        return -1;
    *p = s + (end != '\0');
    return x;
}

/* "LAYER/z/x/y.png", "y@2x.webp"; the layer's text into name. */
static int parse(const char *rest, want *w, char name[200])
{
    const char *p = strchr(rest, '/');
    size_t n = p ? (size_t)(p - rest) : 0;
    if (n == 0 || n >= 200)
        return -1;
    memcpy(name, rest, n);
    name[n] = '\0';
    p++;
    int64_t z = digits(&p, '/');
    if (z < 0 || z > TL_TILE_DEEPEST)
        return -1;
    w->t.z = (int)z;
    w->t.x = digits(&p, '/');
    w->t.y = w->t.x < 0 ? -1 : digits(&p, '\0');
    w->scale = 1;
    if (w->t.y >= 0 && (strncmp(p, "@2x", 3) == 0 || strncmp(p, "@4x", 3) == 0)) {
        w->scale = p[1] - '0';
        p += 3;
    }
    w->format = strcmp(p, ".webp") == 0 ? WEBP : PNG;
    return tl_tile_exists(w->t) && (w->format == WEBP || strcmp(p, ".png") == 0) ? 0 : -1;
}

/* --- making
 * --------------------------------------------------------------------------------------- */

static int make(tl__tile_job *j, const atomic_int *cancel, tl_err *e)
{
    tl_layer *l = NULL;
    void *rgba = NULL;
    int side = TL_TILE_SIDE * j->w.scale;
    int rc = tl_shelf_get(j->map->shelf, j->w.key, &l, e);
    if (!rc && j->w.step >= l->nsteps)
        rc = tl_fail(e, TL_EUSAGE, "t is 0 to %d", l->nsteps - 1);
    if (!rc)
        rc = tl_try_alloc(&rgba, (size_t)side * (size_t)side, 4, "a tile", e);
    if (!rc)
        rc = tl_render_tile(j->map->renderer, l, j->w.step, j->w.t, j->w.scale, cancel, rgba, e);
    if (!rc)
        rc = j->w.format == PNG ? tl_encode_png(rgba, side, side, &j->blob, e)
                                : tl_encode_webp(rgba, side, side, &j->blob, e);
    free(rgba);
    tl_layer_unref(l);
    return rc;
}

static void run(void *ctx, const atomic_int *cancel)
{
    tl__tile_job *j = ctx;
    double began = tl_now();
    tl_allow_cpu(TL__REQUEST_CPU);
    if (make(j, cancel, &j->err) == 0)
        tl_cache_put(j->map->tiles, j->id, strlen(j->id), j->blob);
    j->seconds = tl_now() - began;
}

/* ORDER put_times of describe.c */
static void note_time(tl_map *m, double seconds)
{
    static const double upper[] = {.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 5};
    int k = 0;
    while (k < 11 && seconds > upper[k])
        k++;
    atomic_fetch_add(&m->bucket[k], 1);
    atomic_fetch_add(&m->tile_ns, (long long)(seconds * 1e9));
}

/* --- answering
 * ------------------------------------------------------------------------------------ */

static void tag_of(const want *w, char tag[40])
{
    snprintf(tag, 40, "\"%.32s\"", w->key);
}

static void say_age(tl_request *r, const want *w, int named)
{
    char tag[40];
    tag_of(w, tag);
    tl_request_say(r, "ETag", tag);
    tl_request_say(r, "Cache-Control", named ? "no-cache" : "public, max-age=31536000, immutable");
}

static void send_tile(tl_request *r, const want *w, int named, const tl_blob *b)
{
    say_age(r, w, named);
    tl_request_say(r, "Access-Control-Allow-Origin", "*");
    tl_request_answer(r, 200, types[w->format], b->data, b->size);
}

static void done(void *ctx, int ran)
{
    tl__tile_job *j = ctx;
    tl_map *m = j->map;
    *(j->prev ? &j->prev->next : &m->flying) = j->next;
    if (j->next)
        j->next->prev = j->prev;
    if (!j->waiters)
        atomic_fetch_add(&m->count[TL_COUNT_TILES_DROPPED], 1);
    else if (j->blob)
        note_time(m, j->seconds);
    else
        atomic_fetch_add(&m->count[TL_COUNT_TILES_FAILED], 1);
    if (!j->blob && (!ran || !j->err.code))
        tl_fail(&j->err, TL_ETRANSIENT, "the server is ending");
    for (waiter *k = j->waiters, *next; k; k = next) {
        next = k->next;
        if (j->blob)
            send_tile(k->r, &j->w, k->named, j->blob);
        else
            tl__answer_error(m, k->r, &j->err);
        free(k);
    }
    tl_blob_unref(j->blob);
    free(j);
}

static void gone(void *ctx)
{
    waiter *k = ctx;
    tl__tile_job *j = k->job;
    *(k->prev ? &k->prev->next : &j->waiters) = k->next;
    if (k->next)
        k->next->prev = k->prev;
    free(k);
    if (!j->waiters)
        tl_task_cancel(j->task);
}

static void wait_for(tl__tile_job *j, tl_request *r, int named)
{
    waiter *k = tl_xcalloc(1, sizeof *k);
    *k = (waiter){j, r, named, NULL, j->waiters};
    if (k->next)
        k->next->prev = k;
    j->waiters = k;
    tl_request_hold(r, gone, k);
}

/* One that somebody still waits for: a cancelled one ends with an error. */
static tl__tile_job *in_flight(tl_map *m, const char *id)
{
    tl__tile_job *j = m->flying;
    while (j && (!j->waiters || strcmp(j->id, id) != 0))
        j = j->next;
    return j;
}

static void start(tl_map *m, tl_request *r, const want *w, const char *id)
{
    tl_err e = TL_ERR_INIT;
    tl__tile_job *j = tl_xcalloc(1, sizeof *j);
    j->map = m;
    j->w = *w;
    snprintf(j->id, sizeof j->id, "%s", id);
    j->task = tl_pool_submit(m->pool, &(tl_task_spec){run, done, j});
    if (!j->task) {
        free(j);
        tl_fail(&e, TL_ETRANSIENT, "too many tiles are waiting; try again in a second");
        tl__answer_error(m, r, &e);
        return;
    }
    j->next = m->flying;
    if (j->next)
        j->next->prev = j;
    m->flying = j;
    wait_for(j, r, w->named);
}

static int unchanged(tl_request *r, const want *w)
{
    char tag[40];
    const char *have = tl_request_header(r, "If-None-Match");
    tag_of(w, tag);
    return have && strcmp(have, tag) == 0;
}

void tl__serve_tile(tl_map *m, tl_request *r, const char *rest)
{
    want w = {0};
    char name[200], id[160];
    double step;
    tl_err e = TL_ERR_INIT;
    if (parse(rest, &w, name))
        tl_fail(&e, TL_EUSAGE, "tiles/LAYER/z/x/y.png, z up to %d, also .webp and y@2x",
                TL_TILE_DEEPEST);
    else if (tl__arg_number(r, "t", 0, 0, 1e6, &step, &e) == 0 && step != (int)step)
        tl_fail(&e, TL_EUSAGE, "t is a whole number");
    if (e.code) {
        tl__answer_error(m, r, &e);
        return;
    }
    w.named = !tl_is_key(name);
    w.step = (int)step;
    if (tl__which_layer(m, r, name, w.key))
        return;
    atomic_fetch_add(&m->count[TL_COUNT_TILES], 1);
    if (unchanged(r, &w)) {
        say_age(r, &w, w.named);
        tl_request_answer(r, 304, NULL, "", 0);
        return;
    }
    snprintf(id, sizeof id, "%s/%d/%d/%lld/%lld@%d.%d", w.key, w.step, w.t.z, (long long)w.t.x,
             (long long)w.t.y, w.scale, w.format);
    tl_blob *b = tl_cache_get(m->tiles, id, strlen(id));
    tl__tile_job *j = b ? NULL : in_flight(m, id);
    if (b) {
        atomic_fetch_add(&m->count[TL_COUNT_TILES_KEPT], 1);
        send_tile(r, &w, w.named, b);
    } else if (j) {
        wait_for(j, r, w.named);
    } else {
        start(m, r, &w, id);
    }
    tl_blob_unref(b);
}
