/* NetCDF and Zarr stacks as scenes, and where their pixels lie. SPDX-License-Identifier: MIT */
#include "tests/c/scenes_util.h"

#define W 4
#define H 3
#define T 3

/* What a made stack is like. */
typedef struct made {
    const char *driver; /* "netCDF", "Zarr" */
    int ascending;      /* y grows with the rows */
    int bare;           /* coordinate variables without attributes, place in no grid mapping */
    int no_axes;        /* no coordinate variables at all: bounds only */
    int bands;          /* > 0: one variable [time, band, y, x] or, if `band_first`, [band, ...] */
    int band_first;
    const char *units, *calendar;
} made;

static void put_attribute(GDALGroupH g, GDALMDArrayH a, const char *name, const char *text)
{
    GDALExtendedDataTypeH t = GDALExtendedDataTypeCreateString(0);
    GDALAttributeH at = a ? GDALMDArrayCreateAttribute(a, name, 0, NULL, t, NULL)
                          : GDALGroupCreateAttribute(g, name, 0, NULL, t, NULL);
    assert_non_null(at);
    assert_true(GDALAttributeWriteString(at, text));
    GDALAttributeRelease(at);
    GDALExtendedDataTypeRelease(t);
}

static int is_zarr; /* what is being written */

/* As xarray does, which GDAL's writer leaves out. */
static void name_dimensions(GDALMDArrayH a, size_t n, GDALDimensionH *dim)
{
    const char *names[5] = {NULL};
    GUInt64 count = n;
    GDALExtendedDataTypeH t = GDALExtendedDataTypeCreateString(0);
    for (size_t i = 0; i < n; i++)
        names[i] = GDALDimensionGetName(dim[i]);
    GDALAttributeH at = GDALMDArrayCreateAttribute(a, "_ARRAY_DIMENSIONS", 1, &count, t, NULL);
    assert_non_null(at);
    assert_true(GDALAttributeWriteStringArray(at, (CSLConstList)names));
    GDALAttributeRelease(at);
    GDALExtendedDataTypeRelease(t);
}

static GDALMDArrayH put_array(GDALGroupH g, const char *name, size_t n, GDALDimensionH *dim,
                              GDALDataType type, const void *values)
{
    GUInt64 start[4] = {0};
    size_t count[4];
    GDALExtendedDataTypeH t = GDALExtendedDataTypeCreate(type);
    GDALMDArrayH a = GDALGroupCreateMDArray(g, name, n, dim, t, NULL);
    assert_non_null(a);
    for (size_t i = 0; i < n; i++)
        count[i] = (size_t)GDALDimensionGetSize(dim[i]);
    assert_true(GDALMDArrayWrite(a, start, count, NULL, NULL, t, values, NULL, 0));
    GDALExtendedDataTypeRelease(t);
    if (is_zarr)
        name_dimensions(a, n, dim);
    return a;
}

/* The value of a cell: its step, row from the north, column, and band. */
static int value_of(int t, int row, int col, int band)
{
    return 1000 * t + 100 * band + 10 * row + col + 1;
}

static void fill(const made *m, uint16_t *v, int band)
{
    for (int t = 0; t < T; t++)
        for (int r = 0; r < H; r++)
            for (int c = 0; c < W; c++)
                v[(t * H + r) * W + c] =
                    (uint16_t)value_of(t, m->ascending ? H - 1 - r : r, c, band);
}

static void put_variables(const made *m, GDALGroupH g, GDALDimensionH *dim)
{
    uint16_t one[T * H * W], many[2 * T * H * W];
    GDALDimensionH four[4] = {dim[0], NULL, dim[1], dim[2]};
    if (!m->bands) {
        fill(m, one, 0);
        GDALMDArrayRelease(put_array(g, "B04", 3, dim, GDT_UInt16, one));
        fill(m, one, 1);
        GDALMDArrayRelease(put_array(g, "SCL", 3, dim, GDT_UInt16, one));
        GDALMDArrayRelease(put_array(g, "dem", 2, dim + 1, GDT_UInt16, one));
        return;
    }
    const double numbers[2] = {4, 8};
    four[1] = GDALGroupCreateDimension(g, "band", NULL, NULL, 2, NULL);
    GDALMDArrayRelease(put_array(g, "band", 1, four + 1, GDT_Float64, numbers));
    for (int b = 0; b < 2; b++) {
        fill(m, one, b);
        for (int t = 0; t < T; t++)
            memcpy(many + (m->band_first ? b * T + t : t * 2 + b) * H * W, one + t * H * W,
                   H * W * sizeof *one);
    }
    if (m->band_first) {
        four[0] = four[1];
        four[1] = dim[0];
    }
    GDALMDArrayRelease(put_array(g, "data", 4, four, GDT_UInt16, many));
    GDALDimensionRelease(four[m->band_first ? 0 : 1]);
}

static void put_axis(const made *m, GDALGroupH g, GDALDimensionH d, const char *name, double from,
                     double step, int n)
{
    double v[8];
    for (int i = 0; i < n; i++)
        v[i] = from + i * step;
    GDALMDArrayH a = put_array(g, name, 1, &d, GDT_Float64, v);
    if (!m->bare) {
        put_attribute(g, a, "standard_name",
                      name[0] == 'x' ? "projection_x_coordinate" : "projection_y_coordinate");
        GDALMDArraySetUnit(a, "m");
    }
    GDALMDArrayRelease(a);
}

static const char *put_stack(const char *root, const char *rel, const made *m)
{
    static char path[1024];
    double time[T] = {0, 1, 5};
    is_zarr = strcmp(m->driver, "Zarr") == 0;
    snprintf(path, sizeof path, "%s", in_folder(root, rel));
    GDALAllRegister();
    GDALDatasetH ds = GDALCreateMultiDimensional(GDALGetDriverByName(m->driver), path, NULL, NULL);
    assert_non_null(ds);
    GDALGroupH g = GDALDatasetGetRootGroup(ds);
    GDALDimensionH dim[3] = {GDALGroupCreateDimension(g, "time", NULL, NULL, T, NULL),
                             GDALGroupCreateDimension(g, "y", NULL, NULL, H, NULL),
                             GDALGroupCreateDimension(g, "x", NULL, NULL, W, NULL)};
    GDALMDArrayH a = put_array(g, "time", 1, dim, GDT_Float64, time);
    GDALMDArraySetUnit(a, m->units ? m->units : "days since 2020-01-01");
    put_attribute(g, a, "calendar", m->calendar ? m->calendar : "standard");
    GDALMDArrayRelease(a);
    put_attribute(g, NULL, "epsg", "32633");
    put_attribute(g, NULL, "bounds", "(500000, 5000000, 500040, 5000030)");
    if (!m->no_axes) {
        put_axis(m, g, dim[2], "x", 500005, 10, W);
        put_axis(m, g, dim[1], "y", m->ascending ? 5000005 : 5000025, m->ascending ? 10 : -10, H);
    }
    put_variables(m, g, dim);
    for (int i = 0; i < 3; i++)
        GDALDimensionRelease(dim[i]);
    GDALGroupRelease(g);
    GDALClose(ds);
    return path;
}

static int has_driver(const char *name)
{
    GDALAllRegister();
    if (GDALGetDriverByName(name))
        return 1;
    print_message("# GDAL has no %s here: skipped\n", name);
    return 0;
}

/* --- pixels ---------------------------------------------------------------------------------- */

static void assert_pixels(const char *href, int band, int step, int number, int ascending)
{
    tl_err e = TL_ERR_INIT;
    tl_source *s = open_source(href);
    tl_sampling *m = NULL;
    (void)ascending;
    assert_string_equal(s->native.crs, "EPSG:32633");
    assert_float_equal(s->native.x0, 500000, 0);
    assert_float_equal(s->native.y0, 5000030, 0);
    assert_float_equal(s->native.dx, 10, 0);
    assert_float_equal(s->native.dy, 10, 0);
    assert_tl_ok(s->vt->sample(s, &s->native, TL_NEAREST, NULL, &m, &e), &e);
    block b = block_read(m, band - 1, (tl_rect){0, 0, W, H});
    for (int r = 0; r < H; r++)
        for (int c = 0; c < W; c++) {
            int got = ((uint16_t *)b.values)[r * W + c], want = value_of(step, r, c, number);
            if (got != want)
                fail_msg("%s, band %d, row %d, column %d: wanted %d, got %d", href, band, r, c,
                         want, got);
        }
    block_free(&b);
    tl_sampling_unref(m);
    tl_source_unref(s);
}

typedef struct checking {
    int step, scenes;
} checking;

static int check_scene(void *ctx, const tl_scene *s, tl_err *e)
{
    checking *c = ctx;
    (void)e;
    for (size_t i = 0; i < s->nassets; i++) {
        const tl_asset *a = &s->asset[i];
        int number = strcmp(a->key, "SCL") == 0 || strcmp(a->key, "data_2") == 0 ||
                     strcmp(a->key, "dem") == 0;
        assert_pixels(a->href, a->band, strcmp(a->key, "dem") == 0 ? 0 : c->step, number, 0);
    }
    c->step++;
    c->scenes++;
    return 0;
}

static void assert_stack(const char *path, const char *want)
{
    tl_index *ix = NULL;
    tl_err e = TL_ERR_INIT;
    checking c = {0, 0};
    json_t *all = json_array();
    told t;
    assert_scenes(tl_read_timestack, path, NULL, want, &t);
    assert_four(t.bounds, 500000, 5000000, 500040, 5000030, 0);
    assert_tl_ok(tl_index_create(NULL, &ix, &e), &e);
    assert_tl_ok(tl_read_timestack(path, NULL, ix, &e), &e);
    assert_tl_ok(tl_index_commit(ix, &e), &e);
    assert_tl_ok(tl_index_query(ix, all, check_scene, &c, &e), &e);
    assert_int_equal(c.scenes, T);
    json_decref(all);
    tl_index_close(ix);
    tl_raster_thread_done();
}

static const char three_steps[] = "s_20200101T000000 - - - 20200101T000000 - B04 SCL dem\n"
                                  "s_20200102T000000 - - - 20200102T000000 - B04 SCL dem\n"
                                  "s_20200106T000000 - - - 20200106T000000 - B04 SCL dem\n";

static void each_step_is_a_scene_with_its_own_pixels(void **state)
{
    (void)state;
    static const made kinds[] = {
        {.driver = "netCDF", .bare = 1},
        {.driver = "netCDF", .bare = 1, .ascending = 1},
        {.driver = "netCDF"},
        {.driver = "netCDF", .ascending = 1},
        {.driver = "netCDF", .bare = 1, .no_axes = 1},
        {.driver = "Zarr", .bare = 1},
        {.driver = "Zarr", .bare = 1, .ascending = 1},
        {.driver = "Zarr"},
        {.driver = "Zarr", .ascending = 1},
        {.driver = "Zarr", .bare = 1, .no_axes = 1},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const char *rel = kinds[i].driver[0] == 'Z' ? "s.zarr" : "s.nc";
        print_message("# %s, %s, rows %s%s\n", kinds[i].driver, kinds[i].bare ? "bare" : "CF",
                      kinds[i].ascending ? "from the south" : "from the north",
                      kinds[i].no_axes ? ", no coordinates" : "");
        if (has_driver(kinds[i].driver))
            assert_stack(put_stack(new_folder(), rel, &kinds[i]), three_steps);
    }
}

static void a_further_dimension_is_several_assets(void **state)
{
    (void)state;
    static const char want[] = "s_20200101T000000 - - - 20200101T000000 - data_1 data_2\n"
                               "s_20200102T000000 - - - 20200102T000000 - data_1 data_2\n"
                               "s_20200106T000000 - - - 20200106T000000 - data_1 data_2\n";
    for (int i = 0; i < 4; i++) {
        const made m = {
            .driver = i < 2 ? "netCDF" : "Zarr", .bare = 1, .bands = 2, .band_first = i % 2};
        print_message("# %s, %s first\n", m.driver, m.band_first ? "band" : "time");
        if (has_driver(m.driver))
            assert_stack(put_stack(new_folder(), i < 2 ? "s.nc" : "s.zarr", &m), want);
    }
}

static void one_variable_can_be_asked_for(void **state)
{
    (void)state;
    const made m = {.driver = "netCDF", .bare = 1};
    const char *root = new_folder();
    char name[1200];
    if (!has_driver("netCDF"))
        return;
    snprintf(name, sizeof name, "NETCDF:\"%s\":SCL", put_stack(root, "s.nc", &m));
    assert_scenes(tl_collection_read, name, NULL,
                  "s_20200101T000000 - - - 20200101T000000 - SCL\n"
                  "s_20200102T000000 - - - 20200102T000000 - SCL\n"
                  "s_20200106T000000 - - - 20200106T000000 - SCL\n",
                  NULL);
    snprintf(name, sizeof name, "NETCDF:\"%s\":B99", in_folder(root, "s.nc"));
    assert_refused(tl_collection_read, name, NULL, TL_EDATA, "has no variable B99 over x and y");
}

static void files_that_differ_in_their_pixels_are_one_scene(void **state)
{
    (void)state;
    const made m = {.driver = "netCDF", .bare = 1},
               bands = {.driver = "netCDF", .bare = 1, .bands = 2};
    const char *root = new_folder();
    if (!has_driver("netCDF"))
        return;
    put_stack(root, "a_10m_x.nc", &m);
    put_stack(root, "a_20m_x.nc", &bands);
    assert_scenes(tl_read_folder, root, NULL,
                  "a_x_20200101T000000 - - - 20200101T000000 - B04 SCL data_1 data_2 dem\n"
                  "a_x_20200102T000000 - - - 20200102T000000 - B04 SCL data_1 data_2 dem\n"
                  "a_x_20200106T000000 - - - 20200106T000000 - B04 SCL data_1 data_2 dem\n",
                  NULL);
}

static void patterns_choose_stacks_too(void **state)
{
    (void)state;
    const made m = {.driver = "netCDF", .bare = 1};
    const char *root = new_folder();
    told t;
    if (!has_driver("netCDF"))
        return;
    put_stack(root, "a_33TWM.nc", &m);
    put_stack(root, "b_33TWM.nc", &m);
    assert_scenes(tl_read_folder, root, "{\"pattern\":\"{kind}_{tile}.nc\"}",
                  "a_33TWM_20200101T000000 - - 33TWM 20200101T000000 - B04 SCL dem\n"
                  "b_33TWM_20200101T000000 - - 33TWM 20200101T000000 - B04 SCL dem\n"
                  "a_33TWM_20200102T000000 - - 33TWM 20200102T000000 - B04 SCL dem\n"
                  "b_33TWM_20200102T000000 - - 33TWM 20200102T000000 - B04 SCL dem\n"
                  "a_33TWM_20200106T000000 - - 33TWM 20200106T000000 - B04 SCL dem\n"
                  "b_33TWM_20200106T000000 - - 33TWM 20200106T000000 - B04 SCL dem\n",
                  &t);
    assert_string_equal(t.properties, "{\"kind\":\"b\"}");
    assert_scenes(tl_read_folder, root,
                  "{\"pattern\":\"a_{id}.nc\",\"collection\":\"sentinel-2-l2a\"}",
                  "33TWM_20200101T000000 sentinel-2-l2a - - 20200101T000000 - B04 SCL dem\n"
                  "33TWM_20200102T000000 sentinel-2-l2a - - 20200102T000000 - B04 SCL dem\n"
                  "33TWM_20200106T000000 sentinel-2-l2a - - 20200106T000000 - B04 SCL dem\n",
                  NULL);
}

static void times_that_cannot_be_read_name_the_file(void **state)
{
    (void)state;
    const char *root = new_folder();
    made m = {.driver = "netCDF", .bare = 1, .calendar = "360_day"};
    if (!has_driver("netCDF"))
        return;
    assert_refused(tl_read_timestack, put_stack(root, "s.nc", &m), NULL, TL_EDATA,
                   "s.nc: time counts in the calendar '360_day'");
    m = (made){.driver = "netCDF", .bare = 1, .units = "months since 2020-01-01"};
    assert_refused(tl_read_folder, put_stack(root, "u.nc", &m), NULL, TL_EDATA,
                   "u.nc: time has the units 'months since 2020-01-01'");
    put_text(root, "z.nc", "CDF is not what this is");
    assert_refused(tl_read_timestack, in_folder(root, "z.nc"), NULL, TL_EDATA, "cannot open ");
}

/* --- real data ------------------------------------------------------------------------------- */

static size_t count_lines(const char *text, const char *begin)
{
    size_t n = 0;
    for (const char *s = text; s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL)
        n += strncmp(s, begin, strlen(begin)) == 0;
    return n;
}

/* Bare coordinate variables; pixels are compared with GDAL's arrays, which are never turned. */
static void the_dense_series_lie_where_their_coordinates_say(void **state)
{
    (void)state;
    const char *root = shared_file("s2_s1_l8_dense_worldcereal/00002806639B424A");
    told t;
    tl_err e;
    if (!root)
        return;
    assert_tl_ok(read_scenes(tl_read_folder, root, NULL, &t, &e), &e);
    const char *text = tl_buf_text(&t.text);
    assert_int_equal(count_lines(text, "S2_L2A_"), 118);
    assert_int_equal(count_lines(text, "S1_GRD-ASCENDING_"), 159);
    assert_int_equal(count_lines(text, "L8_SR_"), 26);
    assert_int_equal(count_lines(text, "L8_L2-ST_"), 55);
    assert_int_equal(count_lines(text, "AgERA5_DAILY_"), 487);
    assert_non_null(strstr(text, "_20170804T105328 - - - 20170804T105328 - "
                                 "B02 B03 B04 B05 B06 B07 B08 B11 B12 B8A SCL\n"));
    told_free(&t);
}

static void a_real_series_has_its_rows_the_right_way_round(void **state)
{
    (void)state;
    const char *path = shared_file("s2_s1_l8_dense_worldcereal/00002806639B424A/"
                                   "S2_L2A_20m_00002806639B424A_32631_2017-08-01_2018-11-30.nc");
    static uint16_t want[32 * 32];
    GUInt64 start[3] = {17, 0, 0};
    size_t count[3] = {1, 32, 32};
    tl_err e = TL_ERR_INIT;
    tl_sampling *m = NULL;
    char href[1200];
    if (!path)
        return;
    GDALAllRegister();
    GDALDatasetH ds = GDALOpenEx(path, GDAL_OF_MULTIDIM_RASTER, NULL, NULL, NULL);
    GDALGroupH g = GDALDatasetGetRootGroup(ds);
    GDALMDArrayH a = GDALGroupOpenMDArray(g, "B05", NULL);
    GDALExtendedDataTypeH u16 = GDALExtendedDataTypeCreate(GDT_UInt16);
    assert_true(GDALMDArrayRead(a, start, count, NULL, NULL, u16, want, NULL, 0));
    GDALExtendedDataTypeRelease(u16);
    GDALMDArrayRelease(a);
    GDALGroupRelease(g);
    GDALClose(ds);
    snprintf(href, sizeof href, "NETCDF:\"%s\":B05", path);
    tl_source *s = open_source(href);
    assert_string_equal(s->native.crs, "EPSG:32631");
    assert_float_equal(s->native.x0, 501360, 0);
    assert_float_equal(s->native.y0, 5629680, 0); /* y falls with the rows of the file */
    assert_tl_ok(s->vt->sample(s, &s->native, TL_NEAREST, NULL, &m, &e), &e);
    block b = block_read(m, 17, (tl_rect){0, 0, 32, 32});
    for (int i = 0; i < 32 * 32; i++)
        if (b.valid[i] && ((uint16_t *)b.values)[i] != want[i])
            fail_msg("cell %d: wanted %d, got %d", i, want[i], ((uint16_t *)b.values)[i]);
    assert_true(b.valid[0]);
    block_free(&b);
    tl_sampling_unref(m);
    tl_source_unref(s);
}

static void monthly_means_have_dates_of_their_own_kinds(void **state)
{
    (void)state;
    const char *root = shared_file("no2_lockdown_omi_romania");
    told t;
    tl_err e;
    if (!root)
        return;
    assert_tl_ok(read_scenes(tl_read_folder, root, NULL, &t, &e), &e);
    const char *text = tl_buf_text(&t.text);
    assert_non_null(strstr(text, "_monthly_20200401T000000 - - - 20200401T000000 - no2\n"));
    assert_non_null(strstr(text, "_2010_2019_20191230T000000 - - - 20191230T000000 - "
                                 "ColumnAmountNO2CloudScreened\n"));
    assert_int_equal(t.n, 31);
    assert_string_equal(t.crs, "EPSG:4326");
    assert_four(t.box, 18.5, 41.5, 31, 51, 1e-4);
    told_free(&t);
}

static void a_stack_without_time_is_dated_by_its_name(void **state)
{
    (void)state;
    const char *root = shared_file("no2_s5p_l3_netherlands");
    told t;
    tl_err e;
    if (!root)
        return;
    assert_tl_ok(read_scenes(tl_read_folder, root, NULL, &t, &e), &e);
    assert_int_equal(t.n, 3);
    assert_non_null(strstr(tl_buf_text(&t.text), "_20211217T131229 - - - 20211217T114745 - "));
    told_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_step_is_a_scene_with_its_own_pixels),
        cmocka_unit_test(a_further_dimension_is_several_assets),
        cmocka_unit_test(one_variable_can_be_asked_for),
        cmocka_unit_test(files_that_differ_in_their_pixels_are_one_scene),
        cmocka_unit_test(patterns_choose_stacks_too),
        cmocka_unit_test(times_that_cannot_be_read_name_the_file),
        cmocka_unit_test(the_dense_series_lie_where_their_coordinates_say),
        cmocka_unit_test(a_real_series_has_its_rows_the_right_way_round),
        cmocka_unit_test(monthly_means_have_dates_of_their_own_kinds),
        cmocka_unit_test(a_stack_without_time_is_dated_by_its_name),
    };
    return tl_run_tests(tests);
}
