/* Steps of a graph: see chain.h. SPDX-License-Identifier: MIT */
#include "modules/map/chain.h"
#include "modules/image/call.h"
#include "runtime/buf.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

void tl_chain_make(tl_chain *c, tl_node *const *roots, int n)
{
    tl_order o;
    tl_order_make(&o, roots, n);
    c->node = tl_xcalloc((size_t)(TL_CHAIN_MOST + n), sizeof *c->node);
    c->n = 0;
    int steps = 0;
    for (int i = 0; i < o.n; i++)
        steps += o.node[i]->kind != TL_NODE_CONST;
    for (int i = 0; i < o.n; i++)
        if (o.node[i]->kind != TL_NODE_CONST && steps-- <= TL_CHAIN_MOST)
            c->node[c->n++] = o.node[i];
    tl_order_free(&o);
    for (int i = 0; i < n; i++) /* constants, and roots of a graph that was cut */
        if (tl_chain_place(c, roots[i]) < 0)
            c->node[c->n++] = roots[i];
}

void tl_chain_free(tl_chain *c)
{
    free(c->node);
}

int tl_chain_place(const tl_chain *c, const tl_node *n)
{
    for (int i = 0; i < c->n; i++)
        if (c->node[i] == n)
            return i;
    return -1;
}

/* --- labels
 * --------------------------------------------------------------------------------------- */

static const char *sign_of(tl_gop op)
{
    static const struct {
        tl_gop op;
        const char *sign;
    } signs[] = {{TL_G_add, "+"},   {TL_G_sub, "-"}, {TL_G_mul, "*"}, {TL_G_div, "/"},
                 {TL_G_idiv, "//"}, {TL_G_mod, "%"}, {TL_G_pow, "^"}, {TL_G_and, "&"},
                 {TL_G_or, "|"},    {TL_G_xor, "~"}, {TL_G_lt, "<"},  {TL_G_le, "<="},
                 {TL_G_gt, ">"},    {TL_G_ge, ">="}, {TL_G_eq, "=="}};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (signs[i].op == op)
            return signs[i].sign;
    return NULL;
}

static void put(const tl_node *n, int inside, tl_buf *b);

static void put_args(tl_node *const *args, int n, tl_buf *b)
{
    tl_buf_puts(b, "(");
    for (int i = 0; i < n; i++) {
        tl_buf_puts(b, i ? ", " : "");
        put(args[i], 0, b);
    }
    tl_buf_puts(b, ")");
}

static void put_call(const tl_node *n, tl_buf *b)
{
    size_t len;
    const char *text = tl_fn_text(n->call->fn, &len), *p = strstr(text, "function");
    p = p ? p + strlen("function") : "";
    p += strspn(p, " ");
    size_t name = strcspn(p, "( \n");
    if (tl_fn_is_expr(n->call->fn))
        tl_buf_printf(b, "expr \"%.60s\"", text);
    else
        tl_buf_printf(b, "%.*s", name ? (int)name : 8, name ? p : "function");
    if (!tl_fn_is_expr(n->call->fn))
        put_args(n->call->arg, n->call->nargs, b);
    if (n->call->nresults > 1)
        tl_buf_printf(b, ".%s", n->call->result[n->result].name);
}

static void put_const(const tl_node *n, tl_buf *b)
{
    if (n->type == TL_B)
        tl_buf_puts(b, n->value.i ? "true" : "false");
    else if (n->type == TL_I)
        tl_buf_printf(b, "%lld", (long long)n->value.i);
    else
        tl_buf_printf(b, "%.6g", n->value.f);
}

static void put_op(const tl_node *n, int inside, tl_buf *b)
{
    const char *sign = sign_of(n->op);
    if (!sign) {
        tl_buf_puts(b, tl_gop_name(n->op));
        put_args(n->arg, tl_gop_arity(n->op), b);
        return;
    }
    tl_buf_puts(b, inside ? "(" : "");
    put(n->arg[0], 1, b);
    tl_buf_printf(b, " %s ", sign);
    put(n->arg[1], 1, b);
    tl_buf_puts(b, inside ? ")" : "");
}

static void put(const tl_node *n, int inside, tl_buf *b)
{
    if (b->len > TL_CHAIN_LABEL)
        return;
    if (n->kind == TL_NODE_BAND)
        tl_buf_puts(b, n->source->bands[n->band].name);
    else if (n->kind == TL_NODE_CONST)
        put_const(n, b);
    else if (n->kind == TL_NODE_RESULT)
        put_call(n, b);
    else
        put_op(n, inside, b);
}

void tl_chain_label(const tl_node *n, char out[TL_CHAIN_LABEL])
{
    tl_buf b = TL_BUF_INIT;
    put(n, 0, &b);
    if (n->kind == TL_NODE_BAND) {
        const char *slash = strrchr(n->source->uri, '/');
        tl_buf_printf(&b, " of %s", slash && slash[1] ? slash + 1 : n->source->uri);
    }
    const char *text = tl_buf_text(&b);
    size_t len = b.len, most = TL_CHAIN_LABEL - 4;
    if (len <= most) {
        strcpy(out, text);
    } else {
        while (most > 0 && tl_is_within_character(text[most]))
            most--; /* not within a character */
        memcpy(out, text, most);
        strcpy(out + most, "...");
    }
    tl_buf_free(&b);
}
