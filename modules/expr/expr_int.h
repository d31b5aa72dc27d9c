/* Inside the pixel-program module: program layout, kernel tables. SPDX-License-Identifier: MIT */
#ifndef TL_EXPR_INT_H
#define TL_EXPR_INT_H

#include "modules/expr/expr.h"

/* Instruction codes: every tl_op, then these. */
enum {
    TL__LOAD = TL_OPS, /* imm: input slot; integers to I, floats to F */
    TL__LOAD_F,        /* imm: input slot of an integer type, straight to F */
    TL__LOAD_MASK,     /* imm: input slot of uint8, to B */
    TL__LOAD_WITHIN,   /* imm: input slot of an integer type, to B: a <= cell <= b, two constants */
    TL__TABLE_I,       /* imm: table; a: index */
    TL__TABLE_F,
    TL__STORE, /* imm: output slot; a: the value; no dst */
    TL__CODES,
    TL__CONST = TL__CODES /* a builder's value only: programs keep constants in registers */
};

#define TL__UNUSED 255 /* in in_type, out_type: no such slot */

/* A register's span; padding against equal offsets in a page was measured and gained nothing. */
#define TL__WIDE_BYTES (TL_SPAN * 8)
#define TL__BYTE_BYTES TL_SPAN

/* Registers 0 .. n_wide-1 hold I or F, n_wide .. n_wide+n_byte-1 hold B. dst is never one of the
 * operands (kernels rely on restrict). Fields that the code does not use are 0. */
typedef struct tl__insn {
    int32_t code, dst, src[3], imm;
} tl__insn;

/* A register filled before the first span and written by no instruction. */
typedef struct tl__konst {
    int32_t reg, type;
    tl_num x;
} tl__konst;

typedef struct tl__table {
    int32_t type, n, first; /* entry[first .. first+n-1] */
} tl__table;

/* Flat arrays and counts alone, so that a program can travel as data; verify.c trusts none of it.
 */
struct tl_prog {
    int32_t n_insn, n_konst, n_table, n_entry, n_in, n_out, n_wide, n_byte;
    int32_t libm_folded; /* a constant was computed with libm when the program was built */
    tl__insn *insn;
    tl__konst *konst;
    tl__table *table;
    tl_num *entry;
    uint8_t *in_type, *out_type; /* tl_dtype or TL__UNUSED per slot */
};

/* --- the builder's values, read by compile.c ------------------------------------------------- */
typedef struct tl__node {
    int32_t code, imm;  /* imm: slot or table */
    int32_t src[3];     /* values; TL_NONE where there is none */
    uint8_t type, bits; /* bits: a TL_I value lies in -2^bits .. 2^bits; 64 = anywhere */
    tl_num x;           /* TL__CONST */
} tl__node;

struct tl_ir {
    tl__node *node;
    int32_t n, cap;
    int32_t *hash; /* value + 1; 0 = free */
    size_t hash_cap;
    tl__table *table;
    tl_num *entry;
    int32_t n_table, n_entry;
    int32_t libm_folded;
    tl_err err; /* sticky */
    uint8_t in_type[TL_MOST_SLOTS], out_type[TL_MOST_SLOTS];
    tl_val out[TL_MOST_SLOTS]; /* TL_NONE = not written */
};

/* An existing or simpler value for op on s[0..2], TL_NONE when an instruction is needed. */
tl_val tl__ir_simplify(tl_ir *ir, tl_op op, const tl_val *s);

/* --- what each operation is (scalar.c) ------------------------------------------------------- */
typedef struct tl__op_info {
    const char *name, *meaning;
    uint8_t result, arity, operand[3], libm;
} tl__op_info;
extern const tl__op_info tl__ops[TL_OPS];

/* lo <= the loaded integer v <= hi, without widening its cells. */
tl_val tl__ir_within(tl_ir *ir, tl_val v, int64_t lo, int64_t hi);

/* Number of register operands of an instruction code. */
int tl__code_arity(int code);

/* --- kernels --------------------------------------------------------------------------------- */
typedef uint8_t tl__c_B;
typedef int64_t tl__c_I;
typedef double tl__c_F;

/* n cells from a, b, c to d; d overlaps none of them. A lookup gets its entries (tl_num) as b and
 * their int64 count as c. */
typedef void (*tl__kernel)(size_t n, void *d, const void *a, const void *b, const void *c);

typedef struct tl__kernels {
    const char *isa;
    tl__kernel op[TL_OPS];
    tl__kernel first[TL_OPS], last[TL_OPS]; /* that operand is one number; NULL = there is none */
    tl__kernel load[TL_DTYPES], load_f[TL_DTYPES], load_mask; /* ORDER TL_DTYPE */
    tl__kernel within[TL_DTYPES];   /* b, c: one int64 each; NULL for floats */
    tl__kernel store[3][TL_DTYPES]; /* by tl_type; NULL = refused */
    tl__kernel table_i, table_f;
} tl__kernels;

extern const tl__kernels tl__kernels_baseline;
#ifdef TL_HAVE_avx2
extern const tl__kernels tl__kernels_avx2;
#endif
#ifdef TL_HAVE_avx512
extern const tl__kernels tl__kernels_avx512;
#endif

/* Chooses again, for the tests: the best set up to `limit`; NULL asks TELLUA_ISA. Returns its name.
 * Not while another thread runs programs. */
const char *tl__expr_choose_isa(const char *limit);

#endif
