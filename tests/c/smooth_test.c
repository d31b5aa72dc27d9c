/* Bilinear and cubic at the pixels' own size: smooth.c against resample.c, cell by cell.
 * SPDX-License-Identifier: MIT */
#include "modules/expr/expr_int.h"
#include "modules/raster/crs.h"
#include "modules/raster/raster_int.h"
#include "runtime/mem.h"
#include "tests/c/raster_util.h"

#include <cpl_conv.h>
#include <cpl_string.h>
#include <gdal.h>
#include <ogr_srs_api.h>
#include <math.h>

enum { W = 97, H = 83 };

static const GDALDataType types[] = {GDT_Byte,  GDT_UInt16,  GDT_Int16,  GDT_UInt32,
                                     GDT_Int32, GDT_Float32, GDT_Float64};
enum { TYPES = sizeof types / sizeof types[0] };

static int no_datasets_are_left(void **state)
{
    (void)state;
    tl_raster_thread_done();
    return tl_raster_open_datasets() != 0;
}

/* Values over the whole range of the type, its ends among them; floats also without end and nodata.
 */
static double any_value(GDALDataType type, uint64_t *seed)
{
    uint64_t k = tl_test_random(seed) % 16;
    double part = (double)(tl_test_random(seed) % 1000003) / 1000003;
    double most[] = {255, 65535, 32767, 4294967295.0, 2147483647};
    double least[] = {0, 0, -32768, 0, -2147483648.0};
    for (int i = 0; i < 5; i++)
        if (types[i] == type)
            return k == 0   ? most[i]
                   : k == 1 ? least[i]
                            : floor(least[i] + part * (most[i] - least[i]));
    return k == 0 ? INFINITY : k == 1 ? -INFINITY : k == 2 ? -0.0 : (part - 0.5) * 2000;
}

/* Holes are rare, so that most footprints are whole; its path is freed by the caller. */
static char *make_raster(GDALDataType type, uint64_t *seed)
{
    const char *folder = getenv("TMPDIR");
    char *path = tl_xasprintf("%s/smooth_%d.tif", folder ? folder : "/tmp", (int)type);
    char **options = CSLSetNameValue(NULL, "TILED", "YES");
    options = CSLSetNameValue(CSLSetNameValue(options, "BLOCKXSIZE", "32"), "BLOCKYSIZE", "32");
    GDALDatasetH ds = GDALCreate(GDALGetDriverByName("GTiff"), path, W, H, 1, type, options);
    double place[6] = {500000, 10, 0, 5000000, 0, -10}, *v = malloc(W * H * sizeof *v);
    assert_non_null(ds);
    GDALSetGeoTransform(ds, place);
    OGRSpatialReferenceH srs = OSRNewSpatialReference(NULL);
    OSRImportFromEPSG(srs, 32633);
    GDALSetSpatialRef(ds, srs);
    OSRDestroySpatialReference(srs);
    GDALSetRasterNoDataValue(GDALGetRasterBand(ds, 1), 7);
    for (int i = 0; i < W * H; i++)
        v[i] = tl_test_random(seed) % 60 == 0 ? 7 : any_value(type, seed);
    assert_int_equal(
        GDALRasterIO(GDALGetRasterBand(ds, 1), GF_Write, 0, 0, W, H, v, W, H, GDT_Float64, 0, 0),
        CE_None);
    GDALClose(ds);
    CSLDestroy(options);
    free(v);
    return path;
}

/* 1 when at least one cell was valid. */
static int compare_twins(const tl_sampling *m, tl_rect r)
{
    tl_err e = TL_ERR_INIT;
    size_t n = (size_t)(r.w * r.h), size = tl_dtype_size(m->source->bands[0].dtype);
    block fast = block_read(m, 0, r), slow = {r, size, malloc(n * size), malloc(n)};
    int band = 0, some = 0;
    memset(slow.values, 0x5a, n * size);
    memset(slow.valid, 0x5a, n);
    const tl_read q = {r, 1, &band, &slow.values, &slow.valid};
    assert_tl_ok(tl_resample_read_by_cells((const tl_raster_sampling *)m, &q, &e), &e);
    for (size_t i = 0; i < n; i++)
        some |= fast.valid[i];
    assert_memory_equal(fast.valid, slow.valid, n);
    assert_memory_equal(fast.values, slow.values, n * size);
    block_free(&fast);
    block_free(&slow);
    return some;
}

/* Cells as fine as pixels or finer, by thirds and halves too, whose centres lie on pixels' centres
 * and edges; or of another coordinate system. */
static tl_grid any_grid(const tl_source *s, uint64_t *seed)
{
    static const double share[] = {1, 1.0 / 2, 1.0 / 3, 1.0 / 5, 0.7, 1.02, 0.313};
    static const double shift[] = {0, 0.5, 1.0 / 3, 0.25, 0.1234567, 1e-10};
    double k = share[tl_test_random(seed) % 7];
    tl_grid g = s->native;
    g.dx *= k;
    g.dy *= k;
    g.x0 += shift[tl_test_random(seed) % 6] * g.dx;
    g.y0 += shift[tl_test_random(seed) % 6] * g.dy;
    if (tl_test_random(seed) % 4)
        return g;
    tl_err e = TL_ERR_INIT;
    double box[4], there[4];
    tl_grid_bounds(&s->native, box);
    assert_tl_ok(tl_crs_canonical("EPSG:3857", &g.crs, &e), &e);
    assert_tl_ok(tl_crs_transform_box(s->native.crs, g.crs, box, there, &e), &e);
    g.dx = g.dy = 14 * k;
    g.x0 = there[0];
    g.y0 = there[3];
    return g;
}

static void smooth_cells_have_the_bits_of_footprints(void **state)
{
    (void)state;
    const char *given = getenv("TELLUA_TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 20261130;
    print_message("# seed %llu (TELLUA_TEST_SEED)\n", (unsigned long long)seed);
    static const char *const isa[] = {"baseline", "avx2", "avx512"}; /* at most */
    int some = 0;
    for (int t = 0; t < TYPES; t++) {
        char *path = make_raster(types[t], &seed);
        tl_source *s = open_source(path);
        for (int turn = 0; turn < 40; turn++) {
            tl__expr_choose_isa(isa[turn % 3]);
            tl_grid g = any_grid(s, &seed);
            tl_sampling *m = sample_source(s, &g, turn % 2 ? TL_CUBIC : TL_BILINEAR);
            tl_rect r = {(int64_t)(tl_test_random(&seed) % 90) - 20,
                         (int64_t)(tl_test_random(&seed) % 90) - 20,
                         1 + (int64_t)(tl_test_random(&seed) % 150),
                         1 + (int64_t)(tl_test_random(&seed) % 90)};
            if (!m->exact)
                some += compare_twins(m, r);
            tl_sampling_unref(m);
        }
        tl_source_unref(s);
        free(path);
    }
    assert_true(some > 150);
}

/* A centre that lies on the far edge, by rounding a little beyond, has its cell whoever its
 * neighbours are. */
static void a_cell_on_the_far_edge_is_there_alone(void **state)
{
    (void)state;
    uint64_t seed = 5;
    char *path = make_raster(GDT_Byte, &seed);
    tl_source *s = open_source(path);
    tl_grid g = s->native;
    g.x0 += (0.5 + 1e-10) * g.dx;
    tl_sampling *m = sample_source(s, &g, TL_BILINEAR);
    int some = 0;
    for (int64_t y = 0; y < H - 1; y++) {
        block alone = block_read(m, 0, (tl_rect){W - 1, y, 1, 1});
        block among = block_read(m, 0, (tl_rect){W - 20, y, 20, 1});
        assert_int_equal(alone.valid[0], among.valid[19]);
        assert_int_equal(((uint8_t *)alone.values)[0], ((uint8_t *)among.values)[19]);
        some += alone.valid[0];
        block_free(&alone);
        block_free(&among);
    }
    compare_twins(m, (tl_rect){W - 1, 0, 1, H});
    assert_true(some > H / 2);
    tl_sampling_unref(m);
    tl_source_unref(s);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(smooth_cells_have_the_bits_of_footprints, no_datasets_are_left),
        cmocka_unit_test_teardown(a_cell_on_the_far_edge_is_there_alone, no_datasets_are_left),
    };
    GDALAllRegister();
    return tl_run_tests(tests);
}
