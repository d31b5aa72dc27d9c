/* Coverage of cells against GEOS, and whatever the block. SPDX-License-Identifier: MIT */
#include "tests/c/test.h"
#include "modules/image/source.h"
#include "modules/raster/coverage.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <math.h>
#include <ogr_api.h>
#include <stdlib.h>

static tl_grid degrees(double x0, double y0, double dx, double dy)
{
    return (tl_grid){tl_intern("EPSG:4326"), x0, y0, dx, dy, 0, 0, 1, 1};
}

static tl_geometry *wkt(const char *text)
{
    tl_err e = TL_ERR_INIT;
    tl_geometry *g = NULL;
    if (tl_geometry_from_wkt(text, NULL, &g, &e))
        fail_msg("%s: %s", text, e.message);
    return g;
}

static tl_coverage *coverage(const char *text, const tl_grid *grid)
{
    tl_err e = TL_ERR_INIT;
    tl_coverage *c = NULL;
    tl_geometry *g = wkt(text);
    assert_tl_ok(tl_coverage_new(g, grid, &c, &e), &e);
    tl_geometry_free(g);
    return c;
}

static void random_ring(char *to, size_t size, uint64_t *seed, double r, int n)
{
    size_t at = (size_t)snprintf(to, size, "(");
    double x0 = 0, y0 = 0;
    for (int i = 0; i <= n; i++) {
        double a = 2 * M_PI * (i + 0.4 * (double)(tl_test_random(seed) % 1000) / 1000) / n;
        double k = r * (0.4 + 0.6 * (double)(tl_test_random(seed) % 1000) / 1000);
        double x = 10 + k * cos(a), y = 50 + k * sin(a);
        if (tl_test_random(seed) % 4 == 0) { /* on the cells' corners */
            x = nearbyint(x * 4) / 4;
            y = nearbyint(y * 4) / 4;
        }
        if (i == 0) {
            x0 = x;
            y0 = y;
        }
        at += (size_t)snprintf(to + at, size - at, "%s%.17g %.17g", i ? "," : "", i == n ? x0 : x,
                               i == n ? y0 : y);
    }
    snprintf(to + at, size - at, ")");
}

static double area_in_cell(OGRGeometryH g, const tl_grid *grid, int64_t col, int64_t row)
{
    char text[400];
    double x = grid->x0 + (double)col * grid->dx, y = grid->y0 - (double)row * grid->dy;
    char *p = text;
    OGRGeometryH cell = NULL;
    snprintf(text, sizeof text,
             "POLYGON((%.17g %.17g,%.17g %.17g,%.17g %.17g,%.17g %.17g,%.17g "
             "%.17g))",
             x, y, x + grid->dx, y, x + grid->dx, y - grid->dy, x, y - grid->dy, x, y);
    OGR_G_CreateFromWkt(&p, NULL, &cell);
    OGRGeometryH both = OGR_G_Intersection(g, cell);
    OGRwkbGeometryType t = wkbFlatten(OGR_G_GetGeometryType(both));
    double a = t == wkbPolygon || t == wkbMultiPolygon || t == wkbGeometryCollection
                   ? OGR_G_Area(both)
                   : 0;
    OGR_G_DestroyGeometry(both);
    OGR_G_DestroyGeometry(cell);
    return a / (grid->dx * grid->dy);
}

static OGRGeometryH as_ogr(const char *text)
{
    tl_geometry *g = wkt(text);
    char *json = tl_geometry_to_geojson(g);
    OGRGeometryH o = OGR_G_CreateGeometryFromJson(json);
    free(json);
    tl_geometry_free(g);
    return o;
}

static void fractions_are_the_areas_of_geos(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    uint64_t seed = 20240611;
    double worst = 0;
    print_message("# seed %llu\n", (unsigned long long)seed);
    for (int k = 0; k < 60; k++) {
        char shell[4000], hole[2000], text[8000];
        random_ring(shell, sizeof shell, &seed, 3, 3 + (int)(tl_test_random(&seed) % 20));
        random_ring(hole, sizeof hole, &seed, 1, 3 + (int)(tl_test_random(&seed) % 9));
        snprintf(text, sizeof text, "POLYGON(%s%s%s)", shell, k % 2 ? "," : "", k % 2 ? hole : "");
        double dx = k % 3 ? 0.25 : 0.37, dy = k % 5 ? 0.25 : 7;
        tl_grid grid = degrees(9.5, 50.75, dx, dy);
        tl_coverage *c = coverage(text, &grid);
        OGRGeometryH g = as_ogr(text);
        tl_rect r = tl_coverage_rect(c, (tl_rect){0, 0, 1, 1});
        assert_true(r.w > 0);
        double *part = tl_xcalloc((size_t)(r.w * r.h), sizeof *part);
        assert_tl_ok(tl_coverage_fractions(c, r, part, &e), &e);
        for (int64_t i = 0; i < r.w * r.h; i++) {
            double want = area_in_cell(g, &grid, r.x + i % r.w, r.y + i / r.w);
            worst = fmax(worst, fabs(part[i] - want));
            if (!(fabs(part[i] - want) <= 1e-9))
                fail_msg("cell %lld of %s: %.17g, GEOS says %.17g", (long long)i, text, part[i],
                         want);
        }
        free(part);
        OGR_G_DestroyGeometry(g);
        tl_coverage_free(c);
    }
    print_message("# worst difference %g of a cell\n", worst);
}

/* Any block gives the bits of the whole. */
static void assert_blocks(const tl_coverage *c, tl_rect all, uint64_t *seed)
{
    tl_err e = TL_ERR_INIT;
    size_t n = (size_t)(all.w * all.h);
    double *whole = tl_xcalloc(n, sizeof *whole), *part = tl_xcalloc(n, sizeof *part);
    uint8_t *in = tl_xcalloc(n, 1), *some = tl_xcalloc(n, 1);
    assert_tl_ok(tl_coverage_fractions(c, all, whole, &e), &e);
    assert_tl_ok(tl_coverage_centres(c, all, in, &e), &e);
    for (int k = 0; k < 20; k++) {
        int64_t x = (int64_t)(tl_test_random(seed) % (uint64_t)all.w);
        int64_t y = (int64_t)(tl_test_random(seed) % (uint64_t)all.h);
        tl_rect r = {all.x + x, all.y + y,
                     1 + (int64_t)(tl_test_random(seed) % (uint64_t)(all.w - x)),
                     1 + (int64_t)(tl_test_random(seed) % (uint64_t)(all.h - y))};
        assert_tl_ok(tl_coverage_fractions(c, r, part, &e), &e);
        assert_tl_ok(tl_coverage_centres(c, r, some, &e), &e);
        for (int64_t i = 0; i < r.w * r.h; i++) {
            int64_t at = (y + i / r.w) * all.w + x + i % r.w;
            if (memcmp(&part[i], &whole[at], sizeof *part) != 0 || some[i] != in[at])
                fail_msg("cell %lld of a block: %.17g, of the whole %.17g", (long long)i, part[i],
                         whole[at]);
        }
    }
    free(whole);
    free(part);
    free(in);
    free(some);
}

static void a_block_gives_the_bits_of_the_whole(void **state)
{
    (void)state;
    uint64_t seed = 7;
    print_message("# seed %llu\n", (unsigned long long)seed);
    for (int k = 0; k < 10; k++) {
        char ring[4000], text[5000];
        random_ring(ring, sizeof ring, &seed, 3, 40);
        snprintf(text, sizeof text, "POLYGON(%s)", ring);
        tl_grid utm = {tl_intern("EPSG:32632"), 600000, 5600000, 3000, 3000, 0, 0, 1, 1};
        tl_grid turned = degrees(0, 90, 0.07, 0.1); /* a turn is no whole number of columns */
        tl_coverage *c = coverage(text, &utm);
        assert_blocks(c, tl_coverage_rect(c, (tl_rect){0, 0, 1, 1}), &seed);
        tl_coverage_free(c);
        c = coverage(text, &turned);
        tl_rect r = tl_coverage_rect(c, (tl_rect){5143 + 100, 300, 100, 100});
        assert_true(r.x > 5000);
        assert_blocks(c, r, &seed);
        tl_coverage_free(c);
    }
}

static void a_neighbours_edge_is_covered_once(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    uint64_t seed = 99;
    print_message("# seed %llu\n", (unsigned long long)seed);
    for (int k = 0; k < 20; k++) {
        double x[5], y[5];
        for (int i = 0; i < 4; i++) {
            x[i] = 10 + (double)(tl_test_random(&seed) % 1000) / 97;
            y[i] = i * 2.5 - 1;
        }
        char text[2][400];
        for (int side = 0; side < 2; side++)
            snprintf(text[side], sizeof text[side],
                     "POLYGON((%.17g %.17g,%.17g %.17g,%.17g %.17g,%.17g %.17g,%d %g,%d %g,%.17g "
                     "%.17g))",
                     x[0], y[0], x[1], y[1], x[2], y[2], x[3], y[3], side ? 30 : 0, y[3],
                     side ? 30 : 0, y[0], x[0], y[0]);
        tl_grid grid = degrees(0, 10, 0.25, 0.25);
        uint8_t *in[2];
        tl_rect r = {0, 0, 120, 60};
        for (int side = 0; side < 2; side++) {
            tl_coverage *c = coverage(text[side], &grid);
            in[side] = tl_xcalloc((size_t)(r.w * r.h), 1);
            assert_tl_ok(tl_coverage_centres(c, r, in[side], &e), &e);
            tl_coverage_free(c);
        }
        for (int64_t i = 0; i < r.w * r.h; i++) {
            int row = (int)(i / r.w), inside = row >= 14 && row < 44;
            if (in[0][i] + in[1][i] != inside)
                fail_msg("cell %d, %d is held by %d polygons", (int)(i % r.w), row,
                         in[0][i] + in[1][i]);
        }
        free(in[0]);
        free(in[1]);
    }
}

static void assert_cells(const char *text, const char *const *want)
{
    tl_err e = TL_ERR_INIT;
    tl_grid grid = degrees(0, 4, 1, 1);
    tl_coverage *c = coverage(text, &grid);
    double part[16];
    uint8_t in[16];
    assert_tl_ok(tl_coverage_fractions(c, (tl_rect){0, 0, 4, 4}, part, &e), &e);
    assert_tl_ok(tl_coverage_centres(c, (tl_rect){0, 0, 4, 4}, in, &e), &e);
    for (int i = 0; i < 16; i++)
        if ((part[i] > 0) != (want[i / 4][i % 4] == '#') || in[i] != (part[i] > 0))
            fail_msg("%s: cell %d, %d is %g", text, i % 4, i / 4, part[i]);
    tl_coverage_free(c);
}

static void points_and_lines_take_the_cells_they_touch(void **state)
{
    (void)state;
    assert_cells("POINT(1.5 2.5)", (const char *const[]){"....", ".#..", "....", "...."});
    assert_cells("POINT(1 2)", (const char *const[]){"....", "....", ".#..", "...."});
    assert_cells("MULTIPOINT(0.1 0.1,3.9 3.9)",
                 (const char *const[]){"...#", "....", "....", "#..."});
    assert_cells("LINESTRING(0.5 3.5,2.5 3.5)",
                 (const char *const[]){"###.", "....", "....", "...."});
    assert_cells("LINESTRING(0.5 3.5,0.5 0.5,1.5 0.5)",
                 (const char *const[]){"#...", "#...", "#...", "##.."});
    assert_cells("LINESTRING(0.2 3.9,3.9 0.2)",
                 (const char *const[]){"##..", ".##.", "..##", "...#"});
}

static void the_globe_turns_under_a_grid_of_longitudes(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    tl_grid grid = degrees(-180, 90, 1, 1);
    tl_coverage *c = coverage("POLYGON((179 0,-179 0,-179 1,179 1,179 0))", &grid);
    double row[362];
    assert_tl_ok(tl_coverage_fractions(c, (tl_rect){0, 89, 362, 1}, row, &e), &e);
    for (int i = 0; i < 362; i++)
        if (row[i] != (i == 0 || i == 359 || i == 360))
            fail_msg("column %d is %g", i, row[i]);
    tl_coverage_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fractions_are_the_areas_of_geos),
        cmocka_unit_test(a_block_gives_the_bits_of_the_whole),
        cmocka_unit_test(a_neighbours_edge_is_covered_once),
        cmocka_unit_test(points_and_lines_take_the_cells_they_touch),
        cmocka_unit_test(the_globe_turns_under_a_grid_of_longitudes),
    };
    return tl_run_tests(tests);
}
