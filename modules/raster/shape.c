/* Vertices as plain data: see geometry.h. SPDX-License-Identifier: MIT */
#include "modules/raster/crs.h"
#include "modules/raster/geometry_int.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEEPEST 16 /* an edge is halved at most so often */

void tl__shape_clear(tl_shape *s)
{
    free(s->x);
    free(s->y);
    free(s->path);
    const char *crs = s->crs;
    memset(s, 0, sizeof *s);
    s->crs = crs;
}

void tl_shape_free(tl_shape *s)
{
    if (s)
        tl__shape_clear(s);
    free(s);
}

/* Room doubles at powers of two. */
static int is_full(size_t n)
{
    return (n & (n - 1)) == 0;
}

void tl__shape_path(tl_shape *s, enum tl_path_kind kind)
{
    if (is_full(s->npaths))
        s->path = tl_xrealloc(s->path, (s->npaths ? 2 * s->npaths : 1) * sizeof *s->path);
    s->path[s->npaths++] = (tl_path){kind, s->n, 0};
}

static int grow(double **list, size_t cap)
{
    double *more = realloc(*list, cap * sizeof *more);
    if (more)
        *list = more;
    return more != NULL;
}

int tl__shape_point(tl_shape *s, double x, double y, tl_err *e)
{
    size_t cap = s->n ? 2 * s->n : 1;
    if (is_full(s->n) && (!grow(&s->x, cap) || !grow(&s->y, cap)))
        return tl_fail(e, TL_ENOMEM, "no memory for a geometry of more than %zu points", s->n);
    s->x[s->n] = x;
    s->y[s->n++] = y;
    s->path[s->npaths - 1].n++;
    return 0;
}

int tl__shape_close(tl_shape *s, tl_err *e)
{
    tl_path p = s->path[s->npaths - 1];
    size_t last = p.first + p.n - 1;
    if (p.n == 0 || (s->x[p.first] == s->x[last] && s->y[p.first] == s->y[last]))
        return 0;
    return tl__shape_point(s, s->x[p.first], s->y[p.first], e);
}

/* Twice the signed area, from the first point, so that far away it loses no digits. */
static double area2(const double *x, const double *y, size_t n)
{
    double sum = 0;
    for (size_t i = 1; i + 1 < n; i++)
        sum += (x[i] - x[0]) * (y[i + 1] - y[0]) - (x[i + 1] - x[0]) * (y[i] - y[0]);
    return sum;
}

static void reverse(double *x, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        double t = x[i];
        x[i] = x[n - 1 - i];
        x[n - 1 - i] = t;
    }
}

/* Whether the path stays. */
static int finish_path(double *x, double *y, tl_path *p)
{
    if (p->kind < TL_PATH_SHELL)
        return p->n >= (p->kind == TL_PATH_LINE ? 2u : 1u);
    double a = area2(x, y, p->n);
    if (p->n < 4)
        return 0;
    if (a != 0 && (a > 0) != (p->kind == TL_PATH_SHELL)) {
        reverse(x, p->n);
        reverse(y, p->n);
    }
    return 1;
}

void tl__shape_finish(tl_shape *s)
{
    size_t n = 0, kept = 0;
    int shell = 0; /* the last shell stayed */
    s->box[0] = s->box[1] = INFINITY;
    s->box[2] = s->box[3] = -INFINITY;
    for (size_t i = 0; i < s->npaths; i++) {
        tl_path p = s->path[i];
        int stays = finish_path(s->x + p.first, s->y + p.first, &p);
        if (p.kind == TL_PATH_HOLE)
            stays = stays && shell;
        else if (p.kind == TL_PATH_SHELL)
            shell = stays;
        if (!stays)
            continue;
        memmove(s->x + n, s->x + p.first, p.n * sizeof *s->x);
        memmove(s->y + n, s->y + p.first, p.n * sizeof *s->y);
        p.first = n;
        n += p.n;
        s->path[kept++] = p;
        for (size_t k = p.first; k < n; k++) {
            s->box[0] = fmin(s->box[0], s->x[k]);
            s->box[1] = fmin(s->box[1], s->y[k]);
            s->box[2] = fmax(s->box[2], s->x[k]);
            s->box[3] = fmax(s->box[3], s->y[k]);
        }
    }
    s->n = n;
    s->npaths = kept;
}

/* --- into another system -----------------------------------------------------------------------
 */

typedef struct {
    const char *from, *to;
    double period; /* of x in the target where a longitude, else 0 */
    double scale;  /* and of it per degree of what is in one piece already; else 0 */
    double tolerance;
    tl_shape *out;
    int broken;
    tl_err *e;
} mapping;

typedef struct {
    double x, y, u, v; /* from x, y to u, v */
} vertex;

/* near: a vertex close to whose longitude the result is to lie, or as far from it as it was. */
static int image_of(mapping *m, vertex *p, const vertex *near)
{
    p->u = p->x;
    p->v = p->y;
    int rc = tl_crs_transform_points(m->from, m->to, 1, &p->u, &p->v, m->e);
    if (rc)
        return rc;
    if (!isfinite(p->u) || !isfinite(p->v))
        m->broken = 1;
    else if (m->period > 0 && near)
        p->u -= m->period * nearbyint((p->u - near->u - (p->x - near->x) * m->scale) / m->period);
    return 0;
}

/* Adds what lies between a and b, both left out. */
static int divide(mapping *m, const vertex *a, const vertex *b, int depth)
{
    vertex c = {(a->x + b->x) / 2, (a->y + b->y) / 2, 0, 0};
    int rc = image_of(m, &c, a);
    if (rc || m->broken)
        return rc;
    double away = hypot(c.u - (a->u + b->u) / 2, c.v - (a->v + b->v) / 2);
    if (away <= m->tolerance && depth > 0)
        return 0;
    if (depth >= DEEPEST) { /* torn apart, or PROJ's own noise, which is small */
        m->broken |= away > 1000 * m->tolerance;
        return 0;
    }
    rc = divide(m, a, &c, depth + 1);
    if (!rc && !m->broken && away > m->tolerance)
        rc = tl__shape_point(m->out, c.u, c.v, m->e);
    return rc || m->broken ? rc : divide(m, &c, b, depth + 1);
}

static int map_path(mapping *m, const tl_shape *s, const tl_path *p)
{
    vertex last = {0}, here;
    int rc = 0;
    tl__shape_path(m->out, p->kind);
    for (size_t i = 0; i < p->n && !rc && !m->broken; i++) {
        here = (vertex){s->x[p->first + i], s->y[p->first + i], 0, 0};
        rc = image_of(m, &here, i ? &last : NULL);
        if (!rc && !m->broken && i)
            rc = divide(m, &last, &here, 0);
        if (!rc && !m->broken)
            rc = tl__shape_point(m->out, here.u, here.v, m->e);
        last = here;
    }
    return rc;
}

int tl__shape_map(const tl_shape *s, const char *to, double tolerance, tl_shape *out, int *broken,
                  tl_err *e)
{
    mapping m = {s->crs, to, tl_crs_turn(to), 0, tolerance, out, 0, e};
    int rc = 0;
    if (strcmp(s->crs, "EPSG:4326") == 0) /* a geometry's own: others may jump at 180 */
        m.scale = m.period / 360;
    memset(out, 0, sizeof *out);
    out->crs = to;
    for (size_t i = 0; i < s->npaths && !rc && !m.broken; i++)
        rc = map_path(&m, s, &s->path[i]);
    *broken = m.broken;
    return rc;
}
