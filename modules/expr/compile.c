/* From the builder's values to instructions on registers. SPDX-License-Identifier: MIT
 *
 * Values are emitted in the order they were made, loads just before their first use and stores
 * right after their value, so that few registers are alive at once. */
#include "modules/expr/expr_int.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

/* Free registers of one class, last freed first: it is still in the cache. */
typedef struct pool {
    int32_t *free, n_free, made;
} pool;

typedef struct compiler {
    const tl_ir *ir;
    tl_prog *p;
    int32_t *uses; /* per value: operands and outputs still to come; 0 at first = dead */
    int32_t *reg;  /* per value; -1 = not emitted; bytes count from 0 until the end */
    int32_t *slot, *next_slot; /* per value and per slot: the outputs of one value; -1 ends */
    pool wide, byte;
} compiler;

void tl_prog_free(tl_prog *p)
{
    if (!p)
        return;
    free(p->insn);
    free(p->konst);
    free(p->table);
    free(p->entry);
    free(p->in_type);
    free(p->out_type);
    free(p);
    tl_live(TL_LIVE_PROGRAM, -1);
}

/* --- which values are needed ---------------------------------------------------------------------
 */

static void count_uses(compiler *c)
{
    const tl_ir *ir = c->ir;
    memset(c->uses, 0, (size_t)ir->n * sizeof *c->uses);
    for (int v = 0; v < ir->n; v++)
        c->reg[v] = c->slot[v] = -1;
    for (int s = TL_MOST_SLOTS - 1; s >= 0; s--)
        if (ir->out[s] >= 0) {
            c->uses[ir->out[s]]++;
            c->next_slot[s] = c->slot[ir->out[s]];
            c->slot[ir->out[s]] = s;
        }
    for (int v = ir->n - 1; v >= 0; v--) /* operands come before their users */
        for (int k = 0; c->uses[v] && k < 3; k++)
            if (ir->node[v].src[k] >= 0)
                c->uses[ir->node[v].src[k]]++;
}

/* --- registers
 * --------------------------------------------------------------------------------------- */

static pool *pool_of(compiler *c, tl_val v)
{
    return c->ir->node[v].type == TL_B ? &c->byte : &c->wide;
}

static void take_register(compiler *c, tl_val v)
{
    pool *r = pool_of(c, v);
    c->reg[v] = r->n_free ? r->free[--r->n_free] : r->made++;
}

static void release(compiler *c, tl_val v)
{
    if (--c->uses[v] == 0 && c->ir->node[v].code != TL__CONST) {
        pool *r = pool_of(c, v);
        r->free[r->n_free++] = c->reg[v];
    }
}

/* --- instructions
 * ------------------------------------------------------------------------------------ */

static void emit_stores(compiler *c, tl_val v)
{
    for (int s = c->slot[v]; s >= 0; s = c->next_slot[s]) {
        c->p->insn[c->p->n_insn++] = (tl__insn){TL__STORE, 0, {v, 0, 0}, s};
        release(c, v);
    }
}

/* Until number_registers, instructions name values: a value keeps its register for life. */
static void emit(compiler *c, tl_val v)
{
    const tl__node *node = &c->ir->node[v];
    tl__insn in = {node->code, v, {0, 0, 0}, node->imm};
    for (int k = 0; k < tl__code_arity(node->code); k++)
        in.src[k] = node->src[k];
    take_register(c, v); /* before the operands are released: dst is none of them */
    c->p->insn[c->p->n_insn++] = in;
    for (int k = 0; k < tl__code_arity(node->code); k++)
        release(c, node->src[k]);
    emit_stores(c, v);
}

static int is_load(int code)
{
    return code == TL__LOAD || code == TL__LOAD_F || code == TL__LOAD_MASK ||
           code == TL__LOAD_WITHIN;
}

static void emit_all(compiler *c)
{
    const tl_ir *ir = c->ir;
    for (int v = 0; v < ir->n; v++) {
        const tl__node *node = &ir->node[v];
        if (c->uses[v] && node->code == TL__CONST)
            emit_stores(c, v);
        if (c->uses[v] == 0 || c->reg[v] >= 0)
            continue;
        if (is_load(node->code) && c->slot[v] < 0)
            continue; /* waits for its first use */
        for (int k = 0; k < tl__code_arity(node->code); k++)
            if (c->reg[node->src[k]] < 0)
                emit(c, node->src[k]);
        emit(c, v);
    }
}

/* Constants first: they keep their registers for the whole program. */
static void place_constants(compiler *c)
{
    const tl_ir *ir = c->ir;
    for (int v = 0; v < ir->n; v++)
        if (c->uses[v] && ir->node[v].code == TL__CONST) {
            take_register(c, v);
            c->p->konst[c->p->n_konst++] = (tl__konst){v, ir->node[v].type, ir->node[v].x};
        }
}

static int32_t register_of(const compiler *c, tl_val v)
{
    return c->reg[v] + (c->ir->node[v].type == TL_B ? c->wide.made : 0);
}

static void number_registers(compiler *c)
{
    tl_prog *p = c->p;
    p->n_wide = c->wide.made;
    p->n_byte = c->byte.made;
    for (int k = 0; k < p->n_konst; k++)
        p->konst[k].reg = register_of(c, p->konst[k].reg);
    for (int i = 0; i < p->n_insn; i++) {
        tl__insn *in = &p->insn[i];
        for (int k = 0; k < tl__code_arity(in->code); k++)
            in->src[k] = register_of(c, in->src[k]);
        if (in->code != TL__STORE)
            in->dst = register_of(c, in->dst);
    }
}

/* --- slots and tables
 * ------------------------------------------------------------------------------ */

static void note_slots(compiler *c)
{
    tl_prog *p = c->p;
    memset(p->in_type, TL__UNUSED, TL_MOST_SLOTS);
    memset(p->out_type, TL__UNUSED, TL_MOST_SLOTS);
    for (int i = 0; i < p->n_insn; i++) {
        int s = p->insn[i].imm;
        if (is_load(p->insn[i].code)) {
            p->in_type[s] = c->ir->in_type[s];
            p->n_in = s >= p->n_in ? s + 1 : p->n_in;
        } else if (p->insn[i].code == TL__STORE) {
            p->out_type[s] = c->ir->out_type[s];
            p->n_out = s >= p->n_out ? s + 1 : p->n_out;
        }
    }
}

static void copy_tables(compiler *c)
{
    tl_prog *p = c->p;
    p->n_table = c->ir->n_table;
    p->n_entry = c->ir->n_entry;
    if (p->n_table)
        memcpy(p->table, c->ir->table, (size_t)p->n_table * sizeof *p->table);
    if (p->n_entry)
        memcpy(p->entry, c->ir->entry, (size_t)p->n_entry * sizeof *p->entry);
}

static int allocate(void *out, size_t n, size_t size, tl_err *e)
{
    return tl_try_alloc(out, n, size, "a pixel program", e);
}

static int set_up(compiler *c, tl_err *e)
{
    size_t n = (size_t)c->ir->n;
    tl_prog *p = c->p = tl_xcalloc(1, sizeof *p);
    tl_live(TL_LIVE_PROGRAM, 1);
    p->libm_folded = c->ir->libm_folded;
    if (allocate(&c->uses, n, sizeof *c->uses, e) || allocate(&c->reg, n, sizeof *c->reg, e) ||
        allocate(&c->slot, n, sizeof *c->slot, e) ||
        allocate(&c->next_slot, TL_MOST_SLOTS, sizeof *c->next_slot, e) ||
        allocate(&c->wide.free, n, sizeof *c->wide.free, e) ||
        allocate(&c->byte.free, n, sizeof *c->byte.free, e) ||
        allocate(&p->insn, n + TL_MOST_SLOTS, sizeof *p->insn, e) ||
        allocate(&p->konst, n, sizeof *p->konst, e) ||
        allocate(&p->table, (size_t)c->ir->n_table, sizeof *p->table, e) ||
        allocate(&p->entry, (size_t)c->ir->n_entry, sizeof *p->entry, e) ||
        allocate(&p->in_type, TL_MOST_SLOTS, 1, e) || allocate(&p->out_type, TL_MOST_SLOTS, 1, e))
        return e ? e->code : TL_ENOMEM;
    return 0;
}

int tl_ir_compile(const tl_ir *ir, tl_prog **out, tl_err *e)
{
    if (ir->err.code)
        return tl_fail(e, ir->err.code, "%s", ir->err.message);
    compiler c = {.ir = ir};
    int code = set_up(&c, e);
    if (code)
        goto done;
    count_uses(&c);
    place_constants(&c);
    emit_all(&c);
    number_registers(&c);
    note_slots(&c);
    copy_tables(&c);
    if (c.wide.made + c.byte.made > TL_MOST_REGISTERS)
        code = tl_fail(e, TL_ESCRIPT,
                       "the pixel program is too large: it needs more than %d registers",
                       TL_MOST_REGISTERS);
    else
        code = tl_prog_verify(c.p, e);
    if (!code) {
        *out = c.p;
        c.p = NULL;
    }
done:
    free(c.uses);
    free(c.reg);
    free(c.slot);
    free(c.next_slot);
    free(c.wide.free);
    free(c.byte.free);
    tl_prog_free(c.p);
    return code;
}
