/* Reading blocks whose cells are not the file's. SPDX-License-Identifier: MIT
 *
 * Every cell has a footprint: a rectangle of pixels of the level that count for it. A block is cut
 * until the pixels behind it fit a window of bounded size; a single cell with more pixels than that
 * is summed over strips. Neither changes a bit: a cell's sum always runs over its footprint row by
 * row. */
#include "modules/raster/resample_int.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_WIDTH 65536

typedef struct footprint {
    int64_t x0, x1, y0, y1;          /* pixels of the level: first, one past the last */
    double left, right, top, bottom; /* average: the cell's box; others: left, top = its centre */
    double turn; /* box: the pixels of a turn, where it runs over the seam of longitudes; else 0 */
} footprint;

typedef tl_resampled job;

/* --- footprints ---------------------------------------------------------------------------------
 */

double tl_pixel_of(double x)
{
    return ceil(x - TIE) - 1;
}

static int64_t clip(double v, int64_t most)
{
    return v < 0 ? 0 : v > (double)most ? most : (int64_t)v;
}

static int set_range(footprint *f, const job *j, double x0, double x1, double y0, double y1)
{
    f->x0 = clip(x0, j->level.w);
    f->x1 = clip(x1, j->level.w);
    f->y0 = clip(y0, j->level.h);
    f->y1 = clip(y1, j->level.h);
    return f->x1 > f->x0 && f->y1 > f->y0;
}

static int is_upright(const job *j)
{
    return j->r->georef == TL_GEO_NORTH || j->r->georef == TL_GEO_SOUTH;
}

static int point_footprint(const job *j, tl_method method, double x, double y, footprint *f)
{
    double px = tl_pixel_of(x), py = tl_pixel_of(y);
    if (!(px >= 0 && px < j->level.w && py >= 0 && py < j->level.h)) /* NaN: no */
        return 0;
    f->left = x;
    f->top = y;
    f->turn = 0;
    double rx = tl_kernel_radius(method) * j->kx, ry = tl_kernel_radius(method) * j->ky;
    return set_range(f, j, ceil(x - 0.5 - rx), floor(x - 0.5 + rx) + 1, ceil(y - 0.5 - ry),
                     floor(y - 0.5 + ry) + 1);
}

/* Corners on both sides of the seam of longitudes: those in the west are one turn on. Where columns
 * are columns of the file a cell's width is known, be it the globe's. */
static void join_turn(const job *j, double turn, double x[4])
{
    double width = fmin(j->m->m.lattice.dx / j->r->s.native.dx / j->m->fx, turn);
    if (!j->m->curved && is_upright(j)) {
        for (int k = 0; k < 4; k += 2)
            if (fabs(x[k] + width - x[k + 1]) > turn / 4)
                x[k + 1] = x[k] + width;
        return;
    }
    double low = fmin(fmin(x[0], x[1]), fmin(x[2], x[3]));
    double high = fmax(fmax(x[0], x[1]), fmax(x[2], x[3]));
    for (int k = 0; k < 4 && high - low > turn / 2; k++)
        if (x[k] < low + turn / 2)
            x[k] += turn;
}

/* The first pixel whose centre lies at x or beyond. */
static double centre_from(double x)
{
    return ceil(x - 0.5 - TIE);
}

/* The seam lies half a turn from the middle of the file, at its edges where it is the globe's. A
 * box that begins there is in the west of the file; one that runs over it is in both ends. */
static void put_at_seam(const job *j, double turn, footprint *f)
{
    double seam = ((double)j->level.w + turn) / 2, middle = (f->left + f->right) / 2;
    int one = j->m->m.method == TL_MODE && centre_from(f->left) == centre_from(f->right);
    if (one ? middle > seam + TIE : f->left >= seam - TIE) {
        f->left -= turn;
        f->right -= turn;
    }
    if (!one && f->right > seam + TIE && f->right - turn > TIE)
        f->turn = turn;
}

/* First and one past the last pixel whose centre lies in lo..hi, else the one in the middle. */
static void centres_in(double lo, double hi, double *first, double *end)
{
    *first = centre_from(lo);
    *end = centre_from(hi);
    if (*end <= *first) {
        *first = tl_pixel_of((lo + hi) / 2);
        *end = *first + 1;
    }
}

static void pixels_in(double lo, double hi, double *first, double *end)
{
    *first = floor(lo + TIE);
    *end = ceil(hi - TIE);
    if (*end <= *first)
        *end = *first + 1;
}

static int box_footprint(const job *j, int64_t at, footprint *f)
{
    int64_t line = j->q->rect.w + 1;
    double x[4] = {j->x[at], j->x[at + 1], j->x[at + line], j->x[at + line + 1]};
    double y[4] = {j->y[at], j->y[at + 1], j->y[at + line], j->y[at + line + 1]};
    double x0, x1, y0, y1, turn = j->r->period / j->r->s.native.dx / j->m->fx;
    if (!isfinite(x[0] + x[1] + x[2] + x[3]) || !isfinite(y[0] + y[1] + y[2] + y[3]))
        return 0;
    if (turn > 0)
        join_turn(j, turn, x);
    f->left = fmin(fmin(x[0], x[1]), fmin(x[2], x[3]));
    f->right = fmax(fmax(x[0], x[1]), fmax(x[2], x[3]));
    f->top = fmin(fmin(y[0], y[1]), fmin(y[2], y[3]));
    f->bottom = fmax(fmax(y[0], y[1]), fmax(y[2], y[3]));
    f->turn = 0;
    if (turn > 0 && is_upright(j))
        put_at_seam(j, turn, f);
    if (j->m->m.method == TL_MODE) {
        centres_in(f->left, f->right, &x0, &x1);
        centres_in(f->top, f->bottom, &y0, &y1);
    } else {
        pixels_in(f->left, f->right, &x0, &x1);
        pixels_in(f->top, f->bottom, &y0, &y1);
    }
    return set_range(f, j, f->turn > 0 ? 0 : x0, f->turn > 0 ? (double)j->level.w : x1, y0, y1);
}

/* Of cell (i, k) of the block; 0 when nothing of the file is behind it. */
static int footprint_of(const job *j, int64_t i, int64_t k, footprint *f)
{
    int64_t at = k * (j->q->rect.w + j->boxes) + i;
    return j->boxes ? box_footprint(j, at, f)
                    : point_footprint(j, j->m->m.method, j->x[at], j->y[at], f);
}

/* --- one cell -----------------------------------------------------------------------------------
 */

static double overlap(double lo, double hi, int64_t pixel)
{
    double w = fmin(hi, (double)(pixel + 1)) - fmax(lo, (double)pixel);
    return w > 0 ? w : 0;
}

static double weight(const job *j, tl_method method, double lo, double hi, double width,
                     int64_t pixel, int64_t count)
{
    if (method == TL_AVERAGE)
        return count == 1 ? 1 : overlap(lo, hi, pixel);
    return tl_kernel(method, ((double)pixel + 0.5 - lo) / (j->unit ? 1 : width));
}

static double weight_x(const job *j, tl_method method, const footprint *f, int64_t pixel)
{
    double w = weight(j, method, f->left, f->right, j->kx, pixel, f->x1 - f->x0);
    return f->turn > 0 ? w + overlap(f->left - f->turn, f->right - f->turn, pixel) : w;
}

/* Adds the pixels of f that lie in the window. */
static void sum_part(job *j, tl_method method, const footprint *f, tl_sum *s)
{
    tl_rect p = tl_rect_intersect((tl_rect){f->x0, f->y0, f->x1 - f->x0, f->y1 - f->y0}, j->win);
    if (p.w > j->nwx) {
        j->nwx = p.w;
        j->wx = tl_xrealloc(j->wx, (size_t)p.w * sizeof *j->wx);
    }
    for (int64_t i = 0; i < p.w; i++)
        j->wx[i] = weight_x(j, method, f, p.x + i);
    for (int64_t k = 0; k < p.h; k++) {
        double wy = weight(j, method, f->top, f->bottom, j->ky, p.y + k, f->y1 - f->y0);
        int64_t at = (p.y + k - j->win.y) * j->win.w + p.x - j->win.x;
        if (wy != 0)
            tl_sum_row(s, j->t, j->values + (size_t)at * j->size, j->valid + at, p.w, j->wx, wy);
    }
}

static int vote_columns(job *j, const footprint *f, int64_t x0, int64_t x1)
{
    tl_rect p = tl_rect_intersect((tl_rect){x0, f->y0, x1 - x0, f->y1 - f->y0}, j->win);
    int full = 0;
    for (int64_t k = 0; k < p.h && !full; k++) {
        int64_t at = (p.y + k - j->win.y) * j->win.w + p.x - j->win.x;
        full = tl_vote_row(&j->vote, j->values + (size_t)at * j->size, j->valid + at, p.w);
    }
    return full;
}

static int vote_part(job *j, const footprint *f)
{
    if (f->turn == 0)
        return vote_columns(j, f, f->x0, f->x1);
    int64_t east = clip(centre_from(f->left), f->x1);
    int64_t west = clip(centre_from(f->right - f->turn), east); /* once around is all there is */
    return vote_columns(j, f, 0, west) || vote_columns(j, f, east, f->x1);
}

static void put(job *j, int64_t i, int64_t k, const tl_sum *s)
{
    int64_t at = k * j->q->rect.w + i;
    double least = j->m->m.method == TL_AVERAGE ? 0 : 1e-6, v = s->value / s->weight;
    if (s->n == 0 || !(s->weight > least) || isnan(v))
        return;
    tl_store(j->t, (char *)j->q->values[j->k] + (size_t)at * j->size, v);
    j->q->valid[j->k][at] = 1;
}

/* Pixels with a weight that an unwidened cubic kernel has along one axis. */
static int64_t cubic_taps(double centre)
{
    int64_t n = 0;
    for (double i = ceil(centre - 2.5); i <= floor(centre + 1.5); i++)
        n += tl_kernel(TL_CUBIC, i + 0.5 - centre) != 0;
    return n;
}

/* As gdalwarp: a cell whose centre lies on an invalid pixel is invalid, so that kernels do not grow
 * what is there into gaps. */
static int is_masked(const job *j, const footprint *f)
{
    int64_t px = (int64_t)tl_pixel_of(f->left), py = (int64_t)tl_pixel_of(f->top);
    return !j->valid[(py - j->win.y) * j->win.w + px - j->win.x];
}

static int mode_cell(job *j, int64_t i, int64_t k, const footprint *f, tl_err *e)
{
    int64_t out = k * j->q->rect.w + i;
    tl_vote_begin(&j->vote, j->t, (f->x1 - f->x0) * (f->y1 - f->y0));
    if (vote_part(j, f) != 0)
        return tl_fail(e, TL_EDATA, "mode over more than %lld pixels", (long long)TL_VOTE_KEYS);
    j->q->valid[j->k][out] =
        (uint8_t)tl_vote_end(&j->vote, (char *)j->q->values[j->k] + (size_t)out * j->size);
    return 0;
}

static void weighted_cell(job *j, int64_t i, int64_t k, const footprint *f)
{
    tl_method method = j->m->m.method;
    tl_sum s = {0, 0, 0};
    if (method != TL_AVERAGE && is_masked(j, f))
        return;
    sum_part(j, method, f, &s);
    if (method == TL_CUBIC && j->unit && s.n < cubic_taps(f->left) * cubic_taps(f->top)) {
        /* As gdalwarp: with a pixel missing, bilinear from those that are there. */
        footprint b = *f;
        s = (tl_sum){0, 0, 0};
        if (point_footprint(j, TL_BILINEAR, f->left, f->top, &b))
            sum_part(j, TL_BILINEAR, &b, &s);
    }
    put(j, i, k, &s);
}

void tl_resample_cell(job *j, int64_t i, int64_t k)
{
    footprint f;
    if (footprint_of(j, i, k, &f))
        weighted_cell(j, i, k, &f);
}

/* --- windows ------------------------------------------------------------------------------------
 */

static int load(job *j, tl_rect win, tl_err *e)
{
    size_t cells = (size_t)(win.w * win.h), bytes = cells * (j->size + 1);
    if (bytes > j->room_bytes) {
        free(j->room);
        j->room = NULL;
        j->room_bytes = 0;
        int code = tl_try_alloc(&j->room, bytes, 1, "a window of the file", e);
        if (code)
            return code;
        j->room_bytes = bytes;
    }
    j->win = win;
    j->values = j->room;
    j->valid = (uint8_t *)j->values + cells * j->size;
    return tl_raster_window(j->r, j->h, j->m->level, j->band, win, j->values, j->valid, win.w, e);
}

static int fits_window(const job *j, int64_t w, int64_t h)
{
    return w <= WINDOW_WIDTH && w * h * (int64_t)(j->size + 1) <= WINDOW_BYTES;
}

/* A single cell with more pixels than a window holds. */
static int stream_cell(job *j, int64_t i, int64_t k, const footprint *f, tl_err *e)
{
    tl_method method = j->m->m.method;
    tl_sum s = {0, 0, 0};
    int64_t w = f->x1 - f->x0, line = w < WINDOW_WIDTH ? w : WINDOW_WIDTH;
    int64_t lines = line < w ? 1 : WINDOW_BYTES / (line * (int64_t)(j->size + 1));
    int code = 0, masked = 0;
    int64_t cx = (int64_t)tl_pixel_of(f->left), cy = (int64_t)tl_pixel_of(f->top);
    if (method == TL_MODE)
        tl_vote_begin(&j->vote, j->t, w * (f->y1 - f->y0));
    for (int64_t y = f->y0; y < f->y1 && !code; y += lines)
        for (int64_t x = f->x0; x < f->x1 && !code; x += line) {
            tl_rect part = tl_rect_intersect((tl_rect){x, y, line, lines},
                                             (tl_rect){f->x0, f->y0, w, f->y1 - f->y0});
            if ((code = load(j, part, e)))
                break;
            if (method == TL_MODE && vote_part(j, f) != 0)
                code =
                    tl_fail(e, TL_EDATA,
                            "mode over %lld pixels of %s per cell, more than %lld: use a finer "
                            "grid or give the file overviews",
                            (long long)(w * (f->y1 - f->y0)), j->r->s.uri, (long long)TL_VOTE_KEYS);
            else if (method != TL_MODE)
                sum_part(j, method, f, &s);
            if (method != TL_MODE && method != TL_AVERAGE && cx >= part.x && cx < part.x + part.w &&
                cy >= part.y && cy < part.y + part.h)
                masked = is_masked(j, f);
        }
    int64_t out = k * j->q->rect.w + i;
    if (!code && method == TL_MODE)
        j->q->valid[j->k][out] =
            (uint8_t)tl_vote_end(&j->vote, (char *)j->q->values[j->k] + (size_t)out * j->size);
    else if (!code && !masked)
        put(j, i, k, &s);
    return code;
}

/* The pixels behind a part of the block; none: w = 0. */
static tl_rect footprints_behind(const job *j, tl_rect sub)
{
    int64_t x0 = INT64_MAX, x1 = 0, y0 = INT64_MAX, y1 = 0;
    footprint f;
    for (int64_t k = sub.y; k < sub.y + sub.h; k++)
        for (int64_t i = sub.x; i < sub.x + sub.w; i++)
            if (footprint_of(j, i, k, &f)) {
                x0 = f.x0 < x0 ? f.x0 : x0;
                x1 = f.x1 > x1 ? f.x1 : x1;
                y0 = f.y0 < y0 ? f.y0 : y0;
                y1 = f.y1 > y1 ? f.y1 : y1;
            }
    return x1 > 0 ? (tl_rect){x0, y0, x1 - x0, y1 - y0} : (tl_rect){0, 0, 0, 0};
}

static tl_rect pixels_behind(const job *j, tl_rect sub)
{
    if (j->boxes || j->by_cells)
        return footprints_behind(j, sub);
    return j->m->m.method == TL_NEAREST ? tl_points_behind(j, sub) : tl_smooth_behind(j, sub);
}

static int cells_of(job *j, tl_rect sub, tl_err *e)
{
    tl_method method = j->m->m.method;
    footprint f;
    int code = 0;
    if (method == TL_NEAREST)
        tl_points_copy(j, sub);
    if (method == TL_NEAREST || tl_smooth_cells(j, sub))
        return 0;
    for (int64_t k = sub.y; k < sub.y + sub.h && !code; k++)
        for (int64_t i = sub.x; i < sub.x + sub.w && !code; i++)
            if (method != TL_MODE)
                tl_resample_cell(j, i, k);
            else if (footprint_of(j, i, k, &f))
                code = mode_cell(j, i, k, &f, e);
    return code;
}

/* Cells far apart are not worth the pixels between them. */
static int is_sparse(const job *j, tl_rect sub, tl_rect win)
{
    return j->m->m.method == TL_NEAREST && win.w * win.h > 65536 + 64 * sub.w * sub.h;
}

static int part_of_block(job *j, tl_rect sub, tl_err *e)
{
    tl_rect win = pixels_behind(j, sub);
    footprint f;
    if (win.w == 0)
        return 0;
    int one = sub.w == 1 && sub.h == 1, fits = fits_window(j, win.w, win.h);
    if (fits && (one || !is_sparse(j, sub, win))) {
        int code = load(j, win, e);
        return code ? code : cells_of(j, sub, e);
    }
    if (one)
        return footprint_of(j, sub.x, sub.y, &f) ? stream_cell(j, sub.x, sub.y, &f, e) : 0;
    /* Rows of the file are read whole where its blocks are. */
    int rows = sub.h > 1 && (sub.w == 1 || j->r->by_rows || win.h >= win.w);
    tl_rect a = sub, b = sub;
    if (rows) {
        a.h = sub.h / 2;
        b.y += a.h;
        b.h -= a.h;
    } else {
        a.w = sub.w / 2;
        b.x += a.w;
        b.w -= a.w;
    }
    int code = part_of_block(j, a, e);
    return code ? code : part_of_block(j, b, e);
}

/* --- the block ----------------------------------------------------------------------------------
 */

static int prepare(job *j, tl_err *e)
{
    tl_rect at = {j->q->rect.x, j->q->rect.y, j->q->rect.w + j->boxes, j->q->rect.h + j->boxes};
    j->h = tl_raster_handle(j->r);
    int code = tl_raster_placed(j->m, j->h, at, j->boxes ? -0.5 : 0, &j->x, &j->y, e);
    if (!code && j->m->m.method == TL_NEAREST)
        tl_points_find(j);
    return code;
}

static int read_band(job *j, tl_err *e)
{
    size_t n = (size_t)(j->q->rect.w * j->q->rect.h);
    j->band = j->q->bands[j->k];
    j->t = j->r->s.bands[j->band].dtype;
    j->size = tl_dtype_size(j->t);
    memset(j->q->values[j->k], 0, n * j->size);
    memset(j->q->valid[j->k], 0, n);
    return part_of_block(j, (tl_rect){0, 0, j->q->rect.w, j->q->rect.h}, e);
}

static int read_bands(const tl_raster_sampling *m, const tl_read *q, int by_cells, tl_err *e)
{
    job j = {.m = m, .r = (const tl_raster *)m->m.source, .q = q, .by_cells = by_cells};
    j.level = j.r->levels[m->level];
    j.boxes = m->m.method == TL_AVERAGE || m->m.method == TL_MODE;
    /* As gdalwarp: a kernel is widened where cells are clearly coarser than pixels. */
    j.kx = m->sx > 1 / 0.95 ? m->sx : 1;
    j.ky = m->sy > 1 / 0.95 ? m->sy : 1;
    j.unit = j.kx == 1 && j.ky == 1;
    int code = prepare(&j, e);
    for (j.k = 0; j.k < q->nbands && !code; j.k++)
        code = read_band(&j, e);
    tl_vote_free(&j.vote);
    tl_raster_placed_trim();
    free(j.wx);
    free(j.room);
    if (code && e)
        tl_err_source(e, j.r->s.uri);
    return code;
}

int tl_resample_read(const tl_raster_sampling *m, const tl_read *q, tl_err *e)
{
    return read_bands(m, q, 0, e);
}

int tl_resample_read_by_cells(const tl_raster_sampling *m, const tl_read *q, tl_err *e)
{
    return read_bands(m, q, 1, e);
}

int64_t tl_resample_bytes(const tl_raster_sampling *m, int64_t w, int64_t h)
{
    int64_t vote = m->m.method == TL_MODE ? TL_VOTE_KEYS * 8 + 65536 * 8 : 0;
    return 24 * (w + 1) * (h + 1) + WINDOW_BYTES + WINDOW_WIDTH * 8 + vote + 16384;
}
