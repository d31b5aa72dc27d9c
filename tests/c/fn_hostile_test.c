/* Texts written to hurt the compiler: an answer within 100 ms and 64 MiB. SPDX-License-Identifier:
 * MIT */
#include "tests/c/fn_help.h"

#include <malloc.h>
#include <math.h>
#include <sys/resource.h>
#include <time.h>

static tl_num cells[4][1];

static void many(tl_buf *b, const char *text, int n)
{
    for (int k = 0; k < n; k++)
        tl_buf_printf(b, text, k, k - 1, k);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static long peak_kib(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss;
}

/* Parses and lowers, once; seconds of the processor. */
static double once(const tl_buf *text, int *code, tl_err *e)
{
    tl_fn *fn = NULL;
    tl_fn_result *r = NULL;
    tl_fn_options options = {0};
    double start = seconds();
    *code = tl_fn_parse(text->data, text->len, "=hostile", 1, 1, &fn, NULL, e);
    if (!*code) {
        tl_ir *ir = tl_ir_new();
        tl_fn_arg band = {NULL, tl_ir_load(ir, 0, TL_I16), TL_NONE};
        tl_fn_arg *frees = tl_xcalloc((size_t)tl_fn_n_free(fn) + 1, sizeof *frees);
        tl_frozen *nil = tl_frozen_nil();
        for (int k = 0; k < tl_fn_n_free(fn); k++)
            frees[k].value = nil;
        *code = tl_fn_lower(fn, ir, &band, frees, &options, &r, NULL, e);
        tl_fn_result_free(r);
        tl_frozen_unref(nil);
        free(frees);
        tl_ir_free(ir);
    }
    double spent = seconds() - start;
    tl_fn_unref(fn);
    return spent;
}

/* 1 when it compiled. Of a text that took too long the least of five: a neighbour on the same core,
 * or a machine that is slow to give memory, is not the compiler. */
static int attempt(const char *name, tl_buf *text, int compiles)
{
    int code = 0;
    tl_err e = TL_ERR_INIT;
    tl_buf_text(text);
    double spent = once(text, &code, &e);
    for (int k = 0; k < 4 && spent > 0.1; k++) {
        e = (tl_err)TL_ERR_INIT;
        spent = fmin(spent, once(text, &code, &e));
    }
    print_message("# %-28s %6.1f ms, %5zu kB: %.70s\n", name, 1000 * spent, text->len / 1000,
                  code ? e.message : "compiles");
    tl_buf_free(text);
#ifndef TL_DEBUG /* sanitizers need more of both */
    if (spent > 0.1)
        fail_msg("%s took %.0f ms", name, 1000 * spent);
#endif
    if ((code == 0) != compiles)
        fail_msg("%s: %s", name, code ? e.message : "it compiles");
    if (code)
        assert_true(strchr(e.message, '^') != NULL);
    return !code;
}

static tl_buf begin(void)
{
    tl_buf b = TL_BUF_INIT;
    tl_buf_puts(&b, "function(a)\n");
    return b;
}

#define TRY(name, compiles, ...)                                                                   \
    do {                                                                                           \
        tl_buf b = begin();                                                                        \
        __VA_ARGS__;                                                                               \
        tl_buf_puts(&b, "\nend");                                                                  \
        attempt(name, &b, compiles);                                                               \
    } while (0)

static void nesting_without_end_is_refused(void **state)
{
    (void)state;
    TRY("parentheses", 0, tl_buf_puts(&b, "return "); many(&b, "(", 100000));
    TRY("closed parentheses", 0, tl_buf_puts(&b, "return "); many(&b, "(", 50000);
        tl_buf_puts(&b, "a"); many(&b, ")", 50000));
    TRY("braces", 0, tl_buf_puts(&b, "return "); many(&b, "{", 100000));
    TRY("minuses", 0, tl_buf_puts(&b, "return "); many(&b, "- ", 50000); tl_buf_puts(&b, "a"));
    TRY("powers", 0, tl_buf_puts(&b, "return a"); many(&b, "^a", 50000));
    TRY("functions", 0, many(&b, "return function() ", 6000));
    TRY("blocks", 0, many(&b, "do ", 33000));
    TRY("calls of calls", 0, tl_buf_puts(&b, "return a"); many(&b, "()", 50000));
    TRY("indices", 0, tl_buf_puts(&b, "return a"); many(&b, "[1]", 33000));
    TRY("else without end", 0, tl_buf_puts(&b, "if a < 0 then ");
        many(&b, "elseif a < %d then a = %d ", 4000); tl_buf_puts(&b, "end return a"));
}

static void long_texts_are_read_or_refused(void **state)
{
    (void)state;
    TRY("locals", 0, many(&b, "local v%d = a ", 10000));
    TRY("locals in one statement", 0, tl_buf_puts(&b, "local x"); many(&b, ", x%d", 10000));
    TRY("blocks of locals", 1, many(&b, "do local v%d = a a = a + %d end ", 4000);
        tl_buf_puts(&b, "return a"));
    TRY("a long sum", 1, tl_buf_puts(&b, "return a"); many(&b, " + a", 25000));
    TRY("a long conjunction", 1, tl_buf_puts(&b, "return a == 1"); many(&b, " or a == %d", 8000));
    TRY("many targets", 0, tl_buf_puts(&b, "a"); many(&b, ", a", 30000);
        tl_buf_puts(&b, " = 1 return a"));
    TRY("many free names", 0, tl_buf_puts(&b, "return n"); many(&b, " + n%d", 15000));
    TRY("a big table", 1, tl_buf_puts(&b, "local t = {"); many(&b, "%d, ", 12000);
        tl_buf_puts(&b, "} return t[7] + a"));
    TRY("a big table by pixel", 0, tl_buf_puts(&b, "local t = {"); many(&b, "a + %d, ", 12000);
        tl_buf_puts(&b, "} local s = 0 for i = 1, 99 do s = s + t[a + i] end return s"));
    TRY("many keys", 1, tl_buf_puts(&b, "local t = {"); many(&b, "k%d = 1, ", 250);
        tl_buf_puts(&b, "} return t.k7 + a"));
    TRY("shadows", 1, many(&b, "do local a = a + 1 ", 190); tl_buf_puts(&b, "a = a ");
        many(&b, "end ", 190); tl_buf_puts(&b, "return a"));
    TRY("a long string", 0, tl_buf_puts(&b, "return '"); many(&b, "\\u{7FFFFFFF}", 10000);
        tl_buf_puts(&b, "'"));
    TRY("zeros", 0, many(&b, "0", 100000));
    TRY("a comment without end", 0, tl_buf_puts(&b, "--[[["); many(&b, "=", 100000));
    tl_buf b = begin();
    b.len = 0;
    for (int k = 0; k < (2 << 20) / 16; k++)
        tl_buf_puts(&b, "a = a + 1 + 2 +\n");
    attempt("too much text", &b, 0);
}

static void work_without_end_is_refused(void **state)
{
    (void)state;
    TRY("for to 1e18", 0, tl_buf_puts(&b, "for i = 1, 1e18 do end return a"));
    TRY("for to 1e18 with break", 0,
        tl_buf_puts(&b, "for i = 1, 1e18 do if a == i then break end end return a"));
    TRY("a float loop", 0, tl_buf_puts(&b, "for i = 0.0, 1, 1e-18 do end return a"));
    TRY("while true", 0, tl_buf_puts(&b, "while true do end return a"));
    TRY("while true, counting", 0, tl_buf_puts(&b, "local n = 0 while true do n = n + 1 end"));
    TRY("repeat", 0, tl_buf_puts(&b, "local n = 0.0 repeat n = n + a until false"));
    TRY("loops in loops", 0, many(&b, "for i%d = 1, 99 do ", 20); tl_buf_puts(&b, "a = a + 1 ");
        many(&b, "end ", 20); tl_buf_puts(&b, "return a"));
    TRY("a table that grows", 0,
        tl_buf_puts(&b, "local t = {} for i = 1, 190000 do t[i] = {i, {i}} end return a"));
    TRY("keys that grow", 0,
        tl_buf_puts(&b, "local t = {} for i = 1, 60000 do t[-i] = i end return a"));
    TRY("strays that grow", 0,
        tl_buf_puts(&b, "local t = {} for i = 1, 9000 do t[a + i] = i end return t[1]"));
    TRY("tables by pixel", 0,
        tl_buf_puts(&b,
                    "local t = a for i = 1, 900 do if a == i then t = {i, t} end end return t[1]"));
    TRY("doubling calls", 0, tl_buf_puts(&b, "local function f0(v) return v + 1 end ");
        for (int k = 1; k < 31; k++) tl_buf_printf(
            &b, "local function f%d(v) return f%d(v) + f%d(v + 1) end ", k, k - 1, k - 1);
        tl_buf_puts(&b, "return f30(a)"));
    TRY("a deep chain of calls", 0, tl_buf_puts(&b, "local function f0(v) return v + 1 end ");
        for (int k = 1; k < 60; k++)
            tl_buf_printf(&b, "local function f%d(v) return f%d(v) end ", k, k - 1);
        tl_buf_puts(&b, "return f59(a)"));
    TRY("functions from functions", 0,
        tl_buf_puts(&b,
                    "local function y(f) return f(f) end return y(function(g) return y(g) end)"));
    TRY("closures that grow", 0,
        tl_buf_puts(&b, "local f = function(v) return v end for i = 1, 99999 do local g = f "
                        "f = function(v) return g(v) + 1 end end return f(a)"));
    TRY("conditions in conditions", 0,
        tl_buf_puts(&b, "for i = 1, 60000 do if a > i then a = a + i end "
                        "end return a"));
}

static void the_peak_of_memory_is_bounded(void **state)
{
    (void)state;
    print_message("# peak %ld KiB\n", peak_kib());
#ifndef TL_DEBUG /* sanitizers need more of both */
    assert_true(peak_kib() < 64 << 10);
#endif
    (void)cells;
}

int main(void)
{
    /* Memory that was had once stays, so that a second attempt measures the compiler alone. */
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nesting_without_end_is_refused),
        cmocka_unit_test(long_texts_are_read_or_refused),
        cmocka_unit_test(work_without_end_is_refused),
        cmocka_unit_test(the_peak_of_memory_is_bounded),
    };
    return tl_run_tests(tests);
}
