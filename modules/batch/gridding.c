/* Which grid a result lies on: see gridding.h. SPDX-License-Identifier: MIT */
#include "modules/batch/gridding.h"
#include "modules/image/order.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void tl_where_merge(tl_where *w, const tl_where *weaker)
{
    if (!w->crs && !w->grid) {
        w->crs = weaker->crs;
        w->grid = weaker->grid;
    }
    if (!(w->res[0] > 0)) {
        w->res[0] = weaker->res[0];
        w->res[1] = weaker->res[1];
    }
    if (!w->has_bbox && weaker->has_bbox) {
        w->has_bbox = 1;
        memcpy(w->bbox, weaker->bbox, sizeof w->bbox);
    }
    w->align_crs |= weaker->align_crs;
}

static int whole_multiple(double a, double b)
{
    double k = a > b ? a / b : b / a;
    return fabs(k - nearbyint(k)) <= 1e-9 * k;
}

static void set_cell(tl_grid *g, double dx, double dy, int align_crs)
{
    int keep = !align_crs && whole_multiple(dx, g->dx) && whole_multiple(dy, g->dy);
    g->dx = dx;
    g->dy = dy;
    if (!keep)
        g->x0 = g->y0 = 0;
}

int tl_native_grid(const tl_image *img, tl_grid *out, tl_err *e)
{
    tl_order o;
    tl_node **roots = tl_xcalloc((size_t)img->nbands, sizeof *roots);
    for (int i = 0; i < img->nbands; i++)
        roots[i] = img->band[i].node;
    tl_order_make(&o, roots, img->nbands);
    const tl_source *first = NULL;
    double dx = 0, dy = 0;
    for (int i = 0; i < o.n; i++) {
        const tl_source *s = o.node[i]->source;
        if (!s)
            continue;
        if (!first) {
            first = s;
            *out = s->native;
            dx = s->native.dx;
            dy = s->native.dy;
        } else if (s->native.crs == out->crs) {
            dx = fmin(dx, s->native.dx);
            dy = fmin(dy, s->native.dy);
        }
    }
    tl_order_free(&o);
    free(roots);
    if (!first)
        return tl_fail(e, TL_ESCRIPT,
                       "an image that reads no file has no grid of its own; give "
                       "crs, res and bbox");
    if (dx != out->dx || dy != out->dy) {
        double box[4];
        tl_grid_bounds(out, box);
        set_cell(out, dx, dy, 0);
        return tl_grid_cover(out, box[0], box[1], box[2], box[3], e);
    }
    return 0;
}

int tl_native_grid_of(tl_image *const *img, int n, tl_grid *out, tl_err *e)
{
    double all[4], box[4];
    tl_grid g, other;
    int rc = tl_native_grid(img[0], &g, e);
    if (rc)
        return rc;
    tl_grid_bounds(&g, all);
    for (int k = 1; k < n && !rc; k++) {
        double from[4];
        rc = tl_native_grid(img[k], &other, e);
        if (rc)
            return rc;
        tl_grid_bounds(&other, from);
        memcpy(box, from, sizeof box);
        if (other.crs != g.crs)
            rc = tl_crs_transform_box(other.crs, g.crs, from, box, e);
        for (int i = 0; i < 2; i++) {
            all[i] = fmin(all[i], box[i]);
            all[i + 2] = fmax(all[i + 2], box[i + 2]);
        }
    }
    if (!rc && n > 1)
        rc = tl_grid_cover(&g, all[0], all[1], all[2], all[3], e);
    if (!rc)
        *out = g;
    return rc;
}

static double diagonal(double w, double h)
{
    return sqrt(w * w + h * h);
}

/* The box of `g` in another CRS, and a cell there that keeps the number of cells on the diagonal.
 */
static int change_crs(tl_grid *g, const char *crs, double box[4], tl_err *e)
{
    double from[4] = {box[0], box[1], box[2], box[3]};
    if (g->crs[0] == '\0' || strcmp(g->crs, "LOCAL") == 0)
        return tl_fail(
            e, TL_EDATA,
            "the file states no coordinate system, so it cannot be brought to %s; give it "
            "one with gdal_edit.py -a_srs",
            crs);
    int rc = tl_crs_transform_box(g->crs, crs, from, box, e);
    if (rc)
        return rc;
    double cells = diagonal((double)g->w, (double)g->h);
    double cell = diagonal(box[2] - box[0], box[3] - box[1]) / cells;
    if (!(cell > 0) || !isfinite(cell))
        return tl_fail(e, TL_EDATA, "the area has no size in %s", crs);
    g->crs = crs;
    g->x0 = g->y0 = 0;
    g->dx = g->dy = cell;
    return 0;
}

static int cut_window(tl_grid *g, tl_rect win, tl_err *e)
{
    tl_rect all = {0, 0, g->w, g->h};
    if (win.w <= 0 || win.h <= 0)
        return tl_fail(e, TL_EUSAGE, "--window of %lld x %lld cells is empty", (long long)win.w,
                       (long long)win.h);
    tl_rect in = tl_rect_intersect(all, win);
    if (in.w <= 0 || in.h <= 0)
        return tl_fail(e, TL_EUSAGE,
                       "--window %lld,%lld,%lld,%lld lies outside the grid of %lld x %lld cells",
                       (long long)win.x, (long long)win.y, (long long)win.w, (long long)win.h,
                       (long long)g->w, (long long)g->h);
    g->col += win.x;
    g->row += win.y;
    g->w = win.w;
    g->h = win.h;
    return 0;
}

static int cover_bbox(tl_grid *g, const double bbox[4], tl_err *e)
{
    double box[4] = {bbox[0], bbox[1], bbox[2], bbox[3]};
    if (!(bbox[2] > bbox[0]) || !(bbox[3] > bbox[1]))
        return tl_fail(e, TL_EUSAGE,
                       "the box %g,%g,%g,%g is empty; west,south,east,north in degrees", bbox[0],
                       bbox[1], bbox[2], bbox[3]);
    if (g->crs[0] == '\0' || strcmp(g->crs, "LOCAL") == 0)
        return tl_fail(e, TL_EDATA,
                       "the file states no coordinate system, so a box in degrees means "
                       "nothing; use --window");
    int rc = tl_crs_transform_box("EPSG:4326", g->crs, bbox, box, e);
    return rc ? rc : tl_grid_cover(g, box[0], box[1], box[2], box[3], e);
}

int tl_resolve_grid(const tl_grid *native, const tl_where *w, tl_grid *out, tl_err *e)
{
    tl_grid g = w->grid ? *w->grid : *native;
    double box[4];
    int rc = 0;
    tl_grid_bounds(&g, box);
    if (w->crs) {
        const char *crs;
        rc = tl_crs_canonical(w->crs, &crs, e);
        if (!rc && crs != g.crs)
            rc = change_crs(&g, crs, box, e);
        if (rc)
            return rc;
    }
    if (w->res[0] > 0)
        set_cell(&g, w->res[0], w->res[1] > 0 ? w->res[1] : w->res[0], w->align_crs);
    else if (w->align_crs)
        set_cell(&g, g.dx, g.dy, 1);
    rc = w->has_bbox ? cover_bbox(&g, w->bbox, e)
                     : tl_grid_cover(&g, box[0], box[1], box[2], box[3], e);
    if (!rc && w->has_window)
        rc = cut_window(&g, w->window, e);
    if (!rc)
        *out = g;
    return rc;
}

#define MERCATOR_HALF 20037508.342789244 /* pi * 6378137 m */

int tl_zoom_grid(double lon, double lat, double zoom, int64_t w, int64_t h, tl_grid *out, tl_err *e)
{
    if (!(zoom >= 0 && zoom <= 30))
        return tl_fail(e, TL_EUSAGE, "--zoom %g: 0 to 30", zoom);
    if (!(fabs(lat) <= 85.06) || !(fabs(lon) <= 360))
        return tl_fail(e, TL_EUSAGE, "--center %g,%g: longitude, latitude within 85 degrees", lon,
                       lat);
    tl_grid g = {.x0 = -MERCATOR_HALF, .y0 = MERCATOR_HALF, .w = w, .h = h};
    int rc = tl_crs_canonical("EPSG:3857", &g.crs, e);
    g.dx = g.dy = 2 * MERCATOR_HALF / 256 / pow(2, zoom);
    double x = lon / 180 * MERCATOR_HALF;
    double y = log(tan(M_PI / 4 + lat * M_PI / 360)) * 6378137;
    g.col = (int64_t)floor((x - g.x0) / g.dx - (double)w / 2);
    g.row = (int64_t)floor((g.y0 - y) / g.dy - (double)h / 2);
    if (!rc)
        *out = g;
    return rc;
}

void tl_fit_grid(tl_grid *g, int64_t w, int64_t h)
{
    double k = fmax((double)g->w / (double)w, (double)g->h / (double)h);
    if (k <= 1)
        return;
    /* Anchored at the area's own corner: the last cell may reach beyond it. */
    g->x0 += (double)g->col * g->dx;
    g->y0 -= (double)g->row * g->dy;
    g->dx *= k;
    g->dy *= k;
    g->col = g->row = 0;
    g->w = (int64_t)ceil((double)g->w / k - 1e-6);
    g->h = (int64_t)ceil((double)g->h / k - 1e-6);
}
