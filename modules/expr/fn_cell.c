/* Variables, and how branches, loops and calls join. SPDX-License-Identifier: MIT */
#include "modules/expr/fn_lower.h"

#include <string.h>

tl_val tl__staying(tl__lower *lw, uint32_t born)
{
    tl_val gone = lw->no;
    for (const tl__context *c = lw->context; c && c->born > born; c = c->outer)
        gone = tl__or(lw, gone, c->gone);
    return tl__not(lw, gone);
}

tl__cell *tl__new_cell(tl__lower *lw, tl__value v, int shared)
{
    tl__cell *c = tl__get(lw, sizeof *c);
    c->v = v;
    c->born = ++lw->clock;
    c->shared = (uint8_t)shared;
    if (shared)
        c->stay = tl__staying(lw, 0);
    return c;
}

/* --- assignment and its log ----------------------------------------------------------------- */

static void set_raw(tl__lower *lw, tl__cell *cell, const tl__value *v)
{
    if (cell->born < lw->branch_born) {
        if (lw->n_undo == lw->cap_undo) {
            lw->cap_undo = lw->cap_undo ? lw->cap_undo * 2 : 64;
            tl__undo *more = tl__get(lw, (size_t)lw->cap_undo * sizeof *more);
            if (lw->n_undo)
                memcpy(more, lw->undo, (size_t)lw->n_undo * sizeof *more);
            lw->undo = more;
        }
        lw->undo[lw->n_undo++] = (tl__undo){cell, cell->v};
    }
    cell->v = *v;
}

void tl__assign(tl__lower *lw, tl__cell *cell, const tl__value *v)
{
    /* A pixel that left may come back to see a cell that a table or function holds. */
    tl_val stay = tl__staying(lw, cell->shared ? 0 : cell->born);
    tl__value chosen = cell->shared && stay == cell->stay ? *v : tl__choose(lw, stay, v, &cell->v);
    set_raw(lw, cell, &chosen);
}

/* --- branches ------------------------------------------------------------------------------- */

typedef struct written {
    tl__cell *cell;
    tl__value base, v;
} written;

/* The cells logged from `from` on, once each, with what they were before; they get that back. */
static written *take_log(tl__lower *lw, int from, int *n)
{
    written *w = tl__get(lw, (size_t)(lw->n_undo - from) * sizeof *w + 1);
    uint32_t mark = ++lw->mark;
    *n = 0;
    for (int k = from; k < lw->n_undo; k++) {
        tl__cell *c = lw->undo[k].cell;
        if (c->marked == mark)
            continue;
        c->marked = mark;
        w[(*n)++] = (written){c, lw->undo[k].old, c->v};
    }
    for (int k = 0; k < *n; k++)
        w[k].cell->v = w[k].base;
    lw->n_undo = from;
    return w;
}

/* Nobody who left the branch can see the cell again. */
static int forgotten(const tl__cell *cell, int dead, uint32_t left_to)
{
    return dead && !cell->shared && cell->born > left_to;
}

static void join(tl__lower *lw, tl_val c, const written *a, int n_a, const written *b, int n_b,
                 int a_dead, int b_dead, uint32_t left_to)
{
    uint32_t mark = ++lw->mark;
    for (int k = 0; k < n_b; k++) {
        b[k].cell->marked = mark;
        b[k].cell->v = b[k].v; /* the other side's, until the join below */
    }
    for (int k = 0; k < n_a; k++) {
        tl__cell *cell = a[k].cell;
        tl__value other = cell->v, v;
        v = forgotten(cell, b_dead, left_to)   ? a[k].v
            : forgotten(cell, a_dead, left_to) ? other
                                               : tl__choose(lw, c, &a[k].v, &other);
        cell->marked = 0;
        cell->v = a[k].base;
        set_raw(lw, cell, &v);
    }
    for (int k = 0; k < n_b; k++) {
        tl__cell *cell = b[k].cell;
        if (cell->marked != mark)
            continue; /* was written on both sides */
        tl__value v = forgotten(cell, b_dead, left_to)   ? b[k].base
                      : forgotten(cell, a_dead, left_to) ? b[k].v
                                                         : tl__choose(lw, c, &b[k].base, &b[k].v);
        cell->v = b[k].base;
        set_raw(lw, cell, &v);
    }
}

typedef struct side {
    written *w;
    int n;
    tl_val active, path, active_before, path_before;
} side;

static side run_side(tl__lower *lw, tl_val c, tl__part *part, void *arg)
{
    side s = {NULL, 0, TL_NONE, TL_NONE, TL_NONE, TL_NONE};
    int from = lw->n_undo;
    lw->active = s.active_before = tl__possible(lw, lw->active, c);
    lw->path = s.path_before = tl__possible(lw, lw->path, c);
    if (part && !tl__dead(lw))
        part(lw, arg);
    s.active = lw->active;
    s.path = lw->path;
    s.w = take_log(lw, from, &s.n);
    return s;
}

void tl__branch(tl__lower *lw, tl_val c, tl__part *body, tl__part *other, void *arg)
{
    int known = tl__known(lw, c);
    if (known >= 0) {
        tl__part *part = known ? body : other;
        if (part)
            part(lw, arg);
        return;
    }
    tl_val active = lw->active, path = lw->path;
    uint32_t branch_born = lw->branch_born;
    lw->branch_born = ++lw->clock;
    side a = run_side(lw, c, body, arg);
    lw->active = active;
    lw->path = path;
    side b = run_side(lw, tl__not(lw, c), other, arg);
    lw->branch_born = branch_born;
    lw->active = a.active == a.active_before && b.active == b.active_before
                     ? active
                     : tl__or(lw, a.active, b.active);
    lw->path =
        a.path == a.path_before && b.path == b.path_before ? path : tl__or(lw, a.path, b.path);
    /* Who left by break or return sees cells that are older than the loop or call. */
    uint32_t left_to = lw->context ? lw->context->born : 0;
    join(lw, c, a.w, a.n, b.w, b.n, tl__known(lw, a.active) == 0, tl__known(lw, b.active) == 0,
         left_to);
}

/* --- contexts ------------------------------------------------------------------------------- */

void tl__enter_context(tl__lower *lw, tl__context *c, int is_call)
{
    c->outer = lw->context;
    c->born = ++lw->clock;
    c->gone = c->broke = lw->no;
    c->is_call = is_call;
    lw->context = c;
}

void tl__leave_context(tl__lower *lw, tl__context *c)
{
    lw->context = c->outer;
}
