/* Layer 3: products, tile codec, overviews. SPDX-License-Identifier: MIT */
#include "tests/c/picture.h"
#include "modules/raster/overview.h"

static tl_product product(tl_dtype t, int nbands, int w, int h, int tile)
{
    tl_product p;
    tl_product_defaults(&p);
    p.dtype = t;
    p.nbands = nbands;
    p.tile = tile;
    p.grid = (tl_grid){.crs = "", .dx = 1, .dy = 1, .w = w, .h = h};
    return p;
}

/* 0 none, 1 nodata, 2 mask */
static void set_validity(tl_product *p, int kind)
{
    p->has_nodata = kind == 1;
    p->has_mask = kind == 2;
    p->nodata = tl_dtype_is_float(p->dtype) ? -9999.5 : 100;
    p->nodata_i = 100;
}

static void assert_decodes(picture_of *o, tl_codec *d, int w, int h)
{
    tl_err e = TL_ERR_INIT;
    tl_packed t;
    level_cells back;
    level_alloc(o->p, &back, w, h);
    assert_tl_ok(picture_encode(o, 0, 0, 0, &t, &e), &e);
    assert_tl_ok(tl_codec_decode(d, &t, w, h, back.values, back.valid, &e), &e);
    for (int b = 0; b < o->p->nbands; b++) {
        size_t n = (size_t)(w * h);
        assert_memory_equal(back.valid[b], o->level[0].valid[b], n);
        assert_memory_equal(back.values[b], o->level[0].values[b], n * tl_dtype_size(o->p->dtype));
    }
    level_free(o->p, &back);
}

static void a_tile_of_any_type_comes_back_as_it_was(void **state)
{
    (void)state;
    static const int bands[] = {1, 2, 3, 4, 13}, sizes[][2] = {{1, 1}, {64, 64}, {63, 17}};
    for (int k = 0; k < TL_DTYPES * 5 * 3 * 3 * 4; k++) {
        const int *size = sizes[k % 3];
        tl_product p = product((tl_dtype)(k / 180), bands[k / 36 % 5], size[0], size[1], 64);
        tl_err e = TL_ERR_INIT;
        picture_of o;
        tl_codec *d;
        set_validity(&p, k / 3 % 3);
        p.predictor = k / 9 % 2;
        p.compress = k / 18 % 2 ? TL_DEFLATE : TL_UNCOMPRESSED;
        picture_make(&o, &p, (uint64_t)k);
        assert_tl_ok(tl_codec_new(&p, &d, &e), &e);
        assert_decodes(&o, d, size[0], size[1]);
        tl_codec_free(d);
        picture_free(&o);
    }
}

static void a_tile_without_valid_cells_has_no_bytes(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        tl_product p = product(TL_F32, 2, 20, 20, 32);
        tl_err e = TL_ERR_INIT;
        tl_packed t;
        picture_of o;
        set_validity(&p, kind);
        picture_make(&o, &p, 1);
        memset(o.level[0].valid[0], 0, 400);
        if (kind == 1) /* with a mask one invalid band is enough */
            memset(o.level[0].valid[1], 0, 400);
        assert_tl_ok(picture_encode(&o, 0, 0, 0, &t, &e), &e);
        assert_int_equal(t.len > 0, kind == 0);
        assert_int_equal(t.mask_len, 0);
        t = (tl_packed){NULL, 0, NULL, 0};
        assert_tl_ok(tl_codec_decode(o.codec, &t, 20, 20, o.values, o.valid, &e), &e);
        assert_int_equal(o.valid[1][399], 0);
        picture_free(&o);
    }
}

static void nan_can_be_the_nodata_value(void **state)
{
    (void)state;
    for (int t = TL_F32; t <= TL_F64; t++) {
        tl_product p = product((tl_dtype)t, 1, 40, 30, 48);
        tl_err e = TL_ERR_INIT;
        tl_codec *d;
        picture_of o;
        p.has_nodata = 1;
        p.nodata = NAN;
        picture_make(&o, &p, 5);
        assert_tl_ok(tl_codec_new(&p, &d, &e), &e);
        assert_decodes(&o, d, 40, 30);
        tl_codec_free(d);
        picture_free(&o);
    }
}

static void values_under_invalid_cells_do_not_reach_the_bytes(void **state)
{
    (void)state;
    for (int kind = 1; kind < 3; kind++) {
        tl_product p = product(TL_U16, 3, 50, 50, 64);
        tl_err e = TL_ERR_INIT;
        tl_packed t;
        picture_of o;
        set_validity(&p, kind);
        picture_make(&o, &p, 3);
        assert_tl_ok(picture_encode(&o, 0, 0, 0, &t, &e), &e);
        size_t n = t.len;
        uint8_t *before = tl_xmalloc(n);
        memcpy(before, t.bytes, n);
        for (int i = 0; i < 2500; i++)
            if (!o.level[0].valid[1][i])
                ((uint16_t *)o.level[0].values[1])[i] = (uint16_t)(i * 7);
        assert_tl_ok(picture_encode(&o, 0, 0, 0, &t, &e), &e);
        assert_int_equal(t.len, n);
        assert_memory_equal(t.bytes, before, n);
        free(before);
        picture_free(&o);
    }
}

static void damaged_bytes_are_an_error_and_never_read_beyond(void **state)
{
    (void)state;
    tl_product p = product(TL_I16, 2, 64, 64, 64);
    tl_err e = TL_ERR_INIT;
    tl_packed t;
    picture_of o;
    tl_codec *d;
    uint64_t seed = 9;
    set_validity(&p, 2);
    picture_make(&o, &p, 3);
    assert_tl_ok(tl_codec_new(&p, &d, &e), &e);
    assert_tl_ok(picture_encode(&o, 0, 0, 0, &t, &e), &e);
    for (int k = 0; k < 200; k++) {
        uint8_t *copy = tl_xmalloc(t.len);
        size_t n = k % 2 ? t.len : (size_t)tl_test_random(&seed) % t.len;
        memcpy(copy, t.bytes, n);
        if (k % 2)
            copy[tl_test_random(&seed) % t.len] ^= (uint8_t)(1 + tl_test_random(&seed) % 255);
        tl_packed bad = {copy, n, t.mask, t.mask_len};
        if (n)
            assert_int_equal(tl_codec_decode(d, &bad, 64, 64, o.values, o.valid, &e), TL_EDATA);
        free(copy);
    }
    tl_packed cut = {t.bytes, t.len, t.mask, t.mask_len - 3};
    assert_int_equal(tl_codec_decode(d, &cut, 64, 64, o.values, o.valid, &e), TL_EDATA);
    tl_codec_free(d);
    picture_free(&o);
}

/* --- overviews ---------------------------------------------------------------------------------
 */

static void averages_round_half_to_even_and_avoid_the_nodata_value(void **state)
{
    (void)state;
    static const struct {
        int16_t v[4];
        uint8_t ok[4];
        int16_t want;
    } t[] = {
        {{1, 2, 0, 0}, {1, 1, 0, 0}, 2},    {{2, 3, 0, 0}, {1, 1, 0, 0}, 2},
        {{-1, -2, 0, 0}, {1, 1, 0, 0}, -2}, {{-2, -3, 0, 0}, {1, 1, 0, 0}, -2},
        {{1, 1, 1, 3}, {1, 1, 1, 1}, 2},    {{99, 101, 0, 0}, {1, 1, 0, 0}, 99},
        {{0, 0, 0, 7}, {0, 0, 0, 1}, 7},    {{-32768, 32767, -32768, 32767}, {1, 1, 1, 1}, 0},
    };
    tl_product p = product(TL_I16, 1, 2, 2, 16);
    p.overview = TL_AVERAGE;
    p.has_nodata = 1;
    p.nodata = 100;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        int16_t got = 0;
        uint8_t ok = 0;
        tl_overview_quarter(&p, 2, 2, (const void *[]){t[i].v}, (const uint8_t *[]){t[i].ok}, 0, 0,
                            1, (void *[]){&got}, (uint8_t *[]){&ok});
        assert_int_equal(ok, 1);
        assert_int_equal(got, t[i].want);
    }
}

static void wide_integers_average_exactly(void **state)
{
    (void)state;
    tl_product p = product(TL_I64, 1, 2, 2, 16);
    int64_t v[4] = {INT64_MAX, INT64_MAX - 2, INT64_MAX, INT64_MAX - 2}, got;
    uint8_t all[4] = {1, 1, 1, 1}, ok;
    p.overview = TL_AVERAGE;
    tl_overview_quarter(&p, 2, 2, (const void *[]){v}, (const uint8_t *[]){all}, 0, 0, 1,
                        (void *[]){&got}, (uint8_t *[]){&ok});
    assert_true(got == INT64_MAX - 1);
    uint64_t u[4] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX - 3}, gotu;
    p.dtype = TL_U64;
    tl_overview_quarter(&p, 2, 2, (const void *[]){u}, (const uint8_t *[]){all}, 0, 0, 1,
                        (void *[]){&gotu}, (uint8_t *[]){&ok});
    assert_true(gotu == UINT64_MAX - 1);
}

static void the_mode_takes_the_smallest_of_equals(void **state)
{
    (void)state;
    tl_product p = product(TL_F32, 1, 2, 2, 16);
    float v[4] = {5, 3, 5, 3}, got;
    uint8_t some[4] = {1, 1, 1, 1}, ok;
    p.overview = TL_MODE;
    tl_overview_quarter(&p, 2, 2, (const void *[]){v}, (const uint8_t *[]){some}, 0, 0, 1,
                        (void *[]){&got}, (uint8_t *[]){&ok});
    assert_true(got == 3);
    some[1] = 0;
    tl_overview_quarter(&p, 2, 2, (const void *[]){v}, (const uint8_t *[]){some}, 0, 0, 1,
                        (void *[]){&got}, (uint8_t *[]){&ok});
    assert_true(got == 5);
}

static void products_that_no_file_can_hold_are_refused(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    tl_product ok = product(TL_U8, 1, 10, 10, 256), p;
    assert_tl_ok(tl_product_check(&ok, &e), &e);
#define REFUSED(CHANGE) p = ok, CHANGE, assert_int_equal(tl_product_check(&p, &e), TL_EUSAGE)
    REFUSED(p.grid.w = 0);
    REFUSED(p.grid.h = (int64_t)1 << 40);
    REFUSED(p.tile = 100);
    REFUSED((p.has_nodata = 1, p.nodata = 256));
    REFUSED((p.has_nodata = 1, p.nodata = 1.5));
    REFUSED((p.has_nodata = 1, p.nodata = NAN));
    REFUSED((p.has_nodata = 1, p.dtype = TL_F32, p.nodata = 1e300));
    REFUSED((p.has_nodata = 1, p.has_mask = 1));
    REFUSED((p.format = TL_PNG, p.dtype = TL_F32));
    REFUSED(p.overview = TL_CUBIC);
    REFUSED(p.level = 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tile_of_any_type_comes_back_as_it_was),
        cmocka_unit_test(a_tile_without_valid_cells_has_no_bytes),
        cmocka_unit_test(nan_can_be_the_nodata_value),
        cmocka_unit_test(values_under_invalid_cells_do_not_reach_the_bytes),
        cmocka_unit_test(damaged_bytes_are_an_error_and_never_read_beyond),
        cmocka_unit_test(averages_round_half_to_even_and_avoid_the_nodata_value),
        cmocka_unit_test(wide_integers_average_exactly),
        cmocka_unit_test(the_mode_takes_the_smallest_of_equals),
        cmocka_unit_test(products_that_no_file_can_hold_are_refused),
    };
    return tl_run_tests(tests);
}
