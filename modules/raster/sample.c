/* How a source is sampled on a lattice, decided once. SPDX-License-Identifier: MIT */
#include "modules/raster/crs.h"
#include "modules/raster/raster_int.h"
#include "runtime/log.h"
#include "runtime/mem.h"

#include <gdal_alg.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- mapping ---------------------------------------------------------------------------------- */

int tl_mapper_init(tl_mapper *p, const tl_raster_sampling *m, tl_gdal_handle *h, tl_err *e)
{
    const tl_raster *r = (const tl_raster *)m->m.source;
    *p = (tl_mapper){m, NULL, NULL};
    int code = 0;
    if (m->m.operation[0])
        code = tl_crs_pj(m->m.operation, &p->pj, e);
    if (!code && r->georef == TL_GEO_WARP)
        code = tl_raster_transformer(r, h, &p->transformer, e);
    return code;
}

/* Into (middle - period / 2, middle + period / 2]: the file's east edge stays with it. */
static double near_middle(const tl_raster *r, double x)
{
    double d = x - r->middle;
    if (r->period > 0 && !(fabs(d) < r->period / 2))
        return x - r->period * ceil(d / r->period - 0.5);
    return x;
}

/* CRS coordinates of the source to pixels of the file. */
static void to_pixels(const tl_raster *r, void *transformer, size_t n, double *x, double *y)
{
    const double *v = r->inverse;
    for (size_t i = 0; i < n; i++) {
        double sx = near_middle(r, x[i]), sy = y[i];
        if (r->georef == TL_GEO_WARP) {
            double z = 0;
            int good = 0;
            if (isfinite(sx) && isfinite(sy))
                GDALGenImgProjTransform(transformer, TRUE, 1, &sx, &sy, &z, &good);
            x[i] = good && isfinite(sx) ? sx : NAN;
            y[i] = good && isfinite(sy) ? sy : NAN;
        } else if (r->georef == TL_GEO_AFFINE) {
            x[i] = v[0] + sx * v[1] + sy * v[2];
            y[i] = v[3] + sx * v[4] + sy * v[5];
        } else { /* no product that only rounding would make differ from zero */
            x[i] = (sx - r->gt[0]) / r->gt[1];
            y[i] = (sy - r->gt[3]) / r->gt[5];
        }
    }
}

void tl_mapper_map(void *mapper, size_t n, double *x, double *y)
{
    const tl_mapper *p = mapper;
    const tl_raster_sampling *m = p->m;
    for (size_t i = 0; i < n; i++) {
        x[i] = tl_grid_x(&m->m.lattice, x[i]);
        y[i] = tl_grid_y(&m->m.lattice, y[i]);
    }
    tl_crs_map(p->pj, PJ_FWD, n, x, y);
    to_pixels((const tl_raster *)m->m.source, p->transformer, n, x, y);
    for (size_t i = 0; i < n; i++) {
        x[i] /= m->fx;
        y[i] /= m->fy;
    }
}

/* A pixel position of the file as a cell position of the lattice; NaN if it has none. */
static void lattice_position(const tl_mapper *p, double *x, double *y)
{
    const tl_raster *r = (const tl_raster *)p->m->m.source;
    const tl_grid *g = &p->m->m.lattice;
    double px = *x, py = *y, z = 0;
    int good = 1;
    if (r->georef == TL_GEO_WARP) {
        GDALGenImgProjTransform(p->transformer, FALSE, 1, &px, &py, &z, &good);
    } else {
        px = r->gt[0] + *x * r->gt[1] + *y * r->gt[2];
        py = r->gt[3] + *x * r->gt[4] + *y * r->gt[5];
    }
    if (!good)
        px = NAN;
    tl_crs_map(p->pj, PJ_INV, 1, &px, &py);
    *x = (px - g->x0) / g->dx - 0.5;
    *y = (g->y0 - py) / g->dy - 0.5;
}

/* --- scale -------------------------------------------------------------------------------------
 */

/* Pixels of the file per lattice cell, along the file's columns and rows, at one pixel position. */
static int scale_at(tl_mapper *p, double px, double py, double *sx, double *sy)
{
    double col = px, row = py;
    lattice_position(p, &col, &row);
    for (double step = 0.5; step > 1e-4; step /= 8) {
        double x[4] = {col - step, col + step, col, col}, y[4] = {row, row, row - step, row + step};
        tl_mapper_map(p, 4, x, y);
        double a = (x[1] - x[0]) / (2 * step), b = (x[3] - x[2]) / (2 * step);
        double c = (y[1] - y[0]) / (2 * step), d = (y[3] - y[2]) / (2 * step);
        *sx = hypot(a, b);
        *sy = hypot(c, d);
        if (isfinite(*sx) && isfinite(*sy) && *sx > 0 && *sy > 0)
            return 0;
    }
    return -1;
}

/* At the middle of the file, or else at a place near it that the operation can map. */
static void find_scale(tl_raster_sampling *m, tl_mapper *p)
{
    static const double at[9][2] = {{.5, .5},   {.25, .5},  {.75, .5},  {.5, .25}, {.5, .75},
                                    {.25, .25}, {.75, .75}, {.25, .75}, {.75, .25}};
    const tl_raster *r = (const tl_raster *)m->m.source;
    for (int k = 0; k < 9; k++)
        if (scale_at(p, at[k][0] * r->w, at[k][1] * r->h, &m->sx, &m->sy) == 0)
            return;
    m->sx = m->sy = 1;
}

/* --- decisions ---------------------------------------------------------------------------------
 */

/* The north-up grid of a level. */
static tl_grid level_grid(const tl_raster *r, int k)
{
    tl_grid g = r->s.native;
    g.dx *= (double)r->w / r->levels[k].w;
    g.dy *= (double)r->h / r->levels[k].h;
    g.w = r->levels[k].w;
    g.h = r->levels[k].h;
    return g;
}

static int try_exact(tl_raster_sampling *m, int k)
{
    const tl_raster *r = (const tl_raster *)m->m.source;
    const tl_level *l = &r->levels[k];
    tl_grid g = level_grid(r, k);
    if (r->georef != TL_GEO_NORTH && r->georef != TL_GEO_SOUTH)
        return 0;
    if (k > 0 && (m->m.method != TL_NEAREST || r->w % l->w || r->h % l->h))
        return 0;
    if (!tl_grid_same_lattice(&m->m.lattice, &g, &m->dcol, &m->drow))
        return 0;
    m->m.exact = 1;
    m->level = k;
    if (r->period > 0 && fabs(r->period / g.dx - round(r->period / g.dx)) < 1e-6)
        m->turn = (int64_t)round(r->period / g.dx);
    return 1;
}

static void set_level(tl_raster_sampling *m, int k)
{
    const tl_raster *r = (const tl_raster *)m->m.source;
    m->level = k;
    m->fx = (double)r->w / r->levels[k].w;
    m->fy = (double)r->h / r->levels[k].h;
}

/* The coarsest overview that is still no coarser than the lattice, by a hundredth. */
static void choose_level(tl_raster_sampling *m)
{
    const tl_raster *r = (const tl_raster *)m->m.source;
    double finest = fmin(m->sx, m->sy);
    int best = 0;
    for (int k = 1; k < r->nlevels; k++)
        if (fmax((double)r->w / r->levels[k].w, (double)r->h / r->levels[k].h) <= finest * 1.01)
            best = k;
    set_level(m, best);
    m->sx /= m->fx;
    m->sy /= m->fy;
}

/* W,S,E,N in degrees of the source, for the choice of an operation; NULL when unknown. */
static const double *area_of(const tl_raster *r, double area[4])
{
    double box[4];
    tl_grid_bounds(&r->s.native, box);
    if (tl_crs_transform_box(r->s.native.crs, "EPSG:4326", box, area, NULL) != 0)
        return NULL;
    if (area[2] - area[0] >= 360) {
        area[0] = -180;
        area[2] = 180;
    }
    while (area[2] > 180 && area[2] > area[0])
        area[2] -= 360;
    return area;
}

static int choose_operation(tl_raster_sampling *m, const char *given, int *ballpark, tl_err *e)
{
    const tl_raster *r = (const tl_raster *)m->m.source;
    const char *from = m->m.lattice.crs, *to = r->s.native.crs;
    double area[4];
    *ballpark = 0;
    if (given || from == to) {
        m->m.operation = tl_xstrdup(given ? given : "");
        return 0;
    }
    int code = tl_crs_operation(from, to, area_of(r, area), &m->m.operation, ballpark, e);
    if (code)
        return e ? tl_err_source(e, r->s.uri) : code;
    if (*ballpark)
        tl_warn_once("%s: PROJ knows no datum shift between %s and %s; places may be off by some "
                     "hundred metres",
                     r->s.uri, tl_crs_name(from), tl_crs_name(to));
    return 0;
}

static char *describe(const tl_raster_sampling *m, int ballpark)
{
    const tl_raster *r = (const tl_raster *)m->m.source;
    char level[80] = "";
    if (m->level > 0)
        snprintf(level, sizeof level, "overview %d of %d (1/%.3g), ", m->level, r->nlevels - 1,
                 (double)r->w / r->levels[m->level].w);
    if (m->m.exact)
        return tl_xasprintf("%sexactly, cell by cell", level);
    double wide = fmax(m->sx, m->sy);
    char kernel[60] = "";
    if (wide > 1 / 0.95 && (m->m.method == TL_BILINEAR || m->m.method == TL_CUBIC))
        snprintf(kernel, sizeof kernel, " over %.3g pixels", wide);
    return tl_xasprintf("%s%s%s%s%s%s", level, tl_method_name(m->m.method), kernel,
                        m->m.operation[0] ? ", from " : "",
                        m->m.operation[0] ? tl_crs_name(r->s.native.crs) : "",
                        ballpark ? ", no datum shift known" : "");
}

static void estimate_bytes(tl_raster_sampling *m)
{
    const tl_raster *r = (const tl_raster *)m->m.source;
    double per_pixel = (double)tl_dtype_size(r->s.bands[0].dtype);
    if (r->stamp.bytes > 0)
        per_pixel = fmin(per_pixel, (double)r->stamp.bytes / r->w / r->h / r->s.nbands);
    double pixels = m->m.exact ? 1 : fmax(1, m->sx) * fmax(1, m->sy);
    double bytes = ceil(per_pixel * (m->m.method == TL_NEAREST ? fmin(pixels, 64) : pixels));
    m->m.bytes_per_cell = bytes < 1 ? 1 : bytes < 1e15 ? (int64_t)bytes : (int64_t)1e15;
}

/* Everything but the lattice, the method and the source, which are set. */
static int decide(tl_raster_sampling *m, const char *operation, tl_err *e)
{
    tl_raster *r = (tl_raster *)m->m.source;
    tl_mapper p;
    int ballpark, code = choose_operation(m, operation, &ballpark, e);
    if (code)
        return code;
    set_level(m, 0);
    tl_gdal_handle *h = r->georef == TL_GEO_WARP ? tl_raster_handle(r) : NULL;
    if ((code = tl_mapper_init(&p, m, h, e)))
        return e ? tl_err_source(e, r->s.uri) : code;
    find_scale(m, &p);
    m->m.coarser = sqrt(m->sx * m->sy);
    m->curved = m->m.operation[0] || r->georef == TL_GEO_WARP;
    for (int k = 0; k < r->nlevels && !m->curved && !m->m.exact; k++)
        if (try_exact(m, k))
            set_level(m, k);
    if (!m->m.exact)
        choose_level(m);
    m->m.note = describe(m, ballpark);
    estimate_bytes(m);
    return 0;
}

int tl_raster_sample(tl_source *s, const tl_grid *grid, tl_method method, const char *operation,
                     tl_sampling **out, tl_err *e)
{
    tl_raster_sampling *m = tl_xcalloc(1, sizeof *m);
    m->m.source = tl_source_ref(s);
    atomic_init(&m->m.refs, 1);
    m->m.lattice = *grid;
    m->m.lattice.col = m->m.lattice.row = 0;
    m->m.lattice.w = m->m.lattice.h = 1;
    m->m.method = method;
    int code = decide(m, operation, e);
    if (code) {
        tl_raster_sampling_destroy(&m->m);
        return code;
    }
    *out = &m->m;
    return 0;
}

void tl_raster_sampling_destroy(tl_sampling *m)
{
    tl_source *s = m->source;
    free(m->operation);
    free(m->note);
    free(m);
    tl_source_unref(s);
}
