/* Sources whose cells depend on the whole Image: see whole.h. SPDX-License-Identifier: MIT */
#include "modules/classes/whole_int.h"
#include "modules/image/order.h"
#include "modules/raster/cells.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FURTHEST   1000000000000000LL /* cells: a plan may say anything, and places are sums */
#define MOST_DEPTH 32 /* sources within one another: each takes room, and calls the next */

typedef struct {
    tl_source s; /* first */
    tl_whole_spec spec;
} whole;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* --- computing the whole ------------------------------------------------------------------------
 * Threads that want cells do the work: each takes the next item of the phase at hand, and waits
 * where none is left and others are not done. */

int64_t tl__blocks(const tl__whole_sampling *m)
{
    int64_t across = (m->domain.w + TL__SIDE - 1) / TL__SIDE;
    return across * ((m->domain.h + TL__SIDE - 1) / TL__SIDE);
}

int64_t tl__row_items(const tl__whole_sampling *m)
{
    return (m->domain.h + TL__ROWS - 1) / TL__ROWS;
}

static int make_maps(tl__whole_sampling *m, tl_err *e)
{
    int64_t cells = m->domain.w * m->domain.h;
    int each = m->spec->op == TL_WHOLE_DISTANCE ? 8 : 4;
    int rc = tl__map_new(&m->cells, cells * each, e);
    if (!rc && each == 4)
        rc = tl__map_new(&m->classes, cells * each, e);
    return rc;
}

static void note(tl__whole_sampling *m, int rc, const tl_err *e)
{
    if (rc && !m->failed.code)
        m->failed = *e;
    pthread_cond_broadcast(&m->turn);
}

static int has_item(const tl__whole_sampling *m)
{
    return m->nagain || (m->next < m->items && (!m->phase->in_order || m->next == m->done));
}

/* With the lock held. */
static int one_item(tl__whole_sampling *m, tl__tools *t, tl_err *e)
{
    const tl__phase *phase = m->phase;
    int64_t k = m->nagain ? m->again[--m->nagain] : m->next++;
    pthread_mutex_unlock(&m->lock);
    int rc = phase->item(m, t, k, e);
    pthread_mutex_lock(&m->lock);
    if (rc == TL_EINTR) {
        m->again = tl_xrealloc(m->again, (size_t)(m->nagain + 1) * sizeof *m->again);
        m->again[m->nagain++] = k;
        pthread_cond_broadcast(&m->turn);
        return rc;
    }
    note(m, rc, e);
    if (++m->done == m->items && !m->failed.code) { /* what failed is never ready */
        m->phase++;
        m->next = m->done = 0;
        m->items = m->phase->item ? m->phase->items(m) : 0;
    }
    return rc;
}

static const tl__phase *phases_of(const tl_whole_spec *p)
{
    return p->op == TL_WHOLE_COMPONENTS ? tl__components_phases
           : p->op == TL_WHOLE_SIEVE    ? tl__sieve_phases
                                        : tl__distance_phases;
}

static void free_maps(tl__whole_sampling *m)
{
    tl__map_free(&m->cells);
    tl__map_free(&m->classes);
    tl__map_free(&m->size);
    tl__map_free(&m->first);
    tl__map_free(&m->target);
}

/* With the lock held. The last that leaves what failed puts it back to its beginning: servers keep
 * a sampling, and what failed (a file on a server, room on a disk) may be there the next time. What
 * was cancelled stays as it is, and the next goes on with it. */
static int leave(tl__whole_sampling *m, int rc, tl_err *e)
{
    int failed = m->failed.code;
    if (failed)
        *e = m->failed;
    if (--m->threads == 0 && failed) {
        free_maps(m);
        m->phase = phases_of(m->spec);
        m->next = m->done = m->items = m->nagain = 0;
        m->failed = (tl_err)TL_ERR_INIT;
    }
    return failed ? failed : rc;
}

/* With the lock held: until something has changed, or for as long as a thread may not notice that
 * it is cancelled. */
static void wait_turn(tl__whole_sampling *m)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += 100000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&m->turn, &m->lock, &t);
}

static int compute(tl__whole_sampling *m, tl_err *e)
{
    tl__tools *t = NULL;
    int rc = 0;
    pthread_mutex_lock(&m->lock);
    int ready = !m->phase->item;
    pthread_mutex_unlock(&m->lock);
    if (ready)
        return 0;
    if ((rc = tl__tools_take(m, &t, e)))
        return rc;
    pthread_mutex_lock(&m->lock);
    m->threads++;
    if (!m->cells.at && !m->failed.code) {
        m->items = m->phase->items(m);
        rc = make_maps(m, e);
        note(m, rc, e);
    }
    while (m->phase->item && !m->failed.code && !rc)
        if (!(rc = tl__go_on(m, e)) && has_item(m))
            rc = one_item(m, t, e);
        else if (!rc)
            wait_turn(m);
    rc = leave(m, rc, e);
    pthread_mutex_unlock(&m->lock);
    tl__tools_free(t); /* it is not needed again */
    return rc;
}

/* --- reading ------------------------------------------------------------------------------------
 */

static int read_band(tl__whole_sampling *m, tl__tools *t, const tl_read *r, int b, tl_rect in,
                     tl_err *e)
{
    int64_t at = (in.y - r->rect.y) * r->rect.w + in.x - r->rect.x, stride = r->rect.w;
    size_t size = tl_dtype_size(m->m.source->bands[r->bands[b]].dtype);
    char *values = (char *)r->values[b] + (size_t)at * size;
    if (m->spec->op != TL_WHOLE_DISTANCE)
        tl__components_get(m, r->bands[b], in, stride, values, r->valid[b] + at);
    else if (m->near_x < 0)
        tl__distance_get(m, in, stride, (double *)(void *)values, r->valid[b] + at);
    else
        return tl__distance_near(m, t, in, stride, (double *)(void *)values, r->valid[b] + at, e);
    return 0;
}

/* What of r lies in the whole when its columns are moved by `move`. */
static int read_part(tl__whole_sampling *m, const tl_read *all, int64_t move, tl_err *e)
{
    tl_read moved = *all, *r = &moved;
    r->rect.x += move;
    tl_rect in = tl_rect_intersect(r->rect, m->domain);
    tl__tools *t = NULL;
    int rc = 0;
    if (in.w <= 0 || in.h <= 0)
        return 0;
    if (m->near_x >= 0)
        rc = tl__tools_take(m, &t, e);
    else
        rc = compute(m, e);
    if (!rc && m->spec->op == TL_WHOLE_GLCM)
        rc = tl__glcm_near(m, t, r, in, e);
    for (int b = 0; b < r->nbands && !rc && m->spec->op != TL_WHOLE_GLCM; b++)
        rc = read_band(m, t, r, b, in, e);
    if (t)
        tl__tools_give(m, t);
    return rc;
}

/* In degrees a cell is where it is a turn of the globe further on, as in a file. */
static int read_cells(const tl_sampling *s, const tl_read *r, tl_err *e)
{
    tl__whole_sampling *m = (tl__whole_sampling *)(uintptr_t)s;
    size_t cells = (size_t)(r->rect.w * r->rect.h);
    int rc = 0;
    for (int b = 0; b < r->nbands; b++) {
        memset(r->values[b], 0, cells * tl_dtype_size(s->source->bands[r->bands[b]].dtype));
        memset(r->valid[b], 0, cells);
    }
    if (m->globe > 0)
        rc = read_part(m, r, m->globe, e);
    if (m->globe > 0 && !rc)
        rc = read_part(m, r, -m->globe, e);
    return rc ? rc : read_part(m, r, 0, e);
}

/* --- sampling -----------------------------------------------------------------------------------
 */

static void tools_free_all(tl__whole_sampling *m)
{
    while (m->idle) {
        tl__tools *t = m->idle;
        m->idle = t->next;
        tl__tools_free(t);
    }
}

static void sampling_destroy(tl_sampling *s)
{
    tl__whole_sampling *m = (tl__whole_sampling *)s;
    tools_free_all(m);
    free_maps(m);
    tl_pass_free(m->pass);
    pthread_mutex_destroy(&m->lock);
    pthread_cond_destroy(&m->turn);
    tl_sampling_end(s);
    free(m->again);
    free(m);
}

/* The area of the source's own grid, in cells of the lattice. */
static int find_domain(const tl_grid *native, const tl_grid *lattice, tl_rect *out, tl_err *e)
{
    int64_t dcol, drow;
    double box[4], to[4];
    tl_grid g = *lattice;
    if (tl_grid_same_lattice(native, lattice, &dcol, &drow)) {
        *out = (tl_rect){native->col + dcol, native->row + drow, native->w, native->h};
        return 0;
    }
    tl_grid_bounds(native, box);
    int rc = native->crs == g.crs ? (memcpy(to, box, sizeof to), 0)
                                  : tl_crs_transform_box(native->crs, g.crs, box, to, e);
    if (!rc)
        rc = tl_grid_cover(&g, to[0], to[1], to[2], to[3], e);
    *out = tl_grid_rect(&g);
    return rc;
}

static int find_cell(tl__whole_sampling *m, tl_err *e)
{
    const tl_whole_spec *p = m->spec;
    m->cell[0] = m->cell[1] = 1;
    m->near_x = m->near_y = p->op == TL_WHOLE_GLCM ? p->radius : -1;
    if (p->op != TL_WHOLE_DISTANCE)
        return 0;
    if (p->metres) {
        tl_grid g = m->m.lattice;
        g.col = m->domain.x, g.row = m->domain.y, g.w = m->domain.w, g.h = m->domain.h;
        tl_cells_metres(&g, m->cell);
        if (!(m->cell[0] > 0 && m->cell[1] > 0))
            return tl_fail(e, TL_ESCRIPT,
                           "distance: how many metres a cell has is not known here; use cells");
    }
    double x = p->max / m->cell[0], y = p->max / m->cell[1];
    if (p->max > 0 && x <= TL__NEAREST && y <= TL__NEAREST) {
        m->near_x = (int64_t)floor(x);
        m->near_y = (int64_t)floor(y);
    }
    return 0;
}

static int sample(tl_source *s, const tl_grid *grid, tl_method method, const char *operation,
                  tl_sampling **out, tl_err *e)
{
    const tl_whole_spec *p = tl_whole_spec_of(s);
    tl__whole_sampling *m = tl_xcalloc(1, sizeof *m);
    tl_dtype type = TL_I32;
    pthread_condattr_t clock;
    (void)operation;
    m->spec = p;
    m->phase = phases_of(p);
    pthread_mutex_init(&m->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&m->turn, &clock);
    pthread_condattr_destroy(&clock);
    tl_sampling_begin(&m->m, s, grid, method, "");
    int rc = find_domain(&s->native, grid, &m->domain, e);
    double turn = tl_crs_turn(grid->crs) / grid->dx;
    m->globe = fabs(turn - round(turn)) < 1e-6 ? (int64_t)round(turn) : 0;
    if (!rc)
        rc = find_cell(m, e);
    if (!rc && m->near_x < 0 && m->domain.w > TL_WHOLE_MOST_CELLS / m->domain.h)
        rc = tl_fail(e, TL_EDATA,
                     "%s of a whole Image of %lld x %lld cells: at most 2^31 - 2 cells; a coarser "
                     "grid has fewer",
                     tl_whole_op_name(p->op), (long long)m->domain.w, (long long)m->domain.h);
    tl_pass_spec spec = {*grid, &p->input, &type, 1, NULL, NULL};
    if (!rc)
        rc = tl_pass_new(&spec, &m->pass, e);
    if (rc) {
        sampling_destroy(&m->m);
        return rc;
    }
    free(m->m.note);
    m->m.note = m->near_x >= 0 ? tl_xasprintf("from at most %lld x %lld cells around",
                                              (long long)m->near_x, (long long)m->near_y)
                               : tl_xasprintf("the whole of %lld x %lld cells is computed first",
                                              (long long)m->domain.w, (long long)m->domain.h);
    m->m.bytes_per_cell = tl_pass_input_bytes_per_cell(m->pass);
    *out = &m->m;
    return 0;
}

static int prepare(tl_sampling *s, int nbands, const int *bands, tl_err *e)
{
    tl__whole_sampling *m = (tl__whole_sampling *)s;
    (void)e;
    m->sizes = m->spec->op == TL_WHOLE_SIEVE;
    for (int b = 0; b < nbands; b++)
        m->sizes |= m->spec->op == TL_WHOLE_COMPONENTS && bands[b] == 1;
    return 0;
}

static int64_t working_bytes(const tl_sampling *s, int64_t w, int64_t h, int n)
{
    const tl__whole_sampling *m = (const tl__whole_sampling *)s;
    int64_t bw = least(TL__SIDE, m->domain.w), bh = least(TL__SIDE, m->domain.h);
    int64_t bytes = 5 * bw * bh + tl_pass_worker_bytes(m->pass, bw, bh);
    (void)n;
    if (m->near_x >= 0)
        return bytes + tl__glcm_bytes() +
               (w + 2 * m->near_x) * (h + 2 * m->near_y) * (int64_t)sizeof(uint32_t);
    /* What is mapped: pages of a block's rows, or some rows of all maps */
    return bytes + 2 * bh * (4 * bw + 8192) + 64 * 20 * m->domain.w + (4 << 20);
}

static int inner(const tl_sampling *s, tl_pass *const **out)
{
    *out = &((const tl__whole_sampling *)s)->pass;
    return 1;
}

/* --- the source ---------------------------------------------------------------------------------
 */

static void destroy(tl_source *s)
{
    tl_node_unref(((whole *)s)->spec.input);
    free(s->bands);
    free(s->uri);
    free(s);
    tl_live(TL_LIVE_SOURCE, -1);
}

static const tl_source_vt vt = {.destroy = destroy,
                                .sample = sample,
                                .sampling_destroy = sampling_destroy,
                                .working_bytes = working_bytes,
                                .read = read_cells,
                                .prepare = prepare,
                                .passes = inner};

const tl_whole_spec *tl_whole_spec_of(const tl_source *s)
{
    return s->vt == &vt ? &((const whole *)s)->spec : NULL;
}

int tl_whole_is_near(const tl_whole_spec *p)
{
    if (p->op == TL_WHOLE_GLCM)
        return 1;
    return p->op == TL_WHOLE_DISTANCE && p->max > 0 && !p->metres && p->max <= TL__NEAREST;
}

static const char *const op_names[TL_WHOLE_OPS] = {"components", "sieve", "distance", "glcm"};

const char *tl_whole_op_name(tl_whole_op op)
{
    return op_names[op];
}

int tl_whole_op_from_name(const char *name, tl_whole_op *out)
{
    for (int op = 0; op < TL_WHOLE_OPS; op++)
        if (strcmp(op_names[op], name) == 0) {
            *out = (tl_whole_op)op;
            return 0;
        }
    return -1;
}

static int check_texture(const tl_whole_spec *p, tl_err *e)
{
    int good = p->levels >= 2 && p->levels <= TL_GLCM_LEVELS && p->radius >= 1 &&
               p->radius <= TL_GLCM_RADIUS && p->step >= 1 && p->step <= 2 * p->radius &&
               p->direction >= -1 && p->direction < 4;
    if (good && p->input->type != TL_F && p->input->lo >= 0 && p->input->hi < p->levels)
        return 0;
    return tl_fail(e, TL_ESCRIPT, "glcm: levels, window or range out of bounds");
}

static int check_spec(const tl_whole_spec *p, tl_err *e)
{
    const tl_node *n = p->input;
    const tl_grid *g = &p->grid;
    if (g->col < -FURTHEST || g->col > FURTHEST || g->row < -FURTHEST || g->row > FURTHEST ||
        g->w > FURTHEST || g->h > FURTHEST)
        return tl_fail(e, TL_EDATA, "%s: the Image lies too far from its grid's anchor",
                       tl_whole_op_name(p->op));
    if (p->op == TL_WHOLE_GLCM)
        return check_texture(p, e);
    if (n->type == TL_F)
        return tl_fail(e, TL_ESCRIPT,
                       "%s wants classes, which are whole numbers or booleans, and this is float: "
                       "compare it, or use round() and astype",
                       tl_whole_op_name(p->op));
    if (n->lo < INT32_MIN || n->hi > INT32_MAX)
        return tl_fail(e, TL_ESCRIPT,
                       "%s takes classes from -2^31 to 2^31 - 1, and these may lie beyond: use "
                       "astype \"int32\"",
                       tl_whole_op_name(p->op));
    if (p->op == TL_WHOLE_SIEVE && (p->threshold < 1 || p->threshold > INT32_MAX))
        return tl_fail(e, TL_ESCRIPT, "sieve: a number of cells from 1 on, got %lld",
                       (long long)p->threshold);
    if (!(p->max >= 0) || isinf(p->max))
        return tl_fail(e, TL_ESCRIPT, "distance: max is a number above 0, got %g", p->max);
    return 0;
}

static int open_files(const tl_node *n)
{
    tl_order o;
    int files = 0;
    tl_node *root = (tl_node *)(uintptr_t)n;
    tl_order_make(&o, &root, 1);
    for (int i = 0; i < o.n; i++)
        if (o.node[i]->kind == TL_NODE_BAND)
            files += o.node[i]->source->nfiles > 1 ? o.node[i]->source->nfiles : 1;
    tl_order_free(&o);
    return (int)least(files, 1000);
}

static void describe(whole *w)
{
    const tl_whole_spec *p = &w->spec;
    int n = p->op == TL_WHOLE_COMPONENTS ? 2 : p->op == TL_WHOLE_GLCM ? TL_GLCM_BANDS : 1;
    int counted = p->op == TL_WHOLE_COMPONENTS || p->op == TL_WHOLE_SIEVE;
    w->s.nbands = n;
    w->s.bands = tl_xcalloc((size_t)n, sizeof *w->s.bands);
    for (int b = 0; b < n; b++)
        w->s.bands[b] =
            (tl_band){.name = tl_intern(p->op == TL_WHOLE_GLCM ? tl_glcm_names[b]
                                        : b                    ? "size"
                                                               : tl_whole_op_name(p->op)),
                      .dtype = p->op == TL_WHOLE_COMPONENTS ? TL_U32
                               : p->op == TL_WHOLE_SIEVE    ? TL_I32
                                                            : TL_F64,
                      .scale = 1,
                      .block_w = TL__SIDE,
                      .block_h = TL__SIDE,
                      .block_bands = 1,
                      .is_classes = counted && b == 0,
                      .is_computed = 1,
                      .own_validity = p->op == TL_WHOLE_DISTANCE,
                      .has_range = counted,
                      .lo = p->op == TL_WHOLE_SIEVE ? p->input->lo : 1,
                      .hi = p->op == TL_WHOLE_SIEVE ? p->input->hi : TL_WHOLE_MOST_CELLS};
}

int tl_whole_new(const tl_whole_spec *spec, tl_source **out, tl_err *e)
{
    static atomic_int serial;
    int depth = tl_order_depth(&(tl_node *){spec->input}, 1), rc = check_spec(spec, e);
    if (!rc && depth > MOST_DEPTH)
        rc =
            tl_fail(e, TL_ESCRIPT,
                    "%s: more than %d of these within one another; write one with an output of its "
                    "own first, and read that",
                    tl_whole_op_name(spec->op), MOST_DEPTH);
    if (rc)
        return rc;
    whole *w = tl_xcalloc(1, sizeof *w);
    w->s.vt = &vt;
    atomic_init(&w->s.refs, 1);
    tl_live(TL_LIVE_SOURCE, 1);
    w->spec = *spec;
    tl_node_ref(w->spec.input);
    w->s.native = spec->grid;
    w->s.uri = tl_xasprintf("%s #%d", tl_whole_op_name(spec->op), atomic_fetch_add(&serial, 1) + 1);
    w->s.nfiles = open_files(spec->input);
    w->s.depth = depth;
    describe(w);
    *out = &w->s;
    return 0;
}
