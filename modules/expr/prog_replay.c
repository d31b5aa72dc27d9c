/* A verified program once more, as values of an ir. SPDX-License-Identifier: MIT */
#include "modules/expr/expr_int.h"
#include "runtime/mem.h"

#include <stdlib.h>

typedef struct replay {
    const tl_prog *p;
    tl_ir *ir;
    tl_val *reg;      /* what each register holds */
    int *table;       /* the ir's number of each table; -1 = not there yet */
    const tl_val *in; /* per input slot */
    tl_val *out;
    tl_err *e;
} replay;

static tl_val op2(const replay *r, tl_op op, tl_val a, tl_val b)
{
    return tl_ir_op(r->ir, op, a, b, TL_NONE);
}

static tl_val look_up(replay *r, const tl__insn *in)
{
    const tl__table *t = &r->p->table[in->imm];
    if (r->table[in->imm] < 0)
        r->table[in->imm] = tl_ir_table(r->ir, (tl_type)t->type, r->p->entry + t->first, t->n);
    return r->table[in->imm] < 0 ? TL_NONE
                                 : tl_ir_lookup(r->ir, r->table[in->imm], r->reg[in->src[0]]);
}

/* The caller's value must be what the program takes the slot's cells for. */
static tl_val load(replay *r, const tl__insn *in)
{
    tl_val v = r->in[in->imm];
    if (v < 0)
        return TL_NONE;
    switch (in->code) {
    case TL__LOAD_F:
        return tl_ir_type(r->ir, v) == TL_I ? tl_ir_op(r->ir, TL_OP_i_to_f, v, TL_NONE, TL_NONE)
                                            : TL_NONE;
    case TL__LOAD_WITHIN:
        return tl_ir_type(r->ir, v) == TL_I
                   ? op2(r, TL_OP_b_and, op2(r, TL_OP_i_le, r->reg[in->src[0]], v),
                         op2(r, TL_OP_i_le, v, r->reg[in->src[1]]))
                   : TL_NONE;
    case TL__LOAD_MASK:
        return tl_ir_type(r->ir, v) == TL_B ? v : TL_NONE;
    default: {
        int is_float = tl_dtype_is_float((tl_dtype)r->p->in_type[in->imm]);
        return tl_ir_type(r->ir, v) == (is_float ? TL_F : TL_I) ? v : TL_NONE;
    }
    }
}

static int step(replay *r, const tl__insn *in)
{
    tl_val v, s[3] = {TL_NONE, TL_NONE, TL_NONE};
    if (in->code == TL__STORE) {
        r->out[in->imm] = r->reg[in->src[0]];
        return 0;
    }
    if (in->code < TL_OPS) {
        for (int k = 0; k < tl_op_arity((tl_op)in->code); k++)
            s[k] = r->reg[in->src[k]];
        v = tl_ir_op(r->ir, (tl_op)in->code, s[0], s[1], s[2]);
    } else {
        v = in->code == TL__TABLE_I || in->code == TL__TABLE_F ? look_up(r, in) : load(r, in);
    }
    r->reg[in->dst] = v;
    return v < 0 ? -1 : 0;
}

int tl_prog_replay(const tl_prog *p, tl_ir *ir, const tl_val *in, tl_val *out, tl_err *e)
{
    replay r = {.p = p, .ir = ir, .in = in, .out = out, .e = e};
    int rc = 0;
    r.reg = tl_xcalloc((size_t)p->n_wide + (size_t)p->n_byte + 1, sizeof *r.reg);
    r.table = tl_xcalloc((size_t)p->n_table + 1, sizeof *r.table);
    for (int k = 0; k < p->n_table; k++)
        r.table[k] = -1;
    for (int k = 0; k < p->n_out; k++)
        out[k] = TL_NONE;
    for (int k = 0; k < p->n_konst; k++)
        r.reg[p->konst[k].reg] = tl_ir_const(ir, (tl_type)p->konst[k].type, p->konst[k].x);
    for (int i = 0; i < p->n_insn && !rc; i++)
        rc = step(&r, &p->insn[i]);
    if (rc && ir->err.code) {
        rc = ir->err.code;
        if (e)
            *e = ir->err;
    } else if (rc) {
        rc = tl_fail(e, TL_EDATA, "damaged pixel program: a slot is not of its type");
    }
    free(r.reg);
    free(r.table);
    return rc;
}
