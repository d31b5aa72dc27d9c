/* /histogram: how a layer's values are spread in what is shown. SPDX-License-Identifier: MIT */
#include "modules/map/map_int.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIDE 256 /* cells that are looked at, each way at most */

/* The box in cells of the web's lattice, of a zoom at which they are at most SIDE each way. */
static int sample_grid(const double box[4], tl_grid *out, tl_err *e)
{
    double lo[4] = {box[0], fmax(box[1], -85), box[2], fmin(box[3], 85)}, m[4];
    tl_grid g;
    int rc = lo[1] < lo[3] ? 0 : tl_fail(e, TL_EUSAGE, "bbox is beyond the map");
    for (int i = 0; i < 2; i++) {
        m[2 * i] = lo[2 * i] / 180 * TL_MERCATOR_HALF;
        m[2 * i + 1] = log(tan(M_PI / 4 + lo[2 * i + 1] * M_PI / 360)) * 6378137;
    }
    for (int z = TL_TILE_DEEPEST; z >= 0 && !rc; z--) {
        rc = tl_tile_cell(0, 0, z, &g, e);
        if (!rc)
            rc = tl_grid_cover(&g, m[0], m[1], m[2], m[3], e);
        if (!rc && g.w <= SIDE && g.h <= SIDE) {
            *out = g;
            return 0;
        }
    }
    return rc ? rc : tl_fail(e, TL_EUSAGE, "bbox is too large");
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* JSON has no infinity: a sum may be one where no value is. */
static json_t *number_or_null(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* x: n valid values; sorted here. */
static json_t *spread(double *x, size_t n, int bins)
{
    json_t *counts = json_array(), *percent = json_array();
    double sum = 0, squares = 0;
    qsort(x, n, sizeof *x, ascending);
    double lo = n ? x[0] : 0, hi = n ? x[n - 1] : 1;
    /* -1e308 and 1e308 are further apart than numbers go. */
    double part = isfinite(hi - lo) ? 1 : 0.5;
    size_t *count = tl_xcalloc((size_t)bins, sizeof *count);
    for (size_t i = 0; i < n; i++) {
        int k = hi > lo ? (int)((x[i] * part - lo * part) / (hi * part - lo * part) * bins) : 0;
        count[k < bins ? k : bins - 1]++;
        sum += x[i];
    }
    double mean = n ? sum / (double)n : 0;
    for (size_t i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    for (int k = 0; k < bins; k++)
        json_array_append_new(counts, json_integer((json_int_t)count[k]));
    for (int k = 0; k <= 100 && n; k++)
        json_array_append_new(percent, json_real(x[(size_t)((double)(n - 1) * k / 100)]));
    free(count);
    return json_pack("{s:I, s:f, s:f, s:o, s:o, s:o, s:o}", "count", (json_int_t)n, "min", lo,
                     "max", hi, "mean", number_or_null(mean), "stddev",
                     number_or_null(n ? sqrt(squares / (double)n) : 0), "counts", counts,
                     "percentiles", percent);
}

static json_t *bands_json(const tl_layer *l, const double *x, const uint8_t *ok, size_t cells,
                          int n, int bins)
{
    json_t *list = json_array();
    double *valid = tl_xmalloc(cells * sizeof *valid + 1);
    for (int b = 0; b < n; b++) {
        size_t m = 0;
        for (size_t i = 0; i < cells; i++)
            if (ok[(size_t)b * cells + i] && isfinite(x[(size_t)b * cells + i]))
                valid[m++] = x[(size_t)b * cells + i];
        json_t *one = spread(valid, m, bins);
        json_object_set_new(one, "band", tl_json_text(l->band[b]));
        json_array_append_new(list, one);
    }
    free(valid);
    return list;
}

static json_t *histogram(tl__job *j, tl_err *e)
{
    tl_layer *l = NULL;
    tl_grid g;
    void *x = NULL, *ok = NULL;
    json_t *answer = NULL;
    int rc = tl_shelf_get(j->map->shelf, j->layer, &l, e);
    if (!rc && j->step >= l->nsteps)
        rc = tl_fail(e, TL_EUSAGE, "t is 0 to %d", l->nsteps - 1);
    if (!rc)
        rc = sample_grid(j->box, &g, e);
    int n = rc ? 0 : l->nbands < 3 ? l->nbands : 3;
    size_t cells = rc ? 0 : (size_t)(g.w * g.h);
    if (!rc)
        rc = tl_try_alloc(&x, cells * (size_t)n, sizeof(double), "a histogram", e);
    if (!rc)
        rc = tl_try_alloc(&ok, cells * (size_t)n, 1, "a histogram", e);
    if (!rc)
        rc = tl_render_values(j->map->renderer, l->step[j->step].value, n, &g, x, ok, e);
    if (!rc)
        answer = json_pack("{s:o, s:f, s:o}", "layer", tl_json_text(l->name), "cell", g.dx, "bands",
                           bands_json(l, x, ok, cells, n, j->bins));
    free(x);
    free(ok);
    tl_layer_unref(l);
    return answer;
}

void tl__serve_histogram(tl_map *m, tl_request *r, const char *rest)
{
    tl_err e = TL_ERR_INIT;
    double bins, step;
    (void)rest;
    tl__job *j = tl__job_new(m, r, histogram);
    if (tl__which_layer(m, r, tl_request_arg(r, "layer"), j->layer)) {
        tl__job_free(j);
        return;
    }
    int rc = tl__arg_box(r, "bbox", j->box, &e);
    if (!rc)
        rc = tl__arg_number(r, "bins", 64, 2, 512, &bins, &e);
    if (!rc)
        rc = tl__arg_number(r, "t", 0, 0, 1e6, &step, &e);
    if (rc) {
        tl__answer_error(m, r, &e);
        tl__job_free(j);
        return;
    }
    j->bins = (int)bins;
    j->step = (int)step;
    tl__job_start(j);
}
