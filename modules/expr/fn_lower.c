/* A function into values of an ir: arguments, results. SPDX-License-Identifier: MIT */
#include "modules/expr/expr_int.h"
#include "modules/expr/fn_lower.h"
#include "runtime/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ARENA ((size_t)32 << 20)

/* --- arguments ------------------------------------------------------------------------------ */

static tl__value argument(tl__lower *lw, int k)
{
    const tl_fn_arg *a = &lw->args[k];
    if (a->value)
        return tl__thaw(lw, a->value);
    tl__value v = tl__band_value(lw, a->band, lw->options->any ? a->valid : TL_NONE);
    v.arg = (int16_t)k;
    return v;
}

static tl_val all_valid(tl__lower *lw)
{
    tl_val valid = lw->yes;
    for (int k = 0; k < lw->n_args; k++)
        if (!lw->args[k].value && lw->args[k].valid >= 0 && !lw->options->any)
            valid = tl__and(lw, valid, lw->args[k].valid);
    return valid;
}

static tl__list run_body(tl__lower *lw)
{
    const tl_fn *fn = lw->fn;
    int n = fn->proto->n_params;
    tl__env *env = tl__get(lw, sizeof *env);
    tl__closure *f = tl__get(lw, sizeof *f);
    tl__value *bands = tl__get(lw, (size_t)(fn->n_free + 1) * sizeof *bands);
    tl__list args = {n, 0, tl__get(lw, (size_t)(n + 1) * sizeof *args.v)};
    for (int k = 0; k < n; k++)
        args.v[k] = argument(lw, k);
    for (int k = 0; k < fn->n_free; k++)
        if (!lw->args[n + k].value)
            bands[k] = argument(lw, n + k);
    *env = (tl__env){.fn = fn, .args = lw->args + n, .bands = bands};
    *f = (tl__closure){fn->proto, env, NULL};
    return tl__inline(lw, f, &args);
}

/* --- results -------------------------------------------------------------------------------- */

/* Numbers and booleans as the band's one type. */
static tl_fn_band finish_band(tl__lower *lw, const tl__value *v, tl_val good)
{
    tl_fn_band band = {NULL, lw->no, lw->no};
    if (v->may & K_OBJ) {
        static const char *const object[] = {"string", "table", "function", "function"};
        tl__refuse(lw, TL_FN_USER, "a returned value is a %s, not a number",
                   object[v->alts[0].object->kind]);
    }
    band.valid = tl__and(lw, good, tl__is(lw, v, K_BOOL | K_NUM));
    if (v->may == K_NIL)
        return band;
    tl_val is_bool = tl__is(lw, v, K_BOOL);
    if (!(v->may & K_NUM)) {
        band.value = v->b;
        return band;
    }
    tl__value n = tl__only(*v, K_NUM);
    if (v->may & K_BOOL) {
        tl__value b = tl__int(tl__op(lw, TL_OP_b_to_i, v->b, TL_NONE, TL_NONE));
        n = tl__choose(lw, is_bool, &b, &n);
    }
    if (n.may == K_INT) {
        band.value = n.i;
        return band;
    }
    band.value = tl__as_float(lw, &n);
    tl_val finite = tl__op(lw, TL_OP_f_is_finite, band.value, TL_NONE, TL_NONE);
    band.valid = tl__and(lw, band.valid, finite);
    return band;
}

typedef struct field {
    tl__key key;
    tl__value v;
} field;

static int compare_fields(const void *a, const void *b)
{
    const tl__key *x = &((const field *)a)->key, *y = &((const field *)b)->key;
    if ((x->kind == TL__STRING) != (y->kind == TL__STRING)) /* numbers first */
        return x->kind == TL__STRING ? 1 : -1;
    if (x->kind != TL__STRING)
        return x->x.i < y->x.i ? -1 : x->x.i > y->x.i;
    int order = memcmp(x->s, y->s, x->len < y->len ? x->len : y->len);
    return order ? order : x->len < y->len ? -1 : x->len > y->len;
}

static int collect_keys(tl__lower *lw, const tl__object *t, field *out, int most)
{
    int n = 0;
    if (t->strays)
        tl__refuse(lw, TL_FN_SUBSET, "which entries a returned table has depends on the pixel");
    for (int k = 0; t->frozen && k < t->frozen->n && n < most; k++)
        n += tl__frozen_key(t->frozen->key[k], &out[n].key);
    for (int k = 0; k < t->n_array && n < most; k++)
        out[n++].key = (tl__key){TL__INT, {.i = k + 1}, NULL, 0};
    for (const tl__pair *p = t->pairs; p && n < most; p = p->next)
        out[n++].key = p->key;
    return n;
}

/* All keys of the tables that may be returned, once each, sorted: names, or 1 .. n. */
static int collect_fields(tl__lower *lw, const tl__value *v, field **out)
{
    int most = TL_FN_MOST_BANDS + 1, n = 0;
    field *all = tl__get(lw, (size_t)most * 2 * sizeof *all);
    for (int j = 0; j < v->n_alt; j++) {
        int more = collect_keys(lw, v->alts[j].object, all + n, most);
        for (int k = n, end = n + more; k < end; k++) {
            int twice = 0;
            for (int i = 0; i < n && !twice; i++)
                twice = tl__same_key(&all[i].key, &all[k].key);
            if (!twice)
                all[n++].key = all[k].key;
        }
        if (n >= most)
            tl__refuse(lw, TL_FN_USER, "it returns more than %d bands", TL_FN_MOST_BANDS);
    }
    int names = 0;
    for (int k = 0; k < n; k++) {
        names += all[k].key.kind == TL__STRING;
        if (all[k].key.kind != TL__STRING && all[k].key.kind != TL__INT)
            tl__refuse(lw, TL_FN_USER, "the keys of a returned table are names, or 1, 2, 3 ...");
    }
    qsort(all, (size_t)n, sizeof *all, compare_fields);
    if ((names && names != n) || (n && !names && (all[0].key.x.i != 1 || all[n - 1].key.x.i != n)))
        tl__refuse(lw, TL_FN_USER, "the keys of a returned table are names, or 1, 2, 3 ...");
    *out = all;
    return n;
}

static tl__value field_value(tl__lower *lw, const tl__value *v, const tl__key *key)
{
    tl__value result = tl__nil();
    for (int j = 0; j < v->n_alt; j++) {
        tl__value x = tl__read_key(lw, v->alts[j].object, key);
        result = j ? tl__choose(lw, v->alts[j].mask, &x, &result) : x;
    }
    if (v->may == K_OBJ)
        return result;
    tl__value none = tl__nil();
    return tl__choose(lw, tl__is(lw, v, K_OBJ), &result, &none);
}

static int is_table(const tl__value *v)
{
    for (int k = 0; (v->may & K_OBJ) && k < v->n_alt; k++)
        if (v->alts[k].object->kind != O_TABLE)
            return 0;
    return (v->may & K_OBJ) != 0;
}

static void finish_table(tl__lower *lw, const tl__value *v, tl_val good, tl_fn_result *r)
{
    field *f;
    if (v->may & ~(K_OBJ | K_NIL))
        tl__refuse(lw, TL_FN_SUBSET, "it returns a table on some pixels and a number on others");
    int n = collect_fields(lw, v, &f);
    r->band = tl__get(lw, (size_t)(n + 1) * sizeof *r->band);
    for (; r->n_bands < n; r->n_bands++) {
        const tl__key *key = &f[r->n_bands].key;
        tl__value x = field_value(lw, v, key);
        r->band[r->n_bands] = finish_band(lw, &x, good);
        if (key->kind == TL__STRING) {
            char *name = tl__get(lw, key->len + 1);
            memcpy(name, key->s, key->len);
            r->band[r->n_bands].name = name;
        }
    }
}

static void finish(tl__lower *lw, const tl__list *values, tl_fn_result *r)
{
    tl_val good = tl__and(lw, lw->inputs, tl__not(lw, lw->lost));
    lw->at = lw->fn->proto->body ? lw->fn->proto->body->at : 0;
    r->trap = lw->trap;
    r->site = lw->site;
    r->n_sites = lw->n_site;
    if (values->n > TL_FN_MOST_BANDS)
        tl__refuse(lw, TL_FN_USER, "it returns more than %d bands", TL_FN_MOST_BANDS);
    if (values->n == 1 && is_table(&values->v[0])) {
        finish_table(lw, &values->v[0], good, r);
    } else {
        r->band = tl__get(lw, (size_t)(values->n + 1) * sizeof *r->band);
        for (; r->n_bands < values->n; r->n_bands++)
            r->band[r->n_bands] = finish_band(lw, &values->v[r->n_bands], good);
    }
    if (r->n_bands == 0)
        tl__refuse(lw, TL_FN_USER, "it returns no value on any pixel");
}

/* --- the whole ------------------------------------------------------------------------------ */

/* The arena outlives the lowering: the result's names and sites are in it. */
typedef struct owned_result {
    tl_fn_result r;
    tl__arena arena;
} owned_result;

static int masks(tl__lower *lw)
{
    lw->yes = tl_ir_const(lw->ir, TL_B, (tl_num){.i = 1});
    lw->no = tl_ir_const(lw->ir, TL_B, (tl_num){.i = 0});
    return lw->yes < 0 || lw->no < 0;
}

static void lower_all(tl__lower *lw, tl_fn_result *r)
{
    lw->inputs = lw->active = all_valid(lw);
    lw->path = lw->yes;
    lw->trap = lw->lost = lw->no;
    tl__list values = run_body(lw);
    if (tl__dead(lw) && lw->n_site)
        tl__refuse_last_trap(lw);
    finish(lw, &values, r);
}

/* Chunk names belong to functions that may go before the result does. */
static void keep_chunks(tl__lower *lw, tl_fn_result *r)
{
    const char *last = NULL, *copy = NULL;
    for (int k = 0; k < r->n_sites; k++) {
        if (r->site[k].chunk != last) {
            last = r->site[k].chunk;
            char *c = tl__get(lw, strlen(last) + 1);
            copy = strcpy(c, last);
        }
        r->site[k].chunk = copy;
    }
}

int tl_fn_lower(const tl_fn *fn, tl_ir *ir, const tl_fn_arg *params, const tl_fn_arg *frees,
                const tl_fn_options *options, tl_fn_result **out, tl_fn_fault *fault, tl_err *e)
{
    if (!fn->proto)
        return tl_fail(e, TL_ESCRIPT, "a stranger's function is not compiled here");
    int n = fn->proto->n_params, all = n + fn->n_free;
    owned_result *result = tl_xcalloc(1, sizeof *result);
    tl_fn_arg *args = tl_xcalloc((size_t)all + 1, sizeof *args);
    for (int k = 0; k < all; k++)
        args[k] = k < n ? params[k] : frees[k - n];
    tl__lower *lw = tl_xcalloc(1, sizeof *lw);
    *lw = (tl__lower){.ir = ir, .arena = {.most = MOST_ARENA}, .fn = fn, .args = args};
    lw->n_args = all;
    lw->options = options;
    lw->first_node = ir->n;
    lw->fault = fault;
    lw->e = e;
    int code = 0;
    if (masks(lw))
        code = tl_fail(e, TL_ENOMEM, "%s", ir->err.message);
    else if (setjmp(lw->out))
        code = e && e->code ? e->code : TL_ESCRIPT;
    else {
        lower_all(lw, &result->r);
        keep_chunks(lw, &result->r);
    }
    result->arena = lw->arena;
    free(args);
    free(lw);
    if (code)
        tl_fn_result_free(&result->r);
    else
        *out = &result->r;
    return code;
}

tl_fn_result *tl_fn_result_new(int n_bands, int n_sites)
{
    size_t bands = (size_t)n_bands * sizeof(tl_fn_band),
           sites = (size_t)n_sites * sizeof(tl_fn_site);
    owned_result *o = tl_xcalloc(1, sizeof *o);
    o->arena.most = bands + sites + ((size_t)1 << 20);
    o->r.n_bands = n_bands;
    o->r.n_sites = n_sites;
    o->r.band = bands ? tl__arena_get(&o->arena, bands) : NULL;
    o->r.site = sites ? tl__arena_get(&o->arena, sites) : NULL;
    return &o->r;
}

void tl_fn_result_free(tl_fn_result *r)
{
    if (!r)
        return;
    owned_result *o = (owned_result *)r; /* its first member */
    tl__arena_free(&o->arena);
    free(o);
}

/* --- constants of the chunk ----------------------------------------------------------------- */

static tl_frozen *freeze(tl__lower *lw, const tl__value *v)
{
    int64_t i;
    double f;
    const tl__object *o = tl__static_obj(v);
    if (v->may == K_NIL)
        return tl_frozen_nil();
    if (v->may == K_BOOL && tl__known(lw, v->b) >= 0)
        return tl_frozen_bool(tl__known(lw, v->b));
    if (o && o->kind == O_STRING)
        return tl_frozen_string(o->str.s, o->str.len);
    if (tl__static_int(lw, v, 0, &i))
        return tl_frozen_int(i);
    return v->may == K_FLT && tl__static_flt(lw, v, &f) ? tl_frozen_float(f) : NULL;
}

tl_frozen *tl__fold_constant(const tl__ast *x)
{
    tl_fn_options options = {0};
    tl__lower *lw = tl_xcalloc(1, sizeof *lw);
    *lw = (tl__lower){.ir = tl_ir_new(), .arena = {.most = 1 << 20}, .options = &options};
    tl_frozen *volatile frozen = NULL;
    if (!masks(lw) && !setjmp(lw->out)) {
        lw->active = lw->path = lw->yes;
        lw->trap = lw->lost = lw->no;
        tl__value v = tl__eval(lw, x);
        frozen = lw->losses ? NULL : freeze(lw, &v);
    }
    tl_ir_free(lw->ir);
    tl__arena_free(&lw->arena);
    free(lw);
    return frozen;
}
