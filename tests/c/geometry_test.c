/* Geometries: reading, the antimeridian, touching, other systems. SPDX-License-Identifier: MIT */
#include "tests/c/test.h"
#include "modules/raster/geometry.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>

static tl_geometry *wkt(const char *text)
{
    tl_err e = TL_ERR_INIT;
    tl_geometry *g = NULL;
    if (tl_geometry_from_wkt(text, NULL, &g, &e))
        fail_msg("%s: %s", text, e.message);
    return g;
}

static void assert_box(const tl_geometry *g, double w, double s, double e, double n)
{
    double b[4];
    tl_geometry_box(g, b);
    if (fabs(b[0] - w) + fabs(b[1] - s) + fabs(b[2] - e) + fabs(b[3] - n) > 1e-9)
        fail_msg("box %.10g,%.10g,%.10g,%.10g, wanted %.10g,%.10g,%.10g,%.10g", b[0], b[1], b[2],
                 b[3], w, s, e, n);
}

static void assert_wkt_box(const char *text, double w, double s, double e, double n)
{
    tl_geometry *g = wkt(text);
    assert_box(g, w, s, e, n);
    tl_geometry_free(g);
}

static int touches(const char *text, const float *ring, size_t n)
{
    tl_err e = TL_ERR_INIT;
    tl_geometry *g = wkt(text);
    int out = -1;
    assert_tl_ok(tl_geometry_touches_ring(g, ring, n, &out, &e), &e);
    tl_geometry_free(g);
    return out;
}

static void every_convention_of_crossing_180_gives_one_box(void **state)
{
    (void)state;
    assert_wkt_box("POLYGON((179 1,-179 1,-179 2,179 2,179 1))", 179, 1, -179, 2);
    assert_wkt_box("POLYGON((179 1,181 1,181 2,179 2,179 1))", 179, 1, -179, 2);
    assert_wkt_box("POLYGON((-181 1,-179 1,-179 2,-181 2,-181 1))", 179, 1, -179, 2);
    assert_wkt_box("MULTIPOLYGON(((179 1,180 1,180 2,179 2,179 1)),((-180 1,-179 1,-179 2,-180 "
                   "2,-180 1)))",
                   179, 1, -179, 2);
    assert_wkt_box("LINESTRING(170 0,-170 10)", 170, 0, -170, 10);
    assert_wkt_box("MULTIPOINT(170 0,-170 10)", 170, 0, -170, 10);
    /* with a hole on the other side of the jump */
    assert_wkt_box(
        "POLYGON((170 0,-170 0,-170 9,170 9,170 0),(-175 1,-174 1,-174 2,-175 2,-175 1))", 170, 0,
        -170, 9);
}

static void what_does_not_cross_keeps_its_box(void **state)
{
    (void)state;
    assert_wkt_box("POINT(15 45)", 15, 45, 15, 45);
    assert_wkt_box("POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))", -180, -90, 180, 90);
    assert_wkt_box("MULTIPOINT(-60 0,55 1)", -60, 0, 55, 1);
    assert_wkt_box("POLYGON((350 1,351 1,351 2,350 2,350 1))", -10, 1, -9, 2);
    assert_wkt_box("MULTIPOINT(-100 0,-20 0,60 0,140 0)", -100, 0, 140, 0);
}

static void a_ring_around_the_pole_covers_it(void **state)
{
    (void)state;
    assert_wkt_box("POLYGON((0 80,90 80,180 80,-90 80,0 80))", -180, 80, 180, 90);
    float near_pole[] = {33, 89, 34, 89, 34, 89.5F, 33, 89};
    assert_true(touches("POLYGON((0 80,90 80,180 80,-90 80,0 80))", near_pole, 4));
    assert_false(touches("POLYGON((0 -80,90 -80,180 -80,-90 -80,0 -80))", near_pole, 4));
}

static void rings_touch_on_any_turn_of_the_globe(void **state)
{
    (void)state;
    const char *fiji = "POLYGON((179 -18,-179 -18,-179 -16,179 -16,179 -18))";
    float in[] = {179.5F, -17, 180.5F, -17, 180.5F, -16.5F, 179.5F, -17};
    float east[] = {-179.5F, -17, -179.2F, -17, -179.2F, -16.5F, -179.5F, -17};
    float out[] = {-178, -17, -177, -17, -177, -16, -178, -17};
    float around[] = {170, -30, 190, -30, 190, 0, 170, 0, 170, -30};
    float corner[] = {-179, -16, -178, -16, -178, -15, -179, -16};
    float point[] = {-179.5F, -17};
    assert_true(touches(fiji, in, 4));
    assert_true(touches(fiji, east, 4));
    assert_false(touches(fiji, out, 4));
    assert_true(touches(fiji, around, 5));
    assert_true(touches(fiji, corner, 4));
    assert_true(touches(fiji, point, 1));
    assert_true(touches("POINT(180 -17)", in, 4));
    assert_true(touches("LINESTRING(170 -17,-170 -17)", out, 4));
    /* within the box of the ring, not in the ring */
    float triangle[] = {0, 0, 10, 0, 0, 10, 0, 0};
    assert_false(touches("POINT(9 9)", triangle, 4));
    assert_true(touches("POINT(1 1)", triangle, 4));
    /* in a hole */
    assert_false(touches("POLYGON((0 0,9 0,9 9,0 9,0 0),(1 1,8 1,8 8,1 8,1 1))",
                         (float[]){4, 4, 5, 4, 5, 5, 4, 4}, 4));
}

static void geojson_is_read_back_to_the_same_bits(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    const char *texts[] = {
        "POLYGON((179.1 1,-179.3 1.7,-179.33333333333331 2,179.1 2.1,179.1 1))",
        "GEOMETRYCOLLECTION(POINT(1 2),POINT(3 4),LINESTRING(0 0,1 1),POLYGON((5 5,6 5,6 6,5 5)))",
        "POLYGON((0 0,9 0,9 9,0 9,0 0),(1 1,8 1,8 8,1 8,1 1))", "POLYGON((0 0,2 2,2 0,0 2,0 0))"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        tl_geometry *a = wkt(texts[i]), *b = NULL;
        char *ja = tl_geometry_to_geojson(a);
        assert_tl_ok(tl_geometry_from_geojson(ja, &b, &e), &e);
        char *jb = tl_geometry_to_geojson(b);
        assert_string_equal(ja, jb);
        free(ja);
        free(jb);
        tl_geometry_free(a);
        tl_geometry_free(b);
    }
}

static void an_invalid_polygon_is_mended(void **state)
{
    (void)state;
    tl_geometry *g = wkt("POLYGON((0 0,2 2,2 0,0 2,0 0))"); /* a bow-tie */
    const tl_shape *s = tl_geometry_lonlat(g);
    assert_int_equal(s->npaths, 2);
    tl_geometry_free(g);
    g = wkt("MULTIPOLYGON(((0 0,4 0,4 4,0 4,0 0)),((2 2,6 2,6 6,2 6,2 2)))"); /* overlapping */
    assert_int_equal(tl_geometry_lonlat(g)->npaths, 1);
    tl_geometry_free(g);
}

static void assert_refused(const char *geojson, const char *part)
{
    tl_err e = TL_ERR_INIT;
    tl_geometry *g = NULL;
    if (tl_geometry_from_geojson(geojson, &g, &e) == 0)
        fail_msg("%s was taken", geojson);
    if (!strstr(e.message, part))
        fail_msg("%s: \"%s\", wanted \"%s\"", geojson, e.message, part);
}

static void what_is_no_geometry_is_refused(void **state)
{
    (void)state;
    assert_refused("nonsense", "line 1");
    assert_refused("{}", "\"type\"");
    assert_refused("{\"type\":\"Circle\"}", "Circle");
    assert_refused("{\"type\":\"Point\",\"coordinates\":[1]}", "position");
    assert_refused("{\"type\":\"Polygon\",\"coordinates\":3}", "rings");
    assert_refused("{\"type\":\"Polygon\",\"coordinates\":[]}", "empty");
    assert_refused("{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,1]]]}", "empty");
    assert_refused("{\"type\":\"Point\",\"coordinates\":[500000,4649776]}", "another coordinate");
    assert_refused("{\"type\":\"FeatureCollection\",\"features\":[]}", "empty");
    assert_refused("{\"type\":\"Feature\",\"geometry\":null}", "empty");
}

static void another_system_is_followed(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    tl_geometry *g = NULL;
    assert_tl_ok(tl_geometry_from_wkt("POINT(500000 4982950.4)", "EPSG:32633", &g, &e), &e);
    double b[4];
    tl_geometry_box(g, b);
    if (fabs(b[0] - 15) > 1e-6 || fabs(b[1] - 45) > 1e-4)
        fail_msg("%.10g %.10g", b[0], b[1]);
    tl_geometry_free(g);
    assert_tl_ok(tl_geometry_from_geojson(
                     "{\"type\":\"Point\",\"coordinates\":[500000,4982950.4],\"crs\":{"
                     "\"type\":\"name\",\"properties\":{\"name\":\"urn:ogc:def:crs:EPSG:"
                     ":32633\"}}}",
                     &g, &e),
                 &e);
    tl_geometry_box(g, b);
    if (fabs(b[0] - 15) > 1e-6 || fabs(b[1] - 45) > 1e-4)
        fail_msg("%.10g %.10g", b[0], b[1]);
    tl_geometry_free(g);
}

static tl_shape *shape(const char *text, const char *crs, double tolerance)
{
    tl_err e = TL_ERR_INIT;
    tl_shape *s = NULL;
    tl_geometry *g = wkt(text);
    const char *canonical;
    assert_tl_ok(tl_crs_canonical(crs, &canonical, &e), &e);
    assert_tl_ok(tl_geometry_shape(g, canonical, tolerance, &s, &e), &e);
    tl_geometry_free(g);
    return s;
}

static void edges_bend_with_the_map(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    tl_shape *s = shape("POLYGON((10 50,20 50,20 60,10 60,10 50))", "EPSG:3035", 1);
    assert_true(s->n > 50);
    /* Every vertex lies on a parallel or meridian of the box. */
    for (size_t i = 0; i < s->n; i++) {
        double x = s->x[i], y = s->y[i];
        assert_tl_ok(tl_crs_transform_points("EPSG:3035", "EPSG:4326", 1, &x, &y, &e), &e);
        double off = fmin(fmin(fabs(x - 10), fabs(x - 20)), fmin(fabs(y - 50), fabs(y - 60)));
        if (off > 1e-8)
            fail_msg("vertex %zu lies %g degrees off the edges", i, off);
    }
    tl_shape_free(s);
}

static void a_map_of_the_world_is_cut_at_its_seam(void **state)
{
    (void)state;
    tl_shape *s = shape("POLYGON((179 1,-179 1,-179 2,179 2,179 1))", "EPSG:3857", 1);
    assert_int_equal(s->npaths, 2);
    double degree = 20037508.342789244 / 180;
    if (fabs(s->box[0] + 180 * degree) > 1 || fabs(s->box[2] - 180 * degree) > 1)
        fail_msg("%.10g .. %.10g", s->box[0], s->box[2]);
    for (size_t i = 0; i < s->n; i++)
        if (fabs(s->x[i]) < 178.9 * degree)
            fail_msg("a vertex at %.10g", s->x[i]);
    tl_shape_free(s);
    /* Antarctica reaches the pole, which Mercator has not. */
    s = shape("POLYGON((-180 -90,180 -90,180 -70,-180 -70,-180 -90))", "EPSG:3857", 1000);
    assert_true(s->npaths >= 1 && isfinite(s->box[1]) && s->box[1] < -2e7);
    tl_shape_free(s);
    /* Far from a UTM zone there is no place in it. */
    s = shape("POLYGON((-85 -80,85 -80,85 80,-85 80,-85 -80))", "EPSG:32633", 100);
    assert_true(s->npaths >= 1 && s->box[0] < 0 && s->box[2] > 1e6);
    tl_shape_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_convention_of_crossing_180_gives_one_box),
        cmocka_unit_test(what_does_not_cross_keeps_its_box),
        cmocka_unit_test(a_ring_around_the_pole_covers_it),
        cmocka_unit_test(rings_touch_on_any_turn_of_the_globe),
        cmocka_unit_test(geojson_is_read_back_to_the_same_bits),
        cmocka_unit_test(an_invalid_polygon_is_mended),
        cmocka_unit_test(what_is_no_geometry_is_refused),
        cmocka_unit_test(another_system_is_followed),
        cmocka_unit_test(edges_bend_with_the_map),
        cmocka_unit_test(a_map_of_the_world_is_cut_at_its_seam),
    };
    return tl_run_tests(tests);
}
