/* Shared by the files of the map server. SPDX-License-Identifier: MIT
 *
 * Lock order: the apps' lock, then the shelf's, the renderer's, a cache's; each is innermost for
 * the short time it is held, and nothing is evaluated under any of them. */
#ifndef TL_MAP_INT_H
#define TL_MAP_INT_H

#include <pthread.h>
#include "modules/map/cache.h"
#include "modules/map/map.h"
#include "modules/map/render.h"
#include "modules/map/shelf.h"
#include "runtime/http_server.h"
#include "runtime/worker_pool.h"

#define TL__REQUEST_CPU                                                                            \
    10.0 /* seconds that a request spends in strangers' textures and distances */

/* A script, or a session, and what it shows. */
typedef struct tl__app {
    char *id, *path;  /* path NULL: a session's */
    json_t *params;   /* [{"name", "value", "options"}], as by default */
    json_t *given;    /* {name: value} of the command line */
    json_t *layers;   /* what clients are told */
    tl_layer **layer; /* references */
    int nlayers;
    int generation;  /* grows when the script changes */
    char error[800]; /* of the last run; "" */
} tl__app;

/* ORDER tl__serve_metrics of describe.c */
typedef enum tl__count {
    TL_COUNT_TILES,
    TL_COUNT_TILES_KEPT,
    TL_COUNT_TILES_FAILED,
    TL_COUNT_TILES_DROPPED,
    TL_COUNT_BUSY,
    TL_COUNT_RUNS,
    TL_COUNTS
} tl__count;

typedef struct tl__tile_job tl__tile_job;
typedef struct tl__watch tl__watch;

struct tl_map {
    tl_map_options o;
    tl_loop *loop;
    tl_pool *pool;
    tl_http *http;
    tl_planstore *store;
    tl_shelf *shelf;
    tl_limits limits;   /* of one block of a stranger's function */
    tl_trust strangers; /* without a tenant */
    tl_renderer *renderer;
    tl_cache *tiles, *answers;
    char url[80];
    tl__tile_job *flying; /* tiles being made; the loop's */
    struct tl__listener *listeners;
    tl__watch *watch;     /* of scripts' folders; the loop's */
    pthread_mutex_t lock; /* of what follows */
    tl__app *app;
    int napps;
    json_t *area;
    int generation;
    atomic_llong count[TL_COUNTS];
    atomic_llong bucket[12]; /* tiles by time; ORDER put_times of describe.c */
    atomic_llong tile_ns;
    double began;
};

/* --- answers (answer.c) -------------------------------------------------------------------------
 */

/* {"error": ...} with the status that the error means. */
void tl__answer_error(tl_map *m, tl_request *r, const tl_err *e);
void tl__answer_json(tl_request *r, int status, json_t *j); /* takes j */

/* names.c: whether a request with that Host is for this map. */
int tl__map_answers_to(const tl_map_options *o, const char *host);
int tl__status_of(const tl_err *e);
/* What lies behind the last slash: clients are not told where an operator keeps things. */
const char *tl__without_folder(const char *path);

/* A number of the query: dflt where it is not there; TL_EUSAGE unless it lies in lo .. hi. */
int tl__arg_number(tl_request *r, const char *name, double dflt, double lo, double hi, double *out,
                   tl_err *e) TL_MUST_CHECK;
int tl__arg_box(tl_request *r, const char *name, double box[4], tl_err *e) TL_MUST_CHECK;

/* What is computed on the pool and answered as JSON. compute: on the pool; a new reference to the
 * answer, or NULL and *e. arg is the job's own: freed with free() after the end. */
typedef struct tl__job {
    tl_map *map;
    tl_request *r; /* NULL once the client is gone */
    json_t *(*compute)(struct tl__job *j, tl_err *e);
    const atomic_int *cancel;
    char layer[80]; /* a key */
    double lon, lat, zoom;
    double box[4];
    int step, bins;
    json_t *body; /* of the request, parsed; NULL */
    char *text;   /* an app's id, and the like */
    tl_task *task;
    json_t *answer;
    tl_err err;
} tl__job;
tl__job *tl__job_new(tl_map *m, tl_request *r, json_t *(*compute)(tl__job *j, tl_err *e));
void tl__job_free(tl__job *j);
void tl__job_start(tl__job *j); /* answers, now or later; frees j */
/* The request's body as JSON; else it is answered and NULL. */
json_t *tl__body_json(tl_map *m, tl_request *r);
/* The layer the request means by key or name, its key into `key`; else it is answered and -1. */
int tl__which_layer(tl_map *m, tl_request *r, const char *text, char key[80]);

/* --- apps (apps.c) -------------------------------------------------------------------------------
 */

json_t *tl__apps_json(tl_map *m); /* a new reference */
void tl__apps_free(tl_map *m);
/* Runs app `id` with params, answers {"params", "layers"}. */
json_t *tl__app_run(tl_map *m, const char *id, const json_t *params, tl_err *e);
/* The script of the app changed: run again, on the pool, once at a time. Apps stay until the end.
 */
void tl__app_again(tl_map *m, const char *id);
/* The key of the layer of that name, first of all apps; 0 = found. */
int tl__layer_named(tl_map *m, const char *name, char key[80]);
int tl__watch_start(tl_map *m, tl_err *e) TL_MUST_CHECK;
void tl__watch_stop(tl_map *m); /* on the loop's thread */
void tl__watch_free(tl_map *m); /* after the pool */

/* --- events (events.c) ---------------------------------------------------------------------------
 */

void tl__events_serve(tl_map *m, tl_request *r);
/* "event: NAME" with data to every page; takes data. Any thread. */
void tl__event(tl_map *m, const char *name, json_t *data);

/* --- handlers: path behind the first word
 * ---------------------------------------------------------- */

void tl__serve_tile(tl_map *m, tl_request *r, const char *rest);
void tl__serve_tilejson(tl_map *m, tl_request *r, const char *rest);
void tl__serve_wmts(tl_map *m, tl_request *r, const char *rest);
void tl__serve_legend(tl_map *m, tl_request *r, const char *rest);
void tl__serve_identify(tl_map *m, tl_request *r, const char *rest);
void tl__serve_series(tl_map *m, tl_request *r, const char *rest);
void tl__serve_histogram(tl_map *m, tl_request *r, const char *rest);
void tl__serve_style(tl_map *m, tl_request *r, const char *rest);
void tl__serve_plans(tl_map *m, tl_request *r, const char *rest);
void tl__serve_layers(tl_map *m, tl_request *r, const char *rest);
void tl__serve_jobs(tl_map *m, tl_request *r, const char *rest);
void tl__serve_apps(tl_map *m, tl_request *r, const char *rest);
void tl__serve_area(tl_map *m, tl_request *r, const char *rest);
void tl__serve_metrics(tl_map *m, tl_request *r, const char *rest);
/* 0, or -1 when there is no such file. */
int tl__serve_page(tl_map *m, tl_request *r, const char *path);

#endif
