/* Composites that need all values of a cell at once: the values of all scenes for some rows. See
 * composite_reader.h. SPDX-License-Identifier: MIT
 *
 * Where a block's values do not fit into the stack, each scene's are computed once and kept in a
 * temporary file: a scene's block of the file is decoded whole whatever is asked of it, and the
 * scenes are too many to keep all of them decoded. */
#include "modules/collection/composite_reader.h"

#include <string.h>

/* --- the file
 * -----------------------------------------------------------------------------------------------
 */

/* The bytes of n cells of a scene: each band's values, then their validity. */
static int64_t bytes_of(const tl__job *j, int64_t n)
{
    int64_t bytes = 0;
    for (int b = 0; b < j->m->nneeded; b++)
        bytes += n * ((int64_t)tl__size_needed(j->c, j->m, b) + 1);
    return bytes;
}

static tl_rect part_of(const tl__job *j, int64_t k, tl_rect rect)
{
    return tl_rect_intersect(j->m->rect[j->rd->member[k]], rect);
}

/* The place in the file of the k-th scene of the block. */
static int64_t place_of(const tl__job *j, int64_t k)
{
    return k * bytes_of(j, j->r->rect.w * j->r->rect.h);
}

static int spill(const tl__job *j, int64_t k)
{
    struct tl__reader *d = j->rd;
    tl_rect part = part_of(j, k, j->r->rect);
    int64_t n = part.w * part.h, at = place_of(j, k);
    int there, rc = tl__run_member(j, d->member[k], part, d->values, d->valid, &there);
    d->there[k] = (uint8_t)there;
    for (int b = 0; b < j->m->nneeded && !rc && there; b++) {
        int64_t bytes = n * (int64_t)tl__size_needed(j->c, j->m, b);
        rc = tl_scratch_write(&d->spill, at, d->values[b], (size_t)bytes, j->e);
        if (!rc)
            rc = tl_scratch_write(&d->spill, at + bytes, d->valid[b], (size_t)n, j->e);
        at += bytes + n;
    }
    return rc;
}

static int spill_all(const tl__job *j)
{
    int rc = tl_scratch_open(place_of(j, j->rd->nmembers), &j->rd->spill, j->e);
    for (int64_t k = 0; k < j->rd->nmembers && !rc; k++)
        rc = spill(j, k);
    return rc;
}

/* Some whole rows of what was spilled. */
static int fetch(const tl__job *j, int64_t k, tl_rect rows, void *const *values,
                 uint8_t *const *valid)
{
    const struct tl__reader *d = j->rd;
    tl_rect part = part_of(j, k, j->r->rect);
    int64_t n = part.w * part.h, before = (rows.y - part.y) * part.w, m = rows.w * rows.h;
    int64_t at = place_of(j, k);
    int rc = 0;
    for (int b = 0; b < j->m->nneeded && !rc; b++) {
        int64_t size = (int64_t)tl__size_needed(j->c, j->m, b);
        rc = tl_scratch_read(&d->spill, at + before * size, values[b], (size_t)(m * size), j->e);
        at += n * size;
        if (!rc)
            rc = tl_scratch_read(&d->spill, at + before, valid[b], (size_t)m, j->e);
        at += n;
    }
    return rc;
}

/* --- the stack
 * -----------------------------------------------------------------------------------------------
 */

static int get_rows(const tl__job *j, int spilled, int64_t k, tl_rect rows, void *const *values,
                    uint8_t *const *valid, int *there)
{
    *there = 0;
    if (rows.w <= 0 || rows.h <= 0)
        return 0;
    if (!spilled)
        return tl__run_member(j, j->rd->member[k], rows, values, valid, there);
    *there = j->rd->there[k];
    return *there ? fetch(j, k, rows, values, valid) : 0;
}

/* Fills the stack for the cells of `strip`. */
static int fill(const tl__job *j, int spilled, tl_rect strip)
{
    struct tl__reader *d = j->rd;
    int64_t n = strip.w * strip.h;
    int rc = 0;
    for (int64_t k = 0; k < d->nmembers && !rc; k++) {
        tl_rect sub = part_of(j, k, strip);
        int whole = sub.w == strip.w && sub.h == strip.h, there = 0;
        void *values[TL_MOST_NEEDED];
        uint8_t *valid[TL_MOST_NEEDED];
        for (int b = 0; b < j->m->nneeded; b++) {
            size_t size = tl__size_needed(j->c, j->m, b);
            values[b] = whole ? (char *)d->stack[b] + (size_t)(k * n) * size : d->values[b];
            valid[b] = whole ? d->stack_valid[b] + k * n : d->valid[b];
        }
        rc = get_rows(j, spilled, k, sub, values, valid, &there);
        for (int b = 0; b < j->m->nneeded && !rc && !(whole && there); b++) {
            int64_t at = k * n + (sub.y - strip.y) * strip.w + sub.x - strip.x;
            memset(d->stack_valid[b] + k * n, 0, (size_t)n);
            if (!there)
                continue;
            tl__put_rows(d->stack[b], at, strip.w, d->values[b], sub.w, sub.h,
                         tl__size_needed(j->c, j->m, b));
            tl__put_rows(d->stack_valid[b], at, strip.w, d->valid[b], sub.w, sub.h, 1);
        }
    }
    return rc;
}

/* Writes the chosen member's cells of band i of the strip that starts at cell `at`. */
static void copy_chosen(const tl__job *j, int i, int64_t at, int64_t n)
{
    struct tl__reader *d = j->rd;
    int k = j->m->place[i];
    size_t size = tl__size_needed(j->c, j->m, k);
    for (int64_t x = 0; x < n; x++) {
        char *to = (char *)j->r->values[i] + (size_t)(at + x) * size;
        j->r->valid[i][at + x] = d->chosen[x] >= 0;
        if (d->chosen[x] >= 0)
            memcpy(to, (char *)d->stack[k] + (size_t)(d->chosen[x] * n + x) * size, size);
        else
            memset(to, 0, size);
    }
}

static void reduce(const tl__job *j, tl_rect strip)
{
    struct tl__reader *d = j->rd;
    int64_t n = strip.w * strip.h, at = (strip.y - j->r->rect.y) * j->r->rect.w;
    tl_dtype in[TL_MOST_NEEDED];
    for (int b = 0; b < j->m->nneeded; b++)
        in[b] = j->c->in[j->m->needed[b]];
    if (j->spec->r.how == TL_R_medoid)
        tl_medoid(d->nmembers, j->m->nneeded, n, in, d->stack, d->stack_valid, j->spec->r.min_count,
                  d->scratch, d->chosen);
    for (int i = 0; i < j->m->nbands; i++) {
        int k = j->m->place[i];
        size_t to = tl_dtype_size(tl_reducer_dtype(j->spec->r.how, in[k]));
        if (j->spec->r.how == TL_R_medoid)
            copy_chosen(j, i, at, n);
        else
            tl_sorted(&j->spec->r, in[k], d->nmembers, n, d->stack[k], d->stack_valid[k],
                      d->scratch, (char *)j->r->values[i] + (size_t)at * to, j->r->valid[i] + at);
    }
}

int tl__read_stacked(const tl__job *j)
{
    struct tl__reader *d = j->rd;
    tl_rect all = j->r->rect;
    int rc = tl__reserve_scratch(d, tl__scratch_needed(j->c, j->m, d->nmembers), j->e);
    if (!rc)
        rc = tl__reserve_stack(d, j->c, j->m, d->nmembers * all.w, j->e);
    int64_t rows = d->nmembers ? d->room / (d->nmembers * all.w) : all.h;
    int spilled = rows < all.h;
    if (spilled && !rc)
        rc = spill_all(j);
    for (int64_t y = 0; y < all.h && !rc; y += rows) {
        tl_rect strip = {all.x, all.y + y, all.w, all.h - y < rows ? all.h - y : rows};
        rc = fill(j, spilled, strip);
        if (!rc)
            reduce(j, strip);
    }
    tl_scratch_close(&d->spill); /* others may need the space while this thread has nothing to do */
    return rc;
}
