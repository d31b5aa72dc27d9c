/* Inside the lowering of functions: abstract values, cells, contexts. SPDX-License-Identifier: MIT
 *
 * The body is evaluated once for all pixels. `active` holds where the statement at hand runs;
 * `path` is the same within the current call, but for the pixels that have returned from it. A
 * branch is evaluated under both masks narrowed; what it assigned is then joined by one select per
 * variable. Pixels that left a loop or a call early stand in the `gone` mask of that context until
 * it ends. */
#ifndef TL_FN_LOWER_H
#define TL_FN_LOWER_H

#include "modules/expr/fn_ast.h"
#include "modules/expr/fn_frozen.h"

/* What a value may be. ORDER: the index of a bit is that of its mask in tl__value.is */
enum { K_NIL = 1, K_BOOL = 2, K_INT = 4, K_FLT = 8, K_OBJ = 16, K_NUM = K_INT | K_FLT };
#define K_KINDS 5

struct tl__object;

typedef struct tl__alt {
    tl_val mask;
    struct tl__object *object;
} tl__alt;

/* A Lua value on every pixel. Masks and payloads mean nothing on pixels that are not active. */
typedef struct tl__value {
    uint8_t may;        /* K_* */
    int16_t arg;        /* the argument whose band it is, unchanged; -1 = none */
    tl_val is[K_KINDS]; /* where it is of that kind; used when `may` has several */
    tl_val b, i, f;     /* payloads of the kinds that it may be */
    int n_alt;          /* K_OBJ: which objects; a lone one is it wherever K_OBJ */
    const tl__alt *alts;
} tl__value;

/* A place that can be assigned: a local, a table's entry. */
typedef struct tl__cell {
    tl__value v;
    uint32_t born;   /* lw->clock then */
    uint32_t marked; /* by the join at work */
    tl_val stay;     /* shared cells: lw_stay then */
    uint8_t shared;  /* others than the block it stands in may see it */
} tl__cell;

typedef struct tl__pair {
    struct tl__pair *next;
    tl__key key;
    tl__cell *cell;
} tl__pair;

/* A write at an index that depends on the pixel and was not there. */
typedef struct tl__stray {
    struct tl__stray *older;
    tl_val mask, index;
    tl__value v;
} tl__stray;

typedef enum { O_STRING, O_TABLE, O_CLOSURE, O_BUILTIN } tl__object_kind;

typedef struct tl__object {
    tl__object_kind kind;
    tl__str str;             /* O_STRING */
    const tl_frozen *frozen; /* constant tables and functions; the identity */
    int builtin;             /* O_BUILTIN */
    tl__cell **array;        /* O_TABLE: of the keys 1 .. n_array */
    int n_array, cap_array;
    tl__pair *pairs;
    int n_pairs;
    tl__stray *strays;
    uint32_t born;
    tl_val stay;
    const struct tl__closure *fn; /* O_CLOSURE */
} tl__object;

/* What the free names of one tl_fn stand for. */
typedef struct tl__env {
    const tl_fn *fn;
    const tl_fn_arg *args; /* of the outermost function: per free name */
    const tl__value *bands;
    const tl_frozen *const *frozen; /* of the others */
} tl__env;

typedef struct tl__closure {
    const tl__proto *proto;
    tl__env *env;
    tl__cell **upval;
} tl__closure;

typedef struct tl__list {
    int n;
    int ragged; /* pixels have different counts; the rest is nil */
    tl__value *v;
} tl__list;

typedef struct tl__return {
    struct tl__return *older;
    tl_val path;
    tl__list values;
} tl__return;

/* A loop or a call: what pixels can leave before its end. */
typedef struct tl__context {
    struct tl__context *outer;
    uint32_t born;
    tl_val gone;  /* left it: by break, or by return */
    tl_val broke; /* loops: active pixels that did */
    int is_call;
    const tl__closure *fn; /* calls: */
    tl__cell **local;
    tl__return *returns;
    struct tl__context *caller; /* the call outside */
    int32_t called_at;          /* in the caller's text */
} tl__context;

typedef struct tl__undo {
    tl__cell *cell;
    tl__value old;
} tl__undo;

typedef struct tl__thawed {
    const void *frozen;
    tl__object *object;
} tl__thawed;

typedef struct tl__lower {
    tl_ir *ir;
    tl__arena arena;
    const tl_fn *fn;
    const tl_fn_arg *args;
    int n_args;
    const tl_fn_options *options;
    tl_val yes, no;
    tl_val inputs; /* strict: all inputs are valid */
    tl_val active, path;
    tl_val trap, lost; /* lost: trapped, or invalid by near */
    int losses;
    uint32_t clock, mark;
    tl__context *context, *call;
    tl__undo *undo;
    int n_undo, cap_undo;
    uint32_t branch_born; /* cells that are older are logged; 0 = no branch */
    tl_fn_site *site;
    int n_site, cap_site;
    tl__place last_trap;
    tl__thawed *thawed;
    size_t n_thawed, cap_thawed;
    int depth, inlined;
    long work, steps;
    int32_t first_node;
    int32_t at; /* where the evaluation is, in the current call's text */
    jmp_buf out;
    tl_fn_fault *fault;
    tl_err *e;
} tl__lower;

/* --- fn_value.c: masks, values, joins ------------------------------------------------------- */
tl_val tl__op(tl__lower *lw, tl_op op, tl_val a, tl_val b, tl_val c);
tl_val tl__and(tl__lower *lw, tl_val a, tl_val b);
tl_val tl__or(tl__lower *lw, tl_val a, tl_val b);
tl_val tl__not(tl__lower *lw, tl_val a);
tl_val tl__const_i(tl__lower *lw, int64_t x);
tl_val tl__const_f(tl__lower *lw, double x);
/* 0, 1, or -1 when it depends on the pixel. */
int tl__known(const tl__lower *lw, tl_val mask);
/* a and not b, known to be false where a's conditions say so. */
tl_val tl__possible(tl__lower *lw, tl_val active, tl_val mask);

tl__value tl__nil(void);
tl__value tl__bool(tl_val b);
tl__value tl__int(tl_val i);
tl__value tl__flt(tl_val f);
tl__value tl__obj(tl__lower *lw, tl__object *o);
tl__value tl__choose(tl__lower *lw, tl_val c, const tl__value *x, const tl__value *y);
tl_val tl__is(const tl__lower *lw, const tl__value *v, int kinds);
tl_val tl__truth(tl__lower *lw, const tl__value *v);
/* v on the pixels where its truth is `truth`. */
tl__value tl__narrow(tl__lower *lw, tl__value v, int truth);
/* v on the pixels where it is one of the kinds. */
tl__value tl__only(tl__value v, int kinds);
/* The number as a float where it is one. */
tl_val tl__as_float(tl__lower *lw, const tl__value *v);
/* 1 and *x when it is the same integer everywhere (a float of integer value counts when asked). */
int tl__static_int(tl__lower *lw, const tl__value *v, int floats_too, int64_t *x);
int tl__static_flt(tl__lower *lw, const tl__value *v, double *x);
/* The object when it is the same everywhere. */
tl__object *tl__static_obj(const tl__value *v);
const char *tl__kind_name(const tl__value *v);

/* --- fn_cell.c: variables, branches, contexts ----------------------------------------------- */
tl__cell *tl__new_cell(tl__lower *lw, tl__value v, int shared);
void tl__assign(tl__lower *lw, tl__cell *cell, const tl__value *v);
/* Evaluates body(lw, arg) where c holds, then other(lw, arg) elsewhere, and joins what they
 * assigned. Either may be NULL. */
typedef void tl__part(tl__lower *lw, void *arg);
void tl__branch(tl__lower *lw, tl_val c, tl__part *body, tl__part *other, void *arg);
void tl__enter_context(tl__lower *lw, tl__context *c, int is_call);
void tl__leave_context(tl__lower *lw, tl__context *c);
/* The pixels that have not left any context younger than `born`. */
tl_val tl__staying(tl__lower *lw, uint32_t born);

/* --- refusals and traps (fn_fault.c) -------------------------------------------------------- */
_Noreturn void tl__refuse(tl__lower *lw, tl_fn_class kind, const char *fmt, ...) TL_PRINTF(3, 4);
/* Active pixels where mask holds raise in Lua. */
void tl__trap(tl__lower *lw, tl_val mask, const char *fmt, ...) TL_PRINTF(3, 4);
/* Active pixels where mask holds are invalid, without an error. */
void tl__drop(tl__lower *lw, tl_val mask);
/* Nobody has got past the last trap. */
_Noreturn void tl__refuse_last_trap(tl__lower *lw);
void tl__step(tl__lower *lw);
void *tl__get(tl__lower *lw, size_t n);
static inline int tl__dead(const tl__lower *lw)
{
    return tl__known(lw, lw->active) == 0;
}
void tl__deeper(tl__lower *lw);
static inline void tl__shallower(tl__lower *lw)
{
    lw->depth--;
}

/* --- fn_arith.c ----------------------------------------------------------------------------- */
tl__value tl__binary(tl__lower *lw, int token, const tl__value *a, const tl__value *b);
tl__value tl__unary(tl__lower *lw, int token, const tl__value *a);
/* Equal in Lua: the same table or function, or strings of the same bytes. */
int tl__same_object(const tl__object *x, const tl__object *y);
tl_val tl__equal(tl__lower *lw, const tl__value *a, const tl__value *b);
/* Of two numbers; elsewhere it means nothing. */
tl_val tl__less(tl__lower *lw, const tl__value *a, const tl__value *b, int or_equal);
tl__value tl__number(tl__lower *lw, tl_val is_int, tl_val i, tl_val f, int may);
/* The integers of v; traps where there is none. */
tl_val tl__to_integer(tl__lower *lw, const tl__value *v, const char *what);
void tl__refuse_strings(tl__lower *lw, const tl__value *v, const char *what);
/* Traps where v is no number; refuses strings. */
tl__value tl__want_number(tl__lower *lw, const tl__value *v, const char *what);

/* --- fn_table.c ----------------------------------------------------------------------------- */
tl__object *tl__new_table(tl__lower *lw);
tl__object *tl__new_string(tl__lower *lw, tl__str s);
tl__value tl__thaw(tl__lower *lw, const tl_frozen *v);
tl__value tl__read(tl__lower *lw, const tl__value *t, const tl__value *key);
void tl__write(tl__lower *lw, const tl__value *t, const tl__value *key, const tl__value *v);
tl__value tl__length(tl__lower *lw, const tl__value *v);
tl__value tl__read_key(tl__lower *lw, tl__object *t, const tl__key *key);
/* 0 when the value is no constant. */
int tl__static_key(tl__lower *lw, const tl__value *v, tl__key *key);

/* --- fn_eval.c, fn_exec.c, fn_call.c, fn_math.c --------------------------------------------- */
tl__value tl__eval(tl__lower *lw, const tl__ast *x);
tl__value tl__read_again(tl__lower *lw, const tl__ast *x, const tl__value *v, int upvalues_too);
tl__list tl__eval_list(tl__lower *lw, const tl__ast *first);
tl__list tl__eval_call(tl__lower *lw, const tl__ast *x);
tl_val tl__eval_condition(tl__lower *lw, const tl__ast *x);
void tl__exec(tl__lower *lw, const tl__ast *first);
tl__list tl__inline(tl__lower *lw, const tl__closure *f, const tl__list *args);
tl__list tl__call_builtin(tl__lower *lw, int builtin, const tl__list *args);
tl__list tl__one(tl__lower *lw, tl__value v);
/* A band as a Lua value, nil where it is not valid. */
tl__value tl__band_value(tl__lower *lw, tl_val band, tl_val valid);

#endif
