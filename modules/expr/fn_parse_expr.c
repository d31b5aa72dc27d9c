/* Expressions of a Lua text, and what all parsing shares. SPDX-License-Identifier: MIT */
#include "modules/expr/fn_ast.h"
#include "runtime/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- shared --------------------------------------------------------------------------------- */

void tl__syntax(tl__parser *p, int32_t at, const char *fmt, ...)
{
    char reason[240];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    tl__place place = {p->text, p->chunk, p->len, p->first_line, p->first_column, at};
    tl__fault_at(&place, TL_FN_SYNTAX, reason, p->fault, p->e);
    longjmp(p->out, 1);
}

void *tl__parser_get(tl__parser *p, size_t n)
{
    void *x = tl__arena_get(p->arena, n);
    if (!x)
        tl__syntax(p, p->now.at, "the text is too large: more than %zu MiB of memory",
                   p->arena->most >> 20);
    return x;
}

void *tl__parser_grow(tl__parser *p, void *old, int n, int *cap, size_t size)
{
    *cap = *cap ? *cap * 2 : 8;
    void *more = tl__parser_get(p, (size_t)*cap * size);
    if (n)
        memcpy(more, old, (size_t)n * size);
    return more;
}

tl__ast *tl__ast_new(tl__parser *p, tl__kind kind, int32_t at)
{
    tl__ast *x = tl__parser_get(p, sizeof *x);
    x->kind = (uint8_t)kind;
    x->at = at;
    return x;
}

void tl__parse_enter(tl__parser *p)
{
    if (++p->levels > TL_FN_MOST_LEVELS)
        tl__syntax(p, p->now.at, "nested too deeply: more than %d levels", TL_FN_MOST_LEVELS);
}

int tl__accept(tl__parser *p, int token)
{
    if (p->now.token != token)
        return 0;
    tl__lex_next(p);
    return 1;
}

void tl__expect(tl__parser *p, int token)
{
    if (!tl__accept(p, token))
        tl__syntax(p, p->now.at, "expected %s%s%s here, not %s", token >= T_INT ? "" : "'",
                   tl__token_text(token), token >= T_INT ? "" : "'", tl__token_text(p->now.token));
}

void tl__expect_closing(tl__parser *p, int token, int opening, int32_t at)
{
    if (tl__accept(p, token))
        return;
    tl__place place = {p->text, p->chunk, p->len, p->first_line, p->first_column, at};
    int line, column;
    tl__locate(&place, &line, &column);
    tl__syntax(p, p->now.at, "expected '%s' here, to close '%s' of line %d", tl__token_text(token),
               opening == '('   ? "("
               : opening == '{' ? "{"
               : opening == '[' ? "["
                                : tl__token_text(opening),
               line);
}

tl__name *tl__expect_name(tl__parser *p)
{
    tl__name *name = p->now.name;
    tl__expect(p, T_NAME);
    return name;
}

/* --- operands ------------------------------------------------------------------------------- */

static tl__ast *parse_level(tl__parser *p, int limit);

static tl__ast *parse_table(tl__parser *p)
{
    tl__ast *x = tl__ast_new(p, E_TABLE, p->now.at), **last = &x->b;
    tl__lex_next(p);
    while (p->now.token != '}') {
        tl__ast *item = *last = tl__ast_new(p, E_ITEM, p->now.at);
        last = &item->next;
        if (p->now.token == '[') {
            tl__lex_next(p);
            item->a = tl__parse_expr(p);
            tl__expect(p, ']');
            tl__expect(p, '=');
        } else if (p->now.token == T_NAME && tl__lex_peek(p) == '=') {
            item->a = tl__ast_new(p, E_STR, p->now.at);
            item->a->u.str = p->now.str;
            tl__lex_next(p);
            tl__lex_next(p);
        }
        item->b = tl__parse_expr(p);
        if (!tl__accept(p, ',') && !tl__accept(p, ';'))
            break;
    }
    tl__expect_closing(p, '}', '{', x->at);
    return x;
}

static tl__ast *parse_primary(tl__parser *p)
{
    int32_t at = p->now.at;
    if (p->now.token == T_NAME)
        return tl__resolve(p, tl__expect_name(p), at);
    if (p->now.token != '(')
        tl__syntax(p, at, "expected a value here, not %s%s%s", p->now.token >= T_INT ? "" : "'",
                   tl__token_text(p->now.token), p->now.token >= T_INT ? "" : "'");
    tl__lex_next(p);
    tl__ast *x = tl__ast_new(p, E_PAREN, at);
    x->a = tl__parse_expr(p);
    tl__expect_closing(p, ')', '(', at);
    return x;
}

static tl__ast *parse_arguments(tl__parser *p)
{
    int32_t at = p->now.at;
    tl__ast *list = NULL;
    if (p->now.token == T_STRING) {
        list = tl__ast_new(p, E_STR, at);
        list->u.str = p->now.str;
        tl__lex_next(p);
    } else if (p->now.token == '{') {
        list = parse_table(p);
    } else {
        tl__expect(p, '(');
        if (p->now.token != ')')
            list = tl__parse_exprs(p);
        tl__expect_closing(p, ')', '(', at);
    }
    return list;
}

static tl__ast *parse_index(tl__parser *p, tl__ast *of)
{
    tl__ast *x = tl__ast_new(p, E_INDEX, p->now.at);
    x->a = of;
    if (tl__accept(p, '.')) {
        x->b = tl__ast_new(p, E_STR, p->now.at);
        x->b->u.str = tl__expect_name(p)->str;
    } else {
        tl__lex_next(p);
        x->b = tl__parse_expr(p);
        tl__expect(p, ']');
    }
    return x;
}

/* A chain of thousands would be a tree as deep: its length counts as levels. */
tl__ast *tl__parse_suffixed(tl__parser *p)
{
    tl__ast *x = parse_primary(p);
    int levels = p->levels;
    for (;; tl__parse_enter(p)) {
        tl__ast *call;
        switch (p->now.token) {
        case '.':
        case '[':
            x = parse_index(p, x);
            break;
        case ':':
            call = tl__ast_new(p, E_METHOD, x->at);
            tl__lex_next(p);
            call->u.str = tl__expect_name(p)->str;
            call->a = x;
            call->b = parse_arguments(p);
            x = call;
            break;
        case '(':
        case '{':
        case T_STRING:
            call = tl__ast_new(p, E_CALL, x->at);
            call->a = x;
            call->b = parse_arguments(p);
            x = call;
            break;
        default:
            p->levels = levels;
            return x;
        }
    }
}

static tl__ast *parse_literal(tl__parser *p, tl__kind kind)
{
    tl__ast *x = tl__ast_new(p, kind, p->now.at);
    if (kind == E_STR)
        x->u.str = p->now.str;
    else if (kind == E_FLT)
        x->u.f = p->now.num.f;
    else
        x->u.i = p->now.num.i;
    if (kind == E_DOTS && !p->proto->dots)
        tl__syntax(p, x->at, "'...' outside of a function with variable arguments");
    tl__lex_next(p);
    return x;
}

static tl__ast *parse_operand(tl__parser *p)
{
    int32_t at = p->now.at;
    switch (p->now.token) {
    case T_INT:
        return parse_literal(p, E_INT);
    case T_FLT:
        return parse_literal(p, E_FLT);
    case T_STRING:
        return parse_literal(p, E_STR);
    case T_NIL:
        return parse_literal(p, E_NIL);
    case T_TRUE:
        return parse_literal(p, E_TRUE);
    case T_FALSE:
        return parse_literal(p, E_FALSE);
    case T_DOTS:
        return parse_literal(p, E_DOTS);
    case '{':
        return parse_table(p);
    case T_FUNCTION:
        tl__lex_next(p);
        return tl__parse_function(p, at, p->now.line, 0);
    default:
        return tl__parse_suffixed(p);
    }
}

/* --- operators ------------------------------------------------------------------------------ */

/* How strongly an operator binds to its left and right; 0 = no binary operator. */
static void strength(int token, int *left, int *right)
{
    static const struct {
        int token, left, right;
    } table[] = {{T_OR, 1, 1},  {T_AND, 2, 2}, {'<', 3, 3},   {'>', 3, 3},      {T_LE, 3, 3},
                 {T_GE, 3, 3},  {T_NE, 3, 3},  {T_EQ, 3, 3},  {'|', 4, 4},      {'~', 5, 5},
                 {'&', 6, 6},   {T_SHL, 7, 7}, {T_SHR, 7, 7}, {T_CONCAT, 9, 8}, {'+', 10, 10},
                 {'-', 10, 10}, {'*', 11, 11}, {'/', 11, 11}, {T_IDIV, 11, 11}, {'%', 11, 11},
                 {'^', 14, 13}};
    *left = *right = 0;
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        if (table[k].token == token) {
            *left = table[k].left;
            *right = table[k].right;
            return;
        }
}

#define UNARY_STRENGTH 12

static tl__ast *parse_level(tl__parser *p, int limit)
{
    tl__ast *x;
    int token = p->now.token, left, right;
    tl__parse_enter(p);
    if (token == T_NOT || token == '-' || token == '~' || token == '#') {
        x = tl__ast_new(p, E_UNARY, p->now.at);
        x->sub = (uint16_t)token;
        tl__lex_next(p);
        x->a = parse_level(p, UNARY_STRENGTH);
    } else {
        x = parse_operand(p);
    }
    for (strength(p->now.token, &left, &right); left > limit;
         strength(p->now.token, &left, &right)) {
        tl__ast *y = tl__ast_new(p, E_BINARY, p->now.at);
        y->sub = (uint16_t)p->now.token;
        tl__lex_next(p);
        y->a = x;
        y->b = parse_level(p, right);
        x = y;
    }
    tl__parse_leave(p);
    return x;
}

tl__ast *tl__parse_expr(tl__parser *p)
{
    return parse_level(p, 0);
}

tl__ast *tl__parse_exprs(tl__parser *p)
{
    tl__ast *first = tl__parse_expr(p), *last = first;
    while (tl__accept(p, ',')) {
        last->next = tl__parse_expr(p);
        last = last->next;
    }
    return first;
}

int tl__is_constant(const tl__ast *x)
{
    for (; x->kind == E_BINARY; x = x->a) /* a chain may be long */
        if (!tl__is_constant(x->b))
            return 0;
    switch ((tl__kind)x->kind) {
    case E_NIL:
    case E_TRUE:
    case E_FALSE:
    case E_INT:
    case E_FLT:
    case E_STR:
        return 1;
    case E_LOCAL:
    case E_UPVAL:
        return x->a != NULL;
    case E_PAREN:
    case E_UNARY:
        return tl__is_constant(x->a);
    default:
        return 0;
    }
}
