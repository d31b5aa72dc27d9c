/* The helpers that are written in Lua, parsed once. SPDX-License-Identifier: MIT */
#include "modules/expr/fn_ast.h"
#include "modules/expr/fn_frozen.h"
#include "runtime/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

extern const unsigned char tl_lua_modules_expr_fn_prelude[];
extern const size_t tl_lua_modules_expr_fn_prelude_len;

#define CHUNK "=[tellua helpers]"
#define MOST  16

static struct {
    tl__str name;
    tl_frozen *value;
    int is_local;
} functions[MOST];
static int n_functions;
static pthread_once_t once = PTHREAD_ONCE_INIT;

const char *tl_fn_prelude(size_t *len)
{
    *len = tl_lua_modules_expr_fn_prelude_len;
    return (const char *)tl_lua_modules_expr_fn_prelude;
}

static tl_frozen *defined(const char *name, size_t len, int locals_too)
{
    for (int k = 0; k < n_functions; k++)
        if (functions[k].name.len == len && memcmp(functions[k].name.s, name, len) == 0)
            return functions[k].is_local && !locals_too ? NULL : functions[k].value;
    return NULL;
}

static void define(const tl__proto *f, const char *text, tl__str name, int is_local)
{
    tl_err e = TL_ERR_INIT;
    tl_fn *fn = NULL;
    tl_frozen *frees[MOST] = {NULL};
    int n = 0;
    if (tl_fn_parse(text + f->at, (size_t)(f->end - f->at), CHUNK, f->line + 1, 1, &fn, NULL, &e))
        abort();
    fn->is_prelude = 1;
    for (; n < fn->n_free && n < MOST; n++) {
        tl_frozen *known = defined(fn->free[n]->str.s, fn->free[n]->str.len, 1);
        tl_frozen *builtin = tl__library_function(fn->free[n]->str.s);
        frees[n] = known ? tl_frozen_ref(known) : builtin;
    }
    char *copy = tl_xmalloc(name.len + 1);
    memcpy(copy, name.s, name.len + 1);
    functions[n_functions].name = (tl__str){name.len, copy};
    functions[n_functions].value = tl_frozen_fn(fn, frees);
    functions[n_functions++].is_local = is_local;
    while (n > 0)
        tl_frozen_unref(frees[--n]);
    tl_fn_unref(fn);
}

/* Our own text: what goes wrong here is a bug. */
static void parse_prelude(void)
{
    tl_err e = TL_ERR_INIT;
    tl__arena arena = {.most = 1 << 20};
    tl__parser *p = tl_xcalloc(1, sizeof *p);
    p->text = tl_fn_prelude(&p->len);
    p->chunk = CHUNK;
    p->first_line = p->first_column = 1;
    p->arena = &arena;
    p->e = &e;
    if (tl__parse(p, TL__CHUNK))
        abort();
    for (const tl__ast *s = p->proto->body; s && n_functions < MOST; s = s->next)
        if (s->kind == S_LOCALFUN)
            define(s->a->u.proto, p->text, p->proto->local[s->n]->name->str, 1);
        else if (s->kind == S_ASSIGN && s->a->kind == E_FREE && s->b->kind == E_FUNCTION)
            define(s->b->u.proto, p->text, s->a->u.str, 0);
    tl__arena_free(&arena);
    free(p);
}

tl_frozen *tl__prelude_get(const char *name, size_t len)
{
    pthread_once(&once, parse_prelude);
    return defined(name, len, 0);
}

const char *tl__prelude_name(const tl_frozen *v)
{
    pthread_once(&once, parse_prelude);
    for (int k = 0; k < n_functions; k++)
        if (functions[k].value == v && !functions[k].is_local)
            return functions[k].name.s;
    return NULL;
}
