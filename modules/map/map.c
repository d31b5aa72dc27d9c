/* The map server: opening, routing, closing. See map.h. SPDX-License-Identifier: MIT */
#include "modules/map/map.h"
#include "modules/batch/crew.h"
#include "modules/map/map_int.h"
#include "modules/raster/raster.h"
#include "modules/raster/roots.h"
#include "runtime/jail.h"
#include "runtime/log.h"
#include "runtime/mem.h"
#include "runtime/watch.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_BYTES  ((int64_t)256 << 20)
#define ANSWER_BYTES ((int64_t)16 << 20)
#define MOST_WAITING 256
#define MOST_BODY    ((size_t)8 << 20)
#define MOST_BODIES  ((size_t)64 << 20)

/* --- routing -------------------------------------------------------------------------------------
 */

static void healthz(tl_map *m, tl_request *r, const char *rest)
{
    tl_jail_counts n = tl_jail_count(m->strangers.jail);
    (void)rest;
    tl__answer_json(r, 200,
                    json_pack("{s:s, s:{s:i, s:i, s:i, s:i, s:i}}", "status", "ok", "jail",
                              "workers", n.workers, "busy", n.busy, "killed", (int)n.killed,
                              "crashed", (int)n.crashed, "refused", (int)n.refused));
}

static void events(tl_map *m, tl_request *r, const char *rest)
{
    (void)rest;
    tl__events_serve(m, r);
}

static const struct route {
    const char *method, *word;
    int deep; /* something follows the word */
    void (*serve)(tl_map *m, tl_request *r, const char *rest);
} routes[] = {
    {"GET", "tiles", 1, tl__serve_tile},
    {"GET", "tilejson", 1, tl__serve_tilejson},
    {"GET", "layers", 0, tl__serve_layers},
    {"GET", "identify", 0, tl__serve_identify},
    {"GET", "series", 0, tl__serve_series},
    {"GET", "histogram", 0, tl__serve_histogram},
    {"GET", "legend", 1, tl__serve_legend},
    {"GET", "wmts", 0, tl__serve_wmts},
    {"POST", "style", 1, tl__serve_style},
    {"POST", "apps", 1, tl__serve_apps},
    {"POST", "plans", 0, tl__serve_plans},
    {"GET", "plans", 1, tl__serve_plans},
    {"POST", "area", 0, tl__serve_area},
    {"GET", "area", 0, tl__serve_area},
    {"GET", "jobs", 0, tl__serve_jobs},
    {"POST", "jobs", 1, tl__serve_jobs},
    {"GET", "events", 0, events},
    {"GET", "healthz", 0, healthz},
    {"GET", "metrics", 0, tl__serve_metrics},
};

static void not_found(tl_request *r, int known)
{
    tl__answer_json(r, known ? 405 : 404,
                    json_pack("{s:{s:s, s:s}}", "error", "code", "usage", "message",
                              known ? "not with this method" : "there is nothing at this address"));
}

static void not_ours(tl_request *r)
{
    tl__answer_json(r, 421,
                    json_pack("{s:{s:s, s:s}}", "error", "code", "usage", "message",
                              "this map answers to localhost; behind a proxy start it with --host "
                              "NAME, or have the proxy ask for 127.0.0.1"));
}

static void handle(void *ctx, tl_request *r)
{
    tl_map *m = ctx;
    if (!tl__map_answers_to(&m->o, tl_request_header(r, "Host"))) {
        not_ours(r);
        return;
    }
    const char *path = tl_request_path(r), *word = path + (*path == '/');
    size_t n = strcspn(word, "/");
    const char *rest = word[n] == '/' ? word + n + 1 : NULL;
    int known = 0;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        const struct route *t = &routes[i];
        if (strlen(t->word) != n || strncmp(t->word, word, n) != 0 || t->deep != (rest != NULL))
            continue;
        known = 1;
        if (strcmp(t->method, tl_request_method(r)) == 0) {
            t->serve(m, r, rest ? rest : "");
            return;
        }
    }
    if (known || strcmp(tl_request_method(r), "GET") != 0 || tl__serve_page(m, r, word))
        not_found(r, known);
}

/* --- life ----------------------------------------------------------------------------------------
 */

/* How far: their functions run in the jail, their files lie below the roots. */
static int trust_strangers(tl_map *m, tl_err *e)
{
    m->limits = tl_limits_of(TL_PROFILE_PIXEL);
    m->limits.cpu_soft = 1; /* of one block */
    m->limits.cpu_hard = 2;
    m->limits.wall = 20;
    m->strangers = (tl_trust){.jail = tl_jail_shared(), .limits = &m->limits};
    return tl_roots_new(m->o.roots, m->o.nroots, &m->strangers.roots, e);
}

static int open_parts(tl_map *m, tl_err *e)
{
    const tl_map_options *o = &m->o;
    tl_pool_options pool = {.threads = o->threads > 0 ? o->threads : tl_cores(),
                            .most = MOST_WAITING,
                            .thread_end = tl_raster_thread_done};
    tl_http_options http = {.bind = o->bind ? o->bind : "127.0.0.1",
                            .port = o->port,
                            .most_body = MOST_BODY,
                            .most_bodies = MOST_BODIES,
                            .handle = handle,
                            .ctx = m};
    int64_t cache = o->cache > 0 ? o->cache : CACHE_BYTES;
    int rc = o->store ? tl_planstore_open(o->store, &m->store, e) : 0;
    if (!rc)
        rc = trust_strangers(m, e);
    m->shelf = tl_shelf_new(m->store, &m->strangers);
    m->renderer = tl_renderer_new(cache / 2);
    m->tiles = tl_cache_new(o->no_tiles_kept ? 0 : cache / 4);
    m->answers = tl_cache_new(ANSWER_BYTES);
    tl_raster_set_cache(cache / 4);
    if (!rc)
        rc = tl_loop_new(&m->loop, e);
    if (!rc)
        rc = tl_pool_new(m->loop, &pool, &m->pool, e);
    if (!rc)
        rc = tl_http_open(m->loop, &http, &m->http, e);
    if (rc)
        return rc;
    int v6 = strchr(http.bind, ':') != NULL;
    snprintf(m->url, sizeof m->url, "http://%s%s%s:%d/", v6 ? "[" : "", http.bind, v6 ? "]" : "",
             tl_http_port(m->http));
    return 0;
}

int tl_map_open(const tl_map_options *o, tl_map **out, tl_err *e)
{
    tl_map *m = tl_xcalloc(1, sizeof *m);
    m->o = *o;
    m->began = tl_now();
    pthread_mutex_init(&m->lock, NULL);
    int rc = open_parts(m, e);
    if (rc)
        tl_map_close(m);
    else
        *out = m;
    return rc;
}

const char *tl_map_url(const tl_map *m)
{
    return m->url;
}

void tl_map_run(tl_map *m)
{
    tl_err e = TL_ERR_INIT;
    if (m->o.watch && tl__watch_start(m, &e))
        tl_log(TL_LOG_WARN, "--watch: %s", e.message);
    tl_loop_run(m->loop);
}

void tl_map_stop(tl_map *m)
{
    tl_loop_stop(m->loop);
}

/* No more requests, then no more work, then the loop. */
void tl_map_close(tl_map *m)
{
    if (!m)
        return;
    tl__watch_stop(m);
    tl_http_close(m->http);
    tl_pool_free(m->pool);
    tl_loop_free(m->loop);
    tl__watch_free(m);
    tl__apps_free(m);
    tl_renderer_free(m->renderer);
    tl_shelf_free(m->shelf);
    tl_planstore_close(m->store);
    tl_cache_free(m->tiles);
    tl_cache_free(m->answers);
    json_decref(m->area);
    pthread_mutex_destroy(&m->lock);
    free(m);
}
