/* Tiles of a plan into a store: see work.h. SPDX-License-Identifier: MIT */
#include "modules/batch/work.h"
#include "modules/batch/crew.h"
#include "modules/batch/engine.h"
#include "modules/batch/merge.h"
#include "runtime/mem.h"

#include <stdlib.h>

/* One pass's list of work: chunks of tiles that one thread does in a row, because they share blocks
 * of the file. */
typedef struct {
    tl_work *work;
    const tl_plan_pass *pass;
    int64_t across, down;     /* tiles */
    int64_t chunk_w, chunk_h; /* tiles of a chunk */
    int64_t chunks_across, chunks;
    int64_t from;         /* number of the first chunk in work */
    int64_t skip, behind; /* tiles left out of that chunk; of the last one, at its end */
    int64_t to;           /* number of the last chunk in work */
} pass_job;

typedef struct {
    tl_pass_worker *worker;
    tl_codec **codec; /* per member of the pass */
    void **values;    /* per output of the pass: a whole tile */
    uint8_t **valid;
    void **value_at; /* the rows in work */
    uint8_t **valid_at;
} tools;

/* --- one thread's tools
 * ------------------------------------------------------------------------------ */

static int make_buffers(const pass_job *j, tools *t, tl_err *e)
{
    const tl_plan *p = j->work->plan;
    size_t n = (size_t)j->pass->nouts, cells = (size_t)j->pass->tile * (size_t)j->pass->tile;
    t->codec = tl_xcalloc((size_t)j->pass->nmembers, sizeof *t->codec);
    t->values = tl_xcalloc(n, sizeof *t->values);
    t->valid = tl_xcalloc(n, sizeof *t->valid);
    t->value_at = tl_xcalloc(n, sizeof *t->value_at);
    t->valid_at = tl_xcalloc(n, sizeof *t->valid_at);
    int rc = 0;
    for (int m = 0; m < j->pass->nmembers && !rc; m++) {
        const tl_plan_member *at = &j->pass->member[m];
        const tl_plan_output *o = &p->out[at->output];
        const tl_product *before = m ? &p->out[at[-1].output].part : NULL;
        if (before && tl_codec_alike(before, &o->part))
            t->codec[m] = t->codec[m - 1];
        else
            rc = tl_codec_new(&o->part, &t->codec[m], e);
        for (int b = at->first; b < at->first + o->nbands && !rc; b++) {
            rc = tl_try_alloc(&t->values[b], cells, tl_dtype_size(o->product.dtype), "a tile", e);
            if (!rc)
                rc = tl_try_alloc((void **)&t->valid[b], cells, 1, "a tile's mask", e);
        }
    }
    return rc;
}

static int start(void *ctx, void **out, tl_err *e)
{
    pass_job *j = ctx;
    tools *t = tl_xcalloc(1, sizeof *t);
    *out = t;
    int rows = j->work->rows;
    int rc = tl_pass_worker_new(j->pass->pass, j->pass->tile,
                                rows < j->pass->tile ? rows : j->pass->tile, &t->worker, e);
    return rc ? rc : make_buffers(j, t, e);
}

static void stop(void *ctx, void *arg)
{
    pass_job *j = ctx;
    tools *t = arg;
    for (int m = 0; t->codec && m < j->pass->nmembers; m++)
        if (m == 0 || t->codec[m] != t->codec[m - 1])
            tl_codec_free(t->codec[m]);
    for (int b = 0; t->values && b < j->pass->nouts; b++) {
        free(t->values[b]);
        free(t->valid[b]);
    }
    tl_pass_worker_free(t->worker);
    free(t->codec);
    free(t->values);
    free(t->valid);
    free(t->value_at);
    free(t->valid_at);
    free(t);
}

/* --- one tile
 * ---------------------------------------------------------------------------------------- */

static const tl_plan_output *output_of(const pass_job *j, int member)
{
    return &j->work->plan->out[j->pass->member[member].output];
}

/* Points at the rows from y on of what the pass computes. */
static void point_at_rows(const pass_job *j, tools *t, int64_t y, int64_t w)
{
    for (int m = 0; m < j->pass->nmembers; m++) {
        const tl_plan_output *o = output_of(j, m);
        size_t size = tl_dtype_size(o->product.dtype);
        int first = j->pass->member[m].first;
        for (int b = first; b < first + o->nbands; b++) {
            t->value_at[b] = (char *)t->values[b] + (size_t)(y * w) * size;
            t->valid_at[b] = t->valid[b] + y * w;
        }
    }
}

/* In strips of rows, so that the inputs' buffers stay within the memory plan. */
static int compute_tile(const pass_job *j, tools *t, tl_rect r, tl_err *e)
{
    int64_t rows = j->work->rows;
    for (int64_t y = 0; y < r.h; y += rows) {
        tl_rect strip = {r.x, r.y + y, r.w, r.h - y < rows ? r.h - y : rows};
        point_at_rows(j, t, y, r.w);
        int rc = tl_pass_run(t->worker, strip, t->value_at, t->valid_at, e);
        if (rc)
            return rc;
    }
    return 0;
}

/* Number of a member's first part in the store. */
static int part_of(const pass_job *j, int member)
{
    const tl_plan_output *o = output_of(j, member);
    return o->first_part + j->pass->member[member].step * o->nparts;
}

static int store_tile(const pass_job *j, tools *t, int m, int64_t tx, int64_t ty, tl_rect r,
                      tl_err *e)
{
    tl_work *g = j->work;
    const tl_plan_output *o = output_of(j, m);
    int rc = 0;
    for (int k = 0; k < o->nparts && !rc; k++) {
        int b = j->pass->member[m].first + k;
        tl_packed packed;
        rc = tl_codec_encode(t->codec[m], (int)r.w, (int)r.h, (const void *const *)t->values + b,
                             (const uint8_t *const *)t->valid + b, &packed, e);
        if (!rc)
            rc = tl_store_put(g->store, part_of(j, m) + k, 0, tx, ty, &packed, e);
        if (!rc)
            atomic_fetch_add(&g->bytes, (long)(packed.len + packed.mask_len));
    }
    tl_pyramid *y = g->pyramid[j->pass->member[m].output];
    int first = j->pass->member[m].first;
    if (!rc && y)
        rc = tl_pyramid_climb(y, t->codec[m], (tl_tile_at){0, tx, ty}, t->values + first,
                              t->valid + first, e);
    return rc;
}

static int kept(const pass_job *j, int64_t tx, int64_t ty)
{
    for (int m = 0; m < j->pass->nmembers; m++)
        for (int k = 0; k < output_of(j, m)->nparts; k++)
            if (!tl_store_has(j->work->store, part_of(j, m) + k, 0, tx, ty))
                return 0;
    return 1;
}

/* For errors. */
static int name_tile(const pass_job *j, int64_t tx, int64_t ty, tl_err *e)
{
    const tl_plan_output *o = output_of(j, 0);
    int step = j->pass->member[0].step, dated = o->nsteps > 1;
    return tl_err_prefix(e, "block %lld,%lld of %s%s%s", (long long)tx, (long long)ty, o->name,
                         dated ? ", " : "", dated ? o->ids[step] : "");
}

static int do_tile(const pass_job *j, tools *t, int64_t tx, int64_t ty, tl_err *e)
{
    tl_work *g = j->work;
    int tile = j->pass->tile, rc = 0;
    tl_rect all = tl_grid_rect(&j->pass->grid);
    tl_rect r = tl_rect_intersect(all, (tl_rect){all.x + tx * tile, all.y + ty * tile, tile, tile});
    if (kept(j, tx, ty)) {
        atomic_fetch_add(&g->kept, 1);
        atomic_fetch_add(&g->done, 1);
        return 0;
    }
    rc = compute_tile(j, t, r, e);
    if (rc)
        return name_tile(j, tx, ty, e);
    for (int m = 0; m < j->pass->nmembers && !rc; m++)
        rc = store_tile(j, t, m, tx, ty, r, e);
    if (rc)
        return rc;
    atomic_fetch_add(&g->cells, (long)(r.w * r.h));
    atomic_fetch_add(&g->done, 1);
    return 0;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static tl_rect chunk_rect(const pass_job *j, int64_t k) /* in tiles */
{
    int64_t x, y;
    tl_place_by_quarters(k, j->chunks_across, j->chunks / j->chunks_across, &x, &y);
    x *= j->chunk_w;
    y *= j->chunk_h;
    return (tl_rect){x, y, least(j->chunk_w, j->across - x), least(j->chunk_h, j->down - y)};
}

static int do_chunk(void *ctx, void *arg, int64_t k, tl_err *e)
{
    const pass_job *j = ctx;
    k += j->from;
    tl_rect r = chunk_rect(j, k);
    int64_t n = k == j->from ? j->skip : 0, end = r.w * r.h - (k == j->to ? j->behind : 0);
    int rc = 0;
    for (; n < end && !rc; n++) {
        if (j->work->cancel && atomic_load(j->work->cancel))
            return tl_fail(e, TL_EINTR, "interrupted");
        int64_t x, y;
        tl_place_by_quarters(n, r.w, r.h, &x, &y);
        rc = do_tile(j, arg, r.x + x, r.y + y, e);
    }
    return rc;
}

/* --- passes
 * -------------------------------------------------------------------------------------------- */

/* Tiles that one block of the file covers belong to one thread: each thread has its own handles and
 * would decode the block again. */
static void choose_chunks(pass_job *j)
{
    int64_t w = 1, h = 1, tile = j->pass->tile;
    for (int i = 0; i < tl_pass_samplings(j->pass->pass); i++) {
        const tl_sampling *m = tl_pass_sampling(j->pass->pass, i);
        double k = m->coarser > 0 ? m->coarser : 1;
        int64_t bw = (int64_t)(m->source->bands[0].block_w / k),
                bh = (int64_t)(m->source->bands[0].block_h / k);
        w = (bw + tile - 1) / tile > w ? (bw + tile - 1) / tile : w;
        h = (bh + tile - 1) / tile > h ? (bh + tile - 1) / tile : h;
    }
    j->chunk_w = w < j->across ? w : j->across;
    j->chunk_h = h < 4 ? h : 4; /* a file of one single block would leave one thread alone */
    j->chunk_h = j->chunk_h < j->down ? j->chunk_h : j->down;
    j->chunks_across = (j->across + j->chunk_w - 1) / j->chunk_w;
}

static void look_at_pass(const tl_plan *p, int k, pass_job *j)
{
    j->pass = &p->pass[k];
    j->across = (j->pass->grid.w + j->pass->tile - 1) / j->pass->tile;
    j->down = (j->pass->grid.h + j->pass->tile - 1) / j->pass->tile;
    choose_chunks(j);
    j->chunks = j->chunks_across * ((j->down + j->chunk_h - 1) / j->chunk_h);
}

int64_t tl_work_tiles(const tl_plan *p)
{
    int64_t n = 0;
    for (int k = 0; k < p->npasses; k++) {
        pass_job j = {0};
        look_at_pass(p, k, &j);
        n += j.across * j.down;
    }
    return n;
}

/* Sets from, skip, to, behind for tiles first..end - 1 of the pass. */
static void cut(pass_job *j, int64_t first, int64_t end)
{
    int64_t before = 0;
    j->from = -1;
    for (int64_t k = 0; k < j->chunks && before < end; k++) {
        tl_rect r = chunk_rect(j, k);
        int64_t after = before + r.w * r.h;
        if (j->from < 0 && after > first) {
            j->from = k;
            j->skip = first - before;
        }
        j->to = k;
        j->behind = after > end ? after - end : 0;
        before = after;
    }
}

static void tick(void *ctx)
{
    const tl_work *w = ((pass_job *)ctx)->work;
    w->tick(w->ctx);
}

/* Nothing more comes to the overviews of the pass's outputs, however it ended. */
static int rest(const tl_work *w, const tl_plan_pass *pass, int rc, tl_err *e)
{
    for (int m = 0; m < pass->nmembers; m++) {
        tl_err second = TL_ERR_INIT;
        tl_pyramid *y = w->pyramid[pass->member[m].output];
        if (y && tl_pyramid_rest(y, rc ? &second : e) && !rc)
            rc = e->code;
    }
    return rc;
}

/* Tiles first..end - 1 of the pass. */
static int run_pass(tl_work *w, pass_job *j, int64_t first, int64_t end, tl_err *e)
{
    j->work = w;
    cut(j, first, end);
    tl_crew crew = {.threads = w->threads,
                    .items = j->to - j->from + 1,
                    .ctx = j,
                    .start = start,
                    .item = do_chunk,
                    .stop = stop,
                    .tick = w->tick ? tick : NULL,
                    .cancel = w->cancel};
    int rc = tl_crew_run(&crew, e);
    return rest(w, j->pass, rc, e);
}

int tl_work_run(tl_work *w, int64_t first, int64_t end, tl_err *e)
{
    int64_t before = 0;
    int rc = 0;
    for (int k = 0; k < w->plan->npasses && !rc; k++) {
        pass_job j = {0};
        look_at_pass(w->plan, k, &j);
        int64_t tiles = j.across * j.down;
        int64_t from = first > before ? first - before : 0, to = least(end - before, tiles);
        if (from < to)
            rc = run_pass(w, &j, from, to, e);
        before += tiles;
    }
    return rc;
}

int tl_work_pyramids(tl_work *w, tl_err *e)
{
    int rc = 0;
    w->pyramid = tl_xcalloc((size_t)w->plan->n, sizeof *w->pyramid);
    for (int i = 0; i < w->plan->n && !rc; i++) {
        const tl_product *p = &w->plan->out[i].product;
        if (tl_product_levels(p) > 1)
            rc = tl_pyramid_new(p, w->plan->out[i].first_part, w->store, w->threads, w->pyramids,
                                &w->pyramid[i], e);
    }
    return rc;
}

/* --- products --------------------------------------------------------------------------------- */

typedef struct {
    const tl_product *product;
    tl_pyramid *pyramid;
} overview_job;

static int start_codec(void *ctx, void **codec, tl_err *e)
{
    return tl_codec_new(((overview_job *)ctx)->product, (tl_codec **)codec, e);
}

static int build_overviews(void *ctx, void *codec, int64_t k, tl_err *e)
{
    (void)k;
    return tl_pyramid_finish(((overview_job *)ctx)->pyramid, codec, e);
}

static void stop_codec(void *ctx, void *codec)
{
    (void)ctx;
    tl_codec_free(codec);
}

/* Overviews whose tiles no task had together. Each thread takes the next one that can be made. */
static int finish_overviews(const tl_work *w, int i, tl_err *e)
{
    overview_job j = {&w->plan->out[i].product, w->pyramid[i]};
    int threads = w->threads > 0 ? w->threads : 1;
    tl_crew crew = {.threads = threads,
                    .items = threads,
                    .ctx = &j,
                    .start = start_codec,
                    .item = build_overviews,
                    .stop = stop_codec,
                    .cancel = w->cancel};
    return j.pyramid ? tl_crew_run(&crew, e) : 0;
}

int tl_work_merge(tl_work *w, int i, const char *dir, tl_err *e)
{
    const tl_plan_output *o = &w->plan->out[i];
    int rc = finish_overviews(w, i, e);
    char *path = tl_product_path(o, dir);
    tl_cube cube = {.p = &o->product,
                    .ntimes = o->ntimes,
                    .times = o->times,
                    .ids = (const char *const *)o->ids};
    if (!rc)
        rc = tl_format_is_arrays(o->product.format)
                 ? tl_merge_cube(w->store, o->first_part, &cube, path, e)
                 : tl_merge(w->store, o->first_part, &o->product, path,
                            w->threads > 0 ? w->threads : 1, e);
    free(path);
    return rc;
}

void tl_work_end(tl_work *w)
{
    for (int i = 0; w->pyramid && i < w->plan->n; i++)
        tl_pyramid_free(w->pyramid[i]);
    free(w->pyramid);
    w->pyramid = NULL;
    tl_store_close(w->store);
    w->store = NULL;
}
