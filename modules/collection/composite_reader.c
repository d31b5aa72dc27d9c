/* The buffers of those who read composites, and what they take. See composite_reader.h.
 * SPDX-License-Identifier: MIT */
#include "modules/collection/composite_reader.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

#define STACK_BYTES (4 << 20) /* for the values of all scenes of some rows; one row at least */

static enum tl_reducer_class class_of(const tl_composite_spec *p)
{
    return tl_reducer_class(p->r.how);
}

int tl__keeps_stack(const tl_composite_spec *p)
{
    return class_of(p) == TL_R_SORTED || p->r.how == TL_R_medoid;
}

size_t tl__size_needed(const tl__composite *c, const tl__composite_sampling *m, int j)
{
    return tl_dtype_size(c->in[m->needed[j]]);
}

static int64_t stacked_bytes_per_cell(const tl__composite *c, const tl__composite_sampling *m)
{
    int64_t bytes = 0;
    for (int j = 0; j < m->nneeded; j++)
        bytes += (int64_t)tl__size_needed(c, m, j) + 1;
    return bytes;
}

/* --- memory
 * -----------------------------------------------------------------------------------------------
 */

static int64_t stack_room(const tl__composite *c, const tl__composite_sampling *m, int64_t w,
                          int64_t h)
{
    int64_t all = m->most * w * h, fits = STACK_BYTES / stacked_bytes_per_cell(c, m);
    int64_t room = all < fits ? all : fits;
    return room > m->most * w ? room : m->most * w;
}

int64_t tl__scratch_needed(const tl__composite *c, const tl__composite_sampling *m, int64_t members)
{
    int64_t most = 0;
    if (c->spec.r.how == TL_R_medoid)
        return tl_medoid_bytes(members, m->nneeded);
    for (int j = 0; j < m->nneeded; j++) {
        int64_t bytes = tl_sorted_bytes(members, c->in[m->needed[j]]);
        most = bytes > most ? bytes : most;
    }
    return most;
}

int64_t tl__composite_working_bytes(const tl_sampling *base, int64_t w, int64_t h, int n)
{
    const tl__composite_sampling *m = (const tl__composite_sampling *)base;
    const tl__composite *c = (const tl__composite *)base->source;
    int64_t cells = w * h, kinds = 0, files = 0, bytes = m->most * 8;
    for (int k = 0; k < m->npasses; k++) {
        int64_t own = tl_pass_worker_bytes(m->pass[k], w, h);
        kinds = own > kinds ? own : kinds;
    }
    for (int k = 0; k < m->nmodel; k++) {
        const tl_sampling *f = m->model[k];
        int64_t own = f->source->vt->working_bytes(f, w + 16, h + 16, m->nneeded);
        files = own > files ? own : files;
    }
    bytes += kinds * (m->npasses < TL__KEPT_WORKERS ? m->npasses : TL__KEPT_WORKERS) + files;
    bytes += stacked_bytes_per_cell(c, m) * cells; /* one member's cells */
    if (tl__keeps_stack(&c->spec))
        bytes += stack_room(c, m, w, h) * stacked_bytes_per_cell(c, m) +
                 tl__scratch_needed(c, m, m->most) + 4 * cells;
    else if (c->spec.r.how == TL_R_quality_mosaic)
        bytes += tl_running_bytes(cells) + cells;
    else if (class_of(&c->spec) == TL_R_STREAM)
        bytes += n * tl_running_bytes(cells);
    return bytes;
}

static void free_reader(struct tl__reader *d, const tl__composite_sampling *m)
{
    for (int k = 0; k < TL__KEPT_WORKERS; k++)
        tl_pass_worker_free(d->slot[k].worker);
    for (int j = 0; j < m->nneeded; j++) {
        free(d->values[j]);
        free(d->valid[j]);
        free(d->stack[j]);
        free(d->stack_valid[j]);
    }
    for (int i = 0; i < m->nbands; i++)
        tl_running_free(&d->running[i]);
    free(d->values);
    free(d->valid);
    free(d->stack);
    free(d->stack_valid);
    free(d->running);
    free(d->better);
    free(d->scratch);
    free(d->chosen);
    free(d->member);
    free(d->there);
    free(d);
}

int tl__reserve_stack(struct tl__reader *d, const tl__composite *c, const tl__composite_sampling *m,
                      int64_t room, tl_err *e)
{
    int rc = 0;
    if (room <= d->room)
        return 0;
    d->room = 0;
    for (int j = 0; j < m->nneeded && !rc; j++) {
        free(d->stack[j]);
        free(d->stack_valid[j]);
        d->stack[j] = d->stack_valid[j] = NULL;
        rc = tl_try_alloc(&d->stack[j], (size_t)room, tl__size_needed(c, m, j),
                          "the values of all scenes", e);
        if (!rc)
            rc = tl_try_alloc((void *)&d->stack_valid[j], (size_t)room, 1,
                              "the values of all scenes", e);
    }
    d->room = rc ? 0 : room;
    return rc;
}

int tl__reserve_scratch(struct tl__reader *d, int64_t bytes, tl_err *e)
{
    if (bytes <= d->scratch_bytes)
        return 0;
    free(d->scratch);
    d->scratch = NULL;
    d->scratch_bytes = 0;
    int rc = tl_try_alloc(&d->scratch, (size_t)bytes, 1, "the values of all scenes", e);
    d->scratch_bytes = rc ? 0 : bytes;
    return rc;
}

static int alloc_reader(struct tl__reader *d, const tl__composite *c,
                        const tl__composite_sampling *m, tl_err *e)
{
    const tl_composite_spec *p = &c->spec;
    int64_t cells = d->w * d->h;
    int rc = 0, joint = p->r.how == TL_R_quality_mosaic;
    for (int j = 0; j < m->nneeded && !rc; j++) {
        rc = tl_try_alloc(&d->values[j], (size_t)cells, tl__size_needed(c, m, j), "a scene's cells",
                          e);
        if (!rc)
            rc = tl_try_alloc((void *)&d->valid[j], (size_t)cells, 1, "a scene's cells", e);
    }
    tl_reduction max = {TL_R_max, 0, 0, 1};
    if (joint && !rc)
        rc = tl_running_new(&d->running[0], &max, c->in[p->quality], cells, e);
    for (int i = 0; class_of(p) == TL_R_STREAM && i < m->nbands && !rc; i++)
        rc = tl_running_new(&d->running[i], &p->r, c->in[m->band[i]], cells, e);
    if (joint && !rc)
        rc = tl_try_alloc((void *)&d->better, (size_t)cells, 1, "a mask", e);
    if (p->r.how == TL_R_medoid && !rc)
        rc = tl_try_alloc((void *)&d->chosen, (size_t)cells, sizeof *d->chosen, "a mask", e);
    if (tl__keeps_stack(p) && !rc)
        rc = tl__reserve_stack(d, c, m, stack_room(c, m, d->w, d->h), e);
    return rc;
}

static int new_reader(tl__composite_sampling *m, int64_t w, int64_t h, struct tl__reader **out,
                      tl_err *e)
{
    const tl__composite *c = (tl__composite *)m->m.source;
    struct tl__reader *d = tl_xcalloc(1, sizeof *d);
    d->w = w;
    d->h = h;
    d->values = tl_xcalloc((size_t)m->nneeded, sizeof *d->values);
    d->valid = tl_xcalloc((size_t)m->nneeded, sizeof *d->valid);
    d->stack = tl_xcalloc((size_t)m->nneeded, sizeof *d->stack);
    d->stack_valid = tl_xcalloc((size_t)m->nneeded, sizeof *d->stack_valid);
    d->running = tl_xcalloc((size_t)m->nbands, sizeof *d->running);
    d->member = tl_xcalloc((size_t)c->spec.nmembers, sizeof *d->member);
    d->there = tl_xcalloc((size_t)c->spec.nmembers, 1);
    int rc = alloc_reader(d, c, m, e);
    if (rc)
        free_reader(d, m);
    else
        *out = d;
    return rc;
}

void tl__readers_free(tl__composite_sampling *m)
{
    while (m->idle) {
        struct tl__reader *d = m->idle;
        m->idle = d->next;
        free_reader(d, m);
    }
}

int tl__reader_take(tl__composite_sampling *m, int64_t w, int64_t h, struct tl__reader **out,
                    tl_err *e)
{
    pthread_mutex_lock(&m->lock);
    struct tl__reader *d = m->idle;
    if (d)
        m->idle = d->next;
    pthread_mutex_unlock(&m->lock);
    if (d && d->w >= w && d->h >= h) {
        *out = d;
        return 0;
    }
    if (d) {
        w = d->w > w ? d->w : w;
        h = d->h > h ? d->h : h;
        free_reader(d, m);
    }
    return new_reader(m, w, h, out, e);
}

void tl__reader_give(tl__composite_sampling *m, struct tl__reader *d)
{
    pthread_mutex_lock(&m->lock);
    d->next = m->idle;
    m->idle = d;
    pthread_mutex_unlock(&m->lock);
}
