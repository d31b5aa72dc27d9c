/* Layer 5: errors and boxes between C and Lua. SPDX-License-Identifier: MIT */
#include "tests/c/test.h"
#include "runtime/border.h"
#include "runtime/host.h"

#include <stdlib.h>

static tl_host *host;
static lua_State *L;
static int released;

static int open_host(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    released = 0;
    if (tl_host_open(NULL, &host, &e))
        return -1;
    L = tl_host_lua(host);
    return 0;
}

static int close_host(void **state)
{
    (void)state;
    int top = lua_gettop(L);
    tl_host_close(host);
    return top;
}

static int run(const char *text, tl_err *e)
{
    *e = (tl_err)TL_ERR_INIT;
    int code = tl_host_run_text(host, text, strlen(text), "t.lua", 0, e);
    char *suffix = strchr(e->where, '#'); /* of a second t.lua */
    if (suffix)
        memmove(suffix, strchr(suffix, ':'), strlen(strchr(suffix, ':')) + 1);
    return code;
}

/* --- a type of boxes --- */

#define COUNTER "tellua.test.counter"

static void release_counter(void *p)
{
    released++;
    free(p);
}

static int counter_new(lua_State *S)
{
    int empty = lua_toboolean(S, 1);
    void **box = tl_box_push(S, COUNTER);
    if (empty)
        return 1;
    int *n = malloc(sizeof *n);
    *n = 1;
    *box = n;
    return 1;
}

static int counter_add(lua_State *S)
{
    int *n = tl_box_check(S, 1, COUNTER);
    int *other = lua_isnoneornil(S, 2) ? NULL : tl_box_check(S, 2, COUNTER);
    *n += other ? *other : 1;
    lua_pushinteger(S, *n);
    return 1;
}

static int counter_close(lua_State *S)
{
    tl_box_close(S, 1, COUNTER);
    return 0;
}

static int counter_unknown(lua_State *S)
{
    lua_settop(S, 2);
    if (lua_rawget(S, lua_upvalueindex(1)) == LUA_TNIL)
        return tl_raisef(S, TL_ESCRIPT, "a counter has no such thing");
    return 1;
}

static int fail_data(lua_State *S)
{
    tl_err e = TL_ERR_INIT;
    tl_fail(&e, TL_EDATA, "block %d is bad", 7);
    tl_err_source(&e, "x.tif");
    return tl_raise(S, &e);
}

static int script_line(lua_State *S)
{
    lua_pushstring(S, tl_script_line(S));
    return 1;
}

static const char prelude[] = "local line, fail = ...\n"
                              "function where() local l = line() return l end\n"
                              "function broken() local x = nil return x.y end\n"
                              "function deep() local r = fail() return r end\n";

static int register_all(lua_State *S)
{
    static const luaL_Reg methods[] = {
        {"add", counter_add}, {"close", counter_close}, {NULL, NULL}};
    static const luaL_Reg meta[] = {{"__index", counter_unknown}, {NULL, NULL}};
    tl_box_register(S, COUNTER, "Counter", methods, meta, release_counter);
    tl_box_register(S, COUNTER, "Counter", methods, meta, release_counter); /* twice is fine */
    lua_register(S, "Counter", counter_new);
    lua_register(S, "fail", fail_data);
    lua_pushcfunction(S, script_line);
    lua_pushcfunction(S, fail_data);
    tl_loads(S, (const unsigned char *)prelude, strlen(prelude), "=[tellua prelude]", 2, 0);
    return 0;
}

static void add_types(void)
{
    tl_err e = TL_ERR_INIT;
    lua_pushcfunction(L, register_all);
    assert_tl_ok(tl_pcall(L, 0, 0, &e), &e);
    assert_int_equal(lua_gettop(L), 0);
}

/* --- tests --- */

static void a_box_releases_once_whoever_closes_it(void **state)
{
    (void)state;
    tl_err e;
    add_types();
    assert_tl_ok(run("local c <close> = Counter() c:add() c:close() c:close()", &e), &e);
    assert_int_equal(released, 1);
    assert_tl_ok(
        run("do local c <close> = Counter() end Counter() local e <close> = Counter(true)", &e),
        &e);
    lua_gc(L, LUA_GCCOLLECT);
    assert_int_equal(released, 3);
}

static void a_closed_an_empty_and_a_foreign_box_are_refused(void **state)
{
    (void)state;
    tl_err e;
    add_types();
    assert_int_equal(run("local c = Counter()\nc:close()\nc:add()", &e), TL_ESCRIPT);
    assert_string_equal(e.message, "calling 'add' on a bad self (this Counter is closed)");
    assert_string_equal(e.where, "t.lua:3");
    assert_int_equal(run("Counter(true):add()", &e), TL_ESCRIPT);
    assert_non_null(strstr(e.message, "is closed"));
    assert_int_equal(run("local c = Counter() c.add(nil)", &e), TL_ESCRIPT);
    assert_string_equal(e.message, "bad argument #1 to 'add' (Counter expected, got nil)");
    assert_int_equal(run("local c = Counter() c:add(setmetatable({}, {__name = 'Hat'}))", &e),
                     TL_ESCRIPT);
    assert_string_equal(e.message, "bad argument #1 to 'add' (Counter expected, got Hat)");
    assert_int_equal(run("Counter():nothing()", &e), TL_ESCRIPT);
    assert_string_equal(e.message, "a counter has no such thing");
}

static void a_box_shows_its_type_and_hides_its_metatable(void **state)
{
    (void)state;
    tl_err e;
    add_types();
    assert_tl_ok(run("local c = Counter()\n"
                     "assert(tostring(c) == 'Counter')\n"
                     "assert(getmetatable(c) == nil and not pcall(function() c.x = 1 end))\n"
                     "assert(not pcall(function() return c.__gc end))\n"
                     "c:close() assert(tostring(c) == 'Counter (closed)')",
                     &e),
                 &e);
}

static void scripts_see_errors_as_objects(void **state)
{
    (void)state;
    tl_err e;
    add_types();
    assert_tl_ok(
        run("local ok, err = pcall(fail)\n"
            "ok, err = pcall(function()\n  fail()\nend)\n"
            "assert(not ok and err.code == 'data' and err.message == 'block 7 is bad')\n"
            "assert(err.where == 't.lua:3' and err.source == 'x.tif' and err.none == nil)\n"
            "assert(tostring(err) == 't.lua:3: block 7 is bad (x.tif)')\n"
            "assert('E ' .. err == 'E ' .. tostring(err))\n"
            "assert(not pcall(function() err.code = 'ok' end))",
            &e),
        &e);
    assert_int_equal(run("\n\nlocal co = coroutine.wrap(function()\nfail() end)\nco()", &e),
                     TL_EDATA);
    assert_string_equal(e.where, "t.lua:4");
    assert_string_equal(e.source, "x.tif");
}

static void any_thrown_value_becomes_an_error_without_running_script_code(void **state)
{
    (void)state;
    tl_err e;
    const char *evil =
        "local t = setmetatable({}, {__tostring = function() while true do end end,\n"
        "__name = 'x', __index = function() while true do end end})\nerror(t)";
    assert_int_equal(run(evil, &e), TL_ESCRIPT);
    assert_string_equal(e.message, "the error is a table without a message");
    assert_string_equal(e.where, "t.lua:3");
    assert_int_equal(run("error()", &e), TL_ESCRIPT);
    assert_string_equal(e.message, "the error is a nil value");
    assert_int_equal(run("error(12)", &e), TL_ESCRIPT);
    assert_string_equal(e.message, "12");
    assert_int_equal(run("error('a\\0b\\27[2Jc', 0)", &e), TL_ESCRIPT);
    assert_string_equal(e.message, "a?b?[2Jc");
    assert_int_equal(run("error(('A'):rep(8 << 20))", &e), TL_ESCRIPT);
    assert_int_equal(strlen(e.message), sizeof e.message - 1);
    assert_int_equal(run("\nerror('ratio 3:4: bad', 0)", &e), TL_ESCRIPT);
    assert_string_equal(e.message, "ratio 3:4: bad");
    assert_string_equal(e.where, "t.lua:2");
}

static void addresses_are_the_scripts_not_the_preludes(void **state)
{
    (void)state;
    tl_err e;
    add_types();
    assert_string_equal(tl_script_line(L), "");
    assert_tl_ok(run("local w = where()\nassert(w == 't.lua:1', w)", &e), &e);
    assert_int_equal(run("\nbroken()", &e), TL_ESCRIPT);
    assert_string_equal(e.where, "t.lua:2");
    assert_null(strstr(e.message, "[tellua"));
    assert_int_equal(run("\n\n deep()", &e), TL_EDATA);
    assert_string_equal(e.where, "t.lua:3");
    const char *own = "local ok, m = pcall(broken)\nassert(not m:find('[tellua', 1, true))";
    assert_tl_ok(run(own, &e), &e);
}

static void boxes_work_in_a_state_of_stock_lua(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    lua_State *S = luaL_newstate();
    lua_pushcfunction(S, register_all);
    assert_tl_ok(tl_pcall(S, 0, 0, &e), &e);
    assert_null(tl_host_of(S));
    assert_int_equal(luaL_dostring(S, "local c = Counter() c:add() fail()"), 1);
    tl_to_err(S, -1, &e);
    assert_int_equal(e.code, TL_EDATA);
    lua_close(S);
    assert_int_equal(released, 1);
}

#define with_host(f) cmocka_unit_test_setup_teardown(f, open_host, close_host)

int main(void)
{
    setenv("TL_GCSTRESS", "1", 1); /* debug builds collect at every box */
    const struct CMUnitTest tests[] = {
        with_host(a_box_releases_once_whoever_closes_it),
        with_host(a_closed_an_empty_and_a_foreign_box_are_refused),
        with_host(a_box_shows_its_type_and_hides_its_metatable),
        with_host(scripts_see_errors_as_objects),
        with_host(any_thrown_value_becomes_an_error_without_running_script_code),
        with_host(addresses_are_the_scripts_not_the_preludes),
        with_host(boxes_work_in_a_state_of_stock_lua),
    };
    return tl_run_tests(tests);
}
