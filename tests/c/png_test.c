/* Layer 3: PNG files, read back through GDAL. SPDX-License-Identifier: MIT */
#include "tests/c/file_util.h"

/* --- PNG ---------------------------------------------------------------------------------------
 */

static unsigned number(const tl_product *p, const void *v, size_t i)
{
    return p->dtype == TL_U8 ? ((const uint8_t *)v)[i] : ((const uint16_t *)v)[i];
}

static void assert_png(const picture_of *o, const char *path)
{
    const tl_product *p = o->p;
    const level_cells *l = &o->level[0];
    GDALDatasetH ds = open_file(path);
    int w = (int)l->w, h = (int)l->h, nb = p->nbands, may = tl_product_may_skip(p);
    int channels = GDALGetRasterCount(ds), alpha = channels == 2 || channels == 4;
    assert_int_equal(channels, may && nb % 2 ? nb + 1 : nb);
    size_t n = (size_t)w * (size_t)h;
    uint16_t *got = tl_xmalloc(n * 2);
    for (int c = 0; c < channels; c++) {
        assert_int_equal(GDALRasterIO(GDALGetRasterBand(ds, c + 1), GF_Read, 0, 0, w, h, got, w, h,
                                      GDT_UInt16, 0, 0),
                         CE_None);
        for (size_t i = 0; i < n; i++) {
            int ok = 1;
            for (int b = 0; b < nb; b++)
                ok &= l->valid[b][i];
            unsigned want = p->dtype == TL_U8 ? 255 : 65535;
            if (c < nb)
                want = number(p, l->values[c], i);
            if (alpha && c == channels - 1 && !ok)
                want = 0;
            if (got[i] != want)
                fail_msg("channel %d, pixel %zu: %u instead of %u", c, i, got[i], want);
        }
    }
    free(got);
    GDALClose(ds);
}

static void pngs_read_back_with_validity_as_alpha(void **state)
{
    (void)state;
    static const char *const meta[][2] = {{"Script", "x = 1 \xc3\xa9"}};
    for (int k = 0; k < 24; k++) {
        tl_product p = product(k % 2 ? TL_U16 : TL_U8, k / 2 % 4 + 1, 133, 77, 32);
        picture_of o;
        p.format = TL_PNG;
        p.nmeta = 1;
        p.meta = meta;
        set_validity(&p, k / 8);
        picture_make(&o, &p, 1);
        write_picture(&o, scratch("p.png"));
        assert_png(&o, scratch("p.png"));
        picture_free(&o);
    }
}

static void a_png_with_a_palette_is_in_colour(void **state)
{
    (void)state;
    uint8_t colours[256][4];
    tl_product p = product(TL_U8, 1, 40, 40, 16);
    picture_of o;
    for (int i = 0; i < 256; i++)
        for (int c = 0; c < 4; c++)
            colours[i][c] = (uint8_t)(i * (c + 1) + c);
    p.palette = (const uint8_t(*)[4])colours;
    p.format = TL_PNG;
    set_validity(&p, 1);
    picture_make(&o, &p, 1);
    write_picture(&o, scratch("c.png"));
    GDALDatasetH ds = open_file(scratch("c.png"));
    assert_int_equal(GDALGetRasterCount(ds), 4);
    uint8_t got[4][1600];
    assert_int_equal(
        GDALDatasetRasterIO(ds, GF_Read, 0, 0, 40, 40, got, 40, 40, GDT_Byte, 4, NULL, 0, 0, 0),
        CE_None);
    for (int i = 0; i < 1600; i++)
        for (int c = 0; c < 4; c++) {
            int v = ((uint8_t *)o.level[0].values[0])[i];
            assert_int_equal(got[c][i], o.level[0].valid[0][i] ? colours[v][c] : 0);
        }
    GDALClose(ds);
    picture_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pngs_read_back_with_validity_as_alpha),
        cmocka_unit_test(a_png_with_a_palette_is_in_colour),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name(__FILE__, tests, start, stop);
}
