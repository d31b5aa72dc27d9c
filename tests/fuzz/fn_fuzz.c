/* Any text as a function and as an expression: parse, lower, compile, run. SPDX-License-Identifier:
 * MIT
 *
 * clang -fsanitize=fuzzer makes a fuzzer of it; tests/c/fn_corpus_test.c replays the corpus. */
#include "modules/expr/fn.h"
#include "runtime/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PIXELS 70

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int neighbour(void *ctx, tl_ir *ir, int arg, int dx, int dy, tl_val *value, tl_val *valid,
                     tl_err *e)
{
    (void)ctx, (void)e;
    int slot = dx == dy ? arg & 1 : 3 + (arg & 1);
    *value = tl_ir_load(ir, slot, arg & 1 ? TL_F64 : TL_I64);
    *valid = tl_ir_load_mask(ir, 2);
    return 0;
}

static void run(const tl_ir *ir)
{
    static const double cells[PIXELS + 5] = {0, -0.0, 1, -1, 0.5, 1e300, -1e-310};
    static const uint8_t mask[PIXELS] = {1, 1, 0, 1, 1, 1, 1};
    static int64_t out[PIXELS];
    tl_prog *p = NULL;
    void *scratch = NULL;
    tl_err e = TL_ERR_INIT;
    const void *in[5] = {cells, cells, mask, cells + 5, cells + 5};
    void *outs[TL_MOST_SLOTS];
    if (tl_ir_compile(ir, &p, &e))
        return;
    for (int k = 0; k < TL_MOST_SLOTS; k++)
        outs[k] = out;
    if (!tl_try_alloc(&scratch, tl_prog_scratch_bytes(p), 1, "scratch", &e))
        tl_prog_run(p, scratch, PIXELS, in, outs);
    free(scratch);
    tl_prog_free(p);
}

static tl_fn_arg bind(tl_ir *ir, int k, int any)
{
    tl_fn_arg a = {NULL, tl_ir_load(ir, k & 1, k & 1 ? TL_F64 : TL_I64), TL_NONE};
    if (any || k % 3 == 0)
        a.valid = tl_ir_load_mask(ir, 2);
    return a;
}

static void lower(const tl_fn *fn, int any)
{
    tl_ir *ir = tl_ir_new();
    int n = tl_fn_n_params(fn), m = tl_fn_n_free(fn);
    tl_fn_arg *arg = tl_xcalloc((size_t)(n + m) + 1, sizeof *arg);
    tl_fn_options options = {any, neighbour, NULL};
    tl_fn_result *r = NULL;
    tl_fn_fault fault;
    tl_err e = TL_ERR_INIT;
    for (int k = 0; k < n + m; k++) {
        arg[k].value = k < n ? NULL : tl_frozen_standard(tl_fn_free(fn, k - n));
        if (!arg[k].value)
            arg[k] = bind(ir, k, any);
    }
    if (!tl_fn_lower(fn, ir, arg, arg + n, &options, &r, &fault, &e)) {
        for (int k = 0; k < r->n_bands; k++) {
            tl_type t = tl_ir_type(ir, r->band[k].value);
            tl_ir_output(ir, 2 * k, r->band[k].value, t == TL_F ? TL_F64 : TL_I64);
            tl_ir_output(ir, 2 * k + 1, r->band[k].valid, TL_U8);
        }
        tl_ir_output(ir, 2 * r->n_bands, r->trap, TL_U8);
        run(ir);
    }
    tl_fn_result_free(r);
    for (int k = n; k < n + m; k++)
        tl_frozen_unref(arg[k].value);
    free(arg);
    tl_ir_free(ir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    static const char *const params[] = {"a", "b"};
    tl_fn_where w = {"=fuzz", 1, 1, params, 2, NULL, 0};
    tl_fn_fault fault;
    tl_err e = TL_ERR_INIT;
    tl_fn *fn[3] = {NULL, NULL, NULL};
    if (tl_fn_parse(text, size, "=fuzz", 1, 1, &fn[0], &fault, &e))
        fn[0] = NULL;
    if (tl_expr_parse(text, size, "=fuzz", 1, &fn[1], &fault, &e))
        fn[1] = NULL;
    if (tl_fn_find(text, size, &w, &fn[2], &fault, &e))
        fn[2] = NULL;
    for (int k = 0; k < 3; k++)
        if (fn[k]) {
            lower(fn[k], 0);
            lower(fn[k], 1);
            tl_fn_unref(fn[k]);
        }
    return 0;
}
