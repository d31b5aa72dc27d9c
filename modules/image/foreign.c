/* Strangers' functions, read and lowered: see foreign.h. SPDX-License-Identifier: MIT */
#include "modules/image/foreign.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

/* --- reading
 * -------------------------------------------------------------------------------------- */

/* What is left of the data; bad = something did not fit, from then on all is 0. */
typedef struct source {
    const char *at;
    size_t left;
    int bad;
} source;

static int32_t get_int(source *s)
{
    int32_t x = 0;
    if (s->left < sizeof x)
        s->bad = 1;
    if (s->bad)
        return 0;
    memcpy(&x, s->at, sizeof x);
    s->at += sizeof x;
    s->left -= sizeof x;
    return x;
}

static int32_t get_within(source *s, int32_t least, int32_t most)
{
    int32_t x = get_int(s);
    if (x < least || x > most) {
        s->bad = 1;
        x = least;
    }
    return s->bad ? least : x;
}

/* Into text, with nothing in it that a terminal would obey; "" for none. */
static const char *get_text(source *s, char text[TL_FOREIGN_MOST_TEXT + 1])
{
    text[0] = 0;
    int32_t n = get_within(s, 0, TL_FOREIGN_MOST_TEXT);
    if (s->bad || (size_t)n > s->left) {
        s->bad = 1;
        return text;
    }
    memcpy(text, s->at, (size_t)n);
    text[n] = 0;
    s->at += n;
    s->left -= (size_t)n;
    for (char *p = text; *p; p++)
        if (((unsigned char)*p < 32 && *p != '\n' && *p != '\t') || *p == 127)
            *p = '?';
    return text;
}

static void read_results(source *s, tl_foreign *f)
{
    char text[TL_FOREIGN_MOST_TEXT + 1];
    f->result = tl_xcalloc((size_t)f->nresults + 1, sizeof *f->result);
    for (int k = 0; k < f->nresults; k++) {
        tl_call_result *r = &f->result[k];
        r->type = (tl_type)get_within(s, TL_B, TL_F);
        r->name = tl_intern(get_text(s, text));
        r->key = *get_text(s, text) ? tl_intern(text) : NULL;
        r->lo = INT64_MIN; /* what a stranger says of a range is not relied on */
        r->hi = INT64_MAX;
    }
}

static void read_slots(source *s, tl_foreign *f)
{
    char text[TL_FOREIGN_MOST_TEXT + 1];
    f->slot = tl_xcalloc((size_t)f->nslots + 1, sizeof *f->slot);
    for (int k = 0; k < f->nslots; k++) {
        f->slot[k].band = get_within(s, 0, f->nargs - 1);
        f->slot[k].dx = get_within(s, -TL_FN_MOST_OFFSET, TL_FN_MOST_OFFSET);
        f->slot[k].dy = get_within(s, -TL_FN_MOST_OFFSET, TL_FN_MOST_OFFSET);
    }
    f->site = tl_xcalloc((size_t)f->nsites + 1, sizeof *f->site);
    for (int k = 0; k < f->nsites; k++) {
        f->site[k].line = get_within(s, 0, INT32_MAX);
        f->site[k].column = get_within(s, 0, INT32_MAX);
        f->site[k].chunk = tl_xstrdup(get_text(s, text));
        f->site[k].reason = tl_xstrdup(get_text(s, text));
    }
}

/* The program writes each value and its validity, and a byte per site; all of it is there. */
static int fits(const tl_foreign *f)
{
    int n = 2 * f->nresults + f->nsites;
    return tl_prog_outputs(f->prog) == n && tl_prog_inputs(f->prog) <= 2 * f->nslots;
}

static int read_all(source *s, tl_foreign *f, tl_err *e)
{
    char text[TL_FOREIGN_MOST_TEXT + 1];
    f->compiled = get_within(s, 0, 1);
    f->counted = get_within(s, 0, 1);
    f->nresults = get_within(s, 1, TL_FN_MOST_BANDS);
    f->nslots = get_within(s, 0, TL_MOST_SLOTS / 2);
    f->nsites = get_within(s, 0, TL_FOREIGN_MOST_SITES);
    f->reason = tl_xstrdup(get_text(s, text));
    f->reason_where = tl_intern(get_text(s, text));
    if (f->nargs < 1 && f->nslots)
        s->bad = 1;
    if (!s->bad)
        read_results(s, f);
    if (!s->bad)
        read_slots(s, f);
    if (s->bad || (!f->compiled && s->left))
        return tl_fail(e, TL_EDATA, "damaged description of a function");
    if (!f->compiled)
        return 0;
    int rc = tl_prog_read(s->at, s->left, &f->prog, e);
    return rc || fits(f) ? rc : tl_fail(e, TL_EDATA, "damaged description of a function: slots");
}

/* --- lowering
 * --------------------------------------------------------------------------------------- */

static int bind(const tl_foreign *f, tl_ir *ir, tl_foreign_band *band, void *ctx, tl_val *in,
                tl_err *e)
{
    int rc = 0;
    for (int k = 0; k < f->nslots && !rc; k++) {
        tl_val valid = TL_NONE;
        const tl_foreign_slot *s = &f->slot[k];
        if (!tl_prog_uses_input(f->prog, 2 * k) && !tl_prog_uses_input(f->prog, 2 * k + 1))
            continue;
        rc = band(ctx, ir, s->band, s->dx, s->dy, &in[2 * k], &valid, e);
        in[2 * k + 1] = valid == TL_NONE ? tl_ir_const(ir, TL_B, (tl_num){.i = 1}) : valid;
    }
    return rc;
}

/* Validity and sites are booleans; values are of their results' types, but that a compiler writes
 * booleans as the integers that they become. */
static int take(const tl_foreign *f, tl_ir *ir, tl_val *out, tl_fn_result *r, tl_err *e)
{
    int bad = 0;
    for (int k = 0; k < f->nresults; k++) {
        if (f->result[k].type == TL_I && out[2 * k] >= 0 && tl_ir_type(ir, out[2 * k]) == TL_B)
            out[2 * k] = tl_ir_op(ir, TL_OP_b_to_i, out[2 * k], TL_NONE, TL_NONE);
        r->band[k] = (tl_fn_band){f->result[k].key, out[2 * k], out[2 * k + 1]};
        bad |= out[2 * k] < 0 || out[2 * k + 1] < 0 ||
               tl_ir_type(ir, out[2 * k]) != f->result[k].type ||
               tl_ir_type(ir, out[2 * k + 1]) != TL_B;
    }
    r->trap = tl_ir_const(ir, TL_B, (tl_num){.i = 0});
    for (int k = 0; k < f->nsites && !bad; k++) {
        tl_val mask = out[2 * f->nresults + k];
        bad |= mask < 0 || tl_ir_type(ir, mask) != TL_B;
        r->site[k] = (tl_fn_site){f->site[k].line, f->site[k].column, f->site[k].chunk,
                                  f->site[k].reason, mask};
        if (!bad)
            r->trap = tl_ir_op(ir, TL_OP_b_or, r->trap, mask, TL_NONE);
    }
    return bad ? tl_fail(e, TL_EDATA, "damaged description of a function: types") : 0;
}

int tl_foreign_lower(const tl_foreign *f, tl_ir *ir, tl_foreign_band *band, void *ctx,
                     tl_fn_result **out, tl_err *e)
{
    size_t nin = 2 * (size_t)f->nslots, nout = (size_t)tl_prog_outputs(f->prog);
    tl_val *in = tl_xcalloc(nin + 1, sizeof *in), *to = tl_xcalloc(nout + 1, sizeof *to);
    for (size_t k = 0; k < nin; k++)
        in[k] = TL_NONE;
    tl_fn_result *r = tl_fn_result_new(f->nresults, f->nsites);
    int rc = bind(f, ir, band, ctx, in, e);
    if (!rc)
        rc = tl_prog_replay(f->prog, ir, in, to, e);
    if (!rc)
        rc = take(f, ir, to, r, e);
    free(in);
    free(to);
    if (rc)
        tl_fn_result_free(r);
    else
        *out = r;
    return rc;
}

/* Over plain inputs: so that a program of wrong types is refused when it arrives. */
static int plain_band(void *ctx, tl_ir *ir, int band, int dx, int dy, tl_val *value, tl_val *valid,
                      tl_err *e)
{
    const tl_foreign *f = ctx;
    tl_type t = f->type[band];
    (void)dx, (void)dy, (void)e;
    *value = t == TL_B ? tl_ir_load_mask(ir, 0)
                       : tl_ir_load(ir, t == TL_I ? 1 : 2, t == TL_I ? TL_I64 : TL_F64);
    *valid = tl_ir_load_mask(ir, 3);
    return 0;
}

static int try_out(tl_foreign *f, tl_err *e)
{
    tl_fn_result *r = NULL;
    tl_ir *ir = tl_ir_new();
    int rc = tl_foreign_lower(f, ir, plain_band, f, &r, e);
    for (int k = 0; k < f->nresults && !rc; k++)
        tl_call_note_range(ir, r->band[k].value, &f->result[k]);
    tl_fn_result_free(r);
    tl_ir_free(ir);
    return rc;
}

/* --- life
 * ------------------------------------------------------------------------------------------- */

int tl_foreign_read(const void *data, size_t len, const tl_type *types, int nargs,
                    const tl_foreign_owner *owner, void *ctx, tl_foreign **out, tl_err *e)
{
    source s = {data, len, 0};
    tl_foreign *f = tl_xcalloc(1, sizeof *f);
    atomic_init(&f->refs, 1);
    f->nargs = nargs;
    f->type = tl_xcalloc((size_t)nargs + 1, sizeof *f->type);
    memcpy(f->type, types, (size_t)nargs * sizeof *types);
    int rc = read_all(&s, f, e);
    if (!rc && f->compiled)
        rc = try_out(f, e);
    if (rc) {
        tl_foreign_unref(f);
        return rc;
    }
    f->owner = owner;
    f->ctx = ctx;
    *out = f;
    return 0;
}

tl_foreign *tl_foreign_ref(tl_foreign *f)
{
    atomic_fetch_add(&f->refs, 1);
    return f;
}

void tl_foreign_unref(tl_foreign *f)
{
    if (!f || atomic_fetch_sub(&f->refs, 1) != 1)
        return;
    if (f->owner)
        f->owner->free(f->ctx);
    tl_prog_free(f->prog);
    for (int k = 0; f->site && k < f->nsites; k++) {
        free(f->site[k].chunk);
        free(f->site[k].reason);
    }
    free(f->reason);
    free(f->result);
    free(f->slot);
    free(f->site);
    free(f->type);
    free(f);
}
