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

/* What is decided of an instruction once for all spans: which operand is a constant, and whether
 * the result is computed in the output that the next instruction would store it to. */
enum { PLAIN = 0, FIRST = 1, LAST = 2, IN_OUTPUT = 4 };

size_t tl_prog_scratch_bytes(const tl_prog *p)
{
    size_t registers = (size_t)p->n_wide + (size_t)p->n_byte;
    return (size_t)p->n_wide * TL__WIDE_BYTES + (size_t)p->n_byte * TL__BYTE_BYTES +
           registers * sizeof(void *) + (size_t)p->n_insn;
}

/* --- running
 * --------------------------------------------------------------------------------------- */

typedef struct runner {
    const tl_prog *p;
    const tl__kernels *k;
    char *wide, *byte;
    const void **at; /* per register: where its span is now: its own memory, an input, an output */
    uint8_t *how;    /* per instruction */
    const void *const *inputs;
    void *const *outputs;
    uint8_t size[256]; /* bytes per cell, by tl_dtype; 0 for slots that are not used */
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

/* --- what is decided before the first span
 * --------------------------------------------------------- */

/* The type of the register that a store reads. */
static tl_type stored_type(const tl_prog *p, const tl__insn *in)
{
    return tl_dtype_is_float((tl_dtype)p->out_type[in->imm]) ? TL_F
           : in->src[0] >= p->n_wide                         ? TL_B
                                                             : TL_I;
}

/* Whether cells of an input or output are what a register holds. */
static int same_cells(tl_type type, int t)
{
    switch (type) {
    case TL_B:
        return t == TL_U8 || t == TL_I8;
    case TL_I:
        return t == TL_I64 || t == TL_U64;
    default:
        return t == TL_F64;
    }
}

/* Whether the instruction after i stores just the result of i. */
static int stores_next(const tl_prog *p, int i)
{
    const tl__insn *in = &p->insn[i], *next = in + 1;
    return i + 1 < p->n_insn && next->code == TL__STORE && next->src[0] == in->dst &&
           same_cells(stored_type(p, next), p->out_type[next->imm]);
}

static uint8_t decide(const runner *r, int i, const uint8_t *fixed)
{
    const tl__insn *in = &r->p->insn[i];
    uint8_t how = PLAIN;
    if (in->code >= TL_OPS)
        return how;
    if (r->k->last[in->code] && fixed[in->src[tl_op_arity((tl_op)in->code) - 1]])
        how = LAST;
    else if (r->k->first[in->code] && fixed[in->src[0]])
        how = FIRST;
    return (uint8_t)(how | (stores_next(r->p, i) ? IN_OUTPUT : 0));
}

static void decide_all(const runner *r)
{
    const tl_prog *p = r->p;
    uint8_t *fixed = (uint8_t *)r->at; /* the places are filled in later */
    memset(fixed, 0, (size_t)p->n_wide + (size_t)p->n_byte);
    for (int k = 0; k < p->n_konst; k++)
        fixed[p->konst[k].reg] = 1;
    for (int i = 0; i < p->n_insn; i++)
        r->how[i] = decide(r, i, fixed);
    for (int k = 0; k < p->n_wide + p->n_byte; k++)
        r->at[k] = reg(r, k);
}

/* --- spans
 * ----------------------------------------------------------------------------------------- */

/* What of the next span has been asked for. */
typedef struct fetch {
    size_t start, n, at; /* its cells; bytes of the slot */
    int slot, lines;     /* inputs, then outputs; cache lines at a time */
} fetch;

enum { LINE = 64 };

/* As many as spread the slots of a span evenly over its instructions. */
static int lines_at_a_time(const runner *r)
{
    size_t bytes = 0;
    for (int s = 0; s < r->p->n_in; s++)
        bytes += r->size[r->p->in_type[s]];
    for (int s = 0; s < r->p->n_out; s++)
        bytes += r->size[r->p->out_type[s]];
    return (int)(bytes * TL_SPAN / LINE / (size_t)(r->p->n_insn + 1)) + 1;
}

static void *output(const runner *r, int32_t slot, size_t start)
{
    return (char *)r->outputs[slot] + start * r->size[r->p->out_type[slot]];
}

static void run_op(const runner *r, const tl__insn *in, int how, size_t start, size_t n)
{
    const void **at = r->at;
    const tl__kernel *set = how & LAST ? r->k->last : how & FIRST ? r->k->first : r->k->op;
    void *d = how & IN_OUTPUT ? output(r, in[1].imm, start) : reg(r, in->dst);
    set[in->code](n, d, at[in->src[0]], at[in->src[1]], at[in->src[2]]);
    at[in->dst] = d;
}

static void run_lookup(const runner *r, const tl__insn *in, size_t n)
{
    const tl__table *t = &r->p->table[in->imm];
    int64_t count = t->n;
    tl__kernel look_up = in->code == TL__TABLE_I ? r->k->table_i : r->k->table_f;
    void *d = reg(r, in->dst);
    look_up(n, d, r->at[in->src[0]], r->p->entry + t->first, &count);
    r->at[in->dst] = d;
}

static void run_store(const runner *r, const tl__insn *in, size_t start, size_t n)
{
    tl__kernel store = r->k->store[stored_type(r->p, in)][r->p->out_type[in->imm]];
    store(n, output(r, in->imm, start), r->at[in->src[0]], NULL, NULL);
}

static void run_load(const runner *r, const tl__insn *in, size_t start, size_t n)
{
    int t = r->p->in_type[in->imm];
    const char *from = (const char *)r->inputs[in->imm] + start * r->size[t];
    tl_type type = tl_dtype_is_float((tl_dtype)t) ? TL_F : TL_I;
    if (in->code == TL__LOAD && same_cells(type, t)) {
        r->at[in->dst] = from;
        return;
    }
    tl__kernel load = in->code == TL__LOAD        ? r->k->load[t]
                      : in->code == TL__LOAD_F    ? r->k->load_f[t]
                      : in->code == TL__LOAD_MASK ? r->k->load_mask
                                                  : r->k->within[t];
    void *d = reg(r, in->dst);
    load(n, d, from, r->at[in->src[0]], r->at[in->src[1]]);
    r->at[in->dst] = d;
}

/* Asks for some more of the next span, so that it comes while this one is computed. */
static void fetch_some(const runner *r, fetch *f)
{
    const tl_prog *p = r->p;
    for (int left = f->lines; left > 0 && f->slot < p->n_in + p->n_out;) {
        int s = f->slot, is_in = s < p->n_in, out = s - p->n_in;
        size_t size = r->size[is_in ? p->in_type[s] : p->out_type[out]], end = size * f->n;
        if (f->at >= end) {
            f->slot++;
            f->at = 0;
            continue;
        }
        const char *from = (const char *)(is_in ? r->inputs[s] : r->outputs[out]) + size * f->start;
        for (; f->at < end && left > 0; f->at += LINE, left--)
            if (is_in)
                __builtin_prefetch(from + f->at, 0);
            else
                __builtin_prefetch(from + f->at, 1);
    }
}

static void run_span(const runner *r, size_t start, size_t n, fetch *f)
{
    for (int i = 0; i < r->p->n_insn; i++) {
        const tl__insn *in = &r->p->insn[i];
        fetch_some(r, f);
        if (in->code < TL_OPS) {
            run_op(r, in, r->how[i], start, n);
            i += (r->how[i] & IN_OUTPUT) != 0;
        } else if (in->code == TL__STORE) {
            run_store(r, in, start, n);
        } else if (in->code == TL__TABLE_I || in->code == TL__TABLE_F) {
            run_lookup(r, in, n);
        } else {
            run_load(r, in, start, n);
        }
    }
}

void tl_prog_run(const tl_prog *p, void *scratch, size_t n, const void *const *inputs,
                 void *const *outputs)
{
    runner r = {.p = p, .k = kernels(), .wide = scratch, .inputs = inputs, .outputs = outputs};
    r.byte = r.wide + (size_t)p->n_wide * TL__WIDE_BYTES;
    r.at = (const void **)(void *)(r.byte + (size_t)p->n_byte * TL__BYTE_BYTES);
    r.how = (uint8_t *)(r.at + p->n_wide + p->n_byte);
    decide_all(&r);
    fill_constants(&r, n < TL_SPAN ? n : TL_SPAN);
    for (int t = 0; t < TL_DTYPES; t++)
        r.size[t] = (uint8_t)tl_dtype_size((tl_dtype)t);
    int lines = lines_at_a_time(&r);
    for (size_t start = 0; start < n; start += TL_SPAN) {
        size_t here = n - start < TL_SPAN ? n - start : TL_SPAN;
        size_t next = n - start - here < TL_SPAN ? n - start - here : TL_SPAN;
        fetch f = {.start = start + here, .n = next, .lines = lines};
        run_span(&r, start, here, &f);
    }
}
