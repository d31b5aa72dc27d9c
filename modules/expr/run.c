/* The span loop, and the choice of instruction set. SPDX-License-Identifier: MIT */
#include "modules/expr/expr_int.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* --- which kernels -------------------------------------------------------------------------------
 */

/* Plainest first. */
static const tl__kernels *const sets[] = {
    &tl__kernels_baseline,
#ifdef TL_HAVE_avx2
    &tl__kernels_avx2,
#endif
#ifdef TL_HAVE_avx512
    &tl__kernels_avx512,
#endif
};
#define N_SETS (int)(sizeof sets / sizeof *sets)

static int machine_has(const char *isa)
{
#ifdef TL_HAVE_avx2
    if (strcmp(isa, "avx2") == 0)
        return __builtin_cpu_supports("avx2") != 0;
#endif
#ifdef TL_HAVE_avx512
    if (strcmp(isa, "avx512") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
#endif
    return strcmp(isa, "baseline") == 0;
}

static _Atomic(const tl__kernels *) chosen; /* several threads may choose: they choose the same */

const char *tl__expr_choose_isa(const char *limit)
{
    const tl__kernels *best = sets[0];
    if (!limit)
        limit = getenv("TELLUA_ISA");
    for (int i = 0; i < N_SETS; i++) {
        if (machine_has(sets[i]->isa))
            best = sets[i];
        if (limit && strcmp(sets[i]->isa, limit) == 0)
            break;
    }
    atomic_store(&chosen, best);
    return best->isa;
}

static const tl__kernels *kernels(void)
{
    if (!atomic_load(&chosen))
        tl__expr_choose_isa(NULL);
    return atomic_load(&chosen);
}

const char *tl_expr_isa(void)
{
    return kernels()->isa;
}

/* --- what a program is
 * ------------------------------------------------------------------------------ */

int tl_prog_inputs(const tl_prog *p)
{
    return p->n_in;
}
int tl_prog_outputs(const tl_prog *p)
{
    return p->n_out;
}
int tl_prog_instructions(const tl_prog *p)
{
    return p->n_insn;
}

int tl_prog_uses_input(const tl_prog *p, int slot)
{
    return slot >= 0 && slot < p->n_in && p->in_type[slot] != TL__UNUSED;
}

int tl_prog_uses_libm(const tl_prog *p)
{
    if (p->libm_folded)
        return 1;
    for (int i = 0; i < p->n_insn; i++)
        if (p->insn[i].code < TL_OPS && tl__ops[p->insn[i].code].libm)
            return 1;
    return 0;
}

size_t tl_prog_scratch_bytes(const tl_prog *p)
{
    return (size_t)p->n_wide * TL__WIDE_BYTES + (size_t)p->n_byte * TL__BYTE_BYTES;
}

/* --- running
 * --------------------------------------------------------------------------------------- */

typedef struct runner {
    const tl_prog *p;
    const tl__kernels *k;
    char *wide, *byte;
    const void *const *inputs;
    void *const *outputs;
} runner;

static void *reg(const runner *r, int32_t k)
{
    if (k < r->p->n_wide)
        return r->wide + (size_t)k * TL__WIDE_BYTES;
    return r->byte + (size_t)(k - r->p->n_wide) * TL__BYTE_BYTES;
}

static void fill_constants(const runner *r, size_t n)
{
    for (int k = 0; k < r->p->n_konst; k++) {
        const tl__konst *x = &r->p->konst[k];
        if (x->type == TL_B) {
            memset(reg(r, x->reg), (int)x->x.i, n);
        } else if (x->type == TL_I) {
            int64_t *d = reg(r, x->reg);
            for (size_t i = 0; i < n; i++)
                d[i] = x->x.i;
        } else {
            double *d = reg(r, x->reg);
            for (size_t i = 0; i < n; i++)
                d[i] = x->x.f;
        }
    }
}

static void run_slot(const runner *r, const tl__insn *in, size_t start, size_t n)
{
    if (in->code == TL__STORE) {
        int t = r->p->out_type[in->imm];
        tl_type from = tl_dtype_is_float((tl_dtype)t) ? TL_F
                       : in->src[0] >= r->p->n_wide   ? TL_B
                                                      : TL_I;
        char *out = (char *)r->outputs[in->imm] + start * tl_dtype_size((tl_dtype)t);
        r->k->store[from][t](n, out, reg(r, in->src[0]), NULL, NULL);
        return;
    }
    int t = r->p->in_type[in->imm];
    const char *from = (const char *)r->inputs[in->imm] + start * tl_dtype_size((tl_dtype)t);
    tl__kernel load = in->code == TL__LOAD     ? r->k->load[t]
                      : in->code == TL__LOAD_F ? r->k->load_f[t]
                                               : r->k->load_mask;
    load(n, reg(r, in->dst), from, NULL, NULL);
}

static void run_lookup(const runner *r, const tl__insn *in, size_t n)
{
    const tl__table *t = &r->p->table[in->imm];
    int64_t count = t->n;
    tl__kernel look_up = in->code == TL__TABLE_I ? r->k->table_i : r->k->table_f;
    look_up(n, reg(r, in->dst), reg(r, in->src[0]), r->p->entry + t->first, &count);
}

static void run_span(const runner *r, size_t start, size_t n)
{
    const tl__insn *end = r->p->insn + r->p->n_insn;
    for (const tl__insn *in = r->p->insn; in < end; in++)
        if (in->code < TL_OPS)
            r->k->op[in->code](n, reg(r, in->dst), reg(r, in->src[0]), reg(r, in->src[1]),
                               reg(r, in->src[2]));
        else if (in->code == TL__TABLE_I || in->code == TL__TABLE_F)
            run_lookup(r, in, n);
        else
            run_slot(r, in, start, n);
}

void tl_prog_run(const tl_prog *p, void *scratch, size_t n, const void *const *inputs,
                 void *const *outputs)
{
    char *wide = scratch;
    runner r = {p, kernels(), wide, wide + (size_t)p->n_wide * TL__WIDE_BYTES, inputs, outputs};
    fill_constants(&r, n < TL_SPAN ? n : TL_SPAN);
    for (size_t start = 0; start < n; start += TL_SPAN)
        run_span(&r, start, n - start < TL_SPAN ? n - start : TL_SPAN);
}
