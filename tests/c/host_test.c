/* Layer 5: running scripts, their environment, memory and syntax errors. SPDX-License-Identifier:
 * MIT */
#include "tests/c/test.h"
#include "runtime/border.h"
#include "runtime/buf.h"
#include "runtime/host.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static tl_host *host;

static int open_with(const tl_limits *limits)
{
    tl_err e = TL_ERR_INIT;
    return tl_host_open(limits, &host, &e);
}

static int open_host(void **state)
{
    (void)state;
    return open_with(NULL);
}

static int close_host(void **state)
{
    (void)state;
    int top = lua_gettop(tl_host_lua(host));
    tl_host_close(host);
    return top;
}

static int run_as(const char *name, const char *text, tl_err *e)
{
    *e = (tl_err)TL_ERR_INIT;
    int code = tl_host_run_text(host, text, strlen(text), name, 0, e);
    assert_int_equal(lua_gettop(tl_host_lua(host)), 0);
    return code;
}

static int run(const char *text, tl_err *e)
{
    return run_as("t.lua", text, e);
}

static void add_text(void *ctx, const char *text, size_t len)
{
    tl_buf_add(ctx, text, len);
}

/* --- the environment --- */

static const char walk[] =
    "local seen, names = {}, {}\n"
    "local function walk(t, prefix)\n"
    "  if seen[t] then return end seen[t] = true\n"
    "  for k, v in pairs(t) do\n"
    "    names[#names + 1] = prefix .. tostring(k)\n"
    "    if type(v) == 'table' then walk(v, prefix .. tostring(k) .. '.') end\n"
    "  end\nend\n"
    "walk(load('return _G')(), '') table.sort(names) print(table.concat(names, ' '))";

/* An allow list, tested as one: a new name is a decision. */
static const char environment[] =
    "_G _VERSION assert collectgarbage coroutine coroutine.close coroutine.create "
    "coroutine.isyieldable coroutine.resume coroutine.running coroutine.status coroutine.wrap "
    "coroutine.yield error getmetatable ipairs load math math.abs math.acos math.asin "
    "math.atan math.ceil math.cos math.deg math.exp math.floor math.fmod math.huge math.log "
    "math.max math.maxinteger math.min math.mininteger math.modf math.pi math.rad math.random "
    "math.randomseed math.sin math.sqrt math.tan math.tointeger math.type math.ult next os "
    "os.clock os.date os.difftime os.time pairs pcall print rawequal rawget rawlen rawset "
    "select setmetatable string string.byte string.char string.find string.format "
    "string.gmatch string.gsub string.len string.lower string.match string.pack "
    "string.packsize string.rep string.reverse string.sub string.unpack string.upper table "
    "table.concat table.insert table.move table.pack table.remove table.sort table.unpack "
    "tonumber tostring type utf8 utf8.char utf8.charpattern utf8.codepoint utf8.codes utf8.len "
    "utf8.offset xpcall\n";

static void the_environment_holds_exactly_the_listed_names(void **state)
{
    (void)state;
    tl_err e;
    tl_buf out = TL_BUF_INIT;
    tl_host_set_print(host, add_text, &out);
    assert_tl_ok(run(walk, &e), &e);
    assert_string_equal(tl_buf_text(&out), environment);
    tl_buf_free(&out);
    lua_State *L = tl_host_lua(host); /* nor does the registry keep Lua's own libraries */
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushnil(L);
    assert_int_equal(lua_next(L, -2), 0);
    lua_pop(L, 1);
}

static void the_guards_of_the_environment_hold(void **state)
{
    (void)state;
    tl_err e;
    assert_tl_ok(
        run("local function fails(words, f, ...)\n"
            "  local ok, m = pcall(f, ...)\n"
            "  assert(not ok and tostring(m):find(words, 1, true), tostring(m)) end\n"
            "fails('__gc is not available', setmetatable, {}, {__gc = function() end})\n"
            "fails('__gc is not available', setmetatable, {}, {__gc = false})\n"
            "fails('__mode is not available', setmetatable, {}, {__mode = 'k'})\n"
            "fails('protected', setmetatable, setmetatable({}, {__metatable = 1}), {})\n"
            "fails('nil or table expected', setmetatable, {})\n"
            "assert(getmetatable('') == nil and getmetatable(print) == nil)\n"
            "local m = {} assert(getmetatable(setmetatable({}, m)) == m)\n"
            "assert(getmetatable(setmetatable({}, {__metatable = 7})) == 7)\n"
            "assert(('x').dump == nil and ('x').rep == string.rep and ('ab'):upper() == 'AB')\n"
            "assert('10' + 1 == 11)\n"
            "fails('count', collectgarbage) fails('count', collectgarbage, 'stop')\n"
            "assert(collectgarbage('count') > 0)\n"
            "assert((''):rep(1 << 62) == '' and ('ab'):rep(2, '-') == 'ab-ab')\n"
            "assert(load('return 1 + 1')() == 2 and load('return x', 'n', 't', {x = 3})() == 3)\n"
            "local parts = {'return ', '4'} local i = 0\n"
            "assert(load(function() i = i + 1 return parts[i] end)() == 4)\n"
            "fails('source text', load, 'x', 'x', 'b')\n"
            "local f, m = load('\\27Lua') assert(not f and m:find('bytecode'), m)\n"
            "f, m = load(function() return 1 end and nil or '\\27Lua') assert(not f)\n"
            "f, m = load('x = = 1', 'my text') assert(m:find('^my text:1:5: '), m)\n"
            "f, m = load('x = = 1', '=[tellua x]') assert(m:find('^ ?x%]:1:5: '), m)\n",
            &e),
        &e);
}

static void random_numbers_are_the_same_in_every_run(void **state)
{
    (void)state;
    tl_err e;
    tl_buf a = TL_BUF_INIT, b = TL_BUF_INIT;
    tl_host_set_print(host, add_text, &a);
    assert_tl_ok(run("print(math.random(1 << 50), math.random())", &e), &e);
    tl_host_close(host);
    assert_int_equal(open_with(NULL), 0);
    tl_host_set_print(host, add_text, &b);
    assert_tl_ok(run("math.random() math.randomseed()\n"
                     "print(math.random(1 << 50), math.random())",
                     &e),
                 &e);
    assert_string_equal(tl_buf_text(&a), tl_buf_text(&b));
    tl_buf_free(&a);
    tl_buf_free(&b);
}

static void a_missing_library_gets_a_hint(void **state)
{
    (void)state;
    tl_err e;
    assert_int_equal(run("\nio.open('x')", &e), TL_ESCRIPT);
    assert_non_null(strstr(e.message, "io is not available to scripts; run with --allow io"));
    assert_int_equal(run("os.execute('ls')", &e), TL_ESCRIPT);
    assert_non_null(
        strstr(e.message, "os.execute is not available to scripts; run with --allow os"));
    assert_int_equal(run("require 'x'", &e), TL_ESCRIPT);
    assert_non_null(strstr(e.message, "require is not available to scripts"));
    assert_int_equal(run("mine.x()", &e), TL_ESCRIPT);
    assert_null(strstr(e.message, "available"));
}

static void io_and_os_come_by_permission(void **state)
{
    (void)state;
    tl_err e;
    tl_limits io = {.allow_io = 1}, os = {.allow_os = 1}, both = {.allow_io = 1, .allow_os = 1};
    tl_host_close(host);
    assert_int_equal(open_with(&io), 0);
    assert_tl_ok(run("assert(io.open and not io.popen and not os.execute)", &e), &e);
    tl_host_close(host);
    assert_int_equal(open_with(&os), 0);
    assert_tl_ok(run("assert(os.getenv and not io)", &e), &e);
    tl_host_close(host);
    assert_int_equal(open_with(&both), 0);
    assert_tl_ok(run("assert(io.popen and os.getenv('PATH') and not debug and not require)", &e),
                 &e);
}

/* --- running --- */

static void results_stay_on_the_stack(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    lua_State *L = tl_host_lua(host);
    const char *text = "return 1, 'two', nil";
    assert_tl_ok(tl_host_run_text(host, text, strlen(text), "-e", LUA_MULTRET, &e), &e);
    assert_int_equal(lua_gettop(L), 3);
    assert_string_equal(lua_tostring(L, 2), "two");
    lua_settop(L, 0);
    assert_tl_ok(tl_host_load(host, "return ...", 10, "f", &e), &e);
    lua_pushinteger(L, 5);
    assert_tl_ok(tl_host_call(host, 1, 1, &e), &e);
    assert_int_equal(lua_tointeger(L, -1), 5);
    lua_settop(L, 0);
}

static int run_file(const char *data, size_t len, tl_err *e)
{
    char path[] = "/tmp/tellua-host-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, data, len) == (ssize_t)len);
    close(fd);
    *e = (tl_err)TL_ERR_INIT;
    int code = tl_host_run_file(host, path, 0, e);
    unlink(path);
    return code;
}

static void files_that_are_no_scripts_are_refused_clearly(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    assert_int_equal(tl_host_run_file(host, "/nonexistent/a.lua", 0, &e), TL_EUSAGE);
    assert_string_equal(e.message, "cannot open script /nonexistent/a.lua: there is no such file");
    assert_int_equal(tl_host_run_file(host, "/tmp", 0, &e), TL_EUSAGE);
    assert_non_null(strstr(e.message, "is a directory"));
    assert_int_equal(run_file("\33Lua\x54\x00", 6, &e), TL_ESCRIPT);
    assert_non_null(strstr(e.message, "bytecode"));
    size_t big = (16 << 20) + 1;
    char *data = malloc(big);
    memset(data, '\n', big);
    assert_int_equal(run_file(data, big, &e), TL_EDATA);
    assert_non_null(strstr(e.message, "too large"));
    assert_tl_ok(run_file(data, big - 1, &e), &e);
    free(data);
}

static void a_file_may_start_with_a_mark_and_an_interpreter_line(void **state)
{
    (void)state;
    tl_err e;
    const char *text = "\xef\xbb\xbf#!/usr/bin/env tellua\nx = 1\nerror('here')";
    assert_int_equal(run_file(text, strlen(text), &e), TL_ESCRIPT);
    assert_string_equal(e.message, "here");
    assert_string_equal(strrchr(e.where, ':'), ":3");
    assert_tl_ok(run_file("#", 1, &e), &e);
    assert_tl_ok(run_file("", 0, &e), &e);
}

static void a_name_that_lua_shortens_is_given_whole(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    char folder[] = "/tmp/tellua-with-quite-a-long-name-for-a-folder-XXXXXX", path[128], want[160];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/script.lua", folder);
    snprintf(want, sizeof want, "%s:2", path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("\nlocal x = y.z", f);
    fclose(f);
    assert_int_equal(tl_host_run_file(host, path, 0, &e), TL_ESCRIPT);
    unlink(path);
    rmdir(folder);
    assert_string_equal(e.where, want);
    assert_string_equal(e.message, "attempt to index a nil value (global 'y')");
}

static void every_text_is_kept_under_a_name_of_its_own(void **state)
{
    (void)state;
    tl_err e;
    size_t len;
    assert_tl_ok(run("x = 1", &e), &e);
    assert_tl_ok(run("x = 2", &e), &e);
    assert_tl_ok(run("x = 1", &e), &e);
    assert_string_equal(tl_host_source(host, "=t.lua", &len), "x = 1");
    assert_int_equal(len, 5);
    assert_string_equal(tl_host_source(host, "t.lua#2", NULL), "x = 2");
    assert_null(tl_host_source(host, "t.lua#3", NULL));
    assert_tl_ok(run("load('return 5', 'five')()", &e), &e);
    assert_string_equal(tl_host_source(host, "=five", NULL), "return 5");
    const char *five = tl_host_source(host, "=five", NULL);
    assert_int_equal(tl_host_load_value(host, "return 5", 8, "five", &e), TL_ESCRIPT);
    assert_ptr_equal(tl_host_source(host, "=five", NULL), five); /* a function may come of it */
    assert_tl_ok(run("for i = 1, 5000 do load('return ' .. i) end", &e), &e); /* bounded */
}

static void an_error_has_a_traceback(void **state)
{
    (void)state;
    tl_err e;
    assert_int_equal(run("local function inner()\n  error('x')\nend\ninner()", &e), TL_ESCRIPT);
    assert_string_equal(tl_host_traceback(host), "t.lua:2: in inner\nt.lua:4: in main chunk\n");
    assert_tl_ok(run("x = 1", &e), &e);
    assert_string_equal(tl_host_traceback(host), "");
}

/* --- syntax errors --- */

static const struct {
    const char *text, *where, *message;
} syntax[] = {
    {"local a = (1 + )", "t.lua:1:16",
     "unexpected symbol near ')'\n    local a = (1 + )\n                   ^"},
    {"x = 1\n\tlocal t = {(1), (2), 3)}", "t.lua:2:24",
     "'}' expected near ')'\n    \tlocal t = {(1), (2), 3)}\n    \t                      ^"},
    {"print('\xc3\xa9') y y", "t.lua:1:14",
     "syntax error near 'y'\n    print('\xc3\xa9') y y\n                 ^"},
    {"if x then\n\n  y()\n\n\n", "t.lua:3:6",
     "'end' expected (to close 'if' at line 1) near <eof>\n      y()\n         ^"},
    {"s = 'abc\nx = 2", "t.lua:1:5", "unfinished string near ''abc'\n    s = 'abc\n        ^"},
    {"local x <const> = 1\nx = 2", "t.lua:2", "attempt to assign to const variable 'x'"},
    {"goto nowhere", "t.lua:1", "no visible label 'nowhere' for <goto> at line 1"},
    {"for end", "t.lua:1:5", "<name> expected near 'end'\n    for end\n        ^"},
};

static void a_syntax_error_has_a_column_and_a_caret(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof syntax / sizeof syntax[0]; i++) {
        tl_err e;
        tl_host_close(host);
        assert_int_equal(open_with(NULL), 0);
        assert_int_equal(run(syntax[i].text, &e), TL_ESCRIPT);
        assert_string_equal(e.message, syntax[i].message);
        assert_string_equal(e.where, syntax[i].where);
        assert_int_equal(tl_host_incomplete(host), strstr(e.message, "<eof>") != NULL);
    }
}

static void a_long_line_is_shown_around_the_caret(void **state)
{
    (void)state;
    tl_err e;
    char text[3000];
    memset(text, ' ', sizeof text);
    memcpy(text, "x = ", 4);
    memcpy(text + 2000, ") y", 3);
    text[sizeof text - 1] = '\0';
    assert_int_equal(run(text, &e), TL_ESCRIPT);
    assert_string_equal(e.where, "t.lua:1:2001");
    assert_non_null(strstr(e.message, "^"));
    assert_true(strlen(e.message) < 400);
}

/* --- memory --- */

/* What a script of some variety does under a cap that grows until it succeeds: each allocation
 * fails once. Crashes and leaks are the sanitizer's and the box count's to see. */
static int live_boxes;

static void release_box(void *p)
{
    live_boxes--;
    free(p);
}

static int new_box(lua_State *L)
{
    void **box = tl_box_push(L, "tellua.test.box");
    *box = malloc(1);
    live_boxes++;
    return 1;
}

static int add_boxes(lua_State *L)
{
    tl_box_register(L, "tellua.test.box", "Box", NULL, NULL, release_box);
    lua_register(L, "Box", new_box);
    return 0;
}

static const char varied[] =
    "local b <close> = Box()\n"
    "local t = {Box(), Box()}\n"
    "for i = 1, 40 do t[i] = ('x'):rep(i) .. i end\n"
    "local w = coroutine.wrap(function(a) local c <close> = Box() coroutine.yield(a) error({}) "
    "end)\n"
    "w(1) assert(not pcall(w))\n"
    "local ok, m = xpcall(function() return nil + 1 end, function(m) return m .. '!' end)\n"
    "assert(not ok and m:find('!'))\n"
    "local f = assert(load('return ...', 'piece'))\n"
    "assert(not load('x = = 1') and not load('return (1'))\n"
    "table.sort(t, function(a, b) return tostring(a) < tostring(b) end)\n"
    "print(table.concat({1, 2, 3}, ','), f(7), ('a,b'):gsub(',', ';'), #string.format('%5.1f', "
    "1.5))\n"
    "assert(not pcall(Box().none)) assert(tostring(Box()) == 'Box')\n";

static int try_with(size_t memory)
{
    tl_err e = TL_ERR_INIT;
    tl_buf out = TL_BUF_INIT;
    tl_limits limits = {.memory = memory};
    host = NULL;
    int code = tl_host_open(&limits, &host, &e);
    if (!code) {
        lua_State *L = tl_host_lua(host);
        tl_host_set_print(host, add_text, &out);
        lua_pushcfunction(L, add_boxes);
        code = tl_pcall(L, 0, 0, &e);
        if (!code)
            code = run(varied, &e);
    }
    tl_host_close(host);
    tl_buf_free(&out);
    if (code && code != TL_ENOMEM)
        fail_msg("with %zu bytes: %s: %s", memory, e.where, e.message);
    assert_int_equal(live_boxes, 0);
    return code;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    size_t memory = 1000;
    int tries = 0;
    while (try_with(memory)) {
        memory += 16;
        tries++;
    }
    print_message("# %d failures, first success with %zu bytes\n", tries, memory);
    assert_true(tries > 500);
}

#define with_host(f) cmocka_unit_test_setup_teardown(f, open_host, close_host)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_host(the_environment_holds_exactly_the_listed_names),
        with_host(the_guards_of_the_environment_hold),
        with_host(random_numbers_are_the_same_in_every_run),
        with_host(a_missing_library_gets_a_hint),
        with_host(io_and_os_come_by_permission),
        with_host(results_stay_on_the_stack),
        with_host(files_that_are_no_scripts_are_refused_clearly),
        with_host(a_file_may_start_with_a_mark_and_an_interpreter_line),
        with_host(a_name_that_lua_shortens_is_given_whole),
        with_host(every_text_is_kept_under_a_name_of_its_own),
        with_host(an_error_has_a_traceback),
        with_host(a_syntax_error_has_a_column_and_a_caret),
        with_host(a_long_line_is_shown_around_the_caret),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return tl_run_tests(tests);
}
