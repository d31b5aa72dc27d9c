/* Programs as text. SPDX-License-Identifier: MIT */
#include "modules/expr/expr_int.h"

#include <inttypes.h>

static const char letter[] = {'b', 'i', 'f'}; /* ORDER tl_type */

static const char *slot_code_name(int code)
{
    return code == TL__LOAD        ? "load"
           : code == TL__LOAD_F    ? "load_f"
           : code == TL__LOAD_MASK ? "load_mask"
                                   : "within";
}

static void dump_constant(const tl__konst *k, tl_buf *out)
{
    tl_buf_printf(out, "r%d:%c = const ", k->reg, letter[k->type]);
    if (k->type == TL_F)
        tl_buf_printf(out, "%.17g\n", k->x.f);
    else
        tl_buf_printf(out, "%" PRId64 "\n", k->x.i);
}

static void dump_load(const tl_prog *p, const tl__insn *in, tl_buf *out)
{
    tl_dtype t = (tl_dtype)p->in_type[in->imm];
    int type = in->code >= TL__LOAD_MASK                        ? TL_B
               : in->code == TL__LOAD_F || tl_dtype_is_float(t) ? TL_F
                                                                : TL_I;
    tl_buf_printf(out, "r%d:%c = %s in%d:%s", in->dst, letter[type], slot_code_name(in->code),
                  in->imm, tl_dtype_name(t));
    for (int k = 0; k < tl__code_arity(in->code); k++)
        tl_buf_printf(out, ", r%d", in->src[k]);
    tl_buf_puts(out, "\n");
}

static void dump_instruction(const tl_prog *p, const tl__insn *in, tl_buf *out)
{
    switch (in->code) {
    case TL__LOAD:
    case TL__LOAD_F:
    case TL__LOAD_MASK:
    case TL__LOAD_WITHIN:
        dump_load(p, in, out);
        return;
    case TL__STORE:
        tl_buf_printf(out, "store out%d:%s, r%d\n", in->imm,
                      tl_dtype_name((tl_dtype)p->out_type[in->imm]), in->src[0]);
        return;
    case TL__TABLE_I:
    case TL__TABLE_F:
        tl_buf_printf(out, "r%d:%c = %s t%d[%d], r%d\n", in->dst, letter[p->table[in->imm].type],
                      in->code == TL__TABLE_I ? "table_i" : "table_f", in->imm, p->table[in->imm].n,
                      in->src[0]);
        return;
    }
    tl_buf_printf(out, "r%d:%c = %s", in->dst, letter[tl_op_result((tl_op)in->code)],
                  tl_op_name((tl_op)in->code));
    for (int k = 0; k < tl_op_arity((tl_op)in->code); k++)
        tl_buf_printf(out, "%s r%d", k ? "," : "", in->src[k]);
    tl_buf_puts(out, "\n");
}

void tl_prog_dump(const tl_prog *p, tl_buf *out)
{
    for (int k = 0; k < p->n_konst; k++)
        dump_constant(&p->konst[k], out);
    for (int i = 0; i < p->n_insn; i++)
        dump_instruction(p, &p->insn[i], out);
}
