/* Functions and frozen values as JSON: see frozen_json.h. SPDX-License-Identifier: MIT */
#include "modules/batch/frozen_json.h"
#include "runtime/mem.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Values in values: what tl_frozen_set and tl_frozen_fn allow, and one more. */
#define MOST_LEVELS (5 * TL_FROZEN_MOST_DEPTH + 8)

/* --- writing
 * ------------------------------------------------------------------------------------------ */

static json_t *bytes_json(const char *s, size_t n)
{
    json_t *j = memchr(s, 0, n) ? NULL : json_stringn(s, n);
    if (j)
        return j;
    char *hex = tl_xmalloc(2 * n + 1);
    for (size_t i = 0; i < n; i++) {
        hex[2 * i] = "0123456789abcdef"[(unsigned char)s[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[(unsigned char)s[i] & 15];
    }
    j = json_pack("{s:s%}", "bytes", hex, 2 * n);
    free(hex);
    return j;
}

static json_t *float_json(double x)
{
    if (isfinite(x))
        return json_real(x);
    const char *text = isnan(x) ? (signbit(x) ? "-nan" : "nan") : x > 0 ? "inf" : "-inf";
    return json_pack("{s:s}", "float", text);
}

json_t *tl_fn_to_json(const tl_fn *fn, tl_frozen_budget *b)
{
    size_t n;
    const char *text = tl_fn_text(fn, &n), *chunk = tl_fn_chunk(fn);
    const char *slash = chunk[0] == '@' ? strrchr(chunk, '/') : NULL;
    if (--b->functions < 0)
        return NULL;
    char *name = slash ? tl_xasprintf("@%s", slash + 1) : tl_xstrdup(chunk);
    json_t *j = json_pack("{s:o, s:o, s:i, s:i, s:b}", "text", bytes_json(text, n), "chunk",
                          bytes_json(name, strlen(name)), "line", tl_fn_line(fn), "column",
                          tl_fn_column(fn), "expression", tl_fn_is_expr(fn));
    free(name);
    return j;
}

/* Appends; 0 when the budget is used up. */
static int append(json_t *list, const tl_frozen *v, tl_frozen_budget *b)
{
    json_t *j = tl_frozen_to_json(v, b);
    return j && !json_array_append_new(list, j);
}

static json_t *table_json(const tl_frozen *v, const tl_frozen_view *t, tl_frozen_budget *b)
{
    json_t *array = json_array(), *keys = json_array();
    int good = 1;
    for (int k = 0; k < t->n_array && good; k++)
        good = append(array, tl_frozen_value_at(v, k), b);
    for (int k = t->n_array; k < t->n && good; k++) {
        json_t *pair = json_array();
        json_array_append_new(keys, pair);
        good = append(pair, tl_frozen_key_at(v, k), b) && append(pair, tl_frozen_value_at(v, k), b);
    }
    json_t *j = good ? json_pack("{s:O}", "array", array) : NULL;
    if (good && t->n > t->n_array)
        json_object_set(j, "keys", keys);
    json_decref(array);
    json_decref(keys);
    return j;
}

static json_t *function_json(const tl_frozen *v, const tl_frozen_view *f, tl_frozen_budget *b)
{
    json_t *j = tl_fn_to_json(f->fn, b), *list = json_array();
    int good = j != NULL;
    for (int k = 0; k < f->n && good; k++)
        good = append(list, tl_frozen_value_at(v, k), b);
    if (good) {
        json_object_set_new(j, "free", list);
        return j;
    }
    json_decref(j);
    json_decref(list);
    return NULL;
}

json_t *tl_frozen_to_json(const tl_frozen *v, tl_frozen_budget *b)
{
    if (--b->values < 0)
        return NULL;
    if (!v)
        return json_null();
    tl_frozen_view f = tl_frozen_look(v);
    switch (f.kind) {
    case TL_FROZEN_BOOL:
        return json_boolean(f.x.i != 0);
    case TL_FROZEN_INT:
        return json_integer(f.x.i);
    case TL_FROZEN_FLOAT:
        return float_json(f.x.f);
    case TL_FROZEN_STRING:
        return bytes_json(f.s, f.len);
    case TL_FROZEN_TABLE:
        return table_json(v, &f, b);
    case TL_FROZEN_FUNCTION:
        return function_json(v, &f, b);
    case TL_FROZEN_BUILTIN:
        return json_pack("{s:s}", "builtin", f.s);
    case TL_FROZEN_REFUSED:
        return json_pack("{s:o}", "refused", bytes_json(f.s, f.len));
    default:
        return json_null();
    }
}

/* --- reading
 * ------------------------------------------------------------------------------------------ */

static int broken(tl_err *e, const char *what)
{
    return tl_fail(e, TL_EDATA, "the plan is damaged: %s", what);
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A copy to free(); NULL when j is no such text. */
static char *read_bytes(const json_t *j, size_t *n)
{
    const json_t *hex = json_object_get(j, "bytes");
    const char *s = json_string_value(hex ? hex : j);
    size_t len = json_string_length(hex ? hex : j);
    if (!s || (hex && len % 2))
        return NULL;
    *n = hex ? len / 2 : len;
    char *out = tl_xmalloc(*n + 1);
    out[*n] = 0;
    if (!hex)
        return memcpy(out, s, len);
    for (size_t i = 0; i < *n; i++) {
        int high = nibble(s[2 * i]), low = nibble(s[2 * i + 1]);
        if (high < 0 || low < 0) {
            free(out);
            return NULL;
        }
        out[i] = (char)(high << 4 | low);
    }
    return out;
}

/* A line or column: far enough from INT_MAX for sums with lengths of texts. */
static int read_place(const json_t *j, const char *key, int *out)
{
    const json_t *v = json_object_get(j, key);
    json_int_t x = json_integer_value(v);
    *out = (int)x;
    return json_is_integer(v) && x >= 1 && x <= 1 << 30 ? 0 : -1;
}

static int parse(const json_t *j, int unread, const char *text, size_t n, const char *chunk,
                 tl_fn **out, tl_err *e)
{
    int line, column;
    if (read_place(j, "line", &line) || read_place(j, "column", &column))
        return broken(e, "the line of a function");
    if (unread) {
        size_t params = json_array_size(json_object_get(j, "params"));
        size_t frees = json_array_size(json_object_get(j, "free"));
        if (n > TL_FN_MOST_TEXT || params > TL_FN_MOST_LOCALS || frees > TL_FN_MOST_TEXT)
            return broken(e, "the size of a function");
        *out =
            tl_fn_unread(text, n, chunk, line, column,
                         json_is_true(json_object_get(j, "expression")), (int)params, (int)frees);
        return 0;
    }
    return json_is_true(json_object_get(j, "expression"))
               ? tl_expr_parse(text, n, chunk, line, out, NULL, e)
               : tl_fn_parse(text, n, chunk, line, column, out, NULL, e);
}

int tl_fn_from_json(const json_t *j, tl_frozen_budget *b, tl_fn **out, tl_err *e)
{
    size_t n = 0, chunk_len = 0;
    if (--b->functions < 0)
        return broken(e, "too many functions");
    char *text = read_bytes(json_object_get(j, "text"), &n);
    char *chunk = read_bytes(json_object_get(j, "chunk"), &chunk_len);
    int rc = text && chunk && strlen(chunk) == chunk_len
                 ? parse(j, b->unread, text, n, chunk, out, e)
                 : broken(e, "the text of a function");
    free(text);
    free(chunk);
    return rc;
}

static int read_value(const json_t *j, int level, tl_frozen_budget *b, tl_frozen **out, tl_err *e);

static int set_pair(tl_frozen *t, tl_frozen *key, const json_t *value, int level,
                    tl_frozen_budget *b, tl_err *e)
{
    tl_frozen *v = NULL;
    int rc = read_value(value, level + 1, b, &v, e);
    if (!rc)
        rc = tl_frozen_set(t, key, v, e);
    tl_frozen_unref(v);
    return rc;
}

static int read_pair(tl_frozen *t, const json_t *pair, int level, tl_frozen_budget *b, tl_err *e)
{
    tl_frozen *key = NULL;
    if (json_array_size(pair) != 2)
        return broken(e, "the keys of a table");
    int rc = read_value(json_array_get(pair, 0), level + 1, b, &key, e);
    if (!rc)
        rc = set_pair(t, key, json_array_get(pair, 1), level, b, e);
    tl_frozen_unref(key);
    return rc;
}

static int read_table(const json_t *j, int level, tl_frozen_budget *b, tl_frozen **out, tl_err *e)
{
    const json_t *array = json_object_get(j, "array"), *keys = json_object_get(j, "keys"), *v;
    tl_frozen *t = tl_frozen_table();
    size_t i;
    int rc = json_is_array(array) && (!keys || json_is_array(keys)) ? 0 : broken(e, "a table");
    for (i = 0; i < json_array_size(array) && !rc; i++) {
        tl_frozen *key = tl_frozen_int((int64_t)i + 1);
        v = json_array_get(array, i);
        rc = json_is_null(v) ? broken(e, "a table") : set_pair(t, key, v, level, b, e);
        tl_frozen_unref(key);
    }
    for (i = 0; i < json_array_size(keys) && !rc; i++)
        rc = read_pair(t, json_array_get(keys, i), level, b, e);
    if (rc)
        tl_frozen_unref(t);
    else
        *out = t;
    return rc;
}

static int read_function(const json_t *j, int level, tl_frozen_budget *b, tl_frozen **out,
                         tl_err *e)
{
    const json_t *list = json_object_get(j, "free");
    tl_fn *fn = NULL;
    int rc = tl_fn_from_json(j, b, &fn, e), n = 0;
    if (rc)
        return rc;
    tl_frozen **frees = tl_xcalloc((size_t)tl_fn_n_free(fn) + 1, sizeof *frees);
    if (!json_is_array(list) || json_array_size(list) != (size_t)tl_fn_n_free(fn))
        rc = broken(e, "the free names of a function");
    for (; n < tl_fn_n_free(fn) && !rc; n++)
        rc = read_value(json_array_get(list, (size_t)n), level + 1, b, &frees[n], e);
    if (!rc)
        *out = tl_frozen_fn(fn, frees);
    while (n > 0)
        tl_frozen_unref(frees[--n]);
    free(frees);
    tl_fn_unref(fn);
    return rc;
}

static int read_builtin(const json_t *j, tl_frozen **out, tl_err *e)
{
    const char *name = json_string_value(j);
    tl_frozen *v = name ? tl_frozen_builtin(name) : NULL;
    if (name && !v)
        v = tl_frozen_standard(name);
    if (v && tl_frozen_look(v).kind == TL_FROZEN_BUILTIN) {
        *out = v;
        return 0;
    }
    tl_frozen_unref(v);
    return broken(e, "a function of a name that this program does not have");
}

static int read_float(const json_t *j, tl_frozen **out, tl_err *e)
{
    static const char *const name[] = {"nan", "-nan", "inf", "-inf"};
    const double value[] = {copysign(NAN, 1), copysign(NAN, -1), INFINITY, -INFINITY};
    const char *s = json_string_value(j);
    for (int k = 0; s && k < 4; k++)
        if (strcmp(s, name[k]) == 0) {
            *out = tl_frozen_float(value[k]);
            return 0;
        }
    return broken(e, "a float");
}

static int read_text(const json_t *j, int refused, tl_frozen **out, tl_err *e)
{
    size_t n;
    char *s = read_bytes(j, &n);
    if (!s)
        return broken(e, "a string");
    *out = refused ? tl_frozen_refused(s) : tl_frozen_string(s, n);
    free(s);
    return 0;
}

static int read_object(const json_t *j, int level, tl_frozen_budget *b, tl_frozen **out, tl_err *e)
{
    if (json_object_get(j, "array"))
        return read_table(j, level, b, out, e);
    if (json_object_get(j, "text"))
        return read_function(j, level, b, out, e);
    if (json_object_get(j, "builtin"))
        return read_builtin(json_object_get(j, "builtin"), out, e);
    if (json_object_get(j, "refused"))
        return read_text(json_object_get(j, "refused"), 1, out, e);
    if (json_object_get(j, "float"))
        return read_float(json_object_get(j, "float"), out, e);
    return read_text(j, 0, out, e);
}

static int read_value(const json_t *j, int level, tl_frozen_budget *b, tl_frozen **out, tl_err *e)
{
    if (--b->values < 0)
        return broken(e, "too many values");
    if (level > MOST_LEVELS)
        return broken(e, "values nested too deeply");
    switch (j ? json_typeof(j) : JSON_ARRAY) {
    case JSON_NULL:
        *out = tl_frozen_nil();
        return 0;
    case JSON_TRUE:
    case JSON_FALSE:
        *out = tl_frozen_bool(json_is_true(j));
        return 0;
    case JSON_INTEGER:
        *out = tl_frozen_int(json_integer_value(j));
        return 0;
    case JSON_REAL:
        *out = tl_frozen_float(json_real_value(j));
        return 0;
    case JSON_STRING:
        return read_text(j, 0, out, e);
    case JSON_OBJECT:
        return read_object(j, level, b, out, e);
    default:
        return broken(e, "a value");
    }
}

int tl_frozen_from_json(const json_t *j, tl_frozen_budget *b, tl_frozen **out, tl_err *e)
{
    return read_value(j, 0, b, out, e);
}
