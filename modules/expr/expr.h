/* Pixel programs: typed, total, run over spans of pixels. SPDX-License-Identifier: MIT
 *
 * A program is built as SSA values (tl_ir_*), compiled into instructions on span registers,
 * verified and run. It has no jumps, no allocation, no I/O; what it computes for a pixel depends on
 * that pixel's inputs alone. Validity is not special: it is a boolean value beside the number,
 * computed by the same instructions, so a compiler of branches and a graph of masks lower to one
 * thing.
 *
 * Value types:   TL_B  boolean, one byte 0 or 1
 *                TL_I  int64, wrapping, as Lua's integers
 *                TL_F  IEEE double
 * Every operation is one line of ops.def; nothing in it may trap: an integer n // 0 yields 0 and
 * the builder says by other values that the pixel is invalid. */
#ifndef TL_EXPR_H
#define TL_EXPR_H

#include <stddef.h>
#include <stdint.h>
#include "runtime/buf.h"
#include "runtime/dtype.h"
#include "runtime/err.h"

typedef enum tl_type { TL_B, TL_I, TL_F } tl_type;

typedef enum tl_op {
#define OP(name, ...) TL_OP_##name,
#include "modules/expr/ops.def"
#undef OP
    TL_OPS
} tl_op;

typedef union tl_num {
    int64_t i; /* TL_I, and TL_B as 0 / 1 */
    double f;
} tl_num;

/* Limits; exceeding one is TL_ESCRIPT "... too large". */
#define TL_MOST_VALUES    200000  /* SSA values of one program */
#define TL_MOST_SLOTS     4096    /* inputs, outputs, tables: each */
#define TL_MOST_ENTRIES   1048576 /* of all tables together */
#define TL_MOST_REGISTERS 16384   /* 64 MB of scratch per thread */
#define TL_SPAN           512     /* pixels a register holds */

/* --- building ----------------------------------------------------------------------------- */
typedef struct tl_ir tl_ir;
typedef int32_t tl_val; /* a value's number in its tl_ir; < 0 = the ir has failed (sticky) */

tl_ir *tl_ir_new(void);
void tl_ir_free(tl_ir *ir); /* NULL is allowed */

/* The number in input slot `slot`, whose cells are of type `t`: TL_I for integers, TL_F for floats
 * (float32 is widened). uint64 arrives as its bits. Equal loads are one value. */
tl_val tl_ir_load(tl_ir *ir, int slot, tl_dtype t);
/* The byte in input slot `slot` as a boolean (0 = false, anything else = true). */
tl_val tl_ir_load_mask(tl_ir *ir, int slot);
tl_val tl_ir_const(tl_ir *ir, tl_type t, tl_num x);
/* Applies op; unused operands are -1 (pass TL_NONE). Types must fit (ops.def): a mismatch is our
 * own bug and asserts. Equal operations on equal values are one value; operations on constants are
 * folded with the same arithmetic as at run time; b_and/b_or/select with constant operands and
 * select(c, x, x) are simplified. Floats are only simplified where every bit, -0.0 and NaN
 * included, stays the same. */
#define TL_NONE (-1)
tl_val tl_ir_op(tl_ir *ir, tl_op op, tl_val a, tl_val b, tl_val c);
/* A constant table (copied; equal tables are one); used by the ops table_i / table_f through
 * tl_ir_lookup: the entry at `index` (TL_I, counted from 0), and 0 outside 0..n-1. */
int tl_ir_table(tl_ir *ir, tl_type t, const tl_num *entries, int n);
tl_val tl_ir_lookup(tl_ir *ir, int table, tl_val index);

tl_type tl_ir_type(const tl_ir *ir, tl_val v);
/* 1 and *x when v is a constant. */
int tl_ir_is_const(const tl_ir *ir, tl_val v, tl_num *x);

/* Writes v to output slot `slot` as cells of type `t`: TL_I and TL_B into integer types by keeping
 * the low bits (the builder has checked the range), TL_F into float types by rounding to nearest;
 * TL_F into integers and TL_I into floats is a bug (use i_to_f, f_to_i first). */
void tl_ir_output(tl_ir *ir, int slot, tl_val v, tl_dtype t);

/* --- programs ------------------------------------------------------------------------------ */
typedef struct tl_prog tl_prog;

/* Dead values are dropped, registers assigned, the result verified. ir stays usable. */
int tl_ir_compile(const tl_ir *ir, tl_prog **out, tl_err *e) TL_MUST_CHECK;
void tl_prog_free(tl_prog *p); /* NULL is allowed */

int tl_prog_inputs(const tl_prog *p); /* 1 + the highest slot used */
int tl_prog_outputs(const tl_prog *p);
int tl_prog_uses_input(const tl_prog *p, int slot);
int tl_prog_instructions(const tl_prog *p);
/* 1 when an op whose result differs between libm builds (exp, sin, pow ...) is used. */
int tl_prog_uses_libm(const tl_prog *p);
size_t tl_prog_scratch_bytes(const tl_prog *p); /* of the memory tl_prog_run needs per thread */

/* Checks everything that run relies on: op numbers, types, registers, slots, each register written
 * before it is read, tables. Called by compile; called again on a program that came from outside.
 */
int tl_prog_verify(const tl_prog *p, tl_err *e) TL_MUST_CHECK;

/* A program as bytes, for another process of the same build; and back: bounds-checked and verified,
 * TL_EDATA. What is read may be a stranger's. */
void tl_prog_write(const tl_prog *p, tl_buf *out);
int tl_prog_read(const void *data, size_t len, tl_prog **out, tl_err *e) TL_MUST_CHECK;
/* What a verified program computes, once more as values of ir: in[slot] stands for what the program
 * reads there (TL_NONE: it must not), out[slot] becomes what it writes (TL_NONE: nothing). */
int tl_prog_replay(const tl_prog *p, tl_ir *ir, const tl_val *in, tl_val *out,
                   tl_err *e) TL_MUST_CHECK;

/* n pixels. scratch: tl_prog_scratch_bytes, 64-byte aligned, of this thread alone. inputs[s] and
 * outputs[s] are dense arrays of n cells of the declared type (unused slots may be NULL) and do not
 * overlap. Any thread; the program is not changed. */
void tl_prog_run(const tl_prog *p, void *scratch, size_t n, const void *const *inputs,
                 void *const *outputs);

/* The slow twin: the same program one pixel at a time, without spans, registers or SIMD. */
void tl_prog_run_scalar(const tl_prog *p, size_t n, const void *const *inputs,
                        void *const *outputs);

/* One line per instruction: "r3:f = f_add r1, r2". */
void tl_prog_dump(const tl_prog *p, tl_buf *out);

/* The instruction set the kernels run on: "baseline", "avx2", "avx512". The environment variable
 * TELLUA_ISA (one of these names) limits it, for the tests. */
const char *tl_expr_isa(void);

/* Of a module's own kernels NAMEbaseline, NAMEavx2 and NAMEavx512 those for that: a pointer. */
#define TL_WIDEST(name) (TL__IF_AVX512(name) TL__IF_AVX2(name) & name##baseline)
#ifdef TL_HAVE_avx512
#define TL__IF_AVX512(name) strcmp(tl_expr_isa(), "avx512") == 0 ? &name##avx512:
#else
#define TL__IF_AVX512(name)
#endif
#ifdef TL_HAVE_avx2
#define TL__IF_AVX2(name) strcmp(tl_expr_isa(), "avx2") == 0 ? &name##avx2:
#else
#define TL__IF_AVX2(name)
#endif

/* One operation on plain numbers, the same arithmetic. */
tl_num tl_op_eval(tl_op op, tl_num a, tl_num b, tl_num c);
const char *tl_op_name(tl_op op);
int tl_op_arity(tl_op op);
tl_type tl_op_result(tl_op op);
tl_type tl_op_operand(tl_op op, int k);

#endif
