/* What the tests of pixel programs share. SPDX-License-Identifier: MIT */
#ifndef TL_TEST_EXPR_HELP_H
#define TL_TEST_EXPR_HELP_H

#include "tests/c/test.h"
#include "modules/expr/expr_int.h"
#include "runtime/mem.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Numbers at which arithmetic goes wrong first. */
static const double edge_f[] = {NAN,
                                0.0,
                                -0.0,
                                INFINITY,
                                -INFINITY,
                                1,
                                -1,
                                0.5,
                                -0.5,
                                1.5,
                                -1.5,
                                2,
                                2.5,
                                -2.5,
                                3,
                                -7.25,
                                0.1,
                                10,
                                255.5,
                                -0x1p32 - 0.75,
                                0x1p31,
                                0x1p52 - 0.5,
                                -0x1p52 + 0.5,
                                0x1p53 - 1,
                                0x1p53,
                                0x1p53 + 2,
                                -0x1p53 - 2,
                                0x1p62,
                                0x1p63,
                                -0x1p63,
                                0x1p63 - 1024,
                                -0x1p63 - 2048,
                                0x1p64,
                                0x1p-1074,
                                -0x1p-1074,
                                DBL_MIN,
                                DBL_MAX,
                                -DBL_MAX,
                                FLT_MAX,
                                3.5e38,
                                1e-40,
                                3.141592653589793,
                                -1e300};
static const int64_t edge_i[] = {0,
                                 1,
                                 -1,
                                 2,
                                 -2,
                                 3,
                                 7,
                                 -7,
                                 63,
                                 64,
                                 65,
                                 -63,
                                 -64,
                                 -65,
                                 127,
                                 -128,
                                 255,
                                 65535,
                                 INT32_MAX,
                                 INT32_MIN,
                                 (int64_t)1 << 32,
                                 -((int64_t)1 << 32) - 1,
                                 ((int64_t)1 << 53) - 1,
                                 (int64_t)1 << 53,
                                 ((int64_t)1 << 53) + 1,
                                 -((int64_t)1 << 53) - 1,
                                 (int64_t)1 << 62,
                                 INT64_MAX - 511,
                                 INT64_MAX - 512,
                                 INT64_MAX - 1,
                                 INT64_MAX,
                                 INT64_MIN,
                                 INT64_MIN + 1,
                                 INT64_MIN + 1025};
#define N_EDGE_F (int)(sizeof edge_f / sizeof *edge_f)
#define N_EDGE_I (int)(sizeof edge_i / sizeof *edge_i)

static const char *const all_isas[] = {"baseline", "avx2", "avx512"};

/* 0 when this machine or compiler lacks it. */
static inline int use_isa(const char *isa)
{
    return strcmp(tl__expr_choose_isa(isa), isa) == 0;
}

static inline int same_num(tl_type t, tl_num x, tl_num y)
{
    return x.i == y.i || (t == TL_F && x.f != x.f && y.f != y.f);
}

/* Equal cells; all NaNs are one. */
static inline int same_cell(tl_dtype t, const void *x, const void *y, size_t k)
{
    size_t size = tl_dtype_size(t);
    const char *a = (const char *)x + k * size, *b = (const char *)y + k * size;
    if (memcmp(a, b, size) == 0)
        return 1;
    if (t == TL_F32)
        return isnan(((const float *)x)[k]) && isnan(((const float *)y)[k]);
    return t == TL_F64 && isnan(((const double *)x)[k]) && isnan(((const double *)y)[k]);
}

static inline void run(const tl_prog *p, size_t n, const void *const *in, void *const *out)
{
    tl_err e = TL_ERR_INIT;
    void *scratch;
    assert_tl_ok(tl_try_alloc(&scratch, tl_prog_scratch_bytes(p), 1, "scratch", &e), &e);
    tl_prog_run(p, scratch, n, in, out);
    free(scratch);
}

static inline tl_prog *compiled(const tl_ir *ir)
{
    tl_err e = TL_ERR_INIT;
    tl_prog *p = NULL;
    assert_tl_ok(tl_ir_compile(ir, &p, &e), &e);
    return p;
}

static inline tl_val op1(tl_ir *ir, tl_op op, tl_val a)
{
    return tl_ir_op(ir, op, a, TL_NONE, TL_NONE);
}

static inline tl_val op2(tl_ir *ir, tl_op op, tl_val a, tl_val b)
{
    return tl_ir_op(ir, op, a, b, TL_NONE);
}

static inline tl_val int_const(tl_ir *ir, int64_t x)
{
    return tl_ir_const(ir, TL_I, (tl_num){.i = x});
}

static inline tl_val float_const(tl_ir *ir, double x)
{
    return tl_ir_const(ir, TL_F, (tl_num){.f = x});
}

#endif
