/* The pixels that cells' centres lie in. SPDX-License-Identifier: MIT
 *
 * The same as by footprints, without them: most blocks of maps are read so. */
#include "modules/raster/resample_int.h"

typedef tl_resampled job;

/* tl_pixel_of of each; -1 outside of 0 .. most - 1, and for NaN. Without a branch, for vectors. */
static void pixels_in_level(const double *restrict at, int64_t n, int32_t most,
                            int32_t *restrict pixel)
{
    for (int64_t i = 0; i < n; i++) {
        double v = at[i] - TIE;
        v = v > 0 && v < 2147483647.0 ? v : -1;
        int32_t t = (int32_t)v;
        t -= (double)t == v;
        pixel[i] = t < most ? t : -1;
    }
}

void tl_points_find(job *j)
{
    int64_t n = j->q->rect.w * j->q->rect.h;
    j->px = tl_raster_placed_pixels();
    j->py = j->px + n;
    pixels_in_level(j->x, n, j->level.w, j->px);
    pixels_in_level(j->y, n, j->level.h, j->py);
    for (int64_t i = 0; i < n; i++) /* neither or both */
        j->px[i] = (j->px[i] | j->py[i]) < 0 ? -1 : j->px[i];
    for (int64_t i = 0; i < n; i++)
        j->py[i] = j->px[i] < 0 ? -1 : j->py[i];
}

/* As unsigned, -1 is larger than any pixel. */
static void widen(const int32_t *pixel, int64_t n, uint32_t *least, int32_t *most)
{
    for (int64_t i = 0; i < n; i++) {
        *least = (uint32_t)pixel[i] < *least ? (uint32_t)pixel[i] : *least;
        *most = pixel[i] > *most ? pixel[i] : *most;
    }
}

tl_rect tl_points_behind(const job *j, tl_rect sub)
{
    uint32_t x0 = UINT32_MAX, y0 = UINT32_MAX;
    int32_t x1 = -1, y1 = -1;
    for (int64_t k = sub.y; k < sub.y + sub.h; k++) {
        int64_t at = k * j->q->rect.w + sub.x;
        widen(j->px + at, sub.w, &x0, &x1);
        widen(j->py + at, sub.w, &y0, &y1);
    }
    return x1 >= 0 ? (tl_rect){x0, y0, x1 - (int64_t)x0 + 1, y1 - (int64_t)y0 + 1}
                   : (tl_rect){0, 0, 0, 0};
}

#define POINTS(T)                                                                                  \
    static void points_##T(const job *j, tl_rect sub)                                              \
    {                                                                                              \
        const T *restrict from = (const T *)(const void *)j->values;                               \
        const uint8_t *restrict ok = j->valid;                                                     \
        int64_t w = j->win.w, origin = j->win.y * w + j->win.x;                                    \
        for (int64_t k = sub.y; k < sub.y + sub.h; k++) {                                          \
            int64_t at = k * j->q->rect.w + sub.x;                                                 \
            const int32_t *restrict x = j->px + at, *restrict y = j->py + at;                      \
            T *restrict to = (T *)j->q->values[j->k] + at;                                         \
            uint8_t *restrict valid = j->q->valid[j->k] + at;                                      \
            for (int64_t i = 0; i < sub.w; i++) {                                                  \
                if (x[i] < 0)                                                                      \
                    continue;                                                                      \
                int64_t pixel = y[i] * w + x[i] - origin;                                          \
                to[i] = from[pixel];                                                               \
                valid[i] = ok[pixel];                                                              \
            }                                                                                      \
        }                                                                                          \
    }
POINTS(uint8_t)
POINTS(uint16_t)
POINTS(uint32_t)
POINTS(uint64_t)

void tl_points_copy(const job *j, tl_rect sub)
{
    if (j->size == 1)
        points_uint8_t(j, sub);
    else if (j->size == 2)
        points_uint16_t(j, sub);
    else if (j->size == 4)
        points_uint32_t(j, sub);
    else
        points_uint64_t(j, sub);
}
