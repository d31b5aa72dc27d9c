/* TIFF files from finished tiles: see tiff.h. SPDX-License-Identifier: MIT
 *
 * Order in the file: header, GDAL's note on the structure (COG only), the directories with their
 * small values, largest image first, each followed by its mask; the tile arrays of all of them; the
 * tiles, smallest level first, row by row, each followed by its mask tile. */
#include "modules/raster/tiff.h"
#include "modules/raster/tiff_int.h"
#include "runtime/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "files are little-endian and written straight from memory"
#endif

/* The end of the text can be overwritten by "YES\n" in place, as GDAL does when it edits a COG. */
#define NOTE_HEAD                                                                                  \
    "LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"                 \
    "BLOCK_TRAILER=LAST_4_BYTES_REPEATED\n"
#define NOTE_MASK "MASK_INTERLEAVED_WITH_IMAGERY=YES\n"
#define NOTE_TAIL "KNOWN_INCOMPATIBLE_EDITION=NO\n "

/* --- sizes ------------------------------------------------------------------------------------ */

static int make_ifds(tl_tiff *w, tl_err *e)
{
    const tl_product *p = w->p;
    w->nifds = w->levels * (p->has_mask ? 2 : 1);
    w->ifd = tl_xcalloc((size_t)w->nifds, sizeof *w->ifd);
    for (int i = 0; i < w->nifds; i++) {
        tl__ifd *d = &w->ifd[i];
        int64_t across, down;
        d->level = p->has_mask ? i / 2 : i;
        d->is_mask = p->has_mask && i % 2;
        tl_product_level_tiles(p, d->level, &across, &down);
        d->ntiles = across * down;
        if (tl_try_alloc((void **)&d->counts, (size_t)d->ntiles, 4, "the list of tiles", e))
            return e->code;
    }
    return 0;
}

static void count_bytes(tl_tiff *w, uint32_t n)
{
    if (n)
        w->data_bytes += n + w->frame;
}

static int ask_sizes(tl_tiff *w, const tl_tiles *tiles, tl_err *e)
{
    for (int level = 0; level < w->levels; level++) {
        tl__ifd *d = tl__tiff_image(w, level);
        int64_t across, down, i = 0;
        tl_product_level_tiles(w->p, level, &across, &down);
        for (int64_t ty = 0; ty < down; ty++)
            for (int64_t tx = 0; tx < across; tx++, i++) {
                uint32_t len = 0, mask_len = 0;
                int r = tiles->size(tiles->ctx, level, tx, ty, &len, &mask_len, e);
                if (r)
                    return r;
                if (!len && !tl_product_may_skip(w->p))
                    return tl_fail(e, TL_EDATA, "tile %lld,%lld of level %d is empty",
                                   (long long)tx, (long long)ty, level);
                d->counts[i] = len;
                count_bytes(w, len);
                if (w->p->has_mask) {
                    d[1].counts[i] = mask_len;
                    count_bytes(w, mask_len);
                }
            }
    }
    return 0;
}

/* --- places ----------------------------------------------------------------------------------- */

static uint64_t even(uint64_t n)
{
    return n + (n & 1);
}

static size_t inline_bytes(const tl_tiff *w)
{
    return w->big ? 8 : 4;
}

static uint64_t ifd_bytes(const tl_tiff *w, const tl__ifd *d)
{
    return w->big ? 8 + 20 * (uint64_t)d->n + 8 : 2 + 12 * (uint64_t)d->n + 4;
}

/* Gives every directory and value its place; the data begin after them. */
static void place_ifds(tl_tiff *w)
{
    uint64_t at = (w->big ? 16 : 8) + even(strlen(w->note));
    for (int i = 0; i < w->nifds; i++) {
        tl__ifd *d = &w->ifd[i];
        tl__tiff_tags(d, w->p, w->has_keys ? &w->keys : NULL, w->big);
        d->file_at = at;
        at = even(at + ifd_bytes(w, d));
        for (int k = 0; k < d->n; k++) {
            tl__entry *t = &d->entry[k];
            if (t->late || t->bytes <= inline_bytes(w))
                continue;
            t->file_at = at;
            at = even(at + t->bytes);
        }
        d->next = i + 1 < w->nifds ? at : 0;
    }
    for (int i = 0; i < w->nifds; i++)
        for (int k = 0; k < w->ifd[i].n; k++) {
            tl__entry *t = &w->ifd[i].entry[k];
            if (!t->late || t->bytes <= inline_bytes(w))
                continue;
            t->file_at = at;
            at = even(at + t->bytes);
        }
    w->data_at = at;
}

static void set_offset(tl_tiff *w, tl__ifd *d, int64_t i, uint64_t *at)
{
    uint64_t v = d->counts[i] ? *at + w->frame / 2 : 0;
    if (w->big)
        ((uint64_t *)d->offsets)[i] = v;
    else
        ((uint32_t *)d->offsets)[i] = (uint32_t)v;
    if (d->counts[i])
        *at += d->counts[i] + w->frame;
}

static void place_tiles(tl_tiff *w)
{
    uint64_t at = w->data_at;
    for (int level = w->levels; level-- > 0;) {
        tl__ifd *d = tl__tiff_image(w, level);
        for (int64_t i = 0; i < d->ntiles; i++) {
            set_offset(w, d, i, &at);
            if (w->p->has_mask)
                set_offset(w, d + 1, i, &at);
        }
    }
}

/* A classic TIFF counts to 2^32; some of that is left as a margin for careless readers. */
static int place(tl_tiff *w, tl_err *e)
{
    for (w->big = w->p->bigtiff ? 1 : 0;; w->big = 1) {
        for (int i = 0; i < w->nifds; i++) {
            tl__ifd *d = &w->ifd[i];
            free(d->offsets);
            d->offsets = NULL;
            if (tl_try_alloc(&d->offsets, (size_t)d->ntiles, w->big ? 8 : 4, "the list of tiles",
                             e))
                return e->code;
        }
        place_ifds(w);
        if (w->big || w->data_at + w->data_bytes < 0xFFF00000u)
            break;
    }
    place_tiles(w);
    return 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int write_header(tl_tiff *w, tl_err *e)
{
    uint64_t at = w->ifd[0].file_at;
    uint8_t h[16] = {'I', 'I', 42, 0};
    size_t n = 8;
    if (w->big) {
        memcpy(h, (uint8_t[8]){'I', 'I', 43, 0, 8, 0, 0, 0}, 8);
        memcpy(h + 8, &at, 8);
        n = 16;
    } else {
        memcpy(h + 4, &(uint32_t){(uint32_t)at}, 4);
    }
    int r = tl_outfile_write(w->f, h, n, e);
    return r ? r : tl_outfile_write(w->f, w->note, even(strlen(w->note)), e);
}

static void put_number(tl_buf *b, uint64_t v, size_t bytes)
{
    tl_buf_add(b, &v, bytes);
}

static const void *value_of(const tl__ifd *d, const tl__entry *t)
{
    return t->late ? t->late : d->values.data + t->at;
}

static int write_ifd(tl_tiff *w, const tl__ifd *d, tl_err *e)
{
    size_t word = inline_bytes(w);
    tl_buf b = TL_BUF_INIT;
    put_number(&b, (uint64_t)d->n, w->big ? 8 : 2);
    for (int k = 0; k < d->n; k++) {
        const tl__entry *t = &d->entry[k];
        uint64_t v = t->file_at;
        put_number(&b, t->tag, 2);
        put_number(&b, t->type, 2);
        put_number(&b, t->count, word);
        if (t->bytes <= word) {
            v = 0;
            memcpy(&v, value_of(d, t), t->bytes);
        }
        put_number(&b, v, word);
    }
    put_number(&b, d->next, word);
    put_number(&b, 0, b.len & 1);
    for (int k = 0; k < d->n; k++) {
        const tl__entry *t = &d->entry[k];
        if (t->late || t->bytes <= word)
            continue;
        tl_buf_add(&b, value_of(d, t), t->bytes);
        put_number(&b, 0, t->bytes & 1);
    }
    int r = tl_outfile_write(w->f, b.data, b.len, e);
    tl_buf_free(&b);
    return r;
}

static int write_arrays(tl_tiff *w, tl_err *e)
{
    int r;
    for (int i = 0; i < w->nifds; i++)
        for (int k = 0; k < w->ifd[i].n; k++) {
            const tl__entry *t = &w->ifd[i].entry[k];
            if (t->late && t->bytes > inline_bytes(w) &&
                (r = tl_outfile_write(w->f, t->late, t->bytes, e)))
                return r;
        }
    return 0;
}

static int write_front(tl_tiff *w, tl_err *e)
{
    int r = write_header(w, e);
    for (int i = 0; i < w->nifds && !r; i++)
        r = write_ifd(w, &w->ifd[i], e);
    return r ? r : write_arrays(w, e);
}

static int begin(tl_tiff *w, const tl_tiles *tiles, tl_err *e)
{
    int r = tl_product_check(w->p, e);
    const char *crs = w->p->grid.crs;
    if (!r && crs && crs[0]) {
        r = tl_geokeys_get(crs, &w->keys, e);
        w->has_keys = !r;
    }
    if (r || (r = make_ifds(w, e)) || (r = ask_sizes(w, tiles, e)) || (r = place(w, e)) ||
        (r = tl__tiff_cut(w, e)))
        return r;
    return write_front(w, e);
}

int tl_tiff_begin(const tl_product *p, const tl_tiles *tiles, tl_outfile *f, tl_tiff **out,
                  tl_err *e)
{
    tl_tiff *w = tl_xcalloc(1, sizeof *w);
    *w = (tl_tiff){.p = p, .f = f, .levels = tl_product_levels(p)};
    if (p->format == TL_COG) {
        const char *mask = p->has_mask ? NOTE_MASK : "";
        w->frame = 8;
        snprintf(w->note, sizeof w->note, "GDAL_STRUCTURAL_METADATA_SIZE=%06zu bytes\n%s%s%s",
                 strlen(NOTE_HEAD) + strlen(mask) + strlen(NOTE_TAIL), NOTE_HEAD, mask, NOTE_TAIL);
    }
    int r = begin(w, tiles, e);
    if (r)
        tl_tiff_free(w);
    else
        *out = w;
    return r;
}

void tl_tiff_free(tl_tiff *w)
{
    if (!w)
        return;
    for (int i = 0; i < w->nifds; i++) {
        free(w->ifd[i].offsets);
        free(w->ifd[i].counts);
        tl_buf_free(&w->ifd[i].values);
    }
    free(w->ifd);
    free(w->run);
    tl_geokeys_free(&w->keys);
    free(w);
}
