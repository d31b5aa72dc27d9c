/* Users' functions on pixels: scalar Lua, as source text, into values of a tl_ir.
 * SPDX-License-Identifier: MIT
 *
 * A tl_fn is a parsed function, a tl_frozen is what its free names stood for when `execute` was
 * called. tl_fn_lower evaluates the body once for all pixels: branches become predicates, loops are
 * unrolled, calls are inlined. What the values compute for a pixel is what Lua 5.4 computes for it,
 * to the bit. Nothing here knows a lua_State.
 *
 * Refusals are TL_ESCRIPT with line, column, the line with a caret and one sentence. Their class
 * says who has to act: a text that is no Lua, a function that the Lua VM may still run, or a
 * mistake that no twin may run. */
#ifndef TL_FN_H
#define TL_FN_H

#include "modules/expr/expr.h"

typedef enum tl_fn_class {
    TL_FN_SYNTAX = 1, /* "syntax error" */
    TL_FN_SUBSET,     /* "does not compile": the interpreter may take it */
    TL_FN_USER        /* the function is used wrongly, whoever runs it */
} tl_fn_class;

typedef struct tl_fn_fault {
    tl_fn_class kind;
    int line, column; /* of the script, from 1 */
    char reason[240];
} tl_fn_fault;

/* Limits; exceeding one is a refusal that names it. */
#define TL_FN_MOST_TEXT    (1 << 20) /* bytes of one function */
#define TL_FN_MOST_CHUNK   (4 << 20) /* bytes of the chunk it stands in */
#define TL_FN_MOST_LEVELS  200       /* nested blocks and expressions, as in Lua */
#define TL_FN_MOST_LOCALS  200       /* in scope in one function, as in Lua */
#define TL_FN_MOST_INLINED 32        /* calls inside calls */
#define TL_FN_MOST_WORK    100000    /* values made for one pixel */
#define TL_FN_MOST_STEPS   200000    /* statements and expressions evaluated, loops unrolled */
#define TL_FN_MOST_BANDS   1024      /* returned */
#define TL_FN_MOST_OFFSET  255       /* |dx|, |dy| of near */

/* --- functions ------------------------------------------------------------------------------ */
typedef struct tl_fn tl_fn; /* immutable, atomically refcounted */
typedef struct tl_frozen tl_frozen;

/* One function: "function NAME(...) ... end", the name optional, "local" before it allowed. chunk
 * is its name as Lua has it ("@file", "=name"), line and column where the text begins there. fault
 * may be NULL, here and below. */
int tl_fn_parse(const char *text, size_t len, const char *chunk, int line, int column, tl_fn **out,
                tl_fn_fault *fault, tl_err *e) TL_MUST_CHECK;
/* One expression, a function without parameters whose bands are free names. */
int tl_expr_parse(const char *text, size_t len, const char *chunk, int line, tl_fn **out,
                  tl_fn_fault *fault, tl_err *e) TL_MUST_CHECK;

/* A stranger's function, of which this process knows the text but has not read it: so many
 * parameters and free names, whose names are "". It can be carried, written down and shown, not
 * lowered. */
tl_fn *tl_fn_unread(const char *text, size_t len, const char *chunk, int line, int column,
                    int is_expr, int n_params, int n_free);

/* What lua_Debug says of a function. Upvalue names are in Lua's order; NULL or "" = not known. */
typedef struct tl_fn_where {
    const char *chunk;
    int line_defined, last_line_defined;
    const char *const *params;
    int n_params;
    const char *const *upvalues;
    int n_upvalues;
} tl_fn_where;
/* The function of this description in the chunk's text. Several that fit and differ: TL_FN_USER. */
int tl_fn_find(const char *text, size_t len, const tl_fn_where *w, tl_fn **out, tl_fn_fault *fault,
               tl_err *e) TL_MUST_CHECK;

tl_fn *tl_fn_ref(tl_fn *fn);
void tl_fn_unref(tl_fn *fn); /* NULL is allowed */
const char *tl_fn_text(const tl_fn *fn, size_t *len);
const char *tl_fn_chunk(const tl_fn *fn);
int tl_fn_line(const tl_fn *fn);
int tl_fn_column(const tl_fn *fn);
int tl_fn_is_expr(const tl_fn *fn);
int tl_fn_n_params(const tl_fn *fn);
const char *tl_fn_param(const tl_fn *fn, int k);
/* Upvalues and globals that the text mentions, in the order of their first mention. */
int tl_fn_n_free(const tl_fn *fn);
const char *tl_fn_free(const tl_fn *fn, int k);
/* The value of free name k when it is a `local NAME <const> = constant` outside the function, which
 * Lua keeps neither as upvalue nor as global; else NULL. Borrowed. */
tl_frozen *tl_fn_free_const(const tl_fn *fn, int k);

/* --- frozen values -------------------------------------------------------------------------- */
/* Immutable once used, atomically refcounted. Constructors return one reference. */
tl_frozen *tl_frozen_ref(tl_frozen *v);
void tl_frozen_unref(tl_frozen *v); /* NULL is allowed */
tl_frozen *tl_frozen_nil(void);
tl_frozen *tl_frozen_bool(int x);
tl_frozen *tl_frozen_int(int64_t x);
tl_frozen *tl_frozen_float(double x);
tl_frozen *tl_frozen_string(const char *s, size_t len);
/* Something a program cannot hold (a userdata, a coroutine, a function that is being frozen
 * already); using it is refused with this reason: "does not compile: REASON". */
tl_frozen *tl_frozen_refused(const char *reason);
/* A name that scripts have by themselves: "math", "near", "lerp", "type" ...; NULL when it is none.
 */
tl_frozen *tl_frozen_standard(const char *name);
/* math's member or a name as above: "math.abs". NULL when there is none. */
tl_frozen *tl_frozen_builtin(const char *name);
tl_frozen *tl_frozen_table(void);
/* t[key] = value; key: a string, integer, float or boolean, set once. Both are borrowed. A table
 * that was already put into another value, or that would hold itself, is refused: no cycles. */
int tl_frozen_set(tl_frozen *t, tl_frozen *key, tl_frozen *value, tl_err *e) TL_MUST_CHECK;
/* A function and what its free names stand for, in tl_fn_free's order (borrowed; NULL = nil). */
tl_frozen *tl_frozen_fn(tl_fn *fn, tl_frozen *const *frees);

typedef enum tl_frozen_kind {
    TL_FROZEN_NIL,
    TL_FROZEN_BOOL,
    TL_FROZEN_INT,
    TL_FROZEN_FLOAT,
    TL_FROZEN_STRING,
    TL_FROZEN_TABLE,
    TL_FROZEN_FUNCTION,
    TL_FROZEN_BUILTIN, /* a helper, a function of math or the like, or such a library */
    TL_FROZEN_REFUSED
} tl_frozen_kind;

/* What a value is, for those who write it down or hand it to Lua. All of it is borrowed. */
typedef struct tl_frozen_view {
    tl_frozen_kind kind;
    tl_num x;      /* BOOL (x.i), INT, FLOAT */
    const char *s; /* STRING, the reason of a REFUSED, the name of a BUILTIN: "math.abs", "math" */
    size_t len;    /* of s */
    tl_fn *fn;     /* FUNCTION */
    int n;         /* pairs of a TABLE, free names of a FUNCTION */
    int n_array;   /* TABLE: pair k < n_array has the key k + 1 */
} tl_frozen_view;
tl_frozen_view tl_frozen_look(const tl_frozen *v);
/* Pair k of a table; value k of a function's free names. Pairs beyond the array are in the order of
 * their keys. */
tl_frozen *tl_frozen_key_at(const tl_frozen *v, int k);
tl_frozen *tl_frozen_value_at(const tl_frozen *v, int k);

#define TL_FROZEN_MOST_ENTRIES 262144 /* of a table and the tables in it */
#define TL_FROZEN_MOST_DEPTH   32     /* tables in tables */

/* --- lowering ------------------------------------------------------------------------------- */
/* A parameter or free name: a constant, or a band when value is NULL. */
typedef struct tl_fn_arg {
    tl_frozen *value;
    tl_val band;  /* TL_I, TL_F; TL_B arrives as 1 / 0 */
    tl_val valid; /* TL_B; TL_NONE = everywhere */
} tl_fn_arg;

typedef struct tl_fn_options {
    int any; /* valid = "any": an invalid input is nil. Else such a pixel is invalid at once */
    /* The band of argument `arg` (params first, then free names) at an offset, in `ir`; *valid may
     * be TL_NONE. NULL: near is refused. Returns 0 or a TL_E* code. */
    int (*near)(void *ctx, tl_ir *ir, int arg, int dx, int dy, tl_val *value, tl_val *valid,
                tl_err *e);
    void *ctx;
} tl_fn_options;

typedef struct tl_fn_band {
    const char *name; /* NULL: by position */
    tl_val value;     /* TL_B, TL_I or TL_F; means nothing where it is not valid */
    tl_val valid;     /* TL_B */
} tl_fn_band;

/* A place where Lua may raise. */
typedef struct tl_fn_site {
    int line, column;
    const char *chunk, *reason;
    tl_val mask; /* TL_B: the pixels where it does */
} tl_fn_site;

typedef struct tl_fn_result {
    int n_bands, n_sites;
    tl_fn_band *band;
    tl_fn_site *site;
    tl_val trap; /* TL_B: the pixels where Lua would raise */
} tl_fn_result;

/* params, frees: as many as fn has of each. The ir gets values, no outputs. Named bands are in the
 * order of their names (bytes). *out is the caller's. */
int tl_fn_lower(const tl_fn *fn, tl_ir *ir, const tl_fn_arg *params, const tl_fn_arg *frees,
                const tl_fn_options *options, tl_fn_result **out, tl_fn_fault *fault,
                tl_err *e) TL_MUST_CHECK;
/* Room for so many bands and sites, all zero. */
tl_fn_result *tl_fn_result_new(int n_bands, int n_sites);
void tl_fn_result_free(tl_fn_result *r); /* NULL is allowed */

/* The Lua text of lerp, step, clamp and nd, the same for both twins. Static. */
const char *tl_fn_prelude(size_t *len);

#endif
