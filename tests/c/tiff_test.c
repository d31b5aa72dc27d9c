/* Layer 3: TIFF files, read back through GDAL. SPDX-License-Identifier: MIT */
#include "tests/c/file_util.h"

#include <fcntl.h>
#include <ogr_srs_api.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

/* --- reading back ------------------------------------------------------------------------------
 */

static void assert_band(GDALRasterBandH band, const tl_product *p, const level_cells *l, int b)
{
    size_t n = (size_t)(l->w * l->h), size = tl_dtype_size(p->dtype);
    int w = (int)l->w, h = (int)l->h;
    uint64_t fill = tl_product_fill(p);
    assert_int_equal(GDALGetRasterBandXSize(band), w);
    assert_int_equal(GDALGetRasterBandYSize(band), h);
    GDALDataType t = GDALGetRasterDataType(band);
    assert_int_equal(GDALGetDataTypeSizeBytes(t), size);
    char *got = tl_xmalloc(n * size), *want = tl_xmalloc(n * size);
    assert_int_equal(GDALRasterIO(band, GF_Read, 0, 0, w, h, got, w, h, t, 0, 0), CE_None);
    memcpy(want, l->values[b], n * size);
    for (size_t i = 0; i < n; i++)
        if (!l->valid[b][i])
            memcpy(want + i * size, &fill, size);
    if (memcmp(got, want, n * size) != 0)
        fail_msg("%s x %d, %dx%d, band %d: values differ", tl_dtype_name(p->dtype), p->nbands, w, h,
                 b + 1);
    free(want);
    uint8_t *mask = (uint8_t *)got;
    GDALRasterBandH m = GDALGetMaskBand(band);
    assert_int_equal(GDALRasterIO(m, GF_Read, 0, 0, w, h, mask, w, h, GDT_Byte, 0, 0), CE_None);
    for (size_t i = 0; i < n; i++)
        if ((mask[i] != 0) != l->valid[b][i])
            fail_msg("%s x %d, %dx%d, band %d: validity differs", tl_dtype_name(p->dtype),
                     p->nbands, w, h, b + 1);
    free(got);
}

static void assert_reads_back(const picture_of *o, const char *path)
{
    GDALDatasetH ds = open_file(path);
    assert_int_equal(GDALGetRasterCount(ds), o->p->nbands);
    for (int b = 0; b < o->p->nbands; b++) {
        GDALRasterBandH band = GDALGetRasterBand(ds, b + 1);
        assert_int_equal(GDALGetOverviewCount(band), o->levels - 1);
        assert_band(band, o->p, &o->level[0], b);
        for (int l = 1; l < o->levels; l++)
            assert_band(GDALGetOverview(band, l - 1), o->p, &o->level[l], b);
    }
    GDALClose(ds);
}

/* --- the whole matrix --------------------------------------------------------------------------
 */

static void check_one(tl_product *p, int k)
{
    static const tl_method rules[] = {TL_NEAREST, TL_AVERAGE, TL_MODE};
    picture_of o;
    set_validity(p, k % 3);
    p->overview = rules[k / 3 % 3];
    p->format = k % 4 == 3 ? TL_GTIFF : TL_COG;
    p->overviews = k % 8 != 3;
    const char *path = scratch("matrix.tif");
    picture_make(&o, p, (uint64_t)k);
    write_picture(&o, path);
    assert_reads_back(&o, path);
    picture_free(&o);
}

static void every_type_and_number_of_bands_reads_back_bit_for_bit(void **state)
{
    (void)state;
    static const int bands[] = {1, 2, 3, 4, 13};
    int k = 0;
    for (int t = 0; t < TL_DTYPES; t++)
        for (int b = 0; b < 5; b++)
            for (int c = 0; c < 2; c++, k++) {
                tl_product p = product((tl_dtype)t, bands[b], 1, 1, 512);
                p.compress = c ? TL_UNCOMPRESSED : TL_DEFLATE;
                check_one(&p, k);
                p = product((tl_dtype)t, bands[b], 511, 513, 256);
                p.compress = c ? TL_UNCOMPRESSED : TL_DEFLATE;
                check_one(&p, k + k / 7);
            }
}

static void odd_sizes_keep_their_overviews(void **state)
{
    (void)state;
    static const int sizes[][3] = {{1025, 700, 256}, {1025, 700, 512}, {17, 1, 16},
                                   {1, 400, 16},     {129, 128, 64},   {512, 512, 512}};
    int k = 0;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (int t = 0; t < TL_DTYPES; t++, k++) {
            tl_product p = product((tl_dtype)t, 1 + k % 3, sizes[s][0], sizes[s][1], sizes[s][2]);
            check_one(&p, k);
        }
}

static void a_file_can_be_forced_to_bigtiff(void **state)
{
    (void)state;
    for (int k = 0; k < 6; k++) {
        tl_product p = product(TL_I16, 2, 200, 100, 64);
        picture_of o;
        size_t n;
        p.bigtiff = 1;
        p.format = k % 2 ? TL_COG : TL_GTIFF;
        set_validity(&p, k / 2);
        picture_make(&o, &p, 4);
        write_picture(&o, scratch("big.tif"));
        char *file = slurp(scratch("big.tif"), &n);
        assert_int_equal(file[2], 43);
        free(file);
        assert_reads_back(&o, scratch("big.tif"));
        picture_free(&o);
    }
}

static void the_same_cells_give_the_same_bytes(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        tl_product p = product(TL_F32, 3, 300, 200, 64);
        set_validity(&p, kind);
        for (int k = 0; k < 2; k++) {
            picture_of o;
            picture_make(&o, &p, 4);
            write_picture(&o, scratch(k ? "again.tif" : "once.tif"));
            picture_free(&o);
        }
        assert_same_file(scratch("again.tif"), scratch("once.tif"));
    }
}

/* --- more than 4 GiB ---------------------------------------------------------------------------
 */

static uint8_t first_bytes[16];
static uint64_t swallowed;

static ssize_t swallow(int fd, const void *data, size_t n, int64_t at)
{
    (void)fd;
    if (at == 0)
        memcpy(first_bytes, data, n < 16 ? n : 16);
    swallowed += n;
    return (ssize_t)n;
}

static int huge_size(void *ctx, int level, int64_t tx, int64_t ty, uint32_t *len, uint32_t *mask,
                     tl_err *e)
{
    (void)level, (void)tx, (void)ty, (void)mask, (void)e;
    *len = *(uint32_t *)ctx;
    return 0;
}

static int huge_get(void *ctx, int level, int64_t tx, int64_t ty, tl_packed *out, tl_err *e)
{
    static const uint8_t *zeros;
    (void)level, (void)tx, (void)ty, (void)e;
    if (!zeros)
        zeros = tl_xcalloc(80u << 20, 1);
    *out = (tl_packed){zeros, *(uint32_t *)ctx, NULL, 0};
    return 0;
}

static void what_passes_4_gib_becomes_a_bigtiff_by_itself(void **state)
{
    (void)state;
    tl_product p = product(TL_U8, 1, 16 * 64, 16, 16); /* 64 tiles */
    uint32_t len = 60u << 20;
    tl_tiles tiles = {&len, huge_size, huge_get};
    tl_err e = TL_ERR_INIT;
    p.format = TL_GTIFF;
    p.overviews = 0;
    tl__io_write = swallow;
    int r = write_to(&p, &tiles, scratch("small.tif"), &e);
    assert_tl_ok(r, &e);
    assert_int_equal(first_bytes[2], 42);
    swallowed = 0;
    len = 64u << 20;
    r = write_to(&p, &tiles, scratch("large.tif"), &e);
    tl__io_write = tl__io_plain;
    assert_tl_ok(r, &e);
    assert_int_equal(first_bytes[2], 43);
    assert_true(swallowed > (uint64_t)4 << 30);
}

/* --- sparse ------------------------------------------------------------------------------------
 */

static void empty_tiles_take_no_room_and_read_as_invalid(void **state)
{
    (void)state;
    for (int kind = 1; kind < 3; kind++) {
        tl_product p = product(TL_F32, 2, 300, 300, 64);
        picture_of o;
        size_t n;
        set_validity(&p, kind);
        picture_make(&o, &p, 4);
        for (int l = 0; l < o.levels; l++)
            for (int b = 0; b < 2; b++) {
                memset(o.level[l].valid[b], 0, (size_t)(o.level[l].w * o.level[l].h));
                memset(o.level[l].values[b], 0, (size_t)(o.level[l].w * o.level[l].h) * 4);
            }
        write_picture(&o, scratch("empty.tif"));
        assert_reads_back(&o, scratch("empty.tif"));
        free(slurp(scratch("empty.tif"), &n));
        assert_true(n < 4000);
        picture_free(&o);
    }
}

/* --- where it lies -----------------------------------------------------------------------------
 */

static const char *const utm_like =
    "PROJCS[\"home made\",GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS 84\",6378137,"
    "298.257223563]],PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433]],PROJECTION["
    "\"Lambert_Azimuthal_Equal_Area\"],PARAMETER[\"latitude_of_center\",45.5],PARAMETER["
    "\"longitude_of_center\",11.25],PARAMETER[\"false_easting\",1000],PARAMETER["
    "\"false_northing\",2000],UNIT[\"metre\",1],AXIS[\"Easting\",EAST],AXIS[\"Northing\",NORTH]]";

static GDALDatasetH gdal_twin(const char *crs, const double transform[6])
{
    GDALDatasetH ds =
        GDALCreate(GDALGetDriverByName("GTiff"), "/vsimem/twin.tif", 20, 10, 1, GDT_Byte, NULL);
    assert_non_null(ds);
    GDALSetGeoTransform(ds, (double *)(uintptr_t)transform);
    if (strcmp(crs, "LOCAL") != 0) {
        OGRSpatialReferenceH srs = OSRNewSpatialReference(NULL);
        OSRSetFromUserInput(srs, crs);
        OSRSetAxisMappingStrategy(srs, OAMS_TRADITIONAL_GIS_ORDER);
        GDALSetSpatialRef(ds, srs);
        OSRDestroySpatialReference(srs);
    }
    GDALClose(ds);
    return open_file("/vsimem/twin.tif");
}

static void place_and_crs_equal_what_gdal_writes(void **state)
{
    (void)state;
    const char *const crs[] = {"EPSG:32633", "EPSG:4326", "EPSG:3857",
                               "EPSG:3035",  utm_like,    "LOCAL"};
    for (int k = 0; k < 6; k++) {
        tl_product p = product(TL_U8, 1, 20, 10, 16);
        double got[6], want[6];
        picture_of o;
        p.grid = (tl_grid){crs[k], 12.5, 45.25, 0.1, 0.3, 7, -9, 20, 10};
        picture_make(&o, &p, 1);
        write_picture(&o, scratch("place.tif"));
        double transform[6] = {12.5 + 7 * 0.1, 0.1, 0, 45.25 + 9 * 0.3, 0, -0.3};
        GDALDatasetH a = open_file(scratch("place.tif")), b = gdal_twin(crs[k], transform);
        assert_int_equal(GDALGetGeoTransform(a, got), CE_None);
        assert_int_equal(GDALGetGeoTransform(b, want), CE_None);
        assert_memory_equal(got, want, sizeof got);
        assert_string_equal(GDALGetProjectionRef(a), GDALGetProjectionRef(b));
        assert_int_equal(GDALGetProjectionRef(a)[0] != 0, k != 5);
        GDALClose(a);
        GDALClose(b);
        picture_free(&o);
    }
    VSIUnlink("/vsimem/twin.tif");
}

static void a_picture_without_a_place_has_none(void **state)
{
    (void)state;
    tl_product p = product(TL_U8, 1, 20, 10, 16);
    double t[6];
    picture_of o;
    p.grid = (tl_grid){.crs = "", .dx = 1, .dy = 1, .w = 20, .h = 10};
    picture_make(&o, &p, 1);
    write_picture(&o, scratch("nowhere.tif"));
    GDALDatasetH ds = open_file(scratch("nowhere.tif"));
    assert_int_not_equal(GDALGetGeoTransform(ds, t), CE_None);
    assert_string_equal(GDALGetProjectionRef(ds), "");
    GDALClose(ds);
    picture_free(&o);
}

static void a_crs_text_that_could_open_a_file_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = {"/etc/passwd", "http://localhost/x.wkt", "place.prj",
                               "EPSG:99999999", "file:///etc/passwd"};
    for (int k = 0; k < 5; k++) {
        tl_product p = product(TL_U8, 1, 20, 10, 16);
        tl_err e = TL_ERR_INIT;
        picture_of o;
        p.grid.crs = bad[k];
        picture_make(&o, &p, 1);
        tl_tiles tiles = {&o, picture_size, picture_get};
        assert_int_equal(write_to(&p, &tiles, scratch("bad.tif"), &e), TL_EUSAGE);
        assert_int_equal(access(scratch("bad.tif"), F_OK), -1);
        picture_free(&o);
    }
}

/* --- what it says ------------------------------------------------------------------------------
 */

static void names_texts_nodata_and_colours_arrive(void **state)
{
    (void)state;
    static const char *const names[] = {"red", "green", "blue", "alpha"};
    static const char *const meta[][2] = {
        {"TELLUA_SCRIPT", "a < b && \"c\" &amp; {\n\tnext \xc3\xa9"}, {"EMPTY", ""}};
    tl_product p = product(TL_U8, 4, 40, 40, 16);
    picture_of o;
    p.band_names = names;
    p.nmeta = 2;
    p.meta = meta;
    picture_make(&o, &p, 1);
    write_picture(&o, scratch("says.tif"));
    GDALDatasetH ds = open_file(scratch("says.tif"));
    assert_string_equal(GDALGetMetadataItem(ds, "TELLUA_SCRIPT", NULL), meta[0][1]);
    static const GDALColorInterp want[] = {GCI_RedBand, GCI_GreenBand, GCI_BlueBand, GCI_AlphaBand};
    for (int b = 0; b < 4; b++) {
        GDALRasterBandH band = GDALGetRasterBand(ds, b + 1);
        assert_string_equal(GDALGetDescription(band), names[b]);
        assert_int_equal(GDALGetRasterColorInterpretation(band), want[b]);
    }
    assert_string_equal(GDALGetMetadataItem(ds, "LAYOUT", "IMAGE_STRUCTURE"), "COG");
    GDALClose(ds);
    picture_free(&o);
}

static void a_palette_arrives(void **state)
{
    (void)state;
    uint8_t colours[256][4];
    tl_product p = product(TL_U8, 1, 40, 40, 16);
    picture_of o;
    for (int i = 0; i < 256; i++)
        for (int c = 0; c < 4; c++)
            colours[i][c] = c == 3 ? 255 : (uint8_t)(i * (c + 1));
    p.palette = (const uint8_t(*)[4])colours;
    picture_make(&o, &p, 1);
    write_picture(&o, scratch("palette.tif"));
    GDALDatasetH ds = open_file(scratch("palette.tif"));
    GDALColorTableH t = GDALGetRasterColorTable(GDALGetRasterBand(ds, 1));
    assert_non_null(t);
    for (int i = 0; i < 256; i++) {
        const GDALColorEntry *c = GDALGetColorEntry(t, i);
        assert_int_equal(c->c1, colours[i][0]);
        assert_int_equal(c->c3, colours[i][2]);
    }
    GDALClose(ds);
    assert_reads_back(&o, scratch("palette.tif"));
    picture_free(&o);
}

static void nodata_is_written_as_the_cells_hold_it(void **state)
{
    (void)state;
    static const struct {
        tl_dtype t;
        double v;
    } is[] = {{TL_F32, NAN},      {TL_F32, 0.1},   {TL_F32, -3.4028234663852886e38},
              {TL_F64, 1e-300},   {TL_U16, 65535}, {TL_I32, -2147483648.0},
              {TL_F64, -INFINITY}};
    for (size_t k = 0; k < sizeof is / sizeof is[0]; k++) {
        tl_product p = product(is[k].t, 1, 60, 60, 32);
        int has;
        picture_of o;
        p.has_nodata = 1;
        p.nodata = is[k].v;
        picture_make(&o, &p, 1);
        write_picture(&o, scratch("nodata.tif"));
        GDALDatasetH ds = open_file(scratch("nodata.tif"));
        double got = GDALGetRasterNoDataValue(GDALGetRasterBand(ds, 1), &has);
        double want = is[k].t == TL_F32 ? (double)(float)is[k].v : is[k].v;
        assert_true(has && (got == want || (isnan(got) && isnan(want))));
        GDALClose(ds);
        assert_reads_back(&o, scratch("nodata.tif"));
        picture_free(&o);
    }
}

static void a_tile_that_is_missing_is_an_error_and_leaves_nothing(void **state)
{
    (void)state;
    tl_product p = product(TL_U8, 1, 100, 100, 32);
    tl_err e = TL_ERR_INIT;
    picture_of o;
    picture_make(&o, &p, 1);
    o.bad_level = 1;
    tl_tiles tiles = {&o, picture_size, picture_get};
    spill(scratch("kept.tif"), "old", 3);
    assert_int_equal(write_to(&p, &tiles, scratch("kept.tif"), &e), TL_EDATA);
    size_t n;
    char *s = slurp(scratch("kept.tif"), &n);
    assert_string_equal(s, "old");
    free(s);
    picture_free(&o);
}

/* --- the validator -----------------------------------------------------------------------------
 */

static int python(const char *code, const char *arg, const char *out)
{
    char *argv[] = {"/usr/bin/python3", "-c", (char *)(uintptr_t)code, (char *)(uintptr_t)arg,
                    NULL};
    posix_spawn_file_actions_t a;
    pid_t pid;
    int status = -1;
    posix_spawn_file_actions_init(&a);
    posix_spawn_file_actions_addopen(&a, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    posix_spawn_file_actions_adddup2(&a, 1, 2);
    int r = posix_spawn(&pid, argv[0], &a, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&a);
    if (r || waitpid(pid, &status, 0) < 0)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void gdals_validator_finds_nothing_in_our_cogs(void **state)
{
    (void)state;
    static const char *const check =
        "import sys, glob\n"
        "from osgeo_utils.samples.validate_cloud_optimized_geotiff import validate\n"
        "bad = 0\n"
        "for f in sorted(glob.glob(sys.argv[1] + '/cog-*.tif')):\n"
        "    w, e, d = validate(f, full_check=True)\n"
        "    for t in list(w) + list(e):\n"
        "        print(f, t); bad = 1\n"
        "sys.exit(bad)\n";
    const char *probe = "import osgeo_utils.samples.validate_cloud_optimized_geotiff";
    if (python(probe, "", scratch("probe.txt")) != 0) {
        print_message("# python3-gdal is missing\n");
        skip();
    }
    for (int k = 0; k < 24; k++) {
        char name[40];
        picture_of o;
        tl_product p = product((tl_dtype)(k % TL_DTYPES), k % 5 + 1, 1025 - 40 * k, 700, 256);
        set_validity(&p, k % 3);
        p.bigtiff = k / 3 % 2;
        p.compress = k % 7 ? TL_DEFLATE : TL_UNCOMPRESSED;
        picture_make(&o, &p, 1);
        snprintf(name, sizeof name, "cog-%02d.tif", k);
        write_picture(&o, scratch(name));
        picture_free(&o);
    }
    if (python(check, scratch_dir(), scratch("said.txt")) != 0) {
        size_t n;
        fail_msg("%s", slurp(scratch("said.txt"), &n));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_and_number_of_bands_reads_back_bit_for_bit),
        cmocka_unit_test(odd_sizes_keep_their_overviews),
        cmocka_unit_test(a_file_can_be_forced_to_bigtiff),
        cmocka_unit_test(the_same_cells_give_the_same_bytes),
        cmocka_unit_test(what_passes_4_gib_becomes_a_bigtiff_by_itself),
        cmocka_unit_test(empty_tiles_take_no_room_and_read_as_invalid),
        cmocka_unit_test(place_and_crs_equal_what_gdal_writes),
        cmocka_unit_test(a_picture_without_a_place_has_none),
        cmocka_unit_test(a_crs_text_that_could_open_a_file_is_refused),
        cmocka_unit_test(names_texts_nodata_and_colours_arrive),
        cmocka_unit_test(a_palette_arrives),
        cmocka_unit_test(nodata_is_written_as_the_cells_hold_it),
        cmocka_unit_test(a_tile_that_is_missing_is_an_error_and_leaves_nothing),
        cmocka_unit_test(gdals_validator_finds_nothing_in_our_cogs),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name(__FILE__, tests, start, stop);
}
