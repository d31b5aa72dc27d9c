/* Pictures: see picture.h. SPDX-License-Identifier: MIT */
#include "modules/map/picture.h"
#include "modules/raster/outfile.h"

#include <chafa.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

extern char **environ;

void tl_image_to_rgba(const uint8_t *const plane[3], const uint8_t *const valid[3], size_t n,
                      uint8_t *rgba)
{
    for (size_t i = 0; i < n; i++, rgba += 4) {
        int ok = valid[0][i] && valid[1][i] && valid[2][i];
        for (int c = 0; c < 3; c++)
            rgba[c] = ok ? plane[c][i] : 0;
        rgba[3] = ok ? 255 : 0;
    }
}

/* --- PNG ----------------------------------------------------------------------------------------
 * libpng leaves by longjmp when something fails; *err says what, and is all that is read then. */

typedef struct sink {
    tl_outfile *file;
    tl_err *err;
} sink;

static void put(png_structp png, png_bytep data, size_t n)
{
    sink *s = png_get_io_ptr(png);
    if (tl_outfile_write(s->file, data, n, s->err))
        png_longjmp(png, 1);
}

static void flush(png_structp png)
{
    (void)png;
}

static void complain(png_structp png, png_const_charp text)
{
    tl_fail(png_get_error_ptr(png), TL_EDATA, "cannot make a PNG: %s", text);
    png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static int encode(png_structp png, png_infop info, sink *s, int64_t w, int64_t h,
                  const uint8_t *rgba)
{
    if (setjmp(png_jmpbuf(png)))
        return s->err->code;
    png_set_write_fn(png, s, put, flush);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    png_set_IHDR(png, info, (png_uint_32)w, (png_uint_32)h, 8, PNG_COLOR_TYPE_RGB_ALPHA,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int64_t y = 0; y < h; y++)
        png_write_row(png, rgba + (size_t)(y * w) * 4);
    png_write_end(png, NULL);
    return 0;
}

int tl_picture_write_png(const char *path, int64_t w, int64_t h, const uint8_t *rgba, tl_err *e)
{
    tl_err mine = TL_ERR_INIT;
    sink s = {NULL, &mine};
    if (w < 1 || h < 1 || w > 0x7fffffff / 4 || h > 0x7fffffff)
        return tl_fail(e, TL_EUSAGE, "%s: a PNG of %lld x %lld pixels", path, (long long)w,
                       (long long)h);
    int rc = tl_outfile_open(path, &s.file, e);
    if (rc)
        return rc;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &mine, complain, ignore);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    rc =
        info ? encode(png, info, &s, w, h, rgba) : tl_fail(&mine, TL_ENOMEM, "no memory for a PNG");
    png_destroy_write_struct(&png, &info);
    if (!rc)
        return tl_outfile_commit(s.file, e);
    tl_outfile_abort(s.file);
    *e = mine;
    return rc;
}

/* --- terminals
 * ------------------------------------------------------------------------------------
 */

typedef struct terminal {
    int columns, rows;   /* room for the picture, cells */
    int cell_w, cell_h;  /* pixels */
    ChafaTermInfo *info; /* a reference */
    ChafaCanvasMode mode;
    ChafaPixelMode pixels;
} terminal;

static void measure(terminal *t, FILE *out, int columns, int rows)
{
    struct winsize ws = {0};
    if (ioctl(fileno(out), TIOCGWINSZ, &ws))
        memset(&ws, 0, sizeof ws);
    int known = ws.ws_col > 0 && ws.ws_row > 0;
    t->columns = columns > 0 ? columns : known ? ws.ws_col : 80;
    t->rows = rows > 0 ? rows : (known ? ws.ws_row : 24) - 1; /* the prompt takes a line */
    t->rows = t->rows > 0 ? t->rows : 1;
    t->cell_w = known ? ws.ws_xpixel / ws.ws_col : 0;
    t->cell_h = known ? ws.ws_ypixel / ws.ws_row : 0;
    if (t->cell_w < 1 || t->cell_h < 1) { /* many terminals say 0 */
        t->cell_w = 10;
        t->cell_h = 20;
    }
}

static int has(const terminal *t, ChafaTermSeq seq)
{
    return chafa_term_info_have_seq(t->info, seq);
}

static void detect(terminal *t, FILE *out)
{
    const char *none = getenv("NO_COLOR"), *term = getenv("TERM");
    int tty = isatty(fileno(out)), dumb = tty && term && strcmp(term, "dumb") == 0;
    t->pixels = CHAFA_PIXEL_MODE_SYMBOLS;
    if ((none && *none) || dumb) {
        t->info = chafa_term_info_new(); /* knows no sequences, so none are written */
        t->mode = CHAFA_CANVAS_MODE_FGBG;
        return;
    }
    ChafaTermDb *db = chafa_term_db_get_default();
    if (!tty) {
        t->info = chafa_term_db_get_fallback_info(db);
        t->mode = CHAFA_CANVAS_MODE_INDEXED_240;
        return;
    }
    t->info = chafa_term_db_detect(db, environ);
    t->mode = has(t, CHAFA_TERM_SEQ_SET_COLOR_FGBG_DIRECT) ? CHAFA_CANVAS_MODE_TRUECOLOR
              : has(t, CHAFA_TERM_SEQ_SET_COLOR_FGBG_256)  ? CHAFA_CANVAS_MODE_INDEXED_240
              : has(t, CHAFA_TERM_SEQ_SET_COLOR_FGBG_16)   ? CHAFA_CANVAS_MODE_INDEXED_16
                                                           : CHAFA_CANVAS_MODE_FGBG;
    if (has(t, CHAFA_TERM_SEQ_BEGIN_KITTY_IMMEDIATE_IMAGE_V1))
        t->pixels = CHAFA_PIXEL_MODE_KITTY;
    else if (has(t, CHAFA_TERM_SEQ_BEGIN_SIXELS))
        t->pixels = CHAFA_PIXEL_MODE_SIXELS;
    else if (has(t, CHAFA_TERM_SEQ_BEGIN_ITERM2_IMAGE))
        t->pixels = CHAFA_PIXEL_MODE_ITERM2;
    if (t->pixels != CHAFA_PIXEL_MODE_SYMBOLS)
        t->mode = CHAFA_CANVAS_MODE_TRUECOLOR;
}

static ChafaCanvas *make_canvas(const terminal *t, int columns, int rows)
{
    ChafaCanvasConfig *config = chafa_canvas_config_new();
    ChafaSymbolMap *symbols = chafa_symbol_map_new();
    int plain = t->mode == CHAFA_CANVAS_MODE_FGBG;
    chafa_symbol_map_add_by_tags(symbols, plain ? CHAFA_SYMBOL_TAG_ASCII
                                                : CHAFA_SYMBOL_TAG_BLOCK | CHAFA_SYMBOL_TAG_SPACE);
    chafa_canvas_config_set_symbol_map(config, symbols);
    chafa_canvas_config_set_geometry(config, columns, rows);
    chafa_canvas_config_set_cell_geometry(config, t->cell_w, t->cell_h);
    chafa_canvas_config_set_canvas_mode(config, t->mode);
    chafa_canvas_config_set_pixel_mode(config, t->pixels);
    chafa_canvas_config_set_transparency_threshold(config, 0.5f);
    ChafaCanvas *canvas = chafa_canvas_new(config);
    chafa_symbol_map_unref(symbols);
    chafa_canvas_config_unref(config);
    return canvas;
}

/* Characters show some 8 x 16 pixels each as shapes of two colours. */
void tl_picture_room(FILE *out, int64_t *w, int64_t *h)
{
    terminal t;
    measure(&t, out, 0, 0);
    detect(&t, out);
    int symbols = t.pixels == CHAFA_PIXEL_MODE_SYMBOLS;
    *w = (int64_t)t.columns * (symbols ? 8 : t.cell_w);
    *h = (int64_t)t.rows * (symbols ? 16 : t.cell_h);
    chafa_term_info_unref(t.info);
}

int tl_picture_print(FILE *out, int64_t w, int64_t h, const uint8_t *rgba, int columns, int rows)
{
    terminal t;
    if (w < 1 || h < 1 || w > INT32_MAX / 4 || h > INT32_MAX)
        return -1;
    measure(&t, out, columns, rows);
    detect(&t, out);
    gint across = t.columns, down = t.rows;
    chafa_calc_canvas_geometry((gint)w, (gint)h, &across, &down,
                               (gfloat)t.cell_w / (gfloat)t.cell_h, TRUE, FALSE);
    across = across < 1 ? 1 : across > t.columns ? t.columns : across;
    down = down < 1 ? 1 : down > t.rows ? t.rows : down;
    ChafaCanvas *canvas = make_canvas(&t, across, down);
    chafa_canvas_draw_all_pixels(canvas, CHAFA_PIXEL_RGBA8_UNASSOCIATED, rgba, (gint)w, (gint)h,
                                 (gint)(w * 4));
    GString *text = chafa_canvas_print(canvas, t.info);
    size_t put_out = fwrite(text->str, 1, text->len, out);
    int bad = put_out != text->len || fputc('\n', out) == EOF || fflush(out);
    g_string_free(text, TRUE);
    chafa_canvas_unref(canvas);
    chafa_term_info_unref(t.info);
    return bad ? -1 : 0;
}
