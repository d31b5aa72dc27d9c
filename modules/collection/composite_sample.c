/* Sampling composites: where members lie on the lattice, what is computed of them, and their files
 * while they are in use. See composite_int.h. SPDX-License-Identifier: MIT */
#include "modules/collection/composite_int.h"
#include "modules/raster/raster.h"
#include "runtime/log.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- where members lie
 * ------------------------------------------------------------------------------------------------
 */

#define EVERYWHERE ((tl_rect){INT64_MIN / 4, INT64_MIN / 4, INT64_MAX / 2, INT64_MAX / 2})

/* Cells that the member may touch: its bounds, and what a kernel draws from beyond them. */
static tl_rect member_rect(const tl_member *m, const tl_grid *lattice, int64_t margin)
{
    tl_grid g = *lattice;
    double box[4];
    tl_err ignored = TL_ERR_INIT;
    if (tl__member_box(m, g.crs, box) || !(box[0] <= box[2]))
        return EVERYWHERE;
    if (tl_grid_cover(&g, box[0], box[1], box[2], box[3], &ignored))
        return EVERYWHERE;
    tl_rect r = {g.col - margin, g.row - margin, g.w + 2 * margin, g.h + 2 * margin};
    int crosses = !isnan(m->box[0]) && m->box[0] > m->box[2];
    if (crosses || tl_crs_is_geographic(g.crs)) { /* longitudes come round again */
        r.x = EVERYWHERE.x;
        r.w = EVERYWHERE.w;
    }
    return r;
}

/* Two source cells reach further than any kernel at its own scale. */
static int64_t margin_of(const tl_source *s, const tl_grid *lattice)
{
    double cells = 2 + ceil(2 * fmax(1, s->native.dx / lattice->dx));
    return s->native.crs == lattice->crs && cells < 1024 ? (int64_t)cells : 1024;
}

int tl_composite_touches(const tl_source *s, int64_t member, const tl_grid *g)
{
    tl_rect r = member_rect(&tl_composite_spec_of(s)->member[member], g, margin_of(s, g));
    tl_rect in = tl_rect_intersect(r, tl_grid_rect(g));
    return in.w > 0 && in.h > 0;
}

/* Members at one place, at most: counted in bins as large as a block, each member also in the bins
 * beside its own, so that a block lies within the bins of one count. */
static int64_t most_at_once(const tl_rect *rect, int64_t n, int64_t bin)
{
    enum { SIDE = 256 };
    int64_t x0 = INT64_MAX, y0 = INT64_MAX, x1 = INT64_MIN, y1 = INT64_MIN, most = 0, all = 0;
    for (int64_t i = 0; i < n; i++) {
        if (rect[i].w >= EVERYWHERE.w) {
            all++;
            continue;
        }
        x0 = rect[i].x < x0 ? rect[i].x : x0;
        y0 = rect[i].y < y0 ? rect[i].y : y0;
        x1 = rect[i].x + rect[i].w > x1 ? rect[i].x + rect[i].w : x1;
        y1 = rect[i].y + rect[i].h > y1 ? rect[i].y + rect[i].h : y1;
    }
    if (all == n)
        return n;
    while ((x1 - x0) / bin >= SIDE - 2 || (y1 - y0) / bin >= SIDE - 2)
        bin *= 2;
    int32_t *count = tl_xcalloc((size_t)SIDE * SIDE, sizeof *count);
    for (int64_t i = 0; i < n; i++) {
        if (rect[i].w >= EVERYWHERE.w)
            continue;
        int64_t left = (rect[i].x - x0) / bin, right = (rect[i].x + rect[i].w - x0) / bin + 1;
        int64_t top = (rect[i].y - y0) / bin, bottom = (rect[i].y + rect[i].h - y0) / bin + 1;
        for (int64_t y = top > 0 ? top - 1 : 0; y <= bottom && y < SIDE; y++)
            for (int64_t x = left > 0 ? left - 1 : 0; x <= right && x < SIDE; x++)
                count[y * SIDE + x]++;
    }
    for (int64_t i = 0; i < SIDE * SIDE; i++)
        most = count[i] > most ? count[i] : most;
    free(count);
    return most + all;
}

static char *describe(const tl__composite *c, const tl__composite_sampling *m)
{
    const tl_composite_spec *p = &c->spec;
    return tl_xasprintf("%s%s%lld scenes in %d kind%s, at most some %lld at one place%s",
                        p->label[0] ? p->label : "", p->label[0] ? ", " : "",
                        (long long)p->nmembers, p->nkinds, p->nkinds == 1 ? "" : "s",
                        (long long)m->most,
                        p->skip ? "; scenes that cannot be read are left out" : "");
}

int tl__composite_sample(tl_source *s, const tl_grid *grid, tl_method method, const char *operation,
                         tl_sampling **out, tl_err *e)
{
    tl__composite *c = (tl__composite *)s;
    tl__composite_sampling *m = tl_xcalloc(1, sizeof *m);
    const tl_composite_spec *p = &c->spec;
    int64_t n = p->nmembers;
    (void)operation, (void)e;
    m->rect = tl_xcalloc((size_t)n, sizeof *m->rect);
    m->opened = tl_xcalloc((size_t)n, sizeof *m->opened);
    m->of_kind = tl_xcalloc((size_t)p->nkinds, sizeof *m->of_kind);
    m->pass = tl_xcalloc((size_t)p->nkinds, sizeof *m->pass);
    pthread_mutex_init(&m->lock, NULL);
    int64_t margin = margin_of(s, grid);
    for (int64_t i = 0; i < n; i++)
        m->rect[i] = member_rect(&p->member[i], grid, margin);
    m->most = most_at_once(m->rect, n, 512);
    char *note = describe(c, m);
    tl_sampling_begin(&m->m, s, grid, method, note);
    free(note);
    m->m.coarser = s->native.crs == grid->crs ? fmax(grid->dx / s->native.dx, 1) : 1;
    m->m.bytes_per_cell = m->most;
    *out = &m->m;
    return 0;
}

/* --- files of members
 * -----------------------------------------------------------------------------------------------
 */

static void free_opened(tl__opened *o)
{
    for (int k = 0; k < o->ngroups; k++)
        tl_sampling_unref(o->group[k]);
    free(o->group);
    free(o);
}

void tl__composite_sampling_destroy(tl_sampling *base)
{
    tl__composite_sampling *m = (tl__composite_sampling *)base;
    int64_t n = ((tl__composite *)base->source)->spec.nmembers;
    tl__readers_free(m);
    for (int64_t i = 0; i < n; i++)
        if (m->opened[i])
            free_opened(m->opened[i]);
    for (int k = 0; k < m->nmodel; k++)
        tl_sampling_unref(m->model[k]);
    for (int k = 0; k < m->npasses; k++)
        tl_pass_free(m->pass[k]);
    free(m->model);
    pthread_mutex_destroy(&m->lock);
    free(m->of_kind);
    free(m->pass);
    free(m->rect);
    free(m->opened);
    free(m->band);
    free(m->needed);
    free(m->place);
    tl_sampling_destroy(base);
}

/* With the lock: closes the one that was not used for longest. */
static void make_room(tl__composite_sampling *m)
{
    int64_t n = ((tl__composite *)m->m.source)->spec.nmembers, oldest = -1;
    if (m->nopened < TL__KEPT_OPEN)
        return;
    for (int64_t i = 0; i < n; i++)
        if (m->opened[i] && m->opened[i]->users == 0 && !m->opened[i]->failed &&
            (oldest < 0 || m->opened[i]->used < m->opened[oldest]->used))
            oldest = i;
    if (oldest < 0)
        return;
    free_opened(m->opened[oldest]);
    m->opened[oldest] = NULL;
    m->nopened--;
}

static int open_groups(const tl_member *member, const tl_pass *pass, tl__opened *o, tl_err *e)
{
    int rc = 0;
    o->ngroups = tl_pass_samplings(pass);
    o->group = tl_xcalloc((size_t)o->ngroups, sizeof *o->group);
    for (int k = 0; k < o->ngroups && !rc; k++) {
        const tl_sampling *like = tl_pass_sampling(pass, k);
        int n;
        const int *bands = tl_pass_bands(pass, k, &n);
        if (tl_is_scene_source(like->source))
            rc = tl__scene_sample(like->source, member, like, bands, n, &o->group[k], e);
    }
    return rc;
}

static void leave_out(const tl_member *member, const tl_err *e)
{
    char text[1200];
    tl_warn_once("scene %s is left out: %s", member->id, tl_err_text(e, text, sizeof text));
}

/* Two threads may open the same member at once; the first to be done is kept. */
static int open_member(tl__composite_sampling *m, int64_t i, const tl_pass *pass, tl__opened **out,
                       tl_err *e)
{
    const tl__composite *c = (tl__composite *)m->m.source;
    tl__opened *o = tl_xcalloc(1, sizeof *o);
    int rc = open_groups(&c->spec.member[i], pass, o, e);
    if (rc && c->spec.skip && rc != TL_EINTR && rc != TL_ENOMEM) {
        leave_out(&c->spec.member[i], e);
        *e = (tl_err)TL_ERR_INIT;
        o->failed = 1;
        rc = 0;
    }
    if (rc) {
        free_opened(o);
        return tl_err_prefix(e, "scene %s", c->spec.member[i].id);
    }
    pthread_mutex_lock(&m->lock);
    if (m->opened[i]) {
        free_opened(o);
    } else {
        make_room(m);
        m->opened[i] = o;
        m->nopened += !o->failed;
    }
    *out = m->opened[i];
    (*out)->users++;
    (*out)->used = ++m->clock;
    pthread_mutex_unlock(&m->lock);
    return 0;
}

void tl__composite_close(tl__composite_sampling *m, tl__opened *o)
{
    pthread_mutex_lock(&m->lock);
    o->users--;
    pthread_mutex_unlock(&m->lock);
}

/* --- kinds
 * ------------------------------------------------------------------------------------------------
 */

static int make_pass(tl__composite_sampling *m, int kind, tl_err *e)
{
    const tl__composite *c = (tl__composite *)m->m.source;
    tl_node **nodes = tl_xcalloc((size_t)m->nneeded, sizeof *nodes);
    tl_dtype *dtypes = tl_xcalloc((size_t)m->nneeded, sizeof *dtypes);
    int rc = 0;
    for (int j = 0; j < m->nneeded && !rc; j++) {
        tl_node *n = c->spec.node[kind * c->spec.nbands + m->needed[j]];
        dtypes[j] = c->in[m->needed[j]];
        if (m->m.method == TL_NEAREST) /* the script's own choice for each scene */
            nodes[j] = tl_node_ref(n);
        else
            rc = tl_node_resample(n, m->m.method, n->where, &nodes[j], e);
    }
    tl_pass_spec spec = {m->m.lattice, nodes, dtypes, m->nneeded, NULL, NULL};
    if (!rc)
        rc = tl_pass_new(&spec, &m->of_kind[kind], e);
    if (!rc)
        m->pass[m->npasses++] = m->of_kind[kind];
    for (int j = 0; j < m->nneeded; j++)
        tl_node_unref(nodes[j]);
    free(nodes);
    free(dtypes);
    return rc;
}

int tl__composite_open(tl__composite_sampling *m, int64_t member, tl_pass **pass, tl__opened **out,
                       tl_err *e)
{
    int kind = ((tl__composite *)m->m.source)->spec.member[member].kind, rc = 0;
    pthread_mutex_lock(&m->lock);
    if (!m->of_kind[kind])
        rc = make_pass(m, kind, e);
    *pass = m->of_kind[kind];
    tl__opened *o = m->opened[member];
    if (o) {
        o->users++;
        o->used = ++m->clock;
    }
    pthread_mutex_unlock(&m->lock);
    if (!rc && !o)
        rc = open_member(m, member, *pass, &o, e);
    if (rc)
        return rc;
    if (o->failed) {
        tl__composite_close(m, o);
        o = NULL;
    }
    *out = o;
    return 0;
}

int tl__composite_passes(const tl_sampling *base, tl_pass *const **out)
{
    const tl__composite_sampling *m = (const tl__composite_sampling *)base;
    *out = m->pass;
    return m->npasses;
}

/* --- what is asked for
 * -----------------------------------------------------------------------------------------------
 */

static int need(tl__composite_sampling *m, int band)
{
    for (int j = 0; j < m->nneeded; j++)
        if (m->needed[j] == band)
            return j;
    m->needed[m->nneeded] = band;
    return m->nneeded++;
}

int tl__composite_prepare(tl_sampling *base, int nbands, const int *bands, tl_err *e)
{
    tl__composite_sampling *m = (tl__composite_sampling *)base;
    const tl_composite_spec *p = &((tl__composite *)base->source)->spec;
    tl_pass *pass;
    tl__opened *o = NULL;
    m->nbands = nbands;
    m->band = tl_xcalloc((size_t)nbands, sizeof *m->band);
    m->place = tl_xcalloc((size_t)nbands, sizeof *m->place);
    m->needed = tl_xcalloc((size_t)p->nbands, sizeof *m->needed);
    for (int b = 0; b < p->nbands && p->r.how == TL_R_medoid; b++)
        need(m, b);
    for (int i = 0; i < nbands; i++) {
        m->band[i] = bands[i];
        m->place[i] = need(m, bands[i] % p->nbands);
    }
    m->quality = p->r.how == TL_R_quality_mosaic ? need(m, p->quality) : -1;
    /* Every kind is compiled on trial, so that what is wrong is said now; and one member's files
     * are looked at, which tells what reading takes. */
    int rc = 0;
    for (int k = 0; k < p->nkinds && k < 64 && !rc; k++)
        rc = m->of_kind[k] ? 0 : make_pass(m, k, e);
    for (int64_t i = 0; i < p->nmembers && !rc && !o; i++)
        rc = tl__composite_open(m, i, &pass, &o, e);
    m->model = tl_xcalloc((size_t)(o ? o->ngroups : 0), sizeof *m->model);
    for (int k = 0; o && k < o->ngroups; k++)
        if (o->group[k])
            m->model[m->nmodel++] = tl_sampling_ref(o->group[k]);
    if (o)
        tl__composite_close(m, o);
    return rc;
}
