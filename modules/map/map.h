/* The map server: layers, their tiles and values, and the page that shows them.
 * SPDX-License-Identifier: MIT
 *
 * One thread runs the loop and answers; evaluation is on a pool. tl_map_open, _add, _run and _close
 * are called on one thread; tl_map_stop, _show and _area may come from any. What knows Lua is lent
 * by the faces. */
#ifndef TL_MAP_H
#define TL_MAP_H

#include <jansson.h>
#include "modules/map/layer.h"

typedef struct tl_map tl_map;

typedef int tl_map_got(void *arg, const tl_script *s, const tl_painter *p, tl_err *e);

/* Called on threads of the pool, several at a time. */
typedef struct tl_map_host {
    void *ctx;
    /* A painter for the calling thread, until `close`. */
    int (*open)(void *ctx, tl_painter *out, tl_err *e);
    void (*close)(void *ctx, tl_painter *p);
    /* Runs the script with these parameters ({} or NULL: as they are by default), and calls got
     * while its images live. */
    int (*run)(void *ctx, const char *path, const json_t *params, tl_map_got *got, void *arg,
               tl_err *e);
    /* What is known of batch jobs: an array, a new reference. NULL: nothing. what: "jobs", or
     * "products" with {"job": its id}: paths, of what is finished so far. */
    int (*jobs)(void *ctx, const char *what, const json_t *args, json_t **out, tl_err *e);
} tl_map_host;

typedef struct tl_map_options {
    const char *bind;         /* NULL = 127.0.0.1 */
    int port;                 /* 0 = any free one */
    int threads;              /* of the pool; 0 = all cores */
    const char *store;        /* a folder or redis://..., NULL: none */
    const char *const *roots; /* folders that plans by HTTP may read from */
    int nroots;
    const char *const *names; /* that requests may ask for, besides localhost: see names.c */
    int nnames;
    int64_t cache;     /* bytes for what was read and for finished tiles; 0 = 256 MiB */
    int watch;         /* scripts are run again when their files change */
    int no_tiles_kept; /* for measuring: finished tiles are not kept */
    tl_map_host host;
} tl_map_options;

int tl_map_open(const tl_map_options *o, tl_map **out, tl_err *e) TL_MUST_CHECK;
/* Runs the script once, here, and shows its outputs as an app. Before tl_map_run. */
int tl_map_add(tl_map *m, const char *path, const json_t *params, tl_err *e) TL_MUST_CHECK;
const char *tl_map_url(const tl_map *m); /* "http://127.0.0.1:8000/", the map's */
void tl_map_run(tl_map *m);              /* until tl_map_stop */
void tl_map_stop(tl_map *m);             /* also from signal handlers */
void tl_map_close(tl_map *m);            /* NULL is allowed */

/* The outputs of s become the layers of the app `name`, at once on every open page. For sessions.
 */
int tl_map_show(tl_map *m, const char *name, const tl_script *s, const tl_painter *p,
                tl_err *e) TL_MUST_CHECK;
/* What was drawn last, as GeoJSON, a new reference; NULL when nothing was. */
json_t *tl_map_area(tl_map *m);

#endif
