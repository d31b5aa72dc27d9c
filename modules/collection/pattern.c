/* Patterns: see pattern.h. SPDX-License-Identifier: MIT */
#include "modules/collection/pattern.h"
#include "modules/collection/when.h"
#include "runtime/buf.h"
#include "runtime/mem.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TOKENS 64
#define MOST_TEXT   1023

typedef enum kind {
    LITERAL,
    ANY,     /* * */
    ONE,     /* ? */
    NOTHING, /* {*} */
    TEXT,
    DIGITS, /* of least..most */
    REAL,
    DATE,  /* one of the usual forms */
    STAMP, /* by a format */
} kind;

typedef struct token {
    kind kind;
    char *name; /* of the field, or the literal, "" */
    char *format;
    int least, most;
} token;

struct tl__pattern {
    token tok[MOST_TOKENS];
    int n, slashes;
};

void tl__pattern_free(tl__pattern *p)
{
    for (int i = 0; p && i < p->n; i++) {
        free(p->tok[i].name);
        free(p->tok[i].format);
    }
    free(p);
}

/* --- reading a pattern ----------------------------------------------------------------------- */

static int add(tl__pattern *p, token t, tl_err *e)
{
    if (p->n == MOST_TOKENS) {
        free(t.name);
        free(t.format);
        return tl_fail(e, TL_EUSAGE, "pattern: more than %d parts", MOST_TOKENS);
    }
    p->tok[p->n++] = t;
    return 0;
}

static int is_date_field(const char *name)
{
    return strcmp(name, "date") == 0 || strcmp(name, "datetime") == 0;
}

static token field_token(const char *name, const char *format)
{
    token t = {TEXT, tl_xstrdup(name), NULL, 1, MOST_TEXT};
    if (strcmp(name, "*") == 0)
        t.kind = NOTHING;
    else if (is_date_field(name))
        t.kind = format[0] ? STAMP : DATE;
    else if (strcmp(name, "year") == 0)
        t.kind = DIGITS, t.least = t.most = 4;
    else if (strcmp(name, "month") == 0 || strcmp(name, "day") == 0)
        t.kind = DIGITS, t.most = 2;
    else if (strcmp(name, "doy") == 0)
        t.kind = DIGITS, t.most = 3;
    else if (strcmp(format, "d") == 0)
        t.kind = DIGITS, t.most = 18;
    else if (strcmp(format, "f") == 0)
        t.kind = REAL;
    if (t.kind == STAMP)
        t.format = tl_xstrdup(format);
    return t;
}

static int is_good_format(const char *f)
{
    for (; *f; f++)
        if (*f == '%' && (!f[1] || !strchr("YmdjHMSy%", *++f)))
            return 0;
    return 1;
}

/* {name:format}; *s is behind the brace. */
static int read_field(tl__pattern *p, const char **s, tl_err *e)
{
    const char *end = strchr(*s, '}');
    if (!end)
        return tl_fail(e, TL_EUSAGE, "pattern: '{%s' has no '}'", *s);
    char *name = tl_xasprintf("%.*s", (int)(end - *s), *s), *format = strchr(name, ':');
    if (format)
        *format++ = '\0';
    else
        format = name + strlen(name);
    int code = 0, star = strcmp(name, "*") == 0, date = is_date_field(name);
    for (const char *c = name; *c && !star; c++)
        if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
            star = -1;
    for (int i = 0; i < p->n && star == 0; i++)
        if (p->tok[i].kind > NOTHING && strcmp(p->tok[i].name, name) == 0)
            code = tl_fail(e, TL_EUSAGE, "pattern: {%s} is there twice", name);
    if (!name[0] || star < 0)
        code = tl_fail(e, TL_EUSAGE,
                       "pattern: '{%s}' is no field; a name of letters and digits is, as {band}",
                       name);
    else if (!code && format[0] &&
             !(date ? is_good_format(format)
                    : strcmp(format, "d") == 0 || strcmp(format, "f") == 0))
        code = tl_fail(e, TL_EUSAGE,
                       "pattern: {%s:%s}: dates have a format of %%Y %%m %%d %%j %%H %%M %%S, "
                       "other fields may have d or f",
                       name, format);
    if (!code)
        code = add(p, field_token(name, format), e);
    free(name);
    *s = end + 1;
    return code;
}

int tl__pattern_new(const char *text, tl__pattern **out, tl_err *e)
{
    tl__pattern *p = tl_xcalloc(1, sizeof *p);
    const char *s = text;
    int code = text[0] ? 0 : tl_fail(e, TL_EUSAGE, "pattern: it is empty");
    while (!code && *s) {
        size_t n = strcspn(s, "{*?");
        if (n) {
            code = add(p, (token){LITERAL, tl_xasprintf("%.*s", (int)n, s), NULL, 0, 0}, e);
            for (size_t i = 0; i < n; i++)
                p->slashes += s[i] == '/';
            s += n;
        } else if (*s == '{') {
            s++;
            code = read_field(p, &s, e);
        } else {
            code = add(p, (token){*s++ == '*' ? ANY : ONE, tl_xstrdup(""), NULL, 0, 0}, e);
        }
    }
    if (code) {
        tl__pattern_free(p);
        return code;
    }
    *out = p;
    return 0;
}

/* --- matching -------------------------------------------------------------------------------- */

/* Tried and failed: [token][place]. There are no back references, so a failure is one for good, and
 * the time is tokens * characters squared at most. */
typedef struct matching {
    const tl__pattern *p;
    const char *text;
    int at[MOST_TOKENS + 1];
    double t[MOST_TOKENS];
    unsigned char failed[MOST_TOKENS + 1][MOST_TEXT + 1];
} matching;

static int two(const char **s, int n)
{
    int v = 0;
    for (int i = 0; i < n; i++, (*s)++) {
        if (!isdigit((unsigned char)**s))
            return -1;
        v = v * 10 + **s - '0';
    }
    return v;
}

/* By a format; the characters read, 0 when it does not fit. */
static int stamp_at(const char *s, const char *f, double *t)
{
    const char *from = s;
    int y = 1970, m = 1, d = 1, j = 0, h = 0, min = 0, sec = 0;
    for (; *f; f++) {
        if (*f != '%' || f[1] == '%') {
            f += *f == '%';
            if (*s++ != *f)
                return 0;
            continue;
        }
        int c = *++f, v = two(&s, c == 'Y' ? 4 : c == 'j' ? 3 : 2);
        if (v < 0)
            return 0;
        if (c == 'Y')
            y = v;
        else if (c == 'y')
            y = v + (v < 70 ? 2000 : 1900);
        else
            *(c == 'm'   ? &m
              : c == 'd' ? &d
              : c == 'j' ? &j
              : c == 'H' ? &h
              : c == 'M' ? &min
                         : &sec) = v;
    }
    if (j ? !tl__when_doy(y, j, t) : !tl__when(y, m, d, 0, 0, 0, t))
        return 0;
    double day = 0;
    if (!tl__when(1970, 1, 1, h, min, sec, &day))
        return 0;
    *t += day;
    return (int)(s - from);
}

/* The lengths that a token may have at s, from *least to the result; -1: none. */
static int reach(const token *k, const char *s, int *least, double *t)
{
    int at = 0, n = 0;
    *least = 0;
    switch (k->kind) {
    case LITERAL:
        n = (int)strlen(k->name);
        *least = n;
        return strncmp(s, k->name, (size_t)n) == 0 ? n : -1;
    case ONE:
        *least = 1;
        return *s && *s != '/' ? 1 : -1;
    case DATE:
        if (tl__when_in_name(s, t, &at, &n) && at == 0)
            return *least = n;
        return -1;
    case STAMP:
        n = stamp_at(s, k->format, t);
        return n ? (*least = n) : -1;
    case DIGITS:
        *least = k->least;
        n = (int)strspn(s, "0123456789");
        n = n > k->most ? k->most : n;
        return n < k->least ? -1 : n;
    case REAL:
        *least = 1;
        n = (int)strspn(s, "+-.0123456789");
        return n ? n : -1;
    case TEXT:
        *least = 1;
        n = (int)strcspn(s, "/");
        return n ? n : -1;
    case ANY:
    case NOTHING:
        break;
    }
    return (int)strcspn(s, "/");
}

/* Numbers take all digits first, texts as little as they can. */
static int match_from(matching *m, int i, int at)
{
    double t = NAN;
    int least = 0;
    if (i == m->p->n)
        return m->text[at] == '\0';
    if (m->failed[i][at])
        return 0;
    const token *k = &m->p->tok[i];
    int most = reach(k, m->text + at, &least, &t), down = k->kind == DIGITS || k->kind == REAL;
    m->at[i] = at;
    for (int step = 0; step <= most - least; step++) {
        int n = down ? most - step : least + step;
        m->t[i] = t;
        m->at[i + 1] = at + n;
        if (match_from(m, i + 1, at + n)) {
            m->at[i + 1] = at + n;
            m->t[i] = t;
            return 1;
        }
    }
    m->failed[i][at] = 1;
    return 0;
}

/* --- what was matched ------------------------------------------------------------------------ */

static char *piece(const matching *m, int i)
{
    return tl_xasprintf("%.*s", m->at[i + 1] - m->at[i], m->text + m->at[i]);
}

typedef struct day {
    int year, month, day, doy;
} day;

static int is_name(const token *k, const char *name)
{
    return k->kind > NOTHING && strcmp(k->name, name) == 0;
}

static void take_field(const matching *m, int i, tl__match *out, day *d, tl_buf *id)
{
    const token *k = &m->p->tok[i];
    char *text = piece(m, i);
    int *number = is_name(k, "year")    ? &d->year
                  : is_name(k, "month") ? &d->month
                  : is_name(k, "day")   ? &d->day
                  : is_name(k, "doy")   ? &d->doy
                                        : NULL;
    char **to = is_name(k, "band") ? &out->band : is_name(k, "tile") ? &out->tile : NULL;
    if (k->kind != NOTHING && !is_name(k, "band"))
        tl_buf_puts(id, text);
    if (is_name(k, "id"))
        to = &out->id;
    if (number) {
        *number = atoi(text);
    } else if (to) {
        free(*to);
        *to = text;
        return;
    } else if (k->kind == DATE || k->kind == STAMP) {
        out->t = m->t[i];
    } else if (k->kind == DIGITS) {
        json_object_set_new(out->more, k->name, json_integer(atoll(text)));
    } else if (k->kind == REAL) {
        json_object_set_new(out->more, k->name, json_real(strtod(text, NULL)));
    } else if (k->kind == TEXT) {
        json_object_set_new(out->more, k->name, json_string(text));
    }
    free(text);
}

/* Without its extension, and without separators that stand at an end or after another. */
static char *tidy(char *id)
{
    char *dot = strrchr(id, '.'), *to = id;
    if (dot && !strchr(dot, '/') && dot > id)
        *dot = '\0';
    for (const char *s = id; *s; s++)
        if (!strchr("_-. /", *s) || (to > id && !strchr("_-. /", to[-1])))
            *to++ = *s;
    while (to > id && strchr("_-. /", to[-1]))
        to--;
    *to = '\0';
    return id;
}

static int take(const matching *m, tl__match *out)
{
    day d = {0, 0, 0, 0};
    tl_buf id = TL_BUF_INIT;
    *out = (tl__match){NULL, tl_xstrdup(""), tl_xstrdup(""), NAN, json_object()};
    for (int i = 0; i < m->p->n; i++)
        take_field(m, i, out, &d, &id);
    if (!out->id)
        out->id = tidy(tl_xstrdup(tl_buf_text(&id)));
    tl_buf_free(&id);
    int ok = 1;
    if (d.year && isnan(out->t))
        ok = d.doy ? tl__when_doy(d.year, d.doy, &out->t)
                   : tl__when(d.year, d.month ? d.month : 1, d.day ? d.day : 1, 0, 0, 0, &out->t);
    if (!ok)
        tl__match_free(out);
    return ok;
}

int tl__pattern_match(const tl__pattern *p, const char *path, tl__match *out)
{
    const char *from = path + strlen(path);
    for (int left = p->slashes; from > path; from--)
        if (from[-1] == '/' && left-- == 0)
            break;
    if (strlen(from) > MOST_TEXT)
        return 0;
    matching *m = tl_xcalloc(1, sizeof *m);
    m->p = p;
    m->text = from;
    int ok = match_from(m, 0, 0) && take(m, out);
    free(m);
    return ok;
}

void tl__match_free(tl__match *m)
{
    free(m->id);
    free(m->band);
    free(m->tile);
    json_decref(m->more);
    *m = (tl__match){0};
}
