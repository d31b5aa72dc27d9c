/* Reading composites: one block after the other, scene by scene. See composite_int.h.
 * SPDX-License-Identifier: MIT */
#include "modules/collection/composite_reader.h"
#include "runtime/log.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

/* --- one member
 * -----------------------------------------------------------------------------------------------
 */

static int worker_of(struct tl__reader *d, const tl_pass *pass, tl_pass_worker **out, tl_err *e)
{
    int k = 0;
    for (int i = 0; i < TL__KEPT_WORKERS; i++) {
        if (d->slot[i].pass == pass) {
            d->slot[i].used = ++d->clock;
            *out = d->slot[i].worker;
            return 0;
        }
        if (d->slot[i].used < d->slot[k].used)
            k = i;
    }
    tl_pass_worker_free(d->slot[k].worker);
    d->slot[k].worker = NULL;
    d->slot[k].pass = NULL;
    int rc = tl_pass_worker_new(pass, d->w, d->h, &d->slot[k].worker, e);
    if (rc)
        return rc;
    d->slot[k].pass = pass;
    d->slot[k].used = ++d->clock;
    *out = d->slot[k].worker;
    return 0;
}

static int run_opened(const tl__job *j, const tl_pass *pass, const tl__opened *o, tl_rect rect,
                      void *const *values, uint8_t *const *valid)
{
    tl_pass_worker *w = NULL;
    int rc = worker_of(j->rd, pass, &w, j->e);
    if (rc)
        return rc;
    for (int k = 0; k < o->ngroups; k++)
        tl_pass_worker_use(w, k, o->group[k]);
    rc = tl_pass_run(w, rect, values, valid, j->e);
    for (int k = 0; k < o->ngroups; k++)
        tl_pass_worker_use(w, k, NULL);
    return rc;
}

int tl__run_member(const tl__job *j, int64_t member, tl_rect rect, void *const *values,
                   uint8_t *const *valid, int *there)
{
    tl_pass *pass = NULL;
    tl__opened *o = NULL;
    const char *id = j->spec->member[member].id;
    int rc = tl__composite_open(j->m, member, &pass, &o, j->e);
    *there = 0;
    if (rc || !o)
        return rc;
    rc = run_opened(j, pass, o, rect, values, valid);
    tl__composite_close(j->m, o);
    if (rc && j->spec->skip && (rc == TL_EDATA || rc == TL_ETRANSIENT)) {
        char text[1200];
        tl_warn_once("scene %s is left out where it cannot be read: %s", id,
                     tl_err_text(j->e, text, sizeof text));
        *j->e = (tl_err)TL_ERR_INIT;
        return 0;
    }
    *there = !rc;
    return rc ? tl_err_prefix(j->e, "scene %s", id) : 0;
}

static void find_members(const tl__job *j, tl_rect rect)
{
    struct tl__reader *d = j->rd;
    d->nmembers = 0;
    for (int64_t i = 0; i < j->spec->nmembers; i++) {
        tl_rect in = tl_rect_intersect(j->m->rect[i], rect);
        if (in.w > 0 && in.h > 0)
            d->member[d->nmembers++] = i;
    }
}

void tl__put_rows(void *to, int64_t at, int64_t stride, const void *from, int64_t w, int64_t h,
                  size_t size)
{
    for (int64_t y = 0; y < h; y++)
        memcpy((char *)to + (size_t)(at + y * stride) * size,
               (const char *)from + (size_t)(y * w) * size, (size_t)w * size);
}

static void clear_outputs(const tl__job *j)
{
    size_t cells = (size_t)(j->r->rect.w * j->r->rect.h);
    for (int i = 0; i < j->r->nbands; i++) {
        memset(j->r->valid[i], 0, cells);
        memset(j->r->values[i], 0,
               cells * tl_dtype_size(j->m->m.source->bands[j->r->bands[i]].dtype));
    }
}

/* --- one scene after the other
 * -----------------------------------------------------------------------------------------------
 */

static void add_member(const tl__job *j, tl_rect sub)
{
    tl_rect all = j->r->rect;
    int64_t at = (sub.y - all.y) * all.w + sub.x - all.x;
    for (int i = 0; i < j->m->nbands; i++) {
        int k = j->m->place[i];
        size_t size = tl__size_needed(j->c, j->m, k);
        if (sub.w == all.w) {
            tl_running_add(&j->rd->running[i], at, sub.w * sub.h, j->rd->values[k],
                           j->rd->valid[k]);
            continue;
        }
        for (int64_t y = 0; y < sub.h; y++)
            tl_running_add(&j->rd->running[i], at + y * all.w, sub.w,
                           (char *)j->rd->values[k] + (size_t)(y * sub.w) * size,
                           j->rd->valid[k] + y * sub.w);
    }
}

static int all_done(const tl__job *j, int64_t cells)
{
    for (int i = 0; i < j->m->nbands; i++)
        if (!tl_running_done(&j->rd->running[i], cells))
            return 0;
    return 1;
}

static int read_stream(const tl__job *j)
{
    int64_t cells = j->r->rect.w * j->r->rect.h;
    int rc = 0;
    for (int i = 0; i < j->m->nbands; i++)
        tl_running_begin(&j->rd->running[i], cells);
    for (int64_t k = 0; k < j->rd->nmembers && !rc; k++) {
        int64_t member = j->rd->member[k];
        tl_rect sub = tl_rect_intersect(j->m->rect[member], j->r->rect);
        int there;
        if (k > 0 && all_done(j, cells))
            break;
        rc = tl__run_member(j, member, sub, j->rd->values, j->rd->valid, &there);
        if (!rc && there)
            add_member(j, sub);
    }
    for (int i = 0; i < j->m->nbands && !rc; i++)
        tl_running_end(&j->rd->running[i], cells, j->r->values[i], j->r->valid[i]);
    return rc;
}

/* --- the best scene of each cell
 * -----------------------------------------------------------------------------------------------
 */

/* Cells of row y of the member whose quality is better than all before. */
static void take_better(const tl__job *j, tl_rect sub, int64_t y)
{
    struct tl__reader *d = j->rd;
    tl_rect all = j->r->rect;
    int64_t at = (sub.y - all.y + y) * all.w + sub.x - all.x, from = y * sub.w;
    int q = j->m->quality;
    const void *quality = (char *)d->values[q] + (size_t)from * tl__size_needed(j->c, j->m, q);
    tl_running_better(&d->running[0], at, sub.w, quality, d->valid[q] + from, d->better);
    tl_running_add(&d->running[0], at, sub.w, quality, d->valid[q] + from);
    for (int i = 0; i < j->m->nbands; i++) {
        int k = j->m->place[i];
        size_t size = tl__size_needed(j->c, j->m, k);
        for (int64_t x = 0; x < sub.w; x++) {
            if (!d->better[x])
                continue;
            memcpy((char *)j->r->values[i] + (size_t)(at + x) * size,
                   (char *)d->values[k] + (size_t)(from + x) * size, size);
            j->r->valid[i][at + x] = d->valid[k][from + x];
        }
    }
}

static int read_quality(const tl__job *j)
{
    int64_t cells = j->r->rect.w * j->r->rect.h;
    int rc = 0;
    clear_outputs(j);
    tl_running_begin(&j->rd->running[0], cells);
    for (int64_t k = 0; k < j->rd->nmembers && !rc; k++) {
        int64_t member = j->rd->member[k];
        tl_rect sub = tl_rect_intersect(j->m->rect[member], j->r->rect);
        int there;
        rc = tl__run_member(j, member, sub, j->rd->values, j->rd->valid, &there);
        for (int64_t y = 0; y < sub.h && !rc && there; y++)
            take_better(j, sub, y);
    }
    for (int i = 0; i < j->m->nbands && !rc; i++) {
        size_t size = tl__size_needed(j->c, j->m, j->m->place[i]);
        for (int64_t x = 0; x < cells; x++)
            if (j->rd->running[0].count[x] < j->spec->r.min_count) {
                j->r->valid[i][x] = 0;
                memset((char *)j->r->values[i] + (size_t)x * size, 0, size);
            }
    }
    return rc;
}

/* --- every scene's bands
 * -----------------------------------------------------------------------------------------------
 */

static int read_side_by_side(const tl__job *j)
{
    int nb = j->spec->nbands, rc = 0;
    clear_outputs(j);
    for (int64_t k = 0; k < j->rd->nmembers && !rc; k++) {
        int64_t member = j->rd->member[k];
        tl_rect all = j->r->rect, sub = tl_rect_intersect(j->m->rect[member], all);
        int wanted = 0, there;
        for (int i = 0; i < j->m->nbands; i++)
            wanted |= j->m->band[i] / nb == member;
        if (!wanted)
            continue;
        rc = tl__run_member(j, member, sub, j->rd->values, j->rd->valid, &there);
        for (int i = 0; i < j->m->nbands && !rc && there; i++) {
            int b = j->m->place[i];
            int64_t at = (sub.y - all.y) * all.w + sub.x - all.x;
            if (j->m->band[i] / nb != member)
                continue;
            tl__put_rows(j->r->values[i], at, all.w, j->rd->values[b], sub.w, sub.h,
                         tl__size_needed(j->c, j->m, b));
            tl__put_rows(j->r->valid[i], at, all.w, j->rd->valid[b], sub.w, sub.h, 1);
        }
    }
    return rc;
}

int tl__composite_read(const tl_sampling *base, const tl_read *r, tl_err *e)
{
    tl__composite_sampling *m = (tl__composite_sampling *)(uintptr_t)base;
    tl_err own = TL_ERR_INIT;
    tl__job j = {m,   (tl__composite *)base->source, tl_composite_spec_of(base->source), NULL, r,
                 &own};
    int rc = tl__reader_take(m, r->rect.w, r->rect.h, &j.rd, &own);
    if (!rc) {
        find_members(&j, r->rect);
        rc = j.spec->r.how == TL_R_stack            ? read_side_by_side(&j)
             : j.spec->r.how == TL_R_quality_mosaic ? read_quality(&j)
             : tl__keeps_stack(j.spec)              ? tl__read_stacked(&j)
                                                    : read_stream(&j);
        tl__reader_give(m, j.rd);
    }
    if (rc && e)
        *e = own;
    return rc;
}
