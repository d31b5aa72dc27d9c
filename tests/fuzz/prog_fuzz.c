/* Any bytes as a pixel program and as a worker's description of a function: read, verify, replay,
 * run. SPDX-License-Identifier: MIT
 *
 * clang -fsanitize=fuzzer makes a fuzzer of it; tests/c/jail_corpus_test.c replays the corpus. */
#include "modules/image/foreign.h"
#include "runtime/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PIXELS 70

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(const tl_prog *p)
{
    static const char cells[8 * PIXELS];
    int nin = tl_prog_inputs(p), nout = tl_prog_outputs(p);
    void *scratch = NULL;
    if (tl_prog_scratch_bytes(p) > 16 << 20 || nin > 300 || nout > 300)
        return;
    const void **in = tl_xcalloc((size_t)nin + 1, sizeof *in);
    void **out = tl_xcalloc((size_t)nout + 1, sizeof *out);
    for (int k = 0; k < nin; k++)
        in[k] = cells;
    for (int k = 0; k < nout; k++)
        out[k] = tl_xmalloc(8 * PIXELS);
    if (!tl_try_alloc(&scratch, tl_prog_scratch_bytes(p), 1, "scratch", NULL))
        tl_prog_run(p, scratch, PIXELS, in, out);
    for (int k = 0; k < nout; k++)
        free(out[k]);
    free(scratch);
    free(in);
    free(out);
}

static int plain_band(void *ctx, tl_ir *ir, int band, int dx, int dy, tl_val *value, tl_val *valid,
                      tl_err *e)
{
    (void)ctx, (void)dx, (void)dy, (void)e;
    *value = band % 3 == 0   ? tl_ir_load_mask(ir, 0)
             : band % 3 == 1 ? tl_ir_load(ir, 1, TL_I64)
                             : tl_ir_load(ir, 2, TL_F64);
    *valid = band % 2 ? TL_NONE : tl_ir_load_mask(ir, 3);
    return 0;
}

static void lower(const tl_foreign *f)
{
    tl_ir *ir = tl_ir_new();
    tl_fn_result *r = NULL;
    tl_prog *p = NULL;
    tl_err e = TL_ERR_INIT;
    if (f->compiled && !tl_foreign_lower(f, ir, plain_band, NULL, &r, &e)) {
        for (int k = 0; k < r->n_bands; k++) {
            tl_type t = tl_ir_type(ir, r->band[k].value);
            tl_ir_output(ir, 2 * k, r->band[k].value, t == TL_F ? TL_F64 : TL_I64);
            tl_ir_output(ir, 2 * k + 1, r->band[k].valid, TL_U8);
        }
        if (!tl_ir_compile(ir, &p, &e))
            run(p);
    }
    tl_prog_free(p);
    tl_fn_result_free(r);
    tl_ir_free(ir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const tl_type types[6] = {TL_B, TL_I, TL_F, TL_B, TL_I, TL_F};
    tl_prog *p = NULL;
    tl_foreign *f = NULL;
    tl_err e = TL_ERR_INIT;
    if (!tl_prog_read(data, size, &p, &e)) {
        run(p);
        tl_prog_free(p);
    }
    if (!tl_foreign_read(data, size, types, 6, NULL, NULL, &f, &e)) {
        lower(f);
        tl_foreign_unref(f);
    }
    return 0;
}
