/* Evaluating layers: see render.h. SPDX-License-Identifier: MIT */
#include "modules/map/render.h"
#include "modules/image/pass.h"
#include "modules/map/picture.h"
#include "modules/map/reads.h"
#include "runtime/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SIDE         TL_TILE_SIDE
#define CELLS        (SIDE * SIDE)
#define MOST_PASSES  96
#define MOST_WORKERS 4  /* that wait with a pass, */
#define MOST_IDLE    16 /* and with all: their buffers take a megabyte or two each */

/* A layer's step on one lattice. */
typedef struct kept {
    tl_layer *layer; /* a reference */
    int step;
    double cell;
    tl_pass *pass;
    int users;
    uint64_t used;
    tl_pass_worker *idle[MOST_WORKERS];
    int nidle;
} kept;

struct tl_renderer {
    pthread_mutex_t lock; /* of what follows; no pass is made or run under it */
    kept *kept[MOST_PASSES];
    uint64_t clock;
    int nidle; /* of all */
    tl_reads *reads;
};

tl_renderer *tl_renderer_new(int64_t read_bytes)
{
    tl_renderer *r = tl_xcalloc(1, sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    r->reads = tl_reads_new(read_bytes);
    return r;
}

static void free_kept(kept *k)
{
    if (!k)
        return;
    for (int i = 0; i < k->nidle; i++)
        tl_pass_worker_free(k->idle[i]);
    tl_pass_free(k->pass);
    tl_layer_unref(k->layer);
    free(k);
}

void tl_renderer_free(tl_renderer *r)
{
    if (!r)
        return;
    for (int i = 0; i < MOST_PASSES; i++)
        free_kept(r->kept[i]);
    tl_reads_free(r->reads);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

void tl_renderer_count(tl_renderer *r, tl_cache_counts *reads, int *passes)
{
    tl_reads_count(r->reads, reads);
    *passes = 0;
    pthread_mutex_lock(&r->lock);
    for (int i = 0; i < MOST_PASSES; i++)
        *passes += r->kept[i] != NULL;
    pthread_mutex_unlock(&r->lock);
}

/* --- passes --------------------------------------------------------------------------------------
 */

static int same(const kept *k, const tl_layer *l, int step, double cell)
{
    return k && k->step == step && k->cell == cell &&
           (k->layer == l || strcmp(k->layer->key, l->key) == 0);
}

static kept *find(tl_renderer *r, const tl_layer *l, int step, double cell)
{
    for (int i = 0; i < MOST_PASSES; i++)
        if (same(r->kept[i], l, step, cell)) {
            r->kept[i]->users++;
            r->kept[i]->used = ++r->clock;
            return r->kept[i];
        }
    return NULL;
}

/* Puts k into a free seat, or for the one not used longest; that one is returned. Where all are in
 * use k is kept by its user alone: seat -1. */
static kept *seat(tl_renderer *r, kept *k)
{
    int best = -1;
    for (int i = 0; i < MOST_PASSES && (best < 0 || r->kept[best]); i++)
        if (!r->kept[i] ||
            (r->kept[i]->users == 0 && (best < 0 || r->kept[i]->used < r->kept[best]->used)))
            best = i;
    k->users = 1;
    k->used = ++r->clock;
    kept *old = best >= 0 ? r->kept[best] : NULL;
    if (old)
        r->nidle -= old->nidle;
    if (best >= 0)
        r->kept[best] = k;
    else
        k->users = -1; /* freed by its user */
    return old;
}

static int make(tl_layer *l, int step, const tl_grid *g, kept **out, tl_err *e)
{
    static const tl_dtype bytes[3] = {TL_U8, TL_U8, TL_U8};
    tl_pass_spec spec = {*g, l->step[step].picture, bytes, 3, NULL, NULL};
    tl_pass *pass = NULL;
    int rc = tl_pass_new(&spec, &pass, e);
    if (rc)
        return rc;
    kept *k = tl_xcalloc(1, sizeof *k);
    *k = (kept){.layer = tl_layer_ref(l), .step = step, .cell = g->dx, .pass = pass};
    *out = k;
    return 0;
}

static int borrow(tl_renderer *r, tl_layer *l, int step, const tl_grid *g, kept **out,
                  tl_pass_worker **w, tl_err *e)
{
    kept *k, *mine = NULL, *old = NULL;
    *w = NULL;
    pthread_mutex_lock(&r->lock);
    k = find(r, l, step, g->dx);
    pthread_mutex_unlock(&r->lock);
    if (!k) {
        int rc = make(l, step, g, &mine, e);
        if (rc)
            return rc;
        pthread_mutex_lock(&r->lock);
        k = find(r, l, step, g->dx); /* somebody else was faster */
        if (!k) {
            k = mine;
            mine = NULL;
            old = seat(r, k);
        }
        pthread_mutex_unlock(&r->lock);
        free_kept(mine);
        free_kept(old);
    }
    pthread_mutex_lock(&r->lock);
    if (k->nidle) {
        *w = k->idle[--k->nidle];
        r->nidle--;
    }
    pthread_mutex_unlock(&r->lock);
    *out = k;
    return 0;
}

/* One of the pass not used longest, where too many wait. */
static tl_pass_worker *superfluous(tl_renderer *r)
{
    kept *oldest = NULL;
    for (int i = 0; i < MOST_PASSES && r->nidle > MOST_IDLE; i++) {
        kept *k = r->kept[i];
        if (k && k->nidle && (!oldest || k->used < oldest->used))
            oldest = k;
    }
    if (!oldest)
        return NULL;
    r->nidle--;
    return oldest->idle[--oldest->nidle];
}

static void give_back(tl_renderer *r, kept *k, tl_pass_worker *w)
{
    pthread_mutex_lock(&r->lock);
    int alone = k->users < 0;
    if (w && !alone && k->nidle < MOST_WORKERS) {
        k->idle[k->nidle++] = w;
        r->nidle++;
        w = superfluous(r);
    }
    if (!alone)
        k->users--;
    pthread_mutex_unlock(&r->lock);
    tl_pass_worker_free(w);
    if (alone)
        free_kept(k);
}

/* --- tiles ---------------------------------------------------------------------------------------
 */

typedef struct planes {
    uint8_t value[3][CELLS], valid[3][CELLS], rgba[4 * CELLS];
} planes;

/* Square (x, y) of a tile of several. */
static int square(tl_pass_worker *w, planes *p, const tl_grid *g, int x, int y, uint8_t *rgba,
                  tl_err *e)
{
    void *values[3] = {p->value[0], p->value[1], p->value[2]};
    uint8_t *valid[3] = {p->valid[0], p->valid[1], p->valid[2]};
    tl_rect rect = {g->col + x * SIDE, g->row + y * SIDE, SIDE, SIDE};
    int rc = tl_pass_run(w, rect, values, valid, e);
    if (rc)
        return rc;
    tl_image_to_rgba((const uint8_t *const *)values, (const uint8_t *const *)valid, CELLS, p->rgba);
    for (int row = 0; row < SIDE; row++)
        memcpy(rgba + 4 * ((y * SIDE + row) * g->w + x * SIDE), p->rgba + 4 * row * SIDE, 4 * SIDE);
    return 0;
}

static int squares(tl_pass_worker *w, const tl_grid *g, int scale, const atomic_int *cancel,
                   uint8_t *rgba, tl_err *e)
{
    planes *p = tl_xmalloc(sizeof *p);
    int rc = 0;
    for (int k = 0; k < scale * scale && !rc; k++)
        rc = cancel && atomic_load(cancel) ? tl_fail(e, TL_EINTR, "nobody waits for the tile")
                                           : square(w, p, g, k % scale, k / scale, rgba, e);
    free(p);
    return rc;
}

static int render(tl_renderer *r, tl_layer *l, int step, tl_tile t, int scale,
                  const atomic_int *cancel, uint8_t *rgba, tl_err *e)
{
    tl_grid g;
    kept *k = NULL;
    tl_pass_worker *w = NULL;
    int rc = tl_tile_grid(t, scale, &g, e);
    if (!rc)
        rc = borrow(r, l, step, &g, &k, &w, e);
    if (rc)
        return rc;
    if (!w)
        rc = tl_pass_worker_new(k->pass, SIDE, SIDE, &w, e);
    if (!rc)
        rc = squares(w, &g, scale, cancel, rgba, e);
    give_back(r, k, w);
    return rc;
}

/* Frees the passes that nobody uses, and what they hold. */
static void make_room(tl_renderer *r)
{
    for (int i = 0; i < MOST_PASSES; i++) {
        pthread_mutex_lock(&r->lock);
        kept *k = r->kept[i] && r->kept[i]->users == 0 ? r->kept[i] : NULL;
        if (k) {
            r->kept[i] = NULL;
            r->nidle -= k->nidle;
        }
        pthread_mutex_unlock(&r->lock);
        free_kept(k);
    }
}

int tl_render_tile(tl_renderer *r, tl_layer *l, int step, tl_tile t, int scale,
                   const atomic_int *cancel, uint8_t *rgba, tl_err *e)
{
    int rc = render(r, l, step, t, scale, cancel, rgba, e);
    if (rc != TL_ENOMEM)
        return rc;
    make_room(r); /* whole Images of other zooms take it */
    *e = (tl_err)TL_ERR_INIT;
    return render(r, l, step, t, scale, cancel, rgba, e);
}

/* --- values --------------------------------------------------------------------------------------
 */

static int compute_values(tl_node *const *nodes, int n, const tl_grid *g, double *values,
                          uint8_t *valid, tl_err *e)
{
    size_t cells = (size_t)(g->w * g->h);
    tl_dtype *types = tl_xcalloc((size_t)n, sizeof *types);
    void **v = tl_xcalloc((size_t)n, sizeof *v);
    uint8_t **ok = tl_xcalloc((size_t)n, sizeof *ok);
    tl_pass *pass = NULL;
    tl_pass_worker *w = NULL;
    for (int i = 0; i < n; i++) {
        types[i] = TL_F64;
        v[i] = values + (size_t)i * cells;
        ok[i] = valid + (size_t)i * cells;
    }
    tl_pass_spec spec = {*g, nodes, types, n, NULL, NULL};
    int rc = tl_pass_new(&spec, &pass, e);
    if (!rc)
        rc = tl_pass_worker_new(pass, g->w, g->h, &w, e);
    if (!rc)
        rc = tl_pass_run(w, tl_grid_rect(g), v, ok, e);
    tl_pass_worker_free(w);
    tl_pass_free(pass);
    free(types);
    free(v);
    free(ok);
    return rc;
}

int tl_render_values(tl_renderer *r, tl_node *const *nodes, int n, const tl_grid *g, double *values,
                     uint8_t *valid, tl_err *e)
{
    int rc = compute_values(nodes, n, g, values, valid, e);
    if (rc != TL_ENOMEM)
        return rc;
    make_room(r);
    *e = (tl_err)TL_ERR_INIT;
    return compute_values(nodes, n, g, values, valid, e);
}
