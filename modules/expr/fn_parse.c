/* Statements, scopes and functions of a Lua text. SPDX-License-Identifier: MIT */
#include "modules/expr/fn_ast.h"
#include "runtime/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- scopes --------------------------------------------------------------------------------- */

tl__var *tl__declare(tl__parser *p, tl__name *name)
{
    tl__var *v = tl__parser_get(p, sizeof *v);
    tl__proto *f = p->proto;
    if (f->n_locals == f->cap_locals)
        f->local = tl__parser_grow(p, f->local, f->n_locals, &f->cap_locals, sizeof *f->local);
    v->name = name;
    v->proto = f;
    v->index = f->n_locals;
    f->local[f->n_locals++] = v;
    return v;
}

void tl__activate(tl__parser *p, tl__var *v)
{
    if (p->n_scope - p->scope_base >= TL_FN_MOST_LOCALS)
        tl__syntax(p, p->now.at, "more than %d local variables in one function", TL_FN_MOST_LOCALS);
    if (p->n_scope == p->cap_scope)
        p->scope = tl__parser_grow(p, p->scope, p->n_scope, &p->cap_scope, sizeof *p->scope);
    v->hidden = v->name->top;
    v->name->top = v;
    p->scope[p->n_scope++] = v;
}

void tl__close_scope(tl__parser *p, int n_scope)
{
    while (p->n_scope > n_scope) {
        tl__var *v = p->scope[--p->n_scope];
        v->name->top = v->hidden;
    }
}

/* The number of upvalue v in f, which lies inside v's function. */
static int upvalue(tl__parser *p, tl__proto *f, tl__var *v)
{
    if (v->seen_in == f)
        return v->seen_as;
    int k = 0;
    while (k < f->n_upvals && f->upval[k].var != v)
        k++;
    if (k == f->n_upvals) {
        int is_local = f->parent == v->proto;
        int index = is_local ? v->index : upvalue(p, f->parent, v);
        if (k == 255)
            tl__syntax(p, p->now.at, "more than 255 upvalues in one function");
        if (k == f->cap_upvals)
            f->upval = tl__parser_grow(p, f->upval, k, &f->cap_upvals, sizeof *f->upval);
        f->upval[f->n_upvals++] = (tl__upval){v, index, (uint8_t)is_local};
    }
    v->seen_in = f;
    v->seen_as = k;
    return k;
}

tl__ast *tl__resolve(tl__parser *p, tl__name *name, int32_t at)
{
    tl__var *v = name->top;
    tl__ast *x = tl__ast_new(p, !v ? E_FREE : v->proto == p->proto ? E_LOCAL : E_UPVAL, at);
    x->u.str = name->str;
    if (!v) {
        if (!name->free) {
            if (p->n_free == p->cap_free)
                p->free = tl__parser_grow(p, p->free, p->n_free, &p->cap_free, sizeof *p->free);
            p->free[p->n_free++] = name;
            name->free = p->n_free;
        }
        x->n = name->free - 1;
        return x;
    }
    x->sub = v->attrib;
    x->a = v->init;
    if (x->kind == E_UPVAL)
        v->captured = 1;
    x->n = x->kind == E_LOCAL ? v->index : upvalue(p, p->proto, v);
    return x;
}

/* --- functions ------------------------------------------------------------------------------ */

tl__proto *tl__open_proto(tl__parser *p, int32_t at)
{
    tl__proto *f = tl__parser_get(p, sizeof *f);
    f->parent = p->proto;
    f->at = at;
    if (p->last_proto)
        p->last_proto->next = f;
    else
        p->protos = f;
    p->last_proto = f;
    p->proto = f;
    return f;
}

void tl__close_proto(tl__parser *p)
{
    p->proto = p->proto->parent;
}

static void parse_params(tl__parser *p, tl__proto *f, int is_method)
{
    if (is_method)
        tl__activate(p, tl__declare(p, tl__intern_name(p, "self", 4)));
    tl__expect(p, '(');
    while (p->now.token != ')') {
        if (tl__accept(p, T_DOTS)) {
            f->dots = 1;
            break;
        }
        tl__activate(p, tl__declare(p, tl__expect_name(p)));
        if (!tl__accept(p, ','))
            break;
        if (p->now.token == ')')
            tl__expect(p, T_NAME);
    }
    tl__expect(p, ')');
    f->n_params = f->n_locals;
}

tl__ast *tl__parse_function(tl__parser *p, int32_t at, int line, int is_method)
{
    tl__ast *x = tl__ast_new(p, E_FUNCTION, at);
    tl__proto *f = x->u.proto = tl__open_proto(p, at);
    int base = p->scope_base, scope = p->n_scope, loops = p->loops;
    p->scope_base = p->n_scope;
    p->loops = 0;
    f->line = line;
    parse_params(p, f, is_method);
    f->body = tl__parse_block(p);
    f->last_line = p->now.line;
    tl__expect_closing(p, T_END, T_FUNCTION, at);
    f->end = p->last_end;
    tl__close_scope(p, scope);
    p->scope_base = base;
    p->loops = loops;
    tl__close_proto(p);
    return x;
}

/* --- statements ----------------------------------------------------------------------------- */

static tl__ast *parse_statement(tl__parser *p);

static int ends_block(int token)
{
    return token == T_EOS || token == T_END || token == T_ELSE || token == T_ELSEIF ||
           token == T_UNTIL;
}

/* Statements up to the end of the block; their locals stay in scope. */
static tl__ast *parse_statements(tl__parser *p)
{
    tl__ast *first = NULL, **last = &first;
    while (!ends_block(p->now.token)) {
        int was_return = p->now.token == T_RETURN;
        if (tl__accept(p, ';'))
            continue;
        tl__parse_enter(p);
        *last = parse_statement(p);
        tl__parse_leave(p);
        last = &(*last)->next;
        if (was_return) {
            if (!ends_block(p->now.token))
                tl__syntax(p, p->now.at, "`return` must be the last statement of its block");
            break;
        }
    }
    return first;
}

tl__ast *tl__parse_block(tl__parser *p)
{
    int scope = p->n_scope;
    tl__ast *body = parse_statements(p);
    tl__close_scope(p, scope);
    return body;
}

static tl__ast *parse_loop_body(tl__parser *p, int opening, int32_t at)
{
    p->loops++;
    tl__ast *body = tl__parse_block(p);
    p->loops--;
    tl__expect_closing(p, T_END, opening, at);
    return body;
}

static tl__ast *parse_if(tl__parser *p)
{
    int32_t at = p->now.at;
    tl__ast *first = NULL, **last = &first;
    do {
        tl__ast *x = *last = tl__ast_new(p, S_IF, p->now.at);
        last = &x->c;
        tl__lex_next(p); /* if, elseif */
        x->a = tl__parse_expr(p);
        tl__expect(p, T_THEN);
        x->b = tl__parse_block(p);
    } while (p->now.token == T_ELSEIF);
    if (p->now.token == T_ELSE) {
        *last = tl__ast_new(p, S_DO, p->now.at);
        tl__lex_next(p);
        (*last)->b = tl__parse_block(p);
    }
    tl__expect_closing(p, T_END, T_IF, at);
    return first;
}

static tl__ast *parse_numeric_for(tl__parser *p, tl__ast *x, tl__name *name)
{
    tl__lex_next(p);
    x->kind = S_FOR;
    x->a = tl__parse_expr(p);
    tl__expect(p, ',');
    x->a->next = tl__parse_expr(p);
    if (tl__accept(p, ','))
        x->a->next->next = tl__parse_expr(p);
    tl__expect(p, T_DO);
    tl__var *v = tl__declare(p, name);
    x->n = v->index;
    tl__activate(p, v);
    return x;
}

static tl__ast *parse_generic_for(tl__parser *p, tl__ast *x, tl__name *name)
{
    tl__var *first = NULL;
    tl__ast **last = &x->a;
    int n = 0;
    for (;; n++) {
        tl__var *v = tl__declare(p, name);
        first = first ? first : v;
        *last = tl__ast_new(p, E_LOCAL, p->now.at);
        (*last)->n = v->index;
        last = &(*last)->next;
        if (!tl__accept(p, ','))
            break;
        name = tl__expect_name(p);
    }
    tl__expect(p, T_IN);
    x->kind = S_FORIN;
    x->c = tl__parse_exprs(p);
    tl__expect(p, T_DO);
    for (int k = 0; k <= n; k++)
        tl__activate(p, p->proto->local[x->a->n + k]);
    return x;
}

static tl__ast *parse_for(tl__parser *p)
{
    int32_t at = p->now.at;
    int scope = p->n_scope;
    tl__ast *x = tl__ast_new(p, S_FOR, at);
    tl__lex_next(p);
    tl__name *name = tl__expect_name(p);
    if (p->now.token == '=')
        parse_numeric_for(p, x, name);
    else if (p->now.token == ',' || p->now.token == T_IN)
        parse_generic_for(p, x, name);
    else
        tl__syntax(p, p->now.at, "'=' or 'in' is missing after the name of `for`");
    x->b = parse_loop_body(p, T_FOR, at);
    tl__close_scope(p, scope);
    return x;
}

static tl__ast *parse_repeat(tl__parser *p)
{
    tl__ast *x = tl__ast_new(p, S_REPEAT, p->now.at);
    int scope = p->n_scope;
    tl__lex_next(p);
    p->loops++;
    x->b = parse_statements(p);
    p->loops--;
    tl__expect_closing(p, T_UNTIL, T_REPEAT, x->at);
    x->a = tl__parse_expr(p); /* sees the body's locals */
    tl__close_scope(p, scope);
    return x;
}

static void parse_attrib(tl__parser *p, tl__var *v)
{
    if (!tl__accept(p, '<'))
        return;
    int32_t at = p->now.at;
    tl__name *name = tl__expect_name(p);
    v->attrib = strcmp(name->str.s, "const") == 0 ? 1 : strcmp(name->str.s, "close") == 0 ? 2 : 0;
    if (!v->attrib)
        tl__syntax(p, at, "unknown attribute '%.40s': there are <const> and <close>", name->str.s);
    tl__expect(p, '>');
}

static tl__ast *parse_local(tl__parser *p)
{
    tl__ast *x = tl__ast_new(p, S_LOCAL, p->now.at), **last = &x->a;
    tl__lex_next(p);
    if (tl__accept(p, T_FUNCTION)) {
        x->kind = S_LOCALFUN;
        int32_t at = x->at;
        tl__var *v = tl__declare(p, tl__expect_name(p));
        tl__activate(p, v);
        x->n = v->index;
        x->a = tl__parse_function(p, at, p->now.line, 0);
        return x;
    }
    int n = 0;
    tl__var *v;
    do {
        *last = tl__ast_new(p, E_LOCAL, p->now.at);
        v = tl__declare(p, tl__expect_name(p));
        parse_attrib(p, v);
        (*last)->n = v->index;
        (*last)->sub = v->attrib;
        last = &(*last)->next;
        n++;
    } while (tl__accept(p, ','));
    if (tl__accept(p, '='))
        x->b = tl__parse_exprs(p);
    tl__ast *value = x->b; /* the last name's, when there are as many */
    for (int k = 1; k < n && value; k++)
        value = value->next;
    if (v->attrib == 1 && value && !value->next && tl__is_constant(value))
        v->init = value;
    for (tl__ast *a = x->a; a; a = a->next)
        tl__activate(p, p->proto->local[a->n]);
    return x;
}

/* function a.b.c:d(...) */
static tl__ast *parse_function_statement(tl__parser *p)
{
    int32_t at = p->now.at;
    int line = p->now.line, is_method = 0;
    tl__ast *x = tl__ast_new(p, S_ASSIGN, at);
    tl__lex_next(p);
    int32_t name_at = p->now.at;
    tl__ast *target = tl__resolve(p, tl__expect_name(p), name_at);
    if (target->sub && p->now.token != '.' && p->now.token != ':')
        tl__syntax(p, name_at, "a <const> variable cannot be changed");
    while (!is_method && (p->now.token == '.' || p->now.token == ':')) {
        is_method = p->now.token == ':';
        tl__ast *index = tl__ast_new(p, E_INDEX, p->now.at);
        tl__lex_next(p);
        index->a = target;
        index->b = tl__ast_new(p, E_STR, p->now.at);
        index->b->u.str = tl__expect_name(p)->str;
        target = index;
    }
    x->a = target;
    x->b = tl__parse_function(p, at, line, is_method);
    return x;
}

static void check_target(tl__parser *p, const tl__ast *x)
{
    if (x->kind != E_LOCAL && x->kind != E_UPVAL && x->kind != E_FREE && x->kind != E_INDEX)
        tl__syntax(p, x->at, "this cannot be assigned to");
    if (x->kind != E_INDEX && x->kind != E_FREE && x->sub)
        tl__syntax(p, x->at, "a <const> variable cannot be changed");
}

static tl__ast *parse_expression_statement(tl__parser *p)
{
    tl__ast *x = tl__ast_new(p, S_CALL, p->now.at);
    x->a = tl__parse_suffixed(p);
    if (p->now.token != '=' && p->now.token != ',') {
        if (x->a->kind != E_CALL && x->a->kind != E_METHOD)
            tl__syntax(p, x->at, "a value alone is no statement");
        return x;
    }
    x->kind = S_ASSIGN;
    tl__ast *last = x->a;
    check_target(p, last);
    int levels = p->levels;
    while (tl__accept(p, ',')) {
        tl__parse_enter(p); /* as many targets as levels, as in Lua */
        last->next = tl__parse_suffixed(p);
        last = last->next;
        check_target(p, last);
    }
    p->levels = levels;
    tl__expect(p, '=');
    x->b = tl__parse_exprs(p);
    return x;
}

static tl__ast *parse_simple(tl__parser *p, tl__kind kind)
{
    tl__ast *x = tl__ast_new(p, kind, p->now.at);
    tl__lex_next(p);
    switch (kind) {
    case S_WHILE:
        x->a = tl__parse_expr(p);
        tl__expect(p, T_DO);
        x->b = parse_loop_body(p, T_WHILE, x->at);
        break;
    case S_DO:
        x->b = tl__parse_block(p);
        tl__expect_closing(p, T_END, T_DO, x->at);
        break;
    case S_RETURN:
        if (!ends_block(p->now.token) && p->now.token != ';')
            x->b = tl__parse_exprs(p);
        tl__accept(p, ';');
        break;
    case S_BREAK:
        if (!p->loops)
            tl__syntax(p, x->at, "`break` outside of a loop");
        break;
    default: /* S_GOTO, S_LABEL */
        tl__expect_name(p);
        if (kind == S_LABEL)
            tl__expect(p, T_LABEL);
    }
    return x;
}

static tl__ast *parse_statement(tl__parser *p)
{
    switch (p->now.token) {
    case T_IF:
        return parse_if(p);
    case T_WHILE:
        return parse_simple(p, S_WHILE);
    case T_DO:
        return parse_simple(p, S_DO);
    case T_FOR:
        return parse_for(p);
    case T_REPEAT:
        return parse_repeat(p);
    case T_FUNCTION:
        return parse_function_statement(p);
    case T_LOCAL:
        return parse_local(p);
    case T_LABEL:
        return parse_simple(p, S_LABEL);
    case T_RETURN:
        return parse_simple(p, S_RETURN);
    case T_BREAK:
        return parse_simple(p, S_BREAK);
    case T_GOTO:
        return parse_simple(p, S_GOTO);
    default:
        return parse_expression_statement(p);
    }
}
