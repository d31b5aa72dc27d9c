/* Random cells beside full resolution: see check.h. SPDX-License-Identifier: MIT */
#include "repl/check.h"
#include "modules/image/pass.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 1000 /* cells drawn at most for one that is wanted */

/* One resolution: a cell at a time. */
typedef struct {
    const tl_grid *grid;
    tl_pass *pass;
    tl_pass_worker *worker;
    double *value; /* one per band */
    uint8_t *valid;
    void **to;
    uint8_t **to_valid;
} side;

static int open_side(side *s, const tl_image *img, const tl_grid *g, tl_err *e)
{
    size_t n = (size_t)img->nbands;
    tl_node **nodes = tl_xcalloc(n, sizeof *nodes);
    tl_dtype *types = tl_xcalloc(n, sizeof *types);
    s->grid = g;
    s->value = tl_xcalloc(n, sizeof *s->value);
    s->valid = tl_xcalloc(n, 1);
    s->to = tl_xcalloc(n, sizeof *s->to);
    s->to_valid = tl_xcalloc(n, sizeof *s->to_valid);
    for (size_t b = 0; b < n; b++) {
        nodes[b] = img->band[b].node;
        types[b] = TL_F64;
        s->to[b] = &s->value[b];
        s->to_valid[b] = &s->valid[b];
    }
    tl_pass_spec spec = {*g, nodes, types, (int)n, NULL, NULL};
    int rc = tl_pass_new(&spec, &s->pass, e);
    if (!rc)
        rc = tl_pass_worker_new(s->pass, 1, 1, &s->worker, e);
    free(nodes);
    free(types);
    return rc;
}

static void close_side(side *s)
{
    tl_pass_worker_free(s->worker);
    tl_pass_free(s->pass);
    free(s->value);
    free(s->valid);
    free(s->to);
    free(s->to_valid);
}

/* --- random cells ------------------------------------------------------------------------------
 */

static uint64_t next(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static int64_t below(uint64_t *state, int64_t n)
{
    return (int64_t)(next(state) % (uint64_t)n);
}

/* The index of the cell that holds x; a tie at an edge goes to the lower one, as in sampling. */
static double cell_index(double x)
{
    return ceil(x - 1e-9) - 1;
}

/* The cell of `own` under the centre of a cell of the view: 1, or 0 when there is none. */
static int cell_below(const tl_check *c, int64_t col, int64_t row, tl_rect *out)
{
    double x = tl_grid_x(&c->view, (double)col), y = tl_grid_y(&c->view, (double)row);
    tl_err e = TL_ERR_INIT;
    if (c->view.crs != c->own.crs &&
        tl_crs_transform_points(c->view.crs, c->own.crs, 1, &x, &y, &e))
        return 0;
    double i = cell_index((x - c->own.x0) / c->own.dx);
    double j = cell_index((c->own.y0 - y) / c->own.dy);
    if (!(i >= (double)c->own.col && i < (double)(c->own.col + c->own.w) &&
          j >= (double)c->own.row && j < (double)(c->own.row + c->own.h)))
        return 0;
    *out = (tl_rect){(int64_t)i, (int64_t)j, 1, 1};
    return 1;
}

/* --- comparing ---------------------------------------------------------------------------------
 */

static void note_place(const tl_check *c, tl_check_band *b, int64_t col, int64_t row)
{
    tl_err e = TL_ERR_INIT;
    double x = tl_grid_x(&c->view, (double)col), y = tl_grid_y(&c->view, (double)row);
    if (c->view.crs[0] && strcmp(c->view.crs, "LOCAL") != 0)
        (void)!tl_crs_transform_points(c->view.crs, "EPSG:4326", 1, &x, &y, &e);
    b->place[0] = x;
    b->place[1] = y;
}

static void compare(tl_check *c, const side *shown, const side *full, int64_t col, int64_t row)
{
    for (int i = 0; i < c->img->nbands; i++) {
        tl_check_band *b = &c->band[i];
        if (!shown->valid[i] || !full->valid[i]) {
            b->only += shown->valid[i] != full->valid[i];
            continue;
        }
        double d = fabs(shown->value[i] - full->value[i]);
        b->compared++;
        b->equal += d == 0;
        b->sum += d;
        if (d > b->most) {
            b->most = d;
            b->shown = shown->value[i];
            b->full = full->value[i];
            note_place(c, b, col, row);
        }
    }
}

static int look(tl_check *c, side *shown, side *full, tl_err *e)
{
    uint64_t state = c->seed;
    int rc = 0;
    for (int64_t k = 0; k < c->n * TRIES && c->done < c->n && !rc; k++) {
        tl_rect below_it;
        int64_t col = c->view.col + below(&state, c->view.w);
        int64_t row = c->view.row + below(&state, c->view.h);
        if (c->cancel && atomic_load(c->cancel))
            return tl_fail(e, TL_EINTR, "interrupted");
        if (!cell_below(c, col, row, &below_it))
            continue;
        rc = tl_pass_run(shown->worker, (tl_rect){col, row, 1, 1}, shown->to, shown->to_valid, e);
        if (!rc)
            rc = tl_pass_run(full->worker, below_it, full->to, full->to_valid, e);
        if (!rc)
            compare(c, shown, full, col, row);
        c->done += !rc;
    }
    return rc;
}

int tl_check_run(tl_check *c, tl_err *e)
{
    side shown = {0}, full = {0};
    int rc = open_side(&shown, c->img, &c->view, e);
    if (!rc)
        rc = open_side(&full, c->img, &c->own, e);
    if (!rc)
        rc = look(c, &shown, &full, e);
    close_side(&shown);
    close_side(&full);
    return rc;
}
