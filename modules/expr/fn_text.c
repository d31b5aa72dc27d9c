/* Whole texts: a chunk, one function, one expression. SPDX-License-Identifier: MIT */
#include "modules/expr/fn_ast.h"

/* "local function", "function NAME", "function": all three leave one function. */
static tl__proto *parse_one_function(tl__parser *p)
{
    int32_t at = p->now.at;
    int line = p->now.line, is_method = 0;
    tl__accept(p, T_LOCAL);
    tl__expect(p, T_FUNCTION);
    if (p->now.token == T_NAME) {
        tl__lex_next(p);
        while (!is_method && (p->now.token == '.' || p->now.token == ':')) {
            is_method = p->now.token == ':';
            tl__lex_next(p);
            tl__expect_name(p);
        }
    }
    tl__proto *f = tl__parse_function(p, at, line, is_method)->u.proto;
    if (p->now.token != T_EOS)
        tl__syntax(p, p->now.at, "the text goes on after the function's `end`");
    return f;
}

static tl__proto *parse_chunk(tl__parser *p)
{
    tl__proto *f = tl__open_proto(p, 0);
    f->dots = 1;
    f->body = tl__parse_block(p);
    if (p->now.token != T_EOS)
        tl__syntax(p, p->now.at, "unexpected '%s'", tl__token_text(p->now.token));
    f->end = (int32_t)p->len;
    tl__close_proto(p);
    return f;
}

static tl__proto *parse_one_expression(tl__parser *p)
{
    tl__proto *f = tl__open_proto(p, 0);
    f->is_expr = 1;
    f->body = tl__ast_new(p, S_RETURN, p->now.at);
    f->body->b = tl__parse_expr(p);
    if (p->now.token != T_EOS)
        tl__syntax(p, p->now.at, "unexpected '%s' after the expression",
                   tl__token_text(p->now.token));
    f->end = (int32_t)p->len;
    tl__close_proto(p);
    return f;
}

int tl__parse(tl__parser *p, enum tl__what what)
{
    if (setjmp(p->out))
        return TL_ESCRIPT;
    p->is_chunk = what == TL__CHUNK;
    size_t most = what == TL__CHUNK ? TL_FN_MOST_CHUNK : TL_FN_MOST_TEXT;
    if (p->len > most)
        tl__syntax(p, 0, "the text is too long: %zu bytes, %zu are allowed", p->len, most);
    if (what == TL__CHUNK && p->len && p->text[0] == '#')
        while (p->at < p->len && p->text[p->at] != '\n')
            p->at++;
    tl__lex_next(p);
    p->proto = NULL;
    tl__proto *f = what == TL__CHUNK      ? parse_chunk(p)
                   : what == TL__FUNCTION ? parse_one_function(p)
                                          : parse_one_expression(p);
    p->proto = f;
    return 0;
}
