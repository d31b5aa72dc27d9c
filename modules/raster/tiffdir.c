/* Directories of TIFF files: see tiffdir.h. SPDX-License-Identifier: MIT */
#include "modules/raster/tiffdir.h"
#include "modules/raster/predictor.h"
#include "runtime/fdio.h"

#include <string.h>

#define MOST_ENTRIES 256
#define MOST_SIDE    (1 << 30)

/* What we look at. ORDER tags */
enum {
    KIND,
    WIDTH,
    HEIGHT,
    BITS,
    COMPRESSION,
    PHOTOMETRIC,
    BIT_ORDER,
    STRIPS,
    BANDS,
    STRIP_ROWS,
    STRIP_LENGTHS,
    PLANES,
    PREDICTOR,
    TILE_WIDTH,
    TILE_HEIGHT,
    TILES,
    TILE_LENGTHS,
    TAGS
};
static const uint16_t tags[TAGS] = {254, 256, 257, 258, 259, 262, 266, 273, 277,
                                    278, 279, 284, 317, 322, 323, 324, 325};

int tl_tiffile_read(const tl_tiffile *f, uint64_t at, void *to, uint64_t n)
{
    return at <= f->bytes && n <= f->bytes - at &&
           tl_read_at(f->fd, to, (size_t)n, (int64_t)at) == (ssize_t)n;
}

/* Little-endian, as the files that are understood. */
static uint64_t number(const uint8_t *p, int size)
{
    uint64_t v = 0;
    for (int i = size - 1; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

/* Number k of a list. */
static int get(const tl_tiffile *f, tl_tifflist *l, uint64_t k, uint64_t *v)
{
    enum { MOST = sizeof l->v / sizeof l->v[0] };
    if (k >= l->count)
        return 0;
    if (k < l->first || k - l->first >= l->n) {
        uint8_t raw[sizeof l->v];
        uint64_t first = k - k % MOST, n = l->count - first < MOST ? l->count - first : MOST;
        l->n = 0;
        if (!tl_tiffile_read(f, l->at + first * (uint64_t)l->size, raw, n * (uint64_t)l->size))
            return 0;
        for (uint64_t i = 0; i < n; i++)
            l->v[i] = number(raw + i * (uint64_t)l->size, l->size);
        l->first = first;
        l->n = n;
    }
    *v = l->v[k - l->first];
    return 1;
}

/* --- entries ---------------------------------------------------------------------------------- */

/* Of the entry at byte `at` of the file, whose text is p. 0 = a number of a kind, or a place, that
 * it cannot have. */
static int read_entry(const tl_tiffile *f, const uint8_t *p, uint64_t at, int big, tl_tifflist *l)
{
    int type = (int)number(p + 2, 2), field = big ? 8 : 4, head = big ? 12 : 8;
    int size = type == 3 ? 2 : type == 4 ? 4 : type == 16 && big ? 8 : 0;
    uint64_t count = number(p + 4, field);
    if (l->size || !size || !count || count > f->bytes / (uint64_t)size)
        return 0;
    *l = (tl_tifflist){.size = size, .count = count};
    l->at =
        count * (uint64_t)size <= (uint64_t)field ? at + (uint64_t)head : number(p + head, field);
    return 1;
}

static int read_entries(const tl_tiffile *f, uint64_t at, tl_tifflist *l)
{
    uint8_t head[16], text[MOST_ENTRIES * 20];
    if (!tl_tiffile_read(f, 0, head, 16) || head[0] != 'I' || head[1] != 'I')
        return 0;
    uint64_t version = number(head + 2, 2);
    int big = version == 43, wide = big ? 8 : 2, each = big ? 20 : 12;
    if ((version != 42 && !big) || (big && number(head + 4, 4) != 8) ||
        !tl_tiffile_read(f, at, head, (uint64_t)wide))
        return 0;
    uint64_t n = number(head, wide);
    at += (uint64_t)wide;
    if (n > MOST_ENTRIES || !tl_tiffile_read(f, at, text, n * (uint64_t)each))
        return 0;
    for (uint64_t i = 0; i < n; i++) {
        const uint8_t *p = text + i * (uint64_t)each;
        for (int k = 0; k < TAGS; k++)
            if (number(p, 2) == tags[k] && !read_entry(f, p, at + i * (uint64_t)each, big, &l[k]))
                return 0;
    }
    return 1;
}

/* --- the image -------------------------------------------------------------------------------- */

/* The one number of a tag, `absent` without it; UINT64_MAX where it cannot be read. */
static uint64_t only(const tl_tiffile *f, tl_tifflist *l, uint64_t absent)
{
    uint64_t v;
    return !l->size ? absent : get(f, l, 0, &v) ? v : UINT64_MAX;
}

/* Bits of every band's numbers, the same for all; else 0. */
static uint64_t bits_of(const tl_tiffile *f, tl_tifflist *l, uint64_t nbands)
{
    uint64_t bits = only(f, l, 1), v;
    for (uint64_t k = 0; k < nbands && l->size; k++)
        if (!get(f, l, k, &v) || v != bits)
            return 0;
    return bits;
}

static int is_plain(const tl_tiffile *f, tl_tifflist *l, tl_tiffdir *d)
{
    uint64_t compression = only(f, &l[COMPRESSION], 1), nbands = only(f, &l[BANDS], 1);
    uint64_t planes = only(f, &l[PLANES], 1), predictor = only(f, &l[PREDICTOR], 1);
    if (nbands < 1 || nbands > 65535 || planes < 1 || planes > 2 || predictor < 1 ||
        predictor > 3 || only(f, &l[BIT_ORDER], 1) != 1 || only(f, &l[PHOTOMETRIC], 1) > 3 ||
        only(f, &l[KIND], 0) & 4) /* a mask */
        return 0;
    uint64_t bits = bits_of(f, &l[BITS], nbands);
    d->deflated = compression == 8 || compression == 32946;
    if ((!d->deflated && compression != 1) || (bits != 8 && bits != 16 && bits != 32 && bits != 64))
        return 0;
    d->nbands = (int)nbands;
    d->together = planes == 1 ? d->nbands : 1;
    d->size = (int)bits / 8;
    d->predictor = d->deflated ? (int)predictor : TL_PREDICT_NONE;
    return d->predictor != TL_PREDICT_FLOAT || d->size > 1;
}

static int set_blocks(const tl_tiffile *f, tl_tifflist *l, tl_tiffdir *d)
{
    uint64_t w = only(f, &l[WIDTH], 0), h = only(f, &l[HEIGHT], 0), bw = w, bh;
    d->tiled = l[TILES].size != 0;
    if (d->tiled) {
        bw = only(f, &l[TILE_WIDTH], 0);
        bh = only(f, &l[TILE_HEIGHT], 0);
    } else {
        bh = only(f, &l[STRIP_ROWS], h);
        bh = bh > h ? h : bh;
    }
    if (w < 1 || h < 1 || bw < 1 || bh < 1 || w > MOST_SIDE || h > MOST_SIDE || bw > MOST_SIDE ||
        bh > MOST_SIDE)
        return 0;
    d->w = (int64_t)w;
    d->h = (int64_t)h;
    d->block_w = (int)bw;
    d->block_h = (int)bh;
    d->across = (d->w + d->block_w - 1) / d->block_w;
    d->down = (d->h + d->block_h - 1) / d->block_h;
    d->offset = l[d->tiled ? TILES : STRIPS];
    d->length = l[d->tiled ? TILE_LENGTHS : STRIP_LENGTHS];
    double blocks = (double)d->across * (double)d->down * (d->nbands / d->together);
    return blocks <= (double)d->offset.count && blocks <= (double)d->length.count;
}

int tl_tiffdir_read(const tl_tiffile *f, uint64_t at, tl_tiffdir *d)
{
    tl_tifflist l[TAGS];
    memset(l, 0, sizeof l);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && read_entries(f, at, l) &&
           is_plain(f, l, d) && set_blocks(f, l, d);
}

int tl_tiffdir_block(const tl_tiffile *f, tl_tiffdir *d, int64_t k, uint64_t *at, uint64_t *length)
{
    return k >= 0 && get(f, &d->offset, (uint64_t)k, at) &&
           get(f, &d->length, (uint64_t)k, length) && *at > 0 && *length > 0 && *at <= f->bytes &&
           *length <= f->bytes - *at;
}
