/* Composites: what they are made of, and their own grid. See composite.h. SPDX-License-Identifier:
 * MIT
 */
#include "modules/collection/composite_int.h"
#include "modules/image/order.h"
#include "modules/raster/raster.h"
#include "runtime/log.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const tl_composite_spec *tl_composite_spec_of(const tl_source *s)
{
    return &((const tl__composite *)s)->spec;
}

/* --- copies
 * -----------------------------------------------------------------------------------------------
 */

static void copy_member(tl_member *to, const tl_member *from)
{
    *to = *from;
    to->id = tl_xstrdup(from->id);
    to->asset = tl_xcalloc((size_t)from->nassets, sizeof *to->asset);
    for (int a = 0; a < from->nassets; a++)
        to->asset[a] = tl_xstrdup(from->asset[a]);
}

static void free_spec(tl_composite_spec *c)
{
    for (int i = 0; i < c->nkinds * c->nbands; i++)
        tl_node_unref(c->node[i]);
    for (int64_t i = 0; i < c->nmembers; i++) {
        const tl_member *m = &c->member[i];
        for (int a = 0; a < m->nassets; a++)
            free((char *)(uintptr_t)m->asset[a]);
        free(m->asset);
        free((char *)(uintptr_t)m->id);
    }
    free((void *)(uintptr_t)c->member);
    free((void *)(uintptr_t)c->node);
    free((void *)(uintptr_t)c->names);
    free((char *)(uintptr_t)c->label);
}

static tl_composite_spec copy_spec(const tl_composite_spec *c)
{
    tl_composite_spec out = *c;
    size_t n = (size_t)c->nkinds * (size_t)c->nbands;
    tl_node **node = tl_xcalloc(n, sizeof *node);
    const char **names = tl_xcalloc((size_t)c->nbands, sizeof *names);
    tl_member *member = tl_xcalloc((size_t)c->nmembers, sizeof *member);
    for (size_t i = 0; i < n; i++)
        node[i] = tl_node_ref(c->node[i]);
    for (int b = 0; b < c->nbands; b++)
        names[b] = c->names[b];
    for (int64_t i = 0; i < c->nmembers; i++)
        copy_member(&member[i], &c->member[i]);
    out.node = node;
    out.names = names;
    out.member = member;
    out.label = tl_xstrdup(c->label);
    return out;
}

static void destroy(tl_source *s)
{
    tl__composite *c = (tl__composite *)s;
    free_spec(&c->spec);
    free(c->in);
    free(s->bands);
    free(s->uri);
    free(c);
    tl_live(TL_LIVE_SOURCE, -1);
}

/* --- cell types
 * -----------------------------------------------------------------------------------------------
 */

/* The smallest type that holds band b of every kind exactly. */
static tl_dtype band_dtype(const tl_composite_spec *c, int b)
{
    int64_t lo = 0, hi = 0;
    int is_float = 0, f32 = 1;
    for (int k = 0; k < c->nkinds; k++) {
        const tl_node *n = c->node[k * c->nbands + b];
        if (n->type == TL_F) {
            is_float = 1;
            f32 &= n->f32;
        } else {
            lo = k && lo < n->lo ? lo : n->lo;
            hi = k && hi > n->hi ? hi : n->hi;
        }
    }
    if (is_float)
        return f32 && lo >= -(1 << 24) && hi <= 1 << 24 ? TL_F32 : TL_F64;
    return tl_dtype_smallest(lo, hi);
}

/* Whether band b is a float64 only because it was computed in it. */
static int is_computed(const tl_composite_spec *c, int b)
{
    for (int k = 0; k < c->nkinds; k++)
        if (tl_node_product_dtype(c->node[k * c->nbands + b]) == TL_F64)
            return 0;
    return 1;
}

static int is_classes(const tl_composite_spec *c, int b)
{
    for (int k = 0; k < c->nkinds; k++) {
        const tl_node *n = tl_node_unmasked(c->node[k * c->nbands + b]);
        if (n->kind == TL_NODE_BAND && n->source->bands[n->band].is_classes)
            return 1;
    }
    return 0;
}

/* --- the grid
 * -----------------------------------------------------------------------------------------------
 */

int tl__member_box(const tl_member *m, const char *crs, double out[4])
{
    const char *from = m->crs[0] && !isnan(m->bounds[0]) ? m->crs : "EPSG:4326";
    const double *box = from == m->crs ? m->bounds : m->box;
    if (isnan(box[0]) || crs[0] == '\0')
        return -1;
    if (from == crs && box[0] <= box[2])
        memcpy(out, box, 4 * sizeof *out);
    else if (tl_crs_transform_box(from, crs, box, out, NULL))
        return -1;
    return 0;
}

/* What opening one member of a layout tells. */
typedef struct {
    tl_grid grid; /* of the first band that is used */
    double dx, dy;
    int block_w, block_h, files;
} survey;

/* The finest used band's place, when how fine they are is known of all; else -1. A scene has many
 * files, perhaps far away, of which a script may read one. */
static int finest_band(const tl_source *scene, const uint8_t *used)
{
    const tl_scene_band *band = tl_scene_source_bands(scene);
    int best = -1;
    for (int b = 0; b < scene->nbands; b++) {
        if (used[b] && !(band[b].res > 0))
            return -1;
        if (used[b] && (best < 0 || band[b].res < band[best].res))
            best = b;
    }
    return best;
}

/* Scenes that the catalogue places would otherwise lie on one another, by their pixels. */
static int check_place(const tl_member *m, const tl_source *file, tl_err *e)
{
    if (m->crs[0] == '\0' || file->native.crs[0])
        return 0;
    return tl_fail(e, TL_EDATA,
                   "%s has no coordinate system, though the catalogue says %s; is a file beside it "
                   "missing (.aux.xml, .prj, .tfw)? `gdal_edit.py -a_srs` gives it one",
                   file->uri, m->crs);
}

/* The file that was looked at last: the dates of one file are scenes, and layouts, of their own. */
typedef struct {
    const char *path;
    const struct tl_roots *roots;
    tl_source *file;
} opened_last;

static int open_once(opened_last *last, const tl_member *m, int asset, tl_source **out, tl_err *e)
{
    const char *path = m->asset[asset];
    if (!last->file || last->roots != m->roots || strcmp(last->path, path) != 0) {
        tl_source *file = NULL;
        int rc = tl_raster_open_within(path, m->roots, &file, e);
        if (rc)
            return rc;
        tl_source_unref(last->file);
        *last = (opened_last){path, m->roots, file};
    }
    *out = last->file;
    return 0;
}

static int look_at(const tl_source *scene, const tl_member *m, const uint8_t *used,
                   opened_last *last, survey *s, tl_err *e)
{
    const tl_scene_band *band = tl_scene_source_bands(scene);
    uint8_t *seen = tl_xcalloc((size_t)m->nassets + 1, 1);
    int rc = 0, only = finest_band(scene, used), more = 0;
    *s = (survey){.dx = 0};
    for (int b = 0; b < scene->nbands && !rc; b++) {
        tl_source *file = NULL;
        if (!used[b] || (band[b].asset < m->nassets && seen[band[b].asset]))
            continue;
        if (band[b].asset >= m->nassets) {
            rc = tl_fail(e, TL_EDATA, "there is no file for band %s", band[b].name);
            break;
        }
        seen[band[b].asset] = 1;
        if (only >= 0 && band[b].asset != band[only].asset) {
            more++;
            continue;
        }
        rc = open_once(last, m, band[b].asset, &file, e);
        if (rc)
            break;
        rc = check_place(m, file, e);
        const tl_band *fb = &file->bands[band[b].band < file->nbands ? band[b].band : 0];
        if (!s->files++)
            s->grid = file->native;
        s->dx = s->dx > 0 ? fmin(s->dx, file->native.dx) : file->native.dx;
        s->dy = s->dy > 0 ? fmin(s->dy, file->native.dy) : file->native.dy;
        s->block_w = fb->block_w > s->block_w ? fb->block_w : s->block_w;
        s->block_h = fb->block_h > s->block_h ? fb->block_h : s->block_h;
    }
    s->files += more;
    free(seen);
    return rc ? tl_err_prefix(e, "scene %s", m->id) : 0;
}

/* The scene source of a kind, and which of its bands some kind uses; NULL when it reads none. */
static tl_source *layout_of(const tl_composite_spec *c, int kind)
{
    tl_order o;
    tl_source *found = NULL;
    tl_order_make(&o, c->node + kind * c->nbands, c->nbands);
    for (int i = 0; i < o.n && !found; i++)
        if (o.node[i]->kind == TL_NODE_BAND && tl_is_scene_source(o.node[i]->source))
            found = o.node[i]->source;
    tl_order_free(&o);
    return found;
}

static void mark_used(const tl_composite_spec *c, const tl_source *scene, uint8_t *used)
{
    tl_order o;
    tl_order_make(&o, c->node, c->nkinds * c->nbands);
    for (int i = 0; i < o.n; i++)
        if (o.node[i]->kind == TL_NODE_BAND && o.node[i]->source == scene)
            used[o.node[i]->band] = 1;
    tl_order_free(&o);
}

/* The first member of that layout that can be opened. */
static int survey_layout(const tl_composite_spec *c, tl_source *const *layouts,
                         const tl_source *scene, opened_last *last, survey *s, int64_t *which,
                         tl_err *e)
{
    uint8_t *used = tl_xcalloc((size_t)scene->nbands, 1);
    int rc = tl_fail(e, TL_EDATA, "no scene can be opened");
    mark_used(c, scene, used);
    for (int64_t i = 0; i < c->nmembers && rc; i++) {
        if (layouts[c->member[i].kind] != scene)
            continue;
        *e = (tl_err)TL_ERR_INIT;
        rc = look_at(scene, &c->member[i], used, last, s, e);
        *which = i;
        if (rc && !c->skip)
            break;
    }
    free(used);
    return rc;
}

static void widen(double box[4], const double more[4], double period)
{
    double shift = period > 0 ? period * nearbyint((more[0] - box[0]) / period) : 0;
    box[0] = fmin(box[0], more[0] - shift);
    box[1] = fmin(box[1], more[1]);
    box[2] = fmax(box[2], more[2] - shift);
    box[3] = fmax(box[3], more[3]);
}

static int cover_members(tl__composite *c, tl_err *e)
{
    tl_grid *g = &c->s.native;
    double box[4], own[4], period = tl_crs_turn(g->crs);
    tl_grid_bounds(g, box);
    for (int64_t i = 0; i < c->spec.nmembers; i++)
        if (tl__member_box(&c->spec.member[i], g->crs, own) == 0)
            widen(box, own, period);
    return tl_grid_cover(g, box[0], box[1], box[2], box[3], e);
}

static int finest(tl_grid *g, double dx, double dy, tl_err *e)
{
    double kx = g->dx / dx, ky = g->dy / dy, box[4];
    tl_grid_bounds(g, box);
    if (fabs(kx - nearbyint(kx)) > 1e-9 * kx || fabs(ky - nearbyint(ky)) > 1e-9 * ky)
        g->x0 = g->y0 = 0;
    g->dx = dx;
    g->dy = dy;
    return tl_grid_cover(g, box[0], box[1], box[2], box[3], e);
}

/* CRS and anchor of the first member, the finest cell among the layouts in that CRS. */
static int find_grid(tl__composite *c, tl_source *const *layouts, tl_err *e)
{
    const tl_composite_spec *p = &c->spec;
    int64_t first = INT64_MAX;
    double dx = 0, dy = 0;
    survey *all = tl_xcalloc((size_t)p->nkinds, sizeof *all);
    opened_last last = {NULL, NULL, NULL};
    int rc = 0, n = 0, block_w = 1, block_h = 1;
    for (int k = 0; k < p->nkinds && !rc; k++) {
        int64_t which = 0;
        int known = 0;
        for (int j = 0; j < k; j++)
            known |= layouts[j] == layouts[k];
        if (known)
            continue;
        rc = survey_layout(p, layouts, layouts[k], &last, &all[n], &which, e);
        if (rc)
            break;
        block_w = all[n].block_w > block_w ? all[n].block_w : block_w;
        block_h = all[n].block_h > block_h ? all[n].block_h : block_h;
        c->s.nfiles = all[n].files > c->s.nfiles ? all[n].files : c->s.nfiles;
        if (which < first) {
            first = which;
            c->s.native = all[n].grid;
        }
        n++;
    }
    tl_source_unref(last.file);
    for (int i = 0; i < n && !rc; i++)
        if (all[i].grid.crs == c->s.native.crs) {
            dx = dx > 0 ? fmin(dx, all[i].dx) : all[i].dx;
            dy = dy > 0 ? fmin(dy, all[i].dy) : all[i].dy;
        }
    for (int b = 0; b < c->s.nbands; b++) {
        c->s.bands[b].block_w = block_w;
        c->s.bands[b].block_h = block_h;
    }
    free(all);
    c->s.nfiles = (int)fmin((double)c->s.nfiles * (double)p->nmembers, 1000);
    if (!rc && (dx != c->s.native.dx || dy != c->s.native.dy))
        rc = finest(&c->s.native, dx, dy, e);
    return rc ? rc : cover_members(c, e);
}

/* --- making
 * -----------------------------------------------------------------------------------------------
 */

static const tl_source_vt vt = {.destroy = destroy,
                                .sample = tl__composite_sample,
                                .sampling_destroy = tl__composite_sampling_destroy,
                                .working_bytes = tl__composite_working_bytes,
                                .read = tl__composite_read,
                                .prepare = tl__composite_prepare,
                                .passes = tl__composite_passes};

int tl_is_composite(const tl_source *s)
{
    return s->vt == &vt;
}

/* Whether the reducer hands on one of the values it gets. */
static int keeps_values(tl_reducer how)
{
    return how != TL_R_count && how != TL_R_sum && how != TL_R_mean && how != TL_R_stddev &&
           how != TL_R_median && how != TL_R_percentile;
}

/* The number that no valid cell of the band can hold in any kind, where there is one. */
static void inherit_nodata(const tl_composite_spec *p, int b, tl_band *to)
{
    for (int k = 0; k < p->nkinds; k++) {
        const tl_node *n = tl_node_unmasked(p->node[k * p->nbands + b]);
        const tl_band *from = n->kind == TL_NODE_BAND ? &n->source->bands[n->band] : NULL;
        int copies = n->method == TL_NEAREST || n->method == TL_MODE;
        if (!from || !tl_is_scene_source(n->source) || !from->has_nodata || !copies ||
            from->dtype != to->dtype || (k > 0 && from->nodata != to->nodata)) {
            to->has_nodata = 0;
            return;
        }
        to->has_nodata = 1;
        to->nodata = from->nodata;
        to->nodata_i = from->nodata_i;
    }
}

static void inherit_range(const tl_composite_spec *p, int b, tl_band *to)
{
    to->has_range = 1;
    for (int k = 0; k < p->nkinds; k++) {
        const tl_node *n = p->node[k * p->nbands + b];
        to->lo = k && to->lo < n->lo ? to->lo : n->lo;
        to->hi = k && to->hi > n->hi ? to->hi : n->hi;
    }
}

/* What one to n values within the range may sum up to, where that does not wrap. */
static void sum_range(int64_t n, tl_band *b)
{
    int64_t lo, hi;
    if (__builtin_mul_overflow(b->lo, b->lo < 0 ? n : 1, &lo) ||
        __builtin_mul_overflow(b->hi, b->hi > 0 ? n : 1, &hi)) {
        b->has_range = 0;
        return;
    }
    b->lo = lo;
    b->hi = hi;
}

static void describe_bands(tl__composite *c)
{
    const tl_composite_spec *p = &c->spec;
    int many = p->r.how == TL_R_stack;
    c->s.nbands = many ? (int)p->nmembers * p->nbands : p->nbands;
    c->s.bands = tl_xcalloc((size_t)c->s.nbands, sizeof *c->s.bands);
    for (int i = 0; i < c->s.nbands; i++) {
        int b = i % p->nbands;
        char *name = many ? tl_xasprintf("t%d_%s", i / p->nbands + 1, p->names[b]) : NULL;
        tl_dtype t = tl_reducer_dtype(p->r.how, c->in[b]);
        c->s.bands[i] = (tl_band){.name = name ? tl_intern(name) : p->names[b],
                                  .dtype = t,
                                  .scale = 1,
                                  .block_bands = 1,
                                  .is_computed = t != c->in[b] || is_computed(p, b),
                                  .own_validity = 1,
                                  .is_classes = is_classes(p, b)};
        free(name);
        if (keeps_values(p->r.how)) {
            inherit_nodata(p, b, &c->s.bands[i]);
            if (!tl_dtype_is_float(t))
                inherit_range(p, b, &c->s.bands[i]);
        } else if (p->r.how == TL_R_sum && !tl_dtype_is_float(t)) {
            inherit_range(p, b, &c->s.bands[i]);
            sum_range(p->nmembers, &c->s.bands[i]);
        } else if (p->r.how == TL_R_count) {
            c->s.bands[i].has_range = 1;
            c->s.bands[i].hi = p->nmembers;
        }
    }
}

static int check_spec(const tl_composite_spec *p, tl_err *e)
{
    if (p->nmembers < 1)
        return tl_fail(e, TL_ESCRIPT, "no scene is left to be reduced");
    if (p->r.how == TL_R_stack && p->nmembers * p->nbands > 1024)
        return tl_fail(e, TL_ESCRIPT, "%lld scenes of %d bands are more than 1024 bands",
                       (long long)p->nmembers, p->nbands);
    if (!(p->r.percentile >= 0 && p->r.percentile <= 100))
        return tl_fail(e, TL_ESCRIPT, "a percentile lies from 0 to 100, not at %g",
                       p->r.percentile);
    return 0;
}

int tl_composite_new(const tl_composite_spec *spec, tl_source **out, tl_err *e)
{
    static atomic_int serial;
    int rc = check_spec(spec, e);
    if (rc)
        return rc;
    tl__composite *c = tl_xcalloc(1, sizeof *c);
    c->s.vt = &vt;
    atomic_init(&c->s.refs, 1);
    tl_live(TL_LIVE_SOURCE, 1);
    c->spec = copy_spec(spec);
    c->in = tl_xcalloc((size_t)spec->nbands, sizeof *c->in);
    for (int b = 0; b < spec->nbands; b++)
        c->in[b] = band_dtype(spec, b);
    c->s.uri = tl_xasprintf("%s of %lld scene%s #%d", tl_reducer_name(spec->r.how),
                            (long long)spec->nmembers, spec->nmembers == 1 ? "" : "s",
                            atomic_fetch_add(&serial, 1) + 1);
    c->s.depth = tl_order_depth(c->spec.node, spec->nkinds * spec->nbands);
    describe_bands(c);
    tl_source **layouts = tl_xcalloc((size_t)spec->nkinds, sizeof *layouts);
    for (int k = 0; k < spec->nkinds && !rc; k++) {
        layouts[k] = layout_of(spec, k);
        if (!layouts[k])
            rc = tl_fail(e, TL_ESCRIPT, "what is computed of a scene reads none of its bands");
    }
    if (!rc)
        rc = find_grid(c, layouts, e);
    free(layouts);
    if (rc)
        tl_source_unref(&c->s);
    else
        *out = &c->s;
    return rc;
}
