/* Parsed functions: tokens, trees, the arena they live in. SPDX-License-Identifier: MIT */
#ifndef TL_FN_AST_H
#define TL_FN_AST_H

#include <setjmp.h>
#include <stdatomic.h>
#include "modules/expr/fn.h"

/* --- memory that is freed as a whole -------------------------------------------------------- */
typedef struct tl__arena {
    struct tl__arena_block *block;
    size_t left, total, most; /* bytes; most = limit of all blocks */
} tl__arena;

/* Zeroed; NULL beyond the limit or when memory is gone. */
void *tl__arena_get(tl__arena *a, size_t n);
void tl__arena_free(tl__arena *a);

/* --- tokens --------------------------------------------------------------------------------- */
/* A one-character token is its character. ORDER of the keywords: fn_lex.c */
enum tl__token {
    T_AND = 257,
    T_BREAK,
    T_DO,
    T_ELSE,
    T_ELSEIF,
    T_END,
    T_FALSE,
    T_FOR,
    T_FUNCTION,
    T_GOTO,
    T_IF,
    T_IN,
    T_LOCAL,
    T_NIL,
    T_NOT,
    T_OR,
    T_REPEAT,
    T_RETURN,
    T_THEN,
    T_TRUE,
    T_UNTIL,
    T_WHILE,
    T_IDIV,
    T_CONCAT,
    T_DOTS,
    T_EQ,
    T_GE,
    T_LE,
    T_NE,
    T_SHL,
    T_SHR,
    T_LABEL,
    T_INT,
    T_FLT,
    T_NAME,
    T_STRING,
    T_EOS
};

typedef struct tl__str {
    size_t len;
    const char *s; /* a NUL follows */
} tl__str;

/* A name of a text; equal names are one. */
typedef struct tl__name {
    struct tl__name *chain; /* of the hash table */
    struct tl__var *top;    /* the local it means here; NULL = none */
    tl__str str;
    int32_t free; /* index among the free names + 1; 0 = not one */
} tl__name;

/* --- trees ---------------------------------------------------------------------------------- */
typedef enum tl__kind {
    E_NIL,
    E_TRUE,
    E_FALSE,
    E_INT,
    E_FLT,
    E_STR,
    E_DOTS,
    E_FUNCTION, /* u.proto */
    E_LOCAL,    /* n: local; a: the value of a constant one */
    E_UPVAL,    /* n: upvalue; a: the same */
    E_FREE,     /* n: free name */
    E_INDEX,    /* a[b] */
    E_CALL,     /* a(b ...) */
    E_METHOD,   /* a:u.str(b ...) */
    E_PAREN,    /* (a) */
    E_UNARY,    /* sub: token; a */
    E_BINARY,   /* sub: token; a, b; also and / or */
    E_TABLE,    /* b: E_ITEM ... */
    E_ITEM,     /* a: key or NULL; b: value */
    S_LOCAL,    /* a: E_LOCAL ... (sub 1: <const>, 2: <close>); b: values */
    S_ASSIGN,   /* a: targets; b: values */
    S_CALL,     /* a */
    S_DO,       /* b */
    S_WHILE,    /* a; b */
    S_REPEAT,   /* a; b */
    S_IF,       /* a; b; c: S_IF, S_DO or NULL */
    S_FOR,      /* n: local; a: first, last, step or not; b */
    S_FORIN,    /* a: E_LOCAL ...; c: values; b */
    S_LOCALFUN, /* n: local; a: E_FUNCTION */
    S_RETURN,   /* b: values */
    S_BREAK,
    S_GOTO,
    S_LABEL
} tl__kind;

typedef struct tl__ast {
    uint8_t kind;
    uint16_t sub;
    int32_t n;
    int32_t at; /* offset in the text */
    struct tl__ast *a, *b, *c;
    struct tl__ast *next; /* in a list */
    union {
        int64_t i;
        double f;
        tl__str str;
        struct tl__proto *proto;
    } u;
} tl__ast;

typedef struct tl__var {
    tl__name *name;
    struct tl__var *hidden; /* what the name meant before */
    struct tl__proto *proto;
    int32_t index;
    uint8_t attrib;   /* 1 <const>, 2 <close> */
    uint8_t captured; /* an inner function mentions it */
    tl__ast *init;    /* <const>, and Lua's compiler knows the value; constants and names of such */
    struct tl__proto *seen_in;
    int32_t seen_as; /* the last upvalue made of it, in seen_in */
} tl__var;

typedef struct tl__upval {
    tl__var *var;
    int32_t index;    /* of the parent's local or upvalue */
    uint8_t is_local; /* the parent's local */
} tl__upval;

typedef struct tl__proto {
    struct tl__proto *parent, *next; /* next: all of the text, in order of their beginning */
    int32_t at, end;                 /* offsets of `function` and after `end` */
    int32_t line, last_line;         /* as lua_Debug has them */
    int32_t n_params, n_locals, cap_locals, n_upvals, cap_upvals;
    tl__var **local; /* params first */
    tl__upval *upval;
    tl__ast *body;
    uint8_t dots, is_expr;
} tl__proto;

/* --- a function ----------------------------------------------------------------------------- */
struct tl_fn {
    atomic_int refs;
    char *text, *chunk;
    size_t len;
    int line, column;
    int is_prelude; /* errors in it are the caller's */
    tl__arena arena;
    tl__proto *proto; /* NULL: not read */
    int unread_expr, unread_params;
    tl__name **free;
    tl_frozen **konst; /* per free name; NULL: not a constant of the chunk */
    int n_free;
};

/* --- parsing -------------------------------------------------------------------------------- */
typedef struct tl__parser {
    const char *text;
    size_t len;
    const char *chunk;
    int first_line, first_column;
    tl__arena *arena;
    size_t at; /* next byte */
    int line;  /* of the text, from 0 */
    struct tl__lexed {
        int token, line;
        int32_t at, end;
        tl__str str;
        tl_num num;
        tl__name *name;
    } now, ahead;     /* ahead.token 0 = not read */
    int32_t last_end; /* where the token before now ended */
    tl__name **names;
    size_t n_names, cap_names;
    tl__name **free;
    int n_free, cap_free;
    tl__proto *proto, *protos, *last_proto;
    struct tl__var **scope; /* all active locals, of every function */
    int n_scope, cap_scope, scope_base;
    int levels, loops, is_chunk;
    jmp_buf out;
    tl_fn_fault *fault;
    tl_err *e;
} tl__parser;

/* Reads the next token into p->now. */
void tl__lex_next(tl__parser *p);
int tl__lex_peek(tl__parser *p);
const char *tl__token_text(int token);
_Noreturn void tl__syntax(tl__parser *p, int32_t at, const char *fmt, ...) TL_PRINTF(3, 4);
void *tl__parser_get(tl__parser *p, size_t n);
/* Grows an array in the arena; the old one stays there. */
void *tl__parser_grow(tl__parser *p, void *old, int n, int *cap, size_t size);

tl__ast *tl__parse_expr(tl__parser *p);
tl__ast *tl__parse_exprs(tl__parser *p);
/* From a statement's first token; an assignment's targets and calls. */
tl__ast *tl__parse_suffixed(tl__parser *p);
/* now is "(": parameters, body and end. `at` is where `function` stands, line as lua_Debug has it.
 */
tl__ast *tl__parse_function(tl__parser *p, int32_t at, int line, int is_method);
tl__ast *tl__parse_block(tl__parser *p);
void tl__parse_enter(tl__parser *p);
static inline void tl__parse_leave(tl__parser *p)
{
    p->levels--;
}
tl__ast *tl__ast_new(tl__parser *p, tl__kind kind, int32_t at);
int tl__accept(tl__parser *p, int token);
void tl__expect(tl__parser *p, int token);
void tl__expect_closing(tl__parser *p, int token, int opening, int32_t at);
tl__name *tl__expect_name(tl__parser *p);
tl__name *tl__intern_name(tl__parser *p, const char *s, size_t len);
tl__var *tl__declare(tl__parser *p, tl__name *name); /* visible after tl__activate */
void tl__activate(tl__parser *p, tl__var *var);
void tl__close_scope(tl__parser *p, int n_scope);
tl__ast *tl__resolve(tl__parser *p, tl__name *name, int32_t at);
tl__proto *tl__open_proto(tl__parser *p, int32_t at);
void tl__close_proto(tl__parser *p);

/* The whole of p->text: a chunk, one function or one expression. 0 or a code. */
enum tl__what { TL__CHUNK, TL__FUNCTION, TL__EXPRESSION };
int tl__parse(tl__parser *p, enum tl__what what);

/* Writes fault and e for a place of a text. Returns TL_ESCRIPT. */
typedef struct tl__place {
    const char *text, *chunk;
    size_t len;
    int line, column; /* of the text's first byte */
    int32_t at;
} tl__place;
int tl__fault_at(const tl__place *p, tl_fn_class kind, const char *reason, tl_fn_fault *fault,
                 tl_err *e);
/* Line and column of a place. */
void tl__locate(const tl__place *p, int *line, int *column);

/* Made of literals and of names of constants. */
int tl__is_constant(const tl__ast *x);
/* The value of a constant expression, NULL when it is none. */
tl_frozen *tl__fold_constant(const tl__ast *expr);

#endif
