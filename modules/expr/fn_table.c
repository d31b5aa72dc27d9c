/* Tables on abstract values: constant ones, and those made per pixel. SPDX-License-Identifier: MIT
 */
#include "modules/expr/fn_lower.h"

#include <math.h>
#include <string.h>

#define MOST_PAIRS   256  /* keys of a local table beside its array: they are a list */
#define MOST_CHOICES 4096 /* entries of a local table behind an index that depends on the pixel */

tl__object *tl__new_table(tl__lower *lw)
{
    tl__object *o = tl__get(lw, sizeof *o);
    o->kind = O_TABLE;
    o->born = ++lw->clock;
    o->stay = tl__staying(lw, 0);
    return o;
}

tl__object *tl__new_string(tl__lower *lw, tl__str s)
{
    tl__object *o = tl__get(lw, sizeof *o);
    o->kind = O_STRING;
    o->str = s;
    return o;
}

/* --- keys that are the same on every pixel -------------------------------------------------- */

int tl__static_key(tl__lower *lw, const tl__value *v, tl__key *key)
{
    tl_frozen f = {.kind = TL__NIL};
    const tl__object *o = tl__static_obj(v);
    int64_t i;
    double d;
    if (o && o->kind == O_STRING) {
        *key = (tl__key){TL__STRING, {.i = 0}, o->str.s, o->str.len};
        return 1;
    }
    if (v->may == K_BOOL && tl__known(lw, v->b) >= 0) {
        *key = (tl__key){TL__BOOL, {.i = tl__known(lw, v->b)}, NULL, 0};
        return 1;
    }
    if (tl__static_int(lw, v, 1, &i)) {
        *key = (tl__key){TL__INT, {.i = i}, NULL, 0};
        return 1;
    }
    if (!tl__static_flt(lw, v, &d) || d != d)
        return 0;
    f.kind = TL__FLT;
    f.x.f = d;
    return tl__frozen_key(&f, key);
}

static tl__cell **find_cell(tl__object *t, const tl__key *key)
{
    if (key->kind == TL__INT && key->x.i >= 1 && key->x.i <= t->n_array)
        return &t->array[key->x.i - 1];
    for (tl__pair *p = t->pairs; p; p = p->next)
        if (tl__same_key(&p->key, key))
            return &p->cell;
    return NULL;
}

/* An entry that is nil until now: as old as its table. */
static tl__cell *add_cell(tl__lower *lw, tl__object *t, const tl__key *key)
{
    tl__cell *cell = tl__new_cell(lw, tl__nil(), 1);
    cell->born = t->born;
    cell->stay = t->stay;
    if (key->kind == TL__INT && key->x.i == t->n_array + 1) {
        if (t->n_array == t->cap_array) {
            t->cap_array = t->cap_array ? t->cap_array * 2 : 8;
            tl__cell **more = tl__get(lw, (size_t)t->cap_array * sizeof *more);
            if (t->n_array)
                memcpy(more, t->array, (size_t)t->n_array * sizeof *more);
            t->array = more;
        }
        t->array[t->n_array++] = cell;
        return cell;
    }
    if (t->n_pairs++ == MOST_PAIRS)
        tl__refuse(lw, TL_FN_SUBSET,
                   "a table made per pixel has more than %d keys beside 1, 2, 3 ...", MOST_PAIRS);
    tl__pair *p = tl__get(lw, sizeof *p);
    *p = (tl__pair){t->pairs, *key, cell};
    t->pairs = p;
    return cell;
}

/* What stray writes have put at an integer that is the same everywhere. */
static tl__value over_strays(tl__lower *lw, const tl__object *t, tl_val index, tl__value v)
{
    const tl__stray *in_order[256];
    int n = 0;
    for (const tl__stray *s = t->strays; s; s = s->older) {
        if (n == 256)
            tl__refuse(lw, TL_FN_SUBSET, "too many entries of a table depend on the pixel");
        /* cppcheck-suppress arrayIndexOutOfBoundsCond ; the refusal does not return */
        in_order[n++] = s;
    }
    while (n > 0) {
        const tl__stray *s = in_order[--n];
        tl_val here = tl__and(lw, s->mask, tl__op(lw, TL_OP_i_eq, s->index, index, TL_NONE));
        v = tl__choose(lw, here, &s->v, &v);
    }
    return v;
}

tl__value tl__read_key(tl__lower *lw, tl__object *t, const tl__key *key)
{
    if (t->frozen)
        return tl__thaw(lw, tl__frozen_get(t->frozen, key));
    tl__cell **cell = find_cell(t, key);
    tl__value v = cell ? (*cell)->v : tl__nil();
    return t->strays && key->kind == TL__INT ? over_strays(lw, t, tl__const_i(lw, key->x.i), v) : v;
}

/* --- indices that depend on the pixel ------------------------------------------------------- */

/* Keys that are no integers find nothing, unless the table has such keys. */
static tl_val as_index(tl__lower *lw, tl__object *t, const tl__value *key, tl_val *is_index)
{
    for (const tl__pair *p = t->frozen ? NULL : t->pairs; p; p = p->next)
        if (p->key.kind != TL__INT && p->key.kind != TL__STRING)
            tl__refuse(lw, TL_FN_SUBSET,
                       "a table with such keys and an index that depends on the pixel");
    if (key->may & K_OBJ)
        tl__refuse(lw, TL_FN_SUBSET, "an index that is one string or another by pixel");
    if (t->frozen && (key->may & (K_BOOL | K_FLT)) && t->frozen->n > t->frozen->n_array)
        for (int k = t->frozen->n_array; k < t->frozen->n; k++)
            if (t->frozen->key[k]->kind == TL__BOOL || t->frozen->key[k]->kind == TL__FLT)
                tl__refuse(lw, TL_FN_SUBSET,
                           "a table with such keys and an index that depends on the pixel");
    *is_index = tl__is(lw, key, K_INT);
    if (!(key->may & K_FLT))
        return key->may & K_INT ? key->i : tl__const_i(lw, 0);
    tl_val has = tl__op(lw, TL_OP_f_has_i, key->f, TL_NONE, TL_NONE);
    tl_val i = tl__op(lw, TL_OP_f_to_i, key->f, TL_NONE, TL_NONE);
    *is_index = tl__or(lw, *is_index, tl__and(lw, tl__is(lw, key, K_FLT), has));
    return key->may & K_INT ? tl__op(lw, TL_OP_i_select, key->is[2], key->i, i) : i;
}

/* 1 when a constant table has integer keys beyond its array, from `least` on. */
static int has_other_integers(const tl_frozen *t, int64_t least)
{
    tl__key k;
    for (int j = t->n_array; j < t->n; j++)
        if (tl__frozen_key(t->key[j], &k) && k.kind == TL__INT && k.x.i >= least)
            return 1;
    return 0;
}

static int kind_bits(const tl_frozen *v)
{
    switch (v->kind) {
    case TL__BOOL:
        return K_BOOL;
    case TL__INT:
        return K_INT;
    case TL__FLT:
        return K_FLT;
    default:
        return K_OBJ;
    }
}

static tl_val lookup(tl__lower *lw, const tl_frozen *t, int kind, tl_val index)
{
    tl_num *entry = tl__get(lw, (size_t)t->n_array * sizeof *entry + 8);
    for (int k = 0; k < t->n_array; k++)
        if (!kind) /* which kind it is */
            entry[k].i = kind_bits(t->value[k]);
        else if (kind_bits(t->value[k]) == kind)
            entry[k] = t->value[k]->x;
    int table = tl_ir_table(lw->ir, kind == K_FLT ? TL_F : TL_I, entry, t->n_array);
    tl_val v = table < 0 ? TL_NONE : tl_ir_lookup(lw->ir, table, index);
    if (v < 0)
        tl__refuse(lw, TL_FN_SUBSET, "the program's tables are too large");
    return v;
}

/* A table of numbers and booleans, as tables of the program. */
static tl__value look_up(tl__lower *lw, const tl_frozen *t, int kinds, tl_val index, tl_val inside)
{
    tl__value v = tl__nil(), none = tl__nil();
    tl_val zero_based = tl__op(lw, TL_OP_i_sub, index, tl__const_i(lw, 1), TL_NONE);
    int mixed = (kinds & (kinds - 1)) != 0;
    tl_val kind = mixed ? lookup(lw, t, 0, zero_based) : TL_NONE;
    v.may = (uint8_t)kinds;
    for (int k = 1; k <= 3; k++) {
        if (!(kinds >> k & 1))
            continue;
        tl_val x = lookup(lw, t, 1 << k, zero_based);
        if (k == 1)
            v.b = tl__op(lw, TL_OP_i_to_b, x, TL_NONE, TL_NONE);
        else if (k == 2)
            v.i = x;
        else
            v.f = x;
        if (mixed)
            v.is[k] = tl__op(lw, TL_OP_i_eq, kind, tl__const_i(lw, 1 << k), TL_NONE);
    }
    return tl__choose(lw, inside, &v, &none);
}

/* The entry by comparing the index with every key. */
static tl__value choose_entry(tl__lower *lw, tl__value v, const tl__value *entry, int64_t key,
                              tl_val index, tl_val is_index)
{
    tl_val here = tl__op(lw, TL_OP_i_eq, index, tl__const_i(lw, key), TL_NONE);
    return tl__choose(lw, tl__and(lw, is_index, here), entry, &v);
}

static tl__value read_frozen(tl__lower *lw, const tl_frozen *t, tl_val index, tl_val is_index)
{
    int kinds = 0;
    for (int k = 0; k < t->n_array; k++)
        kinds |= kind_bits(t->value[k]);
    tl__value v = tl__nil();
    if (!kinds && !has_other_integers(t, INT64_MIN))
        return v;
    if (!(kinds & K_OBJ) && !has_other_integers(t, INT64_MIN)) {
        tl_val low = tl__op(lw, TL_OP_i_le, tl__const_i(lw, 1), index, TL_NONE);
        tl_val high = tl__op(lw, TL_OP_i_le, index, tl__const_i(lw, t->n_array), TL_NONE);
        return look_up(lw, t, kinds, index, tl__and(lw, is_index, tl__and(lw, low, high)));
    }
    if (t->n > MOST_CHOICES)
        tl__refuse(lw, TL_FN_SUBSET,
                   "an index that depends on the pixel into a table of %d entries", t->n);
    for (int k = 0; k < t->n; k++) {
        tl__key key;
        if (!tl__frozen_key(t->key[k], &key) || key.kind != TL__INT)
            continue;
        tl__value entry = tl__thaw(lw, t->value[k]);
        v = choose_entry(lw, v, &entry, key.x.i, index, is_index);
    }
    return v;
}

static tl__value read_by_pixel(tl__lower *lw, tl__object *t, const tl__value *key)
{
    tl_val is_index, index = as_index(lw, t, key, &is_index);
    if (t->frozen)
        return read_frozen(lw, t->frozen, index, is_index);
    tl__value v = tl__nil();
    for (int k = 0; k < t->n_array; k++) {
        tl__step(lw);
        v = choose_entry(lw, v, &t->array[k]->v, k + 1, index, is_index);
    }
    for (const tl__pair *p = t->pairs; p; p = p->next)
        if (p->key.kind == TL__INT)
            v = choose_entry(lw, v, &p->cell->v, p->key.x.i, index, is_index);
    if (t->strays) {
        tl__value found = over_strays(lw, t, index, v);
        v = tl__choose(lw, is_index, &found, &v);
    }
    return v;
}

/* The write reaches the entry whose key the index is; where there is none, it is kept beside. */
static void write_by_pixel(tl__lower *lw, tl__object *t, tl_val where, const tl__value *key,
                           const tl__value *v)
{
    tl_val is_index, index = as_index(lw, t, key, &is_index), found = lw->no;
    if (tl__known(lw, is_index) != 1)
        tl__refuse(lw, TL_FN_SUBSET, "writing at an index that may be no integer");
    for (int k = 0; k < t->n_array; k++) {
        tl__step(lw);
        tl_val here = tl__op(lw, TL_OP_i_eq, index, tl__const_i(lw, k + 1), TL_NONE);
        tl__value x = tl__choose(lw, tl__and(lw, where, here), v, &t->array[k]->v);
        tl__assign(lw, t->array[k], &x);
        found = tl__or(lw, found, here);
    }
    for (tl__pair *p = t->pairs; p; p = p->next) {
        if (p->key.kind != TL__INT)
            continue;
        tl_val here = tl__op(lw, TL_OP_i_eq, index, tl__const_i(lw, p->key.x.i), TL_NONE);
        tl__value x = tl__choose(lw, tl__and(lw, where, here), v, &p->cell->v);
        tl__assign(lw, p->cell, &x);
        found = tl__or(lw, found, here);
    }
    /* Strays are not undone when a branch ends: their mask must say all. Older ones may hide an
     * entry, so that once there are some all writes go there too. */
    tl_val mask = tl__and(lw, lw->active, where);
    if (!t->strays)
        mask = tl__and(lw, mask, tl__not(lw, found));
    if (tl__known(lw, mask) == 0)
        return;
    tl__stray *s = tl__get(lw, sizeof *s);
    *s = (tl__stray){t->strays, mask, index, *v};
    t->strays = s;
}

/* --- any table, any key --------------------------------------------------------------------- */

static tl__object *table_of(tl__lower *lw, tl__object *o)
{
    if (o->kind == O_STRING)
        tl__refuse(lw, TL_FN_SUBSET, "methods of strings");
    return o->kind == O_TABLE ? o : NULL;
}

static const char *key_text(tl__lower *lw, const tl__value *key, char *out, size_t size)
{
    tl__key k;
    out[0] = 0;
    if (tl__static_key(lw, key, &k) && k.kind == TL__STRING) {
        size_t n = k.len < size - 14 ? k.len : size - 14;
        memcpy(out, " (field '", 9);
        memcpy(out + 9, k.s, n);
        memcpy(out + 9 + n, "')", 3);
    }
    return out;
}

static tl__value read_by_name(tl__lower *lw, const tl__value *t, const tl__value *key)
{
    tl__value v = tl__nil();
    for (int j = 0; j < key->n_alt; j++) {
        tl__value name = tl__obj(lw, key->alts[j].object), x = tl__read(lw, t, &name);
        v = j ? tl__choose(lw, key->alts[j].mask, &x, &v) : x;
    }
    return v;
}

tl__value tl__read(tl__lower *lw, const tl__value *t, const tl__value *key)
{
    if (key->may == K_OBJ && key->n_alt > 1)
        return read_by_name(lw, t, key);
    tl__key k;
    char text[60];
    tl_val good = lw->no;
    tl__value v = tl__nil();
    int is_static = tl__static_key(lw, key, &k), first = 1;
    for (int j = 0; (t->may & K_OBJ) && j < t->n_alt; j++) {
        tl__object *o = table_of(lw, t->alts[j].object);
        if (!o)
            continue;
        tl__value x = is_static ? tl__read_key(lw, o, &k) : read_by_pixel(lw, o, key);
        v = first ? x : tl__choose(lw, t->alts[j].mask, &x, &v);
        first = 0;
        good = tl__or(lw, good, t->alts[j].mask);
    }
    tl__trap(lw, tl__not(lw, tl__and(lw, tl__is(lw, t, K_OBJ), good)),
             "attempt to index a %s value%s", t->may & ~K_OBJ ? tl__kind_name(t) : "function",
             key_text(lw, key, text, sizeof text));
    return v;
}

static void write_one(tl__lower *lw, tl__object *t, tl_val where, const tl__value *key,
                      const tl__value *v)
{
    tl__key k;
    if (t->frozen)
        tl__refuse(lw, TL_FN_SUBSET, "it changes a table that lives outside of the function");
    if (!tl__static_key(lw, key, &k)) {
        write_by_pixel(lw, t, where, key, v);
        return;
    }
    if (t->strays && k.kind == TL__INT) { /* what a stray wrote here is history */
        tl__value same = tl__int(tl__const_i(lw, k.x.i));
        tl__stray *s = tl__get(lw, sizeof *s);
        *s = (tl__stray){t->strays, tl__and(lw, lw->active, where), same.i, *v};
        t->strays = s;
    }
    tl__cell **found = find_cell(t, &k), *cell = found ? *found : add_cell(lw, t, &k);
    tl__value x = tl__choose(lw, where, v, &cell->v);
    tl__assign(lw, cell, &x);
}

void tl__write(tl__lower *lw, const tl__value *t, const tl__value *key, const tl__value *v)
{
    tl_val good = lw->no;
    double d;
    for (int j = 0; (t->may & K_OBJ) && j < t->n_alt; j++)
        if (table_of(lw, t->alts[j].object))
            good = tl__or(lw, good, t->alts[j].mask);
    tl__trap(lw, tl__not(lw, tl__and(lw, tl__is(lw, t, K_OBJ), good)),
             "attempt to index a %s value", t->may & ~K_OBJ ? tl__kind_name(t) : "function");
    tl__trap(lw, tl__is(lw, key, K_NIL), "index is nil");
    if (tl__static_flt(lw, key, &d) && d != d)
        tl__trap(lw, lw->yes, "index is NaN");
    if (tl__dead(lw))
        return;
    tl__value index = tl__only(*key, ~K_NIL);
    for (int j = 0; (t->may & K_OBJ) && j < t->n_alt; j++)
        if (table_of(lw, t->alts[j].object))
            write_one(lw, t->alts[j].object, t->alts[j].mask, &index, v);
}

/* --- length --------------------------------------------------------------------------------- */

static int64_t length_of(tl__lower *lw, tl__object *t)
{
    static const char reason[] = "the length of a table depends on the pixel";
    if (t->kind == O_STRING)
        return (int64_t)t->str.len;
    if (t->frozen && has_other_integers(t->frozen, t->frozen->n_array + 1))
        tl__refuse(lw, TL_FN_SUBSET, "the length of a table with gaps");
    if (t->frozen)
        return t->frozen->n_array;
    int n = t->n_array;
    while (n > 0 && t->array[n - 1]->v.may == K_NIL)
        n--; /* written as nil: they are not there */
    for (int k = 0; k < n; k++)
        if (t->array[k]->v.may & K_NIL)
            tl__refuse(lw, TL_FN_SUBSET, reason);
    for (const tl__pair *p = t->pairs; p; p = p->next)
        if (p->key.kind == TL__INT && p->key.x.i > n && p->cell->v.may != K_NIL)
            tl__refuse(lw, TL_FN_SUBSET, reason);
    if (t->strays)
        tl__refuse(lw, TL_FN_SUBSET, reason);
    return n;
}

tl__value tl__length(tl__lower *lw, const tl__value *v)
{
    tl__value length = tl__nil();
    tl_val good = lw->no;
    int first = 1;
    for (int k = 0; (v->may & K_OBJ) && k < v->n_alt; k++) {
        tl__object *o = v->alts[k].object;
        if (o->kind != O_TABLE && o->kind != O_STRING)
            continue;
        tl__value n = tl__int(tl__const_i(lw, length_of(lw, o)));
        length = first ? n : tl__choose(lw, v->alts[k].mask, &n, &length);
        first = 0;
        good = tl__or(lw, good, v->alts[k].mask);
    }
    tl__trap(lw, tl__not(lw, tl__and(lw, tl__is(lw, v, K_OBJ), good)),
             "attempt to get length of a %s value",
             v->may & ~K_OBJ ? tl__kind_name(v) : "function");
    return length.may == K_NIL ? tl__int(tl__const_i(lw, 0)) : length;
}
