/* What the tests of users' functions in graphs and plans share. SPDX-License-Identifier: MIT */
#ifndef TL_CALL_HELP_H
#define TL_CALL_HELP_H

#include "tests/c/test.h"
#include "tests/c/fake_source.h"
#include "modules/image/call.h"
#include "modules/image/pass.h"

/* --- making calls --------------------------------------------------------------------------------
 */

static fake *src;

static inline int open_source(void **state)
{
    (void)state;
    src = fake_new("/made/up", 10);
    return 0;
}

static inline int nothing_is_left(void **state)
{
    (void)state;
    tl_source_unref(&src->s);
    tl_set_interpreter(NULL);
    for (int k = 0; k < TL_LIVE_KINDS; k++)
        if (tl_live_count((enum tl_live_kind)k) != 0) {
            print_error("%ld objects of kind %d are left\n", tl_live_count((enum tl_live_kind)k),
                        k);
            return -1;
        }
    return 0;
}

static inline tl_fn *parsed(const char *text)
{
    tl_err e = TL_ERR_INIT;
    tl_fn *fn = NULL;
    assert_tl_ok(tl_fn_parse(text, strlen(text), "@/some/folder/t.lua", 3, 7, &fn, NULL, &e), &e);
    return fn;
}

/* Parameters are the bands in order; free names are standard ones, or `extra`. */
static inline tl_call *call_of(const char *text, tl_node *const *args, tl_frozen *extra,
                               tl_call_spec options)
{
    tl_err e = TL_ERR_INIT;
    tl_fn *fn = parsed(text);
    tl_bound param[4] = {{0}}, frees[8] = {{0}};
    tl_call_spec s = options;
    for (int i = 0; i < tl_fn_n_params(fn); i++)
        param[i].arg = i;
    for (int i = 0; i < tl_fn_n_free(fn); i++) {
        frees[i].value = tl_frozen_standard(tl_fn_free(fn, i));
        if (!frees[i].value)
            frees[i].value = extra ? tl_frozen_ref(extra) : tl_frozen_nil();
    }
    s.fn = fn;
    s.param = param;
    s.free = frees;
    s.arg = args;
    s.nargs = tl_fn_n_params(fn);
    s.where = "t.lua:9";
    tl_call *c = NULL;
    assert_tl_ok(tl_call_new(&s, &c, &e), &e);
    for (int i = 0; i < tl_fn_n_free(fn); i++)
        tl_frozen_unref(frees[i].value);
    tl_fn_unref(fn);
    return c;
}

/* The function over bands 0 and 1 of the source. */
static inline tl_call *call_on_bands(const char *text, tl_call_spec options)
{
    tl_node *b[2] = {tl_node_band(&src->s, 0, TL_NEAREST, "t.lua:1"),
                     tl_node_band(&src->s, 1, TL_NEAREST, "t.lua:2")};
    tl_call *c = call_of(text, b, NULL, options);
    tl_node_unref(b[0]);
    tl_node_unref(b[1]);
    return c;
}

/* --- a small interpreter -------------------------------------------------------------------------
 */

/* Runs one function only: a + 2 b and b, raising where a is a multiple of 5. */
#define TEXT_TEXT "function(a, b)\n local s = ('x'):rep(a)\n return a + 2 * b, b\nend"
static atomic_int states;

static inline int small_open(const tl_call *c, void **state, tl_err *e)
{
    (void)c, (void)e;
    atomic_fetch_add(&states, 1);
    *state = tl_xcalloc(1, 1);
    return 0;
}

static inline void small_close(void *state)
{
    atomic_fetch_sub(&states, 1);
    free(state);
}

static inline int small_run(void *state, size_t n, const void *const *args,
                            const uint8_t *const *valid, void *const *results,
                            uint8_t *const *results_valid, uint8_t *raised, tl_err *e)
{
    const int64_t *a = args[0], *b = args[1];
    double *r = results[0], *q = results[1]; /* floats: their types are not known */
    (void)state, (void)e;
    for (size_t i = 0; i < n; i++) {
        int in = valid[0][i] && valid[1][i];
        raised[i] = in && a[i] % 5 == 0;
        results_valid[0][i] = results_valid[1][i] = (uint8_t)(in && !raised[i]);
        r[i] = (double)(a[i] + 2 * b[i]);
        q[i] = (double)b[i];
    }
    return 0;
}

static const char *small_said(const void *state, int *line)
{
    (void)state;
    *line = 0;
    return "";
}

static const tl_interpreter small = {small_open, small_run, small_close, small_said};
static const char *const two_names[] = {"sum", "same"};
static const tl_call_spec two_bands = {.bands = two_names, .nbands = 2};

#endif
