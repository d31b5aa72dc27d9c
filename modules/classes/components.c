/* Connected components of classes, and the sieve of small ones. SPDX-License-Identifier: MIT
 *
 * A cell's number is 1 + its place in the whole, row by row. While components are found, `cells`
 * holds for each valid cell the number of an earlier cell of its component, or its own: a forest of
 * union-find in which the smaller number is always the root, so that the root of a component is its
 * first cell whatever was united first. One walk over all cells then replaces these numbers by
 * those of the components, counted in the order of their first cells; what a cell points to has its
 * own already.
 *
 * The sieve joins each small component to the largest of those that touch it (of several the
 * first), and where that is small too, to what that one is joined to. In rings of small ones, and
 * where nothing touches it, it stays: the rules of gdal_sieve, which leaves the choice among equals
 * open. */
#include "modules/classes/whole_int.h"

/* --- phase 1: each block by itself --------------------------------------------------------------
 */

static uint32_t find(uint32_t *cell, uint32_t k) /* numbers from 1 */
{
    while (cell[k - 1] != k) {
        cell[k - 1] = cell[cell[k - 1] - 1];
        k = cell[k - 1];
    }
    return k;
}

static void unite(uint32_t *cell, uint32_t a, uint32_t b)
{
    a = find(cell, a);
    b = find(cell, b);
    if (a < b)
        cell[b - 1] = a;
    else
        cell[a - 1] = b;
}

/* Cells with the numbers a and b touch. */
static void meet(const tl__whole_sampling *m, int64_t a, int64_t b)
{
    uint32_t *cell = m->cells.at;
    const int32_t *class = m->classes.at;
    if (cell[a - 1] && cell[b - 1] && class[a - 1] == class[b - 1])
        unite(cell, (uint32_t)a, (uint32_t)b);
}

static int64_t number_of(const tl__whole_sampling *m, int64_t x, int64_t y)
{
    return (y - m->domain.y) * m->domain.w + x - m->domain.x + 1;
}

static void forget_rows(const tl__whole_sampling *m, int64_t row, int64_t n)
{
    int64_t w = 4 * m->domain.w;
    tl__map_forget(&m->cells, (row - m->domain.y) * w, n * w);
    tl__map_forget(&m->classes, (row - m->domain.y) * w, n * w);
}

static int one_block(tl__whole_sampling *m, tl__tools *t, int64_t k, tl_err *e)
{
    tl_rect r = tl__block(m, k);
    uint32_t *cell = m->cells.at;
    int32_t *class = m->classes.at;
    int64_t w = m->domain.w;
    int rc = tl__whole_load(m, t, r, e);
    if (rc)
        return rc;
    for (int64_t y = 0, i = 0; y < r.h; y++)
        for (int64_t x = 0; x < r.w; x++, i++) {
            int64_t at = number_of(m, r.x + x, r.y + y);
            class[at - 1] = t->value[i];
            cell[at - 1] = t->valid[i] ? (uint32_t)at : 0;
            if (!t->valid[i])
                continue;
            if (x > 0)
                meet(m, at, at - 1);
            if (y > 0)
                meet(m, at, at - w);
            if (m->spec->diagonal && y > 0 && x > 0)
                meet(m, at, at - w - 1);
            if (m->spec->diagonal && y > 0 && x < r.w - 1)
                meet(m, at, at - w + 1);
        }
    for (int64_t y = 0; y < r.h; y++) /* what a cell points to is a root by now */
        for (int64_t x = 0, at = number_of(m, r.x, r.y + y); x < r.w; x++, at++)
            if (cell[at - 1])
                cell[at - 1] = cell[cell[at - 1] - 1];
    forget_rows(m, r.y, r.h);
    return 0;
}

/* --- phase 2: borders of blocks -----------------------------------------------------------------
 */

static void join_row(const tl__whole_sampling *m, int64_t y)
{
    int64_t w = m->domain.w, diagonal = m->spec->diagonal, first = y * w + 1;
    if (y % TL__SIDE == 0 && y > 0)
        for (int64_t x = 0; x < w; x++) {
            meet(m, first + x, first + x - w);
            if (diagonal && x > 0)
                meet(m, first + x, first + x - w - 1);
            if (diagonal && x < w - 1)
                meet(m, first + x, first + x - w + 1);
        }
    for (int64_t x = TL__SIDE; x < w; x += TL__SIDE) {
        meet(m, first + x, first + x - 1);
        if (diagonal && y > 0) {
            meet(m, first + x, first + x - w - 1);
            meet(m, first + x - 1, first + x - w);
        }
    }
}

/* The row after those of item k. */
static int64_t end_of(const tl__whole_sampling *m, int64_t k)
{
    return (k + 1) * TL__ROWS < m->domain.h ? (k + 1) * TL__ROWS : m->domain.h;
}

static int join_blocks(tl__whole_sampling *m, tl__tools *t, int64_t k, tl_err *e)
{
    (void)t, (void)e;
    for (int64_t y = k * TL__ROWS; y < end_of(m, k); y++)
        join_row(m, y);
    forget_rows(m, m->domain.y, end_of(m, k)); /* roots lie anywhere before */
    return 0;
}

/* --- phase 3: numbers, sizes --------------------------------------------------------------------
 */

static int number_cells(tl__whole_sampling *m, tl__tools *t, int64_t k, tl_err *e)
{
    uint32_t *cell = m->cells.at, n = k ? (uint32_t)m->ncomponents : 0;
    int64_t w = m->domain.w, end = end_of(m, k);
    (void)t;
    for (int64_t i = k * TL__ROWS * w; i < end * w; i++)
        if (cell[i])
            cell[i] = cell[i] == (uint32_t)(i + 1) ? ++n : cell[cell[i] - 1];
    forget_rows(m, m->domain.y, end);
    m->ncomponents = n;
    if (end < m->domain.h)
        return 0;
    int rc = m->sizes ? tl__map_new(&m->size, 4 * (m->ncomponents + 1), e) : 0;
    if (!rc && m->spec->op == TL_WHOLE_SIEVE)
        rc = tl__map_new(&m->first, 4 * (m->ncomponents + 1), e);
    if (!rc && m->spec->op == TL_WHOLE_SIEVE)
        rc = tl__map_new(&m->target, 8 * (m->ncomponents + 1), e);
    return rc;
}

static void forget_tables(const tl__whole_sampling *m)
{
    tl__map_forget(&m->size, 0, m->size.file.bytes);
    tl__map_forget(&m->first, 0, m->first.file.bytes);
    tl__map_forget(&m->target, 0, m->target.file.bytes);
}

/* Calls f for each row of item k. */
static int each_row(tl__whole_sampling *m, int64_t k, void (*f)(tl__whole_sampling *m, int64_t y))
{
    for (int64_t y = k * TL__ROWS; y < end_of(m, k); y++)
        f(m, y);
    forget_rows(m, m->domain.y + k * TL__ROWS - 1, TL__ROWS + 1);
    forget_tables(m);
    return 0;
}

static void count_row(tl__whole_sampling *m, int64_t y)
{
    const uint32_t *cell = (uint32_t *)m->cells.at + y * m->domain.w;
    const int32_t *class = (int32_t *)m->classes.at + y * m->domain.w;
    uint32_t *size = m->size.at;
    int32_t *first = m->first.at;
    for (int64_t x = 0; x < m->domain.w; x++)
        if (cell[x]) {
            size[cell[x]]++;
            if (first)
                first[cell[x]] = class[x];
        }
}

static int count_cells(tl__whole_sampling *m, tl__tools *t, int64_t k, tl_err *e)
{
    (void)t, (void)e;
    return m->sizes ? each_row(m, k, count_row) : 0;
}

/* --- sieve --------------------------------------------------------------------------------------
 * target holds two numbers for each component: the largest neighbour of small ones, or 0; and what
 * it becomes: 0 = not known yet. */

#define BUSY UINT32_MAX

static void neighbours(const tl__whole_sampling *m, uint32_t a, uint32_t b)
{
    const uint32_t *size = m->size.at;
    uint32_t *best = (uint32_t *)m->target.at + 2 * (size_t)a;
    if (!a || !b || a == b || size[a] >= m->spec->threshold)
        return;
    uint32_t mine = size[b], theirs = *best ? size[*best] : 0;
    if (mine > theirs || (mine == theirs && *best > b))
        *best = b;
}

static void both(const tl__whole_sampling *m, uint32_t a, uint32_t b)
{
    neighbours(m, a, b);
    neighbours(m, b, a);
}

static void look_at_row(tl__whole_sampling *m, int64_t y)
{
    int64_t w = m->domain.w, diagonal = m->spec->diagonal;
    const uint32_t *cell = (uint32_t *)m->cells.at + y * w, *above = cell - w;
    for (int64_t x = 0; x < w; x++) {
        if (x > 0)
            both(m, cell[x], cell[x - 1]);
        if (y > 0)
            both(m, cell[x], above[x]);
        if (diagonal && y > 0 && x > 0)
            both(m, cell[x], above[x - 1]);
        if (diagonal && y > 0 && x < w - 1)
            both(m, cell[x], above[x + 1]);
    }
}

static int find_neighbours(tl__whole_sampling *m, tl__tools *t, int64_t k, tl_err *e)
{
    (void)t, (void)e;
    return each_row(m, k, look_at_row);
}

/* What a becomes: the first large one on its way, or 0 when there is none. */
static uint32_t follow(const tl__whole_sampling *m, uint32_t a)
{
    const uint32_t *size = m->size.at;
    uint32_t *to = m->target.at, p = a;
    for (;;) {
        if (size[p] >= m->spec->threshold)
            return p;
        if (to[2 * (size_t)p + 1])
            return to[2 * (size_t)p + 1] == BUSY || to[2 * (size_t)p + 1] == p
                       ? 0
                       : to[2 * (size_t)p + 1];
        to[2 * (size_t)p + 1] = BUSY;
        p = to[2 * (size_t)p];
        if (!p)
            return 0;
    }
}

enum { COMPONENTS = 1 << 18 }; /* of an item */

static int64_t component_items(const tl__whole_sampling *m)
{
    return m->ncomponents / COMPONENTS + 1;
}

static int choose_targets(tl__whole_sampling *m, tl__tools *t, int64_t k, tl_err *e)
{
    const uint32_t *size = m->size.at;
    uint32_t *to = m->target.at;
    int64_t end = (k + 1) * COMPONENTS;
    (void)t, (void)e;
    for (int64_t a = k * COMPONENTS + 1; a <= end && a <= m->ncomponents; a++) {
        if (to[2 * a + 1] || size[a] >= m->spec->threshold)
            continue;
        uint32_t large = follow(m, (uint32_t)a);
        for (uint32_t p = (uint32_t)a; p && to[2 * (size_t)p + 1] == BUSY; p = to[2 * (size_t)p])
            to[2 * (size_t)p + 1] = large ? large : p;
    }
    forget_tables(m);
    return 0;
}

/* --- reading ------------------------------------------------------------------------------------
 */

static uint32_t becomes(const tl__whole_sampling *m, uint32_t a)
{
    const uint32_t *size = m->size.at, *to = m->target.at;
    return size[a] >= m->spec->threshold ? a : to[2 * (size_t)a + 1];
}

void tl__components_get(const tl__whole_sampling *m, int band, tl_rect r, int64_t stride,
                        void *values, uint8_t *valid)
{
    const uint32_t *size = m->size.at;
    const int32_t *first = m->first.at;
    for (int64_t y = 0; y < r.h; y++) {
        const uint32_t *cell = (uint32_t *)m->cells.at + number_of(m, r.x, r.y + y) - 1;
        uint32_t *to = (uint32_t *)values + y * stride;
        for (int64_t x = 0; x < r.w; x++) {
            valid[y * stride + x] = cell[x] != 0;
            if (cell[x])
                to[x] = first  ? (uint32_t)first[becomes(m, cell[x])]
                        : band ? size[cell[x]]
                               : cell[x];
        }
    }
    forget_rows(m, r.y, r.h);
    forget_tables(m);
}

const tl__phase tl__components_phases[] = {{tl__blocks, one_block, 0},
                                           {tl__row_items, join_blocks, 1},
                                           {tl__row_items, number_cells, 1},
                                           {tl__row_items, count_cells, 1},
                                           {NULL, NULL, 0}};
const tl__phase tl__sieve_phases[] = {{tl__blocks, one_block, 0},
                                      {tl__row_items, join_blocks, 1},
                                      {tl__row_items, number_cells, 1},
                                      {tl__row_items, count_cells, 1},
                                      {tl__row_items, find_neighbours, 1},
                                      {component_items, choose_targets, 1},
                                      {NULL, NULL, 0}};
