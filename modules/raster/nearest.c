/* The nearest pixel where the lattice's axes are the file's: columns and rows are found apart, once
 * for the block. Gives the bits of resample.c, which is its slow twin in the tests.
 * SPDX-License-Identifier: MIT */
#include "modules/raster/raster_int.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_BYTES ((int64_t)8 << 20) /* values and validity of one window */

typedef struct {
    int64_t *x, *y;    /* the pixel of each column and row; -1 outside the file */
    tl_rect win;       /* that they lie in */
    void *coordinates; /* holds x and y */
    void *values;
    uint8_t *valid;
} job;

int tl_nearest_fits(const tl_raster_sampling *m)
{
    const tl_raster *r = (const tl_raster *)m->m.source;
    return m->m.method == TL_NEAREST && !m->curved &&
           (r->georef == TL_GEO_NORTH || r->georef == TL_GEO_SOUTH);
}

/* Coordinates, in place, as pixels 0 .. most - 1; the first and the one past the last of them. */
static void pixels(double *at, int64_t n, int64_t most, int64_t *pixel, int64_t *first,
                   int64_t *end)
{
    *first = most;
    *end = 0;
    for (int64_t i = 0; i < n; i++) {
        double p = tl_pixel_of(at[i]);
        int inside = p >= 0 && p < (double)most; /* NaN: no */
        pixel[i] = inside ? (int64_t)p : -1;
        if (inside) {
            *first = pixel[i] < *first ? pixel[i] : *first;
            *end = pixel[i] >= *end ? pixel[i] + 1 : *end;
        }
    }
}

/* Which pixel each column and each row has. */
static int find_pixels(const tl_raster_sampling *m, tl_rect rect, job *j, tl_err *e)
{
    const tl_raster *r = (const tl_raster *)m->m.source;
    const tl_level *l = &r->levels[m->level];
    int64_t most = rect.w > rect.h ? rect.w : rect.h, x1, y1;
    tl_mapper p;
    int code = tl_mapper_init(&p, m, NULL, e);
    if (!code)
        code = tl_try_alloc(&j->coordinates, (size_t)(2 * most + rect.w + rect.h), 8, "coordinates",
                            e);
    if (code)
        return code;
    double *a = j->coordinates, *b = a + most;
    void *rest = b + most;
    j->x = rest;
    j->y = j->x + rect.w;
    for (int64_t i = 0; i < rect.w; i++) {
        a[i] = (double)(rect.x + i);
        b[i] = (double)rect.y;
    }
    tl_mapper_map(&p, (size_t)rect.w, a, b);
    pixels(a, rect.w, l->w, j->x, &j->win.x, &x1);
    for (int64_t i = 0; i < rect.h; i++) {
        a[i] = (double)rect.x;
        b[i] = (double)(rect.y + i);
    }
    tl_mapper_map(&p, (size_t)rect.h, a, b);
    pixels(b, rect.h, l->h, j->y, &j->win.y, &y1);
    j->win.w = x1 - j->win.x;
    j->win.h = y1 - j->win.y;
    return 0;
}

#define GATHER(name, T)                                                                            \
    static void name(void *to, const void *from, const int64_t *x, int64_t first, int64_t n)       \
    {                                                                                              \
        T *restrict out = to;                                                                      \
        const T *restrict in = from;                                                               \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = x[i] < 0 ? 0 : in[x[i] - first];                                              \
    }
GATHER(gather1, uint8_t)
GATHER(gather2, uint16_t)
GATHER(gather4, uint32_t)
GATHER(gather8, uint64_t)

static void gather(size_t size, void *to, const void *from, const int64_t *x, int64_t first,
                   int64_t n)
{
    (size == 1   ? gather1
     : size == 2 ? gather2
     : size == 4 ? gather4
                 : gather8)(to, from, x, first, n);
}

/* Rows of the block from the window; a row like the one before is copied. */
static void fill(const job *j, tl_rect rect, size_t size, char *values, uint8_t *valid)
{
    size_t line = (size_t)rect.w * size;
    for (int64_t k = 0; k < rect.h; k++, values += line, valid += rect.w) {
        int64_t at = (j->y[k] - j->win.y) * j->win.w;
        if (j->y[k] < 0) {
            memset(values, 0, line);
            memset(valid, 0, (size_t)rect.w);
        } else if (k > 0 && j->y[k] == j->y[k - 1]) {
            memcpy(values, values - line, line);
            memcpy(valid, valid - rect.w, (size_t)rect.w);
        } else {
            gather(size, values, (char *)j->values + (size_t)at * size, j->x, j->win.x, rect.w);
            gather1(valid, j->valid + at, j->x, j->win.x, rect.w);
        }
    }
}

static size_t largest(const tl_raster *r, const tl_read *q)
{
    size_t most = 1;
    for (int k = 0; k < q->nbands; k++) {
        size_t size = tl_dtype_size(r->s.bands[q->bands[k]].dtype);
        most = size > most ? size : most;
    }
    return most;
}

static int read_bands(const tl_raster_sampling *m, const tl_read *q, job *j, tl_err *e)
{
    const tl_raster *r = (const tl_raster *)m->m.source;
    tl_gdal_handle *h = tl_raster_handle(r);
    int code = 0;
    for (int k = 0; k < q->nbands && !code; k++) {
        code =
            tl_raster_window(r, h, m->level, q->bands[k], j->win, j->values, j->valid, j->win.w, e);
        if (!code)
            fill(j, q->rect, tl_dtype_size(r->s.bands[q->bands[k]].dtype), q->values[k],
                 q->valid[k]);
    }
    return code;
}

static void clear(const tl_raster *r, const tl_read *q)
{
    size_t n = (size_t)(q->rect.w * q->rect.h);
    for (int k = 0; k < q->nbands; k++) {
        memset(q->values[k], 0, n * tl_dtype_size(r->s.bands[q->bands[k]].dtype));
        memset(q->valid[k], 0, n);
    }
}

int tl_nearest_read(const tl_raster_sampling *m, const tl_read *q, tl_err *e)
{
    const tl_raster *r = (const tl_raster *)m->m.source;
    job j = {.x = NULL};
    int code = find_pixels(m, q->rect, &j, e);
    int64_t cells = code ? 0 : j.win.w * j.win.h;
    size_t size = largest(r, q);
    /* A wide window for few cells is better read in parts. */
    int apart =
        cells * (int64_t)(size + 1) > WINDOW_BYTES || cells > 65536 + 64 * q->rect.w * q->rect.h;
    if (!code && (j.win.w <= 0 || j.win.h <= 0)) {
        clear(r, q);
    } else if (!code && apart) {
        code = tl_resample_read(m, q, e);
    } else if (!code) {
        code = tl_try_alloc(&j.values, (size_t)cells, size, "a window of the file", e);
        if (!code)
            code = tl_try_alloc((void *)&j.valid, (size_t)cells, 1, "a window of the file", e);
        if (!code)
            code = read_bands(m, q, &j, e);
    }
    free(j.values);
    free(j.valid);
    free(j.coordinates);
    if (code && e)
        tl_err_source(e, r->s.uri);
    return code;
}
