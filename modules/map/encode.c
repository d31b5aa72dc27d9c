/* Pictures as bytes: see encode.h. SPDX-License-Identifier: MIT
 *
 * libpng takes 5 to 15 ms for a tile, longer than the tile's values. What a PNG needs beside its
 * compressed bytes is little, so it is written here, and libdeflate compresses. */
#include "modules/map/encode.h"
#include "runtime/mem.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <webp/encode.h>

#define MOST_SIDE  4096
#define SLOTS      1024 /* of the table that counts colours */
#define PNG_LEVEL  3    /* of libdeflate: more takes longer than it saves */
#define WEBP_LEVEL 1

/* --- pixels to rows
 * -------------------------------------------------------------------------------
 */

typedef struct colours {
    int n;
    uint32_t color[256]; /* in order of their first pixel */
    uint32_t key[SLOTS];
    int16_t place[SLOTS];
} colours;

static uint32_t slot_of(const colours *t, uint32_t c)
{
    uint32_t s = (c * 2654435761u) >> 22;
    while (t->place[s] >= 0 && t->key[s] != c)
        s = (s + 1) & (SLOTS - 1);
    return s;
}

/* The place of each pixel's colour; -1 when there are more than 256. */
static int index_colours(const uint8_t *rgba, size_t n, colours *t, uint8_t *index)
{
    uint32_t last = 0;
    int place = -1;
    memset(t->place, -1, sizeof t->place);
    t->n = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t c;
        memcpy(&c, rgba + 4 * i, 4);
        if (place < 0 || c != last) {
            uint32_t s = slot_of(t, c);
            if (t->place[s] < 0) {
                if (t->n == 256)
                    return -1;
                t->key[s] = c;
                t->place[s] = (int16_t)t->n;
                t->color[t->n++] = c;
            }
            place = t->place[s];
            last = c;
        }
        index[i] = (uint8_t)place;
    }
    return 0;
}

static int is_opaque(const uint8_t *rgba, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (rgba[4 * i + 3] != 255)
            return 0;
    return 1;
}

/* Rows behind a filter byte. Of colours each byte less the one above it (filter 2), which is what
 * compresses them best at this price; of indices as they are. */
static void fill_rows(const uint8_t *rgba, int w, int h, int bytes, uint8_t *to)
{
    static const uint8_t zeros[4 * MOST_SIDE];
    for (int y = 0; y < h; y++) {
        const uint8_t *row = rgba + (size_t)y * (size_t)w * 4;
        const uint8_t *up = y ? row - (size_t)w * 4 : zeros;
        *to++ = 2;
        for (int x = 0; x < w; x++, to += bytes)
            for (int c = 0; c < bytes; c++)
                to[c] = (uint8_t)(row[4 * x + c] - up[4 * x + c]);
    }
}

static void fill_indices(const uint8_t *index, int w, int h, uint8_t *to)
{
    for (int y = 0; y < h; y++, to += w + 1) {
        to[0] = 0;
        memcpy(to + 1, index + (size_t)y * (size_t)w, (size_t)w);
    }
}

/* --- chunks --------------------------------------------------------------------------------------
 */

static uint8_t *put32(uint8_t *p, uint32_t x)
{
    p[0] = (uint8_t)(x >> 24);
    p[1] = (uint8_t)(x >> 16);
    p[2] = (uint8_t)(x >> 8);
    p[3] = (uint8_t)x;
    return p + 4;
}

/* The chunk whose n bytes stand at p + 8 already. */
static uint8_t *end_chunk(uint8_t *p, const char *name, uint32_t n)
{
    put32(p, n);
    memcpy(p + 4, name, 4);
    return put32(p + 8 + n, libdeflate_crc32(0, p + 4, n + 4));
}

static uint8_t *put_head(uint8_t *p, int w, int h, int kind)
{
    memcpy(p, "\x89PNG\r\n\x1a\n", 8);
    p += 8;
    put32(p + 8, (uint32_t)w);
    put32(p + 12, (uint32_t)h);
    p[16] = 8;
    p[17] = (uint8_t)kind; /* 2 colours, 3 a palette, 6 colours and alpha */
    p[18] = p[19] = p[20] = 0;
    return end_chunk(p, "IHDR", 13);
}

static uint8_t *put_palette(uint8_t *p, const colours *t)
{
    int clear = 0;
    for (int i = 0; i < t->n; i++) {
        const uint8_t *c = (const uint8_t *)&t->color[i];
        memcpy(p + 8 + 3 * i, c, 3);
        if (c[3] != 255)
            clear = i + 1;
    }
    p = end_chunk(p, "PLTE", 3 * (uint32_t)t->n);
    for (int i = 0; i < clear; i++)
        p[8 + i] = ((const uint8_t *)&t->color[i])[3];
    return clear ? end_chunk(p, "tRNS", (uint32_t)clear) : p;
}

/* rows: of n bytes in all. */
static int write_png(const uint8_t *rows, size_t n, int w, int h, int kind, const colours *t,
                     tl_blob **out, tl_err *e)
{
    struct libdeflate_compressor *z = libdeflate_alloc_compressor(PNG_LEVEL);
    size_t most = z ? libdeflate_zlib_compress_bound(z, n) : 0;
    uint8_t *all = z ? malloc(most + 2048) : NULL, *p = all;
    if (all) {
        p = put_head(p, w, h, kind);
        if (t)
            p = put_palette(p, t);
        size_t got = libdeflate_zlib_compress(z, rows, n, p + 8, most);
        p = end_chunk(p, "IDAT", (uint32_t)got);
        p = end_chunk(p, "IEND", 0);
    }
    tl_blob *b = all ? tl_blob_new((size_t)(p - all)) : NULL;
    if (b)
        memcpy(b->data, all, b->size);
    libdeflate_free_compressor(z);
    free(all);
    if (!b)
        return tl_fail(e, TL_ENOMEM, "no memory for a PNG");
    *out = b;
    return 0;
}

static int check_size(int w, int h, tl_err *e)
{
    return w > 0 && h > 0 && w <= MOST_SIDE && h <= MOST_SIDE
               ? 0
               : tl_fail(e, TL_EUSAGE, "a picture of %d x %d pixels", w, h);
}

int tl_encode_png(const uint8_t *rgba, int w, int h, tl_blob **out, tl_err *e)
{
    size_t n = (size_t)w * (size_t)h;
    void *rows = NULL, *index = NULL;
    colours t;
    int rc = check_size(w, h, e);
    if (!rc)
        rc = tl_try_alloc(&rows, n * 4 + (size_t)h, 1, "a PNG", e);
    if (!rc)
        rc = tl_try_alloc(&index, n, 1, "a PNG", e);
    if (!rc && index_colours(rgba, n, &t, index) == 0) {
        fill_indices(index, w, h, rows);
        rc = write_png(rows, n + (size_t)h, w, h, 3, &t, out, e);
    } else if (!rc) {
        int bytes = is_opaque(rgba, n) ? 3 : 4;
        fill_rows(rgba, w, h, bytes, rows);
        rc = write_png(rows, n * (size_t)bytes + (size_t)h, w, h, bytes == 3 ? 2 : 6, NULL, out, e);
    }
    free(rows);
    free(index);
    return rc;
}

/* --- WebP ----------------------------------------------------------------------------------------
 */

int tl_encode_webp(const uint8_t *rgba, int w, int h, tl_blob **out, tl_err *e)
{
    WebPConfig config;
    WebPPicture pic;
    WebPMemoryWriter sink;
    int rc = check_size(w, h, e);
    if (rc)
        return rc;
    if (!WebPConfigInit(&config) || !WebPConfigLosslessPreset(&config, WEBP_LEVEL) ||
        !WebPPictureInit(&pic))
        return tl_fail(e, TL_ECONFIG, "this libwebp is another one than at build time");
    WebPMemoryWriterInit(&sink);
    config.exact = 1; /* the colour below alpha 0 too */
    pic.use_argb = 1;
    pic.width = w;
    pic.height = h;
    pic.writer = WebPMemoryWrite;
    pic.custom_ptr = &sink;
    int ok = WebPPictureImportRGBA(&pic, rgba, w * 4) && WebPEncode(&config, &pic);
    tl_blob *b = ok ? tl_blob_new(sink.size) : NULL;
    if (b)
        memcpy(b->data, sink.mem, sink.size);
    *out = b ? b : *out;
    int why = pic.error_code;
    WebPPictureFree(&pic);
    WebPMemoryWriterClear(&sink);
    return b ? 0 : tl_fail(e, TL_ENOMEM, "cannot make a WebP (libwebp's error %d)", why);
}
