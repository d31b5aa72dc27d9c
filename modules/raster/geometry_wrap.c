/* The antimeridian: longitudes made continuous. SPDX-License-Identifier: MIT */
#include "modules/raster/geometry_int.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A jump by more than half a turn goes the short way round, but one by a whole turn is the edge of
 * a map of the world. */
static double step(double from, double to)
{
    double d = to - from;
    return fabs(d) > 180 && fabs(d) < 360 - 1e-9 ? -360 * nearbyint(d / 360) : 0;
}

/* A ring around a pole does not come back to where it began: it is led over the pole. */
static int close_over_pole(tl_shape *to, const tl_path *p, tl_err *e)
{
    double first = to->x[p->first], last = to->x[p->first + p->n - 1], sum = 0;
    for (size_t i = 0; i < p->n; i++)
        sum += to->y[p->first + i];
    double pole = sum >= 0 ? 90 : -90, lat = to->y[p->first];
    int rc = tl__shape_point(to, last, pole, e);
    if (!rc)
        rc = tl__shape_point(to, first, pole, e);
    return rc ? rc : tl__shape_point(to, first, lat, e);
}

static int unwrap_path(const tl_shape *s, const tl_path *p, tl_shape *to, tl_err *e)
{
    double shift = 0;
    int rc = 0;
    tl__shape_path(to, p->kind);
    for (size_t i = 0; i < p->n && !rc; i++) {
        size_t k = p->first + i;
        if (i)
            shift += step(s->x[k - 1], s->x[k]);
        rc = tl__shape_point(to, s->x[k] + shift, s->y[k], e);
    }
    if (!rc && p->kind >= TL_PATH_SHELL && shift != 0)
        rc = close_over_pole(to, &to->path[to->npaths - 1], e);
    return rc;
}

/* --- parts -------------------------------------------------------------------------------------
 */

typedef struct {
    double from, to; /* longitudes */
    size_t path, npaths;
} part; /* a point, a line, or a polygon with its holes */

static void bounds_of(const tl_shape *s, const tl_path *p, double *lo, double *hi)
{
    *lo = INFINITY;
    *hi = -INFINITY;
    for (size_t i = p->first; i < p->first + p->n; i++) {
        *lo = fmin(*lo, s->x[i]);
        *hi = fmax(*hi, s->x[i]);
    }
}

static void move(tl_shape *s, const tl_path *p, double by)
{
    for (size_t i = p->first; by != 0 && i < p->first + p->n; i++)
        s->x[i] += by;
}

/* Holes go to where their shell is. */
static size_t find_parts(tl_shape *s, part *parts)
{
    size_t n = 0;
    for (size_t i = 0; i < s->npaths; i++) {
        double lo, hi;
        bounds_of(s, &s->path[i], &lo, &hi);
        if (s->path[i].kind == TL_PATH_HOLE && n) {
            part *p = &parts[n - 1];
            double by = 0;
            while (lo + by < p->from - 1e-9 && hi + by + 360 <= p->to + 1e-9)
                by += 360;
            while (hi + by > p->to + 1e-9 && lo + by - 360 >= p->from - 1e-9)
                by -= 360;
            move(s, &s->path[i], by);
            p->npaths++;
        } else {
            parts[n++] = (part){lo, hi, i, 1};
        }
    }
    return n;
}

static double into_turn(double lon) /* [-180, 180) */
{
    double x = lon - 360 * floor((lon + 180) / 360);
    return x >= 180 ? x - 360 : x;
}

static int by_start(const void *a, const void *b)
{
    const part *p = a, *q = b;
    double x = into_turn(p->from), y = into_turn(q->from);
    return (x > y) - (x < y);
}

/* The longitude at which the widest gap between parts ends, on the circle, and how wide it is. */
static double widest_gap(const part *parts, size_t n, double *width)
{
    part *sorted = tl_xmalloc(n * sizeof *sorted);
    memcpy(sorted, parts, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_start);
    double reach = -INFINITY, at = into_turn(sorted[0].from);
    *width = -INFINITY;
    for (size_t turn = 0; turn < 2; turn++) /* what reaches over the seam counts the second time */
        for (size_t i = 0; i < n; i++) {
            double from = into_turn(sorted[i].from) + 360 * (double)turn;
            if (turn && from - reach > *width) {
                *width = from - reach;
                at = into_turn(from);
            }
            reach = fmax(reach, from + (sorted[i].to - sorted[i].from));
        }
    free(sorted);
    return at;
}

/* Gathers parts on both sides of 180 where the whole becomes narrower that way. */
static void gather(tl_shape *s, double box[4])
{
    part *parts = tl_xcalloc(s->npaths, sizeof *parts);
    size_t n = find_parts(s, parts);
    double lo = INFINITY, hi = -INFINITY, gap, start;
    for (size_t i = 0; i < n; i++) {
        lo = fmin(lo, parts[i].from);
        hi = fmax(hi, parts[i].to);
    }
    start = widest_gap(parts, n, &gap);
    double base = into_turn(lo) - lo;
    int narrower = gap > 0 && 360 - gap < hi - lo - 1e-6;
    double w = narrower ? start : lo + base, e = w;
    for (size_t i = 0; i < n; i++) {
        double by = base;
        if (narrower) {
            double from = into_turn(parts[i].from);
            by = from + (from < start - 1e-9 ? 360 : 0) - parts[i].from;
        }
        for (size_t k = 0; k < parts[i].npaths; k++)
            move(s, &s->path[parts[i].path + k], 360 * nearbyint(by / 360));
        e = fmax(e, parts[i].to + 360 * nearbyint(by / 360));
    }
    box[0] = w;
    box[2] = e - w >= 360 ? w + 360 : e;
    free(parts);
}

int tl__shape_unwrap(tl_shape *s, double box[4], tl_err *e)
{
    tl_shape to = {.crs = s->crs};
    for (size_t i = 0; i < s->n; i++)
        if (!(fabs(s->y[i]) <= 90 + 1e-6) || !(fabs(s->x[i]) <= 720))
            return tl_fail(
                e, TL_EDATA,
                "%.10g,%.10g is no longitude and latitude in degrees: is the geometry in "
                "another coordinate system?",
                s->x[i], s->y[i]);
    for (size_t i = 0; i < s->npaths; i++) {
        int rc = unwrap_path(s, &s->path[i], &to, e);
        if (rc) {
            tl__shape_clear(&to);
            return rc;
        }
    }
    tl__shape_clear(s);
    *s = to;
    tl__shape_finish(s);
    if (s->npaths == 0)
        return tl_fail(e, TL_EDATA, "the geometry is empty: it has no point, line or area");
    gather(s, box);
    tl__shape_finish(s);
    box[1] = s->box[1];
    box[3] = s->box[3];
    if (box[2] - box[0] >= 360) {
        box[0] = -180;
        box[2] = 180;
    } else if (box[2] > 180) {
        box[2] -= 360;
    }
    return 0;
}
