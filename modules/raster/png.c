/* PNG files from finished tiles: see png.h. SPDX-License-Identifier: MIT */
#include "modules/raster/png.h"
#include "modules/raster/codec.h"
#include "runtime/mem.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

typedef struct picture {
    const tl_product *p;
    const tl_tiles *tiles;
    tl_outfile *f;
    tl_err *e;
    tl_codec *codec;
    int channels, type, size; /* size: bytes per channel */
    size_t row;               /* bytes */
    uint8_t *rows;            /* one row of tiles of the picture */
    void **values;            /* one decoded tile, per band */
    uint8_t **valid;
    png_structp png;
    png_infop info;
} picture;

/* --- layout ----------------------------------------------------------------------------------- */

static void choose(picture *o)
{
    static const int types[5] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                                 PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
    int invalid = tl_product_may_skip(o->p);
    o->channels = o->p->palette ? 4 : o->p->nbands;
    if (invalid && (o->channels == 1 || o->channels == 3))
        o->channels++;
    o->type = types[o->channels];
    o->size = (int)tl_dtype_size(o->p->dtype);
    o->row = (size_t)o->p->grid.w * (size_t)o->channels * (size_t)o->size;
}

static int allocate(picture *o)
{
    size_t n = (size_t)o->p->tile * (size_t)o->p->tile, nb = (size_t)o->p->nbands;
    size_t down = o->p->grid.h < o->p->tile ? (size_t)o->p->grid.h : (size_t)o->p->tile;
    int r = tl_codec_new(o->p, &o->codec, o->e);
    o->values = tl_xcalloc(nb, sizeof *o->values);
    o->valid = tl_xcalloc(nb, sizeof *o->valid);
    if (!r)
        r = tl_try_alloc((void **)&o->rows, down, o->row, "a row of tiles", o->e);
    for (size_t b = 0; !r && b < nb; b++) {
        r = tl_try_alloc(&o->values[b], n, (size_t)o->size, "a tile", o->e);
        if (!r)
            r = tl_try_alloc((void **)&o->valid[b], n, 1, "a tile", o->e);
    }
    return r;
}

static void release(picture *o)
{
    for (int b = 0; b < o->p->nbands; b++) {
        if (o->values)
            free(o->values[b]);
        if (o->valid)
            free(o->valid[b]);
    }
    free(o->values);
    free(o->valid);
    free(o->rows);
    tl_codec_free(o->codec);
}

/* --- cells to pixels -------------------------------------------------------------------------- */

/* PNG's 16-bit numbers have the high byte first. */
static void put(const picture *o, uint8_t *to, int channel, unsigned v)
{
    if (o->size == 1) {
        to[channel] = (uint8_t)v;
    } else {
        to[2 * channel] = (uint8_t)(v >> 8);
        to[2 * channel + 1] = (uint8_t)v;
    }
}

static unsigned value(const picture *o, int band, size_t i)
{
    return o->size == 1 ? ((const uint8_t *)o->values[band])[i]
                        : ((const uint16_t *)o->values[band])[i];
}

static void put_pixel(const picture *o, uint8_t *to, size_t i)
{
    unsigned opaque = o->size == 1 ? 255 : 65535;
    int nb = o->p->nbands, ok = 1;
    for (int b = 0; b < nb; b++)
        ok &= o->valid[b][i];
    if (o->p->palette) {
        const uint8_t *colour = o->p->palette[value(o, 0, i)];
        for (int c = 0; c < 4; c++)
            to[c] = ok ? colour[c] : 0;
        return;
    }
    for (int b = 0; b < nb; b++)
        put(o, to, b, value(o, b, i));
    if (o->channels > nb)
        put(o, to, nb, ok ? opaque : 0);
    else if (!ok && (o->channels == 2 || o->channels == 4))
        put(o, to, o->channels - 1, 0);
}

static int fill_rows(picture *o, int64_t ty, int64_t across)
{
    for (int64_t tx = 0; tx < across; tx++) {
        tl_packed t = {NULL, 0, NULL, 0};
        int w, h, r = o->tiles->get(o->tiles->ctx, 0, tx, ty, &t, o->e);
        if (r)
            return r;
        tl_product_tile_size(o->p, 0, tx, ty, &w, &h);
        r = tl_codec_decode(o->codec, &t, w, h, o->values, o->valid, o->e);
        if (r)
            return r;
        size_t pixel = (size_t)o->channels * (size_t)o->size, i = 0;
        for (int y = 0; y < h; y++) {
            uint8_t *to = o->rows + (size_t)y * o->row + (size_t)(tx * o->p->tile) * pixel;
            for (int x = 0; x < w; x++, to += pixel)
                put_pixel(o, to, i++);
        }
    }
    return 0;
}

/* --- libpng ----------------------------------------------------------------------------------
 * Its errors jump: what follows a jump reads only *o, whose error is set then. */

static void on_write(png_structp png, png_bytep data, size_t n)
{
    picture *o = png_get_io_ptr(png);
    if (tl_outfile_write(o->f, data, n, o->e))
        png_longjmp(png, 1);
}

static void on_flush(png_structp png)
{
    (void)png;
}

static void on_error(png_structp png, png_const_charp text)
{
    picture *o = png_get_error_ptr(png);
    tl_fail(o->e, TL_EDATA, "cannot make a PNG: %s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void put_texts(picture *o)
{
    for (int i = 0; i < o->p->nmeta; i++) {
        char key[80]; /* the format's limit */
        snprintf(key, sizeof key, "%s", o->p->meta[i][0]);
        png_text t = {.compression = PNG_ITXT_COMPRESSION_NONE,
                      .key = key,
                      .text = (char *)(uintptr_t)o->p->meta[i][1],
                      .lang = (char *)(uintptr_t) "",
                      .lang_key = (char *)(uintptr_t) ""};
        png_set_text(o->png, o->info, &t, 1);
    }
}

static int write_picture(picture *o)
{
    int64_t across, down;
    if (setjmp(png_jmpbuf(o->png)))
        return o->e->code ? o->e->code : tl_fail(o->e, TL_EDATA, "cannot make a PNG");
    png_set_write_fn(o->png, o, on_write, on_flush);
    png_set_user_limits(o->png, 0x7fffffff, 0x7fffffff);
    png_set_compression_level(o->png, o->p->level > 9 ? 9 : o->p->level);
    png_set_IHDR(o->png, o->info, (png_uint_32)o->p->grid.w, (png_uint_32)o->p->grid.h, 8 * o->size,
                 o->type, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    put_texts(o);
    png_write_info(o->png, o->info);
    tl_product_level_tiles(o->p, 0, &across, &down);
    for (int64_t ty = 0; ty < down; ty++) {
        int w, h, r = fill_rows(o, ty, across);
        if (r)
            return r;
        tl_product_tile_size(o->p, 0, 0, ty, &w, &h);
        for (int y = 0; y < h; y++)
            png_write_row(o->png, o->rows + (size_t)y * o->row);
    }
    png_write_end(o->png, NULL);
    return 0;
}

int tl_png_write(const tl_product *p, const tl_tiles *tiles, tl_outfile *f, tl_err *e)
{
    tl_err mine = TL_ERR_INIT;
    picture o = {.p = p, .tiles = tiles, .f = f, .e = &mine};
    int r = tl_product_check(p, &mine);
    if (!r &&
        (p->nbands > 4 || tl_dtype_size(p->dtype) > 2 || p->dtype == TL_I8 || p->dtype == TL_I16))
        r = tl_fail(&mine, TL_EUSAGE, "PNG holds 1 to 4 bands of uint8 or uint16");
    if (!r) {
        choose(&o);
        r = allocate(&o);
    }
    if (!r) {
        o.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &o, on_error, on_warning);
        o.info = o.png ? png_create_info_struct(o.png) : NULL;
        r = o.info ? write_picture(&o) : tl_fail(&mine, TL_ENOMEM, "cannot start a PNG");
        png_destroy_write_struct(&o.png, &o.info);
    }
    release(&o);
    if (r)
        *e = mine;
    return r;
}
