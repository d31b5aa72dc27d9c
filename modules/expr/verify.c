/* The check that a program may run, whoever made it. SPDX-License-Identifier: MIT
 *
 * Shares nothing with compile.c: it walks the instructions once and keeps, per register, the type
 * last written. What passes cannot read or write outside registers, tables and declared slots. */
#include "modules/expr/expr_int.h"
#include "runtime/mem.h"

#include <stdlib.h>

enum { EMPTY = 0, HOLDS = 1 /* + tl_type */, FIXED = 8 /* a constant's */ };

typedef struct checker {
    const tl_prog *p;
    uint8_t *reg;              /* what each register holds now */
    uint8_t in[TL_MOST_SLOTS]; /* not needed to be safe, but a program that declares more than it
                                  reads would make its caller read bands for nothing */
    uint8_t out[TL_MOST_SLOTS];
    tl_err *e;
} checker;

static int bad(checker *c, const char *what, long where)
{
    return tl_fail(c->e, TL_EDATA, "damaged pixel program: %s %ld", what, where);
}

static int in_range(int64_t x, int64_t n)
{
    return x >= 0 && x < n;
}
static int is_type(int32_t t)
{
    return t == TL_B || t == TL_I || t == TL_F;
}

/* B lives in byte registers, I and F in wide ones. */
static int right_class(const tl_prog *p, int32_t reg, int32_t type)
{
    return in_range(reg, (int64_t)p->n_wide + p->n_byte) && (reg >= p->n_wide) == (type == TL_B);
}

static int check_counts(checker *c)
{
    const tl_prog *p = c->p;
    if (!in_range(p->n_insn, TL_MOST_VALUES + TL_MOST_SLOTS + 1) ||
        !in_range(p->n_konst, TL_MOST_VALUES + 1) || !in_range(p->n_table, TL_MOST_SLOTS + 1) ||
        !in_range(p->n_entry, TL_MOST_ENTRIES + 1) || !in_range(p->n_in, TL_MOST_SLOTS + 1) ||
        !in_range(p->n_out, TL_MOST_SLOTS + 1) || !in_range(p->n_wide, TL_MOST_REGISTERS + 1) ||
        !in_range(p->n_byte, TL_MOST_REGISTERS + 1) || p->n_wide + p->n_byte > TL_MOST_REGISTERS ||
        !in_range(p->libm_folded, 2))
        return bad(c, "a count is out of range, instructions:", p->n_insn);
    if ((p->n_insn && !p->insn) || (p->n_konst && !p->konst) || (p->n_table && !p->table) ||
        (p->n_entry && !p->entry) || (p->n_in && !p->in_type) || (p->n_out && !p->out_type))
        return bad(c, "an array is missing, instructions:", p->n_insn);
    return 0;
}

static int check_tables(checker *c)
{
    const tl_prog *p = c->p;
    for (int k = 0; k < p->n_table; k++) {
        const tl__table *t = &p->table[k];
        if ((t->type != TL_I && t->type != TL_F) || t->n < 0 || t->first < 0 ||
            (int64_t)t->first + t->n > p->n_entry)
            return bad(c, "bad table", k);
    }
    for (int s = 0; s < p->n_in; s++)
        if (p->in_type[s] >= TL_DTYPES && p->in_type[s] != TL__UNUSED)
            return bad(c, "bad type of input", s);
    for (int s = 0; s < p->n_out; s++)
        if (p->out_type[s] >= TL_DTYPES && p->out_type[s] != TL__UNUSED)
            return bad(c, "bad type of output", s);
    return 0;
}

static int check_constants(checker *c)
{
    const tl_prog *p = c->p;
    for (int k = 0; k < p->n_konst; k++) {
        const tl__konst *x = &p->konst[k];
        if (!is_type(x->type) || !right_class(p, x->reg, x->type) || c->reg[x->reg] != EMPTY ||
            (x->type == TL_B && !in_range(x->x.i, 2)))
            return bad(c, "bad constant", k);
        c->reg[x->reg] = (uint8_t)(FIXED | (HOLDS + x->type));
    }
    return 0;
}

/* What an instruction takes and gives; -1 = none. */
typedef struct shape {
    int arity, operand[3], result;
} shape;

/* 0, or -1 when code or imm make no sense. */
static int shape_of_slot(const tl_prog *p, const tl__insn *in, shape *s)
{
    if (in->code == TL__STORE) {
        if (!in_range(in->imm, p->n_out) || p->out_type[in->imm] == TL__UNUSED)
            return -1;
        s->arity = 1; /* I or B as well: checked by the caller */
        s->operand[0] = tl_dtype_is_float((tl_dtype)p->out_type[in->imm]) ? TL_F : TL_I;
        return 0;
    }
    if (!in_range(in->imm, p->n_in) || p->in_type[in->imm] == TL__UNUSED)
        return -1;
    tl_dtype t = (tl_dtype)p->in_type[in->imm];
    if (((in->code == TL__LOAD_F || in->code == TL__LOAD_WITHIN) && tl_dtype_is_float(t)) ||
        (in->code == TL__LOAD_MASK && t != TL_U8))
        return -1;
    if (in->code == TL__LOAD_WITHIN) {
        s->arity = 2;
        s->operand[0] = s->operand[1] = TL_I;
    }
    s->result = in->code == TL__LOAD_MASK || in->code == TL__LOAD_WITHIN ? TL_B
                : in->code == TL__LOAD_F || tl_dtype_is_float(t)         ? TL_F
                                                                         : TL_I;
    return 0;
}

static int shape_of(const tl_prog *p, const tl__insn *in, shape *s)
{
    *s = (shape){0, {-1, -1, -1}, -1};
    if (!in_range(in->code, TL__CODES))
        return -1;
    if (in->code < TL_OPS) {
        s->arity = tl_op_arity((tl_op)in->code);
        for (int k = 0; k < s->arity; k++)
            s->operand[k] = (int)tl_op_operand((tl_op)in->code, k);
        s->result = (int)tl_op_result((tl_op)in->code);
        return in->imm == 0 ? 0 : -1;
    }
    if (in->code != TL__TABLE_I && in->code != TL__TABLE_F)
        return shape_of_slot(p, in, s);
    s->arity = 1;
    s->operand[0] = TL_I;
    s->result = in->code == TL__TABLE_I ? TL_I : TL_F;
    return in_range(in->imm, p->n_table) && p->table[in->imm].type == s->result ? 0 : -1;
}

static int holds(const checker *c, int32_t reg, int type)
{
    return in_range(reg, (int64_t)c->p->n_wide + c->p->n_byte) &&
           (c->reg[reg] & ~FIXED) == HOLDS + type;
}

static int check_instruction(checker *c, int i)
{
    const tl__insn *in = &c->p->insn[i];
    shape s;
    if (shape_of(c->p, in, &s))
        return bad(c, "unknown operation, slot or table in instruction", i);
    for (int k = 0; k < 3; k++) {
        if (k >= s.arity ? in->src[k] != 0
                         : !holds(c, in->src[k], s.operand[k]) &&
                               !(in->code == TL__STORE && s.operand[k] == TL_I &&
                                 holds(c, in->src[k], TL_B)))
            return bad(c, "bad operand in instruction", i);
        if (in->code == TL__LOAD_WITHIN && k < s.arity && !(c->reg[in->src[k]] & FIXED))
            return bad(c, "limit that is no constant in instruction", i);
        if (k < s.arity && s.result >= 0 && in->src[k] == in->dst)
            return bad(c, "result over an operand in instruction", i);
    }
    if (in->code == TL__STORE) {
        if (in->dst != 0 || c->out[in->imm]++)
            return bad(c, "output written twice in instruction", i);
        return 0;
    }
    if (in->code >= TL__LOAD && in->code <= TL__LOAD_WITHIN)
        c->in[in->imm] = 1;
    if (!right_class(c->p, in->dst, s.result) || (c->reg[in->dst] & FIXED))
        return bad(c, "bad result register in instruction", i);
    c->reg[in->dst] = (uint8_t)(HOLDS + s.result);
    return 0;
}

static int check_slots(checker *c)
{
    for (int s = 0; s < c->p->n_in; s++)
        if ((c->p->in_type[s] != TL__UNUSED) != c->in[s])
            return bad(c, "never read: input", s);
    for (int s = 0; s < c->p->n_out; s++)
        if ((c->p->out_type[s] != TL__UNUSED) != c->out[s])
            return bad(c, "never written: output", s);
    return 0;
}

int tl_prog_verify(const tl_prog *p, tl_err *e)
{
    checker *c = tl_xcalloc(1, sizeof *c);
    c->p = p;
    c->e = e;
    int code = check_counts(c);
    if (!code) {
        c->reg = tl_xcalloc((size_t)p->n_wide + (size_t)p->n_byte, 1);
        code = check_tables(c);
    }
    if (!code)
        code = check_constants(c);
    for (int i = 0; !code && i < p->n_insn; i++)
        code = check_instruction(c, i);
    if (!code)
        code = check_slots(c);
    free(c->reg);
    free(c);
    return code;
}
