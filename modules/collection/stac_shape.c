/* Footprints of STAC items: rings over the antimeridian, and the boxes of them.
 * SPDX-License-Identifier: MIT */
#include "modules/collection/stac_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    double x, y;
} point;

/* What the catalogue gives as the box; *has = 0 where there is none. */
static int given_box(const tl__stac *it, double box[4], int *has, tl_err *e)
{
    *has = it->nbbox >= 0;
    if (!*has)
        return 0;
    if (it->nbbox != 4 && it->nbbox != 6)
        return tl__stac_bad(it, e, "bbox", "is not four or six numbers");
    int half = it->nbbox / 2;
    const double b[4] = {it->bbox[0], it->bbox[1], it->bbox[half], it->bbox[half + 1]};
    memcpy(box, b, sizeof b);
    if (!(fabs(b[1]) <= 90 && fabs(b[3]) <= 90 && b[1] <= b[3] && fabs(b[0]) <= 360 &&
          fabs(b[2]) <= 360))
        return tl__stac_bad(it, e, "bbox", "is not west, south, east, north in degrees");
    return 0;
}

static int check_points(const tl__stac *it, const point *p, size_t n, tl_err *e)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs(p[i].x) <= 540 && fabs(p[i].y) <= 90))
            return tl__stac_bad(it, e, "geometry.coordinates",
                                "are not longitudes and latitudes in degrees");
    return 0;
}

/* A box drawn as a ring, from -180 to 180 perhaps: taken at its word. */
static int is_rectangle(const point *p, size_t n, const double b[4])
{
    if (b[0] > b[2])
        return 0;
    for (size_t i = 0; i < n; i++)
        if ((p[i].x != b[0] && p[i].x != b[2]) || (p[i].y != b[1] && p[i].y != b[3]))
            return 0;
    return 1;
}

/* Longitudes such that neighbours lie within 180; what is left between the last and the first, 0
 * unless the ring goes around a pole. */
static double unwrap(point *p, size_t n)
{
    for (size_t i = 1; i < n; i++)
        p[i].x -= 360 * round((p[i].x - p[i - 1].x) / 360);
    return n > 2 && p[0].y == p[n - 1].y ? p[n - 1].x - p[0].x : 0;
}

static void extent(const point *p, size_t n, double b[4])
{
    b[0] = b[1] = INFINITY;
    b[2] = b[3] = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        b[0] = fmin(b[0], p[i].x);
        b[1] = fmin(b[1], p[i].y);
        b[2] = fmax(b[2], p[i].x);
        b[3] = fmax(b[3], p[i].y);
    }
}

/* To 360 degrees either side, so that it makes the extent b least wider; b is widened. */
static void bring_near(point *p, size_t n, double b[4])
{
    double own[4], best = INFINITY, shift = 0;
    extent(p, n, own);
    for (int k = -1; k <= 1; k++) {
        double width = fmax(b[2], own[2] + 360 * k) - fmin(b[0], own[0] + 360 * k);
        if (width < best) {
            best = width;
            shift = 360 * k;
        }
    }
    for (size_t i = 0; i < n; i++)
        p[i].x += shift;
    b[0] = fmin(b[0], own[0] + shift);
    b[1] = fmin(b[1], own[1]);
    b[2] = fmax(b[2], own[2] + shift);
    b[3] = fmax(b[3], own[3]);
}

static int by_x(const void *a, const void *b)
{
    const point *p = a, *q = b;
    return p->x != q->x ? (p->x > q->x) - (p->x < q->x) : (p->y > q->y) - (p->y < q->y);
}

/* The convex hull, closed, by Andrew's monotone chain; h has room for 2 n + 1. */
static size_t hull(point *p, size_t n, point *h)
{
    size_t k = 0;
    qsort(p, n, sizeof *p, by_x);
    for (int upper = 0; upper < 2; upper++) {
        size_t base = k ? k : 1;
        for (size_t i = 0; i < n; i++) {
            point q = p[upper ? n - 1 - i : i];
            while (k > base && (h[k - 1].x - h[k - 2].x) * (q.y - h[k - 2].y) -
                                       (h[k - 1].y - h[k - 2].y) * (q.x - h[k - 2].x) <=
                                   0)
                k--;
            if (!k || h[k - 1].x != q.x || h[k - 1].y != q.y)
                h[k++] = q;
        }
    }
    return k;
}

/* b, of any longitudes, as a box of -180 to 180 whose west is beyond its east when it crosses. */
static void normalise(const double b[4], double box[4])
{
    memcpy(box, b, 4 * sizeof *b);
    if (b[2] - b[0] >= 360) {
        box[0] = -180;
        box[2] = 180;
        return;
    }
    double shift = 360 * floor((b[0] + 180) / 360);
    box[0] = b[0] - shift;
    box[2] = b[2] - shift;
    if (box[2] > 180)
        box[2] -= 360;
}

/* The points of outer rings, one ring after the other, at the beginning of p; ends to `end`. */
static size_t outer_rings(tl__stac *it, point *p, size_t n, size_t *end)
{
    const tl__stac_ring *r = (const void *)it->rings.data;
    size_t k = it->rings.len / sizeof *r, rings = 0, to = 0;
    for (size_t i = 0; i < k; i++) {
        size_t last = i + 1 < k ? r[i + 1].first : n;
        if (!r[i].outer || last - r[i].first < 4)
            continue;
        memmove(p + to, p + r[i].first, (last - r[i].first) * sizeof *p);
        to += last - r[i].first;
        end[rings++] = to;
    }
    return rings;
}

static void set_ring(tl__stac *it, const point *p, size_t n, double box0, tl_scene *s)
{
    double shift = p[0].x - box0 > 180 ? -360 : p[0].x - box0 < -180 ? 360 : 0;
    it->ring.len = 0;
    for (size_t i = 0; i < n; i++) {
        const float x[2] = {(float)(p[i].x + shift), (float)p[i].y};
        tl_buf_add(&it->ring, x, sizeof x);
    }
    s->ring = (const void *)it->ring.data;
    s->nring = n;
}

/* A footprint around a pole: all longitudes, to the pole. */
static void polar(const double b[4], double box[4])
{
    box[0] = -180;
    box[2] = 180;
    box[1] = b[1] + b[3] < 0 ? -90 : b[1];
    box[3] = b[1] + b[3] < 0 ? b[3] : 90;
}

static void areas(tl__stac *it, point *p, const size_t *end, size_t rings, tl_scene *s)
{
    double b[4] = {INFINITY, INFINITY, -INFINITY, -INFINITY}, gap = 0;
    for (size_t i = 0; i < rings; i++) {
        point *first = p + (i ? end[i - 1] : 0);
        size_t n = (size_t)(p + end[i] - first);
        gap = fmax(gap, fabs(unwrap(first, n)));
        if (i)
            bring_near(first, n, b);
        else
            extent(first, n, b);
    }
    if (gap > 180) {
        polar(b, s->box);
        return;
    }
    normalise(b, s->box);
    size_t n = end[rings - 1];
    if (rings > 1) { /* parts, cut at the antimeridian mostly: what lies around them */
        it->hull.len = 0;
        point none = {0, 0};
        for (size_t i = 0; i < 2 * n + 1; i++)
            tl_buf_add(&it->hull, &none, sizeof none);
        point *h = (void *)it->hull.data;
        n = hull(p, n, h);
        p = h;
    }
    if (n >= 4)
        set_ring(it, p, n, s->box[0], s);
}

int tl__stac_shape(tl__stac *it, tl_scene *s, tl_err *e)
{
    double given[4] = {NAN, NAN, NAN, NAN}, b[4];
    int has;
    int rc = given_box(it, given, &has, e);
    if (rc)
        return rc;
    if (it->geometry != TL__STAC_OBJECT && (has || it->geometry == TL__STAC_ABSENT))
        return tl__stac_bad(it, e, "geometry",
                            it->geometry == TL__STAC_NULL ? "is null although there is a bbox"
                                                          : "is missing");
    point *p = (void *)it->points.data;
    size_t n = it->points.len / sizeof *p;
    rc = check_points(it, p, n, e);
    if (rc)
        return rc;
    if (!n) {
        if (it->geometry == TL__STAC_OBJECT && !has)
            return tl__stac_bad(it, e, "geometry", "has no coordinates");
        memcpy(s->box, given, sizeof given);
        if (has)
            normalise((double[]){given[0], given[1], given[2] < given[0] ? given[2] + 360 : given[2],
                                 given[3]},
                      s->box);
        return 0;
    }
    extent(p, n, b);
    if (it->geometry_type_is_area && !is_rectangle(p, n, has ? given : b)) {
        size_t few[16], *end = few, rings = it->rings.len / sizeof(tl__stac_ring);
        if (rings > 16 && !(end = malloc(rings * sizeof *end)))
            return tl_fail(e, TL_ENOMEM, "no memory for the rings of an item");
        rings = outer_rings(it, p, n, end);
        if (rings)
            areas(it, p, end, rings, s);
        if (end != few)
            free(end);
        return rings ? 0 : tl__stac_bad(it, e, "geometry.coordinates", "are no rings of points");
    }
    normalise(b, s->box);
    if (has && given[0] > given[2])
        memcpy(s->box, given, sizeof given);
    return 0;
}
