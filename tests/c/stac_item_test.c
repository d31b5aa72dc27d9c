/* STAC items, one by one and in lists; tables. SPDX-License-Identifier: MIT */
#include "tests/c/stac_kept.h"

#include "modules/collection/bulk.h"
#include "modules/collection/stac_item.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static kept read_text(const char *text)
{
    tl_err e = TL_ERR_INIT;
    tl_index *ix = memory();
    assert_tl_ok(tl_stac_item_add(text, strlen(text), "/data/cat/item.json", "item.json", ix, &e),
                 &e);
    kept k = last_of(ix);
    tl_index_close(ix);
    return k;
}

static void assert_numbers(const double *got, double a, double b, double c, double d)
{
    const double want[4] = {a, b, c, d};
    for (int i = 0; i < 4; i++)
        if (!(fabs(got[i] - want[i]) < 1e-9))
            fail_msg("%g %g %g %g, wanted %g %g %g %g", got[0], got[1], got[2], got[3], a, b, c, d);
}

#define SQUARE "{\"type\":\"Polygon\",\"coordinates\":[[[10,50],[11,50],[11,51],[10,51],[10,50]]]}"
#define ITEM(geometry, properties, more)                                                           \
    "{\"type\":\"Feature\",\"stac_version\":\"1.0.0\",\"id\":\"one\",\"geometry\":" geometry       \
    ",\"properties\":{" properties "}" more "}"

static void an_item_becomes_a_scene(void **state)
{
    (void)state;
    kept k = read_text(ITEM(
        SQUARE,
        "\"datetime\":\"2020-07-01T10:00:00Z\",\"platform\":\"Sentinel-2B\",\"eo:cloud_cover\":12."
        "5,"
        "\"s2:mgrs_tile\":\"06VVN\",\"proj:epsg\":32606,\"gsd\":10,\"instruments\":[\"msi\"],"
        "\"deep\":{\"x\":{\"y\":[1]}},\"nothing\":null,\"s2:processing_baseline\":\"02.12\","
        "\"quote\\\"d\":\"a\\u00e9\\n\"",
        ",\"bbox\":[10,50,0,11,51,100],\"collection\":\"s2\",\"links\":[{\"href\":\"x\"}],"
        "\"assets\":{\"B04\":{\"href\":\"./b/"
        "B04.tif\",\"eo:bands\":[{\"name\":\"B04\",\"common_name\":"
        "\"red\"}],\"raster:bands\":[{\"scale\":0.0001,\"offset\":-0.1,\"nodata\":0,\"data_type\":"
        "\"uint16\"}],\"proj:shape\":[100,200],\"proj:transform\":[10,0,5000,0,-10,9000]},"
        "\"meta\":{\"href\":\"../m.xml\",\"alternate\":{\"s3\":{\"href\":\"s3://no\"}}},"
        "\"rgb\":{\"href\":\"https://h/rgb.tif\",\"bands\":[{\"name\":\"r\"},{\"name\":\"g\"}],"
        "\"nodata\":255}}"));
    assert_string_equal(k.id, "one");
    assert_string_equal(k.collection, "s2");
    assert_string_equal(k.platform, "sentinel-2b");
    assert_string_equal(k.tile, "06VVN");
    assert_string_equal(k.crs, "EPSG:32606");
    assert_string_equal(
        k.asset, "B04 /data/cat/b/B04.tif\nmeta /data/m.xml\nrgb /vsicurl/https://h/rgb.tif\n");
    assert_string_equal(
        k.info, "{\"B04\":{\"name\":\"B04\",\"common_name\":\"red\",\"scale\":0.0001,"
                "\"offset\":-0.1,\"nodata\":0,\"data_type\":\"uint16\"},\"rgb\":{\"bands\":[{"
                "\"name\":\"r\",\"nodata\":255},{\"name\":\"g\",\"nodata\":255}]}}");
    assert_string_equal(
        k.props, "{\"s2:mgrs_tile\":\"06VVN\",\"gsd\":10,\"s2:processing_baseline\":\"02.12\","
                 "\"quote\\\"d\":\"a\xc3\xa9\\u000a\"}");
    assert_numbers(k.box, 10, 50, 11, 51);
    assert_numbers(k.bounds, 5000, 8000, 7000, 9000);
    assert_int_equal(k.nring, 0); /* it is the box */
    assert_true(k.t0 == 1593597600 && k.t1 == k.t0 && k.cloud == 12.5);
}

static void dates_tiles_and_grids_come_from_where_they_are(void **state)
{
    (void)state;
    kept k = read_text(ITEM(SQUARE,
                            "\"datetime\":null,\"start_datetime\":\"2020-01-01\",\"end_datetime\":"
                            "\"2020-01-31\",\"landsat:wrs_path\":\"44\",\"landsat:wrs_row\":33,"
                            "\"proj:code\":\"EPSG:32617\",\"proj:bbox\":[1,2,3,4],\"platform\":"
                            "\"LANDSAT_7\"",
                            ""));
    assert_string_equal(k.tile, "044033");
    assert_string_equal(k.crs, "EPSG:32617");
    assert_string_equal(k.platform, "landsat-7");
    assert_numbers(k.bounds, 1, 2, 3, 4);
    if (k.t0 != 1577836800 || k.t1 != 1580428800)
        fail_msg("from %.0f to %.0f", k.t0, k.t1);
    k = read_text(ITEM(SQUARE, "\"datetime\":\"2020-01-01\",\"grid:code\":\"MGRS-1WCQ\"", ""));
    assert_string_equal(k.tile, "01WCQ");
    k = read_text(
        ITEM(SQUARE,
             "\"datetime\":\"2020-01-01\",\"mgrs:utm_zone\":3,\"mgrs:latitude_band\":\"T\","
             "\"mgrs:grid_square\":\"WN\"",
             ""));
    assert_string_equal(k.tile, "03TWN");
}

static void footprints_over_the_antimeridian_have_narrow_boxes(void **state)
{
    (void)state;
#define DATED "\"datetime\":\"2020-01-01\""
    /* The box is wrong, as in real catalogues: the ring counts. */
    kept k =
        read_text(ITEM("{\"type\":\"Polygon\",\"coordinates\":[[[-179,67],[-178,66],[179.5,66.5],"
                       "[-179,67]]]}",
                       DATED, ",\"bbox\":[-179,66,179.5,67]"));
    assert_numbers(k.box, 179.5, 66, -178, 67);
    assert_int_equal(k.nring, 4);
    for (size_t i = 1; i < k.nring; i++)
        assert_true(fabsf(k.ring[2 * i] - k.ring[2 * i - 2]) < 180);
    /* Cut in two parts. */
    k = read_text(
        ITEM("{\"type\":\"MultiPolygon\",\"coordinates\":[[[[179,0],[180,0],[180,2],[179,2],"
             "[179,0]]],[[[-180,0],[-179,0.5],[-180,2],[-180,0]]]]}",
             DATED, ",\"bbox\":[179,0,-179,2]"));
    assert_numbers(k.box, 179, 0, -179, 2);
    assert_true(k.nring >= 5);
    /* All of the earth is no strip along the antimeridian. */
    k = read_text(
        ITEM("{\"type\":\"Polygon\",\"coordinates\":[[[-180,-90],[180,-90],[180,90],[-180,90],"
             "[-180,-90]]]}",
             DATED, ",\"bbox\":[-180,-90,180,90]"));
    assert_numbers(k.box, -180, -90, 180, 90);
    /* Around the pole. */
    k = read_text(
        ITEM("{\"type\":\"Polygon\",\"coordinates\":[[[0,-80],[90,-80],[180,-80],[-90,-80],"
             "[0,-80]]]}",
             DATED, ",\"bbox\":[-180,-90,180,-80]"));
    assert_numbers(k.box, -180, -90, 180, -80);
    /* A hole is no part, a point is a place. */
    k = read_text(
        ITEM("{\"coordinates\":[[[0,0],[9,0],[9,8],[0,9],[0,0]],[[1,1],[2,1],[2,2],[1,1]]],"
             "\"type\":\"Polygon\"}",
             DATED, ""));
    assert_int_equal(k.nring, 5);
    assert_numbers(k.box, 0, 0, 9, 9);
    k = read_text(ITEM("{\"type\":\"Point\",\"coordinates\":[7,8]}", DATED, ",\"bbox\":[7,8,7,8]"));
    assert_numbers(k.box, 7, 8, 7, 8);
}

static void one_bad_item_is_one_error_with_its_field(void **state)
{
    static const struct {
        const char *text, *words[3];
    } bad[] = {
        {ITEM("null", DATED, ",\"bbox\":[1,2,3,4]"), {"item 'one'", "geometry", "null"}},
        {"{\"type\":\"Feature\",\"id\":\"x\",\"properties\":{" DATED "}}",
         {"item 'x'", "geometry", "missing"}},
        {ITEM(SQUARE, "\"datetime\":null", ""), {"item 'one'", "datetime", "null"}},
        {ITEM(SQUARE, "\"datetime\":\"soon\"", ""), {"item 'one'", "datetime", "'soon'"}},
        {ITEM(SQUARE, DATED ",\"eo:cloud_cover\":\"many\"", ""),
         {"item 'one'", "eo:cloud_cover", "number"}},
        {ITEM(SQUARE, DATED, ",\"bbox\":[1,2,3]"), {"item 'one'", "bbox", "four or six"}},
        {ITEM(SQUARE, DATED, ",\"bbox\":[1,2,3,400]"), {"item 'one'", "bbox", "degrees"}},
        {ITEM("{\"type\":\"Polygon\",\"coordinates\":[[[1,2],[3,400],[5,6],[1,2]]]}", DATED, ""),
         {"item 'one'", "coordinates", "degrees"}},
        {ITEM("{\"type\":\"Polygon\",\"coordinates\":[[[\"a\",2]]]}", DATED, ""),
         {"item 'one'", "coordinates", "numbers"}},
        {ITEM("{\"type\":\"Polygon\",\"coordinates\":[[1,2],[3,4]]}", DATED, ""),
         {"item 'one'", "coordinates", "rings"}},
        {ITEM("{\"type\":\"Polygon\"}", DATED, ""), {"item 'one'", "geometry", "no coordinates"}},
        {"{\"type\":\"Feature\",\"id\":7}", {"id", "text", ""}},
        {"{\"type\":\"Feature\",\"geometry\":" SQUARE ",\"properties\":{" DATED "}}",
         {"id", "missing", ""}},
        {"{\"type\":\"Catalog\",\"id\":\"c\"}", {"Catalog", "Feature", ""}},
        {"[1]", {"no STAC item", "", ""}},
        {"", {"no JSON", "byte 0", ""}},
        {"{\"id\":\"one\",\"x\":}", {"no JSON", "item 'one'", "byte"}},
        {"{\"id\":\"\xff\"}", {"no JSON", "UTF8", ""}},
        {"{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\"}]}",
         {"item number 1", "id", ""}},
        {"{\"type\":\"FeatureCollection\",\"features\":[7]}", {"features", "no item", ""}},
    };
    tl_index *ix = memory();
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tl_err e = TL_ERR_INIT;
        int rc = tl_stac_item_add(bad[i].text, strlen(bad[i].text), "/d/i.json", "i.json", ix, &e);
        int named = strstr(e.message, "i.json") == e.message;
        for (int k = 0; k < 3; k++)
            named = named && strstr(e.message, bad[i].words[k]);
        if (rc != TL_EDATA || !named)
            fail_msg("%s: code %d, '%s'", bad[i].text, rc, e.message);
    }
    assert_int_equal(last_of(ix).n, 0);
    tl_index_close(ix);
}

/* --- lists --------------------------------------------------------------------------------------
 */

static void a_list_of_items_streams(void **state)
{
    tl_err e = TL_ERR_INIT;
    tl_index *ix = memory();
    FILE *f = tmpfile();
    (void)state;
    fputs("\xef\xbb\xbf{\"type\":\"FeatureCollection\",\"id\":\"list\",\"bbox\":[1],\"features\":[",
          f);
    for (int i = 0; i < 20000; i++)
        fprintf(f,
                "%s{\"type\":\"Feature\",\"id\":\"item %d\",\"geometry\":" SQUARE
                ",\"properties\":{" DATED ",\"n\":%d},\"assets\":{}}",
                i ? "," : "", i, i);
    fputs("],\"links\":[{\"rel\":\"next\"}]}", f);
    rewind(f);
    assert_tl_ok(tl_stac_items_stream(f, "/d/l.json", "l.json", ix, &e), &e);
    assert_int_equal(last_of(ix).n, 20000);
    fclose(f);
    tl_index_close(ix);
}

static void junk_without_end_is_refused_in_little_memory(void **state)
{
    static const char *const begin[] = {"\"",        "{\"id\":\"", "{\"features\":[{\"x\":\"",
                                        "{\"a\":[0", "[[[[",       "{\"x\":{\"y\":\""};
    static const char *const again[] = {"a", "a", "a", ",0", "[", "a"};
    char *block = tl_xmalloc(1 << 16);
    (void)state;
    for (size_t k = 0; k < sizeof begin / sizeof *begin; k++) {
        tl_err e = TL_ERR_INIT;
        tl_index *ix = memory();
        FILE *f = tmpfile();
        size_t n = strlen(again[k]);
        for (size_t i = 0; i < 1 << 16; i++)
            block[i] = again[k][i % n];
        fputs(begin[k], f);
        for (int i = 0; i < 1600; i++)
            fwrite(block, 1, 1 << 16, f);
        rewind(f);
        int rc = tl_stac_items_stream(f, "/d/j.json", "j.json", ix, &e);
        if (rc != TL_EDATA || strncmp(e.message, "j.json", 6) != 0)
            fail_msg("%s: code %d, '%s'", begin[k], rc, e.message);
        fclose(f);
        tl_index_close(ix);
    }
    free(block);
}

static char path[300];

static const char *file_of(const char *suffix, const char *text)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/stac_item_test.%d%s", tmp ? tmp : "/tmp", (int)getpid(),
             suffix);
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
    return path;
}

static void lines_of_items_are_read_and_counted(void **state)
{
    tl_err e = TL_ERR_INIT;
    tl_index *ix = memory();
    (void)state;
#define LINE(id)                                                                                   \
    "{\"type\":\"Feature\",\"id\":\"" id "\",\"geometry\":" SQUARE ",\"properties\":{" DATED "}}"
    assert_tl_ok(tl_read_ndjson(file_of(".ndjson", LINE("a") "\r\n\n" LINE("b") "\n" LINE("c")),
                                NULL, ix, &e),
                 &e);
    assert_int_equal(last_of(ix).n, 3);
    assert_int_equal(
        tl_read_ndjson(file_of(".ndjson", LINE("a") "\n{\"id\":\"z\"}\n"), NULL, ix, &e), TL_EDATA);
    if (!strstr(e.message, ".ndjson:2: "))
        fail_msg("'%s'", e.message);
    unlink(path);
    tl_index_close(ix);
}

static void a_table_becomes_scenes(void **state)
{
    tl_err e = TL_ERR_INIT;
    tl_index *ix = memory();
    (void)state;
    assert_tl_ok(
        tl_read_csv(
            file_of(".csv",
                    "\xef\xbb\xbfid,datetime,west,south,east,north,cloud,href,asset:B04,asset:B08,"
                    "baseline,orbit,note,wet,footprint\r\n"
                    "\"a,\"\"1\"\"\",2020-01-01,179,0,-179,2,,http://h/x/,B04.tif,/abs/B08.tif,"
                    "05.09,33,\"7\",true,\"POLYGON((179 0, -179 0, -179 2, 179 0))\"\n"),
            NULL, ix, &e),
        &e);
    kept k = last_of(ix);
    assert_int_equal(k.n, 1);
    assert_string_equal(k.id, "a,\"1\"");
    assert_string_equal(k.asset, "B04 /vsicurl/http://h/x/B04.tif\nB08 /abs/B08.tif\n");
    assert_string_equal(k.props,
                        "{\"baseline\":\"05.09\",\"orbit\":33,\"note\":\"7\",\"wet\":true}");
    assert_numbers(k.box, 179, 0, -179, 2);
    assert_true(isnan(k.cloud));
    assert_int_equal(k.nring, 4);
    assert_true(k.ring[2] == 181);
    unlink(path);
    tl_index_close(ix);
}

static void bad_tables_are_named_by_line_and_column(void **state)
{
    static const struct {
        const char *text, *words[2];
    } bad[] = {
        {"", {"empty", "columns"}},
        {"id,datetime,west,south,east\n", {":1", "'north'"}},
#define HEAD "id,datetime,west,south,east,north\n"
        {HEAD "a,2020-01-01,1,2,3\n", {":2", "5 fields"}},
        {HEAD "a,never,1,2,3,4\n", {":2", "datetime"}},
        {HEAD "b,2020-01-01,1,2,3,4\na,2020-01-01,1,x,3,4\n", {":3", "south"}},
        {HEAD "a,2020-01-01,1,2,3,400\n", {":2", "north"}},
        {HEAD "a,2020-01-01,,2,3,4\n", {":2", "west"}},
        {HEAD ",2020-01-01,1,2,3,4\n", {":2", "id"}},
        {HEAD "\"a,2020-01-01,1,2,3,4\n", {":2", "fields"}},
    };
    tl_index *ix = memory();
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tl_err e = TL_ERR_INIT;
        int rc = tl_read_csv(file_of(".csv", bad[i].text), NULL, ix, &e);
        if (rc != TL_EDATA || !strstr(e.message, bad[i].words[0]) ||
            !strstr(e.message, bad[i].words[1]))
            fail_msg("%s: code %d, '%s'", bad[i].text, rc, e.message);
    }
    unlink(path);
    tl_index_close(ix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_becomes_a_scene),
        cmocka_unit_test(dates_tiles_and_grids_come_from_where_they_are),
        cmocka_unit_test(footprints_over_the_antimeridian_have_narrow_boxes),
        cmocka_unit_test(one_bad_item_is_one_error_with_its_field),
        cmocka_unit_test(a_list_of_items_streams),
        cmocka_unit_test(junk_without_end_is_refused_in_little_memory),
        cmocka_unit_test(lines_of_items_are_read_and_counted),
        cmocka_unit_test(a_table_becomes_scenes),
        cmocka_unit_test(bad_tables_are_named_by_line_and_column),
    };
    return tl_run_tests(tests);
}
