/* Inside frozen values; the builtin functions. SPDX-License-Identifier: MIT */
#ifndef TL_FN_FROZEN_H
#define TL_FN_FROZEN_H

#include <stdatomic.h>
#include "modules/expr/fn.h"

typedef enum tl__frozen_kind {
    TL__NIL,
    TL__BOOL,
    TL__INT,
    TL__FLT,
    TL__STRING,
    TL__TABLE,
    TL__CLOSURE,
    TL__BUILTIN,
    TL__REFUSED
} tl__frozen_kind;

/* The functions that scripts have by themselves. */
typedef enum tl__builtin {
#define BUILTIN(id, name) TL__B_##id,
#include "modules/expr/fn_builtins.def"
#undef BUILTIN
    TL__BUILTINS
} tl__builtin;

/* A table's key; floats with integer values are integers, as in Lua. */
typedef struct tl__key {
    tl__frozen_kind kind; /* BOOL, INT, FLT, STRING */
    tl_num x;
    const char *s;
    size_t len;
} tl__key;

struct tl_frozen {
    atomic_int refs;
    atomic_int used; /* part of another value: no more changes */
    tl__frozen_kind kind;
    tl_num x; /* BOOL, INT, FLT; BUILTIN: x.i; TABLE: 1 = the standard library's */
    char *s;  /* STRING, REFUSED */
    size_t len;
    tl_fn *fn;                /* CLOSURE */
    int n, cap;               /* TABLE: pairs; CLOSURE: free names */
    int size, depth;          /* of all that hangs below */
    int n_array;              /* TABLE: value[0 .. n_array-1] belong to the keys 1 .. n_array */
    tl_frozen **key, **value; /* beyond the array: sorted, see compare_keys */
};

const char *tl__builtin_name(tl__builtin b);
/* 0 when the value is no key (nil, NaN, a table). */
int tl__frozen_key(const tl_frozen *v, tl__key *key);
int tl__same_key(const tl__key *a, const tl__key *b);
/* NULL = nil. Borrowed. */
tl_frozen *tl__frozen_get(const tl_frozen *t, const tl__key *key);
/* A function of fn_builtins.def; NULL when it is none. One reference. */
tl_frozen *tl__library_function(const char *name);
/* A function of the prelude as a closure; NULL when it is none. Borrowed, for the life of the
 * process. */
tl_frozen *tl__prelude_get(const char *name, size_t len);
/* The name under which that gives v; NULL when it does not. */
const char *tl__prelude_name(const tl_frozen *v);

#endif
