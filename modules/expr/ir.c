/* The builder of pixel programs: values, equal ones once, tables. SPDX-License-Identifier: MIT */
#include "modules/expr/expr_int.h"
#include "runtime/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

tl_ir *tl_ir_new(void)
{
    tl_ir *ir = tl_xcalloc(1, sizeof *ir);
    memset(ir->in_type, TL__UNUSED, sizeof ir->in_type);
    memset(ir->out_type, TL__UNUSED, sizeof ir->out_type);
    for (int s = 0; s < TL_MOST_SLOTS; s++)
        ir->out[s] = TL_NONE;
    return ir;
}

void tl_ir_free(tl_ir *ir)
{
    if (!ir)
        return;
    free(ir->node);
    free(ir->hash);
    free(ir->table);
    free(ir->entry);
    free(ir);
}

/* Makes the failure sticky; every later value is TL_NONE. */
static tl_val too_large(tl_ir *ir, const char *what, int most)
{
    tl_fail(&ir->err, TL_ESCRIPT, "the pixel program is too large: more than %d %s", most, what);
    return TL_NONE;
}

static tl_val no_memory(tl_ir *ir)
{
    tl_fail(&ir->err, TL_ENOMEM, "not enough memory to build the pixel program");
    return TL_NONE;
}

/* --- equal values are one ----------------------------------------------------------------------
 */

static uint64_t mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * 0x9e3779b97f4a7c15u;
    return h ^ (h >> 29);
}

static uint64_t hash_node(const tl__node *v)
{
    uint64_t h = mix((uint64_t)v->code, ((uint64_t)(uint32_t)v->imm << 8) | v->type);
    for (int k = 0; k < 3; k++)
        h = mix(h, (uint32_t)v->src[k]);
    return mix(h, (uint64_t)v->x.i);
}

static int same_node(const tl__node *v, const tl__node *w)
{
    return v->code == w->code && v->imm == w->imm && v->type == w->type && v->x.i == w->x.i &&
           memcmp(v->src, w->src, sizeof v->src) == 0;
}

/* The place of an equal value, or the free place where it belongs. */
static size_t find_place(const tl_ir *ir, const tl__node *v)
{
    size_t i = (size_t)hash_node(v) & (ir->hash_cap - 1);
    while (ir->hash[i] && !same_node(&ir->node[ir->hash[i] - 1], v))
        i = (i + 1) & (ir->hash_cap - 1);
    return i;
}

static int grow(tl_ir *ir)
{
    int32_t cap = ir->cap ? ir->cap * 2 : 256;
    size_t places = (size_t)cap * 2;
    tl__node *node = realloc(ir->node, (size_t)cap * sizeof *node);
    if (!node)
        return -1;
    ir->node = node;
    int32_t *hash = calloc(places, sizeof *hash);
    if (!hash)
        return -1;
    free(ir->hash);
    ir->hash = hash;
    ir->hash_cap = places;
    ir->cap = cap;
    for (int32_t v = 0; v < ir->n; v++)
        hash[find_place(ir, &node[v])] = v + 1;
    return 0;
}

static tl_val add(tl_ir *ir, const tl__node *v)
{
    if (ir->n == ir->cap && grow(ir))
        return no_memory(ir);
    size_t place = find_place(ir, v);
    if (ir->hash[place])
        return ir->hash[place] - 1;
    if (ir->n == TL_MOST_VALUES)
        return too_large(ir, "values", TL_MOST_VALUES);
    ir->node[ir->n] = *v;
    ir->hash[place] = ir->n + 1;
    return ir->n++;
}

/* --- bounds of integers: they tell where a float holds them exactly ----------------------------
 */

static uint8_t bits_of_const(int64_t i)
{
    uint64_t size = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    uint8_t bits = 0;
    while (bits < 63 && size > ((uint64_t)1 << bits))
        bits++;
    return bits;
}

static uint8_t bits_of_op(const tl_ir *ir, const tl__node *v)
{
    unsigned s[3] = {0, 0, 0}, bits = 64;
    for (int k = 0; k < 3; k++)
        if (v->src[k] >= 0)
            s[k] = ir->node[v->src[k]].bits;
    switch (v->code) {
    case TL_OP_i_add:
    case TL_OP_i_sub:
        bits = (s[0] > s[1] ? s[0] : s[1]) + 1;
        break;
    case TL_OP_i_mul:
        bits = s[0] + s[1];
        break;
    case TL_OP_i_neg:
    case TL_OP_i_abs:
        bits = s[0];
        break;
    case TL_OP_i_idiv:
        bits = s[0];
        break;
    case TL_OP_i_mod:
        bits = s[1];
        break;
    case TL_OP_i_min:
    case TL_OP_i_max:
        bits = s[0] > s[1] ? s[0] : s[1];
        break;
    case TL_OP_i_select:
        bits = s[1] > s[2] ? s[1] : s[2];
        break;
    case TL_OP_b_to_i:
        bits = 0;
        break;
    }
    return bits > 62 ? 64 : (uint8_t)bits;
}

/* --- loads, constants, tables ------------------------------------------------------------------
 */

static tl_val load(tl_ir *ir, int code, int slot, tl_dtype t, tl_type type)
{
    if (ir->err.code)
        return TL_NONE;
    assert(slot >= 0);
    if (slot >= TL_MOST_SLOTS)
        return too_large(ir, "inputs", TL_MOST_SLOTS);
    assert(ir->in_type[slot] == TL__UNUSED || ir->in_type[slot] == t);
    ir->in_type[slot] = (uint8_t)t;
    uint8_t bits = type == TL_I && tl_dtype_size(t) < 8 ? (uint8_t)(8 * tl_dtype_size(t)) : 64;
    return add(ir, &(tl__node){code, slot, {-1, -1, -1}, (uint8_t)type, bits, {.i = 0}});
}

tl_val tl_ir_load(tl_ir *ir, int slot, tl_dtype t)
{
    return load(ir, TL__LOAD, slot, t, tl_dtype_is_float(t) ? TL_F : TL_I);
}

tl_val tl_ir_load_mask(tl_ir *ir, int slot)
{
    return load(ir, TL__LOAD_MASK, slot, TL_U8, TL_B);
}

tl_val tl__ir_within(tl_ir *ir, tl_val v, int64_t lo, int64_t hi)
{
    int slot = ir->node[v].imm;
    int64_t least = tl_dtype_min((tl_dtype)ir->in_type[slot]);
    int64_t most = tl_dtype_max((tl_dtype)ir->in_type[slot]);
    if (ir->in_type[slot] == TL_U64) /* arrives as its bits */
        least = INT64_MIN;
    lo = lo < least ? least : lo;
    hi = hi > most ? most : hi;
    if (lo > hi || (lo == least && hi == most))
        return tl_ir_const(ir, TL_B, (tl_num){.i = lo <= hi});
    tl_val a = tl_ir_const(ir, TL_I, (tl_num){.i = lo}),
           b = tl_ir_const(ir, TL_I, (tl_num){.i = hi});
    if (a < 0 || b < 0)
        return TL_NONE;
    return add(ir, &(tl__node){TL__LOAD_WITHIN, slot, {a, b, -1}, TL_B, 64, {.i = 0}});
}

tl_val tl_ir_const(tl_ir *ir, tl_type t, tl_num x)
{
    if (ir->err.code)
        return TL_NONE;
    if (t == TL_B)
        x.i = x.i != 0;
    uint8_t bits = t == TL_I ? bits_of_const(x.i) : 64;
    return add(ir, &(tl__node){TL__CONST, 0, {-1, -1, -1}, (uint8_t)t, bits, x});
}

static int same_table(const tl_ir *ir, const tl__table *t, tl_type type, const tl_num *entries,
                      int n)
{
    if (t->type != (int32_t)type || t->n != n)
        return 0;
    for (int k = 0; k < n; k++)
        if (ir->entry[t->first + k].i != entries[k].i)
            return 0;
    return 1;
}

static int append_table(tl_ir *ir, tl_type type, const tl_num *entries, int n)
{
    tl__table *table = realloc(ir->table, ((size_t)ir->n_table + 1) * sizeof *table);
    if (!table)
        return no_memory(ir);
    ir->table = table;
    tl_num *entry = realloc(ir->entry, ((size_t)ir->n_entry + (size_t)n + 1) * sizeof *entry);
    if (!entry)
        return no_memory(ir);
    ir->entry = entry;
    for (int k = 0; k < n; k++)
        entry[ir->n_entry + k] = entries[k];
    table[ir->n_table] = (tl__table){(int32_t)type, n, ir->n_entry};
    ir->n_entry += n;
    return ir->n_table++;
}

int tl_ir_table(tl_ir *ir, tl_type t, const tl_num *entries, int n)
{
    if (ir->err.code)
        return TL_NONE;
    assert((t == TL_I || t == TL_F) && n >= 0);
    for (int k = 0; k < ir->n_table; k++)
        if (same_table(ir, &ir->table[k], t, entries, n))
            return k;
    if (ir->n_table == TL_MOST_SLOTS)
        return too_large(ir, "tables", TL_MOST_SLOTS);
    if (n > TL_MOST_ENTRIES - ir->n_entry)
        return too_large(ir, "table entries", TL_MOST_ENTRIES);
    return append_table(ir, t, entries, n);
}

tl_val tl_ir_lookup(tl_ir *ir, int table, tl_val index)
{
    if (ir->err.code)
        return TL_NONE;
    assert(table >= 0 && table < ir->n_table && tl_ir_type(ir, index) == TL_I);
    const tl__table *t = &ir->table[table];
    tl_num i;
    if (tl_ir_is_const(ir, index, &i)) {
        tl_num x = {.i = 0};
        if (i.i >= 0 && i.i < t->n)
            x = ir->entry[t->first + i.i];
        return tl_ir_const(ir, (tl_type)t->type, x);
    }
    int code = t->type == TL_I ? TL__TABLE_I : TL__TABLE_F;
    return add(ir, &(tl__node){code, table, {index, -1, -1}, (uint8_t)t->type, 64, {.i = 0}});
}

tl_type tl_ir_type(const tl_ir *ir, tl_val v)
{
    if (v < 0)
        return TL_I; /* the ir has failed: any answer will do */
    assert(v < ir->n);
    return (tl_type)ir->node[v].type;
}

int tl_ir_is_const(const tl_ir *ir, tl_val v, tl_num *x)
{
    if (v < 0 || ir->node[v].code != TL__CONST)
        return 0;
    *x = ir->node[v].x;
    return 1;
}

/* --- operations and outputs ----------------------------------------------------------------------
 */

static int commutes(int op)
{
    switch (op) { /* no float results: which NaN comes out depends on the order */
    case TL_OP_i_add:
    case TL_OP_i_mul:
    case TL_OP_i_and:
    case TL_OP_i_or:
    case TL_OP_i_xor:
    case TL_OP_i_min:
    case TL_OP_i_max:
    case TL_OP_i_eq:
    case TL_OP_f_eq:
    case TL_OP_b_and:
    case TL_OP_b_or:
    case TL_OP_b_xor:
        return 1;
    }
    return 0;
}

static tl_val convert_load(tl_ir *ir, const tl__node *from)
{
    return add(ir, &(tl__node){TL__LOAD_F, from->imm, {-1, -1, -1}, TL_F, from->bits, {.i = 0}});
}

tl_val tl_ir_op(tl_ir *ir, tl_op op, tl_val a, tl_val b, tl_val c)
{
    if (ir->err.code)
        return TL_NONE;
    tl__node v = {(int32_t)op, 0, {a, b, c}, 0, 64, {.i = 0}};
    assert((unsigned)op < TL_OPS);
    for (int k = 0; k < 3; k++)
        if (k < tl_op_arity(op))
            assert(v.src[k] >= 0 && tl_ir_type(ir, v.src[k]) == tl_op_operand(op, k));
        else
            v.src[k] = TL_NONE;
    tl_val simple = tl__ir_simplify(ir, op, v.src);
    if (simple >= 0 || ir->err.code)
        return simple;
    if (op == TL_OP_i_to_f && ir->node[a].code == TL__LOAD)
        return convert_load(ir, &ir->node[a]);
    if (commutes(op) && a > b) {
        v.src[0] = b;
        v.src[1] = a;
    }
    v.type = (uint8_t)tl_op_result(op);
    if (v.type == TL_I || op == TL_OP_i_to_f)
        v.bits = op == TL_OP_i_to_f ? ir->node[a].bits : bits_of_op(ir, &v);
    return add(ir, &v);
}

void tl_ir_output(tl_ir *ir, int slot, tl_val v, tl_dtype t)
{
    if (ir->err.code)
        return;
    assert(slot >= 0 && v >= 0 && v < ir->n);
    assert((tl_ir_type(ir, v) == TL_F) == (tl_dtype_is_float(t) != 0));
    if (slot >= TL_MOST_SLOTS) {
        too_large(ir, "outputs", TL_MOST_SLOTS);
        return;
    }
    ir->out[slot] = v;
    ir->out_type[slot] = (uint8_t)t;
}
