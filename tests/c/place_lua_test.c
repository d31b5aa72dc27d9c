/* core.place, core.geometry, core.time_series: what Collections are written on.
 * SPDX-License-Identifier: MIT */
#include "tests/c/test.h"
#include "modules/batch/plan_lua.h"
#include "modules/batch/zones_lua.h"
#include "modules/collection/place_lua.h"
#include "modules/image/image_lua.h"
#include "modules/raster/raster.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <unistd.h>

static void run(const char *text)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_pushglobaltable(L);
    tl_image_open_lua(L);
    tl_plan_open_lua(L);
    tl_place_open_lua(L);
    tl_zones_open_lua(L);
    tl_core_push(L);
    lua_setfield(L, -2, "core");
    lua_settop(L, 0);
    if (luaL_loadstring(L, text) || lua_pcall(L, 0, 0, 0)) {
        luaL_tolstring(L, -1, NULL);
        char why[1000];
        snprintf(why, sizeof why, "%s", lua_tostring(L, -1));
        lua_close(L);
        fail_msg("%s", why);
    }
    lua_close(L);
    tl_raster_thread_done();
    assert_int_equal(tl_raster_open_datasets(), 0);
}

static void geometries_become_geojson_and_a_box(void **state)
{
    (void)state;
    run("local g = core.geometry { 170, -20, -170, -10 }\n"
        "assert(table.concat(g.box, ' ') == '170.0 -20.0 -170.0 -10.0', table.concat(g.box, ' '))\n"
        "local again = core.geometry(g)\n"
        "assert(again.geojson == g.geojson and g.geojson:find '^{\"coordinates\"')\n"
        "assert(core.geometry('POINT(1 2)').box[1] == 1)\n"
        "assert(core.geometry{ type = 'Point', coordinates = { 3, 4 } }.box[2] == 4)\n"
        "assert(core.geometry{ 3, 4 }.box[4] == 4)\n"
        "local good, e = pcall(core.geometry, 'nowhere.shp')\n"
        "assert(not good and tostring(e):find('nowhere.shp: no such file', 1, true), tostring(e))\n"
        "good, e = pcall(core.geometry, {})\n"
        "assert(not good and tostring(e):find('a geometry is GeoJSON', 1, true), tostring(e))\n"
        "good, e = pcall(core.geometry, nil)\n"
        "assert(not good and tostring(e):find('got nil', 1, true), tostring(e))\n");
}

static void a_place_has_a_box_and_a_country(void **state)
{
    (void)state;
    char path[300];
    const char *tmp = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/places-XXXXXX.csv", tmp ? tmp : "/tmp");
    int fd = mkstemps(path, 4);
    const char text[] = "name,country,lon,lat\nKladno,CZ,14.1028,50.1473\n";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    setenv("TELLUA_GAZETTEER", path, 1);
    run("local p = core.place('kladno')\n"
        "assert(p.name == 'Kladno' and p.country == 'CZ' and p.lon == 14.1028)\n"
        "assert(p.box[1] < p.lon and p.box[3] > p.lon and math.abs(p.box[4] - p.lat - 10 / "
        "111.195) < 1e-9)\n"
        "local q = core.place('kladno', 20, 'CZ')\n"
        "assert(q.box[4] > p.box[4])\n"
        "local good, e = pcall(core.place, 'Kladn')\n"
        "assert(not good and tostring(e):find('did you mean Kladno?', 1, true), tostring(e))\n"
        "assert(not pcall(core.place, 'kladno', -1))\n");
    unsetenv("TELLUA_GAZETTEER");
    unlink(path);
}

static void a_series_has_a_row_for_each_image(void **state)
{
    (void)state;
    run("local list = {}\n"
        "for k = 1, 3 do\n"
        "  list[k] = { date = '2020-0' .. k .. '-01', id = 's' .. k,\n"
        "    image = Image 'tests/data/scene.vrt':select('SCL', 'height') + k }\n"
        "end\n"
        "list[2].image = list[2].image:select 'SCL':mask(false)\n"
        "local rows = core.time_series(list, { 15.001, 45.1531 })\n"
        "assert(tostring(rows) == 'date,id,SCL,height\\n2020-01-01,s1,1,1\\n2020-02-01,s2,,\\n' "
        "..\n"
        "  '2020-03-01,s3,3,3\\n', tostring(rows))\n"
        "rows = core.time_series(list, { 15, 45, 15.001, 45.2 }, { stats = { 'max', 'cells' } })\n"
        "assert(#rows == 3 and rows[3].height_max == 3 and rows[1].SCL_cells > 100, "
        "tostring(rows))\n"
        "assert(rows[2].cells == 0 and rows[2].max == nil, tostring(rows))\n"
        "local good, e = pcall(core.time_series, list, { 15, 45 }, { stat = 'max' })\n"
        "assert(not good and tostring(e):find(\"did you mean 'stats'\", 1, true), tostring(e))\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(geometries_become_geojson_and_a_box),
        cmocka_unit_test(a_place_has_a_box_and_a_country),
        cmocka_unit_test(a_series_has_a_row_for_each_image),
    };
    return tl_run_tests(tests);
}
