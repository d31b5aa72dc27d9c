/* See gif.h. SPDX-License-Identifier: MIT */
#include "modules/map/gif.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

#define COLOURS  255 /* number 255 is transparent */
#define SLOTS    1024
#define MOST_LZW 4096

/* --- colours ------------------------------------------------------------------------------------
 */

typedef struct {
    uint32_t colour[COLOURS];
    int n; /* -1: more than COLOURS, so the cube */
    int slot[SLOTS];
} palette;

static int *find(palette *p, uint32_t c)
{
    uint32_t k = (c * 2654435761u) >> 22;
    while (p->slot[k] >= 0 && p->colour[p->slot[k]] != c)
        k = (k + 1) % SLOTS;
    return &p->slot[k];
}

static uint32_t colour_at(uint8_t *const rgb[3], int64_t i)
{
    return (uint32_t)rgb[0][i] << 16 | (uint32_t)rgb[1][i] << 8 | rgb[2][i];
}

static void collect(palette *p, int64_t cells, uint8_t *const rgb[3], const uint8_t *valid)
{
    for (int64_t i = 0; i < cells && p->n >= 0; i++) {
        if (!valid[i])
            continue;
        uint32_t c = colour_at(rgb, i);
        int *at = find(p, c);
        if (*at >= 0)
            continue;
        if (p->n == COLOURS) {
            p->n = -1;
            return;
        }
        p->colour[p->n] = c;
        *at = p->n++;
    }
}

static const int steps[3] = {6, 7, 6};

static uint32_t cube_colour(int i)
{
    int r = i / 42, g = i / 6 % 7, b = i % 6;
    return (uint32_t)(r * 255 / 5) << 16 | (uint32_t)(g * 255 / 6) << 8 | (uint32_t)(b * 255 / 5);
}

/* The step of a channel by an 8 x 8 matrix of thresholds (Bayer 1973), 0 to 63. */
static int dithered(int value, int levels, int x, int y)
{
    int t = 0;
    for (int bit = 0; bit < 3; bit++) {
        int u = x >> bit & 1, v = y >> bit & 1;
        t |= ((u ^ v) << 1 | v) << 2 * (2 - bit);
    }
    int scaled = value * (levels - 1) * 64 / 255, low = scaled / 64;
    return low + (scaled % 64 > t && low < levels - 1);
}

static uint8_t number_of(palette *p, uint8_t *const rgb[3], int64_t i, int w)
{
    if (p->n >= 0)
        return (uint8_t)*find(p, colour_at(rgb, i));
    int x = (int)(i % w), y = (int)(i / w), k = 0;
    for (int c = 0; c < 3; c++)
        k = k * steps[c] + dithered(rgb[c][i], steps[c], x, y);
    return (uint8_t)k;
}

/* --- LZW ----------------------------------------------------------------------------------------
 */

typedef struct {
    tl_buf *out;
    uint8_t block[255];
    int n;
    uint32_t bits;
    int nbits;
} packer;

static void put_byte(packer *p, uint8_t b)
{
    p->block[p->n++] = b;
    if (p->n < 255)
        return;
    tl_buf_add(p->out, "\xff", 1);
    tl_buf_add(p->out, p->block, 255);
    p->n = 0;
}

static void put_code(packer *p, int code, int width)
{
    p->bits |= (uint32_t)code << p->nbits;
    for (p->nbits += width; p->nbits >= 8; p->nbits -= 8, p->bits >>= 8)
        put_byte(p, (uint8_t)p->bits);
}

static void finish(packer *p)
{
    uint8_t n;
    if (p->nbits)
        put_byte(p, (uint8_t)p->bits);
    n = (uint8_t)p->n;
    if (n) {
        tl_buf_add(p->out, &n, 1);
        tl_buf_add(p->out, p->block, n);
    }
    tl_buf_add(p->out, "", 1);
}

enum { CLEAR = 256, END = 257 };

/* next: MOST_LZW x 256 codes, 0 where there is none. */
static void compress(const uint8_t *cells, int64_t n, uint16_t (*next)[256], tl_buf *out)
{
    packer p = {.out = out};
    int used = END + 1, width = 9, prefix = cells[0];
    memset(next, 0, MOST_LZW * sizeof *next);
    put_code(&p, CLEAR, width);
    for (int64_t i = 1; i < n; i++) {
        uint16_t *at = &next[prefix][cells[i]];
        if (*at) {
            prefix = *at;
            continue;
        }
        put_code(&p, prefix, width);
        prefix = cells[i];
        if (used < MOST_LZW) {
            if (used == 1 << width)
                width++;
            *at = (uint16_t)used++;
        } else {
            put_code(&p, CLEAR, width);
            memset(next, 0, MOST_LZW * sizeof *next);
            used = END + 1;
            width = 9;
        }
    }
    put_code(&p, prefix, width);
    if (used == 1 << width && width < 12)
        width++;
    put_code(&p, END, width);
    finish(&p);
}

/* --- the file -----------------------------------------------------------------------------------
 */

static void put_u16(tl_buf *out, int x)
{
    uint8_t b[2] = {(uint8_t)x, (uint8_t)(x >> 8)};
    tl_buf_add(out, b, 2);
}

static void put_palette(const palette *p, tl_buf *out)
{
    for (int i = 0; i < 256; i++) {
        uint32_t c = p->n >= 0 ? (i < p->n ? p->colour[i] : 0) : i < 252 ? cube_colour(i) : 0;
        uint8_t b[3] = {(uint8_t)(c >> 16), (uint8_t)(c >> 8), (uint8_t)c};
        tl_buf_add(out, b, 3);
    }
}

static void put_frame(int w, int h, int delay, tl_buf *out)
{
    tl_buf_add(out, "\x21\xf9\x04\x09", 4); /* back to the ground before the next; transparency */
    put_u16(out, delay);
    tl_buf_add(out, "\xff\x00\x2c\x00\x00\x00\x00", 7);
    put_u16(out, w);
    put_u16(out, h);
    tl_buf_add(out, "\x00\x08", 2);
}

void tl_gif(int w, int h, int n, uint8_t *const (*rgb)[3], uint8_t *const *valid, int delay,
            tl_buf *out)
{
    int64_t cells = (int64_t)w * h;
    palette *p = tl_xcalloc(1, sizeof *p);
    uint8_t *numbers = tl_xcalloc((size_t)cells, 1);
    uint16_t(*next)[256] = tl_xcalloc(MOST_LZW, sizeof *next);
    memset(p->slot, -1, sizeof p->slot);
    for (int k = 0; k < n; k++)
        collect(p, cells, rgb[k], valid[k]);
    tl_buf_add(out, "GIF89a", 6);
    put_u16(out, w);
    put_u16(out, h);
    tl_buf_add(out, "\xf7\xff\x00", 3);
    put_palette(p, out);
    tl_buf_add(out, "\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00", 19);
    for (int k = 0; k < n; k++) {
        for (int64_t i = 0; i < cells; i++)
            numbers[i] = valid[k][i] ? number_of(p, rgb[k], i, w) : COLOURS;
        put_frame(w, h, delay, out);
        compress(numbers, cells, next, out);
    }
    tl_buf_add(out, ";", 1);
    free(p);
    free(numbers);
    free(next);
}
