/* What each operation is, one operation on plain numbers, and the twin that runs a program one
 * pixel at a time. SPDX-License-Identifier: MIT */
#include "modules/expr/arith.h"
#include "modules/expr/expr_int.h"
#include "runtime/mem.h"

#include <assert.h>
#include <stdlib.h>

#define T_B TL_B
#define T_I TL_I
#define T_F TL_F
#define T_N 0
const tl__op_info tl__ops[TL_OPS] = {
#define OP(name, R, arity, A, B, C, libm, expr, meaning)                                           \
    {#name, meaning, T_##R, arity, {T_##A, T_##B, T_##C}, libm},
#include "modules/expr/ops.def"
#undef OP
};

const char *tl_op_name(tl_op op)
{
    return tl__ops[op].name;
}
int tl_op_arity(tl_op op)
{
    return tl__ops[op].arity;
}
tl_type tl_op_result(tl_op op)
{
    return (tl_type)tl__ops[op].result;
}

tl_type tl_op_operand(tl_op op, int k)
{
    assert(k >= 0 && k < tl__ops[op].arity);
    return (tl_type)tl__ops[op].operand[k];
}

int tl__code_arity(int code)
{
    if (code < TL_OPS)
        return tl__ops[code].arity;
    if (code == TL__LOAD_WITHIN)
        return 2;
    return code == TL__TABLE_I || code == TL__TABLE_F || code == TL__STORE;
}

/* The C value of an operand, and the tl_num of a result. */
#define GET_B(x) ((tl__c_B)(x).i)
#define GET_I(x) ((x).i)
#define GET_F(x) ((x).f)
#define PUT_B(y) ((tl_num){.i = (tl__c_B)(y)})
#define PUT_I(y) ((tl_num){.i = (y)})
#define PUT_F(y) ((tl_num){.f = (y)})

#define EVAL_1(R, A, B, C, expr)                                                                   \
    tl__c_##A a = GET_##A(p);                                                                      \
    return PUT_##R(expr);
#define EVAL_2(R, A, B, C, expr)                                                                   \
    tl__c_##A a = GET_##A(p);                                                                      \
    tl__c_##B b = GET_##B(q);                                                                      \
    return PUT_##R(expr);
#define EVAL_3(R, A, B, C, expr)                                                                   \
    tl__c_##A a = GET_##A(p);                                                                      \
    tl__c_##B b = GET_##B(q);                                                                      \
    tl__c_##C c = GET_##C(r);                                                                      \
    return PUT_##R(expr);

tl_num tl_op_eval(tl_op op, tl_num p, tl_num q, tl_num r)
{
    switch (op) {
#define OP(name, R, arity, A, B, C, libm, expr, meaning)                                           \
    case TL_OP_##name: {                                                                           \
        EVAL_##arity(R, A, B, C, expr)                                                             \
    }
#include "modules/expr/ops.def"
#undef OP
    case TL_OPS:
        break;
    }
    assert(!"an operation");
    return (tl_num){.i = 0};
}

static tl_num load_cell(const void *cells, size_t k, int t)
{
    switch ((tl_dtype)t) { /* ORDER TL_DTYPE */
    case TL_U8:
        return (tl_num){.i = ((const uint8_t *)cells)[k]};
    case TL_I8:
        return (tl_num){.i = ((const int8_t *)cells)[k]};
    case TL_U16:
        return (tl_num){.i = ((const uint16_t *)cells)[k]};
    case TL_I16:
        return (tl_num){.i = ((const int16_t *)cells)[k]};
    case TL_U32:
        return (tl_num){.i = ((const uint32_t *)cells)[k]};
    case TL_I32:
        return (tl_num){.i = ((const int32_t *)cells)[k]};
    case TL_U64:
        return (tl_num){.i = (int64_t)((const uint64_t *)cells)[k]};
    case TL_I64:
        return (tl_num){.i = ((const int64_t *)cells)[k]};
    case TL_F32:
        return (tl_num){.f = ((const float *)cells)[k]};
    case TL_F64:
    case TL_DTYPES:
        break;
    }
    return (tl_num){.f = ((const double *)cells)[k]};
}

static void store_cell(void *cells, size_t k, int t, tl_num x)
{
    switch ((tl_dtype)t) { /* ORDER TL_DTYPE */
    case TL_U8:
    case TL_I8:
        ((uint8_t *)cells)[k] = (uint8_t)x.i;
        break;
    case TL_U16:
    case TL_I16:
        ((uint16_t *)cells)[k] = (uint16_t)x.i;
        break;
    case TL_U32:
    case TL_I32:
        ((uint32_t *)cells)[k] = (uint32_t)x.i;
        break;
    case TL_U64:
    case TL_I64:
        ((int64_t *)cells)[k] = x.i;
        break;
    case TL_F32:
        ((float *)cells)[k] = (float)x.f;
        break;
    case TL_F64:
    case TL_DTYPES:
        ((double *)cells)[k] = x.f;
    }
}

static tl_num look_up(const tl_prog *p, int table, int64_t index)
{
    const tl__table *t = &p->table[table];
    if (index < 0 || index >= t->n)
        return (tl_num){.i = 0}; /* 0.0 as well */
    return p->entry[t->first + index];
}

static void run_pixel(const tl_prog *p, tl_num *value, size_t k, const void *const *inputs,
                      void *const *outputs)
{
    for (int i = 0; i < p->n_insn; i++) {
        const tl__insn *in = &p->insn[i];
        tl_num a = value[in->src[0]], *d = &value[in->dst];
        switch (in->code) {
        case TL__LOAD:
            *d = load_cell(inputs[in->imm], k, p->in_type[in->imm]);
            break;
        case TL__LOAD_F:
            d->f = (double)load_cell(inputs[in->imm], k, p->in_type[in->imm]).i;
            break;
        case TL__LOAD_MASK:
            d->i = ((const uint8_t *)inputs[in->imm])[k] != 0;
            break;
        case TL__LOAD_WITHIN: {
            int64_t x = load_cell(inputs[in->imm], k, p->in_type[in->imm]).i;
            d->i = a.i <= x && x <= value[in->src[1]].i;
            break;
        }
        case TL__TABLE_I:
        case TL__TABLE_F:
            *d = look_up(p, in->imm, a.i);
            break;
        case TL__STORE:
            store_cell(outputs[in->imm], k, p->out_type[in->imm], a);
            break;
        default:
            *d = tl_op_eval((tl_op)in->code, a, value[in->src[1]], value[in->src[2]]);
        }
    }
}

void tl_prog_run_scalar(const tl_prog *p, size_t n, const void *const *inputs, void *const *outputs)
{
    tl_num *value = tl_xcalloc((size_t)p->n_wide + (size_t)p->n_byte, sizeof *value);
    for (int i = 0; i < p->n_konst; i++)
        value[p->konst[i].reg] = p->konst[i].x;
    for (size_t k = 0; k < n; k++)
        run_pixel(p, value, k, inputs, outputs);
    free(value);
}
