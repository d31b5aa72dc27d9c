/* What cells are, as a source: see cells.h. SPDX-License-Identifier: MIT */
#include "modules/raster/cells.h"
#include "modules/raster/raster.h"
#include "runtime/hash.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WGS84_A  6378137.0 /* metres, also the sphere of EPSG:3857 */
#define WGS84_E2 0.0066943799901413165

enum { INSIDE, WIDTH, HEIGHT, BANDS };

typedef struct {
    tl_source s; /* first */
    tl_grid extent;
} cells;

static void destroy(tl_source *s)
{
    free(s->bands);
    free(s->uri);
    free(s);
    tl_live(TL_LIVE_SOURCE, -1);
}

static int sample(tl_source *s, const tl_grid *grid, tl_method method, const char *operation,
                  tl_sampling **out, tl_err *e)
{
    (void)operation;
    (void)e;
    tl_sampling *m = tl_xcalloc(1, sizeof *m);
    tl_sampling_begin(m, s, grid, method, "size and place of cells");
    m->exact = 1;
    *out = m;
    return 0;
}

static int64_t working_bytes(const tl_sampling *m, int64_t w, int64_t h, int n)
{
    (void)m;
    (void)h;
    (void)n;
    return 2 * w * (int64_t)sizeof(double);
}

/* --- sizes -------------------------------------------------------------------------------------
 * Power series instead of libm, whose last bits are not the same everywhere. */

/* cos x (sign -1) or cosh x (sign 1), for |x| up to 2 pi. */
static double even_series(double x, double sign)
{
    double term = 1, sum = 1;
    for (int k = 2; k < 64; k += 2) {
        term *= sign * x * x / (double)(k * (k - 1));
        sum += term;
    }
    return sum;
}

/* Metres of one unit to the east and to the south at y; NaN when unknown. */
static void unit_size(const tl_grid *g, double y, double size[2])
{
    double unit = g->crs[0] ? tl_crs_unit_size(g->crs) : 0;
    size[0] = size[1] = unit > 0 ? unit : NAN;
    if (tl_crs_is_geographic(g->crs) && unit > 0) {
        double c = even_series(fabs(y * unit) > M_PI / 2 ? M_PI / 2 : y * unit, -1);
        double k = 1 - WGS84_E2 * (1 - c * c); /* 1 - e2 sin2 */
        double n = WGS84_A / sqrt(k);
        size[0] = n * (c > 0 ? c : 0) * unit;
        size[1] = n * (1 - WGS84_E2) / k * unit;
    } else if (strcmp(g->crs, "EPSG:3857") == 0 && fabs(y) < 2 * M_PI * WGS84_A) {
        size[0] = size[1] = 1 / even_series(y / WGS84_A, 1);
    }
}

void tl_cells_metres(const tl_grid *g, double size[2])
{
    unit_size(g, tl_grid_y(g, (double)g->row + (double)g->h / 2 - 0.5), size);
    size[0] *= g->dx;
    size[1] *= g->dy;
}

static void put_sizes(const tl_sampling *m, const tl_read *q, int b, int which)
{
    double *to = q->values[b], size[2];
    for (int64_t row = 0; row < q->rect.h; row++) {
        unit_size(&m->lattice, tl_grid_y(&m->lattice, (double)(q->rect.y + row)), size);
        double x = which == WIDTH ? size[0] * m->lattice.dx : size[1] * m->lattice.dy;
        int ok = isfinite(x) && x > 0;
        for (int64_t i = 0; i < q->rect.w; i++)
            *to++ = ok ? x : 0;
        memset(q->valid[b] + row * q->rect.w, ok, (size_t)q->rect.w);
    }
}

/* --- place -------------------------------------------------------------------------------------
 */

static int put_inside(const tl_sampling *m, const tl_read *q, int b, tl_err *e)
{
    const tl_grid *lattice = &m->lattice, *extent = &((const cells *)m->source)->extent;
    uint8_t *to = q->values[b];
    double box[4], *x = tl_xmalloc((size_t)q->rect.w * 2 * sizeof *x), *y = x + q->rect.w;
    double turn = tl_crs_turn(extent->crs);
    int rc = 0;
    tl_grid_bounds(extent, box);
    for (int64_t row = 0; row < q->rect.h && !rc; row++) {
        for (int64_t i = 0; i < q->rect.w; i++) {
            x[i] = tl_grid_x(lattice, (double)(q->rect.x + i));
            y[i] = tl_grid_y(lattice, (double)(q->rect.y + row));
        }
        if (lattice->crs != extent->crs)
            rc = tl_crs_transform_points(lattice->crs, extent->crs, (size_t)q->rect.w, x, y, e);
        for (int64_t i = 0; i < q->rect.w; i++) {
            if (turn > 0) /* a turn of the globe further on is the same place */
                x[i] -= turn * floor((x[i] - box[0]) / turn);
            *to++ = x[i] > box[0] && x[i] < box[2] && y[i] > box[1] && y[i] < box[3];
        }
    }
    free(x);
    memset(q->valid[b], 1, (size_t)(q->rect.w * q->rect.h));
    return rc;
}

static int read_cells(const tl_sampling *m, const tl_read *q, tl_err *e)
{
    int rc = 0;
    for (int b = 0; b < q->nbands && !rc; b++)
        if (q->bands[b] == INSIDE)
            rc = put_inside(m, q, b, e);
        else
            put_sizes(m, q, b, q->bands[b]);
    return rc;
}

/* --- the source --------------------------------------------------------------------------------
 */

static const tl_source_vt cells_vt = {.destroy = destroy,
                                      .sample = sample,
                                      .sampling_destroy = tl_sampling_destroy,
                                      .working_bytes = working_bytes,
                                      .read = read_cells};

tl_source *tl_cells_source(const tl_grid *extent)
{
    static const char *const names[] = {"inside", "width", "height"};
    cells *c = tl_xcalloc(1, sizeof *c);
    char hex[65],
        *text = tl_xasprintf("%s %.17g %.17g %.17g %.17g %lld %lld %lld %lld", extent->crs,
                             extent->x0, extent->y0, extent->dx, extent->dy, (long long)extent->col,
                             (long long)extent->row, (long long)extent->w, (long long)extent->h);
    tl_sha256(text, strlen(text), hex);
    free(text);
    c->extent = *extent;
    c->s.vt = &cells_vt;
    atomic_init(&c->s.refs, 1);
    c->s.uri = tl_xasprintf("cells:%.16s", hex);
    c->s.native = *extent;
    c->s.nbands = BANDS;
    c->s.bands = tl_xcalloc(BANDS, sizeof *c->s.bands);
    for (int b = 0; b < BANDS; b++)
        c->s.bands[b] = (tl_band){.name = tl_intern(names[b]),
                                  .dtype = b == INSIDE ? TL_U8 : TL_F64,
                                  .scale = 1,
                                  .block_w = 256,
                                  .block_h = 256,
                                  .block_bands = 1,
                                  .is_computed = 1,
                                  .own_validity = 1,
                                  .has_range = b == INSIDE,
                                  .hi = 1};
    tl_live(TL_LIVE_SOURCE, 1);
    return &c->s;
}

const tl_grid *tl_cells_extent(const tl_source *s)
{
    return s->vt == &cells_vt ? &((const cells *)s)->extent : NULL;
}
