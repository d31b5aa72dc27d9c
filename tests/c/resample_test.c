/* Resampled reads: against gdalwarp, and against themselves cut otherwise.
 * SPDX-License-Identifier: MIT   test-timeout: 300 */
#include "modules/raster/lattice.h"
#include "modules/raster/raster_int.h"
#include "modules/raster/weigh.h"
#include "tests/c/raster_util.h"

#include <cpl_conv.h>
#include <cpl_string.h>
#include <gdal_utils.h>
#include <math.h>
#include <pthread.h>

#define S2 "s2_timeseries_mapchete_33T/sentinel-2-l2a/S2A_33TWM_20230815_0_L2A/"
#define L8 "landsat8_dem_landcover_spDataLarge/"

static int no_datasets_are_left(void **state)
{
    (void)state;
    tl_raster_thread_done();
    return tl_raster_open_datasets() != 0;
}

/* --- the reference: GDAL's warper, exact transforms, no overviews
 * --------------------------------- */

typedef struct warped {
    tl_grid grid;
    double *values;
    uint8_t *valid;
} warped;

/* One band, "1" or "mask", as a dataset of its own; `src` must outlive it. */
static GDALDatasetH one_band(GDALDatasetH src, const char *band)
{
    /* GDAL leaves bare longitudes and latitudes of NetCDF without CRS. */
    int bare = !GDALGetSpatialRef(src) && GDALGetGCPCount(src) == 0;
    char *args[] = {"-of", "VRT", "-b", (char *)band, bare ? "-a_srs" : NULL, "EPSG:4326", NULL};
    GDALTranslateOptions *o = GDALTranslateOptionsNew(args, NULL);
    GDALDatasetH vrt = GDALTranslate("", src, o, NULL);
    GDALTranslateOptionsFree(o);
    assert_non_null(vrt);
    return vrt;
}

/* The band and, as a second one, whether the warper holds the cell for valid. As "VRT" nothing is
 * computed before it is read. */
static GDALDatasetH gdalwarp(const char *format, GDALDatasetH src, const char *crs, const char *how,
                             const char *xscale, const char *yscale)
{
    char *args[] = {
        "-of",  (char *)format, "-t_srs", (char *)crs,    "-r",  (char *)how,    "-et",       "0",
        "-ovr", "NONE",         "-wo",    (char *)xscale, "-wo", (char *)yscale, "-dstalpha", NULL};
    GDALWarpAppOptions *o = GDALWarpAppOptionsNew(args, NULL);
    GDALDatasetH ds = GDALWarp("", NULL, 1, &src, o, NULL);
    GDALWarpAppOptionsFree(o);
    assert_non_null(ds);
    return ds;
}

static tl_grid grid_of(GDALDatasetH ds, const char *crs)
{
    double gt[6];
    tl_err e = TL_ERR_INIT;
    tl_grid g = {.w = GDALGetRasterXSize(ds), .h = GDALGetRasterYSize(ds)};
    GDALGetGeoTransform(ds, gt);
    g.x0 = gt[0];
    g.y0 = gt[3];
    g.dx = gt[1];
    g.dy = -gt[5];
    assert_tl_ok(tl_crs_canonical(crs, &g.crs, &e), &e);
    return g;
}

static void *whole_band(GDALDatasetH ds, int band, GDALDataType type, size_t cell)
{
    int w = GDALGetRasterXSize(ds), h = GDALGetRasterYSize(ds);
    void *out = malloc((size_t)w * (size_t)h * cell);
    CPLErr r =
        GDALRasterIO(GDALGetRasterBand(ds, band), GF_Read, 0, 0, w, h, out, w, h, type, 0, 0);
    assert_int_equal(r, CE_None);
    return out;
}

/* A cell whose centre falls on an invalid pixel is invalid, says GDAL's manual. At the limit of a
 * projection GDAL since 3.9 takes the valid pixel beside it all the same. The mask, warped as a
 * band of ordinary values, tells which pixel a centre falls on. */
static void drop_what_is_from_beside(warped *out, GDALDatasetH src, const char *crs)
{
    if (GDALGetMaskFlags(GDALGetRasterBand(src, 1)) == GMF_ALL_VALID)
        return;
    GDALDatasetH mask = one_band(src, "mask");
    GDALDatasetH ds = gdalwarp("MEM", mask, crs, "near", "DUMMY=1", "DUMMY=2");
    tl_grid g = grid_of(ds, crs);
    assert_memory_equal(&g, &out->grid, sizeof g);
    uint8_t *under = whole_band(ds, 1, GDT_Byte, 1);
    for (int64_t i = 0; i < g.w * g.h; i++)
        out->valid[i] = out->valid[i] && under[i];
    free(under);
    GDALClose(ds);
    GDALClose(mask);
}

static warped warp(const char *path, const char *crs, const char *how, const char *xscale,
                   const char *yscale)
{
    GDALDatasetH file = GDALOpen(path, GA_ReadOnly), src = one_band(file, "1");
    GDALDatasetH ds = gdalwarp("MEM", src, crs, how, xscale, yscale);
    warped out = {grid_of(ds, crs), whole_band(ds, 1, GDT_Float64, sizeof(double)),
                  whole_band(ds, 2, GDT_Byte, 1)};
    drop_what_is_from_beside(&out, src, crs);
    GDALClose(ds);
    GDALClose(src);
    GDALClose(file);
    return out;
}

/* The grid that gdalwarp chooses. */
static tl_grid warp_grid(const char *path, const char *crs)
{
    GDALDatasetH file = GDALOpen(path, GA_ReadOnly), src = one_band(file, "1");
    GDALDatasetH ds = gdalwarp("VRT", src, crs, "near", "DUMMY=1", "DUMMY=2");
    tl_grid g = grid_of(ds, crs);
    GDALClose(ds);
    GDALClose(src);
    GDALClose(file);
    return g;
}

/* Whether the exact position of cell i of the block is within `near` pixels of a pixel edge. */
static int is_near_an_edge(const tl_sampling *m, tl_rect rect, size_t i, double near)
{
    tl_mapper p;
    tl_gdal_handle *h = tl_raster_handle((const tl_raster *)m->source);
    tl_err e = TL_ERR_INIT;
    const tl_raster_sampling *rm = (const tl_raster_sampling *)m;
    double x = (double)(rect.x + (int64_t)i % rect.w), y = (double)(rect.y + (int64_t)i / rect.w);
    assert_tl_ok(tl_mapper_init(&p, rm, h, &e), &e);
    tl_mapper_map(&p, 1, &x, &y);
    return !isfinite(x) || fabs(x - nearbyint(x)) <= near || fabs(y - nearbyint(y)) <= near;
}

static const struct {
    const char *file, *crs;
} cases[] = {
    {S2 "B04.tif", "EPSG:3857"},
    {S2 "B04.tif", "EPSG:4326"},
    {S2 "B04.tif", "EPSG:3035"},
    {S2 "B04.tif", "EPSG:32634"},
    {S2 "SCL.tif", "EPSG:32634"},
    {"landsat7_stars/tif/L7_ETMs.tif", "EPSG:3857"},
    {"landsat7_stars/tif/L7_ETMs.tif", "EPSG:4326"},
    {L8 "landsat_b5.tif", "EPSG:3857"},
    {L8 "landsat_b5.tif", "EPSG:4326"},
    {L8 "srtm.tif", "EPSG:32612"},
    {L8 "srtm.tif", "EPSG:3857"},
    {L8 "nlcd.tif", "EPSG:4326"},
    {L8 "ep.tif", "EPSG:4326"},
    {"awkward/rio-tiler/cog_int16.tif", "EPSG:3857"},
    {"awkward/rio-tiler/mosaic_value_1.tif", "EPSG:4326"},
    {"awkward/rasterio/RGB.byte.tif", "EPSG:3857"},
    {"awkward/rasterio/goes.tif", "EPSG:4326"},
    {"awkward/rio-tiler/cog_gcps.tif", "EPSG:3857"},
    {"landsat7_stars/tif/geomatrix.tif", "EPSG:4326"},
    {"no2_lockdown_omi_romania/OMI-Aura_L3-OMNO2d_ymonmean_2015_2019.nc4", "EPSG:3857"},
    {"awkward/rio-tiler/cog_rgb_mask.tif", "EPSG:4326"},
};

static void nearest_reads_are_those_of_gdalwarp(void **state)
{
    (void)state;
    tl_gdal_start();
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const char *path = shared_file(cases[c].file);
        if (!path)
            continue;
        warped ref = warp(path, cases[c].crs, "near", "DUMMY=1", "DUMMY=2");
        tl_source *s = open_source(path);
        tl_sampling *m = sample_source(s, &ref.grid, TL_NEAREST);
        tl_dtype t = s->bands[0].dtype;
        block b = block_read(m, 0, tl_grid_rect(&ref.grid));
        size_t n = (size_t)(ref.grid.w * ref.grid.h), differ = 0, astray = 0, valid = 0;
        for (size_t i = 0; i < n; i++) {
            valid += b.valid[i];
            if (b.valid[i] == (ref.valid[i] != 0) &&
                (!b.valid[i] || cell_value(b.values, t, i) == ref.values[i]))
                continue;
            differ++;
            astray += !is_near_an_edge(m, b.rect, i, 0.125);
        }
        print_message(
            "# near %-40s %-10s %zu cells, %zu valid, %zu differ, %zu not at an edge; %s\n",
            cases[c].file + (strlen(cases[c].file) > 40 ? strlen(cases[c].file) - 40 : 0),
            cases[c].crs, n, valid, differ, astray, m->note);
        assert_true(differ * 1000 <= n);
        assert_int_equal(astray, 0);
        assert_true(valid > 0);
        block_free(&b);
        tl_sampling_unref(m);
        tl_source_unref(s);
        free(ref.values);
        free(ref.valid);
    }
}

/* Least and greatest reference value around cell i. */
static double local_range(const warped *ref, size_t i)
{
    double lo = INFINITY, hi = -INFINITY;
    int64_t x = (int64_t)i % ref->grid.w, y = (int64_t)i / ref->grid.w;
    for (int64_t v = y - 2; v <= y + 2; v++)
        for (int64_t u = x - 2; u <= x + 2; u++)
            if (u >= 0 && v >= 0 && u < ref->grid.w && v < ref->grid.h &&
                ref->valid[v * ref->grid.w + u]) {
                lo = fmin(lo, ref->values[v * ref->grid.w + u]);
                hi = fmax(hi, ref->values[v * ref->grid.w + u]);
            }
    return hi > lo ? hi - lo : 0;
}

static void compare_smooth(const char *path, const char *file, const char *crs, tl_method method,
                           const char *gdal_name)
{
    char xs[40], ys[40];
    tl_grid grid = warp_grid(path, crs);
    tl_source *s = open_source(path);
    tl_sampling *m = sample_source(s, &grid, method);
    const tl_raster_sampling *rm = (const tl_raster_sampling *)m;
    snprintf(xs, sizeof xs, "XSCALE=%.17g", 1 / rm->sx);
    snprintf(ys, sizeof ys, "YSCALE=%.17g", 1 / rm->sy);
    warped ref = warp(path, crs, gdal_name, xs, ys);
    assert_memory_equal(&grid, &ref.grid, sizeof grid);
    tl_dtype t = s->bands[0].dtype;
    block b = block_read(m, 0, tl_grid_rect(&ref.grid));
    size_t n = (size_t)(ref.grid.w * ref.grid.h), far = 0, other = 0, valid = 0;
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        if (b.valid[i] != (ref.valid[i] != 0))
            other++;
        if (!b.valid[i] || !ref.valid[i])
            continue;
        valid++;
        double range = local_range(&ref, i), d = fabs(cell_value(b.values, t, i) - ref.values[i]);
        d = fmax(0, d - (tl_dtype_is_float(t) ? 1e-6 * fabs(ref.values[i]) : 1));
        worst = fmax(worst, range > 0 ? d / range : 0);
        far += d > 0.01 * range;
    }
    print_message("# %s %-40s %-10s scale %.3f %.3f: %zu valid, %zu beyond 1 %% (worst %.2g of the "
                  "local range), validity differs in %zu\n",
                  gdal_name, file + (strlen(file) > 40 ? strlen(file) - 40 : 0), crs, rm->sx,
                  rm->sy, valid, far, worst, other);
    if (far * 1000 > n || other * 1000 > n)
        fail_msg("%s %s %s: %zu values and %zu validities differ", gdal_name, file, crs, far,
                 other);
    block_free(&b);
    tl_sampling_unref(m);
    tl_source_unref(s);
    free(ref.values);
    free(ref.valid);
}

static void bilinear_and_cubic_reads_are_close_to_gdalwarp(void **state)
{
    (void)state;
    tl_gdal_start();
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const char *path = shared_file(cases[c].file);
        if (!path)
            continue;
        compare_smooth(path, cases[c].file, cases[c].crs, TL_BILINEAR, "bilinear");
        compare_smooth(path, cases[c].file, cases[c].crs, TL_CUBIC, "cubic");
    }
}

/* --- block invariance
 * ------------------------------------------------------------------------------ */

static tl_grid grid_over(tl_source *s, const char *crs_text, double coarser)
{
    double box[4], out[4];
    tl_err e = TL_ERR_INIT;
    tl_grid g = {.x0 = 0};
    tl_grid_bounds(&s->native, box);
    assert_tl_ok(tl_crs_canonical(crs_text, &g.crs, &e), &e);
    assert_tl_ok(tl_crs_transform_box(s->native.crs, g.crs, box, out, &e), &e);
    g.dx = g.dy =
        fmax((out[2] - out[0]) / (double)s->native.w, (out[3] - out[1]) / (double)s->native.h) *
        coarser;
    assert_tl_ok(tl_grid_cover(&g, out[0], out[1], out[2], out[3], &e), &e);
    return g;
}

/* Reads `rect` in pieces cut at random and compares every byte. */
static void compare_pieces(const tl_sampling *m, const block *whole, tl_rect rect, uint64_t *seed)
{
    if (rect.w * rect.h > 16 && tl_test_random(seed) % 8 != 0) {
        tl_rect a = rect, b = rect;
        if (rect.h == 1 || (rect.w > 1 && tl_test_random(seed) % 2)) {
            a.w = 1 + (int64_t)(tl_test_random(seed) % (uint64_t)(rect.w - 1));
            b.x += a.w;
            b.w -= a.w;
        } else {
            a.h = 1 + (int64_t)(tl_test_random(seed) % (uint64_t)(rect.h - 1));
            b.y += a.h;
            b.h -= a.h;
        }
        compare_pieces(m, whole, a, seed);
        compare_pieces(m, whole, b, seed);
        return;
    }
    block piece = block_read(m, 0, rect);
    for (int64_t k = 0; k < rect.h; k++) {
        int64_t at = (rect.y + k - whole->rect.y) * whole->rect.w + rect.x - whole->rect.x;
        assert_memory_equal((char *)piece.values + (size_t)(k * rect.w) * piece.size,
                            (char *)whole->values + (size_t)at * piece.size,
                            (size_t)rect.w * piece.size);
        assert_memory_equal(piece.valid + k * rect.w, whole->valid + at, (size_t)rect.w);
    }
    block_free(&piece);
}

static void a_cell_does_not_depend_on_the_block_it_is_read_in(void **state)
{
    static const struct {
        const char *file, *crs;
        double coarser;
    } some[] = {
        {S2 "B04.tif", "EPSG:3035", 1},
        {S2 "B04.tif", "EPSG:4326", 5.3},
        {L8 "srtm.tif", "EPSG:32612", 0.7},
        {"awkward/rasterio/world.byte.tif", "EPSG:3031", 3},
        {"awkward/rio-tiler/cog_dateline.tif", "EPSG:4326", 9},
        {"awkward/rio-tiler/cog_gcps_ovr.tif", "EPSG:3857", 2.1},
        {"awkward/rasterio/RGBA.uint16.tif", "EPSG:32613", 1.3},
    };
    (void)state;
    uint64_t seed = 20240607;
    const char *given = getenv("TELLUA_TEST_SEED");
    if (given)
        seed = strtoull(given, NULL, 10);
    print_message("# seed %llu\n", (unsigned long long)seed);
    for (size_t c = 0; c < sizeof some / sizeof some[0]; c++) {
        const char *path = shared_file(some[c].file);
        if (!path)
            continue;
        tl_source *s = open_source(path);
        tl_grid g = grid_over(s, some[c].crs, some[c].coarser);
        for (int method = 0; method < TL_METHODS; method++) {
            tl_sampling *m = sample_source(s, &g, (tl_method)method);
            int64_t w = 150 + (int64_t)(tl_test_random(&seed) % 100);
            int64_t h = 150 + (int64_t)(tl_test_random(&seed) % 100);
            tl_rect r = {g.col + (int64_t)(tl_test_random(&seed) % (uint64_t)g.w) - w / 2,
                         g.row + (int64_t)(tl_test_random(&seed) % (uint64_t)g.h) - h / 2, w, h};
            block whole = block_read(m, 0, r);
            size_t valid = 0;
            for (int64_t i = 0; i < w * h; i++)
                valid += whole.valid[i];
            compare_pieces(m, &whole, r, &seed);
            print_message("# %s, %s: %lldx%lld, %zu valid\n", some[c].crs, m->note, (long long)w,
                          (long long)h, valid);
            block_free(&whole);
            tl_sampling_unref(m);
        }
        tl_source_unref(s);
    }
}

/* --- threads
 * --------------------------------------------------------------------------------------- */

typedef struct reader {
    const tl_sampling *m;
    const block *whole;
    int bad;
} reader;

/* --- where the axes agree: nearest.c against resample.c ------------------------------------------
 */

static void compare_twins(const tl_sampling *m, tl_rect r)
{
    tl_err e = TL_ERR_INIT;
    size_t n = (size_t)(r.w * r.h), size = tl_dtype_size(m->source->bands[0].dtype);
    block fast = block_read(m, 0, r), slow = {r, size, malloc(n * size), malloc(n)};
    memset(slow.values, 0x5a, n * size);
    memset(slow.valid, 0x5a, n);
    int band = 0;
    const tl_read q = {r, 1, &band, &slow.values, &slow.valid};
    assert_true(tl_nearest_fits((const tl_raster_sampling *)m));
    assert_tl_ok(tl_resample_read((const tl_raster_sampling *)m, &q, &e), &e);
    assert_memory_equal(fast.valid, slow.valid, n);
    assert_memory_equal(fast.values, slow.values, n * size);
    block_free(&fast);
    block_free(&slow);
}

static void columns_and_rows_apart_give_the_same_bits(void **state)
{
    static const char *const files[] = {S2 "B04.tif",
                                        L8 "srtm.tif",
                                        "awkward/rasterio/world.byte.tif",
                                        "awkward/rio-tiler/cog_dateline.tif",
                                        "awkward/rasterio/RGBA.uint16.tif",
                                        "landsat7_stars/L7_ETMs.tif"};
    uint64_t seed = 20240722;
    (void)state;
    print_message("# seed %llu\n", (unsigned long long)seed);
    for (size_t c = 0; c < sizeof files / sizeof files[0]; c++) {
        const char *path = shared_file(files[c]);
        if (!path)
            continue;
        tl_source *s = open_source(path);
        for (int turn = 0; turn < 12; turn++) {
            tl_grid g = s->native;
            double k = 0.2 + 5 * (double)(tl_test_random(&seed) % 1000) / 1000;
            g.dx *= turn % 3 == 0 ? 0.5 : k;
            g.dy *= turn % 3 == 0 ? 0.5 : k * 1.1;
            g.x0 += turn % 2 ? g.dx * 0.31 : 0;
            tl_sampling *m = sample_source(s, &g, TL_NEAREST);
            double across = (double)s->native.w * s->native.dx / g.dx;
            double down = (double)s->native.h * s->native.dy / g.dy;
            for (int i = 0; i < 6 && !m->exact; i++) {
                tl_rect r = {(int64_t)(across * (double)(tl_test_random(&seed) % 120) / 100) - 20,
                             (int64_t)(down * (double)(tl_test_random(&seed) % 120) / 100) - 20,
                             1 + (int64_t)(tl_test_random(&seed) % 200),
                             1 + (int64_t)(tl_test_random(&seed) % 90)};
                r.x += (int64_t)floor((s->native.x0 - g.x0) / g.dx) +
                       (int64_t)((double)s->native.col * s->native.dx / g.dx);
                r.y += (int64_t)((double)s->native.row * s->native.dy / g.dy);
                compare_twins(m, r);
            }
            tl_sampling_unref(m);
        }
        tl_source_unref(s);
    }
}

static void *read_tiles(void *arg)
{
    reader *t = arg;
    for (int64_t y = 0; y < t->whole->rect.h; y += 50)
        for (int64_t x = 0; x < t->whole->rect.w; x += 50) {
            tl_rect r = tl_rect_intersect(
                (tl_rect){t->whole->rect.x + x, t->whole->rect.y + y, 50, 50}, t->whole->rect);
            int band = 0;
            void *values = malloc((size_t)(r.w * r.h) * t->whole->size);
            uint8_t *valid = malloc((size_t)(r.w * r.h));
            const tl_read q = {r, 1, &band, &values, &valid};
            t->bad += t->m->source->vt->read(t->m, &q, NULL) != 0;
            for (int64_t k = 0; k < r.h && !t->bad; k++) {
                int64_t at = (y + k) * t->whole->rect.w + x;
                t->bad += memcmp(valid + k * r.w, t->whole->valid + at, (size_t)r.w) != 0 ||
                          memcmp((char *)values + (size_t)(k * r.w) * t->whole->size,
                                 (char *)t->whole->values + (size_t)at * t->whole->size,
                                 (size_t)r.w * t->whole->size) != 0;
            }
            free(values);
            free(valid);
        }
    tl_raster_thread_done();
    return NULL;
}

static void four_threads_read_what_one_reads(void **state)
{
    (void)state;
    const char *path = shared_file(L8 "landsat_b4.tif");
    if (!path)
        return;
    tl_source *s = open_source(path);
    tl_grid g = grid_over(s, "EPSG:3857", 1.1);
    for (int method = 0; method < TL_METHODS; method++) {
        pthread_t id[4];
        reader t[4];
        tl_sampling *m = sample_source(s, &g, (tl_method)method);
        block whole = block_read(m, 0, (tl_rect){g.col + 200, g.row + 200, 260, 230});
        for (int k = 0; k < 4; k++) {
            t[k] = (reader){m, &whole, 0};
            assert_int_equal(pthread_create(&id[k], NULL, read_tiles, &t[k]), 0);
        }
        for (int k = 0; k < 4; k++) {
            pthread_join(id[k], NULL);
            assert_int_equal(t[k].bad, 0);
        }
        block_free(&whole);
        tl_sampling_unref(m);
    }
    tl_source_unref(s);
}

/* --- the lattice and the kernels alone
 * --------------------------------------------------------------- */

/* A map with a kink and a hole. */
static void bent(void *ctx, size_t n, double *x, double *y)
{
    int *calls = ctx;
    *calls += (int)n;
    for (size_t i = 0; i < n; i++) {
        double u = x[i], v = y[i];
        x[i] = u < 100 ? u * 0.5 : u * 3 - 250;
        y[i] = u + 2 * v > 190 ? NAN : v + 0.0001 * u * u;
    }
}

static void the_lattice_is_near_everywhere_and_exact_where_it_must_be(void **state)
{
    (void)state;
    enum { W = 150, H = 90 };
    static double x[W * H], y[W * H], ex[W * H], ey[W * H];
    int calls = 0, exact_calls = 0;
    tl_lattice_eval(bent, &calls, (tl_rect){-7, -3, W, H}, 0, 0, x, y);
    tl_lattice_eval(bent, &exact_calls, (tl_rect){-7, -3, W, H}, 0, 1, ex, ey);
    for (int i = 0; i < W * H; i++) {
        assert_int_equal(isnan(y[i]), isnan(ey[i]));
        if (!isnan(ey[i])) {
            assert_true(fabs(x[i] - ex[i]) < 1);
            assert_true(fabs(y[i] - ey[i]) < 0.25);
        }
    }
    print_message("# %d points mapped for %d cells\n", calls, W * H);
}

static void integers_round_half_to_even_and_stay_in_range(void **state)
{
    (void)state;
    uint8_t u;
    int16_t i;
    int64_t l;
    tl_store(TL_U8, &u, 2.5);
    assert_int_equal(u, 2);
    tl_store(TL_U8, &u, 3.5);
    assert_int_equal(u, 4);
    tl_store(TL_U8, &u, -7);
    assert_int_equal(u, 0);
    tl_store(TL_U8, &u, INFINITY);
    assert_int_equal(u, 255);
    tl_store(TL_I16, &i, -1e9);
    assert_int_equal(i, -32768);
    tl_store(TL_I64, &l, 9.3e18);
    assert_true(l == INT64_MAX);
}

static void the_vote_goes_to_the_smallest_of_equals(void **state)
{
    (void)state;
    tl_vote v = {.keys = NULL};
    const double few[] = {3, -0.0, 3, 0.0, -5, -5};
    static uint16_t many[3000];
    static uint8_t valid[3000];
    double d;
    uint16_t u;
    memset(valid, 1, sizeof valid);
    tl_vote_begin(&v, TL_F64, 6);
    assert_int_equal(tl_vote_row(&v, few, valid, 6), 0);
    assert_int_equal(tl_vote_end(&v, &d), 1);
    assert_true(d == -5);
    for (int i = 0; i < 3000; i++)
        many[i] = (uint16_t)(i % 3 ? 40000 : i % 2 ? 7 : 65535);
    tl_vote_begin(&v, TL_U16, 3000);
    assert_int_equal(tl_vote_row(&v, many, valid, 3000), 0);
    assert_int_equal(tl_vote_end(&v, &u), 1);
    assert_int_equal(u, 40000);
    memset(valid, 0, sizeof valid);
    tl_vote_begin(&v, TL_U16, 3000);
    assert_int_equal(tl_vote_row(&v, many, valid, 3000), 0);
    assert_int_equal(tl_vote_end(&v, &u), 0);
    tl_vote_free(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lattice_is_near_everywhere_and_exact_where_it_must_be),
        cmocka_unit_test(integers_round_half_to_even_and_stay_in_range),
        cmocka_unit_test(the_vote_goes_to_the_smallest_of_equals),
        cmocka_unit_test_teardown(nearest_reads_are_those_of_gdalwarp, no_datasets_are_left),
        cmocka_unit_test_teardown(bilinear_and_cubic_reads_are_close_to_gdalwarp,
                                  no_datasets_are_left),
        cmocka_unit_test_teardown(columns_and_rows_apart_give_the_same_bits, no_datasets_are_left),
        cmocka_unit_test_teardown(a_cell_does_not_depend_on_the_block_it_is_read_in,
                                  no_datasets_are_left),
        cmocka_unit_test_teardown(four_threads_read_what_one_reads, no_datasets_are_left),
    };
    return tl_run_tests(tests);
}
