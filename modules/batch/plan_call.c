/* Calls of users' functions in plans: see plan_call.h. SPDX-License-Identifier: MIT */
#include "modules/batch/plan_call.h"
#include "modules/batch/plan_int.h"
#include "modules/image/foreign.h"
#include "runtime/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const compile_names[] = {"auto", "require", "never"}; /* ORDER tl_compile */

/* --- writing
 * ------------------------------------------------------------------------------------------ */

static json_t *bound_json(const tl_bound *bound, int n, tl_frozen_budget *b)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++) {
        json_t *v = bound[i].value ? tl_frozen_to_json(bound[i].value, b) : NULL;
        if (bound[i].value && !v) {
            json_decref(list);
            return NULL;
        }
        json_array_append_new(list, v ? json_pack("{s:o}", "value", v)
                                      : json_pack("{s:i}", "band", bound[i].arg));
    }
    return list;
}

json_t *tl__plan_function_json(const tl_call *c, tl_frozen_budget *b)
{
    json_t *names = json_array(), *j = tl_fn_to_json(c->fn, b);
    json_t *params = bound_json(c->param, tl_fn_n_params(c->fn), b);
    json_t *frees = bound_json(c->free, tl_fn_n_free(c->fn), b);
    for (int k = 0; k < c->nresults; k++)
        json_array_append_new(names, tl_json_text(c->result[k].name));
    if (j && params && frees) {
        json_object_set(j, "params", params);
        json_object_set(j, "free", frees);
        json_object_set(j, "bands", names);
        json_object_set_new(j, "valid", json_string(c->any ? "any" : "strict"));
        json_object_set_new(j, "on_error", json_string(c->fail ? "fail" : "count"));
        json_object_set_new(j, "compile", json_string(compile_names[c->compile]));
    } else {
        json_decref(j);
        j = NULL;
    }
    json_decref(names);
    json_decref(params);
    json_decref(frees);
    return j;
}

/* --- reading
 * ------------------------------------------------------------------------------------------ */

static int broken(tl_err *e, const char *what)
{
    return tl_fail(e, TL_EDATA, "the plan is damaged: %s of a function", what);
}

static int read_bound(const json_t *list, int n, tl_frozen_budget *b, tl__plan_function *f,
                      tl_bound **out, tl_err *e)
{
    tl_bound *bound = *out = tl_xcalloc((size_t)n + 1, sizeof *bound);
    if (!json_is_array(list) || json_array_size(list) != (size_t)n)
        return broken(e, "the parameters or free names");
    for (int i = 0; i < n; i++) {
        const json_t *item = json_array_get(list, (size_t)i);
        const json_t *v = json_object_get(item, "value"), *band = json_object_get(item, "band");
        json_int_t at = json_integer_value(band);
        if (v) {
            int rc = tl_frozen_from_json(v, b, &bound[i].value, e);
            if (rc)
                return rc;
        } else if (json_is_integer(band) && at >= 0 && at < TL_MOST_BANDS) {
            bound[i].arg = (int)at;
            f->nbound = at >= f->nbound ? (int)at + 1 : f->nbound;
        } else {
            return broken(e, "a band");
        }
    }
    return 0;
}

/* The place of the text in names; -1 when it is none of them. */
static int choice(const json_t *j, const char *const *names, int n)
{
    const char *s = json_string_value(j);
    while (--n >= 0 && !(s && strcmp(s, names[n]) == 0))
        continue;
    return n;
}

static int read_options(const json_t *j, tl__plan_function *f)
{
    static const char *const valid[] = {"strict", "any"}, *const on_error[] = {"count", "fail"};
    int compile = choice(json_object_get(j, "compile"), compile_names, 3);
    f->any = choice(json_object_get(j, "valid"), valid, 2);
    f->fail = choice(json_object_get(j, "on_error"), on_error, 2);
    f->compile = (tl_compile)(compile < 0 ? 0 : compile);
    return f->any < 0 || f->fail < 0 || compile < 0 ? -1 : 0;
}

static int read_names(const json_t *list, tl__plan_function *f)
{
    size_t n = json_array_size(list);
    if (n < 1 || n > TL_FN_MOST_BANDS)
        return -1;
    f->band = tl_xcalloc(n, sizeof *f->band);
    for (size_t k = 0; k < n; k++) {
        const char *s = json_string_value(json_array_get(list, k));
        if (!s)
            return -1;
        f->band[f->nbands++] = tl_intern(s);
    }
    return 0;
}

int tl__plan_function_read(const json_t *j, tl_frozen_budget *b, tl__plan_function *f, tl_err *e)
{
    int rc = tl_fn_from_json(j, b, &f->fn, e);
    if (!rc)
        rc = read_bound(json_object_get(j, "params"), tl_fn_n_params(f->fn), b, f, &f->param, e);
    if (!rc)
        rc = read_bound(json_object_get(j, "free"), tl_fn_n_free(f->fn), b, f, &f->free, e);
    if (!rc && read_options(j, f))
        rc = broken(e, "valid, on_error or compile");
    if (!rc && read_names(json_object_get(j, "bands"), f))
        rc = broken(e, "the bands");
    return rc;
}

static void free_bound(tl_bound *b, int n)
{
    for (int i = 0; b && i < n; i++)
        tl_frozen_unref(b[i].value);
    free(b);
}

void tl__plan_function_by(tl__plan_function *f, json_t *j, tl__foreign_maker *maker,
                          const void *ctx)
{
    f->json = json_incref(j);
    f->maker = maker;
    f->maker_ctx = ctx;
}

void tl__plan_function_free(tl__plan_function *f)
{
    json_decref(f->json);
    tl_foreign_unref(f->foreign);
    for (int i = 0; i < f->nmade; i++) {
        tl_call_unref(f->made[i].call);
        free(f->made[i].arg);
    }
    free(f->made);
    free(f->band);
    free_bound(f->param, f->fn ? tl_fn_n_params(f->fn) : 0);
    free_bound(f->free, f->fn ? tl_fn_n_free(f->fn) : 0);
    tl_fn_unref(f->fn);
}

static tl_call *find_made(const tl__plan_function *f, tl_node *const *args, int nargs)
{
    for (int i = 0; i < f->nmade; i++)
        if (f->made[i].nargs == nargs &&
            memcmp(f->made[i].arg, args, (size_t)nargs * sizeof *args) == 0)
            return f->made[i].call;
    return NULL;
}

static int make_foreign(tl__plan_function *f, tl_node *const *args, int nargs, tl_err *e)
{
    tl_type *types = tl_xcalloc((size_t)nargs + 1, sizeof *types);
    for (int i = 0; i < nargs; i++)
        types[i] = args[i]->type;
    int rc = f->maker(f->maker_ctx, f->json, types, nargs, &f->foreign, e);
    free(types);
    return rc;
}

static int make(tl__plan_function *f, tl_node *const *args, int nargs, const char *where,
                tl_call **out, tl_err *e)
{
    tl_call_spec s = {.fn = f->fn,
                      .param = f->param,
                      .free = f->free,
                      .arg = args,
                      .nargs = nargs,
                      .any = f->any,
                      .fail = f->fail,
                      .compile = f->compile,
                      .bands = f->band,
                      .nbands = f->nbands,
                      .where = where};
    int rc = nargs < f->nbound ? broken(e, "the bands") : 0;
    if (!rc && f->maker && !f->foreign)
        rc = make_foreign(f, args, nargs, e);
    s.foreign = f->foreign;
    if (!rc)
        rc = tl_call_new(&s, out, e);
    if (rc)
        return rc;
    f->made = tl_xrealloc(f->made, (size_t)(f->nmade + 1) * sizeof *f->made);
    struct tl__plan_made *m = &f->made[f->nmade++];
    m->arg = tl_xcalloc((size_t)nargs + 1, sizeof *m->arg);
    memcpy(m->arg, args, (size_t)nargs * sizeof *args);
    m->nargs = nargs;
    m->call = *out;
    return 0;
}

int tl__plan_function_result(tl__plan_function *f, tl_node *const *args, int nargs, json_int_t k,
                             const char *where, tl_node **out, tl_err *e)
{
    tl_call *c = find_made(f, args, nargs);
    int rc = c ? 0 : make(f, args, nargs, where, &c, e);
    if (rc)
        return rc;
    if (k < 0 || k >= c->nresults)
        return broken(e, "a result");
    *out = tl_call_node(c, (int)k);
    (*out)->where = where; /* each node keeps its own line, or the plan's text would change */
    return 0;
}

/* --- for people
 * --------------------------------------------------------------------------------------- */

const char *tl__function_name(const tl_fn *fn, char *buf, size_t size)
{
    size_t n, i = 0, k = 0;
    const char *s = tl_fn_text(fn, &n);
    while (i < n && isspace((unsigned char)s[i]))
        i++;
    if (n - i > 6 && strncmp(s + i, "local", 5) == 0)
        for (i += 5; i < n && isspace((unsigned char)s[i]); i++)
            continue;
    if (n - i > 8 && strncmp(s + i, "function", 8) == 0)
        for (i += 8; i < n && isspace((unsigned char)s[i]); i++)
            continue;
    else
        i = n;
    while (i < n && k + 1 < size && (isalnum((unsigned char)s[i]) || (s[i] && strchr("_.:", s[i]))))
        buf[k++] = s[i++];
    buf[k] = 0;
    return buf;
}

const char *tl__function_file(const tl_fn *fn)
{
    const char *s = tl_fn_chunk(fn), *slash = s[0] == '@' ? strrchr(s, '/') : NULL;
    return slash ? slash + 1 : s + (s[0] == '@' || s[0] == '=');
}
