/* Values as they were when a function was frozen. SPDX-License-Identifier: MIT */
#include "modules/expr/fn_frozen.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static tl_frozen *make(tl__frozen_kind kind)
{
    tl_frozen *v = tl_xcalloc(1, sizeof *v);
    v->refs = 1;
    v->kind = kind;
    v->size = 1;
    return v;
}

tl_frozen *tl_frozen_ref(tl_frozen *v)
{
    atomic_fetch_add(&v->refs, 1);
    return v;
}

void tl_frozen_unref(tl_frozen *v)
{
    if (!v || atomic_fetch_sub(&v->refs, 1) != 1)
        return;
    for (int k = 0; k < v->n; k++) { /* depth is limited where values are put together */
        if (v->key)
            tl_frozen_unref(v->key[k]);
        tl_frozen_unref(v->value[k]);
    }
    free(v->key);
    free(v->value);
    free(v->s);
    tl_fn_unref(v->fn);
    free(v);
}

tl_frozen *tl_frozen_nil(void)
{
    return make(TL__NIL);
}

tl_frozen *tl_frozen_bool(int x)
{
    tl_frozen *v = make(TL__BOOL);
    v->x.i = x != 0;
    return v;
}

tl_frozen *tl_frozen_int(int64_t x)
{
    tl_frozen *v = make(TL__INT);
    v->x.i = x;
    return v;
}

tl_frozen *tl_frozen_float(double x)
{
    tl_frozen *v = make(TL__FLT);
    v->x.f = x;
    return v;
}

tl_frozen *tl_frozen_string(const char *s, size_t len)
{
    tl_frozen *v = make(TL__STRING);
    v->s = tl_xmalloc(len + 1);
    memcpy(v->s, s, len);
    v->s[len] = 0;
    v->len = len;
    return v;
}

tl_frozen *tl_frozen_refused(const char *reason)
{
    tl_frozen *v = make(TL__REFUSED);
    v->s = tl_xstrdup(reason);
    return v;
}

tl_frozen *tl_frozen_table(void)
{
    return make(TL__TABLE);
}

/* --- keys ----------------------------------------------------------------------------------- */

int tl__frozen_key(const tl_frozen *v, tl__key *key)
{
    *key = (tl__key){v->kind, v->x, v->s, v->len};
    if (v->kind == TL__FLT) {
        double f = v->x.f;
        if (f != f)
            return 0;
        if (f >= -9223372036854775808.0 && f < 9223372036854775808.0 && floor(f) == f)
            *key = (tl__key){TL__INT, {.i = (int64_t)f}, NULL, 0};
    }
    return v->kind >= TL__BOOL && v->kind <= TL__STRING;
}

static int compare_keys(const tl__key *a, const tl__key *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->kind == TL__FLT)
        return a->x.f < b->x.f ? -1 : a->x.f > b->x.f;
    if (a->kind != TL__STRING)
        return a->x.i < b->x.i ? -1 : a->x.i > b->x.i;
    int order = memcmp(a->s, b->s, a->len < b->len ? a->len : b->len);
    return order ? order : a->len < b->len ? -1 : a->len > b->len;
}

int tl__same_key(const tl__key *a, const tl__key *b)
{
    return compare_keys(a, b) == 0;
}

/* Where the key is beyond the array, or belongs: an index from n_array on. */
static int find_key(const tl_frozen *t, const tl__key *key, int *there)
{
    int low = t->n_array, high = t->n;
    *there = 0;
    while (low < high) {
        int mid = low + (high - low) / 2;
        tl__key k;
        tl__frozen_key(t->key[mid], &k);
        int order = compare_keys(&k, key);
        if (order == 0) {
            *there = 1;
            return mid;
        }
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

tl_frozen *tl__frozen_get(const tl_frozen *t, const tl__key *key)
{
    if (key->kind == TL__INT && key->x.i >= 1 && key->x.i <= t->n_array)
        return t->value[key->x.i - 1];
    int there, k = find_key(t, key, &there);
    return there ? t->value[k] : NULL;
}

/* --- tables --------------------------------------------------------------------------------- */

static void insert(tl_frozen *t, int at, tl_frozen *key, tl_frozen *value)
{
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 8;
        t->key = tl_xrealloc(t->key, (size_t)t->cap * sizeof *t->key);
        t->value = tl_xrealloc(t->value, (size_t)t->cap * sizeof *t->value);
    }
    size_t after = (size_t)(t->n - at);
    memmove(t->key + at + 1, t->key + at, after * sizeof *t->key);
    memmove(t->value + at + 1, t->value + at, after * sizeof *t->value);
    t->key[at] = tl_frozen_ref(key);
    t->value[at] = tl_frozen_ref(value);
    t->n++;
}

/* Keys that follow the array directly join it: integers sort before floats and strings, and
 * booleans before integers, so that a joining pair moves over the booleans alone. */
static void extend_array(tl_frozen *t)
{
    for (;;) {
        tl__key next = {TL__INT, {.i = t->n_array + 1}, NULL, 0};
        int there, at = find_key(t, &next, &there);
        if (!there)
            return;
        tl_frozen *key = t->key[at], *value = t->value[at];
        size_t n = (size_t)(at - t->n_array);
        memmove(t->key + t->n_array + 1, t->key + t->n_array, n * sizeof *t->key);
        memmove(t->value + t->n_array + 1, t->value + t->n_array, n * sizeof *t->value);
        t->key[t->n_array] = key;
        t->value[t->n_array++] = value;
    }
}

int tl_frozen_set(tl_frozen *t, tl_frozen *key, tl_frozen *value, tl_err *e)
{
    tl__key k;
    int there;
    if (t->kind != TL__TABLE || t->used || t == value)
        return tl_fail(e, TL_ESCRIPT, "a table of constants cannot hold itself");
    if (!tl__frozen_key(key, &k))
        return tl_fail(e, TL_ESCRIPT,
                       "the keys of a table of constants are strings, numbers or booleans");
    if (value->depth + 1 > TL_FROZEN_MOST_DEPTH)
        return tl_fail(e, TL_ESCRIPT, "tables of constants are nested at most %d deep",
                       TL_FROZEN_MOST_DEPTH);
    if (value->size > TL_FROZEN_MOST_ENTRIES - t->size)
        return tl_fail(e, TL_ESCRIPT, "a table of constants has more than %d entries",
                       TL_FROZEN_MOST_ENTRIES);
    int at = find_key(t, &k, &there);
    if (there || (k.kind == TL__INT && k.x.i >= 1 && k.x.i <= t->n_array))
        return tl_fail(e, TL_ESCRIPT, "a key of a table of constants stands twice");
    if (value->kind == TL__NIL)
        return 0;
    value->used = 1;
    t->size += value->size;
    t->depth = value->depth + 1 > t->depth ? value->depth + 1 : t->depth;
    if (k.kind == TL__INT && k.x.i == t->n_array + 1) {
        insert(t, t->n_array, key, value);
        t->n_array++;
        extend_array(t);
    } else {
        insert(t, at, key, value);
    }
    return 0;
}

tl_frozen *tl_frozen_fn(tl_fn *fn, tl_frozen *const *frees)
{
    tl_frozen *v = make(TL__CLOSURE);
    v->fn = tl_fn_ref(fn);
    v->n = v->cap = tl_fn_n_free(fn);
    v->value = tl_xcalloc((size_t)v->n + 1, sizeof *v->value);
    for (int k = 0; k < v->n; k++) {
        v->value[k] = frees[k] ? tl_frozen_ref(frees[k]) : tl_frozen_nil();
        v->value[k]->used = 1;
        v->depth = v->value[k]->depth > v->depth ? v->value[k]->depth : v->depth;
    }
    if (++v->depth <= 4 * TL_FROZEN_MOST_DEPTH)
        return v;
    tl_frozen_unref(v);
    return tl_frozen_refused("this function mentions functions that mention functions too deeply");
}

/* --- what scripts have by themselves -------------------------------------------------------- */

static const char *const builtin_names[] = {
#define BUILTIN(id, name) name,
#include "modules/expr/fn_builtins.def"
#undef BUILTIN
};

const char *tl__builtin_name(tl__builtin b)
{
    return builtin_names[b];
}

tl_frozen *tl__library_function(const char *name)
{
    for (int b = 0; b < TL__BUILTINS; b++)
        if (strcmp(builtin_names[b], name) == 0) {
            tl_frozen *v = make(TL__BUILTIN);
            v->x.i = b;
            return v;
        }
    return NULL;
}

tl_frozen *tl_frozen_builtin(const char *name)
{
    tl_frozen *v = tl__library_function(name), *p = v ? NULL : tl__prelude_get(name, strlen(name));
    return p ? tl_frozen_ref(p) : v;
}

static void put(tl_frozen *t, const char *name, tl_frozen *value)
{
    tl_err e = TL_ERR_INIT;
    tl_frozen *key = tl_frozen_string(name, strlen(name));
    if (tl_frozen_set(t, key, value, &e))
        abort(); /* a name twice in fn_builtins.def */
    tl_frozen_unref(key);
    tl_frozen_unref(value);
}

/* The functions whose names begin with "math." or so. */
static tl_frozen *library(const char *prefix)
{
    tl_frozen *t = tl_frozen_table();
    t->x.i = 1;
    size_t n = strlen(prefix);
    for (int b = 0; b < TL__BUILTINS; b++)
        if (strncmp(builtin_names[b], prefix, n) == 0)
            put(t, builtin_names[b] + n, tl__library_function(builtin_names[b]));
    return t;
}

static tl_frozen *math_library(void)
{
    tl_frozen *t = library("math.");
    put(t, "pi", tl_frozen_float(3.141592653589793238462643383279502884));
    put(t, "huge", tl_frozen_float(HUGE_VAL));
    put(t, "maxinteger", tl_frozen_int(INT64_MAX));
    put(t, "mininteger", tl_frozen_int(INT64_MIN));
    return t;
}

tl_frozen *tl_frozen_standard(const char *name)
{
    static const char *const strange[] = {
        "print",     "pairs",          "next",       "tostring", "pcall",        "xpcall",
        "require",   "load",           "loadstring", "dofile",   "getmetatable", "setmetatable",
        "rawset",    "collectgarbage", "string",     "os",       "io",           "utf8",
        "coroutine", "debug",          "package"};
    if (strcmp(name, "math") == 0)
        return math_library();
    if (strcmp(name, "table") == 0)
        return library("table.");
    tl_frozen *v = strchr(name, '.') ? NULL : tl_frozen_builtin(name);
    for (size_t k = 0; !v && k < sizeof strange / sizeof *strange; k++)
        if (strcmp(name, strange[k]) == 0) {
            char *reason = tl_xasprintf("`%s` has no place in a compiled function", name);
            v = tl_frozen_refused(reason);
            free(reason);
        }
    return v;
}

/* --- looking ------------------------------------------------------------------------------------
 */

/* "math", "table": the libraries are told by their functions. */
static const char *library_name(const tl_frozen *t)
{
    for (int k = 0; k < t->n; k++)
        if (t->value[k]->kind == TL__BUILTIN)
            return strncmp(builtin_names[t->value[k]->x.i], "math.", 5) == 0 ? "math" : "table";
    return NULL;
}

static const char *own_name(const tl_frozen *v)
{
    if (v->kind == TL__BUILTIN)
        return builtin_names[v->x.i];
    if (v->kind == TL__TABLE)
        return v->x.i ? library_name(v) : NULL;
    return v->kind == TL__CLOSURE ? tl__prelude_name(v) : NULL;
}

tl_frozen_view tl_frozen_look(const tl_frozen *v)
{
    const char *name = own_name(v);
    if (name)
        return (tl_frozen_view){.kind = TL_FROZEN_BUILTIN, .s = name, .len = strlen(name)};
    tl_frozen_view r = {.x = v->x, .s = v->s, .len = v->len, .fn = v->fn};
    r.kind = (tl_frozen_kind)v->kind; /* the same order, but for the names above */
    r.n = v->n;
    r.n_array = v->n_array;
    if (v->kind == TL__REFUSED)
        r.len = strlen(v->s);
    return r;
}

tl_frozen *tl_frozen_key_at(const tl_frozen *v, int k)
{
    return v->key[k];
}

tl_frozen *tl_frozen_value_at(const tl_frozen *v, int k)
{
    return v->value[k];
}
