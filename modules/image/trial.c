/* Trying a function: see trial.h. SPDX-License-Identifier: MIT */
#include "modules/image/trial.h"
#include "modules/image/synthetic.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIDE = 128, TIMED = 256, TIMED_MANY = 64, MANY_BANDS = 32 };

static const tl_rect whole = {0, 0, SIDE, SIDE};

/* An image being evaluated. */
typedef struct {
    const tl_image *img;
    tl_dtype *dtypes;
    tl_pass *pass;
    tl_pass_worker *worker;
    int64_t timed; /* side of the block that is timed, and of the worker */
    void **values; /* the whole block */
    uint8_t **valid;
    void **part; /* any block */
    uint8_t **part_valid;
} side;

static void free_side(side *s)
{
    for (int b = 0; s->values && b < s->img->nbands; b++) {
        free(s->values[b]);
        free(s->valid[b]);
        free(s->part[b]);
        free(s->part_valid[b]);
    }
    tl_pass_worker_free(s->worker);
    tl_pass_free(s->pass);
    free(s->values);
    free(s->valid);
    free(s->part);
    free(s->part_valid);
    free(s->dtypes);
}

static int alloc_side(side *s, tl_err *e)
{
    size_t n = (size_t)s->img->nbands, all = SIDE * SIDE, part = (size_t)(s->timed * s->timed);
    int rc = 0;
    s->values = tl_xcalloc(n, sizeof *s->values);
    s->valid = tl_xcalloc(n, sizeof *s->valid);
    s->part = tl_xcalloc(n, sizeof *s->part);
    s->part_valid = tl_xcalloc(n, sizeof *s->part_valid);
    part = part < all ? all : part;
    for (size_t b = 0; b < n && !rc; b++) {
        rc = tl_try_alloc((void *)&s->values[b], all, 8, "a block", e);
        if (!rc)
            rc = tl_try_alloc((void *)&s->valid[b], all, 1, "a block", e);
        if (!rc)
            rc = tl_try_alloc((void *)&s->part[b], part, 8, "a block", e);
        if (!rc)
            rc = tl_try_alloc((void *)&s->part_valid[b], part, 1, "a block", e);
    }
    return rc;
}

/* The whole block of edge values. like: whose types it is computed in, so that twins compare. */
static int open_side(side *s, const tl_image *img, const tl_image *like, tl_err *e)
{
    static const tl_grid lattice = {"", 0, 0, 1, 1, 0, 0, SIDE, SIDE};
    int n = img->nbands;
    *s = (side){.img = img, .timed = n > MANY_BANDS ? TIMED_MANY : TIMED};
    s->dtypes = tl_xcalloc((size_t)n, sizeof *s->dtypes);
    tl_node **nodes = tl_xcalloc((size_t)n, sizeof(tl_node *));
    for (int b = 0; b < n; b++) {
        tl_type t = like->band[b].node->type;
        nodes[b] = img->band[b].node;
        s->dtypes[b] = t == TL_F ? TL_F64 : TL_I64;
    }
    tl_pass_spec spec = {lattice, nodes, s->dtypes, n, NULL, NULL};
    int64_t most = s->timed > SIDE ? s->timed : SIDE;
    int rc = alloc_side(s, e);
    if (!rc)
        rc = tl_pass_new(&spec, &s->pass, e);
    if (!rc)
        rc = tl_pass_worker_new(s->pass, most, most, &s->worker, e);
    if (!rc)
        rc = tl_pass_run(s->worker, whole, s->values, s->valid, e);
    free(nodes);
    return rc;
}

/* --- comparing ----------------------------------------------------------------------------------
 */

/* n cells of all bands, bit for bit. */
static int same_cells(const side *a, void *const *x, uint8_t *const *x_valid, int64_t from,
                      void *const *y, uint8_t *const *y_valid, int64_t to, int64_t n)
{
    for (int b = 0; b < a->img->nbands; b++)
        for (int64_t i = 0; i < n; i++) {
            if (x_valid[b][from + i] != y_valid[b][to + i])
                return 0;
            if (x_valid[b][from + i] && ((int64_t *)x[b])[from + i] != ((int64_t *)y[b])[to + i])
                return 0;
        }
    return 1;
}

/* The block by itself, against the same cells of the whole. */
static int compare_part(side *s, tl_rect r, int *equal, tl_err *e)
{
    int rc = tl_pass_run(s->worker, r, s->part, s->part_valid, e);
    for (int64_t y = 0; y < r.h && !rc && *equal; y++)
        *equal = same_cells(s, s->values, s->valid, (r.y + y) * SIDE + r.x, s->part, s->part_valid,
                            y * r.w, r.w);
    return rc;
}

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

/* Cuts at random places until a block is small, or by chance. */
static int compare_split(side *s, tl_rect r, uint32_t *seed, int *equal, tl_err *e)
{
    int wide = r.w >= r.h;
    int64_t length = wide ? r.w : r.h;
    if (length < 2 || (length < SIDE / 2 && next(seed) % 4 == 0))
        return compare_part(s, r, equal, e);
    int64_t at = 1 + next(seed) % (length - 1);
    tl_rect a = r, b = r;
    if (wide) {
        a.w = at;
        b = (tl_rect){r.x + at, r.y, r.w - at, r.h};
    } else {
        a.h = at;
        b = (tl_rect){r.x, r.y + at, r.w, r.h - at};
    }
    int rc = compare_split(s, a, seed, equal, e);
    return rc ? rc : compare_split(s, b, seed, equal, e);
}

static int64_t raised(const side *s, tl_pass_trap *first)
{
    tl_pass_trap trap = {0}; /* there is one call */
    int n = tl_pass_traps(s->pass, &trap, 1);
    if (n && first)
        *first = trap;
    return n ? trap.count : 0;
}

static int check_splits(side *s, int *equal, tl_err *e)
{
    uint32_t seed = 20240229;
    int64_t before = raised(s, NULL);
    int rc = compare_split(s, whole, &seed, equal, e);
    if (!rc && raised(s, NULL) != 2 * before)
        *equal = 0;
    static const tl_rect one[] = {{0, 0, 1, 1}, {SIDE - 1, SIDE - 1, 1, 1}, {63, 14, 1, 1}};
    for (int k = 0; k < 3 && !rc; k++)
        rc = compare_part(s, one[k], equal, e);
    return rc;
}

/* Blocks where nothing is valid. Counts after this no longer say what the whole block raised. */
static int check_invalid(side *a, side *b, int *equal, tl_err *e)
{
    tl_rect r = {0, TL_SYNTHETIC_INVALID - 2 * SIDE, SIDE / 4, SIDE / 4};
    int rc = tl_pass_run(a->worker, r, a->part, a->part_valid, e);
    if (!rc && b)
        rc = tl_pass_run(b->worker, r, b->part, b->part_valid, e);
    if (!rc && b && *equal)
        *equal = same_cells(a, a->part, a->part_valid, 0, b->part, b->part_valid, 0, r.w * r.h);
    return rc;
}

/* --- timing
 * ------------------------------------------------------------------------------------------- */

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Median of three, in ns per pixel. What making up the numbers takes is left out. */
static int measure(side *s, const tl_source *source, double *ns, tl_err *e)
{
    int64_t took[3];
    tl_rect r = {0, 2 * TL_SYNTHETIC_ORDINARY, s->timed, s->timed};
    for (int k = 0; k < 3; k++) {
        int64_t spent = tl_synthetic_spent(source), start = now();
        if (tl_pass_run(s->worker, r, s->part, s->part_valid, e))
            return e->code;
        took[k] = now() - start - (tl_synthetic_spent(source) - spent);
    }
    qsort(took, 3, sizeof took[0], ascending);
    *ns = (double)took[1] / (double)(r.w * r.h);
    return 0;
}

/* --- the report
 * ---------------------------------------------------------------------------------------- */

static void copy_cells(const side *s, int64_t at, tl_trial_cell *to)
{
    for (int b = 0; b < s->img->nbands; b++) {
        to[b] =
            (tl_trial_cell){.type = s->dtypes[b] == TL_F64 ? TL_F : TL_I, .valid = s->valid[b][at]};
        memcpy(&to[b].x, (char *)s->values[b] + at * 8, 8);
    }
}

static void copy_pixel(const side *in, const side *out, int64_t at, tl_trial_cell *to)
{
    copy_cells(in, at, to);
    copy_cells(out, at, to + in->img->nbands);
}

static int any_valid(const side *s, int64_t at)
{
    for (int b = 0; b < s->img->nbands; b++)
        if (s->valid[b][at])
            return 1;
    return 0;
}

static int all_valid(const side *s, int64_t at)
{
    for (int b = 0; b < s->img->nbands; b++)
        if (!s->valid[b][at])
            return 0;
    return 1;
}

/* Four pixels with a result, then two whose inputs are there and whose result is not; fewer when
 * there are not so many. */
static void sample(tl_trial *t, const side *in, const side *out)
{
    int columns = in->img->nbands + out->img->nbands;
    for (int with = 1; with >= 0; with--)
        for (int64_t k = 0; k < SIDE * SIDE && t->nrows < (with ? 4 : TL_TRIAL_ROWS); k++) {
            int64_t at = k * 3331 % (SIDE * SIDE); /* odd: every cell once */
            if (all_valid(in, at) && any_valid(out, at) == with)
                copy_pixel(in, out, at, t->cell + t->nrows++ * columns);
        }
}

static void describe(tl_trial *t, const side *in, const side *out)
{
    t->pixels = SIDE * SIDE;
    for (int64_t i = 0; i < SIDE * SIDE; i++)
        t->valid += any_valid(out, i);
    t->raised = raised(out, &t->first);
    if (t->raised)
        copy_pixel(in, out, t->first.row * SIDE + t->first.col, t->raised_cell);
    sample(t, in, out);
}

/* What only a program can do, such as near, has no twin: t->twin becomes NULL. */
static int open_twin(tl_trial *t, side *twin, tl_err *e)
{
    int rc = open_side(twin, t->twin, t->result, e);
    if (rc)
        t->twin = NULL;
    if (rc == TL_ESCRIPT)
        *e = (tl_err)TL_ERR_INIT;
    return rc;
}

static int run(tl_trial *t, side *in, side *out, side *twin, tl_err *e)
{
    const tl_source *source = t->input->band[0].node->source;
    int rc = open_side(in, t->input, t->input, e);
    if (!rc)
        rc = open_side(out, t->result, t->result, e);
    if (!rc && twin && open_twin(t, twin, e))
        twin = NULL;
    if (!rc)
        rc = e->code;
    if (rc)
        return rc;
    describe(t, in, out);
    if (twin)
        t->equal =
            raised(twin, NULL) == t->raised &&
            same_cells(out, out->values, out->valid, 0, twin->values, twin->valid, 0, SIDE * SIDE);
    rc = check_splits(out, &t->split_equal, e);
    if (!rc && twin)
        rc = check_splits(twin, &t->split_equal, e);
    if (!rc)
        rc = check_invalid(out, twin, &t->equal, e);
    if (!rc)
        rc = measure(out, source, &t->ns, e);
    if (!rc && twin)
        rc = measure(twin, source, &t->ns_twin, e);
    return rc;
}

int tl_trial_run(tl_trial *t, tl_err *e)
{
    side in = {.img = t->input}, out = {.img = t->result}, twin = {.img = t->twin};
    int with_twin = t->twin != NULL;
    t->equal = t->split_equal = 1;
    if (t->twin && t->twin->nbands != t->result->nbands)
        return tl_fail(e, TL_ESCRIPT, "interpreted, the function has %d results, compiled %d",
                       t->twin->nbands, t->result->nbands);
    int rc = run(t, &in, &out, with_twin ? &twin : NULL, e);
    free_side(&in);
    free_side(&out);
    if (with_twin)
        free_side(&twin);
    return rc;
}
