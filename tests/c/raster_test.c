/* Opening files, aligned reads, coordinate systems. SPDX-License-Identifier: MIT */
#include "modules/raster/raster_int.h"
#include "runtime/mem.h"
#include "tests/c/raster_util.h"

#include <cpl_conv.h>
#include <cpl_string.h>
#include <cpl_vsi.h>
#include <math.h>
#include <ogr_srs_api.h>

#define S2 "s2_timeseries_mapchete_33T/sentinel-2-l2a/S2A_33TWM_20230815_0_L2A/"

static int nothing_is_left(void **state)
{
    (void)state;
    tl_raster_thread_done();
    return tl_raster_open_datasets() != 0 || tl_live_count(TL_LIVE_SOURCE) != 0;
}

/* --- against GDAL's own reads
 * ---------------------------------------------------------------------- */

/* Every band of the whole file on its own grid; rows turned round when the file is south-up. Where
 * GDAL's mask says valid, and the number is one, values must be the same bits. */
static void compare_with_gdal(const char *path, int mask_too)
{
    tl_source *s = open_source(path);
    const tl_raster *r = (const tl_raster *)s;
    tl_sampling *m = sample_source(s, &s->native, TL_NEAREST);
    GDALDatasetH ds = GDALOpen(path, GA_ReadOnly);
    int w = r->w, h = r->h;
    size_t n = (size_t)w * (size_t)h;
    assert_int_equal(m->exact, 1);
    for (int band = 0; band < s->nbands && band < 4; band++) {
        block b = block_read(m, band, tl_grid_rect(&s->native));
        GDALRasterBandH gb = GDALGetRasterBand(ds, band + 1);
        char *values = malloc(n * b.size), *mask = malloc(n);
        CPLErr a = GDALRasterIO(gb, GF_Read, 0, 0, w, h, values, w, h, r->info[band].type, 0, 0);
        CPLErr c =
            GDALRasterIO(GDALGetMaskBand(gb), GF_Read, 0, 0, w, h, mask, w, h, GDT_Byte, 0, 0);
        assert_int_equal(a, CE_None);
        assert_int_equal(c, CE_None);
        size_t valid = 0;
        for (size_t i = 0; i < n; i++) {
            size_t row = i / (size_t)w, col = i % (size_t)w;
            size_t at = (r->georef == TL_GEO_SOUTH ? (size_t)h - 1 - row : row) * (size_t)w + col;
            int good = mask[at] != 0 && !isnan(cell_value(values, s->bands[band].dtype, at));
            if (mask_too && b.valid[i] != good)
                fail_msg("%s band %d cell %zu,%zu: valid %d, GDAL %d", path, band, col, row,
                         b.valid[i], good);
            valid += b.valid[i];
            if (b.valid[i])
                assert_memory_equal((char *)b.values + i * b.size, values + at * b.size, b.size);
            else
                assert_true(cell_value(b.values, s->bands[band].dtype, i) == 0);
        }
        print_message("# %s %s: %zu of %zu valid, as GDAL says\n", strrchr(path, '/') + 1,
                      s->bands[band].name, valid, n);
        free(values);
        free(mask);
        block_free(&b);
    }
    GDALClose(ds);
    tl_sampling_unref(m);
    tl_source_unref(s);
}

static void aligned_reads_are_the_files_own_bits(void **state)
{
    static const char *const file[] = {
        S2 "B04.tif",
        S2 "SCL.tif",
        "landsat7_stars/tif/L7_ETMs.tif",
        "landsat8_dem_landcover_spDataLarge/landsat_b5.tif",
        "landsat8_dem_landcover_spDataLarge/ep.tif",
        "landsat8_dem_landcover_spDataLarge/nlcd.tif",
        "awkward/rio-tiler/inverted_lat.tif",
        "awkward/rio-tiler/cog_rgb_mask.tif",
        "awkward/rio-tiler/cog_scale.tif",
        "awkward/rio-tiler/no_geo.jpg",
        "awkward/rasterio/RGBA.uint16.tif",
        "awkward/rasterio/alpha.tif",
        "awkward/rasterio/float.tif",
        "awkward/rasterio/float_nan.tif",
        "awkward/rasterio/all-nodata.tif",
        "awkward/gdal_autotest/gcore/data/uint64.tif",
        "awkward/gdal_autotest/gcore/data/test_with_mask_8bit.tif",
        "awkward/gdal_autotest/gcore/data/nan32_nodata.tif",
        "no2_lockdown_omi_romania/OMI-Aura_L3-OMNO2d_monthly.nc",
    };
    (void)state;
    tl_gdal_start();
    for (size_t i = 0; i < sizeof file / sizeof file[0]; i++) {
        const char *path = shared_file(file[i]);
        if (path)
            compare_with_gdal(path, 1);
    }
}

static void cells_outside_the_file_are_invalid(void **state)
{
    (void)state;
    const char *path = shared_file("landsat7_stars/tif/L7_ETMs.tif");
    if (!path)
        return;
    tl_source *s = open_source(path);
    tl_sampling *m = sample_source(s, &s->native, TL_NEAREST);
    block b = block_read(m, 2, (tl_rect){-3, -2, 8, 6});
    for (int i = 0; i < 48; i++)
        assert_int_equal(b.valid[i], i % 8 >= 3 && i / 8 >= 2);
    block_free(&b);
    b = block_read(m, 2, (tl_rect){1000000000, 7, 2, 2});
    for (int i = 0; i < 4; i++)
        assert_int_equal(b.valid[i], 0);
    block_free(&b);
    tl_sampling_unref(m);
    tl_source_unref(s);
}

/* --- synthetic rasters of every type
 * ---------------------------------------------------------------- */

static GDALDatasetH create(const char *path, int w, int h, GDALDataType t, const char *option)
{
    static const double gt[6] = {500000, 10, 0, 5000000, 0, -10};
    char *options[] = {(char *)option, NULL};
    tl_gdal_start();
    GDALDatasetH ds = GDALCreate(GDALGetDriverByName("GTiff"), path, w, h, 1, t, options);
    OGRSpatialReferenceH srs = OSRNewSpatialReference(NULL);
    assert_non_null(ds);
    OSRImportFromEPSG(srs, 32633);
    GDALSetSpatialRef(ds, srs);
    GDALSetGeoTransform(ds, (double *)gt);
    OSRDestroySpatialReference(srs);
    return ds;
}

static void every_type_keeps_its_values_and_nodata(void **state)
{
    static const struct {
        GDALDataType type;
        tl_dtype dtype;
        const char *option;
        double nodata, low, high;
    } row[] = {
        {GDT_Byte, TL_U8, NULL, 255, 0, 254},
#if GDAL_VERSION_NUM >= 3070000
        {GDT_Int8, TL_I8, NULL, -128, -127, 127},
#else
        {GDT_Byte, TL_I8, "PIXELTYPE=SIGNEDBYTE", -128, 129, 127}, /* the bits of -127 */
#endif
        {GDT_UInt16, TL_U16, NULL, 0, 1, 65535},
        {GDT_Int16, TL_I16, NULL, -32768, -32767, 32767},
        {GDT_UInt32, TL_U32, NULL, 4294967295.0, 0, 4294967294.0},
        {GDT_Int32, TL_I32, NULL, -2147483648.0, -2147483647.0, 2147483647.0},
        {GDT_Float32, TL_F32, NULL, 0.1, -INFINITY, 1.5},
        {GDT_Float64, TL_F64, NULL, -9999.25, -1e300, INFINITY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        double v[4] = {row[i].low, row[i].nodata, row[i].high, row[i].high};
        GDALDatasetH ds = create("/vsimem/types.tif", 2, 2, row[i].type, row[i].option);
        GDALRasterBandH b = GDALGetRasterBand(ds, 1);
        GDALSetRasterNoDataValue(b, row[i].nodata);
        if (row[i].dtype == TL_I8 && row[i].option) {
            uint8_t bits[4] = {129, 128, 127, 127};
            assert_int_equal(GDALRasterIO(b, GF_Write, 0, 0, 2, 2, bits, 2, 2, GDT_Byte, 0, 0), 0);
            v[0] = -127;
        } else {
            assert_int_equal(GDALRasterIO(b, GF_Write, 0, 0, 2, 2, v, 2, 2, GDT_Float64, 0, 0), 0);
        }
        GDALClose(ds);
        tl_source *s = open_source("/vsimem/types.tif");
        assert_int_equal(s->bands[0].dtype, row[i].dtype);
        assert_int_equal(s->bands[0].has_nodata, 1);
        assert_string_equal(s->native.crs, "EPSG:32633");
        tl_sampling *m = sample_source(s, &s->native, TL_BILINEAR);
        block got = block_read(m, 0, (tl_rect){0, 0, 2, 2});
        for (size_t k = 0; k < 4; k++) {
            if (got.valid[k] != (k != 1))
                fail_msg("%s cell %zu: valid %d", tl_dtype_name(row[i].dtype), k, got.valid[k]);
            double want = row[i].dtype == TL_F32 ? (double)(float)v[k] : v[k];
            assert_true(cell_value(got.values, row[i].dtype, k) == (k == 1 ? 0 : want));
        }
        block_free(&got);
        tl_sampling_unref(m);
        tl_source_unref(s);
        VSIUnlink("/vsimem/types.tif");
    }
}

static void wide_integers_are_exact(void **state)
{
    const int64_t v[4] = {INT64_MAX, 9007199254740993, 9007199254740992, INT64_MIN};
    const uint64_t u[4] = {UINT64_MAX, 9007199254740993u, (uint64_t)INT64_MAX, 0};
    (void)state;
    GDALDatasetH ds = create("/vsimem/i64.tif", 2, 2, GDT_Int64, NULL);
    GDALSetRasterNoDataValueAsInt64(GDALGetRasterBand(ds, 1), 9007199254740993);
    assert_int_equal(GDALRasterIO(GDALGetRasterBand(ds, 1), GF_Write, 0, 0, 2, 2, (void *)v, 2, 2,
                                  GDT_Int64, 0, 0),
                     0);
    GDALClose(ds);
    ds = create("/vsimem/u64.tif", 2, 2, GDT_UInt64, NULL);
    assert_int_equal(GDALRasterIO(GDALGetRasterBand(ds, 1), GF_Write, 0, 0, 2, 2, (void *)u, 2, 2,
                                  GDT_UInt64, 0, 0),
                     0);
    GDALClose(ds);
    tl_source *s = open_source("/vsimem/i64.tif");
    tl_sampling *m = sample_source(s, &s->native, TL_NEAREST);
    block b = block_read(m, 0, (tl_rect){0, 0, 2, 2});
    assert_int_equal(b.valid[0] + 2 * b.valid[1] + 4 * b.valid[2] + 8 * b.valid[3], 13);
    assert_true(((int64_t *)b.values)[0] == INT64_MAX && ((int64_t *)b.values)[2] == v[2] &&
                ((int64_t *)b.values)[3] == INT64_MIN);
    block_free(&b);
    tl_sampling_unref(m);
    tl_source_unref(s);
    s = open_source("/vsimem/u64.tif");
    m = sample_source(s, &s->native, TL_NEAREST);
    b = block_read(m, 0, (tl_rect){0, 0, 2, 2});
    assert_int_equal(b.valid[0] + 2 * b.valid[1] + 4 * b.valid[2] + 8 * b.valid[3], 14);
    assert_true(((uint64_t *)b.values)[1] == u[1] && ((uint64_t *)b.values)[2] == u[2]);
    block_free(&b);
    tl_sampling_unref(m);
    tl_source_unref(s);
    VSIUnlink("/vsimem/i64.tif");
    VSIUnlink("/vsimem/u64.tif");
}

static void an_overview_of_the_very_factor_is_read_untouched(void **state)
{
    (void)state;
    static uint16_t v[64 * 64];
    int factor[] = {2, 4};
    for (int i = 0; i < 64 * 64; i++)
        v[i] = (uint16_t)(i * 7919);
    GDALDatasetH ds = create("/vsimem/o.tif", 64, 64, GDT_UInt16, "TILED=YES");
    GDALRasterBandH band = GDALGetRasterBand(ds, 1);
    assert_int_equal(GDALRasterIO(band, GF_Write, 0, 0, 64, 64, v, 64, 64, GDT_UInt16, 0, 0), 0);
    assert_int_equal(GDALBuildOverviews(ds, "AVERAGE", 2, factor, 0, NULL, NULL, NULL), 0);
    uint16_t want[16 * 16];
    assert_int_equal(GDALRasterIO(GDALGetOverview(band, 1), GF_Read, 0, 0, 16, 16, want, 16, 16,
                                  GDT_UInt16, 0, 0),
                     0);
    GDALClose(ds);
    tl_source *s = open_source("/vsimem/o.tif");
    tl_grid g = s->native;
    g.dx *= 4;
    g.dy *= 4;
    g.x0 -= 3 * g.dx; /* another anchor of the same phase */
    tl_sampling *m = sample_source(s, &g, TL_NEAREST);
    assert_int_equal(m->exact, 1);
    assert_true(m->coarser == 4);
    assert_string_equal(m->note, "overview 2 of 2 (1/4), exactly, cell by cell");
    block b = block_read(m, 0, (tl_rect){3, 0, 16, 16});
    assert_memory_equal(b.values, want, sizeof want);
    block_free(&b);
    tl_sampling_unref(m);
    g.x0 += 5; /* half a pixel off: no longer exact, the same overview */
    m = sample_source(s, &g, TL_NEAREST);
    assert_int_equal(m->exact, 0);
    assert_string_equal(m->note, "overview 2 of 2 (1/4), nearest");
    tl_sampling_unref(m);
    tl_source_unref(s);
    VSIUnlink("/vsimem/o.tif");
}

/* Three by three pixels a cell, some of them nodata; and half-pixel shifts, which weigh by area. */
static void average_and_mode_take_the_cells_own_pixels(void **state)
{
    const uint8_t v[36] = {1, 2, 4, 9, 9, 8, /**/ 1, 2, 4, 9, 8, 8, /**/ 1, 2, 5, 7, 7, 0,
                           0, 0, 0, 5, 5, 6, /**/ 0, 0, 0, 6, 0, 0, /**/ 0, 0, 0, 0, 0, 0};
    const uint8_t mean[4] = {2, 8, 0, 6}, most[4] = {1, 8, 0, 5}, shifted[2] = {1, 3};
    (void)state;
    GDALDatasetH ds = create("/vsimem/m.tif", 6, 6, GDT_Byte, NULL);
    GDALSetRasterNoDataValue(GDALGetRasterBand(ds, 1), 0);
    assert_int_equal(GDALRasterIO(GDALGetRasterBand(ds, 1), GF_Write, 0, 0, 6, 6, (void *)v, 6, 6,
                                  GDT_Byte, 0, 0),
                     0);
    GDALClose(ds);
    tl_source *s = open_source("/vsimem/m.tif");
    tl_grid g = s->native;
    g.dx *= 3;
    g.dy *= 3;
    for (int k = 0; k < 2; k++) {
        tl_sampling *m = sample_source(s, &g, k ? TL_MODE : TL_AVERAGE);
        block b = block_read(m, 0, (tl_rect){0, 0, 2, 2});
        assert_memory_equal(b.values, k ? most : mean, 4);
        for (int i = 0; i < 4; i++)
            assert_int_equal(b.valid[i], i != 2);
        block_free(&b);
        tl_sampling_unref(m);
    }
    g = s->native;
    g.x0 -= 0.5 * g.dx; /* cells: half of pixel 0; the halves of pixels 1 and 2: 2 and 4 */
    tl_sampling *m = sample_source(s, &g, TL_AVERAGE);
    block b = block_read(m, 0, (tl_rect){0, 0, 3, 1});
    assert_int_equal(((uint8_t *)b.values)[0], shifted[0]);
    assert_int_equal(((uint8_t *)b.values)[2], shifted[1]);
    block_free(&b);
    tl_sampling_unref(m);
    tl_source_unref(s);
    VSIUnlink("/vsimem/m.tif");
}

/* The mean of a whole file of 4100 x 4100 float64 (more than a window) in one cell. */
static void a_cell_over_more_pixels_than_a_window_is_summed_in_strips(void **state)
{
    enum { N = 4100 };
    static double line[N];
    (void)state;
    GDALDatasetH ds = create("/vsimem/big.tif", N, N, GDT_Float64, "COMPRESS=DEFLATE");
    for (int y = 0; y < N; y++) {
        for (int x = 0; x < N; x++)
            line[x] = y;
        assert_int_equal(GDALRasterIO(GDALGetRasterBand(ds, 1), GF_Write, 0, y, N, 1, line, N, 1,
                                      GDT_Float64, 0, 0),
                         0);
    }
    GDALClose(ds);
    tl_source *s = open_source("/vsimem/big.tif");
    tl_grid g = s->native;
    g.dx *= N;
    g.dy *= N;
    g.w = g.h = 1;
    tl_sampling *m = sample_source(s, &g, TL_AVERAGE);
    block b = block_read(m, 0, (tl_rect){0, 0, 1, 1});
    assert_int_equal(b.valid[0], 1);
    assert_true(fabs(*(double *)b.values - (N - 1) / 2.0) < 1e-6);
    assert_true(s->vt->working_bytes(m, 1, 1, 1) < (20 << 20));
    block_free(&b);
    tl_sampling_unref(m);
    m = sample_source(s, &g, TL_MODE);
    tl_err e = TL_ERR_INIT;
    int band = 0;
    double v;
    uint8_t ok;
    void *values = &v;
    uint8_t *valid = &ok;
    const tl_read q = {{0, 0, 1, 1}, 1, &band, &values, &valid};
    assert_int_equal(s->vt->read(m, &q, &e), TL_EDATA);
    assert_non_null(strstr(e.message, "16810000 pixels"));
    tl_sampling_unref(m);
    tl_source_unref(s);
    VSIUnlink("/vsimem/big.tif");
}

static void longitudes_go_round(void **state)
{
    (void)state;
    static const double gt[6] = {0, 1, 0, 90, 0, -1};
    float v[360];
    for (int i = 0; i < 360; i++)
        v[i] = (float)i;
    GDALDatasetH ds = create("/vsimem/globe.tif", 360, 180, GDT_Float32, NULL);
    OGRSpatialReferenceH srs = OSRNewSpatialReference(NULL);
    OSRImportFromEPSG(srs, 4326);
    GDALSetSpatialRef(ds, srs);
    OSRDestroySpatialReference(srs);
    GDALSetGeoTransform(ds, (double *)gt);
    for (int y = 0; y < 180; y++)
        assert_int_equal(GDALRasterIO(GDALGetRasterBand(ds, 1), GF_Write, 0, y, 360, 1, v, 360, 1,
                                      GDT_Float32, 0, 0),
                         0);
    GDALClose(ds);
    tl_source *s = open_source("/vsimem/globe.tif");
    tl_sampling *m = sample_source(s, &s->native, TL_NEAREST);
    block b = block_read(m, 0, (tl_rect){-5, 10, 10, 1});
    for (int i = 0; i < 10; i++) {
        assert_int_equal(b.valid[i], 1);
        assert_true(((float *)b.values)[i] == (float)((i + 355) % 360));
    }
    block_free(&b);
    tl_sampling_unref(m);
    tl_grid g = {.dx = 111319.49079327358, .dy = 111319.49079327358};
    tl_err e = TL_ERR_INIT;
    assert_tl_ok(tl_crs_canonical("EPSG:3857", &g.crs, &e), &e);
    m = sample_source(s, &g, TL_NEAREST);
    b = block_read(m, 0, (tl_rect){-5, 10, 10, 1});
    for (int i = 0; i < 10; i++)
        assert_true(b.valid[i] && ((float *)b.values)[i] == (float)((i + 355) % 360));
    block_free(&b);
    tl_sampling_unref(m);
    tl_source_unref(s);
    VSIUnlink("/vsimem/globe.tif");
}

/* --- names, systems, errors
 * --------------------------------------------------------------------------- */

static void a_single_band_is_named_by_the_end_of_its_file(void **state)
{
    static const char *const row[][2] = {
        {"/vsimem/B04.tif", "B04"},           {"/vsimem/LC08_1_RT_B5.TIF", "B5"},
        {"/vsimem/T33_x_B02_10m.tif", "B02"}, {"/vsimem/SCL.tif", "SCL"},
        {"/vsimem/srtm.tif", "B1"},           {"/vsimem/T33_B8A_20m.tif", "B8A"}};
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        GDALClose(create(row[i][0], 1, 1, GDT_Byte, NULL));
        tl_source *s = open_source(row[i][0]);
        assert_string_equal(s->bands[0].name, row[i][1]);
        tl_source_unref(s);
        VSIUnlink(row[i][0]);
    }
}

static void one_coordinate_system_has_one_text(void **state)
{
    static const char *const row[][2] = {
        {"EPSG:32633", "EPSG:32633"},
        {"epsg:4326", "EPSG:4326"},
        {"OGC:CRS84", "EPSG:4326"},
        {"+proj=longlat +datum=WGS84 +no_defs", "EPSG:4326"},
        {"+proj=utm +zone=33 +datum=WGS84 +units=m +no_defs", "EPSG:32633"},
        {"EPSG:3035", "EPSG:3035"},
        {"ESRI:54009", "ESRI:54009"},
        {"EPSG:4979", "EPSG:4326"},
        {"LOCAL", "LOCAL"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        const char *crs = NULL, *again = NULL;
        tl_err e = TL_ERR_INIT;
        assert_tl_ok(tl_crs_canonical(row[i][0], &crs, &e), &e);
        assert_string_equal(crs, row[i][1]);
        assert_tl_ok(tl_crs_canonical(crs, &again, &e), &e);
        assert_ptr_equal(crs, again);
    }
    tl_err e = TL_ERR_INIT;
    const char *crs = NULL;
    assert_int_equal(tl_crs_canonical("EPSG:99999999", &crs, &e), TL_EUSAGE);
    assert_int_equal(tl_crs_canonical("+proj=laea +lat_0=12 +lon_0=7 +ellps=GRS80", &crs, &e), 0);
    assert_null(strchr(crs, '\n'));
    assert_int_equal(tl_crs_is_geographic("EPSG:4326"), 1);
    assert_int_equal(tl_crs_is_geographic("EPSG:3857"), 0);
    assert_string_equal(tl_crs_unit("EPSG:4326"), "degree");
    assert_string_equal(tl_crs_unit("EPSG:32633"), "metre");
    assert_string_equal(tl_crs_unit("LOCAL"), "");
}

static void boxes_cross_the_antimeridian_and_refuse_nonsense(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    double out[4];
    const double utm[4] = {499980, 5090220, 609780, 5200020}, wide[4] = {175, 50, -175, 55};
    const double line[4] = {570585, 5612085, 803115, 5847615}, bad[4] = {0, NAN, 1, 1};
    assert_tl_ok(tl_crs_transform_box("EPSG:32633", "EPSG:4326", utm, out, &e), &e);
    assert_true(fabs(out[0] - 14.9997) < 1e-3 && fabs(out[3] - 46.9537) < 1e-3);
    assert_tl_ok(tl_crs_transform_box("EPSG:32660", "EPSG:4326", line, out, &e), &e);
    assert_true(out[0] > 177 && out[2] > 180 && out[2] < 185);
    assert_tl_ok(tl_crs_transform_box("EPSG:4326", "EPSG:3832", wide, out, &e), &e);
    assert_true(out[0] < out[2] && out[2] - out[0] < 1.2e6);
    assert_int_equal(tl_crs_transform_box("EPSG:4326", "EPSG:3857", bad, out, &e), TL_EUSAGE);
    assert_int_equal(tl_crs_transform_box("LOCAL", "EPSG:3857", utm, out, &e), TL_EDATA);
}

static void errors_name_the_file_and_the_reason(void **state)
{
    (void)state;
    tl_source *s = NULL;
    tl_err e = TL_ERR_INIT;
    assert_int_equal(tl_raster_open("/nowhere/x.tif", &s, &e), TL_EDATA);
    assert_non_null(strstr(e.message, "no such file"));
    VSILFILE *f = VSIFOpenL("/vsimem/text.tif", "wb");
    VSIFWriteL("hello", 1, 5, f);
    VSIFCloseL(f);
    assert_int_equal(tl_raster_open("/vsimem/text.tif", &s, &e), TL_EDATA);
    assert_non_null(strstr(e.message, "not recognized"));
    assert_string_equal(e.source, "/vsimem/text.tif");
    VSIUnlink("/vsimem/text.tif");
    GDALClose(create("/vsimem/c.tif", 1, 1, GDT_CFloat32, NULL));
    assert_int_equal(tl_raster_open("/vsimem/c.tif", &s, &e), TL_EDATA);
    assert_non_null(strstr(e.message, "CFloat32"));
    VSIUnlink("/vsimem/c.tif");
    GDALClose(create("/vsimem/a.tif", 4, 4, GDT_Byte, NULL));
    s = open_source("/vsimem/a.tif");
    tl_sampling *m = NULL;
    tl_grid g = s->native;
    g.dx = 1;
    assert_int_equal(s->vt->sample(s, &g, TL_NEAREST, "+proj=hgridshift +grids=absent.gsb", &m, &e),
                     TL_ECONFIG);
    g.crs = tl_intern("LOCAL");
    assert_int_equal(s->vt->sample(s, &g, TL_NEAREST, NULL, &m, &e), TL_EDATA);
    assert_non_null(strstr(e.message, "without a coordinate system"));
    tl_source_unref(s);
    VSIUnlink("/vsimem/a.tif");
}

static void lying_files_are_refused_at_once(void **state)
{
    (void)state;
    const char *path =
        shared_file("hostile_gdal_autotest/gcore/data/excessive-memory-TIFFFillStrip2.tif");
    tl_source *s = NULL;
    tl_err e = TL_ERR_INIT;
    if (!path)
        return;
    assert_int_equal(tl_raster_open(path, &s, &e), TL_EDATA);
    assert_non_null(strstr(e.message, "65535 bands in a file of 244 bytes"));
    path = shared_file("awkward/rasterio/two-subs.h5");
    assert_int_equal(tl_raster_open(path, &s, &e), TL_EDATA);
    assert_non_null(strstr(e.message, "holds 2 rasters"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_teardown(f, nothing_is_left)
        T(aligned_reads_are_the_files_own_bits),
        T(cells_outside_the_file_are_invalid),
        T(every_type_keeps_its_values_and_nodata),
        T(wide_integers_are_exact),
        T(an_overview_of_the_very_factor_is_read_untouched),
        T(average_and_mode_take_the_cells_own_pixels),
        T(a_cell_over_more_pixels_than_a_window_is_summed_in_strips),
        T(longitudes_go_round),
        T(a_single_band_is_named_by_the_end_of_its_file),
        T(one_coordinate_system_has_one_text),
        T(boxes_cross_the_antimeridian_and_refuse_nonsense),
        T(errors_name_the_file_and_the_reason),
        T(lying_files_are_refused_at_once),
    };
    return tl_run_tests(tests);
}
