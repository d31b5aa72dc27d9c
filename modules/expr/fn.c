/* Functions as texts: making, finding, addresses of faults. SPDX-License-Identifier: MIT */
#include "modules/expr/fn_ast.h"
#include "runtime/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the arena ------------------------------------------------------------------------------ */

struct tl__arena_block {
    struct tl__arena_block *older;
    size_t size, pad; /* pad: what follows is aligned for anything */
};

#define BLOCK 16384

void *tl__arena_get(tl__arena *a, size_t n)
{
    n = (n + 15) & ~(size_t)15;
    if (n > a->left) {
        size_t size = n > BLOCK / 4 ? n : BLOCK;
        if (size > a->most - a->total)
            return NULL;
        struct tl__arena_block *b = calloc(1, sizeof *b + 16 + size);
        if (!b)
            return NULL;
        a->total += size;
        b->size = size;
        if (a->block && n > BLOCK / 4) { /* the open block stays open */
            b->older = a->block->older;
            a->block->older = b;
            return (char *)b + ((sizeof *b + 15) & ~(size_t)15);
        }
        b->older = a->block;
        a->block = b;
        a->left = size;
    }
    a->left -= n;
    return (char *)a->block + ((sizeof *a->block + 15) & ~(size_t)15) +
           (a->block->size - a->left - n);
}

void tl__arena_free(tl__arena *a)
{
    for (struct tl__arena_block *b = a->block, *older; b; b = older) {
        older = b->older;
        free(b);
    }
    *a = (tl__arena){NULL, 0, 0, a->most};
}

/* --- faults --------------------------------------------------------------------------------- */

void tl__locate(const tl__place *p, int *line, int *column)
{
    int l = p->line, c = p->column;
    for (int32_t k = 0; k < p->at && (size_t)k < p->len; k++, c++)
        if (p->text[k] == '\n') {
            l++;
            c = 0;
        }
    *line = l;
    *column = c;
}

static const char *class_text(tl_fn_class kind)
{
    return kind == TL_FN_SYNTAX   ? "syntax error: "
           : kind == TL_FN_SUBSET ? "does not compile: "
                                  : "";
}

/* The line and under it a caret; of a long line the part around it. */
static void quote_line(const tl__place *p, char *out, size_t size)
{
    size_t at = (size_t)p->at < p->len ? (size_t)p->at : p->len;
    size_t from = at, to = at;
    while (from > 0 && p->text[from - 1] != '\n' && at - from < 60)
        from--;
    while (to < p->len && p->text[to] != '\n' && p->text[to] != '\r' && to - at < 40)
        to++;
    int n = snprintf(out, size, "\n    %.*s\n    ", (int)(to - from), p->text + from);
    for (size_t k = from; k < at && (size_t)n + 2 < size; k++)
        if (!tl_is_within_character(p->text[k])) /* one space per character */
            out[n++] = p->text[k] == '\t' ? '\t' : ' ';
    snprintf(out + n, size - (size_t)n, "^");
}

static void chunk_name(const char *chunk, char *out, size_t size)
{
    chunk += *chunk == '@' || *chunk == '=';
    snprintf(out, size, "%.100s", chunk);
    out[strcspn(out, "\r\n")] = 0;
}

int tl__fault_at(const tl__place *p, tl_fn_class kind, const char *reason, tl_fn_fault *fault,
                 tl_err *e)
{
    int line, column;
    tl__locate(p, &line, &column);
    if (fault) {
        *fault = (tl_fn_fault){kind, line, column, ""};
        snprintf(fault->reason, sizeof fault->reason, "%s", reason);
    }
    char quoted[320], name[128], where[150];
    quote_line(p, quoted, sizeof quoted);
    chunk_name(p->chunk, name, sizeof name);
    snprintf(where, sizeof where, "%s:%d", name, line);
    tl_fail(e, TL_ESCRIPT, "%s%s (column %d)%s", class_text(kind), reason, column, quoted);
    tl_err_where(e, where);
    return TL_ESCRIPT;
}

/* --- making --------------------------------------------------------------------------------- */

#define MOST_ARENA ((size_t)40 << 20)

/* Names live in the parser's arena, which a tl_fn takes over. */
static tl_fn *new_fn(const tl__parser *p, tl__arena *arena, char *text)
{
    tl_fn *fn = tl_xcalloc(1, sizeof *fn);
    fn->refs = 1;
    fn->text = text;
    fn->len = p->len;
    fn->chunk = tl_xstrdup(p->chunk);
    fn->line = p->first_line;
    fn->column = p->first_column;
    fn->arena = *arena;
    fn->proto = p->proto;
    fn->free = p->free;
    fn->n_free = p->n_free;
    fn->konst = tl_xcalloc((size_t)p->n_free + 1, sizeof *fn->konst);
    return fn;
}

static int parse_text(const tl__place *place, enum tl__what what, tl_fn **out, tl_fn_fault *fault,
                      tl_err *e)
{
    char *text = tl_xmalloc(place->len + 1);
    memcpy(text, place->text, place->len);
    text[place->len] = 0;
    tl__arena arena = {.most = MOST_ARENA};
    tl__parser *p = tl_xcalloc(1, sizeof *p);
    p->text = text;
    p->len = place->len;
    p->chunk = place->chunk;
    p->first_line = place->line;
    p->first_column = place->column;
    p->arena = &arena;
    p->fault = fault;
    p->e = e;
    int code = tl__parse(p, what);
    if (code) {
        tl__arena_free(&arena);
        free(text);
    } else {
        *out = new_fn(p, &arena, text);
    }
    free(p);
    return code;
}

int tl_fn_parse(const char *text, size_t len, const char *chunk, int line, int column, tl_fn **out,
                tl_fn_fault *fault, tl_err *e)
{
    tl__place place = {text, chunk, len, line, column, 0};
    return parse_text(&place, TL__FUNCTION, out, fault, e);
}

int tl_expr_parse(const char *text, size_t len, const char *chunk, int line, tl_fn **out,
                  tl_fn_fault *fault, tl_err *e)
{
    tl__place place = {text, chunk, len, line, 1, 0};
    return parse_text(&place, TL__EXPRESSION, out, fault, e);
}

tl_fn *tl_fn_unread(const char *text, size_t len, const char *chunk, int line, int column,
                    int is_expr, int n_params, int n_free)
{
    tl_fn *fn = tl_xcalloc(1, sizeof *fn);
    fn->refs = 1;
    fn->text = tl_xmalloc(len + 1);
    memcpy(fn->text, text, len);
    fn->text[len] = 0;
    fn->len = len;
    fn->chunk = tl_xstrdup(chunk);
    fn->line = line;
    fn->column = column;
    fn->unread_expr = is_expr;
    fn->unread_params = n_params;
    fn->n_free = n_free;
    fn->konst = tl_xcalloc((size_t)n_free + 1, sizeof *fn->konst);
    return fn;
}

/* --- finding -------------------------------------------------------------------------------- */

static int same_params(const tl__proto *f, const tl_fn_where *w)
{
    if (f->n_params != w->n_params)
        return 0;
    for (int k = 0; k < w->n_params; k++)
        if (strcmp(f->local[k]->name->str.s, w->params[k]) != 0)
            return 0;
    return 1;
}

/* Lua's list lacks <const> locals that are constants when it compiles, and has _ENV. */
static int same_upvalues(const tl__proto *f, const tl_fn_where *w)
{
    int k = 0;
    for (int j = 0; j < w->n_upvalues; j++) {
        const char *name = w->upvalues[j];
        if (!name || !*name || *name == '(' || *name == '?')
            return 1; /* stripped: nothing to compare */
        if (strcmp(name, "_ENV") == 0)
            continue;
        while (k < f->n_upvals && strcmp(f->upval[k].var->name->str.s, name) != 0)
            if (!f->upval[k++].var->init)
                return 0;
        if (k++ == f->n_upvals)
            return 0;
    }
    while (k < f->n_upvals)
        if (!f->upval[k++].var->init)
            return 0;
    return 1;
}

static int is_upvalue(const tl_fn_where *w, const char *name)
{
    for (int k = 0; k < w->n_upvalues; k++)
        if (w->upvalues[k] && strcmp(w->upvalues[k], name) == 0)
            return 1;
    return 0;
}

/* What Lua's compiler put into the code instead of an upvalue. */
static void take_constants(tl_fn *fn, const tl__proto *f, const tl_fn_where *w)
{
    for (int k = 0; k < f->n_upvals; k++) {
        const tl__var *v = f->upval[k].var;
        if (!v->init || is_upvalue(w, v->name->str.s))
            continue;
        for (int j = 0; j < fn->n_free; j++)
            if (strcmp(fn->free[j]->str.s, v->name->str.s) == 0) {
                tl_frozen_unref(fn->konst[j]);
                fn->konst[j] = tl__fold_constant(v->init);
                if (!fn->konst[j])
                    fn->konst[j] =
                        tl_frozen_refused("the value of this <const> local is not known here");
            }
    }
}

typedef struct found {
    const tl__proto *f;
    int n, differ;
} found;

static found look_for(const tl__parser *p, const tl_fn_where *w)
{
    found r = {NULL, 0, 0};
    for (const tl__proto *f = p->protos; f; f = f->next) {
        if (!f->parent || f->line + p->first_line != w->line_defined ||
            f->last_line + p->first_line != w->last_line_defined || !same_params(f, w) ||
            !same_upvalues(f, w))
            continue;
        if (r.f && (f->end - f->at != r.f->end - r.f->at ||
                    memcmp(p->text + f->at, p->text + r.f->at, (size_t)(f->end - f->at)) != 0))
            r.differ = 1;
        r.f = r.f ? r.f : f;
        r.n++;
    }
    return r;
}

static int32_t offset_of_line(const char *text, size_t len, int line)
{
    size_t k = 0;
    for (int n = 1; n < line && k < len; k++)
        n += text[k] == '\n';
    while (k < len && (text[k] == ' ' || text[k] == '\t'))
        k++;
    return (int32_t)k;
}

static int not_found(tl__place *place, const tl_fn_where *w, const found *r, tl_fn_fault *fault,
                     tl_err *e)
{
    char reason[240];
    if (r->n)
        snprintf(reason, sizeof reason,
                 "%d different functions begin on line %d with the same parameters and upvalues: "
                 "write them on lines of their own",
                 r->n, w->line_defined);
    else
        snprintf(reason, sizeof reason,
                 "the text of the function that begins on line %d is not there", w->line_defined);
    place->at = offset_of_line(place->text, place->len, w->line_defined);
    return tl__fault_at(place, TL_FN_USER, reason, fault, e);
}

int tl_fn_find(const char *text, size_t len, const tl_fn_where *w, tl_fn **out, tl_fn_fault *fault,
               tl_err *e)
{
    tl__arena arena = {.most = 4 * MOST_ARENA};
    tl__parser *p = tl_xcalloc(1, sizeof *p);
    tl__place place = {text, w->chunk, len, 1, 1, 0};
    p->text = text;
    p->len = len;
    p->chunk = w->chunk;
    p->first_line = p->first_column = 1;
    p->arena = &arena;
    p->fault = fault;
    p->e = e;
    int code = tl__parse(p, TL__CHUNK);
    if (!code) {
        found r = look_for(p, w);
        if (!r.f || r.differ) {
            code = not_found(&place, w, &r, fault, e);
        } else {
            place.at = r.f->at;
            int line, column;
            tl__locate(&place, &line, &column);
            code = tl_fn_parse(text + r.f->at, (size_t)(r.f->end - r.f->at), w->chunk, line, column,
                               out, fault, e);
            if (!code)
                take_constants(*out, r.f, w);
        }
    }
    tl__arena_free(&arena);
    free(p);
    return code;
}

/* --- what a function is --------------------------------------------------------------------- */

tl_fn *tl_fn_ref(tl_fn *fn)
{
    atomic_fetch_add(&fn->refs, 1);
    return fn;
}

void tl_fn_unref(tl_fn *fn)
{
    if (!fn || atomic_fetch_sub(&fn->refs, 1) != 1)
        return;
    for (int k = 0; k < fn->n_free; k++)
        tl_frozen_unref(fn->konst[k]);
    free(fn->konst);
    tl__arena_free(&fn->arena);
    free(fn->text);
    free(fn->chunk);
    free(fn);
}

const char *tl_fn_text(const tl_fn *fn, size_t *len)
{
    *len = fn->len;
    return fn->text;
}

const char *tl_fn_chunk(const tl_fn *fn)
{
    return fn->chunk;
}
int tl_fn_line(const tl_fn *fn)
{
    return fn->line;
}
int tl_fn_column(const tl_fn *fn)
{
    return fn->column;
}
int tl_fn_is_expr(const tl_fn *fn)
{
    return fn->proto ? fn->proto->is_expr : fn->unread_expr;
}
int tl_fn_n_params(const tl_fn *fn)
{
    return fn->proto ? fn->proto->n_params : fn->unread_params;
}
const char *tl_fn_param(const tl_fn *fn, int k)
{
    return fn->proto ? fn->proto->local[k]->name->str.s : "";
}
int tl_fn_n_free(const tl_fn *fn)
{
    return fn->n_free;
}
const char *tl_fn_free(const tl_fn *fn, int k)
{
    return fn->proto ? fn->free[k]->str.s : "";
}
tl_frozen *tl_fn_free_const(const tl_fn *fn, int k)
{
    return fn->konst[k];
}
