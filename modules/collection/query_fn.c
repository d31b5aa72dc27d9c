/* Functions that the SQL of queries calls. SPDX-License-Identifier: MIT */
#include "modules/collection/index_int.h"
#include "modules/collection/text.h"
#include "modules/collection/when.h"
#include "modules/raster/geometry.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

/* tl_date(t, 'y' | 'm' | 'd') */
static void date(sqlite3_context *c, int n, sqlite3_value **v)
{
    int y, m, d;
    (void)n;
    if (sqlite3_value_type(v[0]) == SQLITE_NULL)
        return;
    tl__when_split(sqlite3_value_double(v[0]), &y, &m, &d);
    char what = *(const char *)sqlite3_value_text(v[1]);
    sqlite3_result_int(c, what == 'y' ? y : what == 'm' ? m : d);
}

static int word_of(sqlite3_context *c, sqlite3_value *v, const char **text, size_t *len)
{
    tl_err e = TL_ERR_INIT;
    int rc = tl__word_text(sqlite3_user_data(c), sqlite3_value_int64(v), text, len, &e);
    if (rc)
        sqlite3_result_error(c, e.message, -1);
    return rc;
}

/* tl_word(wid) */
static void word(sqlite3_context *c, int n, sqlite3_value **v)
{
    const char *text;
    size_t len;
    (void)n;
    if (sqlite3_value_int64(v[0]) && !word_of(c, v[0], &text, &len))
        sqlite3_result_text64(c, text, len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static void result_string(sqlite3_context *c, const char *raw, size_t len)
{
    if (!memchr(raw, '\\', len)) {
        sqlite3_result_text64(c, raw + 1, len - 2, SQLITE_TRANSIENT, SQLITE_UTF8);
        return;
    }
    json_t *j = json_loadb(raw, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (j)
        sqlite3_result_text64(c, json_string_value(j), json_string_length(j), SQLITE_TRANSIENT,
                              SQLITE_UTF8);
    json_decref(j);
}

/* tl_property(shape, values, name): booleans are blobs of one byte, so that they are no numbers. */
static void property(sqlite3_context *c, int n, sqlite3_value **v)
{
    const char *shape, *values = sqlite3_value_blob(v[1]),
                       *name = (const char *)sqlite3_value_text(v[2]);
    size_t nshape, len, nvalues = (size_t)sqlite3_value_bytes(v[1]),
                        nname = (size_t)sqlite3_value_bytes(v[2]);
    (void)n;
    if (word_of(c, v[0], &shape, &nshape))
        return;
    const char *raw = tl__packed_property(shape, nshape, values, nvalues, name, nname, &len);
    if (!raw)
        return;
    if (*raw == '"') {
        result_string(c, raw, len);
    } else if (*raw == 't' || *raw == 'f') {
        sqlite3_result_blob(c, *raw == 't' ? "\1" : "\0", 1, SQLITE_STATIC);
    } else if (*raw == '-' || (*raw >= '0' && *raw <= '9')) {
        char number[64];
        size_t k = len < sizeof number ? len : sizeof number - 1;
        memcpy(number, raw, k);
        number[k] = '\0';
        if (k < 18 && !strpbrk(number, ".eE"))
            sqlite3_result_int64(c, strtoll(number, NULL, 10));
        else
            sqlite3_result_double(c, strtod(number, NULL));
    }
}

/* -1, 0, 1; 2 = differ and have no order. */
static int compare(sqlite3_value *x, const json_t *y)
{
    switch (sqlite3_value_type(x)) {
    case SQLITE_INTEGER:
        if (json_is_integer(y)) {
            json_int_t a = sqlite3_value_int64(x), b = json_integer_value(y);
            return (a > b) - (a < b);
        } /* fall through */
    case SQLITE_FLOAT:
        if (json_is_number(y)) {
            double a = sqlite3_value_double(x), b = json_number_value(y);
            return (a > b) - (a < b);
        }
        return 2;
    case SQLITE_TEXT:
        if (json_is_string(y)) {
            int k = strcmp((const char *)sqlite3_value_text(x), json_string_value(y));
            return (k > 0) - (k < 0);
        }
        return 2;
    default:
        return json_is_boolean(y) && *(const char *)sqlite3_value_blob(x) == json_is_true(y) ? 0
                                                                                             : 2;
    }
}

/* tl_is(x, op, value) */
static void is(sqlite3_context *c, int n, sqlite3_value **v)
{
    (void)n;
    const char *op = (const char *)sqlite3_value_text(v[1]);
    const json_t *value = sqlite3_value_pointer(v[2], TL__JSON_POINTER);
    if (sqlite3_value_type(v[0]) == SQLITE_NULL || !value)
        return;
    int yes = 0, k = *op == 'i' ? 2 : compare(v[0], value);
    if (json_is_boolean(value) && (*op == '<' || *op == '>'))
        k = 2;
    switch (*op) {
    case '<':
        yes = k == -1 || (op[1] && k == 0);
        break;
    case '>':
        yes = k == 1 || (op[1] && k == 0);
        break;
    case '=':
        yes = k == 0;
        break;
    case '~':
        yes = k != 0;
        break;
    default:
        for (size_t i = 0; i < json_array_size(value) && !yes; i++)
            yes = compare(v[0], json_array_get(value, i)) == 0;
    }
    sqlite3_result_int(c, yes);
}

/* The box as a ring, east of its western edge. */
static void box_ring(sqlite3_value **box, float ring[10])
{
    double w = sqlite3_value_double(box[0]), s = sqlite3_value_double(box[1]),
           e = sqlite3_value_double(box[2]), n = sqlite3_value_double(box[3]);
    if (e < w)
        e += 360;
    const double x[10] = {w, s, e, s, e, n, w, n, w, s};
    for (int i = 0; i < 10; i++)
        ring[i] = (float)x[i];
}

/* tl_touches(geometry, ring, w, s, e, n) */
static void touches(sqlite3_context *c, int n, sqlite3_value **v)
{
    const tl_geometry *g = sqlite3_value_pointer(v[0], TL__GEOMETRY_POINTER);
    tl_err e = TL_ERR_INIT;
    float box[10];
    const float *ring = sqlite3_value_blob(v[1]);
    size_t points = (size_t)sqlite3_value_bytes(v[1]) / (2 * sizeof *ring);
    int yes = 0;
    (void)n;
    if (!g || sqlite3_value_type(v[2]) == SQLITE_NULL)
        return;
    if (points < 3) {
        box_ring(v + 2, box);
        ring = box;
        points = 5;
    }
    if (tl_geometry_touches_ring(g, ring, points, &yes, &e))
        sqlite3_result_error(c, e.message, -1);
    else
        sqlite3_result_int(c, yes);
}

/* --- the first of a group --------------------------------------------------------------------- */

typedef struct {
    sqlite3_value **key; /* of the first one so far; NULL before there is one */
    int64_t rid;
} first_one;

static int kind_of(sqlite3_value *v)
{
    switch (sqlite3_value_type(v)) {
    case SQLITE_INTEGER:
    case SQLITE_FLOAT:
        return 0;
    case SQLITE_TEXT:
        return 1;
    case SQLITE_BLOB:
        return 2;
    default:
        return 3; /* unknown: last, either way */
    }
}

/* As ORDER BY way NULLS LAST does. */
static int before(sqlite3_value *a, sqlite3_value *b, char way)
{
    int ka = kind_of(a), kb = kind_of(b), k = (ka > kb) - (ka < kb);
    if (ka == 3 || kb == 3)
        return k;
    if (!k && ka == 0) {
        double x = sqlite3_value_double(a), y = sqlite3_value_double(b);
        k = (x > y) - (x < y);
    } else if (!k) {
        int n = sqlite3_value_bytes(a), m = sqlite3_value_bytes(b);
        k = memcmp(sqlite3_value_blob(a), sqlite3_value_blob(b), (size_t)(n < m ? n : m));
        k = k ? k : n - m;
    }
    return way == 'd' ? -k : k;
}

static void free_keys(first_one *f, int n)
{
    for (int i = 0; f->key && i < n; i++)
        sqlite3_value_free(f->key[i]);
    free(f->key);
    f->key = NULL;
}

/* tl_first(ways, rid, key, ...): the rid whose keys come first. */
static void first_step(sqlite3_context *c, int n, sqlite3_value **v)
{
    first_one *f = sqlite3_aggregate_context(c, sizeof *f);
    const char *way = (const char *)sqlite3_value_text(v[0]);
    int k = 0;
    if (!f)
        return;
    for (int i = 2; f->key && i < n && !k; i++)
        k = before(v[i], f->key[i - 2], way[i - 2]);
    if (f->key && k >= 0)
        return;
    free_keys(f, n - 2);
    f->key = calloc((size_t)n, sizeof(sqlite3_value *));
    for (int i = 2; f->key && i < n; i++)
        f->key[i - 2] = sqlite3_value_dup(v[i]);
    f->rid = sqlite3_value_int64(v[1]);
    if (!f->key)
        sqlite3_result_error_nomem(c);
}

static void first_last(sqlite3_context *c)
{
    first_one *f = sqlite3_aggregate_context(c, 0);
    if (!f || !f->key)
        return;
    /* A NULL ends the list, as the array has room for two more. */
    int n = 0;
    while (f->key[n])
        n++;
    free_keys(f, n);
    sqlite3_result_int64(c, f->rid);
}

/* --- names ------------------------------------------------------------------------------------ */

enum { MOST_NAMES = 10 };
typedef struct {
    int64_t wid[MOST_NAMES + 1];
    int n;
} name_set;

/* tl_names(wid): the different names, some ten of them, in the order of the alphabet. */
static void names_step(sqlite3_context *c, int n, sqlite3_value **v)
{
    name_set *set = sqlite3_aggregate_context(c, sizeof *set);
    int64_t wid = sqlite3_value_int64(v[0]);
    (void)n;
    if (!set || !wid || set->n > MOST_NAMES)
        return;
    for (int i = set->n - 1; i >= 0; i--)
        if (set->wid[i] == wid)
            return;
    set->wid[set->n++] = wid;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_last(sqlite3_context *c)
{
    name_set *set = sqlite3_aggregate_context(c, 0);
    char *name[MOST_NAMES] = {NULL};
    tl_buf all = TL_BUF_INIT;
    tl_err e = TL_ERR_INIT;
    int n = 0, rc = 0;
    for (; set && n < set->n && n < MOST_NAMES && !rc; n++) {
        const char *text = "";
        size_t len;
        rc = tl__word_text(sqlite3_user_data(c), set->wid[n], &text, &len, &e);
        name[n] = tl_xstrdup(text);
    }
    qsort(name, (size_t)n, sizeof *name, by_name);
    for (int i = 0; i < n; i++) {
        tl_buf_printf(&all, "%s%s", i ? ", " : "", name[i]);
        free(name[i]);
    }
    if (set && set->n > MOST_NAMES)
        tl_buf_puts(&all, ", ...");
    if (rc)
        sqlite3_result_error(c, e.message, -1);
    else
        sqlite3_result_text64(c, tl_buf_text(&all), all.len, SQLITE_TRANSIENT, SQLITE_UTF8);
    tl_buf_free(&all);
}

int tl__index_functions(tl_index *ix, tl_err *e)
{
    static const struct {
        const char *name;
        int args;
        void (*fn)(sqlite3_context *, int, sqlite3_value **);
    } fns[] = {{"tl_date", 2, date},
               {"tl_word", 1, word},
               {"tl_property", 3, property},
               {"tl_is", 3, is},
               {"tl_touches", 6, touches}};
    int rc = tl__index_curve(ix);
    for (size_t i = 0; i < sizeof fns / sizeof *fns && !rc; i++)
        rc = sqlite3_create_function_v2(ix->db, fns[i].name, fns[i].args,
                                        SQLITE_UTF8 | SQLITE_DETERMINISTIC, ix, fns[i].fn, NULL,
                                        NULL, NULL);
    if (!rc)
        rc = sqlite3_create_function_v2(ix->db, "tl_first", -1, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                        ix, NULL, first_step, first_last, NULL);
    if (!rc)
        rc = sqlite3_create_function_v2(ix->db, "tl_names", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                        ix, NULL, names_step, names_last, NULL);
    return rc ? tl__index_fail(ix, "opening", e) : 0;
}
