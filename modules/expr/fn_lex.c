/* Lua's tokens. SPDX-License-Identifier: MIT */
#include "modules/expr/fn_ast.h"
#include "runtime/hash.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ORDER tl__token */
static const char *const keywords[] = {"and",   "break", "do",       "else", "elseif", "end",
                                       "false", "for",   "function", "goto", "if",     "in",
                                       "local", "nil",   "not",      "or",   "repeat", "return",
                                       "then",  "true",  "until",    "while"};
static const char *const others[] = {"//",     "..",         "...",
                                     "==",     ">=",         "<=",
                                     "~=",     "<<",         ">>",
                                     "::",     "an integer", "a number",
                                     "a name", "a string",   "the end of the text"};
#define N_KEYWORDS (int)(sizeof keywords / sizeof *keywords)

const char *tl__token_text(int token)
{
    static const char ascii[] = "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
                                "abcdefghijklmnopqrstuvwxyz{|}~";
    static _Thread_local char one[2];
    if (token >= T_IDIV)
        return others[token - T_IDIV];
    if (token >= T_AND)
        return keywords[token - T_AND];
    one[0] = token > ' ' && token < 127 ? ascii[token - '!'] : '?';
    return one;
}

static int is_digit(int c)
{
    return c >= '0' && c <= '9';
}
static int is_letter(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
static int is_hex(int c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
static int hex_value(int c)
{
    return is_digit(c) ? c - '0' : (c | 32) - 'a' + 10;
}

/* The byte k places on; -1 at the end. */
static int look(const tl__parser *p, size_t k)
{
    return p->at + k < p->len ? (unsigned char)p->text[p->at + k] : -1;
}

/* --- names ---------------------------------------------------------------------------------- */

static uint64_t hash_text(const char *s, size_t n)
{
    uint64_t h = tl_fnv(TL_FNV, s, n);
    return h ^ (h >> 31);
}

static void grow_names(tl__parser *p)
{
    size_t cap = p->cap_names ? p->cap_names * 4 : 64;
    tl__name **names = tl__parser_get(p, cap * sizeof *names);
    for (size_t k = 0; k < p->cap_names; k++)
        for (tl__name *n = p->names[k], *next; n; n = next) {
            next = n->chain;
            size_t place = hash_text(n->str.s, n->str.len) & (cap - 1);
            n->chain = names[place];
            names[place] = n;
        }
    p->names = names;
    p->cap_names = cap;
}

static char *copy_text(tl__parser *p, const char *s, size_t len)
{
    char *copy = tl__parser_get(p, len + 1);
    memcpy(copy, s, len);
    return copy;
}

tl__name *tl__intern_name(tl__parser *p, const char *s, size_t len)
{
    if (p->n_names >= p->cap_names)
        grow_names(p);
    size_t place = hash_text(s, len) & (p->cap_names - 1);
    for (tl__name *n = p->names[place]; n; n = n->chain)
        if (n->str.len == len && memcmp(n->str.s, s, len) == 0)
            return n;
    tl__name *n = tl__parser_get(p, sizeof *n);
    n->str = (tl__str){len, copy_text(p, s, len)};
    n->chain = p->names[place];
    p->names[place] = n;
    p->n_names++;
    return n;
}

static int keyword(const char *s, size_t len)
{
    for (int k = 0; k < N_KEYWORDS; k++)
        if (strlen(keywords[k]) == len && memcmp(keywords[k], s, len) == 0)
            return T_AND + k;
    return 0;
}

static int read_name(tl__parser *p, struct tl__lexed *t)
{
    size_t start = p->at;
    while (is_letter(look(p, 0)) || is_digit(look(p, 0)))
        p->at++;
    const char *s = p->text + start;
    int token = keyword(s, p->at - start);
    if (token)
        return token;
    if (!p->is_chunk && p->at - start == 4 && memcmp(s, "_ENV", 4) == 0)
        tl__syntax(p, t->at, "`_ENV` has no place in a function on pixels");
    t->name = tl__intern_name(p, s, p->at - start);
    t->str = t->name->str;
    return T_NAME;
}

/* --- numbers -------------------------------------------------------------------------------- */

/* Hexadecimal digits without point or exponent wrap, as Lua's do. */
static int hex_integer(const char *s, const char *end, int64_t *x)
{
    uint64_t v = 0;
    for (; s < end; s++) {
        if (!is_hex((unsigned char)*s))
            return 0;
        v = v * 16 + (uint64_t)hex_value((unsigned char)*s);
    }
    *x = (int64_t)v;
    return 1;
}

static int decimal_integer(const char *s, const char *end, int64_t *x)
{
    uint64_t v = 0;
    for (; s < end; s++) {
        uint64_t d = (uint64_t)(*s - '0');
        if (!is_digit((unsigned char)*s) || v > (INT64_MAX - d) / 10)
            return 0; /* too large: a float */
        v = v * 10 + d;
    }
    *x = (int64_t)v;
    return 1;
}

static int read_number(tl__parser *p, struct tl__lexed *t)
{
    size_t start = p->at;
    int is_hexadecimal = look(p, 0) == '0' && (look(p, 1) | 32) == 'x';
    int exponent = is_hexadecimal ? 'p' : 'e';
    p->at += is_hexadecimal ? 2 : 1;
    for (;;) {
        int c = look(p, 0);
        if ((c | 32) == exponent && c > 0)
            p->at += look(p, 1) == '+' || look(p, 1) == '-' ? 2 : 1;
        else if (is_hex(c) || is_letter(c) || c == '.')
            p->at++;
        else
            break;
    }
    char *text = copy_text(p, p->text + start, p->at - start), *stop;
    const char *end = text + (p->at - start);
    if (is_hexadecimal && end > text + 2 ? hex_integer(text + 2, end, &t->num.i)
                                         : decimal_integer(text, end, &t->num.i))
        return T_INT;
    t->num.f = strtod(text, &stop);
    if (stop != end || (!is_hexadecimal && strpbrk(text, "nN")))
        tl__syntax(p, t->at, "malformed number '%.40s'", text);
    return T_FLT;
}

/* --- strings and comments ------------------------------------------------------------------- */

static void new_line(tl__parser *p)
{
    int c = look(p, 0), d = look(p, 1);
    p->at += (d == '\n' || d == '\r') && d != c ? 2 : 1;
    p->line++;
}

/* At "[": the number of "=" up to a second "[", or -1. */
static int long_level(const tl__parser *p)
{
    size_t n = 1;
    while (look(p, n) == '=')
        n++;
    return look(p, n) == '[' ? (int)n - 1 : -1;
}

static tl__str read_long(tl__parser *p, int level, int32_t at, const char *what)
{
    p->at += (size_t)level + 2;
    if (look(p, 0) == '\n' || look(p, 0) == '\r')
        new_line(p);
    char *s = tl__parser_get(p, 1);
    size_t start = p->at;
    for (;;) {
        int c = look(p, 0);
        if (c < 0)
            tl__syntax(p, at, "this %s has no end", what);
        if (c == '\n' || c == '\r') {
            new_line(p);
            continue;
        }
        if (c == ']') {
            int n = 1;
            while (look(p, (size_t)n) == '=')
                n++;
            if (n - 1 == level && look(p, (size_t)n) == ']') {
                size_t end = p->at;
                p->at += (size_t)level + 2;
                s = copy_text(p, p->text + start, end - start);
                return (tl__str){end - start, s}; /* line ends are as in the text */
            }
        }
        p->at++;
    }
}

static size_t put_utf8(char *out, uint32_t x)
{
    if (x < 0x80) {
        out[0] = (char)x;
        return 1;
    }
    size_t n = x < 0x800 ? 2 : x < 0x10000 ? 3 : x < 0x200000 ? 4 : x < 0x4000000 ? 5 : 6;
    for (size_t k = n - 1; k > 0; k--, x >>= 6)
        out[k] = (char)(0x80 | (x & 0x3f));
    out[0] = (char)((0xff00u >> n) | x);
    return n;
}

static size_t unicode_escape(tl__parser *p, char *out)
{
    uint32_t x = 0;
    int digits = 0;
    if (look(p, 2) != '{')
        tl__syntax(p, (int32_t)p->at, "'{' is missing in \\u{XXX}");
    size_t k = 3;
    for (; is_hex(look(p, k)); k++, digits++) {
        if (x > 0x7ffffff)
            tl__syntax(p, (int32_t)p->at, "this UTF-8 value is too large");
        x = x * 16 + (uint32_t)hex_value(look(p, k));
    }
    if (!digits || look(p, k) != '}')
        tl__syntax(p, (int32_t)p->at, "this is no \\u{XXX}");
    p->at += k + 1;
    return put_utf8(out, x);
}

static size_t number_escape(tl__parser *p, char *out)
{
    int x = 0;
    size_t k = 1;
    if (look(p, 1) == 'x') {
        if (!is_hex(look(p, 2)) || !is_hex(look(p, 3)))
            tl__syntax(p, (int32_t)p->at, "\\x needs two hexadecimal digits");
        x = hex_value(look(p, 2)) * 16 + hex_value(look(p, 3));
        k = 4;
    } else {
        for (; k <= 3 && is_digit(look(p, k)); k++)
            x = x * 10 + look(p, k) - '0';
        if (x > 255)
            tl__syntax(p, (int32_t)p->at, "\\%d is no byte", x);
    }
    p->at += k;
    out[0] = (char)x;
    return 1;
}

/* At a backslash; returns how many bytes were put. */
static size_t read_escape(tl__parser *p, char *out)
{
    static const char from[] = "abfnrtv\\\"'", to[] = "\a\b\f\n\r\t\v\\\"'";
    int c = look(p, 1);
    const char *simple = c > 0 ? strchr(from, c) : NULL;
    if (simple) {
        p->at += 2;
        *out = to[simple - from];
        return 1;
    }
    if (c == 'x' || is_digit(c))
        return number_escape(p, out);
    if (c == 'u')
        return unicode_escape(p, out);
    if (c == '\n' || c == '\r') {
        p->at++;
        new_line(p);
        *out = '\n';
        return 1;
    }
    if (c != 'z')
        tl__syntax(p, (int32_t)p->at, "unknown escape in a string");
    p->at += 2;
    for (;;)
        if (look(p, 0) == '\n' || look(p, 0) == '\r')
            new_line(p);
        else if (look(p, 0) == ' ' || (look(p, 0) >= '\t' && look(p, 0) <= '\r'))
            p->at++;
        else
            return 0;
}

static int read_string(tl__parser *p, struct tl__lexed *t)
{
    int quote = look(p, 0);
    size_t end = 1; /* room: no escape is longer than its text */
    while (look(p, end) >= 0 && look(p, end) != quote && look(p, end) != '\n')
        end += look(p, end) == '\\' && look(p, end + 1) >= 0 ? 2 : 1;
    char *s = NULL;
    size_t n = 0, cap = 0;
    for (p->at++; look(p, 0) != quote;) {
        if (look(p, 0) < 0 || look(p, 0) == '\n' || look(p, 0) == '\r')
            tl__syntax(p, t->at, "this string has no end");
        if (n + 8 > cap) {
            char *more = tl__parser_get(p, cap = cap * 2 + end + 16);
            if (n)
                memcpy(more, s, n);
            s = more;
        }
        if (look(p, 0) == '\\')
            n += read_escape(p, s + n);
        else
            s[n++] = p->text[p->at++];
    }
    p->at++;
    if (!s)
        s = tl__parser_get(p, 1);
    s[n] = 0; /* a multi-byte escape may have written beyond */
    t->str = (tl__str){n, s};
    return T_STRING;
}

static void skip_space(tl__parser *p)
{
    for (;;) {
        int c = look(p, 0);
        if (c == '\n' || c == '\r') {
            new_line(p);
        } else if (c == ' ' || (c >= '\t' && c <= '\r')) {
            p->at++;
        } else if (c == '-' && look(p, 1) == '-') {
            int32_t at = (int32_t)p->at;
            p->at += 2;
            int level = look(p, 0) == '[' ? long_level(p) : -1;
            if (level >= 0)
                read_long(p, level, at, "comment");
            else
                while (look(p, 0) >= 0 && look(p, 0) != '\n' && look(p, 0) != '\r')
                    p->at++;
        } else {
            return;
        }
    }
}

/* --- the next token ------------------------------------------------------------------------- */

static int operator_token(const tl__parser *p, size_t *len)
{
    static const struct {
        char text[4];
        int token;
    } longer[] = {{"...", T_DOTS}, {"..", T_CONCAT}, {"//", T_IDIV}, {"==", T_EQ},
                  {">=", T_GE},    {"<=", T_LE},     {"~=", T_NE},   {"<<", T_SHL},
                  {">>", T_SHR},   {"::", T_LABEL}};
    for (size_t k = 0; k < sizeof longer / sizeof *longer; k++) {
        size_t n = strlen(longer[k].text);
        if (p->at + n <= p->len && memcmp(p->text + p->at, longer[k].text, n) == 0) {
            *len = n;
            return longer[k].token;
        }
    }
    *len = 1;
    return look(p, 0);
}

static int read_token(tl__parser *p, struct tl__lexed *t)
{
    int c = look(p, 0);
    size_t len;
    if (c < 0)
        return T_EOS;
    if (is_letter(c))
        return read_name(p, t);
    if (is_digit(c) || (c == '.' && is_digit(look(p, 1))))
        return read_number(p, t);
    if (c == '"' || c == '\'')
        return read_string(p, t);
    if (c == '[' && long_level(p) >= 0) {
        t->str = read_long(p, long_level(p), t->at, "string");
        return T_STRING;
    }
    int token = operator_token(p, &len);
    if (token < 256 && !strchr("+-*/%^#&~|<>=(){}[];:,.", token))
        tl__syntax(p, t->at, "this character means nothing in Lua");
    p->at += len;
    return token;
}

static void read_into(tl__parser *p, struct tl__lexed *t)
{
    skip_space(p);
    *t = (struct tl__lexed){.at = (int32_t)p->at, .line = p->line};
    t->token = read_token(p, t);
    t->line = p->line;
    t->end = (int32_t)p->at;
}

void tl__lex_next(tl__parser *p)
{
    p->last_end = p->now.end;
    if (p->ahead.token) {
        p->now = p->ahead;
        p->ahead.token = 0;
    } else {
        read_into(p, &p->now);
    }
}

int tl__lex_peek(tl__parser *p)
{
    if (!p->ahead.token)
        read_into(p, &p->ahead);
    return p->ahead.token;
}
