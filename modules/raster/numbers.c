/* Numbers that a script states, as a source: see numbers.h. SPDX-License-Identifier: MIT */
#include "modules/raster/numbers.h"
#include "modules/raster/raster.h"
#include "runtime/hash.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FAR 1e15 /* cells: a plan may say anything, and places are sums */
#define TIE 1e-9 /* of a cell: a centre so near to an edge belongs to the lower cell */

typedef struct {
    tl_source s;     /* first */
    json_t *json;    /* the bands */
    char **cells;    /* per band: of its type */
    uint8_t **valid; /* per band */
} numbers;

typedef struct {
    tl_sampling m; /* first */
    int aligned;   /* the lattice is the numbers' own, by absolute indices */
} numbers_sampling;

static void destroy(tl_source *s)
{
    numbers *f = (numbers *)s;
    for (int b = 0; b < s->nbands; b++) {
        free(f->cells[b]);
        free(f->valid[b]);
    }
    free(f->cells);
    free(f->valid);
    json_decref(f->json);
    free(s->bands);
    free(s->uri);
    free(f);
    tl_live(TL_LIVE_SOURCE, -1);
}

/* --- reading ------------------------------------------------------------------------------------
 */

static int sample(tl_source *s, const tl_grid *grid, tl_method method, const char *operation,
                  tl_sampling **out, tl_err *e)
{
    const tl_grid *g = &s->native;
    (void)operation;
    if (method != TL_NEAREST)
        return tl_fail(e, TL_ESCRIPT,
                       "numbers of a script are read as they are, not by resample(\"%s\")",
                       tl_method_name(method));
    numbers_sampling *k = tl_xcalloc(1, sizeof *k);
    k->aligned = grid->crs == g->crs && grid->x0 == g->x0 && grid->y0 == g->y0 &&
                 grid->dx == g->dx && grid->dy == g->dy;
    tl_sampling_begin(&k->m, s, grid, method, "numbers of the script");
    k->m.exact = k->aligned;
    *out = &k->m;
    return 0;
}

static int64_t working_bytes(const tl_sampling *m, int64_t w, int64_t h, int n)
{
    (void)m, (void)h, (void)n;
    return w * (int64_t)(2 * sizeof(double) + sizeof(int64_t));
}

static int64_t index_of(double position)
{
    double whole = floor(position);
    if (!(fabs(whole) < 1e15))
        return -1;
    return (int64_t)whole - (position - whole < TIE ? 1 : 0);
}

/* Per cell of one row of the lattice: the place of its number, -1 outside. */
static int places(const tl_sampling *m, const tl_read *q, int64_t row, double *x, int64_t *place,
                  tl_err *e)
{
    const tl_grid *lattice = &m->lattice, *g = &m->source->native;
    int64_t w = q->rect.w;
    double *y = x + w, box[4];
    int rc = 0;
    if (((const numbers_sampling *)m)->aligned) {
        int64_t at = q->rect.y + row - g->row;
        for (int64_t i = 0; i < w; i++) {
            int64_t col = q->rect.x + i - g->col;
            int in = at >= 0 && at < g->h && col >= 0 && col < g->w;
            place[i] = in ? at * g->w + col : -1;
        }
        return 0;
    }
    for (int64_t i = 0; i < w; i++) {
        x[i] = tl_grid_x(lattice, (double)(q->rect.x + i));
        y[i] = tl_grid_y(lattice, (double)(q->rect.y + row));
    }
    if (lattice->crs != g->crs)
        rc = tl_crs_transform_points(lattice->crs, g->crs, (size_t)w, x, y, e);
    tl_grid_bounds(g, box);
    for (int64_t i = 0; i < w && !rc; i++) {
        int64_t col = index_of((x[i] - box[0]) / g->dx), at = index_of((box[3] - y[i]) / g->dy);
        place[i] = at >= 0 && at < g->h && col >= 0 && col < g->w ? at * g->w + col : -1;
    }
    return rc;
}

static int read_cells(const tl_sampling *m, const tl_read *q, tl_err *e)
{
    const numbers *f = (const numbers *)m->source;
    int64_t w = q->rect.w;
    double *x = tl_xmalloc((size_t)w * 2 * sizeof *x);
    int64_t *place = tl_xmalloc((size_t)w * sizeof *place);
    int rc = 0;
    for (int64_t row = 0; row < q->rect.h && !rc; row++) {
        rc = places(m, q, row, x, place, e);
        for (int k = 0; k < q->nbands && !rc; k++) {
            int b = q->bands[k];
            size_t size = tl_dtype_size(f->s.bands[b].dtype);
            char *to = (char *)q->values[k] + (size_t)(row * w) * size;
            uint8_t *valid = q->valid[k] + row * w;
            for (int64_t i = 0; i < w; i++) {
                valid[i] = place[i] >= 0 && f->valid[b][place[i]];
                if (valid[i])
                    memcpy(to + (size_t)i * size, f->cells[b] + (size_t)place[i] * size, size);
                else
                    memset(to + (size_t)i * size, 0, size);
            }
        }
    }
    free(x);
    free(place);
    return rc;
}

static const tl_source_vt numbers_vt = {.destroy = destroy,
                                        .sample = sample,
                                        .sampling_destroy = tl_sampling_destroy,
                                        .working_bytes = working_bytes,
                                        .read = read_cells};

/* --- making -------------------------------------------------------------------------------------
 */

static void put(char *to, size_t i, tl_dtype t, int64_t n, double x)
{
    float single = (float)x;
    size_t size = tl_dtype_size(t);
    if (t == TL_F32)
        memcpy(to + i * size, &single, size);
    else if (t == TL_F64)
        memcpy(to + i * size, &x, size);
    else if (size == 1)
        memcpy(to + i, &(uint8_t){(uint8_t)n}, size);
    else if (size == 2)
        memcpy(to + i * size, &(uint16_t){(uint16_t)n}, size);
    else if (size == 4)
        memcpy(to + i * size, &(uint32_t){(uint32_t)n}, size);
    else
        memcpy(to + i * size, &n, size);
}

static int put_json(numbers *f, int b, size_t i, const json_t *v)
{
    tl_dtype t = f->s.bands[b].dtype;
    const char *word = json_string_value(v);
    int64_t n = json_integer_value(v);
    double x = json_number_value(v);
    if (json_is_null(v))
        return 0;
    if (word && tl_dtype_is_float(t) && (strcmp(word, "inf") == 0 || strcmp(word, "-inf") == 0))
        x = *word == '-' ? -INFINITY : INFINITY;
    else if (tl_dtype_is_float(t)
                 ? !json_is_number(v)
                 : !json_is_integer(v) || n < tl_dtype_min(t) || n > tl_dtype_max(t))
        return -1;
    tl_band *band = &f->s.bands[b];
    if (!tl_dtype_is_float(t)) { /* the range of those that are valid: it decides on nodata */
        band->lo = band->has_range && band->lo < n ? band->lo : n;
        band->hi = band->has_range && band->hi > n ? band->hi : n;
        band->has_range = 1;
    }
    f->valid[b][i] = 1;
    put(f->cells[b], i, t, n, x);
    return 0;
}

static int read_band(numbers *f, int b, const json_t *j, tl_err *e)
{
    size_t n = (size_t)(f->s.native.w * f->s.native.h), i;
    const char *name = json_string_value(json_object_get(j, "name"));
    const char *type = json_string_value(json_object_get(j, "dtype"));
    const json_t *cells = json_object_get(j, "cells"), *v;
    tl_dtype t;
    if (!name || !*name || !type || tl_dtype_from_name(type, &t) || json_array_size(cells) != n)
        return tl_fail(e, TL_EDATA, "numbers: band %d needs a name, a dtype and %zu cells", b + 1,
                       n);
    f->s.bands[b] = (tl_band){.name = tl_intern(name),
                              .dtype = t,
                              .scale = 1,
                              .block_w = 256,
                              .block_h = 256,
                              .block_bands = 1,
                              .is_computed = 1,
                              .own_validity = 1};
    f->cells[b] = tl_xcalloc(n, tl_dtype_size(t));
    f->valid[b] = tl_xcalloc(n, 1);
    json_array_foreach(cells, i, v)
    {
        if (put_json(f, b, i, v))
            return tl_fail(e, TL_EDATA, "numbers: cell %zu of band '%s' is none of %s", i + 1, name,
                           type);
    }
    return 0;
}

/* Equal numbers are one source; so many digits that nobody finds others of that name. */
static char *address(const tl_grid *g, const json_t *bands)
{
    char hex[65];
    char *text = json_dumps(bands, JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17));
    char *all = tl_xasprintf("%s %.17g %.17g %.17g %.17g %lld %lld %lld %lld %s", g->crs, g->x0,
                             g->y0, g->dx, g->dy, (long long)g->col, (long long)g->row,
                             (long long)g->w, (long long)g->h, text ? text : "");
    tl_sha256(all, strlen(all), hex);
    free(text);
    free(all);
    return tl_xasprintf("numbers:%.32s", hex);
}

int tl_numbers_source(const tl_grid *g, const json_t *bands, tl_source **out, tl_err *e)
{
    size_t n = json_array_size(bands);
    int rc = 0;
    if (n < 1 || n > 255 || g->w < 1 || g->h < 1 || g->w > TL_MOST_NUMBERS ||
        g->h > TL_MOST_NUMBERS || g->w * g->h > TL_MOST_NUMBERS / (int64_t)n)
        return tl_fail(e, TL_ESCRIPT, "an Image of numbers has 1 to 255 bands and at most %d cells",
                       TL_MOST_NUMBERS);
    if (fabs((double)g->col) > FAR || fabs((double)g->row) > FAR)
        return tl_fail(e, TL_EDATA, "an Image of numbers lies too far from its grid's anchor");
    numbers *f = tl_xcalloc(1, sizeof *f);
    f->s.vt = &numbers_vt;
    atomic_init(&f->s.refs, 1);
    f->s.uri = address(g, bands);
    f->s.native = *g;
    f->s.nbands = (int)n;
    f->s.bands = tl_xcalloc(n, sizeof *f->s.bands);
    f->cells = tl_xcalloc(n, sizeof *f->cells);
    f->valid = tl_xcalloc(n, sizeof *f->valid);
    f->json = json_deep_copy(bands);
    tl_live(TL_LIVE_SOURCE, 1);
    for (size_t b = 0; b < n && !rc; b++)
        rc = read_band(f, (int)b, json_array_get(bands, b), e);
    if (rc)
        tl_source_unref(&f->s);
    else
        *out = &f->s;
    return rc;
}

const json_t *tl_numbers_bands(const tl_source *s)
{
    return s->vt == &numbers_vt ? ((const numbers *)s)->json : NULL;
}
