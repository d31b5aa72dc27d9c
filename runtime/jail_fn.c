/* Functions on pixels in the jail. See jail.h. SPDX-License-Identifier: MIT */
#include "runtime/jail_int.h"
#include "runtime/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct tl_jail_fn {
    tl_jail *jail;
    char *tenant, *text;
    size_t len;
    tl_limits limits;
    uint64_t id, key;
};

tl_jail_fn *tl_jail_fn_new(tl_jail *j, const char *tenant, const tl_limits *limits,
                           const char *text, size_t len)
{
    static _Atomic uint64_t serial;
    tl_jail_fn *f = tl_xcalloc(1, sizeof *f);
    *f = (tl_jail_fn){j, tl_xstrdup(tenant), tl_xmalloc(len + 1), len, *limits, 0, 0};
    memcpy(f->text, text, len);
    f->id = atomic_fetch_add(&serial, 1) + 1;
    f->key = tl__breaker_key(tenant, text, len);
    return f;
}

void tl_jail_fn_free(tl_jail_fn *f)
{
    if (!f)
        return;
    free(f->tenant);
    free(f->text);
    free(f);
}

/* --- preparing ----------------------------------------------------------------------------------
 */

static void fill_text(void *ctx, char *data)
{
    const tl_jail_fn *f = ctx;
    memcpy(data, f->text, f->len);
}

static tl__exchange preparation(tl_jail_fn *f)
{
    return (tl__exchange){TL_JAIL_PREPARE, f->id, 0, f->len, fill_text, NULL, f};
}

typedef struct said {
    tl_jail_fn *fn;
    void *data;
    size_t len;
} said;

static void fill_said(void *ctx, char *data)
{
    const said *s = ctx;
    fill_text(s->fn, data);
}

static int take_said(void *ctx, const char *data, size_t len, tl_err *e)
{
    said *s = ctx;
    int rc = tl_try_alloc(&s->data, len + 1, 1, "a compiled function", e);
    if (!rc) {
        memcpy(s->data, data, len);
        s->len = len;
    }
    return rc;
}

int tl_jail_fn_prepare(tl_jail_fn *f, void **out, size_t *len, tl_err *e)
{
    said s = {f, NULL, 0};
    tl__exchange x = preparation(f);
    x.fill = fill_said;
    x.take = take_said;
    x.ctx = &s;
    int rc = tl__jail_request(f->jail, f->tenant, &f->limits, f->key, NULL, &x, NULL, e);
    if (rc) {
        free(s.data);
        return rc;
    }
    *out = s.data;
    *len = s.len;
    return 0;
}

/* --- running ------------------------------------------------------------------------------------
 */

/* Pixels from..from+n of the block. */
typedef struct part {
    const tl_jail_block *b;
    size_t from, n;
} part;

static size_t in_bytes(const tl_jail_block *b, size_t n)
{
    return (size_t)b->nargs * (tl_jail_round(8 * n) + tl_jail_round(n));
}

static size_t out_bytes(const tl_jail_block *b, size_t n)
{
    size_t bytes = tl_jail_round(n);
    for (int k = 0; k < b->nresults; k++)
        bytes += tl_jail_round(b->result_size[k] * n) + tl_jail_round(n);
    return bytes;
}

static void fill_part(void *ctx, char *data)
{
    const part *p = ctx;
    for (int i = 0; i < p->b->nargs; i++) {
        memcpy(data, (const char *)p->b->args[i] + 8 * p->from, 8 * p->n);
        data += tl_jail_round(8 * p->n);
        memcpy(data, p->b->valid[i] + p->from, p->n);
        data += tl_jail_round(p->n);
    }
}

static void copy_flags(uint8_t *to, const char *from, size_t n)
{
    memcpy(to, from, n);
    for (size_t i = 0; i < n; i++)
        to[i] = to[i] != 0;
}

static int take_part(void *ctx, const char *data, size_t len, tl_err *e)
{
    const part *p = ctx;
    if (len != out_bytes(p->b, p->n))
        return tl_fail(e, TL_EDATA, "the worker answered with %zu bytes, not %zu", len,
                       out_bytes(p->b, p->n));
    for (int k = 0; k < p->b->nresults; k++) {
        size_t size = p->b->result_size[k];
        if (size == 1)
            copy_flags((uint8_t *)p->b->results[k] + p->from, data, p->n);
        else
            memcpy((char *)p->b->results[k] + size * p->from, data, size * p->n);
        data += tl_jail_round(size * p->n);
        copy_flags(p->b->results_valid[k] + p->from, data, p->n);
        data += tl_jail_round(p->n);
    }
    copy_flags(p->b->raised + p->from, data, p->n);
    return 0;
}

int tl_jail_fn_run(tl_jail_fn *f, const tl_jail_block *b, tl_err *e)
{
    size_t most = 65536;
    while (most > 64 && (in_bytes(b, most) > TL_JAIL_IN - TL_JAIL_HEAD ||
                         out_bytes(b, most) > TL_JAIL_OUT - TL_JAIL_HEAD))
        most /= 2;
    part p = {b, 0, 0};
    tl__exchange before = preparation(f);
    int rc = 0;
    for (; p.from < b->n && !rc; p.from += p.n) {
        p.n = b->n - p.from < most ? b->n - p.from : most;
        tl__exchange x = {TL_JAIL_RUN, f->id, p.n, in_bytes(b, p.n), fill_part, take_part, &p};
        rc = tl__jail_request(f->jail, f->tenant, &f->limits, f->key, &before, &x, NULL, e);
    }
    return rc;
}
