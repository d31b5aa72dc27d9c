/* The map's small parts: the cache, tile addresses, PNG bytes, labels. SPDX-License-Identifier: MIT
 */
#include "tests/c/test.h"
#include "modules/map/cache.h"
#include "modules/map/encode.h"
#include "modules/map/tiles.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

static void put(tl_cache *c, int key, size_t size)
{
    tl_blob *b = tl_blob_new(size);
    memset(b->data, key, size);
    tl_cache_put(c, &key, sizeof key, b);
    tl_blob_unref(b);
}

static int has(tl_cache *c, int key)
{
    tl_blob *b = tl_cache_get(c, &key, sizeof key);
    int yes = b && b->data[0] == (uint8_t)key;
    tl_blob_unref(b);
    return yes;
}

static void the_cache_keeps_its_size_and_what_was_used_last(void **state)
{
    (void)state;
    tl_cache_counts n;
    tl_cache *c = tl_cache_new(100 * 1200);
    for (int i = 0; i < 1000; i++) {
        put(c, i, 1000);
        assert_true(has(c, 0)); /* asked again and again: it stays */
    }
    tl_cache_count(c, &n);
    assert_true(n.bytes <= 100 * 1200);
    assert_true(n.entries > 90 && n.entries <= 104);
    assert_true(has(c, 999) && has(c, 950) && !has(c, 1) && !has(c, 800));
    put(c, 999, 2000); /* the same key again */
    tl_cache_count(c, &n);
    assert_true(n.bytes <= 100 * 1200 && has(c, 999));
    tl_cache_free(c);
}

static void a_blob_outlives_the_cache(void **state)
{
    (void)state;
    int key = 7;
    tl_cache *c = tl_cache_new(1 << 20);
    put(c, key, 100);
    tl_blob *b = tl_cache_get(c, &key, sizeof key);
    tl_cache_free(c);
    assert_int_equal(b->data[99], 7);
    tl_blob_unref(b);
}

static void tiles_lie_where_the_web_has_them(void **state)
{
    (void)state;
    tl_grid g, finer;
    tl_err e = TL_ERR_INIT;
    assert_true(tl_tile_exists((tl_tile){0, 0, 0}) && !tl_tile_exists((tl_tile){0, 1, 0}));
    assert_true(!tl_tile_exists((tl_tile){-1, 0, 0}) && !tl_tile_exists((tl_tile){25, 0, 0}));
    assert_true(!tl_tile_exists((tl_tile){3, 8, 0}) && tl_tile_exists((tl_tile){3, 7, 7}));
    assert_int_equal(tl_tile_grid((tl_tile){9, 277, 183}, 1, &g, &e), 0);
    assert_int_equal(tl_tile_grid((tl_tile){9, 277, 183}, 2, &finer, &e), 0);
    assert_true(g.col == 277 * 256 && g.row == 183 * 256 && g.w == 256 && finer.w == 512);
    assert_true(finer.col == 2 * g.col && finer.dx * 2 == g.dx);
    assert_int_equal(tl_tile_cell(15.03, 45.13, 9, &g, &e), 0);
    assert_true(g.w == 1 && g.col / 256 == 277 && g.row / 256 == 183);
    assert_int_equal(tl_tile_zoom_of(10, 45), 14);
    assert_int_equal(tl_tile_zoom_of(1e9, 0), 0);
}

/* Decoded by libpng. */
static void check_png(const uint8_t *rgba, int w, int h)
{
    tl_blob *b = NULL;
    tl_err e = TL_ERR_INIT;
    png_image img = {.version = PNG_IMAGE_VERSION};
    assert_int_equal(tl_encode_png(rgba, w, h, &b, &e), 0);
    assert_true(png_image_begin_read_from_memory(&img, b->data, b->size));
    assert_true((int)img.width == w && (int)img.height == h);
    img.format = PNG_FORMAT_RGBA;
    uint8_t *got = malloc((size_t)(w * h) * 4);
    assert_true(png_image_finish_read(&img, NULL, got, 0, NULL));
    for (int i = 0; i < w * h; i++) {
        assert_int_equal(got[4 * i + 3], rgba[4 * i + 3]);
        if (rgba[4 * i + 3])
            assert_memory_equal(got + 4 * i, rgba + 4 * i, 4);
    }
    free(got);
    tl_blob_unref(b);
}

static void a_png_holds_the_pixels_with_and_without_a_palette(void **state)
{
    (void)state;
    static uint8_t rgba[256 * 256 * 4];
    uint32_t seed = 20240611;
    static const int colours[] = {1, 2, 255, 256, 257, 5000};
    print_message("# seed %u\n", seed);
    for (int clear = 0; clear < 2; clear++)
        for (size_t k = 0; k < sizeof colours / sizeof colours[0]; k++) {
            for (int i = 0; i < 256 * 256; i++) {
                seed = seed * 1664525u + 1013904223u;
                uint32_t c = (i < colours[k] ? (uint32_t)i : (seed >> 8) % (uint32_t)colours[k]) *
                             2654435761u;
                int hidden = clear && i % 7 == 3;
                rgba[4 * i] = hidden ? 0 : (uint8_t)(c >> 24);
                rgba[4 * i + 1] = hidden ? 0 : (uint8_t)(c >> 16);
                rgba[4 * i + 2] = hidden ? 0 : (uint8_t)(c >> 8);
                rgba[4 * i + 3] = hidden ? 0 : 255;
            }
            check_png(rgba, 256, 256);
            check_png(rgba, 1, 1);
            check_png(rgba, 3, 70);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cache_keeps_its_size_and_what_was_used_last),
        cmocka_unit_test(a_blob_outlives_the_cache),
        cmocka_unit_test(tiles_lie_where_the_web_has_them),
        cmocka_unit_test(a_png_holds_the_pixels_with_and_without_a_palette),
    };
    return tl_run_tests(tests);
}
