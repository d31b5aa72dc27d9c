/* Layer 5: what stops a script, and that nothing swallows it. SPDX-License-Identifier: MIT */
/* test-not-under: tsan Lua unwinds by longjmp in a library that is not instrumented */
#include "tests/c/test.h"
#include "runtime/border.h"
#include "runtime/host.h"
#include "runtime/watch.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static tl_host *host;

static int open_limited(const tl_limits *limits)
{
    tl_err e = TL_ERR_INIT;
    return tl_host_open(limits, &host, &e);
}

static int open_small(void **state)
{
    (void)state;
    tl_limits limits = {.memory = 64 << 20, .instructions = 200000};
    return open_limited(&limits);
}

static int open_endless(void **state)
{
    (void)state;
    tl_limits limits = {.memory = 8 << 20, .instructions = INT64_MAX};
    return open_limited(&limits);
}

static int open_roomy(void **state)
{
    (void)state;
    tl_limits limits = {.memory = 256 << 20, .instructions = 100000000};
    return open_limited(&limits);
}

static int close_host(void **state)
{
    (void)state;
    int top = lua_gettop(tl_host_lua(host));
    tl_host_close(host);
    return top;
}

static int run(const char *text, tl_err *e)
{
    *e = (tl_err)TL_ERR_INIT;
    int code = tl_host_run_text(host, text, strlen(text), "t.lua", 0, e);
    assert_int_equal(lua_gettop(tl_host_lua(host)), 0);
    return code;
}

/* Runs every text; each must end with `code` and a message that has `words`. */
static void all_end_with(const char *const *texts, int code, const char *words)
{
    for (; *texts; texts++) {
        tl_err e;
        int got = run(*texts, &e);
        if (got != code || !strstr(e.message, words))
            fail_msg("%s\n  gave %s: %s", *texts, tl_code_name(got), e.message);
        lua_State *L = tl_host_lua(host); /* Lua is usable between runs */
        assert_int_equal(luaL_dostring(L, "return pcall(tostring, 1)"), LUA_OK);
        lua_settop(L, 0);
        assert_tl_ok(run("after = 1", &e), &e); /* the next run has a budget of its own */
    }
}

static const char *const loops[] = {
    "while true do end",
    "::again:: goto again",
    "for i = 1, math.huge do end",
    "local function f() return f() end f()",
    "while true do pcall(function() while true do end end) end",
    "pcall(function() pcall(function() while true do end end) while true do end end) while true do "
    "end",
    "xpcall(function() while true do end end, function() while true do end end)",
    "xpcall(error, function() while true do end end)",
    "xpcall(function() error() end, function(m) pcall(function() while true do end end) end)",
    "while true do xpcall(error, error) end",
    "coroutine.wrap(function() while true do end end)()",
    "while true do local co = coroutine.create(function() while true do end end)\n"
    "coroutine.resume(co) end",
    "while true do coroutine.wrap(function() for i = 1, 50 do end end)() end",
    "local function nest() coroutine.wrap(function() pcall(nest) end)() end\n"
    "while true do pcall(nest) end",
    "local w = coroutine.wrap(function() pcall(function()\n"
    "  coroutine.wrap(function() pcall(function() while true do end end) end)() end) end)\n"
    "pcall(w) while true do end",
    "local co = coroutine.wrap(function() while true do coroutine.yield() end end)\n"
    "while true do co() end",
    "local co = coroutine.create(function() pcall(function() coroutine.yield(1) while true do end "
    "end)\n"
    "while true do end end) while true do coroutine.resume(co) end",
    "local co = coroutine.create(function() local x <close> = setmetatable({},\n"
    "{__close = function() while true do end end}) coroutine.yield() end)\n"
    "coroutine.resume(co) while true do pcall(coroutine.close, co) end",
    "local t = setmetatable({}, {__index = function(t, k) return t[k + 1 & 7] end})\n"
    "while true do pcall(function() return t[1] end) end",
    "local m = {} m.__lt = function() while true do end end\n"
    "local a, b = setmetatable({}, m), setmetatable({}, m) while true do pcall(function() return a "
    "< b end) end",
    "local t = {} for i = 1, 100 do t[i] = i end\n"
    "while true do pcall(table.sort, t, function() while true do end end) end",
    "while true do pcall(string.gsub, 'xxxx', '.', function() while true do end end) end",
    "local x <close> = setmetatable({}, {__close = function() while true do end end}) error('x')",
    "local x <close> = setmetatable({}, {__close = function() while true do end end}) while true "
    "do end",
    "for k in pairs(setmetatable({}, {__pairs = function() return function() return 1 end end})) "
    "do end",
    "load(function() while true do end end)",
    "while true do load('return 1') end",
    "while true do pcall(load, ('x = 1 '):rep(1000)) end",
    NULL};

static void no_loop_outlives_its_budget(void **state)
{
    (void)state;
    double start = tl_now();
    all_end_with(loops, TL_ESCRIPT, "budget of 200000 instructions (raise it with --budget N)");
    assert_true(tl_now() - start < 20);
}

static void the_budget_error_names_the_line(void **state)
{
    (void)state;
    tl_err e;
    assert_int_equal(run("local x\n\nwhile true do\nend", &e), TL_ESCRIPT);
    assert_true(strcmp(e.where, "t.lua:3") == 0 || strcmp(e.where, "t.lua:4") == 0);
}

static void the_budget_counts_what_ran(void **state)
{
    (void)state;
    tl_err e;
    assert_tl_ok(run("for i = 1, 150000 do end", &e), &e); /* one instruction each */
    assert_int_equal(run("for i = 1, 250000 do end", &e), TL_ESCRIPT);
    /* a generator costs its instructions and 100 for each resume */
    assert_tl_ok(run("local n = 0 for i in coroutine.wrap(function() for i = 1, 1500 do\n"
                     "coroutine.yield(i) end end) do n = n + i end assert(n == 1125750)",
                     &e),
                 &e);
}

static void a_coroutine_that_was_stopped_stays_dead(void **state)
{
    (void)state;
    tl_err e;
    const char *text = "co = coroutine.create(function() local x <close> = setmetatable({},\n"
                       "{__close = function() while true do end end}) while true do end end)\n"
                       "coroutine.resume(co)";
    assert_int_equal(run(text, &e), TL_ESCRIPT);
    /* its hooks are off: running its __close would never end */
    assert_tl_ok(run("assert(coroutine.status(co) == 'dead')\n"
                     "assert(not pcall(coroutine.close, co))\n"
                     "assert(not coroutine.resume(co))",
                     &e),
                 &e);
}

static void coroutines_behave_as_in_lua(void **state)
{
    (void)state;
    tl_err e;
    assert_tl_ok(
        run("local co = coroutine.create(function(a, b)\n"
            "  local c = coroutine.yield(a + b)\n"
            "  local ok, d = pcall(function() return coroutine.yield(c) * 2 end)\n"
            "  local ok2, m = xpcall(function() coroutine.yield(d) error('end', 0) end,\n"
            "    function(m) return m .. '!' end)\n"
            "  return ok, ok2, m end)\n"
            "assert(select(2, coroutine.resume(co, 1, 2)) == 3)\n"
            "assert(select(2, coroutine.resume(co, 7)) == 7)\n"
            "assert(select(2, coroutine.resume(co, 5)) == 10)\n"
            "local r = {coroutine.resume(co)}\n"
            "assert(r[1] and r[2] == true and r[3] == false and r[4] == 'end!')\n"
            "local ok, m = coroutine.resume(co) assert(not ok and m == 'cannot resume dead "
            "coroutine')\n"
            "ok, m = coroutine.resume(coroutine.running())\n"
            "assert(not ok and m == 'cannot resume non-suspended coroutine')\n"
            "local closed = 0\n"
            "local function closing() local x <close> = setmetatable({}, {__close = function()\n"
            "  closed = closed + 1 end}) coroutine.yield() error('late') end\n"
            "co = coroutine.create(closing) coroutine.resume(co)\n"
            "assert(coroutine.close(co) == true and closed == 1)\n"
            "local w = coroutine.wrap(closing) w() ok, m = pcall(w)\n"
            "assert(not ok and m:find('late') and closed == 2)\n"
            "co = coroutine.create(error) coroutine.resume(co, 'gone')\n"
            "ok, m = coroutine.close(co) assert(ok == false and m == 'gone')\n"
            "assert(not pcall(coroutine.close, coroutine.running()))\n"
            "assert(select('#', pcall(coroutine.wrap(function() end))) == 1)\n"
            "assert(coroutine.isyieldable() == false)\n",
            &e),
        &e);
}

static void pcall_and_xpcall_behave_as_in_lua(void **state)
{
    (void)state;
    tl_err e;
    assert_tl_ok(run("assert(select('#', pcall(function() return 1, nil, nil end)) == 4)\n"
                     "assert(not pcall(pcall) and not pcall(xpcall, print))\n"
                     "local ok, m = pcall(error, nil) assert(ok == false and m == nil)\n"
                     "ok, m = xpcall(function(a) error({a}) end, function(t) return t[1] end, 9)\n"
                     "assert(m == 9)\n"
                     "ok, m = xpcall(error, error, 'x') assert(not ok)\n"
                     "local function deep() return pcall(deep) end deep()\n"
                     "local function over() return 1 + over() end ok, m = pcall(over)\n"
                     "assert(not ok and m:find('stack overflow'))",
                     &e),
                 &e);
}

static const char *const bombs[] = {
    "local s = ('x'):rep(1 << 30)",
    "local s = 'x' while true do s = s .. s end",
    "local t = {} while true do t[#t + 1] = {} end",
    "local t = {} while true do pcall(function() t[#t + 1] = ('x'):rep(1000) .. #t end) end",
    "while true do pcall(string.rep, 'x', 1 << 30) end",
    "xpcall(string.rep, function() while true do end end, 'x', 1 << 30)",
    "pcall(coroutine.wrap(function() return ('x'):rep(1 << 30) end))",
    "coroutine.resume(coroutine.create(string.rep), 'x', 1 << 30)",
    "pcall(table.concat, {('x'):rep(1 << 22), ('y'):rep(1 << 22)})",
    "local t = {} while true do t[#t + 1] = coroutine.create(print) end",
    NULL};

static void refused_memory_ends_the_run(void **state)
{
    (void)state;
    all_end_with(bombs, TL_ENOMEM, "not enough memory: the script may hold 8 MiB");
}

/* --- interrupts --- */

static const char *const waits[] = {
    "while true do end",
    "while true do pcall(function() while true do end end) end",
    "while true do xpcall(function() while true do end end, function() while true do end end) end",
    "while true do coroutine.wrap(function() pcall(function() while true do end end) end)() end",
    "local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do "
    "co() end",
    NULL};

static void *interrupt_soon(void *arg)
{
    (void)arg;
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    tl_host_interrupt(host);
    return NULL;
}

static void another_thread_can_interrupt(void **state)
{
    (void)state;
    for (const char *const *text = waits; *text; text++) {
        tl_err e;
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, NULL), 0);
        int code = run(*text, &e);
        pthread_join(thread, NULL);
        assert_int_equal(code, TL_EINTR);
        assert_string_equal(e.message, "interrupted");
    }
}

static void on_alarm(int sig)
{
    (void)sig;
    tl_host_interrupt(host);
}

static void set_alarm(long us)
{
    struct itimerval t = {.it_value = {.tv_usec = us}};
    setitimer(ITIMER_REAL, &t, NULL);
}

static void a_signal_handler_can_interrupt(void **state)
{
    (void)state;
    tl_err e;
    signal(SIGALRM, on_alarm);
    for (const char *const *text = waits; *text; text++) {
        set_alarm(20000);
        assert_int_equal(run(*text, &e), TL_EINTR);
    }
    /* C functions that call only C functions count no instructions, but see the signal */
    set_alarm(20000);
    assert_int_equal(run("table.sort(setmetatable({}, {__len = function() return 1 << 30 end,\n"
                         "__index = rawlen}), rawequal)",
                         &e),
                     TL_EINTR);
    signal(SIGALRM, SIG_DFL);
}

static void an_interrupt_while_nothing_runs_is_forgotten(void **state)
{
    (void)state;
    tl_err e;
    tl_host_interrupt(host);
    assert_false(tl_host_stopping(host));
    assert_tl_ok(run("for i = 1, 10000 do end", &e), &e);
}

static int wait_in_c(lua_State *L)
{
    while (!tl_host_stopping(tl_host_of(L)))
        ;
    return tl_raisef(L, TL_EINTR, "interrupted"); /* or return: the next instruction raises */
}

static int endless_charge(lua_State *L)
{
    while (!tl_host_stopping(tl_host_of(L)))
        tl_host_charge(L, 1000);
    return 0;
}

static void work_in_c_can_ask_and_be_counted(void **state)
{
    (void)state;
    tl_err e;
    pthread_t thread;
    lua_register(tl_host_lua(host), "wait", wait_in_c);
    assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, NULL), 0);
    int code = run("while true do pcall(wait) end", &e);
    pthread_join(thread, NULL);
    assert_int_equal(code, TL_EINTR);
    tl_host_close(host);
    assert_int_equal(open_small(NULL), 0);
    lua_register(tl_host_lua(host), "work", endless_charge);
    assert_int_equal(run("while true do pcall(work) end", &e), TL_ESCRIPT);
}

#define small(f)   cmocka_unit_test_setup_teardown(f, open_small, close_host)
#define roomy(f)   cmocka_unit_test_setup_teardown(f, open_roomy, close_host)
#define endless(f) cmocka_unit_test_setup_teardown(f, open_endless, close_host)

int main(void)
{
    const struct CMUnitTest tests[] = {
        small(no_loop_outlives_its_budget),
        small(the_budget_error_names_the_line),
        small(the_budget_counts_what_ran),
        small(a_coroutine_that_was_stopped_stays_dead),
        roomy(coroutines_behave_as_in_lua),
        roomy(pcall_and_xpcall_behave_as_in_lua),
        endless(refused_memory_ends_the_run),
        endless(another_thread_can_interrupt),
        endless(a_signal_handler_can_interrupt),
        endless(an_interrupt_while_nothing_runs_is_forgotten),
        endless(work_in_c_can_ask_and_be_counted),
    };
    /* It delays signals and loses count of frames that longjmp left. */
#ifdef __SANITIZE_THREAD__
    cmocka_set_test_filter("another_thread*");
#endif
    return tl_run_tests(tests);
}
