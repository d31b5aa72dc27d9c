/* The library as other programs use it: tellua.h. SPDX-License-Identifier: MIT */
#include "modules/raster/raster.h"
#include "runtime/mem.h"
#include "runtime/tellua.h"
#include "tests/c/test.h"

#include <gdal.h>
#include <lauxlib.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define FILE_W 70
#define FILE_H 30

/* Two bands of uint16: column + row, and 7. The cell 0, 0 is nodata. */
static void make_file(const char *path)
{
    GDALAllRegister();
    GDALDatasetH ds =
        GDALCreate(GDALGetDriverByName("GTiff"), path, FILE_W, FILE_H, 2, GDT_UInt16, NULL);
    double place[6] = {500000, 10, 0, 5000000, 0, -10};
    assert_non_null(ds);
    GDALSetGeoTransform(ds, place);
    for (int b = 1; b <= 2; b++) {
        uint16_t cells[FILE_H][FILE_W];
        for (int y = 0; y < FILE_H; y++)
            for (int x = 0; x < FILE_W; x++)
                cells[y][x] = (uint16_t)(b == 1 ? x + y : 7);
        GDALSetRasterNoDataValue(GDALGetRasterBand(ds, b), 0);
        assert_int_equal(GDALRasterIO(GDALGetRasterBand(ds, b), GF_Write, 0, 0, FILE_W, FILE_H,
                                      cells, FILE_W, FILE_H, GDT_UInt16, 0, 0),
                         0);
    }
    GDALClose(ds);
}

static int run(tellua *t, const char *text)
{
    return tellua_run_text(t, text, strlen(text), "test");
}

static tellua *with_output(const char *text)
{
    tellua *t = tellua_open(NULL);
    assert_non_null(t);
    if (run(t, text))
        fail_msg("%s", tellua_message(t));
    return t;
}

#define FILE_NAME "/vsimem/embed.tif"

static void an_image_is_evaluated_band_after_band_with_its_validity(void **state)
{
    (void)state;
    tellua *t = with_output("local i = Image '" FILE_NAME
                            "' output('a', (i:rename('x', 'y') * 2) .. i:select(1))");
    const tellua_image *img = tellua_output(t, "a");
    tellua_grid g;
    int32_t v[3 * FILE_W * FILE_H];
    uint8_t ok[sizeof v / sizeof *v];
    assert_int_equal(tellua_outputs(t), 1);
    assert_string_equal(tellua_output_name(t, 0), "a");
    assert_null(tellua_output_name(t, 1));
    assert_null(tellua_output(t, "b"));
    assert_int_equal(tellua_bands(img), 3);
    assert_string_equal(tellua_band_name(img, 1), "y");
    assert_null(tellua_band_name(img, 3));
    assert_int_equal(tellua_native_grid(t, img, &g), 0);
    assert_int_equal(g.w * g.h, FILE_W * FILE_H);
    assert_int_equal(tellua_evaluate(t, img, &g, TELLUA_INT32, v, ok), 0);
    assert_string_equal(tellua_message(t), "");
    assert_false(ok[0]);
    assert_int_equal(v[0], 0);
    assert_true(ok[5 * FILE_W + 3]);
    assert_int_equal(v[5 * FILE_W + 3], 16);
    assert_int_equal(v[FILE_W * FILE_H + 5], 14);
    assert_int_equal(v[2 * FILE_W * FILE_H + 9], 9);
    uint8_t small[3 * FILE_W * FILE_H]; /* the mask is not wanted */
    assert_int_equal(tellua_evaluate(t, img, &g, TELLUA_UINT8, small, NULL), 0);
    assert_int_equal(small[5 * FILE_W + 3], 16);
    tellua_close(t);
}

static void a_bad_grid_is_refused_before_anything_is_read(void **state)
{
    (void)state;
    tellua *t = with_output("output('a', Image('" FILE_NAME "'):select(1))");
    const tellua_image *img = tellua_output(t, "a");
    tellua_grid good, g;
    uint8_t cell[1] = {99};
    assert_int_equal(tellua_native_grid(t, img, &good), 0);
    good.w = good.h = 1;
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        g = good;                                                                                  \
        change;                                                                                    \
        assert_int_not_equal(tellua_evaluate(t, img, &g, TELLUA_UINT8, cell, NULL), 0);            \
        assert_true(strlen(tellua_message(t)) > 10);                                               \
        assert_int_equal(cell[0], 99);                                                             \
    } while (0)
    REFUSED(g.w = 0);
    REFUSED(g.h = -1);
    REFUSED(g.dx = 0);
    REFUSED(g.dy = -10);
    REFUSED(g.dx = NAN);
    REFUSED(g.dx = INFINITY);
    REFUSED(g.x0 = NAN);
    REFUSED(g.w = g.h = INT64_MAX);
    REFUSED(g.col = INT64_MIN);
    REFUSED(g.row = INT64_MAX);
    REFUSED(g.crs = "EPSG:99999999");
    REFUSED(g.crs = "no such system");
#undef REFUSED
    assert_int_equal(
        tellua_exit_status(tellua_evaluate(t, img, &good, (tellua_type)77, cell, NULL)), 2);
    assert_int_equal(tellua_exit_status(tellua_evaluate(t, img, &good, TELLUA_UINT8, NULL, NULL)),
                     2);
    good.col = 12;
    assert_int_equal(tellua_evaluate(t, img, &good, TELLUA_UINT8, cell, NULL), 0);
    assert_int_equal(cell[0], 12);
    good.col = -5; /* beside the file: not an error, not valid */
    uint8_t valid = 9;
    assert_int_equal(tellua_evaluate(t, img, &good, TELLUA_UINT8, cell, &valid), 0);
    assert_int_equal(valid, 0);
    tellua_close(t);
}

static void a_failed_script_leaves_its_message_and_the_state_usable(void **state)
{
    (void)state;
    tellua *t = with_output("output('a', Image('" FILE_NAME "'):select(1))");
    int rc = run(t, "output('b', Image '" FILE_NAME "')\nerror('on purpose')");
    assert_int_equal(tellua_exit_status(rc), 1);
    assert_non_null(strstr(tellua_message(t), "test#2:2"));
    assert_non_null(strstr(tellua_message(t), "on purpose"));
    tellua_grid g;
    uint8_t v[FILE_W * FILE_H];
    const tellua_image *img = tellua_output(t, "a");
    assert_non_null(img);
    assert_int_equal(tellua_native_grid(t, img, &g), 0);
    assert_int_equal(tellua_evaluate(t, img, &g, TELLUA_UINT8, v, NULL), 0);
    assert_int_equal(v[4], 4);
    assert_int_equal(tellua_exit_status(tellua_run_file(t, "/nowhere/x.lua")), 2);
    assert_int_equal(tellua_exit_status(run(t, "x = = 1")), 1);
    tellua_close(t);
    tellua_close(NULL);
}

static void parameters_are_checked(void **state)
{
    (void)state;
    tellua *t = tellua_open(NULL);
    assert_int_equal(tellua_exit_status(tellua_set(t, "novalue")), 2);
    assert_int_equal(tellua_set(t, "n=12"), 0);
    assert_int_equal(tellua_exit_status(run(t, "param('n', 1, {max = 10})")), 2);
    assert_non_null(strstr(tellua_message(t), "12"));
    assert_int_equal(run(t, "assert(param('n', 1, {max = 20}) == 12)"), 0);
    tellua_close(t);
}

static int open_fails(lua_State *L)
{
    return luaL_error(L, "no database");
}

static int twice(lua_State *L)
{
    lua_pushinteger(L, 2 * luaL_checkinteger(L, 1));
    return 1;
}

static int open_good(lua_State *L)
{
    static const luaL_Reg functions[] = {{"twice", twice}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}

static void a_module_that_does_not_open_is_an_error_and_no_global(void **state)
{
    (void)state;
    tellua *t = tellua_open(NULL);
    assert_int_not_equal(tellua_register(t, "bad", open_fails), 0);
    assert_non_null(strstr(tellua_message(t), "no database"));
    assert_int_equal(tellua_exit_status(tellua_register(t, "", open_good)), 2);
    assert_int_equal(tellua_exit_status(tellua_register(t, "x", NULL)), 2);
    assert_int_equal(tellua_register(t, "good", open_good), 0);
    assert_int_equal(run(t, "assert(bad == nil and good.twice(4) == 8)"), 0);
    assert_int_not_equal(run(t, "good.twice('x')"), 0);
    assert_non_null(strstr(tellua_message(t), "test#2:1"));
    assert_non_null(tellua_lua(t));
    assert_int_equal(lua_gettop(tellua_lua(t)), 0);
    tellua_close(t);
}

static void *interrupt_soon(void *arg)
{
    nanosleep(&(struct timespec){0, 100000000}, NULL);
    tellua_interrupt(arg);
    return NULL;
}

static void a_script_and_an_evaluation_can_be_interrupted_from_another_thread(void **state)
{
    (void)state;
    tellua *t = with_output("local x = Image('" FILE_NAME "'):select(1) "
                            "for i = 1, 300 do x = x:sin() + i end output('slow', x)");
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, interrupt_soon, t), 0);
    assert_int_equal(
        tellua_exit_status(run(t, "while true do pcall(function() while true do end end) end")),
        130);
    pthread_join(other, NULL);
    const tellua_image *img = tellua_output(t, "slow");
    tellua_grid g;
    assert_int_equal(tellua_native_grid(t, img, &g), 0);
    g.w = g.h = 3000; /* minutes of sines */
    float *v = malloc((size_t)(g.w * g.h) * sizeof *v);
    assert_int_equal(pthread_create(&other, NULL, interrupt_soon, t), 0);
    assert_int_equal(tellua_exit_status(tellua_evaluate(t, img, &g, TELLUA_FLOAT32, v, NULL)), 130);
    pthread_join(other, NULL);
    g.w = g.h = 4; /* and the state goes on */
    assert_int_equal(tellua_evaluate(t, img, &g, TELLUA_FLOAT32, v, NULL), 0);
    free(v);
    tellua_close(t);
}

static void *one_state(void *arg)
{
    const int *k = arg;
    char text[300];
    snprintf(text, sizeof text, "output('a', Image('" FILE_NAME "'):select(1) * %d)", *k);
    for (int turn = 0; turn < 5; turn++) {
        tellua *t = tellua_open(&(tellua_options){.threads = 2});
        tellua_grid g;
        uint16_t v[FILE_W * FILE_H];
        if (run(t, text) || tellua_native_grid(t, tellua_output(t, "a"), &g) ||
            tellua_evaluate(t, tellua_output(t, "a"), &g, TELLUA_UINT16, v, NULL))
            return arg;
        for (int i = 0; i < FILE_W * FILE_H; i++)
            if (v[i] != (i % FILE_W + i / FILE_W) * *k)
                return arg;
        tellua_close(t);
    }
    return NULL;
}

static void two_states_work_in_two_threads_at_once(void **state)
{
    (void)state;
    pthread_t thread[2];
    int factor[2] = {3, 5};
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, one_state, &factor[i]), 0);
    for (int i = 0; i < 2; i++) {
        void *failed;
        pthread_join(thread[i], &failed);
        assert_null(failed);
    }
}

static void limits_of_memory_and_instructions_hold(void **state)
{
    (void)state;
    tellua *t = tellua_open(&(tellua_options){.lua_memory = 4 << 20, .instructions = 1000000});
    assert_int_not_equal(run(t, "while true do end"), 0);
    assert_int_not_equal(run(t, "return ('x'):rep(1 << 30)"), 0);
    assert_int_not_equal(run(t, "return io.open('x')"), 0);
    assert_int_equal(run(t, "return 1"), 0);
    tellua_close(t);
}

static int nothing_is_left(void **state)
{
    (void)state;
    VSIUnlink(FILE_NAME);
    for (int i = 0; i < TL_LIVE_KINDS; i++)
        assert_int_equal(tl_live_count((enum tl_live_kind)i), 0);
    assert_int_equal(tl_raster_open_datasets(), 0);
    return 0;
}

static int make_files(void **state)
{
    (void)state;
    make_file(FILE_NAME);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_is_evaluated_band_after_band_with_its_validity),
        cmocka_unit_test(a_bad_grid_is_refused_before_anything_is_read),
        cmocka_unit_test(a_failed_script_leaves_its_message_and_the_state_usable),
        cmocka_unit_test(parameters_are_checked),
        cmocka_unit_test(a_module_that_does_not_open_is_an_error_and_no_global),
        cmocka_unit_test(a_script_and_an_evaluation_can_be_interrupted_from_another_thread),
        cmocka_unit_test(two_states_work_in_two_threads_at_once),
        cmocka_unit_test(limits_of_memory_and_instructions_hold),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name(__FILE__, tests, make_files, nothing_is_left);
}
