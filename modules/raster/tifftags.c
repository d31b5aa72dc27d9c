/* What the tags of a product say. SPDX-License-Identifier: MIT */
#include "modules/raster/tiff_int.h"
#include "runtime/mem.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t type_size(int type)
{
    return type == TL__ASCII ? 1 : type == TL__SHORT ? 2 : type == TL__LONG ? 4 : 8;
}

/* Entries must come by ascending tag. */
static tl__entry *add(tl__ifd *d, uint16_t tag, uint16_t type, uint64_t count, const void *data)
{
    assert(d->n < (int)(sizeof d->entry / sizeof d->entry[0]));
    assert(!d->n || d->entry[d->n - 1].tag < tag);
    tl__entry *t = &d->entry[d->n++];
    *t = (tl__entry){.tag = tag, .type = type, .count = count};
    t->bytes = (size_t)count * type_size(type);
    t->at = d->values.len;
    if (data)
        tl_buf_add(&d->values, data, t->bytes);
    return t;
}

static void add_late(tl__ifd *d, uint16_t tag, uint16_t type, uint64_t count, const void *data)
{
    add(d, tag, type, count, NULL)->late = data;
}

static void add_short(tl__ifd *d, uint16_t tag, unsigned v)
{
    uint16_t s = (uint16_t)v;
    add(d, tag, TL__SHORT, 1, &s);
}

static void add_long(tl__ifd *d, uint16_t tag, int64_t v)
{
    uint32_t s = (uint32_t)v;
    add(d, tag, TL__LONG, 1, &s);
}

static void add_same(tl__ifd *d, uint16_t tag, unsigned v, int count)
{
    uint16_t *s = tl_xmalloc((size_t)count * sizeof *s);
    for (int i = 0; i < count; i++)
        s[i] = (uint16_t)v;
    add(d, tag, TL__SHORT, (uint64_t)count, s);
    free(s);
}

static void add_text(tl__ifd *d, uint16_t tag, const char *text)
{
    add(d, tag, TL__ASCII, strlen(text) + 1, text);
}

/* --- texts ------------------------------------------------------------------------------------ */

/* Control characters that XML 1.0 has no way to write are dropped. */
static void put_xml(tl_buf *b, const char *s)
{
    for (; *s; s++) {
        switch (*s) {
        case '&':
            tl_buf_puts(b, "&amp;");
            break;
        case '<':
            tl_buf_puts(b, "&lt;");
            break;
        case '>':
            tl_buf_puts(b, "&gt;");
            break;
        case '"':
            tl_buf_puts(b, "&quot;");
            break;
        case '\r':
            tl_buf_puts(b, "&#13;");
            break;
        default:
            if ((unsigned char)*s >= 32 || *s == '\n' || *s == '\t')
                tl_buf_add(b, s, 1);
        }
    }
}

/* GDAL undoes XML's escapes twice when it reads a value, so they are made twice. */
static void put_value(tl_buf *b, const char *s)
{
    tl_buf once = TL_BUF_INIT;
    put_xml(&once, s);
    put_xml(b, tl_buf_text(&once));
    tl_buf_free(&once);
}

static void add_metadata(tl__ifd *d, const tl_product *p)
{
    tl_buf b = TL_BUF_INIT;
    tl_buf_puts(&b, "<GDALMetadata>\n");
    for (int i = 0; i < p->nmeta; i++) {
        tl_buf_puts(&b, "  <Item name=\"");
        put_xml(&b, p->meta[i][0]);
        tl_buf_puts(&b, "\">");
        put_value(&b, p->meta[i][1]);
        tl_buf_puts(&b, "</Item>\n");
    }
    for (int i = 0; p->band_names && i < p->nbands; i++) {
        if (!p->band_names[i] || !p->band_names[i][0])
            continue;
        tl_buf_printf(&b, "  <Item name=\"DESCRIPTION\" sample=\"%d\" role=\"description\">", i);
        put_value(&b, p->band_names[i]);
        tl_buf_puts(&b, "</Item>\n");
    }
    tl_buf_puts(&b, "</GDALMetadata>\n");
    if (p->nmeta || p->band_names)
        add_text(d, 42112, tl_buf_text(&b));
    tl_buf_free(&b);
}

/* The number that the cells really hold, so that a reader's comparison finds it. */
static void add_nodata(tl__ifd *d, const tl_product *p)
{
    char text[40];
    double v = p->dtype == TL_F32 ? (double)(float)p->nodata : p->nodata;
    if (p->dtype == TL_U64 || p->dtype == TL_I64)
        snprintf(text, sizeof text, "%lld", (long long)p->nodata_i);
    else if (isnan(v))
        snprintf(text, sizeof text, "nan");
    else
        snprintf(text, sizeof text, "%.17g", v);
    add_text(d, 42113, text);
}

/* --- numbers ---------------------------------------------------------------------------------- */

static void add_palette(tl__ifd *d, const tl_product *p)
{
    uint16_t map[3 * 256]; /* all reds, all greens, all blues, of 65535 */
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 256; i++)
            map[c * 256 + i] = (uint16_t)(p->palette[i][c] * 257);
    add(d, 320, TL__SHORT, 3 * 256, map);
}

static void add_extra(tl__ifd *d, const tl_product *p)
{
    int n = p->nbands - (tl_product_is_rgb(p) ? 3 : 1);
    if (n < 1)
        return;
    uint16_t *kind = tl_xcalloc((size_t)n, sizeof *kind); /* 0: unspecified */
    if (tl_product_has_alpha(p))
        kind[n - 1] = 2; /* alpha, colours not multiplied by it */
    add(d, 338, TL__SHORT, (uint64_t)n, kind);
    free(kind);
}

static void add_place(tl__ifd *d, const tl_product *p, const tl_geokeys *keys)
{
    double box[4];
    tl_grid_bounds(&p->grid, box);
    double scale[3] = {p->grid.dx, p->grid.dy, 0};
    double tie[6] = {0, 0, 0, box[0], box[3], 0};
    add(d, 33550, TL__DOUBLE, 3, scale);
    add(d, 33922, TL__DOUBLE, 6, tie);
    if (keys->ndir)
        add(d, 34735, TL__SHORT, keys->ndir, keys->dir);
    if (keys->ndoubles)
        add(d, 34736, TL__DOUBLE, keys->ndoubles, keys->doubles);
    if (keys->nascii)
        add(d, 34737, TL__ASCII, keys->nascii, keys->ascii);
}

static unsigned photometric(const tl__ifd *d, const tl_product *p)
{
    if (d->is_mask)
        return 4;
    return p->palette ? 3 : tl_product_is_rgb(p) ? 2 : 1;
}

/* Tags 322..325: where the tiles are. */
static void add_tiles(tl__ifd *d, const tl_product *p, int big)
{
    add_long(d, 322, p->tile);
    add_long(d, 323, p->tile);
    add_late(d, 324, big ? TL__LONG8 : TL__LONG, (uint64_t)d->ntiles, d->offsets);
    add_late(d, 325, TL__LONG, (uint64_t)d->ntiles, d->counts);
}

void tl__tiff_tags(tl__ifd *d, const tl_product *p, const tl_geokeys *keys, int big)
{
    int64_t w, h;
    int is_float = tl_dtype_is_float(p->dtype);
    tl_product_level_size(p, d->level, &w, &h);
    d->n = 0;
    tl_buf_free(&d->values);
    add_long(d, 254, (d->level ? 1 : 0) | (d->is_mask ? 4 : 0));
    add_long(d, 256, w);
    add_long(d, 257, h);
    if (d->is_mask)
        add_short(d, 258, 1);
    else
        add_same(d, 258, (unsigned)(8 * tl_dtype_size(p->dtype)), p->nbands);
    int deflated = d->is_mask || p->compress == TL_DEFLATE;
    add_short(d, 259, deflated ? 8 : 1);
    add_short(d, 262, photometric(d, p));
    add_short(d, 277, d->is_mask ? 1 : (unsigned)p->nbands);
    add_short(d, 284, 1);
    if (deflated && p->predictor && !d->is_mask)
        add_short(d, 317, is_float ? 3 : 2);
    if (p->palette && !d->is_mask)
        add_palette(d, p);
    add_tiles(d, p, big);
    if (d->is_mask)
        return;
    add_extra(d, p);
    add_same(d, 339, is_float ? 3 : tl_dtype_is_signed(p->dtype) ? 2 : 1, p->nbands);
    if (keys && !d->level)
        add_place(d, p, keys);
    if (!d->level)
        add_metadata(d, p);
    if (p->has_nodata)
        add_nodata(d, p);
}
