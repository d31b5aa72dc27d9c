/* Grids: whole cells, phases, and which grid a result lies on. SPDX-License-Identifier: MIT */
#include "tests/c/test.h"
#include "tests/c/fake_source.h"
#include "modules/batch/gridding.h"
#include "modules/raster/raster.h"

static tl_grid utm(double x0, double y0, double cell, int64_t w, int64_t h)
{
    return (tl_grid){tl_intern("EPSG:32633"), x0, y0, cell, cell, 0, 0, w, h};
}

static void assert_extent(const tl_grid *g, int64_t col, int64_t row, int64_t w, int64_t h)
{
    assert_int_equal(g->col, col);
    assert_int_equal(g->row, row);
    assert_int_equal(g->w, w);
    assert_int_equal(g->h, h);
}

static void a_box_grows_outward_to_whole_cells(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    tl_grid g = utm(500000, 5000000, 10, 1, 1);
    assert_tl_ok(tl_grid_cover(&g, 500000, 4999900, 500100, 5000000, &e), &e);
    assert_extent(&g, 0, 0, 10, 10);
    assert_tl_ok(tl_grid_cover(&g, 500000.1, 4999899.9, 500100.1, 4999999.9, &e), &e);
    assert_extent(&g, 0, 0, 11, 11);
    assert_tl_ok(tl_grid_cover(&g, 499999.9, 4999900.1, 500099.9, 5000000.1, &e), &e);
    assert_extent(&g, -1, -1, 11, 11);
    /* Within a millionth of a cell of an edge is on it. */
    assert_tl_ok(
        tl_grid_cover(&g, 499999.999995, 4999899.999995, 500100.000005, 5000000.000005, &e), &e);
    assert_extent(&g, 0, 0, 10, 10);
    assert_tl_ok(tl_grid_cover(&g, 499999.9999, 4999899.9999, 500100.0001, 5000000.0001, &e), &e);
    assert_extent(&g, -1, -1, 12, 12);
    assert_tl_ok(tl_grid_cover(&g, 500003, 4999993, 500004, 4999994, &e), &e); /* inside one cell */
    assert_extent(&g, 0, 0, 1, 1);
    assert_tl_ok(tl_grid_cover(&g, 500003, 4999993, 500003.000001, 4999993.000001, &e), &e);
    assert_extent(&g, 0, 0, 1, 1); /* however small it is */
    tl_grid huge = utm(500000, 5000000, 1e9, 1, 1);
    assert_tl_ok(tl_grid_cover(&huge, 500000, 4999000, 501000, 5000000, &e), &e);
    assert_extent(&huge, 0, 0, 1, 1);
    tl_grid before = g;
    assert_int_equal(tl_grid_cover(&g, 500100, 4999900, 500000, 5000000, &e), TL_EUSAGE);
    assert_int_equal(tl_grid_cover(&g, NAN, 4999900, 500000, 5000000, &e), TL_EUSAGE);
    assert_int_equal(tl_grid_cover(&g, -INFINITY, 4999900, 500000, 5000000, &e), TL_EUSAGE);
    assert_int_equal(tl_grid_cover(&g, 0, 0, 1e20, 5000000, &e), TL_EUSAGE);
    assert_true(tl_grid_equal(&g, &before)); /* untouched on failure */
}

static void bounds_of_a_cover_contain_the_box_by_less_than_a_cell(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    uint64_t seed = 11;
    for (int k = 0; k < 2000; k++) {
        double cell = 0.1 + (double)(tl_test_random(&seed) % 3000) / 7;
        tl_grid g = utm((double)(tl_test_random(&seed) % 1000000),
                        (double)(tl_test_random(&seed) % 9000000), cell, 1, 1);
        double x = (double)(tl_test_random(&seed) % 1000000) / 1.3,
               y = (double)(tl_test_random(&seed) % 9000000) / 1.1;
        double w = 1 + (double)(tl_test_random(&seed) % 99991) / 17, box[4];
        assert_tl_ok(tl_grid_cover(&g, x, y, x + w, y + w, &e), &e);
        tl_grid_bounds(&g, box);
        double slack = 1e-5 * cell + 1e-6;
        assert_true(box[0] <= x + slack && box[1] <= y + slack && box[2] >= x + w - slack &&
                    box[3] >= y + w - slack);
        assert_true(box[0] > x - cell - slack && box[3] < y + w + cell + slack);
        assert_true(box[1] > y - cell - slack && box[2] < x + w + cell + slack);
    }
}

static void one_lattice_is_told_by_its_phase(void **state)
{
    (void)state;
    int64_t c = 99, r = 99;
    tl_grid a = utm(500000, 5000000, 10, 5, 5), b = utm(499970, 5000040, 10, 9, 9);
    assert_true(tl_grid_same_lattice(&a, &b, &c, &r));
    assert_int_equal(c, 3); /* cell (0, 0) of a is cell (3, 4) of b */
    assert_int_equal(r, 4);
    assert_true(tl_grid_x(&a, 0) == tl_grid_x(&b, 3) && tl_grid_y(&a, 0) == tl_grid_y(&b, 4));
    assert_true(tl_grid_same_lattice(&b, &a, &c, &r));
    assert_int_equal(c, -3);
    assert_int_equal(r, -4);
    tl_grid half = utm(499975, 5000040, 10, 9, 9);
    assert_false(tl_grid_same_lattice(&a, &half, &c, &r));
    tl_grid hair = utm(499970 + 1e-9, 5000040, 10, 9, 9),
            off = utm(499970 + 1e-7, 5000040, 10, 9, 9);
    assert_true(tl_grid_same_lattice(&a, &hair, &c, &r));
    assert_false(tl_grid_same_lattice(&a, &off, &c, &r));
    tl_grid other = a;
    other.crs = tl_intern("EPSG:32634");
    assert_false(tl_grid_same_lattice(&a, &other, &c, &r));
    other = a;
    other.dx = 20;
    assert_false(tl_grid_same_lattice(&a, &other, &c, &r));
    other = a;
    other.dy = 10.0000001;
    assert_false(tl_grid_same_lattice(&a, &other, &c, &r));
}

static void half_cell_anchors_are_kept(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    /* A raster whose cell centres lie on whole numbers. */
    tl_grid g = utm(499995, 5000005, 10, 20, 20), out;
    tl_where w = {.res = {20, 20}};
    assert_tl_ok(tl_resolve_grid(&g, &w, &out, &e), &e);
    assert_true(out.x0 == 499995 && out.y0 == 5000005 && out.dx == 20);
    assert_extent(&out, 0, 0, 10, 10);
    assert_true(tl_grid_x(&out, 0) == 500005);
    int64_t c, r;
    tl_grid at_origin = utm(0, 0, 10, 1, 1);
    assert_false(tl_grid_same_lattice(&g, &at_origin, &c, &r));
}

static void the_anchor_stays_when_cells_are_whole_multiples(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    static const struct {
        double res;
        int keeps;
    } cases[] = {{10, 1}, {20, 1}, {30, 1}, {5, 1}, {2.5, 1},   {10.0 / 3, 1},
                 {15, 0}, {7, 0},  {25, 0}, {4, 0}, {20.001, 0}};
    tl_grid g = utm(500003, 5000007, 10, 60, 40), out;
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        tl_where w = {.res = {cases[k].res, 0}};
        double box[4], from[4];
        assert_tl_ok(tl_resolve_grid(&g, &w, &out, &e), &e);
        assert_true(out.dx == cases[k].res && out.dy == cases[k].res);
        assert_true(out.x0 == (cases[k].keeps ? 500003 : 0) &&
                    out.y0 == (cases[k].keeps ? 5000007 : 0));
        tl_grid_bounds(&g, from);
        tl_grid_bounds(&out, box);
        assert_true(box[0] <= from[0] + 1e-4 && box[1] <= from[1] + 1e-4 &&
                    box[2] >= from[2] - 1e-4 && box[3] >= from[3] - 1e-4);
        assert_true(box[0] > from[0] - out.dx && box[3] < from[3] + out.dy);
    }
    tl_where one_side = {.res = {20, 15}}; /* both axes must fit */
    assert_tl_ok(tl_resolve_grid(&g, &one_side, &out, &e), &e);
    assert_true(out.x0 == 0 && out.y0 == 0 && out.dx == 20 && out.dy == 15);
}

static void align_crs_anchors_at_the_origin_whatever_the_cell(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    tl_grid g = utm(500003, 5000007, 10, 60, 40), out;
    tl_where w = {.align_crs = 1}, w20 = {.align_crs = 1, .res = {20, 20}};
    assert_tl_ok(tl_resolve_grid(&g, &w, &out, &e), &e);
    assert_true(out.x0 == 0 && out.y0 == 0 && out.dx == 10);
    assert_extent(&out, 50000, -500001, 61, 41);
    assert_tl_ok(tl_resolve_grid(&g, &w20, &out, &e), &e);
    assert_true(out.x0 == 0 && out.dx == 20);
    assert_extent(&out, 25000, -250001, 31, 21);
}

static void a_window_counts_from_the_upper_left_of_the_final_grid(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    tl_grid g = utm(500000, 5000000, 10, 60, 40), out;
    g.col = 7;
    g.row = -3;
    tl_where w = {.has_window = 1, .window = {5, 6, 10, 12}};
    assert_tl_ok(tl_resolve_grid(&g, &w, &out, &e), &e);
    assert_extent(&out, 12, 3, 10, 12);
    w.res[0] = w.res[1] = 20; /* then cells of the coarse grid */
    assert_tl_ok(tl_resolve_grid(&g, &w, &out, &e), &e);
    assert_extent(&out, 3 + 5, -2 + 6, 10, 12);
    w = (tl_where){.has_window = 1, .window = {60, 0, 1, 1}};
    assert_int_equal(tl_resolve_grid(&g, &w, &out, &e), TL_EUSAGE);
    w.window = (tl_rect){0, -5, 3, 5};
    assert_int_equal(tl_resolve_grid(&g, &w, &out, &e), TL_EUSAGE);
    w.window = (tl_rect){0, 0, 0, 5};
    assert_int_equal(tl_resolve_grid(&g, &w, &out, &e), TL_EUSAGE);
}

static void another_crs_has_its_own_origin_and_covers_the_area(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    tl_grid g = utm(500000, 5000000, 10, 600, 400), out;
    double from[4], there[4], box[4];
    tl_where w = {.crs = "EPSG:3035"};
    assert_tl_ok(tl_resolve_grid(&g, &w, &out, &e), &e);
    assert_string_equal(out.crs, "EPSG:3035");
    assert_true(out.x0 == 0 && out.y0 == 0);
    assert_true(out.dx == out.dy && fabs(out.dx - 10) < 1);
    tl_grid_bounds(&g, from);
    assert_tl_ok(tl_crs_transform_box(g.crs, out.crs, from, there, &e), &e);
    tl_grid_bounds(&out, box);
    assert_true(box[0] <= there[0] && box[1] <= there[1] && box[2] >= there[2] &&
                box[3] >= there[3]);
    assert_true(box[0] > there[0] - out.dx && box[3] < there[3] + out.dy);
    w.res[0] = 10;
    assert_tl_ok(tl_resolve_grid(&g, &w, &out, &e), &e);
    assert_true(out.x0 == 0 && out.dx == 10);
    w = (tl_where){.crs = "EPSG:32633"}; /* the same: nothing changes */
    assert_tl_ok(tl_resolve_grid(&g, &w, &out, &e), &e);
    assert_true(tl_grid_equal(&out, &g));
    g.crs = "";
    assert_int_equal(tl_resolve_grid(&g, &w, &out, &e), TL_EDATA);
    tl_where bbox = {.has_bbox = 1, .bbox = {15, 45, 15.1, 45.1}};
    assert_int_equal(tl_resolve_grid(&g, &bbox, &out, &e), TL_EDATA);
}

static void the_command_line_goes_before_the_output_s_options(void **state)
{
    (void)state;
    tl_grid grid = utm(1, 2, 3, 4, 5);
    tl_where w = {.res = {30, 30}},
             own = {.crs = "EPSG:3035", .res = {10, 10}, .has_bbox = 1, .bbox = {1, 2, 3, 4}};
    tl_where_merge(&w, &own);
    assert_string_equal(w.crs, "EPSG:3035");
    assert_true(w.res[0] == 30 && w.res[1] == 30);
    assert_true(w.has_bbox && w.bbox[3] == 4);
    tl_where line = {.crs = "EPSG:4326", .has_bbox = 1, .bbox = {5, 6, 7, 8}};
    own.grid = &grid;
    tl_where_merge(&line, &own);
    assert_string_equal(line.crs, "EPSG:4326");
    assert_null(line.grid);
    assert_true(line.bbox[0] == 5 && line.res[0] == 10);
}

/* Two jobs of one script over two areas: where they meet no cell is missing, and each cell has the
 * same coordinates in both. */
static void neighbouring_jobs_on_one_anchor_tile_exactly(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    uint64_t seed = 3;
    tl_grid native = utm(499980, 5100000, 10, 10980, 10980);
    static const double res[] = {0, 10, 20, 60, 7, 33.3};
    static const char *const crs[] = {NULL, "EPSG:3035", "EPSG:4326"};
    for (int k = 0; k < 300; k++) {
        double west = 15 + (double)(tl_test_random(&seed) % 1000) / 1001,
               cut = west + 0.01 + (double)(tl_test_random(&seed) % 997) / 20000;
        double east = cut + 0.01 + (double)(tl_test_random(&seed) % 991) / 20000;
        double south = 45.2 + (double)(tl_test_random(&seed) % 1000) / 3001, north = south + 0.03;
        const char *c = crs[tl_test_random(&seed) % 3];
        double r = res[tl_test_random(&seed) % 6] * (c && strcmp(c, "EPSG:4326") == 0 ? 1e-5 : 1);
        tl_where left = {.crs = c, .res = {r, r}, .has_bbox = 1, .bbox = {west, south, cut, north}};
        tl_where right = {
            .crs = c, .res = {r, r}, .has_bbox = 1, .bbox = {cut, south, east, north}};
        tl_where both = {
            .crs = c, .res = {r, r}, .has_bbox = 1, .bbox = {west, south, east, north}};
        tl_grid a, b, ab;
        assert_tl_ok(tl_resolve_grid(&native, &left, &a, &e), &e);
        assert_tl_ok(tl_resolve_grid(&native, &right, &b, &e), &e);
        assert_tl_ok(tl_resolve_grid(&native, &both, &ab, &e), &e);
        assert_true(a.crs == b.crs && a.x0 == b.x0 && a.y0 == b.y0 && a.dx == b.dx && a.dy == b.dy);
        assert_true(a.x0 == ab.x0 && a.y0 == ab.y0 && a.dx == ab.dx);
        assert_true(a.col + a.w >= b.col); /* no gap */
        assert_true(ab.col <= a.col && ab.col + ab.w >= b.col + b.w);
        /* The one column both may share is one and the same. */
        assert_true(tl_grid_x(&a, (double)(a.col + a.w - 1)) ==
                    tl_grid_x(&b, (double)(a.col + a.w - 1)));
    }
}

static void a_picture_is_never_finer_than_its_grid(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    tl_grid g = utm(500000, 5000000, 10, 1000, 500), same = g;
    tl_fit_grid(&same, 2000, 2000);
    assert_true(tl_grid_equal(&g, &same));
    tl_fit_grid(&g, 300, 300);
    assert_int_equal(g.w, 300);
    assert_int_equal(g.h, 150);
    double box[4];
    tl_grid_bounds(&g, box);
    assert_true(fabs(box[0] - 500000) < 1e-6 && fabs(box[2] - 510000) < 1e-3);
    tl_grid z;
    assert_tl_ok(tl_zoom_grid(0, 0, 3, 256, 256, &z, &e), &e);
    assert_int_equal(z.col, 1024 - 128); /* the middle of 8 tiles of 256 */
    assert_int_equal(z.row, 1024 - 128);
    assert_int_equal(tl_zoom_grid(0, 89, 3, 256, 256, &z, &e), TL_EUSAGE);
    assert_int_equal(tl_zoom_grid(0, 0, 31, 256, 256, &z, &e), TL_EUSAGE);
}

static void rectangles_intersect(void **state)
{
    (void)state;
    tl_rect r = tl_rect_intersect((tl_rect){0, 0, 10, 10}, (tl_rect){5, -5, 10, 10});
    assert_true(r.x == 5 && r.y == 0 && r.w == 5 && r.h == 5);
    r = tl_rect_intersect((tl_rect){0, 0, 10, 10}, (tl_rect){10, 0, 10, 10});
    assert_true(r.w <= 0);
}

/* --- whose grid ----------------------------------------------------------------------------------
 */

static tl_node *first_band(fake *f)
{
    return tl_node_band(&f->s, 0, TL_NEAREST, "");
}

static tl_node *joined(tl_gop op, tl_node *a, tl_node *b, tl_node *c) /* gives them up */
{
    tl_err e = TL_ERR_INIT;
    tl_node *args[3] = {a, b, c}, *out = NULL;
    assert_tl_ok(tl_node_op(op, args, "", &out, &e), &e);
    for (int i = 0; i < 3; i++)
        tl_node_unref(args[i]);
    return out;
}

static int native_of(tl_node *n, tl_grid *g, tl_err *e)
{
    const char *name = "x";
    tl_image *img = tl_image_new(&name, &n, 1, NULL);
    int rc = tl_native_grid(img, g, e);
    tl_image_unref(img);
    tl_node_unref(n);
    return rc;
}

static void the_leftmost_source_gives_the_grid_and_the_finest_the_cell(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    tl_grid g;
    fake *own = fake_new("/made/up", 10), *fine = fake_new("/made/up/fine", 5);
    fake *coarse = fake_new("/made/up/coarse", 25);
    fine->s.native.col = 1000;
    coarse->s.native.crs = tl_intern("EPSG:32634");
    coarse->s.native.dx = coarse->s.native.dy = 1; /* of another CRS: its cell does not count */
    static const tl_gop ops[] = {TL_G_lt, TL_G_gt, TL_G_le, TL_G_ge, TL_G_sub};
    for (size_t k = 0; k < sizeof ops / sizeof ops[0]; k++) {
        tl_node *n = joined(ops[k], first_band(own), first_band(fine), NULL);
        n = joined(TL_G_add, n, first_band(coarse), NULL);
        assert_tl_ok(native_of(n, &g, &e), &e);
        assert_true(g.crs == own->s.native.crs && g.dx == 5 && g.x0 == 500000);
        assert_extent(&g, 0, 0, 120, 80);
    }
    tl_node *where = joined(TL_G_lt, first_band(fine), first_band(coarse), NULL);
    where = joined(TL_G_replace, first_band(own), where, first_band(coarse));
    assert_tl_ok(native_of(where, &g, &e), &e);
    assert_true(g.crs == own->s.native.crs && g.dx == 5 && g.x0 == 500000);
    tl_source_unref(&own->s);
    tl_source_unref(&fine->s);
    tl_source_unref(&coarse->s);
    assert_int_equal(native_of(tl_node_const(TL_I, (tl_num){.i = 1}, ""), &g, &e), TL_ESCRIPT);
    assert_int_equal(tl_live_count(TL_LIVE_NODE) + tl_live_count(TL_LIVE_SOURCE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_box_grows_outward_to_whole_cells),
        cmocka_unit_test(bounds_of_a_cover_contain_the_box_by_less_than_a_cell),
        cmocka_unit_test(one_lattice_is_told_by_its_phase),
        cmocka_unit_test(half_cell_anchors_are_kept),
        cmocka_unit_test(the_anchor_stays_when_cells_are_whole_multiples),
        cmocka_unit_test(align_crs_anchors_at_the_origin_whatever_the_cell),
        cmocka_unit_test(a_window_counts_from_the_upper_left_of_the_final_grid),
        cmocka_unit_test(another_crs_has_its_own_origin_and_covers_the_area),
        cmocka_unit_test(the_command_line_goes_before_the_output_s_options),
        cmocka_unit_test(neighbouring_jobs_on_one_anchor_tile_exactly),
        cmocka_unit_test(a_picture_is_never_finer_than_its_grid),
        cmocka_unit_test(rectangles_intersect),
        cmocka_unit_test(the_leftmost_source_gives_the_grid_and_the_finest_the_cell),
    };
    return tl_run_tests(tests);
}
