/* Real STAC items. SPDX-License-Identifier: MIT */
#include "tests/c/stac_kept.h"

#include "modules/collection/bulk.h"
#include "modules/collection/stac_item.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

static int real(char *out, size_t size, const char *name)
{
    const char *shared = getenv("TELLUA_SHARED");
    snprintf(out, size, "%s/data/stac/%s", shared ? shared : "../shared", name);
    if (access(out, R_OK) == 0)
        return 1;
    print_message("# SKIP there is no %s\n", out);
    return 0;
}

static void real_items_over_the_antimeridian_are_narrow(void **state)
{
    char dir[400], file[800];
    int n = 0;
    (void)state;
    if (!real(dir, sizeof dir, "mapchete_s2_items/antimeridian_items"))
        skip();
    DIR *d = opendir(dir);
    for (struct dirent *f; (f = readdir(d));) {
        if (f->d_name[0] == '.')
            continue;
        tl_err e = TL_ERR_INIT;
        tl_index *ix = memory();
        snprintf(file, sizeof file, "%s/%s", dir, f->d_name);
        FILE *in = fopen(file, "r");
        assert_tl_ok(tl_stac_items_stream(in, file, file, ix, &e), &e);
        fclose(in);
        kept k = last_of(ix);
        double width = k.box[2] - k.box[0] + (k.box[2] < k.box[0] ? 360 : 0);
        if (width > 5 || strlen(k.tile) != 5 || k.nassets < 10)
            fail_msg("%s: %g to %g, tile %s, %zu assets", f->d_name, k.box[0], k.box[2], k.tile,
                     k.nassets);
        n++;
        tl_index_close(ix);
    }
    closedir(d);
    assert_int_equal(n, 6);
}

static void a_thousand_real_items_are_read(void **state)
{
    char file[400];
    tl_err e = TL_ERR_INIT;
    tl_index_summary sum;
    tl_index *ix;
    (void)state;
    if (!real(file, sizeof file,
              "pgstac/pgstac/tests/testdata/planetary-computer/data/naip/items.ndjson"))
        skip();
    ix = memory();
    assert_tl_ok(tl_read_ndjson(file, NULL, ix, &e), &e);
    assert_tl_ok(tl_index_summarise(ix, NULL, &sum, &e), &e);
    assert_int_equal(sum.count, 1000);
    assert_string_equal(sum.collections, "naip");
    kept k = last_of(ix);
    assert_true(strstr(k.crs, "EPSG:269") == k.crs && k.bounds[2] > k.bounds[0]);
    assert_non_null(strstr(k.info, "\"name\":\"NIR\",\"common_name\":\"nir\""));
    assert_non_null(
        strstr(k.asset, "image /vsicurl/https://naipeuwest.blob.core.windows.net/naip/v002/"));
    tl_index_close(ix);
}

static void odd_real_items_say_what_they_are(void **state)
{
    static const struct {
        const char *file, *id, *tile, *crs, *platform, *asset;
    } odd[] = {
        {"odc-stac/LE07_L2SP_044033_20210329_20210424_02_T1_SR.json",
         "LE07_L2SP_044033_20210329_20210424_02_T1_SR", "044033", "EPSG:32610", "landsat-7",
         "SR_B1.TIF"},
        {"odc-stac/LC08_L2SR_081119_20200101_20200823_02_T2.json", NULL, "081119", "EPSG:3031",
         "landsat-8", "SR_B2.TIF"},
        {"odc-stac/S2A_28QCH_20200714_0_L2A.json", "S2A_28QCH_20200714_0_L2A", "28QCH",
         "EPSG:32628", "sentinel-2a", "/B02.tif"},
        {"odc-stac/S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531_raster_ext.json", NULL,
         "06VVN", "EPSG:32606", "sentinel-2b", "/R10m/T06VVN_20190629T212529_B02_10m.tif"},
        {"odc-stac/ga_ls8c_ard_3-1-0_088080_2020-05-25_final.stac-item.json", NULL, "088080",
         "EPSG:32656", "landsat-8", "_final_band02.tif"},
        {"rio-tiler/stac_proj_2_0_assets.json", "JQT-123456789", "", "EPSG:32617", "", "red.tif"},
        {"rio-tiler/stac_relative.json", NULL, "", "EPSG:32615", "kompsat-3",
         "/rio-tiler/urn_ogc_def_EOP_"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        char file[400];
        tl_err e = TL_ERR_INIT;
        if (!real(file, sizeof file, odd[i].file))
            skip();
        tl_index *ix = memory();
        FILE *in = fopen(file, "r");
        assert_tl_ok(tl_stac_items_stream(in, file, file, ix, &e), &e);
        fclose(in);
        kept k = last_of(ix);
        if (odd[i].id)
            assert_string_equal(k.id, odd[i].id);
        assert_string_equal(k.tile, odd[i].tile);
        assert_string_equal(k.crs, odd[i].crs);
        assert_string_equal(k.platform, odd[i].platform);
        if (!strstr(k.asset, odd[i].asset))
            fail_msg("%s: %s not in\n%s", odd[i].file, odd[i].asset, k.asset);
        tl_index_close(ix);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_items_over_the_antimeridian_are_narrow),
        cmocka_unit_test(a_thousand_real_items_are_read),
        cmocka_unit_test(odd_real_items_say_what_they_are),
    };
    return tl_run_tests(tests);
}
