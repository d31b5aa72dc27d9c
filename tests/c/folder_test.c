/* Folders of scenes. SPDX-License-Identifier: MIT */
#include "tests/c/scenes_util.h"

#define SAFE "S2A_MSIL2A_20230810T100601_N0509_R022_T33TWM_20230810T163000.SAFE"
#define DATA SAFE "/GRANULE/L2A_T33TWM_A042547_20230810T100601/"

static const char tile_xml[] =
    "<?xml version=\"1.0\"?><n1:Level-2A_Tile_ID><n1:General_Info>"
    "<L1C_TILE_ID metadataLevel=\"Brief\">S2A_OPER_MSI_L1C_TL_x_N05.00</L1C_TILE_ID>\n"
    "<TILE_ID "
    "metadataLevel=\"Brief\">S2A_OPER_MSI_L2A_TL_2APS_20230810T163000_A042547_T33TWM_N05.09"
    "</TILE_ID>\n<SENSING_TIME metadataLevel=\"Standard\">2023-08-10T10:12:30.5Z</SENSING_TIME>\n"
    "<HORIZONTAL_CS_CODE>EPSG:32633</HORIZONTAL_CS_CODE>"
    "<Size resolution=\"10\"><NROWS>10980</NROWS><NCOLS>10980</NCOLS></Size>"
    "<Geoposition resolution=\"10\"><ULX>499980</ULX><ULY>5200020</ULY><XDIM>10</XDIM>"
    "<YDIM>-10</YDIM></Geoposition>"
    "<Sun_Angles_Grid><ZENITH_ANGLE>1</ZENITH_ANGLE></Sun_Angles_Grid>"
    "<Mean_Sun_Angle><ZENITH_ANGLE unit=\"deg\">35.5</ZENITH_ANGLE>"
    "<AZIMUTH_ANGLE unit=\"deg\">157.25</AZIMUTH_ANGLE></Mean_Sun_Angle>"
    "<CLOUDY_PIXEL_PERCENTAGE>43.5</CLOUDY_PIXEL_PERCENTAGE></n1:Level-2A_Tile_ID>\n";

/* The files of a product hold nothing: with the tile's metadata none is opened. */
static void put_safe(const char *root)
{
    static const char *const files[] = {"IMG_DATA/R10m/T33TWM_20230810T100601_B02_10m.jp2",
                                        "IMG_DATA/R10m/T33TWM_20230810T100601_B04_10m.jp2",
                                        "IMG_DATA/R20m/T33TWM_20230810T100601_B04_20m.jp2",
                                        "IMG_DATA/R60m/T33TWM_20230810T100601_B04_60m.jp2",
                                        "IMG_DATA/R20m/T33TWM_20230810T100601_SCL_20m.jp2",
                                        "IMG_DATA/R60m/T33TWM_20230810T100601_SCL_60m.jp2",
                                        "IMG_DATA/R60m/T33TWM_20230810T100601_B01_60m.jp2",
                                        "QI_DATA/MSK_CLDPRB_20m.jp2",
                                        "QI_DATA/MSK_CLDPRB_60m.jp2",
                                        "QI_DATA/MSK_DETFOO_B04.jp2",
                                        "QI_DATA/T33TWM_20230810T100601_PVI.jp2"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char rel[512];
        snprintf(rel, sizeof rel, DATA "%s", files[i]);
        put_text(root, rel, "");
    }
    put_text(root, DATA "MTD_TL.xml", tile_xml);
    put_text(root, SAFE "/MTD_MSIL2A.xml",
             "<Cloud_Coverage_Assessment>44.5</Cloud_Coverage_Assessment>");
}

static const char safe_line[] =
    "S2A_MSIL2A_20230810T100601_N0509_R022_T33TWM_20230810T163000 sentinel-2-l2a sentinel-2a 33TWM "
    "20230810T101230 43.5 B01 B02 B04 B04_20m B04_60m CLD CLD_60m SCL SCL_60m\n";

static void a_safe_product_is_a_scene_without_opening_a_file(void **state)
{
    (void)state;
    told t;
    const char *root = new_folder();
    put_safe(root);
    assert_scenes(tl_read_folder, root, NULL, safe_line, &t);
    assert_string_equal(t.crs, "EPSG:32633");
    assert_four(t.bounds, 499980, 5090220, 609780, 5200020, 0);
    assert_four(t.box, 14.99974, 45.9568, 16.44249, 46.9537, 1e-4);
    assert_true(t.nring > 16);
    assert_string_equal(t.properties,
                        "{\"constellation\":\"sentinel-2\",\"grid:code\":\"MGRS-33TWM\","
                        "\"s2:granule_id\":"
                        "\"S2A_OPER_MSI_L2A_TL_2APS_20230810T163000_A042547_T33TWM_N05.09\","
                        "\"s2:processing_baseline\":\"05.09\",\"s2:product_type\":\"S2MSI2A\","
                        "\"s2:product_uri\":\"" SAFE "\",\"sat:relative_orbit\":22,"
                        "\"view:sun_azimuth\":157.25,\"view:sun_elevation\":54.5}");
}

static void a_product_is_found_when_it_is_the_source_itself(void **state)
{
    (void)state;
    const char *root = new_folder();
    put_safe(root);
    assert_scenes(tl_read_folder, in_folder(root, SAFE), NULL, safe_line, NULL);
}

static void a_product_without_metadata_asks_its_finest_file(void **state)
{
    (void)state;
    told t;
    const char *root = new_folder();
    put_tif(root,
            "S2B_MSIL1C_20170105T013442_N0204_R031_T53NMJ_20170105T013443.SAFE/GRANULE/"
            "L1C_T53NMJ_A000001_20170105T013442/IMG_DATA/T53NMJ_20170105T013442_B02.tif",
            1, 0);
    put_text(root,
             "S2B_MSIL1C_20170105T013442_N0204_R031_T53NMJ_20170105T013443.SAFE/GRANULE/"
             "L1C_T53NMJ_A000001_20170105T013442/IMG_DATA/T53NMJ_20170105T013442_B01.tif",
             "not a tif");
    assert_scenes(tl_read_folder, root, NULL,
                  "S2B_MSIL1C_20170105T013442_N0204_R031_T53NMJ_20170105T013443 sentinel-2-l1c "
                  "sentinel-2b 53NMJ 20170105T013442 - B01 B02\n",
                  &t);
    assert_four(t.bounds, 500000, 5000000, 500040, 5000030, 0);
    assert_non_null(strstr(t.properties, "\"s2:processing_baseline\":\"02.04\""));
}

static void folders_of_cogs_are_scenes(void **state)
{
    (void)state;
    told t;
    const char *root = new_folder();
    put_tif(root, "33/S2A_33TWM_20230810_0_L2A/B04.tif", 1, 0);
    put_tif(root, "33/S2A_33TWM_20230810_0_L2A/SCL.tif", 1, 0);
    put_tif(root, "33/S2A_33TWM_20230810_0_L2A/L2A_PVI.tif", 1, 0);
    put_text(root, "33/S2A_33TWM_20230810_0_L2A/granule_metadata.xml", tile_xml);
    put_tif(root, "c1/S2B_T33TWL_20230811T100559_L2A/B8A.tif", 1, 0);
    put_tif(root, "flat/S2A_5QKB_20200101_1_L1C_B02.tif", 1, 0);
    assert_scenes(tl_read_folder, root, NULL,
                  "S2A_5QKB_20200101_1_L1C sentinel-2-l1c sentinel-2a 05QKB 20200101T000000 - B02\n"
                  "S2A_33TWM_20230810_0_L2A sentinel-2-l2a sentinel-2a 33TWM 20230810T101230 43.5 "
                  "B04 SCL\n"
                  "S2B_T33TWL_20230811T100559_L2A sentinel-2-l2a sentinel-2b 33TWL 20230811T100559 "
                  "- B8A\n",
                  &t);
    /* The place is the file's, whatever the metadata say. */
    assert_four(t.bounds, 500000, 5000000, 500040, 5000030, 0);
}

static void only_the_archive_that_takes_the_offset_off_says_so(void **state)
{
    (void)state;
    static const char *const folders[] = {"S2A_33TWM_20230810_0_L2A", "S2A_33TWM_20230810_0_L1C",
                                          "S2A_T33TWM_20230810T100559_L2A"};
    for (int i = 0; i < 3; i++) {
        const char *root = new_folder();
        char rel[64];
        tl_err e;
        told t;
        snprintf(rel, sizeof rel, "%s/B04.tif", folders[i]);
        put_tif(root, rel, 1, 0);
        assert_tl_ok(read_scenes(tl_read_folder, root, NULL, &t, &e), &e);
        told_free(&t);
        assert_int_equal(strstr(t.properties, "\"earthsearch:boa_offset_applied\":true") != NULL,
                         i == 0);
    }
}

static void landsat_scenes_have_their_sun_and_clouds(void **state)
{
    (void)state;
    static const char id[] = "LC08_L2SP_044033_20210329_20210408_02_T1";
    static const char *const suffix[] = {"SR_B4.TIF", "SR_B5.TIF", "QA_PIXEL.TIF", "ST_B10.TIF"};
    const char *root = new_folder();
    char rel[200];
    told t;
    for (int i = 0; i < 4; i++) {
        snprintf(rel, sizeof rel, "a/%s/%s_%s", id, id, suffix[i]);
        put_tif(root, rel, 1, 0);
    }
    snprintf(rel, sizeof rel, "a/%s/%s_MTL.json", id, id);
    put_text(root, rel,
             "{\"LANDSAT_METADATA_FILE\":{\"IMAGE_ATTRIBUTES\":{\"CLOUD_COVER\": \"12.30\",\n"
             "\"CLOUD_COVER_LAND\": \"15.00\", \"SUN_AZIMUTH\": \"143.5\",\n"
             "\"SUN_ELEVATION\": \"49.25\", \"SCENE_CENTER_TIME\": \"18:45:01.5000000Z\"}}}");
    put_tif(root, "LE07_L1TP_044033_20010329_20200917_02_T1_B3.TIF", 1, 0);
    put_text(root, "LE07_L1TP_044033_20010329_20200917_02_T1_MTL.txt",
             "GROUP = X\n    CLOUD_COVER_LAND = -1\n    CLOUD_COVER = -1.00\n"
             "    SUN_ELEVATION = 50.5\nEND\n");
    assert_scenes(tl_read_folder, root, NULL,
                  "LE07_L1TP_044033_20010329_20200917_02_T1 landsat-c2-l1 landsat-7 044033 "
                  "20010329T000000 - B3\n"
                  "LC08_L2SP_044033_20210329_20210408_02_T1 landsat-c2-l2 landsat-8 044033 "
                  "20210329T184501 12.3 QA_PIXEL SR_B4 SR_B5 ST_B10\n",
                  &t);
    assert_string_equal(t.properties,
                        "{\"landsat:cloud_cover_land\":15.0,\"landsat:collection_category\":\"T1\","
                        "\"landsat:collection_number\":\"02\",\"landsat:correction\":\"L2SP\","
                        "\"landsat:wrs_path\":\"044\",\"landsat:wrs_row\":\"033\","
                        "\"view:sun_azimuth\":143.5,\"view:sun_elevation\":49.25}");
}

static void plain_files_are_grouped_by_band_and_dated_by_name(void **state)
{
    (void)state;
    const char *root = new_folder();
    put_tif(root, "farm_20230810_B04.tif", 1, 0);
    put_tif(root, "farm_20230810_B08.tif", 1, 0);
    put_tif(root, "farm_2023-08-12_NDVI.tif", 1, 0);
    put_tif(root, "2023_08_14/B04.tif", 1, 0);
    put_tif(root, "2023_08_14/red_20m.tif", 1, 0);
    put_tif(root, "stack_2023228.tif", 3, 0);
    put_tif(root, "dem.tif", 1, 0);
    put_text(root, "readme.md", "20230101");
    put_text(root, ".hidden_20230101.tif", "no");
    assert_scenes(tl_read_folder, root, NULL,
                  "farm_20230810 - - - 20230810T000000 - B04 B08\n"
                  "farm_2023-08-12 - - - 20230812T000000 - NDVI\n"
                  "2023_08_14 - - - 20230814T000000 - B04 red\n"
                  "stack_2023228 - - - 20230816T000000 - B1 B2 B3\n"
                  "dem - - - - - B1\n",
                  NULL);
}

static void a_single_file_is_one_scene_of_its_bands(void **state)
{
    (void)state;
    told t;
    const char *root = new_folder();
    put_tif(root, "x_20230810.tif", 2, 0);
    assert_scenes(tl_collection_read, in_folder(root, "x_20230810.tif"), NULL,
                  "x_20230810 - - - 20230810T000000 - B1 B2\n", &t);
    assert_string_equal(t.href, in_folder(root, "x_20230810.tif"));
    assert_int_equal(t.band, 1);
}

static void a_pattern_chooses_and_names(void **state)
{
    (void)state;
    told t;
    const char *root = new_folder();
    put_tif(root, "33TWM/20230810_red_v2.tif", 1, 0);
    put_tif(root, "33TWM/20230810_nir_v1.tif", 1, 0);
    put_tif(root, "33TWL/20230811_red_v1.tif", 1, 0);
    put_tif(root, "33TWL/other.tif", 1, 0);
    assert_scenes(tl_read_folder, root,
                  "{\"pattern\":\"{tile}/{date}_{band}_v{*}.tif\",\"collection\":\"mine\"}",
                  "33TWM/20230810_v mine - 33TWM 20230810T000000 - nir red\n"
                  "33TWL/20230811_v mine - 33TWL 20230811T000000 - red\n",
                  NULL);
    assert_scenes(tl_read_folder, root,
                  "{\"pattern\":\"{id}/{year}{month}{day}_red_v{version:d}.tif\"}",
                  "33TWM - - - 20230810T000000 - B1\n33TWL - - - 20230811T000000 - B1\n", &t);
    assert_string_equal(t.properties, "{\"version\":1}");
    assert_refused(tl_read_folder, root, "{\"pattern\":\"{band}.jp2\"}", TL_EDATA,
                   "none of its 4 files fits the pattern '{band}.jp2'");
}

static void a_list_of_paths_is_a_folder(void **state)
{
    (void)state;
    const char *root = new_folder();
    put_tif(root, "a/x_20230810_B04.tif", 1, 0);
    put_tif(root, "b/x_20230811_B04.tif", 1, 0);
    put_tif(root, "b/left_20230812_B04.tif", 1, 0);
    put_text(root, "list.txt", "# a comment\n\na\nb/x_20230811_B04.tif\n");
    assert_scenes(tl_read_folder, in_folder(root, "list.txt"), NULL,
                  "a/x_20230810 - - - 20230810T000000 - B04\n"
                  "b/x_20230811 - - - 20230811T000000 - B04\n",
                  NULL);
    put_text(root, "bad.txt", "a\nnot-there.tif\n");
    assert_refused(tl_read_folder, in_folder(root, "bad.txt"), NULL, TL_EDATA, "bad.txt:2: ");
}

static void circles_of_links_end(void **state)
{
    (void)state;
    const char *root = new_folder();
    put_tif(root, "a/b/x_20230810_B04.tif", 1, 0);
    assert_int_equal(symlink("../..", in_folder(root, "a/b/up")), 0);
    assert_int_equal(symlink("nowhere", in_folder(root, "a/broken.tif")), 0);
    assert_scenes(tl_read_folder, root, NULL, "a/b/x_20230810 - - - 20230810T000000 - B04\n", NULL);
}

static void what_cannot_be_read_is_named_or_left_out(void **state)
{
    (void)state;
    const char *root = new_folder();
    put_tif(root, "x_20230810_B04.tif", 1, 0);
    put_text(root, "y_20230811_B04.tif", "not a tif");
    assert_refused(tl_read_folder, root, NULL, TL_EDATA, "scene y_20230811: cannot open ");
    assert_refused(tl_read_folder, root, NULL, TL_EDATA, "y_20230811_B04.tif");
    assert_scenes(tl_read_folder, root, "{\"on_error\":\"skip\"}",
                  "x_20230810 - - - 20230810T000000 - B04\n", NULL);
}

static void one_band_twice_is_an_error_that_names_both(void **state)
{
    (void)state;
    const char *root = new_folder();
    put_tif(root, "x_20230810_B04.tif", 1, 0);
    put_tif(root, "x_20230810_B04.tiff", 1, 0);
    assert_refused(tl_read_folder, root, NULL, TL_EDATA,
                   "scene x_20230810 has its band B04 twice: ");
}

static void nothing_recognised_says_what_was_looked_for(void **state)
{
    (void)state;
    const char *root = new_folder();
    put_text(root, "readme.txt", "");
    assert_refused(tl_read_folder, root, NULL, TL_EDATA, "no scene among its 1 files; looked for");
    assert_refused(tl_read_folder, in_folder(root, "not-there"), NULL, TL_EDATA,
                   "not-there: No such file");
}

static void unknown_options_are_errors(void **state)
{
    (void)state;
    const char *root = new_folder();
    assert_refused(tl_read_folder, root, "{\"patern\":\"x\"}", TL_EUSAGE,
                   "unknown option patern; there are pattern, collection and on_error");
    assert_refused(tl_read_folder, root, "{\"on_error\":\"ignore\"}", TL_EUSAGE,
                   "option on_error: 'ignore' is neither fail nor skip");
    assert_refused(tl_read_folder, root, "{\"pattern\":1}", TL_EUSAGE,
                   "option pattern: a text is wanted");
}

/* --- real data ------------------------------------------------------------------------------- */

static void the_ten_scenes_of_two_tiles_are_found(void **state)
{
    (void)state;
    const char *root = shared_file("s2_timeseries_mapchete_33T");
    told t;
    if (!root)
        return;
    assert_scenes(
        tl_read_folder, root, NULL,
        "S2B_33TWM_20230810_0_L2A sentinel-2-l2a sentinel-2b 33TWM 20230810T095757 70.627 "
        "B02 B03 B04 B08 CLD SCL\n"
        "S2B_33TWL_20230810_0_L2A sentinel-2-l2a sentinel-2b 33TWL 20230810T095811 69.2862 "
        "B02 B03 B04 B08 CLD SCL\n"
        "S2B_33TWM_20230813_0_L2A sentinel-2-l2a sentinel-2b 33TWM 20230813T100753 1.1124 "
        "B02 B03 B04 B08 CLD SCL\n"
        "S2B_33TWL_20230813_0_L2A sentinel-2-l2a sentinel-2b 33TWL 20230813T100807 1.70249 "
        "B02 B03 B04 B08 CLD SCL\n"
        "S2A_33TWM_20230815_0_L2A sentinel-2-l2a sentinel-2a 33TWM 20230815T095757 0.207328 "
        "B02 B03 B04 B08 CLD SCL\n"
        "S2A_33TWL_20230815_0_L2A sentinel-2-l2a sentinel-2a 33TWL 20230815T095811 0.20399 "
        "B02 B03 B04 B08 CLD SCL\n"
        "S2A_33TWM_20230818_0_L2A sentinel-2-l2a sentinel-2a 33TWM 20230818T100754 43.8568 "
        "B02 B03 B04 B08 CLD SCL SNW\n"
        "S2A_33TWL_20230818_0_L2A sentinel-2-l2a sentinel-2a 33TWL 20230818T100808 45.7452 "
        "B02 B03 B04 B08 CLD SCL\n"
        "S2B_33TWM_20230820_0_L2A sentinel-2-l2a sentinel-2b 33TWM 20230820T095756 1.33675 "
        "B02 B03 B04 B08 CLD SCL\n"
        "S2B_33TWL_20230820_0_L2A sentinel-2-l2a sentinel-2b 33TWL 20230820T095811 8.06635 "
        "B02 B03 B04 B08 CLD SCL\n",
        &t);
    assert_four(t.bounds, 499980, 4990200, 609780, 5100000, 0);
}

static void scenes_over_the_antimeridian_have_a_box_that_crosses_it(void **state)
{
    (void)state;
    const char *root = shared_file("s2_antimeridian_mapchete_01W");
    tl_err e;
    told t;
    if (!root)
        return;
    assert_tl_ok(read_scenes(tl_read_folder, root, NULL, &t, &e), &e);
    told_free(&t);
    assert_int_equal(t.n, 5);
    assert_true(t.box[0] > 178 && t.box[2] < -179);
}

static void hostile_files_are_left_out_one_by_one(void **state)
{
    (void)state;
    const char *root = shared_file("hostile_gdal_autotest/gdrivers/data/netcdf");
    tl_err e;
    told t;
    if (!root)
        return;
    assert_tl_ok(read_scenes(tl_read_folder, root, "{\"on_error\":\"skip\"}", &t, &e), &e);
    told_free(&t);
    assert_int_equal(read_scenes(tl_read_folder, root, NULL, &t, &e), TL_EDATA);
    told_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_safe_product_is_a_scene_without_opening_a_file),
        cmocka_unit_test(a_product_is_found_when_it_is_the_source_itself),
        cmocka_unit_test(a_product_without_metadata_asks_its_finest_file),
        cmocka_unit_test(folders_of_cogs_are_scenes),
        cmocka_unit_test(only_the_archive_that_takes_the_offset_off_says_so),
        cmocka_unit_test(landsat_scenes_have_their_sun_and_clouds),
        cmocka_unit_test(plain_files_are_grouped_by_band_and_dated_by_name),
        cmocka_unit_test(a_single_file_is_one_scene_of_its_bands),
        cmocka_unit_test(a_pattern_chooses_and_names),
        cmocka_unit_test(a_list_of_paths_is_a_folder),
        cmocka_unit_test(circles_of_links_end),
        cmocka_unit_test(what_cannot_be_read_is_named_or_left_out),
        cmocka_unit_test(one_band_twice_is_an_error_that_names_both),
        cmocka_unit_test(nothing_recognised_says_what_was_looked_for),
        cmocka_unit_test(unknown_options_are_errors),
        cmocka_unit_test(the_ten_scenes_of_two_tiles_are_found),
        cmocka_unit_test(scenes_over_the_antimeridian_have_a_box_that_crosses_it),
        cmocka_unit_test(hostile_files_are_left_out_one_by_one),
    };
    return tl_run_tests(tests);
}
